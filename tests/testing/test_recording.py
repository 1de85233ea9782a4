"""The files of recordings: what was written is read, and what is no recording is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from fal_stream import ConfigError
from fal_stream.testing import Cut, Hang, Pause, Raw, replay
from fal_stream.testing.recording import Piece, Recording, read_recording, write_recording
from fal_stream.testing.redaction import redact_body, redact_headers

HEAD = {
    "fal_stream_recording": 1,
    "endpoint_id": "acme/app",
    "status": 200,
    "headers": {"content-type": "text/event-stream"},
    "seconds": 0.5,
}
END = {"seconds": 2.0, "ending": "complete"}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "stream.jsonl"


def write(path: Path, *lines: object) -> Path:
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return path


def test_what_was_written_is_read(path: Path) -> None:
    pieces = (
        Piece(0.5, b'data: "\xc3\xa9'),
        Piece(1.0, "\u2028\x85\0\r\n\ufeff".encode()),
        Piece(1.5, b"\xff\xfe"),
        Piece(1.75, b""),
    )
    recording = Recording("acme/app", 200, {"a": "b"}, 0.25, pieces, 2.0, "broken")
    write_recording(path, recording)
    assert read_recording(path) == recording
    assert [file.name for file in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([], "no recording, or its end is missing"),
        ([HEAD], "no recording, or its end is missing"),
        ([HEAD, {"seconds": 1, "text": "x"}], "Line 2"),
        ([{**HEAD, "fal_stream_recording": 2}, END], "Line 1 .*less than or equal to 1"),
        ([{**HEAD, "more": 1}, END], "Line 1"),
        ([{}, END], "Line 1"),
        ([HEAD, {"seconds": 1}, END], "Line 2 .*either text or base64"),
        ([HEAD, {"seconds": 1, "text": "x", "base64": "eA=="}, END], "Line 2 .*either"),
        ([HEAD, {"seconds": 1, "base64": "?"}, END], "Line 2"),
        ([HEAD, {"seconds": -1, "text": "x"}, END], "Line 2"),
        ([HEAD, {**END, "ending": "happily"}], "Line 2"),
    ],
)
def test_a_bad_file(path: Path, lines: list[object], message: str) -> None:
    write(path, *lines)
    with pytest.raises(ConfigError, match=message) as caught:
        replay(path)
    assert str(path) in str(caught.value)


def test_a_file_that_is_not_there(path: Path) -> None:
    with pytest.raises(ConfigError, match="can't be read: No such file"):
        replay(path)


def test_a_bad_pace(path: Path) -> None:
    with pytest.raises(ConfigError, match="pace"):
        replay(write(path, HEAD, END), pace=-1)


def test_the_steps_of_a_replay(path: Path) -> None:
    pieces = [{"seconds": 0.5, "text": "a"}, {"seconds": 1.0, "text": "b"}]
    reply = replay(write(path, HEAD, *pieces, END), pace=0.5)
    assert reply.delay == 0.25
    assert reply.steps == (Raw(b"a"), Pause(0.25), Raw(b"b"), Pause(0.5))
    for ending, last in (("broken", Cut()), ("left", Cut()), ("silent", Hang())):
        reply = replay(write(path, HEAD, *pieces, {**END, "ending": ending}))
        assert reply.steps == (Raw(b"a"), Raw(b"b"), last)


def test_headers_of_the_connection_are_not_played_again(path: Path) -> None:
    headers = {"x-fal-request-id": "1", "transfer-encoding": "chunked", "server": "uvicorn"}
    reply = replay(write(path, {**HEAD, "headers": headers}, END))
    assert reply.header_fields == (("server", "uvicorn"),)
    assert reply.content_type == "application/octet-stream"


def hide(text: str) -> str:
    return text.replace("hunter2", "***")


def test_a_body_without_secrets_stays_in_its_pieces() -> None:
    pieces = (Piece(1, b"da"), Piece(2, b"ta: \xff?a=1\n"), Piece(3, b"\n"))
    assert redact_body(pieces, hide) == pieces


def test_a_secret_in_two_pieces() -> None:
    pieces = (Piece(1, b"a\nb hun"), Piece(2, b"ter2 \xff"), Piece(3, b"\nc"), Piece(4, b"d"))
    assert redact_body(pieces, hide) == (
        Piece(1, b"a\n"),
        Piece(3, b"b *** \xff\n"),
        Piece(4, b"cd"),
    )


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("/a?token=abc", "/a?token=***"),
        ("/a?x=1&api_key=abc&y=2", "/a?x=1&api_key=***&y=2"),
        ("/a?x=1&amp;Signature=a%2Fb'", "/a?x=1&amp;Signature=***'"),
        (r'"/a?x=1\u0026token=abc"', r'"/a?x=1\u0026token=***"'),
        ("/a?monkey_business=1", "/a?monkey_business=1"),
        ("token=abc", "token=abc"),
        ('{"token": "Hello"}', '{"token": "Hello"}'),
    ],
)
def test_addresses(text: str, shown: str) -> None:
    (piece,) = redact_body([Piece(0, text.encode())], str)
    assert piece.data.decode() == shown


def test_headers() -> None:
    headers = {"x-api-key": "abc", "x-said": "hunter2 \u00e9", "set-cookie": "a=b", "age": "1"}
    assert redact_headers(headers, hide) == {
        "x-api-key": "***",
        "x-said": "*** \\xe9",
        "set-cookie": "***",
        "age": "1",
    }
