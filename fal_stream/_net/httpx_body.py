"""Read a response body with httpx's own reader, under our timeouts, both flavours side by side.

httpx doesn't know our aborts and timeouts. If it tells which socket it reads, it is called in the
caller's task or thread, and a read is ended by shutting that socket down. If it doesn't (a
transport without a network, a connection that several requests share), it is called in a task or a
thread of its own, which is not waited for after an abort or a timeout.
"""

from __future__ import annotations

import os
import queue
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from functools import partial
from typing import Any, TypeAlias, TypeVar

from .._signal_errors import raised_by_signal_handler, suppress_errors
from ..errors import StreamConnectionError
from .async_exchange import AsyncExchange
from .cancellation import async_complete_despite_cancellation
from .flavour_pairs import MAX_WAIT_SLICE
from .http_errors import HttpLibraryError, read_error
from .log_redaction import RedactedLogs
from .read_timer import ReadTimer
from .response_connection import ResponseConnection
from .sockets import shut_down
from .sync_exchange import Exchange
from .timers import call_later

# The limit of pieces that are read after the socket was shut down, to get to the end of the body.
_LAST_PIECES = 100

T = TypeVar("T")

_ReadResult: TypeAlias = tuple[bytes, Exception | None]


class AsyncHttpxBody:
    """The body of a response of the user's own HTTP client, in one event loop.

    Args:
        pieces: The HTTP library's reader.
        close: Closes the response.
        connection: The connection that the reader reads from.
        exchange: The exchange that the response belongs to.
        logs: Masks the secrets of the request in the log records of the HTTP library.
    """

    def __init__(
        self,
        pieces: AsyncIterator[bytes],
        close: Callable[[], Coroutine[Any, Any, None]],
        connection: ResponseConnection,
        exchange: AsyncExchange,
        logs: RedactedLogs,
    ) -> None:
        self._pieces = pieces
        self._close = close
        self._logs = logs
        self._exchange = exchange
        self._has_socket = connection.own_sock is not None
        self._shut_down = partial(shut_down, connection.own_sock)
        self._timer = ReadTimer(exchange.loop.call_later, self._shut_down)
        self._is_attached = self._is_busy = self._has_ended = self._is_released = False

    def attach(self) -> None:
        """Make an abort of the exchange shut the socket down."""
        self._is_attached = True
        if self._has_socket:
            self._exchange.set_waker(self._shut_down)

    async def read(self) -> bytes:
        """Wait for some bytes.

        Returns:
            The bytes, `b""` at the end of the body.

        Raises:
            Aborted: The exchange was aborted.
            Expired: A limit of the watchdog has run out.
            HttpLibraryError: The connection broke, or the server sent invalid HTTP.
            Exception: Any other exception that was raised meanwhile, such as a signal handler's.
        """
        if not self._has_socket:
            result: _ReadResult = await self._exchange.call(self._read_result)
            return _data_of(result)
        exchange, timer, watchdog = self._exchange, self._timer, self._exchange.watchdog
        exchange.raise_if_aborted()
        data, failure = b"", None
        try:
            timer.begin(watchdog.enter())
            data, failure = await self._read_result()
        finally:
            timer.end()
            watchdog.leave()
        if not data:
            _check(failure, exchange, timer)
        return data

    async def _read_result(self) -> _ReadResult:
        """Return what was read, or the exception, whose traceback may show secrets."""
        self._is_busy = True
        try:
            with self._logs:
                while not (data := await self._pieces.__anext__()):
                    pass
        except StopAsyncIteration:
            self._has_ended = True
            return b"", None
        except Exception as error:
            return b"", error
        else:
            return data, None
        finally:
            self._is_busy = False
            if self._is_released:
                await self._close_quietly()

    async def release(self) -> None:
        """Close the response; the HTTP library keeps the connection if the body has ended."""
        if self._is_released:
            return
        self._is_released = True
        if self._is_attached:
            self._exchange.detach()
        self._timer.stop()
        if self._is_busy:
            # Closing the socket during a read would not wake the reader; the reader closes it.
            self._shut_down()
        else:
            await async_complete_despite_cancellation(self._close_quietly(), self._shut_down)

    def abandon(self) -> None:
        """Close the response without waiting for it; callable from any thread."""
        if self._is_released:
            return
        self._is_released = True
        if self._is_attached:
            self._exchange.detach()
        self._shut_down()
        self._exchange.loop.call_soon(self._close_soon)

    def _close_soon(self) -> None:
        self._timer.stop()
        if not self._is_busy:
            # Keep a reference to the task, because an event loop has only weak ones.
            _closing[self] = self._exchange.loop.spawn(self._close_quietly, self._has_closed)

    def _has_closed(self) -> None:
        _closing.pop(self, None)

    async def _close_quietly(self) -> None:
        # The stream has ended already, so an error while its connection is closed doesn't matter.
        if self._has_socket and not self._has_ended:
            # httpx uses nested generators. One that isn't read to its end is left to the garbage
            # collector, and trio warns about that.
            self._shut_down()
            with suppress_errors(Exception):
                for _ in range(_LAST_PIECES):
                    await self._pieces.__anext__()
        with suppress_errors(Exception):
            await self._close()


_closing: dict[AsyncHttpxBody, Callable[[], object]] = {}


