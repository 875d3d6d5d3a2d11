"""What was coded: days, claims, raids and the daily list by hand; agreement by two routes; people in place of runs."""

import json
import shutil
import tomllib

import pandas as pd
import pytest
from made_up import copied_tables
from made_up_raw import (
    CODED_DAYS,
    DATA,
    HITS,
    LINK,
    coded_day,
    coded_files,
    csv_file,
    hit,
    listed,
    made,
    put,
    raid,
    touched,
    two_coders,
)  # fmt: skip

import analysis as pa
from analysis.measures import coded_by
from recipes import kit

OTHER, COLD = "https://example.org/2", pd.date_range("2026-01-30", "2026-02-05")
TIERS = ["facility", "general", "minor", "claim", "silent", "not_found"]


def build(folder, days=CODED_DAYS, events=HITS, again=()):
    put(folder / "tables", {"oblasts.csv": (DATA / "oblasts.csv").read_bytes()})
    return made("coded", folder, coded_files(days, events, again), tables=folder / "tables")


def by_day(table):
    return pa.load_table(table).set_index("day")


# Days and claims


def test_only_assigned_finds_enter_the_main_series(tmp_path):
    imported = build(tmp_path)
    columns = ["rear_oblasts", "front_oblasts", "kyiv_city", "rear_oblasts_any_find"]
    counts = imported.tables["energy_coded"][columns].astype(object)
    assert counts.where(counts.notna(), None).to_numpy().tolist() == [
        [2, 1, 1, 3], [0, 0, 0, 0], [0, 0, 0, 0], [None, None, None, 1],
    ]  # fmt: skip
    assert touched(imported.rules) == {
        "count_assigned_finds_only": 2, "leave_out_unspecified_places": 1, "leave_days_not_found_open": 1,
    }  # fmt: skip
    events = imported.tables["energy_coded_events"]
    assert len(events) == len(HITS)
    assert events.loc[events["oblast"] == "unspecified", "rear_or_front"].tolist() == ["unspecified"]
    bare = build(tmp_path, [coded_day("2026-01-10", "not_found")], [hit("2025-12-01", "Odesa", found_via="other")])
    assert bare.tables["energy_coded"]["rear_oblasts"].isna().all()


def test_the_winter_leaves_days_that_have_a_code_and_files_of_people_alone(tmp_path):
    days = [coded_day("2025-12-01", "no"), coded_day("2026-01-31", "no"), coded_day("2026-02-08", "not_found")]
    events = [hit("2025-10-01", "Odesa", found_via="other")]
    for coder, n in (("1", 87), ("A. Person", 3)):
        files = coded_files([row | {"coder": coder} for row in days], events)
        table = made("coded", tmp_path, files).tables["energy_coded"].set_index("day")
        assert len(table) == n and table.loc["2026-01-31", "code"] == table.loc["2025-12-01", "code"] == "no"
        assert table.loc["2026-02-08", "code"] == ("silent" if coder == "1" else "not_found")
        assert set(table["coder"]) == ({"1", "6"} if coder == "1" else {coder})


def test_the_winter_was_coded_twice_and_recoded_by_its_plan():
    winter = by_day("energy_coded").loc["2025-10-15":"2026-02-22"]
    assert winter["code"].value_counts().to_dict() == {"yes": 107, "not_found": 19, "silent": 5}
    later = winter[:"2026-01-07"]
    assert later.index[later["code"] != later["second_code"]].strftime("%Y-%m-%d").tolist() == ["2025-11-09"]
    thirtieth = winter.loc["2026-01-30"]
    assert thirtieth[["code", "rear_oblasts", "front_oblasts", "coder"]].tolist() == ["yes", 0, 1, "1"]
    assert thirtieth["note"].startswith("recoded yes, before no: the president")
    notes = json.loads((DATA / "energy_coded.json").read_text("utf-8"))["notes"]
    fixed = tomllib.loads((DATA / "plans" / "cold-week-energy-2026-01.toml").read_text("utf-8"))["test"]
    assert all(any(note.endswith(f"{part}: {text}") for note in notes) for part, text in fixed.items())


