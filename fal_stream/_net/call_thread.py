"""A thread for a series of slow calls, such as reading a file piece by piece."""

from __future__ import annotations

import contextlib
import threading
from collections import deque
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from typing_extensions import Self

T = TypeVar("T")


class Call(Generic[T]):
    """A call of a function, and its result.

    Args:
        function: The function.
        deliver: Is called with None when the function has returned or raised; must not raise.
    """

    def __init__(self, function: Callable[[], T], deliver: Callable[[None], None]) -> None:
        self._function = function
        self._deliver = deliver
        self._results: list[T] = []
        self._error: BaseException | None = None

    def run(self) -> None:
        """Call the function."""
        try:
            self._results.append(self._function())
        except BaseException as error:
            self._error = error
        self._deliver(None)

    def result(self) -> T:
        """Return what the function returned, or raise what it raised."""
        error, self._error = self._error, None
        if error is not None:
            raise error
        return self._results.pop()


class CallThread:
    """Makes calls one after the other in a thread of its own; used in a `with` statement.

    The thread is started for the first call, and told to end when the `with` block ends. Nothing
    waits for its end, so a call that hangs delays neither the caller nor the end of the program.
    """

    def __init__(self) -> None:
        self._calls: deque[Call[Any] | None] = deque()
        # Released when there is something to do. Releasing is a single operation of the
        # interpreter, so a signal handler can do it at any time.
        self._idle = threading.Lock()
        self._idle.acquire()
        self._is_started = False

    def begin(self, call: Call[Any]) -> None:
        """Add a call to the queue of the thread.

        Raises:
            RuntimeError: The thread can't be started.
        """
        if not self._is_started:
            threading.Thread(target=self._run, daemon=True, name="fal_stream-call").start()
            self._is_started = True
        self._put(call)

    def _put(self, call: Call[Any] | None) -> None:
        self._calls.append(call)
        with contextlib.suppress(RuntimeError):  # it was released already
            self._idle.release()

    def _run(self) -> None:
        while True:
            self._idle.acquire()
            while self._calls:
                call = self._calls.popleft()
                if call is None:
                    return
                call.run()
                # The result may be large, and the next call may come much later.
                del call

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._put(None)
