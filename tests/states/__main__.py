"""`python -m tests.states`: histories for an hour, or one of them again."""

from __future__ import annotations

import argparse
import secrets
import sys
import time

from .flavours import FLAVOURS
from .history import from_json
from .planted import PLANTED, find
from .runner import MACHINES, PATIENCE, Failure, play, run


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.states", description=__doc__)
    parser.add_argument("machines", nargs="*", help="of what: stream, map, client; default: all")
    parser.add_argument("--flavour", action="append", choices=FLAVOURS, help="default: all")
    parser.add_argument("--seconds", type=float, default=3600.0, help="how long; default: 3600")
    parser.add_argument("--seed", type=int, help="default: a new one, which is printed")
    parser.add_argument("--first", type=int, default=0, help="the number of the first history")
    parser.add_argument("--play", metavar="JSON", help="one history, some times")
    parser.add_argument("--planted", action="store_true", help="find the faults of planted.py")
    parser.add_argument("--plant", choices=PLANTED, help="with this fault")
    parser.add_argument("--patience", type=float, default=PATIENCE, help="what hangs (seconds)")
    parser.add_argument("--shrink", type=float, default=120.0, help="how long (seconds)")
    parser.add_argument("--times", type=int, default=50, help="how often; default: 50")
    arguments = parser.parse_args()
    for name in arguments.machines:
        if name not in MACHINES:
            parser.error(f"there is no machine {name!r}, only {', '.join(MACHINES)}")
    return arguments


def main() -> int:
    """Play what the command line says.

    Returns:
        0 where no history broke a rule, else 1.
    """
    arguments = _arguments()
    if arguments.planted:
        return _find_planted()
    if arguments.plant is not None:
        with PLANTED[arguments.plant].plant():
            return _play(arguments)
    return _play(arguments)


def _find_planted() -> int:
    is_missed = False
    for name, planted in PLANTED.items():
        begun = time.monotonic()
        rule = find(name)[0]
        is_found = rule.startswith(planted.rules)
        is_missed |= not is_found
        seconds = time.monotonic() - begun
        print(f"{name} ({planted.kind}), {seconds:.0f} s: {rule if is_found else 'MISSED ' + rule}")
    return int(is_missed)


def _play(arguments: argparse.Namespace) -> int:
    if arguments.play is not None:
        return _play_again(arguments.play, arguments.times)
    seed = secrets.randbelow(1 << 32) if arguments.seed is None else arguments.seed
    print(f"seed {seed}", flush=True)
    end = time.monotonic() + arguments.seconds
    number, histories, steps, begun = arguments.first, 0, 0, time.monotonic()
    while (left := end - time.monotonic()) > 0:
        try:
            tally = run(
                seed,
                seconds=min(60.0, left),
                machines=tuple(arguments.machines or MACHINES),
                flavours=tuple(arguments.flavour or FLAVOURS),
                first=number,
                patience=arguments.patience,
                shrink_seconds=arguments.shrink,
            )
        except Failure as failure:
            print(failure, file=sys.stderr)
            return 1
        number += tally.histories
        histories += tally.histories
        steps += tally.steps
        seconds = time.monotonic() - begun
        print(f"{histories:,} histories, {steps:,} operations, {seconds:.0f} s", flush=True)
    print("no rule was broken")
    return 0


def _play_again(text: str, times: int) -> int:
    history = from_json(text)
    print(history)
    for number in range(times):
        broken = play(history, PATIENCE)
        if broken is not None:
            print(f"time {number + 1}: {broken}", file=sys.stderr)
            return 1
    print(f"{times} times, and no rule was broken")
    return 0


if __name__ == "__main__":
    sys.exit(main())