# What the registry of pauses says of a day, in its words, and what the tables hold; oblasts: named as hit, all of them
SAID = [
    ("cold-week-pause-2026-01", "energy was hit in several regions on the afternoon of 29 Jan", "2026-01-29", "", 2),
    ("cold-week-pause-2026-01", "bomb on a gas site in Donetsk oblast", "2026-01-30", "Donetsk", 1),
    ("cold-week-pause-2026-01", "outages in Kharkiv, Sumy, Dnipropetrovsk, Cherkasy on 2", "2026-02-02",
     "Kharkiv Sumy Dnipropetrovsk Cherkasy", 4),
    ("cold-week-pause-2026-01", "energy in six regions", "2026-02-03", "", 6),
    ("olympic-truce-2026", "mass strike on energy on the night of 6/7 Feb", "2026-02-07", "", 2),
]  # fmt: skip


@pytest.mark.parametrize(("pause", "words", "day", "oblasts", "least"), SAID)
def test_registry_and_coded_days_do_not_contradict_each_other(pause, words, day, oblasts, least):
    own = pa.load_pauses()[pause]
    assert words in " ".join([own.violations, *(count.note for count in own.published_counts)]).replace("\n", " ")
    coded, events = by_day("energy_coded").loc[day], pa.load_table("energy_coded_events")
    found = events[(events["day"] == day) & (events["found_via"] == "assigned")]
    assert coded["code"] == "yes" and coded[["rear_oblasts", "front_oblasts"]].sum() >= least
    assert set(oblasts.split()) <= set(found["oblast"])
    assert by_day("energy_raids")["code"].get(pd.Timestamp(day), "facility") == "facility"


# Raids and the daily list


@pytest.mark.parametrize("one", TIERS)
@pytest.mark.parametrize("two", TIERS)
def test_the_lower_tier_counts_and_a_find_counts_as_found(tmp_path, one, two):
    urls = "" if two == "not_found" else f"{OTHER}|{LINK}"
    files = two_coders([raid("2026-01-10", one)], [raid("2026-01-10", two, confidence="low", evidence_urls=urls)])
    row = made("raids", tmp_path, files).tables["energy_raids"].iloc[0]
    found = [code for code in (one, two) if code != "not_found"]
    due = max(found, key=TIERS.index) if found else "not_found"
    assert (row["code"], row["agreed"], row["targets"]) == (due, one == two, f"{due} told")
    addresses = [address for code, address in ((one, LINK), (two, OTHER), (two, LINK)) if code != "not_found"]
    assert row["confidence"] == "low" and row["addresses"] == "|".join(dict.fromkeys(addresses))


def test_only_the_first_coder_of_the_list_has_codes_for_tests(tmp_path):
    first = [
        listed("2026-01-10", "yes_rear", "mod", oblasts="Odesa", mod_claims="3", list_seen_whole="0"),
        listed("2026-01-11", "not_found", "not_found"),
        listed("2026-01-12", "silent"),
    ]
    second = [
        listed("2026-01-10", "yes_front", "mod", oblasts="Kherson", list_seen_whole="1", evidence_url=OTHER),
        listed("2026-01-11", "silent", list_seen_whole="1", evidence_url=OTHER),
        listed("2026-01-13", "yes_rear", "yes", oblasts="Lviv", chosen_because_known="1", evidence_url="", note="copy"),
    ]
    table = made("digest", tmp_path, two_coders(first, second)).tables["energy_digest"]
    assert kit.to_csv("energy_digest", table).decode().splitlines()[1:] == [
        f"2026-01-10,yes_rear,Odesa,,mod,3,False,yes_front,mod,False,False,{LINK}",
        f"2026-01-11,not_found,,,not_found,,True,silent,silent,,False,{OTHER}",
        f"2026-01-12,silent,,,silent,,,,,,False,{LINK}",
        "2026-01-13,,Lviv,,,,,yes_rear,yes,,True,",
    ]


