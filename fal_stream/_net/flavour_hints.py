"""Errors for `for` instead of `async for`, and `async with` instead of `with`, in both flavours.

These methods are hidden from type checkers, which report the mistake by themselves.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

from ..errors import FalStreamError

# Starlette's StreamingResponse treats an object with an `__aiter__` as an asynchronous iterable.
_OF_FRAMEWORKS = (
    "the asynchronous client (AsyncStreamingClient); a framework that iterates it, such as "
    "Starlette's StreamingResponse, is given stream.text(), or a generator over the stream"
)


# What to await instead of an iterator.
_TO_AWAIT = {
    "AsyncText": ", or `await stream.final_text()` for all of it",
    "AsyncAudio": ", or `await stream.save(path)` for a file",
    "AsyncFiles": ", or `await stream.save(folder)` to keep them",
}


class WrongFlavour(FalStreamError, TypeError):
    """One flavour was used as the other."""


def _refuse(thing: object, is_what: str, hint: str, other: str) -> NoReturn:
    name = type(thing).__name__.lstrip("_")
    raise WrongFlavour(f"{name} is {is_what}: write `{hint}`, or use {other}")


class AsyncFlavourHints:
    """Raises an error for `for` and `with` that tells to write `async` before them."""

    if not TYPE_CHECKING:

        def __iter__(self):
            _refuse(self, "asynchronous", "async for", "the blocking client (StreamingClient)")

        def __enter__(self):
            _refuse(self, "asynchronous", "async with", "the blocking client (StreamingClient)")

        def __exit__(self, *exc_info):
            """Never called, but `with` looks it up first."""


class FlavourHints:
    """Raises an error for `async for` and `async with` that tells to leave the `async` out."""

    if not TYPE_CHECKING:

        def __aiter__(self):
            _refuse(self, "blocking", "for", _OF_FRAMEWORKS)

        async def __aenter__(self):
            _refuse(self, "blocking", "with", "the asynchronous client (AsyncStreamingClient)")

        async def __aexit__(self, *exc_info):
            """Never called, but `async with` looks it up first."""


class AsyncIteratorHints:
    """Raises an error for `for` and `await` that tells to write `async for`."""

    if not TYPE_CHECKING:

        def __iter__(self):
            _refuse(self, "asynchronous", "async for", "the blocking client (StreamingClient)")

        def __await__(self):
            name = type(self).__name__.lstrip("_")
            raise WrongFlavour(
                f"{name} is iterated, not awaited: write `async for`{_TO_AWAIT.get(name, '')}"
            )


class IteratorHints:
    """Has no hints, on purpose.

    With an `__aiter__`, the text of a blocking stream would count as an asynchronous iterable, and
    Starlette's `StreamingResponse` would iterate it as one. With an `__await__`, it would count as
    awaitable, and frameworks that await such results would do so.
    """
