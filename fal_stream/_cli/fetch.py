"""Fetching the files that chunks name.

Promises: no key, cookie or header of the user's goes along; a redirect leads only to where a file
may be; nothing is unpacked; there is an end in bytes and in time. Leaves to others: which addresses
are asked, and writing.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from urllib.parse import urljoin, urlsplit

import httpx

from fal_stream import __version__
from fal_stream._cli.exits import OutputError
from fal_stream._shared.endpoint import is_loopback
from fal_stream._shared.response import foreign_encoding

_SILENCE = 30.0  # seconds
_WHOLE = 600.0  # seconds
_REDIRECTS = 5
_HEADERS = {"accept-encoding": "identity", "user-agent": f"fal_stream/{__version__}"}


@contextmanager
def fetching(
    url: str, is_allowed: Callable[[str], bool], limit: int
) -> Iterator[tuple[str | None, Iterator[bytes]]]:
    """Fetch a file.

    Args:
        url: Its address.
        is_allowed: Tells of an address whether it may be asked.
        limit: How many bytes it may have.

    Returns:
        Its media type, or None, and its bytes in pieces; reading them raises OutputError too.

    Raises:
        OutputError: It can't be had, or is too large.
    """
    deadline = time.monotonic() + _WHOLE
    try:
        # This machine is not reached through a proxy of the environment.
        trust_env = not is_loopback(urlsplit(url).hostname or "")
        with httpx.Client(timeout=_SILENCE, trust_env=trust_env) as client:
            for _ in range(_REDIRECTS + 1):
                with client.stream("GET", url, headers=_HEADERS) as response:
                    if not response.is_redirect:
                        _check(response, limit)
                        media_type = response.headers.get("content-type")
                        yield media_type, _pieces(response, limit, deadline)
                        return
                    url = urljoin(url, response.headers.get("location", ""))
                if not is_allowed(url):
                    raise OutputError("its server sends us to where no files of fal are")
            raise OutputError("its server sends us from one address to the next")
    except ImportError:
        failure = OutputError("a SOCKS proxy needs the extra `socks`")
    except httpx.TimeoutException:
        failure = OutputError("nothing came in time")
    except (httpx.HTTPError, httpx.InvalidURL, ValueError):
        failure = OutputError("the connection failed")
    raise failure


def _check(response: httpx.Response, limit: int) -> None:
    if response.status_code != 200:
        raise OutputError(f"its server answered with status {response.status_code}")
    if foreign_encoding(response.headers) is not None:
        raise OutputError("its server sent it compressed, which was not asked for")
    length = response.headers.get("content-length", "")
    if length.isdigit() and int(length[:19]) > limit:
        raise OutputError(_too_large(limit))


def _pieces(response: httpx.Response, limit: int, deadline: float) -> Iterator[bytes]:
    size = 0
    for piece in response.iter_raw():
        size += len(piece)
        if size > limit:
            raise OutputError(_too_large(limit))
        if time.monotonic() > deadline:
            raise OutputError(f"it was not there after {_WHOLE:.0f} seconds")
        yield piece


def _too_large(limit: int) -> str:
    return f"it has more than {limit:,} bytes: give a larger --max-file-bytes"
