"""The web applications of the page on web frameworks, with visitors that stay and that leave."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from fal_stream.testing import Cut, Hang, LocalFal, Pause, RecordedRequest
from tests.docs.named_tests import ROOT
from tests.docs.web_apps import SECONDS, application, uvicorn_serving, visit, werkzeug_serving

PAGE = (ROOT / "docs" / "guides" / "web-frameworks.md").read_text(encoding="utf-8")
CODE = re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
(FASTAPI,) = [code for code in CODE if "from fastapi import" in code]
(FLASK,) = [code for code in CODE if "from flask import" in code]
ASK = "/ask?prompt=Hi"


def test_fastapi(environment: LocalFal) -> None:
    with uvicorn_serving(application(FASTAPI)) as port, visit(port, ASK) as visitor:
        events = visitor.read_body().decode().split("\n\n")
    assert json.loads(events[-2].removeprefix("data: "))["partial"] is False
    assert environment.requests[0].input == {"prompt": "Hi"}


def test_fastapi_whose_stream_breaks(environment: LocalFal) -> None:
    environment.add("fal-ai/any-llm", [{"output": "Once"}, Cut()])
    with uvicorn_serving(application(FASTAPI)) as port, visit(port, ASK) as visitor:
        first, second, _ = visitor.read_body().decode().split("\n\n")
    assert first == 'data: {"output": "Once"}'
    assert second.startswith("event: error\ndata: ")


def test_fastapi_whose_visitor_leaves(environment: LocalFal) -> None:
    environment.add("fal-ai/any-llm", [{"output": "Once"}, Hang()])
    with uvicorn_serving(application(FASTAPI)) as port:
        with visit(port, ASK) as visitor:
            visitor.read_until(b"Once")
        assert environment.requests[0].gone.wait(SECONDS)


def test_flask(environment: LocalFal) -> None:
    pytest.importorskip("flask")
    with werkzeug_serving(application(FLASK)) as port, visit(port, ASK) as visitor:
        events = visitor.read_body().decode().split("\n\n")
    assert json.loads(events[-2].removeprefix("data: "))["partial"] is False


def test_flask_whose_visitor_leaves(environment: LocalFal) -> None:
    pytest.importorskip("flask")

    def talk(request: RecordedRequest) -> Iterator[Any]:
        for number in itertools.count():
            yield {"output": f"word {number}"}
            yield Pause(0.02)

    environment.add("fal-ai/any-llm", talk)
    with werkzeug_serving(application(FLASK)) as port:
        with visit(port, ASK) as visitor:
            visitor.read_until(b"word 1")
        assert environment.requests[0].gone.wait(SECONDS)
