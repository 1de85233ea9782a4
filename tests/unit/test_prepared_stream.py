"""What is sent."""

from __future__ import annotations

import dataclasses
import enum
import json
import re
from typing import Any, cast

import httpx
import pydantic
import pytest

from fal_stream import AbortController, Config, ConfigError, StreamOptions, __version__
from fal_stream._input_files.detect import is_file
from fal_stream._shared.prepared_request import key_use
from fal_stream._shared.prepared_stream import MAX_URL, PreparedStream, prepare_stream
from fal_stream._shared.watchdog import Limits

ANY: Any = object()


def prepared(config: Config | None = None, **options: Any) -> PreparedStream:
    given: Any = options
    return prepare_stream(config or Config(), "acme/app", given)


class Size(pydantic.BaseModel):
    width: int
    height: int = 64


@dataclasses.dataclass
class Prompt:
    text: str
    size: Size


def test_the_plain_request() -> None:
    stream = prepared(input={"prompt": "a fox"})
    made = stream.request
    assert (made.method, made.url) == ("POST", "https://fal.run/acme/app/stream")
    assert made.body == b'{"prompt":"a fox"}'
    assert made.headers == {
        "accept": "text/event-stream",
        "accept-encoding": "identity",
        "content-type": "application/json",
        "user-agent": f"fal_stream/{__version__}",
    }
    assert made.origin == "https://fal.run"
    assert stream.endpoint_id == "acme/app"
    assert stream.app_path == "acme/app/stream"


@pytest.mark.parametrize("value", [0, "", False, [], {}, 1.5, "ü", {"a": [None, True]}])
def test_every_input_is_sent(value: Any) -> None:
    body = prepared(input=value).request.body
    assert isinstance(body, bytes)
    assert json.loads(body) == value


def test_without_input_there_is_no_body() -> None:
    for made in (prepared(), prepared(input=None)):
        assert made.request.body is None
        assert "content-type" not in made.request.headers


def holds_itself() -> Any:
    value: dict[str, Any] = {"list": []}
    value["list"].append(value)
    return value


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"images": [b"x"]}, "input.images[0] is of type bytes, which is not a JSON value: give a"),
        ({"a": {1, 2}}, "input.a is of type set"),
        (object(), "input is of type object"),
        ({"a": [1, {"b": float("nan")}]}, "input.a[1].b=nan has no JSON form"),
        (float("inf"), "input=inf has no JSON form"),
        ({"a": {(1, 2): 3}}, "input.a has the key (1, 2)"),
        (holds_itself(), "input.list[0] contains itself"),
        (Prompt("x", ANY), "input.size is of type object"),
        (Prompt, "input is of type type"),
    ],
)
def test_an_input_that_is_no_json_is_named(value: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(message)):
        prepared(input=value)


def test_a_deep_input_is_refused() -> None:
    value: Any = 0
    for _ in range(100_000):
        value = [value]
    with pytest.raises(ConfigError, match="nested too deeply"):
        prepared(input=value)


def query_of(made: PreparedStream) -> list[tuple[str, str]]:
    return httpx.URL(made.request.url).params.multi_items()


def test_the_input_of_a_get_goes_into_the_query() -> None:
    made = prepared(
        method="get",
        input={"prompt": "a & b", "n": 2, "deep": {"x": [1]}, "flag": False, "none": None},
        query_params={"n": 3, "on": True},
    )
    assert made.request.method == "GET"
    assert made.request.body is None
    assert query_of(made) == [
        ("prompt", "a & b"),
        ("n", "3"),
        ("deep", '{"x": [1]}'),
        ("flag", "false"),
        ("none", "null"),
        ("on", "true"),
    ]


def test_query_parameters_join_those_of_the_address() -> None:
    made = prepared(url="https://fal.run/x?a=1&b=&a=2", query_params={"b": "3", "c": 1.5})
    assert query_of(made) == [("a", "1"), ("a", "2"), ("b", "3"), ("c", "1.5")]


def test_the_query_of_an_address_is_kept_as_it_is() -> None:
    url = "https://fal.run/x?sig=%FF%FE&c&d=a+b&e=%20"
    assert prepared(url=url).request.url == url
    assert prepared(url=url, query_params={"d": "1&2"}).request.url == (
        "https://fal.run/x?sig=%FF%FE&c&e=%20&d=1%262"
    )


def test_headers_of_the_call_go_over_those_of_the_client() -> None:
    config = Config(headers={"X-One": "1", "X-Two": "2"})
    made = prepared(config, headers={"x-two": "3", "User-Agent": "mine"}, accept="audio/wav")
    headers = made.request.headers
    assert headers["x-one"] == "1"
    assert headers["x-two"] == "3"
    assert headers["user-agent"] == "mine"
    assert headers["accept"] == "audio/wav"


