from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest

from fal_stream.errors import ConfigError
from fal_stream.testing import LocalFal, Upload
from tests.testing.raw_client import RawClient, fetch
from tests.testing.rest_client import INITIATE, INITIATE_MULTIPART, begin

GOOD = {"content_type": "image/png", "file_name": "fox.png"}


def test_a_file_is_uploaded_and_fetched(fal: LocalFal) -> None:
    begun = begin(fal)
    assert begun.upload_url.startswith(f"{fal.url}/storage/upload/")
    assert begun.file_url.startswith(f"{fal.url}/files/")
    assert begun.file_url.endswith("fox.png")
    answer = begun.send(body=b"\x89PNG")
    assert (answer.status, answer.body) == (200, b"")
    fetched = begun.get()
    assert (fetched.status, fetched.body) == (200, b"\x89PNG")
    assert fetched.headers["content-type"] == "image/png"
    assert fetched.headers["content-length"] == "4"


def test_what_the_test_sees_of_an_upload(fal: LocalFal) -> None:
    begun = begin(fal, "fox.png", "image/png", lifecycle='{"expiration_duration_seconds": 60}')
    begun.send(body=b"\x89PNG")
    (upload,) = fal.uploads
    assert upload == Upload(
        file_url=begun.file_url,
        file_name="fox.png",
        content_type="image/png",
        content=b"\x89PNG",
        lifecycle={"expiration_duration_seconds": 60},
        parts=0,
    )
    assert fal.upload(begun.file_url) is upload
    assert repr(upload) == "<Upload 'fox.png' image/png, 4 bytes>"
    assert {upload: 1}[upload] == 1
    assert upload.content is fal.requests[-1].body


def test_uploads_stand_in_the_order_of_their_completion(fal: LocalFal) -> None:
    first, second, third = (begin(fal, name) for name in ("1", "2", "3"))
    second.send(body=b"b")
    assert [upload.file_name for upload in fal.uploads] == ["2"]
    third.send(body=b"c")
    first.send(body=b"a")
    second.send(body=b"B")
    assert [(u.file_name, u.content) for u in fal.uploads] == [
        ("2", b"B"),
        ("3", b"c"),
        ("1", b"a"),
    ]


def test_a_file_is_not_there_before_it_is_complete(fal: LocalFal) -> None:
    begun = begin(fal)
    assert begun.get().status == 404
    with pytest.raises(ConfigError, match=r"file_url is '.*fox.png'; give .* \(this server has 0"):
        fal.upload(begun.file_url)
    with pytest.raises(ConfigError) as caught:
        fal.upload(begun.upload_url)
    assert "signature" not in str(caught.value)
    begun.send(body=b"x")
    assert begun.get().status == 200


def test_an_interrupted_upload_leaves_nothing(fal: LocalFal) -> None:
    begun = begin(fal)
    target = begun.upload_url.removeprefix(fal.url)
    with RawClient(fal) as client:
        client.socket.sendall(f"PUT {target} HTTP/1.1\r\ncontent-length: 9\r\n\r\n12".encode())
        client.socket.shutdown(1)
        client.rest()
    assert fal.uploads == []
    assert begun.get().status == 404


def test_a_file_without_bytes(fal: LocalFal) -> None:
    begun = begin(fal)
    begun.send(body=b"")
    assert begun.get().body == b""
    assert fal.uploads[0].content == b""


@pytest.mark.parametrize(
    "file_name",
    ["a b.png", "ä/ö.png", "..", "100%.png", "q?x=1#y", "%2e%2e", "日本", "x" * 999],
)
def test_any_file_name(fal: LocalFal, file_name: str) -> None:
    begun = begin(fal, file_name)
    assert begun.file_url.isascii()
    begun.send(body=b"x")
    assert begun.get().body == b"x"
    assert fal.upload(begun.file_url).file_name == file_name


@pytest.mark.parametrize("content_type", ["text/event-stream", "text/plain; charset=utf-8", "odd"])
def test_any_content_type(fal: LocalFal, content_type: str) -> None:
    begun = begin(fal, "x", content_type)
    begun.send(body=b"data: x\n\n")
    answer = begun.get()
    assert (answer.body, answer.headers["content-type"]) == (b"data: x\n\n", content_type)


