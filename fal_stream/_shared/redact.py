"""Redact the secrets of a request in text from its server, however they are encoded.

Promises: the key, a token and the signature of a URL are masked if they appear unchanged, in other
case, percent-encoded or escaped as in JSON or a Python repr (punctuation only, or each character),
escaped as in HTML (punctuation), in base64, or cut off after 8 or more characters. Encodings that a
server would only use on purpose, such as hexadecimal, are not masked. There is no cost until a text
is masked, which only happens in errors and logs. The work is linear in the text.

Not here: which texts are masked (`_async/http/response.py`, `_async/http/sender.py`,
`_async/chunk_reader.py`), and masking everything that looks like a key of fal (`mask_secrets` in
`errors.py`). The chunks of a stream are data, and are not masked.

How: the pattern of a secret matches its first 8 characters, in any of these encodings, and then the
rest of the secret, or any text that could be a part of it. A match is always masked, and not
searched again. In the pattern, the next character of the text decides which encoding of a character
is tried, and a run of backslashes is only matched from its beginning, so there is no backtracking.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterator, Mapping
from functools import lru_cache
from urllib.parse import unquote, unquote_plus

from ..credentials import Secret, is_secret_name
from ..middleware import TARGET_URL_HEADER

MASK = "***"

# Shorter texts are not masked, because they may occur by chance.
SHORTEST = 8

_HTML_NAMES = {"&": "|amp", "<": "|lt", ">": "|gt", '"': "|quot", "'": "|apos"}

# The characters that base64url uses instead (RFC 4648, section 5).
_ALTERNATIVES = {"+": "-", "/": "_"}

_LETTERS = re.compile("[A-Za-z0-9]+")

# A character of a secret, and the backslashes before it.
_CHARACTER = re.compile(r"(\\*)([^\\])", re.DOTALL)
_BACKSLASHES = r"(?:\\(?:(?:u00|x)5[cC])?|%(?:25)*5[cC]|&#(?:0*92|[xX]0*5[cC]);){0,64}"

_RUN = r"\\+"
# A run of backslashes, matched only from its beginning.
_BEGINNING = r"\\(?<!\\\\)\\*"


class Redactor:
    """Masks the secrets of one request.

    Args:
        url: The URL of the request.
        headers: The headers of the request, names in lower case.
    """

    __slots__ = ("_forms", "_headers", "_login", "_url")

    def __init__(self, url: str, headers: Mapping[str, str]) -> None:
        self._url = url
        self._headers = headers
        self._login: Secret | None = None
        self._forms: tuple[_Form, ...] | None = None

    def add_login(self, login: Secret) -> None:
        """Also mask what logs in to a proxy, which may repeat it: `user:password`."""
        self._login = login

    def text(self, text: str) -> str:
        """Return a text with `***` in the place of each secret."""
        if self._forms is None:
            secrets = secrets_of(self._url, self._headers)
            if self._login is not None:
                secrets |= secrets_of("", {"proxy-authorization": f"Basic {self._login.reveal()}"})
            self._forms = _forms_of(frozenset(secrets))
        for form in self._forms:
            text = form.masked(text)
        return text

    def data(self, data: bytes) -> bytes:
        """Return bytes with `***` in the place of each secret, and otherwise unchanged."""
        return self.text(data.decode("latin-1")).encode("latin-1")

    def headers(self, headers: Mapping[str, str]) -> dict[str, str]:
        """Return headers with `***` in the place of each secret in their values."""
        return {name: self.text(value) for name, value in headers.items()}


def secrets_of(url: str, headers: Mapping[str, str]) -> set[str]:
    """Return the secrets of a request, found by the names of its headers and query parameters.

    Args:
        url: The URL of the request.
        headers: The headers of the request, names in lower case.

    Returns:
        The secrets, and the part of each secret after its first colon, as in a key of fal.
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
        # Some servers accept `;` as a separator, too, but it may also be part of a value.
        yield from pair.split(";")[1:]


