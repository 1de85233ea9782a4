"""The server of the works, a process of its own: `python -m tests.benchmarks.server`.

Promises: bytes that are written before they are asked for, blocking sockets, a thread for each
connection, and so as little work as Python allows while a contender is measured. Prints its ports
as a line of JSON, and ends when its standard input does. Leaves the bytes to `workloads`.

Streams of many begin when all of their crowd have asked. One thread sends to all of them in turn.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import selectors
import socket
import ssl
import sys
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import cast

from tests.scale.limits import allow_open_files

from .link import Link
from .workloads import SERVED, TURNS, Work, frames, paced_frame

HEAD = (
    b"HTTP/1.1 200 OK\r\n"
    b"date: Mon, 01 Jan 2024 00:00:00 GMT\r\n"
    b"server: uvicorn\r\n"
    b"content-type: text/event-stream; charset=utf-8\r\n"
    b"cache-control: no-cache\r\n"
    b"x-fal-request-id: 00000000-0000-4000-8000-000000000000\r\n"
    b"transfer-encoding: chunked\r\n\r\n"
)
END = b"0\r\n\r\n"

# Seconds from the last head that is sent to a crowd to its first event, in which the contender gets
# done with opening.
SETTLING = 0.25

# Of a listener: streams of a crowd connect at once.
BACKLOG = 4096

Sender = Callable[[list[socket.socket]], None]


class Crowd:
    """Streams that begin together.

    Args:
        streams: How many.
        send: Sends to all of them.
    """

    def __init__(self, streams: int, send: Sender) -> None:
        self._barrier = threading.Barrier(streams)
        self._sockets: list[socket.socket] = []
        self._send = send

    def join(self, connection: socket.socket) -> None:
        """Wait for all others, and return when all has been sent to each."""
        connection.sendall(HEAD)
        self._sockets.append(connection)
        if self._barrier.wait() == 0:
            time.sleep(SETTLING)
            self._send(self._sockets)
            self._sockets.clear()
        self._barrier.wait()


class Held:
    """Connections that nothing is sent on any more, closed when their other side closes them."""

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        self._added: list[socket.socket] = []
        threading.Thread(target=self._watch, daemon=True).start()

    def add(self, connection: socket.socket) -> None:
        """Hold a connection; it is not to be closed by who gives it."""
        self._added.append(connection)

    def _watch(self) -> None:
        while True:
            while self._added:
                self._selector.register(self._added.pop(), selectors.EVENT_READ)
            # It doesn't wake up often: contenders are measured meanwhile.
            time.sleep(0.2)
            for key, _ in self._selector.select(0):
                self._selector.unregister(key.fileobj)
                cast(socket.socket, key.fileobj).close()


class Server:
    """Answers requests for works."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._senders: dict[str, Callable[[socket.socket], None]] = {}
        self._held = Held()
        self._received = 0

    def listen(self, context: ssl.SSLContext | None = None) -> int:
        """Listen on loopback.

        Args:
            context: For TLS; None for none.

        Returns:
            The port.
        """
        listener = socket.create_server(("127.0.0.1", 0), backlog=BACKLOG)
        threading.Thread(target=self._accept, args=(listener, context), daemon=True).start()
        return cast(int, listener.getsockname()[1])

    def _accept(self, listener: socket.socket, context: ssl.SSLContext | None) -> None:
        while True:
            connection, _ = listener.accept()
            threading.Thread(target=self._serve, args=(connection, context), daemon=True).start()

    def _serve(self, plain: socket.socket, context: ssl.SSLContext | None) -> None:
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection = plain
        try:
            connection = context.wrap_socket(plain, server_side=True) if context else plain
            while (work := self._answer(connection)) is not None and not work.closes:
                if work.sending == "held":
                    self._held.add(connection)
                    return
        except (OSError, threading.BrokenBarrierError):
            pass  # the contender has gone
        connection.close()

    def _answer(self, connection: socket.socket) -> Work | None:
        """Answer a request; give the work that it was of, None where none came."""
        data = b""
        while b"\r\n\r\n" not in data:
            fresh = connection.recv(65536)
            if not fresh:
                return None
            data += fresh
        head, _, data = data.partition(b"\r\n\r\n")
        method, target = head.decode().split(" ", 2)[:2]
        size = _content_length(head)
        self._discard(connection, size - len(data))
        if not target.startswith("/bench/"):
            connection.sendall(self._storage(method, target, head, size))
            return SERVED["upload"]
        sender = self._sender(target)
        sender(connection)
        return SERVED[target.split("/")[2]]

    def _discard(self, connection: socket.socket, size: int) -> None:
        buffer = memoryview(bytearray(min(max(size, 0), 256 * 1024)))
        while size > 0:
            got = connection.recv_into(buffer, min(size, len(buffer)))
            if not got:
                raise ConnectionError("the body ended early")
            size -= got

    def _storage(self, method: str, target: str, head: bytes, size: int) -> bytes:
        """Answer as fal's storage does; `GET /received` gives how much came since the last."""
        if method == "GET":
            with self._lock:
                answer: object = self._received
                self._received = 0
        elif method == "PUT":
            with self._lock:
                self._received += size
            part = target.rpartition("/")[2]
            answer = {"etag": "etag", "partNumber": int(part) if part.isdecimal() else 0}
        else:
            host = _header(head, b"host").decode()
            answer = {"upload_url": f"http://{host}/put", "file_url": f"http://{host}/file"}
        body = json.dumps(answer).encode()
        return (
            b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"
            b"content-length: %d\r\n\r\n%b" % (len(body), body)
        )

    def _sender(self, path: str) -> Callable[[socket.socket], None]:
        with self._lock:
            if path not in self._senders:
                name, events = path.split("/")[2:4]
                self._senders[path] = _sender(SERVED[name], int(events))
            return self._senders[path]


