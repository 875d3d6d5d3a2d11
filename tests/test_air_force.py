"""The recipe of Air Force reports: made-up files with answers worked out by hand, and the committed table."""

import os
from pathlib import Path

import pandas as pd
import pytest
from made_up_raw import DATA, NIGHT, csv_file, made

from analysis.errors import DataError

DAYTIME = {"time_start": "2025-06-02 08:00", "time_end": "2025-06-02 16:00"}
KILL = {"source": "PvKPivden/1", "target": "south"}
STATUS = [*NIGHT, "status_data"]


def report(**cells):
    """One raw row: the night of 2 June 2025 unless told otherwise."""
    return NIGHT | cells


def flown(launched, **cells):
    """A raw row of which nothing was shot down."""
    return report(launched=str(launched), destroyed="0", not_reach_goal="", **cells)


def on(day, **cells):
    return report(time_start=day, time_end=day, source=f"kpszsu/{day}", **cells)


def imported(tmp_path, *rows, columns=None, prefix=b""):
    return made("air_force", tmp_path, {"missile_attacks_daily.csv": prefix + csv_file(rows, columns)})


def rows_of(result, rule):
    return tuple(next(record.rows for record in result.rules if record.name == rule))


KINDS = {
    "Kalibr": "cruise", "Iskander-M": "ballistic", "Iskander-M and Iskander-K": "mixed_cruise_ballistic",
    "C-400 and Iskander-M": "mixed_ballistic_sam", "C-300": "sam_land_attack",
}  # fmt: skip
TYPO = {"launched": "16", "destroyed": "15", "not_reach_goal": "11"}
COUNTED = {  # rows, the figures of the first day, and the rows that a rule touched
    "night and day reports add up on the day their window ends": (
        [report(), flown(7, **DAYTIME)],
        {"drones_launched": 107, "drones_neutralised": 60 + 30, "missiles_launched": 0}, {"date_by_end": (2,)},
    ),
    "each class has its column and missiles are their sum": (
        [flown(2**n, model=label) for n, label in enumerate(KINDS)],
        {f"{kind}_launched": 2**n for n, kind in enumerate(KINDS.values())} | {"missiles_launched": 31}, {},
    ),
    "only national reports of long-range weapons": (
        [report(), report(model="Unknown UAV"), report(**KILL), report(source="t.me/war_monitor/1", model="Kalibr")],
        {"drones_launched": 100, "missiles_launched": 0},
        {"keep_long_range_weapons": (3,), "keep_national_reports": (4, 5)},
    ),
    "known by any address": (
        [report(source=post) for post in ("https://t.me/kpszsu/60825", "GeneralStaff.ua/posts/x", "CinCAFU/x")],
        {"drones_launched": 300}, {},
    ),
    "filed under a regional command: only with clock times": (
        [report(), flown(49, source=KILL["source"]),
         flown(9, source="PvKPivden/2", time_start="2025-06-02", time_end="2025-06-02")],
        {"drones_launched": 149}, {"restore_misfiled_reports": (3,)},
    ),
    "a number not stated leaves the sums that need it empty": (
        [report(), flown("", model="C-300"), flown(4, model="X-59")],
        {"missiles_launched": None, "sam_land_attack_launched": None, "cruise_launched": 4, "drones_launched": 100}, {},
    ),
    "nothing told of what was shot down": (
        [report(), report(model="X-59", launched="4", destroyed="", not_reach_goal="")],
        {"missiles_launched": 4, "missiles_neutralised": None}, {"leave_incomplete_sums_empty": (3,)},
    ),
    "the one known typo": (
        [report(time_start="2024-12-27 23:00", time_end="2024-12-28 08:30", **TYPO)],
        {"drones_neutralised": 16}, {"correct_typo_of_2024_12_28": (2,)},
    ),
}  # fmt: skip


