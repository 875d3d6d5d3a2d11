"""All pauses together on the real record: truces side by side, what their findings rest on, what the tables cover."""

import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import analysis as pa
from analysis.record import load_results, verdicts
from analysis.together import ALL

STRIKES, PAUSES = pa.load_strikes(), pa.load_pauses()
DRONES, MISSILES, SIRENS = "drones_launched", "missiles_launched", "siren_minutes_rear"


@pytest.fixture(scope="module")
def compared():
    return pa.compare_truces()


def together(found, outcome):
    """The joint finding of all truces for one outcome."""
    return next(effect for effect in found.joint if (effect.outcome, effect.pause) == (outcome, ALL))


def test_drones_fell_over_all_truces_together(compared):
    effect = together(compared, DRONES)
    assert (effect.verdict, effect.observed) == ("fewer", 347)
    assert "orthodox-christmas-2023" in effect.reason  # named as left out, not counted as a success
    assert effect.p_adjusted == pytest.approx(2 * effect.p_value), "two outcomes are corrected, not three"


def test_missile_silence_is_untestable_in_each_episode_and_together_hangs_on_how_missiles_are_counted(compared):
    assert {e.verdict for e in compared.episodes if e.outcome == MISSILES} == {"not testable"}
    joint, plain = (together(c, MISSILES) for c in (compared, pa.compare_truces(outcomes=[MISSILES], variants=False)))
    assert joint.testable and "counted by strategic missiles alone p would be 0.2" in joint.reason
    assert "counted by" not in plain.reason and plain.p_value == joint.p_value


def test_holm_runs_over_the_episodes_that_can_be_tested(compared):
    drones = [e for e in compared.episodes if e.outcome == DRONES and e.p_adjusted is not None]
    smallest = min(drones, key=lambda e: e.p_value)
    assert all(effect.testable for effect in drones)
    assert smallest.p_adjusted == pytest.approx(min(1, len(drones) * smallest.p_value))
    merged = next(effect for effect in compared.episodes if effect.pause == "episode:truces-2026-05-06")
    assert (str(merged.first_day), str(merged.last_day)) == ("2026-05-06", "2026-05-11")  # three pauses, one episode


def test_same_seed_same_numbers_and_the_seed_matters_little(compared):
    again, other = pa.compare_truces(), pa.compare_truces(seed=1)
    assert again.record()._repr_mimebundle_() == compared.record()._repr_mimebundle_()
    assert together(compared, MISSILES).p_value == pytest.approx(together(other, MISSILES).p_value, abs=0.004)


def test_sirens_alone_tell_the_truces_from_chance_outside_the_family(compared):
    sirens = together(compared, SIRENS)
    assert sirens.verdict == "fewer" and sirens.p_value == pytest.approx(4.2e-6, rel=0.02)
    rest = [effect.p_value for effect in compared.without if effect.outcome == SIRENS]
    assert len(rest) == 4 and max(rest) == pytest.approx(3.0e-4, rel=0.03)
    assert all(e.p_adjusted is None for e in compared.effects if e.outcome == SIRENS)
    assert "though they helped to infer zeros. Fewer than expected: 2,738 siren" in compared.summary()


def test_the_findings_by_episode_are_told_with_their_margins(compared):
    found = pa.compare_truces(outcomes=[DRONES], variants=False, margins=True)
    assert "3 of 3 testable results hold (adjusted p 0.019 to 0.042, where 0.05 is the limit)" in found.held()
    n, held, lost, broken = map(int, re.findall(r"(?:Of|all hold in|; in) (\d+)", found.margins))
    assert held > 0 and broken > 0 and held + lost + broken == n
    assert "It would take 19 hidden drones" in found.held()  # with 20 on each of six days all adjusted p are 0.057
    assert compared.margins == "" and "choices" not in compared.held()


@pytest.mark.parametrize(
    ("pause", "end"),
    [
        ("victory-day-2025", "this one has p = 0.041."),
        ("us-three-day-2026-05", "the 3 that touch, from 6 to 11 May 2026, together have p = 0.042."),
        ("easter-2025", "this one cannot be tested alone."),
        ("cold-week-pause-2026-01", "not among the general truces that are corrected together."),
    ],
)
def test_a_pause_knows_its_place_among_the_truces(pause, end):
    assert pa.truce_margin(pause).endswith(end)


