from __future__ import annotations

import base64
import io
import wave
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from fal_stream.testing import (
    Cut,
    Failure,
    LocalFal,
    RecordedRequest,
    Reply,
    audio,
    image_frames,
    speech,
)
from tests.cli.program import call

SOUND = b"".join(audio(0.2))


def data_url(media_type: str, data: bytes) -> str:
    return f"data:{media_type};base64,{base64.b64encode(data).decode()}"


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_pictures(fal: LocalFal, tmp_path: Path) -> None:
    fal.add("acme/flux/dev", image_frames(3, pause=0))
    ended = call(fal, "run", "acme/flux/dev", "--output", "a/b", cwd=tmp_path)
    names = [f"flux-dev-000{number}-images-0.png" for number in (1, 2, 3)]
    assert ended.code == 0
    assert ended.chunks == image_frames(3, pause=0)
    assert names_in(tmp_path / "a/b") == names
    assert [line.partition(" (")[0] for line in ended.lines] == [
        f"fal-stream: saved a/b/{name}" for name in names
    ]
    for name in names:
        with Image.open(tmp_path / "a/b" / name) as picture:
            assert picture.size == (64, 64)


def test_only_the_last_picture(fal: LocalFal, tmp_path: Path) -> None:
    fal.add("acme/flux", image_frames(3, pause=0))
    assert call(fal, "run", "acme/flux", "--last", "--output", str(tmp_path)).code == 0
    assert names_in(tmp_path) == ["flux-0003-images-0.png"]


def test_the_name_of_a_file(fal: LocalFal, tmp_path: Path) -> None:
    frames = image_frames(3, pause=0)
    fal.add("acme/flux", frames)
    ended = call(fal, "run", "acme/flux", "-o", "out/fox.png", cwd=tmp_path)
    assert (ended.code, ended.chunks) == (0, frames)
    assert names_in(tmp_path / "out") == ["fox.png"]
    data = (tmp_path / "out/fox.png").read_bytes()
    assert frames[-1]["images"][0]["url"] == data_url("image/png", data)
    assert ended.lines == [f"fal-stream: saved out/fox.png ({len(data):,} bytes)"]
    # Nothing is written over, and `..` is meant in a shell.
    (tmp_path / "in").mkdir()
    ended = call(fal, "run", "acme/flux", "-o", "../out/fox.png", cwd=tmp_path / "in")
    assert ended.code == 0
    assert names_in(tmp_path / "out") == ["fox-2.png", "fox.png"]
    # A slash at its end makes it a folder.
    assert call(fal, "run", "acme/flux", "-o", "v1.5/", cwd=tmp_path).code == 0
    assert len(names_in(tmp_path / "v1.5")) == 3


def test_a_name_that_is_of_another_type_than_the_file(fal: LocalFal, tmp_path: Path) -> None:
    fal.add("acme/flux", image_frames(1, pause=0))
    ended = call(fal, "run", "acme/flux", "-o", "fox.jpg", cwd=tmp_path)
    assert ended.code == 0
    assert ended.lines[0] == (
        "fal-stream: warning: fox.jpg is image/png, although its name says otherwise: nothing was "
        "converted"
    )
    assert ended.lines[1].startswith("fal-stream: saved fox.jpg (")
    assert names_in(tmp_path) == ["fox.jpg"]


def test_a_name_and_no_file_in_the_last_chunk(fal: LocalFal, tmp_path: Path) -> None:
    fal.add("acme/flux", [*image_frames(1, pause=0), {"seed": 1}])
    ended = call(fal, "run", "acme/flux", "-o", "fox.png", cwd=tmp_path)
    assert ended.code == 1
    assert ended.lines[-1] == (
        "fal-stream: nothing was saved: the last chunk has no image, audio or another file of "
        "fal's, and chunk 1 had one: give a folder, without --last"
    )
    assert names_in(tmp_path) == []


def test_only_the_last_chunk_and_no_file_in_it(fal: LocalFal, tmp_path: Path) -> None:
    fal.add("acme/flux", [{"seed": 0}, *image_frames(2, pause=0), {"seed": 1}])
    ended = call(fal, "run", "acme/flux", "--last", "-o", "out", cwd=tmp_path)
    assert (ended.code, ended.chunks) == (1, [{"seed": 1}])
    assert ended.lines[-1].endswith("and chunk 2 had one: give a folder, without --last")
    assert names_in(tmp_path / "out") == []
    fal.add("acme/none", [{"seed": 1}])
    ended = call(fal, "run", "acme/none", "--last", "-o", "out", cwd=tmp_path)
    assert (ended.code, ended.chunks) == (1, [{"seed": 1}])
    assert ended.lines[-1].startswith("fal-stream: nothing was saved: no chunk has an image")


