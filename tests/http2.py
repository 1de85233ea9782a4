"""A server that speaks HTTP/2, and nothing before it."""

from __future__ import annotations

import socket
import threading
from typing import Any

import h2.config
import h2.connection
import h2.events

from tests.faults.servers import RawServer

HEAD = [(":status", "200"), ("content-type", "text/event-stream")]


class Http2Server(RawServer):
    """Streams one event to whoever asks for anything, and more when it is told so.

    Attributes:
        asked: The paths that were asked for.
        reset: The paths whose streams the client has ended.
    """

    def __init__(self) -> None:
        super().__init__(self._talk)
        self.asked: list[str] = []
        self.reset: list[str] = []
        self._lock = threading.Lock()
        self._streams: dict[str, tuple[socket.socket, h2.connection.H2Connection, int]] = {}

    def _talk(self, client: socket.socket) -> None:
        config = h2.config.H2Configuration(client_side=False, header_encoding="utf-8")
        connection = h2.connection.H2Connection(config=config)
        connection.initiate_connection()
        client.sendall(connection.data_to_send())
        paths: dict[int, str] = {}
        while data := client.recv(65536):
            with self._lock:
                for event in connection.receive_data(data):
                    if isinstance(event, h2.events.RequestReceived):
                        headers: Any = event.headers
                        path, number = dict(headers)[":path"], event.stream_id or 0
                        paths[number] = path
                        connection.send_headers(number, HEAD)
                        self._streams[path] = client, connection, number
                        self.asked.append(path)
                    elif isinstance(event, h2.events.StreamReset):
                        self.reset.append(paths[event.stream_id or 0])
                client.sendall(connection.data_to_send())

    def send(self, path: str, data: bytes, *, end: bool = False) -> None:
        """Send a piece of a body.

        Args:
            path: What was asked for.
            data: The piece.
            end: Whether it is the last one.
        """
        with self._lock:
            client, connection, number = self._streams[path]
            connection.send_data(number, data, end_stream=end)
            client.sendall(connection.data_to_send())
