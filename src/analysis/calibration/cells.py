"""The cells of the size study behind `reports/calibration.csv`: planned, run, resumed and read."""

from __future__ import annotations

import ast
import hashlib
import os
import re
import tomllib
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass, replace
from fnmatch import fnmatch
from functools import lru_cache, partial
from itertools import product
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from tempfile import NamedTemporaryFile
from threading import Thread
from types import FunctionType

import pandas as pd

from analysis.calibration import study as trials
from analysis.calibration.processes import Process, known_processes
from analysis.calibration.study import Batch, Scenario, Trial, quiet_layout, simulated_layout, study
from analysis.errors import DesignError
from analysis.estimate import with_week_after
from analysis.expected import Floats
from analysis.pauses import load_pauses, volume_episodes
from analysis.placebo import short_test
from analysis.record import read_stored, stored_path
from analysis.setting import SALVO_MISSILES, not_ordinary
from analysis.tables import outcome_series
from analysis.windows import Layout, lay_out

FILE, COMMAND = "calibration.csv", "pauses calibrate"
ROOMS = ("expected", "windows", "placebo", "calibration/processes", "calibration/study")
LABELS = ("question", "test", "process", "setting")
RATES = (
    "answered",
    "rejected",
    "rejected_lower",
    "rejected_upper",
    "rejected_less",
    "rejected_greater",
    "coverage",
    "expected_coverage",
)
SCENARIO = ("before", "length", "after", "cut", "timing", "lag")
MEASURED = ("replicates", *(column for rate in RATES for column in (rate, f"{rate}_se")), "median_ratio")
COLUMNS = (*LABELS, *SCENARIO, *MEASURED, "key")
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
SHORT = {"window shift": "shift", "after salvo": "after-salvo", "automatic": "auto"}
PLACE = "place of "  # and the id of a pause or of an episode: where the war had it
MORATORIUM, HOLIDAY = "energy-moratorium-2025-03", "2026-05-09"
FIVE = ((365, 1), (383, 3), (540, 3), (722, 1), (746, 6))  # first day and length of made-up episodes
LONG_BEFORE, LONG_AFTER = 700, 379  # 365 days after the 14 that are left out
LONG_PLACEBOS = 119  # of long windows, each of which costs a fit: with 119, three or fewer beyond are 2.5 %
HORIZON = 7  # days after a pause


@dataclass(frozen=True)
class Cell:
    """One row of the study: a question about a test, on a process, in a setting.

    `planted` is a cut that the trial plants itself, in place of the scenario's.
    """

    question: str
    test: str
    process: str
    setting: str
    source: Process
    scenario: Scenario
    trial: Trial
    planted: float = 0.0

    @property
    def cut(self) -> float:
        """Share of the window's counts that do not fly."""
        return self.planted or self.scenario.cut

    @property
    def name(self) -> str:
        """Unique in the plan."""
        return _name(vars(self) | {"length": self.scenario.length, "cut": self.cut})


def _name(row: Mapping[str, object]) -> str:
    """The name of the cell that a row of the table belongs to."""
    return " | ".join([*(str(row[label]) for label in LABELS), f"{row['length']:g}", f"{row['cut']:g}"])


def read_plan() -> dict:
    """The rows and sets of `plan.toml`."""
    return tomllib.loads(Path(__file__).with_name("plan.toml").read_text(encoding="utf-8"))


def planned_cells() -> list[Cell]:
    """All cells in the order of the table."""
    plan, known, places = read_plan(), known_processes(), _places()
    cells = []
    for row in plan["cells"]:
        patterns = [name for part in row["processes"] for name in plan["sets"].get(part, [part])]
        names = [name for pattern in patterns for name in known if fnmatch(name, pattern)]
        tests, lags, lengths = row.get("tests") or [row["test"]], row.get("lags", [0]), row.get("lengths", [1])
        for name, test, lag, length, cut, surge in product(
            names, tests, lags, lengths, row.get("cuts", [0.0]), row.get("surges", [1.0])
        ):
            setting = f"{lag} days after a salvo" if lag else row.get("setting", "any day")
            source, outcome = known[name]
            scenario, trial, planted = _set_up(test, setting, lag, length, cut, surge, places)
            question = row["question"]
            if question == "stated cut":
                trial = partial(trials.stated_cut, trial=trial)
            elif question == "coverage":
                scenario = replace(scenario, how="scale")
            elif cut and test.startswith(("joint", "long")):
                question = "power"
            if surge > 1:
                setting += f", {surge:g} times"
            cells.append(
                Cell(question, test, name, setting, source, replace(scenario, outcome=outcome), trial, planted)
            )
    return cells


