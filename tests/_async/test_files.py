"""Files that apps give: finding, reading and saving them."""

from __future__ import annotations

import base64
import os
import threading
from pathlib import Path
from typing import Any

import pytest

from fal_stream import (
    AbortController,
    AsyncFile,
    AsyncStreamingClient,
    ConfigError,
    FileError,
    StreamInterrupted,
    find_files_async,
)
from fal_stream.testing import (
    Cut,
    Failure,
    Hang,
    LocalFal,
    Pause,
    RecordedRequest,
    Reply,
    audio,
    image_frames,
)
from tests.concurrency import AsyncJob, async_until

PNG = b"\x89PNG\r\n\x1a\n" + bytes(100)


def data_uri(data: bytes, kind: str = "image/png") -> str:
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"


async def all_files(client: AsyncStreamingClient, **options: Any) -> list[AsyncFile]:
    return [file async for file in client.stream("acme/app").files(**options)]


# Files of a stream.


async def test_previews_and_the_last_picture(fal: LocalFal, client: AsyncStreamingClient) -> None:
    frames = image_frames(3, pause=0)
    fal.add("acme/app", frames)
    files = await all_files(client)
    assert [file.url for file in files] == [frame["images"][0]["url"] for frame in frames]
    assert all(type(file) is AsyncFile for file in files)
    first = files[0]
    assert (first.place, first.content_type, first.file_name) == ("images[0]", "image/png", None)
    assert (first.width, first.height) == (64, 64)
    data = await first.read()
    assert data == base64.b64decode(first.url.partition(",")[2])


async def test_files_come_as_their_chunks_do(fal: LocalFal, client: AsyncStreamingClient) -> None:
    fal.add("acme/app", [{"image": data_uri(PNG)}, Hang()])
    async with client.stream("acme/app") as stream:
        files = stream.files()
        file = await files.__anext__()
        assert await file.read() == PNG


async def test_the_same_file_is_given_once(fal: LocalFal, client: AsyncStreamingClient) -> None:
    url, other = data_uri(b"one"), data_uri(b"two")
    fal.add("acme/app", [{"a": url, "b": url}, {"a": {"url": url}}, {"a": other}])
    assert [file.url for file in await all_files(client)] == [url, other]


async def test_partial_pictures(fal: LocalFal, client: AsyncStreamingClient) -> None:
    text = base64.b64encode(PNG).decode()
    chunk = {"type": "image_generation.partial_image", "b64_json": text}
    fal.add("acme/app", [chunk, {"output": {"images": [{"b64_json": text[:12]}]}}])
    first, second = await all_files(client)
    assert (first.content_type, await first.read()) == ("image/png", PNG)
    assert second.place == "output.images[0]"


async def test_no_files(fal: LocalFal, client: AsyncStreamingClient) -> None:
    fal.add("acme/app", [{"logs": []}, {"output": "a text"}])
    with pytest.raises(FileError) as raised:
        await all_files(client)
    assert raised.value.message == (
        "There is no file in the stream: 2 chunks came; the last one has the fields 'output'. "
        "For files on hosts other than fal's, name these hosts in `hosts`; iterate the stream to "
        "see what it gives"
    )
    assert raised.value.endpoint_id == "acme/app"
    assert raised.value.request_id == fal.requests[0].request_id
    fal.add("acme/app", [])
    with pytest.raises(FileError, match="no file in the stream: no chunk came"):
        await all_files(client)


async def test_files_that_another_consumer_had(fal: LocalFal, client: AsyncStreamingClient) -> None:
    fal.add("acme/app", [{"image": data_uri(PNG)}, {"output": "a text"}])
    stream = client.stream("acme/app")
    async for _ in stream.files():
        break
    assert [file async for file in stream.files()] == []
    aborted = client.stream("acme/app")
    await aborted.__anext__()
    aborted.abort()
    assert [file async for file in aborted.files()] == []


