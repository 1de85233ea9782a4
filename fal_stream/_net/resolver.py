"""Resolve host names in daemon threads, so that a look-up that hangs blocks nobody.

The operating system's look-up (`getaddrinfo`) can hang for minutes and can't be interrupted.

Promises: look-ups of the same name at the same time share one call, and only a limited number of
calls run at once; the others queue. Each caller waits in its own way and can give up. An exception
is raised to all that wait for it. No result is kept.
"""

from __future__ import annotations

import contextlib
import ipaddress
import os
import socket
import threading
from collections import deque
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any

from typing_extensions import Self

from .._signal_errors import raised_by_signal_handler
from .compat import MAX_WAIT_SLICE
from .shared_call import CallResult, Deliver, SharedCall
from .threads import start_thread

MOST_LOOK_UPS = 8
Name = tuple[str, int]
"""Host and port."""

_FAMILIES = {socket.AF_INET, socket.AF_INET6}


@dataclass(frozen=True)
class Address:
    """Where to connect to.

    Attributes:
        family: The address family.
        target: The address as the socket takes it.
    """

    family: int
    target: tuple[Any, ...]

    def __str__(self) -> str:
        return authority(*self.target[:2])


class ConnectFailed(OSError):
    """No connection could be made; the message names host and port."""


def authority(host: str, port: int) -> str:
    """Return `host:port`, or `[host]:port` of an IPv6 address."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


@lru_cache(256)
def address_of(host: str, port: int) -> Address | None:
    """Return the address of a host that is named by its address, None for any other name."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError as error:
        if raised_by_signal_handler(error) is not None:
            raise
        return None
    if isinstance(address, ipaddress.IPv4Address):
        return Address(socket.AF_INET, (host, port))
    # The interface of an address (`fe80::1%eth0`) has to be looked up.
    return None if address.scope_id else Address(socket.AF_INET6, (host, port, 0, 0))


class LookUp:
    """Has a name looked up for one who waits for it, until that one leaves.

    Args:
        host: The name.
        port: The port that the addresses shall have.
        may_block: Whether the look-up may be done in the calling thread where no other can be had.
    """

    def __init__(self, host: str, port: int, *, may_block: bool) -> None:
        self._name = (host, port)
        self._may_block = may_block
        self._look_ups = _look_ups
        self._call: SharedCall[list[Address]] | None = None
        self._deliver: Deliver[list[Address]] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._call is None or self._deliver is None:
            return
        self._call.remove_waiter(self._deliver)
        if not self._call.has_waiters:
            self._look_ups.forget(self._name, self._call)

    def begin(self, deliver: Deliver[list[Address]]) -> None:
        """Begin.

        Args:
            deliver: Is given a function, from whatever thread: it returns the addresses, or raises
                ConnectFailed.
        """
        self._deliver = deliver
        self._call = call = self._look_ups.call_for(self._name)
        call.add_waiter(deliver)
        if self._look_ups.ensure_started(call):
            return
        if self._may_block:
            deliver(CallResult.of(partial(_resolve, *self._name)))
        else:
            reason = "no thread can be started to look the name up"
            deliver(CallResult([], ConnectFailed(f"{authority(*self._name)}: {reason}")))


def _resolve(host: str, port: int) -> list[Address]:
    try:
        answers = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except Exception as error:
        if raised_by_signal_handler(error) is not None:
            raise
        reason = str(error)
        if not isinstance(error, OSError):
            reason = f"the look-up of the name raised {type(error).__name__}: {error}"
        raise ConnectFailed(f"{authority(host, port)}: {reason}") from None
    addresses = [
        Address(family, target) for family, _, _, _, target in answers if family in _FAMILIES
    ]
    if not addresses:
        raise ConnectFailed(f"{authority(host, port)}: the name has no address")
    return list(dict.fromkeys(addresses))


class _LookUps:
    """The look-ups of a process that run or wait for a thread.

    No lock guards them: each step on them is one of the interpreter. Each thread that works has a
    slot.
    """

    def __init__(self) -> None:
        self._calls: dict[Name, SharedCall[list[Address]]] = {}
        self._queue: deque[SharedCall[list[Address]]] = deque()
        self._slots = [threading.Lock() for _ in range(MOST_LOOK_UPS)]

    def call_for(self, name: Name) -> SharedCall[list[Address]]:
        """Return the look-up of a name that others wait for, or a new one."""

        def resolve() -> list[Address]:
            try:
                return _resolve(*name)
            finally:
                self.forget(name, new)

        new = SharedCall(resolve)
        return self._calls.setdefault(name, new)

    def forget(self, name: Name, call: SharedCall[list[Address]]) -> None:
        """Have nobody else wait for a look-up: it is over, or hangs and all have given it up."""
        if self._calls.get(name) is call:
            # One of another thread's that has come meanwhile is not shared then.
            self._calls.pop(name, None)

    def ensure_started(self, call: SharedCall[list[Address]]) -> bool:
        """Start a thread for a look-up where one is due; return whether it will be done."""
        if call.is_claimed:
            return True
        # It may stand there more than once: who asked for it may have been interrupted here.
        self._queue.append(call)
        return len(self._busy_slots()) == MOST_LOOK_UPS or self._start_worker()

    def _start_worker(self) -> bool:
        """Start a thread, and tell whether there is one now that works off the look-ups."""
        has_slot = threading.Lock()
        has_slot.acquire()
        if not start_thread(partial(self._work, has_slot)):
            return bool(self._busy_slots())
        # Or who asks for many names would start many threads before the first of them is seen.
        has_slot.acquire(timeout=MAX_WAIT_SLICE)
        return True

    def _work(self, has_slot: threading.Lock) -> None:
        slot = self._take_slot()
        has_slot.release()
        while slot is not None:
            try:
                with contextlib.suppress(IndexError):
                    while True:
                        call = self._queue.popleft()
                        if call.has_waiters and call.claim():
                            call.run()
            finally:
                slot.release()
            # Who asked in the meantime has seen the slot taken, and has started no thread.
            slot = self._take_slot() if self._queue else None

    def _take_slot(self) -> threading.Lock | None:
        for slot in self._slots:
            if slot.acquire(blocking=False):
                return slot
        return None

    def _busy_slots(self) -> list[threading.Lock]:
        # Not a generator, which would swallow a Ctrl-C where it is given up half way.
        return [slot for slot in self._slots if slot.locked()]


_look_ups = _LookUps()


def _forget() -> None:
    """Leave what a forked process can't go on with: the threads are its parent's."""
    global _look_ups
    _look_ups = _LookUps()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
