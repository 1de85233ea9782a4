"""Frames as HTML and as lines of text.

Promises: whatever stands in a chunk is data here: in HTML it is escaped, in lines nothing of it
is obeyed by a terminal.
"""

from __future__ import annotations

from html import escape

from .contents import Picture
from .frame import Frame
from .shorten import encodable, printable, said_size

__all__ = ["mime_bundle", "shown_text", "status", "to_html", "to_lines"]

# Of a text that is longer, its end is shown while it grows: each update sends all of it anew.
LONGEST_TEXT = 100_000

_TEXT_STYLE = "white-space:pre-wrap;overflow-wrap:anywhere"
_PICTURE_STYLE = "max-width:min(100%,512px);max-height:512px;margin:0 4px 4px 0"
_STATUS_STYLE = "opacity:.75;font-size:90%"


def mime_bundle(frame: Frame) -> dict[str, str]:
    """Give a frame in the forms that a notebook chooses from."""
    return {"text/html": to_html(frame), "text/plain": "\n".join(to_lines(frame))}


def status(frame: Frame) -> str:
    """Say in one line how a stream stands."""
    parts = [frame.state + (f" ({frame.failure})" if frame.failure else "")]
    if frame.progress is not None:
        parts.append(f"{frame.progress:.0%}")
    parts.append("1 chunk" if frame.count == 1 else f"{frame.count} chunks")
    if frame.size:
        parts.append(said_size(frame.size))
    parts.append(f"{frame.seconds:.1f} s")
    if frame.message and not frame.has_ended:
        parts.append(" ".join(printable(frame.message[:200]).split()))
    return printable(f"{frame.endpoint_id}: {', '.join(parts)}")


def to_lines(frame: Frame) -> list[str]:
    """Lay a frame out as lines for a terminal: what came, and the status as the last line."""
    lines = printable(shown_text(frame)).rstrip("\n").split("\n") if frame.text else []
    lines += [_line_of(picture) for picture in frame.pictures]
    if frame.other:
        lines.append(frame.other)
    return [*lines, status(frame)]


def shown_text(frame: Frame) -> str:
    """Give the text of a frame, or the end of it where it is long and still grows."""
    text = frame.text or ""
    if len(text) <= LONGEST_TEXT or frame.has_ended:
        return text
    return f"[...]{text[-LONGEST_TEXT:]}"


def _line_of(picture: Picture) -> str:
    said = ", ".join([picture.kind] * bool(picture.kind) + _said_size_of(picture))
    if picture.url is not None and picture.url[:5].lower() != "data:":
        return f"picture: {picture.url}" + (f" ({said})" if said else "")
    return f"picture: {said}" + ("" if picture.url else ", too large to be shown")


def _said_size_of(picture: Picture) -> list[str]:
    return [] if picture.size is None else [said_size(picture.size)]


def to_html(frame: Frame, said: str | None = None) -> str:
    """Lay a frame out as HTML.

    Args:
        frame: The frame.
        said: What stands below. Default None: the status.
    """
    parts: list[str] = []
    if frame.text:
        parts.append(f'<div style="{_TEXT_STYLE}">{escape(encodable(shown_text(frame)))}</div>')
    if frame.pictures:
        parts.append(f"<div>{''.join(map(_picture_html, frame.pictures))}</div>")
    if frame.other:
        parts.append(f'<div style="{_TEXT_STYLE}"><code>{escape(frame.other)}</code></div>')
    bar = ""
    if frame.progress is not None and not frame.has_ended:
        bar = f'<progress value="{frame.progress:.4f}" max="1"></progress> '
    parts.append(f'<div style="{_STATUS_STYLE}">{bar}{escape(said or status(frame))}</div>')
    return f'<div class="fal-stream">{"".join(parts)}</div>'


def _picture_html(picture: Picture) -> str:
    if picture.url is None:
        return f"<div>{escape(_line_of(picture))}</div>"
    # No other site is told which notebook asks for its picture.
    return (
        f'<img src="{escape(picture.url)}" alt="{escape(picture.kind or "picture")}" '
        f'referrerpolicy="no-referrer" style="{_PICTURE_STYLE}">'
    )
