"""What stands between the stream and fal: retries, middleware, proxies, tokens."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from fal_stream.testing import Cut, Failure, Reply
from tests.original.catalogue.parts import (
    BOTH,
    SILENT,
    options,
    raising,
    refused,
    sent,
    silent,
)
from tests.original.scenario import (
    HANGS,
    KEY,
    Adds,
    Proxy,
    Raised,
    Raises,
    Returns,
    Scenario,
    Seen,
    Sent,
    Turns,
)

__all__ = ["NEIGHBOURS"]

_BUSY = {"detail": "busy"}
_TARGET = "https://fal.run/acme/llm/stream"
_PROXY = "{fal}/acme/proxy/stream"
_THROUGH = Sent(path="/acme/proxy/stream", headers={"x-fal-target-url": _TARGET})
_TOKEN = "header.payload.signature"
_NO_HEAD = Reply([Cut(in_chunk=False)], head=b"")
_MADE_UP = Raised("ApiError", 500, request_id=False)
_TOO_EARLY = Seen(ending=HANGS, done=_MADE_UP, heard=(), unhandled=True, sent=(), request_id=False)
_TOO_EARLY_REASON = (
    "The error of the original comes before `stream()` has given the stream to anybody: no "
    "listener hears it, and an iteration waits for ever. And its status is made up."
)


def _settings(**more: Any) -> Mapping[str, Any]:
    return {"credentials": KEY, **more}


def _through(proxy: Proxy, **more: Any) -> Mapping[str, Any]:
    # Nothing is sent to fal itself, so its address may be the real one.
    return _settings(proxy_url=proxy, run_url="https://fal.run", **more)


def _retry(**fields: Any) -> Mapping[str, Any]:
    return _settings(retry={"max_retries": 2, "base_delay": 0.01, **fields})


def _refused(status: int, **more: Any) -> Raised:
    return Raised("ApiError", status, _BUSY, **more)


def _turned_away(status: int) -> Scenario:
    return Scenario(
        f"{status} once",
        Turns([Failure(status, "busy"), BOTH]),
        silent(_refused(status)),
        Seen(BOTH, sent=(Sent(), Sent())),
        "The request was turned away, so it may be sent again. The original does that for what is "
        "not a stream; of a stream it only looks for errors when the retries are over.",
        settings=_retry(),
    )


RETRIES: Sequence[Scenario] = [
    _turned_away(429),
    _turned_away(503),
    Scenario(
        "503 each time",
        Failure(503, "busy"),
        silent(_refused(503)),
        replace(raising(_refused(503)), sent=(Sent(),) * 3),
        SILENT,
        settings=_retry(),
    ),
    Scenario(
        "503 that the server says is not retryable",
        Failure(503, "busy", retryable=False),
        silent(_refused(503)),
        raising(_refused(503)),
        SILENT,
        settings=_retry(),
    ),
    Scenario(
        "502 once, with `retryable_status_codes` of 502",
        Turns([Failure(502, "busy"), BOTH]),
        silent(_refused(502)),
        Seen(BOTH, sent=(Sent(), Sent())),
        "What is asked for is done.",
        settings=_retry(retryable_status_codes=[502]),
    ),
    Scenario(
        "504 of the caller's own limit, with `retryable_status_codes` of 504",
        Failure(504, "busy", timeout_type="user"),
        silent(_refused(504, user_timeout=True)),
        raising(_refused(504, user_timeout=True)),
        SILENT,
        settings=_retry(retryable_status_codes=[504]),
    ),
    Scenario(
        "a connection that is dropped before the answer",
        Turns([_NO_HEAD, BOTH]),
        Seen(BOTH, sent=(Sent(), Sent())),
        replace(raising(Raised("StreamConnectionError", request_id=False)), request_id=False),
        "The request was sent, so the app may run, and be billed, already. The original sends it "
        "a second time.",
        settings=_retry(),
    ),
    Scenario(
        "nobody listens",
        BOTH,
        replace(silent(_MADE_UP), sent=(), request_id=False),
        replace(
            raising(Raised("StreamConnectionError", request_id=False)), sent=(), request_id=False
        ),
        f"{SILENT} And its status is made up.",
        options=options(url="{nobody}/acme/llm/stream"),
        settings=_retry(),
    ),
]

MIDDLEWARE: Sequence[Scenario] = [
    Scenario(
        "`request_middleware`",
        BOTH,
        Seen(BOTH, sent=sent(headers={"x-path": "/acme/llm/stream"})),
        settings=_settings(request_middleware=Adds({"x-path": "{url}"})),
    ),
    Scenario(
        "two of them, composed",
        BOTH,
        Seen(BOTH, sent=sent(headers={"x-first": "1", "x-second": "after 1"})),
        settings=_settings(
            request_middleware=(Adds({"x-first": "1"}), Adds({"x-second": "after {x-first}"}))
        ),
    ),
    Scenario(
        "one that adds an `Authorization` of its own",
        BOTH,
        Seen(BOTH, sent=sent(authorization="Bearer of news")),
        settings=_settings(request_middleware=Adds({"Authorization": "Bearer of news"})),
    ),
    Scenario(
        "one that raises",
        BOTH,
        _TOO_EARLY,
        replace(raising(Raised("ConfigError", request_id=False)), sent=(), request_id=False),
        _TOO_EARLY_REASON,
        settings=_settings(request_middleware=Raises("no")),
    ),
]

PROXY: Sequence[Scenario] = [
    Scenario(
        "`proxy_url`, a text",
        {"acme/llm": BOTH, "acme/proxy": BOTH},
        Seen(BOTH),
        Seen(BOTH, sent=(replace(_THROUGH, authorization=None),)),
        "In JavaScript a text means: in browsers only. Python runs in none, so it means always. "
        "And the proxy is not sent the key: it has one of its own.",
        settings=_through(Proxy(_PROXY)),
    ),
    Scenario(
        "`proxy_url` for `always`",
        {"acme/proxy": BOTH},
        Seen(BOTH, sent=(_THROUGH,)),
        Seen(BOTH, sent=(replace(_THROUGH, authorization=None),)),
        "The proxy is there so that the key need not leave the server; the original sends it "
        "along, and the proxies of fal prefer it to their own.",
        settings=_through(Proxy(_PROXY, when="always")),
    ),
    Scenario(
        "`proxy_url` with `send_key`",
        {"acme/proxy": BOTH},
        Seen(BOTH, sent=(_THROUGH,)),
        settings=_through(Proxy(_PROXY, when="always", send_key=True)),
    ),
    Scenario(
        "`proxy_url` when a function says so",
        {"acme/proxy": BOTH},
        Seen(BOTH, sent=(_THROUGH,)),
        settings=_through(Proxy(_PROXY, when=True, send_key=True)),
    ),
    Scenario(
        "`proxy_url` when a function says no",
        BOTH,
        Seen(BOTH),
        settings=_settings(proxy_url=Proxy(_PROXY, when=False)),
    ),
    Scenario(
        "`proxy_url` after a middleware",
        {"acme/proxy": BOTH},
        Seen(
            BOTH,
            sent=(replace(_THROUGH, headers={"x-first": "1", "x-fal-target-url": _TARGET}),),
        ),
        settings=_through(
            Proxy(_PROXY, when="always", send_key=True),
            request_middleware=Adds({"x-first": "1"}),
        ),
    ),
    Scenario(
        "`proxy_url` where a middleware has set a target already",
        BOTH,
        Seen(BOTH, sent=sent(headers={"x-fal-target-url": "https://fal.run/acme/other"})),
        settings=_settings(
            request_middleware=Adds({"x-fal-target-url": "https://fal.run/acme/other"}),
            proxy_url=Proxy(_PROXY, when="always"),
        ),
    ),
]

TOKENS: Sequence[Scenario] = [
    Scenario(
        "`token_provider`, in the connection mode `client`",
        BOTH,
        Seen(
            BOTH,
            sent=sent(authorization=None, query={"fal_jwt_token": _TOKEN}),
            facts={"calls": [["acme/llm/stream"]]},
        ),
        options=options(connection_mode="client", token_provider=Returns(_TOKEN)),
        watch=frozenset({"calls"}),
    ),
    Scenario(
        "the same, with a query and a middleware",
        BOTH,
        Seen(
            BOTH,
            sent=sent(authorization=None, query={"fal_jwt_token": _TOKEN, "a": "1"}),
        ),
        options=options(
            connection_mode="client", token_provider=Returns(_TOKEN), query_params={"a": "1"}
        ),
        settings=_settings(
            request_middleware=Adds({"x-first": "1"}), proxy_url=Proxy(_PROXY, when="always")
        ),
    ),
    Scenario(
        "a token that is empty",
        BOTH,
        Seen(BOTH, sent=sent(authorization=None, query={"fal_jwt_token": ""})),
        replace(raising(Raised("TokenError", request_id=False)), sent=(), request_id=False),
        "It is no token.",
        options=options(connection_mode="client", token_provider=Returns("")),
    ),
    Scenario(
        "`token_provider` that raises",
        BOTH,
        _TOO_EARLY,
        replace(raising(Raised("TokenError", request_id=False)), sent=(), request_id=False),
        _TOO_EARLY_REASON,
        options=options(connection_mode="client", token_provider=Raises("no")),
    ),
    Scenario(
        "`token_provider` in the connection mode `server`",
        BOTH,
        Seen(BOTH),
        refused("ConfigError"),
        "Who gives a token does not expect the key to be sent.",
        options=options(connection_mode="server", token_provider=Returns(_TOKEN)),
    ),
]

NEIGHBOURS: Mapping[str, Sequence[Scenario]] = {
    "Retries": RETRIES,
    "Middleware": MIDDLEWARE,
    "Proxies": PROXY,
    "Tokens": TOKENS,
}
