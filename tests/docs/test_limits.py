"""The limits that the reference names are those of the code."""

from __future__ import annotations

import re

import pytest

from fal_stream._async.http import sender
from fal_stream._async.http.response import ERROR_BODY_TIMEOUT
from fal_stream._net import byte_stream
from fal_stream._shared import api_errors, decode, framing, http1, sse, token_format
from fal_stream.errors import excerpt
from tests.docs.named_tests import ROOT
from tests.fuzz.errors import LONGEST_MESSAGE

KIB = 1024
MIB = 1024 * KIB

ERROR_BODY = (
    f"{api_errors.ERROR_BODY_LIMIT // MIB} MiB, "
    f"and what comes within {ERROR_BODY_TIMEOUT:.0f} seconds"
)

PAGE = (ROOT / "docs" / "reference" / "limits.md").read_text(encoding="utf-8")
LIMITS = dict(re.findall(r"^\| (.*?) \| (.*?) \| .* \|$", PAGE, re.M))


@pytest.mark.parametrize(
    ("what", "limit"),
    [
        ("the lines of one event, in bytes", f"{sse.DEFAULT_MAX_EVENT_BYTES // MIB} MiB"),
        ("the head of a response", f"{http1.MAX_HEAD // KIB} KiB"),
        (
            "the line with the size of an HTTP chunk, and each trailer",
            f"{framing._MAX_LINE // KIB} KiB",
        ),
        ("all trailers together", f"{framing._MAX_TRAILERS // KIB} KiB"),
        ("redirects", f"{sender.MAX_REDIRECTS}, within the origin"),
        ("the body of an error, or of a JSON or HTML response instead of a stream", ERROR_BODY),
        (
            "nesting of the JSON in the body or the event of an error",
            f"{decode.REPORT_LEVELS} levels",
        ),
        ("the message of an error", f"{LONGEST_MESSAGE:,} characters"),
        (
            "JSON responses of fal's API (a token, an upload URL)",
            f"{api_errors.ERROR_BODY_LIMIT // MIB} MiB",
        ),
        ("a token", f"{token_format.MAX_TOKEN:,} characters"),
        ("read-ahead for a slow consumer", f"{byte_stream.READ_BYTES // KIB} KiB"),
    ],
)
def test_a_limit(what: str, limit: str) -> None:
    assert LIMITS[what].startswith(limit)


def test_an_excerpt_is_as_long_as_the_page_says() -> None:
    assert "cut, most at 300 characters" in PAGE
    assert excerpt("x" * 301) == "x" * 300 + "... (301 characters)"
