"""How a stream ends: a workflow's output, text that is no event, a last event without its end."""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Iterator
from typing import Any

import pydantic
import pytest

from fal_stream import (
    ConfigError,
    FalStreamError,
    IncompleteStream,
    NotFoundError,
    SSEParser,
    StreamEventError,
)
from fal_stream._shared import chunks
from fal_stream._shared.chunks import EventChunks
from fal_stream._shared.decode import json_decoder

OUTPUT = '{"type": "output", "output": {"x": 1}}'
ERROR = '{"detail": "boom \\u00e4"}'


def source(output_type: Any = None, **options: Any) -> EventChunks[Any]:
    return EventChunks(SSEParser(), json_decoder(output_type), **options)


def events(*texts: str) -> bytes:
    return "".join(f"data: {text}\n\n" for text in texts).encode()


def read(made: EventChunks[Any], *bodies: bytes) -> tuple[list[Any], FalStreamError | None]:
    """Feed some bodies and close; give the chunks and the error."""
    out: list[Any] = []
    try:
        for body in bodies:
            made.feed(body, out)
        made.close(out)
    except FalStreamError as error:
        return out, error
    return out, None


# --- the output of a workflow ---


def test_the_output_of_a_workflow_is_its_last_chunk() -> None:
    made = source(is_workflow=True)
    out: list[Any] = []
    has_ended = []
    for body in (events("1"), events(OUTPUT, "2")):
        made.feed(body, out)
        has_ended.append(made.ended)
    made.close(out)
    assert has_ended == [False, True]
    assert out == [1, json.loads(OUTPUT)]


@pytest.mark.parametrize("kind", ["output", "error"])
def test_an_app_may_have_chunks_like_the_events_of_a_workflow(kind: str) -> None:
    body = f'id: 7\ndata: {{"type": "{kind}"}}\n\ndata: 2\n\n'.encode()
    assert read(source(), body) == ([{"type": kind}, 2], None)


@pytest.mark.parametrize("options", [{}, {"output_type": dict[str, Any]}])
def test_the_output_of_an_app_is_a_chunk_as_any(options: dict[str, Any]) -> None:
    made = source(**options)
    chunks, error = read(made, events(OUTPUT, '{"x": 2}'))
    assert (chunks, error) == ([json.loads(OUTPUT), {"x": 2}], None)
    assert made.ended is False


def test_a_workflow_without_its_output_is_incomplete() -> None:
    chunks, error = read(source(is_workflow=True), events("1"), events("2"))
    assert chunks == [1, 2]
    assert type(error) is IncompleteStream
    assert error.chunks_received == 2
    assert str(error) == (
        "The stream ended after 2 chunks, without the output event of its workflow "
        "(is_final=None takes any end): the app may have died, look at its logs"
    )


def test_a_workflow_may_have_any_end() -> None:
    made = source(is_workflow=True, any_end=True)
    assert read(made, events("1", OUTPUT, "2")) == ([1, json.loads(OUTPUT), 2], None)
    assert made.ended is False


def test_is_final_has_its_say_in_the_place_of_the_output() -> None:
    made = source(is_workflow=True, is_final=lambda chunk: chunk == 2)
    assert read(made, events("1", OUTPUT, "2", "3")) == ([1, json.loads(OUTPUT), 2], None)
    assert made.ended is True


def test_after_an_error_as_a_chunk_no_output_is_missed() -> None:
    made = source(is_workflow=True, raise_errors=False)
    error = '{"type": "error", "error": "boom"}'
    assert read(made, events("1", error)) == ([1, json.loads(error)], None)
    only_held = source(is_workflow=True, raise_errors=False, is_final=lambda chunk: False)
    assert type(read(only_held, events("1", error))[1]) is IncompleteStream


def test_each_chunk_of_a_workflow_is_counted() -> None:
    error = read(source(is_workflow=True), events("1", "2", "3"), events("4", "5"))[1]
    assert isinstance(error, IncompleteStream)
    assert error.chunks_received == 5


# --- text that is no event ---


def answer(text: str) -> FalStreamError:
    return NotFoundError(f"answered {text}", status=404)


