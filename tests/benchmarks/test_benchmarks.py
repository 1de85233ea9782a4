"""The benchmarks run, on little of everything, and lose nothing; no time is looked at."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from typing import Any

import pytest
from pydantic_core import from_json

from .asynchronous import AsyncRunner
from .blocking import BlockingRunner
from .contenders import CONTENDERS, Contender, Flavour
from .contenders.raw import Body
from .figures import Command, command_for
from .goals import GOALS, reached
from .measure import can, measure
from .processes import Place, entrants_of, serving
from .report import tables
from .results import Entry, Measured, Results
from .server import END
from .starts import measure_starts
from .workloads import WORKS, Form, Work, event, frames

SMALL = 0.01
OURS, RAW, HTTPX = CONTENDERS["fal_stream"], CONTENDERS["raw"], CONTENDERS["httpx"]
BOTH: tuple[Flavour, ...] = ("blocking", "asyncio")

# What workers answer with.
EVERY_FIGURE = (
    *("cpu", "wall", "opening", "opening_wall", "p50", "p99", "reused", "fresh", "fresh_cpu"),
    *("growth", "held", "busy"),
)


def cases(flavour: Flavour) -> list[Any]:
    """Give who is measured on what, and can be without what `nox -s bench` installs."""
    return [
        pytest.param(contender, work, id=f"{contender.name}-{work.name}")
        for work in WORKS.values()
        # Of ten thousand idle streams as many are left here as of a thousand.
        if work.kind != "start" and work.name != "idle-10000"
        for contender in (RAW, OURS, HTTPX)
        if flavour in contender.flavours and can(contender, flavour, work)
    ]


@pytest.fixture(scope="module")
def place() -> Iterator[Place]:
    with serving() as place:
        yield place


@pytest.fixture(autouse=True)
def trusted(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have clients in this process trust the server, if they ask by TLS."""
    parameters = getattr(request.node, "callspec", None)
    work: Work | None = parameters.params.get("work") if parameters else None
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    if work is not None:
        place: Place = request.getfixturevalue("place")
        for name, value in place.environment(tls=work.tls).items():
            monkeypatch.setenv(name, value)


def small_command(work: Work, place: Place) -> tuple[Command, Work]:
    small = work.scaled(SMALL)
    base = place.base(tls=work.tls, delayed=work.delayed)
    return command_for(small, base, small.events, place.folder), small


def checked(answer: dict[str, float], work: Work, place: Place) -> None:
    due = (1, 0) if work.kind == "upload" else work.due(work.events)
    assert (int(answer["events"]), int(answer["indices"])) == due
    assert all(value >= 0 for name, value in answer.items() if name not in ("growth", "held"))
    if work.kind == "upload":
        assert place.received() == work.size


@pytest.mark.parametrize(("contender", "work"), cases("blocking"))
def test_blocking(contender: Contender, work: Work, place: Place) -> None:
    runner = BlockingRunner(contender)
    try:
        command, small = small_command(work, place)
        checked(runner.run(command), small, place)
    finally:
        runner.close()


async def read(contender: Contender, work: Work, place: Place) -> None:
    runner = AsyncRunner(contender)
    try:
        command, small = small_command(work, place)
        checked(await runner.run(command), small, place)
    finally:
        await runner.aclose()


@pytest.mark.parametrize(("contender", "work"), cases("asyncio"))
async def test_asyncio(contender: Contender, work: Work, place: Place) -> None:
    await read(contender, work, place)


@pytest.mark.parametrize("anyio_backend", ["trio"])
@pytest.mark.parametrize(("contender", "work"), cases("trio"))
async def test_trio(contender: Contender, work: Work, place: Place) -> None:
    await read(contender, work, place)


@pytest.mark.skipif(not hasattr(os, "wait4"), reason="the system doesn't tell what a process took")
@pytest.mark.parametrize("name", [name for name, work in WORKS.items() if work.kind == "start"])
def test_starts(name: str, place: Place) -> None:
    taken = measure_starts(WORKS[name], place, rounds=1)
    assert ("fal_stream", "blocking") in taken
    for answers in taken.values():
        (answer,) = answers
        assert answer["cpu"] > 0
        assert answer["wall"] > 0


def test_in_processes(place: Place) -> None:
    entrants = entrants_of(["raw", "fal_stream"], place)
    results = measure([WORKS["bulk-60"]], entrants, place, rounds=2, scale=SMALL)
    text = "\n".join(tables({"pinned": results, "not pinned": results}))
    for label in ("raw, blocking", "fal_stream, blocking", "raw, asyncio", "fal_stream, trio"):
        assert f"| {label} |" in text
    measured = results.get("bulk-60", "fal_stream", "blocking")
    assert measured is not None
    assert (measured.events, measured.runs) == (100, 2)


