"""The files that clients upload: started, received in one piece or in parts, completed.

Promises: a file is visible when it is complete. Its bytes are not copied until parts are joined.
`Uploads` is safe to use from any thread; a `PendingUpload` may only be used by the server's thread.
Not here: URLs, requests and errors (`storage`).
"""

from __future__ import annotations

import hashlib
import secrets
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from fal_stream._checks import safe_repr
from fal_stream.errors import ConfigError, counted, excerpt

__all__ = ["BadUpload", "PendingUpload", "Upload", "Uploads"]

MAX_PARTS = 10_000


@dataclass(frozen=True)
class Upload:
    """A file that a client has uploaded to `LocalFal`.

    Attributes:
        file_url: The URL of the file, which the client got.
        file_name: The name that the client gave.
        content_type: The media type that the client gave.
        content: The file's bytes.
        lifecycle: The client's `x-fal-object-lifecycle` header, decoded from JSON; None if it sent
            none.
        parts: In how many parts it was sent; 0 if in one piece.
    """

    file_url: str
    file_name: str
    content_type: str
    content: bytes
    lifecycle: Any = field(hash=False)
    parts: int

    @safe_repr
    def __repr__(self) -> str:
        size = f"{counted(len(self.content), 'byte')}"
        return f"<Upload {excerpt(self.file_name)!r} {self.content_type}, {size}>"


class BadUpload(Exception):
    """A request of the client that is not allowed for its upload."""


@dataclass(repr=False)
class PendingUpload:
    """A file that a client has begun to upload, complete or not.

    Attributes:
        id: The id of the upload, which is in its URLs.
        file_url: The URL of the file once it is complete.
        file_name: The name that the client gave.
        content_type: The media type that the client gave.
        lifecycle: The client's `x-fal-object-lifecycle` header, decoded from JSON, or None.
        in_parts: Whether the file is sent in parts.
        signature: The signature of the upload URL.
        etags: The ETag of each part that has arrived, by its number.
    """

    id: str
    file_url: str
    file_name: str
    content_type: str
    lifecycle: Any
    in_parts: bool
    # With characters that a client changes if it decodes and encodes the query of the URL.
    signature: str = field(default_factory=lambda: secrets.token_urlsafe(32) + "+/=")
    etags: dict[int, str] = field(default_factory=dict)
    _received: dict[int, bytes] = field(default_factory=dict)
    _complete: bool = False

    def take_part(self, number: int, content: bytes) -> str:
        """Store a part, replacing an earlier one with the same number, and return its ETag.

        Args:
            number: The number of the part.
            content: The bytes of the part.

        Raises:
            BadUpload: The number is out of range, or the upload is complete.
        """
        if not 1 <= number <= MAX_PARTS:
            raise BadUpload(f"Part {number} is out of range; number parts from 1 to {MAX_PARTS}")
        if self._complete:
            raise BadUpload("The upload is complete; no part can be added")
        etag = hashlib.sha1(content, usedforsecurity=False).hexdigest()
        self._received[number] = content
        self.etags[number] = etag
        return etag

    def join_parts(self, parts: Sequence[tuple[int, str]]) -> bytes | None:
        """Join the parts in the order of their numbers, and return the file's bytes.

        Args:
            parts: The number and ETag of each part, in any order.

        Returns:
            The bytes, or None if the same parts were joined before.

        Raises:
            BadUpload: The parts are not those that were uploaded, each once, numbered from 1 on
                without a gap.
        """
        numbers = sorted(number for number, _ in parts)
        if not numbers:
            raise BadUpload("There are no parts")
        for number, etag in parts:
            if number not in self.etags:
                raise BadUpload(f"Part {number} has not been uploaded")
            if etag != self.etags[number]:
                raise BadUpload(f"The ETag of part {number} is wrong")
        for place, number in enumerate(numbers, 1):
            if number < place:
                raise BadUpload(f"Part {number} is given twice")
            if number > place:
                raise BadUpload(f"Part {place} is missing")
        if len(numbers) < len(self.etags):
            raise BadUpload(f"Part {max(self.etags)} was uploaded and is missing in the list")
        if self._complete:
            return None
        self._complete = True
        received, self._received = self._received, {}
        return b"".join(received[number] for number in numbers)


class Uploads:
    """The files of a server."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pending: dict[str, PendingUpload] = {}
        self._complete: dict[str, Upload] = {}

    @property
    def complete(self) -> list[Upload]:
        """The complete files, in the order in which they were completed."""
        with self._lock:
            return list(self._complete.values())

    def begin(self, upload: PendingUpload) -> None:
        """Add an upload that a client has started."""
        with self._lock:
            self._pending[upload.id] = upload

    def pending(self, upload_id: str) -> PendingUpload | None:
        """Return an upload that was started, complete or not, or None."""
        with self._lock:
            return self._pending.get(upload_id)

    def get(self, upload_id: str) -> Upload | None:
        """Return an upload that is complete, or None."""
        with self._lock:
            return self._complete.get(upload_id)

    def finish(self, pending: PendingUpload, content: bytes) -> None:
        """Add a complete file; if the upload was complete already, its content is replaced."""
        upload = Upload(
            file_url=pending.file_url,
            file_name=pending.file_name,
            content_type=pending.content_type,
            content=content,
            lifecycle=pending.lifecycle,
            parts=len(pending.etags),
        )
        with self._lock:
            self._complete[pending.id] = upload

    def find(self, file_url: str) -> Upload:
        """Return the complete upload with a URL.

        Raises:
            ConfigError: There is none.
        """
        uploads = self.complete
        for upload in uploads:
            if upload.file_url == file_url:
                return upload
        # The URL of an upload has a secret in its query.
        shown = excerpt(repr(file_url).partition("?")[0], 120)
        raise ConfigError(
            f"file_url is {shown}; give the file_url of a complete upload "
            f"(this server has {len(uploads)})"
        )
