"""Uploaded files of web frameworks (`UploadFile`, `FileStorage`) as inputs.

Promises: detection does no I/O and imports no framework. The file's name is the one that the
visitor's browser gave, not the name of the form field.
"""

from __future__ import annotations

import io
from typing import Any, NamedTuple

from .._signal_errors import raised_by_signal_handler
from .detect import can_read, safe_getattr


class RequestFile(NamedTuple):
    """A file of a request.

    Attributes:
        file: The open file in the framework's object.
        name: The name of the file, or None.
    """

    file: Any
    name: str | None


def request_file(value: object) -> RequestFile | None:
    """Return the open file and the name in a web framework's object, or None for other objects.

    Args:
        value: A `FileStorage` of werkzeug (Flask, Quart), an `UploadFile` of Starlette (FastAPI)
            or Litestar, or any other object with the same attributes.
    """
    # Python's own file objects use these names for other attributes, or warn when they are read.
    if isinstance(value, (io.IOBase, type)):
        return None
    name = safe_getattr(value, "filename")
    if not isinstance(name, str) and not (name is None and _has(value, "filename")):
        return None
    for inner in ("stream", "file"):
        file = safe_getattr(value, inner)
        if can_read(file):
            return RequestFile(file, name or None)
    return None


def _has(value: object, name: str) -> bool:
    try:
        return hasattr(value, name)
    except Exception as error:
        if raised_by_signal_handler(error) is not None:
            raise
        return False
