"""Colors for JSON and for the beginning of messages on a terminal.

Only escape sequences are added: the text itself never changes.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping

__all__ = ["ERROR", "WARNING", "colored", "colored_json", "wants_color"]

ERROR = "31"
WARNING = "33"

_KEY = "34"
_TEXT = "32"
_NUMBER = "36"
_WORD = "35"

_TOKEN = re.compile(
    r'(?P<text>"(?:[^"\\]|\\.)*")(?P<colon>:)?'
    r"|(?P<number>-?\d[\d.eE+-]*)|(?P<word>-?[A-Za-z]+)"
)


def wants_color(environment: Mapping[str, str] = os.environ, platform: str = sys.platform) -> bool:
    """Return whether a terminal is to have colours (https://no-color.org).

    Args:
        environment: The environment. Default: that of the process.
        platform: The system. Default: this one. A console of Windows may not know the codes.

    Returns:
        False where `NO_COLOR` is set, or the terminal can't do it.
    """
    if environment.get("NO_COLOR") or environment.get("TERM", "") == "dumb":
        return False
    return platform != "win32" or "WT_SESSION" in environment


def colored(text: str, color: str) -> str:
    """Return a text in a colour, by the codes of ECMA-48."""
    return f"\x1b[{color}m{text}\x1b[0m"


def colored_json(text: str) -> str:
    """Return JSON with its names, texts, numbers and words in colours.

    Args:
        text: A line of JSON, without control characters.

    Returns:
        The line.
    """
    return _TOKEN.sub(_color_token, text)


def _color_token(match: re.Match[str]) -> str:
    if match["colon"]:
        return f"{colored(match['text'], _KEY)}:"
    if match["text"]:
        return colored(match[0], _TEXT)
    return colored(match[0], _NUMBER if match["number"] else _WORD)
