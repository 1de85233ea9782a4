from __future__ import annotations

import json
import re
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

from fal_stream.testing import (
    Cut,
    Event,
    Hang,
    LocalFal,
    Pause,
    RecordedRequest,
    Reply,
    Script,
    audio,
    chat_completion,
    image_frames,
    tokens,
)
from tests.cli.program import call, end, shell, started

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="run with bash and signals")


def test_each_chunk_is_a_line(fal: LocalFal) -> None:
    fal.add("acme/llm", [{"output": "Hi"}, 0, "", None, [1.5]])
    ended = call(fal, "run", "acme/llm", "prompt=Hello")
    assert (ended.code, ended.err) == (0, "")
    assert ended.chunks == [{"output": "Hi"}, 0, "", None, [1.5]]
    assert fal.requests[0].json() == {"prompt": "Hello"}


def test_a_chunk_is_there_before_the_next_one(fal: LocalFal) -> None:
    fal.add("acme/llm", [{"output": "Hi"}, Hang()])
    with started(fal, "run", "acme/llm") as process:
        assert process.stdout is not None
        assert json.loads(process.stdout.readline()) == {"output": "Hi"}
        assert process.poll() is None


@pytest.mark.skipif(not shutil.which("jq"), reason="jq is not installed")
def test_piped_to_jq(fal: LocalFal) -> None:
    fal.add("acme/llm", tokens("Grüße aus 東京 🦊", pause=0))
    ended = shell(fal, "set -o pipefail; fal-stream run acme/llm | jq -r .output | tail -1")
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.decode() == "Grüße aus 東京 🦊\n"


def test_text_is_only_what_is_new(fal: LocalFal) -> None:
    fal.add("acme/llm", tokens("Grüße aus\n東京 🦊", pause=0))
    ended = call(fal, "run", "acme/llm", "-t")
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.decode() == "Grüße aus\n東京 🦊\n"


def test_text_is_there_before_the_next_chunk(fal: LocalFal) -> None:
    fal.add("acme/llm", [{"output": "Hi"}, Hang()])
    with started(fal, "run", "acme/llm", "--text") as process:
        assert process.stdout is not None
        assert process.stdout.read(2) == b"Hi"
        assert process.poll() is None


@pytest.mark.parametrize("last", [[], ["--last"]])
def test_text_of_deltas(fal: LocalFal, last: list[str]) -> None:
    fal.add("acme/llm", chat_completion("Hello you there", pause=0))
    ended = call(fal, "run", "acme/llm", "--text", *last)
    assert (ended.code, ended.err, ended.out) == (0, "", b"Hello you there\n")


def test_text_of_a_field(fal: LocalFal) -> None:
    fal.add("acme/llm", [{"output": "no", "thought": "a"}, {"output": "no", "thought": "a b\n"}])
    ended = call(fal, "run", "acme/llm", "--text", "--field", "thought")
    assert (ended.code, ended.out) == (0, b"a b\n")


def test_text_before_an_error(fal: LocalFal) -> None:
    fal.add("acme/llm", [{"output": "Hi"}, Cut()])
    ended = call(fal, "run", "acme/llm", "--text")
    assert (ended.code, ended.out, len(ended.lines)) == (6, b"Hi\n", 1)
    assert call(fal, "run", "acme/llm", "--text", "--last").out == b""


def test_no_text(fal: LocalFal) -> None:
    fal.add("acme/flux", [{"seed": 1, "prompts": "a"}])
    ended = call(fal, "run", "acme/flux", "--text", "--field", "prompt")
    assert (ended.code, ended.out) == (1, b"")
    (line,) = ended.lines
    assert line == (
        "fal-stream: No chunk had text in --field prompt; their fields were seed, prompts: name "
        "the one with the text, as in --field prompts"
    )


def test_text_and_files(fal: LocalFal, tmp_path: Path) -> None:
    (picture,) = image_frames(1, pause=0)
    fal.add("acme/flux", [{**picture, "output": "a fox"}])
    ended = call(fal, "run", "acme/flux", "-t", "-o", str(tmp_path))
    assert (ended.code, ended.out) == (0, b"a fox\n")
    assert [path.name for path in tmp_path.iterdir()] == ["flux-0001-images-0.png"]


def test_text_in_another_encoding(fal: LocalFal) -> None:
    fal.add("acme/llm", [{"output": "Grüße 🦊"}])
    ended = call(fal, "run", "acme/llm", "--text", PYTHONIOENCODING="latin-1")
    assert ended.out == b"Gr\xfc\xdfe \\U0001f98a\n"


def test_piped_to_head(fal: LocalFal) -> None:
    fal.add("acme/llm", [step for number in range(1000) for step in (number, Pause(0.005))])
    ended = shell(fal, 'fal-stream run acme/llm | head -1; echo "${PIPESTATUS[0]}"')
    assert ended.out == b"0\n141\n"
    assert ended.err == ""
    assert fal.requests[0].gone.wait(10)


