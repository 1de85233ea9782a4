"""What all tests share.

A test is asynchronous if it is an `async def`: anyio's mode "auto" (see `pyproject.toml`) runs
it, so that no test file carries a mark that its blocking twin would have to lose.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from typing import Any

import pytest

from fal_stream.testing import LocalFal


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """The event loop that asynchronous tests run on."""
    return "asyncio"


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hide settings, keys and proxies of whoever runs the tests."""
    for name in list(os.environ):
        if name.startswith("FAL_") or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)


@pytest.fixture
def local_names(monkeypatch: pytest.MonkeyPatch) -> dict[str, bool]:
    """Host names that are looked up without a network: True for this machine, False for none.

    Other names are looked up as ever.
    """
    names: dict[str, bool] = {}
    look_up = socket.getaddrinfo

    def getaddrinfo(host: Any, *args: Any, **options: Any) -> Any:
        if host not in names:
            return look_up(host, *args, **options)
        if names[host]:
            return look_up("127.0.0.1", *args, **options)
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return names


@pytest.fixture
def fal() -> Iterator[LocalFal]:
    """A local fal server of the test's own."""
    with LocalFal() as server:
        yield server
