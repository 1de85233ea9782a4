"""From the text of an asyncio module to the text of its blocking twin.

Promises: only tokens are looked at, so code, docstrings, comments and f-strings are all
converted, and the result is the same on every Python that runs it. Which rules were used is
counted.

Leaves to others: the layout of the result (ruff), and whether it is right (`tree.py`, and the
checks of `generator.py`).
"""

from __future__ import annotations

import io
import keyword
import re
import token
import tokenize
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from tests.unasync.rules import Rules

__all__ = ["Converter"]

_WORD = re.compile(r"\basync (?=(?:with|for|def)\b)|\bawait (?=[\w(])|\b[A-Za-z_]\w*")
_ARTICLE = re.compile(r"\b([Aa])n(\s+[`~.]*_*)(?=Async[A-Z])")
_OPEN, _CLOSE = frozenset("([{"), frozenset(")]}")

# From Python 3.12 on, f-strings come in several tokens; they are put together again here.
_TEMPLATE_START = {getattr(token, f"{kind}STRING_START", -1) for kind in "FT"} - {-1}
_TEMPLATE_END = {getattr(token, f"{kind}STRING_END", -1) for kind in "FT"} - {-1}


class _Token(NamedTuple):
    kind: int
    text: str
    start: int
    end: int


class Converter:
    """Converts modules, and remembers which rules it used.

    Args:
        rules: The rules to apply.
    """

    def __init__(self, rules: Rules) -> None:
        self.rules = rules
        self._used: Counter[str] = Counter()

    @property
    def unused_rules(self) -> list[str]:
        """The rules that nothing converted so far has needed."""
        rules = self.rules
        return [r for r in (*rules.prefixes, *rules.names, *rules.phrases) if not self._used[r]]

    def name(self, name: str) -> str:
        """Convert one identifier.

        Args:
            name: The identifier, without dots.

        Returns:
            Its name in the blocking flavour.
        """
        if name in self.rules.names:
            self._used[name] += 1
            return self.rules.names[name]
        bare = name.lstrip("_")
        for prefix in self.rules.prefixes:
            rest = bare.removeprefix(prefix)
            if rest in ("", bare) or (prefix[-1].isalpha() and not rest[0].isupper()):
                continue
            self._used[prefix] += 1
            return name[: len(name) - len(bare)] + rest
        return name

    def prose(self, text: str) -> str:
        """Convert a string or a comment.

        Args:
            text: The source text of the string or comment, quotes included.

        Returns:
            The text for the blocking flavour, with `a` and `an` as the new names want them.
        """
        for phrase, replacement in self.rules.phrases.items():
            if phrase in text:
                self._used[phrase] += 1
                text = text.replace(phrase, replacement)
        return _WORD.sub(self._word, _ARTICLE.sub(self._article, text))

    def module(self, source: str) -> str:
        """Convert a module.

        Args:
            source: The text of the asyncio module.

        Returns:
            The text of the blocking module, not laid out yet.

        Raises:
            SyntaxError: The source is no Python.
        """
        try:
            tokens = _read(source)
        except tokenize.TokenError as error:
            raise SyntaxError(str(error)) from error
        dropped = _needless_parentheses(tokens)
        pieces: list[str] = []
        position = 0
        for at, (kind, text, start, end) in enumerate(tokens):
            pieces.append(source[position:start])
            position = end
            if kind == token.NAME and text in ("async", "await"):
                while source[position] in " \t":
                    position += 1
            elif kind == token.NAME:
                pieces.append(self.name(text))
            elif kind in (token.STRING, token.COMMENT):
                pieces.append(self.prose(text))
            elif at not in dropped:
                pieces.append(text)
        return "".join([*pieces, source[position:]])

    def _word(self, match: re.Match[str]) -> str:
        word = match.group()
        return "" if word.endswith(" ") else self.name(word)

    def _article(self, match: re.Match[str]) -> str:
        following = match.string[match.end() + len("Async")]
        return match[1] + ("n" if following in "AEIOU" else "") + match[2]


def _read(source: str) -> list[_Token]:
    """Split a module into its tokens, each string and f-string one token."""
    starts = [0]
    for line in source.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    tokens: list[_Token] = []
    depth = begin = 0
    for raw in tokenize.generate_tokens(io.StringIO(source).readline):
        start, end = (starts[row - 1] + column for row, column in (raw.start, raw.end))
        if raw.type in _TEMPLATE_START:
            begin = begin if depth else start
            depth += 1
        elif raw.type in _TEMPLATE_END:
            depth -= 1
            if not depth:
                tokens.append(_Token(token.STRING, source[begin:end], begin, end))
        elif not depth and start < end and raw.type not in (token.INDENT, token.DEDENT):
            tokens.append(_Token(raw.type, raw.string, start, end))
    return tokens


def _needless_parentheses(tokens: Sequence[_Token]) -> set[int]:
    """Find the parentheses that only `await` needed: `(await x()).y`, not `f(await x)`."""
    found: set[int] = set()
    for at, opening in enumerate(tokens[:-1]):
        if opening.text != "(" or tokens[at + 1].text != "await" or _is_call(tokens, at):
            continue
        depth = 1
        for closing in range(at + 2, len(tokens) - 1):
            kind, text, *_ = tokens[closing]
            if kind == token.OP:
                depth += (text in _OPEN) - (text in _CLOSE)
            if depth == 0:
                if tokens[closing + 1].text in (".", "[", "("):
                    found |= {at, closing}
                break
            if depth == 1 and not _continues_a_primary(kind, text):
                break
    return found


def _is_call(tokens: Sequence[_Token], at: int) -> bool:
    if at == 0:
        return False
    before = tokens[at - 1]
    name = before.kind == token.NAME and not keyword.iskeyword(before.text)
    return name or before.kind == token.STRING or before.text in _CLOSE


def _continues_a_primary(kind: int, text: str) -> bool:
    if kind == token.NAME:
        return not keyword.iskeyword(text) or text in ("None", "True", "False")
    return kind == token.OP and (text == "." or text in _CLOSE or text in _OPEN)
