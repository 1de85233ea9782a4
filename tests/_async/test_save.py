"""Streams that are run to save what they bring."""

from __future__ import annotations

import base64
import logging
import os
import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from fal_stream import (
    AbortController,
    AsyncStreamingClient,
    ConfigError,
    FalStreamError,
    FileError,
    StreamInterrupted,
    StreamTimeout,
    find_files_async,
)
from fal_stream.testing import (
    Cut,
    Failure,
    Hang,
    LocalFal,
    Raw,
    RecordedRequest,
    Reply,
    audio,
    image_frames,
)
from tests.concurrency import AsyncJob, async_until

SOUND = b"".join(audio(0.5))
PNG = b"\x89PNG\r\n\x1a\n" + bytes(100)


def data_uri(data: bytes, kind: str = "image/png") -> str:
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"


def names_in(folder: Path) -> list[str]:
    return sorted(os.listdir(folder))


# Files of the last chunk.


async def test_the_last_picture(
    fal: LocalFal, client: AsyncStreamingClient, tmp_path: Path
) -> None:
    frames = image_frames(3, pause=0)
    fal.add("acme/flux/dev", frames)
    stream = client.stream("acme/flux/dev")
    path = tmp_path / "fox.png"
    assert await stream.save(path) == [path]
    assert data_uri(path.read_bytes()) == frames[-1]["images"][0]["url"]
    assert names_in(tmp_path) == ["fox.png"]
    assert await stream.done() == frames[-1]
    assert stream.closed


