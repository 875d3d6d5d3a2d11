"""The importer of Air Force reports: made-up files with answers worked out by hand, and the committed table."""

import csv
import io
import os
from pathlib import Path

import pandas as pd
import pytest

from analysis.errors import DataError
from analysis.sources.airforce import import_air_force

DATA = Path(__file__).parents[1] / "data"
NIGHT = {
    "time_start": "2025-06-01 18:00",
    "time_end": "2025-06-02 08:30",
    "model": "Shahed-136/131",
    "launch_place": "Kursk oblast",
    "target": "Ukraine",
    "launched": "100.0",
    "destroyed": "60",
    "not_reach_goal": "30",
    "source": "kpszsu/posts/1",
}
COLUMNS = list(NIGHT)


def report(**cells):
    """One raw row: the night of 2 June 2025 unless told otherwise."""
    return NIGHT | cells


def flown(launched, **cells):
    """A raw row of which nothing was shot down."""
    return report(launched=str(launched), destroyed="0", not_reach_goal="", **cells)


def imported(tmp_path, *rows, columns=None, **options):
    """What the importer makes of a file with these rows."""
    columns = columns or COLUMNS + sorted({name for row in rows for name in row} - set(COLUMNS))
    buffer = io.StringIO(newline="")
    writer = csv.DictWriter(buffer, columns, extrasaction="ignore")
    writer.writeheader()
    writer.writerows(rows)
    path = tmp_path / "missile_attacks_daily.csv"
    path.write_bytes(options.pop("prefix", b"") + buffer.getvalue().encode())
    return import_air_force(path, folder=DATA, **options)


def strikes(tmp_path, *rows, **options):
    return imported(tmp_path, *rows, **options).tables["strikes"].set_index("day")


def variants(tmp_path, *rows):
    return imported(tmp_path, *rows).tables["strike_variants"].set_index("day")


def rows_of(result, rule):
    return next(record.rows for record in result.rules if record.name == rule)


def test_night_and_day_reports_of_one_date_add_up_on_the_day_their_window_ends(tmp_path):
    day = flown(7, time_start="2025-06-02 08:00", time_end="2025-06-02 18:00")
    table = strikes(tmp_path, report(), day)
    assert table.index.tolist() == [pd.Timestamp("2025-06-02")]
    assert table.loc["2025-06-02", "drones_launched"] == 107
    assert table.loc["2025-06-02", "drones_neutralised"] == 60 + 30
    assert table.loc["2025-06-02", "missiles_launched"] == 0


def test_each_class_has_its_column_and_missiles_are_their_sum(tmp_path):
    labels = {
        "Kalibr": "cruise",
        "Iskander-M": "ballistic",
        "Iskander-M and Iskander-K": "mixed_cruise_ballistic",
        "C-400 and Iskander-M": "mixed_ballistic_sam",
        "C-300": "sam_land_attack",
    }
    rows = [report(model=label, launched=str(2**n), destroyed="0", not_reach_goal="") for n, label in enumerate(labels)]
    row = strikes(tmp_path, *rows).iloc[0]
    assert [row[f"{name}_launched"] for name in labels.values()] == [1, 2, 4, 8, 16]
    assert row["missiles_launched"] == 31


def test_front_line_weapons_regional_commands_and_third_parties_do_not_count(tmp_path):
    rows = [
        report(model="Unknown UAV"),
        report(source="PvKPivden/9", target="south"),
        report(source="https://t.me/war_monitor/1", model="Kalibr"),
    ]
    result = imported(tmp_path, report(), *rows)
    assert result.tables["strikes"]["drones_launched"].tolist() == [100]
    assert result.tables["strikes"]["missiles_launched"].tolist() == [0]
    assert rows_of(result, "keep_long_range_weapons") == (3,)
    assert rows_of(result, "keep_national_reports") == (4, 5)
    assert "war_monitor (1 rows)" in " ".join(result.notes)


@pytest.mark.parametrize("source", ["https://t.me/kpszsu/60825", "GeneralStaff.ua/posts/x", "CinCAFU/posts/x"])
def test_national_posts_are_known_by_any_address(tmp_path, source):
    assert strikes(tmp_path, report(source=source))["drones_launched"].tolist() == [100]


