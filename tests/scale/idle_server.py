"""Answers each request with one event, and leaves the stream open: for very many idle ones.

Prints its address, and serves until its standard input ends.
"""

from __future__ import annotations

import socket
import sys
import threading

from tests.scale.limits import allow_open_files

EVENT = b'data: {"step": 1}\n\n'
ANSWER = (
    b"HTTP/1.1 200 OK\r\n"
    b"content-type: text/event-stream\r\n"
    b"x-fal-request-id: 1234\r\n"
    b"transfer-encoding: chunked\r\n\r\n"
    b"%x\r\n%b\r\n" % (len(EVENT), EVENT)
)


def serve(listener: socket.socket) -> None:
    """Answer one after the other; who has been answered sends nothing more."""
    streams: list[socket.socket] = []
    while True:
        connection, _ = listener.accept()
        # Head and body of the request come in one piece: they are short.
        connection.recv(65536)
        connection.sendall(ANSWER)
        streams.append(connection)


def main() -> None:
    """Serve."""
    allow_open_files()
    with socket.create_server(("127.0.0.1", 0), backlog=100) as listener:
        threading.Thread(target=serve, args=(listener,), daemon=True).start()
        print(f"http://127.0.0.1:{listener.getsockname()[1]}", flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main()