async def test_a_loop_that_was_left_is_continued(
    fal: LocalFal, client: AsyncStreamingClient
) -> None:
    pictures = [data_uri(PNG + bytes([number])) for number in range(4)]
    fal.add("acme/app", [{"images": pictures[:3]}, {"images": [pictures[0], pictures[3]]}])
    stream = client.stream("acme/app")
    urls: list[str] = []
    for _ in range(5):
        async for file in stream.files():
            urls.append(file.url)
            break
    assert urls == pictures
    # One with other hosts begins with the next chunk.
    again = client.stream("acme/app")
    async for _ in again.files():
        break
    assert [file.url async for file in again.files(hosts=["cdn.example.com"])] == [
        pictures[0],
        pictures[3],
    ]


async def test_files_before_an_error(fal: LocalFal, client: AsyncStreamingClient) -> None:
    fal.add("acme/app", [{"image": data_uri(PNG)}, Cut()])
    files = []
    with pytest.raises(StreamInterrupted):
        async for file in client.stream("acme/app").files():
            files.append(file)  # noqa: PERF401 - what came before an error counts
    assert [await file.read() for file in files] == [PNG]


async def test_a_body_is_no_chunk(fal: LocalFal, client: AsyncStreamingClient) -> None:
    fal.add("acme/app", Reply(audio(0.1), content_type="audio/wav"))
    stream = client.stream("acme/app")
    async with stream:
        with pytest.raises(FileError, match="audio/wav, one file"):
            await stream.files().__anext__()


async def test_a_host_that_is_none(fal: LocalFal, client: AsyncStreamingClient) -> None:
    with pytest.raises(ConfigError, match="hosts has 'a/b'"):
        client.stream("acme/app").files(hosts=["a/b"])
    assert fal.requests == []


# Files without a stream.


async def test_files_of_any_chunk() -> None:
    url = data_uri(PNG)
    first, second = find_files_async({"a": url, "b": [url], "c": data_uri(b"x", "audio/wav")})
    assert (first.place, second.place) == ("a", "c")
    assert await first.read() == PNG
    assert repr(second) == "<AsyncFile c audio/wav (26 characters in the chunk)>"
    assert first._repr_mimebundle_()["text/html"].startswith(f'<img src="{url}"')
    assert find_files_async({"c": "https://cdn.example/x"}) == []
    assert len(find_files_async({"c": "https://cdn.example/x"}, hosts=["cdn.example"])) == 1


@pytest.mark.parametrize(
    ("chunk", "said"),
    [
        ({"images": [{"url": "data:image/png;base64,!!!"}]}, r"images\[0\] is no base64: '!!!'"),
        ({"images": [{"url": "data:image/png"}]}, r"images\[0\] is no data URI: 'data:image/png'"),
        ({"b64_json": "\u00fc"}, "the chunk is no base64"),
        (
            {"images": [{"url": "https://cdn.example/fox.png?token=secret"}]},
            r"images\[0\] is on a host .* \(https://cdn.example/fox.png\)",
        ),
        ({"video": "http://169.254.169.254/latest/x.mp4"}, "video is on a host"),
        ({"video": "http://[::1/x.mp4", "file": {"url": "http://[::1/x.mp4"}}, "file is on a host"),
    ],
)
async def test_files_that_are_none(tmp_path: Path, chunk: Any, said: str) -> None:
    (file,) = find_files_async(chunk)
    with pytest.raises(FileError, match=said) as caught:
        await file.read()
    assert caught.value.place == file.place
    assert "secret" not in str(caught.value)
    with pytest.raises(FileError, match=said):
        await file.save(tmp_path)
    assert os.listdir(tmp_path) == []


# Fetching.


async def fetched(
    fal: LocalFal, client: AsyncStreamingClient, answer: Any, url: str = ""
) -> AsyncFile:
    """Give a file that a chunk names by its address."""
    url = url or f"{fal.url}/files/fox.png?x=1"
    fal.add("acme/app", [{"images": [{"url": url, "content_type": "image/png"}]}])
    fal.route("/files/*", answer)
    (file,) = await all_files(client)
    return file


async def test_a_file_is_fetched_without_the_key(fal: LocalFal) -> None:
    async with AsyncStreamingClient(**fal.settings, headers={"x-mine": "1"}) as client:
        file = await fetched(fal, client, Reply([b"\x89PNG", b" fox"], content_type="image/png"))
        assert len(fal.requests) == 1
        assert await file.read() == b"\x89PNG fox"
    request = fal.requests[1]
    assert (request.method, request.target) == ("GET", "/files/fox.png?x=1")
    assert not {"authorization", "cookie", "x-mine"} & set(request.headers)


