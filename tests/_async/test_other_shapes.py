"""Models that become something else in JSON than in Python: what is lost there is an error, too."""

from __future__ import annotations

import math
from typing import Annotated, Any

import pydantic
import pytest
from pydantic import Field, PlainSerializer, SecretBytes, SecretStr, field_serializer
from pydantic import model_serializer as model_serializer_of
from pydantic_core import to_jsonable_python

from fal_stream import AsyncStreamingClient, ConfigError
from fal_stream.testing import LocalFal

HIDDEN = SecretStr("open sesame")
IS_SECRET = "is a SecretStr, which would be sent as asterisks: give its get_secret_value()"
HAS_MASK = "has the asterisks of a secret in it: give its get_secret_value()"
NO_NUMBER = "has no JSON form: replace it by a finite number or None"
ONE_KEY = "has the keys 1 and '1', which are the same key in JSON: rename or leave out one of them"


def masks_secrets_anywhere() -> bool:
    """Return whether this pydantic dumps a secret where no type is declared; older ones can't."""
    try:
        to_jsonable_python(HIDDEN)
    except ValueError:
        return False
    return True


MASKS_ANYWHERE = masks_secrets_anywhere()


class Sparse(pydantic.BaseModel):
    """A base class as many have one."""

    def model_dump(self, **options: Any) -> dict[str, Any]:
        return super().model_dump(**{**options, "exclude_none": True})


class Versioned(pydantic.BaseModel):
    def model_dump(self, **options: Any) -> dict[str, Any]:
        return {**super().model_dump(**options), "version": 1}


class SparseInJSON(pydantic.BaseModel):
    @model_serializer_of(mode="wrap")
    def by_mode(self, handler: Any, info: pydantic.SerializationInfo) -> Any:
        made = handler(self)
        if info.mode != "json":
            return made
        return {key: item for key, item in made.items() if key != "note"}


class TypedInJSON(pydantic.BaseModel):
    @model_serializer_of(mode="wrap")
    def by_mode(self, handler: Any, info: pydantic.SerializationInfo) -> Any:
        return {"type": "auth", **handler(self)} if info.mode == "json" else handler(self)


class SwappedInJSON(pydantic.BaseModel):
    """As many keys as before, but others."""

    @model_serializer_of(mode="wrap")
    def by_mode(self, handler: Any, info: pydantic.SerializationInfo) -> Any:
        made = handler(self)
        if info.mode == "json":
            made["type"] = made.pop("note")
        return made


BASES = [Sparse, Versioned, SparseInJSON, TypedInJSON, SwappedInJSON]


@pytest.mark.parametrize("base", BASES)
@pytest.mark.parametrize(
    ("kind", "value", "said"),
    [
        (SecretStr, HIDDEN, f"input.value {IS_SECRET}"),
        (list[SecretStr], [HIDDEN], f"input.value[0] {IS_SECRET}"),
        (Any, {"a": HIDDEN}, f"input.value.a {IS_SECRET}"),
        (float, math.nan, f"input.value=nan {NO_NUMBER}"),
        (Any, [1.5, math.inf], f"input.value[1]=inf {NO_NUMBER}"),
        (dict[Any, int], {1: 2, "1": 3}, f"input.value {ONE_KEY}"),
        (Any, [{1: 2, "1": 3}], f"input.value[0] {ONE_KEY}"),
    ],
)
@pytest.mark.parametrize("file", [None, b"file"])
async def test_whatever_the_model_leaves_out_or_adds(
    fal: LocalFal,
    client: AsyncStreamingClient,
    base: Any,
    kind: Any,
    value: Any,
    said: str,
    file: Any,
) -> None:
    model: Any = pydantic.create_model(
        "Request", __base__=base, note=(Any, None), value=(kind, ...), file=(Any, None)
    )
    with pytest.raises(ConfigError) as raised:
        client.stream("acme/echo", input=model(value=value, file=file))
    assert raised.value.message == said
    assert fal.requests == []


@pytest.mark.parametrize("base", [*BASES, pydantic.BaseModel])
@pytest.mark.parametrize(
    ("value", "said"),
    [
        ({("a", HIDDEN): 1}, f"a key of input.value {IS_SECRET}"),
        ({("a", ("b", HIDDEN)): 1}, f"a key of input.value {IS_SECRET}"),
        ({(1, math.inf): 1}, f"a key of input.value=inf {NO_NUMBER}"),
    ],
)
async def test_keys_that_are_tuples(
    client: AsyncStreamingClient, base: Any, value: Any, said: str
) -> None:
    model: Any = pydantic.create_model("Request", __base__=base, note=(Any, None), value=(Any, ...))
    with pytest.raises(ConfigError) as raised:
        client.stream("acme/echo", input=model(value=value))
    if MASKS_ANYWHERE or "SecretStr" not in said:
        assert raised.value.message == said
    else:
        assert "a key of input.value is of type tuple, which is not a" in raised.value.message


def listed(value: Any) -> Any:
    return [value]


def in_items(value: Any) -> Any:
    return {"items": value}


class Login(pydantic.BaseModel):
    key: SecretStr = HIDDEN


