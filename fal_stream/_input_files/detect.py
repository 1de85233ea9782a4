"""Detect files in an input: paths, open files, bytes, Pillow images, files of web frameworks.

Promises: detection does no I/O and imports nothing: if Pillow isn't imported, no object can be a
Pillow image.
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
        True for a path object, bytes in memory, an object with a `read` method, and a Pillow image.
        A text file counts too, so that opening it raises an error that tells what is wrong.
    """
    if isinstance(value, (str, type)):
        return False
    return isinstance(value, (*MEMORY, os.PathLike)) or can_read(value) or is_image(value)


def safe_getattr(value: object, name: str) -> object:
    """Return an attribute of a foreign object, or None if it has none or reading it raises."""
    try:
        return getattr(value, name, None)
    except Exception as error:
        if raised_by_signal_handler(error) is not None:
            raise
        return None


def can_read(value: object) -> bool:
    """Return whether a value has a `read` method, as open files have."""
    return callable(safe_getattr(value, "read"))


def is_path(value: object) -> TypeGuard[os.PathLike[str]]:
    """Return whether a value is a path object; a `str` is not."""
    return isinstance(value, os.PathLike)


def is_image(value: object) -> bool:
    """Return whether a value is a Pillow image."""
    image = getattr(sys.modules.get("PIL.Image"), "Image", None)
    return isinstance(image, type) and isinstance(value, image)
