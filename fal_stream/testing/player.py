"""Play a reply on a connection: the head, the steps with their pauses, the HTTP framing.

Promises: steps are read from the script one by one, when they are played; a script that is not
played to its end is closed.
"""

from __future__ import annotations

import math
from collections.abc import Generator, Iterator
from http import HTTPStatus

from fal_stream.errors import ConfigError
from fal_stream.testing.connection import ClientGone, Connection
from fal_stream.testing.reply import Reply
from fal_stream.testing.request import RecordedRequest
from fal_stream.testing.steps import Cut, End, Pause, PlayableStep, Raw, Wire, encode_step

__all__ = ["Player"]

_COALESCE_BYTES = 256 * 1024
_CUT_BYTES = 1024


class Player:
    """One reply to one request.

    Args:
        connection: The connection of the client.
        request: The request that is answered.
        reply: The reply.
    """

    def __init__(self, connection: Connection, request: RecordedRequest, reply: Reply) -> None:
        self._connection = connection
        self._request = request
        self._reply = reply
        self._pending = bytearray()
        self._body_ended = False
        self._reusable = (
            reply.keep_alive
            and reply.framing != "close"
            and reply.head is None
            and not request.wants_close
        )

    async def play(self) -> bool:
        """Send the reply, and return whether the connection can be used for another request.

        Raises:
            ClientGone: The client has disconnected.
            Exception: The script raised it.
        """
        steps = iter(self._reply.steps)
        try:
            return await self._play(steps)
        except ClientGone:
            raise
        except Exception:
            await self._send_pending()  # send the steps before the error
            raise
        finally:
            if isinstance(steps, Generator):
                steps.close()

    async def _play(self, steps: Iterator[object]) -> bool:
        if self._reply.delay:
            await self._connection.wait(self._reply.delay)
        length = None
        if self._reply.framing == "length":
            encoded = [self._encode(step) for step in steps]
            length = sum(map(_announced_bytes, encoded))
            steps = iter(encoded)
        if head := self._head(length):
            await self._connection.send(head)
        if self._request.method == "HEAD" or self._reply.status in (204, 304):
            return self._reusable
        for step in steps:
            if not await self._play_step(self._encode(step)):
                return False
        if not self._body_ended:
            await self._end_body()
        await self._send_pending()
        return self._reusable

    def _encode(self, step: object) -> PlayableStep:
        return encode_step(step, event_stream=self._reply.event_stream)

    async def _play_step(self, step: PlayableStep) -> bool:
        if self._body_ended and (
            isinstance(step, (Raw, End)) or (isinstance(step, Cut) and step.in_chunk)
        ):
            raise ConfigError(
                f"a step after End() is {step!r}; give Wire, Pause, Hang or Cut(in_chunk=False)"
            )
        if isinstance(step, Raw):
            await self._send(self._frame(step.data))
        elif isinstance(step, Wire):
            self._reusable = False
            await self._send(step.data)
        elif isinstance(step, End):
            await self._end_body()
        else:
            await self._send_pending()
            if isinstance(step, Cut):
                await self._cut(step)
                return False
            await self._connection.wait(step.seconds if isinstance(step, Pause) else math.inf)
        return True

    async def _cut(self, step: Cut) -> None:
        announced = b""
        if step.in_chunk and self._reply.framing == "chunked":
            announced = b"%x\r\n" % (len(step.partial) + _CUT_BYTES)
        if announced or step.partial:
            await self._connection.send(announced + step.partial)
        self._connection.cut(reset=step.reset)

    async def _end_body(self) -> None:
        self._body_ended = True
        if self._reply.framing == "chunked":
            await self._send(b"0\r\n\r\n")

    def _frame(self, data: bytes) -> bytes:
        if self._reply.framing == "chunked" and data:
            return b"%x\r\n%b\r\n" % (len(data), data)
        return data

    async def _send(self, data: bytes) -> None:
        if not self._reply.coalesce:
            if data:
                await self._connection.send(data)
            return
        self._pending += data
        if len(self._pending) >= _COALESCE_BYTES:
            await self._send_pending()

    async def _send_pending(self) -> None:
        if self._pending:
            data = bytes(self._pending)
            self._pending.clear()
            await self._connection.send(data)

    def _head(self, length: int | None) -> bytes:
        reply = self._reply
        if reply.head is not None:
            return reply.head
        given = reply.header_fields
        names = {name for name, _ in given}
        fields = [
            ("content-type", reply.content_type),
            ("x-fal-request-id", self._request.request_id),
        ]
        if not self._reusable:
            fields.append(("connection", "close"))
        fields = [(name, value) for name, value in fields if name not in names]
        if reply.status not in (204, 304):
            if reply.framing == "chunked":
                fields.append(("transfer-encoding", "chunked"))
            elif length is not None:
                fields.append(("content-length", str(length)))
        lines = [f"HTTP/1.1 {reply.status} {_reason(reply.status)}"]
        lines += [f"{name}: {value}" for name, value in [*fields, *given]]
        return ("\r\n".join(lines) + "\r\n\r\n").encode("ascii")


def _announced_bytes(step: PlayableStep) -> int:
    if isinstance(step, Raw):
        return len(step.data)
    if isinstance(step, Cut) and step.in_chunk:
        return len(step.partial) + _CUT_BYTES
    return 0


def _reason(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""
