"""How Sphinx builds the site: pages in Markdown as the repository shows them, the reference from the docstrings."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from importlib.metadata import version as installed
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "src"))

project, author, copyright = "strike-pauses", "The strike-pauses project", "the strike-pauses project, BSD-3-Clause"
version = release = installed("strike-pauses")
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["_build"]
myst_heading_anchors = 3
myst_url_schemes = {"http": None, "https": None, "mailto": None, "book": "notebooks/{{path}}.html"}
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_default_options = {"members": True, "inherited-members": "BaseException"}
napoleon_google_docstring = False
napoleon_use_ivar = True
napoleon_use_rtype = False
default_role = "code"
python_maximum_signature_line_length = 100
add_module_names = False
html_theme, html_title = "alabaster", "strike-pauses"
html_static_path = ["_static"]
html_copy_source = html_show_sphinx = False
html_theme_options = {
    "description": "Did announced pauses change the strikes?",
    "font_family": "system-ui, sans-serif",
    "head_font_family": "Georgia, serif",
    "page_width": "70rem",
    "sidebar_width": "15rem",
    "show_powered_by": False,
}
SIDEBAR = ["about.html", "searchfield.html", "navigation.html"]
html_sidebars = {"**": SIDEBAR, "api": [*SIDEBAR, "localtoc.html"]}
toc_object_entries_show_parents = "hide"

OUTSIDE = re.compile(r"(?<!!)\[([^\]]*)\]\(\.\./([^)]+)\)")
NOTEBOOK = re.compile(r'href="(\w+)\.ipynb(#[^"]*)?"')
SHOWN = ["text/html", "text/markdown", "image/png", "text/plain"]  # of what an output offers, the first


def lead_inside(app: Any, docname: str, source: list[str]) -> None:
    """Let links to notebooks lead to their pages; what else lies outside the site is only named."""

    def led(found: re.Match) -> str:
        book = re.fullmatch(r"notebooks/(\w+)\.ipynb", found[2])
        return f"[{found[1]}](book:{book[1]})" if book else found[1]

    source[0] = OUTSIDE.sub(led, source[0])


def notebook_pages(app: Any) -> Iterator[tuple[str, dict[str, str], str]]:
    """A page for each notebook as it is stored, with its code and results."""
    from nbconvert import HTMLExporter
    from traitlets.config import Config

    settings = Config(NbConvertBase={"display_data_priority": SHOWN})
    exporter = HTMLExporter(config=settings, template_name="basic", exclude_anchor_links=True)
    exporter.exclude_input_prompt = exporter.exclude_output_prompt = True
    for path in sorted((ROOT / "notebooks").glob("*.ipynb")):
        body, _ = exporter.from_filename(str(path))
        body = NOTEBOOK.sub(r'href="\1.html\2"', body).replace('href="../docs/own-data.md"', 'href="../own-data.html"')
        title = re.search(r"<h1[^>]*>(.*?)</h1>", body, re.DOTALL)[1]
        yield f"notebooks/{path.stem}", {"title": title, "body": body}, "page.html"


def setup(app: Any) -> None:
    """Tie both to the build."""
    app.connect("source-read", lead_inside)
    app.connect("html-collect-pages", notebook_pages)
