"""Pydantic models with files in them."""

from __future__ import annotations

import base64
import dataclasses
import datetime as dt
import enum
import hashlib
import io
import json
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from ipaddress import IPv4Address
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, TypeAlias

import pydantic
import pytest
from pydantic import ConfigDict, Field, RootModel, computed_field, field_serializer
from pydantic import model_serializer as model_serializer_of
from pydantic.dataclasses import dataclass as pydantic_dataclass
from typing_extensions import TypedDict

from fal_stream import ConfigError
from fal_stream._input_files.detect import is_file
from fal_stream._shared.inputs import encode_input
from fal_stream._shared.value_tree import list_of, pydantic_config_of

RAW = b"\xff\x00raw"
TEXT = b"plain text"
NOON = dt.datetime(2026, 1, 2, 12, tzinfo=dt.timezone.utc)


AsAny: TypeAlias = pydantic.SerializeAsAny[Any]


class Base(pydantic.BaseModel):
    model_config = ConfigDict(arbitrary_types_allowed=True)


def taken(data: Any) -> tuple[Any, list[str]]:
    """Give the input with `url 0`, `url 1` ... for its files, and the places of these."""
    before = repr(data)
    found = encode_input(data, is_file)
    urls = [f"url {index}" for index in range(len(found.files))]
    assert repr(data) == before
    json.loads(found.encode(urls))
    return found.filled(urls), [file.place for file in found.files]


class Style(enum.Enum):
    OIL = "oil"


class Layer(Base):
    image: bytes
    name: str = "layer"
    made: dt.datetime = NOON


def test_plain_fields() -> None:
    class Request(Base):
        prompt: str
        image: bytes
        mask: Path | None = None
        style: Style = Style.OIL
        made: dt.datetime = NOON
        host: IPv4Address = IPv4Address("10.0.0.1")

    data = {"request": Request(prompt="a fox", image=TEXT, mask=Path("a") / "mask.png")}
    assert taken(data) == (
        {
            "request": {
                "prompt": "a fox",
                "image": "url 0",
                "mask": "url 1",
                "style": "oil",
                "made": "2026-01-02T12:00:00Z",
                "host": "10.0.0.1",
            }
        },
        ["input.request.image", "input.request.mask"],
    )


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (bytes, RAW),
        (bytes, TEXT),
        (bytes, b""),
        (bytearray, bytearray(RAW)),
        (Path, Path("fox.png")),
        (io.BytesIO, io.BytesIO(b"1\n2\n")),
        (Any, io.BytesIO(b"1\n2\n")),
        (Any, memoryview(RAW)),
        (Any, RAW),
        (str | bytes, RAW),
        (str | Path, Path("fox.png")),
        (Literal["none"] | bytes, RAW),
        (bytes | None, RAW),
        (AsAny, RAW),
        (pydantic.FilePath, Path(__file__)),
    ],
)
def test_every_kind_of_field(kind: Any, value: Any) -> None:
    model: Any = pydantic.create_model("Request", __base__=Base, file=(kind, ...), n=(int, 1))
    assert taken(model(file=value)) == ({"file": "url 0", "n": 1}, ["input.file"])


@pytest.mark.parametrize(
    ("kind", "value", "sent", "places"),
    [
        (list[bytes], [RAW, TEXT], ["url 0", "url 1"], ["[0]", "[1]"]),
        (tuple[int, bytes], (1, RAW), [1, "url 0"], ["[1]"]),
        (dict[str, bytes | int], {"a": RAW, "b": 2}, {"a": "url 0", "b": 2}, [".a"]),
        (dict[int, bytes], {1: RAW}, {"1": "url 0"}, [".1"]),
        (Mapping[str, bytes], {"a": RAW}, {"a": "url 0"}, [".a"]),
        (set[bytes], {RAW}, ["url 0"], ["[0]"]),
        (frozenset[Path], frozenset([Path("a")]), ["url 0"], ["[0]"]),
        (deque[Path], deque([Path("a")]), ["url 0"], ["[0]"]),
        (Any, [{"a": (RAW, NOON)}], [{"a": ["url 0", "2026-01-02T12:00:00Z"]}], ["[0].a[0]"]),
        (RootModel[list[bytes]], RootModel[list[bytes]]([RAW]), ["url 0"], ["[0]"]),
        (
            list[Layer],
            [Layer(image=RAW), Layer(image=TEXT, name="top")],
            [
                {"image": "url 0", "name": "layer", "made": "2026-01-02T12:00:00Z"},
                {"image": "url 1", "name": "top", "made": "2026-01-02T12:00:00Z"},
            ],
            ["[0].image", "[1].image"],
        ),
    ],
)
def test_files_in_what_a_field_holds(kind: Any, value: Any, sent: Any, places: list[str]) -> None:
    model: Any = pydantic.create_model("Request", __base__=Base, files=(kind, ...))
    assert taken(model(files=value)) == (
        {"files": sent},
        [f"input.files{place}" for place in places],
    )


