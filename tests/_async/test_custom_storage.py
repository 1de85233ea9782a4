"""Storages of the user's, and subclasses of the storage client."""

from __future__ import annotations

import functools
import threading
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from fal_stream import (
    AbortController,
    AbortSignal,
    AsyncStorageClient,
    AsyncStreamingClient,
    ConfigError,
    StreamTimeout,
    UploadError,
)
from fal_stream.testing import LocalFal
from tests.concurrency import AsyncJob, async_sleep, async_until

GOOD = "https://files.example/"


@pytest.fixture(autouse=True)
def echo(fal: LocalFal) -> None:
    """An app that says what it was given."""
    fal.add("acme/app", lambda request: [request.json()])


async def sent(fal: LocalFal, storage: Any, input: Any, **options: Any) -> Any:
    """Give what an app was sent of an input."""
    async with AsyncStreamingClient(**fal.settings, storage=storage) as client:
        return await client.stream("acme/app", input=input, **options).done()


class Bucket:
    """A storage that notes what it is given."""

    def __init__(self, address: Any = GOOD) -> None:
        self.files: list[Any] = []
        self.address = address

    async def upload(self, file: Any) -> Any:
        self.files.append(file)
        if isinstance(self.address, Exception):
            raise self.address
        return self.address


async def test_any_object_with_an_upload(fal: LocalFal, tmp_path: Path) -> None:
    bucket = Bucket()
    given = {"image": b"x", "list": [{"mask": tmp_path}], "text": "t"}
    answer = await sent(fal, bucket, given)
    assert answer == {"image": GOOD, "list": [{"mask": GOOD}], "text": "t"}
    assert sorted(map(repr, bucket.files)) == sorted([repr(b"x"), repr(tmp_path)])
    assert [request.path for request in fal.requests] == ["/acme/app/stream"]


async def test_it_is_not_asked_without_files(fal: LocalFal) -> None:
    bucket = Bucket()
    assert await sent(fal, bucket, {"text": "t"}) == {"text": "t"}
    assert bucket.files == []


async def test_a_plain_upload_runs_beside_the_others(fal: LocalFal) -> None:
    begun = threading.Barrier(4)

    class Plain:
        def upload(self, file: bytes, *, content_type: str | None = None) -> str:
            begun.wait(10)
            return GOOD + file.decode()

    answer = await sent(fal, Plain(), [b"a", b"b", b"c", b"d"])
    assert answer == [GOOD + name for name in "abcd"]


async def test_several_at_once_and_not_more_than_four(fal: LocalFal) -> None:
    class Counting:
        now = most = 0

        async def upload(self, file: Any, **options: Any) -> str:
            self.now += 1
            self.most = max(self.most, self.now)
            await async_sleep(0.05)
            self.now -= 1
            return GOOD

    counting = Counting()
    await sent(fal, counting, [bytes([number]) for number in range(12)])
    assert 1 < counting.most <= 4


async def test_a_subclass(fal: LocalFal) -> None:
    class Named(AsyncStorageClient):
        async def upload(self, file: Any, **options: Any) -> str:
            options["file_name"] = "fox.png"
            url: str = await super().upload(file, **options)
            return url + "#mine"

    async with Named(**fal.settings) as storage:
        answer = await sent(fal, storage, {"image": b"x"})
    assert answer["image"] == fal.uploads[0].file_url + "#mine"
    assert fal.uploads[0].file_name == "fox.png"


async def test_a_subclass_that_transforms_inputs(fal: LocalFal) -> None:
    class Watermarked(AsyncStorageClient):
        async def transform_input(self, input: Any, **options: Any) -> Any:
            assert input == {"image": b"x", "n": 1}
            return {**await super().transform_input(input, **options), "n": 2}

    async with Watermarked(**fal.settings) as storage:
        answer = await sent(fal, storage, {"image": b"x", "n": 1})
    assert answer == {"image": fal.uploads[0].file_url, "n": 2}

    class Forgetful(AsyncStorageClient):
        async def transform_input(self, input: Any, **options: Any) -> Any:
            return input

    async with Forgetful(**fal.settings) as forgetful:
        with pytest.raises(ConfigError, match=r"input\.image is of type bytes"):
            await sent(fal, forgetful, {"image": b"x"})


async def test_a_subclass_that_changes_nothing(fal: LocalFal) -> None:
    class Same(AsyncStorageClient):
        pass

    async with Same(**fal.settings) as storage:
        answer = await sent(fal, storage, {"image": b"x"})
    assert answer == {"image": fal.uploads[0].file_url}


async def test_an_upload_that_a_test_puts_in(fal: LocalFal) -> None:
    fake = mock.AsyncMock(return_value=GOOD)
    with mock.patch.object(AsyncStorageClient, "upload", fake):
        async with AsyncStreamingClient(**fal.settings) as client:
            answer = await client.stream("acme/app", input={"image": b"x"}).done()
    assert answer == {"image": GOOD}
    async with AsyncStreamingClient(**fal.settings) as client:
        with mock.patch.object(client.storage, "upload", mock.AsyncMock(return_value=GOOD)):
            answer = await client.stream("acme/app", input={"image": b"x"}).done()
    assert answer == {"image": GOOD}


