"""Energy in a pause: the known winter recounted by hand, bounds, measures a user brings, what sentences may say."""

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from made_up import copied_tables, readings, refused, signed
from made_up_raw import GOOD
from made_up_raw import put as put_raw

from analysis import Picture
from analysis.effect import example_effect
from analysis.energy import assess_energy
from analysis.errors import DataError, RegistryError
from analysis.estimate import estimate_effect
from analysis.measures import (
    bound_energy,
    comparison_span,
    days_around,
    decide_by_bounds,
    describe_measures,
    energy_days,
    estimate_energy,
)
from analysis.pauses import load_pauses, reported_pauses
from analysis.placebo import SAME_WEEKDAY
from analysis.record import EnergyOverview, compare_energy, load_results
from analysis.setting import not_ordinary, set_up
from analysis.tables import load_table, outcome_series
from analysis.windows import ONE_DAY
from recipes.kit import plan_build, to_csv

DATA = Path(__file__).parents[1] / "data"
COLD, MORATORIUM = "cold-week-pause-2026-01", "energy-moratorium-2025-03"
DAYS = pd.date_range("2025-01-01", periods=300, name="day")


@pytest.fixture(scope="module")
def cold():
    return assess_energy(COLD)


@pytest.fixture(scope="module")
def moratorium():
    return assess_energy(MORATORIUM)


@pytest.fixture
def folder(tmp_path):
    """A copy of the tables that a test may change."""
    return copied_tables(tmp_path / "data")


def put(folder, name, table):
    """Write a table with a sidecar that vouches for it."""
    for file, content in signed(name, to_csv(name, table)).items():
        (folder / file).write_bytes(content)


def test_the_cold_week_agrees_with_enumeration_by_hand(cold):
    """p, its floor and the same-weekday p for rear oblasts, recounted from the table day by day."""
    table = load_table("energy_coded").set_index("day")["rear_oblasts"]
    winter = table["2025-10-15":"2026-02-22"]
    left_out = set(pd.date_range("2026-01-25", "2026-02-07"))  # the parties' windows, and a week after the tested one
    usable = {day: int(n) for day, n in winter.items() if n == n and day not in left_out}
    pairs = {day: n + usable[day + ONE_DAY] for day, n in usable.items() if day + ONE_DAY in usable}
    assert (winter["2026-01-30":"2026-01-31"].sum(), len(pairs)) == (0, 81)
    assert [f"{day:%d %b}" for day, n in pairs.items() if n == 0] == ["05 Nov", "26 Nov", "14 Feb"]
    for test, placebos in (
        ("shift", pairs),
        (SAME_WEEKDAY, {day: n for day, n in pairs.items() if day.day_name() == "Friday"}),
    ):
        effect = cold.select("coded", test=test)
        p = min(1, 2 * Fraction(1 + sum(n <= 0 for n in placebos.values()), len(placebos) + 1))
        assert (effect.n_placebo, effect.p_value, effect.p_min) == (len(placebos), pytest.approx(p), pytest.approx(p))
    assert cold.select("coded").expected == pytest.approx(2 * sum(usable.values()) / len(usable))
    assert cold.select("coded").verdict == "not testable"


def test_the_check_and_the_longer_window_of_the_plan_decide_nothing_else(cold):
    """The second coder's counts straight from the files of the coding, and one day more."""
    first, place = energy_days("coded")["energy_coded_rear_oblasts", "rear"], DATA / "coding" / "winter-2025-26"
    days, claims, again = (
        pd.read_csv(place / f"{name}_coder_2.csv", parse_dates=["day"]) for name in ("days", "events", "again")
    )
    claims = claims.query("found_via == 'query' and rear_or_front == 'rear' and oblast != 'unspecified'")
    hits = claims.groupby("day")["oblast"].nunique().reindex(days["day"][days["code"] == "yes"], fill_value=0)
    read = first["hits"].drop(days["day"]).reindex(first.index)
    read[hits.index], read[again["day"]] = hits, 0.0  # silent five times
    second = first.assign(hits=read, trials=first["trials"].max())
    setting = set_up(COLD)
    options = {"exclude": setting.exclude, "announced": setting.pause.first_announced_day(setting.claim)}
    for frame, last, found in (
        (first, 31, (3.65, 81, 0.098)), (second, 31, (3.64, 83, 0.071)),
        (first, 32, (5.54, 65, 0.030)), (second, 32, (5.51, 68, 0.029)),
    ):  # fmt: skip
        window = pd.date_range("2026-01-30", periods=last - 29)
        effect = estimate_energy(frame, window, "energy_coded_rear_oblasts", **options)
        numbers = round(effect.expected, 2), effect.n_placebo, round(effect.p_value, 3)
        assert (effect.observed, *numbers, effect.verdict) == (0, *found, "not testable")


