"""The options of a stream: what they change in the request, and which are refused."""

from __future__ import annotations

import ssl
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme

from fal_stream import (
    AbortController,
    AsyncStreamingClient,
    ConfigError,
    FalStreamError,
    Secret,
    __version__,
)
from fal_stream.testing import Event, LocalFal, Ping, Reply


@pytest.fixture(autouse=True)
def app(fal: LocalFal) -> None:
    fal.add("acme/app", [1])


async def test_what_is_sent_without_options(fal: LocalFal, client: AsyncStreamingClient) -> None:
    await client.stream("acme/app").done()
    (request,) = fal.requests
    assert (request.method, request.target) == ("POST", "/acme/app/stream")
    assert request.headers == {
        "host": fal.url.removeprefix("http://"),
        "authorization": f"Key {fal.key}",
        "accept": "text/event-stream",
        "accept-encoding": "identity",
        "user-agent": f"fal_stream/{__version__}",
        "content-length": "0",
    }


@pytest.mark.parametrize(
    ("endpoint_id", "path"),
    [
        ("acme/app", "/acme/app/stream"),
        ("acme/app/stream", "/acme/app/stream"),
        ("acme/app/turbo/v1.5", "/acme/app/turbo/v1.5/stream"),
        ("workflows/acme/app", "/workflows/acme/app/stream"),
        ("comfy/acme/app", "/comfy/acme/app/stream"),
    ],
)
async def test_where_an_endpoint_streams(
    fal: LocalFal, client: AsyncStreamingClient, endpoint_id: str, path: str
) -> None:
    output = {"type": "output", "output": 1}
    fal.add(endpoint_id, [output])
    assert await client.stream(endpoint_id).done() == output
    assert fal.requests[0].path == path


async def test_the_old_form_of_an_endpoint_id(fal: LocalFal, client: AsyncStreamingClient) -> None:
    fal.add("12345/app", [1])
    stream = client.stream("12345-app")
    assert await stream.done() == 1
    assert stream.endpoint_id == "12345/app"


async def test_a_path_of_ones_own(fal: LocalFal, client: AsyncStreamingClient) -> None:
    fal.add("acme/tts", [2], path="/audio/speech")
    fal.add("acme/tts", [3], path="")
    stream = client.stream("acme/tts", {"text": "Hi"}, path="/audio/speech")
    assert stream.url == f"{fal.url}/acme/tts/audio/speech"
    assert await stream.done() == 2
    assert await client.stream("acme/tts", path="").done() == 3
    first, second = fal.requests
    assert (first.path, first.json()) == ("/acme/tts/audio/speech", {"text": "Hi"})
    assert (second.path, second.headers["authorization"]) == ("/acme/tts", f"Key {fal.key}")
    items = [item async for item in client.stream_map("acme/tts", [1, 2], path="audio/speech")]
    assert [item.result for item in items] == [2, 2]


async def test_the_input_may_stand_second(fal: LocalFal, client: AsyncStreamingClient) -> None:
    stream = client.stream("acme/app", {"a": 1}, timeout=9)
    assert stream.options == {"input": {"a": 1}, "timeout": 9}
    assert await stream.done() == 1
    assert fal.requests[0].json() == {"a": 1}


async def test_a_url_of_ones_own(fal: LocalFal, client: AsyncStreamingClient) -> None:
    fal.add("other/path/stream", [2])
    url = f"{fal.url}/other/path/stream?logs=1#top"
    stream = client.stream("acme/app", url=url, query_params={"a": "b c"})
    assert await stream.done() == 2
    (request,) = fal.requests
    assert request.path == "/other/path/stream"
    assert request.query == {"logs": "1", "a": "b c"}
    assert request.headers["authorization"] == f"Key {fal.key}"
    assert stream.endpoint_id == "acme/app"


async def test_query_params(fal: LocalFal, client: AsyncStreamingClient) -> None:
    params: dict[str, str | int | float | bool] = {
        "text": "a b&c=ä?#/%",
        "n": 3,
        "x": 1.5,
        "yes": True,
        "no": False,
        "empty": "",
    }
    stream = client.stream("acme/app", query_params=params, input={"n": 1})
    await stream.done()
    (request,) = fal.requests
    assert request.query == {
        "text": "a b&c=ä?#/%",
        "n": "3",
        "x": "1.5",
        "yes": "true",
        "no": "false",
        "empty": "",
    }
    assert request.json() == {"n": 1}
    assert stream.url.startswith(f"{fal.url}/acme/app/stream?")


