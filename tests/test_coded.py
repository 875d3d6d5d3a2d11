"""The recipe of coded reports: made-up tables with answers worked out by hand, and codes by people."""

import shutil
from pathlib import Path

import pandas as pd
import pytest
from made_up_raw import CODED_DAYS, DATA, HITS, coded_day, coded_files, hit, put

import analysis as pa
from analysis.errors import DataError
from analysis.measures import coded_by
from recipes import coded, kit


def build(folder, days=CODED_DAYS, events=HITS, again=()):
    return coded.build(*put(folder, coded_files(days, events, again)), folder=DATA)


def test_only_assigned_finds_enter_the_main_series(tmp_path):
    imported = build(tmp_path)
    table = imported.tables["energy_coded"].set_index("day")
    counts = table[["rear_oblasts", "front_oblasts", "kyiv_city", "rear_oblasts_any_find"]].astype(object)
    assert counts.where(counts.notna(), None).to_numpy().tolist() == [
        [2, 1, 1, 3], [0, 0, 0, 0], [0, 0, 0, 0], [None, None, None, 1],
    ]  # fmt: skip
    assert {rule.name: rule.rows_touched for rule in imported.rules} == {
        "count_assigned_finds_only": 2, "leave_out_unspecified_places": 1, "leave_days_not_found_open": 1,
    }  # fmt: skip
    events = imported.tables["energy_coded_events"]
    assert len(events) == len(HITS)
    assert events.loc[events["oblast"] == "unspecified", "rear_or_front"].tolist() == ["unspecified"]


def test_provenance_tells_a_model_from_people(tmp_path):
    producer = build(tmp_path).source.producer
    assert "language model" in producer and "not yet checked by people" in producer
    people = ([row | {"coder": "O. Kovalenko"} for row in rows] for rows in (CODED_DAYS, HITS))
    assert build(tmp_path, *people).source.producer == "coded by people: O. Kovalenko"


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
    winter = pa.load_table("energy_coded").set_index("day").loc["2026-01-08":"2026-02-22"]
    assert winter["code"].value_counts().to_dict() == {"yes": 39, "not_found": 5, "no": 1, "silent": 1}
    assert winter.loc["2026-01-30", "rear_oblasts"] == 0 and pd.isna(winter.loc["2026-01-31", "rear_oblasts"])


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
    told = "coded by 4 runs of a language model, not checked by people, the rest coded by people"
    assert coded_by(folder=folder) == told
    assert pa.describe_agreement(pa.load_table("energy_coded", folder=folder)).startswith("No day was coded twice")
    assert "A. Person" in (folder / "README.md").read_text("utf-8")
    assert not pa.energy_days("coded", folder=folder)["energy_coded_rear_oblasts", "rear"].loc["2026-02-01", "open"]
    second = "day,coder,code,evidence_urls,note\n2026-02-01,B. Person,silent,https://example.org/1,\n"
    (raw / "double_coding.csv").write_text(second)
    kit.plan_build(raw.parent, folder=folder).write()
    agreed = pa.describe_agreement(pa.load_table("energy_coded", folder=folder))
    assert agreed.startswith("Of 1 day coded twice, 0 were given the same code") and "language model" not in agreed
