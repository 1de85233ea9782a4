"""The library's logger, and `FAL_STREAM_LOG`, which prints the log to stderr.

Promises: without the variable, no handler is added and no level is set. The log line at the end of
a stream is in `reporter.py`. Callers don't log secrets and payloads.
"""

from __future__ import annotations

import logging
import sys
import warnings
from collections.abc import Mapping

from .._checks import short_repr
from .._signal_errors import raised_by_signal_handler

LOGGER = logging.getLogger("fal_stream")
VARIABLE = "FAL_STREAM_LOG"

_LEVELS = {"debug": logging.DEBUG, "info": logging.INFO}


class _StandardError(logging.Handler):
    """Writes to standard error, unless the program has set up logging by itself."""

    def emit(self, record: logging.LogRecord) -> None:
        if sys.stderr is None or logging.getLogger().handlers:
            return  # the program's own handlers get the record
        try:
            sys.stderr.write(self.format(record) + "\n")
        except Exception as error:
            if raised_by_signal_handler(error) is not None:
                raise
            self.handleError(record)


def show_log(environment: Mapping[str, str]) -> None:
    """Print the log to standard error if `FAL_STREAM_LOG` says so.

    An unknown value of the variable is only a warning, because it is no reason to stop a program.

    Args:
        environment: The environment variables.
    """
    value = environment.get(VARIABLE, "").strip()
    if not value:
        return
    level = _LEVELS.get(value.lower())
    if level is None:
        warnings.warn(
            f"{VARIABLE}={short_repr(value)} is not known, and nothing is logged: "
            f"give {' or '.join(_LEVELS)}",
            stacklevel=2,
        )
        return
    handler = _StandardError()
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    LOGGER.addHandler(handler)
    LOGGER.setLevel(level)
