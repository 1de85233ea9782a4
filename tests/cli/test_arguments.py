"""Wrong arguments, each with its message; and the help."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from fal_stream import ConfigError, __version__
from fal_stream._cli.parsers import read_arguments
from fal_stream.testing import LocalFal
from tests.cli.program import call

RUN = ["run", "acme/app"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "required: {run,demo,serve}"),
        (["fly"], "'fly' is no command: give run, demo or serve"),
        (["key-id:key-secret"], "'key-id' is no command"),
        (["--fly"], "required: {run,demo,serve}"),
        (["run"], "required: ENDPOINT"),
        ([*RUN, "--fly"], "'--fly' is no option; `"),
        ([*RUN, "--key", "key-secret"], "'--key' is no option: others on this machine may see"),
        ([*RUN, "--key=key-secret"], "'--key' is no option: others on this machine may see"),
        ([*RUN, "--fal-key=key-secret"], "is read from the environment (FAL_KEY)"),
        ([*RUN, "--credentials=key-secret"], "is read from the environment (FAL_KEY)"),
        ([*RUN, "--header", "Authorization: key-secret"], "'Authorization' holds a secret"),
        ([*RUN, "--header", "x-api-key:key-secret"], "'x-api-key' holds a secret"),
        ([*RUN, "--header", "key-secret"], "it has no name and value: give 'name: value'"),
        ([*RUN, "--query", "q"], "'q' has no key and value: give key=value"),
        ([*RUN, "--time", "5"], "'--time' is no option"),
        ([*RUN, "--timeout"], "argument --timeout: expected one argument"),
        ([*RUN, "--timeout", "-1"], "argument --timeout: '-1' is not a time limit: give seconds"),
        ([*RUN, "--timeout", "0"], "argument --timeout: '0' is not a time limit"),
        ([*RUN, "--event-timeout", "soon"], "argument --event-timeout: 'soon' is not a time"),
        ([*RUN, "--start-timeout", "nan"], "argument --start-timeout: 'nan' is not a time"),
        ([*RUN, "--total-timeout", "inf"], "argument --total-timeout: 'inf' is not a time"),
        ([*RUN, "-o", ""], "argument -o/--output: '' is not a path: give a folder or the name"),
        ([*RUN, "-o", "-"], "argument -o/--output: `-` is not stdout here, which has the chunks"),
        ([*RUN, "--retries", "-1"], "argument --retries: '-1' is not a whole number, 0 or more"),
        (["demo", "x"], "'x' is one argument too many"),
        (["serve", "--port", "x"], "argument --port: 'x' is not a whole number"),
    ],
)
def test_wrong_arguments(arguments: list[str], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read_arguments(arguments)
    assert message in str(caught.value)
    assert "key-secret" not in str(caught.value)


UUID_KEY = "0f5e3c1d-1111-4222-8333-123456789abc:key-secret"


@pytest.mark.parametrize(
    "arguments",
    [
        *(["run", UUID_KEY], ["run", f"acme/{UUID_KEY}"], ["run", "key-id:key-secret"], [UUID_KEY]),
        *([*RUN, UUID_KEY], [*RUN, f"a[b[={UUID_KEY}"], [*RUN, f"n:={UUID_KEY}"]),
        *(
            [*RUN, *option.split(), UUID_KEY]
            for option in (
                *("--timeout", "--retries", "--priority", "--method", "--query", "--header"),
                *("--run-url", "--url", "--input", "--field", "--trusted-host", "--proxy-url"),
                *("--max-event-bytes", "--output=x --file-host", "--api-key", "--fly"),
            )
        ),
        [*RUN, "--header", f"Authorization: Key {UUID_KEY}"],
        [*RUN, "--header", f"x-a: {UUID_KEY}\n"],
        [*RUN, "--query", f"fal_key={UUID_KEY}"],
        [*RUN, "--query", f"{UUID_KEY}=1"],
    ],
    ids=" ".join,
)
def test_a_key_in_an_argument_is_not_shown(arguments: list[str]) -> None:
    with LocalFal() as fal:
        fal.add("acme/app", [{"x": 1}])
        ended = call(fal, *arguments)
        assert fal.requests == []
    assert ended.code == 2
    assert "key-secret" not in "".join(ended.lines)
    assert b"key-secret" not in ended.out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "required: {run,demo,serve}; `python -m fal_stream --help` shows how"),
        ([*RUN, "prompt"], "'prompt' has no key and value: give key=text, key:=json or key@file"),
        ([*RUN, "n:=x"], "What follows n:= is not JSON"),
        ([*RUN, "image_url@no.png"], "fal-stream: image_url@no.png does not exist"),
        ([*RUN, "--input", "no.json"], "--input no.json can't be read (No such file or directory)"),
        ([*RUN, "--input", "-"], "--input - is not JSON: Expecting value in line 1, column 1"),
        ([*RUN, "--method", "FLY"], "--method FLY is not known; there are: DELETE, "),
        ([*RUN, "--priority", "high"], "--priority high is not known"),
        ([*RUN, "--run-url", "fal.run"], "--run-url fal.run is not an http or https address"),
        ([*RUN, "--raw", "-o", "out"], "--raw decodes nothing, so --output would find no files"),
        ([*RUN, "--raw", "--last"], "--raw decodes nothing, so --last would find no last chunk"),
        ([*RUN, "--raw", "-t"], "--raw decodes nothing, so --text would find no text"),
        ([*RUN, "--field", "output"], "--field says where --text finds the text: give --text too"),
        ([*RUN, "--output", "/dev/null/out"], "--output /dev/null/out can't be made"),
        ([*RUN, "--max-event-bytes", "0"], "--max-event-bytes 0 must be a whole number, 1 or more"),
        (["run", "app"], "fal-stream: 'app' is not an endpoint id"),
        (["serve", "--port", "65536"], "--port 65536 is no port"),
    ],
)
def test_wrong_arguments_of_a_process(arguments: list[str], message: str, tmp_path: Path) -> None:
    # Nothing is sent: there is no server at this address.
    ended = call(None, *arguments, cwd=tmp_path, FAL_RUN_HOST="http://127.0.0.1:9", FAL_KEY="a:b")
    assert (ended.code, ended.out) == (2, b"")
    (line,) = ended.lines
    assert line.startswith("fal-stream: ")
    assert message in line


def test_options_stand_anywhere() -> None:
    given = read_arguments(["run", "a=1", "--timeout", "none", "b=2", "--last", "c=-3"])
    assert (given.endpoint, given.items) == ("a=1", ["b=2", "c=-3"])
    assert (given.timeout, given.last) == (None, True)
    given = read_arguments(["run", "--input", "-", "acme/app", "a=1", "--start-timeout", "1e3"])
    assert (given.endpoint, given.items, given.input_file) == ("acme/app", ["a=1"], "-")
    assert given.start_timeout == 1000
    assert "timeout" not in given


def test_version() -> None:
    ended = call(None, "--version")
    assert (ended.code, ended.out.decode()) == (0, f"fal-stream {__version__}\n")


@pytest.mark.parametrize("arguments", [[], ["run"], ["demo"], ["serve"]])
def test_help_has_examples(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        read_arguments([*arguments, "--help"])
    assert ended.value.code == 0
    text = capsys.readouterr().out
    assert "example" in text
    assert " ".join(["fal-stream", *arguments]) in text
    assert text.isascii()


@pytest.mark.parametrize("name", ["/usr/bin/fal-stream", "/x/fal_stream/__main__.py"])
def test_the_usage_names_the_program(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", [name])
    with pytest.raises(ConfigError) as caught:
        read_arguments(["run"])
    program = "python -m fal_stream" if name.endswith(".py") else "fal-stream"
    assert f"`{program} run --help`" in str(caught.value)
