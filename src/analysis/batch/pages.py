"""Pages from executed notebooks: results first, no code, nothing that runs, nothing fetched from elsewhere.

A worker turns its executed notebook into a part of a page (`render_section`): nbconvert with a small template on
its ``basic`` one, then a pass for accessibility, then a list of allowed HTML; what is not on the list shows as
text. `write_pages` puts the parts together. Conventions for notebooks:

- a cell tagged ``notebook-only`` and the record of effects do not show;
- a ``text/csv`` output becomes a link that saves the table, which lies inside the page itself;
- the first heading of the first notebook is the page's; those of the others move down one level.
"""

import base64
import re
from collections import defaultdict
from copy import deepcopy
from functools import cache
from html import escape
from importlib.metadata import version
from itertools import pairwise, zip_longest
from pathlib import Path
from urllib.parse import urlsplit

import pandas as pd

from analysis.batch.execution import effect_rows, outputs, records
from analysis.batch.findings import AFTER, joint_caveat, joint_sentence, method
from analysis.batch.folder import EXECUTED, failed_path, part_path, read_executed, read_failure, write_file
from analysis.batch.front import last_day, not_measurable
from analysis.effects import MIME
from analysis.errors import ReportError
from analysis.pauses import load_pauses
from analysis.phrases import in_brief, week_after
from analysis.sentences import DEPENDS, FEWER, MORE, NO_CHANGE, NOT_TESTABLE
from analysis.tables import outcomes

TEMPLATES = Path(__file__).parent / "templates"
HIDDEN = "notebook-only"
SHOWN = ["text/html", "text/markdown", "image/png", "text/plain"]  # of what an output offers, the first
MARKS = {FEWER: "told", MORE: "told", NO_CHANGE: "open", DEPENDS: "open", NOT_TESTABLE: "blind"}
LABELS = defaultdict(str, pause="Launches", energy="Energy", regions="Regions", sensitivity="Choices")
TAGS = """a abbr b blockquote br caption code dd details div dl dt em figcaption figure h1 h2 h3 h4 h5 hr i img li ol
p pre small span strong sub summary sup table tbody td tfoot th thead time tr u ul"""
ATTRIBUTES = {"a": {"download", "title"}, "img": {"alt"}, "td": {"colspan", "rowspan"}, "ol": {"start"}}
ATTRIBUTES["th"] = {"colspan", "rowspan", "scope"}
SHARED = {"class", "lang", "title"}
_NUMBER = re.compile(r"[-+−×]?\s?[\d.,\u202f\u00a0]+(?:e[-+]?\d+)?\s?%?")
_WHOLE = re.compile(rf"\d{{4}}-\d\d-\d\d(?: to \d{{4}}-\d\d-\d\d)?|{'|'.join(MARKS)}")  # days and verdicts
_NOTEBOOK = re.compile(r'<a href="(\w+)\.ipynb">.*?</a>')
_EMBEDDED = re.compile(r"embedded:(\d+)")


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
    soup = BeautifulSoup(f"<div>{html}</div>", "html.parser")
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
    clean = _allow(soup.div.decode_contents())
    return _EMBEDDED.sub(lambda found: embedded[int(found[1])] if int(found[1]) < len(embedded) else "", clean)


