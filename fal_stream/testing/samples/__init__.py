"""Ready-made scripts in the shapes in which fal's models stream.

Promises: the same arguments give the same bytes; pictures and sound are real files of their
kind. Leaves to others: sending them.
"""

from fal_stream.testing.samples.logs import with_logs
from fal_stream.testing.samples.pictures import image_frames, image_progress, partial_images
from fal_stream.testing.samples.sound import audio, speech
from fal_stream.testing.samples.text import chat_completion, tokens
from fal_stream.testing.samples.workflow import workflow

__all__ = [
    "audio",
    "chat_completion",
    "image_frames",
    "image_progress",
    "partial_images",
    "speech",
    "tokens",
    "with_logs",
    "workflow",
]
