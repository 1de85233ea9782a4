"""Every Python example of the README and the docs runs, against a local fal server."""

from __future__ import annotations

import ast
import asyncio
import inspect
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from fal_stream._async.default import _default_async_client
from fal_stream._sync.default import _default_client
from fal_stream.testing import LocalFal, image_frames, tokens, workflow

ROOT = Path(__file__).parents[2]
EXAMPLE = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("**/*.md"))]
EXAMPLES = [
    pytest.param(code, id=f"{page.name}-{number}")
    for page in PAGES
    for number, code in enumerate(EXAMPLE.findall(page.read_text(encoding="utf-8")), start=1)
]


@pytest.fixture
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalFal]:
    """What an example finds: fal, as far as it can tell, a key, and a picture."""
    # Tokens in examples are made up, so nothing is checked.
    with LocalFal(key=None) as fal:
        yield from _settle(fal, tmp_path, monkeypatch)


def _settle(fal: LocalFal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalFal]:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "fox.png").write_bytes(b"a picture")
    fal.add("fal-ai/any-llm", tokens("You see the first word early.", pause=0))
    fal.add("fal-ai/flux/dev", image_frames(3, pause=0))
    fal.add("workflows/acme/sticker", workflow(pause=0))
    monkeypatch.setenv("FAL_RUN_HOST", fal.url)
    monkeypatch.setenv("FAL_REST_HOST", fal.url)
    monkeypatch.setenv("FAL_KEY", "local-id:local-secret")
    # The module's own clients read the environment when they are made.
    for maker in (_default_client, _default_async_client):
        maker.cache_clear()
    yield fal
    _default_client().close()
    for maker in (_default_client, _default_async_client):
        maker.cache_clear()


def run(code: str) -> None:
    """Run code as a notebook does, with `await` outside of functions."""
    flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
    compiled = compile(code, "example", "exec", flags=flags, dont_inherit=True)
    result = eval(compiled, {"__name__": "example"})
    if inspect.iscoroutine(result):
        asyncio.run(result)


@pytest.mark.parametrize("code", EXAMPLES)
def test_example_runs(code: str, environment: LocalFal, capsys: pytest.CaptureFixture[str]) -> None:
    if "from distributed import" in code:
        pytest.importorskip("distributed", reason="Dask is not installed: nox -s dask does it")
    run(code)
    assert bool(re.search(r"print\(|\.show\(", code)) == bool(capsys.readouterr().out)


def test_there_are_examples_for_each_kind_of_user() -> None:
    code = "\n".join(EXAMPLE.findall((ROOT / "README.md").read_text(encoding="utf-8")))
    for part in ("with StreamingClient()", "asyncio.run(", "stream = await stream_async("):
        assert part in code


def test_ci_runs_the_test_command_of_the_readme() -> None:
    commands = re.findall(
        r"```sh\n(.*?)\n```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL
    )
    assert len(commands) == 2
    ci = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert commands[1] in ci
