"""Accumulate the text of a stream from deltas, or find the deltas in cumulative text.

Some models send all text so far with each chunk (cumulative), others only the new text (deltas).
The fields of a chunk may tell which (`text_fields`). If they don't, the texts are compared:

- If a text doesn't begin with the text before it, the texts are deltas.
- If two texts in a row begin with the one before them and are longer, the texts are cumulative. One
  such text is enough if the text before it has 16 characters or more, because a delta that long is
  hardly ever repeated by chance.

Until this is decided, only the first text is returned, and the others are held back, because a text
that was returned can't be taken back. If the stream ends before that, equal texts ("ha", "ha")
count as deltas, and so do the texts after them; a text that has grown ("Ye", "Yes") counts as
cumulative.

Many models that send deltas repeat the whole text in their last chunk. So if a text begins with all
text so far, only the rest is added: at once if there are 16 characters or more so far, else only in
the last chunk.
"""

from __future__ import annotations

__all__ = ["TextAccumulator", "common_prefix_length"]

_CERTAIN_LENGTH = 16
_CERTAIN_GROWTHS = 2

_BLOCK = 4096


def common_prefix_length(one: str, other: str) -> int:
    """Return the length of the common prefix of two texts."""
    longest = min(len(one), len(other))
    start = 0
    while start < longest and one[start : start + _BLOCK] == other[start : start + _BLOCK]:
        start += _BLOCK
    # The last block may go beyond the end of both texts.
    low, high = min(start, longest), min(start + _BLOCK, longest)
    while low < high:
        middle = (low + high + 1) // 2
        if one[low:middle] == other[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low


class TextAccumulator:
    """Accumulates the text of a stream.

    Args:
        cumulative: Whether each chunk has all text so far. Default None: detected.
    """

    def __init__(self, cumulative: bool | None = None) -> None:
        self._given = cumulative
        # None until it is decided.
        self._cumulative = cumulative
        self._parts: list[str] = []
        self._length = 0
        self._held: list[str] = []
        self._growths = 0
        self._stood_still = False

    @property
    def text(self) -> str:
        """All text so far, without texts that are held back; may be read by any thread."""
        return "".join(self._parts)

    @property
    def is_cumulative(self) -> bool:
        """Whether the last chunk certainly had all text so far."""
        return self._cumulative is True

    def take(self, text: str, cumulative: bool | None = None) -> str:
        """Add the text of a chunk, and return the new text; `""` if there is none yet.

        Args:
            text: The text of the chunk.
            cumulative: Whether it is all text so far. Default None: the chunk doesn't tell.
        """
        if self._given is not None:
            cumulative = self._given
        if not text:
            return ""
        if cumulative is None:
            if self._cumulative is False and not self._held and len(text) < self._length:
                return self._append(text)  # it is shorter than all text so far
            return self._weigh(text)
        self._cumulative = cumulative
        if cumulative:
            self._held.clear()
            return self._replace(text)
        return self._release() + self._append(text)

    def end(self) -> str:
        """End the stream, and return the new text that was held back."""
        if self._held and self._is_last_whole():
            text = self._held[-1]
            self._held.clear()
            return self._replace(text)
        return self._release()

    def _is_last_whole(self) -> bool:
        if self._cumulative is None:
            return bool(self._growths) and not self._stood_still
        return True

    def _weigh(self, text: str) -> str:
        """Add a text whose chunk doesn't tell whether it is all text so far."""
        if not self._parts:
            return self._append(text)
        if self._cumulative:
            return self._replace(text)
        if self._cumulative is False:
            return self._weigh_delta(text)
        before = self._held[-1] if self._held else self.text
        if not text.startswith(before):
            self._cumulative = False
            return self._release() + self._append(text)
        if len(text) > len(before):
            self._growths += 1
            if self._growths == _CERTAIN_GROWTHS or len(before) >= _CERTAIN_LENGTH:
                self._cumulative = True
                self._held.clear()
                return self._replace(text)
        elif not self._growths:
            self._stood_still = True
        self._held.append(text)
        return ""

    def _weigh_delta(self, text: str) -> str:
        """Add a delta, unless it repeats all text so far."""
        if self._held and not text.startswith(self._held[-1]):
            released = self._release()
            return released + self._weigh_delta(text)
        # Compare the length first, so that all text is compared only with an equally long text.
        if len(text) < self._length or not text.startswith(self.text):
            return self._append(text)
        if self._length >= _CERTAIN_LENGTH:
            self._held.clear()
            return self._replace(text)
        self._held.append(text)
        return ""

    def _append(self, text: str) -> str:
        self._parts.append(text)
        self._length += len(text)
        return text

    def _release(self) -> str:
        if not self._held:
            return ""
        text = "".join(self._held)
        self._held.clear()
        return self._append(text)

    def _replace(self, text: str) -> str:
        before = self.text
        self._parts = [text]
        self._length = len(text)
        if text.startswith(before):
            return text[len(before) :]
        return text[common_prefix_length(before, text) :]
