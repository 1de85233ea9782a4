"""A kernel of Jupyter, and what its cells put out."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.manager import KernelManager
from typing_extensions import Self

__all__ = ["Cell", "Kernel"]

# Against hangs only (seconds).
_PATIENCE = 60.0
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


@dataclass
class Cell:
    """What a cell put out.

    Attributes:
        displays: The bundles of what was displayed, each as it was last updated, by its id.
        updates: How often one was updated.
        results: The bundles of what the cell's last expression gave.
        text: What was printed.
        error: The name of the exception that ended the cell, or None.
        traceback: What is shown of it, without colours.
        seconds: How long it took.
    """

    displays: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])
    updates: int = 0
    results: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    text: str = ""
    error: str | None = None
    traceback: str = ""
    seconds: float = 0.0


class Kernel:
    """A kernel in a process of its own."""

    def __init__(self) -> None:
        self._manager = KernelManager()
        self._client: BlockingKernelClient | None = None

    def __enter__(self) -> Self:
        self._manager.start_kernel()
        client = self._manager.client()
        assert isinstance(client, BlockingKernelClient)
        self._client = client
        client.start_channels()
        client.wait_for_ready(timeout=_PATIENCE)
        return self

    def __exit__(self, *exc_info: object) -> None:
        if self._client is not None:
            self._client.stop_channels()
        self._manager.shutdown_kernel(now=True)
        self._manager.cleanup_resources()

    def interrupt(self) -> None:
        """Do what the stop button does."""
        self._manager.interrupt_kernel()

    def run(self, code: str, meanwhile: Callable[[], object] | None = None) -> Cell:
        """Run a cell to its end.

        Args:
            code: Its code.
            meanwhile: Called while it runs. Default None: nothing is.
        """
        client, cell = self._client, Cell()
        assert client is not None
        request = client.execute(code)
        if meanwhile is not None:
            meanwhile()
        began = time.monotonic()
        while True:
            message = client.get_iopub_msg(timeout=_PATIENCE)
            if message["parent_header"].get("msg_id") != request:
                continue
            kind, content = message["msg_type"], message["content"]
            if kind in ("display_data", "update_display_data"):
                cell.displays[content["transient"]["display_id"]] = content["data"]
                cell.updates += kind == "update_display_data"
            elif kind == "execute_result":
                cell.results.append(content["data"])
            elif kind == "stream":
                cell.text += content["text"]
            elif kind == "error":
                cell.error = content["ename"]
                cell.traceback = _COLOUR.sub("", "\n".join(content["traceback"]))
            elif kind == "status" and content["execution_state"] == "idle":
                cell.seconds = time.monotonic() - began
                return cell