def test_raids_are_a_census_and_facilities_come_in_half_years():
    table, strikes = by_day("energy_raids"), pa.load_strikes()["missiles_launched"]["2022-09-28":"2026-02-28"]
    assert table.index.equals(strikes.index[strikes >= 20])
    ends = ["2022-09-01", "2023-04-01", "2023-09-21", "2024-03-22", "2024-09-01", "2025-03-18", "2025-04-17",
            "2025-08-21", "2025-10-01", "2026-03-01"]  # fmt: skip
    groups = table.groupby(pd.cut(table.index, pd.to_datetime(ends), right=False), observed=False)
    both = groups.apply(lambda own: int((own[["code_1", "code_2"]] == "facility").all(axis=1).sum()))
    assert list(zip(both, groups.size(), strict=True)) == [
        (13, 17), (0, 11), (3, 10), (8, 10), (6, 10), (0, 1), (0, 10), (2, 7), (20, 25),
    ]  # fmt: skip


# Codes by people in place of the shipped ones


@pytest.mark.parametrize("name", ["raids", "digest"])
def test_one_person_can_take_the_place_of_two_runs(tmp_path, name):
    row = raid("2026-01-10", "minor") if name == "raids" else listed("2026-01-10", "silent")
    path = put(tmp_path / "raw", {"coder_1.csv": csv_file([row | {"coder": "O. Kovalenko"}])})
    folder = copied_tables(tmp_path / "data")
    kit.plan_build(None, folder=folder, files={name: path}).write()
    assert pa.check_tables(folder=folder).empty
    assert pa.load_table(f"energy_{name}", folder=folder)["agreed"].isna().all()
    assert "coded by people: O. Kovalenko; 1" in (folder / "README.md").read_text("utf-8")


def test_codes_by_people_replace_the_shipped_ones(tmp_path):
    """The shipped tables as raw files of a user, who has checked one day by hand."""
    folder, raw = copied_tables(tmp_path / "data"), tmp_path / "raw" / "energy_coding"
    raw.mkdir(parents=True)
    days = pd.read_csv(DATA / "energy_coded.csv", dtype=str, keep_default_na=False)
    days.loc[days["day"] == "2026-02-01", ["code", "coder"]] = ["no", "A. Person"]
    days.to_csv(raw / "days.csv", index=False)
    shutil.copy(DATA / "energy_coded_events.csv", raw / "events.csv")
    plan = kit.plan_build(raw.parent, folder=folder)
    changes = plan.changes().query("table == 'energy_coded' and not column.str.startswith('second_')")
    assert changes[["row", "column", "new"]].to_numpy().tolist() == [
        ["2026-02-01", "code", "no"], ["2026-02-01", "coder", "A. Person"],
    ]  # fmt: skip
    plan.write()
    assert pa.check_tables(folder=folder).empty
    told = "coded by 5 runs of a language model, not yet checked by people, the rest coded by people"
    assert coded_by("coded", folder=folder) == told
    assert "A. Person" in (folder / "README.md").read_text("utf-8")
    assert not pa.energy_days("coded", folder=folder)["energy_coded_rear_oblasts", "rear"].loc["2026-02-01", "open"]
    second = "day,coder,code,evidence_urls,note\n2026-02-01,B. Person,silent,https://example.org/1,\n"
    (raw / "double_coding.csv").write_text(second)
    kit.plan_build(raw.parent, folder=folder).write()
    agreed = pa.describe_agreement(pa.load_table("energy_coded", folder=folder))
    assert agreed.startswith("Of 1 day coded twice, 0 were given the same code") and "language model" not in agreed


# Agreement, and days to check


def coded_twice(*pairs, second_coder="5"):
    frame = pd.DataFrame(pairs, columns=["code", "second_code"]).replace("", None)
    return frame.assign(coder="1", second_coder=second_coder)


