"""One stream: what is done with it at random, and the rules that hold whatever that is.

The rules are those of the documentation: `docs/guides/streaming.md`, `timeouts.md`, `logging.md`.
"""

from __future__ import annotations

import contextlib
import copy
import gc
import json
import logging
import pickle
import re
import warnings
import weakref
from collections.abc import Callable
from functools import partial
from random import Random
from typing import Any

from fal_stream import (
    ApiError,
    ConfigError,
    FalStreamError,
    IncompleteStream,
    StreamDecodeError,
    StreamEventError,
    StreamInterrupted,
    StreamTimeout,
)
from fal_stream._shared.stream_state import OPEN, STOPPED
from fal_stream.testing import RecordedRequest

from .flavours import END
from .game import Game
from .history import History, Step
from .world import Seen, World, chunk_of, script_of

__all__ = ["made_up", "play", "simpler"]

ENDS = ["end", "end", "end", "hang", "hang", "cut", "half", "error", "junk", "refused", "silent"]
_ERRORS: dict[str, type[FalStreamError]] = {
    "cut": StreamInterrupted,
    "half": IncompleteStream,
    "error": StreamEventError,
    "junk": StreamDecodeError,
    "refused": ApiError,
}
_HEARS = ["note", "note", "note", "wait", "raise", "abort", "close", "off", "ask", "other", "on"]
_OPERATIONS = [
    "next", "next", "next", "iterate", "iterate", "take", "take", "done", "done", "start", "events",
    "text", "close", "abort", "block", "block", "copy", "on", "repr",
]  # fmt: skip
_ACTS = ["abort", "abort", "close", "interrupt", "interrupt", "repr"]

# What ends a stream before its time on purpose.
_ENDING = ("close", "abort", "block", "signal", "abort given", "abort beside", "step")


def made_up(chance: Random, flavour: str) -> History:
    """Make a history up."""
    count = chance.randrange(6)
    setup: dict[str, Any] = {
        "chunks": count,
        "pauses": [chance.choice([0, 0, 0.0005, 0.003]) for _ in range(count + 1)],
        "coalesce": chance.random() < 0.5,
        "end": chance.choice(ENDS),
        "hears": [chance.choice(_HEARS) for _ in range(chance.randrange(4))],
        "given": chance.choice(["", "", "given", "aborted"]) if chance.random() < 0.5 else "",
        "timeout": chance.random() < 0.1,
        "dropped": chance.random() < 0.1,
    }
    actors = ["main", "a", "b"][: chance.choice([1, 1, 2, 3])]
    steps = [
        Step(actor, *_operation(chance), delay=chance.choice([0, 0, 0.0003, 0.002, 0.005]))
        for actor in actors
        for _ in range(1 + chance.randrange(4))
    ]
    steps += [_beside(chance, flavour, actors) for _ in range(chance.choice([0, 0, 1, 1, 2, 3]))]
    return History("stream", flavour, setup, tuple(steps))


def _operation(chance: Random) -> tuple[str, tuple[Any, ...]]:
    name = chance.choice(_OPERATIONS)
    if name in ("take", "events"):
        return name, (chance.randrange(4),)
    if name == "abort":
        return name, (f"reason {chance.randrange(100)}",)
    if name == "block":
        return name, (chance.randrange(4), chance.choice(["leave", "raise", "stay"]))
    if name == "copy":
        return name, (chance.choice(["copy", "deepcopy", "pickle"]),)
    return name, ()


def _beside(chance: Random, flavour: str, actors: list[str]) -> Step:
    delay = chance.choice([0, 0.0003, 0.001, 0.003, 0.006, 0.01])
    name = chance.choice(["signal", "abort beside", "abort given", "cancel", "cancel", "step"])
    if name == "signal" or (name == "cancel" and flavour == "threads"):
        act = chance.choice(_ACTS if flavour == "threads" else ["abort", "repr"])
        return Step("beside", "signal", (act,), delay)
    if name == "step":
        act = chance.choice(_ACTS if flavour == "threads" else ["abort"])
        return Step("beside", "step", (act, chance.randrange(chance.choice([300, 6000]))))
    args = (chance.choice(actors),) if name == "cancel" else ()
    return Step("beside", name, args, delay)


