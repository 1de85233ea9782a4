"""Samples of image models: images that get sharper, progress, or partial images."""

from __future__ import annotations

import base64
from typing import Any

from fal_stream.errors import ConfigError
from fal_stream.testing.checks import check_line, check_whole, describe
from fal_stream.testing.samples.pauses import with_pauses
from fal_stream.testing.samples.png import draw_png

__all__ = ["image_frames", "image_progress", "partial_images"]


def image_frames(
    count: int = 6, size: int = 64, pause: float = 0.1, seed: int = 42, *, images: int = 1
) -> list[Any]:
    """Create the stream of an image model whose image gets sharper.

    Args:
        count: How many chunks, 1 or more.
        size: Width and height in pixels, 1 or more.
        pause: Seconds between two chunks.
        seed: The seed that the last chunk reports; the image depends on it.
        images: How many images are in each chunk, 1 or more.

    Returns:
        Steps with the chunks `{"images": [{"url": "data:image/png;base64,..."}], "progress":
        ...}`; the last has `seed`, too.

    Raises:
        ConfigError: An argument is out of range.
    """
    _check(count=count, size=size, images=images)
    chunks: list[Any] = []
    for number in range(1, count + 1):
        block = _block(size, number, count)
        pictures = [_image(size, block, seed + other) for other in range(images)]
        chunks.append({"images": pictures, "progress": round(number / count, 2)})
    chunks[-1]["seed"] = seed
    return with_pauses(chunks, pause)


def image_progress(
    count: int = 6,
    size: int = 64,
    pause: float = 0.1,
    seed: int = 42,
    *,
    images: int = 1,
    prompt: str = "a sun over waves",
) -> list[Any]:
    """Create the stream of an image model that reports its progress, then sends the images.

    Args:
        count: How many chunks come before the last one, 1 or more.
        size: Width and height in pixels, 1 or more.
        pause: Seconds between two chunks.
        seed: The seed that the last chunk reports; the image depends on it.
        images: How many images there are, 1 or more.
        prompt: The `prompt` of the last chunk.

    Returns:
        Steps with the chunks `{"progress": 0.5, "message": "Step 3 of 6"}`; the last has
        `images`, `seed`, `timings`, `has_nsfw_concepts` and `prompt`.

    Raises:
        ConfigError: An argument is out of range.
    """
    _check(count=count, size=size, images=images)
    check_line("prompt", prompt)
    chunks: list[Any] = [
        {"progress": round(number / count, 2), "message": f"Step {number} of {count}"}
        for number in range(1, count + 1)
    ]
    chunks.append(
        {
            "images": [_image(size, 1, seed + other) for other in range(images)],
            "seed": seed,
            "timings": {"inference": 1.25},
            "has_nsfw_concepts": [False] * images,
            "prompt": prompt,
        }
    )
    return with_pauses(chunks, pause)


def partial_images(
    count: int = 3, size: int = 64, pause: float = 0.1, seed: int = 42, *, nested: bool = False
) -> list[Any]:
    """Create the stream of an image model that sends partial images, as `openai/gpt-image-1` does.

    There are two formats; in both, the model is silent for long before its last chunk.

    Args:
        count: How many partial images are sent, 0 or more.
        size: Width and height in pixels, 1 or more.
        pause: Seconds between two chunks.
        seed: The image depends on it.
        nested: Which shape. False: `{"type": "image_generation.partial_image", "b64_json": ...,
            "partial_image_index": 0}`, and `images` in the last chunk. True: `{"type":
            "image.partial", "image": {"partial_index": 0, "b64_json": ...}}`, and `images`
            under `output`.

    Returns:
        Steps with the chunks. The images of the last one are in `b64_json` too.

    Raises:
        ConfigError: An argument is out of range.
    """
    _check(size=size)
    check_whole("count", count, 0)
    if not isinstance(nested, bool):
        raise ConfigError(f"nested is {describe(nested)}; give True or False")
    chunks: list[Any] = []
    for number in range(count):
        data = _base64(size, _block(size, number + 1, count + 1), seed)
        kind = "image.partial" if nested else "image_generation.partial_image"
        chunks.append(
            {"type": kind, "image": {"partial_index": number, "b64_json": data}}
            if nested
            else {"type": kind, "b64_json": data, "partial_image_index": number}
        )
    image = {"b64_json": _base64(size, 1, seed), "content_type": "image/png"}
    last = {"images": [image]}
    chunks.append({"output": last} if nested else last)
    return with_pauses(chunks, pause)


def _check(**numbers: int) -> None:
    for argument, value in numbers.items():
        check_whole(argument, value, 1)


def _block(size: int, number: int, count: int) -> int:
    """Return the size of blocks that get finer by a constant factor, down to a pixel."""
    block: float = size ** (1 - number / count)
    return max(1, round(block))


def _image(size: int, block: int, seed: int) -> dict[str, Any]:
    url = "data:image/png;base64," + _base64(size, block, seed)
    return {"url": url, "width": size, "height": size, "content_type": "image/png"}


def _base64(size: int, block: int, seed: int) -> str:
    return base64.b64encode(draw_png(size, block, seed)).decode()
