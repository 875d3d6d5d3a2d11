"""One window on one series: what is found, what is refused, and what honestly cannot be told."""

import json
import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_up import DAYS, cut, noisy, refused, smooth, statsmodels_mean

from analysis.estimate import HEAVY, _compared_with, _ordinary_silence, estimate_effect
from analysis.placebo import PlaceboTest, WindowTest
from analysis.quiet import estimate_rebound
from analysis.windows import lay_out

WINDOW = DAYS[500:503]
PLAIN = {"holidays": False, "test": "shift"}
RAIDS = noisy()


def silent_half(seed=3):
    """Half of all days have no missile."""
    generator = np.random.default_rng(seed)
    counts = np.where(generator.random(len(DAYS)) < 0.5, 0, generator.poisson(15, len(DAYS)))
    return pd.Series(counts.astype(float), index=DAYS, name="missiles")


ADVICE = " (a longer baseline= may hold more)"

# --- two routes to the same finding


def by_loop(counts, window, n_baseline, exclude, salvos, test):
    """Ratio, placebo ratios by start, and lag of a short window, by statsmodels and loops over days."""
    every = pd.date_range(window[0] - pd.Timedelta(days=n_baseline), window[-1])
    seen = counts[every].to_numpy()
    weekdays = [(every.day_of_week == k).astype(float) for k in range(1, 7)]
    X = np.column_stack([np.ones(len(every)), np.arange(len(every)), *weekdays])
    start = n_baseline
    usable = np.array([k < start and not np.isnan(seen[k]) and d not in exclude for k, d in enumerate(every)])
    inside = [k for k in range(start, len(every)) if not np.isnan(seen[k])]
    alone = statsmodels_mean(X, seen, usable)
    swamped = seen[inside].sum() > 20 * alone[inside].sum()
    mean = alone if swamped else statsmodels_mean(X, seen, usable | np.isin(np.arange(len(every)), inside))

    def ratio(at):
        days = [at + k - start for k in inside]
        return sum(seen[days]) / sum(mean[days])

    total, information = mean[inside].sum(), (X[usable] * mean[usable, None]).T @ X[usable]
    x = mean[inside] @ X[inside] / total
    pull = 0 if swamped else total * x @ np.linalg.solve(information, x)
    threshold = np.quantile(seen[usable] / alone[usable], 0.85)
    salvo = [seen[k] / alone[k] >= threshold or d in salvos for k, d in enumerate(every)]

    def since(at):
        return next((k for k in range(1, at + 1) if salvo[at - k]), np.nan)

    lag = since(start)
    matched = test == "after-salvo" or (test == "auto" and len(salvos) and lag <= 3)

    def compared(at):
        if test == "same-weekday" and every[at].day_of_week != window[0].day_of_week:
            return False
        if matched and not (lag <= 7 and abs(since(at) - lag) <= (0 if lag <= 3 else 1)):
            return False
        return all(at + k - start < start and usable[at + k - start] for k in inside)

    def unpulled(value):
        return value * np.exp(pull * (min(value, 3) - 1))

    placebos = {every[at]: unpulled(ratio(at)) for at in range(start) if compared(at)}
    return unpulled(ratio(start)), placebos, lag, matched


