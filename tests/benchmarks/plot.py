"""The plot of the page: how many times faster than fal-client each contender is."""

# pyright: reportMissingImports=false
# (matplotlib is installed by `nox -s bench` only)

from __future__ import annotations

from tests.docs.named_tests import ROOT

from .contenders import Flavour
from .results import FAL_CLIENT, Entry, Results, columns_of
from .workloads import WORKS

__all__ = ["PLOT", "draw"]

PLOT = ROOT / "docs" / "contributing" / "performance.svg"

_COLOURS = {
    "raw": "#9aa0a6",
    "fal_stream": "#d6336c",
    "aiohttp": "#74b816",
    "httpx-sse": "#4dabf7",
    "openai": "#1c7c54",
    "JS on('data')": "#f59f00",
}
_EVENT = columns_of(WORKS["bulk-60"])[0]
_FLAVOURS: tuple[Flavour, ...] = ("blocking", "asyncio")


def draw(results: Results) -> None:
    """Draw what was measured, the same for the same figures."""
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "fal_stream"})
    from matplotlib import pyplot as plt

    # What consumers ask for beside is no other work for those who are compared.
    works = [
        name
        for name in results.works
        if WORKS[name].kind == "throughput" and WORKS[name].reading == "chunks"
    ]
    figure, panels = plt.subplots(1, 2, figsize=(10, 7), sharex=True, layout="constrained")
    for flavour, panel in zip(_FLAVOURS, panels, strict=True):
        bars = [
            (work, name, results.share(Entry(work, name, flavour), FAL_CLIENT, _EVENT))
            for work in reversed(works)
            for name in reversed(_COLOURS)
        ]
        at, labelled = 0.0, dict[str, list[float]]()
        for work, name, share in bars:
            if share is None:
                continue
            value = 1 / share
            if work not in labelled and labelled:
                at += 0.8
            labelled.setdefault(work, []).append(at)
            panel.barh(at, value - 1, left=1, height=0.85, color=_COLOURS[name])
            at += 1
        middles = [sum(places) / len(places) for places in labelled.values()]
        panel.set_yticks(middles, [WORKS[work].title for work in labelled])
        panel.set_xscale("log")
        ticks = [0.2, 0.5, 1, 2, 5, 10]
        panel.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
        panel.minorticks_off()
        panel.axvline(1, color="black", linewidth=0.8)
        panel.set_title(flavour if flavour == "blocking" else "asyncio (and Node.js)")
        panel.set_xlabel(f"times faster than {FAL_CLIENT} (CPU)")
        panel.spines[["top", "right"]].set_visible(False)
    handles = [plt.Rectangle((0, 0), 1, 1, color=colour) for colour in _COLOURS.values()]
    figure.legend(handles, list(_COLOURS), loc="outside lower center", ncols=6, frameon=False)
    figure.savefig(PLOT, metadata={"Date": None})
    plt.close(figure)
