"""From the bytes of a body to chunks.

A source is fed with the bytes as they come and appends what they hold to a list. When it raises,
what came before has been appended. It knows no endpoint: the stream adds that to its errors.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Generic, Protocol, TypeAlias, TypeVar

import pydantic
from pydantic_core import from_json

from .._checks import shown
from ..errors import (
    ConfigError,
    IncompleteStream,
    OutputValidationError,
    StreamDecodeError,
    StreamEventError,
    excerpt,
)
from ..types import ServerSentEvent
from .sse import SSEParser

ChunkT = TypeVar("ChunkT")
DecodeJSON: TypeAlias = Callable[[str], ChunkT]

# Not in fal's documentation, but the usual end mark of token streams; it is not JSON.
DONE_MARK = "[DONE]"


def json_decoder(output_type: Any) -> DecodeJSON[Any]:
    """Give the function that makes a chunk of an event's text.

    Args:
        output_type: Any type form that pydantic can validate, or None for JSON values.

    Returns:
        A function of the text. It raises ValueError where the text is not JSON, and
        pydantic.ValidationError where it isn't of the type.

    Raises:
        ConfigError: pydantic can't validate the type.
    """
    if output_type is None:
        return decode_json
    try:
        adapter: pydantic.TypeAdapter[Any] = pydantic.TypeAdapter(output_type)
        # A name in it that can't be resolved is missed only when the validator is used.
        _ = adapter.validator.title
    except Exception as error:
        failure = ConfigError(
            f"output_type={shown(output_type)} is not a type that pydantic can validate: "
            f"{str(error).partition(chr(10))[0]}"
        )
    else:
        return _typed_decoder(adapter)
    raise failure


def _typed_decoder(adapter: pydantic.TypeAdapter[Any]) -> DecodeJSON[Any]:
    def decode_typed(text: str) -> Any:
        try:
            return adapter.validate_json(text)
        except pydantic.ValidationError as error:
            if error.errors(include_url=False, include_input=False)[0]["type"] != "json_invalid":
                raise
        return adapter.validate_python(json.loads(text))

    return decode_typed


def decode_json(text: str) -> Any:
    """Decode JSON as Python's `json` does, only faster.

    Args:
        text: The text.

    Returns:
        The value; NaN and the infinities are floats, a lone surrogate stays one.

    Raises:
        ValueError: It is not JSON.
        RecursionError: It is nested too deeply.
    """
    try:
        return from_json(text)
    except (ValueError, TypeError):  # a lone surrogate itself is a TypeError in older versions
        # pydantic-core refuses some of what `json` takes: lone surrogates, over 200 levels.
        return json.loads(text)


class ChunkSource(Protocol):
    """Takes the bytes of a body and gives what they hold."""

    ended: bool
    """Whether the stream has said that it is at its end."""

    def check(self) -> None:
        """Raise the error that was held back until the chunks before it had been given."""

    def feed(self, data: bytes, out: list[Any]) -> None:
        """Take some bytes, and append the chunks in them to a list."""

    def shows_life(self, data: bytes) -> bool:
        """Tell whether bytes that gave no chunk still are a sign of life."""
        raise NotImplementedError

    def close(self, out: list[Any]) -> None:
        """Take the end of the body, and append what was pending where it is whole."""


class BinaryChunks:
    """The source of a body that is no event stream: the bytes as they come."""

    def __init__(self) -> None:
        self.ended = False

    def check(self) -> None:
        """See `ChunkSource`; nothing is held back."""

    def feed(self, data: bytes, out: list[Any]) -> None:
        """See `ChunkSource`."""
        out.append(data)

    def shows_life(self, data: bytes) -> bool:
        """See `ChunkSource`; each byte is one."""
        return bool(data)

    def close(self, out: list[Any]) -> None:
        """See `ChunkSource`; there is nothing pending."""


class EventChunks(Generic[ChunkT]):
    """The source of an event stream.

    Args:
        parser: Gives the events.
        decode: Makes a chunk of an event's text.
        raw: Whether to give the events themselves, undecoded. Default False.
    """

    def __init__(self, parser: SSEParser, decode: DecodeJSON[ChunkT], *, raw: bool = False) -> None:
        self.ended = False
        self.raw = raw
        self._parser = parser
        self._decode = decode
        self._count = 0

    def check(self) -> None:
        """See `ChunkSource`.

        Raises:
            EventTooLarge: An event is larger than the parser's limit.
        """
        self._parser.feed(b"")

    def feed(self, data: bytes, out: list[Any]) -> None:
        """See `ChunkSource`.

        Raises:
            EventTooLarge: An event is larger than the parser's limit.
            StreamDecodeError: An event is not JSON.
            StreamEventError: The server reported an error.
        """
        self._take(self._parser.feed(data), out)

    def shows_life(self, data: bytes) -> bool:
        """See `ChunkSource`; a sign of life is a complete line."""
        return b"\n" in data or b"\r" in data

    def close(self, out: list[Any]) -> None:
        """See `ChunkSource`.

        Raises:
            IncompleteStream: The body ended in the middle of an event.
        """
        if self.ended:
            return
        leftover = self._parser.close()
        if leftover is None:
            return
        event = leftover.event
        if event is not None and self._is_whole(event, leftover.line_complete):
            try:
                self._take([event], out)
            except StreamDecodeError:
                pass
            else:
                return
        text = leftover.raw.decode("utf-8", "replace")
        raise IncompleteStream(
            f"The stream ended in the middle of an event, after {self._count} chunks: "
            f"{excerpt(text)!r}; the app may have died, look at its logs",
            chunks_received=self._count,
        )

    def _is_whole(self, event: ServerSentEvent, line_complete: bool) -> bool:
        """Tell whether an event without its blank line may still be whole."""
        if line_complete:
            return True
        # Without a line end the text of a number may be the beginning of a longer one.
        return bool(event.data) and not self.raw and not event.data[-1].isdigit()

    def _take(self, events: list[ServerSentEvent], out: list[Any]) -> None:
        if self.raw:
            out.extend(events)
            return
        decode = self._decode
        for event in events:
            text = event.data
            if event.event == "error":
                raise self._event_error(text)
            if not text:
                continue
            try:
                chunk = decode(text)
            except Exception as error:  # a validator of the user's may raise anything
                if text == DONE_MARK:
                    self.ended = True
                    return
                failure = self._decode_error(text, error)
            else:
                out.append(chunk)
                self._count += 1
                continue
            raise failure

    def _event_error(self, text: str) -> StreamEventError:
        try:
            data = decode_json(text)
        except (ValueError, RecursionError):
            data = text
        return StreamEventError(
            f"The app reported an error after {self._count} chunks: {excerpt(text)}", data=data
        )

    def _decode_error(self, text: str, error: Exception) -> StreamDecodeError:
        if isinstance(error, pydantic.ValidationError):
            first = error.errors(include_url=False)[0]
            place = ".".join(map(str, first["loc"])) or "the chunk itself"
            return OutputValidationError(
                f"Chunk {self._count} is not of the output_type: {place}: {first['msg']}; "
                f"it was {excerpt(text)}",
                raw=text,
                index=self._count,
            )
        if not isinstance(error, (ValueError, RecursionError)):
            failure = OutputValidationError(
                f"Chunk {self._count} could not be validated: the output_type raised "
                f"{type(error).__name__}, which is the cause of this; it was {excerpt(text)}",
                raw=text,
                index=self._count,
            )
            failure.__cause__ = error
            return failure
        reason = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
        return StreamDecodeError(
            f"Chunk {self._count} is not JSON ({reason}): {excerpt(text)!r}; "
            "events() gives such events as they are",
            raw=text,
            index=self._count,
        )
