"""A batch: which reports are out of date, run those, keep the record, compose the pages.

The folder of reports is the only memory (see `store`): whatever is written besides executed notebooks (the record,
pages, index, manifest) follows from them and is replaced only where it differs.
"""

import hashlib
import json
import os
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from analysis.errors import ReportError
from analysis.reports.make import Report, effect_rows, execute, failure_notebook, one_line, sources_digest
from analysis.reports.pages import BACKGROUND, write_pages
from analysis.reports.parameters import Parameter, check_parameters, declared_parameters
from analysis.reports.pool import run_apart
from analysis.reports.record import RESULTS, Record, to_csv
from analysis.reports.store import (
    FAILED,
    check_names,
    digest,
    executed_path,
    failed_path,
    opened,
    read_executed,
    surroundings,
    write_file,
)

SECTIONS = ("pause", "energy", "regions", "sensitivity")
COMPARISON = "comparison"
MANIFEST = "manifest.json"
INPUTS = (":/src", ":/data", ":/notebooks")
LONGEST_CELL = 600  # seconds
MOST_JOBS = 8  # unless more are asked for: each needs memory
GRACE = 30  # seconds that a report may take beyond the time of a cell, to start and to end itself


@dataclass(frozen=True)
class ReportOutcome:
    """What became of one notebook of one pause; `pause` is empty for that of all, `error` unless it failed.

    `status` is made, kept (nothing it depends on had changed) or failed; `path` is the executed notebook, or what the
    failed one left.
    """

    pause: str
    notebook: str
    status: str
    seconds: float
    error: str
    path: Path
    ended: str

    def event(self) -> dict:
        """What the progress callback is told."""
        return {"event": "report"} | {name: value for name, value in vars(self).items() if name != "path"}


@dataclass(frozen=True)
class Book:
    """A notebook, read once."""

    path: Path
    source: bytes
    sources: str
    declared: dict[str, Parameter]

    @property
    def defaults(self) -> dict[str, Any]:
        """What it is told unless somebody says otherwise."""
        return {name: parameter.default for name, parameter in self.declared.items()}

    @classmethod
    def read(cls, path: Path) -> "Book":
        source = path.read_bytes()
        return cls(path, source, sources_digest(source, path.name), declared_parameters(path))

    def report(
        self,
        pause: str,
        told: dict,
        depends: Any,
        *,
        timeout: int,
        cold: bool,
        level: int = 2,
        beside: dict | None = None,
    ) -> Report:
        """A report with its parameters checked; that of all pauses is offered more than it need declare."""
        told = {key: value for key, value in told.items() if pause or key in self.declared}
        told = check_parameters(self.declared, told, file=self.path.name)
        name = self.path.stem
        return Report(
            name=f"{pause}.{name}" if pause else name, notebook=name, pause=pause, source=self.source, parameters=told,
            timeout=timeout, level=level, folder="" if beside else str(self.path.parent), beside=beside or {}, cold=cold,
            inputs=digest(self.sources, told, depends),
        )  # fmt: skip


@dataclass(frozen=True)
class Batch:
    """What a run of reports works with; `rendered` collects parts of pages."""

    folder: Path
    say: Callable[[dict], None]
    run: Callable[[Sequence[Report]], Iterator[tuple[int, Any, str]]]
    force: bool
    rendered: dict[str, str]

    def bring_up_to_date(self, reports: Sequence[Report]) -> list[ReportOutcome]:
        """Run those that are not current; an outcome for every report, in order."""
        stale = [report for report in reports if self.is_stale(report)]
        outcomes = {report.name: self._outcome(report, "kept") for report in reports if report not in stale}
        for outcome in outcomes.values():
            self.say(outcome.event())
        for position, answer, error in self.run(stale) if stale else ():
            report = stale[position]
            content, refused, seconds = answer or (None, error, 0.0)
            error = self._keep(report, content, refused)
            outcomes[report.name] = self._outcome(report, "failed" if error else "made", seconds, error)
            self.say(outcomes[report.name].event())
        return [outcomes[report.name] for report in reports]

    def is_stale(self, report: Report) -> bool:
        """Whether a report must be run."""
        executed = read_executed(executed_path(self.folder, report.name))
        current = executed is not None and executed["metadata"]["pauses"]["inputs"] == report.inputs
        return self.force or not current or failed_path(self.folder, report.name).exists()

    def _keep(self, report: Report, content: bytes | None, error: str) -> str:
        """Put an executed notebook in its place, or what a failed one left; returns why it failed."""
        failed = failed_path(self.folder, report.name)
        try:
            if not error:
                import nbformat

                from analysis.reports.sections import render_section

                notebook = nbformat.reads(content.decode(), as_version=4)
                part = render_section(notebook, name=report.name.replace(".", "-"), level=report.level)
                write_file(executed_path(self.folder, report.name), content)
                failed.unlink(missing_ok=True)
                self.rendered[report.name] = part
                return ""
        except Exception as failure:
            error = one_line(failure)
        try:
            write_file(failed, failure_notebook(content, report.name, error))
        except ReportError as unwritable:
            error += f" ({unwritable})"
        return error

    def _outcome(self, report: Report, status: str, seconds: float = 0.0, error: str = "") -> ReportOutcome:
        path = (failed_path if error else executed_path)(self.folder, report.name)
        ended = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
        return ReportOutcome(report.pause, report.notebook, status, seconds, error, path, ended)


