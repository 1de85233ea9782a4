"""The text of a stream, of apps that send all of it each time and of those that send what is new.

fal documents neither, and the shape belongs to the model: so it is told by the texts themselves.
"""

from __future__ import annotations

__all__ = ["GrowingText"]

# So much text does not stand at the beginning of what is new by chance.
_CERTAIN = 16


class GrowingText:
    """A text that grows.

    Attributes:
        text: What it is so far.
    """

    def __init__(self) -> None:
        self.text: str = ""
        # Of all parts; None once it is certain that each has been the whole.
        self._joined: str | None = ""
        self._may_be_whole = True

    def take(self, text: str, *, is_new: bool = False) -> None:
        """Take what a chunk brought.

        Args:
            text: All text so far, or what is new of it.
            is_new: Whether it surely is what is new. Default False: found out.
        """
        if self._joined is None and not is_new:
            # Whole, also where the app has changed what it wrote before.
            self.text = text
            return
        joined = (self.text if self._joined is None else self._joined) + text
        if is_new:
            self._may_be_whole = False
            self.text = self._joined = joined
        elif self._may_be_whole and text.startswith(self.text):
            certain = len(self.text) >= _CERTAIN
            self.text = text
            self._joined = None if certain else joined
        else:
            # At their end, those that send what is new may send the whole.
            self._may_be_whole = False
            before = self._joined or ""
            self.text = self._joined = text if text.startswith(before) and before else joined
