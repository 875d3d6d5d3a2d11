"""Known truth: do the processes have the moments they promise, and does the study report what it should?"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from analysis.calibration.eras import describe
from analysis.calibration.processes import (
    ERAS,
    CountAutoregression,
    LevelPath,
    SalvoProcess,
    compare_features,
    fit_process,
)
from analysis.calibration.study import Scenario, apply_effect, replicate, study, window_starts
from analysis.errors import DesignError

DATA = Path(__file__).parents[1] / "data"
FITTED = SalvoProcess(
    drones=110.0, dispersion=0.2, phi=0.6, level_sd=0.3, path=LevelPath(growth=2.0), gap=7.0, gap_shape=4.0,
    surge=3.0, surge_sd=0.2, surge_slope=0.3, reload=(0.6, 0.8, 1.0), hoarding=(0.7, 1.0, 1.0), salvo_excess=30.0,
    salvo_dispersion=0.4, quiet_share=0.6, stray=2.5, stray_dispersion=0.5,
)  # fmt: skip


def autocorrelation(counts, lag):
    centred = counts - counts.mean()
    return (centred[:, lag:] * centred[:, :-lag]).mean() / (centred**2).mean()


# --- the autoregression


@pytest.mark.parametrize("mean, dispersion", [(60.0, 0.3), (4.0, 1.2), (60.0, 0.0)])
def test_without_memory_the_variance_is_mu_plus_alpha_mu_squared(mean, dispersion):
    counts = CountAutoregression(mean=mean, dispersion=dispersion).draw(400, 400, seed=1)
    assert counts.mean() == pytest.approx(mean, rel=0.02)
    assert counts.var() == pytest.approx(mean + dispersion * mean**2, rel=0.05)
    assert abs(autocorrelation(counts, 1)) < 0.02


@pytest.mark.parametrize("phi", [0.3, 0.6])
def test_autocorrelation_is_a_power_of_phi_and_the_start_is_stationary(phi):
    mean, alpha = 60.0, 0.3
    counts = CountAutoregression(mean=mean, phi=phi, dispersion=alpha).draw(3000, 120, seed=2)
    assert autocorrelation(counts, 1) == pytest.approx(phi, abs=0.03)
    assert autocorrelation(counts, 2) == pytest.approx(phi**2, abs=0.03)
    # Var y = (mu + alpha mu^2) / (1 - phi^2 (1 + alpha)), from Var y = E[lambda + alpha lambda^2] + phi^2 Var y
    variance = (mean + alpha * mean**2) / (1 - phi**2 * (1 + alpha))
    for part in (counts[:, :5], counts[:, -5:]):
        assert part.mean() == pytest.approx(mean, rel=0.03)
        assert part.var() == pytest.approx(variance, rel=0.12)


def test_level_path_by_hand():
    weekday = (1.0, 2.0, 1.0, 1.0, 1.0, 1.0, 1.0)
    assert LevelPath(weekday=weekday).factors(9).tolist() == [1, 2, 1, 1, 1, 1, 1, 1, 2]
    assert LevelPath(growth=8.0).factors(4) == pytest.approx([1, 2, 4, 8])
    assert LevelPath(step=3.0, step_at=0.6).factors(4) == pytest.approx([1, 1, 3, 3])
    assert LevelPath(wave=np.log(2), period=4.0).factors(4) == pytest.approx([1, 2, 1, 0.5])


@pytest.mark.parametrize("phi", [0.0, 0.7])
def test_the_mean_follows_the_level_path(phi):
    path = LevelPath(growth=4.0, step=0.5, wave=0.3, period=20.0)
    counts = CountAutoregression(mean=200.0, phi=phi, dispersion=0.05, path=path).draw(4000, 30, seed=3)
    assert counts.mean(0) / 200 == pytest.approx(path.factors(30), rel=0.05)


# --- the salvo process


def test_salvos_renew_in_equilibrium():
    process = SalvoProcess(gap=8.0, gap_shape=20.0, salvo_least=25, reload=(), hoarding=())
    salvo = process.draw(4000, 60, seed=4).salvo
    # nearly regular salvos betray a start that is not in equilibrium: their rate would swing from day to day
    assert salvo.mean(0) == pytest.approx(np.full(60, 1 / 8), abs=0.02)
    row, day = np.nonzero(process.draw(50, 2000, seed=5).salvo)
    gaps = np.diff(day)[np.diff(row) == 0]
    assert gaps.mean() == pytest.approx(8, rel=0.02)
    assert gaps.var() == pytest.approx(8**2 / 20 + 1 / 6, rel=0.1)  # 1/6: only whole days show


def test_drones_surge_on_salvo_days_and_rest_around_them():
    process = replace(FITTED, path=LevelPath(), gap=20.0, surge_slope=0.0, salvo_least=20)
    strikes = process.draw(400, 400, seed=6)
    series, day = np.nonzero(strikes.salvo[:, 5:-5])
    alone = [not strikes.salvo[s, d : d + 5].any() and not strikes.salvo[s, d + 6 : d + 11].any()
             for s, d in zip(series, day, strict=True)]  # fmt: skip
    series, day = series[alone], day[alone] + 5
    means = [strikes.drones[series, day + lag].mean() / 110 for lag in (-2, -1, 0, 1, 2, 3)]
    assert means == pytest.approx([1.0, 0.7, 3.0, 0.6, 0.8, 1.0], rel=0.06)


def test_missiles_by_kind_of_day():
    strikes = FITTED.draw(300, 300, seed=7)
    missiles, planted = strikes.missiles, strikes.missiles >= 10
    assert planted.mean() == pytest.approx(1 / 7, rel=0.03)
    assert missiles[planted].mean() == pytest.approx(40, rel=0.03)
    assert missiles[planted].var() == pytest.approx(30 + 0.4 * 30**2, rel=0.1)
    assert (missiles[~planted] == 0).mean() == pytest.approx(0.6, abs=0.01)
    assert missiles[~planted & (missiles > 0)].mean() == pytest.approx(2.5, rel=0.03)
    assert (strikes.salvo == (missiles >= 20)).all()


def test_larger_salvos_bring_more_drones():
    strikes = replace(FITTED, surge_slope=1.0, surge_sd=0.0, level_sd=0.0, path=LevelPath()).draw(200, 300, seed=8)
    planted = strikes.missiles >= 10
    expected = 110 * 3.0 * strikes.missiles[planted] / 40
    assert (strikes.drones[planted] / expected).mean() == pytest.approx(1, abs=0.01)


def test_silent_days_keep_the_mean():
    process = SalvoProcess(silent_share=0.2, gap=1e6, level_sd=0.0, reload=(), hoarding=())
    drones = process.draw(300, 300, seed=9).drones
    assert (drones == 0).mean() == pytest.approx(0.2, abs=0.01)
    assert drones.mean() == pytest.approx(110, rel=0.02)


@pytest.mark.parametrize("process", [CountAutoregression(phi=0.5), CountAutoregression(mean=3e6)])
def test_same_seed_same_counts(process):
    first, again, other = (process.draw(3, 40, seed=seed) for seed in (1, 1, 2))
    assert (first == again).all() and (first != other).any() and first.dtype.kind == "i"


def test_same_seed_same_strikes():
    first, again = FITTED.draw(3, 60, seed=1), FITTED.draw(3, 60, seed=1)
    assert (first.drones == again.drones).all() and (first.missiles == again.missiles).all()


@pytest.mark.parametrize(
    "build",
    [
        lambda: CountAutoregression(mean=0.0),
        lambda: CountAutoregression(mean=float("nan")),
        lambda: CountAutoregression(mean="many"),
        lambda: CountAutoregression(phi=1.0),
        lambda: CountAutoregression(phi=-0.1),
        lambda: CountAutoregression(dispersion=-1.0),
        lambda: CountAutoregression(dispersion=float("inf")),
        lambda: CountAutoregression(path=None),
        lambda: CountAutoregression().draw(0, 5, seed=1),
        lambda: CountAutoregression().draw(5, 0, seed=1),
        lambda: LevelPath(growth=0.0),
        lambda: LevelPath(step_at=1.5),
        lambda: LevelPath(weekday=(1.0, -2.0)),
        lambda: LevelPath(weekday=()),
        lambda: SalvoProcess(gap=0.5),
        lambda: SalvoProcess(gap_shape=0.0),
        lambda: SalvoProcess(reload=(-0.5,)),
        lambda: SalvoProcess(reload=0.5),
        lambda: SalvoProcess(silent_share=1.0),
        lambda: SalvoProcess(stray=0.0),
        lambda: SalvoProcess().draw(-1, 5, seed=1),
        lambda: Scenario(before=0),
        lambda: Scenario(length=0),
        lambda: Scenario(cut=1.5),
        lambda: Scenario(cut=float("nan")),
        lambda: Scenario(cut=None),
        lambda: Scenario(before=9.5),
        lambda: Scenario(how="delete"),
        lambda: Scenario(rebound=(3, -1.0)),
        lambda: Scenario(rebound=3),
        lambda: Scenario(timing="friday"),
        lambda: Scenario(lag=0),
        lambda: Scenario(before=2, lag=3),
        lambda: Scenario(outcome="rockets"),
        lambda: apply_effect([1.5, 2.0], 0, Scenario(length=1, cut=0.5)),
        lambda: apply_effect([-1, 2], 0, Scenario(length=1, cut=0.5)),
        lambda: replicate(always(0.5), CountAutoregression(), Scenario(), replicates=0),
        lambda: replicate(always(0.5), CountAutoregression(), Scenario(), block=0),
    ],
)
def test_hostile_parameters_are_refused(build):
    with pytest.raises(DesignError):
        build()


# --- effects and timing


def test_thinning_halves_in_expectation_and_touches_only_the_window():
    counts = CountAutoregression().draw(500, 20, seed=10)
    changed = apply_effect(counts, 8, Scenario(length=4, cut=0.5), seed=1)
    inside = np.s_[:, 8:12]
    assert changed[inside].sum() / counts[inside].sum() == pytest.approx(0.5, abs=0.01)
    assert (changed == np.floor(changed)).all() and (changed <= counts).all()
    changed[inside] = counts[inside]
    assert (changed == counts).all()


def test_scaling_is_exact_and_each_series_may_have_its_own_window():
    scenario = Scenario(length=2, cut=0.75, how="scale", anticipation=(1, 2.0), rebound=(2, 1.5))
    changed = apply_effect(np.full((2, 7), 4), np.array([1, 4]), scenario)
    assert changed.tolist() == [[8, 1, 1, 6, 6, 4, 4], [4, 4, 4, 8, 1, 1, 6]]


def test_a_surge_keeps_counts_whole_and_a_missing_day_stays_missing():
    counts = np.full((2000, 3), 10.0)
    counts[0, 2] = np.nan
    changed = apply_effect(counts, 1, Scenario(length=1, rebound=(1, 2.3)), seed=1)
    assert np.isnan(changed[0, 2]) and np.isnan(changed).sum() == 1
    surge = changed[1:, 2]
    assert surge.mean() == pytest.approx(23, abs=0.2) and surge.min() >= 20 and (surge == np.floor(surge)).all()


def test_total_silence_and_huge_counts():
    silent = apply_effect([3_000_000, 5], 0, Scenario(length=2, cut=1.0))
    assert silent.tolist() == [0, 0]
    assert apply_effect([3_000_000], 0, Scenario(length=1, cut=0.5))[0] == pytest.approx(1_500_000, rel=0.01)


def test_windows_after_a_salvo_by_hand():
    salvo = np.array([[0, 1, 0, 0, 1, 0, 0, 0], [1, 0, 0, 0, 0, 0, 0, 0], [0, 0, 1, 1, 0, 0, 0, 0]], dtype=bool)

    def starts(lag):
        return window_starts(salvo, Scenario(before=3, timing="after-salvo", lag=lag), latest=7).tolist()

    assert starts(1) == [5, -1, 3]  # third series: the salvo of day 2 is one day before day 3
    assert starts(2) == [3, -1, 5]
    assert starts(3) == [4, 3, 6]


def test_exogenous_windows():
    salvo = np.zeros((3000, 12), dtype=bool)
    assert set(window_starts(salvo, Scenario(before=5), latest=9)) == {5}
    starts = window_starts(salvo, Scenario(before=5, timing="random"), latest=9, seed=1)
    assert np.bincount(starts)[5:] == pytest.approx(np.full(5, 600), rel=0.15)


# --- features and fit


def test_features_by_hand():
    frame = describe([4, 0, 4, 0, 4, np.nan], [20, 0, 0, 30, 0, np.nan])
    assert len(frame) == 1
    row = frame.iloc[0]
    assert row["drones_mean"] == 2.4 and row["drones_zero_share"] == 0.4
    assert row["drones_variance_to_mean"] == pytest.approx((3 * 1.6**2 + 2 * 2.4**2) / 5 / 2.4)
    assert row["drones_cv"] == pytest.approx(np.sqrt((3 * 1.6**2 + 2 * 2.4**2) / 5) / 2.4)
    assert (row["salvos"], row["gap_mean"], row["gap_median"]) == (2, 3, 3)
    assert row["drones_at_salvo_+0"] == pytest.approx((4 / 2.4 + 0) / 2)
    assert row["drones_at_salvo_-1"] == pytest.approx(4 / 2.4)


def test_a_gap_over_a_day_without_report_is_not_a_gap():
    assert np.isnan(describe([1, 1, 1, 1], [20, np.nan, 0, 20]).loc[0, "gap_mean"])


def test_autocorrelation_agrees_with_statsmodels():
    from statsmodels.tsa.stattools import acf

    counts = CountAutoregression(phi=0.6).draw(3, 200, seed=11)
    frame = describe(counts, counts)
    for series, row in zip(counts, frame.to_dict("records"), strict=True):
        other = acf(np.log1p(series), nlags=7) * 200 / (200 - np.arange(8))  # ours divides by the days there are
        assert [row[f"drones_acf_{lag}"] for lag in (1, 2, 7)] == pytest.approx(other[[1, 2, 7]])


def as_series(strikes):
    days = pd.date_range("2024-01-01", periods=strikes.drones.shape[1])
    return pd.Series(strikes.drones[0].astype(float), days), pd.Series(strikes.missiles[0].astype(float), days)


def test_the_fit_finds_what_was_planted():
    drones, missiles = as_series(FITTED.draw(1, 8000, seed=12))
    fitted = fit_process(drones, missiles, first_day=drones.index[0], last_day=drones.index[-1])
    for field, tolerance in {
        "drones": 0.1, "dispersion": 0.2, "level_sd": 0.2, "gap": 0.05, "gap_shape": 0.15, "surge": 0.1,
        "surge_sd": 0.3, "surge_slope": 0.2, "salvo_excess": 0.1, "salvo_dispersion": 0.2, "quiet_share": 0.05,
        "stray": 0.1, "phi": 0.2, "reload": 0.1, "hoarding": 0.1,
    }.items():  # fmt: skip
        assert getattr(fitted, field) == pytest.approx(getattr(FITTED, field), rel=tolerance), field
    assert fitted.path.growth == pytest.approx(2, rel=0.15)
    assert fitted == fit_process(drones, missiles, first_day=drones.index[0], last_day=drones.index[-1])


def test_a_pause_made_missing_does_not_move_the_fit():
    drones, missiles = as_series(FITTED.draw(1, 400, seed=13))
    whole, masked = drones.copy(), drones.copy()
    whole.iloc[200:210], masked.iloc[200:210] = 0, np.nan
    days = {"first_day": drones.index[0], "last_day": drones.index[-1]}
    fits = [fit_process(series, missiles, **days) for series in (drones, masked, whole)]
    assert fits[1].drones == pytest.approx(fits[0].drones, rel=0.1)
    assert fits[1].silent_share == fits[0].silent_share == 0 and fits[2].silent_share > 0.01


def test_too_little_to_fit():
    drones, missiles = as_series(FITTED.draw(1, 59, seed=14))
    with pytest.raises(DesignError, match="60 reported days"):
        fit_process(drones, missiles, first_day=drones.index[0], last_day=drones.index[-1])
    drones, missiles = as_series(FITTED.draw(1, 400, seed=14))
    with pytest.raises(DesignError, match="0 salvos"):
        fit_process(drones, 0 * missiles, first_day=drones.index[0], last_day=drones.index[-1])


def test_comparison_accepts_its_own_process_and_sees_another():
    drones, missiles = as_series(FITTED.draw(1, 300, seed=15))
    assert compare_features(drones, missiles, FITTED, n_series=200).within.mean() > 0.75
    poisson = replace(FITTED, dispersion=0.0, level_sd=0.0, surge=1.0, gap_shape=1.0)
    other = compare_features(drones, missiles, poisson, n_series=200).within
    assert not other["drones_cv"] and not other["drones_at_salvo_+0"]


@pytest.mark.parametrize("era", ERAS)
def test_simulated_series_look_like_the_war(era):
    from analysis.tables import outcome_series

    first, last = ERAS[era]
    drones, missiles = (
        outcome_series(name, folder=DATA)[first:last].copy() for name in ("drones_launched", "missiles_launched")
    )
    for pause in (("2025-04-19", "2025-04-21"), ("2025-05-08", "2025-05-11"), ("2026-04-11", "2026-04-13"),
                  ("2026-05-06", "2026-05-11")):  # fmt: skip
        drones[slice(*pause)] = missiles[slice(*pause)] = np.nan
    process = fit_process(drones, missiles, first_day=first, last_day=last)
    table = compare_features(drones, missiles, process, n_series=300)
    assert table["within"].mean() >= 0.85, table[~table["within"]]
    assert table["within"][["drones_variance_to_mean", "drones_cv", "missiles_zero_share", "gap_mean"]].all()


# --- the study


def always(p):
    return lambda batch: {"p_lower": np.full(len(batch.counts), p), "p_upper": np.full(len(batch.counts), 1 - p)}


def rank_test(batch):
    """Rank of the window's sum among all windows before it, with an interval for what would have flown."""
    sums = np.lib.stride_tricks.sliding_window_view(batch.counts, batch.length, axis=1).sum(-1)
    own, others = sums[:, [batch.start]], np.sort(sums[:, : batch.start - batch.length + 1], axis=1)
    beyond = int(0.025 * (others.shape[1] + 1))
    return {
        "p_lower": (1 + (others <= own).sum(1)) / (others.shape[1] + 1),
        "p_upper": (1 + (others >= own).sum(1)) / (others.shape[1] + 1),
        "ratio": own[:, 0] / others.mean(1),
        "expected_low": others[:, beyond - 1], "expected_high": others[:, -beyond],
    }  # fmt: skip


