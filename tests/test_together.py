"""All pauses together on the real record: truces side by side, what the data cover, what a coming pause could show."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import analysis as pa
from analysis.record import load_results, verdicts
from analysis.together import ALL, look_ahead, what_to_expect

STRIKES = pa.load_strikes()
DAYS = pd.date_range("2025-01-01", periods=365)


@pytest.fixture(scope="module")
def compared():
    return pa.compare_truces()


def together(found, outcome):
    """The joint finding of all truces for one outcome."""
    return next(effect for effect in found.joint if (effect.outcome, effect.pause) == (outcome, ALL))


def test_the_truces_of_may_2026_are_one_episode(compared):
    merged = [effect for effect in compared.episodes if effect.pause == "episode:truces-2026-05-06"]
    assert {str(effect.first_day) + " " + str(effect.last_day) for effect in merged} == {"2026-05-06 2026-05-11"}


def test_drones_fell_over_all_truces_together(compared):
    effect = together(compared, "drones_launched")
    assert effect.verdict == "fewer"
    assert effect.observed == 347
    assert "orthodox-christmas-2023" in effect.reason  # named as left out, not counted as a success


def test_missile_silence_is_untestable_alone_in_each_episode_but_not_together(compared):
    alone = [e for e in compared.episodes if e.outcome == "missiles_launched"]
    assert {effect.verdict for effect in alone} == {"not testable"}
    assert together(compared, "missiles_launched").testable


def test_holm_runs_over_the_episodes_that_can_be_tested(compared):
    drones = [e for e in compared.episodes if e.outcome == "drones_launched"]
    tested = sorted((e for e in drones if e.p_adjusted is not None), key=lambda e: e.p_value)
    assert all(effect.testable for effect in tested)
    assert tested[0].p_adjusted == pytest.approx(min(1, len(tested) * tested[0].p_value))


def test_same_seed_same_numbers_and_the_seed_matters_little(compared):
    again, other = pa.compare_truces(), pa.compare_truces(seed=1)
    assert again.record()._repr_mimebundle_() == compared.record()._repr_mimebundle_()
    p, q = (together(c, "missiles_launched").p_value for c in (compared, other))
    assert p == pytest.approx(q, abs=0.004)


def test_proposals_are_clear_of_reported_pauses():
    proposed = pa.proposed_only()
    assert len(proposed)
    assert set(proposed.index) == {"Olympic truce for Paris 2024", "Pope Leo's day of peace, Christmas 2025"}


def test_holidays_without_a_truce_are_a_control():
    """Counted by hand: 22 holidays from 4 November 2024 to 9 May 2026, four of them inside truces."""
    found = pa.holidays_without_truce()
    days, drones = [pd.Timestamp(effect.first_day) for effect in found], pa.outcome_series("drones_launched")
    assert len(days) == 18 and days == sorted(days) and pd.Timestamp("2025-05-09") not in days
    assert [effect.observed for effect in found] == drones[days].tolist()
    assert np.mean([effect.ratio for effect in found]) == pytest.approx(1.0, abs=0.1)
    around = [drones[day - pd.Timedelta(days=21) : day + pd.Timedelta(days=21)].drop(day).mean() for day in days]
    assert (drones[days] / around).mean() == pytest.approx(1.0, abs=0.1)  # no model, same answer
    assert pa.describe_holidays(found).endswith("on average, from 0.35 to 3.49. None was silent.")
    assert pa.describe_holidays([]) == "The data hold no holiday without a truce."


def test_the_record_is_read_back_and_refused_when_it_is_something_else(tmp_path, compared):
    path = tmp_path / "results.csv"
    with pytest.raises(pa.DataError, match="pauses report"):
        load_results(path)
    path.write_text("a,b\n1,2\n")
    with pytest.raises(pa.DataError, match="pause, claim, outcome"):
        load_results(path)
    pa.assess("easter-2025").to_frame().to_csv(path, index=False)
    assert verdicts(load_results(path)).groupby("outcome").size().to_dict() == {
        "drones_launched": 1,
        "missiles_launched": 1,
    }


@pytest.mark.parametrize(
    ("kept", "missing"),
    [
        (["victory-day-2025", "easter-2025"], "Episodes with an agreed truce: no such pause yet."),
        (["orthodox-easter-2026"], "Episodes of one side alone: no such pause yet."),
        (["energy-moratorium-2025-03"], "All truces, Episodes with an agreed truce and Episodes of one side alone: no"),
    ],
)
def test_a_group_without_episodes_is_no_such_pause_yet(kept, missing):
    registry = {name: pa.load_pauses()[name] for name in kept}
    found = pa.compare_truces(registry=registry)
    assert missing in found.summary() and missing in found.describe()
    assert len(found.table()) == 3 * len({effect.pause for effect in found.joint})
    assert found.plot() is not None and "no such pause yet" in found._repr_markdown_()


def test_the_names_of_episodes_come_from_the_registry_that_was_compared():
    odd = replace(pa.load_pauses()["easter-2025"], id="odd", name="An odd truce")
    assert "An odd truce" in pa.compare_truces(registry={"odd": odd}).episodes_frame().index


def test_days_of_a_year_add_up_and_missing_reports_are_counted():
    by_year = pa.coverage_by_year(STRIKES)
    assert by_year.loc[2025, "days"] == 365
    assert by_year["days without report"].to_dict() == {2022: 0, 2023: 0, 2024: 3, 2025: 1, 2026: 0}


def test_every_zero_day_says_what_it_rests_on():
    zeros = pa.zero_days(STRIKES, first_day="2025-01-01")
    assert zeros.index.strftime("%Y-%m-%d").tolist() == [
        "2025-04-01", "2025-04-07", "2025-04-20", "2025-05-08", "2025-05-09", "2025-05-10", "2026-04-12", "2026-05-11",
    ]  # fmt: skip
    assert zeros.loc["2025-04-07", "drones_basis"] == "missing"


def test_published_nights_agree_with_the_table():
    nights = pa.published_nights(pa.load_pauses(), STRIKES)
    for name in ("drones", "missiles"):
        stated = nights.dropna(subset=[f"{name} published"])
        assert (stated[f"{name} published"] == stated[f"{name} in table"]).all()
    assert len(nights) >= 14


def test_spans_are_the_reported_pauses():
    spans = pa.pause_spans(pa.load_pauses())
    assert len(spans) == 9
    assert (spans["first_day"] <= spans["last_day"]).all()


def noise(dispersion, seed=1):
    generator = np.random.default_rng(seed)
    counts = generator.negative_binomial(1 / dispersion, 1 / (1 + 100 * dispersion), len(DAYS))
    return pd.Series(counts, index=DAYS, name="drones", dtype=float)


def test_more_noise_hides_a_larger_cut():
    calm, wild = look_ahead(noise(0.05), 3), look_ahead(noise(0.8), 3)
    assert calm.smallest_visible_cut < wild.smallest_visible_cut
    assert calm.nights_for_half < (wild.nights_for_half or 14)


def test_the_stated_cut_is_found_in_four_of_five_windows():
    counts = noise(0.4)
    stated = look_ahead(counts, 4).smallest_visible_cut
    found = 0
    starts = range(300, 361)
    for start in starts:
        cut = counts.copy()
        cut.iloc[start : start + 4] *= 1 - stated
        found += pa.estimate_effect(cut, DAYS[start : start + 4], test="shift").verdict == "fewer"
    assert 0.55 < found / len(starts) < 0.95


def test_silence_that_is_ordinary_is_never_visible():
    counts = noise(0.4)
    counts.iloc[::2] = 0
    seen = look_ahead(counts, 1)
    assert seen.smallest_visible_cut is None
    assert seen.p_min == pytest.approx(1.0)
    assert "no cut would show reliably" in seen.summary()


def test_a_pause_after_the_data_says_what_is_missing():
    lines = what_to_expect(pa.load_pauses()["capitals-pause-2026-09"])
    assert "hold 0 of its 3 days; missing: 2026-09-05 to 2026-09-07." in lines[0]
    assert lines[1].startswith("In 3 nights of long-range drones launched, only a cut of about ")


def test_a_pause_inside_the_data_misses_nothing_and_sends_nobody_for_more():
    assert what_to_expect(pa.load_pauses()["easter-2025"])[0].endswith("hold 1 of its 1 day.")


def test_the_nights_for_half_are_the_first_length_at_which_half_is_visible():
    counts = noise(0.4)
    asked = look_ahead(counts, 1)
    cuts = [look_ahead(counts, length).smallest_visible_cut for length in range(1, 14)]
    enough = [length for length, cut in enumerate(cuts, 1) if cut and cut <= 0.5]
    assert asked.nights_for_half == (enough[0] if enough else None)
    assert asked.cut_in_longest == cuts[-1]


def test_where_half_stays_hidden_the_sentence_says_what_the_longest_window_shows():
    hidden = look_ahead(noise(1.5), 2)
    assert hidden.nights_for_half is None
    assert f"even in 13 days, where it takes {hidden.cut_in_longest:.0%}" in hidden.summary()


def test_lengths_without_an_outlook_are_refused_or_explained():
    with pytest.raises(pa.DesignError, match="1 to 13"):
        look_ahead(noise(0.4), 14)
    assert "both sides" in what_to_expect(pa.load_pauses()["energy-moratorium-2025-03"])[1]
    assert "No party stated" in what_to_expect(pa.load_pauses()["jeddah-30-day-2025-03"])[0]


# --- what the joint findings rest on

SIRENS = "siren_minutes_rear"


def test_sirens_alone_tell_the_truces_from_chance_outside_the_family(compared):
    sirens = together(compared, SIRENS)
    assert sirens.verdict == "fewer" and sirens.p_value == pytest.approx(4.2e-6, rel=0.02)
    rest = [effect.p_value for effect in compared.without if effect.outcome == SIRENS]
    assert len(rest) == 4 and max(rest) == pytest.approx(3.0e-4, rel=0.03)
    assert all(e.p_adjusted is None for e in compared.effects if e.outcome == SIRENS)
    drones = together(compared, "drones_launched")
    assert drones.p_adjusted == pytest.approx(2 * drones.p_value), "two outcomes are corrected, not three"
    assert "a witness into which no Air Force count enters. Fewer than expected: 2,738 siren" in compared.summary()


def test_missiles_together_hang_on_how_they_are_counted(compared):
    assert "counted by strategic missiles alone p would be 0.2" in together(compared, "missiles_launched").reason
    plain = together(pa.compare_truces(outcomes=["missiles_launched"], variants=False), "missiles_launched")
    assert "counted by" not in plain.reason and plain.p_value == together(compared, "missiles_launched").p_value


def test_the_findings_by_episode_are_told_with_their_margins(compared):
    found = pa.compare_truces(outcomes=["drones_launched"], variants=False, margins=True)
    margins = found.margins
    assert margins.n_held > 0 and margins.n_held + margins.n_lost < margins.n_choices
    assert margins.break_even == 19  # with 20 on each of six days all three adjusted p are 0.057
    assert "3 of 3 testable results hold (adjusted p 0.019 to 0.042, where 0.05 is the limit)" in found.held()
    assert f"in {margins.n_held}; in {margins.n_lost} more" in found.held() and "19 hidden drones" in found.held()
    assert compared.margins is None and "choices" not in compared.held()


@pytest.mark.parametrize(
    "pause, end",
    [
        ("victory-day-2025", "this one has p = 0.041."),
        ("us-three-day-2026-05", "this one has p = 0.042."),
        ("easter-2025", "this one cannot be tested alone."),
        ("cold-week-pause-2026-01", "not among the general truces that are corrected together."),
    ],
)
def test_a_pause_knows_its_place_among_the_truces(compared, pause, end):
    assert compared.margin(pause).endswith(end)


def test_the_weeks_after_all_pauses_are_one_family(compared):
    smallest = sorted(week.p_value for week in compared.weeks)[0]
    assert len(compared.weeks) == 10 and min(w.p_adjusted for w in compared.weeks) == pytest.approx(10 * smallest)
    assert {(e.window, e.alternative) for e in compared.after} == {("after-7", "greater")}
    assert "2 find one taken alone, none with Holm's correction (smallest p 0.21)" in compared.surges()
