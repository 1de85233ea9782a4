"""What the examples of the pages run in: a local fal server, files, programs; and how they run."""

from __future__ import annotations

import ast
import asyncio
import inspect
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from fal_stream._async.api import _default_async_client
from fal_stream._sync.api import _default_client
from fal_stream.testing import (
    LocalFal,
    chat_completion,
    image_frames,
    image_progress,
    speech,
    tokens,
    workflow,
)

__all__ = ["EXAMPLE", "TEXT", "run", "served"]

EXAMPLE = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
"""A Python example of a page."""

TEXT = "You see the first word early."
"""What the language model writes."""

_PLAYER = """\
#!{python}
import pathlib, sys
pathlib.Path("played").write_bytes(sys.stdin.buffer.read())
"""


@contextmanager
def served(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalFal]:
    """Be fal, as far as an example can tell, and give it a key, a picture and a player.

    Args:
        folder: An empty folder, where it runs.
        monkeypatch: Sets the environment.

    Yields:
        The server.
    """
    # Tokens in examples are made up, so nothing is checked.
    with LocalFal(key=None) as fal:
        fal.add("fal-ai/any-llm", tokens(TEXT, pause=0))
        fal.add("fal-ai/flux/dev", image_frames(3, pause=0))
        for endpoint_id in ("workflows/acme/sticker", "workflows/demo/sticker"):
            fal.add(endpoint_id, workflow(pause=0))
        fal.add("demo/speech-chunks", speech())
        fal.add("demo/image-progress", image_progress(pause=0))
        chat = chat_completion(TEXT, pause=0)
        fal.add("openrouter/router", chat, path="/openai/v1/chat/completions")
        monkeypatch.chdir(folder)
        (folder / "fox.png").write_bytes(b"a picture")
        _add_program(folder / "bin" / "aplay")
        monkeypatch.setenv("PATH", str(folder / "bin"), prepend=":")
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


def _add_program(path: Path) -> None:
    path.parent.mkdir()
    path.write_text(_PLAYER.format(python=sys.executable), encoding="utf-8")
    path.chmod(0o755)


def run(code: str) -> None:
    """Run code as a notebook does, with `await` outside of functions.

    Args:
        code: The code.
    """
    flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
    compiled = compile(code, "example", "exec", flags=flags, dont_inherit=True)
    names = {"__name__": "example"}
    result = eval(compiled, names)
    if inspect.iscoroutine(result):
        asyncio.run(result)
