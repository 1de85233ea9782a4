"""Files in the input of a stream, and the storage client."""

from __future__ import annotations

import hashlib
import io
import logging
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pydantic
import pytest

from fal_stream import (
    AbortController,
    ApiError,
    AsyncStorageClient,
    AsyncStreamingClient,
    ConfigError,
    RetryPolicy,
    StreamConnectionError,
    StreamInterrupted,
    StreamTimeout,
    UploadError,
)
from fal_stream.testing import Cut, Failure, Hang, LocalFal, RecordedRequest, Reply
from tests.concurrency import AsyncJob, async_sleep, async_until
from tests.sockets import MuteServer, open_files

MIB = 1024 * 1024


@pytest.fixture(autouse=True)
def echo(fal: LocalFal) -> None:
    """An app that says what it was given."""
    fal.add("acme/app", lambda request: [request.json()])


@pytest.fixture
async def client(fal: LocalFal) -> Any:
    """A client that tries again without waiting."""
    async with AsyncStreamingClient(**fal.settings, retry=RetryPolicy(base_delay=0)) as client:
        yield client


@pytest.fixture
async def storage(fal: LocalFal) -> Any:
    """A storage client that tries again without waiting."""
    async with AsyncStorageClient(**fal.settings, retry=RetryPolicy(base_delay=0)) as storage:
        yield storage


def json_reply(value: str) -> Reply:
    return Reply([value.encode()], content_type="application/json")


def puts(fal: LocalFal) -> list[RecordedRequest]:
    return [request for request in fal.requests if request.method == "PUT"]


# Files in the input.


class Scene(pydantic.BaseModel):
    prompt: str
    image: bytes
    masks: list[Path] = []


async def test_files_become_addresses(
    fal: LocalFal, client: AsyncStreamingClient, tmp_path: Path
) -> None:
    path = tmp_path / "mask.png"
    path.write_bytes(b"mask")
    given = {
        "prompt": "a fox",
        "image": b"image",
        "list": [{"deep": (bytearray(b"array"), memoryview(b"view"))}, io.BytesIO(b"io")],
        "scene": Scene(prompt="x", image=b"model", masks=[path]),
        "path": path,
    }
    sent = await client.stream("acme/app", input=given).done()
    assert sent is not None
    content = {upload.file_url: upload.content for upload in fal.uploads}
    assert content[sent["image"]] == b"image"
    assert [content[url] for url in sent["list"][0]["deep"]] == [b"array", b"view"]
    assert content[sent["list"][1]] == b"io"
    assert content[sent["scene"]["image"]] == b"model"
    assert content[sent["scene"]["masks"][0]] == content[sent["path"]] == b"mask"
    assert (sent["prompt"], sent["scene"]["prompt"]) == ("a fox", "x")
    assert given["image"] == b"image"
    mask = fal.upload(sent["path"])
    assert (mask.file_name, mask.content_type) == ("mask.png", "image/png")


async def test_a_file_that_stands_there_twice_is_uploaded_once(
    fal: LocalFal, client: AsyncStreamingClient
) -> None:
    image = b"image"
    sent = await client.stream("acme/app", input={"a": image, "b": [image, image]}).done()
    assert sent is not None
    assert [sent["a"], sent["a"]] == sent["b"]
    assert len(fal.uploads) == 1


async def test_files_of_a_get(fal: LocalFal, client: AsyncStreamingClient) -> None:
    fal.add("acme/app", lambda request: [request.query])
    stream = client.stream(
        "acme/app", method="GET", input={"image": b"x", "n": 1}, query_params={"n": 2}
    )
    sent = await stream.done()
    assert sent == {"image": fal.uploads[0].file_url, "n": "2"}


async def test_what_is_sent_with_a_file(fal: LocalFal, client: AsyncStreamingClient) -> None:
    ours = {"authorization": f"Key {fal.key}", "x-a": "1"}
    await client.stream("acme/app", input={"image": b"abc"}, headers=ours).done()
    initiated, put, _ = fal.requests
    assert initiated.target == "/storage/upload/initiate?storage_type=fal-cdn-v3"
    assert initiated.headers["authorization"] == f"Key {fal.key}"
    assert "x-a" not in initiated.headers
    assert put.body == b"abc"
    assert put.headers["content-type"] == "application/octet-stream"
    assert put.headers["content-length"] == "3"
    assert not {"authorization", "x-a", "transfer-encoding"} & set(put.headers)


