"""The recipe of air-raid alerts: made-up files with answers worked out by hand, and the known nights."""

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from made_up_raw import OBLASTS, USED, made, merged_file, touched, upstream_file

from analysis.days import day_span
from analysis.errors import DataError
from analysis.record import quiet_days
from analysis.tables import load_strikes, load_table
from recipes import alerts as recipe
from recipes.kit import Log, RawFile, oblast_names

RAW = os.environ.get("PAUSES_RAW")
needs_raw = pytest.mark.skipif(not RAW, reason="PAUSES_RAW does not name the folder of raw files")


def read(content):
    return recipe.read_alerts(RawFile("alerts.csv", content), OBLASTS, Log())[0]


def table_of(content):
    """The daily table, by day and oblast."""
    return recipe.daily_alerts(read(content), Log()).set_index(["day", "oblast"])


def cells(table, day, oblast="Lviv"):
    return table.loc[(pd.Timestamp(day), oblast), ["minutes", "night_minutes", "started"]].tolist()


def test_oblasts_are_complete_and_every_tile_is_taken_once():
    assert len(OBLASTS) == OBLASTS["oblast"].nunique() == OBLASTS["iso_3166_2"].nunique() == 27
    assert not OBLASTS.duplicated(["tile_row", "tile_column"]).any()
    front = OBLASTS.loc[OBLASTS["rear_or_front"] == "front", "oblast"]
    assert " ".join(sorted(front)) == "Chernihiv Donetsk Kharkiv Kherson Luhansk Sumy Zaporizhzhia"
    assert set(OBLASTS["oblast"]) - set(USED) == {"Luhansk", "Crimea", "Sevastopol"}
    assert OBLASTS["away_from_front"].sum() == 16


def test_every_spelling_leads_to_one_oblast():
    names = oblast_names(OBLASTS)
    told = {"Kyivska oblast": "Kyiv", "Kiev": "Kyiv", "KievCity": "Kyiv City", "KHMEL'NYTS'KYY": "Khmelnytskyi"}
    told |= {"Одеська область": "Odesa", "Zaporizhia": "Zaporizhzhia", "Luhans'k": "Luhansk"}
    assert {spelling: names[spelling.casefold()] for spelling in told} == told
    twice = OBLASTS.assign(spellings=OBLASTS["spellings"].where(OBLASTS["oblast"] != "Lviv", "Kiev"))
    with pytest.raises(DataError, match="names two oblasts"):
        oblast_names(twice)


# Minutes


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        ("2025-05-07 17:30", "2025-05-07 18:30", {"2025-05-07": [30, 0, 1], "2025-05-08": [30, 30, 0]}),
        ("2025-05-08 08:30", "2025-05-08 09:45", {"2025-05-08": [75, 30, 1]}),
        ("2025-05-07 18:00", "2025-05-08 18:00", {"2025-05-08": [1440, 900, 1], "2025-05-09": [0, 0, 0]}),
        # clocks go forward at 03:00 on 30 March 2025 and back at 04:00 on 26 October
        ("2025-03-30 02:30", "2025-03-30 04:30", {"2025-03-30": [60, 60, 1]}),
        ("2025-10-25 18:00", "2025-10-26 18:00", {"2025-10-26": [1500, 960, 1]}),
    ],
)
def test_an_alert_counts_on_the_strike_days_it_covers(start, end, expected):
    table = table_of(merged_file(("Lviv", start, end), around=("2025-03-01", "2025-08-01", "2025-12-01")))
    assert {day: cells(table, day) for day in expected} == expected
    assert table["minutes"].sum() == sum(minutes for minutes, *_ in expected.values()) + len(USED)


def test_days_that_the_file_does_not_cover_are_left_out_and_alerts_that_touch_are_one():
    touching = [("Lviv", f"2025-05-07 {hour}:00", f"2025-05-07 {hour + 1}:00") for hour in (20, 21)]
    table = table_of(merged_file(*touching))
    assert table.index.get_level_values("day").unique().tolist() == list(pd.date_range("2025-03-02", "2025-06-14"))
    assert len(table) == 24 * 105 and cells(table, "2025-05-08") == [120, 120, 1]
    assert table_of(merged_file(around=("2022-09-20", "2022-10-05"))).index[0][0] == pd.Timestamp("2022-09-28")


