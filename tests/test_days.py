"""Strike days: 18:00 to 18:00 in Kyiv, also when the clocks change; half a day decides."""

import datetime as dt
import re

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_up import copied_tables

from analysis.days import KYIV, day_span, read_nights, strike_day, strike_days, today
from analysis.errors import DataError, DesignError
from analysis.setting import compare_nights

SKIPPED = dt.datetime(2025, 3, 30, 3, 30, tzinfo=KYIV)


@pytest.mark.parametrize(
    ("day", "hours", "start_utc"),
    [
        ("2026-01-30", 24, "2026-01-29 16:00"),
        ("2025-03-30", 23, "2025-03-29 16:00"),
        ("2025-10-26", 25, "2025-10-25 15:00"),
    ],
)
def test_a_strike_day_begins_at_18_the_evening_before_and_has_23_to_25_hours(day, hours, start_utc):
    start, end = day_span(day)
    assert start == pd.Timestamp(start_utc, tz="UTC")
    assert end - start == pd.Timedelta(hours=hours)
    assert (start.hour, end.hour) == (18, 18)


@given(st.datetimes(dt.datetime(2022, 1, 1), dt.datetime(2030, 1, 1), timezones=st.just(dt.UTC)))
def test_every_moment_lies_in_the_span_of_its_strike_day_and_spans_follow_on_one_another(moment):
    day = strike_day(moment)
    start, end = day_span(day)
    assert start <= moment < end == day_span(day + pd.Timedelta(days=1))[0]
    assert strike_day(start) == day == strike_day(end - pd.Timedelta(microseconds=1))


def test_strike_day_keeps_the_shape_it_is_given():
    index = pd.DatetimeIndex(["2025-05-07 14:59Z", "2025-05-07 15:00Z", None], tz="UTC")
    expected = [pd.Timestamp("2025-05-07"), pd.Timestamp("2025-05-08"), pd.NaT]
    assert strike_day(index).tolist() == expected
    series = strike_day(pd.Series(index, index=[7, 8, 9], name="started_at"))
    assert (series.index.tolist(), series.name, series.tolist()) == ([7, 8, 9], "started_at", expected)
    assert strike_day(dt.datetime(2025, 5, 7, 15, tzinfo=dt.UTC)) == expected[1]


@pytest.mark.parametrize(
    ("start", "end", "days"),
    [
        # Strike day 2025-05-09 runs from 15:00 UTC on the 8th to 15:00 on the 9th: half of it is 03:00.
        ("2025-05-09 03:00Z", "2025-05-09 15:00Z", "09"),
        ("2025-05-09 03:00:00.000001Z", "2025-05-09 15:00Z", ""),
        # Half of a day's own length: of 23 hours 11.5, from 18:00+02:00 to 06:30+03:00; of 25 hours 12.5.
        ("2025-03-29 18:00+02:00", "2025-03-30 06:30+03:00", "30"),
        ("2025-03-29 18:00+02:00", "2025-03-30 06:29+03:00", ""),
        ("2025-10-25 18:00+03:00", "2025-10-26 05:30+02:00", "26"),
        ("2025-10-25 18:00+03:00", "2025-10-26 05:29+02:00", ""),
        # Midnight to midnight covers 18 of 24 hours of each date's strike day; also when the 30th is an hour short.
        ("2025-03-29 00:00+02:00", "2025-04-01 00:00+03:00", "29 30 31"),
        ("2025-05-08 06:00+03:00", "2025-05-09 06:00+03:00", "08 09"),
        ("2025-05-08 00:00Z", "2025-05-08 00:00Z", ""),
    ],
)
def test_half_a_day_is_enough_and_a_microsecond_less_is_not(start, end, days):
    found = strike_days(start, end)
    assert found.strftime("%d").tolist() == days.split()
    assert (found.name, found.freq, found.tz, found.dtype) == ("day", None, None, "datetime64[us]")


@pytest.mark.parametrize("around", ["2025-03-30", "2025-10-26"])
@pytest.mark.parametrize(("rule", "share"), [("half", 0.5), ("any", 1e-12), ("whole", 1)])
def test_the_same_days_by_counting_minutes(around, rule, share):
    start = pd.Timestamp(around, tz=KYIV) - pd.Timedelta(hours=29, minutes=30)
    for minutes in (300, 745, 1395, 1500, 2875, 4321):
        end = start + pd.Timedelta(minutes=minutes)
        counted = strike_day(pd.date_range(start, end, freq="min", inclusive="left")).value_counts()
        lengths = {day: (day_span(day)[1] - day_span(day)[0]) / pd.Timedelta(minutes=1) for day in counted.index}
        expected = sorted(day for day, covered in counted.items() if covered / lengths[day] >= share)
        assert strike_days(start, end, rule=rule).tolist() == expected


