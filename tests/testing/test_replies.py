from __future__ import annotations

import math
import uuid
from collections.abc import Iterator

import pytest

from fal_stream.testing import (
    Cut,
    Failure,
    Hang,
    LocalFal,
    Pause,
    Raw,
    RecordedRequest,
    Reply,
    Wire,
)
from tests.testing.raw_client import RawClient, fetch


def head_of(fal: LocalFal, reply: Reply, *, version: str = "1.1") -> list[str]:
    fal.add("acme/app", reply)
    with RawClient(fal) as client:
        head = client.ask(version=version).until(b"\r\n\r\n").decode()
    return head.lower().split("\r\n")[:-2]


def test_the_head_of_a_stream(fal: LocalFal) -> None:
    status, *fields = head_of(fal, Reply([1]))
    assert status == "http/1.1 200 ok"
    assert fields == [
        "content-type: text/event-stream",
        f"x-fal-request-id: {fal.requests[0].request_id}",
        "transfer-encoding: chunked",
    ]
    assert uuid.UUID(fal.requests[0].request_id).version == 4


def test_length_framing_counts_all_steps(fal: LocalFal) -> None:
    fal.add("acme/app", Reply([1, Pause(0.01), 2], framing="length"))
    answer = fetch(fal)
    assert answer.headers["content-length"] == "18"
    assert answer.events() == [1, 2]


def test_close_framing_ends_the_body_with_the_connection(fal: LocalFal) -> None:
    fal.add("acme/app", Reply([1, 2], framing="close"))
    with RawClient(fal) as client:
        head = client.ask().until(b"\r\n\r\n")
        assert b"connection: close" in head
        assert b"length" not in head
        assert b"encoding" not in head
        assert client.rest() == b"data: 1\n\ndata: 2\n\n"


def test_status_and_headers(fal: LocalFal) -> None:
    headers = {"X-Fal-Request-Id": "mine", "Location": "/there"}
    fal.add("acme/app", Reply(status=307, headers=headers, framing="length"))
    answer = fetch(fal)
    assert answer.status == 307
    assert answer.headers["location"] == "/there"
    assert answer.headers["x-fal-request-id"] == "mine"
    assert answer.headers["content-length"] == "0"


def test_a_header_can_come_twice_and_lie_about_the_length(fal: LocalFal) -> None:
    lengths = [("content-length", "5"), ("content-length", "6")]
    fields = head_of(fal, Reply([1], framing="close", headers=lengths))
    assert fields[-2:] == ["content-length: 5", "content-length: 6"]
    fields = head_of(fal, Reply([1], headers={"content-length": "5"}))
    assert fields[-2:] == ["transfer-encoding: chunked", "content-length: 5"]


def test_an_unknown_status_has_no_reason(fal: LocalFal) -> None:
    assert head_of(fal, Reply(status=499))[0] == "http/1.1 499 "


@pytest.mark.parametrize("status", [204, 304])
def test_a_status_without_body_has_none(fal: LocalFal, status: int) -> None:
    fal.add("acme/app", Reply([1], status=status))
    with RawClient(fal) as client:
        assert b"transfer-encoding" not in client.ask().until(b"\r\n\r\n")
        fal.add("acme/app", [2])
        assert client.ask().until(b"\r\n").startswith(b"HTTP/1.1 200")


def test_head_requests_get_the_head_only(fal: LocalFal) -> None:
    fal.add("acme/app", [1])
    with RawClient(fal) as client:
        for _ in range(2):
            assert client.ask(method="HEAD").until(b"\r\n\r\n").startswith(b"HTTP/1.1 200")


def test_the_head_can_be_replaced(fal: LocalFal) -> None:
    head = b"HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
    fal.add("acme/app", Reply([1], head=head))
    with RawClient(fal) as client:
        assert client.ask().rest() == head + b"9\r\ndata: 1\n\n\r\n0\r\n\r\n"