def test_a_sound_test_has_its_size_power_and_coverage():
    run = {"replicates": 1000, "seed": 5}
    size = study(rank_test, CountAutoregression(), Scenario(before=180), **run).iloc[0]
    assert size["rejected"] == pytest.approx(0.05, abs=0.02)
    assert size["rejected"] == pytest.approx(size["rejected_lower"] + size["rejected_upper"])
    assert size["rejected_se"] == pytest.approx(np.sqrt(size["rejected"] * (1 - size["rejected"]) / 1000))
    assert size["expected_coverage"] == pytest.approx(1 - size["rejected"])  # the same windows, read twice
    cut = study(rank_test, CountAutoregression(), Scenario(before=180, cut=0.7), **run).iloc[0]
    assert cut["rejected_lower"] > 0.85 and cut["rejected_upper"] == 0
    assert cut["expected_coverage"] == size["expected_coverage"]  # what would have flown does not know the cut
    assert cut["median_ratio"] == pytest.approx(0.3 * size["median_ratio"], rel=0.05)


@pytest.mark.parametrize("timing", ["fixed", "random", "after-salvo"])
def test_same_bytes_for_any_block_and_mapper(timing):
    scenario = Scenario(before=60, cut=0.4, rebound=(2, 1.5), after=4, timing=timing, outcome="missiles")
    reference = replicate(rank_test, FITTED, scenario, replicates=220, seed=3)
    with ThreadPoolExecutor(3) as pool:
        for options in ({"block": 1}, {"block": 130}, {"block": 10_000}, {"block": 70, "mapper": pool.map}):
            again = replicate(rank_test, FITTED, scenario, replicates=220, seed=3, **options)
            pd.testing.assert_frame_equal(again, reference, check_exact=True)
    fewer = replicate(rank_test, FITTED, scenario, replicates=120, seed=3)
    pd.testing.assert_frame_equal(fewer, reference[reference.index < 120], check_exact=True)
    assert not reference["p_lower"].equals(replicate(rank_test, FITTED, scenario, replicates=220, seed=4)["p_lower"])


