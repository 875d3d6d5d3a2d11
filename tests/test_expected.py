"""The null model: the project's own solver against statsmodels, and against published estimates."""

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_up import refused, statsmodels_mean

from analysis.expected import design_matrix, expected_counts, holiday_dates, independent_columns

DAYS = pd.date_range("2025-01-01", periods=200)


def noisy_counts(seed, *, mean=60.0):
    level = mean * np.exp(np.linspace(-0.5, 0.8, len(DAYS)))
    return np.random.default_rng(seed).negative_binomial(4, 4 / (4 + level)).astype(float)


# --- the solver against statsmodels


@settings(max_examples=16)
@given(
    st.sampled_from(["constant", "linear", "spline"]), st.booleans(), st.booleans(), st.booleans(), st.integers(0, 99)
)
def test_one_series_agrees_with_statsmodels(trend, weekday, weighted, exposed, seed):
    X = design_matrix(DAYS, trend=trend, weekday=weekday, holidays=trend != "constant").to_numpy()
    counts, offset = noisy_counts(seed), np.log(np.linspace(1, 3, len(DAYS))) if exposed else None
    weights = np.random.default_rng(seed).random(len(DAYS)) < (0.7 if weighted else 1)
    counts[~weights] = np.nan  # no report, no weight
    expected = expected_counts(X, counts, weights=weights.astype(float) if weighted else None, offset=offset)
    np.testing.assert_allclose(expected, statsmodels_mean(X, counts, weights, offset), rtol=1e-8)


def test_many_series_and_many_subsets_agree_with_one_at_a_time():
    X = design_matrix(DAYS, holidays=False).to_numpy()
    series = np.array([noisy_counts(seed, mean=mean) for seed, mean in enumerate([0.5, 3, 60, 4e6])])
    subsets = (np.random.default_rng(4).random((4, len(DAYS))) < 0.8).astype(float)
    for counts, weights in ((series, np.ones((4, len(DAYS)))), (series[[2] * 4], subsets), (series, subsets)):
        expected = expected_counts(X, counts, weights=weights)
        for k in range(4):
            np.testing.assert_allclose(expected[k], statsmodels_mean(X, counts[k], weights[k] > 0), rtol=1e-8)
            np.testing.assert_allclose(expected[k], expected_counts(X, counts[k], weights=weights[k]), rtol=1e-10)
    np.testing.assert_allclose(expected_counts(X, series), expected_counts(X, series, weights=np.ones(len(DAYS))))
    subset_of_one = expected_counts(X, series[2], weights=subsets)
    np.testing.assert_allclose(subset_of_one, expected_counts(X, series[[2] * 4], weights=subsets))


def test_score_equations_hold_over_fourteen_orders_of_magnitude():
    X = design_matrix(DAYS).to_numpy()
    for scale in (1e-5, 1.0, 1e9):
        counts = scale * noisy_counts(5)
        residual = X.T @ (counts - expected_counts(X, counts))
        assert np.abs(residual).max() < 1e-9 * counts.sum()


def test_a_series_without_events_expects_nothing_and_leaves_its_neighbours_alone():
    X = design_matrix(DAYS).to_numpy()
    expected = expected_counts(X, np.array([np.zeros(len(DAYS)), noisy_counts(6)]))
    assert (expected[0] == 0).all()
    np.testing.assert_allclose(expected[1], expected_counts(X, noisy_counts(6)), rtol=1e-12)


def test_a_weekday_without_a_single_event_is_expected_to_stay_so():
    design = design_matrix(DAYS, holidays=False)
    X, thursday = design.to_numpy(), design["weekday_3"].to_numpy() == 1
    counts = np.where(thursday, 0.0, noisy_counts(7))
    expected = expected_counts(X, counts)
    reference = statsmodels_mean(design.drop(columns="weekday_3").to_numpy(), counts, ~thursday)
    assert (expected[thursday] < 1e-8 * counts.mean()).all()
    np.testing.assert_allclose(expected[~thursday], reference[~thursday], rtol=1e-7)


# --- regressors


def test_columns_of_a_week_by_hand():
    week = pd.date_range("2025-04-14", periods=7)  # Monday to Easter Sunday
    design = design_matrix(week)
    assert list(design.columns) == ["level", "trend", *(f"weekday_{k}" for k in range(1, 7)), "holiday"]
    assert design["level"].tolist() == [1] * 7
    assert design["trend"].tolist() == pytest.approx([-1 / 2, -1 / 3, -1 / 6, 0, 1 / 6, 1 / 3, 1 / 2])
    assert design.filter(like="weekday").to_numpy().tolist() == np.eye(7)[:, 1:].tolist()
    assert design["holiday"].tolist() == [0, 0, 0, 0, 0, 0, 1]
    assert list(design_matrix(week, trend="constant", weekday=False, holidays=False)) == ["level"]


