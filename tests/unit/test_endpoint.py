"""Endpoint ids, addresses, trust."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fal_stream import ConfigError
from fal_stream._shared.endpoint import (
    EndpointId,
    backup_url,
    may_have_key,
    names_this_machine,
    parse_endpoint_id,
    same_origin,
    stream_path,
    stream_url,
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("fal-ai/flux", EndpointId(None, "fal-ai", "flux")),
        ("fal-ai/flux-pro/v1.1-ultra", EndpointId(None, "fal-ai", "flux-pro", "v1.1-ultra")),
        ("a/b/c/d", EndpointId(None, "a", "b", "c/d")),
        ("workflows/me/mine", EndpointId("workflows", "me", "mine")),
        ("comfy/me/mine/x", EndpointId("comfy", "me", "mine", "x")),
        ("12345-my-app", EndpointId(None, "12345", "my-app")),
    ],
)
def test_an_id_is_taken_apart(text: str, expected: EndpointId) -> None:
    assert parse_endpoint_id(text) == expected
    assert str(expected) == text.replace("12345-", "12345/")


BAD_IDS: list[Any] = [
    "", "flux", "fal-ai/", "/flux", "fal-ai//flux", "fal-ai/flux/", "fal-ai/../x", "../../x",
    "fal-ai/./x", "fal-ai/%2f", "@evil.com/x", "a/b@evil.com",
    "https://fal.run/a/b", "//evil.com/x", "a\\b/c", "a/b\r\nx", "a/b c", "a/bü", "workflows/me",
    "abc-def", "a/b\0", "a/b;c", ".a/b", "a/b.", None, 3, b"a/b", ["a", "b"],
]  # fmt: skip


@pytest.mark.parametrize("text", BAD_IDS)
def test_anything_else_is_refused(text: Any) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_endpoint_id(text)
    assert str(caught.value) == (
        f"endpoint_id={text!r} is not an endpoint id: give owner/alias[/path] as on the model's "
        "page, like 'fal-ai/flux/dev'; an address goes into the url option"
    )


A_QUERY = "a query goes into the query_params option"
AN_ADDRESS = "an address goes into the url option"
A_KEY = "a key goes into credentials=..., and an address into the url option"


@pytest.mark.parametrize(
    ("text", "shown", "place"),
    [
        ("fal-ai/flux?x=1", "fal-ai/flux?...", A_QUERY),
        ("fal-ai/flux?token=secret", "fal-ai/flux?...", A_QUERY),
        ("fal-ai/flux?key=secret#x", "fal-ai/flux?...", A_QUERY),
        ("fal-ai/flux#x", "fal-ai/flux#...", AN_ADDRESS),
        ("fal-ai/flux#x?y=secret", "fal-ai/flux#...", A_QUERY),
        ("me:secret@fal.run/a/b", "fal.run/a/b", AN_ADDRESS),
        ("https://fal.run/a?key=secret", "https://fal.run/a?...", AN_ADDRESS),
        ("0f5e3c1d:secret", "0f5e3c1d:...", A_KEY),
        ("0f5e3c1d:secret:x", "0f5e3c1d:...", A_KEY),
        ("fal-ai/0f5e3c1d:secret", "fal-ai/0f5e3c1d:...", A_KEY),
        ("https://me:secret@fal.run/a", "https://fal.run/a", AN_ADDRESS),
        ("https://me:se@cret@fal.run/a", "https://fal.run/a", AN_ADDRESS),
    ],
)
def test_what_may_be_secret_in_an_id_is_not_shown(text: str, shown: str, place: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_endpoint_id(text)
    message = str(caught.value)
    assert message.startswith(f"endpoint_id={shown!r} is not an endpoint id")
    assert message.endswith(f"; {place}")
    assert "secret" not in message


@given(st.text())
def test_no_text_can_change_the_host_or_climb(text: str) -> None:
    try:
        endpoint = parse_endpoint_id(text)
    except ConfigError:
        return
    url = stream_url("https://fal.run", endpoint)
    assert url.startswith("https://fal.run/")
    path = url.removeprefix("https://fal.run/")
    assert not set(path) & set("?#@\\%: \r\n\t")
    assert all(segment.strip(".") for segment in path.split("/"))


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("a/b", "https://fal.run/a/b/stream"),
        ("a/b/c", "https://fal.run/a/b/c/stream"),
        ("a/b/stream", "https://fal.run/a/b/stream"),
        ("a/b/upstream", "https://fal.run/a/b/upstream/stream"),
        ("workflows/a/b", "https://fal.run/workflows/a/b/stream"),
    ],
)
def test_the_address_of_a_stream(text: str, url: str) -> None:
    assert stream_url("https://fal.run", parse_endpoint_id(text)) == url


@pytest.mark.parametrize(
    ("endpoint_id", "path", "expected"),
    [
        ("acme/tts", "/stream", "acme/tts/stream"),
        ("acme/tts", "stream", "acme/tts/stream"),
        ("acme/tts/stream", "/stream", "acme/tts/stream"),
        ("acme/tts", "/audio/speech", "acme/tts/audio/speech"),
        ("acme/tts", "audio/speech", "acme/tts/audio/speech"),
        ("acme/tts", "/audio/speech/", "acme/tts/audio/speech/"),
        ("acme/tts", "", "acme/tts"),
        ("acme/tts", "/", "acme/tts/"),
        ("acme/tts/stream", "", "acme/tts/stream"),
        ("acme/tts/stream", "/audio", "acme/tts/stream/audio"),
        ("workflows/acme/x", "/v1/chat:go", "workflows/acme/x/v1/chat:go"),
        ("acme/tts", "/a%20b/.well-known/...", "acme/tts/a%20b/.well-known/..."),
    ],
)
def test_the_path_of_ones_own(endpoint_id: str, path: str, expected: str) -> None:
    assert stream_path(parse_endpoint_id(endpoint_id), path) == expected
    url = stream_url("https://fal.run", parse_endpoint_id(endpoint_id), path)
    assert url == f"https://fal.run/{expected}"


@pytest.mark.parametrize(
    "path",
    [
        "/..",
        "..",
        "/audio/../x",
        "/audio/.",
        "/%2e%2E/x",
        "/a%2Fb",
        "/a%5cb",
        "/a%00b",
        "//evil.com",
        "/a//b",
        "/a\\b",
        "/a b",
        "/a\n",
        "/ä",
        "/a#b",
        "/a%2",
        3,
        None,
    ],
)
def test_a_path_that_is_none(path: object) -> None:
    with pytest.raises(ConfigError) as raised:
        stream_path(parse_endpoint_id("acme/tts"), path)
    assert str(raised.value) == (
        f"path={path!r} is not the path of an endpoint: give what follows the endpoint id, like "
        "'/audio/speech', or '' for nothing"
    )


def test_a_path_with_a_query_or_a_host() -> None:
    with pytest.raises(ConfigError) as raised:
        stream_path(parse_endpoint_id("acme/tts"), "/audio?token=hidden?and=more")
    assert str(raised.value) == (
        "path='/audio?...' is not the path of an endpoint: a query goes into the query_params "
        "option"
    )
    with pytest.raises(ConfigError, match=f": {AN_ADDRESS}$"):
        stream_path(parse_endpoint_id("acme/tts"), "https://fal.run/acme/tts/audio")


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://fal.run/a/b", True),
        ("https://FAL.run/a/b", True),
        ("https://queue.fal.run/a/b", True),
        ("https://rest.fal.ai/x", True),
        ("https://falrun.com/x", True),
        ("https://mine.example.com/x", True),
        ("https://MINE.example.com:8443/x", True),
        ("http://localhost:8000/x", True),
        ("http://127.0.0.1:8000/x", True),
        ("http://127.9.9.9/x", True),
        ("http://[::1]:8000/x", True),
        ("http://fal.run/a/b", False),
        ("http://mine.example.com/x", False),
        ("https://sub.mine.example.com/x", False),
        ("https://evilfal.run/x", False),
        ("https://fal.run.evil.com/x", False),
        ("https://fal.run@evil.com/x", False),
        ("https://127.0.0.1.evil.com/x", False),
        ("http://localhost.evil.com/x", False),
        ("http://10.0.0.1/x", False),
        ("https://xxxx/x", False),
        ("https:///x", False),
    ],
)
def test_who_may_have_the_key(url: str, expected: bool) -> None:
    assert may_have_key(url, {"mine.example.com"}) is expected


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ("https://a.com/x", "https://A.com:443/y?z", True),
        ("http://a.com/x", "http://a.com:80/", True),
        ("https://a.com/x", "http://a.com/x", False),
        ("https://a.com/x", "https://a.com:444/x", False),
        ("https://a.com/x", "https://b.a.com/x", False),
    ],
)
def test_same_origin(first: str, second: str, expected: bool) -> None:
    assert same_origin(first, second) is expected


@pytest.mark.parametrize(
    ("url", "backup"),
    [
        ("https://fal.run/a/b?c=d", "https://falrun.com/a/b?c=d"),
        ("https://FAL.run/a", "https://falrun.com/a"),
        ("https://fal.run:8443/a", "https://falrun.com:8443/a"),
        ("http://fal.run/a", None),
        ("https://queue.fal.run/a", None),
        ("https://falrun.com/a", None),
        ("https:/a", None),
        ("fal.run/a", None),
    ],
)
def test_the_host_that_stands_in(url: str, backup: str | None) -> None:
    assert backup_url(url) == backup


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("localhost", True),
        ("LOCALHOST.", True),
        ("localhost%lo", True),
        ("a.localhost", True),
        ("box.localdomain", True),
        ("127.1", True),
        ("0x7f000001", True),
        ("::1%lo", True),
        ("::ffff:127.0.0.1", True),
        ("0.0.0.0", True),
        ("fe80::1%lo", False),
        ("10.0.0.1", False),
        ("v3.fal.media", False),
        ("notlocalhost", False),
    ],
)
def test_hosts_that_lead_to_this_machine(host: str, expected: bool) -> None:
    assert names_this_machine(host) is expected
