"""Files that a web framework took from a request, and members of archives."""

from __future__ import annotations

import gzip
import io
import mimetypes
import sys
import tarfile
import zipfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from fastapi import UploadFile as FastAPIFile
from starlette.datastructures import Headers
from starlette.datastructures import UploadFile as StarletteFile
from werkzeug.datastructures import FileStorage

from fal_stream import ConfigError
from fal_stream._input_files.detect import is_file
from fal_stream._input_files.request_files import request_file
from fal_stream._input_files.source import FileSource, open_file

PNG = b"\x89PNG\r\n\x1a\n" + bytes(100)
HEADERS = Headers({"content-type": "image/webp"})


def opened(file: object, **options: Any) -> FileSource:
    assert is_file(file)
    source = open_file("input.image", file, **options)
    source.identify()
    return source


def content(source: FileSource) -> bytes:
    if source.size is not None:
        return source.read(0, source.size)
    pieces = []
    while piece := source.read_next(1_000):
        pieces.append(piece)
    return b"".join(pieces)


FILES: list[tuple[str, Any]] = [
    ("werkzeug", FileStorage(io.BytesIO(PNG), "C\\fox.png", "field", "image/webp")),
    ("starlette", StarletteFile(io.BytesIO(PNG), filename="a/fox.png", headers=HEADERS)),
    ("fastapi", FastAPIFile(io.BytesIO(PNG), filename="fox.png", headers=HEADERS)),
    (
        "one like them",
        SimpleNamespace(
            filename="fox.png",
            content_type="image/webp",
            file=io.BytesIO(PNG),
            read=lambda size=-1: pytest.fail("the file in it is read"),
        ),
    ),
]


NAMES = {
    "werkzeug": "C_fox.png",
    "starlette": "a_fox.png",
    "fastapi": "fox.png",
    "one like them": "fox.png",
}


@pytest.mark.parametrize(("kind", "file"), FILES, ids=[row[0] for row in FILES])
def test_files_of_requests(kind: str, file: Any) -> None:
    source = opened(file)
    assert source.name == NAMES[kind]
    assert source.content_type == "image/webp"
    assert content(source) == PNG
    source.close()
    source = opened(file, content_type="image/gif", file_name="other.gif")
    assert (source.name, source.content_type) == ("other.gif", "image/gif")


@pytest.mark.parametrize(
    "said", ["application/octet-stream", "", "image", "image/png\r\nx: y", None, 7]
)
def test_types_that_say_nothing(said: Any) -> None:
    file = SimpleNamespace(filename="fox.wav", content_type=said, stream=io.BytesIO(PNG), read=len)
    # `mimetypes` knows the system's own names, too.
    assert opened(file).content_type == mimetypes.guess_type("fox.wav", strict=False)[0]
    file.filename = ""
    source = opened(file)
    assert source.content_type == "image/png"
    assert source.name.startswith("upload-")
    assert source.name.endswith(".png")


def test_a_field_of_a_form_is_no_name() -> None:
    source = opened(FileStorage(io.BytesIO(b"x"), None, "field"))
    assert source.name.startswith("upload-")


def test_a_large_file_of_starlette(tmp_path: Path) -> None:
    import tempfile

    spooled: Any = tempfile.SpooledTemporaryFile(max_size=10)  # noqa: SIM115
    with spooled:
        spooled.write(PNG)
        source = opened(StarletteFile(spooled, filename="fox"))
        assert (source.size, source.name, source.content_type) == (len(PNG), "fox", "image/png")
        assert content(source) == PNG
        source.close()


def test_a_closed_file_of_a_request() -> None:
    inner = io.BytesIO(PNG)
    inner.close()
    with pytest.raises(ConfigError, match=r"input\.image=.* is closed"):
        open_file("input.image", FileStorage(inner, "fox.png"))


class Raising:
    """An object that can't say anything."""

    def __getattr__(self, name: str) -> Any:
        raise RuntimeError(name)


@pytest.mark.parametrize(
    "value",
    [
        None,
        7,
        "text",
        b"bytes",
        io.BytesIO(),
        io.StringIO(),
        SimpleNamespace(filename="fox.png"),
        SimpleNamespace(filename=7, file=io.BytesIO()),
        SimpleNamespace(file=io.BytesIO()),
        FileStorage,
    ],
)
def test_other_objects(value: Any) -> None:
    assert request_file(value) is None


def test_objects_that_can_say_nothing() -> None:
    assert request_file(Raising()) is None


# Members of archives.


def test_a_member_of_a_zip(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        archive.writestr("deep/fox.png", PNG)
        archive.writestr("deep/fox", PNG)
    with zipfile.ZipFile(tmp_path / "all.zip") as archive:
        with archive.open("deep/fox.png") as file:
            source = opened(file)
            assert (source.name, source.content_type) == ("fox.png", "image/png")
            assert content(source) == PNG
            source.close()
        with archive.open("deep/fox") as file:
            assert opened(file).name == "fox"


def test_a_member_of_a_tar(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "all.tar", "w") as archive:
        member = tarfile.TarInfo("deep/fox.png")
        member.size = len(PNG)
        archive.addfile(member, io.BytesIO(PNG))
    with tarfile.open(tmp_path / "all.tar") as archive:
        file = archive.extractfile("deep/fox.png")
        assert file is not None
        source = opened(file)
        if sys.version_info >= (3, 12):
            assert source.name == "fox.png"
            assert source.content_type == "image/png"
        else:
            assert source.name.startswith("upload-")
        assert content(source) == PNG
        source.close()


def test_packed_files_warn_of_nothing(tmp_path: Path) -> None:
    with gzip.open(tmp_path / "fox.png.gz", "wb") as packed:
        packed.write(PNG)
    with gzip.open(tmp_path / "fox.png.gz") as unpacked:
        source = opened(unpacked)
        assert (source.name, source.content_type) == ("fox.png", "image/png")
        source.close()


# What the first bytes tell.


@pytest.mark.parametrize(
    ("data", "media_type", "suffix"),
    [
        (PNG, "image/png", ".png"),
        (b"RIFF\x24\x00\x00\x00WAVEfmt ", "audio/wav", ".wav"),
        (b"\x00\x00\x00\x20ftypisom\x00", "video/mp4", ".mp4"),
        (b"a text", "application/octet-stream", ".bin"),
        (b"", "application/octet-stream", ".bin"),
    ],
)
def test_bytes_are_sent_as_what_they_are(
    tmp_path: Path, data: bytes, media_type: str, suffix: str
) -> None:
    path = tmp_path / "fox"
    path.write_bytes(data)
    for file in (data, bytearray(data), memoryview(data), io.BytesIO(data)):
        source = opened(file)
        assert source.content_type == media_type
        assert source.name.startswith("upload-")
        assert source.name.endswith(suffix)
        assert content(source) == data
    if data:
        source = opened(path)
        assert (source.name, source.content_type) == ("fox", media_type)
        source.close()
        with path.open("rb") as own:
            own.seek(3)
            source = opened(own)
            assert (source.name, source.content_type) == ("fox", media_type)
            source.close()
            assert own.tell() == 3


def test_what_is_said_counts_more(tmp_path: Path) -> None:
    assert opened(PNG, content_type="text/plain").content_type == "text/plain"
    assert opened(PNG, file_name="fox.gif").content_type == "image/gif"
    explicit = opened(PNG, content_type="application/octet-stream")
    assert explicit.content_type == "application/octet-stream"
    assert opened(PNG, file_name="fox.bin").content_type == "image/png"
