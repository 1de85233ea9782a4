"""Parse the arguments of the command line, and print its help, with `argparse`.

A wrong argument raises a `ConfigError` that names it. The API key is never read from an argument,
and an argument that looks like a key is not shown in a message. Values that the client checks
itself, such as a timeout of -1, are not checked here.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from typing import NoReturn

from fal_stream._checks import short_repr
from fal_stream._cli.argtypes import header, pair, path, seconds, whole_number
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
  key=text          text
  key:=json         JSON: a number, true, null, a list, an object
  key@file          a file: it is uploaded, and its URL is sent
  a[b]=x            sets key b of the object a
  a[]=x             appends to the list a; a[0]=x sets its first element

examples:
  fal-stream run fal-ai/any-llm prompt='What is streaming?' --text
  fal-stream run fal-ai/any-llm prompt=Hi --last | jq .usage
  fal-stream run fal-ai/flux/dev prompt='a fox' num_images:=2 --output pictures
  fal-stream run fal-ai/flux/dev prompt='a fox' image_url@fox.png --timeout 60
  fal-stream run acme/speech text=Hello > hello.wav
  echo '{{"prompt": "Hi"}}' | fal-stream run fal-ai/any-llm --input -

The API key is read from the environment: FAL_KEY, or FAL_KEY_ID and FAL_KEY_SECRET. It can't be
an argument, because other users of this machine can see the arguments of a process. To use another
server than fal's, set FAL_RUN_HOST and FAL_REST_HOST; without a scheme, https:// is assumed.

exit codes:
{_CODES}
"""

_SERVE = """\
examples:
  fal-stream serve
  fal-stream serve --port 8000

It needs no API key and no network. It prints commands to try. Stop it with Ctrl-C.
"""


class Parser(argparse.ArgumentParser):
    """A parser that raises `ConfigError`."""

    def error(self, message: str) -> NoReturn:
        """Raise `ConfigError` for wrong arguments."""
        raise ConfigError(f"{message}; `{self.prog} --help` shows how")


def read_arguments(arguments: Sequence[str]) -> argparse.Namespace:
    """Parse the arguments.

    Returns:
        The command and its options; an option that was not given is not an attribute.

    Raises:
        ConfigError: An argument is wrong.
        SystemExit: Help or the version was requested, and printed.
    """
    program = program_name()
    main = _parser(
        program, "Stream the output of fal.ai models while they are still running.", _MAIN
    )
    main.add_argument("--version", action="version", version=f"fal-stream {__version__}")
    main.add_argument(
        "command",
        metavar="{run,demo,serve}",
        help="run: stream from an endpoint; demo: watch a stream from a local server, without an "
        "API key; serve: run a local fal server to try commands and programs with",
    )
    # The rest is parsed by the parser of the command, so that options may be between its arguments.
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
        "Stream from an endpoint. Each chunk is written to stdout as a line of JSON.\n"
        "A response that is a file itself, such as audio, is written as it is.",
        _RUN,
    )
    parser.add_argument(
        "endpoint", metavar="ENDPOINT", help="the endpoint id from the model's page"
    )
    parser.add_argument("items", metavar="key=value", nargs="*", default=[], help=FORMS)
    _add_input_and_output(parser)
    limits = parser.add_argument_group("timeouts, in seconds (none: no limit)")
    for name, meaning in (
        ("timeout", "between two lines of the stream, keep-alives too (15)"),
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
        help="read the whole input as JSON from a file, or from stdin if it is `-`; key=value "
        "arguments are added to it",
    )
    parser.add_argument(
        "-t",
        "--text",
        action="store_true",
        default=False,
        help="write only the text of a language model, each word once, as it arrives",
    )
    parser.add_argument(
        "--field", metavar="NAME", help="the field of a chunk that --text reads (detected)"
    )
    parser.add_argument(
        "--last",
        action="store_true",
        default=False,
        help="write only the last chunk (with --text: all of the text), once the stream has ended "
        "without an error",
    )
    parser.add_argument(
        "--raw",
        action="store_true",
        default=False,
        help="write the events of the server as they are, not decoded",
    )
    parser.add_argument(
        "-o",
        "--output",
        metavar="PATH",
        type=path,
        default=None,
        help="save the images, audio and other files of the chunks in this folder, or those of the "
        "last chunk under this name (fox.png): those in data: URIs, and those on fal's file hosts; "
        "a response that is a file itself is saved there too",
    )
    parser.add_argument(
        "--file-host",
        metavar="HOST",
        dest="file_hosts",
        action="append",
        help="another host that --output may download files from, over https and without the key; "
        "can be repeated",
    )
    parser.add_argument(
        "--max-file-bytes",
        metavar="BYTES",
        type=whole_number,
        default=MAX_FILE_BYTES,
        help="the largest file that --output saves (512 MiB)",
    )


def _add_request(parser: Parser) -> None:
    group = parser.add_argument_group("the request")
    group.add_argument("--method", help="POST, GET, PUT, PATCH or DELETE (POST)")
    group.add_argument(
        "--query",
        metavar="KEY=VALUE",
        type=pair,
        action="append",
        help="add a query parameter; can be repeated",
    )
    group.add_argument(
        "-H",
        "--header",
        metavar="NAME:VALUE",
        type=header,
        action="append",
        help="add a header; can be repeated",
    )
    group.add_argument(
        "--accept", metavar="TYPE", help="the media type to ask for (text/event-stream)"
    )
    group.add_argument("--priority", help="normal or low: the priority in fal's queue")
    group.add_argument("--hint", help="tell fal which runner to prefer")
    group.add_argument(
        "--retries",
        metavar="N",
        type=whole_number,
        help="how many times to retry a request, if the model can't have run (3)",
    )
    group.add_argument(
        "--max-event-bytes",
        metavar="BYTES",
        type=whole_number,
        help="the largest chunk (64 MiB)",
    )
    group.add_argument("--path", help="the part of the URL after the endpoint id (/stream)")
    group.add_argument("--url", help="the URL to stream from, instead of the endpoint's own")
    group.add_argument(
        "--run-url", metavar="URL", help="the server that runs models (FAL_RUN_HOST)"
    )
    group.add_argument(
        "--rest-url", metavar="URL", help="the server that takes uploads (FAL_REST_HOST)"
    )
    group.add_argument(
        "--proxy-url",
        metavar="URL",
        help="a proxy such as @fal-ai/server-proxy; it doesn't get the key",
    )
    group.add_argument(
        "--trusted-host",
        metavar="HOST",
        dest="trusted_hosts",
        action="append",
        help="another host that may get the key, over https; can be repeated",
    )


def _demo_parser(program: str) -> Parser:
    about = "Stream from a local server, without an API key and without a network."
    return _parser(f"{program} demo", about, "example:\n  fal-stream demo\n")


def _serve_parser(program: str) -> Parser:
    parser = _parser(
        f"{program} serve", "Run a local fal server to try commands and programs with.", _SERVE
    )
    parser.add_argument(
        "--port",
        metavar="PORT",
        type=whole_number,
        default=0,
        help="the port to listen on (a free one)",
    )
    return parser


# The parser of each command, by its name; each takes the name of the program.
COMMANDS: dict[str, Callable[[str], Parser]] = {
    "run": _run_parser,
    "demo": _demo_parser,
    "serve": _serve_parser,
}
