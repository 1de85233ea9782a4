"""Ready-made scripts in the formats in which fal's models stream.

Promises: the same arguments give the same bytes; images and audio are valid files.
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
