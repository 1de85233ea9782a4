"""JupyterLab in a real browser: each stream has one output, and nothing of it is printed below.

`python -m tests.display.browser FOLDER` runs it against a server on this machine, on a light and on
a dark page, fails where something else is seen, and leaves screenshots in the folder. It needs
jupyterlab, playwright and a Chromium.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
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
from fal_stream.testing import (
    Cut,
    Hang,
    LocalFal,
    chat_completion,
    image_frames,
    image_progress,
    speech,
    tokens,
    with_logs,
    workflow,
)

ROOT = Path(fal_stream.__file__).parents[1]
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
THEMES = {"light": "JupyterLab Light", "dark": "JupyterLab Dark"}

TEXT = "You see the first word long before the last one is written. " * 6
HOSTILE = '<img src=x onerror="window.harmed = 1"><script>window.harmed = 1</script>'
PRICES = r"It costs $5, and not $12; \href{https://evil.example}{this} is no link."
MARKDOWN = f"""# Foxes

A *red* fox, a **white** one, and `a_fox`. {PRICES}

| fox | price |
| --- | ---: |
| red | $5 |
| white | $12 |

```python
print("<b>fox</b>")
```
"""

# What each cell is called, its code, and whether a picture is seen in it.
CELLS = [
    ("import", "from fal_stream import stream, stream_async", 0),
    ("picture", 'await stream_async("acme/picture").show()', 1),
    ("blocking", 'stream("acme/picture").show()', 1),
    ("four", 'await stream_async("acme/four").show()', 4),
    ("text", 'await stream_async("acme/text").show()', 0),
    ("markdown", 'await stream_async("acme/markdown").show(markdown=True)', 0),
    ("reasoning", 'await stream_async("acme/chat").show()', 0),
    ("sound", 'stream("acme/speech").show()', 0),
    ("workflow", 'await stream_async("workflows/acme/sticker").show()', 1),
    ("prices", 'stream("acme/prices").show()', 0),
    ("mathematics", 'from IPython.display import HTML\nHTML("$x$")', 0),
    ("hostile", 'stream("acme/hostile").show()', 0),
    ("failure", 'for chunk in stream("acme/broken"):\n    print(chunk)', 0),
    ("failed", 'await stream_async("acme/broken").show()', 0),
    ("silent", 'await stream_async("acme/silent").show()', 0),
]
# Those whose output is not one that is drawn by `show()`.
OTHERS = ("mathematics", "failure")
# Longer than this nothing takes; against hangs only (milliseconds).
PATIENCE = 60_000


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folder", type=Path, help="where the screenshots go")
    parser.add_argument("--theme", choices=THEMES, action="append", help="default: both")
    arguments = parser.parse_args()
    folder: Path = arguments.folder
    browser_path = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser_path is None:
        sys.exit(f"There is none of {', '.join(BROWSERS)}")
    with LocalFal() as fal, sync_playwright() as playwright:
        add_apps(fal)
        browser = playwright.chromium.launch(
            executable_path=browser_path, args=["--no-sandbox", "--disable-dev-shm-usage"]
        )
        for theme in arguments.theme or THEMES:
            (folder / theme).mkdir(parents=True, exist_ok=True)
            cells = [code for _, code, _ in CELLS]
            with (
                tempfile.TemporaryDirectory() as home,
                jupyterlab(fal, Path(home), cells, theme) as address,
            ):
                page = browser.new_page(viewport={"width": 1000, "height": 900})
                page.set_default_timeout(PATIENCE)
                page.goto(address)
                print(f"{THEMES[theme]}:", flush=True)
                walk(page, fal, folder / theme)
                page.close()
        browser.close()


def add_apps(fal: LocalFal) -> None:
    """Add what the cells stream from."""
    fal.add("acme/picture", image_frames(8, size=256, pause=0.4))
    fal.add("acme/four", with_logs(image_progress(4, 256, 0.3, images=4), pause=0.4))
    fal.add("acme/text", tokens(TEXT, pause=0.03))
    fal.add("acme/markdown", tokens(MARKDOWN, pause=0.05))
    fal.add("acme/chat", chat_completion(TEXT, 0.02, reasoning="Let me think of foxes. " * 9))
    fal.add("acme/speech", speech(2.0, pause=0.1))
    output = image_frames(1, size=256)[0]
    fal.add("workflows/acme/sticker", workflow(output, pause=1.2))
    fal.add("acme/prices", [{"output": PRICES}])
    fal.add("acme/hostile", [{"output": HOSTILE, "images": [{"url": HOSTILE}]}])
    fal.add("acme/broken", [{"output": "half an ans"}, Cut()])
    fal.add("acme/silent", [{"progress": 0.4, "message": "Loading"}, Hang()])


@contextlib.contextmanager
def jupyterlab(fal: LocalFal, home: Path, codes: list[str], theme: str) -> Iterator[str]:
    """Run JupyterLab with a notebook of some cells, and give the address of that."""
    empty: dict[str, object] = {"metadata": {}, "outputs": [], "execution_count": None}
    cells = [dict(empty, cell_type="code", source=code) for code in codes]
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    notebook = {"cells": cells, "metadata": kernel, "nbformat": 4, "nbformat_minor": 4}
    (home / "notebooks").mkdir()
    (home / "notebooks" / "show.ipynb").write_text(json.dumps(notebook), encoding="utf-8")
    # It would ask whether it may look for news.
    news = {"disabledExtensions": {"@jupyterlab/apputils-extension:announcements": True}}
    (home / "config" / "labconfig").mkdir(parents=True)
    (home / "config" / "labconfig" / "page_config.json").write_text(json.dumps(news))
    look = home / "settings" / "@jupyterlab" / "apputils-extension" / "themes.jupyterlab-settings"
    look.parent.mkdir(parents=True)
    look.write_text(json.dumps({"theme": THEMES[theme]}))
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
        "JUPYTERLAB_SETTINGS_DIR": str(home / "settings"),
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
    panel = opened(page)
    cells = panel.locator(".jp-CodeCell")
    cells.first.locator(".cm-content").click()
    for number, (name, code, pictures) in enumerate(CELLS[:-1]):
        before = len(fal.requests)
        page.keyboard.press("Shift+Enter")
        cell = cells.nth(number)
        if name in OTHERS:
            cell.locator(".jp-OutputArea-output").first.wait_for()
            page.wait_for_timeout(1500)
            page.screenshot(path=folder / f"{name}.png")
        if "stream(" not in code and "stream_async(" not in code:
            continue
        fal.wait_for_requests(before + 1, timeout=PATIENCE / 1000)
        if name in OTHERS:
            continue
        seen = look(cell, page, folder / name)
        said = f"{name}: {seen}"
        print(f"  {said}", flush=True)
        # An error has a traceback below.
        assert seen.outputs == (2 if name == "failed" else 1), said
        assert seen.most_pictures == pictures, said
        if name not in ("hostile", "prices", "failed"):
            assert seen.states > 2, said
        assert re.search(", request id [0-9a-f-]{36}", seen.text), said
    by_name = {name: cells.nth(number) for number, (name, _, _) in enumerate(CELLS)}
    check(page, by_name)
    interrupt(page, by_name["silent"], fal, folder)


def opened(page: Page) -> Locator:
    """Wait until the notebook is there, and give it."""
    panel = page.locator(".jp-NotebookPanel:not(.lm-mod-hidden)")
    panel.wait_for()
    with contextlib.suppress(Exception):
        page.locator(".jp-Dialog button.jp-mod-accept").click(timeout=3000)
    return panel


def output_of(cell: Locator) -> str:
    """Give the text of what is seen below a cell."""
    return "\n".join(cell.locator(".jp-OutputArea-output").all_inner_texts())


def check(page: Page, cells: dict[str, Locator]) -> None:
    """Check what is seen in the end."""
    assert HOSTILE in output_of(cells["hostile"])
    assert page.evaluate("window.harmed") is None
    # What has dollar signs is mathematics elsewhere, and here it is not.
    assert cells["mathematics"].locator("mjx-container").count() == 1
    for name in ("prices", "markdown"):
        assert cells[name].locator("mjx-container").count() == 0
        assert cells[name].locator("a[href*=evil]").count() == 0
        assert PRICES in output_of(cells[name])
    assert cells["markdown"].locator("h1", has_text="Foxes").count() == 1
    assert cells["markdown"].locator("td", has_text="$12").count() == 1
    sound = cells["sound"].locator("audio")
    sound.scroll_into_view_if_needed()
    seconds = sound.evaluate(
        "sound => new Promise((done, failed) => {"
        "sound.onerror = () => failed(sound.error.message);"
        "sound.onloadedmetadata = () => done(sound.duration); sound.load() })"
    )
    assert abs(seconds - 2.0) < 0.1, seconds
    assert cells["workflow"].locator("tr").all_inner_texts()[1].split("\t")[2] == "done"
    for name in ("failure", "failed"):
        seen = output_of(cells[name])
        assert "StreamInterrupted: The connection broke after 1 chunk" in seen
        assert "fal_stream/" not in seen, seen
        assert "----> 1" in seen


class Seen:
    """What was seen of an output while its stream ran.

    Attributes:
        states: How many different states of it.
        most_pictures: The most pictures that were there at once.
        blinks: How often there was none where there had been one.
        outputs: How many outputs there are in the end.
        text: The text of them.
    """

    def __init__(self) -> None:
        self.text = ""
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
        if re.search(": (done|failed), ", text):
            break
        time.sleep(0.02)
    page.wait_for_timeout(300)
    seen.states, seen.outputs, seen.text = len(states), output.count(), output_of(cell)
    cell.scroll_into_view_if_needed()
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
    cell.get_by_text("acme/silent: interrupted, ").wait_for()
    cell.locator(".jp-OutputArea-output").nth(1).wait_for()  # the traceback
    assert "fal_stream/" not in output_of(cell), output_of(cell)
    cell.scroll_into_view_if_needed()
    page.wait_for_timeout(500)
    page.screenshot(path=folder / "interrupted.png")


if __name__ == "__main__":
    main()