async def test_no_header_of_the_client_goes_to_an_upload_address(fal: LocalFal) -> None:
    ours = {"authorization": f"Key {fal.key}", "x-mine": "1"}
    async with AsyncStorageClient(**fal.settings, headers=ours) as storage:
        await storage.upload(b"x")
    (put,) = puts(fal)
    assert not {"authorization", "x-mine"} & set(put.headers)


async def test_nothing_is_sent_where_a_file_is_missing(
    fal: LocalFal, client: AsyncStreamingClient, tmp_path: Path
) -> None:
    stream = client.stream("acme/app", input={"images": [b"x", tmp_path / "none.png"]})
    with pytest.raises(ConfigError, match=r"input\.images\[1\]=.*does not exist"):
        await stream.done()
    assert fal.requests == []


async def test_an_upload_that_fails_is_the_streams_error(
    fal: LocalFal, client: AsyncStreamingClient
) -> None:
    fal.route("/storage/*", Failure(403, "no storage for you"))
    stream = client.stream("acme/app", input={"images": [{"a": b"x"}]})
    with pytest.raises(
        UploadError, match=r"input\.images\[0\]\.a \(upload-.* could not be up"
    ) as c:
        await stream.done()
    assert c.value.place == "input.images[0].a"
    assert c.value.endpoint_id == "acme/app"
    assert isinstance(c.value.__cause__, ApiError)
    assert c.value.__cause__.status == 403
    assert c.value.request_id == fal.requests[0].request_id
    assert len(fal.requests) == 1


async def test_a_key_that_is_missing_is_no_fault_of_the_upload() -> None:
    async with AsyncStreamingClient(run_url="https://fal.run") as client:
        with pytest.raises(ConfigError, match="No credentials"):
            await client.stream("acme/app", input={"a": b"x"}).done()

    def credentials() -> str:
        raise KeyError("the vault is closed")

    async with AsyncStorageClient(credentials=credentials) as storage:
        with pytest.raises(ConfigError, match="credentials function raised KeyError") as caught:
            await storage.upload(b"x")
    assert isinstance(caught.value.__cause__, KeyError)
    with pytest.raises(ConfigError, match="The client is closed"):
        await storage.upload(b"x")


async def test_fifty_files_at_once(fal: LocalFal, client: AsyncStreamingClient) -> None:
    before = open_files()
    files = [os.urandom(1000 + number) for number in range(50)]
    sent = await client.stream("acme/app", input={"images": files}).done()
    assert sent is not None
    content = {upload.file_url: upload.content for upload in fal.uploads}
    assert [content[url] for url in sent["images"]] == files
    await client.aclose()
    await async_until(lambda: open_files() <= before)


async def test_a_few_files_go_at_once(fal: LocalFal, client: AsyncStreamingClient) -> None:
    fal.route("/*", Reply([Hang()], delay=30), method="PUT")
    stream = client.stream("acme/app", input=[os.urandom(10) for _ in range(20)])
    job = AsyncJob(stream.done)
    await async_until(lambda: len(puts(fal)) == 4)
    await async_sleep(0.1)
    assert len(puts(fal)) == 4
    stream.abort()
    assert await job.result() is None


async def test_one_failure_ends_the_others(fal: LocalFal, client: AsyncStreamingClient) -> None:
    def answer(request: RecordedRequest) -> Any:
        return Failure(400, "bad") if request.body == b"bad" else Reply([Hang()])

    fal.route("/*", answer, method="PUT")
    stream = client.stream("acme/app", input={"files": [b"a", b"b", b"bad", b"c", b"d"]})
    with pytest.raises(UploadError, match=r"input\.files\[2\]"):
        await stream.done()
    await async_until(lambda: all(put.gone.is_set() for put in puts(fal) if put.body != b"bad"))


async def test_an_abort_ends_the_uploads(fal: LocalFal, client: AsyncStreamingClient) -> None:
    fal.route("/*", Reply([Hang()]), method="PUT")
    stream = client.stream("acme/app", input={"files": [b"a", b"b"]})
    job = AsyncJob(stream.done)
    await async_until(lambda: len(puts(fal)) == 2)
    threading.Thread(target=stream.abort).start()
    assert await job.result() is None
    await async_until(lambda: all(put.gone.is_set() for put in puts(fal)))
    fal.route("/*", lambda request: None, method="PUT")
    assert await client.stream("acme/app", input={"n": 1}).done() == {"n": 1}