def run_reports(
    pauses: Sequence[dict],
    *,
    notebooks: Path | str,
    out: Path | str,
    selected: Sequence[str] | None = None,
    only: Sequence[str] | None = None,
    sections: Sequence[str] = SECTIONS,
    parameters: Mapping[str, Any] | None = None,
    jobs: int | None = None,
    force: bool = False,
    cold: bool = False,
    timeout: int = LONGEST_CELL,
    scheduler: str | None = None,
    progress: Callable[[dict], None] | None = None,
) -> list[ReportOutcome]:
    """Bring reports up to date: executed notebooks, the record of effects, pages, index and manifest.

    `pauses` are all that the index lists, in its order, each with id, name, dates (text), status and claims; `sections`
    the notebooks a pause's page is made of, `selected` and `only` those that are to be run (all by default), and
    `parameters` values besides `pause_id`, for every notebook. `cold` runs each notebook in a kernel of its own,
    `scheduler` is the address of a dask cluster whose workers run them. A cell may take `timeout` seconds.

    `progress` receives a dict for each event: {"event": "start", "total", "stale"}, {"event": "report", "pause",
    "notebook", "status", "seconds", "error", "ended"}, {"event": "record", "gone"} if rows left the record, and
    {"event": "end", "made", "kept", "failed"}. Returns outcomes in order of pauses and notebooks, the comparison last.
    ReportError if names, parameters, folder or notebooks are not usable; then nothing was started.
    """
    notebooks = Path(notebooks).resolve()
    ids = [pause["id"] for pause in pauses]
    sections = [name for name in sections if (notebooks / f"{name}.ipynb").is_file()]
    check_names([*ids, *BACKGROUND])
    check_names([*sections, COMPARISON])
    chosen = _chosen(selected, ids, "pause")
    names = _chosen(only, [*sections, COMPARISON], "notebook")
    jobs = min(MOST_JOBS, processors()) if jobs is None else jobs
    if not 1 <= jobs <= 64 or timeout < 1:
        raise ReportError("cannot work like that", expected="1 to 64 jobs and a timeout of at least one second")
    around, given = surroundings(), dict(parameters or {})
    paths = {name: notebooks / f"{name}.ipynb" for name in (*sections, COMPARISON, *BACKGROUND)}
    books = {name: Book.read(paths[name]) for name in (*sections, COMPARISON) if paths[name].is_file()}
    shared = {"timeout": timeout, "cold": cold}
    every = [
        books[name].report(pause, {"pause_id": pause} | given, around, level=1 if name == sections[0] else 2, **shared)
        for pause in ids for name in sections
    ]  # fmt: skip
    tasks = [report for report in every if report.pause in chosen and report.notebook in names]
    run = partial(run_apart, execute, jobs=jobs, patience=timeout + GRACE)
    if scheduler is not None:
        from analysis.reports.cluster import run_on_cluster

        run = partial(run_on_cluster, address=scheduler, patience=timeout + GRACE)
    with opened(out) as folder:
        _refuse_strangers(folder, ids)
        batch = Batch(folder, progress or (lambda event: None), run, force, {})
        before = Record.read(folder, {report.name: report.pause for report in every} | {COMPARISON: ""})
        stale = sum(map(batch.is_stale, tasks))
        batch.say({"event": "start", "total": len(tasks) + (COMPARISON in books), "stale": stale})
        outcomes = batch.bring_up_to_date(tasks)
        record = before.merged(_spoken(outcomes))
        if COMPARISON in books:
            mine = to_csv([row for row in record.rows.values() if row["pause"] in ids])
            told = {"results_file": RESULTS} | given
            last = books[COMPARISON].report("", told, [around, mine], beside={RESULTS: mine.encode()}, **shared)
            outcomes += batch.bring_up_to_date([last])
            record, every = before.merged(_spoken(outcomes)), [*every, last]
        record.write(folder)
        gone = sorted(set(before.rows) - set(record.rows))
        if gone:
            batch.say({"event": "record", "gone": [" / ".join(key) for key in gone]})
        write_pages(
            folder, pauses, sections, comparison=COMPARISON, surroundings=around, rendered=batch.rendered,
            background={name: paths[name].read_bytes() for name in BACKGROUND if paths[name].is_file()},
        )  # fmt: skip
        write_manifest(folder, every, outcomes, around, books)
    count = {status: sum(outcome.status == status for outcome in outcomes) for status in ("made", "kept", "failed")}
    batch.say({"event": "end"} | count)
    return outcomes


