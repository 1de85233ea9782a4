"""What the user does with a stream: iterate, wait, listen, leave, abort."""

from __future__ import annotations

from collections.abc import Sequence

from fal_stream.testing import Hang, Pause
from tests.original.catalogue.parts import BOTH, ONE, TWO, heard_of
from tests.original.scenario import HANGS, Gives, Raised, Scenario, Seen

__all__ = ["READING"]

_ERROR = Raised("Error", request_id=False)
_FIVE = tuple({"n": number} for number in range(1, 6))
_NEVER_ENDS = "An iteration ends when its stream has ended."
_ABORTED = {"end": "gone", "reason": "enough"}

READING: Sequence[Scenario] = [
    Scenario(
        "`done()` first, then an iteration",
        BOTH,
        Seen(BOTH, HANGS),
        Seen(BOTH),
        f"{_NEVER_ENDS} In the original, it waits for an end that is already in the past.",
        plot="done first",
    ),
    Scenario(
        "`done()` again",
        BOTH,
        Seen(BOTH, facts={"done again": Gives(TWO)}),
        plot="done again",
    ),
    Scenario(
        "a second iteration after the first has ended",
        BOTH,
        Seen(BOTH, facts={"again": [[], "hangs"]}),
        Seen(BOTH, facts={"again": [[], "ends"]}),
        f"{_NEVER_ENDS} In the original, it waits for an end that is already in the past.",
        plot="iterate again",
    ),
    Scenario(
        "two iterations that take turns",
        [*_FIVE, Pause(1)],
        Seen(
            _FIVE[::2],
            done=Gives(_FIVE[-1]),
            heard=[*heard_of(*_FIVE), ("done", _FIVE[-1])],
            facts={"other": [_FIVE[1], _FIVE[3]]},
        ),
        plot="take turns",
    ),
    Scenario(
        "two listeners",
        BOTH,
        Seen(
            BOTH,
            facts={"order": [["first", ONE], ["second", ONE], ["first", TWO], ["second", TWO]]},
        ),
        plot="listeners in order",
    ),
    Scenario(
        "a listener that raises an exception",
        BOTH,
        Seen(
            BOTH,
            done=_ERROR,
            heard=[("error", _ERROR), ("error", _ERROR), ("done", TWO)],
            unhandled=True,
        ),
        Seen(BOTH),
        (
            "An error in a listener is not an error of the stream: it is logged, and the "
            "other listeners are called."
        ),
        plot="listener raises",
    ),
    Scenario(
        "`break` after the first chunk",
        [ONE, Pause(1.5), TWO],
        Seen(
            (ONE,),
            done=Gives(TWO),
            heard=[*heard_of(*BOTH), ("done", TWO)],
            facts={"end": "finished"},
        ),
        Seen((ONE,), heard=heard_of(ONE), facts={"end": "gone"}),
        (
            "The end of `with` closes the stream. In the original, the stream goes on, and "
            "so does the app."
        ),
        plot="break",
        watch=frozenset({"end"}),
    ),
    Scenario(
        "`abort()` after the first chunk",
        [ONE, Hang()],
        Seen((ONE,), HANGS, heard=heard_of(ONE), facts=_ABORTED),
        Seen((ONE,), heard=heard_of(ONE), facts=_ABORTED),
        _NEVER_ENDS,
        plot="abort after a chunk",
        watch=frozenset({"end"}),
    ),
    Scenario(
        "`abort()` before the first chunk",
        BOTH,
        Seen((), HANGS, Gives({}), heard=(), sent=(), request_id=False, facts={"reason": "enough"}),
        Seen(heard=(), sent=(), request_id=False, facts={"reason": "enough"}),
        f"{_NEVER_ENDS} Without a chunk, the result is `None`, not an empty object.",
        plot="abort at once",
    ),
    Scenario("`abort()` after the end", BOTH, Seen(BOTH), plot="abort at the end"),
    Scenario(
        "the `signal` is aborted after the first chunk",
        [ONE, Hang()],
        Seen(
            (ONE,),
            HANGS,
            heard=heard_of(ONE),
            facts={"end": "gone", "reason": Raised("AbortError", request_id=False)},
        ),
        Seen((ONE,), heard=heard_of(ONE), facts=_ABORTED),
        f"{_NEVER_ENDS} The stream also gets the reason of the signal.",
        plot="signal after a chunk",
        watch=frozenset({"end"}),
    ),
    Scenario(
        "the `signal` is aborted before the stream starts",
        BOTH,
        Seen(BOTH),
        Seen(heard=(), sent=(), request_id=False, facts={"reason": "enough"}),
        "The original ignores a signal that has already been aborted, and sends the request.",
        plot="signal before",
    ),
]
