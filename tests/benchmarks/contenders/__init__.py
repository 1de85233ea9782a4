"""Who is measured: a module for each, with one interface.

A module has `blocking(base)` and `asynchronous(base)`, or one of them: context managers of a client
for the server at an address. Each gives a function that takes a path and gives the chunks of its
stream, to be iterated. `javascript.mjs` does the same, with a loop of its own.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import AsyncIterable, Callable, Iterable
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Literal, cast

__all__ = ["CONTENDERS", "AsyncClient", "Client", "Contender", "Flavour"]

Flavour = Literal["blocking", "asyncio", "trio"]

Client = Callable[[str], Iterable[Any]]
AsyncClient = Callable[[str], AsyncIterable[Any]]


@dataclass(frozen=True)
class Contender:
    """One who is measured.

    Attributes:
        name: The name.
        module: The module in this package; "" for JavaScript.
        flavours: Which it has.
        packages: The distributions that it takes, the first of which says its version.
        most: How many events of a stream it is given; None for all.
        keeps: Whether it keeps all chunks of a stream, so that a long one would fill the memory.
    """

    name: str
    module: str
    flavours: tuple[Flavour, ...]
    packages: tuple[str, ...] = ()
    most: int | None = None
    keeps: bool = False

    def blocking(self, base: str) -> AbstractContextManager[Client]:
        """Make a blocking client of the server at an address."""
        return cast(AbstractContextManager[Client], self._module.blocking(base))

    def asynchronous(self, base: str) -> AbstractAsyncContextManager[AsyncClient]:
        """Make an asynchronous client of the server at an address."""
        return cast(AbstractAsyncContextManager[AsyncClient], self._module.asynchronous(base))

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

_CONTENDERS = (
    Contender("raw", "raw", _BOTH, ("pydantic_core",)),
    Contender("fal_stream", "use_fal_stream", ("blocking", "asyncio", "trio")),
    Contender("fal-client", "use_fal_client", _BOTH, ("fal-client",)),
    Contender("httpx-sse", "use_httpx_sse", _BOTH, ("httpx-sse",)),
    Contender("openai", "use_openai", _BOTH, ("openai",)),
    Contender("aiohttp", "use_aiohttp", ("asyncio",), ("aiohttp",)),
    Contender("JS on('data')", "", ("asyncio",), keeps=True),
    Contender("JS iterator", "", ("asyncio",), most=100, keeps=True),
)

CONTENDERS = {contender.name: contender for contender in _CONTENDERS}
