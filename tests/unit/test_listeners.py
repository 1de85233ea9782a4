"""The register of listeners."""

from __future__ import annotations

from typing import Any

import pytest

from fal_stream import ConfigError
from fal_stream._sync.listeners import Listeners


def test_listeners_are_given_in_their_order() -> None:
    first, second, third = (lambda _: 1), (lambda _: 2), (lambda _: 3)
    listeners = Listeners("acme/app")
    listeners.add("data", first)
    listeners.add("message", second)
    listeners.add("data", third)
    assert listeners.of("data", "message") == [first, third, second]
    listeners.remove("data", first)
    listeners.remove("data", first)
    assert listeners.of("data") == [third]


def test_chunks_are_kept_only_for_those_who_listen() -> None:
    listeners = Listeners("acme/app")
    listeners.enqueue([1])
    listeners.add("done", print)
    listeners.enqueue([2])
    assert not listeners.undelivered
    listeners.add("message", print)
    listeners.enqueue([3, 4])
    assert list(listeners.undelivered) == [3, 4]


@pytest.mark.parametrize(
    ("type_", "listener", "message"),
    [
        ("dat", print, "Unknown listener type 'dat'; did you mean 'data'?"),
        ("data", 3, "listener=3 can't be called"),
        (None, print, "Unknown listener type None; there are: data"),
    ],
)
def test_bad_arguments_are_refused(type_: Any, listener: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=message.replace("?", r"\?")):
        Listeners("acme/app").add(type_, listener)


def test_an_unknown_type_cannot_be_taken_off() -> None:
    bad: Any = "close"
    with pytest.raises(
        ConfigError, match=r"^Unknown listener type 'close'; there are: data, done, error, message"
    ):
        Listeners("acme/app").remove(bad, print)
