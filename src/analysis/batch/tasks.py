"""The unit of a batch: one notebook with its parameters, executed, judged, rendered and put in its place."""

import json
import time
from dataclasses import dataclass
from pathlib import Path

from analysis.batch.execution import check_report, normalise, one_line, run_notebook, to_text
from analysis.batch.folder import EXECUTED, cells_digest, failed_path, mark_part, part_path, write_file
from analysis.batch.sections import render_section
from analysis.errors import ReportError


@dataclass(frozen=True)
class Task:
    """One notebook to be executed for a batch.

    Attributes
    ----------
    name : str
        Of the executed notebook, without ending.
    notebook : str
        Path of the notebook.
    parameters : dict
    out : str
        The folder of reports.
    folder : str
        Working folder of the kernel.
    timeout : int
        Seconds a cell may take.
    pause : str or None
        The pause whose effects the notebook must give.
    level : int
        Level of its first heading on the page.
    inputs : str
        Digest of everything the result depends on; kept in the executed notebook.
    """

    name: str
    notebook: str
    parameters: dict
    out: str
    folder: str
    timeout: int
    pause: str | None
    level: int
    inputs: str = ""

    @property
    def path(self):
        """Where the executed notebook goes."""
        return Path(self.out) / EXECUTED / f"{self.name}.ipynb"


def execute(task, scratch, *, kernel_manager=None):
    """Execute a task and publish its notebook; a failed one goes under a name that nobody takes for a report.

    Parameters
    ----------
    task : Task
    scratch : path
        A private folder with a short name.
    kernel_manager : class, optional
        A jupyter_client kernel manager; plain kernels by default.

    Returns
    -------
    dict
        seconds, and error: a sentence, empty when all is well.
    """
    started, seen = time.monotonic(), []
    try:
        notebook = run_notebook(
            task.notebook, task.parameters, scratch,
            folder=task.folder, timeout=task.timeout, kernel_manager=kernel_manager, seen=seen,
        )  # fmt: skip
        check_report(notebook, pause=task.pause)
        part = render_section(notebook, name=task.name.replace(".", "-"), level=task.level)
        cells = cells_digest(json.loads(to_text(notebook)))
        write_file(part_path(task.out, task.name), mark_part(part, cells))
        notebook.metadata["pauses"] = {"inputs": task.inputs, "cells": cells}
        write_file(task.path, to_text(notebook))
        failed_path(task.path).unlink(missing_ok=True)
        error = ""
    except Exception as failure:
        error = save_failure(task, one_line(failure), seen[-1] if seen else None)
    return {"seconds": round(time.monotonic() - started, 3), "error": error}


def save_failure(task, error, notebook=None):
    """Keep what a failed notebook did, headed by the error; return the error."""
    from nbformat import v4

    notebook = v4.new_notebook() if notebook is None else notebook
    text = f"# FAILED: this is not a report\n\n`{task.name}` could not be made:\n\n    {error}"
    notebook.cells = [v4.new_markdown_cell(text), *notebook.cells]
    normalise(notebook).metadata["pauses"] = {"error": error}
    try:
        write_file(failed_path(task.path), to_text(notebook))
    except ReportError as unwritable:
        error += f" ({unwritable})"
    return error
