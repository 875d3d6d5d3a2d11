"""One notebook through papermill: run it, judge the run, and write it the same way every time.

What papermill and nbclient leave to their caller is done here. The verdict on a run comes from the error that was
raised, for a dead kernel's file claims to be complete. Sockets are files in a private folder, which is quiet and
reachable by nobody else. Times, papermill's notes and random cell ids are dropped, so that the same inputs give
the same bytes.
"""

import hashlib
import os
import re
from collections import Counter
from pathlib import Path

from analysis.effect import COLUMNS, KEY, MIME
from analysis.errors import PausesError, ReportError
from analysis.words import VERDICTS

WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


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

    seen = [] if seen is None else seen

    class WatchedEngine(NBClientEngine):
        """Papermill's own engine; what ran so far stays within reach when it raises."""

        @classmethod
        def execute_managed_notebook(cls, nb_man, kernel_name, **kwargs):
            seen.append(nb_man.nb)
            return super().execute_managed_notebook(nb_man, kernel_name, **kwargs)

    papermill_engines.register("watched", WatchedEngine)
    notebook = papermill.execute_notebook(
        plain_path(path), None, parameters,
        engine_name="watched", kernel_name="python3", progress_bar=False, request_save_on_cell_execute=False,
        resources={"metadata": {"path": str(folder)}}, execution_timeout=timeout, shutdown_kernel="immediate",
        record_timing=False, coalesce_streams=True, config=kernel_settings(scratch),
        kernel_manager_class=kernel_manager or AsyncKernelManager,
    )  # fmt: skip
    return normalise(notebook)


def plain_path(path):
    """A path for papermill, which takes braces in it for the names of parameters."""
    return str(path).replace("{", "{{").replace("}", "}}")


def kernel_settings(scratch):
    """Let a kernel talk through files in a private folder: no open port, no warning about one."""
    from traitlets.config import Config

    settings = Config()
    if os.name == "posix":
        settings.KernelManager.transport = "ipc"
        settings.KernelManager.ip = str(Path(scratch, "kernel"))  # absolute: with a relative path the client hangs
    return settings


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
        for output in cell.get("outputs", ()):
            output.get("data", {}).pop(WIDGET_VIEW, None)  # the id of a widget that died with its kernel
    return notebook


def to_text(notebook):
    """The file of a notebook: sorted keys, one space, LF."""
    import nbformat

    return nbformat.writes(notebook).rstrip("\n") + "\n"


def outputs(notebook):
    """All outputs of a notebook, in order."""
    return [output for cell in notebook["cells"] for output in cell.get("outputs", ())]


def records(notebook):
    """The payloads a notebook displays as its result."""
    return [output["data"][MIME] for output in outputs(notebook) if MIME in output.get("data", {})]


def effect_rows(notebook):
    """The effects in a notebook's records, each a dict with the record's columns."""
    return [row for record in records(notebook) for row in record.get("rows", ())]


def check_report(notebook, *, pause=None):
    """Refuse an executed notebook that is not a whole report.

    Parameters
    ----------
    notebook : NotebookNode
    pause : str, optional
        The pause whose effects it must give.

    Raises
    ------
    ReportError
        A cell wrote to stderr, a picture is no PNG or has no alternative text, or the record is missing, has other
        columns or verdicts than an effect, speaks twice of one, or of another pause.
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
    rows = effect_rows(notebook)
    if pause is not None and not rows:
        raise ReportError("the notebook gave no record of effects", expected=f"an output of type {MIME} with rows")
    for row in rows:
        if set(row) != set(COLUMNS):
            found = ", ".join(sorted(set(row) ^ set(COLUMNS))) + " missing or unknown"
            raise ReportError("the record has other columns than an effect", found=found)
        if row["verdict"] not in VERDICTS:
            raise ReportError(
                "the record has a verdict that is none", expected=", ".join(VERDICTS), found=row["verdict"]
            )
        if pause is not None and row["pause"] != pause:
            raise ReportError("the record speaks of another pause", expected=pause, found=f"{row['pause']!r:.80}")
    twice = [key for key, n in Counter(tuple(row[name] for name in KEY) for row in rows).items() if n > 1]
    if twice:
        raise ReportError("the record speaks twice of one effect", field=" / ".join(map(str, twice[0])))


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
