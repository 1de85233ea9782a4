from __future__ import annotations

import http.client
from collections.abc import Iterator

import pytest

from fal_stream.testing import Cut, End, Event, LocalFal, Ping, Raw, RecordedRequest, Reply
from fal_stream.testing.reply import Framing
from tests.testing.raw_client import RawClient, dying_server, fetch


@pytest.mark.parametrize("framing", ["chunked", "length"])
def test_a_cut_in_a_chunk_leaves_the_body_short(fal: LocalFal, framing: Framing) -> None:
    fal.add("acme/app", Reply([1, Cut(partial=b"data: 2")], framing=framing))
    with pytest.raises(http.client.IncompleteRead):
        fetch(fal)


def test_a_cut_announces_more_than_it_sends(fal: LocalFal) -> None:
    fal.add("acme/app", [1, Cut(partial=b"data: 2")])
    with RawClient(fal) as client:
        client.ask().until(b"data: 1\n\n\r\n")
        size, _, sent = client.rest().partition(b"\r\n")
    assert int(size, 16) > len(sent)
    assert sent == b"data: 2"


def test_a_cut_in_a_length_announces_more_than_it_sends(fal: LocalFal) -> None:
    fal.add("acme/app", Reply([1, Cut(partial=b"data: 2")], framing="length"))
    with RawClient(fal) as client:
        head = client.ask().until(b"\r\n\r\n")
        assert client.rest() == b"data: 1\n\ndata: 2"
    assert int(head.partition(b"content-length: ")[2].split()[0]) > 16


def test_a_cut_in_a_close_delimited_body_is_a_clean_end(fal: LocalFal) -> None:
    fal.add("acme/app", Reply([1, Raw(b"data: 2"), Cut()], framing="close"))
    assert fetch(fal).body == b"data: 1\n\ndata: 2"


@pytest.mark.parametrize("framing", ["chunked", "length", "close"])
def test_a_reset_is_a_reset(fal: LocalFal, framing: Framing) -> None:
    fal.add("acme/app", Reply([1, Cut(reset=True)], framing=framing))
    with RawClient(fal) as client, pytest.raises(ConnectionResetError):
        client.ask().rest()


def test_a_cut_reply_counts_as_finished(fal: LocalFal) -> None:
    fal.add("acme/app", [1, Cut()])
    with RawClient(fal) as client:
        client.ask().rest()
    assert fal.requests[0].finished.wait(10)
    assert not fal.requests[0].gone.is_set()


def test_a_connection_can_go_stale_after_a_whole_reply(fal: LocalFal) -> None:
    fal.add("acme/app", [1, End(), Cut(in_chunk=False)])
    with RawClient(fal) as client:
        assert b"connection: close" not in client.ask().until(b"\r\n\r\n")
        assert client.rest() == b"9\r\ndata: 1\n\n\r\n0\r\n\r\n"


def test_a_script_that_raises_dies_in_mid_stream_and_is_reported() -> None:
    def script(request: RecordedRequest) -> Iterator[object]:
        yield 1
        raise ZeroDivisionError("in the script")

    with dying_server(ZeroDivisionError, match="in the script") as fal:
        fal.add("acme/app", script)
        with RawClient(fal) as client:
            client.ask().until(b"\r\n\r\n")
            assert client.rest() == b"9\r\ndata: 1\n\n\r\n"
        assert [type(error) for error in fal.errors] == [ZeroDivisionError]
        assert not fal.requests[0].finished.is_set()


def test_chunks_before_an_error_are_sent_even_when_coalesced() -> None:
    def script(request: RecordedRequest) -> Reply:
        return Reply((1 // n for n in (1, 0)), coalesce=True)

    with LocalFal() as fal:
        fal.add("acme/app", script)
        with RawClient(fal) as client:
            assert client.ask().rest().endswith(b"\r\n\r\n9\r\ndata: 1\n\n\r\n")
        fal.errors.clear()


def test_a_function_that_raises_gives_no_answer() -> None:
    def script(request: RecordedRequest) -> Reply:
        assert request.json() == {"prompt": "a fox"}
        return Reply([1])

    with dying_server(AssertionError) as fal:
        fal.add("acme/app", script)
        with pytest.raises(http.client.RemoteDisconnected):
            fetch(fal, body='{"prompt": "a dog"}')


def test_a_chunk_of_a_generator_that_is_not_json_is_an_error() -> None:
    with dying_server(ValueError, match="isn't JSON") as fal:
        fal.add("acme/app", lambda request: iter([object()]))
        with pytest.raises(http.client.IncompleteRead):
            fetch(fal)


def test_an_answer_that_is_none_is_an_error() -> None:
    with dying_server(ValueError, match="the answer of the script is None") as fal:
        fal.add("acme/app", lambda request: None)  # type: ignore[arg-type,return-value]
        with pytest.raises(http.client.RemoteDisconnected):
            fetch(fal)


def test_an_error_in_the_with_block_is_not_hidden_by_one_of_a_script() -> None:
    def main() -> None:
        with LocalFal() as fal:
            fal.add("acme/app", lambda request: [1 // 0])
            with pytest.raises(http.client.RemoteDisconnected):
                fetch(fal)
            raise KeyError

    with pytest.raises(KeyError):
        main()


def test_an_expected_error_can_be_cleared() -> None:
    with LocalFal() as fal:
        fal.add("acme/app", lambda request: [1 // 0])
        with pytest.raises(http.client.RemoteDisconnected):
            fetch(fal)
        assert isinstance(fal.errors.pop(), ZeroDivisionError)


def test_the_server_lives_on_after_an_error() -> None:
    with LocalFal() as fal:
        fal.add("acme/bad", lambda request: [1 // 0])
        fal.add("acme/app", [Event("x", event="error"), Ping()])
        with pytest.raises(http.client.RemoteDisconnected):
            fetch(fal, "acme/bad")
        assert fetch(fal).body == b"event: error\ndata: x\n\n: ping\n\n"
        fal.errors.clear()