def simpler(history: History) -> list[dict[str, Any]]:
    """Give simpler setups to try."""
    setup = history.setup
    tries: list[dict[str, Any]] = [
        {**setup, name: value}
        for name, value in (
            ("hears", []),
            ("given", ""),
            ("timeout", False),
            ("dropped", False),
            ("coalesce", False),
            ("pauses", [0] * len(setup["pauses"])),
            ("end", "end"),
        )
        if setup[name] != value
    ]
    tries += [
        {**setup, "hears": setup["hears"][:n] + setup["hears"][n + 1 :]}
        for n in range(len(setup["hears"]))
    ]
    if setup["chunks"]:
        fewer = {"chunks": setup["chunks"] - 1, "pauses": setup["pauses"][1:]}
        tries.append({**setup, **fewer})
    return tries


class _Game(Game):
    def __init__(self, world: World, client: Any) -> None:
        super().__init__(world)
        self.client = client
        if world.history.setup["given"] == "aborted":
            self.given.abort("before")
        options: dict[str, Any] = {}
        if world.history.setup["given"]:
            options["signal"] = self.given.signal
        if world.history.setup["timeout"]:
            options["timeout"] = 0.05
        self.stream: Any = client.stream(world.endpoint_id, **options)
        self.heard: dict[str, list[Any]] = {"data": [], "error": [], "done": [], "late": []}
        self.is_quiet = False
        for name in ("data", "error", "done"):
            self.stream.on(name, self.heard[name].append)
        for number, kind in enumerate(world.history.setup["hears"]):
            self._listen(("data", "message", "error", "done")[number % 4], kind)

    def _listen(self, name: str, kind: str) -> None:
        stream, world = self.stream, self.world

        def plainly(value: Any) -> None:
            if kind == "raise":
                raise ValueError("a listener raises")
            if kind == "abort":
                stream.abort("by a listener")
            elif kind == "off":
                stream.off(name, plainly)
            elif kind == "on":
                with contextlib.suppress(UserWarning):
                    stream.on("data", self.heard["late"].append)
            elif kind == "close" and world.flavour.is_blocking:
                stream.close()
            elif kind == "ask" and world.flavour.is_blocking:
                self._ask_itself(stream.done)
            elif kind == "other" and world.flavour.is_blocking:
                self._check_other(list(self.client.stream("acme/fine")))

        async def waiting(value: Any) -> None:
            if kind == "wait":
                await world.flavour.sleep(0.001)
            elif kind == "close":
                await stream.aclose()
            elif kind == "ask":
                try:
                    await stream.done()
                except FalStreamError as error:
                    self._note_answer(error)
            elif kind == "other":
                other = self.client.stream("acme/fine")
                self._check_other([chunk async for chunk in other])
            else:
                plainly(value)

        is_waiting = kind in ("wait", "close", "ask", "other") and not world.flavour.is_blocking
        stream.on(name, waiting if is_waiting else plainly)

    def _ask_itself(self, ask: Callable[[], Any]) -> None:
        try:
            ask()
        except FalStreamError as error:
            self._note_answer(error)

    def _note_answer(self, error: FalStreamError) -> None:
        # Of a stream that has ended, the answer is there.
        self.world.note("listener", "ask", "value", error)

    def _check_other(self, got: list[Any]) -> None:
        self.world.note("listener", "other", "value", got)

    async def act(self, actor: str, step: Step) -> None:
        """Do one step."""
        world, stream, flavour = self.world, self.stream, self.world.flavour
        name = step.name
        if name == "next":
            await self._take(actor, name, stream, 1)
        elif name == "take":
            await self._take(actor, name, stream, step.args[0])
        elif name == "iterate":
            await self._take(actor, name, stream, 1000)
        elif name == "events":
            await self._take(actor, name, stream.events(), step.args[0])
        elif name == "text":
            await self._take(actor, name, stream.text(), 1000)
        elif name == "block":
            await self._block(actor, *step.args)
        elif name == "copy":
            with contextlib.suppress(ConfigError):
                made: dict[str, Any] = {
                    "copy": copy.copy,
                    "deepcopy": copy.deepcopy,
                    "pickle": pickle.dumps,
                }
                made[step.args[0]](stream)
                world.note(actor, name, "value", "a copy was made")
        elif name == "on":
            # Where the stream has ended, the warning is an error here.
            with contextlib.suppress(UserWarning):
                stream.on("data", self.heard["late"].append)
        elif name == "repr":
            repr(stream)
        elif name == "done":
            world.note(actor, name, "value", await flavour.call(stream, name))
        else:
            await flavour.call(stream, name, *step.args)

    async def _take(self, actor: str, name: str, things: Any, count: int) -> None:
        for _ in range(count):
            thing = await self.world.flavour.next(things)
            if thing is END:
                self.world.note(actor, name, "ended")
                return
            self.world.note(actor, name, "got", thing)

    async def _block(self, actor: str, count: int, way: str) -> None:
        async with self.world.flavour.block(self.stream):
            await self._take(actor, "block", self.stream, count)
            if way == "raise":
                raise ZeroDivisionError("out of a block")
            if way == "stay":
                await self.world.flavour.sleep(0.004)

    def handle(self, act: str) -> None:
        """Do what a signal handler is asked for."""
        if act == "abort":
            self.stream.abort("by a handler")
        elif act == "close":
            self.stream.close()
        else:
            repr(self.stream)

    def abort(self, reason: str) -> None:
        """Abort the stream."""
        self.stream.abort(reason)

    @property
    def is_finite(self) -> bool:
        """Whether the server comes to an end by itself."""
        return self.world.history.setup["end"] not in ("hang", "silent")

    async def end(self) -> None:
        """Abort the stream where it has not come to its end."""
        patience = self.world.patience if self.is_finite else 0.02
        await self.world.flavour.until(lambda: self.is_over, patience)
        if not self.world.history.setup["dropped"] or not self.is_over:
            self.stream.abort("the end")


