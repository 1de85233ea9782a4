"""Make safe names for files that are saved.

Promises: pure. Whatever a server sends, the name is safe on every system: it is one path component,
not a device name, not a hidden file, and has the suffix of a media file, so no system mistakes it
for a program.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

from .media_types import known_suffix

# File systems allow 255 bytes; `-2` and `.part` may be added to a name.
MAX_NAME_BYTES = 200
_LONGEST_STEM = 80

_UNSAFE = re.compile(r"[^A-Za-z0-9_-]+")
_RESERVED = re.compile(
    r"(?:con|prn|aux|nul|conin\$|conout\$|(?:com|lpt)[0-9\u00b9\u00b2\u00b3])", re.I
)
_FORBIDDEN = '<>:"/\\|?*'


def safe_name(name: str, suffix: str) -> str | None:
    """Return a safe file name for the name that a server gives a file.

    Args:
        name: The server's name; of a path, the last part is used.
        suffix: The suffix of the file's media type, with its dot.

    Returns:
        The name, with the suffix added unless it has a known one already; None if no safe
        character is left.
    """
    # Cut first, because a server may send a text of any length.
    last = re.split(r"[/\\]", name[-1_000:])[-1]
    text = "".join(map(_safe_char, unicodedata.normalize("NFC", last)))
    text = text.strip(" ").lstrip(".-~").rstrip(". ")
    stem, dot, end = text.rpartition(".")
    own = known_suffix(f".{end}") if dot else None
    if own is None:
        stem, own = text, suffix
    stem = _truncated(stem.strip(" "), MAX_NAME_BYTES - len(own)).rstrip(". ")
    if not stem.strip("_"):
        return None
    if _RESERVED.fullmatch(stem.partition(".")[0].strip(" ")):
        stem = f"_{stem}"
    return stem + own


def _safe_char(char: str) -> str:
    # Replace control, format, surrogate and unassigned characters, and line ends.
    category = unicodedata.category(char)
    return "_" if char in _FORBIDDEN or category[0] == "C" or category in ("Zl", "Zp") else char


def _truncated(text: str, size: int) -> str:
    return text.encode()[:size].decode(errors="ignore")


def stem_of(endpoint_id: str, parts: Iterable[str]) -> str:
    """Return a file name without a suffix, such as `flux-dev-0003-images-0`.

    Args:
        endpoint_id: The endpoint, whose owner is left out; `""` for none.
        parts: The next parts of the name: the number of the chunk, the place in it.
    """
    names = endpoint_id.strip("/").split("/") if endpoint_id else []
    text = "-".join([*(names[1:] or names), *(part[:_LONGEST_STEM] for part in parts)])
    stem = _UNSAFE.sub("_", text)[:_LONGEST_STEM].strip("-_") or "file"
    return f"{stem}_" if _RESERVED.fullmatch(stem) else stem


def numbered(name: str, number: int) -> str:
    """Return a name with `-2` before its suffix, for the second file of the same name."""
    if number == 1:
        return name
    stem, dot, suffix = name.rpartition(".")
    return f"{stem}-{number}{dot}{suffix}" if stem else f"{name}-{number}"
