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
    """Return whether to use colors on a terminal (https://no-color.org).

    Args:
        environment: The environment variables. Default: those of the process.
        platform: The system. Default: this one. Some Windows consoles don't support colors.

    Returns:
        False if `NO_COLOR` is set, or the terminal doesn't support colors.
    """
    if environment.get("NO_COLOR") or environment.get("TERM", "") == "dumb":
        return False
    return platform != "win32" or "WT_SESSION" in environment


def colored(text: str, color: str) -> str:
    """Return a text in a color, with escape sequences of ECMA-48."""
    return f"\x1b[{color}m{text}\x1b[0m"


def colored_json(text: str) -> str:
    """Return a line of JSON, without control characters, with its tokens in colors."""
    return _TOKEN.sub(_color_token, text)


def _color_token(match: re.Match[str]) -> str:
    if match["colon"]:
        return f"{colored(match['text'], _KEY)}:"
    if match["text"]:
        return colored(match[0], _TEXT)
    return colored(match[0], _NUMBER if match["number"] else _WORD)
