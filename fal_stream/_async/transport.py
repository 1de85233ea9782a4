"""The connections of one client, and what is under way on them.

Leaves to others: sending (`sender`, `borrowed`). Half of the HTTP library is loaded by them only,
when the first request goes out: in a thread, so that an event loop is not held up.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

import httpx

from .._checks import shown
from .._net.async_exchange import AsyncExchange
from .._net.exchange import LiveExchanges
from .._net.masking import mask_secrets_in_logs
from .._net.once import Once
from .._net.tasks import async_shielded
from .._shared.outgoing import Outgoing
from ..errors import ConfigError

if TYPE_CHECKING:
    from .response import AsyncStreamResponse
    from .sender import AsyncSender

AsyncHttpClient: TypeAlias = httpx.AsyncClient


def make_transport(client: AsyncHttpClient | None) -> AsyncTransport:
    """Make the connections of a client of ours.

    Args:
        client: An HTTP client of the user's, or None for our own.

    Returns:
        The connections.

    Raises:
        ConfigError: It is no HTTP client, or one of the other flavour.
    """
    # Checked all the same: not everybody has a type checker.
    if client is not None and not isinstance(client, httpx.AsyncClient):
        raise ConfigError(f"http_client={shown(client)} must be an httpx.AsyncClient")
    return AsyncTransport(client)


def _load_sender() -> Callable[[AsyncHttpClient | None], AsyncSender]:
    from .borrowed import make_sender

    return make_sender


_SENDER = Once(_load_sender)


class AsyncTransport:
    """The connections of one client.

    Args:
        client: An HTTP client of the user's that requests are sent by; it stays open when this is
            closed. Default None: our own.
    """

    def __init__(self, client: AsyncHttpClient | None = None) -> None:
        mask_secrets_in_logs()
        self._client = client
        self._exchanges: LiveExchanges[AsyncExchange] = LiveExchanges()
        self._closed = False

    def check_copied(self) -> None:
        """Refuse to copy or pickle a client whose connections are those of another.

        Raises:
            ConfigError: They are those of an HTTP client of the user's.
        """
        if self._client is not None:
            raise ConfigError(
                "A client with an http_client of your own is neither pickled nor copied: hand on "
                "its config, and make a client of it on the other side, with an http_client made "
                "there"
            )

    def admit(self, exchange: AsyncExchange) -> None:
        """Take in an exchange that begins, so that closing the client aborts it.

        Raises:
            ConfigError: The client is closed.
        """
        self._exchanges.add(exchange)
        if self._closed:
            self.dismiss(exchange)
            raise closed()

    def dismiss(self, exchange: AsyncExchange) -> None:
        """Let an exchange go that came to nothing."""
        exchange.detach()
        self._exchanges.discard(exchange)

    async def open(self, request: Outgoing, exchange: AsyncExchange) -> AsyncStreamResponse:
        """Send a request and wait for the head of its response.

        Args:
            request: What to send.
            exchange: Carries the limits and the abort.

        Returns:
            The response, whatever its status.

        Raises:
            StreamConnectionError: No response came.
            ConfigError: The address can't be used, or the client was closed.
            Aborted: The exchange was aborted.
            Expired: A limit of the watchdog has run out.
        """
        sender = self.sender
        if sender is None:
            make_sender = _SENDER.made or (await exchange.delivery(_SENDER.begin))()
            # One step of the interpreter, so that threads have the same one.
            sender = vars(self).setdefault("_sender", make_sender(self._client))
        await sender.prepare(request, exchange)
        try:
            return await async_shielded(sender.open(request, exchange), exchange.abort, _release)
        except RuntimeError:
            if not self._closed:
                raise
        raise closed()

    @property
    def sender(self) -> AsyncSender | None:
        """Sends the requests; None where there was none yet."""
        sender: AsyncSender | None = vars(self).get("_sender")
        return sender

    async def aclose(self) -> None:
        """Abort what is under way and close the connections of the running loop."""
        self._closed = True
        self._exchanges.abort_all()
        sender = self.sender
        if sender is not None:
            await sender.aclose()


async def _release(response: AsyncStreamResponse) -> None:
    await response.release()


def closed() -> ConfigError:
    """Make the error of a client that is closed."""
    return ConfigError("The client is closed: make a new one")
