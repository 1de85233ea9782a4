"""The requests of an upload, and what is made of the answers."""

from __future__ import annotations

import pickle
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fal_stream._shared.upload_protocol import (
    MAX_SINGLE,
    PART_SIZE,
    UploadedPart,
    UploadTarget,
    check_initiated,
    check_part,
    complete_url,
    completion,
    initiate_url,
    part_url,
    split,
)

MIB = 1024 * 1024
UPLOAD = "https://v3.fal.media/upload/a.png?X-Sig=s%2Fe%20c+r&x="
FILE = "https://v3.fal.media/files/a.png"


def initiated(**more: Any) -> dict[str, Any]:
    return {"upload_url": UPLOAD, "file_url": FILE, **more}


def test_an_upload_is_not_pickled() -> None:
    with pytest.raises(TypeError) as caught:
        pickle.dumps(UploadTarget(UPLOAD, FILE))
    assert (
        str(caught.value)
        == "An upload can't be pickled, because its URL is signed: begin a new one"
    )


def test_where_it_is_asked() -> None:
    assert initiate_url("https://rest.fal.ai", in_parts=False) == (
        "https://rest.fal.ai/storage/upload/initiate?storage_type=fal-cdn-v3"
    )
    assert initiate_url("http://127.0.0.1:8000/x", in_parts=True) == (
        "http://127.0.0.1:8000/x/storage/upload/initiate-multipart?storage_type=fal-cdn-v3"
    )


def test_sizes() -> None:
    assert (MAX_SINGLE, PART_SIZE) == (90 * MIB, 10 * MIB)
    assert split(0) == []
    assert split(1) == [(1, 0, 1)]
    assert split(10 * MIB) == [(1, 0, 10 * MIB)]
    assert split(10 * MIB + 1) == [(1, 0, 10 * MIB), (2, 10 * MIB, 1)]
    parts = split(90 * MIB + 1)
    assert (len(parts), parts[-1]) == (10, (10, 90 * MIB, 1))


def checked(answer: object) -> UploadTarget:
    """Check an answer of a storage elsewhere."""
    return check_initiated(answer, is_local=False)


@given(st.integers(1, 2**40))
def test_parts_cover_the_file(size: int) -> None:
    parts = split(size)
    assert [part.number for part in parts] == list(range(1, len(parts) + 1))
    assert [part.offset for part in parts] == list(range(0, size, PART_SIZE))
    assert {part.length for part in parts[:-1]} <= {PART_SIZE}
    assert 0 < parts[-1].length <= PART_SIZE
    assert sum(part.length for part in parts) == size


def test_an_answer() -> None:
    target = checked(initiated(more=1))
    assert (target.upload_url, target.file_url) == (UPLOAD, FILE)
    assert "Sig" not in repr(target)


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:8000/a?b",
        "http://localhost/a",
        "http://[::1]:1/a",
        "HTTPS://elsewhere.example/",
        "https://elsewhere.example:8443?a=b#c",
    ],
)
def test_addresses(url: str) -> None:
    target = check_initiated({"upload_url": url, "file_url": url}, is_local=True)
    assert (target.upload_url, target.file_url) == (url, url)


@pytest.mark.parametrize("name", ["upload_url", "file_url"])
@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1:22",
        "127.8.8.8",
        "localhost",
        "LOCALHOST.",
        "files.localhost",
        "localhost.localdomain",
        "0.0.0.0:8000",
        "127.1",
        "0",
        "2130706433",
        "0x7f.1",
        "017700000001",
        "[::1]:8000",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[0:0:0:0:0:0:0:1]",
    ],
)
def test_no_storage_elsewhere_sends_files_here(name: str, host: str) -> None:
    for scheme in ("http", "https"):
        url = f"{scheme}://{host}/SECRET"
        with pytest.raises(ValueError, match=f"^{name} is on .*, this machine, and the") as caught:
            checked(initiated(**{name: url}))
        assert "SECRET" not in str(caught.value)


def test_other_addresses_are_those_of_others() -> None:
    for host in (
        "10.0.0.1",
        "128.0.0.1",
        "[fe80::1]",
        "0x.example",
        "localhost.example",
        "1.2.3.4",
    ):
        assert checked(initiated(upload_url=f"https://{host}/")).upload_url == f"https://{host}/"


def test_the_files_own_address_may_have_any_name_in_it() -> None:
    url = "https://v3.fal.media/files/Лиса im Wald {1}|^.png"
    assert checked(initiated(file_url=url)).file_url == url
    with pytest.raises(ValueError, match=r"^upload_url is not an absolute http address"):
        checked(initiated(upload_url=url))


NO_ADDRESS = "is not an absolute http address without user and password"


