"""Strike days: 18:00 to 18:00 in Kyiv, also when the clocks change; half a day decides."""

import datetime as dt
from itertools import pairwise

import pandas as pd
import pytest

from analysis.days import KYIV, day_span, strike_day, strike_days
from analysis.errors import DesignError

DST_WEEKS = ["2025-03-30", "2025-10-26", "2026-03-29"]


def dates(days):
    return days.strftime("%Y-%m-%d").tolist()


def kyiv(text):
    return pd.Timestamp(text).tz_localize(KYIV)


@pytest.mark.parametrize(
    ("day", "hours", "start_utc"),
    [
        ("2025-05-09", 24, "2025-05-08 15:00"),
        ("2026-01-30", 24, "2026-01-29 16:00"),
        ("2025-03-30", 23, "2025-03-29 16:00"),
        ("2025-10-26", 25, "2025-10-25 15:00"),
        ("2026-03-29", 23, "2026-03-28 16:00"),
    ],
)
def test_a_strike_day_begins_at_18_the_evening_before_and_has_23_to_25_hours(day, hours, start_utc):
    start, end = day_span(day)
    assert start == pd.Timestamp(start_utc, tz="UTC")
    assert end - start == pd.Timedelta(hours=hours)
    assert (start.hour, end.hour) == (18, 18)


@pytest.mark.parametrize("around", DST_WEEKS)
def test_spans_follow_on_one_another_and_agree_with_strike_day(around):
    days = pd.date_range(pd.Timestamp(around) - pd.Timedelta(days=4), periods=9)
    for day, following in pairwise(days):
        start, end = day_span(day)
        assert end == day_span(following)[0]
        assert strike_day(start) == day
        assert strike_day(end - pd.Timedelta(microseconds=1)) == day
        assert strike_day(end) == following


@pytest.mark.parametrize("around", DST_WEEKS)
def test_every_moment_lies_in_the_span_of_its_strike_day(around):
    moments = pd.date_range(pd.Timestamp(around, tz="UTC") - pd.Timedelta(days=2), periods=4 * 96, freq="15min")
    for moment, day in zip(moments, strike_day(moments), strict=True):
        start, end = day_span(day)
        assert start <= moment < end


def test_day_span_takes_dates_texts_and_timestamps():
    assert day_span(dt.date(2025, 5, 9)) == day_span("2025-05-09") == day_span(pd.Timestamp("2025-05-09 13:00"))


def test_strike_day_keeps_the_shape_it_is_given():
    texts = ["2025-05-07 14:59Z", "2025-05-07 15:00Z", None]
    index = pd.DatetimeIndex(texts, tz="UTC")
    expected = [pd.Timestamp("2025-05-07"), pd.Timestamp("2025-05-08"), pd.NaT]
    assert strike_day(index).tolist() == expected
    series = pd.Series(index, index=[7, 8, 9], name="started_at")
    assert strike_day(series).index.tolist() == [7, 8, 9]
    assert strike_day(series).name == "started_at"
    assert strike_day(series).tolist() == expected
    assert strike_day(dt.datetime(2025, 5, 7, 15, tzinfo=dt.UTC)) == expected[1]


def test_moscow_and_kyiv_clocks_name_the_same_moment():
    assert strike_day("2026-01-30 18:59+03:00") == pd.Timestamp("2026-01-30")
    assert strike_day("2026-01-30 19:00+03:00") == pd.Timestamp("2026-01-31")


@pytest.mark.parametrize("moment", ["2025-05-07 18:00", pd.DatetimeIndex(["2025-05-07"]), pd.NaT])
def test_a_moment_without_zone_is_refused(moment):
    with pytest.raises(DesignError, match="time zone"):
        strike_day(moment)


def test_half_a_day_is_enough_and_a_microsecond_less_is_not():
    # Strike day 2025-05-09 runs from 15:00 UTC on the 8th to 15:00 on the 9th: half of it is 03:00.
    least = pd.Timedelta(microseconds=1)
    half = pd.Timestamp("2025-05-09 03:00Z")
    assert dates(strike_days(half, "2025-05-09 15:00Z")) == ["2025-05-09"]
    assert dates(strike_days(half + least, "2025-05-09 15:00Z")) == []
    assert dates(strike_days("2025-05-08 15:00Z", half)) == ["2025-05-09"]
    assert dates(strike_days("2025-05-08 15:00Z", half - least)) == []


