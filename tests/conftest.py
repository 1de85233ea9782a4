"""What all tests share.

A test is asynchronous if it is an `async def`: anyio's mode "auto" (see `pyproject.toml`) runs
it, so that no test file carries a mark that its blocking twin would have to lose.
"""

from __future__ import annotations

import os
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import settings

from fal_stream.testing import LocalFal
from tests.sockets import MuteServer, black_hole

if TYPE_CHECKING:
    import trustme

pytest_plugins = ["tests.secrets_plugin"]

# How long something takes decides no test.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """The event loop that asynchronous tests run on, but for those that run on each."""
    return "asyncio"


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run the tests of the core on each event loop; what the original does, on one."""
    folder = metafunc.definition.path.parent
    if "anyio_backend" in metafunc.fixturenames and folder.name == "_async":
        loops = ["asyncio"] if folder.parent.name == "original" else ["asyncio", "trio"]
        metafunc.parametrize("anyio_backend", loops, scope="session")


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


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    """An authority that nobody trusts yet."""
    import trustme

    return trustme.CA()


@pytest.fixture
def tls_context(
    authority: trustme.CA, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> ssl.SSLContext:
    """The context of a server on this machine, with a certificate that clients trust."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    authority.cert_pem.write_to_path(str(tmp_path / "authority.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "authority.pem"))
    return context


@pytest.fixture
def tls_fal(tls_context: ssl.SSLContext) -> Iterator[LocalFal]:
    """A local fal server that speaks TLS."""
    with LocalFal(ssl_context=tls_context) as server:
        yield server


@pytest.fixture(params=["plain", "tls"])
def either_fal(request: pytest.FixtureRequest) -> LocalFal:
    """A local fal server, once without TLS and once with it."""
    server = request.getfixturevalue("fal" if request.param == "plain" else "tls_fal")
    assert isinstance(server, LocalFal)
    return server


@pytest.fixture
def mute() -> Iterator[MuteServer]:
    """A server that lets clients connect, and neither reads nor answers."""
    server = MuteServer()
    yield server
    server.close()


@pytest.fixture
def unreachable() -> Iterator[str]:
    """A host and port where every connection attempt goes unanswered."""
    with black_hole() as address:
        yield address
