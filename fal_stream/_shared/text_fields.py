"""Find the field of one chunk that holds its text, and whether that is cumulative or a delta.

fal documents that `output` in a chunk with `partial` (language models, vision, speech to text) is
all text so far. OpenAI documents that `choices[0].delta.content` is a delta
(https://platform.openai.com/docs/api-reference/chat/streaming). The other field names are used by
many models in either way.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple, TypeGuard

from .._checks import check_plain_result, is_model, short_repr
from .._signal_errors import raised_by_signal_handler
from ..errors import FalStreamError, excerpt
from .chunk_fields import ChunkField, fields_of

__all__ = ["TEXT_NAMES", "FieldNames", "FoundText", "find_text"]

TEXT_NAMES = ("output", "text", "content", "response", "generated_text")
_DATA_URI = re.compile(r"data:[\w.+-]+/[\w.+-]+[;,]", re.IGNORECASE)
_LONGEST_DATA_URI_HEAD = 100
_MAX_NAMES = 20


class FoundText(NamedTuple):
    """The text of a chunk.

    Attributes:
        text: The text.
        cumulative: Whether it is all text so far, or None if the chunk doesn't tell.
    """

    text: str
    cumulative: bool | None


def find_text(chunk: object, field: ChunkField | None = None) -> FoundText | None:
    """Find the text of a chunk.

    Args:
        chunk: JSON values, a pydantic model or a dataclass.
        field: The name of the field with the text, or a function of the chunk that returns the
            text. Default None: the usual fields.

    Returns:
        The text; None if the chunk has none, or the function raised a `LookupError`.

    Raises:
        FalStreamError: The function returned something else.
        Exception: The function raised this exception.
    """
    if is_model(chunk) and type(chunk).__pydantic_root_model__ and not callable(field):
        chunk = vars(chunk)["root"]
    fields = fields_of(chunk)
    if callable(field):
        try:
            text = field(chunk)
        except LookupError as error:
            if raised_by_signal_handler(error) is not None:
                raise
            return None
        if text is not None and not isinstance(text, str):
            check_plain_result("field", text)
            raise FalStreamError(
                f"The function `field` returned {short_repr(text)}: return the text of the chunk, "
                "or None"
            )
        return None if text is None else FoundText(text, _says_whole(fields))
    names = TEXT_NAMES if field is None else (field,)
    if fields is None:
        return FoundText(chunk, None) if field is None and _is_text(chunk) else None
    text = _text_in(fields, names)
    if text is not None:
        return FoundText(text, _says_whole(fields))
    return _find_delta(fields, names) or _find_in_output(fields, names)


def _text_in(fields: Mapping[Any, Any] | None, names: tuple[str, ...]) -> str | None:
    """Return the first of the named fields that is a text, or None."""
    if fields is not None:
        for name in names:
            value = fields.get(name)
            if _is_text(value):
                return value
    return None


def _says_whole(fields: Mapping[Any, Any] | None) -> bool | None:
    if fields is None:
        return None
    if isinstance(fields.get("partial"), bool):
        return True
    return False if isinstance(fields.get("choices"), (list, tuple)) else None


def _find_delta(fields: Mapping[Any, Any], names: tuple[str, ...]) -> FoundText | None:
    delta = fields.get("delta")
    if names is TEXT_NAMES and isinstance(delta, str):
        return FoundText(delta, cumulative=False)
    text = _text_in(fields_of(delta), names)
    if text is not None:
        return FoundText(text, cumulative=False)
    choice = _first_choice(fields.get("choices"))
    if choice is None:
        return None
    for name, cumulative in (("delta", False), ("message", True)):
        text = _text_in(fields_of(choice.get(name)), names)
        if text is not None:
            return FoundText(text, cumulative)
    text = _text_in(choice, names)
    return None if text is None else FoundText(text, cumulative=False)


def _first_choice(choices: object) -> Mapping[Any, Any] | None:
    """Return the choice with the index 0: if there are several choices, a chunk has one of them."""
    if isinstance(choices, (list, tuple)):
        for choice in choices:
            fields = fields_of(choice)
            if fields is not None and fields.get("index", 0) in (0, None):
                return fields
    return None


def _find_in_output(fields: Mapping[Any, Any], names: tuple[str, ...]) -> FoundText | None:
    # The output of a node is not the output of the workflow.
    if "node_id" in fields and fields.get("type") != "output":
        return None
    output = fields_of(fields.get("output"))
    text = _text_in(output, names)
    if output is None or text is None:
        return None
    says_whole = _says_whole(output)
    return FoundText(text, _says_whole(fields) if says_whole is None else says_whole)


def _is_text(value: object) -> TypeGuard[str]:
    return isinstance(value, str) and not _DATA_URI.match(value[:_LONGEST_DATA_URI_HEAD])


class FieldNames:
    """The names of the fields of chunks without text, for the error message."""

    def __init__(self) -> None:
        self._names: dict[str, bool] = {}
        self._has_chunks = False

    def add(self, chunk: object) -> None:
        """Add the names of a chunk's fields."""
        self._has_chunks = True
        fields = fields_of(chunk)
        for name, value in () if fields is None else fields.items():
            if len(self._names) == _MAX_NAMES:
                return
            name = excerpt(str(name), 40)
            self._names[name] = self._names.get(name, False) or _is_text(value)

    def error(self, field: ChunkField | None) -> FalStreamError:
        """Return the error of a stream without text."""
        if not self._has_chunks:
            return FalStreamError("No chunk came, so there is no text")
        what = "No chunk had text"
        if isinstance(field, str):
            what = f"No chunk had text in field={short_repr(field)}"
        elif field is not None:
            what = "The function `field` found no text in any chunk"
        if not self._names:
            return FalStreamError(f"{what}, nor had any chunk fields: iterate the stream instead")
        texts = [name for name, is_text in self._names.items() if is_text]
        hint = "iterate the stream instead"
        if texts:
            # Imported here because it is seldom needed and slow to import.
            from difflib import get_close_matches

            near = get_close_matches(field, texts, 1) if isinstance(field, str) else []
            hint = f"name the one with the text, as in text(field={(near or texts)[0]!r})"
        return FalStreamError(f"{what}; their fields were {', '.join(self._names)}: {hint}")
