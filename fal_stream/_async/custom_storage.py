"""Upload the files of an input with the user's own storage object (`storage=`).

Promises: `upload` is called once for each file, for several files concurrently, as our own uploader
does it. Its result is checked. An exception that it raises becomes the cause of an error that tells
the place of the file in the input.
"""

from __future__ import annotations

import inspect
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from .._checks import short_repr
from .._input_files.detect import safe_getattr
from .._net.async_exchange import async_new_exchange
from .._net.flavour_pairs import async_check_function
from .._net.storage_protocol import AsyncStorage, async_call_storage
from .._shared import upload_protocol
from .._shared.prepared_stream import PreparedStream
from .._shared.watchdog import Limits, Watchdog
from .._signal_errors import raised_by_signal_handler
from ..abort import AbortController, AbortSignal, call_on_abort
from ..errors import ConfigError, FalStreamError, UploadError
from .http.sender import AsyncSender
from .run_limited import async_run_limited
from .storage import AsyncStorageClient, is_overridden


def check_storage(storage: object) -> None:
    """Check that a storage object has an `upload` that can be called with just a file.

    Raises:
        ConfigError: It doesn't.
    """
    upload = safe_getattr(storage, "upload")
    reason = ""
    if isinstance(storage, type):
        reason = "is a class: give an object of it"
    elif not callable(upload):
        reason = "has no method upload"
    else:
        async_check_function("storage.upload", upload)
        parameters = _parameters(upload)
        needed = [one.name for one in parameters if _is_needed(one)]
        takes = [one for one in parameters if one.kind in _POSITIONAL]
        if not takes or len(needed) > 1 or (needed and needed[0] != takes[0].name):
            reason = "has an upload that can't be called with a file alone"
    if reason:
        raise ConfigError(
            f"storage={short_repr(storage)} {reason}; a storage has upload(file), which returns "
            "the address of the file: a StorageClient, a subclass of it, or an object of yours"
        )


_POSITIONAL = (
    inspect.Parameter.POSITIONAL_ONLY,
    inspect.Parameter.POSITIONAL_OR_KEYWORD,
    inspect.Parameter.VAR_POSITIONAL,
)
_VARIABLE = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
_ANYTHING = inspect.Parameter("file", inspect.Parameter.VAR_POSITIONAL)


def _is_needed(parameter: inspect.Parameter) -> bool:
    # `signal` is passed only if `upload` has such a parameter.
    is_given = parameter.kind in _VARIABLE or parameter.name == "signal"
    return parameter.default is inspect.Parameter.empty and not is_given


def _parameters(function: Callable[..., Any]) -> list[inspect.Parameter]:
    try:
        return list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):
        return [_ANYTHING]  # functions written in C may have no signature


async def upload_with_storage(
    storage: AsyncStorage, prepared: PreparedStream, sender: AsyncSender, signal: AbortSignal
) -> PreparedStream:
    """Upload the files of a stream's input with the user's own storage object.

    Args:
        storage: The storage. If it is a storage client that overrides `transform_input`, that is
            called, else `upload` for each file.
        prepared: The stream.
        sender: Closing it aborts the uploads.
        signal: Aborts the uploads.

    Returns:
        The stream, with URLs in the places of the files.

    Raises:
        UploadError: The storage raised an exception, or returned something that is not a URL.
        FalStreamError: The storage raised this error.
        Aborted: The signal was aborted.
        Expired: The total limit has run out.
    """
    group = AbortController()
    calls = _Calls(sender, Limits(total=prepared.limits.total), group.signal)
    unsubscribe = call_on_abort(signal, group.abort)
    try:
        if is_overridden(storage, "transform_input"):
            assert isinstance(storage, AsyncStorageClient), "others have an upload only"
            assert prepared.encoded_input is not None, "it has files"
            given = prepared.encoded_input.filled([found.file for found in prepared.files])
            return prepared.with_input(await calls.call(storage.transform_input, given, "input"))
        jobs = [
            partial(calls.call, storage.upload, found.file, found.place) for found in prepared.files
        ]
        addresses = await async_run_limited(jobs, upload_protocol.FILES_AT_ONCE, group.abort)
    finally:
        unsubscribe()
    checked = [
        _checked(one, found.place) for one, found in zip(addresses, prepared.files, strict=True)
    ]
    return prepared.with_files(checked)


class _Calls:
    """Calls methods of a storage, each in an exchange that the signal and the client can abort."""

    def __init__(self, sender: AsyncSender, limits: Limits, signal: AbortSignal) -> None:
        self._sender = sender
        self._limits = limits
        self._signal = signal

    async def call(self, method: Callable[..., Any], argument: object, place: str) -> Any:
        """Call a method, with the abort signal if it has a parameter `signal`."""
        takes_signal = any(one.name == "signal" for one in _parameters(method))
        options = {"signal": self._signal} if takes_signal else {}
        exchange = async_new_exchange(Watchdog(self._limits, time.monotonic))
        self._sender.register(exchange)
        unsubscribe = call_on_abort(self._signal, exchange.abort)
        try:
            return await exchange.call(_guarded, method, argument, options, place)
        finally:
            self._sender.unregister(exchange)
            unsubscribe()


async def _guarded(
    method: Callable[..., Any], argument: object, options: Mapping[str, Any], place: str
) -> Any:
    try:
        return await async_call_storage(method, argument, options)
    except FalStreamError:
        raise
    except Exception as cause:
        if raised_by_signal_handler(cause) is not None:
            raise
        raise UploadError(
            f"{place} could not be uploaded: the storage's {_name_of(method)} raised "
            f"{type(cause).__name__}, which is the cause of this",
            file_name="",
            place=place,
        ) from cause


def _name_of(method: object) -> str:
    return str(getattr(method, "__name__", "upload"))


def _checked(address: object, place: str) -> str:
    if isinstance(address, str) and address.isprintable():
        is_data = address[:5].lower() == "data:"
        is_http = address[:8].lower().startswith(("https://", "http://"))
        if is_data or (is_http and len(address) <= upload_protocol.MAX_URL_LENGTH):
            return address
    raise UploadError(
        f"{place} could not be uploaded: storage.upload returned {short_repr(address)}, which is "
        "no address: return one that begins with https://",
        file_name="",
        place=place,
    )