async def test_an_end_of_the_client_ends_the_uploads(fal: LocalFal) -> None:
    fal.route("/*", Reply([Hang()]), method="PUT")
    client = AsyncStreamingClient(**fal.settings)
    job = AsyncJob(client.stream("acme/app", input={"file": b"a"}).done)
    await async_until(lambda: len(puts(fal)) == 1)
    await client.aclose()
    with pytest.raises(StreamInterrupted, match="client was closed"):
        await job.result()


async def test_uploads_have_limits(fal: LocalFal, client: AsyncStreamingClient) -> None:
    fal.route("/*", Reply([Hang()], delay=30), method="PUT")
    stream = client.stream("acme/app", input={"file": b"a"}, start_timeout=0.2)
    with pytest.raises(
        StreamTimeout, match=r"upload of input\.file .* made no progress .* start_tim"
    ):
        await stream.done()


async def test_a_storage_of_ones_own(fal: LocalFal, storage: AsyncStorageClient) -> None:
    with LocalFal(key=None) as other:
        other.add("acme/app", lambda request: [request.json()])
        async with AsyncStreamingClient(run_url=other.url, storage=storage) as client:
            assert client.storage is storage
            assert await client.stream("acme/app", input={"a": b"x"}).done() == {
                "a": fal.uploads[0].file_url
            }
    assert await storage.upload(b"y")


# The storage client.


