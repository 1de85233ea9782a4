"""What the tests of the pages share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from fal_stream.testing import LocalFal
from tests.docs.examples import served


@pytest.fixture
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalFal]:
    """What an example runs in."""
    with served(tmp_path, monkeypatch) as fal:
        yield fal
