"""One executed notebook as part of a page: results first, no code, nothing that runs, nothing fetched from elsewhere.

Text is rendered by nbconvert's Markdown, HTML in it escaped; of HTML outputs only plain tables are taken, cell by cell,
and written anew; all else shows as text. Conventions for notebooks:

- a cell tagged `notebook-only` and the record of effects do not show;
- a `text/csv` output becomes a link that saves the table, which lies inside the page itself;
- the first heading of the first notebook is the page's; those of the others move down one level.
"""

import base64
import re
from dataclasses import dataclass, field
from functools import cache, partial
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

from analysis.effects import MIME
from analysis.errors import ReportError
from analysis.sentences import VERDICTS

TEMPLATES = Path(__file__).parent / "templates"
HIDDEN = "notebook-only"
SHOWN = ["text/csv", "text/html", "text/markdown", "image/png", "text/plain"]  # of what an output offers, the first
NUMBER = re.compile(r"[-+−×]?\s?[\d.,\u202f\u00a0]+(?:e[-+]?\d+)?\s?%?")
WHOLE = re.compile(rf"\d{{4}}-\d\d-\d\d(?: to \d{{4}}-\d\d-\d\d)?|{'|'.join(VERDICTS)}")  # days and verdicts
KINDS = {"num": NUMBER, "whole": WHOLE}
AROUND = {"", "div"}
PARENTS = {  # of the tags of which pandas makes a table
    "div": AROUND, "p": AROUND, "style": AROUND, "table": AROUND, "thead": {"table"}, "tbody": {"table"},
    "tr": {"thead", "tbody"}, "th": {"tr"}, "td": {"tr"},
}  # fmt: skip
SPANS = {"colspan", "rowspan"}


def render_section(notebook: NotebookNode, *, name: str, level: int) -> str:
    """Turn an executed, checked notebook into a part of a page whose first heading has this level (1 or 2).

    `name` is for the file that a `text/csv` output is saved as. ReportError if its headings are out of order.
    """
    html, resources = _exporter().from_notebook_node(notebook, resources={"part": Part(name, level)})
    levels = resources["part"].levels
    jumps = any(after > before + 1 for before, after in pairwise(levels))
    if levels[:1] != [1] or levels.count(1) != 1 or jumps:
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


def plain(text: str) -> str:
    """Text as HTML."""
    return escape(text, quote=False)


@dataclass
class Cell:
    """A cell of a table: its HTML, whether it is a header, what it spans, and the class that its column has."""

    html: str
    header: bool
    span: str = ""
    kind: str = ""

    @property
    def text(self) -> str:
        """Its text alone."""
        return _text(self.html)


Cells = list[list[Cell]]


def _row(cells: list[Cell], *, scope: str) -> str:
    if not cells:
        return ""
    lines = []
    for cell in cells:
        header = cell.header and cell.text
        name = "th" if header else "td"
        kind, scoped = f' class="{cell.kind}"' if cell.kind else "", f' scope="{scope}"' if header else ""
        lines.append(f"<{name}{kind}{cell.span}{scoped}>{cell.html}</{name}>")
    return "\n".join(["<tr>", *lines, "</tr>"])


def _text(html: str) -> str:
    return unescape(re.sub("<[^>]*>", "", html)).strip()


@dataclass
class Part:
    """What the template asks for, and what was seen so far of headings and tables."""

    name: str
    level: int
    levels: list[int] = field(default_factory=list)
    heading: str = ""
    tables: int = 0

    def shows(self, shown: dict) -> bool:
        """Whether a cell or an output is for readers of the page."""
        return HIDDEN not in shown.get("metadata", {}).get("tags", ()) and MIME not in shown.get("data", {})

    def markdown(self, source: str) -> str:
        """Text with its HTML escaped."""
        return MarkdownWithMath(renderer=Renderer(self)).render(source)

    def html(self, source: str) -> str:
        """A plain table with whatever pandas puts around it, or the source as text."""
        reader = TableReader(self)
        try:
            reader.feed(source)
            reader.close()
        except ValueError:
            return plain(source)
        return plain(source) if reader.open else "".join(reader.pieces)

    def table(self, head: Cells, body: Cells) -> str:
        """A table in a frame of its own in which it scrolls, with headers that say so and numbers flush right."""
        if not body:
            return "No rows."
        for cell in (cell for row in (*head, *body) for cell in row if cell.text == "NaN"):
            cell.html = "–"
        self.tables += 1
        label = f"{self.heading} ({self.name.rpartition('-')[2]}, table {self.tables})"  # no two alike
        frame = f'<div aria-label="{escape(label)}" class="scroll" role="region" tabindex="0">'
        named = [bool(cell.text) for cell in head[1]] if len(head) == 2 and not head[0][0].text else []
        if named == [True] + [False] * (len(head[0]) - 1):  # pandas names the index in a line of its own
            head = [[head[1][0], *head[0][1:]], []]
        for position, column in enumerate(zip_longest(*body)):
            texts = {cell.text for cell in column if cell} - {"", "-", "–", "—"}
            kinds = [kind for kind, pattern in KINDS.items() if texts and all(map(pattern.fullmatch, texts))]
            for cell in filter(None, (*column, *(row[position] for row in head if position < len(row)))):
                cell.kind = kinds[-1] if kinds else ""
        lines = [frame + "<table>", "<thead>", *map(partial(_row, scope="col"), head), "</thead>"]
        return "\n".join([*lines, "<tbody>", *map(partial(_row, scope="row"), body), "</tbody>", "</table></div>"])

    def png(self, output: dict) -> str:
        """A picture that lies inside the page."""
        encoded, alt = "".join(output["data"]["image/png"].split()), output["metadata"]["image/png"]["alt"]
        base64.b64decode(encoded, validate=True)
        return f'<figure><img alt="{escape(alt)}" src="data:image/png;base64,{encoded}"></figure>'

    def csv(self, text: str) -> str:
        """A link that saves the table."""
        file, encoded = f"{self.name}.csv", base64.b64encode(text.encode()).decode()
        link = f'<a download="{file}" href="data:text/csv;base64,{encoded}">Save the table</a>'
        return f'<p class="download">{link} ({file}, {text.count(chr(10)) - 1} rows)</p>'

    def plain(self, text: str) -> str:
        """Text as it is."""
        return plain(text)


