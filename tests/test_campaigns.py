"""Large raids, a daily list and steps: counted by hand, by two routes, and on made-up readings."""

from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from made_up import readings

from analysis.campaigns import compare_weeks, estimate_steps, find_campaigns, place_window
from analysis.figures import Picture
from analysis.measures import energy_days
from analysis.pauses import load_pauses
from analysis.setting import not_ordinary
from analysis.tables import load_table

DAYS = pd.date_range("2025-01-01", periods=120, name="day")


@pytest.mark.parametrize(
    ("span", "rear", "russia", "read"),
    [
        (("2025-02-15", "2025-03-17"), 9, 5, 25),
        (("2025-03-18", "2025-04-16"), 4, 0, 26),
        (("2025-04-17", "2025-05-15"), 1, 2, 20),
    ],
)
def test_the_daily_list_as_the_coder_who_knew_of_no_pause_left_it(span, rear, russia, read):
    table = load_table("energy_digest").set_index("day")
    never_read = table.index[table["chosen_because_known"] | table["ukraine"].isna()]
    for (outcome, _), frame in energy_days("digest").items():
        assert frame["trials"].reindex(never_read).isna().all()
        own = frame[slice(*span)]
        assert own["trials"].sum() == read
        assert outcome != "energy_digest_rear" or own["hits"].sum() == rear
        assert outcome != "energy_digest_russia" or own["hits"].sum() == russia


def test_raids_are_the_trials_and_an_unknown_one_is_missing():
    frame = energy_days("raids")["energy_raids_facility", "national"]
    table = load_table("energy_raids")
    assert frame["trials"].sum() == (table["code"] != "not_found").sum() and frame["open"].sum() == 2
    assert frame.loc["2025-04-06", ["hits", "trials"]].tolist() == [0, 1]
    assert frame.loc["2025-04-07", ["hits", "trials"]].tolist() == [0, 0]  # no raid is not an unread day


@pytest.mark.parametrize("by_days", [False, True])
def test_a_window_among_the_others_counted_by_hand(by_days):
    hits = np.resize([1.0, 0, 1, 1, 0, 1, 1], 100)
    hits[60:63] = 0
    frame = readings(np.where(np.arange(100) % 10 == 9, np.nan, hits))  # a tenth cannot be read
    days, exclude = DAYS[60:63], DAYS[63:70]
    effect = place_window(frame, days, "x", exclude=exclude, by_days=by_days)
    read = frame.drop(exclude)["hits"] if by_days else frame["hits"].dropna()
    starts = [
        run for i in range(len(read) - 2)
        if (run := read.iloc[i : i + 3]).notna().any() and not run.index.isin(days).any()
        and not run.index.isin(exclude).any() and (not by_days or (run.index[-1] - run.index[0]).days == 2)
    ]  # fmt: skip
    low = sum(run.sum() == 0 and run.notna().sum() == 3 for run in starts)
    assert effect.n_placebo == len(starts)
    assert effect.p_value == pytest.approx(min(1, 2 * Fraction(1 + low, 1 + len(starts))))
    assert effect.observed == 0 and effect.n_missing == 0


def test_the_one_raid_of_the_moratorium_among_the_others_by_a_second_route():
    pause, registry = load_pauses()["energy-moratorium-2025-03"], load_pauses()
    exclude, raids = not_ordinary(registry, besides=pause), load_table("energy_raids").set_index("day")["code"]
    effect = place_window(energy_days("raids")["energy_raids_facility", "national"], pause.days(), "x", exclude=exclude)
    others = raids[(raids != "not_found") & ~raids.index.isin(exclude)]
    spared = int((others != "facility").sum())
    assert (effect.observed, effect.n_placebo) == (0, len(others)) and effect.verdict == "not testable"
    assert effect.p_value == pytest.approx(min(1, 2 * Fraction(1 + spared, 1 + len(others))))
    assert effect.reason == f"even none at all is ordinary: {spared} of {len(others)} comparable windows have none"


