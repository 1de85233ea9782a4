from __future__ import annotations

import html
import json
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Callable
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fal_stream._shared.redact import SHORTEST, Redactor, secrets_of
from fal_stream.credentials import is_secret_name

KEY = "0f5e3c1d-key-id:8b1d~secret/of+the_key"
SECRET = KEY.partition(":")[2]
TOKEN = "eyJ0eXAi.a-token+of/fal==.x"

REDACTOR = Redactor(
    f"https://fal.run/app?fal_jwt_token={quote(TOKEN)}&a=visible-value",
    {"authorization": f"Key {KEY}", "accept": "text/event-stream"},
)


@pytest.mark.parametrize(
    ("name", "value", "secrets"),
    [
        ("authorization", "Key identity:the-secret", {"identity:the-secret", "the-secret"}),
        ("authorization", "Bearer a-long-token", {"a-long-token"}),
        ("authorization", "a-long-token", {"a-long-token"}),
        ("proxy-authorization", "Basic bWU6c2VjcmV0", {"bWU6c2VjcmV0"}),
        ("x-api-key", "a-long-token", {"a-long-token"}),
        ("cookie", "session=a-long-token; b=another-token", {"a-long-token", "another-token"}),
        ("x-team", "a-long-token", set()),
        ("accept", "text/event-stream", set()),
        ("x-fal-target-url", "https://fal.run/?token=a-long-token", {"a-long-token"}),
    ],
)
def test_headers_that_hold_secrets(name: str, value: str, secrets: set[str]) -> None:
    assert secrets_of("https://fal.run", {name: value}) == secrets


@pytest.mark.parametrize(
    ("query", "secrets"),
    [
        ("fal_jwt_token=a-long-token", {"a-long-token"}),
        ("x=1&X-Goog-Signature=0123456789", {"0123456789"}),
        ("X-Amz-Credential=0123%2F456789", {"0123%2F456789", "0123/456789"}),
        ("sig=01234+56789#fragment", {"01234+56789", "01234 56789"}),
        ("prompt=a-long-token&x-fal=a-long-token", set()),
        ("token=short&token=&token", set()),
        ("", set()),
    ],
)
def test_parameters_that_hold_secrets(query: str, secrets: set[str]) -> None:
    assert secrets_of(f"https://fal.run/a?{query}", {}) == secrets


@pytest.mark.parametrize("name", ["token", "Tokens", "X-Amz-Signature", "apiKey", "Authorization"])
def test_names_of_secrets(name: str) -> None:
    assert is_secret_name(name)


FORMS: dict[str, Callable[[str], str]] = {
    "as it is": str,
    "quoted": quote,
    "quoted in full": lambda text: quote(text, safe=""),
    "quoted for a form": quote_plus,
    "quoted in lower case": lambda text: quote(text, safe="").lower().replace("eyj0exai", text[:8]),
    "quoted twice": lambda text: quote(quote(text, safe=""), safe=""),
    "JSON": lambda text: json.dumps(text).replace("/", "\\/"),
    "JSON in ASCII": lambda text: "".join(
        char if char.isalnum() else f"\\u{ord(char):04X}" for char in text
    ),
    "HTML": html.escape,
    "HTML by numbers": lambda text: text.replace(":", "&#58;").replace("/", "&#x2F;"),
    "a repr": repr,
    "a repr of bytes": lambda text: repr(text.encode()),
    "base64": lambda text: b64encode(f"Key {text}".encode()).decode(),
    "base64, one on": lambda text: b64encode(f"x{text}y".encode()).decode(),
    "base64, two on": lambda text: urlsafe_b64encode(f"xy{text}yz".encode()).decode(),
}


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
@pytest.mark.parametrize("secret", [KEY, SECRET, TOKEN], ids=["key", "its half", "token"])
def test_each_form_of_a_secret(secret: str, form: Callable[[str], str]) -> None:
    said = form(secret)
    masked = REDACTOR.text(f"before {said} after")
    assert "***" in masked
    assert masked.startswith("before ")
    assert masked.endswith(" after")
    # Of base64 the characters that depend on what stands beside the secret may be left.
    assert len(masked) <= len("before  after") + 18
    for part in (said, secret, secret[:SHORTEST], secret[-SHORTEST:]):
        assert part not in masked


@pytest.mark.parametrize("length", range(SHORTEST, len(KEY)))
def test_a_secret_that_is_cut_off(length: int) -> None:
    assert REDACTOR.text(f"asked by {KEY[:length]}") == "asked by ***"
    assert REDACTOR.text(f"asked by {KEY[:length]}' here") == "asked by ***' here"


def test_what_is_no_secret_stays() -> None:
    text = "no route to /app?a=visible-value, accept: text/event-stream, 8b1d, eyJ0eXA"
    assert REDACTOR.text(text) == text
    assert Redactor("https://fal.run/app?a=b", {}).text(text) == text
    assert Redactor("https://fal.run/app?token=short", {}).text("short") == "short"


def test_bytes_that_are_no_text_stay() -> None:
    assert REDACTOR.data(b"\xff\x00" + KEY.encode() + b"\xfe") == b"\xff\x00***\xfe"
    assert REDACTOR.headers({"a": f"x {TOKEN}", "b": "c"}) == {"a": "x ***", "b": "c"}


def test_no_repr_shows_the_secrets() -> None:
    REDACTOR.text("")
    assert KEY not in repr(REDACTOR)
    assert not hasattr(REDACTOR, "__dict__")


@given(
    st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=SHORTEST, max_size=60),
    st.text(max_size=20),
)
def test_any_key_in_any_text(key: str, text: str) -> None:
    masked = Redactor("https://fal.run", {"authorization": f"Key {key}"}).text(f"{text}<{key}>")
    assert key not in masked.replace("***", "")


def test_long_texts_and_tokens() -> None:
    token = "".join(f"{number:05}-" for number in range(1300))
    redactor = Redactor(f"https://fal.run?token={token}", {"authorization": f"Key {KEY}"})
    text = "a page of text " * 70_000
    assert redactor.text(f"{text}{token}, {KEY}, {text}") == f"{text}***, ***, {text}"
