"""Several windows together: scores by hand, p-values by enumeration and by brute force."""

from dataclasses import replace
from datetime import date
from itertools import product

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_up import DAYS, noisy, refused
from scipy.stats import norm

from analysis.effect import example_effect
from analysis.estimate import estimate_effect
from analysis.joint import CUTS, _JointTest, combine_effects, estimate_joint


def episode(name, ratio, placebos, *, expected=100.0, **changes):
    frame = pd.DataFrame({"ratio": np.asarray(placebos, float)})
    return example_effect(
        pause=name, ratio=ratio, observed=expected * ratio, expected=expected, placebo=frame, n_placebo=len(frame),
        **changes,
    )  # fmt: skip


def loop_score(ratio, placebos):
    """Normal quantile of the middle rank among the placebos and the ratio itself."""
    below, tied = sum(v < ratio - 1e-7 for v in placebos), sum(abs(v - ratio) <= 1e-7 for v in placebos)
    return norm.ppf((below + tied / 2 + 0.5) / (len(placebos) + 1))


def member_scores(ratio, placebos):
    """Scores of the placebos and the ratio, in order: under the null each is as likely to be the tested window."""
    members = sorted([*placebos, ratio])
    return [norm.ppf((np.mean([k for k, v in enumerate(members) if v == own]) + 0.5) / len(members)) for own in members]


THREE = [
    ("a", 0.2, [0.2, 0.2, 0.5, 1.0, 1.5]),
    ("b", 0.0, [0.0, 0.4, 0.9, 1.1, 2.5]),
    ("c", 0.7, [0.1, 0.6, 0.8, 1.2, 1.9]),
]


# --- scores


@pytest.mark.parametrize(
    "ratio, middle_rank_of_six",
    [(0.2, 1.5), (0.1, 0.5), (0.5, 3.0), (0.7, 3.5), (9.0, 5.5)],
)
def test_score_by_hand(ratio, middle_rank_of_six):
    placebos = np.array([1.0, 0.2, 0.5, 0.2, 1.5])
    found = _JointTest._among(np.sort(placebos), np.array([ratio]))[0]
    assert found == round(1000 * norm.ppf(middle_rank_of_six / 6))
    assert _JointTest([episode("a", ratio, [*placebos, np.nan])], "less").score([ratio]) == found


@settings(max_examples=30)
@given(
    st.lists(st.integers(0, 9).map(lambda k: k / 3), min_size=1, max_size=60), st.integers(0, 20).map(lambda k: k / 6)
)
def test_score_against_a_loop_with_ties(placebos, ratio):
    found = _JointTest([episode("a", ratio, placebos)], "less").score([ratio])
    assert found == pytest.approx(1000 * loop_score(ratio, placebos), abs=0.51)


# --- p-values


@pytest.mark.parametrize("alternative", ["less", "greater", "two-sided"])
def test_p_value_against_all_combinations_of_placebo_windows(alternative):
    """216 combinations, each as likely as the other: the p-value is the exact share."""
    score = np.mean([loop_score(ratio, placebos) for _, ratio, placebos in THREE])
    every = [np.mean(combination) for combination in product(*(member_scores(*parts) for _, *parts in THREE))]
    lower, upper = np.mean(np.array(every) <= score + 1e-9), np.mean(np.array(every) >= score - 1e-9)
    exact = {"less": lower, "greater": upper, "two-sided": min(1, 2 * min(lower, upper))}[alternative]
    effects = [episode(*parts) for parts in THREE]
    found = combine_effects(effects, alternative=alternative, draws=400)
    assert found.p_value == pytest.approx(exact, rel=1e-9)
    sums = [sum(ratios) for ratios in product(*(placebos for _, _, placebos in THREE))]
    assert found.observed == pytest.approx(90) and found.expected == 300 and found.ratio == pytest.approx(0.3)
    assert min(sums) * 100 <= found.expected_low <= found.expected_high <= max(sums) * 100


