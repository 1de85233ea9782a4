"""Encode Pillow images as bytes.

Promises: the bytes have the returned media type, and a photo keeps its quality. Of an animation,
the current frame is encoded, as Pillow does by default.
"""

from __future__ import annotations

import io
import sys
from typing import Any

from .._checks import short_repr
from ..errors import ConfigError, excerpt

# MPO is a JPEG format for several images in one file, which few models accept.
_SAVED_AS = {"MPO": "JPEG"}


def encode_image(place: str, image: Any, wanted: str | None) -> tuple[bytes, str]:
    """Return an image as bytes, and their media type.

    Args:
        place: What to call the image in messages.
        image: A Pillow image.
        wanted: The media type, like `image/webp`. None for the format that the image was read from,
            or PNG if there was none, or it can't store the image.

    Raises:
        ConfigError: Pillow can't encode the image.
    """
    pillow: Any = sys.modules["PIL.Image"]
    pillow.init()
    types = {
        name: media
        for name, media in sorted(pillow.MIME.items())
        if name in pillow.SAVE and media.startswith("image/")
    }
    own = _SAVED_AS.get(image.format, image.format)
    if wanted is None:
        formats = [own, "PNG"] if own in types else ["PNG"]
    else:
        formats = [name for name, media in types.items() if media == wanted]
        formats = [own] if own in formats else formats[:1]
    reason = "it has no such format"
    for name in formats:
        try:
            return _saved(image, name), types[name]
        # Pillow's plugins raise many types: OSError, ValueError, KeyError, TypeError ...
        except Exception as error:
            reason = excerpt(str(error)) or type(error).__name__
    raise ConfigError(
        f"{place} is an image of mode {image.mode!r} that Pillow can't save as "
        f"{short_repr(wanted or types['PNG'])} ({reason}): give image.convert('RGB'), or save it "
        "yourself and give the file"
    )


def _saved(image: Any, name: str) -> bytes:
    # Keep the quality of a JPEG: Pillow's default quality of 75 would lose more of it.
    quality = "keep" if image.format == "JPEG" else 95
    buffer = io.BytesIO()
    image.save(buffer, format=name, **({"quality": quality} if name == "JPEG" else {}))
    return buffer.getvalue()
