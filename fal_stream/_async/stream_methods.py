"""`client.stream()` and `client.stream_map()`, whose keywords are the options of a stream.

Not here: what the options mean (`prepare_stream`), and opening a stream (`client`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar, overload

from typing_extensions import TypeForm, Unpack

from .._input_files.detect import is_file
from .._net.async_exchange import AsyncExchange
from .._shared.endpoint import DEFAULT_PATH
from .._shared.options import EVENT_STREAM, NoOthers, given_options
from .._shared.prepared_stream import PreparedStream, check_option_names, prepare_stream
from ..abort import AbortSignal
from ..config import Settings
from ..credentials import hide_arguments
from ..errors import ConfigError
from ..types import (
    NOT_GIVEN,
    ConnectionMode,
    NotGiven,
    Priority,
    StreamOptions,
    TokenProvider,
)
from .dispatch import AsyncDispatcher
from .stream import AsyncFalStream

if TYPE_CHECKING:
    from .._net.workers import AsyncInputs, AsyncResultReader
    from .http.response import AsyncStreamResponse
    from .stream_map import AsyncStreamMap

InputT = TypeVar("InputT")
OutputT = TypeVar("OutputT")
ResultT = TypeVar("ResultT")


class AsyncStreamMethods:
    """Base class of `AsyncStreamingClient`, which sets the attributes."""

    _settings: Settings
    _dispatcher: AsyncDispatcher

    async def _open(self, prepared: PreparedStream, exchange: AsyncExchange) -> AsyncStreamResponse:
        """Send the request of a prepared stream."""
        raise NotImplementedError

    @overload
    def stream(
        self,
        endpoint_id: str,
        input: Any = None,
        *,
        output_type: None = None,
        url: str | None = None,
        path: str = DEFAULT_PATH,
        query_params: Mapping[str, str | int | float | bool] | None = None,
        timeout: float | NotGiven | None = NOT_GIVEN,
        event_timeout: float | NotGiven | None = NOT_GIVEN,
        start_timeout: float | NotGiven | None = NOT_GIVEN,
        total_timeout: float | NotGiven | None = NOT_GIVEN,
        method: str = "POST",
        accept: str = EVENT_STREAM,
        signal: AbortSignal | None = None,
        headers: Mapping[str, str] | None = None,
        auto_upload: bool = True,
        connection_mode: ConnectionMode = "server",
        token_provider: TokenProvider | None = None,
        is_final: Callable[[Any], bool] | NotGiven | None = NOT_GIVEN,
        raise_error_events: bool = True,
        priority: Priority | None = None,
        hint: str | None = None,
    ) -> AsyncFalStream[Any]: ...

    @overload
    def stream(
        self,
        endpoint_id: str,
        input: Any = None,
        *,
        output_type: TypeForm[OutputT],
        url: str | None = None,
        path: str = DEFAULT_PATH,
        query_params: Mapping[str, str | int | float | bool] | None = None,
        timeout: float | NotGiven | None = NOT_GIVEN,
        event_timeout: float | NotGiven | None = NOT_GIVEN,
        start_timeout: float | NotGiven | None = NOT_GIVEN,
        total_timeout: float | NotGiven | None = NOT_GIVEN,
        method: str = "POST",
        accept: str = EVENT_STREAM,
        signal: AbortSignal | None = None,
        headers: Mapping[str, str] | None = None,
        auto_upload: bool = True,
        connection_mode: ConnectionMode = "server",
        token_provider: TokenProvider | None = None,
        is_final: Callable[[Any], bool] | NotGiven | None = NOT_GIVEN,
        raise_error_events: bool = True,
        priority: Priority | None = None,
        hint: str | None = None,
    ) -> AsyncFalStream[OutputT]: ...

    @hide_arguments
    def stream(
        self,
        endpoint_id: str,
        input: Any = None,
        *,
        output_type: Any = None,
        url: str | None = None,
        path: str = DEFAULT_PATH,
        query_params: Mapping[str, str | int | float | bool] | None = None,
        timeout: float | NotGiven | None = NOT_GIVEN,
        event_timeout: float | NotGiven | None = NOT_GIVEN,
        start_timeout: float | NotGiven | None = NOT_GIVEN,
        total_timeout: float | NotGiven | None = NOT_GIVEN,
        method: str = "POST",
        accept: str = EVENT_STREAM,
        signal: AbortSignal | None = None,
        headers: Mapping[str, str] | None = None,
        auto_upload: bool = True,
        connection_mode: ConnectionMode = "server",
        token_provider: TokenProvider | None = None,
        is_final: Callable[[Any], bool] | NotGiven | None = NOT_GIVEN,
        raise_error_events: bool = True,
        priority: Priority | None = None,
        hint: str | None = None,
        **unknown: Unpack[NoOthers],
    ) -> AsyncFalStream[Any]:
        """Create a stream; nothing is sent until it starts.

        Timeouts are in seconds. If you leave one out, the client's value is used; None switches it
        off.

        Args:
            endpoint_id: The endpoint id from the model's page: `owner/alias[/path]`.
            input: The model's input: a JSON value, pydantic model or dataclass, with files at any
                depth. It is sent as the JSON body, or as the query of a GET. Default None: nothing
                is sent.
            output_type: The type that each chunk is validated as: a pydantic model, a TypedDict, a
                union, or any other type that pydantic can validate. Default None: JSON values as
                they are.
            url: The URL to stream from, instead of the endpoint's own. Default: none.
            path: The part of the URL after the endpoint id, such as `/audio/speech`; `""` for none.
                It can't be combined with `url`. Default: `/stream`.
            query_params: Query parameters to add to the URL. Default: none.
            timeout: How long the running stream may be silent; keep-alives count as data.
            event_timeout: How long to wait for the next chunk, even if keep-alives arrive.
            start_timeout: How long to wait for the response headers, including connecting and
                retries. If you set it to more than 1, here or for the client, it is also sent to
                fal.
            total_timeout: How long to wait in total, from the start of the stream to its end.
            method: The HTTP method. Default: POST.
            accept: The media type to ask for. Default: text/event-stream.
            signal: An abort signal; aborting it aborts the stream. Default: none.
            headers: Headers of this request; they replace the client's headers of the same name.
                Default: none.
            auto_upload: Whether files in the input are uploaded when the stream starts, and
                replaced by their URLs. Default True; with False, a file in the input is an error.
            connection_mode: `server` sends the key. `client` sends a short-lived token, directly to
                fal, without proxy and middleware. Default: server.
            token_provider: A function that returns a token for the connection mode `client`; its
                argument is the path of the endpoint. Default None: the token is requested from fal,
                with the key.
            is_final: A function that tells whether a chunk is the last one. The stream ends with
                that chunk, without waiting for the server. If the server ends the stream before
                such a chunk, IncompleteStream is raised. Default: the `output` event for a
                `workflows/` endpoint, else None: the stream ends when the server ends it.
            raise_error_events: Whether StreamEventError is raised for an event named `error`, a
                `{"type": "error"}` of a workflow, and a last chunk with an `error`. Default True;
                with False, they are chunks like any other.
            priority: `normal` or `low`, for fal's queue. Default: the default of fal.
            hint: Tells fal which runner to prefer. Default: none.
            **unknown: Any other keyword raises ConfigError.

        Returns:
            The stream.

        Raises:
            ConfigError: The endpoint id or an option is wrong; the message names it.
        """
        options = given_options(locals())
        prepared = prepare_stream(self._settings, endpoint_id, options, output_type, is_file)
        self._dispatcher.warn_of_long_times(options)
        if self._dispatcher.is_direct and not prepared.with_token:
            self._dispatcher.warn_if_withheld(prepared.request, stacklevel=3)
        return AsyncFalStream(self._settings, prepared, options, self._open, self._dispatcher)

    @overload
    def stream_map(
        self,
        endpoint_id: str,
        inputs: AsyncInputs[InputT],
        *,
        concurrency: int = 8,
        ordered: bool = False,
        output_type: None = None,
        read: None = None,
        url: str | None = None,
        path: str = DEFAULT_PATH,
        query_params: Mapping[str, str | int | float | bool] | None = None,
        timeout: float | NotGiven | None = NOT_GIVEN,
        event_timeout: float | NotGiven | None = NOT_GIVEN,
        start_timeout: float | NotGiven | None = NOT_GIVEN,
        total_timeout: float | NotGiven | None = NOT_GIVEN,
        method: str = "POST",
        accept: str = EVENT_STREAM,
        signal: AbortSignal | None = None,
        headers: Mapping[str, str] | None = None,
        auto_upload: bool = True,
        connection_mode: ConnectionMode = "server",
        token_provider: TokenProvider | None = None,
        is_final: Callable[[Any], bool] | NotGiven | None = NOT_GIVEN,
        raise_error_events: bool = True,
        priority: Priority | None = None,
        hint: str | None = None,
    ) -> AsyncStreamMap[InputT, Any]: ...

    @overload
    def stream_map(
        self,
        endpoint_id: str,
        inputs: AsyncInputs[InputT],
        *,
        concurrency: int = 8,
        ordered: bool = False,
        output_type: TypeForm[OutputT],
        read: None = None,
        url: str | None = None,
        path: str = DEFAULT_PATH,
        query_params: Mapping[str, str | int | float | bool] | None = None,
        timeout: float | NotGiven | None = NOT_GIVEN,
        event_timeout: float | NotGiven | None = NOT_GIVEN,
        start_timeout: float | NotGiven | None = NOT_GIVEN,
        total_timeout: float | NotGiven | None = NOT_GIVEN,
        method: str = "POST",
        accept: str = EVENT_STREAM,
        signal: AbortSignal | None = None,
        headers: Mapping[str, str] | None = None,
        auto_upload: bool = True,
        connection_mode: ConnectionMode = "server",
        token_provider: TokenProvider | None = None,
        is_final: Callable[[Any], bool] | NotGiven | None = NOT_GIVEN,
        raise_error_events: bool = True,
        priority: Priority | None = None,
        hint: str | None = None,
    ) -> AsyncStreamMap[InputT, OutputT | None]: ...

    @overload
    def stream_map(
        self,
        endpoint_id: str,
        inputs: AsyncInputs[InputT],
        *,
        concurrency: int = 8,
        ordered: bool = False,
        output_type: Any = None,
        read: AsyncResultReader[AsyncFalStream[Any], ResultT],
        url: str | None = None,
        path: str = DEFAULT_PATH,
        query_params: Mapping[str, str | int | float | bool] | None = None,
        timeout: float | NotGiven | None = NOT_GIVEN,
        event_timeout: float | NotGiven | None = NOT_GIVEN,
        start_timeout: float | NotGiven | None = NOT_GIVEN,
        total_timeout: float | NotGiven | None = NOT_GIVEN,
        method: str = "POST",
        accept: str = EVENT_STREAM,
        signal: AbortSignal | None = None,
        headers: Mapping[str, str] | None = None,
        auto_upload: bool = True,
        connection_mode: ConnectionMode = "server",
        token_provider: TokenProvider | None = None,
        is_final: Callable[[Any], bool] | NotGiven | None = NOT_GIVEN,
        raise_error_events: bool = True,
        priority: Priority | None = None,
        hint: str | None = None,
    ) -> AsyncStreamMap[InputT, ResultT]: ...

    @hide_arguments
    def stream_map(
        self,
        endpoint_id: str,
        inputs: AsyncInputs[Any],
        *,
        concurrency: int = 8,
        ordered: bool = False,
        output_type: Any = None,
        read: AsyncResultReader[AsyncFalStream[Any], Any] | None = None,
        url: str | None = None,
        path: str = DEFAULT_PATH,
        query_params: Mapping[str, str | int | float | bool] | None = None,
        timeout: float | NotGiven | None = NOT_GIVEN,
        event_timeout: float | NotGiven | None = NOT_GIVEN,
        start_timeout: float | NotGiven | None = NOT_GIVEN,
        total_timeout: float | NotGiven | None = NOT_GIVEN,
        method: str = "POST",
        accept: str = EVENT_STREAM,
        signal: AbortSignal | None = None,
        headers: Mapping[str, str] | None = None,
        auto_upload: bool = True,
        connection_mode: ConnectionMode = "server",
        token_provider: TokenProvider | None = None,
        is_final: Callable[[Any], bool] | NotGiven | None = NOT_GIVEN,
        raise_error_events: bool = True,
        priority: Priority | None = None,
        hint: str | None = None,
        **unknown: Unpack[NoOthers],
    ) -> AsyncStreamMap[Any, Any]:
        """Stream many inputs concurrently; nothing is sent until the first iteration.

        Each input is streamed once. If an input fails, you get it with its error, and the others go
        on. Timeouts are in seconds, and apply to each stream separately. If you leave one out, the
        client's value is used; None switches it off.

        Args:
            endpoint_id: The endpoint id from the model's page: `owner/alias[/path]`.
            inputs: An iterable of inputs, which may be endless, because an input is read only when
                it is needed.
            concurrency: The largest number of streams that run at once. Default 8.
            ordered: Whether you get the results in the order of the inputs. Default False: each one
                as soon as it is ready.
            output_type: The type that each chunk is validated as: a pydantic model, a TypedDict, a
                union, or any other type that pydantic can validate. Default None: JSON values as
                they are.
            read: A function that reads a stream and returns the result. Default None: the stream is
                read to its end, and the last chunk is the result.
            url: The URL to stream from, instead of the endpoint's own. Default: none.
            path: The part of the URL after the endpoint id, such as `/audio/speech`; `""` for none.
                It can't be combined with `url`. Default: `/stream`.
            query_params: Query parameters to add to the URL. Default: none.
            timeout: How long the running stream may be silent; keep-alives count as data.
            event_timeout: How long to wait for the next chunk, even if keep-alives arrive.
            start_timeout: How long to wait for the response headers, including connecting and
                retries. If you set it to more than 1, here or for the client, it is also sent to
                fal.
            total_timeout: How long to wait in total, from the start of the stream to its end.
            method: The HTTP method. Default: POST.
            accept: The media type to ask for. Default: text/event-stream.
            signal: An abort signal; aborting it aborts the map. Default: none.
            headers: Headers of this request; they replace the client's headers of the same name.
                Default: none.
            auto_upload: Whether files in the input are uploaded when the stream starts, and
                replaced by their URLs. Default True; with False, a file in the input is an error.
            connection_mode: `server` sends the key. `client` sends a short-lived token, directly to
                fal, without proxy and middleware. Default: server.
            token_provider: A function that returns a token for the connection mode `client`; its
                argument is the path of the endpoint. Default None: the token is requested from fal,
                with the key.
            is_final: A function that tells whether a chunk is the last one. The stream ends with
                that chunk, without waiting for the server. If the server ends the stream before
                such a chunk, IncompleteStream is raised. Default: the `output` event for a
                `workflows/` endpoint, else None: the stream ends when the server ends it.
            raise_error_events: Whether StreamEventError is raised for an event named `error`, a
                `{"type": "error"}` of a workflow, and a last chunk with an `error`. Default True;
                with False, they are chunks like any other.
            priority: `normal` or `low`, for fal's queue. Default: the default of fal.
            hint: Tells fal which runner to prefer. Default: none.
            **unknown: Any other keyword raises ConfigError.

        Returns:
            An iterator of `MapItem`, best used in a `with` statement.

        Raises:
            ConfigError: The endpoint id or an option is wrong; the message names it.
        """
        from .stream_map import AsyncStreamMap

        check_option_names(unknown, of_map=True)
        options = given_options(locals())
        if "input" in options:
            raise ConfigError("stream_map() has no input: put the input of each stream into inputs")
        prepare_stream(self._settings, endpoint_id, options, output_type, is_file)
        self._dispatcher.warn_of_long_times(options)

        def make(input: Any, signal: AbortSignal) -> AsyncFalStream[Any]:
            mine: StreamOptions = {**options, "input": input, "signal": signal}
            return self.stream(endpoint_id, output_type=output_type, **mine)

        return AsyncStreamMap(make, inputs, read, concurrency, ordered, signal)
