"""Requests on their way out: proxies of fal's kind, and what middleware may give."""

from __future__ import annotations

from typing import Any

import pytest

from fal_stream import Config, ConfigError, ProxyUrlConfig, RequestConfig
from fal_stream.middleware import check_middleware_result

REQUEST = RequestConfig("POST", "https://fal.run/acme/app/stream?a=1", {"accept": "x"})


def test_a_proxy_is_told_the_target() -> None:
    sent = ProxyUrlConfig("https://proxy.example/api").redirected(REQUEST)
    assert sent == RequestConfig(
        "POST",
        "https://proxy.example/api",
        {"accept": "x", "x-fal-target-url": "https://fal.run/acme/app/stream?a=1"},
    )


def test_a_proxy_may_be_applied_twice() -> None:
    proxy = ProxyUrlConfig("https://proxy.example/api")
    sent = proxy.redirected(REQUEST)
    assert sent is not None
    assert proxy.redirected(sent) is None


def test_a_proxy_applies_when_it_is_asked_to() -> None:
    proxy = ProxyUrlConfig("https://proxy.example/api", when=lambda request: "b" in request.url)
    assert proxy.redirected(REQUEST) is None
    assert proxy.redirected(RequestConfig("GET", "https://b.example", {})) is not None


def test_no_repr_shows_an_address_or_a_header() -> None:
    request = RequestConfig("POST", "https://x.example?token=hidden", {"authorization": "hidden"})
    proxy = ProxyUrlConfig("https://x.example?token=hidden")
    assert "hidden" not in f"{request!r}{proxy!r}{Config(proxy_url=proxy)!r}"


async def _later(request: RequestConfig) -> bool:
    return True


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"proxy_url": "/api/fal/proxy"}, "proxy_url='/api/fal/proxy' is not an http"),
        ({"proxy_url": 3}, "proxy_url=3"),
        ({"proxy_url": "https://u:hidden@x.example"}, "proxy_url has a user or password"),
        ({"request_middleware": "f"}, "request_middleware='f' can't be called"),
        ({"request_middleware": [len, None]}, "request_middleware=None can't be called"),
        ({"retry": "3"}, "retry='3' must be a RetryPolicy, the number of retries"),
        ({"token_lifetime": 0}, "token_lifetime=0 must be a number, 1 or more"),
        ({"token_lifetime": None}, "token_lifetime=None"),
        ({"rest_url": "rest.fal.ai"}, "rest_url='rest.fal.ai'"),
        ({"max_retries": 3}, "setting 'max_retries'; did you mean 'retry'"),
        ({"http_client": 1}, "setting 'http_client'; it belongs to the client's own arguments"),
        ({"priority": "low"}, r"setting 'priority'; it belongs to the options of stream\(\)"),
        ({"headers": {"Host": "x"}}, "headers has 'Host', which the HTTP connection"),
    ],
)
def test_bad_settings(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        Config(**settings)
    assert "hidden" not in str(caught.value)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"when": 3}, "when=3 can't be called"),
        ({"when": _later}, "when is an async function"),
        ({"send_key": "yes"}, "send_key='yes' must be True or False"),
    ],
)
def test_bad_fields_of_a_proxy(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        ProxyUrlConfig("https://proxy.example", **fields)


def test_what_middleware_gives_is_put_in_order() -> None:
    given = RequestConfig("post", "https://x.example", {"X-Trace": " 1 "})
    assert check_middleware_result(given) == RequestConfig(
        "POST", "https://x.example", {"x-trace": "1"}
    )


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (None, "request_middleware gave a NoneType, not a RequestConfig"),
        ({"url": "https://x.example"}, "gave a dict"),
        (RequestConfig("HEAD", "https://x.example", {}), "method of request_middleware='HEAD'"),
        (RequestConfig("POST", "x.example", {}), "url of request_middleware='x.example'"),
        (RequestConfig("POST", "https://x.example", {"a": "b\r\nc"}), r"headers of .*\['a'\]"),
        (RequestConfig("POST", "https://x.example", {"Host": "c"}), "'Host', which the HTTP"),
    ],
)
def test_bad_results_of_middleware(given: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        check_middleware_result(given)
