"""Placebo windows: every vectorised number against a loop that spells it out."""

import numpy as np
import pandas as pd
import pytest

from analysis.calibration.processes import CountAutoregression
from analysis.expected import design_matrix
from analysis.placebo import (
    PlaceboTest,
    days_since_salvo,
    heavy_days,
    leave_out_ratios,
    shift_ratios,
    window_sums,
    without_pull,
)
from analysis.windows import placebo_starts

N_DAYS = 150
DAYS = pd.date_range("2025-01-01", periods=N_DAYS)
PATTERNS = {"one day": [1], "three days": [1, 1, 1], "a hole": [1, 0, 1, 1], "late start": [0, 0, 1], "ends": [1, 0, 1]}


def pattern_of(name):
    return np.array(PATTERNS[name], bool)


def noisy_counts(seed, size=N_DAYS):
    return np.random.default_rng(seed).negative_binomial(3, 0.05, size).astype(float)


def statsmodels_prediction(X, counts, rows):
    import statsmodels.api as sm

    fit = sm.GLM(counts[rows], X[rows], family=sm.families.Poisson()).fit(maxiter=300, tol=1e-13)
    return np.exp(X @ fit.params)


# --- windows


@pytest.mark.parametrize("name", PATTERNS)
def test_window_sums_against_a_loop(name):
    pattern, values = pattern_of(name), noisy_counts(1, (4, 2, 30))
    starts = np.array([0, 7, 3, 30 - len(pattern)])
    sums = window_sums(values, starts, pattern)
    assert sums.shape == (4, 2, 4)
    for series in np.ndindex(4, 2):
        for k, start in enumerate(starts):
            assert sums[(*series, k)] == sum(values[series][start + j] for j in range(len(pattern)) if pattern[j])


def test_sums_of_huge_and_of_fractional_counts_are_not_blurred():
    values = np.where(np.arange(50) < 25, 3e12 + 1, 0.0)
    assert window_sums(values, np.array([23, 25]), np.ones(2, bool)).tolist() == [6e12 + 2, 0]
    assert window_sums(np.where(np.arange(50) < 25, 0.1, 0.0), np.array([30]), np.ones(2, bool)).tolist() == [0]


@pytest.mark.parametrize("name", PATTERNS)
@pytest.mark.parametrize("share", [0.0, 0.5, 0.9, 1.0])
def test_placebo_starts_against_a_loop(name, share):
    pattern, eligible = pattern_of(name), np.random.default_rng(2).random(60) < share
    by_hand = [
        start
        for start in range(60 - len(pattern) + 1)
        if all(eligible[start + j] for j in range(len(pattern)) if pattern[j])
    ]
    assert placebo_starts(eligible, pattern).tolist() == by_hand


# --- observed over expected


@pytest.mark.parametrize("name", PATTERNS)
def test_shift_ratios_against_statsmodels(name):
    pattern, X, counts = pattern_of(name), design_matrix(DAYS).to_numpy(), noisy_counts(3)
    window_start = 130
    fitted = (np.random.default_rng(4).random(N_DAYS) < 0.8) & (np.arange(N_DAYS) < 130)
    starts = placebo_starts(fitted, pattern)
    fitted[window_start + np.flatnonzero(pattern)] = True
    ratio, placebos, expected = shift_ratios(X, counts, fitted, window_start, starts, pattern)
    mean = statsmodels_prediction(X, counts, fitted)
    np.testing.assert_allclose(expected, mean, rtol=1e-8)
    for start, found in [(window_start, ratio), *zip(starts, placebos, strict=True)]:
        days = [start + j for j in range(len(pattern)) if pattern[j]]
        assert found == pytest.approx(sum(counts[days]) / sum(mean[days]), rel=1e-8)


def test_thousands_of_series_take_the_same_path_as_one():
    X, counts, pattern = design_matrix(DAYS).to_numpy(), noisy_counts(5, (6, N_DAYS)), np.ones(3, bool)
    counts[2] = 0
    starts, fitted = np.arange(0, 140), np.ones(N_DAYS, bool)
    ratio, placebos, expected = shift_ratios(X, counts, fitted, 145, starts, pattern)
    together = PlaceboTest(ratio, placebos)
    for k in range(6):
        alone = shift_ratios(X, counts[k], fitted, 145, starts, pattern)
        for batch, single in zip((ratio, placebos, expected), alone, strict=True):
            np.testing.assert_allclose(batch[k], single, rtol=1e-9)
        apart = PlaceboTest(*alone[:2])
        for name in ("n_placebo", "p_lower", "p_upper", "p_value", "p_min_fall", "p_min_rise", "smallest_visible_cut"):
            assert getattr(together, name)[k] == pytest.approx(getattr(apart, name), rel=1e-9, nan_ok=True), name
        for name in ("accepted", "ratio_interval"):
            for end in (0, 1):
                assert getattr(together, name)[end][k] == pytest.approx(getattr(apart, name)[end], nan_ok=True), name
    assert np.isnan(placebos[2]).all() and together.n_placebo[2] == 0 and together.p_value[2] == 1


