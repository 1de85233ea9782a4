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
# The deepest nesting of JSON in an error: copying or pickling it needs several frames for each
# level.
REPORT_LEVELS = 100

DecodeJSON: TypeAlias = Callable[["str | bytes"], ChunkT]


def json_decoder(output_type: Any) -> DecodeJSON[Any]:
    """Return the function that decodes the text of an event to a chunk.

    Args:
        output_type: Any type that pydantic can validate, or None for JSON values.

    Returns:
        A function of a text or its bytes. It raises `ValueError` if that is not JSON, and
        `pydantic.ValidationError` if the value is not of the type.

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
    """Decodes the text of an event to the user's type.

    Attributes:
        validate: The same in one call, but only for JSON that pydantic-core accepts.
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
    """Return whether a validation error means that the text itself is not JSON."""
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    # The error of a field of pydantic's type `Json` has a `loc`.
    return first["type"] == "json_invalid" and not first["loc"]


def raised_while_decoding(error: Exception) -> BaseException | None:
    """Return the exception that a signal handler has raised in a validator, or None.

    Args:
        error: The exception of the decoder. pydantic puts a `ValueError` of a validator into its
            own exception.
    """
    raised = raised_by_signal_handler(error)
    if raised is None and isinstance(error, ValidationError):
        for one in error.errors(include_url=False, include_input=False):
            cause = one.get("ctx", {}).get("error")
            if isinstance(cause, Exception):
                raised = raised or raised_by_signal_handler(cause)
    return raised


def decode_json(text: str | bytes) -> Any:
    """Return the value of JSON, as Python's `json` does, but faster.

    Args:
        text: The text, or its bytes, of which those that are not UTF-8 become U+FFFD.

    Returns:
        The value; NaN and the infinities are floats, and lone surrogates are kept.

    Raises:
        ValueError: The text is not JSON.
        RecursionError: The JSON is nested too deeply.
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
    """Return the content of an error so that it can be pickled and copied with the error.

    Returns:
        The JSON value; the text itself if it is not JSON, or is nested deeper than 100 levels.
    """
    try:
        value = decode_json(text)
    except (ValueError, RecursionError):
        return text
    return text if _is_deeper(value, REPORT_LEVELS) else value


def breaks_off(text: str) -> bool:
    """Return whether a text is the beginning of a JSON value that is cut off.

    Returns:
        True if the text is valid JSON up to its end, but more is expected there. False for a
        complete JSON value, an empty text, and a text that is not JSON.
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
    """Return whether lists and dicts are nested deeper than `levels`."""
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
