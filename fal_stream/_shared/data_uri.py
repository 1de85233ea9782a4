"""Data URIs (RFC 2397) and base64, as models send files in chunks.

Promises: pure, linear in the text. A message shows at most the beginning of a value.
"""

from __future__ import annotations

import base64
import binascii
import re
from typing import NamedTuple
from urllib.parse import unquote_to_bytes

from ..errors import quoted
from .media_types import checked_type

# The limit of the part before the comma (characters); a text with a longer one is no data URI.
_LONGEST_HEAD = 1_000
_SHOWN = 60

_HEAD = re.compile(r"data:([\w.+-]+/[\w.+-]+)?((?:;[^;,\s]{0,100}){0,8}),", re.IGNORECASE)
_SPACE = re.compile(rb"[\t\n\f\r ]+")
_ALPHABET = bytes.maketrans(b"-_", b"+/")


class DataHead(NamedTuple):
    """The part of a data URI before the data.

    Attributes:
        content_type: The media type, or None if there is none or it is too general.
        is_base64: Whether the data is base64; otherwise it is percent-encoded.
        end: The position at which the data begins.
    """

    content_type: str | None
    is_base64: bool
    end: int


def data_head(text: str) -> DataHead | None:
    """Return the part of a data URI before the data, or None if a text is not a data URI."""
    # A fast path: most texts are not data URIs.
    if text[:5].lower() != "data:":
        return None
    found = _HEAD.match(text[:_LONGEST_HEAD])
    if found is None:
        return None
    marks = (found[2] or "").lower().split(";")
    return DataHead(checked_type((found[1] or "").lower()), "base64" in marks, found.end())


def decode_data_uri(text: str) -> bytes:
    """Return the decoded data of a data URI.

    Raises:
        ValueError: The text is not a data URI, or its base64 is broken; the message begins with
            `is`.
    """
    head = data_head(text)
    if head is None:
        raise ValueError(f"is no data URI: {quoted(text, _SHOWN)}")
    if not head.is_base64:
        return unquote_to_bytes(text[head.end :])
    data = text[head.end :]
    return decode_base64(unquote_to_bytes(data) if "%" in data else data)


def decode_base64(text: str | bytes) -> bytes:
    """Return decoded base64 (RFC 4648, sections 4 and 5); white space and no padding are allowed.

    Raises:
        ValueError: The text is not base64; the message begins with `is`.
    """
    try:
        data = text if isinstance(text, bytes) else text.encode("ascii")
        if _SPACE.search(data):
            data = _SPACE.sub(b"", data)
        data = data.translate(_ALPHABET)
        data += b"=" * (-len(data) % 4)
        return base64.b64decode(data, validate=True)
    except (binascii.Error, UnicodeEncodeError):
        pass
    shown = text if isinstance(text, str) else text[: _SHOWN + 1].decode("latin-1")
    raise ValueError(f"is no base64: {quoted(shown, _SHOWN)}")
