"""Several windows together: scores by hand, p-values by enumeration and by brute force."""

from dataclasses import replace
from datetime import date, timedelta
from itertools import count, product

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_up import DAYS, noisy, refused
from scipy.stats import norm

from analysis.effect import example_effect
from analysis.estimate import estimate_effect
from analysis.joint import CUTS, MOST_DRAWS, _JointTest, _scores_among, combine_effects, estimate_joint

APART = count()  # windows that share a day cannot be combined


def episode(name, ratio, placebos, *, expected=100.0, **changes):
    frame, day = pd.DataFrame({"ratio": np.asarray(placebos, float)}), date(2000, 1, 1) + timedelta(days=next(APART))
    changes = {"first_day": day, "last_day": day} | changes
    return example_effect(
        pause=name, ratio=ratio, observed=expected * ratio, expected=expected, placebo=frame, n_placebo=len(frame),
        **changes,
    )  # fmt: skip


@pytest.fixture
def three():
    """Three windows of few placebos, with ties."""
    return [episode(*parts) for parts in THREE]


def member_scores(ratio, placebos):
    """Normal quantiles of the middle ranks of the placebos and, last, the ratio: each as likely to be the window."""
    members = [*placebos, ratio]
    middle = [np.mean([rank for rank, v in enumerate(sorted(members)) if abs(v - own) < 1e-7]) for own in members]
    return [norm.ppf((rank + 0.5) / len(members)) for rank in middle]


THREE = [
    ("a", 0.2, [0.2, 0.2, 0.5, 1.0, 1.5]),
    ("b", 0.0, [0.0, 0.4, 0.9, 1.1, 2.5]),
    ("c", 0.7, [0.1, 0.6, 0.8, 1.2, 1.9]),
]


# --- scores


@settings(max_examples=30)
@given(
    st.lists(st.integers(0, 9).map(lambda k: k / 3), min_size=1, max_size=60), st.integers(0, 20).map(lambda k: k / 6)
)
def test_score_against_a_loop_with_ties(placebos, ratio):
    found = _JointTest([episode("a", ratio, [*placebos, np.nan])], "less").score([ratio])
    assert found == pytest.approx(1000 * member_scores(ratio, placebos)[-1], abs=0.51)
    assert found == _scores_among(np.sort(placebos), np.array([ratio]))[0]


# --- p-values


@pytest.mark.parametrize("alternative", ["less", "greater", "two-sided"])
def test_p_value_against_all_combinations_of_placebo_windows(three, alternative):
    """216 combinations, each as likely as the other: the p-value is the exact share."""
    scores = [member_scores(*parts) for _, *parts in THREE]
    score, every = np.mean([own[-1] for own in scores]), [np.mean(drawn) for drawn in product(*scores)]
    lower, upper = np.mean(np.array(every) <= score + 1e-9), np.mean(np.array(every) >= score - 1e-9)
    exact = {"less": lower, "greater": upper, "two-sided": min(1, 2 * min(lower, upper))}[alternative]
    found = combine_effects(three, alternative=alternative, draws=400, seed=5)
    assert found == combine_effects(three, alternative=alternative, draws=400, seed=5)
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


def test_two_silences_that_are_ordinary_alone_can_show_together_or_not():
    often = np.concatenate([np.zeros(30), np.linspace(0.3, 3, 70)])
    unable, able = (combine_effects([episode(f"p{k}", 0.0, often) for k in range(n)], draws=20_000) for n in (2, 5))
    assert unable.p_min == pytest.approx(2 * (31 / 101) ** 2) and unable.smallest_visible_cut is None
    assert unable.verdict == "not testable" and "even silence in all is ordinary" in unable.reason
    assert able.p_min < 0.05 and able.verdict == "fewer"


# --- who takes part


BLANK = example_effect(pause="christmas", ratio=None, p_value=None, expected=None, testable=False, n_placebo=0)


