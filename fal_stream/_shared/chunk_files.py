"""Find the files in a chunk.

Promises: pure, linear in the chunk, and with memory for the way down and the files only. Nothing is
decoded but the first bytes of base64 of which the chunk doesn't say what it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from .. import _checks
from .chunk_fields import fields_of
from .data_uri import data_head
from .file_hosts import FileHosts, encoded_url
from .found_file import FoundFile, Place
from .media_types import (
    known_suffix,
    url_suffix,
)

# More than any JSON that is meant; what lies deeper is not looked at.
_DEEPEST = 200
_LONGEST_NAME = 120
_MAX_DIGESTS = 10_000

# Names of fields that hold files, also with a plural or with something before or after them.
_FILE_NAME = re.compile(
    r"image|picture|photo|frame|mask|video|audio|sound|speech|music|song|file|mesh|model_glb|glb",
    re.IGNORECASE,
)
# Fields that echo what the app was given have such names: `image_url`.
_ADDRESS_NAME = re.compile(r"url|uri|link|href", re.IGNORECASE)
# The fields of fal's `File` and `Image` beside `url`.
_FILE_FIELDS = ("content_type", "file_name", "file_size", "width", "height")


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
        if len(self._digests) > _MAX_DIGESTS:
            del self._digests[next(iter(self._digests))]
        return True


def find_files_in_chunk(
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
            or _FILE_NAME.search(name[:_LONGEST_NAME]) is not None
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
    name = name[:_LONGEST_NAME]
    if not _FILE_NAME.search(name) or _ADDRESS_NAME.search(name):
        return False
    return encoded_url(text) is not None and known_suffix(url_suffix(text)) is not None