def test_minutes_agree_with_a_count_of_single_minutes():
    """Overlapping local alerts in two oblasts, some past 18:00 and over the change of clocks."""
    draw, n = np.random.default_rng(1), 80
    start = pd.Timestamp("2025-03-27") + pd.to_timedelta(draw.integers(0, 6 * 1440, n), unit="min")
    drawn = pd.DataFrame({"oblast": draw.choice(["Sumy", "Kyiv City"], n), "start": start})
    drawn["end"] = start + pd.to_timedelta(draw.integers(1, 600, n), unit="min")
    drawn = drawn[(drawn[["start", "end"]].apply(lambda own: own.dt.floor("h")) != "2025-03-30 03:00").all(axis=1)]
    raions = [
        (row.oblast, f"raion {i % 3}", "", "raion", row.start, row.end) for i, row in enumerate(drawn.itertuples())
    ]
    table = table_of(upstream_file(*raions))
    clock = pd.date_range("2025-03-25", "2025-04-05", freq="min", tz="Europe/Kyiv")
    days = (clock.tz_localize(None) + pd.Timedelta(hours=6)).normalize()
    night = (clock.hour >= 18) | (clock.hour < 9)
    for oblast, own in drawn.groupby("oblast"):
        under = np.zeros(len(clock), bool)
        for begin, end in own[["start", "end"]].apply(lambda own: own.dt.tz_localize("Europe/Kyiv")).to_numpy():
            under |= (clock >= begin) & (clock < end)
        for column, counted in (("minutes", under), ("night_minutes", under & night)):
            expected = pd.Series(counted).groupby(days).sum().iloc[1:-1]
            assert table.xs(oblast, level="oblast")[column].loc[expected.index].tolist() == expected.tolist()


# Rules


def test_every_rule_counts_the_rows_it_touches(tmp_path):
    evening = "2025-05-07 20:00", "2025-05-07 21:00"
    stuck = "2025-05-01 20:00", "2025-05-20 21:00"
    content = upstream_file(
        ("Lubenskyi raion", "Poltavska oblast", "", "raion", *evening),
        ("Luhanska oblast", "", "", "oblast", *evening),
        ("Lvivska oblast", "Lvivskyi raion", "", "raion", *evening),
        ("Lvivska oblast", "Lvivskyi raion", "", "raion", *evening),
        ("Lvivska oblast", "Stryiskyi raion", "", "raion", *evening),
        ("Rivnenska oblast", "", "", "oblast", evening[0], evening[0]),
        ("Volynska oblast", "", "", "oblast", *evening[::-1]),
        ("Odeska oblast", "", "", "oblast", evening[0], None),
        ("Kharkivska oblast", "Kharkivskyi raion", "Lypetska hromada", "hromada", *stuck),
        ("Sumska oblast", "", "", "oblast", *stuck),
    )
    rules = made("alerts", tmp_path, {"alerts.csv": content}).rules
    assert touched(rules) == {
        "take_oblast_from_raion": 1, "leave_out_permanent_alerts": 1, "drop_repeated": 1, "drop_without_length": 1,
        "doubt_end_before_start": 1, "drop_permanent_parts": 1, "leave_end_open": 2, "merge": 1, "keep_whole_days": 2,
        "clip_to_days": 1, "keep_clock_changes": 1, "number_takeoff_alarms": 0, "flag_long": 20, "flag_saturated": 0,
        "flag_open": 2, "keep_usable_rear": 14,
    }  # fmt: skip


def test_an_alert_without_a_known_end_has_no_minutes_and_spoils_its_day():
    table = table_of(merged_file(("Lviv", "2025-05-07 20:00", None), ("Odesa", "2025-05-07 20:00", "2025-05-07 19:00")))
    for oblast in ("Lviv", "Odesa"):
        assert cells(table, "2025-05-08", oblast) == [0, 0, 1]
        assert table.xs(oblast, level="oblast")["usable"].sum() == 104


@pytest.mark.parametrize(("end", "spoilt"), [("2025-05-08 20:00", 0), ("2025-05-08 20:01", 2), ("2025-05-10 17:00", 3)])
def test_an_alert_above_24_hours_spoils_every_day_it_touches(end, spoilt):
    usable = table_of(merged_file(("Lviv", "2025-05-07 20:00", end)))["usable"]
    assert usable.index[~usable].tolist() == [(pd.Timestamp(f"2025-05-{8 + i:02}"), "Lviv") for i in range(spoilt)]


