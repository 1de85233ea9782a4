from __future__ import annotations

import logging

import pytest

from fal_stream._net.masking import mask_secrets_in_logs, masked_in_logs
from fal_stream._shared.redact import Redactor

KEY = "0f5e3c1d-key-id:8b1d~secret.of-the_key"
REDACTOR = Redactor("https://fal.run/acme/app", {"authorization": f"Key {KEY}"})

LOGGERS = [
    "httpx",
    "httpcore.connection",
    "httpcore.http11",
    "httpcore.http2",
    "httpcore.proxy",
    "httpcore.socks",
    "hpack.hpack",
    "hpack.table",
]


@pytest.mark.parametrize("name", LOGGERS)
def test_a_record_about_a_request_of_ours(name: str, caplog: pytest.LogCaptureFixture) -> None:
    mask_secrets_in_logs()
    with caplog.at_level(logging.DEBUG, logger=name), masked_in_logs(REDACTOR):
        logging.getLogger(name).debug("Adding %r: %r", b"authorization", f"Key {KEY}".encode())
    assert caplog.messages == ["Adding b'authorization': b'Key ***'"]


def test_a_record_of_another_request_stays(caplog: pytest.LogCaptureFixture) -> None:
    mask_secrets_in_logs()
    with caplog.at_level(logging.DEBUG, logger="httpx"):
        with masked_in_logs(REDACTOR):
            pass
        logging.getLogger("httpx").info("GET https://example.com/?a=%s", KEY)
        logging.getLogger("httpx").info("GET https://example.com/?fal_jwt_token=%s", "eyJ0eXAi.x-y")
    assert caplog.messages == [
        f"GET https://example.com/?a={KEY}",
        "GET https://example.com/?fal_jwt_token=***",
    ]


def test_a_record_that_can_not_be_written_is_left_to_its_writer() -> None:
    mask_secrets_in_logs()
    record = logging.LogRecord("httpx", logging.INFO, "", 0, "%d", ("x",), None)
    assert logging.getLogger("httpx").filter(record)
    assert record.args == ("x",)
