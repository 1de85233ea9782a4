"""A progress bar of rich for the progress line, or None if rich is not installed."""

from __future__ import annotations

from typing import Protocol

__all__ = ["Bar", "find_bar"]

_COLUMNS = 20


class Bar(Protocol):
    """A progress bar."""

    @property
    def columns(self) -> int:
        """The number of columns of the bar and the blank after it."""
        raise NotImplementedError

    def draw(self, part: float) -> str:
        """Return the bar and a blank after it, with escape sequences for its colors.

        Args:
            part: The progress, from 0 to 1.
        """
        raise NotImplementedError


def find_bar() -> Bar | None:
    """Return a bar for stderr, or None if rich is not installed."""
    try:
        from rich.console import Console
        from rich.progress_bar import ProgressBar
    except ImportError:
        return None

    class RichBar:
        columns = _COLUMNS + 1

        def __init__(self) -> None:
            self._console = Console(stderr=True, highlight=False)

        def draw(self, part: float) -> str:
            with self._console.capture() as drawn:
                self._console.print(ProgressBar(total=1, completed=part, width=_COLUMNS), end="")
            return f"{drawn.get()} "

    return RichBar()
