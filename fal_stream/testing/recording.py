"""Recordings of real streams, and their file format: one JSON value per line.

Promises: reading a file returns the recording that was written. A file that is not a recording
raises an error that tells the wrong line. Not here: creating recordings (`record`), masking secrets
(`redaction`), and playing them (`replay`).
"""

from __future__ import annotations

import json
import os
from base64 import b64decode, b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from fal_stream._reporting.tap import Ending
from fal_stream.errors import ConfigError

__all__ = ["Piece", "Recording", "check_path", "read_recording", "write_recording"]

_VERSION = 1


@dataclass(frozen=True)
class Piece:
    """Bytes of a body that arrived in one read.

    Attributes:
        seconds: When they arrived (seconds since the start of the request).
        data: The bytes.
    """

    seconds: float
    data: bytes


@dataclass(frozen=True)
class Recording:
    """The response of one stream.

    Attributes:
        endpoint_id: The endpoint.
        status: The HTTP status.
        headers: The headers, names in lower case.
        seconds: When the head arrived (seconds since the start of the request).
        pieces: The body.
        ended: When the body ended (seconds since the start of the request).
        ending: How the body ended.
    """

    endpoint_id: str
    status: int
    headers: dict[str, str]
    seconds: float
    pieces: tuple[Piece, ...]
    ended: float
    ending: Ending


class _Line(BaseModel):
    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid", strict=True)

    seconds: float = Field(ge=0, allow_inf_nan=False)


_LineT = TypeVar("_LineT", bound=_Line)


class _Head(_Line):
    fal_stream_recording: int = Field(ge=_VERSION, le=_VERSION)
    endpoint_id: str
    status: int
    headers: dict[str, str]


class _Body(_Line):
    text: str | None = None
    base64: str | None = None


class _End(_Line):
    ending: Ending


def check_path(path: str | os.PathLike[str]) -> Path:
    """Check that a file can be written to a path, and return the absolute path.

    Raises:
        ConfigError: The path is a folder, or in a folder that doesn't exist.
    """
    file = Path(path)
    if file.is_dir():
        raise ConfigError(f"path is {str(file)!r}, a folder; give the path of a file")
    if not file.parent.is_dir():
        raise ConfigError(f"path is {str(file)!r}, and its folder isn't there; make it first")
    return file.absolute()


def write_recording(path: Path, recording: Recording) -> None:
    """Write a recording to a file, atomically; an existing file is replaced.

    Raises:
        OSError: The file can't be written.
    """
    text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in _lines(recording))
    draft = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    try:
        draft.write_bytes(text.encode("utf-8", "backslashreplace"))
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def _lines(recording: Recording) -> Iterator[dict[str, Any]]:
    yield {
        "fal_stream_recording": _VERSION,
        "endpoint_id": recording.endpoint_id,
        "status": recording.status,
        "headers": recording.headers,
        "seconds": round(recording.seconds, 4),
    }
    for piece in recording.pieces:
        line: dict[str, Any] = {"seconds": round(piece.seconds, 4)}
        try:
            yield {**line, "text": piece.data.decode()}
        except UnicodeDecodeError:
            yield {**line, "base64": b64encode(piece.data).decode()}
    yield {"seconds": round(recording.ended, 4), "ending": recording.ending}


def read_recording(path: str | os.PathLike[str]) -> Recording:
    """Return the recording in a file.

    Raises:
        ConfigError: The file can't be read, or is not a recording.
    """
    name = str(path)
    try:
        # Not splitlines(), which also splits at characters that JSON doesn't escape.
        lines = Path(path).read_bytes().removesuffix(b"\n").split(b"\n")
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise ConfigError(f"The recording {name!r} can't be read: {reason}") from None
    if len(lines) < 2:
        raise ConfigError(f"{name!r} is no recording, or its end is missing; record it again")
    head = _parse(name, 1, lines[0], _Head)
    end = _parse(name, len(lines), lines[-1], _End)
    pieces = []
    for number, line in enumerate(lines[1:-1], start=2):
        body = _parse(name, number, line, _Body)
        pieces.append(Piece(body.seconds, _bytes_of(name, number, body)))
    return Recording(
        head.endpoint_id,
        head.status,
        head.headers,
        head.seconds,
        tuple(pieces),
        end.seconds,
        end.ending,
    )


def _parse(name: str, number: int, line: bytes, model: type[_LineT]) -> _LineT:
    try:
        return model.model_validate_json(line)
    except ValidationError as error:
        reason = error.errors(include_url=False, include_input=False)[0]["msg"]
    raise _bad_line(name, number, reason)


def _bytes_of(name: str, number: int, body: _Body) -> bytes:
    if body.text is not None and body.base64 is None:
        return body.text.encode("utf-8", "backslashreplace")
    try:
        if body.base64 is not None and body.text is None:
            return b64decode(body.base64, validate=True)
        reason = "either text or base64 has to be there"
    except ValueError as error:
        reason = str(error)
    raise _bad_line(name, number, reason)


def _bad_line(name: str, number: int, reason: str) -> ConfigError:
    return ConfigError(
        f"Line {number} of the recording {name!r} is bad ({reason}); record it again"
    )
