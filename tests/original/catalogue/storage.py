"""Files in the input, and what a server may answer to an upload."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from fal_stream.testing import Failure, RecordedRequest, Reply
from tests.original.arguments import File, Turns
from tests.original.catalogue.parts import BOTH, refused, retry
from tests.original.scenario import Gives, Raised, Scenario, Seen, Sent

__all__ = ["UPLOADS"]

_INITIATE = "/storage/upload/initiate"
_FOX = File(Path(__file__).parents[1] / "fox.txt", "text/plain")
_CONTENT = _FOX.path.read_bytes()
_FILE_URL = "https://files.example/fox.txt"
_BINARY = "application/octet-stream"
_AN_IMAGE = {"image": _FILE_URL}
_LIFECYCLE = "x-fal-object-lifecycle"
_DONE = Reply(content_type="text/plain", framing="length")


def _to_this_server(request: RecordedRequest) -> Reply:
    return _answer(f"http://{request.headers['host']}/put/1?signature=a%2Fb%2B")


def _answer(upload_url: Any) -> Reply:
    return Reply.json({"upload_url": upload_url, "file_url": _FILE_URL})


def _begun(name: str = "fox.txt", kind: str = "text/plain", **fields: Any) -> Sent:
    return Sent(
        path=_INITIATE,
        query={"storage_type": "fal-cdn-v3"},
        body={"content_type": kind, "file_name": name},
        **fields,
    )


def _put(kind: str = "text/plain", body: bytes = _CONTENT, path: str = "/put/1") -> Sent:
    return Sent(
        method="PUT",
        path=path,
        query={"signature": "a/b+"},
        body=body,
        authorization=None,
        content_type=kind,
    )


def _storage(**answers: Any) -> Mapping[str, Any]:
    begin = answers.get("begin", _to_this_server)
    return {"acme/llm": BOTH, _INITIATE: begin, "/put/1": answers.get("put", _DONE)}


_BEGUN, _PUT = _begun(), _put()
_IN_PLACE = Sent(body={"prompt": "Hi", "images": [{"file": _FILE_URL}]})
_WITH_FOX = {"input": {"prompt": "Hi", "images": [{"file": _FOX}]}}
_WHOLE = Seen(BOTH, sent=(_BEGUN, _PUT, _IN_PLACE))

_OWN_ERROR = "The error says that an upload failed, and names the file and its place in the input."
_NOT_TRUSTED = "fal_stream sends a file only over https, or to a storage on this machine."


def _theirs(error: Raised, *requests: Sent) -> Seen:
    """What is seen of an upload that fails: `stream()` of the original raises."""
    return Seen(ending=error, heard=(), sent=requests, request_id=False)


def _ours(*requests: Sent, answered: bool = False) -> Seen:
    """The same of fal_stream, where the upload is a part of the stream."""
    error = Raised("UploadError", request_id=answered)
    return Seen(ending=error, sent=requests, request_id=False)


def _to_localhost(request: RecordedRequest) -> Reply:
    port = request.headers["host"].rpartition(":")[2]
    location = f"http://localhost:{port}/put/2?signature=a%2Fb%2B"
    return Reply(status=307, headers={"location": location})


def _uploaded(name: str, file: Any, *requests: Sent, **options: Any) -> Scenario:
    return Scenario(
        name,
        _storage(),
        Seen((), "not read", Gives(_FILE_URL), (), sent=requests, request_id=False),
        plot="upload",
        options={"file": file, **options},
    )


UPLOADS: Sequence[Scenario] = [
    Scenario("a file inside the input", _storage(), _WHOLE, options=_WITH_FOX),
    Scenario(
        "a file as the whole input",
        _storage(),
        Seen(BOTH, sent=(_BEGUN, _PUT, Sent(body=_FILE_URL))),
        options={"input": _FOX},
    ),
    Scenario(
        "bytes in the input",
        _storage(),
        Seen(
            BOTH,
            sent=(_begun("*.octet", _BINARY), _put(_BINARY, b"PNG"), Sent(body=_AN_IMAGE)),
        ),
        Seen(
            BOTH,
            sent=(_begun("*.bin", _BINARY), _put(_BINARY, b"PNG"), Sent(body=_AN_IMAGE)),
        ),
        (
            "fal_stream uses the usual suffix of the media type; the original derives one from the "
            "name of the type."
        ),
        options={"input": {"image": b"PNG"}},
    ),
    Scenario(
        "a file in the input, with `auto_upload=False`",
        _storage(),
        _WHOLE,
        refused("ConfigError"),
        "The original ignores this option.",
        options={**_WITH_FOX, "auto_upload": False},
    ),
    Scenario(
        "fal first responds with 503 to the request for an upload URL",
        _storage(begin=Turns([Failure(503, "busy"), _to_this_server])),
        Seen(BOTH, sent=(_BEGUN, _BEGUN, _PUT, _IN_PLACE)),
        options=_WITH_FOX,
        settings=retry(),
    ),
    Scenario(
        "fal refuses the request for an upload URL, 403",
        _storage(begin=Failure(403, "no")),
        _theirs(Raised("ApiError", 403, {"detail": "no"}), _BEGUN),
        _ours(_BEGUN, answered=True),
        _OWN_ERROR,
        options=_WITH_FOX,
    ),
    Scenario(
        "the upload itself is refused, 403",
        _storage(put=Failure(403, "no")),
        _theirs(Raised("ApiError", 403, {"detail": "no"}), _BEGUN, _PUT),
        _ours(_BEGUN, _PUT, answered=True),
        _OWN_ERROR,
        options=_WITH_FOX,
    ),
    Scenario(
        "the upload itself fails once, 500",
        _storage(put=Turns([Failure(500, "no"), _DONE])),
        _theirs(Raised("ApiError", 500, {"detail": "no"}), _BEGUN, _PUT),
        Seen(BOTH, sent=(_BEGUN, _PUT, _PUT, _IN_PLACE)),
        (
            "Sending the same bytes twice is safe; the original only retries the parts of a "
            "large file."
        ),
        options=_WITH_FOX,
        settings=retry(),
    ),
    Scenario(
        "fal's response contains no upload URL",
        _storage(begin=Reply.json([])),
        _theirs(Raised("TypeError", request_id=False), _BEGUN),
        _ours(_BEGUN),
        _OWN_ERROR,
        options=_WITH_FOX,
    ),
    Scenario(
        "fal's response contains an upload URL without https, on another host",
        _storage(begin=_answer("http://stranger.example/put/1?signature=a%2Fb%2B")),
        _WHOLE,
        _ours(_BEGUN),
        _NOT_TRUSTED,
        options=_WITH_FOX,
    ),
    Scenario(
        "the upload is redirected to another server",
        {**_storage(put=_to_localhost), "/put/2": _DONE},
        Seen(BOTH, sent=(_BEGUN, _PUT, replace(_PUT, path="/put/2"), _IN_PLACE)),
        _ours(_BEGUN, _PUT, answered=True),
        _NOT_TRUSTED,
        options=_WITH_FOX,
    ),
    _uploaded("`upload()`", _FOX, _BEGUN, _PUT),
    _uploaded(
        "`upload()` with a `lifecycle`",
        _FOX,
        _begun(headers={_LIFECYCLE: '{"expiration_duration_seconds":3600}'}),
        _PUT,
        lifecycle={"expires_in": "1h"},
    ),
    _uploaded(
        "`upload()` with an ACL",
        _FOX,
        _begun(headers={_LIFECYCLE: '{"initial_acl":{"default":"hide","rules":[]}}'}),
        _PUT,
        lifecycle={"expires_in": "never", "initial_acl": {"default": "hide", "rules": []}},
    ),
]
