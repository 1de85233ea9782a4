"""Detect whether an exception was raised by a signal handler, or by the code that it interrupted.

A handler's exception, such as Celery's soft time limit, is raised at the line that is running, for
example in a library that turns each exception into one of its own. A `TimeoutError`, which many
handlers of SIGALRM raise, looks there like a timeout of the network.
"""

from __future__ import annotations

import functools
import sys
import threading
from types import CodeType, FrameType, TracebackType

# Packages and modules that contain no handlers of the user.
_NO_HANDLERS = frozenset({"fal_stream", "pydantic", "selectors", "socket", "ssl"})


def raised_by_signal_handler(error: BaseException) -> BaseException | None:
    """Return the exception that a signal handler has raised, or None.

    It is called in an `except` clause. An exception that a caller is handling in an `except` clause
    of its own is ignored, although Python stores it as the context of this one.

    Args:
        error: The exception of a call.

    Returns:
        The handler's exception: `error` itself, or the one that `error` was made from.
    """
    if threading.get_ident() != threading.main_thread().ident:
        return None  # Python calls signal handlers only in the main thread
    one: BaseException | None = error
    seen: set[int] = set()
    while one is not None and id(one) not in seen:
        seen.add(id(one))
        if _passed_through_handler(one.__traceback__):
            return one
        one = one.__cause__ or one.__context__
        if one is not None and _is_caught_by(one, sys._getframe(1).f_back):
            return None
    return None


class suppress_errors:  # noqa: N801 - it is used as `contextlib.suppress` is
    """Suppress exceptions as `contextlib.suppress` does, except those of a signal handler.

    Args:
        *types: The types of exceptions to suppress.
    """

    def __init__(self, *types: type[BaseException]) -> None:
        self._types = types

    def __enter__(self) -> None:
        pass

    def __exit__(
        self,
        type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool:
        if not isinstance(error, self._types):
            return False
        raised = raised_by_signal_handler(error)
        if raised is not None and raised is not error:
            raise raised
        return raised is None


def _is_caught_by(error: BaseException, frame: FrameType | None) -> bool:
    """Return whether an exception was caught in a frame or in one of its callers."""
    traceback = error.__traceback__
    while traceback is not None and frame is not None:
        if frame is traceback.tb_frame:
            return True
        frame = frame.f_back
    return False


def _passed_through_handler(traceback: TracebackType | None) -> bool:
    codes = set[CodeType]()
    while traceback is not None:
        frame = traceback.tb_frame
        name = str(frame.f_globals.get("__name__"))
        if name.partition(".")[0] not in _NO_HANDLERS:
            codes.add(frame.f_code)
        traceback = traceback.tb_next
    # Most errors come from the network, and need not be compared with the handlers.
    return bool(codes) and not codes.isdisjoint(_codes_of_handlers())


def _codes_of_handlers() -> set[CodeType]:
    # Imported here, because a program with handlers has imported it already.
    import signal

    handlers: list[object] = [signal.getsignal(number) for number in _signal_numbers()]
    return {code for handler in handlers if (code := _code_of(handler)) is not None}


@functools.cache
def _signal_numbers() -> tuple[int, ...]:
    import signal

    return tuple(signal.valid_signals())


def _code_of(handler: object) -> CodeType | None:
    while isinstance(handler, functools.partial):
        handler = handler.func
    handler = getattr(handler, "__func__", handler)
    if not hasattr(handler, "__code__"):
        import inspect

        # A callable object, or a value that isn't callable, such as SIG_DFL.
        handler = inspect.getattr_static(type(handler), "__call__", None)
    code = getattr(handler, "__code__", None)
    return code if isinstance(code, CodeType) else None
