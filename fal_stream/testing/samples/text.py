"""Samples of language models: all text so far in each chunk, or the deltas of OpenAI's protocol."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from fal_stream.errors import ConfigError
from fal_stream.testing.checks import describe
from fal_stream.testing.helpers import DONE
from fal_stream.testing.samples.pauses import with_pauses
from fal_stream.testing.steps import Ping

__all__ = ["chat_completion", "tokens"]

_WORD = re.compile(r"\S+\s*|\s+")


def tokens(
    text: str,
    pause: float = 0.02,
    *,
    reasoning: str | None = None,
    usage: Mapping[str, Any] | None = None,
) -> list[Any]:
    """Create the stream of a language model that writes a text word by word.

    The format is that of `fal-ai/any-llm` in fal's documentation: each chunk has all text so far.

    Args:
        text: The whole text.
        pause: Seconds between two chunks.
        reasoning: A text that grows in `reasoning` before the answer begins. Default None: the
            chunks have no such field.
        usage: The `usage` of the last chunk. Default None: no such field.

    Returns:
        Steps with the chunks `{"output": ..., "partial": True}`; the last says False.

    Raises:
        ConfigError: A text is not a string, the usage not a mapping, or the pause not a number of
            seconds.
    """
    words = _growing("text", text)
    chunks: list[dict[str, Any]] = [{"output": output, "partial": True} for output in words]
    if reasoning is not None:
        thoughts = _growing("reasoning", reasoning)
        before = [{"output": "", "reasoning": part, "partial": True} for part in thoughts]
        chunks = before + [{**chunk, "reasoning": reasoning} for chunk in chunks]
    chunks[-1]["partial"] = False
    if usage is not None:
        if not isinstance(usage, Mapping):
            raise ConfigError(f"usage is {describe(usage)}; give a mapping, such as {{'cost': 0}}")
        chunks[-1]["usage"] = dict(usage)
    return with_pauses(chunks, pause)


def chat_completion(
    text: str,
    pause: float = 0.02,
    *,
    reasoning: str | None = None,
    model: str = "demo/language-model",
) -> list[Any]:
    """Create the stream of an endpoint with OpenAI's protocol (chat completions).

    A comment comes first, as from `openrouter/router/openai/v1/chat/completions`, then the
    deltas, a chunk with `usage` and without choices, and `[DONE]`.

    Args:
        text: The whole text.
        pause: Seconds between two events.
        reasoning: A text that is sent as deltas of `reasoning` before the answer. Default None:
            there is none.
        model: The `model` of the chunks.

    Returns:
        Steps with the chunks `{"choices": [{"delta": {"content": ...}}], ...}`.

    Raises:
        ConfigError: A text is not a string, or the pause not a number of seconds.
    """
    thoughts = [] if reasoning is None else _words("reasoning", reasoning)
    words = _words("text", text)
    frame = {
        "id": "gen-0001",
        "object": "chat.completion.chunk",
        "created": 1_750_000_000,
        "model": model,
    }
    deltas: list[dict[str, Any]] = [{"role": "assistant", "content": ""}]
    deltas += [{"content": "", "reasoning": word} for word in thoughts]
    deltas += [{"content": word} for word in words]
    choices: list[dict[str, Any]] = [
        {"index": 0, "delta": delta, "finish_reason": None} for delta in deltas
    ]
    choices.append({"index": 0, "delta": {}, "finish_reason": "stop"})
    usage = {
        "prompt_tokens": 8,
        "completion_tokens": len(thoughts) + len(words),
        "total_tokens": 8 + len(thoughts) + len(words),
    }
    chunks: list[dict[str, Any]] = [{**frame, "choices": [choice]} for choice in choices]
    chunks.append({**frame, "choices": [], "usage": usage})
    return with_pauses([Ping("OPENROUTER PROCESSING"), *chunks, DONE], pause)


def _words(argument: str, text: object) -> list[str]:
    if not isinstance(text, str):
        raise ConfigError(f"{argument} is {describe(text)}; give a string")
    return _WORD.findall(text)


def _growing(argument: str, text: str) -> list[str]:
    """Return the prefixes of a text that end with a word; at least one."""
    parts: list[str] = []
    end = 0
    for word in _words(argument, text) or [""]:
        end += len(word)
        parts.append(text[:end])
    return parts