class HttpxBody:
    """See `AsyncHttpxBody`; the blocking flavour."""

    def __init__(
        self,
        pieces: Iterator[bytes],
        close: Callable[[], None],
        connection: ResponseConnection,
        exchange: Exchange,
        logs: RedactedLogs,
    ) -> None:
        # Returns a piece, or None at the end.
        take: Any = partial(logs.context().run, next, pieces, None)
        self._take: Callable[[], bytes | None] = take
        self._close = close
        self._exchange = exchange
        self._connection = connection
        self._name = connection.join()
        self._has_socket = connection.own_sock is not None
        self._shut_down = partial(_shut_down_here, connection.sock, os.getpid())
        self._timer = ReadTimer(call_later, self._shut_down)
        self._worker: _Worker | None = None
        self._is_attached = self._is_busy = self._is_released = False

    def attach(self) -> None:
        """See `AsyncHttpxBody`."""
        self._is_attached = True
        if self._has_socket:
            self._exchange.set_waker(self._shut_down)

    def read(self) -> bytes:
        """See `AsyncHttpxBody`; a signal handler's exception is raised unchanged."""
        if not self._has_socket:
            return self._read_in_worker()
        exchange, timer, watchdog = self._exchange, self._timer, self._exchange.watchdog
        exchange.raise_if_aborted()
        data, failure = b"", None
        try:
            timer.begin(watchdog.enter())
            data, failure = self._read_result()
        finally:
            timer.end()
            watchdog.leave()
        if not data:
            _check(failure, exchange, timer)
        return data

    def _read_in_worker(self) -> bytes:
        if self._worker is None:
            self._worker = _Worker()
        # Set before the thread starts, which may be late.
        self._is_busy = True
        begin = partial(self._worker.begin, self._read_result)
        result: _ReadResult = self._exchange.wait_for_callback(begin)
        return _data_of(result)

    def _read_result(self) -> _ReadResult:
        """See `AsyncHttpxBody`."""
        self._is_busy = True
        try:
            while (data := self._take()) == b"":
                pass
        except Exception as error:
            return b"", error
        else:
            return data or b"", None
        finally:
            self._is_busy = False
            if self._is_released:
                self._connection.stop_reading(self._name)
                self._close_quietly()

    def release(self) -> None:
        """See `AsyncHttpxBody`."""
        if self._is_released:
            return
        self._is_released = True
        if self._is_attached:
            self._exchange.detach()
        self._timer.stop()
        is_busy, worker = self._is_busy, self._worker
        is_deserted = self._connection.leave(self._name, is_read=is_busy)
        if is_deserted or (is_busy and self._has_socket):
            self._shut_down()
        # Closing the socket during a read would not wake the reader; the reader closes it.
        if worker is not None:
            worker.stop(self._close_quietly)
            if is_deserted or not is_busy:
                # Until the response is closed, httpx may give its connection to the next request,
                # even if the connection was shut down.
                worker.thread.join(MAX_WAIT_SLICE)
        elif not is_busy:
            self._close_quietly()

    def abandon(self) -> None:
        """See `AsyncHttpxBody`.

        A finalizer calls this, perhaps while its thread holds a lock that closing would acquire, so
        the response is closed in another thread.
        """
        if self._is_released:
            return
        self._is_released = True
        if self._is_attached:
            self._exchange.detach()
        self._timer.stop()
        is_busy = self._is_busy
        if self._connection.leave(self._name, is_read=is_busy) or self._has_socket:
            self._shut_down()
        if self._worker is not None:
            self._worker.stop(self._close_quietly)
        elif not is_busy:
            call_later(0.0, self._close_quietly)

    def _close_quietly(self) -> None:
        try:
            self._close()
        except Exception as error:
            # The stream has ended already, so an error while its connection is closed doesn't
            # matter.
            raised = raised_by_signal_handler(error)
        else:
            return
        if raised is not None:
            raise raised


def _shut_down_here(sock: Any, process: int) -> None:
    # A forked process shares the socket with its parent, which may still use it.
    if process == os.getpid():
        shut_down(sock)


class _Worker:
    """A thread that reads one body.

    Attributes:
        thread: The thread.

    Raises:
        StreamConnectionError: No thread can be started.
    """

    def __init__(self) -> None:
        self._jobs: queue.SimpleQueue[Callable[[], object] | None] = queue.SimpleQueue()
        self.thread = threading.Thread(target=self._run, daemon=True, name="fal_stream-read")
        try:
            self.thread.start()
        except RuntimeError as error:
            if raised_by_signal_handler(error) is not None:
                raise
            is_started = False
        else:
            is_started = True
        if not is_started:
            raise StreamConnectionError("no thread can be started, to read the response in")

    def begin(self, function: Callable[[], T], deliver: Callable[[T], None]) -> None:
        """Call a function, which must not raise, in the thread, and deliver its result."""
        self._jobs.put(lambda: deliver(function()))

    def stop(self, last: Callable[[], object]) -> None:
        """Call one more function in the thread, then end the thread."""
        self._jobs.put(last)
        self._jobs.put(None)

    def _run(self) -> None:
        while (job := self._jobs.get()) is not None:
            job()
            # A reference would keep the body from being garbage-collected, and so from being
            # closed.
            del job


def _data_of(result: _ReadResult) -> bytes:
    data, failure = result
    if failure is not None:
        raise read_error(failure)
    return data


def _check(failure: Exception | None, exchange: AsyncExchange | Exchange, timer: ReadTimer) -> None:
    """Raise the reason why a read returned nothing, unless it was the end of the body."""
    raised = None if failure is None else read_error(failure)
    if raised is not None and not isinstance(raised, HttpLibraryError):
        raise raised
    exchange.raise_if_aborted()
    if timer.has_expired:
        raise exchange.watchdog.next_expiry()
    if raised is not None:
        raise raised
