"""Which chunk is the last one, and what an error among chunks says."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Annotated, Any

import pydantic
import pytest

from fal_stream import (
    EventTooLarge,
    FalStreamError,
    IncompleteStream,
    OutputValidationError,
    SSEParser,
    StreamDecodeError,
    StreamEventError,
)
from fal_stream._shared.chunk_source import BinaryChunks
from fal_stream._shared.chunks import EventChunks
from fal_stream._shared.decode import decode_json, json_decoder


def events(*texts: str) -> bytes:
    return "".join(f"data: {text}\n\n" for text in texts).encode()


def source(output_type: Any = None, **options: Any) -> EventChunks[Any]:
    return EventChunks(SSEParser(), json_decoder(output_type), **options)


def sources(is_final: Callable[[Any], bool]) -> list[tuple[Any, list[bytes], list[Any]]]:
    """Both kinds of source, what to feed them with, and the chunks in it."""
    return [
        (BinaryChunks(is_final), [b"1", b"2", b"3"], [b"1", b"2", b"3"]),
        (source(is_final=is_final), [events("1"), events("2"), events("3")], [1, 2, 3]),
    ]


def test_the_chunk_itself_says_whether_it_is_the_last() -> None:
    for made, bodies, chunks in sources(lambda chunk: chunk in (3, b"3")):
        out: list[Any] = []
        ended = []
        for body in bodies:
            made.feed(body, out)
            ended.append(made.ended)
        made.close(out)
        assert out == chunks
        assert ended == [False, False, True]


def test_what_comes_after_the_last_chunk_is_none() -> None:
    made = source(is_final=lambda chunk: chunk == 2)
    out: list[Any] = []
    made.feed(events("1", "2", "3", "{"), out)
    made.close(out)
    assert out == [1, 2]


def test_a_stream_without_its_last_chunk_is_incomplete() -> None:
    for made, bodies, _ in sources(lambda chunk: False):
        out: list[Any] = []
        for body in bodies:
            made.feed(body, out)
        assert made.ended is False
        with pytest.raises(IncompleteStream) as caught:
            made.close(out)
        assert caught.value.chunks_received == 3
        assert str(caught.value) == (
            "The stream ended after 3 chunks, but is_final held for none of them: the app may "
            "have died, look at its logs"
        )


def test_an_end_mark_is_no_last_chunk() -> None:
    out: list[Any] = []
    with pytest.raises(IncompleteStream, match="after 1 chunk"):
        source(is_final=lambda chunk: False).feed(events("1", "[DONE]"), out)
    assert out == [1]


def test_without_is_final_any_end_will_do() -> None:
    made = BinaryChunks()
    made.feed(b"1", [])
    made.close([])
    assert made.ended is False


def test_raw_events_have_no_last_one() -> None:
    made = source(is_final=lambda chunk: False, raw=True)
    out: list[Any] = []
    made.feed(events("1"), out)
    made.close(out)
    assert [event.data for event in out] == ["1"]


def test_is_final_that_raises_is_named_with_its_chunk() -> None:
    def broken(chunk: Any) -> bool:
        if chunk in (3, b"3"):
            raise KeyError("x")
        return False

    for made, bodies, chunks in sources(broken):
        out: list[Any] = []
        with pytest.raises(FalStreamError) as caught:
            for body in bodies:
                made.feed(body, out)
        assert out == chunks
        assert isinstance(caught.value.__cause__, KeyError)
        assert str(caught.value) == (
            "is_final raised KeyError for chunk 2, which is the cause of this; the chunk was "
            "delivered"
        )


ERROR_CHUNK = '{"type": "error", "error": {"message": "boom"}}'


def test_a_workflow_reports_errors_in_chunks() -> None:
    out: list[Any] = []
    with pytest.raises(StreamEventError, match=r"after 1 chunk: .*boom") as caught:
        source(is_workflow=True).feed(events("1", ERROR_CHUNK, "2"), out)
    assert out == [1]
    assert caught.value.data == {"type": "error", "error": {"message": "boom"}}


@pytest.mark.parametrize("options", [{}, {"is_workflow": True, "raise_errors": False}])
def test_elsewhere_such_a_chunk_is_a_chunk(options: dict[str, bool]) -> None:
    out: list[Any] = []
    source(**options).feed(events(ERROR_CHUNK), out)
    assert len(out) == 1


@pytest.mark.parametrize(
    "text",
    ['{"type": "output"}', '{"type": "output", "x": "error"}', '"error"', '["error"]', '"x"'],
)
def test_not_every_chunk_of_a_workflow_is_an_error(text: str) -> None:
    out: list[Any] = []
    source(is_workflow=True).feed(events(text), out)
    assert out == [decode_json(text)]


class Output(pydantic.BaseModel):
    """A model without the field `error`."""

    output: str = ""


FAILED = '{"output": "Hi", "error": "out of memory"}'
USAGE = '{"choices": [], "usage": {"total_tokens": 3}}'


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (FAILED, "out of memory"),
        ('{"error": {"message": "no credit", "code": 402}}', "no credit"),
        ('{"error": {"detail": "no credit"}}', "no credit"),
        ('{"error": {"code": 402}}', '{"code": 402}'),
        ('{"error": true, "message": "boom"}', "boom"),
        ('{"error": true}', '{"error": true}'),
        ('{"choices": [{"finish_reason": "error"}]}', "its finish_reason is 'error'"),
        ('{"choices": [{"error": {"message": "down"}, "finish_reason": "error"}]}', "down"),
        ('{"choices": [{"delta": {}}], "error": {"message": "down"}}', "down"),
        ('{"choices": [], "error": {"message": "down"}}', "down"),
    ],
)
@pytest.mark.parametrize("output_type", [None, dict[str, Any], Output])
@pytest.mark.parametrize("end", ["", "data: [DONE]\n\n", f"data: {USAGE}\n\ndata: [DONE]\n\n"])
def test_an_error_in_the_last_chunk(text: str, message: str, output_type: Any, end: str) -> None:
    made = source(output_type)
    out: list[Any] = []
    with pytest.raises(StreamEventError) as caught:
        # Each by itself, and all at once.
        for data in (events('{"output": "H"}'), events(text) + end.encode()):
            made.feed(data, out)
        made.close(out)
    assert caught.value.message == f"The app reported an error in its last chunk: {message}"
    assert caught.value.data == decode_json(text)
    assert len(out) == (3 if "usage" in end else 2)
    out.clear()
    with pytest.raises(StreamEventError):
        made = source(output_type)
        made.feed(events('{"output": "H"}', text) + end.encode(), out)
        made.close(out)
    assert len(out) == (3 if "usage" in end else 2)


@pytest.mark.parametrize(
    "text",
    [
        '{"error": null}',
        '{"error": ""}',
        '{"error": "  "}',
        '{"error": {}}',
        '{"error": []}',
        '{"error": 0.25}',
        '{"error": false}',
        '{"output": {"error": "boom"}}',
        '{"choices": [{"finish_reason": "stop"}]}',
        '{"choices": "error"}',
        '{"choices": ["error", null]}',
        '["error"]',
        '"error"',
    ],
)
@pytest.mark.parametrize("output_type", [None, Any])
def test_what_is_no_error_in_the_last_chunk(text: str, output_type: Any) -> None:
    made = source(output_type)
    out: list[Any] = []
    made.feed(events(text), out)
    made.close(out)
    assert out == [decode_json(text)]


@pytest.mark.parametrize("output_type", [None, Output])
def test_an_error_in_the_middle_is_data(output_type: Any) -> None:
    for texts in ([FAILED, '{"output": "Hi"}'], [FAILED, '{"output": "error"}', USAGE]):
        for bodies in ([events(*texts)], [events(text) for text in texts]):
            made = source(output_type)
            out: list[Any] = []
            for body in bodies:
                made.feed(body, out)
            made.close(out)
            assert len(out) == len(texts)


def test_an_error_in_the_last_chunk_can_be_left_to_the_reader() -> None:
    for options in ({"raise_errors": False}, {"raw": True}):
        made = source(**options)
        out: list[Any] = []
        made.feed(events("1", FAILED), out)
        made.close(out)
        assert len(out) == 2


def test_an_error_in_what_is_final_and_in_what_never_was() -> None:
    for options in (
        {"is_final": lambda chunk: "error" in chunk},
        {"is_final": lambda chunk: False},
        {"is_workflow": True},
    ):
        made = source(**options)
        out: list[Any] = []
        with pytest.raises(StreamEventError, match="in its last chunk: out of memory"):
            made.feed(events("{}", FAILED), out)
            made.close(out)
        assert len(out) == 2


def test_an_error_in_the_last_chunk_is_masked_and_short() -> None:
    made = source(redact=lambda text: text.replace("secret", "***"))
    with pytest.raises(StreamEventError) as caught:
        made.feed(events('{"error": "secret' + "x" * 10_000 + '", "more": "secret"}'), [])
        made.close([])
    assert "secret" not in str(caught.value)
    assert len(str(caught.value)) < 1_000
    assert caught.value.data["more"] == "***"


def test_a_deep_error_in_the_last_chunk_is_kept_as_text() -> None:
    text = '{"error": {"x": ' + "[" * 300 + "]" * 300 + "}}"
    made = source()
    out: list[Any] = []
    made.feed(events(text), out)
    with pytest.raises(StreamEventError) as caught:
        made.close(out)
    assert caught.value.data == text
    assert len(out) == 1


@pytest.mark.parametrize("text", ['{"type": "error"', '{"error": ' + "[" * 100_000])
def test_a_broken_chunk_of_a_workflow_is_no_json(text: str) -> None:
    with pytest.raises(StreamDecodeError, match="is not JSON"):
        source(is_workflow=True).feed(events(text), [])


def test_error_events_are_chunks_where_they_are_not_raised() -> None:
    out: list[Any] = []
    source(raise_errors=False).feed(b"event: error\ndata: 1\n\n", out)
    assert out == [1]


def test_what_is_no_json_is_shown_with_the_reason_and_the_way_out() -> None:
    with pytest.raises(StreamDecodeError) as caught:
        source().feed(events("1", "2", "{"), [])
    assert (caught.value.raw, caught.value.index) == ("{", 2)
    assert re.fullmatch(
        r"Chunk 2 is not JSON \(Expecting property name .*\): '\{'; "
        r"events\(\) gives such events as they are",
        str(caught.value),
    )


def test_a_deep_chunk_says_so() -> None:
    with pytest.raises(StreamDecodeError, match=r"not JSON \(it is nested too deeply\): '\[\[\["):
        source().feed(events("[" * 100_000), [])


class Size(pydantic.BaseModel):
    sizes: list[int]


@pytest.mark.parametrize(
    ("output_type", "text", "place"),
    [(Size, '{"sizes": [1, "x"]}', "sizes.1: "), (int, '"x"', "the chunk itself: ")],
)
def test_a_mismatch_names_the_place(output_type: Any, text: str, place: str) -> None:
    with pytest.raises(OutputValidationError) as caught:
        source(output_type).feed(events(text), [])
    message = str(caught.value)
    assert message.startswith(f"Chunk 0 is not of the output_type: {place}Input should be")
    assert message.endswith(f"; it was {text}")


@pytest.mark.parametrize("length", [120, 121])
def test_a_long_place_is_shown_by_its_beginning(length: int) -> None:
    with pytest.raises(OutputValidationError) as caught:
        source(dict[str, int]).feed(events(f'{{"{"a" * length}": "x"}}'), [])
    shown = "a" * 120 + ("" if length == 120 else "... (121 characters)")
    assert f"output_type: {shown}: Input should be" in str(caught.value)


def refuse(value: Any) -> Any:
    raise ValueError(f"no {value} here")


REFUSED = Annotated[Any, pydantic.AfterValidator(refuse)]


@pytest.mark.parametrize(
    ("output_type", "body"),
    [
        (None, b"event: error\ndata: the-secret\n\n"),
        (None, b'event: error\ndata: {"detail": "the-secret"}\n\n'),
        (None, b'data: {"type": "error", "error": "the-secret"}\n\n'),
        (None, b"data: the-secret\n\n"),
        (None, b"data: {the-secret"),
        (int, b'data: "the-secret"\n\n'),
        (dict[str, int], b'data: {"the-secret": "x"}\n\n'),
        (REFUSED, b'data: "the-secret"\n\n'),
    ],
)
def test_no_error_shows_a_secret(output_type: Any, body: bytes) -> None:
    made = source(
        output_type, is_workflow=True, redact=lambda text: text.replace("the-secret", "***")
    )
    with pytest.raises(FalStreamError) as caught:
        made.feed(body, [])
        made.close([])
    shown = f"{caught.value} {vars(caught.value)}"
    assert "the-secret" not in shown
    assert "***" in str(caught.value)


def test_a_validator_that_raises_is_the_cause() -> None:
    def broken(value: int) -> int:
        raise KeyError(value)

    out: list[Any] = []
    made = source(Annotated[int, pydantic.AfterValidator(broken)])
    with pytest.raises(OutputValidationError) as caught:
        made.feed(events("5"), out)
    assert isinstance(caught.value.__cause__, KeyError)
    assert (caught.value.raw, caught.value.index, out) == ("5", 0, [])
    assert str(caught.value) == (
        "Chunk 0 could not be validated: the output_type raised KeyError, which is the cause of "
        "this; it was 5"
    )


def test_the_end_of_half_a_character_is_shown() -> None:
    with pytest.raises(IncompleteStream, match="after 0 chunks: 'data: \N{REPLACEMENT CHARACTER}'"):
        made = source()
        made.feed("data: ü".encode()[:-1], [])
        made.close([])


def test_a_digit_at_the_end_may_be_half_of_a_number() -> None:
    made = source()
    with pytest.raises(IncompleteStream):
        made.feed(b"data: 1.5", [])
        made.close([])


def test_nothing_is_held_back() -> None:
    out: list[Any] = []
    made = source()
    made.feed(b"da", out)
    made.raise_held_error()
    made.feed(b"ta: 1\n\n", out)
    assert out == [1]


# --- plain JSON, many events at once ---


def fed(made: EventChunks[Any], *bodies: bytes) -> tuple[list[Any], FalStreamError | None]:
    """Feed some bodies; give the chunks and the error."""
    out: list[Any] = []
    try:
        for body in bodies:
            made.feed(body, out)
    except FalStreamError as error:
        return out, error
    return out, None


@pytest.mark.parametrize(
    ("last", "kind"),
    [
        (b"data: {\n\n", StreamDecodeError),
        (b"event: error\ndata: 5\n\n", StreamEventError),
        (b"event: error\ndata: {\n\n", StreamEventError),
    ],
)
def test_an_error_counts_the_chunks_of_all_reads(last: bytes, kind: type[FalStreamError]) -> None:
    chunks, error = fed(source(), events("1", "2"), events("3"), events("4", "5") + last)
    assert chunks == [1, 2, 3, 4, 5]
    assert type(error) is kind
    assert re.search(r"Chunk 5 is|after 5 chunks", str(error))


def test_the_body_that_ends_half_way_counts_the_chunks_of_all_reads() -> None:
    made = source()
    out: list[Any] = []
    for body in (events("1", "2"), events("3"), b"data: {"):
        made.feed(body, out)
    with pytest.raises(IncompleteStream, match="after 3 chunks") as caught:
        made.close(out)
    assert caught.value.chunks_received == 3


@pytest.mark.parametrize("options", [{}, {"is_final": lambda chunk: False}, {"is_workflow": True}])
def test_events_of_all_kinds_among_plain_ones_come_in_order(options: dict[str, Any]) -> None:
    body = (
        events("1", "2")
        + b"id: 7\ndata: 3\n\ndata\n\nevent: tok\ndata: 4\n\ndata: [5,\ndata: 6]\n\n"
        + b'data: "\xff"\n\ndata: "\\ud800"\n\n'
        + events("7")
    )
    expected = [1, 2, 3, 4, [5, 6], "\ufffd", "\ud800", 7]
    assert fed(source(**options), body, body) == (expected * 2, None)


def test_every_chunk_of_many_is_asked_whether_it_is_the_last() -> None:
    asked: list[Any] = []

    def is_final(chunk: Any) -> bool:
        asked.append(chunk)
        return bool(chunk == 3)

    made = source(is_final=is_final)
    assert fed(made, events("1", "2", "3", "4")) == ([1, 2, 3], None)
    assert asked == [1, 2, 3]
    assert made.ended is True


def test_the_error_of_a_workflow_is_found_among_many_chunks() -> None:
    chunks, error = fed(source(is_workflow=True), events("1", "2", ERROR_CHUNK, "3"))
    assert chunks == [1, 2]
    assert type(error) is StreamEventError


def test_the_error_of_a_workflow_may_have_an_id() -> None:
    body = b"data: 1\n\nid: 7\ndata: " + ERROR_CHUNK.encode() + b"\n\n"
    chunks, error = fed(source(is_workflow=True), body)
    assert chunks == [1]
    assert type(error) is StreamEventError
    assert error.data == {"type": "error", "error": {"message": "boom"}}


def test_the_error_of_a_workflow_may_be_no_utf_8() -> None:
    body = b'data: {"type": "error", "error": "\xff"}\n\n'
    chunks, error = fed(source(is_workflow=True), body)
    assert chunks == []
    assert type(error) is StreamEventError
    assert error.data == {"type": "error", "error": "\ufffd"}


def test_every_chunk_of_many_is_of_the_type() -> None:
    chunks, error = fed(source(int), events("1", "2"), events("3", '"x"', "4"))
    assert chunks == [1, 2, 3]
    assert type(error) is OutputValidationError
    assert (error.raw, error.index) == ('"x"', 3)


def test_what_is_no_utf_8_is_shown() -> None:
    chunks, error = fed(source(), events("1") + b"data: \xff\n\n")
    assert chunks == [1]
    assert type(error) is StreamDecodeError
    assert error.raw == "\ufffd"


@pytest.mark.parametrize("raw", [False, True])
def test_an_error_that_is_held_back_is_told_when_asked_for(raw: bool) -> None:
    made: EventChunks[Any] = EventChunks(SSEParser(max_event_bytes=20), decode_json, raw=raw)
    out: list[Any] = []
    made.raise_held_error()
    made.feed(events("1"), out)
    states = [made.has_failed]
    made.raise_held_error()
    made.feed(events("2", "9" * 30), out)
    states.append(made.has_failed)
    assert states == [False, True]
    assert len(out) == 2
    for _ in range(2):
        with pytest.raises(EventTooLarge):
            made.raise_held_error()


def test_bytes_as_they_come_never_fail() -> None:
    made = BinaryChunks()
    made.feed(b"1", [])
    made.raise_held_error()
    assert made.has_failed is False
    assert source().has_failed is False


class Checked(pydantic.BaseModel):
    """A chunk whose validator notes each call, and refuses "no"."""

    text: str
    json_text: pydantic.Json[Any] = None

    @pydantic.field_validator("text")
    @classmethod
    def check(cls, text: str) -> str:
        calls.append(text)
        if text == "no":
            raise ValueError("not this one")
        if text == "never":
            raise KeyError(text)
        return text


calls: list[str] = []


@pytest.mark.parametrize(
    ("event", "said"),
    [
        ('{"text": "no"}', "Chunk 1 is not of the output_type: text: Value error, not this one"),
        ('{"text": "never"}', "Chunk 1 could not be validated: the output_type raised KeyError"),
        ('{"text": "yes", "json_text": "{"}', "Chunk 1 is not of the output_type: json_text: "),
    ],
)
@pytest.mark.parametrize("head", ["", "event: message\nid: 1\n"])
def test_a_validator_is_called_once_for_a_chunk(event: str, said: str, head: str) -> None:
    calls.clear()
    out: list[Any] = []
    with pytest.raises(OutputValidationError, match=f"^{re.escape(said)}") as caught:
        source(Checked).feed(events('{"text": "first"}') + head.encode() + events(event), out)
    assert caught.value.index == 1
    assert caught.value.raw == event
    assert [chunk.text for chunk in out] == ["first"]
    assert calls == ["first", json.loads(event)["text"]]
