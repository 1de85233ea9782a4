"""Every recipe does what it says, in each flavour that it has, against the scripts of LocalFal."""

from __future__ import annotations

import asyncio
import re
import wave
from pathlib import Path
from typing import Any

import pytest

from fal_stream.testing import Hang, LocalFal, audio
from tests.docs.examples import EXAMPLE, TEXT, run
from tests.docs.named_tests import ROOT
from tests.docs.web_apps import SECONDS, application, uvicorn_serving, visit

PAGE = (ROOT / "docs" / "recipes.md").read_text(encoding="utf-8")
RECIPES = {
    title: EXAMPLE.findall(body)
    for title, body in (part.split("\n", 1) for part in PAGE.split("\n## ")[1:])
}
SAMPLES = b"".join(audio()[1:])
"""What the speech model of the tests says, in 16 bits."""

LONGEST = 12


def flavours(title: str) -> pytest.MarkDecorator:
    """Run a test for each example of a recipe."""
    examples = RECIPES[title]
    return pytest.mark.parametrize("code", examples, ids=range(len(examples)))


def test_none_is_long() -> None:
    for title, examples in RECIPES.items():
        assert examples, title
        for code in examples:
            lines = [line for line in code.splitlines() if line]
            assert len(lines) <= LONGEST, title


def test_each_has_a_test() -> None:
    tests = Path(__file__).read_text(encoding="utf-8")
    for title in RECIPES:
        assert f'("{title}")' in tests, title


@flavours("Print text as it is written")
def test_text(code: str, environment: LocalFal, capsys: pytest.CaptureFixture[str]) -> None:
    run(code)
    assert capsys.readouterr().out == TEXT


@flavours("Save an image")
def test_image(code: str, environment: LocalFal, capsys: pytest.CaptureFixture[str]) -> None:
    run(code)
    assert Path(capsys.readouterr().out.strip()) == Path("results", "fox.png")
    assert Path("results", "fox.png").read_bytes().startswith(b"\x89PNG")


@flavours("Show image previews")
def test_previews(code: str, environment: LocalFal, capsys: pytest.CaptureFixture[str]) -> None:
    run(code)
    assert re.findall(r"^(\d+) \1 ", capsys.readouterr().out, re.MULTILINE) == ["64"] * 3
    saved = [path.read_bytes() for path in sorted(Path("previews").iterdir())]
    assert len({*saved}) == 3


@flavours("Save speech to a file")
def test_speech_to_a_file(code: str, environment: LocalFal) -> None:
    run(code)
    with wave.open("hello.wav", "rb") as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 2, 24_000)
        assert file.readframes(file.getnframes()) == SAMPLES


@flavours("Play speech while it arrives")
def test_speech_to_a_player(code: str, environment: LocalFal) -> None:
    run(code)
    assert Path("played").read_bytes() == SAMPLES


@flavours("Run a workflow and show its progress")
def test_workflow(code: str, environment: LocalFal, capsys: pytest.CaptureFixture[str]) -> None:
    run(code)
    *lines, output = capsys.readouterr().out.splitlines()
    kinds = [line.split()[0] for line in lines]
    assert kinds[0] == "submit"
    assert kinds[-1] == "output"
    assert kinds.count("completion") == kinds.count("submit")
    assert output.startswith("{")


@flavours("Use an OpenAI-compatible endpoint")
def test_openai(code: str, environment: LocalFal, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("openai")
    run(code)
    assert capsys.readouterr().out == TEXT
    (request,) = environment.requests
    assert request.path == "/openrouter/router/openai/v1/chat/completions"


@flavours("Rotate API keys")
def test_keys(code: str, environment: LocalFal, capsys: pytest.CaptureFixture[str]) -> None:
    run(code)
    assert capsys.readouterr().out == f"{TEXT}\n" * 3
    keys = [request.headers["authorization"] for request in environment.requests]
    assert keys == ["Key id-1:secret-1", "Key id-2:secret-2", "Key id-1:secret-1"]


@flavours("Show a progress bar")
def test_progress_bar(code: str, environment: LocalFal, capsys: pytest.CaptureFixture[str]) -> None:
    run(code)
    printed = capsys.readouterr().out
    assert "100%" in printed
    assert "done" in printed


@flavours("Cancel from a button")
def test_button(
    code: str,
    environment: LocalFal,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    pytest.importorskip("ipywidgets")
    environment.add("fal-ai/any-llm", [{"output": "Once", "partial": True}, Hang()])

    def click_later(button: Any) -> None:
        async def click() -> None:
            while not environment.requests:
                await asyncio.sleep(0.01)
            button.click()

        tasks.append(asyncio.get_running_loop().create_task(click()))

    tasks: list[asyncio.Task[None]] = []
    monkeypatch.setattr("IPython.display.display", click_later)
    run(code)
    assert "Once".startswith(capsys.readouterr().out)
    assert environment.requests[0].gone.wait(SECONDS)


@flavours("Cancel from another thread")
def test_thread(
    code: str,
    environment: LocalFal,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    environment.add("fal-ai/any-llm", [{"output": "Once", "partial": True}, Hang()])

    def press_enter(prompt: str) -> str:
        environment.wait_for_requests(1)
        return ""

    monkeypatch.setattr("builtins.input", press_enter)
    run(code)
    assert "Once".startswith(capsys.readouterr().out)
    assert environment.requests[0].gone.wait(SECONDS)


@flavours("Relay a stream with FastAPI")
def test_fastapi(code: str, environment: LocalFal) -> None:
    with uvicorn_serving(application(code)) as port, visit(port, "/ask?prompt=Hi") as visitor:
        assert visitor.read_body() == TEXT.encode()
    (request,) = environment.requests
    assert request.input == {"prompt": "Hi"}


@flavours("Relay a stream with FastAPI")
def test_fastapi_whose_visitor_leaves(code: str, environment: LocalFal) -> None:
    environment.add("fal-ai/any-llm", [{"output": "Once", "partial": True}, Hang()])
    with uvicorn_serving(application(code)) as port:
        with visit(port, "/ask?prompt=Hi") as visitor:
            visitor.read_until(b"Once")
        assert environment.requests[0].gone.wait(SECONDS)
