"""Remove secrets from a recording.

Promises: a secret of the request is masked if the server repeats it, in the encodings of
`_shared/redact`. So is each header whose name tells that it is secret, and the signature or token
in each URL. Other secrets in chunks are not recognized: chunks are data.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping

from fal_stream._shared.redact import MASK
from fal_stream.credentials import is_secret_name
from fal_stream.testing.recording import Piece

__all__ = ["redact_body", "redact_headers"]

Mask = Callable[[str], str]

# A query parameter; its separator may be escaped as in JSON or HTML.
_PARAMETER = re.compile(
    r"(?P<before>(?:[?&;]|\\u0026)(?P<name>[A-Za-z0-9_.~%-]+)=)[^&\x00-\x20\"'\\<>#]+"
)


def redact_headers(headers: Mapping[str, str], mask: Mask) -> dict[str, str]:
    """Return the headers of a response, in ASCII, with secrets masked.

    Args:
        headers: The headers, names in lower case.
        mask: Masks the secrets of the request.
    """
    return {
        name: MASK if is_secret_name(name) else _ascii(_redact(value, mask))
        for name, value in headers.items()
    }


def redact_body(pieces: Iterable[Piece], mask: Mask) -> tuple[Piece, ...]:
    """Return a body with secrets masked.

    Args:
        pieces: The body.
        mask: Masks the secrets of the request.

    Returns:
        The same pieces if there is no secret. Otherwise the pieces are cut at line ends, because a
        secret may have arrived in two reads.
    """
    given = tuple(pieces)
    text = b"".join(piece.data for piece in given).decode("latin-1")
    if _redact(text, mask) == text:
        return given
    return tuple(
        Piece(piece.seconds, _redact(piece.data.decode("latin-1"), mask).encode("latin-1"))
        for piece in _in_lines(given)
    )


def _in_lines(pieces: Iterable[Piece]) -> Iterator[Piece]:
    held: list[bytes] = []
    seconds = 0.0
    for piece in pieces:
        seconds = piece.seconds
        lines, line_end, rest = piece.data.rpartition(b"\n")
        if line_end:
            yield Piece(seconds, b"".join([*held, lines, line_end]))
            held.clear()
        held.append(rest)
    if rest := b"".join(held):
        yield Piece(seconds, rest)


def _redact(text: str, mask: Mask) -> str:
    return _PARAMETER.sub(_redact_parameter, mask(text))


def _redact_parameter(match: re.Match[str]) -> str:
    return match["before"] + MASK if is_secret_name(match["name"]) else match[0]


def _ascii(text: str) -> str:
    return text.encode("ascii", "backslashreplace").decode()
