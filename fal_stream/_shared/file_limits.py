"""The size and time limits of a file that is read or saved."""

from __future__ import annotations

from dataclasses import dataclass

from .. import _checks

DEFAULT_MAX_BYTES = 512 * 1024 * 1024
DEFAULT_SECONDS = 600.0


@dataclass(frozen=True)
class FileLimits:
    """The limits of each file that is read or saved.

    Attributes:
        max_bytes: The largest size (bytes). Default 512 MiB.
        timeout: The longest time of a download (seconds), or None for no limit. Default 600.

    Raises:
        ConfigError: A limit can't be used.
    """

    max_bytes: int = DEFAULT_MAX_BYTES
    timeout: float | None = DEFAULT_SECONDS

    def __post_init__(self) -> None:
        _checks.check_whole("max_bytes", self.max_bytes, 1)
        _checks.check_seconds("timeout", self.timeout)
        _checks.warn_of_long_times({"timeout": self.timeout})
