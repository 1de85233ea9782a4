"""Answers that are no stream: an error of ours comes of each, and it is fit to be shown and kept.

Its message has no more than 1,000 characters, whatever the server sends.
"""

from __future__ import annotations

import copy
import json
import pickle
import re
from random import Random
from typing import Any

import httpx

from fal_stream import ApiError, FalStreamError, StreamEventError, ValidationError
from fal_stream._shared import api_errors
from fal_stream._shared.chunks import EventChunks
from fal_stream._shared.decode import decode_json
from fal_stream._shared.sse import SSEParser

from . import json_text
from .random_bytes import junk, spoil

__all__ = ["LONGEST_MESSAGE", "check", "check_error"]

LONGEST_MESSAGE = 1000
_UNFIT = re.compile(r"[\0-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")

_STATUSES = (100, 200, 201, 204, 301, 307, 400, 401, 403, 404, 422, 422, 429, 500, 502, 504)
_WAYS_OUT = (
    api_errors.HINTS,
    api_errors.STREAM_HINTS,
    api_errors.TOKEN_STREAM_HINTS,
)
_NAMES = (
    b"content-type",
    b"content-encoding",
    b"x-fal-retryable",
    b"x-fal-error-type",
    b"x-fal-request-timeout-type",
    b"x-fal-request-id",
)
_VALUES = (
    *(b"application/json", b"application/problem+json; charset=utf-8", b"text/html", b"text/plain"),
    *(b"text/event-stream", b"gzip", b"identity", b"true", b"1", b"user", b"", b";", b"/"),
    *(b"\xe9", b"\x80\x9b31m", b"\xc3\xa4", b"\xed\xa0\x80", b"utf-16", b"a" * 5000 + b"+json"),
)
_DETAILS: tuple[Any, ...] = (
    *("No credit", "", " ", 0, None, True, 1.5, [], {}, [[]], [None], [{}], {"code": 3}),
    *("\ud800", "\x1b[31mred\x1b[0m", "\0", "\r", "a\nb", "\u202e", "x" * 5000, [1] * 5000),
    *([{"loc": ["body", "prompt"], "msg": "Field required", "type": "missing"}],),
    *([{"loc": ["body", 0], "msg": None}, "x", 3], [{"loc": "body", "msg": ["x"]}]),
    *([{"loc": {"a": 1}, "msg": "m"}], [{"loc": [["x"]], "msg": {}}], [{"msg": "no loc"}]),
    *([{"loc": None, "msg": "\ud800"}], [{"loc": ["\udc00"] * 400, "msg": "y" * 4000}]),
)
_INSERTS = (b"{", b"}", b"[", b'"', b"\\", b"\\ud800", b"\0", b"\x1b[2J", b"\xff", b"\xed\xa0\x80")


def _body(chance: Random) -> bytes:
    kind = chance.random()
    if kind < 0.1:
        return junk(chance, 200)
    if kind < 0.25:
        return json_text.text(chance).encode("utf-8", "surrogatepass")
    if kind < 0.3:
        return b"<html>" + b"<p>Bad gateway</p>" * chance.randrange(2000)
    if kind < 0.33:
        depth = chance.choice((10, 90, 110, 200, 300, 330, 450, 490, 900, 960, 990, 1000, 5000))
        opening, closing = chance.choice((("[", "]"), ('{"detail":', "}"), ('[{"loc":', "}]")))
        nested = opening * depth + "1" + closing * depth
        return f'{{"detail": {nested}}}'.encode() if chance.random() < 0.7 else nested.encode()
    content: Any = {"detail": chance.choice(_DETAILS)}
    if chance.random() < 0.2:
        content["error_type"] = chance.choice(_DETAILS)
    if chance.random() < 0.1:
        content = content["detail"]
    body = json.dumps(content).encode()
    return spoil(chance, body, _INSERTS) if chance.random() < 0.3 else body


def _headers(chance: Random) -> dict[str, str]:
    fields = [(name, chance.choice(_VALUES)) for name in _NAMES if chance.random() < 0.4]
    if chance.random() < 0.5:
        fields.append((b"content-type", b"application/json"))
    # As the client has them.
    return {name.lower(): value for name, value in httpx.Headers(fields).items()}


def check_error(error: FalStreamError) -> None:
    """See that an error can be printed, pickled and copied, and that it is not too long.

    Args:
        error: The error.

    Raises:
        AssertionError: It is not so.
    """
    shown = str(error)
    assert 0 < len(shown) <= LONGEST_MESSAGE, f"{len(shown)} characters: {shown[:300]!r}"
    assert not _UNFIT.search(shown), ascii(shown)
    assert not _UNFIT.search(repr(error)), repr(error)
    state = repr(vars(error))
    for other in (pickle.loads(pickle.dumps(error)), copy.copy(error), copy.deepcopy(error)):
        assert type(other) is type(error)
        assert str(other) == shown
        assert repr(vars(other)) == state
    if isinstance(error, ValidationError):
        for field in error.field_errors:
            assert isinstance(field.msg, str)
            assert isinstance(field.loc, tuple)
            assert error.get_field_errors(str(field.loc[-1:])) is not None


def _error_in_a_stream(text: str) -> FalStreamError:
    source: EventChunks[Any] = EventChunks(SSEParser(), decode_json)
    lines = "".join(f"data: {line}\n" for line in re.split("\r\n|\r|\n", text))
    try:
        source.feed(f"event: error\n{lines}\n".encode("utf-8", "surrogatepass"), [])
    except StreamEventError as error:
        return error
    raise AssertionError(f"{text[:300]!r} was no error")


def check(chance: Random) -> None:
    """Make the errors of one answer.

    Args:
        chance: Decides.

    Raises:
        AssertionError: One is not ours, or not fit to be shown and kept.
    """
    body, headers = _body(chance), _headers(chance)
    status = chance.choice(_STATUSES) if chance.random() < 0.9 else chance.randrange(100, 1000)
    error = api_errors.error_from_response(status, headers, body, chance.choice(_WAYS_OUT))
    assert isinstance(error, ApiError)
    assert error.status == status
    assert (status == 422) <= isinstance(error, ValidationError)
    check_error(error)
    kind = chance.randrange(4)
    if kind == 0:
        check_error(api_errors.unexpected_type_error(status, headers, body))
    elif kind == 1:
        coding = api_errors.unexpected_encoding(headers)
        check_error(api_errors.encoding_error(coding or "gzip"))
    elif kind == 2:
        check_error(api_errors.untyped_error(headers))
    else:
        check_error(_error_in_a_stream(body.decode("utf-8", "replace")))
