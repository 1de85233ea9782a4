"""JupyterLab in a real browser: each stream has one output, whose picture is updated in place.

`python -m tests.display.browser FOLDER` runs it against a server on this machine, fails where
something else is seen, and leaves screenshots in the folder. It needs jupyterlab, playwright and a
Chromium.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from playwright.sync_api import Locator, Page, sync_playwright

import fal_stream
from fal_stream.testing import Hang, LocalFal, image_frames, tokens

ROOT = Path(fal_stream.__file__).parents[1]
BROWSERS = ("chromium", "chromium-browser", "google-chrome")

TEXT = "You see the first word long before the last one is written. " * 6
HOSTILE = '<img src=x onerror="window.harmed = 1"><script>window.harmed = 1</script>'

CELLS = [
    "from fal_stream import stream, stream_async",
    'picture = await stream_async("acme/picture").show()',
    'picture = stream("acme/picture").show()',
    'text = await stream_async("acme/text").show()',
    'hostile = stream("acme/hostile").show()',
    'await stream_async("acme/silent").show()',
]
# Longer than this nothing takes; against hangs only (milliseconds).
PATIENCE = 60_000


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folder", type=Path, help="where the screenshots go")
    folder: Path = parser.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)
    browser_path = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser_path is None:
        sys.exit(f"There is none of {', '.join(BROWSERS)}")
    with LocalFal() as fal, tempfile.TemporaryDirectory() as home, sync_playwright() as playwright:
        fal.add("acme/picture", image_frames(8, size=256, pause=0.4))
        fal.add("acme/text", tokens(TEXT, pause=0.03))
        fal.add("acme/hostile", [{"output": HOSTILE, "images": [{"url": HOSTILE}]}])
        fal.add("acme/silent", [{"progress": 0.4, "message": "Loading"}, Hang()])
        with jupyterlab(fal, Path(home)) as address:
            browser = playwright.chromium.launch(
                executable_path=browser_path, args=["--no-sandbox", "--disable-dev-shm-usage"]
            )
            page = browser.new_page(viewport={"width": 1000, "height": 900})
            page.set_default_timeout(PATIENCE)
            page.goto(address)
            walk(page, fal, folder)
            browser.close()


@contextlib.contextmanager
def jupyterlab(fal: LocalFal, home: Path) -> Iterator[str]:
    """Run JupyterLab with a notebook, and give the address of that."""
    empty: dict[str, object] = {"metadata": {}, "outputs": [], "execution_count": None}
    cells = [dict(empty, cell_type="code", source=code) for code in CELLS]
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    notebook = {"cells": cells, "metadata": kernel, "nbformat": 4, "nbformat_minor": 4}
    (home / "notebooks").mkdir()
    (home / "notebooks" / "show.ipynb").write_text(json.dumps(notebook), encoding="utf-8")
    # It would ask whether it may look for news.
    news = {"disabledExtensions": {"@jupyterlab/apputils-extension:announcements": True}}
    (home / "config" / "labconfig").mkdir(parents=True)
    (home / "config" / "labconfig" / "page_config.json").write_text(json.dumps(news))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    token = secrets.token_hex(16)
    options = [
        "--no-browser",
        "--ServerApp.ip=127.0.0.1",
        f"--ServerApp.port={port}",
        "--ServerApp.port_retries=0",
        f"--ServerApp.root_dir={home / 'notebooks'}",
        f"--IdentityProvider.token={token}",
    ]
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        options.append("--allow-root")
    environment = {
        **os.environ,
        "FAL_RUN_HOST": fal.url,
        "FAL_KEY": str(fal.settings["credentials"]),
        "PYTHONPATH": str(ROOT),
        "IPYTHONDIR": str(home / "ipython"),
        "JUPYTER_CONFIG_DIR": str(home / "config"),
        "JUPYTER_DATA_DIR": str(home / "data"),
        "JUPYTER_RUNTIME_DIR": str(home / "runtime"),
    }
    command = [sys.executable, "-m", "jupyterlab", *options]
    with (home / "log").open("wb") as log:
        server = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
    base = f"http://127.0.0.1:{port}"
    try:
        until_up(f"{base}/api?token={token}", server)
        yield f"{base}/lab/workspaces/show/tree/show.ipynb?token={token}"
    finally:
        server.terminate()
        server.wait(30)


def until_up(url: str, server: subprocess.Popen[bytes]) -> None:
    """Wait until a server answers."""
    due = time.monotonic() + PATIENCE / 1000
    while True:
        try:
            urllib.request.urlopen(url, timeout=5).close()
        except (urllib.error.URLError, OSError):
            if server.poll() is not None or time.monotonic() > due:
                raise
            time.sleep(0.2)
        else:
            return


def walk(page: Page, fal: LocalFal, folder: Path) -> None:
    """Run the notebook cell by cell, and look at what is seen."""
    panel = page.locator(".jp-NotebookPanel:not(.lm-mod-hidden)")
    panel.wait_for()
    with contextlib.suppress(Exception):
        page.locator(".jp-Dialog button.jp-mod-accept").click(timeout=3000)
    cells = panel.locator(".jp-CodeCell")
    cells.first.locator(".cm-content").click()
    for number in range(len(CELLS) - 1):
        before = len(fal.requests)
        page.keyboard.press("Shift+Enter")
        if not number:
            continue
        fal.wait_for_requests(before + 1, timeout=PATIENCE / 1000)
        seen = look(cells.nth(number), page, folder / f"cell-{number}")
        said = f"{CELLS[number]}\n    {seen}"
        print(said, flush=True)
        assert seen.outputs == 1, said
        assert seen.most_pictures == ("picture" in CELLS[number]), said
        assert (seen.states > 2) == ("hostile" not in CELLS[number]), said
    assert HOSTILE in cells.nth(4).locator(".jp-OutputArea-output").inner_text()
    assert page.evaluate("window.harmed") is None
    interrupt(page, cells.nth(len(CELLS) - 1), fal, folder)
    assert panel.locator(".jp-OutputArea-output img").count() == 2


class Seen:
    """What was seen of an output while its stream ran.

    Attributes:
        states: How many different states of it.
        most_pictures: The most pictures that were there at once.
        blinks: How often there was none where there had been one.
        outputs: How many outputs there are in the end.
    """

    def __init__(self) -> None:
        self.states = self.most_pictures = self.blinks = self.outputs = 0

    def __str__(self) -> str:
        pictures = f"at most {self.most_pictures} pictures, gone {self.blinks} times"
        return f"{self.states} states, {pictures}; {self.outputs} outputs"


def look(cell: Locator, page: Page, path: Path) -> Seen:
    """Look at a cell until its stream has ended."""
    seen, states = Seen(), set[str]()
    output = cell.locator(".jp-OutputArea-output")
    output.first.wait_for()
    taken = 0
    while True:
        text, pictures, html = cell.evaluate(
            "cell => { const outputs = [...cell.querySelectorAll('.jp-OutputArea-output')];"
            "return [outputs.map(o => o.innerText).join(), cell.querySelectorAll("
            "'.jp-OutputArea-output img').length, outputs.map(o => o.innerHTML).join()] }"
        )
        states.add(html)
        seen.blinks += bool(seen.most_pictures and not pictures)
        seen.most_pictures = max(seen.most_pictures, pictures)
        if len(states) in (4, 6) and taken < 2:
            taken += 1
            page.screenshot(path=path.with_name(f"{path.name}-running-{taken}.png"))
        if ": done, " in text:
            break
        time.sleep(0.02)
    page.wait_for_timeout(300)
    seen.states, seen.outputs = len(states), output.count()
    page.screenshot(path=path.with_name(f"{path.name}-done.png"))
    return seen


def interrupt(page: Page, cell: Locator, fal: LocalFal, folder: Path) -> None:
    """Interrupt a silent cell by the keyboard, as a user does."""
    before = len(fal.requests)
    page.keyboard.press("Shift+Enter")
    request = fal.wait_for_requests(before + 1, timeout=PATIENCE / 1000)[before]
    cell.locator("progress").wait_for()
    page.screenshot(path=folder / "silent.png")
    cell.click()
    page.keyboard.press("Escape")
    began = time.monotonic()
    page.keyboard.press("i")
    page.keyboard.press("i")
    assert request.gone.wait(PATIENCE / 1000)
    print(f"The server saw the interrupt after {(time.monotonic() - began) * 1000:.0f} ms")
    cell.get_by_text("interrupted (CancelledError)").wait_for()
    cell.locator(".jp-OutputArea-output").nth(1).wait_for()  # the traceback
    cell.scroll_into_view_if_needed()
    page.wait_for_timeout(500)
    page.screenshot(path=folder / "interrupted.png")


if __name__ == "__main__":
    main()