def test_the_weeks_after_all_pauses_are_one_family(compared):
    smallest = min(week.p_value for week in compared.weeks)
    assert len(compared.weeks) == 10 and min(w.p_adjusted for w in compared.weeks) == pytest.approx(10 * smallest)
    assert {(e.window, e.alternative) for e in compared.after} == {("after-7", "greater")}
    assert "2 find one taken alone, none with Holm's correction (smallest p 0.21)" in compared.surges()


@pytest.mark.parametrize(
    ("kept", "missing"),
    [
        (["victory-day-2025", "easter-2025"], "Episodes with an agreed truce: no such pause yet."),
        (["orthodox-easter-2026"], "Episodes of one side alone: no such pause yet."),
        (["energy-moratorium-2025-03"], "All truces, Episodes with an agreed truce and Episodes of one side alone: no"),
    ],
)
def test_a_group_without_episodes_is_no_such_pause_yet(kept, missing):
    found = pa.compare_truces(registry={name: PAUSES[name] for name in kept})
    assert missing in found.summary() and missing in found.describe()
    assert len(found.table()) == 3 * len({effect.pause for effect in found.joint})
    assert found.plot() is not None and "no such pause yet" in found._repr_markdown_()


def test_the_names_of_episodes_come_from_the_registry_that_was_compared():
    odd = replace(PAUSES["easter-2025"], id="odd", name="An odd truce")
    assert "An odd truce" in pa.compare_truces(registry={"odd": odd}).episodes_frame().index


def test_proposals_are_clear_of_reported_pauses():
    assert set(pa.proposed_only().index) == {"Olympic truce for Paris 2024", "Pope Leo's day of peace, Christmas 2025"}


def test_holidays_without_a_truce_are_a_control():
    """Counted by hand: 22 holidays from 4 November 2024 to 9 May 2026, four of them inside truces."""
    found = pa.holidays_without_truce()
    days, drones = [pd.Timestamp(effect.first_day) for effect in found], pa.outcome_series(DRONES)
    assert len(days) == 18 and days == sorted(days) and pd.Timestamp("2025-05-09") not in days
    assert [effect.observed for effect in found] == drones[days].tolist()
    assert np.mean([effect.ratio for effect in found]) == pytest.approx(1.0, abs=0.1)
    around = [drones[day - pd.Timedelta(days=21) : day + pd.Timedelta(days=21)].drop(day).mean() for day in days]
    assert (drones[days] / around).mean() == pytest.approx(1.0, abs=0.1)  # no model, same answer
    assert pa.describe_holidays(found).endswith("on average, from 0.35 to 3.49. None was silent.")
    assert pa.describe_holidays([]) == "The data hold no holiday without a truce."


def test_the_record_is_read_back_and_refused_when_it_is_something_else(tmp_path):
    path = tmp_path / "results.csv"
    with pytest.raises(pa.DataError, match="pauses report"):
        load_results(path)
    path.write_text("a,b\n1,2\n")
    with pytest.raises(pa.DataError, match="pause, claim, outcome"):
        load_results(path)
    pa.assess("easter-2025").to_frame().to_csv(path, index=False)
    assert verdicts(load_results(path))["outcome"].tolist() == [DRONES, MISSILES]


def test_what_the_tables_cover():
    by_year = pa.coverage_by_year(STRIKES)
    assert by_year.loc[2025, "days"] == 365
    assert by_year["days without report"].to_dict() == {2022: 0, 2023: 0, 2024: 3, 2025: 1, 2026: 0}
    zeros = pa.zero_days(STRIKES, first_day="2025-01-01")
    assert zeros.index.strftime("%Y-%m-%d").tolist() == [
        "2025-04-01", "2025-04-07", "2025-04-20", "2025-05-08", "2025-05-09", "2025-05-10", "2026-04-12", "2026-05-11",
    ]  # fmt: skip
    assert zeros.loc["2025-04-07", "drones_basis"] == "missing"
    spans = pa.pause_spans(PAUSES)
    assert len(spans) == 9 and (spans["first_day"] <= spans["last_day"]).all()


@pytest.mark.parametrize("name", ["drones", "missiles"])
def test_published_nights_agree_with_the_table(name):
    nights = pa.published_nights(PAUSES, STRIKES)
    stated = nights.dropna(subset=[f"{name} published"])
    assert len(nights) >= 14 and (stated[f"{name} published"] == stated[f"{name} in table"]).all()
