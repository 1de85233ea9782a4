"""What an app is given: the body of the request, or its query."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pydantic
import pytest

from fal_stream import AsyncStreamingClient, ConfigError
from fal_stream.testing import LocalFal


class Prompt(pydantic.BaseModel):
    text: str
    size: tuple[int, int] = (1, 2)


@dataclasses.dataclass
class Mask:
    mask: bytes


@dataclasses.dataclass
class Size:
    width: int
    prompt: Prompt | Mask | None = None


@pytest.fixture(autouse=True)
def echo(fal: LocalFal) -> None:
    """An app that tells whether it was given something."""
    fal.add("acme/echo", lambda request: [bool(request.body)])


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        (0, 0),
        ("", ""),
        (False, False),
        ([], []),
        ({}, {}),
        (1.5, 1.5),
        ((1, (2, 3)), [1, [2, 3]]),
        ({"a": {"b": [None, True, "ä 🦊"]}}, {"a": {"b": [None, True, "ä 🦊"]}}),
        ({1: 2}, {"1": 2}),
        (Prompt(text="a fox"), {"text": "a fox", "size": [1, 2]}),
        (Size(3, Prompt(text="")), {"width": 3, "prompt": {"text": "", "size": [1, 2]}}),
        ({"sizes": [Size(1)]}, {"sizes": [{"width": 1, "prompt": None}]}),
        ("\ud800", "\ud800"),
        ("a\u2028\n\"'\\\0", "a\u2028\n\"'\\\0"),
        (10**40, 10**40),
    ],
)
async def test_the_input_is_the_body(
    fal: LocalFal, client: AsyncStreamingClient, given: object, sent: object
) -> None:
    assert await client.stream("acme/echo", input=given).done() is True
    (request,) = fal.requests
    assert request.method == "POST"
    assert repr(request.json()) == repr(sent)
    assert request.headers["content-type"] == "application/json"
    assert request.headers["content-length"] == str(len(request.body))


async def test_big_input(fal: LocalFal, client: AsyncStreamingClient) -> None:
    picture = {"image": "x" * 20_000_000}
    assert await client.stream("acme/echo", input=picture).done() is True
    assert fal.requests[0].json() == picture


@pytest.mark.parametrize("options", [{}, {"input": None}])
async def test_no_input_is_no_body(
    fal: LocalFal, client: AsyncStreamingClient, options: dict[str, Any]
) -> None:
    assert await client.stream("acme/echo", **options).done() is False
    (request,) = fal.requests
    assert request.method == "POST"
    assert "content-type" not in request.headers
    assert request.headers["content-length"] == "0"


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
async def test_other_methods_have_a_body(
    fal: LocalFal, client: AsyncStreamingClient, method: str
) -> None:
    assert await client.stream("acme/echo", input={"a": 1}, method=method).done() is True
    assert (fal.requests[0].method, fal.requests[0].json()) == (method, {"a": 1})


async def test_the_input_of_a_get_is_the_query(fal: LocalFal, client: AsyncStreamingClient) -> None:
    given = {"text": "a b&c=ä?#/", "n": 0, "no": False, "none": None, "list": [1, "x"], "": "e"}
    stream = client.stream("acme/echo", input=given, method="GET")
    assert await stream.done() is False
    (request,) = fal.requests
    assert request.method == "GET"
    assert request.path == "/acme/echo/stream"
    assert "content-type" not in request.headers
    assert request.query.pop("text") == "a b&c=ä?#/"
    assert request.query.pop("") == "e"
    assert {name: json.loads(value) for name, value in request.query.items()} == {
        "n": 0,
        "no": False,
        "none": None,
        "list": [1, "x"],
    }


async def test_query_params_come_over_the_input_of_a_get(
    fal: LocalFal, client: AsyncStreamingClient
) -> None:
    await client.stream(
        "acme/echo", input=Size(1), method="get", query_params={"width": 2, "b": "3"}
    ).done()
    assert fal.requests[0].query == {"width": "2", "prompt": "null", "b": "3"}


LOOP: list[Any] = []
LOOP.append(LOOP)


@pytest.mark.parametrize(
    ("given", "place"),
    [
        (object(), r"input is of type object"),
        ({"a": [1, {"b": {1, 2}}]}, r"input\.a\[1\]\.b is of type set"),
        (float("nan"), r"input=nan has no JSON form"),
        ({"x": [float("inf")]}, r"input\.x\[0\]=inf"),
        ({"x": {(1, 2): 3}}, r"input\.x has the key \(1, 2\)"),
        (Size, r"input is of type type"),
        (LOOP, r"input(\[0\])+ contains itself"),
    ],
)
@pytest.mark.parametrize("method", ["POST", "GET"])
async def test_input_that_is_no_json(
    fal: LocalFal, client: AsyncStreamingClient, given: object, place: str, method: str
) -> None:
    with pytest.raises(ConfigError, match=place):
        client.stream("acme/echo", input=given, method=method)
    assert fal.requests == []


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (b"bytes", r"input is a file \(bytes, 5 bytes\): leave auto_upload on"),
        ({"images": [{}, {"url": b"b"}]}, r"input\.images\[1\]\.url is a file \(bytes, 1 byte\)"),
        ({"file": Path("a.png")}, r"input\.file is a file \(\w*Path\('a\.png'\)\)"),
        (Size(1, Mask(b"3")), r"input\.prompt\.mask is a file \(bytes, 1 byte\)"),
    ],
)
@pytest.mark.parametrize("method", ["POST", "GET"])
async def test_files_where_nothing_is_uploaded(
    fal: LocalFal, client: AsyncStreamingClient, given: object, message: str, method: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        client.stream("acme/echo", input=given, method=method, auto_upload=False)
    assert fal.requests == []


@pytest.mark.parametrize("given", [0, "text", [1], False])
async def test_a_get_takes_named_fields_only(
    fal: LocalFal, client: AsyncStreamingClient, given: object
) -> None:
    with pytest.raises(ConfigError, match="input of a GET"):
        client.stream("acme/echo", input=given, method="GET")
    assert fal.requests == []


async def test_the_input_is_taken_when_the_stream_is_made(
    fal: LocalFal, client: AsyncStreamingClient
) -> None:
    given = {"n": 1}
    stream = client.stream("acme/echo", input=given)
    given["n"] = 2
    await stream.done()
    assert fal.requests[0].json() == {"n": 1}
