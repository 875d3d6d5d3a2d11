"""Mass salvos and how ordinary a quiet is: the hazard against its likelihood, written out."""

from itertools import product

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import minimize

from analysis.errors import DesignError
from analysis.lull import Lull, estimate_lull
from analysis.setting import salvo_days

DAYS = pd.date_range("2024-06-01", periods=500, name="day")


def renewal_missiles(seed, *, shape=4.0, gap=7.0):
    """A salvo of 40 missiles every week or so, a few missiles on other days."""
    generator = np.random.default_rng(seed)
    counts = generator.poisson(3, len(DAYS)).astype(float)
    salvos = np.cumsum(np.maximum(1, generator.gamma(shape, gap / shape, 120).round())).astype(int)
    counts[salvos[salvos < len(DAYS)]] = 40
    return pd.Series(counts, index=DAYS, name="missiles_launched")


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
    curve = lull.hazard.set_index("days_since_salvo")["probability"]
    assert curve[5] == pytest.approx(hazard(beta, 5), rel=1e-4) and list(curve.index) == list(range(1, 22))


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


def test_the_longer_the_window_the_less_ordinary_its_quiet():
    missiles = renewal_missiles(3)
    chances = [estimate_lull(missiles, DAYS[450 : 450 + n]).quiet_probability for n in (1, 3, 7, 14)]
    assert chances == sorted(chances, reverse=True) and chances[-1] < 0.2 < chances[0]


def test_what_follows_the_start_of_the_window_changes_no_expectation():
    missiles, silent = renewal_missiles(4), renewal_missiles(4)
    silent[DAYS[450:]] = 0.0
    plain, quiet = (estimate_lull(counts, DAYS[450:460]) for counts in (missiles, silent))
    assert plain.quiet_probability == quiet.quiet_probability and plain.expected_salvos == quiet.expected_salvos
    assert quiet.observed_salvos == 0 < plain.observed_salvos


@pytest.mark.parametrize(
    "missiles, window",
    [
        (renewal_missiles(1) * 0, DAYS[450:453]),  # no salvo ever
        (renewal_missiles(1)[:453], DAYS[451:455]),  # not over yet
        (renewal_missiles(1), pd.date_range("2030-01-01", periods=3)),
        (renewal_missiles(1), DAYS[:3]),  # no history
        (renewal_missiles(1), DAYS[20:23]),  # too little of it
        (renewal_missiles(1)[:0], DAYS[:3]),
    ],
)
def test_where_the_history_cannot_say_there_is_no_lull(missiles, window):
    assert estimate_lull(missiles, window) is None


def test_ten_salvos_after_the_first_are_enough_and_nine_are_not():
    missiles = pd.Series(0.0, index=DAYS)
    for gaps, position in enumerate([100, 109, 115, 130, 133, 141, 160, 166, 180, 190, 195]):
        missiles.iloc[position] = 30
        assert (estimate_lull(missiles, DAYS[200:203]) is None) == (gaps < 10)


@pytest.mark.parametrize("threshold", [0, -3, np.nan])
def test_a_threshold_must_be_positive(threshold):
    with pytest.raises(DesignError, match="field threshold: not a salvo threshold"):
        estimate_lull(renewal_missiles(1), DAYS[450:453], threshold=threshold)


def test_a_malformed_series_or_window_is_refused():
    with pytest.raises(DesignError, match="missing from the index"):
        estimate_lull(renewal_missiles(1).drop(DAYS[7]), DAYS[450:453])
    with pytest.raises(DesignError, match="not one window"):
        estimate_lull(renewal_missiles(1), DAYS[[450, 452]])


def lull(**changes):
    fields = {
        "first_day": DAYS[0], "last_day": DAYS[2], "days_since_salvo": 6, "observed_salvos": 0, "expected_salvos": 0.61,
        "quiet_probability": 0.537, "n_salvos": 51, "n_days": 357,
    }  # fmt: skip
    return Lull(**fields | changes, hazard=pd.DataFrame({"days_since_salvo": [1], "probability": [0.1]}))


@pytest.mark.parametrize(
    "changes, start",
    [
        (
            {},
            "In this window of 3 days there came no mass salvo of missiles, where 0.6 were to be expected 6 days after",
        ),
        ({"observed_salvos": 1}, "In this window of 3 days there came one mass salvo of missiles, where"),
        (
            {"observed_salvos": 2, "last_day": DAYS[0]},
            "In this window of 1 day there came 2 mass salvos of missiles, where",
        ),
    ],
)
def test_golden_sentence(changes, start):
    sentence = lull(**changes).summary()
    assert sentence.startswith(start)
    quiet = "; a quiet at least as long follows such a start in 54% of cases"
    assert (quiet in sentence) == ("no mass salvo" in sentence) and sentence.endswith(" (51 salvos in 357 days).")
    assert lull(**changes).to_frame().shape == (1, 8)


def test_a_window_without_a_single_report_had_no_quiet_to_speak_of():
    missiles = renewal_missiles(1)
    missiles[DAYS[450:453]] = np.nan
    found = estimate_lull(missiles, DAYS[450:453])
    assert found is None or "no mass salvo" not in found.summary()


def test_a_history_excluded_whole_has_no_lull():
    assert estimate_lull(renewal_missiles(1), DAYS[450:453], exclude=DAYS) is None


def test_one_day_is_singular():
    assert " 1 day after the last one" in lull(days_since_salvo=1).summary()