async def test_a_name_that_is_of_another_type_than_the_file(
    fal: LocalFal, client: AsyncStreamingClient, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    chunk = {"image": {"url": data_uri(PNG)}}
    fal.add("acme/flux", [chunk])
    fal.add("acme/tts", Reply(audio(0.2), content_type="audio/wav"))
    file = find_files_async(chunk)[0]
    with caplog.at_level(logging.WARNING, "fal_stream"):
        # The name is what the user wants; the content is what the model made.
        assert await client.stream("acme/flux").save(tmp_path / "a.jpg") == [tmp_path / "a.jpg"]
        assert await client.stream("acme/tts").save(tmp_path / "b.MP3") == [tmp_path / "b.MP3"]
        assert await file.save(tmp_path / "c.webp") == tmp_path / "c.webp"
        for name in ("a.png", "a.PNG", "a.apng", "a.dat", "a.bak.png"):
            await file.save(tmp_path / name)
        await client.stream("acme/tts").save(tmp_path / "b.wav")
    assert (tmp_path / "a.jpg").read_bytes() == (tmp_path / "c.webp").read_bytes() == PNG
    said = [record.getMessage() for record in caplog.records]
    assert said == [
        f"{tmp_path / name} is {kind}, although its name says otherwise: nothing was converted"
        for name, kind in (("a.jpg", "image/png"), ("b.MP3", "audio/wav"), ("c.webp", "image/png"))
    ]


async def test_four_pictures_in_a_folder(
    fal: LocalFal, client: AsyncStreamingClient, tmp_path: Path
) -> None:
    images = [{"url": data_uri(PNG + bytes([number]))} for number in range(4)]
    images[2]["file_name"] = "/etc/fox.png"
    fal.add("acme/flux/dev", [{"progress": 1}, {"images": images}])
    folder = tmp_path / "new" / "pictures"
    paths = await client.stream("acme/flux/dev").save(str(folder))
    assert [path.name for path in paths] == [
        "flux-dev-0002-images-0.png",
        "flux-dev-0002-images-1.png",
        "fox.png",
        "flux-dev-0002-images-3.png",
    ]
    assert [path.read_bytes()[-1] for path in paths] == [0, 1, 2, 3]
    assert all(path.parent == folder for path in paths)


async def test_four_pictures_under_one_name(
    fal: LocalFal, client: AsyncStreamingClient, tmp_path: Path
) -> None:
    images = [{"url": data_uri(bytes([number]))} for number in range(3)]
    fal.add("acme/flux", [{"images": images}])
    (tmp_path / "fox.png").write_bytes(b"mine")
    paths = await client.stream("acme/flux").save(tmp_path / "fox.png")
    assert [path.name for path in paths] == ["fox-2.png", "fox-3.png", "fox-4.png"]
    assert (tmp_path / "fox.png").read_bytes() == b"mine"
    for _ in range(2):
        paths = await client.stream("acme/flux").save(tmp_path / "fox.png", overwrite=True)
        assert [path.name for path in paths] == ["fox.png", "fox-2.png", "fox-3.png"]
        assert [path.read_bytes() for path in paths] == [b"\0", b"\1", b"\2"]
    assert len(names_in(tmp_path)) == 4


async def test_files_of_one_name_do_not_replace_one_another(
    fal: LocalFal, client: AsyncStreamingClient, tmp_path: Path
) -> None:
    images = [{"url": data_uri(bytes([n])), "file_name": "image.png"} for n in range(3)]
    fal.add("acme/flux", [{"images": images}])
    paths = await client.stream("acme/flux").save(tmp_path, overwrite=True)
    assert [path.name for path in paths] == ["image.png", "image-2.png", "image-3.png"]


async def test_previews(fal: LocalFal, client: AsyncStreamingClient, tmp_path: Path) -> None:
    frames = image_frames(3, pause=0)
    fal.add("acme/flux", [{"status": "IN_QUEUE"}, *frames, frames[-1]])
    paths = await client.stream("acme/flux").save(tmp_path, previews=True)
    assert [path.name for path in paths] == [f"flux-000{n}-images-0.png" for n in (2, 3, 4)]


async def test_a_workflow(fal: LocalFal, client: AsyncStreamingClient, tmp_path: Path) -> None:
    node = {"type": "completion", "node_id": "a", "app_id": "b", "output": {}}
    output = {
        "type": "output",
        "node_id": "o",
        "output": {"video": {"url": data_uri(b"x", "video/mp4")}},
    }
    fal.add("workflows/acme/sticker", [node, output])
    (path,) = await client.stream("workflows/acme/sticker").save(tmp_path)
    assert path.name == "acme-sticker-0002-output-video.mp4"


async def test_chunks_of_a_type(
    fal: LocalFal, client: AsyncStreamingClient, tmp_path: Path
) -> None:
    fal.add("acme/flux", [{"images": [data_uri(PNG)]}])
    stream = client.stream("acme/flux", output_type=dict[str, list[str]])
    (path,) = await stream.save(tmp_path)
    assert path.read_bytes() == PNG


async def test_a_stream_that_was_run(
    fal: LocalFal, client: AsyncStreamingClient, tmp_path: Path
) -> None:
    frames = image_frames(3, pause=0)
    fal.add("acme/flux", frames)
    stream = client.stream("acme/flux")
    await stream.done()
    (path,) = await stream.save(tmp_path)
    assert path.name == "flux-0003-images-0.png"
    (path,) = await stream.save(tmp_path)
    assert path.name == "flux-0003-images-0-2.png"
    stream = client.stream("acme/flux")
    await stream.__anext__()
    paths = await stream.save(tmp_path / "rest", previews=True)
    assert [path.name for path in paths] == ["flux-0002-images-0.png", "flux-0003-images-0.png"]


@pytest.mark.parametrize(
    ("chunks", "said"),
    [
        ([], "no chunk came"),
        ([{"output": "Hi", "partial": False}], "has the fields 'output', 'partial'; iterate the"),
        (["a text"], "the last chunk is 'a text'"),
        ([{"image": data_uri(PNG)}, {"done": True}], "'done'; chunk 1 had one: give previews=True"),
    ],
)
async def test_no_file(
    fal: LocalFal, client: AsyncStreamingClient, tmp_path: Path, chunks: Any, said: str
) -> None:
    fal.add("acme/flux", chunks)
    with pytest.raises(FileError, match=said) as caught:
        await client.stream("acme/flux").save(tmp_path)
    assert caught.value.endpoint_id == "acme/flux"
    assert caught.value.paths == ()
    assert names_in(tmp_path) == []


async def test_what_can_be_had_is_saved(
    fal: LocalFal, client: AsyncStreamingClient, tmp_path: Path
) -> None:
    images = [
        {"url": data_uri(b"one"), "file_name": "1.png"},
        {"url": "https://cdn.example/fox.png?token=secret"},
        {"url": "data:image/png;base64,!"},
        {"url": f"{fal.url}/files/4.png", "file_name": "4.png"},
    ]
    fal.add("acme/flux", [{"images": images}])
    fal.route("/files/*", Reply([b"four"], content_type="image/png"))
    with pytest.raises(FileError, match=r"images\[1\] is on a host .*cdn.example") as caught:
        await client.stream("acme/flux").save(tmp_path)
    assert "secret" not in str(caught.value)
    assert caught.value.place == "images[1]"
    assert caught.value.paths == [tmp_path / "1.png", tmp_path / "4.png"]
    assert names_in(tmp_path) == ["1.png", "4.png"]
    assert "authorization" not in fal.requests[-1].headers


async def test_hosts_that_are_named(
    fal: LocalFal, client: AsyncStreamingClient, tmp_path: Path
) -> None:
    with LocalFal(key=None) as other:
        other.route("/x", Reply([b"fox"], content_type="image/webp"))
        fal.add("acme/flux", [{"result": f"{other.url}/x"}])
        with pytest.raises(FileError, match="There is no file"):
            await client.stream("acme/flux").save(tmp_path)
        assert other.requests == []
        (path,) = await client.stream("acme/flux").save(tmp_path, hosts=[other.url])
    assert (path.name, path.read_bytes()) == ("flux-0001-result.webp", b"fox")


async def test_too_many_files(fal: LocalFal, client: AsyncStreamingClient, tmp_path: Path) -> None:
    fal.add("acme/flux", [[f"data:,{number}" for number in range(1001)]])
    with pytest.raises(FileError, match="more than 1,000 files") as caught:
        await client.stream("acme/flux").save(tmp_path)
    assert len(caught.value.paths) == len(names_in(tmp_path)) == 1000


async def test_a_file_that_dies_in_the_middle(
    fal: LocalFal, client: AsyncStreamingClient, tmp_path: Path
) -> None:
    fal.add("acme/flux", [{"image": f"{fal.url}/files/a.png"}])
    fal.route("/files/*", Reply([bytes(300_000), Cut()], content_type="image/png"))
    with pytest.raises(FileError, match="image could not be fetched: the connection") as caught:
        await client.stream("acme/flux").save(tmp_path)
    assert isinstance(caught.value.__cause__, FalStreamError)
    assert names_in(tmp_path) == []


async def test_previews_of_a_stream_that_breaks(
    fal: LocalFal, client: AsyncStreamingClient, tmp_path: Path
) -> None:
    fal.add("acme/flux", [*image_frames(2, pause=0), Cut()])
    with pytest.raises(StreamInterrupted):
        await client.stream("acme/flux").save(tmp_path, previews=True)
    assert names_in(tmp_path) == ["flux-0001-images-0.png", "flux-0002-images-0.png"]
    with pytest.raises(StreamInterrupted):
        await client.stream("acme/flux").save(tmp_path / "last")
    assert names_in(tmp_path / "last") == []


async def test_an_error_of_the_server(
    fal: LocalFal, client: AsyncStreamingClient, tmp_path: Path
) -> None:
    fal.add("acme/flux", Failure(500))
    with pytest.raises(FalStreamError, match="500"):
        await client.stream("acme/flux").save(tmp_path / "fox.png")
    assert names_in(tmp_path) == []


@pytest.mark.parametrize("previews", [True, False])
async def test_an_abort(
    fal: LocalFal, client: AsyncStreamingClient, tmp_path: Path, previews: bool
) -> None:
    fal.add("acme/flux", [{"image": data_uri(PNG)}, Hang()])
    controller = AbortController()
    stream = client.stream("acme/flux", signal=controller.signal)
    saving = AsyncJob(lambda: stream.save(tmp_path, previews=previews))
    await async_until(lambda: stream.current_data is not None and not stream.buffer)
    if previews:
        await async_until(lambda: (tmp_path / "flux-0001-image.png").exists())
    controller.abort()
    paths = await saving.result()
    assert [path.name for path in paths] == ["flux-0001-image.png"] * previews
    assert names_in(tmp_path) == ["flux-0001-image.png"] * previews


# Arguments.


@pytest.mark.parametrize(
    "arguments",
    [
        {"previews": 1},
        {"overwrite": "yes"},
        {"hosts": "cdn.example.com"},
        {"max_bytes": 0},
        {"timeout": 0},
        {"path": 7},
        {"path": ""},
        {"path": "../fox.png"},
        {"path": Path("a/../../b")},
    ],
)
async def test_arguments_that_can_not_be_used(
    fal: LocalFal, client: AsyncStreamingClient, tmp_path: Path, arguments: Any
) -> None:
    fal.add("acme/flux", image_frames(1))
    options = {"path": tmp_path / "new", **arguments}
    with pytest.raises(ConfigError, match=f"{next(iter(arguments))}="):
        await client.stream("acme/flux").save(**options)
    assert fal.requests == []
    assert names_in(tmp_path) == []


async def test_a_folder_that_can_not_be(
    fal: LocalFal, client: AsyncStreamingClient, tmp_path: Path
) -> None:
    (tmp_path / "mine").write_bytes(b"mine")
    with pytest.raises(ConfigError, match=r"path .*mine can't be made|path .*mine is a file"):
        await client.stream("acme/flux").save(tmp_path / "mine" / "fox.png")
    assert fal.requests == []


async def test_a_folder_that_goes_away(
    fal: LocalFal, client: AsyncStreamingClient, tmp_path: Path
) -> None:
    def script(request: RecordedRequest) -> list[Any]:
        (tmp_path / "out").rmdir()
        return [{"images": [data_uri(b"1"), data_uri(b"2")]}]

    fal.add("acme/flux", script)
    with pytest.raises(FileError, match=r"0001-images-0.png can't be written \(No such") as caught:
        await client.stream("acme/flux").save(tmp_path / "out")
    assert isinstance(caught.value.__cause__, FileNotFoundError)


# A body.


async def test_a_body(fal: LocalFal, client: AsyncStreamingClient, tmp_path: Path) -> None:
    fal.add("acme/speech", Reply(audio(0.5), content_type="audio/wav"))
    path = tmp_path / "hello.wav"
    assert await client.stream("acme/speech", accept="audio/wav").save(path) == [path]
    assert path.read_bytes() == SOUND
    (path,) = await client.stream("acme/speech").save(tmp_path / "folder")
    assert (path.name, path.read_bytes()) == ("speech.wav", SOUND)
    assert names_in(tmp_path) == ["folder", "hello.wav"]


async def test_a_body_without_a_type(
    fal: LocalFal, client: AsyncStreamingClient, tmp_path: Path
) -> None:
    head = b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n"
    fal.add("acme/speech", Reply([Raw(SOUND)], head=head, framing="close"))
    (path,) = await client.stream("acme/speech").save(tmp_path)
    assert path.name == "speech.wav"


async def test_an_empty_body(fal: LocalFal, client: AsyncStreamingClient, tmp_path: Path) -> None:
    fal.add("acme/speech", Reply([], content_type="audio/wav"))
    with pytest.raises(FileError, match="no chunk came"):
        await client.stream("acme/speech").save(tmp_path)


async def test_a_body_is_written_as_it_comes(
    fal: LocalFal, client: AsyncStreamingClient, tmp_path: Path
) -> None:
    fal.add("acme/video", Reply([bytes(1_000_000)] * 40, content_type="video/mp4"))
    await client.stream("acme/video").save(tmp_path / "first.mp4")
    tracemalloc.start()
    try:
        (path,) = await client.stream("acme/video").save(tmp_path / "video.mp4")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert path.stat().st_size == 40_000_000
    # LocalFal runs in the same process and holds a piece or two of its own.
    assert peak < 10_000_000


async def test_a_body_that_breaks_off(
    fal: LocalFal,
    client: AsyncStreamingClient,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    fal.add("acme/speech", Reply([SOUND, Cut()], content_type="audio/wav"))
    with caplog.at_level(logging.WARNING, "fal_stream"), pytest.raises(StreamInterrupted):
        await client.stream("acme/speech").save(tmp_path / "hello.wav")
    assert names_in(tmp_path) == ["hello.wav.part"]
    assert (tmp_path / "hello.wav.part").read_bytes() == SOUND
    assert f"A file broke off; the part that arrived is in {tmp_path}/hello.wav.part" in caplog.text
    fal.add("acme/speech", Reply([SOUND], content_type="audio/wav"))
    (path,) = await client.stream("acme/speech").save(tmp_path / "hello.wav")
    assert path.name == "hello.wav"
    assert names_in(tmp_path) == ["hello.wav", "hello.wav.part"]


async def test_a_body_that_falls_silent(
    fal: LocalFal, client: AsyncStreamingClient, tmp_path: Path
) -> None:
    fal.add("acme/speech", Reply([SOUND, Hang()], content_type="audio/wav"))
    with pytest.raises(StreamTimeout):
        await client.stream("acme/speech", timeout=0.3).save(tmp_path / "hello.wav")
    assert names_in(tmp_path) == ["hello.wav.part"]


async def test_a_body_that_is_aborted(
    fal: LocalFal, client: AsyncStreamingClient, tmp_path: Path
) -> None:
    fal.add("acme/speech", Reply([SOUND, Hang()], content_type="audio/wav"))
    stream = client.stream("acme/speech")
    saving = AsyncJob(stream.save, tmp_path / "hello.wav")
    await async_until(lambda: (tmp_path / "hello.wav.part").exists())
    stream.abort()
    assert await saving.result() == []
    assert names_in(tmp_path) == ["hello.wav.part"]


async def test_a_body_that_is_too_large(
    fal: LocalFal, client: AsyncStreamingClient, tmp_path: Path
) -> None:
    fal.add("acme/speech", Reply([SOUND, SOUND], content_type="audio/wav"))
    with pytest.raises(FileError, match="The response has more than 100 bytes"):
        await client.stream("acme/speech").save(tmp_path / "hello.wav", max_bytes=100)
    assert not (tmp_path / "hello.wav").exists()


async def test_a_body_whose_beginning_was_read(
    fal: LocalFal, client: AsyncStreamingClient, tmp_path: Path
) -> None:
    fal.add("acme/speech", Reply(audio(0.5, pause=0.01), content_type="audio/wav"))
    stream = client.stream("acme/speech")
    await stream.__anext__()
    with pytest.raises(FileError, match="1 piece of it came before save"):
        await stream.save(tmp_path / "hello.wav")
    assert names_in(tmp_path) == []


async def test_the_home_of_the_user(
    fal: LocalFal, client: AsyncStreamingClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    fal.add("acme/app", [{"image": data_uri(PNG)}])
    assert await client.stream("acme/app").save("~/a/fox.png") == [tmp_path / "a" / "fox.png"]
    (path,) = await client.stream("acme/app").save(Path("~") / "b")
    assert path.parent == tmp_path / "b"
    assert not (tmp_path / "~").exists()


@pytest.mark.parametrize(
    "path",
    [
        "https://me:hunter2@host/fox.png?token=hunter2",
        "https://me:a/hunter2@host/fox.png",
        "s3://bucket/fox.png",
        "file:///a/b",
    ],
)
async def test_an_address_is_no_path(
    fal: LocalFal, client: AsyncStreamingClient, path: str
) -> None:
    with pytest.raises(ConfigError, match="is an address, and files are saved on this") as raised:
        await client.stream("acme/app").save(path)
    assert "hunter2" not in str(raised.value)
    assert fal.requests == []
