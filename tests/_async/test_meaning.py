"""What JSON would change on the way: an error that names the place and the way out."""

from __future__ import annotations

import dataclasses
import datetime as dt
import decimal
import enum
import fractions
import ipaddress
import math
import uuid
from collections import deque
from collections.abc import ItemsView, Iterator, Mapping
from typing import Any

import pydantic
import pytest
from pydantic import ConfigDict, Field, RootModel, SecretBytes, SecretStr, field_serializer
from pydantic.dataclasses import dataclass as pydantic_dataclass

from fal_stream import AsyncStreamingClient, ConfigError, Secret
from fal_stream.testing import LocalFal

numpy = pytest.importorskip("numpy")

HIDDEN = SecretStr("open sesame")


class Login(pydantic.BaseModel):
    key: SecretStr = HIDDEN


class Nested(pydantic.BaseModel):
    model_config = ConfigDict(extra="allow", arbitrary_types_allowed=True)

    login_: Login | None = Field(default=None, alias="login")
    anything: Any = None
    by_name: dict[Any, Any] = Field(default_factory=dict)
    many: list[Any] = Field(default_factory=list)


class Computed(pydantic.BaseModel):
    def give(self) -> SecretStr:
        return HIDDEN

    # So that both type checkers take it; it is what the decorators do.
    key = pydantic.computed_field(property(give))


@dataclasses.dataclass
class Plain:
    value: Any = None


@pydantic_dataclass
class Checked:
    key: SecretStr = HIDDEN


class Style(enum.Enum):
    OIL = "oil"


class Repeated(Mapping[str, int]):
    """A mapping as those of forms: a name may come twice."""

    def __getitem__(self, name: str) -> int:
        return 1

    def __iter__(self) -> Iterator[str]:
        return iter(("a", "a"))

    def __len__(self) -> int:
        return 2

    def items(self) -> ItemsView[str, int]:
        return [("a", 1), ("a", 2)]  # type: ignore[return-value]


SECRETS: list[tuple[Any, str, str]] = [
    (HIDDEN, "input", "SecretStr"),
    ({"a": [HIDDEN]}, "input.a[0]", "SecretStr"),
    ({"a": SecretBytes(b"x")}, "input.a", "SecretBytes"),
    ({"a": pydantic.Secret[int](3)}, "input.a", "Secret"),
    (Plain(HIDDEN), "input.value", "SecretStr"),
    (Login(), "input.key", "SecretStr"),
    ({"a": [{"b": Login()}]}, "input.a[0].b.key", "SecretStr"),
    (Plain([Login()]), "input.value[0].key", "SecretStr"),
    (Nested(login=Login()), "input.login_.key", "SecretStr"),
    (Nested(anything=(1, HIDDEN)), "input.anything[1]", "SecretStr"),
    (Nested(anything=Plain(HIDDEN)), "input.anything.value", "SecretStr"),
    (Nested(by_name={"x": [SecretBytes(b"x")]}), "input.by_name.x[0]", "SecretBytes"),
    (Nested.model_validate({"extra": HIDDEN}), "input.extra", "SecretStr"),
    (Nested(many=[b"file", HIDDEN]), "input.many[1]", "SecretStr"),
    (Nested(many=[b"file", Login()]), "input.many[1].key", "SecretStr"),
    (Nested(anything=b"file", login=Login()), "input.login_.key", "SecretStr"),
    (Nested(anything=Plain([b"file", HIDDEN])), "input.anything.value[1]", "SecretStr"),
    (Computed(), "input.key", "SecretStr"),
    (Checked(), "input.key", "SecretStr"),
    (RootModel[list[SecretStr]]([HIDDEN]), "input[0]", "SecretStr"),
]


@pytest.mark.parametrize(("given", "place", "kind"), SECRETS, ids=[row[1] for row in SECRETS])
async def test_a_secret(
    fal: LocalFal, client: AsyncStreamingClient, given: Any, place: str, kind: str
) -> None:
    said = f"{place} is a {kind}, which would be sent as asterisks: give its get_secret_value"
    with pytest.raises(ConfigError) as raised:
        client.stream("acme/echo", input=given)
    assert raised.value.message == f"{said}()"
    assert fal.requests == []


class Revealing(Login):
    @field_serializer("key")
    def revealed(self, value: Any) -> str:
        assert isinstance(value, SecretStr)
        return value.get_secret_value()


class RevealingInJSON(Login):
    @field_serializer("key", when_used="json")
    def revealed(self, value: SecretStr) -> str:
        return value.get_secret_value()


class Silent(pydantic.BaseModel):
    key: SecretStr = Field(default=HIDDEN, exclude=True)
    mark: str = "**********"


