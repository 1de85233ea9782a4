"""The arguments of the command line, and its help.

Promises: a wrong argument is a ConfigError that names it. A key is never taken from an argument,
and what looks like one is not repeated in a message. Leaves to others: what the client checks.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NoReturn

from fal_stream._checks import short_repr
from fal_stream._cli.argtypes import header, pair, seconds, whole_number
from fal_stream._cli.exit_codes import MEANINGS
from fal_stream._cli.input_args import FORMS
from fal_stream._version import __version__
from fal_stream.credentials import is_secret_name
from fal_stream.errors import ConfigError

MAX_FILE_BYTES = 512 * 1024 * 1024

_CODES = "\n".join(f"  {code:<4}{meaning}" for code, meaning in MEANINGS.items())

_MAIN = """\
examples:
  fal-stream demo
  fal-stream run fal-ai/any-llm prompt='What is streaming?' --text
  fal-stream run fal-ai/flux/dev prompt='a fox' --output pictures
  fal-stream serve --port 8000
"""

_RUN = f"""\
input:
  key=text          a text
  key:=json         a number, true, null, a list, an object
  key@file          a file, which is uploaded; its address is sent
  a[b]=x  a[]=x     into an object, at the end of a list; a[0] is its first element

examples:
  fal-stream run fal-ai/any-llm prompt='What is streaming?' --text
  fal-stream run fal-ai/any-llm prompt=Hi --last | jq .usage
  fal-stream run fal-ai/flux/dev prompt='a fox' num_images:=2 --output pictures
  fal-stream run fal-ai/flux/dev prompt='a fox' image_url@fox.png --timeout 60
  fal-stream run acme/speech text=Hello > hello.wav
  echo '{{"prompt": "Hi"}}' | fal-stream run fal-ai/any-llm --input -

The key is read from the environment: FAL_KEY, else FAL_KEY_ID and FAL_KEY_SECRET. It can't be an
argument, for others on this machine may see arguments. FAL_RUN_HOST and FAL_REST_HOST name servers
of your own.

exit codes:
{_CODES}
"""

_SERVE = """\
examples:
  fal-stream serve
  fal-stream serve --port 8000

