"""Join the pieces of a stream's audio into a file that a browser can play.

Promises: the size is limited. PCM gets the header of a WAV file.
"""

from __future__ import annotations

import base64
import re
import struct
from collections.abc import Mapping
from typing import Any

from .._shared.audio_chunks import AudioReader
from .._shared.chunk_fields import fields_of
from .._shared.media_types import HEAD_BYTES, checked_type, essence_of, sniffed_type
from ..errors import FalStreamError
from .extract import Media, media_kind

__all__ = ["SOUND_LIMIT", "SoundAccumulator"]

SOUND_LIMIT = 7_500_000  # bytes; encoded as base64, as many characters as `INLINE_LIMIT`

_PCM = ("audio/pcm", "audio/l16", "audio/x-pcm", "audio/raw")
_RATE = re.compile(r";\s*rate=(\d{4,6})", re.IGNORECASE)
# The sample rate of most models that don't state it.
_USUAL_RATE = 24_000
_RATES = (8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000)
_RATE_FIELDS = ("sample_rate", "sampling_rate", "sample_rate_hz")
_SECONDS_FIELDS = ("audio_duration_sec", "audio_duration", "duration")


class SoundAccumulator:
    """Joins the audio of chunks, or the body of a response.

    Attributes:
        size: The number of bytes that have arrived.
    """

    def __init__(self) -> None:
        self.size: int = 0
        self._data = bytearray()
        self._reader = AudioReader(None)
        self._content_type: str | None = None
        self._is_body = False
        self._rate: int | None = None
        self._seconds: float | None = None

    def take_body(self, piece: bytes, content_type: str | None) -> None:
        """Add a piece of the response body.

        Args:
            piece: The bytes.
            content_type: The media type of the response, or None.
        """
        if not self._is_body:
            self._is_body = True
            self._content_type = checked_type(content_type)
        self._keep(piece)

    def take(self, chunk: object) -> bool:
        """Add the audio of a chunk, and return whether it has any."""
        fields = fields_of(chunk)
        if fields is None:
            return False
        self._take_facts(fields)
        try:
            piece = self._reader.take(chunk)
        except FalStreamError:
            return False
        self._keep(piece)
        return bool(piece)

    def _take_facts(self, fields: Mapping[Any, Any]) -> None:
        said = checked_type(fields.get("content_type"))
        if self._content_type is None and essence_of(said).startswith("audio/"):
            self._content_type = said
        self._rate = self._rate or _whole(fields, _RATE_FIELDS)
        if self.size:
            self._seconds = _number(fields, _SECONDS_FIELDS) or self._seconds

    def _keep(self, piece: bytes) -> None:
        self.size += len(piece)
        if self.size <= SOUND_LIMIT:
            self._data += piece
        elif len(self._data) > HEAD_BYTES:
            del self._data[HEAD_BYTES:]

    def media(self, *, with_url: bool) -> Media | None:
        """Return the audio or video so far, or None if there is none, or its type is unknown.

        Args:
            with_url: Whether to include the data, for a player; otherwise only its size.
        """
        head = bytes(self._data[:HEAD_BYTES])
        if not head:
            return None
        content_type, is_pcm = self._told(head)
        kind = media_kind(content_type)
        if kind == "file":
            return None
        seconds = self.size / 2 / self._pcm_rate() if is_pcm else None
        url = None
        if with_url and self.size <= SOUND_LIMIT:
            data = bytes(self._data)
            data = self._with_header(data) if is_pcm else _with_sizes(data)
            url = f"data:{content_type};base64,{base64.b64encode(data).decode()}"
        return Media(kind, url, content_type, self.size, seconds)

    def _told(self, head: bytes) -> tuple[str, bool]:
        """Return the media type, and whether the data is raw PCM, which needs a WAV header."""
        said, seen = essence_of(self._content_type), sniffed_type(head)
        if seen is not None:
            return seen, False
        if said in _PCM or (not said and not self._is_body):
            return "audio/wav", True
        return said, False

    def _pcm_rate(self) -> int:
        said = _RATE.search(self._content_type or "")
        if said is not None:
            return int(said[1])
        if self._rate is not None:
            return self._rate
        if self._seconds:
            rate = self.size / 2 / self._seconds
            nearest = min(_RATES, key=lambda known: abs(known - rate))
            if abs(nearest - rate) < 0.03 * nearest:
                return nearest
        return _USUAL_RATE

    def _with_header(self, samples: bytes) -> bytes:
        """Return PCM of 16 bits and one channel with the header of a WAV file."""
        rate = self._pcm_rate()
        samples = samples[: len(samples) // 2 * 2]
        form = struct.pack("<HHIIHH", 1, 1, rate, 2 * rate, 2, 16)
        head = b"RIFF" + struct.pack("<I", 36 + len(samples)) + b"WAVE"
        head += b"fmt " + struct.pack("<I", len(form)) + form
        return head + b"data" + struct.pack("<I", len(samples)) + samples


def _with_sizes(data: bytes) -> bytes:
    """Return a WAV file with correct sizes; a server that streams one can't know them."""
    if data[:4] != b"RIFF" or data[8:12] != b"WAVE":
        return data
    place = 12
    while place + 8 <= min(len(data), HEAD_BYTES):
        (size,) = struct.unpack_from("<I", data, place + 4)
        if data[place : place + 4] == b"data":
            rest = len(data) - place - 8
            head = data[:4] + struct.pack("<I", len(data) - 8) + data[8 : place + 4]
            return head + struct.pack("<I", rest) + data[place + 8 :] if size > rest else data
        place += 8 + size + size % 2
    return data


def _number(fields: Mapping[Any, Any], names: tuple[str, ...]) -> float | None:
    for name in names:
        value = fields.get(name)
        if isinstance(value, (int, float)) and not isinstance(value, bool) and 0 < value < 1e6:
            return float(value)
    return None


def _whole(fields: Mapping[Any, Any], names: tuple[str, ...]) -> int | None:
    value = _number(fields, names)
    return int(value) if value is not None and 4_000 <= value <= 400_000 else None