async def test_secrets_that_the_model_reveals_or_leaves_out(
    fal: LocalFal, client: AsyncStreamingClient
) -> None:
    fal.add("acme/echo", lambda request: [request.input])
    given = [Revealing(), {"a": RevealingInJSON()}, Silent(), Login(key=SecretStr(""))]
    assert await client.stream("acme/echo", input=given).done() == [
        {"key": "open sesame"},
        {"a": {"key": "open sesame"}},
        {"mark": "**********"},
        {"key": ""},
    ]


OTHERS: list[tuple[Any, str]] = [
    (numpy.bool_(True), "item()"),
    (numpy.int64(3), "item()"),
    (numpy.float32(3), "item()"),
    (numpy.datetime64("2026-01-01"), "item()"),
    (numpy.array(3), "item()"),
    (numpy.zeros(3), "tolist()"),
    (numpy.zeros((2, 2)), "tolist()"),
]


@pytest.mark.parametrize(("value", "hint"), OTHERS, ids=[repr(row[0]) for row in OTHERS])
@pytest.mark.parametrize(
    ("wrap", "place", "name"),
    [
        (lambda value: value, "input", ""),
        (lambda value: {"a": [1, value]}, "input.a[1]", ""),
        (lambda value: Plain({"a": value}), "input.value.a", ""),
        (lambda value: Nested(anything=value), "input.anything", "Nested"),
        (lambda value: {"n": Nested(many=[1, {"a": value}])}, "input.n.many[1].a", "Nested"),
        (lambda value: Nested(many=[b"file", value]), "input.many[1]", "Nested"),
        (lambda value: Nested(anything=Plain([value])), "input.anything.value[0]", "Nested"),
    ],
)
async def test_values_of_numpy(
    fal: LocalFal,
    client: AsyncStreamingClient,
    value: Any,
    hint: str,
    wrap: Any,
    place: str,
    name: str,
) -> None:
    with pytest.raises(ConfigError) as raised:
        client.stream("acme/echo", input=wrap(value))
    kind = f"numpy.{type(value).__name__}"
    said = f"{place} is of type {kind}, which is not a JSON value: give its {hint}"
    assert raised.value.message.endswith(said)
    if name and raised.value.message != said:
        assert f"pydantic can't dump this {name}: " in raised.value.message
    assert fal.requests == []


async def test_values_of_numpy_in_the_query(client: AsyncStreamingClient) -> None:
    kind = f"numpy.{type(numpy.bool_(True)).__name__}"
    with pytest.raises(ConfigError) as raised:
        client.stream("acme/echo", query_params={"on": numpy.bool_(True)})
    assert raised.value.message == (
        f"query_params['on'] must be a string, a number or a boolean, not a {kind}: give its item()"
    )


@pytest.mark.parametrize("value", [numpy.float64(1.5), numpy.str_("a")])
async def test_values_of_numpy_that_are_pythons(
    fal: LocalFal, client: AsyncStreamingClient, value: Any
) -> None:
    fal.add("acme/echo", lambda request: [request.input])
    given = {"a": value, "b": Nested(anything=[value])}
    sent: Any = await client.stream("acme/echo", input=given).done()
    assert (sent["a"], sent["b"]["anything"]) == (value, [value])


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (Secret("x"), " is of type Secret, which is not a JSON value: give what its reveal() ret"),
        (Style.OIL, " is of type Style, which is not a JSON value: give its value"),
        (dt.date(2026, 1, 2), " is of type date, which is not a JSON value: give its isoformat()"),
        (numpy.float64("nan"), "=nan has no JSON form: replace it by a finite number or None"),
        (
            decimal.Decimal("1.50"),
            " is of type Decimal, which is not a JSON value: give float() of it, or str() where ea",
        ),
        (fractions.Fraction(1, 3), " is of type Fraction, which is not a JSON value: give float("),
        (uuid.uuid4(), " is of type UUID, which is not a JSON value: give str() of it"),
        (ipaddress.ip_address("::1"), " is of type IPv6Address, which is not a JSON value: give s"),
        (dt.timedelta(1), " is of type timedelta, which is not a JSON value: give its total_secon"),
        ({1, 2}, " is of type set, which is not a JSON value: give list() of it"),
        (range(2), " is of type range, which is not a JSON value: give list() of it"),
        (iter([1]), " is of type list_iterator, which is not a JSON value: give list() of it"),
        (deque([1]), " is of type deque, which is not a JSON value: give list() of it"),
        ({b"k": 1}, " has the key b'k': the keys of JSON objects are strings; give its decode()"),
        ({Style.OIL: 1}, " has the key <Style.OIL: 'oil'>: the keys of JSON objects are strings; "),
    ],
)
async def test_other_values(client: AsyncStreamingClient, value: Any, message: str) -> None:
    with pytest.raises(ConfigError) as raised:
        client.stream("acme/echo", input={"a": value})
    assert raised.value.message.startswith(f"input.a{message}")


