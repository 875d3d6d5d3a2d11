"""Mass salvos and how ordinary a quiet is: the hazard against its likelihood, written out."""

from itertools import product

import numpy as np
import pandas as pd
import pytest
from made_up import refused
from scipy.optimize import minimize

from analysis.quiet import estimate_lull
from analysis.setting import salvo_days

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


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("n_days", [1, 4])
def test_lull_against_the_likelihood_written_out(seed, n_days):
    missiles, window = renewal_missiles(seed), DAYS[450 : 450 + n_days]
    missiles.iloc[[200, 300]] = np.nan
    missiles.iloc[[270, 452]] = [20, 20 if seed == 1 else 19]  # just enough for a salvo, or just not
    exclude = DAYS[240:250]
    lull = estimate_lull(missiles, window, exclude=exclude)

    since, last, history = {}, None, DAYS[450 - 365 : 450 + n_days]
    for day in history:
        since[day] = None if last is None else (day - last).days
        if missiles[day] >= 20:
            last = day
    used = [
        day
        for day in history
        if day < window[0] and since[day] and not np.isnan(missiles[day]) and day not in set(exclude)
    ]
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

    assert lull.days_since_salvo == since[window[0]]
    paths = product([False, True], repeat=n_days)
    assert lull.expected_salvos == pytest.approx(sum(mean_of_path(path) for path in paths), rel=1e-4)
    assert lull.quiet_probability == pytest.approx(np.prod([1 - h for h in ahead]), rel=1e-4)
    assert (lull.n_salvos, lull.n_days) == (salvo.sum(), len(used))
    assert lull.observed_salvos == sum(missiles[day] >= 20 for day in window)


def test_quiet_after_a_salvo_comes_as_often_as_it_says():
    """The fitted chance of no salvo in the four days after one, against how often none came."""
    shares, fitted = [], []
    for seed in range(4):
        missiles = renewal_missiles(seed)
        salvo = (missiles >= 20).to_numpy()
        starts = [k + 1 for k in np.flatnonzero(salvo) if k + 5 < len(salvo)]
        shares.append(np.mean([not salvo[k : k + 4].any() for k in starts]))
        last = max(k for k in starts if k < 480)
        fitted.append(estimate_lull(missiles, DAYS[last : last + 4]).quiet_probability)
    assert np.mean(fitted) == pytest.approx(np.mean(shares), abs=0.1)


@pytest.mark.parametrize(
    "missiles, window, exclude",
    [
        (MISSILES * 0, DAYS[450:453], ()),  # no salvo ever
        (MISSILES[:453], DAYS[451:455], ()),  # not over yet
        (MISSILES, pd.date_range("2030-01-01", periods=3), ()),
        (MISSILES, DAYS[:3], ()),  # no history
        (MISSILES, DAYS[20:23], ()),  # too little of it
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


@pytest.mark.parametrize(
    "missiles, window, threshold, words",
    [
        *[(MISSILES, DAYS[450:453], wrong, "field threshold: not a threshold") for wrong in (0, -3, np.nan)],
        (MISSILES.drop(DAYS[7]), DAYS[450:453], 20, "missing from the index"),
        (MISSILES, DAYS[[450, 452]], 20, "not one window"),
    ],
)
def test_a_malformed_question_is_refused(missiles, window, threshold, words):
    with refused(words):
        estimate_lull(missiles, window, threshold=threshold)
