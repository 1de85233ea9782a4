"""Arguments of a scenario that have a form of their own in each language, and in the server.

Pure data; `python`, `javascript` and `server` make of it what their side takes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from fal_stream.testing.script import Script

__all__ = ["Adds", "File", "Proxy", "Raises", "Returns", "Turns"]


@dataclass(frozen=True)
class Turns:
    """A script that answers each request with the next of some answers.

    Args:
        answers: The answers, or functions that give them; the last one answers all requests that
            follow.
    """

    answers: Sequence[Script]


@dataclass(frozen=True)
class Returns:
    """A function that returns a value, whatever it is called with.

    Args:
        value: The value.
    """

    value: Any


@dataclass(frozen=True)
class Raises:
    """A function that raises an error, whatever it is called with.

    Args:
        message: The error's message.
    """

    message: str


@dataclass(frozen=True)
class File:
    """A file with a name: a `Path` in Python, a `File` in JavaScript.

    Args:
        path: Where it is.
        type: Its media type, which JavaScript has to be told.
    """

    path: Path
    type: str


@dataclass(frozen=True)
class Adds:
    """A request middleware that adds header fields.

    Args:
        headers: The header fields. A value may hold `{url}` and `{name}`: the address that the
            middleware was given, and any header field.
    """

    headers: Mapping[str, str]


@dataclass(frozen=True)
class Proxy:
    """A proxy of fal's kind.

    Args:
        url: Its address.
        when: `always`, or what a function says of whether requests go through it. Default None:
            not said.
        send_key: Whether fal_stream is told to send it the key.
    """

    url: str
    when: Literal["always"] | bool | None = None
    send_key: bool = False