async def test_query_params_replace_those_of_the_url(
    fal: LocalFal, client: AsyncStreamingClient
) -> None:
    url = f"{fal.url}/acme/app/stream?a=1&b=2&a=3&c="
    await client.stream("acme/app", url=url, query_params={"a": 4}).done()
    assert fal.requests[0].target == "/acme/app/stream?b=2&c=&a=4"


@pytest.mark.parametrize("method", ["GET", "post", "Put", "PATCH", "delete"])
async def test_methods(fal: LocalFal, client: AsyncStreamingClient, method: str) -> None:
    assert await client.stream("acme/app", method=method).done() == 1
    assert fal.requests[0].method == method.upper()


async def test_headers_of_stream_and_client(fal: LocalFal) -> None:
    ours = {"X-Both": "client", "x-client": "1", "User-Agent": "mine"}
    async with AsyncStreamingClient(**fal.settings, headers=ours) as client:
        await client.stream("acme/app", headers={"x-both": "stream", "X-Stream": "\t2 "}).done()
        await client.stream("acme/app").done()
    first, second = [request.headers for request in fal.requests]
    assert (first["x-both"], first["x-client"], first["x-stream"]) == ("stream", "1", "2")
    assert (second["x-both"], second["x-client"]) == ("client", "1")
    assert first["user-agent"] == second["user-agent"] == "mine"
    assert "x-stream" not in second


async def test_an_authorization_of_ones_own(fal: LocalFal, client: AsyncStreamingClient) -> None:
    await client.stream("acme/app", headers={"Authorization": f"Key {fal.key}"}).done()
    assert fal.requests[0].headers["authorization"] == f"Key {fal.key}"


async def test_accept(fal: LocalFal, client: AsyncStreamingClient) -> None:
    await client.stream("acme/app", accept="audio/mpeg").done()
    assert fal.requests[0].headers["accept"] == "audio/mpeg"


async def test_cookies_are_not_kept(fal: LocalFal, client: AsyncStreamingClient) -> None:
    fal.add("acme/app", Reply([1], headers={"set-cookie": "session=1; Path=/"}))
    for _ in range(2):
        await client.stream("acme/app").done()
    assert "cookie" not in fal.requests[1].headers


async def test_none_is_no_limit(fal: LocalFal, client: AsyncStreamingClient) -> None:
    fal.add("acme/app", [Ping(), Event("1")])
    stream = client.stream(
        "acme/app",
        timeout=None,
        event_timeout=None,
        start_timeout=None,
        total_timeout=None,
        signal=None,
    )
    assert await stream.done() == 1


async def test_credentials_by_a_function(fal: LocalFal) -> None:
    keys = ["first:key", "second:key"]

    async def credentials() -> str:
        return keys[0]

    with LocalFal(key=None) as free:
        free.add("acme/app", [1])
        async with AsyncStreamingClient(run_url=free.url, credentials=credentials) as client:
            await client.stream("acme/app").done()
            del keys[0]
            await client.stream("acme/app").done()
    assert [request.headers["authorization"] for request in free.requests] == [
        "Key first:key",
        "Key second:key",
    ]


@pytest.mark.parametrize("given", ["", "a b", "a\nb", None, 3, b"a:b"])
async def test_bad_credentials_of_a_function(fal: LocalFal, given: Any) -> None:
    async with AsyncStreamingClient(run_url=fal.url, credentials=lambda: given) as client:
        with pytest.raises(ConfigError, match="credentials"):
            await client.stream("acme/app").done()
    assert fal.requests == []


async def test_credentials_that_raise(fal: LocalFal) -> None:
    def credentials() -> str:
        raise KeyError("the vault is closed")

    async with AsyncStreamingClient(run_url=fal.url, credentials=credentials) as client:
        stream = client.stream("acme/app")
        with pytest.raises(ConfigError, match="credentials function raised KeyError") as caught:
            await stream.done()
        assert isinstance(caught.value.__cause__, KeyError)
        with pytest.raises(ConfigError, match="credentials function raised KeyError"):
            await stream.done()
        assert stream.closed
    assert fal.requests == []


async def test_credentials_that_end_an_iteration(fal: LocalFal) -> None:
    def credentials() -> str:
        return next(iter(()))

    async with AsyncStreamingClient(run_url=fal.url, credentials=credentials) as client:
        with pytest.raises(ConfigError, match="credentials function raised"):
            async for _ in client.stream("acme/app"):
                pass
    assert fal.requests == []


