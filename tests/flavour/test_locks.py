"""What a signal handler or a finalizer may wait for is held by nothing that it interrupts.

A handler may close a stream that another thread reads, and so waits for that thread. So nothing
that the interrupted thread holds may be needed by the other one: at each step of what is
interrupted, another thread does the same, and is waited for.
"""

from __future__ import annotations

import io
from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest

from fal_stream._files.seekable import SeekableReader
from fal_stream._net.response_connection import connection_of
from fal_stream._shared.redact import Redactor
from tests.concurrency import Job
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
    for at in each_step("_files/seekable.py", "_files/file_lock.py"):
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
