"""The MIME bundle of a file in a notebook: an image, a player, or its metadata.

Promises: pure. Text of a model is escaped. Only raster images, audio and video are shown, and
only up to a size, because a notebook stores them.
"""

from __future__ import annotations

from html import escape

from .file_hosts import encoded_url
from .found_file import FoundFile
from .media_types import essence_of

LARGEST_SHOWN = 10_000_000  # characters

_RASTERS = ("avif", "bmp", "gif", "jpeg", "jpg", "png", "webp")


def html_of(found: FoundFile) -> str | None:
    """Return the `img`, `audio` or `video` element of a file; None if it can't be shown."""
    kind, _, name = essence_of(found.content_type).partition("/")
    url = found.url
    if found.is_inline:
        if len(url) > LARGEST_SHOWN:
            return None
    else:
        url = encoded_url(url) or ""
    if not url:
        return None
    source = f'src="{escape(url)}"'
    if kind == "image" and name in _RASTERS:
        sides = "".join(
            f' {side}="{value}"'
            for side, value in (("width", found.width), ("height", found.height))
            if value is not None
        )
        return f'<img {source}{sides} style="max-width: 100%; height: auto" alt="">'
    if kind == "audio":
        return f"<audio controls {source}></audio>"
    if kind == "video":
        return f'<video controls {source} style="max-width: 100%"></video>'
    return None


def file_mime_bundle(found: FoundFile, said: str) -> dict[str, str]:
    """Return the MIME bundle of a file; nothing is downloaded."""
    html = html_of(found)
    return {"text/plain": said} if html is None else {"text/html": html, "text/plain": said}
