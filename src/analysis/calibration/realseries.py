"""Every possible window of the real series, each against its own past: how often would a pause have been found?"""

import numpy as np
import pandas as pd

from analysis.errors import DesignError
from analysis.expected import design_matrix, expected_counts, independent_columns
from analysis.pauses import load_pauses
from analysis.placebo import SALVO_LAG, PlaceboTest, days_since_salvo, heavy_days, window_ratios, window_sums
from analysis.setting import VOLUME, not_ordinary, salvo_days
from analysis.tables import load_strikes, outcome_series
from analysis.windows import BASELINE_SHORT, HOLIDAYS_NEEDED, check_counts, placebo_starts

LENGTHS = (1, 3, 4, 7)
FEWEST_DAYS = 90
BLOCK = 28  # days; windows this far apart have little in common
BOOTSTRAPS = 2000


def study_real_series():
    """Run `placebo_study` on drones and missiles for windows of 1, 3, 4 and 7 days.

    Returns
    -------
    DataFrame
        Columns outcome, length and those of `false_alarms`.
    """
    exclude = not_ordinary(load_pauses())
    salvos = salvo_days(load_strikes()["missiles_launched"])
    tables = []
    for outcome in VOLUME:
        series = outcome_series(outcome)
        for length in LENGTHS:
            found = false_alarms(placebo_study(series, length, exclude=exclude, salvo_days=salvos))
            found.insert(0, "outcome", outcome)
            found.insert(1, "length", length)
            tables.append(found)
    return pd.concat(tables, ignore_index=True)


def placebo_study(counts, length, *, exclude=(), salvo_days=(), baseline=BASELINE_SHORT):
    """Test every window of one length as if it were a pause, with the days before it as its baseline.

    No window of a pause is among them, so a rejection is a false alarm. Each test sees only what was known at
    the time, so nothing here passes by construction.

    Parameters
    ----------
    counts : Series of counts by day, NaN = no report
    length : int
    exclude : sequence of days
        Neither tested nor baseline: pauses, announcements, the week after.
    salvo_days : sequence of days
        For the rule that compares windows right after a salvo with others right after one.
    baseline : int
        Days before a window that serve; 90 of them there must be.

    Returns
    -------
    DataFrame, one row per window
        Columns first_day; p_lower and p_upper of window shift; auto_lower and auto_upper of the rule for tests.

    Raises
    ------
    DesignError
        No window has enough days before it.

    Examples
    --------
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
    return pd.DataFrame(
        {
            "first_day": days[starts], "p_lower": shift.p_lower, "p_upper": shift.p_upper,
            "auto_lower": auto.p_lower, "auto_upper": auto.p_upper,
        }
    )  # fmt: skip


def _expected(days, values, past, fitted):
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


def false_alarms(windows, *, level=0.95, seed=0):
    """Share of windows in which each tail was found, in all and by quarter of their first day.

    Parameters
    ----------
    windows : DataFrame
        As from `placebo_study`.
    level : float
    seed : int
        For the circular bootstrap of blocks of 28 windows (Politis and Romano 1992): neighbours share days.

    Returns
    -------
    DataFrame
        Columns test, quarter ("all" first), windows, and lower and upper with lower_se and upper_se.

    Examples
    --------
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


def _block_error(found, seed):
    """Standard error of a mean of neighbours, from resampled blocks on the circle."""
    n, block = len(found), min(BLOCK, len(found))
    total = np.append(0, np.append(found, found).cumsum())
    starts = np.random.default_rng(seed).integers(0, n, (BOOTSTRAPS, -(-n // block)))
    return float((total[starts + block] - total[starts]).mean(1).std() / block)