@settings(max_examples=60)
@given(
    st.integers(1, 7),
    st.integers(450, 900),
    st.sampled_from([200, 365]),
    st.sets(st.integers(-40, 6), max_size=6),
    st.sets(st.integers(-60, -1), max_size=6),
    st.sets(st.integers(-100, -1), max_size=12),
    st.sampled_from([0.0, 0.3, 1.0, 1.0, 4.0, 60.0]),
    st.sampled_from(["shift", "shift", "auto", "auto", "after-salvo", "same-weekday"]),
    st.sampled_from(["two-sided", "less", "greater"]),
    st.sampled_from([0.95, 0.95, 0.9, 0.8, 0.999]),
    st.booleans(),
)
def test_a_short_window_against_a_loop(
    n_days, first, n_baseline, missing, exclude, salvos, factor, test, alternative, level, often_silent
):
    window, counts = DAYS[first : first + n_days], silent_half() if often_silent else RAIDS.copy()
    counts[window] = np.round(counts[window] * factor)
    counts.iloc[[first + k for k in missing - {n_days - 1}]] = np.nan
    days = {"exclude": DAYS[[first + k for k in exclude]], "salvo_days": DAYS[[first + k for k in salvos]]}
    options = {"baseline": n_baseline, "holidays": False, "test": test, "alternative": alternative, "level": level}
    effect = estimate_effect(counts, window, **days, **options)

    ratio, starts, lag, matched = by_loop(
        counts, window, n_baseline, set(days["exclude"]), set(days["salvo_days"]), test
    )
    placebos, m = sorted(starts.values()), len(starts)
    lower, upper = (1 + sum(v <= ratio for v in placebos)) / (1 + m), (1 + sum(v >= ratio for v in placebos)) / (1 + m)
    silent = (1 + sum(v == 0 for v in placebos)) / (1 + m)
    p_value = {"less": lower, "greater": upper, "two-sided": min(1, 2 * min(lower, upper))}[alternative]
    p_min = {"less": silent, "greater": 1 / (1 + m), "two-sided": min(1, 2 * silent)}[alternative]
    assert list(effect.placebo["start"]) == list(starts) and effect.n_placebo == m
    np.testing.assert_allclose(effect.placebo["ratio"], list(starts.values()), rtol=1e-8)
    assert effect.observed == counts[window].sum() and effect.n_missing == counts[window].isna().sum()
    assert (effect.ratio, effect.p_value) == (pytest.approx(ratio, rel=1e-8), pytest.approx(p_value, rel=1e-12))
    assert effect.p_min == pytest.approx(p_min) and effect.testable == (effect.p_min <= round(1 - level, 12))
    assert effect.test == ("after-heavy" if matched else "shift" if test == "auto" else test)
    if ratio > 0:
        assert effect.expected == pytest.approx(effect.observed / ratio, rel=1e-8)
    k = int((1 - level) / (2 if alternative == "two-sided" else 1) * (m + 1) + 1e-9)
    low = 0 if k == 0 or alternative == "greater" else placebos[k - 1]
    high = None if k == 0 or alternative == "less" else placebos[-k]
    assert effect.expected_low == pytest.approx(effect.expected * low)
    assert effect.expected_high == (None if high is None else pytest.approx(effect.expected * high))
    assert effect.ratio_low == pytest.approx(0 if high is None else ratio / high)
    assert effect.ratio_high == (pytest.approx(ratio / low) if low > 0 < ratio else None)
    seen, alpha = effect.p_value <= round(1 - level, 12), round(1 - level, 12)
    more = seen and high is not None and effect.observed > effect.expected_high
    cannot = None if p_min <= alpha else "not testable"
    assert effect.verdict == ("more" if more else cannot or ("fewer" if seen else "no visible change"))
    assert effect.smallest_visible_cut is None or (effect.testable and 0 < effect.smallest_visible_cut < 1)
    tried = WindowTest(0.5, np.ones(m), alternative, alpha, lag=lag, after_salvo=matched)
    starts_here = _compared_with(tried, lay_out(counts, window), HEAVY)
    if test == "same-weekday":
        starts_here = "compared with windows that begin on the same weekday"
    assert starts_here in effect.reason and ("and there is none" in effect.reason) == (m == 0)
    if m and not effect.testable:
        assert effect.reason.startswith(_ordinary_silence(PlaceboTest(ratio, np.array(placebos), alternative), ADVICE))
    if effect.testable and m:
        assert effect.reason.startswith("nothing was seen, so the ratio has no upper limit") == (effect.ratio == 0)
    daily = effect.daily.set_index("day")
    assert (daily["observed"].dropna() == counts[daily.index].dropna()).all()
    assert set(daily.index[daily["role"] == "window"]) == set(window)
    json.dumps(effect.row(), allow_nan=False)
    assert not re.search("nan|inf", effect.summary())


@pytest.mark.parametrize(
    "placebos, alternative, words",
    [
        ([0, 0, 1], "less", "even total silence is ordinary: 2 of 3 comparable windows are wholly silent"),
        ([0, 1, 1], "two-sided", "even total silence is ordinary: 1 of 3 comparable windows is wholly silent"),
        ([1], "less", f"with only 1 comparable window even total silence is no sign{ADVICE}"),
        ([0, 1], "greater", f"with only 2 comparable windows even the largest rise is no sign{ADVICE}"),
    ],
)
def test_why_silence_would_have_been_ordinary(placebos, alternative, words):
    assert _ordinary_silence(PlaceboTest(0.5, np.array(placebos), alternative), ADVICE) == words


# --- an injected effect is found, at its size


@pytest.mark.parametrize("n_days, share", [(1, 0.4), (3, 1.0), (13, 0.4), (14, 0.4), (30, 1.0)])
def test_a_cut_shows_at_its_size_in_a_series_without_noise(n_days, share):
    window = DAYS[700 : 700 + n_days]
    effect = estimate_effect(cut(smooth(), window, share), window, **PLAIN)
    assert effect.ratio == pytest.approx(1 - share, abs=0.01)