def _header(head: bytes, name: bytes) -> bytes:
    for line in head.split(b"\r\n"):
        found, _, value = line.partition(b":")
        if found.lower() == name:
            return value.strip()
    return b""


def _content_length(head: bytes) -> int:
    return int(_header(head, b"content-length") or 0)


def _sender(work: Work, events: int) -> Callable[[socket.socket], None]:
    if work.sending == "paced":
        return _together(work, partial(_send_paced, events, work.pause))
    chunks = frames(work.size, min(events, work.cycle), work.form)
    if work.sending == "one by one":
        return lambda connection: _send_each(connection, chunks, events)
    if work.sending == "in turn":
        cuts = [turn * events // TURNS for turn in range(TURNS + 1)]
        parts = [b"".join(chunks[begin:end]) for begin, end in itertools.pairwise(cuts)]
        parts[-1] += END
        return _together(work, partial(_send_in_turn, parts))
    head = HEAD.replace(b"server:", b"connection: close\r\nserver:") if work.closes else HEAD
    whole = b"".join([head, *chunks, b"" if work.sending == "held" else END])
    return lambda connection: connection.sendall(whole)


def _together(work: Work, send: Sender) -> Callable[[socket.socket], None]:
    if work.streams == 1:

        def send_head_first(connection: socket.socket) -> None:
            connection.sendall(HEAD)
            send([connection])

        return send_head_first
    return Crowd(work.streams, send).join


def _send_each(connection: socket.socket, chunks: list[bytes], events: int) -> None:
    send = connection.sendall
    send(HEAD)
    for chunk in itertools.islice(itertools.cycle(chunks), events):
        send(chunk)
    send(END)


def _send_in_turn(parts: list[bytes], receivers: list[socket.socket]) -> None:
    for part, receiver in itertools.product(parts, receivers):
        receiver.sendall(part)


def _send_paced(events: int, pause: float, receivers: list[socket.socket]) -> None:
    """Send each receiver an event in each pause, all of them evenly over it."""
    step = pause / len(receivers)
    due = time.monotonic() + pause - step
    for index, receiver in itertools.product(range(events), receivers):
        due += step
        left = due - time.monotonic()
        if left > 0:
            time.sleep(left)
        receiver.sendall(paced_frame(index, time.monotonic_ns()))
    for receiver in receivers:
        receiver.sendall(END)


def main() -> None:
    """Serve until the standard input ends."""
    parser = argparse.ArgumentParser(description="Serves the works of the benchmarks.")
    parser.add_argument("--certificate", help="a file with the key and certificates for TLS")
    arguments = parser.parse_args()
    allow_open_files()
    server = Server()
    ports = {"http": server.listen()}
    ports["link"] = Link(ports["http"]).port
    if arguments.certificate:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(arguments.certificate)
        ports["https"] = server.listen(context)
    print(json.dumps(ports), flush=True)
    sys.stdin.read()
    os._exit(0)  # threads may wait for contenders that are still there


if __name__ == "__main__":
    main()
