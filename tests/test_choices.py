"""Specification curves: the rows are plain estimates, nothing is dropped, the joint test is what it says."""

import re
from dataclasses import replace
from functools import partial
from itertools import product

import numpy as np
import pandas as pd
import pytest
from made_up import refused

from analysis.calibration.processes import SalvoProcess
from analysis.choices import Sensitivity, assess_choices, estimate_curve, largest_p
from analysis.effect import COLUMNS, KEY
from analysis.errors import DataError, RegistryError
from analysis.estimate import estimate_effect
from analysis.launches import assess
from analysis.specifications import (
    CHOICES,
    EDGES,
    MAIN_LONG,
    MAIN_SHORT,
    MOST_ROWS,
    Choice,
    Specification,
    list_specifications,
)
from analysis.tables import load_table, outcome_series

DAY = pd.Timedelta(days=1)
CROSSED = [choice for choice in CHOICES if choice.crossed]
BASELINES = [choice for choice in CHOICES if choice.axis == "baseline"]


def salvo_series(n_days, seed, start="2023-06-01"):
    drones = SalvoProcess().draw(1, n_days, seed=seed).drones[0].astype(float)
    return pd.Series(drones, pd.date_range(start, periods=n_days), name="drones_launched")


def steady(n_days, seed=1, mean=100.0):
    counts = np.random.default_rng(seed).poisson(mean, n_days).astype(float)
    return pd.Series(counts, pd.date_range("2024-01-01", periods=n_days), name="drones_launched")


@pytest.fixture(scope="module")
def curve():
    """A short window with years around it, so that every kind of row is possible."""
    counts = salvo_series(960, seed=4)
    return counts, counts.index[750:753], estimate_curve(counts, counts.index[750:753], choices=CROSSED)


@pytest.fixture(scope="module")
def easter():
    return assess_choices("orthodox-easter-2026")


@pytest.fixture(scope="module")
def may():
    """Drones of three days in May 2026 under the choices of counting, one of the days an inferred zero."""
    return assess_choices("us-three-day-2026-05", outcomes=["drones_launched"], choices=CHOICES[-9:]).curves[0]


def same(effect, other):
    """The numbers of two effects agree."""
    mine, theirs = effect.row(), other.row()
    for name in set(COLUMNS) - {*KEY, "reason"}:
        number = isinstance(mine[name], float) and isinstance(theirs[name], float)
        assert mine[name] == (pytest.approx(theirs[name], rel=1e-9, abs=1e-12) if number else theirs[name]), name


def test_every_row_is_one_call_of_estimate_effect(curve):
    counts, days, found = curve
    compared = 0
    for row, effect in zip(found.specifications, found.estimates, strict=True):
        before = (days[0] - counts.index[0]).days if row.before is None else row.before
        after = min(365 if row.before is None else row.before, 365) if row.both_sides else 0
        alone = estimate_effect(
            counts, days, baseline=(days[0] - before * DAY, days[-1] + after * DAY), trend=row.trend,
            weekday=row.weekday, holidays=row.holidays, test=found.estimates[0].test,
        )  # fmt: skip
        same(effect, alone)
        compared += effect.ratio is not None
    assert compared >= 60


def test_main_rows_are_the_plain_estimates_for_short_and_long_windows(curve):
    counts, days, found = curve
    same(found.estimates[0], estimate_effect(counts, days))
    month = counts.index[560:580]
    same(estimate_curve(counts, month, choices=BASELINES[:1]).estimates[0], estimate_effect(counts, month))


@pytest.mark.parametrize("outcome", ["drones_launched", "missiles_launched"])
def test_main_row_is_the_verdict_of_the_procedure(easter, outcome):
    primary = assess("orthodox-easter-2026", outcomes=[outcome]).primary(outcome)
    main = easter.curve(outcome).estimates[0]
    assert main.ratio == pytest.approx(primary.ratio, abs=1e-12)
    assert main.p_value == pytest.approx(primary.p_value, rel=1e-9)


def test_a_data_rule_uses_its_own_series(may):
    rows = dict(zip(may.to_frame()["counting"], may.estimates, strict=True))
    days, usual = slice("2026-05-09", "2026-05-11"), may.estimates[0]
    night = load_table("strike_variants").set_index("day")["drones_night_reports"]
    assert rows["night reports"].observed == night[days].sum()
    assert rows["night reports"].expected != pytest.approx(usual.expected, rel=1e-3)
    assert usual.observed == outcome_series("drones_launched")[days].sum()


