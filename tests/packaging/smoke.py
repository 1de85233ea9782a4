"""Uses the package that is installed, as a user would who has nothing but it.

Promises: needs nothing but fal_stream and what is installed with it, no file of the project beside
this one, and no network. Runs by itself: `python -I smoke.py`, with the name of an extra to try
that, or with `pytest` to try the plugin. Leaves to others: what is installed (`noxfile.py`).
"""

from __future__ import annotations

import asyncio
import importlib
import importlib.metadata
import importlib.util
import io
import os
import pkgutil
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import redirect_stdout
from pathlib import Path

import fal_stream
import fal_stream.testing
from fal_stream import AsyncStreamingClient, Config, StreamConnectionError, StreamingClient
from fal_stream.testing import LocalFal

# What some modules of the package import, and who uses these has installed.
OPTIONAL = ("pytest", "rich", "trio")

TEST = """
import fal_stream

def test_with_the_fixture(local_fal):
    local_fal.add("acme/app", [1, 2])
    assert list(fal_stream.stream("acme/app")) == [1, 2]

async def chunks():
    return [chunk async for chunk in await fal_stream.stream_async("acme/app")]

def test_on_asyncio(local_fal):
    import asyncio
    local_fal.add("acme/app", [3])
    assert asyncio.run(chunks()) == [3]
"""


# Written by rich, and by nothing of ours.
HIDDEN_CURSOR = "\x1b[?25l"


class Terminal(io.TextIOWrapper):
    """Says that it is a terminal."""

    def isatty(self) -> bool:
        return True


def is_installed(name: str) -> bool:
    """Tell whether a package is there, without importing it."""
    return importlib.util.find_spec(name) is not None


def run(*command: str, folder: str) -> str:
    """Run a program that has to end well and write no error; give what it printed."""
    ended = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert not ended.stderr, ended.stderr
    return ended.stdout


def check_metadata() -> None:
    """What pip and an index know of the package."""
    package = Path(fal_stream.__file__).parent
    assert package.is_relative_to(sys.prefix), f"not the installed package: {package}"
    assert (package / "py.typed").is_file()
    about = importlib.metadata.distribution("fal_stream")
    assert about.version == fal_stream.__version__
    assert about.metadata["License-Expression"] == "MIT"
    assert [path.name for path in about.files or () if "licenses" in path.parts] == ["LICENSE"]
    assert about.read_text("licenses/LICENSE")
    entries = {(entry.group, entry.name): entry.value for entry in about.entry_points}
    assert entries == {
        ("console_scripts", "fal-stream"): "fal_stream.__main__:main",
        ("pytest11", "fal_stream"): "fal_stream._pytest_plugin",
    }


def check_names() -> None:
    """Each public name is there, and each module can be imported as far as its extra is."""
    for module in (fal_stream, fal_stream.testing):
        for name in module.__all__:
            assert getattr(module, name) is not None, name
    missing = [name for name in OPTIONAL if not is_installed(name)]
    for found in pkgutil.walk_packages(fal_stream.__path__, "fal_stream."):
        try:
            importlib.import_module(found.name)
        except ModuleNotFoundError as error:
            if error.name not in missing:
                raise


def check_streams() -> None:
    """A stream in each flavour."""

    async def last() -> object:
        async with AsyncStreamingClient(**fal.settings) as client:
            return await client.stream("acme/app").done()

    with LocalFal() as fal:
        fal.add("acme/app", ["a", "b"])
        with StreamingClient(**fal.settings) as client:
            assert list(client.stream("acme/app")) == ["a", "b"]
        assert asyncio.run(last()) == "b"


def check_programs(folder: str) -> None:
    """The script and the module; the demo plays on a server of its own."""
    script = str(Path(sys.executable).with_name("fal-stream"))
    said = f"fal-stream {fal_stream.__version__}\n"
    assert run(script, "--version", folder=folder) == said
    assert run(sys.executable, "-m", "fal_stream", "--version", folder=folder) == said
    assert "both ended after" in run(script, "demo", folder=folder)


def check_plugin(folder: str) -> None:
    """The fixture `local_fal`, which pytest finds by the entry point."""
    Path(folder, "test_app.py").write_text(TEST, encoding="utf-8")
    said = run(sys.executable, "-m", "pytest", "-W", "error", folder=folder)
    assert re.search(r"\b2 passed\b", said), said
    assert re.search(r"^plugins:.*\bfal_stream-", said, re.MULTILINE), said


