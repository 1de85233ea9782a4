"""Find the files in a chunk.

Promises: pure, linear in the size of the chunk; memory is used only for the current path and the
files. Of base64 without a media type, only the first bytes are decoded.
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

# Far deeper than real JSON; deeper values are not searched.
_DEEPEST = 200
_LONGEST_NAME = 120
_MAX_DIGESTS = 10_000

# Names of fields that contain files, or parts of them.
_FILE_NAME = re.compile(
    r"image|picture|photo|frame|mask|video|audio|sound|speech|music|song|file|mesh|model_glb|glb",
    re.IGNORECASE,
)
# Fields that repeat the input of the app have names such as `image_url`.
_ADDRESS_NAME = re.compile(r"url|uri|link|href", re.IGNORECASE)
# The fields of fal's `File` and `Image` beside `url`.
_FILE_FIELDS = ("content_type", "file_name", "file_size", "width", "height")


class SeenFiles:
    """Remembers the files that came before, or the last 10,000 of them."""

    def __init__(self) -> None:
        self._digests: dict[bytes, None] = {}

    def is_new(self, found: FoundFile) -> bool:
        """Return whether no file with the same data or URL has come before, and remember it."""
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

    These are files: a data URI; base64 in a field `b64_json`; a URL on one of the hosts; an object
    with a `url` that looks like fal's `File` or `Image` by its other fields or by the name of its
    own field; and the URL of an image, audio or video in a field of such a name.

    Args:
        chunk: JSON values, pydantic models and dataclasses.
        hosts: The hosts that files may be downloaded from.
        max_values: The largest number of values to search. Default None: all.

    Yields:
        The files in their order in the chunk; a file that occurs twice is yielded twice.
    """
    left = -1 if max_values is None else max_values
    # A stack of iterators, not of values, so that a list of a million values needs no memory.
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
    """A container that is being searched."""

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
    """Return the name of the field in which an object has a file: `url`, `b64_json` or `""`."""
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
    # The fields beside the text describe it, unless they describe a `url` or `b64_json`.
    return FoundFile(text, place, {} if level.source else level.fields, hosts)


def _is_file_address(text: str, step: Any, level: _Level, hosts: FileHosts) -> bool:
    if hosts.allows(text):
        return True
    name = step if isinstance(step, str) else level.name
    name = name[:_LONGEST_NAME]
    if not _FILE_NAME.search(name) or _ADDRESS_NAME.search(name):
        return False
    return encoded_url(text) is not None and known_suffix(url_suffix(text)) is not None
