from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest

from fal_stream.errors import ConfigError
from fal_stream.testing import (
    Cut,
    Event,
    Failure,
    Hang,
    LocalFal,
    Pause,
    Ping,
    Raw,
    Reply,
    Wire,
    audio,
    chat_completion,
    image_frames,
    image_progress,
    partial_images,
    speech,
    tokens,
    with_logs,
    workflow,
)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Pause(-1), "seconds is -1; give 0 or more"),
        (lambda: Pause(math.inf), r"seconds is inf; .*use Hang\(\)"),
        (lambda: Pause(math.nan), "seconds is nan"),
        (lambda: Pause(as_any("1")), "seconds is '1'; give a number"),
        (lambda: Pause(True), "seconds is True; give a number"),
        (lambda: Event(as_any(1)), "data is 1; .*leave Event out"),
        (lambda: Event("\ud800"), "data has a lone surrogate at 0"),
        (lambda: Event("", event="a\nb"), r"event is 'a\\nb'; it must be one line"),
        (lambda: Event("", id="a\rb"), r"id is 'a\\rb'"),
        (lambda: Event("", id=as_any(7)), "id is 7; give a string"),
        (lambda: Event("", retry=-1), "retry is -1; give a whole number"),
        (lambda: Event("", retry=as_any(1.5)), "retry is 1.5"),
        (lambda: Ping("a\nb"), "comment is"),
        (lambda: Raw(as_any("x")), "data is 'x'; give bytes"),
        (lambda: Wire(as_any("x")), "data is 'x'; give bytes"),
        (lambda: Cut(partial=as_any("x")), "partial is 'x'; give bytes"),
        (lambda: Cut(in_chunk=False, partial=b"x"), "partial is given with in_chunk=False"),
        (lambda: Reply([b"x"]), r"a step is b'x' in an event stream; give Raw"),
        (lambda: Reply([1], content_type="audio/wav"), "a step is 1 in a reply that is no event"),
        (lambda: Reply([Ping()], content_type="audio/wav"), "no event stream; give bytes"),
        (lambda: Reply([Hang]), r"a step is the class Hang; give Hang\(\.\.\.\)"),
        (lambda: Reply([object()]), "a chunk is <object object .*, which isn't JSON"),
        (lambda: Reply([nested(100_000)]), "which isn't JSON"),
        (lambda: Reply(as_any({"a": 1})), r"steps is {'a': 1}; give a list, .*\[chunk\]"),
        (lambda: Reply(as_any(1)), "steps is 1; give a list of steps"),
        (lambda: Reply(status=199), "status is 199; give an HTTP status from 200 to 599"),
        (lambda: Reply(framing=as_any("none")), "framing is 'none'; give 'chunked', "),
        (lambda: Reply(delay=-1), "delay is -1"),
        (lambda: Reply(head=as_any("x")), "head is 'x'; give bytes"),
        (lambda: Reply.json(object()), "value is <object .*, which isn't JSON"),
        (lambda: Reply.json(nested(100_000)), "value is a list, which isn't JSON"),
        (lambda: Reply.json(1, 199), "status is 199"),
        (lambda: Reply.json(1, headers={"a": "b\n"}), r"headers\['a'\] is 'b\\n'"),
        (lambda: Reply(headers={"a": "b\r\nc"}), r"headers\['a'\] is 'b\\r\\nc'"),
        (lambda: Reply(headers={"é": "b"}), "headers is 'é'; give ASCII"),
        (lambda: Reply(content_type="a\nb"), "content_type is"),
        (lambda: Failure(200), "status is 200; give an HTTP status from 400"),
        (lambda: Failure(500, object()), "detail is <object .*, which isn't JSON"),
        (lambda: Failure(500, body=as_any({})), "body is {}; give bytes or text"),
        (lambda: Failure(500, delay=-1), "delay is -1"),
        (lambda: tokens(as_any(1)), "text is 1; give a string"),
        (lambda: tokens("", pause=-1), "pause is -1"),
        (lambda: image_frames(count=0), "count is 0; give a whole number, 1 or more"),
        (lambda: image_frames(size=as_any(1.5)), "size is 1.5"),
        (lambda: audio(-1), "seconds is -1"),
        (lambda: tokens("", reasoning=as_any(1)), "reasoning is 1; give a string"),
        (lambda: tokens("", usage=as_any([1])), r"usage is \[1\]; give a mapping"),
        (lambda: chat_completion(as_any(None)), "text is None; give a string"),
        (lambda: image_frames(images=0), "images is 0; give a whole number"),
        (lambda: image_progress(prompt=as_any(1)), "prompt is 1; give a string"),
        (lambda: partial_images(-1), "count is -1; give a whole number, 0 or more"),
        (lambda: partial_images(nested=as_any(1)), "nested is 1; give True or False"),
        (lambda: speech(math.inf), "seconds is inf"),
        (lambda: workflow(nodes=as_any(["a"])), r"nodes is \['a'\]; give a mapping"),
        (lambda: workflow(failed="c"), r"failed names the node 'c'; there are \['prompt'"),
        (lambda: workflow(results={"c": 1}), "results names the node 'c'"),
        (lambda: workflow(object()), "output, nodes or results is .*, which isn't JSON"),
        (lambda: with_logs(as_any({"a": 1})), r"steps is {'a': 1}; give a list"),
        (lambda: with_logs([], as_any("Loading")), "messages is 'Loading'; give a list"),
        (lambda: with_logs([], ["a\nb"]), r"messages is 'a\\nb'; it must be one line"),
        (lambda: with_logs([], queue_position=-1), "queue_position is -1"),
        (lambda: LocalFal().add("acme/app", [], path="a b"), "path='a b' is not the path"),
        (lambda: LocalFal().add("acme/app", [], path="/a?b"), "a query goes into the query_params"),
        (lambda: LocalFal().add("acme/app", [], path="/../b"), "path='/../b' is not the path"),
        (lambda: LocalFal().requests_to("acme/app", path=as_any(1)), "path=1 is not the path"),
        (lambda: LocalFal(key=""), "key is no printable ASCII"),
        (lambda: LocalFal(key="pass\nword"), "key is no printable ASCII"),
        (lambda: LocalFal(port=65536), "port is 65536"),
    ],
)
def test_a_bad_argument_is_named(make: Callable[[], object], message: str) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        make()
    assert "word" not in str(caught.value)


