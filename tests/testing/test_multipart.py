from __future__ import annotations

import json
from typing import Any

import pytest

from fal_stream.testing import LocalFal
from tests.testing.rest_client import Begun, begin


@pytest.fixture
def begun(fal: LocalFal) -> Begun:
    return begin(fal, "big.bin", "application/x", lifecycle='{"initial_acl": 1}', in_parts=True)


def test_parts_are_joined_in_the_order_of_their_numbers(fal: LocalFal, begun: Begun) -> None:
    contents = {3: b"ccc", 1: b"a", 10: b"j", 2: b""}
    contents |= {n: str(n).encode() for n in range(4, 10)}
    parts = [begun.send_part(number, content) for number, content in contents.items()]
    assert fal.uploads == []
    assert begun.get().status == 404
    assert begun.complete(parts).status == 200
    content = b"accc456789j"
    answer = begun.get()
    assert (answer.body, answer.headers["content-type"]) == (content, "application/x")
    (upload,) = fal.uploads
    assert (upload.content, upload.parts) == (content, 10)
    assert (upload.file_name, upload.lifecycle) == ("big.bin", {"initial_acl": 1})


def test_a_part_that_is_sent_again_replaces_the_first(fal: LocalFal, begun: Begun) -> None:
    first = begun.send_part(1, b"old")
    second = begun.send_part(1, b"new")
    assert first["etag"] != second["etag"]
    assert begun.complete([first]).status == 400
    assert begun.complete([second]).status == 200
    assert fal.uploads[0].content == b"new"


def test_the_same_part_has_the_same_etag(begun: Begun) -> None:
    assert begun.send_part(1, b"same") == begun.send_part(1, b"same")


def test_a_completion_can_be_sent_again(fal: LocalFal, begun: Begun) -> None:
    parts = [begun.send_part(1, b"a"), begun.send_part(2, b"b")]
    assert begun.complete(parts).status == 200
    assert begun.complete(reversed(parts)).status == 200
    assert begun.complete(parts[:1]).status == 400
    assert [upload.content for upload in fal.uploads] == [b"ab"]


def test_nothing_is_added_to_a_complete_file(fal: LocalFal, begun: Begun) -> None:
    begun.complete([begun.send_part(1, b"a")])
    answer = begun.send(rest="/1", body=b"b")
    assert (answer.status, answer.json()) == (
        400,
        {"detail": "The upload is complete; no part can be added"},
    )
    assert fal.uploads[0].content == b"a"


@pytest.mark.parametrize(
    ("change", "detail"),
    [
        (lambda a, b: [], "There are no parts"),
        (lambda a, b: [a], "Part 2 was uploaded and is missing in the list"),
        (lambda a, b: [b], "Part 1 is missing"),
        (lambda a, b: [a, b, a], "Part 1 is given twice"),
        (lambda a, b: [a, a], "Part 1 is given twice"),
        (lambda a, b: [a, b, {**b, "partNumber": 3}], "Part 3 has not been uploaded"),
        (lambda a, b: [a, {**b, "partNumber": -1}], "Part -1 has not been uploaded"),
        (lambda a, b: [a, {**b, "etag": a["etag"]}], "The ETag of part 2 is wrong"),
        (lambda a, b: [a, {**b, "etag": ""}], "The ETag of part 2 is wrong"),
        (lambda a, b: [a, {**b, "etag": f'"{b["etag"]}"'}], "The ETag of part 2 is wrong"),
    ],
)
def test_a_wrong_list_of_parts_is_refused(
    fal: LocalFal, begun: Begun, change: Any, detail: str
) -> None:
    parts = begun.send_part(1, b"first"), begun.send_part(2, b"second")
    answer = begun.complete(change(*parts))
    assert (answer.status, answer.json()) == (400, {"detail": detail})
    assert fal.uploads == []
    assert begun.complete(parts).status == 200
    assert fal.uploads[0].content == b"firstsecond"


def test_a_gap_is_refused(begun: Begun) -> None:
    parts = [begun.send_part(1, b"a"), begun.send_part(3, b"c")]
    assert begun.complete(parts).json() == {"detail": "Part 2 is missing"}


@pytest.mark.parametrize(
    ("body", "loc", "type"),
    [
        (b"", ["body"], "json_invalid"),
        ([], ["body"], "model_type"),
        ({}, ["body", "parts"], "missing"),
        ({"parts": [{"etag": "x"}]}, ["body", "parts", 0, "partNumber"], "missing"),
        (
            {"parts": [{"partNumber": "1", "etag": "x"}]},
            ["body", "parts", 0, "partNumber"],
            "int_type",
        ),
        ({"parts": [{"partNumber": 1, "etag": 1}]}, ["body", "parts", 0, "etag"], "string_type"),
    ],
)
def test_what_is_no_list_of_parts_is_refused(
    begun: Begun, body: Any, loc: list[Any], type: str
) -> None:
    answer = begun.send("POST", "/complete", body if body == b"" else json.dumps(body))
    assert answer.status == 422
    (error,) = answer.json()["detail"]
    assert (error["loc"], error["type"]) == (loc, type)


@pytest.mark.parametrize("number", ["0", "10001", "999999999"])
def test_a_part_number_out_of_range_is_refused(begun: Begun, number: str) -> None:
    answer = begun.send(rest=f"/{number}", body=b"x")
    assert answer.status == 400
    assert answer.json()["detail"].startswith(f"Part {number} is out of range; ")


@pytest.mark.parametrize(
    "rest", ["", "/", "/x", "/-1", "/1/2", "/1.0", "/complete/", "/" + "1" * 99]
)
def test_what_is_no_part_is_not_found(begun: Begun, rest: str) -> None:
    assert begun.send(rest=rest, body=b"x").status == 404


@pytest.mark.parametrize(
    ("method", "rest", "allow"),
    [("POST", "/1", "PUT"), ("GET", "/1", "PUT"), ("PUT", "/complete", "POST")],
)
def test_another_method_is_refused(begun: Begun, method: str, rest: str, allow: str) -> None:
    answer = begun.send(method, rest, b"x")
    assert (answer.status, answer.headers["allow"]) == (405, allow)
