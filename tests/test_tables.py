"""Committed tables: what loads, what is refused, and that a check lists everything at once."""

import hashlib
import json
import re

import pandas as pd
import pytest
from made_up import copied_tables, signed
from made_up_raw import DATA

from analysis.errors import DataError
from analysis.tables import (
    check_tables,
    data_package,
    dictionary,
    folder_contents,
    load_strikes,
    load_table,
    outcome_series,
    outcomes,
)


@pytest.fixture
def folder(tmp_path):
    return copied_tables(tmp_path / "data")


def spoil(folder, old, new, *, name="strikes", sign=False):
    """Replace text in a table; with `sign`, make its sidecar agree, so that only the content is wrong."""
    text = (folder / f"{name}.csv").read_text("utf-8")
    assert old in text
    content = text.replace(old, new, 1).encode()
    for file, spoilt in (signed(name, content) if sign else {f"{name}.csv": content}).items():
        (folder / file).write_bytes(spoilt)


def test_the_committed_tables_have_no_fault():
    assert check_tables(folder=DATA).empty


def test_every_strike_day_is_there_once_with_counts_as_numbers():
    strikes = load_strikes(folder=DATA)
    assert strikes.index.equals(pd.date_range(strikes.index[0], strikes.index[-1], name="day", unit="us"))
    counts = strikes.drop(columns=["reported", "drones_basis", "missiles_basis"])
    assert set(counts.dtypes.astype(str)) == {"float64"} and strikes["reported"].dtype == bool
    assert counts.loc["2025-04-07"].isna().all()


def test_a_series_begins_at_its_first_usable_day_and_leaves_out_the_last():
    strikes, drones = load_strikes(folder=DATA), outcome_series("drones_launched", folder=DATA)
    assert (drones.name, drones.dtype) == ("drones_launched", float)
    assert (drones.index[0], drones.index[-1]) == (pd.Timestamp("2024-09-01"), strikes.index[-2])
    pd.testing.assert_series_equal(drones, strikes.loc[drones.index, "drones_launched"])
    strict = outcomes()["drones_launched"].strict_first_day
    series = outcome_series("drones_launched", first_day=strict, drop_last=0, folder=DATA)
    assert (series.index[0], series.index[-1]) == (pd.Timestamp("2025-01-01"), strikes.index[-1])
    for arguments, words in (
        ({"name": "tanks"}, "expected one of drones_launched, .*'tanks'"),
        ({"name": "drones_launched", "first_day": "2031-01-01"}, "no day of drones_launched is left from 2031"),
    ):
        with pytest.raises(DataError, match=words):
            outcome_series(**arguments, folder=DATA)


def test_each_outcome_names_a_column_of_a_daily_table_and_days_in_it():
    family = [name for name, outcome in outcomes().items() if outcome.in_family]
    assert family == list(outcomes())[:2] == ["drones_launched", "missiles_launched"]
    for outcome in outcomes().values():
        definition = dictionary()["tables"][outcome.table]
        assert outcome.column in [field["name"] for field in definition["fields"]]
        assert definition["key"] == ["day"]
        assert outcome.strict_first_day is None or outcome.strict_first_day >= outcome.first_day


def test_a_table_is_parsed_once_and_no_caller_can_spoil_it_for_the_next(folder, monkeypatch):
    read, calls = pd.read_csv, []
    monkeypatch.setattr(pd, "read_csv", lambda *args, **options: calls.append(args) or read(*args, **options))
    spoil(folder, "2025-05-11,True,report,108,", "2025-05-11,True,report,111,", sign=True)
    first = load_table("strikes", folder=folder)
    first.loc[0, "drones_basis"], first["mine"] = "rumour", 1
    first["drones_launched"].array[1] = -5.0
    again, committed = load_table("strikes", folder=folder), load_table("strikes", folder=DATA)
    assert again.set_index("day").loc["2025-05-11", "drones_launched"] == 111
    again.loc[again["day"] == "2025-05-11", "drones_launched"] = 108
    pd.testing.assert_frame_equal(again, committed)
    assert len(calls) <= 4  # each content as text, to check it, and as numbers


