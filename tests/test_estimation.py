"""One window on one series: what is found, what is refused, and what honestly cannot be told."""

import json

import numpy as np
import pandas as pd
import pytest

from analysis.calibration.processes import CountAutoregression
from analysis.errors import DesignError
from analysis.estimate import HEAVY, estimate_effect, estimate_rebound, recovered_ratio
from analysis.expected import expected_counts
from analysis.placebo import PlaceboTest, heavy_days
from analysis.windows import lay_out

DAYS = pd.date_range("2024-01-01", periods=1400, name="day")
WINDOW = DAYS[500:503]
PLAIN = {"holidays": False, "test": "shift"}


def noisy(seed=1, *, mean=120.0, growth=0.5, size=6, days=DAYS):
    generator = np.random.default_rng(seed)
    level = mean * np.exp(growth * np.linspace(-1, 1, len(days))) * np.where(days.day_of_week == 6, 0.8, 1.1)
    return pd.Series(generator.negative_binomial(size, size / (size + level)).astype(float), index=days, name="raids")


RAIDS = noisy()


def smooth(days=DAYS):
    """A series without noise that the null model can follow exactly."""
    level = 200 * np.exp(0.4 * np.linspace(-1, 1, len(days))) * np.where(days.day_of_week == 6, 0.8, 1.1)
    return pd.Series(level, index=days, name="raids")


def cut(counts, window, share):
    changed = counts.copy()
    changed[window] = changed[window] * (1 - share)
    return changed


# --- two routes to the same finding


@pytest.mark.parametrize("n_days", [1, 3, 7])
@pytest.mark.parametrize("missing", [(), (501,), (300, 301, 420)])
def test_a_short_window_against_a_loop(n_days, missing):
    import statsmodels.api as sm

    window, counts = DAYS[500 : 500 + n_days], RAIDS.copy()
    counts.iloc[list(missing)] = np.nan
    if n_days == 1 and 500 in missing:
        pytest.skip("nothing left of the window")
    effect = estimate_effect(counts, window, **PLAIN)

    usable = [d for d in DAYS[135:500] if not np.isnan(counts[d])]
    inside = [d for d in window if not np.isnan(counts[d])]
    offsets = [(d - window[0]).days for d in inside]
    rows = pd.DatetimeIndex([*usable, *inside])
    every = DAYS[135 : 500 + n_days]
    X = np.column_stack(
        [np.ones(len(every)), (every - every[0]).days, *[(every.day_of_week == k).astype(float) for k in range(1, 7)]]
    )
    fit = sm.GLM(counts[rows], X[every.get_indexer(rows)], family=sm.families.Poisson()).fit(tol=1e-13, maxiter=100)
    mean = pd.Series(np.exp(X @ fit.params), index=every)

    def ratio(start):
        days = [start + pd.Timedelta(days=k) for k in offsets]
        if start != window[0] and not set(days) <= set(usable):
            return None
        return sum(counts[d] for d in days) / sum(mean[d] for d in days)

    x, base = pd.DataFrame(X, index=every).loc[inside], pd.DataFrame(X, index=every).loc[usable].to_numpy()
    total = mean[inside].sum()
    x = (x.mul(mean[inside], axis=0).sum() / total).to_numpy()
    pull = total * x @ np.linalg.solve((base * mean[usable].to_numpy()[:, None]).T @ base, x)

    def unpulled(value):
        return value * np.exp(pull * (value - 1))

    found = [ratio(start) for start in every[every < window[0]]]
    placebos = [unpulled(value) for value in found if value is not None]
    observed = unpulled(ratio(window[0]))
    lower = (1 + sum(v <= observed for v in placebos)) / (1 + len(placebos))
    upper = (1 + sum(v >= observed for v in placebos)) / (1 + len(placebos))
    assert effect.n_placebo == len(placebos) and effect.n_missing == n_days - len(inside)
    assert effect.ratio == pytest.approx(observed, rel=1e-8)
    assert effect.p_value == pytest.approx(min(1, 2 * min(lower, upper)), rel=1e-12)
    assert effect.observed == sum(counts[d] for d in inside)
    assert effect.expected == pytest.approx(effect.observed / observed, rel=1e-8)
    k = int(0.025 * (len(placebos) + 1))
    low, high = sorted(placebos)[k - 1], sorted(placebos)[-k]
    assert (effect.ratio_low, effect.ratio_high) == pytest.approx((observed / high, observed / low), rel=1e-8)
    assert (effect.expected_low, effect.expected_high) == pytest.approx((effect.expected * low, effect.expected * high))
    np.testing.assert_allclose(np.sort(effect.placebo["ratio"]), np.sort(placebos), rtol=1e-8)


