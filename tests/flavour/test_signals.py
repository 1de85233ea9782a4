"""Signal handlers and finalizers, between any two bytecodes of what they interrupt.

What they may call ends streams, maps and clients: at each step it neither hangs, nor loses or
repeats what comes, and the client can be used afterwards.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest

from fal_stream import (
    AbortController,
    FalStream,
    FalStreamError,
    StreamingClient,
    StreamInterrupted,
    StreamMap,
)
from fal_stream._shared.stream_state import STOPPED
from fal_stream.testing import Hang, LocalFal, Pause
from tests.concurrency import Job, until
from tests.steps import At, Interruption, each_step

INPUTS = [{"n": n} for n in range(3)]

MAP_FILES = ("_net/work_queue.py", "workers.py", "_sync/stream_map.py", "map_workers.py")
CONSUMER_FILES = ("_sync/readable_stream.py", "_sync/endable_stream.py")
STREAM_FILES = (
    "_sync/readable_stream.py",
    "_sync/endable_stream.py",
    "_sync/listeners.py",
    "read_lock.py",
    "_sync/chunk_reader.py",
    "abort.py",
    "_sync/client.py",
)


@pytest.fixture
def client(fal: LocalFal) -> Iterator[StreamingClient]:
    """A client that has been used, for a server that says 1 and 2."""
    fal.add("acme/app", [1, 2])
    fal.add("acme/slow", [1, Hang()])
    with StreamingClient(**fal.settings) as client:
        assert client.stream("acme/app").done() == 2
        yield client


def marked(number: int) -> list[dict[str, int]]:
    """Give inputs that tell which map they are of: one that was cut off may be noted late."""
    return [{"number": number, "n": n} for n in range(3)]


def asked(fal: LocalFal) -> set[tuple[int, int]]:
    """Tell which inputs the server has got of late."""
    sent = [request.json() for request in fal.requests[-20:] if request.body]
    return {(input["number"], input["n"]) for input in sent}


def look_and_close(results: StreamMap[Any, Any]) -> None:
    """Close a map, and see that nothing of it goes on."""
    assert results.unfinished.keys() <= {0, 1, 2}
    results.close()
    # One that was about to read an input isn't waited for, and ends by itself.
    until(lambda: not results._work.workers._working)


@pytest.mark.parametrize("act", [StreamMap.abort, look_and_close])
@pytest.mark.parametrize("file", MAP_FILES)
def test_while_a_map_is_read(
    client: StreamingClient, fal: LocalFal, file: str, act: Callable[[StreamMap[Any, Any]], None]
) -> None:
    def read_map(at: At, number: int) -> None:
        results = client.stream_map("acme/app", marked(number), concurrency=2)
        with at(partial(act, results)):
            given = [item.index for item in results if item.get() == 2]
        assert len(given) == len(set(given))
        if at.reached:
            sent = {n for n in range(3) if (number, n) in asked(fal)}
            assert sent <= {*given, *results.unfinished}
            # What it has interrupted may have been at its end.
            assert results.signal.aborted or len(given) == 3
        else:
            assert sorted(given) == [0, 1, 2]
            assert not results.unfinished

    def at_all_steps() -> None:
        for number, at in enumerate(each_step(file, least=5)):
            read_map(at, number)

    Job(at_all_steps).result(55)


def test_while_a_map_is_closed_or_aborted(client: StreamingClient, fal: LocalFal) -> None:
    def end_map(at: At, end: Callable[[StreamMap[Any, Any]], None]) -> None:
        asked = len(fal.requests)
        results = client.stream_map("acme/slow", INPUTS, concurrency=2)
        job = Job(lambda: list(results))
        fal.wait_for_requests(asked + 2)
        with at(partial(look_and_close, results)):
            end(results)
        assert job.result() == []
        look_and_close(results)
        assert sorted(results.unfinished) == [0, 1]

    def at_many_steps() -> None:
        for end in (StreamMap.close, StreamMap.abort):
            for at in each_step(*MAP_FILES, "abort.py", stride=3):
                end_map(at, end)

    Job(at_many_steps).result(55)


def test_a_map_that_is_dropped_while_another_is_read(client: StreamingClient) -> None:
    def read_map(at: At) -> None:
        dropped = [client.stream_map("acme/slow", INPUTS)]
        results = client.stream_map("acme/app", INPUTS, concurrency=2)
        with at(dropped.clear):
            assert sorted(item.index for item in results) == [0, 1, 2]

    def at_many_steps() -> None:
        for at in each_step(*MAP_FILES, stride=11):
            read_map(at)

    Job(at_many_steps).result(55)


def check_chunks(stream: FalStream[Any], at: At) -> None:
    """Take the chunks of a stream, of which something is called at a step."""
    got: list[Any] = []
    with at:
        for chunk in stream:
            got.append(chunk)  # noqa: PERF402 - what came before an error counts
    assert got == [1, 2][: len(got)]
    assert got == [1, 2] or at.reached


@pytest.mark.parametrize("end", [FalStream.abort, FalStream.close])
@pytest.mark.parametrize("file", STREAM_FILES)
def test_while_a_stream_is_read(
    client: StreamingClient, file: str, end: Callable[[FalStream[Any]], None]
) -> None:
    def at_all_steps() -> None:
        for at in each_step(file, least=5):
            signal, heard = AbortController().signal, list[Any]()
            stream = client.stream("acme/app", signal=signal).on("data", heard.append)
            check_chunks(stream, at(partial(end, stream)))
            assert heard == [1, 2][: len(heard)]
            assert stream.closed
        assert list(client.stream("acme/app")) == [1, 2]

    Job(at_all_steps).result(55)


@pytest.mark.parametrize("end", [FalStream.abort, FalStream.close])
def test_while_another_thread_reads_the_stream(
    client: StreamingClient, fal: LocalFal, end: Callable[[FalStream[Any]], None]
) -> None:
    """The handler waits for the lock behind the wait that it has interrupted."""

    def at_all_steps() -> None:
        for at in each_step("read_lock.py", like_signals=True, least=3):
            stream = client.stream("acme/slow")
            assert next(stream) == 1
            reader: Job[list[Any]] = Job(list, stream)
            until(partial(has_reader, stream))
            other = Job(end_later, stream)
            with at(partial(end, stream)):
                assert stream.done() == 1
            assert reader.result() == []
            other.result()
            assert stream.closed

    def has_reader(stream: FalStream[Any]) -> bool:
        return stream._read_lock.holder is not None

    def end_later(stream: FalStream[Any]) -> None:
        until(lambda: len(stream._read_lock._queue) > 1 or stream.closed)
        stream.abort()

    Job(at_all_steps).result(55)
    assert fal.requests[-1].gone.wait(10)


@pytest.mark.parametrize("end", [FalStream.abort, FalStream.close])
def test_another_thread_waits_behind_what_the_handler_has_interrupted(
    client: StreamingClient, end: Callable[[FalStream[Any]], None]
) -> None:
    def at_all_steps() -> None:
        for at in each_step("read_lock.py", *CONSUMER_FILES, stride=2):
            stream = client.stream("acme/app")
            others: list[Job[Any]] = []
            got: list[Any] = []
            with at(partial(end_before, stream, others)):
                got += stream
            for other in others:
                got += other.result()
            assert sorted(got) == [1, 2][: len(got)]
            assert stream.closed
            assert not others or len(others) == at.reached

    def end_before(stream: FalStream[Any], others: list[Job[Any]]) -> None:
        others.append(Job(list, stream))
        until(partial(has_come, stream, others[0]))
        end(stream)

    def has_come(stream: FalStream[Any], other: Job[Any]) -> bool:
        threads = [seat.thread for seat in stream._read_lock._queue.copy()]
        return not other.is_running or other._thread.ident in threads

    Job(at_all_steps).result(55)


def test_a_handler_that_waits_for_the_reader_of_what_it_interrupts(client: StreamingClient) -> None:
    """The reader goes on wherever the abort stands that the handler has interrupted."""
    files = (
        "_net/sync_exchange.py",
        "_net/exchange.py",
        "_net/sync_socket.py",
        "_sync/chunk_reader.py",
    )

    def at_all_steps() -> None:
        for at in each_step(*files):
            stream = client.stream("acme/slow")
            assert next(stream) == 1
            reader: Job[list[Any]] = Job(list, stream)
            until(lambda: stream._read_lock.holder is not None)  # noqa: B023
            with at(stream.close):
                stream.abort()
            assert reader.result() == []
            assert stream.closed

    Job(at_all_steps).result(55)


@pytest.mark.parametrize("end", [FalStream.abort, FalStream.close])
def test_while_a_stream_is_closed_or_aborted(
    client: StreamingClient, end: Callable[[FalStream[Any]], None]
) -> None:
    def at_all_steps() -> None:
        for first in (FalStream.abort, FalStream.close):
            for at in each_step(*STREAM_FILES):
                stream = client.stream("acme/app")
                assert next(stream) == 1
                with at(partial(end, stream)):
                    first(stream)
                stream.close()
                assert stream.closed
                assert stream.done() in (1, 2)
        assert list(client.stream("acme/app")) == [1, 2]

    Job(at_all_steps).result(55)


def test_a_stream_that_is_dropped_while_another_is_read(client: StreamingClient) -> None:
    def at_many_steps() -> None:
        for at in each_step(*STREAM_FILES, stride=3):
            dropped = [client.stream("acme/app")]
            assert next(dropped[0]) == 1
            dropped[0]._reached.append(STOPPED)  # else it would warn
            stream = client.stream("acme/app")
            check_chunks(stream, at(dropped.clear))
            assert stream.closed

    Job(at_many_steps).result(55)


def test_the_client_is_closed_while_a_stream_is_read(fal: LocalFal) -> None:
    fal.add("acme/app", [1, 2])

    def at_many_steps() -> None:
        for at in each_step(*STREAM_FILES, stride=5):
            with StreamingClient(**fal.settings) as client:
                stream = client.stream("acme/app")
                at(client.close)
                with contextlib.suppress(FalStreamError):
                    check_chunks(stream, at)
                assert stream.closed or at.reached

    Job(at_many_steps).result(55)


def test_an_abort_in_the_middle_of_an_abort() -> None:
    def at_all_steps() -> None:
        for at in each_step("fal_stream/abort.py"):
            controller, other = AbortController(), AbortController()
            calls: list[int] = []
            unsubscribe = controller.signal.on_abort(partial(calls.append, 0))
            controller.signal.on_abort(partial(calls.append, 1))
            with at(partial(abort, controller, calls)):
                controller.signal.on_abort(partial(calls.append, 2))
                unsubscribe()
                controller.abort("from without")
                other.abort()
            assert sorted({*calls, 0, 3}) == [0, 1, 2, 3]
            assert len(calls) == len(set(calls))
            assert controller.signal.reason in ("from a thread", "from without")

    def abort(controller: AbortController, calls: list[int]) -> None:
        Job(controller.abort, "from a thread").result()
        controller.abort("from within")
        controller.signal.on_abort(partial(calls.append, 3))

    Job(at_all_steps).result(55)


def test_an_abort_that_is_interrupted_is_ended_by_the_next() -> None:
    def at_all_steps() -> None:
        for at in each_step("fal_stream/abort.py", like_signals=True, least=5):
            controller = AbortController()
            calls: list[int] = []
            for number in range(3):
                controller.signal.on_abort(partial(calls.append, number))
            with contextlib.suppress(Interruption), at:
                controller.abort()
            controller.abort()
            assert sorted(set(calls)) == [0, 1, 2]

    Job(at_all_steps).result(55)


# A connection that was torn apart is closed by the collector.
@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")
@pytest.mark.parametrize("file", STREAM_FILES)
def test_ctrl_c_while_a_stream_is_read(
    client: StreamingClient, caplog: pytest.LogCaptureFixture, file: str
) -> None:
    caplog.set_level(logging.INFO, "fal_stream")

    def at_all_steps() -> None:
        for at in each_step(file, like_signals=True, least=3):
            caplog.clear()
            heard: list[Any] = []
            signal = AbortController().signal
            stream = client.stream("acme/app", signal=signal).on("data", heard.append)
            stream.on("error", partial(hear, heard, "error")).on(
                "done", partial(hear, heard, "done")
            )
            with contextlib.suppress(Interruption):
                check_chunks(stream, at)
            # It goes on, or says what has become of it.
            with contextlib.suppress(StreamInterrupted):
                stream.done()
            assert stream.closed
            check_story(heard, endings(caplog))
            assert list(client.stream("acme/app")) == [1, 2]

    def hear(heard: list[Any], name: str, value: Any) -> None:
        heard.append(name)

    def check_story(heard: list[Any], lines: list[str]) -> None:
        chunks = [value for value in heard if isinstance(value, int)]
        assert chunks in ([], [1], [2], [1, 2])
        if lines:
            outcome = "cancelled" if "outcome=cancelled" in lines[0] else "done"
            assert f"outcome={outcome}" in lines[0]
            last = "error" if outcome == "cancelled" else "done"
            # One call is lost where it comes between taking it up and making it.
            assert heard in ([*chunks, last], chunks)
        assert len(lines) == 1 or chunks in ([], [1, 2])

    Job(at_all_steps).result(55)


@pytest.mark.parametrize("place", ["body", "read"])
def test_a_block_that_ctrl_c_leaves(
    client: StreamingClient, caplog: pytest.LogCaptureFixture, place: str
) -> None:
    caplog.set_level(logging.INFO, "fal_stream")
    heard: list[StreamInterrupted] = []
    given = client.stream("acme/slow").on("error", heard.append)
    with pytest.raises(KeyboardInterrupt), given as stream:
        assert next(stream) == 1
        if place == "read":
            vars(stream._chunk_reader)["fetch_chunks"] = press
            next(stream)
        raise KeyboardInterrupt
    with pytest.raises(StreamInterrupted, match="after 1 chunk because the task") as caught:
        given.done()
    assert heard == [caught.value]
    (line,) = endings(caplog)
    assert "outcome=cancelled chunks=1" in line
    assert "error" not in line


def endings(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Give what was logged of the ends of streams."""
    lines = [record.getMessage() for record in caplog.records]
    return [line for line in lines if "outcome=" in line]


