"""One executed notebook as part of a page: results first, no code, nothing that runs, nothing fetched from elsewhere.

Text is rendered by nbconvert's Markdown, HTML in it escaped. Of HTML outputs only plain tables are taken, cell by cell,
and written anew; all else shows as text. Conventions for notebooks:

- a cell tagged `notebook-only` and the record of effects do not show;
- a `text/csv` output becomes a link that saves the table, which lies inside the page itself;
- the first heading of the first notebook is the page's; those of the others move down one level.
"""

import re
from base64 import b64encode
from dataclasses import dataclass
from functools import cache
from html import escape, unescape
from html.parser import HTMLParser
from itertools import pairwise, zip_longest
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from nbconvert import TemplateExporter
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath
from nbformat import NotebookNode
from traitlets.config import Config

from analysis.effect import MIME
from analysis.errors import ReportError
from analysis.words import VERDICTS

TEMPLATES = Path(__file__).parent / "templates"
HIDDEN = "notebook-only"
SHOWN = ["text/csv", "text/html", "text/markdown", "image/png", "text/plain"]  # of what an output offers, the first
KINDS = {  # of columns: numbers flush right; days and verdicts on one line
    "num": re.compile(r"[-+−×]?\s?[\d.,\u202f\u00a0]+(?:e[-+]?\d+)?\s?%?"),
    "whole": re.compile(rf"\d{{4}}-\d\d-\d\d(?: to \d{{4}}-\d\d-\d\d)?|{'|'.join(VERDICTS)}"),
}
ROUNDED = {  # columns that pandas shows with digits that nobody chose
    re.compile(r"-?\d+\.0"): "{:.0f}",
    re.compile(r"-?\d+\.\d{6}"): "{:.2g}",
}
SPOKEN = {"NaN": "–", "True": "yes", "False": "no"}
SPANS = ("colspan", "rowspan")
INSIDE = {  # where the tags may stand of which pandas makes a table; the others stand by themselves or in a div
    "thead": ["table"], "tbody": ["table"], "tr": ["thead", "tbody"], "th": ["tr"], "td": ["tr"],
    **{tag: ["", "div"] for tag in ("table", "style", "div", "p")},
}  # fmt: skip


def render_section(notebook: NotebookNode, *, name: str, level: int) -> str:
    """Turn an executed, checked notebook into a part of a page whose first heading has this level (1 or 2).

    `name` is for the file that a `text/csv` output is saved as. ReportError if its headings are out of order.
    """
    html, resources = _exporter().from_notebook_node(notebook, resources={"part": Part(name, level)})
    levels = resources["part"].levels
    if levels[:1] != [1] or levels.count(1) != 1 or any(after > before + 1 for before, after in pairwise(levels)):
        expected, found = "one # first, then ## and ### without a gap", " ".join(f"h{level}" for level in levels)
        raise ReportError("headings are out of order", expected=expected, found=found or "no heading")
    return html.strip() + "\n"


@cache
def _exporter() -> TemplateExporter:
    """Without what HTMLExporter adds for a page that stands alone."""
    return TemplateExporter(
        template_name="section", template_file="index.html.j2", extra_template_basedirs=[str(TEMPLATES)],
        exclude_input=True, default_preprocessors=[], config=Config(NbConvertBase={"display_data_priority": SHOWN}),
    )  # fmt: skip


def _plain(text: str) -> str:
    return escape(text, quote=False)


def _text(html: str) -> str:
    return unescape(re.sub("<[^>]*>", "", html)).strip()


@dataclass
class Cell:
    """A cell of a table: its HTML, whether it is a header, what it spans, and the class that its column has."""

    html: str
    header: bool
    span: str = ""
    kind: str = ""


