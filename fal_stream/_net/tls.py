"""TLS without a socket (`ssl.MemoryBIO`): encrypted bytes in, decrypted bytes out, and back.

Promises: data that was decrypted before an error is returned before the error is raised. If the
connection ends without TLS's `close_notify`, that is an error and not an end (RFC 8446, section
6.1). Not here: sending the encrypted bytes, and waiting for them.
"""

from __future__ import annotations

import ssl

from .._signal_errors import raised_by_signal_handler

# The largest TLS record (RFC 8446, section 5.1).
_RECORD_BYTES = 16 * 1024


class TlsEngine:
    """The client's side of a TLS connection.

    Args:
        context: The TLS settings.
        server_hostname: The host name that the certificate has to be for.

    Attributes:
        ssl_object: The TLS state, which knows the protocol version, the cipher and so on.
        ended: Whether the server has sent `close_notify`.
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
        """Continue the handshake, and return whether it is complete.

        Args:
            data: Bytes from the network; `b""` at the beginning.

        Raises:
            OSError: The handshake failed.
        """
        self._incoming.write(data)
        try:
            self.ssl_object.do_handshake()
        except ssl.SSLWantReadError:
            return False
        return True

    def take_output(self) -> bytes:
        """Return the bytes that TLS has to send, and remove them."""
        return self._outgoing.read()

    def encrypt(self, data: bytes) -> bytes:
        """Encrypt bytes of the application, and return the bytes to send."""
        if data:
            self.ssl_object.write(data)
        return self._outgoing.read()

    def decrypt(self, data: bytes) -> bytes:
        """Decrypt bytes from the network, and return the bytes of the application, if any.

        Args:
            data: Bytes from the network; `b""` at the end of the connection.

        Raises:
            OSError: The bytes are not valid TLS, or the connection ended without `close_notify`.
        """
        if self._error is not None:
            raise self._error
        if data:
            self._incoming.write(data)
        else:
            self._incoming.write_eof()
        return self._decrypted()

    def rest(self) -> bytes:
        """Return the bytes of the application that arrived with the end of the handshake.

        Raises:
            OSError: An earlier call of `decrypt` found an error after the bytes that it returned.
        """
        if self._error is not None:
            raise self._error
        return self._decrypted() if self._incoming.pending else b""

    @property
    def is_over(self) -> bool:
        """Whether no more bytes can come."""
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
