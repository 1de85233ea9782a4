"""What the contenders are measured on, as data; pure.

Promises: the works, their bytes, and what a contender that loses nothing must have got. Leaves to
others: sending (`server`), reading (`contenders`) and measuring (`measure`).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from typing import Literal

__all__ = [
    "BEATS",
    "MEBIBYTE",
    "SERVED",
    "TURNS",
    "WORKS",
    "Form",
    "Kind",
    "Reading",
    "Sending",
    "Work",
    "event",
    "frames",
    "paced_frame",
]

Sending = Literal["at once", "one by one", "in turn", "paced", "held"]
Kind = Literal["throughput", "latency", "first", "memory", "idle", "upload", "start"]
Form = Literal["plain", "pings", "fields"]
Reading = Literal["chunks", "typed", "by hand", "text", "is_final", "listener"]

# In how many sends each of many streams gets its events.
TURNS = 10

# Events are numbered anew after so many where they are large, as all of them are held.
_LARGE, _LARGE_CYCLE = 100_000, 40

# After how many events there is a ping, in the form that has some.
_PING_EACH = 10

MEGA, MEBIBYTE = 1_000_000, 1024 * 1024

_TEN = "10,000 x 60 B"


@dataclass(frozen=True, kw_only=True)
class Work:
    """Something that is measured, most of it by what is streamed.

    Attributes:
        name: Its name, also in the path of its requests.
        title: What it is, in a few words.
        events: How many events a stream of it has.
        size: Bytes of JSON in an event; of an upload, its bytes.
        sending: All by one call (`at once`), a call each (`one by one`), `TURNS` calls for each of
            many streams in turn (`in turn`), one each `pause` seconds (`paced`), or one, and then
            nothing until the client goes (`held`).
        form: An event is its data only (`plain`), has an id and a type too (`fields`), or is
            written with CRLF, with a comment after each ten (`pings`).
        reading: What a consumer asks for: plain chunks, models (`typed`), or the text in them.
            `by hand` means plain chunks that the consumer makes models of, `is_final` and
            `listener` plain chunks of a stream that has such a thing.
        kind: What is measured.
        streams: How many run at once.
        threads: Whether each of them has a thread, of the blocking flavour.
        tls: Whether over TLS.
        pause: Seconds between paced events.
        closes: Whether the server closes the connection after each stream.
        delayed: Whether over a link with delay.
        everyone: Whether all contenders are measured, or those only that are of most interest.
        only: The contenders that are measured, where these are named.
        unpinned: Whether it is measured without processors of its own too.
    """

    name: str
    title: str
    events: int = 1
    size: int = 60
    sending: Sending = "at once"
    form: Form = "plain"
    reading: Reading = "chunks"
    kind: Kind = "throughput"
    streams: int = 1
    threads: bool = False
    tls: bool = False
    pause: float = 0.002
    closes: bool = False
    delayed: bool = False
    everyone: bool = False
    only: tuple[str, ...] = ()
    unpinned: bool = True

    def path(self, events: int) -> str:
        """Give the path of a stream of so many events, also a valid endpoint id."""
        return f"bench/{self.name}/{events}/{self.streams}"

    def scaled(self, scale: float) -> Work:
        """Give the same on a share of the events, at least `TURNS`, and of the streams."""
        if scale == 1:
            return self
        events = max(min(self.events, TURNS), int(self.events * scale))
        # Streams begin together, so a server has to know how many there are.
        streams = self.streams if self.kind != "idle" else max(10, int(self.streams * scale))
        size = max(1, int(self.size * scale)) if self.kind == "upload" else self.size
        return replace(self, events=events, streams=streams, size=size)

    def due(self, events: int) -> tuple[int, int]:
        """Tell what all streams together give.

        Args:
            events: The number of events of each.

        Returns:
            How many events, and the sum of their indices, or how long their text is.
        """
        if self.reading == "text":
            return self.streams * events, self.streams * _length_of_text(self.size, events)
        cycle = self.cycle
        rounds, rest = divmod(events, cycle)
        total = rounds * (cycle * (cycle - 1) // 2) + rest * (rest - 1) // 2
        return self.streams * events, self.streams * total

    @property
    def cycle(self) -> int:
        """After how many events they are the same again."""
        return _LARGE_CYCLE if self.size >= _LARGE else 1_000_000


def _drips() -> Iterator[Work]:
    for milliseconds, events in ((2, 250), (10, 50), (20, 30)):
        for tls in (False, True):
            yield Work(
                name=f"paced-{milliseconds}{'-tls' if tls else ''}",
                title=f"an event each {milliseconds} ms{', TLS' if tls else ''}",
                events=events,
                sending="paced",
                kind="latency",
                tls=tls,
                pause=milliseconds / 1e3,
                everyone=milliseconds == 2 and not tls,
            )


def _openings() -> Iterator[Work]:
    for tls in (False, True):
        for closes in (False, True):
            yield Work(
                name=f"first{'-new' if closes else ''}{'-tls' if tls else ''}",
                title=f"opening: {'new' if closes else 'used'} connection{', TLS' if tls else ''}",
                events=3,
                kind="first",
                tls=tls,
                closes=closes,
                everyone=not tls and not closes,
            )


def _sizes(tls: bool) -> Iterator[Work]:
    for name, events, size in (("bulk-60", 10_000, 60), ("mid", 4_000, 1_500), ("big", 40, MEGA)):
        label = {60: "60 B", 1_500: "1.5 KB", MEGA: "1 MB"}[size]
        yield Work(
            name=f"{name}{'-tls' if tls else ''}",
            title=f"{events:,} x {label}{', TLS' if tls else ''}",
            events=events,
            size=size,
            tls=tls,
            everyone=not tls,
        )


def _readings() -> Iterator[Work]:
    ours = ("fal_stream",)
    readings: dict[Reading, tuple[str, tuple[str, ...]]] = {
        "by hand": (", validated by the consumer", ()),
        "typed": (", typed", ours),
        "is_final": (", with `is_final`", ours),
        "listener": (", with a listener", ours),
        "text": (" of text", ()),
    }
    for reading, (title, only) in readings.items():
        yield Work(
            name=reading.replace(" ", "-").replace("_", "-"),
            title=f"{_TEN}{title}",
            events=10_000,
            reading=reading,
            only=only,
        )


_WORKS = (
    *_sizes(tls=False),
    Work(
        name="sends-60",
        title=f"{_TEN}, one send each",
        events=10_000,
        sending="one by one",
        everyone=True,
    ),
    Work(
        name="many",
        title="100 streams x 400 x 60 B",
        events=400,
        sending="in turn",
        streams=100,
        everyone=True,
    ),
    *_sizes(tls=True),
    Work(name="pings", title=f"{_TEN}, CRLF, a ping each 10", events=10_000, form="pings"),
    Work(name="fields", title=f"{_TEN} with id: and event:", events=10_000, form="fields"),
    *_readings(),
    Work(
        name="threads",
        title="64 threads x 200 x 60 B",
        events=200,
        sending="in turn",
        streams=64,
        threads=True,
    ),
    Work(
        name="threads-paced",
        title="64 threads, an event each 20 ms",
        events=25,
        sending="paced",
        kind="latency",
        streams=64,
        threads=True,
        pause=0.02,
    ),
    *_drips(),
    Work(
        name="many-paced",
        title="500 streams, an event each 100 ms",
        events=11,
        sending="paced",
        kind="latency",
        streams=500,
        pause=0.1,
        # httpx looks at all connections for each request: so many take it ten seconds a run.
        only=("raw", "fal_stream", "aiohttp"),
    ),
    *_openings(),
    Work(
        name="memory",
        title="40 x 1 MB",
        events=40,
        size=MEGA,
        sending="one by one",
        kind="memory",
        everyone=True,
        unpinned=False,
    ),
    Work(
        name="memory-long",
        title="1,000 x 1 MB",
        events=1_000,
        size=MEGA,
        sending="one by one",
        kind="memory",
        unpinned=False,
    ),
    *(
        Work(
            name=f"idle-{streams}",
            title=f"{streams:,} idle streams",
            sending="held",
            kind="idle",
            streams=streams,
            only=only,
            unpinned=False,
        )
        for streams, only in ((1_000, ()), (10_000, ("raw", "fal_stream", "aiohttp")))
    ),
    *(
        Work(name=name, title=title, size=mebibytes * MEBIBYTE, kind="upload", delayed=delayed)
        for name, title, mebibytes, delayed in (
            ("upload", "an upload of 64 MiB", 64, False),
            ("upload-delayed", "an upload of 64 MiB, 10 ms each way", 64, True),
            ("upload-parts", "an upload of 128 MiB, 10 ms each way", 128, True),
        )
    ),
    *(
        Work(name=name, title=title, kind="start", tls=True)
        for name, title in (
            ("import", "start: the import"),
            ("cold", "start: to the first chunk, TLS"),
            ("command", "start: to the first line of a command, TLS"),
        )
    ),
)

# Of many idle streams, those that have an event each 100 ms.
BEATS = Work(
    name="beats", title="", events=40, sending="paced", kind="latency", streams=10, pause=0.1
)

WORKS = {work.name: work for work in _WORKS}

SERVED = WORKS | {BEATS.name: BEATS}


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


def _framed(event: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(event), event)


def _frame(index: int, payload: bytes, form: Form) -> bytes:
    if form == "fields":
        return _framed(b"id: %d\nevent: chunk\ndata: %b\n\n" % (index, payload))
    if form == "plain":
        return _framed(b"data: %b\n\n" % payload)
    ping = b": ping\r\n\r\n" if index % _PING_EACH == _PING_EACH - 1 else b""
    return _framed(b"data: %b\r\n\r\n" % payload) + (_framed(ping) if ping else b"")


@cache
def _length_of_text(size: int, events: int) -> int:
    return sum(len(json.loads(event(index, size))["token"]) for index in range(events))


@cache
def frames(size: int, events: int, form: Form = "plain") -> list[bytes]:
    """Write events as a server like uvicorn frames them: an HTTP chunk for each.

    Args:
        size: Bytes of JSON in each.
        events: How many.
        form: How they are written. Default: data only.

    Returns:
        The chunks.
    """
    return [_frame(index, event(index, size), form) for index in range(events)]


def paced_frame(index: int, sent: int) -> bytes:
    """Write such an event as an HTTP chunk."""
    return _frame(index, paced_event(index, sent), "plain")
