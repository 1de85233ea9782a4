"""`LineBuffer`: what it gives of a line that comes in pieces, and how much memory it takes."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable

import pytest

from fal_stream._shared.sse_line_buffer import LineBuffer

KIB = 1024
MIB = 1024 * KIB
LARGE = b"y" * 4 * KIB


def half_line(*pieces: bytes) -> LineBuffer:
    line = LineBuffer()
    for piece in pieces:
        line.add(piece)
    return line


def peak_of(work: Callable[[], object]) -> int:
    """The most bytes that some work takes."""
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    "pieces",
    [
        (),
        (b"",),
        (b"data: a",),
        (b"da", b"ta", b": ", b"a"),
        (LARGE,),
        (LARGE, LARGE),
        (b"data: ", LARGE, b"a", b"b", LARGE, b"c"),
        (LARGE[1:], LARGE[1:], LARGE),
    ],
)
def test_the_pieces_are_given_in_order(pieces: tuple[bytes, ...]) -> None:
    line = half_line(*pieces)
    assert line.text() == b"".join(pieces)
    assert type(line.text()) is bytes
    assert line.size == len(line.text())


def test_asking_changes_nothing() -> None:
    line = half_line(b"data: a", LARGE)
    assert line.data() == line.data() == b"a" + LARGE
    assert line.text() == line.text() == b"data: a" + LARGE
    line.add(b"z")
    assert line.text() == b"data: a" + LARGE + b"z"


def test_what_is_cleared_is_forgotten() -> None:
    line = half_line(b"data: a", LARGE)
    line.clear()
    assert (line.size, line.text(), line.data()) == (0, b"", None)
    line.add(b"data: b")
    assert (line.size, line.text(), line.data()) == (7, b"data: b", b"b")


@pytest.mark.parametrize(
    ("pieces", "value"),
    [
        ((b"data: a",), b"a"),
        ((b"data: a", b"b"), b"ab"),
        ((b"data: ",), b""),
        ((b"data:  two",), b" two"),
        ((b"da", b"ta: a"), b"a"),
        ((b"data: a", LARGE, b"b", LARGE), b"a" + LARGE + b"b" + LARGE),
        ((b"data: " + LARGE, b"b"), LARGE + b"b"),
        ((b"data: \xff",), b"\xff"),
    ],
)
def test_the_value_of_a_data_line(pieces: tuple[bytes, ...], value: bytes) -> None:
    found = half_line(*pieces).data()
    assert found == value
    assert type(found) is bytes


@pytest.mark.parametrize(
    "pieces",
    [
        (),
        (b"data",),
        (b"data:",),
        (b"data:a",),
        (b"DATA: a",),
        (b" data: a",),
        (b"datax: a",),
        (b"id: 7",),
        (b"da", b"ta: " + LARGE),
    ],
)
def test_other_lines_have_no_value(pieces: tuple[bytes, ...]) -> None:
    assert half_line(*pieces).data() is None


def test_a_line_that_came_in_one_large_piece_is_not_copied() -> None:
    assert half_line(LARGE).text() is LARGE


def test_small_pieces_take_the_memory_of_their_bytes() -> None:
    # As objects of their own they would take 40 times as much.
    pieces = [b"%d" % (number % 10) for number in range(256 * KIB)]
    line = LineBuffer()

    def add_all() -> None:
        for piece in pieces:
            line.add(piece)

    assert peak_of(add_all) < 3 * len(pieces)
    assert line.text() == b"".join(pieces)


def test_large_pieces_are_kept_as_they_are_until_they_are_joined_once() -> None:
    pieces = [b"data: " + b"x" * MIB, *[bytes([97 + number]) * MIB for number in range(7)]]
    line = LineBuffer()

    def add_all() -> None:
        for piece in pieces:
            line.add(piece)
            line.add(b"-")

    assert peak_of(add_all) < 64 * KIB
    assert peak_of(line.text) < line.size + 64 * KIB
    # The first piece is cut off its name besides.
    assert peak_of(line.data) < line.size + MIB + 64 * KIB
