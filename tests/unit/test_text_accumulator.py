"""All text of a stream and what is new of it, from texts of which it isn't told which they are."""

from __future__ import annotations

import time
from itertools import accumulate

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from fal_stream._shared.text_accumulator import TextAccumulator, common_prefix_length


def run(texts: list[str], cumulative: bool | None = None) -> tuple[list[str], str]:
    """Take texts as of chunks that tell nothing; return the pieces and all text."""
    text = TextAccumulator(cumulative)
    pieces = [text.take(given) for given in texts]
    pieces.append(text.end())
    return pieces, text.text


@pytest.mark.parametrize(
    ("texts", "pieces", "whole"),
    [
        ([], [""], ""),
        (["Hello"], ["Hello", ""], "Hello"),
        (["", "Hello", ""], ["", "Hello", "", ""], "Hello"),
        # What doesn't begin with the text before it shows that each is new.
        (["Hel", "lo", " you"], ["Hel", "lo", " you", ""], "Hello you"),
        (["ha", "ha", " funny"], ["ha", "", "ha funny", ""], "haha funny"),
        (["ha", "ha", "ha", "!"], ["ha", "", "", "haha!", ""], "hahaha!"),
        (["1", "10", " apples"], ["1", "", "10 apples", ""], "110 apples"),
        (["\n", "\n\n", "# Fox"], ["\n", "", "\n\n# Fox", ""], "\n\n\n# Fox"),
        (["a", "b", "a", "b", "c"], ["a", "b", "a", "b", "c", ""], "ababc"),
        # Two texts that have grown, or one after 16 characters, show that each is all.
        (
            ["It", "It is", "It is so", "It is so."],
            ["It", "", " is so", ".", ""],
            "It is so.",
        ),
        (["It was a dark and", "It was a dark and stormy"], None, "It was a dark and stormy"),
        (["H", "He", "He", "Hel", "Hell"], ["H", "", "", "el", "l", ""], "Hell"),
        (["0123456789abcdef", "0123456789abcdefg"], ["0123456789abcdef", "g", ""], None),
        (["0123456789abcdef", "0123456789abcdef"], None, "0123456789abcdef" * 2),
        # At the end, with nothing shown.
        (["ha", "ha"], ["ha", "", "ha"], "haha"),
        (["ha", "ha", "ha!"], ["ha", "", "", "haha!"], "hahaha!"),
        (["Ye", "Yes"], ["Ye", "", "s"], "Yes"),
        (["Ye", "Yes", "Yes"], ["Ye", "", "", "s"], "Yes"),
        # A last text that repeats all of it.
        (["Yes", ".", "Yes."], ["Yes", ".", "", ""], "Yes."),
        (["Yes", ".", "Yes. "], ["Yes", ".", "", " "], "Yes. "),
        (["Yes", ".", "Yes.", "Yes."], ["Yes", ".", "", "", ""], "Yes."),
        (["Yes", ".", "Yes.", " Or"], ["Yes", ".", "", "Yes. Or", ""], "Yes.Yes. Or"),
        (["Yes", ".", "Yes.", "Yes", "."], None, "Yes.Yes.Yes."),
        (["It was a dark", " and stormy", "It was a dark and stormy"], None, None),
    ],
)
def test_texts_that_tell_by_themselves(
    texts: list[str], pieces: list[str] | None, whole: str | None
) -> None:
    given, text = run(texts)
    assert text == (texts[-1] if whole is None else whole)
    assert "".join(given) == text
    if pieces is not None:
        assert given == pieces


def test_where_it_is_known() -> None:
    assert run(["ha", "ha"], cumulative=True) == (["ha", "", ""], "ha")
    assert run(["ha", "ha"], cumulative=False) == (["ha", "ha", ""], "haha")
    assert run(["Ye", "Yes", "Yes."], cumulative=False) == (["Ye", "Yes", "Yes.", ""], "YeYesYes.")
    assert run(["Yes", ".", "Yes."], cumulative=False) == (["Yes", ".", "Yes.", ""], "Yes.Yes.")
    # The user knows better than the chunk.
    text = TextAccumulator(cumulative=False)
    assert [text.take("ha", True), text.take("ha", True), text.end()] == ["ha", "ha", ""]


