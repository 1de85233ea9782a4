"""The interface of a tap, which receives every byte of a response."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal, Protocol, TypeAlias

Ending: TypeAlias = Literal["complete", "broken", "silent", "left"]
"""How a body ended: as HTTP has it, by a broken connection, by a time limit, or by its reader."""


class Tap(Protocol):
    """Is told what the server sends, in the order in which it comes."""

    def request_started(self) -> None:
        """Hear that the request is about to be sent."""
        raise NotImplementedError

    def response_started(
        self, status: int, headers: Mapping[str, str], mask: Callable[[str], str]
    ) -> None:
        """Take in the head of the response.

        Args:
            status: The HTTP status.
            headers: The headers, names in lower case, without what is secret in the request.
            mask: Masks in a text what is secret in the request.
        """
        raise NotImplementedError

    def received(self, data: bytes) -> None:
        """Take in bytes of the body, as they came in one read."""
        raise NotImplementedError

    def ended(self, ending: Ending) -> None:
        """Hear that nothing more will come; called once."""
        raise NotImplementedError