def pieces(data: bytes = SOUND) -> list[Any]:
    """Give audio as chunks that have it in base64, and a status before and after it."""
    parts = [data[start : start + 1000] for start in range(0, len(data), 1000)]
    audio_chunks = [{"audio": base64.b64encode(part).decode()} for part in parts]
    return [{"audio": "pending"}, *audio_chunks, {"done": True}]


@pytest.mark.parametrize("options", [[], ["--last"], ["--text", "--field", "x"]])
@pytest.mark.parametrize(("path", "name"), [("out", "tts.wav"), ("out/hello.wav", "hello.wav")])
def test_audio_in_pieces(
    fal: LocalFal, tmp_path: Path, options: list[str], path: str, name: str
) -> None:
    fal.add("acme/tts", [*pieces(), {"x": "said"}])
    ended = call(fal, "run", "acme/tts", "-o", path, *options, cwd=tmp_path)
    assert ended.code == 0
    assert ended.lines == [f"fal-stream: saved out/{name} ({len(SOUND):,} bytes)"]
    assert names_in(tmp_path / "out") == [name]
    assert (tmp_path / "out" / name).read_bytes() == SOUND


def test_audio_without_a_header_that_is_named_like_a_file_with_one(
    fal: LocalFal, tmp_path: Path
) -> None:
    fal.add("acme/tts", speech(0.2))
    ended = call(fal, "run", "acme/tts", "-o", "hello.wav", cwd=tmp_path)
    assert ended.code == 0
    assert ended.lines[1].startswith("fal-stream: hello.wav is raw audio (PCM) without a header")
    ended = call(fal, "run", "acme/tts", "-o", "hello.pcm", cwd=tmp_path)
    assert len(ended.lines) == 1


def test_audio_in_pieces_and_its_address(fal: LocalFal, tmp_path: Path) -> None:
    fal.add("acme/tts", [*pieces(), {"audio": {"url": data_url("audio/wav", SOUND)}}])
    assert call(fal, "run", "acme/tts", "-o", "hello.wav", cwd=tmp_path).code == 0
    assert names_in(tmp_path) == ["hello.wav"]
    assert call(fal, "run", "acme/tts", "-o", "out", cwd=tmp_path).code == 0
    names = names_in(tmp_path / "out")
    assert names[1] == "tts.wav"
    assert [(tmp_path / "out" / name).read_bytes() for name in names] == [SOUND, SOUND]


def test_audio_in_pieces_that_breaks(fal: LocalFal, tmp_path: Path) -> None:
    fal.add("acme/tts", [*pieces()[:2], Cut()])
    ended = call(fal, "run", "acme/tts", "-o", "out", cwd=tmp_path)
    assert ended.code == 6
    assert ended.lines[0].endswith("saved out/tts.wav.part (1,000 bytes, not all that was to come)")
    assert (tmp_path / "out/tts.wav.part").read_bytes() == SOUND[:1000]


@pytest.mark.parametrize(
    ("broken", "options", "said"),
    [
        ("!!!!", [], "audio was not saved: There is no sound in chunk 3: audio is no base64"),
        (
            "AAAA",
            ["--max-file-bytes", "1001"],
            "audio was not saved: the audio has more than 1,001",
        ),
    ],
)
def test_audio_in_pieces_that_can_not_be_saved(
    fal: LocalFal, tmp_path: Path, broken: str, options: list[str], said: str
) -> None:
    fal.add("acme/tts", [*pieces()[:2], {"audio": broken}, *pieces()[2:]])
    ended = call(fal, "run", "acme/tts", "-o", "out", *options, cwd=tmp_path)
    assert ended.code == 1
    assert len(ended.chunks) == len(pieces()) + 1
    (line,) = ended.lines
    assert said in line
    assert names_in(tmp_path / "out") == []


def test_the_name_of_a_stream_of_bytes(fal: LocalFal, tmp_path: Path) -> None:
    fal.add("acme/tts", Reply(audio(0.2), content_type="audio/wav"))
    assert call(fal, "run", "acme/tts", "-o", "hello.wav", cwd=tmp_path).code == 0
    assert (tmp_path / "hello.wav").read_bytes() == SOUND


