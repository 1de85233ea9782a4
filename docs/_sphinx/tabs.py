"""Tabs of the examples between `flavours` markers, as `tests/docs/flavours.py` reads them.

Which tab a reader has chosen is kept from page to page.
"""

from __future__ import annotations

import re
from typing import Any

from sphinx.application import Sphinx

__all__ = ["setup"]

_MARKED = re.compile(r"^<!-- flavours -->\n(.*?)^<!-- end of flavours -->$", re.M | re.S)
_TAB = re.compile(r"^(?P<title>\S[^\n]*):\n\n(?P<code>^```\w+\n.*?^```)$", re.M | re.S)
_KEYS = ("blocking", "asynchronous", "notebook")


def _with_tabs(app: Sphinx, page: str, source: list[str]) -> None:
    source[0] = _MARKED.sub(lambda match: _tab_set(match[1]), source[0])


def _tab_set(text: str) -> str:
    tabs = [
        f":::{{tab-item}} {tab['title']}\n:sync: {key}\n\n{tab['code']}\n:::\n"
        for key, tab in zip(_KEYS, _TAB.finditer(text), strict=False)
    ]
    return "::::{tab-set}\n:sync-group: flavour\n\n" + "\n".join(tabs) + "::::"


def setup(app: Sphinx) -> dict[str, Any]:
    """Tell Sphinx of the tabs."""
    app.connect("source-read", _with_tabs)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