async def test_a_redirect_to_a_file(fal: LocalFal, client: AsyncStreamingClient) -> None:
    with LocalFal(key=None) as other:
        other.route("/there", Reply([b"fox"], content_type="image/png"))

        def answer(request: RecordedRequest) -> Reply:
            if request.path == "/files/there":
                return Reply(status=307, headers={"location": f"{other.url}/there"})
            return Reply(status=302, headers={"location": "/files/there"}, framing="length")

        file = await fetched(fal, client, answer)
        with pytest.raises(FileError, match=r"was redirected to a host .*/there\)"):
            await file.read()
        assert other.requests == []
        (file,) = await all_files(client, hosts=[other.url])
        assert await file.read() == b"fox"


REFUSALS: list[tuple[str, Any, str]] = [
    ("missing", Failure(404), "its server answered with status 404"),
    ("large", Reply([b"x" * 200], content_type="image/png"), "has more than 100 bytes"),
    ("said large", Reply([b"x" * 200], framing="length", content_type="a/b"), "more than 100 b"),
    ("cut", Reply([b"x", Cut()], content_type="image/png"), "could not be fetched: the connection"),
    (
        "away",
        Reply(status=302, headers={"location": "http://127.0.0.1:9/"}),
        "redirected to a host",
    ),
    ("nowhere", Reply(status=302, headers={"location": "http://["}), "redirected to a host"),
    ("around", Reply(status=302, headers={"location": "x/y"}), "redirected more than"),
    (
        "packed",
        Reply([b"x"], content_type="image/png", headers={"content-encoding": "gzip"}),
        "compressed",
    ),
]


@pytest.mark.parametrize(
    ("answer", "said"), [row[1:] for row in REFUSALS], ids=[row[0] for row in REFUSALS]
)
async def test_a_file_that_can_not_be_had(
    fal: LocalFal, client: AsyncStreamingClient, tmp_path: Path, answer: Any, said: str
) -> None:
    file = await fetched(fal, client, answer)
    with pytest.raises(FileError, match=said) as caught:
        await file.read(max_bytes=100)
    assert caught.value.message.startswith("images[0] ")
    assert caught.value.place == "images[0]"
    with pytest.raises(FileError, match=said):
        await file.save(tmp_path, max_bytes=100)
    assert os.listdir(tmp_path) == []


async def test_data_that_is_too_large(tmp_path: Path) -> None:
    (file,) = find_files_async(data_uri(PNG))
    with pytest.raises(FileError, match="the chunk has more than 100 bytes"):
        await file.save(tmp_path, max_bytes=100)
    assert os.listdir(tmp_path) == []


async def test_a_slow_file(fal: LocalFal, client: AsyncStreamingClient, tmp_path: Path) -> None:
    steps = [b"x", Pause(0.05)] * 1000
    file = await fetched(fal, client, Reply(steps, content_type="image/png"))
    with pytest.raises(FileError, match=r"was not complete after 0.3 s: give a longer `timeout`"):
        await file.save(tmp_path, timeout=0.3)
    assert os.listdir(tmp_path) == []


async def test_a_closed_client(fal: LocalFal) -> None:
    async with AsyncStreamingClient(**fal.settings) as client:
        file = await fetched(fal, client, Reply([b"fox"], content_type="image/png"))
    with pytest.raises(ConfigError, match="The client is closed"):
        await file.read()


async def test_closing_the_client_ends_a_fetch(fal: LocalFal, tmp_path: Path) -> None:
    async with AsyncStreamingClient(**fal.settings) as client:
        file = await fetched(fal, client, Reply([b"fox", Hang()], content_type="image/png"))
        saving = AsyncJob(file.save, tmp_path)
        await async_until(lambda: len(fal.requests) == 2)
        await async_until(lambda: bool(os.listdir(tmp_path)))
    with pytest.raises(FileError, match="it was aborted, or its client was closed"):
        await saving.result()
    assert os.listdir(tmp_path) == []


