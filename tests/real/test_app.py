"""What the real app puts on the wire, without the client: the ground the other tests stand on."""

from __future__ import annotations

import http.client
import json
from typing import Any
from urllib.parse import urlsplit


def post(demo_url: str, path: str, body: dict[str, Any]) -> tuple[http.client.HTTPResponse, str]:
    connection = http.client.HTTPConnection(urlsplit(demo_url).netloc, timeout=30)
    try:
        connection.request("POST", path, json.dumps(body), {"content-type": "application/json"})
        response = connection.getresponse()
        return response, response.read().decode()
    finally:
        connection.close()


def test_a_stream_is_server_sent_events_in_http_chunks(demo_url: str) -> None:
    response, body = post(demo_url, "/stream", {"prompt": "a fox", "steps": 2})
    assert response.status == 200
    assert response.headers.get_content_type() == "text/event-stream"
    assert response.headers["transfer-encoding"] == "chunked"
    assert body == (
        'data: {"prompt": "a fox", "step": 1, "progress": 0.5}\n\n'
        'data: {"prompt": "a fox", "step": 2, "progress": 1.0}\n\n'
    )


def test_a_bad_input_is_a_422_that_names_the_fields(demo_url: str) -> None:
    response, body = post(demo_url, "/stream", {"steps": 99})
    assert response.status == 422
    assert [entry["loc"] for entry in json.loads(body)["detail"]] == [
        ["body", "prompt"],
        ["body", "steps"],
    ]


def test_an_unknown_path_is_a_404(demo_url: str) -> None:
    response, body = post(demo_url, "/nowhere/stream", {})
    assert response.status == 404
    assert json.loads(body) == {"detail": "Path /nowhere/stream not found"}


def test_a_stream_that_dies_ends_like_a_good_one(demo_url: str) -> None:
    # `read` raises IncompleteRead where the closing chunk is missing.
    good, whole = post(demo_url, "/stream", {"prompt": "a fox", "steps": 2})
    dead, cut = post(demo_url, "/dying/stream", {"prompt": "a fox", "steps": 2})
    assert (dead.status, cut) == (good.status, whole)
