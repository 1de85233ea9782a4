"""Finds the IPython that runs this program, and never imports it."""

from __future__ import annotations

import sys
from typing import Any

__all__ = ["is_kernel", "running_shell"]


def running_shell() -> Any:
    """Give IPython's shell, or None where the program is not run by IPython."""
    get_ipython = getattr(sys.modules.get("IPython"), "get_ipython", None)
    return None if get_ipython is None else get_ipython()


def is_kernel(shell: Any) -> bool:
    """Tell whether a shell is that of a notebook, and not one in a terminal."""
    return not any(kind.__name__ == "TerminalInteractiveShell" for kind in type(shell).__mro__)