It needs no key and no network, and prints what to try. Ctrl-C ends it.
"""


class Parser(argparse.ArgumentParser):
    """A parser whose complaints are errors of ours."""

    def error(self, message: str) -> NoReturn:
        """Say what is wrong with the arguments."""
        raise ConfigError(f"{message}; `{self.prog} --help` shows how")


def read_arguments(arguments: Sequence[str]) -> argparse.Namespace:
    """Read the arguments.

    Args:
        arguments: The arguments of the process.

    Returns:
        The command and its options; an option that was not given is not there.

    Raises:
        ConfigError: They are wrong.
        SystemExit: Help or the version was asked for, and printed.
    """
    program = program_name()
    main = _parser(program, "Results from fal.ai apps while they are still working.", _MAIN)
    main.add_argument("--version", action="version", version=f"fal-stream {__version__}")
    main.add_argument(
        "command",
        metavar="{run,demo,serve}",
        help="run: stream from an endpoint; demo: see a stream without key and network; "
        "serve: a fal server on this machine, to try things with",
    )
    # What follows is read by the parser of the command: options may stand between its arguments.
    name = main.parse_args(arguments[:1]).command
    if name not in COMMANDS:
        main.error(f"{short_repr(name.partition(':')[0])} is no command: give run, demo or serve")
    parser = COMMANDS[name](program)
    known, unknown = parser.parse_known_intermixed_args(arguments[1:])
    if unknown:
        _refuse(parser, unknown[0].partition("=")[0])
    known.command = name
    return known


def _refuse(parser: Parser, unknown: str) -> NoReturn:
    if not unknown.startswith("-"):
        parser.error(f"{short_repr(unknown.partition(':')[0])} is one argument too many")
    if is_secret_name(unknown):
        raise ConfigError(
            f"{short_repr(unknown)} is no option: others on this machine may see arguments, so the "
            "key is read from the environment (FAL_KEY)"
        )
    parser.error(f"{short_repr(unknown)} is no option")


def program_name() -> str:
    name = os.path.basename(sys.argv[0])
    return "python -m fal_stream" if name == "__main__.py" else "fal-stream"


def _parser(program: str, description: str, epilog: str) -> Parser:
    return Parser(
        prog=program,
        description=description,
        epilog=epilog,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        argument_default=argparse.SUPPRESS,
        allow_abbrev=False,
    )


def _run_parser(program: str) -> Parser:
    parser = _parser(
        f"{program} run",
        "Stream from an endpoint. Each chunk is a line of JSON on stdout, as soon as it comes;\n"
        "a stream of bytes (audio) comes as it is.",
        _RUN,
    )
    parser.add_argument("endpoint", metavar="ENDPOINT", help="as on the model's page")
    parser.add_argument("items", metavar="key=value", nargs="*", default=[], help=FORMS)
    _add_input_and_output(parser)
    limits = parser.add_argument_group("time limits, in seconds; `none` switches one off")
    for name, meaning in (
        ("timeout", "between two signs of life (15)"),
        ("event-timeout", "between two chunks (300)"),
        ("start-timeout", "until the server answers (300)"),
        ("total-timeout", "for the whole stream (none)"),
    ):
        limits.add_argument(f"--{name}", metavar="SECONDS", type=seconds, help=meaning)
    _add_request(parser)
    return parser


def _add_input_and_output(parser: Parser) -> None:
    parser.add_argument(
        "--input",
        dest="input_file",
        metavar="FILE",
        help="a file with the whole input as JSON, `-` for stdin; key=value is put into it",
    )
    parser.add_argument(
        "-t",
        "--text",
        action="store_true",
        default=False,
        help="write the text only, as it grows: what is new of it, as of a language model",
    )
    parser.add_argument(
        "--field", metavar="NAME", help="the field that --text takes the text from (found out)"
    )
    parser.add_argument(
        "--last",
        action="store_true",
        default=False,
        help="write the last chunk only, or all text, when the stream has ended without an error",
    )
    parser.add_argument(
        "--raw",
        action="store_true",
        default=False,
        help="write the events as the server sent them, not decoded",
    )
    parser.add_argument(
        "-o",
        "--output",
        metavar="DIR",
        type=Path,
        default=None,
        help="save the images and audio of the chunks in this folder (those in `data:` addresses, "
        "and those on fal's hosts for files); bytes go into a file there instead of stdout",
    )
    parser.add_argument(
        "--file-host",
        metavar="HOST",
        dest="file_hosts",
        action="append",
        help="one more host that --output fetches files from, over https and without the key",
    )
    parser.add_argument(
        "--max-file-bytes",
        metavar="BYTES",
        type=whole_number,
        default=MAX_FILE_BYTES,
        help="how large a file may be that --output saves (512 MiB)",
    )


def _add_request(parser: Parser) -> None:
    group = parser.add_argument_group("the request")
    group.add_argument("--method", help="POST, GET, PUT, PATCH or DELETE (POST)")
    group.add_argument(
        "--query", metavar="KEY=VALUE", type=pair, action="append", help="added to the address"
    )
    group.add_argument(
        "-H", "--header", metavar="NAME:VALUE", type=header, action="append", help="sent along"
    )
    group.add_argument("--accept", metavar="TYPE", help="the media type (text/event-stream)")
    group.add_argument("--priority", help="normal or low, for fal's queue")
    group.add_argument("--hint", help="tells fal which runners suit")
    group.add_argument(
        "--retries",
        metavar="N",
        type=whole_number,
        help="how many times a request that can't have run is sent again (3)",
    )
    group.add_argument(
        "--max-event-bytes",
        metavar="BYTES",
        type=whole_number,
        help="how large a chunk may be (64 MiB)",
    )
    group.add_argument("--path", help="what follows the endpoint id in its address (/stream)")
    group.add_argument("--url", help="the address to stream from, instead of the endpoint's own")
    group.add_argument("--run-url", metavar="URL", help="where the apps run (FAL_RUN_HOST)")
    group.add_argument("--rest-url", metavar="URL", help="where files go (FAL_REST_HOST)")
    group.add_argument("--proxy-url", metavar="URL", help="a proxy of fal's kind; it gets no key")
    group.add_argument(
        "--trusted-host",
        metavar="HOST",
        dest="trusted_hosts",
        action="append",
        help="one more host that gets the key, over https",
    )


def _demo_parser(program: str) -> Parser:
    about = "Stream from a server on this machine, without key and network."
    return _parser(f"{program} demo", about, "example:\n  fal-stream demo\n")


def _serve_parser(program: str) -> Parser:
    parser = _parser(
        f"{program} serve", "A fal server on this machine, to try things with.", _SERVE
    )
    parser.add_argument(
        "--port",
        metavar="PORT",
        type=whole_number,
        default=0,
        help="where it listens (a free port)",
    )
    return parser


# The parser of each command, by its name; each takes the name of the program.
COMMANDS: dict[str, Callable[[str], Parser]] = {
    "run": _run_parser,
    "demo": _demo_parser,
    "serve": _serve_parser,
}
