"""The conversion of one module, and the second opinion on it."""

from __future__ import annotations

import pytest

from tests.unasync.convert import Converter
from tests.unasync.rules import Rules
from tests.unasync.tree import expected_shape, shape

RULES = Rules(
    prefixes=("Async", "async_"),
    names={"aclose": "close", "_async": "_sync", "async_backend": "sync_backend"},
    phrases={"an async iterator": "an iterator"},
)


@pytest.mark.parametrize(
    ("source", "converted"),
    [
        ("async def f(): pass", "def f(): pass"),
        ("async  with a as b: pass", "with a as b: pass"),
        ("[x async for x in y]", "[x for x in y]"),
        ("await x", "x"),
        ("await(x)", "(x)"),
        ("-await x ** 2", "-x ** 2"),
        ("f(await x, await y)", "f(x, y)"),
        ("(await f(1, [2 + 3])).x", "f(1, [2 + 3]).x"),
        ("return (await x)[0]", "return x[0]"),
        ("(await x or y).z", "(x or y).z"),
        ("(await x, y)[0]", "(x, y)[0]"),
        ("f(await x).y", "f(x).y"),
        ("AsyncThing", "Thing"),
        ("__AsyncThing", "__Thing"),
        ("Asynchronous", "Asynchronous"),
        ("Async", "Async"),
        ("async_call", "call"),
        ("_async_call", "_call"),
        ("t.aclose", "t.close"),
        ("import p._async.async_backend", "import p._sync.sync_backend"),
        ("# An AsyncThing: await t.aclose()", "# A Thing: t.close()"),
        ("'an `AsyncEvent` or an _AsyncThing'", "'an `Event` or a _Thing'"),
        ("'''async with AsyncThing() as t'''", "'''with Thing() as t'''"),
        ("'an async iterator'", "'an iterator'"),
        ("f'{{a}} {await t.aclose()!r:>{w}} AsyncThing'", "f'{{a}} {t.close()!r:>{w}} Thing'"),
        ("f'{f\"{await x}\"}'", "f'{f\"{x}\"}'"),
        ("'naïve' + await x  # ünïcode", "'naïve' + x  # ünïcode"),
    ],
)
def test_a_piece_of_source(source: str, converted: str) -> None:
    assert Converter(RULES).module(source) == converted


def test_lines_and_indentation_stay() -> None:
    source = "class A:\n\n    async def f(self):\n        if x:\n            await (\n  y)\n\n\nz\n"
    assert Converter(RULES).module(source) == source.replace("async ", "").replace("await ", "")


def test_rules_are_unused_until_needed() -> None:
    converter = Converter(RULES)
    converter.module("AsyncThing.aclose")
    assert converter.unused_rules == ["async_", "_async", "async_backend", "an async iterator"]


def test_source_that_does_not_end_is_a_syntax_error() -> None:
    with pytest.raises(SyntaxError):
        Converter(RULES).module("f(")


EVERYTHING = '''
"""An AsyncThing."""
from p._async import AsyncThing, async_call
import q._async.x as _async

async def f(AsyncArgument: int, *, aclose=AsyncThing) -> None:
    """Await nothing."""
    global async_call
    async for x in await y:
        async with await z() as AsyncTarget, w:
            await x.aclose(aclose=1)
    match x:
        case AsyncThing(aclose=1) | {**async_rest}:
            return {await a: await b async for a in c if await d}
'''

BLOCKING = '''
"""A Thing."""
import q._sync.x as _sync
from p._sync import Thing, call

def f(Argument: int, *, close=Thing) -> None:
    """Nothing."""
    global call
    for x in y:
        with z() as Target, w:
            x.close(close=1)
    match x:
        case Thing(close=1) | {**rest}:
            return {a: b for a in c if d}
'''


def test_the_tree_agrees_with_a_twin_written_by_hand() -> None:
    assert expected_shape(EVERYTHING, RULES) == shape(BLOCKING)
    assert shape(Converter(RULES).module(EVERYTHING)) == shape(BLOCKING)


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("def f(", "async def f("),
        ("        with", "        async with"),
        ("b for a", "b async for a"),
        ("in y", "in (await y)"),
        ("close(close=1)", "close(aclose=1)"),
        ("Thing(close=1)", "Thing(aclose=1)"),
        ("**rest", "**async_rest"),
        ("global call", "global async_call"),
        ("import Thing, call", "import Thing"),
        ("q._sync.x", "q._async.x"),
        ("as Target", "as AsyncTarget"),
        ("Argument: int", "Argument: float"),
        ('    """Nothing."""\n', ""),
    ],
)
def test_the_tree_notices_a_difference(right: str, wrong: str) -> None:
    assert BLOCKING.count(right) == 1
    assert expected_shape(EVERYTHING, RULES) != shape(BLOCKING.replace(right, wrong))