def press(*_: object, **__: object) -> bool:
    """Press Ctrl-C."""
    raise KeyboardInterrupt


@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")
def test_ctrl_c_while_a_token_is_fetched(fal: LocalFal) -> None:
    fal.add("acme/app", [Pause(0.01), 1])

    def fetch(client: StreamingClient) -> Any:
        return client.stream("acme/app", connection_mode="client", start_timeout=10).done()

    def at_all_steps() -> None:
        for at in each_step("_sync/token_cache.py", like_signals=True):
            with StreamingClient(**fal.settings) as client:
                others: list[Job[Any]] = []
                with (
                    contextlib.suppress(Interruption),
                    at(partial(interrupt_beside, client, others)),
                ):
                    fetch(client)
                others.append(Job(fetch, client))
                assert fetch(client) == 1
                assert [other.result() for other in others] == [1] * len(others)

    def interrupt_beside(client: StreamingClient, others: list[Job[Any]]) -> None:
        """Have another thread wait for the token where it is being fetched, and give up."""
        pending = list(client._tokens._pending.values())
        others.append(Job(fetch, client))
        until(lambda: not others[0].is_running or any(token.waiting for token in pending))
        raise Interruption

    Job(at_all_steps).result(55)


@pytest.mark.parametrize("act", ["stream", "preconnect"])
@pytest.mark.parametrize("file", ["_sync/http/transport.py", "_sync/http/pool.py"])
def test_a_stream_is_started_while_its_thread_preconnects(
    client: StreamingClient, fal: LocalFal, file: str, act: str
) -> None:
    """It doesn't wait for a connection that is opened by the code that it interrupts."""
    settings = {**fal.settings, "start_timeout": 3}

    def start(other: StreamingClient, results: list[Any]) -> None:
        if act == "preconnect":
            other.preconnect()
        results.append(other.stream("acme/app").done())

    def at_all_steps() -> None:
        for at in each_step(file):
            with StreamingClient(**settings) as other:
                results: list[Any] = []
                with at(partial(start, other, results)):
                    other.preconnect()
                start(other, results)
                assert results == [2] * (1 + at.reached)

    client.preconnect()
    Job(at_all_steps).result(55)


