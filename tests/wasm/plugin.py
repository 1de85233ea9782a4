"""A pytest plugin that skips what WebAssembly has not: threads, processes, pipes and sockets.

A test that fails for want of one of them is skipped, with what is missing as the reason; each
other failure counts. Files of tests that can't be imported for want of a compiled package are left
out.
"""

from __future__ import annotations

from collections.abc import Generator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

_MISSING = ("can't start new thread", "does not support processes", "Invalid argument", "openpty")

# Compiled, and not to be had.
_PACKAGES = ("PIL", "cryptography", "fastapi", "openai", "trustme")

# The first imports each module, also those for trio; the second needs links of files.
_FILES = ("test_half_made.py", "test_part_file.py")

_TESTS = {
    "test_a_deep_chunk_says_so": "the stack is another",
    "test_each_option_and_setting_is_documented": "pydantic has hints there that can't be resolved",
    "test_an_event_that_is_nested_too_deeply_is_no_json_either": "the stack is another",
    "test_paths_that_cannot_be_read": "its file system has other limits",
    "test_time_is_linear": "its clock and its caches are others",
}


def pytest_ignore_collect(collection_path: Path) -> bool | None:
    """Leave out what imports packages that are not there."""
    if collection_path.suffix != ".py" or not collection_path.name.startswith("test_"):
        return None
    text = collection_path.read_text("utf-8")
    missing = [name for name in _PACKAGES if find_spec(name) is None]
    is_needed = any(f"\nimport {name}\n" in text or f"\nfrom {name}" in text for name in missing)
    return True if is_needed or collection_path.name in _FILES else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what depends on more than Python."""
    for item in items:
        reason = _TESTS.get(getattr(item, "originalname", item.name))
        if reason is not None:
            item.add_marker(pytest.mark.skip(reason=reason))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[Any]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Skip a test that has failed for want of what is not there."""
    report = yield
    if report.failed and call.excinfo is not None:
        reason = str(call.excinfo.value)
        if any(part in reason for part in _MISSING):
            report.outcome = "skipped"
            report.longrepr = (str(item.path), 0, f"Skipped: {reason[:80]}")
    return report
