"""A batch: which reports are out of date, run those, keep the record, compose the pages.

The folder of reports is the only memory. Each executed notebook carries a digest of everything it depends on, so a
file is current or it is not, however the batch before it ended; whatever else is written (``results.csv``, pages,
index) is computed from the executed notebooks and replaced only where it differs.
"""

import hashlib
import json
import platform
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import analysis
from analysis.batch.folder import CACHE, check_names, failed_path, open_folder, part_path, read_executed, write_file
from analysis.batch.pages import write_pages
from analysis.batch.record import RESULTS, merge_record, to_csv
from analysis.batch.tasks import Task
from analysis.errors import ReportError
from analysis.tables import data_folder

SECTIONS = ("pause", "energy", "regions", "sensitivity")
COMPARISON = "comparison"
LONGEST_CELL = 600  # seconds


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
    """

    pause: str
    notebook: str
    status: str
    seconds: float
    error: str
    path: Path


def run_reports(
    pauses,
    *,
    notebooks,
    out,
    selected=None,
    only=None,
    sections=SECTIONS,
    parameters=None,
    jobs=2,
    force=False,
    cold=False,
    timeout=LONGEST_CELL,
    progress=None,
):
    """Bring reports up to date: executed notebooks, the record of effects, pages and index.

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
    jobs : int
        Notebooks at a time.
    force : bool
        Run what is up to date too.
    cold : bool
        Start a plain kernel for each notebook.
    timeout : int
        Seconds a cell may take.
    progress : callable, optional
        Receives a dict for each event: {"event": "start", "total", "stale"}, {"event": "report", "pause",
        "notebook", "status", "seconds", "error"} and {"event": "end", "made", "kept", "failed"}.

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
    check_names(ids)
    check_names([*sections, COMPARISON])
    chosen = _chosen(selected, ids, "pause")
    names = _chosen(only, [*sections, COMPARISON], "notebook")
    if not 1 <= jobs <= 64 or timeout < 1:
        raise ReportError("cannot work like that", expected="1 to 64 jobs and a timeout of at least one second")
    surroundings = fingerprint()
    with open_folder(out) as folder:
        batch = _Batch(folder, jobs, force, cold, timeout, progress or (lambda event: None))
        tasks = [
            batch.task(
                notebooks / f"{name}.ipynb",
                {"pause_id": pause} | (parameters or {}),
                surroundings,
                pause=pause,
                level=1 if name == sections[0] else 2,
            )
            for pause in chosen
            for name in sections
            if name in names
        ]
        comparison = notebooks / f"{COMPARISON}.ipynb"
        stale = batch.check(tasks)
        batch.say({"event": "start", "total": len(tasks) + comparison.is_file(), "stale": len(stale)})
        outcomes = batch.execute(tasks, stale)
        rows = merge_record(folder, ids, sections, COMPARISON)
        if comparison.is_file():
            mine = to_csv([row for row in rows if row["pause"] in ids])
            write_file(folder / CACHE / RESULTS, mine)
            task = batch.task(comparison, {"results_file": RESULTS} | (parameters or {}), [surroundings, mine])
            outcomes += batch.execute([task], batch.check([task]))
            rows = merge_record(folder, ids, sections, COMPARISON)
        write_file(folder / RESULTS, to_csv(rows))
        write_pages(folder, pauses, sections, comparison=COMPARISON)
    count = {status: sum(outcome.status == status for outcome in outcomes) for status in ("made", "kept", "failed")}
    batch.say({"event": "end"} | count)
    return outcomes


def fingerprint():
    """Digests of what every report depends on: the package, the tables, the installed libraries, Python."""
    package, data = Path(analysis.__file__).parent, data_folder()
    installed = {path.name for entry in sys.path for path in Path(entry or ".").glob("*.dist-info")}
    return {
        "package": _digest_files(package, "**/*", (".py", ".toml", ".j2", ".css")),
        "data": _digest_files(data, "*", (".csv", ".toml", ".json")),
        "libraries": _digest(sorted(installed)),
        "python": platform.python_version(),
    }


@dataclass(frozen=True)
class _Batch:
    """What all steps of one batch share."""

    folder: Path
    jobs: int
    force: bool
    cold: bool
    timeout: int
    say: object

    def task(self, notebook, parameters, surroundings, *, pause=None, level=2):
        """A task with the digest of everything its result depends on."""
        cells = json.loads(notebook.read_bytes())["cells"]
        sources = [[cell["cell_type"], cell["source"], cell.get("metadata", {}).get("tags")] for cell in cells]
        return Task(
            name=f"{pause}.{notebook.stem}" if pause else notebook.stem, notebook=str(notebook), parameters=parameters,
            out=str(self.folder), folder=str(notebook.parent if pause else self.folder / CACHE),
            inputs=_digest([sources, parameters, surroundings]), timeout=self.timeout, pause=pause, level=level,
        )  # fmt: skip

    def check(self, tasks):
        """The tasks that are out of date, their parameters checked."""
        stale = [task for task in tasks if self.force or not _is_current(task)]
        declared = {}
        for task in stale:
            from analysis.batch.parameters import check_parameters, declared_parameters

            notebook = Path(task.notebook)
            known = declared.get(notebook) or declared.setdefault(notebook, declared_parameters(notebook))
            given = task.parameters if task.pause else {k: v for k, v in task.parameters.items() if k in known}
            checked = check_parameters(known, given, file=notebook.name)
            stale[stale.index(task)] = replace(task, parameters=checked)
        return stale

    def execute(self, tasks, stale):
        """Execute the stale tasks; an outcome for every task, in order."""
        outcomes = {task.name: self._outcome(task, "kept", 0.0, "") for task in tasks}
        for task in stale:
            del outcomes[task.name]
        for outcome in outcomes.values():
            self._tell(outcome)
        if stale:
            from analysis.batch.kernels import run_tasks

            log = self.folder / CACHE / "log.txt"
            for position, result in run_tasks(stale, jobs=self.jobs, cold=self.cold, log=log):
                status = "failed" if result["error"] else "made"
                outcome = self._outcome(stale[position], status, result["seconds"], result["error"])
                outcomes[stale[position].name] = outcome
                self._tell(outcome)
        return [outcomes[task.name] for task in tasks]

    def _outcome(self, task, status, seconds, error):
        path = failed_path(task.path) if error else task.path
        return ReportOutcome(task.pause or "", Path(task.notebook).stem, status, seconds, error, path)

    def _tell(self, outcome):
        event = {"event": "report"} | {name: getattr(outcome, name) for name in ("pause", "notebook", "status")}
        self.say(event | {"seconds": outcome.seconds, "error": outcome.error})


def _is_current(task):
    executed = read_executed(task.path)
    same = executed is not None and executed["metadata"]["pauses"]["inputs"] == task.inputs
    return same and part_path(task.out, task.name).is_file() and not failed_path(task.path).exists()


def _chosen(wanted, known, what):
    """The wanted ones in the order of the known; all when none is named."""
    unknown = [name for name in wanted or () if name not in known]
    if unknown:
        raise ReportError(f"no such {what}", field=f"{unknown[0]!r:.80}", expected=", ".join(known))
    return [name for name in known if not wanted or name in wanted]


def _digest(value):
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=repr).encode()).hexdigest()


def _digest_files(folder, pattern, kinds):
    files = sorted(path for path in folder.glob(pattern) if path.suffix in kinds)
    return _digest(
        [[path.relative_to(folder).as_posix(), hashlib.sha256(path.read_bytes()).hexdigest()] for path in files]
    )
