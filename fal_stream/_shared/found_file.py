"""A file in a chunk: its place, its metadata, its bytes and its name.

Metadata that can't be right is ignored: an invalid media type, a name that is a path.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, NamedTuple

from .._checks import safe_repr
from ..errors import excerpt
from .data_uri import data_head, decode_base64, decode_data_uri
from .file_hosts import FileHosts, shown_url
from .file_names import safe_name, stem_of
from .media_types import (
    HEAD_BYTES,
    checked_type,
    sniffed_type,
    suffix_of,
    type_of_suffix,
    url_suffix,
)

_LONGEST_PLACE = 120
_LARGEST_SIDE = 1_000_000


class Place(NamedTuple):
    """The place of a value in a chunk.

    Attributes:
        above: The place of the container of the value, or None if that is the chunk.
        step: The name or index of the value in its container.
    """

    above: Place | None
    step: str | int


def steps_to(place: Place | None) -> list[str | int]:
    """Return the names and indexes of the path to a place, from the chunk on."""
    steps: list[str | int] = []
    while place is not None:
        steps.append(place.step)
        place = place.above
    return steps[::-1]


def shown_place(place: Place | None) -> str:
    """Return a place as it is written in code, `images[0].url`, shortened; `""` for the chunk."""
    text = ""
    for step in steps_to(place):
        if isinstance(step, int):
            text += f"[{step}]"
        else:
            name = " ".join(excerpt(step, 40).split())
            text += f".{name}" if text else name
        if len(text) > _LONGEST_PLACE:
            break
    return excerpt(text, _LONGEST_PLACE)


class FoundFile:
    """A file whose data or URL is in a chunk.

    Args:
        source: The data URI, the URL, or the base64 of the file.
        place: The place of the file in the chunk; None for the chunk itself.
        fields: The metadata in the chunk, by the names of fal's `File`.
        hosts: The hosts that the file may be downloaded from.
        is_base64: Whether the source is base64. Default False.

    Attributes:
        content_type: The media type, as the chunk or the data tells it, or None.
        width: The width in pixels that the chunk gives, or None.
        height: The height in pixels that the chunk gives, or None.
        hosts: The hosts that the file may be downloaded from.
        is_inline: Whether the chunk contains the data; otherwise it contains the URL.
    """

    def __init__(
        self,
        source: str,
        place: Place | None,
        fields: Mapping[Any, Any],
        hosts: FileHosts,
        *,
        is_base64: bool = False,
    ) -> None:
        self._source = source
        self._place = place
        self._is_base64 = is_base64
        self._name = fields.get("file_name")
        self.hosts = hosts
        self.is_inline: bool = is_base64 or source[:5].lower() == "data:"
        self.content_type: str | None = self._type(fields)
        self.width: int | None = _side(fields.get("width"))
        self.height: int | None = _side(fields.get("height"))

    def _type(self, fields: Mapping[Any, Any]) -> str | None:
        said = checked_type(fields.get("content_type")) or checked_type(fields.get("mime_type"))
        if said is not None:
            return said
        if not self.is_inline:
            return type_of_suffix(url_suffix(self._source))
        head = None if self._is_base64 else data_head(self._source)
        if head is not None and head.content_type is not None:
            return head.content_type
        if head is not None and not head.is_base64:
            return "text/plain"  # the default of RFC 2397, section 2
        start = 0 if head is None else head.end
        return _sniffed(self._source[start : start + HEAD_BYTES // 3 * 4])

    @property
    def url(self) -> str:
        """The URL of the file: http, https, or a data URI. Base64 becomes a data URI."""
        if self._is_base64:
            return f"data:{self.content_type or 'application/octet-stream'};base64,{self._source}"
        return self._source

    @property
    def place(self) -> str:
        """Its place in the chunk, such as `images[0]`; `""` if the chunk itself is the file."""
        return shown_place(self._place)

    @property
    def file_name(self) -> str | None:
        """The name that the app gives the file, made safe, or None."""
        return self._safe_name(None)

    def _safe_name(self, fetched_type: str | None) -> str | None:
        return (
            safe_name(self._name, self.suffix(fetched_type))
            if isinstance(self._name, str)
            else None
        )

    def suffix(self, fetched_type: str | None = None) -> str:
        """Return the suffix of the file's name, such as `.png`.

        Args:
            fetched_type: The media type of the download, used if the chunk gives none. Default:
                none.
        """
        content_type = self.content_type or fetched_type
        return suffix_of(content_type, "" if self.is_inline else self._source)

    def decode(self) -> bytes:
        """Return the bytes of a file whose data is in the chunk.

        Raises:
            ValueError: The data is not valid as base64 or data URI; the message begins with `is`.
        """
        return decode_base64(self._source) if self._is_base64 else decode_data_uri(self._source)

    def digest(self) -> bytes:
        """Return a digest of the data or the URL."""
        return hashlib.sha256(self._source.encode("utf-8", "surrogatepass")).digest()

    def name(
        self, endpoint_id: str = "", number: int | None = None, fetched_type: str | None = None
    ) -> str:
        """Return the name to save the file under.

        Args:
            endpoint_id: The endpoint that the file came from. Default: none.
            number: The number of the file's chunk. Default None: not in the name.
            fetched_type: The media type of the download, used if the chunk gives none. Default:
                none.

        Returns:
            The name that the app gives the file, else one made of endpoint, number and place.
        """
        own = self._safe_name(fetched_type)
        if own is not None:
            return own
        return self.stem(endpoint_id, number) + self.suffix(fetched_type)

    def stem(self, endpoint_id: str = "", number: int | None = None) -> str:
        """Return a name without a suffix, made of endpoint, number and place."""
        parts = [] if number is None else [f"{number:04}"]
        parts += [str(step) for step in steps_to(self._place)]
        return stem_of(endpoint_id, parts)

    @safe_repr
    def __repr__(self) -> str:
        """Return the metadata and the URL, shortened and without its query."""
        size = "" if self.width is None or self.height is None else f" {self.width}x{self.height}"
        about = [self.place, self.content_type or "", size.strip(), self.file_name or ""]
        said = " ".join(excerpt(part, 60) for part in about if part)
        if self.is_inline:
            return f"{said} ({len(self._source):,} characters in the chunk)".strip()
        return f"{said} {shown_url(self._source)}".strip()


def _side(value: object) -> int | None:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return int(value) if 0 < value <= _LARGEST_SIDE and value == int(value) else None


def _sniffed(start: str) -> str | None:
    try:
        return sniffed_type(
            decode_base64(start[: len(start) // 4 * 4] if len(start) > 4 else start)
        )
    except ValueError:
        return None