@pytest.mark.parametrize(
    "address",
    [
        None,
        b"https://files.example/",
        "",
        "fox.png",
        "/files/fox.png",
        "ftp://files.example/",
        "javascript:alert(1)",
        "https://files.example/\r\nx: y",
        "https://" + "x" * 20_000,
        {"url": GOOD},
    ],
)
async def test_what_is_no_address(fal: LocalFal, address: Any) -> None:
    with pytest.raises(UploadError, match=r"input\[1\]\.image could not .* which is no") as caught:
        await sent(fal, Bucket(address), ["text", {"image": b"x"}])
    assert caught.value.place == "input[1].image"
    assert len(str(caught.value)) < 500
    assert fal.requests == []


@pytest.mark.parametrize(
    "address", [GOOD, "http://127.0.0.1/x", "HTTPS://x/", "data:image/png;base64," + "A" * 50_000]
)
async def test_what_is_an_address(fal: LocalFal, address: str) -> None:
    assert await sent(fal, Bucket(address), b"x") == address


async def test_what_a_storage_raises(fal: LocalFal) -> None:
    cause = RuntimeError("the bucket is full of secrets")
    with pytest.raises(UploadError, match="upload raised RuntimeError") as caught:
        await sent(fal, Bucket(cause), {"image": b"x"})
    assert caught.value.__cause__ is cause
    assert (caught.value.place, caught.value.endpoint_id) == ("input.image", "acme/app")
    ours = UploadError("no", file_name="x")
    with pytest.raises(UploadError, match=r"^no") as caught:
        await sent(fal, Bucket(ours), {"image": b"x"})
    assert caught.value is ours
    assert fal.requests == []


async def test_one_that_fails_ends_the_others(fal: LocalFal) -> None:
    signals: list[AbortSignal] = []

    class Failing:
        async def upload(self, file: Any, *, signal: AbortSignal) -> str:
            signals.append(signal)
            if file == b"bad":
                raise ValueError
            for _ in range(1_000):
                if signal.aborted:
                    raise ValueError
                await async_sleep(0.01)
            return GOOD

    with pytest.raises(UploadError, match=r"input\[1\] could not be uploaded"):
        await sent(fal, Failing(), [b"slow", b"bad"])
    assert len(signals) == 2
    assert all(signal.aborted for signal in signals)


async def test_an_abort_ends_an_upload(fal: LocalFal) -> None:
    controller, begun = AbortController(), threading.Event()

    class Slow:
        async def upload(self, file: Any, *, signal: AbortSignal) -> str:
            begun.set()
            while not signal.aborted:
                await async_sleep(0.01)
            raise ValueError

    job = AsyncJob(lambda: sent(fal, Slow(), b"x", signal=controller.signal))
    await async_until(begun.is_set)
    controller.abort()
    assert await job.result() is None
    assert fal.requests == []


async def test_the_total_limit_counts_uploads(fal: LocalFal) -> None:
    class Slow:
        async def upload(self, file: Any) -> str:
            await async_sleep(0.5)
            return GOOD

    with pytest.raises(StreamTimeout) as caught:
        await sent(fal, Slow(), b"x", total_timeout=0.2)
    assert caught.value.option == "total_timeout"


async def test_a_storage_is_not_closed(fal: LocalFal) -> None:
    class Closable(Bucket):
        closed = False

        async def aclose(self) -> None:
            self.closed = True

    bucket = Closable()
    await sent(fal, bucket, b"x")
    await sent(fal, bucket, b"x")
    assert not bucket.closed


class NoFile:
    def upload(self) -> str:
        return GOOD


class TwoFiles:
    def upload(self, file: Any, content_type: str) -> str:
        return GOOD


class NamedOnly:
    def upload(self, *, file: Any) -> str:
        return GOOD


@pytest.mark.parametrize(
    ("storage", "said"),
    [
        (3, "storage=3 has no method upload"),
        (object(), "has no method upload"),
        ({"upload": print}, "has no method upload"),
        (AsyncStorageClient, "is a class: give an object of it"),
        (NoFile(), "can't be called with a file alone"),
        (TwoFiles(), "can't be called with a file alone"),
        (NamedOnly(), "can't be called with a file alone"),
    ],
)
async def test_what_is_no_storage(fal: LocalFal, storage: Any, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        AsyncStreamingClient(**fal.settings, storage=storage)


async def test_uploads_that_are_no_methods(fal: LocalFal) -> None:
    bucket = Bucket()
    for upload in (functools.partial(bucket.upload), mock.AsyncMock(return_value=GOOD)):
        holder = mock.Mock(spec=["upload"])
        holder.upload = upload
        assert await sent(fal, holder, b"x") == GOOD
