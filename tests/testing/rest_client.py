"""Requests of a client to the REST addresses of a `LocalFal`."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from fal_stream.testing import LocalFal
from tests.testing.raw_client import Answer, fetch

INITIATE = "/storage/upload/initiate?storage_type=fal-cdn-v3"
INITIATE_MULTIPART = "/storage/upload/initiate-multipart?storage_type=fal-cdn-v3"


def order_token(fal: LocalFal, *apps: str, seconds: float = 60) -> str:
    """Have a token issued."""
    body = json.dumps({"allowed_apps": apps, "token_expiration": seconds})
    token = fetch(fal, path="/tokens/", body=body).json()
    assert isinstance(token, str)
    return token


def ask_with_token(fal: LocalFal, token: str, endpoint_id: str = "acme/app") -> Answer:
    """Ask for a stream with a token and without a key."""
    return fetch(fal, path=f"/{endpoint_id}/stream?fal_jwt_token={token}", headers={})


@dataclass
class Begun:
    """An upload that was begun, and how to go on with it."""

    fal: LocalFal
    upload_url: str
    file_url: str

    def send(self, method: str = "PUT", rest: str = "", body: Any = None) -> Answer:
        """Send a request to the upload's address, or below it, without a key."""
        parts = urlsplit(self.upload_url)
        path = f"{parts.path}{rest}?{parts.query}"
        return fetch(self.fal, method=method, path=path, body=body, headers={})

    def send_part(self, number: int, content: bytes) -> dict[str, Any]:
        """Send a part and give its line in the list that completes the upload."""
        part = self.send(rest=f"/{number}", body=content).json()
        assert set(part) == {"partNumber", "etag"}
        assert part["partNumber"] == number
        return dict(part)

    def complete(self, parts: Iterable[object]) -> Answer:
        """Complete the upload of parts."""
        return self.send("POST", "/complete", json.dumps({"parts": list(parts)}))

    def get(self, method: str = "GET") -> Answer:
        """Fetch the file without a key."""
        return fetch(self.fal, method=method, path=urlsplit(self.file_url).path, headers={})


def begin(
    fal: LocalFal,
    file_name: str = "fox.png",
    content_type: str = "image/png",
    *,
    lifecycle: str | None = None,
    in_parts: bool = False,
) -> Begun:
    """Begin an upload."""
    headers = {"Authorization": f"Key {fal.key}"}
    if lifecycle is not None:
        headers["X-Fal-Object-Lifecycle"] = lifecycle
    answer = fetch(
        fal,
        path=INITIATE_MULTIPART if in_parts else INITIATE,
        body=json.dumps({"content_type": content_type, "file_name": file_name}),
        headers=headers,
    )
    assert answer.status == 200
    return Begun(fal, **answer.json())
