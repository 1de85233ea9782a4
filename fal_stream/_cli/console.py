"""Write the command line's output: results to stdout, everything else to stderr.

Promises: each line of JSON is written at once, in UTF-8, or as ASCII if stdout has another
encoding. Nothing that a model sends can control the terminal. A closed or unwritable stderr doesn't
stop the program.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import sys
from typing import Any, BinaryIO

from fal_stream._cli.colors import colored, colored_json, wants_color
from fal_stream._cli.exit_codes import OutputClosed, OutputError
from fal_stream.errors import excerpt, printable

# Characters that JSON may contain unescaped, but a terminal or UTF-8 may not: delete, C1 control
# characters, characters that change the writing direction, and lone surrogates.
_UNFIT = re.compile("[\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
_DATA_URI = re.compile(r"data:[^\s,]{0,200},")
_SHOWN_OF_DATA = 40


class Console:
    """The output of the command line.

    Attributes:
        stdout_is_terminal: Whether stdout is a terminal.
        stderr_is_terminal: Whether stderr is a terminal.
    """

    def __init__(self) -> None:
        self.stdout_is_terminal: bool = _is_terminal(sys.stdout)
        self.stderr_is_terminal: bool = _is_terminal(sys.stderr)
        encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
        self._encoding = encoding
        self._is_utf8 = encoding.lower().replace("-", "") == "utf8"
        self._has_color = wants_color()
        self._is_in_line = False

    def print_line(self, text: str, color: str | None = None) -> None:
        """Write a line to stderr, with the name of the program before it.

        Args:
            text: The line.
            color: The color of the program's name on a terminal. Default: none.
        """
        name = "fal-stream:"
        if color is not None and self.stderr_is_terminal and self._has_color:
            name = colored(name, color)
        if self.stdout_is_terminal:
            with contextlib.suppress(OutputError, OutputClosed):
                self.end_line()
        self.write_stderr(f"{name} {text}\n")

    def write_stderr(self, text: str) -> None:
        """Write a text to stderr unchanged."""
        if sys.stderr is not None:
            with contextlib.suppress(OSError, ValueError):
                sys.stderr.write(text)
                sys.stderr.flush()

    def write_json(self, value: Any) -> None:
        """Write a value as a line of JSON to stdout.

        Args:
            value: The value. On a terminal, data URIs in it are shortened.

        Raises:
            OutputError: It can't be written to stdout.
            OutputClosed: The program that reads stdout has ended.
        """
        try:
            if self.stdout_is_terminal:
                value = shorten_data_uris(value)
            text = json.dumps(value, ensure_ascii=not self._is_utf8)
        except (ValueError, RecursionError):
            raise OutputError("A chunk is nested too deeply to be written") from None
        if not text.isascii() or "\x7f" in text:  # searching megabytes takes a while
            text = _UNFIT.sub(lambda match: f"\\u{ord(match[0]):04x}", text)
        if self.stdout_is_terminal and self._has_color:
            text = colored_json(text)
        self.write_bytes(f"{text}\n".encode())

    def write_text(self, text: str) -> None:
        """Write a piece of text to stdout, without a line end.

        Args:
            text: The text. On a terminal, control characters are escaped.

        Raises:
            OutputError: It can't be written to stdout.
            OutputClosed: The program that reads stdout has ended.
        """
        self._is_in_line = not text.endswith("\n")
        if self.stdout_is_terminal:
            text = printable(text.replace("\r\n", "\n"))
        self.write_bytes(text.encode(self._encoding, "backslashreplace"))

    def end_line(self) -> None:
        """End the line that `write_text` has begun, if there is one; raises the same errors."""
        if self._is_in_line:
            self.write_text("\n")

    def write_bytes(self, data: bytes) -> None:
        """Write bytes to stdout.

        Raises:
            OutputError: The bytes can't be written.
            OutputClosed: The program that reads stdout has ended.
        """
        try:
            stdout = _binary_stdout()
            stdout.write(data)
            stdout.flush()
        except BrokenPipeError:
            raise OutputClosed from None
        except OSError as error:
            reason = error.strerror or type(error).__name__
            raise OutputError(f"stdout can't be written ({reason})") from None

    def silence_stdout(self) -> None:
        """Redirect stdout to the null device, or Python would report a failed flush at exit."""
        with contextlib.suppress(OSError, ValueError, AttributeError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _binary_stdout() -> BinaryIO:
    if sys.stdout is None:
        raise OSError(0, "it is closed")
    return sys.stdout.buffer


def _is_terminal(stream: Any) -> bool:
    try:
        return stream is not None and stream.isatty()
    except ValueError:
        return False


def shorten_data_uris(value: Any) -> Any:
    """Return a copy of a JSON value in which data URIs are shortened, to print it."""
    if isinstance(value, dict):
        return {name: shorten_data_uris(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [shorten_data_uris(inner) for inner in value]
    if isinstance(value, str) and (found := _DATA_URI.match(value)):
        return excerpt(value, found.end() + _SHOWN_OF_DATA)
    return value
