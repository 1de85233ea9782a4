"""Images of Pillow, as files."""

from __future__ import annotations

import io
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from fal_stream import ConfigError
from fal_stream._input_files.detect import is_file
from fal_stream._input_files.source import FileSource, open_file

Image = pytest.importorskip("PIL.Image")


def fox(mode: str = "RGB") -> Any:
    image = Image.new("RGB", (32, 24))
    image.putdata([(x * 7, y * 9, x * y % 256) for y in range(24) for x in range(32)])
    return image.convert(mode)


def saved(kind: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    fox().save(buffer, format=kind, **options)
    return buffer.getvalue()


def sent(source: FileSource) -> Any:
    assert source.size is not None
    return Image.open(io.BytesIO(source.read(0, source.size)))


def test_an_image_is_a_file() -> None:
    assert is_file(fox())
    assert not is_file(Image.Image)


def test_a_new_image_is_sent_as_png() -> None:
    source = open_file("file", fox())
    image = sent(source)
    assert (image.format, source.content_type) == ("PNG", "image/png")
    assert image.tobytes() == fox().tobytes()
    assert re.fullmatch(r"upload-[0-9a-f]{32}\.png", source.name)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "BMP", "TIFF"])
def test_an_image_that_was_read_keeps_its_format(kind: str) -> None:
    source = open_file("file", Image.open(io.BytesIO(saved(kind))))
    assert (sent(source).format, source.content_type) == (kind, Image.MIME[kind])


@pytest.mark.parametrize("quality", [20, 98])
def test_a_photo_keeps_its_quality(quality: int) -> None:
    photo = Image.open(io.BytesIO(saved("JPEG", quality=quality)))
    assert sent(open_file("file", photo)).quantization == photo.quantization


def test_a_photo_with_more_than_one_picture_is_sent_as_jpeg() -> None:
    photos = saved("MPO", save_all=True, append_images=[fox()])
    image = Image.open(io.BytesIO(photos))
    assert image.format == "MPO"
    source = open_file("file", image)
    assert (sent(source).format, source.content_type) == ("JPEG", "image/jpeg")


def test_what_the_own_format_cannot_hold_is_sent_as_png() -> None:
    image = Image.open(io.BytesIO(saved("JPEG")))
    image.putalpha(7)
    assert (image.format, image.mode) == ("JPEG", "RGBA")
    source = open_file("file", image)
    assert (sent(source).format, sent(source).mode) == ("PNG", "RGBA")
    assert source.content_type == "image/png"


def test_a_format_that_is_no_image_type_is_sent_as_png() -> None:
    image = fox()
    image.format = "PDF"
    assert sent(open_file("file", image)).format == "PNG"
    image.format = "UNHEARD"
    assert sent(open_file("file", image)).format == "PNG"


@pytest.mark.parametrize(
    ("options", "kind", "content_type"),
    [
        ({"content_type": "image/jpeg"}, "JPEG", "image/jpeg"),
        ({"content_type": "Image/BMP; x=y"}, "BMP", "Image/BMP; x=y"),
        ({"file_name": "a.gif"}, "GIF", "image/gif"),
        ({"file_name": "a.txt"}, "PNG", "image/png"),
        ({"content_type": "application/x-fox"}, "PNG", "application/x-fox"),
        ({"content_type": "image/tiff", "file_name": "a.gif"}, "TIFF", "image/tiff"),
    ],
)
def test_it_is_encoded_as_what_it_is_called(options: Any, kind: str, content_type: str) -> None:
    source = open_file("file", fox(), **options)
    assert (sent(source).format, source.content_type) == (kind, content_type)
    assert source.name == options.get("file_name", source.name)


@pytest.mark.parametrize(
    ("image", "options", "message"),
    [
        (fox("RGBA"), {"content_type": "image/jpeg"}, "'RGBA' that Pillow can't save as 'im"),
        (fox(), {"content_type": "image/unheard"}, "as 'image/unheard' (it has no such format): "),
        (fox("HSV"), {}, "mode 'HSV' that Pillow can't save as 'image/png' (cannot write mode "),
        (Image.new("RGB", (0, 0)), {}, "can't save as 'image/png' ("),
    ],
)  # fmt: skip
def test_what_pillow_cannot_do(image: Any, options: Any, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        open_file("input.image", image, **options)
    assert str(caught.value).startswith("input.image is an image of mode ")
    assert message in str(caught.value)


def test_an_image_whose_file_is_broken(tmp_path: Path) -> None:
    (tmp_path / "half.png").write_bytes(saved("PNG")[:200])
    message = r"^file is an image of mode 'RGB' that Pillow can't save as 'image/png'"
    with Image.open(tmp_path / "half.png") as image, pytest.raises(ConfigError, match=message):
        open_file("file", image)


def test_pillow_is_not_imported_for_it() -> None:
    program = (
        "import sys\n"
        "from fal_stream._input_files.detect import is_file\n"
        "assert not is_file(object())\n"
        "assert is_file(b'x')\n"
        "assert not [name for name in sys.modules if name.startswith('PIL')]\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=50)
