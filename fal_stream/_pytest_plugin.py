"""The pytest plugin of fal_stream: the fixture `local_fal`.

pytest imports it in every run, so it imports almost nothing until a test asks for the fixture.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from fal_stream.testing import LocalFal


@pytest.fixture
def local_fal(monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalFal]:
    """A fal server on this machine, which is set in the environment variables of fal_stream.

    Clients that are created in the test, and `fal_stream.stream()`, use it with an invented key. It
    is stopped after the test, and then raises an exception of its scripts.
    """
    from fal_stream.testing.fixture import serve

    yield from serve(monkeypatch)
