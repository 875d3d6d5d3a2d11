"""A batch: which reports are out of date, run those, keep the record, compose the pages.

The folder of reports is the only memory (see `store`): whatever is written besides executed notebooks (the record,
pages, index, manifest) follows from them and is replaced only where it differs.
"""

import json
import os
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from analysis.errors import ReportError
from analysis.reports import store
from analysis.reports.evidence import BACKGROUND, render, write_evidence
from analysis.reports.make import Report, effect_rows, execute, failure_notebook, one_line, sources_digest
from analysis.reports.parameters import check_parameters, declared_parameters
from analysis.reports.pool import run_apart, run_on_cluster
from analysis.reports.store import RESULTS, Record, to_csv

SECTIONS = ("pause", "energy", "regions", "sensitivity")
COMPARISON = "comparison"
MANIFEST, TOLD = "manifest.json", "executed/.told"
INPUTS = (":/src", ":/data", ":/notebooks")
LONGEST_CELL = 600  # seconds
MOST_JOBS = 8  # unless more are asked for: each needs memory
GRACE = 60  # seconds that a process may be silent beyond the time of a cell


@dataclass(frozen=True)
class ReportOutcome:
    """What became of one notebook of one pause; `pause` is empty for that of all, `error` unless it failed.

    `state` is made, kept (nothing it depends on had changed) or failed; `path` is the executed notebook, or what the
    failed one left.
    """

    pause: str
    notebook: str
    state: str
    seconds: float
    error: str
    path: Path
    ended: str

    @property
    def title(self) -> str:
        """Pause and notebook, for the log."""
        return " ".join(filter(None, (self.pause, self.notebook)))

    def event(self) -> dict:
        """What the progress callback is told."""
        return {"event": "report"} | vars(self) | {"path": str(self.path)}


@dataclass(frozen=True)
class Batch:
    """How reports are run and what is told of it; `rendered` collects parts of pages."""

    folder: Path
    run: Callable[[Sequence[Report]], Iterator[tuple[int, Any, str]]]
    force: bool
    say: Callable[[dict], None]
    rendered: dict[str, str] = field(default_factory=dict)

    def bring_up_to_date(self, reports: Sequence[Report]) -> list[ReportOutcome]:
        """Run those that are not current; an outcome for every report, in order."""
        stale = [report for report in reports if self.is_stale(report)]
        outcomes = {report.name: self._told(report, "kept") for report in reports if report not in stale}
        for position, answer, ended in self.run(stale) if stale else ():
            report = stale[position]
            content, refused, seconds = answer or (None, ended, 0.0)
            error = self._keep(report, content, refused)
            outcomes[report.name] = self._told(report, "failed" if error else "made", seconds, error)
        return [outcomes[report.name] for report in reports]

    def is_stale(self, report: Report) -> bool:
        """Whether a report must be run."""
        executed = store.read_executed(store.executed_path(self.folder, report.name))
        current = executed is not None and executed["metadata"]["pauses"]["inputs"] == report.inputs
        return self.force or not current or store.executed_path(self.folder, report.name, failed=True).exists()

    def _keep(self, report: Report, content: bytes | None, error: str) -> str:
        """Put an executed notebook in its place, or what a failed one left; returns why it failed."""
        failed = store.executed_path(self.folder, report.name, failed=True)
        try:
            if not error:
                part = render(content, report.name, level=report.level)
                store.write_file(store.executed_path(self.folder, report.name), content)
                failed.unlink(missing_ok=True)
                self.rendered[report.name] = part
                return ""
        except Exception as failure:
            error = one_line(failure)
        try:
            store.write_file(failed, failure_notebook(content, report.name, error))
        except ReportError as unwritable:
            error += f" ({unwritable})"
        return error

    def _told(self, report: Report, state: str, seconds: float = 0.0, error: str = "") -> ReportOutcome:
        path = store.executed_path(self.folder, report.name, failed=bool(error))
        ended = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
        outcome = ReportOutcome(report.pause, report.notebook, state, seconds, error, path, ended)
        below = [error, *store.where_it_failed(path)] if error else []
        store.write_log(
            self.folder, [store.log_line(state, seconds, outcome.title), *(f"    {line}" for line in below)]
        )
        self.say(outcome.event())
        return outcome


