"""A batch: which reports are out of date, run those, keep the record, compose the pages.

The folder of reports is the only memory. Each executed notebook carries a digest of everything it depends on, so a
file is current or it is not, however the batch before it ended; whatever else is written (``results.csv``, pages,
index) is computed from the executed notebooks and replaced only where it differs.
"""

import csv
import hashlib
import io
import json
import math
import platform
import sys
from dataclasses import dataclass
from pathlib import Path

import analysis
from analysis.batch.folder import CACHE, EXECUTED, FAILED, check_names, open_folder, write_file
from analysis.effects import COLUMNS, KEY
from analysis.errors import ReportError
from analysis.tables import data_folder

SECTIONS = ("pause", "energy", "regions", "sensitivity")
COMPARISON = "comparison"
RESULTS = "results.csv"
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
    chosen, names = _chosen(selected, ids, "pause"), _chosen(only, [*sections, COMPARISON], "notebook")
    check_names(ids)
    check_names([*sections, COMPARISON])
    if not 1 <= jobs <= 64 or not 1 <= timeout:
        raise ReportError("cannot work like that", expected="1 to 64 jobs and a timeout of at least a second")
    say = progress or (lambda event: None)
    surroundings = fingerprint()
    with open_folder(out) as folder:
        tasks = []
        for pause in chosen:
            for name in (name for name in sections if name in names):
                given = {"pause_id": pause} | (parameters or {})
                tasks.append(_task(folder, notebooks / f"{name}.ipynb", given, surroundings, timeout, pause=pause))
        outcomes = _execute(tasks, folder, jobs, force, cold, say)
        if (notebooks / f"{COMPARISON}.ipynb").is_file():
            outcomes += _compare(folder, notebooks, ids, sections, surroundings, timeout, force, cold, say)
        rows = _merge(folder, ids, sections)
        write_file(folder / RESULTS, to_csv(rows))
        _compose(folder, pauses, sections)
    count = {status: sum(outcome.status == status for outcome in outcomes) for status in ("made", "kept", "failed")}
    say({"event": "end"} | count)
    return outcomes