def test_a_root_model() -> None:
    assert taken([RootModel[bytes](RAW), RootModel[list[Path]]([Path("a")])]) == (
        ["url 0", ["url 1"]],
        ["input[0]", "input[1][0]"],
    )


def test_what_a_model_was_given_besides_its_fields() -> None:
    class Open(Base):
        model_config = ConfigDict(extra="allow")
        n: int = 1

    model = Open.model_validate({"image": RAW, "when": NOON})
    assert taken(model) == (
        {"n": 1, "image": "url 0", "when": "2026-01-02T12:00:00Z"},
        ["input.image"],
    )


def test_a_frozen_model_stays_as_it_is() -> None:
    class Frozen(Base):
        model_config = ConfigDict(frozen=True, validate_assignment=True)
        image: bytes

    model = Frozen(image=RAW)
    assert taken(model) == ({"image": "url 0"}, ["input.image"])
    assert model.image is RAW


def test_one_file_in_two_models_is_one() -> None:
    first, second = Layer(image=RAW), Layer(image=RAW, name="b")
    sent, places = taken({"all": [first, second, first]})
    assert places == ["input.all[0].image"]
    assert [layer["image"] for layer in sent["all"]] == ["url 0"] * 3


def test_fields_are_sent_by_alias() -> None:
    class Aliased(Base):
        image: bytes = Field(serialization_alias="imageUrl")
        count: int = Field(default=1, serialization_alias="imageCount")

    assert taken(Aliased(image=RAW)) == ({"imageCount": 1, "imageUrl": "url 0"}, ["input.image"])


def test_no_aliases_where_the_configuration_says_so() -> None:
    class Named(Base):
        model_config = ConfigDict(serialize_by_alias=False)
        image: bytes = Field(serialization_alias="imageUrl")
        count: int = Field(default=1, serialization_alias="imageCount")

    assert taken(Named(image=RAW)) == ({"count": 1, "image": "url 0"}, ["input.image"])


def test_aliases_that_the_configuration_asks_for() -> None:
    class Aliased(Base):
        model_config = ConfigDict(serialize_by_alias=True)
        image: bytes = Field(serialization_alias="imageUrl")
        layers: list[Layer] = Field(serialization_alias="allLayers")

    sent, places = taken(Aliased(image=RAW, layers=[Layer(image=TEXT)]))
    assert sent["imageUrl"] == "url 0"
    assert sent["allLayers"][0]["image"] == "url 1"
    assert places == ["input.image", "input.layers[0].image"]


def test_a_field_that_is_not_dumped_is_no_file() -> None:
    class Private(Base):
        image: bytes = Field(exclude=True)
        cache: bytes = Field(default=RAW, exclude=True)
        n: int = 1

    assert taken(Private(image=RAW)) == ({"n": 1}, [])


def as_base64(value: bytes) -> str:
    return base64.b64encode(value).decode()


def test_a_serializer_that_makes_something_of_a_file_has_its_way() -> None:
    class Inline(Base):
        by_field: bytes
        by_type: Annotated[bytes, pydantic.PlainSerializer(as_base64)]
        for_json: Annotated[bytes, pydantic.PlainSerializer(as_base64, when_used="json")]
        ready: pydantic.Base64Bytes
        picture: io.BytesIO
        listed: list[Annotated[bytes, pydantic.PlainSerializer(as_base64)]]
        url: bytes

        @field_serializer("by_field")
        def _by_field(self, value: bytes) -> str:
            return as_base64(value)

        @field_serializer("picture")
        def _picture(self, value: io.BytesIO) -> int:
            return len(value.getvalue())

    model = Inline(
        by_field=RAW,
        by_type=RAW,
        for_json=RAW,
        ready=base64.b64encode(RAW),
        picture=io.BytesIO(b"four"),
        listed=[RAW],
        url=RAW,
    )
    sent, places = taken(model)
    encoded = as_base64(RAW)
    assert places == ["input.url"]
    assert sent.pop("ready").strip() == encoded
    assert sent == {
        "by_field": encoded,
        "by_type": encoded,
        "for_json": encoded,
        "picture": 4,
        "listed": [encoded],
        "url": "url 0",
    }