def _set_up(
    test: str, setting: str, lag: int, length: int, cut: float, surge: float, places: dict
) -> tuple[Scenario, Callable, float]:
    """Scenario and trial of a cell, and the cut that the trial plants itself."""
    if test.startswith("joint"):
        episodes, n_days = places[test]
        rule = "auto" if test == "joint, as in the war" else "shift"
        scenario = Scenario(before=365, length=1, after=n_days - 366)
        return scenario, partial(trials.joint, episodes=episodes, test=rule, cut=cut), cut
    anywhere = Scenario(length=length, cut=cut, timing="random")
    if test == "after quiet":
        trial = partial(trials.after_quiet, layout=quiet_layout(365, length, HORIZON), length=length)
        return replace(anywhere, after=HORIZON, rebound=(HORIZON, surge)), trial, 0.0
    if setting.startswith(PLACE):
        layout = places[setting.removeprefix(PLACE)]
        scenario = replace(anywhere, before=layout.start, after=len(layout.days) - layout.start - length)
        return scenario, partial(trials.short, layout=layout, test=SHORT[test]), 0.0
    if test == "long window":
        layout = places.get(setting) or simulated_layout(LONG_BEFORE, length, after=LONG_AFTER)
        scenario = replace(anywhere, before=layout.start, after=len(layout.days) - layout.start - length)
        return scenario, partial(trials.long, layout=layout, n_placebos=LONG_PLACEBOS), 0.0
    before = 180 if setting.startswith("180 days") else 365
    announced = 3 if "3 announced days" in setting else 0
    day = {"first_day": HOLIDAY} if setting == "on a holiday" else {}
    layout = simulated_layout(before, length, announced=announced, **day)
    scenario = replace(anywhere, before=before, anticipation=(announced, 1.3 if announced else 1.0))
    if lag:
        scenario = replace(scenario, timing="after-salvo", lag=lag)
    if test == "mean log":
        return scenario, partial(by_mean_log, layout=layout), 0.0
    if test in SHORT:
        return scenario, partial(trials.short, layout=layout, test=SHORT[test]), 0.0
    return scenario, partial(trials.dummy_regression, layout=layout, family=test), 0.0


def by_mean_log(batch: Batch, layout: Layout) -> dict[str, Floats]:
    """Compare a short window with its placebos by the mean log, by the rule in use; its cut would take hours."""
    found = short_test(layout, batch.counts, batch.salvo, statistic="mean-log")
    return {"p_lower": found.p_lower, "p_upper": found.p_upper}


def _places() -> dict:
    """Where windows lie that are not made for one cell: five episodes, and the pauses of the war in their places."""
    days = pd.date_range("2024-03-01", periods=FIVE[-1][0] + 20)
    windows = [days[first : first + length] for first, length in FIVE]
    five = []
    for own in windows:
        busy = [day for other in windows if other is not own for day in with_week_after(other)]
        layout = lay_out(pd.Series(1.0, days), own, exclude=busy)
        five.append((int(days.get_loc(layout.days[0])), layout))
    registry, series, real, own = load_pauses(), outcome_series("drones_launched"), [], {}
    for episode in volume_episodes(registry):
        if episode.days[0] > series.index[0]:
            layout = own[episode.id] = lay_out(series, episode.days, exclude=not_ordinary(registry))
            real.append((int(series.index.get_loc(layout.days[0])), layout))
    pause = registry[MORATORIUM]
    others = not_ordinary(registry, besides=pause)
    return own | {
        "joint, five made up": (tuple(five), len(days)),
        "joint, as in the war": (tuple(real), len(series)),
        "moratorium of 2025": lay_out(series, pause.days(), announced=pause.announced_days()[0], exclude=others),
    }


def calibrate(
    *,
    replicates: int = 2000,
    jobs: int = 1,
    seed: int = 0,
    path: str | Path | None = None,
    only: Sequence[str] | None = None,
    progress: Callable[[int, int, str], None] | None = None,
    executor: Executor | None = None,
    cells: Sequence[Cell] | None = None,
    ask: Callable[[int], None] | None = None,
) -> pd.DataFrame:
    """Run the study cell by cell and keep its table, a row per cell in the order of the plan.

    A row is stored as soon as its cell is done; rows whose cell, parameters and code are unchanged are not computed
    again. `only` runs the cells whose name contains one of these; the others stay as they are. An `executor` runs the
    cells elsewhere, such as `distributed.Client(address).get_executor()`. The table has the same bytes for any number
    of `jobs`. `progress` is told cells done, cells to do and the name of the cell; `ask`, before the first, how many
    there are to do, and may raise.
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

    if ask:
        ask(len(todo))

    def table() -> pd.DataFrame:
        return pd.DataFrame([rows[cell.name] for cell in cells if cell.name in rows], columns=list(COLUMNS))

    with _finished(partial(_run, replicates=replicates, seed=seed), todo, jobs, executor) as finished:
        for done, (name, row) in enumerate(finished, start=1):
            rows[name] = row | {"key": keys[name]}
            write_table(table(), path)
            if progress:
                progress(done, len(todo), name)
    return table()


def load_calibration(path: str | Path | None = None) -> pd.DataFrame:
    """Read the stored table, `reports/calibration.csv` by default; a DataError where it is absent or another."""
    return read_stored(stored_path(path, FILE), COLUMNS, command=COMMAND)


def write_table(table: pd.DataFrame, path: str | Path) -> None:
    """Store a table whole or not at all."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with NamedTemporaryFile("w", dir=path.parent, suffix=".part", delete=False, encoding="utf-8", newline="") as file:
        table.to_csv(file, index=False, lineterminator="\n", float_format="%.6g")
        file.flush()
        os.fsync(file.fileno())
    os.chmod(file.name, 0o644)
    os.replace(file.name, path)


