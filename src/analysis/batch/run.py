"""A batch: which reports are out of date, run those, keep the record, compose the pages.

The folder of reports is the only memory. Each executed notebook carries a digest of everything it depends on, so a
file is current or it is not, however the batch before it ended; whatever else is written (``results.csv``, pages,
index, manifest) is computed from the executed notebooks and replaced only where it differs.
"""

import os
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from analysis.batch.background import BACKGROUND, background_parts
from analysis.batch.folder import CACHE, check_names, failed_path, open_folder, read_executed, read_part, write_file
from analysis.batch.inputs import fingerprint, inputs_digest
from analysis.batch.manifest import git_revision, write_manifest
from analysis.batch.pages import write_pages
from analysis.batch.record import RESULTS, merge_record, to_csv
from analysis.batch.tasks import Task
from analysis.errors import ReportError

SECTIONS = ("pause", "energy", "regions", "sensitivity")
COMPARISON = "comparison"
LONGEST_CELL = 600  # seconds
MOST_JOBS = 8  # unless more are asked for: each needs memory


@dataclass(frozen=True)
class ReportOutcome:
    """What became of one notebook of one pause.

    Attributes
    ----------
    pause, notebook : str
        `pause` is empty for the comparison of all.
    status : str
        made, kept (nothing it depends on had changed) or failed.
    seconds : float
    error : str
        One sentence; empty unless failed.
    path : Path
        The executed notebook, or what the failed one left.
    ended : str
        When, in UTC.
    """

    pause: str
    notebook: str
    status: str
    seconds: float
    error: str
    path: Path
    ended: str

    @classmethod
    def of(cls, task, status, seconds=0.0, error=""):
        """The outcome of a task."""
        path = failed_path(task.path) if error else task.path
        ended = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
        return cls(task.pause or "", Path(task.notebook).stem, status, seconds, error, path, ended)

    def event(self):
        """What the progress callback is told."""
        return {"event": "report"} | {name: value for name, value in vars(self).items() if name != "path"}


