"""Faults that are planted on purpose, of the kinds that were found: the histories find each."""

from __future__ import annotations

import contextlib
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass
from typing import Any
from unittest import mock

import fal_stream._async.endable_stream
import fal_stream._sync.token_cache
from fal_stream._net.threads import SharedWork
from fal_stream._net.work_queue import WorkQueue
from fal_stream._shared import api_errors, model_dump
from fal_stream._sync.stream import FalStream
from fal_stream._sync.stream_map import StreamMap
from fal_stream._sync.token_cache import TokenCache

__all__ = ["PLANTED", "Planted", "find"]


@dataclass(frozen=True)
class Planted:
    """A fault.

    Attributes:
        kind: Of which kind it is.
        machine: What it is found with.
        flavour: In which flavour.
        rules: The beginnings of the rules that it may break.
        plant: Has it there, for as long as the context lasts.
    """

    kind: str
    machine: str
    flavour: str
    rules: tuple[str, ...]
    plant: Callable[[], contextlib.AbstractContextManager[Any]]


@contextlib.contextmanager
def locked_line() -> Iterator[None]:
    """Guard the line of a map by a lock, which the interrupted thread may have."""
    lock = threading.Lock()

    def guard(function: Callable[..., Any]) -> Callable[..., Any]:
        def guarded(*args: Any) -> Any:
            lock.acquire()
            try:
                return function(*args)
            finally:
                lock.release()

        return guarded

    with contextlib.ExitStack() as stack:
        for name in ("add", "put_result", "pop_result", "mark_delivered"):
            stack.enter_context(mock.patch.object(WorkQueue, name, guard(getattr(WorkQueue, name))))
        opened: Any = vars(WorkQueue)["unfinished"]
        stack.enter_context(
            mock.patch.object(WorkQueue, "unfinished", property(guard(opened.fget)))
        )
        yield


@contextlib.contextmanager
def hasty_consumer() -> Iterator[None]:
    """Take a result that another thread has taken for the end of the map."""

    def take_next(results: StreamMap[Any, Any]) -> Any:
        work = results._work
        work.check_caller()
        results._wait()
        time.sleep(0)
        item = work.queue.pop_result()
        if item is not None:
            work.start_worker()
            work.queue.mark_delivered(item.index)
            return item
        results.close()
        if work.queue.failure is not None:
            raise work.queue.failure
        raise StopIteration

    with mock.patch.object(StreamMap, "__next__", take_next):
        yield


@contextlib.contextmanager
def poisoned_token() -> Iterator[None]:
    """Leave those who wait for a token alone where the one that asks is interrupted."""
    fetch = TokenCache._fetch_or_wait

    def fetch_or_leave(tokens: TokenCache, *args: Any) -> Any:
        resolve = tokens._resolve
        with mock.patch.object(
            tokens,
            "_resolve",
            lambda key, pending, outcome: outcome and resolve(key, pending, outcome),
        ):
            return fetch(tokens, *args)

    with (
        mock.patch.object(TokenCache, "_fetch_or_wait", fetch_or_leave),
        mock.patch.object(SharedWork, "is_interrupted_here", return_value=False),
    ):
        yield


@contextlib.contextmanager
def unshielded_end() -> Iterator[None]:
    """Leave undone what a cancellation hits of the end of a stream."""

    async def leave(work: Coroutine[Any, Any, Any], interrupt: object) -> None:
        work.close()

    with mock.patch.object(
        fal_stream._async.endable_stream, "async_complete_despite_cancellation", leave
    ):
        yield


@contextlib.contextmanager
def quadratic_masking() -> Iterator[None]:
    """Look for a token from each of many backslashes on."""
    slow = re.compile(r"\\+fal_jwt_token=")

    def mask(text: str) -> str:
        return slow.sub("", text)

    with mock.patch.object(api_errors, "mask_secrets", mask):
        yield


@contextlib.contextmanager
def names_of_python() -> Iterator[None]:
    """Send models under the names that their fields have in Python."""
    with (
        mock.patch.object(model_dump, "_by_alias", return_value=False),
        mock.patch.object(model_dump, "rename_fields"),  # it would give the aliases again
    ):
        yield


@contextlib.contextmanager
def lost_chunk() -> Iterator[None]:
    """Lose a chunk where several come at once."""
    keep = FalStream._buffer_chunks

    def keep_some(stream: FalStream[Any], fresh: list[Any]) -> None:
        before = len(stream.buffer)
        keep(stream, fresh)
        if len(fresh) > 2:
            del stream.buffer[before]

    with mock.patch.object(FalStream, "_buffer_chunks", keep_some):
        yield


PLANTED: dict[str, Planted] = {
    "a lock that a handler waits for": Planted(
        "signals and locks", "map", "threads", ("nothing hangs",), locked_line
    ),
    "a map that ends for the slower consumer": Planted(
        "signals and locks",
        "map",
        "threads",
        ("each input has a result", "no input is lost"),
        hasty_consumer,
    ),
    "a token that nobody fetches any more": Planted(
        "signals and locks",
        "client",
        "threads",
        ("nothing hangs", "only errors of ours", "the client can still"),
        poisoned_token,
    ),
    "an end that a cancellation cuts off": Planted(
        "what a cancellation skips",
        "stream",
        "anyio",
        ("an end on purpose", "each stream has one line", "`error` listeners"),
        unshielded_end,
    ),
    "masking that takes quadratic time": Planted(
        "linear whatever comes",
        "client",
        "threads",
        ("whatever comes", "nothing hangs"),
        quadratic_masking,
    ),
    "models under the names of Python": Planted(
        "what is sent", "client", "threads", ("what is sent is",), names_of_python
    ),
    "a chunk that is lost": Planted(
        "a lost chunk", "stream", "threads", ("no chunk is lost",), lost_chunk
    ),
}


def find(name: str, seconds: float = 60.0) -> tuple[str, str]:
    """Play histories with a fault, in a process of their own: threads may hang in it.

    Args:
        name: The name of the fault.
        seconds: For how long at most.

    Returns:
        The rule that was broken, and what was printed.
    """
    planted = PLANTED[name]
    command = [sys.executable, "-m", "tests.states", planted.machine, "--plant", name]
    command += ["--flavour", planted.flavour, "--seed", "7", "--seconds", str(seconds)]
    command += ["--patience", "2", "--shrink", "10"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=seconds + 60)
    printed = done.stdout + done.stderr
    return printed.partition("broke a rule: ")[2].partition("\n")[0], printed
