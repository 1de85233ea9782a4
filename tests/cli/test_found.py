from __future__ import annotations

import pytest

from fal_stream._cli.found import Found, find_files, is_file_url, read_data_url, stem_of, suffix_of

OWN = "http://127.0.0.1:8000"


@pytest.mark.parametrize(
    "url",
    [
        "https://fal.media/files/a.png",
        "https://v3.fal.media/files/a/b.png?x=y",
        "https://v3b.fal.media:443/a.png",
        "https://storage.googleapis.com/falserverless/a.png",
        f"{OWN}/files/a.png",
    ],
)
def test_addresses_of_files(url: str) -> None:
    assert is_file_url(url, OWN)


@pytest.mark.parametrize(
    "url",
    [
        "http://fal.media/files/a.png",
        "https://fal.media:8443/a.png",
        "https://evilfal.media/a.png",
        "https://fal.media.evil.example/a.png",
        "https://user:password@fal.media/a.png",
        "https://fal.media@evil.example/a.png",
        "https://storage.googleapis.com/other/a.png",
        "https://queue.fal.run/acme/app/requests/1",
        "http://169.254.169.254/latest/meta-data",
        "http://127.0.0.1:8001/files/a.png",
        "https://127.0.0.1:8000/files/a.png",
        "https://[::1/a.png",
        "https://fal.media:x/a.png",
        "ftp://fal.media/a.png",
        "see https://fal.media/a.png",
    ],
)
def test_other_addresses(url: str) -> None:
    assert not is_file_url(url, OWN)
    assert not is_file_url(url, None)


def test_files_are_found_in_order() -> None:
    chunk = {
        "images": [
            {"url": "data:image/png;base64,AA==", "content_type": "image/webp"},
            {"url": "https://fal.media/b.jpg", "content_type": 7},
        ],
        "url": "https://fal.media/c",
        "text": "data: not an address, but a text",
        "note": "data:,",
        "deep": [[{"audio": "DATA:audio/wav;base64,AA=="}]],
    }
    assert list(find_files(chunk, None)) == [
        Found(("images", "0"), "data:image/png;base64,AA==", "image/webp"),
        Found(("images", "1"), "https://fal.media/b.jpg", None),
        Found((), "https://fal.media/c", None),
        Found(("note",), "data:,", None),
        Found(("deep", "0", "0", "audio"), "DATA:audio/wav;base64,AA==", None),
    ]
    assert list(find_files(None, None)) == []
    assert [found.place for found in find_files("data:,x", None)] == [()]


@pytest.mark.parametrize(
    ("url", "media_type", "data"),
    [
        ("data:image/png;base64,aGk=", "image/png", b"hi"),
        ("data:image/PNG;name=a;BASE64,aGk", "image/png", b"hi"),
        ("data:;base64,aG%6B%3D", "text/plain", b"hi"[:1] + b"i"),
        ("data:image/svg+xml,%3Csvg/%3E", "image/svg+xml", b"<svg/>"),
        ("data:,a b", "text/plain", b"a b"),
        ("data:a/b;base64,aG\n k=", "a/b", b"hi"),
    ],
)
def test_data(url: str, media_type: str, data: bytes) -> None:
    assert read_data_url(url) == (media_type, data)


@pytest.mark.parametrize("url", ["data:image/png;base64,!", "data:image/png;base64,a", "data:x"])
def test_broken_data(url: str) -> None:
    with pytest.raises(ValueError, match="it"):
        read_data_url(url)


@pytest.mark.parametrize(
    ("media_type", "url", "suffix"),
    [
        ("image/jpeg", "", ".jpg"),
        ("Audio/WAV; rate=24000", "", ".wav"),
        ("audio/mpeg", "https://fal.media/a.wav", ".mp3"),
        ("application/octet-stream", "https://fal.media/a.GLB?b=.c", ".glb"),
        (None, "https://fal.media/a.webp", ".webp"),
        (None, "https://fal.media/a.b/c", ".bin"),
        (None, "https://fal.media/a.tar-gz", ".bin"),
        ("image/../../x", "", ".bin"),
        (None, "data:,a.png", ".bin"),
    ],
)
def test_suffix(media_type: str | None, url: str, suffix: str) -> None:
    assert suffix_of(media_type, url) == suffix


def test_stem() -> None:
    assert stem_of("fal-ai/flux/dev", "0003", "images", "0") == "flux-dev-0003-images-0"
    assert stem_of("app", "0001") == "app-0001"
    assert stem_of("a/b.c", "0001", "../x", "ü") == "b_c-0001-_x"
    assert stem_of("a/..", "", "") == "chunk"
