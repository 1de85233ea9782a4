"""What is easily missed in a model: generators, enums, and configurations of models in models."""

from __future__ import annotations

import dataclasses
import enum
import math
import signal
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Annotated, Any

import pydantic
import pytest
from pydantic import ConfigDict, Field, PlainSerializer, SecretStr

from fal_stream import AsyncStreamingClient, ConfigError
from fal_stream.testing import LocalFal

numpy = pytest.importorskip("numpy")

# The oldest version that is allowed; it dumps less.
IS_OLD = pydantic.VERSION.startswith("2.7.")

HIDDEN = SecretStr("open sesame")


@dataclasses.dataclass
class Plain:
    from_: Annotated[str, Field(alias="from")] = "me"
    value: Any = None


class Message(pydantic.BaseModel):
    from_: str = Field(default="me", serialization_alias="from")
    value: Any = None


class Holder(pydantic.BaseModel):
    anything: Any = None
    items: Iterable[Any] = ()
    keys: Iterable[SecretStr] = ()
    sizes: Iterable[Annotated[int, PlainSerializer(lambda size: f"{size}px")]] = ()
    row: Sequence[Any] = ()


def generated(*values: Any) -> Iterator[Any]:
    yield from values


def holding(**fields: Any) -> Holder:
    # So that they are there, and an iterator, which pydantic warns of otherwise.
    return Holder.model_validate(
        {"items": generated(), "keys": generated(), "sizes": generated(), **fields}
    )


UNDUMPED = "input can't be sent as JSON: pydantic can't dump this Holder: "

REFUSED: dict[str, tuple[Callable[[], Any], str]] = {
    "a secret that a field declares": (
        lambda: holding(keys=["open sesame"]),
        "input.keys[0] is a SecretStr",
    ),
    "a secret in an Iterable": (lambda: holding(items=[1, HIDDEN]), "input.items[1] is a Secr"),
    "a secret in a generator": (
        lambda: holding(anything=generated([1, {"a": HIDDEN}])),
        "input.anything[0][1].a is a SecretStr",
    ),
    "a secret in a generator in a mapping": (
        lambda: holding(anything={"a": [generated(HIDDEN)]}),
        "input.anything.a[0][0] is a SecretStr",
    ),
    "a secret in a generator of a model in it": (
        lambda: holding(anything=[Message(value=generated(HIDDEN))]),
        "input.anything[0].value[0] is a SecretStr",
    ),
    "a secret in a generator of a dataclass": (
        lambda: holding(anything=Plain(value=generated(HIDDEN))),
        "input.anything.value[0] is a SecretStr",
    ),
    "a secret in a sequence": (lambda: holding(row=(HIDDEN,)), "input.row[0] is a SecretStr"),
    "a number in an Iterable": (lambda: holding(items=[math.nan]), "input.items[0]=nan has no"),
    "a number in a generator": (
        lambda: holding(anything=generated(1, -math.inf)),
        "input.anything[1]=-inf has no JSON form",
    ),
    "keys in an Iterable": (
        lambda: holding(items=[{1: "a", "1": "b"}]),
        "input.items[0] has the keys 1 and '1'",
    ),
    "keys in a generator": (
        lambda: holding(anything=generated({1: "a", "1": "b"})),
        "input.anything[0] has the keys 1 and '1'",
    ),
    "a value of numpy": (
        lambda: holding(items=[numpy.int64(1)]),
        f"{UNDUMPED}input.items[0] is of type numpy.int64, which is not a JSON value: give its it",
    ),
    "a key of numpy": (
        lambda: holding(anything={numpy.int64(1): 1}),
        f"{UNDUMPED}a key of input.anything is of type numpy.int64, which is not a JSON value: gi",
    ),
    "beside a file": (
        lambda: holding(anything=generated(b"file", HIDDEN)),
        "input.anything[1] is a SecretStr",
    ),
    "a member with a secret": (lambda: holding(anything=Kind.SECRET), "input.anything is a Secr"),
    "a member with a secret inside": (
        lambda: holding(anything=[Kind.NESTED]),
        "input.anything[0].value[0] is a SecretStr",
    ),
    "a member with a number": (lambda: holding(anything=Kind.NAN), "input.anything=nan has no J"),
    "a member as a key": (
        lambda: holding(anything={Kind.SECRET: 1}),
        "a key of input.anything is a SecretStr",
    ),
    "a member beside a file": (
        lambda: holding(anything=Plain(value=[b"file", Kind.SECRET])),
        "input.anything.value[1] is a SecretStr",
    ),
}