async def test_a_secret_is_checked_too() -> None:
    for bad in ("se\r\ncret", "se cret", "", "sécret"):
        with pytest.raises(ConfigError) as caught:
            AsyncStreamingClient(credentials=Secret(bad))
        assert "cret" not in str(caught.value).replace("credentials", "")


@pytest.mark.parametrize(
    "settings",
    [
        {"config": "id:hidden"},
        {"credentials": ["id:hidden"]},
        {"headers": [("Authorization", "Key hidden")]},
        {"headers": "Authorization: Key hidden"},
        {"headers": {"Authorization": ["Key hidden"]}},
        {"run_url": "https://id:hidden@fal.run"},
    ],
)
async def test_a_key_in_the_wrong_place_is_not_shown(settings: dict[str, Any]) -> None:
    with pytest.raises(ConfigError) as caught:
        AsyncStreamingClient(**settings)
    assert "hidden" not in str(caught.value)


@pytest.mark.filterwarnings("ignore:The key is not sent")
async def test_a_password_of_a_proxy_is_not_shown(
    fal: LocalFal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://me:hid/den@127.0.0.1:9")
    async with AsyncStreamingClient(**fal.settings) as client:
        with pytest.raises(FalStreamError) as caught:
            await client.stream("acme/app", url="http://fal.test/x", headers={"a": "b"}).done()
    assert "hid" not in str(caught.value)
    assert "den" not in str(caught.value)


@pytest.mark.parametrize(
    "options",
    [
        {"url": "http://999.999.999.999/x"},
        {"url": "http://xn--/x"},
        {"query_params": {"a": "x" * 70_000}},
        {"method": "GET", "input": {"a": "x" * 70_000}},
        {"query_params": {"a": "\ud800"}},
        {"method": "GET", "input": {"a": "\ud800"}},
        {"query_params": {"a": 10**5000}},
        {"timeout": 10**400},
        {"url": "http://127.0.0.1:0/x"},
    ],
    ids=lambda options: "-".join(options),
)
@pytest.mark.filterwarnings("ignore:The key is not sent")
async def test_odd_values_are_errors_of_ours(fal: LocalFal, options: dict[str, Any]) -> None:
    async with AsyncStreamingClient(**fal.settings) as client:
        with pytest.raises(ConfigError):
            await client.stream("acme/app", **options).done()
    assert fal.requests == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"endpoint_id": "app"}, "endpoint_id='app'"),
        ({"endpoint_id": ""}, "endpoint_id=''"),
        ({"endpoint_id": None}, "endpoint_id=None"),
        ({"endpoint_id": "https://fal.run/acme/app"}, "goes into the url option"),
        ({"endpoint_id": "acme/../app"}, "endpoint_id='acme/../app'"),
        ({"endpoint_id": "acme/app?x=1"}, "endpoint_id="),
        ({"inptu": {}}, "option 'inptu'; did you mean 'input'"),
        ({"xyz": 1}, "option 'xyz'; there are: .*accept"),
        ({"output_tpye": int}, "option 'output_tpye'; did you mean 'output_type'"),
        ({"retry": None}, "option 'retry'; it belongs to the settings of the client"),
        ({"timeout": -1}, "timeout=-1"),
        ({"timeout": 0}, "timeout=0"),
        ({"timeout": "3"}, "timeout='3'"),
        ({"timeout": True}, "timeout=True"),
        ({"event_timeout": float("nan")}, "event_timeout=nan"),
        ({"start_timeout": float("inf")}, "start_timeout=inf.*None for no limit"),
        ({"total_timeout": -0.1}, "total_timeout=-0.1"),
        ({"input": object()}, "input is of type object"),
        ({"method": "HEAD"}, "method='HEAD'"),
        ({"method": None}, "method=None"),
        ({"method": "GET /x HTTP/1.1\r\n"}, "method="),
        ({"url": "acme/app"}, "url='acme/app'"),
        ({"url": "ftp://fal.run/x"}, "url='ftp://fal.run/x'"),
        ({"url": "http://"}, "url='http://'"),
        ({"url": "http://fal.run:x/"}, "url="),
        ({"url": 3}, "url=3"),
        ({"url": "http://fal.run/a b"}, "url="),
        ({"query_params": "a=1"}, "query_params must be a mapping"),
        ({"query_params": {"a": None}}, r"query_params\['a'\] must be .* not a NoneType"),
        ({"query_params": {"a": [1]}}, r"query_params\['a'\] must be .* not a list"),
        ({"headers": {"x": "a\r\nb: c"}}, r"headers\['x'\]"),
        ({"headers": {"x": "ä"}}, r"headers\['x'\]"),
        ({"headers": {"x": 3}}, r"headers\['x'\]"),
        ({"headers": {"x y": "a"}}, "headers has a name that begins with 'x'"),
        ({"headers": {"": "a"}}, "headers has a name which is not"),
        ({"headers": {"Content-Length": "3"}}, "'Content-Length', which the HTTP connection"),
        ({"headers": [("a", "b")]}, "headers must be a mapping"),
        ({"accept": "a\nb"}, "accept"),
        ({"accept": None}, "accept"),
        ({"signal": AbortController()}, "signal=.*give the signal of"),
        ({"output_type": 3}, "output_type=3"),
    ],
    ids=lambda value: None if isinstance(value, str) else "-".join(value),
)
async def test_bad_arguments_send_nothing(
    fal: LocalFal, client: AsyncStreamingClient, arguments: dict[str, Any], message: str
) -> None:
    given: dict[str, Any] = {"endpoint_id": "acme/app", **arguments}
    with pytest.raises(ConfigError, match=message) as caught:
        client.stream(**given)
    assert isinstance(caught.value, ValueError)
    assert caught.value.__context__ is None or caught.value.__suppress_context__
    assert fal.requests == []