# --- what cannot be told


def sparse(positions, *, size=5.0):
    counts = RAIDS * 0
    counts.iloc[positions] = size
    return counts


LATER = WINDOW[-1] + pd.Timedelta(days=1)


@pytest.mark.parametrize(
    "counts, window, options, reason",
    [
        (RAIDS[:0], WINDOW, {}, "there are no data"),
        (RAIDS * 0, WINDOW, {}, "nothing was seen on any of the 365 baseline days"),
        (RAIDS * np.nan, WINDOW, {}, "there is no usable report for any day from 2025-05-15 to 2025-05-17"),
        (RAIDS * np.nan, WINDOW[:1], {}, "there is no usable report on 2025-05-15"),
        (RAIDS[:503], WINDOW, {"exclude": DAYS}, "only 0 usable baseline days"),
        (RAIDS[:1], DAYS[:1], {}, "only 0 usable baseline days, at least 28 are needed"),
        (RAIDS, DAYS[10:13], {}, "only 10 usable baseline days"),
        (RAIDS, pd.date_range("2023-12-01", periods=3), {}, "the counts are usable only from 2024-01-01 on"),
        (RAIDS, pd.date_range("2027-12-20", periods=3), {}, "the data end on 2027-10-31, before the window"),
        (RAIDS, WINDOW, {"baseline": 27}, "only 27 usable baseline days, at least 28 are needed"),
        (RAIDS, WINDOW, {"first_day": WINDOW[0]}, "only 0 usable baseline days"),
        (RAIDS, WINDOW, {"first_day": LATER}, "there is no usable report for any day"),
        (
            RAIDS,
            DAYS[490:503],
            {"baseline": 30},
            "too far from the window: a true cut of 40 % would rank like one of 16 %",
        ),
        (RAIDS, WINDOW, {"exclude": DAYS[:500:3]}, "no other window of 3 days fits"),
        (RAIDS, DAYS[-30:], {}, "provisional: only 0 baseline days after the window, 150 are needed"),
        (RAIDS[: 700 + 20 + 14 + 149], DAYS[700:720], {}, "provisional: only 149 baseline days after the window"),
        (RAIDS, DAYS[600:641], {}, "41 days are too long a window"),
        (sparse([180, 230, 300, 400, 480, 501]), WINDOW, {}, "something was seen on only 5 of 365 baseline days"),
        (sparse([140 + 40 * k for k in range(8)]), WINDOW, {}, "something was seen on only 8 of 365 baseline days"),
        (sparse(list(range(135, 165))), WINDOW, PLAIN, "next to nothing is to be expected in this window"),
    ],
)
def test_a_question_the_data_cannot_answer_is_not_testable_and_says_why(counts, window, options, reason):
    effect = estimate_effect(counts, window, **{"holidays": False} | options)
    assert effect.verdict == "not testable" and not effect.testable
    assert reason in effect.reason
    assert (effect.ratio, effect.p_value, effect.p_min, effect.smallest_visible_cut) == (None,) * 4
    assert effect.summary().startswith("Not testable") and "nan" not in effect.summary()
    json.dumps(effect.row(), allow_nan=False)


def test_a_running_pause_counts_the_days_it_has():
    effect = estimate_effect(RAIDS, pd.date_range(DAYS[-2], periods=6), **PLAIN)
    same = estimate_effect(RAIDS, DAYS[-2:], **PLAIN)
    assert (effect.n_days, effect.n_missing, effect.n_placebo, effect.observed) == (6, 4, 364, same.observed)
    assert (effect.ratio, effect.p_value) == (pytest.approx(same.ratio), pytest.approx(same.p_value))


def test_a_covariate_enters_the_fit():
    marker = pd.DataFrame({"truce": DAYS.isin(WINDOW).astype(float)}, index=DAYS)
    with refused("the null model does not converge"):  # of the window alone: defined, if blunt
        estimate_effect(cut(RAIDS, WINDOW, 0.9), WINDOW, covariates=marker, **PLAIN)
    frost = pd.DataFrame({"frost": (np.arange(1400) % 5 == 0).astype(float)}, index=DAYS)
    counts = smooth() * np.where(frost["frost"] == 1, 3.0, 1.0)
    window = DAYS[500:502]  # one of the two days is a frost day
    effect = estimate_effect(cut(counts, window, 0.5), window, covariates=frost, **PLAIN)
    assert effect.ratio == pytest.approx(0.5, abs=0.03)
    assert estimate_effect(cut(counts, window, 0.5), window, **PLAIN).ratio > 0.6