@pytest.mark.parametrize(
    ("size", "parts"),
    [(0, 0), (1, 0), (90 * MIB - 1, 0), (90 * MIB, 0), (90 * MIB + 1, 10)],
)
async def test_sizes(fal: LocalFal, storage: AsyncStorageClient, size: int, parts: int) -> None:
    data = os.urandom(min(size, 1000)) * (size // 1000 + 1)
    data = data[:size]
    url = await storage.upload(data, file_name="a.bin", content_type="video/mp4")
    upload = fal.upload(url)
    assert (upload.file_name, upload.content_type) == ("a.bin", "video/mp4")
    assert upload.parts == parts
    assert hashlib.sha256(upload.content).digest() == hashlib.sha256(data).digest()


async def test_open_files_are_read_from_their_beginning(
    fal: LocalFal, storage: AsyncStorageClient, tmp_path: Path
) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(b"0123456789")
    with path.open("rb") as file:
        file.seek(5)
        upload = fal.upload(await storage.upload(file))
        assert file.tell() == 5
    assert (upload.content, upload.content_type) == (b"0123456789", "text/plain")


@pytest.mark.parametrize(("size", "parts"), [(0, 0), (5, 0), (10 * MIB, 1), (25 * MIB, 3)])
async def test_a_pipe(fal: LocalFal, storage: AsyncStorageClient, size: int, parts: int) -> None:
    reader, writer = os.pipe()
    data = os.urandom(size)

    def write() -> None:
        with io.FileIO(writer, "w") as out:
            for start in range(0, size, 10_000):
                out.write(data[start : start + 10_000])

    thread = threading.Thread(target=write)
    thread.start()
    with io.FileIO(reader) as pipe:
        upload = fal.upload(await storage.upload(pipe, file_name="x.bin"))
    thread.join()
    assert upload.content == data
    assert upload.parts == parts


async def test_a_pipe_that_gives_nothing(fal: LocalFal, storage: AsyncStorageClient) -> None:
    reader, writer = os.pipe()
    with io.FileIO(reader) as pipe, io.FileIO(writer, "w"):
        async with AsyncStorageClient(**fal.settings, start_timeout=0.2) as impatient:
            with pytest.raises(StreamTimeout, match="made no progress"):
                await impatient.upload(pipe)
        controller = AbortController()
        job = AsyncJob(_upload, storage, pipe, controller)
        controller.abort()
        with pytest.raises(UploadError, match="aborted"):
            await job.result()
    assert fal.requests == []


async def _upload(storage: AsyncStorageClient, file: Any, controller: AbortController) -> str:
    return await storage.upload(file, signal=controller.signal)


async def test_an_image_of_pillow(fal: LocalFal, storage: AsyncStorageClient) -> None:
    images = pytest.importorskip("PIL.Image")
    upload = fal.upload(await storage.upload(images.new("RGB", (8, 8), "red")))
    assert upload.content_type == "image/png"
    assert upload.content.startswith(b"\x89PNG")


async def test_lifecycle(fal: LocalFal, storage: AsyncStorageClient) -> None:
    acl: Any = {"default": "forbid", "rules": [{"user": "u", "decision": "allow"}]}
    url = await storage.upload(b"x", lifecycle={"expires_in": "1d", "initial_acl": acl})
    assert fal.upload(url).lifecycle == {"expiration_duration_seconds": 86_400, "initial_acl": acl}
    assert fal.upload(await storage.upload(b"x")).lifecycle is None


async def test_transform_input(fal: LocalFal, storage: AsyncStorageClient) -> None:
    given = {"a": [b"x", {"b": b"y"}], "c": 1}
    sent = await storage.transform_input(given)
    content = {upload.file_url: upload.content for upload in fal.uploads}
    assert content[sent["a"][0]] == b"x"
    assert content[sent["a"][1]["b"]] == b"y"
    assert sent["c"] == 1
    assert given == {"a": [b"x", {"b": b"y"}], "c": 1}
    assert await storage.transform_input({"n": 1}) == {"n": 1}


def failing(times: int, answer: Any) -> Callable[[RecordedRequest], Any]:
    answers = [answer] * times
    return lambda request: answers.pop() if answers else None


@pytest.mark.parametrize(
    "answer",
    [Failure(500), Failure(503), Reply([Cut(in_chunk=False)], head=b"")],
    ids=["500", "503", "cut"],
)
@pytest.mark.parametrize("size", [10, 91 * MIB])
async def test_bytes_are_sent_again(
    fal: LocalFal, storage: AsyncStorageClient, answer: Any, size: int
) -> None:
    fal.route("/*", failing(2, answer), method="PUT")
    data = os.urandom(1000) * (size // 1000 + 1)
    assert fal.upload(await storage.upload(data)).content == data
    assert len(puts(fal)) == (3 if size == 10 else 12)


async def test_bytes_are_not_sent_for_ever(fal: LocalFal, storage: AsyncStorageClient) -> None:
    fal.route("/*", Failure(500, "full"), method="PUT")
    with pytest.raises(UploadError, match="answered 500: full") as caught:
        await storage.upload(b"x", file_name="a.bin")
    assert caught.value.file_name == "a.bin"
    assert len(puts(fal)) == 4


@pytest.mark.parametrize("failure", [Failure(400), Failure(403), Failure(503, retryable=False)])
async def test_bytes_that_are_refused(
    fal: LocalFal, storage: AsyncStorageClient, failure: Failure
) -> None:
    fal.route("/*", failure, method="PUT")
    with pytest.raises(UploadError):
        await storage.upload(b"x")
    assert len(puts(fal)) == 1


GOOD = "https://v3.fal.media/files/a"


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ("hidden", "not JSON"),
        ("[]", "instead of a JSON object"),
        ("{}", "upload_url is missing"),
        (f'{{"upload_url": 3, "file_url": "{GOOD}"}}', "upload_url is of type int"),
        (f'{{"upload_url": "{GOOD}"}}', "file_url is missing"),
        (f'{{"upload_url": "http://evil.example/?hidden", "file_url": "{GOOD}"}}', "without https"),
        (f'{{"upload_url": "ftp://127.0.0.1/hidden", "file_url": "{GOOD}"}}', "not an absolute"),
        (f'{{"upload_url": "https://u:hidden@x.io/", "file_url": "{GOOD}"}}', "not an absolute"),
        (f'{{"upload_url": "/hidden", "file_url": "{GOOD}"}}', "not an absolute"),
        (f'{{"upload_url": "{GOOD}", "file_url": "http://evil.example/"}}', "without https"),
        (f'{{"upload_url": "{GOOD}", "file_url": "javascript:hidden"}}', "not an absolute"),
    ],
)
async def test_junk_where_a_file_goes(
    fal: LocalFal, storage: AsyncStorageClient, answer: str, message: str
) -> None:
    fal.route("/storage/*", json_reply(answer))
    with pytest.raises(UploadError, match=message) as caught:
        await storage.upload(b"x")
    assert "hidden" not in f"{caught.value}{caught.value.__cause__}"
    assert len(fal.requests) == 1


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ("", "not JSON"),
        ("3", "instead of a JSON object"),
        ('{"partNumber": 99, "etag": "a"}', "partNumber is 99"),
        ('{"partNumber": 1}', r"partNumber is 1 in the answer to part|etag is missing"),
    ],
)
async def test_junk_for_a_part(
    fal: LocalFal, storage: AsyncStorageClient, answer: str, message: str
) -> None:
    fal.route("/*", json_reply(answer), method="PUT")
    with pytest.raises(UploadError, match=message):
        await storage.upload(bytes(91 * MIB))
    assert fal.uploads == []


