"""What an answer means that is no stream."""

from __future__ import annotations

import json
from typing import Any

import pytest

from fal_stream import (
    ApiError,
    AuthenticationError,
    NotFoundError,
    OutputValidationError,
    PermissionDeniedError,
    RateLimitError,
    StreamDecodeError,
    ValidationError,
)
from fal_stream._shared import api_errors

JSON = {"content-type": "application/json"}


def error_of(status: int, body: Any, **headers: str) -> ApiError:
    fields = {**JSON, **{name.replace("_", "-"): value for name, value in headers.items()}}
    return api_errors.error_from_response(status, fields, encoded(body))


def encoded(body: Any) -> bytes:
    return body if isinstance(body, bytes) else json.dumps(body).encode()


@pytest.mark.parametrize(
    ("status", "body", "text"),
    [
        (401, {"detail": "No key"}, "The server answered 401: No key - check the credentials"),
        (403, {"detail": "No"}, "check that this key may use the endpoint"),
        (404, {"detail": "Path /stream not found"}, "Path /stream not found - check the endpoint"),
        (429, {}, "too many requests"),
        (500, {"detail": {"code": 3}}, 'The server answered 500: {"code": 3} - the fault is'),
        (503, b"", "The server answered 503: the answer is empty - the fault is"),
        (400, {"error": "x"}, 'The server answered 400: {"error": "x"}'),
        (500, b"\xff not JSON {", "not JSON {"),
        (302, b"", "redirects are followed to the same origin only"),
    ],
)
def test_the_message_says_what_and_what_to_do(status: int, body: Any, text: str) -> None:
    made = api_errors.error_from_response(status, JSON, encoded(body), api_errors.STREAM_HINTS)
    assert text in str(made)
    assert made.status == status
    kinds = {
        401: AuthenticationError,
        403: PermissionDeniedError,
        404: NotFoundError,
        429: RateLimitError,
    }
    assert type(made) is kinds.get(status, ApiError)


@pytest.mark.parametrize("status", [404, 422])
def test_a_request_that_is_no_stream_has_no_hint_about_streams(status: int) -> None:
    assert str(error_of(status, {"detail": "No"})) == f"The server answered {status}: No"


def test_the_body_is_decoded_where_it_is_json() -> None:
    assert error_of(500, {"detail": "x"}).body == {"detail": "x"}
    assert error_of(500, b"oops").body == "oops"


def test_a_422_names_the_fields() -> None:
    error = error_of(422, {"detail": [{"loc": ["body", "prompt"], "msg": "Field required"}, "x"]})
    assert isinstance(error, ValidationError)
    assert "422: body.prompt: Field required; x" in str(error)
    assert error.get_field_errors("prompt")[0].msg == "Field required"


@pytest.mark.parametrize(("value", "expected"), [("true", True), ("1", True), ("false", False)])
def test_what_fal_says_in_headers(value: str, expected: bool) -> None:
    error = error_of(503, {}, x_fal_error_type="runner_disconnected", x_fal_retryable=value)
    assert error.error_type == "runner_disconnected"
    assert error.retryable is expected
    assert error_of(503, {}).retryable is None


def test_the_error_type_may_stand_in_the_body() -> None:
    assert error_of(504, {"detail": "x", "error_type": "request_timeout"}).error_type == (
        "request_timeout"
    )
    assert error_of(504, {"detail": "x", "error_type": 3}).error_type is None


def test_a_limit_of_the_callers_own() -> None:
    error = error_of(504, {"detail": "x"}, x_fal_request_timeout_type="user")
    assert error.is_user_timeout
    assert "raise start_timeout" in str(error)


def test_a_page_is_shown_by_its_beginning() -> None:
    page = b"<html>" + b"x" * 5000
    error = api_errors.error_from_response(502, {"content-type": "text/html; charset=utf-8"}, page)
    assert "an HTML page: <html>xxx" in str(error)
    assert len(str(error)) < 600
    assert error.body == page.decode()


def test_a_compressed_error_is_not_inflated() -> None:
    error = error_of(500, b"\x1f\x8b", content_encoding="gzip")
    assert error.body == "(2 bytes of content coding gzip)"


