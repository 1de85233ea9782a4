"""The figures as tables, and the page that shows them."""

from __future__ import annotations

import itertools
import os
import platform
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path

import fal_stream
from tests.docs.generated_parts import GeneratedPart
from tests.docs.named_tests import ROOT

from .contenders import CONTENDERS, Flavour
from .goals import reached
from .results import FAL_CLIENT, OURS, RAW, Column, Entry, Measured, Results, columns_of
from .workloads import WORKS, Work

__all__ = ["PAGE", "described", "tables", "write_page"]

PAGE = ROOT / "docs" / "contributing" / "performance.md"

# What is less than that is no difference: figures vary as much from run to run.
AHEAD = 1.05

RATIOS = {"times fal-client": FAL_CLIENT, "times raw": RAW}


def tables(runs: Mapping[str, Results]) -> Iterator[str]:
    """Write the goals, where a peer is ahead, and a table for each work, in lines of Markdown.

    Args:
        runs: What was measured, by how ("pinned").
    """
    goals = reached(runs)
    if goals:
        yield from ("## Goals", "", *goals, "")
    names = {name: None for results in runs.values() for name in results.works}
    ahead = [row for name in names for row in _ahead(WORKS[name], runs)]
    if ahead:
        yield from ("## Where a peer is ahead", "")
        yield f"How many times the best peer's figure ours is, where that is more than {AHEAD}."
        yield ""
        yield f"| work | figure | flavour | {' | '.join(runs)} |"
        yield f"| --- | --- | --- |{' --- |' * len(runs)}"
        yield from (*ahead, "")
    for name in names:
        yield from (f"## {_heading(WORKS[name])}", "", *_table(WORKS[name], runs), "")


def _heading(work: Work) -> str:
    title = work.title[0].upper() + work.title[1:]
    return f"{title}: memory" if work.kind == "memory" else title


def _ahead(work: Work, runs: Mapping[str, Results]) -> Iterator[str]:
    # trio is left out: no peer is measured on it.
    flavours: tuple[Flavour, ...] = ("blocking", "asyncio")
    for column, flavour in itertools.product(columns_of(work), flavours):
        cells = []
        for results in runs.values():
            peer = results.best_peer(work.name, flavour, column) if column.compared else None
            entry = Entry(work.name, OURS, flavour)
            share = None if peer is None else results.share(entry, peer, column)
            is_ahead = share is not None and share > AHEAD
            cells.append(f"{share:.2f} ({peer})" if is_ahead else "-")
        if set(cells) != {"-"}:
            yield f"| {_heading(work)} | {column.title} | {flavour} | {' | '.join(cells)} |"


def _cell(column: Column, measured: Measured | None) -> str:
    value = None if measured is None else column.value(measured)
    return "-" if value is None else format(value, column.form)


def _table(work: Work, runs: Mapping[str, Results]) -> Iterator[str]:
    entries = {entry: None for results in runs.values() for entry, _ in results.rows(work.name)}
    rows = {entry: [_label(entry)] for entry in entries}
    heads = ["contender"]
    for how, results in runs.items():
        if not results.rows(work.name):
            continue
        is_first = len(heads) == 1
        mark = "" if is_first else f"{how}: "
        columns = [one for one in columns_of(work) if is_first or one.compared]
        ratios = {
            head: other
            for head, other in (RATIOS if is_first else {}).items()
            if any(entry.contender == other for entry in rows)
        }
        heads += [f"{mark}{head}" for head in [*(one.title for one in columns), *ratios]]
        heads.append(f"{mark}times the best peer")
        for entry, cells in rows.items():
            measured = results.get(work.name, entry.contender, entry.flavour)
            cells += [_cell(column, measured) for column in columns]
            peer = results.best_peer(work.name, entry.flavour, columns[0])
            for other in [*ratios.values(), peer]:
                share = None if other is None else results.share(entry, other, columns[0])
                cells.append("-" if share is None else f"{share:.2f}")
            if peer is not None and entry.contender == OURS:
                cells[-1] += f" ({peer})"
    yield f"| {' | '.join(heads)} |"
    yield f"| --- |{' ---: |' * (len(heads) - 1)}"
    yield from (f"| {' | '.join(cells)} |" for cells in rows.values())


def _label(entry: Entry) -> str:
    contender = CONTENDERS.get(entry.contender)
    if contender is None:  # a program
        return entry.contender
    return f"{entry.contender}, {entry.flavour}" if contender.module else entry.contender


def described(names: Sequence[str], npm: str | None, rounds: int) -> Iterator[str]:
    """Say on what was measured, and what is missing.

    Args:
        names: The names of the contenders that were asked for.
        npm: The folder with the npm packages, if there is one.
        rounds: How many rounds.

    Yields:
        Lines of Markdown.
    """
    python = f"{platform.python_implementation()} {platform.python_version()}"
    load = f", of which {os.getloadavg()[0]:.1f} were busy" if hasattr(os, "getloadavg") else ""
    yield f"Measured on {platform.system()} with {python}, on {os.cpu_count()} processors{load};"
    yield f"medians of {rounds} rounds. Versions:"
    versions, missing = [f"fal_stream {fal_stream.__version__}"], []
    for name in names:
        contender = CONTENDERS[name]
        lacks = contender.missing(npm)
        if lacks is not None:
            missing.append(f"{name} was not measured: {lacks} was not there.")
        elif contender.packages:
            package = contender.packages[0]
            versions.append(f"{package} {version(package)}")
        elif not contender.module and npm is not None:
            versions.append(contender.version_of_javascript(Path(npm)))
    yield f"{', '.join(dict.fromkeys(versions))}."
    yield from missing
    yield ""


def write_page(text: str) -> None:
    """Put what was measured into the page, between its markers."""
    part = GeneratedPart(PAGE, "tests.benchmarks --write", "what it measured", lambda: text)
    PAGE.write_text(part.current(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