def test_smallest_visible_cut_against_a_loop_over_cuts():
    generator = np.random.default_rng(2)
    sets = [generator.gamma(5, 0.2, 40) for _ in range(2)]
    joint = combine_effects([episode(f"p{k}", 0.9, placebos) for k, placebos in enumerate(sets)], draws=4000, seed=3)

    def share_found(cut):
        pairs = [(a * (1 - cut), b * (1 - cut)) for a, b in product(*sets)]
        test = _JointTest([episode(f"p{k}", 9.0, placebos) for k, placebos in enumerate(sets)], "two-sided")
        return np.mean([test.p_value(pair) <= 0.05 for pair in pairs[::7]])

    position = list(CUTS).index(joint.smallest_visible_cut)
    assert share_found(CUTS[min(position + 1, len(CUTS) - 1)]) >= 0.8 > share_found(CUTS[position - 2])


def test_draws_are_repeatable_and_depend_on_the_seed_alone():
    effects = [episode(*parts) for parts in THREE]
    once, again = (combine_effects(effects, draws=3000, seed=5) for _ in range(2))
    assert once == again and once.placebo.equals(again.placebo)
    np.random.seed(1)
    assert combine_effects(effects, draws=3000, seed=5) == once
    other = combine_effects(effects, draws=3000, seed=6)
    assert other.p_value == once.p_value and not other.placebo.equals(once.placebo)


@pytest.mark.parametrize("n_episodes, n_placebos, least", [(4, 3, 0), (4, 9, 0), (4, 49, 0), (5, 120, 0.02)])
def test_the_size_holds_with_few_and_with_many_placebos(n_episodes, n_placebos, least):
    """Ratios drawn like their placebos: 300 sets, nominal 5 %, Monte Carlo error of 1.3 points."""
    generator, rejected = np.random.default_rng(8), 0
    for number in range(300):
        windows = generator.gamma(4, 0.25, (n_episodes, n_placebos + 1))
        effects = [episode(f"p{k}", row[0], row[1:]) for k, row in enumerate(windows)]
        rejected += combine_effects(effects, draws=200, seed=number).p_value <= 0.05
    assert least <= rejected / 300 < 0.09


def test_p_value_is_never_zero():
    far = [episode(f"p{k}", 0.0, np.linspace(0.5, 2, 99)) for k in range(5)]
    joint = combine_effects(far, draws=1000, alternative="less")
    assert joint.p_value == joint.p_min == pytest.approx(1e-10)


def test_two_silences_that_are_ordinary_alone_can_show_together_or_not():
    often = np.concatenate([np.zeros(30), np.linspace(0.3, 3, 70)])
    together = [episode(f"p{k}", 0.0, often) for k in range(2)]
    unable = combine_effects(together, draws=20_000)
    assert unable.p_min == pytest.approx(2 * 0.3**2, abs=0.02) and not unable.testable
    assert unable.verdict == "not testable" and unable.smallest_visible_cut is None
    assert unable.summary().startswith("Not testable") and "even silence in all is ordinary" in unable.reason
    able = combine_effects([episode(f"p{k}", 0.0, often) for k in range(5)], draws=20_000)
    assert able.p_min < 0.05 and able.testable and able.verdict == "fewer"


def test_ranks_are_averaged_so_that_a_noisy_year_weighs_no_more_than_a_quiet_one():
    quiet, noisy = np.linspace(0.9, 1.1, 99), np.linspace(0.1, 10, 99)
    low_in_quiet = [episode("a", 0.91, quiet), episode("b", 5.05, noisy)]
    low_in_noisy = [episode("a", 1.0, quiet), episode("b", 0.6, noisy)]
    p_values = [combine_effects(case, draws=5000, alternative="less").p_value for case in (low_in_quiet, low_in_noisy)]
    assert p_values[0] == pytest.approx(p_values[1], abs=0.05)


# --- who takes part


BLANK = example_effect(pause="christmas", ratio=None, p_value=None, expected=None, testable=False, n_placebo=0)


