"""The short-lived tokens of a server: issue them, check them, let them expire.

Promises: a token can't be guessed, and no error repeats it. Safe to use from any thread. Elsewhere:
who may ask for a token (`request_handler`).
"""

from __future__ import annotations

import secrets
import threading
import time
from dataclasses import dataclass

from fal_stream.testing.reply import Reply
from fal_stream.testing.request import RecordedRequest
from fal_stream.testing.schemas import TokenOrder, read_body

__all__ = ["TOKEN_PARAMETER", "TokenIssuer"]

TOKEN_PARAMETER = "fal_jwt_token"


@dataclass(frozen=True)
class _Grant:
    apps: tuple[str, ...]
    expires_at: float


class TokenIssuer:
    """The tokens that a server has issued."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._grants: dict[str, _Grant] = {}

    def issue(self, request: RecordedRequest) -> Reply:
        """Answer a request for a token.

        Args:
            request: The request, whose body says for which apps and for how many seconds.

        Returns:
            The reply with the token, a JSON string.

        Raises:
            Refused: The body is something else.
        """
        order = read_body(request, TokenOrder)
        token = secrets.token_urlsafe(32)
        grant = _Grant(tuple(order.allowed_apps), time.monotonic() + order.token_expiration)
        with self._lock:
            self._grants[token] = grant
        return Reply.json(token)

    def expire(self) -> None:
        """Let every token that was issued so far expire."""
        with self._lock:
            for token, grant in self._grants.items():
                self._grants[token] = _Grant(grant.apps, -float("inf"))

    def objection(self, token: str, alias: str | None) -> str | None:
        """Say why a token doesn't let a request in.

        Args:
            token: The token that the request has.
            alias: The alias of the app that the request is for, or None if it is for no app.

        Returns:
            The reason, without the token; None if it lets the request in.
        """
        with self._lock:
            grant = self._grants.get(token)
        if grant is None:
            return "The token was not issued by this server"
        if time.monotonic() >= grant.expires_at:
            return "The token has expired; ask for a new one"
        if alias not in grant.apps:
            return f"The token is for another app: it allows {', '.join(grant.apps)}"
        return None
