"""Shell completion with argcomplete, which runs the program to get the completions.

Imported only if a shell asks for completions (`_ARGCOMPLETE` is set). Without argcomplete it does
nothing.
"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from fal_stream._cli.parsers import COMMANDS, program_name
from fal_stream.middleware import METHODS

if TYPE_CHECKING:
    from argcomplete.completers import BaseCompleter

__all__ = ["complete"]

_WORDS = {
    "method": METHODS,
    "priority": ("low", "normal"),
    **dict.fromkeys(("timeout", "event_timeout", "start_timeout", "total_timeout"), ("none",)),
}


def complete() -> None:
    """Print the completions and end the process; return if argcomplete is not installed."""
    try:
        import argcomplete
    except ImportError:
        return
    main = argparse.ArgumentParser(program_name())
    main.add_argument("--version", action="store_true")
    commands = main.add_subparsers()
    for name, make in COMMANDS.items():
        commands.add_parser(name, parents=[make(program_name())], add_help=False)
    argcomplete.autocomplete(
        main, always_complete_options="long", default_completer=_value_completer()
    )


def _value_completer() -> BaseCompleter:
    from argcomplete.completers import BaseCompleter, DirectoriesCompleter, FilesCompleter

    files, folders = FilesCompleter(), DirectoriesCompleter()

    class ValueCompleter(BaseCompleter):
        """Completes the values of arguments: files, folders and known words."""

        def __call__(self, *, prefix: str, action: argparse.Action, **others: Any) -> list[str]:
            if action.dest == "items":
                key, separator, path = prefix.partition("@")
                return [f"{key}@{name}" for name in files(path)] if separator else []
            if action.dest == "input_file":
                return files(prefix)
            if action.dest == "output":
                return list(folders(prefix))
            return [word for word in _WORDS.get(action.dest, ()) if word.startswith(prefix)]

    return ValueCompleter()
