"""Resolve host names in daemon threads, so that a look-up that hangs blocks nothing.

The operating system's look-up (`getaddrinfo`) can hang for minutes and can't be interrupted.

Promises: look-ups of the same name at the same time share one call. Only a limited number of calls
run at once; the others wait in a queue. Each caller can stop waiting without affecting the others.
An exception is raised in all callers that wait. Results are not cached.
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
from .flavour_pairs import MAX_WAIT_SLICE
from .shared_call import CallResult, Deliver, SharedCall
from .threads import start_thread

MAX_LOOK_UPS = 8
Name = tuple[str, int]
"""Host and port."""

_FAMILIES = {socket.AF_INET, socket.AF_INET6}


@dataclass(frozen=True)
class Address:
    """An address to connect to.

    Attributes:
        family: The address family.
        target: The address in the form that `socket.connect` takes.
    """

    family: int
    target: tuple[Any, ...]

    def __str__(self) -> str:
        return authority(*self.target[:2])


class ConnectFailed(OSError):
    """No connection could be made; the message contains host and port."""


def authority(host: str, port: int) -> str:
    """Return `host:port`, or `[host]:port` of an IPv6 address."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


@lru_cache(256)
def address_of(host: str, port: int) -> Address | None:
    """Return the address if the host is an IP address, or None if it has to be looked up."""
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
    """The look-up of a name for one caller, which waits for it in a `with` block.

    Args:
        host: The name.
        port: The port of the addresses.
        may_block: Whether the look-up may be done in the calling thread if no other thread can be
            started.
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
        """Start the look-up.

        Args:
            deliver: Is called from any thread, with a function that returns the addresses or raises
                `ConnectFailed`.
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
        reason = _lack_of_files() or str(error)
        if not isinstance(error, OSError):
            reason = f"the look-up of the name raised {type(error).__name__}: {error}"
        raise ConnectFailed(f"{authority(host, port)}: {reason}") from None
    addresses = [
        Address(family, target) for family, _, _, _, target in answers if family in _FAMILIES
    ]
    if not addresses:
        raise ConnectFailed(f"{authority(host, port)}: the name has no address")
    return list(dict.fromkeys(addresses))


def _lack_of_files() -> str:
    """Return the error if no file can be opened; the system's look-up doesn't say that it can't."""
    try:
        socket.socket().close()
    except OSError as error:
        return str(error)
    return ""


class _LookUps:
    """The look-ups of a process that are running or waiting for a thread.

    No lock guards them: each step is a single operation of the interpreter. The number of threads
    is limited by slots, one of which each thread holds.
    """

    def __init__(self) -> None:
        self._calls: dict[Name, SharedCall[list[Address]]] = {}
        self._queue: deque[SharedCall[list[Address]]] = deque()
        self._worker_locks = [threading.Lock() for _ in range(MAX_LOOK_UPS)]

    def call_for(self, name: Name) -> SharedCall[list[Address]]:
        """Return the look-up of a name that other callers wait for, or a new one."""

        def resolve() -> list[Address]:
            try:
                return _resolve(*name)
            finally:
                self.forget(name, new)

        new = SharedCall(resolve)
        return self._calls.setdefault(name, new)

    def forget(self, name: Name, call: SharedCall[list[Address]]) -> None:
        """Stop sharing a look-up that is complete, or that hangs and nothing waits for any more."""
        if self._calls.get(name) is call:
            # If another thread has just added a new look-up of this name, that is not shared.
            self._calls.pop(name, None)

    def ensure_started(self, call: SharedCall[list[Address]]) -> bool:
        """Start a thread for a look-up if necessary; return whether the look-up will be done."""
        if call.is_claimed:
            return True
        # The call may be in the queue already, if a signal handler has interrupted this method.
        self._queue.append(call)
        return len(self._busy_workers()) == MAX_LOOK_UPS or self._start_worker()

    def _start_worker(self) -> bool:
        """Start a thread, and return whether there is now one that does the look-ups."""
        has_slot = threading.Lock()
        has_slot.acquire()
        if not start_thread(partial(self._work, has_slot)):
            return bool(self._busy_workers())
        # Without this wait, a caller with many names would start many threads before the first one
        # has taken its slot.
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
            # A caller that has added a call meanwhile saw that all slots were busy, and has started
            # no thread.
            slot = self._take_slot() if self._queue else None

    def _take_slot(self) -> threading.Lock | None:
        for slot in self._worker_locks:
            if slot.acquire(blocking=False):
                return slot
        return None

    def _busy_workers(self) -> list[threading.Lock]:
        # Not a generator expression: a Ctrl-C while an unfinished one is closed would be lost.
        return [slot for slot in self._worker_locks if slot.locked()]


_look_ups = _LookUps()


def _forget() -> None:
    """Forget the look-ups in a forked process, which doesn't have its parent's threads."""
    global _look_ups
    _look_ups = _LookUps()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