async def play(world: World) -> None:
    """Play a history to its end."""
    flavour = world.flavour
    async with flavour.block(flavour.client({**world.fal.settings, "retry": None})) as client:
        world.fal.add(world.endpoint_id, script_of(world.history.setup))
        game = _Game(world, client)
        await game.run()
        if world.history.setup["dropped"] and not game.stream.closed:
            await _drop(game)
        else:
            await flavour.call(game.stream, "close")
            check(game, await _final(game))
            await _check_server(world)
        other = client.stream("acme/fine")
        world.expect(await flavour.call(other, "done") == 2, "the client can still be used")


async def _final(game: _Game) -> Seen:
    """Ask for the end of the stream, which is the same for everybody."""
    try:
        last = await game.world.flavour.call(game.stream, "done")
    except FalStreamError as error:
        return Seen("after", "done", "raised", error)
    return Seen("after", "done", "value", last)


async def _check_server(world: World) -> None:
    """See that the server knows of the end."""
    for request in world.requests:
        over = await world.flavour.until(partial(_is_over, request), world.patience)
        world.expect(over, "the server sees its client go")


def _is_over(request: RecordedRequest) -> bool:
    return request.gone.is_set() or request.finished.is_set()


async def _drop(game: _Game) -> None:
    """Forget a stream that has not ended, and see what comes of it."""
    world, stream = game.world, game.stream
    was_open, was_halted = OPEN in stream._reached, STOPPED in stream._reached
    trace = weakref.ref(stream)
    world.seen.clear()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        game.stream = stream = None
        gc.collect()
    kept = trace()
    if kept is not None:  # a task has something of it
        await world.flavour.call(kept, "close")
        return
    categories = [warning.category for warning in caught if "was dropped" in str(warning.message)]
    expected = [] if was_halted else [ResourceWarning] if was_open else [RuntimeWarning]
    world.expect(categories == expected, "a dropped stream warns", categories)
    if was_open:
        outcomes = ["dropped"] if not was_halted else ["aborted"]
        world.expect(world.outcomes() == outcomes, "a dropped stream is told of", world.outcomes())
        await _check_server(world)


