"""Find out whether a signal handler raised an exception, or the code that it interrupted.

A handler's exception is raised at whatever line is running: Celery's soft time limit, for example,
in the middle of a library that turns each exception into one of its own. A TimeoutError, which many
handlers of SIGALRM raise, looks there like a timeout of the network.
"""

from __future__ import annotations

import functools
import inspect
import signal
import threading
from types import CodeType, TracebackType


def raised_by_signal_handler(error: BaseException) -> BaseException | None:
    """Find what a signal handler raised.

    Args:
        error: What came out of a call.

    Returns:
        The handler's exception, which may be what `error` was made of; None where no handler had
        to do with it.
    """
    if threading.current_thread() is not threading.main_thread():
        return None  # Python calls signal handlers only in the main thread
    codes = _codes_of_handlers()
    one: BaseException | None = error
    seen: set[int] = set()
    while one is not None and id(one) not in seen:
        seen.add(id(one))
        if _passed_through(one.__traceback__, codes):
            return one
        one = one.__cause__ or one.__context__
    return None


def _codes_of_handlers() -> set[CodeType]:
    handlers: list[object] = [signal.getsignal(number) for number in signal.valid_signals()]
    return {code for handler in handlers if (code := _code_of(handler)) is not None}


def _code_of(handler: object) -> CodeType | None:
    while isinstance(handler, functools.partial):
        handler = handler.func
    handler = getattr(handler, "__func__", handler)
    if not hasattr(handler, "__code__"):
        # An object that is called, or something that is none, as SIG_DFL.
        handler = inspect.getattr_static(type(handler), "__call__", None)
    code = getattr(handler, "__code__", None)
    return code if isinstance(code, CodeType) else None


def _passed_through(traceback: TracebackType | None, codes: set[CodeType]) -> bool:
    while traceback is not None:
        if traceback.tb_frame.f_code in codes:
            return True
        traceback = traceback.tb_next
    return False
