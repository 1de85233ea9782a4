"""How much memory a big upload takes, in a process of its own; both flavours."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

import pytest

from fal_stream.testing import LocalFal

MIB = 1024 * 1024

PROGRAM = """
import asyncio, pathlib, re, sys, trio
from fal_stream import AsyncStorageClient, StorageClient

kind, url, key, path = sys.argv[1:]
settings = {"rest_url": url, "credentials": key}

def peak():
    # Not by getrusage, which also counts what the parent had when it forked.
    status = pathlib.Path("/proc/self/status").read_text()
    return int(re.search("VmHWM:\\s+([0-9]+) kB", status)[1]) * 1024

def blocking(files):
    with StorageClient(**settings) as storage:
        return [storage.upload(file) for file in files]

async def asynchronous(files):
    async with AsyncStorageClient(**settings) as storage:
        return [await storage.upload(file) for file in files]

upload = {
    "blocking": blocking,
    "asyncio": lambda files: asyncio.run(asynchronous(files)),
    "trio": lambda files: trio.run(asynchronous, files),
}[kind]
upload([b"small"])
before = peak()
(file_url,) = upload([pathlib.Path(path)])
print(file_url, peak() - before)
"""


@pytest.mark.parametrize("kind", ["blocking", "asyncio", "trio"])
def test_a_file_of_250_mib(kind: str, tmp_path: Path) -> None:
    if not Path("/proc/self/status").exists():
        pytest.skip("the system doesn't tell the peak of a process's memory")
    path = tmp_path / "big.bin"
    digest = hashlib.sha256()
    with path.open("wb") as file:
        for number in range(250):
            piece = number.to_bytes(4, "big") * (MIB // 4)
            digest.update(piece)
            file.write(piece)
    with LocalFal() as fal:
        arguments = [kind, fal.url, str(fal.key), str(path)]
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM, *arguments], check=True, capture_output=True, text=True
        )
        file_url, growth = done.stdout.split()
        upload = fal.upload(file_url)
        assert upload.parts == 25
        assert hashlib.sha256(upload.content).digest() == digest.digest()
    print(f"peak memory grew by {int(growth) / MIB:.1f} MiB")
    assert int(growth) < 64 * MIB
