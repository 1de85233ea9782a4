"""Without the original, what needs it is not collected; `nox -s original` installs it.

The variable `NPM_FOLDER` names the folder whose `node_modules` holds the npm packages.
"""

from __future__ import annotations

import os
from typing import Any

import pytest

from tests.original import javascript
from tests.original.catalogue import SCENARIOS

FOLDER = os.environ.get("NPM_FOLDER")

if FOLDER is None:
    collect_ignore_glob = ["test_original.py"]


@pytest.fixture(scope="session")
def original() -> dict[str, Any]:
    """What was seen of each scenario through `@fal-ai/client`, by its name."""
    assert FOLDER is not None
    return javascript.play_all(SCENARIOS, FOLDER)