@pytest.mark.parametrize(("hours", "usable"), [(12, 105), (13, 29)])  # less than a third of 90 days tells nothing
def test_an_oblast_is_saturated_after_more_alert_than_quiet_in_90_days(hours, usable):
    days = pd.date_range("2025-03-01", "2025-06-14")
    table = table_of(merged_file(*(("Sumy", str(day), str(day + pd.Timedelta(hours=hours))) for day in days)))
    assert table.xs("Sumy", level="oblast")["usable"].tolist() == [True] * usable + [False] * (105 - usable)


# Take-off alarms


def alarm(minutes, *, n, at="2025-05-07 12:00", spread=4.0, late=0):
    """Alerts in the first `n` oblasts that begin within `spread` minutes and end together, `late` of them not."""
    start = pd.Timestamp(at) + pd.to_timedelta(np.linspace(0, spread, n).round(1), unit="min")
    end = [pd.Timestamp(at) + pd.Timedelta(minutes=minutes + (30 if i < late else 0)) for i in range(n)]
    return [(oblast, str(begin), str(finish)) for oblast, begin, finish in zip(USED[:n], start, end, strict=True)]


@pytest.mark.parametrize(
    ("alerts", "members"),
    [
        (alarm(35, n=16), [16]),
        (alarm(35, n=15), []),
        (alarm(35, n=24, late=3), [21]),
        (alarm(35, n=24, late=9), []),
        (alarm(35, n=24, spread=12), []),
        (alarm(179, n=24), [24]),
        (alarm(181, n=24), []),
        (alarm(35, n=20) + alarm(20, n=24, at="2025-05-07 13:00"), [20, 24]),
    ],
)
def test_a_takeoff_alarm_is_known_by_its_form(alerts, members):
    numbers = recipe.number_takeoff_alarms(read(merged_file(*alerts)))
    assert numbers[numbers > 0].value_counts(sort=False).sort_index().tolist() == members


def test_takeoff_minutes_are_a_part_of_the_minutes():
    drones = ("Lviv", "2025-05-07 02:00", "2025-05-07 02:40")
    day = table_of(merged_file(drones, *alarm(30, n=24))).loc[pd.Timestamp("2025-05-07")]
    assert day.loc["Lviv", ["minutes", "mig31k_minutes", "mig31k_night_minutes"]].tolist() == [68, 28, 0]
    assert day["mig31k_started"].tolist() == [1] * 24


def test_rear_minutes_are_parted_at_midnight_and_nine(tmp_path):
    alerts = [
        (oblast, "2025-05-07 22:00", "2025-05-08 10:00") for oblast in ("Lviv", "Odesa", "Sumy")
    ]  # one at the front
    content = merged_file(*alerts, ("Rivne", "2025-05-09 20:00", None))  # not usable on every day
    rear = made("alerts", tmp_path, {"some.csv": content}).tables["sirens_rear"].set_index("day")
    columns = ["siren_minutes_rear", "evening_minutes", "night_minutes", "day_minutes"]
    assert rear.loc["2025-05-08", columns].tolist() == [2 * 660, 2 * 120, 2 * 540, 2 * 60]
    assert rear[columns].to_numpy().sum() == 2 * (660 + 120 + 540 + 60)


# The quiet nights


