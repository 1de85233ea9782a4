"""How a stream ends: well, cut off, or too late."""

from __future__ import annotations

from collections.abc import Sequence

from fal_stream.testing import Cut, Pause, Ping, Raw, Reply
from tests.original.catalogue.parts import (
    BOTH,
    ONE,
    SILENT,
    TWO,
    options,
    raising,
    silent,
)
from tests.original.scenario import Raised, Scenario, Seen

__all__ = ["ENDINGS"]

_BROKEN = silent(Raised("ApiError", 500), ONE)
_INTERRUPTED = raising(Raised("StreamInterrupted"), ONE)
_CUT_REASON = f"{SILENT} Its status 500 is made up: the server sent 200."

ENDINGS: Sequence[Scenario] = [
    Scenario("no chunk at all", [], Seen()),
    Scenario(
        "a response without a length, which ends with its connection",
        Reply(BOTH, framing="close"),
        Seen(BOTH),
    ),
    Scenario("a response with a `Content-Length`", Reply(BOTH, framing="length"), Seen(BOTH)),
    Scenario(
        "status 204",
        Reply(status=204),
        silent(Raised("ApiError", 400)),
        Seen(),
        "Status 204 is a success; the original makes up the status 400.",
    ),
    Scenario(
        "a last event without its empty line",
        [Raw(b'data: {"n": 1}\n\ndata: {"n": 2}\n')],
        Seen((ONE,)),
        Seen(BOTH),
        "The event is complete, and it may be the result that you paid for.",
    ),
    Scenario(
        "the response ends in the middle of an event",
        [Raw(b'data: {"n": 1}\n\ndata: {"n"')],
        Seen((ONE,)),
        raising(Raised("IncompleteStream"), ONE),
        "An incomplete event is not a success.",
    ),
    Scenario(
        "the connection breaks in the middle of an HTTP chunk",
        [ONE, Pause(0.5), Cut(partial=b'data: {"n"')],
        _BROKEN,
        _INTERRUPTED,
        _CUT_REASON,
    ),
    Scenario(
        "the connection breaks between two HTTP chunks",
        [ONE, Pause(0.5), Cut(in_chunk=False)],
        _BROKEN,
        _INTERRUPTED,
        _CUT_REASON,
    ),
    Scenario(
        "the connection is reset",
        [ONE, Pause(0.5), Cut(reset=True)],
        _BROKEN,
        _INTERRUPTED,
        _CUT_REASON,
    ),
    Scenario(
        "a response that is shorter than its `Content-Length`",
        Reply([ONE, Pause(0.5), Cut()], framing="length"),
        _BROKEN,
        _INTERRUPTED,
        _CUT_REASON,
    ),
    Scenario(
        "silence for longer than `timeout`",
        [ONE, Pause(2.5), TWO],
        Seen(BOTH),
        raising(Raised("StreamTimeout"), ONE),
        ("The original resets its clock right before it checks it, so the timeout never fires."),
        options=options(timeout=1),
    ),
    Scenario(
        "keep-alives for longer than `timeout`",
        [ONE, *[Pause(0.1), Ping()] * 25, TWO],
        Seen(BOTH),
        options=options(timeout=2),
    ),
]
