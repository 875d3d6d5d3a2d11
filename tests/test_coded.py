"""The recipe of coded reports: made-up tables with answers worked out by hand, and codes by people."""

import json
import shutil
import tomllib
from pathlib import Path

import pandas as pd
import pytest
from made_up_raw import CODED_DAYS, DATA, HITS, coded_day, coded_files, hit, made, put, touched

import analysis as pa
from analysis.errors import DataError
from analysis.measures import coded_by
from recipes import kit


def build(folder, days=CODED_DAYS, events=HITS, again=()):
    put(folder / "tables", {"oblasts.csv": (DATA / "oblasts.csv").read_bytes()})
    return made("coded", folder, coded_files(days, events, again), tables=folder / "tables")


def test_only_assigned_finds_enter_the_main_series(tmp_path):
    imported = build(tmp_path)
    table = imported.tables["energy_coded"].set_index("day")
    counts = table[["rear_oblasts", "front_oblasts", "kyiv_city", "rear_oblasts_any_find"]].astype(object)
    assert counts.where(counts.notna(), None).to_numpy().tolist() == [
        [2, 1, 1, 3], [0, 0, 0, 0], [0, 0, 0, 0], [None, None, None, 1],
    ]  # fmt: skip
    assert touched(imported.rules) == {
        "count_assigned_finds_only": 2, "leave_out_unspecified_places": 1, "leave_days_not_found_open": 1,
    }  # fmt: skip
    events = imported.tables["energy_coded_events"]
    assert len(events) == len(HITS)
    assert events.loc[events["oblast"] == "unspecified", "rear_or_front"].tolist() == ["unspecified"]


def test_provenance_tells_a_model_from_people(tmp_path):
    producer = build(tmp_path).source["producer"]
    assert "language model" in producer and "not yet checked by people" in producer
    people = ([row | {"coder": "O. Kovalenko"} for row in rows] for rows in (CODED_DAYS, HITS))
    assert build(tmp_path, *people).source["producer"] == "coded by people: O. Kovalenko"


def test_all_faults_come_in_one_message(tmp_path):
    spoilt = [CODED_DAYS[0], CODED_DAYS[1] | {"code": "maybe"}, CODED_DAYS[2] | {"evidence_urls": ""}, CODED_DAYS[3]]
    with pytest.raises(DataError) as caught:
        build(tmp_path, spoilt, [*HITS, hit("2026-01-10", "Mordor")])
    assert all(words in str(caught.value) for words in ("maybe", "evidence_urls", "Mordor"))
    with pytest.raises(DataError, match="not coded a first time"):
        build(tmp_path, again=[coded_day("2026-02-01", "not_found", coder="5")])


def test_table_without_any_find_is_no_error(tmp_path):
    days = [coded_day(f"2026-01-1{i}", "not_found") for i in range(3)]
    table = build(tmp_path, days, [hit("2025-12-01", "Odesa", found_via="other")]).tables["energy_coded"]
    assert table["rear_oblasts"].isna().all() and (table["code"] == "not_found").all()


def test_known_winter():
    winter = pa.load_table("energy_coded").set_index("day").loc["2025-10-15":"2026-02-22"]
    assert winter["code"].value_counts().to_dict() == {"yes": 107, "not_found": 19, "silent": 5}
    later = winter[:"2026-01-07"]
    assert later["code"].value_counts().to_dict() == {"yes": 66, "not_found": 19} and len(later) == 85
    assert set(later["coder"]) == {"6"} and set(later["second_coder"]) == {"7"}
    assert later.index[later["code"] != later["second_code"]].strftime("%Y-%m-%d").tolist() == ["2025-11-09"]
    thirtieth = winter.loc["2026-01-30"]
    assert thirtieth[["code", "rear_oblasts", "front_oblasts", "coder"]].tolist() == ["yes", 0, 1, "1"]
    assert (
        thirtieth["note"].startswith("recoded yes, before no: the president") and "interfax" in thirtieth.evidence_urls
    )
    asked = winter.loc[["2026-01-25", "2026-01-31", "2026-02-08", "2026-02-14", "2026-02-21"]]
    assert asked["code"].tolist() == ["silent"] * 4 + ["yes"] and asked["rear_oblasts"].tolist() == [0, 0, 0, 0, 1]
    assert (asked["second_code"] == "silent").all()
    notes = json.loads((DATA / "energy_coded.json").read_text("utf-8"))["notes"]
    fixed = tomllib.loads((DATA / "plans" / "cold-week-energy-2026-01.toml").read_text("utf-8"))["test"]
    assert all(any(note.endswith(f"{part}: {text}") for note in notes) for part, text in fixed.items())


