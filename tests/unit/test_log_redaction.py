"""What other libraries log while a request of ours is under way."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from fal_stream._net.log_redaction import RedactedLogs
from fal_stream._shared.redact import Redactor

KEY = "0f5e3c1d-key-id:8b1d~secret.of-the_key"
ADDRESS = "https://fal.run/acme/app/stream?X-Signature=of-an-upload&plain=1"
LOGS = RedactedLogs(ADDRESS, Redactor(ADDRESS, {"authorization": f"Key {KEY}"}))

LOGGER = logging.getLogger("a.library.of.tomorrow")


@pytest.fixture(autouse=True)
def factory() -> Iterator[Any]:
    """The factory of log records before a test."""
    before = logging.getLogRecordFactory()
    logging.setLogRecordFactory(logging.LogRecord)
    yield logging.LogRecord
    logging.setLogRecordFactory(before)


@pytest.fixture(autouse=True)
def _level(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)


def test_a_record_of_any_logger(caplog: pytest.LogCaptureFixture) -> None:
    with LOGS:
        LOGGER.debug("Adding %r: %r", b"authorization", f"Key {KEY}".encode())
        LOGGER.info("HTTP Request: POST %s", ADDRESS)
        LOGGER.info("nothing secret: %d", 1)
    assert caplog.messages == [
        "Adding b'authorization': b'Key ***'",
        "HTTP Request: POST https://fal.run/acme/app/stream?***",
        "nothing secret: 1",
    ]
    # What nothing was masked in is as it was.
    assert caplog.records[2].args == (1,)


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("setup_socks5_connection.started auth=(b'me', b'word')", "auth=***"),
        ("setup auth=(b'me', b'pass)word') at once", "auth=*** at once"),
        ("setup auth=(b'me', b'pass", "auth=***"),
        ("(x) setup auth=(b'me'", "auth=***"),
        ("setup auth=None (x)", "auth=None (x)"),
    ],
)
def test_the_password_of_a_proxy(text: str, masked: str, caplog: pytest.LogCaptureFixture) -> None:
    with LOGS:
        LOGGER.debug(text)
    assert caplog.messages == [text.partition("auth=")[0] + masked]


def test_records_of_any_length() -> None:
    """Each would take hours if a pattern looked at what follows from each place on."""
    assert LOGS.redact("auth=(" * 200_000) == "auth=***"
    assert LOGS.redact("auth=(" * 200_000 + ")" + "?" * 100_000) == "auth=***" + "?" * 100_000
    assert LOGS.redact("?" * 1_000_000) == "?" * 1_000_000


def test_records_of_other_requests_stay(caplog: pytest.LogCaptureFixture) -> None:
    with LOGS:
        others = threading.Thread(target=LOGGER.info, args=["beside: %s", KEY])
        others.start()
        others.join()
    LOGGER.info("after: %s", KEY)
    LOGGER.info("GET https://example.com/?token=%s", KEY)
    assert caplog.messages == [
        f"beside: {KEY}",
        f"after: {KEY}",
        f"GET https://example.com/?token={KEY}",
    ]


def test_a_context_to_call_functions_in(caplog: pytest.LogCaptureFixture) -> None:
    with LOGS:
        pass
    context = LOGS.context()
    context.run(LOGGER.info, "within: %s", KEY)
    LOGGER.info("without: %s", KEY)
    assert caplog.messages == ["within: ***", f"without: {KEY}"]


def test_a_factory_of_the_programs_own(caplog: pytest.LogCaptureFixture) -> None:
    made: list[str] = []

    def make(*args: Any, **options: Any) -> logging.LogRecord:
        record = logging.LogRecord(*args, **options)
        made.append(record.name)
        record.shop = "corner"
        return record

    for _ in range(2):
        # Set before, and set in the place of ours.
        logging.setLogRecordFactory(make)
        with LOGS:
            LOGGER.info("%s", KEY, extra={"till": 1})
    assert caplog.messages == ["***", "***"]
    assert made == [LOGGER.name] * 2
    assert [(vars(record)["shop"], vars(record)["till"]) for record in caplog.records] == [
        ("corner", 1)
    ] * 2


def test_a_factory_over_ours(caplog: pytest.LogCaptureFixture) -> None:
    with LOGS:
        pass
    ours = logging.getLogRecordFactory()
    logging.setLogRecordFactory(lambda *args, **options: ours(*args, **options))
    with LOGS:
        LOGGER.info("%s", KEY)
    assert caplog.messages == ["***"]
    # It is put over the program's own once, not with each request.
    made = logging.getLogRecordFactory()
    with LOGS:
        assert logging.getLogRecordFactory() is made


def test_no_logger_and_no_handler_is_touched() -> None:
    def filters() -> list[Any]:
        loggers = [logging.getLogger(), LOGGER, logging.getLogger("httpx")]
        handlers = logging.getLogger().handlers
        return [list(one.filters) for one in (*loggers, *handlers)]

    before = filters()
    with LOGS:
        LOGGER.info("%s", KEY)
    assert filters() == before


def test_what_can_not_be_written_is_left_to_its_writer() -> None:
    with LOGS:
        record = LOGGER.makeRecord("x", logging.INFO, "", 0, "%d", ("x",), None)
        structured = LOGGER.makeRecord("x", logging.INFO, "", 0, {"key": KEY}, (), None)
    assert record.args == ("x",)
    assert structured.msg == {"key": KEY}
