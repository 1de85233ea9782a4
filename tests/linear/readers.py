"""What reads what a server sends, and 1 MiB of what is the most work for each."""

from __future__ import annotations

import contextlib
import json
from base64 import b64encode
from collections.abc import Callable, Iterator
from typing import Any

import pydantic

from fal_stream import errors
from fal_stream._cli.console import shorten_data_uris
from fal_stream._display.html import to_html
from fal_stream._display.lines import to_lines
from fal_stream._display.snapshot import SnapshotBuilder
from fal_stream._net.log_redaction import RedactedLogs
from fal_stream._shared import api_errors
from fal_stream._shared.audio_chunks import AudioReader
from fal_stream._shared.chunk_files import find_files_in_chunk
from fal_stream._shared.chunk_source import BinaryChunks
from fal_stream._shared.chunks import EventChunks
from fal_stream._shared.data_uri import decode_data_uri
from fal_stream._shared.decode import decode_json, decode_report, json_decoder
from fal_stream._shared.file_hosts import FileHosts
from fal_stream._shared.framing import ChunkedBody, framing_for
from fal_stream._shared.http1 import ResponseHeadReader, decode_headers
from fal_stream._shared.media_types import suffix_of
from fal_stream._shared.redact import Redactor
from fal_stream._shared.reported_error import reported_error
from fal_stream._shared.sse import SSEParser
from fal_stream._shared.text_reader import TextReader
from fal_stream._shared.token_format import check_token
from fal_stream._shared.upload_protocol import check_initiated, check_part
from fal_stream.errors import FalStreamError
from fal_stream.retry import parse_retry_after
from fal_stream.testing.recording import Piece
from fal_stream.testing.redaction import redact_body, redact_headers
from fal_stream.types import ServerSentEvent

__all__ = ["MIB", "Case", "bodies", "chunks", "documents", "redactions", "shown", "texts"]

MIB = 1024 * 1024

Case = Callable[[], object]


