"""What the tests of notebooks share: an environment for kernels, and a kernel."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import fal_stream
from fal_stream.testing import LocalFal
from tests.display.kernel import Kernel

ROOT = Path(fal_stream.__file__).parents[1]


@pytest.fixture
def kernel_environment(fal: LocalFal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What kernels find: the test's server and its key, and nothing of whoever runs the tests."""
    monkeypatch.setenv("FAL_RUN_HOST", fal.url)
    monkeypatch.setenv("FAL_KEY", fal.settings["credentials"])
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    for name in ("IPYTHONDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR"):
        (tmp_path / name).mkdir()
        monkeypatch.setenv(name, str(tmp_path / name))


@pytest.fixture
def kernel(kernel_environment: None) -> Iterator[Kernel]:
    """A kernel that has imported the package."""
    with Kernel() as kernel:
        kernel.run("import asyncio, time\nfrom fal_stream import *")
        yield kernel
