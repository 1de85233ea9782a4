"""Create the errors of responses that are not a stream: an HTTP error, a page, a wrong type."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from ..errors import (
    ApiError,
    AuthenticationError,
    FalStreamError,
    NotFoundError,
    OutputValidationError,
    PermissionDeniedError,
    RateLimitError,
    StreamDecodeError,
    ValidationError,
    counted,
    excerpt,
    mask_secrets,
    quoted,
)
from .decode import decode_report
from .options import EVENT_STREAM
from .reported_error import reported_error

ERROR_BODY_LIMIT = 1024 * 1024

_KINDS: Mapping[int, type[ApiError]] = {
    401: AuthenticationError,
    403: PermissionDeniedError,
    404: NotFoundError,
    429: RateLimitError,
}

HINTS = {
    401: "check the credentials (FAL_KEY)",
    403: "check that this key may do it and that its account has credit",
    407: "the proxy wants a user and a password: put them into its address in HTTP_PROXY",
    429: "too many requests: wait, then try again",
}

STREAM_HINTS = {
    **HINTS,
    403: "check that this key may use the endpoint and that its account has credit",
    404: "check the endpoint id; not every model has a stream, its page on fal.ai says whether",
    422: "field_errors says what is wrong with the input",
}

TOKEN_STREAM_HINTS = {
    **STREAM_HINTS,
    401: "the token was refused: check what the token_provider gives",
    403: "check that the token may be used for this endpoint",
}


# Content codings: those registered by IANA (RFC 9110, section 16.6.1), and others in use.
_CODINGS = frozenset(
    (
        *("aes128gcm", "br", "bzip2", "compress", "dcb", "dcz", "deflate", "exi", "gzip", "lz4"),
        *("lzma", "pack200-gzip", "snappy", "x-bzip2", "x-compress", "x-gzip", "xz", "zlib"),
        "zstd",
    )
)

# A quoted string (RFC 9110, section 5.6.4), perhaps without its end, so that matching is linear.
_QUOTED = re.compile(r'"(?:[^"\\]|\\.?)*"?', re.DOTALL)


def media_types(headers: Mapping[str, str]) -> list[str]:
    """Return the media types of a response, in lower case and without parameters.

    RFC 9110, section 8.3, allows one. But a framework that adds a header to those of an app may
    send two, in one header or in several.
    """
    text = _QUOTED.sub("", headers.get("content-type", ""))
    types = [each.partition(";")[0].strip().lower() for each in text.split(",")]
    return [each for each in types if each]


def media_type(headers: Mapping[str, str]) -> str:
    """Return the first media type of a response, or `""` if it has none."""
    return next(iter(media_types(headers)), "")


def shown_type(headers: Mapping[str, str]) -> str:
    """Return the media type of a response for a message, shortened."""
    return excerpt(media_type(headers), 80) or "of no known type"


def is_event_stream(headers: Mapping[str, str]) -> bool:
    """Return whether one of the media types of a response is that of an event stream."""
    return EVENT_STREAM in media_types(headers)


def is_unexpected_type(headers: Mapping[str, str], accept: str) -> bool:
    """Return whether a successful response is a document although a stream was requested.

    Args:
        headers: The response headers, names in lower case.
        accept: The media type that was requested.

    Returns:
        True for JSON and HTML, unless that was requested, or the headers say that the response is
        an event stream, too.
    """
    if is_event_stream(headers) or "*/*" in accept:
        return False
    kind = media_type(headers)
    is_document = kind in ("application/json", "text/html") or kind.endswith("+json")
    return is_document and kind not in accept


def unexpected_encoding(headers: Mapping[str, str]) -> str | None:
    """Return the content codings of a response, or None if it has none, as was requested.

    A name that is not a known coding counts as `identity`: some apps send `none`, so that no proxy
    compresses the response.
    """
    names = headers.get("content-encoding", "").lower().split(",")
    return ", ".join(name for name in map(str.strip, names) if name in _CODINGS) or None


def error_from_response(
    status: int,
    headers: Mapping[str, str],
    body: bytes,
    hints: Mapping[int, str] = HINTS,
) -> ApiError:
    """Return the error of a response whose status is not a success.

    Args:
        status: The HTTP status.
        headers: The response headers, names in lower case.
        body: The body, or its beginning.
        hints: The advice for each status. Default: advice that fits every request.
    """
    content = _content(headers, body)
    retryable = headers.get("x-fal-retryable")
    error_type = headers.get("x-fal-error-type")
    timeout_type = headers.get("x-fal-request-timeout-type")
    if error_type is None and isinstance(content, dict):
        named = content.get("error_type")
        error_type = named if isinstance(named, str) else None
    # Some proxies send a refusal of fields with a status of success.
    is_refusal = status == 422 or (status < 300 and _names_fields(content))
    kind = ValidationError if is_refusal else _KINDS.get(status, ApiError)
    return kind(
        _message(status, headers, content, timeout_type, hints),
        status=status,
        body=content,
        error_type=error_type,
        timeout_type=timeout_type,
        retryable=None if retryable is None else retryable.strip().lower() in ("true", "1"),
        request_id=headers.get("x-fal-request-id"),
    )


def unexpected_type_error(status: int, headers: Mapping[str, str], body: bytes) -> FalStreamError:
    """Return the error of a successful response that is a document instead of a stream.

    Args:
        status: The HTTP status.
        headers: The response headers, names in lower case.
        body: The body, or its beginning.

    Returns:
        An `ApiError` if the document is an error of fal, else a `StreamDecodeError`.
    """
    if says_error(_content(headers, body)):
        return error_from_response(status, headers, body)
    text = body.decode("utf-8", "replace")
    return StreamDecodeError(
        f"The server answered with {shown_type(headers)} instead of a stream: {quoted(text)}; "
        "check that the endpoint streams, or ask for this type with the accept option",
        raw=text,
        index=0,
    )


def says_error(content: object) -> bool:
    """Return whether a JSON value is an error: an object with a `detail` or an `error`."""
    return isinstance(content, dict) and (
        "detail" in content or reported_error(content) is not None
    )


def encoding_error(coding: str) -> StreamDecodeError:
    """Return the error of a body with a content coding, which was not requested."""
    return StreamDecodeError(
        f"The server sent the body with the content coding {quoted(coding, 40)}, though "
        "none was requested: a server or a proxy compresses it, switch that off",
        raw="",
        index=0,
    )


def untyped_error(headers: Mapping[str, str]) -> OutputValidationError:
    """Return the error of a binary response to a stream with an `output_type`."""
    return OutputValidationError(
        f"The answer is {shown_type(headers)}, not an event stream, and its "
        "chunks are bytes: leave output_type out, or give bytes",
        raw="",
        index=0,
    )


def _names_fields(content: Any) -> bool:
    """Return whether a response is a validation error in FastAPI's format."""
    detail = content.get("detail") if isinstance(content, dict) else None
    return (
        isinstance(detail, list)
        and bool(detail)
        and all(isinstance(entry, dict) and {"loc", "msg"} <= entry.keys() for entry in detail)
    )


