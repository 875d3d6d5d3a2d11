"""Every possible window of the real series, each against its own past: how often would a pause have been found?"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from analysis.calibration.cells import COMMAND, write_table
from analysis.calibration.reading import percent
from analysis.errors import DesignError
from analysis.expected import Bools, Floats, design_matrix, expected_counts, independent_columns
from analysis.figures import EXPECTED, PAUSE, SEEN, finish, new_axes
from analysis.pauses import load_pauses
from analysis.placebo import SALVO_LAG, PlaceboTest, days_since_salvo, heavy_days, window_ratios, window_sums
from analysis.record import read_stored, stored_path
from analysis.setting import SIRENS, VOLUME, not_ordinary, salvo_days
from analysis.tables import load_strikes, outcome_series
from analysis.windows import BASELINE_SHORT, HOLIDAYS_NEEDED, Day, check_counts, placebo_starts
from analysis.words import capital, days_text, listed, outcome_label

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FILE = "placebo_study.csv"
COLUMNS = ("outcome", "length", "test", "quarter", "windows", "lower", "lower_se", "upper", "upper_se")
LENGTHS, LENGTHS_OF_SIRENS = (1, 3, 4, 7), (1, 2, 3)
FEWEST_DAYS = 90
BLOCK = 28  # days; windows this far apart have little in common
BOOTSTRAPS = 2000


def load_placebo_study(path: str | Path | None = None) -> pd.DataFrame:
    """Read the stored study of the real series, `reports/placebo_study.csv`; raises as `load_calibration`."""
    return read_stored(stored_path(path, FILE), COLUMNS, command=COMMAND)


def store_placebo_study(path: str | Path | None = None) -> pd.DataFrame:
    """Test windows of drones, missiles and sirens of up to 7 days, and store the shares found; takes seconds."""
    exclude = not_ordinary(load_pauses())
    salvos = salvo_days(load_strikes()["missiles_launched"])
    tables = []
    for outcome, lengths in [*((name, LENGTHS) for name in VOLUME), (SIRENS, LENGTHS_OF_SIRENS)]:
        series = outcome_series(outcome)
        for length in lengths:
            found = false_alarms(placebo_study(series, length, exclude=exclude, salvo_days=salvos))
            found.insert(0, "outcome", outcome)
            found.insert(1, "length", length)
            tables.append(found)
    found = pd.concat(tables, ignore_index=True)
    write_table(found, stored_path(path, FILE))
    return found


def placebo_study(
    counts: pd.Series,
    length: int,
    *,
    exclude: Sequence[Day] = (),
    salvo_days: Sequence[Day] = (),
    baseline: int = BASELINE_SHORT,
) -> pd.DataFrame:
    """Test every window of one length as if it were a pause, with the days before it, at least 90, as its baseline.

    No window of a pause (`exclude`) is among them, so a rejection is a false alarm. Each test sees only what was known
    at the time, so nothing here passes by construction. p_lower and p_upper are those of window shift, auto_lower and
    auto_upper those of the rule that compares windows right after a salvo with others right after one.

    >>> days = pd.date_range("2025-01-01", periods=200)
    >>> steady = pd.Series(np.random.default_rng(1).poisson(100, 200), index=days)
    >>> len(placebo_study(steady, 3))
    108
    """
    counts = check_counts(counts)
    days, pattern = counts.index, np.ones(length, bool)
    ordinary = counts.notna().to_numpy() & ~days.isin(pd.DatetimeIndex(exclude))
    starts = placebo_starts(ordinary, pattern)
    ago = starts[:, None] - np.arange(len(days))
    past = ordinary & (ago > 0) & (ago <= baseline)
    enough = past.sum(1) >= FEWEST_DAYS
    starts, ago, past = starts[enough], ago[enough], past[enough]
    if len(starts) == 0:
        raise DesignError("no window has enough days before it", field="counts", expected=f"{FEWEST_DAYS} days")

    values = np.nan_to_num(counts.to_numpy())
    fitted = past | ((ago <= 0) & (ago > -length))
    expected = _expected(days, values, past, fitted)
    every = np.arange(len(days) - length + 1)
    ratios = window_ratios(values, expected, every, pattern)
    own = ratios[np.arange(len(starts)), starts]
    inside = window_sums(past.astype(int), every, pattern) == length
    shift = PlaceboTest(own, np.where(inside, ratios, np.nan))

    heavy = heavy_days(counts.to_numpy(), _expected(days, values, past, past), past)
    salvo = heavy | days.isin(pd.DatetimeIndex(salvo_days))
    since = days_since_salvo(salvo & (ago <= baseline))
    lag = since[np.arange(len(starts)), starts][:, None]
    alike = inside & ((since[:, every] == lag) | ~(lag <= SALVO_LAG))
    auto = PlaceboTest(own, np.where(alike, ratios, np.nan))
    tails = {"p_lower": shift.p_lower, "p_upper": shift.p_upper}
    return pd.DataFrame({"first_day": days[starts], **tails, "auto_lower": auto.p_lower, "auto_upper": auto.p_upper})


def _expected(days: pd.DatetimeIndex, values: Floats, past: Bools, fitted: Bools) -> Floats:
    """Null fits of all windows; with a term for holidays where the past holds enough of them."""
    design = design_matrix(days)
    enough = past @ design["holiday"].to_numpy() >= HOLIDAYS_NEEDED
    expected = np.empty(fitted.shape)
    for with_term, rows in ((True, enough), (False, ~enough)):
        if rows.any():
            kept = design if with_term else design.drop(columns="holiday")
            X, _ = independent_columns(kept, np.ones(len(days), bool))
            expected[rows], _ = expected_counts(X, values, weights=fitted[rows].astype(float))
    return expected


def false_alarms(windows: pd.DataFrame, *, level: float = 0.95, seed: int = 0) -> pd.DataFrame:
    """Share of windows of `placebo_study` in which each tail was found, in all and by quarter of their first day.

    Standard errors are from a circular bootstrap of blocks of 28 windows (Politis and Romano 1992): neighbours share
    days.

    >>> windows = pd.DataFrame({"first_day": pd.date_range("2025-01-01", periods=100), "p_lower": 0.01, "p_upper": 1.0,
    ...                         "auto_lower": 0.5, "auto_upper": 0.5})
    >>> false_alarms(windows)[["test", "quarter", "windows", "lower"]].values.tolist()[:2]
    [['window shift', 'all', 100, 1.0], ['window shift', '2025Q1', 90, 1.0]]
    """
    share = (1 - level) / 2 + 1e-12
    quarters = windows["first_day"].dt.to_period("Q").astype(str)
    rows = []
    for test, prefix in (("window shift", "p"), ("automatic", "auto")):
        for quarter in ("all", *quarters.unique()):
            own = windows if quarter == "all" else windows[quarters == quarter]
            row = {"test": test, "quarter": quarter, "windows": len(own)}
            for tail in ("lower", "upper"):
                found = (own[f"{prefix}_{tail}"] <= share).to_numpy(float)
                row |= {tail: found.mean(), f"{tail}_se": _block_error(found, seed)}
            rows.append(row)
    return pd.DataFrame(rows)


def _block_error(found: Floats, seed: int) -> float:
    """Standard error of a mean of neighbours, from resampled blocks on the circle."""
    n, block = len(found), min(BLOCK, len(found))
    total = np.append(0, np.append(found, found).cumsum())
    starts = np.random.default_rng(seed).integers(0, n, (BOOTSTRAPS, -(-n // block)))
    return float((total[starts + block] - total[starts]).mean(1).std() / block)


def describe_quarters(real: pd.DataFrame) -> str:
    """In which quarter most falls in drones over a week were found where there was no pause, in a sentence."""
    outcome, length = "drones_launched", 7
    own = real.query("outcome == @outcome and length == @length and test == 'automatic' and quarter != 'all'")
    worst = own.loc[own["lower"].idxmax()]
    return (
        f"By the rule in use, {outcome_label(outcome)} over {days_text(length)}: most falls in {worst['quarter']}, "
        f"{percent(worst['lower'])} of {worst['windows']:.0f} windows, where 2.5% are asked for."
    )


def describe_real(real: pd.DataFrame) -> str:
    """How often windows of the real series that are no pause were called one, in a sentence per outcome."""
    sentences = []
    for outcome, own in real[(real["quarter"] == "all") & (real["test"] == "window shift")].groupby("outcome"):
        parts = [
            f"{days} d: {percent(row['lower'])} ± {100 * row['lower_se']:.1f} and {percent(row['upper'])} ± "
            f"{100 * row['upper_se']:.1f}"
            for days, row in own.set_index("length").iterrows()
        ]
        label = capital(outcome_label(outcome))
        sentences.append(f"{label}, falls and rises found, 2.5% asked for each: {'; '.join(parts)}.")
    return " ".join(sentences)


def draw_real(study: pd.DataFrame, *, outcome: str, ax: Axes | None = None) -> Axes:
    """Falls and rises found in windows that are no pause, by quarter and length."""
    import seaborn as sns

    own = _quarters(study, outcome)
    tidy = own.melt(["quarter", "length"], ["lower", "upper"], var_name="tail", value_name="share")
    ax = new_axes(ax)
    ax.axhline(2.5, color=EXPECTED, lw=3, alpha=0.5)
    sns.pointplot(
        tidy.assign(share=100 * tidy["share"], tail=tidy["tail"].map({"lower": "falls", "upper": "rises"})),
        x="quarter", y="share", hue="tail", palette={"falls": SEEN, "rises": PAUSE}, errorbar=("pi", 100), dodge=0.3,
        linestyle="none", markersize=4, err_kws={"linewidth": 1}, ax=ax,
    )  # fmt: skip
    ax.legend(title="", frameon=False, fontsize=8.5)
    ax.tick_params(axis="x", labelsize=8)
    ax.set(xlabel="", ylabel="found in per cent of windows")
    note = f"Grey: the 2.5 per cent asked for. Dot and bar: mean and range over {_lengths(own)}."
    return finish(ax, title=capital(outcome_label(outcome)), caption=note)


def describe_real_quarters(study: pd.DataFrame, *, outcome: str) -> str:
    """Alternative text for `draw_real`: what its dots and bars show, quarter by quarter."""
    own = _quarters(study, outcome)
    parts = [
        f"{quarter} falls {_mean_and_range(rows['lower'])}, rises {_mean_and_range(rows['upper'])}"
        for quarter, rows in own.groupby("quarter")
    ]
    lead = f"{capital(outcome_label(outcome))}, falls and rises found in windows that are no pause, by quarter"
    return f"{lead}; mean and range over {_lengths(own)}. {'; '.join(parts)}."


def _quarters(study: pd.DataFrame, outcome: str) -> pd.DataFrame:
    """The cells of the picture of real series."""
    return study.query("outcome == @outcome and test == 'window shift' and quarter != 'all'")


def _lengths(own: pd.DataFrame) -> str:
    *first, last = sorted(own["length"].unique())
    return listed([*map(str, first), days_text(last)])


def _mean_and_range(shares: pd.Series) -> str:
    ends = " to ".join(dict.fromkeys(percent(end) for end in (shares.min(), shares.max())))
    return f"{percent(shares.mean())} ({ends})" if " to " in ends else ends
