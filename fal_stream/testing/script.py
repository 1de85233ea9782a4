"""What answers each request of an endpoint: a response, steps, or a function that returns them.

Promises: a script that could not answer every request is refused when it is passed in. Elsewhere:
the responses (`reply`), sending (`player`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeAlias

from fal_stream._checks import check_plain_function, check_plain_result
from fal_stream.errors import ConfigError
from fal_stream.testing.reply import Failure, Reply, check_steps
from fal_stream.testing.request import RecordedRequest

__all__ = ["Answer", "CheckedScript", "RouteScript", "Script", "check_script", "to_reply"]

Answer: TypeAlias = Reply | Failure | Iterable[object]
"""What answers one request."""

Script: TypeAlias = Answer | Callable[[RecordedRequest], Answer]
"""What answers each request of an endpoint."""

RouteScript: TypeAlias = Answer | Callable[[RecordedRequest], Answer | None]
"""What answers each request of a route; None: the server answers as if there were no route."""

CheckedScript: TypeAlias = Reply | Callable[[RecordedRequest], object]
"""A script that can answer every request."""


def check_script(script: object) -> CheckedScript:
    """Refuse a script that cannot answer every request.

    Args:
        script: The script of an endpoint or a route.

    Returns:
        A reply, or a function that gives the answer.

    Raises:
        ConfigError: The script is of no known kind, or would serve a single request only.
    """
    if not isinstance(script, (Reply, Failure, Iterable, type)) and callable(script):
        check_plain_function("script", script)
        return script
    reply = to_reply("script", script)
    if isinstance(reply.steps, Iterator):
        raise ConfigError(
            f"script is {script!r}, which can be read once only; give a list, "
            "or a function of the request that makes a new generator each time"
        )
    return reply


def to_reply(argument: str, answer: object) -> Reply:
    """Make a reply of what answers a request.

    Args:
        argument: The name of the argument, for the message.
        answer: A reply, a failure, or steps.

    Returns:
        The reply.

    Raises:
        ConfigError: It is none of them, or holds a step that cannot be played.
    """
    if isinstance(answer, Reply):
        return answer
    if isinstance(answer, Failure):
        return answer.reply()
    check_plain_result(argument, answer)
    check_steps(argument, answer)
    assert isinstance(answer, Iterable)
    return Reply(answer)
