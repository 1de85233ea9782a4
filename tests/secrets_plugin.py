"""A search through everything that the tests show, for every key and token that they use.

Promises: a test fails in whose course a secret was printed, logged (by any logger, at any level),
warned of, or stood in an error of ours, in a pickle or in what a program printed that it ran. The
secrets are those that pass through the library and its local server: nobody has to name them. Works
in each worker of pytest-xdist by itself. A test that shows a secret on purpose has the mark
`shows_secrets`.

Leaves to others: secrets of fewer than 12 characters, which may stand in a text by chance, and the
deeper look of `tests/faults/captured_output.py`, which also keeps values, tracebacks and causes.
"""

from __future__ import annotations

import logging
import pickle
import subprocess
import warnings
from collections.abc import Callable, Generator, Iterator
from typing import Any

import pytest

from fal_stream._shared.redact import secrets_of
from fal_stream.credentials import Secret
from fal_stream.errors import FalStreamError
from fal_stream.testing import LocalFal, RecordedRequest
from fal_stream.testing.uploads import PendingUpload
from tests.faults.captured_output import forms_of

SHORTEST = 12
MARK = "shows_secrets"


class Search(logging.Handler):
    """Collects the secrets that one test uses, and what it shows."""

    def __init__(self) -> None:
        super().__init__(logging.NOTSET)
        self._secrets: set[str] = set()
        self._shown: list[tuple[str, object]] = []

    def begin(self) -> None:
        """Forget the test before."""
        self._secrets, self._shown = set(), []

    def declare(self, secret: object) -> None:
        """Take in what must not be shown; of a key also what follows its id."""
        if isinstance(secret, str):
            self._secrets.update((secret, secret.partition(":")[2]))

    def show(self, where: str, what: object) -> None:
        """Keep what was shown; it is made a text only if it is searched."""
        self._shown.append((where, what))

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a log record."""
        try:
            self.show(f"log of {record.name}", record.getMessage())
        except Exception as error:
            self.show(f"log of {record.name}", repr(error))
        if record.exc_info and record.exc_info[1] is not None:
            # Its text only: the error would keep alive what its frames hold.
            self.show(f"log of {record.name}", repr(record.exc_info[1]))

    def found(self) -> list[str]:
        """Tell where secrets were shown; nothing is good news."""
        forms = {
            form for secret in self._secrets if len(secret) >= SHORTEST for form in forms_of(secret)
        }
        if not forms:
            return []
        places: dict[str, list[str]] = {}
        for where, what in self._shown:
            places.setdefault(where, []).append(_text(what))
        texts = {where: "\n".join(parts) for where, parts in places.items()}
        return sorted(where for where, text in texts.items() if any(f in text for f in forms))


def _text(what: object) -> str:
    if isinstance(what, str):
        return what
    if isinstance(what, (bytes, bytearray)):
        return what.decode("latin-1")
    try:
        return repr(what)
    except Exception as error:
        return repr(error)


SEARCH = Search()


def _after(owner: Any, name: str, note: Callable[..., None]) -> Callable[[], None]:
    """Have a function called after each call of another; give what undoes it.

    Args:
        owner: The class or module that has the other.
        name: Its name.
        note: Gets what it returned, and its arguments.
    """
    original = getattr(owner, name)

    def noted(*args: Any, **options: Any) -> Any:
        result = original(*args, **options)
        note(result, *args)
        return result

    setattr(owner, name, noted)
    return lambda: setattr(owner, name, original)


def _note_attribute(_: object, error: object, name: str, value: object) -> None:
    # Not those of Python, which hold frames.
    if not name.startswith("__"):
        SEARCH.show(f"{name} of a {type(error).__name__}", value)


def _note_request(_: object, request: RecordedRequest, *args: object) -> None:
    for secret in secrets_of(request.target, request.headers):
        SEARCH.declare(secret)


def _note_warning(_: object, *args: object) -> None:
    # One from another process, where it was noted already, is made of keywords.
    for message in args[1:2]:
        SEARCH.show(type(message).__name__, str(message))


def _watched() -> Iterator[Callable[[], None]]:
    """Have noted what is secret, and what is shown."""
    declare, show = SEARCH.declare, SEARCH.show
    yield _after(Secret, "__init__", lambda _, holder, *args: declare(holder.reveal()))
    yield _after(LocalFal, "__init__", lambda _, fal: declare(fal.key))
    yield _after(RecordedRequest, "__init__", _note_request)
    yield _after(PendingUpload, "__init__", lambda _, upload: declare(upload.signature))
    yield _after(FalStreamError, "__setattr__", _note_attribute)
    yield _after(warnings.WarningMessage, "__init__", _note_warning)
    yield _after(pickle, "dumps", lambda data, value, *args: show("a pickle", data))
    yield _after(
        subprocess.Popen, "communicate", lambda said, *args: show("printed by a program", said)
    )
    yield _after(pytest.CaptureFixture, "readouterr", lambda said, *args: show("printed", said))


def pytest_configure(config: pytest.Config) -> None:
    """Watch from now on, with all loggers at level DEBUG."""
    config.addinivalue_line("markers", f"{MARK}: the test shows a secret on purpose")
    root = logging.getLogger()
    level = root.level
    root.setLevel(logging.DEBUG)
    root.addHandler(SEARCH)
    config.add_cleanup(lambda: root.setLevel(level))
    config.add_cleanup(lambda: root.removeHandler(SEARCH))
    for undo in _watched():
        config.add_cleanup(undo)


def pytest_sessionstart(session: pytest.Session) -> None:
    """Leave what pytest itself keeps of logs as it is without us."""
    logs = session.config.pluginmanager.get_plugin("logging-plugin")
    for name in ("caplog_handler", "report_handler"):
        handler = getattr(logs, name, None)
        if isinstance(handler, logging.Handler) and not handler.level:
            handler.setLevel(logging.WARNING)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Begin with a test."""
    SEARCH.begin()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Search what a test has shown, and let it fail where that holds a secret."""
    report = yield
    if call.when != "teardown" or item.get_closest_marker(MARK):
        return report
    for title, text in report.sections:
        SEARCH.show(title, text)
    places = SEARCH.found()
    if places:
        report.outcome = "failed"
        report.longrepr = f"The test showed a secret: {', '.join(places)}"
    return report