@pytest.mark.parametrize(
    ("url", "headers", "key"),
    [
        ("https://fal.run/x", {}, "required"),
        ("http://127.0.0.1/x", {}, "optional"),
        ("https://evil.com/x", {}, "withheld"),
        ("http://fal.run/x", {}, "withheld"),
        ("https://evil.com/x", {"Authorization": "Key mine"}, "own"),
    ],
)
def test_what_happens_to_the_key(url: str, headers: dict[str, str], key: str) -> None:
    request = prepared(url=url, headers=headers).request
    assert key_use(Config(), request.url, request.headers) == key


async def _later(chunk: Any) -> bool:
    return True


def test_is_final_is_a_plain_function() -> None:
    with pytest.raises(ConfigError, match="is_final is an async function: give a plain one"):
        prepared(is_final=_later)


def test_limits_of_the_call_go_before_those_of_the_client() -> None:
    config = Config(timeout=1, event_timeout=2, start_timeout=3, total_timeout=4)
    limits = prepared(config, timeout=5, start_timeout=None).limits
    assert (limits.idle, limits.event, limits.start, limits.total) == (5, 2, None, 4)
    limits = prepared(
        config, timeout=None, start_timeout=6, event_timeout=7, total_timeout=8
    ).limits
    assert (limits.idle, limits.event, limits.start, limits.total) == (None, 7, 6, 8)
    assert prepared(config).limits.start == 3


def test_the_limits_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    def limits(endpoint_id: str, config: Config, **options: Any) -> Limits:
        return prepare_stream(config, endpoint_id, cast("StreamOptions", options)).limits

    default = Limits(300, 15, 300, None, idle_grace=1.5, idle_from_first_chunk=True)
    assert limits("acme/app", Config()) == default
    for given in (
        limits("acme/app", Config(timeout=15)),
        limits("acme/app", Config(), timeout=15),
        limits("workflows/acme/app", Config(timeout=15, event_timeout=300)),
        limits("workflows/acme/app", Config(), timeout=15, event_timeout=300),
    ):
        assert given == Limits(300, 15, 300, None, idle_grace=1.5)
    flow = limits("workflows/acme/app", Config())
    assert (flow.idle, flow.event, flow.idle_grace) == (None, 3600, 0)
    assert limits("workflows/acme/app", Config(), timeout=None).idle is None
    assert limits("comfy/acme/app", Config()) == default
    assert limits("acme/app", Config(), timeout=4).idle_grace == 0.4
    monkeypatch.setenv("FAL_STREAM_TIMEOUT", "20")
    monkeypatch.setenv("FAL_STREAM_EVENT_TIMEOUT", "60")
    flow = limits("workflows/acme/app", Config())
    assert (flow.idle, flow.event, flow.idle_from_first_chunk) == (20, 60, False)