def test_a_serializer_that_leaves_the_file_alone() -> None:
    class Named(Base):
        image: bytes
        images: list[bytes]
        wrapped: Annotated[bytes, pydantic.WrapSerializer(lambda value, handler: handler(value))]

        @field_serializer("image")
        def _image(self, value: bytes) -> Any:
            return {"file": value, "when": NOON}

        @field_serializer("images")
        def _images(self, value: list[bytes]) -> Any:
            return value[1:]

    assert taken(Named(image=RAW, images=[b"1", b"2", b"3"], wrapped=TEXT)) == (
        {
            "image": {"file": "url 0", "when": "2026-01-02T12:00:00Z"},
            "images": ["url 1", "url 2"],
            "wrapped": "url 3",
        },
        ["input.image", "input.images[1]", "input.images[2]", "input.wrapped"],
    )


def test_no_trace_of_the_search_is_sent() -> None:
    class Labelled(Base):
        path: Path

        @field_serializer("path")
        def _path(self, value: Path) -> Any:
            return {"file": value, "label": f"<{value}>"}

    assert taken(Labelled(path=Path("fox.png"))) == (
        {"path": {"file": "fox.png", "label": "<fox.png>"}},
        [],
    )


@pytest.mark.parametrize("way", ["base64", "hex"])
def test_a_model_that_says_how_bytes_are_written(way: Any) -> None:
    class Inline(Base):
        model_config = ConfigDict(ser_json_bytes=way)
        image: bytes
        images: list[bytes]
        path: Path
        layer: Layer

    value = {"image": TEXT, "images": [TEXT], "path": Path("a"), "layer": Layer(image=RAW)}
    model = Inline.model_validate(value)
    if model.model_dump(mode="json", include={"image"}) == {"image": TEXT.decode()}:
        pytest.skip(f"this pydantic does not know {way}")
    sent, places = taken(model)
    assert places == ["input.path", "input.layer.image"]
    assert {"image": sent["image"]} == model.model_dump(mode="json", include={"image"})
    assert sent["images"] == [sent["image"]]
    assert (sent["path"], sent["layer"]["image"]) == ("url 0", "url 1")


def test_computed_fields_see_the_real_file() -> None:
    class Summed(Base):
        image: bytes

        def digest(self) -> str:
            return hashlib.sha256(self.image).hexdigest()

        # So that both type checkers take it; it is what the decorators do.
        sha256 = computed_field(property(digest))

    assert taken({"items": [Summed(image=RAW)]}) == (
        {"items": [{"image": "url 0", "sha256": hashlib.sha256(RAW).hexdigest()}]},
        ["input.items[0].image"],
    )


def test_a_model_serializer_that_wraps() -> None:
    class Sparse(Base):
        image: bytes | None = None
        mask: bytes | None = None
        made: dt.datetime = NOON
        address: IPv4Address = IPv4Address("10.0.0.1")

        @model_serializer_of(mode="wrap")
        def _sparse(self, handler: Any) -> dict[str, Any]:
            return {key: item for key, item in handler(self).items() if item is not None}

    rest = {"made": "2026-01-02T12:00:00Z", "address": "10.0.0.1"}
    assert taken([Sparse(image=RAW), Sparse()]) == (
        [{"image": "url 0", **rest}, rest],
        ["input[0].image"],
    )


def test_a_model_serializer_of_its_own() -> None:
    class Own(Base):
        image: bytes
        inline: bool = False

        @model_serializer_of
        def _own(self) -> dict[str, Any]:
            return {"data": as_base64(self.image) if self.inline else self.image, "when": NOON}

    when = "2026-01-02T12:00:00Z"
    assert taken([Own(image=RAW), Own(image=RAW, inline=True)]) == (
        [{"data": "url 0", "when": when}, {"data": as_base64(RAW), "when": when}],
        ["input[0].data"],
    )


class Wrapped(Base):
    image: Any
    note: str = "n"

    @model_serializer_of
    def _wrapped(self) -> dict[str, Any]:
        return {"data": [self.image], "noted": self.note}


@dataclasses.dataclass
class Holder:
    inner: Wrapped