@pytest.mark.parametrize(
    "options, parts",
    [
        ({"test": "t-test"}, ["field test", "auto, shift, after-salvo", "'t-test'"]),
        ({"statistic": "median"}, ["unknown statistic", "ratio, mean-log"]),
        (
            {"statistic": "mean-log", "trend": "spline", "baseline": (DAYS[300], DAYS[700])},
            ["no mean-log statistic", "ratio"],
        ),
        *[({"level": level}, ["field level", "0.5 to below 1"]) for level in (np.nan, 95, 1.0, 0.49)],
        ({"trend": "spline", "baseline": (DAYS[300], DAYS[700]), "test": "after-salvo"}, ["no after-salvo test"]),
    ],
)
def test_options_that_make_no_sense_are_refused(options, parts):
    with refused(*parts):
        estimate_effect(RAIDS, WINDOW, **options)


@pytest.mark.parametrize(
    "level, n_needed, alternative", [(0.95, 39, "two-sided"), (0.95, 19, "less"), (0.9, 19, "two-sided")]
)
def test_few_windows_after_a_salvo_say_what_else_could_be_asked(level, n_needed, alternative):
    for n in (1, n_needed - 1, n_needed):
        tried = WindowTest(0.5, np.ones(n), alternative, round(1 - level, 12), lag=2.0, after_salvo=True)
        few = f'; such a day, which may be the onset of what is asked about, leaves {n} placebos: test="shift" compares'
        assert (few in _compared_with(tried, lay_out(RAIDS, WINDOW), "salvo")) == (n < n_needed)


@pytest.mark.parametrize(
    "lag, after, words",
    [
        (3, True, "the window starts 3 days after a salvo: compared with windows that do too"),
        (4, True, "the window starts 4 days after a salvo: compared with windows that do too, give or take a day"),
        (7, True, "the window starts 7 days after a salvo: compared with windows that do too, give or take a day"),
        (8, True, "no salvo in the week before the window"),
        (np.nan, True, "no salvo in the week before the window"),
        (np.nan, False, "the window starts with no salvo before it: compared with all windows"),
        (1, False, "the window starts 1 day after the last salvo: compared with all windows"),
    ],
)
def test_what_a_window_is_compared_with(lag, after, words):
    tried = WindowTest(0.5, np.ones(99), lag=lag, after_salvo=after)
    assert _compared_with(tried, lay_out(RAIDS, WINDOW), "salvo") == words


def test_an_unreported_day_that_may_have_been_heavy_is_named():
    gap = lay_out(RAIDS.mask(RAIDS.index == WINDOW[0] - pd.Timedelta(days=2)), WINDOW)
    told = (
        "the window starts 4 days after the last salvo, though 1 day between had no report: compared with all windows"
    )
    assert _compared_with(WindowTest(0.5, np.ones(99), lag=4.0), gap, "salvo") == told


# --- long windows


def test_a_long_window_is_predicted_from_both_sides_without_itself():
    window = DAYS[700:730]
    effect, silent = (estimate_effect(cut(RAIDS, window, share), window) for share in (0.4, 1.0))
    assert effect.verdict == "fewer" and effect.ratio == pytest.approx(0.6, abs=0.12)
    assert (effect.baseline_first_day, effect.baseline_last_day) == (DAYS[0].date(), DAYS[729 + 365].date())
    assert effect.reason == "long window, each window predicted from a fit without it"
    assert silent.expected == pytest.approx(effect.expected, rel=1e-9)
    assert silent.placebo["ratio"].equals(effect.placebo["ratio"])
    inside = effect.daily[effect.daily["role"] == "baseline"]
    ordinary = inside["observed"].between(inside["low"], inside["high"])
    assert ordinary.mean() == pytest.approx(0.95, abs=0.01)


# --- what followed


