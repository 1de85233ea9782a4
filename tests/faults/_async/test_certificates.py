"""Row 35: certificates that prove nothing."""

from __future__ import annotations

import datetime as dt
import re
import ssl
from pathlib import Path

import pytest
import trustme

from fal_stream import AsyncStreamingClient, RetryPolicy, StreamConnectionError
from fal_stream.testing import LocalFal
from tests._async.read_stream import read

PAST = dt.datetime(2020, 1, 1, tzinfo=dt.timezone.utc)

CASES = {
    "expired": (["127.0.0.1"], PAST, True, "certificate has expired"),
    "of another host": (["other.example"], None, True, "not valid for '127.0.0.1'"),
    "self-signed": (["127.0.0.1"], None, False, "self.signed certificate|local issuer"),
}


@pytest.mark.parametrize(("names", "ends", "trusted", "says"), CASES.values(), ids=CASES)
async def test_a_bad_certificate(
    names: list[str],
    ends: dt.datetime | None,
    trusted: bool,
    says: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    authority, other = trustme.CA(), trustme.CA()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert(*names, not_after=ends).configure_cert(context)
    (authority if trusted else other).cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    # A second try would be waited for without an end.
    policy = RetryPolicy(base_delay=1000, max_delay=1000)
    with LocalFal(ssl_context=context) as fal:
        fal.add("acme/app", [1])
        settings = {**fal.settings, "retry": policy, "start_timeout": None}
        async with AsyncStreamingClient(**settings) as client:
            chunks, error = await read(client.stream("acme/app"))
        assert fal.requests == []
    assert chunks == []
    assert type(error) is StreamConnectionError
    assert not error.transient
    assert not error.request_sent
    assert re.search(says, str(error)), error