def test_a_national_report_filed_under_a_regional_command_counts_only_with_clock_times(tmp_path):
    misfiled = flown(49, source="PvKPivden/1")
    bare = flown(9, source="PvKPivden/2", time_start="2025-06-02", time_end="2025-06-02")
    result = imported(tmp_path, report(), misfiled, bare)
    assert result.tables["strikes"]["drones_launched"].tolist() == [149]
    assert rows_of(result, "restore_misfiled_reports") == (3,)


def test_a_row_without_its_number_leaves_the_sums_that_need_it_empty(tmp_path):
    rows = [
        report(),
        flown("", model="C-300"),
        flown(4, model="X-59"),
    ]
    row = strikes(tmp_path, *rows).iloc[0]
    assert pd.isna(row["missiles_launched"])
    assert pd.isna(row["sam_land_attack_launched"])
    assert row["cruise_launched"] == 4
    assert row["drones_launched"] == 100


def test_neutralised_is_empty_where_destroyed_is_not_stated(tmp_path):
    row = strikes(tmp_path, report(), report(model="X-59", launched="4", destroyed="", not_reach_goal="")).iloc[0]
    assert row["missiles_launched"] == 4
    assert pd.isna(row["missiles_neutralised"])


def test_the_one_known_typo_is_corrected_and_no_other(tmp_path):
    typo = {"launched": "16", "destroyed": "15", "not_reach_goal": "11"}
    night = {"time_start": "2024-12-27 23:00", "time_end": "2024-12-28 08:30"}
    assert strikes(tmp_path, report(**night, **typo))["drones_neutralised"].tolist() == [16]
    with pytest.raises(DataError, match=r"more destroyed or lost than launched.*15 \+ 11 of 16"):
        imported(tmp_path, report(**typo))


def silent_days(tmp_path, first, last, *rows):
    """A table from `first` to `last`, with a report on these two days only."""
    ends = [report(time_start=day, time_end=day, source=f"kpszsu/{day}") for day in (first, last)]
    return strikes(tmp_path, *ends, *rows)


def test_silence_before_nightly_reports_is_an_assumed_zero_and_doubtful_after_regional_kills(tmp_path):
    kill = report(time_start="2024-05-11", time_end="2024-05-11", source="PvKPivden/1", target="south")
    table = silent_days(tmp_path, "2024-05-09", "2024-05-12", kill)
    assert table["drones_launched"].tolist() == [100, 0, 0, 100]
    assert table["drones_basis"].tolist() == ["report", "assumed zero", "doubtful zero", "report"]
    assert table["reported"].all()


def test_silence_since_nightly_reports_is_zero_only_with_evidence(tmp_path):
    table = silent_days(tmp_path, "2025-05-07", "2025-05-13")
    assert table.loc["2025-05-08":"2025-05-10", "drones_launched"].tolist() == [0, 0, 0]
    assert table.loc["2025-05-08":"2025-05-10", "missiles_launched"].tolist() == [0, 0, 0]
    unresolved = table.loc["2025-05-11":"2025-05-12"]
    assert unresolved.drop(columns=["reported", "drones_basis"]).isna().all(axis=None)
    assert not unresolved["reported"].any()


def test_a_new_silent_day_is_named_in_the_notes(tmp_path):
    ends = [report(time_start=day, time_end=day) for day in ("2026-07-01", "2026-07-03")]
    notes = imported(tmp_path, *ends).notes
    assert any("no verdict" in note and "2026-07-02" in note for note in notes)


def test_missiles_without_a_drone_report_are_known_though_drones_are_not(tmp_path):
    missiles = report(
        time_start="2025-05-12", time_end="2025-05-12", model="Kalibr", launched="5", destroyed="1", not_reach_goal=""
    )
    row = silent_days(tmp_path, "2025-05-11", "2025-05-13", missiles).loc["2025-05-12"]
    assert pd.isna(row["drones_launched"])
    assert (row["reported"], row["missiles_launched"], row["drones_basis"]) == (True, 5, "missing")


def test_missing_reports_are_empty_even_before_nightly_reports(tmp_path):
    kill = report(time_start="2024-03-12", time_end="2024-03-12 08:00", source="PvKPivden/1", target="south")
    table = silent_days(tmp_path, "2024-03-10", "2024-03-15", kill)
    assert table["drones_launched"].isna().tolist() == [False, True, True, False, True, False]
    assert table["reported"].tolist() == [True, False, False, True, False, True]


