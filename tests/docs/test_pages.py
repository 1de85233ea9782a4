"""The pages hang together: links, the table of contents, the reference, examples of one source."""

from __future__ import annotations

import re
from pathlib import Path
from types import ModuleType

import pytest

import fal_stream
import fal_stream.testing
import fal_stream.workflows
from tests.docs.flavours import EXAMPLE, PAGES, current
from tests.docs.named_tests import ROOT

DOCS = ROOT / "docs"
LINK = re.compile(r"\]\(([^)#\s]*)(?:#([^)\s]*))?\)")
HEADING = re.compile(r"^#+ (.*)$", re.MULTILINE)
FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
LISTED = re.compile(r"^<!-- contents -->\n((?:- .*\n(?:  .*\n)*)+)", re.MULTILINE)
TEXTS = [ROOT / "README.md", ROOT / "CHANGELOG.md", *PAGES]


def prose(page: Path) -> str:
    return FENCE.sub("", page.read_text(encoding="utf-8"))


def anchors(page: Path) -> set[str]:
    """Give the anchors of a page, as GitHub makes them of headings."""
    titles = HEADING.findall(prose(page))
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


def listed(page: Path) -> list[Path]:
    """Give the pages below one, in the order of its table of contents."""
    below: list[Path] = []
    for items in LISTED.findall(page.read_text(encoding="utf-8")):
        for link, _ in LINK.findall(items):
            target = (page.parent / link).resolve()
            below += [target, *listed(target)]
    return below


@pytest.mark.parametrize("page", TEXTS, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(page: Path) -> None:
    for path, anchor in LINK.findall(prose(page)):
        if "://" in path:
            continue
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), path
        assert not anchor or anchor in anchors(target), f"{path}#{anchor}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(DOCS).as_posix())
def test_links_stay_in_the_docs(page: Path) -> None:
    # What is built has nothing else.
    for path, _ in LINK.findall(prose(page)):
        if path and "://" not in path:
            assert (page.parent / path).resolve().is_relative_to(DOCS), path


def test_every_page_is_in_the_contents_once() -> None:
    front = DOCS / "index.md"
    assert sorted([front, *listed(front)]) == PAGES


def test_every_heading_of_a_page_has_an_anchor_of_its_own() -> None:
    for page in PAGES:
        titles = HEADING.findall(prose(page))
        assert len(anchors(page)) == len(titles), page.name


@pytest.mark.parametrize(
    "module",
    [fal_stream, fal_stream.testing, fal_stream.workflows],
    ids=lambda module: module.__name__,
)
def test_the_reference_has_each_public_name_once(module: ModuleType) -> None:
    described: list[str] = []
    for page in sorted((DOCS / "reference").glob("*.md")):
        text = page.read_text(encoding="utf-8")
        if f".. currentmodule:: {module.__name__}\n" in text:
            described += re.findall(r"^\.\. (?:auto\w+|py:data):: (\w+)", text, re.MULTILINE)
    assert sorted(described) == sorted(module.__all__)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(DOCS).as_posix())
def test_blocking_examples_are_those_of_the_asynchronous_ones(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    marks = [
        len(re.findall(f"^<!-- {mark} -->$", text, re.M))
        for mark in ("flavours", "end of flavours")
    ]
    examples = list(EXAMPLE.finditer(text))
    assert marks == [len(examples)] * 2
    if examples:
        assert current(text) == text
    for example in examples:
        assert not re.search("async|await", example["blocking"])
        assert re.search(r"\bawait |\basync ", example["source"])


def test_the_front_page_has_all_kinds_of_users() -> None:
    (example,) = EXAMPLE.finditer((DOCS / "index.md").read_text(encoding="utf-8"))
    assert "with StreamingClient()" in example["blocking"]
    assert "asyncio.run(" in example["source"]
    assert ".show()" in example["more"]
