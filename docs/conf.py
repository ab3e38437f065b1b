"""Configuration of Sphinx: ``make docs`` builds the site in build/docs."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).parent))

import pages

import bnnhw

if TYPE_CHECKING:
    from sphinx.application import Sphinx

project = "bnnhw"
author = "the bnnhw authors"
release = bnnhw.__version__
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["README.md"]
html_theme = "furo"
html_title = f"bnnhw {release}"
myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 3
autodoc_typehints = "none"
autodoc_member_order = "bysource"
napoleon_google_docstring = False
napoleon_use_rtype = False


def setup(app: Sphinx) -> None:
    """Write the generated pages before Sphinx reads the sources."""
    pages.write(Path(__file__).parent / "generated")
    app.connect("autodoc-process-docstring", escape_stars, priority=100)


def escape_stars(app: Sphinx, what: str, name: str, obj: object, options: object,
                 lines: list[str]) -> None:
    """Keep the stars of shapes such as ``[n, *graph.input.shape]`` from starting an emphasis."""
    lines[:] = [re.sub(r"(?<=, )\*(?=\w)", r"\*", line) for line in lines]
