"""Reports of hits on energy facilities, coded day by day under a fixed protocol.

The rows that come with the project were coded by independent runs of a language model and are not yet checked by
people. Files of the same form, coded by people, take their place when the table is built from them: there `coder`
holds names instead of the numbers of runs.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import pandas as pd

from analysis.errors import DataError
from analysis.tables import load_table

from .kit import Imported, RawFile, Rule, Source, find_fault, read_rows, refuse
from .pairs import who_coded
from .winter import Coding, join_winter

RAW = ("energy_coding/days.csv", "energy_coding/events.csv")
MORE = "energy_coding/double_coding.csv"  # some days coded again by another coder
TABLES = ("energy_coded", "energy_coded_events")
SOURCE = Source(
    title="Reported hits on energy facilities, coded by strike day",
    producer="",  # who coded stands in the files themselves
    citation="Dated public reports, each row with its address",
    address="energy_coded_events.csv",
    licence="facts with links",
)
DAY_COLUMNS = ["day", "coder", "code", "evidence_urls", "note"]
EVENT_COLUMNS = ["day", "oblast", "asset", "weapon", "rear_or_front", "found_via", "published", "url", "coder", "note"]
EVENT_KEY = ["day", "oblast", "url", "asset", "weapon", "found_via", "coder"]
CHOICES = {
    "code": ("yes", "no", "silent", "not_found"),
    "asset": ("generation", "heat", "substation_grid", "gas", "energy_unspecified"),
    "weapon": ("missile", "drone", "missile_and_drone", "bomb", "artillery_fpv", "unknown"),
    "found_via": ("assigned", "other"),
}
NOWHERE = "unspecified"  # a report that names no oblast: neither rear nor front


def build(days: str | Path, events: str | Path, double: str | Path | None = None, *, folder: str | Path) -> Imported:
    """Coded days and claims of hits, from CSV files of one row a strike day and one row a claim.

    rear_oblasts and front_oblasts count those with a hit that was found while coding that very day, kyiv_city is 1 if
    the capital is one of them; all are empty where nothing on the day was found. rear_oblasts_any_find also counts hits
    met by chance while coding another day.
    """
    raws = [RawFile.read(path) for path in (days, events, double) if path is not None]
    columns = [DAY_COLUMNS, EVENT_COLUMNS, DAY_COLUMNS][: len(raws)]
    frames = [read_rows(raw, required=need)[0] for raw, need in zip(raws, columns, strict=True)]
    side = load_table("oblasts", folder=folder).set_index("oblast")["rear_or_front"]
    refuse(_faults([raw.name for raw in raws], frames, side), file=raws[0].name)

    given = Coding(*(*frames, frames[0].iloc[:0])[:3])
    coding = join_winter(given, folder, event_key=EVENT_KEY)
    days, events, again = coding.days, coding.events, coding.again
    refuse(_faults([Path(file).name for file in (*RAW, MORE)], [days, events, again], side), file=TABLES[0])
    nowhere = events["oblast"] == NOWHERE
    events = events.assign(rear_or_front=events["rear_or_front"].mask(nowhere, NOWHERE))
    second = again.set_index(pd.DatetimeIndex(again["day"]))[["coder", "code"]].add_prefix("second_")
    table = _count_oblasts(days, events).join(second, on="day")
    chance, empty = events["found_via"] == "other", table["rear_oblasts"].isna()
    rules = (
        *coding.rules,
        ("count_assigned_finds_only", "A chance find says nothing of days without one.", events[chance]),
        ("leave_out_unspecified_places", "Without an oblast a hit is neither rear nor front.", events[nowhere]),
        ("leave_days_not_found_open", "Nothing found on a day is not nothing hit.", table[empty]),
    )
    who = who_coded(pd.concat([rows["coder"] for rows in (days, events, again)]))
    return Imported(
        tables={"energy_coded": table, "energy_coded_events": events.sort_values(EVENT_KEY)},
        rules=tuple(_rule(*rule) for rule in rules),
        source=replace(SOURCE, producer=who, state=f"{len(days)} days coded, {len(again)} of them twice"),
        inputs=(*raws, *coding.inputs),
        notes=(
            f"energy_coded: nothing found on {empty.sum()} of {len(table)} days ({empty.mean():.0%})",
            *coding.notes,
        ),
    )


def _count_oblasts(days: pd.DataFrame, events: pd.DataFrame) -> pd.DataFrame:
    """The table of days: how many oblasts have a reported hit."""
    table = days.sort_values("day", ignore_index=True)
    assigned = events["found_via"] == "assigned"
    chosen = {
        "rear_oblasts": assigned & (events["rear_or_front"] == "rear"),
        "front_oblasts": assigned & (events["rear_or_front"] == "front"),
        "kyiv_city": assigned & (events["oblast"] == "Kyiv City"),
        "rear_oblasts_any_find": events["rear_or_front"] == "rear",
    }
    for column, rows in chosen.items():
        counts = table["day"].map(events[rows].groupby("day")["oblast"].nunique())
        table[column] = counts.mask(counts.isna() & (table["code"] != "not_found"), 0)
    columns = ["day", "code", *chosen, "coder", "evidence_urls", "note"]
    return table[columns].assign(day=pd.to_datetime(table["day"]))


def _faults(names: Sequence[str], frames: Sequence[pd.DataFrame], side: pd.Series) -> Iterator[DataError | None]:
    """Every kind of fault of the files: days, events, and days coded again; `side`: rear or front, by oblast."""
    finds = [partial(find_fault, rows, file=name) for name, rows in zip(names, frames, strict=True)]
    days, events = frames[:2]
    for find, rows in zip(finds, frames, strict=True):
        no_day = pd.to_datetime(rows["day"], format="%Y-%m-%d", errors="coerce").isna()
        yield find("day", no_day, "not a day", "YYYY-MM-DD")
        for field in rows.columns.intersection(list(CHOICES)):
            yield find(field, ~rows[field].isin(CHOICES[field]), "not in the protocol", ", ".join(CHOICES[field]))
        if "code" not in rows:
            continue
        yield find("day", rows["day"].duplicated(), "day twice", "one row a day")
        bare = (rows["code"] != "not_found") & ~rows["evidence_urls"].str.startswith("http")
        yield find("evidence_urls", bare, "address missing", "an address for every day with a finding")
        new = ~rows["day"].isin(days["day"])
        yield find("day", new, "day not coded a first time", f"a day of {names[0]}")
    of_days, of_events = finds[:2]
    yield of_events("url", events.duplicated(EVENT_KEY), "claim twice", "one row a claim")
    yield of_events("url", ~events["url"].str.startswith("http"), "address missing", "an address in every row")
    foreign = ~events["oblast"].isin([*side.index, NOWHERE])
    yield of_events("oblast", foreign, "not an oblast", f"a name of oblasts.csv, or {NOWHERE}")
    other = events["oblast"].isin(side.index) & (events["rear_or_front"] != events["oblast"].map(side))
    yield of_events("rear_or_front", other, "not as in oblasts.csv", "rear or front, as in oblasts.csv")
    yes, assigned = days["code"] == "yes", events["found_via"] == "assigned"
    stray = assigned & ~events["day"].isin(days["day"][yes])
    yield of_events("day", stray, "a hit on a day not coded yes", "a day coded yes")
    without = yes & ~days["day"].isin(events["day"][assigned])
    yield of_days("day", without, "coded yes without an event", "an event in the other file")


def _rule(name: str, why: str, rows: pd.DataFrame) -> Rule:
    days = rows["day"].astype(str).str[:10].drop_duplicates()
    return Rule(name, why, len(rows), tuple(days.head(3)), tuple(days))