@pytest.mark.parametrize(
    ("given", "place", "keys"),
    [
        ({1: "a", "1": "b"}, "input", "1 and '1'"),
        ({"1": "a", 1: "b"}, "input", "'1' and 1"),
        ({"x": [{True: 1, "true": 2}]}, "input.x[0]", "True and 'true'"),
        ({None: 1, "null": 2}, "input", "None and 'null'"),
        ({1.5: 1, "1.5": 2}, "input", "1.5 and '1.5'"),
        (Plain({0: 1, "0": 2}), "input.value", "0 and '0'"),
        (Repeated(), "input", "'a' and 'a'"),
        ({"a": Nested(by_name={1: 1, "1": 2})}, "input.a.by_name", "1 and '1'"),
        (Nested(anything=[{1: 1, "1": 2}]), "input.anything[0]", "1 and '1'"),
        (Nested(anything={True: 1, "true": 2}), "input.anything", "True and 'true'"),
        (Nested(anything=[b"file", {1: 1, "1": 2}]), "input.anything[1]", "1 and '1'"),
        (
            Nested(anything={Style.OIL: 1, "oil": 2}),
            "input.anything",
            f"{Style.OIL!r} and 'oil'",
        ),
        (Nested(anything={b"k": 1, "k": 2}), "input.anything", "b'k' and 'k'"),
        (
            Nested(anything={dt.timedelta(1): 1, "P1D": 2}),
            "input.anything",
            "datetime.timedelta(days=1) and 'P1D'",
        ),
        (Plain(Nested(many=[{1: 1, "1": 2}])), "input.value.many[0]", "1 and '1'"),
        (RootModel[dict[Any, int]]({1: 1, "1": 2}), "input", "1 and '1'"),
    ],
)
@pytest.mark.parametrize("method", ["POST", "GET"])
async def test_two_keys_that_become_one(
    fal: LocalFal,
    client: AsyncStreamingClient,
    given: Any,
    place: str,
    keys: str,
    method: str,
) -> None:
    with pytest.raises(ConfigError) as raised:
        client.stream("acme/echo", input=given, method=method)
    assert raised.value.message == (
        f"{place} has the keys {keys}, which are the same key in JSON: rename or leave out one of "
        "them"
    )
    assert fal.requests == []


async def test_keys_that_are_no_strings(fal: LocalFal, client: AsyncStreamingClient) -> None:
    fal.add("acme/echo", lambda request: [request.input])
    given = {2: "a", 2.5: "b", True: "c", None: "d", 10**40: "e"}
    assert await client.stream("acme/echo", input=given).done() == {
        "2": "a",
        "2.5": "b",
        "true": "c",
        "null": "d",
        str(10**40): "e",
    }
    for key in (float("nan"), numpy.int64(1), (1, 2), b"a", Style.OIL):
        with pytest.raises(ConfigError, match=r"^input\.a has the key .*: the keys of JSON"):
            client.stream("acme/echo", input={"a": {key: 1}})


@pytest.mark.parametrize(
    ("given", "place"),
    [
        (Nested(anything=float("nan")), "input.anything=nan"),
        ([Nested(many=[1.5, float("inf")])], "input[0].many[1]=inf"),
        (Nested(by_name={"a": [float("-inf")]}), "input.by_name.a[0]=-inf"),
        (Nested(many=[b"file", float("nan")]), "input.many[1]=nan"),
    ],
)
async def test_numbers_without_json(client: AsyncStreamingClient, given: Any, place: str) -> None:
    with pytest.raises(ConfigError) as raised:
        client.stream("acme/echo", input=given)
    assert raised.value.message == (
        f"{place} has no JSON form: replace it by a finite number or None"
    )


async def test_numbers_that_the_model_makes_none(
    fal: LocalFal, client: AsyncStreamingClient
) -> None:
    class Asked(pydantic.BaseModel):
        model_config = ConfigDict(ser_json_inf_nan="null")
        anything: Any = float("nan")

    fal.add("acme/echo", lambda request: [request.input])
    assert await client.stream("acme/echo", input=[Asked()]).done() == [{"anything": None}]


@pytest.mark.parametrize(
    ("key", "message"),
    [
        (SecretStr("hush"), "a key of input.anything is a SecretStr"),
        (math.nan, "a key of input.anything=nan has no JSON form"),
        (math.inf, "a key of input.anything=inf has no JSON form"),
    ],
)
async def test_keys_that_json_would_change(
    fal: LocalFal, client: AsyncStreamingClient, key: Any, message: str
) -> None:
    with pytest.raises(ConfigError, match=message) as raised:
        client.stream("acme/echo", input=Nested(anything={key: 1}))
    assert "hush" not in str(raised.value)
    assert fal.requests == []