def test_windows_without_placebos_are_left_out_and_named(three):
    joint, alone = combine_effects([*three, BLANK], draws=500), combine_effects(three, draws=500)
    assert joint.reason.startswith("3 windows together") and joint.pause == "a+b+c"
    assert joint.reason.endswith("left out, having no comparable windows: christmas")
    assert (joint.p_value, joint.ratio, joint.observed) == (alone.p_value, alone.ratio, alone.observed)


@pytest.mark.parametrize("n_usable", [0, 1])
def test_fewer_than_two_usable_windows_are_not_testable(three, n_usable):
    joint = combine_effects([BLANK, *three[:n_usable]])
    assert joint.verdict == "not testable" and joint.p_value is None and joint.observed is None
    assert "fewer than two windows" in joint.reason and "christmas" in joint.reason


def test_what_cannot_be_combined_is_refused(three):
    mixed = [three[0], replace(three[1], outcome="missiles")]
    for effects, found in ((mixed, "drones, missiles"), ([], "no window at all")):
        with refused("windows cannot be combined", "expected one", found):
            combine_effects(effects)
    with refused("windows overlap", "share no day", f"{three[0].first_day} in two of them"):
        combine_effects([*three, three[0]])
    with refused("two-sided, less, greater"):
        combine_effects(three, alternative="lower")
    for wrong, words in (
        ({"draws": 0}, f"from 1 to {MOST_DRAWS}"),
        ({"seed": -1}, "from 0"),
        ({"seed": 1.0}, "from 0"),
    ):
        with refused("cannot draw like that", f"a whole number {words}", f"field {next(iter(wrong))}"):
            combine_effects(three, **wrong)
    with refused("cannot draw like that"):
        combine_effects(three, draws=MOST_DRAWS + 1)
    assert combine_effects(three, draws=1, seed=0).n_days == 3


def test_estimate_joint_is_the_combination_of_single_estimates_that_spare_each_other():
    days, counts = DAYS, noisy(4)
    windows = [days[450:453], days[560:562], days[600:603]]
    weeks = [[*days[450:460]], [*days[560:569]], [*days[600:610]]]  # with the week after each
    counts[windows[0]] = 0
    options = {"test": "shift", "holidays": False, "level": 0.9}
    together = estimate_joint([(counts, window) for window in windows], draws=4000, seed=9, **options)
    others = [weeks[1] + weeks[2], weeks[0] + weeks[2], weeks[0] + weeks[1]]
    singles = [estimate_effect(counts, own, exclude=rest, **options) for own, rest in zip(windows, others, strict=True)]
    assert together == combine_effects(singles, level=0.9, draws=4000, seed=9)
    assert (together.pause, together.test, together.n_days) == ("several", "joint", 8)
    assert together.summary().split(" raids ")[1].startswith("on 8 window days between 26 March and 25 August 2025")


@pytest.mark.parametrize("windows", [[], (), None, [5], [(noisy(4), DAYS[450:453]), DAYS[560:562]]])
def test_what_is_no_list_of_pairs_is_refused(windows):
    with refused("not several windows"):
        estimate_joint(windows)


# --- unusual questions


@pytest.mark.parametrize("ratio", [4.0, 20.0])
def test_ranks_and_sums_that_disagree_depend_on_a_choice(ratio):
    low = [episode(f"p{k}", 0.4, np.linspace(0.5, 1.5, 99)) for k in range(4)]
    joint = combine_effects([*low, episode("large", ratio, np.linspace(0.01, 10, 99), expected=1000.0)], draws=5000)
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


