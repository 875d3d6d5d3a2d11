"""Shares by day: tiny cases by hand, a second route in plain Python, and the rate of false alarms."""

from fractions import Fraction

import numpy as np
import pandas as pd
import pytest

from analysis.calibration.study import share_size_study
from analysis.errors import DesignError
from analysis.estimate import estimate_effect, estimate_share
from analysis.placebo import SAME_WEEKDAY, order_windows

DAYS = pd.date_range("2025-01-01", periods=200, name="day")


def series(values, name):
    return pd.Series(np.asarray(values, dtype=float), DAYS[: len(values)], name=name)


@pytest.fixture
def articles():
    generator = np.random.default_rng(7)
    trials = generator.poisson(12, len(DAYS)).astype(float)
    return series(generator.binomial(trials.astype(int), 0.15), "energy"), series(trials, "articles")


def by_hand(hits, trials, first, length, recovery=7, step=1):
    """Two-sided p and floor by enumerating windows one by one, with exact fractions."""
    usable = [
        t > 0 and h == h and not first <= i < first + length + recovery
        for i, (h, t) in enumerate(zip(hits, trials, strict=True))
    ]
    inside = [day for day in range(length) if trials[first + day] > 0 and hits[first + day] == hits[first + day]]

    def place(start, seen=None):
        h = sum(int(hits[start + day]) for day in inside) if seen is None else seen
        t = sum(int(trials[start + day]) for day in inside)
        return (Fraction(h, t), -t if h == 0 else 0)  # of two without a hit, more trials is lower

    own, nothing = place(first), place(first, 0)
    others = [
        place(start)
        for start in range(len(hits) - length + 1)
        if (start - first) % step == 0 and all(usable[start + day] for day in inside)
    ]
    low, floor = (1 + sum(other <= limit for other in others) for limit in (own, nothing))
    high = 1 + sum(other[0] >= own[0] for other in others)
    return min(1, 2 * min(low, high) / (len(others) + 1)), min(1, 2 * floor / (len(others) + 1)), len(others)


@pytest.mark.parametrize(("first", "length"), [(100, 1), (100, 3), (0, 4), (190, 7)])
@pytest.mark.parametrize("step", [1, 7])
def test_p_values_agree_with_enumeration_by_hand(articles, first, length, step):
    hits, trials = articles
    hits.iloc[[20, 101, 150]] = np.nan
    trials.iloc[[40, 191]] = 0
    window = DAYS[first : first + length]
    effect = estimate_share(
        hits.where(trials > 0, np.minimum(hits, trials)),
        trials,
        window,
        baseline=(DAYS[0], DAYS[-1]),
        same_weekday=step == 7,
    )
    p, floor, windows = by_hand(hits.tolist(), trials.tolist(), first, length, step=step)
    assert (effect.p_value, effect.p_min, effect.n_placebo) == (pytest.approx(p), pytest.approx(floor), windows)
    assert effect.test == (SAME_WEEKDAY if step == 7 else "shift")


def test_expected_is_the_share_outside_times_the_trials_inside():
    trials = series([10.0] * 100, "articles")
    hits = series([2.0] * 100, "energy")
    hits.iloc[50:52], trials.iloc[50:52] = [1, 0], [20, 30]
    effect = estimate_share(hits, trials, DAYS[50:52], baseline=(DAYS[0], DAYS[99]))
    assert (effect.observed, effect.expected, effect.ratio) == (1, pytest.approx(10), pytest.approx(0.1))
    assert effect.verdict == "fewer"
    assert effect.daily.loc[effect.daily["role"] == "window", "trials"].tolist() == [20, 30]


def test_with_equal_denominators_it_is_the_test_of_counts(articles):
    hits, _ = articles
    options = {"baseline": (DAYS[0], DAYS[-1])}
    share = estimate_share(hits, series([40] * len(DAYS), "articles"), DAYS[90:93], **options)
    count = estimate_effect(hits, DAYS[90:93], trend="constant", weekday=False, holidays=False, test="shift", **options)
    assert (share.p_value, share.p_min, share.n_placebo) == (count.p_value, count.p_min, count.n_placebo)


