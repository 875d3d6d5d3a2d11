"""The tests on trial: what `estimation` does to one series, done to thousands of simulated ones at once.

Each trial takes a `study.Batch` and returns one answer per series. Everything that depends on the calendar alone
comes as a `Layout`, so that baseline, exclusions and placebo windows are those of the real procedure.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache

import numpy as np
import pandas as pd

from analysis.calibration.study import Batch
from analysis.expected import Floats
from analysis.placebo import TIE, WindowTest, holes, leave_out_ratios, rebound_test, short_test, window_sums
from analysis.windows import ONE_DAY, Layout, lay_out

Answer = dict[str, Floats]
ORDINARY_DAY, HOLIDAY = "2026-02-03", "2026-05-09"
HAC_LAGS = 7


@lru_cache(maxsize=128)
def simulated_layout(before, length, *, after=0, announced=0, first_day=ORDINARY_DAY):
    """Put a simulated series on a calendar on which its window begins on `first_day`.

    Parameters
    ----------
    before, length, after : int
        Days before, in and after the window.
    announced : int
        Last days before the window that are neither baseline nor placebo.
    first_day : day

    Returns
    -------
    Layout

    Examples
    --------
    >>> layout = simulated_layout(365, 3, announced=2)
    >>> int(layout.baseline.sum()), len(layout.starts)
    (363, 361)
    """
    start = pd.Timestamp(first_day)
    days = pd.date_range(start - before * ONE_DAY, periods=before + length + after)
    return lay_out(
        pd.Series(1.0, days), days[before : before + length], baseline=before, announced=start - announced * ONE_DAY
    )


def quiet_layout(before, length, horizon):
    """The layout of the days after a pause, with the pause itself left out, as `estimate_rebound` has it."""
    start = pd.Timestamp(ORDINARY_DAY)
    days = pd.date_range(start - before * ONE_DAY, periods=before + length + horizon)
    return lay_out(
        pd.Series(1.0, days), days[before + length :], baseline=(days[0], days[-1]),
        exclude=days[before : before + length], trend="linear",
    )  # fmt: skip


def window_shift(batch: Batch, layout: Layout) -> Answer:
    """Compare with all windows of the baseline."""
    return _answer(_short(batch, layout, "shift"), layout)


def after_salvo(batch: Batch, layout: Layout) -> Answer:
    """Compare with windows equally long after a salvo."""
    return _answer(_short(batch, layout, "after-salvo"), layout)


def automatic(batch: Batch, layout: Layout) -> Answer:
    """Take the test that the days since the last salvo call for, series by series."""
    return _answer(_short(batch, layout, "auto"), layout)


def long_window(batch: Batch, layout: Layout, n_placebos: int | None = None) -> Answer:
    """Predict every window from a fit without it; of the placebo windows a number evenly spread, to save time."""
    starts = layout.starts[holes(layout.baseline, layout.start, len(layout.pattern), layout.starts)[2]]
    if n_placebos is not None:
        starts = starts[np.linspace(0, len(starts) - 1, n_placebos).round().astype(int)]
    found = [leave_out_ratios(layout, counts, starts) for counts in batch.counts[:, : len(layout.days)]]
    ratio, placebos, expected = (np.array(parts) for parts in zip(*found, strict=True))
    return _answer(WindowTest(ratio, placebos, expected=expected), layout)


def after_quiet(batch: Batch, layout: Layout, length: int) -> Answer:
    """Compare the days after a pause with the days after windows as quiet, and with all windows of their length."""
    alike, every, *_ = rebound_test(layout, batch.counts[:, : len(layout.days)], np.ones(length, bool))
    answer = _answer(alike, layout)
    return {name: answer[name] for name in ("p_lower", "ratio")} | {
        "p_upper": np.maximum(answer["p_upper"], every.p_upper)
    }


def stated_cut(batch: Batch, layout: Layout, trial: Callable[[Batch, Layout], Answer] = window_shift) -> Answer:
    """Plant in each series the cut that its own test calls just visible, and test again."""
    cut = trial(batch, layout)["smallest_visible_cut"]
    counts = batch.counts[:, : len(layout.days)] * np.where(layout.window, 1 - np.nan_to_num(cut)[:, None], 1)
    tails = trial(replace(batch, counts=counts), layout) | {"ratio": 1 - cut}
    return {name: np.where(np.isnan(cut), np.nan, tails[name]) for name in ("p_lower", "p_upper", "ratio")}


def joint(batch, episodes, rule=False, cut=0.0, draws=20_000, seed=0):
    """Test several windows of each series together, as `combine_effects` does.

    Parameters
    ----------
    episodes : sequence of (first day's position, Layout)
    rule : bool
        Whether a window soon after a salvo is compared with such windows only; else all by shift.
    cut : float
        Share of the counts taken out of every window.
    draws, seed : int
    """
    generator = np.random.default_rng(seed)
    null = score = 0.0
    for first, layout in episodes:
        counts, salvo = (values[:, first : first + len(layout.days)] for values in (batch.counts, batch.salvo))
        here = Batch(counts * np.where(layout.window, 1 - cut, 1), salvo, layout.start, len(layout.pattern))
        test = _short(here, layout, "auto" if rule else "shift")
        scores, own, n = _normal_scores(test.ratio, test.placebos)
        null = null + np.take_along_axis(scores, (generator.random(draws) * n).astype(int), axis=1)
        score = score + own
    slack = TIE * len(episodes)
    return {
        "p_lower": (1 + (null <= score + slack).sum(1)) / (draws + 1),
        "p_upper": (1 + (null >= score - slack).sum(1)) / (draws + 1),
    }


def dummy_regression(batch, layout, family):
    """The customary test, as a warning: a dummy for the window, Wald z; "Poisson", or "NB-HAC" with 7 lags
    (Newey and West 1987).
    """
    import statsmodels.api as sm
    from scipy.stats import norm

    X = np.column_stack([layout.X, layout.window])
    z = np.empty(len(batch.counts))
    for row, counts in enumerate(batch.counts[:, : len(layout.days)]):
        fit = sm.GLM(counts, X, family=sm.families.Poisson()).fit()
        if family == "NB-HAC":
            excess = ((counts - fit.mu) ** 2 - fit.mu).sum() / (fit.mu**2).sum()
            shape = sm.families.NegativeBinomial(alpha=max(excess, 1e-3))
            fit = sm.GLM(counts, X, family=shape).fit(
                start_params=fit.params, cov_type="HAC", cov_kwds={"maxlags": HAC_LAGS}
            )
        z[row] = fit.tvalues[-1]
    return {"p_lower": norm.cdf(z), "p_upper": norm.sf(z)}


def _short(batch: Batch, layout: Layout, test: str) -> WindowTest:
    counts, salvo = (values[:, : len(layout.days)] for values in (batch.counts, batch.salvo))
    return short_test(layout, counts, salvo, test=test)


def _normal_scores(ratio, placebos):
    """Normal scores of the placebos and the ratio, in order; that of the ratio; and how many they are."""
    from scipy.stats import norm, rankdata

    members = np.round(np.column_stack([placebos, ratio]), 9)
    n = (~np.isnan(members)).sum(1, keepdims=True)
    scores = norm.ppf((rankdata(members, axis=1, nan_policy="omit") - 0.5) / n)
    return np.sort(scores, axis=1), scores[:, -1:], n


def _answer(test: WindowTest, layout: Layout) -> Answer:
    mean = window_sums(test.expected, np.array([layout.start]), layout.pattern)[:, 0]
    (low, high), (ordinary_low, ordinary_high) = test.ratio_interval, test.accepted
    some = test.n_placebo > 0
    return {
        "p_lower": np.where(some, test.p_lower, np.nan),
        "p_upper": np.where(some, test.p_upper, np.nan),
        "ratio": test.ratio,
        "ratio_low": np.where(some, low, np.nan),
        "ratio_high": np.where(test.ratio > 0, high, np.inf),
        "expected_low": np.where(some, mean * ordinary_low, np.nan),
        "expected_high": mean * ordinary_high,
        "smallest_visible_cut": test.smallest_visible_cut,
    }
