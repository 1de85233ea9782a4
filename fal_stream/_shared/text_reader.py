"""Put the text of a whole stream together, chunk by chunk.

A reader has no reference to its stream, so a stream can refer to it without a reference cycle.
"""

from __future__ import annotations

from .._checks import short_repr
from ..errors import ConfigError, FalStreamError, counted
from .chunk_fields import ChunkField, check_field
from .text_accumulator import TextAccumulator
from .text_fields import TEXT_NAMES, FieldNames, find_text

__all__ = ["TextReader"]

# The first characters of texts that the fast path leaves to `find_text`: a data URI is not text.
_OF_DATA_URI = ("", "d", "D")


class TextReader:
    """Reads the text of the chunks of one stream.

    Args:
        field: The field with the text, see `find_text`.
        cumulative: Whether each chunk has all text so far; None to detect it.

    Attributes:
        chunk_count: The number of chunks that were read.
        has_found: Whether one of them had text, which may be empty.

    Raises:
        ConfigError: An argument can't be used.
    """

    def __init__(self, field: ChunkField | None, cumulative: bool | None) -> None:
        check_field("field", field)
        if cumulative is not None and not isinstance(cumulative, bool):
            raise ConfigError(f"cumulative={short_repr(cumulative)} must be True, False or None")
        self.chunk_count: int = 0
        self.has_found: bool = False
        self._field = field
        self._cumulative = cumulative
        self._accumulator = TextAccumulator(cumulative)
        self._names = FieldNames()
        # The field that the fast path reads; None if `field` is a function.
        self._first_name: str | None = TEXT_NAMES[0]
        if field is not None:
            self._first_name = field if isinstance(field, str) else None

    def is_of(self, field: object, cumulative: object) -> bool:
        """Return whether the reader was created with these arguments."""
        return self._field == field and self._cumulative is cumulative

    def take(self, chunk: object) -> str:
        """Return the new text of the next chunk, or `""` if it has none.

        Raises:
            FalStreamError: The chunk is bytes, or the function `field` returned something else than
                text.
            Exception: The function `field` raised this exception.
        """
        self.chunk_count += 1
        if self._first_name is not None and type(chunk) is dict and "choices" not in chunk:
            # The same as `find_text`, but faster for the common case: there may be thousands of
            # chunks.
            text = chunk.get(self._first_name)
            if type(text) is str and text[:1] not in _OF_DATA_URI:
                self.has_found = True
                says_whole = isinstance(chunk.get("partial"), bool) or None
                return self._accumulator.take(text, says_whole)
        if isinstance(chunk, bytes):
            raise FalStreamError(
                "The response is no event stream, and its chunks are bytes, not text: iterate the "
                "stream, or use audio() or save()"
            )
        found = find_text(chunk, self._field)
        if found is not None:
            self.has_found = True
            return self._accumulator.take(found.text, found.cumulative)
        if not self.has_found:
            self._names.add(chunk)
        return ""

    def end(self) -> str:
        """End the stream, and return the text that was held back."""
        return self._accumulator.end()

    def whole(self, missed: int, last: object) -> str:
        """Return all text of a stream that has ended.

        Args:
            missed: The number of chunks that other consumers have taken.
            last: The last chunk.

        Raises:
            FalStreamError: The text of a chunk that another consumer has taken is needed.
        """
        if not missed:
            return self._accumulator.text
        found = find_text(last, self._field)
        if found is not None and (
            self._cumulative or found.cumulative or self._accumulator.is_cumulative
        ):
            return found.text
        raise FalStreamError(
            f"Iterating the stream took {missed} of {counted(missed + self.chunk_count, 'chunk')}, "
            "whose text is missing: call final_text() first, or use text() with the same arguments"
        )

    def missing_error(self) -> FalStreamError:
        """Return the error of a stream without text."""
        return self._names.error(self._field)