def test_a_quiet_weekend_of_few_articles_is_not_fewer():
    weekend = DAYS.day_of_week >= 5
    trials = series(np.where(weekend, 10, 60), "articles")
    hits = series(np.where(weekend, 1, 6), "energy")
    window = DAYS[weekend][20:22]
    assert estimate_share(hits, trials, window, baseline=(DAYS[0], DAYS[-1])).ratio == pytest.approx(1)
    assert estimate_effect(hits, window, weekday=False).ratio < 0.3


def test_of_two_windows_without_a_hit_the_one_with_more_trials_is_lower():
    seen, expected = np.array([0, 0, 1, 0, 5]), np.array([2.0, 4, 4, 0, 1])
    order = order_windows(seen, expected)
    assert np.isnan(order[3])
    assert np.argsort(order[[0, 1, 2, 4]]).tolist() == [1, 0, 2, 3]


def test_nothing_among_few_trials_is_never_more():
    """In the upper tail all windows without a hit are tied: few trials and no hit are no sign of a rise."""
    hits, trials = series([0] * 200, "energy"), series([50] * 200, "articles")
    hits.iloc[::10], trials.iloc[101] = 3, 1
    effect = estimate_share(hits, trials, DAYS[101:102], baseline=(DAYS[0], DAYS[-1]))
    assert (effect.verdict, effect.p_value, effect.ratio) == ("not testable", 1, 0)


def test_too_few_separate_windows_are_not_testable(articles):
    hits, trials = articles
    hits.iloc[40:43] = 0
    few = estimate_share(hits.iloc[:85], trials.iloc[:85], DAYS[40:43], baseline=(DAYS[0], DAYS[84]))
    assert few.p_min <= 0.05 and few.verdict == "not testable"
    assert few.reason == "only 25 separate windows to compare with, 39 are needed (a longer baseline= may hold more)"
    assert few.p_value is not None and few.smallest_visible_cut is None
    many = estimate_share(hits, trials, DAYS[40:43], baseline=(DAYS[0], DAYS[-1]))
    assert many.testable
    hits.iloc[40:43] = trials.iloc[40:43]
    rise = estimate_share(hits.iloc[:85], trials.iloc[:85], DAYS[40:43], baseline=(DAYS[0], DAYS[84]))
    assert rise.p_value <= 0.05 and rise.verdict == "not testable"
    assert estimate_share(hits, trials, DAYS[40:43], baseline=(DAYS[0], DAYS[-1])).verdict == "more"


def test_a_fall_that_even_none_would_not_show_is_not_testable():
    hits = series(np.where(np.arange(200) % 3, 0, 2), "energy")
    effect = estimate_share(hits, series([9] * 200, "articles"), DAYS[100:101], baseline=(DAYS[0], DAYS[-1]))
    assert effect.verdict == "not testable" and "even none at all is ordinary: 127 of 192" in effect.reason


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda h, t: (h + t, t), "more hits than trials"),
        (lambda h, t: (h - 50, t), "not numbers of 0 or more"),
        (lambda h, t: (h.iloc[::-1], t), "unsorted"),
        (lambda h, t: (h.drop(DAYS[5]), t), "missing from the index"),
        (lambda h, t: (h, t.to_list()), "must be a Series"),
    ],
)
def test_hostile_series_are_refused(articles, change, message):
    with pytest.raises(DesignError, match=message):
        estimate_share(*change(*articles), DAYS[100:101])


def test_trials_that_do_not_cover_the_days_are_missing(articles):
    hits, trials = articles
    effect = estimate_share(hits, trials.iloc[:101], DAYS[100:103], baseline=(DAYS[0], DAYS[-1]))
    assert (effect.n_missing, effect.n_days) == (2, 3)


def test_size_holds_when_hits_cluster_and_fisher_does_not():
    rates = share_size_study(replicates=2000, seed=0)
    assert rates["window_shift"].between(0.03, 0.06).all()
    assert rates["window_shift_less"].between(0.03, 0.06).all()
    assert rates.loc["independent", "fisher"] < 0.05
    assert rates.loc["clustered, lasting", "fisher"] == pytest.approx(0.14, abs=0.03)
    assert rates.loc["strongly clustered", "fisher"] == pytest.approx(0.21, abs=0.03)
    assert rates["none_by_chance"].is_monotonic_increasing


def test_the_size_study_is_the_same_for_the_same_seed():
    first, again, other = (share_size_study(replicates=200, seed=seed) for seed in (1, 1, 2))
    pd.testing.assert_frame_equal(first, again)
    assert not first.equals(other)
