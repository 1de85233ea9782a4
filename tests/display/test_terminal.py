"""What a user sees in a terminal, with rich and without, and what a log gets."""

from __future__ import annotations

import subprocess
import sys

import pytest

from fal_stream import StreamingClient
from fal_stream._display import renderers
from fal_stream.testing import Hang, LocalFal, Pause, image_frames, tokens, workflow
from tests.display.terminal import COLUMNS, LINES, ROOT, TerminalProgram

if sys.platform == "win32":
    pytest.skip("Windows has no such terminals", allow_module_level=True)

SHOW = "from fal_stream import stream\nstream('acme/app').show()"
ASYNC = """
import {library}
from fal_stream import AsyncStreamingClient

async def main():
    async with AsyncStreamingClient() as client:
        await client.stream('acme/app').show()

{library}.run(main{call})
"""
PROGRAMS = {
    "blocking": SHOW,
    "asyncio": ASYNC.format(library="asyncio", call="()"),
    "trio": ASYNC.format(library="trio", call=""),
}
WITHOUT_RICH = "import sys\nsys.modules['rich'] = None\n"
both_looks = pytest.mark.parametrize("before", ["", WITHOUT_RICH], ids=["rich", "plain"])


@pytest.mark.usefixtures("kernel_environment")
@both_looks
@pytest.mark.parametrize("program", PROGRAMS.values(), ids=PROGRAMS)
def test_a_text_grows(fal: LocalFal, before: str, program: str) -> None:
    text = "You see the first word long before the last one. " * 4 + "\nThe end."
    fal.add("acme/app", tokens(text, pause=0.02))
    terminal = TerminalProgram(before + program)
    *lines, last = terminal.read()
    assert terminal.close() == 0
    assert "".join(lines).replace(" ", "") == text.replace(" ", "").replace("\n", "")
    assert last.startswith("acme/app: done, 42 chunks, ")
    assert terminal.written.count(b"running") > 3


@pytest.mark.usefixtures("kernel_environment")
@both_looks
def test_a_picture_has_one_line(fal: LocalFal, before: str) -> None:
    fal.add("acme/app", image_frames(5, pause=0.15))
    terminal = TerminalProgram(before + SHOW)
    seen = terminal.read(until="60%")
    assert "running" in seen[-1]
    picture, last = terminal.read()
    assert terminal.close() == 0
    assert picture.startswith("picture: image/png, ")
    assert last.startswith("acme/app: done, 100%, 5 chunks, ")


