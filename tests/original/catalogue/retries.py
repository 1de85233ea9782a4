"""Requests that are turned away, or get no answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from fal_stream.testing import Cut, Failure, Reply
from tests.original.arguments import Turns
from tests.original.catalogue.parts import (
    BOTH,
    MADE_UP,
    SILENT,
    busy,
    options,
    raising,
    retry,
    silent,
)
from tests.original.scenario import Raised, Scenario, Seen, Sent

__all__ = ["RETRIES"]

_NO_HEAD = Reply([Cut(in_chunk=False)], head=b"")


def _turned_away(status: int) -> Scenario:
    return Scenario(
        f"{status} for the first request",
        Turns([Failure(status, "busy"), BOTH]),
        silent(busy(status)),
        Seen(BOTH, sent=(Sent(), Sent())),
        (
            "The request was refused, so it can safely be sent again. The original does that "
            "only for requests that are not streams."
        ),
        settings=retry(),
    )


RETRIES: Sequence[Scenario] = [
    _turned_away(429),
    _turned_away(503),
    Scenario(
        "503 for each request",
        Failure(503, "busy"),
        silent(busy(503)),
        replace(raising(busy(503)), sent=(Sent(),) * 3),
        SILENT,
        settings=retry(),
    ),
    Scenario(
        "503 with `X-Fal-Retryable: false`",
        Failure(503, "busy", retryable=False),
        silent(busy(503)),
        raising(busy(503)),
        SILENT,
        settings=retry(),
    ),
    Scenario(
        "502 for the first request, with 502 in `retryable_status_codes`",
        Turns([Failure(502, "busy"), BOTH]),
        silent(busy(502)),
        Seen(BOTH, sent=(Sent(), Sent())),
        "`retryable_status_codes` works for streams too.",
        settings=retry(retryable_status_codes=[502]),
    ),
    Scenario(
        "504 because the caller's own timeout ran out, with 504 in `retryable_status_codes`",
        Failure(504, "busy", timeout_type="user"),
        silent(busy(504, user_timeout=True)),
        raising(busy(504, user_timeout=True)),
        SILENT,
        settings=retry(retryable_status_codes=[504]),
    ),
    Scenario(
        "the connection is closed before the response",
        Turns([_NO_HEAD, BOTH]),
        Seen(BOTH, sent=(Sent(), Sent())),
        replace(raising(Raised("StreamConnectionError", request_id=False)), request_id=False),
        (
            "The request was sent, so the app may already be running and be billed. The "
            "original sends it a second time."
        ),
        settings=retry(),
    ),
    Scenario(
        "no server at the address",
        BOTH,
        replace(silent(MADE_UP), sent=(), request_id=False),
        replace(
            raising(Raised("StreamConnectionError", request_id=False)), sent=(), request_id=False
        ),
        f"{SILENT} Its status 500 is made up.",
        options=options(url="{nobody}/acme/llm/stream"),
        settings=retry(),
    ),
]
