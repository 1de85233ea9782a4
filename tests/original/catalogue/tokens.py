"""Short-lived tokens, of the connection mode `client`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from fal_stream.testing import Failure, Reply
from tests.original.arguments import Adds, Proxy, Raises, Returns, Turns
from tests.original.catalogue.parts import (
    BOTH,
    FLOW,
    PROXY_URL,
    SILENT,
    THROUGH,
    TOO_EARLY,
    TOO_EARLY_REASON,
    busy,
    options,
    raising,
    refused,
    retry,
    sent,
    settings,
    silent,
)
from tests.original.scenario import Raised, Scenario, Seen, Sent

__all__ = ["TOKENS"]

_TOKEN = "header.payload.signature"
_AS_CLIENT = options(connection_mode="client")
_NO_TOKEN = replace(raising(Raised("TokenError", request_id=False)), sent=(), request_id=False)


def _asked(alias: str) -> Sent:
    return Sent(path="/tokens/", body={"allowed_apps": [alias], "token_expiration": 120})


def _with_token(token: str = _TOKEN, **fields: Any) -> Sent:
    return Sent(authorization=None, query={"fal_jwt_token": token}, **fields)


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
        "`token_provider`, with query parameters, a middleware and a proxy",
        BOTH,
        Seen(
            BOTH,
            sent=sent(authorization=None, query={"fal_jwt_token": _TOKEN, "a": "1"}),
        ),
        options=options(
            connection_mode="client", token_provider=Returns(_TOKEN), query_params={"a": "1"}
        ),
        settings=settings(
            request_middleware=Adds({"x-first": "1"}), proxy_url=Proxy(PROXY_URL, when="always")
        ),
    ),
    Scenario(
        "a token from fal",
        {"acme/llm": BOTH, "/tokens/": Reply.json(_TOKEN)},
        Seen(BOTH, sent=(_asked("llm"), _with_token())),
        options=_AS_CLIENT,
    ),
    Scenario(
        "a token from fal, for a workflow",
        {"workflows/acme/flow": FLOW, "/tokens/": Reply.json(_TOKEN)},
        Seen(FLOW, sent=(_asked("flow"), _with_token(path="/workflows/acme/flow/stream"))),
        endpoint_id="workflows/acme/flow",
        options=_AS_CLIENT,
    ),
    Scenario(
        "a token in the field `detail` of the response",
        {"acme/llm": BOTH, "/tokens/": Reply.json({"detail": _TOKEN})},
        Seen(BOTH, sent=(_asked("llm"), _with_token())),
        options=_AS_CLIENT,
    ),
    Scenario(
        "a token in the field `token` of the response",
        {"acme/llm": BOTH, "/tokens/": Reply.json({"token": _TOKEN})},
        Seen(BOTH, sent=(_asked("llm"), _with_token("[object Object]"))),
        Seen(BOTH, sent=(_asked("llm"), _with_token())),
        "fal doesn't document the format of the response, and this is a possible one.",
        options=_AS_CLIENT,
    ),
    Scenario(
        "a response without a token",
        {"acme/llm": BOTH, "/tokens/": Reply.json([1])},
        Seen(BOTH, sent=(_asked("llm"), _with_token("1"))),
        replace(_NO_TOKEN, sent=(_asked("llm"),)),
        "The response is checked before it is used.",
        options=_AS_CLIENT,
    ),
    Scenario(
        "a request for a token that is refused, 403",
        {"acme/llm": BOTH, "/tokens/": Failure(403, "busy")},
        replace(silent(busy(403)), sent=(_asked("llm"),), request_id=False),
        replace(_NO_TOKEN, ending=Raised("TokenError"), sent=(_asked("llm"),)),
        f"{SILENT} The error of fal_stream says that no token was obtained.",
        options=_AS_CLIENT,
    ),
    Scenario(
        "a token from fal, which first responds with 503",
        {"acme/llm": BOTH, "/tokens/": Turns([Failure(503, "busy"), Reply.json(_TOKEN)])},
        Seen(BOTH, sent=(_asked("llm"), _asked("llm"), _with_token())),
        options=_AS_CLIENT,
        settings=retry(),
    ),
    Scenario(
        "a token from fal, requested through a proxy",
        {"acme/llm": BOTH, "acme/proxy": Reply.json(_TOKEN)},
        Seen(
            BOTH,
            sent=(
                replace(
                    _asked("llm"),
                    path=THROUGH.path,
                    headers={"x-fal-target-url": "https://rest.fal.ai/tokens/"},
                ),
                _with_token(),
            ),
        ),
        options=_AS_CLIENT,
        settings=settings(
            proxy_url=Proxy(PROXY_URL, when="always", send_key=True),
            rest_url="https://rest.fal.ai",
        ),
    ),
    Scenario(
        "`token_provider` that returns an empty text",
        BOTH,
        Seen(BOTH, sent=sent(authorization=None, query={"fal_jwt_token": ""})),
        _NO_TOKEN,
        "An empty text is not a token.",
        options=options(connection_mode="client", token_provider=Returns("")),
    ),
    Scenario(
        "`token_provider` that raises an exception",
        BOTH,
        TOO_EARLY,
        replace(raising(Raised("TokenError", request_id=False)), sent=(), request_id=False),
        TOO_EARLY_REASON,
        options=options(connection_mode="client", token_provider=Raises("no")),
    ),
    Scenario(
        "`token_provider` in the connection mode `server`",
        BOTH,
        Seen(BOTH),
        refused("ConfigError"),
        "A user who gives a `token_provider` doesn't expect that the key is sent.",
        options=options(connection_mode="server", token_provider=Returns(_TOKEN)),
    ),
]