class Renderer(IPythonRenderer):
    """Markdown to HTML: nothing but text, and links to the web, mail and places of the reports."""

    def __init__(self, part: Part):
        super().__init__(escape=True)
        self.part, self.cells, self.head, self.body = part, [], [], []

    def text(self, text: str) -> str:
        return plain(unescape(text))

    def codespan(self, text: str) -> str:
        return f"<code>{plain(text)}</code>"

    def block_code(self, code: str, info: str | None = None) -> str:
        return f"<pre><code>{plain(code)}</code></pre>\n"

    def escape_raw(self, value: str) -> str:
        return plain(value)

    def heading(self, text: str, level: int, **attrs: Any) -> str:
        self.part.levels.append(level)
        self.part.heading = _text(text)
        shown = min(6, level + self.part.level - 1)
        return f"<h{shown}>{text}</h{shown}>\n"

    def link(self, text: str, url: str, title: str | None = None) -> str:
        href = f' href="{escape(url)}"' if _is_link(url) else ""
        named = f' title="{escape(title)}"' if title else ""
        return f"<a{href}{named}>{text}</a>"

    def image(self, text: str, url: str, title: str | None = None) -> str:
        return plain(f"![{text}]({url})")  # only results are pictures

    def linebreak(self) -> str:
        return "<br>\n"

    def table_cell(self, text: str, align: str | None = None, head: bool = False) -> str:
        self.cells.append(Cell(text.strip(), head))
        return ""

    def table_row(self, text: str) -> str:
        self.body.append(self.cells)
        self.cells = []
        return ""

    def table_head(self, text: str) -> str:
        self.head, self.cells = [self.cells], []
        return ""

    def table_body(self, text: str) -> str:
        return ""

    def table(self, text: str) -> str:
        rows, self.body = self.body, []
        return self.part.table(self.head, rows) + "\n"


class TableReader(HTMLParser):
    """Reads tables as pandas writes them; ValueError for anything else."""

    def __init__(self, part: Part):
        super().__init__()
        self.part, self.open, self.pieces, self.rows = part, [], [], {}

    def handle_starttag(self, tag: str, attrs: list):
        if (self.open[-1] if self.open else "") not in PARENTS.get(tag, ()):
            raise ValueError(tag)
        self.open.append(tag)
        if tag == "table":
            self.rows = {"thead": [], "tbody": []}
        elif tag == "tr":
            self.rows[self.open[-2]].append([])
        elif tag in ("th", "td"):
            spans = sorted(f' {name}="{value}"' for name, value in attrs if name in SPANS and (value or "").isdecimal())
            self.rows[self.open[-3]][-1].append(Cell("", tag == "th", "".join(spans)))
        elif tag in ("div", "p"):
            self.pieces.append(f"<{tag}>")

    def handle_endtag(self, tag: str):
        if not self.open or self.open.pop() != tag:
            raise ValueError(tag)
        if tag == "table":
            self.pieces.append(self.part.table(self.rows["thead"], self.rows["tbody"]))
        elif tag in ("div", "p"):
            self.pieces.append(f"</{tag}>")

    def handle_data(self, data: str):
        place = self.open[-1] if self.open else ""
        if place in ("th", "td"):
            self.rows[self.open[-3]][-1][-1].html += plain(data)
        elif place in ("", "div", "p"):
            self.pieces.append(plain(data) if data.strip() else "\n")
        elif place != "style" and data.strip():
            raise ValueError(data)

    def handle_comment(self, data: str):
        raise ValueError(data)

    handle_decl = handle_pi = unknown_decl = handle_comment


def _is_link(address: str) -> bool:
    """Whether an address may be followed on a click: the web, mail, a place or file of the reports."""
    parts = urlsplit(unquote(address).replace("\\", "/"))  # as browsers read it
    if parts.scheme:
        return parts.scheme in ("http", "https", "mailto")
    return not parts.netloc and ".." not in parts.path and not parts.path.startswith("/")