def as_any(value: object) -> Any:
    return value


def nested(depth: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize(
    "endpoint_id",
    [
        "",
        "acme",
        "acme/",
        "/acme/app",
        "acme//app",
        "acme/app/",
        "acme/../app",
        "acme/a b",
        "acme/app?x",
        "acme/app#x",
        "acme/%2f",
        "acme\\app",
        "http://acme/app",
        "workflows/acme",
        "comfy/acme",
        "acme/ä",
        "acme/app\n",
        "acme/.app",
        "acme/-app",
        "acme-app",
        "12345-",
        None,
        b"acme/app",
    ],
)
def test_a_bad_endpoint_id_is_refused(endpoint_id: Any) -> None:
    with pytest.raises(ConfigError, match=r"endpoint_id=.* is not .*: give owner/alias\[/path\]"):
        LocalFal().add(endpoint_id, [1])


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ((n for n in range(3)), "which can be read once only; give a list, or a function"),
        (Reply(n for n in range(3)), "which can be read once only"),
        ({"output": "x"}, r"script is {'output': 'x'}; give a list"),
        ("text", "script is 'text'; give a list"),
        (b"bytes", "script is b'bytes'; give a list"),
        (None, "script is None; give a list of steps, a Reply or a Failure"),
        (Hang, "script is <class .*Hang'>; give a list of steps"),
        (Hang(), r"script is Hang\(\); give a list of steps"),
        ([b"x"], "a step is b'x' in an event stream"),
    ],
)
def test_a_bad_script_is_refused(script: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        LocalFal().add("acme/app", script)
