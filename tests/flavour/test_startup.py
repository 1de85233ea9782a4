"""What an import loads, what a client makes, and what a first plain request adds."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
import typing
from pathlib import Path
from typing import Any

import pytest

import fal_stream
from fal_stream.testing import LocalFal

ROOT = Path(fal_stream.__file__).parents[1]

# Beside the package and what `import httpx` loads: what decodes JSON, and the one that reads the
# fields of events.
NEEDED = {"pydantic_core", "sseclient", "typing_extensions"}

# Of this package, loaded with a client and with a first plain request: 71 and 103 when this was
# written, 107 on asyncio and trio.
MOST_MODULES = {"client": 74, "request": 110}

# httpx 0.27 imports trio at once, and with trio there are these to speak to it.
TRIO_MODULES = {f"fal_stream._net.trio_{name}" for name in ("exchange", "loop", "stream")}

# What a program may do without, or is to be loaded when it is needed.
HEAVY = {
    "IPython",
    "PIL",
    "anyio",
    "asyncio",
    "concurrent",
    "httpcore",
    "numpy",
    "pydantic",
    "rich",
    "socksio",
    "sniffio",
    "subprocess",
    "trio",
    "urllib.request",
}

LOADED = """
import json, sys
{before}
before = set(sys.modules)
{after}
print(json.dumps(sorted(set(sys.modules) - before)))
"""


def run(code: str, *arguments: str) -> Any:
    """Run code in a fresh process; give what it printed."""
    ended = subprocess.run(
        [sys.executable, "-W", "error", "-c", code, *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout)


def loaded(after: str, before: str = "import httpx") -> set[str]:
    """Give the modules that some code loads beside those of the code before it."""
    return set(run(LOADED.format(before=before, after=after)))


def own(modules: set[str]) -> set[str]:
    """Give the modules that are of this package."""
    return {name for name in modules if name.partition(".")[0] == "fal_stream"}


def foreign(modules: set[str]) -> set[str]:
    """Give the packages that are neither Python's own nor this one."""
    packages = {module.split(".")[0] for module in modules}
    own = {"fal_stream", *sys.stdlib_module_names}
    return {name for name in packages - own if not name.startswith("_sysconfigdata")}


def with_httpx() -> set[str]:
    """Give the modules that httpx loads by itself."""
    return set(run("import httpx, json, sys; print(json.dumps(sorted(sys.modules)))"))


def test_the_package_alone() -> None:
    assert loaded("import fal_stream") == {"fal_stream", "fal_stream._version"}


@pytest.mark.parametrize(
    ("name", "other"), [("StreamingClient", "_async"), ("AsyncStreamingClient", "_sync")]
)
def test_a_client(name: str, other: str) -> None:
    found = loaded(f"from fal_stream import {name}; {name}(credentials='a:b')")
    assert not found & HEAVY
    assert not {module for module in found if module.startswith(f"fal_stream.{other}")}
    assert foreign(found) <= NEEDED
    assert len(own(found)) <= MOST_MODULES["client"], sorted(own(found))


@pytest.mark.parametrize("name", ["stream", "stream_async"])
def test_the_functions_of_the_package(name: str) -> None:
    assert not loaded(f"from fal_stream import {name}") & HEAVY


MADE = """
import gc, json, ssl, sys
import httpx
before = "httpcore" in sys.modules  # httpx 0.27 imports it at once
seen = []
sys.addaudithook(lambda name, args: seen.append(name))
from fal_stream import AsyncStreamingClient, StreamingClient
seen.clear()
clients = [AsyncStreamingClient(credentials="a:b"), StreamingClient(credentials="a:b")]
made = [name for name in seen if name.startswith(("socket.", "_thread.", "open", "import"))]
assert not [thing for thing in gc.get_objects() if isinstance(thing, ssl.SSLContext)]
print(json.dumps([made, "httpcore" in sys.modules and not before]))
"""


def test_a_client_opens_and_loads_nothing() -> None:
    assert run(MADE) == [[], False]