@pytest.mark.parametrize("raw", [False, True])
def test_the_json_of_an_error_in_the_place_of_events_is_the_answer(raw: bool) -> None:
    made = source(body_error=answer, raw=raw)
    chunks, error = read(made, ERROR.encode())
    assert chunks == []
    assert type(error) is NotFoundError
    assert str(error) == f"answered {ERROR}\n"
    # Without a function for it, the app has reported it.
    assert type(read(source(raw=raw), ERROR.encode())[1]) is StreamEventError


@pytest.mark.parametrize(("raw", "said"), [(False, "1 chunk"), (True, "1 event")])
@pytest.mark.parametrize("end", [b"", b"\n"])
def test_the_json_of_an_error_after_events_is_that_of_the_app(
    raw: bool, said: str, end: bytes
) -> None:
    made = source(body_error=answer, raw=raw)
    chunks, error = read(made, events("1"), ERROR.encode() + end)
    assert len(chunks) == 1
    assert type(error) is StreamEventError
    assert error.data == {"detail": "boom \u00e4"}
    assert f"after {said}: " in str(error)


@pytest.mark.parametrize(("raw", "said"), [(False, "1 chunk"), (True, "1 event")])
def test_json_that_is_glued_to_an_event_comes_after_it(raw: bool, said: str) -> None:
    made = source(body_error=answer, raw=raw)
    chunks, error = read(made, b"data: 1\n" + ERROR.encode())
    assert [getattr(chunk, "data", chunk) for chunk in chunks] == ["1" if raw else 1]
    assert type(error) is StreamEventError
    assert f"after {said}: " in str(error)


@pytest.mark.parametrize("end", [b"\n", b"\n\n"])
def test_other_json_that_is_glued_to_an_event_is_text(end: bytes) -> None:
    made = source()
    assert read(made, b'data: 1\n{"x": 2}' + end) == ([1], None)
    assert made.non_event_bytes == 9


@pytest.mark.parametrize("raw", [False, True])
def test_glued_json_that_breaks_off_is_missed(raw: bool) -> None:
    chunks, error = read(source(raw=raw), b'data: 1\n{"detail": "bo')
    assert [getattr(chunk, "data", chunk) for chunk in chunks] == ["1" if raw else 1]
    assert type(error) is IncompleteStream
    assert error.chunks_received == 1
    # What may be half of the event's own line is none.
    chunks, error = read(source(raw=raw), b'data: 1\n{"x": 2}\ndata: 2')
    assert (chunks, type(error)) == ([], IncompleteStream)


def test_half_an_event_before_an_error_is_no_chunk() -> None:
    chunks, error = read(source(body_error=answer), b"data: [1\n" + ERROR.encode())
    assert chunks == []
    assert type(error) is StreamEventError


@pytest.mark.parametrize("text", [b"hello\n", b'{"x": 1}\n', b"\xff\xfe\n"])
def test_other_text_is_counted(text: bytes) -> None:
    made = source(body_error=answer)
    assert made.non_event_bytes == 0
    assert read(made, events("1"), text) == ([1], None)
    assert made.non_event_bytes == len(text)


def test_text_that_is_no_utf_8_may_be_the_json_of_an_error() -> None:
    error = read(source(), b'{"detail": "a \xff"}')[1]
    assert isinstance(error, StreamEventError)
    assert error.data == {"detail": "a \ufffd"}


def test_blank_lines_are_no_text() -> None:
    made = source(body_error=answer)
    assert read(made, events("1"), b"\n \n\n") == ([1], None)
    assert made.non_event_bytes == 0


def test_an_error_before_the_end_mark_is_raised_and_one_behind_it_is_not() -> None:
    for after in (b"", b"hello\n"):
        body = ERROR.encode() + b"\n" + events("[DONE]") + after
        chunks, error = read(source(), events("1"), body)
        assert (chunks, type(error)) == ([1], StreamEventError)
    for before in (b"", b"hello\n"):
        made = source()
        body = events("1") + before + events("[DONE]") + ERROR.encode()
        assert read(made, body) == ([1], None)
        assert made.ended is True


# --- the last event without its end ---


