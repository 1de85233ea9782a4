"""One stream map: what is done with it at random, and the rules that hold whatever that is.

The rules are those of `docs/guides/batch.md`.
"""

from __future__ import annotations

import contextlib
import copy
import pickle
import threading
from collections.abc import AsyncIterator, Iterator
from random import Random
from typing import Any

from fal_stream import (
    ConfigError,
    FalStreamError,
    StreamEventError,
    StreamInterrupted,
)
from fal_stream.testing import Hang, Pause, RecordedRequest, error_event

from .flavours import END
from .game import Game
from .history import History, Step
from .world import World

__all__ = ["made_up", "play", "simpler"]

_OPERATIONS = [
    "next", "next", "next", "iterate", "iterate", "iterate", "take", "take", "close", "abort",
    "block", "block", "copy", "unfinished",
]  # fmt: skip
_ENDING = ("close", "abort", "block", "signal", "abort given", "abort beside", "step", "cancel")
_FILES = (
    "_net/work_queue.py",
    "workers.py",
    "stream_map.py",
    "map_workers.py",
    "abort.py",
    "planted.py",
)


class InputsFailed(Exception):
    """What the inputs raise."""


def made_up(chance: Random, flavour: str) -> History:
    """Make a history up."""
    count = chance.choice([0, 1, 2, 4, 8])
    asynchronous = [] if flavour == "threads" else ["asynchronous", "asynchronous"]
    setup: dict[str, Any] = {
        "inputs": count,
        "kind": chance.choice(["list", "generator", "generator", "endless", *asynchronous]),
        "slow": chance.choice([0, 0, 0.001]),
        "raises": chance.random() < 0.2,
        "asks": chance.choice(["", "", "", "", "close", "next", "abort"]),
        "concurrency": chance.choice([1, 1, 2, 3, 5]),
        "ordered": chance.random() < 0.5,
        "fails": [n for n in range(8) if chance.random() < 0.1],
        "hangs": [n for n in range(8) if chance.random() < 0.05],
        "pause": chance.choice([0, 0, 0.0005, 0.003]),
        "read": chance.choice(["", "", "done", "early", "raise", "ask", "close", "abort"]),
        "given": chance.choice(["", "", "given", "aborted"]) if chance.random() < 0.4 else "",
    }
    actors = ["main", "a", "b"][: chance.choice([1, 1, 2, 3])]
    steps = [
        Step(actor, *_operation(chance), delay=chance.choice([0, 0, 0.0003, 0.002]))
        for actor in actors
        for _ in range(1 + chance.randrange(3))
    ]
    steps += [_beside(chance, flavour, actors) for _ in range(chance.choice([0, 0, 1, 2]))]
    return History("map", flavour, setup, tuple(steps))


def _operation(chance: Random) -> tuple[str, tuple[Any, ...]]:
    name = chance.choice(_OPERATIONS)
    if name == "take":
        return name, (1 + chance.randrange(4),)
    if name == "abort":
        return name, (f"reason {chance.randrange(100)}",)
    if name == "block":
        return name, (chance.randrange(4), chance.choice(["leave", "raise"]))
    if name == "copy":
        return name, (chance.choice(["copy", "deepcopy", "pickle"]),)
    return name, ()


def _beside(chance: Random, flavour: str, actors: list[str]) -> Step:
    delay = chance.choice([0, 0.0005, 0.002, 0.005, 0.01])
    is_blocking = flavour == "threads"
    name = chance.choice(["signal", "abort beside", "abort given", "cancel", "step", "step"])
    acts = ["abort", "close", "unfinished", "interrupt"] if is_blocking else ["abort", "unfinished"]
    if name == "signal" or (name == "cancel" and is_blocking):
        return Step("beside", "signal", (chance.choice(acts),), delay)
    if name == "step":
        return Step("beside", name, (chance.choice(acts), chance.randrange(2000)))
    return Step("beside", name, (chance.choice(actors),) if name == "cancel" else (), delay)


def simpler(history: History) -> list[dict[str, Any]]:
    """Give simpler setups to try."""
    setup = history.setup
    plain = {"kind": "list", "slow": 0, "raises": False, "asks": "", "ordered": False, "fails": [],
             "hangs": [], "pause": 0, "read": "", "given": "", "concurrency": 1}  # fmt: skip
    tries = [{**setup, name: value} for name, value in plain.items() if setup[name] != value]
    if setup["inputs"]:
        tries.append({**setup, "inputs": setup["inputs"] - 1})
    return tries