def test_windows_without_placebos_are_left_out_and_named():
    joint = combine_effects([*(episode(*parts) for parts in THREE), BLANK], draws=500)
    alone = combine_effects([episode(*parts) for parts in THREE], draws=500)
    assert joint.reason.startswith("3 windows together")
    assert joint.reason.endswith("left out, having no comparable windows: christmas")
    assert (joint.p_value, joint.ratio, joint.observed) == (alone.p_value, alone.ratio, alone.observed)


@pytest.mark.parametrize("n_usable", [0, 1])
def test_fewer_than_two_usable_windows_are_not_testable(n_usable):
    joint = combine_effects([BLANK, *(episode(*parts) for parts in THREE[:n_usable])])
    assert joint.verdict == "not testable" and joint.p_value is None and joint.observed is None
    assert "fewer than two windows" in joint.reason and "christmas" in joint.reason


@pytest.mark.parametrize(
    "effects, options, words",
    [
        ([episode(*THREE[0]), replace(episode(*THREE[1]), outcome="missiles")], {}, "effects cannot be combined"),
        ([], {}, "field outcome: effects cannot be combined; expected one"),
        ([episode(*parts) for parts in THREE], {"alternative": "lower"}, "two-sided, less, greater"),
        ([episode(*parts) for parts in THREE], {"draws": 0}, "field draws: cannot draw like that"),
    ],
)
def test_what_cannot_be_combined_is_refused(effects, options, words):
    with refused(words):
        combine_effects(effects, **options)


def test_estimate_joint_is_the_combination_of_single_estimates_that_spare_each_other():
    days, counts = DAYS, noisy(4)
    windows = [days[450:453], days[560:562], days[600:603]]
    counts[windows[0]] = 0
    options = {"test": "shift", "holidays": False, "level": 0.9}
    together = estimate_joint([(counts, window) for window in windows], draws=4000, seed=9, **options)
    singles = []
    for k, window in enumerate(windows):
        others = [
            day for j, other in enumerate(windows) if j != k for day in pd.date_range(other[0], periods=len(other) + 7)
        ]
        single = estimate_effect(counts, window, exclude=others, **options)
        assert single.n_placebo < 365
        singles.append(single)
    assert together == combine_effects(singles, level=0.9, draws=4000, seed=9)
    assert together.test == "joint" and together.n_days == 8
    assert together.summary().split(" raids ")[1].startswith("on 8 window days between 26 March and 25 August 2025")


# --- unusual questions


def low_ranks_and_one_large_window(ratio):
    low = [episode(f"p{k}", 0.4, np.linspace(0.5, 1.5, 99)) for k in range(4)]
    return [*low, episode("large", ratio, np.linspace(0.01, 10, 99), expected=1000.0)]


@pytest.mark.parametrize("ratio", [4.0, 20.0])
def test_ranks_and_sums_that_disagree_depend_on_a_choice(ratio):
    joint = combine_effects(low_ranks_and_one_large_window(ratio), draws=5000)
    assert joint.p_value < 0.01 and joint.ratio > 1 and joint.verdict == "depends on a choice"
    assert joint.reason.startswith("the ranks of the windows and their pooled sum do not say the same; 5 ")
    assert (joint.observed > joint.expected_high) == (ratio == 20)


def test_golden_sentence():
    days = [date(2025, 4, 20), date(2025, 5, 8), date(2026, 4, 12)]
    ordinary, label = np.linspace(0.5, 1.5, 99), "drones_launched"
    effects = [episode("p", 0.0, ordinary, outcome=label, first_day=day, last_day=day) for day in days]
    joint = combine_effects(effects, draws=999)
    assert (joint.n_days, joint.observed, joint.expected, joint.p_value) == (3, 0, 300, pytest.approx(2e-6))
    assert joint.summary() == (
        "Fewer than expected: 0 long-range drones launched on 3 pause days between 20 April 2025 and 12 April 2026, "
        f"where {joint.expected_low:.0f} to {joint.expected_high:.0f} would have been ordinary. That is none of an "
        "expected 300 (p below 0.001 against draws of ordinary windows). A cut of about "
        f"{joint.smallest_visible_cut:.0%} would be found four times in five."
    )