@pytest.mark.parametrize("name", ["one day", "three days", "a hole"])
@pytest.mark.parametrize("factor", [0.0, 0.3, 1.0, 4.0])
def test_without_its_pull_a_window_is_judged_as_by_a_fit_that_leaves_it_out(name, factor):
    days = pd.date_range("2025-01-01", periods=240)
    pattern, X = pattern_of(name), design_matrix(days).to_numpy()
    counts = np.random.default_rng(9).poisson(80.0, 240).astype(float)
    start, baseline = 233, np.arange(240) < 233
    counts[233:] *= factor
    fitted = baseline.copy()
    fitted[start + np.flatnonzero(pattern)] = True
    starts = placebo_starts(baseline, pattern)
    pulled = shift_ratios(X, counts, fitted, start, starts, pattern)
    ratio, placebos, expected = without_pull(X, *pulled, baseline, start, pattern)
    inside = start + np.flatnonzero(pattern)
    left_out = statsmodels_prediction(X, counts, baseline)[inside].sum()
    assert ratio == pytest.approx(counts[inside].sum() / left_out, rel=0.02)
    assert expected[inside].sum() == pytest.approx(left_out, rel=0.02)
    assert abs(ratio - 1) >= abs(pulled[0] - 1)
    assert (np.argsort(placebos) == np.argsort(pulled[1])).all()
    for tail in ("p_lower", "p_upper"):
        assert getattr(PlaceboTest(ratio, placebos), tail) == getattr(PlaceboTest(*pulled[:2]), tail)


def test_many_series_lose_their_pull_as_one_does():
    X, pattern, baseline = design_matrix(DAYS).to_numpy(), np.ones(3, bool), np.arange(N_DAYS) < 145
    counts = noisy_counts(10, (5, N_DAYS))
    fitted = baseline | (np.arange(N_DAYS) >= 145) & (np.arange(N_DAYS) < 148)
    batch = shift_ratios(X, counts, fitted, 145, np.arange(140), pattern)
    together = without_pull(X, *batch, baseline, 145, pattern)
    for k in range(5):
        alone = without_pull(X, *(part[k] for part in batch), baseline, 145, pattern)
        for many, one in zip(together, alone, strict=True):
            np.testing.assert_allclose(many[k], one, rtol=1e-9)


def test_a_silent_series_leaves_its_neighbours_alone():
    X, pattern, baseline = design_matrix(DAYS).to_numpy(), np.ones(3, bool), np.arange(N_DAYS) < 145
    counts = np.array([noisy_counts(11), np.zeros(N_DAYS)])
    batch = shift_ratios(X, counts, np.ones(N_DAYS, bool), 145, np.arange(140), pattern)
    ratio, placebos, _ = without_pull(X, *batch, baseline, 145, pattern)
    assert np.isfinite(ratio[0]) and np.isfinite(placebos[0]).all() and np.isnan(ratio[1])


def test_leave_out_ratios_against_a_loop_of_statsmodels_fits():
    days = pd.date_range("2024-01-01", periods=320)
    X, counts = design_matrix(days, trend="spline", holidays=False).to_numpy(), noisy_counts(6, 320)
    counts[[40, 41, 200]] = np.nan
    pattern = np.ones(20, bool)
    pattern[4] = False
    baseline = ~np.isnan(counts)
    baseline[150 : 150 + 20 + 14] = False
    starts = placebo_starts(baseline, pattern)[::9]
    ratio, placebos, expected = leave_out_ratios(X, np.nan_to_num(counts), baseline, 150, starts, pattern)
    np.testing.assert_allclose(expected, statsmodels_prediction(X, counts, baseline), rtol=1e-8)
    beside = [min(baseline[:start].sum(), baseline[start + 34 :].sum()) for start in starts]
    np.testing.assert_array_equal(np.isnan(placebos), np.array(beside) < 40)
    for start, found in [(150, ratio), *zip(starts, placebos, strict=True)]:
        if np.isnan(found):
            continue
        rows = baseline.copy()
        rows[start : start + 34] = False  # as wide a hole as the tested window and the 14 days after it make
        mean = statsmodels_prediction(X, counts, rows)
        inside = start + np.flatnonzero(pattern)
        assert found == pytest.approx(np.nansum(counts[inside]) / mean[inside].sum(), rel=1e-8)