def test_the_smallest_visible_cut_is_seen_in_four_of_five_placebo_windows():
    effect = estimate_effect(RAIDS, WINDOW, **PLAIN)
    placebos = effect.placebo["ratio"].to_numpy()
    for nudge, found in ((1e-6, True), (-1e-6, False)):
        shifted = PlaceboTest(
            placebos * (1 - effect.smallest_visible_cut - nudge), np.tile(placebos, (len(placebos), 1))
        )
        assert ((shifted.p_lower <= 0.025).mean() >= 0.8) == found


def test_days_that_play_no_part_change_nothing():
    touched = RAIDS.copy()
    touched[DAYS[503:]] = 9e5  # after the window
    touched[DAYS[:130]] = 7.0  # before the baseline
    touched[DAYS[480:490]] = 1e6  # excluded
    exclude = DAYS[480:490]
    effects = [estimate_effect(counts, WINDOW, exclude=exclude, **PLAIN) for counts in (RAIDS, touched)]
    assert effects[0] == effects[1]


def test_scale_does_not_matter():
    plain, thousandfold = (estimate_effect(RAIDS * scale, WINDOW, **PLAIN) for scale in (1, 1e6))
    assert thousandfold.ratio == pytest.approx(plain.ratio, rel=1e-9)
    assert (thousandfold.p_value, thousandfold.verdict) == (plain.p_value, plain.verdict)
    assert thousandfold.expected == pytest.approx(1e6 * plain.expected, rel=1e-9)


def test_fractional_counts_are_allowed():
    tenth = estimate_effect(RAIDS / 10, WINDOW, **PLAIN)
    assert tenth.p_value == estimate_effect(RAIDS, WINDOW, **PLAIN).p_value


# --- an injected effect is found, at its size


@pytest.mark.parametrize("share", [0.4, 0.7, 1.0])
@pytest.mark.parametrize("n_days", [1, 3, 7, 14, 30])
def test_a_cut_shows_at_its_size_in_a_series_without_noise(n_days, share):
    window = DAYS[700 : 700 + n_days]
    effect = estimate_effect(cut(smooth(), window, share), window, holidays=False, test="shift")
    assert effect.ratio == pytest.approx(1 - share, abs=0.01)


@pytest.mark.parametrize("n_days", [3, 30])
def test_a_cut_of_forty_per_cent_is_recovered_on_average_in_noise(n_days):
    window, ratios = DAYS[700 : 700 + n_days], []
    for seed in range(12 if n_days == 3 else 3):
        counts = noisy(seed, size=40)
        ratios.append(estimate_effect(cut(counts, window, 0.4), window, **PLAIN).ratio)
    assert np.mean(ratios) == pytest.approx(0.6, abs=0.07)


def test_fewer_and_more_and_neither():
    assert estimate_effect(cut(RAIDS, WINDOW, 0.9), WINDOW, **PLAIN).verdict == "fewer"
    assert estimate_effect(cut(RAIDS, WINDOW, -3.0), WINDOW, **PLAIN).verdict == "more"
    assert estimate_effect(RAIDS, WINDOW, **PLAIN).verdict == "no visible change"


def test_total_silence_has_a_lower_end_of_zero_and_no_upper_end():
    effect = estimate_effect(cut(RAIDS, WINDOW, 1.0), WINDOW, **PLAIN)
    assert (effect.ratio, effect.ratio_low, effect.ratio_high) == (0, 0, None)
    assert effect.p_value == effect.p_min == pytest.approx(2 / (effect.n_placebo + 1))
    assert "no upper limit" in effect.reason
    assert effect.expected_low > 0 and "That is none of an expected" in effect.summary()


