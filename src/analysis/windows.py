"""Which days are the window, which the baseline; and how unusual is this window among all windows of its length?

Everything about placebo windows works on arrays whose last axis runs over days or windows, so one series and two
thousand simulated ones take the same path. Nothing is assumed about the distribution of counts.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from analysis.errors import DesignError
from analysis.expected import design_matrix, expected_counts, independent_columns

ALTERNATIVES = ("two-sided", "less", "greater")
POWER = 0.8
SALVO_QUANTILE = 0.85
FEWEST_BESIDE = 40  # days, half a spline term: nearer to an end, a trend is extrapolated rather than bridged
FIRST_ORDER = 3.0  # larger ratios are moved as this one is: beyond, the expansion overshoots
TIE = 1e-9  # ratios closer than this, relatively, are equal


def window_sums(values, starts, pattern):
    """Sum `values` over windows.

    Parameters
    ----------
    values : (..., n) array
    starts : (M,) integer array
        Position of each window's first day.
    pattern : (L,) boolean array
        Which days of a window count; a day missing in the tested window is masked in all.

    Returns
    -------
    (..., M) array

    Examples
    --------
    >>> window_sums(np.array([1, 2, 3, 4]), np.array([0, 1]), np.array([True, False, True])).tolist()
    [4, 6]
    """
    if pattern.all():
        total = np.concatenate([np.zeros((*values.shape[:-1], 1), values.dtype), values.cumsum(-1)], axis=-1)
        return total[..., starts + len(pattern)] - total[..., starts]
    return values[..., np.asarray(starts)[:, None] + np.flatnonzero(pattern)].sum(-1)


def placebo_starts(eligible, pattern):
    """Positions where a window fits: every day that counts is eligible; windows do not wrap.

    Examples
    --------
    >>> placebo_starts(np.array([True, True, False, True, True]), np.array([True, True])).tolist()
    [0, 3]
    """
    if not pattern.any() or len(pattern) > len(eligible):
        return np.zeros(0, int)
    windows = np.lib.stride_tricks.sliding_window_view(eligible, len(pattern))
    return np.flatnonzero(windows[:, pattern].all(axis=1))


def shift_ratios(X, counts, fitted, window_start, starts, pattern):
    """Observed over expected for a short window and for its placebos, all from one fit that includes them.

    Fitting under the null on all days keeps real and placebo windows exchangeable; extrapolated from the days before
    alone, the tested window would err more than its placebos, which lie among the fitted days.

    Parameters
    ----------
    X : (n, p) array
    counts : (..., n) array
    fitted : (n,) boolean array
        Baseline and tested window.
    window_start : int
    starts : (M,) integer array
    pattern : (L,) boolean array

    Returns
    -------
    ratio : (...) array
    placebos : (..., M) array
        NaN where nothing is expected.
    expected : (..., n) array
    """
    expected, _ = expected_counts(X, counts, weights=fitted.astype(float))
    positions = np.append(starts, window_start)
    sums = window_sums(np.where(fitted, counts, 0.0), positions, pattern)
    means = window_sums(expected, positions, pattern)
    negligible = means <= TIE * expected.max(-1, keepdims=True)
    ratios = np.divide(sums, means, out=np.full(sums.shape, np.nan), where=~negligible)
    return ratios[..., -1], ratios[..., :-1], expected


def without_pull(X, ratio, placebos, expected, baseline, window_start, pattern):
    """State short-window ratios as a fit without the window would: its own counts pull the fit towards them.

    From the score equations, to first order: the log of what is expected in the window moves by pull (R - 1),
    pull = m x' I^-1 x, with m its expected count, x its mean regressors, I the information of the baseline.
    All ratios are mapped alike, R to R exp(pull (R - 1)), so that ranks and p-values stay what they are, while
    intervals and the smallest visible cut stop being too narrow and too small. Takes and returns `ratio`,
    `placebos` and `expected` of `shift_ratios`; `baseline` is an (n,) boolean array without the window.

    Examples
    --------
    >>> X, window = np.ones((40, 1)), np.array([True])
    >>> counts = np.where(np.arange(40) == 39, 10.0, 100.0)
    >>> found = shift_ratios(X, counts, np.ones(40, bool), 39, np.arange(39), window)
    >>> ratio, _, _ = without_pull(X, *found, np.arange(40) < 39, 39, window)
    >>> float(found[0].round(3)), float(ratio.round(3))
    (0.102, 0.1)
    """
    days = window_start + np.flatnonzero(pattern)
    basis, _ = np.linalg.qr(X)
    means = expected[..., days]
    total = np.maximum(means.sum(-1, keepdims=True), 1e-300)
    x = means @ basis[days] / total
    information = np.einsum("...n,ni,nj->...ij", expected * baseline, basis, basis, optimize=True)
    ridge = np.maximum(1e-9 * np.trace(information, axis1=-2, axis2=-1), 1e-300)
    information += ridge[..., None, None] * np.eye(basis.shape[1])
    pull = total[..., 0] * (x * np.linalg.solve(information, x[..., None])[..., 0]).sum(-1)

    def moved(ratios, pull):
        return ratios * np.exp(pull * (np.minimum(ratios, FIRST_ORDER) - 1))

    window = np.isin(np.arange(len(X)), np.arange(window_start, window_start + len(pattern)))
    shift = np.where(np.isnan(ratio), 0, pull * (1 - np.minimum(ratio, FIRST_ORDER)))
    return (
        moved(ratio, pull),
        moved(placebos, pull[..., None]),
        expected * np.where(window, np.exp(shift)[..., None], 1),
    )


def leave_out_ratios(X, counts, fitted, window_start, starts, pattern):
    """The same for a long window: each window is predicted by a fit that leaves it, and the tested one, out.

    A flexible trend fitted through a long pause swallows it; left out, a cut shows at its full size. Days around
    the tested window that are no baseline widen the hole to be bridged, so every placebo is predicted across as
    wide a hole; windows too near an end for that are no placebos. (The moratorium of 2025 lies in a hole of 61
    days; placebos across 23 days only would be predicted too well, and true nulls rejected too often.)

    Parameters
    ----------
    counts : (n,) array
    fitted : (n,) boolean array
        Baseline only.

    Returns
    -------
    ratio : float
    placebos : (M,) array
        NaN for windows without 40 fitted days on either side of their hole.
    expected : (n,) array
        From the fit to the whole baseline.
    """
    n, day = len(counts), np.arange(len(counts))
    first, last, bridged = holes(fitted, window_start, len(pattern), starts)
    first, last, positions = first[bridged, None], last[bridged, None], np.append(starts[bridged], window_start)
    weights = np.vstack([fitted & ((day < first) | (day >= last)), fitted]).astype(float)
    expected, _ = expected_counts(X, np.broadcast_to(counts, (len(weights), n)), weights=weights)
    means = np.take_along_axis(expected, positions[:, None] + np.flatnonzero(pattern), axis=1).sum(1)
    observed = window_sums(np.nan_to_num(counts), positions, pattern)
    ratios = np.divide(observed, means, out=np.full(means.shape, np.nan), where=means > TIE * means.max())
    placebos = np.full(len(starts), np.nan)
    placebos[bridged] = ratios[:-1]
    return ratios[-1], placebos, expected[-1]


def holes(fitted, window_start, length, starts):
    """Where the holes around windows begin and end, each as wide as the tested window's, and which can be bridged.

    Examples
    --------
    >>> fitted = ~np.isin(np.arange(100), [40, 41, 42, 43])  # a window of day 41 and 42, its neighbours left out
    >>> holes(fitted, 41, 2, np.array([10, 50]))
    (array([ 9, 49]), array([13, 53]), array([False,  True]))
    """
    known, total, n = np.flatnonzero(fitted), np.append(0, fitted.cumsum()), len(fitted)
    first = starts - window_start + known[known < window_start].max(initial=-1) + 1
    last = starts - window_start + known[known >= window_start + length].min(initial=n)
    beside = np.minimum(total[np.clip(first, 0, n)], total[n] - total[np.clip(last, 0, n)])
    return first, last, beside >= FEWEST_BESIDE


def days_since_salvo(salvo):
    """Days from the last salvo before each day, NaN before the first.

    Examples
    --------
    >>> days_since_salvo(np.array([False, True, False, False])).tolist()
    [nan, nan, 1.0, 2.0]
    """
    days = np.arange(salvo.shape[-1])
    last = np.maximum.accumulate(np.where(salvo, days, -1), axis=-1)
    before = np.concatenate([np.full((*salvo.shape[:-1], 1), -1), last[..., :-1]], axis=-1)
    return np.where(before >= 0, days - before, np.nan)


def heavy_days(counts, expected, baseline):
    """Days on which the outcome itself was a salvo: at least the 85th percentile of counts over expected."""
    relative = np.divide(counts, expected, out=np.full(expected.shape, np.nan), where=expected > 0)
    threshold = np.nanquantile(np.where(baseline, relative, np.nan), SALVO_QUANTILE, axis=-1, keepdims=True)
    return relative >= np.maximum(threshold, TIE)


@dataclass(frozen=True)
class PlaceboTest:
    """One observed ratio against its placebos; leading axes, if any, run over series.

    Attributes
    ----------
    ratio : (...) array
    placebos : (..., M) array
        NaN entries do not count.
    alternative : {"two-sided", "less", "greater"}
    alpha : float
        False-alarm rate of the test, and 1 less the level of its interval.
    """

    ratio: np.ndarray
    placebos: np.ndarray
    alternative: str = "two-sided"
    alpha: float = 0.05

    @cached_property
    def n_placebo(self):
        """Number of placebo windows M."""
        return (~np.isnan(self.placebos)).sum(-1)

    def _tail(self, count):
        return (1 + count) / (self.n_placebo + 1)

    @cached_property
    def p_lower(self):
        """(1 + placebos tied or below) / (M + 1): Phipson and Smyth (2010), equation 2."""
        limit = np.asarray(self.ratio)[..., None] * (1 + TIE) + TIE
        return np.where(np.isnan(self.ratio), 1.0, self._tail((self.placebos <= limit).sum(-1)))

    @cached_property
    def p_upper(self):
        """(1 + placebos tied or above) / (M + 1)."""
        limit = np.asarray(self.ratio)[..., None] * (1 - TIE) - TIE
        return np.where(np.isnan(self.ratio), 1.0, self._tail((self.placebos >= limit).sum(-1)))

    def _sided(self, lower, upper):
        if self.alternative == "two-sided":
            return np.minimum(1, 2 * np.minimum(lower, upper))
        return lower if self.alternative == "less" else upper

    @cached_property
    def p_value(self):
        """Two-sided: twice the smaller tail, at most 1."""
        return self._sided(self.p_lower, self.p_upper)

    @cached_property
    def p_min_fall(self):
        """The p-value had nothing flown in the window."""
        return self._sided(self._tail((self.placebos <= TIE).sum(-1)), np.ones(np.shape(self.ratio)))

    @cached_property
    def p_min_rise(self):
        """The p-value had more flown than in any placebo window."""
        return self._sided(np.ones(np.shape(self.ratio)), self._tail(np.zeros(np.shape(self.ratio))))

    @cached_property
    def accepted(self):
        """Smallest and largest ratio that would not be rejected; 0 and infinity where none would be."""
        share = self.alpha / 2 if self.alternative == "two-sided" else self.alpha
        k = np.floor(share * (self.n_placebo + 1) + TIE).astype(int)  # k tied or beyond is the first acceptance
        ordered = np.sort(self.placebos, axis=-1)
        low = _order_statistic(ordered, k - 1, k >= 1, 0.0)
        high = _order_statistic(ordered, self.n_placebo - k, k >= 1, np.inf)
        unlimited = {"less": (low, np.inf + high), "greater": (0 * low, high)}
        return unlimited.get(self.alternative, (low, high))

    @cached_property
    def ratio_interval(self):
        """Effects theta for which ratio / theta is accepted: inversion without refitting."""
        low, high = self.accepted
        with np.errstate(divide="ignore", invalid="ignore"):
            return self.ratio / high, np.where(low > 0, self.ratio / low, np.inf)

    @cached_property
    def smallest_visible_cut(self):
        """Smallest cut that turns 80 % of the placebo windows into rejections; NaN if none does."""
        low = self.accepted[0]
        ordered = np.sort(self.placebos, axis=-1)
        typical = _order_statistic(ordered, np.ceil(POWER * self.n_placebo).astype(int) - 1, self.n_placebo > 0, np.nan)
        with np.errstate(divide="ignore", invalid="ignore"):
            cut = 1 - low * (1 - 2 * TIE) / typical
        return np.where((low > 0) & (cut < 1), np.maximum(cut, 0), np.nan)


def _order_statistic(ordered, position, available, otherwise):
    position = np.clip(position, 0, max(ordered.shape[-1] - 1, 0))
    if ordered.shape[-1] == 0:
        return np.full(np.shape(available), otherwise)
    return np.where(available, np.take_along_axis(ordered, np.asarray(position)[..., None], -1)[..., 0], otherwise)


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