def test_quiet_days_are_ranked_among_nights_with_drones_nearby():
    days = pd.date_range("2025-03-02", "2025-06-14", name="day", unit="us")
    strikes = pd.DataFrame({"drones_launched": 50.0, "missiles_launched": 0.0}, index=days)
    quiet = pd.date_range("2025-05-01", "2025-05-05")
    strikes.loc[quiet, "drones_launched"] = [0, 0, 0, 0, np.nan]
    strikes.loc[quiet[3], "missiles_launched"] = 9
    minutes = pd.Series(np.arange(len(days)) + 100, days)
    minutes[quiet] = [0, 115, 160, 160, 160]
    evening = [str(day - pd.Timedelta(hours=5)) for day in days]
    ends = [str(day - pd.Timedelta(hours=5) + pd.Timedelta(minutes=int(minutes[day]))) for day in days]
    near_front = [("Dnipropetrovsk", evening[i], ends[i]) for i in range(len(days))]
    alerts = table_of(merged_file(*zip(["Lviv"] * len(days), evening, ends, strict=True), *near_front)).reset_index()
    checked = quiet_days(strikes, alerts, OBLASTS).set_index("day")
    assert checked.index.tolist() == quiet.tolist()
    assert checked["alert_minutes"].tolist() == [0, 115, 160, 160, 160]
    assert checked["verdict"].tolist() == ["credible", "ambiguous", "suspicious", "missiles flew", "suspicious"]
    # around 2025-05-02 lie 99 nights with drones; those of 3 to 16 March (101 to 114 minutes) are quieter
    assert checked.loc["2025-05-02", ["percentile", "n_nights"]].tolist() == [14 / 99, 99]


@needs_raw
def test_easter_2025_one_alert_starts_on_the_date_five_on_the_strike_day():
    raw = read((Path(RAW) / "air_raid_alerts.csv.gz").read_bytes())
    assert (raw["start"].dt.tz_convert("Europe/Kyiv").dt.date == pd.Timestamp("2025-04-20").date()).sum() == 1
    start, end = day_span("2025-04-20")
    assert ((raw["start"] < end) & (raw["end"] > start)).sum() == 9
    table = load_table("alerts")
    day = table[table["day"] == "2025-04-20"].set_index("oblast")
    assert day["started"].sum() == 5
    assert day.loc[day["usable"], "minutes"].sum() == 15 + 22 + 29  # Kyiv City, Kyiv, Zaporizhzhia


def test_the_nationwide_alarm_of_6_january_2023_lies_in_the_christmas_truce():
    day = load_table("alerts").set_index("day").loc["2023-01-06"]
    assert day["mig31k_started"].tolist() == [1] * 24
    assert day["mig31k_minutes"].between(110, 117).all()
    assert not day["mig31k_night_minutes"].any()
    assert load_strikes().loc["2023-01-06", ["drones_launched", "missiles_launched"]].tolist() == [0, 0]


# Alert-minutes away from the front on nights that were checked by hand, and verdicts by quarter: credible, ambiguous,
# suspicious, missiles flew.
AUDITED_MINUTES = {
    "2024-11-23": 53, "2024-12-10": 40, "2024-12-11": 0, "2024-12-12": 0, "2024-12-30": 599, "2025-04-02": 128,
    "2025-04-07": 304, "2025-05-08": 664, "2025-05-09": 68, "2025-05-10": 0, "2026-01-31": 51, "2026-04-12": 0,
    "2026-05-11": 0,
}  # fmt: skip
AUDITED = {
    "2022Q4": [34, 13, 10, 4], "2023Q1": [53, 11, 10, 2], "2023Q2": [27, 11, 5, 5], "2023Q3": [20, 10, 10, 6],
    "2023Q4": [19, 7, 2, 0], "2024Q1": [13, 9, 7, 3], "2024Q2": [18, 14, 7, 2], "2024Q3": [11, 3, 0, 1],
    "2024Q4": [5, 0, 0, 1], "2025Q2": [5, 0, 1, 0], "2026Q2": [2, 0, 0, 0],
}  # fmt: skip


def test_quiet_days_agree_with_the_audit():
    strikes, committed, known = load_strikes(), load_table("alerts"), pd.to_datetime(list(AUDITED_MINUTES))
    listed = strikes.assign(drones_launched=strikes["drones_launched"].mask(strikes.index.isin(known), 0))
    minutes = quiet_days(listed, committed, OBLASTS).set_index("day")["alert_minutes"]
    assert minutes[known].tolist() == pytest.approx(list(AUDITED_MINUTES.values()), abs=1.5)  # whole minutes by oblast
    checked = quiet_days(strikes, committed, OBLASTS).set_index("day")
    assert checked.loc["2024-11-23", "median_minutes"] == pytest.approx(2170, abs=10)
    quarters = checked.groupby([checked.index.to_period("Q").astype(str), "verdict"]).size().unstack(fill_value=0)
    columns = ["credible", "ambiguous", "suspicious", "missiles flew"]
    assert quarters.loc[list(AUDITED), columns].to_numpy().tolist() == list(AUDITED.values())
