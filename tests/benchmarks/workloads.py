"""What the contenders are measured on, as data; pure.

Promises: the works, their bytes, and what a contender that loses nothing must have got. Leaves to
others: sending (`server`), reading (`contenders`) and measuring (`measure`).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from typing import Literal

__all__ = ["TURNS", "WORKS", "Sending", "Work", "event", "frames", "paced_event"]

Sending = Literal["at once", "one by one", "in turn", "paced"]
Kind = Literal["throughput", "latency", "first", "memory"]

# In how many sends each of many streams gets its events.
TURNS = 10

# Events are numbered anew after so many where they are large, as all of them are held.
_LARGE, _LARGE_CYCLE = 100_000, 40


@dataclass(frozen=True)
class Work:
    """Something that is streamed and measured.

    Attributes:
        name: Its name, also in the path of its requests.
        title: What it is, in a few words.
        events: How many events a stream of it has.
        size: Bytes of JSON in an event.
        sending: All by one call (`at once`), a call each (`one by one`), `TURNS` calls for each of
            many streams in turn (`in turn`), or one each `pause` seconds (`paced`).
        kind: What is measured.
        streams: How many run at once.
        tls: Whether over TLS.
        pause: Seconds between paced events.
        closes: Whether the server closes the connection after each stream.
    """

    name: str
    title: str
    events: int
    size: int
    sending: Sending = "at once"
    kind: Kind = "throughput"
    streams: int = 1
    tls: bool = False
    pause: float = 0.002
    closes: bool = False

    def path(self, events: int) -> str:
        """Give the path of a stream of so many events, also a valid endpoint id."""
        return f"bench/{self.name}/{events}/{self.streams}"

    def scaled(self, scale: float) -> int:
        """Give how many events a stream has at a scale, at least `TURNS`."""
        return max(min(self.events, TURNS), int(self.events * scale))

    def due(self, events: int) -> tuple[int, int]:
        """Tell what all streams together give.

        Args:
            events: The number of events of each.

        Returns:
            How many events, and the sum of their indices.
        """
        cycle = self.cycle
        rounds, rest = divmod(events, cycle)
        total = rounds * (cycle * (cycle - 1) // 2) + rest * (rest - 1) // 2
        return self.streams * events, self.streams * total

    @property
    def cycle(self) -> int:
        """After how many events they are the same again."""
        return _LARGE_CYCLE if self.size >= _LARGE else 1_000_000


_WORKS = (
    Work("bulk-60", "20,000 x 60 B", 20_000, 60),
    Work("sends-60", "20,000 x 60 B, one send each", 20_000, 60, "one by one"),
    Work("mid", "5,000 x 1.5 KB", 5_000, 1_500),
    Work("big", "40 x 1 MB", 40, 1_000_000),
    Work("many", "100 streams x 400 x 60 B", 400, 60, "in turn", streams=100),
    Work("bulk-60-tls", "20,000 x 60 B, TLS", 20_000, 60, tls=True),
    Work("mid-tls", "5,000 x 1.5 KB, TLS", 5_000, 1_500, tls=True),
    Work("big-tls", "40 x 1 MB, TLS", 40, 1_000_000, tls=True),
    Work("paced", "500 x 60 B, one each 2 ms", 500, 60, "paced", "latency"),
    Work("paced-10", "100 x 60 B, one each 10 ms", 100, 60, "paced", "latency", pause=0.01),
    Work("paced-20", "100 x 60 B, one each 20 ms", 100, 60, "paced", "latency", pause=0.02),
    Work(
        "paced-tls",
        "200 x 60 B, one each 10 ms, TLS",
        200,
        60,
        "paced",
        "latency",
        tls=True,
        pause=0.01,
    ),
    Work(
        "many-paced",
        "500 streams x 20 x 60 B, one each 100 ms",
        20,
        60,
        "paced",
        "latency",
        streams=500,
        pause=0.1,
    ),
    Work("first", "opening: a used connection", 3, 60, kind="first"),
    Work("first-new", "opening: a new connection", 3, 60, kind="first", closes=True),
    Work("first-tls", "opening: a used connection, TLS", 3, 60, kind="first", tls=True),
    Work(
        "first-new-tls",
        "opening: a new connection, TLS",
        3,
        60,
        kind="first",
        tls=True,
        closes=True,
    ),
    Work("memory", "40 x 1 MB", 40, 1_000_000, "one by one", "memory"),
    Work("memory-long", "1,000 x 1 MB", 1_000, 1_000_000, "one by one", "memory"),
)

WORKS = {work.name: work for work in _WORKS}


def event(index: int, size: int) -> bytes:
    """Write the JSON of an event.

    Args:
        index: Its number.
        size: How many bytes it has.

    Returns:
        A token where it is short, a picture in a data URI where it is large, else a result with
        a picture's address and a long prompt.
    """
    if size < 500:
        return _padded({"index": index, "token": f"tok{index:05}", "done": False}, "token", size)
    if size >= _LARGE:
        return _padded({"index": index, "image": "data:image/jpeg;base64,"}, "image", size)
    image = {
        "url": f"https://v3.fal.media/files/bench/{index:05}.jpeg",
        "width": 1024,
        "height": 768,
        "content_type": "image/jpeg",
    }
    result = {
        "index": index,
        "images": [image],
        "timings": {"inference": 0.25 + index / 64, "queue": 1.5},
        "seed": 1_000_003 * index,
        "has_nsfw_concepts": [False],
        "prompt": "",
    }
    return _padded(result, "prompt", size)


def _padded(value: dict[str, object], name: str, size: int) -> bytes:
    missing = size - len(json.dumps(value))
    filler = "a fox, 35 mm " if name == "prompt" else "AbCdEfGh0123+/xyz"
    value[name] = f"{value[name]}{(filler * (missing // len(filler) + 1))[:missing]}"
    return json.dumps(value).encode()


def paced_event(index: int, sent: int) -> bytes:
    """Write the JSON of an event that says when it was sent, in nanoseconds."""
    return b'{"index": %d, "sent": %d, "token": "tok%05d"}' % (index, sent, index)


def _frame(payload: bytes) -> bytes:
    data = b"data: %b\n\n" % payload
    return b"%x\r\n%b\r\n" % (len(data), data)


@cache
def frames(size: int, events: int) -> list[bytes]:
    """Write events as a server like uvicorn frames them: an HTTP chunk for each.

    Args:
        size: Bytes of JSON in each.
        events: How many.

    Returns:
        The chunks.
    """
    return [_frame(event(index, size)) for index in range(events)]


def paced_frame(index: int, sent: int) -> bytes:
    """Write such an event as an HTTP chunk."""
    return _frame(paced_event(index, sent))