@pytest.mark.parametrize("alternative", ["less", "greater"])
def test_one_sided_tests_look_one_way(alternative):
    fall, rise = cut(RAIDS, WINDOW, 0.9), cut(RAIDS, WINDOW, -3.0)
    verdicts = [estimate_effect(counts, WINDOW, alternative=alternative, **PLAIN).verdict for counts in (fall, rise)]
    assert verdicts == (["fewer", "no visible change"] if alternative == "less" else ["no visible change", "more"])
    effect = estimate_effect(fall, WINDOW, alternative=alternative, **PLAIN)
    assert (effect.expected_high is None) == (alternative == "less")
    assert alternative == "less" or effect.expected_low == 0


# --- what cannot be told


def silent_half(seed=3):
    """Half of all days have no missile."""
    generator = np.random.default_rng(seed)
    counts = np.where(generator.random(len(DAYS)) < 0.5, 0, generator.poisson(15, len(DAYS)))
    return pd.Series(counts.astype(float), index=DAYS, name="missiles")


def test_silence_that_is_ordinary_is_not_testable():
    effect = estimate_effect(cut(silent_half(), WINDOW, 1.0), WINDOW, **PLAIN)
    silent = int((effect.placebo["ratio"] == 0).sum())
    assert effect.p_value == effect.p_min == pytest.approx(2 * (1 + silent) / (1 + effect.n_placebo))
    assert not effect.testable and effect.verdict == "not testable" and effect.smallest_visible_cut is None
    assert effect.reason.startswith(
        f"even total silence is ordinary: {silent} of {effect.n_placebo} comparable windows are silent "
        f"(two-sided p = {effect.p_min:.2g}); "
    )


def test_a_surge_can_be_plain_where_a_silence_could_not_be():
    surge = silent_half()
    surge[WINDOW] = 200.0
    effect = estimate_effect(surge, WINDOW, **PLAIN)
    assert not effect.testable and effect.verdict == "more"


def test_too_few_windows_for_the_level_are_not_testable():
    effect = estimate_effect(RAIDS, WINDOW, level=0.999, **PLAIN)
    assert effect.verdict == "not testable"
    assert f"only {effect.n_placebo} comparable windows: even total silence has p =" in effect.reason


@pytest.mark.parametrize(
    "counts, window, options, reason",
    [
        (RAIDS * 0, WINDOW, {}, "nothing was seen on any of the 365 baseline days"),
        (RAIDS * np.nan, WINDOW, {}, "there is no usable report for any day from 2025-05-15 to 2025-05-17"),
        (RAIDS[:1], DAYS[:1], {}, "only 0 usable baseline days, at least 28 are needed"),
        (RAIDS, DAYS[:3], {}, "only 0 usable baseline days"),
        (RAIDS, DAYS[10:13], {}, "only 10 usable baseline days"),
        (RAIDS, pd.date_range("2023-12-01", periods=3), {}, "the counts are usable only from 2024-01-01 on"),
        (RAIDS, pd.date_range("2027-12-20", periods=3), {}, "the data end on 2027-10-31, before the window"),
        (RAIDS, WINDOW, {"baseline": 27}, "only 27 usable baseline days, at least 28 are needed"),
        (RAIDS, WINDOW, {"exclude": DAYS}, "only 0 usable baseline days"),
        (RAIDS, WINDOW, {"first_day": WINDOW[0]}, "only 0 usable baseline days"),
        (RAIDS, WINDOW, {"first_day": WINDOW[-1] + pd.Timedelta(days=1)}, "there is no usable report for any day"),
        (RAIDS, DAYS[490:503], {"baseline": 30}, "a true cut of 40 % would rank like"),
        (RAIDS, WINDOW, {"baseline": (DAYS[0], DAYS[60])}, "a true cut of 40 % would rank like"),
        (RAIDS, WINDOW, {"exclude": DAYS[:500:3]}, "no other window of 3 days fits"),
        (RAIDS, DAYS[-30:], {}, "provisional: only 0 baseline days after the pause, 150 are needed"),
        (RAIDS, DAYS[1230:1250], {}, "provisional: only 136 baseline days after the pause"),
        (RAIDS, DAYS[600:641], {}, "41 days are too long a window"),
    ],
)
def test_a_question_the_data_cannot_answer_is_not_testable_and_says_why(counts, window, options, reason):
    effect = estimate_effect(counts, window, holidays=False, **options)
    assert effect.verdict == "not testable" and not effect.testable
    assert reason in effect.reason
    assert (effect.ratio, effect.p_value, effect.p_min, effect.smallest_visible_cut) == (None,) * 4
    assert effect.summary().startswith("Not testable") and "nan" not in effect.summary()
    json.dumps(effect.row(), allow_nan=False)