PLAIN = """
import asyncio, gc, json, ssl, sys
import httpx
{before}
before = set(sys.modules)
from fal_stream import AsyncStreamingClient, StreamingClient

settings = dict(run_url=sys.argv[1], credentials="local-id:local-secret")

async def stream():
    async with AsyncStreamingClient(**settings) as client:
        assert await client.stream("acme/app").done() == 2

if sys.argv[2] == "blocking":
    with StreamingClient(**settings) as client:
        assert client.stream("acme/app").done() == 2
elif sys.argv[2] == "asyncio":
    asyncio.run(stream())
else:
    trio.run(stream)
assert not [thing for thing in gc.get_objects() if isinstance(thing, ssl.SSLContext)]
print(json.dumps(sorted(set(sys.modules) - before)))
"""


@pytest.mark.parametrize("flavour", ["blocking", "asyncio", "trio"])
def test_a_first_plain_request(fal: LocalFal, flavour: str) -> None:
    fal.add("acme/app", [1, 2])
    before = "import trio" if flavour == "trio" else ""
    found = set(run(PLAIN.format(before=before), fal.url, flavour))
    assert foreign(found) <= NEEDED
    assert not found & HEAVY - {"asyncio", "concurrent", "urllib.request"}
    counted = own(found)
    if flavour == "asyncio" and "trio" in with_httpx():
        counted -= TRIO_MODULES
    assert len(counted) <= MOST_MODULES["request"], sorted(counted)


COMMAND = """
import json, os, runpy, sys
sys.argv = ["fal-stream", *sys.argv[1:]]
sys.stdout = open(os.devnull, "w")
try:
    runpy.run_module("fal_stream", run_name="__main__")
except SystemExit as ended:
    assert not ended.code, ended.code
print(json.dumps(sorted(sys.modules)), file=sys.__stdout__)
"""


@pytest.mark.parametrize("arguments", [["--help"], ["run", "--help"], ["--version"]])
def test_help_loads_no_client(arguments: list[str]) -> None:
    found = set(run(COMMAND, *arguments))
    assert "fal_stream._cli.main" in found
    assert not found & {"httpx", "pydantic", "pydantic_core", "fal_stream._sync.client"}


def test_a_stream_on_the_command_line(fal: LocalFal, monkeypatch: pytest.MonkeyPatch) -> None:
    fal.add("acme/app", [{"output": "Hi", "partial": False}])
    monkeypatch.setenv("FAL_RUN_HOST", fal.url)
    monkeypatch.setenv("FAL_KEY", str(fal.key))
    found = set(run(COMMAND, "run", "acme/app", "prompt=a fox")) - with_httpx()
    assert not found & {"asyncio", "fal_stream._display.display", "pydantic", "trio"}


CONFIG = """
import json, sys
from fal_stream import StreamingClient
client = StreamingClient(credentials="a:b", timeout=3)
stream = client.stream("acme/app", {"prompt": "a fox"})
before = "pydantic.main" in sys.modules
assert client.config is stream.config
print(json.dumps([before, client.config.timeout, sorted(client.config.model_fields_set)]))
"""


def test_models_are_loaded_for_those_who_look_at_one() -> None:
    assert run(CONFIG) == [False, 3.0, ["credentials", "timeout"]]


def test_the_names_are_those_that_type_checkers_see() -> None:
    module = ast.parse(Path(fal_stream.__file__).read_text(encoding="utf-8"))
    checked = next(node for node in module.body if isinstance(node, ast.If))
    places = {
        alias.name: node.module
        for node in checked.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert places == fal_stream._MODULE_OF
    assert {*places, "__version__"} == set(fal_stream.__all__)


def test_each_name_is_there() -> None:
    everything: dict[str, Any] = {}
    exec("from fal_stream import *", everything)
    for name in fal_stream.__all__:
        assert everything[name] is getattr(fal_stream, name)
    assert set(fal_stream.__all__) <= set(dir(fal_stream))
    assert run("import fal_stream, json; print(json.dumps(fal_stream.errors.__name__))") == (
        "fal_stream.errors"
    )
    with pytest.raises(AttributeError, match=r"'fal_stream' has no attribute 'strem'"):
        fal_stream.strem  # type: ignore[attr-defined]  # noqa: B018


@pytest.mark.parametrize(
    "function",
    [
        fal_stream.stream,
        fal_stream.stream_async,
        fal_stream.StreamingClient.__init__,
        fal_stream.AsyncStreamingClient.__init__,
        fal_stream.AsyncStreamingClient.stream,
        fal_stream.AsyncStorageClient.__init__,
        fal_stream.StorageClient.upload,
    ],
)
def test_annotations_can_be_read(function: Any) -> None:
    assert "return" in typing.get_type_hints(function)