async def test_a_part_that_can_not_be_joined(fal: LocalFal, storage: AsyncStorageClient) -> None:
    def refuse(request: RecordedRequest) -> Any:
        return Failure(400, "no such part") if request.path.endswith("/complete") else None

    fal.route("/*", refuse, method="POST")
    with pytest.raises(UploadError, match="no such part"):
        await storage.upload(bytes(91 * MIB))


async def test_an_upload_address_elsewhere_gets_no_key(
    fal: LocalFal, storage: AsyncStorageClient
) -> None:
    with LocalFal() as other:
        other.route("/put", Reply(status=200))
        answer = f'{{"upload_url": "{other.url}/put?sig=1", "file_url": "{GOOD}"}}'
        fal.route("/storage/*", json_reply(answer))
        assert await storage.upload(b"x") == GOOD
        (put,) = other.requests
    assert (put.target, put.body) == ("/put?sig=1", b"x")
    assert "authorization" not in put.headers


async def test_no_storage_elsewhere_sends_a_file_here(fal: LocalFal) -> None:
    with LocalFal(key=None) as other:
        answer = f'{{"upload_url": "{other.url}/put", "file_url": "{GOOD}"}}'
        fal.route("/storage/*", json_reply(answer))
        # To the system this machine, and to the rules another one.
        elsewhere = fal.url.replace("127.0.0.1", "127.1")
        settings = {**fal.settings, "rest_url": elsewhere}
        async with AsyncStorageClient(**settings) as storage:
            with (
                pytest.warns(UserWarning, match="The key is not sent"),
                pytest.raises(UploadError, match=r"this machine, and the storage is not"),
            ):
                await storage.upload(b"x")
        assert other.requests == []


async def test_an_upload_is_not_followed_elsewhere(
    fal: LocalFal, storage: AsyncStorageClient
) -> None:
    with LocalFal() as other:
        fal.route("/*", Reply(status=307, headers={"location": f"{other.url}/x"}), method="PUT")
        with pytest.raises(UploadError, match="307"):
            await storage.upload(b"x")
        assert other.requests == []


async def test_no_log_shows_a_signed_address(
    fal: LocalFal, storage: AsyncStorageClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    await storage.upload(b"x")
    (put,) = puts(fal)
    assert put.query["signature"] not in caplog.text
    assert "answered 200 after" in caplog.text


async def test_an_http_client_adds_nothing_to_a_file(fal: LocalFal) -> None:
    async with (
        httpx.AsyncClient(
            headers={"x-mine": "1", "authorization": "Basic abc"},
            params={"q": "1"},
            cookies={"c": "1"},
            auth=("u", "p"),
        ) as http_client,
        AsyncStorageClient(**fal.settings, http_client=http_client) as storage,
    ):
        await storage.upload(b"x")
    initiated, put = fal.requests
    assert initiated.query == {"storage_type": "fal-cdn-v3"}
    assert initiated.headers["authorization"] == f"Key {fal.key}"
    assert initiated.headers["x-mine"] == "1"
    assert not {"authorization", "x-mine", "cookie"} & set(put.headers)
    assert "q" not in put.query


async def test_a_storage_that_reads_nothing(fal: LocalFal, mute: MuteServer) -> None:
    answer = f'{{"upload_url": "http://{mute.address}/put", "file_url": "{GOOD}"}}'
    fal.route("/storage/*", json_reply(answer))
    async with AsyncStorageClient(**fal.settings, retry=None, start_timeout=3) as storage:
        # A limit that begins anew with every few bytes would take longer than a job may.
        with pytest.raises(StreamTimeout, match="made no progress for 3 s"):
            await AsyncJob(storage.upload, bytes(30 * MIB)).result()


async def test_a_storage_of_ones_own_that_is_closed(
    fal: LocalFal, storage: AsyncStorageClient
) -> None:
    fal.route("/*", Reply([Hang()], delay=30), method="PUT")
    async with AsyncStreamingClient(run_url=fal.url, storage=storage) as client:
        stream = client.stream("acme/app", input=b"x")
        job = AsyncJob(stream.done)
        await async_until(lambda: len(puts(fal)) == 1)
        await storage.aclose()
        with pytest.raises(UploadError, match="The storage client was closed"):
            await job.result()
        assert not stream.signal.aborted


async def test_files_are_closed_as_they_are_done(
    fal: LocalFal, client: AsyncStreamingClient, tmp_path: Path
) -> None:
    paths = [tmp_path / str(number) for number in range(150)]
    for path in paths:
        path.write_bytes(b"x" * 10)
    before, most = open_files(), 0

    def count(request: RecordedRequest) -> None:
        nonlocal most
        most = max(most, open_files())

    fal.route("/*", count, method="PUT")
    await client.stream("acme/app", input=paths).done()
    assert len(fal.uploads) == 150
    assert most - before < 50


class Stuck(io.RawIOBase):
    """A file whose reads wait until they are let go."""

    def __init__(self) -> None:
        self.reading = threading.Event()
        self.go = threading.Event()

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = 0) -> int:
        return 0

    def tell(self) -> int:
        return 0

    def read(self, size: int = -1) -> bytes:
        if size == 0:
            return b""
        self.reading.set()
        self.go.wait(30)
        return b""