def test_one_changed_digit_is_refused_with_both_checksums(folder):
    path = folder / "strikes.csv"
    expected = hashlib.sha256(path.read_bytes()).hexdigest()
    spoil(folder, "2025-05-11,True,report,108,", "2025-05-11,True,report,109,")
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    with pytest.raises(DataError, match=rf"strikes\.csv.* {expected}; found {found}.*pauses data build"):
        load_table("strikes", folder=folder)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("missiles_launched,", "rockets_launched,", "columns.*rockets_launched"),
        ("2025-05-10,", "2025-05-09,", "day.*repeated"),
        ("2025-05-10,", "2031-05-10,", "not sorted"),
        ("2025-05-10,", "10.05.2025,", r"day, 1 row.*YYYY-MM-DD; found 10\.05\.2025"),
        ("report,108,", "report,-108,", "drones_launched, 1 row.*0 or more"),
        ("2022-09-28,", "2022-09-27,", "left out"),
        (
            "2025-05-11,True,report,108",
            "2025-05-11,True,report,many",
            "drones_launched, 1 row.*found many",
        ),
    ],
)
def test_a_table_of_another_shape_is_refused_even_with_a_matching_checksum(folder, old, new, words):
    spoil(folder, old, new, sign=True)
    with pytest.raises(DataError, match=rf"strikes\.csv.*{words}"):
        load_table("strikes", folder=folder)


@pytest.mark.parametrize(
    ("whole", "words"),
    [
        (lambda text: text.split("\n")[0] + "\n", "no rows"),
        (lambda text: text.replace("\n", ",\n").replace(",\n", "\n", 1), "more cells than there are columns"),
        (lambda text: text.replace(",", ";"), "no such column"),
        (lambda text: "", "not a readable table"),
    ],
)
def test_a_table_that_holds_nothing_to_count_is_listed_and_refused_even_with_a_matching_checksum(folder, whole, words):
    text = (folder / "strikes.csv").read_text("utf-8")
    spoil(folder, text, whole(text), sign=True)
    assert words in " ".join(check_tables(folder=folder).query("file == 'strikes.csv'").iloc[0])
    with pytest.raises(DataError, match=rf"strikes\.csv.*{words}"):
        load_strikes(folder=folder)


DEEP = '{"a":' * 3000 + "1" + "}" * 3000


@pytest.mark.parametrize(
    ("file", "content", "words"),
    [
        ("strikes.json", DEEP, "JSON"),
        ("strikes.json", "[]", "not usable JSON.*a table of"),
        ("strikes.json", '{"output": 5}', "not a sidecar"),
        ("strikes.json", '{"output": {"sha256": "x"}, "sources": ["x"]}', "not a sidecar"),
        ("datapackage.json", DEEP, "not a data package"),
        ("datapackage.json", '{"resources": [5]}', "not a data package"),
        (
            "datapackage.json",
            '{"resources": [{"path": "x", "schema": {"fields": [5]}}]}',
            "not a data package",
        ),
    ],
)
def test_a_sidecar_or_package_of_another_shape_is_one_fault(folder, file, content, words):
    (folder / file).write_text(content)
    faults = check_tables(folder=folder)
    assert re.search(words, faults[faults["file"] == file].iloc[0]["problem"] + str(faults["expected"].iloc[0]))
    if file == "strikes.json":
        for ask in (lambda: load_strikes(folder=folder), lambda: data_package(folder_contents(folder))):
            with pytest.raises(DataError, match=rf"strikes\.json: .*{words}"):
                ask()


def test_missing_files_and_unknown_tables_are_named(folder):
    with pytest.raises(DataError, match=r"one of strikes, .*'tanks'"):
        load_table("tanks", folder=folder)
    (folder / "strikes.json").write_text("{}")
    with pytest.raises(DataError, match=r"strikes\.json: not a sidecar"):
        load_table("strikes", folder=folder)
    (folder / "strikes.csv").unlink()
    with pytest.raises(DataError, match=r"strikes\.csv: file cannot be read"):
        load_table("strikes", folder=folder)


