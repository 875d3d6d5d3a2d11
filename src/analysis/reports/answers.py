"""The pages that answer: one a pause and the front page, and the scorecard, from the rows of the record.

A page is written only where what it was made from changed. The committed ones, Markdown for those who build nothing,
and the blocks of README.md are rewritten by `write_committed` alone.
"""

from __future__ import annotations

import io
import re
from base64 import b64encode
from collections.abc import Mapping, Sequence
from datetime import date
from functools import cache
from html import escape
from importlib.metadata import metadata, version
from pathlib import Path
from typing import Any

import pandas as pd

from analysis.errors import ReportError
from analysis.pauses import Pause, load_pauses
from analysis.reports import store
from analysis.reports.front import as_known, in_order
from analysis.reports.store import to_csv
from analysis.setting import Registry
from analysis.tables import data_folder
from analysis.words import span_text

FINDINGS = "<!-- findings: generated from reports/scorecard.csv -->", "<!-- end of findings -->"
METHOD = "<!-- method: generated from src/analysis/reports/templates/method.txt -->", "<!-- end of method -->"
TEMPLATES = Path(__file__).parent / "templates"
PAUSES = "pauses"  # the folder of the committed pages
SCORECARD = "scorecard.csv"


def write_answers(
    folder: Path, rows: Sequence[Mapping[str, str]], *, registry: Registry, surroundings: Mapping[str, str]
) -> dict[str, Any]:
    """Bring the pages of all pauses that the record speaks of, the front page and scorecard.csv up to date.

    Returns the stories told for it, by the name of their page.
    """
    held = {row["pause"] for row in rows}
    order = [pause for pause in in_order(registry) if pause.id in held]
    failed = {pause.id: failures(folder, pause.id) for pause in order}
    shown = {pause.id for pause in order if (folder / f"{pause.id}-evidence.html").is_file()}
    made_from = {"index": store.digest(surroundings, rows)}
    for pause in order:
        own = [row for row in rows if row["pause"] == pause.id]
        around = [[other.id for other in order], failed[pause.id], pause.id in shown]
        made_from[pause.id] = store.digest(surroundings, own, *around)
    stale = [name for name, made in made_from.items() if not store.is_stamped(folder / f"{name}.html", made)]
    if not stale:
        return {}
    from analysis.reports.drawings import draw
    from analysis.reports.index import tell_all
    from analysis.reports.pages import tell_pause

    results, stories = typed(rows), {}
    for position, pause in enumerate(order):
        if pause.id in stale:
            story = stories[pause.id] = tell_pause(results, pause, draw=draw, registry=registry)
            near = [order[i] if 0 <= i < len(order) else None for i in (position - 1, position + 1)]
            own_page = [(f"{pause.id}-evidence.html", "All the evidence for this pause")] * (pause.id in shown)
            evidence = [*own_page, *HOW_WE_KNOW]
            page = as_html(story, evidence=evidence, before=near[0], after=near[1], failed=failed[pause.id])
            store.write_file(folder / f"{pause.id}.html", store.stamp(page, made_from[pause.id]))
    if "index" in stale:
        story = stories["index"] = tell_all(results, registry, draw=draw)
        links = {name: f"{key}.html" for name, key in story.facts.items()}
        page = as_html(story, evidence=HOW_WE_KNOW, links=links)
        store.write_file(folder / SCORECARD, scorecard_csv(results, registry))
        store.write_file(folder / "index.html", store.stamp(page, made_from["index"]))
    return stories


HOW_WE_KNOW = [
    ("method.html", "How it is tested"),
    ("calibration.html", "How often the test is wrong"),
    ("data.html", "What the data can and cannot say"),
]


def failures(folder: Path, pause: str) -> dict[str, str]:
    """Why the last runs of a pause's reports failed, by notebook."""
    left = sorted((folder / store.EXECUTED).glob(f"{store.FAILED}{pause}.*.ipynb"))
    return {path.name.split(".")[-2]: store.read_failure(path) for path in left}


