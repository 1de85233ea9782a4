"""What the files and the sound of a stream are, in both flavours."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

from typing_extensions import assert_type

from fal_stream import (
    AsyncFile,
    AsyncStorageClient,
    AsyncStreamingClient,
    File,
    StorageClient,
    StreamingClient,
    find_files,
    find_files_async,
)


def blocking(client: StreamingClient) -> None:
    stream = client.stream("a/b")
    assert_type(stream.files(), Iterator[File])
    for file in stream.files(hosts=["cdn.example.com"]):
        assert_type(file, File)
        assert_type(file.url, str)
        assert_type(file.content_type, str | None)
        assert_type(file.file_name, str | None)
        assert_type(file.width, int | None)
        assert_type(file.read(), bytes)
        assert_type(file.save("pictures"), Path)
    assert_type(stream.save(Path("fox.png"), previews=True), list[Path])
    assert_type(stream.audio(), Iterator[bytes])
    assert_type(stream.audio("voice"), Iterator[bytes])
    assert_type(stream.audio(lambda chunk: chunk["voice"]), Iterator[bytes])
    assert_type(find_files({}), list[File])


async def asynchronous(client: AsyncStreamingClient) -> None:
    stream = client.stream("a/b")
    assert_type(stream.files(), AsyncIterator[AsyncFile])
    async for file in stream.files():
        assert_type(file, AsyncFile)
        assert_type(await file.read(max_bytes=1), bytes)
        assert_type(await file.save(Path("fox.png"), overwrite=True), Path)
    assert_type(await stream.save("pictures"), list[Path])
    async for sound in stream.audio():
        assert_type(sound, bytes)
    assert_type(find_files_async({}), list[AsyncFile])


class Bucket:
    def upload(self, file: Any, *, content_type: str | None = None) -> str:
        return "https://files.example/"


class AsyncBucket:
    async def upload(self, file: Any) -> str:
        return "https://files.example/"


class Named(StorageClient):
    def upload(self, file: Any, **options: Any) -> str:
        return super().upload(file, **options)


def storages() -> None:
    for storage in (Bucket(), StorageClient(), Named()):
        assert_type(StreamingClient(storage=storage).storage, StorageClient)
    for other in (Bucket(), AsyncBucket(), AsyncStorageClient()):
        assert_type(AsyncStreamingClient(storage=other).storage, AsyncStorageClient)
