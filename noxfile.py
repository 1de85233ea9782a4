"""The project's tasks. Plain `nox` runs what must pass before a change is taken."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import nox
from nox.project import dependency_groups, load_toml, python_versions
from packaging.requirements import Requirement

PROJECT = load_toml("pyproject.toml")
PYTHONS = python_versions(PROJECT)

# Most tests wait for a limit to run out, so there may be more of them than processors.
WORKERS = str(2 * (os.cpu_count() or 1))

# Unit tests that measure memory or time with large inputs: they take half of the time of all.
SLOW_UNIT_TESTS = [
    "test_extract.py::test_many_new_parts_are_joined_when_they_are_asked_for",
    "test_chunk_files.py::test_files_cost_as_much_as_themselves",
    "test_chunk_files.py::test_memory_is_bounded",
    "test_sse.py::test_endless_lines_without_meaning_take_no_memory",
    "test_sse.py::test_tiny_data_lines_do_not_multiply_memory",
]

nox.needs_version = ">=2025.5.1"
nox.options.sessions = ["unasync-check", "lint", "types", "docs", "tests", "original", "real"]
nox.options.reuse_venv = "yes"
nox.options.error_on_missing_interpreters = False


def install(session: nox.Session, *groups: str, project: bool = True) -> None:
    """Install dependency groups, and the project itself unless told not to.

    Args:
        session: The session.
        *groups: Names of dependency groups in `pyproject.toml`.
        project: Whether the project is installed as well, in editable form.
    """
    requirements = list(dependency_groups(PROJECT, *groups))
    if any(text.startswith("pyright") for text in requirements) and not shutil.which("node"):
        requirements.append("pyright[nodejs]")  # pyright runs on Node
    # To compile every module takes longer than all the rest; most are never imported.
    session.install("--no-compile", *requirements, *(["-e", "."] if project else []))


@nox.session
def unasync(session: nox.Session) -> None:
    """Write the blocking flavour; with `-- --check`, only compare."""
    install(session, "lint", project=False)
    session.run("python", "-m", "tests.unasync.generator", *session.posargs)


@nox.session(name="unasync-check")
def unasync_check(session: nox.Session) -> None:
    """Compare the blocking flavour with what would be generated."""
    install(session, "lint", project=False)
    session.run("python", "-m", "tests.unasync.generator", "--check")


@nox.session
def lint(session: nox.Session) -> None:
    """Look for mistakes and check the layout."""
    install(session, "lint", project=False)
    session.run("ruff", "check")
    session.run("ruff", "format", "--check")


@nox.session(default=False)
def quick(session: nox.Session) -> None:
    """Run the fast checks: generated code, ruff, mypy on the package, most unit tests.

    Left out are unit tests that make their inputs up (hypothesis), which take longer than all
    others together, and `SLOW_UNIT_TESTS`; `nox` runs them.
    """
    install(session, "quick")
    session.run("python", "-m", "tests.unasync.generator", "--check")
    session.run("ruff", "check")
    session.run("ruff", "format", "--check")
    session.run("mypy", "fal_stream")
    slow = [f"--deselect=tests/unit/{name}" for name in SLOW_UNIT_TESTS]
    session.run(
        "pytest", "tests/unit", "-q", "-n", "auto", "-m", "not hypothesis", *slow, *session.posargs
    )


@nox.session
def types(session: nox.Session) -> None:
    """Check the types of the package and of its tests; what users see, by three checkers."""
    install(session, "types")
    session.run("mypy")
    session.run("ty", "check", "--error", "unused-ignore-comment", "tests/typing")
    session.run("pyright")
    session.run("pyright", "--verifytypes", "fal_stream", "--ignoreexternal")


@nox.session
def tests(session: nox.Session) -> None:
    """Run the tests on this Python."""
    install(session, "test")
    session.run("pytest", "-n", WORKERS, *session.posargs)


@nox.session(default=False)
def coverage(session: nox.Session) -> None:
    """Run the tests, half as long again, and print the coverage of both flavours apart."""
    install(session, "test")
    session.run("pytest", "-n", WORKERS, "--cov=fal_stream", *session.posargs)
    for tree in ("fal_stream/_async", "fal_stream/_sync"):
        session.log("Coverage of %s:", tree)
        session.run("coverage", "report", f"--include={tree}/*")


@nox.session(name="tests-all", python=PYTHONS, default=False)
def tests_all(session: nox.Session) -> None:
    """Run the tests on every supported Python that is installed."""
    install(session, "test")
    session.run("pytest", "-n", WORKERS, *session.posargs)


@nox.session(python=PYTHONS[0], default=False)
def lowest(session: nox.Session) -> None:
    """Run the tests on the oldest Python with the oldest dependencies that are allowed."""
    pins = [lowest_pin(Requirement(text)) for text in PROJECT["project"]["dependencies"]]
    # With the oldest typing-extensions comes an anyio that pytest 9.2 warns of.
    session.install(*dependency_groups(PROJECT, "test"), "-e", ".", *pins, "pytest<9.2")
    session.run("pytest", "-n", WORKERS, *session.posargs)


def lowest_pin(requirement: Requirement) -> str:
    """Turn a requirement into one that only its lowest version meets.

    Args:
        requirement: A requirement with a lower bound (`>=`).

    Returns:
        The requirement of exactly that version.
    """
    (bound,) = (part.version for part in requirement.specifier if part.operator == ">=")
    return f"{requirement.name}=={bound}"


@nox.session(default=False)
def fuzz(session: nox.Session) -> None:
    """Make bytes up for a long time; `-- events --seed 7 --count 1000000` for one target."""
    install(session, "test")
    session.run("python", "-m", "tests.fuzz", *session.posargs)


@nox.session(default=False)
def linear(session: nox.Session) -> None:
    """Give each pattern and each reader its worst 1 MiB; it takes minutes."""
    install(session, "test")
    session.run("pytest", "tests/linear", *session.posargs, env={"LINEAR": "all"})


@nox.session(default=False)
def states(session: nox.Session) -> None:
    """Play histories of streams, maps and clients for an hour; `-- --seconds 300 map` for less.

    With `-- --planted`, see that it finds the faults that are planted in the client for a while.
    """
    install(session, "test")
    session.run("python", "-m", "tests.states", *session.posargs)


@nox.session(default=False)
def wasm(session: nox.Session) -> None:
    """Run the unit tests on Python 3.14 in WebAssembly, but for those that need threads.

    The npm package `pyodide` brings that Python; it runs on Node.js.
    """
    folder = install_npm(session)
    if folder is None:
        session.skip("Node.js and npm are not installed, and Pyodide runs on them")
    packages = str((session.cache_dir / "wasm").resolve())
    shutil.rmtree(packages, ignore_errors=True)
    needed = [*PROJECT["project"]["dependencies"], "hypothesis", "pytest", "pytest-timeout"]
    platform = ["--platform", "pyemscripten_2026_0_wasm32", "--python-version", "3.14"]
    options = ["--quiet", "--target", packages, "--only-binary=:all:", *platform]
    more = ["markdown-it-py", "rich", "socksio"]
    session.install("pip")
    session.run("python", "-m", "pip", "install", *options, *needed, *more)
    # What goes deep in Python does so in WebAssembly, on the stack of Node.js.
    roomy = ["sh", "-c", 'ulimit -s 65500 && exec "$@"', "sh", "node", "--stack-size=50000"]
    command = [*roomy, "tests/wasm/run.mjs", str(Path.cwd()), packages]
    arguments = ["tests/unit", "-q", "-m", "not hypothesis", *session.posargs]
    session.run(*command, *arguments, env={"NPM_FOLDER": folder}, external=True)


@nox.session(default=False)
def mutants(session: nox.Session) -> None:
    """Change `_shared` in thousands of small ways; a test has to fail each time.

    With the names of modules as arguments (`-- sse framing`) only these are changed. Fails where a
    change is not noticed that `tests/mutants/explained.txt` does not explain.
    """
    install(session, "mutants")
    folder = (session.cache_dir / "mutants").resolve()
    shutil.rmtree(folder, ignore_errors=True)
    for name in ("fal_stream", "tests"):
        shutil.copytree(name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy("pyproject.toml", folder)
    with session.chdir(folder):
        session.run("mutmut", "run", *[f"fal_stream._shared.{name}.*" for name in session.posargs])
    session.run("python", "-m", "tests.mutants.judge", str(folder), *session.posargs)


def install_npm(session: nox.Session) -> str | None:
    """Install the npm packages of `tests/package.json`, outside of the project.

    Args:
        session: The session.

    Returns:
        The folder whose `node_modules` holds them, or None where Node.js or npm is missing.
    """
    if not shutil.which("node") or not shutil.which("npm"):
        return None
    folder = session.cache_dir / "npm"
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy("tests/package.json", folder)
    options = ["--no-save", "--no-package-lock", "--no-audit", "--no-fund", "--loglevel=error"]
    session.run("npm", "install", *options, "--prefix", str(folder), external=True)
    return str(folder.resolve())


@nox.session
def original(session: nox.Session) -> None:
    """Run the same scenarios through the original, `@fal-ai/client`, and through the client."""
    folder = install_npm(session)
    if folder is None:
        session.skip("Node.js and npm are not installed, and the original runs on them")
    install(session, "test")
    session.run("pytest", "tests/original", *session.posargs, env={"NPM_FOLDER": folder})


@nox.session
def real(session: nox.Session) -> None:
    """Run the client against a real fal app on this machine, and through fal's real proxies."""
    folder = install_npm(session)
    if folder is None:
        session.warn("Node.js and npm are not installed: the tests of the proxies are skipped")
    install(session, "real")
    session.run("pyright", "tests/real/app.py")
    session.run("pytest", "tests/real", *session.posargs, env={"NPM_FOLDER": folder})


