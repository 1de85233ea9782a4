"""The files in a chunk."""

from __future__ import annotations

import base64
import dataclasses
import json
import time
import tracemalloc
from typing import Any

import pydantic
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fal_stream import Config, ConfigError
from fal_stream._shared.chunk_files import find_files_in_chunk
from fal_stream._shared.file_bundle import LARGEST_SHOWN, file_mime_bundle, html_of
from fal_stream._shared.file_hosts import FileHosts, encoded_url, make_file_hosts, shown_url
from fal_stream._shared.found_file import FoundFile
from fal_stream.errors import printable

OWN = "http://127.0.0.1:8000"
HOSTS = make_file_hosts(Config(credentials="a:b", rest_url=OWN))
PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n" + bytes(9000)).decode()


def found_in(chunk: object, hosts: FileHosts = HOSTS) -> list[FoundFile]:
    return list(find_files_in_chunk(chunk, hosts))


def places(chunk: object) -> list[str]:
    return [found.place for found in found_in(chunk)]


@pytest.mark.parametrize(
    "url",
    [
        "https://fal.media/files/a.png",
        "https://v3.fal.media/files/a/b.png?x=y",
        "HTTPS://V3B.fal.media:443/a.png",
        "https://fal.media/f\u00fcchsin und fuchs.png",
        "https://storage.googleapis.com/falserverless/a.png",
        f"{OWN}/files/a.png",
    ],
)
def test_addresses_of_files(url: str) -> None:
    assert HOSTS.allows(url)


@pytest.mark.parametrize(
    "url",
    [
        "http://fal.media/files/a.png",
        "https://fal.media:8443/a.png",
        "https://evilfal.media/a.png",
        "https://fal.media.evil.example/a.png",
        "https://user:password@fal.media/a.png",
        "https://fal.media@evil.example/a.png",
        "https://evil.example\\@fal.media/a.png",
        "https://evil.example#@fal.media/a.png",
        "https://storage.googleapis.com/other/a.png",
        "https://queue.fal.run/acme/app/requests/1",
        "http://169.254.169.254/latest/meta-data",
        "http://127.0.0.1:8001/files/a.png",
        "https://127.0.0.1:8000/files/a.png",
        "https://[::1/a.png",
        "https://fal.media:x/a.png",
        "https://fal.media/\r\nx: y",
        "ftp://fal.media/a.png",
        "file:///etc/passwd",
        "see https://fal.media/a.png",
        "https://fal.media/" + "x" * 20_000,
    ],
)
def test_other_addresses(url: str) -> None:
    assert not HOSTS.allows(url)
    assert not FileHosts().allows(url)


def test_named_hosts() -> None:
    named = make_file_hosts(None, ["cdn.example.com", "a.example:8443", "http://localhost:9000/"])
    assert named.allows("https://CDN.example.com/x")
    assert named.allows("https://a.example:8443/x")
    assert named.allows("http://localhost:9000/x")
    assert not named.allows("http://cdn.example.com/x")
    assert not named.allows("https://x.cdn.example.com/x")
    assert not named.allows("https://a.example/x")
    assert not named.allows("http://localhost:9001/x")
    settings = Config(
        credentials="a:b", run_url="https://apps.example/x", trusted_hosts=["t.example"]
    )
    own = make_file_hosts(settings)
    assert own.allows("https://apps.example/y")
    assert own.allows("https://t.example/y")
    assert not make_file_hosts(Config(credentials="a:b")).allows("https://fal.run/x")


@pytest.mark.parametrize(
    "hosts",
    [
        "cdn.example.com",
        None,
        7,
        ["https://cdn.example.com/x"],
        ["ftp://x"],
        ["a/b"],
        [""],
        ["*"],
        [7],
    ],
)
def test_what_is_no_host(hosts: Any) -> None:
    with pytest.raises(ConfigError, match="hosts"):
        make_file_hosts(None, hosts)


def test_files_are_found_in_order() -> None:
    chunk = {
        "images": [
            {"url": "data:image/png;base64,AA==", "content_type": "image/webp"},
            {"url": "https://fal.media/b.jpg", "content_type": 7, "width": 64, "height": 32.0},
        ],
        "url": "https://fal.media/c",
        "text": "data: not an address, but a text",
        "note": "data:,",
        "deep": [[{"audio": "DATA:audio/wav;base64,AA=="}]],
    }
    assert [(file.place, file.url, file.content_type) for file in found_in(chunk)] == [
        ("images[0]", "data:image/png;base64,AA==", "image/webp"),
        ("images[1]", "https://fal.media/b.jpg", "image/jpeg"),
        ("", "https://fal.media/c", None),
        ("note", "data:,", "text/plain"),
        ("deep[0][0].audio", "DATA:audio/wav;base64,AA==", "audio/wav"),
    ]
    second = found_in(chunk)[1]
    assert (second.width, second.height) == (64, 32)
    assert places(None) == []
    assert places("data:,x") == [""]
    assert places(b"data:,x") == []


