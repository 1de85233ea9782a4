"""A cancellation in the middle of saving leaves nothing half done."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path
from typing import Any

import anyio
import pytest

from fal_stream import AsyncStreamingClient
from fal_stream._saving.part_file import PartFile
from fal_stream.testing import Hang, LocalFal, Pause, Reply

pytestmark = pytest.mark.parametrize("anyio_backend", ["asyncio", "trio"])


def threads() -> int:
    return sum(thread.name == "fal_stream-call" for thread in threading.enumerate())


async def until(condition: Any) -> None:
    with anyio.fail_after(10):
        while not condition():
            await anyio.sleep(0.01)


async def test_a_fetch_that_is_cancelled_leaves_no_file(fal: LocalFal, tmp_path: Path) -> None:
    fal.add("acme/flux", [{"image": f"{fal.url}/files/a.png"}])
    fal.route("/files/*", Reply([bytes(400_000), Hang()], content_type="image/png"))
    async with AsyncStreamingClient(**fal.settings) as client:
        async with anyio.create_task_group() as group:
            group.start_soon(client.stream("acme/flux").save, tmp_path)
            await until(lambda: os.listdir(tmp_path) == ["flux-0001-image.png.part"])
            group.cancel_scope.cancel()
        # A write that still ran is over first.
        await until(lambda: os.listdir(tmp_path) == [])
        # The client is of use all the same.
        fal.route("/files/*", Reply([b"fox"], content_type="image/png"))
        assert len(await client.stream("acme/flux").save(tmp_path)) == 1


async def test_a_body_that_is_cancelled_keeps_its_part(fal: LocalFal, tmp_path: Path) -> None:
    fal.add("acme/tts", Reply([bytes(400_000), Hang()], content_type="audio/wav"))
    async with AsyncStreamingClient(**fal.settings) as client, anyio.create_task_group() as group:
        group.start_soon(client.stream("acme/tts").save, tmp_path / "a.wav")
        part = tmp_path / "a.wav.part"
        await until(lambda: part.exists() and part.stat().st_size)
        group.cancel_scope.cancel()
    assert os.listdir(tmp_path) == ["a.wav.part"]


@pytest.mark.parametrize("size", [20, 300_000])
async def test_all_that_came_of_a_body_that_is_cancelled_is_kept(
    fal: LocalFal, caplog: pytest.LogCaptureFixture, tmp_path: Path, size: int
) -> None:
    body = b"1" * size + b"2" * size
    pieces = [body[:size], Pause(0.1), body[size:], Hang()]
    fal.add("acme/tts", Reply(pieces, content_type="audio/wav"))
    part = tmp_path / "a.wav.part"
    async with AsyncStreamingClient(**fal.settings) as client, anyio.create_task_group() as group:
        stream = client.stream("acme/tts")
        group.start_soon(stream.save, tmp_path / "a.wav")
        await until(lambda: stream._chunk_reader.received == len(body) and part.exists())
        group.cancel_scope.cancel()
    assert part.read_bytes() == body
    assert os.listdir(tmp_path) == ["a.wav.part"]
    assert caplog.messages == [f"A file broke off; the part that arrived is in {part}"]


async def test_a_disk_that_hangs_is_not_waited_for_where_a_body_is_cancelled(
    fal: LocalFal,
    caplog: pytest.LogCaptureFixture,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    go_on = threading.Event()
    write = PartFile.write

    def slow(part: PartFile, data: bytes, offset: int | None = None) -> None:
        go_on.wait(30)
        write(part, data, offset)

    before = threads()
    monkeypatch.setattr(PartFile, "write", slow)
    fal.add("acme/tts", Reply([b"fox", Hang()], content_type="audio/wav"))
    part = tmp_path / "a.wav.part"
    began = time.monotonic()
    async with AsyncStreamingClient(**fal.settings) as client, anyio.create_task_group() as group:
        group.start_soon(client.stream("acme/tts").save, tmp_path / "a.wav")
        await until(part.exists)
        group.cancel_scope.cancel()
    assert time.monotonic() - began < 10
    assert caplog.messages == [f"A file broke off; the part that arrived is in {part}"]
    go_on.set()
    await until(lambda: threads() == before)
    assert os.listdir(tmp_path) == ["a.wav.part"]


async def test_a_slow_disk_holds_up_no_event_loop(
    fal: LocalFal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writing, go_on = threading.Event(), threading.Event()
    write = PartFile.write

    def slow(part: PartFile, data: bytes) -> None:
        writing.set()
        go_on.wait(10)
        write(part, data)

    before, began = threads(), 0.0
    monkeypatch.setattr(PartFile, "write", slow)
    fal.add("acme/flux", [{"image": "data:image/png;base64,AAAA"}])
    async with AsyncStreamingClient(**fal.settings) as client, anyio.create_task_group() as group:
        group.start_soon(client.stream("acme/flux").save, tmp_path)
        # Were the disk waited for in the loop, this would not go on.
        await until(writing.is_set)
        began = time.monotonic()
        group.cancel_scope.cancel()
    assert time.monotonic() - began < 5
    go_on.set()
    await until(lambda: threads() == before)
    assert os.listdir(tmp_path) == []
