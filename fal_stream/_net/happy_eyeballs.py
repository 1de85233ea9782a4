"""Connect to a host by Happy Eyeballs (RFC 8305), both flavours side by side.

The addresses are tried in turn, IPv6 and IPv4 alternately: the next attempt starts when the last
one has failed, or has not succeeded within a quarter of a second. The first connection that is
established is used, and the other attempts are cancelled.
"""

from __future__ import annotations

import math
import selectors
import socket
import time
from collections import deque
from collections.abc import Iterable, Sequence
from itertools import chain, zip_longest
from typing import Any

from .._signal_errors import raised_by_signal_handler
from .async_exchange import AsyncExchange
from .byte_stream import ByteStream
from .resolver import Address, ConnectFailed, LookUp, address_of, authority
from .sockets import begin_to_connect, check_connected, ready, shut_down
from .sync_exchange import Exchange

# How long an address may take before the next one is tried as well (seconds; RFC 8305, section 5).
ATTEMPT_DELAY = 0.25
MAX_ATTEMPTS = 16
_MAX_REPORTED_FAILURES = 4


async def async_connect(exchange: AsyncExchange, host: str, port: int) -> ByteStream[Any]:
    """Connect to a host, and return the connection.

    Args:
        exchange: Applies the timeouts and the abort; its `connect_timeout` is for all addresses of
            the host together.
        host: The host's name or address.
        port: The port.

    Raises:
        ConnectFailed: The name can't be looked up, or no address can be connected to.
        Aborted: The exchange was aborted.
        Expired: A limit of the watchdog has run out.
    """
    addresses = _literal(host, port)
    if addresses is None:
        with LookUp(host, port, may_block=False) as look_up:
            found = await exchange.wait_for_callback(look_up.begin)
        addresses = found()
    attempts = _Attempts(host, port, addresses, exchange.connect_timeout)
    try:
        sock = None
        while sock is None:
            seconds = attempts.begin()
            sock = attempts.winner(await exchange.any_writable(attempts.pending, seconds))
        return await exchange.loop.stream_from_socket(sock)
    finally:
        attempts.close()


def connect(exchange: Exchange, host: str, port: int) -> socket.socket:
    """Return a connected, non-blocking socket; see `async_connect`."""
    addresses = _literal(host, port)
    if addresses is None:
        with LookUp(host, port, may_block=True) as look_up:
            addresses = exchange.wait_for_callback(look_up.begin)()
    attempts = _Attempts(host, port, addresses, exchange.connect_timeout)

    def once(seconds: float) -> socket.socket | None:
        seconds = min(seconds, attempts.begin())
        if exchange.aborted:
            # The abort may have come before there was a socket to shut down.
            return None
        return attempts.winner(ready(attempts.pending, selectors.EVENT_WRITE, seconds))

    try:
        exchange.set_waker(attempts.shut_down)
        return exchange.wait(once)
    except ConnectFailed:
        # An abort shuts the sockets down, which looks like a failure.
        exchange.raise_if_aborted()
        raise
    finally:
        attempts.close()


def interleaved(addresses: Iterable[Address]) -> list[Address]:
    """Return the addresses with their families alternating, beginning with the first one's."""
    families: dict[int, list[Address]] = {}
    for address in addresses:
        families.setdefault(address.family, []).append(address)
    turns = chain.from_iterable(zip_longest(*families.values()))
    return [address for address in turns if address is not None]


class _Attempts:
    """The attempts to connect to one host.

    Args:
        host: The host's name, for messages.
        port: The port, for messages.
        addresses: The host's addresses.
        timeout: The time for all attempts together (seconds), or None for no limit.
    """

    def __init__(
        self, host: str, port: int, addresses: Sequence[Address], timeout: float | None
    ) -> None:
        self._name = authority(host, port)
        self._left = deque(interleaved(addresses))
        self._next_at = now = time.monotonic()
        self._give_up_at = math.inf if timeout is None else now + timeout
        self._failures: list[str] = []
        self._pending: dict[socket.socket, Address] = {}

    @property
    def pending(self) -> list[socket.socket]:
        """The sockets that are being connected."""
        return list(self._pending)

    def begin(self) -> float:
        """Start the attempts that are due.

        Returns:
            The longest time to wait for the pending attempts (seconds).

        Raises:
            ConnectFailed: All attempts have failed.
        """
        now = time.monotonic()
        while self._left and now >= self._next_at and len(self._pending) < MAX_ATTEMPTS:
            address = self._left.popleft()
            try:
                self._pending[begin_to_connect(address)] = address
            except OSError as error:
                if raised_by_signal_handler(error) is not None:
                    raise
                self._failures.append(self._failure_text(address, error))
            else:
                self._next_at = now + ATTEMPT_DELAY
        if not self._pending:
            raise self._error()
        has_next = self._left and len(self._pending) < MAX_ATTEMPTS
        due = self._next_at if has_next else math.inf
        return max(0.0, min(due, self._give_up_at) - now)

    def winner(self, writable: Iterable[socket.socket]) -> socket.socket | None:
        """Return the first socket that is connected, or None; close those that have failed.

        Args:
            writable: The sockets whose attempts have succeeded or failed.

        Raises:
            ConnectFailed: The time for all attempts has passed.
        """
        is_late = time.monotonic() >= self._give_up_at
        for sock in writable:
            try:
                check_connected(sock)
            except OSError as error:
                if raised_by_signal_handler(error) is not None:
                    raise
                address = self._pending.pop(sock)
                sock.close()
                self._failures.append(self._failure_text(address, error))
                # Try the next address at once.
                self._next_at = 0.0
            else:
                del self._pending[sock]
                return sock
        if is_late:
            raise self._error()
        return None

    def shut_down(self) -> None:
        """Wake the thread that waits for the attempts."""
        for sock in self.pending:
            shut_down(sock)

    def close(self) -> None:
        """Cancel the pending attempts."""
        while self._pending:
            self._pending.popitem()[0].close()

    def _failure_text(self, address: Address, reason: object) -> str:
        # If the host is an address, don't show it twice.
        return str(reason) if str(address) == self._name else f"{address.target[0]}: {reason}"

    def _error(self) -> ConnectFailed:
        reasons = [*self._failures]
        reasons += [self._failure_text(address, "no answer") for address in self._pending.values()]
        reported = reasons[:_MAX_REPORTED_FAILURES]
        if len(reasons) > len(reported):
            reported.append(f"and {len(reasons) - len(reported)} more")
        return ConnectFailed(f"{self._name}: {'; '.join(reported)}")


def _literal(host: str, port: int) -> list[Address] | None:
    """Return the address if the host is an IP address, or None if it has to be looked up."""
    address = address_of(host, port)
    return None if address is None else [address]
