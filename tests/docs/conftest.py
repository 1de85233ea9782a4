"""What the tests of the pages share."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from fal_stream.testing import LocalFal
from tests.docs.examples import served


@pytest.fixture
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalFal]:
    """What an example runs in; the level that an example gives to the log ends with it."""
    logger = logging.getLogger("fal_stream")
    level = logger.level
    with served(tmp_path, monkeypatch) as fal:
        yield fal
    logger.setLevel(level)