def run_reports(
    pauses, *, notebooks, out, selected=None, only=None, sections=SECTIONS, parameters=None, jobs=None, force=False,
    cold=False, timeout=LONGEST_CELL, scheduler=None, progress=None,
):  # fmt: skip
    """Bring reports up to date: executed notebooks, the record of effects, pages, index and manifest.

    Parameters
    ----------
    pauses : sequence of dict
        All pauses the index lists, in its order, each with id, name and dates (text).
    notebooks : path
        Folder of notebooks. Those named in `sections` make a pause's page; ``comparison.ipynb`` the index.
    out : path
        Folder of reports.
    selected : sequence of str, optional
        Ids of the pauses to report; all by default.
    only : sequence of str, optional
        Notebooks to run, such as ("energy",); all sections by default.
    sections : sequence of str
        Notebooks a page is made of, in its order. Those that do not exist are left out.
    parameters : dict, optional
        Values for parameters besides ``pause_id``, for every notebook.
    jobs : int, optional
        Notebooks at a time; by default as many as processors, but no more than 8.
    force : bool
        Run what is up to date too.
    cold : bool
        Start a plain kernel for each notebook.
    timeout : int
        Seconds a cell may take.
    scheduler : str, optional
        Address of a dask.distributed scheduler, whose workers execute the notebooks instead of this machine.
    progress : callable, optional
        Receives a dict for each event: {"event": "start", "total", "stale"}, {"event": "report", "pause",
        "notebook", "status", "seconds", "error", "ended"} and {"event": "end", "made", "kept", "failed"}.

    Returns
    -------
    list of ReportOutcome
        In order of pauses and notebooks; the comparison last.

    Raises
    ------
    ReportError
        Names, parameters, folder or notebooks are not usable; nothing was started.
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
    say, given, surroundings = progress or (lambda event: None), parameters or {}, fingerprint()
    with open_folder(out) as folder, ExitStack() as stack:

        @cache
        def workers():
            if scheduler is not None:
                from analysis.batch.cluster import ClusterWorkers

                return stack.enter_context(ClusterWorkers(scheduler, cold=cold))
            from analysis.batch.kernels import Workers

            return stack.enter_context(Workers(jobs=jobs, cold=cold, log=folder / CACHE / "log.txt"))

        every, comparison = _tasks(ids, sections, given, notebooks=notebooks, out=folder, timeout=timeout)
        last = [comparison] if Path(comparison.notebook).is_file() else []
        every = [replace(task, inputs=inputs_digest(task, surroundings)) for task in every]
        tasks = [task for task in every if task.pause in chosen and Path(task.notebook).stem in names]
        stale = [task for task in tasks if force or not _is_current(task)]
        stale, _ = _checked(stale), _checked(last if stale else [])  # all of them, before any kernel starts
        say({"event": "start", "total": len(tasks) + len(last), "stale": len(stale)})
        outcomes = _execute(tasks, stale, workers, say)
        rows = merge_record(folder, ids, sections, COMPARISON)
        if last:
            mine = to_csv([row for row in rows if row["pause"] in ids])
            write_file(folder / CACHE / RESULTS, mine)
            last = [replace(comparison, inputs=inputs_digest(comparison, [surroundings, mine]))]
            outcomes += _execute(last, _checked([t for t in last if force or not _is_current(t)]), workers, say)
            rows = merge_record(folder, ids, sections, COMPARISON)
        write_file(folder / RESULTS, to_csv(rows))
        background = background_parts(folder, notebooks, surroundings=surroundings)
        write_pages(folder, pauses, sections, comparison=COMPARISON, background=background)
        write_manifest(folder, every + last, outcomes, surroundings, revision=git_revision(notebooks))
    count = {status: sum(outcome.status == status for outcome in outcomes) for status in ("made", "kept", "failed")}
    say({"event": "end"} | count)
    return outcomes


def processors():
    """Number of processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _tasks(ids, sections, given, *, notebooks, out, timeout):
    """The tasks of all pauses, of which the first section heads the page, and that of the comparison."""
    common = {"out": str(out), "timeout": timeout}
    every = [
        Task(
            name=f"{pause}.{name}", notebook=str(notebooks / f"{name}.ipynb"), pause=pause, folder=str(notebooks),
            parameters={"pause_id": pause} | given, level=1 if name == sections[0] else 2, **common,
        )
        for pause in ids for name in sections
    ]  # fmt: skip
    comparison = Task(
        name=COMPARISON, notebook=str(notebooks / f"{COMPARISON}.ipynb"), pause=None, folder=str(out / CACHE),
        parameters={"results_file": RESULTS} | given, level=2, **common,
    )  # fmt: skip
    return every, comparison


def _checked(tasks):
    """The tasks with their parameters checked; the comparison is offered more than it need declare."""
    if not tasks:
        return []
    from analysis.batch.parameters import check_parameters, declared_parameters

    declared = {path: declared_parameters(Path(path)) for path in {task.notebook for task in tasks}}
    checked = []
    for task in tasks:
        known, name = declared[task.notebook], Path(task.notebook).name
        given = {k: v for k, v in task.parameters.items() if task.pause or k in known}
        checked.append(replace(task, parameters=check_parameters(known, given, file=name)))
    return checked


def _execute(tasks, stale, workers, say):
    """Execute the stale tasks; an outcome for every task, in order."""
    outcomes = {task.name: ReportOutcome.of(task, "kept") for task in tasks if task.name not in {t.name for t in stale}}
    for outcome in outcomes.values():
        say(outcome.event())
    for position, result in workers().run(stale) if stale else ():
        task = stale[position]
        outcome = ReportOutcome.of(task, "failed" if result["error"] else "made", **result)
        outcomes[task.name] = outcome
        say(outcome.event())
    return [outcomes[task.name] for task in tasks]


def _is_current(task):
    executed = read_executed(task.path)
    if executed is None or executed["metadata"]["pauses"]["inputs"] != task.inputs or failed_path(task.path).exists():
        return False
    return read_part(task.out, task.name, executed["metadata"]["pauses"]["cells"]) is not None


def _chosen(wanted, known, what):
    """The wanted ones in the order of the known; all when none is named."""
    unknown = [name for name in wanted or () if name not in known]
    if unknown:
        raise ReportError(f"no such {what}", field=f"{unknown[0]!r:.80}", expected=", ".join(known))
    return [name for name in known if not wanted or name in wanted]
