"""One report: a notebook with its parameters, run in a process of its own, judged, kept or refused.

`python -m analysis.reports.make [NAME ...]` executes the committed notebooks in place, in real kernels, so that each
shows its results where it is read.
"""

from __future__ import annotations

import hashlib
import json
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from analysis.effect import COLUMNS, KEY, MIME
from analysis.errors import PausesError, ReportError
from analysis.reports.store import COLOUR, cells_digest, digest, write_file
from analysis.words import VERDICTS

if TYPE_CHECKING:
    from nbformat import NotebookNode

NOTEBOOKS = Path(__file__).resolve().parents[3] / "notebooks"
LONGEST_CELL = 1200  # seconds
PLAIN = {"display_name": "Python 3", "language": "python", "name": "python3"}
WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"


@dataclass(frozen=True)
class Report:
    """A notebook and what it is told; `pause` is empty for that of all pauses.

    It runs in `folder` or, where that is empty, in a temporary one that holds the files `beside` it. `inputs` is the
    digest of all that its result depends on, `level` that of its first heading on a page.
    """

    name: str
    notebook: str
    pause: str
    source: bytes
    parameters: dict
    timeout: int
    level: int
    folder: str = ""
    beside: dict[str, bytes] = field(default_factory=dict)
    cold: bool = False
    inputs: str = ""


def sources_digest(source: bytes) -> str:
    """Digest of a notebook's sources, not of its outputs."""
    cells = json.loads(source)["cells"]
    return digest([[cell["cell_type"], "".join(cell["source"]), cell["metadata"].get("tags")] for cell in cells])


def execute(report: Report, beat: Callable[[], None]) -> tuple[bytes, str, float]:
    """Run and judge a report; returns the notebook, why it is none to be kept or an empty text, and the seconds."""
    from nbformat import v4

    from analysis.reports.engine import run_notebook

    started, seen, error = time.monotonic(), [], ""
    with tempfile.TemporaryDirectory(prefix="report-") as place:
        for name, content in report.beside.items():
            Path(place, name).write_bytes(content)
        try:
            notebook = run_notebook(
                report.source, report.parameters, folder=report.folder or place, timeout=report.timeout,
                cold=report.cold, seen=seen, beat=beat,
            )  # fmt: skip
            check_report(notebook, pause=report.pause)
        except Exception as failure:
            notebook, error = seen[-1] if seen else v4.new_notebook(), one_line(failure)
    cells = cells_digest(json.loads(to_text(normalise(notebook))))
    notebook.metadata["pauses"] = {"inputs": report.inputs, "cells": cells}
    return to_text(notebook).encode(), error, round(time.monotonic() - started, 3)


def normalise(notebook: NotebookNode) -> NotebookNode:
    """Drop, in place, whatever differs between two runs of the same cells; a cell's id is a digest of its source."""
    notebook.metadata = type(notebook.metadata)(kernelspec=PLAIN, language_info={"name": "python"})
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    repeats = Counter()
    for cell in notebook.cells:
        digest = hashlib.sha256(f"{cell.cell_type}\n{cell.source}".encode()).hexdigest()[:8]
        repeats[digest] += 1
        cell["id"] = digest if repeats[digest] == 1 else f"{digest}-{repeats[digest]}"
        tags = cell.metadata.get("tags", [])
        cell.metadata = type(cell.metadata)({"tags": tags} if tags else {})
        for output in cell.get("outputs", ()):
            output.get("data", {}).pop(WIDGET_VIEW, None)  # the id of a widget that died with its kernel
    return notebook


def to_text(notebook: NotebookNode) -> str:
    """The file of a notebook: sorted keys, one space, LF."""
    import nbformat

    return nbformat.writes(notebook).rstrip("\n") + "\n"


def outputs(notebook: dict) -> list[dict]:
    """All outputs of a notebook, in order."""
    return [output for cell in notebook["cells"] for output in cell.get("outputs", ())]


def records(notebook: dict) -> list[dict]:
    """The payloads a notebook displays as its result."""
    return [output["data"][MIME] for output in outputs(notebook) if MIME in output.get("data", {})]


