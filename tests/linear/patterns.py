"""The regular expressions of the package, and texts that would stall one that is not linear."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
import time
from collections.abc import Callable, Iterator
from typing import Any

import fal_stream

__all__ = ["cases", "patterns", "uses"]

# The square of this many steps takes some seconds, that of so many more some minutes.
_SIZE = 64 * 1024
_LONG = 8
# What takes longer than this (seconds) is tried with texts that are longer by that.
_SUSPICIOUS = 0.3
_TOO_LONG = 20.0

_PUMPS = list('a0 \t\n\\"%;:,.=&/\u00e9')
# What patterns of this package begin with or stop at, so that a try goes on for long.
_STARTS = [
    *("", "data:", "data:a/", "data:image/png", "data:image/png;", "data:;", "https://", "&", "?"),
    *("auth=(", "fal_jwt_token=", "&a", "\\u0026a", "1", "1;", "a:", "retry: ", "data: [DONE]"),
    "0f5e3c1d-1111-4222-8333-123456789abc:",
    *("HTTP/1.1 200", '"', "a/b;", 'a/b;c="', "a@", "a[", "/files/", "/storage/upload/"),
]


def patterns() -> dict[str, re.Pattern[Any]]:
    """Return the patterns of all modules, by module and name; of the blocking flavour once."""
    found: dict[str, re.Pattern[Any]] = {}
    for module in pkgutil.walk_packages(fal_stream.__path__, "fal_stream."):
        if "._sync" in module.name or module.name.endswith("__main__"):
            continue
        for name, value in vars(importlib.import_module(module.name)).items():
            if isinstance(value, re.Pattern) and value not in found.values():
                found[f"{module.name}.{name}"] = value
    return found


def uses(name: str) -> set[str]:
    """Return the methods by which a pattern is used in its own module.

    Args:
        name: Its module and name.
    """
    module, _, pattern = name.rpartition(".")
    source = inspect.getsource(importlib.import_module(module))
    return set(re.findall(rf"\b{pattern}\.([a-z]+)\b", source))


def _texts() -> Iterator[tuple[str, str, str]]:
    for start in _STARTS:
        yield "", start or "a-", ""
        for pump in _PUMPS:
            yield start, pump, "\ud800"


def cases() -> Iterator[tuple[str, Callable[[], object]]]:
    """Let each pattern meet all texts, in the ways it is used."""
    for name, pattern in patterns().items():
        for use in sorted(uses(name)):
            yield f"{name}.{use}", _meeting(pattern, use)


def _meeting(pattern: re.Pattern[Any], use: str) -> Callable[[], object]:
    def seconds(start: str, pump: str, end: str, size: int) -> float:
        text = start + pump * (size // len(pump)) + end
        data = text if isinstance(pattern.pattern, str) else text.encode("utf-8", "replace")
        began = time.perf_counter()
        if use == "sub":
            pattern.sub(lambda match: match[0], data)
        else:
            getattr(pattern, use)(data)
        return time.perf_counter() - began

    def meet() -> None:
        for text in _texts():
            if seconds(*text, _SIZE) > _SUSPICIOUS:
                print(f"{text!a} takes long", flush=True)
                assert seconds(*text, _SIZE * _LONG) < _TOO_LONG, text

    return meet
