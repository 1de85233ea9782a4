"""Files in what a field declares as a union: sent as the member that fits says."""

from __future__ import annotations

import dataclasses
import datetime as dt
import io
import json
from pathlib import Path
from typing import Annotated, Any, Generic, Literal, NamedTuple, TypeVar

import pydantic
import pytest
from pydantic import Field, PlainSerializer
from typing_extensions import TypedDict

from fal_stream import AsyncStreamingClient
from fal_stream.testing import LocalFal

T = TypeVar("T")

WHEN = dt.datetime(2026, 1, 2, tzinfo=dt.timezone.utc)
Year = Annotated[dt.datetime, PlainSerializer(lambda when: when.year)]


class Portrait(TypedDict):
    image: Annotated[bytes, Field(serialization_alias="image_url")]
    from_: Annotated[str, Field(serialization_alias="from")]
    when: Year


class Cat(TypedDict):
    kind: Literal["cat"]
    photo: Annotated[bytes, Field(serialization_alias="photo_url")]


class Dog(TypedDict):
    kind: Literal["dog"]
    name: str


class OnDisk(TypedDict):
    file: Annotated[Path, Field(serialization_alias="file_url")]


class Of(TypedDict, Generic[T]):
    item: Annotated[T, Field(serialization_alias="theItem")]


class Layer(pydantic.BaseModel):
    image: bytes = Field(serialization_alias="image_url")


@dataclasses.dataclass
class Plain:
    image: Annotated[bytes, Field(serialization_alias="image_url")]


class Around(TypedDict):
    layer: Annotated[Layer, Field(serialization_alias="theLayer")]
    plain: Annotated[Plain, Field(serialization_alias="thePlain")]
    from_: Annotated[str, Field(serialization_alias="from")]


class Row(NamedTuple):
    image: bytes
    number: int


PORTRAIT = {"image": b"face", "from_": "me", "when": WHEN}
SENT_PORTRAIT = {"image_url": "face", "from": "me", "when": 2026}

CASES: dict[str, tuple[Any, Any, Any]] = {
    "first": (Portrait | int, PORTRAIT, SENT_PORTRAIT),
    "last": (int | Portrait, PORTRAIT, SENT_PORTRAIT),
    "beside a text": (Portrait | str, PORTRAIT, SENT_PORTRAIT),
    "in a list": (list[int | Portrait], [1, PORTRAIT, 2], [1, SENT_PORTRAIT, 2]),
    "in a mapping": (dict[str, Portrait | int], {"a": PORTRAIT}, {"a": SENT_PORTRAIT}),
    "nested": (
        list[Annotated[Portrait | None, Field(description="x")] | dict[str, Portrait | int]],
        [{"a": PORTRAIT}, PORTRAIT],
        [{"a": SENT_PORTRAIT}, SENT_PORTRAIT],
    ),
    "by a discriminator": (
        Annotated[Cat | Dog, Field(discriminator="kind")],
        {"kind": "cat", "photo": b"cat"},
        {"kind": "cat", "photo_url": "cat"},
    ),
    "a path": (OnDisk | int, {"file": Path("FILE")}, {"file_url": "on disk"}),
    "two of them": (OnDisk | Cat, {"file": Path("FILE")}, {"file_url": "on disk"}),
    "generic": (Of[bytes] | int, {"item": b"x"}, {"theItem": "x"}),
    "generic in a list": (list[Of[Path]] | Of[Any], [{"item": Path("FILE")}], None),
    "an open file": (Of[Any] | int, {"item": io.BytesIO(b"1\n2")}, {"theItem": "1\n2"}),
    "models in it": (
        Around | int,
        {"layer": Layer(image=b"1"), "plain": Plain(b"2"), "from_": "me"},
        {"theLayer": {"image_url": "1"}, "thePlain": {"image_url": "2"}, "from": "me"},
    ),
    "a model": (Layer | int, Layer(image=b"1"), {"image_url": "1"}),
    "a model or a mapping": (Layer | Portrait, PORTRAIT, SENT_PORTRAIT),
    "a dataclass": (Plain | int, Plain(b"1"), {"image_url": "1"}),
    "a named tuple": (Row | int, Row(b"1", 2), ["1", 2]),
}


@pytest.mark.parametrize(("kind", "value", "wanted"), CASES.values(), ids=CASES)
async def test_members_of_unions(
    fal: LocalFal,
    client: AsyncStreamingClient,
    tmp_path: Path,
    kind: Any,
    value: Any,
    wanted: Any,
) -> None:
    file = tmp_path / "file.txt"
    file.write_bytes(b"on disk")
    if value == {"file": Path("FILE")}:
        value = {"file": file}
    elif value == [{"item": Path("FILE")}]:
        value, wanted = [{"item": file}], [{"theItem": "on disk"}]
    model: Any = pydantic.create_model("Request", value=(kind, ...))
    given = model.model_construct(value=value)
    fal.add("acme/echo", lambda request: [request.input])
    sent: Any = await client.stream("acme/echo", input=given).done()
    assert fal.uploads
    assert with_content(fal, sent) == {"value": wanted}


def with_content(fal: LocalFal, value: Any) -> Any:
    if isinstance(value, dict):
        return {key: with_content(fal, item) for key, item in value.items()}
    if isinstance(value, list):
        return [with_content(fal, item) for item in value]
    if isinstance(value, str) and value.startswith("http"):
        return fal.upload(value).content.decode()
    return value


async def test_the_same_as_pydantics_own(fal: LocalFal, client: AsyncStreamingClient) -> None:
    class Request(pydantic.BaseModel):
        value: list[Portrait | Cat | int]

    given = Request(value=[Portrait(image=b"face", from_="me", when=WHEN), 3])
    fal.add("acme/echo", lambda request: [request.input])
    sent: Any = await client.stream("acme/echo", input=given).done()
    assert with_content(fal, sent) == json.loads(given.model_dump_json(by_alias=True))


async def test_a_serializer_that_looks_into_a_file_of_a_certain_type(
    fal: LocalFal, client: AsyncStreamingClient
) -> None:
    class Request(pydantic.BaseModel):
        image: Any

        @pydantic.field_serializer("image")
        def described(self, value: Any) -> Any:
            if isinstance(value, bytes):
                return {"size": len(value), "starts": value[:2].decode(), "data": value}
            if isinstance(value, Path):
                return {"name": value.name, "suffix": value.suffix}
            return {"data": value}

    fal.add("acme/echo", lambda request: [request.input])
    given = [Request(image=b"face"), Request(image=Path("a") / "fox.png")]
    sent: Any = await client.stream("acme/echo", input=given).done()
    assert sent[0] == {"image": {"size": 4, "starts": "fa", "data": "face"}}
    assert sent[1] == {"image": {"name": "fox.png", "suffix": ".png"}}
    assert fal.uploads == []