def test_a_day_that_cannot_be_read_is_missing_not_none():
    rear, by_chance = (energy_days("coded")[f"energy_coded_{name}", place] for name, place in (
        ("rear_oblasts", "rear"), ("rear_oblasts_any_find", "rear, and by chance")
    ))  # fmt: skip
    assert rear.loc["2026-01-04", ["hits", "trials"]].isna().all() and rear.loc["2026-01-04", "open"]
    assert rear.loc["2026-01-30", ["hits", "trials"]].tolist() == [0, 18] and not rear.loc["2026-01-30", "open"]
    assert rear.loc["2026-02-01", "hits"] == 0 and rear.loc["2026-02-01", "open"]  # silent: either way in the bounds
    assert not rear.loc["2025-09-01", "open"] and np.isnan(rear.loc["2025-09-01", "trials"])  # never looked at
    assert (by_chance["hits"] >= rear["hits"])[rear["hits"].notna()].all() and by_chance.loc["2026-02-01", "hits"] == 1
    gap = energy_days("reported")["energy_reported_share", "national"]["2026-02-27":"2026-03-25"]
    assert gap["trials"].isna().all() and not gap["open"].any()
    known = energy_days("declared")["energy_declared_first", "national"]
    assert known["trials"].sum() == 89 and known["open"].sum() == 1110


def test_comparison_stops_at_gaps_and_where_the_basis_changes():
    window = DAYS[100:102]
    assert comparison_span(DAYS, window) == (DAYS[0], DAYS[281])  # half a year, as far as it goes
    assert comparison_span(DAYS.delete(range(60, 67)), window)[0] == DAYS[0]  # a week is bridged
    assert comparison_span(DAYS.delete(range(60, 68)), window)[0] == DAYS[68]
    assert comparison_span(DAYS[:0], window) == (window[0], window[-1])
    frame = readings([1.0] * 300).assign(basis=np.where(np.arange(300) < 80, "addresses", "headlines"))
    assert days_around(frame, window)[0] == DAYS[80]


def test_bounds_count_open_days_both_ways():
    hits = np.tile([2.0, 2, 1, 3], 75)
    hits[[150, 151, 10, 20]] = np.nan
    frame = readings(hits, trials=18.0)
    corners = bound_energy(frame, DAYS[150:153], "x")
    extra = {ways: corner.observed - hits[152] for ways, corner in corners.items()}
    assert extra == {("none", "none"): 0, ("none", "hit"): 0, ("hit", "none"): 4, ("hit", "hit"): 4}
    ratios = {ways: corner.ratio for ways, corner in corners.items()}
    assert ratios["none", "hit"] < ratios["none", "none"] < ratios["hit", "hit"] < ratios["hit", "none"]
    assert bound_energy(frame.assign(open=False), DAYS[150:153], "x") == {}