if IS_OLD:
    # It can't dump such a member at all.
    for name, place in {
        "a member with a secret": f"{UNDUMPED}input.anything",
        "a member with a secret inside": f"{UNDUMPED}input.anything[0]",
        "a member as a key": f"{UNDUMPED}a key of input.anything",
        "a member beside a file": "input.anything.value[1]",
    }.items():
        message = f"{place} is of type Kind, which is not a JSON value: give its value"
        REFUSED[name] = REFUSED[name][0], message


class Kind(enum.Enum):
    SECRET = HIDDEN
    NESTED = Plain("a", [HIDDEN])
    NAN = math.nan
    RENAMED = Plain("you")
    PLAIN = "plain"


@pytest.mark.parametrize(("make", "message"), REFUSED.values(), ids=REFUSED)
async def test_what_is_not_sent(
    fal: LocalFal, client: AsyncStreamingClient, make: Callable[[], Any], message: str
) -> None:
    with pytest.raises(ConfigError) as raised:
        client.stream("acme/echo", input=make())
    assert raised.value.message.startswith(message)
    assert "sesame" not in str(raised.value)
    assert fal.requests == []


async def sent_of(fal: LocalFal, client: AsyncStreamingClient, given: Any) -> Any:
    fal.add("acme/echo", lambda request: [request.input])
    return await client.stream("acme/echo", input=given).done()


async def test_iterators_are_sent_by_alias_and_by_their_types(
    fal: LocalFal, client: AsyncStreamingClient
) -> None:
    given = holding(
        anything=generated(Plain("a"), [Message(value=generated(1, 2))]),
        items=[Plain("b"), Message()],
        sizes=[1, 2],
        row=(Plain("c"),),
    )
    assert await sent_of(fal, client, given) == {
        "anything": [{"from": "a", "value": None}, [{"from": "me", "value": [1, 2]}]],
        "items": [{"from": "b", "value": None}, {"from": "me", "value": None}],
        "keys": [],
        "sizes": ["1px", "2px"],
        "row": [{"from": "c", "value": None}],
    }


async def test_files_in_iterators(fal: LocalFal, client: AsyncStreamingClient) -> None:
    sent = await sent_of(fal, client, holding(anything=generated(b"one"), items=[b"two", 3]))
    assert sent["anything"][0].startswith("http")
    assert sent["items"][0].startswith("http")
    assert sent["items"][1] == 3


async def test_members_of_enums(fal: LocalFal, client: AsyncStreamingClient) -> None:
    given = holding(anything=[Kind.PLAIN, {Kind.PLAIN: Kind.RENAMED}])
    sent = await sent_of(fal, client, given)
    assert sent["anything"] == ["plain", {"plain": {"from": "you", "value": None}}]


class Named(pydantic.BaseModel):
    model_config = ConfigDict(serialize_by_alias=False)
    from_: str = Field(default="me", alias="from")
    value: Any = None


class Aliased(pydantic.BaseModel):
    model_config = ConfigDict(serialize_by_alias=True)
    from_: str = Field(default="me", alias="from")


class Typed(pydantic.BaseModel):
    named: Named = Named()
    aliased: Aliased = Aliased()