def write_pages(folder, pauses, sections, *, comparison, background=()):
    """Put every page and the index together and write those that differ.

    Parameters
    ----------
    folder : Path
        The folder of reports, with executed notebooks and the parts rendered from them.
    pauses : sequence of dict
        As from `report_rows`, in the order of the index.
    sections : sequence of str
        Notebooks a page is made of, in order.
    comparison : str
        Name of the notebook that the index ends with.
    background : sequence of dict
        As from `background_parts`: pages of their own that the index names.
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined)
    environment.globals |= {"version": version("strike-pauses"), "marks": MARKS, "labels": LABELS}

    def write_page(name, template, **content):
        page = environment.get_template(template).render(**content)
        write_file(folder / f"{name}.html", _linked(page, {part["id"] for part in background}) + "\n")

    cards = [_card(folder, pause, sections) for pause in pauses]
    for card in cards:
        if card["sections"]:
            write_page(card["id"], "page.html.j2", card=card)
    for part in background:
        write_page(part["id"], "background.html.j2", part=part)
    path = folder / EXECUTED / f"{comparison}.ipynb"
    compared = read_executed(path)
    body, together = _part(folder, comparison, compared), pd.DataFrame(effect_rows(compared) if compared else [])
    write_page(
        "index", "index.html.j2", cards=cards, comparison=body, comparison_error=read_failure(path), method=method(),
        background=background, answer=joint_sentence(together) if len(together) else "",
        caveat=joint_caveat(together) if len(together) else "",
        elsewhere=not_measurable(load_pauses()),
        outcomes=[outcome for outcome in outcomes().values() if outcome.in_family],
        until=last_day(),
    )  # fmt: skip


def _linked(page, names):
    """Lead from links to notebooks to their pages; one without a page is only named."""
    return _NOTEBOOK.sub(
        lambda found: f'<a href="{found[1]}.html">{found[1]}</a>' if found[1] in names else found[1], page
    )


def _card(folder, pause, sections):
    """What the page of a pause and its line in the index say."""
    paths = {name: folder / EXECUTED / f"{pause['id']}.{name}.ipynb" for name in sections}
    books = {name: read_executed(path) for name, path in paths.items()}
    parts = {name: _part(folder, f"{pause['id']}.{name}", book) for name, book in books.items()}
    executed = [books[name] for name in sections if parts[name]]
    known, found = outcomes(), {"pause": {}, AFTER: {}}
    for row in (row for notebook in executed for row in effect_rows(notebook)):
        if row["window"] in found and row["outcome"] in known and known[row["outcome"]].in_family:
            found[row["window"]].setdefault(row["outcome"], row)  # the one that decides comes first
    rows, after = found["pause"], found[AFTER]
    return pause | {
        "headline": next(
            (record["headline"] for book in executed for record in records(book) if record["headline"]), ""
        ),
        "rows": rows,
        "brief": {
            name: in_brief(row) | {"verdict": row["verdict"], "after": week_after(after.get(name))}
            for name, row in rows.items()
        },
        "sections": [_section(name, parts[name]) for name in sections if parts[name]],
        "errors": {name: read_failure(paths[name]) for name in sections if failed_path(paths[name]).exists()},
    }


def _part(folder, name, executed):
    """The rendered part of an executed notebook, or nothing where there is none."""
    from markupsafe import Markup

    path = part_path(folder, name)
    there = path.is_file() and executed
    return Markup(path.read_text("utf-8")) if there else None  # clean already: see `render_section`


def _section(name, html):
    title = re.search(r"<h[12]>(.*?)</h[12]>", html, re.DOTALL)[1]
    return {"name": name, "html": html, "title": type(html)(title).striptags()}


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
            embedded.append(f"data:text/csv;base64,{base64.b64encode(data['text/csv'].encode()).decode()}")
        elif "image/png" in data:
            encoded, alt = "".join(data["image/png"].split()), output["metadata"]["image/png"]["alt"]
            base64.b64decode(encoded, validate=True)
            output["data"] = {"image/png": f"embedded:{len(embedded)}"}
            output["metadata"] = {"image/png": {"alt": f"embedded:{len(embedded) + 1}"}}
            embedded += [f"data:image/png;base64,{encoded}", escape(alt)]
    return notebook, embedded


@cache
def _exporter():
    """An exporter without what HTMLExporter adds for a page that stands alone, and without its second parse."""
    from nbconvert import TemplateExporter
    from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath
    from traitlets.config import Config

    def markdown2html(source):
        return MarkdownWithMath(renderer=IPythonRenderer(escape=False, exclude_anchor_links=True)).render(source)

    return TemplateExporter(
        template_name="section", template_file="index.html.j2", extra_template_basedirs=[str(TEMPLATES)],
        filters={"markdown2html": markdown2html}, exclude_input=True, default_preprocessors=[],
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
    parts = urlsplit(address)
    if parts.scheme:
        return parts.scheme in ("http", "https", "mailto")
    return not parts.netloc and ".." not in parts.path and not parts.path.startswith("/")
