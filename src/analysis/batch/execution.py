"""One notebook through papermill: run it, judge the run, and write it the same way every time.

What papermill and nbclient leave to their caller is done here. The verdict on a run comes from the error that was
raised, for a dead kernel's file claims to be complete. Sockets are files in a private folder, which is quiet and
reachable by nobody else. Times, papermill's notes and random cell ids are dropped, so that the same inputs give
the same bytes.
"""

import hashlib
import json
import os
import re
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from analysis.batch.folder import EXECUTED, FAILED, write_file
from analysis.effects import COLUMNS, MIME
from analysis.errors import PausesError, ReportError

_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


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
    inputs : str
        Digest of everything the result depends on; kept in the executed notebook.
    timeout : int
        Seconds a cell may take.
    pause : str or None
        The pause whose effects the notebook must give.
    """

    name: str
    notebook: str
    parameters: dict
    out: str
    folder: str
    inputs: str
    timeout: int
    pause: str | None

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
        notebook.metadata["pauses"] = {"inputs": task.inputs, "cells": cells_digest(notebook)}
        write_file(task.path, to_text(notebook))
        task.path.with_name(f"{FAILED}{task.path.name}").unlink(missing_ok=True)
        error = ""
    except Exception as failure:
        error = save_failure(task, one_line(failure), seen[-1] if seen else None)
    return {"seconds": round(time.monotonic() - started, 3), "error": error}


def run_notebook(path, parameters, scratch, *, folder, timeout, kernel_manager=None, seen=None):
    """Run a notebook by papermill and return it normalised.

    Parameters
    ----------
    path : path
    parameters : dict
        Checked before: see `check_parameters`.
    scratch : path
        Absolute folder with a short name, for the kernel's sockets.
    folder : path
        The kernel's working folder.
    timeout : int
        Seconds a cell may take.
    kernel_manager : class, optional
    seen : list, optional
        Receives the notebook as it runs, for the case that it fails.

    Returns
    -------
    NotebookNode
    """
    import papermill
    from jupyter_client import AsyncKernelManager
    from papermill.engines import NBClientEngine, papermill_engines
    from traitlets.config import Config

    seen = [] if seen is None else seen

    class WatchedEngine(NBClientEngine):
        """Papermill's own engine; what ran so far stays within reach when it raises."""

        @classmethod
        def execute_managed_notebook(cls, nb_man, kernel_name, **kwargs):
            seen.append(nb_man.nb)
            return super().execute_managed_notebook(nb_man, kernel_name, **kwargs)

    papermill_engines.register("watched", WatchedEngine)
    settings = Config()
    if os.name == "posix":
        settings.KernelManager.transport = "ipc"
        settings.KernelManager.ip = str(Path(scratch, "kernel"))  # absolute: with a relative path the client hangs
    notebook = papermill.execute_notebook(
        str(path), None, parameters,
        engine_name="watched", kernel_name="python3", progress_bar=False, request_save_on_cell_execute=False,
        resources={"metadata": {"path": str(folder)}}, execution_timeout=timeout, shutdown_kernel="immediate",
        record_timing=False, coalesce_streams=True, config=settings,
        kernel_manager_class=kernel_manager or AsyncKernelManager,
    )  # fmt: skip
    return normalise(notebook)


def normalise(notebook):
    """Drop from a notebook in place whatever differs between two runs of the same cells; return it.

    Cell ids become digests of the cells' own sources, so that editing one cell changes one id.
    """
    notebook.metadata = type(notebook.metadata)(
        kernelspec={"display_name": "Python 3", "language": "python", "name": "python3"},
        language_info={"name": "python"},
    )
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    repeats = Counter()
    for cell in notebook.cells:
        digest = hashlib.sha256(f"{cell.cell_type}\n{cell.source}".encode()).hexdigest()[:8]
        repeats[digest] += 1
        cell["id"] = digest if repeats[digest] == 1 else f"{digest}-{repeats[digest]}"
        tags = cell.metadata.get("tags", [])
        cell.metadata = type(cell.metadata)(tags=tags) if tags else type(cell.metadata)()
    return notebook


def to_text(notebook):
    """The file of a notebook: sorted keys, one space, LF."""
    import nbformat

    return nbformat.writes(notebook).rstrip("\n") + "\n"


def cells_digest(notebook):
    """Digest of a notebook's cells with their outputs, to know an edited copy."""
    return hashlib.sha256(json.dumps(notebook["cells"], sort_keys=True).encode()).hexdigest()


def outputs(notebook):
    """All outputs of a notebook, in order."""
    return [output for cell in notebook["cells"] for output in cell.get("outputs", ())]


def records(notebook):
    """The payloads a notebook displays as its result."""
    return [output["data"][MIME] for output in outputs(notebook) if MIME in output.get("data", {})]


def check_report(notebook, *, pause=None):
    """Refuse an executed notebook that is not a whole report.

    Parameters
    ----------
    notebook : NotebookNode
    pause : str, optional
        The pause whose effects it must give.
    """
    noise = [output["text"] for output in outputs(notebook) if output.get("name") == "stderr"]
    if noise:
        raise ReportError("a cell wrote to stderr", found=f"{noise[0].strip():.200}", remedy="resolve the warning")
    for output in outputs(notebook):
        images = [kind for kind in output.get("data", {}) if kind.startswith("image/")]
        if any(kind != "image/png" for kind in images):
            raise ReportError("a picture is not a PNG", found=", ".join(images))
        if images and not str(output["metadata"].get("image/png", {}).get("alt", "")).strip():
            raise ReportError("a picture has no alternative text", remedy="show it as analysis.Picture(ax, alt)")
    rows = [row for record in records(notebook) for row in record.get("rows", ())]
    if pause is not None and not rows:
        raise ReportError("the notebook gave no record of effects", expected=f"an output of type {MIME} with rows")
    for row in rows:
        if set(row) != set(COLUMNS):
            raise ReportError(
                "the record has other columns than an effect",
                found=", ".join(sorted(set(row) ^ set(COLUMNS))) + " missing or unknown",
            )
        if pause is not None and row["pause"] != pause:
            raise ReportError("the record speaks of another pause", expected=pause, found=f"{row['pause']!r:.80}")


def save_failure(task, error, notebook=None):
    """Keep what a failed notebook did, headed by the error; return the error."""
    from nbformat import v4

    notebook = v4.new_notebook() if notebook is None else notebook
    text = f"# FAILED: this is not a report\n\n`{task.name}` could not be made:\n\n    {error}"
    notebook.cells = [v4.new_markdown_cell(text), *notebook.cells]
    try:
        write_file(task.path.with_name(f"{FAILED}{task.path.name}"), to_text(normalise(notebook)))
    except ReportError as unwritable:
        error += f" ({unwritable})"
    return error


def one_line(failure):
    """A failure in one sentence, from what was raised."""
    if isinstance(failure, PausesError):
        return str(failure)
    if hasattr(failure, "ename"):  # papermill's or nbclient's account of an error inside a cell
        text = f"{failure.ename}: {failure.evalue}"
        where = f"cell {failure.exec_count}: " if getattr(failure, "exec_count", None) else ""
        return where + " ".join(_COLOUR.sub("", text).split())[:500]
    lines = str(failure).strip().splitlines() or [""]
    return f"{type(failure).__name__}: {lines[0]}"[:500]
