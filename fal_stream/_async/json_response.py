"""Read responses whose body is JSON: from the storage, and from the server that issues tokens."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from .._shared import api_errors
from ..errors import StreamConnectionError, StreamDecodeError, quoted

if TYPE_CHECKING:
    from .http.response import AsyncStreamResponse


async def read_json(
    response: AsyncStreamResponse, hints: Mapping[int, str] = api_errors.HINTS
) -> Any:
    """Return the JSON value of a response, and release the response.

    Args:
        response: The response.
        hints: The advice for each status, for the message of an error. Default: the advice for
            requests with a key.

    Raises:
        ApiError: The response has the status of an error.
        StreamDecodeError: The response is not JSON.
        StreamConnectionError: The connection broke, or the response is too large.
        Aborted: The exchange was aborted.
        Expired: A limit of the watchdog has run out.
    """
    try:
        if not 200 <= response.status < 300:
            said = await response.read_redacted(api_errors.ERROR_BODY_LIMIT)
            raise api_errors.error_from_response(
                response.status, response.redacted_headers, said, hints
            )
        body = await response.read_whole(api_errors.ERROR_BODY_LIMIT)
    except StreamConnectionError as error:
        error.request_id = response.redacted_headers.get("x-fal-request-id")
        raise
    finally:
        await response.release()
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        text = response.redact(body.decode("utf-8", "replace"))
    raise StreamDecodeError(
        f"The server answered with something that is not JSON: {quoted(text, 120)}",
        raw=text,
        index=0,
    )