class _Form:
    """The pattern of a secret, or of its base64.

    Args:
        text: The secret or its base64.
        rest: The pattern for the rest of a secret that is cut off.
        alternatives: For a character, the character that may be in its place. Default: none.
        is_plain: Whether `text` is the secret itself, whose letters and digits may be in other case
            or encoded. Default False: it is base64.
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
        """Return a text with the mask in the places of the secret."""
        if self._is_plain:
            is_encoded = "%" in text or "\\" in text
            if not is_encoded and self._needle.lower() not in text.lower():
                return text
        elif self._needle not in text:
            return text
        # Made when it is needed, which is seldom, because it is slow. Not by `cached_property`,
        # which up to Python 3.11 has one lock for all objects of a class.
        if self._made is None:
            self._made = self._make()
        return self._made.sub(MASK, text)

    def _make(self) -> re.Pattern[str]:
        parts = [(bool(match[1]), match[2]) for match in _CHARACTER.finditer(self._text)]
        if len(parts) < SHORTEST:
            return re.compile(re.escape(self._text))  # most of the secret is backslashes
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
            # Only for the first characters: the pattern of the rest matches encoded ones already.
            for index, (escaped, char) in enumerate(parts[:SHORTEST]):
                if char.isalnum():
                    written[index] = _encoded(char, is_first=index == 0, escaped=escaped)
        start, end = "".join(written[:SHORTEST]), "".join(written[SHORTEST:])
        return re.compile(f"{start}(?:{end}|{self._rest})", flags)


@lru_cache(128)  # one key serves many requests
def _forms_of(secrets: frozenset[str]) -> tuple[_Form, ...]:
    """Return the patterns of some secrets, the longest first: another may be its beginning."""
    marks = {char for secret in secrets for char in secret if not char.isalnum()}
    rest = _rest("".join(sorted(marks - {" ", "\\"})))
    ordered = sorted(secrets, key=lambda secret: (-len(secret), secret))
    forms = [_Form(secret, rest, is_plain=True) for secret in ordered]
    return (
        *forms,
        *[_Form(text, rest, _ALTERNATIVES) for each in ordered for text in _in_base64(each)],
    )


def _rest(marks: str) -> str:
    """Return the pattern for the rest of a secret that is cut off."""
    plain = f"[A-Za-z0-9._~+/=%:{re.escape(marks.replace('&', ''))}-]*"
    names = "".join(_HTML_NAMES.get(mark, "") for mark in marks)
    escapes = [
        rf"\\+(?:(?:u00|x)[0-9A-Fa-f]{{2}}|[/{re.escape(marks)}])",
        f"&(?:(?:#[xX]?[0-9A-Fa-f]{{1,4}}{names});){'?' if '&' in marks else ''}",
    ]
    return f"{plain}(?:(?:{'|'.join(escapes)}){plain}){{0,8192}}"


def _encoded(char: str, *, is_first: bool, escaped: bool) -> str:
    """Return the pattern of a letter or digit: unchanged, percent-encoded or escaped."""
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
    """Return the pattern of a character's code after a backslash, in JSON or a Python repr."""
    return f"(?:u00|x){_hexadecimal(char)}"


def _hexadecimal(char: str) -> str:
    digits = f"{ord(char):02x}"
    return "".join(digit if digit.isdigit() else f"[{digit}{digit.upper()}]" for digit in digits)


def _written(char: str, alternative: str, with_backslash: str) -> str:
    """Return the pattern of a character in all its forms, each with a different first character."""
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
    """Return the secret in base64 at each offset, without characters that depend on its context."""
    data = secret.encode()
    texts = [b64encode(bytes(shift) + data).decode() for shift in range(3)]
    return [
        text[start : (shift + len(data)) * 8 // 6]
        for shift, (start, text) in enumerate(zip((0, 2, 3), texts, strict=True))
    ]