def test_a_constant_series_shows_no_change():
    effect = estimate_effect(RAIDS * 0 + 7, WINDOW)
    assert effect.ratio == pytest.approx(1) and effect.p_value == 1 and effect.verdict == "no visible change"


def test_a_running_pause_counts_the_days_it_has():
    effect = estimate_effect(RAIDS, pd.date_range(DAYS[-2], periods=6), **PLAIN)
    assert (effect.n_days, effect.n_missing) == (6, 4)
    assert effect.observed == RAIDS.iloc[-2:].sum()
    assert effect.n_placebo == 364
    same = estimate_effect(RAIDS, DAYS[-2:], **PLAIN)
    assert (effect.ratio, effect.p_value) == (pytest.approx(same.ratio), pytest.approx(same.p_value))


def test_a_covariate_that_marks_the_window_alone_is_caught():
    marker = pd.DataFrame({"truce": DAYS.isin(WINDOW).astype(float)}, index=DAYS)
    try:
        effect = estimate_effect(cut(RAIDS, WINDOW, 0.9), WINDOW, covariates=marker, **PLAIN)
    except DesignError:
        return  # defined, if blunt
    assert effect.verdict == "not testable" and "true cut" in effect.reason


def test_a_covariate_enters_the_fit():
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
        ({"alternative": "lower"}, ["field alternative", "two-sided, less, greater", "'lower'"]),
        ({"trend": "cubic"}, ["field trend", "linear, spline or constant"]),
        ({"level": np.nan}, ["field level", "0.5 to below 1", "nan"]),
        ({"level": 95}, ["field level", "0.5 to below 1", "95"]),
        ({"level": 1.0}, ["field level"]),
        ({"level": None}, ["field level"]),
        ({"baseline": -1}, ["field baseline", "a number of days or (first, last)"]),
        ({"covariates": pd.DataFrame({"frost": [1.0]}, index=DAYS[:1])}, ["field frost", "missing"]),
    ],
)
def test_options_that_make_no_sense_are_refused(options, parts):
    with pytest.raises(DesignError) as refusal:
        estimate_effect(RAIDS, WINDOW, **options)
    for part in parts:
        assert part in str(refusal.value)


# --- after a salvo


def salvo_series(every=9):
    """A salvo every nine days, on its own list, in a series that shows nothing of it."""
    counts = noisy(5, growth=0.0, size=200)
    return counts, DAYS[3::every]


def matched_starts(layout, salvo_days, lag, slack):
    """Loop: windows that start as long after the last salvo as the tested one does, whatever flew in that one."""
    expected, _ = expected_counts(layout.X, layout.filled, weights=layout.baseline.astype(float))
    heavy = heavy_days(layout.counts, expected, layout.baseline)
    salvo = [bool(h) or d in set(salvo_days) for h, d in zip(heavy, layout.days, strict=True)]
    chosen = []
    for start in layout.starts:
        before = [k for k in range(start) if salvo[k]]
        if before and abs((start - before[-1]) - lag) <= slack:
            chosen.append(layout.days[start])
    before = [k for k in range(layout.start) if salvo[k]]
    return layout.start - before[-1], chosen


@pytest.mark.parametrize("first, lag", [(499, 1), (500, 2), (501, 3)])
@pytest.mark.parametrize("seed", [5, 6])
def test_a_window_at_most_three_days_after_a_salvo_is_compared_with_windows_that_are_too(first, lag, seed):
    counts, window = noisy(seed, growth=0.0), DAYS[first : first + 2]
    counts[DAYS[498]], counts[DAYS[499:502]] = 900.0, 50.0
    effect = estimate_effect(counts, window, holidays=False)
    layout = lay_out(counts, window, holidays=False)
    found, starts = matched_starts(layout, [], lag, 0)
    assert found == lag and len(starts) > 10
    assert effect.test == "after-salvo" and list(effect.placebo["start"]) == starts
    starts_when = f"the window starts {'1 day' if lag == 1 else f'{lag} days'} after a {HEAVY}"
    assert f"{starts_when}: compared with windows that do too" in effect.reason


