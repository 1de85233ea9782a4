"""The API reference: where names lead, and what of docstrings Sphinx would misread.

Promises: a public name leads to its place in the reference, also where a signature names the
private module that it lives in; a name of another project is plain text; whatever else is not found
stays an error of the build. Classes that users don't make, or whose arguments are described one by
one, are shown without them. A colon in what a docstring says of a result is a colon; Sphinx would
take what is before it for a type.
"""

from __future__ import annotations

import re
import sys
from typing import Any

from docutils import nodes
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.pycode import ModuleAnalyzer

import fal_stream
import fal_stream.testing

__all__ = ["setup"]

_PUBLIC = {
    **{name: f"fal_stream.testing.{name}" for name in fal_stream.testing.__all__},
    **{name: f"fal_stream.{name}" for name in fal_stream.__all__},
}
_OTHERS = (
    "collections.",
    "httpx.",
    "os.",
    "pathlib.",
    "pydantic.",
    "ssl.",
    "threading.",
    "typing_extensions.",
)
_TYPE_VARIABLE = re.compile(r"T|[A-Z]\w+T")
# What the docstring says in words of an argument that has no public type.
_SAID = frozenset(
    {
        "AsyncHttpClient",
        "AsyncInputs",
        "AsyncResultReader",
        "AsyncStorage",
        "ChunkField",
        "CredentialsFunction",
        "HttpClient",
        "Inputs",
        "NoOthers",
        "ResultReader",
        "Storage",
    }
)
_WITHOUT_ARGUMENTS = frozenset(
    {
        "AsyncFalStream",
        "AsyncFile",
        "AsyncStreamMap",
        "Config",
        "FalStream",
        "File",
        "RecordedRequest",
        "StreamMap",
    }
)


def _find(
    app: Sphinx, env: BuildEnvironment, node: pending_xref, content: nodes.Element
) -> nodes.Element | None:
    target: str = node.get("reftarget", "")
    place, _, name = target.rpartition(".")
    if node.get("refdomain") != "py":
        return None
    # What a recursive alias is made of, and type variables, have no place of their own.
    if (
        target == "Path"
        or target.startswith(_OTHERS)
        or "[" in target
        or _TYPE_VARIABLE.fullmatch(name)
    ):
        return content
    if name in _SAID or name.startswith("_"):
        return content
    # A signature names some by the module, as they are loaded late.
    ours = not place or place == "config_module" or place.startswith("fal_stream")
    if ours and name in _PUBLIC and target != _PUBLIC[name]:
        python = env.get_domain("py")
        found = python.resolve_xref(
            env, node["refdoc"], app.builder, "obj", _PUBLIC[name], node, content
        )
        return found if isinstance(found, nodes.Element) else None
    return None


def _without_arguments(
    app: Sphinx, kind: str, name: str, thing: object, options: object, arguments: str, gives: str
) -> tuple[str, str] | None:
    if name.rpartition(".")[2] in _WITHOUT_ARGUMENTS:
        return "", ""
    # What takes misspelt keywords, to name the right one, is nothing to give.
    return (arguments or "").replace(", **unknown", ""), gives


def _show_no_overloads(app: Sphinx, env: BuildEnvironment, pages: list[str]) -> None:
    """Let each function have one signature: its overloads differ in what is given back only."""
    for name in [*fal_stream.__all__, *fal_stream.testing.__all__]:
        getattr(fal_stream, name, None)  # loads its module
    for module in [each for each in sys.modules if each.startswith("fal_stream.")]:
        analyzer = ModuleAnalyzer.for_module(module)
        analyzer.analyze()
        analyzer.overloads.clear()


# A character of nobody's, in a colon's place while the docstring is read.
_COLON = "\ue000"
_SECTION = re.compile(r"(\w+):$")


def _written_beside(name: str) -> list[str]:
    """Give the docstring of a plain value, which stands beside it where it is made."""
    for module in [each for each in sys.modules if each.startswith("fal_stream.")]:
        if text := ModuleAnalyzer.for_module(module).find_attr_docs().get(("", name)):
            return list(text)
    return []


def _hide_colons(
    app: Sphinx, kind: str, name: str, thing: object, options: object, lines: list[str]
) -> None:
    if kind == "data":
        lines[:] = _written_beside(name.rpartition(".")[2]) or lines
    section = ""
    for at, line in enumerate(lines):
        if match := _SECTION.match(line):
            section = match[1]
        elif section == "Returns" or (at == 0 and kind in ("attribute", "data", "property")):
            lines[at] = line.replace(":", _COLON)


def _show_colons(
    app: Sphinx, kind: str, name: str, thing: object, options: object, lines: list[str]
) -> None:
    lines[:] = [line.replace(_COLON, ":") for line in lines]


def setup(app: Sphinx) -> dict[str, Any]:
    """Tell Sphinx of the names."""
    app.connect("env-before-read-docs", _show_no_overloads)
    app.connect("missing-reference", _find)
    app.connect("autodoc-process-signature", _without_arguments)
    app.connect("autodoc-process-docstring", _hide_colons, priority=400)  # napoleon has 500
    app.connect("autodoc-process-docstring", _show_colons, priority=600)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