def test_a_verdict_that_turns_on_open_days_depends_on_a_choice():
    hits = np.random.default_rng(2).integers(1, 6, 300).astype(float)
    hits[150:153] = 0, np.nan, np.nan
    window, frame = DAYS[150:153], readings(hits, trials=18.0)
    firm = readings(np.nan_to_num(hits), trials=18.0)
    told = {}
    for name, given in (("open", frame), ("firm", firm), ("short", frame.iloc[130:170])):
        effect = estimate_energy(given, window, "x")
        told[name] = effect, decide_by_bounds(effect, bound_energy(given, window, "x"))
    effect, decided = told["open"]
    assert (effect.verdict, decided.verdict) == ("fewer", "depends on a choice")
    assert decided.reason.startswith("a fall without the days that cannot be read, no change if they were hit")
    assert all(before is after for before, after in (told["firm"], told["short"]))


@pytest.mark.parametrize("share", [0.5, 1.0])
def test_coded_days_set_to_not_found(folder, share):
    table = load_table("energy_coded")
    lost = table.index[table["day"] >= "2026-01-08"].to_series().sample(frac=share, random_state=3)
    counts = ["rear_oblasts", "front_oblasts", "kyiv_city", "rear_oblasts_any_find"]
    table.loc[lost, "code"], table.loc[lost, counts] = "not_found", np.nan
    put(folder, "energy_coded", table)
    found = assess_energy(COLD, measures=["coded"], folder=folder)
    effect = found.select("coded")
    assert effect.verdict == "not testable" and (effect.observed is None) == (share == 1)
    if share == 1:
        assert "Cannot speak about the time from 30 to 31 January 2026: nothing was found" in found.say("coded")
        assert found.headline() == "No measure can tell whether the cold-week pause of 2026 spared energy."


def test_every_window_of_the_moratorium_has_its_row_and_none_is_in_a_family(moratorium):
    frame = moratorium.to_frame()
    assert not frame.duplicated(["pause", "claim", "outcome", "stratum", "window", "test"]).any()
    assert frame["p_adjusted"].isna().all() and set(frame["pause"]) == {MORATORIUM}
    windows = frame.query("outcome == 'energy_coded_rear_oblasts' and test == 'shift'").set_index(["claim", "window"])
    assert windows.loc[("russia", "disputed-start"), ["first_day", "last_day"]].tolist() == ["2025-03-18", "2025-03-24"]
    assert windows.loc[("ukraine", "disputed-end"), "first_day"] == "2025-04-17"
    for outcome, rows in frame.query("test == 'shift' and window == 'pause'").groupby("outcome"):
        assert set(rows["claim"]) == {"accepted", "russia", "ukraine"}, outcome
        assert set(rows["last_day"]) == {"2025-04-16", "2025-04-24"}, outcome


def test_the_moratorium_is_read_by_both_sides_and_before_and_after(moratorium):
    told = moratorium.summary()
    for part in (
        "Whether the energy moratorium of spring 2025 spared energy cannot be told: a daily list of key events names a "
        "hit on energy in the rear on 3 of 19 days read", "after 8 of 23 before and 1 of 13 after it",
        "**Did Ukraine spare Russian energy?**", "on 0 of 19 days read",
        "before it 4 of 23 (-18 points, 95% interval -41 to +6; p = 0.11)",
        "Moscow named 42 such attacks on 8 of these days", "of which no ratio means anything",
        "windows of 23 days with a raid in them p = 0.74", "down, and not up again at the end",
        "before it ended on 14 March 2025; energy did not return within 10 weeks after the end: a step",
        "Cannot read the days of this pause: coded reports, news articles and Russian declarations.",
    ):  # fmt: skip
        assert part in told
    assert moratorium.headline().count(". ") == 0 and "not yet checked by people" in moratorium.headline()
    assert moratorium.corners["reported"] == {} and "digest" not in moratorium.corners


def test_steps_leave_out_what_any_party_counts_in_and_other_pauses(moratorium):
    before, after = moratorium.steps("digest")
    assert str(before.baseline_last_day) == "2025-03-17" and str(after.first_day) == "2025-04-25"
    used = after.daily.loc[after.daily["role"] == "window", "day"].astype(str)
    assert {"2025-05-07", "2025-05-11"} <= set(used) and "2025-05-09" not in set(used)