def test_the_published_report_fills_its_day_unless_the_file_has_it(tmp_path):
    row = silent_days(tmp_path, "2024-12-29", "2024-12-31").loc["2024-12-30"]
    assert (row["drones_launched"], row["drones_neutralised"], row["drones_basis"]) == (43, 21, "published")
    assert pd.isna(row["missiles_launched"])
    own = report(
        time_start="2024-12-29 19:00", time_end="2024-12-30 08:00", launched="44", destroyed="22", not_reach_goal="1"
    )
    row = silent_days(tmp_path, "2024-12-29", "2024-12-31", own).loc["2024-12-30"]
    assert (row["drones_launched"], row["drones_neutralised"], row["missiles_launched"]) == (44, 23, 0)


def test_variants(tmp_path):
    evening = flown(2, model="X-59", time_start="2025-06-02 21:00", time_end="2025-06-02 22:00")
    daytime = flown(30, time_start="2025-06-02 08:00", time_end="2025-06-02 16:00")
    regional = flown(5, model="Iskander-M", source="PvKPivden/1", target="south")
    strategic = flown(8, model="Iskander-M and Iskander-K")
    last = flown(10, time_start="2025-06-02 23:00", time_end="2025-06-03 08:00")
    table = variants(tmp_path, report(), evening, daytime, regional, strategic, last)
    assert table["drones_evening_rolled"].tolist() == [130, 10]
    assert table["missiles_evening_rolled"].tolist() == [8, 2]
    assert table["drones_night_reports"].tolist() == [100, 10]
    assert table["missiles_night_reports"].tolist() == [10, 0]
    assert table["missiles_all_sources"].tolist() == [15, 0]
    assert table["missiles_strategic"].tolist() == [8, 0]


def test_only_one_variant_fills_the_unresolved_night(tmp_path):
    ends = [report(time_start=day, time_end=day) for day in ("2025-04-06", "2025-04-08")]
    row = variants(tmp_path, *ends).loc["2025-04-07"]
    assert row["drones_2025_04_07_is_84"] == 84
    assert row.drop("drones_2025_04_07_is_84").isna().all()


def test_an_old_copy_is_taken_and_what_it_lacks_is_said(tmp_path):
    rows = [
        report(time_start="2023-05-16 3:30", time_end="2023-05-16 07:00 ", model=" Shahed-136/131", launched="6"),
        report(time_start="2023-05-16", time_end="2023-05-16", model="KAB", launched="1", destroyed="1"),
        report(time_start="2023-05-16", time_end="2023-05-16", model="C-300 and C-400", launched="8.0", destroyed="0"),
        report(time_start="2023-05-15 19:00", time_end="2023-05-16", model="X-22/X-32", launched="5", destroyed="0"),
    ]
    rows = [row | {"destroyed": "0", "cross_border_belarus": "1.0", "back_russia": ""} for row in rows]
    columns = [name for name in COLUMNS if name != "not_reach_goal"] + ["cross_border_belarus", "back_russia"]
    result = imported(tmp_path, *rows, columns=columns, prefix=b"\xef\xbb\xbf")
    row = result.tables["strikes"].iloc[0]
    assert (row["drones_launched"], row["drones_neutralised"]) == (6, 0)
    assert (row["sam_land_attack_launched"], row["cruise_launched"], row["missiles_launched"]) == (8, 5, 13)
    assert rows_of(result, "strip_blanks") == (2,)
    assert any("not_reach_goal is absent" in note for note in result.notes)
    assert any("cross_border_belarus, back_russia" in note for note in result.notes)


def test_an_empty_count_may_be_spelled_nan_and_a_cell_may_span_lines(tmp_path):
    odd = report(model="X-59", launched="1", destroyed="1", not_reach_goal="NaN", launch_place="Kursk\noblast")
    result = imported(tmp_path, odd, report(model="KAB"))
    assert result.tables["strikes"]["missiles_neutralised"].tolist() == [1]
    assert rows_of(result, "keep_long_range_weapons") == (4,)