def test_half_is_half_of_the_days_own_length():
    # 23 hours: half is 11.5, so from 18:00+02:00 to 06:30+03:00. 25 hours: 12.5, from 18:00+03:00 to 05:30+02:00.
    assert dates(strike_days("2025-03-29 18:00+02:00", "2025-03-30 06:30+03:00")) == ["2025-03-30"]
    assert dates(strike_days("2025-03-29 18:00+02:00", "2025-03-30 06:29+03:00")) == []
    assert dates(strike_days("2025-10-25 18:00+03:00", "2025-10-26 05:30+02:00")) == ["2025-10-26"]
    assert dates(strike_days("2025-10-25 18:00+03:00", "2025-10-26 05:29+02:00")) == []


def test_a_span_across_the_change_of_clocks():
    # Midnight to midnight covers 18 of 24 hours of each date's strike day; also when the 30th is an hour short.
    found = strike_days(kyiv("2025-03-29 00:00"), kyiv("2025-04-01 00:00"))
    assert dates(found) == ["2025-03-29", "2025-03-30", "2025-03-31"]


def test_a_short_span_may_cover_no_day_or_split_into_none():
    assert dates(strike_days("2025-05-08 10:00+03:00", "2025-05-08 13:00+03:00")) == []
    assert dates(strike_days("2025-05-08 07:00+03:00", "2025-05-09 05:59+03:00")) == []
    assert dates(strike_days("2025-05-08 06:00+03:00", "2025-05-09 06:00+03:00")) == ["2025-05-08", "2025-05-09"]


def test_the_other_rules():
    span = ("2025-04-11 16:00+03:00", "2025-04-13 00:00+03:00")
    assert dates(strike_days(*span, rule="any")) == ["2025-04-11", "2025-04-12", "2025-04-13"]
    assert dates(strike_days(*span, rule="whole")) == ["2025-04-12"]
    assert dates(strike_days(*span)) == ["2025-04-12"]
    evenings = ("2025-04-11 18:00+03:00", "2025-04-13 18:00+03:00")
    for rule in ("half", "any", "whole"):
        assert dates(strike_days(*evenings, rule=rule)) == ["2025-04-12", "2025-04-13"]


@pytest.mark.parametrize("around", DST_WEEKS)
@pytest.mark.parametrize(("rule", "share"), [("half", 0.5), ("any", 1e-12), ("whole", 1)])
def test_the_same_days_by_counting_minutes(around, rule, share):
    start = kyiv(around) - pd.Timedelta(hours=29, minutes=30)
    for minutes in (300, 745, 1395, 1500, 2875, 4321):
        end = start + pd.Timedelta(minutes=minutes)
        counted = strike_day(pd.date_range(start, end, freq="min", inclusive="left")).value_counts()
        lengths = {day: (day_span(day)[1] - day_span(day)[0]) / pd.Timedelta(minutes=1) for day in counted.index}
        expected = sorted(day for day, covered in counted.items() if covered / lengths[day] >= share)
        assert strike_days(start, end, rule=rule).tolist() == expected


def test_the_result_is_plain_dates_named_day():
    for span in (("2025-05-08 00:00+03:00", "2025-05-11 00:00+03:00"), ("2025-05-08 00:00Z", "2025-05-08 00:00Z")):
        days = strike_days(*span)
        assert (days.name, days.freq, days.tz, days.dtype) == ("day", None, None, "datetime64[us]")


@pytest.mark.parametrize(
    ("start", "end", "rule"),
    [
        ("2025-05-09 00:00Z", "2025-05-08 00:00Z", "half"),
        ("2025-05-09 10:00Z", "2025-05-09 09:00Z", "any"),
        ("2025-05-08", "2025-05-09 00:00Z", "half"),
        ("2025-05-08 00:00Z", "2025-05-09", "half"),
        ("2025-05-08 00:00Z", "2025-05-09 00:00Z", "most"),
    ],
)
def test_spans_that_make_no_sense_are_refused(start, end, rule):
    with pytest.raises(DesignError):
        strike_days(start, end, rule=rule)
