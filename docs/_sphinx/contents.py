"""The order of the pages: the lists of links after `contents` markers are the tables of contents.

So there is one list of the pages, which can be read on a code host too.
"""

from __future__ import annotations

import re
from typing import Any

from sphinx.application import Sphinx

__all__ = ["setup"]

_LIST = re.compile(
    r"^(?:## (?P<caption>.*)\n\n)?<!-- contents -->\n(?P<items>(?:- .*\n(?:  .*\n)*)+)",
    re.MULTILINE,
)
_PAGE = re.compile(r"^- \[(?P<title>[^]]*)\]\((?P<page>[^)]*)\.md\)", re.MULTILINE)


def _with_contents(app: Sphinx, page: str, source: list[str]) -> None:
    source[0] = _LIST.sub(lambda match: match[0] + _toctree(match), source[0])


def _toctree(match: re.Match[str]) -> str:
    caption = f":caption: {match['caption']}\n" if match["caption"] else ""
    pages = "\n".join(
        f"{found['title']} <{found['page']}>" for found in _PAGE.finditer(match["items"])
    )
    return f"\n```{{toctree}}\n:hidden:\n{caption}\n{pages}\n```\n"


def setup(app: Sphinx) -> dict[str, Any]:
    """Tell Sphinx of the contents."""
    app.connect("source-read", _with_contents)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
