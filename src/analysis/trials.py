"""The tests as the size study runs them: on thousands of simulated series at once, by the rules of `estimation`."""

from functools import lru_cache

import numpy as np
import pandas as pd

from analysis.estimation import QUIET_SHARE, SALVO_LAG
from analysis.layout import ONE_DAY, lay_out
from analysis.nullmodel import expected_counts
from analysis.placebo import (
    TIE,
    PlaceboTest,
    days_since_salvo,
    heavy_days,
    leave_out_ratios,
    placebo_starts,
    shift_ratios,
    window_sums,
)

ORDINARY_DAY, HOLIDAY = "2026-02-03", "2026-05-09"


@lru_cache(maxsize=64)
def simulated_layout(before, length, *, after=0, announced=0, first_day=ORDINARY_DAY):
    """Lay a simulated series out on a calendar whose window begins on `first_day`."""
    start = pd.Timestamp(first_day)
    days = pd.date_range(start - before * ONE_DAY, periods=before + length + after)
    return lay_out(
        pd.Series(1.0, days), days[before : before + length], baseline=before, announced=start - announced * ONE_DAY
    )


def window_shift(batch, layout):
    ratio, placebos, expected = _shift(batch, layout)
    return _answer(PlaceboTest(ratio, placebos), expected, layout)


def after_salvo(batch, layout):
    ratio, placebos, expected = _shift(batch, layout)
    _, matched = _matched(batch, layout, expected)
    return _answer(PlaceboTest(ratio, np.where(matched, placebos, np.nan)), expected, layout)


def automatic(batch, layout):
    ratio, placebos, expected = _shift(batch, layout)
    lag, matched = _matched(batch, layout, expected)
    chosen = np.where((lag <= SALVO_LAG)[:, None], np.where(matched, placebos, np.nan), placebos)
    return _answer(PlaceboTest(ratio, chosen), expected, layout)


def stated_cut(batch, layout):
    """Find the cut that each series' own test calls visible: plant it and test again."""
    ratio, placebos, _ = _shift(batch, layout)
    cut = PlaceboTest(ratio, placebos).smallest_visible_cut
    counts = batch.counts.copy()
    counts[:, layout.window] *= 1 - np.nan_to_num(cut)[:, None]
    ratio, placebos, _ = shift_ratios(layout.X, counts, layout.fitted, layout.start, layout.starts, layout.pattern)
    test = PlaceboTest(ratio, placebos)
    none = np.isnan(cut)
    return {"p_lower": np.where(none, np.nan, test.p_lower), "p_upper": np.where(none, np.nan, test.p_upper), "cut": cut}


def after_quiet(batch, layout, quiet_days):
    weights = layout.baseline.astype(float)
    counts = batch.counts[:, : len(layout.days)]
    expected, _ = expected_counts(layout.X, counts, weights=weights)
    both = placebo_starts(layout.baseline, np.ones(quiet_days + len(layout.pattern), bool))
    before = np.ones(quiet_days, bool)
    quiet = window_sums(counts, both, before) / window_sums(expected, both, before)
    after = window_sums(counts, both + quiet_days, layout.pattern) / window_sums(
        expected, both + quiet_days, layout.pattern
    )
    limit = np.nanquantile(quiet, QUIET_SHARE, axis=1, keepdims=True)
    here = np.array([layout.start])
    ratio = (window_sums(counts, here, layout.pattern) / window_sums(expected, here, layout.pattern))[:, 0]
    out = _answer(PlaceboTest(ratio, np.where(quiet <= limit, after, np.nan)), expected, layout)
    allp = PlaceboTest(ratio, after).p_upper
    out["p_all"] = allp
    out["p_both"] = np.maximum(allp, out["p_upper"])
    return out


def _shift(batch, layout):
    counts = batch.counts[:, : len(layout.days)]
    return shift_ratios(layout.X, counts, layout.fitted, layout.start, layout.starts, layout.pattern)


def _matched(batch, layout, expected):
    counts, salvo = batch.counts[:, : len(layout.days)], batch.salvo[:, : len(layout.days)]
    since = days_since_salvo(heavy_days(counts, expected, layout.baseline) | salvo)
    lag = since[:, layout.start]
    return lag, since[:, layout.starts] == lag[:, None]


def _answer(test, expected, layout):
    mean = window_sums(expected, np.array([layout.start]), layout.pattern)[:, 0]
    (low, high), (accepted_low, accepted_high) = test.ratio_interval, test.accepted
    some = test.n_placebo > 0
    return {
        "p_lower": np.where(some, test.p_lower, np.nan),
        "p_upper": np.where(some, test.p_upper, np.nan),
        "ratio": test.ratio,
        "ratio_low": low,
        "ratio_high": np.where(test.ratio > 0, high, np.inf),
        "expected_low": mean * accepted_low,
        "expected_high": mean * accepted_high,
    }