@pytest.mark.parametrize(
    "arguments",
    [
        {"url": "http://id:hunter2@fal.run/x"},
        {"url": "http://fal.run:x/?token=hunter2"},
        {"url": "ftp://fal.run/x?token=hunter2"},
        {"url": "http://u:hunter2@fal.run:99999/"},
        {"headers": {"authorization": "Key hunter2\r\n"}},
        {"headers": {"authorization": b"hunter2"}},
    ],
)
async def test_messages_show_no_secret(
    client: AsyncStreamingClient, arguments: dict[str, Any]
) -> None:
    with pytest.raises(ConfigError) as caught:
        client.stream("acme/app", **arguments)
    assert "hunter2" not in f"{caught.value}{caught.value!r}"


# Who gets the key.


@pytest.fixture
def tls_fal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalFal]:
    """A server that has a certificate for every host of the tests, and takes any key."""
    authority = trustme.CA()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert(*GETS_THE_KEY, *DOES_NOT).configure_cert(context)
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    with LocalFal(key=None, ssl_context=context) as fal:
        fal.add("acme/app", [1])
        yield fal


GETS_THE_KEY = ["fal.run", "queue.fal.run", "rest.fal.ai", "falrun.com", "trusted.example"]
DOES_NOT = ["evilfal.run", "fal.run.example", "a.trusted.example", "fal.example"]


@pytest.mark.parametrize("host", GETS_THE_KEY)
async def test_hosts_that_get_the_key(
    tls_fal: LocalFal, local_names: dict[str, bool], host: str
) -> None:
    local_names[host] = True
    url = f"https://{host.upper()}:{tls_fal.url.rpartition(':')[2]}/acme/app/stream"
    async with AsyncStreamingClient(credentials="a:b", trusted_hosts=["Trusted.example"]) as client:
        assert await client.stream("acme/app", url=url).done() == 1
    assert tls_fal.requests[0].headers["authorization"] == "Key a:b"


@pytest.mark.parametrize("host", DOES_NOT)
async def test_hosts_that_do_not_get_the_key(
    tls_fal: LocalFal, local_names: dict[str, bool], host: str
) -> None:
    local_names[host] = True
    url = f"https://{host}:{tls_fal.url.rpartition(':')[2]}/acme/app/stream"
    async with AsyncStreamingClient(credentials="a:b", trusted_hosts=["trusted.example"]) as client:
        with pytest.warns(UserWarning, match=f"to https://{host}.*: it is none of fal's") as caught:
            stream = client.stream("acme/app", url=url)
        assert await stream.done() == 1
    assert "authorization" not in tls_fal.requests[0].headers
    assert len(caught) == 1
    assert caught[0].filename == __file__
    assert "a:b" not in str(caught[0].message)


