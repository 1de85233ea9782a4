"""Notebooks that are executed from their first cell to their last, and what stands in them then."""

from __future__ import annotations

import re
from html import escape, unescape
from typing import Any

import nbformat
from nbclient import NotebookClient

from fal_stream.testing import Cut, LocalFal, Pause, image_frames, tokens
from tests.display.kernel import Kernel

IMAGE = re.compile(r'<img src="([^"]*)"')
BLOCKING = """
from fal_stream import stream
result = stream('acme/app').show()
"""
ASYNC = """
from fal_stream import stream_async
result = await stream_async('acme/app').show()
"""


NAMES = ("acme/app", "acme/parts")


def execute(*cells: str) -> list[list[Any]]:
    """Execute a notebook, and give the outputs of each cell."""
    notebooks: Any = nbformat.v4
    notebook = notebooks.new_notebook(cells=[notebooks.new_code_cell(code) for code in cells])
    NotebookClient(notebook, timeout=60, kernel_name="python3").execute()
    return [cell["outputs"] for cell in notebook["cells"]]


def pairwise(outputs: list[list[Any]]) -> list[tuple[list[Any], list[Any]]]:
    """Give the outputs of cells and of those that look at what they did, two by two."""
    return list(zip(outputs[::2], outputs[1::2], strict=True))


def html_of(outputs: list[Any]) -> str:
    """Give the HTML of a cell's only output."""
    (output,) = outputs
    html = output["data"]["text/html"]
    assert isinstance(html, str)
    return html


def test_a_picture_is_updated_in_place(fal: LocalFal, kernel_environment: None) -> None:
    frames = image_frames(5, pause=0.2)
    fal.add("acme/app", frames)
    last = frames[-1]["images"][0]["url"]
    look = "print(result['images'][0]['url'])"
    for shown, result in pairwise(execute(BLOCKING, look, ASYNC, look)):
        assert IMAGE.findall(html_of(shown)) == [last]
        assert result[0]["text"].strip() == last
        assert "acme/app: done, 100%, 5 chunks" in html_of(shown)


def test_a_text_grows(fal: LocalFal, kernel_environment: None) -> None:
    text = "Fast & free: you see the first <b>word</b> long before the last."
    parts = re.findall(r"\S+\s*", text)
    fal.add("acme/app", tokens(text))
    fal.add("acme/parts", [step for part in parts for step in ({"output": part}, Pause(0.01))])
    cells = [cell.replace("acme/app", name) for cell in (BLOCKING, ASYNC) for name in NAMES]
    for shown in execute(*cells):
        assert f">{escape(text)}</div>" in html_of(shown)


def test_what_came_before_an_error_is_shown(fal: LocalFal, kernel_environment: None) -> None:
    fal.add("acme/app", [{"output": "half an ans"}, Cut()])
    attempts = [
        "try:" + cell.rstrip().replace("\n", "\n    ") + "\nexcept Exception as e:\n    error = e"
        for cell in (BLOCKING, ASYNC)
    ]
    look = "assert type(error).__name__ == 'StreamInterrupted', error\ndel error"
    for shown, _ in pairwise(execute(attempts[0], look, attempts[1], look)):
        assert ">half an ans</div>" in html_of(shown)
        assert "failed (StreamInterrupted)" in html_of(shown)


def test_each_stream_has_an_output_of_its_own(fal: LocalFal, kernel: Kernel) -> None:
    fal.add("acme/one", tokens("one"))
    fal.add("acme/two", tokens("two"))
    cell = kernel.run(
        "await asyncio.gather(stream_async('acme/one').show(), stream_async('acme/two').show());"
    )
    assert cell.error is None
    plain = sorted(bundle["text/plain"].split("\n")[0] for bundle in cell.displays.values())
    assert plain == ["one", "two"]


def test_updates_are_throttled(fal: LocalFal, kernel: Kernel) -> None:
    text = " ".join(map(str, range(400)))
    fal.add("acme/app", tokens(text, pause=0.004))
    cell = kernel.run("stream('acme/app').show();")
    (bundle,) = cell.displays.values()
    assert bundle["text/plain"].startswith(f"{text}\nacme/app: done, 400 chunks")
    assert cell.results == []
    assert 0 < cell.updates <= 10 * cell.seconds + 2 < 400


def test_time_passes_while_the_server_is_silent(fal: LocalFal, kernel: Kernel) -> None:
    fal.add("acme/app", [Pause(2.5), {"output": "at last"}])
    cell = kernel.run("await stream_async('acme/app').show();")
    assert cell.updates >= 3


def test_a_stream_at_the_end_of_a_cell(fal: LocalFal, kernel: Kernel) -> None:
    frames = image_frames(2)
    fal.add("acme/app", frames)
    (before,) = kernel.run("s = stream('acme/app')\ns").results
    assert before["text/plain"] == "<FalStream acme/app not started, 0 chunks>"
    assert fal.requests == []
    (after,) = kernel.run("s.done()\ns").results
    assert after["text/plain"] == "<FalStream acme/app closed, 2 chunks>"
    assert IMAGE.findall(after["text/html"]) == [frames[-1]["images"][0]["url"]]
    assert "&lt;FalStream acme/app closed, 2 chunks&gt;" in after["text/html"]


def test_nothing_is_left_in_the_buffer(fal: LocalFal, kernel: Kernel) -> None:
    fal.add("acme/app", image_frames(3, pause=0))
    cell = kernel.run("s = stream('acme/app')\ns.show()\nprint(len(s.buffer), s.closed, list(s))")
    assert cell.text == "0 True []\n"


HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "javascript:alert(1)",
    'data:image/png;base64,"onerror="alert(1)',
    "data:text/html;base64,PHNjcmlwdD4=",
    "data:image/svg+xml;base64,PHN2Zz4=",
    'https://evil.example/x.png"onerror="alert(1)',
]


def test_chunks_are_data(fal: LocalFal, kernel: Kernel) -> None:
    for text in HOSTILE:
        chunk = {"output": text, "images": [{"url": text}], "message": text, "odd": text}
        fal.add("acme/app", [chunk])
        (bundle,) = kernel.run("stream('acme/app').show();").displays.values()
        html = bundle["text/html"]
        assert set(re.findall(r"</?(\w+)", html)) <= {"div", "img"}
        for url in IMAGE.findall(html):
            assert unescape(url) == text
            assert url.startswith("data:image/png;base64,")
        # What is left when each text from the chunk is taken out.
        assert not re.search("alert|onerror|javascript", html.replace(escape(text), ""))