def test_short_pauses_have_no_step_and_weeks_tell_none_that_came_before(cold):
    assert cold.steps("coded") == [] and "Russian declarations.**" not in cold.summary()
    easter = assess_energy("easter-2025", measures=["declared"])
    assert "14 March 2025, so that energy had left first place before" in easter.summary()


def test_the_summary_leads_with_what_was_seen_and_how_sure(cold):
    assert cold.summary().startswith(
        "**Whether the cold-week pause of 2026 spared energy cannot be told: 0 rear oblasts with a reported hit on "
        "energy, where 3.7 would be usual (3 of 81 other spells are as low; coded by 5 runs of a language model, not "
        "yet checked by people)"
    )


def test_tables_for_readers_leave_out_what_cannot_be_read(cold, moratorium):
    table = cold.table()
    assert table.loc["coded reports", ["seen", "usual", "how sure"]].tolist() == [
        "0 of 36", "3.7", "not testable (p = 0.098)"
    ]  # fmt: skip
    assert "Russian declarations" not in [*table.index, *cold.by_claim().index]
    assert "large raids" in moratorium.table().index
    assert {"fewer", "more"} <= {corner.verdict for corner in cold.corners["declared"].values()}
    assert cold.select("declared").verdict == "not testable"  # what is not known decides nothing


def test_invented_days_are_never_called_fewer_or_more(cold):
    what_if = cold.details().split("## If the days")[1].split("## What officials")[0]
    assert "| hit | none |" in what_if and "fewer" not in what_if and "more" not in what_if
    assert "## If the days" not in replace(cold, corners={}).details()


def news(start, end, quiet):
    """Made-up articles: 2 of 20 a day on energy in Odesa, none from `quiet[0]` to `quiet[1]`."""
    days = pd.date_range(start, end, unit="us")
    generator = np.random.default_rng(5)
    energy = np.where((days >= quiet[0]) & (days <= quiet[1]), 0, generator.binomial(40, 0.1, len(days)))
    rows = [
        pd.DataFrame({"day": days, "oblast": oblast, "energy_articles": n, "coded_articles": 40, "basis": "headlines"})
        for oblast, n in (("Odesa", energy), ("Sumy", energy * 0), ("Kyiv City", energy * 0), ("Ukraine", energy))
    ]
    return pd.concat(rows).sort_values(["day", "oblast"], ignore_index=True)


def test_with_archives_the_moratorium_is_measurable_but_never_established(folder):
    put(folder, "energy_reported", news("2023-06-01", "2026-06-30", ("2025-03-25", "2025-04-16")))
    found = assess_energy(MORATORIUM, measures=["reported"], folder=folder)
    effect = found.select("reported")
    assert (effect.verdict, effect.observed, effect.n_missing) == ("fewer", 0, 0)
    assert "consistent with sparing, not established: a truce itself makes officials say" in found.say("reported")
    (disputed,) = found.rows("reported", claim="russia", window="disputed-start", test="shift")
    assert disputed.verdict == "no visible change"
    assert found.select("reported", "front").verdict == "not testable"


def test_a_user_can_bring_an_acled_export(folder, tmp_path):
    with pytest.raises(DataError, match=r"energy_acled\.csv"):
        energy_days("acled", folder=folder)
    files = put_raw(tmp_path / "raw", GOOD["acled"])
    plan_build(None, folder=folder, files={"acled": files}).write()
    assert "not to be passed on" in (folder / "README.md").read_text("utf-8")
    assert list(energy_days("acled", folder=folder)) == [
        ("energy_acled_share", where) for where in ("rear", "front", "Kyiv City", "national")
    ]
    assert assess_energy("easter-2025", measures=["acled"], folder=folder).select("acled").verdict == "not testable"


def test_measures_say_what_they_can_read():
    assert "116 of 254 days, between 2025-03-07 and 2026-02-22" in describe_measures(["coded"])
    assert "154 of 182 days, between 2026-01-01 and 2026-06-30" in describe_measures(["reported"])  # weeks are missing
    assert "a yearly VIINA archive, which a user can bring" in describe_measures(["reported"])


