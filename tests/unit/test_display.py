"""What snapshots hold, how they are laid out, and when they are drawn."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pydantic
import pytest

import fal_stream
from fal_stream import (
    AbortController,
    AbortSignal,
    ConfigError,
    StreamEventError,
    StreamInterrupted,
)
from fal_stream._display import display as display_module
from fal_stream._display import html as html_module
from fal_stream._display import markdown
from fal_stream._display.display import Display, stream_mime_bundle
from fal_stream._display.extract import INLINE_LIMIT, Media
from fal_stream._display.html import mime_bundle, to_html
from fal_stream._display.lines import LONGEST_TEXT, status, to_lines
from fal_stream._display.nodes import Node
from fal_stream._display.renderers import Notebook
from fal_stream._display.shorten import format_size, short_chunk_repr, terminal_safe, truncated
from fal_stream._display.snapshot import Snapshot, SnapshotBuilder
from fal_stream.testing import image_progress, speech, with_logs, workflow

ROOT = Path(fal_stream.__file__).parents[1]
PNG = "data:image/png;base64,iVBORw0KGgo="


class Text(pydantic.BaseModel):
    output: str


def snapshot_of(*chunks: Any) -> Snapshot:
    """Make the snapshot of some chunks, which came a second apart."""
    maker = SnapshotBuilder("acme/app")
    for number, chunk in enumerate(chunks, 1):
        maker.take(chunk, float(number))
    return maker.snapshot(float(len(chunks)))


def test_a_frame_keeps_what_came_before() -> None:
    chunks = (
        {"image": PNG, "progress": 0.5},
        {"message": "Saving", "seed": 7},
        {"output": "a fox"},
    )
    assert snapshot_of(*chunks) == Snapshot(
        "acme/app",
        "running",
        3.0,
        count=3,
        progress=0.5,
        message="Saving",
        text="a fox",
        media=(Media("image", PNG, "image/png", 9),),
        seed=7,
    )


def test_large_pictures_are_only_named() -> None:
    snapshot = snapshot_of({"image": "data:image/png;base64," + "A" * INLINE_LIMIT})
    assert "<img" not in to_html(snapshot)
    assert "Picture: image/png, 7.5 MB" in to_html(snapshot)
    assert to_lines(snapshot)[0] == "picture: image/png, 7.5 MB"


def test_the_queue_and_the_logs() -> None:
    first, _, _, second, last = with_logs([{"output": "Hi"}], ["Loading", "Run<ning>"], pause=0)
    assert status(snapshot_of(first)).endswith("in the queue at position 2")
    snapshot = snapshot_of(first, second)
    assert snapshot.logs == ("Run<ning>",)
    assert "Run&lt;ning&gt;" in to_html(snapshot)
    maker = SnapshotBuilder("acme/app")
    for number in range(9):
        maker.take({"logs": [{"message": f"line {number}"}]})
    maker.take(last)
    snapshot = maker.ended("failed")
    # The last ones, and where all went well none of them.
    assert snapshot.logs == tuple(f"line {number}" for number in range(4, 9))
    assert to_lines(snapshot)[:6] == [*snapshot.logs, "Hi"]
    assert to_lines(maker.ended("done"))[0] == "Hi"
    assert "line" not in to_html(maker.ended("done"))


def test_a_workflow_has_a_line_for_each_node() -> None:
    events = workflow({"seed": 7, "images": [{"url": PNG}]}, pause=0)
    assert to_lines(snapshot_of(*events[:1]))[0] == "prompt (fal-ai/any-llm): running, 0.0 s"
    lines = to_lines(snapshot_of(*events[:3]))
    assert lines == [
        "prompt (fal-ai/any-llm): done, 1.0 s",
        "picture (fal-ai/flux/dev): running, 0.0 s",
        "acme/app: running, 3 chunks, 3.0 s",
    ]
    snapshot = snapshot_of(*events)
    assert to_lines(snapshot) == [
        "prompt (fal-ai/any-llm): done, 1.0 s",
        "picture (fal-ai/flux/dev): done, 1.0 s",
        "picture: image/png, 9 bytes",
        "acme/app: running, 5 chunks, 5.0 s, seed 7",
    ]
    html = to_html(snapshot)
    assert html.count("<tr ") == 2
    assert "fal-ai/flux/dev</td>" in html
    assert html.count("<img") == 1


def test_a_node_that_runs_counts_the_seconds() -> None:
    node = Node("one", began=2.0)
    assert [node.seconds(now) for now in (2.0, 5.5, 1.0)] == [0.0, 3.5, 0.0]


def test_the_output_of_a_workflow_of_no_known_shape() -> None:
    snapshot = snapshot_of(*workflow({"score": 7}, pause=0))
    assert snapshot.other == "{'score': 7}"


def test_nodes_that_were_not_heard_of_again() -> None:
    maker = SnapshotBuilder("acme/app")
    for event in workflow(pause=0)[:3]:
        maker.take(event)
    assert [node.state for node in maker.ended("aborted").nodes] == ["done", "unfinished"]


def test_there_are_not_more_nodes_than_can_be_shown() -> None:
    nodes = {f"node {number}" + "x" * 999: "acme/app" for number in range(300)}
    snapshot = snapshot_of(*workflow(pause=0, nodes=nodes))
    assert len(snapshot.nodes) == 200
    assert len(snapshot.nodes[0].name) == 80


def test_sound_is_told_while_it_grows() -> None:
    snapshot = snapshot_of(*speech(0.5)[:2])
    assert to_lines(snapshot)[0] == "sound: audio/wav, 9.6 kB, 0.2 s"
    assert "<audio" not in to_html(snapshot)


@pytest.mark.parametrize(
    ("media", "html"),
    [
        (
            Media("audio", "https://fal.media/1.mp3?a=1&b", "audio/mpeg"),
            '<audio controls preload="metadata" src="https://fal.media/1.mp3?a=1&amp;b"',
        ),
        (
            Media("video", "data:video/mp4;base64,AAAA", "video/mp4", 3),
            '<video controls preload="metadata" src="data:video/mp4;base64,AAAA"',
        ),
        (
            Media("file", "https://fal.media/1.glb", "model/gltf-binary"),
            '<a href="https://fal.media/1.glb" target="_blank" rel="noopener noreferrer">',
        ),
        (Media("audio", None, "audio/wav", 10**8, 9.5), "Sound: audio/wav, 100.0 MB, 9.5 s</span>"),
        (Media("file", None), "File: of an unknown type</span>"),
    ],
)
def test_players(media: Media, html: str) -> None:
    assert html in to_html(Snapshot("acme/app", media=(media,)))


def test_four_pictures_stand_side_by_side() -> None:
    *_, chunk = image_progress(1, size=8, pause=0, images=4)
    html = to_html(snapshot_of(chunk))
    assert html.count("<img") == 4
    assert html.count("max-width:min(48%,300px)") == 4
    assert "flex-wrap:wrap" in html


def test_mathematics_is_not_made_of_text() -> None:
    html = to_html(snapshot_of({"output": "It costs $5, not $12"}))
    assert html.startswith('<div class="fal-stream mathjax_ignore tex2jax_ignore">')
    assert "It costs $5, not $12" in html


def test_reasoning_is_open_until_the_answer_comes() -> None:
    thinking = snapshot_of({"output": "", "reasoning": "Let me <think>"})
    assert "<details open" in to_html(thinking)
    assert "Let me &lt;think&gt;" in to_html(thinking)
    assert to_lines(thinking)[0] == "Let me <think>"
    answered = snapshot_of({"output": "", "reasoning": "a"}, {"output": "b", "reasoning": "a"})
    assert "<details style" in to_html(answered)
    assert to_lines(answered)[0] == "b"


def test_the_status_tells_seed_and_request_id() -> None:
    maker = SnapshotBuilder("acme/app")
    maker.take({"seed": 42, "message": "Saving"})
    snapshot = maker.ended("done", 1.5, request_id="1234-abc\x1b")
    assert status(snapshot) == (
        "acme/app: done, 1 chunk, 1.5 s, seed 42, request id 1234-abc\N{REPLACEMENT CHARACTER}"
    )


def test_the_status_tells_why_it_failed() -> None:
    snapshot = SnapshotBuilder("acme/app").ended("failed", 1.5, "It <broke>\nin two", "1234")
    assert status(snapshot) == (
        "acme/app: failed, 0 chunks, 1.5 s, request id 1234: It <broke> in two"
    )
    html = to_html(snapshot)
    assert html.count("It &lt;broke&gt; in two") == 1
    assert len(status(SnapshotBuilder("acme/app").ended("failed", failure="x" * 9999))) < 600


MARKDOWN = """# Foxes