def test_the_repr_of_a_plan_holds_no_header_and_no_address() -> None:
    made = prepared(
        url="https://fal.run/x?fal_jwt_token=hidden", headers={"authorization": "hidden"}
    )
    assert "hidden" not in repr(made)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"inptu": {}}, "Unknown option 'inptu'; did you mean 'input'?"),
        ({"arguments": {}}, "Unknown option 'arguments'; did you mean 'input'?"),
        ({"method": "FETCH"}, "method='FETCH' is not known; there are: DELETE, GET"),
        ({"method": 3}, "method=3 is not known"),
        ({"credentials": "x"}, "'credentials'; it belongs to the settings of the client"),
        ({"output": 3}, "Unknown option 'output'; did you mean 'output_type'?"),
        ({"priority": "high"}, "priority='high' is not known; there are: 'normal', 'low'"),
        ({"hint": "a\nb"}, "hint must be a string of printable ASCII"),
        ({"hint": 3}, "hint must be a string of printable ASCII"),
        ({"start_timeout": 0}, "start_timeout=0 is not a time limit"),
        ({"event_timeout": 0}, "event_timeout=0 is not a time limit"),
        ({"auto_upload": 1}, "auto_upload=1 must be True or False"),
        ({"raise_error_events": None}, "raise_error_events=None must be True or False"),
        ({"is_final": 3}, "is_final=3 can't be called"),
        (
            {"connection_mode": "browser"},
            "connection_mode='browser' is not known; there are: 'server', 'client'",
        ),
        (
            {"connection_mode": "client", "token_provider": "hidden"},
            "token_provider is a str: give a function that returns a token",
        ),
        (
            {"connection_mode": "client", "url": "https://a.com/x"},
            (
                "connection_mode='client' would send a token to https://a.com, which is not one of "
                "fal's hosts or is not reached over https: name the host in trusted_hosts if it "
                "may have it"
            ),
        ),
        (
            {"query_params": {"a": "\ud800"}},
            "query_params['a'] can't be part of an address: 'utf-8'",
        ),
        (
            {"query_params": {"a": 10**5000}},
            "query_params['a'] can't be part of an address: Exceeds",
        ),
        ({"method": "GET", "input": {"a": "\ud800"}}, "input['a'] can't be part of an address"),
        (
            {"query_params": {"a": None}},
            "query_params['a'] must be a string, a number or a boolean, not a NoneType",
        ),
        ({"url": "fal.run/x"}, "url='fal.run/x' is not an http or https address"),
        ({"url": "https://a.com/x?token=y z"}, "url='https://a.com/x' is not an http"),
        ({"url": 3}, "url=3 is not an address"),
        ({"path": "/../x"}, "path='/../x' is not the path of an endpoint: give what follows"),
        (
            {"path": "/audio", "url": "https://fal.run/x"},
            (
                "path='/audio' can't be combined with url, which is the whole address: "
                "give one of them"
            ),
        ),
        (
            {"query_params": "a=b"},
            "query_params must be a mapping of names to values, not a str",
        ),
        (
            {"query_params": {"a": [1]}},
            "query_params['a'] must be a string, a number or a boolean, not a list",
        ),
        ({"headers": {"x": "ü"}}, "headers['x'] must be a string of printable ASCII"),
        ({"headers": {"Host": "evil.com"}}, "headers has 'Host', which the HTTP connection"),
        ({"accept": "a\r\nb"}, "accept must be a string of printable"),
        ({"timeout": -1}, "timeout=-1 is not a time limit"),
        ({"total_timeout": "1"}, "total_timeout='1' is not a time limit"),
        ({"signal": 3}, "signal=3 is not an AbortSignal: give the signal of an AbortController"),
    ],
)
def test_a_bad_option_is_named_with_its_value_and_the_way_out(
    options: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError, match=re.escape(message)):
        prepared(**options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"method": "GET", "input": [1]},
            "input of a GET goes into the query: give an object with named fields",
        ),
        ({"token_provider": str}, "token_provider needs connection_mode='client'"),
    ],
)
def test_mistakes_without_a_value(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        prepared(**options)
    assert str(caught.value) == message


def test_messages_show_no_token() -> None:
    cases: list[dict[str, Any]] = [
        {"token_provider": "hidden"},
        {"query_params": "fal_jwt_token=hidden"},
    ]
    for options in cases:
        with pytest.raises(ConfigError) as caught:
            prepared(**options)
        assert "hidden" not in str(caught.value)


def test_a_type_that_cannot_be_validated_is_refused() -> None:
    class Plain:
        pass

    with pytest.raises(ConfigError, match=r"output_type=.*Plain.* is not a type that pydantic"):
        prepare_stream(Config(), "acme/app", {}, Plain)


class Mode(str, enum.Enum):
    FAST = "fast"


def test_enums_are_sent_by_their_values() -> None:
    assert query_of(prepared(query_params={"mode": Mode.FAST})) == [("mode", "fast")]
    assert query_of(prepared(method="GET", input={"mode": Mode.FAST})) == [("mode", "fast")]
    assert prepared(input={"mode": Mode.FAST}).request.body == b'{"mode":"fast"}'


def test_yes_and_no_in_a_query() -> None:
    assert query_of(prepared(query_params={"a": True, "b": False})) == [
        ("a", "true"),
        ("b", "false"),
    ]


def test_a_parameter_without_a_value_is_replaced_too() -> None:
    made = prepared(
        url="https://fal.run/x?a&b=1=2&c=3", query_params={"a": "4", "b=1": "5", "c": "6"}
    )
    assert made.request.url == "https://fal.run/x?b=1=2&a=4&b%3D1=5&c=6"


def test_an_address_has_a_longest() -> None:
    start = "https://fal.run/acme/app/stream?a="
    longest = "x" * (MAX_URL - len(start))
    assert len(prepared(query_params={"a": longest}).request.url) == MAX_URL
    with pytest.raises(ConfigError) as caught:
        prepared(query_params={"a": longest + "x"})
    assert str(caught.value) == (
        "The address with its query has 65,537 characters, more than 65,536: send the input by POST"
    )


def test_what_is_decided_by_default() -> None:
    config = Config(max_event_bytes=1000)
    stream = prepare_stream(config, "acme/app", {}, int)
    assert stream.output_type is int
    assert stream.decode_json("3") == 3
    assert stream.max_event_bytes == 1000
    assert stream.alias == "app"
    assert stream.is_final is None
    assert stream.raise_error_events is True
    assert stream.is_workflow is False
    assert stream.with_token is False
    assert stream.token_provider is None
    assert stream.files == ()


def test_what_the_options_decide() -> None:
    def is_final(chunk: Any) -> bool:
        return True

    def provider(app: str) -> str:
        return "token"

    stream = prepare_stream(
        Config(),
        "workflows/acme/app",
        {
            "is_final": is_final,
            "raise_error_events": False,
            "connection_mode": "client",
            "token_provider": provider,
            "signal": AbortController().signal,
        },
    )
    assert stream.is_final is is_final
    assert stream.raise_error_events is False
    assert stream.is_workflow is True
    assert stream.with_token is True
    assert stream.token_provider is provider
    assert prepare_stream(Config(), "comfy/acme/app", {}).is_workflow is False


def test_a_token_goes_to_a_host_that_is_trusted() -> None:
    config = Config(trusted_hosts={"a.com"})
    assert prepared(config, connection_mode="client", url="https://a.com/x").with_token


class Unhashable:
    __hash__ = None  # type: ignore[assignment]

    def __call__(self, app: str) -> str:
        return "token"


def test_a_provider_is_a_key_to_its_tokens() -> None:
    # What one function gave must not serve another, so it has to be told from others.
    with pytest.raises(ConfigError, match="token_provider is a Unhashable: give a function"):
        prepared(connection_mode="client", token_provider=Unhashable())


@pytest.mark.parametrize(
    ("config", "options", "header"),
    [
        (Config(), {}, None),
        (Config(start_timeout=7), {}, "7"),
        (Config(start_timeout=7), {"start_timeout": 8}, "8"),
        (Config(start_timeout=7), {"start_timeout": None}, None),
        (Config(), {"start_timeout": 2.5}, "2.5"),
        (Config(), {"start_timeout": 1.5}, "1.5"),
        (Config(), {"start_timeout": 3.0}, "3"),
        (Config(), {"start_timeout": 1}, None),
        (Config(), {"start_timeout": 0.5}, None),
    ],
)
def test_the_server_is_told_the_start_limit(
    config: Config, options: dict[str, Any], header: str | None
) -> None:
    assert prepared(config, **options).request.headers.get("x-fal-request-timeout") == header


def test_what_fal_is_told_in_headers() -> None:
    headers = prepared(priority="low", hint=" lora-1 ").request.headers
    assert headers["x-fal-queue-priority"] == "low"
    assert headers["x-fal-runner-hint"] == "lora-1"
    assert prepared(priority="normal").request.headers["x-fal-queue-priority"] == "normal"
    plain = prepared(priority=None, hint=None).request.headers
    assert "x-fal-queue-priority" not in plain
    assert "x-fal-runner-hint" not in plain


def with_files(config: Config | None = None, **options: Any) -> PreparedStream:
    given: Any = options
    return prepare_stream(config or Config(), "acme/app", given, is_file=is_file)


def test_files_are_sent_as_addresses() -> None:
    options: Any = {"query_params": {"q": "1"}, "headers": {"x-one": "2"}, "priority": "low"}
    stream = with_files(input={"image": b"x", "also": [b"y"]}, **options)
    assert [found.place for found in stream.files] == ["input.image", "input.also[0]"]
    assert stream.request.body is None
    sent = stream.with_files(["https://a.com/1", "https://a.com/2"])
    expected = prepared(input={"image": "https://a.com/1", "also": ["https://a.com/2"]}, **options)
    assert sent.request == expected.request
    assert sent.query == expected.query == {"q": "1"}
    assert dataclasses.replace(sent, request=stream.request) == stream


def test_files_of_a_get_are_sent_as_addresses() -> None:
    stream = with_files(method="GET", input={"image": b"x"})
    assert query_of(stream) == []
    assert query_of(stream.with_files(["https://a.com/1"])) == [("image", "https://a.com/1")]


def test_files_are_not_uploaded_against_ones_will() -> None:
    message = r"^input\.a is a file \(bytes, 1 byte\)"
    with pytest.raises(ConfigError, match=message):
        with_files(auto_upload=False, input={"a": b"x"})
    assert with_files(auto_upload=False, input={"a": 1}).request.body == b'{"a":1}'