@pytest.mark.parametrize(("rows", "figures", "touched"), COUNTED.values(), ids=COUNTED)
def test_what_counts(tmp_path, rows, figures, touched):
    result = imported(tmp_path, *rows)
    (day,) = result.tables["strikes"].astype(object).to_dict("records")
    assert {name: None if pd.isna(day[name]) else day[name] for name in figures} == figures
    assert {rule: rows_of(result, rule) for rule in touched} == touched


# Days without a report: each table runs from a first to a last report, with the rows named between them.
SILENCE = {  # of each day drones, their basis, and missiles
    "assumed zero, doubtful after regional kills": (
        ("2024-05-09", "2024-05-12"), [on("2024-05-11") | KILL],
        "100 report 0, 0 assumed zero 0, 0 doubtful zero 0, 100 report 0",
    ),
    "since nightly reports zero only with evidence": (
        ("2025-05-09", "2025-05-13"), [],
        "100 report 0, 0 judged zero 0, nan missing nan, nan missing nan, 100 report 0",
    ),
    "missiles are known though drones are not": (
        ("2025-05-11", "2025-05-13"), [flown(5, model="Kalibr", time_end="2025-05-12", time_start="2025-05-12")],
        "100 report 0, nan missing 5, 100 report 0",
    ),
    "missing reports are empty even before nightly reports": (
        ("2024-03-10", "2024-03-15"), [on("2024-03-12") | KILL],
        "100 report 0, nan missing nan, nan missing nan, 0 assumed zero 0, nan missing nan, 100 report 0",
    ),
    "the published report fills its day": (
        ("2024-12-29", "2024-12-31"), [], "100 report 0, 43 published nan, 100 report 0",
    ),
    "unless the file has it": (
        ("2024-12-29", "2024-12-31"), [flown(44, time_start="2024-12-30", time_end="2024-12-30")],
        "100 report 0, 44 report 0, 100 report 0",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("ends", "rows", "expected"), SILENCE.values(), ids=SILENCE)
def test_silent_days_get_their_verdict(tmp_path, ends, rows, expected):
    result = imported(tmp_path, *map(on, ends), *rows)
    table = result.tables["strikes"].set_index("day")
    columns = table[["drones_launched", "drones_basis", "missiles_launched"]]
    assert ", ".join(f"{drones:g} {basis} {missiles:g}" for drones, basis, missiles in columns.to_numpy()) == expected
    unknown = columns.isna().sum(axis=1) == 2
    assert table["reported"].equals(~unknown)
    assert table[unknown].select_dtypes(float).isna().all(axis=None)
    told = any("no verdict" in note and "2025-05-12" in note for note in result.notes)
    assert told == ("2025-05-12" in table.index[table["drones_basis"] == "missing"])


def test_variants(tmp_path):
    evening = flown(2, model="X-59", time_start="2025-06-02 21:00", time_end="2025-06-02 22:00")
    regional = flown(5, model="Iskander-M", **KILL)
    strategic = flown(8, model="Iskander-M and Iskander-K")
    last = flown(10, time_start="2025-06-02 23:00", time_end="2025-06-03 08:00")
    result = imported(tmp_path, report(), evening, flown(30, **DAYTIME), regional, strategic, last)
    assert "not national, left out: PvKPivden (1 rows)" in result.notes
    variants = result.tables["strike_variants"].drop(columns=["day", "drones_2025_04_07_is_84"])
    assert variants.to_dict("list") == {
        "drones_evening_rolled": [130, 10], "missiles_evening_rolled": [8, 2], "drones_night_reports": [100, 10],
        "missiles_night_reports": [10, 0], "missiles_all_sources": [15, 0], "missiles_strategic": [8, 0],
    }  # fmt: skip
    only = imported(tmp_path, on("2025-04-06"), on("2025-04-08")).tables["strike_variants"].set_index("day")
    assert only.loc["2025-04-07"].dropna().to_dict() == {"drones_2025_04_07_is_84": 84}


def test_an_old_copy_is_taken_and_what_it_lacks_is_said(tmp_path):
    day = {"time_start": "2023-05-16", "time_end": "2023-05-16", "destroyed": "0", "cross_border_belarus": "1.0"}
    clock = {"time_start": "2023-05-16 3:30", "time_end": "2023-05-16 07:00 ", "model": " Shahed-136/131"}
    rows = [
        report(**day | clock, launched="6", launch_place="Kursk\noblast"),
        report(**day, model="KAB", launched="1"),
        report(**day, model="C-300 and C-400", launched="8.0"),
        report(**day | {"time_start": "2023-05-15 19:00"}, model="X-22/X-32", launched="NaN"),
    ]
    columns = [name for name in NIGHT if name != "not_reach_goal"] + ["cross_border_belarus"]
    result = imported(tmp_path, *rows, columns=columns, prefix=b"\xef\xbb\xbf")
    counts = ["drones_launched", "drones_neutralised", "sam_land_attack_launched", "cruise_launched"]
    assert result.tables["strikes"].iloc[0][counts].astype(object).fillna("?").tolist() == [6, 0, 8, "?"]
    assert rows_of(result, "strip_blanks") == (2,) and rows_of(result, "keep_long_range_weapons") == (4,)
    assert "not_reach_goal is absent" in str(result.notes) and "not used: cross_border_belarus" in str(result.notes)
    turned = imported(tmp_path, *rows[::-1], columns=columns)
    pd.testing.assert_frame_equal(result.tables["strikes"], turned.tables["strikes"])


# Withheld figures, rows that cannot be right, new columns


def test_withheld_is_not_zero_and_what_is_published_stays(tmp_path):
    rows = [
        report(status_data="open"), flown(5, model="Kalibr", status_data=""),
        flown(0, model="Iskander-M", status_data="hidden"), on("2025-06-03", status_data="open"),
    ]  # fmt: skip
    result = imported(tmp_path, *rows, columns=STATUS)
    table = result.tables["strikes"].set_index("day")
    columns = ["drones_launched", "cruise_launched", "missiles_launched", "missiles_neutralised", "ballistic_launched"]
    assert table.loc["2025-06-02", columns].fillna(-1).tolist() == [100, 5, -1, -1, -1]
    assert table["missiles_basis"].tolist() == ["withheld", "report"]
    assert rows_of(result, "withhold_hidden_figures") == (4,)
    only = imported(tmp_path, flown(0, status_data="hidden"), on("2025-06-03", status_data=""), columns=STATUS)
    assert only.tables["strikes"]["drones_launched"].isna().tolist() == [True, False]
    assert only.tables["strikes"]["drones_basis"].tolist() == ["withheld", "report"]


@pytest.mark.parametrize(
    ("column", "cells", "words"),
    [
        ("status_data", ("open", "partly"), r"status_data, 1 row \(3\): unknown status of figures.*'partly'"),
        ("verified", ("no", "yes"), r"field verified: new column.*'no', 'yes'"),
    ],
)
def test_a_status_or_a_column_that_nobody_knows_is_refused_once_it_tells_rows_apart(tmp_path, column, cells, words):
    rows = [report(**{column: cells[0]}), flown(3, model="Kalibr", **{column: cells[1]})]
    with pytest.raises(DataError, match=words):
        imported(tmp_path, *rows, columns=[*NIGHT, column])
    notes = " ".join(imported(tmp_path, rows[0], columns=[*NIGHT, column]).notes)
    assert ("columns not used: verified" in notes) == (column == "verified")


def many(*wrong):
    """A hundred nights and a few more rows, of which some cannot be right."""
    days = pd.date_range("2025-06-10", periods=200 - len(wrong))
    return [*(on(f"{day:%Y-%m-%d}") for day in days), *wrong]


IMPOSSIBLE = {"launched": "2", "destroyed": "4", "not_reach_goal": ""}


@pytest.mark.parametrize(
    ("wrong", "unknown"),
    [
        (report(model="3M22 Zircon", **IMPOSSIBLE), "missiles"),
        (report(**IMPOSSIBLE), "drones"),
        (report(source="", model="Kalibr"), "missiles"),
        (report(time_start="2025-06-02 09:00"), "drones"),
    ],
)
def test_one_row_that_cannot_be_right_costs_its_day_and_class_alone(tmp_path, wrong, unknown):
    other, label = ("missiles", "Kalibr") if unknown == "drones" else ("drones", "Shahed-136/131")
    result = imported(tmp_path, *many(wrong, flown(9, model=label)))
    day = result.tables["strikes"].set_index("day").loc["2025-06-02"]
    assert pd.isna(day[f"{unknown}_launched"]) and day[f"{other}_launched"] == 9
    assert rows_of(result, "set_aside_impossible_rows") == (200,)


@pytest.mark.parametrize("cells", [{"launched": "-180"}, {"destroyed": "18000"}, IMPOSSIBLE | {"launched": "2.5"}])
def test_a_cell_that_is_no_count_is_never_set_aside(tmp_path, cells):
    with pytest.raises(DataError, match=r"1 row \(201\): not a count; expected a whole number from 0 to 10000"):
        imported(tmp_path, *many(report(**cells)))


def test_more_than_one_row_in_a_hundred_refuses_the_file(tmp_path):
    wrong = [report(model=model, **IMPOSSIBLE) for model in ("Kalibr", "X-35", "C-300")]
    assert imported(tmp_path, *many(*wrong[:2]))
    with pytest.raises(DataError, match="more destroyed than launched"):
        imported(tmp_path, *many(*wrong))


# The committed table (its nights are compared with those that newsrooms published where the registry is tested)


@pytest.fixture(scope="module")
def committed():
    return pd.read_csv(DATA / "strikes.csv", index_col="day", parse_dates=["day"])


def test_committed_zero_days_and_missing_days_are_the_judged_ones(committed):
    since = committed.loc["2024-09-01":]
    assert since.index[since["drones_launched"] == 0].strftime("%Y-%m-%d").tolist() == [
        *("2024-10-14", "2024-11-21", "2024-11-23", "2024-12-10", "2024-12-11", "2024-12-12", "2025-04-01"),
        *("2025-04-20", "2025-05-08", "2025-05-09", "2025-05-10", "2026-04-12", "2026-05-11"),
    ]
    missing = committed.index[committed["drones_launched"].isna()].strftime("%Y-%m-%d").tolist()
    assert missing == ["2024-03-11", "2024-03-12", "2024-03-14", "2025-04-07"]
    assert committed.index[~committed["reported"]].strftime("%Y-%m-%d").tolist() == missing
    assert committed.loc["2024-12-30", ["drones_launched", "drones_neutralised"]].tolist() == [43, 21]
    assert committed.loc["2025-10-01", ["drones_launched", "missiles_launched"]].tolist() == [49, 5]


@pytest.mark.skipif("PAUSES_RAW" not in os.environ, reason="PAUSES_RAW names no folder of raw files")
def test_another_route_from_the_raw_file_gives_the_same_launched_counts(committed):
    raw = pd.read_csv(Path(os.environ["PAUSES_RAW"]) / "missile_attacks_daily.csv")
    classes = pd.read_csv(DATA / "weapon_classes.csv", index_col="model")
    misfiled = raw["time_end"].str.startswith("2025-10-01") & (raw["target"] == "Ukraine")
    national = raw["source"].str.contains("kpszsu|GeneralStaff.ua|CinCAFU") | misfiled
    rows = raw[national & (raw["model"].map(classes["is_long_range_strike"]) == 1)]
    day, drone = pd.to_datetime(rows["time_end"].str[:10]), rows["model"].str.startswith("Shahed")
    for column, chosen in (("drones_launched", drone), ("missiles_launched", ~drone)):
        other = rows["launched"][chosen].groupby(day[chosen]).sum().reindex(committed.index, fill_value=0)
        ours = committed[column].drop(pd.Timestamp("2024-12-30")).dropna()
        assert len(ours) > 1340
        assert (ours == other[ours.index]).all()
