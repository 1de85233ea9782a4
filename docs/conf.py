"""How Sphinx builds these pages: `nox -s docs`."""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(Path(__file__).parent / "_sphinx")]

import fal_stream  # noqa: E402

project = "fal_stream"
project_copyright = author = "The fal_stream authors"
version = release = fal_stream.__version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx_design",
    "contents",
    "keywords",
    "names",
    "tabs",
]
exclude_patterns = ["_sphinx"]
default_role = "code"  # docstrings have code in single backticks
highlight_language = "text"
nitpicky = True

myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 4

html_theme = "furo"
html_static_path = ["_sphinx/static"]
html_css_files = ["pages.css"]
html_show_sourcelink = False
html_copy_source = False
html_title = f"fal_stream {version}"

autodoc_class_signature = "mixed"
autodoc_default_options = {"exclude-members": "model_config, upload_found"}
autodoc_member_order = "bysource"
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented"
python_use_unqualified_type_names = True
napoleon_numpy_docstring = False
napoleon_use_ivar = True
