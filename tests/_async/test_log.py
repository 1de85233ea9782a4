"""The line of the log that each stream ends with."""

from __future__ import annotations

import gc
import logging
import re
import sys
from typing import Any

import pytest

from fal_stream import AbortController, AsyncStreamingClient, RetryPolicy, StreamInterrupted
from fal_stream.testing import Cut, Failure, Hang, LocalFal, Raw, Reply, error_event, in_turn
from tests.concurrency import AsyncJob

from .read_stream import read

PAYLOAD = "a chunk that no log shows"
LINE = re.compile(
    r"stream endpoint=acme/app( request_id=[\w-]{36})? outcome=(\w+) chunks=(\d+) bytes=(\d+) "
    r"seconds=\d+\.\d+(.*)"
)


class Lines:
    """The lines that the library has logged."""

    def __init__(self, caplog: pytest.LogCaptureFixture) -> None:
        self._caplog = caplog

    def at(self, level: int) -> list[str]:
        """Those of one level."""
        return [
            record.getMessage()
            for record in self._caplog.records
            if record.name == "fal_stream" and record.levelno == level
        ]

    def ending(self) -> tuple[str, int, int, str]:
        """What the only line at info says: outcome, chunks, bytes, and what follows."""
        assert PAYLOAD not in self._caplog.text
        (line,) = self.at(logging.INFO)
        found = LINE.fullmatch(line)
        assert found, line
        return found[2], int(found[3]), int(found[4]), found[5]


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> Lines:
    caplog.set_level(logging.DEBUG, "fal_stream")
    return Lines(caplog)


async def test_a_success(fal: LocalFal, client: AsyncStreamingClient, lines: Lines) -> None:
    fal.add("acme/app", [PAYLOAD, PAYLOAD])
    stream = client.stream("acme/app", input={"prompt": PAYLOAD})
    await stream.done()
    size = 2 * len(f'data: "{PAYLOAD}"\n\n')
    assert lines.ending() == ("done", 2, size, "")
    assert f"request_id={stream.request_id} " in lines.at(logging.INFO)[0]


async def test_the_record_has_the_same_as_fields(
    fal: LocalFal, client: AsyncStreamingClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "fal_stream")
    fal.add("acme/app", Reply([b"abc"], content_type="audio/wav"))
    stream = client.stream("acme/app", accept="audio/wav")
    await stream.done()
    (record,) = (record for record in caplog.records if record.name == "fal_stream")
    fields: dict[str, Any] = vars(record)["fal_stream"]
    assert fields.pop("seconds") >= 0
    assert fields == {
        "endpoint": "acme/app",
        "request_id": stream.request_id,
        "outcome": "done",
        "chunks": 1,
        "bytes": 3,
    }


async def test_an_abort(fal: LocalFal, client: AsyncStreamingClient, lines: Lines) -> None:
    fal.add("acme/app", [PAYLOAD, Hang()])
    async with client.stream("acme/app") as stream:
        async for _ in stream:
            stream.abort(PAYLOAD)
    assert lines.ending()[:2] == ("aborted", 1)


async def test_an_abort_that_nobody_waits_for(
    fal: LocalFal, client: AsyncStreamingClient, lines: Lines
) -> None:
    fal.add("acme/app", [PAYLOAD, Hang()])
    stream = client.stream("acme/app")
    await stream.start()
    stream.abort()
    del stream
    gc.collect()
    assert lines.ending()[0] == "aborted"


async def test_a_close(fal: LocalFal, client: AsyncStreamingClient, lines: Lines) -> None:
    fal.add("acme/app", [PAYLOAD, Hang()])
    async with client.stream("acme/app") as stream:
        async for _ in stream:
            break
    assert lines.ending()[:2] == ("closed", 1)


async def test_the_end_of_the_client(fal: LocalFal, lines: Lines) -> None:
    fal.add("acme/app", [PAYLOAD, Hang()])
    async with AsyncStreamingClient(**fal.settings) as client:
        stream = client.stream("acme/app")
        await stream.start()
        job = AsyncJob(read, stream)
        await client.aclose()
        assert isinstance((await job.result()).error, StreamInterrupted)
    assert lines.ending()[0] == "error"


@pytest.mark.parametrize(
    ("script", "rest"),
    [
        (Failure(500, PAYLOAD), " error=ApiError status=500"),
        (Failure(422, PAYLOAD), " error=ValidationError status=422"),
        ([Cut()], " error=StreamInterrupted"),
        ([Raw(b"data: {")], " error=IncompleteStream"),
        ([Raw(b"data: {" + PAYLOAD.encode() + b"\n\n")], " error=StreamDecodeError"),
        ([error_event(PAYLOAD)], " error=StreamEventError"),
    ],
)
async def test_an_error(
    fal: LocalFal, client: AsyncStreamingClient, lines: Lines, script: Any, rest: str
) -> None:
    fal.add("acme/app", script)
    await read(client.stream("acme/app"))
    outcome, chunks, _, found = lines.ending()
    assert (outcome, chunks, found) == ("error", 0, rest)