def check(game: _Game, final: Seen) -> None:
    """See that the rules hold, when the stream has ended.

    Args:
        game: What was played.
        final: What `done()` gives afterwards.

    Raises:
        Broken: One doesn't.
    """
    world, stream = game.world, game.stream
    world.expect(stream.closed, "a stream that was closed is closed")
    count, unit = re.findall(r"(\d+) (chunk|event)s?>$", repr(stream))[0]
    count = int(count)
    if unit == "event":
        # The chunks that came before `events()` was called are among them.
        chunks = 0 if stream.current_data is None else stream.current_data["n"] + 1
        world.expect(chunks <= count, "chunks are counted among events", repr(stream))
        count = chunks
    _check_chunks(game, count)
    outcomes, interrupted = world.outcomes(), len(world.all("interrupted"))
    world.expect(len(world.requests) <= 1, "a request is sent once", len(world.requests))
    world.expect(
        len(outcomes) <= 1 and len(outcomes) >= len(world.requests) - interrupted,
        "each stream has one line of the log",
        outcomes,
    )
    outcome = outcomes[0] if outcomes else "none"
    _check_final(game, final, outcome, count)
    _check_errors(game, final)
    _check_listeners(game, final, outcome, count)
    copies = [seen for seen in world.all("value") if seen.name == "copy"]
    world.expect(not copies, "a stream is not copied")
    errors = [line.getMessage() for line in world.lines if line.levelno >= logging.ERROR]
    is_expected = "raise" in world.history.setup["hears"]
    world.expect(
        all(is_expected and "A listener of the stream" in line for line in errors),
        "nothing else is logged as an error",
        errors,
    )


def _check_chunks(game: _Game, count: int) -> None:
    world, history = game.world, game.world.history
    got = [seen for seen in world.all("got") if seen.name not in ("text", "events")]
    for seen in got:
        n = seen.value["n"]
        world.expect(seen.value == chunk_of(n), "chunks are as they were sent", seen.value)
    taken = [seen.value["n"] for seen in got]
    raw = [n for seen in world.all("got") if seen.name == "events" for n in _numbers(seen.value)]
    both = taken + raw
    world.expect(len(both) == len(set(both)), "each chunk comes once", both)
    for actor in history.actors:
        mine = [seen.value["n"] for seen in got if seen.actor == actor]
        world.expect(mine == sorted(mine), "chunks come in order", mine)
    world.expect(all(n >= count for n in raw), "raw events come after chunks", raw)
    left = [chunk["n"] for chunk in game.stream.buffer]
    lost = set(range(count)) - set(taken) - set(left)
    if history.has("text"):
        pieces = "".join(seen.value for seen in world.all("got") if seen.name == "text")
        known = "".join(f"{n};" for n in range(count))
        if not history.has("next", "take", "iterate", "block") and not world.losses:
            texts = len([step for step in history.steps if step.name == "text"])
            world.expect(texts > 1 or known.startswith(pieces), "text is what is new", pieces)
        return
    world.expect(len(lost) <= len(world.all("interrupted")), "no chunk is lost", sorted(lost))
    world.expect(set(taken) | set(left) <= set(range(count)), "chunks are counted", taken)


def _numbers(event: Any) -> list[int]:
    with contextlib.suppress(ValueError):
        data = json.loads(event.data)
        return [data["n"]] if event.event != "error" and isinstance(data, dict) else []
    return []


