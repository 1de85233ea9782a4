"""The name and the media type of a file: checked if given, else detected, else generated.

Promises: an argument that is wrong is refused; a name that was found with the file is made valid.
The type is guessed from the name by the standard library's `mimetypes`, which knows what the system
and the program have added.
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
from .detect import attribute, is_path

DEFAULT_TYPE = "application/octet-stream"
MAX_NAME = 255  # characters; the limit of most file systems
MAX_TYPE = 255

# RFC 9110, section 8.3.1; what is quoted is printable ASCII here.
_TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_QUOTED = r'"(?:[\t\x20\x21\x23-\x5b\x5d-\x7e]|\\[\t\x20-\x7e])*"'
_MEDIA_TYPE = re.compile(rf"{_TOKEN}/{_TOKEN}(?:[\t ]*;[\t ]*{_TOKEN}=(?:{_TOKEN}|{_QUOTED}))*")

# The media types of files that `mimetypes` reports as another type with an encoding.
_PACKED = {"gzip": "application/gzip", "bzip2": "application/x-bzip2", "xz": "application/x-xz"}
_UNPACKERS = ("bz2", "gzip", "lzma")


def check_content_type(value: object) -> str:
    """Check a given content type.

    Args:
        value: A media type (RFC 9110, section 8.3.1), like `image/png`.

    Returns:
        The type, without white space around it.

    Raises:
        ConfigError: It is anything else.
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
    """Check a given file name.

    Args:
        value: A name without folders, in any script, of at most 255 characters.

    Returns:
        The name.

    Raises:
        ConfigError: It is anything else.
    """
    if isinstance(value, str) and 0 < len(value) <= MAX_NAME and _made_fit(value) == value:
        return value
    raise ConfigError(
        f"file_name={short_repr(value)} is not a file name: give one like 'fox.png', without "
        f"folders and control characters, of at most {MAX_NAME} characters"
    )


def name_of(file: object) -> str | None:
    """Return the name that a path or an open file has.

    Args:
        file: The file.

    Returns:
        The last part of its path, with `_` for what a name can't have, or None.
    """
    if type(file).__module__ == "tarfile" and sys.version_info < (3, 12):
        return None  # its name is that of the archive
    name = os.fspath(file) if is_path(file) else attribute(file, "name")
    if isinstance(name, bytes):
        name = os.fsdecode(name)
    if not isinstance(name, str) or (name.startswith("<") and name.endswith(">")):
        return None
    name = os.path.basename(name)
    if isinstance(file, io.IOBase) and type(file).__module__ in _UNPACKERS:
        name = os.path.splitext(name)[0]  # reading it returns uncompressed bytes
    return fit_name(name)


def fit_name(name: str) -> str | None:
    """Make a name that was found with a file fit; None where nothing is left of it."""
    return _made_fit(name[-MAX_NAME:]) or None


def declared_type(file: object) -> str | None:
    """Return the content type that an object has of its own, as files of requests do, or None."""
    value = attribute(file, "content_type")
    if not isinstance(value, str) or essence_of(value) == DEFAULT_TYPE:
        return None
    try:
        return check_content_type(value)
    except ConfigError:
        return None


def unique_name(content_type: str) -> str:
    """Make a name that no other file has.

    Args:
        content_type: The file's type, which gives the extension.

    Returns:
        The name.
    """
    essence = essence_of(content_type)
    subtype = essence.partition("/")[2]
    extension = mimetypes.guess_extension(essence, strict=False)
    if extension is None:
        extension = f".{subtype}" if subtype.isalnum() else ".bin"
    return f"upload-{uuid.uuid4().hex}{extension}"


def guessed_type(file_name: str) -> str | None:
    """Guess the content type of a file from its name.

    Args:
        file_name: The name.

    Returns:
        The type, or None if nothing is known of it.
    """
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
