"""TLS apart from any socket, against the server's side of Python's own."""

from __future__ import annotations

import contextlib
import ssl

import pytest
import trustme

from fal_stream._net.tls import TlsEngine
from tests.tls import client_context, is_cut


class Server:
    """The other side."""

    def __init__(self, authority: trustme.CA) -> None:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        authority.issue_cert("127.0.0.1").configure_cert(context)
        self.incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self.incoming, self._outgoing, server_side=True)

    def handshake(self, data: bytes) -> bytes:
        self.incoming.write(data)
        with contextlib.suppress(ssl.SSLWantReadError):
            self.tls.do_handshake()
        return self._outgoing.read()

    def say(self, data: bytes) -> bytes:
        self.tls.write(data)
        return self._outgoing.read()

    def end(self) -> bytes:
        with pytest.raises(ssl.SSLWantReadError):
            self.tls.unwrap()
        return self._outgoing.read()


@pytest.fixture
def server(authority: trustme.CA) -> Server:
    return Server(authority)


@pytest.fixture
def engine(authority: trustme.CA, server: Server) -> TlsEngine:
    """An engine after its handshake."""
    context = client_context()
    authority.configure_trust(context)
    engine = TlsEngine(context, "127.0.0.1")
    data = b""
    while not engine.handshake(data):
        data = server.handshake(engine.take_output())
    # The server's tickets for connections to come.
    assert engine.decrypt(server.handshake(engine.take_output())) == b""
    return engine


def test_both_directions(engine: TlsEngine, server: Server) -> None:
    server.incoming.write(engine.encrypt(b"a request"))
    assert server.tls.read() == b"a request"
    assert engine.encrypt(b"") == b""
    big = bytes(range(256)) * 1000
    assert engine.decrypt(server.say(b"some ") + server.say(big)) == b"some " + big
    assert not engine.ended


def test_records_in_pieces(engine: TlsEngine, server: Server) -> None:
    record = server.say(b"whole")
    pieces = [engine.decrypt(record[place : place + 1]) for place in range(len(record))]
    assert pieces == [b""] * (len(record) - 1) + [b"whole"]


def test_an_end_in_due_form(engine: TlsEngine, server: Server) -> None:
    assert engine.decrypt(server.say(b"the last") + server.end()) == b"the last"
    assert engine.ended


def test_an_end_of_the_connection_only(engine: TlsEngine, server: Server) -> None:
    assert engine.decrypt(server.say(b"not the last")) == b"not the last"
    with pytest.raises(ssl.SSLError) as caught:
        engine.decrypt(b"")
    assert is_cut(caught.value)
    assert not engine.ended


def test_bytes_before_rubbish_are_given_first(engine: TlsEngine, server: Server) -> None:
    assert engine.decrypt(server.say(b"good") + b"HTTP/1.1 400 Bad Request") == b"good"
    for _ in range(2):
        with pytest.raises(ssl.SSLError):
            engine.decrypt(b"more")


def test_a_certificate_that_is_not_trusted(server: Server) -> None:
    engine = TlsEngine(ssl.create_default_context(), "127.0.0.1")
    assert not engine.handshake(b"")
    with pytest.raises(ssl.SSLCertVerificationError):
        engine.handshake(server.handshake(engine.take_output()))
    assert engine.take_output()  # what tells the server why
