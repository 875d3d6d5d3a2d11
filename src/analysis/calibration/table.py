"""How often do the tests cry wolf, and what can they see? The study behind `reports/calibration.csv`."""

import ast
import hashlib
import os
import re
import zlib
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from functools import lru_cache, partial
from multiprocessing import get_context
from pathlib import Path
from tempfile import NamedTemporaryFile
from types import FunctionType

import pandas as pd

from analysis.calibration.plan import planned_cells
from analysis.calibration.realseries import study_real_series
from analysis.calibration.study import study
from analysis.errors import DesignError
from analysis.record import read_stored, stored_path
from analysis.windows import Layout

FILE, REAL_FILE, COMMAND = "calibration.csv", "placebo_study.csv", "pauses calibrate"
ROOMS = ("expected", "windows", "calibration/simulate", "calibration/study", "calibration/trials")
LABELS = ("question", "test", "process", "setting")
RATES = ("answered", "rejected", "rejected_lower", "rejected_upper", "rejected_less", "rejected_greater", "coverage",
         "expected_coverage")  # fmt: skip
COLUMNS = (
    *LABELS, "before", "length", "after", "cut", "timing", "lag", "replicates",
    *(column for rate in RATES for column in (rate, f"{rate}_se")), "median_ratio", "key",
)  # fmt: skip
REAL_COLUMNS = ("outcome", "length", "test", "quarter", "windows", "lower", "lower_se", "upper", "upper_se")
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")


def calibrate(*, replicates=2000, jobs=1, seed=0, path=None, only=None, progress=None, executor=None, cells=None):
    """Run the size study cell by cell and keep its table.

    Parameters
    ----------
    replicates : int
        Simulated series per cell.
    jobs : int
        Processes; the table has the same bytes for any number.
    seed : int
    path : path, optional
        The table, `reports/calibration.csv` by default. A row is stored as soon as its cell is done; rows whose
        cell, parameters and code are unchanged are not computed again.
    only : sequence of str, optional
        Run only cells whose name contains one of these; the other rows stay as they are.
    progress : function of (cells done, cells to do, name of the cell), optional
    executor : concurrent.futures.Executor, optional
        Runs the cells elsewhere, such as `distributed.Client(address).get_executor()`.
    cells : sequence of Cell, optional
        Another plan.

    Returns
    -------
    DataFrame
        One row per cell in the order of the plan, with the columns `COLUMNS`: what was simulated, the rates that
        `study` measures with their Monte Carlo standard errors, and the key of the row.

    Raises
    ------
    DesignError
        Nothing to run.
    DataError
        The table on disk is not one of this study; it stays untouched.
    """
    if replicates < 1 or jobs < 1:
        raise DesignError("nothing to run", field="replicates, jobs", expected="1 or more")
    path = stored_path(path, FILE)
    cells = planned_cells() if cells is None else cells
    asked = [cell for cell in cells if only is None or any(part in cell.name for part in only)]
    if not asked:
        raise DesignError("no such cell", field="only", found=", ".join(only or ()))
    keys = {cell.name: cell_key(cell, replicates=replicates, seed=seed) for cell in cells}
    stored = load_calibration(path).to_dict("records") if path.exists() else []
    rows = {_name(row): row for row in stored if _name(row) in keys}
    todo = [cell for cell in asked if rows.get(cell.name, {}).get("key") != keys[cell.name]]

    run = partial(_run, replicates=replicates, seed=seed)
    with _finished(run, todo, jobs, executor) as finished:
        for done, (name, row) in enumerate(finished, start=1):
            rows[name] = row | {"key": keys[name]}
            write_table(_in_order(rows, cells), path)
            if progress:
                progress(done, len(todo), name)
    return _in_order(rows, cells)


def load_calibration(path=None):
    """Read the stored table.

    Parameters
    ----------
    path : path, optional
        `reports/calibration.csv` beside the data folder by default.

    Returns
    -------
    DataFrame

    Raises
    ------
    DataError
        No such file, or other columns.
    """
    return read_stored(stored_path(path, FILE), COLUMNS, command=COMMAND)


def load_placebo_study(path=None):
    """Read the stored study of the real series, `reports/placebo_study.csv`; raises as `load_calibration`."""
    return read_stored(stored_path(path, REAL_FILE), REAL_COLUMNS, command=COMMAND)


