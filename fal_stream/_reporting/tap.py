"""The interface of a tap, which receives every byte of a response."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal, Protocol, TypeAlias

Ending: TypeAlias = Literal["complete", "broken", "silent", "left"]
"""How a body ended: properly, by a broken connection, by a timeout, or released by its reader."""


class Tap(Protocol):
    """An object that gets everything that the server sends, in order."""

    def request_started(self) -> None:
        """Handle that the request is about to be sent."""
        raise NotImplementedError

    def response_started(
        self, status: int, headers: Mapping[str, str], mask: Callable[[str], str]
    ) -> None:
        """Handle the head of the response.

        Args:
            status: The HTTP status.
            headers: The headers, names in lower case, with the secrets of the request masked.
            mask: Masks the secrets of the request in a text.
        """
        raise NotImplementedError

    def received(self, data: bytes) -> None:
        """Handle bytes of the body, as one read has returned them."""
        raise NotImplementedError

    def ended(self, ending: Ending) -> None:
        """Handle the end of the response; called once."""
        raise NotImplementedError
