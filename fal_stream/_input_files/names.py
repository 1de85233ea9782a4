"""The name and the media type of a file: checked if given, else detected, else generated.

Promises: a wrong argument raises an error; the file's own name is made valid. The type is guessed
from the name by the standard library's `mimetypes`, which includes the types that the system and
the program have added.
"""

from __future__ import annotations

import io
import mimetypes
import os
import re
import sys
import unicodedata
import uuid

from .._checks import short_repr
from .._shared.media_types import essence_of
from ..errors import ConfigError
from .detect import is_path, safe_getattr

DEFAULT_TYPE = "application/octet-stream"
MAX_NAME = 255  # characters; the limit of most file systems
MAX_TYPE = 255

# RFC 9110, section 8.3.1; quoted strings may only contain printable ASCII here.
_TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_QUOTED = r'"(?:[\t\x20\x21\x23-\x5b\x5d-\x7e]|\\[\t\x20-\x7e])*"'
_MEDIA_TYPE = re.compile(rf"{_TOKEN}/{_TOKEN}(?:[\t ]*;[\t ]*{_TOKEN}=(?:{_TOKEN}|{_QUOTED}))*")

# The media types of compressed files, which `mimetypes` reports as another type with an encoding.
_PACKED = {"gzip": "application/gzip", "bzip2": "application/x-bzip2", "xz": "application/x-xz"}
_UNPACKERS = ("bz2", "gzip", "lzma")


def check_content_type(value: object) -> str:
    """Check that a value is a media type, and return it without surrounding white space.

    Raises:
        ConfigError: It is not a media type (RFC 9110, section 8.3.1).
    """
    if isinstance(value, str) and len(value) <= MAX_TYPE:
        text = value.strip(" \t")
        if _MEDIA_TYPE.fullmatch(text):
            return text
    raise ConfigError(
        f"content_type={short_repr(value)} is not a media type: give one like 'image/png', of at "
        f"most {MAX_TYPE} characters"
    )


def check_file_name(value: object) -> str:
    """Check that a value is a file name without folders, of at most 255 characters, and return it.

    Raises:
        ConfigError: It is not such a name.
    """
    if isinstance(value, str) and 0 < len(value) <= MAX_NAME and _made_fit(value) == value:
        return value
    raise ConfigError(
        f"file_name={short_repr(value)} is not a file name: give one like 'fox.png', without "
        f"folders and control characters, of at most {MAX_NAME} characters"
    )


def name_of(file: object) -> str | None:
    """Return the name of a path or an open file, or None.

    Returns:
        The last part of the path, with `_` in the place of characters that a name can't have.
    """
    if type(file).__module__ == "tarfile" and sys.version_info < (3, 12):
        return None  # before Python 3.12, its name is that of the archive
    name = os.fspath(file) if is_path(file) else safe_getattr(file, "name")
    if isinstance(name, bytes):
        name = os.fsdecode(name)
    if not isinstance(name, str) or (name.startswith("<") and name.endswith(">")):
        return None
    name = os.path.basename(name)
    if isinstance(file, io.IOBase) and type(file).__module__ in _UNPACKERS:
        name = os.path.splitext(name)[0]  # reading it returns uncompressed bytes
    return fit_name(name)


def fit_name(name: str) -> str | None:
    """Return a valid name for a file's own name, or None if nothing is left of it."""
    return _made_fit(name[-MAX_NAME:]) or None


def declared_type(file: object) -> str | None:
    """Return the `content_type` of an object, as files of web frameworks have it, or None."""
    value = safe_getattr(file, "content_type")
    if not isinstance(value, str) or essence_of(value) == DEFAULT_TYPE:
        return None
    try:
        return check_content_type(value)
    except ConfigError:
        return None


def unique_name(content_type: str) -> str:
    """Return a unique file name, with the extension of a content type."""
    essence = essence_of(content_type)
    subtype = essence.partition("/")[2]
    extension = mimetypes.guess_extension(essence, strict=False)
    if extension is None:
        extension = f".{subtype}" if subtype.isalnum() else ".bin"
    return f"upload-{uuid.uuid4().hex}{extension}"


def guessed_type(file_name: str) -> str | None:
    """Return the content type for a file name, or None if it is unknown."""
    extension = os.path.splitext(file_name)[1]
    content_type, packed = mimetypes.guess_type(f"file{extension}", strict=False)
    content_type = _PACKED.get(packed, DEFAULT_TYPE) if packed else content_type
    return content_type if content_type and _MEDIA_TYPE.fullmatch(content_type) else None


def _made_fit(name: str) -> str:
    bad = ("Cc", "Cs", "Zl", "Zp")
    text = "".join(
        "_" if char in "/\\" or unicodedata.category(char) in bad else char for char in name
    )
    return "_" if text in (".", "..") else text
