"""Extract the audio from chunks: base64 in each chunk, or bytes.

Promises: pure, linear. A chunk without audio is skipped, and so is an error after which the model
goes on; broken base64 is an error. Short texts of words and hexadecimal could be decoded as base64,
but the first count as a status and are skipped, and the second is an error.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from .._checks import check_plain_result, short_repr
from ..errors import FileError, StreamDecodeError, excerpt, quoted
from .chunk_fields import ChunkField, fields_of, shown_chunks
from .data_uri import decode_base64, decode_data_uri

# The fields with audio, in the order in which they are searched.
_NAMES = ("audio", "audio_chunk", "audio_data", "audio_base64", "audio_bytes", "b64_json")
# The fields with audio in a chunk whose `type` mentions audio.
_TYPED_NAMES = ("delta", "data", "chunk")
_AUDIO_TYPE = re.compile(r"audio(?!_transcript)", re.IGNORECASE)
_SHOWN = 60
_INNER_NAMES = ("data", "b64_json", "delta", "content")
# A status: words such as "pending", "IN_PROGRESS" or "step 2/3", but not "AAAA", which is silence.
_LONGEST_STATUS = 32
_WORD = r"(?:(?:[A-Z]?[a-z]+(?:[A-Z][a-z]+)*|[A-Z]+)[0-9]*|[0-9]+)"
_STATUS = re.compile(rf"(?!A+$){_WORD}(?:[ _/-]{_WORD})*")
# Hexadecimal, and ids such as UUIDs.
_HEX = re.compile(r"(?=.{0,32}[0-9])(?:[0-9a-f-]{8,}|[0-9A-F-]{8,})")


class AudioReader:
    """Extracts the audio from the chunks of one stream.

    Args:
        field: The name of the field with the audio, or a function of a chunk; None to detect it.
    """

    def __init__(self, field: ChunkField | None) -> None:
        self._field = field
        self._count = 0
        self._has_sound = False
        self._last: object = None

    def take(self, chunk: object) -> bytes:
        """Return the audio of the next chunk, or `b""` if it has none.

        Raises:
            StreamDecodeError: The audio is not base64; the message names the field and the chunk.
        """
        self._count += 1
        self._last = chunk
        if isinstance(chunk, bytes) and not callable(self._field):
            self._has_sound = True
            return chunk
        name, value = self._find(chunk)
        if value is None or value == "" or (not callable(self._field) and _is_status(value)):
            return b""
        data = self._decode(name, value)
        self._has_sound |= bool(data)
        return data

    def check_found(self, endpoint_id: str, request_id: str | None) -> None:
        """Check at the end of the stream that there was audio.

        Args:
            endpoint_id: The endpoint, for the message.
            request_id: The server's id of the request, or None.

        Raises:
            FileError: No chunk had audio; the message tells what the last one had.
        """
        if self._has_sound:
            return
        what = shown_chunks(self._count, self._last)
        if isinstance(self._field, str):
            message = f"There is no audio in the field {short_repr(self._field)}: {what}"
        else:
            message = (
                f"There is no audio in the stream: {what}. Name the field by `field`; files() and "
                "save() are for audio that has an address"
            )
        raise FileError(message, endpoint_id=endpoint_id, request_id=request_id) from None

    def _find(self, chunk: object) -> tuple[str, Any]:
        field = self._field
        if callable(field):
            found = field(chunk)
            if not isinstance(found, (str, bytes)):
                check_plain_result("field", found)
            return "what the function returned", found
        if isinstance(chunk, str):
            return "it", chunk if field is None else None
        fields = fields_of(chunk)
        if fields is None:
            return "", None
        if field is not None:
            return field, fields.get(field)
        return self._search(fields)

    def _search(self, fields: Mapping[Any, Any]) -> tuple[str, Any]:
        for name in _NAMES:
            value = fields.get(name)
            if isinstance(value, bytes) or (isinstance(value, str) and _may_be_sound(value)):
                return name, value
            inner = fields_of(value)
            if inner is not None:
                found = self._search_inside(name, inner)
                if found[1] is not None:
                    return found
        kind = fields.get("type")
        if isinstance(kind, str) and _AUDIO_TYPE.search(kind[:100]):
            for name in _TYPED_NAMES:
                value = fields.get(name)
                if isinstance(value, (str, bytes)) and not _is_status(value):
                    return name, value
        # The format of OpenAI's chat completions.
        choices = fields.get("choices")
        first = fields_of(choices[0]) if isinstance(choices, list) and choices else None
        delta = fields_of(first.get("delta")) if first else None
        audio = fields_of(delta.get("audio")) if delta else None
        return "choices[0].delta.audio.data", audio.get("data") if audio else None

    def _search_inside(self, name: str, fields: Mapping[Any, Any]) -> tuple[str, Any]:
        for inner in _INNER_NAMES:
            value = fields.get(inner)
            if isinstance(value, (str, bytes)) and not _is_status(value):
                return f"{name}.{inner}", value
        url = fields.get("url")
        # A URL after audio in pieces is the whole audio again.
        if isinstance(url, str) and url[:5].lower() == "data:" and not self._has_sound:
            return f"{name}.url", url
        return name, None

    def _decode(self, name: str, value: Any) -> bytes:
        if isinstance(value, (bytes, bytearray, memoryview)):
            return bytes(value)
        inner = fields_of(value)
        if inner is not None:
            name, value = self._search_inside(name, inner)
            return b"" if value is None else self._decode(name, value)
        if not isinstance(value, str):
            raise self._refusal(name, f"is of type {type(value).__name__}, not base64", repr(value))
        try:
            is_data_uri = value[:5].lower() == "data:"
            if not callable(self._field) and _HEX.fullmatch(value):
                raise ValueError(f"is hexadecimal, not base64: {quoted(value, _SHOWN)}")
            return decode_data_uri(value) if is_data_uri else decode_base64(value)
        except ValueError as error:
            reason = str(error)
        raise self._refusal(name, reason, value)

    def _refusal(self, name: str, reason: str, raw: str) -> StreamDecodeError:
        return StreamDecodeError(
            f"There is no sound in chunk {self._count:,}: {excerpt(name, 60)} {reason}. Name the "
            "field that has it by `field`, or give a function that returns base64, bytes or None",
            raw=excerpt(raw, 1_000),
            index=self._count - 1,
        )


def _may_be_sound(text: str) -> bool:
    return not text[:8].lower().startswith(("http://", "https://")) and not _is_status(text)


def _is_status(value: object) -> bool:
    """Return whether a value is a short text of words."""
    return (
        isinstance(value, str)
        and len(value) <= _LONGEST_STATUS
        and _STATUS.fullmatch(value) is not None
    )