def test_inferred_zeros_can_be_missing_or_hold_drones(may):
    rows = may.to_frame().set_index("counting")
    (missing, holding), usual = (rows.loc[f"inferred days {what}"] for what in ("missing", "hold 20")), rows.iloc[0]
    assert holding["ratio"] - usual["ratio"] == pytest.approx(20 / usual["expected"], rel=0.02)
    assert missing["expected"] < usual["expected"]
    assert not missing["joined"] and not holding["joined"] and usual["joined"], "other dates have nothing like it"
    none = assess_choices("cold-week-pause-2026-01", outcomes=["drones_launched"], choices=CHOICES[-9:]).curves[0]
    assert not none.to_frame()["counting"].str.startswith("inferred").any()


def test_joint_test_is_the_rank_of_the_median_among_medians_at_shared_dates(curve):
    found = curve[2]
    joined = [effect for effect, inside in zip(found.estimates, found.joined, strict=True) if inside]
    own = set(found.estimates[0].placebo["start"])
    by_date = [dict(zip(e.placebo["start"], e.placebo["ratio"], strict=True)) for e in joined]
    shared = sorted(set.intersection(own, *(set(ratios) for ratios in by_date)))
    medians = [np.median([ratios[date] for ratios in by_date]) for date in shared]
    ratio = np.median([effect.ratio for effect in joined])
    lower, upper = (1 + sum(m <= ratio for m in medians)), (1 + sum(m >= ratio for m in medians))
    assert found.estimates[0].test == "shift"
    assert found.effect.n_placebo == len(shared) >= 0.4 * len(own)
    assert found.effect.ratio == pytest.approx(ratio)
    assert found.effect.p_value == pytest.approx(min(1, 2 * min(lower, upper) / (len(shared) + 1)))
    assert len(joined) >= 40 and not all(found.joined)


def test_after_a_salvo_all_rows_are_moved_to_the_main_rows_dates():
    counts = steady(900)
    counts.iloc[::6] *= 4
    days = counts.index[721:723]  # the day after one of these salvos
    found = estimate_curve(counts, days, choices=CROSSED[3:])
    assert found.estimates[0].test == "after-salvo"
    assert set(found.effect.placebo["start"]) <= set(found.estimates[0].placebo["start"])
    assert {effect.test for effect in found.estimates if effect.ratio is not None} == {"after-salvo"}
    assert "with sides before and after, trend curve: a spline has no after-salvo test" in found.impossible()


def test_at_a_lower_level_fewer_dates_are_enough():
    counts = steady(120)
    days = counts.index[-2:]
    few = [choice for choice in CROSSED if choice.axis == "trend"]
    assert estimate_curve(counts[-35:], days, choices=few).effect.reason.startswith("they have too few placebo dates")
    loose = estimate_curve(counts[-42:], days, choices=few, level=0.9).effect
    assert loose.testable and loose.p_min <= 0.1


def test_a_curve_cannot_tell_what_its_main_row_cannot():
    counts = steady(420)
    days = counts.index[410:411]
    counts.iloc[100:130:3] = 0  # silent days, all of them longer ago than half a year
    counts[days] = 0
    found = estimate_curve(counts, days, choices=BASELINES)
    assert not found.estimates[0].testable and found.effect.p_min <= 0.05
    assert found.effect.verdict == "not testable" and found.effect.reason.startswith("even total silence is ordinary")


def test_few_null_curves_are_rejected_and_a_deep_cut_is_found():
    days = salvo_series(420, seed=0).index[400:403]
    p_values = []
    for seed in range(20):
        counts = salvo_series(420, seed=seed)
        p_values.append(estimate_curve(counts, days, choices=BASELINES).effect.p_value)
    assert sum(p <= 0.05 for p in p_values) <= 3
    counts[days] *= 0.02
    assert estimate_curve(counts, days, choices=BASELINES).effect.verdict == "fewer"


