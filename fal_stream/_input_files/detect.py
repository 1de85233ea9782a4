"""Detect files in an input: paths, open files, bytes, Pillow images, files of web frameworks.

Promises: detection does no I/O and imports nothing: if Pillow isn't imported, no object can be an
image of it.
"""

from __future__ import annotations

import os
import sys
from typing import TypeGuard

from .._signal_errors import raised_by_signal_handler

MEMORY = (bytes, bytearray, memoryview)


def is_file(value: object) -> bool:
    """Return whether a value is a file that can be uploaded.

    Returns:
        True for a path that is no `str`, bytes in memory, whatever has a `read` method, and an
        image of Pillow. A text file counts too: opening it says what is wrong with it.
    """
    if isinstance(value, (str, type)):
        return False
    return isinstance(value, (*MEMORY, os.PathLike)) or can_read(value) or is_image(value)


def attribute(value: object, name: str) -> object:
    """Return an attribute of somebody else's object; None where there is none, or it can't say."""
    try:
        return getattr(value, name, None)
    except Exception as error:
        if raised_by_signal_handler(error) is not None:
            raise
        return None


def can_read(value: object) -> bool:
    """Return whether a value has a `read` method, as open files have."""
    return callable(attribute(value, "read"))


def is_path(value: object) -> TypeGuard[os.PathLike[str]]:
    """Return whether a value is a path; text is none."""
    return isinstance(value, os.PathLike)


def is_image(value: object) -> bool:
    """Return whether a value is an image of Pillow."""
    image = getattr(sys.modules.get("PIL.Image"), "Image", None)
    return isinstance(image, type) and isinstance(value, image)
