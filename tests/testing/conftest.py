from __future__ import annotations

from collections.abc import Iterator

import pytest

from fal_stream.testing import LocalFal


@pytest.fixture
def fal() -> Iterator[LocalFal]:
    with LocalFal() as fal:
        yield fal
