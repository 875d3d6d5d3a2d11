"""Pages of evidence from executed notebooks, and the page on method; each is written only where it changed."""

import re
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from analysis.reports import store
from analysis.reports.make import records

BACKGROUND = {
    "data": "What the data can and cannot say",
    "calibration": "How often the test is wrong, and what it can see",
    "review": "Coded days, to be checked by hand",
}
EVIDENCE, METHOD = "-evidence", "method"  # names of pages: of one pause, and of all together
LABELS = defaultdict(str, pause="Launches", energy="Energy", regions="Regions", sensitivity="Choices")
NOTEBOOK = re.compile(r'<a href="(\w+)\.ipynb(?:#[^"]*)?"[^>]*>(.*?)</a>', re.DOTALL)


def write_evidence(
    folder: Path,
    pauses: Sequence[dict],
    sections: Sequence[str],
    *,
    comparison: str,
    background: Mapping[str, bytes],
    surroundings: Mapping[str, str],
    rendered: Mapping[str, str],
) -> None:
    """Bring the evidence of every pause and the page on method up to date.

    `pauses` are as from `report_rows`; `background` are notebooks that are shown as they are
    stored; `rendered` has the parts of pages that this batch rendered already.
    """
    write = partial(_write, folder, frozenset(background))
    made_from = []
    for pause in pauses:
        parts = [_state(folder, f"{pause['id']}.{name}") for name in sections]
        made_from.append(store.digest(dict(surroundings), pause, list(background), parts))
        if any(cells for cells, _ in parts):
            content = partial(_page, folder, pause, sections, rendered)
            write(pause["id"] + EVIDENCE, "page.html.j2", made_from[-1], content)
    for name, source in background.items():
        content = partial(_background, name, source)
        write(name, "background.html.j2", store.digest(surroundings.get("package"), source, list(background)), content)
    content = partial(_method, folder, pauses, sections, comparison, list(background), rendered)
    write(METHOD, "method.html.j2", store.digest(made_from, list(background), _state(folder, comparison)), content)


def _write(folder: Path, linked: frozenset, name: str, template: str, made_from: str, content: Callable[[], dict]):
    if store.is_stamped(folder / f"{name}.html", made_from):
        return
    from analysis.reports.answers import templates

    page = NOTEBOOK.sub(  # from links to notebooks to their pages; one without a page is only named
        lambda found: f'<a href="{found[1]}.html">{found[2]}</a>' if found[1] in linked else found[2],
        templates(True).get_template(template).render(**content()),
    )
    store.write_file(folder / f"{name}.html", store.stamp(page + "\n", made_from))


def _state(folder: Path, name: str) -> tuple[str, str]:
    """What a page shows of a report: the digest of its cells, and why its last run failed."""
    executed = store.read_executed(store.executed_path(folder, name))
    return executed["metadata"]["pauses"]["cells"] if executed else "", store.read_failure(
        store.executed_path(folder, name, failed=True)
    )


def _page(folder: Path, pause: dict, sections: Sequence[str], rendered: Mapping[str, str]) -> dict:
    from markupsafe import Markup

    shown = []
    for name in sections:
        html = _part(folder, f"{pause['id']}.{name}", rendered, level=1 if name == sections[0] else 2)
        if html:
            title = re.search(r"<h[12]>(.*?)</h[12]>", html, re.DOTALL)[1]
            own = Markup("<h1>{}. ").format(pause["name"])  # whose evidence it is
            html = Markup(str(html).replace("<h1>", own, 1))
            shown.append({"name": name, "html": html, "title": Markup(title).striptags()})
    return {"card": _card(folder, pause, sections) | {"sections": shown}, "labels": LABELS}


def _card(folder: Path, pause: dict, sections: Sequence[str]) -> dict:
    """What the page of a pause says around its parts."""
    names = {name: store.executed_path(folder, f"{pause['id']}.{name}") for name in sections}
    books = {name: book for name, path in names.items() if (book := store.read_executed(path))}
    headlines = (record["headline"] for book in books.values() for record in records(book) if record.get("headline"))
    failed = {name: store.read_failure(path.with_name(store.FAILED + path.name)) for name, path in names.items()}
    return pause | {
        "headline": next(headlines, ""),
        "sections": [{"name": name} for name in books],
        "errors": {name: error for name, error in failed.items() if error},
    }


def _method(
    folder: Path,
    pauses: Sequence[dict],
    sections: Sequence[str],
    comparison: str,
    background: Sequence[str],
    rendered: Mapping[str, str],
) -> dict:
    from analysis.pauses import load_pauses
    from analysis.reports.answers import method
    from analysis.reports.front import last_day, not_measurable
    from analysis.vocabulary import RULES

    return {
        "cards": [_card(folder, pause, sections) for pause in pauses],
        "comparison": _part(folder, comparison, rendered, level=2),
        "comparison_error": store.read_failure(store.executed_path(folder, comparison, failed=True)),
        "method": method(),
        "rules": [(" / ".join(dict.fromkeys(rule.words)), rule.when) for rule in RULES],
        "background": [{"id": name, "name": BACKGROUND[name]} for name in background],
        "elsewhere": not_measurable(load_pauses()),
        "until": last_day(),
        "evidence": EVIDENCE,
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
