"""ACLED's events: strikes on Ukraine, and those tagged as damage to energy, by day and oblast.

For users with an account of their own: the licence forbids passing the data on, so nothing of it is shipped.
"""

from pathlib import Path

import pandas as pd

from analysis.errors import DataError
from analysis.sources.alerts import oblast_names
from analysis.sources.imported import Imported, Input, Rule, Source
from analysis.sources.rawfile import read_bytes, read_rows
from analysis.tables import load_table

NATION = "Ukraine"
COLUMNS = ["event_id_cnty", "event_date", "event_type", "actor1", "country", "admin1", "tags"]
SOURCE = {
    "title": "ACLED, Ukraine",
    "producer": "Armed Conflict Location & Event Data",
    "citation": "Armed Conflict Location & Event Data (ACLED), acleddata.com; the user's own export",
    "address": "https://acleddata.com",
    "licence": "ACLED terms: not to be passed on, so this table is never shipped",
}


def import_acled(path, *, folder):
    """Read an ACLED export and derive the table `energy_acled`: the user's own, never shipped.

    Parameters
    ----------
    path : path-like
        CSV with event_id_cnty, event_date, event_type, actor1, country, admin1 and tags.
    folder : path-like
        Folder that holds oblasts.csv.

    Returns
    -------
    Imported
        energy_acled: day (calendar day), oblast (and "Ukraine"), energy_events (tagged as damage to energy),
        coded_events (all of the kind "Explosions/Remote violence" by Russian forces in Ukraine).

    Raises
    ------
    DataError
        The file cannot be read, or has a date or a region that nobody knows.
    """
    path = Path(path)
    content, names = read_bytes(path), oblast_names(load_table("oblasts", folder=folder))
    raw, notes = read_rows(content, path.name, required=COLUMNS)
    strikes = (raw["country"] == "Ukraine") & (raw["event_type"] == "Explosions/Remote violence")
    strikes &= raw["actor1"].str.startswith("Military Forces of Russia")
    events = raw[strikes].drop_duplicates("event_id_cnty")
    events = events.assign(
        day=pd.to_datetime(events["event_date"], format="mixed", dayfirst=True, errors="coerce").astype(
            "datetime64[us]"
        ),
        oblast=events["admin1"].str.casefold().map(names),
        energy=events["tags"].str.contains("energy", case=False),
    )
    for column, derived in (("event_date", "day"), ("admin1", "oblast")):
        bad = events[derived].isna()
        if bad.any():
            found = repr(events.loc[bad, column].iloc[0])
            raise DataError("not known", file=path.name, field=column, rows=events.index[bad], found=found)
    counted = (
        pd.concat([events, events.assign(oblast=NATION)]).groupby(["day", "oblast"])["energy"].agg(["sum", "size"])
    )
    days = pd.date_range(events["day"].min(), events["day"].max(), unit="us")
    index = pd.MultiIndex.from_product([days, sorted({*names.values(), NATION})], names=["day", "oblast"])
    table = counted.reindex(index, fill_value=0).set_axis(["energy_events", "coded_events"], axis=1).reset_index()
    rules = (
        _rule(
            "keep_russian_strikes",
            "Only explosions and remote violence by Russian forces.",
            raw["event_id_cnty"][~strikes],
        ),
        _rule("drop_repeated_events", "The same event twice.", raw.loc[strikes, "event_id_cnty"].drop(events.index)),
    )
    state = f"events of {days[0]:%Y-%m-%d} to {days[-1]:%Y-%m-%d}"
    return Imported(
        {"energy_acled": table}, rules, (Source(**SOURCE, state=state),), (Input.of(path.name, content),), tuple(notes)
    )


def _rule(name, why, events):
    distinct = events.drop_duplicates()
    return Rule(name, why, len(distinct), tuple(distinct.sort_values().head(3)))
