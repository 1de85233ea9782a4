"""A test image, a sun over waves, as a PNG file."""

from __future__ import annotations

import math
import struct
import zlib

__all__ = ["draw_png"]


def draw_png(size: int, block: int, seed: int) -> bytes:
    """Return the image as a PNG file.

    Args:
        size: The width and height (pixels).
        block: The width and height of its blocks of one color (pixels).
        seed: Determines the position of the sun and the shape of the waves.
    """
    rows = []
    for top in range(0, size, block):
        row = bytearray(1)  # each row begins with the number of its filter, 0 for none
        for left in range(0, size, block):
            colour = _colour((left + block / 2) / size, (top + block / 2) / size, seed)
            row += colour * min(block, size - left)
        rows += [bytes(row)] * min(block, size - top)
    header = struct.pack(">IIBBBBB", size, size, 8, 2, 0, 0, 0)
    parts = ((b"IHDR", header), (b"IDAT", zlib.compress(b"".join(rows))), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_part(name, data) for name, data in parts)


def _part(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def _colour(x: float, y: float, seed: int) -> bytes:
    # A sun over waves.
    if math.hypot(x - 0.3 - seed % 5 / 10, y - 0.3) < 0.15:
        return bytes((255, 214, 90))
    sea = y > 0.62 + 0.04 * math.sin(12 * x + seed)
    red, green, blue = (20, 90, 150) if sea else (90, 150, 230)
    shade = 1 - 0.45 * y if sea else 0.55 + 0.6 * y
    return bytes(min(255, round(part * shade)) for part in (red, green, blue))