def test_a_rise_asked_for_can_be_found_or_missed_but_is_testable():
    ordinary = [episode(f"p{k}", 1.0, np.linspace(0.5, 1.5, 99)) for k in range(3)]
    joint = combine_effects(ordinary, alternative="greater", draws=2000)
    assert joint.testable and joint.verdict == "no visible change"


def test_windows_that_are_nearly_always_silent_are_answered():
    def joint(ratio):
        sparse = [episode(f"p{k}", ratio, [0.0] * 400 + [3.0], expected=2.0) for k in range(2)]
        return combine_effects(sparse, draws=500)

    assert joint(0.0).verdict == "not testable" and joint(0.0).ratio_low is None
    assert joint(0.5).verdict == "more" and joint(0.5).ratio_low is None


# --- what overturns a joint verdict


def test_a_verdict_that_one_unit_one_episode_or_one_source_overturns_depends_on_a_choice():
    often = np.concatenate([np.zeros(20), np.linspace(1.0, 2.0, 80)])
    three = [episode(f"p{k}", 0.0, often, expected=0.6) for k in range(3)]
    joint = combine_effects(three, draws=500)
    assert joint.p_value < 0.05 and joint.verdict == "depends on a choice"
    assert "a single drone more on one day" in joint.reason and "with one episode left out" in joint.reason
    plain = [episode(f"p{k}", 0.1, np.linspace(0.2, 2, 99)) for k in range(4)]
    assert combine_effects(plain, draws=500).verdict == "fewer"
    usual = [episode(f"p{k}", 1.0, np.linspace(0.2, 2, 99)) for k in range(4)]
    turned = combine_effects(plain, variants={"all sources": usual}, draws=500)
    assert turned.verdict == "depends on a choice" and turned.reason.startswith("counted by all sources p would be")


def test_the_fewest_draws_and_seeds_are_taken_and_fewer_refused():
    effects = [episode(name, ratio, placebos) for name, ratio, placebos in THREE]
    assert combine_effects(effects, draws=1, seed=0).n_days
    for field, value in (("draws", 0), ("seed", -1)):
        with refused(f"field {field}"):
            combine_effects(effects, **{field: value})


def test_the_interval_is_the_pooled_ratio_over_the_ordinary_sums():
    placebos = [0.5, 1.0, 2.0]
    pair = [episode("a", 0.5, placebos), episode("b", 1.5, placebos)]
    found = combine_effects(pair, draws=20_000)
    sums = np.array([100 * (first + second) for first in placebos for second in placebos])
    assert found.expected_low == np.quantile(sums, 0.025, method="inverted_cdf") == 100
    assert found.expected_high == np.quantile(sums, 0.975, method="inverted_cdf") == 400
    assert (found.ratio_low, found.ratio_high) == (1.0 / 2.0, 1.0 / 0.5)
    silent = combine_effects([episode("a", 0.0, placebos), episode("b", 0.0, placebos)], draws=1000)
    assert (silent.ratio_low, silent.ratio_high) == (0.0, None)


def test_what_would_overturn_a_verdict_is_the_worst_of_the_episodes_left_out():
    few = [episode(name, 0.05, np.linspace(0.2, 2, n)) for name, n in (("a", 4), ("b", 6), ("c", 14))]
    found = combine_effects(few, draws=2000)
    alone = [_JointTest(few[:k] + few[k + 1 :], "two-sided").p_value(np.full(2, 0.05)) for k in range(3)]
    assert found.p_value < 0.05 < max(alone) and min(alone) < max(alone)
    assert found.verdict == "depends on a choice"
    assert f"with one episode left out p would be up to {max(alone):.2g}" in found.reason
