"""The loops that take the chunks of a stream, the same in both flavours and for all contenders.

They are made of one text, as what is measured is a few hundred nanoseconds: a function that is
called for each chunk would be part of it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pydantic import BaseModel

from .workloads import Reading

__all__ = ["Model", "loop_for"]


class Model(BaseModel):
    """A chunk of the works."""

    index: int
    token: str
    done: bool


# What a loop adds up: the index of each chunk, or the length of its text.
_BY_HAND: dict[Reading, str] = {
    "by hand": "validate(chunk).index",
    "text": 'len(chunk["token"])',
}
_BY_CLIENT: dict[Reading, str] = {
    "by hand": "validate(chunk).index",
    "typed": "chunk.index",
    "text": "len(chunk)",
}

_TEXT = """
{start}def read(chunks):
    events = total = 0
    {start}for chunk in chunks:
        events += 1
        total += {value}
    return events, total
"""


def loop_for(reading: Reading, *, is_async: bool, by_client: bool) -> Callable[[Any], Any]:
    """Make a function that reads a stream, and gives how many chunks it had, and their sum.

    Args:
        reading: What is asked for.
        is_async: Whether it awaits the chunks.
        by_client: Whether the client gives models and text, or plain chunks only.
    """
    values = _BY_CLIENT if by_client else _BY_HAND
    value = values.get(reading, 'chunk["index"]')
    made: dict[str, Any] = {"validate": Model.model_validate}
    exec(_TEXT.format(start="async " if is_async else "", value=value), made)
    read: Callable[[Any], Any] = made["read"]
    return read