@pytest.mark.parametrize("reply", [[1, Hang()], Reply([b"1\n", Hang()], content_type="a/b")])
def test_a_reader_that_goes_ends_a_silent_stream(fal: LocalFal, reply: Script) -> None:
    fal.add("acme/llm", reply)
    run = "fal-stream run acme/llm --timeout none --event-timeout none"
    ended = shell(fal, f'{run} | head -1; echo "${{PIPESTATUS[0]}}"')
    assert (ended.out, ended.err) == (b"1\n141\n", "")
    assert fal.requests[0].gone.wait(10)


@pytest.mark.parametrize("arguments", ["--help", "run --help", "--version", "demo"])
def test_what_nobody_reads_is_no_trouble(fal: LocalFal, arguments: str) -> None:
    command = f'(sleep 0.1; fal-stream {arguments}; echo "$?" >&2) | true'
    ended = shell(fal, command)
    assert ended.lines == ["141"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no full device")
def test_a_full_disk(fal: LocalFal) -> None:
    fal.add("acme/llm", [1, 2])
    ended = shell(fal, "fal-stream run acme/llm > /dev/full")
    assert ended.code == 1
    assert ended.lines == ["fal-stream: stdout can't be written (No space left on device)"]


@pytest.mark.parametrize(
    ("closed", "code"), [("<&-", 0), (">&-", 1), ("2>&-", 0), ("<&- 2>&-", 0), (">&- 2>&-", 1)]
)
def test_closed_streams(fal: LocalFal, closed: str, code: int) -> None:
    fal.add("acme/llm", [1])
    ended = shell(fal, f"fal-stream run acme/llm {closed}")
    assert ended.code == code
    assert ended.out == (b"" if code else b"1\n")
    assert len(ended.lines) == (code == 1 and "2" not in closed)


TEXTS = ["Grüße", "東京", "🦊", "\u2028", "\u202e", "\x9b31m", "\ud800", "\x00\x1b[31m"]


@pytest.mark.parametrize(
    "more",
    [
        {"LC_ALL": "C"},
        {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"},
        {"PYTHONIOENCODING": "ascii"},
        {"PYTHONIOENCODING": "cp1252"},
        {"LC_ALL": "no_SUCH"},
    ],
    ids=str,
)
def test_unicode_in_any_locale(fal: LocalFal, more: dict[str, Any]) -> None:
    fal.add("acme/llm", [Event(json.dumps({"output": text})) for text in TEXTS])
    ended = call(fal, "run", "acme/llm", **more)
    assert (ended.code, ended.err) == (0, "")
    assert [chunk["output"] for chunk in ended.chunks] == TEXTS
    assert not {"\x9b", "\u202e", "\x1b"} & set(ended.out.decode())


def test_an_error_in_any_locale(fal: LocalFal) -> None:
    fal.add("acme/llm", [Event("Grüße 🦊", event="error")])
    ended = call(fal, "run", "acme/llm", PYTHONIOENCODING="ascii")
    assert ended.code == 3
    assert "Gr\\xfc\\xdfe" in ended.lines[0]


def test_last(fal: LocalFal) -> None:
    fal.add("acme/llm", tokens("To be or not", pause=0))
    ended = call(fal, "run", "acme/llm", "--last")
    assert (ended.code, ended.chunks) == (0, [{"output": "To be or not", "partial": False}])


def test_last_of_nothing(fal: LocalFal) -> None:
    fal.add("acme/llm", [])
    ended = call(fal, "run", "acme/llm", "--last")
    assert (ended.code, ended.out, ended.err) == (0, b"", "")


def test_raw_events(fal: LocalFal) -> None:
    fal.add("acme/llm", [Event("not JSON", event="note", id="7", retry=5), Event("[DONE]")])
    ended = call(fal, "run", "acme/llm", "--raw")
    assert ended.chunks == [
        {"event": "note", "data": "not JSON", "id": "7", "retry": 5},
        {"event": "message", "data": "[DONE]", "id": "7", "retry": None},
    ]


def test_bytes_come_as_they_are(fal: LocalFal) -> None:
    sound = audio(0.5)
    fal.add("acme/speech", Reply(sound, content_type="audio/wav"))
    ended = call(fal, "run", "acme/speech", "text=Hello", "--accept", "audio/wav")
    assert (ended.code, ended.err) == (0, "")
    assert ended.out == b"".join(sound)


def test_files_are_uploaded(fal: LocalFal, tmp_path: Path) -> None:
    (tmp_path / "fox.png").write_bytes(b"\x89PNG fox")
    (tmp_path / "a=b@c.txt").write_bytes(b"text")
    fal.add("acme/vision", lambda request: [request.json()])
    arguments = ["image_url@fox.png", "more[]@a=b@c.txt", f"other@{tmp_path}/fox.png", "n:=1"]
    ended = call(fal, "run", "acme/vision", *arguments, cwd=tmp_path)
    assert (ended.code, ended.err) == (0, "")
    (given,) = ended.chunks
    assert fal.upload(given["image_url"]).content == b"\x89PNG fox"
    assert fal.upload(given["image_url"]).content_type == "image/png"
    assert fal.upload(given["more"][0]).content == b"text"
    assert fal.upload(given["other"]).content == b"\x89PNG fox"
    assert given["n"] == 1


def test_a_file_of_the_home_folder(fal: LocalFal, tmp_path: Path) -> None:
    (tmp_path / "fox.png").write_bytes(b"\x89PNG")
    fal.add("acme/vision", [1])
    assert call(fal, "run", "acme/vision", "image_url@~/fox.png", HOME=str(tmp_path)).code == 0
    assert fal.uploads[0].file_name == "fox.png"


@pytest.mark.parametrize("data", [b'{"a": 1, "b": {"c": 2}}', b'\xef\xbb\xbf{"a":1,"b":{"c":2}}'])
def test_the_whole_input_from_stdin(fal: LocalFal, data: bytes) -> None:
    fal.add("acme/llm", lambda request: [request.json()])
    ended = call(fal, "run", "acme/llm", "b[d]=x", "--input", "-", given=data)
    assert ended.chunks == [{"a": 1, "b": {"c": 2, "d": "x"}}]


@pytest.mark.parametrize("value", [[1, "two"], "text", 0])
def test_the_whole_input_from_a_file(fal: LocalFal, tmp_path: Path, value: object) -> None:
    (tmp_path / "input.json").write_text(json.dumps(value))
    fal.add("acme/llm", lambda request: [{"said": request.json()}])
    ended = call(fal, "run", "acme/llm", "--input", "input.json", cwd=tmp_path)
    assert ended.chunks == [{"said": value}]


def test_without_input_nothing_is_sent(fal: LocalFal) -> None:
    fal.add("acme/llm", [1])
    assert call(fal, "run", "acme/llm").code == 0
    assert fal.requests[0].body == b""


def test_the_options_of_the_request(fal: LocalFal) -> None:
    fal.add("acme/llm", [1])
    fal.route("/elsewhere", [2])
    ended = call(
        None,
        *("run", "acme/llm", "--method", "PUT", "a=1", "--query", "q=x=y", "--query", "r=2"),
        *("--header", "x-trace: abc", "--priority", "low", "--hint", "gpu", "--accept", "a/b"),
        *("--start-timeout", "20", "--url", f"{fal.url}/elsewhere"),
    )
    assert ended.chunks == [2]
    (request,) = fal.requests
    assert (request.method, request.query) == ("PUT", {"q": "x=y", "r": "2"})
    assert request.json() == {"a": "1"}
    headers = request.headers
    assert headers["x-trace"] == "abc"
    assert headers["accept"] == "a/b"
    assert headers["x-fal-queue-priority"] == "low"
    assert headers["x-fal-runner-hint"] == "gpu"
    assert headers["x-fal-request-timeout"] == "20"


def test_a_path_of_ones_own(fal: LocalFal) -> None:
    fal.add("acme/tts", [2], path="/audio/speech")
    fal.add("acme/tts", [3], path="")
    assert call(fal, "run", "acme/tts", "--path", "/audio/speech").chunks == [2]
    assert call(fal, "run", "acme/tts", "--path", "").chunks == [3]
    refused = call(fal, "run", "acme/tts", "--path", "/a?b")
    assert refused.code == 2
    assert "--path '/a?...' is not the path of an endpoint" in refused.err


def test_a_server_of_ones_own(fal: LocalFal) -> None:
    fal.add("acme/llm", [1])
    assert fal.key is not None
    ended = call(None, "run", "acme/llm", "--run-url", fal.url, FAL_KEY=fal.key)
    assert (ended.code, ended.err, ended.chunks) == (0, "", [1])


def test_a_proxy_of_fals_kind(fal: LocalFal) -> None:
    seen: list[RecordedRequest] = []

    def proxy(request: RecordedRequest) -> list[int]:
        seen.append(request)
        return [1]

    fal.route("/proxy", proxy)
    ended = call(None, "run", "acme/llm", "--proxy-url", f"{fal.url}/proxy", FAL_KEY="id:something")
    assert ended.chunks == [1]
    assert seen[0].headers["x-fal-target-url"] == "https://fal.run/acme/llm/stream"
    assert "authorization" not in seen[0].headers


@pytest.mark.parametrize("name", ["timeout", "event-timeout", "start-timeout", "total-timeout"])
def test_milliseconds_are_warned_of(fal: LocalFal, name: str) -> None:
    fal.add("acme/llm", [1])
    ended = call(fal, "run", "acme/llm", f"--{name}", "15000")
    assert (ended.code, ended.chunks) == (0, [1])
    (line,) = ended.lines
    assert re.fullmatch(
        rf"fal-stream: warning: (--{name} |{name.replace('-', '_')}=)15000 is more than an hour: "
        "times are in seconds here, .*; give 15 if 15 seconds are meant",
        line,
    )


def test_a_warning_is_one_line(fal: LocalFal) -> None:
    fal.add("acme/llm", [1])
    with started(
        None, "run", "acme/llm", "--run-url", "http://fal.example", FAL_KEY="id:a-long-secret"
    ) as process:
        ended = end(process)
    assert ended.code == 4
    assert len(ended.lines) == 2
    assert ended.lines[0].startswith("fal-stream: warning: ")
    assert "a-long-secret" not in ended.err
