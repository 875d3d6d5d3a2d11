"""ACLED's events: strikes on Ukraine, and those tagged as damage to energy, by day and oblast.

For users with an account of their own: the licence forbids passing the data on, so nothing of it is shipped.
"""

from functools import partial

import pandas as pd

from analysis.sources.imported import Imported, Rule, Source
from analysis.sources.oblasts import NATION, count_by_oblast, oblast_names
from analysis.sources.rawfile import RawFile, find_fault, read_rows, refuse
from analysis.tables import load_table

COLUMNS = ["event_id_cnty", "event_date", "event_type", "actor1", "country", "admin1", "tags"]


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
    source = Source.of("acled", state=f"events of {dates.min():%Y-%m-%d} to {dates.max():%Y-%m-%d}")
    return Imported({"energy_acled": table}, rules, (source,), (raw,), tuple(notes))
