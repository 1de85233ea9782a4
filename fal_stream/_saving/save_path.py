"""Parse the path that the user saves to: a folder, or the name of a file."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from .._checks import short_repr, without_user
from .._shared.file_names import MAX_NAME_BYTES
from .._signal_errors import raised_by_signal_handler
from ..errors import ConfigError, excerpt


@dataclass(frozen=True)
class SavePath:
    """Where to save files.

    Attributes:
        folder: The folder.
        name: The name of the first file, or None to name each file after its content. Default
            None.
    """

    folder: Path
    name: str | None = None


def parse_save_path(argument: str, path: object) -> SavePath:
    """Parse the path to save to; nothing is created yet.

    Args:
        argument: The name of the argument, for the message.
        path: The path, which may begin with `~`. It is a folder if it exists as one, if it ends in
            a separator, or if its last part has no suffix; else it is a file.

    Raises:
        ConfigError: It is not a path, or contains `..`.
    """
    text = str(path) if isinstance(path, (str, Path)) else _text_of(path)
    if not text or "\0" in text:
        raise ConfigError(
            f"{argument}={short_repr(path)} is no path: give a folder, or the name of a file, "
            "'fox.png'"
        )
    if "://" in text:
        shown = without_user(re.split("[?#]", text, maxsplit=1)[0])
        raise ConfigError(
            f"{argument}={short_repr(shown)} is an address, and files are saved "
            "on this machine: give a folder, or the name of a file, 'fox.png'"
        )
    given = Path(text := os.path.expanduser(text))
    if ".." in given.parts:
        raise ConfigError(
            f"{argument}={short_repr(path)} has `..` in it, which could lead anywhere: give the "
            "path that you mean, Path(...).resolve()"
        )
    ends = (os.sep, *([os.altsep] if os.altsep else []))
    if text.endswith(ends) or not given.suffix or os.path.isdir(given):
        return SavePath(given)
    if len(os.fsencode(given.name)) > MAX_NAME_BYTES + 40:
        raise ConfigError(f"{argument}={short_repr(path)} has a name that is too long for a file")
    return SavePath(given.parent, given.name)


def _text_of(path: object) -> str:
    """Return the text of a path object of another library; `""` if it is not a path."""
    if not isinstance(path, os.PathLike):
        return ""
    try:
        return os.fsdecode(path)
    except Exception as error:
        # `__fspath__` may raise any exception.
        if raised_by_signal_handler(error) is not None:
            raise
        return ""


def make_folder(argument: str, save_path: SavePath) -> None:
    """Create the folder to save to, if it doesn't exist.

    Args:
        argument: The name of the argument, for the message.
        save_path: Where to save files.

    Raises:
        ConfigError: The folder can't be created or written to.
    """
    folder = excerpt(str(save_path.folder), 120)
    try:
        save_path.folder.mkdir(parents=True, exist_ok=True)
    except FileExistsError:
        reason = "is a file, not a folder"
    except OSError as error:
        if raised_by_signal_handler(error) is not None:
            raise
        reason = f"can't be made ({error.strerror or type(error).__name__})"
    else:
        if os.access(save_path.folder, os.W_OK | os.X_OK):
            return
        reason = "can't be written to"
    raise ConfigError(f"{argument} {folder} {reason}: give a folder that this program may write to")
