"""What a history happens in: a server, a log, and what everybody has seen."""

from __future__ import annotations

import contextlib
import logging
import sys
import traceback
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from typing_extensions import Self

from fal_stream.testing import (
    Cut,
    Failure,
    Hang,
    LocalFal,
    Pause,
    Ping,
    Raw,
    RecordedRequest,
    Reply,
    error_event,
)

from .flavours import FLAVOURS, Flavour
from .history import History
from .signals import Signals

__all__ = ["Broken", "Seen", "World", "script_of", "told", "worlds"]

# As many histories share a server.
_HISTORIES = 200


class Broken(AssertionError):
    """A rule was broken; the message begins with its name and a colon."""

    @property
    def rule(self) -> str:
        """The name of the rule."""
        return str(self).partition(":")[0]


@dataclass
class Seen:
    """What came of a step.

    Attributes:
        actor: Whose step it was.
        name: What was done.
        kind: `got`, `ended`, `value`, `raised`, `interrupted` or `cancelled`.
        value: What came, or what was raised.
    """

    actor: str
    name: str
    kind: str
    value: Any = None


@dataclass
class World:
    """What one history happens in.

    Attributes:
        history: The history.
        flavour: How it is played.
        fal: The server.
        endpoint_id: An endpoint that no other history has.
        signals: Has handlers called.
        patience: How long anything may take (seconds).
        seen: What everybody has seen, in the order in which it was noted.
        lines: What the library has logged.
    """

    history: History
    flavour: Flavour
    fal: LocalFal
    endpoint_id: str
    signals: Signals
    patience: float
    seen: list[Seen] = field(default_factory=list[Seen])
    lines: list[logging.LogRecord] = field(default_factory=list[logging.LogRecord])

    @property
    def requests(self) -> list[RecordedRequest]:
        """What the server was asked at the endpoint."""
        return self.fal.requests_to(self.endpoint_id)

    def note(self, actor: str, name: str, kind: str, value: Any = None) -> None:
        """Note what came of a step."""
        self.seen.append(Seen(actor, name, kind, value))

    def all(self, *kinds: str) -> list[Seen]:
        """Give what was seen of some kinds."""
        return [seen for seen in self.seen if seen.kind in kinds]

    @property
    def losses(self) -> int:
        """How many things may have been lost on their way to who had asked for them."""
        return len(self.all("interrupted", "cancelled"))

    def outcomes(self) -> list[str]:
        """Give how streams have ended, as the log has it."""
        found: list[str] = []
        for line in self.lines:
            fields: dict[str, Any] = vars(line).get("fal_stream") or {}
            if fields.get("endpoint") == self.endpoint_id:
                found.append(fields["outcome"])
        return found

    def expect(self, condition: object, rule: str, detail: object = "") -> None:
        """Break a rule where a condition doesn't hold."""
        if not condition:
            raise Broken(f"{rule}: {detail}")


class worlds:  # noqa: N801 - it is used as a function
    """Gives the worlds of many histories, which share a server for a while."""

    def __init__(self) -> None:
        self._fal: LocalFal | None = None
        self._made = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._fal is not None:
            self._fal.stop()

    @contextlib.contextmanager
    def of(self, history: History, patience: float) -> Iterator[World]:
        """Give the world of a history."""
        if self._fal is None or self._made % _HISTORIES == 0:
            if self._fal is not None:
                self._fal.stop()
            self._fal = LocalFal().start()
            self._fal.add("acme/fine", [1, 2])
        self._made += 1
        signals = Signals()
        flavour = FLAVOURS[history.flavour]
        world = World(history, flavour, self._fal, f"acme/h{self._made}", signals, patience)
        interval = sys.getswitchinterval()
        # With a short one, threads take turns in the middle of nearly everything.
        sys.setswitchinterval(1e-6 if history.setup["switches"] else interval)
        try:
            with logged(world.lines), signals.handled(), signals.watched(2 * patience):
                yield world
        finally:
            sys.setswitchinterval(interval)


@contextlib.contextmanager
def logged(lines: list[logging.LogRecord]) -> Iterator[None]:
    """Take what is logged, without the lock of a handler.

    Before Python 3.13 a Ctrl-C can leave that lock taken, and then nobody can log any more.
    """
    handler = logging.Handler()
    vars(handler)["handle"] = lines.append
    ours, other = logging.getLogger("fal_stream"), logging.getLogger("sseclient")
    level, passes_on = ours.level, ours.propagate
    ours.addHandler(handler)
    ours.setLevel(logging.INFO)
    ours.propagate = False
    other.disabled = True
    try:
        yield
    finally:
        other.disabled = False
        ours.removeHandler(handler)
        ours.setLevel(level)
        ours.propagate = passes_on


def told(error: BaseException | None) -> str:
    """Tell all of an error: where it came from is what one wants to know."""
    return "" if error is None else f"{error!r}\n" + "".join(traceback.format_exception(error))


def script_of(setup: dict[str, Any]) -> Any:
    """Make what the server answers.

    Args:
        setup: `chunks`, how many there are; `pauses` before each and before the end (seconds);
            `end`, how it ends; `coalesce`, whether what needs no pause comes at once.

    Returns:
        A script for `LocalFal`.
    """
    end, pauses = setup["end"], setup["pauses"]
    if end == "refused":
        return Failure(500, "no")
    if end == "silent":
        return Reply(delay=float("inf"))
    steps: list[object] = []
    for number in range(setup["chunks"]):
        steps += [Pause(pauses[number])] if pauses[number] else []
        steps += [Ping()] if number % 3 == 2 else []
        steps.append(chunk_of(number))
    steps += [Pause(pauses[-1])] if pauses[-1] else []
    ends: dict[str, list[object]] = {
        "end": [],
        "hang": [Hang()],
        "cut": [Cut()],
        "half": [Raw(b'data: {"n": 1')],
        "error": [error_event("it failed")],
        "junk": [Raw(b"data: {junk}\n\n")],
    }
    steps += ends[end]
    return Reply(steps, coalesce=setup["coalesce"])


def chunk_of(number: int) -> dict[str, Any]:
    """Give the chunk of a number."""
    return {"n": number, "output": "".join(f"{n};" for n in range(number + 1))}
