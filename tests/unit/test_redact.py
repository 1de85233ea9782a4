from __future__ import annotations

import html
import json
import re
from base64 import b64encode
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


@pytest.fixture
def redactor() -> Redactor:
    return Redactor(
        f"https://fal.run/app?fal_jwt_token={quote(TOKEN)}&a=visible-value",
        {"authorization": f"Key {KEY}", "accept": "text/event-stream"},
    )


@pytest.mark.parametrize(
    ("name", "value", "secrets"),
    [
        ("authorization", "Key identity:the-secret", {"identity:the-secret", "the-secret"}),
        (
            "authorization",
            "Key identity:of:the-secret",
            {"identity:of:the-secret", "of:the-secret"},
        ),
        ("authorization", "Bearer a-long-token", {"a-long-token"}),
        ("authorization", "Digest some-name a-long-token", {"some-name a-long-token"}),
        ("authorization", "a-long-token", {"a-long-token"}),
        ("proxy-authorization", "Basic bWU6c2VjcmV0", {"bWU6c2VjcmV0"}),
        ("x-api-key", "a-long-token", {"a-long-token"}),
        ("cookie", "session=a-long-token; b=another-token", {"a-long-token", "another-token"}),
        ("cookie", "session=a-long-token==", {"a-long-token=="}),
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
        ("token=a-long-token==", {"a-long-token=="}),
        ("token=a-long-token?a=b", {"a-long-token?a=b"}),
        ("%74oken=a-long-token", {"a-long-token"}),
        ("x=1&X-Goog-Signature=0123456789", {"0123456789"}),
        ("X-Amz-Credential=0123%2F456789", {"0123%2F456789", "0123/456789"}),
        ("sig=01234+56789#fragment", {"01234+56789", "01234 56789"}),
        ("prompt=a-long-token&x-fal=a-long-token", set()),
        ("token=short&token=&token", set()),
        ("x=1;token=a-long-token", {"a-long-token"}),
        ("pwd=hunter2-hunter2&session_id=0123456789", {"hunter2-hunter2", "0123456789"}),
        ("", set()),
    ],
)
def test_parameters_that_hold_secrets(query: str, secrets: set[str]) -> None:
    assert secrets_of(f"https://fal.run/a?{query}", {}) == secrets


@pytest.mark.parametrize(
    "name",
    [
        *("token", "Tokens", "X-Amz-Signature", "apiKey", "Authorization", "Cookie"),
        *("passwd", "x-internal-pass", "DB_PASS", "pwd", "passphrase", "x-passcode", "password2"),
        *("session", "x-session-id", "sessionId", "PHPSESSID", "connect.sid", "x-bearer"),
        *("x-token-v2", "x-api-key-id", "auth_code", "x-access-code", "otp", "x-pin", "jwt_data"),
        *("x-csrf", "client_assertion", "private-token", "apikey", "authentication", "SECRETS"),
    ],
)
def test_names_of_secrets(name: str) -> None:
    assert is_secret_name(name)


@pytest.mark.parametrize(
    "name",
    [
        *("x-fal-request-id", "content-type", "status-code", "zip-code", "id", "v2", "data", "64"),
        *("compass", "x-bypass", "mapping", "spin", "author", "keyboard", "tokenizer", "passes"),
        *("monkeys-per-id", "x-fal-runner-hint", "value", "", "max_tokens_allowed"),
    ],
)
def test_names_of_what_is_no_secret(name: str) -> None:
    assert not is_secret_name(name)


def test_long_names_take_no_time() -> None:
    assert not is_secret_name("a" * 1_000_000)
    assert is_secret_name("-id" * 300_000 + "token-id")


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
    "each percent-encoded": lambda text: "".join(f"%{ord(char):02x}" for char in text),
    "each percent-encoded twice": lambda text: "".join(f"%25{ord(char):02X}" for char in text),
    "each by its number": lambda text: "".join(f"\\u{ord(char):04x}" for char in text),
    "each by its number in JSON of JSON": lambda text: "".join(
        f"\\\\u{ord(char):04x}" for char in text
    ),
    "each in hexadecimal": lambda text: "".join(f"\\x{ord(char):02X}" for char in text),
    "letters percent-encoded": lambda text: "".join(
        f"%{ord(char):02X}" if char.isalpha() else char for char in text
    ),
    "upper case": str.upper,
    "lower case": str.lower,
    "quoted in upper case": lambda text: quote(text, safe="").upper(),
    "JSON in upper case": lambda text: json.dumps(text).replace("/", "\\u002f").upper(),
    "HTML": html.escape,
    "HTML by numbers": lambda text: text.replace(":", "&#58;").replace("/", "&#x2F;"),
    "a repr": repr,
    "a repr of bytes": lambda text: repr(text.encode()),
}


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
@pytest.mark.parametrize("secret", [KEY, SECRET, TOKEN], ids=["key", "its half", "token"])
def test_each_form_of_a_secret(redactor: Redactor, secret: str, form: Callable[[str], str]) -> None:
    masked = redactor.text(f"before {form(secret)} after")
    assert re.fullmatch(r"before b?['\"]?\*\*\*['\"]? after", masked)


