"""Fields that JSON has by another name: sent by it, and read by it."""

from __future__ import annotations

import dataclasses
from typing import Annotated, Any, Generic, TypeVar

import pydantic
import pytest
from pydantic import AliasChoices, AliasGenerator, ConfigDict, Field, RootModel
from pydantic.alias_generators import to_camel
from pydantic.dataclasses import dataclass as pydantic_dataclass

from fal_stream import AsyncStreamingClient, ConfigError
from fal_stream.testing import LocalFal

T = TypeVar("T")


class Message(pydantic.BaseModel):
    """As generators of models write them: `from` is no name in Python."""

    model_config = ConfigDict(populate_by_name=True)

    from_: str = Field(alias="from")
    max_tokens: int = Field(
        default=7, serialization_alias="max-tokens", validation_alias=AliasChoices("max-tokens")
    )


class Camel(pydantic.BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)

    num_images: int = 1
    last_message: Message | None = None


class Page(pydantic.BaseModel, Generic[T]):
    items_: list[T] = Field(alias="items")
    by_name: dict[str, T] = Field(default_factory=dict, alias="byName")
    other: Any = None


class Messages(RootModel[list[Message]]):
    pass


@dataclasses.dataclass
class Plain:
    from_: Annotated[str, Field(alias="from")]
    message: Message | None = None
    plain_field: int = 3


@dataclasses.dataclass
class Heir(Plain):
    to_: Annotated[str, Field(serialization_alias="to")] = "you"


@dataclasses.dataclass
class Generated:
    __pydantic_config__ = ConfigDict(
        alias_generator=AliasGenerator(serialization_alias=to_camel, validation_alias=to_camel)
    )
    num_images: int = 1
    seed: int = 2


@pydantic_dataclass
class Checked:
    from_: str = Field(alias="from")
    message: Message | None = None


def checked(sender: str, message: Message | None = None) -> Checked:
    """Make one by its aliases."""
    given: dict[str, Any] = {"from": sender, "message": message}
    return Checked(**given)


MESSAGE = Message.model_validate({"from": "me"})
SENT = {"from": "me", "max-tokens": 7}

GIVEN: dict[str, tuple[Any, Any]] = {
    "a model": (MESSAGE, SENT),
    "in a mapping": ({"a": {"b": MESSAGE}}, {"a": {"b": SENT}}),
    "in a list and a tuple": ([MESSAGE, (MESSAGE,)], [SENT, [SENT]]),
    "in a model": (Camel(last_message=MESSAGE), {"numImages": 1, "lastMessage": SENT}),
    "in a generic": (
        Page[Message](items=[MESSAGE], byName={"a_b": MESSAGE}, other=[MESSAGE, {"c": MESSAGE}]),
        {"items": [SENT], "byName": {"a_b": SENT}, "other": [SENT, {"c": SENT}]},
    ),
    "in a generic of nothing": (
        Page(items=[MESSAGE]),
        {"items": [SENT], "byName": {}, "other": None},
    ),
    "in a root": (Messages([MESSAGE]), [SENT]),
    "in a dataclass": (
        Plain("me", MESSAGE),
        {"from": "me", "message": SENT, "plain_field": 3},
    ),
    "a dataclass that inherits": (
        Heir("me", None),
        {"from": "me", "message": None, "plain_field": 3, "to": "you"},
    ),
    "a dataclass with a generator": ([Generated()], [{"numImages": 1, "seed": 2}]),
    "a dataclass in a model": (
        Page[Plain](items=[Plain("me")], other={"a": [Plain("me", MESSAGE), 1], "b": Heir("me")}),
        {
            "items": [{"from": "me", "message": None, "plain_field": 3}],
            "byName": {},
            "other": {
                "a": [{"from": "me", "message": SENT, "plain_field": 3}, 1],
                "b": {"from": "me", "message": None, "plain_field": 3, "to": "you"},
            },
        },
    ),
    "a dataclass in a root": (
        RootModel[Any]([Plain("me")]),
        [{"from": "me", "message": None, "plain_field": 3}],
    ),
    "a dataclass in a generic of anything": (
        Page[Any](items=["x", Plain("me")], other={"a": [Plain("me")]}),
        {
            "items": ["x", {"from": "me", "message": None, "plain_field": 3}],
            "byName": {},
            "other": {"a": [{"from": "me", "message": None, "plain_field": 3}]},
        },
    ),
    "a dataclass of pydantic's": (
        {"a": checked("me", MESSAGE)},
        {"a": {"from": "me", "message": SENT}},
    ),
    "a dataclass of pydantic's in a dataclass": (
        Plain("me", checked("you")),  # type: ignore[arg-type]
        {"from": "me", "message": {"from": "you", "message": None}, "plain_field": 3},
    ),
}


