"""JSON: what `json.loads` makes of a text, or an error of ours, whatever the text is."""

from __future__ import annotations

import json
import pickle
import re
from random import Random
from typing import Any

from fal_stream import FalStreamError, SSEParser, StreamDecodeError
from fal_stream._shared.chunks import DONE_MARK, EventChunks
from fal_stream._shared.decode import decode_json, json_decoder

from .random_bytes import cut

__all__ = ["check", "text"]

_ATOMS = (
    *("null", "true", "false", "0", "-0", "1", "-1", "1.5", "1e5", "1E+400", "-1e-400", "01", "1."),
    *(".5", "+1", "0x1", "1_0", "NaN", "Infinity", "-Infinity", "-NaN", "+Infinity", "nan", "None"),
    *('""', '"a"', '"\\ud800"', '"\\udc00\\ud800"', '"\\ud83e\\udd8a"', '"\\u00"', '"\\x"'),
    *("'a'", '"ä€🦊"', '"\t"', '"\x7f\x85\u2028"', '"\0"', '"', "\\", '"\\', "\u0663", "\uff11"),
    *("[]", "{}", "[1,]", "{,}", '{"a":1,"a":2}', '{"a":1,}', "{1:2}", "[DONE]", '"\\/"'),
    *("9" * 4300, "-" + "9" * 4300, "9" * 4301, "9" * 5001, "1." + "0" * 5001, "1" + "0" * 400),
)
_CHARACTERS = 'ab"\\/\n\t\0\x7f\x85ä€🦊\u2028\ud800\udfff'
_MARKS = (*"[]{},:\"'", "[", "[", "{", '{"k":', ",", ":", " ", "\t", "\x0b", "\xa0", "//", "/**/")
_SURROGATE = re.compile("[\ud800-\udfff]")
_TYPED = json_decoder(Any)
_DEPTHS = (50, 199, 200, 201, 202, 300, 900, 5000, 100_000)


def _value(chance: Random, depth: int) -> Any:
    kind = chance.randrange(8 if depth else 6)
    if kind == 0:
        return chance.choice((None, True, False, 0, -1, 10**18, 2**63, 2**64, -(2**63) - 1))
    if kind == 1:
        return chance.choice((0.0, -0.0, 1.5, 1e300, 5e-324, float("inf"), float("-inf")))
    if kind == 2:
        return chance.uniform(-1e6, 1e6)
    if kind == 3:
        return chance.getrandbits(chance.choice((8, 64, 200)))
    if kind < 6:
        return "".join(chance.choices(_CHARACTERS, k=chance.randint(0, 6)))
    values = [_value(chance, depth - 1) for _ in range(chance.randint(0, 4))]
    if kind == 6:
        return values
    return {str(_value(chance, 0)): value for value in values}


def text(chance: Random) -> str:
    """Make a text up that is JSON, nearly JSON, or none.

    Args:
        chance: Decides.

    Returns:
        The text.
    """
    kind = chance.random()
    if kind < 0.01:
        depth = chance.choice(_DEPTHS)
        opening, closing = chance.choice((("[", "]"), ('{"a":', "}"), ('[{"a":', "}]")))
        return opening * depth + chance.choice(("1", "", "[", '"')) + closing * depth
    if kind < 0.4:
        made = json.dumps(_value(chance, 4), ensure_ascii=chance.random() < 0.5)
    else:
        kinds = chance.choices((_ATOMS, _MARKS), k=chance.randint(1, 6))
        made = "".join(map(chance.choice, kinds))
    if chance.random() < 0.3:
        start = chance.randint(0, len(made))
        end = start + chance.randint(0, 2)
        made = made[:start] + chance.choice(("", *_MARKS, "\ufeff", "0")) + made[end:]
    if chance.random() < 0.1:
        made = made[: chance.randint(0, len(made))]
    return made


def _same(first: Any, second: Any) -> bool:
    """Compare in value, type, order and sign, with nan as itself."""
    return repr(first) == repr(second)


def _decoded(decode: Any, made: str) -> tuple[bool, Any]:
    try:
        return True, decode(made)
    except (ValueError, RecursionError):
        return False, None


def check(chance: Random) -> None:
    """Decode one text, by itself and as the data of an event.

    Args:
        chance: Decides.

    Raises:
        AssertionError: It gives anything but what `json.loads` gives, or an error of ours.
    """
    made = text(chance)
    is_json, value = _decoded(json.loads, made)
    ours, decoded = _decoded(decode_json, made)
    about = f"{made[:300]!r}: {is_json} {str(value)[:100]!r}, ours {ours} {str(decoded)[:100]!r}"
    assert ours == is_json, about
    assert _same(value, decoded), about
    if not _SURROGATE.search(made):
        # An event's text was UTF-8: it has no lone surrogate but an escaped one.
        ours, decoded = _decoded(_TYPED, made)
        assert ours == is_json, f"typed: {about}"
        assert _same(decoded, value), f"typed: {about}"
    _check_stream(chance, made)


def _check_stream(chance: Random, made: str) -> None:
    body = "".join(f"data: {line}\n" for line in made.splitlines() or [""])
    stream = f"data: 1\n\n{body}\ndata: 2\n\n".encode("utf-8", "surrogatepass")
    # What the event holds is what the parser says; that is looked at by another target.
    events = SSEParser().feed(stream)
    expected: list[Any] = []
    fails = None
    for event in events:
        if event.data == DONE_MARK:
            break
        if event.data:
            is_json, value = _decoded(json.loads, event.data)
            if not is_json:
                fails = event.data
                break
            expected.append(value)
    out: list[Any] = []
    source: EventChunks[Any] = EventChunks(SSEParser(), decode_json)
    error = None
    try:
        for piece in cut(chance, stream) if len(stream) < 1000 else [stream]:
            if not source.ended:
                source.feed(piece, out)
        source.close(out)
    except FalStreamError as caught:
        error = caught
    assert _same(out, expected), made[:300]
    if fails is None:
        assert error is None, made[:300]
        return
    assert type(error) is StreamDecodeError, made[:300]
    assert (error.raw, error.index) == (fails, len(expected))
    assert (error.__cause__, error.__context__) == (None, None)
    assert len(str(error)) < 1000
    str(error).encode()
    assert str(pickle.loads(pickle.dumps(error))) == str(error)
