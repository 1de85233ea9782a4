"""Each exit code, and what is said on stderr."""

from __future__ import annotations

import math
import socket
from pathlib import Path
from typing import Any

import pytest

from fal_stream import ApiError, StreamTimeout, TokenError, UploadError
from fal_stream._cli.exit_codes import MEANINGS, error_lines, exit_code
from fal_stream.testing import Cut, Event, Failure, Hang, LocalFal, Pause, Ping, Raw, Reply
from tests.cli.program import call

MISSING = {"loc": ["body", "prompt"], "msg": "Field required", "type": "missing"}
LARGE = {"loc": ["body", "size", 0], "msg": "too large\nby far", "type": "value_error"}

SCRIPTS: list[tuple[str, Any, list[str], int, str]] = [
    ("error", Failure(500, "out of order"), [], 3, "answered 500"),
    ("refusal", Failure(422, [MISSING]), [], 3, "prompt: Field required"),
    ("error event", [1, Event("no memory", event="error")], [], 3, "no memory"),
    ("error chunk", [1, {"error": "no memory"}], [], 3, "in its last chunk: no memory"),
    ("no answer", Reply([Cut(in_chunk=False)], head=b""), ["--retries", "0"], 4, "No answer"),
    ("start", Reply(delay=math.inf), ["--start-timeout", "0.3"], 5, "raise --start-timeout if"),
    ("idle", [1, Hang()], ["--timeout", "2"], 5, "--timeout none"),
    ("event", [1, *[Ping(), Pause(0.1)] * 100], ["--event-timeout", "2"], 5, "--event-timeout"),
    ("total", [1, *[2, Pause(0.1)] * 100], ["--total-timeout", "2"], 5, "--total-timeout"),
    ("their limit", Failure(504, "slow", timeout_type="user"), [], 5, "504"),
    ("cut", [1, Cut()], [], 6, "The connection broke after 1 chunk"),
    ("half", [1, Raw(b"data: {")], [], 6, "in the middle of an event"),
    ("not JSON", [1, Raw(b"data: {\n\n")], [], 7, "JSON"),
    ("too large", [1, "x" * 200], ["--max-event-bytes", "100"], 7, "100"),
    ("a page", Reply([b"<p>Hi"], content_type="text/html"), [], 7, "text/html"),
]


@pytest.mark.parametrize(
    ("script", "options", "code", "said"), [row[1:] for row in SCRIPTS], ids=[r[0] for r in SCRIPTS]
)
def test_an_error_of_a_stream(
    fal: LocalFal, script: Any, options: list[str], code: int, said: str
) -> None:
    fal.add("acme/app", script)
    ended = call(fal, "run", "acme/app", "prompt=Hi", *options)
    assert ended.code == code
    assert ended.chunks[:1] == ([1] if isinstance(script, list) else [])
    assert all(line.startswith("fal-stream: ") for line in ended.lines)
    assert said in ended.err


def test_a_refused_input_has_a_line_for_each_field(fal: LocalFal) -> None:
    fal.add("acme/app", Failure(422, [MISSING, LARGE]))
    ended = call(fal, "run", "acme/app")
    assert ended.lines[1:] == [
        "fal-stream:   prompt: Field required",
        "fal-stream:   size.0: too large by far",
    ]


def test_the_last_chunk_of_a_broken_stream_is_not_written(fal: LocalFal) -> None:
    fal.add("acme/app", [1, Cut()])
    ended = call(fal, "run", "acme/app", "--last")
    assert (ended.code, ended.out) == (6, b"")


def test_nobody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    ended = call(None, "run", "acme/app", "--run-url", f"http://127.0.0.1:{port}", "--retries", "0")
    assert ended.code == 4
    assert len(ended.lines) == 1


def test_a_wrong_key_is_not_repeated(fal: LocalFal) -> None:
    fal.add("acme/app", [1])
    ended = call(fal, "run", "acme/app", FAL_KEY="wrong-id:wrong-secret")
    assert ended.code == 3
    assert "401" in ended.lines[0]
    assert "wrong-secret" not in ended.err


@pytest.mark.parametrize("key", ["", "with space", "line\nend"])
def test_no_key(key: str) -> None:
    ended = call(None, "run", "acme/app", "prompt=Hi", FAL_KEY=key)
    assert ended.code == 2
    assert len(ended.lines) == 1
    assert "FAL_KEY" in ended.err or "credentials" in ended.err
    assert not key or key not in ended.err


def test_a_failed_upload_counts_as_its_cause(fal: LocalFal, tmp_path: Path) -> None:
    (tmp_path / "fox.png").write_bytes(b"\x89PNG")
    fal.add("acme/app", [1])
    fal.route("/storage/upload/*", Failure(400, "no room"))
    ended = call(fal, "run", "acme/app", "image_url@fox.png", cwd=tmp_path)
    assert (ended.code, ended.out) == (3, b"")
    assert ended.lines[0].startswith("fal-stream: image_url (fox.png) could not be uploaded: ")


def test_an_error_without_a_cause() -> None:
    assert exit_code(UploadError("The upload was aborted", file_name="")) == 1
    error = TokenError("No token")
    error.__cause__ = ApiError("It said no", status=403)
    assert exit_code(error) == 3


def test_lines_are_lines() -> None:
    error = StreamTimeout("two\nlines\x1b", phase="idle", seconds=1, option="start_timeout")
    assert error_lines(error) == ["two lines\\x1b"]


def test_the_help_names_each_code() -> None:
    ended = call(None, "run", "--help")
    assert ended.code == 0
    for code, meaning in MEANINGS.items():
        assert f"  {code:<4}{meaning}" in ended.out.decode()
