"""Random bytes for all targets: cut at random, spoiled at random, made up."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from random import Random

__all__ = ["UTF_8", "cut", "junk", "spoil"]

UTF_8 = tuple(text.encode() for text in ("ä", "€", "🦊", "\x85", "\u2028", "\ufeff", "\ufffd", "é"))
"""Characters of two, three and four bytes."""

# Each kind of byte that UTF-8 has a rule for, and some that are never in it.
_ODD_BYTES = b"\0\x01\x0b\x0c\x1b\x1f \x7f\x80\x9f\xa0\xbf\xc0\xc1\xc2\xdf\xe0\xed\xef\xf0\xf4\xf5"


def cut(chance: Random, data: bytes) -> list[bytes]:
    """Cut bytes into pieces: none, a few, many of one size, or one for each byte; some empty.

    Args:
        chance: Decides.
        data: The bytes.

    Returns:
        The pieces, in order; all of them together are the bytes.
    """
    kind = chance.random()
    if kind < 0.15:
        return [data]
    if kind < 0.3:
        size = 1
    elif kind < 0.45:
        size = chance.randint(2, 16)
    else:
        places = sorted(chance.randint(0, len(data)) for _ in range(chance.randint(1, 6)))
        edges = [0, *places, len(data)]
        return [data[start:end] for start, end in pairwise(edges)]
    return [data[start : start + size] for start in range(0, len(data), size)]


def junk(chance: Random, most: int) -> bytes:
    """Make some bytes up, mostly ones that a reader of text may stumble over.

    Args:
        chance: Decides.
        most: How many at most.

    Returns:
        The bytes, possibly none.
    """
    count = chance.randint(0, most)
    if chance.random() < 0.5:
        return chance.randbytes(count)
    return bytes(chance.choice(_ODD_BYTES) for _ in range(count))


def spoil(chance: Random, data: bytes, inserts: Sequence[bytes]) -> bytes:
    """Change bytes at one place.

    Args:
        chance: Decides.
        data: The bytes.
        inserts: What may be put in.

    Returns:
        The bytes with something put in, taken out, overwritten, doubled, moved or cut off.
    """
    start = chance.randint(0, len(data))
    end = min(len(data), start + chance.choice((1, 1, 2, 3, 8, 64)))
    kind = chance.randrange(7)
    if kind == 0:
        return data[:start] + chance.choice(inserts) + data[start:]
    if kind == 1:
        return data[:start] + data[end:]
    if kind == 2:
        return data[:start] + junk(chance, 4) + data[end:]
    if kind == 3:
        return data[:end] + data[start:]
    if kind == 4:
        return data[:start]
    if kind == 5:
        other = chance.randint(0, len(data))
        return data[:other] + data[start:end] + data[other:]
    return data[:start] + chance.choice(inserts) + data[end:]