def test_each_event_of_all_reads_is_counted() -> None:
    made = source(raw=True)
    chunks, error = read(made, events("1", "2"), events("3"), b"data: 4\n")
    assert [event.data for event in chunks] == ["1", "2", "3", "4"]
    assert error is None
    error = read(source(raw=True), events("1", "2"), events("3"), b"data: {")[1]
    assert isinstance(error, IncompleteStream)
    assert error.chunks_received == 3
    assert str(error) == (
        "The stream ended in the middle of an event, after 3 events: 'data: {'; the app may have "
        "died, look at its logs"
    )
    made = source(raw=True)
    error = read(made, events("1", "2") + b"data: 3\n" + ERROR.encode())[1]
    assert "after 3 events" in str(error)


@pytest.mark.parametrize("raw", [False, True])
def test_only_the_end_mark_itself_may_lack_its_line_end(raw: bool) -> None:
    assert read(source(raw=raw), events("1"), b"data: [DONE]")[1] is None
    error = read(source(raw=raw), events("1"), b"data: 2\ndata: [DONE]")[1]
    assert type(error) is IncompleteStream


# --- what callers give ---


def test_is_final_may_not_be_async() -> None:
    async def is_final(chunk: Any) -> bool:
        return chunk is None

    for output_type in (None, int):
        chunks, error = read(source(output_type, is_final=is_final), events("1", "2"))
        assert chunks == [1]
        assert type(error) is ConfigError
        assert str(error).startswith("is_final returned a coroutine, ")
        body = b"id: 1\ndata: 1\n\ndata: 2\n\n"
        chunks, error = read(source(output_type, is_final=is_final), body)
        assert chunks == [1]
        assert str(error).startswith("is_final returned a coroutine, ")


@pytest.mark.parametrize("field", ["data: ", "id: 7\ndata: "])
def test_is_final_is_asked_of_the_chunk_itself(field: str) -> None:
    made = source(is_final=lambda chunk: chunk["x"] == 1)
    body = f'{field}{{"x": 0}}\n\n{field}{{"x": 1}}\n\n'.encode()
    assert read(made, body) == ([{"x": 0}, {"x": 1}], None)
    assert made.ended is True


class Answer(pydantic.BaseModel):
    x: int = 0


@pytest.mark.parametrize("field", ["data: ", "id: 7\ndata: "])
@pytest.mark.parametrize("before", [[], ["{}"], ["{}", '{"x": "2"}']])
def test_the_error_of_a_last_chunk_is_found_though_its_type_has_none(
    field: str, before: list[str]
) -> None:
    body = "".join(f"{field}{text}\n\n" for text in [*before, '{"error": "boom"}']).encode()
    chunks, error = read(source(Answer), body)
    assert len(chunks) == len(before) + 1
    assert type(error) is StreamEventError
    assert str(error) == "The app reported an error in its last chunk: boom"
    assert read(source(Answer), body.replace(b"error", b"other"))[1] is None


# --- signal handlers ---


def raise_signal(_: object) -> bool:
    signal.raise_signal(signal.SIGUSR1)
    return False


class Interrupted(pydantic.BaseModel):
    x: int

    check = pydantic.field_validator("x")(raise_signal)


@pytest.fixture
def handler() -> Iterator[None]:
    """A signal handler that raises."""

    def handle(*_: object) -> None:
        raise ValueError("from the handler")

    before = signal.signal(signal.SIGUSR1, handle)
    yield
    signal.signal(signal.SIGUSR1, before)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals")
@pytest.mark.usefixtures("handler")
@pytest.mark.parametrize("field", ["data: ", "id: 7\ndata: "])
def test_what_a_signal_handler_raises_comes_as_it_is(
    monkeypatch: pytest.MonkeyPatch, field: str
) -> None:
    body = f'{field}{{"x": 1}}\n\n'.encode()
    for made in (source(is_final=raise_signal), source(Interrupted)):
        with pytest.raises(ValueError, match="from the handler"):
            made.feed(body, [])
    monkeypatch.setattr(chunks, "from_json", raise_signal)
    with pytest.raises(ValueError, match="from the handler"):
        source().feed(events("1"), [])
