"""The cells of the study behind `reports/calibration.csv`, planned, run and resumed; and the real series' windows."""

from __future__ import annotations

import ast
import hashlib
import os
import re
import tomllib
import zlib
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor, as_completed
from contextlib import ExitStack
from dataclasses import dataclass, replace
from fnmatch import fnmatch
from functools import lru_cache, partial
from itertools import product
from multiprocessing import get_context, parent_process
from pathlib import Path
from threading import Thread

import numpy as np
import pandas as pd

from analysis.calibration import study as trials
from analysis.calibration.processes import Process, known_processes
from analysis.calibration.study import ALPHA, Scenario, Trial, simulated_layout, study
from analysis.errors import DesignError
from analysis.estimate import with_week_after
from analysis.expected import Floats
from analysis.pauses import load_pauses, volume_episodes
from analysis.placebo import SALVO_LAG, PlaceboTest, days_since_salvo, heavy_days, shift_ratios
from analysis.record import read_stored, stored_path
from analysis.series import SALVO_MISSILES
from analysis.setting import SIRENS, VOLUME, not_ordinary, salvo_days
from analysis.tables import load_strikes, outcome_series
from analysis.windows import ONE_DAY, Day, Layout, check_counts, lay_out, placebo_starts

FILE, FILE_OF_REAL, COMMAND = "calibration.csv", "placebo_study.csv", "pauses calibrate"
ROOMS = ("expected", "windows", "placebo", "calibration/processes", "calibration/study")
NAME = "{question} | {test} | {process} | {setting} | {length:g} | {cut:g}"  # of a cell
REJECTED = ("rejected", "rejected_lower", "rejected_upper", "rejected_less", "rejected_greater")
RATES = ("answered", *REJECTED, "coverage", "expected_coverage")
MEASURED = ("replicates", *(column for rate in RATES for column in (rate, f"{rate}_se")), "median_ratio")
GEOMETRY = ("before", "length", "after", "cut", "timing", "lag")
COLUMNS = ("question", "test", "process", "setting", *GEOMETRY, *MEASURED, "key")
AXES = {"tests": "", "lags": 0, "lengths": 1, "cuts": 0.0, "surges": 1.0}  # and what holds where a row is silent
TRIALS = {
    "window shift": partial(trials.short, test="shift"),
    "after salvo": partial(trials.short, test="after-salvo"),
    "automatic": partial(trials.short, test="auto"),
    "after quiet": trials.after_quiet,
    "joint, five made up": partial(trials.joint, test="shift"),
    "joint, as in the war": partial(trials.joint, test="auto"),
    "long window": trials.long,
    "mean log": trials.by_mean_log,
    "Poisson": partial(trials.dummy_regression, family="Poisson"),
    "NB-HAC": partial(trials.dummy_regression, family="NB-HAC"),
}
FIVE = ((365, 1), (383, 3), (540, 3), (722, 1), (746, 6))  # first day and length of made-up episodes
HORIZON = 7  # days after a pause
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
COLUMNS_OF_REAL = ("outcome", "length", "test", "quarter", "windows", "lower", "lower_se", "upper", "upper_se")
REAL = {**dict.fromkeys(VOLUME, (1, 3, 4, 7)), SIRENS: (1, 2, 3)}  # lengths of windows
FEWEST_DAYS = 90  # of baseline
BLOCK = 28  # days; windows this far apart have little in common
BOOTSTRAPS = 2000


@dataclass(frozen=True)
class Cell:
    """One row of the study: a question about a test, on a process, in a setting, for windows of a length and a cut."""

    question: str
    test: str
    process: str
    setting: str
    length: int
    cut: float
    source: Process
    scenario: Scenario
    trial: Trial

    @property
    def name(self) -> str:
        return NAME.format(**vars(self))


def read_plan() -> dict:
    return tomllib.loads(Path(__file__).with_name("plan.toml").read_text(encoding="utf-8"))


