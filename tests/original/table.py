"""Writes the table of `docs/guides/from-javascript.md` from the scenarios.

Usage: `python -m tests.original.table [--check]` in the root of the project. The text between the
markers is replaced; `--check` writes nothing, and fails where it is not what would be written.

Leaves to others: whether the scenarios are true (`test_original`).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tests.docs.generated_parts import GeneratedPart
from tests.original.catalogue import GROUPS
from tests.original.catalogue.parts import BOTH
from tests.original.scenario import HANGS, Gives, Raised, Scenario, Seen, Sent, plain

__all__ = ["PART", "generated"]

_LONGEST = 60
_MANY = 8

_ENDS_BY = {"gone": "the server notices the disconnect", "finished": "the server sends all"}


def generated() -> str:
    """Write the table.

    Returns:
        Markdown: for each group of scenarios a heading and a table.
    """
    return "\n".join(line for group in GROUPS for line in _group(group))


def _group(title: str) -> Iterator[str]:
    yield f"### {title}\n"
    yield "| scenario | `@fal-ai/client` | fal_stream | why it differs |"
    yield "| --- | --- | --- | --- |"
    for scenario in GROUPS[title]:
        theirs = _cell(scenario, scenario.original)
        ours = "the same" if scenario.ours is None else _cell(scenario, scenario.ours)
        yield f"| {scenario.name} | {theirs} | {ours} | {scenario.reason} |"
    yield ""


def _cell(scenario: Scenario, seen: Seen) -> str:
    return "; ".join(_parts(scenario, seen)).replace("|", "\\|")


def _parts(scenario: Scenario, seen: Seen) -> Iterator[str]:
    whole, usual = seen.whole(), Seen(seen.chunks, seen.ending, seen.done).whole()
    differs_elsewhere = seen.sent != (Sent(),) or bool(seen.facts)
    if seen.heard == () and isinstance(seen.ending, Raised):
        yield f"`stream()` raises {_error(seen.ending)}"
    elif not (differs_elsewhere and usual == Seen(BOTH).whole()):
        yield from _run(whole)
    is_heard = not isinstance(seen.ending, Raised) and seen.ending != "not read"
    if is_heard and whole.heard != usual.heard:
        yield f"listeners get {_heard(whole)}"
    if seen.unhandled:
        yield "an unhandled rejection"
    if seen.sent != (Sent(),) and (seen.sent or not isinstance(seen.ending, Raised)):
        yield f"sends {', then '.join(map(_request, seen.sent)) or 'nothing'}"
    yield from _facts(seen.facts)


def _run(whole: Seen) -> Iterator[str]:
    if whole.ending == "not read":
        assert isinstance(whole.done, Gives)
        yield f"gives {_code(whole.done.value)}"
        return
    chunks = f"{len(whole.chunks)} chunks"
    if len(whole.chunks) <= _MANY:
        chunks = ", ".join(map(_code, whole.chunks)) or "no chunk"
    ending = whole.ending if isinstance(whole.ending, str) else f"raises {_error(whole.ending)}"
    yield f"{chunks}, {ending}"
    last = whole.chunks[-1] if whole.chunks else None
    if whole.done == HANGS:
        yield "`done()` hangs"
    elif isinstance(whole.done, Raised) and whole.done != whole.ending:
        yield f"`done()` raises {_error(whole.done)}"
    elif isinstance(whole.done, Gives) and _code(whole.done.value) != _code(last):
        yield f"`done()` gives {_code(whole.done.value)}"


def _heard(whole: Seen) -> str:
    heard = [
        f"`{kind}`" if kind in ("error", "done") else f"`{kind}` {_code(value)}"
        for kind, value in whole.heard or ()
    ]
    return ", ".join(heard) or "nothing" if len(heard) <= _MANY else "all of them"


def _error(error: Any) -> str:
    text = f"`{error.name}`"
    if error.status is not None:
        text += f" {error.status}"
    if error.body is not None:
        text += f" with {_code(error.body)}"
    if error.fields:
        text += f", {len(error.fields)} field error"
    if error.user_timeout:
        text += ", caused by the user's own timeout"
    return text


def _request(sent: Sent) -> str:
    if sent.path == "/storage/upload/initiate":
        kind, name = sent.body["content_type"], sent.body["file_name"]
        settings = [f"`{field}: {value}`" for field, value in sent.headers.items()]
        return " with ".join([f"`{sent.method} {sent.path}` for `{name}` of `{kind}`", *settings])
    query = "&".join(f"{name}={value}" for name, value in sent.query.items())
    parts = [f"`{sent.method} {sent.path}{'?' if query else ''}{query}`"]
    usual = Sent()
    if sent.body is None:
        parts.append("without a body")
    elif sent.body != usual.body or isinstance(sent.body, (bool, int)):
        parts.append(f"with {_code(sent.body)}")
    if sent.authorization is None:
        parts.append("without the key")
    elif sent.authorization != usual.authorization:
        parts.append(f"as `{sent.authorization}`")
    if sent.content_type is None and sent.body is not None:
        parts.append("without a type")
    elif sent.content_type is not None and sent.body is None:
        parts.append(f"but of type `{sent.content_type}`")
    parts += [f"`{name}: {value}`" for name, value in sent.headers.items()]
    return " ".join([parts[0], ", ".join(parts[1:])]).strip()


def _facts(facts: Mapping[str, Any]) -> Iterator[str]:
    for name, value in facts.items():
        if name == "end":
            yield _ENDS_BY[value]
        elif name == "calls":
            yield "called once" if len(value) == 1 else f"called {len(value)} times"
        elif name == "again":
            yield f"the second iteration {value[1]}"
        elif name == "done again":
            yield f"`done()` gives {_code(value.value)} again"
        elif name == "other":
            yield f"the other iteration gets {', '.join(map(_code, value))}"
        elif name == "order":
            yield f"called in order: {', '.join(which for which, _ in value)}"
        else:
            shown = value if isinstance(value, str) else _code(value)
            yield f"{name}: {shown}"


def _code(value: Any) -> str:
    if isinstance(value, bytes):
        return f"{len(value)} bytes"
    text = json.dumps(plain(value), ensure_ascii=False).encode("utf-8", "backslashreplace").decode()
    if len(text) > _LONGEST:
        text = f"{text[: _LONGEST // 2]}... ({len(text):,} characters)"
    return f"`{text}`"


PART = GeneratedPart(
    Path(__file__).resolve().parents[2] / "docs" / "guides" / "from-javascript.md",
    "tests.original.table",
    "tests/original/catalogue",
    generated,
)

if __name__ == "__main__":
    PART.main()