def _spoken(outcomes: Sequence[ReportOutcome]) -> dict[str, list[dict]]:
    """What the executed notebooks say that this batch made or found current."""
    good = [outcome for outcome in outcomes if not outcome.error]
    return {outcome.path.stem: effect_rows(read_executed(outcome.path)) for outcome in good}


def _refuse_strangers(folder: Path, ids: Sequence[str]) -> None:
    """The project's own record speaks of the pauses of its registry alone."""
    from analysis.pauses import data_folder, load_pauses

    if folder == data_folder().parent / "reports" and (strangers := set(ids) - set(load_pauses())):
        remedy = "give another --out"
        raise ReportError("no pause of the registry", field=", ".join(sorted(strangers)), remedy=remedy)


def write_manifest(
    folder: Path, reports: Sequence[Report], outcomes: Sequence[ReportOutcome], around: dict, books: dict[str, Book]
) -> None:
    """Say beside the reports from what, with what and when each was made; only `times` differ between two batches."""
    path, times = folder / MANIFEST, {}
    if path.is_file() and all(outcome.status == "kept" for outcome in outcomes):
        return
    with suppress(OSError, ValueError, LookupError):
        times = json.loads(path.read_text("utf-8"))["times"]
    done = {outcome.path.stem.removeprefix(FAILED): outcome for outcome in outcomes if outcome.status != "kept"}
    times |= {name: {"ended": outcome.ended, "seconds": outcome.seconds} for name, outcome in done.items()}
    listed = {}
    for report in reports:
        place = executed_path(folder, report.name)
        executed, failed = read_executed(place), failed_path(folder, report.name).exists()
        listed[report.name] = {"status": "failed" if failed else "absent"}
        if executed is not None:
            inputs = executed["metadata"]["pauses"]["inputs"]
            status = "failed" if failed else "up to date" if inputs == report.inputs else "out of date"
            sha256 = hashlib.sha256(place.read_bytes()).hexdigest()
            parameters = books[report.notebook].defaults | report.parameters
            listed[report.name] = {"status": status, "parameters": parameters, "inputs": inputs, "sha256": sha256}
    content = {
        "revision": git_revision(next(iter(books.values())).path.parent) if books else {},
        **around,
        "reports": listed,
    }
    content["times"] = {name: times[name] for name in listed if name in times}
    write_file(path, json.dumps(content, indent=1, ensure_ascii=False) + "\n")


def git_revision(folder: Path) -> dict:
    """The commit of the clone around a folder, and which of the inputs differ from it; empty where there is none."""
    command = ["git", "--no-optional-locks", "-C", str(folder)]
    try:
        commit, status = (
            subprocess.run([*command, *words], capture_output=True, text=True, check=True, timeout=60).stdout
            for words in (("rev-parse", "HEAD"), ("status", "--porcelain", "--", *INPUTS))
        )
    except (OSError, subprocess.SubprocessError):
        return {}
    return {"commit": commit.strip(), "changed": [line[3:] for line in status.splitlines()]}


def processors() -> int:
    """Number of processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _chosen(wanted: Sequence[str] | None, known: Sequence[str], what: str) -> list[str]:
    """The wanted ones in the order of the known; all when none is named."""
    unknown = [name for name in wanted or () if name not in known]
    if unknown:
        raise ReportError(f"no such {what}", field=f"{unknown[0]!r:.80}", expected=", ".join(known))
    return [name for name in known if not wanted or name in wanted]
