"""Play a recording again, as the reply of a server.

Promises: the same bytes in the same pieces, and the same end. Not here: the file format
(`recording`), and sending (`player`).
"""

from __future__ import annotations

import os
from collections.abc import Iterator

from fal_stream.testing.checks import check_seconds
from fal_stream.testing.recording import Recording, read_recording
from fal_stream.testing.reply import Reply
from fal_stream.testing.steps import Cut, Hang, Pause, PlayableStep, Raw

__all__ = ["replay"]

# Headers that belong to a connection, or to one request.
_NOT_REPLAYED = {
    "connection",
    "content-length",
    "content-type",
    "keep-alive",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "x-fal-request-id",
}


def replay(path: str | os.PathLike[str], *, pace: float = 0.0) -> Reply:
    """Play a recording of `record` again.

    The status, headers and bytes are those of the recording, except the request id, which is the
    local server's own. If the recorded connection broke, so does this one; if it fell silent, so
    does this one. If the client left before the end, the connection breaks there, because what
    would have followed is unknown.

    Args:
        path: The path of the file.
        pace: The speed: 0 plays without delays, 1 takes the recorded time, 0.1 a tenth of it.

    Returns:
        A script, for `LocalFal.add`.

    Raises:
        ConfigError: The file can't be read or is not a recording, or the pace is not a number.
    """
    check_seconds("pace", pace)
    recording = read_recording(path)
    headers = recording.headers
    return Reply(
        list(_steps(recording, pace)),
        status=recording.status,
        content_type=headers.get("content-type", "application/octet-stream"),
        headers={name: headers[name] for name in headers if name not in _NOT_REPLAYED},
        delay=recording.seconds * pace,
    )


def _steps(recording: Recording, pace: float) -> Iterator[PlayableStep]:
    now = recording.seconds
    for piece in recording.pieces:
        if pace and piece.seconds > now:
            yield Pause((piece.seconds - now) * pace)
        now = max(now, piece.seconds)
        yield Raw(piece.data)
    if recording.ending == "silent":
        yield Hang()
        return
    if pace and recording.ended > now:
        yield Pause((recording.ended - now) * pace)
    if recording.ending != "complete":
        yield Cut()
