"""One client: what is done with it at random, and the rules that hold whatever that is."""

from __future__ import annotations

import copy
import json
import threading
import time
from random import Random
from typing import Any

from fal_stream import ConfigError, StreamInterrupted, TokenError, UploadError
from fal_stream.testing import Cut, Failure, Hang, Pause, RecordedRequest

from . import inputs
from .flavours import END
from .game import Game
from .history import History, Step, chance_of
from .world import World

__all__ = ["made_up", "play", "simpler"]

_OPERATIONS = [
    "fine", "fine", "slow", "token", "token", "input", "input", "cut", "refused", "hostile", "hang",
    "block", "map", "upload", "preconnect", "copy", "close", "repr",
]  # fmt: skip

# What a server sends to hold a client up; how long that may take of the processor (seconds).
HOSTILE = [b"\\", b'{"', b"fal_jwt_token=", b"&", b"Key ", b"=\\u005c"]
HOSTILE_BYTES, HOSTILE_SECONDS = 48 * 1024, 2.0


def made_up(chance: Random, flavour: str) -> History:
    """Make a history up."""
    actors = ["main", "a", "b", "c"][: chance.choice([1, 2, 3, 4])]
    steps = [
        Step(actor, *_operation(chance), delay=chance.choice([0, 0, 0.0005, 0.003]))
        for actor in actors
        for _ in range(1 + chance.randrange(4))
    ]
    steps += [_beside(chance, flavour, actors) for _ in range(chance.choice([0, 0, 1, 2]))]
    return History("client", flavour, {"seed": chance.randrange(1 << 30)}, tuple(steps))


def _operation(chance: Random) -> tuple[str, tuple[Any, ...]]:
    name = chance.choice(_OPERATIONS)
    if name == "input":
        return name, (chance.randrange(1 << 30),)
    if name == "hostile":
        return name, (chance.randrange(len(HOSTILE)),)
    return name, ()


def _beside(chance: Random, flavour: str, actors: list[str]) -> Step:
    delay = chance.choice([0, 0.0005, 0.002, 0.005, 0.01])
    is_blocking = flavour == "threads"
    name = chance.choice(["signal", "signal", "cancel", "close", "step"])
    if (name in ("signal", "step") and not is_blocking) or name == "close":
        return Step("beside", "close", (), delay)
    if name == "step":
        act = chance.choice(["close", "repr", "interrupt"])
        return Step("beside", "step", (act, chance.randrange(chance.choice([1000, 20_000]))))
    if name == "signal" or is_blocking:
        act = chance.choice(["close", "interrupt", "interrupt", "interrupt", "repr"])
        return Step("beside", "signal", (act,), delay)
    return Step("beside", name, (chance.choice(actors),), delay)


def simpler(history: History) -> list[dict[str, Any]]:
    """Give simpler setups to try: there are none."""
    return []


