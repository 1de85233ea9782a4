"""The pytest plugin: what its fixture does, and what loading it costs."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest

import fal_stream
from fal_stream import ConfigError
from fal_stream._sync import api as blocking
from fal_stream.testing.fixture import serve
from tests.testing.programs import ROOT, run_pytest

FINDS_IT = """
import asyncio
import os

import fal_stream
from fal_stream.testing import tokens


def check(fal, last):
    assert last["output"] == "Hi"
    (request,) = fal.requests_to("acme/llm")
    assert request.headers["authorization"] == f"Key {os.environ['FAL_KEY']}"


def test_a_client_of_the_environment(local_fal):
    local_fal.add("acme/llm", tokens("Hi"))
    with fal_stream.StreamingClient() as client:
        check(local_fal, client.stream("acme/llm").done())


def test_the_client_of_the_module(local_fal):
    local_fal.add("acme/llm", tokens("Hi"))
    check(local_fal, fal_stream.stream("acme/llm").done())


def test_the_client_of_the_module_again(local_fal):
    local_fal.add("acme/llm", tokens("Hi"))
    check(local_fal, fal_stream.stream("acme/llm").done())


def test_the_asynchronous_client_of_the_module(local_fal):
    async def last():
        return await fal_stream.stream_async("acme/llm").done()

    local_fal.add("acme/llm", tokens("Hi"))
    check(local_fal, asyncio.run(last()))
"""


def test_clients_find_the_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAL_KEY", "a-real-key:of-the-developer")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    (tmp_path / "test_app.py").write_text(FINDS_IT)
    code, printed = run_pytest(tmp_path, "-W", "error")
    assert code == 0, printed
    assert "4 passed" in printed


IS_PUT_BACK = """
import os

import pytest

from fal_stream._sync import api as blocking

BEFORE = blocking._default_client


@pytest.fixture
def looks_afterwards():
    yield
    assert "FAL_RUN_HOST" not in os.environ
    assert blocking._default_client is BEFORE


def test_one(local_fal):
    assert os.environ["FAL_RUN_HOST"] == local_fal.url
    assert blocking._default_client is not BEFORE


def test_two():
    assert "FAL_RUN_HOST" not in os.environ
    assert blocking._default_client is BEFORE
"""


def test_all_is_put_back(tmp_path: Path) -> None:
    (tmp_path / "test_app.py").write_text(IS_PUT_BACK)
    code, printed = run_pytest(tmp_path)
    assert code == 0, printed
    assert "2 passed" in printed


BREAKS = """
import fal_stream


def test_one(local_fal):
    def answer(request):
        raise LookupError("no answer in the script")

    local_fal.add("acme/llm", answer)
    try:
        fal_stream.stream("acme/llm").done()
    except fal_stream.FalStreamError:
        pass
"""


def test_an_error_of_a_script_is_an_error_of_the_test(tmp_path: Path) -> None:
    (tmp_path / "test_app.py").write_text(BREAKS)
    code, printed = run_pytest(tmp_path)
    assert code == 1
    assert re.search(r"1 passed, 1 error", printed)
    assert "LookupError: no answer in the script" in printed


LOOKS = """
import sys


def test_nothing_is_imported():
    assert "fal_stream._pytest_plugin" in sys.modules
    assert not {"fal_stream.testing", "httpx", "pydantic"} & sys.modules.keys()
"""


def test_nothing_is_imported_until_the_fixture_is_used(tmp_path: Path) -> None:
    (tmp_path / "test_app.py").write_text(LOOKS)
    code, printed = run_pytest(tmp_path)
    assert code == 0, printed


def test_it_is_listed_among_the_fixtures(tmp_path: Path) -> None:
    _, printed = run_pytest(tmp_path, "--fixtures")
    assert "A fal server on this machine, which is set in the environment" in printed


def test_another_program_finds_the_server(tmp_path: Path) -> None:
    (tmp_path / "test_app.py").write_text(ANOTHER_PROGRAM)
    code, printed = run_pytest(tmp_path)
    assert code == 0, printed


ANOTHER_PROGRAM = """
import os
import subprocess
import sys

PROGRAM = "import fal_stream; print(fal_stream.stream('acme/llm').done())"


def test_a_program(local_fal):
    local_fal.add("acme/llm", [{"output": "Hi"}])
    said = subprocess.check_output([sys.executable, "-c", PROGRAM], text=True)
    assert said.strip() == "{'output': 'Hi'}"
"""


def test_the_entry_point_names_the_plugin() -> None:
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert '[project.entry-points.pytest11]\nfal_stream = "fal_stream._pytest_plugin"\n' in project
    found = "from fal_stream._pytest_plugin import local_fal; print(local_fal.__doc__)"
    printed = subprocess.check_output([sys.executable, "-c", found], cwd=ROOT, text=True)
    assert "fal_stream" in printed


def test_the_fixture_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    before = blocking._default_client
    with monkeypatch.context() as patch, contextmanager(serve)(patch) as fal:
        fal.add("acme/llm", [1])
        assert os.environ["FAL_KEY"] == fal.key
        assert fal_stream.stream("acme/llm").done() == 1
        client = blocking._default_client()
    assert "FAL_KEY" not in os.environ
    assert blocking._default_client is before
    with pytest.raises(ConfigError, match="closed"):
        client.stream("acme/llm").done()
