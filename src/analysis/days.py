"""The strike day, from 18:00 to 18:00 Kyiv, so that a night's raid is one day; and nights typed in from a newsroom,
which stand in for what the table of strikes does not hold yet: provisional, and never written to a table."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

from analysis.errors import DataError, DesignError
from analysis.places import parsed

KYIV = ZoneInfo("Europe/Kyiv")
EVENING = timedelta(hours=6)  # a strike day begins this long before its date; clocks never change at 18:00
FIRST_YEAR, LAST_YEAR = 1700, 2250  # with room on both sides: dates of nanoseconds end in 2262
Day = str | date | pd.Timestamp
COVERED = {"half": 0.5, "any": 0.0, "whole": 1.0}
NIGHTS = "nights.toml"
PROVISIONAL = "provisional"
COUNTS = ("drones", "missiles")
FIELDS = ("day", *COUNTS, "source", "seen_at")


def iso_span(first: date, last: date) -> str:
    """Two days as a span for the record, or one."""
    return f"on {first:%Y-%m-%d}" if first == last else f"from {first:%Y-%m-%d} to {last:%Y-%m-%d}"


def day_span(day: date | str) -> tuple[pd.Timestamp, pd.Timestamp]:
    """First moment of a strike day and first moment after it: 23, 24 or 25 hours apart, as the clocks have it."""
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
    if end < start:
        raise DesignError("the span ends before it starts", expected=f"an end after {start}", found=str(end))
    return _covered_days(start, end, COVERED[rule]).copy()  # a caller may rename what it gets


@lru_cache(maxsize=256)  # every test of a pause asks for the days of all others
def _covered_days(start: pd.Timestamp, end: pd.Timestamp, least: float) -> pd.DatetimeIndex:
    days = pd.date_range(strike_day(start), strike_day(end), unit="us", name="day")
    opens, closes = ((days - EVENING + timedelta(days=n)).tz_localize(KYIV) for n in (0, 1))
    covered = closes.where(closes < end, end) - opens.where(opens > start, start)
    share = covered / (closes - opens)
    return pd.DatetimeIndex(days[(share > 0) & (share >= least)], freq=None)


def as_day(value: Day, field: str) -> pd.Timestamp:
    """One plain date, or a DesignError that names the field; text as YYYY-MM-DD alone, for 11/06 has two readings."""
    readable = re.fullmatch("[0-9]{4}-[0-9]{2}-[0-9]{2}", value) if isinstance(value, str) else True
    try:
        day = pd.Timestamp(value) if readable and isinstance(value, str | date | np.datetime64) else pd.NaT
    except (ValueError, OverflowError):
        day = pd.NaT
    if day is pd.NaT or day.tz is not None or not FIRST_YEAR <= day.year <= LAST_YEAR:
        expected, remedy = f"a date without time zone, from {FIRST_YEAR} to {LAST_YEAR}", "write it as YYYY-MM-DD"
        raise DesignError("not a day", field=field, expected=expected, found=f"{value!r:.60}", remedy=remedy)
    return day.normalize()


def as_days(values: Iterable[Day], field: str) -> pd.DatetimeIndex:
    """Several plain dates, as `as_day` reads each."""
    if isinstance(values, str) or not isinstance(values, Iterable):
        raise DesignError("not days", field=field, expected="a list of dates", found=f"{values!r:.60}")
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


def today() -> date:
    """Today, here or in Kyiv, whichever is later: what is after it is to come."""
    return max(date.today(), datetime.now(KYIV).date())


@dataclass(frozen=True)
class Night:
    """What one newsroom reported as launched on a strike day; None is not known, never 0."""

    day: pd.Timestamp
    drones: int | None
    missiles: int | None
    publisher: str


def read_nights(folder: Path) -> tuple[Night, ...]:
    """The nights of a data folder in order; DataError for the first entry that is not as the head of the file says."""
    path = folder / NIGHTS
    if not path.is_file():
        return ()
    entries = parsed(NIGHTS, path.read_bytes())
    found = entries.pop("night", [])
    if entries or not isinstance(found, list) or not all(isinstance(entry, dict) for entry in found):
        told = {"expected": "[[night]] entries", "remedy": "correct it"}
        raise DataError("unknown entry", file=NIGHTS, field=min(entries, default="night")[:60], **told)
    nights = sorted((_night(entry, number) for number, entry in enumerate(found, start=1)), key=lambda night: night.day)
    for earlier, night in pairwise(nights):
        if earlier.day == night.day:
            raise DataError("day given twice", file=NIGHTS, field=f"night {night.day:%Y-%m-%d}: day", remedy="keep one")
    return tuple(nights)


def _night(entry: dict[str, Any], number: int) -> Night:
    for field, expected in _wrong(entry):
        value = entry.get(field)
        shown = "nothing" if value is None else f"{value}" if type(value) is date else repr(value)
        problem = "not as it must be" if field in FIELDS else "unknown field"
        place = f"night {str(entry.get('day', f'number {number}'))[:60]}: {field[:60]}"
        raise DataError(problem, file=NIGHTS, field=place, expected=expected, found=shown[:60], remedy="correct it")
    return Night(pd.Timestamp(entry["day"]), *map(entry.get, COUNTS), entry["source"]["publisher"])


def _wrong(entry: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Fields of an entry that are wrong, and what was expected."""
    for field in entry:
        if field not in FIELDS:
            yield field, f"one of {', '.join(FIELDS)}"
    for field in ("day", "seen_at"):
        if type(entry.get(field)) is not date:
            yield field, "a date such as 2026-11-24"
            return
    if entry["day"] > entry["seen_at"]:
        yield "day", "no day after seen_at"
    elif entry["seen_at"] > today():
        yield "seen_at", "no day to come"
    for name in COUNTS:
        if name in entry and (type(entry[name]) is not int or not 0 <= entry[name] <= 10_000):
            yield name, "a whole number from 0 to 10000"
    if not set(COUNTS) & set(entry):
        yield "drones", "drones, missiles or both"
    source = entry.get("source")
    texts = source.values() if isinstance(source, dict) and set(source) == {"publisher", "url"} else [None]
    if not all(isinstance(text, str) and text.strip() for text in texts):
        yield "source", '{ publisher = "...", url = "https://..." }'
    elif not source["url"].startswith(("https://", "http://")):
        yield "source", "an address with https:// or http://"


def with_nights(strikes: pd.DataFrame, nights: Sequence[Night]) -> pd.DataFrame:
    """The table of strikes and the nights it does not hold: those from its last day, which is incomplete, on."""
    last = strikes["day"].iloc[-1]
    new = {night.day: night for night in nights if night.day >= last}
    if not new:
        return strikes
    days = pd.date_range(strikes["day"].iloc[0], max(new), name="day")
    frame = strikes.iloc[:-1].set_index("day").reindex(days)
    late = frame.index >= last
    frame.loc[late, ["drones_basis", "missiles_basis"]] = "missing"
    frame["reported"] = (frame["reported"] == True) | frame.index.isin(list(new))  # noqa: E712
    for day, night in new.items():
        for name in COUNTS:
            count = getattr(night, name)
            if count is not None:
                frame.loc[day, [f"{name}_basis", f"{name}_launched"]] = [PROVISIONAL, float(count)]
    return frame.reset_index()[list(strikes)].astype(strikes.dtypes.to_dict())
