"""What the frames of a traceback hold in their local variables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import TracebackType

from fal_stream import Secret

__all__ = ["frames_of", "shown_in_frames", "texts_in_frames"]


def frames_of(error: BaseException) -> Iterator[TracebackType]:
    """Give the frames of an error, and of those that it came of, but those of tests."""
    pending: list[BaseException | None] = [error]
    seen: set[int] = set()
    while pending:
        one = pending.pop()
        if one is None or id(one) in seen:
            continue
        seen.add(id(one))
        pending += [one.__cause__, one.__context__]
        step = one.__traceback__
        while step is not None:
            if not step.tb_frame.f_globals.get("__name__", "").startswith("tests."):
                yield step
            step = step.tb_next


def shown_in_frames(error: BaseException, *secrets: str) -> list[str]:
    """Tell which local variables of an error's frames show a secret by their repr."""
    return [
        f"{step.tb_frame.f_code.co_name}: {name}"
        for step in frames_of(error)
        for name, value in step.tb_frame.f_locals.items()
        if any(secret in repr(value) for secret in secrets)
    ]


def texts_in_frames(error: BaseException) -> Iterator[tuple[str, str]]:
    """Give each text in the local variables of an error's frames, and where it is.

    Lists, tuples, sets, mappings and the attributes of objects are looked into, four levels deep;
    what a `Secret` holds, and the objects of tests, are not. The repr of each variable counts too.
    """
    for step in frames_of(error):
        place = step.tb_frame.f_code.co_name
        for name, value in step.tb_frame.f_locals.items():
            yield f"{place}: repr of {name}", repr(value)
            for text in _texts(value, 4):
                yield f"{place}: {name}", text


def _texts(value: object, levels: int) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, (bytes, bytearray)):
        yield value.decode("latin-1")
    elif levels and not isinstance(value, (Secret, type)) and not callable(value):
        items: list[object] = []
        if isinstance(value, Mapping):
            items = [*value.keys(), *value.values()]
        elif isinstance(value, (list, tuple, set, frozenset)):
            items = list(value)
        elif type(value).__module__.startswith(("fal_stream", "pydantic", "httpx")):
            items = list(getattr(value, "__dict__", {}).values())
        for item in items:
            yield from _texts(item, levels - 1)
