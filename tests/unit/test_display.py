"""What is found in chunks, how a text grows, and how it is laid out."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from pathlib import Path
from typing import Any

import pydantic
import pytest

import fal_stream
from fal_stream import AbortController
from fal_stream._display import display as display_module
from fal_stream._display.contents import (
    MOST_PICTURES,
    PICTURE_LIMIT,
    Picture,
    TextPart,
    find_pictures,
    find_progress,
    find_text,
)
from fal_stream._display.display import Display, bundle_of
from fal_stream._display.frame import Frame, FrameMaker
from fal_stream._display.growing import GrowingText
from fal_stream._display.layout import LONGEST_TEXT, mime_bundle, status, to_html, to_lines
from fal_stream._display.shorten import cut, printable, said_size, shortened

ROOT = Path(fal_stream.__file__).parents[1]
PNG = "data:image/png;base64,iVBORw0KGgo="


class Text(pydantic.BaseModel):
    output: str


@dataclasses.dataclass
class Image:
    url: str
    content_type: str = "image/png"


@pytest.mark.parametrize(
    ("chunk", "text"),
    [
        ("a", TextPart("a")),
        ({"output": "a", "partial": True}, TextPart("a")),
        ({"text": ""}, TextPart("")),
        (Text(output="a"), TextPart("a")),
        ({"outputs": ["a", "b"]}, TextPart("a\nb")),
        ({"outputs": [{"url": PNG}]}, None),
        ({"delta": "a"}, TextPart("a", is_new=True)),
        ({"choices": [{"delta": {"content": "a"}}]}, TextPart("a", is_new=True)),
        ({"choices": [{"delta": {}}]}, None),
        ({"choices": []}, None),
        ({"type": "output", "output": {"text": "a"}}, TextPart("a")),
        ({"output": 1}, None),
        ({"output": PNG}, None),
        ("data:audio/wav;base64,AAAA", None),
        ("data: see below", TextPart("data: see below")),
        ({"progress": 0.5, "message": "a"}, None),
        (b"a", None),
        ([1], None),
        (None, None),
    ],
)
def test_text(chunk: Any, text: TextPart | None) -> None:
    assert find_text(chunk) == text


@pytest.mark.parametrize(
    ("value", "part"),
    [(0, 0), (0.25, 0.25), (1, 1), (25, 0.25), (100, 1), (101, None), (-1, None)]
    + [(value, None) for value in (True, "0.5", None, float("nan"), float("inf"))],
)
def test_progress(value: object, part: float | None) -> None:
    assert find_progress({"progress": value}) == (part, None)


def test_the_message() -> None:
    assert find_progress({"message": "Loading"}) == (None, "Loading")
    assert find_progress({"message": 1}) == (None, None)
    assert find_progress([]) == (None, None)


@pytest.mark.parametrize(
    "chunk",
    [
        {"images": [{"url": PNG, "content_type": "image/png"}]},
        {"image": {"url": PNG}},
        {"image_url": PNG},
        {"output": {"anything": [[{"b64": PNG}]]}},
        {"image": Image(PNG)},
        {"images": [{"url": PNG}, {"url": PNG}]},
        PNG,
    ],
)
def test_a_picture_as_data(chunk: object) -> None:
    assert find_pictures(chunk) == (Picture(PNG, "image/png", 9),)


@pytest.mark.parametrize(
    ("chunk", "kind"),
    [
        ({"images": [{"url": "https://fal.media/1", "content_type": "image/webp"}]}, "image/webp"),
        ({"file": {"url": "https://fal.media/1", "content_type": "image/webp"}}, "image/webp"),
        ({"image": {"url": "https://fal.media/1"}}, ""),
        ({"image_url": "https://fal.media/1"}, ""),
        ({"result": "https://fal.media/1.PNG?x=1"}, ""),
    ],
)
def test_the_address_of_a_picture(chunk: object, kind: str) -> None:
    (picture,) = find_pictures(chunk)
    assert (picture.url or "").startswith("https://fal.media/1")
    assert (picture.kind, picture.size) == (kind, None)


@pytest.mark.parametrize(
    "chunk",
    [
        {"video": {"url": "https://fal.media/1", "content_type": "video/mp4"}},
        {"images": [{"url": "https://fal.media/1", "content_type": "video/mp4"}]},
        {"url": "https://fal.media/1"},
        {"image": "javascript:alert(1)"},
        {"image": "JavaScript://fal.media/1.png"},
        {"image": "file:///etc/1.png"},
        {"image": 'https://fal.media/1.png" onerror="x'},
        {"image": "https://fal.media/" + "x" * 5000},
        {"image": "data:text/html;base64,AAAA"},
        {"image": "data:image/svg+xml;base64,AAAA"},
        {"audio": {"url": "data:audio/wav;base64,AAAA"}},
        {"output": f"See {PNG}"},
        [[[[[[[[PNG]]]]]]]],
        [*[0] * 1000, PNG],
        b"data:image/png;base64,AAAA",
        None,
    ],
)
def test_no_picture(chunk: object) -> None:
    assert find_pictures(chunk) == ()


def test_a_chunk_that_holds_itself_is_looked_at_to_an_end() -> None:
    chunk: dict[str, Any] = {"image": PNG}
    chunk["again"] = [chunk, chunk]
    assert find_pictures(chunk) == (Picture(PNG, "image/png", 9),)
    assert "..." in shortened(chunk)


def test_large_pictures_are_not_shown() -> None:
    head = "data:image/png;base64,"
    large = head + "A" * PICTURE_LIMIT
    assert find_pictures([large, PNG]) == (
        Picture(None, "image/png", PICTURE_LIMIT * 3 // 4),
        Picture(PNG, "image/png", 9),
    )
    # The limit is for all of them.
    halves = [head + letter * (PICTURE_LIMIT // 2 - len(head)) for letter in "ABC"]
    assert [bool(picture.url) for picture in find_pictures(halves)] == [True, True, False]
    assert len(find_pictures([head + "A" * 4 * n for n in range(99)])) == MOST_PICTURES
    maker = FrameMaker("acme/app")
    maker.take({"image": large})
    assert "<img" not in to_html(maker.frame)
    assert to_lines(maker.frame)[0] == "picture: image/png, 7.5 MB, too large to be shown"


@pytest.mark.parametrize(
    ("parts", "text"),
    [
        (["He", "Hello", "Hello you"], "Hello you"),
        (["He", "llo", " you"], "Hello you"),
        (["ha", "ha", "!"], "haha!"),
        (["", "ha"], "ha"),
        (["He", "llo", "Hello", " you"], "Hello you"),
        (["A whole sentence", "A whole sentence, and", "Another sentence"], "Another sentence"),
        ([], ""),
    ],
)
def test_a_text_grows(parts: list[str], text: str) -> None:
    growing = GrowingText()
    for part in parts:
        growing.take(part)
    assert growing.text == text


def test_new_parts_that_say_so() -> None:
    growing = GrowingText()
    for part in ("ha", "ha", "ha"):
        growing.take(part, is_new=True)
    assert growing.text == "hahaha"


def test_a_frame_keeps_what_came_before() -> None:
    maker = FrameMaker("acme/app")
    for chunk in ({"image": PNG, "progress": 0.5}, {"message": "Saving"}, {"output": "a fox"}):
        maker.take(chunk)
    assert maker.frame == Frame(
        "acme/app",
        "running",
        count=3,
        progress=0.5,
        message="Saving",
        text="a fox",
        pictures=(Picture(PNG, "image/png", 9),),
    )


def test_a_chunk_of_no_known_shape_is_shown_in_short() -> None:
    maker = FrameMaker("acme/app")
    maker.take({"embedding": [0] * 1000, "sound": "data:audio/wav;base64," + "A" * 4000})
    assert maker.frame.other == (
        "{'embedding': [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, ...], "
        "'sound': 'data:audio/wav;base64,... 4.0 kB'}"
    )
    maker.take(b"12345")
    assert to_lines(maker.frame) == [status(maker.frame)]
    assert status(maker.frame) == "acme/app: running, 2 chunks, 5 bytes, 0.0 s"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"b": 1, "a": None}, "{'b': 1, 'a': None}"),
        (PNG + "A" * 1978, "'data:image/png;base64,... 2.0 kB'"),
        ("x" * 300, "'" + "x" * 200 + "...'"),
        (Text(output="a"), "Text(output='a')"),
        (b"ab", "b'ab'"),
        (b"a" * 1500, "<1.5 kB>"),
        ("\x1b[31m", r"'\x1b[31m'"),
        ({n: n for n in range(13)}, str({n: n for n in range(12)})[:-1] + ", ...}"),
    ],
)
def test_shortened(value: object, text: str) -> None:
    assert shortened(value) == text


@pytest.mark.parametrize(
    ("count", "said"),
    [(0, "0 bytes"), (999, "999 bytes"), (1000, "1.0 kB"), (2.5e6, "2.5 MB"), (5e9, "5.0 GB")],
)
def test_a_size(count: float, said: str) -> None:
    assert said_size(count) == said


def test_no_control_character_is_printed() -> None:
    assert printable("a\x1b[2J\x07\x9b\u202eb\r\n\tc\rd") == (
        "a\ufffd[2J\ufffd\ufffd\ufffdb\n\tc\ufffdd"
    )


@pytest.mark.parametrize(
    ("text", "columns", "start", "end"),
    [
        ("abcdef", 3, "abc", "def"),
        ("abc", 3, "abc", "abc"),
        ("\u72d0\u72d0\u72d0", 3, "\u72d0", "\u72d0"),
        ("abc", 0, "", ""),
        ("", 3, "", ""),
    ],
)
def test_a_line_is_cut(text: str, columns: int, start: str, end: str) -> None:
    assert cut(text, columns) == start
    assert cut(text, columns, at_end=False) == end


def test_html() -> None:
    frame = Frame(
        "acme/app",
        "running",
        1.26,
        3,
        progress=0.4,
        message="<i>",
        text="<b>",
        pictures=(Picture("https://fal.media/1?a=1&b=2", "image/png"),),
    )
    html = to_html(frame)
    assert ">&lt;b&gt;</div>" in html
    assert '<img src="https://fal.media/1?a=1&amp;b=2"' in html
    assert 'referrerpolicy="no-referrer"' in html
    assert '<progress value="0.4000" max="1">' in html
    assert "acme/app: running, 40%, 3 chunks, 1.3 s, &lt;i&gt;</div>" in html
    assert "<progress" not in to_html(frame.ended("done"))


def test_half_a_character() -> None:
    frame = Frame("acme/app", text="a\ud83db")
    for text in mime_bundle(frame).values():
        assert "a\ufffdb" in text
        assert text.encode()


def test_lines() -> None:
    pictures = (Picture("https://fal.media/1", "image/png"), Picture(PNG, "image/png", 9))
    frame = Frame("acme/app", "failed", 2, 1, text="a\nb\n", pictures=pictures, failure="ApiError")
    assert to_lines(frame) == [
        "a",
        "b",
        "picture: https://fal.media/1 (image/png)",
        "picture: image/png, 9 bytes",
        "acme/app: failed (ApiError), 1 chunk, 2.0 s",
    ]
    assert mime_bundle(frame)["text/plain"] == "\n".join(to_lines(frame))


def test_the_end_of_a_long_text_is_shown_while_it_grows() -> None:
    frame = Frame("acme/app", "running", text="a" * LONGEST_TEXT + "b")
    assert to_lines(frame)[0] == "[...]" + "a" * (LONGEST_TEXT - 1) + "b"
    assert to_lines(frame.ended("done"))[0] == frame.text


def test_the_bundle_of_a_stream() -> None:
    assert bundle_of("<FalStream>", None)["text/plain"] == "<FalStream>"
    html = bundle_of("<FalStream>", {"image": PNG, "output": "<b>"})["text/html"]
    assert html.count("<img") == 1
    assert "&lt;FalStream&gt;" in html
    assert "&lt;b&gt;" in html


class Frames:
    """A surface that keeps what is drawn on it, and may fail to."""

    def __init__(self, fails_at: int | None = None) -> None:
        self.frames: list[Frame] = []
        self._fails_at = fails_at

    def draw(self, frame: Frame) -> None:
        self.frames.append(frame)
        if len(self.frames) == self._fails_at:
            raise OSError("no such terminal")


def show(monkeypatch: pytest.MonkeyPatch, surface: Frames | None) -> Display:
    """Make a display that draws on a surface."""
    monkeypatch.setattr(display_module, "find_surface", lambda: surface)
    return Display("acme/app", AbortController().signal)


def test_the_last_frame_is_always_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    surface = Frames()
    with show(monkeypatch, surface) as display:
        for number in range(1000):
            display.take({"output": f"{number}"})
        assert display.end(display) is display
    first, *_, last = surface.frames
    assert (first.state, first.count) == ("waiting", 0)
    assert (last.state, last.count) == ("done", 1001)
    assert len(surface.frames) < 100


def test_a_result_that_was_taken_is_counted_once(monkeypatch: pytest.MonkeyPatch) -> None:
    surface, chunk = Frames(), {"output": "a"}
    with show(monkeypatch, surface) as display:
        display.take(chunk)
        assert display.end(chunk) is chunk
        assert display.end(None) is None
    assert surface.frames[-1].count == 1


@pytest.mark.parametrize(
    ("error", "state"), [(OSError(), "failed"), (KeyboardInterrupt(), "interrupted")]
)
def test_what_ended_it(monkeypatch: pytest.MonkeyPatch, error: BaseException, state: str) -> None:
    surface = Frames()
    with pytest.raises(type(error)), show(monkeypatch, surface):
        raise error
    assert surface.frames[-1].state == state
    assert surface.frames[-1].failure == type(error).__name__


@pytest.mark.skipif(sys.version_info < (3, 11), reason="the interpreter keeps it elsewhere")
def test_an_interrupt_does_not_tell_where_the_wait_was(monkeypatch: pytest.MonkeyPatch) -> None:
    def wait(error: BaseException) -> None:
        with show(monkeypatch, Frames()):
            read(error)

    def read(error: BaseException) -> None:
        raise error

    for error, is_told in ((KeyboardInterrupt(), False), (OSError(), True)):
        with pytest.raises(type(error)) as caught:
            wait(error)
        assert ("read" in [entry.name for entry in caught.traceback]) == is_told


@pytest.mark.parametrize("fails_at", [1, 2])
def test_a_surface_that_fails_is_left_alone(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, fails_at: int
) -> None:
    surface = Frames(fails_at)
    with show(monkeypatch, surface) as display:
        display.take({"output": "a"})
    with show(monkeypatch, None) as display:
        display.take({"output": "a"})
    assert len(surface.frames) == fails_at
    assert [record.message for record in caplog.records] == [
        "The stream from acme/app can't be shown"
    ]


class Odd(dict[str, Any]):
    def get(self, *_: Any) -> Any:
        raise RuntimeError("odd")


def test_a_chunk_that_fails_does_not_end_the_stream(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    surface = Frames()
    with show(monkeypatch, surface) as display:
        display.take(Odd())
        display.take({"output": "a"})
    assert surface.frames[-1].text == "a"
    assert [record.message for record in caplog.records] == ["A chunk can't be shown"]


def test_nothing_that_draws_is_imported_before_it_draws() -> None:
    code = (
        "import sys\nsys.modules['click'] = None  # or httpx imports rich\nimport fal_stream\n"
        "assert not {'IPython', 'rich'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)
