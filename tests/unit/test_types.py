"""The small types that everything shares."""

from __future__ import annotations

import inspect
import pickle
from typing import get_args, get_type_hints

import pytest

from fal_stream import Config, ServerSentEvent, StreamEventType, StreamOptions


def test_an_event_has_defaults() -> None:
    event = ServerSentEvent("message", "1")
    assert (event.event, event.data, event.id, event.retry) == ("message", "1", "", None)
    assert pickle.loads(pickle.dumps(event)) == event


@pytest.mark.parametrize(
    ("data", "value"), [("0", 0), ('""', ""), ("null", None), ('{"a": [1]}', {"a": [1]})]
)
def test_an_event_decodes_its_data(data: str, value: object) -> None:
    assert ServerSentEvent("message", data).json() == value


@pytest.mark.parametrize("data", ["", "[DONE]", "{"])
def test_an_event_that_is_no_json(data: str) -> None:
    with pytest.raises(ValueError, match="line 1 column"):
        ServerSentEvent("message", data).json()


def test_the_options_are_those_of_the_design() -> None:
    assert set(get_type_hints(StreamOptions)) == {
        "accept",
        "auto_upload",
        "connection_mode",
        "event_timeout",
        "headers",
        "hint",
        "input",
        "is_final",
        "method",
        "path",
        "priority",
        "query_params",
        "raise_error_events",
        "signal",
        "start_timeout",
        "timeout",
        "token_provider",
        "total_timeout",
        "url",
    }
    assert not StreamOptions.__required_keys__


def test_each_option_and_setting_is_documented() -> None:
    for kind in (StreamOptions, Config):
        text = inspect.getdoc(kind) or ""
        for name in get_type_hints(kind):
            assert name == "model_config" or f"    {name}: " in text


def test_what_can_be_listened_to() -> None:
    assert get_args(StreamEventType) == ("data", "message", "error", "done")


def test_an_event_that_is_nested_too_deeply_is_no_json_either() -> None:
    with pytest.raises(ValueError, match="nested too deeply"):
        ServerSentEvent("message", "[" * 100_000).json()
