"""`StorageClient`: upload files to fal's storage, and replace files in an input by their URLs."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from typing_extensions import Self, Unpack

from .. import config as config_module
from .._checks import safe_repr
from .._input_files.detect import is_file
from .._net.exchange import Aborted
from .._net.result_hints import async_result_hints
from .._shared.inputs import InputFile, encode_input
from .._shared.options import NoOthers, given_settings
from .._shared.storage_settings import StorageSettings, lifecycle_header
from .._shared.watchdog import Limits
from ..abort import AbortController, AbortSignal, check_signal
from ..config import Settings, make_settings
from ..credentials import CredentialsFunction, Secret, hide_arguments, wrap_secret
from ..errors import UploadError
from ..middleware import ProxyUrlConfig, RequestMiddleware
from ..retry import RetryPolicy
from ..types import NOT_GIVEN, NotGiven
from .dispatch import AsyncDispatcher
from .http.sender_factory import AsyncHttpClient, make_sender

if TYPE_CHECKING:
    from .upload import AsyncUploader


class AsyncStorageClient:
    """Upload files to fal's storage.

    Each streaming client has a storage client, which uploads the files in its inputs; a storage
    client of your own can have other settings. A copy or an unpickled client is a new client with
    the same settings; a pickle never contains the key, see `Config`.

    Args:
        config: Settings as a `Config`, which documents each of the settings below. Settings that
            are given by name are used instead of those in it. Default: the settings of the
            environment.
        http_client: An HTTP client of your own that sends the requests; it is not closed with this
            client. Default None: the built-in one.
        credentials: Your fal API key, or a function that returns it and is called for each request.
            Default: the key in the environment.
        run_url: The server that runs models.
        rest_url: The server that takes uploads and issues tokens.
        trusted_hosts: Hosts besides fal's own that may get the key.
        proxy_url: A proxy such as `@fal-ai/server-proxy` that requests are sent through.
        request_middleware: Functions that change each request before it is sent.
        retry: When a request is retried, or how many times at most; None for never.
        token_lifetime: How many seconds a token of the connection mode `client` is valid.
        keepalive_expiry: How many seconds an idle connection is kept.
        timeout: Seconds that a running stream may be silent; keep-alives count as data.
        event_timeout: Seconds to wait for the next chunk.
        start_timeout: Seconds to wait for the response headers.
        total_timeout: Seconds to wait for the whole stream.
        max_event_bytes: The largest event, in bytes.
        headers: Headers that are sent with each request.
        **unknown: Any other keyword raises ConfigError.

    Raises:
        ConfigError: A setting is unknown or has a value that can't be used.
    """

    @hide_arguments
    def __init__(
        self,
        config: config_module.Config | None = None,
        *,
        http_client: AsyncHttpClient | None = None,
        credentials: str | Secret | CredentialsFunction | NotGiven | None = NOT_GIVEN,
        run_url: str | NotGiven = NOT_GIVEN,
        rest_url: str | NotGiven = NOT_GIVEN,
        trusted_hosts: Collection[str] | NotGiven = NOT_GIVEN,
        proxy_url: str | ProxyUrlConfig | NotGiven | None = NOT_GIVEN,
        request_middleware: RequestMiddleware
        | Sequence[RequestMiddleware]
        | NotGiven
        | None = NOT_GIVEN,
        retry: RetryPolicy | int | NotGiven | None = NOT_GIVEN,
        token_lifetime: float | NotGiven = NOT_GIVEN,
        keepalive_expiry: float | NotGiven = NOT_GIVEN,
        timeout: float | NotGiven | None = NOT_GIVEN,
        event_timeout: float | NotGiven | None = NOT_GIVEN,
        start_timeout: float | NotGiven | None = NOT_GIVEN,
        total_timeout: float | NotGiven | None = NOT_GIVEN,
        max_event_bytes: int | NotGiven = NOT_GIVEN,
        headers: Mapping[str, str] | NotGiven = NOT_GIVEN,
        **unknown: Unpack[NoOthers],
    ) -> None:
        credentials = wrap_secret(credentials)
        self._set_up(make_settings(config, given_settings(locals())), http_client)

    def _set_up(self, settings: Settings, http_client: AsyncHttpClient | None) -> None:
        self._settings = settings
        self._sender = make_sender(http_client, settings)
        self._dispatcher = AsyncDispatcher(settings, self._sender)

    @classmethod
    def _of(cls, settings: Settings, http_client: AsyncHttpClient | None) -> Self:
        """Return a storage client with settings that were checked already."""
        made = cls.__new__(cls)
        made._set_up(settings, http_client)
        return made

    @property
    def config(self) -> config_module.Config:
        """The settings."""
        return self._settings.config

    @async_result_hints
    async def upload(
        self,
        file: Any,
        *,
        content_type: str | None = None,
        file_name: str | None = None,
        lifecycle: StorageSettings | Mapping[str, Any] | None = None,
        signal: AbortSignal | None = None,
    ) -> str:
        """Upload a file.

        Up to 90 MiB are sent in one request, larger files in parts of 10 MiB, several at once. A
        request or part that fails is retried. An open file that can seek, such as an `io.BytesIO`,
        is read from its beginning, and its position is restored afterwards; a pipe is read from its
        current position.

        Args:
            file: A `pathlib.Path`, an open binary file, an `io.BytesIO`, bytes, a bytearray, a
                memoryview, a Pillow image, or a file that a visitor uploaded to a web framework.
            content_type: The media type of the file. Default: taken from the file object or its
                name, else from the first bytes of an image, audio or video, else
                `application/octet-stream`.
            file_name: The name of the file. Default: the name that the object has, else a generated
                one.
            lifecycle: How long the file is kept and who may read it, see `StorageSettings`.
                Default: fal's defaults.
            signal: An abort signal that ends the upload. Default: none.

        Returns:
            The URL of the file, to use in an input.

        Raises:
            ConfigError: The file or another argument can't be used; nothing was sent.
            UploadError: The upload failed, or was aborted.
            StreamTimeout: The upload made no progress for `start_timeout` seconds.
        """
        header = lifecycle_header(lifecycle)
        signal = check_signal(signal) or AbortController().signal
        uploader = self._uploader(_limits(self._settings))
        try:
            source = await uploader.prepare("file", file, content_type, file_name, signal)
            return await uploader.upload(source, "file", header, signal)
        except Aborted:
            pass
        raise UploadError("The upload was aborted", file_name=file_name or "")

    @async_result_hints
    async def transform_input(self, input: Any, *, signal: AbortSignal | None = None) -> Any:
        """Upload the files in an input, and return the input with their URLs instead.

        Args:
            input: JSON values, pydantic models, dataclasses and files, at any depth. It is not
                changed. A file that is in it twice is uploaded once.
            signal: An abort signal that ends the uploads. Default: none.

        Returns:
            The input as JSON values, with a URL instead of each file.

        Raises:
            ConfigError: The input contains something else, or a file that can't be used; the
                message names the place, such as `input.images[2]`. Nothing was sent.
            UploadError: An upload failed, or was aborted.
            StreamTimeout: The upload made no progress for `start_timeout` seconds.
        """
        signal = check_signal(signal) or AbortController().signal
        encoded_input = encode_input(input, is_file)
        try:
            return encoded_input.filled(
                await self.upload_found(encoded_input.files, _limits(self._settings), signal)
            )
        except Aborted:
            pass
        raise UploadError("The uploads were aborted", file_name="")

    async def upload_found(
        self, files: Sequence[InputFile], limits: Limits, signal: AbortSignal
    ) -> list[str]:
        """Upload the files of a stream's input, and return their URLs in the same order.

        Args:
            files: The files.
            limits: The time limits of each request.
            signal: Aborts the uploads.

        Raises:
            ConfigError: A file can't be uploaded; nothing was sent.
            UploadError: An upload failed.
            StreamTimeout: A limit has run out.
            Aborted: The signal was aborted.
        """
        try:
            return await self._uploader(limits).upload_all(files, signal)
        except Aborted:
            if signal.aborted:
                raise
        raise UploadError("The storage client was closed", file_name="")

    def _uploader(self, limits: Limits) -> AsyncUploader:
        from .upload import AsyncUploader

        return AsyncUploader(self._settings, self._dispatcher, limits)

    async def aclose(self) -> None:
        """Abort uploads that are still running, and close the connections."""
        await self._sender.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.aclose()

    def __getstate__(self) -> tuple[config_module.Config]:
        self._sender.check_copyable()
        return (self.config,)

    def __setstate__(self, state: tuple[config_module.Config]) -> None:
        AsyncStorageClient.__init__(self, *state)

    @safe_repr
    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._settings.rest_url}>"


# The original methods, because a user's test may patch those of the class.
_METHODS = {name: getattr(AsyncStorageClient, name) for name in ("upload", "transform_input")}


def is_overridden(storage: object, name: str) -> bool:
    """Return whether a storage has a method of its own instead of our storage client's.

    An object that is not a storage client only has an `upload`.

    Args:
        storage: A storage client, one of a subclass, or another object that has an `upload`.
        name: The name of the method: `upload` or `transform_input`.
    """
    if not isinstance(storage, AsyncStorageClient):
        return name == "upload"
    return name in vars(storage) or getattr(type(storage), name) is not _METHODS[name]


def _limits(config: Settings) -> Limits:
    return Limits(start=config.start_timeout, total=config.total_timeout).of_uploads
