"""The input of an app, and the files in it."""

from __future__ import annotations

import copy
import dataclasses
import datetime as dt
import io
import json
import math
import re
import types
from collections import OrderedDict, UserDict, deque
from pathlib import Path
from typing import Any, NamedTuple

import pydantic
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fal_stream import ConfigError
from fal_stream._input_files.detect import is_file
from fal_stream._shared.inputs import (
    EncodedInput,
    InputFile,
    encode_input,
    file_refusal,
)

RAW = b"\xff\x00raw"


class Size(pydantic.BaseModel):
    width: int
    height: int = 64


@dataclasses.dataclass
class Prompt:
    text: str
    extra: Any = None


class Pair(NamedTuple):
    first: Any
    second: Any


def take(data: Any) -> EncodedInput:
    return encode_input(data, is_file)


def places(taken: EncodedInput) -> list[str]:
    return [found.place for found in taken.files]


def test_models_and_dataclasses_are_json_too() -> None:
    value = {"prompts": [Prompt("x", Size(width=1)), Size(width=2, height=3)]}
    assert json.loads(take(value).encode()) == {
        "prompts": [
            {"text": "x", "extra": {"width": 1, "height": 64}},
            {"width": 2, "height": 3},
        ]
    }


def test_a_lone_surrogate_is_sent_as_an_escape() -> None:
    assert take({"a": "\ud800ü"}).encode() == b'{"a":"\\ud800\\u00fc"}'


def test_other_text_is_sent_as_it_is() -> None:
    assert take({"a": "ü", "b": "\N{FOX FACE}"}).encode() == '{"a":"ü","b":"\N{FOX FACE}"}'.encode()
    assert take(["\ud800", 1]).encode() == b'["\\ud800",1]'


def test_every_mapping_is_an_object() -> None:
    value = types.MappingProxyType({"a": OrderedDict(b=1)})
    assert take(value).encode() == b'{"a":{"b":1}}'


def test_an_input_without_files_is_itself() -> None:
    taken = take({"a": [1, "x", None, True, 0.5], "b": {}})
    assert taken.files == ()
    assert taken.filled() == {"a": [1, "x", None, True, 0.5], "b": {}}
    assert taken.encode() == b'{"a":[1,"x",null,true,0.5],"b":{}}'


def test_files_are_found_anywhere() -> None:
    image, mask, sound = io.BytesIO(b"1"), Path("mask.png"), bytearray(b"2")
    taken = take(
        {
            "images": ["https://a/b", (image, RAW)],
            "mask": mask,
            "prompt": Prompt("x", {"sound": sound}),
            "pair": Pair(memoryview(b"3"), 4),
        }
    )
    assert places(taken) == [
        "input.images[1][0]",
        "input.images[1][1]",
        "input.mask",
        "input.prompt.extra.sound",
        "input.pair[0]",
    ]
    assert [found.file for found in taken.files[:4]] == [image, RAW, mask, sound]
    assert json.loads(taken.encode(["u0", "u1", "u2", "u3", "u4"])) == {
        "images": ["https://a/b", ["u0", "u1"]],
        "mask": "u2",
        "prompt": {"text": "x", "extra": {"sound": "u3"}},
        "pair": ["u4", 4],
    }


def test_the_input_itself_may_be_a_file() -> None:
    taken = take(RAW)
    assert places(taken) == ["input"]
    assert taken.filled(["u"]) == "u"


def test_a_file_that_stands_there_twice_is_one() -> None:
    image = io.BytesIO(b"x")
    other = io.BytesIO(b"x")
    taken = take([image, {"again": image}, other, Prompt("", image)])
    assert places(taken) == ["input[0]", "input[2]"]
    assert taken.filled(["a", "b"]) == ["a", {"again": "a"}, "b", {"text": "", "extra": "a"}]


def test_each_file_needs_an_address() -> None:
    with pytest.raises(ValueError, match="0 addresses were given for 1 files"):
        take([RAW]).encode()


def test_what_the_caller_does_later_changes_nothing() -> None:
    model = Size(width=1)
    given: dict[str, Any] = {"list": [1, RAW], "model": model, "prompt": Prompt("x", [2])}
    taken = take(given)
    given["list"].append(3)
    given["new"] = 4
    given["prompt"].extra.append(5)
    model.width = 6
    assert taken.filled(["u"]) == {
        "list": [1, "u"],
        "model": {"width": 1, "height": 64},
        "prompt": {"text": "x", "extra": [2]},
    }


def test_what_is_done_with_the_result_changes_nothing() -> None:
    taken = take({"list": [RAW]})
    taken.filled(["u"])["list"].append(1)
    assert taken.filled(["v"]) == {"list": ["v"]}


def holds_itself(*more: Any) -> Any:
    value: dict[str, Any] = {"list": list(more)}
    value["list"].append(value)
    return value


def deep(levels: int, value: Any) -> Any:
    for _ in range(levels):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (
            {"a": 1j},
            (
                "input.a is of type complex, which is not a JSON value: give a dict, list, string, "
                "number, boolean, None, a pydantic model or a dataclass"
            ),
        ),
        ({"a": {1, 2}}, "input.a is of type set, which is not a JSON value: give list() of it"),
        ({"a": iter([b"x"])}, "input.a is of type list_iterator"),
        (io.BytesIO, "input is of type type"),
        (Size, "input is of type ModelMetaclass"),
        ({"a": [1, {"b": float("nan")}]}, "input.a[1].b=nan has no JSON form"),
        ([1.5, float("-inf")], "input[1]=-inf has no JSON form"),
        ({"a": {(1, 2): 3}}, "input.a has the key (1, 2)"),
        (holds_itself(RAW), "input.list[1] contains itself"),
        (deep(100_000, RAW), "[0] contains itself or is nested too deeply"),
        ([10**5000], "input can't be sent as JSON: Exceeds the limit"),
    ],
)
def test_what_is_no_json_is_named(value: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(message)):
        take(value).encode()


