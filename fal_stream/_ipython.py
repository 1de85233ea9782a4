"""Work with the running IPython, if there is one; IPython itself is never imported.

Promises: nothing happens in a program that IPython doesn't run, or in a version of IPython with
another interface.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from functools import partial
from types import TracebackType
from typing import Any

__all__ = ["hide_result", "is_kernel", "render_traceback", "running_shell", "shorten_traceback"]

_PACKAGE = __name__.partition(".")[0]

# The methods with which IPython's display hook stores a value (`_`, `Out`, the cell's result).
_KEEPERS = ("update_user_ns", "fill_exec_result")


def running_shell() -> Any:
    """Return IPython's shell, or None if IPython doesn't run the program."""
    get_ipython = getattr(sys.modules.get("IPython"), "get_ipython", None)
    return None if get_ipython is None else get_ipython()


def is_kernel(shell: Any) -> bool:
    """Return whether a shell is a notebook's, and not one in a terminal."""
    return not any(kind.__name__ == "TerminalInteractiveShell" for kind in type(shell).__mro__)


def hide_result(result: object) -> None:
    """Prevent IPython from printing the result of `show()` at the end of a cell.

    IPython prints the value of the last expression of a cell, and that of an image app may be a
    megabyte of base64. The value is still stored in `_` and `Out`. If `show()` is not part of the
    last expression, nothing is hidden: a user that ends a cell with a name wants to see its value.

    Args:
        result: The value that `show()` is about to return.
    """
    shell = running_shell()
    if shell is None or result is None:
        return
    hook = sys.displayhook
    # IPython sets its own hook while a cell runs, and restores the old one at its end.
    if not isinstance(hook, _HidingHook):
        if hook is not getattr(shell, "displayhook", None) or not _can_keep(hook):
            return
        hook = _HidingHook(hook)
    if _ends_with_show(shell):
        hook.hidden.append(result)
        sys.displayhook = hook


def _can_keep(hook: Any) -> bool:
    return all(callable(getattr(hook, name, None)) for name in _KEEPERS)


def _ends_with_show(shell: Any) -> bool:
    import ast

    try:
        cell = shell.history_manager.input_hist_parsed[-1]
        *_, last = ast.parse(cell).body
    except (AttributeError, IndexError, SyntaxError, TypeError, ValueError, RecursionError):
        return False
    return isinstance(last, ast.Expr) and any(
        isinstance(node, ast.Attribute) and node.attr == "show" for node in ast.walk(last)
    )


class _HidingHook:
    """A display hook that calls another hook, except for some values.

    Args:
        hook: IPython's hook.

    Attributes:
        hidden: The values that are not printed.
    """

    def __init__(self, hook: Any) -> None:
        self.hidden: list[object] = []
        self._hook = hook

    def __call__(self, value: object) -> None:
        if not self._is_hidden(value):
            self._hook(value)
            return
        for name in _KEEPERS:
            getattr(self._hook, name)(value)

    def _is_hidden(self, value: object) -> bool:
        if any(value is result for result in self.hidden):
            return True
        # For example, of `asyncio.gather(one.show(), another.show())`.
        return isinstance(value, (list, tuple)) and any(
            any(item is result for result in self.hidden) for item in value
        )


def shorten_traceback(error: BaseException) -> None:
    """Remove frames of this package from the traceback of an interrupt that is raised again.

    The frames of an interrupted wait don't help the user, and fill pages. In IPython, no frame of
    this package is shown. Elsewhere, on Python 3.11 and later, only those of the callers remain.

    Args:
        error: The exception of a Ctrl-C or a cancellation.
    """
    error.__traceback__ = None
    if running_shell() is not None:
        vars(error).setdefault("_render_traceback_", partial(render_traceback, error))


def render_traceback(error: BaseException) -> list[str]:
    """Return the lines of a traceback as IPython formats it, without the frames of this package.

    The message tells what is wrong, and the line of the user's code tells where. IPython calls this
    for exceptions that have it as `_render_traceback_`. With `%xmode Verbose`, the traceback is
    complete.
    """
    shell = running_shell()
    if shell is None:
        import traceback

        return traceback.format_exception(error)
    chain = list(_chain(error))
    tracebacks = [one.__traceback__ for one in chain]
    layout = shell.InteractiveTB
    try:
        if getattr(layout, "mode", None) != "Verbose":
            for one in chain:
                one.__traceback__ = _without_own_frames(one.__traceback__)
        lines: list[str] = layout.structured_traceback(type(error), error, error.__traceback__)
        return lines
    finally:
        for one, whole in zip(chain, tracebacks, strict=True):
            one.__traceback__ = whole


def _chain(error: BaseException) -> Iterator[BaseException]:
    """Return an exception, and the causes and contexts that are shown with it."""
    seen: set[int] = set()
    one: BaseException | None = error
    while one is not None and id(one) not in seen:
        yield one
        seen.add(id(one))
        one = one.__cause__ or (None if one.__suppress_context__ else one.__context__)


def _without_own_frames(whole: TracebackType | None) -> TracebackType | None:
    steps: list[TracebackType] = []
    step = whole
    while step is not None:
        if step.tb_frame.f_globals.get("__name__", "").partition(".")[0] != _PACKAGE:
            steps.append(step)
        step = step.tb_next
    left: TracebackType | None = None
    for step in reversed(steps):
        left = TracebackType(left, step.tb_frame, step.tb_lasti, step.tb_lineno)
    return left if steps else whole
