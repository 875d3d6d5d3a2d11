"""Around a window: the hazard of salvos against its likelihood, written out, and what a window to come could show."""

from itertools import product

import numpy as np
import pandas as pd
import pytest
from made_up import refused
from scipy.optimize import minimize

import analysis as pa
from analysis.quiet import estimate_lull, look_ahead, salvo_days

DAYS = pd.date_range("2024-06-01", periods=500, name="day")


def renewal_missiles(seed, *, shape=4.0, gap=7.0):
    """A salvo of 40 missiles every week or so, a few missiles on other days."""
    generator = np.random.default_rng(seed)
    counts = generator.poisson(3, len(DAYS)).astype(float)
    salvos = np.cumsum(np.maximum(1, generator.gamma(shape, gap / shape, 120).round())).astype(int)
    counts[salvos[salvos < len(DAYS)]] = 40
    return pd.Series(counts, index=DAYS, name="missiles_launched")


MISSILES = renewal_missiles(1)


def test_salvo_days_by_hand():
    missiles = pd.Series([19.0, 20, np.nan, 55, 0], index=DAYS[:5])
    assert salvo_days(missiles).tolist() == [DAYS[1], DAYS[3]]
    assert salvo_days(missiles, threshold=50).tolist() == [DAYS[3]]
    assert len(salvo_days(missiles[:0])) == 0


@pytest.mark.parametrize(("seed", "n_days"), [(1, 1), (1, 4), (2, 4)])
def test_lull_against_the_likelihood_written_out(seed, n_days):
    missiles, window = renewal_missiles(seed), DAYS[450 : 450 + n_days]
    missiles.iloc[[200, 300]] = np.nan
    missiles.iloc[[270, 452]] = [20, 20 if seed == 1 else 19]  # just enough for a salvo, or just not
    exclude = DAYS[240:250]
    lull = estimate_lull(missiles, window, exclude=exclude)

    since, last = {}, None
    for day in DAYS[450 - 365 : 450 + n_days]:
        since[day] = None if last is None else (day - last).days
        if missiles[day] >= 20:
            last = day
    usable = {day for day in since if day < window[0] and since[day] and not np.isnan(missiles[day])}
    used = sorted(usable - set(exclude))
    gaps = np.array([since[day] for day in used], float)
    salvo = np.array([missiles[day] >= 20 for day in used])

    def hazard(beta, gap):
        return 1 - np.exp(-np.exp(beta[0] + beta[1] * np.log(gap)))

    def minus_log_likelihood(beta):
        probability = hazard(beta, gaps).clip(1e-12, 1 - 1e-12)
        return -(np.log(probability[salvo]).sum() + np.log(1 - probability[~salvo]).sum())

    beta = minimize(minus_log_likelihood, [-2.0, 0.5], method="Nelder-Mead", options={"xatol": 1e-9, "fatol": 1e-12}).x
    ahead = [hazard(beta, since[window[0]] + k) for k in range(n_days)]

    def mean_of_path(path):
        """Salvos of one way the window may go, times its probability: each salvo sets the days since back."""
        days, probability = since[window[0]], 1.0
        for salvo in path:
            probability *= hazard(beta, days) if salvo else 1 - hazard(beta, days)
            days = 1 if salvo else days + 1
        return sum(path) * probability

    paths = product([False, True], repeat=n_days)
    assert lull.expected_salvos == pytest.approx(sum(mean_of_path(path) for path in paths), rel=1e-4)
    assert lull.quiet_probability == pytest.approx(np.prod([1 - h for h in ahead]), rel=1e-4)
    assert (lull.days_since_salvo, lull.n_salvos, lull.n_days) == (since[window[0]], salvo.sum(), len(used))
    assert lull.observed_salvos == sum(missiles[day] >= 20 for day in window)


@pytest.mark.parametrize(
    ("missiles", "window", "exclude"),
    [
        (MISSILES * 0, DAYS[450:453], ()),  # no salvo ever
        (MISSILES[:453], DAYS[451:455], ()),  # not over yet
        (MISSILES, DAYS[:3], ()),  # no history
        (MISSILES[:0], DAYS[:3], ()),
        (MISSILES, DAYS[450:453], DAYS),  # a history excluded whole
        (MISSILES.mask(DAYS.isin(DAYS[450:453])), DAYS[450:453], ()),  # no report of the window: no quiet to speak of
    ],
)
def test_where_the_history_cannot_say_there_is_no_lull(missiles, window, exclude):
    assert estimate_lull(missiles, window, exclude=exclude) is None


def test_ten_salvos_after_the_first_are_enough_and_nine_are_not():
    missiles = pd.Series(0.0, index=DAYS)
    for gaps, position in enumerate([100, 109, 115, 130, 133, 141, 160, 166, 180, 190, 195]):
        missiles.iloc[position] = 30
        assert (estimate_lull(missiles, DAYS[200:203]) is None) == (gaps < 10)


def noise(dispersion):
    days = DAYS[:365]
    counts = np.random.default_rng(1).negative_binomial(1 / dispersion, 1 / (1 + 100 * dispersion), len(days))
    return pd.Series(counts, index=days, name="drones", dtype=float)


def test_more_noise_hides_a_larger_cut_until_half_stays_hidden():
    calm, wild, hidden = (look_ahead(noise(dispersion), 3) for dispersion in (0.05, 0.8, 1.5))
    assert calm.smallest_visible_cut < wild.smallest_visible_cut
    assert calm.nights_for_half < (wild.nights_for_half or 14)
    assert hidden.nights_for_half is None
    assert f"even in 13 days, where it takes {hidden.cut_in_longest:.0%}" in hidden.summary()


def test_the_stated_cut_is_found_in_four_of_five_windows():
    counts, found = noise(0.4), 0
    stated, starts = look_ahead(counts, 4).smallest_visible_cut, range(300, 361)
    for start in starts:
        cut = counts.copy()
        cut.iloc[start : start + 4] *= 1 - stated
        found += pa.estimate_effect(cut, counts.index[start : start + 4], test="shift").verdict == "fewer"
    assert 0.55 < found / len(starts) < 0.95


def test_silence_that_is_ordinary_is_never_visible():
    counts = noise(0.4)
    counts.iloc[::2] = 0
    seen = look_ahead(counts, 1)
    assert seen.smallest_visible_cut is None and seen.p_min == pytest.approx(1.0)
    assert "no cut would show reliably" in seen.summary()


def test_the_nights_for_half_are_the_first_length_at_which_half_is_visible():
    asked = look_ahead(noise(0.4), 1)
    cuts = [look_ahead(noise(0.4), length).smallest_visible_cut for length in range(1, 14)]
    assert asked.nights_for_half == next((length for length, cut in enumerate(cuts, 1) if cut and cut <= 0.5), None)
    assert asked.cut_in_longest == cuts[-1]
    with refused("1 to 13"):
        look_ahead(noise(0.4), 14)
