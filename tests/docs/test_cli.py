"""Every command of the page on the command line runs, and what it lists is what there is."""

from __future__ import annotations

import base64
import re
import shutil
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest

from fal_stream._cli.exit_codes import MEANINGS
from fal_stream._cli.parsers import read_arguments
from fal_stream.testing import LocalFal, Reply, audio, image_frames, tokens
from tests.cli.program import SECONDS, environment
from tests.docs.named_tests import ROOT

PAGE = (ROOT / "docs" / "guides" / "command-line.md").read_text(encoding="utf-8")
COMMANDS = re.findall(r"^```sh\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
# Those of the README that are not about installing it.
README = (ROOT / "README.md").read_text(encoding="utf-8")
OTHERS = re.findall(r"^```sh\n(fal-stream .*?)^```", README, re.MULTILINE | re.DOTALL)
SETUP = 'set -eo pipefail; fal-stream() { "$PYTHON" -m fal_stream "$@"; }\n'


@pytest.mark.skipif(not shutil.which("bash"), reason="bash is not installed")
@pytest.mark.parametrize("command", [*COMMANDS, *OTHERS])
def test_a_command_runs(command: str, fal: LocalFal, tmp_path: Path) -> None:
    if "jq" in command and not shutil.which("jq"):
        pytest.skip("jq is not installed")
    usage = {"total_tokens": 6}
    fal.add("fal-ai/any-llm", tokens("You see the first word early.", pause=0, usage=usage))
    fal.add("fal-ai/flux/dev", image_frames(3, pause=0))
    sound = base64.b64encode(b"".join(audio(0.2))).decode()
    fal.add("acme/realtime-speech", [{"audio": sound[:4000]}, {"audio": sound[4000:]}])
    fal.add("acme/speech", Reply(audio(0.2), content_type="audio/wav"))
    (tmp_path / "fox.png").write_bytes(b"a picture")
    done = subprocess.run(
        ["bash", "-c", SETUP + command],
        cwd=tmp_path,
        env=environment(fal, PYTHON=sys.executable),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=SECONDS,
    )
    assert done.returncode == 0, done.stderr
    assert b"Traceback" not in done.stderr
    lines = [line for line in done.stdout.decode().splitlines() if not line.startswith("{")]
    # No staircase: what one line says is not said by the next one again.
    assert not any(after.startswith(line) for line, after in pairwise(lines) if len(line) > 3)


def test_the_readme_has_commands() -> None:
    assert "--text" in "".join(OTHERS)


def test_the_exit_codes_are_those_of_the_code() -> None:
    rows = re.findall(r"^\| (\d+) \| (.*) \|$", PAGE.replace("\\|", "|"), re.MULTILINE)
    assert {int(code): meaning for code, meaning in rows} == MEANINGS


def test_the_page_names_each_option(capsys: pytest.CaptureFixture[str]) -> None:
    options: set[str] = {"--help"}
    for command in ("run", "serve", "demo"):
        with pytest.raises(SystemExit):
            read_arguments([command, "--help"])
        options.update(re.findall(r"--[a-z-]+", capsys.readouterr().out.partition("examples")[0]))
    assert set(re.findall(r"--[a-z-]+", PAGE.replace("| --- ", ""))) - {"---"} == options
