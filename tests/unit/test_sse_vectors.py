"""`SSEParser` on the cases of `tests/vectors`, whole, byte by byte and in two."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from fal_stream._shared.sse import SSEParser

CASES: list[dict[str, Any]] = json.loads(
    (Path(__file__).parents[1] / "vectors" / "sse_cases.json").read_text(encoding="utf-8")
)
NO_RETRY = -1


class GeneralWayParser(SSEParser):
    """Has every event read by `sseclient`."""

    _fast_path = False


def check(case: dict[str, Any], chunks: Iterable[bytes], parser: SSEParser) -> None:
    compare_retry = "retry-any" not in case.get("tags", [])
    events = [event for chunk in chunks for event in parser.feed(chunk)]
    found = [(event.event, event.data, event.id) for event in events]
    assert found == [(want["event"], want["data"], want["id"]) for want in case["expected"]]
    if compare_retry:
        assert [event.retry for event in events] == [want.get("retry") for want in case["expected"]]
    parser.close()
    if "final_id" in case:
        assert parser.last_event_id == case["final_id"]
    if "final_retry" in case and compare_retry:
        final_retry = NO_RETRY if parser.retry_ms is None else parser.retry_ms
        assert final_retry == case["final_retry"]


def test_all_cases_are_there() -> None:
    assert len(CASES) == len({case["name"] for case in CASES}) >= 66


@pytest.mark.parametrize("parser_class", [SSEParser, GeneralWayParser])
@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_case(case: dict[str, Any], parser_class: type[SSEParser]) -> None:
    stream = base64.b64decode(case["input_b64"])
    check(case, [stream], parser_class())
    check(case, [stream[i : i + 1] for i in range(len(stream))], parser_class())
    for cut in range(len(stream) + 1):
        check(case, [stream[:cut], stream[cut:]], parser_class())