@pytest.mark.parametrize(
    ("chunk", "place"),
    [
        ({"type": "image_generation.partial_image", "b64_json": PNG}, ""),
        ({"type": "image.partial", "image": {"partial_index": 0, "b64_json": PNG}}, "image"),
        ({"result": {"data": [{"b64_json": PNG, "url": None}]}}, "result.data[0]"),
        ({"output": [{"b64_json": PNG, "revised_prompt": "a fox"}]}, "output[0]"),
    ],
)
def test_base64(chunk: Any, place: str) -> None:
    (file,) = found_in(chunk)
    assert file.place == place
    assert file.content_type == "image/png"
    assert file.url == f"data:image/png;base64,{PNG}"
    assert file.decode() == base64.b64decode(PNG)
    assert file.suffix() == ".png"


def test_one_file_in_two_forms() -> None:
    both = {"url": "https://fal.media/a.png", "b64_json": PNG}
    assert [file.url for file in found_in({"image": both})] == ["https://fal.media/a.png"]


@pytest.mark.parametrize(
    "chunk",
    [
        {"images": [{"url": "https://cdn.example/x"}]},
        {"result": {"url": "https://cdn.example/x", "content_type": "video/mp4"}},
        {"result": {"url": "https://cdn.example/x.mp4"}},
        {"video": "https://cdn.example/x.mp4"},
        {"output_images": ["https://cdn.example/x.mp4?signature=1"]},
        {"image": {"url": "data:broken"}},
        {"url": "data:image/png;base64"},
    ],
)
def test_what_is_said_to_be_a_file(chunk: Any) -> None:
    assert len(found_in(chunk)) == 1


@pytest.mark.parametrize(
    "chunk",
    [
        {"output": "https://cdn.example/x.mp4"},
        {"image_url": "https://cdn.example/x.png"},
        {"images": "https://cdn.example/page"},
        {"source": {"url": "https://news.example/page", "title": "News"}},
        {"image": {"url": ""}},
        {"image": {"url": None, "b64_json": ""}},
        {"image": {"url": "x.png"}},
        {"b64_json": 7},
        {"audio": "UklGRg=="},
        {"text": "https://"},
    ],
)
def test_what_is_no_file(chunk: Any) -> None:
    assert found_in(chunk) == []


class Image(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="allow")
    url: str
    content_type: str | None = None


@dataclasses.dataclass
class Clip:
    video: Image
    poster: pydantic.HttpUrl


class Chunk(pydantic.BaseModel):
    images: list[Image]
    clip: Clip
    thumb: tuple[pydantic.HttpUrl, ...] = ()


def test_models_and_dataclasses() -> None:
    chunk = Chunk.model_validate(
        {
            "images": [{"url": f"data:image/png;base64,{PNG}", "width": 3}],
            "clip": {
                "video": {"url": "https://fal.media/a.mp4"},
                "poster": "https://fal.media/b.png",
            },
            "thumb": ["https://fal.media/c.png"],
        }
    )
    files = found_in(chunk)
    assert [file.place for file in files] == ["images[0]", "clip.video", "clip.poster", "thumb[0]"]
    assert files[0].width == 3
    assert files[2].url == "https://fal.media/b.png"


@pytest.mark.parametrize("side", [0, -1, 1.5, True, "64", float("nan"), float("inf"), 1e30, None])
def test_sides_that_are_none(side: Any) -> None:
    (file,) = found_in({"url": "data:,x", "width": side})
    assert file.width is None


def test_names() -> None:
    (file,) = found_in({"images": [{"url": "data:image/png;base64,AA==", "file_name": "../a.py"}]})
    assert file.file_name == file.name("a/b", 3) == "a.py.png"
    (file,) = found_in({"images": [{"url": "https://fal.media/x", "file_name": "a"}]})
    assert file.name(fetched_type="image/webp") == "a.webp"
    (file,) = found_in({"images": ["https://fal.media/x"]})
    assert file.file_name is None
    assert file.name("fal-ai/flux/dev", 3, "image/webp") == "flux-dev-0003-images-0.webp"
    assert file.name() == "images-0.bin"
    assert found_in("data:,x")[0].name() == "file.txt"