async def test_each_model_says_whether_it_is_sent_by_alias(
    fal: LocalFal, client: AsyncStreamingClient
) -> None:
    named = Named(value=[Aliased(), Plain()])
    sent_named = {
        "from_": "me",
        "value": [{"from": "me"}, {"from_": "me", "value": None}],
    }
    given = [holding(anything=named), named, Typed(named=named), {"a": generated_list(named)}]
    sent = await sent_of(fal, client, given)
    assert sent[0]["anything"] == sent_named
    assert sent[1] == sent_named
    assert sent[2] == {"named": sent_named, "aliased": {"from": "me"}}
    assert sent[3] == {"a": {"from": "me", "value": [sent_named]}}


def generated_list(*values: Any) -> Message:
    return Message(value=generated(*values))


class Strings(pydantic.BaseModel):
    model_config = ConfigDict(ser_json_inf_nan="null" if IS_OLD else "strings")
    typed: float = math.nan
    value: Any = math.inf


class Nulls(pydantic.BaseModel):
    model_config = ConfigDict(ser_json_inf_nan="null")
    typed: float = math.nan
    value: Any = None


@pytest.mark.skipif(IS_OLD, reason="pydantic 2.7 doesn't know `strings`")
async def test_each_model_says_what_its_numbers_become(
    fal: LocalFal, client: AsyncStreamingClient
) -> None:
    strings = {"typed": "NaN", "value": "Infinity"}
    given = [
        Strings(),
        Message(value=[Strings(value=-math.inf)]),
        Nulls(value=Strings()),
        Strings(value=Nulls(value=[math.inf])),
        Strings(value={math.nan: 1}),
        Message(value=Nulls(value={math.inf: [math.inf]})),
    ]
    sent = await sent_of(fal, client, given)
    assert sent[:4] == [
        strings,
        {"from": "me", "value": [{"typed": "NaN", "value": "-Infinity"}]},
        {"typed": None, "value": strings},
        {"typed": "NaN", "value": {"typed": None, "value": [None]}},
    ]
    assert len(sent[4]["value"]) == 1
    assert list(sent[5]["value"]["value"].values()) == [[None]]


@pytest.mark.parametrize(
    ("given", "place"),
    [
        (Nulls(value=[Strings()], typed=1), None),
        (Message(value=[Nulls(), math.nan]), "input.value[1]=nan"),
        (Message(value={"a": Strings(), "b": {math.nan: 1}}), "a key of input.value.b=nan"),
    ],
    ids=str,
)
async def test_a_configuration_holds_for_its_model(
    client: AsyncStreamingClient, given: Any, place: str | None
) -> None:
    if place is None:
        client.stream("acme/echo", input=given)
        return
    with pytest.raises(ConfigError) as raised:
        client.stream("acme/echo", input=given)
    assert raised.value.message.startswith(f"{place} has no JSON form")


@dataclasses.dataclass
class Excluding:
    shown: int = 1
    hidden: Annotated[SecretStr, Field(exclude=True)] = HIDDEN
    number: float = dataclasses.field(default=2.0)
    named: Annotated[float, Field(alias="other", exclude=True)] = math.nan


class Declaring(pydantic.BaseModel):
    part: Excluding


@pytest.mark.skipif(IS_OLD, reason="pydantic 2.7 doesn't exclude it: its secret is refused")
async def test_fields_that_a_dataclass_excludes(
    fal: LocalFal, client: AsyncStreamingClient
) -> None:
    left = {"shown": 1, "number": 2.0}
    given = [Excluding(), Message(value=[Excluding()]), Declaring(part=Excluding())]
    assert await sent_of(fal, client, given) == [
        left,
        {"from": "me", "value": [left]},
        {"part": left},
    ]


class Stopped(Exception):
    """As that of Celery's soft time limit."""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals")