def try_trio() -> None:
    """A stream on trio."""
    trio = importlib.import_module("trio")

    async def last() -> object:
        async with AsyncStreamingClient(**fal.settings) as client:
            return await client.stream("acme/app").done()

    with LocalFal() as fal:
        fal.add("acme/app", [1, 2])
        assert trio.run(last) == 2


def try_socks() -> None:
    """A SOCKS proxy is asked: without the extra this is a `ConfigError`."""
    os.environ["ALL_PROXY"] = "socks5://127.0.0.1:9"
    client = StreamingClient(
        run_url="https://far.example", credentials="a:b", trusted_hosts=["far.example"], retry=None
    )
    with client:
        try:
            client.stream("acme/app").done()
        except StreamConnectionError:
            return
    raise AssertionError("nothing listens there")


def try_rich() -> None:
    """What `show()` draws on a terminal."""
    written = io.BytesIO()
    with LocalFal() as fal, redirect_stdout(Terminal(written, encoding="utf-8")) as terminal:
        fal.add("acme/app", [{"output": "a fox"}])
        with StreamingClient(**fal.settings) as client:
            client.stream("acme/app").show()
        terminal.flush()
    printed = written.getvalue().decode()
    assert "a fox" in printed
    assert HIDDEN_CURSOR in printed, repr(printed)


def try_notebook() -> None:
    """A cell of IPython that shows a stream."""
    shells = importlib.import_module("IPython.core.interactiveshell")
    config = importlib.import_module("traitlets.config").Config()
    config.HistoryManager.enabled = False
    shell = shells.InteractiveShell.instance(config=config)
    with LocalFal() as fal, redirect_stdout(io.StringIO()) as printed:
        fal.add("acme/app", [{"output": "a fox"}])
        shell.user_ns["settings"] = fal.settings
        cell = "from fal_stream import StreamingClient\n"
        cell += "with StreamingClient(**settings) as c: c.stream('acme/app').show()"
        shell.run_cell(cell).raise_error()
    assert "acme/app" in printed.getvalue(), printed.getvalue()


def try_dask() -> None:
    """Streams in the tasks of a cluster that is made of threads."""
    distributed = importlib.import_module("distributed")

    def last(config: Config) -> object:
        with StreamingClient(config) as client:
            inputs: list[dict[str, int]] = [{"n": 0}, {"n": 1}]
            return [item.get() for item in client.stream_map("acme/app", inputs)]

    with LocalFal() as fal, distributed.Client(processes=False, dashboard_address=None) as dask:
        fal.add("acme/app", [1, 2])
        # The key doesn't go along.
        os.environ["FAL_KEY"] = fal.settings["credentials"]
        assert dask.submit(last, Config(**fal.settings)).result() == [2, 2]


EXTRAS: dict[str, Callable[[], None]] = {
    "dask": try_dask,
    "notebook": try_notebook,
    "rich": try_rich,
    "socks": try_socks,
    "trio": try_trio,
}


def main(tried: str = "") -> None:
    """Use the package.

    Args:
        tried: `pytest`, the name of an extra that is installed, or nothing for the package alone.
    """
    for name in list(os.environ):
        if name.startswith("FAL_") or name.lower().endswith("_proxy"):
            del os.environ[name]
    os.environ.pop("VIRTUAL_ENV", None)  # that of the session that starts this
    os.environ["TERM"] = "xterm-256color"
    with tempfile.TemporaryDirectory() as folder:
        os.environ["IPYTHONDIR"] = folder
        check_metadata()
        check_names()
        check_streams()
        if not tried:
            assert not [name for name in (*OPTIONAL, "IPython", "socksio") if is_installed(name)]
            check_programs(folder)
        elif tried == "pytest":
            check_plugin(folder)
        elif tried in EXTRAS:
            EXTRAS[tried]()
        else:
            print(f"The extra {tried} is installed; nothing is tried of it: see EXTRAS")
    print("fal_stream", fal_stream.__version__, "works", f"with {tried}" if tried else "alone")


if __name__ == "__main__":
    main(*sys.argv[1:])
