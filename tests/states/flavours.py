"""Who does things side by side: threads, tasks of asyncio, scopes of anyio, tasks of trio.

What the actors do is written once, as coroutine functions. In threads nothing in them waits for an
event loop: a blocking call is made where it stands, and such a coroutine runs through at once.
"""

from __future__ import annotations

import asyncio
import inspect
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Coroutine
from types import TracebackType
from typing import Any, TypeVar

import anyio
import trio

from fal_stream import AsyncStreamingClient, StreamingClient

__all__ = ["END", "FLAVOURS", "Actor", "Flavour"]

T = TypeVar("T")

Play = Callable[[], Coroutine[Any, Any, None]]

END: Any = object()
"""What `Flavour.next` gives at the end."""


class Actor:
    """Something that goes on beside the rest.

    Attributes:
        error: What it ended with that it should not have, or None.
        is_over: Whether it has ended.
    """

    def __init__(self) -> None:
        self.error: BaseException | None = None
        self.is_over = False

    def cancel(self) -> None:
        """Cancel it, where its flavour can."""


class Flavour(ABC):
    """How things are done in one flavour.

    Attributes:
        name: Its name.
        is_blocking: Whether it is that of threads.
    """

    name: str
    is_blocking = False

    @abstractmethod
    def run(self, main: Play) -> None:
        """Run something to its end, in the calling thread."""

    @abstractmethod
    def spawn(self, play: Play) -> Actor:
        """Begin with something beside the rest."""

    @abstractmethod
    async def sleep(self, seconds: float) -> None:
        """Wait."""

    @property
    def is_cancelled(self) -> tuple[type[BaseException], ...]:
        """What is raised where an actor is cancelled."""
        return ()

    def client(self, settings: dict[str, Any]) -> Any:
        """Make a client."""
        return AsyncStreamingClient(**settings)

    async def call(self, thing: Any, name: str, *args: Any, **kwargs: Any) -> Any:
        """Call a method, which may be a coroutine function."""
        if name == "close":
            name = "aclose"
        result = getattr(thing, name)(*args, **kwargs)
        return await result if inspect.isawaitable(result) else result

    async def next(self, things: Any) -> Any:
        """Take the next thing of an iterator, or `END`."""
        try:
            return await things.__anext__()
        except StopAsyncIteration:
            return END

    def block(self, thing: Any) -> Any:
        """Give something to be entered by `async with`."""
        return thing

    async def until(self, condition: Callable[[], bool], seconds: float) -> bool:
        """Wait until something holds; False where it has not, after so many seconds."""
        end = time.monotonic() + seconds
        pause = 0.0005
        while not condition():
            if time.monotonic() > end:
                return False
            await self.sleep(pause)
            pause = min(2 * pause, 0.02)
        return True


class _Threads(Flavour):
    name = "threads"
    is_blocking = True

    def run(self, main: Play) -> None:
        _run_through(main())

    def spawn(self, play: Play) -> Actor:
        actor = Actor()

        def run() -> None:
            try:
                _run_through(play())
            except BaseException as error:
                actor.error = error
            finally:
                actor.is_over = True

        threading.Thread(target=run, daemon=True, name="states").start()
        return actor

    async def sleep(self, seconds: float) -> None:
        time.sleep(seconds)  # noqa: ASYNC251 - nothing waits for an event loop here

    def client(self, settings: dict[str, Any]) -> Any:
        return StreamingClient(**settings)

    async def call(self, thing: Any, name: str, *args: Any, **kwargs: Any) -> Any:
        return getattr(thing, name)(*args, **kwargs)

    async def next(self, things: Any) -> Any:
        return next(things, END)

    def block(self, thing: Any) -> Any:
        return _Block(thing)


class _Block:
    def __init__(self, thing: Any) -> None:
        self._thing = thing

    async def __aenter__(self) -> Any:
        return self._thing.__enter__()

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._thing.__exit__(exc_type, error, traceback)


def _run_through(work: Coroutine[Any, Any, None]) -> None:
    try:
        work.send(None)
    except StopIteration:
        return
    raise AssertionError("a coroutine in a thread has waited for an event loop")


class _TaskActor(Actor):
    def __init__(self, play: Play) -> None:
        super().__init__()
        self._task = asyncio.ensure_future(play())
        self._task.add_done_callback(self._end)

    def _end(self, task: asyncio.Task[None]) -> None:
        self.is_over = True
        if not task.cancelled():
            self.error = task.exception()

    def cancel(self) -> None:
        self._task.cancel()


class _Asyncio(Flavour):
    name = "asyncio"

    def run(self, main: Play) -> None:
        asyncio.run(main())

    def spawn(self, play: Play) -> Actor:
        return _TaskActor(play)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    @property
    def is_cancelled(self) -> tuple[type[BaseException], ...]:
        return (asyncio.CancelledError,)


class _ScopeActor(Actor):
    def __init__(self, play: Play, spawn: Callable[[Play], object]) -> None:
        super().__init__()
        self._scope = anyio.CancelScope()
        self._play = play
        self._kept = spawn(self._run)

    async def _run(self) -> None:
        try:
            with self._scope:
                await self._play()
        except BaseException as error:
            self.error = error
        finally:
            self.is_over = True

    def cancel(self) -> None:
        self._scope.cancel()


class _Anyio(_Asyncio):
    name = "anyio"

    def run(self, main: Play) -> None:
        anyio.run(main, backend="asyncio")

    def spawn(self, play: Play) -> Actor:
        return _ScopeActor(play, lambda run: asyncio.ensure_future(run()))


class _Trio(Flavour):
    name = "trio"

    def run(self, main: Play) -> None:
        trio.run(main)

    def spawn(self, play: Play) -> Actor:
        return _ScopeActor(play, trio.lowlevel.spawn_system_task)

    async def sleep(self, seconds: float) -> None:
        await trio.sleep(seconds)

    @property
    def is_cancelled(self) -> tuple[type[BaseException], ...]:
        return (trio.Cancelled,)


FLAVOURS: dict[str, Flavour] = {
    flavour.name: flavour for flavour in (_Threads(), _Asyncio(), _Anyio(), _Trio())
}