def test_a_pause_announced_after_a_salvo_looks_like_a_fall_where_there_is_none():
    exogenous = study(rank_test, FITTED, Scenario(before=120), replicates=500).iloc[0]
    announced = study(rank_test, FITTED, Scenario(before=120, timing="after-salvo"), replicates=500).iloc[0]
    assert announced["median_ratio"] < 0.85 * exogenous["median_ratio"]
    assert announced["rejected_less"] > 2 * exogenous["rejected_less"]


def test_the_batch_shows_the_window_right_after_a_salvo():
    def look(batch):
        assert batch.salvo[:, batch.start - 2].all() and not batch.salvo[:, batch.start - 1].any()
        assert batch.counts.shape == batch.salvo.shape == (len(batch.counts), 30 + 3 + 5)
        assert (batch.start, batch.length) == (30, 3)
        return always(0.5)(batch)

    study(look, FITTED, Scenario(before=30, after=5, timing="after-salvo", lag=2), replicates=100)


def test_replicates_without_a_chance_are_absent_and_counted():
    rare = replace(FITTED, gap=200.0, gap_shape=1.0)
    row = study(always(0.5), rare, Scenario(before=30, timing="after-salvo"), replicates=200).iloc[0]
    assert 20 < row["replicates"] < 180 and row["answered"] == 1


def test_rates_of_known_answers():
    def known(batch):
        n = len(batch.counts)
        p_lower = np.where(np.arange(n) < 10, 0.02, 0.04)
        p_lower[-1] = np.nan
        low = np.where(np.arange(n) < 25, 0.5, 0.9)
        low[-10:] = np.nan
        return {"p_lower": p_lower, "p_upper": 1 - p_lower, "ratio_low": low, "ratio_high": np.full(n, np.inf)}

    row = study(known, CountAutoregression(), Scenario(before=9, cut=0.4), replicates=50).iloc[0]
    assert row["answered"] == 0.98 and row["rejected"] == row["rejected_lower"] == 0.2
    assert row["rejected_less"] == 0.98 and row["rejected_upper"] == row["rejected_greater"] == 0
    assert row["coverage"] == 25 / 40  # 10 of 50 have no interval


@pytest.mark.parametrize("answer", [{}, {"p_lower": np.ones(50)}, {"p_lower": np.ones(50), "p_upper": np.ones(3)}])
def test_a_test_without_p_values_is_refused(answer):
    with pytest.raises(DesignError, match="one p-value per series"):
        study(lambda batch: answer, CountAutoregression(), Scenario(before=9), replicates=50)