def test_impossible_combinations_are_named_and_counted():
    counts = steady(400)
    own = [
        *(Choice("baseline", f"{n} days", "so many", {"before": n}) for n in (90, 180, 365, 700)),
        Choice("baseline", "all usable days", "no cut-off", {"before": None}),
        Choice("sides", "before only", "as usual", {"both_sides": False}),
        Choice("sides", "before and after", "interpolates", {"both_sides": True}),
        Choice("trend", "zigzag", "does not exist", {"trend": "zigzag"}, crossed=False),
        Choice("counting", "from the moon", "does not exist", {"series": "moon"}, crossed=False),
        Choice(EDGES, "all out", "none is whole", {"window": "whole"}, crossed=False),
    ]
    found = estimate_curve(counts, counts.index[-3:], choices=own, windows={"whole": counts.index[:0]})
    listed, frame = found.impossible(), found.to_frame()
    counted = sum(int(line.removeprefix("* ").split()[0]) for line in listed.splitlines())
    assert counted == (frame["impossible"] != "").sum() == 2 + 4 + 3
    assert len(frame) == 1 + 9 + 3 == frame["ratio"].notna().sum() + counted
    assert "* 2 with baseline 700 days: a baseline longer than the data: 700 days, of which there are 397" in listed
    for reason in ("unknown trend", "there is no series 'moon', only usual", "the window has no day",
                   "no baseline day after the window"):  # fmt: skip
        assert reason in listed
    possible, joined = len(frame) - counted, int(frame["joined"].sum())
    assert f" under {possible} of {len(frame)} combinations of choices (" in found.summary()
    assert f"The other {counted} cannot be computed. {joined} of these {possible} share enough" in found.summary()
    told = estimate_curve(counts, counts.index[-3:], choices=[c for c in CHOICES if c.axis == "calendar"]).summary()
    assert " under all 3 combinations of choices (" in told and "cannot be computed" not in told
    assert " All 3 share enough other dates to be tested together: " in told


def test_main_specification_reaches_as_far_back_as_the_data():
    counts = steady(300)
    found = estimate_curve(counts, counts.index[-3:], choices=BASELINES)
    assert found.specifications[0].before is None
    assert found.estimates[0].ratio == pytest.approx(estimate_effect(counts, counts.index[-3:]).ratio, abs=1e-12)
    assert found.to_frame()["main"].sum() == 1


def test_only_choices_whose_series_and_window_are_given_are_offered():
    counts = steady(420)
    days = counts.index[-3:]
    plain, more = estimate_curve(counts, days), estimate_curve(counts, days, series={"week_dropped": counts[:-8]})
    assert list(plain.choices) == [c for c in CHOICES if not {"series", "window"} & set(c.sets)]
    assert "there is no" not in plain.impossible()
    assert [choice.name for choice in more.choices if choice not in plain.choices] == ["last week off"]


def test_lists_of_choices_that_cannot_be_are_refused():
    many = [Choice("baseline", f"{n} days", "one more", {"before": n}) for n in range(100, 112)]
    with refused("too many combinations", "at most 120", "crossed=False"):
        list_specifications([*CHOICES, *many], MAIN_SHORT)
    for sets, found in (({"befor": 90}, "found befor"), ({}, "found nothing")):
        with refused("no part of a specification", "before", found):
            Choice("baseline", "typing error", "none", sets)
    counts = steady(200)
    for wrong in ([], ["baseline"]):
        with refused("not a list of choices"):
            estimate_curve(counts, counts.index[-2:], choices=wrong)
    with refused("days are missing"):
        estimate_curve(counts.drop("2024-02-01"), counts.index[-2:])


@pytest.mark.parametrize(
    ("pause", "options", "error", "words"),
    [
        ("victory-day-2052", {}, RegistryError, "victory-day-2025"),
        ("victory-day-2025", {"claim": "moon"}, RegistryError, "no such entry"),
        ("victory-day-2025", {"claim": "ukraine"}, RegistryError, "window not stated"),
        ("victory-day-2025", {"outcomes": ["balloons"]}, DataError, "no such outcome"),
    ],
)
def test_unknown_pauses_claims_and_outcomes_are_refused(pause, options, error, words):
    with pytest.raises(error, match=words):
        assess_choices(pause, **options)


def test_choices_can_be_dropped_and_added():
    whole = list_specifications(CHOICES, MAIN_SHORT)
    assert whole[0] == MAIN_SHORT and len(whole) == len(set(whole)) <= MOST_ROWS
    dropped = list_specifications([c for c in CHOICES if c.name != "365 days"], MAIN_SHORT)
    assert dropped[0] == MAIN_SHORT, "the main specification stays"
    added = Choice("baseline", "123 days", "four months", {"before": 123}, crossed=False)
    assert set(list_specifications([*CHOICES, added], MAIN_SHORT)) - set(whole) == {Specification(before=123)}
    assert len(list_specifications(CHOICES, MAIN_LONG)) == len(whole), "the main one is one of the combinations"