def test_head_of_a_file(fal: LocalFal) -> None:
    begun = begin(fal)
    begun.send(body=b"12345")
    answer = begun.get("HEAD")
    assert (answer.status, answer.body, answer.headers["content-length"]) == (200, b"", "5")


@pytest.mark.parametrize("file_url", ["other.png", "fox.png/", "fox"])
def test_a_file_of_another_name_is_not_there(fal: LocalFal, file_url: str) -> None:
    begun = begin(fal)
    begun.send(body=b"x")
    begun.file_url = begun.file_url.replace("fox.png", file_url)
    assert begun.get().status == 404


@pytest.mark.parametrize("path", [INITIATE, INITIATE_MULTIPART])
def test_an_upload_needs_the_key(fal: LocalFal, path: str) -> None:
    for headers in ({}, {"Authorization": "Key wrong"}):
        answer = fetch(fal, path=path, body=json.dumps(GOOD), headers=headers)
        assert answer.status == 401


@pytest.mark.parametrize("in_parts", [False, True])
def test_an_upload_address_is_of_no_use_without_its_signature(
    fal: LocalFal, in_parts: bool
) -> None:
    begun = begin(fal, in_parts=in_parts)
    other = begin(fal)
    whole = urlsplit(begun.upload_url)
    fields = dict(parse_qsl(whole.query))
    key = {"Authorization": f"Key {fal.key}"}
    wrong = [
        "",
        urlsplit(other.upload_url).query,
        *(urlencode({k: v for k, v in fields.items() if k != name}) for name in fields),
        urlencode(fields | {"signature": fields["signature"].lower()}),
        # As a client would send it that writes the decoded value.
        f"upload_id={fields['upload_id']}&signature={fields['signature']}",
    ]
    for rest in ("", "/1", "/complete"):
        for query in wrong:
            path = f"{whole.path}{rest}?{query}"
            answer = fetch(fal, method="PUT", path=path, body=b"x", headers=key)
            assert answer.status == 403
            assert isinstance(answer.json()["detail"], str)
    unknown = whole.path.replace(fields["upload_id"], "0" * 32)
    assert fetch(fal, method="PUT", path=f"{unknown}?{whole.query}").status == 403
    assert fal.uploads == []


def test_a_signature_is_not_shown(fal: LocalFal) -> None:
    begun = begin(fal)
    begun.send(body=b"x")
    assert dict(parse_qsl(urlsplit(begun.upload_url).query))["signature"]
    assert "signature" not in repr(fal.requests) + repr(fal.uploads)
    assert "signature" in fal.requests[-1].target


@pytest.mark.parametrize("method", ["POST", "GET", "DELETE"])
def test_a_file_is_sent_by_put(fal: LocalFal, method: str) -> None:
    begun = begin(fal)
    answer = begun.send(method, body=b"x")
    assert (answer.status, answer.headers["allow"]) == (405, "PUT")
    assert fal.uploads == []


@pytest.mark.parametrize("path", [INITIATE, INITIATE_MULTIPART])
def test_an_upload_is_begun_by_post(fal: LocalFal, path: str) -> None:
    answer = fetch(fal, method="PUT", path=path, body=json.dumps(GOOD))
    assert (answer.status, answer.headers["allow"]) == (405, "POST")


def test_a_file_cannot_be_written_where_it_is_read(fal: LocalFal) -> None:
    begun = begin(fal)
    begun.send(body=b"x")
    assert begun.get("PUT").status == 405
    assert begun.get("DELETE").status == 405


def test_a_single_upload_has_no_parts(fal: LocalFal) -> None:
    begun = begin(fal)
    assert begun.send(rest="/1", body=b"x").status == 404
    assert begun.complete([]).status == 404
    assert fal.uploads == []


