"""Answer a request: by a route, the token URL, the storage, or an endpoint.

Promises: no I/O; every request gets a reply; if a key is required, nothing is done without it.
"""

from __future__ import annotations

from fal_stream._shared.prepared_request import authorization
from fal_stream.credentials import Secret
from fal_stream.testing.endpoints import Endpoints, alias_of
from fal_stream.testing.http_error import HTTPError, check_method
from fal_stream.testing.reply import Reply
from fal_stream.testing.request import RecordedRequest
from fal_stream.testing.routes import Routes
from fal_stream.testing.storage import StorageHandler
from fal_stream.testing.token_issuer import TOKEN_PARAMETER, TokenIssuer
from fal_stream.testing.uploads import Uploads

__all__ = ["RequestHandler"]


class RequestHandler:
    """The replies of a server.

    Attributes:
        routes: The scripts that are tried first.
        tokens: The tokens.
        uploads: The uploaded files.
        endpoints: The endpoints and their scripts.
    """

    def __init__(self) -> None:
        self.routes: Routes = Routes()
        self.tokens: TokenIssuer = TokenIssuer()
        self.uploads: Uploads = Uploads()
        self.endpoints: Endpoints = Endpoints()
        self._storage = StorageHandler(self.uploads)

    def answer(self, request: RecordedRequest, base_url: str, key: str | None) -> Reply:
        """Return the reply to a request.

        Args:
            request: The request.
            base_url: The URL of the server.
            key: The credentials that a request must have, or None for any.

        Raises:
            Exception: A function of the user raised it, or returned something else than an answer.
        """
        reply = self.routes.answer(request)
        if reply is not None:
            return reply
        try:
            return self._answer(request, base_url, _has_key(request, key))
        except HTTPError as refusal:
            return refusal.failure.reply()

    def _answer(self, request: RecordedRequest, base_url: str, has_key: bool) -> Reply:
        if request.path == "/tokens/":
            check_method(request, "POST")
            _check_key(has_key)
            return self.tokens.issue(request)
        if request.path in ("/storage/upload/initiate", "/storage/upload/initiate-multipart"):
            check_method(request, "POST")
            _check_key(has_key)
            in_parts = request.path.endswith("multipart")
            return self._storage.initiate(request, base_url, in_parts=in_parts)
        reply = self._storage.answer(request)
        if reply is not None:
            return reply
        token = request.query.get(TOKEN_PARAMETER)
        if token is None or has_key:
            _check_key(has_key)
        elif objection := self.tokens.objection(token, alias_of(request.path)):
            raise HTTPError(401, objection)
        return self.endpoints.answer(request)


def _has_key(request: RecordedRequest, key: str | None) -> bool:
    return key is None or request.headers.get("authorization") == authorization(Secret(key))


def _check_key(has_key: bool) -> None:
    if not has_key:
        raise HTTPError(
            401, "The credentials are missing or wrong; send 'Authorization: Key <key>'"
        )
