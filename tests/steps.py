"""Stepping through code: something is called, or raised, at one step of it after the other.

So come signal handlers, finalizers and Ctrl-C. A test that steps fails where it made no step.
"""

from __future__ import annotations

import dis
import functools
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from types import CodeType, FrameType, FunctionType, ModuleType
from typing import Any

from typing_extensions import Self

# What no test goes on for.
MOST = 200_000


class Interruption(BaseException):
    """Stands for KeyboardInterrupt, which would end the tests."""


def interrupt() -> None:
    """Raise an interruption, as Python's handler of Ctrl-C does."""
    raise Interruption


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
        self._stepper: _Tracing | _Monitoring | None = None
        self._is_lent = False

    def __call__(self, function: Callable[[], object]) -> Self:
        """Name the function, and whether it raises or not is up to it. Default: `interrupt`."""
        self._function = function
        return self

    def __enter__(self) -> None:
        self._thread = threading.get_ident()
        if self._stepper is None:
            self._stepper = _Stepper(self._files)
        self._stepper.begin(self)

    def __exit__(self, *_: object) -> None:
        assert self._stepper is not None, "it was entered"
        self._stepper.end()
        if not self._is_lent:
            self._stepper.close()
        self._last.clear()

    def lend(self, stepper: _Tracing | _Monitoring) -> None:
        """Have it use what makes the steps of others, too."""
        self._stepper, self._is_lent = stepper, True

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


class _Tracing:
    """Steps of Python before 3.12: those of later ones may pass a trace function over."""

    def __init__(self, files: tuple[str, ...]) -> None:
        self._at: At
        self._before: Any = None

    def begin(self, at: At) -> None:
        self._at = at
        self._before = sys.gettrace()
        sys.settrace(self._trace)

    def end(self) -> None:
        sys.settrace(self._before)

    def close(self) -> None:
        """Nothing is left."""

    def _trace(self, frame: FrameType, event: str, _: Any) -> Any:
        if self._at.reached or not self._at.is_looked_at(frame.f_code):
            return None
        frame.f_trace_opcodes = True
        if event == "opcode":
            self._at.step(frame, frame.f_lasti)
        return self._trace


class _Monitoring:
    """Steps of Python from 3.12 on. To begin with it takes long, so one serves many."""

    def __init__(self, files: tuple[str, ...]) -> None:
        self._at: At | None = None
        # Type checkers look at it as a Python that has none.
        self._monitoring: Any = vars(sys)["monitoring"]
        self._tool = next(tool for tool in (4, 3, 2) if self._monitoring.get_tool(tool) is None)
        self._monitoring.use_tool_id(self._tool, "steps")
        at = At(0, files)
        self._codes = {code for code in _loaded_codes(len(sys.modules)) if at.is_looked_at(code)}
        event = self._monitoring.events.INSTRUCTION
        self._monitoring.register_callback(self._tool, event, self._instruction)
        self._set(event)

    def begin(self, at: At) -> None:
        self._at = at

    def end(self) -> None:
        self._at = None

    def close(self) -> None:
        self._set(0)
        self._monitoring.free_tool_id(self._tool)

    def _set(self, events: int) -> None:
        for code in self._codes:
            self._monitoring.set_local_events(self._tool, code, events)

    def _instruction(self, code: CodeType, offset: int) -> None:
        if self._at is not None:
            self._at.step(sys._getframe(1), offset)


_Stepper = _Tracing if sys.version_info < (3, 12) else _Monitoring


@functools.lru_cache(maxsize=1)
def _loaded_codes(modules: int) -> set[CodeType]:
    """Give the code of what the modules hold that are loaded, whose number is given."""
    codes: set[CodeType] = set()
    seen: set[int] = set()
    things: list[Any] = [
        module for module in list(sys.modules.values()) if type(module) is ModuleType
    ]
    while things:
        thing = things.pop()
        if id(thing) in seen:
            continue
        seen.add(id(thing))
        if isinstance(thing, CodeType):
            codes.add(thing)
            things += [const for const in thing.co_consts if isinstance(const, CodeType)]
        elif isinstance(thing, FunctionType):
            things += [thing.__code__, vars(thing).get("__wrapped__")]
        elif isinstance(thing, property):
            things += [thing.fget, thing.fset]
        elif isinstance(thing, functools.cached_property):
            things.append(thing.func)
        elif isinstance(thing, (classmethod, staticmethod)):
            things.append(thing.__func__)
        elif isinstance(thing, (ModuleType, type)):
            things += list(vars(thing).values())
    return codes


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
    stepper = _Stepper(files)
    try:
        for number in numbers:
            at = At(number, files, like_signals=like_signals)
            at.lend(stepper)
            yield at
    finally:
        stepper.close()


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
            return
    raise AssertionError(f"there is no end of steps in {files}")
