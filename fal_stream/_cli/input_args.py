"""Parse the input of a model from arguments: `key=text`, `key:=json` and `key@file`.

Pure, except that `key@~/file` needs the home folder. A message names the key and tells what to give
instead. The files are opened and uploaded by the client.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fal_stream._checks import short_repr
from fal_stream.errors import ConfigError

_SEPARATOR = re.compile(r":=|=|@")
_KEY = re.compile(r"([^\[\]]+)((?:\[[^\[\]]*\])*)")
_STEP = re.compile(r"\[([^\[\]]*)\]")
_MISSING = object()

FORMS = "give key=text, key:=json or key@file"


def parse_input_args(items: Sequence[str], given: Any = _MISSING) -> Any:
    """Return the input that some arguments describe, with a `Path` for each file.

    Args:
        items: The arguments. A key is a name, followed by steps into objects and lists: `a[b]`,
            `a[0]`, and `a[]` for a new element.
        given: A JSON value that the arguments are added to. Default: an empty object.

    Raises:
        ConfigError: An argument has none of these forms, or contradicts the ones before it.
    """
    root = {} if given is _MISSING else given
    if items and not isinstance(root, dict):
        raise ConfigError(
            f"The JSON of --input is a {_kind(root)}: key=value arguments go into an object only"
        )
    for item in items:
        found = _SEPARATOR.search(item)
        if found is None:
            # Don't show what follows a colon: it may be an API key in a wrong place.
            raise ConfigError(f"{short_repr(item.partition(':')[0])} has no key and value: {FORMS}")
        key, text = item[: found.start()], item[found.end() :]
        _put(root, key, _value(key, found[0], text))
    return root


def parse_json(place: str, data: str | bytes) -> Any:
    """Return the value of the user's JSON.

    Args:
        place: What to call the JSON in messages.
        data: The JSON.

    Raises:
        ConfigError: The data is not JSON.
    """
    try:
        return json.loads(data)
    except json.JSONDecodeError as error:
        reason = f"{error.msg} in line {error.lineno}, column {error.colno}"
    except UnicodeDecodeError as error:
        reason = f"it is no text in {error.encoding}"
    except RecursionError:
        reason = "it is nested too deeply"
    except ValueError as error:
        reason = str(error)
    raise ConfigError(f"{place} is not JSON: {reason}")


def _value(key: str, separator: str, text: str) -> Any:
    if separator == "@":
        if not text:
            raise ConfigError(f"{key}@ names no file: give {key}@path")
        try:
            return Path(text).expanduser()
        except RuntimeError:  # no such user
            return Path(text)
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ConfigError(f"{key}{separator} is followed by what is no text in UTF-8") from None
    if separator == "=":
        return text
    try:
        return parse_json(f"What follows {key}:=", text)
    except ConfigError as error:
        hint = f"for a text write {key}=text"
        raise ConfigError(f"{error.message}; {hint}") from None


def _put(root: dict[str, Any], key: str, value: Any) -> None:
    parts = _KEY.fullmatch(key)
    if parts is None:
        raise ConfigError(
            f"{short_repr(key)} is not a key: give a name, and after it steps like [name], [0] or "
            "[]"
        )
    root[parts[1]] = _placed(root.get(parts[1], _MISSING), _STEP.findall(parts[2]), value, key)


def _placed(holder: Any, steps: list[str], value: Any, key: str) -> Any:
    """Return a container, or a new one, with the value put into it at the end of some steps."""
    if not steps:
        return value
    step, rest = steps[0], steps[1:]
    is_index = not step or (step.isascii() and step.isdigit())
    if holder is _MISSING:
        holder = [] if is_index else {}
    if isinstance(holder, dict) and step:
        holder[step] = _placed(holder.get(step, _MISSING), rest, value, key)
    elif isinstance(holder, list) and is_index:
        # Longer numbers are not indexes, and Python refuses to convert some.
        index = len(holder) if not step else int(step[:9])
        if index > len(holder):
            raise ConfigError(
                f"{key} leaves a gap: its list has {len(holder)} elements so far; "
                "write [] for the next one"
            )
        if index == len(holder):
            holder.append(_placed(_MISSING, rest, value, key))
        else:
            holder[index] = _placed(holder[index], rest, value, key)
    else:
        wanted = "a list" if is_index else "an object"
        raise ConfigError(f"{key} needs {wanted} where a {_kind(holder)} stands already")
    return holder


def _kind(value: Any) -> str:
    names = {dict: "object", list: "list", str: "text", bool: "truth value", type(None): "null"}
    return "file" if isinstance(value, Path) else names.get(type(value), "number")
