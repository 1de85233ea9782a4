"""Data URIs and base64."""

from __future__ import annotations

import base64
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fal_stream._shared.data_uri import data_head, decode_base64, decode_data_uri


@pytest.mark.parametrize(
    ("text", "media_type", "data"),
    [
        ("data:image/png;base64,aGk=", "image/png", b"hi"),
        ("data:image/PNG;name=a;BASE64,aGk", "image/png", b"hi"),
        ("data:;base64,aG%6B%3D", None, b"hi"),
        ("DATA:image/svg+xml,%3Csvg/%3E", "image/svg+xml", b"<svg/>"),
        ("data:,a b", None, b"a b"),
        ("data:a/b;base64,aG\n k=", "a/b", b"hi"),
        ("data:a/b;base64,-_8=", "a/b", b"\xfb\xff"),
        ("data:a/b;base64,", "a/b", b""),
    ],
)
def test_data(text: str, media_type: str | None, data: bytes) -> None:
    head = data_head(text)
    assert head is not None
    assert head.content_type == media_type
    assert decode_data_uri(text) == data


@pytest.mark.parametrize(
    "text",
    ["", "data", "data:", "data:x", "data: a text, with a comma", "data:image/png", "date:,", "x"],
)
def test_what_is_no_data_uri(text: str) -> None:
    assert data_head(text) is None
    with pytest.raises(ValueError, match="is no data URI: '"):
        decode_data_uri(text)


@pytest.mark.parametrize("data", ["!", "a", "a=b", "aGk=aGk=", "\u00fc", "aGk===="])
def test_what_is_no_base64(data: str) -> None:
    with pytest.raises(ValueError, match="is no base64: '"):
        decode_base64(data)
    with pytest.raises(ValueError, match="is no base64: '"):
        decode_data_uri(f"data:a/b;base64,{data}")


def test_messages_are_short() -> None:
    with pytest.raises(ValueError, match="is no base64") as caught:
        decode_base64("!" * 1_000_000)
    assert len(str(caught.value)) < 120
    with pytest.raises(ValueError, match="is no data URI") as caught:
        decode_data_uri("data:" + ";" * 1_000_000)
    assert len(str(caught.value)) < 120


@given(st.binary(max_size=300))
def test_there_and_back(data: bytes) -> None:
    text = base64.b64encode(data).decode()
    assert decode_base64(text) == decode_base64(text.rstrip("=")) == data
    assert decode_base64(base64.urlsafe_b64encode(data)) == data
    assert decode_data_uri(f"data:a/b;base64,{text}") == data
    assert decode_data_uri(f"data:a/b;base64,{quote(text, safe='')}") == data
    assert decode_data_uri(f"data:a/b,{quote(data, safe='')}") == data


@given(st.text(max_size=200))
def test_any_text(text: str) -> None:
    head = data_head("data:" + text)
    if head is None:
        with pytest.raises(ValueError, match="is no data URI"):
            decode_data_uri("data:" + text)
