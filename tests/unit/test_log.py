"""`FAL_STREAM_LOG`, each time in a process of its own."""

from __future__ import annotations

import logging
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from fal_stream._reporting.log import LOGGER, show_log
from tests.docs.named_tests import ROOT

PROGRAM = """
import logging
from fal_stream import StreamingClient
from fal_stream.testing import LocalFal

{setup}
with LocalFal() as fal, StreamingClient(**fal.settings) as client:
    fal.add("acme/app", ["a chunk"])
    client.stream("acme/app", input="an input").done()
"""
LINE = r"stream endpoint=acme/app request_id=\S+ outcome=done chunks=1 bytes=17 seconds=0\.\d+"
TIME = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d+"


def run(value: str | None, setup: str = "", *options: str) -> str:
    """Run a program with a value of the variable; give what it wrote to standard error."""
    command = [sys.executable, *options, "-c", PROGRAM.format(setup=setup)]
    environment = {} if value is None else {"FAL_STREAM_LOG": value}
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""
    return done.stderr


@pytest.mark.parametrize("value", [None, "", " "])
def test_nothing_is_written_by_itself(value: str | None) -> None:
    assert run(value) == ""


@pytest.mark.parametrize("value", ["info", "INFO", " Info "])
def test_info_is_one_line(value: str) -> None:
    assert re.fullmatch(f"{TIME} INFO fal_stream: {LINE}\n", run(value))


def test_debug_is_more() -> None:
    said = run("debug")
    assert len(said.splitlines()) == 4
    assert re.search(f"{TIME} DEBUG fal_stream: POST to http://127.0.0.1:", said)
    assert re.search(f"{TIME} INFO fal_stream: {LINE}\n", said)
    assert "an input" not in said
    assert "a chunk" not in said
    assert "local-secret" not in said


def test_another_value_is_warned_of() -> None:
    said = run("verbose")
    assert (
        "FAL_STREAM_LOG='verbose' is not known, and nothing is logged: give debug or info" in said
    )
    assert "outcome" not in said


def test_a_program_that_logs_by_itself_gets_each_line_once() -> None:
    setup = "logging.basicConfig(format='mine: %(message)s')"
    assert re.fullmatch(f"mine: {LINE}\n", run("info", setup))


def test_a_program_without_standard_error() -> None:
    assert run("info", "import sys; sys.stderr = None") == ""


def test_a_program_logs_without_the_variable() -> None:
    setup = "logging.basicConfig(level='INFO'); logging.getLogger('httpx').setLevel('ERROR')"
    assert re.fullmatch(f"INFO:fal_stream:{LINE}\n", run(None, setup))


@contextmanager
def bare_logging() -> Iterator[logging.Logger]:
    """Give the logger without handlers, as in a program that has set up no logging by itself."""
    root, level = logging.getLogger(), LOGGER.level
    kept = [(each, each.handlers) for each in (root, LOGGER)]
    for each, _ in kept:
        each.handlers = []
    try:
        yield LOGGER
    finally:
        for each, handlers in kept:
            each.handlers = handlers
        LOGGER.setLevel(level)


def test_a_record_is_written(capsys: pytest.CaptureFixture[str]) -> None:
    with bare_logging() as logger:
        show_log({"FAL_STREAM_LOG": "info"})
        assert logger.level == logging.INFO
        logger.info("so %s", "it is")
    assert re.fullmatch(f"{TIME} INFO fal_stream: so it is\n", capsys.readouterr().err)


def test_a_record_that_cannot_be_written(capsys: pytest.CaptureFixture[str]) -> None:
    with bare_logging() as logger:
        show_log({"FAL_STREAM_LOG": "debug"})
        logger.debug("%d", "no number")
    assert "Logging error" in capsys.readouterr().err


def test_nothing_is_changed_by_a_value_that_is_not_known() -> None:
    with bare_logging() as logger:
        level = logger.level
        with pytest.warns(UserWarning, match="give debug or info"):
            show_log({"FAL_STREAM_LOG": "loud"})
        show_log({})
        assert logger.handlers == []
        assert logger.level == level