def typed(rows: Sequence[Mapping[str, str]]) -> pd.DataFrame:
    """Rows of text as the record is read back."""
    return pd.read_csv(io.StringIO(to_csv(rows)), keep_default_na=False, na_values=[""])


def scorecard_csv(results: pd.DataFrame, registry: Registry) -> str:
    """The answers of all pauses, a line each."""
    from analysis.scorecard import score_all

    frames = [card.to_frame() for card in score_all(results, registry=registry)]
    return pd.concat(frames).to_csv(index=False, lineterminator="\n", float_format="%.6g")


def credit(until: str) -> str:
    """How to credit: author as in CITATION.cff, title, version, dates, address."""
    about = metadata("strike-pauses")
    home = next((line.split(", ", 1)[1] for line in about.get_all("Project-URL") or [] if "Home" in line), "")
    author = about["Author"] or "The strike-pauses project"
    parts = [author, '"Did announced pauses change the strikes?"', f"version {version('strike-pauses')}"]
    return ", ".join(filter(None, [*parts, f"data to {until}", home]))


def as_html(
    story: Any,
    *,
    evidence: Sequence[tuple[str, str]],
    before: Pause | None = None,
    after: Pause | None = None,
    links: Mapping[str, str] | None = None,
    failed: Mapping[str, str] | None = None,
) -> str:
    """A story as a page."""
    template = templates(True).get_template("story.html.j2")
    around = {"evidence": evidence, "before": before, "after": after, "links": links or {}, "failed": failed or {}}
    about = {"credit": credit(story.until), "made": span_text(date.today(), date.today())}
    return template.render(story=story, **about, **around) + "\n"


def as_markdown_page(story: Any) -> str:
    """A story as Markdown."""
    text = templates(False).get_template("story.md.j2").render(story=story, credit=credit(story.until))
    return re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"


