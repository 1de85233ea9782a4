"""The URLs of fal's storage: start an upload, send the file, download it.

Promises: an upload URL needs no key, and can't be used without its signature. Not here: who may
start an upload (`request_handler`), and the files (`uploads`).
"""

from __future__ import annotations

import re
import secrets
from typing import Any
from urllib.parse import quote, unquote

from pydantic_core import from_json

from fal_stream.testing.http_error import HTTPError, check_method, invalid
from fal_stream.testing.reply import Reply
from fal_stream.testing.request import RecordedRequest
from fal_stream.testing.schemas import PartList, UploadOrder, read_body
from fal_stream.testing.steps import Raw
from fal_stream.testing.uploads import BadUpload, PendingUpload, Uploads

__all__ = ["StorageHandler"]

STORAGE_TYPE = "fal-cdn-v3"
LIFECYCLE_HEADER = "x-fal-object-lifecycle"

_UPLOAD_PATH = re.compile(r"/storage/upload/([0-9a-f]{32})(?:/(.*))?", re.ASCII)
_FILE_PATH = re.compile(r"/files/([0-9a-f]{32})_(.*)", re.ASCII)
_PART_NUMBER = re.compile(r"[0-9]{1,9}", re.ASCII)


class StorageHandler:
    """The storage of a server.

    Args:
        uploads: The files.
    """

    def __init__(self, uploads: Uploads) -> None:
        self._uploads = uploads

    def initiate(self, request: RecordedRequest, base_url: str, *, in_parts: bool) -> Reply:
        """Start an upload, and return the reply with `upload_url` and `file_url`.

        Args:
            request: The request, whose body has the file's name and type.
            base_url: The URL of this server.
            in_parts: Whether the file will be sent in parts.

        Raises:
            HTTPError: The request is not valid.
        """
        if request.query.get("storage_type") != STORAGE_TYPE:
            raise invalid(
                ["query", "storage_type"], f"Input should be '{STORAGE_TYPE}'", "literal_error"
            )
        order = read_body(request, UploadOrder)
        upload_id = secrets.token_hex(16)
        upload = PendingUpload(
            id=upload_id,
            file_url=f"{base_url}/files/{upload_id}_{quote(order.file_name, safe='')}",
            file_name=order.file_name,
            content_type=order.content_type,
            lifecycle=_lifecycle(request),
            in_parts=in_parts,
        )
        self._uploads.begin(upload)
        upload_url = (
            f"{base_url}/storage/upload/{upload_id}?upload_id={upload_id}"
            f"&signature={quote(upload.signature, safe='')}"
        )
        return Reply.json({"upload_url": upload_url, "file_url": upload.file_url})

    def answer(self, request: RecordedRequest) -> Reply | None:
        """Return the reply to a request for the URL of an upload or a file; None for other URLs.

        Raises:
            HTTPError: The request is not valid.
        """
        if path := _UPLOAD_PATH.fullmatch(request.path):
            return self._receive(request, path[1], path[2])
        if path := _FILE_PATH.fullmatch(request.path):
            return self._fetch(request, path[1], unquote(path[2]))
        return None

    def _receive(self, request: RecordedRequest, upload_id: str, rest: str | None) -> Reply:
        upload = self._uploads.pending(upload_id)
        proof = {"upload_id": upload_id, "signature": upload.signature if upload else ""}
        if upload is None or any(request.query.get(name) != proof[name] for name in proof):
            raise HTTPError(403, "The signature of the upload's address is missing or wrong")
        try:
            if not upload.in_parts:
                return self._take_whole(request, upload, rest)
            if rest == "complete":
                return self._complete(request, upload)
            return self._take_part(request, upload, rest)
        except BadUpload as error:
            raise HTTPError(400, str(error)) from None

    def _take_whole(
        self, request: RecordedRequest, upload: PendingUpload, rest: str | None
    ) -> Reply:
        if rest is not None:
            raise HTTPError(404, "The upload is a single one; send the file to its address")
        check_method(request, "PUT")
        self._uploads.finish(upload, request.body)
        return Reply(content_type="text/plain", framing="length")

    def _take_part(
        self, request: RecordedRequest, upload: PendingUpload, rest: str | None
    ) -> Reply:
        if rest is None or not _PART_NUMBER.fullmatch(rest):
            raise HTTPError(404, "The upload is one in parts; add /{part number} or /complete")
        check_method(request, "PUT")
        number = int(rest)
        return Reply.json({"partNumber": number, "etag": upload.take_part(number, request.body)})

    def _complete(self, request: RecordedRequest, upload: PendingUpload) -> Reply:
        check_method(request, "POST")
        parts = read_body(request, PartList).parts
        content = upload.join_parts([(part.number, part.etag) for part in parts])
        if content is not None:
            self._uploads.finish(upload, content)
        return Reply.json({})

    def _fetch(self, request: RecordedRequest, upload_id: str, file_name: str) -> Reply:
        check_method(request, "GET", "HEAD")
        upload = self._uploads.get(upload_id)
        if upload is None or upload.file_name != file_name:
            raise HTTPError(404, "File not found")
        return Reply([Raw(upload.content)], content_type=upload.content_type, framing="length")


def _lifecycle(request: RecordedRequest) -> Any:
    text = request.headers.get(LIFECYCLE_HEADER)
    if text is None:
        return None
    try:
        return from_json(text, allow_inf_nan=False)
    except ValueError as error:
        raise invalid(
            ["header", LIFECYCLE_HEADER], f"Invalid JSON: {error}", "json_invalid"
        ) from None
