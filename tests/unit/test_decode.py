"""From bytes to chunks."""

from __future__ import annotations

import json
import math
import signal
import sys
from collections.abc import Callable, Iterator
from typing import Annotated, Any

import pydantic
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typing_extensions import TypedDict

from fal_stream import (
    ConfigError,
    EventTooLarge,
    FalStreamError,
    IncompleteStream,
    OutputValidationError,
    ServerSentEvent,
    SSEParser,
    StreamDecodeError,
    StreamEventError,
)
from fal_stream._shared.chunk_source import BinaryChunks
from fal_stream._shared.chunks import EventChunks
from fal_stream._shared.decode import (
    REPORT_LEVELS,
    breaks_off,
    decode_json,
    decode_report,
    json_decoder,
    raised_while_decoding,
)

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)

# For WebAssembly, whose stack `nox -s wasm` makes as large as it can, this is not too deep.
IS_TOO_DEEP = pytest.mark.skipif(sys.platform == "emscripten", reason="the stack is large enough")


def same(first: Any, second: Any) -> bool:
    return json.dumps(first) == json.dumps(second)


@given(JSON, st.booleans())
def test_json_is_decoded_as_python_does(value: Any, ensure_ascii: bool) -> None:
    text = json.dumps(value, ensure_ascii=ensure_ascii)
    assert same(decode_json(text), json.loads(text))


@pytest.mark.parametrize("text", ['"\\ud800"', "[" * 300 + "]" * 300, '{"a":1,"a":2}', " 1 ", "-0"])
def test_what_json_takes_is_taken(text: str) -> None:
    assert same(decode_json(text), json.loads(text))


@pytest.mark.parametrize("output_type", [None, Any, dict[str, str]])
@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b'{"a": "x"}', {"a": "x"}),
        ('{"a": "ü\u20ac"}'.encode(), {"a": "ü\u20ac"}),
        (b'{"a": "\xff"}', {"a": "\ufffd"}),
        (b'{"a": "\xe2\x82"}', {"a": "\ufffd"}),
        (b'{"a": "\xed\xa0\x80"}', {"a": "\ufffd" * 3}),
        (b'{"a": "\\ud800"}', {"a": "\ud800"}),
    ],
)
def test_the_bytes_of_json_are_decoded_as_their_text(
    output_type: Any, data: bytes, expected: Any
) -> None:
    decode = json_decoder(output_type)
    assert decode(data) == decode(data.decode("utf-8", "replace")) == expected


def refusal(decode: Callable[[str | bytes], Any], text: str | bytes) -> str:
    try:
        decode(text)
    except ValueError as error:
        return str(error)
    return "taken"


@pytest.mark.parametrize("output_type", [None, Any, dict[str, str]])
@pytest.mark.parametrize("data", [b"", b"\xff", b'{"a": "\xff"', b"{", b"9" * 5001])
def test_bytes_that_are_no_json_are_refused_as_their_text(output_type: Any, data: bytes) -> None:
    decode = json_decoder(output_type)
    assert refusal(decode, data) == refusal(decode, data.decode("utf-8", "replace")) != "taken"


def test_not_a_number_and_the_infinities_are_floats() -> None:
    values = decode_json("[NaN, Infinity, -Infinity]")
    assert math.isnan(values[0])
    assert values[1:] == [math.inf, -math.inf]


def outcome(decode: Callable[[str], Any], text: str) -> str:
    try:
        return json.dumps(decode(text))
    except ValueError:
        return "refused"


@given(st.text(alphabet='[]{},:"0123456789.eE+-truefalsn \\u\n\t\x00'))
def test_what_json_refuses_is_refused(text: str) -> None:
    assert outcome(decode_json, text) == outcome(json.loads, text)