class InList(pydantic.BaseModel):
    key: Annotated[SecretStr, PlainSerializer(listed, when_used="json")] = HIDDEN


class InMapping(pydantic.BaseModel):
    keys: Annotated[list[SecretStr], PlainSerializer(in_items, when_used="json")] = [HIDDEN]


class AsText(pydantic.BaseModel):
    key: Annotated[SecretStr, PlainSerializer(lambda key: f"Key {key}")] = HIDDEN


class Dumped(pydantic.BaseModel):
    login: Login = Login()

    @field_serializer("login")
    def dumped(self, login: Login) -> Any:
        return login.model_dump(mode="json")


class DumpedToText(pydantic.BaseModel):
    login: Login = Login()

    @field_serializer("login")
    def dumped(self, login: Login) -> Any:
        return login.model_dump_json()


class InKey(pydantic.BaseModel):
    key: SecretBytes = SecretBytes(b"open sesame")

    @model_serializer_of
    def named(self) -> Any:
        return {"names": [{f"{self.key}": 1}]}


class Authorized(pydantic.BaseModel):
    key: SecretStr = Field(default=HIDDEN, exclude=True)
    file: bytes = b"file"
    _own: SecretStr = pydantic.PrivateAttr(default=HIDDEN)

    def give(self) -> str:
        return f"Bearer {self.key}"

    # So that both type checkers take it; it is what the decorators do.
    authorization = pydantic.computed_field(property(give))


class Private(pydantic.BaseModel):
    _own: SecretStr = pydantic.PrivateAttr(default=HIDDEN)

    def give(self) -> str:
        return str(self._own)

    own = pydantic.computed_field(property(give))


class Own(SecretStr):
    def _display(self) -> str:
        return "<hidden>"


class OwnMask(pydantic.BaseModel):
    key: Annotated[Own, PlainSerializer(lambda key: f"Key {key}")] = Own("open sesame")


class Numbers(pydantic.BaseModel):
    numbers: Annotated[list[float], PlainSerializer(in_items, when_used="json")] = [1, math.nan]


class Number(pydantic.BaseModel):
    number: Annotated[float, PlainSerializer(listed, when_used="json")] = math.inf


class Keys(pydantic.BaseModel):
    keys: Annotated[dict[Any, int], PlainSerializer(listed, when_used="json")] = {1: 2, "1": 3}


class Outer(pydantic.BaseModel):
    inner: Any


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (InList(), f"input.inner.key[0] {HAS_MASK}"),
        (InMapping(), f"input.inner.keys.items[0] {HAS_MASK}"),
        (AsText(), f"input.inner.key {HAS_MASK}"),
        (Dumped(), f"input.inner.login.key {HAS_MASK}"),
        (DumpedToText(), f"input.inner.login {HAS_MASK}"),
        (InKey(), f"a key of input.inner.names[0] {HAS_MASK}"),
        (Authorized(), f"input.inner.authorization {HAS_MASK}"),
        (Private(), f"input.inner.own {HAS_MASK}"),
        (OwnMask(), f"input.inner.key {HAS_MASK}"),
        (Numbers(), f"input.inner.numbers[1]=nan {NO_NUMBER}"),
        (Number(), f"input.inner.number=inf {NO_NUMBER}"),
        (Keys(), f"input.inner.keys {ONE_KEY}"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, pydantic.BaseModel) else "",
)
async def test_what_a_serializer_hides(
    fal: LocalFal, client: AsyncStreamingClient, given: Any, said: str
) -> None:
    for wrap in (Outer, dict):
        with pytest.raises(ConfigError) as raised:
            client.stream("acme/echo", input=wrap(inner=given))
        if MASKS_ANYWHERE or not isinstance(given, (InList, InMapping)):
            assert raised.value.message == said
        else:
            assert "SecretStr" in raised.value.message
    assert fal.requests == []


class Revealing(TypedInJSON):
    key: SecretStr = HIDDEN
    mark: str = "**********"
    line: str = "a line"

    @field_serializer("key", when_used="json")
    def revealed(self, key: SecretStr) -> Any:
        return {"key": key.get_secret_value(), "line": "*" * 20}


class NumberAsText(TypedInJSON):
    number: float = math.nan
    nothing: Any = None
    renamed: Any = Field(default=None, serialization_alias="name")
    by_id: dict[int, int] = {1: 2}

    @field_serializer("number", when_used="json")
    def written(self, number: float) -> str:
        return f"{number}"


class Few(Sparse):
    first: Any = Field(default=None, serialization_alias="theFirst")
    second: Any = Field(default=None, serialization_alias="theSecond")


async def test_what_the_model_means_is_sent(fal: LocalFal, client: AsyncStreamingClient) -> None:
    fal.add("acme/echo", lambda request: [request.input])
    given = [Revealing(), NumberAsText(), Few(second={2: None, 3: 1.5})]
    assert await client.stream("acme/echo", input=given).done() == [
        {
            "type": "auth",
            "key": {"key": "open sesame", "line": "*" * 20},
            "mark": "**********",
            "line": "a line",
        },
        {"type": "auth", "number": "nan", "nothing": None, "name": None, "by_id": {"1": 2}},
        {"theSecond": {"2": None, "3": 1.5}},
    ]
