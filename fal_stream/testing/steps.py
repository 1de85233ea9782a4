"""The steps of a script, and the bytes of each in the body of a response.

Promises: a step that can't be played raises an error when it is created; the message contains the
argument, the value and what to do. Not here: HTTP framing and time (`player`), and the head
(`reply`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TypeAlias

from fal_stream.errors import ConfigError
from fal_stream.testing.checks import (
    check_bytes,
    check_line,
    check_seconds,
    check_text,
    check_whole,
    describe,
    encode_json,
)

__all__ = [
    "Cut",
    "End",
    "Event",
    "Hang",
    "Pause",
    "Ping",
    "PlayableStep",
    "Raw",
    "Step",
    "Wire",
    "encode_step",
]

_LINE_END = re.compile(r"\r\n|\r|\n")


@dataclass(frozen=True)
class Event:
    """One server-sent event with fields of your choice (WHATWG HTML, section 9.2.6).

    Args:
        data: The data; each of its lines becomes a `data` line.
        event: The event's name, or None for no `event` line.
        id: The event's id, or None for no `id` line.
        retry: The reconnection time in milliseconds, or None for no `retry` line.

    Raises:
        ConfigError: A field cannot be written in that form.
    """

    data: str
    event: str | None = None
    id: str | None = None
    retry: int | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.data, str):
            raise ConfigError(
                f"data is {describe(self.data)}; give a string, or leave Event out: "
                "a plain value in a script is sent as JSON"
            )
        check_text("data", self.data)
        for argument, value in (("event", self.event), ("id", self.id)):
            if value is not None:
                check_line(argument, value)
        if self.retry is not None:
            check_whole("retry", self.retry, 0)

    def encode(self) -> bytes:
        """Return the lines of the event in UTF-8, with the empty line at its end."""
        fields = (("event", self.event), ("id", self.id), ("retry", self.retry))
        lines = [f"{name}: {value}" for name, value in fields if value is not None]
        lines += [f"data: {line}" for line in _LINE_END.split(self.data)]
        return ("\n".join(lines) + "\n\n").encode()


@dataclass(frozen=True)
class Pause:
    """A pause, after which the script goes on.

    Args:
        seconds: The length of the pause, 0 or more.

    Raises:
        ConfigError: The time is negative, infinite or not a number.
    """

    seconds: float

    def __post_init__(self) -> None:
        check_seconds("seconds", self.seconds)


@dataclass(frozen=True)
class Ping:
    """A comment, as servers send it to keep a connection alive.

    Args:
        comment: The text of the comment, one line.

    Raises:
        ConfigError: The comment is no single line.
    """

    comment: str = "ping"

    def __post_init__(self) -> None:
        check_line("comment", self.comment)


@dataclass(frozen=True)
class Raw:
    """Bytes of the body that are sent unchanged: half an event, bad UTF-8, bad JSON.

    Args:
        data: The bytes. They are still framed as HTTP; `Wire` is for bytes that are not.

    Raises:
        ConfigError: The data is not `bytes`.
    """

    data: bytes

    def __post_init__(self) -> None:
        check_bytes("data", self.data)


@dataclass(frozen=True)
class Wire:
    """Bytes that are sent without HTTP framing: a bad chunk size, a head byte by byte.

    The connection is closed after a reply with such a step.

    Args:
        data: The bytes.

    Raises:
        ConfigError: The data is not `bytes`.
    """

    data: bytes

    def __post_init__(self) -> None:
        check_bytes("data", self.data)


@dataclass(frozen=True)
class Cut:
    """Break the connection; the rest of the script is not played.

    Args:
        reset: Whether to break it with a TCP reset (RST) instead of an end of the byte stream
            (FIN). After a reset, the operating system may discard what the client has not read yet;
            if that matters, put a `Pause` before.
        in_chunk: Whether to break in the middle of an HTTP chunk (or of a `Content-Length`). With
            False, the connection breaks between two HTTP chunks, without the end of the body. With
            `framing="close"` it makes no difference.
        partial: The part of the HTTP chunk that is sent.

    Raises:
        ConfigError: `partial` is not `bytes`, or is given without `in_chunk`.
    """

    reset: bool = False
    in_chunk: bool = True
    partial: bytes = b""

    def __post_init__(self) -> None:
        check_bytes("partial", self.partial)
        if self.partial and not self.in_chunk:
            raise ConfigError("partial is given with in_chunk=False; put a Raw before the Cut")


@dataclass(frozen=True)
class End:
    """End the body properly.

    The end of a script does the same. With an explicit `End`, steps after the body can follow:
    `Wire`, `Pause`, `Hang`, and `Cut(in_chunk=False)` for a connection that is closed while idle.
    """


@dataclass(frozen=True)
class Hang:
    """Send nothing more, until the client disconnects or the server is stopped."""


Step: TypeAlias = Event | Pause | Ping | Raw | Wire | Cut | End | Hang
"""A step, which a script can contain besides chunks."""

PlayableStep: TypeAlias = Pause | Raw | Wire | Cut | End | Hang
"""A step after encoding, whose bytes are known."""


def encode_step(step: object, *, event_stream: bool) -> PlayableStep:
    """Return a step or a chunk as a step whose bytes are known.

    Args:
        step: A step, or a chunk: a JSON value in an event stream, bytes in other responses.
        event_stream: Whether the response is an event stream.

    Returns:
        The step itself, or a `Raw` for a chunk, `Event` or `Ping`.

    Raises:
        ConfigError: The step doesn't fit the response, or the chunk isn't JSON.
    """
    if isinstance(step, (Pause, Raw, Wire, Cut, End, Hang)):
        return step
    if isinstance(step, (bytes, bytearray, memoryview)):
        if event_stream:
            raise ConfigError(
                f"a step is {describe(step)} in an event stream; give Raw(...) for bytes of "
                'the body, or Reply(..., content_type="audio/wav") for a binary stream'
            )
        return Raw(bytes(step))
    if isinstance(step, type):
        raise ConfigError(f"a step is the class {step.__name__}; give {step.__name__}(...)")
    if not event_stream:
        raise ConfigError(
            f"a step is {describe(step)} in a reply that is no event stream; give bytes"
        )
    if isinstance(step, Event):
        return Raw(step.encode())
    if isinstance(step, Ping):
        return Raw(f": {step.comment}\n\n".encode())
    return Raw(b"data: " + encode_json("a chunk", step) + b"\n\n")
