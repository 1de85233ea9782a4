"""Files that are being written, and where the user wants them."""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path
from typing import Any

import pytest

from fal_stream import ConfigError, FileError
from fal_stream._saving.part_file import PartFile
from fal_stream._saving.save_path import SavePath, make_folder, parse_save_path
from tests.concurrency import Job
from tests.steps import Interruption, each_step


def names_in(folder: Path) -> list[str]:
    return sorted(os.listdir(folder))


def written(folder: Path, name: str, data: bytes, **options: Any) -> Path:
    part = PartFile(folder, name, **{"overwrite": False, **options})
    part.create()
    part.write(data)
    return part.finish()


@pytest.fixture(params=["links", "no links"])
def file_system(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file system with hard links, and one without."""
    if request.param == "no links":

        def link(source: object, target: object) -> None:
            raise PermissionError(1, "Operation not permitted")

        monkeypatch.setattr(os, "link", link)


@pytest.mark.usefixtures("file_system")
def test_a_file_has_its_name_when_it_is_whole(tmp_path: Path) -> None:
    part = PartFile(tmp_path, "fox.png", overwrite=False)
    part.create()
    part.write(b"one")
    assert names_in(tmp_path) == ["fox.png.part"]
    part.write(b"two")
    assert part.finish() == tmp_path / "fox.png" == part.path
    part.discard()
    part.keep()
    assert names_in(tmp_path) == ["fox.png"]
    assert (tmp_path / "fox.png").read_bytes() == b"onetwo"
    assert part.size == 6


def check_each_step(tmp_path: Path, overwrite: bool) -> None:
    for number, at in enumerate(each_step("part_file.py", "pathlib", like_signals=True)):
        folder = tmp_path / str(number)
        folder.mkdir()
        (folder / "fox.png").write_bytes(b"mine")
        part = PartFile(folder, "fox.png", overwrite=overwrite)
        try:
            with at:
                part.create()
                part.write(b"new")
                part.finish()
        except Interruption:
            part.discard()
        assert set(names_in(folder)) <= {"fox.png", "fox-2.png"}
        whole = {b"mine", b"new"} if overwrite else {b"mine"}
        assert (folder / "fox.png").read_bytes() in whole
        if (folder / "fox-2.png").exists():
            assert (folder / "fox-2.png").read_bytes() == b"new"


# Python closes a file that was opened when the signal came, and warns.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("overwrite", [False, True])
@pytest.mark.usefixtures("file_system")
def test_a_signal_at_each_step(tmp_path: Path, overwrite: bool) -> None:
    """What was there stays, and no part of a file is left."""
    # In a thread, which may go on handling an error whose `except` was left by what is raised.
    Job(check_each_step, tmp_path, overwrite).result(50)


@pytest.mark.usefixtures("file_system")
def test_nothing_is_overwritten_and_no_link_followed(tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.write_text("mine")
    (tmp_path / "a.png").symlink_to(target)
    (tmp_path / "a-2.png").symlink_to(tmp_path / "nowhere")
    (tmp_path / "a-3.png").mkdir()
    (tmp_path / "a.png.part").symlink_to(target)
    assert written(tmp_path, "a.png", b"fox") == tmp_path / "a-4.png"
    assert target.read_text() == "mine"
    assert not (tmp_path / "nowhere").exists()
    assert written(tmp_path, "a.png", b"fox", overwrite=True) == tmp_path / "a.png"
    assert target.read_text() == "mine"
    assert not (tmp_path / "a.png").is_symlink()
    again = written(tmp_path, "a.png", b"x", overwrite=True, reserved=[tmp_path / "a.png"])
    assert again == tmp_path / "a-2.png"
    assert not (tmp_path / "nowhere").exists()


@pytest.mark.usefixtures("file_system")
def test_many_at_once(tmp_path: Path) -> None:
    paths: list[Path] = []
    threads = [
        threading.Thread(
            target=lambda number=number: paths.append(
                written(tmp_path, "x.bin", bytes([number]) * 1000)
            )
        )
        for number in range(16)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(paths)) == 16
    assert {path.read_bytes()[0] for path in paths} == set(range(16))
    assert all(len(path.read_bytes()) == 1000 for path in paths)
    assert len(names_in(tmp_path)) == 16


def test_what_is_given_up_is_removed(tmp_path: Path) -> None:
    part = PartFile(tmp_path, "fox.png", overwrite=False)
    part.discard()
    part.create()
    assert names_in(tmp_path) == []
    part.write(b"nothing happens")
    part = PartFile(tmp_path, "fox.png", overwrite=False)
    part.create()
    part.discard()
    part.discard()
    assert names_in(tmp_path) == []


@pytest.mark.usefixtures("file_system")
def test_what_is_given_up_gets_no_name(tmp_path: Path) -> None:
    part = PartFile(tmp_path, "fox.png", overwrite=False)
    part.create()
    part.discard()
    part.write(b"nothing happens")
    with pytest.raises(FileError, match="was given up"):
        part.finish()
    assert names_in(tmp_path) == []


@pytest.mark.usefixtures("file_system")
def test_a_part_that_somebody_removes(tmp_path: Path) -> None:
    part = PartFile(tmp_path, "fox.png", overwrite=False)
    part.create()
    part.path.unlink()
    with pytest.raises(FileError, match=r"can't be written \(No such file"):
        part.finish()
    assert names_in(tmp_path) == []


def test_what_is_kept_stays(tmp_path: Path) -> None:
    part = PartFile(tmp_path, "fox.png", overwrite=False)
    part.create()
    part.write(b"half")
    part.keep()
    part.discard()
    assert part.path == tmp_path / "fox.png.part"
    assert part.path.read_bytes() == b"half"


def test_giving_up_waits_for_no_write(tmp_path: Path) -> None:
    begun, go_on = threading.Event(), threading.Event()

    class Slow:
        def __init__(self, file: Any) -> None:
            self.file = file

        def write(self, data: bytes) -> None:
            begun.set()
            assert go_on.wait(10)
            self.file.write(data)

        def close(self) -> None:
            self.file.close()

    part = PartFile(tmp_path, "fox.png", overwrite=False)
    part.create()
    part._file = Slow(part._file)  # type: ignore[assignment]
    thread = threading.Thread(target=part.write, args=[b"x"])
    thread.start()
    assert begun.wait(10)
    part.discard()
    assert names_in(tmp_path) == ["fox.png.part"]
    go_on.set()
    thread.join()
    assert names_in(tmp_path) == []


@pytest.mark.parametrize("name", ["fox.png", "x" * 300 + ".png"])
def test_what_can_not_be_written(tmp_path: Path, name: str) -> None:
    folder = tmp_path if len(name) > 100 else tmp_path / "missing"
    with pytest.raises(FileError, match="can't be written") as caught:
        written(folder, name, b"x")
    assert isinstance(caught.value.__cause__, OSError)
    assert names_in(tmp_path) == []


def test_a_disk_that_is_full(tmp_path: Path) -> None:
    if not os.path.exists("/dev/full"):
        pytest.skip("there is no /dev/full")
    part = PartFile(tmp_path, "fox.png", overwrite=False)
    part.create()
    assert part._file is not None
    part._file.close()
    part._file = open("/dev/full", "wb")  # noqa: SIM115 - the part closes it
    with pytest.raises(FileError, match=r"fox.png can't be written \(No space left"):
        part.write(bytes(1_000_000))
    part.discard()
    assert names_in(tmp_path) == []


def test_a_folder_of_that_name(tmp_path: Path) -> None:
    (tmp_path / "fox.png").mkdir()
    with pytest.raises(FileError, match="can't be written"):
        written(tmp_path, "fox.png", b"x", overwrite=True)


def test_targets(tmp_path: Path) -> None:
    (tmp_path / "v1.5").mkdir()
    assert parse_save_path("path", tmp_path / "v1.5") == SavePath(tmp_path / "v1.5")
    assert parse_save_path("path", "a/b") == SavePath(Path("a/b"))
    assert parse_save_path("path", "a/b.d/") == SavePath(Path("a/b.d"))
    assert parse_save_path("path", "a/fox.png") == SavePath(Path("a"), "fox.png")
    assert parse_save_path("path", Path("fox.png")) == SavePath(Path(), "fox.png")
    assert parse_save_path("path", ".") == SavePath(Path())


class Odd(os.PathLike[str]):
    def __fspath__(self) -> str:
        raise RuntimeError("no")


@pytest.mark.parametrize(
    "path", ["", "\0", b"a", 7, None, Odd(), "..", "../x.png", "a/../x", "x" * 300 + ".png"]
)
def test_what_is_no_target(path: Any) -> None:
    with pytest.raises(ConfigError, match="--output=") as caught:
        parse_save_path("--output", path)
    assert len(str(caught.value)) < 400


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write")
def test_a_folder_that_is_not_mine(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(ConfigError, match="can't be written to"):
            make_folder("path", SavePath(tmp_path))
    finally:
        tmp_path.chmod(0o700)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such signals")
@pytest.mark.parametrize("kind", [ChildProcessError, KeyboardInterrupt, TypeError, ValueError])
def test_what_a_signal_handler_raises_is_no_wrong_path(kind: type[BaseException]) -> None:
    def stop(*_: object) -> None:
        raise kind("of the handler")

    class Interrupted(os.PathLike[str]):
        def __fspath__(self) -> str:
            signal.raise_signal(signal.SIGUSR1)
            return "a"

    before = signal.signal(signal.SIGUSR1, stop)
    try:
        with pytest.raises(kind, match="of the handler") as raised:
            parse_save_path("path", Interrupted())
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert type(raised.value) is kind
