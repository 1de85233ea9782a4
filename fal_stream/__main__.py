"""The command line: `python -m fal_stream demo`."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

from fal_stream import __version__


def _write(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        arguments: The arguments. Default None: those of the process.

    Returns:
        The exit code.
    """
    parser = argparse.ArgumentParser(
        prog="python -m fal_stream",
        description="Results from fal.ai apps while they are still working.",
    )
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("demo", help="stream from a server on this machine, without key or network")
    parser.parse_args(arguments)
    from fal_stream.testing.demo import run_demo

    try:
        run_demo(_write)
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # Whoever read has gone; without this Python would complain when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