def planned_cells() -> list[Cell]:
    """All cells in the order of the table."""
    plan, known, places, cells = read_plan(), known_processes(), _places(), []
    for row in plan["cells"]:
        patterns = [name for part in row["processes"] for name in plan["sets"].get(part, [part])]
        names = [name for pattern in patterns for name in known if fnmatch(name, pattern)]
        axes = (row.get(axis, [usual]) for axis, usual in AXES.items())
        for name, test, lag, length, cut, surge in product(names, *axes):
            question, setting = row["question"], row.get("setting", "any day")
            place = places.get(test) or places.get(setting) or {"before": 365} | row.get("layout", {})
            scenario, trial = _set_up(test, lag, length, cut, surge, place)
            source, outcome = known[name]
            scenario = replace(scenario, outcome=outcome, how="scale" if question == "coverage" else "thin")
            if question == "stated cut":
                trial = partial(trials.stated_cut, trial=trial)
            if question == "size" and cut and test.startswith(("joint", "long")):
                question = "power"
            if lag:
                setting = f"{lag} days after a salvo"
            if surge > 1:
                setting += f", {surge:g} times"
            cells.append(Cell(question, test, name, setting, length, cut, source, scenario, trial))
    return cells


def _set_up(
    test: str, lag: int, length: int, cut: float, surge: float, place: Layout | tuple | Mapping
) -> tuple[Scenario, Trial]:
    """Scenario and trial of a cell; `place` is a layout, how to simulate one, or those of episodes."""
    if test.startswith("joint"):
        episodes, n_days = place
        return Scenario(length=1, after=n_days - 366), partial(TRIALS[test], episodes=episodes, cut=cut)
    scenario = Scenario(length=length, cut=cut, timing="random")
    if test == "after quiet":
        first = trials.ORDINARY_DAY + length * ONE_DAY
        layout = simulated_layout(365 + length, HORIZON, announced=length, first_day=first)
        scenario = replace(scenario, after=HORIZON, rebound=(HORIZON, surge))
        return scenario, partial(TRIALS[test], layout=layout, length=length)
    if isinstance(place, Mapping):
        early = place.get("announced", 0)
        scenario = replace(scenario, anticipation=(early, 1.3 if early else 1.0))
        place = simulated_layout(length=length, **place)
    scenario = replace(scenario, before=place.start, after=len(place.days) - place.start - length)
    if lag:
        scenario = replace(scenario, timing="after-salvo", lag=lag)
    return scenario, partial(TRIALS[test], layout=place)


def _places() -> dict:
    """Where windows lie that are not made for one cell, by name: five episodes, and the pauses of the war."""
    registry, series = load_pauses(), outcome_series("drones_launched")
    exclude, pause = not_ordinary(registry), registry["energy-moratorium-2025-03"]
    real = {
        f"place of {episode.id}": lay_out(series, episode.days, exclude=exclude)
        for episode in volume_episodes(registry)
        if episode.days[0] > series.index[0]
    }
    flat = pd.Series(1.0, pd.date_range("2024-03-01", periods=FIVE[-1][0] + 20))
    windows = [flat.index[first : first + length] for first, length in FIVE]
    busy = [day for own in windows for day in with_week_after(own)]
    made_up = [lay_out(flat, own, exclude=busy) for own in windows]
    together = {"joint, five made up": (flat, made_up), "joint, as in the war": (series, list(real.values()))}
    for test, (whole, layouts) in together.items():
        first_days = [int(whole.index.get_loc(layout.days[0])) for layout in layouts]
        real[test] = tuple(zip(first_days, layouts, strict=True)), len(whole)
    moratorium = lay_out(series, pause.days(), announced=pause.announced_days()[0], exclude=exclude)
    return real | {"moratorium of 2025": moratorium}


