"""How unusual is this window among all windows of its length in its own series?

Everything here works on arrays whose last axis runs over days or windows, so one series and two thousand simulated
ones take the same path. Nothing is assumed about the distribution of counts.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import ClassVar

import numpy as np

from analysis.expected import Bools, Floats, Ints
from analysis.windows import Layout, placebo_starts

ALTERNATIVES = ("two-sided", "less", "greater")
SAME_WEEKDAY = "same-weekday"
TESTS = ("auto", "shift", "after-salvo", SAME_WEEKDAY)
POWER = 0.8
SALVO_QUANTILE = 0.85
SALVO_LAG = 3  # a window that starts this soon after a salvo is compared with windows that do too
COMPANION_LAG = 7
QUIET_SHARE = 0.1
SWAMPING = 20  # times what the baseline alone leads one to expect: such a window would take the fit along
FEWEST_BESIDE = 40  # days, half a spline term: nearer to an end, a trend is extrapolated rather than bridged
FIRST_ORDER = 3.0  # larger ratios are moved as this one is: beyond, the expansion overshoots
STATISTICS = ("ratio", "mean-log")
ADDED = 5.0  # under the logarithm: keeps a day without launches finite; a tenth of the quietest month's daily level
TIE = 1e-9  # ratios closer than this, relatively, are equal


def window_sums(values: Floats, starts: Ints, pattern: Bools) -> Floats:
    """Sums over the windows that begin at `starts`; days that are not in `pattern` count in none.

    >>> window_sums(np.array([1, 2, 3, 4]), np.array([0, 1]), np.array([True, False, True])).tolist()
    [4, 6]
    """
    if pattern.all():
        total = np.concatenate([np.zeros((*values.shape[:-1], 1), values.dtype), values.cumsum(-1)], axis=-1)
        return total[..., starts + len(pattern)] - total[..., starts]
    return values[..., np.asarray(starts)[:, None] + np.flatnonzero(pattern)].sum(-1)


def window_ratios(counts: Floats, expected: Floats, starts: Ints, pattern: Bools) -> Floats:
    """Observed over expected of each window; NaN where nothing is expected."""
    means = window_sums(expected, starts, pattern)
    return _ratios(window_sums(counts, starts, pattern), means, means > 0)


def _ratios(seen: Floats, expected: Floats, known: Bools) -> Floats:
    shape = np.broadcast_shapes(np.shape(seen), np.shape(expected))
    return np.divide(seen, expected, out=np.full(shape, np.nan), where=known)


def shift_ratios(layout: Layout, counts: Floats, fitted: Bools) -> tuple[Floats, Floats, Floats]:
    """Ratio of a short window, of its placebos (..., M), and expected counts, all from one fit that includes them.

    One fit keeps them exchangeable: extrapolated from the days before, the tested window would err more than placebos
    among the fitted days. Ratios are NaN where nothing is expected.
    """
    expected = layout.expect(counts, fitted)
    positions = np.append(layout.starts, layout.start)
    sums = window_sums(np.where(layout.baseline | layout.window, counts, 0.0), positions, layout.pattern)
    means = window_sums(expected, positions, layout.pattern)
    ratios = _ratios(sums, means, means > TIE * expected.max(-1, keepdims=True))
    return ratios[..., -1], ratios[..., :-1], expected


def without_pull(layout: Layout, ratio: Floats, placebos: Floats, expected: Floats) -> tuple[Floats, Floats, Floats]:
    """State what `shift_ratios` found as a fit without the window would: its own counts pull the fit towards them.

    From the score equations, to first order: the log of what is expected in the window moves by pull (R - 1),
    pull = m x' I^-1 x, with m its expected count, x its mean regressors, I the information of the baseline. All
    ratios are mapped alike, R to R exp(pull (R - 1)), so ranks and p-values stay; intervals and visible cuts widen.
    """
    days = layout.start + np.flatnonzero(layout.pattern)
    basis, _ = np.linalg.qr(layout.X)
    means = expected[..., days]
    total = np.maximum(means.sum(-1, keepdims=True), 1e-300)
    x = means @ basis[days] / total
    information = np.einsum("...n,ni,nj->...ij", expected * layout.baseline, basis, basis, optimize=True)
    ridge = np.maximum(1e-9 * np.trace(information, axis1=-2, axis2=-1), 1e-300)
    information += ridge[..., None, None] * np.eye(basis.shape[1])
    pull = total[..., 0] * (x * np.linalg.solve(information, x[..., None])[..., 0]).sum(-1)

    def log_moved(ratios: Floats, pull: Floats) -> Floats:
        return pull * (np.minimum(ratios, FIRST_ORDER) - 1)

    shift = log_moved(ratio, pull)
    in_window = np.where(layout.window, np.exp(-np.nan_to_num(shift))[..., None], 1)
    placebos = placebos * np.exp(log_moved(placebos, pull[..., None]))
    return ratio * np.exp(shift), placebos, expected * in_window


def leave_out_ratios(layout: Layout, counts: Floats, starts: Ints) -> tuple[float, Floats, Floats]:
    """The same for a long window: each window is predicted by a fit that leaves it, and the tested one, out.

    A flexible trend fitted through a long pause would swallow it. Every placebo is predicted across as wide a hole as
    the tested window and the days around it that are no baseline make, or it would be predicted too well and true
    nulls rejected too often; windows too near an end for that are no placebos (NaN).
    """
    day = np.arange(len(counts))
    first, last, bridged = holes(layout.baseline, layout.start, len(layout.pattern), starts)
    outside = (day < first[bridged, None]) | (day >= last[bridged, None])
    kept = np.vstack([layout.baseline & outside, layout.baseline])
    expected = layout.expect(np.broadcast_to(counts, kept.shape), kept)
    positions = np.append(starts[bridged], layout.start)
    means = np.take_along_axis(expected, positions[:, None] + np.flatnonzero(layout.pattern), axis=1).sum(1)
    observed = window_sums(counts, positions, layout.pattern)
    ratios = _ratios(observed, means, means > TIE * means.max())
    placebos = np.full(len(starts), np.nan)
    placebos[bridged] = ratios[:-1]
    return ratios[-1], placebos, expected[-1]


def holes(fitted: Bools, window_start: int, length: int, starts: Ints) -> tuple[Ints, Ints, Bools]:
    """Where the holes around windows begin and end, each as wide as the tested window's, and which can be bridged.

    >>> fitted = ~np.isin(np.arange(100), [40, 41, 42, 43])  # a window of day 41 and 42, its neighbours left out
    >>> holes(fitted, 41, 2, np.array([10, 50]))
    (array([ 9, 49]), array([13, 53]), array([False,  True]))
    """
    known, total, n = np.flatnonzero(fitted), np.append(0, fitted.cumsum()), len(fitted)
    first = starts - window_start + known[known < window_start].max(initial=-1) + 1
    last = starts - window_start + known[known >= window_start + length].min(initial=n)
    beside = np.minimum(total[np.clip(first, 0, n)], total[n] - total[np.clip(last, 0, n)])
    return first, last, beside >= FEWEST_BESIDE


def order_windows(seen: Floats, expected: Floats) -> Floats:
    """Ratios, in order for the lower tail: of two windows without a hit, the one that expected more is lower.

    Below 0 where there is no hit, NaN where none was expected; `expected` may be in any unit.

    >>> order_windows(np.array([0, 0, 2]), np.array([1.0, 3, 4])).tolist()
    [-0.125, -0.375, 0.5]
    """
    ratio = _ratios(seen, expected, expected > 0)
    return np.where(ratio == 0, -0.5 * expected / expected.max(-1, keepdims=True), ratio)


def days_since_salvo(salvo: Bools) -> Floats:
    """Days from the last salvo before each day, NaN before the first.

    >>> days_since_salvo(np.array([True, False, False, True, False])).tolist()
    [nan, 1.0, 2.0, 3.0, 1.0]
    """
    days = np.arange(salvo.shape[-1])
    last = np.maximum.accumulate(np.where(salvo, days, -1), axis=-1)
    before = np.concatenate([np.full((*salvo.shape[:-1], 1), -1), last[..., :-1]], axis=-1)
    return np.where(before >= 0, days - before, np.nan)


def heavy_days(counts: Floats, expected: Floats, baseline: Bools) -> Bools:
    """Days on which the outcome itself was a salvo: at least the 85th percentile of counts over expected."""
    relative = _ratios(counts, expected, expected > 0)
    known = np.where(baseline, relative, np.nan)
    known[np.isnan(known).all(-1)] = 1.0  # a series without an event has no heavy day
    threshold = np.nanquantile(known, SALVO_QUANTILE, axis=-1, keepdims=True)
    return relative >= np.maximum(threshold, TIE)


@dataclass(frozen=True)
class PlaceboTest:
    """One observed ratio against its placebos (..., M); leading axes, if any, run over series; NaN does not count.

    `silence` is what the ratio would have been had nothing flown: 0, or lower where windows without a hit are put in
    order; seen from above, ratios below `floor` are tied.
    """

    ratio: Floats
    placebos: Floats
    alternative: str = "two-sided"
    alpha: float = 0.05
    silence: Floats = 0.0
    floor: float = -np.inf
    unchanged: ClassVar[float] = 1.0  # the ratio where nothing changed

    @cached_property
    def n_placebo(self) -> Ints:
        """Number of placebo windows M."""
        return (~np.isnan(self.placebos)).sum(-1)

    def _tail(self, count: Ints) -> Floats:
        return (1 + count) / (self.n_placebo + 1)

    @cached_property
    def p_lower(self) -> Floats:
        """(1 + placebos tied or below) / (M + 1): Phipson and Smyth (2010), equation 2."""
        limit = _up_to(np.asarray(self.ratio)[..., None])
        return np.where(np.isnan(self.ratio), 1.0, self._tail((self.placebos <= limit).sum(-1)))

    @cached_property
    def p_upper(self) -> Floats:
        """(1 + placebos tied or above) / (M + 1)."""
        limit = -_up_to(-np.maximum(self.ratio, self.floor)[..., None])
        above = np.maximum(self.placebos, self.floor) >= limit
        return np.where(np.isnan(self.ratio), 1.0, self._tail(above.sum(-1)))

    @cached_property
    def n_as_extreme(self) -> Ints:
        """Number of placebos tied or beyond on the side of the ratio: as low where it is below what is expected."""
        own, others = np.maximum(self.ratio, self.floor)[..., None], np.maximum(self.placebos, self.floor)
        low, high = others <= _up_to(own), others >= -_up_to(-own)
        return np.where(own <= self.unchanged, low, high).sum(-1)

    def _sided(self, lower: Floats, upper: Floats) -> Floats:
        if self.alternative == "two-sided":
            return np.minimum(1, 2 * np.minimum(lower, upper))
        return lower if self.alternative == "less" else upper

    @cached_property
    def p_value(self) -> Floats:
        """Two-sided: twice the smaller tail, at most 1."""
        return self._sided(self.p_lower, self.p_upper)

    @cached_property
    def p_min_fall(self) -> Floats:
        """The p-value had nothing flown in the window."""
        silent = self.placebos <= _up_to(np.asarray(self.silence)[..., None])
        return self._sided(self._tail(silent.sum(-1)), np.ones(np.shape(self.ratio)))

    @cached_property
    def p_min_rise(self) -> Floats:
        """The p-value had more flown than in any placebo window."""
        return self._sided(np.ones(np.shape(self.ratio)), self._tail(np.zeros(np.shape(self.ratio))))

    @cached_property
    def accepted(self) -> tuple[Floats, Floats]:
        """Smallest and largest ratio that would not be rejected; 0 and infinity where none would be."""
        share = self.alpha / 2 if self.alternative == "two-sided" else self.alpha
        k = np.floor(share * (self.n_placebo + 1) + TIE).astype(int)  # k tied or beyond is the first acceptance
        ordered = np.sort(self.placebos, axis=-1)
        low = _order_statistic(ordered, k - 1, k >= 1, 0.0)
        high = _order_statistic(ordered, self.n_placebo - k, k >= 1, np.inf)
        return {"two-sided": (low, high), "less": (low, np.inf + high), "greater": (0 * low, high)}[self.alternative]

    @cached_property
    def ratio_interval(self) -> tuple[Floats, Floats]:
        """Effects theta for which ratio / theta is accepted: inversion without refitting."""
        low, high = self.accepted
        with np.errstate(divide="ignore", invalid="ignore"):
            return self.ratio / high, np.where(low > 0, self.ratio / low, np.inf)

    @cached_property
    def smallest_visible_cut(self) -> Floats:
        """Smallest cut that turns 80 % of the placebo windows into rejections; NaN if none does."""
        low = self.accepted[0]
        ordered = np.sort(self.placebos, axis=-1)
        typical = _order_statistic(ordered, np.ceil(POWER * self.n_placebo).astype(int) - 1, self.n_placebo > 0, np.nan)
        with np.errstate(divide="ignore", invalid="ignore"):
            cut = 1 - low * (1 - 2 * TIE) / typical
        return np.where((low > 0) & (cut < 1), np.maximum(cut, 0), np.nan)


def _up_to(value: Floats) -> Floats:
    """The largest value that counts as tied with one."""
    return value + TIE * (1 + np.abs(value))


def _order_statistic(ordered: Floats, position: Ints, available: Bools, otherwise: float) -> Floats:
    """The value at a position of each sorted row, where there is one to be had."""
    if ordered.shape[-1] == 0:
        return np.full(np.shape(available), otherwise)
    position = np.clip(position, 0, ordered.shape[-1] - 1)
    found = np.take_along_axis(ordered, position[..., None], -1)[..., 0]
    return np.where(available, found, otherwise)


@dataclass(frozen=True)
class WindowTest(PlaceboTest):
    """A `PlaceboTest` with what led to it: expected counts (..., n), and days since the last salvo at the start.

    `after_salvo`: only windows as long after a salvo are compared.
    """

    expected: Floats = np.nan
    lag: Floats = np.nan
    after_salvo: Bools = np.False_


@dataclass(frozen=True)
class MeanLogTest(WindowTest):
    """The same for the mean of log((y + 5) / (mu + 5)) over the days of a window, instead of the ratio of sums.

    A zero where 180 were expected then counts more than one where 70 were, and one heavy day less than in a sum.
    `days` holds counts and expected counts of the placebos' days (..., M, L).
    """

    days: tuple[Floats, Floats] = ()
    unchanged: ClassVar[float] = 0.0

    @cached_property
    def smallest_visible_cut(self) -> Floats:
        """Smallest cut, in steps of 1 %, that turns 80 % of the placebo windows into rejections; NaN if none does."""
        (counts, expected), low = self.days, self.accepted[0]
        cut = np.full(np.shape(low), np.nan)
        for share in np.arange(99, 0, -1) / 100:
            moved = mean_log(counts * (1 - share), expected)
            found = np.where(np.isnan(self.placebos), False, moved < low[..., None] - TIE)
            cut = np.where((found.sum(-1) >= POWER * self.n_placebo) & (self.n_placebo > 0), share, cut)
        return cut


def mean_log(counts: Floats, expected: Floats) -> Floats:
    """Mean over the last axis of log((counts + 5) / (expected + 5))."""
    return np.log((counts + ADDED) / (expected + ADDED)).mean(-1)


def short_test(
    layout: Layout,
    counts: Floats,
    salvo: Bools,
    *,
    test: str = "auto",
    statistic: str = "ratio",
    alternative: str = "two-sided",
    alpha: float = 0.05,
) -> WindowTest:
    """Compare a short window with its placebos; `counts` and `salvo` are (n,), or (m, n) for m series at once.

    Which days are salvos follows from the baseline alone: the window's own counts must not pick its test. Placebos
    that the test does not compare with are NaN. `statistic` is "ratio" or "mean-log".
    """
    counts = np.nan_to_num(counts)
    alone = layout.expect(counts, layout.baseline)
    together = shift_ratios(layout, counts, layout.fitted)
    ratio, placebos, expected = _unless_swamped(layout, counts, alone, without_pull(layout, *together))
    since = days_since_salvo(heavy_days(counts, alone, layout.baseline) | salvo)
    lag = since[..., layout.start]  # NaN before the first salvo, which is no lag of at most anything
    after_salvo = lag <= SALVO_LAG if test == "auto" else np.full(np.shape(lag), test == "after-salvo")
    left_out = after_salvo[..., None] & ~_as_long_after(since[..., layout.starts], lag[..., None])
    if test == SAME_WEEKDAY:
        left_out = left_out | ((layout.starts - layout.start) % 7 != 0)
    placebos = np.where(left_out, np.nan, placebos)
    tried = WindowTest(ratio, placebos, alternative, alpha, expected=expected, lag=lag, after_salvo=after_salvo)
    if statistic == "mean-log":
        return _by_mean_log(layout, counts, together[-1], tried)
    return tried if layout.exposure is None else _silences_in_order(layout, counts, tried)


def _unless_swamped(
    layout: Layout, counts: Floats, alone: Floats, together: tuple[Floats, Floats, Floats]
) -> tuple[Floats, Floats, Floats]:
    """Ratios and expected counts by the fit with the window in it, or by the baseline `alone` where it would swamp."""
    here = np.array([layout.start])
    seen, mean = (window_sums(values, here, layout.pattern)[..., 0] for values in (counts, alone))
    apart = (seen > SWAMPING * mean) | (layout.fitted == layout.baseline).all()
    if not apart.any():
        return together
    own = _ratios(seen, mean, mean > 0)
    _, others, _ = shift_ratios(layout, counts, layout.baseline)
    ratio, placebos, expected = together
    every = apart[..., None]
    return np.where(apart, own, ratio), np.where(every, others, placebos), np.where(every, alone, expected)


def _as_long_after(since: Floats, lag: Floats) -> Bools:
    """Which windows start as long after a salvo: to the day up to three days, then give or take one, up to a week."""
    leeway = np.where(lag <= SALVO_LAG, 0, 1)
    return (np.abs(since - lag) <= leeway) & (lag <= COMPANION_LAG)


def _silences_in_order(layout: Layout, counts: Floats, tried: WindowTest) -> WindowTest:
    """The same test of a share: of windows without a hit, the one that expected more is the lower."""
    positions = np.append(layout.starts, layout.start)
    sums, means = (window_sums(values, positions, layout.pattern) for values in (counts, tried.expected))
    means[..., :-1][np.isnan(tried.placebos)] = 0.0
    order, silent = order_windows(sums, means), order_windows(0 * sums, means)
    return replace(tried, ratio=order[..., -1], placebos=order[..., :-1], silence=silent[..., -1], floor=0.0)


def _by_mean_log(layout: Layout, counts: Floats, expected: Floats, tried: WindowTest) -> MeanLogTest:
    """The same windows by mean log, all against the fit with the window in it: ranks need no correction."""
    days = np.append(layout.starts, layout.start)[:, None] + np.flatnonzero(layout.pattern)
    seen, means = counts[..., days], expected[..., days]
    scores = mean_log(seen, means)
    return MeanLogTest(
        ratio=scores[..., -1],
        placebos=np.where(np.isnan(tried.placebos), np.nan, scores[..., :-1]),
        alternative=tried.alternative,
        alpha=tried.alpha,
        silence=mean_log(0 * means, means)[..., -1],
        expected=tried.expected,
        lag=tried.lag,
        after_salvo=tried.after_salvo,
        days=(seen[..., :-1, :], means[..., :-1, :]),
    )


def long_test(
    layout: Layout, counts: Floats, *, starts: Ints | None = None, alternative: str = "two-sided", alpha: float = 0.05
) -> WindowTest:
    """Compare a long window (n,) with placebos that begin at `starts`, all of them by default."""
    starts = layout.starts if starts is None else starts
    ratio, placebos, expected = leave_out_ratios(layout, np.nan_to_num(counts), starts)
    return WindowTest(ratio, placebos, alternative, alpha, expected=expected)


def rebound_test(
    layout: Layout, counts: Floats, pause: Bools, *, alpha: float = 0.05
) -> tuple[WindowTest, WindowTest, Ints, Bools]:
    """Compare the days after a pause with the days after windows as quiet, and with all windows of their length.

    `pause` (L,) marks the reported days of the pause, which ends where the layout's window starts. Returns both
    tests, where the days after other windows begin, and whether the pause is among the quietest tenth.
    """
    filled, length = np.nan_to_num(counts), len(pause)
    expected = layout.expect(filled, layout.baseline)
    before = placebo_starts(layout.baseline, np.append(pause, layout.pattern))
    quiet = window_ratios(filled, expected, np.append(before, layout.start - length), pause)
    follow = window_ratios(filled, expected, np.append(before + length, layout.start), layout.pattern)
    alike, quietest = most_alike(quiet[..., :-1], quiet[..., -1:])
    ratio, after = follow[..., -1], np.where(alike, follow[..., :-1], np.nan)
    every = window_ratios(filled, expected, layout.starts, layout.pattern)
    tests = (WindowTest(ratio, others, "greater", alpha, expected=expected) for others in (after, every))
    return *tests, before + length, quietest


def most_alike(ratios: Floats, own: Floats) -> tuple[Bools, Bools]:
    """The tenth of windows ranked around one's own ratio, ties included; and whether that is the lowest tenth."""
    n = ratios.shape[-1]
    if n == 0:
        return np.zeros(ratios.shape, bool), np.zeros(ratios.shape[:-1], bool)
    wanted = max(1, round(QUIET_SHARE * n))
    first = np.clip((ratios < own).sum(-1, keepdims=True) - wanted // 2, 0, n - wanted)
    ordered = np.sort(ratios, axis=-1)
    low, high = (np.take_along_axis(ordered, at, -1) for at in (first, first + wanted - 1))
    return (ratios >= low) & (ratios <= high), first[..., 0] == 0
