"""`fal-stream run`: run one stream from the arguments, and write it to stdout.

Promises: each chunk is written when it arrives, before the next one is read. However the stream
ends, its connection is closed. Not here: the exit code of an error (`exit_codes`, `main`).
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from typing import Any, cast

from fal_stream import AbortController, FalStream, ServerSentEvent, StreamingClient
from fal_stream._cli.broken_pipe import watch_output
from fal_stream._cli.console import Console
from fal_stream._cli.exit_codes import FAILED, OK, OutputClosed, OutputError
from fal_stream._cli.input_args import parse_input_args, parse_json
from fal_stream._cli.progress import Progress
from fal_stream._cli.saving import OutputFolder
from fal_stream._shared.text_reader import TextReader
from fal_stream.config import ClientSettings
from fal_stream.errors import ConfigError, excerpt
from fal_stream.retry import RetryPolicy
from fal_stream.types import StreamOptions

_LIMITS = ("timeout", "event_timeout", "start_timeout", "total_timeout")
_OF_CLIENT = ("run_url", "rest_url", "proxy_url", "trusted_hosts", "max_event_bytes")
_OF_STREAM = (*_LIMITS, "method", "accept", "priority", "hint", "url", "path")


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Stream from an endpoint, and return the exit code.

    Args:
        arguments: The arguments of `run`, from `read_arguments`.
        console: Where to write the output.

    Raises:
        FalStreamError: The error that ended the stream.
        OutputError: The output could not be written.
        OutputClosed: The program that reads stdout has ended.
    """
    given = vars(arguments)
    _check_fit(given)
    with StreamingClient(**_settings(given)) as client:
        controller = AbortController()
        options = _options(given)
        options["signal"] = controller.signal
        stream = client.stream(arguments.endpoint, **options)
        with Progress(console, stream.endpoint_id, lambda: stream.request_id) as progress:
            saver = (
                None
                if arguments.output is None
                else OutputFolder(
                    arguments.output,
                    stream,
                    given.get("file_hosts", []),
                    arguments.max_file_bytes,
                    lambda text: _say_aside(console, progress, text),
                )
            )
            text = TextReader(given.get("field"), None) if arguments.text else None
            writer = _OutputWriter(console, progress, saver, controller, text, arguments.last)
            with stream:
                writer.deliver(stream, raw=arguments.raw)
    return FAILED if saver and saver.failures else OK


def _check_fit(given: dict[str, Any]) -> None:
    if given["raw"]:
        for name, why in (
            ("output", "--output would find no files"),
            ("text", "--text would find no text"),
            ("last", "--last would find no last chunk"),
        ):
            if given[name]:
                raise ConfigError(f"--raw decodes nothing, so {why}: leave one out")
    if "field" in given and not given["text"]:
        raise ConfigError("--field says where --text finds the text: give --text too")


def _say_aside(console: Console, progress: Progress, text: str) -> None:
    with progress.aside():
        console.print_line(text)


class _OutputWriter:
    """Writes the chunks of a stream to stdout, to files, or both."""

    def __init__(
        self,
        console: Console,
        progress: Progress,
        saver: OutputFolder | None,
        controller: AbortController,
        text: TextReader | None,
        last_only: bool,
    ) -> None:
        self._console = console
        self._progress = progress
        self._saver = saver
        self._controller = controller
        self._text = text
        self._last_only = last_only
        self._has_written = False

    def deliver(self, stream: FalStream[Any], *, raw: bool) -> None:
        is_whole = False
        try:
            last = self._deliver_chunks(stream, raw)
            if self._controller.signal.aborted:
                raise OutputClosed
            if last is not None:
                self._give(last[0])
            if self._text is not None:
                self._end_text(self._text)
            is_whole = True
        finally:
            try:
                if not is_whole and self._text is not None and not self._last_only:
                    self._write_text(self._text.end())
                self._console.end_line()
            finally:
                if self._saver is not None:
                    self._saver.close(is_whole)

    def _deliver_chunks(self, stream: FalStream[Any], raw: bool) -> tuple[Any] | None:
        last = None
        for chunk in stream.events() if raw else stream:
            self._progress.take(chunk)
            if self._text is not None:
                piece = self._text.take(chunk)
                if not self._last_only:
                    self._write_text(piece)
            if self._saver is not None:
                self._saver.search(chunk, self._progress.chunks)
            if isinstance(chunk, bytes):
                self._give_bytes(chunk, stream.response_headers)
            elif self._last_only:
                last = (chunk,)
            else:
                self._give(chunk)
        return last

    def _end_text(self, text: TextReader) -> None:
        rest = text.end()
        self._write_text(text.whole(0, None) if self._last_only else rest)
        if not text.has_found:
            raise text.missing_error()

    def _write_text(self, piece: str) -> None:
        if piece:
            # Stop the progress line, which would appear in the middle of the text.
            if self._console.stdout_is_terminal:
                self._progress.stop()
            self._console.write_text(piece)
            self._watch_output()

    def _give(self, chunk: Any) -> None:
        if self._text is None:
            self._write_json(chunk)
        if self._saver is not None:
            self._saver.save(chunk, self._progress.chunks)

    def _write_json(self, chunk: Any) -> None:
        if isinstance(chunk, ServerSentEvent):
            chunk = chunk._asdict()
        if self._console.stdout_is_terminal:
            with self._progress.aside():
                self._console.write_json(chunk)
        else:
            self._console.write_json(chunk)
            self._watch_output()

    def _give_bytes(self, data: bytes, headers: Mapping[str, str]) -> None:
        if self._saver is not None:
            self._saver.add_bytes(data, headers)
        elif self._console.stdout_is_terminal:
            raise OutputError(
                f"The app sends {excerpt(headers.get('content-type', 'bytes'), 80)}, which is not "
                "for a terminal: send stdout into a file, or give --output DIR"
            )
        else:
            self._console.write_bytes(data)
            self._watch_output()

    def _watch_output(self) -> None:
        if not self._has_written:
            self._has_written = True
            watch_output(lambda: self._controller.abort("whoever read stdout has gone"))


def _settings(given: dict[str, Any]) -> ClientSettings:
    settings: Any = {name: given[name] for name in _OF_CLIENT if name in given}
    if "retries" in given:
        settings["retry"] = RetryPolicy(max_retries=given["retries"])
    return cast(ClientSettings, settings)


def _options(given: dict[str, Any]) -> StreamOptions:
    options: Any = {name: given[name] for name in _OF_STREAM if name in given}
    for argument, option in (("query", "query_params"), ("header", "headers")):
        if argument in given:
            options[option] = dict(given[argument])
    if "input_file" in given:
        options["input"] = parse_input_args(given["items"], _whole_input(given["input_file"]))
    elif given["items"]:
        options["input"] = parse_input_args(given["items"])
    return cast(StreamOptions, options)


def _whole_input(name: str) -> Any:
    try:
        if name == "-":
            data = sys.stdin.buffer.read() if sys.stdin is not None else b""
        else:
            with open(name, "rb") as file:
                data = file.read()
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
    else:
        return parse_json("--input -" if name == "-" else f"--input {excerpt(name, 120)}", data)
    raise ConfigError(f"--input {excerpt(name, 120)} can't be read ({reason})")
