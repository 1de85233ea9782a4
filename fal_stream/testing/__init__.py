"""A local fal server for demos and tests.

`LocalFal` speaks fal's protocol on this machine. A script defines its responses: a list of chunks,
with steps such as `Pause` and `Cut` between them. It also issues tokens and accepts uploads.

    with LocalFal() as fal:
        fal.add("acme/llm", tokens("To be, or not to be"))
        with StreamingClient(**fal.settings) as client:
            ...
"""

from fal_stream.testing.helpers import DONE, error_event, in_turn
from fal_stream.testing.record import record
from fal_stream.testing.replay import replay
from fal_stream.testing.reply import Failure, Framing, Reply
from fal_stream.testing.request import RecordedRequest
from fal_stream.testing.samples import (
    audio,
    chat_completion,
    image_frames,
    image_progress,
    partial_images,
    speech,
    tokens,
    with_logs,
    workflow,
)
from fal_stream.testing.script import RouteScript, Script
from fal_stream.testing.server import LocalFal
from fal_stream.testing.steps import Cut, End, Event, Hang, Pause, Ping, Raw, Step, Wire
from fal_stream.testing.uploads import Upload

__all__ = [
    "DONE",
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
    "RouteScript",
    "Script",
    "Step",
    "Upload",
    "Wire",
    "audio",
    "chat_completion",
    "error_event",
    "image_frames",
    "image_progress",
    "in_turn",
    "partial_images",
    "record",
    "replay",
    "speech",
    "tokens",
    "with_logs",
    "workflow",
]
