"""What pytest does differently while mutants are tested: `-p tests.mutants.plugin`.

The examples of hypothesis are the same in each run and aren't made smaller, and what is quick
comes first. Tests that count calls are left out: mutmut wraps each function in more of them.
"""

from __future__ import annotations

import pytest
from hypothesis import Phase, settings

COUNTS_CALLS = "few_calls"
TAKES_LONG = ("memory", "linear", "dripped", "huge_digits", "not_imported")

settings.register_profile(
    "mutants",
    database=None,
    deadline=None,
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],
)


def pytest_configure() -> None:
    """Take the profile before the tests are imported, for their own settings build upon it."""
    settings.load_profile("mutants")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what counts calls, and put what has many examples last."""
    left_out = [item for item in items if COUNTS_CALLS in item.name]
    config.hook.pytest_deselected(items=left_out)
    kept = [item for item in items if item not in left_out]
    items[:] = sorted(kept, key=_rank)


def _rank(item: pytest.Item) -> int:
    if any(part in item.name for part in TAKES_LONG):
        return 2
    return 1 if item.get_closest_marker("hypothesis") else 0