def test_every_choice_says_why_and_changes_something():
    assert all(0 < len(choice.reason) <= 50 for choice in CHOICES), "longer text is cut in tables"
    assert len({(choice.axis, choice.name) for choice in CHOICES}) == len(CHOICES)
    specifications = list_specifications(CHOICES, MAIN_SHORT)
    assert all(0 < sum(map(choice.fits, specifications)) < len(specifications) for choice in CHOICES)


def test_largest_p_is_the_largest_of_the_moved_windows():
    counts = steady(600, mean=20.0)
    days = counts.index[500:502]
    counts[days] = 1
    moved = [
        estimate_effect(counts, pd.date_range(days[0] + s * DAY, days[-1] + e * DAY))
        for s, e in product((-1, 0, 1), repeat=2)
        if days[0] + s * DAY <= days[-1] + e * DAY
    ]
    worst = largest_p(partial(estimate_effect, counts), days)
    assert len(moved) == 8 and "largest p of 8 windows" in worst.reason
    assert worst.p_value == max(effect.p_value for effect in moved)
    assert worst.p_min == max(effect.p_min for effect in moved)
    assert worst.verdict == "no visible change", "the day before the window was ordinary"
    single = largest_p(partial(estimate_effect, counts), days[:1])
    assert "largest p of 6 windows" in single.reason


def test_largest_p_of_windows_that_cannot_be_tested():
    counts = steady(300)
    counts.iloc[::3] = 0
    worst = largest_p(partial(estimate_effect, counts), counts.index[299:300])
    assert worst.verdict == "not testable"
    beyond = largest_p(partial(estimate_effect, counts[:299]), counts.index[298:299])  # one window lies past the data
    assert beyond.verdict == "not testable" and beyond.p_value is None


def test_the_record_has_one_row_for_each_curve_and_each_largest_p(easter):
    rows = easter.to_frame()
    assert not rows.duplicated(list(KEY)).any() and set(rows["claim"]) == {"accepted", "russia"}
    assert rows["test"].value_counts().to_dict() == {"curve": 4, "largest p": 2}
    assert rows["p_adjusted"].isna().all(), "exploratory"


def test_a_pause_before_the_data_gives_the_reason():
    found = assess_choices("orthodox-christmas-2023")
    curve = found.curve("drones_launched")
    assert all(effect.ratio is None for effect in curve.estimates)
    assert re.search(r"none of \d+ combinations of choices is possible; the counts are usable only", found.summary())
    assert {effect.verdict for effect in found.record().effects} == {"not testable"}
    assert curve.plot().texts[0].get_text() == "no combination of choices is possible"


@pytest.mark.parametrize(
    ("others", "growth", "sentence"),
    [
        ([0.9], 1.0, "), not on the model or the counting"),
        ([None], 1.0, "depends neither on"),
        ([None], 6.0, "depends on the model or the counting (most by trend, "),
        ([0.9], 6.0, "depends on whose window you believe ("),
        ([], 6.0, "Only one window can be compared."),
    ],
)
def test_the_sentence_says_what_the_answer_depends_on(others, growth, sentence):
    counts = steady(500) * np.geomspace(1, growth, 500)
    days = counts.index[-3:]
    counts[days] *= 0.3
    curve = estimate_curve(counts, days, choices=[c for c in CROSSED if c.axis in ("trend", "calendar")])
    own = replace(curve.effect, claim="main")
    claims = [own, *(replace(own, claim="other", ratio=ratio or own.ratio) for ratio in others)]
    curves = tuple(replace(curve, effect=effect) for effect in claims)
    told = Sensitivity(None, "main", (), curves).matters("drones_launched")
    low, high = curve.spreads()["trend"]
    assert sentence in told and (growth == 1 or f"most by trend, {low:.2f} to {high:.2f}" in told)


def test_tables_and_sentences_agree(curve):
    found = curve[2]
    frame, medians = found.to_frame(), found.table()
    for axis, row in medians.iterrows():
        ratios = frame.loc[(frame[axis] == row["choice"]) & (frame["impossible"] == ""), "ratio"]
        assert row["rows"] == len(ratios)
        assert row["median ratio"] == (f"{ratios.median():.2f}" if len(ratios) else "–")
    assert f"{frame['ratio'].min():.2f} to {frame['ratio'].max():.2f} times" in found.summary()
    assert f"p = {found.effect.p_value:.2g} among {found.effect.n_placebo} other dates" in found.summary()


def test_the_picture_shows_every_possible_row(curve):
    found = curve[2]
    ax = found.plot()
    assert len(ax.collections[0].get_segments()) == found.to_frame()["impossible"].eq("").sum()
    assert found.summary() in found.describe()