@pytest.mark.parametrize("lag, automatic", [(1, "after-salvo"), (3, "after-salvo"), (4, "shift"), (7, "shift")])
def test_the_lag_alone_decides_which_test_is_made(lag, automatic):
    counts = smooth()  # with weekdays in the model, only the list makes salvos
    salvos = DAYS[500 - lag :: -10].sort_values()
    window = DAYS[500:502]
    shown = counts.copy()
    shown[DAYS[::6]] *= 1.3  # the outcome's own heaviest days, kept clear of the window below
    shown[DAYS[485:503]] = smooth()[DAYS[485:503]]
    effect = estimate_effect(shown, window, salvo_days=salvos, holidays=False)
    assert effect.test == automatic
    companion = estimate_effect(shown, window, salvo_days=salvos, holidays=False, test="after-salvo")
    layout = lay_out(shown, window, holidays=False)
    found, starts = matched_starts(layout, salvos, lag, 0 if lag <= 3 else 1)
    assert found == lag
    assert list(companion.placebo["start"]) == starts and companion.n_placebo == len(starts) > 0
    assert ("give or take a day" in companion.reason) == (lag > 3)
    assert estimate_effect(shown, window, salvo_days=salvos, holidays=False, test="shift").n_placebo > len(starts)


@pytest.mark.parametrize("flown", [0.0, 100.0, 400.0])
def test_which_test_is_made_does_not_depend_on_what_flew_in_the_window(flown):
    counts = noisy(5, growth=0.0).iloc[:506]
    counts[DAYS[499]] = np.quantile(counts, 0.86)  # a salvo, or nearly one, if the window bends the trend
    window = DAYS[503:506]
    counts[window] = flown
    first_day = DAYS[430]
    assert estimate_effect(counts, window, first_day=first_day).test == estimate_effect(
        counts.where(~counts.index.isin(window), 250.0), window, first_day=first_day
    ).test  # fmt: skip


def test_a_week_without_a_salvo_leaves_nothing_to_compare_after_one():
    counts = smooth()
    counts[DAYS[200:260]] *= 3
    effect = estimate_effect(counts, WINDOW, holidays=False, test="after-salvo")
    assert effect.verdict == "not testable" and effect.n_placebo == 0
    assert effect.reason.startswith(f"no {HEAVY} in the week before the window")


def test_a_fall_that_usually_follows_a_salvo_is_no_finding_after_one():
    """Two quiet days after each salvo: the shift test calls the lull a pause, the matched test does not."""
    generator = np.random.default_rng(8)
    level = np.full(len(DAYS), 100.0)
    salvos = np.cumsum(generator.integers(9, 16, 130))
    salvos = salvos[salvos < 1390]
    for salvo in salvos:
        level[salvo], level[salvo + 1 : salvo + 3] = 500, 12
    counts = pd.Series(generator.poisson(level).astype(float), index=DAYS, name="raids")
    start = salvos[salvos > 500][0] + 1
    window = DAYS[start : start + 2]
    options = {"holidays": False, "salvo_days": DAYS[salvos], "alternative": "less"}
    matched, shifted = (estimate_effect(counts, window, test=test, **options) for test in ("auto", "shift"))
    assert matched.test == "after-salvo" and matched.p_value > 0.05
    assert matched.p_value > shifted.p_value


# --- long windows


def test_a_long_window_is_predicted_from_both_sides_without_itself():
    window = DAYS[700:730]
    effect = estimate_effect(cut(RAIDS, window, 0.4), window)
    assert effect.verdict == "fewer" and effect.ratio == pytest.approx(0.6, abs=0.12)
    assert effect.baseline_first_day == DAYS[0].date()
    assert effect.baseline_last_day == DAYS[729 + 365].date()
    assert "long window, each window predicted from a fit without it" in effect.reason


