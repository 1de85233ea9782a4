"""Files that are uploaded: what counts as one, its name and type, and reading it."""

from __future__ import annotations

import bz2
import gc
import gzip
import http.client
import io
import lzma
import mmap
import os
import re
import select
import socket
import subprocess
import sys
import tempfile
import threading
import weakref
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, BinaryIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fal_stream import ConfigError
from fal_stream._input_files.detect import is_file
from fal_stream._input_files.readers import FileReadError
from fal_stream._input_files.source import FileSource, open_file

DATA = bytes(range(256)) * 40


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file with data in it."""
    path = tmp_path / "fox.png"
    path.write_bytes(DATA)
    return path


@pytest.fixture
def pipe() -> Iterator[tuple[BinaryIO, BinaryIO]]:
    """The two ends of a pipe."""
    reading, writing = os.pipe()
    with open(reading, "rb") as reader, open(writing, "wb", buffering=0) as writer:
        yield reader, writer


def whole(source: FileSource, step: int = 100) -> bytes:
    size = source.size
    assert size is not None
    return b"".join(
        source.read(offset, min(step, size - offset)) for offset in range(0, size, step)
    )


def rest(source: FileSource, step: int = 100) -> bytes:
    return b"".join(iter(lambda: source.read_next(step), b""))


class Bare:
    """Gives bytes by `read` and knows nothing else."""

    def __init__(self, data: bytes, most: int = 7) -> None:
        self.data = data
        self.most = most

    def read(self, size: int) -> bytes:
        piece, self.data = self.data[: min(size, self.most)], self.data[min(size, self.most) :]
        return piece


class AtPath:
    def __fspath__(self) -> str:
        return "fox.png"


def test_what_is_a_file(path: Path) -> None:
    with path.open("rb") as binary, path.open() as text:
        for value in (
            path, AtPath(), b"", bytearray(), memoryview(b""), io.BytesIO(), binary, text,
            io.StringIO(), Bare(b""),
        ):  # fmt: skip
            assert is_file(value), value


@pytest.mark.parametrize(
    "value",
    ["fox.png", "", 1, None, [b"x"], {"a": b"x"}, iter([b"x"]), Path, io.BytesIO, bytes, object()],
)
def test_what_is_none(value: Any) -> None:
    assert not is_file(value)


@pytest.mark.parametrize(
    "data",
    [DATA, b"", bytearray(DATA), memoryview(DATA), memoryview(DATA)[100:-1], io.BytesIO(DATA)],
)
def test_bytes_in_memory(data: Any) -> None:
    source = open_file("file", data)
    content = bytes(data.getvalue() if isinstance(data, io.BytesIO) else data)
    assert source.size == len(content)
    assert whole(source) == content
    assert source.content_type == "application/octet-stream"
    assert re.fullmatch(r"upload-[0-9a-f]{32}\.bin", source.name)


@given(
    data=st.binary(min_size=1, max_size=240),
    code=st.sampled_from("BbHiqd"),
    step=st.sampled_from([1, -1, 2, 3, -2]),
    columns=st.sampled_from([1, 2, 5]),
    length=st.integers(1, 50),
)
def test_any_view_is_read_as_its_bytes(
    data: bytes, code: Any, step: int, columns: int, length: int
) -> None:
    size = memoryview(b"").cast(code).itemsize * columns
    rows = len(data) // size
    view: Any = memoryview(data[: rows * size])
    view = view.cast(code, [rows, columns]) if columns > 1 and rows else view.cast(code)
    view = view[::step]
    source = open_file("file", view)
    assert source.size == view.nbytes
    assert whole(source, length) == view.tobytes()


def test_a_view_of_nothing_and_of_one_number() -> None:
    for view in (memoryview(b"")[::-1], memoryview(b"12345678").cast("d", [])):
        assert whole(open_file("file", view)) == view.tobytes()


def test_memory_stays_the_callers() -> None:
    array, buffer = bytearray(b"123"), io.BytesIO(b"123")
    sources = [open_file("file", array), open_file("file", buffer)]
    assert [source.read(0, 1) for source in sources] == [b"1", b"1"]
    array.extend(b"4" * 1000)
    buffer.seek(0, io.SEEK_END)
    buffer.write(b"4" * 1000)
    assert [whole(source) for source in sources] == [b"123", b"123"]


def test_a_path_is_open_only_while_it_is_read(path: Path) -> None:
    source = open_file("file", path)
    assert (source.name, source.content_type, source.size) == ("fox.png", "image/png", len(DATA))
    assert open_files(path) == 0
    assert whole(source) == DATA
    assert open_files(path) == 1
    source.close()
    source.close()
    assert open_files(path) == 0


def open_files(path: Path) -> int:
    if not sys.platform.startswith("linux"):
        pytest.skip("Linux tells what this process has open")
    links = [Path("/proc/self/fd") / name for name in os.listdir("/proc/self/fd")]
    return sum(os.readlink(link) == str(path) for link in links if link.is_symlink())


@pytest.mark.parametrize("buffering", [-1, 0])
def test_an_open_file_is_read_whole_and_left_where_it_stood(path: Path, buffering: int) -> None:
    with path.open("rb", buffering=buffering) as file:
        file.seek(77)
        source = open_file("file", file)
        assert (source.name, source.content_type) == ("fox.png", "image/png")
        assert whole(source) == DATA
        source.close()
        source.close()
        assert file.tell() == 77
        assert file.read(1) == DATA[77:78]


def test_a_file_that_was_just_written(tmp_path: Path) -> None:
    with (tmp_path / "a.txt").open("w+b") as file, io.BytesIO() as memory:
        for target in (file, memory):
            target.write(b"written")
            source = open_file("file", target)
            assert source.size == 7
            assert source.read(0, 7) == b"written"
            source.close()
            assert target.tell() == 7


def test_other_files_that_know_places(path: Path) -> None:
    with tempfile.SpooledTemporaryFile() as spooled, path.open("r+b") as file:
        spooled.write(DATA)
        assert whole(open_file("file", spooled)) == DATA
        with mmap.mmap(file.fileno(), 0) as mapped:
            assert whole(open_file("file", mapped)) == DATA


def test_parts_are_read_by_several_threads(path: Path) -> None:
    with path.open("rb") as file:
        for given in (path, file, io.BytesIO(DATA), DATA):
            # Two uploads of one open file share its position.
            sources = [open_file("file", given) for _ in range(2)]
            with ThreadPoolExecutor(8) as pool:
                reads = [
                    (offset, pool.submit(source.read, offset, 64))
                    for _ in range(20)
                    for offset in range(0, len(DATA), 64)
                    for source in sources
                ]
                for offset, piece in reads:
                    assert piece.result() == DATA[offset : offset + 64]
            for source in sources:
                source.close()


def test_a_pipe_is_read_in_order(pipe: tuple[BinaryIO, BinaryIO]) -> None:
    reader, writer = pipe
    source = open_file("file", reader)
    assert source.size is None
    assert source.name.startswith("upload-")

    def write() -> None:
        for index in range(0, len(DATA), 999):
            writer.write(DATA[index : index + 999])
        writer.close()

    thread = threading.Thread(target=write)
    thread.start()
    pieces = list(iter(lambda: source.read_next(1000), b""))
    thread.join()
    assert max(map(len, pieces)) <= 1000
    assert b"".join(pieces) == DATA
    source.close()
    assert not reader.closed


def test_other_streams() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs, ours.makefile("rb", buffering=0) as raw:
        theirs.sendall(DATA)
        theirs.shutdown(socket.SHUT_WR)
        assert rest(open_file("file", raw)) == DATA
    assert rest(open_file("file", Bare(DATA))) == DATA


def test_a_file_that_only_says_it_knows_places() -> None:
    class Liar(Bare):
        def seekable(self) -> bool:
            return True

        def tell(self) -> int:
            return 0

        def seek(self, *place: int) -> int:
            raise io.UnsupportedOperation("no")

    source = open_file("file", Liar(b"data"))
    assert source.size is None
    assert rest(source) == b"data"


def test_each_kind_is_read_its_way(pipe: tuple[BinaryIO, BinaryIO]) -> None:
    with pytest.raises(FileReadError, match=r"^input\.a can't be read: it is a stream"):
        open_file("input.a", pipe[0]).read(0, 1)
    with pytest.raises(FileReadError, match=r"^input\.a can't be read: its size is known"):
        open_file("input.a", b"x").read_next(1)


def test_a_file_that_becomes_shorter(path: Path) -> None:
    message = (
        r"^input\.image changed while it was uploaded: it had 10,240 bytes, and now ends after 10$"
    )
    array, buffer = bytearray(DATA), io.BytesIO(DATA)
    with path.open("r+b") as file:
        sources = [open_file("input.image", given) for given in (path, file, array, buffer)]
        assert sources[0].read(0, 5) == DATA[:5]
        file.truncate(10)
        del array[10:]
        buffer.truncate(10)
        for source in sources:
            assert source.read(0, 10) == DATA[:10]
            with pytest.raises(FileReadError, match=message):
                source.read(5, 100)
        sources[0].close()


def test_a_path_that_became_another_file(path: Path) -> None:
    source = open_file("file", path)
    other = path.with_name("other")
    other.write_bytes(DATA)
    os.replace(other, path)
    with pytest.raises(FileReadError, match=r"^file can't be read: it has changed since"):
        source.read(0, 10)
    source = open_file("file", path)
    path.unlink()
    with pytest.raises(FileReadError, match=r"^file can't be read: .*No such file"):
        source.read(0, 10)


def test_a_file_that_was_closed_meanwhile(path: Path) -> None:
    with path.open("rb") as file, io.BytesIO(DATA) as buffer:
        sources = [open_file("file", file), open_file("file", buffer)]
    for source in sources:
        with pytest.raises(FileReadError, match=r"^file can't be read: .*closed file"):
            source.read(0, 10)


def test_a_read_that_gives_something_else() -> None:
    class Odd:
        def __init__(self, *pieces: Any) -> None:
            self.pieces = [b"", *pieces]

        def read(self, size: int) -> Any:
            return self.pieces.pop(0)

    for piece, message in (
        ("text", "its read() gives str, not bytes"),
        (None, "it has no data yet and doesn't wait"),
        (b"12345", "its read(4) gave 5 bytes"),
    ):
        source = open_file("file", Odd(piece))
        with pytest.raises(FileReadError, match=re.escape(f"file can't be read: {message}")):
            source.read_next(4)
    assert rest(open_file("file", Odd(bytearray(b"12"), memoryview(b"34"), b""))) == b"1234"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes here")
def test_a_named_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ConfigError, match=r"^file=.* is no regular file: open it yourself"):
        open_file("file", tmp_path / "pipe")


def test_paths_that_cannot_be_read(tmp_path: Path) -> None:
    for path, message in (
        (tmp_path, "is a directory: give a file in it"),
        (tmp_path / "none.png", "none.png') does not exist: relative paths start at the working"),
        (tmp_path / "a\0b", "embedded null"),
        (tmp_path / ("x" * 5000), "can't be opened (File name too long)"),
    ):
        with pytest.raises(ConfigError) as caught:
            open_file("input.images[2]", path)
        assert str(caught.value).startswith("input.images[2]=")
        assert message in str(caught.value)


@pytest.mark.skipif(getattr(os, "geteuid", int)() == 0, reason="root may read everything")
def test_a_path_that_may_not_be_read(path: Path) -> None:
    path.chmod(0)
    with pytest.raises(ConfigError, match=r"can't be opened \(Permission denied\)"):
        open_file("file", path)


class Awaited:
    async def read(self, size: int = -1) -> bytes:
        return b"x"


class WholeOnly:
    def read(self) -> bytes:
        return b"x"


def test_what_is_no_binary_file(path: Path) -> None:
    with path.open("rb") as closed:
        pass
    released = memoryview(b"x")
    released.release()
    with path.open() as text, path.with_name("new").open("wb") as writing:
        for value, message in (
            (closed, " is closed: leave it open until it is uploaded, or give its path"),
            (text, " gives text, not bytes: open it with mode 'rb', or give its path"),
            (io.StringIO("x"), " gives text, not bytes: open it with mode 'rb'"),
            (writing, " can't be read as a binary file (read): give a pathlib.Path, an open bin"),
            (Awaited(), " can't be read as a binary file (its read() gives coroutine, not bytes"),
            (WholeOnly(), " can't be read as a binary file (WholeOnly.read() takes 1 positional"),
            (released, " is a memoryview that can't be read: operation forbidden on released"),
            ("fox.png", "='fox.png' is text, not a file: give a path as pathlib.Path(...)"),
            ([b"x"], "=[b'x'] is not a file: give a pathlib.Path"),
            (io.BytesIO, "=<class '_io.BytesIO'> is not a file"),
            (iter([b"x"]), " is not a file: give a pathlib.Path, an open binary file, bytes or"),
        ):
            with pytest.raises(ConfigError) as caught:
                open_file("input.mask", value)
            assert str(caught.value).startswith("input.mask")
            assert message in str(caught.value)


@pytest.mark.parametrize(
    ("name", "content_type"),
    [
        ("a.png", "image/png"),
        ("A.JPG", "image/jpeg"),
        ("a.tar.gz", "application/gzip"),
        ("a.csv.bz2", "application/x-bzip2"),
        ("a.svgz", "application/gzip"),
        ("a.Z", "application/octet-stream"),
        ("a.unheard", "application/octet-stream"),
        ("png", "application/octet-stream"),
        ("data:,a.png", "image/png"),
        ("лиса.png", "image/png"),
    ],
)
def test_the_type_is_guessed_from_the_name(tmp_path: Path, name: str, content_type: str) -> None:
    (tmp_path / name).write_bytes(b"x")
    for source in (open_file("file", tmp_path / name), open_file("file", b"x", file_name=name)):
        assert (source.name, source.content_type) == (name, content_type)


def test_what_is_given_comes_first(path: Path) -> None:
    source = open_file("file", path, content_type=" image/x-fox; q=1 ", file_name="лиса.jpg")
    assert (source.name, source.content_type) == ("лиса.jpg", "image/x-fox; q=1")
    assert open_file("file", path, content_type="a/b").name == "fox.png"
    assert open_file("file", path, file_name="a.jpg").content_type == "image/jpeg"


@pytest.mark.parametrize(
    ("content_type", "extension"),
    [
        ("image/png", ".png"),
        ("text/plain; charset=utf-8", ".txt"),
        ("audio/unheard", ".unheard"),
        ("application/vnd.unheard+x", ".bin"),
    ],
)
def test_a_new_name_has_the_extension_of_the_type(content_type: str, extension: str) -> None:
    first, second = (open_file("file", b"x", content_type=content_type).name for _ in range(2))
    assert first != second
    assert re.fullmatch(rf"upload-[0-9a-f]{{32}}{re.escape(extension)}", first)


@pytest.mark.parametrize(
    "content_type",
    ["image/png", "a/b", "text/plain;charset=utf-8", 'a/b ; x="y; \\" z";c=d', "A/B+c.d-e"],
)
def test_content_types(content_type: str) -> None:
    assert open_file("file", b"x", content_type=content_type).content_type == content_type


@pytest.mark.parametrize(
    "content_type",
    [
        "", "png", "image/", "/png", "image/png\r\nX: y", "image/png\n", "image /png", "a/b;",
        "a/b;c", 'a/b;c="d', "a/ü", "a/b, c/d", 7, b"a/b", "a/" + "b" * 300,
    ],
)  # fmt: skip
def test_what_is_no_content_type(content_type: Any) -> None:
    with pytest.raises(ConfigError, match=r"^content_type=.* is not a media type"):
        open_file("file", b"x", content_type=content_type)


@pytest.mark.parametrize(
    "name",
    ["", ".", "..", "a/b", "a\\b", "a\nb", "a\0", "a\x7f", "\u2028", "\ud800", 7, b"a", "x" * 256],
)
def test_what_is_no_file_name(name: Any) -> None:
    with pytest.raises(ConfigError, match=r"^file_name=.* is not a file name"):
        open_file("file", b"x", file_name=name)


def test_names_that_files_have_are_made_fit(tmp_path: Path) -> None:
    for name, fit in (("a\nb.png", "a_b.png"), ("a\\b.png", "a_b.png"), ("b\udcff.png", "b_.png")):
        path = tmp_path / name
        path.write_bytes(b"x")
        assert open_file("file", path).name == fit
        with open(os.fsencode(path), "rb") as file:
            assert open_file("file", file).name == fit


def test_files_without_a_name(pipe: tuple[BinaryIO, BinaryIO]) -> None:
    with tempfile.TemporaryFile() as unnamed:
        standard = Bare(b"")
        standard.name = "<stdin>"  # type: ignore[attr-defined]
        for file in (unnamed, pipe[0], standard, io.BytesIO()):
            assert open_file("file", file).name.startswith("upload-")


def test_what_is_unpacked_while_it_is_read_has_the_name_without(tmp_path: Path) -> None:
    path = tmp_path / "a.csv.gz"
    path.write_bytes(gzip.compress(b"1,2"))
    with gzip.open(path, "rb") as file:
        source = open_file("file", file)
        assert (source.name, source.content_type) == ("a.csv", "text/csv")
        assert rest(source) == b"1,2"
    with bz2.open(io.BytesIO(bz2.compress(b"1,2")), "rb") as packed:
        assert rest(open_file("file", packed)) == b"1,2"


FORKING = """
import os, signal, threading
from fal_stream._input_files.source import open_file