@pytest.mark.parametrize("level", [0.95, 0.6])
def test_the_interval_is_the_pooled_ratio_over_the_ordinary_sums(level):
    few, many = np.linspace(0.5, 2, 31), np.linspace(0.4, 3, 41)
    pair = [episode("a", 0.5, few), episode("b", 1.5, many, expected=300.0)]
    found = combine_effects(pair, draws=50_000, level=level)
    sums = [100 * first + 300 * second for first, second in product(few, many)]
    low, high = np.quantile(sums, [(1 - level) / 2, (1 + level) / 2])
    assert (found.expected_low, found.expected_high) == (pytest.approx(low, rel=0.02), pytest.approx(high, rel=0.02))
    assert found.ratio == (50 + 450) / 400 and found.n_placebo == 31
    assert found.ratio_low == pytest.approx(500 / found.expected_high)
    assert found.ratio_high == pytest.approx(500 / found.expected_low)
    sparse = combine_effects([episode(f"p{k}", 0.5, [0.0] * 400 + [3.0], expected=2.0) for k in range(2)], draws=500)
    assert sparse.verdict == "more" and sparse.ratio_low is None
    silent = combine_effects([episode("a", 0.0, few), episode("b", 0.0, many)], draws=1000)
    assert (silent.ratio_low, silent.ratio_high) == (0.0, None)
    rise = combine_effects(pair, draws=1000, alternative="greater")
    assert rise.testable and rise.smallest_visible_cut is None and "silence" not in rise.reason
    assert rise.p_min == pytest.approx(1 / (32 * 42))


# --- what overturns a joint verdict


@pytest.mark.parametrize("ratio, step, verdict", [(0.05, 1, "fewer"), (3.0, -1, "more")])
def test_a_verdict_that_one_unit_or_one_episode_overturns_depends_on_a_choice(ratio, step, verdict):
    """Windows of which two or four are expected: the p-values of every change, by the test itself."""
    sizes = {"a": (4, 2.0), "b": (6, 4.0), "c": (14, 2.0)}
    few = [episode(name, ratio, np.linspace(0.2, 2, n), expected=mu) for name, (n, mu) in sizes.items()]
    test = _JointTest(few, "two-sided")
    moved = [np.full(3, ratio) for _ in few]
    for k, effect in enumerate(few):
        moved[k][k] = max(0.0, effect.observed + step) / effect.expected
    units = [test.p_value(ratios) for ratios in moved]
    alone = [_JointTest(few[:k] + few[k + 1 :], "two-sided").p_value(np.full(2, ratio)) for k in range(3)]
    found = combine_effects(few, draws=2000)
    assert found.p_value < 0.05 < max(alone) and min(alone) < max(alone)
    assert found.verdict == "depends on a choice"
    way = "more" if step > 0 else "less"
    told = [f"a single drone {way} on one day p would be up to {max(units):.2g}"] * (max(units) > 0.05)
    for words in [*told, f"with one episode left out p would be up to {max(alone):.2g}"]:
        assert words in found.reason
    steady = [episode(f"p{k}", ratio, np.linspace(0.2, 2, 99)) for k in range(4)]
    assert combine_effects(steady, draws=500).verdict == verdict
    two = combine_effects([episode(f"p{k}", ratio, np.linspace(0.2, 2, 99)) for k in range(2)], draws=500)
    assert two.verdict == verdict  # with two windows none can be left out


def test_a_verdict_that_another_way_to_count_overturns_depends_on_it():
    plain, usual = ([episode(f"p{k}", ratio, np.linspace(0.2, 2, 99)) for k in range(4)] for ratio in (0.1, 1.0))
    turned = combine_effects(plain, variants={"all sources": usual, "itself": plain}, draws=500)
    assert turned.verdict == "depends on a choice" and turned.reason.startswith(
        "counted by all sources p would be 0.78;"
    )
    alone = combine_effects(plain, variants={"one source": plain[:1]}, draws=500)
    assert alone.reason.startswith("counted by one source p would be 1;")


def test_a_verdict_that_one_unit_overturns_depends_on_a_choice():
    often = np.concatenate([np.zeros(20), np.linspace(1.0, 2.0, 80)])
    joint = combine_effects([episode(f"p{k}", 0.0, often, expected=0.6) for k in range(3)], draws=500)
    moved = _JointTest([episode(f"p{k}", 0.0, often) for k in range(3)], "two-sided").p_value([1 / 0.6, 0.0, 0.0])
    assert joint.p_value < 0.05 < moved and joint.verdict == "depends on a choice"
    assert f"a single drone more on one day p would be up to {moved:.2g}" in joint.reason
