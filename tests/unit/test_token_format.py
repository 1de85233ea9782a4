"""What a token may look like, and where it is hidden."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fal_stream import TokenError
from fal_stream._shared.token_format import MAX_TOKEN, check_token, token_margin, token_of
from fal_stream.errors import mask_secrets


@pytest.mark.parametrize("answer", ["abc", {"token": "abc"}, {"detail": "abc"}])
def test_the_forms_of_an_answer(answer: Any) -> None:
    assert check_token(token_of(answer)) == "abc"


@pytest.mark.parametrize("answer", [None, 3, [], {}, {"token": None}, {"detail": ["x"]}])
def test_answers_without_a_token(answer: Any) -> None:
    with pytest.raises(TokenError) as caught:
        check_token(token_of(answer))
    kind = type(token_of(answer)).__name__
    assert str(caught.value) == (
        f"The token is a {kind}: a token is a string of URL-safe characters"
    )


@pytest.mark.parametrize("text", ["a", "eyJ.eyJ-_.sig~", "a+b/c==", "x" * MAX_TOKEN])
def test_good_tokens(text: str) -> None:
    assert check_token(text) == text


@pytest.mark.parametrize("text", ["", "hid den", "hidden\nx", "hidden&a=b", "hiddén", "hidden#"])
def test_bad_tokens_are_not_shown(text: str) -> None:
    with pytest.raises(TokenError, match="empty or has other characters") as caught:
        check_token(text)
    assert "hid" not in str(caught.value)


@pytest.mark.parametrize(
    "form", [" {}", "{}\n", "{}\r\n", "\ufeff{}\t", "Bearer {}", "bearer  {}\n", "Key {}", "key {}"]
)
def test_what_stands_around_a_token_is_taken_off(form: str) -> None:
    assert check_token(form.format("eyJ.eyJ-_.sig")) == "eyJ.eyJ-_.sig"


@pytest.mark.parametrize(
    "form", ['"{}"', "'{}'", '"{}', '{}"\n', 'Bearer "{}"', '"Bearer {}"', "`{}`"]
)
def test_a_token_in_quotes(form: str) -> None:
    with pytest.raises(TokenError) as caught:
        check_token(form.format("hidden"))
    assert str(caught.value) == (
        "The token begins or ends with a quotation mark (it is not shown): give the token itself, "
        "not its JSON"
    )


@pytest.mark.parametrize("text", ["Bearer", "Key ", " \n"])
def test_a_token_that_is_empty(text: str) -> None:
    with pytest.raises(TokenError, match="The token is empty"):
        check_token(text)


def test_a_token_has_a_length() -> None:
    with pytest.raises(TokenError, match="100,000 characters, more than 8,192"):
        check_token("x" * 100_000)


@given(st.from_regex(r"[A-Za-z0-9._~+/=-]{1,50}", fullmatch=True), st.sampled_from("&\"' "))
def test_a_token_in_an_address_is_hidden(token: str, after: str) -> None:
    text = f"POST https://fal.run/x?a=1&fal_jwt_token={token}{after}b"
    assert mask_secrets(text) == f"POST https://fal.run/x?a=1&fal_jwt_token=***{after}b"


def test_the_margin_grows_with_the_lifetime() -> None:
    assert [token_margin(lifetime) for lifetime in (1, 20, 120, 3600)] == [0.25, 5, 10, 10]
