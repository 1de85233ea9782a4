"""A local fal in a process of its own: short streams, and how often each input was asked for.

Prints its address, serves until its standard input ends, and prints the counts as JSON.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterator

from fal_stream.testing import LocalFal, Pause, RecordedRequest

CHUNKS = 3


def main() -> None:
    """Serve."""
    counts: Counter[int] = Counter()

    def play(request: RecordedRequest) -> Iterator[object]:
        n = request.json()["n"]
        counts[n] += 1
        for step in range(CHUNKS - 1):
            yield {"step": step}
            yield Pause(0.002)
        yield {"answer": n}

    with LocalFal(key=None) as fal:
        fal.add("acme/short", play)
        print(fal.url, flush=True)
        sys.stdin.read()
    print(json.dumps(counts))


if __name__ == "__main__":
    main()