def test_agreement_by_hand_and_where_there_is_none_to_measure():
    pairs = [("yes", "yes")] * 4 + [("yes", "no")] + [("no", "no")] * 4 + [("no", "silent")] + [("silent", "")]
    told = pa.describe_agreement(coded_twice(*pairs))
    chance = 0.5 * 0.4 + 0.5 * 0.5
    kappa = [(share - chance) / (1 - chance) for share in (0.8, 0.4439, 0.9748)]  # Clopper-Pearson, 8 of 10
    assert told.startswith("Of 10 days coded twice, 8 were given the same code (80%, interval 44% to 97%;")
    assert "kappa {:.2f}, {:.2f} to {:.2f})".format(*kappa) in told
    assert "runs of one language model, which share their errors" in told
    assert "language model" not in pa.describe_agreement(coded_twice(*pairs, second_coder="A. Person"))
    assert "kappa has no meaning" in pa.describe_agreement(coded_twice(*[("not_found", "not_found")] * 5))
    assert pa.describe_agreement(coded_twice(("yes", ""))).startswith("No day was coded twice")


@pytest.mark.parametrize(
    ("table", "n", "same", "expected"), [("energy_raids", 101, 96, 0.92), ("energy_digest", 81, 79, 0.94)]
)
def test_agreement_by_two_routes(table, n, same, expected):
    """Cohen's kappa by its formula; of raids the six tiers, of the list any hit where both could read it."""
    both = pa.load_table(table).dropna(subset=["agreed"])
    one, two = (both["code_1"], both["code_2"]) if table == "energy_raids" else (
        both["ukraine"].str[:3], both["ukraine_2"].str[:3],
    )  # fmt: skip
    codes = sorted({*one, *two})
    shares = pd.crosstab(one, two, normalize=True).reindex(index=codes, columns=codes, fill_value=0).to_numpy()
    by_chance = shares.sum(axis=0) @ shares.sum(axis=1)
    assert round((shares.trace() - by_chance) / (1 - by_chance), 2) == expected
    told = pa.describe_agreement(coded_twice(*zip(one, two, strict=True), second_coder="2"))
    assert told.startswith(f"Of {n} days coded twice, {same} were") and f"kappa {expected:.2f}," in told
    assert told.partition(" Both codings")[0] in pa.describe_agreements(), "the notebook says the same"


def test_twenty_days_to_check_cover_every_code_and_the_cold_week_and_depend_on_the_seed():
    tables = pa.load_table("energy_coded"), pa.load_table("energy_coded_events")
    listed, again, other = (pa.review_days(*tables, days=COLD, seed=seed) for seed in (1, 1, 2))
    assert len(listed) == 20 and set(COLD) <= set(listed.index) and listed.index.is_monotonic_increasing
    assert listed.index.equals(again.index) and not listed.index.equals(other.index)
    assert (listed["finding"].value_counts()[["silent", "yes", "not found"]] >= 3).all()
    assert (listed[["agree", "disagree"]] == "").all(axis=None)
    addresses = listed[listed["finding"] != "not found"]["evidence"].explode()
    assert addresses.str.startswith("http").all()
    assert listed.loc["2026-02-02", "said to be hit"] == "Cherkasy, Dnipropetrovsk, Kharkiv (front), Sumy (front)"
    assert listed.loc["2026-01-30":"2026-01-31", "said to be hit"].tolist() == ["Donetsk (front)", "no oblast"]
    assert len(pa.review_days(*tables, n=500)) == (tables[0]["code"] != "not_found").sum() + 3
    odd = tables[0].tail(1).assign(
        code="yes", evidence_urls="https://a.example/x?y=(1)|http://b.example/", note="<b>odd|note"
    )  # fmt: skip
    text = pa.show_review(pa.review_days(odd, tables[1], n=1))
    assert "[a.example](<https://a.example/x?y=(1)>), [b.example](<http://b.example/>)" in text
    assert "&lt;b&gt;odd&#124;note" in text and {line.count("|") for line in text.splitlines()} == {8}
