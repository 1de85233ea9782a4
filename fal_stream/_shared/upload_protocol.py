"""Make the requests of an upload to fal's storage, and check the responses.

Promises: the requests are those of fal's JavaScript client (https://github.com/fal-ai/fal-js). The
server's responses are not trusted: whatever is not as expected raises a `ValueError` whose text is
safe to show. It contains no path and no query, because upload addresses are signed.

Elsewhere: sending the requests, and turning that exception into an error of ours.
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
    """A piece of a file that is uploaded in parts.

    Attributes:
        number: Its number, from 1 on.
        offset: Where it begins, in bytes.
        length: How long it is, in bytes.
    """

    number: int
    offset: int
    length: int


class UploadedPart(NamedTuple):
    """A part that the storage has.

    Attributes:
        number: Its number, from 1 on.
        etag: What the storage calls its content.
    """

    number: int
    etag: str


@dataclass(frozen=True, repr=False)
class UploadTarget:
    """Where a file is sent, and where it will be found; no repr shows it, as it is signed.

    Attributes:
        upload_url: Where it is sent.
        file_url: Where it will be found.
    """

    upload_url: str
    file_url: str

    def __reduce__(self) -> NoReturn:
        raise TypeError("An upload is not pickled: its address is signed; begin a new one")


def initiate_url(rest_url: str, *, in_parts: bool) -> str:
    """Return the address that is asked where a file goes.

    Args:
        rest_url: The address of fal's REST API, without a slash at its end.
        in_parts: Whether the file is sent in parts.

    Returns:
        The address.
    """
    name = "initiate-multipart" if in_parts else "initiate"
    return f"{rest_url}/storage/upload/{name}?storage_type=fal-cdn-v3"


def split(size: int) -> list[PartRange]:
    """Cut a file into parts.

    Args:
        size: Its size in bytes.

    Returns:
        The parts, each of 10 MiB but the last.
    """
    return [
        PartRange(number, offset, min(PART_SIZE, size - offset))
        for number, offset in enumerate(range(0, size, PART_SIZE), 1)
    ]


def check_initiated(answer: object, *, is_local: bool) -> UploadTarget:
    """Check what the storage says of a new upload.

    Args:
        answer: The decoded JSON of its answer.
        is_local: Whether the storage is on this machine; others must not send a file here.

    Returns:
        The addresses.

    Raises:
        ValueError: They are not there, or can't be used.
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
    """Return the address of a part.

    Args:
        upload_url: The address of the upload, checked.
        number: The number of the part.

    Returns:
        The address with the number at the end of its path; the query stays as it is.
    """
    return _below(upload_url, str(number))


def complete_url(upload_url: str) -> str:
    """Return the address that puts the parts together.

    Args:
        upload_url: The address of the upload, checked.

    Returns:
        The address with `complete` at the end of its path; the query stays as it is.
    """
    return _below(upload_url, "complete")


def _below(url: str, name: str) -> str:
    # Treated as text, not parsed, because the query is a signature.
    address, mark, query = url.partition("#")[0].partition("?")
    if not urlsplit(address).path:
        address += "/"
    return f"{address}/{name}{mark if query else ''}{query}"


def check_part(answer: object, number: int) -> UploadedPart:
    """Check what the storage says of a part that was sent to it.

    Args:
        answer: The decoded JSON of its answer.
        number: The number of the part that was sent.

    Returns:
        The part.

    Raises:
        ValueError: It is about another part, or not as it should be.
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
    """Write what puts the parts together.

    Args:
        parts: All parts, in any order.

    Returns:
        JSON, with the parts in the order of their numbers.
    """
    listed = [{"partNumber": part.number, "etag": part.etag} for part in sorted(parts)]
    return json.dumps({"parts": listed}, separators=(",", ":")).encode()