@pytest.mark.parametrize(
    ("kind", "value", "place", "fill"),
    [
        (Wrapped, Wrapped(image=RAW), "x.image", lambda sent: sent),
        (list[Wrapped], [Wrapped(image=RAW)], "x[0].image", lambda sent: [sent]),
        (dict[str, Wrapped], {"a": Wrapped(image=RAW)}, "x.a.image", lambda sent: {"a": sent}),
        (int | Wrapped, Wrapped(image=RAW), "x.image", lambda sent: sent),
        (Any, Wrapped(image=RAW), "x.image", lambda sent: sent),
        (Holder, Holder(Wrapped(image=RAW)), "x.inner.image", lambda sent: {"inner": sent}),
        (Wrapped, Wrapped(image=Path("a/fox.png")), "x.image", lambda sent: sent),
        (Wrapped, Wrapped(image=Layer(image=RAW)), "x.image.image", None),
    ],
)
def test_a_model_serializer_of_its_own_at_depth(
    kind: Any, value: Any, place: str, fill: Callable[[Any], Any] | None
) -> None:
    model: Any = pydantic.create_model("Request", x=(kind, ...))
    sent, places = taken(model.model_construct(x=value))
    assert places == [f"input.{place}"]
    if fill is not None:
        assert sent == {"x": fill({"data": ["url 0"], "noted": "n"})}
    root: Any = pydantic.RootModel[kind]
    sent, places = taken(root.model_construct(value))
    assert places == [f"input{place.removeprefix('x')}"]
    if fill is not None:
        assert sent == fill({"data": ["url 0"], "noted": "n"})


def test_a_model_serializer_at_depth_that_writes_the_file_itself() -> None:
    class Inline(Base):
        image: bytes

        @model_serializer_of
        def _inline(self) -> dict[str, Any]:
            return {"data": as_base64(self.image)}

    class Request(Base):
        x: list[Inline]

    assert taken(Request(x=[Inline(image=RAW)])) == ({"x": [{"data": as_base64(RAW)}]}, [])
    sent, places = taken(pydantic.RootModel[list[Inline]]([Inline(image=RAW)]))
    assert (sent, places) == ([{"data": as_base64(RAW)}], [])


Doubled = Annotated[int, pydantic.PlainSerializer(lambda number: number * 2)]


class Named(TypedDict):
    from_: Annotated[str, Field(serialization_alias="from")]


class NumberedPair(NamedTuple):
    image: bytes
    number: Doubled


# Pydantic 2.7 doesn't ask the serializers of a named tuple.
IN_A_TUPLE = 4 if pydantic.VERSION.startswith("2.7.") else 8


@dataclasses.dataclass(frozen=True)
class Frozen:
    image: bytes
    number: Doubled
    named: Annotated[Named, Field(serialization_alias="theName")]


@dataclasses.dataclass
class NumberedSlots:
    __slots__ = ("image", "number")
    image: bytes
    number: Doubled


@dataclasses.dataclass
class Failed(Exception):
    image: bytes
    number: Doubled


@pytest.mark.parametrize(
    ("kind", "value", "sent"),
    [
        (NumberedPair, NumberedPair(RAW, 4), ["url 0", IN_A_TUPLE]),
        (list[NumberedPair | int], [3, NumberedPair(RAW, 4)], [3, ["url 0", IN_A_TUPLE]]),
        (
            Frozen,
            Frozen(RAW, 4, {"from_": "me"}),
            {"image": "url 0", "number": 8, "theName": {"from": "me"}},
        ),
        (
            int | Frozen,
            Frozen(RAW, 4, {"from_": "me"}),
            {"image": "url 0", "number": 8, "theName": {"from": "me"}},
        ),
        (NumberedSlots, NumberedSlots(RAW, 4), {"image": "url 0", "number": 8}),
        (Failed, Failed(RAW, 4), {"image": "url 0", "number": 8}),
    ],
)
def test_what_stands_beside_a_file_is_written_as_it_is_declared(
    kind: Any, value: Any, sent: Any
) -> None:
    config = pydantic.ConfigDict(arbitrary_types_allowed=True)
    model: Any = pydantic.create_model("Request", __config__=config, x=(kind, ...))
    assert taken(model.model_construct(x=value))[0] == {"x": sent}


def test_an_open_file_is_never_read_as_lines() -> None:
    class Own(Base):
        file: io.BytesIO

        @model_serializer_of
        def _own(self) -> dict[str, Any]:
            return {"file": self.file}

    with pytest.raises(ConfigError, match=r"^input\.file is of type SerializationIterator"):
        taken(Own(file=io.BytesIO(b"1\n2\n")))


