"""Which endpoint answers what, and who may ask.

Promises: no I/O; every request gets a reply. Leaves to others: sending it.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from fal_stream.errors import ConfigError
from fal_stream.testing.request import RecordedRequest
from fal_stream.testing.script import (
    Answer,
    Failure,
    Reply,
    Script,
    check_script,
    to_reply,
)

__all__ = ["Endpoints"]

# owner/alias[/path], with a namespace before the owner or without.
_ENDPOINT_ID = re.compile(
    r"(?:(?:workflows|comfy)/)?(?!workflows/|comfy/)[\w.-]+(?:/[\w.-]+)+", re.ASCII
)


class Endpoints:
    """The endpoints of a server and their scripts."""

    def __init__(self) -> None:
        self._scripts: dict[str, Reply | Callable[[RecordedRequest], Answer]] = {}

    def add(self, endpoint_id: str, script: Script) -> None:
        """Set what an endpoint answers.

        Args:
            endpoint_id: The endpoint, `owner/alias[/path]`.
            script: What answers its requests.

        Raises:
            ConfigError: The endpoint id or the script is bad.
        """
        segments = endpoint_id.split("/")
        if not _ENDPOINT_ID.fullmatch(endpoint_id) or {".", ".."} & set(segments):
            raise ConfigError(f"endpoint_id is {endpoint_id!r}; give owner/alias[/path]")
        path = f"/{endpoint_id}" if segments[-1] == "stream" else f"/{endpoint_id}/stream"
        self._scripts[path] = check_script(script)

    def answer(self, request: RecordedRequest, key: str | None) -> Reply:
        """Answer a request.

        Args:
            request: The request.
            key: The credentials that it must have, or None.

        Returns:
            The reply: of the script, or a 401 or 404.

        Raises:
            Exception: A function of the user raised it, or gave no answer.
        """
        if key is not None and request.headers.get("authorization") != f"Key {key}":
            detail = "The credentials are missing or wrong; send 'Authorization: Key <key>'"
            return Failure(401, detail).reply()
        script = self._scripts.get(request.path)
        if script is None:
            inner = "/".join(request.path.split("/")[3:])
            return Failure(404, f"Path /{inner} not found").reply()
        if isinstance(script, Reply):
            return script
        return to_reply("the answer of the script", script(request))