def test_the_winter_leaves_days_that_have_a_code_and_files_of_people_alone(tmp_path):
    days = [coded_day("2025-12-01", "no"), coded_day("2026-01-31", "no"), coded_day("2026-02-08", "not_found")]
    events = [hit("2025-10-01", "Odesa", found_via="other")]
    for coder, n in (("1", 87), ("A. Person", 3)):
        files = coded_files([row | {"coder": coder} for row in days], events)
        table = made("coded", tmp_path, files).tables["energy_coded"].set_index("day")
        assert len(table) == n and table.loc["2026-01-31", "code"] == table.loc["2025-12-01", "code"] == "no"
        assert table.loc["2026-02-08", "code"] == ("silent" if coder == "1" else "not_found")


# What the registry of pauses says of a day, in its words, and what the tables hold; oblasts: named as hit, all of them
SAID = [
    ("cold-week-pause-2026-01", "energy was hit in several regions on the afternoon of 29 Jan", "2026-01-29", "", 2),
    ("cold-week-pause-2026-01", "bomb on a gas site in Donetsk oblast", "2026-01-30", "Donetsk", 1),
    ("cold-week-pause-2026-01", "outages in Kharkiv, Sumy, Dnipropetrovsk, Cherkasy on 2", "2026-02-02",
     "Kharkiv Sumy Dnipropetrovsk Cherkasy", 4),
    ("cold-week-pause-2026-01", "energy reported hit in Dnipropetrovsk and Cherkasy oblasts", "2026-02-02",
     "Dnipropetrovsk Cherkasy", 2),
    ("cold-week-pause-2026-01", "energy in six regions", "2026-02-03", "", 6),
    ("olympic-truce-2026", "mass strike on energy on the night of 6/7 Feb", "2026-02-07", "", 2),
]  # fmt: skip


@pytest.mark.parametrize(("pause", "words", "day", "oblasts", "least"), SAID)
def test_registry_and_coded_days_do_not_contradict_each_other(pause, words, day, oblasts, least):
    own = pa.load_pauses()[pause]
    assert words in " ".join([own.violations, *(count.note for count in own.published_counts)]).replace("\n", " ")
    table, events = pa.load_table("energy_coded").set_index("day"), pa.load_table("energy_coded_events")
    found = events[(events["day"] == day) & (events["found_via"] == "assigned")]
    assert table.loc[day, "code"] == "yes" and table.loc[day, ["rear_oblasts", "front_oblasts"]].sum() >= least
    assert set(oblasts.split()) <= set(found["oblast"])
    raids = pa.load_table("energy_raids").set_index("day")["code"]
    assert raids.get(pd.Timestamp(day), "facility") == "facility"


# Codes by people in place of the shipped ones


@pytest.fixture
def human(tmp_path):
    """The shipped tables as raw files of a user, who has checked one day by hand."""
    folder, raw = Path(shutil.copytree(DATA, tmp_path / "data")), tmp_path / "raw" / "energy_coding"
    raw.mkdir(parents=True)
    days = pd.read_csv(DATA / "energy_coded.csv", dtype=str, keep_default_na=False)
    days.loc[days["day"] == "2026-02-01", ["code", "coder"]] = ["no", "A. Person"]
    days.to_csv(raw / "days.csv", index=False)
    shutil.copy(DATA / "energy_coded_events.csv", raw / "events.csv")
    return folder, raw


def test_codes_by_people_replace_the_shipped_ones(human):
    folder, raw = human
    plan = kit.plan_build(raw.parent, folder=folder)
    changes = plan.changes().query("table == 'energy_coded' and not column.str.startswith('second_')")
    assert changes[["row", "column", "new"]].to_numpy().tolist() == [
        ["2026-02-01", "code", "no"], ["2026-02-01", "coder", "A. Person"],
    ]  # fmt: skip
    plan.write()
    assert pa.check_tables(folder=folder).empty
    told = "coded by 5 runs of a language model, not yet checked by people, the rest coded by people"
    assert coded_by(folder=folder) == told
    assert pa.describe_agreement(pa.load_table("energy_coded", folder=folder)).startswith("No day was coded twice")
    assert "A. Person" in (folder / "README.md").read_text("utf-8")
    assert not pa.energy_days("coded", folder=folder)["energy_coded_rear_oblasts", "rear"].loc["2026-02-01", "open"]
    second = "day,coder,code,evidence_urls,note\n2026-02-01,B. Person,silent,https://example.org/1,\n"
    (raw / "double_coding.csv").write_text(second)
    kit.plan_build(raw.parent, folder=folder).write()
    agreed = pa.describe_agreement(pa.load_table("energy_coded", folder=folder))
    assert agreed.startswith("Of 1 day coded twice, 0 were given the same code") and "language model" not in agreed
