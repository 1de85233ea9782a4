"""What pytest does differently while mutants are tested: `-p tests.mutants.plugin`.

The examples of hypothesis are the same in each run and aren't made smaller, and what is quick
comes first. Left out are tests that count calls, for mutmut wraps each function in more of them,
and those that make a million calls. No pattern is kept that was made before the code was changed.
"""

from __future__ import annotations

import pytest
from hypothesis import Phase, settings

LEFT_OUT = ("few_calls", "tiny")
TAKES_LONG = ("memory", "long_texts", "linear", "dripped", "huge_digits")

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
    """Leave out what can't run here, and put what takes long last."""
    left_out = [item for item in items if any(part in item.name for part in LEFT_OUT)]
    config.hook.pytest_deselected(items=left_out)
    kept = [item for item in items if item not in left_out]
    items[:] = sorted(kept, key=_rank)


def pytest_runtest_setup() -> None:
    """Forget what tests before had made of secrets, for mutmut tests in forks of one process."""
    from fal_stream._shared.redact import _forms_of

    _forms_of.cache_clear()


def _rank(item: pytest.Item) -> int:
    if any(part in item.name for part in TAKES_LONG):
        return 2
    return 1 if item.get_closest_marker("hypothesis") else 0