# --- salvos


def test_days_since_salvo_against_a_loop():
    salvo = np.random.default_rng(7).random((3, 40)) < 0.15
    salvo[2] = False
    since = days_since_salvo(salvo)
    for row in range(3):
        np.testing.assert_array_equal(since[row], days_since_salvo(salvo[row]))
        for day in range(40):
            before = [k for k in range(day) if salvo[row, k]]
            by_hand = day - before[-1] if before else np.nan
            np.testing.assert_equal(since[row, day], by_hand)


def test_heavy_days_are_the_top_of_the_baseline_by_counts_over_expected():
    counts = np.array([10.0, 20, 30, 40, 50, 60, 70, 80, 90, 100, 1000, np.nan])
    expected = np.array([10.0] * 5 + [100.0] * 7)  # ratios 1 2 3 4 5 .6 .7 .8 .9 1 | 10, missing
    baseline = np.array([True] * 10 + [False, False])
    threshold = np.quantile([1, 2, 3, 4, 5, 0.6, 0.7, 0.8, 0.9, 1], 0.85)
    assert 3 < threshold < 4
    assert np.flatnonzero(heavy_days(counts, expected, baseline)).tolist() == [3, 4, 10]


def test_a_day_exactly_at_the_threshold_is_heavy():
    counts = np.arange(21.0)  # the 85th percentile of 21 values is the 18th
    assert np.flatnonzero(heavy_days(counts, np.ones(21), np.ones(21, bool))).tolist() == [17, 18, 19, 20]


def test_a_day_without_launches_is_never_a_salvo():
    counts = np.array([0.0] * 19 + [2.0])
    assert np.flatnonzero(heavy_days(counts, np.ones(20), np.ones(20, bool))).tolist() == [19]


# --- the test itself


def tied_case(seed, *, n_placebo=59):
    """Ratios with many ties and some zeros, as sparse counts give them."""
    generator = np.random.default_rng(seed)
    placebos = generator.poisson(3, n_placebo) / 3
    return float(generator.choice(placebos)), placebos


def loop_p_values(ratio, placebos):
    usable = [value for value in placebos if not np.isnan(value)]
    lower = (1 + sum(value <= ratio for value in usable)) / (len(usable) + 1)
    upper = (1 + sum(value >= ratio for value in usable)) / (len(usable) + 1)
    return {"less": lower, "greater": upper, "two-sided": min(1, 2 * min(lower, upper))}


@pytest.mark.parametrize("seed", range(8))
def test_p_values_count_ties_and_the_window_itself(seed):
    ratio, placebos = tied_case(seed)
    placebos[::10] = np.nan
    for alternative, p_value in loop_p_values(ratio, placebos).items():
        assert PlaceboTest(ratio, placebos, alternative).p_value == pytest.approx(p_value, rel=1e-12)


def test_ratios_that_differ_by_rounding_alone_are_ties():
    placebos = np.array([0.1 + 0.2, 0.5, 0.7])
    assert PlaceboTest(0.3, placebos, "less").p_value == pytest.approx(2 / 4)
    assert PlaceboTest(0.3, placebos, "greater").p_value == 1


@pytest.mark.parametrize("alternative", ["two-sided", "less", "greater"])
@pytest.mark.parametrize("alpha", [0.05, 0.1, 0.32])
@pytest.mark.parametrize("n_placebo", [5, 19, 39, 200])
def test_accepted_ratios_are_those_that_are_not_rejected(alternative, alpha, n_placebo):
    for seed in range(3):
        placebos = np.random.default_rng(seed).gamma(2, 0.5, n_placebo).round(2)
        low, high = PlaceboTest(1.0, placebos, alternative, alpha).accepted
        near = [placebos, placebos + 1e-4, placebos - 1e-4]
        grid = np.unique(np.concatenate([np.arange(0, 8, 0.05), *near]).round(4).clip(0))
        kept = [v for v in grid if loop_p_values(v, placebos)[alternative] > alpha + 1e-12]
        inside = [v for v in grid if low - 1e-9 <= v <= high + 1e-9]
        assert kept == inside


@pytest.mark.parametrize("alternative", ["two-sided", "less", "greater"])
def test_interval_holds_the_effects_whose_removal_leaves_an_ordinary_window(alternative):
    placebos = np.random.default_rng(8).gamma(6, 1 / 6, 99)
    test = PlaceboTest(0.35, placebos, alternative)
    low, high = test.ratio_interval
    grid = np.exp(np.linspace(np.log(0.005), np.log(50), 4001))
    kept = [theta for theta in grid if loop_p_values(0.35 / theta, placebos)[alternative] > 0.05]
    step = grid[1] / grid[0]
    assert kept[0] == grid[0] if low == 0 else kept[0] / step <= low <= kept[0]
    assert kept[-1] == grid[-1] if high == np.inf else kept[-1] <= high <= kept[-1] * step


