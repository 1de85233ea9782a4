"""Redact the secrets of a request in what its server sends, however they are encoded.

Promises: the key, a token and the signature of an address are masked if they appear as they are, in
other case, percent-encoded or escaped as in JSON or a Python repr (their marks only, or each
character), escaped as in HTML (their marks), in base64, or cut off after 8 characters or more. Not
masked is what a server would have to encode on purpose, such as hexadecimal. It costs nothing until
a text is masked, which happens in errors and logs only. The work is linear in the text.

Elsewhere: which texts are masked (`_async/http/response.py`, `_async/http/sender.py`,
`_async/chunk_reader.py`), and what looks like any key of fal's (`mask_secrets` in `errors.py`). The
chunks of a stream are data, and stay as they are.

How: the pattern of a secret finds its first 8 characters, in any of these encodings, and then
matches the rest of the secret, or whatever could be a part of it. What was matched is always
masked, and never searched again. In the pattern, the next character of the text decides which
encoding of a character is tried, and a run of backslashes is matched from its beginning only: so
there is no backtracking.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterator, Mapping
from functools import lru_cache
from urllib.parse import unquote, unquote_plus

from ..credentials import is_secret_name
from ..middleware import TARGET_URL_HEADER

MASK = "***"

# A shorter text may occur by chance, and is not masked.
SHORTEST = 8

_HTML_NAMES = {"&": "|amp", "<": "|lt", ">": "|gt", '"': "|quot", "'": "|apos"}

# The characters of base64url (RFC 4648, section 5) instead.
_ALTERNATIVES = {"+": "-", "/": "_"}

_LETTERS = re.compile("[A-Za-z0-9]+")

# A character of a secret, and the backslashes before it.
_CHARACTER = re.compile(r"(\\*)([^\\])", re.DOTALL)
_BACKSLASHES = r"(?:\\(?:(?:u00|x)5[cC])?|%(?:25)*5[cC]|&#(?:0*92|[xX]0*5[cC]);){0,64}"

_RUN = r"\\+"
# A run of backslashes, from its beginning only.
_BEGINNING = r"\\(?<!\\\\)\\*"


class Redactor:
    """Masks the secrets of one request.

    Args:
        url: The address of the request.
        headers: Its headers, names in lower case.
    """

    __slots__ = ("_forms", "_headers", "_url")

    def __init__(self, url: str, headers: Mapping[str, str]) -> None:
        self._url = url
        self._headers = headers
        self._forms: tuple[_Form, ...] | None = None

    def text(self, text: str) -> str:
        """Mask the secrets in a text.

        Returns:
            The text with `***` in the place of each secret.
        """
        if self._forms is None:
            self._forms = _forms_of(frozenset(secrets_of(self._url, self._headers)))
        for form in self._forms:
            text = form.masked(text)
        return text

    def data(self, data: bytes) -> bytes:
        """Mask the secrets in bytes; whatever else they hold stays.

        Returns:
            The bytes with `***` in the place of each secret.
        """
        return self.text(data.decode("latin-1")).encode("latin-1")

    def headers(self, headers: Mapping[str, str]) -> dict[str, str]:
        """Mask the secrets in the values of headers.

        Returns:
            The headers with `***` in the place of each secret.
        """
        return {name: self.text(value) for name, value in headers.items()}


def secrets_of(url: str, headers: Mapping[str, str]) -> set[str]:
    """Find what is secret in a request, by the names of its headers and query parameters.

    Args:
        url: The address of the request.
        headers: Its headers, names in lower case.

    Returns:
        The secrets: of the key as a whole and what follows its first colon.
    """
    found: set[str] = set()
    for name, value in headers.items():
        if is_secret_name(name):
            parts = value.split(";") if name == "cookie" else [value]
            mark = "=" if name == "cookie" else " "
            found.update(part.partition(mark)[2].strip() or part.strip() for part in parts)
    for address in (url, headers.get(TARGET_URL_HEADER, "")):
        for pair in _pairs(address.partition("#")[0].partition("?")[2]):
            name, _, value = pair.partition("=")
            if is_secret_name(unquote(name)):
                found.update((value, unquote(value), unquote_plus(value)))
    found.update([secret.partition(":")[2] for secret in found])
    return {secret for secret in found if len(secret) >= SHORTEST and secret.isascii()}


def _pairs(query: str) -> Iterator[str]:
    for pair in query.split("&"):
        yield pair
        # Some servers take it between parameters, too, but it may be part of a value.
        yield from pair.split(";")[1:]


class _Form:
    """A secret, or its base64.

    Args:
        text: The secret or its base64.
        rest: The pattern of what may follow where it was cut off.
        alternatives: What may stand in the place of a character. Default: nothing.
        is_plain: Whether it is the secret itself, whose letters and digits may be in other case and
            encoded too. Default: it is base64.
    """

    def __init__(
        self,
        text: str,
        rest: str,
        alternatives: Mapping[str, str] | None = None,
        *,
        is_plain: bool = False,
    ) -> None:
        self._text = text
        self._rest = rest
        self._alternatives = alternatives or {}
        self._is_plain = is_plain
        self._made: re.Pattern[str] | None = None
        # A part of the secret that a text must contain for the pattern to match.
        self._needle = max(_LETTERS.findall(text[:SHORTEST]), key=len, default="")

    def masked(self, text: str) -> str:
        """Return a text with the mask in its place."""
        if self._is_plain:
            is_encoded = "%" in text or "\\" in text
            if not is_encoded and self._needle.lower() not in text.lower():
                return text
        elif self._needle not in text:
            return text
        # It takes a while to make, and is seldom needed. Not by `cached_property`, which up to
        # Python 3.11 has one lock for all objects of a class.
        if self._made is None:
            self._made = self._make()
        return self._made.sub(MASK, text)

    def _make(self) -> re.Pattern[str]:
        parts = [(bool(match[1]), match[2]) for match in _CHARACTER.finditer(self._text)]
        if len(parts) < SHORTEST:
            return re.compile(re.escape(self._text))  # it is hardly more than backslashes
        alternative = self._alternatives.get
        flags = re.ASCII | re.IGNORECASE if self._is_plain else re.ASCII
        written = [_first(parts[0][1], alternative(parts[0][1], ""))]
        written += [
            _BACKSLASHES + _after_backslashes(char)
            if escaped
            else _later(char, alternative(char, ""))
            for escaped, char in parts[1:]
        ]
        if self._is_plain:
            # After the first ones, the pattern of the rest takes whatever is encoded.
            for index, (escaped, char) in enumerate(parts[:SHORTEST]):
                if char.isalnum():
                    written[index] = _encoded(char, is_first=index == 0, escaped=escaped)
        start, end = "".join(written[:SHORTEST]), "".join(written[SHORTEST:])
        return re.compile(f"{start}(?:{end}|{self._rest})", flags)


@lru_cache(128)  # one key serves many requests
def _forms_of(secrets: frozenset[str]) -> tuple[_Form, ...]:
    """Return what finds some secrets: the longest first, as another may be its beginning."""
    marks = {char for secret in secrets for char in secret if not char.isalnum()}
    rest = _rest("".join(sorted(marks - {" ", "\\"})))
    ordered = sorted(secrets, key=lambda secret: (-len(secret), secret))
    forms = [_Form(secret, rest, is_plain=True) for secret in ordered]
    return (
        *forms,
        *[_Form(text, rest, _ALTERNATIVES) for each in ordered for text in _in_base64(each)],
    )


def _rest(marks: str) -> str:
    """Return the pattern of what may follow the beginning of a secret that was cut off."""
    plain = f"[A-Za-z0-9._~+/=%:{re.escape(marks.replace('&', ''))}-]*"
    names = "".join(_HTML_NAMES.get(mark, "") for mark in marks)
    escapes = [
        rf"\\+(?:(?:u00|x)[0-9A-Fa-f]{{2}}|[/{re.escape(marks)}])",
        f"&(?:(?:#[xX]?[0-9A-Fa-f]{{1,4}}{names});){'?' if '&' in marks else ''}",
    ]
    return f"{plain}(?:(?:{'|'.join(escapes)}){plain}){{0,8192}}"


def _encoded(char: str, *, is_first: bool, escaped: bool) -> str:
    """Return the pattern of a letter or digit as it is, percent-encoded or escaped."""
    forms = f"{char}|%(?:25)*{_hexadecimal(char)}"
    if escaped and not is_first:
        return f"{_BACKSLASHES}(?:{forms})"
    return f"(?:{forms}|{_BEGINNING if is_first else _RUN}{_code(char)})"


def _first(char: str, alternative: str) -> str:
    return _written(char, alternative, f"{_BEGINNING}{_code(char)}")


def _later(char: str, alternative: str) -> str:
    return _written(char, alternative, rf"\\+(?:{re.escape(char)}|{_code(char)})")


def _after_backslashes(char: str) -> str:
    return _written(char, "", _code(char))


def _code(char: str) -> str:
    """Return the pattern of a character's number, as JSON or a repr has it after a backslash."""
    return f"(?:u00|x){_hexadecimal(char)}"


