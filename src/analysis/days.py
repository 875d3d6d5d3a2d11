"""The strike day: day D runs from 18:00 Kyiv time on D-1 to 18:00 on D, so that a night's raid is one day."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

from analysis.errors import DesignError

KYIV = ZoneInfo("Europe/Kyiv")
EVENING = timedelta(hours=6)  # a strike day begins this long before its date; clocks never change at 18:00
FIRST_YEAR, LAST_YEAR = 1700, 2250  # with room on both sides: dates of nanoseconds end in 2262
Day = str | date | pd.Timestamp
COVERED = {"half": 0.5, "any": 0.0, "whole": 1.0}


def iso_span(first: date, last: date) -> str:
    """Two days as a span for the record, or one.

    >>> iso_span(date(2025, 4, 20), date(2025, 4, 20)), iso_span(date(2025, 4, 20), date(2025, 4, 21))
    ('on 2025-04-20', 'from 2025-04-20 to 2025-04-21')
    """
    return f"on {first:%Y-%m-%d}" if first == last else f"from {first:%Y-%m-%d} to {last:%Y-%m-%d}"


def day_span(day: date | str) -> tuple[pd.Timestamp, pd.Timestamp]:
    """First moment of a strike day and first moment after it: 23, 24 or 25 hours apart, as the clocks have it.

    >>> start, end = day_span("2025-03-30")
    >>> str(start), (end - start) / pd.Timedelta(hours=1)
    ('2025-03-29 18:00:00+02:00', 23.0)
    """
    midnight = pd.Timestamp(day).tz_localize(None).normalize()
    start, end = ((moment - EVENING).tz_localize(KYIV) for moment in (midnight, midnight + timedelta(days=1)))
    return start, end


def strike_day(
    moments: str | datetime | pd.DatetimeIndex | pd.Series,
) -> pd.Timestamp | pd.DatetimeIndex | pd.Series:
    """Return the strike day of each moment.

    Parameters
    ----------
    moments : Timestamp, datetime, ISO text, DatetimeIndex or Series, with time zone

    Returns
    -------
    Timestamp, DatetimeIndex or Series
        Plain dates, in the shape given.

    Raises
    ------
    DesignError
        If the moments are no times, carry no time zone or several, or name an hour that summer time skips.

    Examples
    --------
    >>> strike_day(pd.Timestamp("2025-05-07 18:00+03:00"))
    Timestamp('2025-05-08 00:00:00')
    """
    several = isinstance(moments, pd.Series | pd.Index)
    days = (_in_kyiv(moments, several=several).tz_localize(None) + EVENING).normalize()
    return pd.Series(days, index=moments.index, name=moments.name) if isinstance(moments, pd.Series) else days


def strike_days(
    start: str | datetime, end: str | datetime, *, rule: Literal["half", "any", "whole"] = "half"
) -> pd.DatetimeIndex:
    """Return the strike days that the span from `start` to just before `end` covers.

    Parameters
    ----------
    start, end : Timestamp, datetime or ISO text, with time zone
    rule : {"half", "any", "whole"}
        How much of a strike day must be covered: at least half of its own length, any part, or all.

    Returns
    -------
    DatetimeIndex
        Plain consecutive dates, named "day".

    Raises
    ------
    DesignError
        As `strike_day`, and if the span ends before it starts or there is no such rule.

    Examples
    --------
    The Easter truce of 2025, from 18:00 on Saturday to midnight after Sunday:

    >>> list(strike_days("2025-04-19 18:00+03:00", "2025-04-21 00:00+03:00").strftime("%Y-%m-%d"))
    ['2025-04-20']
    """
    if rule not in list(COVERED):
        raise DesignError("no such rule", field="rule", expected=" or ".join(COVERED), found=repr(rule)[:60])
    start, end = _in_kyiv(start, field="start"), _in_kyiv(end, field="end")
    days = pd.date_range(strike_day(start), strike_day(end), unit="us", name="day")
    if end < start:
        raise DesignError("the span ends before it starts", expected=f"an end after {start}", found=str(end))
    opens, closes = ((days - EVENING + timedelta(days=n)).tz_localize(KYIV) for n in (0, 1))
    covered = closes.where(closes < end, end) - opens.where(opens > start, start)
    share = covered / (closes - opens)
    return pd.DatetimeIndex(days[(share > 0) & (share >= COVERED[rule])], freq=None)


def as_day(value: Day, field: str) -> pd.Timestamp:
    """One plain date, or a DesignError that names the field."""
    try:
        day = pd.Timestamp(value) if isinstance(value, str | date | np.datetime64) else pd.NaT
    except ValueError:
        day = pd.NaT
    if day is pd.NaT or day.tz is not None or not FIRST_YEAR <= day.year <= LAST_YEAR:
        expected, remedy = f"a date without time zone, from {FIRST_YEAR} to {LAST_YEAR}", "write it as YYYY-MM-DD"
        raise DesignError("not a day", field=field, expected=expected, found=f"{value!r:.60}", remedy=remedy)
    return day.normalize()


def as_days(values: Iterable[Day], field: str) -> pd.DatetimeIndex:
    """Several plain dates, as `as_day` reads each."""
    return pd.DatetimeIndex([as_day(value, field) for value in values])


def _in_kyiv(given: object, *, field: str = "moments", several: bool = False) -> pd.Timestamp | pd.DatetimeIndex:
    """The moments on the clocks of Kyiv; refuses what is no moment."""
    try:
        moments = pd.DatetimeIndex(given) if several else pd.Timestamp(given)
        if moments.tz is None:
            raise _no_moment("a moment without time zone", field, given)
        exact = moments.tz_convert("UTC")
        if not several and exact.tz_convert(moments.tz).hour != moments.hour:
            raise _no_moment("an hour that summer time skips", field, given)
        return exact.tz_convert(KYIV)
    except (TypeError, ValueError, OverflowError) as error:
        raise _no_moment("no time, or times of several time zones", field, given) from error


def _no_moment(problem: str, field: str, given: object) -> DesignError:
    expected, remedy = "a time with its offset from UTC", "localize it, for instance with .tz_localize('Europe/Kyiv')"
    return DesignError(problem, field=field, expected=expected, found=" ".join(repr(given).split())[:60], remedy=remedy)
