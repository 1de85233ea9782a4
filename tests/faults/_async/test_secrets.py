"""Row 39: no key, no token and no signature in anything that is shown."""

from __future__ import annotations

import contextlib
import logging
import socket
import ssl
import warnings
from base64 import b64encode
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest

from fal_stream import AsyncStreamingClient, RetryPolicy
from fal_stream.testing import Cut, Event, Failure, Hang, LocalFal, RecordedRequest, Reply, Wire
from tests.faults.captured_output import CapturedOutput, capturing

from .captured_streams import KEY, MODES, PROVIDED_TOKEN, SECRET, capture_stream
from .fault_checks import have_ended


def echo(request: RecordedRequest) -> Failure:
    """An error that repeats where it was asked."""
    return Failure(500, f"no route to {request.target} of {request.headers.get('host')}")


SCRIPTS: dict[str, Any] = {
    "works": [1, {"output": "two"}],
    "refuses": Failure(422, [{"loc": ["body", "a"], "msg": "bad", "type": "x"}]),
    "denies": Failure(403, "no credit"),
    "is busy": Failure(503),
    "echoes": echo,
    "has a page": Reply([b"<html>"], content_type="text/html"),
    "redirects": lambda request: Reply(status=307, headers={"location": f"/x{request.target}"}),
    "sends away": lambda request: Reply(
        status=307, headers={"location": f"https://far.example{request.target}"}
    ),
    "goes": Reply([Cut(in_chunk=False)], head=b""),
    "resets": Reply([Cut(reset=True, in_chunk=False)], head=b""),
    "breaks": [1, Cut()],
    "talks nonsense": Reply([Wire(b"x")], head=b"SSH-2.0\r\n"),
    "sends no JSON": [1, Event("{")],
    "reports an error": [1, Event("out of memory", event="error")],
    "is compressed": Reply([], headers={"content-encoding": "gzip"}),
    "is silent": Reply([Hang()]),
    "does not answer": Reply(delay=float("inf")),
}


async def use(fal: LocalFal, captured: CapturedOutput, **settings: Any) -> None:
    """Run every script in every mode."""
    given: dict[str, Any] = {**fal.settings, "retry": RetryPolicy(base_delay=0), **settings}
    async with AsyncStreamingClient(**given, timeout=0.1) as client:
        for script in SCRIPTS.values():
            fal.add("acme/app", script)
            for options in MODES.values():
                await capture_stream(captured, client, {**options, "start_timeout": 0.3})


def secrets_of(fal: LocalFal) -> list[str]:
    """Give what must not be shown: the key, and each token and signature that was sent."""
    queries = [request.query for request in fal.requests]
    tokens = {query["fal_jwt_token"] for query in queries if "fal_jwt_token" in query}
    signatures = {query["signature"] for query in queries if "signature" in query}
    assert len(tokens) > 1
    assert signatures
    return [SECRET, *tokens, *signatures]


@pytest.mark.parametrize("over", ["plain", "tls"])
async def test_streams_show_no_secret(
    guarded: dict[str, LocalFal], over: str, capfd: pytest.CaptureFixture[str]
) -> None:
    fal = guarded[over]
    with capturing(capfd) as captured:
        await use(fal, captured)
    assert captured.found(*secrets_of(fal)) == []
    assert captured.size > 1000
    assert captured.raised == {"fal_stream"}
    # It was looked at in the right place.
    assert "log of fal_stream" in captured.found("acme/app")


@pytest.mark.parametrize("library", ["httpx", "httpx2"])
async def test_an_http_client_of_ones_own_shows_no_secret(
    guarded: dict[str, LocalFal], library: str, capfd: pytest.CaptureFixture[str]
) -> None:
    package, fal = pytest.importorskip(library), guarded["plain"]
    with capturing(capfd) as captured:
        async with package.AsyncClient() as http_client:
            await use(fal, captured, http_client=http_client)
    assert captured.found(*secrets_of(fal)) == []
    assert captured.raised == {"fal_stream"}
    assert f"log of {library}" in captured.found("acme/app")
    assert f"log of {library.replace('x', 'core')}.http11" in captured.found(
        "receive_response_body"
    )


UPLOADS: dict[str, tuple[str, str, Any]] = {
    "works": ("GET", "/none", Failure(404)),
    "refused": ("POST", "/storage/*", Failure(403, "no room")),
    "no JSON": ("POST", "/storage/*", Reply([b"<html>"], content_type="text/html")),
    "bytes refused": ("PUT", "/storage/*", Failure(403, "too late")),
    "bytes refused by name": ("PUT", "/storage/*", echo),
    "bytes sent away": (
        "PUT",
        "/storage/*",
        lambda request: Reply(
            status=307, headers={"location": f"https://far.example{request.target}"}
        ),
    ),
    "bytes cut": ("PUT", "/storage/*", Reply([Cut(in_chunk=False)], head=b"")),
    "bytes lost": ("PUT", "/storage/*", Reply([Wire(b"x")], head=b"SSH-2.0\r\n")),
    "bytes that hang": ("PUT", "/storage/*", Reply(delay=float("inf"))),
}


