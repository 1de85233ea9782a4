"""Argument types for argparse: seconds, whole numbers, `key=value` pairs, headers.

Pure functions. The message for a wrong value says which values are right; argparse puts the name of
the option before it.
"""

from __future__ import annotations

import argparse
import sys

from fal_stream._checks import short_repr
from fal_stream.credentials import is_secret_name
from fal_stream.errors import mask_secrets


def seconds(text: str) -> float | None:
    """Read a time limit: seconds above 0, or `none`.

    Returns:
        The seconds, or None for no limit.

    Raises:
        argparse.ArgumentTypeError: It is no time limit.
    """
    if text.lower() == "none":
        return None
    try:
        limit = float(text)
    except ValueError:
        limit = 0.0
    if 0 < limit <= sys.float_info.max:
        return limit
    raise argparse.ArgumentTypeError(
        f"{short_repr(text)} is not a time limit: give seconds above 0, or none for no limit"
    )


def path(text: str) -> str:
    """Read a path, which is neither empty nor `-`.

    Returns:
        The path.

    Raises:
        argparse.ArgumentTypeError: It is empty or `-`.
    """
    if text == "-":
        raise argparse.ArgumentTypeError(
            "`-` is not stdout here, which has the chunks: give a folder or the name of a file; "
            "leave --output out if the app sends a file itself, and send stdout into one "
            "(> hello.wav); ./- is a folder of that name"
        )
    if text.strip():
        return text
    raise argparse.ArgumentTypeError(
        f"{short_repr(text)} is not a path: give a folder or the name of a file (perhaps a "
        "variable of the shell is not set)"
    )


def whole_number(text: str) -> int:
    """Read a whole number, 0 or more.

    Returns:
        The number.

    Raises:
        argparse.ArgumentTypeError: It is none.
    """
    if text.isascii() and text.isdigit() and len(text) < 16:
        return int(text)
    raise argparse.ArgumentTypeError(f"{short_repr(text)} is not a whole number, 0 or more")


def pair(text: str) -> tuple[str, str]:
    """Read a `key=value`.

    Returns:
        The key and the value.

    Raises:
        argparse.ArgumentTypeError: It is none, or has a key of fal's in it. The value is not shown.
    """
    _refuse_key(text)
    key, separator, value = text.partition("=")
    if key and separator:
        return key, value
    raise argparse.ArgumentTypeError(f"{short_repr(key)} has no key and value: give key=value")


def header(text: str) -> tuple[str, str]:
    """Read a `name: value` whose value may be seen by others.

    Returns:
        The name and the value.

    Raises:
        argparse.ArgumentTypeError: It is none, or holds a secret. The value is not shown.
    """
    _refuse_key(text)
    name, separator, value = text.partition(":")
    if not name or not separator:
        raise argparse.ArgumentTypeError("it has no name and value: give 'name: value'")
    if is_secret_name(name.strip()):
        raise argparse.ArgumentTypeError(
            f"{short_repr(name)} holds a secret, and others on this machine may see arguments: the "
            "key is read from the environment (FAL_KEY); other secrets go into a script of your own"
        )
    return name, value


def _refuse_key(text: str) -> None:
    if mask_secrets(text) != text:
        raise argparse.ArgumentTypeError(
            "it holds what looks like a key (it is not shown), and others on this machine may see "
            "arguments: the key is read from the environment (FAL_KEY)"
        )
