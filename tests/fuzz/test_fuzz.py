"""A short share of each target, the same each time; `nox -s fuzz` runs the long ones."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping
from random import Random
from typing import Any
from urllib.parse import urljoin

import pytest
from pydantic_core import from_json

import fal_stream
from fal_stream._shared import api_errors, decode
from fal_stream._shared import framing as our_framing
from fal_stream._shared.chunks import EventChunks
from fal_stream._shared.endpoint import EndpointId
from fal_stream._shared.framing import ChunkedBody
from fal_stream._shared.http1 import ResponseHead, ResponseHeadReader
from fal_stream._shared.sse import SSEParser
from tests.oracle import by_the_specification, over_the_limit

from . import answers, endpoints, events, framing, headers, json_text
from .runner import Difference, Span, chance_of, run
from .targets import LONG_RUNS, TARGETS

SEED = 7

SHARES = {
    "events": 5000,
    "framing": 4000,
    "endpoints": 10_000,
    "headers": 6000,
    "errors": 3000,
    "json": 4000,
    "client": 60,
}


@pytest.mark.parametrize("name", TARGETS)
def test_a_share(name: str) -> None:
    run(name, TARGETS[name], Span(SEED, 0, SHARES[name]))


def test_each_target_has_a_long_run() -> None:
    assert TARGETS.keys() == LONG_RUNS.keys() == SHARES.keys()


# --- what is made up is worth it ---


def made(make: Callable[[Random], Any], count: int) -> list[Any]:
    return [make(chance_of(SEED, number)) for number in range(count)]


def test_a_case_is_the_same_each_time() -> None:
    assert made(events.stream, 50) == made(events.stream, 50)
    assert made(answers.answer, 50) == made(answers.answer, 50)
    assert len(set(made(events.stream, 50))) > 40


def test_streams_are_of_all_kinds() -> None:
    streams = made(events.stream, 2000)
    readings = [by_the_specification(stream) for stream in streams]
    kinds = Counter[str]()
    for stream, reading in zip(streams, readings, strict=True):
        kinds["with events"] += bool(reading.events)
        kinds["with a pending event"] += reading.pending is not None
        kinds["with an id"] += reading.last_event_id != ""
        kinds["with a retry"] += reading.retry_ms is not None
        kinds["over a limit"] += over_the_limit(stream, 50) is not None
        kinds["that begin with a mark"] += stream.startswith(b"\xef\xbb\xbf")
        kinds["with a bare CR"] += b"\r" in stream.replace(b"\r\n", b"")
        kinds["no UTF-8"] += "\ufffd" in stream.decode("utf-8", "replace")
        kinds["with NUL"] += b"\0" in stream
        kinds["long"] += len(stream) > 5000
    assert len(kinds) == 10
    assert min(kinds.values()) >= 10, kinds


def test_responses_are_of_all_kinds() -> None:
    responses = made(framing.response, 2000)
    ends = Counter(framing.read_by_h11(api_errors).end for api_errors in responses)
    assert ends.keys() == {"done", "open", "refused"}
    assert min(ends.values()) > 100, ends
    # What our own rules read otherwise is not most of it.
    assert sum(map(framing.is_read_otherwise, responses)) < 1000


def test_answers_are_of_all_kinds() -> None:
    given = made(answers.answer, 1000)
    ends = Counter(answer.end for answer in given)
    assert ends.keys() == {"close", "reset", "keep", "hang"}
    meanings = [answers.meaning(b"".join(answer.pieces), ends=True) for answer in given]
    kinds = Counter(meaning.kind for meaning in meanings)
    assert kinds.keys() == {"events", "bytes", "none"}
    assert sum(bool(meaning.chunks) for meaning in meanings) > 200
    assert sum(meaning.is_fine for meaning in meanings) > 150
    assert sum(not meaning.is_whole for meaning in meanings) > 150


# --- a fault that is planted is found ---


class MarkKeeper(SSEParser):
    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._start = None


class LaxParser(SSEParser):
    def __init__(self, max_event_bytes: int = 0) -> None:
        super().__init__(max_event_bytes + 1 if max_event_bytes else 1 << 20)


class LaxBody(ChunkedBody):
    def feed(self, data: bytes) -> bytes:
        return super().feed(data.replace(b"\n ", b"\n"))


class LateReader(ResponseHeadReader):
    def feed(self, data: bytes) -> ResponseHead | None:
        head = super().feed(data)
        if head is not None:
            self.rest = self.rest[1:]
        return head


def lenient_id(text: object) -> EndpointId:
    owner, _, alias = str(text).partition("/")
    return EndpointId(None, owner, alias)


def anywhere(method: str, url: str, status: int, headers: Mapping[str, str]) -> str:
    return urljoin(url, headers["location"])


def uncut(text: str, limit: int = 0) -> str:
    return text


def forgetful(source: EventChunks[Any], events: list[bytes], out: list[Any]) -> bool:
    out.extend(json.loads(event) for event in events[1:])
    return True


PLANTED: dict[str, tuple[str, object, str, object]] = {
    "a byte order mark is kept": ("events", events, "SSEParser", MarkKeeper),
    "a limit that is one too high": ("events", events, "SSEParser", LaxParser),
    "a space before the size of a chunk": ("framing", our_framing, "ChunkedBody", LaxBody),
    "a head that is split too late": ("framing", framing, "ResponseHeadReader", LateReader),
    "an id that may be anything": ("endpoints", endpoints, "parse_endpoint_id", lenient_id),
    "a redirect to anywhere": ("headers", headers, "redirect_target", anywhere),
    "messages of any length": ("errors", api_errors, "excerpt", uncut),
    "messages with any character": ("errors", fal_stream.errors, "printable", uncut),
    "reports that are nested deeply": ("errors", decode, "REPORT_LEVELS", 10_000),
    "JSON as pydantic has it": ("json", json_text, "decode_json", from_json),
    "a chunk that is left out": ("client", EventChunks, "_decode_all_plain", forgetful),
}


@pytest.mark.parametrize(("name", "place", "attribute", "fault"), PLANTED.values(), ids=PLANTED)
def test_a_planted_fault_is_found(
    monkeypatch: pytest.MonkeyPatch, name: str, place: object, attribute: str, fault: object
) -> None:
    monkeypatch.setattr(place, attribute, fault)
    with pytest.raises(Difference, match=f"python -m tests.fuzz {name} --seed {SEED} --first"):
        run(name, TARGETS[name], Span(SEED, 0, SHARES[name]))


def test_a_case_can_be_played_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "SSEParser", MarkKeeper)
    with pytest.raises(Difference) as found:
        run("events", TARGETS["events"], Span(SEED, 0, SHARES["events"]))
    arguments = str(found.value).split()
    seed, first = (int(arguments[arguments.index(word) + 1]) for word in ("--seed", "--first"))
    with pytest.raises(Difference) as again:
        run("events", TARGETS["events"], Span(seed, first, 1))
    assert str(again.value) == str(found.value)
