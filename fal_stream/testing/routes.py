"""Scripts that replace the server's own reply at a path.

Promises: no I/O; safe to use from any thread. Not here: requests without a route
(`request_handler`).
"""

from __future__ import annotations

import re
import threading
from dataclasses import dataclass

from fal_stream.errors import ConfigError
from fal_stream.testing.checks import describe
from fal_stream.testing.reply import Reply
from fal_stream.testing.request import RecordedRequest
from fal_stream.testing.script import CheckedScript, RouteScript, check_script, to_reply

__all__ = ["Routes"]

_PATH = re.compile(r"/[!\"$-)+->@-~]*\*?")  # visible ASCII without # and ?; * at the end only
_METHOD = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # token, RFC 9110 section 5.6.2


@dataclass(frozen=True)
class _Route:
    path: str
    method: str | None
    script: CheckedScript

    @property
    def rank(self) -> tuple[bool, int, bool]:
        """The sort key: the most specific route comes first."""
        return self.path.endswith("*"), -len(self.path), self.method is None

    def matches(self, request: RecordedRequest) -> bool:
        if self.method not in (None, request.method):
            return False
        if self.path.endswith("*"):
            return request.path.startswith(self.path[:-1])
        return request.path == self.path


class Routes:
    """The routes of a server."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._routes: tuple[_Route, ...] = ()

    def add(self, path: object, script: RouteScript, method: object) -> None:
        """Set the script for a path.

        Args:
            path: The path; with `*` at its end, every path with this prefix.
            script: The script that answers the requests.
            method: The HTTP method, or None for any.

        Raises:
            ConfigError: An argument can't be used.
        """
        if not isinstance(path, str) or not _PATH.fullmatch(path):
            raise ConfigError(
                f"path is {_shown(path)}; give a path such as '/tokens/' or '/storage/*', "
                "without host and query, with * at its end only"
            )
        if method is not None and (not isinstance(method, str) or not _METHOD.fullmatch(method)):
            raise ConfigError(
                f"method is {describe(method)}; give an HTTP method such as 'PUT', or None for any"
            )
        method = None if method is None else method.upper()
        route = _Route(path, method, check_script(script))
        with self._lock:
            others = [r for r in self._routes if (r.path, r.method) != (path, method)]
            self._routes = tuple(sorted([route, *others], key=lambda r: r.rank))

    def answer(self, request: RecordedRequest) -> Reply | None:
        """Return the reply of the most specific route that has an answer, or None.

        Raises:
            Exception: A function of the user raised it, or returned something else than an answer.
        """
        for route in self._routes:
            if not route.matches(request):
                continue
            if isinstance(route.script, Reply):
                return route.script
            answer = route.script(request)
            if answer is not None:
                return to_reply("the answer of the route", answer)
        return None


def _shown(path: object) -> str:
    # The query of a URL may contain a secret.
    return describe(path.partition("?")[0]) if isinstance(path, str) else describe(path)
