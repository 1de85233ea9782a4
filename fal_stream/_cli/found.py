"""The files in a chunk: where they are, and what they are to be called.

Promises: pure. A name is safe on every system, whatever the app says: letters, digits, `-`, `_` and
one dot. Leaves to others: fetching and writing.
"""

from __future__ import annotations

import base64
import binascii
import mimetypes
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote_to_bytes, urlsplit

_HEAD = re.compile(r"data:([\w.+-]+/[\w.+-]+)?((?:;[^;,\s]{0,100}){0,8}),", re.IGNORECASE)
_SPACE = re.compile(rb"\s+")
_UNSAFE = re.compile(r"[^A-Za-z0-9_-]+")
_SUFFIX = re.compile(r"\.[A-Za-z0-9]{1,5}")
_LONGEST_STEM = 80

# Where fal keeps the files that apps give out.
_FILE_HOST = "fal.media"
_OLD_FILES = ("storage.googleapis.com", "/falserverless/")

# As people call them; `mimetypes` depends on the system.
_SUFFIXES = {
    "application/json": ".json",
    "application/octet-stream": ".bin",
    "audio/aac": ".aac",
    "audio/flac": ".flac",
    "audio/mp3": ".mp3",
    "audio/mpeg": ".mp3",
    "audio/ogg": ".ogg",
    "audio/wav": ".wav",
    "audio/wave": ".wav",
    "audio/webm": ".webm",
    "audio/x-wav": ".wav",
    "image/gif": ".gif",
    "image/jpeg": ".jpg",
    "image/jpg": ".jpg",
    "image/png": ".png",
    "image/svg+xml": ".svg",
    "image/webp": ".webp",
    "model/gltf-binary": ".glb",
    "text/plain": ".txt",
    "video/mp4": ".mp4",
    "video/webm": ".webm",
}


@dataclass(frozen=True)
class Found:
    """A file that a chunk names.

    Attributes:
        place: The way to it in the chunk, without its last step where that is only `url`.
        url: Its address: `data:`, `http:` or `https:`.
        media_type: What the chunk says that it is, or None.
    """

    place: tuple[str, ...]
    url: str
    media_type: str | None


def find_files(chunk: Any, own_origin: str | None) -> Iterator[Found]:
    """Find the files in a chunk.

    Args:
        chunk: A JSON value.
        own_origin: The address of the user's own server, whose files count too, or None.

    Returns:
        Those with a `data:` address, and those on fal's hosts for files, in order.
    """
    waiting: list[tuple[tuple[str, ...], Any, Any]] = [((), chunk, None)]
    while waiting:
        place, value, media_type = waiting.pop()
        if isinstance(value, str):
            if _HEAD.match(value) or is_file_url(value, own_origin):
                steps = place[:-1] if place[-1:] == ("url",) else place
                yield Found(steps, value, media_type if isinstance(media_type, str) else None)
        elif isinstance(value, dict):
            said = value.get("content_type")
            inner = [((*place, str(name)), each, said) for name, each in value.items()]
            waiting += reversed(inner)
        elif isinstance(value, list):
            elements = [((*place, str(number)), each, None) for number, each in enumerate(value)]
            waiting += reversed(elements)


def is_file_url(url: str, own_origin: str | None) -> bool:
    """Tell whether an address is that of a file of fal's, or of the user's own server.

    Args:
        url: The address.
        own_origin: The address of the user's own server, or None.

    Returns:
        Whether it is. An app may name any address; others are not asked.
    """
    if not url.startswith(("https://", "http://")):
        return False
    try:
        parts = urlsplit(url)
        origin, host = (parts.scheme, parts.hostname, parts.port), parts.hostname or ""
        if "@" in parts.netloc:
            return False
        if own_origin is not None:
            own = urlsplit(own_origin)
            if origin == (own.scheme, own.hostname, own.port):
                return True
    except ValueError:
        return False
    if parts.scheme != "https" or parts.port not in (None, 443):
        return False
    if host == _FILE_HOST or host.endswith(f".{_FILE_HOST}"):
        return True
    return host == _OLD_FILES[0] and parts.path.startswith(_OLD_FILES[1])


def read_data_url(url: str) -> tuple[str, bytes]:
    """Decode a `data:` address (RFC 2397).

    Args:
        url: The address.

    Returns:
        The media type and the bytes.

    Raises:
        ValueError: It is none, or its base64 is broken.
    """
    head = _HEAD.match(url)
    if head is None:
        raise ValueError("it is no data: address")
    media_type = (head[1] or "text/plain").lower()
    data = unquote_to_bytes(url[head.end() :])
    if ";base64" not in (head[2] or "").lower():
        return media_type, data
    text = _SPACE.sub(b"", data)
    try:
        return media_type, base64.b64decode(text + b"=" * (-len(text) % 4), validate=True)
    except binascii.Error:
        raise ValueError("its base64 is broken") from None


def suffix_of(media_type: str | None, url: str = "") -> str:
    """Give the end of a file's name.

    Args:
        media_type: Its media type, or None.
        url: Its address, whose own ending is taken where the type says nothing.

    Returns:
        The ending with its dot; `.bin` where nothing is known.
    """
    essence = (media_type or "").partition(";")[0].strip().lower()
    known = _SUFFIXES.get(essence) or mimetypes.guess_extension(essence, strict=False)
    path = "" if url.startswith("data:") else urlsplit(url).path.rpartition("/")[2]
    own = "." + path.rpartition(".")[2] if "." in path else ""
    if known in (None, ".bin") and _SUFFIX.fullmatch(own):
        return own.lower()
    return known or ".bin"


def stem_of(endpoint_id: str, *parts: str) -> str:
    """Give the beginning of a file's name.

    Args:
        endpoint_id: The endpoint; its owner is left out.
        *parts: What follows: the number of the chunk, the place in it.

    Returns:
        The name without an ending, such as `flux-dev-0003-images-0`.
    """
    names = endpoint_id.strip("/").split("/")
    text = "-".join([*(names[1:] or names), *parts])
    return _UNSAFE.sub("_", text)[:_LONGEST_STEM].strip("-_") or "chunk"