@pytest.mark.usefixtures("kernel_environment")
@both_looks
def test_more_than_the_terminal_holds(fal: LocalFal, before: str) -> None:
    lines = [f"line {number} " + "x" * (3 * COLUMNS) for number in range(LINES)]
    text = "\n".join(lines)
    chunks = [{"output": text[: 100 * number]} for number in range(1, len(text) // 100 + 2)]
    fal.add("acme/app", [step for chunk in chunks for step in (chunk, Pause(0.01))])
    terminal = TerminalProgram(before + SHOW)
    seen = terminal.read()
    assert terminal.close() == 0
    assert "".join(seen[:-1]) == "".join(lines)


@pytest.mark.usefixtures("kernel_environment")
@both_looks
def test_ctrl_c(fal: LocalFal, before: str) -> None:
    fal.add("acme/app", [{"output": "half an ans"}, Hang()])
    terminal = TerminalProgram(before + SHOW)
    terminal.read(until="half an ans")
    terminal.interrupt()
    seen = terminal.read()
    assert terminal.close() == -2
    assert fal.requests[0].gone.wait(10)
    assert seen[0] == "half an ans"
    assert seen[1].startswith("acme/app: interrupted, 1 chunk, ")
    assert seen[-1] == "KeyboardInterrupt"
    # The cursor is there again.
    assert terminal.written.rfind(b"\x1b[?25h") >= terminal.written.rfind(b"\x1b[?25l")


IPYTHON = """
import IPython
IPython.start_ipython(["--simple-prompt", "--no-banner", "--colors=NoColor"])
"""
IPYTHON_CELLS = {
    "blocking": "stream('acme/app').show()",
    "asyncio": "await stream_async('acme/app').show()",
}


@pytest.mark.usefixtures("kernel_environment")
@pytest.mark.parametrize("code", IPYTHON_CELLS.values(), ids=IPYTHON_CELLS)
def test_ctrl_c_in_ipython(fal: LocalFal, code: str) -> None:
    fal.add("acme/app", [{"output": "half an ans"}, Hang()])
    terminal = TerminalProgram(IPYTHON)
    terminal.read(until="In [1]:")
    terminal.type("from fal_stream import stream, stream_async")
    terminal.read(until="In [2]:")
    terminal.type(code)
    terminal.read(until="half an ans")
    terminal.interrupt()
    seen = terminal.read(until="In [3]:")
    assert fal.requests[0].gone.wait(10)
    assert any(line.startswith("acme/app: interrupted") for line in seen)
    terminal.type("exit()")
    terminal.read()
    assert terminal.close() == 0


@pytest.mark.usefixtures("kernel_environment")
@both_looks
def test_nothing_of_a_chunk_is_obeyed(fal: LocalFal, before: str) -> None:
    fal.add("acme/app", [{"output": "\x1b]0;title\x07\x1b[2J[red]no[/red]", "message": "\x1b[2J"}])
    terminal = TerminalProgram(before + SHOW)
    seen = terminal.read()
    assert terminal.close() == 0
    assert seen[0] == "\ufffd]0;title\ufffd\ufffd[2J[red]no[/red]"
    assert b"\x1b[2J" not in terminal.written


@pytest.mark.usefixtures("kernel_environment")
@pytest.mark.parametrize("how", ["pipe", "dumb"])
def test_a_log_gets_few_lines(fal: LocalFal, how: str) -> None:
    fal.add("acme/app", tokens("One line.\nAnother line.", pause=0.3))
    if how == "dumb":
        terminal = TerminalProgram(SHOW, TERM="dumb")
        lines = terminal.read()
        assert terminal.close() == 0
    else:
        done = subprocess.run(
            [sys.executable, "-c", SHOW], cwd=ROOT, capture_output=True, text=True, check=True
        )
        assert done.stderr == ""
        lines = done.stdout.splitlines()
    assert lines[:2] == ["One line.", "Another line."]
    assert lines[2].startswith("acme/app: done, 4 chunks, ")
    assert len(lines) == 3


@pytest.mark.usefixtures("kernel_environment")
@pytest.mark.parametrize("fate", ["no output", "closed pipe"])
def test_without_an_output_the_result_comes_all_the_same(fal: LocalFal, fate: str) -> None:
    fal.add("acme/app", [{"output": "a"}])
    lose = "import os, sys\nsys.stdout = None\n"
    if fate == "closed pipe":
        lose += "r, w = os.pipe()\nos.close(r)\nsys.stdout = os.fdopen(w, 'w')\n"
    check = "\nassert stream('acme/app').show() == {'output': 'a'}\nos._exit(7)"
    done = subprocess.run([sys.executable, "-c", lose + SHOW + check], cwd=ROOT, check=False)
    assert done.returncode == 7


@pytest.mark.usefixtures("kernel_environment")
def test_a_log_says_that_a_long_stream_is_alive(
    fal: LocalFal, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(renderers, "LOG_PAUSE", 0.5)
    fal.add("acme/app", tokens("one two three", pause=0.8))
    with StreamingClient(**fal.settings) as client:
        client.stream("acme/app").show()
    lines = capsys.readouterr().out.splitlines()
    assert any(line.startswith("acme/app: running, ") for line in lines[:-2])
    assert lines[-2] == "one two three"


MARKDOWN = SHOW.replace("show()", "show(markdown=True)")


@pytest.mark.usefixtures("kernel_environment")
def test_markdown(fal: LocalFal) -> None:
    fal.add(
        "acme/app", [{"output": "# Foxes\n\n- **red** \x1b[2Jones\n- [white](https://a.example)"}]
    )
    terminal = TerminalProgram(MARKDOWN)
    *lines, last = terminal.read()
    assert terminal.close() == 0
    seen = " ".join(" ".join(lines).split())
    assert "**" not in seen
    for part in ("Foxes", "red \ufffd[2Jones", "white (https://a.example)"):
        assert part in seen
    assert last.startswith("acme/app: done, 1 chunk, ")
    assert b"\x1b[2J" not in terminal.written


@pytest.mark.usefixtures("kernel_environment")
def test_markdown_without_rich_is_text(fal: LocalFal) -> None:
    fal.add("acme/app", [{"output": "**red**"}])
    terminal = TerminalProgram(WITHOUT_RICH + MARKDOWN)
    assert terminal.read()[0] == "**red**"
    assert terminal.close() == 0


@pytest.mark.usefixtures("kernel_environment")
@both_looks
def test_a_workflow(fal: LocalFal, before: str) -> None:
    fal.add("workflows/acme/app", workflow({"text": "A fox"}, pause=0.3))
    terminal = TerminalProgram(before + SHOW.replace("acme/app", "workflows/acme/app"))
    first, second, text, last = terminal.read()
    assert terminal.close() == 0
    assert first.startswith("prompt (fal-ai/any-llm): done, 0.")
    assert second.startswith("picture (fal-ai/flux/dev): done, 0.")
    assert text == "A fox"
    assert last.startswith("workflows/acme/app: done, 5 chunks, ")


@pytest.mark.usefixtures("kernel_environment")
def test_ipython_does_not_print_what_was_shown(fal: LocalFal) -> None:
    fal.add("acme/app", [{"output": "a fox"}])
    terminal = TerminalProgram(IPYTHON)
    terminal.read(until="In [1]:")
    terminal.type("from fal_stream import stream")
    terminal.read(until="In [2]:")
    terminal.type("stream('acme/app').show()")
    terminal.read(until="In [3]:")
    terminal.type("_['output'].upper()")
    seen = terminal.read(until="In [4]:")
    assert [line for line in seen if line.startswith("Out[")] == ["Out[3]: 'A FOX'"]
    terminal.type("exit()")
    terminal.read()
    assert terminal.close() == 0