def test_windows_do_not_run_across_days_that_nobody_looked_at():
    frame = readings(np.resize([0.0, 1], 100))
    gap = frame.copy()
    gap.loc[DAYS[30:40], ["hits", "trials"]] = np.nan
    own = DAYS[90:94]
    assert place_window(frame, own, "x").n_placebo == 87 + 3  # 87 begin before the window, three days are left after
    assert place_window(gap, own, "x").n_placebo == (30 - 3) + (50 - 3) + 3


@pytest.mark.parametrize(
    ("hits", "days", "reason"),
    [
        (np.ones(100), pd.date_range("2026-01-01", periods=3), "nothing could be read"),
        (np.zeros(100), DAYS[50:53], "nothing was seen outside"),
        (np.ones(20), DAYS[10:12], "only 18 readings outside"),
        (np.resize([1.0, 0], 100), DAYS[40:60], "only 4 separate windows to compare with, 39 are needed"),
        (np.resize([1.0, 0], 100), DAYS[51:52], "even none at all is ordinary"),
    ],
)
def test_what_cannot_be_told_says_why(hits, days, reason):
    effect = place_window(readings(hits), days, "x")
    assert effect.verdict == "not testable" and reason in effect.reason


def test_a_dip_comes_back_and_a_step_does_not():
    busy, quiet, window = np.resize([1.0, 1, 0], 30), np.resize([0.0], 30), DAYS[30:60]
    dip, step = (readings(np.concatenate(parts)) for parts in ((busy, quiet, busy), (busy, quiet, quiet)))
    assert [e.verdict for e in estimate_steps(dip, window, "x")] == ["fewer", "more"]
    before, after = estimate_steps(step, window, "x")
    assert (before.verdict, after.verdict) == ("fewer", "not testable")
    assert (before.observed, before.window, after.window) == (0, "step-before", "step-after")
    assert before.expected == pytest.approx(20, abs=0.1)
    assert after.first_day == DAYS[60].date() and before.baseline_first_day == DAYS[0].date()
    raids = energy_days("raids")["energy_raids_facility", "national"]
    assert "less than two weeks" in estimate_steps(raids, DAYS[76:106], "x")[0].reason
    left_out = estimate_steps(dip, window, "x", exclude=DAYS[60:65], announced=DAYS[25])
    assert left_out[1].first_day == DAYS[65].date() and left_out[0].baseline_last_day == DAYS[24].date()


def test_weeks_and_not_days_are_compared():
    from scipy.stats import ttest_ind

    generator = np.random.default_rng(3)
    earlier, later = generator.random(4), generator.random(4) / 3
    change, p_value, half = compare_weeks(earlier, later, counts=[400, 400])
    by_scipy = ttest_ind(later, earlier)
    assert p_value == pytest.approx(by_scipy.pvalue) and change == pytest.approx(later.mean() - earlier.mean())
    assert half == pytest.approx(by_scipy.confidence_interval(0.95).high - change)
    assert compare_weeks(np.ones(4), np.ones(4), counts=[28, 28])[1] == 1
    alike = compare_weeks(np.full(4, 0.2), np.zeros(4), counts=[24, 24])[1]
    assert alike > 0.01, "weeks that happen to be alike must not prove anything"


def test_campaigns_in_words_and_figures():
    raids = load_table("energy_raids")
    found = find_campaigns(raids, load_pauses())
    told = found.headline()
    for part in (
        "13 of the 16 large raids (20 or more missiles) of October 2022 to March 2023", "0 of 11 of April to September",
        "any of the 13 large raids from March to August 2025", "any of 10 from April to August 2023",
        "the pause can be neither credited with the quiet nor denied a part in it", "not yet checked by people",
    ):  # fmt: skip
        assert part in told
    assert found.halves["raids"].sum() == (raids["code"] != "not_found").sum()
    assert Picture(found.plot(), alt=found.describe()).png()
    every = find_campaigns(raids.assign(code="facility", code_1="facility", code_2="facility"), load_pauses())
    assert "neither credited" not in every.headline()
