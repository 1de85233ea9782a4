"""Argument types for argparse: seconds, whole numbers, `key=value` pairs, headers.

Pure functions. The message for a wrong value tells which values are right; argparse puts the name
of the option before it.
"""

from __future__ import annotations

import argparse
import sys

from fal_stream._checks import short_repr
from fal_stream.credentials import is_secret_name
from fal_stream.errors import mask_secrets


def seconds(text: str) -> float | None:
    """Return a time limit: seconds above 0, or None for `none`.

    Raises:
        argparse.ArgumentTypeError: The text is not a time limit.
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
    """Return a path, which must be neither empty nor `-`.

    Raises:
        argparse.ArgumentTypeError: The path is empty or `-`.
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
    """Return a whole number, 0 or more.

    Raises:
        argparse.ArgumentTypeError: The text is not such a number.
    """
    if text.isascii() and text.isdigit() and len(text) < 16:
        return int(text)
    raise argparse.ArgumentTypeError(f"{short_repr(text)} is not a whole number, 0 or more")


def pair(text: str) -> tuple[str, str]:
    """Return the key and the value of a `key=value`.

    Raises:
        argparse.ArgumentTypeError: The text is not of this form, or contains a fal API key. The
            value is not shown.
    """
    _refuse_key(text)
    key, separator, value = text.partition("=")
    if key and separator:
        return key, value
    raise argparse.ArgumentTypeError(f"{short_repr(key)} has no key and value: give key=value")


def header(text: str) -> tuple[str, str]:
    """Return the name and the value of a `name: value`, which must not be secret.

    Raises:
        argparse.ArgumentTypeError: The text is not of this form, or contains a secret. The value is
            not shown.
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