def calibrate(
    *,
    replicates: int = 2000,
    jobs: int = 1,
    seed: int = 0,
    path: str | Path | None = None,
    only: Sequence[str] = (),
    progress: Callable[[int, int, str], None] | None = None,
    executor: Executor | None = None,
    cells: Sequence[Cell] | None = None,
    ask: Callable[[int], None] | None = None,
) -> pd.DataFrame:
    """Run the study cell by cell and store its table, a row per cell in the order of the plan, as soon as one is done.

    Rows whose cell, parameters and code are unchanged are not computed again, nor those whose name holds no text of
    `only`; the same bytes for any number of `jobs` and any `executor`; `progress` is told done, to do and the name;
    `ask`, before the first, how many there are to do, and may raise.
    """
    path = stored_path(path, FILE)
    cells = planned_cells() if cells is None else cells
    asked = [cell for cell in cells if not only or any(part in cell.name for part in only)]
    if not asked:
        raise DesignError("no such cell", field="only", found=", ".join(only))
    keys = {cell.name: cell_key(cell, replicates=replicates, seed=seed) for cell in cells}
    stored = load_calibration(path).to_dict("records") if path.exists() else []
    rows = {NAME.format(**row): row for row in stored}
    todo = [cell for cell in asked if rows.get(cell.name, {}).get("key") != keys[cell.name]]
    if ask:
        ask(len(todo))

    def table() -> pd.DataFrame:
        return pd.DataFrame([rows[name] for name in keys if name in rows], columns=COLUMNS)

    run = partial(_run, replicates=replicates, seed=seed)
    with ExitStack() as stack:
        if executor is None and jobs > 1 and len(todo) > 1:
            os.environ |= ONE_THREAD  # read when a process starts; several threads each would only get in the way
            executor = ProcessPoolExecutor(jobs, mp_context=get_context("spawn"), initializer=_end_with_parent)
            stack.callback(executor.shutdown, cancel_futures=True)
        waiting = as_completed([executor.submit(run, cell) for cell in todo]) if executor else ()
        finished = (future.result() for future in waiting) if executor else map(run, todo)
        for done, (name, row) in enumerate(finished, start=1):
            rows[name] = row | {"key": keys[name]}
            write_table(table(), path)
            if progress:
                progress(done, len(todo), name)
    return table()


def load_calibration(path: str | Path | None = None) -> pd.DataFrame:
    """Read the stored table, `reports/calibration.csv` by default; a DataError where it is absent or another."""
    return read_stored(stored_path(path, FILE), COLUMNS, command=COMMAND)


def write_table(table: pd.DataFrame, path: Path) -> None:
    """Store a table whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    table.to_csv(part, index=False, lineterminator="\n", float_format="%.6g")
    part.replace(path)


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
    return " ".join(map(_described, value)) if isinstance(value, tuple) else getattr(value, "__name__", repr(value))


@lru_cache(maxsize=1)
def _code() -> str:
    """Digest of the source whose change makes stored rows stale."""
    package = Path(__file__).parents[1]
    return hashlib.sha256("".join(bare_source(package / f"{room}.py") for room in ROOMS).encode()).hexdigest()


def bare_source(path: Path) -> str:
    """The source of a room without what changes no number: comments, docstrings, imports and annotations."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.FunctionDef | ast.ClassDef):
            body = node.body[1:] if ast.get_docstring(node) else node.body
            node.body = [part for part in body if not isinstance(part, ast.Import | ast.ImportFrom)] or [ast.Pass()]
        if isinstance(node, ast.FunctionDef):
            node.returns = None
        if isinstance(node, ast.arg | ast.AnnAssign):
            node.annotation = ast.Name("_")
    return ast.unparse(tree).replace(": _", "")


def _run(cell: Cell, *, replicates: int, seed: int) -> tuple[str, dict[str, object]]:
    """One row; its random numbers depend on the cell's name alone, not on what else is run."""
    own_seed = zlib.crc32(f"{seed} {cell.name}".encode())
    row = study(cell.trial, cell.source, cell.scenario, replicates=replicates, seed=own_seed) | vars(cell)
    return cell.name, {column: row.get(column) for column in COLUMNS}


def _end_with_parent() -> None:
    """A worker of a killed run would wait for work for ever."""
    Thread(target=lambda: os._exit(parent_process().join() or 1), daemon=True).start()


