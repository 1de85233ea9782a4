"""Answers that are no event stream: errors, documents, audio, redirects, none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from fal_stream.testing import Cut, Failure, Pause, Raw, RecordedRequest, Reply
from tests.original.catalogue.parts import BOTH, ONE, SILENT, options, raising, silent
from tests.original.scenario import HANGS, Raised, Scenario, Seen, Sent

__all__ = ["ANSWERS"]

_FIELDS = [{"loc": ["body", "prompt"], "msg": "too long", "type": "value_error"}]
_PAGE = "<html>Bad gateway</html>"
_SOUND = b"RIFF and so on"
_NEW = Sent(path="/acme/new/stream")

_BODY_LOST = "The original reads only JSON, so the text of the response is lost."
_SMALL = (
    "In the original, `message` is the same as `data` only for event streams; in "
    "fal_stream it always is."
)


def _refusal(name: str, answer: Failure, error: Raised) -> Scenario:
    return Scenario(name, answer, silent(error), raising(error), SILENT)


def _bytes(data: bytes, *, message: bool) -> Seen:
    kinds = ("data", "message", "done") if message else ("data", "done")
    return Seen((data,), heard=[(kind, data) for kind in kinds])


def _elsewhere(request: RecordedRequest) -> Reply:
    port = request.headers["host"].rpartition(":")[2]
    location = f"http://localhost:{port}/acme/new/stream"
    return Reply(status=307, headers={"location": location})


ANSWERS: Sequence[Scenario] = [
    _refusal(
        "422, with the fields that are wrong",
        Failure(422, _FIELDS),
        Raised("ValidationError", 422, {"detail": _FIELDS}, _FIELDS),
    ),
    _refusal(
        "422, with a text as `detail`",
        Failure(422, "too long"),
        Raised(
            "ValidationError",
            422,
            {"detail": "too long"},
            [{"loc": ["body"], "msg": "too long", "type": "value_error"}],
        ),
    ),
    _refusal(
        "422, with JSON in another format",
        Failure(422, body='{"message": "too long"}'),
        Raised("ValidationError", 422, {"message": "too long"}, []),
    ),
    _refusal("401", Failure(401, "no"), Raised("ApiError", 401, {"detail": "no"})),
    _refusal("403", Failure(403, "no"), Raised("ApiError", 403, {"detail": "no"})),
    _refusal(
        "404: the app does not stream",
        Failure(404, "Path /stream not found"),
        Raised("ApiError", 404, {"detail": "Path /stream not found"}),
    ),
    _refusal("500", Failure(500, "no"), Raised("ApiError", 500, {"detail": "no"})),
    _refusal(
        "504, because the caller's own timeout ran out",
        Failure(504, "too late", timeout_type="user"),
        Raised("ApiError", 504, {"detail": "too late"}, user_timeout=True),
    ),
    Scenario(
        "502, with an HTML page",
        Failure(502, body=_PAGE, content_type="text/html"),
        silent(Raised("ApiError", 502)),
        raising(Raised("ApiError", 502, _PAGE)),
        f"{SILENT} {_BODY_LOST}",
    ),
    Scenario(
        "500, with an event stream as its body",
        Reply([{"detail": "no"}], status=500),
        silent(Raised("ApiError", 500)),
        raising(Raised("ApiError", 500, 'data: {"detail": "no"}\n\n')),
        f"{SILENT} {_BODY_LOST}",
    ),
    Scenario(
        "JSON instead of an event stream",
        Reply([b'{"n": 1}'], content_type="application/json"),
        _bytes(b'{"n": 1}', message=False),
        raising(Raised("StreamDecodeError")),
        "A JSON document is not a stream; to get its bytes, use `accept`.",
    ),
    Scenario(
        "an error as JSON, with status 200",
        Reply([b'{"detail": "no"}'], content_type="application/json"),
        _bytes(b'{"detail": "no"}', message=False),
        raising(Raised("ApiError", 200, {"detail": "no"})),
        "It is an error: some proxies change the status of errors to 200.",
    ),
    Scenario(
        "JSON, with `accept` for JSON",
        Reply([b'{"n": 1}'], content_type="application/json"),
        _bytes(b'{"n": 1}', message=False),
        _bytes(b'{"n": 1}', message=True),
        _SMALL,
        options=options(accept="application/json"),
    ),
    Scenario(
        "an HTML page instead of an event stream",
        Reply([_PAGE.encode()], content_type="text/html"),
        _bytes(_PAGE.encode(), message=False),
        raising(Raised("StreamDecodeError")),
        "A login page is not a result.",
    ),
    Scenario(
        "audio",
        Reply([_SOUND], content_type="audio/wav"),
        _bytes(_SOUND, message=False),
        _bytes(_SOUND, message=True),
        _SMALL,
        options=options(accept="audio/wav"),
    ),
    Scenario(
        "audio whose connection breaks",
        Reply([_SOUND, Pause(0.5), Cut()], content_type="audio/wav"),
        Seen((_SOUND,), HANGS, HANGS, heard=[("data", _SOUND)], unhandled=True),
        raising(Raised("StreamInterrupted"), _SOUND),
        "The original doesn't handle the error: iteration and `done()` wait forever.",
        options=options(accept="audio/wav"),
    ),
    Scenario(
        "an event stream with a charset in its media type",
        Reply(BOTH, content_type="text/event-stream; charset=utf-8"),
        Seen(BOTH),
    ),
    Scenario(
        "an event stream with capital letters in its media type",
        Reply([Raw(b'data: {"n": 1}\n\n')], content_type="Text/Event-Stream"),
        _bytes(b'data: {"n": 1}\n\n', message=False),
        Seen((ONE,)),
        "Media types are case-insensitive (RFC 9110, section 8.3.1).",
    ),
    Scenario(
        "a redirect to the same server, 307",
        {
            "acme/llm": Reply(status=307, headers={"location": "/acme/new/stream"}),
            "acme/new": BOTH,
        },
        Seen(BOTH, sent=(Sent(), _NEW)),
    ),
    Scenario(
        "a redirect that changes the POST into a GET, 302",
        {
            "acme/llm": Reply(status=302, headers={"location": "/acme/new/stream"}),
            "acme/new": BOTH,
        },
        Seen(
            BOTH,
            sent=(Sent(), replace(_NEW, method="GET", body=None, content_type=None)),
        ),
        raising(Raised("ApiError", 302, "")),
        "A GET has no body, so the input would be lost.",
    ),
    Scenario(
        "a redirect to another server",
        {"acme/llm": _elsewhere, "acme/new": BOTH},
        Seen(BOTH, sent=(Sent(), replace(_NEW, authorization=None))),
        raising(Raised("ApiError", 307, "")),
        "Neither client sends the key there, but the input may be secret too.",
    ),
]
