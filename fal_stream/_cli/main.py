"""Run the command line: parse the arguments, run the command, return the exit code.

Promises: whatever happens, stderr has no traceback and no secret, and the exit code is one of
`exit_codes`. The first Ctrl-C closes the stream and cleans up; a second one ends the process at
once.
"""

from __future__ import annotations

import io
import logging
import os
import signal
import sys
import traceback
import warnings
from collections.abc import Sequence
from types import FrameType
from typing import Any, TextIO

from fal_stream._cli.colors import ERROR, WARNING
from fal_stream._cli.console import Console
from fal_stream._cli.exit_codes import (
    CTRL_C,
    FAILED,
    OK,
    OUTPUT_CLOSED,
    OutputClosed,
    OutputError,
    error_lines,
    exit_code,
)
from fal_stream._cli.messages import shell_text
from fal_stream._cli.parsers import read_arguments
from fal_stream.errors import FalStreamError, mask_secrets, printable


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line, and return the exit code.

    Args:
        arguments: The arguments. Default None: those of the process.
    """
    _prepare()
    console = Console()
    code = _main(sys.argv[1:] if arguments is None else arguments, console)
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except OSError as error:
        console.silence_stdout()
        if code == OK:
            code = OUTPUT_CLOSED if isinstance(error, BrokenPipeError) else FAILED
    # An exception while the interpreter shuts down would print a traceback.
    for number, handler in ((signal.SIGINT, _interrupt), (signal.SIGTERM, _terminate)):
        if signal.getsignal(number) is handler:
            signal.signal(number, signal.SIG_DFL)
    return code


def _main(arguments: Sequence[str], console: Console) -> int:
    try:
        return _command(arguments, console)
    except SystemExit as end:  # after the help, or from a signal handler
        return end.code if isinstance(end.code, int) else OK
    except KeyboardInterrupt:
        return CTRL_C
    except (BrokenPipeError, OutputClosed):
        console.silence_stdout()
        return OUTPUT_CLOSED
    except FalStreamError as error:
        for line in error_lines(error):
            console.print_line(line, ERROR)
        return exit_code(error)
    except OutputError as error:
        console.silence_stdout()
        console.print_line(printable(str(error)), ERROR)
    except Exception as error:
        console.silence_stdout()
        console.print_line(_unexpected_error_text(error), ERROR)
    return FAILED


def _command(arguments: Sequence[str], console: Console) -> int:
    if "_ARGCOMPLETE" in os.environ:
        from fal_stream._cli.completion import complete

        complete()
    # Each command imports only what it needs, so that it starts sooner.
    given = read_arguments(arguments)
    if given.command == "run":
        from fal_stream._cli.run import run

        return run(given, console)
    if given.command == "serve":
        from fal_stream._cli.serve import serve

        return serve(given.port)
    from fal_stream.testing.demo import run_demo

    run_demo(_write)
    return OK


def _write(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()


def _unexpected_error_text(error: Exception) -> str:
    """Return the message for an unexpected exception, without its text, which may be secret."""
    frames = traceback.extract_tb(error.__traceback__)
    where = f" in {frames[-1].filename}, line {frames[-1].lineno}" if frames else ""
    if isinstance(error, OSError):
        return f"{error.strerror or type(error).__name__}{where}"
    return f"a {type(error).__name__}{where} that was not foreseen: please report it"


def _prepare() -> None:
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    warnings.showwarning = _show_warning
    # This handler gets the records of loggers without a handler.
    logging.lastResort = _LogLines(logging.WARNING)
    # Don't change the handler if Ctrl-C is ignored, as in a background job of a script.
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _interrupt)
    if signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
        signal.signal(signal.SIGTERM, _terminate)


class _LogLines(logging.Handler):
    """Writes log records as lines of the command line."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record."""
        text = mask_secrets(record.getMessage())
        Console().print_line(f"warning: {printable(shell_text(text))}", WARNING)


def _interrupt(number: int, frame: FrameType | None) -> None:
    signal.signal(number, signal.SIG_DFL)
    raise KeyboardInterrupt


def _terminate(number: int, frame: FrameType | None) -> None:
    signal.signal(number, signal.SIG_DFL)
    raise SystemExit(128 + number)


def _show_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: Any = None,
) -> None:
    Console().print_line(f"warning: {printable(shell_text(str(message)))}", WARNING)