@pytest.mark.parametrize("kind", [Stopped, KeyboardInterrupt, TimeoutError, ValueError])
@pytest.mark.parametrize("value", [b"file", "text"])
async def test_what_a_signal_handler_raises_comes_out(
    client: AsyncStreamingClient, kind: type[BaseException], value: Any
) -> None:
    def stop(*_: object) -> None:
        raise kind("stopped by the handler")

    class Interrupted(pydantic.BaseModel):
        value: Any

        @pydantic.field_serializer("value", mode="wrap")
        def interrupted(self, value: Any, handler: Any) -> Any:
            signal.raise_signal(signal.SIGUSR1)
            return handler(value)

    before = signal.signal(signal.SIGUSR1, stop)
    try:
        with pytest.raises(kind, match="stopped by the handler") as raised:
            client.stream("acme/echo", input={"a": Interrupted(value=value)})
        assert type(raised.value) is kind
    finally:
        signal.signal(signal.SIGUSR1, before)


class Frames(pydantic.BaseModel):
    frames: Iterable[Any] | None = None
    anything: Any = None


def counted(count: int) -> Iterator[int]:
    yield from range(count)


async def test_an_iterator_that_stands_in_the_input_twice(
    fal: LocalFal, client: AsyncStreamingClient
) -> None:
    twice = Frames(frames=counted(3), anything=map(str, [1, b"file"]))
    shared = iter([Message(value=counted(2)), 1])
    given = [twice, {"a": twice}, Frames(anything=[shared, shared]), Message(value=shared)]
    sent: Any = await sent_of(fal, client, given)
    assert [sent[0], sent[1]["a"]] == [{"frames": [0, 1, 2], "anything": ["1", "b'file'"]}] * 2
    items = [{"from": "me", "value": [0, 1]}, 1]
    assert sent[2] == {"frames": None, "anything": [items, items]}
    assert sent[3] == {"from": "me", "value": items}


async def test_a_file_in_an_iterator_that_stands_in_the_input_twice(
    fal: LocalFal, client: AsyncStreamingClient
) -> None:
    twice = Frames(frames=[b"one"], anything=generated(b"two"))
    sent: Any = await sent_of(fal, client, [twice, twice])
    assert sent[0] == sent[1]
    assert sorted(upload.content for upload in fal.uploads) == [b"one", b"two"]


READ: dict[str, Callable[[], Frames]] = {
    "a generator": lambda: Frames(anything=counted(3)),
    "a generator in a list": lambda: Frames(anything=[1, {"a": counted(3)}]),
    "an Iterable": lambda: Frames(frames=counted(3)),
    "an iterator of a list": lambda: Frames(anything=iter([1])),
    "a map": lambda: Frames(anything=map(str, [1])),
}


@pytest.mark.parametrize("make", READ.values(), ids=READ)
async def test_an_iterator_that_was_read_before(
    fal: LocalFal, client: AsyncStreamingClient, make: Callable[[], Frames]
) -> None:
    given = make()
    first: Any = await sent_of(fal, client, given)
    assert first != {"frames": None, "anything": None}
    place = "anything" if given.anything is not None else "frames"
    with pytest.raises(ConfigError) as raised:
        client.stream("acme/echo", input={"b": given})
    assert raised.value.message.startswith(f"input.b.{place}")
    assert raised.value.message.endswith(
        " is an iterator that has been read before, or is empty: give a list"
    )


async def test_a_generator_that_its_owner_has_read(
    fal: LocalFal, client: AsyncStreamingClient
) -> None:
    begun, ended = Frames(frames=counted(3)), Frames(frames=counted(3))
    assert begun.frames is not None
    assert next(iter(begun.frames)) == 0
    assert (await sent_of(fal, client, begun))["frames"] == [1, 2]
    assert ended.frames is not None
    assert list(ended.frames) == [0, 1, 2]
    with pytest.raises(ConfigError, match=r"^input\.frames is an iterator that has been read"):
        client.stream("acme/echo", input=ended)


async def test_generators_without_values(fal: LocalFal, client: AsyncStreamingClient) -> None:
    given = [Frames(frames=counted(0)), Frames(anything=counted(0))]
    assert await sent_of(fal, client, given) == [
        {"frames": [], "anything": None},
        {"frames": None, "anything": []},
    ]