def effect_rows(notebook: dict) -> list[dict]:
    """The effects in a notebook's records, each a dict with the record's columns."""
    return [row for record in records(notebook) for row in record.get("rows", ())]


def check_report(notebook: dict, *, pause: str = "") -> None:
    """Refuse, by a ReportError, an executed notebook that is not a whole report of this pause."""
    for output in outputs(notebook):
        if output.get("name") == "stderr":
            noise = f"{output['text'].strip():.200}"
            raise ReportError("a cell wrote to stderr", found=noise, remedy="resolve the warning")
        images = [kind for kind in output.get("data", {}) if kind.startswith("image/")]
        if any(kind != "image/png" for kind in images):
            raise ReportError("a picture is not a PNG", found=", ".join(images))
        if images and not str(output["metadata"].get("image/png", {}).get("alt", "")).strip():
            raise ReportError("a picture has no alternative text", remedy="show it as analysis.Picture(ax, alt)")
    rows = effect_rows(notebook)
    if pause and not rows:
        raise ReportError("the notebook gave no record of effects", expected=f"an output of type {MIME} with rows")
    for row in rows:
        if set(row) != set(COLUMNS):
            found = ", ".join(sorted(set(row) ^ set(COLUMNS))) + " missing or unknown"
            raise ReportError("the record has other columns than an effect", found=found)
        if row["verdict"] not in VERDICTS:
            known = ", ".join(VERDICTS)
            raise ReportError("the record has a verdict that is none", expected=known, found=row["verdict"])
        if pause and row["pause"] != pause:
            raise ReportError("the record speaks of another pause", expected=pause, found=f"{row['pause']!r:.80}")
    twice = [key for key, n in Counter(tuple(row[name] for name in KEY) for row in rows).items() if n > 1]
    if twice:
        raise ReportError("the record speaks twice of one effect", field=" / ".join(map(str, twice[0])))


def one_line(failure: BaseException) -> str:
    """A failure in one sentence, from what was raised."""
    if isinstance(failure, PausesError):
        return str(failure)
    if hasattr(failure, "ename"):  # papermill's or nbclient's account of an error inside a cell
        where = f"cell {failure.exec_count}: " if getattr(failure, "exec_count", None) else ""
        return where + " ".join(COLOUR.sub("", f"{failure.ename}: {failure.evalue}").split())[:500]
    lines = str(failure).strip().splitlines() or [""]
    return f"{type(failure).__name__}: {lines[0]}"[:500]


def failure_notebook(content: bytes | None, name: str, error: str) -> str:
    """What a failed report did, headed by the error, so that nobody takes it for a report."""
    from nbformat import reads, v4

    notebook = reads(content.decode(), as_version=4) if content else v4.new_notebook()
    text = f"# FAILED: this is not a report\n\n`{name}` could not be made:\n\n    {error}"
    notebook.cells = [v4.new_markdown_cell(text), *notebook.cells]
    normalise(notebook).metadata["pauses"] = {"error": error}
    return to_text(notebook)


def store_results(path: Path) -> bool:
    """Execute a notebook with its default parameters and write it back, normalised; returns whether it changed.

    Whatever a cell raised, or ReportError for a result that no report may have, leaves the file as it was.
    """
    from analysis.reports.engine import run_notebook
    from analysis.reports.pool import surrounded

    path = path.resolve()
    with surrounded():
        notebook = run_notebook(path.read_bytes(), {}, folder=str(path.parent), timeout=LONGEST_CELL, cold=True)
    check_report(notebook)
    return write_file(path, to_text(normalise(notebook)))


def main(names: Sequence[str]) -> int:
    """Store the results of the named notebooks, or of all; the exit code is 1 when one failed."""
    failed = 0
    for path in [NOTEBOOKS / f"{name}.ipynb" for name in names] or sorted(NOTEBOOKS.glob("*.ipynb")):
        try:
            print(f"{path.name}: {'stored' if store_results(path) else 'as before'}", flush=True)
        except Exception as error:
            failed += 1
            print(f"{path.name}: FAILED, left as it was: {one_line(error)}", file=sys.stderr, flush=True)
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
