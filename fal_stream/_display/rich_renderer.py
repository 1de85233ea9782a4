"""Draw snapshots on a terminal with rich; imported only if rich is installed."""

from __future__ import annotations

from dataclasses import replace
from typing import TextIO

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.markdown import Markdown
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from .lines import status, to_lines, without_request_id
from .markdown import LONGEST_MARKDOWN
from .shorten import terminal_safe
from .snapshot import Snapshot

__all__ = ["RichTerminal"]

_STYLES = {"done": "green", "failed": "red", "aborted": "yellow", "interrupted": "yellow"}
_BAR_COLUMNS = 20


class RichTerminal:
    """Some lines of a terminal, and all content at the end."""

    def __init__(self, file: TextIO) -> None:
        self._console = Console(file=file, highlight=False)
        self._live: Live | None = None

    def draw(self, snapshot: Snapshot) -> None:
        """See `Renderer`."""
        snapshot = without_request_id(snapshot)
        if snapshot.has_ended:
            if self._live is not None:
                # Stop the live display first, because it removes its own lines.
                self._live.stop()
            if snapshot.is_markdown and snapshot.text and len(snapshot.text) <= LONGEST_MARKDOWN:
                # Links as plain text: a terminal link would hide its address.
                text = terminal_safe(snapshot.text)
                self._console.print(Markdown(text, hyperlinks=False, code_theme="ansi_dark"))
                snapshot = replace(snapshot, text=None, reasoning=None)
            for part in self._parts(to_lines(snapshot), snapshot):
                self._console.print(part, soft_wrap=True)
            return
        if self._live is None:
            self._live = Live(console=self._console, auto_refresh=False, transient=True)
            self._live.start()
        self._live.update(Group(*self._parts(self._last_lines(snapshot), snapshot)), refresh=True)

    def _last_lines(self, snapshot: Snapshot) -> list[str]:
        """Return the last lines that fit on the terminal, with the status as the last one."""
        *above, last = to_lines(snapshot)
        text = Text("\n".join(above)[-self._console.width * self._console.height :])
        wrapped = [line.plain for line in text.wrap(self._console, self._console.width)]
        room = max(1, self._console.height - 3)
        return [*(wrapped[-room:] if above else []), last]

    def _parts(self, lines: list[str], snapshot: Snapshot) -> list[RenderableType]:
        *above, _ = lines
        last = Text(status(snapshot), style=_STYLES.get(snapshot.state, "cyan"))
        if snapshot.progress is not None and not snapshot.has_ended:
            row = Table.grid(padding=(0, 1))
            bar = ProgressBar(total=1, completed=snapshot.progress, width=_BAR_COLUMNS)
            row.add_row(bar, last)
            return [*map(Text, above), row]
        return [*map(Text, above), last]
