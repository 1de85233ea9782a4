"""The secrets of one request, and how to mask them in what its server says.

Promises: the key, a token and the signature of an address are masked as they are, percent-encoded,
escaped as in JSON, HTML or a repr of Python's, in base64, and cut off after 8 characters or more.
It costs nothing until a text is masked, which errors and logs alone do.

Leaves to others: which texts are masked. The chunks of a stream are data, and stay as they are.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Mapping
from functools import lru_cache
from urllib.parse import unquote, unquote_plus

from ..credentials import is_secret_name
from ..middleware import TARGET_URL_HEADER

MASK = "***"

# What is shorter stands in a text by chance, and is no secret.
SHORTEST = 8

# As `html.escape` writes them.
_HTML = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#x27;"}

_REST = "[A-Za-z0-9._~+/=%:-]*"


class Redactor:
    """Masks the secrets of one request.

    Args:
        url: The address of the request.
        headers: Its headers, names in lower case.
    """

    __slots__ = ("_headers", "_patterns", "_url")

    def __init__(self, url: str, headers: Mapping[str, str]) -> None:
        self._url = url
        self._headers = headers
        self._patterns: list[re.Pattern[str]] | None = None

    def text(self, text: str) -> str:
        """Mask the secrets in a text.

        Args:
            text: The text.

        Returns:
            The text with `***` in the place of each secret.
        """
        if self._patterns is None:
            secrets = sorted(secrets_of(self._url, self._headers), key=len, reverse=True)
            self._patterns = [form(secret) for form in FORMS for secret in secrets]
        for pattern in self._patterns:
            text = pattern.sub(MASK, text)
        return text

    def data(self, data: bytes) -> bytes:
        """Mask the secrets in bytes; whatever else they hold stays.

        Args:
            data: The bytes.

        Returns:
            The bytes with `***` in the place of each secret.
        """
        return self.text(data.decode("latin-1")).encode("latin-1")

    def headers(self, headers: Mapping[str, str]) -> dict[str, str]:
        """Mask the secrets in the values of headers.

        Args:
            headers: The headers.

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
        for pair in address.partition("#")[0].partition("?")[2].split("&"):
            name, _, value = pair.partition("=")
            if is_secret_name(unquote(name)):
                found.update((value, unquote(value), unquote_plus(value)))
    found.update([secret.partition(":")[2] for secret in found])
    return {secret for secret in found if len(secret) >= SHORTEST and secret.isascii()}


def _whole(secret: str) -> re.Pattern[str]:
    return re.compile(_encoded(secret))


def _beginning(secret: str) -> re.Pattern[str]:
    return re.compile(_encoded(secret[:SHORTEST]) + _REST)


def _encoded(secret: str) -> str:
    return "".join(char if char.isalnum() else _encoded_char(char) for char in secret)


def _encoded_char(char: str) -> str:
    code = ord(char)
    digits = f"(?i:{code:02x})"
    forms = [
        r"\\{0,2}" + re.escape(char),
        f"%(?:25)*{digits}",
        rf"\\+(?:u00|x){digits}",
        f"&#(?:{code}|[xX]{digits});",
    ]
    # With two ways to read one character, a long secret that is cut off would take for ever.
    if char in _HTML:
        forms.append(_HTML[char])
    return f"(?:{'|'.join(forms)})"


def _in_base64(secret: str) -> re.Pattern[str]:
    """Give the secret in base64, without the characters that depend on what stands beside it."""
    data, forms = secret.encode(), []
    for shift, start in enumerate((0, 2, 3)):
        text = b64encode(bytes(shift) + data).decode()
        sure = text[start : (shift + len(data)) * 8 // 6]
        forms.append(sure.replace("+", "(?:[+-]|%2[bB])").replace("/", "(?:[/_]|%2[fF])"))
    return re.compile("|".join(forms))


# One key serves many requests. What is found last was cut off, by the server or by the end of what
# was read.
FORMS = [lru_cache(128)(form) for form in (_whole, _in_base64, _beginning)]
