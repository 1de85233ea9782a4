"""Capture everything that a program shows while it runs, and search it for secrets.

Promises: what is logged (by any logger, at any level), printed, warned of, raised and pickled is
kept as text, until the search. Leaves to others: making the program show something.
"""

from __future__ import annotations

import base64
import contextlib
import logging
import pickle
import traceback
import warnings
from collections.abc import Iterable, Iterator
from urllib.parse import quote, quote_plus

import pytest

__all__ = ["CapturedOutput", "capturing", "forms_of"]


class CapturedOutput(logging.Handler):
    """Collects what is shown.

    Args:
        capture: Gives what was printed.

    Attributes:
        raised: The packages that errors were of, or those that they came of.
    """

    def __init__(self, capture: pytest.CaptureFixture[str]) -> None:
        super().__init__(logging.NOTSET)
        self._capture = capture
        self._texts: list[tuple[str, str]] = []
        self.raised: set[str] = set()

    def add(self, where: str, text: object) -> None:
        """Keep a text.

        Args:
            where: Where it was shown.
            text: The text, or what is made one by `str`.
        """
        self._texts.append((where, str(text)))

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a log record, with all that hangs on it."""
        where = f"log of {record.name}"
        self.add(where, self.format(record))
        self.add(where, {**vars(record), "exc_info": None})
        if record.exc_info and record.exc_info[1] is not None:
            self.error(record.exc_info[1])

    def error(self, error: BaseException) -> None:
        """Keep an error: its texts, its traceback, its pickle, and those that it came of."""
        seen: set[int] = set()
        pending: list[BaseException | None] = [error]
        while pending:
            one = pending.pop()
            if one is None or id(one) in seen:
                continue
            seen.add(id(one))
            self.raised.add(type(one).__module__.partition(".")[0])
            where = f"raised {type(one).__name__}"
            for text in (one, repr(one), one.args, vars(one)):
                self.add(where, text)
            self.add(f"{where}, traceback", "".join(traceback.format_exception(one)))
            self.pickled(one)
            pending += [one.__cause__, one.__context__]

    def value(self, value: object) -> None:
        """Keep what a program may print of a value, and its pickle."""
        where = f"value {type(value).__name__}"
        for text in (value, repr(value), f"{value}"):
            self.add(where, text)
        self.pickled(value)

    def pickled(self, value: object) -> None:
        """Keep the pickle of a value, or why there is none."""
        where = f"pickle of {type(value).__name__}"
        try:
            data = pickle.dumps(value)
        except Exception as error:
            self.add(where, repr(error))
        else:
            self.add(where, data.decode("latin-1"))

    def found(self, *secrets: str) -> list[str]:
        """Search for secrets, in each form that they may have.

        Args:
            *secrets: The secrets.

        Returns:
            Where they were shown; nothing is good news.
        """
        printed = self._capture.readouterr()
        self.add("printed", printed.out)
        self.add("printed", printed.err)
        forms = {form for secret in secrets for form in forms_of(secret)}
        places = (where for where, text in self._texts if any(form in text for form in forms))
        return sorted(set(places))

    @property
    def size(self) -> int:
        """How many texts there are."""
        return len(self._texts)


def forms_of(secret: str) -> Iterable[str]:
    """Give the forms that a secret may have in a text.

    Args:
        secret: The secret.

    Yields:
        As it is, percent-encoded, in hexadecimal digits and in base64.
    """
    data = secret.encode()
    yield from (secret, quote(secret, safe=""), quote_plus(secret), data.hex())
    # Wherever it stands in what is encoded: without the characters that depend on its neighbours.
    yield from (base64.b64encode(bytes(shift) + data).decode()[4:-4] for shift in (0, 1, 2))


@contextlib.contextmanager
def capturing(capture: pytest.CaptureFixture[str]) -> Iterator[CapturedOutput]:
    """Collect everything that is shown, with all loggers at level DEBUG.

    Args:
        capture: Gives what was printed.

    Yields:
        What is captured.
    """
    captured = CapturedOutput(capture)
    root = logging.getLogger()
    others = [logging.getLogger(name) for name in list(logging.root.manager.loggerDict)]
    levels = [(logger, logger.level) for logger in (root, *others)]
    for logger, _ in levels:
        logger.setLevel(logging.DEBUG)
    root.addHandler(captured)
    try:
        with warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("always")
            yield captured
            for warning in warned:
                captured.add("warned", warning)
    finally:
        root.removeHandler(captured)
        for logger, level in levels:
            logger.setLevel(level)