async def test_the_signal_of_the_stream_ends_a_fetch(
    fal: LocalFal, client: AsyncStreamingClient
) -> None:
    fal.add("acme/app", [{"image": f"{fal.url}/files/a.png"}])
    fal.route("/files/*", Reply([b"fox", Hang()], content_type="image/png"))
    controller = AbortController()
    stream = client.stream("acme/app", signal=controller.signal)
    (file,) = [file async for file in stream.files()]
    reading = AsyncJob(file.read)
    await async_until(lambda: len(fal.requests) == 2)
    controller.abort()
    with pytest.raises(FileError, match="aborted"):
        await reading.result()


# Saving.


async def test_saving_in_a_folder(tmp_path: Path) -> None:
    first, second = find_files_async(
        {"image": {"url": data_uri(PNG), "file_name": "../fox.png"}, "b": data_uri(b"x", "a/wav")}
    )
    folder = tmp_path / "a" / "b"
    assert await first.save(folder) == folder / "fox.png"
    assert await first.save(str(folder)) == folder / "fox-2.png"
    assert await second.save(f"{folder}.d/") == tmp_path / "a" / "b.d" / "b.bin"
    assert (folder / "fox.png").read_bytes() == (folder / "fox-2.png").read_bytes() == PNG
    assert sorted(os.listdir(folder)) == ["fox-2.png", "fox.png"]


async def test_saving_under_a_name(tmp_path: Path) -> None:
    (file,) = find_files_async(data_uri(PNG))
    path = tmp_path / "new" / "picture.jpeg"
    assert await file.save(path) == path
    path.write_bytes(b"mine")
    assert await file.save(path) == tmp_path / "new" / "picture-2.jpeg"
    assert path.read_bytes() == b"mine"
    assert await file.save(path, overwrite=True) == path
    assert path.read_bytes() == PNG


async def test_the_type_that_a_file_comes_with(
    fal: LocalFal, client: AsyncStreamingClient, tmp_path: Path
) -> None:
    fal.add("acme/app", [{"result": f"{fal.url}/files/7"}])
    fal.route("/files/*", Reply([b"RIFF"], content_type="audio/wav"))
    (file,) = await all_files(client)
    assert file.content_type is None
    assert await file.save(tmp_path) == tmp_path / "result.wav"


@pytest.mark.parametrize("path", ["", "a\0b", 7, None, b"../x", "../x", "a/../x.png", Path("..")])
async def test_paths_that_are_refused(path: Any) -> None:
    (file,) = find_files_async(data_uri(PNG))
    with pytest.raises(ConfigError, match="path="):
        await file.save(path)


async def test_a_folder_that_can_not_be(tmp_path: Path) -> None:
    (file,) = find_files_async(data_uri(PNG))
    (tmp_path / "mine").write_bytes(b"mine")
    with pytest.raises(ConfigError, match=r"path .*/mine is a file, not a folder"):
        await file.save(tmp_path / "mine")
    with pytest.raises(ConfigError, match=r"path .*/mine/deep can't be made"):
        await file.save(tmp_path / "mine" / "deep")
    assert (tmp_path / "mine").read_bytes() == b"mine"


@pytest.mark.parametrize(
    "arguments", [{"overwrite": 1}, {"max_bytes": 0}, {"timeout": -1}, {"max_bytes": True}]
)
async def test_arguments_that_can_not_be_used(tmp_path: Path, arguments: Any) -> None:
    (file,) = find_files_async(data_uri(PNG))
    with pytest.raises(ConfigError, match=f"{next(iter(arguments))}="):
        await file.save(tmp_path / "new", **arguments)
    assert not (tmp_path / "new").exists()


async def test_many_at_once_under_one_name(tmp_path: Path) -> None:
    files = find_files_async([data_uri(bytes([number])) for number in range(8)])
    jobs = [AsyncJob(file.save, tmp_path / "x.bin") for file in files]
    paths = [await job.result() for job in jobs]
    assert len(set(paths)) == 8
    assert sorted(path.read_bytes() for path in paths) == [bytes([n]) for n in range(8)]
    assert len(os.listdir(tmp_path)) == 8
    assert threading.active_count() < 100
