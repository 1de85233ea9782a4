"""One contender in one flavour, a process of its own.

Usage: `python -m tests.benchmarks.worker CONTENDER FLAVOUR`. Takes commands as lines of JSON and
answers each with one (`figures`), until its standard input ends. Its clients live as long.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator

import anyio

from tests.scale.limits import allow_open_files

from .asynchronous import AsyncRunner
from .blocking import BlockingRunner
from .contenders import CONTENDERS, Contender
from .figures import Answer, Command


def _commands() -> Iterator[Command]:
    for line in iter(sys.stdin.readline, ""):
        yield json.loads(line)


def _say(answer: Answer) -> None:
    print(json.dumps(answer), flush=True)


def _serve(contender: Contender) -> None:
    runner = BlockingRunner(contender)
    for command in _commands():
        _say(runner.run(command))
    runner.close()


async def _serve_async(contender: Contender) -> None:
    runner = AsyncRunner(contender)
    # The loop stands still between commands, when there is nothing for it to do.
    for command in _commands():
        _say(await runner.run(command))
    await runner.aclose()


def main() -> None:
    """Serve until the standard input ends."""
    name, flavour = sys.argv[1:]
    allow_open_files()
    contender = CONTENDERS[name]
    if flavour == "blocking":
        _serve(contender)
    else:
        anyio.run(_serve_async, contender, backend=flavour)


if __name__ == "__main__":
    main()
