"""Decode the text of an event: JSON, or the `output_type` that the user gave."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from pydantic_core import ValidationError, from_json

from .._checks import short_repr
from .._signal_errors import raised_by_signal_handler
from ..errors import ConfigError

if TYPE_CHECKING:
    import pydantic

ChunkT = TypeVar("ChunkT")
# The deepest JSON that is kept in an error: copying or pickling takes several frames for each
# level.
REPORT_LEVELS = 100

DecodeJSON: TypeAlias = Callable[["str | bytes"], ChunkT]


def json_decoder(output_type: Any) -> DecodeJSON[Any]:
    """Return the function that makes a chunk of an event's text.

    Args:
        output_type: Any type form that pydantic can validate, or None for JSON values.

    Returns:
        A function of the text, or of its bytes. It raises ValueError where that is not JSON, and
        pydantic.ValidationError where it isn't of the type.

    Raises:
        ConfigError: pydantic can't validate the type.
    """
    if output_type is None:
        return decode_json
    import pydantic

    try:
        adapter: pydantic.TypeAdapter[Any] = pydantic.TypeAdapter(output_type)
        # A name that can't be resolved raises only when the validator is used.
        _ = adapter.validator.title
    except Exception as error:
        if raised_by_signal_handler(error) is not None:
            raise
        failure = ConfigError(
            f"output_type={short_repr(output_type)} is not a type that pydantic can validate: "
            f"{str(error).partition(chr(10))[0]}"
        )
    else:
        return TypedDecoder(adapter)
    raise failure


class TypedDecoder:
    """Makes a chunk of the user's type of an event's text.

    Attributes:
        validate: The same at once, but of JSON that pydantic-core takes only.
    """

    __slots__ = ("_adapter", "validate")

    def __init__(self, adapter: pydantic.TypeAdapter[Any]) -> None:
        self._adapter = adapter
        self.validate: DecodeJSON[Any] = adapter.validator.validate_json

    def __call__(self, text: str | bytes) -> Any:
        """Decode a text, or its bytes; see `json_decoder`."""
        try:
            return self.validate(text)
        except ValidationError as error:
            if not is_invalid_json(error):
                raise
        if isinstance(text, bytes):
            return self(text.decode("utf-8", "replace"))
        return self._adapter.validate_python(json.loads(text))


def is_invalid_json(error: ValidationError) -> bool:
    """Return whether a text was refused because it is no JSON, before anything was validated."""
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    # A field of pydantic's type `Json` has a place.
    return first["type"] == "json_invalid" and not first["loc"]


def raised_while_decoding(error: Exception) -> BaseException | None:
    """Find what a signal handler raised in a validator.

    Args:
        error: What a decoder raised. pydantic keeps a ValueError of a validator in its own error.

    Returns:
        The handler's exception, or None.
    """
    raised = raised_by_signal_handler(error)
    if raised is None and isinstance(error, ValidationError):
        for one in error.errors(include_url=False, include_input=False):
            cause = one.get("ctx", {}).get("error")
            if isinstance(cause, Exception):
                raised = raised or raised_by_signal_handler(cause)
    return raised


def decode_json(text: str | bytes) -> Any:
    """Decode JSON as Python's `json` does, only faster.

    Args:
        text: The text, or its bytes; those that are no UTF-8 are read as U+FFFD.

    Returns:
        The value; NaN and the infinities are floats, a lone surrogate stays one.

    Raises:
        ValueError: It is not JSON.
        RecursionError: It is nested too deeply.
    """
    try:
        return from_json(text)
    except (ValueError, TypeError):  # in older versions, a lone surrogate raises a TypeError
        if isinstance(text, bytes):
            return decode_json(text.decode("utf-8", "replace"))
        # pydantic-core refuses some JSON that `json` accepts: lone surrogates, more than 200
        # levels.
        return json.loads(text)


def decode_report(text: str) -> Any:
    """Decode what an error says, so that it can be pickled and copied like the error itself.

    Returns:
        The JSON value; the text where it is not JSON, or nested deeper than 100 levels.
    """
    try:
        value = decode_json(text)
    except (ValueError, RecursionError):
        return text
    return text if _is_deeper(value, REPORT_LEVELS) else value


def breaks_off(text: str) -> bool:
    """Return whether a text is the beginning of a JSON value, which breaks off in it.

    Returns:
        True where JSON is read up to the end of the text, and more was expected there. False of
        a JSON value, of nothing, and of a text that is no JSON.
    """
    try:
        json.loads(text)
    except json.JSONDecodeError as error:
        end = len(text.rstrip())
        # For an incomplete string, the position is that of its beginning.
        return 0 < end <= error.pos or error.msg.startswith("Unterminated string")
    except (ValueError, RecursionError):
        pass
    return False


def _is_deeper(value: Any, levels: int) -> bool:
    """Return whether lists and dicts are nested deeper than so many levels."""
    level = [value]
    for _ in range(levels + 1):
        level = [
            inner
            for outer in level
            if isinstance(outer, (list, dict))
            for inner in (outer.values() if isinstance(outer, dict) else outer)
        ]
        if not level:
            return False
    return True
