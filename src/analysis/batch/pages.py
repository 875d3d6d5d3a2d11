"""Pages from the parts that workers rendered, and the index that opens them."""

import re
from collections import defaultdict
from importlib.metadata import version

import pandas as pd

from analysis.batch.execution import effect_rows, records
from analysis.batch.findings import AFTER, joint_caveat, joint_sentence, method
from analysis.batch.folder import EXECUTED, failed_path, read_executed, read_failure, read_part, write_file
from analysis.batch.front import last_day, not_measurable
from analysis.batch.sections import TEMPLATES
from analysis.pauses import load_pauses
from analysis.tables import outcomes
from analysis.words import DEPENDS, FEWER, MORE, NO_CHANGE, NOT_TESTABLE, in_brief, week_after

MARKS = {FEWER: "told", MORE: "told", NO_CHANGE: "open", DEPENDS: "open", NOT_TESTABLE: "blind"}
LABELS = defaultdict(str, pause="Launches", energy="Energy", regions="Regions", sensitivity="Choices")
_NOTEBOOK = re.compile(r'<a href="(\w+)\.ipynb(?:#[^"]*)?"[^>]*>(.*?)</a>', re.DOTALL)


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

    linked = {part["id"] for part in background}

    def write_page(name, template, **content):
        page = environment.get_template(template).render(**content)
        write_file(folder / f"{name}.html", _linked(page, linked) + "\n")

    cards = [_card(folder, pause, sections) for pause in pauses]
    for card in cards:
        if card["sections"]:
            write_page(card["id"], "page.html.j2", card=card)
    for part in background:
        write_page(part["id"], "background.html.j2", part=part)
    path = folder / EXECUTED / f"{comparison}.ipynb"
    compared = read_executed(path)
    rows = effect_rows(compared) if compared else []
    together = pd.DataFrame(rows + [row for card in cards for row in card["rows"].values()] if rows else [])
    registry = load_pauses()
    write_page(
        "index", "index.html.j2", cards=cards, comparison=_part(folder, comparison, compared),
        comparison_error=read_failure(path), method=method(), background=background,
        answer=joint_sentence(together) if len(together) else "",
        caveat=joint_caveat(together, registry=registry) if len(together) else "",
        elsewhere=not_measurable(registry),
        outcomes=[outcome for outcome in outcomes().values() if outcome.in_family],
        until=last_day(),
    )  # fmt: skip


def _linked(page, names):
    """Lead from links to notebooks to their pages; one without a page is only named."""
    return _NOTEBOOK.sub(
        lambda found: f'<a href="{found[1]}.html">{found[2]}</a>' if found[1] in names else found[2], page
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
            (record["headline"] for book in executed for record in records(book) if record.get("headline")), ""
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

    html = read_part(folder, name, executed["metadata"]["pauses"]["cells"]) if executed else None
    return None if html is None else Markup(html)  # clean already: see `render_section`


def _section(name, html):
    title = re.search(r"<h[12]>(.*?)</h[12]>", html, re.DOTALL)[1]
    return {"name": name, "html": html, "title": type(html)(title).striptags()}
