"""What has to be changed together: the lists of the page on contributing, and whether they hold.

An option, a setting or an error stands in several places. A new one that is missing in one of them
fails here, and the failure says where.
"""

from __future__ import annotations

import re

import pytest

import fal_stream
from fal_stream import AsyncStreamingClient, FalStreamError, StreamingClient, StreamOptions
from fal_stream._cli.messages import OPTIONS as OPTIONS_IN_MESSAGES
from fal_stream._cli.parsers import read_arguments
from fal_stream.config import ClientSettings
from tests.docs.named_tests import ROOT

NOT_FOR_A_SHELL = {
    "auto_upload": "files are named by key@file, and uploaded",
    "connection_mode": "the environment has the key",
    "is_final": "a function",
    "raise_error_events": "an error is an exit code",
    "signal": "Ctrl-C",
    "token_provider": "a function",
}
"""Options that the command line does not have, and why."""

NAMED_BY_EACH_INPUT = ("input",)
"""Options whose messages name the place in the input instead."""

OTHER_NAMES = {"headers": "header", "query_params": "query"}
"""Options that the command line calls otherwise."""

OPTIONS = sorted(StreamOptions.__annotations__)
SETTINGS = sorted(ClientSettings.__annotations__)
ERRORS = sorted(
    name
    for name in fal_stream.__all__
    if isinstance(getattr(fal_stream, name), type)
    and issubclass(getattr(fal_stream, name), FalStreamError)
)


def page(name: str) -> str:
    return (ROOT / "docs" / name).read_text(encoding="utf-8")


def section(name: str, title: str) -> str:
    """Give a section of a page, with the sections below it."""
    level = len(title) - len(title.lstrip("#"))
    _, found, rest = page(name).partition(f"\n{title}\n")
    assert found, f"{name} has no section {title}"
    return re.split(rf"\n#{{2,{level}}} ", rest)[0]


def first_cells(text: str) -> set[str]:
    """Give the names in code in the first column of tables."""
    cells = re.findall(r"^\| (.*?) \|", text, re.MULTILINE)
    return {name for cell in cells for name in re.findall(r"`(\w+)`", cell)}


def in_code(text: str) -> set[str]:
    return {word for code in re.findall(r"`([^`\n]+)`", text) for word in re.findall(r"\w+", code)}


@pytest.mark.parametrize("option", OPTIONS)
def test_an_option_of_a_stream(option: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert option in first_cells(section("guides/streaming.md", "## Start a stream"))
    assert option in in_code(section("guides/from-javascript.md", "### Options of a stream"))
    for client in (StreamingClient, AsyncStreamingClient):
        assert re.search(rf"\b{option}\b", client.stream.__doc__ or ""), client.__name__
    with pytest.raises(SystemExit):
        read_arguments(["run", "--help"])
    shown = f"--{OTHER_NAMES.get(option, option).replace('_', '-')} "
    assert (shown in capsys.readouterr().out) != (option in NOT_FOR_A_SHELL)
    if option not in (*NOT_FOR_A_SHELL, *NAMED_BY_EACH_INPUT):
        assert OPTIONS_IN_MESSAGES[option] == shown.strip()
        assert f"`{shown.strip()}" in section("guides/command-line.md", "## Options")


@pytest.mark.parametrize("setting", SETTINGS)
def test_a_setting_of_a_client(setting: str) -> None:
    assert setting in first_cells(section("reference/settings.md", "## Settings of a client"))
    theirs = section("guides/from-javascript.md", "### Settings of a client")
    assert setting in in_code(theirs)


@pytest.mark.parametrize("error", ERRORS)
def test_an_error(error: str) -> None:
    assert re.search(rf"^ *{error}\b", section("guides/errors.md", "## Error classes"), re.M)
    if error == "FalStreamError":
        return
    assert error in first_cells(section("guides/errors.md", "## What to do"))
    assert error in first_cells(section("guides/testing.md", "## Faults"))


def test_the_lists_are_on_the_page() -> None:
    lists = section("contributing/index.md", "## What has to be changed together")
    for title in ("An option of a stream", "A setting of a client", "An error", "A page"):
        assert f"### {title}\n" in lists
