"""Which proxy the environment names, beside httpx, which is asked by sending a request."""

from __future__ import annotations

import os
import socket
import sys
import urllib.request
from typing import Any

import httpx
import pytest

from fal_stream import ConfigError
from fal_stream._net import proxies
from fal_stream._net.proxies import proxy_for
from fal_stream._shared.proxy_settings import choose_proxy

PROXY = "http://proxy.test:3128"


def is_direct(no_proxy: str, url: str) -> bool:
    parts = httpx.URL(url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    chosen = choose_proxy({"all": PROXY, "no": no_proxy}, parts.scheme, parts.host, port)
    assert chosen in (None, PROXY)
    return chosen is None


# What is listed in NO_PROXY, an address, and whether it is reached without the proxy.
AS_HTTPX = [
    ("", "http://gpu.corp/x", False),
    ("*", "http://gpu.corp/x", True),
    ("other.corp, *", "https://gpu.corp/x", True),
    ("gpu.corp", "http://gpu.corp/x", True),
    ("gpu.corp", "https://GPU.corp/x", True),
    ("GPU.Corp", "https://gpu.corp/x", True),
    ("gpu.corp", "http://a.gpu.corp/x", True),
    ("gpu.corp", "http://a.b.gpu.corp:8000/x", True),
    ("gpu.corp", "http://agpu.corp/x", False),
    ("gpu.corp", "http://gpu.corp.evil/x", False),
    ("gpu.corp", "http://corp/x", False),
    (".gpu.corp", "http://a.gpu.corp/x", True),
    (".gpu.corp", "http://gpu.corp/x", False),
    ("gpu.corp:8000", "http://gpu.corp:8000/x", True),
    ("gpu.corp:8000", "http://a.gpu.corp:8000/x", True),
    ("gpu.corp:8000", "http://gpu.corp:8001/x", False),
    ("gpu.corp:8000", "http://gpu.corp/x", False),
    (".gpu.corp:8000", "http://a.gpu.corp:8000/x", True),
    (".gpu.corp:8000", "http://gpu.corp:8000/x", False),
    (" other.corp ,gpu.corp", "http://gpu.corp/x", True),
    (",,gpu.corp,", "http://gpu.corp/x", True),
    (",,", "http://gpu.corp/x", False),
    ("10.1.2.3", "http://10.1.2.3/x", True),
    ("10.1.2.3", "http://10.1.2.3:8000/x", True),
    ("10.1.2.3", "http://10.1.2.4/x", False),
    ("10.1.2.3:8000", "http://10.1.2.3:8000/x", True),
    ("10.1.2.3:8000", "http://10.1.2.3:8001/x", False),
    ("10.1.2.3:8000", "http://10.1.2.4:8000/x", False),
    ("10.1.2.0/24", "http://10.1.3.3/x", False),
    ("10.1.2.0/24", "http://gpu.corp/x", False),
    ("fd00::7", "http://[fd00::7]/x", True),
    ("fd00::7", "http://[fd00::7]:8000/x", True),
    ("fd00::7", "http://[fd00::8]/x", False),
    ("http://gpu.corp", "http://gpu.corp/x", True),
    ("http://gpu.corp", "https://gpu.corp/x", False),
    ("http://gpu.corp", "http://a.gpu.corp/x", False),
    ("http://*gpu.corp", "http://a.gpu.corp/x", True),
    ("http://*gpu.corp", "http://gpu.corp/x", True),
    ("http://*.gpu.corp", "http://a.gpu.corp/x", True),
    ("http://*.gpu.corp", "http://gpu.corp/x", False),
    ("all://gpu.corp", "https://gpu.corp/x", True),
    ("http://gpu.corp:8000", "http://gpu.corp:8000/x", True),
    ("http://gpu.corp:8000", "http://gpu.corp:8001/x", False),
    ("https://*", "https://gpu.corp/x", True),
    ("https://*", "https://10.1.2.3:8000/x", True),
    ("https://*", "http://gpu.corp/x", False),
    ("https://", "https://gpu.corp/x", True),
    ("https://", "http://gpu.corp/x", False),
    ("http://*:8000", "http://gpu.corp:8000/x", True),
    ("http://*:8000", "http://gpu.corp/x", False),
    (":8000", "http://gpu.corp:8000/x", True),
    (":8000", "http://gpu.corp/x", False),
    ("*:8000", "http://gpu.corp:8000/x", False),
]

# What httpx can't read, or takes for something else: networks, IPv6 in brackets, a port that needs
# not be named in the address, a star before the dot, a dot at the end, letters beyond ASCII.
BEYOND_HTTPX = [
    ("10.1.2.0/24", "http://10.1.2.3/x", True),
    ("10.1.2.0/24", "http://10.1.2.3:8000/x", True),
    ("10.1.2.7/24", "http://10.1.2.3/x", True),
    ("10.0.0.0/8,fd00::/8", "http://[fd12::1]/x", True),
    ("fd00::/8", "http://[fe80::1]/x", False),
    ("fd00::/8", "http://10.1.2.3/x", False),
    ("0.0.0.0/0", "http://10.1.2.3/x", True),
    ("0.0.0.0/0", "http://gpu.corp/x", False),
    ("[fd00::7]", "http://[fd00::7]/x", True),
    ("[fd00::7]", "http://[fd00::7]:8000/x", True),
    ("[fd00::7]:8000", "http://[fd00::7]:8000/x", True),
    ("[fd00::7]:8000", "http://[fd00::7]:8001/x", False),
    ("[fd00::7]:8000", "http://[fd00::8]:8000/x", False),
    ("FD00:0::7", "http://[fd00::7]/x", True),
    ("gpu.corp:443", "https://gpu.corp/x", True),
    ("gpu.corp:443", "http://gpu.corp/x", False),
    ("gpu.corp:80", "http://gpu.corp/x", True),
    ("*.gpu.corp", "http://a.gpu.corp/x", True),
    ("*.gpu.corp", "http://gpu.corp/x", False),
    ("gpu.corp.", "http://gpu.corp/x", True),
    ("gpu.corp", "http://gpu.corp./x", True),
    ("bücher.test", "http://bücher.test/x", True),
    ("bücher.test", "http://shop.bücher.test/x", True),
    ("xn--bcher-kva.test", "http://bücher.test/x", True),
    (".", "http://gpu.corp/x", False),
    ("2.3", "http://10.1.2.3/x", False),
    ("gpu.corp:many", "http://gpu.corp/x", False),
    ("[", "http://gpu.corp/x", False),
    ("]:8000", "http://gpu.corp:8000/x", False),
    ("://", "http://gpu.corp/x", False),
    ("ü" * 300, "http://gpu.corp/x", False),
]


@pytest.mark.parametrize(("no_proxy", "url", "direct"), AS_HTTPX + BEYOND_HTTPX)
def test_no_proxy(no_proxy: str, url: str, direct: bool) -> None:
    assert is_direct(no_proxy, url) is direct


@pytest.mark.parametrize(("no_proxy", "url", "direct"), AS_HTTPX)
def test_httpx_does_the_same(
    no_proxy: str, url: str, direct: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def getaddrinfo(host: Any, *args: Any, **options: Any) -> Any:
        asked.append(host.decode() if isinstance(host, bytes) else host)
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    monkeypatch.setenv("ALL_PROXY", PROXY)
    monkeypatch.setenv("NO_PROXY", no_proxy)
    with httpx.Client(verify=False) as client, pytest.raises(httpx.ConnectError):
        client.get(url)
    assert asked == [httpx.URL(url).raw_host.decode() if direct else "proxy.test"]


ENVIRONMENTS: list[tuple[dict[str, str], str, str | None]] = [
    ({}, "https", None),
    ({"HTTPS_PROXY": "http://a.test:1"}, "https", "http://a.test:1"),
    ({"HTTPS_PROXY": "http://a.test:1"}, "http", None),
    ({"HTTP_PROXY": "a.test:1"}, "http", "http://a.test:1"),
    ({"ALL_PROXY": "http://a.test:1"}, "https", "http://a.test:1"),
    ({"ALL_PROXY": "http://a.test:1", "https_proxy": "http://b.test:2"}, "https", "http://b.test:2"),
    ({"HTTPS_PROXY": "http://a.test:1", "https_proxy": "http://b.test:2"}, "https", "http://b.test:2"),
    # An empty one in small letters switches the other off.
    ({"HTTPS_PROXY": "http://a.test:1", "https_proxy": ""}, "https", None),
    ({"HTTPS_PROXY": "http://a.test:1", "NO_PROXY": "fal.run"}, "https", None),
    ({"HTTPS_PROXY": "http://a.test:1", "no_proxy": "fal.run"}, "https", None),
    ({"HTTPS_PROXY": "http://a.test:1", "NO_PROXY": "fal.run", "no_proxy": "x"}, "https", "http://a.test:1"),
    ({"HTTPS_PROXY": "http://a.test:1", "NO_PROXY": "fal.run:444"}, "https", "http://a.test:1"),
    ({"HTTP_PROXY": "http://a.test:1", "REQUEST_METHOD": "POST"}, "http", None),
    ({"http_proxy": "http://a.test:1", "REQUEST_METHOD": "POST"}, "http", "http://a.test:1"),
    ({"HTTPS_PROXY": "http://a.test:1", "REQUEST_METHOD": "POST"}, "https", "http://a.test:1"),
]  # fmt: skip


@pytest.mark.parametrize(("variables", "scheme", "expected"), ENVIRONMENTS)
def test_the_environment(
    variables: dict[str, str], scheme: str, expected: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert proxy_for(scheme, "fal.run", 443 if scheme == "https" else 80) == expected
    # What the standard library, and so httpx, finds there.
    assert urllib.request.getproxies_environment().get("no", "") == proxies._variable("no_proxy")


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.8.8.8", "::1"])
def test_this_machine_is_never_reached_through_one(
    host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALL_PROXY", PROXY)
    assert proxy_for("http", host, 80) is None
    assert proxy_for("http", "10.0.0.1", 80) == PROXY


@pytest.mark.parametrize("platform", ["darwin", "win32"])
def test_the_settings_of_the_system(platform: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setattr(urllib.request, "getproxies", lambda: {"https": "http://system.test:1"})
    monkeypatch.setattr(urllib.request, "proxy_bypass", lambda host: host == "fal.run")
    assert proxy_for("https", "fal.ai", 443) == "http://system.test:1"
    assert proxy_for("https", "fal.run", 443) is None
    # With variables, the list of the system is not asked.
    variables = {"https": "http://a.test:1", "no": "fal.ai"}
    monkeypatch.setattr(urllib.request, "getproxies", lambda: variables)
    assert proxy_for("https", "fal.ai", 443) is None
    assert proxy_for("https", "fal.run", 443) == "http://a.test:1"


@pytest.mark.parametrize("scheme", ["socks5", "socks5h", "SOCKS5"])
def test_socks_needs_its_library(scheme: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALL_PROXY", f"{scheme}://proxy.test:1080")
    assert proxy_for("https", "fal.run", 443) == f"{scheme}://proxy.test:1080"
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=r"fal_stream\[socks\].*NO_PROXY"):
        proxy_for("https", "fal.run", 443)
    monkeypatch.setenv("NO_PROXY", "fal.run")
    assert proxy_for("https", "fal.run", 443) is None


def test_a_variable_of_another_name_is_no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRAVIS_APT_PROXY", PROXY)
    assert "TRAVIS_APT_PROXY" in os.environ
    assert proxy_for("https", "fal.run", 443) is None
