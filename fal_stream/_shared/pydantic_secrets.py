"""Find the asterisks of a secret in pydantic's dump of a model.

A serializer or a computed field may put them anywhere, even into a text: `f"Bearer {self.key}"`.
"""

from __future__ import annotations

import enum
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from .._checks import is_model, is_model_secret
from ..errors import ConfigError
from .value_tree import DEPTH, inner_values

__all__ = ["check_masks"]

# pydantic shows ten asterisks for a secret; a longer row is probably a line.
_MASK = r"(?<!\*)\*{10}(?!\*)"


def check_masks(dumped: Any, given: Any, place: str) -> None:
    """Check that no secret of a model was written as asterisks.

    Args:
        dumped: JSON values.
        given: The pydantic model or dataclass.
        place: The place of the value in the input, for messages.

    Raises:
        ConfigError: A text or key contains asterisks that are not in the model itself.
    """
    masks = {str(each) for each in _held(given) if not isinstance(each, str)} - {""}
    if not masks:
        return
    # A secret class of the user may have another mask.
    others = [re.escape(mask) for mask in masks if not re.search(_MASK, mask)]
    pattern = re.compile("|".join([_MASK, *others]))
    # Asterisks in a plain text of the model are not a mask.
    meant = Counter(text for text in _held(given) if isinstance(text, str))
    for text_place, text in _texts(dumped, place):
        if pattern.search(text):
            meant[text] -= 1
            if meant[text] < 0:
                raise ConfigError(
                    f"{text_place} has the asterisks of a secret in it: give its get_secret_value()"
                )


def _held(value: Any, parents: tuple[int, ...] = ()) -> Iterator[Any]:
    """Return the texts and secrets in a value."""
    if is_model_secret(value):
        yield value
    if id(value) in parents or len(parents) > DEPTH:
        return
    items = inner_values(value) or ()
    if isinstance(value, Mapping):
        items = (*value, *items)
    elif isinstance(value, enum.Enum):
        items = (value.value,)
    elif is_model(value):
        items = (*items, *(getattr(value, "__pydantic_private__", None) or {}).values())
    inside = (*parents, id(value))
    for item in items:
        # A fast path for the common case: there may be a million values.
        if isinstance(item, str):
            yield item
        elif item is not None and not isinstance(item, (int, float, bytes)):
            yield from _held(item, inside)


def _texts(dumped: Any, place: str) -> Iterator[tuple[str, str]]:
    if isinstance(dumped, str):
        yield place, dumped
    elif isinstance(dumped, dict):
        for key, item in dumped.items():
            yield f"a key of {place}", key
            yield from _texts(item, f"{place}.{key}")
    elif isinstance(dumped, list):
        for index, item in enumerate(dumped):
            yield from _texts(item, f"{place}[{index}]")