**Bold**, `code` and [a link](https://example.com/?a=1&b=2)

| a | b |
| - | - |
| $5 | $12 |

```python
print("<b>")
```
"""


def markdown_html(text: str) -> str:
    maker = SnapshotBuilder("acme/app", is_markdown=True)
    maker.take({"output": text})
    return to_html(maker.snapshot())


def test_markdown() -> None:
    html = markdown_html(MARKDOWN)
    for part in (
        "<h1>Foxes</h1>",
        "<strong>Bold</strong>",
        "<code>code</code>",
        '<a href="https://example.com/?a=1&amp;b=2" target="_blank" rel="noopener noreferrer">',
        "<td>$12</td>",
        "print(&quot;&lt;b&gt;&quot;)",
    ):
        assert part in html


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "[a](javascript:alert(1))",
        "[a](data:text/html,alert)",
        "<javascript:alert(1)>",
        "![a](https://evil.example/?q=secret)",
        '[a](https://a.example/"onclick="alert(1))',
        '```"><script>alert(1)</script>\na\n```',
    ],
)
def test_markdown_is_data(text: str) -> None:
    html = markdown_html(text)
    assert "<script" not in html
    assert "<img" not in html
    assert 'href="javascript' not in html
    assert 'href="data' not in html
    assert '"onclick' not in html


def test_long_markdown_is_shown_as_it_is() -> None:
    assert "<p>" not in markdown_html("**a** " * markdown.LONGEST_MARKDOWN)


def test_a_long_text_has_an_end() -> None:
    text = "a" * (html_module.LONGEST_HTML_TEXT + 5)
    maker = SnapshotBuilder("acme/app")
    maker.take({"output": text})
    assert "[... 5 characters]" in to_html(maker.ended("done"))
    assert to_lines(maker.ended("done"))[0] == text


def test_a_chunk_of_no_known_shape_is_shown_in_short() -> None:
    chunk = {"embedding": [0] * 1000, "note": "x" * 300}
    snapshot = snapshot_of(chunk)
    assert snapshot.other == (
        "{'embedding': [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, ...], 'note': '" + "x" * 200 + "...'}"
    )
    assert to_lines(snapshot)[0] == snapshot.other
    # It is of no interest beside what can be shown.
    assert snapshot_of({"output": "a"}, chunk).other is None
    snapshot = snapshot_of(chunk, b"12345")
    assert to_lines(snapshot) == [status(snapshot)]
    assert status(snapshot) == "acme/app: running, 2 chunks, 5 bytes, 2.0 s"


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
    assert short_chunk_repr(value) == text


@pytest.mark.parametrize(
    ("count", "said"),
    [(0, "0 bytes"), (999, "999 bytes"), (1000, "1.0 kB"), (2.5e6, "2.5 MB"), (5e9, "5.0 GB")],
)
def test_a_size(count: float, said: str) -> None:
    assert format_size(count) == said


def test_no_control_character_is_printed() -> None:
    assert terminal_safe("a\x1b[2J\x07\x9b\u202eb\r\n\tc\rd") == (
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
    assert truncated(text, columns) == start
    assert truncated(text, columns, at_end=False) == end


def test_html() -> None:
    snapshot = Snapshot(
        "acme/app",
        "running",
        1.26,
        3,
        progress=0.4,
        message="<i>",
        text="<b>",
        media=(Media("image", "https://fal.media/1?a=1&b=2", "image/png"),),
    )
    html = to_html(snapshot)
    assert ">&lt;b&gt;</div>" in html
    assert '<img src="https://fal.media/1?a=1&amp;b=2"' in html
    assert 'referrerpolicy="no-referrer"' in html
    assert '<progress value="0.4000" max="1">' in html
    assert "acme/app: running, 40%, 3 chunks, 1.3 s, &lt;i&gt;</span></div>" in html
    assert "<progress" not in to_html(replace(snapshot, state="done"))


def test_half_a_character() -> None:
    snapshot = Snapshot("acme/app", text="a\ud83db")
    for text in mime_bundle(snapshot).values():
        assert "a\ufffdb" in text
        assert text.encode()


def test_lines() -> None:
    media = (
        Media("image", "https://fal.media/1", "image/png"),
        Media("image", PNG, "image/png", 9),
    )
    snapshot = Snapshot("acme/app", "failed", 2, 1, text="a\nb\n", media=media, failure="No luck")
    assert to_lines(snapshot) == [
        "a",
        "b",
        "picture: https://fal.media/1 (image/png)",
        "picture: image/png, 9 bytes",
        "acme/app: failed, 1 chunk, 2.0 s: No luck",
    ]
    assert mime_bundle(snapshot)["text/plain"] == "\n".join(to_lines(snapshot))


def test_the_end_of_a_long_text_is_shown_while_it_grows() -> None:
    snapshot = Snapshot("acme/app", "running", text="a" * LONGEST_TEXT + "b")
    assert to_lines(snapshot)[0] == "[...]" + "a" * (LONGEST_TEXT - 1) + "b"
    assert to_lines(replace(snapshot, state="done"))[0] == snapshot.text


def test_the_bundle_of_a_stream() -> None:
    assert stream_mime_bundle("<FalStream>", None)["text/plain"] == "<FalStream>"
    html = stream_mime_bundle("<FalStream>", {"image": PNG, "output": "<b>"})["text/html"]
    assert html.count("<img") == 1
    assert "&lt;FalStream&gt;" in html
    assert "&lt;b&gt;" in html


class Snapshots:
    """A renderer that keeps what it is to draw, and may fail to."""

    def __init__(self, fails_at: int | None = None) -> None:
        self.snapshots: list[Snapshot] = []
        self._fails_at = fails_at

    def draw(self, snapshot: Snapshot) -> None:
        self.snapshots.append(snapshot)
        if len(self.snapshots) == self._fails_at:
            raise OSError("no such terminal")


class Shown:
    """What a display knows of a stream."""

    endpoint_id = "acme/app"
    request_id = "1234"
    response_headers: Mapping[str, str] = {"content-type": "audio/mpeg"}

    @property
    def signal(self) -> AbortSignal:
        return AbortController().signal


def show(monkeypatch: pytest.MonkeyPatch, renderer: Snapshots | None) -> Display:
    """Make a display that draws by a renderer."""
    monkeypatch.setattr(display_module, "find_renderer", lambda: renderer)
    return Display(Shown())


def test_the_last_frame_is_always_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    snapshots = Snapshots()
    with show(monkeypatch, snapshots) as display:
        for number in range(1000):
            display.take({"output": f"{number}"})
        assert display.end(display) is display
    first, *_, last = snapshots.snapshots
    assert (first.state, first.count) == ("waiting", 0)
    assert (last.state, last.count) == ("done", 1001)
    assert len(snapshots.snapshots) < 100


def test_a_result_that_was_taken_is_counted_once(monkeypatch: pytest.MonkeyPatch) -> None:
    snapshots, chunk = Snapshots(), {"output": "a"}
    with show(monkeypatch, snapshots) as display:
        display.take(chunk)
        assert display.end(chunk) is chunk
        assert display.end(None) is None
    assert snapshots.snapshots[-1].count == 1


FAILURES: list[tuple[BaseException, str, str]] = [
    (OSError("No luck"), "failed", "No luck"),
    (OSError(), "failed", "OSError"),
    (StreamInterrupted("It broke", chunks_received=1, endpoint_id="a/b"), "failed", "It broke"),
    (KeyboardInterrupt(), "interrupted", ""),
]


@pytest.mark.parametrize(("error", "state", "failure"), FAILURES)
def test_what_ended_it(
    monkeypatch: pytest.MonkeyPatch, error: BaseException, state: str, failure: str
) -> None:
    snapshots = Snapshots()
    with pytest.raises(type(error)), show(monkeypatch, snapshots):
        raise error
    last = snapshots.snapshots[-1]
    assert (last.state, last.failure, last.request_id) == (state, failure, "1234")


def test_the_node_that_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    snapshots = Snapshots()
    *events, failure = workflow(pause=0, failed="picture")
    with pytest.raises(StreamEventError), show(monkeypatch, snapshots) as display:
        for event in events:
            display.take(event)
        raise StreamEventError("It failed", data=failure)
    assert [node.state for node in snapshots.snapshots[-1].nodes] == ["done", "failed"]


def test_the_type_of_a_body_is_told_by_the_response(monkeypatch: pytest.MonkeyPatch) -> None:
    snapshots = Snapshots()
    with show(monkeypatch, snapshots) as display:
        display.take(b"\x00\x00")
    assert [one.content_type for one in snapshots.snapshots[-1].media] == ["audio/mpeg"]


def test_markdown_needs_a_library_in_a_notebook(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(display_module, "find_renderer", lambda: Notebook(None))
    monkeypatch.setitem(sys.modules, "markdown_it", None)
    with pytest.raises(ConfigError, match="needs markdown-it-py"):
        Display(Shown(), markdown=True).__enter__()


@pytest.mark.skipif(sys.version_info < (3, 11), reason="the interpreter keeps it elsewhere")
def test_an_interrupt_does_not_tell_where_the_wait_was(monkeypatch: pytest.MonkeyPatch) -> None:
    def wait(error: BaseException) -> None:
        with show(monkeypatch, Snapshots()):
            read(error)

    def read(error: BaseException) -> None:
        raise error

    for error, is_told in ((KeyboardInterrupt(), False), (OSError(), True)):
        with pytest.raises(type(error)) as caught:
            wait(error)
        assert ("read" in [entry.name for entry in caught.traceback]) == is_told


@pytest.mark.parametrize("fails_at", [1, 2])
def test_a_frames_that_fails_is_left_alone(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, fails_at: int
) -> None:
    snapshots = Snapshots(fails_at)
    with show(monkeypatch, snapshots) as display:
        display.take({"output": "a"})
    with show(monkeypatch, None) as display:
        display.take({"output": "a"})
    assert len(snapshots.snapshots) == fails_at
    assert [record.message for record in caplog.records] == [
        "The stream from acme/app can't be shown"
    ]


class Odd(dict[str, Any]):
    def get(self, *_: Any) -> Any:
        raise RuntimeError("odd")


def test_a_chunk_that_fails_does_not_end_the_stream(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    snapshots = Snapshots()
    with show(monkeypatch, snapshots) as display:
        display.take(Odd())
        display.take({"output": "a"})
    assert snapshots.snapshots[-1].text == "a"
    assert [record.message for record in caplog.records] == ["A chunk can't be shown"]


def test_nothing_that_draws_is_imported_before_it_draws() -> None:
    code = (
        "import sys\nsys.modules['click'] = None  # or httpx imports rich\nimport fal_stream\n"
        "assert not {'IPython', 'rich'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)
