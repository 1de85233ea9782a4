"""What errors say, in the words of a shell."""

from __future__ import annotations

import pytest

from fal_stream import (
    ApiError,
    ConfigError,
    EventTooLarge,
    FalStreamError,
    StreamDecodeError,
    StreamEventError,
    StreamTimeout,
    UploadError,
)
from fal_stream._checks import check_known, short_repr
from fal_stream._cli.messages import OPTIONS, in_shell_words
from fal_stream._cli.parsers import read_arguments
from fal_stream.config import ClientSettings
from fal_stream.types import StreamOptions

SILENT = StreamTimeout(
    "Silent; raise timeout if it thinks, timeout=None waits forever",
    phase="idle",
    seconds=15,
    option="timeout",
)
LONG = short_repr("x" * 300)


@pytest.mark.parametrize(
    ("said", "put"),
    [
        ("endpoint_id='app' is not one: an address goes into the url option",
         "'app' is not one: an address goes into --url"),
        ("run_url='a b' is none", "--run-url 'a b' is none"),
        ("path='/x' can't be combined with url, which is the whole address",
         "--path /x can't be combined with --url, which is the whole address"),
        ("path='/x?...' is none: a query goes into the query_params option",
         "--path '/x?...' is none: a query goes into --query"),
        (f"url={LONG} is none: it's long", f"--url {LONG[1:]} is none: it's long"),
        ("max_event_bytes=0 must be 1 or more", "--max-event-bytes 0 must be 1 or more"),
        ("trusted_hosts=['a b'] must be a list of host names",
         "--trusted-host 'a b' must be a host name"),
        ("headers['x y'] must be text", "--header 'x y' must be text"),
        ("hint must be text", "--hint must be text"),
        ("the path of an endpoint", "the path of an endpoint"),
        ("input.image=PosixPath('no.png') does not exist", "image@no.png does not exist"),
        ("input.a[0].b=WindowsPath('i s.png') does not exist", "a[0][b]@'i s.png' does not exist"),
        (f"input.a=PosixPath({LONG} does not exist", f"a@{LONG[1:]} does not exist"),
        ("input.a.b=inf has no JSON form: replace it by a finite number or None",
         "a[b]:=inf has no JSON form: replace it by a finite number or null"),
        ("input can't be sent as JSON", "the input can't be sent as JSON"),
        ("input.image is a file", "image is a file"),
        ("No credentials: set FAL_KEY, or give credentials=... to the client",
         "No credentials: set FAL_KEY"),
    ],
)  # fmt: skip
def test_a_setting_or_an_argument(said: str, put: str) -> None:
    assert in_shell_words(ConfigError(said)) == put


@pytest.mark.parametrize(
    ("error", "put"),
    [
        (SILENT,
         "Silent; raise --timeout if it thinks, --timeout none waits forever"),
        (EventTooLarge("It is larger than max_event_bytes (9 bytes); raise max_event_bytes if it "
                       "must", limit=9),
         "It is larger than --max-event-bytes (9 bytes); raise --max-event-bytes if it must"),
        (ApiError("The server answered 504: start_timeout - raise start_timeout", status=504),
         "The server answered 504: start_timeout - raise --start-timeout"),
        (ApiError("The server answered 500: run_url=1", status=500),
         "The server answered 500: run_url=1"),
        (StreamEventError("The app reported an error: run_url='x'", data=""),
         "The app reported an error: run_url='x'"),
        (StreamDecodeError("It is 'run_url'; ask with the accept option", raw="", index=0),
         "It is 'run_url'; ask with --accept"),
        (FalStreamError("No text: as in text(field='a b')", endpoint_id="acme/run_url"),
         "No text: as in --field 'a b' [endpoint acme/run_url]"),
        (UploadError("input.a.b (x.png) could not be uploaded: it is gone", file_name="x.png"),
         "a[b] (x.png) could not be uploaded: it is gone"),
    ],
)  # fmt: skip
def test_another_error(error: FalStreamError, put: str) -> None:
    assert in_shell_words(error) == put


def test_the_cause_of_an_upload_is_put_as_itself() -> None:
    cause = ApiError("The server answered 504: timeout=None - raise start_timeout", status=504)
    error = UploadError(f"input.a (x) could not be uploaded: {cause.message}", file_name="x")
    error.__cause__ = cause
    assert in_shell_words(error) == (
        "a (x) could not be uploaded: The server answered 504: timeout=None - raise --start-timeout"
    )


def test_control_characters_stay_escaped() -> None:
    said = in_shell_words(ConfigError(f"method={short_repr(chr(27) + '[2J')} is not known"))
    assert "\x1b" not in said
    assert said.startswith("--method ")


def test_the_options_are_those_of_the_command_line(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        read_arguments(["run", "--help"])
    text = capsys.readouterr().out
    for option in OPTIONS.values():
        assert f"{option} " in text
    # Those of an option of the library are called as that is.
    names = {*StreamOptions.__annotations__, *ClientSettings.__annotations__, "hosts", "max_bytes"}
    check_known("option", set(OPTIONS) - {"field", "max_retries"}, names)
