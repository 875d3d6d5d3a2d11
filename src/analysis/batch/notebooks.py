"""Execute the committed notebooks in place, so that each shows its results where it is read.

``python -m analysis.batch.notebooks [NAME ...]``. A notebook that fails stays as it was.
"""

import os
import sys
import tempfile
from pathlib import Path

from analysis.batch.execution import check_report, kernel_settings, normalise, one_line, to_text
from analysis.batch.folder import write_file

NOTEBOOKS = Path(__file__).resolve().parents[3] / "notebooks"
LONGEST_CELL = 1200  # seconds


def store_results(path, *, timeout=LONGEST_CELL):
    """Execute a notebook with its default parameters and write it back, normalised.

    Parameters
    ----------
    path : path
    timeout : int
        Seconds a cell may take.

    Returns
    -------
    bool
        Whether the file changed.

    Raises
    ------
    Exception
        Whatever a cell raised, or ReportError for a result that no report may have; the file is as it was.
    """
    import nbformat
    from nbclient import NotebookClient

    from analysis.batch.kernels import ENVIRONMENT

    path = Path(path).resolve()
    notebook = nbformat.read(path, as_version=4)
    with tempfile.TemporaryDirectory(prefix="pauses-") as scratch:
        NotebookClient(
            notebook, timeout=timeout, kernel_name="python3", resources={"metadata": {"path": str(path.parent)}},
            record_timing=False, coalesce_streams=True, shutdown_kernel="immediate", config=kernel_settings(scratch),
        ).execute(env=os.environ | ENVIRONMENT)  # fmt: skip
    check_report(notebook)
    return write_file(path, to_text(normalise(notebook)))


def main(names):
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