@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"a":', "}"), ('[0,{"a":', "}]")])
def test_a_report_is_decoded_where_it_can_be_copied(opening: str, closing: str) -> None:
    levels = len(closing)
    for depth in (REPORT_LEVELS // levels, REPORT_LEVELS // levels + 1):
        text = opening * depth + "1" + closing * depth
        expected = json.loads(text) if depth * levels <= REPORT_LEVELS else text
        assert decode_report(text) == expected


@pytest.mark.parametrize("text", ["", "no", "[" * 100_000, "9" * 5001])
def test_a_report_that_is_no_json_is_its_text(text: str) -> None:
    assert decode_report(text) == text


def take(body: bytes, *, output_type: Any = None, raw: bool = False) -> tuple[list[Any], Any]:
    """Feed a body and end it; give the chunks and the error."""
    out: list[Any] = []
    source = EventChunks(SSEParser(), json_decoder(output_type), raw=raw)
    try:
        source.feed(body, out)
        source.close(out)
    except FalStreamError as error:
        return out, error
    return out, None


def test_falsy_chunks_are_chunks_and_keep_alives_are_none() -> None:
    body = b'data: 0\n\ndata: ""\n\ndata: false\n\ndata: null\n\ndata\n\n: ping\n\ndata: []\n\n'
    assert take(body) == ([0, "", False, None, []], None)


@pytest.mark.parametrize(
    "tail", [b"data: [DONE]\n\n", b"data: [DONE]", b"data: [DONE]\n\ndata: junk\n\ndata: 5"]
)
def test_done_ends_the_stream_well(tail: bytes) -> None:
    out: list[Any] = []
    source: EventChunks[Any] = EventChunks(SSEParser(), decode_json)
    source.feed(b"data: 1\n\n" + tail, out)
    source.close(out)
    assert out == [1]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{", "Chunk 1 is not JSON"),
        ("nonsense", "Chunk 1 is not JSON"),
        ("9" * 5001, "Chunk 1 is not JSON"),
        ("[" * 100_000, "Chunk 1 is not JSON"),
    ],
)
def test_what_is_no_json_comes_after_the_chunks_before_it(text: str, reason: str) -> None:
    chunks, error = take(f"data: 1\n\ndata: {text}\n\ndata: 2\n\n".encode())
    assert chunks == [1]
    assert type(error) is StreamDecodeError
    assert (error.raw, error.index) == (text, 1)
    assert reason in str(error)
    assert len(str(error)) < 1000
    assert error.__context__ is None


@pytest.mark.parametrize(
    ("text", "data"), [('{"message": "boom"}', {"message": "boom"}), ("boom", "boom"), ("", "")]
)
def test_an_error_event_is_an_error(text: str, data: Any) -> None:
    chunks, error = take(f"data: 1\n\nevent: error\ndata: {text}\n\ndata: 2\n\n".encode())
    assert chunks == [1]
    assert type(error) is StreamEventError
    assert error.data == data
    assert "after 1 chunk" in str(error)


@pytest.mark.parametrize(
    ("tail", "last"),
    [
        (b'data: {"a": 1}\n', [{"a": 1}]),
        (b"data: 12\n", [12]),
        (b'data: "x"\n', ["x"]),
        (b"data: true\r\n", [True]),
        (b"data: [\ndata: 1]\n", [[1]]),
        (b": ping", []),
        (b"data:\n", []),
        (b"", []),
    ],
)
def test_a_whole_event_without_its_blank_line_is_delivered(tail: bytes, last: list[Any]) -> None:
    assert take(b"data: 1\n\n" + tail) == ([1, *last], None)


@pytest.mark.parametrize(
    "tail",
    [
        *(b'data: {"a": 1', b'data: {"a": 1}', b'data: "x"', b"data: true", b"data: 12"),
        *(b"data: tru", b"data:", b"dat", b"event: x\n", b"id: 3"),
    ],
)
def test_half_an_event_is_no_success(tail: bytes) -> None:
    chunks, error = take(b"data: 1\n\n" + tail)
    assert chunks == [1]
    assert type(error) is IncompleteStream
    assert error.chunks_received == 1
    assert tail.decode().strip() in str(error)


@pytest.mark.parametrize("raw", [False, True])
@pytest.mark.parametrize(
    "tail",
    [
        *(b"data: [\ndata: 1]", b"data: 2\nevent: er", b"data: 2\n:", b"data: 2\nunknown"),
        *(b"data: [\ndata: 1,\n", b'data: {"a": "b\n', b"data: [[1]\n", b'data: {"a": 1\n'),
    ],
)
def test_half_an_event_of_several_lines_is_no_success(tail: bytes, raw: bool) -> None:
    got, error = take(b"data: 1\n\n" + tail, raw=raw)
    assert got == ([ServerSentEvent("message", "1")] if raw else [1])
    assert type(error) is IncompleteStream


def test_raw_events_are_given_as_they_are() -> None:
    body = b"event: error\ndata: {\n\ndata\n\ndata: [DONE]\n\nid: 7\ndata: x\n"
    assert take(body, raw=True) == (
        [
            ServerSentEvent("error", "{"),
            ServerSentEvent("message", ""),
            ServerSentEvent("message", "[DONE]"),
            ServerSentEvent("message", "x", "7"),
        ],
        None,
    )
    assert type(take(b"data: x", raw=True)[1]) is IncompleteStream


class Text(pydantic.BaseModel):
    output: str


class Movie(TypedDict):
    name: str


@pytest.mark.parametrize(
    ("output_type", "text", "expected"),
    [
        (Text, '{"output": "x"}', Text(output="x")),
        (Text | int, "3", 3),
        (Movie, '{"name": "x"}', {"name": "x"}),
        (list[int], "[1, 2]", [1, 2]),
        (str, '"\\ud800"', "\ud800"),
        (Any, "{}", {}),
    ],
)
def test_chunks_are_validated(output_type: Any, text: str, expected: Any) -> None:
    assert take(f"data: {text}\n\n".encode(), output_type=output_type) == ([expected], None)


class Unfinished(pydantic.BaseModel):
    part: Nowhere  # type: ignore[name-defined]  # noqa: F821


def test_a_type_with_a_name_that_is_nowhere_is_refused() -> None:
    with pytest.raises(ConfigError) as caught:
        json_decoder(list[Unfinished])
    message = str(caught.value)
    assert "Unfinished] is not a type that pydantic can validate: " in message
    is_old = pydantic.VERSION.startswith("2.7.")
    assert ("name 'Nowhere' is not defined" if is_old else "is not fully defined") in message
    assert "\n" not in message


def test_a_mismatch_says_where() -> None:
    chunks, error = take(
        b'data: {"output": "x"}\n\ndata: {"output": {"a": 1}}\n\n', output_type=Text
    )
    assert chunks == [Text(output="x")]
    assert type(error) is OutputValidationError
    assert (error.raw, error.index) == ('{"output": {"a": 1}}', 1)
    assert "Chunk 1 is not of the output_type: output: Input should be a valid string" in str(error)
    assert error.__context__ is None


def test_text_that_is_no_json_is_no_mismatch() -> None:
    assert type(take(b"data: {\n\n", output_type=Text)[1]) is StreamDecodeError


def test_chunks_before_a_large_event_are_given_first() -> None:
    source: EventChunks[Any] = EventChunks(SSEParser(max_event_bytes=100), decode_json)
    out: list[Any] = []
    source.feed(b"data: 1\n\ndata: 2\n\ndata: " + b"9" * 200, out)
    assert out == [1, 2]
    with pytest.raises(EventTooLarge, match="100"):
        source.raise_held_error()


def test_signs_of_life() -> None:
    source: EventChunks[Any] = EventChunks(SSEParser(), decode_json)
    assert source.shows_life(b": ping\n")
    assert source.shows_life(b"\r")
    assert not source.shows_life(b"x")
    assert BinaryChunks().shows_life(b"x")


def test_binary_chunks_are_the_bytes() -> None:
    source = BinaryChunks()
    out: list[Any] = []
    source.raise_held_error()
    source.feed(b"a", out)
    source.feed(b"b", out)
    source.close(out)
    assert out == [b"a", b"b"]
    assert not source.ended


@pytest.mark.parametrize(
    ("text", "is_broken"),
    [
        ("{", True),
        ("[1,  ", True),
        ('["a', True),
        ('{"a": "b', True),
        ("", False),
        ("  ", False),
        ("1", False),
        ('{"a": 1}', False),
        ("x", False),
        ("[1] x", False),
        pytest.param("[" * 100_000, False, marks=IS_TOO_DEEP),
    ],
)
def test_what_breaks_off(text: str, is_broken: bool) -> None:
    assert breaks_off(text) is is_broken


class SoftLimit(ValueError):
    """As a signal handler may raise it; pydantic keeps a ValueError in an error of its own."""


class HardLimit(Exception):
    """The same, which pydantic lets pass."""


def send_signal(error: Exception) -> None:
    """Have a signal handler raise an exception here."""

    def handler(*_: object) -> None:
        raise error

    signal.signal(signal.SIGUSR1, handler)
    signal.raise_signal(signal.SIGUSR1)


@pytest.fixture
def signals() -> Iterator[None]:
    """Signals that a test may use."""
    if sys.platform == "win32":
        pytest.skip("Windows has no such signals")
    before = signal.getsignal(signal.SIGUSR1)
    yield
    signal.signal(signal.SIGUSR1, before)


def be_interrupted(value: int) -> int:
    """Validate a number: 1 and 2 are interrupted, the others are refused."""
    if value in (1, 2):
        send_signal(SoftLimit("too long") if value == 1 else HardLimit("too long"))
    raise ValueError("the validator's own")


Numbers = list[Annotated[int, pydantic.AfterValidator(be_interrupted)]]


@pytest.mark.usefixtures("signals")
@pytest.mark.parametrize(
    ("text", "raised"),
    [
        ("[1]", SoftLimit),
        ('[0, "x", 1, 0]', SoftLimit),
        ("[2]", HardLimit),
        ("[0, 2]", HardLimit),
        ("[0]", None),
        ('["x"]', None),
    ],
)
def test_what_a_signal_handler_raises_in_a_validator(
    text: str, raised: type[Exception] | None
) -> None:
    with pytest.raises((pydantic.ValidationError, HardLimit)) as caught:
        json_decoder(Numbers)(text.encode())
    found = raised_while_decoding(caught.value)
    assert (found and type(found)) is raised


class Interrupted:
    """A type whose schema is interrupted while it is made."""

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> Any:
        send_signal(SoftLimit("too long"))


@pytest.mark.usefixtures("signals")
def test_what_a_signal_handler_raises_while_a_type_is_looked_at() -> None:
    with pytest.raises(SoftLimit):
        json_decoder(Interrupted)
