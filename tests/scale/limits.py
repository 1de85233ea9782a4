"""How many files, sockets included, a process may have open."""

from __future__ import annotations

import sys

ENOUGH = 100_000


def most_open_files() -> int:
    """Return how many a process may open at most; 0 where the system doesn't tell."""
    if sys.platform == "win32":
        return 0
    import resource

    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    return ENOUGH if most == resource.RLIM_INFINITY else most


def allow_open_files() -> None:
    """Let this process open as many as the system lets it."""
    if sys.platform != "win32":
        import resource

        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most_open_files(), hard))