def cell_key(cell: Cell, *, replicates: int, seed: int) -> str:
    """Fingerprint of everything a row depends on: the cell, the study's size and seed, and the code of the tests."""
    described = f"{_described(vars(cell))} {replicates} {seed} {SALVO_MISSILES} {_code()}"
    rounded = re.sub(r"\d+\.\d{6,}", lambda number: f"{float(number[0]):.6g}", described)
    return hashlib.sha256(rounded.encode()).hexdigest()[:12]


def _described(value: object) -> str:
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
    return " ".join(_described(part) for part in value) if isinstance(value, tuple) else repr(value)


class _Bare(ast.NodeTransformer):
    """Takes out of a source what changes no number: imports, docstrings and annotations."""

    def generic_visit(self, node: ast.AST) -> ast.AST:
        if isinstance(node, ast.Module | ast.FunctionDef | ast.ClassDef) and ast.get_docstring(node):
            node.body = node.body[1:] or [ast.Pass()]
        if isinstance(node, ast.FunctionDef):
            node.returns = None
        return super().generic_visit(node)

    def visit_Import(self, node: ast.stmt) -> None:
        return None

    visit_ImportFrom = visit_Import  # noqa: N815

    def visit_arg(self, node: ast.arg) -> ast.arg:
        return ast.arg(node.arg)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.stmt:
        return ast.Assign([node.target], node.value, lineno=0) if node.value else ast.Expr(node.target)


@lru_cache(maxsize=1)
def _code() -> str:
    """Digest of the source whose change makes stored rows stale."""
    package = Path(__file__).parents[1]
    return hashlib.sha256("".join(map(bare_source, (package / f"{room}.py" for room in ROOMS))).encode()).hexdigest()


def bare_source(path: Path) -> str:
    """The source of a room without comments, docstrings, imports and annotations."""
    return ast.unparse(_Bare().visit(ast.parse(path.read_text(encoding="utf-8"))))


def _run(cell: Cell, *, replicates: int, seed: int) -> tuple[str, dict[str, object]]:
    """One row; its random numbers depend on the cell's name alone, not on what else is run."""
    own_seed = zlib.crc32(f"{seed} {cell.name}".encode())
    row = study(cell.trial, cell.source, cell.scenario, replicates=replicates, seed=own_seed)
    row |= {label: getattr(cell, label) for label in (*LABELS, "cut")}
    return cell.name, {column: row.get(column) for column in COLUMNS}


@contextmanager
def _finished(run: Callable, cells: Sequence[Cell], jobs: int, executor: Executor | None) -> Iterator[Iterator]:
    """Rows as they get done: here, in other processes, or wherever the executor runs them."""
    if executor is not None:
        yield (future.result() for future in as_completed([executor.submit(run, cell) for cell in cells]))
        return
    if jobs == 1 or len(cells) < 2:
        yield map(run, cells)
        return
    before = {name: os.environ.get(name) for name in ONE_THREAD}
    os.environ.update(ONE_THREAD)  # read when a process starts; several threads each would only get in the way
    context = get_context("spawn")
    lifeline, here = context.Pipe(duplex=False)  # closes when this process closes it, or is killed
    pool = ProcessPoolExecutor(jobs, mp_context=context, initializer=_end_with, initargs=(lifeline,))
    try:
        yield (future.result() for future in as_completed([pool.submit(run, cell) for cell in cells]))
    finally:
        here.close()
        pool.shutdown(cancel_futures=True)
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})


def _end_with(lifeline: Connection) -> None:
    """A worker of a killed run would wait for work for ever: end it when the other end of the pipe closes."""

    def watch() -> None:
        lifeline.poll(None)
        os._exit(1)

    Thread(target=watch, daemon=True).start()