def test_the_head_can_be_dripped(fal: LocalFal) -> None:
    steps = [Wire(b"HTTP/1.1 "), Pause(0.02), Wire(b"200"), Pause(0.02), Wire(b" OK\r\n"), Hang()]
    fal.add("acme/app", Reply(steps, head=b"", framing="close"))
    with RawClient(fal) as client:
        assert client.ask().until(b"\r\n") == b"HTTP/1.1 200 OK\r\n"


def test_an_empty_reply(fal: LocalFal) -> None:
    fal.add("acme/app", Reply([Cut()], head=b"", framing="close"))
    with RawClient(fal) as client:
        assert client.ask().rest() == b""


def test_delay_holds_back_the_head(fal: LocalFal) -> None:
    fal.add("acme/app", Reply([1], delay=0.2))
    with RawClient(fal) as client:
        client.ask().socket.settimeout(0.05)
        with pytest.raises(TimeoutError):
            client.until(b"HTTP")
        client.socket.settimeout(10)
        assert b"data: 1" in client.until(b"0\r\n\r\n")


def test_an_endless_delay_never_answers(fal: LocalFal) -> None:
    fal.add("acme/app", Reply([1], delay=math.inf))
    with RawClient(fal) as client:
        client.ask()
        fal.wait_for_requests(1)
    assert fal.requests[0].gone.wait(10)


def test_coalesced_steps_are_all_out_before_a_wait(fal: LocalFal) -> None:
    fal.add("acme/app", Reply([1, 2, Hang(), 3], coalesce=True))
    with RawClient(fal) as client:
        client.ask().until(b"\r\n\r\n")
        assert client.until(b"2\n\n\r\n") == b"9\r\ndata: 1\n\n\r\n9\r\ndata: 2\n\n\r\n"


def test_a_large_coalesced_reply_is_whole(fal: LocalFal) -> None:
    chunks = [{"n": n, "text": "x" * 1000} for n in range(2000)]
    fal.add("acme/app", Reply(chunks, coalesce=True))
    assert fetch(fal).events() == chunks


def test_a_connection_is_used_again(fal: LocalFal) -> None:
    fal.add("acme/app", [1])
    with RawClient(fal) as client:
        for _ in range(3):
            assert b"data: 1" in client.ask().until(b"0\r\n\r\n")
    assert len({request.request_id for request in fal.requests}) == 3


def test_keep_alive_can_be_refused(fal: LocalFal) -> None:
    fal.add("acme/app", Reply([1], keep_alive=False))
    with RawClient(fal) as client:
        assert b"connection: close" in client.ask().until(b"\r\n\r\n")
        assert client.rest().endswith(b"0\r\n\r\n")


def test_http_1_0_gets_one_answer(fal: LocalFal) -> None:
    fal.add("acme/app", Reply([1], framing="close"))
    with RawClient(fal) as client:
        assert client.ask(version="1.0").rest().endswith(b"data: 1\n\n")


def test_a_function_sees_the_request(fal: LocalFal) -> None:
    def script(request: RecordedRequest) -> Iterator[object]:
        for n in range(request.json()["count"]):
            yield {"n": n}

    fal.add("acme/app", script)
    assert fetch(fal, body='{"count": 3}').events() == [{"n": 0}, {"n": 1}, {"n": 2}]
    assert fetch(fal, body='{"count": 1}').events() == [{"n": 0}]


def test_a_function_can_answer_each_time_differently(fal: LocalFal) -> None:
    answers: Iterator[Reply | Failure | list[int]] = iter([Failure(503), Reply([1]), [2]])
    fal.add("acme/app", lambda request: next(answers))
    assert fetch(fal).status == 503
    assert fetch(fal).events() == [1]
    assert fetch(fal).events() == [2]


def test_a_generator_is_pulled_as_it_is_sent(fal: LocalFal) -> None:
    pulled: list[int] = []

    def endless(request: RecordedRequest) -> Iterator[object]:
        for n in range(10**9):
            pulled.append(n)
            yield n
            yield Pause(0.005)

    fal.add("acme/app", endless)
    with RawClient(fal) as client:
        client.ask().until(b"data: 5\n\n")
    assert fal.requests[0].gone.wait(10)
    assert len(pulled) < 10**6


