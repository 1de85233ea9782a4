"""What of a chunk can be shown: text, pictures, progress, a message.

Promises: any value may be given, and is only looked at, up to a bound; what is found is data, and
still has to be escaped by whoever lays it out. No picture is decoded. An address is one of http
or https, or a data URI of a raster image.

Leaves to others: what the chunks before have brought (`frame`).
"""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any, TypeGuard

from pydantic import BaseModel

__all__ = ["PICTURE_LIMIT", "Picture", "TextPart", "find_pictures", "find_progress", "find_text"]

# Of all pictures at once, in characters: a notebook sends and keeps each of them.
PICTURE_LIMIT = 10_000_000
MOST_PICTURES = 8

_MOST_VALUES = 1_000
# Pictures come by the dozen; lists that are longer hold numbers.
_MOST_ITEMS = 32
_DEEPEST = 6
_LONGEST_ADDRESS = 4_000

_DATA_URI = re.compile(r"data:(image/(?:png|jpe?g|gif|webp|avif|bmp))(?:;[\w.=-]+)*;base64,", re.I)
_ANY_DATA_URI = re.compile(r"data:[\w.+-]+/[\w.+-]+[;,]", re.I)
_ADDRESS = re.compile(r"https?://[^\s<>\"'`\\\x00-\x20\x7f-\x9f]+", re.I)
_PICTURE_FILE = re.compile(r"\.(?:png|jpe?g|gif|webp|avif|bmp)(?:[?#]|\Z)", re.I)
_LONGEST_HEAD = 100

_TEXT_FIELDS = ("output", "text", "content", "response", "generated_text")


@dataclasses.dataclass(frozen=True)
class Picture:
    """A picture in a chunk.

    Attributes:
        url: Its address: http, https, or a data URI. None where it is too large to be shown.
        kind: Its media type, or an empty string where nothing tells it.
        size: Its bytes, or None where nothing tells them.
    """

    url: str | None
    kind: str = ""
    size: int | None = None


@dataclasses.dataclass(frozen=True)
class TextPart:
    """Text in a chunk.

    Attributes:
        text: The text.
        is_new: Whether it surely is what is new, and not all text so far.
    """

    text: str
    is_new: bool = False


def fields_of(value: object) -> Mapping[Any, Any] | None:
    """Give the fields of an object of JSON, a pydantic model or a dataclass; None of others."""
    if isinstance(value, Mapping):
        return value
    if isinstance(value, BaseModel):
        return vars(value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        names = [field.name for field in dataclasses.fields(value)]
        return {name: getattr(value, name, None) for name in names}
    return None


def find_text(chunk: object) -> TextPart | None:
    """Find the text of a language model's chunk.

    Args:
        chunk: The chunk.

    Returns:
        What stands in `output`, `text`, `content`, `delta` or the like, or in the chat form
        `choices[0].delta.content`; None without.
    """
    if _is_text(chunk):
        return TextPart(chunk)
    fields = fields_of(chunk)
    if fields is None:
        return None
    for name in _TEXT_FIELDS:
        value = fields.get(name)
        if _is_text(value):
            return TextPart(value)
    outputs = fields.get("outputs")
    if _is_list(outputs) and outputs and all(map(_is_text, outputs)):
        return TextPart("\n".join(outputs))
    delta = fields.get("delta")
    if isinstance(delta, str):
        return TextPart(delta, is_new=True)
    choices = fields.get("choices")
    nested = choices[0] if _is_list(choices) and choices else fields.get("output")
    inner = fields_of(nested)
    if inner is None:
        return None
    inner = fields_of(inner.get("delta")) or inner
    for name in _TEXT_FIELDS:
        value = inner.get(name)
        if _is_text(value):
            return TextPart(value, is_new=_is_list(choices))
    return None


def _is_text(value: object) -> TypeGuard[str]:
    return isinstance(value, str) and _ANY_DATA_URI.match(value[:_LONGEST_HEAD]) is None


def find_progress(chunk: object) -> tuple[float | None, str | None]:
    """Find how far the app is.

    Args:
        chunk: The chunk.

    Returns:
        The part that is done, from 0 to 1, of a `progress` from 0 to 1 or in percent; and the
        `message`. None for what isn't there.
    """
    fields = fields_of(chunk)
    if fields is None:
        return None, None
    message = fields.get("message")
    return _part(fields.get("progress")), message if isinstance(message, str) else None


def _part(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    if not 0 <= value <= 100 or not math.isfinite(value):
        return None
    return float(value) if value <= 1 else value / 100


def find_pictures(chunk: object) -> tuple[Picture, ...]:
    """Find the pictures in a chunk: data URIs, and addresses that are said to be of pictures.

    Args:
        chunk: The chunk.

    Returns:
        The first `MOST_PICTURES`. Those beyond `PICTURE_LIMIT` have no address.
    """
    found: list[Picture] = []
    room = PICTURE_LIMIT
    for text, kind, is_picture in _strings(chunk):
        if len(found) == MOST_PICTURES:
            break
        if any(picture.url == text for picture in found):
            continue
        head = _DATA_URI.match(text[:_LONGEST_HEAD])
        if head is not None:
            size = (len(text) - head.end()) * 3 // 4
            fits = len(text) <= room
            found.append(Picture(text if fits else None, head[1].lower(), size))
            room -= len(text) if fits else 0
        elif _is_address(text) and (is_picture or _PICTURE_FILE.search(text)):
            found.append(Picture(text, kind if kind.startswith("image/") else ""))
    return tuple(found)


def _is_address(text: str) -> bool:
    return len(text) <= _LONGEST_ADDRESS and _ADDRESS.fullmatch(text) is not None


def _strings(chunk: object) -> Iterator[tuple[str, str, bool]]:
    """Give the strings of a chunk, the media type beside each, and if that or a name says picture.

    In the order they stand in, down to a depth, and not more than a number.
    """
    left = _MOST_VALUES
    stack: list[tuple[object, str, bool, int]] = [(chunk, "", False, 0)]
    while stack and left:
        left -= 1
        value, kind, is_picture, depth = stack.pop()
        if isinstance(value, str):
            yield value, kind, is_picture
            continue
        if depth == _DEEPEST:
            continue
        fields = fields_of(value)
        if fields is not None:
            told = fields.get("content_type")
            kind = told if isinstance(told, str) else ""
            is_picture = kind.startswith("image/") if kind else is_picture
            inner = [
                (item, kind, is_picture or (not kind and "image" in str(name)), depth + 1)
                for name, item in islice(fields.items(), left)
            ]
        elif _is_list(value):
            inner = [(item, kind, is_picture, depth + 1) for item in value[:_MOST_ITEMS]]
        else:
            continue
        stack += reversed(inner)


def _is_list(value: object) -> TypeGuard[list[Any] | tuple[Any, ...]]:
    return isinstance(value, (list, tuple))
