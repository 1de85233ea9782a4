"""The responses that a server can give: replies, and failures in fal's format.

Promises: a wrong step in a list raises an error when the reply is created, not when a request
arrives. Not here: the steps (`steps`), which request gets which response (`script`), and sending
(`player`).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import KW_ONLY, dataclass
from http import HTTPStatus
from typing import Any, Literal, TypeAlias, cast

from typing_extensions import Self

from fal_stream._shared.api_errors import is_event_stream
from fal_stream.errors import ConfigError
from fal_stream.testing.checks import (
    check_bytes,
    check_header_text,
    check_seconds,
    check_status,
    describe,
    encode_json,
)
from fal_stream.testing.steps import Raw, encode_step

__all__ = ["Failure", "Framing", "Headers", "Reply", "check_steps"]

Framing: TypeAlias = Literal["chunked", "length", "close"]
"""How the client learns where the body ends."""

Headers: TypeAlias = Mapping[str, str] | Iterable[tuple[str, str]]
"""Header fields; as pairs if a name occurs twice."""


@dataclass(frozen=True)
class Reply:
    """A response: its head, and the steps of its body.

    Args:
        steps: The steps and chunks of the body. A list or tuple is checked and encoded at once.
        status: The HTTP status, 200 to 599.
        content_type: The media type. Chunks are JSON in a `text/event-stream`, bytes elsewhere.
        headers: Further header fields. They replace the server's own of the same name, except those
            that frame the body, which are sent in addition: so `framing="close"` with a
            `content-length` of your own makes a wrong length.
        framing: How the body ends. `chunked`: one HTTP chunk for each step. `length`: a
            `Content-Length`; all steps are read before the head is sent. `close`: with the
            connection.
        delay: Seconds before the head is sent; `math.inf` to never answer.
        coalesce: Whether the steps between two pauses are sent at once, up to 256 KiB; with False,
            each step is sent by itself.
        keep_alive: Whether the connection may be used again.
        head: Bytes to send instead of the head, or None. `b""` sends no head.

    Raises:
        ConfigError: An argument or a step is bad.
    """

    steps: Iterable[object] = ()
    _: KW_ONLY
    status: int = 200
    content_type: str = "text/event-stream"
    headers: Headers | None = None
    framing: Framing = "chunked"
    delay: float = 0.0
    coalesce: bool = False
    keep_alive: bool = True
    head: bytes | None = None

    def __post_init__(self) -> None:
        check_status(self.status, 200)
        check_steps("steps", self.steps)
        check_seconds("delay", self.delay, endless=True)
        if self.framing not in ("chunked", "length", "close"):
            raise ConfigError(f"framing is {self.framing!r}; give 'chunked', 'length' or 'close'")
        if self.head is not None:
            check_bytes("head", self.head)
        check_header_text("content_type", self.content_type)
        object.__setattr__(self, "headers", _check_headers(self.headers))
        if isinstance(self.steps, (list, tuple)):
            encoded = tuple(encode_step(s, event_stream=self.event_stream) for s in self.steps)
            object.__setattr__(self, "steps", encoded)

    @classmethod
    def json(cls, value: object, status: int = 200, headers: Headers | None = None) -> Self:
        """Create a reply that is one JSON value, of the type `application/json`.

        Args:
            value: The value.
            status: The HTTP status, 200 to 599.
            headers: Further header fields.

        Returns:
            The reply, with a `Content-Length`.

        Raises:
            ConfigError: The value isn't JSON, or another argument can't be used.
        """
        return cls(
            [Raw(encode_json("value", value))],
            status=status,
            content_type="application/json",
            headers=headers,
            framing="length",
        )

    @property
    def event_stream(self) -> bool:
        """Whether the content type says `text/event-stream`."""
        return is_event_stream({"content-type": self.content_type})

    @property
    def header_fields(self) -> tuple[tuple[str, str], ...]:
        """The `headers` as pairs with names in lower case."""
        return _check_headers(self.headers)


@dataclass(frozen=True)
class Failure:
    """An error response in fal's format.

    Args:
        status: The HTTP status, 400 to 599.
        detail: The `detail` in the body: a text, or the list of a 422. Default: the status in
            words.
        error_type: fal's name for the error, sent in the body and as `X-Fal-Error-Type`.
        timeout_type: Sent as `X-Fal-Request-Timeout-Type`.
        retryable: Sent as `X-Fal-Retryable`.
        headers: Further header fields, such as `retry-after`.
        content_type: The media type.
        body: The complete body instead of the JSON, such as an HTML page.
        delay: Seconds before the head.

    Raises:
        ConfigError: An argument can't be used.
    """

    status: int
    detail: Any = None
    _: KW_ONLY
    error_type: str | None = None
    timeout_type: str | None = None
    retryable: bool | None = None
    headers: Headers | None = None
    content_type: str = "application/json"
    body: bytes | str | None = None
    delay: float = 0.0

    def __post_init__(self) -> None:
        check_status(self.status, 400)
        if self.body is not None and not isinstance(self.body, (bytes, str)):
            raise ConfigError(
                f"body is {describe(self.body)}; give bytes or text, or use detail for JSON"
            )
        object.__setattr__(self, "headers", _check_headers(self.headers))
        self.reply()

    def reply(self) -> Reply:
        """Return the reply to send.

        Raises:
            ConfigError: The detail isn't JSON.
        """
        ours = {
            "x-fal-error-type": self.error_type,
            "x-fal-request-timeout-type": self.timeout_type,
            "x-fal-retryable": None if self.retryable is None else str(self.retryable).lower(),
        }
        fields = [(name, value) for name, value in ours.items() if value is not None]
        return Reply(
            [Raw(self._encode_body())],
            status=self.status,
            content_type=self.content_type,
            headers=[*fields, *_check_headers(self.headers)],
            framing="length",
            delay=self.delay,
        )

    def _encode_body(self) -> bytes:
        if self.body is not None:
            return self.body.encode() if isinstance(self.body, str) else self.body
        body = {"detail": _phrase(self.status) if self.detail is None else self.detail}
        if self.error_type is not None:
            body["error_type"] = self.error_type
        try:
            return json.dumps(body).encode()
        except (TypeError, ValueError) as error:
            raise ConfigError(
                f"detail is {describe(self.detail)}, which isn't JSON: {error}"
            ) from None


def check_steps(argument: str, value: object) -> None:
    """Check that a value is an iterable of steps; each step is checked when it is encoded.

    Raises:
        ConfigError: The value can't be iterated, or is a single chunk.
    """
    if isinstance(value, type) or not isinstance(value, Iterable):
        raise ConfigError(
            f"{argument} is {describe(value)}; give a list of steps, a Reply or a Failure"
        )
    if isinstance(value, (str, bytes, bytearray, Mapping)):
        raise ConfigError(
            f"{argument} is {describe(value)}; give a list, even of a single chunk: [chunk]"
        )


def _check_headers(headers: Headers | None) -> tuple[tuple[str, str], ...]:
    if headers is None:
        return ()
    given = cast(Any, headers)
    pairs = given.items() if isinstance(headers, Mapping) else given
    fields = []
    for name, value in pairs:
        check_header_text("headers", name)
        check_header_text(f"headers[{name!r}]", value)
        fields.append((name.lower(), value))
    return tuple(fields)


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return f"Status {status}"