def test_a_model_dump_of_its_own() -> None:
    class Sparse(Base):
        image: bytes
        note: str | None = None

        def model_dump(self, **options: Any) -> dict[str, Any]:
            return super().model_dump(exclude_none=True, **options)

    assert taken(Sparse(image=RAW)) == ({"image": "url 0"}, ["input.image"])


class Picture(Layer):
    secret: str = "not declared"


def test_a_field_gives_what_it_is_declared_to_hold() -> None:
    class Request(Base):
        layer: Layer
        layers: list[Layer]
        by_name: dict[str, Layer]
        anything: Any
        ducks: list[pydantic.SerializeAsAny[Layer]]

    picture = Picture(image=RAW)
    sent, _ = taken(
        Request(
            layer=picture,
            layers=[picture],
            by_name={"a": picture},
            anything=picture,
            ducks=[picture],
        )
    )
    declared = {"image": "url 0", "name": "layer", "made": "2026-01-02T12:00:00Z"}
    whole = {**declared, "secret": "not declared"}
    assert sent == {
        "layer": declared,
        "layers": [declared],
        "by_name": {"a": declared},
        "anything": whole,
        "ducks": [whole],
    }


class Cat(Base):
    kind: Literal["cat"] = "cat"
    photo: bytes


class Dog(Base):
    kind: Literal["dog"] = "dog"
    name: str


def test_a_tagged_union() -> None:
    class Request(Base):
        pet: Annotated[Cat | Dog, Field(discriminator="kind")]
        pets: list[Annotated[Cat | Dog, Field(discriminator="kind")]]

    assert taken(Request(pet=Cat(photo=RAW), pets=[Dog(name="Rex"), Cat(photo=RAW)])) == (
        {
            "pet": {"kind": "cat", "photo": "url 0"},
            "pets": [{"kind": "dog", "name": "Rex"}, {"kind": "cat", "photo": "url 0"}],
        },
        ["input.pet.photo"],
    )


@dataclasses.dataclass
class Plain:
    image: Any
    made: Any = NOON


@pydantic_dataclass(frozen=True)
class Checked:
    image: bytes
    made: dt.datetime = NOON

    @field_serializer("made")
    def _made(self, value: dt.datetime) -> int:
        return int(value.timestamp())


@pydantic_dataclass
class Slotted:
    image: bytes
    plain: Plain | None = None


def test_dataclasses_in_models_and_of_pydantic() -> None:
    class Request(Base):
        plain: Plain
        checked: Checked

    made = "2026-01-02T12:00:00Z"
    checked = {"image": "url 1", "made": int(NOON.timestamp())}
    assert taken(
        [Request(plain=Plain(RAW), checked=Checked(TEXT)), Checked(TEXT), Slotted(RAW, Plain(RAW))]
    ) == (
        [
            {"plain": {"image": "url 0", "made": made}, "checked": checked},
            checked,
            {"image": "url 0", "plain": {"image": "url 0", "made": made}},
        ],
        ["input[0].plain.image", "input[0].checked.image"],
    )


def test_a_field_called_read_makes_no_file_of_a_model() -> None:
    class Permissions(Base):
        read: bool = True

        def write(self) -> None: ...

    class Reader(Base):
        name: str = "x"

        def read(self, size: int = -1) -> bytes:
            raise AssertionError(size)

    assert taken([Permissions(), Reader()]) == ([{"read": True}, {"name": "x"}], [])


class Pair(NamedTuple):
    first: Any
    second: Any


def test_a_named_tuple_is_a_list() -> None:
    class Request(Base):
        pair: Any

    assert taken(Request(pair=Pair(Path("b"), 3))) == ({"pair": ["url 0", 3]}, ["input.pair[0]"])


def test_a_serializer_that_asks_for_a_tuple() -> None:
    class Request(Base):
        files: tuple[Any, ...]

        @field_serializer("files")
        def typed(self, value: Any) -> Any:
            assert isinstance(value, tuple)
            return list(value)

    assert taken(Request(files=(Path("a"),))) == ({"files": ["url 0"]}, ["input.files[0]"])


@pytest.mark.parametrize(
    ("wrap", "sent"),
    [
        (lambda value: [value], ["url 0"]),
        (lambda value: {"file": value}, {"file": "url 0"}),
        (lambda value: [value, value], ["url 0", "url 0"]),
    ],
)
def test_a_serializer_for_json_alone(wrap: Any, sent: Any) -> None:
    class Request(Base):
        file: Any

        @field_serializer("file", when_used="json")
        def wrapped(self, value: Any) -> Any:
            return wrap(value)

    assert taken(Request(file=Path("a"))) == ({"file": sent}, ["input.file"])