@pytest.mark.parametrize("host", ["fal.run", "trusted.example"])
async def test_nobody_gets_the_key_without_tls(
    local_names: dict[str, bool], host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    local_names[host] = True
    monkeypatch.setenv("FAL_KEY", "a:b")
    with LocalFal(key=None) as fal:
        fal.add("acme/app", [1])
        run_url = f"http://{host}:{fal.url.rpartition(':')[2]}"
        async with AsyncStreamingClient(run_url=run_url, trusted_hosts=[host]) as client:
            with pytest.warns(UserWarning, match="goes over https only"):
                stream = client.stream("acme/app")
            assert await stream.done() == 1
        assert "authorization" not in fal.requests[0].headers


async def test_no_key_is_no_reason_to_warn(local_names: dict[str, bool]) -> None:
    local_names["fal.example"] = True
    with LocalFal(key=None) as fal:
        fal.add("acme/app", [1])
        run_url = f"http://fal.example:{fal.url.rpartition(':')[2]}"
        async with AsyncStreamingClient(run_url=run_url) as client:
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                stream = client.stream("acme/app")
            assert await stream.done() == 1


async def test_this_machine_needs_no_key() -> None:
    with LocalFal(key=None) as fal:
        fal.add("acme/app", [1])
        for host in ("127.0.0.1", "localhost"):
            run_url = fal.url.replace("127.0.0.1", host)
            async with AsyncStreamingClient(run_url=run_url) as client:
                assert await client.stream("acme/app").done() == 1
        assert all("authorization" not in request.headers for request in fal.requests)
        assert len(fal.requests) == 2


# What fal is told.


async def test_priority_and_hint(fal: LocalFal, client: AsyncStreamingClient) -> None:
    await client.stream("acme/app", priority="low", hint="gpu-a").done()
    await client.stream("acme/app", priority=None, hint=None).done()
    first, second = [request.headers for request in fal.requests]
    assert (first["x-fal-queue-priority"], first["x-fal-runner-hint"]) == ("low", "gpu-a")
    assert not {"x-fal-queue-priority", "x-fal-runner-hint"} & set(second)


@pytest.mark.parametrize(
    ("setting", "option", "sent"),
    [
        ({}, {}, None),
        ({}, {"start_timeout": 30}, "30"),
        ({}, {"start_timeout": 2.5}, "2.5"),
        ({}, {"start_timeout": 3_600.0}, "3600"),
        ({}, {"start_timeout": 1}, None),
        ({}, {"start_timeout": 0.5}, None),
        ({}, {"start_timeout": None}, None),
        ({"start_timeout": 60}, {}, "60"),
        ({"start_timeout": 60}, {"start_timeout": 30}, "30"),
        ({"start_timeout": 60}, {"start_timeout": None}, None),
        ({}, {"start_timeout": 30, "headers": {"X-Fal-Request-Timeout": "7"}}, "7"),
    ],
    ids=repr,
)
async def test_a_limit_that_was_given_is_told_to_fal(
    fal: LocalFal, setting: dict[str, Any], option: dict[str, Any], sent: str | None
) -> None:
    async with AsyncStreamingClient(**fal.settings, **setting) as client:
        await client.stream("acme/app", **option).done()
    assert fal.requests[0].headers.get("x-fal-request-timeout") == sent


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"priority": "high"}, "priority='high' is not known; there are: 'normal', 'low'"),
        ({"priority": 1}, "priority=1"),
        ({"hint": "a\r\nb: c"}, "hint must be a string of printable ASCII"),
        ({"hint": 3}, "hint must be"),
        ({"auto_upload": "no"}, "auto_upload='no' must be True or False"),
        ({"headers": {"Transfer-Encoding": "x"}}, "'Transfer-Encoding', which the HTTP"),
    ],
)
async def test_bad_options_for_fal(
    client: AsyncStreamingClient, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        client.stream("acme/app", **options)


async def test_a_key_that_is_held_back_is_said_once(
    fal: LocalFal, local_names: dict[str, bool]
) -> None:
    local_names.update({"a.example": True, "b.example": True})
    port = fal.url.rpartition(":")[2]
    async with AsyncStreamingClient(credentials="a:b") as client:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            for host in ("a.example", "b.example", "a.example"):
                client.stream("acme/app", url=f"http://{host}:{port}/acme/app/stream")
    first, second = [str(warning.message) for warning in caught]
    assert f"not sent to http://a.example:{port}" in first
    assert f"not sent to http://b.example:{port}" in second
