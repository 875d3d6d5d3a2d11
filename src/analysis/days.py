"""The strike day: day D runs from 18:00 Kyiv time on D-1 to 18:00 on D, so that a night's raid is one day."""

from datetime import timedelta
from zoneinfo import ZoneInfo

import pandas as pd

from analysis.errors import DesignError

KYIV = ZoneInfo("Europe/Kyiv")
EVENING = timedelta(hours=6)  # a strike day begins this long before its date; clocks never change at 18:00
COVERED = {"half": 0.5, "any": 0.0, "whole": 1.0}


def day_span(day):
    """Return the first moment of a strike day and the first moment after it.

    Parameters
    ----------
    day : date, Timestamp or ISO text

    Returns
    -------
    (Timestamp, Timestamp)
        In Kyiv time; 23 or 25 hours apart where the clocks change.

    Examples
    --------
    >>> start, end = day_span("2025-03-30")
    >>> str(start), (end - start) / pd.Timedelta(hours=1)
    ('2025-03-29 18:00:00+02:00', 23.0)
    """
    date = pd.Timestamp(day).tz_localize(None).normalize()
    return tuple((midnight - EVENING).tz_localize(KYIV) for midnight in (date, date + timedelta(days=1)))


def strike_day(moments):
    """Return the strike day of each moment.

    Parameters
    ----------
    moments : Timestamp, datetime, DatetimeIndex or Series, with time zone

    Returns
    -------
    Timestamp, DatetimeIndex or Series
        Plain dates, in the shape given.

    Raises
    ------
    DesignError
        If the moments carry no time zone.

    Examples
    --------
    >>> strike_day(pd.Timestamp("2025-05-07 18:00+03:00"))
    Timestamp('2025-05-08 00:00:00')
    """
    if isinstance(moments, pd.Series):
        return pd.Series(strike_day(pd.DatetimeIndex(moments)), index=moments.index, name=moments.name)
    moments = moments if isinstance(moments, pd.DatetimeIndex) else pd.Timestamp(moments)
    if moments.tz is None:
        raise DesignError(
            "a moment without time zone", field="moments", expected="a time with its offset from UTC",
            found=str(moments)[:60],
            remedy="localize it first, for instance with .tz_localize('Europe/Kyiv')",
        )  # fmt: skip
    return (moments.tz_convert(KYIV).tz_localize(None) + EVENING).normalize()


def strike_days(start, end, *, rule="half"):
    """Return the strike days that the span from `start` to just before `end` covers.

    Parameters
    ----------
    start, end : Timestamp or datetime, with time zone
    rule : {"half", "any", "whole"}
        How much of a strike day must be covered: at least half of its own length, any part, or all.

    Returns
    -------
    DatetimeIndex
        Plain consecutive dates, named "day".

    Raises
    ------
    DesignError
        If a moment has no time zone, the span ends before it starts, or there is no such rule.

    Examples
    --------
    The Easter truce of 2025, from 18:00 on Saturday to midnight after Sunday:

    >>> list(strike_days("2025-04-19 18:00+03:00", "2025-04-21 00:00+03:00").strftime("%Y-%m-%d"))
    ['2025-04-20']
    """
    if rule not in COVERED:
        raise DesignError("no such rule", field="rule", expected=" or ".join(COVERED), found=repr(rule))
    start, end = pd.Timestamp(start), pd.Timestamp(end)
    days = pd.date_range(strike_day(start), strike_day(end), unit="us", name="day")
    if end < start:
        raise DesignError("the span ends before it starts", expected=f"an end after {start}", found=str(end))
    opens, closes = ((days - EVENING + timedelta(days=n)).tz_localize(KYIV) for n in (0, 1))
    covered = closes.where(closes < end, end) - opens.where(opens > start, start)
    share = covered / (closes - opens)
    return pd.DatetimeIndex(days[(share > 0) & (share >= COVERED[rule])], freq=None)