def _filled(pump: str, size: int = MIB) -> str:
    return pump * (size // len(pump))


# Of each kind that people have, and some that nobody has.
_SECRETS = [
    "0f5e3c1d-key-id:8b1d0c9f8e7d6c5b4a39281706f5e4d3",
    "my-id:-Zm9vYmFyYmF6",
    "--------:--------",
    "a-b-c-d-e-f-:%%%%%%%%",
    "DOMAIN\\user\\a\\b:\\\\x\\\\y\\\\z\\\\w1",
    "&amp;&amp;&amp;&&&&:x%25%25%25",
    "a." * 1000,
    "ab.-~/+_" * 20,
]


def redactions() -> Iterator[tuple[str, Case]]:
    """Mask secrets."""
    redactor = Redactor("https://fal.run", {})
    for secret in _SECRETS:
        half = secret.partition(":")[2] or secret
        coded = "".join(f"\\\\\\\\u{ord(char):04x}" for char in secret)
        quoted = "".join(f"%25{ord(char):02x}" for char in secret)
        pumps = [
            *(quoted, quoted[:-1], quoted[:25], f"{quoted[:24]}%", coded[:24], secret.upper()),
            *("\\", "\\\\x", "%25", "%", "&", "&#", "&amp;", "\\u00", "a", "-", "a-", secret, half),
            *(secret[:8], f"{secret[:8]} ", f"{secret[:-1]} ", f"{half[:-1]} ", f"{half[:8]}\\"),
            *(coded, coded[:-1], f"{coded[:-1]} ", b64encode(secret.encode()).decode()[:-4] + " "),
        ]
        redactor = Redactor("https://fal.run", {"authorization": f"Key {secret}"})
        for pump in pumps:
            for start in ("", secret[:7], secret[:9]):
                name = f"redact {secret[:20]} in {start} {pump[:20]!r}"
                yield name, _with(redactor.text, start + _filled(pump))
    logs = RedactedLogs("https://fal.run/?token=abcdefgh", redactor)
    for pump in ("auth=(", "auth=() ", ")", "?", "?token=", "?token=abcdefgh", "?token=abcdefg"):
        yield f"log {pump}", _with(logs.redact, _filled(pump))
    yield "redact bytes", _with(redactor.data, b"\\" * MIB)
    yield "redact headers", _with(redactor.headers, {f"x-{n}": "\\" * 1024 for n in range(1024)})


def _with(function: Callable[..., object], *arguments: Any) -> Case:
    return lambda: function(*arguments)


def texts() -> Iterator[tuple[str, Case]]:
    """Read single texts: headers, and parts of messages."""
    for pump in ("\0", "fal_jwt_token=", "fal_jwt_token= ", "\ud800", "'\"", "\\", "\U0001f600"):
        text = _filled(pump)
        for function in (errors.mask_secrets, errors.printable, errors.excerpt, errors.quoted):
            yield f"{function.__name__} {pump!r}", _with(function, text)
        yield f"error {pump!r}", _with(FalStreamError, text)
        yield f"scrub headers {pump!r}", _with(redact_headers, {"x": text}, str)
    for pump in ("1", "a,", "(", "-", "1 ", "0:", " ", "Mon, 1 Jan 2020 ", "+", "1.1"):
        yield f"retry-after {pump!r}", _with(parse_retry_after, _filled(pump), 0.0)
    for pump in ('"', '"\\', '\\"', ",", ";", "text/event-stream;", "a/b,", " ", "gzip,", '";,'):
        headers = {"content-type": _filled(pump), "content-encoding": _filled(pump)}
        for judge in (
            api_errors.is_event_stream,
            api_errors.shown_type,
            api_errors.unexpected_encoding,
        ):
            yield f"{judge.__name__} {pump!r}", _with(judge, headers)
        yield (
            f"is_misfit {pump!r}",
            _with(api_errors.is_unexpected_type, headers, "text/event-stream"),
        )
    for pump in ("a", "%41", "/", "?", "@", ":", "[", "https://a/", "..", "é"):
        answer = {"upload_url": f"https://a/{_filled(pump)}", "file_url": _filled(pump)}
        yield f"upload answer {pump!r}", _failing(_check_initiated, answer)
        yield f"part answer {pump!r}", _failing(check_part, {"etag": _filled(pump)}, 1)
        yield f"token {pump!r}", _failing(check_token, _filled(pump))


def _check_initiated(answer: object) -> None:
    for is_local in (False, True):
        check_initiated(answer, is_local=is_local)


def _failing(function: Callable[..., object], *arguments: Any) -> Case:
    def call() -> None:
        with contextlib.suppress(FalStreamError, ValueError, RecursionError):
            function(*arguments)

    return call


_LINES = [
    *(b"data: x", b"data: x\n", b"data: x\n\n", b"event: x\n", b"event: x\n\n", b"id: x\n", b":\n"),
    *(
        b"\n",
        b"\r",
        b"\r\n",
        b"retry: 1\n",
        b"x\n",
        b":",
        b"data\n",
        b"data: x\r\rdata: x\ndata: x\n",
    ),
    *(b"\xff", b"data: \xff\n", b"d", b"\xef\xbb\xbf", b"data: 1\ndata: 2\nevent: e\nid: 1\n\n"),
]

_HTTP_CHUNKS = [
    *(b"1\r\na\r\n", b"1;" + b"x" * 4080 + b"\r\na\r\n", b"1" + b" " * 4080 + b"\r\na\r\n"),
    *(b"400\r\n" + b"a" * 1024 + b"\r\n", b"0", b";", b"\r", b"\n", b" ", b"f", b"0\r\na:b\r\n"),
    b"0\r\n" + (b"a:" + b"x" * 4080 + b"\r\n") * 15,
]

# In what pieces how many bytes come.
_PIECES = {16: MIB // 8, 4096: MIB // 2, MIB: MIB}


def bodies() -> Iterator[tuple[str, Case]]:
    """Take bodies apart, in pieces of several sizes."""
    for size, total in _PIECES.items():
        for line in _LINES:
            body = line * (total // len(line))
            for feed in (SSEParser.feed, SSEParser.feed_data):
                yield f"{feed.__name__} {size} {line[:20]!r}", _fed(SSEParser, feed, body, size)
        for chunk in _HTTP_CHUNKS:
            body = chunk * (total // len(chunk))
            yield f"chunked {size} {chunk[:20]!r}", _fed(ChunkedBody, ChunkedBody.feed, body, size)
    numbered = b"".join(b"%04x:\r\n" % number for number in range(14_000))
    twice = numbered + b"0000:\r\n"
    for field in (b"", b"a:\r\n", numbered, twice, b"a: \xff\r\n", b"a:b\n "):
        head = b"HTTP/1.1 200 OK\r\n" + field * (100_000 // max(1, len(field)))
        for size in (1, 1000, MIB):
            name = f"head {size} {field[:20]!r} {len(field)}"
            yield name, _failing(_read_head, head + b"\r\n\r\n", size)
    interim = b"HTTP/1.1 100 \r\n\r\n" * (MIB // 20)
    yield "interim heads", _failing(_read_head, interim, 100)
    for value in (b"5,", b"5, ", b",", b"x", b" ", b"chunked,", b"chunked, "):
        for header in (b"content-length", b"transfer-encoding"):
            one = [(header, value * (MIB // len(value)))]
            yield f"{header!r} {value!r}", _failing(framing_for, 200, "GET", one)
            many = [(header, value)] * (MIB // 20)
            yield f"{header!r} of {value!r}", _failing(framing_for, 200, "GET", many)
    for line in (b"x", b"x\n", b"?token=x\n", b"&", b"&a"):
        pieces = [Piece(0.0, line) for _ in range(MIB // 5)]
        yield f"scrub {line!r}", _with(redact_body, pieces, lambda text: text.replace("x", "y"))


def _read_head(data: bytes, size: int) -> None:
    reader = ResponseHeadReader()
    for start in range(0, len(data), size):
        head = reader.feed(data[start : start + size])
        if head is not None:
            decode_headers(head.headers)
            return


def _fed(make: Callable[[], Any], feed: Callable[..., Any], body: bytes, size: int) -> Case:
    def call() -> None:
        reader = make()
        with contextlib.suppress(FalStreamError, ValueError):
            for start in range(0, len(body), size):
                feed(reader, body[start : start + size])
            if isinstance(reader, SSEParser):
                reader.close()

    return call


_JSON = {
    "digits": "1" * MIB,
    "a fraction": "0." + "1" * MIB,
    "an exponent": "1e" + "1" * MIB,
    "numbers": "[" + ",".join(["1" * 4300] * 240) + "]",
    "lists": "[" * MIB,
    "objects": _filled('{"a":'),
    "nested": "[" * 150 + _filled("[],") + "[]" + "]" * 150,
    "wide": "[" + _filled("[[[[[]]]]],") + "1]",
    "one key": "{" + _filled('"a":1,') + '"a":1}',
    "keys": "{" + ",".join(f'"{number:x}":1' for number in range(100_000)) + "}",
    "escapes": '"' + _filled("\\u0041") + '"',
    "surrogates": '"' + _filled("\\ud800") + '"',
    "a text without an end": '"' + "\\" * MIB,
    "blanks": " " * MIB,
    "fields": json.dumps({"detail": [{"loc": ["a"], "msg": "b"}] * 30_000}),
    "places": json.dumps({"detail": [{"loc": ["a"] * 100_000, "msg": "b"}]}),
    "details": json.dumps({"detail": ["a"] * 100_000}),
    "errors": "[" + _filled('"error",') + "1]",
}


def documents() -> Iterator[tuple[str, Case]]:
    """Read answers that are no streams."""
    for name, text in _JSON.items():
        body = text.encode()
        yield f"decode {name}", _failing(decode_json, body)
        yield f"report {name}", _with(decode_report, text)
        yield f"event {name}", _failing(ServerSentEvent("", text).json)
        for headers in ({"content-type": "application/json"}, {"content-type": "text/html"}):
            for status in (200, 422, 500):
                yield (
                    f"error of {name}",
                    _with(api_errors.error_from_response, status, headers, body),
                )
            yield f"misfit of {name}", _with(api_errors.unexpected_type_error, 200, headers, body)
    for status, pump in ((500, b"<"), (500, b"\\"), (500, b"\0"), (500, b"\xff"), (422, b"'")):
        body = pump * MIB
        yield f"page of {pump!r}", _with(api_errors.error_from_response, status, {}, body)


class _Item(pydantic.BaseModel):
    a: int
    b: list[_Item] = []


def chunks() -> Iterator[tuple[str, Case]]:
    """Make chunks of events."""
    decoders = {"JSON": decode_json, "items": json_decoder(list[_Item] | _Item | dict[str, _Item])}
    for kind, decode in decoders.items():
        for name, text in _JSON.items():
            body = b"data: " + text.encode() + b"\n\n"
            yield f"chunk of {kind}, {name}", _source(decode, body)
            yield f"half a chunk of {kind}, {name}", _source(decode, body[:-3])
            yield f"error of {kind}, {name}", _source(decode, b"event: error\n" + body)
    wrong = b"data: [" + b'{"a":"b"},' * (MIB // 10) + b"1]\n\n"
    yield "a chunk of wrong items", _source(decoders["items"], wrong)
    for line in _LINES:
        yield f"events of {line!r}", _source(decode_json, line * (MIB // len(line)))
    yield "bytes", lambda: BinaryChunks(lambda chunk: False).feed(b"x" * MIB, [])


def _source(decode: Any, body: bytes) -> Case:
    redact = Redactor("https://fal.run", {"authorization": f"Key {_SECRETS[0]}"}).text

    def call() -> None:
        # A workflow's chunks are searched for errors, too.
        source = EventChunks(SSEParser(), decode, is_workflow=True, redact=redact)
        out: list[Any] = []
        with contextlib.suppress(FalStreamError):
            source.feed(body, out)
            source.close(out)

    return call


_URLS = [
    *("data:", "data:a/", "data:a/b;", "data:a/b;c=", "data:,%", "data:,%41", "data:;base64,"),
    *(
        "data:;base64, ",
        "data:;base64,A",
        "https://fal.media/",
        "https://fal.media/a.",
        "https://[",
    ),
    *("http://", "data:image/png;base64,", "data:image/png;a=b;", "$", "\\", "`", "<", "&", "\n"),
]


def shown() -> Iterator[tuple[str, Case]]:
    """Look for what can be shown or saved."""
    for start in _URLS:
        for pump in ("a", ".", ";", "%", " ", start):
            url = start + _filled(pump)
            yield f"find files {url[:30]!r}", _with(_find_files, {"images": [{"url": url}] * 3})
            yield f"file of name {url[:30]!r}", _with(_find_files, {"image": url, "file_name": url})
            yield f"sound {url[:30]!r}", _failing(AudioReader(None).take, {"audio": url})
            yield f"decode data {url[:30]!r}", _failing(decode_data_uri, url)
            yield f"suffix {url[:30]!r}", _failing(suffix_of, url, url)
            yield f"shorten {url[:30]!r}", _with(shorten_data_uris, {"url": url})
            yield f"show {url[:30]!r}", _show(url)
            yield f"show as an image {url[:30]!r}", _show({"images": [{"url": url}] * 3})
            yield f"show as text {url[:30]!r}", _show({"output": url})
    for chunk in ([["a"] * 100] * 10_000, {f"image{number}": number for number in range(200_000)}):
        yield "show many", _show(chunk)
        yield "find files in many", _with(_find_files, chunk)
    for parts in (["a"] * 100_000, ["a" * 1024] * 1024, ["a" * n for n in range(1400)]):
        yield f"text of {len(parts)}", _with(_read_text, parts)
    for field in ("error", "choices"):
        said = {field: [{"finish_reason": "error "}] * 50_000}
        yield f"reported error in {field}", _with(reported_error, said)


def _read_text(texts: list[str]) -> None:
    reader = TextReader(None, None)
    for text in texts:
        reader.take({"output": text})


def _find_files(chunk: object) -> None:
    for found in find_files_in_chunk(chunk, FileHosts()):
        found.name("acme/app")
        repr(found)
        with contextlib.suppress(ValueError):
            found.decode()


def _show(chunk: Any) -> Case:
    def call() -> None:
        maker = SnapshotBuilder("acme/app")
        maker.take(chunk)
        to_html(maker.snapshot(0.0))
        to_lines(maker.snapshot(0.0))

    return call