async def test_no_answer(lines: Lines) -> None:
    with LocalFal() as fal:
        settings = fal.settings
    async with AsyncStreamingClient(**settings, retry=None) as client:
        await read(client.stream("acme/app"))
    assert lines.ending() == ("error", 0, 0, " error=StreamConnectionError")


async def test_a_timeout(fal: LocalFal, client: AsyncStreamingClient, lines: Lines) -> None:
    fal.add("acme/app", [PAYLOAD, Hang()])
    await read(client.stream("acme/app", timeout=0.05))
    outcome, chunks, _, rest = lines.ending()
    assert (outcome, chunks, rest) == ("timeout", 1, " error=StreamTimeout phase=idle")


async def test_a_stream_that_is_dropped(
    fal: LocalFal, client: AsyncStreamingClient, lines: Lines
) -> None:
    fal.add("acme/app", [PAYLOAD, Hang()])
    streams = [client.stream("acme/app")]
    await streams[0].start()
    with pytest.warns(ResourceWarning, match="was dropped"):
        streams.clear()
    assert lines.ending()[0] == "dropped"


async def test_nothing_is_said_of_a_stream_that_was_not_started(
    fal: LocalFal, client: AsyncStreamingClient, lines: Lines
) -> None:
    controller = AbortController()
    controller.abort()
    assert await client.stream("acme/app", signal=controller.signal).done() is None
    await client.stream("acme/app").aclose()
    client.stream("acme/app")
    assert lines.at(logging.INFO) == []


async def test_the_number_of_lines_does_not_grow_with_the_chunks(
    fal: LocalFal, client: AsyncStreamingClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "fal_stream")
    counts = []
    for chunks in ([1], [1] * 500):
        caplog.clear()
        fal.add("acme/app", chunks)
        await client.stream("acme/app").done()
        counts.append(len([record for record in caplog.records if record.name == "fal_stream"]))
    assert counts[0] == counts[1]


async def test_debug_tells_of_each_request(fal: LocalFal, lines: Lines) -> None:
    fal.add("acme/app", in_turn(Failure(503, PAYLOAD), [PAYLOAD]))
    policy = RetryPolicy(base_delay=0.001, enable_jitter=False)
    async with AsyncStreamingClient(**fal.settings, retry=policy) as client:
        for _ in range(2):
            await client.stream("acme/app", connection_mode="client").done()
    said = [
        re.sub(r"after [\d.]+ s, request_id=[\w-]{36}", "after a while", line)
        for line in lines.at(logging.DEBUG)
    ]
    assert said == [
        "A token for acme/app/stream is asked for",
        "The request goes straight to fal, with the key",
        f"POST to {fal.url}",
        f"{fal.url} answered 200 after a while",
        f"POST to {fal.url}",
        f"{fal.url} answered 503 after a while",
        f"POST to {fal.url}",
        f"{fal.url} answered 200 after a while",
        "A token for acme/app/stream was kept from before",
        f"POST to {fal.url}",
        f"{fal.url} answered 200 after a while",
    ]


async def test_debug_tells_of_a_proxy(fal: LocalFal, lines: Lines) -> None:
    fal.route("/proxy", [PAYLOAD])
    proxy_url = f"{fal.url}/proxy"
    async with AsyncStreamingClient(credentials="id:a-secret", proxy_url=proxy_url) as client:
        await client.stream("acme/app").done()
    said = lines.at(logging.DEBUG)
    assert said[:2] == [
        "The request goes through the proxy_url, without the key",
        f"POST to {fal.url}",
    ]


async def test_what_is_off_masks_nothing(
    fal: LocalFal, client: AsyncStreamingClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(self: object, headers: object) -> None:
        raise AssertionError("headers are masked for nobody")

    logger = logging.getLogger("fal_stream")
    level = logger.level
    logger.setLevel(logging.WARNING)
    try:
        fal.add("acme/app", [1])
        stream = client.stream("acme/app")
        with monkeypatch.context() as patch:
            patch.setattr("fal_stream._shared.redact.Redactor.headers", refuse)
            # Other tests of the same process may have loaded it.
            patch.delitem(sys.modules, "opentelemetry.trace", raising=False)
            assert await stream.done() == 1
    finally:
        logger.setLevel(level)