BAD = [
    *((moment, "a moment without time zone") for moment in ("2025-05-07 18:00", pd.NaT, None, 3)),
    *((thing, "no time") for thing in ("Friday", "2025-13-01", {}, object(), dt.time(3), "99999-01-01 00:00Z")),
    (SKIPPED, "an hour that summer time skips"),
]
BAD_SERIES = [
    (pd.DatetimeIndex(["2025-05-07"]), "a moment without time zone"),
    (pd.Series(["Friday"]), "no time"),
    (pd.Series(["2025-05-07 18:00+03:00", "2025-05-07 18:00+02:00"]), "no time, or times of several time zones"),
]


@pytest.mark.parametrize(("bad", "words"), BAD + BAD_SERIES)
def test_what_is_no_moment_is_refused(bad, words):
    with pytest.raises(DesignError, match=f"field moments: .*{words}.*To do: localize it"):
        strike_day(bad)
    span_words = "no time" if isinstance(bad, pd.Series | pd.Index) else words
    for field, span in (("start", (bad, "2025-05-09 00:00Z")), ("end", ("2025-05-09 00:00Z", bad))):
        with pytest.raises(DesignError, match=f"field {field}: .*{span_words}"):
            strike_days(*span)


@pytest.mark.parametrize(("end", "rule"), [("2025-05-08 23:59Z", "half"), ("2025-05-10 00:00Z", "most"), ("x", [])])
def test_spans_that_make_no_sense_are_refused(end, rule):
    with pytest.raises(DesignError, match=r"ends before it starts|no such rule; expected half or any or whole"):
        strike_days("2025-05-09 00:00Z", end, rule=rule)


NIGHT = """[[night]]
day = 2026-01-30
drones = 111
source = { publisher = "A newspaper", url = "https://example.org/night" }
seen_at = 2026-01-31
"""


@pytest.mark.parametrize(
    ("day", "drones", "said"),
    [
        (
            "2026-06-07",
            31,
            ["7 June 2026: the table has 236 drones already, though the day is not over in it; only 31"],
        ),
        ("2026-06-07", 300, []),
        ("2026-06-06", 272, ["6 June 2026: the table has 272 drones, as typed in from A newspaper. Remove the night."]),
    ],
)
def test_a_night_below_what_the_unfinished_last_day_holds_already_is_told(tmp_path, day, drones, said):
    text = NIGHT.replace("2026-01-30", day).replace("2026-01-31", day).replace("111", f"{drones}")
    lines = compare_nights(folder=copied_tables(tmp_path / "data", {"nights.toml": text.encode()}))
    assert [line[: len(told)] for line, told in zip(lines, said, strict=True)] == said


TOMORROW = f"{today() + dt.timedelta(days=1)}"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("night = 5", "field night: unknown entry; expected [[night]] entries"),
        ("[night]\nday = 2026-01-30", "field night: unknown entry"),
        ("night = [1]", "field night: unknown entry"),
        (NIGHT + "[[nights]]", "field nights: unknown entry"),
        ("a = " + "[" * 5000, "TOML"),
        (".".join("a" * 5000) + " = 1", "TOML"),
        ("\udcff", "TOML"),
        (NIGHT.replace("111", '"3"'), "drones: not as it must be; expected a whole number from 0 to 10000; found '3'"),
        (NIGHT.replace("drones", "drone"), "drone: unknown field; expected one of day, drones, missiles, source"),
        (NIGHT.replace("2026-01-31", TOMORROW), "seen_at: not as it must be; expected no day to come"),
        (NIGHT.replace("2026-01-30", TOMORROW), "day: not as it must be; expected no day after seen_at"),
    ],
    ids=range(11),
)  # fmt: skip
def test_nights_that_cannot_be_are_refused_by_name(tmp_path, text, told):
    (tmp_path / "nights.toml").write_text(text, "utf-8", "surrogateescape")
    with pytest.raises(DataError, match=rf"^nights.toml.*{re.escape(told)}"):
        read_nights(tmp_path)