def test_values_around_themselves() -> None:
    chunk: dict[str, Any] = {"image": "data:,x"}
    chunk["again"] = [chunk, chunk]
    assert places(chunk) == ["image"]


def test_places_are_short() -> None:
    chunk: Any = "data:,x"
    for _ in range(150):
        chunk = {"\x1b[2J" + "n" * 100_000: chunk}
    (file,) = found_in(chunk)
    assert len(file.place) < 300
    assert file.place.isprintable()
    assert len(file.name("a/b", 1)) < 100


def nested(depth: int, inner: Any) -> Any:
    for _ in range(depth):
        inner = [inner]
    return inner


def test_what_is_too_deep_is_left_out() -> None:
    assert len(found_in(nested(150, "data:,x"))) == 1
    assert found_in(nested(100_000, "data:,x")) == []


@pytest.mark.parametrize("inner", [[], {}, "data:,x", {"url": "data:,x"}, "x", [[[]]]])
def test_memory_is_bounded(inner: Any) -> None:
    chunk = nested(180, [inner] * 50_000)
    size = len(json.dumps(chunk))
    tracemalloc.start()
    try:
        for file in find_files_in_chunk(chunk, HOSTS):
            assert file.is_inline
        assert tracemalloc.get_traced_memory()[1] < 200_000
    finally:
        tracemalloc.stop()
    assert size > 100_000


def test_files_cost_as_much_as_themselves() -> None:
    chunk = nested(180, ["data:,x"] * 20_000)
    tracemalloc.start()
    try:
        files = found_in(chunk)
        assert tracemalloc.get_traced_memory()[1] < 1_000 * len(files)
    finally:
        tracemalloc.stop()
    assert len(files) == 20_000


@pytest.mark.parametrize("start", ["data:", "data:a/b;", "https://", "data:;;;;", "data:a/b,%"])
def test_time_is_linear(start: str) -> None:
    text = start + start[-1] * 1_000_000
    began = time.process_time()
    for file in found_in({"image": {"url": text}, "video": text}):
        file.name()
        repr(file)
        html_of(file)
    assert time.process_time() - began < 1.0


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["data:,x", "data:image/png;base64,AAAA", "https://fal.media/a.png", PNG]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["url", "b64_json", "images", "content_type", "file_name", "width"])
            | st.text(max_size=4),
            inner,
            max_size=4,
        )
    ),
    max_leaves=20,
)


@given(JSON)
def test_any_chunk(chunk: Any) -> None:
    for file in found_in(chunk):
        assert file.url
        assert "/" not in file.name("a/b", 1)
        assert printable(repr(file)) == repr(file)
        assert len(repr(file).splitlines()) == 1
        assert len(repr(file)) < 1_000
        try:
            file.decode()
        except ValueError as error:
            assert str(error).startswith("is no ")  # noqa: PT017
    assert [file.place for file in found_in(chunk)] == places(json.loads(json.dumps(chunk)))


def test_addresses_are_shown_without_their_signature() -> None:
    assert shown_url("https://fal.media/a.png?token=abc#x") == "https://fal.media/a.png"
    assert encoded_url("https://fal.media/\u00fc.png?a=%20") == "https://fal.media/%C3%BC.png?a=%20"
    (file,) = found_in({"image": {"url": "https://fal.media/a.png?token=abc", "width": 3}})
    assert "abc" not in repr(file)
    assert repr(file) == "image image/png https://fal.media/a.png"


def test_bundles() -> None:
    def html(chunk: Any) -> str | None:
        (file,) = found_in(chunk)
        return file_mime_bundle(file, "said").get("text/html")

    picture = {"url": "data:image/png;base64,AA==", "width": 3, "height": 2}
    assert html({"image": picture}) == (
        '<img src="data:image/png;base64,AA==" width="3" height="2" '
        'style="max-width: 100%; height: auto" alt="">'
    )
    assert html({"audio": {"url": "https://fal.media/a.wav"}}) == (
        '<audio controls src="https://fal.media/a.wav"></audio>'
    )
    assert html({"video": {"url": "https://fal.media/a.mp4?a=1&b=2"}}) == (
        '<video controls src="https://fal.media/a.mp4?a=1&amp;b=2" style="max-width: 100%"></video>'
    )
    assert html({"image": "data:image/svg+xml,<svg onload='x'/>"}) is None
    assert html({"file": "data:text/html,<script>"}) is None
    assert html({"image": {"url": "data:image/png;base64," + "A" * LARGEST_SHOWN}}) is None
    hostile = html({"image": {"url": 'data:image/png,"><script>alert(1)</script>'}})
    assert hostile is not None
    assert "<script>" not in hostile
