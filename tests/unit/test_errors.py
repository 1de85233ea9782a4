"""The errors: what they say, and that they survive a pickle."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path

import pytest

import fal_stream
from fal_stream import errors
from fal_stream.errors import FalStreamError, excerpt, mask_secrets, quoted

EXAMPLES: list[FalStreamError] = [
    errors.FalStreamError("m"),
    errors.ConfigError("m", endpoint_id="a/b"),
    errors.ApiError("m", status=503, body={"detail": "x"}, error_type="t", retryable=True),
    errors.AuthenticationError("m", status=401),
    errors.PermissionDeniedError("m", status=403),
    errors.NotFoundError("m", status=404),
    errors.RateLimitError("m", status=429),
    errors.ValidationError("m", status=422, body={"detail": [{"loc": ["body", "x"], "msg": "no"}]}),
    errors.StreamConnectionError("m"),
    errors.StreamInterrupted("m", chunks_received=3),
    errors.IncompleteStream("m", chunks_received=3),
    errors.StreamTimeout("m", phase="idle", seconds=1.5, option="timeout"),
    errors.StreamDecodeError("m", raw="{", index=2, request_id="r"),
    errors.OutputValidationError("m", raw="{", index=2),
    errors.EventTooLarge("m", limit=10),
    errors.StreamEventError("m", data={"x": 1}),
    errors.UploadError("m", file_name="a.png", place="input.image"),
    errors.FileError("m", place="images[0]", paths=[Path("fox.png")]),
    errors.TokenError("m"),
]


@pytest.mark.parametrize("error", EXAMPLES, ids=lambda error: type(error).__name__)
def test_an_error_survives_pickle_and_copy(error: FalStreamError) -> None:
    for twin in (pickle.loads(pickle.dumps(error)), copy.copy(error)):
        assert type(twin) is type(error)
        assert str(twin) == str(error)
        assert vars(twin) == vars(error)


def test_every_error_is_exported_and_has_an_example() -> None:
    classes = {
        value
        for value in vars(errors).values()
        if isinstance(value, type) and issubclass(value, FalStreamError)
    }
    assert {type(example) for example in EXAMPLES} == classes
    assert {cls.__name__ for cls in classes} <= set(fal_stream.__all__)


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (FalStreamError("m"), "m"),
        (FalStreamError("m", endpoint_id="a/b"), "m [endpoint a/b]"),
        (FalStreamError("m", request_id="r"), "m [request id r]"),
        (FalStreamError("m", endpoint_id="a/b", request_id="r"), "m [endpoint a/b, request id r]"),
    ],
)
def test_the_message_says_which_endpoint_and_request(error: FalStreamError, text: str) -> None:
    assert str(error) == text
    assert error.message == "m"


def test_errors_are_also_what_python_calls_them() -> None:
    assert issubclass(errors.ConfigError, ValueError)
    assert issubclass(errors.StreamTimeout, TimeoutError)


@pytest.mark.parametrize(
    ("status", "timeout_type", "is_user_timeout"),
    [(504, "user", True), (504, None, False), (503, "user", False)],
)
def test_whose_limit_it_was(status: int, timeout_type: str | None, is_user_timeout: bool) -> None:
    error = errors.ApiError("m", status=status, timeout_type=timeout_type)
    assert error.is_user_timeout is is_user_timeout


def test_field_errors() -> None:
    detail = [
        {"loc": ["body", "image", "size"], "msg": "too large", "type": "value_error"},
        {"loc": ["body", 0], "msg": "wrong"},
        {"loc": "body"},
        "not a field error",
    ]
    error = errors.ValidationError("m", status=422, body={"detail": detail})
    assert [found.loc for found in error.field_errors] == [
        ("body", "image", "size"),
        ("body", 0),
        ("body",),
    ]
    assert [found.msg for found in error.get_field_errors("size")] == ["too large"]
    assert error.get_field_errors("size")[0]["type"] == "value_error"
    assert error.get_field_errors("image") == []


@pytest.mark.parametrize("body", [None, "text", [], {}, {"detail": {"a": 1}}])
def test_a_422_of_another_shape_has_no_field_errors(body: object) -> None:
    assert errors.ValidationError("m", status=422, body=body).field_errors == []


@pytest.mark.parametrize(
    ("count", "said"), [(0, "0 chunks"), (1, "1 chunk"), (2, "2 chunks"), (12345, "12,345 chunks")]
)
def test_counts_are_written_as_they_are_read(count: int, said: str) -> None:
    assert errors.counted(count, "chunk") == said


def test_an_excerpt_says_how_long_the_text_was() -> None:
    assert errors.excerpt("abc", 3) == "abc"
    assert errors.excerpt("x" * 2000, 3) == "xxx... (2,000 characters)"


def test_a_422_with_a_text_is_about_the_body() -> None:
    error = errors.ValidationError("m", status=422, body={"detail": "too long"})
    (found,) = error.field_errors
    assert (found.loc, found.msg, found["type"]) == (("body",), "too long", "value_error")


def test_no_message_shows_a_token() -> None:
    error = errors.StreamDecodeError("no: https://x?fal_jwt_token=hidden&a=1", raw="", index=0)
    assert str(error) == "no: https://x?fal_jwt_token=***&a=1"
    assert "hidden" not in f"{error!r}{error.message}{pickle.dumps(error)!r}"


UNPRINTABLE = [
    ("\x1b[2J", "\\x1b[2J"),
    ("\0\r\x0b\x7f\x9b", "\\x00\\r\\x0b\\x7f\\x9b"),
    ("\ud800", "\\ud800"),
    ("\u202e\u2066", "\\u202e\\u2066"),
    ("a\n\tb \xa0ä🦊\u2028", "a\n\tb \xa0ä🦊\u2028"),
]


@pytest.mark.parametrize(("text", "shown"), UNPRINTABLE)
def test_a_message_can_be_printed(text: str, shown: str) -> None:
    assert errors.excerpt(text) == shown
    assert errors.FalStreamError(text).message == shown
    assert str(errors.FalStreamError("m", request_id=text)) == f"m [request id {shown}]"


def test_no_excerpt_is_longer_for_its_escapes() -> None:
    assert errors.excerpt("\ud800" * 100, 20) == "\\ud800\\ud800\\ud800\\u... (100 characters)"
    assert errors.excerpt("\0" * 10, 20) == "\\x00\\x00\\x00\\x00\\x00... (10 characters)"
    assert errors.quoted("\0" * 10, 20) == "'\\x00\\x00\\x00\\x00\\x0... (10 characters)"


def test_a_quoted_text_is_as_python_writes_it() -> None:
    assert errors.quoted("it's\n") == '"it\'s\\n"'
    assert errors.quoted("abc", 3) == "'abc'"
    assert errors.quoted("x" * 2000, 3) == "'xx... (2,000 characters)"


def test_a_long_request_id_is_shown_by_its_beginning() -> None:
    error = errors.FalStreamError("m", request_id="i" * 5000)
    assert error.request_id == "i" * 5000
    assert str(error) == f"m [request id {'i' * 100}... (5,000 characters)]"


ID = "0f5e3c1d-1111-4222-8333-123456789abc"
SECRET = "8b1d0123456789abcdef0123456789ab"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (f"priority='{ID}:{SECRET}' is", f"priority='{ID}:***' is"),
        (f"{ID.upper()}:{SECRET.upper()}/x", f"{ID.upper()}:***/x"),
        (f"https://h/?a={ID}%3A{SECRET}&b=1", f"https://h/?a={ID}%3A***&b=1"),
        (f"{ID}:secret {ID}:{SECRET[:3]}", f"{ID}:*** {ID}:***"),
        (f"request {ID}: it failed", f"request {ID}: it failed"),
        (f"0{ID}:{SECRET}", f"0{ID}:{SECRET}"),
    ],
)
def test_what_looks_like_a_key_is_masked(text: str, shown: str) -> None:
    assert mask_secrets(text) == shown
    assert FalStreamError(text).message == shown
    assert excerpt(text) == shown
    assert quoted(text) == repr(shown)


@pytest.mark.parametrize("limit", range(len(ID), len(ID) + len(SECRET) + 3))
def test_a_key_that_is_cut_off_is_masked(limit: int) -> None:
    for shorten in (excerpt, quoted):
        assert (
            SECRET[:1] not in shorten(f"{ID}:{SECRET} x", limit).partition(":")[2].partition("(")[0]
        )
