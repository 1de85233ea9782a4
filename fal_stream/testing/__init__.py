"""A local fal server for demos and tests.

`LocalFal` speaks the fal protocol on loopback with the standard library alone. What it answers
is a script: a list of chunks, and of steps such as `Pause` and `Cut` between them.

    with LocalFal() as fal:
        fal.add("acme/llm", tokens("To be, or not to be"))
        with StreamingClient(**fal.settings) as client:
            ...
"""

from fal_stream.testing.request import RecordedRequest
from fal_stream.testing.samples import audio, image_frames, tokens
from fal_stream.testing.script import Failure, Framing, Reply, Script
from fal_stream.testing.server import LocalFal
from fal_stream.testing.steps import Cut, End, Event, Hang, Pause, Ping, Raw, Step, Wire

__all__ = [
    "Cut",
    "End",
    "Event",
    "Failure",
    "Framing",
    "Hang",
    "LocalFal",
    "Pause",
    "Ping",
    "Raw",
    "RecordedRequest",
    "Reply",
    "Script",
    "Step",
    "Wire",
    "audio",
    "image_frames",
    "tokens",
]