def test_interval_of_silence_starts_at_zero_and_says_nothing_about_its_end():
    low, high = PlaceboTest(0.0, np.linspace(0.2, 2, 99)).ratio_interval
    assert low == 0 and high == 0  # zero over anything: the estimate withholds this end and says why


@pytest.mark.parametrize("alternative", ["two-sided", "less"])
@pytest.mark.parametrize("seed, n_placebo", [(1, 363), (2, 100), (3, 47)])
def test_smallest_visible_cut_against_a_search_over_cuts(alternative, seed, n_placebo):
    placebos = np.random.default_rng(seed).gamma(8, 1 / 8, n_placebo)

    def share_found(cut):
        limit = 0.025 if alternative == "two-sided" else 0.05
        lower = [(1 + (placebos <= value * (1 - cut)).sum()) / (n_placebo + 1) for value in placebos]
        return np.mean(np.array(lower) <= limit)

    cut = float(PlaceboTest(1.0, placebos, alternative).smallest_visible_cut)
    first = next(c for c in np.arange(0, 1, 0.002) if share_found(c) >= 0.8)
    assert first - 0.002 <= cut <= first
    assert share_found(cut + 1e-6) >= 0.8 > share_found(cut - 1e-6)


def test_no_cut_is_visible_where_silence_is_ordinary_or_comparison_too_small():
    silent = np.concatenate([np.zeros(5), np.linspace(0.5, 2, 95)])
    assert np.isnan(PlaceboTest(1.0, silent).smallest_visible_cut)
    assert np.isnan(PlaceboTest(1.0, np.linspace(0.5, 2, 30)).smallest_visible_cut)
    assert np.isnan(PlaceboTest(1.0, np.linspace(0.5, 2, 99), "greater").smallest_visible_cut)


@pytest.mark.parametrize("alternative", ["two-sided", "less", "greater"])
def test_p_at_best_is_the_p_of_silence_and_of_a_surge(alternative):
    for seed in range(4):
        _, placebos = tied_case(seed)
        test = PlaceboTest(1.0, placebos, alternative)
        assert test.p_min_fall == pytest.approx(loop_p_values(0.0, placebos)[alternative])
        assert test.p_min_rise == pytest.approx(loop_p_values(placebos.max() + 1, placebos)[alternative])
        possible = [loop_p_values(ratio, placebos)[alternative] for ratio in np.arange(0, 5, 0.01)]
        assert min(possible) == pytest.approx(min(test.p_min_fall, test.p_min_rise))


def test_without_a_single_placebo_nothing_can_be_told():
    test = PlaceboTest(np.array(0.5), np.array([]))
    assert test.n_placebo == 0 and test.p_value == 1 and test.p_min_fall == 1 and test.p_min_rise == 1
    assert [float(end) for end in test.accepted] == [0, np.inf]
    assert np.isnan(test.smallest_visible_cut)


def test_a_window_in_which_nothing_is_expected_is_not_evidence():
    test = PlaceboTest(np.nan, np.linspace(0.5, 2, 99))
    assert test.p_value == 1 and test.p_lower == 1 and test.p_upper == 1


@pytest.mark.parametrize("phi", [0.0, 0.6])
def test_two_sided_size_of_the_window_shift(phi):
    """Quick gate: 400 series without any effect, nominal 5 %, Monte Carlo error of 1.1 points."""
    n_days = 365 + 4
    days = pd.date_range("2025-01-01", periods=n_days)
    X = design_matrix(days).to_numpy()
    counts = CountAutoregression(mean=60.0, phi=phi, dispersion=0.3).draw(400, n_days, seed=11).astype(float)
    starts = np.arange(365 - 3)
    ratio, placebos, _ = shift_ratios(X, counts, np.ones(n_days, bool), 365, starts, np.ones(4, bool))
    test = PlaceboTest(ratio, placebos)
    assert 0.02 <= (test.p_value <= 0.05).mean() <= 0.085
    assert (test.p_lower <= 0.025).mean() <= 0.055 and (test.p_upper <= 0.025).mean() <= 0.055
    counts[:, 365:] = np.round(0.1 * counts[:, 365:])
    ratio, placebos, _ = shift_ratios(X, counts, np.ones(n_days, bool), 365, starts, np.ones(4, bool))
    assert (PlaceboTest(ratio, placebos).p_value <= 0.05).mean() > 0.9  # a cut of 90 % is found
