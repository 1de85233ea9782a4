"""Rewrite error messages for a shell: `--timeout` for `timeout=`, `image@fox.png` for a path.

Pure. Only text of fal_stream itself is rewritten, never that of a server. An unknown message is not
changed.
"""

from __future__ import annotations

import ast
import json
import re
import shlex
from collections.abc import Callable

from fal_stream.errors import (
    ApiError,
    ConfigError,
    FalStreamError,
    StreamDecodeError,
    StreamEventError,
    TokenError,
    UploadError,
    excerpt,
    printable,
)

__all__ = ["in_shell_words", "shell_text"]

OPTIONS = {
    "accept": "--accept",
    "event_timeout": "--event-timeout",
    "field": "--field",
    "headers": "--header",
    "hint": "--hint",
    "hosts": "--file-host",
    "max_bytes": "--max-file-bytes",
    "max_event_bytes": "--max-event-bytes",
    "max_retries": "--retries",
    "method": "--method",
    "path": "--path",
    "priority": "--priority",
    "proxy_url": "--proxy-url",
    "query_params": "--query",
    "rest_url": "--rest-url",
    "retry": "--retries",
    "run_url": "--run-url",
    "start_timeout": "--start-timeout",
    "timeout": "--timeout",
    "total_timeout": "--total-timeout",
    "trusted_hosts": "--trusted-host",
    "url": "--url",
}

_NAMES = "|".join(OPTIONS)
# Names that are not English words, so they always mean an option.
_DISTINCT = "|".join(name for name in OPTIONS if "_" in name)
_QUOTED = r"""'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*\""""
# The repr of a value, complete or shortened.
_SHORTENED = r"(?:\w*Path\()?['\"\[]?[^'\"]*?\.\.\. \([\d,]+ characters\)"
_VALUE = rf"(?:{_SHORTENED}|\w*Path\((?:{_QUOTED})\)|{_QUOTED}|\[[^\]]*\]|\S*[^\s:;,])"

_START = re.compile(rf"({_NAMES})(?:\[({_QUOTED})\])?(?:=({_VALUE}))?(?=[\s:;,]|$)")
_PLACE = re.compile(rf"input((?:\.[^\s.=\[\]]+|\[\d+\])*)(?:=({_VALUE}))?(?=[\s:;,]|$)")
_STEP = re.compile(r"\.([^.\[\]]+)|\[(\d+)\]")

_PHRASES: tuple[tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]], ...] = (
    (re.compile(r", or give credentials=\.\.\. to the client"), ""),
    (re.compile(r"a key goes into credentials=\.\.\."), "a key goes into the variable FAL_KEY"),
    (re.compile(r" \(is_final=None takes any end\)"), ""),
    (re.compile(r"a list of host names"), "a host name"),
    (re.compile(r"name it in trusted_hosts"), "name it by --trusted-host"),
    (re.compile(r"name it in `hosts` where the file is looked for"), "name it by --file-host"),
    (re.compile(r"field_errors says what is wrong with the input"), "check the input"),
    (re.compile(r"iterate the stream instead"), "leave --text out"),
    (re.compile(r"iterate the stream, or use audio\(\) or save\(\)"), "leave --text out"),
    (re.compile(rf"text\(field=({_QUOTED})\)"), lambda m: f"--field {_typed(m[1])}"),
    (re.compile(rf"\bfield=({_QUOTED})"), lambda m: f"--field {_typed(m[1])}"),
    (re.compile(r"finite number or None"), "finite number or null"),
    (re.compile(r"\bNone for no limit"), "none for no limit"),
    (re.compile(rf"`?\b({_NAMES})=None\b`?"), lambda m: f"{OPTIONS[m[1]]} none"),
    (re.compile(rf"\bthe ({_NAMES}) option\b"), lambda m: OPTIONS[m[1]]),
    (re.compile(rf"\b(raise|combined with) ({_NAMES})\b"), lambda m: f"{m[1]} {OPTIONS[m[2]]}"),
    (re.compile(rf"`?(?<![\w'-])({_DISTINCT})\b(?!')`?"), lambda m: OPTIONS[m[1]]),
)


def in_shell_words(error: FalStreamError) -> str:
    """Return the message of an error for a user of the command line.

    It includes the endpoint and the request id, if the error has them.
    """
    text = str(error)
    ours = error.message
    about = text[len(ours) :]
    return printable(_message(error)) + about


def shell_text(text: str) -> str:
    """Return a text of fal_stream with the options of the command line in it."""
    text = text.removeprefix("endpoint_id=")
    start = _START.match(text)
    if start is not None:
        shown = [OPTIONS[start[1]], *(_typed(each) for each in start.groups()[1:] if each)]
        text = " ".join(shown) + text[start.end() :]
    for pattern, put in _PHRASES:
        text = pattern.sub(put, text)
    return text


def _message(error: FalStreamError) -> str:
    message = error.message
    if isinstance(error, UploadError):
        return _uploaded(error)
    if isinstance(error, (StreamEventError, TokenError)):
        return message
    if isinstance(error, (ApiError, StreamDecodeError)):
        # The server's text comes before the hint.
        said, separator, hint = message.rpartition(" - " if isinstance(error, ApiError) else "; ")
        return said + separator + shell_text(hint) if separator else message
    place = _PLACE.match(message)
    if isinstance(error, ConfigError) and place is not None:
        return _item(place[1], place[2]) + shell_text(message[place.end() :])
    return shell_text(message)


def _uploaded(error: UploadError) -> str:
    """Return the message that tells which file could not be uploaded, and why."""
    message, cause = error.message, error.__cause__
    why = ""
    if isinstance(cause, FalStreamError) and message.endswith(cause.message):
        message, why = message.removesuffix(cause.message), _message(cause)
    place = _PLACE.match(message)
    if place is None:
        return message + why
    return _item(place[1], None) + message[place.end() :] + why


def _item(steps: str, value: str | None) -> str:
    """Return a place in the input as it is written in an argument."""
    names = [name or index for name, index in _STEP.findall(steps)]
    key = "".join([*names[:1], *(f"[{name}]" for name in names[1:])]) or "the input"
    if value is None:
        return key
    separator = "@" if "Path(" in value else ":="
    return f"{key}{separator}{_typed(value)}"


def _typed(value: str) -> str:
    """Return the repr of a value as one types the value in a shell."""
    text = re.sub(r"^\w*Path\(", "", value)
    if value.endswith(" characters)"):
        return text.lstrip("'\"")
    try:
        meant = ast.literal_eval(text if text is value else text.removesuffix(")"))
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return value
    if isinstance(meant, str):
        return shlex.quote(excerpt(meant, 120))
    if isinstance(meant, list):
        return " ".join(shlex.quote(str(each)) for each in meant)
    try:
        return json.dumps(meant)
    except (TypeError, ValueError):
        return value
