"""The benchmarks run, on little of everything, and lose nothing; no time is looked at."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from pydantic_core import from_json

from .asynchronous import AsyncRunner
from .blocking import BlockingRunner
from .contenders import CONTENDERS, Contender
from .contenders.raw import Body
from .figures import Memory, command_for
from .goals import reached
from .measure import measure
from .processes import Place, entrants_of, serving
from .report import tables
from .results import Entry, Measured, Results
from .server import END
from .workloads import WORKS, Work, event, frames

SMALL = 0.01
OURS, RAW = CONTENDERS["fal_stream"], CONTENDERS["raw"]
MEASURABLE = [work for work in WORKS.values() if work.kind != "memory" or Memory.is_measurable()]


# A stream of the blocking flavour runs alone.
ALONE = [work for work in MEASURABLE if work.streams == 1]


def names_of(one: Contender | Work) -> str:
    return one.name


@pytest.fixture(scope="module")
def place() -> Iterator[Place]:
    with serving() as place:
        yield place


@pytest.fixture(params=MEASURABLE, ids=names_of)
def work(request: pytest.FixtureRequest, place: Place, monkeypatch: pytest.MonkeyPatch) -> Work:
    chosen: Work = request.param
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    for name, value in place.environment(tls=chosen.tls).items():
        monkeypatch.setenv(name, value)
    return chosen


def checked(answer: dict[str, float], work: Work, events: int) -> None:
    assert (answer["events"], answer["indices"]) == work.due(events)
    assert all(value >= 0 for value in answer.values())


@pytest.mark.parametrize("work", ALONE, ids=names_of, indirect=True)
@pytest.mark.parametrize("contender", [RAW, OURS], ids=names_of)
def test_blocking(contender: Contender, work: Work, place: Place) -> None:
    runner = BlockingRunner(contender)
    try:
        events = work.scaled(SMALL)
        command = command_for(work, place.base(tls=work.tls), events)
        checked(runner.run(command), work, events)
    finally:
        runner.close()


async def read(contender: Contender, work: Work, place: Place) -> None:
    runner = AsyncRunner(contender)
    try:
        events = work.scaled(SMALL)
        command = command_for(work, place.base(tls=work.tls), events)
        checked(await runner.run(command), work, events)
    finally:
        await runner.aclose()


@pytest.mark.parametrize("contender", [RAW, OURS], ids=names_of)
async def test_asyncio(contender: Contender, work: Work, place: Place) -> None:
    await read(contender, work, place)


@pytest.mark.parametrize("anyio_backend", ["trio"])
async def test_trio(work: Work, place: Place) -> None:
    await read(OURS, work, place)


def test_in_processes(place: Place) -> None:
    entrants = entrants_of(["raw", "fal_stream"], place)
    results = measure([WORKS["bulk-60"]], entrants, place, rounds=2, scale=SMALL)
    text = "\n".join(tables(results))
    for label in ("raw, blocking", "fal_stream, blocking", "raw, asyncio", "fal_stream, trio"):
        assert f"| {label} |" in text
    measured = results.get("bulk-60", "fal_stream", "blocking")
    assert measured is not None
    assert (measured.events, measured.runs) == (200, 2)


def test_a_contender_that_loses_something_is_not_measured(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Work, "due", lambda *_: (11, 55))
    with pytest.raises(
        SystemExit, match=r"raw \(asyncio\) got \(1000, 4500\) of \(11, 55\) on many"
    ):
        measure([WORKS["many"]], [(RAW, "asyncio")], place, rounds=1, scale=SMALL)


@pytest.mark.parametrize("size", sorted({work.size for work in WORKS.values()}))
def test_an_event_has_its_size_and_its_index(size: int) -> None:
    for index in (0, 7, 19_999):
        written = event(index, size)
        assert len(written) == size
        assert json.loads(written)["index"] == index


@pytest.mark.parametrize("step", [1, 2, 3, 7, 50, 100_000])
def test_the_floor_takes_a_body_apart_wherever_it_is_cut(step: int) -> None:
    body = Body()
    whole = b"".join(frames(60, 12)) + b"4\r\ndata\r\n5\r\n: 1\n\n\r\n" + END
    got: list[Any] = []
    for at in range(0, len(whole), step):
        assert not body.ended
        got += map(from_json, body.feed(whole[at : at + step]))
    assert body.ended
    assert got == [*(json.loads(event(index, 60)) for index in range(12)), 1]


def test_goals_are_met_or_not() -> None:
    def cost(contender: str, blocking: float, asynchronous: float) -> dict[Entry, Measured]:
        return {
            Entry("bulk-60", contender, "blocking"): Measured(1, 5, {"cpu": blocking}),
            Entry("bulk-60", contender, "asyncio"): Measured(1, 5, {"cpu": asynchronous}),
        }

    found = cost("raw", 1, 2) | cost("fal_stream", 1.25, 2) | cost("fal-client", 12.5, 19)
    faster, of_raw = reached(Results(found))[2:]
    assert faster.endswith("| at least 9 | blocking 10.00, asyncio 9.50 | yes |")
    assert of_raw.endswith("| at most 1.2 | blocking 1.25, asyncio 1.00 | **no** |")