def test_rows_may_be_in_any_order_and_of_any_age(tmp_path):
    rows = [report(), report(time_start="2025-06-02 18:00", time_end="2025-06-03 08:00", launched="90")]
    forward, backward = strikes(tmp_path, *rows), strikes(tmp_path, *rows[::-1])
    pd.testing.assert_frame_equal(forward, backward)
    assert strikes(tmp_path, *rows, today="2025-06-03")["drones_launched"].tolist() == [100, 90]
    with pytest.raises(DataError, match=r"time_end, 1 row \(3\): impossible date.*2025-06-03"):
        imported(tmp_path, *rows, today="2025-06-01")


# The committed table against nights that newsrooms reported from the same posts (registry of pauses).
PUBLISHED_NIGHTS = {
    "2025-03-17": (174, None),
    "2025-03-19": (145, 6),
    "2025-04-19": (87, 8),
    "2025-04-20": (0, 0),
    "2025-04-21": (96, 3),
    "2025-05-08": (0, 0),
    "2025-05-09": (0, 0),
    "2025-05-11": (108, None),
    "2025-05-12": (108, None),
    "2026-01-28": (146, 1),
    "2026-01-30": (111, 1),
    "2026-01-31": (85, None),
    "2026-02-01": (90, None),
    "2026-02-03": (450, 71),
    "2026-04-13": (98, None),
    "2026-05-06": (108, 3),
}


@pytest.fixture(scope="module")
def committed():
    return pd.read_csv(DATA / "strikes.csv", index_col="day", parse_dates=["day"])


@pytest.mark.parametrize(("day", "counts"), PUBLISHED_NIGHTS.items())
def test_committed_nights_are_those_that_newsrooms_published(committed, day, counts):
    drones, missiles = counts
    assert committed.loc[day, "drones_launched"] == drones
    assert missiles is None or committed.loc[day, "missiles_launched"] == missiles


def test_committed_zero_days_and_missing_days_are_the_judged_ones(committed):
    since = committed.loc["2024-09-01":]
    zero = since.index[since["drones_launched"] == 0].strftime("%Y-%m-%d").tolist()
    assert zero == [
        *("2024-10-14", "2024-11-21", "2024-11-23", "2024-12-10", "2024-12-11", "2024-12-12", "2025-04-01"),
        *("2025-04-20", "2025-05-08", "2025-05-09", "2025-05-10", "2026-04-12", "2026-05-11"),
    ]
    missing = committed.index[committed["drones_launched"].isna()].strftime("%Y-%m-%d").tolist()
    assert missing == ["2024-03-11", "2024-03-12", "2024-03-14", "2025-04-07"]
    assert committed.index[~committed["reported"]].strftime("%Y-%m-%d").tolist() == missing
    assert committed.loc["2024-12-30", ["drones_launched", "drones_neutralised"]].tolist() == [43, 21]
    assert committed.loc["2025-10-01", ["drones_launched", "missiles_launched"]].tolist() == [49, 5]


def test_committed_months_are_what_the_recipe_gives(committed):
    months = committed["drones_launched"].groupby(committed.index.strftime("%Y-%m")).sum()
    assert months[["2025-06", "2025-10", "2025-11", "2026-01", "2026-05"]].tolist() == [5438, 5298, 5445, 4452, 8150]


@pytest.mark.skipif("PAUSES_RAW" not in os.environ, reason="PAUSES_RAW names no folder of raw files")
def test_another_route_from_the_raw_file_gives_the_same_launched_counts(committed):
    raw = pd.read_csv(Path(os.environ["PAUSES_RAW"]) / "missile_attacks_daily.csv")
    classes = pd.read_csv(DATA / "weapon_classes.csv", index_col="model")
    national = raw["source"].str.contains("kpszsu|GeneralStaff.ua|CinCAFU") | (
        raw["time_end"].str.startswith("2025-10-01") & (raw["target"] == "Ukraine")
    )
    rows = raw[national & (raw["model"].map(classes["is_long_range_strike"]) == 1)]
    day, drone = pd.to_datetime(rows["time_end"].str[:10]), rows["model"].str.startswith("Shahed")
    for column, chosen in (("drones_launched", drone), ("missiles_launched", ~drone)):
        other = rows["launched"][chosen].groupby(day[chosen]).sum().reindex(committed.index, fill_value=0)
        ours = committed[column].drop(pd.Timestamp("2024-12-30")).dropna()
        assert len(ours) > 1340
        assert (ours == other[ours.index]).all()
