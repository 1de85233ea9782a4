"""Notebooks that are executed from their first cell to their last, and what stands in them then."""

from __future__ import annotations

import base64
import io
import re
import wave
from html import escape
from typing import Any

import nbformat
from nbclient import NotebookClient

from fal_stream.testing import (
    Cut,
    LocalFal,
    Pause,
    Reply,
    audio,
    image_frames,
    speech,
    tokens,
    workflow,
)
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
        assert "acme/app: failed, 1 chunk, " in html_of(shown)
        assert ">The connection broke after 1 chunk" in html_of(shown)


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
        assert set(re.findall(r"</?(\w+)", html)) <= {"a", "div", "img", "span"}
        rest = html.replace(escape(text), "")
        for url in IMAGE.findall(html):
            assert url.startswith(("data:image/png;base64,", "https://evil.example/x.png%22"))
            rest = rest.replace(url, "")
        # What is left when each text from the chunk is taken out.
        assert not re.search("alert|onerror|javascript", rest)


def test_what_was_shown_is_not_printed_below(fal: LocalFal, kernel: Kernel) -> None:
    fal.add("acme/app", [{"output": "a fox", "partial": False}])
    hidden = [
        "stream('acme/app').show()",
        "await stream_async('acme/app').show()",
        "(await asyncio.wait_for(stream_async('acme/app').show(), 60))",
        "await asyncio.gather(stream_async('acme/app').show(), stream_async('acme/app').show())",
        "await asyncio.to_thread(stream('acme/app').show)",
    ]
    for code in hidden:
        cell = kernel.run(code)
        assert (cell.error, cell.results) == (None, []), code
        assert len(cell.displays) == code.count("acme/app")
        look = kernel.run("_ if isinstance(_, dict) else _[0]")
        assert look.results[0]["text/plain"] == "{'output': 'a fox', 'partial': False}"


def test_what_is_asked_for_is_printed(fal: LocalFal, kernel: Kernel) -> None:
    fal.add("acme/app", [{"output": "a fox"}])
    printed = {
        "r = stream('acme/app').show()\nr": "{'output': 'a fox'}",
        "stream('acme/app').show()['output']": "'a fox'",
        "stream('acme/app').show(); 7": "7",
        "stream('acme/app').done()": "{'output': 'a fox'}",
        "r": "{'output': 'a fox'}",
    }
    for code, text in printed.items():
        cell = kernel.run(code)
        assert [bundle["text/plain"] for bundle in cell.results] == [text], code
    # What a cell displays by itself is not kept from it either.
    cell = kernel.run(
        "from IPython.display import display\n"
        "r = stream('acme/app').show()\ndisplay(r, display_id='r')\nstream('acme/app').show()"
    )
    assert cell.displays["r"]["text/plain"] == "{'output': 'a fox'}"
    assert cell.results == []
    assert kernel.run("stream('acme/app').show();").results == []


def test_a_failure_shows_the_line_and_the_message(fal: LocalFal, kernel: Kernel) -> None:
    fal.add("acme/app", [{"output": "a"}, Cut()])
    cells = [
        "for chunk in stream('acme/app'):\n    pass",
        "stream('acme/app').done()",
        "stream('acme/app').show()",
        "with stream('acme/app') as s:\n    next(s)\n    next(s)",
        "async for chunk in stream_async('acme/app'):\n    pass",
        "await stream_async('acme/app').show()",
        "await asyncio.gather(stream_async('acme/app').done())",
        "list(stream('acme/app').events())",
        "def read():\n    return stream('acme/app').done()\nread()",
    ]
    cell = None
    for code in cells:
        cell = kernel.run(code)
        assert cell.error == "StreamInterrupted", code
        assert "fal_stream/" not in cell.traceback, code
        assert "raise " not in cell.traceback, code
        assert "StreamInterrupted: The connection broke after " in cell.traceback
        assert any(f"1 {line}" in cell.traceback for line in code.split("\n")[:1]), code
    assert cell is not None
    assert "return stream('acme/app').done()" in cell.traceback
    refused = kernel.run("stream('acme/app', timeout=-1)")
    assert "fal_stream/" not in refused.traceback
    assert "----> 1 stream('acme/app', timeout=-1)" in refused.traceback


def test_the_cause_of_a_failure_is_shown(fal: LocalFal, kernel: Kernel) -> None:
    fal.add("acme/app", [{"output": "a"}])
    cell = kernel.run(
        "def last(chunk):\n    return chunk['missing']\nstream('acme/app', is_final=last).done()"
    )
    assert "return chunk['missing']" in cell.traceback
    assert "KeyError: 'missing'" in cell.traceback
    assert "is_final raised KeyError" in cell.traceback
    assert "fal_stream/" not in cell.traceback
    kernel.run("%xmode Verbose")
    assert "fal_stream/" in kernel.run("stream('acme/missing').done()").traceback


def test_markdown(fal: LocalFal, kernel: Kernel) -> None:
    fal.add("acme/app", [{"output": "# Foxes\n\n**red** for $5, white for $12"}])
    for code in ("stream('acme/app')", "await stream_async('acme/app')"):
        (bundle,) = kernel.run(f"{code}.show(markdown=True)").displays.values()
        html = bundle["text/html"]
        assert "<h1>Foxes</h1>" in html
        assert "<p><strong>red</strong> for $5, white for $12</p>" in html
        assert 'class="fal-stream mathjax_ignore tex2jax_ignore"' in html
        assert bundle["text/plain"].startswith("# Foxes\n")
    cell = kernel.run("stream('acme/app').show(markdown='yes')")
    assert "markdown='yes' must be True or False" in cell.traceback


def test_a_workflow(fal: LocalFal, kernel: Kernel) -> None:
    frames = image_frames(1, pause=0)
    fal.add("workflows/acme/app", workflow(frames[0], pause=0.2))
    (bundle,) = kernel.run("stream('workflows/acme/app').show()").displays.values()
    assert bundle["text/html"].count("<tr ") == 2
    assert IMAGE.findall(bundle["text/html"]) == [frames[0]["images"][0]["url"]]
    fal.add("workflows/acme/app", workflow(pause=0, failed="picture"))
    cell = kernel.run("await stream_async('workflows/acme/app').show()")
    (bundle,) = cell.displays.values()
    assert "picture (fal-ai/flux/dev): failed" in bundle["text/plain"]
    assert cell.error == "StreamEventError"


def test_sound_gets_a_player(fal: LocalFal, kernel: Kernel) -> None:
    fal.add("acme/chunks", speech(0.5))
    fal.add("acme/body", Reply(audio(0.5), content_type="audio/wav"))
    for name in ("chunks", "body"):
        (bundle,) = kernel.run(f"stream('acme/{name}').show()").displays.values()
        (url,) = re.findall(
            r'<audio controls preload="metadata" src="([^"]*)"', bundle["text/html"]
        )
        data = base64.b64decode(url.partition("data:audio/wav;base64,")[2], validate=True)
        with wave.open(io.BytesIO(data)) as sound:
            assert sound.getnframes() == 12_000


def test_the_seed_and_the_request_id(fal: LocalFal, kernel: Kernel) -> None:
    fal.add("acme/app", image_frames(2, pause=0, seed=7))
    (bundle,) = kernel.run("stream('acme/app').show()").displays.values()
    (request,) = fal.requests
    assert f", seed 7, request id {request.request_id}" in bundle["text/plain"]