@nox.session
def docs(session: nox.Session) -> None:
    """Build the documentation without a warning, below `.nox` or in a folder that is named.

    The build checks links between pages, and names in docstrings. It asks no address elsewhere.
    Where Node.js is installed, the search of what was built is asked for what people look for.
    """
    install(session, "docs")
    cache = session.cache_dir.resolve()
    folder = str(Path(*session.posargs).resolve()) if session.posargs else str(cache / "docs")
    strict = ["--fail-on-warning", "--keep-going", "--nitpicky", "--fresh-env"]
    session.run("sphinx-build", *strict, "-d", str(cache / "doctrees"), "docs", folder)
    session.run("pytest", "tests/docs/test_search.py", env={"DOCS_FOLDER": folder})


@nox.session(default=False)
def latency(session: nox.Session) -> None:
    """Measure how soon aborts return, phase by phase, and write `docs/contributing/latency.md`."""
    install(session, "test")
    session.run("python", "-m", "tests.latency.measure", *session.posargs)


@nox.session(default=False)
def bench(session: nox.Session) -> None:
    """Measure the client beside others, and write `docs/contributing/performance.md` and its plot.

    With arguments (`-- --works bulk-60 mid --contenders raw fal_stream fal-client`) nothing is
    written.
    """
    folder = install_npm(session)
    if folder is None:
        session.warn("Node.js and npm are not installed: the original is not measured")
    install(session, "bench")
    arguments = session.posargs or ["--write"]
    session.run("python", "-m", "tests.benchmarks", *arguments, env={"NPM_FOLDER": folder})