def run_reports(
    pauses: Sequence[dict], *, notebooks: Path | str, out: Path | str, selected: Sequence[str] | None = None,
    only: Sequence[str] | None = None, parameters: Mapping[str, Any] | None = None,
    jobs: int | None = None, force: bool = False, cold: bool = False, timeout: int = LONGEST_CELL,
    scheduler: str | None = None, progress: Callable[[dict], None] | None = None, tell: Callable[[], Any] | None = None,
    answer: Callable[..., Any] | None = None, inputs: str = "",
) -> list[ReportOutcome]:  # fmt: skip
    """Bring reports up to date: executed notebooks, the record of effects, pages, index and manifest.

    `pauses` are all that the index lists, in its order, each with id, name and dates (text); `selected` and `only` are
    the pauses and notebooks that are to be run (all by default), and `parameters` values besides `pause_id`, for every
    notebook. `cold` runs each notebook in a kernel of its own, `scheduler` is the address of a dask cluster whose
    workers run them. A cell may take `timeout` seconds.

    `progress` receives a dict for each event, as docs/machine-output.md lists them. `answer` makes the pages that
    answer from the folder and the rows of its record; `tell` is called when all reports were asked for and the record
    or the package is not what it was when it was called last. `inputs`, a digest of all that this batch depends on, is
    noted when none failed (`store.settle`). Returns outcomes in order of pauses and notebooks, the comparison last.
    ReportError if names, parameters, folder or notebooks are not usable; then nothing was started.
    """
    notebooks, ids = Path(notebooks).resolve(), [pause["id"] for pause in pauses]
    paths = {name: notebooks / f"{name}.ipynb" for name in (*SECTIONS, COMPARISON, *BACKGROUND)}
    paths = {name: path for name, path in paths.items() if path.is_file()}
    sections = [name for name in SECTIONS if name in paths]
    store.check_names([*ids, *BACKGROUND])
    store.check_names([*sections, COMPARISON])
    chosen = _chosen(selected, ids, "pause")
    names = _chosen(only, [*sections, COMPARISON], "notebook")
    jobs = min(MOST_JOBS, processors()) if jobs is None else jobs
    if not 1 <= jobs <= 64 or timeout < 1:
        raise ReportError("cannot work like that", expected="1 to 64 jobs and a timeout of at least one second")
    around, given = store.surroundings(), dict(parameters or {})
    sources = {name: path.read_bytes() for name, path in paths.items()}
    declared = {name: declared_parameters(path) for name, path in paths.items() if name not in BACKGROUND}
    digests = {name: sources_digest(sources[name]) for name in declared}

    def report(name: str, pause: str, told: dict, *depends: Any, beside: dict | None = None) -> Report:
        """That of all pauses is offered more parameters than it need declare."""
        told = {key: value for key, value in told.items() if pause or key in declared[name]}
        told = check_parameters(declared[name], told, file=f"{name}.ipynb")
        return Report(
            name=f"{pause}.{name}" if pause else name, notebook=name, pause=pause, source=sources[name], cold=cold,
            parameters=told, timeout=timeout, level=1 if name == sections[0] else 2, beside=beside or {},
            folder="" if beside or scheduler else str(notebooks),
            inputs=store.digest(digests[name], told, around, *depends),
        )  # fmt: skip

    every = [report(name, pause, {"pause_id": pause} | given) for pause in ids for name in sections]
    tasks = [task for task in every if task.pause in chosen and task.notebook in names]
    run = partial(run_apart, execute, jobs=jobs, patience=timeout + GRACE)
    if scheduler is not None:
        run = partial(run_on_cluster, execute, address=scheduler, patience=timeout + GRACE)
    with store.opened(out) as folder:
        _refuse_strangers(folder, ids)
        batch = Batch(folder, run, force, progress or (lambda event: None))
        before = Record.read(folder, {task.name: task.pause for task in every} | {COMPARISON: ""})
        if before.fault and len(tasks) < len(every):
            raise before.fault
        (folder / store.LOG).unlink(missing_ok=True)
        total, stale = len(tasks) + (COMPARISON in paths), sum(map(batch.is_stale, tasks))
        batch.say({"event": "start", "total": total, "stale": stale})
        outcomes = batch.bring_up_to_date(tasks)
        record = before.merged(_spoken(outcomes))
        if COMPARISON in paths:
            mine = to_csv(row for row in record.rows.values() if row["pause"] in ids)
            told = {"results_file": RESULTS} | given
            every.append(report(COMPARISON, "", told, mine, beside={RESULTS: mine.encode()}))
            outcomes += batch.bring_up_to_date(every[-1:])
            record = before.merged(_spoken(outcomes))
        if before.fault and any(outcome.error for outcome in outcomes):
            raise before.fault  # what is to replace it is not whole
        record.write(folder)
        if gone := sorted(set(before.rows) - set(record.rows)):
            batch.say({"event": "record", "gone": [" / ".join(key) for key in gone]})
        write_evidence(
            folder, pauses, sections, comparison=COMPARISON, surroundings=around, rendered=batch.rendered,
            background={name: sources[name] for name in BACKGROUND if name in paths},
        )  # fmt: skip
        if answer:
            answer(folder, list(record.rows.values()), surroundings=around)
        if any(outcome.state != "kept" for outcome in outcomes):
            defaults = {name: {key: one.default for key, one in known.items()} for name, known in declared.items()}
            _write_manifest(folder, every, outcomes, defaults, {"revision": git_revision(notebooks), **around})
        told = json.dumps([store.digest(to_csv(record.rows.values())), around["package"]])
        if tell and not selected and not only and not store.is_same(folder / TOLD, told):
            tell()
            store.write_file(folder / TOLD, told)
        if inputs and not any(outcome.error for outcome in outcomes):
            store.settle(folder, inputs, [outcome.title for outcome in outcomes])
    count = {state: sum(outcome.state == state for outcome in outcomes) for state in ("made", "kept", "failed")}
    batch.say({"event": "end"} | count)
    return outcomes


