from __future__ import annotations

import http.client
import tracemalloc
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from fal_stream.testing import LocalFal
from tests.testing.raw_client import HANG_LIMIT
from tests.testing.rest_client import begin

SIZE = 96 * 1024 * 1024
PIECE = bytes(range(256)) * 256


def pieces() -> Iterator[bytes]:
    for _ in range(SIZE // len(PIECE)):
        yield PIECE


def is_whole(content: bytes) -> bool:
    return len(content) == SIZE and all(
        content.startswith(PIECE, start) for start in range(0, SIZE, len(PIECE))
    )


@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_a_large_file_is_kept_once(fal: LocalFal, framing: str) -> None:
    begun = begin(fal)
    target = begun.upload_url.removeprefix(fal.url)
    headers = {"content-length": str(SIZE)} if framing == "length" else {}
    connection = http.client.HTTPConnection(urlsplit(fal.url).netloc, timeout=HANG_LIMIT)
    tracemalloc.start()
    try:
        connection.request("PUT", target, pieces(), headers, encode_chunked=framing == "chunked")
        assert connection.getresponse().read() == b""
        received, _ = tracemalloc.get_traced_memory()
        connection.request("GET", begun.file_url.removeprefix(fal.url))
        response = connection.getresponse()
        fetched = 0
        while piece := response.read(len(PIECE)):
            fetched += len(piece)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
        connection.close()
    assert fetched == SIZE
    assert received < 1.1 * SIZE
    assert most < 1.5 * SIZE
    (upload,) = fal.uploads
    assert upload.content is fal.requests[1].body
    assert is_whole(upload.content)


def test_large_parts_are_joined(fal: LocalFal) -> None:
    size = 10 * 1024 * 1024
    whole = PIECE * (SIZE // len(PIECE))
    begun = begin(fal, in_parts=True)
    starts = range(0, SIZE, size)
    parts = [
        begun.send_part(number, whole[start : start + size])
        for number, start in enumerate(starts, 1)
    ]
    assert begun.complete(parts).status == 200
    assert fal.uploads[0].content == whole
    assert fal.uploads[0].parts == 10
