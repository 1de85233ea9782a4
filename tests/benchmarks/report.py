"""The figures as tables, and the page that shows them."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable, Iterator, Sequence
from importlib.metadata import version
from pathlib import Path

import fal_stream
from tests.docs.generated_parts import GeneratedPart
from tests.docs.named_tests import ROOT

from .contenders import CONTENDERS
from .goals import reached
from .results import Entry, Measured, Results
from .workloads import WORKS, Work

__all__ = ["PAGE", "described", "tables", "write_page"]

PAGE = ROOT / "docs" / "contributing" / "performance.md"

Column = Callable[[Measured], str]


def _in(name: str, factor: float, form: str) -> Column:
    def column(measured: Measured) -> str:
        # Not every runtime tells each of them.
        value = measured.figures.get(name)
        return "-" if value is None else format(factor * value, form)

    return column


_THROUGHPUT: dict[str, Column] = {
    "CPU, us": lambda measured: f"{measured.cost:,.2f}",
    "wall, us": lambda measured: f"{measured.wall:,.2f}",
}
_COLUMNS: dict[str, dict[str, Column]] = {
    "throughput": _THROUGHPUT,
    "latency": {
        "p50, us": _in("p50", 1e6, ",.0f"),
        "p99, us": _in("p99", 1e6, ",.0f"),
        "CPU, us": _THROUGHPUT["CPU, us"],
    },
    "first": {
        "CPU, us": _in("cpu", 1e6, ",.0f"),
        "wall, ms": _in("reused", 1e3, ".2f"),
        "first of a client, CPU, ms": _in("fresh_cpu", 1e3, ".2f"),
        "first of a client, wall, ms": _in("fresh", 1e3, ".2f"),
    },
    "memory": {"growth, MB": _in("growth", 1e-6, ".1f")},
}


def tables(results: Results, *, pinned: bool = True) -> Iterator[str]:
    """Write a table of the goals and one for each work, in lines of Markdown.

    Args:
        results: What was measured.
        pinned: Whether the server and the contenders had a processor each.
    """
    how = "" if pinned else ", not pinned to a processor"
    goals = reached(results)
    if goals:
        yield from (f"## Goals{how}", "", *goals, "")
    for name in results.works:
        yield from (f"## {_heading(WORKS[name])}{how}", "", *_table(WORKS[name], results), "")


def _heading(work: Work) -> str:
    if work.kind == "memory":
        return f"{work.title}: memory"
    return work.title[0].upper() + work.title[1:]


def _table(work: Work, results: Results) -> Iterator[str]:
    columns = dict(_COLUMNS[work.kind])
    if work.streams > 1:
        columns["opening a stream, ms"] = _in("opening", 1e3 / work.streams, ".2f")
        columns["CPU once open, us"] = lambda measured: f"{measured.cost_once_open:,.2f}"
    rows = results.rows(work.name)
    heads = [*columns]
    if work.kind == "throughput":
        heads += ["times faster than fal-client", "times raw"]
    yield f"| contender | {' | '.join(heads)} |"
    yield f"| --- |{' ---: |' * len(heads)}"
    for entry, measured in rows:
        cells = [column(measured) for column in columns.values()]
        if work.kind == "throughput":
            faster, of_raw = results.times_faster(entry), results.times_raw(entry)
            cells += ["-" if one is None else f"{one:.2f}" for one in (faster, of_raw)]
        yield f"| {_label(entry)} | {' | '.join(cells)} |"


def _label(entry: Entry) -> str:
    contender = CONTENDERS[entry.contender]
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
