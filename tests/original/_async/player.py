"""Plays a scenario through a client of this package, and says what was seen."""

from __future__ import annotations

import time
import warnings
from typing import Any

from fal_stream import (
    AbortController,
    AsyncFalStream,
    AsyncStorageClient,
    AsyncStreamingClient,
    FalStreamError,
)
from fal_stream.testing import LocalFal
from tests.original.python import arguments, raised, watched
from tests.original.scenario import Gives, Raised, Scenario, Seen
from tests.original.server import sent_to


async def play(scenario: Scenario, fal: LocalFal) -> Seen:
    """Play a scenario against its server."""
    calls: list[list[Any]] = []
    controller = AbortController()
    settings, options = arguments(scenario, fal, controller, calls)
    if scenario.plot == "upload":
        return await upload(scenario, fal, settings, options)
    async with AsyncStreamingClient(**settings) as client:
        with warnings.catch_warnings(record=True):
            warnings.simplefilter("always")
            try:
                stream = client.stream(scenario.endpoint_id, **options)
            except FalStreamError as error:
                failure = raised(error, fal)
                facts = watched(scenario, fal, calls)
                return Seen((), failure, failure, (), False, (), False, facts)
        run = Run(scenario, fal, stream, controller)
        await run.play()
        await stream.aclose()
    return run.seen(calls)


async def upload(
    scenario: Scenario, fal: LocalFal, settings: dict[str, Any], options: dict[str, Any]
) -> Seen:
    """Upload a file, without a stream."""
    done: Gives | Raised
    async with AsyncStorageClient(**settings) as storage:
        try:
            done = Gives(await storage.upload(options.pop("file"), **options))
        except FalStreamError as error:
            done = raised(error, fal)
    return Seen((), "not read", done, (), False, sent_to(fal), False, watched(scenario, fal, []))


class Run:
    """One run of a scenario: a user's code around a stream."""

    def __init__(
        self,
        scenario: Scenario,
        fal: LocalFal,
        stream: AsyncFalStream[Any],
        controller: AbortController,
    ) -> None:
        self.scenario = scenario
        self.fal = fal
        self.stream = stream
        self.controller = controller
        self.chunks: list[Any] = []
        self.ending: Any = "not read"
        self.result: Gives | Raised | None = None
        self.heard: list[tuple[str, Any]] = []
        self.facts: dict[str, Any] = {}

    async def play(self) -> None:
        """Do what the plot says."""
        plot = self.scenario.plot
        stream = self.stream
        if plot == "listener raises":
            stream.on("data", self.stumble)
        if plot == "listeners in order":
            order: list[Any] = []
            self.facts["order"] = order
            stream.on("data", lambda chunk: order.append(["first", chunk]))
            stream.on("data", lambda chunk: order.append(["second", chunk]))
        stream.on("data", lambda chunk: self.heard.append(("data", chunk)))
        stream.on("message", lambda chunk: self.heard.append(("message", chunk)))
        stream.on("done", lambda chunk: self.heard.append(("done", chunk)))
        stream.on("error", lambda error: self.heard.append(("error", raised(error, self.fal))))
        begin = time.monotonic()
        if plot == "abort at once":
            stream.abort("enough")
        if plot == "done first":
            await self.finish()
        if plot == "take turns":
            await self.take_turns()
        else:
            await self.read()
        if plot == "keep time":
            pace = (time.monotonic() - begin) / len(self.chunks)
            self.facts["time for a chunk"] = "16 ms or more" if pace > 0.0155 else "less"
        if plot == "iterate again":
            before, self.chunks = (self.chunks, self.ending), []
            await self.read()
            self.facts["again"] = [self.chunks, self.ending]
            self.chunks, self.ending = before
        if plot == "abort at the end":
            stream.abort("enough")
        if plot == "break":
            await stream.aclose()
        await self.finish()
        if plot == "done again":
            self.facts["done again"] = self.result
            await self.finish()
        if stream.signal.aborted:
            self.facts["reason"] = stream.signal.reason

    async def read(self) -> None:
        """Iterate to the end."""
        plot = self.scenario.plot
        try:
            async for chunk in self.stream:
                self.chunks.append(chunk)
                if plot == "break":
                    break
                if plot == "abort after a chunk":
                    self.stream.abort("enough")
                if plot == "signal after a chunk":
                    self.controller.abort("enough")
        except FalStreamError as error:
            self.ending = raised(error, self.fal)
        else:
            self.ending = "ends"

    async def take_turns(self) -> None:
        """Iterate twice at once, a chunk here and a chunk there."""
        other: list[Any] = []
        self.facts["other"] = other
        running = [(self.stream.__aiter__(), self.chunks), (self.stream.__aiter__(), other)]
        while running:
            iterator, chunks = running.pop(0)
            try:
                chunks.append(await iterator.__anext__())
            except StopAsyncIteration:
                continue
            running.append((iterator, chunks))
        self.ending = "ends"

    async def finish(self) -> None:
        """Ask for the end."""
        try:
            self.result = Gives(await self.stream.done())
        except FalStreamError as error:
            self.result = raised(error, self.fal)

    def stumble(self, chunk: Any) -> None:
        """Fail, as a listener."""
        raise LookupError(f"no place for {chunk}")

    def seen(self, calls: list[list[Any]]) -> Seen:
        """Say what was seen; the stream must have ended."""
        assert self.result is not None
        requests = self.fal.requests
        knows_id = bool(requests) and self.stream.request_id == requests[-1].request_id
        facts = {**self.facts, **watched(self.scenario, self.fal, calls)}
        return Seen(
            self.chunks,
            self.ending,
            self.result,
            self.heard,
            False,
            sent_to(self.fal),
            knows_id,
            facts,
        )