class _Game(Game):
    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.client: Any = world.flavour.client({**world.fal.settings, "retry": None})
        self.was_closed = False
        world.fal.add(world.endpoint_id, self._answer)

    def _answer(self, request: RecordedRequest) -> Any:
        kind = request.input.get("kind", "fine")
        if kind == "hostile":
            mark = HOSTILE[request.input["mark"]]
            body = mark * (HOSTILE_BYTES // len(mark))
            return Failure(500, body=body.decode("latin-1"), content_type="text/plain")
        if kind == "refused":
            return Failure(422, "no")
        ends: dict[str, list[object]] = {"cut": [Cut()], "hang": [Hang()], "slow": [Pause(0.003)]}
        return [1, *ends.get(kind, []), 2]

    async def act(self, actor: str, step: Step) -> None:
        """Do one step."""
        world, client, name = self.world, self.client, step.name
        call = world.flavour.call
        if name == "repr":
            repr(client)
        elif name == "close":
            self.was_closed = True
            await call(client, "close")
            await self._check_closed()
        elif name == "copy":
            async with world.flavour.block(copy.copy(client)) as other:
                world.expect(await call(other.stream("acme/fine"), "done") == 2, "a copy works")
        elif name == "preconnect":
            await call(client, "preconnect")
        elif name == "upload":
            url = await call(client.storage, "upload", b"some bytes")
            world.expect(world.fal.upload(url).content == b"some bytes", "a file is stored", url)
        elif name == "map":
            results = client.stream_map(world.endpoint_id, [{"kind": "fine"}] * 3, concurrency=2)
            async with world.flavour.block(results):
                while (item := await world.flavour.next(results)) is not END:
                    is_right = item.result == 2 or self.was_closed
                    world.expect(is_right, "results are right", repr(item))
        elif name == "input":
            await self._send(step.args[0])
        else:
            await self._stream(actor, step)

    async def _stream(self, actor: str, step: Step) -> None:
        world, name = self.world, step.name
        given: dict[str, Any] = {"kind": name}
        options: dict[str, Any] = {}
        if name == "hostile":
            given["mark"] = step.args[0]
        if name == "token":
            options["connection_mode"] = "client"
        began = time.thread_time()
        stream = self.client.stream(world.endpoint_id, input=given, **options)
        if name == "hang":
            # Who wants no more leaves.
            world.note(actor, name, "got", await world.flavour.next(stream))
            await world.flavour.call(stream, "close")
        elif name == "block":
            async with world.flavour.block(stream):
                world.note(actor, name, "got", await world.flavour.next(stream))
        else:
            try:
                last = await world.flavour.call(stream, "done")
            finally:
                # In a loop, others have their part in it.
                spent = time.thread_time() - began
                if name == "hostile" and world.flavour.is_blocking:
                    world.expect(spent < HOSTILE_SECONDS, "whatever comes costs little", spent)
            world.expect(last == 2, "results are right", f"{name}: {last!r}")

    async def _send(self, seed: int) -> None:
        world = self.world
        made, sent = inputs.made_up(chance_of(seed, 0))
        before = len(world.requests)
        try:
            stream = self.client.stream(world.endpoint_id, input={"it": made, "seed": seed})
        except ConfigError as error:
            world.expect(sent is inputs.REFUSED, "what can be sent is sent", f"{made!r}: {error}")
            return
        world.expect(sent is not inputs.REFUSED, "what can't be meant is refused", repr(made))
        await world.flavour.call(stream, "done")
        bodies = [request.input for request in world.requests[before:]]
        mine = [body for body in bodies if isinstance(body, dict) and body.get("seed") == seed]
        wanted = json.dumps({"it": sent, "seed": seed}, sort_keys=True)
        is_right = wanted in [json.dumps(body, sort_keys=True) for body in mine]
        world.expect(is_right, "what is sent is what was meant", f"{made!r}: {mine}")

    async def _check_closed(self) -> None:
        world = self.world
        try:
            await world.flavour.call(self.client.stream("acme/fine"), "done")
        except ConfigError as error:
            world.expect("closed" in str(error), "a closed client says so", error)
        else:
            world.expect(False, "a closed client sends nothing")

    def raised(self, actor: str, step: Step, error: Exception) -> None:
        """See that an error is one that the step or the end of the client explains."""
        of_a_close = (StreamInterrupted, ConfigError, UploadError, TokenError)
        if self.was_closed and (isinstance(error, of_a_close) or "was closed" in str(error)):
            return
        told = f"{step.name}: {error!r}"
        self.world.expect(step.name in ("cut", "refused", "hostile"), "what works works", told)

    def handle(self, act: str) -> None:
        """Do what a signal handler is asked for."""
        if act == "close":
            self.was_closed = True
            self.client.close()
        else:
            repr(self.client)

    async def do_beside(self, step: Step) -> None:
        """Do one step from beside the actors."""
        if step.name == "close":
            self.was_closed = True
            await self.world.flavour.call(self.client, "close")
        else:
            await super().do_beside(step)


async def play(world: World) -> None:
    """Play a history to its end."""
    flavour = world.flavour
    game = _Game(world)
    await game.run()
    client = game.client
    if not game.was_closed:
        # Whatever was interrupted, it can do everything.
        last = await flavour.call(client.stream("acme/fine", connection_mode="client"), "done")
        world.expect(last == 2, "the client can still be used", last)
        fine = client.stream_map("acme/fine", [{}, {}])
        world.expect((await flavour.next(fine)).get() == 2, "the client can still be used")
        await flavour.call(fine, "close")
    await flavour.call(client, "close")
    await flavour.call(client, "close")
    await game._check_closed()
    threads = [one.name for one in threading.enumerate() if one.name == "fal_stream-worker"]
    is_left = await flavour.until(lambda: not _workers(), world.patience)
    world.expect(is_left, "nothing runs on", threads)


def _workers() -> list[str]:
    return [one.name for one in threading.enumerate() if one.name == "fal_stream-worker"]