class Waiting:
    # Its reads wait until they may go on; the fork comes meanwhile.
    def __init__(self):
        self.inside, self.go_on, self.place = threading.Event(), threading.Event(), 0
    def seekable(self): return True
    def tell(self): return self.place
    def seek(self, place): self.place = place
    def read(self, size):
        if size:
            self.inside.set(); self.go_on.wait()
        piece = b"abc"[self.place:][:size]
        self.place += len(piece)
        return piece

waiting = Waiting()
source = open_file("file", waiting)
thread = threading.Thread(target=source.read_next, args=(3,))
thread.start()
waiting.inside.wait()
child = os.fork()
if not child:
    signal.alarm(20)  # against a hang
    waiting.go_on = threading.Event(); waiting.go_on.set()
    other = open_file("file", waiting)
    os._exit(0 if other.read_next(2) + other.read_next(2) == b"abc" else 1)
waiting.go_on.set()
thread.join()
raise SystemExit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_fork_in_mid_read_leaves_no_lock_behind() -> None:
    # Python warns of a fork beside threads, which is what this is about.
    program = [sys.executable, "-W", "ignore", "-c", FORKING]
    done = subprocess.run(program, timeout=50, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


class Slow(io.BytesIO):
    """Its reads wait until they may go on."""

    def __init__(self, data: bytes) -> None:
        super().__init__(data)
        self.inside, self.go_on = threading.Event(), threading.Event()

    def read(self, size: int | None = -1, /) -> bytes:
        if size:
            self.inside.set()
            assert self.go_on.wait(60)
        return super().read(size)


def test_a_read_that_hangs_keeps_no_other_file_waiting(path: Path) -> None:
    slow = Slow(b"slow")
    hanging = open_file("file", slow)
    with ThreadPoolExecutor(2) as pool, path.open("rb") as file:
        try:
            late = pool.submit(hanging.read, 0, 4)
            assert slow.inside.wait(30)
            other = pool.submit(lambda: whole(open_file("file", file)))
            assert other.result(30) == DATA
        finally:
            slow.go_on.set()
        assert late.result(30) == b"slow"


def test_to_close_waits_for_no_read() -> None:
    slow = Slow(b"slow")
    slow.seek(2)
    source = open_file("file", slow)
    with ThreadPoolExecutor(2) as pool:
        try:
            late = pool.submit(source.read, 0, 3)
            assert slow.inside.wait(30)
            pool.submit(source.close).result(30)
        finally:
            slow.go_on.set()
        # What is left to do is done by the read.
        assert late.result(30) == b"slo"
    assert slow.tell() == 2
    with pytest.raises(FileReadError, match=r"^file can't be read: it was closed$"):
        source.read(0, 3)


def test_a_closed_source_reads_no_more(path: Path, pipe: tuple[BinaryIO, BinaryIO]) -> None:
    with path.open("rb") as file:
        for given in (path, file, pipe[0]):
            source = open_file("file", given)
            source.close()
            with pytest.raises(FileReadError, match=r"^file can't be read: it was closed$"):
                source.read_next(1) if source.size is None else source.read(0, 1)
    assert open_files(path) == 0


def test_a_file_stands_where_it_stood_after_the_last_of_its_readers(path: Path) -> None:
    with path.open("rb") as file:
        file.seek(77)
        first, second = open_file("file", file), open_file("file", file)
        assert first.read(0, 10) == DATA[:10]
        first.close()
        first.close()
        assert second.read(30, 10) == DATA[30:40]
        third = open_file("file", file)
        second.close()
        assert third.read(50, 10) == DATA[50:60]
        third.close()
        assert file.tell() == 77


def test_a_reader_that_is_lost_keeps_nothing(path: Path) -> None:
    with path.open("rb") as file:
        file.seek(77)
        open_file("file", file)
        source = open_file("file", file)
        assert source.read(0, 10) == DATA[:10]
        source.close()
        assert file.tell() == 77
    slow = Slow(b"x")
    kept = weakref.ref(slow)
    open_file("file", slow)
    del slow
    gc.collect()
    assert kept() is None


def test_packed_files_are_rewound_once(tmp_path: Path) -> None:
    data = os.urandom(1000) * 1000
    packed = tmp_path / "a.zip"
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a", data)

    class Counted(gzip.GzipFile):
        seeks = 0

        def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
            self.seeks += whence == io.SEEK_SET  # tell() is a seek, too, but goes nowhere
            return super().seek(offset, whence)

    with (
        Counted(fileobj=io.BytesIO(gzip.compress(data, 1))) as zipped,
        lzma.open(io.BytesIO(lzma.compress(data, preset=0))) as xz,
        zipfile.ZipFile(packed) as archive,
        archive.open("a") as member,
    ):
        for file in (zipped, xz, member):
            assert file.read(100) == data[:100]
            source = open_file("file", file)
            assert source.size is None
            assert rest(source, 1000) == data
            source.close()
            assert file.tell() == 100
        assert zipped.seeks == 3  # to try it, to the beginning, and back


def test_two_readers_of_one_stream_get_it_whole_each() -> None:
    data = os.urandom(5000)
    with gzip.open(io.BytesIO(gzip.compress(data))) as file:
        first, second = open_file("file", file), open_file("file", file)
        mixed = [(first.read_next(70), second.read_next(50)) for _ in range(20)]
        assert b"".join(one for one, _ in mixed) + rest(first) == data
        assert b"".join(two for _, two in mixed) + rest(second) == data
        first.close()
        second.close()
        assert file.tell() == 0


def test_which_files_are_read_at_any_place(path: Path) -> None:
    class Memory(io.BytesIO):
        pass

    class Own(io.FileIO):
        def read(self, size: int | None = -1, /) -> bytes:
            return super().read(size).swapcase()

    with (
        path.open("r+b") as both,
        tempfile.NamedTemporaryFile() as named,
        tempfile.SpooledTemporaryFile() as memory,
        tempfile.SpooledTemporaryFile(10) as rolled,
    ):
        for target in (named, memory, rolled):
            target.write(DATA)
        for file in (both, named, memory, rolled, Memory(DATA)):
            source = open_file("file", file)
            assert source.size == len(DATA)
            assert whole(source) == DATA
            source.close()
    path.write_bytes(gzip.compress(DATA))
    with Own(path) as own, io.BufferedReader(gzip.open(path)) as over:
        source = open_file("file", own)
        assert source.size is None
        assert rest(source) == path.read_bytes().swapcase()
        source = open_file("file", over)
        assert source.size is None
        assert rest(source) == DATA


@pytest.mark.skipif(not Path("/proc/cpuinfo").is_file(), reason="there is no /proc here")
def test_a_file_that_only_says_that_it_is_empty() -> None:
    proc = Path("/proc/cpuinfo")
    with proc.open("rb") as file, proc.open("rb", buffering=0) as raw:
        for given in (proc, file, raw):
            source = open_file("file", given)
            assert (source.name, source.size) == ("cpuinfo", None)
            assert rest(source).startswith(proc.read_bytes()[:20])
            source.close()


def test_an_empty_file(path: Path) -> None:
    path.write_bytes(b"")
    with path.open("rb") as file, tempfile.TemporaryFile() as unnamed, io.BytesIO() as memory:
        for given in (path, file, unnamed):
            source = open_file("file", given)
            assert source.size is None
            assert rest(source) == b""
            source.close()
        assert open_file("file", memory).size == 0
    assert open_files(path) == 0


@pytest.mark.skipif(not os.path.exists("/dev/zero"), reason="there are no such devices here")
def test_a_device_is_a_stream() -> None:
    with open("/dev/zero", "rb") as endless, open(os.devnull, "rb", buffering=0) as empty:
        source = open_file("file", endless)
        assert source.size is None
        assert set(source.read_next(100) + source.read_next(100)) == {0}
        assert len(source.read_next(10**9)) <= 1_000_000
        assert rest(open_file("file", empty)) == b""


def test_a_slow_pipe_gives_what_it_has(pipe: tuple[BinaryIO, BinaryIO]) -> None:
    reader, writer = pipe
    writer.write(b"one")
    source = open_file("file", reader)
    with ThreadPoolExecutor(1) as pool:
        try:
            assert pool.submit(source.read_next, 1000).result(30) == b"one"
            writer.write(b"two")
            assert pool.submit(source.read_next, 2).result(30) == b"tw"
            # What is in the buffer of the file comes when the pipe says more, or ends.
            assert reader.peek(1) == b"o"  # type: ignore[attr-defined]
        finally:
            writer.close()
        assert rest(source) == b"o"


@pytest.mark.skipif(not hasattr(select, "poll"), reason="nothing can be waited for here")
def test_a_pipe_that_does_not_wait_is_waited_for(pipe: tuple[BinaryIO, BinaryIO]) -> None:
    reader, writer = pipe
    os.set_blocking(reader.fileno(), False)
    source = open_file("file", reader)
    with ThreadPoolExecutor(1) as pool:
        late = pool.submit(rest, source)
        writer.write(b"late")
        writer.close()
        assert late.result(30) == b"late"


def test_a_pipe_is_left_alone_after_close(pipe: tuple[BinaryIO, BinaryIO]) -> None:
    reader, writer = pipe
    source = open_file("file", reader)
    with ThreadPoolExecutor(1) as pool:
        late = pool.submit(source.read_next, 10)
        source.close()
        with pytest.raises(FileReadError, match=r"^file can't be read: it was closed$"):
            late.result(30)
    writer.write(b"for others")
    assert reader.read(10) == b"for others"


def test_a_buffered_file_without_data_yet_is_not_at_its_end() -> None:
    class NotYet(io.RawIOBase):
        def readable(self) -> bool:
            return True

        def readinto(self, buffer: Any) -> None:
            return None

    source = open_file("file", io.BufferedReader(NotYet()))
    with pytest.raises(FileReadError, match="it has no data yet and doesn't wait"):
        source.read_next(10)


def test_a_read_that_is_changed_is_not_passed_by() -> None:
    class Loud(io.BufferedReader):
        def read(self, size: int | None = -1, /) -> bytes:
            return super().read(size).upper()

    class Around:
        def __init__(self, file: Any) -> None:
            self.file = file

        def __getattr__(self, name: str) -> Any:
            return getattr(self.file, name)

        def read(self, size: int) -> bytes:
            return bytes(self.file.read(size).upper())

    class ReadOnly(io.BufferedIOBase):
        def __init__(self) -> None:
            self.inner = io.BytesIO(b"ABC")

        def read(self, size: int | None = -1, /) -> bytes:
            return self.inner.read(size)

    inner, other = (gzip.GzipFile(fileobj=io.BytesIO(gzip.compress(b"abc"))) for _ in range(2))
    patched: Any = gzip.GzipFile(fileobj=io.BytesIO(gzip.compress(b"abc")))
    patched.read = lambda size: other.read(size).upper()
    for file in (
        Loud(io.BytesIO(b"abc")),
        Around(inner),
        ReadOnly(),
        patched,
    ):
        assert rest(open_file("file", file)) == b"ABC"


def test_a_response_is_read_while_its_connection_is_silent() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello")
        response = http.client.HTTPResponse(ours)
        response.begin()
        with ThreadPoolExecutor(1) as pool:
            late = pool.submit(lambda: rest(open_file("file", response)))
            try:
                assert late.result(30) == b"hello"
            finally:
                theirs.shutdown(socket.SHUT_WR)


AT_EXIT = """
import sys, threading, time
from fal_stream._input_files.source import open_file

source = open_file("file", sys.stdin.buffer)
first = source.read_next(100)
threading.Thread(target=source.read_next, args=(100,), daemon=True).start()
time.sleep(0.5)  # so that it waits by now; where it doesn't yet, there is nothing to see
print(first.decode())
"""


@pytest.mark.skipif(not hasattr(select, "poll"), reason="nothing can be waited for here")
@pytest.mark.parametrize("kind", ["pipe", "socket", "terminal"])
def test_a_program_ends_while_its_input_is_silent(kind: str) -> None:
    if kind == "pipe":
        theirs, ours = os.pipe()
    elif kind == "socket":
        theirs, ours = (end.detach() for end in socket.socketpair())
    else:
        ours, theirs = os.openpty()
    try:
        program = subprocess.Popen(
            [sys.executable, "-c", AT_EXIT],
            stdin=theirs, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        os.write(ours, b"line\n")
        output, errors = program.communicate(timeout=50)
    finally:
        os.close(ours)
        os.close(theirs)
    assert (program.returncode, errors) == (0, b"")
    assert output.strip() == b"line"


@pytest.mark.parametrize("told", [-5, None, "x", 1.5])
def test_a_position_that_makes_no_sense(told: Any) -> None:
    class Odd(io.BytesIO):
        def tell(self) -> Any:
            return told

    source = open_file("file", Odd(b"data"))
    assert source.size is None
    assert rest(source) == b"data"
    source.close()


def test_a_path_that_says_nothing_of_use() -> None:
    class Odd:
        def __init__(self, answer: Any) -> None:
            self.answer = answer

        def __fspath__(self) -> Any:
            if isinstance(self.answer, Exception):
                raise self.answer
            return self.answer

    for answer in (RuntimeError("no path today"), OSError(), 7, None):
        with pytest.raises(
            ConfigError, match=r"^input\.a=<.*Odd.* is a path that can't be used \("
        ):
            open_file("input.a", Odd(answer))


def test_a_file_whose_buffer_is_gone(path: Path) -> None:
    file = io.BufferedReader(io.FileIO(path))
    with file.detach(), pytest.raises(ConfigError, match="raw stream has been detached"):
        open_file("file", file)
