"""Execute the committed notebooks in place, so that each shows its results where it is read.

`python -m analysis.reports.notebooks [NAME ...]`, in real kernels. A notebook that fails stays as it was.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

from analysis.reports.engine import run_notebook
from analysis.reports.make import check_report, normalise, one_line, to_text
from analysis.reports.pool import surrounded
from analysis.reports.store import write_file

NOTEBOOKS = Path(__file__).resolve().parents[3] / "notebooks"
LONGEST_CELL = 1200  # seconds


def store_results(path: Path, *, timeout: int = LONGEST_CELL) -> bool:
    """Execute a notebook with its default parameters and write it back, normalised; returns whether it changed.

    Whatever a cell raised, or ReportError for a result that no report may have, leaves the file as it was.
    """
    path = path.resolve()
    with surrounded():
        notebook = run_notebook(path.read_bytes(), {}, folder=str(path.parent), timeout=timeout, cold=True)
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
