"""Every Python example of the README and the docs runs, against a local fal server.

Those of the page of recipes have tests of their own (`test_recipes.py`).
"""

from __future__ import annotations

import re

import pytest

from fal_stream.testing import LocalFal
from tests.docs.examples import EXAMPLE, run
from tests.docs.named_tests import ROOT

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("**/*.md"))]
EXAMPLES = [
    pytest.param(code, id=f"{page.name}-{number}")
    for page in PAGES
    if page.name != "recipes.md"
    for number, code in enumerate(EXAMPLE.findall(page.read_text(encoding="utf-8")), start=1)
]


@pytest.mark.parametrize("code", EXAMPLES)
def test_example_runs(code: str, environment: LocalFal, capsys: pytest.CaptureFixture[str]) -> None:
    if "from distributed import" in code:
        pytest.importorskip("distributed", reason="Dask is not installed: nox -s dask does it")
    run(code)
    assert bool(re.search(r"print\(|\.show\(", code)) == bool(capsys.readouterr().out)


def test_there_are_examples_for_each_kind_of_user() -> None:
    code = "\n".join(EXAMPLE.findall((ROOT / "README.md").read_text(encoding="utf-8")))
    for part in ("with StreamingClient()", "asyncio.run(", "stream = await stream_async("):
        assert part in code


def test_ci_runs_the_test_command_of_the_readme() -> None:
    commands = re.findall(
        r"```sh\n(.*?)\n```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL
    )
    assert len(commands) == 3
    ci = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert commands[-1] in ci


def test_the_readme_leaves_figures_to_the_page_that_measures_them() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert "docs/contributing/performance.md" in readme
    assert not re.findall(r"\d ?(?:us|ms|MB|MiB|KiB|times|%)", readme)