@pytest.mark.parametrize(
    ("content_type", "accept", "expected"),
    [
        ("application/json", "text/event-stream", True),
        ("Application/JSON; charset=utf-8", "text/event-stream", True),
        ("application/problem+json", "text/event-stream", True),
        ("text/html", "text/event-stream", True),
        ("application/json", "application/json", False),
        ("application/json", "*/*", False),
        ("text/event-stream", "text/event-stream", False),
        ("audio/wav", "text/event-stream", False),
        ("", "text/event-stream", False),
        ("application/json, application/json", "text/event-stream", True),
        ("text/html;charset=utf-8, audio/wav", "text/event-stream", True),
        ("audio/wav, application/json", "text/event-stream", False),
        ("application/json; charset=utf-8, text/event-stream", "text/event-stream", False),
        ("text/event-stream, application/json", "text/event-stream", False),
        ('application/json; x=", text/event-stream"', "text/event-stream", True),
    ],
)
def test_a_document_in_place_of_a_stream(content_type: str, accept: str, expected: bool) -> None:
    assert api_errors.is_unexpected_type({"content-type": content_type}, accept) is expected


def test_a_document_with_a_detail_is_an_error_of_fals() -> None:
    error = api_errors.unexpected_type_error(200, JSON, b'{"detail": "no"}')
    assert isinstance(error, ApiError)
    assert (error.status, error.body) == (200, {"detail": "no"})


def test_any_other_document_is_shown() -> None:
    error = api_errors.unexpected_type_error(200, JSON, b'{"output": 1}')
    assert isinstance(error, StreamDecodeError)
    assert error.raw == '{"output": 1}'
    assert "application/json instead of a stream: '{\"output\": 1}'" in str(error)


@pytest.mark.parametrize(
    ("headers", "coding"),
    [
        ({}, None),
        ({"content-encoding": "identity"}, None),
        ({"content-encoding": " GZIP "}, "gzip"),
        ({"content-encoding": "none"}, None),
        ({"content-encoding": ""}, None),
        ({"content-encoding": " , "}, None),
        ({"content-encoding": "utf-8"}, None),
        ({"content-encoding": "gzip-less"}, None),
        ({"content-encoding": "Identity, None"}, None),
        ({"content-encoding": "none,ZSTD"}, "zstd"),
        ({"content-encoding": "gzip, none, br"}, "gzip, br"),
        *[
            ({"content-encoding": name}, name)
            for name in (
                *("aes128gcm", "br", "bzip2", "compress", "dcb", "dcz", "deflate", "exi", "lz4"),
                *("lzma", "pack200-gzip", "snappy", "x-bzip2", "x-compress", "x-gzip", "xz"),
                *("zlib", "zstd"),
            )
        ],
    ],
)
def test_content_codings(headers: dict[str, str], coding: str | None) -> None:
    assert api_errors.unexpected_encoding(headers) == coding


def test_a_coding_is_refused_by_name() -> None:
    error = api_errors.encoding_error("br")
    assert type(error) is StreamDecodeError
    assert (error.raw, error.index) == ("", 0)
    assert str(error) == (
        "The server sent the body with the content coding 'br', though none was requested: a "
        "server or a proxy compresses it, switch that off"
    )


def test_a_long_list_of_codings_is_shortened() -> None:
    error = error_of(500, b"", content_encoding=", ".join(["gzip"] * 8))
    shown = "gzip, gzip, gzip, gzip, gzip, gzip, gzip"
    assert error.body == f"(0 bytes of content coding {shown[:40]}... (46 characters))"
    assert "'" + "x" * 39 + "... (50 characters)" in str(api_errors.encoding_error("x" * 50))


def test_bytes_are_not_of_a_type() -> None:
    error = api_errors.untyped_error({"content-type": "audio/wav; rate=8000"})
    assert type(error) is OutputValidationError
    assert (error.raw, error.index) == ("", 0)
    assert str(error) == (
        "The answer is audio/wav, not an event stream, and its chunks are bytes: leave "
        "output_type out, or give bytes"
    )
    assert "The answer is of no known type, not" in str(api_errors.untyped_error({}))


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"content-type": "text/event-stream"}, True),
        ({"content-type": " Text/Event-Stream ; charset=utf-8; x"}, True),
        ({"content-type": "text/plain"}, False),
        ({}, False),
        ({"content-type": "application/json, text/event-stream; charset=utf-8"}, True),
        ({"content-type": "application/json; charset=utf-8,TEXT/event-stream"}, True),
        ({"content-type": "text/event-stream, text/event-stream"}, True),
        ({"content-type": ", ,text/event-stream;,"}, True),
        ({"content-type": 'text/plain; a="b\\", c"; d, text/event-stream'}, True),
        ({"content-type": 'text/plain; a="b\\", text/event-stream"'}, False),
        ({"content-type": 'text/plain; a="b, text/event-stream'}, False),
        ({"content-type": "text/event-stream-2, x/text/event-stream"}, False),
        ({"content-type": "text/plain; text/event-stream"}, False),
    ],
)
def test_event_streams(headers: dict[str, str], expected: bool) -> None:
    assert api_errors.is_event_stream(headers) is expected


