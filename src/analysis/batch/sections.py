"""One executed notebook as part of a page: results first, no code, nothing that runs, nothing fetched from elsewhere.

nbconvert with a small template on its ``base`` one, then a pass for accessibility, then a list of allowed HTML; what
is not on the list shows as text. Conventions for notebooks:

- a cell tagged ``notebook-only`` and the record of effects do not show;
- a ``text/csv`` output becomes a link that saves the table, which lies inside the page itself;
- the first heading of the first notebook is the page's; those of the others move down one level.
"""

import base64
import re
from collections import Counter
from copy import deepcopy
from functools import cache
from html import escape
from itertools import pairwise, zip_longest
from pathlib import Path
from urllib.parse import unquote, urlsplit

from analysis.batch.execution import outputs
from analysis.effect import MIME
from analysis.errors import ReportError
from analysis.words import VERDICTS

TEMPLATES = Path(__file__).parent / "templates"
HIDDEN = "notebook-only"
SHOWN = ["text/html", "text/markdown", "image/png", "text/plain"]  # of what an output offers, the first
TAGS = """a abbr b blockquote br caption code dd details div dl dt em figcaption figure h1 h2 h3 h4 h5 hr i img li ol
p pre small span strong sub summary sup table tbody td tfoot th thead time tr u ul"""
ATTRIBUTES = {"a": {"download", "title"}, "img": {"alt"}, "td": {"colspan", "rowspan"}, "ol": {"start"}}
ATTRIBUTES["th"] = {"colspan", "rowspan", "scope"}
SHARED = {"class", "lang", "title"}
_NUMBER = re.compile(r"[-+−×]?\s?[\d.,\u202f\u00a0]+(?:e[-+]?\d+)?\s?%?")
_WHOLE = re.compile(rf"\d{{4}}-\d\d-\d\d(?: to \d{{4}}-\d\d-\d\d)?|{'|'.join(VERDICTS)}")  # days and verdicts
_OPENED = re.compile(r"<(?!(?:br|hr|img|col|wbr)\b)([a-z][a-z0-9]*)\b[^>]*(?<!/)>")  # but for what is never closed
_CLOSED = re.compile(r"</([a-z][a-z0-9]*)\s*>")
_EMBEDDED = re.compile(r"embedded:(\d+)")
_PLACED = re.compile(r"(embedded|described):(\d+)")  # a picture or file; an alternative text, which is no address


def render_section(notebook, *, name, level):
    """Turn an executed notebook into a part of a page.

    Parameters
    ----------
    notebook : NotebookNode
        Executed and checked.
    name : str
        For the file that a ``text/csv`` output is saved as.
    level : int
        Level of its first heading: 1 or 2.

    Returns
    -------
    str
        HTML from the list of allowed tags and attributes.

    Raises
    ------
    ReportError
        Its headings are out of order.
    """
    from bs4 import BeautifulSoup

    notebook, embedded = _shown(notebook, name)
    html, _ = _exporter().from_notebook_node(notebook)
    soup = BeautifulSoup(html, "html.parser")
    for style in soup("style"):
        style.decompose()
    for image in soup("img"):
        if not _EMBEDDED.fullmatch(image.get("src", "")):
            image.replace_with(str(image))  # only results are pictures; anything else is shown as text
    _head(soup, level)
    for table in soup("table"):
        if not table.select("tbody tr"):
            table.replace_with("No rows.")
    for number, table in enumerate(soup("table"), 1):
        _label(table, soup, f"{name.rpartition('-')[2]}, table {number}")
    clean = _allow(soup.decode())

    def content(found):
        number = int(found[2])
        return embedded[number][found[1] == "described"] if number < len(embedded) else ""

    return _PLACED.sub(content, clean)


def _shown(notebook, name):
    """A copy with only what a page shows, and the contents to embed where it says embedded:0, embedded:1 ..."""
    notebook, embedded = deepcopy(notebook), []
    notebook.cells = [cell for cell in notebook.cells if HIDDEN not in cell.metadata.get("tags", ())]
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = [output for output in cell.outputs if MIME not in output.get("data", {})]
    for output in outputs(notebook):
        data = output.get("data", {})
        if "text/csv" in data:
            file = f"{name}.csv"
            rows = data["text/csv"].count("\n") - 1
            link = f'<p class="download"><a download="{file}" href="embedded:{len(embedded)}">Save the table</a>'
            output["data"] = {"text/html": f"{link} ({file}, {rows} rows)</p>"}
            embedded.append((f"data:text/csv;base64,{base64.b64encode(data['text/csv'].encode()).decode()}", ""))
        elif "image/png" in data:
            encoded, alt = "".join(data["image/png"].split()), output["metadata"]["image/png"]["alt"]
            base64.b64decode(encoded, validate=True)
            output["data"] = {"image/png": f"embedded:{len(embedded)}"}
            output["metadata"] = {"image/png": {"alt": f"described:{len(embedded)}"}}
            embedded.append((f"data:image/png;base64,{encoded}", escape(alt)))
    return notebook, embedded


