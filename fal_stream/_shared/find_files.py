"""Find the files in a chunk: their places, and what the chunk says of each.

Promises: pure, linear in the chunk, and with memory for the way down and the files only. Nothing is
decoded here but the first bytes of base64 of which the chunk doesn't say what it is. What is not
believed is left out: a type that is none, a name that is a path.

Leaves to others: fetching and writing.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from .. import _checks
from .._checks import also_half_made
from ..errors import excerpt
from .chunk_fields import fields_of
from .data_uri import data_head, decode_base64, decode_data_uri
from .file_hosts import FileHosts, encoded_url, shown_url
from .file_names import safe_name, stem_of
from .media_types import (
    HEAD_BYTES,
    checked_type,
    known_suffix,
    sniffed_type,
    suffix_of,
    type_of_suffix,
    url_suffix,
)

# More than any JSON that is meant; what lies deeper is not looked at.
_DEEPEST = 200
_LONGEST_PLACE = 120
_LARGEST_SIDE = 1_000_000
_MOST_DIGESTS = 10_000

# Names of fields that hold files, also with a plural or with something before or after them.
_FILE_NAME = re.compile(
    r"image|picture|photo|frame|mask|video|audio|sound|speech|music|song|file|mesh|model_glb|glb",
    re.IGNORECASE,
)
# Fields that echo what the app was given have such names: `image_url`.
_ADDRESS_NAME = re.compile(r"url|uri|link|href", re.IGNORECASE)
# The fields of fal's `File` and `Image` beside `url`.
_FILE_FIELDS = ("content_type", "file_name", "file_size", "width", "height")


class Place(NamedTuple):
    """Where a value stands in a chunk.

    Attributes:
        above: Where the value around it stands, or None for the chunk.
        step: Its name or number there.
    """

    above: Place | None
    step: str | int


def steps_to(place: Place | None) -> list[str | int]:
    """Return the names and numbers on the way to a place, from the chunk on."""
    steps: list[str | int] = []
    while place is not None:
        steps.append(place.step)
        place = place.above
    return steps[::-1]


def shown_place(place: Place | None) -> str:
    """Show a place as it is written in code, `images[0].url`, shortened; `""` for the chunk."""
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
    """A file that a chunk holds or names.

    Args:
        source: Its data URI, its address, or its base64.
        place: Where it stands.
        fields: What the chunk says of it, by fal's names.
        hosts: The hosts that it may be fetched from.
        is_base64: Whether the source is base64. Default False.

    Attributes:
        content_type: What the chunk or the data says that it is, or None.
        width: Its width in pixels, if the chunk says it, or None.
        height: Its height in pixels, likewise.
        hosts: The hosts that it may be fetched from.
        is_inline: Whether the chunk holds it; otherwise it names its address.
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
            return "text/plain"  # RFC 2397
        start = 0 if head is None else head.end
        return _sniffed(self._source[start : start + HEAD_BYTES // 3 * 4])

    @property
    def url(self) -> str:
        """Its address: http, https, or a data URI, which base64 is made one of."""
        if self._is_base64:
            return f"data:{self.content_type or 'application/octet-stream'};base64,{self._source}"
        return self._source

    @property
    def place(self) -> str:
        """Where it stands in the chunk, such as `images[0]`; `""` where the chunk itself is it."""
        return shown_place(self._place)

    @property
    def file_name(self) -> str | None:
        """Its name as the app gives it, made safe, or None where the app gives none."""
        return self._safe_name(None)

    def _safe_name(self, fetched_type: str | None) -> str | None:
        return (
            safe_name(self._name, self.suffix(fetched_type))
            if isinstance(self._name, str)
            else None
        )

    def suffix(self, fetched_type: str | None = None) -> str:
        """Return what its name ends in, such as `.png`.

        Args:
            fetched_type: The media type that it was fetched with, for where the chunk says none.
        """
        content_type = self.content_type or fetched_type
        return suffix_of(content_type, "" if self.is_inline else self._source)

    def decode(self) -> bytes:
        """Return the bytes of a file that the chunk holds.

        Raises:
            ValueError: They are no base64 or no data URI; the message begins with `is`.
        """
        return decode_base64(self._source) if self._is_base64 else decode_data_uri(self._source)

    def digest(self) -> bytes:
        """Return what only the same data or address has."""
        return hashlib.sha256(self._source.encode("utf-8", "surrogatepass")).digest()

    def name(
        self, endpoint_id: str = "", number: int | None = None, fetched_type: str | None = None
    ) -> str:
        """Return the name that it is saved under.

        Args:
            endpoint_id: The endpoint that it came from. Default: none.
            number: The number of the chunk that it stood in. Default None: not in the name.
            fetched_type: The media type that it was fetched with, for where the chunk says none.

        Returns:
            Its own name, else one of the endpoint, the number and its place.
        """
        own = self._safe_name(fetched_type)
        if own is not None:
            return own
        return self.stem(endpoint_id, number) + self.suffix(fetched_type)

    def stem(self, endpoint_id: str = "", number: int | None = None) -> str:
        """Return a name without a suffix, made of the endpoint, the number and its place."""
        parts = [] if number is None else [f"{number:04}"]
        parts += [str(step) for step in steps_to(self._place)]
        return stem_of(endpoint_id, parts)

    @also_half_made
    def __repr__(self) -> str:
        """Return what it is, with its address shortened and without the query."""
        size = "" if self.width is None or self.height is None else f" {self.width}x{self.height}"
        about = [self.place, self.content_type or "", size.strip(), self.file_name or ""]
        said = " ".join(excerpt(part, 60) for part in about if part)
        if self.is_inline:
            return f"{said} ({len(self._source):,} characters in the chunk)".strip()
        return f"{said} {shown_url(self._source)}".strip()


class SeenFiles:
    """Tells the files that came before from new ones; of very many the last ones are known."""

    def __init__(self) -> None:
        self._digests: dict[bytes, None] = {}

    def is_new(self, found: FoundFile) -> bool:
        """Return whether a file with the same data or address has not come before."""
        digest = found.digest()
        if digest in self._digests:
            return False
        self._digests[digest] = None
        if len(self._digests) > _MOST_DIGESTS:
            del self._digests[next(iter(self._digests))]
        return True


def find_in(
    chunk: object, hosts: FileHosts, *, max_values: int | None = None
) -> Iterator[FoundFile]:
    """Find the files in a chunk.

    A file is what has a data URI, what stands in a field `b64_json`, an address on one of the
    hosts, an object with a `url` that is one of fal's `File` or `Image` by its other fields or by
    the name of the field it stands in, and the address of a picture, sound or video in a field of
    such a name.

    Args:
        chunk: JSON values, pydantic models and dataclasses.
        hosts: The hosts that files are fetched from.
        max_values: How many values are looked at, at most. Default None: all.

    Yields:
        The files, in the order in which they stand in the chunk; the same one each time.
    """
    left = -1 if max_values is None else max_values
    # A stack of iterators, not of values: a list of a million values costs no more than its file.
    stack: list[_Level] = []
    around: set[int] = set()
    level = _Level(iter(((None, chunk),)), None, "", {}, "", chunk)
    while True:
        for step, value in level.items:
            if not left:
                return
            left -= 1
            if isinstance(value, str):
                found = _in_text(value, step, level, hosts)
                if found is not None:
                    yield found
            elif (
                not isinstance(value, _PLAIN) and len(stack) < _DEEPEST and id(value) not in around
            ):
                inner = _enter(value, step, level, hosts)
                if inner is not None:
                    stack.append(level)
                    around.add(id(value))
                    level = inner
                    break
                if _checks.is_model_url(value):
                    found = _in_text(str(value), step, level, hosts)
                    if found is not None:
                        yield found
        else:
            if not stack:
                return
            around.discard(id(level.value))
            level = stack.pop()


class _Level:
    """A value that is being looked through."""

    __slots__ = ("fields", "items", "name", "place", "source", "value")

    def __init__(
        self,
        items: Iterator[tuple[Any, Any]],
        place: Place | None,
        name: str,
        fields: Mapping[Any, Any],
        source: str,
        value: object,
    ) -> None:
        self.items = items
        self.place = place
        self.name = name
        self.fields = fields
        self.source = source
        self.value = value


_PLAIN = (int, float, bytes, bytearray, type(None))


def _enter(value: object, step: Any, level: _Level, hosts: FileHosts) -> _Level | None:
    fields = fields_of(value)
    if fields is None and not isinstance(value, (list, tuple)):
        return None
    if step is None:
        place, name = level.place, level.name
    else:
        at = step if isinstance(step, int) else str(step)
        place = Place(level.place, at)
        name = at if isinstance(at, str) else level.name
    if fields is None:
        assert isinstance(value, (list, tuple)), "nothing else is entered"
        return _Level(enumerate(value), place, name, {}, "", value)
    source = _source_field(fields, name, hosts)
    return _Level(iter(fields.items()), place, name, fields, source, value)


def _source_field(fields: Mapping[Any, Any], name: str, hosts: FileHosts) -> str:
    """Tell in which of its fields an object has a file: `url`, `b64_json` or none."""
    url = fields.get("url")
    if _checks.is_model_url(url):
        url = str(url)
    if isinstance(url, str) and url:
        if url[:5].lower() == "data:":
            return "url"
        is_file = (
            any(fields.get(field) is not None for field in _FILE_FIELDS)
            or _FILE_NAME.search(name[:_LONGEST_PLACE]) is not None
            or known_suffix(url_suffix(url)) is not None
            or hosts.allows(url)
        )
        if is_file and url[:4].lower() == "http":
            return "url"
    data = fields.get("b64_json")
    return "b64_json" if isinstance(data, str) and data else ""


def _in_text(text: str, step: Any, level: _Level, hosts: FileHosts) -> FoundFile | None:
    if level.source and step in ("url", "b64_json"):
        if step != level.source:
            return None  # the same file in another form
        return FoundFile(text, level.place, level.fields, hosts, is_base64=step == "b64_json")
    start = text[:5].lower()
    if start == "data:":
        is_found = data_head(text) is not None
    elif start[:4] == "http":
        is_found = _is_file_address(text, step, level, hosts)
    else:
        is_found = False
    if not is_found:
        return None
    is_alone = step is None or step == "url"
    place = (
        level.place
        if is_alone
        else Place(level.place, step if isinstance(step, int) else str(step))
    )
    # What stands beside a text is said of it, as long as it is not said of a `url`.
    return FoundFile(text, place, {} if level.source else level.fields, hosts)


def _is_file_address(text: str, step: Any, level: _Level, hosts: FileHosts) -> bool:
    if hosts.allows(text):
        return True
    name = step if isinstance(step, str) else level.name
    name = name[:_LONGEST_PLACE]
    if not _FILE_NAME.search(name) or _ADDRESS_NAME.search(name):
        return False
    return encoded_url(text) is not None and known_suffix(url_suffix(text)) is not None


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