def processors() -> int:
    """Number of processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _chosen(wanted: Sequence[str] | None, known: Sequence[str], what: str) -> list[str]:
    """The wanted ones in the order of the known; all when none is named."""
    unknown = [name for name in wanted or () if name not in known]
    if unknown:
        raise ReportError(f"no such {what}", field=f"{unknown[0]!r:.80}", expected=", ".join(known))
    return [name for name in known if not wanted or name in wanted]


def _refuse_strangers(folder: Path, ids: Sequence[str]) -> None:
    """The project's own record speaks of the pauses of its registry alone."""
    from analysis.pauses import load_pauses
    from analysis.tables import data_folder

    if folder == data_folder().parent / "reports" and (strangers := sorted(set(ids) - set(load_pauses()))):
        raise ReportError("no pause of the registry", field=", ".join(strangers), remedy="give another --out")


def _spoken(outcomes: Sequence[ReportOutcome]) -> dict[str, list[dict]]:
    """What the executed notebooks say that this batch made or found current."""
    spoken = {o.path.stem: store.read_executed(o.path) for o in outcomes if not o.error}
    if None in spoken.values():
        raise ReportError("an executed notebook was changed or removed while the batch ran", remedy="start again")
    return {name: effect_rows(executed) for name, executed in spoken.items()}


def _write_manifest(
    folder: Path, reports: Sequence[Report], outcomes: Sequence[ReportOutcome], defaults: dict, around: dict
) -> None:
    """Say beside the reports from what, with what and when each was made; only `times` differ between two batches."""
    times, listed = {}, {}
    with suppress(OSError, ValueError, LookupError):
        times = json.loads((folder / MANIFEST).read_text("utf-8"))["times"]
    for outcome in outcomes:
        if outcome.state != "kept":
            name = ".".join(filter(None, (outcome.pause, outcome.notebook)))
            times[name] = {"ended": outcome.ended, "seconds": outcome.seconds}
    for report in reports:
        executed = store.read_executed(store.executed_path(folder, report.name))
        status = "absent"
        if executed is not None:
            known = executed["metadata"]["pauses"]
            status = "up to date" if known["inputs"] == report.inputs else "out of date"
        if store.executed_path(folder, report.name, failed=True).exists():
            status = "failed"
        listed[report.name] = {"status": status}
        if status == "up to date":
            listed[report.name] |= {"parameters": defaults[report.notebook] | report.parameters, **known}
    times = {name: times[name] for name in listed if name in times}
    content = json.dumps(around | {"reports": listed, "times": times}, indent=1, ensure_ascii=False)
    store.write_file(folder / MANIFEST, content + "\n")


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
