"""Words that the search of the built pages finds a section by, beside those of its heading.

A line `<!-- search: retry, backoff -->` below a heading makes each of them an index entry that
leads to that heading, and the search ranks main entries first. On a code host it is not seen.
"""

from __future__ import annotations

import re
from typing import Any

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx

__all__ = ["setup"]

_WORDS = re.compile(r"^<!-- search: (.*) -->$", re.MULTILINE)


def _with_entries(app: Sphinx, page: str, source: list[str]) -> None:
    source[0] = _WORDS.sub(lambda match: _entries(match[1]), source[0])


def _entries(words: str) -> str:
    entries = ", ".join(f"! {word.strip()}" for word in words.split(","))
    return f"```{{index}} {entries}\n```"


def _lead_to_headings(app: Sphinx, tree: nodes.document) -> None:
    for index in list(tree.findall(addnodes.index)):
        section = index.parent
        if not isinstance(section, nodes.section):
            continue
        place = section.index(index)
        target = section[place + 1] if place + 1 < len(section) else None
        if isinstance(target, nodes.target):  # made by the directive, below the heading
            section.remove(target)
            # The title of a page needs no anchor.
            anchor = section["ids"][0] if isinstance(section.parent, nodes.section) else ""
            index["entries"] = [
                (kind, value, anchor, main, key) for kind, value, _, main, key in index["entries"]
            ]


def setup(app: Sphinx) -> dict[str, Any]:
    """Tell Sphinx of the words."""
    app.connect("source-read", _with_entries)
    app.connect("doctree-read", _lead_to_headings)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