def _check_final(game: _Game, final: Seen, outcome: str, count: int) -> None:
    world, history = game.world, game.world.history
    if outcome == "none" and world.requests:
        return  # its line was lost to an interruption
    setup, stream = history.setup, game.stream
    last = chunk_of(count - 1) if count else None
    is_raw = history.has("events")
    error = final.value if final.kind == "raised" else None
    told = f"{outcome}, {final.kind} {final.value!r}"
    is_aborted = stream.signal.aborted
    if error is None:
        world.expect(final.value == last, "done() gives the last chunk", told)
    if outcome == "done":
        is_whole = setup["end"] == "end" and count == setup["chunks"]
        world.expect(error is None and (is_raw or is_whole), "a success is whole", told)
        world.expect(not is_aborted, "an abort after the end does nothing", told)
    elif outcome in ("aborted", "closed", "none"):
        world.expect(error is None, "an end on purpose is no error", told)
        world.expect(is_aborted == (outcome == "aborted") or outcome == "none", "the log says how")
    elif outcome == "cancelled":
        is_meant = isinstance(error, StreamInterrupted) and "task or thread" in str(error)
        was_ended = history.has("cancel", "signal", "step", "block")
        world.expect(is_meant and was_ended, "a reader that is cancelled is told of", told)
    elif outcome == "timeout":
        is_meant = setup["timeout"] and isinstance(error, StreamTimeout)
        world.expect(is_meant, "a limit that has run out is told of", told)
    else:
        wanted = _ERRORS.get(setup["end"])
        world.expect(outcome == "error", "the log says how", told)
        world.expect(wanted and isinstance(error, wanted), "an error is of its kind", told)
    if stream.signal.aborted:
        world.expect(stream.signal.reason in _reasons(history), "the reason is kept", told)
    _check_undisturbed(game, outcome)


def _reasons(history: History) -> list[Any]:
    given = [step.args[0] for step in history.steps if step.name == "abort"]
    return [*given, "by a handler", "beside", "given", "before", "by a listener", "the end"]


def _check_undisturbed(game: _Game, outcome: str) -> None:
    """See that a stream that nobody has ended, and that was read to its end, has got there."""
    world, history = game.world, game.world.history
    setup = history.setup
    is_disturbed = (
        history.has(*_ENDING, "cancel", "events", "text")
        or setup["given"] == "aborted"
        or setup["timeout"]
        or {"abort", "close"} & set(setup["hears"])
        or not game.is_finite
    )
    if not is_disturbed and history.has("iterate", "done"):
        wanted = "error" if setup["end"] in _ERRORS else "done"
        world.expect(outcome == wanted, "what nobody disturbs gets to its end", outcome)


def _check_errors(game: _Game, final: Seen) -> None:
    world, history = game.world, game.world.history
    may_be_misused = history.has("events", "text")
    for seen in world.all("raised"):
        is_misuse = type(seen.value) in (FalStreamError, ConfigError) or seen.name == "text"
        told = f"{seen.actor} {seen.name}: {seen.value!r}"
        if is_misuse:
            world.expect(may_be_misused, "only what is wrong is refused", told)
        else:
            world.expect(seen.value is final.value, "everybody gets the same error", told)
    for seen in world.all("value"):
        if seen.name == "done":
            told = f"{seen.value!r}, then {final.value!r}"
            is_same = final.kind == "value" and seen.value == final.value
            world.expect(is_same, "done() gives the same each time", told)


def _check_listeners(game: _Game, final: Seen, outcome: str, count: int) -> None:
    world, heard = game.world, game.heard
    if outcome == "none" and world.requests:
        return  # its line was lost to an interruption
    numbers = [chunk["n"] for chunk in heard["data"]]
    missed = len(world.all("interrupted"))
    is_whole = outcome in ("done", "error", "timeout", "cancelled")
    told = f"{outcome}: {numbers} of {count}"
    world.expect(numbers == sorted(set(numbers)), "listeners hear each chunk once", told)
    if is_whole:
        world.expect(count - len(numbers) <= missed, "listeners hear each chunk", told)
    elif not missed:
        is_right = numbers == list(range(len(numbers)))
        world.expect(is_right, "listeners miss none before the end", told)
    wanted_error = [final.value] if outcome in ("error", "timeout", "cancelled") else []
    wanted_last = [final.value] if outcome == "done" else []
    for name, wanted in (("error", wanted_error), ("done", wanted_last)):
        is_right = len(heard[name]) == len(wanted) and all(
            one is other for one, other in zip(heard[name], wanted, strict=True)
        )
        is_missed = missed and wanted and not heard[name]
        heard_of = f"{outcome}, {heard[name]} of {wanted}"
        world.expect(is_right or is_missed, f"`{name}` listeners hear of the end", heard_of)