def _content(headers: Mapping[str, str], body: bytes) -> Any:
    coding = unexpected_encoding(headers)
    if coding is not None:
        return f"({counted(len(body), 'byte')} of content coding {excerpt(coding, 40)})"
    # A server may repeat the URL of the request, which may contain a token.
    return decode_report(mask_secrets(body.decode("utf-8", "replace")))


def _message(
    status: int,
    headers: Mapping[str, str],
    content: Any,
    timeout_type: str | None,
    hints: Mapping[int, str],
) -> str:
    detail = content.get("detail", content) if isinstance(content, dict) else content
    if isinstance(detail, list):
        detail = "; ".join(_field_message(entry) for entry in detail)
    text = detail if isinstance(detail, str) else json.dumps(detail)
    if not text.strip():
        text = "the answer is empty"
    elif media_type(headers) == "text/html":
        text = f"an HTML page: {text}"
    hint = hints.get(status)
    if status == 504 and timeout_type == "user":
        hint = "the limit was the caller's own: raise start_timeout"
    if status == 304:
        hint = "leave If-None-Match and If-Modified-Since out of the headers"
    elif 300 <= status < 400:
        hint = (
            "redirects are followed to the same origin only, and of anything but a GET only those "
            "that keep the method: give the final address"
        )
    if hint is None and status >= 500:
        hint = "the fault is the app's or the platform's: try again later"
    return f"The server answered {status}: {excerpt(text)}" + (f" - {hint}" if hint else "")


def _field_message(entry: Any) -> str:
    if not isinstance(entry, dict):
        return str(entry)
    loc = entry.get("loc", [])
    place = ".".join(map(str, loc)) if isinstance(loc, list) else str(loc)
    return f"{place}: {entry.get('msg', '')}"