@pytest.mark.parametrize(
    ("body", "loc", "type"),
    [
        (b"{", ["body"], "json_invalid"),
        ("text", ["body"], "model_type"),
        ({"content_type": "image/png"}, ["body", "file_name"], "missing"),
        ({"file_name": "x"}, ["body", "content_type"], "missing"),
        (GOOD | {"file_name": ""}, ["body", "file_name"], "string_too_short"),
        (GOOD | {"file_name": None}, ["body", "file_name"], "string_type"),
        (GOOD | {"content_type": "a\r\nb: c"}, ["body", "content_type"], "string_pattern_mismatch"),
        (GOOD | {"content_type": "ä/b"}, ["body", "content_type"], "string_pattern_mismatch"),
        (GOOD | {"size": 1}, ["body", "size"], "extra_forbidden"),
    ],
)
@pytest.mark.parametrize("path", [INITIATE, INITIATE_MULTIPART])
def test_a_bad_beginning_is_refused(
    fal: LocalFal, path: str, body: Any, loc: list[Any], type: str
) -> None:
    sent = body if isinstance(body, bytes) else json.dumps(body)
    answer = fetch(fal, path=path, body=sent)
    assert answer.status == 422
    (error,) = answer.json()["detail"]
    assert (error["loc"], error["type"]) == (loc, type)


@pytest.mark.parametrize("query", ["", "?storage_type=gcs", "?storage_type="])
def test_another_storage_is_refused(fal: LocalFal, query: str) -> None:
    answer = fetch(fal, path=f"/storage/upload/initiate{query}", body=json.dumps(GOOD))
    assert answer.status == 422
    assert answer.json()["detail"][0]["loc"] == ["query", "storage_type"]


@pytest.mark.parametrize(
    ("lifecycle", "decoded"), [(None, None), ("{}", {}), ("null", None), ('[1, "é"]', [1, "é"])]
)
def test_a_lifecycle_is_decoded(fal: LocalFal, lifecycle: str | None, decoded: object) -> None:
    begin(fal, lifecycle=lifecycle).send(body=b"x")
    assert fal.uploads[0].lifecycle == decoded


@pytest.mark.parametrize("lifecycle", ["", "1h", "{'a': 1}", '{"a": NaN}'])
def test_a_lifecycle_that_is_not_json_is_refused(fal: LocalFal, lifecycle: str) -> None:
    headers = {"Authorization": f"Key {fal.key}", "X-Fal-Object-Lifecycle": lifecycle}
    answer = fetch(fal, path=INITIATE, body=json.dumps(GOOD), headers=headers)
    assert answer.status == 422
    (error,) = answer.json()["detail"]
    assert (error["loc"], error["type"]) == (["header", "x-fal-object-lifecycle"], "json_invalid")


def test_many_uploads_at_once(fal: LocalFal) -> None:
    def upload(number: int) -> None:
        content = bytes([number]) * 300_000
        if number % 2:
            begun = begin(fal, f"{number}.bin")
            begun.send(body=content)
        else:
            begun = begin(fal, f"{number}.bin", in_parts=True)
            parts = [begun.send_part(n, content[(n - 1) * 99_999 : n * 99_999]) for n in (4, 2, 1)]
            parts.append(begun.send_part(3, content[2 * 99_999 : 3 * 99_999]))
            assert begun.complete(parts).status == 200
        assert begun.get().body == content

    with ThreadPoolExecutor(50) as pool:
        list(pool.map(upload, range(50)))
    assert sorted(int(u.file_name.removesuffix(".bin")) for u in fal.uploads) == list(range(50))
    assert all(set(u.content) == {int(u.file_name[:-4])} for u in fal.uploads)


def test_a_file_outlives_a_restart() -> None:
    fal = LocalFal()
    with fal:
        begun = begin(fal)
        begun.send(body=b"x")
    assert [upload.content for upload in fal.uploads] == [b"x"]
    with fal:
        assert begun.get().body == b"x"
    assert fal.upload(begun.file_url).content == b"x"


def test_a_waiting_client_is_told_to_send_its_file(fal: LocalFal) -> None:
    begun = begin(fal)
    target = begun.upload_url.removeprefix(fal.url)
    with RawClient(fal) as client:
        client.socket.sendall(
            f"PUT {target} HTTP/1.1\r\nexpect: 100-continue\r\ncontent-length: 3\r\n\r\n".encode()
        )
        assert client.until(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        client.socket.sendall(b"fox")
        assert client.until(b"\r\n") == b"HTTP/1.1 200 OK\r\n"
    assert fal.upload(begun.file_url).content == b"fox"


def test_addresses_over_tls(tls_fal: LocalFal) -> None:
    assert tls_fal.url.startswith("https://")
    assert tls_fal.settings["rest_url"] == tls_fal.url
