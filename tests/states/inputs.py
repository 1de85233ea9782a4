"""Inputs that are made up together with what has to be sent of them."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, Field, SecretStr

__all__ = ["REFUSED", "made_up"]

T = TypeVar("T")

REFUSED: Any = object()
"""What has to be sent of an input that is an error."""


class Picture(BaseModel):
    """A model whose fields are called otherwise by the app."""

    model_config = ConfigDict(populate_by_name=True)

    image_size: str = Field(alias="imageSize")
    num_steps: int = Field(default=4, serialization_alias="numSteps")
    inner: Any = None


class Box(BaseModel, Generic[T]):
    """A generic model around others."""

    content: T = Field(alias="theContent")


@dataclass
class Pair:
    """A dataclass around others."""

    first: Any
    second: Any = None


class Key(BaseModel):
    """A model with a secret, which is nothing to be sent as stars."""

    key: SecretStr


def made_up(chance: Random, depth: int = 3) -> tuple[Any, Any]:
    """Make an input up.

    Returns:
        It, and the JSON that the server has to get, or `REFUSED`.
    """
    if depth == 0 or chance.random() < 0.2:
        value = chance.choice([0, 1.5, "", "text", True, None, "k\u00e4se", 2**53])
        return value, value
    kind = chance.choice(["model", "model", "box", "dataclass", "list", "tuple", "dict", "odd"])
    inner, sent = made_up(chance, depth - 1)
    other, other_sent = made_up(chance, depth - 1)
    is_refused = sent is REFUSED
    if kind == "model":
        made = Picture(imageSize="square", inner=inner)
        return made, _unless(is_refused, {"imageSize": "square", "numSteps": 4, "inner": sent})
    if kind == "box":
        return Box[Any](theContent=inner), _unless(is_refused, {"theContent": sent})
    is_refused = is_refused or other_sent is REFUSED
    if kind == "dataclass":
        return Pair(inner, other), _unless(is_refused, {"first": sent, "second": other_sent})
    if kind in ("list", "tuple"):
        both = [inner, other]
        return (both if kind == "list" else tuple(both)), _unless(is_refused, [sent, other_sent])
    if kind == "dict":
        return {"a": inner, "b": other}, _unless(is_refused, {"a": sent, "b": other_sent})
    odd = chance.choice([Key(key=SecretStr("s3")), {1: "a", "1": "b"}, float("nan"), object()])
    return odd, REFUSED


def _unless(is_refused: bool, sent: Any) -> Any:
    return REFUSED if is_refused else sent
