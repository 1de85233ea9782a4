"""The server of the works, a process of its own: `python -m tests.benchmarks.server`.

Promises: bytes that are written before they are asked for, blocking sockets, a thread for each
connection, and so as little work as Python allows while a contender is measured. Prints its ports
as a line of JSON, and ends when its standard input does. Leaves the bytes to `works`.

A stream of many begins when all of its crowd have asked. One thread sends to all of them in turn.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import socket
import ssl
import sys
import threading
import time
from collections.abc import Callable
from typing import cast

from .workloads import TURNS, WORKS, Work, frames, paced_frame

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


class Crowd:
    """Streams that begin together.

    Args:
        streams: How many.
    """

    def __init__(self, streams: int) -> None:
        self._barrier = threading.Barrier(streams)
        self._sockets: list[socket.socket] = []

    def send(self, connection: socket.socket, parts: list[bytes]) -> None:
        """Wait for all others, and return when each has been sent all parts."""
        self._sockets.append(connection)
        if self._barrier.wait() == 0:
            for part, receiver in itertools.product(parts, self._sockets):
                receiver.sendall(part)
            self._sockets.clear()
        self._barrier.wait()


class Server:
    """Answers requests for works."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._senders: dict[str, Callable[[socket.socket], None]] = {}

    def listen(self, context: ssl.SSLContext | None = None) -> int:
        """Listen on loopback.

        Args:
            context: For TLS; None for none.

        Returns:
            The port.
        """
        listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        threading.Thread(target=self._accept, args=(listener, context), daemon=True).start()
        return cast(int, listener.getsockname()[1])

    def _accept(self, listener: socket.socket, context: ssl.SSLContext | None) -> None:
        while True:
            connection, _ = listener.accept()
            threading.Thread(target=self._serve, args=(connection, context), daemon=True).start()

    def _serve(self, plain: socket.socket, context: ssl.SSLContext | None) -> None:
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            connection = context.wrap_socket(plain, server_side=True) if context else plain
            with connection:
                data = b""
                while True:
                    while b"\r\n\r\n" not in data:
                        fresh = connection.recv(65536)
                        if not fresh:
                            return
                        data += fresh
                    head, _, data = data.partition(b"\r\n\r\n")
                    length = _content_length(head)
                    while len(data) < length:
                        data += connection.recv(65536)
                    data = data[length:]
                    path = head.split(b" ", 2)[1].decode()
                    self._sender(path)(connection)
                    if WORKS[path.split("/")[2]].closes:
                        return
        except (OSError, threading.BrokenBarrierError):
            return  # the contender has gone

    def _sender(self, path: str) -> Callable[[socket.socket], None]:
        with self._lock:
            if path not in self._senders:
                name, events = path.split("/")[2:4]
                self._senders[path] = _sender(WORKS[name], int(events))
            return self._senders[path]


def _content_length(head: bytes) -> int:
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(value)
    return 0


def _sender(work: Work, events: int) -> Callable[[socket.socket], None]:
    if work.sending == "paced":
        return lambda connection: _send_paced(connection, events, work.pause)
    chunks = frames(work.size, min(events, work.cycle))
    if work.sending == "one by one":
        return lambda connection: _send_each(connection, chunks, events)
    if work.sending == "in turn":
        cuts = [turn * events // TURNS for turn in range(TURNS + 1)]
        parts = [b"".join(chunks[begin:end]) for begin, end in itertools.pairwise(cuts)]
        parts[0] = HEAD + parts[0]
        parts[-1] += END
        crowd = Crowd(work.streams)
        return lambda connection: crowd.send(connection, parts)
    head = HEAD.replace(b"server:", b"connection: close\r\nserver:") if work.closes else HEAD
    whole = b"".join([head, *chunks, END])
    return lambda connection: connection.sendall(whole)


def _send_each(connection: socket.socket, chunks: list[bytes], events: int) -> None:
    send = connection.sendall
    send(HEAD)
    for chunk in itertools.islice(itertools.cycle(chunks), events):
        send(chunk)
    send(END)


def _send_paced(connection: socket.socket, events: int, pause: float) -> None:
    connection.sendall(HEAD)
    due = time.monotonic()
    for index in range(events):
        due += pause
        time.sleep(max(0.0, due - time.monotonic()))
        connection.sendall(paced_frame(index, time.monotonic_ns()))
    connection.sendall(END)


def main() -> None:
    """Serve until the standard input ends."""
    parser = argparse.ArgumentParser(description="Serves the works of the benchmarks.")
    parser.add_argument("--certificate", help="a file with the key and certificates for TLS")
    arguments = parser.parse_args()
    server = Server()
    ports = {"http": server.listen()}
    if arguments.certificate:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(arguments.certificate)
        ports["https"] = server.listen(context)
    print(json.dumps(ports), flush=True)
    sys.stdin.read()
    os._exit(0)  # threads may wait for contenders that are still there


if __name__ == "__main__":
    main()