def test_a_contender_that_loses_something_is_not_measured(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Work, "due", lambda *_: (11, 55))
    with pytest.raises(
        SystemExit, match=r"raw \(asyncio\) got \(1000, 4500\) of \(11, 55\) on many"
    ):
        measure([WORKS["many"]], [(RAW, "asyncio")], place, rounds=1, scale=SMALL)


def test_a_work_that_fails_does_not_end_the_others(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    due = Work.due
    monkeypatch.setattr(
        Work, "due", lambda work, events: (1, 1) if work.name == "mid" else due(work, events)
    )
    failures: list[str] = []
    works = [WORKS["mid"], WORKS["bulk-60"]]
    entrants: list[tuple[Contender, Flavour]] = [(RAW, "blocking")]
    results = measure(works, entrants, place, rounds=1, scale=SMALL, failures=failures)
    assert results.works == ["bulk-60"]
    (failure,) = failures
    assert failure.startswith("4,000 x 1.5 KB was not measured: raw (blocking) got (40, 780)")


@pytest.mark.parametrize(
    "size", sorted({work.size for work in WORKS.values() if work.kind != "upload"})
)
def test_an_event_has_its_size_and_its_index(size: int) -> None:
    for index in (0, 7, 19_999):
        written = event(index, size)
        assert len(written) == size
        assert json.loads(written)["index"] == index


@pytest.mark.parametrize("step", [1, 2, 3, 7, 50, 100_000])
@pytest.mark.parametrize("form", ["plain", "pings", "fields"])
def test_the_floor_takes_a_body_apart_wherever_it_is_cut(form: Form, step: int) -> None:
    body = Body()
    whole = b"".join(frames(60, 12, form)) + END
    got: list[Any] = []
    for at in range(0, len(whole), step):
        assert not body.ended
        got += map(from_json, body.feed(whole[at : at + step]))
    assert body.ended
    assert got == [json.loads(event(index, 60)) for index in range(12)]


def test_goals_are_met_or_not() -> None:
    def cost(contender: str, blocking: float, asynchronous: float) -> dict[Entry, Measured]:
        return {
            Entry("bulk-60", contender, "blocking"): Measured(1, 5, {"cpu": blocking}),
            Entry("bulk-60", contender, "asyncio"): Measured(1, 5, {"cpu": asynchronous}),
        }

    found = cost("raw", 1, 2) | cost("fal_stream", 1.25, 2) | cost("fal-client", 12.5, 19)
    faster, of_raw = reached({"pinned": Results(found), "not pinned": Results({})})[2:]
    assert faster.endswith("| at least 9 | blocking 10.00, asyncio 9.50 | - | yes |")
    assert of_raw.endswith("| at most 1.2 | blocking 1.25, asyncio 1.00 | - | **no** |")


def test_each_goal_has_a_figure() -> None:
    """Each goal's work, figure and contender are there: none is left out for a slip."""
    every = dict.fromkeys(EVERY_FIGURE, 1.0) | {"opening": 0.5, "opening_wall": 0.5}
    found = {
        Entry(work.name, contender, flavour): Measured(2, 7, every)
        for work in WORKS.values()
        for contender in (*CONTENDERS, "httpx, pydantic", "httpx script")
        for flavour in BOTH
    }
    rows = reached({"pinned": Results(found)})[2:]
    assert len(rows) == len(GOALS)
    for goal, row in zip(GOALS, rows, strict=True):
        assert all(f"{flavour} " in row for flavour in goal.limits), row


def test_a_peer_that_is_ahead_is_named() -> None:
    def measured(contender: str, cpu: float) -> dict[Entry, Measured]:
        figures = {"cpu": cpu, "wall": cpu}
        return {Entry("bulk-60", contender, "asyncio"): Measured(1, 7, figures)}

    behind = measured("fal_stream", 3) | measured("aiohttp", 2) | measured("raw", 1)
    text = "\n".join(tables({"pinned": Results(behind)}))
    assert "| 10,000 x 60 B | CPU, us | asyncio | 1.50 (aiohttp) |" in text
    ahead = measured("fal_stream", 1.5) | measured("aiohttp", 2) | measured("raw", 1)
    assert "is ahead" not in "\n".join(tables({"pinned": Results(ahead)}))