@cache
def _exporter():
    """An exporter without what HTMLExporter adds for a page that stands alone, and without its second parse."""
    from bs4 import BeautifulSoup
    from nbconvert import TemplateExporter
    from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath
    from traitlets.config import Config

    def markdown2html(source):
        return whole(MarkdownWithMath(renderer=IPythonRenderer(escape=False, exclude_anchor_links=True)).render(source))

    def whole(html):
        """Close here what an output left open, if it did: another output must not lie inside."""
        opened, closed = (Counter(pattern.findall(html.lower())) for pattern in (_OPENED, _CLOSED))
        return html if opened == closed else BeautifulSoup(html, "html.parser").decode()

    return TemplateExporter(
        template_name="section", template_file="index.html.j2", extra_template_basedirs=[str(TEMPLATES)],
        filters={"markdown2html": markdown2html, "whole": whole}, exclude_input=True, default_preprocessors=[],
        config=Config(NbConvertBase={"display_data_priority": SHOWN}),
    )  # fmt: skip


def _head(soup, level):
    """Check the order of headings and move them to the level of this part."""
    headings = soup(re.compile(r"^h[1-6]$"))
    levels = [int(heading.name[1]) for heading in headings]
    jumps = any(after > before + 1 for before, after in pairwise(levels))
    if levels[:1] != [1] or levels.count(1) != 1 or jumps:
        raise ReportError(
            "headings are out of order", expected="one # first, then ## and ### without a gap",
            found=" ".join(heading.name for heading in headings) or "no heading",
        )  # fmt: skip
    for heading, old in zip(headings, levels, strict=True):
        heading.name = f"h{min(6, old + level - 1)}"
        heading.attrs.clear()


def _label(table, soup, place):
    """Say which cells are headers, set numbers flush right, let a wide table scroll in its own frame."""
    for cell in table(["th", "td"]):
        if cell.get_text(strip=True) == "NaN":
            cell.string = "–"
        if cell.name == "th" and not cell.get_text(strip=True):
            cell.name = "td"
        elif cell.name == "th":
            cell["scope"] = "col" if cell.find_parent("thead") else "row"
    _finish_columns(table)
    heading = table.find_previous(re.compile(r"^h[1-6]$"))
    label = f"{heading.get_text(strip=True)} ({place})"  # no two alike in a list of regions
    frame = {"class": "scroll", "role": "region", "tabindex": "0", "aria-label": label}
    table.wrap(soup.new_tag("div", attrs=frame))


def _finish_columns(table):
    """One line of headers where pandas has two; numbers flush right; numbers, days and verdicts on one line."""
    head, body = table.select("thead tr"), table.select("tbody tr")
    head, body = ([row(["th", "td"], recursive=False) for row in rows] for rows in (head, body))
    if len(head) == 2 and len(head[0]) == len(head[1]):
        named = [position for position, cell in enumerate(head[1]) if cell.get_text(strip=True)]
        if named == [0] and not head[0][0].get_text(strip=True):
            head[0][0].replace_with(head[1][0].extract())
            table.select("thead tr")[1].decompose()
            head = [[head[1][0], *head[0][1:]]]
    for position, column in enumerate(zip_longest(*body)):
        texts = {cell.get_text(strip=True) for cell in column if cell} - {"", "-", "–", "—"}
        for pattern, kind in ((_NUMBER, "num"), (_WHOLE, "whole")):
            if not texts or not all(map(pattern.fullmatch, texts)):
                continue
            for cell in filter(None, (*column, *(row[position] for row in head if position < len(row)))):
                cell["class"] = kind


def _allow(html):
    """Keep what is on the list of allowed HTML; show the rest as text."""
    from bleach import clean

    def allowed(tag, name, value):
        if name == "class":
            return value in ("num", "whole", "scroll", "result", "download")
        if name in ("href", "src"):
            return bool(_EMBEDDED.fullmatch(value)) or (tag == "a" and _is_link(value))
        if tag == "div" and name in ("role", "tabindex", "aria-label"):
            return True
        return name in SHARED or name in ATTRIBUTES.get(tag, ())

    protocols = ["http", "https", "mailto", "embedded"]
    return clean(html, tags=frozenset(TAGS.split()), attributes=allowed, protocols=protocols, strip_comments=True)


def _is_link(address):
    """Whether an address may be followed on a click: the web, mail, a place or file of the reports."""
    parts = urlsplit(unquote(address).replace("\\", "/"))  # as browsers read it
    if parts.scheme:
        return parts.scheme in ("http", "https", "mailto")
    return not parts.netloc and ".." not in parts.path and not parts.path.startswith("/")
