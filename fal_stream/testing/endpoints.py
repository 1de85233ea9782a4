"""The endpoints of a `LocalFal`, and the script of each.

Promises: no I/O; every request gets a reply. Not here: checking the key (`request_handler`), and
sending (`player`).
"""

from __future__ import annotations

from fal_stream._shared.endpoint import DEFAULT_PATH, parse_endpoint_id, stream_url
from fal_stream.errors import ConfigError
from fal_stream.testing.reply import Failure, Reply
from fal_stream.testing.request import RecordedRequest
from fal_stream.testing.script import CheckedScript, Script, check_script, to_reply

__all__ = ["Endpoints", "alias_of", "path_of"]


class Endpoints:
    """The endpoints of a server and their scripts."""

    def __init__(self) -> None:
        self._scripts: dict[str, CheckedScript] = {}

    def add(self, endpoint_id: str, script: Script, path: str = DEFAULT_PATH) -> None:
        """Set the script of an endpoint.

        Args:
            endpoint_id: The endpoint, `owner/alias[/path]`.
            script: The script that answers the requests.
            path: The part of the URL after the endpoint id; `""` for none. Default: `/stream`.

        Raises:
            ConfigError: An argument can't be used.
        """
        self._scripts[path_of(endpoint_id, path)] = check_script(script)

    def answer(self, request: RecordedRequest) -> Reply:
        """Return the reply to a request: that of the script, or a 404.

        Raises:
            Exception: A function of the user raised it, or returned something else than an answer.
        """
        script = self._scripts.get(request.path)
        if script is None:
            inner = "/".join(request.path.split("/")[3:])
            return Failure(404, f"Path /{inner} not found").reply()
        if isinstance(script, Reply):
            return script
        return to_reply("the answer of the script", script(request))


def path_of(endpoint_id: str, path: object = DEFAULT_PATH) -> str:
    """Return the path of an endpoint's streams.

    Args:
        endpoint_id: The endpoint, `owner/alias[/path]`.
        path: The part after the endpoint id. Default: `/stream`, unless the id ends in it.

    Raises:
        ConfigError: An argument can't be used.
    """
    return stream_url("", parse_endpoint_id(endpoint_id), path)


def alias_of(path: str) -> str | None:
    """Return the alias of the app that the path of a request is for, or None if there is none."""
    try:
        return parse_endpoint_id(path.removeprefix("/")).alias
    except ConfigError:
        return None