def test_a_model_that_pydantic_cannot_dump_is_named() -> None:
    class Odd(pydantic.BaseModel):
        value: Any

    message = r"^input\.odd can't be sent as JSON: pydantic can't dump this Odd: .*object"
    with pytest.raises(ConfigError, match=message):
        take({"odd": Odd(value=object())})
    ring = Odd(value=1)
    for inside in ([ring], [RAW, ring]):
        ring.value = inside
        with pytest.raises(ConfigError, match=r"^input\.odd can't be sent as JSON: pydantic .+"):
            take({"odd": ring})


def test_what_holds_itself_is_named() -> None:
    prompt = Prompt("x")
    prompt.extra = [prompt]
    with pytest.raises(ConfigError, match=r"^input\.p\.extra\[0\] contains itself or is nested"):
        take({"p": prompt})

    class Holder(pydantic.BaseModel):
        value: Any

    with pytest.raises(ConfigError, match=r"^input\.h can't be sent as JSON: pydantic .+"):
        take({"h": Holder(value={"file": RAW, "again": holds_itself(RAW)})})
    ring: dict[str, Any] = {"file": RAW}
    ring["again"] = ring
    with pytest.raises(ConfigError, match=r"^input\.h can't be sent as JSON: pydantic .+"):
        take({"h": Holder(value=ring)})
    holder = Holder(value=[RAW, prompt])
    prompt.extra = [RAW, holder]
    with pytest.raises(ConfigError, match=r"^input\.h\.value.* contains itself|^input\.h can't be"):
        take({"h": holder})


class Exhausting(UserDict[str, Any]):
    def items(self) -> Any:
        raise RecursionError


def test_what_exhausts_the_stack_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"^input contains itself or is nested too deeply"):
        take({"a": Exhausting()})


def test_what_a_model_gives_is_named_by_its_place() -> None:
    class Holder(pydantic.BaseModel):
        value: Any = None

        def model_dump(self, **options: Any) -> Any:
            return {"value": math.nan}

    with pytest.raises(ConfigError, match=r"^input\.h\.value=nan has no JSON form"):
        take({"h": Holder()})


def test_deep_models_are_refused_without_a_crash() -> None:
    class Node(pydantic.BaseModel):
        child: Any

    node = Node(child=RAW)
    for _ in range(400):
        node = Node(child=node)
    with pytest.raises(ConfigError, match=r"nested too deeply|can't be sent as JSON"):
        take(node)


@pytest.mark.parametrize(
    ("file", "message"),
    [
        (b"abc", "input.images[2] is a file (bytes, 3 bytes): leave auto_upload on, or give a URL"),
        (bytearray(b"a"), "is a file (bytearray, 1 byte): "),
        (memoryview(b"abcd").cast("H"), "is a file (memoryview, 4 bytes): "),
        (io.BytesIO(b"abc"), "is a file (BytesIO): "),
        (
            Path("fox.png"),
            "Path('fox.png')): leave auto_upload on, or give a URL or a data URI; if",
        ),
    ],
)
def test_a_refused_file_is_named(file: Any, message: str) -> None:
    (found,) = take({"images": ["a", "b", file]}).files
    error = file_refusal(found)
    assert isinstance(error, ConfigError)
    assert str(error).startswith("input.images[2] is a file (")
    assert message in str(error)


def test_no_repr_shows_a_file() -> None:
    assert repr(InputFile("input.a", b"secret")) == "InputFile(place='input.a')"


FILES = st.one_of(
    st.binary(max_size=3),
    st.builds(bytearray, st.binary(max_size=3)),
    st.builds(Path, st.text("ab", min_size=1, max_size=3)),
)
LEAVES = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False),
    st.text(), FILES,
)  # fmt: skip
INPUTS = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.tuples(inner, inner),
        st.dictionaries(st.text(max_size=3), inner, max_size=4),
        st.builds(Prompt, st.text(max_size=3), inner),
        st.builds(Pair, inner, inner),
    ),
    max_leaves=20,
)


def by_hand(value: Any, urls: dict[int, str]) -> Any:
    if id(value) in urls:
        return urls[id(value)]
    if isinstance(value, dict):
        return {key: by_hand(item, urls) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [by_hand(item, urls) for item in value]
    if isinstance(value, Prompt):
        return {"text": value.text, "extra": by_hand(value.extra, urls)}
    assert not isinstance(value, (bytes, bytearray, Path))
    return value


@settings(max_examples=300)
@given(INPUTS)
def test_it_is_as_if_replaced_by_hand(data: Any) -> None:
    before = copy.deepcopy(data)
    taken = take(data)
    urls = [f"https://files/{index}" for index in range(len(taken.files))]
    expected = by_hand(
        data, {id(found.file): url for found, url in zip(taken.files, urls, strict=True)}
    )
    assert taken.filled(urls) == expected
    assert json.loads(taken.encode(urls)) == json.loads(json.dumps(expected))
    assert data == before


def test_a_date_in_a_dataclass_is_refused_but_not_in_a_model() -> None:
    today = dt.date(2026, 1, 2)
    with pytest.raises(ConfigError, match=r"^input\.extra is of type date"):
        take(Prompt("", today))

    class Holder(pydantic.BaseModel):
        prompt: Prompt
        files: deque[bytes]

    assert take(Holder(prompt=Prompt("", [today, RAW]), files=deque([RAW]))).filled(["u"]) == {
        "prompt": {"text": "", "extra": ["2026-01-02", "u"]},
        "files": ["u"],
    }