class _Game(Game):
    files = _FILES
    expected = (FalStreamError, InputsFailed)

    def __init__(self, world: World, client: Any) -> None:
        super().__init__(world)
        setup = world.history.setup
        if setup["given"] == "aborted":
            self.given.abort("before")
        self.begun = 0
        self.asked_itself: list[FalStreamError] = []
        self.failure = InputsFailed("the inputs fail")
        world.fal.add(world.endpoint_id, self._answer)
        options: dict[str, Any] = {"signal": self.given.signal} if setup["given"] else {}
        if setup["read"]:
            options["read"] = self._read_plainly if world.flavour.is_blocking else self._read
        self.results: Any = client.stream_map(
            world.endpoint_id,
            self._inputs(),
            concurrency=setup["concurrency"],
            ordered=setup["ordered"],
            **options,
        )

    def _answer(self, request: RecordedRequest) -> list[object]:
        n, setup = request.json()["n"], self.world.history.setup
        pause = [Pause(setup["pause"] * (n % 3))] if setup["pause"] and n % 3 else []
        if n in setup["hangs"]:
            return [{"step": 1}, Hang()]
        if n in setup["fails"]:
            return [{"step": 1}, *pause, error_event("it failed")]
        return [{"step": 1}, *pause, {"answer": n}]

    # --- inputs ---

    def _inputs(self) -> Any:
        setup = self.world.history.setup
        if setup["kind"] == "list":
            return [{"n": n} for n in range(setup["inputs"])]
        return self._asynchronous() if setup["kind"] == "asynchronous" else self._generated()

    def _generated(self) -> Iterator[dict[str, int]]:
        setup, n = self.world.history.setup, 0
        while n < setup["inputs"] or setup["kind"] == "endless":
            if setup["slow"] and self.world.flavour.is_blocking:
                threading.Event().wait(setup["slow"])
            if n == 1 and setup["asks"]:
                self._ask_plainly(setup["asks"])
            self.begun += 1
            yield {"n": n}
            n += 1
        if setup["raises"]:
            raise self.failure

    async def _asynchronous(self) -> AsyncIterator[dict[str, int]]:
        setup = self.world.history.setup
        for n in range(setup["inputs"]):
            await self.world.flavour.sleep(setup["slow"])
            if n == 1 and setup["asks"]:
                await self._ask(setup["asks"])
            self.begun += 1
            yield {"n": n}
        if setup["raises"]:
            raise self.failure

    def _ask_plainly(self, what: str) -> None:
        if what == "abort":
            self.results.abort("by itself")
        elif self.world.flavour.is_blocking:
            try:
                self.results.close() if what == "close" else next(self.results, None)
            except FalStreamError as error:
                self.asked_itself.append(error)

    async def _ask(self, what: str) -> None:
        if what == "abort":
            self.results.abort("by itself")
            return
        try:
            await (self.results.aclose() if what == "close" else self.results.__anext__())
        except FalStreamError as error:
            self.asked_itself.append(error)

    # --- results ---

    def _read_plainly(self, stream: Any) -> Any:
        read = self.world.history.setup["read"]
        if read == "early":
            return next(iter(stream), None)
        last = stream.done()
        if read in ("ask", "close", "abort") and last == {"answer": 1}:
            self._ask_plainly({"ask": "next"}.get(read, read))
        return self._read_of(last)

    async def _read(self, stream: Any) -> Any:
        read = self.world.history.setup["read"]
        if read == "early":
            return await self.world.flavour.next(stream)
        last = await stream.done()
        if read in ("ask", "close", "abort") and last == {"answer": 1}:
            await self._ask({"ask": "next"}.get(read, read))
        return self._read_of(last)

    def _read_of(self, last: Any) -> Any:
        if self.world.history.setup["read"] == "raise" and last == {"answer": 1}:
            raise ValueError("read raises")
        return last

    # --- what is done with it ---

    async def act(self, actor: str, step: Step) -> None:
        """Do one step."""
        name, results = step.name, self.results
        if name in ("next", "take", "iterate"):
            count = {"next": 1, "take": (step.args or (0,))[0], "iterate": 1000}[name]
            await self._take(actor, name, min(count, 40))
        elif name == "block":
            async with self.world.flavour.block(results):
                await self._take(actor, name, step.args[0])
                if step.args[1] == "raise":
                    raise ZeroDivisionError("out of a block")
        elif name == "copy":
            with contextlib.suppress(ConfigError):
                made: dict[str, Any] = {
                    "copy": copy.copy,
                    "deepcopy": copy.deepcopy,
                    "pickle": pickle.dumps,
                }
                made[step.args[0]](results)
                self.world.note(actor, name, "value")
        elif name == "unfinished":
            self._look()
        else:
            await self.world.flavour.call(results, name, *step.args)

    async def _take(self, actor: str, name: str, count: int) -> None:
        for _ in range(count):
            item = await self.world.flavour.next(self.results)
            if item is END:
                self.world.note(actor, name, "ended")
                return
            self.world.note(actor, name, "got", item)
            ahead = self.begun - len(self.world.all("got", "interrupted", "cancelled"))
            most = 2 * self.world.history.setup["concurrency"]
            takers = len(self.world.history.actors)
            self.world.expect(ahead <= most + takers, "inputs are not read ahead", ahead)

    def _look(self) -> None:
        for index, input in self.results.unfinished.items():
            self.world.expect(input == {"n": index}, "`unfinished` has inputs by index", input)

    def handle(self, act: str) -> None:
        """Do what a signal handler is asked for."""
        if act == "abort":
            self.results.abort("by a handler")
        elif act == "close":
            self.results.close()
        else:
            self._look()

    def abort(self, reason: str) -> None:
        """Abort the map."""
        self.results.abort(reason)

    async def end(self) -> None:
        """Abort the map where it can't come to its end."""
        is_endless = bool(self.world.history.setup["hangs"])
        patience = 0.05 if is_endless else self.world.patience
        await self.world.flavour.until(lambda: self.is_over, patience)
        if is_endless:
            self.results.abort("the end")


