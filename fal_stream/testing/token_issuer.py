"""The short-lived tokens of a server: issue them, check them, let them expire.

Promises: a token can't be guessed, and no error contains it. Safe to use from any thread. Not here:
who may request a token (`request_handler`).
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
        """Return the reply to a request for a token, which is a JSON string.

        Args:
            request: The request, whose body has the apps and the lifetime (seconds).

        Raises:
            HTTPError: The body is not valid.
        """
        order = read_body(request, TokenOrder)
        token = secrets.token_urlsafe(32)
        grant = _Grant(tuple(order.allowed_apps), time.monotonic() + order.token_expiration)
        with self._lock:
            self._grants[token] = grant
        return Reply.json(token)

    def expire(self) -> None:
        """Expire every token that was issued so far."""
        with self._lock:
            for token, grant in self._grants.items():
                self._grants[token] = _Grant(grant.apps, -float("inf"))

    def objection(self, token: str, alias: str | None) -> str | None:
        """Return why a token is not valid for a request, or None if it is.

        Args:
            token: The token of the request.
            alias: The alias of the app that the request is for, or None if it is for no app.

        Returns:
            The reason, without the token.
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