def test_where_the_chunk_tells() -> None:
    text = TextAccumulator()
    pieces = [text.take(part, True) for part in ("ha", "ha", "haha", "ha ha", "h", "hi")]
    assert pieces == ["ha", "", "ha", " ha", "", "i"]
    assert (text.text, text.is_cumulative) == ("hi", True)


def test_what_was_rewritten_is_given_from_the_common_beginning_on() -> None:
    text = TextAccumulator()
    pieces = [
        text.take(part, True) for part in ("The cat sat", "The dog sat", "The dog", "The dogs")
    ]
    assert pieces == ["The cat sat", "dog sat", "", "s"]
    assert text.text == "The dogs"


def test_what_was_held_back_comes_before_what_is_told() -> None:
    text = TextAccumulator()
    assert [text.take("ha"), text.take("ha"), text.take("!", False)] == ["ha", "", "ha!"]
    assert text.text == "haha!"
    text = TextAccumulator()
    assert [text.take("ha"), text.take("ha"), text.take("ha!", True)] == ["ha", "", "!"]
    assert text.text == "ha!"


def test_deltas_then_all_of_it_in_another_field() -> None:
    text = TextAccumulator()
    assert [text.take("Yes", False), text.take("Yes"), text.end()] == ["Yes", "", ""]
    assert text.text == "Yes"


@given(st.lists(st.text("ab \n", min_size=1, max_size=4), min_size=1, max_size=12))
@example(["a", "aa", "aaa", "b"])
def test_deltas_that_are_told_are_joined(parts: list[str]) -> None:
    text = TextAccumulator()
    assert [text.take(part, False) for part in parts] == parts
    assert (text.end(), text.text) == ("", "".join(parts))


@given(st.lists(st.text("ab \n", min_size=1, max_size=4), min_size=3, max_size=12))
def test_all_text_each_time_is_found_out(parts: list[str]) -> None:
    texts = list(accumulate(parts))
    pieces, text = run(texts)
    assert "".join(pieces) == text == texts[-1]
    assert pieces[0] == parts[0]
    # From the third on none is held back.
    assert pieces[3:-1] == parts[3:]


@given(st.lists(st.text("ab ", max_size=6), max_size=12))
def test_the_pieces_are_the_text_as_long_as_nothing_is_rewritten(texts: list[str]) -> None:
    pieces, text = run(texts)
    assert "".join(pieces) == text


@given(st.text("ab", max_size=30), st.text("ab", max_size=30), st.text("abc", max_size=9000))
def test_the_common_beginning(one: str, other: str, start: str) -> None:
    expected = len(start)
    for a, b in zip(one, other, strict=False):
        if a != b:
            break
        expected += 1
    assert common_prefix_length(start + one, start + other) == expected
    assert common_prefix_length(start + one, start + one) == len(start + one)


@pytest.mark.parametrize(
    "parts",
    [
        ["a fox over the dog "] * 200_000,
        [f"{number} fox over the dog" for number in range(200_000)],
        ["a" if number % 2 else "b" for number in range(200_000)],
    ],
)
def test_time_is_linear_in_what_is_new(parts: list[str]) -> None:
    began = time.process_time()
    _, text = run(parts)
    # All of it were 100,000 MB to be copied, if each piece looked at what was before.
    assert time.process_time() - began < 5.0
    assert text == "".join(parts)


def test_time_is_linear_in_what_is_sent_where_the_text_is_rewritten() -> None:
    text = TextAccumulator()
    start = "a fox over the dog " * 100_000
    began = time.process_time()
    pieces = [text.take(f"{start}{number % 10}", cumulative=True) for number in range(50)]
    assert time.process_time() - began < 5.0
    assert pieces[1:] == [str(number % 10) for number in range(1, 50)]