@nox.session(default=False)
def soak(session: nox.Session) -> None:
    """Play a thousand mixed faults by one client of each flavour, and see what is left."""
    install(session, "test")
    session.run("python", "-m", "tests.soak.run", *session.posargs)


@nox.session(default=False)
def crowds(session: nox.Session) -> None:
    """Run 8,000 streams beside as many that are aborted about their natural end."""
    install(session, "test")
    crowd = ["tests/faults/test_crowds.py", "--durations=0"]
    session.run("pytest", *crowd, *session.posargs, env={"CROWD": "8000"})


@nox.session(default=False)
def keepalive(session: nox.Session) -> None:
    """Have a server vanish without a word, in a network namespace (Linux, as root)."""
    install(session, "test")
    vanished = ["tests/flavour/test_vanished_peer.py", "--durations=0"]
    session.run("pytest", *vanished, *session.posargs, env={"KEEPALIVE": "1"})


@nox.session(default=False)
def browser(session: nox.Session) -> None:
    """Show streams in JupyterLab in a headless Chromium; screenshots go below `.nox`."""
    install(session, "browser")
    folder = (session.cache_dir / "browser").resolve()
    session.run("python", "-m", "tests.display.browser", *(session.posargs or [str(folder)]))


@nox.session(default=False)
def dask(session: nox.Session) -> None:
    """Run 10,000 streams over four worker processes of Dask, of which one is killed."""
    install(session, "dask")
    session.run("pytest", "tests/scale", "tests/docs")
    session.run("python", "-m", "tests.scale.run", *session.posargs)


