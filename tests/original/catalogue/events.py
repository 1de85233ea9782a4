"""What stands in an event stream, and what becomes of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from fal_stream.testing import Event, Pause, Ping, Raw, tokens
from tests.original.catalogue.parts import (
    BOTH,
    ONE,
    SYNTAX_ERROR,
    TWO,
    heard_of,
    options,
    raising,
    sent,
)
from tests.original.scenario import Raised, Scenario, Seen

__all__ = ["EVENTS"]

_THREE = {"n": 3}
_EVERY_KIND: Sequence[Any] = (0, "", False, None, ONE, [], 1)
_FAILED = {"output": "Hi", "error": "out of memory"}
_IN_BAND = {"message": "out of memory"}
_FLOW_ERROR = {"type": "error", "message": "out of memory"}
_TO_FLOW = sent(path="/workflows/acme/flow/stream")
_MEGABYTE = {"image": "x" * 1_000_000}
_HUNDRED = tuple({"n": number} for number in range(1, 101))


def _skipped(chunks: Sequence[object], place: int) -> Seen:
    """What the original makes of an event in the middle that is not JSON."""
    last = chunks[-1] if chunks else None
    error = ("error", SYNTAX_ERROR)
    heard = [*heard_of(*chunks[:place]), error, *heard_of(*chunks[place:]), ("done", last)]
    return Seen(chunks, done=SYNTAX_ERROR, heard=heard, unhandled=True)


EVENTS: Sequence[Scenario] = [
    Scenario(
        "tokens of a language model",
        tokens("Hello there", pause=0),
        Seen(
            (
                {"output": "Hello ", "partial": True},
                {"output": "Hello there", "partial": False},
            )
        ),
    ),
    Scenario(
        "JSON values of all kinds, including falsy ones",
        _EVERY_KIND,
        Seen((ONE, [], 1), heard=[*heard_of(*_EVERY_KIND), ("done", 1)]),
        Seen(_EVERY_KIND),
        (
            "`0`, `false`, `null` and an empty text are JSON values too; the original's "
            "iterator mistakes them for an empty buffer."
        ),
    ),
    Scenario("an event with several `data` lines", [Event('{\n"n": 1\n}')], Seen((ONE,))),
    Scenario(
        "comments, ids and reconnection times",
        [Event('{"n": 1}', id="7"), Ping(), Event('{"n": 2}', id="8", retry=500), Ping(), _THREE],
        Seen((ONE, TWO, _THREE)),
    ),
    Scenario(
        "a byte order mark at the beginning",
        [Raw(b'\xef\xbb\xbfdata: {"n": 1}\n\n')],
        Seen((ONE,)),
    ),
    Scenario("lines that end in CR", [Raw(b'data: {"n": 1}\r\rdata: {"n": 2}\r\r')], Seen(BOTH)),
    Scenario(
        "lines that end in CR LF",
        [Raw(b'data: {"n": 1}\r\n\r\ndata: {"n": 2}\r\n\r\n')],
        Seen(BOTH),
    ),
    Scenario("no space after the colon", [Raw(b'data:{"n": 1}\n\n')], Seen((ONE,))),
    Scenario(
        "an event that arrives in pieces",
        [Raw(b'data: {"n"'), Pause(0.1), Raw(b": 1}\n"), Pause(0.1), Raw(b'\ndata: {"n": 2}\n\n')],
        Seen(BOTH),
    ),
    Scenario(
        "a character whose bytes arrive in pieces",
        [Raw(b'data: "f\xc3'), Pause(0.7), Raw(b'\xbcr"\n\n')],
        Seen(("f\ufffd\ufffdr",)),
        Seen(("f\u00fcr",)),
        (
            "The original decodes each read by itself, so non-ASCII characters break if they "
            "arrive in two reads."
        ),
    ),
    Scenario(
        "bytes that are not UTF-8",
        [Raw(b'data: "f\xffr"\n\n')],
        Seen(("f\ufffdr",)),
    ),
    Scenario("an event with a name", [Event('{"n": 1}', event="progress")], Seen((ONE,))),
    Scenario(
        "an event without data, as a keep-alive",
        [Raw(b'data: {"n": 1}\n\nevent: ping\ndata:\n\ndata: {"n": 2}\n\n')],
        _skipped(BOTH, 1),
        Seen(BOTH),
        "An event without data is a keep-alive, not invalid JSON.",
    ),
    Scenario("an event with only an `id`", [ONE, Raw(b"id: 5\n\n"), TWO], Seen(BOTH)),
    Scenario(
        "an event named `error`",
        [ONE, Event('{"message": "out of memory"}', event="error"), TWO],
        Seen((ONE, _IN_BAND, TWO)),
        raising(Raised("StreamEventError"), ONE),
        "With this event, the server reports a failure. As a chunk, it would look like a result.",
    ),
    Scenario(
        "an event named `error`, with `raise_error_events=False`",
        [ONE, Event('{"message": "out of memory"}', event="error"), TWO],
        Seen((ONE, _IN_BAND, TWO)),
        options=options(raise_error_events=False),
    ),
    Scenario(
        "a last chunk with an `error`",
        [ONE, _FAILED],
        Seen((ONE, _FAILED)),
        raising(Raised("StreamEventError"), ONE, _FAILED),
        (
            "With this field, the model reports that it failed. Without an error, the incomplete "
            "output would look like the result."
        ),
    ),
    Scenario(
        "a workflow with an event of the type `error`",
        {"workflows/acme/flow": [ONE, _FLOW_ERROR]},
        Seen((ONE, _FLOW_ERROR), sent=_TO_FLOW),
        replace(raising(Raised("StreamEventError"), ONE), sent=_TO_FLOW),
        "With this event, the workflow reports that it failed.",
        endpoint_id="workflows/acme/flow",
    ),
    Scenario(
        "a workflow that ends without its `output`",
        {"workflows/acme/flow": BOTH},
        Seen(BOTH, sent=_TO_FLOW),
        replace(raising(Raised("IncompleteStream"), *BOTH), sent=_TO_FLOW),
        ("fal documents that the `output` is the last event; without it, something has failed."),
        endpoint_id="workflows/acme/flow",
    ),
    Scenario(
        "a workflow that ends without its `output`, with `is_final=None`",
        {"workflows/acme/flow": BOTH},
        Seen(BOTH, sent=_TO_FLOW),
        endpoint_id="workflows/acme/flow",
        options=options(is_final=None),
    ),
    Scenario(
        "a chunk of the type `error` from an app that is not a workflow",
        [ONE, _FLOW_ERROR],
        Seen((ONE, _FLOW_ERROR)),
    ),
    Scenario(
        "`[DONE]` at the end",
        [Raw(b'data: {"n": 1}\n\ndata: [DONE]\n\n')],
        _skipped((ONE,), 1),
        Seen((ONE,)),
        "`[DONE]` is the usual end of token streams, not a failure.",
    ),
    Scenario(
        "an event that is not JSON",
        [Raw(b'data: {"n": 1}\n\ndata: {oops\n\ndata: {"n": 3}\n\n')],
        _skipped((ONE, _THREE), 1),
        raising(Raised("StreamDecodeError"), ONE),
        "In the original, the iteration skips the chunk and ends without an error.",
    ),
    Scenario(
        "`NaN`",
        [Raw(b"data: NaN\n\n")],
        _skipped((), 0),
        Seen((float("nan"),)),
        "Python's `json` writes `NaN`, and many apps are written in Python.",
    ),
    Scenario(
        "an integer larger than 2^53",
        [Raw(b"data: 12345678901234567890\n\n")],
        Seen((12345678901234567000,)),
        Seen((12345678901234567890,)),
        "Python's integers are exact, which matters for seeds.",
    ),
    Scenario("a lone surrogate", [Raw(b'data: "\\ud800"\n\n')], Seen(("\ud800",))),
    Scenario("a chunk with a megabyte of text", [_MEGABYTE], Seen((_MEGABYTE,))),
    Scenario(
        "a hundred chunks that are ready at once",
        _HUNDRED,
        Seen(_HUNDRED, facts={"time for a chunk": "16 ms or more"}),
        Seen(_HUNDRED, facts={"time for a chunk": "less"}),
        "The original's iterator sleeps after each chunk.",
        plot="keep time",
    ),
]
