"""ACLED's events: strikes on Ukraine, and those tagged as damage to energy, by day and oblast.

For users with an account of their own: the licence forbids passing the data on, so nothing of it is shipped, and the
file is read only where it is named.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

import pandas as pd

from analysis.tables import load_table

from .kit import NATION, Imported, RawFile, Rule, Source, count_by_oblast, find_fault, oblast_names, read_rows, refuse

RAW = ()
TABLES = ("energy_acled",)
SOURCE = Source(
    title="ACLED, Ukraine",
    producer="Armed Conflict Location & Event Data",
    citation="Armed Conflict Location & Event Data (ACLED), acleddata.com; the user's own export",
    address="https://acleddata.com",
    licence="ACLED terms: not to be passed on, so this table is never shipped",
)
COLUMNS = ["event_id_cnty", "event_date", "event_type", "actor1", "country", "admin1", "tags"]


def build(path: str | Path, *, folder: str | Path) -> Imported:
    """Events by calendar day and oblast: energy_events (tagged as damage to energy) and coded_events (all)."""
    raw, names = RawFile.read(path), oblast_names(load_table("oblasts", folder=folder))
    rows, notes = read_rows(raw, required=COLUMNS)
    strikes = (rows["country"] == "Ukraine") & (rows["event_type"] == "Explosions/Remote violence")
    strikes &= rows["actor1"].str.startswith("Military Forces of Russia")
    events = rows[strikes].drop_duplicates("event_id_cnty")
    dates = pd.to_datetime(events["event_date"], format="mixed", dayfirst=True, errors="coerce")
    oblasts = events["admin1"].str.casefold().map(names)
    find = partial(find_fault, events, file=raw.name, problem="not known")
    refuse([find("event_date", dates.isna()), find("admin1", oblasts.isna())], file=raw.name)
    energy = events["tags"].str.contains("energy", case=False)
    coded = pd.DataFrame({"day": dates.astype("datetime64[us]"), "oblast": oblasts, "energy": energy})
    table = count_by_oblast(pd.concat([coded, coded.assign(oblast=NATION)]), names.values())
    table = table.set_axis(["energy_events", "coded_events"], axis=1).reset_index()
    ids, why = rows["event_id_cnty"], "Only explosions and remote violence by Russian forces."
    rules = (
        Rule.on_ids("keep_russian_strikes", why, ids[~strikes]),
        Rule.on_ids("drop_repeated_events", "The same event twice.", ids[strikes].drop(events.index)),
    )
    state = f"events of {dates.min():%Y-%m-%d} to {dates.max():%Y-%m-%d}"
    return Imported({"energy_acled": table}, rules, replace(SOURCE, state=state), (raw,), notes)
