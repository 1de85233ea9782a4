"""Whose exception it is that came out of a call."""

from __future__ import annotations

import functools
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from fal_stream._signal_errors import raised_by_signal_handler, suppress_errors

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals")


class SoftLimit(Exception):
    """As that of Celery."""


class Library(Exception):
    """What a library makes of it."""


def raise_it(*_: object) -> None:
    raise SoftLimit


class Handler:
    def method(self, *_: object) -> None:
        raise SoftLimit

    def __call__(self, *_: object) -> None:
        raise SoftLimit


def first(*_: object) -> None:
    raise_it()


HANDLERS: dict[str, Callable[..., Any]] = {
    "a function": raise_it,
    "a function that calls another": first,
    "a method": Handler().method,
    "an object": Handler(),
    "a partial": functools.partial(functools.partial(raise_it, 1), 2),
    "a lambda": lambda *_: raise_it(),
}


@pytest.fixture
def handle() -> Iterator[Callable[[Any], object]]:
    """Set the handler of a signal."""
    before = signal.getsignal(signal.SIGUSR1)
    yield lambda handler: signal.signal(signal.SIGUSR1, handler)
    signal.signal(signal.SIGUSR1, before)


def interrupted() -> BaseException:
    try:
        signal.raise_signal(signal.SIGUSR1)
    except Exception as error:
        return error
    raise AssertionError("nothing was raised")


@pytest.mark.parametrize("handler", HANDLERS.values(), ids=HANDLERS)
def test_a_handler(handler: Any, handle: Callable[[Any], object]) -> None:
    handle(handler)
    error = interrupted()
    assert isinstance(error, SoftLimit)
    assert raised_by_signal_handler(error) is error


@pytest.mark.parametrize("is_cause", [True, False])
def test_what_a_library_made_of_it(handle: Callable[[Any], object], *, is_cause: bool) -> None:
    handle(raise_it)
    found: BaseException | None = None
    try:
        try:
            signal.raise_signal(signal.SIGUSR1)
        except SoftLimit as error:
            if is_cause:
                raise Library from error
            raise Library  # noqa: B904 - so do many
    except Library as error:
        found = raised_by_signal_handler(error)
    assert isinstance(found, SoftLimit)


def test_other_errors(handle: Callable[[Any], object]) -> None:
    handle(raise_it)
    error = OSError("x")
    error.__context__ = ValueError()
    error.__context__.__context__ = error
    assert raised_by_signal_handler(error) is None
    with pytest.raises(SoftLimit) as raised:
        first()
    other = raised.value
    # Called by somebody else it is a function like any other, and no handler stands in between.
    handle(signal.SIG_IGN)
    assert raised_by_signal_handler(other) is None


def test_an_error_that_is_handled_outside(handle: Callable[[Any], object]) -> None:
    """It is the context of each error in the meantime, and has to do with none of them."""
    handle(raise_it)
    contexts: list[type] = []

    def fail() -> BaseException | None:
        try:
            raise Library
        except Library as error:
            contexts.append(type(error.__context__))
            return raised_by_signal_handler(error)

    try:
        signal.raise_signal(signal.SIGUSR1)
    except SoftLimit:
        assert fail() is None
        assert contexts == [SoftLimit]
    else:
        raise AssertionError("nothing was raised")


def test_errors_that_are_suppressed(handle: Callable[[Any], object]) -> None:
    handle(raise_it)
    with suppress_errors(Library, OSError):
        raise Library
    with suppress_errors(Library, OSError):
        pass
    with pytest.raises(ValueError, match=r"^x$"), suppress_errors(Library):
        raise ValueError("x")
    with pytest.raises(SoftLimit), suppress_errors(Exception):
        signal.raise_signal(signal.SIGUSR1)
    with pytest.raises(SoftLimit), suppress_errors(Library):
        make_it_one_of_a_library()


def make_it_one_of_a_library() -> None:
    try:
        signal.raise_signal(signal.SIGUSR1)
    except SoftLimit as error:
        raise Library from error


def test_another_thread(handle: Callable[[Any], object]) -> None:
    handle(raise_it)
    error = interrupted()
    found: list[object] = []
    thread = threading.Thread(target=lambda: found.append(raised_by_signal_handler(error)))
    thread.start()
    thread.join()
    assert found == [None]
