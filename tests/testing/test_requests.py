from __future__ import annotations

import threading

import pytest

from fal_stream.testing import LocalFal, RecordedRequest
from tests.testing.raw_client import RawClient, fetch

PATHS = ("/acme/app/stream", "/acme/app/audio/speech", "/acme/app")


def test_what_is_recorded(fal: LocalFal) -> None:
    fal.add("acme/app/fast", [1])
    fetch(
        fal,
        path="/acme/app/fast/stream?a=1&b=%20x&a=2&c=",
        body='{"prompt": "a fox"}',
        headers={"Authorization": f"Key {fal.key}", "X-Twice": "1"},
    )
    (request,) = fal.requests
    assert request.method == "POST"
    assert request.target == "/acme/app/fast/stream?a=1&b=%20x&a=2&c="
    assert request.path == "/acme/app/fast/stream"
    assert request.query == {"a": "2", "b": " x", "c": ""}
    assert request.headers["x-twice"] == "1"
    assert request.body == b'{"prompt": "a fox"}'
    assert request.json() == {"prompt": "a fox"}
    assert request.finished.wait(10)
    assert not request.gone.is_set()


def test_the_repr_shows_no_key(fal: LocalFal) -> None:
    fal.add("acme/app", [1])
    fetch(fal)
    assert repr(fal.requests[0]).startswith("<RecordedRequest POST /acme/app/stream ")
    assert "secret" not in repr(fal.requests)


@pytest.mark.parametrize(
    "headers",
    [{}, {"Authorization": "Key wrong"}, {"Authorization": "Bearer local-id:local-secret"}],
)
def test_a_wrong_key_is_refused(fal: LocalFal, headers: dict[str, str]) -> None:
    fal.add("acme/app", [1])
    answer = fetch(fal, headers=headers)
    assert answer.status == 401
    assert isinstance(answer.json()["detail"], str)
    assert answer.headers["x-fal-request-id"] == fal.requests[0].request_id


def test_a_key_of_ones_own() -> None:
    with LocalFal(key="me:mine") as fal:
        fal.add("acme/app", [1])
        assert fal.settings == {
            "run_url": fal.url,
            "rest_url": fal.url,
            "credentials": "me:mine",
        }
        assert fetch(fal, headers={"Authorization": "Key me:mine"}).status == 200
        assert fetch(fal, headers={"Authorization": "Key local-id:local-secret"}).status == 401


def test_no_key_check() -> None:
    with LocalFal(key=None) as fal:
        fal.add("acme/app", [1])
        assert fetch(fal, headers={}).events() == [1]
        assert fal.settings["credentials"]


@pytest.mark.parametrize(
    ("path", "inner"),
    [
        ("/acme/other/stream", "/stream"),
        ("/acme/app/more/stream", "/more/stream"),
        ("/acme/app", "/"),
        ("/", "/"),
    ],
)
def test_an_unknown_endpoint_is_not_found(fal: LocalFal, path: str, inner: str) -> None:
    fal.add("acme/app", [1])
    answer = fetch(fal, path=path)
    assert (answer.status, answer.json()) == (404, {"detail": f"Path {inner} not found"})
    assert answer.headers["x-fal-request-id"] == fal.requests[0].request_id


@pytest.mark.parametrize(
    ("endpoint_id", "path"),
    [
        ("acme/app", "/acme/app/stream"),
        ("acme/app/stream", "/acme/app/stream"),
        ("workflows/acme/flow", "/workflows/acme/flow/stream"),
        ("comfy/acme/flow/x", "/comfy/acme/flow/x/stream"),
        ("fal-ai/flux.1_dev", "/fal-ai/flux.1_dev/stream"),
        ("12345-my-app", "/12345/my-app/stream"),
    ],
)
def test_where_an_endpoint_is_served(fal: LocalFal, endpoint_id: str, path: str) -> None:
    fal.add(endpoint_id, [1])
    assert fetch(fal, path=path).events() == [1]


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE"])
def test_any_method_is_served(fal: LocalFal, method: str) -> None:
    fal.add("acme/app", [1])
    assert fetch(fal, method=method).events() == [1]
    assert fal.requests[0].method == method


def test_a_chunked_body(fal: LocalFal) -> None:
    fal.add("acme/app", [1])
    fetch(fal, body=iter([b'{"a"', b": 1}"]))
    assert fal.requests[0].json() == {"a": 1}


