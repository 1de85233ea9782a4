"""Read open files that can't seek: pipes, terminals, sockets, responses.

Promises: a pipe, a terminal or a socket is read only when it has bytes. Otherwise a thread
would block in `sys.stdin.buffer.read()` with the lock of that file, and Python aborts at exit if it
can't get this lock (`_enter_buffered_busy` in
https://github.com/python/cpython/blob/main/Modules/_io/bufferedio.c). A closed reader takes no
further byte from the file.
"""

from __future__ import annotations

import io
import os
import select
import socket
import stat
from typing import Any

from .readers import FileReadError, Reader, read_some

POLL_MILLISECONDS = 500  # how often a wait checks whether the reader was closed

_BUFFERED = (io.BufferedReader, io.BufferedRandom)


class PipeReader(Reader):
    """Reads a file in order, from its current position.

    Args:
        file: The file, which is not closed.
    """

    size = None

    def __init__(self, file: Any) -> None:
        self._file = file
        self._is_special = is_special(file)
        self._is_closed = False

    def read_next(self, length: int) -> bytes:
        """Return some of the next bytes as soon as there are any; `b""` only at the end."""
        self._check_open()
        if self._is_special and hasattr(select, "poll"):
            self._wait()
        # Not twice, because the user of a terminal would have to type the end of file twice.
        return read_some(self._file, length, ask_twice=not self._is_special)

    def _wait(self) -> None:
        # Bytes that are in the file's buffer already aren't seen by `poll`. They are read with the
        # next bytes or at the end, and an upload doesn't end before that anyway.
        while True:
            poll = select.poll()
            # `fileno` is called each time: if the caller closes the file, its descriptor may be
            # reused.
            poll.register(self._file.fileno(), select.POLLIN)
            if poll.poll(POLL_MILLISECONDS):
                return
            self._check_open()

    def _check_open(self) -> None:
        if self._is_closed:
            raise FileReadError("it was closed")

    def close(self) -> None:
        """Read nothing more from the file."""
        self._is_closed = True


def is_special(file: Any) -> bool:
    """Return whether a file is a pipe, a device or a socket that can be polled for bytes.

    Returns:
        True for Python's own file objects of these. False for objects with a protocol in between,
        such as a response or a TLS socket, which may have bytes in a buffer while the socket has
        none; and for a socket with a timeout, which ends its wait itself.
    """
    try:
        raw = file.raw if type(file) in _BUFFERED else file
        if type(raw) is socket.SocketIO:
            return _is_plain(vars(raw).get("_sock"))
        if type(raw) is not io.FileIO:
            return False
        mode = os.fstat(raw.fileno()).st_mode
    except (OSError, ValueError):
        return False
    return stat.S_ISFIFO(mode) or stat.S_ISCHR(mode) or stat.S_ISSOCK(mode)


def _is_plain(connection: object) -> bool:
    return type(connection) is socket.socket and not connection.gettimeout()