def test_a_stream_is_started_while_its_thread_fetches_a_token(
    client: StreamingClient, fal: LocalFal
) -> None:
    def start(other: StreamingClient, results: list[Any]) -> None:
        stream = other.stream("acme/app", connection_mode="client", start_timeout=3)
        results.append(stream.done())

    def at_all_steps() -> None:
        for at in each_step("_sync/token_cache.py"):
            with StreamingClient(**fal.settings) as other:
                results: list[Any] = []
                with at(partial(start, other, results)):
                    start(other, results)
                start(other, results)
                assert results == [2] * (2 + at.reached)
                assert not other._tokens._pending

    start(client, [])
    Job(at_all_steps).result(55)


def test_a_stream_is_started_while_its_thread_starts_another(
    client: StreamingClient, fal: LocalFal
) -> None:
    """The look-up of the name may be shared; the code that was interrupted doesn't make it."""
    settings = {**fal.settings, "run_url": fal.url.replace("127.0.0.1", "localhost")}
    files = ("_net/resolver.py", "shared_call.py", "happy_eyeballs.py")

    def start(other: StreamingClient, results: list[Any]) -> None:
        results.append(other.stream("acme/app", start_timeout=3).done())

    def at_all_steps() -> None:
        for at in each_step(*files, stride=2):
            with StreamingClient(**settings, keepalive_expiry=0) as other:
                results: list[Any] = []
                with at(partial(start, other, results)):
                    start(other, results)
                assert results == [2] * (1 + at.reached)

    start(client, [])
    Job(at_all_steps).result(55)

    Job(at_all_steps).result(55)
