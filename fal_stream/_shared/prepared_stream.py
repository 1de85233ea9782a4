"""`PreparedStream`: the checked options of a stream, and the request made from them.

It doesn't contain the key, which is looked up and added when the stream starts.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .. import _checks
from .._checks import short_repr
from ..abort import check_signal
from ..config import (
    DEFAULT_EVENT_TIMEOUT,
    DEFAULT_TIMEOUT,
    OTHER_NAMES,
    AnySettings,
    ClientSettings,
)
from ..errors import ConfigError
from ..middleware import check_method, check_request_headers
from ..types import StreamOptions, TokenProvider
from .decode import DecodeJSON, json_decoder
from .endpoint import (
    DEFAULT_PATH,
    EndpointId,
    may_have_key,
    parse_endpoint_id,
    stream_path,
    stream_url,
)
from .inputs import EncodedInput, InputFile, encode_input, file_refusal
from .options import EVENT_STREAM
from .prepared_request import JSON, OUR_HEADERS, PreparedRequest
from .query import add_query, check_query, input_query
from .value_tree import IsFile
from .watchdog import Limits

# The default of `event_timeout` for workflows (seconds).
WORKFLOW_EVENT_TIMEOUT = 3600.0

# The most that is added to `timeout`, so that a keep-alive may be a little late (seconds).
MAX_IDLE_GRACE = 1.5

# httpx's limit of a URL, which is more than most servers accept.
MAX_URL = 65_536

# Arguments of `stream_map` that are not options of each stream.
MAP_OPTIONS = ("concurrency", "ordered", "read")

_ELSEWHERE = {
    "stream_map()": MAP_OPTIONS,
    "the settings of the client": (*ClientSettings.__annotations__, *OTHER_NAMES),
}

_OTHER_NAMES = {"arguments": "input", "prompt": "input", "data": "input", "params": "query_params"}


def _nothing_is(_: object) -> bool:
    return False


@dataclass(frozen=True)
class PreparedStream:
    """Everything that is decided before a stream starts: its request and how to read the response.

    Attributes:
        endpoint_id: The endpoint, in its usual form.
        app_path: The path that the app streams from, which is the argument of a token provider.
        alias: The app's name without its owner, which a token of fal is requested for.
        request: The request.
        base_request: The request without the input and the query parameters.
        encoded_input: The input, or None without one.
        query: The query parameters.
        limits: The time limits.
        max_event_bytes: The largest size of an event (bytes).
        output_type: The type of the chunks, or None for JSON values.
        decode_json: Decodes the text of an event to a chunk.
        is_final: A function that tells whether a chunk is the last one, or None. Default None.
        raise_error_events: Whether to raise errors that the stream reports. Default True.
        is_workflow: Whether the endpoint is a workflow, whose chunks report its error and its
            output. Default False.
        any_end: Whether a workflow may end without its output. Default False.
        with_token: Whether to send a token instead of the key. Default False.
        token_provider: Returns the token, or None to request it from fal. Default None.
    """

    endpoint_id: str
    app_path: str
    alias: str
    request: PreparedRequest
    base_request: PreparedRequest = field(repr=False)
    encoded_input: EncodedInput | None = field(repr=False)
    query: Mapping[str, str] = field(repr=False)
    limits: Limits
    max_event_bytes: int
    output_type: Any
    decode_json: DecodeJSON[Any] = field(repr=False)
    is_final: Callable[[Any], bool] | None = None
    raise_error_events: bool = True
    is_workflow: bool = False
    any_end: bool = False
    with_token: bool = False
    token_provider: TokenProvider | None = field(repr=False, default=None)

    @property
    def files(self) -> Sequence[InputFile]:
        """The files in the input, which have to be uploaded before the request is sent."""
        return self.encoded_input.files if self.encoded_input else ()

    def with_files(self, urls: Sequence[str]) -> PreparedStream:
        """Return the same stream with URLs in the places of the files.

        Args:
            urls: The URLs, in the order of `files`.

        Raises:
            ConfigError: The input can't be sent.
        """
        request = _request(self.base_request, self.query, self.encoded_input, urls)
        return dataclasses.replace(self, request=request)

    def with_input(self, value: Any) -> PreparedStream:
        """Return the same stream with another input.

        Args:
            value: JSON values, pydantic models and dataclasses, without files.

        Raises:
            ConfigError: The input can't be sent.
        """
        encoded_input = encode_input(value, _nothing_is)
        request = _request(self.base_request, self.query, encoded_input)
        return dataclasses.replace(self, encoded_input=encoded_input, request=request)


def check_option_names(names: Iterable[str], *, of_map: bool = False) -> None:
    """Check that all names are those of options.

    Args:
        names: The names.
        of_map: Whether the options of `stream_map` are allowed. Default False.

    Raises:
        ConfigError: A name is not known.
    """
    known = [*StreamOptions.__annotations__, "output_type", *(MAP_OPTIONS if of_map else ())]
    _checks.check_known("option", names, known, _OTHER_NAMES, _ELSEWHERE)


def prepare_stream(
    config: AnySettings,
    endpoint_id: str,
    options: StreamOptions,
    output_type: Any = None,
    is_file: IsFile = _nothing_is,
) -> PreparedStream:
    """Check the options of a stream, and return the prepared stream.

    Args:
        config: The client's settings.
        endpoint_id: The endpoint.
        options: The user's options.
        output_type: The type of the chunks. Default None: JSON values.
        is_file: Tells whether a value in the input is a file. Default: no value is.

    Raises:
        ConfigError: The endpoint id, an option or the input can't be used.
    """
    check_option_names(options)
    endpoint = parse_endpoint_id(endpoint_id)
    method = check_method("method", options.get("method", "POST"))
    app_path, url = _address(config, endpoint, options)
    if (signal := options.get("signal")) is not None:
        check_signal(signal)
    query_params = options.get("query_params")
    query = check_query("query_params", {} if query_params is None else query_params)
    base_request = PreparedRequest(method, url, _headers(config, options))
    encoded_input = _encode_input_of(options, is_file)
    prepared = PreparedStream(
        endpoint_id=str(endpoint),
        app_path=app_path,
        alias=endpoint.alias,
        request=_request(
            base_request, query, None if encoded_input and encoded_input.files else encoded_input
        ),
        base_request=base_request,
        encoded_input=encoded_input,
        query=query,
        limits=_limits(config, options, is_workflow=endpoint.namespace == "workflows"),
        max_event_bytes=config.max_event_bytes,
        output_type=output_type,
        decode_json=json_decoder(output_type),
        is_final=_check_is_final(options.get("is_final")),
        raise_error_events=_checks.check_bool(
            "raise_error_events", options.get("raise_error_events", True)
        ),
        is_workflow=endpoint.namespace == "workflows",
        any_end="is_final" in options,
        with_token=_check_connection_mode(options) == "client",
        token_provider=options.get("token_provider"),
    )
    if prepared.with_token and not may_have_key(url, config.trusted_hosts):
        raise ConfigError(
            f"connection_mode='client' would send a token to {base_request.origin}, which is not "
            "one of fal's hosts or is not reached over https: name the host in trusted_hosts if it "
            "may have it"
        )
    return prepared


def _address(config: AnySettings, endpoint: EndpointId, options: StreamOptions) -> tuple[str, str]:
    """Return the path that the app streams from, and the URL of the request."""
    url, path = options.get("url"), options.get("path", DEFAULT_PATH)
    app_path = stream_path(endpoint, path)
    if url is None:
        return app_path, stream_url(config.run_url, endpoint, path)
    if path != DEFAULT_PATH:
        raise ConfigError(
            f"path={short_repr(path)} can't be combined with url, which is the whole address: "
            "give one of them"
        )
    _checks.check_url("url", url)
    return app_path, url


def _encode_input_of(options: StreamOptions, is_file: IsFile) -> EncodedInput | None:
    auto_upload = _checks.check_bool("auto_upload", options.get("auto_upload", True))
    data = options.get("input")
    if data is None:
        return None
    encoded_input = encode_input(data, is_file)
    if encoded_input.files and not auto_upload:
        raise file_refusal(encoded_input.files[0])
    return encoded_input


def _request(
    base_request: PreparedRequest,
    query: Mapping[str, str],
    encoded_input: EncodedInput | None,
    urls: Sequence[str] = (),
) -> PreparedRequest:
    headers, body = base_request.headers, None
    if encoded_input is not None and base_request.method == "GET":
        query = input_query(encoded_input.filled(urls)) | dict(query)
    elif encoded_input is not None:
        body = encoded_input.encode(urls)
        headers = {"content-type": JSON, **headers}
    url = add_query(base_request.url, query)
    if len(url) > MAX_URL:
        raise ConfigError(
            f"The address with its query has {len(url):,} characters, more than {MAX_URL:,}: "
            "send the input by POST"
        )
    return PreparedRequest(base_request.method, url, headers, body)


def _check_is_final(function: Any) -> Callable[[Any], bool] | None:
    if function is not None:
        _checks.check_plain_function("is_final", function)
    checked: Callable[[Any], bool] | None = function
    return checked


def _check_connection_mode(options: StreamOptions) -> str:
    mode = _checks.check_one_of(
        "connection_mode", options.get("connection_mode", "server"), ("server", "client")
    )
    provider = options.get("token_provider")
    if provider is not None and not _is_provider(provider):
        # Not shown in the message, because it may be the token itself.
        raise ConfigError(
            f"token_provider is a {type(provider).__name__}: give a function that returns a token"
        )
    if provider is not None and mode == "server":
        raise ConfigError("token_provider needs connection_mode='client'")
    return mode


def _is_provider(provider: object) -> bool:
    return callable(provider) and isinstance(provider, Hashable)


def _limits(config: AnySettings, options: StreamOptions, *, is_workflow: bool) -> Limits:
    def limit(name: str) -> float | None:
        return _checks.check_seconds(name, options.get(name, getattr(config, name)))

    def is_default(name: str, default: float) -> bool:
        if name in options or name in config.model_fields_set:
            return False
        # An environment variable may have set another value.
        return bool(getattr(config, name) == default)

    idle, event = limit("timeout"), limit("event_timeout")
    idle_is_default = is_default("timeout", DEFAULT_TIMEOUT)
    if is_workflow:
        # The nodes of a workflow are silent while they run.
        idle = None if idle_is_default else idle
        event = (
            WORKFLOW_EVENT_TIMEOUT if is_default("event_timeout", DEFAULT_EVENT_TIMEOUT) else event
        )
    return Limits(
        start=limit("start_timeout"),
        idle=idle,
        event=event,
        total=limit("total_timeout"),
        # A server that sends a keep-alive every `timeout` seconds may be a little late.
        idle_grace=0.0 if idle is None else min(idle / 10, MAX_IDLE_GRACE),
        idle_from_first_chunk=idle_is_default,
    )


def _headers(config: AnySettings, options: StreamOptions) -> dict[str, str]:
    headers = {"accept": EVENT_STREAM, **OUR_HEADERS}
    if "accept" in options:
        headers["accept"] = _checks.check_header_value("accept", options["accept"])
    headers.update(_fal_headers(config, options))
    headers.update(config.headers)
    own = options.get("headers")
    headers.update(check_request_headers("headers", {} if own is None else own))
    return headers


def _fal_headers(config: AnySettings, options: StreamOptions) -> dict[str, str]:
    headers = {}
    start = options.get("start_timeout")
    if "start_timeout" not in options and "start_timeout" in config.model_fields_set:
        start = config.start_timeout
    # fal's own clients only send a value of more than 1.
    if start is not None and _checks.check_seconds("start_timeout", start) and start > 1:
        whole = int(start)
        headers["x-fal-request-timeout"] = str(whole if whole == start else start)
    priority, hint = options.get("priority"), options.get("hint")
    if priority is not None:
        headers["x-fal-queue-priority"] = _checks.check_one_of(
            "priority", priority, ("normal", "low")
        )
    if hint is not None:
        headers["x-fal-runner-hint"] = _checks.check_header_value("hint", hint)
    return headers