def test_sound_in_a_chunk(fal: LocalFal, tmp_path: Path) -> None:
    fal.add("acme/tts", [{"audio": data_url("audio/wav", SOUND)}, {"audio": {"url": "text"}}])
    assert call(fal, "run", "acme/tts", "--output", str(tmp_path)).code == 0
    assert names_in(tmp_path) == ["tts-0001-audio.wav"]
    with wave.open(str(tmp_path / "tts-0001-audio.wav")) as sound:
        assert sound.getnframes() == 4800


def test_a_stream_of_bytes(fal: LocalFal, tmp_path: Path) -> None:
    fal.add("acme/tts", Reply(audio(0.2), content_type="audio/wav"))
    ended = call(fal, "run", "acme/tts", "--output", "out", cwd=tmp_path)
    assert (ended.code, ended.out) == (0, b"")
    assert ended.lines == [f"fal-stream: saved out/tts.wav ({len(SOUND):,} bytes)"]
    assert (tmp_path / "out/tts.wav").read_bytes() == SOUND


def test_a_stream_of_bytes_that_breaks(fal: LocalFal, tmp_path: Path) -> None:
    fal.add("acme/tts", Reply([b"RIFF", Cut()], content_type="audio/mpeg"))
    ended = call(fal, "run", "acme/tts", "--output", "out", cwd=tmp_path)
    assert ended.code == 6
    assert ended.lines[0].endswith("saved out/tts.mp3.part (4 bytes, not all that was to come)")
    assert names_in(tmp_path / "out") == ["tts.mp3.part"]
    assert (tmp_path / "out/tts.mp3.part").read_bytes() == b"RIFF"