def test_reciprocity_under_both_readings_of_a_silent_night():
    easter = load_pauses()["orthodox-easter-2026"]
    drones = [row for row in assess_energy(easter.id, measures=[]).pick() if row.outcome.startswith("drones")]
    assert [row.outcome for row in drones] == ["drones_named_by_russia", "drones_claimed_by_russia"]
    first, other = drones
    assert (first.verdict, first.observed, other.observed) == ("depends on a choice", 0, None)
    assert first.reason.startswith("not testable if nights without a post are left out, fewer if nights without a post")
    options = {"exclude": not_ordinary(load_pauses(), besides=easter), "announced": easter.announced_days()[0]}
    same = estimate_effect(outcome_series("drones_named_by_russia", drop_last=0), easter.days(), **options)
    assert (first.p_value, first.ratio) == (same.p_value, same.ratio)


def test_mutuality_where_the_claims_end_or_agree(cold):
    assert cold.mutual().startswith("No visible change: 113 Ukrainian drones that Russia says it shot down")
    assert "The count is Russia's own and says nothing about targets." in cold.mutual()
    ended = assess_energy("us-three-day-2026-05", measures=["declared"])
    assert "the data end on 2026-04-12, before the window" in ended.mutual()


def test_wrong_questions_are_refused():
    with refused("no such measure", "digest, raids, coded, reported, declared, acled"):
        assess_energy(COLD, measures=["outages"])
    with pytest.raises(RegistryError, match="window not stated"):
        assess_energy(COLD, claim="russia")


def test_pictures_say_what_they_show_even_without_data(cold, moratorium):
    for found in (cold, moratorium, assess_energy(MORATORIUM, measures=["declared"])):
        bundle, _ = Picture(found.plot(), alt=found.describe())._repr_mimebundle_()
        assert bundle["image/png"] and bundle["text/plain"] == found.headline()


def test_all_pauses_side_by_side_repeat_what_each_page_says(moratorium, cold):
    rows = pd.concat([moratorium.to_frame(), cold.to_frame()])
    found = compare_energy(rows.assign(**{name: rows[name].astype(str) for name in ("first_day", "last_day")}))
    table = found.table()
    assert table["measures that can speak"].to_dict() == {moratorium.pause.name: "2 of 5", cold.pause.name: "2 of 5"}
    assert table.loc[cold.pause.name, ["measure", "seen", "usual", "how sure"]].tolist() == [
        "coded reports", "0", *cold.table().loc["coded reports", ["usual", "how sure"]]
    ]  # fmt: skip
    assert set(table["promised to spare"]) == {"energy"}


def test_the_overview_holds_every_reported_pause_and_is_empty_without_energy():
    overview = compare_energy(load_results())
    assert len(overview.names) == len(reported_pauses(load_pauses())) == len(overview.table())
    assert overview.summary().startswith(f"**Of {len(overview.effects)} readings (a pause by a measure), ")
    nothing = compare_energy(load_results().query("pause == 'not-a-pause'"))
    assert "Of 0 readings" in nothing.summary() and nothing.table().empty


@pytest.mark.parametrize(
    ("verdicts", "able", "sentence"),
    [
        ((), 0, "0 of these would have shown it had nothing been hit. Told from chance: none"),
        (("no visible change", "not testable"), 1, "2 could read their pause, and 1 of these would have shown"),
        (("fewer", "fewer", "depends on a choice"), 3, "Told from chance: 2 fewer and 1 depends on a choice.**"),
        (("more", "not testable"), 0, "it had nothing been hit. Told from chance: 1 more.**"),
    ],
)  # fmt: skip
def test_the_overview_words_what_the_readings_could_show(verdicts, able, sentence):
    effect = example_effect(outcome="energy_reported_share", pause="one")
    effects = [replace(effect, verdict=verdict, testable=n < able) for n, verdict in enumerate(verdicts)]
    told = EnergyOverview({"one": "The pause"}, {}, tuple(effects)).summary()
    assert sentence in told.split("\n")[0]
