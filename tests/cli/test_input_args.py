from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from fal_stream import ConfigError
from fal_stream._cli.input_args import parse_input_args, parse_json


@pytest.mark.parametrize(
    ("items", "value"),
    [
        ([], {}),
        (["a=b"], {"a": "b"}),
        (["a="], {"a": ""}),
        (["a=b=c@d:=e"], {"a": "b=c@d:=e"}),
        (["prompt=a fox, 東京"], {"prompt": "a fox, 東京"}),
        (["a:=1", "b:=null", 'c:=[1, "x"]', "d:=true", 'e:={"f": 1.5}'], None),
        (["mail=a@b", "a=1", "a=2"], {"mail": "a@b", "a": "2"}),
        (["a[b]=c", "a[d][e]:=1"], {"a": {"b": "c", "d": {"e": 1}}}),
        (["a[]=b", "a[]:=2", "a[0]=c"], {"a": ["c", 2]}),
        (["a[0][p]=x", "a[0][s]:=1", "a[1][p]=y"], {"a": [{"p": "x", "s": 1}, {"p": "y"}]}),
        (["a[][p]=x", "a[][p]=y"], {"a": [{"p": "x"}, {"p": "y"}]}),
        (["a[][]=x"], {"a": [["x"]]}),
        (["a:={}", "a[0]=x"], {"a": {"0": "x"}}),
        (["a[b c]=d"], {"a": {"b c": "d"}}),
    ],
)
def test_items(items: list[str], value: Any) -> None:
    if value is None:
        value = {"a": 1, "b": None, "c": [1, "x"], "d": True, "e": {"f": 1.5}}
    assert parse_input_args(items) == value


def test_a_file() -> None:
    given = parse_input_args(["a@fox.png", "b[]@x=y@z", "c@~/fox.png"])
    assert given["a"] == Path("fox.png")
    assert given["b"] == [Path("x=y@z")]
    assert given["c"] == Path.home() / "fox.png"


def test_items_go_into_what_is_given() -> None:
    assert parse_input_args(["a[]:=3", "b=x"], {"a": [1, 2]}) == {"a": [1, 2, 3], "b": "x"}
    assert parse_input_args([], [1]) == [1]


@pytest.mark.parametrize(
    ("items", "message"),
    [
        (["prompt"], "'prompt' has no key and value: give key=text, key:=json or key@file"),
        (["key-id:key-secret"], "'key-id' has no key and value"),
        (["=x"], "'' is not a key"),
        (["[a]=x"], "'[a]' is not a key"),
        (["a[b=x"], "'a[b' is not a key"),
        (["a[b]c=x"], "'a[b]c' is not a key"),
        (["a@"], "a@ names no file"),
        (["a:=fox"], "What follows a:= is not JSON: Expecting value in line 1, column 1; for a"),
        (["a:="], "What follows a:= is not JSON"),
        (["a:=[1,"], "What follows a:= is not JSON"),
        (["a:=" + "[" * 100_000], "nested too deeply"),
        (["a:=" + "9" * 5000], "What follows a:= is not JSON"),
        (["a=\udcff"], "a= is followed by what is no text in UTF-8"),
        (["a=1", "a[b]=2"], "a[b] needs an object where a text stands already"),
        (["a:=1", "a[]=2"], "a[] needs a list where a number stands already"),
        (["a[]=1", "a[b]=2"], "a[b] needs an object where a list stands already"),
        (["a[b]=1", "a[]=2"], "a[] needs a list where a object stands already"),
        (["a@f", "a[]=2"], "a[] needs a list where a file stands already"),
        (["a[1]=x"], "a[1] leaves a gap: its list has 0 elements so far"),
        (["a[" + "9" * 5000 + "]=x"], "leaves a gap"),
    ],
)
def test_wrong_items(items: list[str], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_input_args(items)
    assert message in str(caught.value)
    assert "key-secret" not in str(caught.value)


def test_items_do_not_go_into_a_list() -> None:
    with pytest.raises(ConfigError, match="The JSON of --input is a list"):
        parse_input_args(["a=b"], [1])


def test_json_that_is_no_text() -> None:
    with pytest.raises(ConfigError, match="--input is not JSON: it is no text in utf-8"):
        parse_json("--input", b'"\xff"')