def store_placebo_study(path=None):
    """Run the study of the real series and store it; takes seconds, and gives the same bytes every time."""
    study_of_series = study_real_series()
    write_table(study_of_series, stored_path(path, REAL_FILE))
    return study_of_series


def write_table(table, path):
    """Store a table whole or not at all."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with NamedTemporaryFile("w", dir=path.parent, suffix=".part", delete=False, encoding="utf-8", newline="") as file:
        table.to_csv(file, index=False, lineterminator="\n", float_format="%.6g")
        file.flush()
        os.fsync(file.fileno())
    os.chmod(file.name, 0o644)
    os.replace(file.name, path)


def cell_key(cell, *, replicates, seed):
    """Fingerprint of everything a row depends on: the cell, the study's size and seed, and the code of the tests."""
    described = f"{_described(vars(cell))} {replicates} {seed} {_code()}"
    rounded = re.sub(r"\d+\.\d{6,}", lambda number: f"{float(number[0]):.6g}", described)
    return hashlib.sha256(rounded.encode()).hexdigest()[:12]


def _described(value):
    """Text that is the same in every process: functions by name, arrays by their bytes."""
    if isinstance(value, partial):
        return f"{value.func.__name__} {_described(value.keywords)}"
    if isinstance(value, Layout):
        days = f"{value.days[0]:%Y-%m-%d} {value.start} {value.X.shape} {value.leave_out}"
        return f"{days} {hashlib.sha256(value.baseline.tobytes() + value.pattern.tobytes()).hexdigest()}"
    if isinstance(value, dict):
        return " ".join(f"{name}={_described(part)}" for name, part in value.items())
    if isinstance(value, FunctionType):
        return value.__name__
    if isinstance(value, tuple):
        return " ".join(_described(part) for part in value)
    return repr(value)


@lru_cache(maxsize=1)
def _code():
    """Digest of the source whose change makes stored rows stale, without comments, docstrings and imports."""
    digest, package = hashlib.sha256(), Path(__file__).parents[1]
    for room in ROOMS:
        tree = ast.parse((package / f"{room}.py").read_text(encoding="utf-8"))
        tree.body = [node for node in tree.body if not isinstance(node, ast.Import | ast.ImportFrom)]
        for node in ast.walk(tree):
            if isinstance(node, ast.Module | ast.FunctionDef | ast.ClassDef) and ast.get_docstring(node):
                node.body = node.body[1:] or [ast.Pass()]
        digest.update(ast.unparse(tree).encode())
    return digest.hexdigest()


def _run(cell, *, replicates, seed):
    """One row; its random numbers depend on the cell's name alone, not on what else is run."""
    own_seed = zlib.crc32(f"{seed} {cell.name}".encode())
    measured = study(cell.trial, cell.source, cell.scenario, replicates=replicates, seed=own_seed).iloc[0].to_dict()
    named = {label: getattr(cell, label) for label in LABELS} | {"cut": cell.cut}
    row = measured | named
    return cell.name, {column: row.get(column) for column in COLUMNS}


@contextmanager
def _finished(run, cells, jobs, executor):
    """Rows as they get done: here, in other processes, or wherever the executor runs them."""
    if executor is None and (jobs == 1 or len(cells) < 2):
        yield map(run, cells)
        return
    before = {name: os.environ.get(name) for name in ONE_THREAD}
    os.environ.update(ONE_THREAD)  # read when a process starts; several threads each would only get in the way
    pool = executor or ProcessPoolExecutor(jobs, mp_context=get_context("spawn"))
    try:
        futures = [pool.submit(run, cell) for cell in cells]
        yield (future.result() for future in as_completed(futures))
    finally:
        if executor is None:
            pool.shutdown(cancel_futures=True)
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})


def _in_order(rows, cells):
    return pd.DataFrame([rows[cell.name] for cell in cells if cell.name in rows], columns=list(COLUMNS))


def _name(row):
    """The name of the cell that a row belongs to, as `Cell.name` gives it."""
    return " | ".join([*(str(row[label]) for label in LABELS), f"{row['length']:g}", f"{row['cut']:g}"])
