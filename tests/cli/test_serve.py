"""`serve` and `demo`."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.cli.program import Ended, call, end, interrupt, started

pytestmark = pytest.mark.skipif(
    sys.platform == "win32", reason="Windows can't send Ctrl-C to one process"
)


class Served:
    """A running `serve`.

    Args:
        process: The process.

    Attributes:
        process: The process.
        url: Where it listens.
        about: What it says at its start.
    """

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.process = process
        assert process.stdout is not None
        lines = iter(process.stdout.readline, b"")
        self.about = ""
        for line in lines:
            self.about += line.decode()
            if line.startswith(b"Ctrl-C ends it"):
                break
        self.url = self.about.splitlines()[0].split()[5].rstrip(".")

    def run(self, *arguments: str) -> Ended:
        """Run `run` with the environment that it says."""
        (variables,) = re.findall(r"export (.*)", self.about)
        settings = dict(pair.split("=", 1) for pair in variables.split())
        return call(None, "run", *arguments, **settings)


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    with started(None, "serve") as process:
        yield Served(process)


def test_what_it_says_can_be_tried(served: Served) -> None:
    ended = served.run("demo/language-model", "prompt=Grüße", "--last")
    assert ended.code == 0
    assert ended.chunks[0]["output"].startswith("You said: Grüße -- ")
    ended = served.run("demo/vision", "image_url@README.md")
    assert re.fullmatch(r"I see [\d,]+ bytes of text/markdown", ended.chunks[0]["output"])
    assert served.run("demo/vision").chunks == [{"output": "I see nothing: give image_url@file"}]
    assert served.run("demo/speech").out.startswith(b"RIFF")
    assert len(served.run("demo/image-model").chunks) == 6
    assert len(served.run("fal-ai/flux/dev").chunks) == 6
    assert served.run("demo/refusal").code == 3
    assert served.run("demo/wrong-key").code == 3
    assert served.run("demo/busy", "--retries", "0").code == 3
    assert served.run("demo/silence", "--timeout", "0.5").code == 5
    assert served.run("demo/break").code == 6


def test_ctrl_c_ends_it() -> None:
    with started(None, "serve") as process:
        assert Served(process).run("demo/language-model", "--last").code == 0
        interrupt(process)
        ended = end(process)
    assert (ended.code, ended.err) == (130, "")
    assert ended.out.decode().splitlines()[0] == "  POST /demo/language-model/stream"


def test_each_shape_is_played(served: Served) -> None:
    (last,) = served.run("demo/image-progress", "--last").chunks
    assert {*last} == {"images", "seed", "timings", "has_nsfw_concepts", "prompt"}
    assert len(served.run("demo/partial-images").chunks) == 4
    assert len(served.run("openai/gpt-image-1").chunks) == 4
    assert served.run("demo/speech-chunks", "--last").chunks[0]["audio_duration_sec"] == 2.0
    (last,) = served.run("workflows/demo/sticker", "--last").chunks
    assert [*last] == ["type", "node_id", "output"]
    states = [chunk.get("status") for chunk in served.run("demo/logs").chunks]
    assert states == ["IN_QUEUE"] * 2 + ["IN_PROGRESS"] * 2 + [None]
    chunks = served.run("demo/chat", 'messages:=[{"role": "user", "content": "Hi"}]').chunks
    deltas = [chunk["choices"][0]["delta"] for chunk in chunks if chunk["choices"]]
    assert "".join(delta.get("content", "") for delta in deltas).startswith("You said: Hi -- ")


def test_each_command_that_it_says_is_there(served: Served) -> None:
    endpoints = re.findall(r"fal-stream run (\S+)", served.about)
    assert len(set(endpoints)) == 15
    for word in ("exit code 3", "exit code 5", "exit code 6", "--output"):
        assert word in served.about


def test_any_input_will_do(served: Served) -> None:
    for arguments in ([], ["n:=1"], ["prompt:=[1]"], ["prompt= "]):
        ended = served.run("demo/language-model", "--last", *arguments)
        assert (ended.code, len(ended.chunks)) == (0, 1)
        assert "You said" not in ended.chunks[0]["output"]


def test_a_port_that_is_taken() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        ended = call(None, "serve", "--port", port)
    assert ended.code == 1
    assert ended.lines[0].startswith(f"fal-stream: The port {port} can't be listened on (")


def test_a_port_of_ones_own() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with started(None, "serve", "--port", str(port)) as process:
        assert Served(process).url == f"http://127.0.0.1:{port}"


def test_the_demo() -> None:
    ended = call(None, "demo")
    assert (ended.code, ended.err) == (0, "")
    text = ended.out.decode()
    assert "for chunk in stream" in text
    assert "The server answered 4 requests." in text