def rebound_by_loop(counts, pause, horizon):
    """Ratio of the days after, of those after the windows most like the pause, and of all windows as long."""
    first, n_pause = counts.index.get_loc(pause[0]), len(pause)
    every = counts.index[first - 365 : first + n_pause + horizon]
    weekdays = [(every.day_of_week == k).astype(float) for k in range(1, 7)]
    X, seen = np.column_stack([np.ones(len(every)), np.arange(len(every)), *weekdays]), counts[every].to_numpy()
    mean = statsmodels_mean(X, seen, np.arange(len(every)) < 365)

    def ratio(start, n_days):
        return seen[start : start + n_days].sum() / mean[start : start + n_days].sum()

    own = ratio(365, n_pause)
    before = {start: ratio(start, n_pause) for start in range(365 - n_pause - horizon + 1)}
    wanted, ranked = round(0.1 * len(before)), sorted(before, key=before.get)
    lower = min(max(sum(value < own for value in before.values()) - wanted // 2, 0), len(ranked) - wanted)
    follow = [ratio(start + n_pause, horizon) for start in sorted(ranked[lower : lower + wanted])]
    every_window = [ratio(start, horizon) for start in range(365 - horizon + 1)]
    return ratio(365 + n_pause, horizon), follow, every_window, "quietest" if lower == 0 else "most similar"


@settings(max_examples=16)
@given(st.integers(1, 4), st.integers(1, 14), st.sampled_from([0.0, 0.5, 0.95, -2.0]), st.integers(400, 900))
def test_rebound_against_a_loop(n_pause, horizon, share, first):
    pause = DAYS[first : first + n_pause]
    counts = cut(RAIDS, pause, share)
    effect = estimate_rebound(counts, pause, horizon=horizon, holidays=False)
    observed, alike, all_windows, kind = rebound_by_loop(counts, pause, horizon)
    assert effect.ratio == pytest.approx(observed, rel=1e-8)
    upper = [(1 + sum(v >= observed for v in windows)) / (1 + len(windows)) for windows in (alike, all_windows)]
    assert effect.p_value == pytest.approx(max(upper)) and effect.alternative == "greater"
    assert (effect.window, effect.test, effect.n_days) == (f"after-{horizon}", "after-quiet", horizon)
    assert effect.first_day == DAYS[first + n_pause].date()
    stricter = all_windows if upper[1] > upper[0] else alike
    np.testing.assert_allclose(effect.placebo["ratio"], stricter, rtol=1e-8)
    if effect.testable:
        assert (effect.verdict == "more") == (effect.observed > effect.expected_high)
    used = "all windows of" if upper[1] > upper[0] else f"after the {kind} tenth of windows of"
    assert used in effect.reason


def test_a_surge_after_a_pause_is_found_and_an_ordinary_week_is_not():
    begun = estimate_rebound(RAIDS, DAYS[-6:-3])
    assert (begun.n_days, begun.n_missing) == (7, 4) and begun.p_value is not None
    surge = cut(RAIDS, DAYS[503:510], -1.5)
    assert estimate_rebound(surge, WINDOW).verdict == "more"
    ordinary = estimate_rebound(RAIDS, WINDOW)
    assert ordinary.verdict == "no visible change" and ordinary.testable
    rare = estimate_rebound(silent_half(), WINDOW)  # a rise can be asked where silence is ordinary
    assert rare.testable and rare.p_min == pytest.approx(1 / (1 + rare.n_placebo))
    plain, loud = (estimate_rebound(cut(RAIDS, WINDOW, s), WINDOW, announced=WINDOW[2]) for s in (0, -5e3))
    assert loud.expected == pytest.approx(plain.expected, rel=1e-9)  # the pause is not in the fit, however announced


# --- another statistic


def test_the_mean_log_ranks_days_by_hand_and_breaks_the_tie_of_silence():
    counts = noisy(7)
    counts[WINDOW] = 0.0
    effect = estimate_effect(counts, WINDOW, **PLAIN, statistic="mean-log")
    layout = lay_out(counts, WINDOW, holidays=False)
    mean = layout.expect(layout.filled, layout.fitted)

    def score(start):
        return np.mean([np.log((layout.filled[start + k] + 5) / (mean[start + k] + 5)) for k in range(len(WINDOW))])

    own, others = score(layout.start), [score(start) for start in layout.starts]
    lower, upper = sum(v <= own + 1e-12 for v in others), sum(v >= own - 1e-12 for v in others)
    assert effect.p_value == pytest.approx(min(1, 2 * (1 + min(lower, upper)) / (1 + len(others))))
    assert (effect.test, effect.verdict, effect.ratio) == ("mean-log", "fewer", 0.0)
    assert effect.ratio_low is None and effect.expected_high is None and 0 < effect.smallest_visible_cut < 1
    nothing = sum(score(start) <= np.log(5 / (mean[layout.window] + 5)).mean() + 1e-12 for start in layout.starts)
    assert effect.p_min == pytest.approx(2 * (1 + nothing) / (1 + len(others)))
    rise = estimate_effect(cut(noisy(7), WINDOW, -9), WINDOW, **PLAIN, statistic="mean-log")
    assert (rise.verdict, rise.ratio > 3, rise.expected_high) == ("more", True, None)
    silent = counts.where(np.arange(len(counts)) % 20 != 0, 0.0)
    tied, broken = (estimate_effect(silent, WINDOW[:1], **PLAIN, statistic=s) for s in ("ratio", "mean-log"))
    assert tied.p_value > broken.p_value