@pytest.mark.parametrize("day", ["2023-04-16", "2024-05-05", "2025-04-20", "2026-04-12", "2026-05-09", "2025-12-25"])
def test_holidays_of_either_state(day):
    assert pd.Timestamp(day) in holiday_dates(int(day[:4]))


@pytest.mark.parametrize("n_days, terms", [(150, 4), (400, 6), (1100, 15)])
def test_spline_has_a_term_per_eighty_days_and_sums_to_the_level(n_days, terms):
    design = design_matrix(pd.date_range("2024-01-01", periods=n_days), trend="spline", weekday=False, holidays=False)
    assert design.shape[1] == terms
    np.testing.assert_allclose(design.sum(axis=1), 1)
    assert design.shape[1] == np.linalg.matrix_rank(design.to_numpy())


def test_covariates_are_put_on_one_scale_without_changing_the_fit():
    wind = pd.DataFrame({"wind": 1000 + 5 * np.random.default_rng(9).normal(size=len(DAYS))}, index=DAYS)
    scaled = design_matrix(DAYS, covariates=wind)
    assert scaled["wind"].mean() == pytest.approx(0, abs=1e-9) and scaled["wind"].std() == pytest.approx(1)
    designs = (scaled.to_numpy(), scaled.assign(wind=wind["wind"] / 1000).to_numpy())
    fitted = [expected_counts(X, noisy_counts(10)) for X in designs]
    np.testing.assert_allclose(*fitted, rtol=1e-7)


@pytest.mark.parametrize("hole", [np.nan, np.inf, "cold"])
def test_a_covariate_with_a_hole_is_refused_by_name(hole):
    frost = pd.DataFrame({"frost": [hole if k == 30 else k % 11 for k in range(len(DAYS))]}, index=DAYS)
    with refused("frost: covariate is missing or not a finite number", "each of 200 days", "1 days without"):
        design_matrix(DAYS, covariates=frost)


def test_columns_that_repeat_others_or_never_vary_are_dropped_and_named():
    generator = np.random.default_rng(11)
    extra = pd.DataFrame({"wind": generator.normal(size=len(DAYS))}, index=DAYS)
    extra = extra.assign(again=-3 * extra["wind"] + 2, always=7.0, weekend=(DAYS.day_of_week >= 5).astype(float))
    design = design_matrix(DAYS, covariates=extra)
    X, dropped = independent_columns(design, np.ones(len(DAYS), bool))
    assert dropped == ["again", "always", "weekend"]
    assert X.shape[1] == np.linalg.matrix_rank(design.to_numpy())
    on_weekdays_only = (DAYS.day_of_week < 5) & (design["holiday"].to_numpy() == 0)
    _, dropped = independent_columns(design.drop(columns=["again", "always", "weekend"]), on_weekdays_only)
    assert dropped == ["weekday_5", "weekday_6", "holiday"]
    few, _ = independent_columns(design, np.arange(len(DAYS)) < 3)  # no more columns than days
    assert few.shape[1] == np.linalg.matrix_rank(few[:3]) <= 3


@pytest.mark.parametrize("harmonics, coefficient", [(True, -0.122086792899), (False, -0.111628442559)])
def test_sicily_smoking_ban(harmonics, coefficient):
    """Lopez Bernal, Cummins and Gasparrini (2017), as R gives it with the authors' corrected code."""
    if "PAUSES_REFERENCE" not in os.environ:
        pytest.skip("needs the folder of reference data in PAUSES_REFERENCE")
    months = pd.read_csv(Path(os.environ["PAUSES_REFERENCE"]) / "sicily" / "sicily.csv")
    first_days = pd.DatetimeIndex(pd.to_datetime(months[["year", "month"]].assign(day=1)))
    turn = 2 * np.pi * months["month"].to_numpy() / 12
    columns = {"smokban": months["smokban"].to_numpy(float), "time": months["time"].to_numpy(float)}
    if harmonics:
        columns |= {f"{f.__name__}_{k}": f(k * turn) for k in (1, 2) for f in (np.sin, np.cos)}
    design = design_matrix(first_days, trend="constant", weekday=False, holidays=False)
    design = design.assign(**columns)
    X, offset = design.to_numpy(), np.log(months["stdpop"].to_numpy())
    found = np.linalg.lstsq(X, np.log(expected_counts(X, months["aces"].to_numpy(), offset=offset)) - offset)[0]
    fitted = dict(zip(design, found, strict=True))
    assert fitted["smokban"] == pytest.approx(coefficient, abs=1e-6)
    if harmonics:
        assert fitted["time"] == pytest.approx(0.005389219541, abs=1e-6)