def load_placebo_study(path: str | Path | None = None) -> pd.DataFrame:
    """Read the stored study of the real series, `reports/placebo_study.csv`; raises as `load_calibration`."""
    return read_stored(stored_path(path, FILE_OF_REAL), COLUMNS_OF_REAL, command=COMMAND)


def store_placebo_study(path: str | Path | None = None) -> None:
    """Test windows of drones, missiles and sirens of up to 7 days, and store the shares found; takes half a minute."""
    exclude, tables = not_ordinary(load_pauses()), []
    salvos = salvo_days(load_strikes()["missiles_launched"])
    for outcome, lengths in REAL.items():
        for length in lengths:
            windows = placebo_study(outcome_series(outcome), length, exclude=exclude, salvo_days=salvos)
            tables.append(false_alarms(windows).assign(outcome=outcome, length=length))
    write_table(pd.concat(tables)[list(COLUMNS_OF_REAL)], stored_path(path, FILE_OF_REAL))


def placebo_study(
    counts: pd.Series, length: int, *, exclude: Sequence[Day] = (), salvo_days: Sequence[Day] = ()
) -> pd.DataFrame:
    """Test every window of one length as if it were a pause, with the days before it, at least 90, as its baseline.

    No window of a pause (`exclude`) is among them, so a rejection by window shift (p_) or by the rule in use (auto_) is
    a false alarm, and as each test sees only what was known at the time, none passes by construction.
    """
    counts, rows = check_counts(counts), []
    ordinary = counts.notna() & ~counts.index.isin(pd.DatetimeIndex(exclude))
    for start in placebo_starts(ordinary.to_numpy(), np.ones(length, bool)):
        days = counts.index[start : start + length]
        layout = lay_out(counts[: days[-1]], days, exclude=exclude)
        if layout.baseline.sum() < FEWEST_DAYS:
            continue
        ratio, placebos, _ = shift_ratios(layout, layout.filled, layout.fitted)
        alone = layout.expect(layout.filled, layout.baseline)
        heavy = heavy_days(layout.counts, alone, layout.baseline)
        since = days_since_salvo(heavy | layout.days.isin(pd.DatetimeIndex(salvo_days)))
        lag = since[layout.start]
        unlike = lag <= SALVO_LAG and since[layout.starts] != lag
        tests = PlaceboTest(ratio, placebos), PlaceboTest(ratio, np.where(unlike, np.nan, placebos))
        rows.append((days[0], *(float(p) for test in tests for p in (test.p_lower, test.p_upper))))
    if not rows:
        raise DesignError("no window has enough days before it", field="counts", expected=f"{FEWEST_DAYS} days")
    return pd.DataFrame(rows, columns=["first_day", "p_lower", "p_upper", "auto_lower", "auto_upper"])


def false_alarms(windows: pd.DataFrame) -> pd.DataFrame:
    """Share of windows of `placebo_study` in which each tail was found at 2.5 %, in all and by quarter of their start.

    Errors are from a circular bootstrap of blocks of 28 windows (Politis and Romano 1992): neighbours share days.
    """
    quarters, rows = windows["first_day"].dt.to_period("Q").astype(str), []
    for (test, prefix), quarter in product((("window shift", "p"), ("automatic", "auto")), ("all", *quarters.unique())):
        own = windows if quarter == "all" else windows[quarters == quarter]
        row = {"test": test, "quarter": quarter, "windows": len(own)}
        for tail in ("lower", "upper"):
            found = (own[f"{prefix}_{tail}"] <= ALPHA / 2).to_numpy(float)
            row |= {tail: found.mean(), f"{tail}_se": _block_error(found)}
        rows.append(row)
    return pd.DataFrame(rows)


def _block_error(found: Floats) -> float:
    """Standard error of a mean of neighbours, from resampled blocks on the circle."""
    n, block = len(found), min(BLOCK, len(found))
    total = np.append(0, np.append(found, found).cumsum())
    starts = np.random.default_rng(0).integers(0, n, (BOOTSTRAPS, -(-n // block)))
    return float((total[starts + block] - total[starts]).mean(1).std() / block)
