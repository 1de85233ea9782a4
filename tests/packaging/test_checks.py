"""The checks of what is built find what is wrong."""

from __future__ import annotations

import pytest
from packaging.version import Version

from tests.packaging.api import may_break
from tests.packaging.contents import differences, misleading

KNOWN = [".gitattributes", "README.md", "fal_stream/__init__.py"]
BUILT = ["PKG-INFO", "README.md", "fal_stream/__init__.py"]


def test_the_files_of_the_project() -> None:
    assert not list(differences(BUILT, KNOWN))


def test_a_file_too_many() -> None:
    assert list(differences([*BUILT, "notes.txt"], KNOWN)) == [
        "not a file of the project: notes.txt"
    ]


def test_a_file_too_few() -> None:
    assert list(differences(BUILT, [*KNOWN, "docs/guide.md"])) == [
        "not in the source distribution: docs/guide.md"
    ]


@pytest.mark.parametrize(
    "text",
    [
        "See the [guide](docs/guide.md#limits).",
        "![A plot](docs/performance.svg)",
        "[the changelog]( <CHANGELOG.md> )",
        "python -m pip install . && python -m fal_stream demo",
        "python -m pip install '.[trio]'",
    ],
)
def test_what_needs_a_checkout(text: str) -> None:
    assert len(list(misleading(text))) == 1


@pytest.mark.parametrize(
    "text",
    [
        "[fal.ai](https://fal.ai)",
        "[above](#start)",
        "python -m pip install fal_stream && python -m pip install 'fal_stream[trio]'",
    ],
)
def test_what_needs_none(text: str) -> None:
    assert not list(misleading(text))


@pytest.mark.parametrize(
    ("old", "new", "may"),
    [
        ("0.1.0", "0.1.0", False),
        ("0.1.0", "0.1.1", False),
        ("0.1.0", "0.2.0", True),
        ("0.9.0", "1.0.0", True),
        ("1.0.0", "1.1.0", False),
        ("1.9.0", "2.0.0", True),
    ],
)
def test_a_version_that_may_break(old: str, new: str, may: bool) -> None:
    assert may_break(Version(old), Version(new)) is may
