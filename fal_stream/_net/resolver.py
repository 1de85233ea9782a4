"""Names to addresses, in a thread that nobody has to wait for.

The operating system's look-up can hang for minutes and can't be interrupted. The thread is a
daemon, so that it holds up neither a time limit nor the end of the program.
"""

from __future__ import annotations

import ipaddress
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Address:
    """Where to connect to.

    Attributes:
        family: The address family.
        target: The address as the socket takes it.
    """

    family: int
    target: tuple[Any, ...]


Found = list[Address] | OSError


def address_of(host: str, port: int) -> Address | None:
    """Give the address of a host that is named by its address, None for any other name."""
    try:
        version = ipaddress.ip_address(host).version
    except ValueError:
        return None
    if version == 6:
        return Address(socket.AF_INET6, (host, port, 0, 0))
    return Address(socket.AF_INET, (host, port))


def look_up(host: str, port: int, deliver: Callable[[Found], None]) -> None:
    """Look a name up in a thread of its own.

    Args:
        host: The name.
        port: The port that the addresses shall have.
        deliver: Called in that thread with the addresses or the error.
    """

    def run() -> None:
        found: Found
        try:
            answers = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            found = [Address(family, target) for family, _, _, _, target in answers]
        except (OSError, UnicodeError) as error:
            found = error if isinstance(error, OSError) else OSError(str(error))
        deliver(found)

    threading.Thread(target=run, daemon=True, name="fal_stream-resolver").start()