async def test_a_file_that_hangs_can_be_left(fal: LocalFal, storage: AsyncStorageClient) -> None:
    stuck, controller = Stuck(), AbortController()
    job = AsyncJob(_upload, storage, stuck, controller)
    await async_until(stuck.reading.is_set)
    # Others are not held up by it.
    assert await AsyncJob(storage.upload, io.BytesIO(b"x")).result()
    controller.abort()
    with pytest.raises(UploadError, match="aborted"):
        await job.result()
    async with AsyncStorageClient(**fal.settings, start_timeout=0.2) as impatient:
        with pytest.raises(StreamTimeout, match="made no progress"):
            await AsyncJob(impatient.upload, stuck).result()
    stuck.go.set()


async def test_the_total_limit_is_of_all_uploads(fal: LocalFal) -> None:
    fal.route("/*", Reply([], delay=0.4), method="PUT")
    async with AsyncStreamingClient(**fal.settings, total_timeout=1) as client:
        with pytest.raises(StreamTimeout, match="total_timeout"):
            await client.stream("acme/app", input=[os.urandom(9) for _ in range(40)]).done()


async def test_no_server(tmp_path: Path) -> None:
    async with AsyncStorageClient(rest_url="http://127.0.0.1:9", retry=None) as storage:
        with pytest.raises(UploadError, match="could not be uploaded: No answer came") as caught:
            await storage.upload(b"x")
    assert isinstance(caught.value.__cause__, StreamConnectionError)


async def test_a_file_that_shrinks(
    fal: LocalFal, storage: AsyncStorageClient, tmp_path: Path
) -> None:
    path = tmp_path / "a.bin"
    path.write_bytes(bytes(1000))

    def shrink(request: RecordedRequest) -> None:
        path.write_bytes(b"x")

    fal.route("/storage/*", shrink)
    with path.open("rb") as file, pytest.raises(UploadError, match="changed while it was uploaded"):
        await storage.upload(file)
    assert fal.uploads == []


async def test_a_signal_that_was_aborted_sends_nothing(
    fal: LocalFal, storage: AsyncStorageClient
) -> None:
    controller = AbortController()
    controller.abort()
    with pytest.raises(UploadError, match="aborted"):
        await storage.upload(b"x", signal=controller.signal)
    with pytest.raises(UploadError, match="aborted"):
        await storage.transform_input([b"x"], signal=controller.signal)
    assert fal.requests == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"file": "a.png"}, "file='a.png' is text, not a file"),
        ({"file": 3}, "file=3 is not a file"),
        ({"file": b"x", "content_type": "image"}, "content_type='image'"),
        ({"file": b"x", "file_name": "a/b"}, "file_name='a/b'"),
        ({"file": b"x", "lifecycle": {"expires_in": "soon"}}, r"expires_in'\]='soon'"),
        ({"file": b"x", "lifecycle": {"expiresIn": 3}}, "did you mean 'expires_in'"),
        ({"file": b"x", "signal": 3}, "signal=3 is not an AbortSignal"),
    ],
)
async def test_bad_arguments(
    fal: LocalFal, storage: AsyncStorageClient, arguments: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        await storage.upload(**arguments)
    assert fal.requests == []


async def test_what_is_no_storage() -> None:
    given: Any = 3
    with pytest.raises(ConfigError, match=r"storage=3 has no method upload; .* a StorageClient"):
        AsyncStreamingClient(storage=given)
