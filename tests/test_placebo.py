"""Placebo windows: every vectorised number against a loop that spells it out."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_up import statsmodels_mean

from analysis.expected import design_matrix
from analysis.placebo import (
    PlaceboTest,
    WindowTest,
    _by_mean_log,
    _silences_in_order,
    heavy_days,
    holes,
    leave_out_ratios,
    most_alike,
    shift_ratios,
    short_test,
    window_sums,
    without_pull,
)
from analysis.windows import Layout, placebo_starts

N_DAYS = 150
SIDES = ["two-sided", "less", "greater"]
patterns = st.lists(st.booleans(), min_size=1, max_size=7).filter(any).map(lambda days: np.array(days, bool))
seeds = st.integers(0, 999)


def noisy_counts(seed, size=N_DAYS):
    return np.random.default_rng(seed).negative_binomial(3, 0.05, size).astype(float)


def laid_out(counts, *, start, pattern, baseline=None, trend="linear"):
    """A layout by hand; the baseline is all days before the window unless another is given."""
    days = pd.date_range("2025-01-01", periods=counts.shape[-1])
    X = design_matrix(days, trend=trend, holidays=trend == "linear").to_numpy()
    baseline = np.arange(len(days)) < start if baseline is None else baseline
    return Layout(days, counts, X, baseline, start, pattern, leave_out=trend == "spline")


# --- windows


@settings(max_examples=30)
@given(patterns, seeds)
def test_window_sums_and_starts_against_a_loop(pattern, seed):
    values, eligible = noisy_counts(seed, (4, 2, 30)), np.random.default_rng(seed).random(30) < 0.8
    starts = np.array([0, 7, 3, 30 - len(pattern)])
    sums = window_sums(values, starts, pattern)
    assert sums.shape == (4, 2, 4)
    for series in np.ndindex(4, 2):
        for k, start in enumerate(starts):
            assert sums[(*series, k)] == sum(values[series][start + j] for j in np.flatnonzero(pattern))
    by_hand = [s for s in range(31 - len(pattern)) if all(eligible[s + j] for j in np.flatnonzero(pattern))]
    assert placebo_starts(eligible, pattern).tolist() == by_hand
    whole = window_sums(np.where(np.arange(50) < 25, 3e12 + 1, 0.0), np.array([23, 25]), np.ones(2, bool))
    assert whole.tolist() == [6e12 + 2, 0]  # not blurred by differences of large sums
    assert len(placebo_starts(eligible, pattern & False)) == 0
    assert len(placebo_starts(np.ones(len(pattern), bool), pattern)) == 1


# --- observed over expected


@pytest.mark.parametrize("test", ["shift", "after-salvo", "auto"])
def test_thousands_of_series_take_the_same_path_as_one(test):
    counts = noisy_counts(5, (6, N_DAYS))
    counts[2] = 0
    counts[3, 145:] *= 60  # swamps the fit
    layout = laid_out(counts[0], start=145, pattern=np.ones(3, bool))
    salvo = np.random.default_rng(6).random(counts.shape) < 0.2
    together = short_test(layout, counts, salvo, test=test)
    for k in range(6):
        apart = short_test(layout, counts[k], salvo[k], test=test)
        for name in ("ratio", "placebos", "expected", "p_value", "p_min_fall", "p_min_rise", "smallest_visible_cut"):
            np.testing.assert_allclose(getattr(together, name)[k], getattr(apart, name), rtol=1e-9)
        np.testing.assert_allclose([end[k] for end in together.ratio_interval], apart.ratio_interval)
    assert np.isnan(together.placebos[2]).all() and together.n_placebo[2] == 0 and together.p_value[2] == 1


@settings(max_examples=20)
@given(patterns, st.sampled_from([0.0, 0.3, 1.0, 2.5]))
def test_without_its_pull_a_window_is_judged_as_by_a_fit_that_leaves_it_out(pattern, factor):
    counts = np.random.default_rng(9).poisson(80.0, 240).astype(float)
    counts[233:] *= factor
    counts[233 + np.flatnonzero(~pattern)] = np.nan
    layout = laid_out(counts, start=233, pattern=pattern)
    pulled = shift_ratios(layout, layout.filled, layout.fitted)
    ratio, placebos, expected = without_pull(layout, *pulled)
    inside = 233 + np.flatnonzero(pattern)
    left_out = statsmodels_mean(layout.X, counts, layout.baseline)[inside].sum()
    assert ratio == pytest.approx(counts[inside].sum() / left_out, rel=0.02)
    assert expected[inside].sum() == pytest.approx(left_out, rel=0.02)
    assert abs(ratio - 1) >= abs(pulled[0] - 1)
    assert (np.argsort(placebos) == np.argsort(pulled[1])).all()
    for tail in ("p_lower", "p_upper"):
        assert getattr(PlaceboTest(ratio, placebos), tail) == getattr(PlaceboTest(*pulled[:2]), tail)


def test_leave_out_ratios_against_a_loop_of_statsmodels_fits():
    counts, pattern = noisy_counts(6, 320), np.arange(20) != 4
    counts[[40, 41, 200]] = np.nan
    baseline = ~np.isnan(counts)
    baseline[150 : 150 + 20 + 14] = False
    layout = laid_out(counts, start=150, pattern=pattern, baseline=baseline, trend="spline")
    starts = layout.starts[::9]
    ratio, placebos, expected = leave_out_ratios(layout, layout.filled, starts)
    np.testing.assert_allclose(expected, statsmodels_mean(layout.X, counts, baseline), rtol=1e-8)
    beside = [min(baseline[:start].sum(), baseline[start + 34 :].sum()) for start in starts]
    np.testing.assert_array_equal(np.isnan(placebos), np.array(beside) < 40)
    for start, found in [(150, ratio), *zip(starts, placebos, strict=True)]:
        if np.isnan(found):
            continue
        rows = baseline.copy()
        rows[start : start + 34] = False  # as wide a hole as the tested window and the 14 days after it make
        mean = statsmodels_mean(layout.X, counts, rows)
        inside = start + np.flatnonzero(pattern)
        assert found == pytest.approx(np.nansum(counts[inside]) / mean[inside].sum(), rel=1e-8)


def test_holes_by_hand():
    """A hole of ten days, four before the window; forty fitted days on either side can bridge it."""
    fitted = (np.arange(200) >= 60) & ~np.isin(np.arange(200), np.arange(100, 110))
    first, last, bridged = holes(fitted, 104, 3, np.array([2, 103, 104, 154, 155, 199]))
    assert first.tolist() == [-2, 99, 100, 150, 151, 195] and last.tolist() == [8, 109, 110, 160, 161, 205]
    assert bridged.tolist() == [False, False, True, True, False, False]
    first, last, _ = holes(np.arange(200) >= 60, 20, 3, np.array([20, 30]))  # nothing before the window
    assert (first.tolist(), last.tolist()) == ([0, 10], [60, 70])


# --- salvos


@pytest.mark.parametrize(
    "counts, expected, n_baseline, heavy",
    [
        # ratios 1 2 3 4 5 .6 .7 .8 .9 1 with the threshold between 3 and 4 | 10, missing
        ([10, 20, 30, 40, 50, 60, 70, 80, 90, 100, 1000, np.nan], [10.0] * 5 + [100.0] * 7, 10, [3, 4, 10]),
        (np.arange(21), np.ones(21), 21, [17, 18, 19, 20]),  # the 85th percentile of 21 values is the 18th
        ([0] * 19 + [2], np.ones(20), 20, [19]),
    ],
    ids=["over what is expected", "exactly at the threshold", "never a day without launches"],
)
def test_heavy_days_by_hand(counts, expected, n_baseline, heavy):
    baseline = np.arange(len(counts)) < n_baseline
    assert np.flatnonzero(heavy_days(np.array(counts, float), np.array(expected), baseline)).tolist() == heavy


# --- the test itself


def loop_p_values(ratio, placebos):
    usable = [value for value in placebos if not np.isnan(value)]
    lower = (1 + sum(value <= ratio for value in usable)) / (len(usable) + 1)
    upper = (1 + sum(value >= ratio for value in usable)) / (len(usable) + 1)
    return {"less": lower, "greater": upper, "two-sided": min(1, 2 * min(lower, upper))}


tied = st.lists(st.integers(0, 12).map(lambda k: k / 3) | st.just(np.nan), max_size=60)


@settings(max_examples=60)
@given(st.integers(0, 13).map(lambda k: k / 3), tied, st.randoms())
def test_p_values_count_ties_and_the_window_itself_in_any_order(ratio, placebos, order):
    for alternative in SIDES:
        test = PlaceboTest(np.array(ratio), np.array(placebos, float), alternative)
        assert test.p_value == pytest.approx(loop_p_values(ratio, placebos)[alternative], rel=1e-12)
        assert test.n_placebo == sum(value == value for value in placebos)
        assert test.p_min_fall == pytest.approx(
            1 if alternative == "greater" else loop_p_values(0, placebos)[alternative]
        )
        assert test.p_min_rise == pytest.approx(1 if alternative == "less" else loop_p_values(5, placebos)[alternative])
        best = min(loop_p_values(value, placebos)[alternative] for value in np.arange(0, 6, 0.1))
        assert best == pytest.approx(min(test.p_min_fall, test.p_min_rise))
        shuffled = order.sample(placebos, len(placebos))
        assert PlaceboTest(np.array(ratio), np.array(shuffled, float), alternative).p_value == test.p_value


hundredths = st.integers(5, 200).flatmap(
    lambda n: seeds.map(lambda seed: np.random.default_rng(seed).gamma(2, 0.5, n).round(2))
)


@settings(max_examples=40)
@given(hundredths, st.sampled_from(SIDES), st.sampled_from([0.05, 0.1, 0.32]))
def test_what_is_accepted_is_not_rejected_and_the_interval_is_its_inversion(placebos, alternative, alpha):
    test = PlaceboTest(0.35, placebos, alternative, alpha)
    (low, high), (smallest, largest) = test.accepted, test.ratio_interval
    grid = np.unique(np.concatenate([[0, 0.05, 8], placebos, placebos + 1e-4, placebos - 1e-4]).round(4).clip(0))
    for value in grid:
        kept = loop_p_values(value, placebos)[alternative] > alpha + 1e-12
        assert kept == (low - 1e-9 <= value <= high + 1e-9)
        if value > 0:
            assert kept == (smallest * (1 - 1e-9) <= 0.35 / value <= largest * (1 + 1e-9))


def test_ties_silence_and_floor_by_hand():
    placebos = np.array([0.1 + 0.2, 0.5, 0.7])
    assert PlaceboTest(0.3, placebos, "less").p_value == pytest.approx(2 / 4)  # they differ by rounding alone
    assert PlaceboTest(0.3, placebos, "greater").p_value == 1
    assert PlaceboTest(0.6, placebos, "greater", floor=0.65).p_value == 1  # all below the floor are tied
    assert PlaceboTest(0.6, placebos, "greater", floor=0.55).p_value == pytest.approx(2 / 4)
    assert PlaceboTest(0.6, placebos, "less", silence=0.4).p_min_fall == pytest.approx(2 / 4)
    low, high = PlaceboTest(0.0, np.linspace(0.2, 2, 99)).ratio_interval
    assert low == 0 and high == 0  # zero over anything: the estimate withholds this end and says why
    alone, unknown = PlaceboTest(np.array(0.5), np.array([])), PlaceboTest(np.nan, np.linspace(0.5, 2, 99))
    assert (alone.n_placebo, alone.p_value, alone.p_min_fall, alone.p_min_rise) == (0, 1, 1, 1)
    assert [float(end) for end in alone.accepted] == [0, np.inf] and np.isnan(alone.smallest_visible_cut)
    assert (unknown.p_value, unknown.p_lower, unknown.p_upper) == (1, 1, 1)


@pytest.mark.parametrize(
    "own, alike, quietest",
    [
        (0.0, [0, 1], True),  # two of twenty, around its own rank but never beyond the end
        (0.15, [1, 2], False),
        (0.95, [9, 10], False),
        (9.0, [18, 19], False),
    ],
)
def test_the_tenth_of_windows_most_alike_by_hand(own, alike, quietest):
    ratios = np.arange(20)[::-1] / 10
    found, lowest = most_alike(ratios, np.array([own]))
    assert sorted(19 - np.flatnonzero(found)) == alike and lowest == quietest
    few, _ = most_alike(np.array([3.0, 1.0, 2.0, 2.0]), np.array([2.1]))
    assert few.tolist() == [True, False, False, False]  # one at least
    tied, _ = most_alike(np.array([3.0, 1.0, 2.0, 2.0]), np.array([1.5]))
    assert tied.tolist() == [False, False, True, True]
    none, lowest = most_alike(np.ones((2, 0)), np.ones((2, 1)))
    assert none.shape == (2, 0) and lowest.tolist() == [False, False]


@pytest.mark.parametrize("own, ratio, p_lower, p_upper", [(1.0, 0.5, 3 / 5, 3 / 5), (0.0, -0.25, 2 / 5, 1)])
def test_of_windows_without_a_hit_the_one_that_expected_more_is_lower(own, ratio, p_lower, p_upper):
    counts, expected = np.array([0, 2, 0, 0, 4, own]), np.array([1.0, 3, 4, 3, 2, 2])
    layout = laid_out(counts, start=5, pattern=np.ones(1, bool))
    tried = WindowTest(9.0, np.array([1.0, 1, 1, np.nan, 1]), "less", expected=expected)
    found = _silences_in_order(layout, counts, tried)
    np.testing.assert_allclose(found.placebos, [-0.125, 2 / 3, -0.5, np.nan, 2])  # 0: minus half of expected / largest
    assert (found.ratio, found.silence, found.n_placebo) == (ratio, -0.25, 4)
    assert (found.p_lower, found.p_upper, found.p_min_fall) == (p_lower, p_upper, 2 / 5)  # from above they are tied


def test_mean_log_by_hand():
    """Four days before the window, two-day windows, a flat level of 10: log((y + 5) / 15) of each day."""
    counts = np.array([10.0, 10, 10, 10, 25, 10, 10, 5, 10, 10, 0, 10])
    layout = laid_out(counts, start=10, pattern=np.ones(2, bool))
    level = np.full(12, 10.0)
    tried = WindowTest(np.array(0.5), np.where(np.arange(9) == 1, np.nan, 1.0), "less", 0.5, expected=level)
    found = _by_mean_log(layout, counts, level, tried)
    a_third, double, two_thirds = np.log(1 / 3) / 2, np.log(2) / 2, np.log(2 / 3) / 2
    assert found.ratio == pytest.approx(a_third) and found.silence == pytest.approx(np.log(1 / 3))
    expected = [0, np.nan, 0, double, double, 0, two_thirds, two_thirds, 0]
    np.testing.assert_allclose(found.placebos, expected, atol=1e-12)
    assert (found.p_value, found.p_min_fall, found.n_placebo) == (1 / 9, 1 / 9, 8)
    # four of nine ranks are rejected, so all below the fourth lowest, 0; the loudest windows, of 25 and 10, are the
    # last to fall below it: (25 x 0.61 + 5) (10 x 0.61 + 5) = 224.8 < 225 = 15 x 15, but with 0.62 it is 229.6
    assert found.accepted[0] == 0 and found.smallest_visible_cut == pytest.approx(0.39)


@settings(max_examples=30)
@given(hundredths, st.sampled_from(SIDES[:2]))
def test_smallest_visible_cut_turns_four_in_five_placebos_into_rejections(placebos, alternative):
    def share_found(cut):
        limit = (0.025 if alternative == "two-sided" else 0.05) + 1e-12
        below = (placebos[None, :] <= placebos[:, None] * (1 - cut)).sum(1)
        return np.mean((1 + below) / (len(placebos) + 1) <= limit)

    assert np.isnan(PlaceboTest(1.0, placebos, "greater").smallest_visible_cut)
    cut = PlaceboTest(1.0, placebos, alternative).smallest_visible_cut
    if np.isnan(cut):
        assert share_found(1 - 1e-9) < 0.8
    else:
        assert share_found(cut + 1e-6) >= 0.8 > share_found(cut - 1e-6)