def test_a_serializer_that_makes_names_of_files() -> None:
    class Request(Base):
        file: Any
        also: bytes

        @field_serializer("file")
        def by_name(self, value: Any) -> Any:
            return {str(value): value}

    data = Request(file=Path("a"), also=RAW)
    assert taken(data) == ({"file": {"a": "a"}, "also": "url 0"}, ["input.also"])


@dataclasses.dataclass
class Frame:
    file: Any


@dataclasses.dataclass
class NamedFrame(Frame):
    name: str = "x"


def test_a_dataclass_in_place_of_its_base_is_dumped_as_the_base() -> None:
    class Request(Base):
        frame: Frame
        free: Any

    plain = Request(frame=NamedFrame("a"), free=NamedFrame("b"))
    assert taken(plain)[0] == {"frame": {"file": "a"}, "free": {"file": "b", "name": "x"}}
    data = Request(frame=NamedFrame(RAW), free=NamedFrame(TEXT))
    assert taken(data)[0] == {"frame": {"file": "url 0"}, "free": {"file": "url 1", "name": "x"}}


@dataclasses.dataclass
class Renamed:
    file: Annotated[Any, Field(serialization_alias="theFile")]


def test_a_dataclass_with_other_names_loses_nothing() -> None:
    class Request(Base):
        model_config = ConfigDict(serialize_by_alias=True)

        frame: Renamed

    sent, _ = taken(Request(frame=Renamed(RAW)))
    assert sent["frame"] == {"theFile": "url 0"}


@pydantic_dataclass(config=ConfigDict(ser_json_bytes="base64"))
class Encoded:
    file: bytes
    path: Any = None


def test_a_dataclass_that_says_how_bytes_are_written() -> None:
    text = base64.urlsafe_b64encode(RAW).decode()
    assert taken({"a": Encoded(RAW)}) == ({"a": {"file": text, "path": None}}, [])
    assert taken({"a": Encoded(RAW, Path("a"))}) == (
        {"a": {"file": text, "path": "url 0"}},
        ["input.a.path"],
    )


def test_what_a_dataclass_of_pydantics_cannot_dump_is_named() -> None:
    with pytest.raises(
        ConfigError,
        match=r"^input\.a can't be sent .* input\.a\.path is of type object, which is not a",
    ):
        encode_input({"a": Encoded(b"x", object())}, is_file)


def test_a_serializer_that_gives_python_something_else() -> None:
    class Request(Base):
        file: Any

        @field_serializer("file")
        def by_mode(self, value: Any, info: pydantic.FieldSerializationInfo) -> Any:
            return value if info.mode == "json" else {"not": "JSON"}

    assert taken(Request(file=Path("a"))) == ({"file": "url 0"}, ["input.file"])


def test_a_model_serializer_beside_bytes_that_are_written_as_text() -> None:
    class Request(Base):
        model_config = ConfigDict(ser_json_bytes="base64")

        file: bytes
        files: list[bytes]

        @model_serializer_of(mode="wrap")
        def whole(self, handler: Any) -> Any:
            return {**handler(self), "more": 1}

    text = base64.urlsafe_b64encode(RAW).decode()
    assert taken({"a": Request(file=RAW, files=[RAW])}) == (
        {"a": {"file": text, "files": [text], "more": 1}},
        [],
    )


class Numbers(pydantic.BaseModel):
    model_config = ConfigDict(title="numbers")
    values: Iterable[int]


@pydantic_dataclass(config=ConfigDict(title="a dataclass"))
class Configured:
    value: int = 1


def test_what_is_a_list_in_json() -> None:
    values = [1, 2]
    assert list_of(values) is values
    assert list_of({3}) == {3}
    # As which pydantic gives an iterator in Python's own types.
    assert list_of(Numbers(values=iter(values)).model_dump()["values"]) == values
    generator = (number for number in values)
    assert list_of(generator) is None
    assert list(generator) == values
    assert list_of("12") is None


def test_the_configuration_of_a_model() -> None:
    assert pydantic_config_of(Numbers(values=[1])) == {"title": "numbers"}
    assert pydantic_config_of(Configured()) == {"title": "a dataclass"}
    assert pydantic_config_of(1) == {}
