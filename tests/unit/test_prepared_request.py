"""One request as it is sent."""

from __future__ import annotations

import pickle

import pytest

from fal_stream import Config, Secret, __version__
from fal_stream._shared.prepared_request import api_request, authorization, key_use


def test_a_request_to_fals_own_interface() -> None:
    config = Config(headers={"X-Mine": "1", "User-Agent": "mine", "Content-Type": "text/plain"})
    made = api_request(config, "https://rest.fal.ai/tokens/?a=b", {"a": "ü"}, {"x-one": "2"})
    assert (made.method, made.url) == ("POST", "https://rest.fal.ai/tokens/?a=b")
    assert made.body == b'{"a": "\\u00fc"}'
    assert made.headers == {
        "accept": "application/json",
        "accept-encoding": "identity",
        "content-type": "application/json",
        "user-agent": "mine",
        "x-mine": "1",
        "x-one": "2",
    }
    assert made.omit_default_headers is False
    assert made.origin == "https://rest.fal.ai"


def test_headers_of_the_request_go_over_all_others() -> None:
    made = api_request(Config(), "https://fal.ai/", None, {"accept": "*/*"})
    assert made.headers["accept"] == "*/*"
    assert made.headers["user-agent"] == f"fal_stream/{__version__}"
    assert made.body == b"null"


def test_a_repr_shows_no_address_and_no_header() -> None:
    made = api_request(Config(), "https://fal.ai/hidden", "hidden", {"x": "hidden"})
    assert repr(made) == "PreparedRequest(method='POST', omit_default_headers=False)"


def test_a_request_is_not_pickled() -> None:
    with pytest.raises(TypeError) as caught:
        pickle.dumps(api_request(Config(), "https://fal.ai/", None, {}))
    assert str(caught.value) == "A request can't be pickled: it may contain a key or a token"


def test_the_same_request_to_another_address() -> None:
    made = api_request(Config(), "https://fal.ai/", {"a": 1}, {"x": "1"})
    moved = made.at("https://falrun.com/")
    assert moved is not None
    assert moved.url == "https://falrun.com/"
    assert (moved.method, moved.headers, moved.body) == (made.method, made.headers, made.body)
    assert made.url == "https://fal.ai/"
    assert made.at(None) is None


def test_an_address_without_a_host_has_no_key() -> None:
    assert key_use(Config(), "https:/x", {}) == "withheld"


@pytest.mark.parametrize(
    ("credentials", "value"),
    [
        ("id:secret", "Key id:secret"),
        ("Bearer token", "Bearer token"),
        ("bearer token", "Key bearer token"),
    ],
)
def test_a_key_and_a_token_are_named_as_such(credentials: str, value: str) -> None:
    assert authorization(Secret(credentials)) == value
