"""Shorten chunks and texts, and make them safe to print.

Promises: a data URI is replaced by its beginning and its size, and control characters are replaced.
"""

from __future__ import annotations

import re
import reprlib
import unicodedata
from itertools import islice
from typing import Any

from .._shared.chunk_fields import fields_of

__all__ = ["encodable", "format_size", "short_chunk_repr", "terminal_safe", "truncated"]

_DATA_URI = re.compile(r"data:[\w.+-]+/[\w.+-]+[^,]{0,60},", re.I)
_LONGEST_STRING = 200
# Control characters except line ends and tabs, characters that change the writing direction, which
# could make a line look like another one, and surrogates.
_CONTROL = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)
# A lone surrogate, which JSON may contain, but which can't be encoded as UTF-8.
_SURROGATE = re.compile(r"[\ud800-\udfff]")


def format_size(count: float) -> str:
    """Return a number of bytes as text, with a unit."""
    for unit in ("bytes", "kB", "MB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "bytes" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} GB"


def terminal_safe(text: str) -> str:
    """Return a text with control characters replaced, which could control the terminal."""
    return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", text.replace("\r\n", "\n"))


def encodable(text: str) -> str:
    """Return a text with lone surrogates replaced, which can't be encoded."""
    return _SURROGATE.sub("\N{REPLACEMENT CHARACTER}", text)


def truncated(text: str, columns: int, *, at_end: bool = True) -> str:
    """Return a line cut to a number of columns of a terminal.

    Args:
        text: The line.
        columns: The number of columns.
        at_end: Whether to cut off the end. Default True; False cuts off the beginning.
    """
    width = 0
    for number, character in enumerate(text if at_end else reversed(text)):
        width += _width(character)
        if width > columns:
            return text[:number] if at_end else text[len(text) - number :]
    return text


def _width(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def short_chunk_repr(value: object) -> str:
    """Return the repr of a chunk, with long strings and lists shortened."""
    return terminal_safe(_SHORTENER.repr(value))


class _Shortener(reprlib.Repr):
    def __init__(self) -> None:
        super().__init__()
        self.maxlevel = 6
        self.maxlist = self.maxtuple = self.maxdict = 12
        self.maxstring = self.maxother = _LONGEST_STRING

    def repr1(self, x: Any, level: int) -> str:
        if isinstance(x, (bytes, bytearray)):
            return f"<{format_size(len(x))}>" if len(x) > _LONGEST_STRING else repr(x)
        fields = fields_of(x)
        if fields is None or isinstance(x, dict):
            return super().repr1(x, level)
        if level <= 0:
            return f"{type(x).__name__}(...)"
        parts = [f"{name}={self.repr1(item, level - 1)}" for name, item in fields.items()]
        return f"{type(x).__name__}({', '.join(parts[: self.maxdict])})"

    def repr_str(self, x: str, level: int) -> str:
        head = _DATA_URI.match(x[:_LONGEST_STRING])
        if head is not None and len(x) > head.end() + 20:
            return repr(f"{head[0]}... {format_size(len(x))}")
        return repr(x) if len(x) <= self.maxstring else repr(x[: self.maxstring] + "...")

    def repr_dict(self, x: dict[Any, Any], level: int) -> str:
        if level <= 0:
            return "{...}"
        # In the order of the dict; `reprlib` would sort the keys.
        items = islice(x.items(), self.maxdict)
        parts = [f"{self.repr1(k, level - 1)}: {self.repr1(v, level - 1)}" for k, v in items]
        return "{" + ", ".join([*parts, *(["..."] if len(x) > len(parts) else [])]) + "}"


_SHORTENER = _Shortener()
