"""Nights typed in from a newsroom before the table of strikes holds them: provisional, and never written to a table."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pandas as pd

from analysis.errors import DataError

FILE = "nights.toml"
PROVISIONAL = "provisional"
COUNTS = ("drones", "missiles")
FIELDS = ("day", *COUNTS, "source", "seen_at")


@dataclass(frozen=True)
class Night:
    """What one newsroom reported as launched on a strike day; None is not known, never 0."""

    day: pd.Timestamp
    drones: int | None
    missiles: int | None
    publisher: str
    url: str
    seen_at: date


def read_nights(folder: Path) -> tuple[Night, ...]:
    """The nights of a data folder in order; DataError for the first entry that is not as the head of the file says."""
    path = folder / FILE
    if not path.is_file():
        return ()
    try:
        entries = tomllib.loads(path.read_text("utf-8-sig"))
    except ValueError as error:
        raise DataError("not valid TOML", file=FILE, found=str(error), remedy="mend that place") from error
    if strange := set(entries) - {"night"}:
        raise DataError("unknown entry", file=FILE, field=min(strange), expected="[[night]]", remedy="correct it")
    nights = [_night(entry, number) for number, entry in enumerate(entries.get("night", ()), start=1)]
    days = [night.day for night in nights]
    for day in days:
        if days.count(day) > 1:
            raise DataError("day given twice", file=FILE, field=f"night {day:%Y-%m-%d}: day", remedy="keep one")
    return tuple(sorted(nights, key=lambda night: night.day))


def _night(entry: dict[str, Any], number: int) -> Night:
    for field, expected in _wrong(entry):
        place = f"night {entry.get('day', f'number {number}')}: {field}"
        found = str(entry.get(field, "nothing"))[:60]
        raise DataError(
            "not as it must be", file=FILE, field=place, expected=expected, found=found, remedy="correct it"
        )
    source = entry["source"]
    counts = (entry.get(name) for name in COUNTS)
    return Night(pd.Timestamp(entry["day"]), *counts, source["publisher"], source["url"], entry["seen_at"])


def _wrong(entry: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Fields of an entry that are wrong, and what was expected."""
    for field in entry:
        if field not in FIELDS:
            yield field, f"no other field than {', '.join(FIELDS)}"
    dates = [entry.get(name) for name in ("day", "seen_at")]
    for field, value in zip(("day", "seen_at"), dates, strict=True):
        if not isinstance(value, date) or isinstance(value, datetime):
            yield field, "a date such as 2026-11-24"
            return
    if dates[0] > dates[1]:
        yield "day", "no day after seen_at"
    for name in COUNTS:
        if name in entry and (type(entry[name]) is not int or not 0 <= entry[name] <= 10_000):
            yield name, "a whole number from 0 to 10000"
    if not set(COUNTS) & set(entry):
        yield "drones", "drones, missiles or both"
    source = entry.get("source")
    if not isinstance(source, dict) or set(source) != {"publisher", "url"} or not all(map(_is_text, source.values())):
        yield "source", '{ publisher = "...", url = "https://..." }'
    elif not source["url"].startswith(("https://", "http://")):
        yield "source", "an address with https:// or http://"


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())


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