def test_a_chunked_body_with_extension_and_trailer(fal: LocalFal) -> None:
    fal.add("acme/app", [1])
    with RawClient(fal) as client:
        client.socket.sendall(
            b"POST /acme/app/stream HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n"
            b"2;x=y\r\nab\r\n0\r\nx-sum: 1\r\n\r\n"
        )
        client.until(b"\r\n\r\n")
    assert fal.requests[0].body == b"ab"


def test_a_large_body(fal: LocalFal) -> None:
    fal.add("acme/app", [1])
    body = bytes(range(256)) * 40_000
    assert fetch(fal, body=body).events() == [1]
    assert fal.requests[0].body == body


def test_a_waiting_client_is_told_to_continue(fal: LocalFal) -> None:
    fal.add("acme/app", [1])
    with RawClient(fal) as client:
        client.socket.sendall(
            b"POST /acme/app/stream HTTP/1.1\r\nauthorization: Key local-id:local-secret\r\n"
            b"expect: 100-continue\r\ncontent-length: 2\r\n\r\n"
        )
        assert client.until(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        client.socket.sendall(b"{}")
        assert client.until(b"\r\n") == b"HTTP/1.1 200 OK\r\n"
    assert fal.requests[0].body == b"{}"


def test_requests_in_one_packet_are_answered_in_turn(fal: LocalFal) -> None:
    fal.add("acme/app", [1])
    one = b"GET /acme/app/stream HTTP/1.1\r\nauthorization: Key local-id:local-secret\r\n\r\n"
    with RawClient(fal) as client:
        client.socket.sendall(one * 3)
        for _ in range(3):
            assert b"data: 1" in client.until(b"0\r\n\r\n")


def test_a_whole_url_as_target(fal: LocalFal) -> None:
    fal.add("acme/app", [1])
    assert fetch(fal, path="http://fal.run/acme/app/stream?x=1").events() == [1]
    assert fal.requests[0].query == {"x": "1"}


def test_a_tls_client_is_not_kept_waiting(fal: LocalFal) -> None:
    with RawClient(fal) as client:
        client.socket.sendall(b"\x16\x03\x01")
        assert client.socket.recv(1) == b""


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"\x00\x03\x01 rubbish\r\n\r\n", 400),
        (b"PRI * HTTP/2.0\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nno colon\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nname : x\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\ncontent-length: -1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\ncontent-length: 2, 2\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\nxyz\r\n", 400),
        (b"GET http://[ HTTP/1.1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nx: " + b"x" * 300_000 + b"\r\n\r\n", 431),
    ],
)
def test_what_is_no_request_is_refused(fal: LocalFal, sent: bytes, status: int) -> None:
    with RawClient(fal) as client:
        client.socket.sendall(sent)
        head = client.until(b"\r\n\r\n")
    assert head.startswith(f"HTTP/1.1 {status} ".encode())
    assert b"x-fal-request-id" in head
    assert fal.requests == []


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"GET / HT",
        b"POST / HTTP/1.1\r\ncontent-length: 5\r\n\r\n12",
        b"POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n5\r\n12",
    ],
)
def test_an_unfinished_request_is_dropped(fal: LocalFal, sent: bytes) -> None:
    with RawClient(fal) as client:
        client.socket.sendall(sent)
        client.socket.shutdown(1)
        assert client.rest() == b""
    assert fal.requests == []


def test_waiting_for_requests(fal: LocalFal) -> None:
    fal.add("acme/app", [1])
    came: list[RecordedRequest] = []
    waiter = threading.Thread(target=lambda: came.extend(fal.wait_for_requests(2)))
    waiter.start()
    fetch(fal)
    fetch(fal)
    waiter.join(10)
    assert came == fal.requests
    assert fal.wait_for_requests(2, timeout=0) == came
    with pytest.raises(TimeoutError, match=r"2 of 3 requests came within 0\.01 seconds"):
        fal.wait_for_requests(3, timeout=0.01)


def test_another_path_of_an_endpoint(fal: LocalFal) -> None:
    fal.add("acme/app", [1])
    fal.add("acme/app", [2], path="/audio/speech")
    fal.add("acme/app", [3], path="")
    assert [fetch(fal, path=path).events() for path in PATHS] == [[1], [2], [3]]
    found = [fal.requests_to("acme/app", path=path) for path in ("/stream", "/audio/speech", "")]
    assert [[request.path for request in requests] for requests in found] == [[p] for p in PATHS]
    assert fal.requests_to("acme/app") == found[0]
    assert (
        fetch(fal, path="/acme/app/audio/speech", headers={"Authorization": "Key x"}).status == 401
    )
