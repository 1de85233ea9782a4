"""What is sent, to whom, with which key."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from tests.original.arguments import Returns
from tests.original.catalogue.parts import BOTH, FLOW, options, refused, sent, silent
from tests.original.scenario import Raised, Scenario, Seen, Sent

__all__ = ["REQUESTS"]

_OWN_KEY = "own-id:own-secret"
_NOT_FOUND = "Path / not found"
_BAD_ID = "An endpoint id is `owner/alias[/path]`; the original also sends other values."
_NO_TYPE = "Without a body, there is no media type to send."


def _id(endpoint_id: str, path: str, name: str) -> Scenario:
    served = path.strip("/")
    served = served if endpoint_id.endswith("/stream") else served.removesuffix("/stream")
    chunks = FLOW if endpoint_id.startswith("workflows/") else BOTH
    return Scenario(
        f"`{endpoint_id}`: {name}",
        {served: chunks},
        Seen(chunks, sent=sent(path=path)),
        endpoint_id=endpoint_id,
    )


def _bad_id(endpoint_id: str, name: str, arrived: Sent, detail: str) -> Scenario:
    error = Raised("ApiError", 404, {"detail": detail})
    return Scenario(
        f"`{endpoint_id}`: {name}",
        BOTH,
        replace(silent(error), sent=(arrived,)),
        refused("ConfigError"),
        _BAD_ID,
        endpoint_id=endpoint_id,
    )


def _input(value: Any, *, dropped: bool = True) -> Scenario:
    original = Seen(BOTH, sent=sent(body=None if dropped else value))
    ours = Seen(BOTH, sent=sent(body=value)) if dropped else None
    reason = "Falsy inputs are sent too; the original treats them as no input." if dropped else ""
    return Scenario(
        f"the input `{json.dumps(value, ensure_ascii=False)}`",
        BOTH,
        original,
        ours,
        reason,
        options={"input": value},
    )


REQUESTS: Sequence[Scenario] = [
    _id("acme/llm/v2/fast", "/acme/llm/v2/fast/stream", "an endpoint id with a path"),
    _id("workflows/acme/flow", "/workflows/acme/flow/stream", "a workflow"),
    _id("comfy/acme/flow", "/comfy/acme/flow/stream", "a Comfy workflow"),
    _id("12345-llm", "/12345/llm/stream", "the old format of ids"),
    _id("acme/llm/stream", "/acme/llm/stream", "`/stream` is not added twice"),
    Scenario(
        "`acme`: not an endpoint id",
        BOTH,
        refused("Error"),
        refused("ConfigError"),
        "fal_stream has its own error classes.",
        endpoint_id="acme",
    ),
    _bad_id("acme/../llm", "`..` in the path", Sent(path="/llm/stream"), _NOT_FOUND),
    _bad_id("acme/llm?x=1", "a query", Sent(path="/acme/llm", query={"x": "1/stream"}), _NOT_FOUND),
    Scenario(
        "`https://evilfal.run`: a host that only looks like fal's",
        BOTH,
        replace(
            silent(Raised("ApiError", 404, {"detail": _NOT_FOUND})),
            sent=sent(path="/stream"),
            facts={"hosts": ["evilfal.run"]},
        ),
        replace(refused("ConfigError"), facts={"hosts": []}),
        ("The original treats any host that ends in `fal.run` as fal's, and sends it the key."),
        endpoint_id="https://evilfal.run",
        watch=frozenset({"hosts"}),
    ),
    Scenario(
        "`url`",
        {"acme/other": BOTH},
        Seen(BOTH, sent=sent(path="/acme/other/stream", query={"a": "1"})),
        options=options(url="{fal}/acme/other/stream?a=1"),
    ),
    Scenario(
        "`url` of a host that is not fal's",
        BOTH,
        Seen(BOTH, facts={"hosts": ["stranger.example"]}),
        Seen(BOTH, sent=sent(authorization=None), facts={"hosts": ["stranger.example"]}),
        "The key is sent only over https, to fal's hosts and to those in `trusted_hosts`.",
        options=options(url="{stranger}/acme/llm/stream"),
        watch=frozenset({"hosts"}),
    ),
    Scenario(
        "`query_params`",
        BOTH,
        Seen(BOTH, sent=sent(query={"a": "1 & 2", "\u00fc": "\u20ac"})),
        options=options(query_params={"a": "1 & 2", "\u00fc": "\u20ac"}),
    ),
    Scenario(
        "`query_params` with `url`",
        BOTH,
        Seen(BOTH, sent=sent(query={"a": "1"})),
        Seen(BOTH, sent=sent(query={"a": "1", "b": "2"})),
        "`query_params` are added to a `url` too.",
        options=options(url="{fal}/acme/llm/stream?a=1", query_params={"b": "2"}),
    ),
    *[
        Scenario(
            f"`method` {method}",
            BOTH,
            Seen(BOTH, sent=sent(method=method.upper())),
            options=options(method=method),
        )
        for method in ("put", "delete", "PATCH")
    ],
    Scenario(
        "`method` get, with an input",
        BOTH,
        Seen(BOTH, sent=sent(method="GET", body=None)),
        Seen(BOTH, sent=sent(method="GET", body=None, content_type=None, query={"prompt": "Hi"})),
        "The input of a GET is sent as its query; the original drops it.",
        options=options(method="get"),
    ),
    Scenario(
        "`method` query",
        BOTH,
        Seen(BOTH, sent=sent(method="QUERY")),
        refused("ConfigError"),
        "A misspelt method is reported before anything is sent.",
        options=options(method="query"),
    ),
    _input({"prompt": "\u20ac", "deep": [{"a": None}, True, 1.5]}, dropped=False),
    _input([], dropped=False),
    _input(0),
    _input(""),
    _input(False),
    Scenario(
        "no input",
        BOTH,
        Seen(BOTH, sent=sent(body=None)),
        Seen(BOTH, sent=sent(body=None, content_type=None)),
        _NO_TYPE,
        options={},
    ),
    Scenario(
        "`accept` by default",
        BOTH,
        Seen(BOTH, facts={"accept": "application/json, text/event-stream"}),
        Seen(BOTH, facts={"accept": "text/event-stream"}),
        "The original has two defaults, `Accept` and `accept`, and `fetch` joins them.",
        watch=frozenset({"accept"}),
    ),
    Scenario(
        "`accept`",
        BOTH,
        Seen(BOTH, facts={"accept": "application/json, audio/wav"}),
        Seen(BOTH, facts={"accept": "audio/wav"}),
        "As above: nothing asked for JSON.",
        options=options(accept="audio/wav"),
        watch=frozenset({"accept"}),
    ),
    Scenario(
        "a function as `credentials`",
        BOTH,
        Seen(BOTH, sent=sent(authorization=f"Key {_OWN_KEY}"), facts={"calls": [[], []]}),
        Seen(BOTH, sent=sent(authorization=f"Key {_OWN_KEY}"), facts={"calls": [[]]}),
        ("The original also calls it when the client is created, for a warning in browsers."),
        settings={"credentials": Returns(_OWN_KEY)},
        watch=frozenset({"calls"}),
    ),
    Scenario(
        "a function as `credentials` that returns an empty text",
        BOTH,
        Seen(BOTH, sent=sent(authorization=None)),
        Seen(
            ending=Raised("ConfigError", request_id=False),
            sent=(),
            request_id=False,
        ),
        "A missing key is a mistake, and this error is easier to understand than a 401.",
        settings={"credentials": Returns("")},
    ),
    Scenario(
        "the key from the environment",
        BOTH,
        Seen(BOTH, sent=sent(authorization="Key env-id:env-secret")),
        settings={},
    ),
]