def _hexadecimal(char: str) -> str:
    digits = f"{ord(char):02x}"
    return "".join(digit if digit.isdigit() else f"[{digit}{digit.upper()}]" for digit in digits)


def _written(char: str, alternative: str, with_backslash: str) -> str:
    """Return the pattern of a character in all its forms, of which each begins otherwise."""
    if char.isalnum():
        return char
    number = f"#(?:0*{ord(char)}|[xX]0*{_hexadecimal(char)})"
    forms = [re.escape(char), f"%(?:25)*{_hexadecimal(char)}", with_backslash]
    forms.append(f"&(?:{number}{_HTML_NAMES.get(char, '')});")
    if alternative:
        forms.append(re.escape(alternative))
    if char == "%":
        forms[:2] = ["%(?:25)*"]
    elif char == "&":
        forms[0], forms[3] = f"&(?:(?:{number}|amp);)?", ""
    return f"(?:{'|'.join(filter(None, forms))})"


def _in_base64(secret: str) -> list[str]:
    """Return the secret in base64, without the characters that depend on what stands beside it."""
    data = secret.encode()
    texts = [b64encode(bytes(shift) + data).decode() for shift in range(3)]
    return [
        text[start : (shift + len(data)) * 8 // 6]
        for shift, (start, text) in enumerate(zip((0, 2, 3), texts, strict=True))
    ]
