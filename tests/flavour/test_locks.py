"""What a signal handler or a finalizer may wait for is held by nothing that it interrupts.

A handler may close a stream that another thread reads, and so waits for that thread. So nothing
that the interrupted thread holds may be needed by the other one: at each step of what is
interrupted, another thread does the same, and is waited for.
"""

from __future__ import annotations

import io
import logging
import threading
from collections.abc import Iterator
from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest

from fal_stream import FalStream, StreamingClient, StreamMap
from fal_stream._input_files.seekable import SeekableReader
from fal_stream._net.response_connection import connection_of
from fal_stream._shared.redact import Redactor
from fal_stream.testing import Hang, LocalFal
from tests.concurrency import Job, until
from tests.steps import each_step

URL = "https://fal.run/acme/app?fal_jwt_token=a-token-of-some-length"
HEADERS = {"authorization": "Key some-id:some-secret-of-some-length"}


class Stream:
    """Stands for what httpx has of a connection that several requests share."""

    def get_extra_info(self, name: str) -> Any:
        return SimpleNamespace(shutdown=None) if name == "socket" else None


def test_another_thread_redacts_at_each_step() -> None:
    said = f"it was sent to {URL} with {HEADERS['authorization']}"
    wanted = Redactor(URL, HEADERS).text(said)
    assert "some-secret" not in wanted

    def redact_elsewhere(redactor: Redactor) -> None:
        assert Job(redactor.text, said).result() == wanted

    for at in each_step("_shared/redact.py", stride=101):
        # Else the last one's patterns would be there already.
        url = URL.replace("a-token", f"a-token-{at._number}")
        redactor = Redactor(url, {"authorization": f"Key some-id:{at._number}-of-some-length"})
        with at(partial(redact_elsewhere, redactor)):
            redactor.text("Key of-some-length fal_jwt_token=a-token")


def test_another_thread_shares_the_connection_at_each_step() -> None:
    for at in each_step("_net/response_connection.py", "weakref.py", least=5):
        response = SimpleNamespace(http_version="HTTP/2", extensions={"network_stream": Stream()})
        others: list[Any] = []

        def join(response: Any = response, others: list[Any] = others) -> None:
            others.append(Job(connection_of, response).result())

        with at(join):
            connection = connection_of(response)
        assert others in ([], [connection])


@pytest.mark.parametrize("does_wait", [False, True])
def test_another_reader_of_a_file_is_closed_at_each_step(does_wait: bool) -> None:
    for at in each_step("_input_files/seekable.py", "_input_files/file_lock.py"):
        file = io.BytesIO(b"0123456789")
        file.seek(3)
        reader, other = SeekableReader(file), SeekableReader(file)
        assert reader.read_at(5, 2) == b"56"

        def close(other: SeekableReader = other) -> None:
            if does_wait:
                Job(other.close).result()
            else:
                other.close()

        with at(close):
            reader.close()
        other.close()
        assert file.tell() == 3


@pytest.fixture
def client(fal: LocalFal) -> Iterator[StreamingClient]:
    with StreamingClient(**fal.settings) as made:
        yield made


@pytest.fixture
def logger() -> Iterator[logging.Logger]:
    """A logger that another thread may use at any time, with a handler that has a lock."""
    logger = logging.getLogger("busy")
    logger.setLevel(logging.INFO)
    logger.propagate = False
    logger.addHandler(logging.StreamHandler(io.StringIO()))
    yield logger
    logger.handlers.clear()


class Busy:
    """Logs in one thread until another closes what it is busy with.

    Args:
        logger: The logger.
    """

    def __init__(self, logger: logging.Logger) -> None:
        self._logger = logger
        self.is_over = threading.Event()

    def log(self, _: object) -> None:
        """Log until it is over, and once more."""
        while not self.is_over.wait(0.001):
            self._logger.info("It runs")
        self._logger.info("It is over")

    def close(self, it: FalStream[Any] | StreamMap[Any, Any]) -> None:
        """Close a stream or a map: the other thread goes on to its last line."""
        self.is_over.set()
        it.close()


def test_a_map_is_closed_at_each_step_of_a_log_line(
    client: StreamingClient, fal: LocalFal, logger: logging.Logger
) -> None:
    fal.add("acme/slow", [1, Hang()])

    def at_all_steps() -> None:
        for at in each_step("logging/__init__.py", like_signals=True, stride=3, least=5):
            busy = Busy(logger)
            results: StreamMap[Any, Any] = client.stream_map("acme/slow", [{}], read=busy.log)
            waiting = Job(next, results, None)
            until(partial(getattr, results, "unfinished"))
            with at(partial(busy.close, results)):
                logger.info("A line")
            busy.close(results)
            assert waiting.result() is None

    Job(at_all_steps).result(55)


def test_a_stream_is_closed_at_each_step_of_a_log_line(
    client: StreamingClient, fal: LocalFal, logger: logging.Logger
) -> None:
    fal.add("acme/slow", [1, Hang()])

    def at_all_steps() -> None:
        for at in each_step("logging/__init__.py", like_signals=True, stride=3, least=5):
            busy = Busy(logger)
            stream = client.stream("acme/slow").on("data", busy.log)
            reader = Job(next, stream, None)
            until(partial(getattr, stream, "current_data"))
            with at(partial(busy.close, stream)):
                logger.info("A line")
            busy.close(stream)
            assert reader.result() in (1, None)
            assert stream.closed

    Job(at_all_steps).result(55)
