"""Which days are the window, which the baseline, and which neither."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from analysis.errors import DesignError
from analysis.nullmodel import design_matrix, independent_columns
from analysis.placebo import placebo_starts

SHORT_WINDOW = 13  # days; longer windows need a flexible trend and a baseline on both sides
BASELINE_SHORT = 365
BASELINE_LONG = 700
AFTER_LONG = 365
RECOVERY_SHORT = 7  # days after a pause that are no baseline: a surge may follow
RECOVERY_LONG = 14
HOLIDAYS_NEEDED = 8  # with fewer, a truce on a holiday would explain itself
SHOWN_AFTER = 21
ONE_DAY = pd.Timedelta(days=1)


@dataclass(frozen=True)
class Layout:
    """One daily series cut into its parts; all arrays run over the same n consecutive days.

    Attributes
    ----------
    days : DatetimeIndex of n days
    counts : (n,) array, NaN where there is no report
    X : (n, p) array
        Regressors of the null model.
    baseline : (n,) boolean array
        Reported days that may serve as reference and as placebo.
    start : int
        Position of the window's first day.
    pattern : (L,) boolean array
        Days of the window with a report.
    leave_out : bool
        Whether windows are predicted from a fit without them.
    n_after : int
        Baseline days after the window.
    notes : tuple of str
        What had to be left out of the model, in words.
    """

    days: pd.DatetimeIndex
    counts: np.ndarray
    X: np.ndarray
    baseline: np.ndarray
    start: int
    pattern: np.ndarray
    leave_out: bool
    n_after: int
    notes: tuple[str, ...]

    @property
    def window(self):
        """(n,) boolean array: all days of the window, reported or not."""
        inside = np.zeros(len(self.days), bool)
        inside[self.start : self.start + len(self.pattern)] = True
        return inside

    @property
    def fitted(self):
        """(n,) boolean array: days the null model is fitted to."""
        return self.baseline if self.leave_out else self.baseline | (self.window & ~np.isnan(self.counts))

    @property
    def filled(self):
        """Counts with 0 where there is no report; such days never enter a fit or a sum."""
        return np.nan_to_num(self.counts)

    @property
    def starts(self):
        """Positions of all placebo windows."""
        return placebo_starts(self.baseline, self.pattern)


def lay_out(
    counts,
    days,
    *,
    covariates=None,
    baseline=None,
    first_day=None,
    exclude=(),
    announced=None,
    trend="auto",
    weekday=True,
    holidays=True,
):
    """Cut a daily series into window, baseline and excluded days.

    Parameters
    ----------
    counts : Series of non-negative numbers, NaN = no report
        Indexed by consecutive days without time zone.
    days : DatetimeIndex
        One window: consecutive days. Days past the end of the series count as not reported.
    covariates : DataFrame, optional
    baseline : int or (first, last), optional
        Days before the window (365, or 700 for windows of 14 days and more, which also use up to 365 days
        after), or explicit first and last day, which may lie past the window.
    first_day : date, optional
        First usable day of the series.
    exclude : sequence of days
        Neither baseline nor placebo, such as other pauses.
    announced : date, optional
        Days from the announcement to the window are excluded too.
    trend : {"auto", "linear", "spline", "constant"}
    weekday, holidays : bool

    Returns
    -------
    Layout

    Raises
    ------
    DesignError
        The series, the window or an option does not make sense.
    """
    counts, days = check_counts(counts), check_window(days)
    if first_day is not None:
        counts = counts[counts.index >= _date(first_day, "first_day")]
    long_window = len(days) > SHORT_WINDOW
    if trend == "auto":
        trend = "spline" if long_window else "linear"
    first, last = _baseline_span(baseline, days, long_window)
    if len(counts):
        first = max(first, counts.index[0])
    shown_last = max(last, days[-1] + SHOWN_AFTER * ONE_DAY)
    if len(counts):
        shown_last = max(min(shown_last, counts.index[-1]), days[-1])
    every_day = pd.date_range(min(first, days[0]), shown_last, name="day")
    values = counts.reindex(every_day).to_numpy(float)

    recovery = RECOVERY_LONG if long_window else RECOVERY_SHORT
    position = np.arange(len(every_day))
    start = every_day.get_loc(days[0])
    near = (position >= start) & (position < start + len(days) + recovery)
    if announced is not None:
        near |= (every_day >= _date(announced, "announced")) & (position < start)
    reference = (every_day >= first) & (every_day <= last) & ~np.isnan(values) & ~near
    reference &= ~every_day.isin([_date(day, "exclude") for day in exclude])

    X, notes = _regressors(every_day, reference, near, trend, weekday, holidays, covariates)
    return Layout(
        days=every_day,
        counts=values,
        X=X,
        baseline=reference,
        start=int(start),
        pattern=~np.isnan(values[start : start + len(days)]),
        leave_out=trend == "spline",
        n_after=int(reference[start + len(days) :].sum()),
        notes=notes,
    )


def check_counts(counts):
    """Refuse, by a DesignError, a series the tests cannot read; return it as floats."""
    if not isinstance(counts, pd.Series) or not isinstance(counts.index, pd.DatetimeIndex):
        raise DesignError("counts must be a Series indexed by day", field="counts", found=type(counts).__name__)
    index, name = counts.index, str(counts.name or "counts")
    if index.tz is not None or (index != index.normalize()).any():
        raise DesignError(
            "days carry a time zone or hours", field=name, expected="plain dates", found=f"{index[0]} ({index.tz})",
            remedy="map moments to strike days with strike_day() first",
        )  # fmt: skip
    if not index.is_monotonic_increasing or not index.is_unique:
        raise DesignError("days are unsorted or repeated", field=name, expected="each day once, in order")
    if len(index) and len(index) != (index[-1] - index[0]).days + 1:
        raise DesignError(
            "days are missing from the index", field=name, expected=f"{(index[-1] - index[0]).days + 1} days",
            found=f"{len(index)}", remedy="reindex to all days and leave missing reports empty, not 0",
        )  # fmt: skip
    values = pd.to_numeric(counts, errors="coerce")
    wrong = (values.isna() & counts.notna()) | (values < 0) | np.isinf(values)
    if wrong.any():
        raise DesignError(
            "counts are not numbers of 0 or more", field=name, rows=[int(i) + 1 for i in np.flatnonzero(wrong)],
            found=", ".join(str(v) for v in counts[wrong].head(3)), remedy="correct them or leave them empty",
        )  # fmt: skip
    return values.astype(float)


def check_window(days):
    """Refuse, by a DesignError, anything but one run of consecutive days; return it as plain dates."""
    days = pd.DatetimeIndex(days)
    if len(days) == 0 or days.isna().any():
        raise DesignError("the window has no day, or a day without a date", field="days", expected="strike days")
    if days.tz is not None or (len(days) > 1 and not (np.diff(days.to_numpy()) == np.timedelta64(1, "D")).all()):
        raise DesignError(
            "days are not one window", field="days", expected="consecutive plain dates in order",
            found=f"{len(days)} days from {days.min():%Y-%m-%d} to {days.max():%Y-%m-%d}",
            remedy="test each window on its own, or several with estimate_joint()",
        )  # fmt: skip
    return days.normalize()


def _date(value, field):
    try:
        day = pd.Timestamp(value)
    except (TypeError, ValueError):
        day = pd.NaT
    if day is pd.NaT or day.tz is not None:
        raise DesignError("not a day", field=field, expected="a date without time zone", found=repr(value))
    return day.normalize()


def _baseline_span(baseline, days, long_window):
    if isinstance(baseline, tuple | list) and len(baseline) == 2:
        first, last = (_date(day, "baseline") for day in baseline)
        if first > last:
            raise DesignError("the baseline ends before it starts", field="baseline", found=f"{first} to {last}")
        return first, last
    if baseline is None:
        baseline = BASELINE_LONG if long_window else BASELINE_SHORT
    if not isinstance(baseline, int | np.integer) or isinstance(baseline, bool) or baseline < 1:
        raise DesignError(
            "not a baseline",
            field="baseline",
            expected="a number of days or (first, last)",
            found=repr(baseline),
        )
    after = AFTER_LONG if long_window else 0
    return days[0] - int(baseline) * ONE_DAY, days[-1] + after * ONE_DAY


def _regressors(every_day, reference, near, trend, weekday, holidays, covariates):
    design = design_matrix(
        every_day, trend=trend, weekday=weekday, holidays=holidays, covariates=covariates, fitted=reference
    )
    notes = []
    if holidays and design.loc[reference, "holiday"].sum() < HOLIDAYS_NEEDED:
        design = design.drop(columns="holiday")
        notes.append("too few holidays in the baseline for a holiday term")
    X, dropped = independent_columns(design, reference | near)
    notes += [f"{name} repeats other terms and was left out" for name in dropped]
    return X, tuple(notes)
