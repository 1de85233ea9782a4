"""The search of the built pages finds the right page first.

It is asked under Node.js, by the scripts that the search page itself loads. `nox -s docs` names the
folder that it has built by `DOCS_FOLDER`; without it the pages are built here, where Sphinx is
installed.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.named_tests import ROOT

FIRST = {
    "authentication": "guides/authentication",
    "API key": "guides/authentication",
    "retry": "guides/errors",
    "rate limit": "guides/errors",
    "timeout": "guides/timeouts",
    "cancel": "guides/timeouts",
    "disconnect": "guides/web-frameworks",
    "fastapi": "guides/web-frameworks",
    "download": "guides/images-and-files",
    "save image": "guides/images-and-files",
    "proxy": "guides/proxies",
    "jupyter": "guides/notebooks",
    "mock": "guides/testing",
    "install": "getting-started/installation",
    "text": "guides/text",
    "audio": "guides/audio",
    "workflow": "guides/workflows",
    "upload": "guides/images-and-files",
    "cli": "guides/command-line",
    "batch": "guides/batch",
    "opentelemetry": "guides/logging",
    "thread safe": "guides/clients",
    "environment variable": "reference/settings",
    "401": "reference/errors",
    "429": "guides/errors",
    "queue": "index",
    "progress bar": "recipes",
    "key rotation": "guides/authentication",
}
"""What people type, and the page that they look for."""

SECONDS = 300


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Find or build the pages."""
    if not shutil.which("node"):
        pytest.skip("Node.js is not installed, and the search of the pages runs on it")
    if built := os.environ.get("DOCS_FOLDER"):
        return Path(built)
    pytest.importorskip("sphinx", reason="Sphinx is not installed: nox -s docs does it")
    pytest.importorskip("furo", reason="Furo is not installed: nox -s docs does it")
    folder = tmp_path_factory.mktemp("pages")
    command = [sys.executable, "-m", "sphinx", "--quiet", "-d", str(folder / "trees")]
    done = subprocess.run(
        [*command, str(ROOT / "docs"), str(folder / "html")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=SECONDS,
    )
    assert done.returncode == 0, done.stderr
    return folder / "html"


@pytest.fixture(scope="module")
def results(folder: Path) -> dict[str, list[list[str]]]:
    """Ask for all words at once."""
    done = subprocess.run(
        ["node", str(ROOT / "tests" / "docs" / "search.mjs"), str(folder)],
        input=json.dumps([*FIRST, "no such word anywhere"]),
        capture_output=True,
        text=True,
        timeout=SECONDS,
    )
    assert done.returncode == 0, done.stderr
    return dict(zip([*FIRST, ""], json.loads(done.stdout), strict=True))


@pytest.mark.timeout(SECONDS)
@pytest.mark.parametrize("word", FIRST)
def test_the_right_page_comes_first(word: str, results: dict[str, list[list[str]]]) -> None:
    found = [page for page, _, _ in results[word]]
    assert found[:1] == [FIRST[word]], found[:5]


def test_a_word_that_is_nowhere_finds_nothing(results: dict[str, list[list[str]]]) -> None:
    assert results[""] == []
