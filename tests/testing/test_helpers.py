from __future__ import annotations

import pytest

from fal_stream import ConfigError, RetryPolicy, StreamEventError, StreamingClient
from fal_stream.testing import DONE, Failure, LocalFal, error_event, in_turn
from tests.testing.raw_client import fetch


def test_done_ends_a_stream(fal: LocalFal) -> None:
    fal.add("acme/app", [1, DONE, 2])
    with StreamingClient(**fal.settings) as client:
        assert list(client.stream("acme/app")) == [1]


@pytest.mark.parametrize("data", ["out of memory", {"detail": "out of memory"}, 0])
def test_an_error_event(fal: LocalFal, data: object) -> None:
    fal.add("acme/app", [1, error_event(data)])
    with StreamingClient(**fal.settings) as client, pytest.raises(StreamEventError) as caught:
        client.stream("acme/app").done()
    assert caught.value.data == data


def test_an_error_event_must_be_json() -> None:
    with pytest.raises(ConfigError, match=r"data is .* isn't JSON"):
        error_event(object())


def test_each_request_has_its_turn(fal: LocalFal) -> None:
    script = in_turn(Failure(503), lambda request: [request.input], [2])
    fal.add("acme/app", script)
    policy = RetryPolicy(base_delay=0.001)
    with StreamingClient(**fal.settings, retry=policy) as client:
        answers = [client.stream("acme/app", input="Hi").done() for _ in range(3)]
    assert answers == ["Hi", 2, 2]
    assert len(fal.requests) == 4


def test_a_bad_turn_is_refused() -> None:
    with pytest.raises(ConfigError, match="no scripts"):
        in_turn()
    with pytest.raises(ConfigError, match="read once"):
        in_turn([1], iter([2]))


def test_requests_of_one_endpoint(fal: LocalFal) -> None:
    fal.add("acme/app", [1])
    fal.add("acme/other/stream", [1])
    with StreamingClient(**fal.settings) as client:
        client.stream("acme/app", input={"prompt": "Hi"}, connection_mode="client").done()
        client.stream("acme/other/stream", method="GET").done()
    assert [request.path for request in fal.requests] == [
        "/tokens/",
        "/acme/app/stream",
        "/acme/other/stream",
    ]
    (request,) = fal.requests_to("acme/app")
    assert request.input == {"prompt": "Hi"}
    (request,) = fal.requests_to("acme/other/stream")
    assert request.input is None
    with pytest.raises(ConfigError):
        fal.requests_to("no endpoint")


def test_what_a_failing_test_shows_of_a_request() -> None:
    with LocalFal(key=None) as fal:
        fal.add("acme/app", [1])
        headers = {"Authorization": "Key id:a-real-secret", "X-Team": "images"}
        fetch(fal, path="/acme/app/stream?fal_jwt_token=a-real-token&a=1", headers=headers)
        (request,) = fal.requests
    assert request.headers["authorization"] == "Key id:a-real-secret"
    assert request.query == {"fal_jwt_token": "a-real-token", "a": "1"}
    for shown in (repr(request), repr(request.headers), str(request.query)):
        assert "a-real" not in shown
    assert "'x-team': 'images'" in repr(request.headers)
    assert repr(request.query) == "{'fal_jwt_token': '***', 'a': '1'}"
