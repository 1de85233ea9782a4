"""Imports go downwards only, and what waits or touches the network stays in its packages."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "fal_stream"

CORE = {
    "_checks",
    "_display",
    "_input_files",
    "_ipython",
    "_net",
    "_reporting",
    "_saving",
    "_shared",
    "_signal_errors",
    "abort",
    "config",
    "credentials",
    "errors",
    "middleware",
    "retry",
    "types",
}

# A package may import from itself and from those of its row; `__init__` is not imported from.
MAY_IMPORT = {
    "errors": {"_ipython"},
    "_version": set[str](),
    "abort": {"_checks", "_signal_errors", "errors"},
    "types": {"abort"},
    "workflows": set[str](),
    "_checks": {"_signal_errors", "errors"},
    "middleware": {"_checks", "credentials", "errors"},
    "retry": {"_checks", "errors"},
    "credentials": {"errors", "types"},
    "_config_model": {"config", "credentials", "errors", "middleware", "retry"},
    "config": {"_checks", "_config_model", "credentials", "errors", "middleware", "retry", "types"},
    "_shared": {
        "_checks",
        "_signal_errors",
        "_version",
        "abort",
        "config",
        "credentials",
        "errors",
        "middleware",
        "types",
    },
    "_ipython": set[str](),
    "_signal_errors": set[str](),
    "_display": {"_ipython", "_shared", "_signal_errors", "abort", "errors"},
    "_input_files": {"_checks", "_shared", "_signal_errors", "errors"},
    "_net": {"_checks", "_ipython", "_shared", "_signal_errors", "abort", "errors"},
    "_reporting": {"_checks", "_shared", "_signal_errors", "_version", "errors"},
    "_saving": {"_checks", "_input_files", "_shared", "_signal_errors", "errors"},
    "_async": CORE,
    "_sync": CORE,
    "_cli": {
        "__init__",
        "_checks",
        "_display",
        "_saving",
        "_shared",
        "_sync",
        "_version",
        "config",
        "credentials",
        "errors",
        "middleware",
        "retry",
        "testing",
        "types",
    },
}

WAITING = {"anyio", "asyncio", "select", "selectors", "socket", "threading", "trio"}
# Parts of one file are read by several threads, and a file may be a pipe or a socket; a stream and
# the progress line are drawn beside their reader, and a thread sees the reader of stdout go. Signal
# handlers run in the main thread.
MAY_WAIT = {
    "_signal_errors.py": {"threading"},
    "_cli/progress.py": {"threading"},
    "_cli/broken_pipe.py": {"select", "threading"},
    "_display/display.py": {"threading"},
    "_input_files/seekable.py": {"threading"},
    "_input_files/pipes.py": {"select", "socket"},
    "_input_files/file_lock.py": {"threading"},
}
HTTP = {"h11", "httpcore", "httpx"}
NOT_PURE = WAITING | HTTP | {"logging", "os", "pathlib", "random", "ssl", "sys", "time"}
# Where the HTTP library is used; what it stands on is used nowhere.
HTTP_FOLDERS = {"_async/http", "_sync/http"}
HTTP_MODULES = {"_net/tls_context.py"}

MODULES = sorted(path for path in PACKAGE.rglob("*.py") if "testing" not in path.parts)


def room_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports(path: Path) -> Iterator[str]:
    """Give the imported modules, those of the package with dots for the package's name."""
    parents = path.relative_to(PACKAGE).parts[:-1]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            if not node.level:
                yield node.module or ""
                continue
            above = parents[: len(parents) - node.level + 1]
            base = ".".join(("fal_stream", *above, *([node.module] if node.module else [])))
            if node.module:
                yield base
            else:
                yield from (f"{base}.{alias.name}" for alias in node.names)


def names(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


@pytest.mark.parametrize("path", MODULES, ids=names)
def test_imports_go_downwards(path: Path) -> None:
    room = room_of(path)
    if room in ("__init__", "__main__", "_pytest_plugin"):
        return
    found = {
        module.split(".")[1] if "." in module else "__init__"
        for module in imports(path)
        if module.split(".")[0] == "fal_stream"
    }
    assert found <= MAY_IMPORT[room] | {room}


@pytest.mark.parametrize("path", MODULES, ids=names)
def test_what_waits_stays_in_its_rooms(path: Path) -> None:
    found = {module.split(".")[0] for module in imports(path)}
    if room_of(path) not in ("_net", "abort"):
        assert not found & WAITING - MAY_WAIT.get(names(path), set())
    may_use_http = names(path) in HTTP_MODULES or names(path.parent) in HTTP_FOLDERS
    assert not found & (HTTP - {"httpx"} if may_use_http else HTTP)
    if room_of(path) == "_shared":
        assert not found & NOT_PURE


def test_the_library_does_not_import_the_command_line() -> None:
    importers = {
        names(path)
        for path in PACKAGE.rglob("*.py")
        if any(module.startswith("fal_stream._cli") for module in imports(path))
    }
    assert {name for name in importers if not name.startswith("_cli/")} == {"__main__.py"}


def test_a_forbidden_import_would_be_seen(tmp_path: Path) -> None:
    source = PACKAGE / "_shared" / "sse.py"
    assert "fal_stream.errors" in set(imports(source))
    assert "fal_stream._shared.sse_event_buffer" in set(imports(source))