async def play(world: World) -> None:
    """Play a history to its end."""
    flavour = world.flavour
    async with flavour.block(flavour.client({**world.fal.settings, "retry": None})) as client:
        game = _Game(world, client)
        await game.run()
        await flavour.call(game.results, "close")
        # What was ready is still there.
        with contextlib.suppress(FalStreamError, InputsFailed):
            while (item := await flavour.next(game.results)) is not END:
                world.note("after", "next", "got", item)
        await _check(game)
        other = client.stream("acme/fine")
        world.expect(await flavour.call(other, "done") == 2, "the client can still be used")


async def _check(game: _Game) -> None:
    """See that the rules hold, when the map has ended."""
    world, history = game.world, game.world.history
    setup = history.setup
    given = [seen.value.index for seen in world.all("got")]
    unfinished = game.results.unfinished
    told = f"given {given}, unfinished {sorted(unfinished)}"
    world.expect(len(given) == len(set(given)), "each result comes once", told)
    world.expect(not set(given) & set(unfinished), "what was given is not unfinished", told)
    sent = [request.json()["n"] for request in world.requests]
    lost = set(sent) - set(given) - set(unfinished)
    world.expect(len(sent) == len(set(sent)), "each input is sent once", sent)
    interrupted = len(world.all("interrupted"))
    world.expect(len(lost) <= interrupted, "no input is lost", f"{told}, sent {sent}")
    for seen in world.all("got"):
        _check_item(game, seen.value)
    if setup["ordered"]:
        for actor in history.actors:
            mine = [seen.value.index for seen in world.all("got") if seen.actor == actor]
            world.expect(mine == sorted(mine), "results come in order", mine)
    _check_end(game, given)
    working = getattr(game.results._work.workers, "_working", None)
    cancels = getattr(game.results._work.workers, "_cancels", None)
    # One that reads an input can't be ended in threads.
    world.expect(len(working or ()) <= 1 and not cancels, "nothing runs on", working or cancels)
    asked = [error for error in game.asked_itself if "wait for itself" not in str(error)]
    world.expect(not asked, "a map that asks itself is told so", asked)
    copies = [seen for seen in world.all("value") if seen.name == "copy"]
    world.expect(not copies, "a map is not copied")


def _check_item(game: _Game, item: Any) -> None:
    world, setup = game.world, game.world.history.setup
    told = repr(item)
    world.expect(item.input == {"n": item.index}, "an item has its input", told)
    if item.error is None:
        early = setup["read"] == "early"
        is_right = item.result == ({"step": 1} if early else {"answer": item.index})
        world.expect(is_right, "a result is that of its input", told)
        world.expect(early or item.index not in setup["fails"], "a failure is no result", told)
    elif isinstance(item.error, ValueError):
        world.expect(setup["read"] == "raise" and item.index == 1, "only `read` raises", told)
    else:
        fails = item.index in setup["fails"] and isinstance(item.error, StreamEventError)
        world.expect(fails, "only what fails has an error", told)


def _check_end(game: _Game, given: list[int]) -> None:
    """See that a map that nobody has ended, and that was read to its end, has got there."""
    world, history = game.world, game.world.history
    setup = history.setup
    raised = [seen.value for seen in world.all("raised")]
    disturbed = history.has(*_ENDING) or setup["given"] == "aborted" or setup["hangs"]
    disturbed = disturbed or "abort" in (setup["asks"], setup["read"])
    for error in raised:
        is_failure = error is game.failure and setup["raises"]
        is_given_up = isinstance(error, StreamInterrupted) and history.has(
            "cancel", "signal", "step"
        )
        world.expect(is_failure or is_given_up, "only what fails is raised", repr(error))
    if disturbed or not history.has("iterate") or setup["kind"] == "endless":
        return
    world.expect(sorted(given) == list(range(setup["inputs"])), "each input has a result", given)
    if setup["raises"] and setup["kind"] in ("generator", "asynchronous"):
        world.expect(raised, "inputs that fail are told of")