@pytest.mark.parametrize(
    ("method", "path", "script"),
    [pytest.param(*upload, id=name) for name, upload in UPLOADS.items()],
)
async def test_uploads_show_no_secret(
    guarded: dict[str, LocalFal],
    method: str,
    path: str,
    script: Any,
    capfd: pytest.CaptureFixture[str],
) -> None:
    fal = guarded["plain"]
    fal.add("acme/app", [1])
    fal.route(path, script, method=method)
    with capturing(capfd) as captured:
        async with AsyncStreamingClient(
            **fal.settings, retry=RetryPolicy(max_retries=1, base_delay=0), total_timeout=0.5
        ) as client:
            await capture_stream(captured, client, {"input": {"image": b"a picture"}})
            captured.value(client.storage)
            try:
                await client.storage.upload(b"x" * 100, file_name="fox.png")
            except Exception as error:
                captured.error(error)
    signatures = {request.query.get("signature", SECRET) for request in fal.requests}
    assert captured.found(SECRET, *signatures) == []


BAD_ADDRESSES = [
    "http://127.0.0.1:99999/put?signature=hidden-1",
    "http://127.0.0.1:1/put?signature=hidden-1",
    "ftp://127.0.0.1/put?signature=hidden-1",
    "http://[::1/put?signature=hidden-1",
    "/put?signature=hidden-1",
    "http://me:hidden-1@127.0.0.1:1/put",
    "hidden-1",
]


@pytest.mark.parametrize("address", BAD_ADDRESSES)
async def test_bad_upload_addresses_are_not_shown(
    guarded: dict[str, LocalFal], address: str, capfd: pytest.CaptureFixture[str]
) -> None:
    fal = guarded["plain"]
    for answer in (
        {"upload_url": address, "file_url": "https://fal.media/x"},
        {"upload_url": f"{fal.url}/put?signature=hidden-1", "file_url": address},
    ):
        fal.route("/storage/*", Reply.json(answer))
        with capturing(capfd) as captured:
            async with AsyncStreamingClient(**fal.settings, retry=None) as client:
                try:
                    await client.storage.upload(b"x")
                except Exception as error:
                    captured.error(error)
        assert captured.found(SECRET, "signature=hidden-1", "me:hidden-1") == []


async def test_failed_connections_show_no_secret(
    local_names: dict[str, bool],
    tls_context: ssl.SSLContext,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    local_names["far.example"] = False
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with capturing(capfd) as captured, LocalFal() as proxy:
        for run_url in (f"http://127.0.0.1:{port}", f"https://far.example:{port}"):
            for variable in ("", "https_proxy", "all_proxy"):
                if variable:
                    monkeypatch.setenv(variable, proxy.url.replace("//", "//me:word-of-proxy@"))
                async with AsyncStreamingClient(
                    run_url=run_url,
                    rest_url=run_url,
                    credentials=KEY,
                    trusted_hosts=["far.example"],
                    retry=RetryPolicy(max_retries=1, base_delay=0),
                ) as client:
                    for options in MODES.values():
                        await capture_stream(captured, client, options)
    assert captured.found(SECRET, PROVIDED_TOKEN, "word-of-proxy") == []
    assert captured.raised == {"fal_stream"}


async def test_what_is_dropped_or_aborted_shows_no_secret(
    guarded: dict[str, LocalFal], capfd: pytest.CaptureFixture[str]
) -> None:
    fal = guarded["plain"]
    fal.add("acme/app", [1, Hang()])
    with capturing(capfd) as captured:
        async with AsyncStreamingClient(**fal.settings) as client:
            for options in MODES.values():
                stream = client.stream("acme/app", **options)
                with contextlib.suppress(Exception):
                    async for _ in stream:
                        stream.abort("enough")
                        break
                captured.value(stream)
                stream = client.stream("acme/app", **options)
                with contextlib.suppress(Exception):
                    async for _ in stream:
                        break
                del stream
        await have_ended(fal)
    assert "warned" in captured.found("was dropped")
    assert captured.found(*secrets_of(fal)) == []


# The search itself.


def log(text: str) -> None:
    logging.getLogger("tests.planted").debug("a %s", {"key": text})


def fail(text: str) -> None:
    try:
        raise KeyError(text)
    except KeyError:
        raise ValueError("no secret here") from None


class Holder:
    """Shows nothing but in its pickle."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __repr__(self) -> str:
        return "***"


PLANTS: dict[str, Callable[[CapturedOutput, str], object]] = {
    "log of tests.planted": lambda captured, text: log(text),
    "printed": lambda captured, text: print(text),
    "warned": lambda captured, text: warnings.warn(text, stacklevel=1),
    "pickle of Holder": lambda captured, text: captured.value(Holder(text)),
    "value dict": lambda captured, text: captured.value({"authorization": f"Key {text}"}),
}


@pytest.mark.parametrize("where", PLANTS)
async def test_a_planted_secret_is_found(where: str, capfd: pytest.CaptureFixture[str]) -> None:
    with capturing(capfd) as captured:
        PLANTS[where](captured, SECRET)
    assert where in captured.found(SECRET)
    assert captured.found("another") == []


async def test_a_planted_secret_is_found_behind_an_error(capfd: pytest.CaptureFixture[str]) -> None:
    with capturing(capfd) as captured:
        try:
            fail(SECRET)
        except ValueError as error:
            captured.error(error)
    assert "raised KeyError" in captured.found(SECRET)


@pytest.mark.parametrize("form", ["x%s", "%%20%s", "'%s'"])
async def test_a_planted_secret_is_found_in_each_form(
    form: str, capfd: pytest.CaptureFixture[str]
) -> None:
    secret = "a b/c+d=e:f"
    for text in (secret, quote(secret, safe=""), b64encode((form % secret).encode()).decode()):
        with capturing(capfd) as captured:
            captured.add("planted", form % text)
        assert captured.found(secret) == ["planted"]