class Part(IPythonRenderer):
    """What the template asks for; Markdown becomes text, tables and links to the web, mail or places of the reports."""

    def __init__(self, name: str, level: int):
        super().__init__(escape=True)
        self.name, self.level, self.levels, self.title, self.tables = name, level, [], "", 0
        self.cells, self.rows = [], []  # of the table that is being rendered

    def shows(self, shown: dict) -> bool:
        """Whether a cell or an output is for readers of the page."""
        return HIDDEN not in shown.get("metadata", {}).get("tags", ()) and MIME not in shown.get("data", {})

    def markdown(self, source: str) -> str:
        """Markdown as HTML."""
        return MarkdownWithMath(renderer=self).render(source)

    def html(self, source: str) -> str:
        """A plain table with whatever pandas puts around it, or the source as text."""
        reader = TableReader(self)
        try:
            reader.feed(source)
            reader.close()
        except ValueError:
            return _plain(source)
        return _plain(source) if reader.open else "".join(reader.pieces)

    def csv(self, text: str) -> str:
        """A link that saves the table."""
        file, data = f"{self.name}.csv", b64encode(text.encode()).decode()
        link = f'<a download="{file}" href="data:text/csv;base64,{data}">Save the table</a>'
        return f'<p class="download">{link} ({file}, {text.count(chr(10)) - 1} rows)</p>'

    def framed(self, head: list[list[Cell]], body: list[list[Cell]]) -> str:
        """A table that scrolls in a frame of its own and says which cells are headers."""
        if not body:
            return "No rows."
        self.tables += 1
        label = escape(f"{self.title} ({self.name.rpartition('-')[2]}, table {self.tables})")  # no two alike
        named = [bool(_text(cell.html)) for cell in head[1]] if len(head) == 2 and not _text(head[0][0].html) else []
        if named == [True] + [False] * (len(head[0]) - 1):  # pandas names the index in a line of its own
            head = [[head[1][0], *head[0][1:]], []]
        firsts = ["".join(_text(cell.html) for cell in row[:1]) for row in (*head, *body)]
        if firsts == [*[""] * len(head), *map(str, range(len(body)))]:
            head, body = ([row[1:] for row in rows] for rows in (head, body))  # the bare numbers of pandas
        for position, column in enumerate(zip_longest(*body)):
            cells = [*filter(None, column), *(row[position] for row in head if position < len(row))]
            texts = {_text(cell.html) for cell in column if cell} - {"", "-", "–", "—", "NaN"}
            for look in (look for pattern, look in ROUNDED.items() if texts and all(map(pattern.fullmatch, texts))):
                for cell in (cell for cell in column if cell and _text(cell.html) in texts):
                    cell.html = look.format(float(_text(cell.html)))
            for kind in (kind for kind, pattern in KINDS.items() if texts and all(map(pattern.fullmatch, texts))):
                for cell in cells:
                    cell.kind = kind
        frame = f'<div aria-label="{label}" class="scroll" role="region" tabindex="0"><table>'
        head, body = (["\n".join(_row(row, scope)) for row in rows] for rows, scope in ((head, "col"), (body, "row")))
        return "\n".join([frame, "<thead>", *head, "</thead>", "<tbody>", *body, "</tbody>", "</table></div>"])

    def text(self, text: str) -> str:
        return _plain(unescape(text))

    def block_code(self, code: str, info: str | None = None) -> str:
        return f"<pre><code>{_plain(code)}</code></pre>\n"

    def heading(self, text: str, level: int, **attrs: Any) -> str:
        self.levels.append(level)
        self.title, shown = _text(text), min(6, level + self.level - 1)
        return f"<h{shown}>{text}</h{shown}>\n"

    def link(self, text: str, url: str, title: str | None = None) -> str:
        href = f' href="{escape(url)}"' if _is_link(url) else ""
        return f"<a{href}>{text}</a>"

    def image(self, text: str, url: str, title: str | None = None) -> str:
        return _plain(f"![{_text(text)}]({url})")  # only results are pictures

    def table_cell(self, text: str, align: str | None = None, head: bool = False) -> str:
        self.cells.append(Cell(text.strip(), head))
        return ""

    def table_row(self, text: str) -> str:
        self.rows.append(self.cells)
        self.cells = []
        return ""

    table_head = table_row

    def table_body(self, text: str) -> str:
        return ""

    def table(self, text: str) -> str:
        head, *body = self.rows
        self.rows = []
        return self.framed([head], body) + "\n"


def _row(cells: list[Cell], scope: str) -> list[str]:
    lines = []
    for cell in cells:
        header = cell.header and _text(cell.html)
        name, scoped = ("th", f' scope="{scope}"') if header else ("td", "")
        kind = f' class="{cell.kind}"' if cell.kind else ""
        shown = cell.html.replace("_", " ") if header and "<" not in cell.html else cell.html
        lines.append(f"<{name}{kind}{cell.span}{scoped}>{SPOKEN.get(_text(cell.html), shown)}</{name}>")
    return ["<tr>", *lines, "</tr>"] if lines else []


def _is_link(address: str) -> bool:
    """Whether an address may be followed on a click: the web, mail, a place or file of the reports."""
    parts = urlsplit(unquote(address).replace("\\", "/"))  # as browsers read it
    if parts.scheme:
        return parts.scheme in ("http", "https", "mailto")
    return not parts.netloc and ".." not in parts.path and not parts.path.startswith("/")


class TableReader(HTMLParser):
    """Reads tables as pandas writes them; ValueError for anything else."""

    def __init__(self, part: Part):
        super().__init__()
        self.part, self.open, self.pieces, self.rows = part, [], [], {}

    def handle_starttag(self, tag: str, attrs: list):
        if (self.open[-1] if self.open else "") not in INSIDE.get(tag, ()):
            raise ValueError(tag)
        self.open.append(tag)
        if tag == "table":
            self.rows = {"thead": [], "tbody": []}
        elif tag == "tr":
            self.rows[self.open[-2]].append([])
        elif tag in ("th", "td"):
            spans = [f' {name}="{value}"' for name, value in attrs if name in SPANS and (value or "").isdecimal()]
            self.rows[self.open[-3]][-1].append(Cell("", tag == "th", "".join(sorted(spans))))
        elif tag in ("div", "p"):
            self.pieces.append(f"<{tag}>")

    def handle_endtag(self, tag: str):
        if not self.open or self.open.pop() != tag:
            raise ValueError(tag)
        if tag == "table":
            self.pieces.append(self.part.framed(self.rows["thead"], self.rows["tbody"]))
        elif tag in ("div", "p"):
            self.pieces.append(f"</{tag}>")

    def handle_data(self, data: str):
        place = self.open[-1] if self.open else ""
        if place in ("th", "td"):
            self.rows[self.open[-3]][-1][-1].html += _plain(data)
        elif place in ("", "div", "p"):
            self.pieces.append(_plain(data) if data.strip() else "\n")
        elif place != "style" and data.strip():
            raise ValueError(data)

    def handle_comment(self, data: str):
        raise ValueError(data)

    handle_decl = handle_pi = unknown_decl = handle_comment
