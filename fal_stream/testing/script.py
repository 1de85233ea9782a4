"""The script of an endpoint: a response, steps, or a function that returns one of them.

Promises: a script that can't answer every request raises an error when it is set. Not here: the
responses (`reply`), and sending (`player`).
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
"""The answer to one request."""

Script: TypeAlias = Answer | Callable[[RecordedRequest], Answer]
"""The answer to each request of an endpoint."""

RouteScript: TypeAlias = Answer | Callable[[RecordedRequest], Answer | None]
"""The answer to each request of a route; for None, the server answers as without the route."""

CheckedScript: TypeAlias = Reply | Callable[[RecordedRequest], object]
"""A script that can answer every request."""


def check_script(script: object) -> CheckedScript:
    """Check that a script can answer every request, and return it as a reply or a function.

    Raises:
        ConfigError: The script is of an unknown type, or can answer only one request.
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
    """Return the reply for an answer, which may be a reply, a failure, or steps.

    Args:
        argument: The name of the argument, for the message.
        answer: The answer.

    Raises:
        ConfigError: It is none of these, or contains a step that can't be played.
    """
    if isinstance(answer, Reply):
        return answer
    if isinstance(answer, Failure):
        return answer.reply()
    check_plain_result(argument, answer)
    check_steps(argument, answer)
    assert isinstance(answer, Iterable)
    return Reply(answer)
