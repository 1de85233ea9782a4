"""What is sent."""

from __future__ import annotations

import dataclasses
import enum
import json
import re
from typing import Any

import httpx
import pydantic
import pytest

from fal_stream import AbortController, Config, ConfigError, __version__
from fal_stream._shared.outgoing import key_use
from fal_stream._shared.request import StreamPlan, plan_stream

ANY: Any = object()


def plan(config: Config | None = None, **options: Any) -> StreamPlan:
    given: Any = options
    return plan_stream(config or Config(), "acme/app", given)


class Size(pydantic.BaseModel):
    width: int
    height: int = 64


@dataclasses.dataclass
class Prompt:
    text: str
    size: Size


def test_the_plain_request() -> None:
    stream = plan(input={"prompt": "a fox"})
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
    body = plan(input=value).request.body
    assert isinstance(body, bytes)
    assert json.loads(body) == value


def test_without_input_there_is_no_body() -> None:
    for made in (plan(), plan(input=None)):
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
        (holds_itself(), "input.list[0] holds itself"),
        (Prompt("x", ANY), "input.size is of type object"),
        (Prompt, "input is of type type"),
    ],
)
def test_an_input_that_is_no_json_is_named(value: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(message)):
        plan(input=value)


def test_a_deep_input_is_refused() -> None:
    value: Any = 0
    for _ in range(100_000):
        value = [value]
    with pytest.raises(ConfigError, match="nested too deeply"):
        plan(input=value)


def query_of(made: StreamPlan) -> list[tuple[str, str]]:
    return httpx.URL(made.request.url).params.multi_items()


def test_the_input_of_a_get_goes_into_the_query() -> None:
    made = plan(
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
    made = plan(url="https://fal.run/x?a=1&b=&a=2", query_params={"b": "3", "c": 1.5})
    assert query_of(made) == [("a", "1"), ("a", "2"), ("b", "3"), ("c", "1.5")]


def test_the_query_of_an_address_is_kept_as_it_is() -> None:
    url = "https://fal.run/x?sig=%FF%FE&c&d=a+b&e=%20"
    assert plan(url=url).request.url == url
    assert plan(url=url, query_params={"d": "1&2"}).request.url == (
        "https://fal.run/x?sig=%FF%FE&c&e=%20&d=1%262"
    )


def test_headers_of_the_call_go_over_those_of_the_client() -> None:
    config = Config(headers={"X-One": "1", "X-Two": "2"})
    made = plan(config, headers={"x-two": "3", "User-Agent": "mine"}, accept="audio/wav")
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
    request = plan(url=url, headers=headers).request
    assert key_use(Config(), request.url, request.headers) == key


async def _later(chunk: Any) -> bool:
    return True


def test_is_final_is_a_plain_function() -> None:
    with pytest.raises(ConfigError, match="is_final is an async function: give a plain one"):
        plan(is_final=_later)


def test_limits_of_the_call_go_before_those_of_the_client() -> None:
    config = Config(timeout=1, event_timeout=2, start_timeout=3, total_timeout=4)
    limits = plan(config, timeout=5, start_timeout=None).limits
    assert (limits.idle, limits.event, limits.start, limits.total) == (5, 2, None, 4)


def test_the_repr_of_a_plan_holds_no_header_and_no_address() -> None:
    made = plan(url="https://fal.run/x?fal_jwt_token=hidden", headers={"authorization": "hidden"})
    assert "hidden" not in repr(made)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"inptu": {}}, "Unknown option 'inptu'; did you mean 'input'?"),
        ({"arguments": {}}, "Unknown option 'arguments'; did you mean 'input'?"),
        ({"method": "FETCH"}, "method='FETCH' is not known; there are: DELETE, GET"),
        ({"method": 3}, "method=3 is not known"),
        ({"url": "fal.run/x"}, "url='fal.run/x' is not an http or https address"),
        ({"url": "https://a.com/x?token=y z"}, "url='https://a.com/x' is not an http"),
        ({"url": 3}, "url=3 is not an address"),
        ({"query_params": "a=b"}, "query_params must be a mapping"),
        (
            {"query_params": {"a": [1]}},
            "query_params['a'] must be a string, a number",
        ),
        ({"method": "GET", "input": [1]}, "input of a GET goes into the query: give an object"),
        ({"headers": {"x": "ü"}}, "headers['x'] must be a string of printable ASCII"),
        ({"headers": {"Host": "evil.com"}}, "headers has 'Host', which the HTTP connection"),
        ({"accept": "a\r\nb"}, "accept must be a string of printable"),
        ({"timeout": -1}, "timeout=-1 is not a time limit"),
        ({"total_timeout": "1"}, "total_timeout='1' is not a time limit"),
        ({"signal": AbortController()}, "is not an AbortSignal: give controller.signal"),
    ],
)
def test_a_bad_option_is_named_with_its_value_and_the_way_out(
    options: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError, match=re.escape(message)):
        plan(**options)


def test_a_type_that_cannot_be_validated_is_refused() -> None:
    class Plain:
        pass

    with pytest.raises(ConfigError, match=r"output_type=.*Plain.* is not a type that pydantic"):
        plan_stream(Config(), "acme/app", {}, Plain)


class Mode(str, enum.Enum):
    FAST = "fast"


def test_enums_are_sent_by_their_values() -> None:
    assert query_of(plan(query_params={"mode": Mode.FAST})) == [("mode", "fast")]
    assert query_of(plan(method="GET", input={"mode": Mode.FAST})) == [("mode", "fast")]
    assert plan(input={"mode": Mode.FAST}).request.body == b'{"mode":"fast"}'
