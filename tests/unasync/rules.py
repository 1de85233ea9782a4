"""What becomes what when the blocking flavour is generated: data only.

Promises: everything that the generator knows about names stands here, one rule a line. A rule
that no source file needs makes generation and its check fail, so add a rule with the first file
that uses it, and remove it with the last one.

Leaves to others: how rules are applied (`generator.py`), and the keywords `async` and `await`,
which need no rule.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = ["PAIRS", "RULES", "Pair", "Rules"]


@dataclass(frozen=True)
class Pair:
    """A directory that is written by hand, and the one that is generated from it.

    Attributes:
        source: The directory written by hand, relative to the root of the project.
        target: The generated directory, relative to the root of the project.
    """

    source: str
    target: str


@dataclass(frozen=True)
class Rules:
    """How names and words of the asyncio flavour are called in the blocking one.

    Attributes:
        names: Identifiers that are replaced as a whole, in code, strings and comments.
        prefixes: Beginnings of identifiers that are dropped; leading underscores stay. A prefix
            that ends in a letter is dropped only before a capital.
        phrases: Pieces of prose that are replaced in strings and comments, before the names.
    """

    names: Mapping[str, str] = field(default_factory=dict[str, str])
    prefixes: tuple[str, ...] = ()
    phrases: Mapping[str, str] = field(default_factory=dict[str, str])


PAIRS: tuple[Pair, ...] = (
    Pair("fal_stream/_async", "fal_stream/_sync"),
    Pair("tests/_async", "tests/_sync"),
    Pair("tests/faults/_async", "tests/faults/_sync"),
    Pair("tests/real/_async", "tests/real/_sync"),
    Pair("tests/original/_async", "tests/original/_sync"),
)

RULES = Rules(
    prefixes=("Async", "async_"),
    names={
        "AsyncByteStream": "SyncByteStream",
        "AsyncIterable": "Iterable",
        "AsyncIterator": "Iterator",
        "StopAsyncIteration": "StopIteration",
        "_default_async_client": "_default_client",
        "_async": "_sync",
        "__aenter__": "__enter__",
        "__aexit__": "__exit__",
        "__aiter__": "__iter__",
        "__anext__": "__next__",
        "aclose": "close",
        "aiter": "iter",
        "aread": "read",
        "async_exchange": "sync_exchange",
        "async_socket": "sync_socket",
        "create_async_streaming_client": "create_streaming_client",
        "find_files_async": "find_files",
        "handle_async_request": "handle_request",
        "stream_async": "stream",
    },
    phrases={
        "one argument, plain or a coroutine function": "one argument",
        ", `start()` or `await`": " or `start()`",
    },
)
