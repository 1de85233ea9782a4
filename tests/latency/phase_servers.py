"""What an abort is played on: servers in which each stream comes to one phase and stays there."""

from __future__ import annotations

import contextlib
import itertools
import os
import ssl
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

import pytest
import trustme

from fal_stream.testing import LocalFal

__all__ = ["FLAVOURS", "Flavour", "Setting", "Stage", "Wire", "released", "set_up"]

Wire = Literal["plain", "tls"]

Flavour = Literal["blocking", "asyncio", "trio"]
FLAVOURS: tuple[Flavour, ...] = ("blocking", "asyncio", "trio")

# No limit is to run out; one that does shows that an abort woke nobody (seconds).
LONG = 40.0


@dataclass
class Stage:
    """What leads a stream into its phase.

    Attributes:
        settings: The settings of the client.
        options: The options of the stream.
        times_reached: Tells how often streams have come to the phase so far.
        chunks: What each stream gives before it.
        warm: Whether a stream is read to its end first, so that there is a connection.
        pauses: Whether the consumer takes no more than the first chunk until the abort.
        fal: The server, where there is one that can answer other streams.
    """

    settings: dict[str, Any]
    options: dict[str, Any] = field(default_factory=dict[str, Any])
    times_reached: Callable[[], int] = field(default_factory=lambda: itertools.count().__next__)
    chunks: tuple[Any, ...] = ()
    warm: bool = False
    pauses: bool = False
    fal: LocalFal | None = None

    def have_ended(self) -> bool:
        """Tell whether the server has seen the client go, or has answered, for all requests."""
        requests = [] if self.fal is None else self.fal.requests
        return all(request.gone.is_set() or request.finished.is_set() for request in requests)

    @property
    def client_settings(self) -> dict[str, Any]:
        """The settings of the client, with limits that no abort reaches."""
        limits = {"start_timeout": LONG, "timeout": LONG, "event_timeout": LONG}
        return {"credentials": "a:b", **limits, **self.settings}


@dataclass(frozen=True)
class Setting:
    """What the phases are made in.

    Attributes:
        wire: Whether the client speaks TLS to its server.
        flavour: The flavour of the client.
        patch: Patches names and the environment until the stage is struck.
        context: The TLS context of a server with a certificate that clients trust; None if plain.
    """

    wire: Wire
    flavour: Flavour
    patch: pytest.MonkeyPatch
    context: ssl.SSLContext | None

    @property
    def scheme(self) -> str:
        """The scheme of the addresses."""
        return "http" if self.context is None else "https"


@contextlib.contextmanager
def set_up(wire: Wire, flavour: Flavour) -> Iterator[Setting]:
    """Make what the phases are made in, and undo it."""
    with pytest.MonkeyPatch.context() as patch, TemporaryDirectory() as folder:
        for name in list(os.environ):
            if name.startswith("FAL_") or name.lower().endswith("_proxy"):
                patch.delenv(name)
        context = None
        if wire == "tls":
            authority = trustme.CA()
            context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            authority.issue_cert("127.0.0.1").configure_cert(context)
            authority.cert_pem.write_to_path(str(Path(folder, "authority.pem")))
            patch.setenv("SSL_CERT_FILE", str(Path(folder, "authority.pem")))
        yield Setting(wire, flavour, patch, context)


@contextlib.contextmanager
def released() -> Iterator[threading.Event]:
    """Give an event that is set at the end, for threads that wait for nothing else."""
    event = threading.Event()
    try:
        yield event
    finally:
        event.set()
