"""Inputs that are made up together with what has to be sent of them."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Any

__all__ = ["REFUSED", "made_up"]

REFUSED: Any = object()
"""What has to be sent of an input that is an error."""


@dataclass
class Pair:
    """A dataclass around others."""

    first: Any
    second: Any = None


def made_up(chance: Random, depth: int = 3) -> tuple[Any, Any]:
    """Make an input up.

    Returns:
        It, and the JSON that the server has to get, or `REFUSED`.
    """
    if depth == 0 or chance.random() < 0.2:
        value = chance.choice([0, 1.5, "", "text", True, None, "k\u00e4se", 2**53])
        return value, value
    kind = chance.choice(["dataclass", "list", "tuple", "dict", "odd"])
    inner, sent = made_up(chance, depth - 1)
    other, other_sent = made_up(chance, depth - 1)
    is_refused = REFUSED in (sent, other_sent)
    if kind == "dataclass":
        return Pair(inner, other), _unless(is_refused, {"first": sent, "second": other_sent})
    if kind in ("list", "tuple"):
        both = [inner, other]
        return (both if kind == "list" else tuple(both)), _unless(is_refused, [sent, other_sent])
    if kind == "dict":
        return {"a": inner, "b": other}, _unless(is_refused, {"a": sent, "b": other_sent})
    odd = chance.choice([float("nan"), object()])
    return odd, REFUSED


def _unless(is_refused: bool, sent: Any) -> Any:
    return REFUSED if is_refused else sent
