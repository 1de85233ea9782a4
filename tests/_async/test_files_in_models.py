"""Files in models that pydantic leaves out or would write as text."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import io
import warnings
from pathlib import Path
from typing import Annotated, Any

import pydantic
import pytest
from pydantic import Field, PlainSerializer, computed_field, field_serializer

from fal_stream import AsyncStreamingClient, ConfigError
from fal_stream.testing import LocalFal

RAW = b"\x89PNG\xff"


class Part(pydantic.BaseModel):
    strength: float = 0.5


class Picture(Part):
    image: Any = RAW
    mask: Any = None


@dataclasses.dataclass
class Frame:
    number: int


@dataclasses.dataclass
class ShownFrame(Frame):
    image: Any


class Request(pydantic.BaseModel):
    part: Part | None = None
    parts: list[Part] = Field(default_factory=list)
    frame: Frame | None = None
    image: Any = None


UNSENT: list[tuple[Request, Any, list[str]]] = [
    (Request(part=Picture()), {"part": {"strength": 0.5}}, ["input.part.image"]),
    (
        Request(parts=[Picture(image=b"1", mask=b"2"), Part(strength=1)]),
        {"parts": [{"strength": 0.5}, {"strength": 1.0}]},
        ["input.parts[0].image", "input.parts[0].mask"],
    ),
    (Request(frame=ShownFrame(1, RAW)), {"frame": {"number": 1}}, ["input.frame.image"]),
]


@pytest.mark.parametrize(("given", "sent", "places"), UNSENT, ids=[row[2][0] for row in UNSENT])
async def test_a_file_that_is_not_sent_is_not_uploaded(
    fal: LocalFal, client: AsyncStreamingClient, given: Request, sent: Any, places: list[str]
) -> None:
    fal.add("acme/echo", lambda request: [request.input])
    rest: dict[str, Any] = {"part": None, "parts": [], "frame": None, "image": None}
    with pytest.warns(UserWarning, match=" is a file that isn't sent: the model around") as warned:
        assert await client.stream("acme/echo", input=given).done() == {**rest, **sent}
    assert [str(each.message).partition(" ")[0] for each in warned] == places
    assert [each.filename for each in warned] == [__file__] * len(places)
    assert fal.uploads == []


async def test_a_file_that_is_sent_elsewhere_is_uploaded(
    fal: LocalFal, client: AsyncStreamingClient
) -> None:
    fal.add("acme/echo", lambda request: [request.input])
    other = b"other"
    given = [Request(part=Picture(image=other, mask=RAW), image=RAW), {"image": b"third"}]
    with pytest.warns(UserWarning, match=r"input\[0\]\.part\.image is a file that isn't sent"):
        sent: Any = await client.stream("acme/echo", input=given).done()
    assert fal.upload(sent[0]["image"]).content == RAW
    assert fal.upload(sent[1]["image"]).content == b"third"
    assert len(fal.uploads) == 2


async def test_a_file_that_is_not_sent_is_not_refused(
    fal: LocalFal, client: AsyncStreamingClient
) -> None:
    fal.add("acme/echo", lambda request: [request.input])
    given = Request(part=Picture())
    with pytest.warns(UserWarning, match=r"input\.part\.image is a file that isn't sent"):
        stream = client.stream("acme/echo", input=given, auto_upload=False)
    sent: Any = await stream.done()
    assert sent["part"] == {"strength": 0.5}


def computed(value: Any, kind: Any, **config: Any) -> Any:
    """Make a model with the computed field `image`."""

    def give(self: Any) -> Any:
        return value

    give.__annotations__ = {"return": kind}
    names = {"image": computed_field(property(give)), "model_config": config}
    return type("Computed", (pydantic.BaseModel,), {**names, "__module__": __name__})()


def as_base64(value: bytes) -> str:
    return base64.b64encode(value).decode()


FILES: dict[str, tuple[Any, str]] = {
    "bytes": (computed(b"abc", bytes), "bytes"),
    "bytes that are no text": (computed(RAW, bytes), "bytes"),
    "anything": (computed(RAW, Any), "bytes"),
    "a path": (computed(Path("a.png"), Path), type(Path()).__name__),
    "an open file": (computed(io.BytesIO(b"1\n2"), Any), "BytesIO"),
    "a list": (computed([Path("a.png"), 1], list[Any]), "list"),
    "a list of bytes that are no text": (computed([RAW], list[bytes]), "list"),
    "a mapping": (computed({"a": [b"abc"]}, Any), "dict"),
    "another one": (computed(b"abc", bytes | None), "bytes"),
}


@pytest.mark.parametrize(("model", "kind"), FILES.values(), ids=FILES)
@pytest.mark.parametrize(
    ("wrap", "place"),
    [
        (lambda model: model, "input"),
        (lambda model: {"a": [model]}, "input.a[0]"),
        (lambda model: Request(image=[b"file", model]), "input.image[1]"),
        (lambda model: pydantic.RootModel[Any]({"a": model}), "input.a"),
    ],
)
async def test_a_computed_field_is_no_file(
    fal: LocalFal, client: AsyncStreamingClient, model: Any, kind: str, wrap: Any, place: str
) -> None:
    with pytest.raises(ConfigError) as raised:
        client.stream("acme/echo", input=wrap(model))
    assert raised.value.message == (
        f"{place}.image is a computed field with a file in it ({kind}), which would be sent as "
        "text: only files in other fields are uploaded; give it in one of these, or return text"
    )
    assert fal.requests == []


class Serialized(pydantic.BaseModel):
    file: bytes

    def give(self) -> bytes:
        return self.file

    first = computed_field(property(give))

    def give_path(self) -> Any:
        return io.BytesIO(self.file)

    second = computed_field(property(give_path))

    def give_digest(self) -> str:
        return hashlib.sha256(self.file).hexdigest()

    digest = computed_field(property(give_digest))

    @field_serializer("first", when_used="json")
    def encoded(self, value: bytes) -> str:
        return as_base64(value)

    @field_serializer("second")
    def measured(self, value: io.BytesIO) -> int:
        return len(value.getvalue())


async def test_a_computed_field_that_is_made_text_of(
    fal: LocalFal, client: AsyncStreamingClient
) -> None:
    fal.add("acme/echo", lambda request: [request.input])
    given = [
        computed(RAW, bytes, ser_json_bytes="base64"),
        computed(RAW, Annotated[bytes, PlainSerializer(as_base64)]),
        computed(RAW, Annotated[bytes, PlainSerializer(as_base64, when_used="json")]),
        computed(None, bytes | None),
        Serialized(file=RAW),
    ]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        sent: Any = await client.stream("acme/echo", input=given).done()
    assert fal.upload(sent[4].pop("file")).content == RAW
    assert sent == [
        {"image": base64.urlsafe_b64encode(RAW).decode()},
        {"image": as_base64(RAW)},
        {"image": as_base64(RAW)},
        {"image": None},
        {"first": as_base64(RAW), "second": 5, "digest": hashlib.sha256(RAW).hexdigest()},
    ]


class Described(pydantic.BaseModel):
    image: bytes

    @field_serializer("image")
    def described(self, image: bytes) -> Any:
        return {"data": image, "size": len(image)}


async def test_bytes_that_are_no_text_have_a_place(client: AsyncStreamingClient) -> None:
    with pytest.raises(ConfigError, match=r"input\.a\[0\]\.image is of type bytes, which is not"):
        client.stream("acme/echo", input={"a": [Described(image=RAW)]})
