"""Stepping through code: something is called, or raised, at one step of it after the other.

So come signal handlers, finalizers and Ctrl-C. A test that steps fails where it made no step.
"""

from __future__ import annotations

import contextlib
import dis
import gc
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from types import CodeType, FrameType
from typing import Any

from typing_extensions import Self

# What no test goes on for.
MOST = 200_000


class Interruption(BaseException):
    """Stands for KeyboardInterrupt, which would end the tests."""


def interrupt() -> None:
    """Raise an interruption, as Python's handler of Ctrl-C does."""
    raise Interruption


@contextlib.contextmanager
def uncollected() -> Iterator[None]:
    """Keep the collector out of what is stepped through.

    What an earlier step has left would be collected in it, now and then: its finalizer would be
    stepped through, and what is raised in one reaches nobody.
    """
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collects:
            gc.enable()


class At:
    """Has a function called at one step of the calling thread in some code.

    A step is a bytecode that is about to be executed.

    Args:
        number: Which step, from 0.
        files: Parts of the names of the files whose code is looked at.
        like_signals: Whether only the steps count before which the interpreter looks for signals:
            it does so after a call, at the begin of a function and at a jump back, and not between
            the last call in a `with` block and its `__exit__`, for one. Default False.

    Attributes:
        count: How many steps were made until the function was called.
        reached: Whether it was called.
    """

    def __init__(self, number: int, files: tuple[str, ...], *, like_signals: bool = False) -> None:
        self.count = 0
        self.reached = False
        self._number = number
        self._files = files
        self._like_signals = like_signals
        self._function: Callable[[], object] = interrupt
        self._thread = 0
        self._last: dict[FrameType, int] = {}
        self._before: Any = None

    def __call__(self, function: Callable[[], object]) -> Self:
        """Name the function, and whether it raises or not is up to it. Default: `interrupt`."""
        self._function = function
        return self

    def __enter__(self) -> None:
        self._thread = threading.get_ident()
        self._uncollected = uncollected()
        self._uncollected.__enter__()
        # Python 3.12.1 looks here for whether anybody traces bytecodes.
        sys._getframe().f_trace_opcodes = True
        self._before = sys.gettrace()
        sys.settrace(self._trace)

    def __exit__(self, *_: object) -> None:
        sys.settrace(self._before)
        self._last.clear()
        self._uncollected.__exit__(None, None, None)

    def _trace(self, frame: FrameType, event: str, _: Any) -> Any:
        if self.reached or not self.is_looked_at(frame.f_code):
            return None
        frame.f_trace_opcodes = True
        if event == "opcode":
            self.step(frame, frame.f_lasti)
        return self._trace

    def is_looked_at(self, code: CodeType) -> bool:
        """Tell whether the steps of some code count."""
        name = code.co_filename
        return any(part in name for part in self._files) and name != __file__

    def step(self, frame: FrameType, offset: int) -> None:
        """Note a step that is about to be made."""
        if self.reached or threading.get_ident() != self._thread:
            return
        if self._like_signals:
            last = self._last.get(frame)
            self._last[frame] = offset
            if not _is_looked_for_signals(frame.f_code, last, offset):
                return
        self.count += 1
        if self.count > self._number:
            self.reached = True
            self._function()


def _is_looked_for_signals(code: CodeType, last: int | None, offset: int) -> bool:
    if last is None:
        return _name_at(code, offset) not in ("SETUP_FINALLY", "SETUP_WITH", "RESUME")
    name = _name_at(code, last)
    is_call = "CALL" in name and name != "PRECALL"
    return is_call or name == "RESUME" or (name.startswith("JUMP") and offset < last)


_names: dict[CodeType, dict[int, str]] = {}


def _name_at(code: CodeType, offset: int) -> str:
    if code not in _names:
        _names[code] = {step.offset: step.opname for step in dis.get_instructions(code)}
    return _names[code].get(offset, "")


def steps_at(numbers: Iterable[int], *files: str, like_signals: bool = False) -> Iterator[At]:
    """Go through code, each time up to another step.

    Each `At` is to be used in one `with` around the code. A function that is called is called at
    any bytecode; one that raises should be `like_signals`, for Ctrl-C comes nowhere else.

    Args:
        numbers: The numbers of the steps, from 0.
        *files: Parts of the names of the files whose code is looked at.
        like_signals: See `At`. Default False.

    Yields:
        What calls a function at that step.
    """
    for number in numbers:
        yield At(number, files, like_signals=like_signals)
    check_are_loaded(files)


def check_are_loaded(files: Iterable[str]) -> None:
    """See that each name is that of a module, so that a renamed one isn't missed."""
    loaded = [str(getattr(module, "__file__", "")) for module in list(sys.modules.values())]
    unknown = [part for part in files if not any(part in path for path in loaded)]
    assert not unknown, f"no module is loaded from {unknown}"


def each_step(
    *files: str, like_signals: bool = False, stride: int = 1, least: int = 20
) -> Iterator[At]:
    """Go through code as `steps_at` does, until it is over before the step comes.

    Args:
        *files: See `steps_at`.
        like_signals: See `At`. Default False.
        stride: How many steps it goes on by. Default 1.
        least: How many steps there have to be. Default 20.

    Yields:
        What calls a function at that step.
    """
    for at in steps_at(range(0, MOST, stride), *files, like_signals=like_signals):
        yield at
        if not at.reached:
            assert at.count >= least, f"{at.count} steps were made in {files}"
            check_are_loaded(files)
            # What was torn apart is closed here, and not in the middle of another test.
            gc.collect()
            return
    raise AssertionError(f"there is no end of steps in {files}")