@cache
def templates(html: bool) -> Any:
    """The templates of all pages, for HTML or for Markdown."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined
    from markupsafe import Markup

    from analysis.effect import as_markdown
    from analysis.reports.sections import Part

    def markdown(text: str) -> Markup:
        return Markup(Part("page", 2).markdown(text))

    def line(text: str) -> Markup:
        return Markup(re.sub(r"^<p>|</p>\s*$", "", str(markdown(text)).strip()))

    environment = Environment(loader=FileSystemLoader(TEMPLATES), autoescape=html, undefined=StrictUndefined)
    environment.globals |= {"as_known": as_known(), "version": version("strike-pauses")}
    environment.filters |= {"markdown": markdown, "line": line, "inline": lambda svg: Markup(inline(svg))}
    environment.filters |= {"downloads": downloads, "table": as_markdown, "marked": lambda cell: Markup(marked(cell))}
    return environment


def inline(svg: str) -> str:
    """An SVG to stand inside a page: without its head, as wide as its place."""
    body = svg[svg.index("<svg") :]
    body = re.sub(r"<metadata>.*?</metadata>", "", body, flags=re.DOTALL)
    head, rest = body.split(">", 1)
    return re.sub(r' (?:width|height)="[^"]*"', "", head) + ">" + rest


def marked(cell: str) -> str:
    """A cell with the words of the vocabulary set off by what they claim."""
    from analysis.vocabulary import RULES, SILENT, in_table

    every = {word for rule in RULES for word in rule.words}
    weak = {f"{word}?" for word in every if word.endswith(("fewer", "more"))}
    words = sorted(every | weak | set(map(in_table, every)), key=len, reverse=True)
    silent = {*SILENT, *map(in_table, SILENT)}

    def mark(found: re.Match) -> str:
        side = "few" if found[0].endswith("fewer") else "more" if found[0].endswith("more") else "open"
        return f'<span class="mark {"blind" if found[0] in silent else side}">{found[0]}</span>'

    place = r"(?:^|(?<=drones )|(?<=missiles ))"
    return re.sub(f"{place}({'|'.join(map(re.escape, words))})", mark, escape(str(cell), quote=False))


def downloads(drawing: Any) -> list[tuple[str, str]]:
    """The three files of a figure as addresses that hold them."""
    files = {
        "SVG": ("image/svg+xml", drawing.svg.encode()),
        "PNG": ("image/png", drawing.png),
        "CSV": ("text/csv", drawing.csv.encode()),
    }
    return [(kind, f"data:{mime};base64,{b64encode(content).decode()}") for kind, (mime, content) in files.items()]


# --- what is committed ---


def write_committed(
    repository: Path | None = None, *, registry: Registry | None = None, stories: Mapping[str, Any] | None = None
) -> list[str]:
    """Refresh the scorecard, the Markdown pages with their figures, and the generated parts of both README files.

    `stories` are those that were told already.
    """
    from analysis.record import load_results
    from analysis.reports.drawings import draw
    from analysis.reports.index import tell_all
    from analysis.reports.pages import tell_pause

    repository = data_folder().parent if repository is None else Path(repository)
    registry = load_pauses() if registry is None else registry
    reports = repository / "reports"
    results = load_results(reports / "results.csv")
    files = {f"reports/{SCORECARD}": scorecard_csv(results, registry)}
    held, stories = set(results["pause"]), stories or {}
    for pause in in_order(registry):
        if pause.id in held:
            story = stories.get(pause.id) or tell_pause(results, pause, draw=draw, registry=registry)
            files[f"reports/{PAUSES}/{pause.id}.md"] = as_markdown_page(story)
            files |= {f"reports/{PAUSES}/{pause.id}-{d.name}.svg": d.svg for d in story.drawings}
    front = stories.get("index") or tell_all(results, registry, draw=draw)
    files |= {f"reports/{PAUSES}/index-{drawing.name}.svg": drawing.svg for drawing in front.drawings}
    files |= {
        "README.md": _refreshed(repository / "README.md", {FINDINGS: told(front, "reports/"), METHOD: method_list()}),
        "reports/README.md": _refreshed(reports / "README.md", {FINDINGS: told(front, "")}),
    }
    (reports / PAUSES).mkdir(parents=True, exist_ok=True)
    return [name for name, content in files.items() if store.write_file(repository / name, content)]


def told(front: Any, place: str) -> str:
    """The front page in a README: the answer, the first figure, the scorecard."""
    from analysis.effect import as_markdown

    bullets = "\n".join(f"* {line}" for line in front.bullets)
    lines = [f"**{front.answer}**", bullets]
    lines += [
        f"![{d.alt}]({place}{PAUSES}/index-{d.name}.svg)\n\n*{d.title.rstrip('.')}.* {d.how}"
        for d in front.drawings[:1]
    ]
    links = {name: f"[{name}]({place}{PAUSES}/{key}.md)" for name, key in front.facts.items()}
    for part in front.parts:
        if part.table is not None:
            lines += [part.text, as_markdown(part.table.rename(index=links))]
    return "\n\n".join(lines)


def method_list() -> str:
    """The test in ten numbered sentences."""
    from textwrap import fill

    return "\n".join(fill(f"{n}. {line}", 120, subsequent_indent="   ") for n, line in enumerate(method(), 1))


def method() -> list[str]:
    """The test in ten sentences."""
    return (TEMPLATES / "method.txt").read_text(encoding="utf-8").splitlines()


def _refreshed(path: Path, parts: Mapping[tuple[str, str], str]) -> str:
    text = path.read_text(encoding="utf-8")
    for (start, end), block in parts.items():
        if start not in text or end not in text:
            raise ReportError("no place for what is generated", file=path.name, expected=f"the lines {start} and {end}")
        head, rest = text.split(start, 1)
        text = f"{head}{start}\n{block}\n{end}{rest.split(end, 1)[1]}"
    return text


if __name__ == "__main__":
    for name in write_committed():
        print(f"{name} refreshed")