def test_a_check_lists_all_faults_of_all_files_at_once(folder):
    spoil(folder, "2025-05-11,True,report,108,101", "2025-05-11,True,report,-108,1.5", sign=True)
    spoil(folder, "2025-05-12,True,report", "12 May,maybe,hearsay", sign=True)
    spoil(folder, "2025-05-13,True,report", ",True,", sign=True)
    spoil(folder, "2025-06-01,", "2025-06-01,7", name="strike_variants")
    (folder / "weapon_classes.csv").unlink()
    faults = check_tables(folder=folder)
    at = {(fault.file, fault.field): fault for fault in faults.itertuples()}
    assert at["strikes.csv", "drones_launched"].expected == "0 or more"
    assert at["strikes.csv", "drones_launched"].found == "-108"
    assert at["strikes.csv", "drones_launched"].rows.isdigit()
    assert at["strikes.csv", "drones_neutralised"].expected == "a whole number"
    days = [(fault.expected, fault.found) for fault in faults.itertuples() if fault.field == "day"]
    assert days == [("a value in every row", "nothing"), ("a date as YYYY-MM-DD", "12 May")]
    assert at["strikes.csv", "reported"].expected == "True or False"
    assert at["strikes.csv", "drones_basis"].found == "hearsay"
    assert ("strike_variants.csv", "sha256") in at
    assert "missing" in at["weapon_classes.csv", ""].problem
    assert ("datapackage.json", "strikes: hash") in at
    assert (faults["remedy"] != "").all()


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("report,108,101", "report,108,109", "~(drones_neutralised > drones_launched)"),
        ("True,report,108", "False,report,108", "reported | ~("),
        ("True,report", "True,missing", "drones_basis == 'missing'"),
        ("report,108", "report,10001", "10000 or less"),
        ("report,108", "report,many", "a whole number"),
        (",report,0,0,0,", ",report,0,0,1,", "ballistic_launched"),
    ],
)
def test_figures_that_contradict_each_other_or_the_dictionary_are_found(folder, old, new, expected):
    day = next(line for line in (folder / "strikes.csv").read_text().splitlines() if line.startswith("2025-05-11"))
    spoil(folder, day, day.replace(old, new, 1), sign=True)
    faults = check_tables(folder=folder).query("file == 'strikes.csv'")
    fault = faults[faults["expected"].str.contains(expected, regex=False)].iloc[0]
    assert (folder / "strikes.csv").read_text().splitlines()[int(fault["rows"]) - 1].startswith("2025-05-11")


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("drones_basis,", "basis,", {("no such column", "basis"), ("this column", "drones_basis")}),
        ("reported,drones_basis", "drones_basis,reported", {("the order of the dictionary", "reported, drones_basis")}),
    ],
)
def test_other_columns_than_those_of_the_dictionary_are_named(folder, old, new, told):
    spoil(folder, old, new, sign=True)
    faults = check_tables(folder=folder).query("field == '(columns)'")
    assert set(zip(faults["expected"], faults["found"], strict=True)) == told


@pytest.mark.parametrize(
    ("spoilt", "words"),
    [
        (lambda package: package["resources"].pop(0), "strikes: hash.*None"),
        (lambda package: package["resources"][0]["schema"]["fields"].pop(), "strikes: fields"),
        (lambda package: package.pop("resources"), "not a data package"),
    ],
)
def test_a_data_package_that_lies_is_found(folder, spoilt, words):
    path = folder / "datapackage.json"
    package = json.loads(path.read_text("utf-8"))
    spoilt(package)
    path.write_text(json.dumps(package), "utf-8")
    faults = check_tables(folder=folder)
    assert (faults["file"] == "datapackage.json").all()
    assert re.search(words, " ".join(faults.agg(" ".join, axis=1)))
