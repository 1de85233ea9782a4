"""What shows an object shows one that was never made, too: a traceback with locals does."""

from __future__ import annotations

import enum
import importlib
import inspect
import pkgutil
import traceback
from collections.abc import Callable, Iterator
from typing import Any

import pydantic
import pytest

import fal_stream
from fal_stream import (
    AsyncStorageClient,
    AsyncStreamingClient,
    Config,
    ConfigError,
    ProxyUrlConfig,
    RetryPolicy,
    StorageClient,
    StreamingClient,
)
from fal_stream._shared.file_limits import FileLimits
from fal_stream.testing import LocalFal, Pause, Reply


def classes() -> Iterator[type]:
    """Give the classes of the package whose `__repr__` somebody has written."""
    for info in pkgutil.walk_packages(fal_stream.__path__, "fal_stream."):
        if info.name.endswith("__main__"):
            continue
        module = importlib.import_module(info.name)
        for value in vars(module).values():
            if inspect.isclass(value) and value.__module__ == info.name:
                method = vars(value).get("__repr__")
                # Those of dataclasses and named tuples are made by Python, and have their fields
                # before anything can be refused.
                code = getattr(inspect.unwrap(method), "__code__", None) if method else None
                if code is not None and code.co_filename == module.__file__:
                    yield value


WRITTEN = [
    cls for cls in classes() if not issubclass(cls, enum.Enum) and not cls.__name__.startswith("_")
]


def test_there_are_classes() -> None:
    names = {cls.__name__ for cls in WRITTEN}
    assert names >= {"AsyncStreamingClient", "StreamingClient", "FalStream", "File", "Secret"}
    assert names >= {"StorageClient", "AbortSignal", "RecordedRequest", "Upload"}


@pytest.mark.parametrize("cls", [*WRITTEN, Config], ids=lambda cls: cls.__name__)
@pytest.mark.parametrize("show", [repr, str, "{}".format], ids=["repr", "str", "format"])
def test_one_that_was_not_made_can_be_shown(cls: Any, show: Callable[[Any], str]) -> None:
    text = show(cls.__new__(cls))
    if issubclass(cls, dict):
        assert text == "{}"
    elif cls is Config and show is not repr:
        assert text == ""
    else:
        assert cls.__name__ in text


REFUSED: dict[str, Callable[[], object]] = {
    "client": lambda: StreamingClient(timeout=-1),
    "client with an unknown setting": lambda: StreamingClient(timeouts=1),  # type: ignore[call-arg]
    "client with bad storage": lambda: StreamingClient(storage=3),  # type: ignore[arg-type]
    "client with a bad http_client": lambda: StreamingClient(http_client=3),  # type: ignore[arg-type]
    "asynchronous client": lambda: AsyncStreamingClient(run_url="no"),
    "storage": lambda: StorageClient(max_event_bytes=0),
    "asynchronous storage": lambda: AsyncStorageClient(credentials='"quoted"'),
    "config": lambda: Config(retry=-1),
    "policy": lambda: RetryPolicy(max_retries=-1),
    "proxy": lambda: ProxyUrlConfig("no"),
    "limits": lambda: FileLimits(0),
    "stream": lambda: StreamingClient().stream("acme/app", timeout=-1),
    "endpoint": lambda: StreamingClient().stream("acme"),
    "map": lambda: StreamingClient().stream_map("acme/app", [], concurrency=0),
    "server": lambda: LocalFal(key=""),
    "pause": lambda: Pause(-1),
    "reply": lambda: Reply(status=1),
}


@pytest.mark.parametrize("refused", REFUSED.values(), ids=REFUSED)
def test_a_traceback_with_locals(refused: Callable[[], object]) -> None:
    with pytest.raises(ConfigError) as raised:
        refused()
    step, looked_at = raised.value.__traceback__, 0
    while step is not None:
        for value in step.tb_frame.f_locals.values():
            assert isinstance(repr(value), str)
            looked_at += 1
        step = step.tb_next
    assert looked_at > 1
    shown = traceback.TracebackException.from_exception(raised.value, capture_locals=True)
    assert "Error" in "".join(shown.format())


def test_a_subclass_that_fails_before_it_is_made() -> None:
    class Mine(StreamingClient):
        def __init__(self) -> None:
            raise ValueError(repr(self))

    with pytest.raises(ValueError, match=r"\A<Mine that was not made>\Z"):
        Mine()


def test_a_config_that_was_refused_is_shown_as_pydantic_shows_models() -> None:
    config = Config.__new__(Config)
    assert repr(config) == "Config()"
    assert isinstance(config, pydantic.BaseModel)
