"""Pages from executed notebooks, and the index that opens them; each is written only where what it shows changed."""

import re
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from functools import cache, partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

from analysis.reports import store
from analysis.reports.make import effect_rows, records

BACKGROUND = {
    "data": "What the data can and cannot say",
    "calibration": "How often the tests cry wolf, and what they can see",
    "review": "Coded days, to be checked by hand",
}
LABELS = defaultdict(str, pause="Launches", energy="Energy", regions="Regions", sensitivity="Choices")
NOTEBOOK = re.compile(r'<a href="(\w+)\.ipynb(?:#[^"]*)?"[^>]*>(.*?)</a>', re.DOTALL)


def write_pages(
    folder: Path,
    pauses: Sequence[dict],
    sections: Sequence[str],
    *,
    comparison: str,
    background: Mapping[str, bytes],
    surroundings: Mapping[str, str],
    rendered: Mapping[str, str],
) -> None:
    """Bring every page and the index up to date.

    `pauses` are as from `report_rows`, in the order of the index; `background` are notebooks that are shown as they are
    stored; `rendered` has the parts of pages that this batch rendered already.
    """
    write = partial(_write, folder, frozenset(background))
    made_from = []
    for pause in pauses:
        parts = [_state(folder, f"{pause['id']}.{name}") for name in sections]
        made_from.append(store.digest(dict(surroundings), pause, list(background), parts))
        if any(cells for cells, _ in parts):
            content = partial(_page, folder, pause, sections, rendered)
            write(pause["id"], "page.html.j2", made_from[-1], content)
    for name, source in background.items():
        content = partial(_background, name, source)
        write(name, "background.html.j2", store.digest(surroundings.get("package"), source, list(background)), content)
    content = partial(_index, folder, pauses, sections, comparison, list(background), rendered)
    write("index", "index.html.j2", store.digest(made_from, list(background), _state(folder, comparison)), content)


def _write(folder: Path, linked: frozenset, name: str, template: str, made_from: str, content: Callable[[], dict]):
    if store.is_stamped(folder / f"{name}.html", made_from):
        return
    page = NOTEBOOK.sub(  # from links to notebooks to their pages; one without a page is only named
        lambda found: f'<a href="{found[1]}.html">{found[2]}</a>' if found[1] in linked else found[2],
        _environment().get_template(template).render(**content()),
    )
    store.write_file(folder / f"{name}.html", store.stamp(page + "\n", made_from))


@cache
def _environment() -> Any:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    from analysis.reports.sections import TEMPLATES
    from analysis.words import DEPENDS, FEWER, MORE, NO_CHANGE, NOT_TESTABLE

    environment = Environment(loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined)
    marks = {FEWER: "told", MORE: "told", NO_CHANGE: "open", DEPENDS: "open", NOT_TESTABLE: "blind"}
    environment.globals |= {"version": version("strike-pauses"), "marks": marks, "labels": LABELS}
    return environment


def _state(folder: Path, name: str) -> tuple[str, str]:
    """What a page shows of a report: the digest of its cells, and why its last run failed."""
    executed = store.read_executed(store.executed_path(folder, name))
    return executed["metadata"]["pauses"]["cells"] if executed else "", store.read_failure(
        store.executed_path(folder, name, failed=True)
    )


def _page(folder: Path, pause: dict, sections: Sequence[str], rendered: Mapping[str, str]) -> dict:
    shown = []
    for name in sections:
        html = _part(folder, f"{pause['id']}.{name}", rendered, level=1 if name == sections[0] else 2)
        if html:
            title = re.search(r"<h[12]>(.*?)</h[12]>", html, re.DOTALL)[1]
            shown.append({"name": name, "html": html, "title": type(html)(title).striptags()})
    return {"card": _card(folder, pause, sections) | {"sections": shown}}


def _card(folder: Path, pause: dict, sections: Sequence[str]) -> dict:
    """What the page of a pause and its line in the index say."""
    from analysis.reports.findings import AFTER
    from analysis.tables import outcomes
    from analysis.words import in_brief, week_after

    names = {name: f"{pause['id']}.{name}" for name in sections}
    books = {name: store.read_executed(store.executed_path(folder, file)) for name, file in names.items()}
    executed = [book for book in books.values() if book]
    known, found = outcomes(), {"pause": {}, AFTER: {}}
    for row in (row for book in executed for row in effect_rows(book)):
        if row["window"] in found and row["outcome"] in known and known[row["outcome"]].in_family:
            found[row["window"]].setdefault(row["outcome"], row)  # the one that decides comes first
    rows, after = found["pause"], found[AFTER]
    headlines = (record["headline"] for book in executed for record in records(book) if record.get("headline"))
    return pause | {
        "headline": next(headlines, ""),
        "rows": rows,
        "brief": {
            name: in_brief(row) | {"verdict": row["verdict"], "after": week_after(after.get(name))}
            for name, row in rows.items()
        },
        "sections": [{"name": name} for name, book in books.items() if book],
        "errors": {
            name: error
            for name, file in names.items()
            if (error := store.read_failure(store.executed_path(folder, file, failed=True)))
        },
    }


def _index(
    folder: Path,
    pauses: Sequence[dict],
    sections: Sequence[str],
    comparison: str,
    background: Sequence[str],
    rendered: Mapping[str, str],
) -> dict:
    import pandas as pd

    from analysis.pauses import load_pauses
    from analysis.reports.findings import joint_caveat, joint_sentence, method
    from analysis.reports.front import last_day, not_measurable
    from analysis.tables import outcomes

    cards, registry = [_card(folder, pause, sections) for pause in pauses], load_pauses()
    compared = store.read_executed(store.executed_path(folder, comparison))
    rows = effect_rows(compared) if compared else []
    together = pd.DataFrame(rows + [row for card in cards for row in card["rows"].values()] if rows else [])
    return {
        "cards": cards,
        "comparison": _part(folder, comparison, rendered, level=2),
        "comparison_error": store.read_failure(store.executed_path(folder, comparison, failed=True)),
        "method": method(),
        "background": [{"id": name, "name": BACKGROUND[name]} for name in background],
        "answer": joint_sentence(together) if rows else "",
        "caveat": joint_caveat(together, registry=registry) if rows else "",
        "elsewhere": not_measurable(registry),
        "outcomes": [outcome for outcome in outcomes().values() if outcome.in_family],
        "until": last_day(),
    }


def _part(folder: Path, name: str, rendered: Mapping[str, str], *, level: int) -> Any:
    """The rendered part of an executed notebook, or nothing where there is none."""
    from markupsafe import Markup

    path = store.executed_path(folder, name)
    if store.read_executed(path) is None:
        return None
    return Markup(rendered[name] if name in rendered else render(path.read_bytes(), name, level=level))  # clean already


def _background(name: str, source: bytes) -> dict:
    from markupsafe import Markup

    return {"part": {"id": name, "name": BACKGROUND[name], "html": Markup(render(source, name, level=1))}}


def render(content: bytes, name: str, *, level: int) -> str:
    """The part of a page that an executed notebook makes."""
    import nbformat

    from analysis.reports.sections import render_section

    notebook = nbformat.reads(content.decode("utf-8"), as_version=4)
    return render_section(notebook, name=name.replace(".", "-"), level=level)
