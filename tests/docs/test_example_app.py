"""The example app of the page on testing, and its tests, as they stand there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.docs.named_tests import ROOT
from tests.testing.programs import run_pytest

FILE = re.compile(r'^```\w+ title="([\w.]+)"\n(.*?)^```', re.MULTILINE | re.DOTALL)
PAGE = (ROOT / "docs" / "guides" / "testing.md").read_text(encoding="utf-8")


def test_its_tests_pass(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = dict(FILE.findall(PAGE))
    assert sorted(files) == ["captions.py", "fox.jsonl", "test_captions.py"]
    for name, text in files.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    count = files["test_captions.py"].count("def test_")
    # Without the server of the fixture nothing would answer there.
    monkeypatch.setenv("FAL_RUN_HOST", "http://127.0.0.1:9")
    code, printed = run_pytest(tmp_path, "-W", "error")
    assert code == 0, printed
    assert f"{count} passed" in printed
