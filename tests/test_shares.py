"""Shares by day: tiny cases by hand, a second route in plain Python, and the rate of false alarms."""

from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from made_up import refused

from analysis.calibration.study import share_size_study
from analysis.estimate import estimate_effect, estimate_share
from analysis.placebo import SAME_WEEKDAY

DAYS = pd.date_range("2025-01-01", periods=200, name="day")


def series(values, name):
    return pd.Series(np.asarray(values, dtype=float), DAYS[: len(values)], name=name)


@pytest.fixture
def articles():
    generator = np.random.default_rng(7)
    trials = generator.poisson(12, len(DAYS)).astype(float)
    return series(generator.binomial(trials.astype(int), 0.15), "energy"), series(trials, "articles")


def by_hand(hits, trials, first, length, recovery=7, step=1):
    """p for fewer, for more and of silence, and how many windows: by enumerating windows, with exact fractions."""
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
    return *(count / (len(others) + 1) for count in (low, high, floor)), len(others)


@pytest.mark.parametrize(("first", "length"), [(100, 1), (100, 3), (0, 4), (190, 7)])
@pytest.mark.parametrize(("step", "alternative"), [(1, "two-sided"), (1, "greater"), (7, "two-sided"), (7, "less")])
def test_p_values_agree_with_enumeration_by_hand(articles, first, length, step, alternative):
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
        alternative=alternative,
    )
    low, high, floor, n = by_hand(hits.tolist(), trials.tolist(), first, length, step=step)
    sides = {"two-sided": min(1, 2 * min(low, high)), "less": low, "greater": high}
    assert (effect.p_value, effect.n_placebo) == (pytest.approx(sides[alternative]), n)
    least = {"two-sided": min(1, 2 * floor), "less": floor, "greater": 1 / (n + 1)}
    assert effect.p_min == pytest.approx(least[alternative])
    assert effect.test == (SAME_WEEKDAY if step == 7 else "shift")


def test_expected_is_the_share_outside_times_the_trials_inside():
    trials = series([10.0] * 100, "articles")
    hits = series([2.0] * 100, "energy")
    hits.iloc[50:52], trials.iloc[50:52] = [1, 0], [20, 30]
    effect = estimate_share(hits, trials, DAYS[50:52], baseline=(DAYS[0], DAYS[99]))
    assert (effect.observed, effect.expected, effect.ratio) == (1, pytest.approx(10), pytest.approx(0.1))
    assert effect.verdict == "fewer"
    assert effect.daily.loc[effect.daily["role"] == "window", "trials"].tolist() == [20, 30]


def test_a_quiet_weekend_of_few_articles_is_not_fewer():
    weekend = DAYS.day_of_week >= 5
    trials = series(np.where(weekend, 10, 60), "articles")
    hits = series(np.where(weekend, 1, 6), "energy")
    window = DAYS[weekend][20:22]
    assert estimate_share(hits, trials, window, baseline=(DAYS[0], DAYS[-1])).ratio == pytest.approx(1)
    assert estimate_effect(hits, window, weekday=False).ratio < 0.3


def test_nothing_among_few_trials_is_never_more():
    """In the upper tail all windows without a hit are tied: few trials and no hit are no sign of a rise."""
    hits, trials = series([0] * 200, "energy"), series([50] * 200, "articles")
    hits.iloc[::10], trials.iloc[101] = 3, 1
    effect = estimate_share(hits, trials, DAYS[101:102], baseline=(DAYS[0], DAYS[-1]))
    assert (effect.verdict, effect.p_value, effect.ratio) == ("not testable", 1, 0)
    assert effect.reason == "even none at all is ordinary: 172 of 192 comparable windows have none"


def test_too_few_separate_windows_are_not_testable(articles):
    hits, trials = articles
    hits.iloc[40:43] = 0
    few = estimate_share(hits.iloc[:85], trials.iloc[:85], DAYS[40:43], baseline=(DAYS[0], DAYS[84]))
    assert few.p_min <= 0.05 and few.verdict == "not testable"
    assert few.reason == "only 25 separate windows to compare with, 39 are needed (a longer baseline= may hold more)"
    assert few.p_value is not None and few.smallest_visible_cut is None
    fewer = estimate_share(
        hits.iloc[:66], trials.iloc[:66], DAYS[40:43], baseline=(DAYS[0], DAYS[65]), alternative="less"
    )
    assert fewer.verdict == "not testable" and "only 18 separate windows to compare with, 19 are" in fewer.reason
    enough, short = (estimate_share(hits, trials, DAYS[40:43], baseline=(DAYS[0], DAYS[last])) for last in (126, 125))
    assert enough.testable and short.reason.startswith("only 38 separate windows")
    many = estimate_share(hits, trials, DAYS[40:43], baseline=(DAYS[0], DAYS[-1]))
    assert many.testable
    hits.iloc[40:43] = trials.iloc[40:43]
    rise = estimate_share(hits.iloc[:85], trials.iloc[:85], DAYS[40:43], baseline=(DAYS[0], DAYS[84]))
    assert rise.p_value <= 0.05 and rise.verdict == "not testable"
    assert estimate_share(hits, trials, DAYS[40:43], baseline=(DAYS[0], DAYS[-1])).verdict == "more"


def test_trials_that_do_not_cover_the_days_are_missing_and_more_hits_than_trials_refused(articles):
    hits, trials = articles
    with refused("energy, 1 row (2): more hits than trials"):
        estimate_share(hits.mask(DAYS[1] == DAYS, trials + 1), trials, DAYS[100:101])
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