def build(session: nox.Session) -> tuple[str, str]:
    """Build the project.

    Args:
        session: The session.

    Returns:
        The wheel, which is built from the source distribution, and that.
    """
    folder = session.cache_dir / session.name / "dist"
    shutil.rmtree(folder, ignore_errors=True)
    session.run("python", "-m", "build", "--outdir", str(folder))
    (wheel,) = folder.resolve().glob("*.whl")
    (source,) = folder.resolve().glob("*.tar.gz")
    return str(wheel), str(source)


def try_out(session: nox.Session, *requirements: str, tried: str = "") -> None:
    """Install into a fresh environment, and use what is there, outside of the project.

    Args:
        session: The session.
        *requirements: What is installed, the project among it.
        tried: What `tests/packaging/smoke.py` tries beside the package.
    """
    folder = (session.cache_dir / session.name / "venv").resolve()
    session.run("python", "-m", "venv", "--clear", "--without-pip", str(folder), silent=True)
    python = str(folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python"))
    session.run("python", "-m", "pip", "--python", python, "install", "--quiet", *requirements)
    smoke = str(Path("tests/packaging/smoke.py").resolve())
    with session.chdir(folder):
        arguments = [smoke, *([tried] if tried else [])]
        session.run(python, "-I", "-W", "error", *arguments, external=True)


@nox.session(default=False)
def package(session: nox.Session) -> None:
    """Build the project, look at what is built, install it in all ways, and use it."""
    install(session, "package", project=False)
    session.run("validate-pyproject", "pyproject.toml")
    wheel, source = build(session)
    session.run("twine", "check", "--strict", wheel, source)
    session.run("check-wheel-contents", wheel)
    session.run("python", "-m", "tests.packaging.contents", wheel, source)
    session.run("python", "-m", "tests.packaging.api")
    try_out(session, wheel)
    try_out(session, source)
    try_out(session, wheel, "pytest", tried="pytest")
    for extra in PROJECT["project"]["optional-dependencies"]:
        try_out(session, f"{wheel}[{extra}]", tried=extra)


@nox.session(name="package-all", python=PYTHONS, default=False)
def package_all(session: nox.Session) -> None:
    """Build, install and use the project on every supported Python that is installed."""
    session.install("build", "pip")
    wheel, source = build(session)
    try_out(session, wheel)
    try_out(session, source)
    try_out(session, wheel, "pytest", tried="pytest")
    if session.python == PYTHONS[0]:  # newer ones can't install the oldest pydantic
        pins = [lowest_pin(Requirement(text)) for text in PROJECT["project"]["dependencies"]]
        try_out(session, wheel, *pins)
