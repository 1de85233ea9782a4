"""Who is measured: a module for each, with one interface.

A module has `blocking(base)` and `asynchronous(base)`, or one of them: context managers of a client
for the server at an address. Each gives a function that takes a path and gives the chunks of its
stream, to be iterated. `javascript.mjs` does the same, with a loop of its own. One that uploads has
`blocking_uploads(base)` and `asynchronous_uploads(base)` too, whose function takes a file's path.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import AsyncIterable, Awaitable, Callable, Iterable
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Literal, cast

from ..workloads import Reading, Work

__all__ = ["CONTENDERS", "AsyncClient", "Client", "Contender", "Flavour"]

Flavour = Literal["blocking", "asyncio", "trio"]

Client = Callable[[str], Iterable[Any]]
AsyncClient = Callable[[str], AsyncIterable[Any]]
Upload = Callable[[Path], object]
AsyncUpload = Callable[[Path], Awaitable[object]]


@dataclass(frozen=True)
class Contender:
    """One who is measured.

    Attributes:
        name: The name.
        module: The module in this package; "" for JavaScript.
        flavours: Which it has.
        packages: The distributions that it takes, the first of which says its version.
        streams: Whether it reads streams.
        uploads: Whether it uploads files.
        reads: Whether it gives models and text, and knows listeners and final chunks.
        is_core: Whether it is measured on all works, or on those of everyone only.
        most: How many events of a stream it is given; None for all.
        most_streams: How many streams it has at once at most.
        keeps: Whether it keeps all chunks of a stream, so that a long one would fill the memory.
    """

    name: str
    module: str
    flavours: tuple[Flavour, ...]
    packages: tuple[str, ...] = ()
    streams: bool = True
    uploads: bool = False
    reads: bool = False
    is_core: bool = True
    most: int | None = None
    most_streams: int = 1_000_000
    keeps: bool = False

    def can(self, flavour: Flavour, work: Work) -> bool:
        """Tell whether it is measured on a work, in a flavour."""
        if work.only and self.name not in work.only:
            return False
        if work.kind == "upload":
            return self.uploads and flavour != "trio"
        if not self.streams or work.streams > self.most_streams:
            return False
        if not self.is_core and not (work.everyone and work.kind != "idle"):
            return False
        if work.kind == "idle":
            return flavour == "asyncio"
        return work.streams == 1 or work.threads == (flavour == "blocking")

    def blocking(self, base: str, reading: Reading = "chunks") -> AbstractContextManager[Client]:
        """Make a blocking client of the server at an address."""
        arguments = [base, reading] if self.reads else [base]
        return cast(AbstractContextManager[Client], self._module.blocking(*arguments))

    def asynchronous(
        self, base: str, reading: Reading = "chunks"
    ) -> AbstractAsyncContextManager[AsyncClient]:
        """Make an asynchronous client of the server at an address."""
        arguments = [base, reading] if self.reads else [base]
        client = self._module.asynchronous(*arguments)
        return cast(AbstractAsyncContextManager[AsyncClient], client)

    def blocking_uploads(self, base: str) -> AbstractContextManager[Upload]:
        """Make what uploads files to the server at an address."""
        return cast(AbstractContextManager[Upload], self._module.blocking_uploads(base))

    def asynchronous_uploads(self, base: str) -> AbstractAsyncContextManager[AsyncUpload]:
        """Make what uploads files to the server at an address."""
        upload = self._module.asynchronous_uploads(base)
        return cast(AbstractAsyncContextManager[AsyncUpload], upload)

    @property
    def _module(self) -> Any:
        return import_module(f"{__name__}.{self.module}")

    def version_of_javascript(self, npm: Path) -> str:
        """Say which version of the original is in a folder, and which Node.js runs it."""
        package = npm / "node_modules" / "@fal-ai" / "client" / "package.json"
        client = json.loads(package.read_text(encoding="utf-8"))["version"]
        node = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True)
        return f"@fal-ai/client {client} on Node.js {node.stdout.strip()}"

    def missing(self, npm: str | None) -> str | None:
        """Say what it lacks.

        Args:
            npm: The folder whose `node_modules` holds the npm packages; None if there is none.

        Returns:
            What is missing; None if it can be measured.
        """
        if not self.module:
            return None if npm and shutil.which("node") else "Node.js and its packages"
        for package in self.packages:
            try:
                version(package)
            except PackageNotFoundError:
                return package
        return None


_BOTH: tuple[Flavour, ...] = ("blocking", "asyncio")

# httpx has 100 connections at most, unless it is told otherwise: fal-client doesn't tell it.
_HTTPX_STREAMS = 100

_CONTENDERS = (
    Contender("raw", "raw", _BOTH, ("pydantic_core",)),
    Contender(
        "fal_stream", "use_fal_stream", ("blocking", "asyncio", "trio"), uploads=True, reads=True
    ),
    Contender(
        "fal-client",
        "use_fal_client",
        _BOTH,
        ("fal-client",),
        uploads=True,
        most_streams=_HTTPX_STREAMS,
    ),
    Contender("httpx-sse", "use_httpx_sse", _BOTH, ("httpx-sse",)),
    Contender("httpx", "use_httpx", _BOTH, ("httpx",), streams=False, uploads=True),
    Contender("aiohttp", "use_aiohttp", ("asyncio",), ("aiohttp",), uploads=True),
    Contender("openai", "use_openai", _BOTH, ("openai",), is_core=False),
    Contender("JS on('data')", "", ("asyncio",), is_core=False, most=1_000, keeps=True),
    Contender("JS iterator", "", ("asyncio",), is_core=False, most=40, keeps=True),
)

CONTENDERS = {contender.name: contender for contender in _CONTENDERS}