def test_an_iterable_is_read_anew_for_each_request(fal: LocalFal) -> None:
    fal.add("acme/app", range(3))
    assert fetch(fal).events() == fetch(fal).events() == [0, 1, 2]


def test_adding_again_replaces_the_script(fal: LocalFal) -> None:
    fal.add("acme/app", [1])
    fal.add("acme/app", [2])
    assert fetch(fal).events() == [2]


def test_failure_has_the_shape_of_a_platform_error(fal: LocalFal) -> None:
    failure = Failure(
        504,
        "Request timed out",
        error_type="request_timeout",
        timeout_type="user",
        retryable=False,
        headers={"retry-after": "3"},
    )
    fal.add("acme/app", failure)
    answer = fetch(fal)
    assert answer.status == 504
    assert answer.json() == {"detail": "Request timed out", "error_type": "request_timeout"}
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-fal-error-type"] == "request_timeout"
    assert answer.headers["x-fal-request-timeout-type"] == "user"
    assert answer.headers["x-fal-retryable"] == "false"
    assert answer.headers["retry-after"] == "3"
    assert answer.headers["x-fal-request-id"] == fal.requests[0].request_id


def test_failure_has_the_shape_of_a_model_error(fal: LocalFal) -> None:
    detail = [{"loc": ["body", "prompt"], "msg": "field required", "type": "missing"}]
    fal.add("acme/app", Failure(422, detail))
    answer = fetch(fal)
    assert (answer.status, answer.json()) == (422, {"detail": detail})
    assert "x-fal-error-type" not in answer.headers


def test_failure_says_its_status_in_words_by_default(fal: LocalFal) -> None:
    fal.add("acme/app", Failure(429))
    assert fetch(fal).json() == {"detail": "Too Many Requests"}
    fal.add("acme/app", Failure(599))
    assert fetch(fal).json() == {"detail": "Status 599"}


def test_failure_with_a_body_of_its_own(fal: LocalFal) -> None:
    fal.add("acme/app", Failure(502, content_type="text/html", body="<h1>Bad gateway</h1>"))
    answer = fetch(fal)
    assert answer.body == b"<h1>Bad gateway</h1>"
    assert answer.headers["content-type"] == "text/html"
    fal.add("acme/app", Failure(500, body=b'{"det'))
    assert fetch(fal).body == b'{"det'


def test_failure_can_come_as_an_event_stream(fal: LocalFal) -> None:
    fal.add("acme/app", Failure(500, content_type="text/event-stream", body="data: 1\n\n"))
    assert fetch(fal).body == b"data: 1\n\n"


@pytest.mark.parametrize("value", [{"a": ["é", 1.5]}, [], "text", None, False, 0, "\ud800"])
def test_a_json_reply(fal: LocalFal, value: object) -> None:
    fal.add("acme/app", Reply.json(value))
    answer = fetch(fal)
    assert (answer.status, answer.json()) == (200, value)
    assert answer.headers["content-type"] == "application/json"
    assert int(answer.headers["content-length"]) == len(answer.body)


def test_a_json_reply_with_status_and_headers(fal: LocalFal) -> None:
    fal.add("acme/app", Reply.json({}, 201, {"Retry-After": "1", "Content-Type": "text/json"}))
    answer = fetch(fal)
    assert (answer.status, answer.body) == (201, b"{}")
    assert answer.headers["retry-after"] == "1"
    assert answer.headers["content-type"] == "text/json"


def test_json_where_a_stream_was_asked_for(fal: LocalFal) -> None:
    fal.add("acme/app", Reply([b'{"detail": "no"}'], content_type="application/json"))
    assert fetch(fal).json() == {"detail": "no"}


def test_raw_can_be_anything(fal: LocalFal) -> None:
    fal.add("acme/app", [Raw(b"data: {\xff\n"), Raw(b"\n")])
    assert fetch(fal).body == b"data: {\xff\n\n"
