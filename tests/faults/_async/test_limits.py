"""What has a limit besides events (`test_floods.py`): heads, framing, errors, messages, answers."""

from __future__ import annotations

import copy
import itertools
import json
import pickle
import time
import tracemalloc
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from fal_stream import (
    ApiError,
    AsyncStreamingClient,
    FalStreamError,
    OutputValidationError,
    StreamConnectionError,
    StreamDecodeError,
    StreamEventError,
    StreamInterrupted,
    StreamTimeout,
    TokenError,
    UploadError,
)
from fal_stream.testing import (
    Cut,
    Event,
    Failure,
    LocalFal,
    Pause,
    Raw,
    RecordedRequest,
    Reply,
    Wire,
)
from tests._async.read_stream import read
from tests.faults.fault import Fault

from .fault_checks import check_fault, check_unharmed

MIB = 1024 * 1024
LONGEST_MESSAGE = 1000


@pytest.fixture
def memory() -> Iterator[Any]:
    """A function that gives the most memory that was in use since the test began, in bytes."""
    tracemalloc.start()
    tracemalloc.reset_peak()
    yield lambda: tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()


# Heads and framing.


async def test_a_flood_of_interim_responses(
    either_fal: LocalFal, client: AsyncStreamingClient, memory: Any
) -> None:
    heads = Wire(b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n" * 100)
    either_fal.add("acme/app", lambda _: Reply(itertools.repeat(heads), head=b""))
    chunks, error = await read(client.stream("acme/app", start_timeout=0.5))
    assert chunks == []
    assert isinstance(error, StreamTimeout)
    assert error.phase == "start"
    assert memory() < 16 * MIB
    await check_unharmed(either_fal, client)


FRAMING = {
    "digits of a size": Wire(b"0" * 5000),
    "an extension": Wire(b"5;" + b"x" * 5000),
    "a trailer": Wire(b"0\r\nx: " + b"y" * 5000),
    "trailers": Wire(b"0\r\n" + b"x: y\r\n" * 20_000),
    "trailers without end": Wire(b"0\r\n"),
}


@pytest.mark.parametrize("name", FRAMING)
async def test_framing_without_an_end(
    either_fal: LocalFal, client: AsyncStreamingClient, name: str, memory: Any
) -> None:
    def script(request: RecordedRequest) -> Iterator[object]:
        yield 1
        yield FRAMING[name]
        if name.endswith("without end"):
            yield from itertools.repeat(Wire(b"x: y\r\n" * 1000))

    fault = Fault(script, StreamInterrupted, (1,), "framing is broken")
    await check_fault(either_fal, client, fault)
    assert memory() < 16 * MIB


@pytest.mark.parametrize("digits", [18, 19, 5000])
async def test_a_long_content_length(
    either_fal: LocalFal, client: AsyncStreamingClient, digits: int
) -> None:
    script = Reply([1, Cut(in_chunk=False)], headers={"content-length": "9" * digits})
    fault = Fault(replace(script, framing="close"), StreamInterrupted, (1,))
    if digits > 18:
        fault = replace(fault, error=StreamConnectionError, chunks=(), says="Content-Length")
    await check_fault(either_fal, client, fault)


# Bodies of errors, and documents.


async def test_the_text_of_an_error_is_waited_for_a_little(fal: LocalFal) -> None:
    def dripped(request: RecordedRequest) -> Reply:
        steps = itertools.cycle([Raw(b"x"), Pause(0.05)])
        return Reply(steps, status=500, content_type="text/plain")

    fal.add("acme/app", dripped)
    begun = time.monotonic()
    async with AsyncStreamingClient(**fal.settings) as client:
        _, error = await read(client.stream("acme/app"))
    assert time.monotonic() - begun > 4.9
    assert isinstance(error, ApiError)
    assert 0 < len(error.body) < 200


@pytest.mark.parametrize("status", [200, 422, 500])
async def test_a_document_without_end(
    either_fal: LocalFal, client: AsyncStreamingClient, status: int, memory: Any
) -> None:
    def flood(request: RecordedRequest) -> Reply:
        steps = itertools.repeat(b"x" * (MIB // 4))
        return Reply(steps, status=status, content_type="application/json")

    either_fal.add("acme/app", flood)
    chunks, error = await read(client.stream("acme/app"))
    assert chunks == []
    text = error.raw if isinstance(error, StreamDecodeError) else getattr(error, "body", None)
    assert text == "x" * MIB
    assert len(str(error)) <= LONGEST_MESSAGE
    assert memory() < 16 * MIB
    await check_unharmed(either_fal, client)


@pytest.mark.parametrize("depth", [10, 90, 110, 900, 100_000])
async def test_a_nested_error_can_be_kept(
    either_fal: LocalFal, client: AsyncStreamingClient, depth: int
) -> None:
    text = '{"detail":' + "[" * depth + "]" * depth + "}"
    for script in (Failure(500, body=text), [Event(text, event="error")]):
        either_fal.add("acme/app", script)
        _, error = await read(client.stream("acme/app"))
        assert isinstance(error, (ApiError, StreamEventError))
        report = error.body if isinstance(error, ApiError) else error.data
        assert report == (json.loads(text) if depth < 100 else text)
        for other in (copy.deepcopy(error), pickle.loads(pickle.dumps(error))):
            assert vars(other) == vars(error)


@pytest.mark.parametrize("size", [MIB - 100, MIB + 100])
async def test_an_answer_of_fals_that_is_too_large(
    either_fal: LocalFal, client: AsyncStreamingClient, size: int
) -> None:
    answer = b'{"token": 1, "x": "' + b"x" * size + b'"}'
    either_fal.route("/tokens/", Reply([answer], content_type="application/json"))
    _, error = await read(client.stream("acme/app", connection_mode="client"))
    assert isinstance(error, TokenError)
    assert ("more than 1,048,576 bytes" in str(error)) is (size > MIB)
    either_fal.route("/storage/*", Reply([answer], content_type="application/json"))
    _, error = await read(client.stream("acme/app", input={"image": b"x"}))
    assert isinstance(error, UploadError)
    assert ("more than 1,048,576 bytes" in str(error)) is (size > MIB)
    await check_unharmed(either_fal, client)


# Messages.


def check_message(error: FalStreamError | None) -> None:
    """See that a message is short, and holds nothing that a terminal would obey."""
    assert error is not None
    text = str(error)
    assert len(text) <= LONGEST_MESSAGE
    assert text.encode().decode() == text
    assert all(character in "\n\t" or ord(character) >= 32 for character in text)
    assert "\x7f" not in text
    assert "\x9b" not in text


STEERING = "\x1b[2J\x9b31m\r\x08\x7f\0\u202e" + "x" * 500

MESSAGES: dict[str, Any] = {
    "a text": Failure(500, body=STEERING, content_type="text/plain"),
    "a detail": Failure(500, STEERING),
    "a lone surrogate": Failure(500, body='{"detail": "\\ud800"}'),
    "fields": Failure(422, body=json.dumps({"detail": [{"loc": [STEERING] * 9, "msg": "m"}] * 9})),
    "a document": Reply([STEERING.encode()], content_type="text/html"),
    "a long type": Reply([b"{}"], content_type="a/" + "b" * 5000 + "+json"),
    "a long coding": Reply([1], headers={"content-encoding": "gzip, " + "b" * 5000}),
    "a long request id": Failure(500, "No", headers={"x-fal-request-id": "i" * 5000}),
    "an event": [Event(json.dumps(STEERING), event="error")],
    "a text as event": [Raw(b"event: error\ndata: \x1b[2J\x00" + b"x" * 500 + b"\n\n")],
    "no JSON": [Raw(b"data: \x1b[2J\x00" + b"x" * 500 + b"\n\n")],
    "half an event": [Raw(b"data: \x1b[2J\x00" + b"x" * 500)],
    "no HTTP": Reply([Wire(b"no field " + b"y" * 5000 + b"\r\n\r\n")], head=b"HTTP/1.1 200\r\n"),
    "a long size": [1, Wire(b"\x1b" * 3000 + b"\r\n")],
}


@pytest.mark.parametrize("script", MESSAGES.values(), ids=MESSAGES)
async def test_messages_are_short_and_printable(
    either_fal: LocalFal, client: AsyncStreamingClient, script: Any
) -> None:
    either_fal.add("acme/app", script)
    _, error = await read(client.stream("acme/app"))
    check_message(error)
    await check_unharmed(either_fal, client)


async def test_the_place_of_a_mismatch_is_short(
    either_fal: LocalFal, client: AsyncStreamingClient
) -> None:
    either_fal.add("acme/app", [{"k" * 10_000: "no number"}])
    _, error = await read(client.stream("acme/app", output_type=dict[str, int]))
    assert isinstance(error, OutputValidationError)
    check_message(error)
