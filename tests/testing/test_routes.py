from __future__ import annotations

from typing import Any

import pytest

from fal_stream.errors import ConfigError
from fal_stream.testing import Cut, Failure, LocalFal, RecordedRequest, Reply
from tests.testing.raw_client import dying_server, fetch
from tests.testing.rest_client import INITIATE, begin, order_token


def test_a_route_replaces_what_is_built_in(fal: LocalFal) -> None:
    fal.route("/tokens/", Reply.json({"token": "junk"}))
    answer = fetch(fal, path="/tokens/", headers={})
    assert (answer.status, answer.json()) == (200, {"token": "junk"})
    assert answer.headers["content-type"] == "application/json"
    assert fal.requests[0].path == "/tokens/"
    assert answer.headers["x-fal-request-id"] == fal.requests[0].request_id


def test_a_route_replaces_an_endpoint(fal: LocalFal) -> None:
    fal.add("acme/app", [1])
    fal.route("/acme/app/stream", [2])
    assert fetch(fal).events() == [2]


def test_a_route_serves_any_path(fal: LocalFal) -> None:
    fal.route("/", Failure(418))
    fal.route("/a/b.c%20d~'()", Reply.json(None))
    assert fetch(fal, path="/?x=1").status == 418
    assert fetch(fal, path="/a/b.c%20d~'()").json() is None


def test_a_star_matches_every_path_that_begins_so(fal: LocalFal) -> None:
    fal.route("/storage/upload/*", Failure(503))
    assert fetch(fal, path=INITIATE).status == 503
    assert fetch(fal, path="/storage/upload/").status == 503
    assert fetch(fal, path="/storage/upload").status == 404
    assert order_token(fal, "app")
    fal.route("/*", Failure(500))
    assert fetch(fal, path="/tokens/").status == 500
    assert fetch(fal, path=INITIATE).status == 503


def test_a_route_for_one_method(fal: LocalFal) -> None:
    begun = begin(fal)
    fal.route("/storage/upload/*", Failure(500), method="put")
    assert begun.send(body=b"x").status == 500
    assert begin(fal).send(body=b"x").status == 500
    assert fal.uploads == []


def test_a_function_that_passes(fal: LocalFal) -> None:
    failures = [Failure(500), Failure(503)]

    def fail_twice(request: RecordedRequest) -> Failure | None:
        return failures.pop() if failures else None

    begun = begin(fal, in_parts=True)
    fal.route("/storage/upload/*", fail_twice, method="PUT")
    assert begun.send(rest="/1", body=b"fox").status == 503
    assert begun.send(rest="/1", body=b"fox").status == 500
    assert begun.complete([begun.send_part(1, b"fox")]).status == 200
    assert fal.uploads[0].content == b"fox"


def test_what_a_passed_request_meets(fal: LocalFal) -> None:
    fal.route("/*", lambda request: None)
    assert fetch(fal, path="/tokens/", headers={}).status == 401
    assert fetch(fal).status == 404
    fal.add("acme/app", [1])
    assert fetch(fal).events() == [1]


def test_the_most_exact_route_comes_first(fal: LocalFal) -> None:
    asked: list[str] = []

    def passing(name: str) -> Any:
        return lambda request: asked.append(name)

    for path, method in (
        ("/*", None),
        ("/a*", "GET"),
        ("/a/b", None),
        ("/a/*", None),
        ("/b*", None),
        ("/a/b", "PUT"),
        ("/a/b", "GET"),
        ("/a/*", "GET"),
        ("/a/b*", None),
    ):
        fal.route(path, passing(f"{method} {path}"), method=method)
    fetch(fal, method="GET", path="/a/b")
    assert asked == [
        "GET /a/b",
        "None /a/b",
        "None /a/b*",
        "GET /a/*",
        "None /a/*",
        "GET /a*",
        "None /*",
    ]


def test_a_route_is_replaced(fal: LocalFal) -> None:
    fal.route("/tokens/", Failure(500))
    fal.route("/tokens/", Failure(501), method="POST")
    fal.route("/tokens/", lambda request: None, method="POST")
    assert fetch(fal, path="/tokens/").status == 500
    fal.route("/tokens/", lambda request: None)
    assert order_token(fal, "app")


def test_a_route_plays_faults(fal: LocalFal) -> None:
    fal.route("/tokens/", Reply([b'"half'], content_type="application/json", framing="length"))
    assert fetch(fal, path="/tokens/").body == b'"half'
    fal.route("/tokens/", Reply([Cut()], content_type="application/json"))
    with pytest.raises(Exception, match="IncompleteRead"):
        fetch(fal, path="/tokens/")
    fal.route("/tokens/", lambda request: (n for n in range(3)))
    assert fetch(fal, path="/tokens/").events() == [0, 1, 2]


def test_head_of_a_route(fal: LocalFal) -> None:
    fal.route("/x", Reply.json([1, 2]))
    answer = fetch(fal, method="HEAD", path="/x")
    assert (answer.status, answer.body, answer.headers["content-length"]) == (200, b"", "6")


def test_a_route_that_raises_drops_the_connection() -> None:
    def fail(request: RecordedRequest) -> None:
        raise ZeroDivisionError

    with dying_server(ZeroDivisionError) as fal:
        fal.route("/tokens/", fail)
        with pytest.raises(ConnectionError):
            fetch(fal, path="/tokens/")


def test_a_route_that_gives_no_answer() -> None:
    def give(request: RecordedRequest) -> Any:
        return "text"

    with dying_server(ConfigError, "the answer of the route is 'text'; give a list") as fal:
        fal.route("/tokens/", give)
        with pytest.raises(ConnectionError):
            fetch(fal, path="/tokens/")


@pytest.mark.parametrize(
    "path",
    [
        "",
        "*",
        "tokens/",
        "/a*b",
        "/**",
        "/tokens/?a=secret",
        "/a b",
        "/a#b",
        "/ä",
        "/a\n",
        "http://fal.run/tokens/",
        None,
        b"/tokens/",
    ],
)
def test_a_bad_path_is_refused(path: Any) -> None:
    with pytest.raises(ConfigError, match=r"path is .*; give a path such as '/tokens/'") as caught:
        LocalFal().route(path, Failure(500))
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("method", ["", "PUT POST", "P\n", 1])
def test_a_bad_method_is_refused(method: Any) -> None:
    with pytest.raises(ConfigError, match=r"method is .*; give an HTTP method such as 'PUT'"):
        LocalFal().route("/", Failure(500), method=method)


@pytest.mark.parametrize("script", [None, {"a": 1}, "text", (n for n in range(3))])
def test_a_bad_script_is_refused(script: Any) -> None:
    with pytest.raises(ConfigError, match="script is "):
        LocalFal().route("/", script)
