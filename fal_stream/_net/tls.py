"""TLS without a socket (`ssl.MemoryBIO`): encrypted bytes in, decrypted bytes out, and back.

Promises: data that was decrypted before an error is returned before the error is raised. If the
connection ends without TLS's `close_notify`, that is an error and not an end (RFC 8446, section
6.1). Elsewhere: sending the encrypted bytes, and waiting for them.
"""

from __future__ import annotations

import ssl

from .._signal_errors import raised_by_signal_handler

# How much one call decrypts at most: the largest TLS record.
_RECORD_BYTES = 16 * 1024


class TlsEngine:
    """One TLS connection, seen from the client.

    Args:
        context: The TLS settings.
        server_hostname: Whom the certificate has to name.

    Attributes:
        ssl_object: The TLS state, for questions such as which protocol was agreed on.
        ended: Whether the other side has said that nothing more comes.
    """

    def __init__(self, context: ssl.SSLContext, server_hostname: str | None) -> None:
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self.ssl_object = context.wrap_bio(
            self._incoming, self._outgoing, server_hostname=server_hostname
        )
        self.ended = False
        self._error: OSError | None = None

    def handshake(self, data: bytes) -> bool:
        """Go on with the handshake.

        Args:
            data: What came from the network; `b""` at the beginning.

        Returns:
            Whether the handshake is done.

        Raises:
            OSError: It failed.
        """
        self._incoming.write(data)
        try:
            self.ssl_object.do_handshake()
        except ssl.SSLWantReadError:
            return False
        return True

    def take_output(self) -> bytes:
        """Return what is to go out now."""
        return self._outgoing.read()

    def encrypt(self, data: bytes) -> bytes:
        """Return what is to go out for some bytes of the application."""
        if data:
            self.ssl_object.write(data)
        return self._outgoing.read()

    def decrypt(self, data: bytes) -> bytes:
        """Return the bytes of the application in what came.

        Args:
            data: What came from the network; `b""` at its end.

        Returns:
            The bytes; there may be none.

        Raises:
            OSError: It is no TLS, or it ended before TLS did.
        """
        if self._error is not None:
            raise self._error
        if data:
            self._incoming.write(data)
        else:
            self._incoming.write_eof()
        return self._decrypted()

    def rest(self) -> bytes:
        """Return the bytes of the application that came along with the end of the handshake.

        Raises:
            OSError: What came before was no TLS from some place on, or ended before TLS did.
        """
        if self._error is not None:
            raise self._error
        return self._decrypted() if self._incoming.pending else b""

    @property
    def is_over(self) -> bool:
        """Whether nothing more can come."""
        return self.ended or self._error is not None

    def _decrypted(self) -> bytes:
        pieces: list[bytes] = []
        read = self.ssl_object.read
        try:
            while piece := read(_RECORD_BYTES):
                pieces.append(piece)
            self.ended = True
        except ssl.SSLWantReadError:
            pass
        except OSError as error:
            if not pieces or raised_by_signal_handler(error) is not None:
                raise
            self._error = error
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)
