from __future__ import annotations

import json
import re
import time
from typing import Any

import pytest

from fal_stream.testing import LocalFal
from tests.testing.raw_client import fetch
from tests.testing.rest_client import ask_with_token, order_token


def test_a_token_lets_a_stream_in_without_the_key(fal: LocalFal) -> None:
    fal.add("acme/app", [1])
    token = order_token(fal, "app")
    assert ask_with_token(fal, token).events() == [1]
    assert ask_with_token(fal, token).events() == [1]
    assert "authorization" not in fal.requests[-1].headers


def test_tokens_are_new_each_time(fal: LocalFal) -> None:
    tokens = {order_token(fal, "app") for _ in range(20)}
    assert len(tokens) == 20
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{32,}", token) for token in tokens)


@pytest.mark.parametrize(
    "endpoint_id",
    ["acme/app", "acme/app/fast", "other/app", "workflows/acme/app", "comfy/acme/app/x"],
)
def test_a_token_is_for_an_alias(fal: LocalFal, endpoint_id: str) -> None:
    fal.add(endpoint_id, [1])
    fal.add("app/other", [2])
    token = order_token(fal, "first", "app")
    assert ask_with_token(fal, token, endpoint_id).events() == [1]
    answer = ask_with_token(fal, token, "app/other")
    assert answer.status == 401
    assert answer.json() == {"detail": "The token is for another app: it allows first, app"}


def test_a_token_for_no_app_at_all(fal: LocalFal) -> None:
    token = order_token(fal, "app")
    assert fetch(fal, path=f"/?fal_jwt_token={token}", headers={}).status == 401
    assert ask_with_token(fal, token, "acme/app/missing").status == 404


def test_expired_tokens_are_refused(fal: LocalFal) -> None:
    fal.add("acme/app", [1])
    old = [order_token(fal, "app"), order_token(fal, "app")]
    fal.expire_tokens()
    new = order_token(fal, "app")
    for token in old:
        answer = ask_with_token(fal, token)
        assert (answer.status, answer.json()["detail"][:21]) == (401, "The token has expired")
    assert ask_with_token(fal, new).status == 200


def test_a_token_expires_by_itself(fal: LocalFal) -> None:
    fal.add("acme/app", [1])
    began = time.monotonic()
    token = order_token(fal, "app", seconds=0.05)
    while (answer := ask_with_token(fal, token)).status == 200:
        assert time.monotonic() - began < 10
    assert time.monotonic() - began >= 0.05
    assert answer.json()["detail"].startswith("The token has expired")


@pytest.mark.parametrize("token", ["", "secret", "secret/+=%20"])
def test_a_token_of_nobody_is_refused_and_not_repeated(fal: LocalFal, token: str) -> None:
    fal.add("acme/app", [1])
    order_token(fal, "app")
    answer = ask_with_token(fal, token)
    assert (answer.status, answer.json()) == (
        401,
        {"detail": "The token was not issued by this server"},
    )
    assert b"secret" not in answer.body
    assert "secret" not in repr(fal.requests)


def test_no_refusal_repeats_a_token(fal: LocalFal) -> None:
    token = order_token(fal, "app")
    fal.expire_tokens()
    assert token.encode() not in ask_with_token(fal, token).body
    other = order_token(fal, "other")
    assert other.encode() not in ask_with_token(fal, other).body
    assert token not in repr(fal.requests)
    assert other not in repr(fal.requests)


def test_the_key_alone_suffices(fal: LocalFal) -> None:
    fal.add("acme/app", [1])
    assert fetch(fal, path="/acme/app/stream?fal_jwt_token=wrong").events() == [1]
    token = order_token(fal, "app")
    answer = fetch(
        fal,
        path=f"/acme/app/stream?fal_jwt_token={token}",
        headers={"Authorization": "Key wrong"},
    )
    assert answer.events() == [1]


def test_a_token_of_another_server_is_refused(fal: LocalFal) -> None:
    with LocalFal() as other:
        token = order_token(other, "app")
    assert ask_with_token(fal, token).status == 401


def test_a_token_survives_a_restart() -> None:
    fal = LocalFal()
    fal.add("acme/app", [1])
    with fal:
        token = order_token(fal, "app")
    with fal:
        assert ask_with_token(fal, token).events() == [1]


def test_a_token_needs_the_key(fal: LocalFal) -> None:
    body = json.dumps({"allowed_apps": ["app"], "token_expiration": 60})
    for headers in ({}, {"Authorization": "Key wrong"}):
        answer = fetch(fal, path="/tokens/", body=body, headers=headers)
        assert answer.status == 401
        assert "Authorization" in answer.json()["detail"]
    token = order_token(fal, "tokens")
    answer = fetch(fal, path=f"/tokens/?fal_jwt_token={token}", body=body, headers={})
    assert answer.status == 401


def test_where_there_is_no_key_all_are_let_in() -> None:
    with LocalFal(key=None) as fal:
        fal.add("acme/app", [1])
        assert ask_with_token(fal, "wrong").events() == [1]
        assert ask_with_token(fal, order_token(fal, "app")).events() == [1]


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_tokens_are_asked_for_by_post(fal: LocalFal, method: str) -> None:
    answer = fetch(fal, path="/tokens/", method=method)
    assert (answer.status, answer.headers["allow"]) == (405, "POST")


GOOD = {"allowed_apps": ["app"], "token_expiration": 60}


@pytest.mark.parametrize(
    ("body", "loc", "type"),
    [
        (b"", ["body"], "json_invalid"),
        (b"\xff", ["body"], "json_invalid"),
        (b"[" * 10_000, ["body"], "json_invalid"),
        ([], ["body"], "model_type"),
        ({"token_expiration": 60}, ["body", "allowed_apps"], "missing"),
        ({"allowed_apps": ["app"]}, ["body", "token_expiration"], "missing"),
        (GOOD | {"allowed_apps": "app"}, ["body", "allowed_apps"], "list_type"),
        (GOOD | {"allowed_apps": []}, ["body", "allowed_apps"], "too_short"),
        (GOOD | {"allowed_apps": [1]}, ["body", "allowed_apps", 0], "string_type"),
        (GOOD | {"allowed_apps": [""]}, ["body", "allowed_apps", 0], "string_too_short"),
        (GOOD | {"token_expiration": "60"}, ["body", "token_expiration"], "float_type"),
        (GOOD | {"token_expiration": True}, ["body", "token_expiration"], "float_type"),
        (GOOD | {"token_expiration": None}, ["body", "token_expiration"], "float_type"),
        (GOOD | {"token_expiration": 0}, ["body", "token_expiration"], "greater_than"),
        (GOOD | {"token_expiration": float("nan")}, ["body", "token_expiration"], "finite_number"),
        (
            b'{"allowed_apps": ["app"], "token_expiration": 1e999}',
            ["body", "token_expiration"],
            "finite_number",
        ),
        (GOOD | {"apps": ["app"]}, ["body", "apps"], "extra_forbidden"),
    ],
)
def test_anything_else_is_refused(fal: LocalFal, body: Any, loc: list[Any], type: str) -> None:
    sent = body if isinstance(body, bytes) else json.dumps(body)
    answer = fetch(fal, path="/tokens/", body=sent)
    assert answer.status == 422
    error = answer.json()["detail"][0]
    assert (error["loc"], error["type"]) == (loc, type)
    assert isinstance(error["msg"], str)