def test_an_answer_without_a_type_has_none() -> None:
    assert api_errors.media_type({}) == api_errors.media_type({"content-type": " , ;x"}) == ""


def test_the_first_of_several_types_counts_where_none_is_an_event_stream() -> None:
    headers = {"content-type": ", Text/Html;x, audio/wav"}
    assert api_errors.media_type(headers) == "text/html"
    assert "an HTML page: <p>" in str(error_of(500, b"<p>", content_type="text/html, a/b"))


def test_the_request_has_an_id() -> None:
    error = error_of(500, {"detail": "x"}, x_fal_request_id="abc-1")
    assert error.request_id == "abc-1"
    assert str(error).endswith("[request id abc-1]")


REFUSAL = [{"loc": ["body", "prompt"], "msg": "Field required"}]


@pytest.mark.parametrize(
    ("status", "detail", "kind"),
    [
        (200, REFUSAL, ValidationError),
        (299, [{**REFUSAL[0], "type": "missing"}], ValidationError),
        (200, [], ApiError),
        (200, "no", ApiError),
        (200, {"loc": [], "msg": ""}, ApiError),
        (200, [*REFUSAL, {"msg": "x"}], ApiError),
        (200, [*REFUSAL, {"loc": []}], ApiError),
        (200, [*REFUSAL, ["loc", "msg"]], ApiError),
        (300, REFUSAL, ApiError),
        (400, REFUSAL, ApiError),
        (422, "no", ValidationError),
    ],
)
def test_a_success_may_be_a_refusal_of_fields(
    status: int, detail: Any, kind: type[ApiError]
) -> None:
    assert type(error_of(status, {"detail": detail})) is kind


def test_what_is_no_object_is_no_refusal() -> None:
    assert type(error_of(200, REFUSAL)) is ApiError
    assert type(error_of(200, "detail")) is ApiError


@pytest.mark.parametrize("status", [300, 301, 399])
def test_redirects_say_the_way_out(status: int) -> None:
    assert str(error_of(status, b"")) == (
        f"The server answered {status}: the answer is empty - redirects are followed to the same "
        "origin only, and of anything but a GET only those that keep the method: give the final "
        "address"
    )


@pytest.mark.parametrize("status", [299, 400])
def test_nothing_else_speaks_of_redirects(status: int) -> None:
    assert "redirect" not in str(error_of(status, b""))


def test_only_a_504_may_be_a_limit_of_the_callers_own() -> None:
    error = error_of(503, {"detail": "x"}, x_fal_request_timeout_type="user")
    assert "start_timeout" not in str(error)
    assert str(error_of(504, b"x", x_fal_request_timeout_type="user")) == (
        "The server answered 504: x - the limit was the caller's own: raise start_timeout"
    )


def test_odd_fields_are_shown_as_they_are() -> None:
    detail = [{"loc": "body", "msg": "bad"}, {"msg": "worse"}, {"loc": ["a", 0]}, 3]
    assert str(error_of(422, {"detail": detail})) == (
        "The server answered 422: body: bad; : worse; a.0: ; 3"
    )


def test_a_document_that_is_no_text_is_shown() -> None:
    error = api_errors.unexpected_type_error(200, {"content-type": "text/html"}, b"<p>\xff")
    assert isinstance(error, StreamDecodeError)
    assert (error.raw, error.index) == ("<p>\N{REPLACEMENT CHARACTER}", 0)
    assert str(error).endswith(
        "; check that the endpoint streams, or ask for this type with the accept option"
    )


def test_an_error_that_is_no_text_is_shown() -> None:
    assert error_of(500, b"\xff").body == "\N{REPLACEMENT CHARACTER}"


def test_a_long_media_type_is_shown_by_its_beginning() -> None:
    headers = {"content-type": "a/" + "b" * 5000 + "+json"}
    for error in (
        api_errors.unexpected_type_error(200, headers, b"1"),
        api_errors.untyped_error(headers),
    ):
        assert "a/bbb" in str(error)
        assert "(5,007 characters)" in str(error)
        assert len(str(error)) < 400
    assert api_errors.shown_type({}) == "of no known type"
    assert api_errors.shown_type({"content-type": "a" * 80}) == "a" * 80
    assert api_errors.shown_type({"content-type": "a" * 81}) == "a" * 80 + "... (81 characters)"
