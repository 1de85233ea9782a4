"""Where the head of an HTTP/1.x response ends.

Promises: each byte of a head is handed on in the call that brought it; the first byte after the
final head never is. Interim responses (1xx, RFC 9110 section 15.2) are passed on on the way; 101
is final. Work is linear in the bytes. The end of a head is where `h11` sees it: at the first
empty line, its line ends with or without CR.

Leaves to others: everything in the head but the status, and saying what is wrong. What does not
look like an HTTP/1.x response is handed on whole and for ever, for the HTTP parser to refuse; so
is a head that never ends, for it to limit.
"""

from __future__ import annotations

import re

__all__ = ["HeadSplitter"]

_HEAD_END = re.compile(rb"\n\r?\n")
_STATUS = re.compile(rb"HTTP/1\.[0-9] ([0-9]{3})(?![0-9])")
_PREFIX = b"HTTP/1."
_STATUS_BYTES = 13


class HeadSplitter:
    """Splits what comes from a connection at the end of each response's final head."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Expect the next response of the same connection."""
        self._in_body = False
        self._unknown = False
        self._begin_head()

    def _begin_head(self) -> None:
        self._beginning = b""
        self._last_bytes = b""

    def feed(self, data: bytes) -> tuple[bytes, bytes | None]:
        """Take the next bytes of the connection.

        Args:
            data: The bytes, cut anywhere. May be empty.

        Returns:
            The bytes to hand on to the HTTP parser; and None while the final head goes on, then
            the bytes of the body that came with its end. Once it has ended, all bytes are bytes
            of the body, until `reset`.
        """
        if self._in_body:
            return b"", data
        position = 0
        while not self._unknown:
            end = self._find_head_end(data, position)
            if end is None:
                break
            status = _STATUS.match(self._beginning)
            if status is None:
                self._unknown = True
            elif status[1].startswith(b"1") and status[1] != b"101":
                self._begin_head()
                position = end
            else:
                self._in_body = True
                return data[:end], data[end:]
        return data, None

    def _find_head_end(self, data: bytes, position: int) -> int | None:
        """Go on with the head that continues at `position`; give where it ends, if it does."""
        wanted = _STATUS_BYTES - len(self._beginning)
        self._beginning += data[position : position + wanted]
        if self._beginning[: len(_PREFIX)] != _PREFIX[: len(self._beginning)]:
            self._unknown = True
            return None
        # An end can begin in the two bytes before.
        seam = self._last_bytes + data[position : position + 2]
        if found := _HEAD_END.search(seam):
            return position + found.end() - len(self._last_bytes)
        if found := _HEAD_END.search(data, position):
            return found.end()
        self._last_bytes = (seam if len(data) - position < 2 else data)[-2:]
        return None
