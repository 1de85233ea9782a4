"""How many threads an upload starts: one reads a part from its beginning to its end."""

from __future__ import annotations

import asyncio
import os
import threading
from pathlib import Path

import pytest

from fal_stream import AsyncStorageClient, StorageClient
from fal_stream.testing import LocalFal

MIB = 1024 * 1024

# One opens the file, one looks at its first bytes, one reads it.
MOST_THREADS = 3


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Give the names of the threads of ours that were started, as they are."""
    names: list[str] = []
    start = threading.Thread.start

    def count(thread: threading.Thread) -> None:
        if thread.name.startswith("fal_stream-call"):
            names.append(thread.name)
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", count)
    return names


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "large"
    path.write_bytes(os.urandom(8 * MIB))
    return path


def test_a_blocking_upload(fal: LocalFal, started: list[str], file: Path) -> None:
    with StorageClient(**fal.settings) as storage:
        url = storage.upload(file)
    assert fal.upload(url).content == file.read_bytes()
    assert 0 < len(started) <= MOST_THREADS


def test_an_upload_on_asyncio(fal: LocalFal, started: list[str], file: Path) -> None:
    async def main() -> str:
        async with AsyncStorageClient(**fal.settings) as storage:
            return await storage.upload(file)

    url = asyncio.run(main())
    assert fal.upload(url).content == file.read_bytes()
    assert 0 < len(started) <= MOST_THREADS


def test_each_part_has_one_reader(fal: LocalFal, started: list[str], tmp_path: Path) -> None:
    path = tmp_path / "parts"
    # Above the 90 MiB that go in one request: ten parts of 10 MiB.
    path.write_bytes(b"\xab" * (91 * MIB))
    with StorageClient(**fal.settings) as storage:
        url = storage.upload(path)
    assert len(fal.upload(url).content) == 91 * MIB
    assert len(started) <= 10 + MOST_THREADS
