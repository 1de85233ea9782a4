"""Render snapshots as HTML, for notebooks.

Promises: everything from a chunk is escaped, and MathJax ignores it. The colors are readable on
light and on dark pages.
"""

from __future__ import annotations

from html import escape

from .extract import Media
from .lines import describe_media, failure_line, shown_text, status, to_lines
from .markdown import markdown_to_html
from .nodes import Node
from .shorten import encodable, terminal_safe
from .snapshot import Snapshot

__all__ = ["LONGEST_HTML_TEXT", "mime_bundle", "to_html"]

# More text makes a browser slow; the result of the stream has all of it (characters).
LONGEST_HTML_TEXT = 1_000_000

# MathJax 3 and MathJax 2 ignore elements with these classes.
_CLASSES = "fal-stream mathjax_ignore tex2jax_ignore"

_TEXT = "white-space:pre-wrap;overflow-wrap:anywhere"
_FAINT = "opacity:.7;font-size:90%"
_GRID = "display:flex;flex-wrap:wrap;gap:6px;margin:2px 0"
_ONE_PICTURE = "max-width:min(100%,512px);max-height:512px;margin:0"
_OF_SEVERAL = "max-width:min(48%,300px);max-height:300px;margin:0"
_VIDEO = "max-width:min(100%,640px);max-height:480px"
_SOUND = "width:min(100%,420px);height:40px"
_CELL = "padding:1px 12px 1px 0;text-align:left;border:none;background:none"
_SECONDS = f"{_CELL};text-align:right;font-variant-numeric:tabular-nums"

# Each color is readable on white and on black.
_COLOURS = {
    "waiting": "#8a8f98",
    "running": "#3b82f6",
    "done": "#1a9b5f",
    "aborted": "#c77a12",
    "interrupted": "#c77a12",
    "unfinished": "#c77a12",
    "failed": "#e5484d",
}


def mime_bundle(snapshot: Snapshot) -> dict[str, str]:
    """Return the MIME bundle of a snapshot."""
    return {"text/html": to_html(snapshot), "text/plain": "\n".join(to_lines(snapshot))}


def to_html(snapshot: Snapshot, said: str | None = None) -> str:
    """Return a snapshot as HTML.

    Args:
        snapshot: The snapshot.
        said: The last line. Default None: the status.
    """
    parts = [_table(snapshot)] if snapshot.nodes else []
    if snapshot.logs and snapshot.state != "done":
        parts.append(_block("<br>".join(map(escape, snapshot.logs)), f"{_TEXT};{_FAINT}"))
    if snapshot.reasoning:
        parts.append(_reasoning(snapshot, snapshot.reasoning))
    if snapshot.text:
        parts.append(_text(snapshot, snapshot.text))
    pictures = [one for one in snapshot.media if one.kind == "image" and one.url]
    if pictures:
        style = _ONE_PICTURE if len(pictures) == 1 else _OF_SEVERAL
        images = "".join(_picture(one, style) for one in pictures)
        parts.append(_block(images, _GRID))
    parts += [
        _block(_element(one), "margin:2px 0") for one in snapshot.media if one not in pictures
    ]
    if snapshot.other:
        parts.append(_block(f"<code>{escape(encodable(snapshot.other))}</code>", _TEXT))
    parts.append(_status(snapshot) if said is None else _block(escape(said), _FAINT))
    return f'<div class="{_CLASSES}">{"".join(parts)}</div>'


def _block(html: str, style: str) -> str:
    return f'<div style="{style}">{html}</div>'


def _text(snapshot: Snapshot, text: str) -> str:
    shown = encodable(_bounded(shown_text(text, snapshot)))
    html = markdown_to_html(shown) if snapshot.is_markdown else None
    return _block(escape(shown), _TEXT) if html is None else _block(html, "margin-bottom:6px")


def _bounded(text: str) -> str:
    rest = len(text) - LONGEST_HTML_TEXT
    return text if rest <= 0 else f"{text[:LONGEST_HTML_TEXT]}\n[... {rest:,} characters]"


def _reasoning(snapshot: Snapshot, text: str) -> str:
    is_open = " open" if not snapshot.text and not snapshot.has_ended else ""
    shown = escape(encodable(_bounded(shown_text(text, snapshot))))
    style = f"{_TEXT};opacity:.75;border-left:3px solid rgba(128,128,128,.4);padding-left:10px"
    return (
        f'<details{is_open} style="margin:2px 0"><summary style="{_FAINT}">Reasoning</summary>'
        f"{_block(shown, style)}</details>"
    )


def _table(snapshot: Snapshot) -> str:
    rows = "".join(_row(node, snapshot.seconds) for node in snapshot.nodes)
    return f'<table style="margin:2px 0 6px;border:none;font-size:95%">{rows}</table>'


def _row(node: Node, now: float) -> str:
    cells = [
        f'<td style="{_CELL}">{_dot(node.state)} {_shown(node.name)}</td>',
        f'<td style="{_CELL};opacity:.7">{_shown(node.app_id)}</td>',
        f'<td style="{_CELL}">{node.state}</td>',
        f'<td style="{_SECONDS}">{node.seconds(now):.1f} s</td>',
    ]
    return f'<tr style="background:none">{"".join(cells)}</tr>'


def _dot(state: str) -> str:
    return f'<span style="color:{_COLOURS[state]}">&#9679;</span>'


def _shown(text: str) -> str:
    return escape(terminal_safe(text))


def _picture(media: Media, style: str) -> str:
    # `no-referrer`, so that other sites don't learn which notebook loads their images.
    return (
        f'<img src="{escape(media.url or "")}" alt="{escape(media.content_type or "picture")}" '
        f'referrerpolicy="no-referrer" style="{style}">'
    )


def _element(media: Media) -> str:
    said = escape(describe_media(media))
    if media.url is None:
        name = {"image": "Picture", "audio": "Sound", "video": "Video"}.get(media.kind, "File")
        return f'<span style="{_FAINT}">{name}: {said or "of an unknown type"}</span>'
    url = escape(media.url)
    if media.kind == "audio":
        return f'<audio controls preload="metadata" src="{url}" style="{_SOUND}"></audio>'
    if media.kind == "video":
        return f'<video controls preload="metadata" src="{url}" style="{_VIDEO}"></video>'
    name = url if len(url) <= 120 else url[:120] + "..."
    about = f' <span style="{_FAINT}">{said}</span>' if said else ""
    return f'<a href="{url}" target="_blank" rel="noopener noreferrer">{name}</a>{about}'


def _status(snapshot: Snapshot) -> str:
    bar = ""
    if snapshot.progress is not None and not snapshot.has_ended:
        bar = f'<progress value="{snapshot.progress:.4f}" max="1"></progress> '
    said = escape(status(snapshot, with_failure=False))
    line = f'<div>{bar}{_dot(snapshot.state)} <span style="{_FAINT}">{said}</span></div>'
    failure = failure_line(snapshot)
    if not failure:
        return line
    return line + _block(escape(failure), f"{_TEXT};color:{_COLOURS['failed']}")
