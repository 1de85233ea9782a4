"""Render Markdown as HTML with markdown-it-py; imported only to show Markdown in a notebook.

Promises: HTML in the text is shown as text. A link has an http, https or mailto URL. Images are not
loaded, because their URLs could tell a third party what was read.
"""

from __future__ import annotations

import functools
import importlib.util
import re
from collections.abc import MutableMapping
from typing import TYPE_CHECKING, Any

from ..errors import ConfigError

if TYPE_CHECKING:
    from markdown_it import MarkdownIt

__all__ = ["LONGEST_MARKDOWN", "check_markdown", "markdown_to_html"]

# The text is formatted again for each update, which takes long for some texts of this length.
LONGEST_MARKDOWN = 30_000

_SAFE = re.compile(r"https?://|mailto:", re.IGNORECASE)


def check_markdown() -> None:
    """Check that Markdown can be shown in a notebook.

    Raises:
        ConfigError: A library is missing.
    """
    if importlib.util.find_spec("markdown_it") is None:
        raise ConfigError(
            "show(markdown=True) needs markdown-it-py in a notebook: pip install markdown-it-py"
        )


def markdown_to_html(text: str) -> str | None:
    """Return Markdown as HTML, or None if the text is too long."""
    if len(text) > LONGEST_MARKDOWN:
        return None
    html: str = _parser().render(text)
    return html


@functools.cache
def _parser() -> MarkdownIt:
    from markdown_it import MarkdownIt

    parser = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])
    vars(parser)["validateLink"] = lambda url: _SAFE.match(url) is not None
    parser.disable("image")
    parser.add_render_rule("link_open", _open_link)
    return parser


def _open_link(
    self: Any, tokens: Any, index: int, options: Any, env: MutableMapping[Any, Any]
) -> str:
    token = tokens[index]
    token.attrSet("target", "_blank")
    token.attrSet("rel", "noopener noreferrer")
    rendered: str = self.renderToken(tokens, index, options, env)
    return rendered