@pytest.mark.parametrize(("given", "sent"), GIVEN.values(), ids=GIVEN)
async def test_sent_by_alias(
    fal: LocalFal, client: AsyncStreamingClient, given: Any, sent: Any
) -> None:
    fal.add("acme/echo", lambda request: [request.input])
    assert await client.stream("acme/echo", input=given).done() == sent


async def test_beside_files(fal: LocalFal, client: AsyncStreamingClient) -> None:
    class Edit(pydantic.BaseModel):
        image_: bytes = Field(alias="image")
        also: list[Message]
        layers: dict[str, Any] = Field(default_factory=dict, alias="allLayers")

    fal.add("acme/echo", lambda request: [request.input])
    layers = {"a": b"more", "b": MESSAGE, "c": Plain("me")}
    edit = Edit(image=b"pixels", also=[MESSAGE], allLayers=layers)
    sent: Any = await client.stream("acme/echo", input={"edit": edit}).done()
    assert sent["edit"].keys() == {"image", "also", "allLayers"}
    assert sent["edit"]["also"] == [SENT]
    assert sent["edit"]["allLayers"]["b"] == SENT
    assert sent["edit"]["allLayers"]["c"].keys() == {"from", "message", "plain_field"}
    assert sent["edit"]["image"].startswith("http")
    assert sent["edit"]["allLayers"]["a"].startswith("http")


async def test_in_the_query(fal: LocalFal, client: AsyncStreamingClient) -> None:
    fal.add("acme/echo", lambda request: [request.query])
    assert await client.stream("acme/echo", input=MESSAGE, method="GET").done() == {
        "from": "me",
        "max-tokens": "7",
    }


async def test_in_a_map(fal: LocalFal, client: AsyncStreamingClient) -> None:
    fal.add("acme/echo", lambda request: [request.input])
    async with client.stream_map("acme/echo", [MESSAGE, Plain("me")], ordered=True) as results:
        assert [item.result async for item in results] == [
            SENT,
            {"from": "me", "message": None, "plain_field": 3},
        ]


@pytest.mark.parametrize(
    ("output_type", "chunk", "expected"),
    [
        (Message, SENT, MESSAGE),
        (list[Message], [SENT], [MESSAGE]),
        (dict[str, Message], {"a": SENT}, {"a": MESSAGE}),
        (Camel, {"numImages": 2, "lastMessage": SENT}, Camel(num_images=2, last_message=MESSAGE)),
        (Page[Message], {"items": [SENT]}, Page[Message](items=[MESSAGE])),
        (Plain, {"from": "me", "message": SENT}, Plain("me", MESSAGE)),
        (Generated, {"numImages": 5}, Generated(5)),
        (Checked, {"from": "me"}, checked("me")),
        (Messages, [SENT], Messages([MESSAGE])),
    ],
    ids=str,
)
async def test_what_is_read_is_sent_as_it_came(
    fal: LocalFal, client: AsyncStreamingClient, output_type: Any, chunk: Any, expected: Any
) -> None:
    fal.add("acme/app", [chunk])
    fal.add("acme/echo", lambda request: [request.input])
    got = await client.stream("acme/app", output_type=output_type).done()
    assert got == expected
    sent: Any = await client.stream("acme/echo", input=got).done()
    again = await client.stream("acme/echo", input=got, output_type=output_type).done()
    assert again == expected
    if isinstance(chunk, dict):
        assert chunk.items() <= sent.items()
    else:
        assert sent == chunk


class Twins(pydantic.BaseModel):
    from_: str = Field(default="a", alias="from")
    other: str = Field(default="b", serialization_alias="from")


class Open(pydantic.BaseModel):
    model_config = ConfigDict(extra="allow", populate_by_name=True)
    from_: str = Field(default="a", serialization_alias="from", validation_alias="x")


@dataclasses.dataclass
class PlainTwins:
    from_: Annotated[str, Field(alias="from")] = "a"
    other: Annotated[str, Field(alias="from")] = "b"


class TwinsWithFile(Twins):
    file: bytes = b"x"


class FileTwins(pydantic.BaseModel):
    file: bytes = Field(default=b"x", serialization_alias="from")
    other: str = Field(default="b", serialization_alias="from")


@pytest.mark.parametrize(
    ("given", "place"),
    [
        (Twins(), r"input has two fields with the same name in JSON"),
        ({"a": [Twins()]}, r"input\.a\[0\] has two fields"),
        (Page[Twins](items=[Twins()]), r"input\.items_\[0\] has two fields"),
        (Open.model_validate({"from": "b"}), r"input has two fields"),
        (
            [PlainTwins()],
            r"input\[0\] has the keys 'from' and 'other', which are the same key in JSON",
        ),
        (TwinsWithFile(), r"input has two fields"),
        ({"a": FileTwins()}, r"input\.a has two fields"),
    ],
)
async def test_two_fields_of_one_name(
    fal: LocalFal, client: AsyncStreamingClient, given: Any, place: str
) -> None:
    with pytest.raises(ConfigError, match=place):
        client.stream("acme/echo", input=given)
    assert fal.requests == []
