"""Which days of a series are the window, which the baseline, and which neither."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from analysis.days import Day, as_day, as_days, iso_span
from analysis.errors import DesignError
from analysis.expected import Bools, Floats, Ints, design_matrix, expected_counts, independent_columns
from analysis.series import Label

SHORT_WINDOW = 13  # days; longer windows need a flexible trend and a baseline on both sides
BASELINE_SHORT = 365
BASELINE_LONG = 700
AFTER_LONG = 365
RECOVERY_SHORT = 7  # days after a pause that are no baseline: a surge may follow
RECOVERY_LONG = 14
HOLIDAYS_NEEDED = 8  # with fewer, a truce on a holiday would explain itself
SHOWN_AFTER = 21
CENTURY = 36_525  # days
SMALLEST, LARGEST = 1e-9, 1e15  # counts, but for 0; further out floating point has no digits left to compare
ONE_DAY = pd.Timedelta(days=1)
COUNTS_REMEDIES = {
    "DataFrame": "take one column, as in frame['count']",
    "PeriodIndex": "counts.index = counts.index.to_timestamp()",
    "Index": "make dates of text: counts.index = pd.to_datetime(counts.index)",
}

Holidays = bool | Iterable[Day] | Mapping[Day, str] | None


@dataclass(frozen=True)
class Layout:
    """One daily series cut into its parts; all arrays run over the same n consecutive days."""

    days: pd.DatetimeIndex
    counts: Floats  # NaN where there is no report
    X: Floats  # (n, p), the regressors of the null model
    baseline: Bools  # reported days that may serve as reference and as placebo
    start: int  # position of the window's first day
    pattern: Bools  # (L,), which days of the window have a report
    leave_out: bool = False  # windows are predicted from a fit without them
    notes: tuple[str, ...] = ()  # what had to be left out of the model
    exposure: Floats | None = None  # what expected counts are proportional to
    label: Label | None = None  # what is counted in a series that is not of this project

    @property
    def event(self) -> str:
        """What the window was."""
        return self.label.event if self.label else "pause"

    @property
    def advice(self) -> str:
        """What to do about too few windows, for those who choose their own baseline."""
        return " (a longer baseline= may hold more)" if self.label else ""

    @property
    def window(self) -> Bools:
        """All days of the window, reported or not."""
        inside = np.zeros(len(self.days), bool)
        inside[self.start : self.start + len(self.pattern)] = True
        return inside

    @property
    def fitted(self) -> Bools:
        """Days the null model is fitted to; a level alone ranks windows alike with or without the tested one."""
        apart = self.leave_out or (self.exposure is not None and self.X.shape[1] == 1)
        return self.baseline if apart else self.baseline | (self.window & ~np.isnan(self.counts))

    @property
    def filled(self) -> Floats:
        """Counts with 0 where there is no report; such days never enter a fit or a sum."""
        return np.nan_to_num(self.counts)

    @property
    def starts(self) -> Ints:
        """Positions of all placebo windows."""
        return placebo_starts(self.baseline, self.pattern)

    def expect(self, counts: Floats, days: Bools) -> Floats:
        """Expected counts of every day by a fit to `days`, for one series (n,) or many (m, n)."""
        offset = None if self.exposure is None else np.log(np.where(self.exposure > 0, self.exposure, 1.0))
        return expected_counts(self.X, counts, weights=days.astype(float), offset=offset)


def lay_out(
    counts: pd.Series,
    days: pd.DatetimeIndex,
    *,
    exposure: pd.Series | None = None,
    covariates: pd.DataFrame | None = None,
    baseline: int | tuple[Day, Day] | None = None,
    first_day: Day | None = None,
    exclude: Sequence[Day] = (),
    announced: Day | None = None,
    trend: str = "auto",
    weekday: bool = True,
    holidays: Holidays = None,
    label: Label | None = None,
) -> Layout:
    """Cut a daily series into window, baseline and excluded days; options as in `analysis.estimate_effect`."""
    counts, days = check_counts(counts), check_window(days)
    if exposure is not None:
        exposure = check_counts(exposure).reindex(counts.index)
        counts = counts.where(exposure > 0)
    if first_day is not None:
        counts = counts[counts.index >= as_day(first_day, "first_day")]
    long_window = len(days) > SHORT_WINDOW
    if trend == "auto":
        trend = "spline" if long_window else "linear"
    first, last = _baseline_span(baseline, days, long_window)
    shown_last = max(last, days[-1] + SHOWN_AFTER * ONE_DAY)
    if len(counts):
        first = max(first, counts.index[0])
        shown_last = max(min(shown_last, counts.index[-1]), days[-1])
    every_day = pd.date_range(min(first, days[0]), shown_last, name="day")
    values = counts.reindex(every_day).to_numpy(float)

    recovery = RECOVERY_LONG if long_window else RECOVERY_SHORT
    position = np.arange(len(every_day))
    start = int(every_day.get_loc(days[0]))
    near = (position >= start) & (position < start + len(days) + recovery)
    if announced is not None:
        near |= (every_day >= as_day(announced, "announced")) & (position < start)
    reference = (every_day >= first) & (every_day <= last) & ~np.isnan(values) & ~near
    reference &= ~every_day.isin(as_days(exclude, "exclude"))

    design = design_matrix(
        every_day, trend=trend, weekday=weekday, holidays=holiday_days(holidays, every_day, ours=label is None),
        covariates=covariates, fitted=reference,
    )  # fmt: skip
    notes = []
    if "holiday" in design and design.loc[reference, "holiday"].sum() < HOLIDAYS_NEEDED:
        design = design.drop(columns="holiday")
        notes.append("too few holidays in the baseline for a holiday term")
    X, dropped = independent_columns(design, reference | near)
    notes += [f"{name} repeats other terms and was left out" for name in dropped]
    return Layout(
        days=every_day,
        counts=values,
        X=X,
        baseline=reference,
        start=start,
        pattern=~np.isnan(values[start : start + len(days)]),
        leave_out=trend == "spline",
        notes=tuple(notes),
        exposure=None if exposure is None else exposure.reindex(every_day).to_numpy(float),
        label=label,
    )


def check_counts(counts: pd.Series) -> pd.Series:
    """Refuse, by a DesignError, a series the tests cannot read; return it as floats."""
    index = getattr(counts, "index", None)
    if not isinstance(counts, pd.Series) or not isinstance(index, pd.DatetimeIndex):
        kind = type(counts if not isinstance(counts, pd.Series) else index).__name__
        remedy = "set the column of dates as index, as in frame.set_index('day')['count']"
        remedy = COUNTS_REMEDIES.get(kind, remedy)
        problem = "counts must be a Series indexed by day"
        raise DesignError(problem, field="counts", expected="dates as index", found=kind, remedy=remedy)
    name = str(counts.name or "counts")
    if index.hasnans:
        raise DesignError("days without a date", field=name, found=f"{int(index.isna().sum())}", remedy="drop them")
    if index.tz is not None or (index != index.normalize()).any():
        remedy = "add up by day: counts.groupby(counts.index.tz_localize(None).normalize()).sum()"
        problem, found = "days carry a time zone or hours", f"{index[0]} ({index.tz})"
        raise DesignError(problem, field=name, expected="plain dates", found=found, remedy=remedy)
    if not index.is_monotonic_increasing or not index.is_unique:
        remedy = "counts.sort_index(), and one row a day: counts.groupby(level=0).sum()"
        expected = "each day once, in order"
        raise DesignError("days are unsorted or repeated", field=name, expected=expected, remedy=remedy)
    needed = (index[-1] - index[0]).days + 1 if len(index) else 0
    if len(index) != needed:
        problem, remedy = (
            "days are missing from the index",
            "counts.asfreq('D') adds them; leave missing reports empty, not 0",
        )
        raise DesignError(problem, field=name, expected=f"{needed} days", found=f"{len(index)}", remedy=remedy)
    for edge in index[[0, -1]] if len(index) else ():
        as_day(edge, name)
    numbers = counts if counts.dtype.kind not in "cmM" else counts.astype(str)  # no dates, no complex numbers
    values = pd.to_numeric(numbers, errors="coerce")
    wrong = (values.isna() & counts.notna()) | ~((values == 0) | values.between(SMALLEST, LARGEST) | values.isna())
    if wrong.any():
        rows, found = [int(i) + 1 for i in np.flatnonzero(wrong)], ", ".join(map(str, counts[wrong].head(3)))
        expected = f"0, or a number from {SMALLEST:g} to {LARGEST:g}"
        remedy, problem = (
            "correct them, leave them empty, or count in another unit",
            "counts are not numbers of 0 or more",
        )
        raise DesignError(problem, field=name, rows=rows, expected=expected, found=found, remedy=remedy)
    return values.astype(float)


def check_window(days: pd.DatetimeIndex) -> pd.DatetimeIndex:
    """Refuse, by a DesignError, anything but one run of consecutive days; return it as plain dates."""
    remedy = "pd.date_range(first, last) makes the days from first to last"
    try:
        run = as_days(None if isinstance(days, str) else days, "days")
    except (TypeError, DesignError) as error:
        expected, found = "all days of the window", " ".join(f"{type(days).__name__} {days!r:.40}".split())
        raise DesignError("not days", field="days", expected=expected, found=found, remedy=remedy) from error
    if len(run) == 0 or (np.diff(run) != ONE_DAY).any():
        problem, found = "the window has no day", "none"
        if len(run):
            problem, found = "days are not one window", f"{len(run)} dates {iso_span(run.min(), run.max())}"
            remedy += "; test each window on its own, or several with estimate_joint()"
        expected = "consecutive plain dates in order"
        raise DesignError(problem, field="days", expected=expected, found=found, remedy=remedy)
    return pd.date_range(run[0], run[-1], name=getattr(days, "name", None))


def days_between(first: Day, last: Day) -> pd.DatetimeIndex:
    """Return the days from first to last.

    Parameters
    ----------
    first, last : date, or text as YYYY-MM-DD

    Raises
    ------
    DesignError
        No dates, or the last before the first.
    """
    start, end = as_day(first, "first"), as_day(last, "last")
    if end < start:
        problem = "the last day is before the first"
        raise DesignError(problem, field="last", expected=f"{first} or later", found=str(last))
    return pd.date_range(start, end, name="day")


def holiday_days(given: Holidays, days: pd.DatetimeIndex, *, ours: bool) -> bool | pd.DatetimeIndex:
    """Which of some days are holidays; True: those of Russia and Ukraine, the default for `ours` and for no other."""
    if given is None:
        return ours
    if given is False or (given is True and ours):
        return given
    if isinstance(given, bool | str) or not isinstance(given, Iterable):
        expected = "dates, as a list, or a mapping from dates"
        whose = "whose holidays? True stands for those of Russia and Ukraine" if given is True else "not holidays"
        remedy = "list the dates that matter to this series, or leave holidays out"
        raise DesignError(whose, field="holidays", expected=expected, found=f"{given!r:.60}", remedy=remedy)
    found = [day for day in days if isinstance(given, Mapping) and day.date() in given]  # some fill as they are asked
    return pd.DatetimeIndex([*found, *as_days(given, "holidays")])


def _baseline_span(
    baseline: int | tuple[Day, Day] | None, days: pd.DatetimeIndex, long_window: bool
) -> tuple[pd.Timestamp, pd.Timestamp]:
    if isinstance(baseline, tuple | list) and len(baseline) == 2:
        first, last = (as_day(day, "baseline") for day in baseline)
        if first > last:
            raise DesignError("the baseline ends before it starts", field="baseline", found=f"{first} to {last}")
        return first, last
    if baseline is None:
        baseline = BASELINE_LONG if long_window else BASELINE_SHORT
    after = AFTER_LONG if long_window else 0
    before = check_length(baseline, "baseline", "a number of days or (first, last)")
    return days[0] - before * ONE_DAY, days[-1] + after * ONE_DAY


def check_length(n_days: int, field: str, expected: str = "a number of days") -> int:
    """Refuse, by a DesignError, what is no number of days from 1 to a century."""
    if not isinstance(n_days, int | np.integer) or isinstance(n_days, bool) or not 1 <= n_days <= CENTURY:
        raise DesignError(f"not a {field}", field=field, expected=expected, found=f"{n_days!r:.60}")
    return int(n_days)


def placebo_starts(eligible: Bools, pattern: Bools) -> Ints:
    """Positions where a window fits: every day that counts is eligible; windows do not wrap.

    >>> placebo_starts(np.array([True, True, False, True, True]), np.array([True, True])).tolist()
    [0, 3]
    """
    if not pattern.any() or len(pattern) > len(eligible):
        return np.zeros(0, int)
    windows = np.lib.stride_tricks.sliding_window_view(eligible, len(pattern))
    return np.flatnonzero(windows[:, pattern].all(axis=1))