BASE64: dict[str, Callable[[str], str]] = {
    "as it is": str,
    "for addresses": lambda text: text.replace("+", "-").replace("/", "_"),
    "quoted": lambda text: quote(text, safe=""),
    "quoted in lower case": lambda text: text.replace("+", "%2b").replace("/", "%2f"),
}


@pytest.mark.parametrize("form", BASE64.values(), ids=BASE64)
@pytest.mark.parametrize("before", ["", "a", "ab", "me:", "Key "])
@pytest.mark.parametrize("after", ["", "b", "bc", "bcd"])
@pytest.mark.parametrize("secret", ["a~~~secret???", "~a~~secret>>>x", "~~a~>>>>>secret"])
def test_a_secret_in_base64(
    secret: str, before: str, after: str, form: Callable[[str], str]
) -> None:
    redactor = Redactor("https://fal.run", {"authorization": f"Key {secret}"})
    text = b64encode(f"{before}{secret}{after}".encode()).decode()
    # A character is of 6 bits. One stays that holds bits of what stands beside the secret.
    start = text[: -(-len(before) * 8 // 6)]
    end = text[len(before + secret) * 8 // 6 :]
    masked = redactor.text(f"asked by {form(text)} here")
    assert masked == f"asked by {form(start)}***{form(end)} here"


@pytest.mark.parametrize("length", range(SHORTEST, len(KEY)))
def test_a_secret_that_is_cut_off(redactor: Redactor, length: int) -> None:
    assert redactor.text(f"asked by {KEY[:length]}") == "asked by ***"
    assert redactor.text(f"asked by {KEY[:length]}' here") == "asked by ***' here"


@pytest.mark.parametrize("mark", list("-_.~+/:= !#$%&'()*,;<>?@[]^`{|}\""))
def test_a_long_secret_that_is_cut_off(mark: str) -> None:
    key = "first-of-all" + f"a{mark}" * 100
    redactor = Redactor("https://fal.run", {"authorization": f"Key {key}!"})
    assert "first-of" not in redactor.text(f"asked by {key}")


@pytest.mark.parametrize("char", list("%&<>\"' ;:=,@!-"))
def test_each_form_of_a_mark(char: str) -> None:
    code = ord(char)
    forms = [char, f"\\{char}", f"\\\\\\{char}", f"%{code:02x}", f"%2525{code:02X}"]
    forms += ["\\" * count + f"u00{code:02x}" for count in (1, 2, 4, 8, 64)]
    forms += [f"\\x{code:02X}", f"&#{code};", f"&#0{code};", f"&#x{code:x};", f"&#X0{code:X};"]
    forms += [html.escape(char)] + ["&apos;"] * (char == "'")
    redactor = Redactor("https://fal.run", {"x-key": f"k first{char}and{char}second"})
    for form in forms:
        assert redactor.text(f"<first{form}and{form}second>") == "<***>"
        if " " not in form:
            assert redactor.text(f"<first{form}and{form}sec") == "<***"


@pytest.mark.parametrize("char", list("%&-+'"))
@pytest.mark.parametrize("count", [1, 2, 5])
def test_a_secret_that_begins_with_a_mark(char: str, count: int) -> None:
    code = ord(char)
    redactor = Redactor("https://fal.run", {"x-key": f"k {char}Zm9vYmFyYmF6"})
    slashes = "\\" * count
    said = f"({char}Zm9vYmFyYmF6, {slashes}u00{code:02x}Zm9vYmFyYmF6, %{code:02x}Zm9vYmFyYmF6)"
    assert redactor.text(said) == "(***, ***, ***)"
    # Backslashes that stand before it are none of it.
    assert redactor.text(f"{slashes}{char}Zm9vYmFyYmF6") == f"{slashes}***"


BACKSLASHES = ["DOMAIN\\user\\name", "a\\-b\\/c\\:defgh", "ab\\\\cdefghijk", "a\\x2d\\u002fbcdef"]


@pytest.mark.parametrize("secret", BACKSLASHES)
def test_a_secret_with_backslashes(secret: str) -> None:
    redactor = Redactor("https://fal.run", {"x-key": f"k {secret}"})
    in_json = "".join(f"\\u{ord(char):04x}" if char in "\\-/:" else char for char in secret)
    for form in (
        secret,
        json.dumps(secret)[1:-1],
        in_json,
        quote(secret, safe=""),
        repr(secret)[1:-1],
    ):
        assert redactor.text(f"<{form}>") == "<***>", form


@pytest.mark.parametrize("secret", ["\\" * 9, "abc\\\\\\def"])
def test_a_secret_that_is_hardly_more_than_backslashes(secret: str) -> None:
    redactor = Redactor("https://fal.run", {"x-key": f"k {secret}"})
    assert redactor.text(f"<{secret}> abcdef a <{secret[:8]}") == f"<***> abcdef a <{secret[:8]}"


def test_what_follows_a_whole_secret_stays(redactor: Redactor) -> None:
    assert redactor.text(f"{KEY}-and-more, {SECRET}%2F") == "***-and-more, ***%2F"


@pytest.mark.parametrize(
    ("form", "size"),
    [("each percent-encoded", 3), ("each by its number", 6), ("each in hexadecimal", 4)],
)
def test_a_secret_that_is_encoded_and_cut_off(redactor: Redactor, form: str, size: int) -> None:
    said = FORMS[form](KEY)
    for length in range(SHORTEST * size, len(said)):
        masked = redactor.text(f"asked by {said[:length]}")
        # Of an escape that was cut itself a part may stay.
        assert re.fullmatch(r"asked by \*\*\*(\\[ux]?0{0,2}[0-9A-F]?)?", masked)


@pytest.mark.parametrize("form", ["as it is", "quoted", "JSON", "JSON in ASCII", "HTML by numbers"])
def test_a_secret_that_is_cut_off_in_another_form(redactor: Redactor, form: str) -> None:
    said = FORMS[form](KEY).strip('"')
    for length in range(24, len(said)):
        masked = redactor.text(f"asked by {said[:length]}")
        # Of an escape that was cut itself a part may stay.
        assert re.fullmatch(r"asked by \*\*\*(\\u?0{0,2}[0-9A-F]?|&#?x?[0-9A-F]{0,2})?", masked)


def test_base64_that_is_cut_off(redactor: Redactor) -> None:
    said = b64encode(KEY.encode()).decode()
    for length in range(SHORTEST, len(said)):
        masked = redactor.text(f"asked by {said[:length]}, here")
        # The last character may hold bits of what stands behind the secret.
        assert (
            masked == f"asked by ***{said[length - 1] if length > len(KEY) * 8 // 6 else ''}, here"
        )


def test_secrets_that_begin_alike() -> None:
    url = "https://fal.run/app?token=a-long-token1;@x&key=a-long-token1!!&sig=a-long-token2,y"
    said = "a-long-token1!!' a-long-token2,y' a-long-token1;@x' a-long-token1!' a-long-token2"
    assert Redactor(url, {}).text(said) == "***' ***' ***' ***' ***"


def test_the_second_text_is_masked_as_the_first(redactor: Redactor) -> None:
    for _ in range(2):
        assert redactor.text(f"{TOKEN}, {KEY}, {SECRET}") == "***, ***, ***"


def test_the_longest_secret_is_masked_first() -> None:
    url = "https://fal.run/app?token=a-long-token&key=a-long-token!!&sig=a-long-token!!!!"
    said = "a-long-token!!!!, a-long-token!!, a-long-token"
    assert Redactor(url, {}).text(said) == "***, ***, ***"


def test_what_is_no_secret_stays(redactor: Redactor) -> None:
    text = "no route to /app?a=visible-value, accept: text/event-stream, 8b1d, eyJ0eXA"
    assert redactor.text(text) == text
    assert Redactor("https://fal.run/app?a=b", {}).text(text) == text
    assert Redactor("https://fal.run/app?token=short", {}).text("short") == "short"


def test_bytes_that_are_no_text_stay(redactor: Redactor) -> None:
    assert redactor.data(b"\xff\x00" + KEY.encode() + b"\xfe") == b"\xff\x00***\xfe"
    assert redactor.headers({"a": f"x {TOKEN}", "b": "c"}) == {"a": "x ***", "b": "c"}


def test_no_repr_shows_the_secrets(redactor: Redactor) -> None:
    redactor.text("")
    assert KEY not in repr(redactor)
    assert not hasattr(redactor, "__dict__")


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
