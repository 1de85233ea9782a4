"""The demo: a local server, and a blocking and an asyncio client that stream from it.

It needs no key and no network. Everything is printed as it arrives.
"""

from __future__ import annotations

import asyncio
import base64
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from fal_stream import AsyncStreamingClient, StreamingClient
from fal_stream.errors import counted
from fal_stream.testing.samples import image_frames, tokens
from fal_stream.testing.server import LocalFal

LANGUAGE_MODEL = "demo/language-model"
IMAGE_MODEL = "demo/image-model"
TEXT = "Streaming means that you see the first word long before the last one is written."

Write = Callable[[str], object]


def run_demo(write: Write) -> None:
    """Run the demo, in about three seconds.

    Args:
        write: Is called with each piece of text, line ends included.
    """
    with LocalFal() as fal:
        fal.add(LANGUAGE_MODEL, tokens(TEXT, pause=0.05))
        fal.add(IMAGE_MODEL, image_frames(6, pause=0.1))
        write(f"A local fal server listens on {fal.url}; no key and no network are needed.\n")
        _run_blocking(fal, write)
        asyncio.run(_run_async(fal, write))
        write(f"The server answered {counted(len(fal.requests), 'request')}.\n")


def _run_blocking(fal: LocalFal, write: Write) -> None:
    write("\nThe blocking client: for chunk in stream\n")
    with StreamingClient(**fal.settings) as client:
        with client.stream(LANGUAGE_MODEL, input={"prompt": "What is streaming?"}) as stream:
            text = Growing(write)
            for chunk in stream:
                text.show(chunk["output"])
            text.end(stream.endpoint_id)
        with client.stream(IMAGE_MODEL, input={"prompt": "a sun over waves"}) as stream:
            picture = Sharpening(write)
            for chunk in stream:
                picture.show(chunk)
            picture.end(stream.endpoint_id, stream.done())


async def _run_async(fal: LocalFal, write: Write) -> None:
    write("\nThe asyncio client: async for chunk in stream, two at once\n")
    async with AsyncStreamingClient(**fal.settings) as client:

        async def show_text() -> None:
            async with client.stream(LANGUAGE_MODEL, input={"prompt": "Once more"}) as stream:
                words = 0
                async for chunk in stream:
                    words = len(chunk["output"].split())
                    write(f"  text: {words} words\n")

        async def show_picture() -> None:
            async with client.stream(IMAGE_MODEL, input={"prompt": "a sun"}) as stream:
                async for chunk in stream:
                    write(f"  picture: {chunk['progress']:.0%}\n")

        with _timed("both", write):
            await asyncio.gather(show_text(), show_picture())


@contextmanager
def _timed(what: str, write: Write) -> Iterator[None]:
    began = time.perf_counter()
    yield
    write(f"  {what} ended after {time.perf_counter() - began:.1f} s\n")


class Clock:
    """Counts chunks, and measures when the first one arrived."""

    def __init__(self) -> None:
        self.began: float = time.perf_counter()
        self.first: float | None = None
        self.count: int = 0

    def tick(self) -> None:
        """Count a chunk."""
        self.count += 1
        self.first = self.first or time.perf_counter()

    def __str__(self) -> str:
        first = (self.first or self.began) - self.began
        whole = time.perf_counter() - self.began
        chunks = counted(self.count, "chunk")
        return f"{chunks}, the first after {first:.2f} s, the last after {whole:.2f} s"


class Growing:
    """Shows a text that grows."""

    def __init__(self, write: Write) -> None:
        self._write = write
        self._clock = Clock()
        self._shown = 0
        write("  ")

    def show(self, text: str) -> None:
        """Print the new text."""
        self._clock.tick()
        self._write(text[self._shown :])
        self._shown = len(text)

    def end(self, endpoint_id: str) -> None:
        """Print a summary."""
        self._write(f"\n  {endpoint_id}: {self._clock}\n")


class Sharpening:
    """Shows an image that gets sharper, with a line for each version."""

    def __init__(self, write: Write) -> None:
        self._write = write
        self._clock = Clock()

    def show(self, chunk: dict[str, Any]) -> None:
        """Print a line for a chunk."""
        self._clock.tick()
        image = chunk["images"][0]
        data = base64.b64decode(image["url"].partition(",")[2])
        done = "#" * round(20 * chunk["progress"])
        self._write(
            f"  [{done:<20}] {chunk['progress']:4.0%}  {image['content_type']}, "
            f"{image['width']} x {image['height']}, {len(data):,} bytes\n"
        )

    def end(self, endpoint_id: str, result: Any) -> None:
        """Print a summary."""
        self._write(f"  {endpoint_id}: {self._clock}; the result has seed {result['seed']}\n")