def test_nothing_is_overwritten(fal: LocalFal, tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.write_text("mine")
    (tmp_path / "tts-0001.wav").symlink_to(target)
    (tmp_path / "tts-0001-2.wav").symlink_to(tmp_path / "nowhere")
    fal.add("acme/tts", [data_url("audio/wav", SOUND)])
    assert call(fal, "run", "acme/tts", "--output", str(tmp_path)).code == 0
    assert (tmp_path / "tts-0001-3.wav").read_bytes() == SOUND
    assert target.read_text() == "mine"
    assert not (tmp_path / "nowhere").exists()


def test_the_same_file_is_saved_once(fal: LocalFal, tmp_path: Path) -> None:
    url = data_url("image/png", b"\x89PNG")
    fal.add("acme/app", [{"a": url, "b": url}, {"a": {"url": url}}])
    assert call(fal, "run", "acme/app", "--output", str(tmp_path)).code == 0
    assert names_in(tmp_path) == ["app-0001-a.png"]


def test_a_place_is_no_path(fal: LocalFal, tmp_path: Path) -> None:
    url = data_url("image/png", b"\x89PNG")
    fal.add("acme/app", [{"../../etc/\x00\n": url, "": {"x" * 500: data_url("image/png", b"fox")}}])
    assert call(fal, "run", "acme/app", "--output", "out", cwd=tmp_path).code == 0
    assert names_in(tmp_path) == ["out"]
    names = names_in(tmp_path / "out")
    assert all(name.startswith("app-0001-") and len(name) < 100 for name in names)


def test_a_broken_address_is_said(fal: LocalFal, tmp_path: Path) -> None:
    fal.add("acme/app", [{"a": "data:image/png;base64,!!!"}, {"a": data_url("image/png", b"x")}])
    ended = call(fal, "run", "acme/app", "--output", str(tmp_path))
    assert ended.code == 1
    assert ended.lines[0] == "fal-stream: app-0001-a was not saved: a is no base64: '!!!'"
    assert names_in(tmp_path) == ["app-0002-a.png"]


def fetched(fal: LocalFal, folder: Path, answer: Any, *options: str) -> Any:
    """Have a file saved that a chunk names by its address."""
    image = {"url": f"{fal.url}/files/fox.png?x=1", "content_type": "image/png"}
    fal.add("acme/app", [{"images": [image]}])
    fal.route("/files/*", answer)
    return call(fal, "run", "acme/app", "--output", str(folder), *options)


def test_a_file_is_fetched_without_the_key(fal: LocalFal, tmp_path: Path) -> None:
    ended = fetched(fal, tmp_path, Reply([b"\x89PNG", b" fox"], content_type="image/png"))
    assert (ended.code, len(ended.lines)) == (0, 1)
    assert (tmp_path / "app-0001-images-0.png").read_bytes() == b"\x89PNG fox"
    request = fal.requests[1]
    assert request.target == "/files/fox.png?x=1"
    assert "authorization" not in request.headers
    assert "cookie" not in request.headers


def test_a_redirect_to_a_file(fal: LocalFal, tmp_path: Path) -> None:
    def answer(request: RecordedRequest) -> Reply:
        if request.path == "/files/there":
            return Reply([b"fox"], content_type="image/png")
        return Reply(status=302, headers={"location": "/files/there"}, framing="length")

    assert fetched(fal, tmp_path, answer).code == 0
    assert (tmp_path / "app-0001-images-0.png").read_bytes() == b"fox"


REFUSALS: list[tuple[str, Any, str]] = [
    ("missing", Failure(404), "its server answered with status 404"),
    ("large", Reply([b"x" * 200], content_type="image/png"), "images[0] has more than 100 bytes"),
    ("said large", Reply([b"x" * 200], framing="length", content_type="a/b"), "more than 100"),
    (
        "cut",
        Reply([b"x", Cut()], content_type="image/png"),
        "could not be fetched: the connection ended",
    ),
    (
        "away",
        Reply(status=302, headers={"location": "http://127.0.0.1:9/"}),
        "was redirected to a host that files are not downloaded from",
    ),
    ("around", Reply(status=302, headers={"location": "x/y"}), "redirected more than 5 times"),
    (
        "packed",
        Reply([b"x"], content_type="image/png", headers={"content-encoding": "gzip"}),
        "compressed",
    ),
]


@pytest.mark.parametrize(
    ("answer", "said"), [row[1:] for row in REFUSALS], ids=[row[0] for row in REFUSALS]
)
def test_a_file_that_can_not_be_had(fal: LocalFal, tmp_path: Path, answer: Any, said: str) -> None:
    ended = fetched(fal, tmp_path, answer, "--max-file-bytes", "100")
    assert ended.code == 1
    assert len(ended.chunks) == 1
    (line,) = ended.lines
    assert line.startswith("fal-stream: app-0001-images-0 was not saved: ")
    assert said in line
    assert names_in(tmp_path) == []


def test_other_hosts_are_not_asked(fal: LocalFal, tmp_path: Path) -> None:
    with LocalFal(key=None) as other:
        other.route("/files/*", Reply([b"fox"], content_type="image/png"))
        url = f"{other.url}/files/a.png"
        fal.add("acme/app", [{"image": {"url": url}, "source_url": url}])
        ended = call(fal, "run", "acme/app", "--output", str(tmp_path))
        assert ended.code == 1
        (line,) = ended.lines
        assert line == (
            "fal-stream: app-0001-image was not saved: image is on a host that files are not "
            f"downloaded from ({url}): if you trust it, name it by --file-host"
        )
        assert other.requests == []
        ended = call(fal, "run", "acme/app", "--output", str(tmp_path), "--file-host", other.url)
        assert (ended.code, len(other.requests)) == (0, 1)
        assert (tmp_path / "app-0001-image.png").read_bytes() == b"fox"


def test_nothing_to_save(fal: LocalFal, tmp_path: Path) -> None:
    with LocalFal(key=None) as other:
        fal.add("acme/app", [{"output": f"{other.url}/files/a.png"}])
        ended = call(fal, "run", "acme/app", "--output", str(tmp_path))
        assert ended.code == 1
        assert ended.lines == [
            "fal-stream: nothing was saved: no chunk has an image, audio or another file of fal's"
        ]
        assert other.requests == []


def test_a_host_that_is_none(fal: LocalFal, tmp_path: Path) -> None:
    ended = call(fal, "run", "acme/app", "--output", str(tmp_path), "--file-host", "a/b")
    assert ended.code == 2
    assert "'a/b'" in ended.lines[0]
    assert fal.requests == []


def test_a_folder_that_goes_away(fal: LocalFal, tmp_path: Path) -> None:
    def script(request: RecordedRequest) -> list[Any]:
        (tmp_path / "out").rmdir()
        return image_frames(3, pause=0)

    fal.add("acme/flux", script)
    ended = call(fal, "run", "acme/flux", "--output", "out", cwd=tmp_path)
    assert (ended.code, len(ended.chunks)) == (1, 1)
    assert ended.lines == [
        "fal-stream: out/flux-0001-images-0.png can't be written (No such file or directory)"
    ]


def test_pictures_are_those_that_came(fal: LocalFal, tmp_path: Path) -> None:
    buffer = io.BytesIO()
    Image.new("RGB", (3, 2), "red").save(buffer, "WEBP")
    fal.add("acme/app", [{"image": data_url("image/webp", buffer.getvalue())}])
    assert call(fal, "run", "acme/app", "--output", str(tmp_path)).code == 0
    assert (tmp_path / "app-0001-image.webp").read_bytes() == buffer.getvalue()