def test_what_happens_in_a_long_window_does_not_move_its_expectation():
    window = DAYS[700:730]
    plain, silent = estimate_effect(RAIDS, window), estimate_effect(cut(RAIDS, window, 1.0), window)
    assert silent.expected == pytest.approx(plain.expected, rel=1e-9)
    assert silent.placebo["ratio"].equals(plain.placebo["ratio"])


@pytest.mark.parametrize("n_after, answered", [(149, False), (150, True)])
def test_a_hundred_and_fifty_days_after_a_long_pause_are_enough(n_after, answered):
    counts = RAIDS[: 700 + 20 + 14 + n_after]
    effect = estimate_effect(counts, DAYS[700:720])
    assert (effect.p_value is not None) == answered
    assert answered or effect.reason.startswith(f"provisional: only {n_after} baseline days after the pause")


@pytest.mark.parametrize("n_days, first", [(1, 400), (3, 400), (4, 400), (7, 400), (13, 400), (3, 120)])
def test_the_geometries_in_use_recover_a_cut_of_forty_per_cent(n_days, first):
    layout = lay_out(RAIDS, DAYS[first : first + n_days])
    assert recovered_ratio(layout) == pytest.approx(0.6, abs=0.07)


# --- what followed


def rebound_by_loop(counts, pause, horizon):
    """Ratio of the days after, of those after the windows most like the pause, and of all windows as long."""
    import statsmodels.api as sm

    first, n_pause = counts.index.get_loc(pause[0]), len(pause)
    every = counts.index[first - 365 : first + n_pause + horizon]
    X = np.column_stack(
        [np.ones(len(every)), np.arange(len(every)), *[(every.day_of_week == k).astype(float) for k in range(1, 7)]]
    )
    seen = counts[every].to_numpy()
    fit = sm.GLM(seen[:365], X[:365], family=sm.families.Poisson()).fit(tol=1e-13, maxiter=100)
    mean = np.exp(X @ fit.params)

    def ratio(start, n_days):
        return seen[start : start + n_days].sum() / mean[start : start + n_days].sum()

    own, wanted = ratio(365, n_pause), 0
    before = {start: ratio(start, n_pause) for start in range(365 - n_pause - horizon + 1)}
    wanted = round(0.1 * len(before))
    ranked = sorted(before, key=before.get)
    lower = min(max(sum(value < own for value in before.values()) - wanted // 2, 0), len(ranked) - wanted)
    alike = sorted(ranked[lower : lower + wanted])
    follow = [ratio(start + n_pause, horizon) for start in alike]
    return ratio(365 + n_pause, horizon), follow, [ratio(start, horizon) for start in range(365 - horizon + 1)]


@pytest.mark.parametrize("n_pause, horizon", [(1, 7), (3, 7), (3, 3), (2, 14)])
@pytest.mark.parametrize("share, kind", [(0.0, "most similar"), (0.95, "quietest")])
def test_rebound_against_a_loop(n_pause, horizon, share, kind):
    pause = DAYS[500 : 500 + n_pause]
    counts = cut(RAIDS, pause, share)
    effect = estimate_rebound(counts, pause, horizon=horizon, holidays=False)
    observed, alike, all_windows = rebound_by_loop(counts, pause, horizon)
    assert effect.ratio == pytest.approx(observed, rel=1e-8)
    upper = [(1 + sum(v >= observed for v in windows)) / (1 + len(windows)) for windows in (alike, all_windows)]
    assert effect.p_value == pytest.approx(max(upper)) and effect.alternative == "greater"
    assert (effect.window, effect.test, effect.n_days) == (f"after-{horizon}", "after-quiet", horizon)
    assert effect.first_day == DAYS[500 + n_pause].date()
    stricter = all_windows if upper[1] > upper[0] else alike
    np.testing.assert_allclose(effect.placebo["ratio"], stricter, rtol=1e-8)
    used = "all windows of" if upper[1] > upper[0] else f"after the {kind} tenth of windows of"
    assert used in effect.reason


def test_neither_the_pause_nor_the_days_after_it_move_what_is_expected_after():
    silent = cut(RAIDS, WINDOW, 1.0)
    loud = silent.copy()
    loud[DAYS[503:510]] = 5e5
    effects = [estimate_rebound(counts, WINDOW, holidays=False) for counts in (RAIDS, silent, loud)]
    for effect in effects[1:]:
        assert effect.expected == pytest.approx(effects[0].expected, rel=1e-9)
    assert effects[1].placebo["ratio"].equals(effects[2].placebo["ratio"])
    assert effects[2].verdict == "more"


def test_a_surge_after_a_pause_is_found_and_an_ordinary_week_is_not():
    surge = RAIDS.copy()
    surge[DAYS[503:510]] *= 2.5
    assert estimate_rebound(surge, WINDOW).verdict == "more"
    ordinary = estimate_rebound(RAIDS, WINDOW)
    assert ordinary.verdict == "no visible change" and ordinary.testable


def test_a_rise_can_be_asked_where_silence_is_ordinary():
    effect = estimate_rebound(silent_half(), WINDOW)
    assert effect.testable and effect.p_min == pytest.approx(1 / (1 + effect.n_placebo))


def test_a_pause_at_the_end_of_the_data_has_no_days_after_it_yet():
    effect = estimate_rebound(RAIDS, DAYS[-3:])
    assert effect.verdict == "not testable" and effect.reason == "the data end on 2027-10-31, before the window"
    begun = estimate_rebound(RAIDS, DAYS[-6:-3])
    assert (begun.n_days, begun.n_missing) == (7, 4) and begun.p_value is not None


def sparse(positions, *, size=5.0):
    counts = RAIDS * 0
    counts.iloc[positions] = size
    return counts


def test_six_events_in_a_year_are_too_few_to_see_a_pause():
    effect = estimate_effect(sparse([180, 230, 300, 400, 480, 501]), WINDOW, **PLAIN)
    assert effect.verdict == "not testable"
    assert effect.reason.startswith("something was seen on only 5 of 365 baseline days, too few")
    json.dumps(effect.row(), allow_nan=False)


# --- the frames behind the pictures


def test_the_daily_frame_says_which_day_played_which_part():
    effect = estimate_effect(RAIDS, WINDOW, exclude=DAYS[480:483], **PLAIN)
    daily = effect.daily.set_index("day")
    assert list(effect.daily) == ["day", "observed", "role", "expected", "low", "high"]
    assert set(daily.index[daily["role"] == "window"]) == set(WINDOW)
    assert set(daily.index[daily["role"] == "baseline"]) == set(DAYS[135:500]) - set(DAYS[480:483])
    assert daily["observed"].equals(RAIDS[daily.index].rename("observed"))
    share = ((daily["observed"] >= daily["low"]) & (daily["observed"] <= daily["high"]))[daily["role"] == "baseline"]
    assert share.mean() == pytest.approx(0.95, abs=0.01)
    assert effect.baseline_first_day == DAYS[135].date() and effect.baseline_last_day == DAYS[499].date()


# --- unusual questions


@pytest.mark.parametrize(
    "counts, options",
    [(RAIDS[:503][-3:], {}), (RAIDS[:503] * np.nan, {}), (RAIDS[:503], {"exclude": DAYS})],
    ids=["a series of three days", "no report at all", "a pause on every baseline day"],
)
def test_a_window_at_the_end_of_the_data_without_a_baseline_is_not_testable(counts, options):
    assert estimate_effect(counts, WINDOW, **options).verdict == "not testable"


@pytest.mark.parametrize("positions", [[499], [300], range(135, 165)], ids=str)
def test_events_on_a_single_day_or_long_ago_give_an_effect_not_an_error(positions):
    effect = estimate_effect(sparse(list(positions)), WINDOW, **PLAIN)
    assert effect.verdict == "not testable"
    json.dumps(effect.row(), allow_nan=False)


@pytest.mark.parametrize("first", [400, 600])
def test_the_longest_window_still_gets_a_number_and_sane_placebos(first):
    effect = estimate_effect(RAIDS, DAYS[first : first + 40])
    assert effect.p_value is not None and effect.ratio == pytest.approx(1, abs=0.3)
    assert effect.placebo["ratio"].between(0.3, 3).all()


@pytest.mark.parametrize("seen", [0.0, 9.0])
def test_no_number_of_the_record_is_infinite_or_missing_by_accident(seen):
    counts = sparse([200, 260, 330, 400], size=3.0)
    counts[DAYS[500]] = seen
    effect = estimate_effect(counts, DAYS[500:501], weekday=False, trend="constant", **PLAIN)
    json.dumps(effect.row(), allow_nan=False)
    assert "inf" not in effect.summary() and "nan" not in effect.summary()


def test_a_test_that_is_not_made_is_not_silently_replaced():
    options = {"trend": "spline", "baseline": (DAYS[300], DAYS[700]), "test": "after-salvo"}
    try:
        effect = estimate_effect(RAIDS, WINDOW, **options)
    except DesignError:
        return
    assert effect.test == "after-salvo" and "long window" not in effect.reason


def test_verdict_and_ordinary_range_agree_at_every_level():
    counts = noisy(2)[:40]
    counts.iloc[[10, 39]] = 0.0
    effect = estimate_effect(counts, DAYS[39:40], level=0.9, weekday=False, **PLAIN)
    assert effect.n_placebo == 39 and effect.p_value == pytest.approx(0.1)
    assert effect.observed < effect.expected_low
    assert effect.verdict == "fewer"


@pytest.mark.parametrize(
    "window, options",
    [
        (DAYS[:0], {}),
        (DAYS[[500, 503]], {}),
        (WINDOW, {"horizon": 0}),
        (WINDOW, {"horizon": -1}),
        (WINDOW, {"baseline": "365"}),
    ],
    ids=str,
)
def test_a_rebound_that_makes_no_sense_is_refused(window, options):
    try:
        estimate_rebound(RAIDS, window, **options)
    except DesignError:
        return
    raise AssertionError("answered instead of refused")


def test_a_pause_announced_late_stays_out_of_the_fit_of_its_rebound():
    touched = RAIDS.copy()
    touched[WINDOW] = 5e5
    plain, loud = (estimate_rebound(counts, WINDOW, announced=WINDOW[2]) for counts in (RAIDS, touched))
    assert loud.expected == pytest.approx(plain.expected, rel=1e-9)


def test_no_data_at_all_is_said_in_plain_words():
    effect = estimate_effect(RAIDS[:0], WINDOW)
    assert effect.verdict == "not testable" and "before the window" not in effect.summary()


def test_size_of_the_rebound_where_the_level_wanders():
    """200 series without any effect, nominal 5 % one-sided, Monte Carlo error of 1.5 points."""
    days = DAYS[:375]
    process = CountAutoregression(mean=100.0, phi=0.8, dispersion=0.2)
    p_values = [
        estimate_rebound(pd.Series(counts, index=days), days[365:368], holidays=False).p_value
        for counts in process.draw(200, 375, seed=21).astype(float)
    ]
    assert np.mean(np.array(p_values) <= 0.05) <= 0.085


# --- known faults


@pytest.mark.parametrize("surge", [100.0, 1000.0])
def test_a_larger_surge_is_never_weaker_evidence(surge):
    counts = noisy(3, mean=0.3, size=2)
    counts[WINDOW] = 20.0
    clear = estimate_effect(counts, WINDOW, **PLAIN)
    assert clear.verdict == "more"
    counts[WINDOW] = surge
    assert estimate_effect(counts, WINDOW, **PLAIN).p_value <= clear.p_value


def test_what_followed_a_pause_without_a_single_report_can_still_be_asked():
    counts = RAIDS.copy()
    counts[WINDOW] = np.nan
    effect = estimate_rebound(counts, WINDOW)
    assert effect.p_value is not None and effect.observed == RAIDS[DAYS[503:510]].sum()


def test_a_rebound_that_is_not_told_lies_inside_the_range_called_ordinary():
    for seed in range(260, 268):
        counts, factor = noisy(seed), np.random.default_rng(seed).uniform(1, 2)
        counts[DAYS[503:510]] *= factor
        effect = estimate_rebound(counts, WINDOW, holidays=False)
        assert (effect.verdict == "more") == (effect.observed > effect.expected_high), effect.summary()
