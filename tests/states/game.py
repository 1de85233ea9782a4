"""One history while it is played: actors side by side, and what comes from beside them."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from abc import ABC, abstractmethod
from contextlib import AbstractContextManager
from functools import partial
from typing import Any

from fal_stream import AbortController, FalStreamError
from tests.steps import At, Interruption

from .flavours import Actor
from .history import Step
from .signals import stacks
from .world import World, told

__all__ = ["Game"]


class Game(ABC):
    """What happens to one thing. In threads, `main` is the thread that signals come to.

    Attributes:
        world: What it happens in.
        given: What an abort from without comes by.
    """

    files: tuple[str, ...] = ("fal_stream", "contextlib.py")
    """In whose code the step named `step` calls something."""

    expected: tuple[type[Exception], ...] = (FalStreamError,)
    """What a step may raise."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.given = AbortController()
        self._actors: dict[str, Actor] = {}
        self._is_main_over = not self._has_main

    @property
    def _has_main(self) -> bool:
        return self.world.flavour.is_blocking and "main" in self.world.history.actors

    @property
    def is_over(self) -> bool:
        """Whether all actors have done all their steps."""
        return self._is_main_over and all(actor.is_over for actor in self._actors.values())

    @abstractmethod
    async def act(self, actor: str, step: Step) -> None:
        """Do one step."""

    @abstractmethod
    def handle(self, act: str) -> object:
        """Do what a signal handler is asked for."""

    def abort(self, reason: str) -> None:
        """Abort what it is about."""
        raise NotImplementedError

    async def end(self) -> None:
        """End what does not end by itself; called beside the actors, when the rest was done."""
        await self.world.flavour.until(lambda: self.is_over, self.world.patience)

    def raised(self, actor: str, step: Step, error: Exception) -> None:
        """Take what a step has raised."""
        self.world.note(actor, step.name, "raised", error)

    async def run(self) -> None:
        """Play the history to its end."""
        world, flavour = self.world, self.world.flavour
        for name in world.history.actors:
            if name != "beside" and not (flavour.is_blocking and name == "main"):
                self._actors[name] = flavour.spawn(partial(self._play, name))
        beside = flavour.spawn(self._beside)
        if self._has_main:
            await self._play("main")
            self._is_main_over = True
        everybody = {**self._actors, "beside": beside}
        await flavour.until(
            lambda: all(actor.is_over for actor in everybody.values()), world.patience
        )
        for name, actor in everybody.items():
            world.expect(actor.is_over, "nothing hangs", f"{name}\n{stacks()}")
            if isinstance(actor.error, AssertionError):
                raise actor.error
            is_ours = actor.error is None or isinstance(actor.error, asyncio.CancelledError)
            world.expect(is_ours, "only errors of ours are raised", f"{name}: {told(actor.error)}")

    async def _play(self, actor: str) -> None:
        at = self._at() if actor == "main" else None
        for step in self.world.history.of(actor):
            try:
                await self._do(actor, step, contextlib.nullcontext() if at is None else at)
            except Interruption:
                self.world.note(actor, step.name, "interrupted")
            if at is not None and at.reached:
                at = None

    async def _do(self, actor: str, step: Step, at: AbstractContextManager[None]) -> None:
        world = self.world
        takes_signals = actor == "main" and world.flavour.is_blocking
        try:
            world.signals.may_interrupt |= takes_signals
            if step.delay:
                await world.flavour.sleep(step.delay)
            with at:
                await self.act(actor, step)
        except self.expected as error:
            self.raised(actor, step, error)
        except ZeroDivisionError:
            world.note(actor, step.name, "left")
        except world.flavour.is_cancelled:
            world.note(actor, step.name, "cancelled")
            raise
        finally:
            world.signals.may_interrupt &= not takes_signals

    def _at(self) -> At | None:
        """Give what calls something at a certain bytecode of the main actor."""
        for step in self.world.history.of("beside"):
            if step.name == "step":
                act, number = step.args
                at = At(number, self.files, like_signals=act == "interrupt")
                return at(partial(self._handle, act))
        return None

    def _handle(self, act: str) -> None:
        if act == "interrupt":
            self.world.signals.interrupt()
        else:
            self.handle(act)

    async def _beside(self) -> None:
        world = self.world
        for step in world.history.of("beside"):
            if step.delay:
                await world.flavour.sleep(step.delay)
            await self.do_beside(step)
        await self.end()

    async def do_beside(self, step: Step) -> None:
        """Do one step from beside the actors."""
        args: tuple[Any, ...] = step.args
        if step.name == "signal":
            self.world.signals.send(partial(self._handle, args[0]))
        elif step.name == "abort beside":
            thread = threading.Thread(target=self.abort, args=["beside"])
            thread.start()
            thread.join(self.world.patience)
        elif step.name == "abort given":
            self.given.abort("given")
        elif step.name == "cancel" and args[0] in self._actors:
            self._actors[args[0]].cancel()
