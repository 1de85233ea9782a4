"""What is sent: the plan of a stream, made and checked before anything goes out.

The key isn't in it: it is looked up and added when the stream starts.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import unquote_plus, urlencode, urlsplit, urlunsplit

from .. import _checks
from .._checks import shown
from .._version import __version__
from ..abort import AbortSignal
from ..config import Config
from ..errors import ConfigError
from ..types import StreamOptions
from .decode import DecodeJSON, json_decoder
from .endpoint import is_loopback, may_have_key, parse_endpoint_id, stream_url
from .inputs import encode_input
from .watchdog import Limits

EVENT_STREAM = "text/event-stream"
METHODS = ("DELETE", "GET", "PATCH", "POST", "PUT")
USER_AGENT = f"fal_stream/{__version__}"

# More than most servers take, and as much as httpx does.
MAX_URL = 65_536

_OTHER_NAMES = {"arguments": "input", "prompt": "input", "data": "input", "params": "query_params"}

KeyUse = Literal["required", "optional", "withheld", "own"]


@dataclass(frozen=True)
class StreamPlan:
    """Everything that is decided before a stream starts.

    Attributes:
        endpoint_id: The endpoint, in its usual form.
        method: The HTTP method.
        url: The whole address.
        headers: The headers without the key, names in lower case.
        body: The request body, or None for none.
        key: What happens to the key: it is `required`, `optional` (this machine), `withheld` (the
            host isn't trusted), or there is an `own` Authorization header.
        limits: The time limits.
        max_event_bytes: How large an event may be.
        output_type: The type of the chunks, or None for JSON values as they are.
        decode_json: How the text of an event becomes a chunk.
    """

    endpoint_id: str
    method: str
    url: str = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    body: bytes | None = field(repr=False)
    key: KeyUse
    limits: Limits
    max_event_bytes: int
    output_type: Any
    decode_json: DecodeJSON[Any] = field(repr=False)

    @property
    def origin(self) -> str:
        """Scheme, host and port of the address."""
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc}"

    @property
    def accept(self) -> str:
        """The media type that is asked for."""
        return self.headers["accept"]


def plan_stream(
    config: Config, endpoint_id: str, options: StreamOptions, output_type: Any = None
) -> StreamPlan:
    """Check the options of a stream and decide what will be sent.

    Args:
        config: The client's settings.
        endpoint_id: The endpoint.
        options: The options as the user gave them.
        output_type: The type of the chunks, or None for JSON values as they are.

    Returns:
        The plan.

    Raises:
        ConfigError: Something in it is wrong.
    """
    _checks.check_known("option", options, StreamOptions.__annotations__, _OTHER_NAMES)
    endpoint = parse_endpoint_id(endpoint_id)
    method = _check_method(options.get("method", "POST"))
    url = options.get("url")
    if url is None:
        url = stream_url(config.run_url, endpoint)
    else:
        _checks.check_url("url", url)
    query = _query("query_params", options.get("query_params", {}))
    data = options.get("input")
    body = None
    if data is not None and method == "GET":
        query = _input_query(data) | query
    elif data is not None:
        body = encode_input(data)
    signal = options.get("signal")
    if signal is not None and not isinstance(signal, AbortSignal):
        raise ConfigError(f"signal={shown(signal)} is not an AbortSignal: give controller.signal")
    url = add_query(url, query)
    if len(url) > MAX_URL:
        raise ConfigError(
            f"The address with its query has {len(url):,} characters, more than {MAX_URL:,}: "
            "send the input by POST"
        )
    headers = _headers(config, options, has_body=body is not None)
    return StreamPlan(
        endpoint_id=str(endpoint),
        method=method,
        url=url,
        headers=headers,
        body=body,
        key=_key_use(config, url, headers),
        limits=_limits(config, options),
        max_event_bytes=config.max_event_bytes,
        output_type=output_type,
        decode_json=json_decoder(output_type),
    )


def _key_use(config: Config, url: str, headers: Mapping[str, str]) -> KeyUse:
    if "authorization" in headers:
        return "own"
    if not may_have_key(url, config.trusted_hosts):
        return "withheld"
    return "optional" if is_loopback(urlsplit(url).hostname or "") else "required"


def _check_method(method: object) -> str:
    if isinstance(method, str) and method.upper() in METHODS:
        return method.upper()
    raise ConfigError(f"method={shown(method)} is not known; there are: {', '.join(METHODS)}")


def _limits(config: Config, options: StreamOptions) -> Limits:
    def limit(name: str) -> float | None:
        return _checks.check_seconds(name, options.get(name, getattr(config, name)))

    return Limits(
        start=limit("start_timeout"),
        idle=limit("timeout"),
        event=limit("event_timeout"),
        total=limit("total_timeout"),
    )


def _headers(config: Config, options: StreamOptions, *, has_body: bool) -> dict[str, str]:
    headers = {"accept": EVENT_STREAM, "user-agent": USER_AGENT, "accept-encoding": "identity"}
    if has_body:
        headers["content-type"] = "application/json"
    if "accept" in options:
        headers["accept"] = _checks.check_header_value("accept", options["accept"])
    for given in (config.headers, _checks.check_headers("headers", options.get("headers", {}))):
        for name, value in given.items():
            if name.lower() in ("host", "content-length", "transfer-encoding", "connection"):
                raise ConfigError(f"headers has {name!r}, which the HTTP connection itself sets")
            headers[name.lower()] = value
    return headers


def _query(name: str, params: object) -> dict[str, str]:
    if not isinstance(params, Mapping):
        # Not shown: it may hold a token.
        kind = type(params).__name__
        raise ConfigError(f"{name} must be a mapping of names to values, not a {kind}")
    return {str(key): _query_value(f"{name}[{key!r}]", value) for key, value in params.items()}


def _query_value(name: str, value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (str, int, float)):
        try:
            text = str(value)
            text.encode()
        except ValueError as error:
            reason = str(error)
        else:
            return text
        raise ConfigError(f"{name} can't stand in an address: {reason}")
    raise ConfigError(
        f"{name} must be a string, a number or a boolean, not a {type(value).__name__}"
    )


def _input_query(data: Any) -> dict[str, str]:
    values = json.loads(encode_input(data))
    if not isinstance(values, dict):
        raise ConfigError("input of a GET goes into the query: give an object with named fields")
    texts = {key: v if isinstance(v, str) else json.dumps(v) for key, v in values.items()}
    return _query("input", texts)


def add_query(url: str, query: Mapping[str, str]) -> str:
    """Add parameters to an address; one that is there already is replaced.

    Args:
        url: The address.
        query: The parameters.

    Returns:
        The address with them.
    """
    if not query:
        return url
    parts = urlsplit(url)
    # As text, not decoded: the address may be signed.
    pairs = [pair for pair in parts.query.split("&") if pair]
    kept = [pair for pair in pairs if unquote_plus(pair.partition("=")[0]) not in query]
    return urlunsplit(parts._replace(query="&".join([*kept, urlencode(query)])))
