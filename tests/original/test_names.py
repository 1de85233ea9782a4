"""The page on JavaScript has a row for each name of the original, and calls it what it is here."""

from __future__ import annotations

import os
import re
from dataclasses import fields
from pathlib import Path

import pytest

from fal_stream import ApiError, Config, RetryPolicy, StreamOptions, ValidationError
from tests.docs.named_tests import ROOT

PAGE = (ROOT / "docs" / "guides" / "from-javascript.md").read_text(encoding="utf-8")
NAMES = PAGE.partition("## Names\n")[2].partition("\n## ")[0]
ROW = re.compile(r"^\| (?!JavaScript |---)(.*?) \| (.*?) \| (.*?)\|$", re.MULTILINE)
CODE = re.compile(r"`([^`]+)`")

DECLARED = {
    "streaming.d.ts": ["StreamOptions", "FalStream", "StreamingClient"],
    "config.d.ts": ["Config", "ProxyUrlConfig"],
    "retry.d.ts": ["RetryOptions"],
    "storage.d.ts": [
        "StorageACLRule",
        "StorageACL",
        "StorageSettings",
        "UploadOptions",
        "StorageClient",
    ],
    "response.d.ts": ["ApiError", "ValidationError"],
}

COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
MEMBER = re.compile(
    r"^    (?:(?:private|readonly|get) )*(\w+|\[Symbol\.asyncIterator\])\??[:(<;]", re.M
)
EXPORTED = re.compile(r"^export (?:declare )?(?:type|interface|class|function) (\w+)", re.MULTILINE)


def words(cells: list[str]) -> set[str]:
    """Give the words of the code in cells of a table."""
    code = [each for cell in cells for each in CODE.findall(cell)]
    return {word for each in code for word in re.findall(r"\w+", each)}


def declarations(file: str) -> str:
    folder = os.environ.get("NPM_FOLDER")
    if folder is None:
        pytest.skip("NPM_FOLDER is not set: `nox -s original` sets it where Node.js and npm are")
    path = Path(folder, "node_modules", "@fal-ai", "client", "src", file)
    return COMMENT.sub("", path.read_text(encoding="utf-8"))


def members(text: str, name: str) -> set[str]:
    found = re.search(rf"(?:type|interface|class) {name}\b[^\n]*{{\n(.*?)^}}", text, re.M | re.S)
    assert found, name
    names = {each.removeprefix("[Symbol.").removesuffix("]") for each in MEMBER.findall(found[1])}
    return names - {"constructor"}


@pytest.mark.parametrize(
    ("file", "name"), [(file, name) for file, names in DECLARED.items() for name in names]
)
def test_each_member_has_a_row(file: str, name: str) -> None:
    declared = members(declarations(file), name)
    assert declared
    assert declared - words([row[0] for row in ROW.findall(NAMES)]) == set()


def test_each_export_of_the_streaming_module_has_a_row() -> None:
    exported = set(EXPORTED.findall(declarations("streaming.d.ts")))
    assert "StreamOptions" in exported
    assert exported - words([row[0] for row in ROW.findall(NAMES)]) == set()


def rows(title: str) -> list[tuple[str, str, str]]:
    return ROW.findall(NAMES.partition(f"### {title}\n")[2].partition("\n### ")[0])


def snake(name: str) -> str:
    return re.sub("([A-Z])", lambda match: "_" + match[1].lower(), name)


def test_options_are_called_so_here() -> None:
    given = words([row[1] for row in rows("Options of a stream")])
    same = words([row[0] for row in rows("Options of a stream") if row[1] == "the same"])
    assert len(given | same) == 10
    assert given | same <= set(StreamOptions.__annotations__)


def test_settings_are_called_so_here() -> None:
    table = rows("Settings of a client")
    ours = {snake(word) for row in table if row[1] != "none" for word in words([row[0]])}
    policy = {field.name for field in fields(RetryPolicy)}
    assert policy <= ours
    assert ours - policy - {"fetch", "url", "when"} <= set(Config.model_fields)


def test_errors_are_called_so_here() -> None:
    api, validation, _ = rows("Errors")
    error = ValidationError("no", status=422, body={})
    for row, kind in ((api, ApiError), (validation, ValidationError)):
        theirs, here = words([row[0]]), words([row[1]])
        assert {word if word[0].isupper() else snake(word) for word in theirs} == here
        assert isinstance(error, kind)
        for name in here - {kind.__name__, "error", "field"}:
            assert hasattr(error, name)
