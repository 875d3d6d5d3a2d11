"""Large raids and the daily list, coded twice: answers worked out by hand, and the agreement by two routes."""

import os
from pathlib import Path

import pandas as pd
import pytest
from made_up_raw import DATA, LINK, csv_file, listed, made, put, raid, two_coders

import analysis as pa
from analysis.tables import check_tables
from recipes import kit

OTHER = "https://example.org/2"
TIERS = ["facility", "general", "minor", "claim", "silent", "not_found"]


def built(recipe, folder, *coders):
    table = made(recipe, folder, two_coders(*coders)).tables[f"energy_{recipe}"]
    return table.set_index(table["day"].dt.day)


@pytest.mark.parametrize("one", TIERS)
@pytest.mark.parametrize("two", TIERS)
def test_the_lower_tier_counts_and_a_find_counts_as_found(tmp_path, one, two):
    table = built("raids", tmp_path, [raid("2026-01-10", one)], [raid("2026-01-10", two, confidence="low")]).loc[10]
    found = [code for code in (one, two) if code != "not_found"]
    due = max(found, key=TIERS.index) if found else "not_found"
    assert (table["code"], table["agreed"], table["targets"]) == (due, one == two, f"{due} told")
    assert table["confidence"] == "low" and table["addresses"] == (LINK if found else "")


def test_addresses_of_both_coders_stand_once(tmp_path):
    second = [raid("2026-01-10", "minor", evidence_urls=f"{OTHER}|{LINK}")]
    assert built("raids", tmp_path, [raid("2026-01-10", "minor")], second).at[10, "addresses"] == f"{LINK}|{OTHER}"


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


@pytest.mark.parametrize("recipe", ["raids", "digest"])
def test_one_person_can_take_the_place_of_two_runs(tmp_path, recipe):
    row = raid("2026-01-10", "minor") if recipe == "raids" else listed("2026-01-10", "silent")
    path = put(tmp_path / "raw", {"coder_1.csv": csv_file([row | {"coder": "O. Kovalenko"}])})
    folder = tmp_path / "data"
    put(folder, {file.name: file.read_bytes() for file in DATA.glob("*.*")})
    kit.plan_build(None, folder=folder, files={recipe: path}).write()
    assert check_tables(folder=folder).empty
    assert pa.load_table(f"energy_{recipe}", folder=folder)["agreed"].isna().all()
    told = (folder / "README.md").read_text("utf-8")
    assert "coded by people: O. Kovalenko; 1" in told


# The committed tables


def kappa(one, two):
    """Cohen's kappa by its formula, from a table of counts."""
    counts = pd.crosstab(one, two).reindex(index=(all_codes := sorted({*one, *two})), columns=all_codes, fill_value=0)
    shares = counts.to_numpy() / counts.to_numpy().sum()
    by_chance = shares.sum(axis=0) @ shares.sum(axis=1)
    return (shares.trace() - by_chance) / (1 - by_chance)


def codes(table):
    """The two coders' codes: of raids the six tiers, of the list any hit in Ukraine where both could read it."""
    if table == "energy_raids":
        return pa.load_table(table)[["code_1", "code_2"]].set_axis(["code", "second_code"], axis=1)
    both = pa.load_table(table).dropna(subset=["agreed"])
    return both[["ukraine", "ukraine_2"]].apply(lambda own: own.str[:3]).set_axis(["code", "second_code"], axis=1)


@pytest.mark.parametrize(
    ("table", "n", "same", "expected"), [("energy_raids", 101, 96, 0.92), ("energy_digest", 81, 79, 0.94)]
)
def test_agreement_by_two_routes(table, n, same, expected):
    pair = codes(table)
    assert round(kappa(pair["code"], pair["second_code"]), 2) == expected
    told = pa.describe_agreement(pair.assign(coder="1", second_coder="2"))
    assert told.startswith(f"Of {n} days coded twice, {same} were") and f"kappa {expected:.2f}," in told
    assert told.partition(" Both codings")[0] in pa.describe_agreements(), "the notebook says the same"


@pytest.mark.skipif("PAUSES_RAW" not in os.environ, reason="PAUSES_RAW names no folder of raw files")
@pytest.mark.parametrize("name", ["raids", "digest"])
def test_the_tables_hold_the_codes_of_the_files(name):
    table = pa.load_table(f"energy_{name}").set_index("day")
    columns = {"code": ("code_1", "code_2")} if name == "raids" else {
        "ukraine_energy": ("ukraine", "ukraine_2"), "russia_energy": ("russia", "russia_2"),
    }  # fmt: skip
    for number in (0, 1):
        file = pd.read_csv(Path(os.environ["PAUSES_RAW"]) / f"energy_{name}" / f"coder_{number + 1}.csv")
        days = pd.DatetimeIndex(file.iloc[:, 0])
        for raw, own in columns.items():
            assert table[own[number]].dropna().to_dict() == dict(zip(days, file[raw], strict=True))


def test_raids_are_a_census_and_facilities_come_in_half_years():
    table = pa.load_table("energy_raids").set_index("day")
    strikes = pa.load_strikes()["missiles_launched"]["2022-09-28":"2026-02-28"]
    assert table.index.equals(strikes.index[strikes >= 20])
    ends = ["2022-09-01", "2023-04-01", "2023-09-21", "2024-03-22", "2024-09-01", "2025-03-18", "2025-04-17",
            "2025-08-21", "2025-10-01", "2026-03-01"]  # fmt: skip
    groups = table.groupby(pd.cut(table.index, pd.to_datetime(ends), right=False), observed=False)
    both = groups.apply(lambda own: int((own[["code_1", "code_2"]] == "facility").all(axis=1).sum()))
    assert list(zip(both, groups.size(), strict=True)) == [
        (13, 17), (0, 11), (3, 10), (8, 10), (6, 10), (0, 1), (0, 10), (2, 7), (20, 25),
    ]  # fmt: skip


def test_the_list_read_by_the_coder_who_knew_of_no_pause():
    table = pa.load_table("energy_digest").set_index("day")
    spans = [("2024-09-15", "2024-12-15"), ("2025-02-15", "2025-03-17"), ("2025-03-18", "2025-04-16"),
             ("2025-04-17", "2025-05-15")]  # fmt: skip
    read = [table[first:last].query("ukraine in ['yes_rear', 'yes_front', 'claim', 'silent']") for first, last in spans]
    seen = [((own["ukraine"] == "yes_rear").sum(), (own["russia"] == "yes").sum(), len(own)) for own in read]
    assert seen == [(10, 5, 69), (9, 5, 25), (4, 0, 26), (1, 2, 20)]
    assert table["ukraine"].notna().sum() == 182 and table["ukraine_2"].notna().sum() == 191
    assert table["chosen_because_known"].sum() == 8
