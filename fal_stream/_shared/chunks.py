"""Decode the events of a response body to chunks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Generic, TypeVar, cast

from pydantic_core import ValidationError, from_json

from .._checks import check_plain_result
from .._signal_errors import raised_by_signal_handler
from ..errors import (
    FalStreamError,
    OutputValidationError,
    StreamDecodeError,
    StreamEventError,
    counted,
)
from ..types import ServerSentEvent
from .api_errors import says_error
from .chunk_source import FinalChunkCheck, IsFinal
from .decode import (
    DecodeJSON,
    TypedDecoder,
    breaks_off,
    decode_json,
    decode_report,
    is_invalid_json,
)
from .reported_error import is_usage_only, reported_error, workflow_event_type
from .sse import END_MARK, SSEParser
from .sse_event_buffer import Leftover
from .stream_errors import cut_event_error, decode_error, event_error, last_chunk_error

ChunkT = TypeVar("ChunkT")

DONE_MARK = END_MARK.decode()


class EventChunks(FinalChunkCheck, Generic[ChunkT]):
    """The source for an event stream.

    Args:
        parser: Parses the bytes to events.
        decode: Decodes the text of an event to a chunk.
        is_final: A function that tells whether a chunk is the last one. Default None: the stream
            ends when the server ends it.
        raise_errors: Whether to raise an event named `error`, and an error in the last chunk.
            Default True.
        is_workflow: Whether the chunks are the events of a workflow. Then one of the type `error`
            is raised, and without `is_final` the one of the type `output` is the last. Default
            False.
        any_end: Whether a workflow may end without its output. Default False.
        raw: Whether to return the events themselves, undecoded. Default False.
        redact: Masks the secrets of the request in a text that an error shows. Default: nothing
            is masked.
        body_error: Returns the error for a body that is nothing but the JSON of an error.
            Default: the same error as for an event named `error`.

    Attributes:
        non_event_bytes: At most the number of bytes since the last event that are no event. Known
            when the source is closed.
    """

    def __init__(
        self,
        parser: SSEParser,
        decode: DecodeJSON[ChunkT],
        *,
        is_final: IsFinal | None = None,
        raise_errors: bool = True,
        is_workflow: bool = False,
        any_end: bool = False,
        raw: bool = False,
        redact: Callable[[str], str] = str,
        body_error: Callable[[str], FalStreamError] | None = None,
    ) -> None:
        super().__init__(is_final)
        self.raw = raw
        self._parser = parser
        self._decode = decode
        self._raise_errors = raise_errors
        self._is_workflow = is_workflow
        self._ends_with_output = is_workflow and is_final is None and not any_end
        self._needs_last = self._needs_last or self._ends_with_output
        self._redact = redact
        self._body_error = body_error or self._event_error
        self._has_events = False
        self.non_event_bytes: int = 0
        # The last chunk as JSON, if it reports an error.
        self._reported: Any = None
        self._is_plain = decode is decode_json and is_final is None and not is_workflow
        # Decodes most events with one call in C; an event that it rejects is decoded by `decode`.
        self._quick: DecodeJSON[Any] | None = None
        if isinstance(decode, TypedDecoder):
            self._quick = decode.validate
        elif decode is decode_json:
            self._quick = from_json

    def raise_held_error(self) -> None:
        """See `ChunkSource`.

        Raises:
            EventTooLarge: An event is larger than the parser's limit.
        """
        self._parser.check()

    def feed(self, data: bytes, out: list[Any]) -> None:
        """See `ChunkSource`.

        Raises:
            EventTooLarge: An event is larger than the parser's limit.
            StreamDecodeError: An event is not JSON.
            StreamEventError: The server reported an error, or the last chunk does.
            IncompleteStream: The server has sent the end mark, but not the last chunk.
            FalStreamError: `is_final` raised.
        """
        if self.raw:
            raw = self._parser.feed(data)
            if raw:
                self._has_events = True
                self._count += len(raw)
                out += raw
            self.has_failed = self._parser.has_failed
            return
        events = self._parser.feed_data(data)
        if events:
            self._has_events = True
        self.has_failed = self._parser.has_failed
        if not self._decode_all_plain(events, out):
            self._decode_events(self._decode_fast_path(events, out), out)

    def shows_life(self, data: bytes) -> bool:
        """See `ChunkSource`; the end of a line is a sign of life."""
        return b"\n" in data or b"\r" in data

    def close(self, out: list[Any]) -> None:
        """See `ChunkSource`.

        Raises:
            IncompleteStream: The body ended in the middle of an event, or without the last chunk.
            StreamEventError: The last chunk reports an error, or the JSON of one came after it.
            FalStreamError: The body is the JSON of an error.
        """
        if self.ended:
            return
        leftover = self._parser.close()
        if leftover is not None and self._parser.has_glued_json:
            # The event came before the JSON of the error, so it is delivered first.
            self._has_events = True
            if self._decode_leftover(leftover, out):
                leftover = leftover._replace(event=None) if leftover.is_foreign else None
        self._check_foreign()
        if leftover is not None and not self._decode_leftover(leftover, out):
            raise cut_event_error(leftover.raw, self._count, self._delivered, self._redact)
        if not self.raw:
            self._check_end()

    @property
    def _delivered(self) -> str:
        return counted(self._count, "event" if self.raw else "chunk")

    def _check_foreign(self, end: int | None = None) -> None:
        """Raise an error if the bytes that are not an event are the JSON of an error."""
        ignored = self._parser.ignored[:end]
        if not ignored.strip():
            return
        self.non_event_bytes = len(ignored)
        text = ignored.decode("utf-8", "replace")
        if not says_error(decode_report(text)):
            return
        raise (self._event_error if self._has_events else self._body_error)(text)

    def _decode_leftover(self, leftover: Leftover, out: list[Any]) -> bool:
        """Decode an event without its blank line, if it is complete; return whether it was.

        A line without its end shows that the body was cut. If each line has one, the server may
        have left out the blank line, as many do for the last event. Then only incomplete JSON shows
        that a line is missing.
        """
        event = leftover.event
        if event is None:
            return False
        # Nothing follows the end mark.
        is_end = event.data == DONE_MARK and leftover.raw.endswith(DONE_MARK.encode())
        if not (leftover.line_complete or leftover.is_foreign or is_end):
            return False
        if self.raw:
            if breaks_off(event.data):
                return False
            self._count += 1
            out.append(event)
            return True
        try:
            self._decode_events([event], out)
        except OutputValidationError:
            raise
        except StreamDecodeError:
            return False
        return True

    def _decode_all_plain(self, events: Sequence[bytes | ServerSentEvent], out: list[Any]) -> bool:
        """Decode events at once if all are plain JSON; return whether they were decoded."""
        if not self._is_plain:
            return False
        try:
            # A `ServerSentEvent` among them raises a TypeError.
            chunks = [from_json(event) for event in events]  # type: ignore[arg-type]
        except (ValueError, TypeError) as error:
            if raised_by_signal_handler(error) is not None:
                raise
            return False
        out += chunks
        self._count += len(chunks)
        if chunks and self._raise_errors:
            self._note_last(chunks)
        return True

    def _decode_fast_path(
        self, events: Sequence[bytes | ServerSentEvent], out: list[Any]
    ) -> Sequence[bytes | ServerSentEvent]:
        """Decode events up to the first one that the fast path can't; return it and the rest."""
        decode, is_final = self._quick, self._is_final
        if decode is None or self._is_workflow:
            return events
        before = len(out)
        failure: Exception | None = None
        result: object = None
        refusal: Exception | None = None
        for event in events:
            try:
                # Raises for a `ServerSentEvent`, and if a validator of the user raises.
                chunk = decode(event)  # type: ignore[arg-type]
            except Exception as error:
                # If a validator of the user has raised, it must not be called again.
                if isinstance(event, bytes) and self._is_of_validator(error):
                    refusal = error
                break
            out.append(chunk)
            if is_final is None:
                continue
            try:
                result = is_final(chunk)
                self.ended = bool(result)
            except Exception as error:
                failure = error
                break
            if self.ended:
                break
        chunks = out[before:]
        self._count += len(chunks)
        if failure is not None:
            self.raise_final_error(failure)
        if self.ended:
            check_plain_result("is_final", result)
        if chunks and self._raise_errors:
            # No `ServerSentEvent` was decoded here.
            self._note_all(cast("Sequence[bytes]", events[: len(chunks)]), chunks)
        if self.ended:
            self._check_end()
            return ()
        rest = events[len(chunks) :]
        if refusal is not None:
            raise self._decode_error(_text_of(cast("bytes", rest[0])), refusal)
        return rest

    def _is_of_validator(self, error: Exception) -> bool:
        """Return whether an exception of `_quick` was raised by validation, not by parsing JSON."""
        if self._decode is decode_json:
            return False
        return not isinstance(error, ValidationError) or not is_invalid_json(error)

    def _decode_events(self, events: Iterable[bytes | ServerSentEvent], out: list[Any]) -> None:
        decode, is_final = self._decode, self._is_final
        for event in events:
            text: str | bytes
            if isinstance(event, bytes):
                text = event
            else:
                text = event.data
                if event.event == "error":
                    self._handle_error_event(text)
            if not text:
                continue
            kind = workflow_event_type(text) if self._is_workflow else None
            if kind == "error":
                self._handle_error_event(text)
            try:
                chunk = decode(text)
            except Exception as error:  # a validator of the user may raise any exception
                text = _text_of(text)
                if text == DONE_MARK:
                    self._check_foreign(self._parser.ignored_before_end)
                    self._check_end()
                    self.ended = True
                    return
                failure = self._decode_error(text, error)
            else:
                out.append(chunk)
                self._count += 1
                if self._raise_errors:
                    self._note(text, chunk)
                if is_final is not None:
                    self.check_final(chunk, is_final)
                elif kind == "output":
                    self.ended = self._ends_with_output
                if self.ended:
                    self._check_end()
                    return
                continue
            raise failure

    def _note(self, text: str | bytes, chunk: Any) -> None:
        """Remember whether a chunk reports an error, in case it is the last one."""
        if self._decode is decode_json:
            self._note_last((chunk,))
            return
        # The chunk may not have the error: the user's type may have no such field.
        if self._reported is not None or (
            b'"error"' in text if isinstance(text, bytes) else '"error"' in text
        ):
            self._note_last((decode_json(text),))

    def _note_all(self, texts: Sequence[bytes], chunks: Sequence[Any]) -> None:
        """Remember whether the last of some chunks reports an error."""
        if self._decode is decode_json:
            self._note_last(chunks)
            return
        if self._reported is not None or b'"error"' in b"\n".join(texts):
            for text in texts:
                self._note(text, None)

    def _note_last(self, chunks: Sequence[Any]) -> None:
        """Remember whether the last of some chunks reports an error; skip reports of the usage."""
        for chunk in reversed(chunks):
            if not is_usage_only(chunk):
                self._reported = None if reported_error(chunk) is None else chunk
                return

    def _check_end(self) -> None:
        """Raise an error if the stream may not end here, or its last chunk reports an error."""
        if self._reported is None:
            self.check_had_final()
            return
        raise last_chunk_error(self._reported, self._redact)

    def _handle_error_event(self, text: str | bytes) -> None:
        """Raise an error that the app reported; do nothing if errors are delivered as chunks."""
        if self._raise_errors:
            raise self._event_error(_text_of(text))
        if self._ends_with_output:
            # After an error, a workflow has no output.
            self._needs_last = False

    def _event_error(self, text: str) -> StreamEventError:
        return event_error(text, self._delivered, self._redact)

    def _decode_error(self, text: str, error: Exception) -> StreamDecodeError:
        return decode_error(text, error, self._count, self._redact)


def _text_of(text: str | bytes) -> str:
    """Return the text of an event, which may be bytes."""
    return text if isinstance(text, str) else text.decode("utf-8", "replace")
