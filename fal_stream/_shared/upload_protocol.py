"""Build the requests of an upload to fal's storage, and check the responses.

Promises: the requests are those of fal's JavaScript client (https://github.com/fal-ai/fal-js). The
server's responses are not trusted: an unexpected one raises a `ValueError` whose text is safe to
show. It contains no path and no query, because upload URLs are signed.

Not here: sending the requests, and turning that exception into an error of ours (`upload`).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, NoReturn
from urllib.parse import quote, urlsplit

from .. import _checks
from ..errors import ConfigError
from .endpoint import is_loopback, names_this_machine
from .file_hosts import URL_PUNCTUATION

# Both are the values of fal's JavaScript client.
MAX_SINGLE = 90 * 1024 * 1024
PART_SIZE = 10 * 1024 * 1024

FILES_AT_ONCE = 4
PARTS_AT_ONCE = 4

MAX_URL_LENGTH = 16_384
MAX_ETAG = 1_024


class PartRange(NamedTuple):
    """The range of one part of a file.

    Attributes:
        number: The number of the part, from 1 on.
        offset: The position of the part in the file (bytes).
        length: The length of the part (bytes).
    """

    number: int
    offset: int
    length: int


class UploadedPart(NamedTuple):
    """A part that was uploaded.

    Attributes:
        number: The number of the part, from 1 on.
        etag: The ETag that the storage has returned for the part.
    """

    number: int
    etag: str


@dataclass(frozen=True, repr=False)
class UploadTarget:
    """The URLs of an upload; the repr hides them, because one is signed.

    Attributes:
        upload_url: The signed URL to send the file to.
        file_url: The URL of the uploaded file.
    """

    upload_url: str
    file_url: str

    def __reduce__(self) -> NoReturn:
        raise TypeError("An upload can't be pickled, because its URL is signed: begin a new one")


def initiate_url(rest_url: str, *, in_parts: bool) -> str:
    """Return the URL that an upload is initiated at.

    Args:
        rest_url: The URL of fal's REST API, without a slash at its end.
        in_parts: Whether the file is sent in parts.
    """
    name = "initiate-multipart" if in_parts else "initiate"
    return f"{rest_url}/storage/upload/{name}?storage_type=fal-cdn-v3"


def split(size: int) -> list[PartRange]:
    """Return the parts of a file of a size (bytes): each has 10 MiB, except the last one."""
    return [
        PartRange(number, offset, min(PART_SIZE, size - offset))
        for number, offset in enumerate(range(0, size, PART_SIZE), 1)
    ]


def check_initiated(answer: object, *, is_local: bool) -> UploadTarget:
    """Check the storage's response to a new upload, and return the URLs in it.

    Args:
        answer: The JSON value of the response.
        is_local: Whether the storage is on this machine. If not, it must not make us send a file to
            this machine.

    Raises:
        ValueError: A URL is missing or can't be used.
    """
    given = _object(answer)
    upload_url, file_url = _text(given, "upload_url"), _text(given, "file_url")
    _check_address("upload_url", upload_url, is_local=is_local)
    # This URL is only used in JSON, and may contain the file's name unencoded.
    if not file_url.isprintable():
        raise ValueError("file_url has a control character in it")
    _check_address("file_url", quote(file_url, safe=URL_PUNCTUATION), is_local=is_local)
    return UploadTarget(upload_url, file_url)


def _object(answer: object) -> Mapping[str, Any]:
    if isinstance(answer, dict):
        return answer
    raise ValueError(f"the answer is {_kind(answer)} instead of a JSON object")


def _text(answer: Mapping[str, Any], name: str) -> str:
    value = answer.get(name)
    if not isinstance(value, str):
        raise ValueError(f"{name} is {_kind(value)} in the answer")
    if len(value) > MAX_URL_LENGTH:
        raise ValueError(f"{name} has {len(value):,} characters, more than {MAX_URL_LENGTH:,}")
    return value


def _check_address(name: str, url: str, *, is_local: bool) -> None:
    try:
        parts = _checks.check_url(name, url)
    except ConfigError:
        parts = None
    if parts is None:
        # Not shown in the message, because it may be anything.
        raise ValueError(f"{name} is not an absolute http address without user and password")
    host = parts.hostname or ""
    if is_local and is_loopback(host):
        return
    if names_this_machine(host):
        raise ValueError(f"{name} is on {parts.netloc}, this machine, and the storage is not")
    if parts.scheme != "https":
        raise ValueError(f"{name} is on {parts.netloc} without https")


def _kind(value: object) -> str:
    return "missing" if value is None else f"of type {type(value).__name__}"


def part_url(upload_url: str, number: int) -> str:
    """Return the URL of a part: the upload URL with the number added to its path."""
    return _below(upload_url, str(number))


def complete_url(upload_url: str) -> str:
    """Return the URL that completes an upload: the upload URL with `complete` added to its path."""
    return _below(upload_url, "complete")


def _below(url: str, name: str) -> str:
    # Not parsed, because the query is a signature and must not change.
    address, mark, query = url.partition("#")[0].partition("?")
    if not urlsplit(address).path:
        address += "/"
    return f"{address}/{name}{mark if query else ''}{query}"


def check_part(answer: object, number: int) -> UploadedPart:
    """Check the storage's response to a part, and return the part.

    Args:
        answer: The JSON value of the response.
        number: The number of the part that was sent.

    Raises:
        ValueError: The response is for another part, or is not valid.
    """
    given = _object(answer)
    etag, part = given.get("etag"), given.get("partNumber")
    if isinstance(part, bool) or part != number:
        about = part if isinstance(part, int) else _kind(part)
        raise ValueError(f"partNumber is {about} in the answer to part {number}")
    if not isinstance(etag, str) or not etag:
        raise ValueError(f"etag is {'empty' if etag == '' else _kind(etag)} in the answer")
    if len(etag) > MAX_ETAG:
        raise ValueError(f"etag has {len(etag):,} characters, more than {MAX_ETAG:,}")
    return UploadedPart(number, etag)


def completion(parts: Iterable[UploadedPart]) -> bytes:
    """Return the body that completes an upload: JSON, with the parts in order of their numbers."""
    listed = [{"partNumber": part.number, "etag": part.etag} for part in sorted(parts)]
    return json.dumps({"parts": listed}, separators=(",", ":")).encode()