@pytest.mark.parametrize("name", ["upload_url", "file_url"])
@pytest.mark.parametrize(
    ("value", "message"),
    [
        (None, "is missing in the answer"),
        (7, "is of type int in the answer"),
        ([UPLOAD], "is of type list in the answer"),
        ("", NO_ADDRESS),
        ("/files/SECRET", NO_ADDRESS),
        ("//host/SECRET", NO_ADDRESS),
        ("ftp://host/SECRET", NO_ADDRESS),
        ("file:///etc/SECRET", NO_ADDRESS),
        ("data:text/plain,SECRET", NO_ADDRESS),
        ("https://user:SECRET@host/", NO_ADDRESS),
        ("https://SECRET@host/", NO_ADDRESS),
        ("https://host\\@evil/SECRET", NO_ADDRESS),
        ("https:///SECRET", NO_ADDRESS),
        ("https://ho st/SECRET", NO_ADDRESS),
        ("https://host:0/SECRET", NO_ADDRESS),
        ("https://host:99999/SECRET", NO_ADDRESS),
        ("https://[host/SECRET", NO_ADDRESS),
        ("http://fal.media/SECRET?SECRET", "is on fal.media without https"),
        ("http://127.0.0.1.evil.example/SECRET", "is on 127.0.0.1.evil.example without https"),
        ("http://169.254.169.254/SECRET", "is on 169.254.169.254 without https"),
        ("https://host/" + "SECRET" * 3000, "has 18,013 characters, more than 16,384"),
    ],
)
def test_what_is_no_address(name: str, value: Any, message: str) -> None:
    with pytest.raises(ValueError, match=rf"^{name} {re.escape(message)}$") as caught:
        checked(initiated(**{name: value}))
    assert "SECRET" not in str(caught.value)
    assert caught.value.__context__ is None


@pytest.mark.parametrize("mark", ["\r\n", "\0", "\x7f", "\u2028", "\ud800"])
def test_control_characters(mark: str) -> None:
    with pytest.raises(ValueError, match=rf"^upload_url {NO_ADDRESS}$"):
        checked(initiated(upload_url=f"https://host/a{mark}X: y"))
    with pytest.raises(ValueError, match=r"^file_url has a control character in it$"):
        checked(initiated(file_url=f"https://host/a{mark}X: y"))


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (None, "the answer is missing instead of a JSON object"),
        ([initiated()], "the answer is of type list instead of a JSON object"),
        ("https://a/b", "the answer is of type str instead of a JSON object"),
        ({}, "upload_url is missing in the answer"),
        ({"upload_url": UPLOAD}, "file_url is missing in the answer"),
        ({"detail": "no"}, "upload_url is missing in the answer"),
    ],
)
def test_what_is_no_answer(answer: Any, message: str) -> None:
    with pytest.raises(ValueError, match=f"^{message}$"):
        checked(answer)


@pytest.mark.parametrize(
    ("url", "part", "complete"),
    [
        (
            UPLOAD,
            "https://v3.fal.media/upload/a.png/12?X-Sig=s%2Fe%20c+r&x=",
            "https://v3.fal.media/upload/a.png/complete?X-Sig=s%2Fe%20c+r&x=",
        ),
        ("https://h:1/a", "https://h:1/a/12", "https://h:1/a/complete"),
        ("https://h/a/?b", "https://h/a//12?b", "https://h/a//complete?b"),
        ("https://h?b", "https://h//12?b", "https://h//complete?b"),
        ("https://h", "https://h//12", "https://h//complete"),
        ("https://h/a?", "https://h/a/12", "https://h/a/complete"),
        ("https://h/a?b?c/d#e?f", "https://h/a/12?b?c/d", "https://h/a/complete?b?c/d"),
        ("https://h/a#e?f", "https://h/a/12", "https://h/a/complete"),
    ],
)
def test_addresses_of_parts(url: str, part: str, complete: str) -> None:
    # As URL of JavaScript gives `${origin}${pathname}/12${search}`.
    assert part_url(url, 12) == part
    assert complete_url(url) == complete


def test_the_answer_to_a_part() -> None:
    assert check_part({"etag": '"a"', "partNumber": 3, "more": 1}, 3) == (3, '"a"')


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ("x", "the answer is of type str instead of a JSON object"),
        ({"etag": "a"}, "partNumber is missing in the answer to part 1"),
        ({"etag": "a", "partNumber": 2}, "partNumber is 2 in the answer to part 1"),
        ({"etag": "a", "partNumber": "1"}, "partNumber is of type str in the answer to part 1"),
        ({"etag": "a", "partNumber": True}, "partNumber is True in the answer to part 1"),
        ({"partNumber": 1}, "etag is missing in the answer"),
        ({"partNumber": 1, "etag": ""}, "etag is empty in the answer"),
        ({"partNumber": 1, "etag": 5}, "etag is of type int in the answer"),
        ({"partNumber": 1, "etag": "x" * 2000}, "etag has 2,000 characters, more than 1,024"),
    ],
)
def test_what_is_no_answer_to_a_part(answer: Any, message: str) -> None:
    with pytest.raises(ValueError, match=f"^{message}$"):
        check_part(answer, 1)


def test_the_parts_are_put_together_in_order() -> None:
    parts = [UploadedPart(10, "z"), UploadedPart(2, '"ü"'), UploadedPart(1, "b")]
    assert completion(parts).decode() == (
        '{"parts":[{"partNumber":1,"etag":"b"},{"partNumber":2,"etag":"\\"\\u00fc\\""},'
        '{"partNumber":10,"etag":"z"}]}'
    )


def test_what_is_just_short_enough_is_taken() -> None:
    url = "https://host/"
    url += "x" * (16_384 - len(url))
    assert checked(initiated(upload_url=url)).upload_url == url
    assert check_part({"partNumber": 1, "etag": "x" * 1_024}, 1).etag == "x" * 1_024
