"""Functions and proxies that change a request on its way out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from tests.original.arguments import Adds, Proxy, Raises
from tests.original.catalogue.parts import (
    BOTH,
    PROXY_URL,
    THROUGH,
    TOO_EARLY,
    TOO_EARLY_REASON,
    raising,
    sent,
    settings,
)
from tests.original.scenario import Raised, Scenario, Seen

__all__ = ["MIDDLEWARE", "PROXIES"]

_TARGET = "https://fal.run/acme/llm/stream"


def _through(proxy: Proxy, **more: Any) -> Mapping[str, Any]:
    # Nothing is sent to fal itself, so its address may be the real one.
    return settings(proxy_url=proxy, run_url="https://fal.run", **more)


MIDDLEWARE: Sequence[Scenario] = [
    Scenario(
        "`request_middleware`",
        BOTH,
        Seen(BOTH, sent=sent(headers={"x-path": "/acme/llm/stream"})),
        settings=settings(request_middleware=Adds({"x-path": "{url}"})),
    ),
    Scenario(
        "two middleware functions",
        BOTH,
        Seen(BOTH, sent=sent(headers={"x-first": "1", "x-second": "after 1"})),
        settings=settings(
            request_middleware=(Adds({"x-first": "1"}), Adds({"x-second": "after {x-first}"}))
        ),
    ),
    Scenario(
        "`request_middleware` that sets the header `Authorization`",
        BOTH,
        Seen(BOTH, sent=sent(authorization="Bearer of news")),
        settings=settings(request_middleware=Adds({"Authorization": "Bearer of news"})),
    ),
    Scenario(
        "`request_middleware` that raises an exception",
        BOTH,
        TOO_EARLY,
        replace(raising(Raised("ConfigError", request_id=False)), sent=(), request_id=False),
        TOO_EARLY_REASON,
        settings=settings(request_middleware=Raises("no")),
    ),
]

PROXIES: Sequence[Scenario] = [
    Scenario(
        "`proxy_url` as a string",
        {"acme/llm": BOTH, "acme/proxy": BOTH},
        Seen(BOTH),
        Seen(BOTH, sent=(replace(THROUGH, authorization=None),)),
        (
            'In JavaScript, a string means "only in browsers"; in Python it means "always". '
            "The key is not sent to the proxy, which has its own."
        ),
        settings=_through(Proxy(PROXY_URL)),
    ),
    Scenario(
        "`proxy_url`, always used",
        {"acme/proxy": BOTH},
        Seen(BOTH, sent=(THROUGH,)),
        Seen(BOTH, sent=(replace(THROUGH, authorization=None),)),
        (
            "The proxy exists so that clients don't need the key. The original sends it, and "
            "fal's proxies prefer it to their own."
        ),
        settings=_through(Proxy(PROXY_URL, when="always")),
    ),
    Scenario(
        "`proxy_url` with `send_key`",
        {"acme/proxy": BOTH},
        Seen(BOTH, sent=(THROUGH,)),
        settings=_through(Proxy(PROXY_URL, when="always", send_key=True)),
    ),
    Scenario(
        "`proxy_url` with a function `when` that returns true",
        {"acme/proxy": BOTH},
        Seen(BOTH, sent=(THROUGH,)),
        settings=_through(Proxy(PROXY_URL, when=True, send_key=True)),
    ),
    Scenario(
        "`proxy_url` with a function `when` that returns false",
        BOTH,
        Seen(BOTH),
        settings=settings(proxy_url=Proxy(PROXY_URL, when=False)),
    ),
    Scenario(
        "`proxy_url` after a middleware",
        {"acme/proxy": BOTH},
        Seen(
            BOTH,
            sent=(replace(THROUGH, headers={"x-first": "1", "x-fal-target-url": _TARGET}),),
        ),
        settings=_through(
            Proxy(PROXY_URL, when="always", send_key=True),
            request_middleware=Adds({"x-first": "1"}),
        ),
    ),
    Scenario(
        "`proxy_url`, if a middleware has already set `x-fal-target-url`",
        BOTH,
        Seen(BOTH, sent=sent(headers={"x-fal-target-url": "https://fal.run/acme/other"})),
        settings=settings(
            request_middleware=Adds({"x-fal-target-url": "https://fal.run/acme/other"}),
            proxy_url=Proxy(PROXY_URL, when="always"),
        ),
    ),
]
