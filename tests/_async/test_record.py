"""A stream that is recorded, and what is played again from the file."""

from __future__ import annotations

import json
import time
from base64 import b64encode
from pathlib import Path
from typing import Any

import pytest

from fal_stream import (
    ApiError,
    AsyncStreamingClient,
    ConfigError,
    FalStreamError,
    IncompleteStream,
    StreamInterrupted,
    StreamTimeout,
)
from fal_stream.testing import (
    DONE,
    Cut,
    Event,
    Failure,
    Hang,
    LocalFal,
    Pause,
    Ping,
    Raw,
    Reply,
    audio,
    error_event,
    image_frames,
    record,
    replay,
    tokens,
)

from .read_stream import read


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_bytes().splitlines()]


def read_text(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")


def make_folder(parent: Path) -> Path:
    folder = parent / "folder"
    folder.mkdir()
    return folder


def remove_folder(folder: Path) -> None:
    folder.rmdir()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "stream.jsonl"


@pytest.mark.parametrize(
    "script",
    [
        tokens("To be, or not to be", pause=0),
        image_frames(2, size=8, pause=0),
        [Ping(), 0, "", None, {"a": "\u00e9\u2028\U0001f98a"}, Event("[1,\n2]"), DONE],
        [1, error_event({"detail": "out of memory"})],
        [Raw('data: "\u00e9'.encode()[:-1]), Raw(b'\xa9"\n\n'), Raw(b"data: 2\r\n\r\n")],
        [1, Raw(b"data: {")],
        [],
        Failure(422, [{"loc": ["body"], "msg": "no", "type": "x"}], error_type="bad"),
        Failure(500, body="<html>"),
        Reply([1], status=203, headers={"x-more": "yes"}),
        Reply(status=204),
        Reply.json({"detail": "no stream"}),
        [1, Cut()],
    ],
)
async def test_it_is_played_again(
    fal: LocalFal, client: AsyncStreamingClient, path: Path, script: Any
) -> None:
    fal.add("acme/app", script)
    stream = client.stream("acme/app")
    assert record(stream, path) is stream
    real = await read(stream)
    fal.add("acme/copy", replay(path))
    again = client.stream("acme/copy")
    copy = await read(again)
    assert copy.chunks == real.chunks
    assert type(copy.error) is type(real.error)
    if isinstance(real.error, ApiError):
        assert isinstance(copy.error, ApiError)
        assert (copy.error.status, copy.error.body) == (real.error.status, real.error.body)
        assert copy.error.error_type == real.error.error_type
    ours = {"x-fal-request-id", "content-length", "transfer-encoding"}
    headers = [
        {name: text for name, text in each.response_headers.items() if name not in ours}
        for each in (stream, again)
    ]
    assert headers[0] == headers[1]


async def test_audio(fal: LocalFal, client: AsyncStreamingClient, path: Path) -> None:
    fal.add("acme/app", Reply(audio(0.3), content_type="audio/wav"))
    real = await read(record(client.stream("acme/app", accept="audio/wav"), path))
    fal.add("acme/app", replay(path))
    copy = await read(client.stream("acme/app", accept="audio/wav"))
    assert b"".join(copy.chunks) == b"".join(real.chunks)
    assert {"base64"} <= {name for line in lines(path) for name in line}


async def test_what_stands_in_the_file(
    fal: LocalFal, client: AsyncStreamingClient, path: Path
) -> None:
    fal.add("acme/app", [{"output": "\u00e9"}, Pause(0.05), 2])
    await record(client.stream("acme/app", input={"prompt": "of the user"}), path).done()
    head, first, second, end = lines(path)
    assert head["fal_stream_recording"] == 1
    assert head["endpoint_id"] == "acme/app"
    assert head["status"] == 200
    assert head["headers"]["content-type"] == "text/event-stream"
    assert first["text"] == 'data: {"output": "\u00e9"}\n\n'
    assert second["text"] == "data: 2\n\n"
    assert 0 <= head["seconds"] <= first["seconds"] <= second["seconds"] <= end["seconds"]
    assert second["seconds"] - first["seconds"] >= 0.04
    assert end["ending"] == "complete"
    text = read_text(path)
    assert "\u00e9" in text
    assert "of the user" not in text


def leaks(secret: str, path: Path) -> list[str]:
    """Give the forms of a secret that stand in a file."""
    text = read_text(path)
    forms = [secret, secret.partition(":")[2], b64encode(secret.encode()).decode()]
    return [form for form in forms if form and form in text]


@pytest.mark.parametrize("mode", ["server", "client"])
async def test_no_secret_stands_in_the_file(
    fal: LocalFal, client: AsyncStreamingClient, path: Path, mode: Any
) -> None:
    secrets: list[str] = []

    def repeat(request: Any) -> Reply:
        secret = request.query.get("fal_jwt_token") or request.headers["authorization"][4:]
        secrets.append(secret)
        first, second = secret[: len(secret) // 2], secret[len(secret) // 2 :]
        coded = b64encode(secret.encode()).decode()
        url = "https://files.acme.test/fox.png?a=1&X-Amz-Signature=0a1b2c3d4e5f&b=2"
        headers = {
            "x-said": f"it was {secret}",
            "set-cookie": "session=a-cookie-of-the-server",
            "location": url,
        }
        steps = [
            Raw(f'data: "whole {secret}"\n\n'.encode()),
            Raw(f'data: "two parts {first}'.encode()),
            Raw(f'{second}"\n\n'.encode()),
            {"coded": coded, "url": url},
            Raw(b'data: "https:\\/\\/a.test?a=1\\u0026token=a-token-of-the-app"\n\n'),
        ]
        return Reply(steps, headers=headers)

    fal.add("acme/app", repeat)
    stream = client.stream("acme/app", connection_mode=mode, query_params={"api_key": "of-a-query"})
    await record(stream, path).done()
    (secret,) = secrets
    assert leaks(secret, path) == []
    text = read_text(path)
    for other in ("a-cookie-of", "0a1b2c3d4e5f", "a-token-of-the-app", "of-a-query"):
        assert other not in text
    fal.add("acme/app", replay(path))
    url = "https://files.acme.test/fox.png?a=1&X-Amz-Signature=***&b=2"
    whole, parted, coded, last = (await read(client.stream("acme/app"))).chunks
    assert (whole, parted) == ("whole ***", "two parts ***")
    assert coded["coded"].startswith("***")
    assert coded["url"] == url
    assert last == "https://a.test?a=1&token=***"


async def test_a_server_that_fell_silent(
    fal: LocalFal, client: AsyncStreamingClient, path: Path
) -> None:
    fal.add("acme/app", [1, Hang()])
    _, error = await read(record(client.stream("acme/app", timeout=0.05), path))
    assert isinstance(error, StreamTimeout)
    assert lines(path)[-1]["ending"] == "silent"
    fal.add("acme/app", replay(path))
    chunks, error = await read(client.stream("acme/app", timeout=0.05))
    assert chunks == [1]
    assert isinstance(error, StreamTimeout)


@pytest.mark.parametrize("how", ["abort", "close", "drop"])
async def test_a_stream_that_was_left(
    fal: LocalFal, client: AsyncStreamingClient, path: Path, how: str
) -> None:
    fal.add("acme/app", [1, Hang()])
    streams = [record(client.stream("acme/app"), path)]
    async for _ in streams[0]:
        break
    if how == "abort":
        streams[0].abort()
        assert await streams[0].done() == 1
    elif how == "close":
        await streams[0].aclose()
    else:
        with pytest.warns(ResourceWarning):
            streams.clear()
    assert lines(path)[-1]["ending"] == "left"
    fal.add("acme/app", replay(path))
    chunks, error = await read(client.stream("acme/app"))
    assert chunks == [1]
    assert isinstance(error, StreamInterrupted)
    assert not isinstance(error, IncompleteStream)


@pytest.mark.parametrize("ends", [[DONE], [Raw(b"data:[DO"), Pause(0.01), Raw(b"NE]\r\n\r\n")]])
async def test_done_is_an_end(
    fal: LocalFal, client: AsyncStreamingClient, path: Path, ends: list[Any]
) -> None:
    fal.add("acme/app", [1, *ends, Hang()])
    assert await record(client.stream("acme/app"), path).done() == 1
    assert lines(path)[-1]["ending"] == "complete"
    fal.add("acme/app", replay(path))
    events = [event.data async for event in client.stream("acme/app").events()]
    assert events == ["1", "[DONE]"]


async def test_the_recorded_pace(fal: LocalFal, client: AsyncStreamingClient, path: Path) -> None:
    fal.add("acme/app", Reply([1, Pause(0.2), 2], delay=0.1))
    await record(client.stream("acme/app"), path).done()
    recorded = lines(path)[-1]["seconds"]
    assert recorded >= 0.25
    fal.add("acme/app", replay(path, pace=1))
    began = time.monotonic()
    assert (await read(client.stream("acme/app"))).chunks == [1, 2]
    assert time.monotonic() - began >= recorded * 0.9
    at_once = replay(path)
    assert at_once.delay == 0
    assert all(isinstance(step, Raw) for step in at_once.steps)


async def test_only_the_last_try_is_recorded(fal: LocalFal, path: Path) -> None:
    answers: list[Any] = [Failure(503), [1]]
    fal.add("acme/app", lambda request: answers.pop(0))
    async with AsyncStreamingClient(**fal.settings) as client:
        await record(client.stream("acme/app"), path).done()
    assert [line.get("status") for line in lines(path)] == [200, None, None]


async def test_nothing_is_written_without_a_response(
    client: AsyncStreamingClient, path: Path
) -> None:
    write(path, "of before")
    with LocalFal() as fal:
        settings = fal.settings
    async with AsyncStreamingClient(**settings, retry=None) as other:
        with pytest.raises(FalStreamError):
            await record(other.stream("acme/app"), path).done()
    record(client.stream("acme/app"), path)
    assert read_text(path) == "of before"


async def test_a_stream_that_has_started_is_refused(
    fal: LocalFal, client: AsyncStreamingClient, path: Path
) -> None:
    fal.add("acme/app", [1])
    async with client.stream("acme/app") as stream:
        with pytest.raises(ConfigError, match="started already"):
            record(stream, path)
    with pytest.raises(ConfigError, match="started already"):
        record(stream, path)
    closed = client.stream("acme/app")
    await closed.aclose()
    with pytest.raises(ConfigError, match="started already"):
        record(closed, path)


async def test_bad_arguments(client: AsyncStreamingClient, path: Path) -> None:
    stream = client.stream("acme/app")
    with pytest.raises(ConfigError, match="its folder isn't there"):
        record(stream, path / "no" / "where")
    with pytest.raises(ConfigError, match="a folder"):
        record(stream, path.parent)
    wrong: Any = client
    with pytest.raises(ConfigError, match=r"give what client\.stream"):
        record(wrong, path)
    await stream.aclose()


async def test_a_file_that_cannot_be_written(
    fal: LocalFal, client: AsyncStreamingClient, tmp_path: Path
) -> None:
    fal.add("acme/app", [1])
    folder = make_folder(tmp_path)
    stream = record(client.stream("acme/app"), folder / "stream.jsonl")
    remove_folder(folder)
    with pytest.raises(FalStreamError, match="can't be written"):
        await stream.done()
    assert stream.closed
