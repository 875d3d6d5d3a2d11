"""Oblasts: the names and places that raw files have for them, and counts of events by day and oblast."""

import numpy as np
import pandas as pd

from analysis.errors import DataError

NATION = "Ukraine"
FARTHEST = 20  # km from a known place at which an unknown place takes its oblast


def oblast_names(oblasts):
    """Return every spelling in the table of oblasts, in lower case, with the oblast that it means.

    Examples
    --------
    >>> row = {"oblast": "Lviv", "name_en": "Lviv oblast", "name_uk": "Львівська область", "spellings": "Lvivska|L'viv"}
    >>> oblast_names(pd.DataFrame([row]))["l'viv"]
    'Lviv'
    """
    names = {}
    for row in oblasts.itertuples():
        for name in (row.oblast, row.name_en, row.name_uk, *row.spellings.split("|")):
            if names.setdefault(name.casefold(), row.oblast) != row.oblast:
                raise DataError(f"{name} names two oblasts", file="oblasts.csv", field="spellings")
    return names


def find_oblasts(mentions, places, names):
    """Return the oblast of each mention, by the name of its region, else by its coordinates.

    Parameters
    ----------
    mentions : DataFrame
        With region (may be empty), longitude and latitude.
    places : DataFrame
        Known places: longitude, latitude, oblast.
    names : mapping of str to str
        Spellings in lower case to oblasts.

    Returns
    -------
    Series of str
        An oblast; "outside" (of Ukraine); "unplaced" (no region and no known place within 20 km).
    """
    from scipy.spatial import cKDTree

    def plane(frame):  # km east and north, near enough at the latitude of Ukraine
        return frame[["longitude", "latitude"]].to_numpy(dtype=float) * (111.2 * np.cos(np.radians(48.5)), 111.2)

    points = np.nan_to_num(plane(mentions), nan=1e6)
    distance, nearest = cKDTree(plane(places)).query(points)
    by_place = pd.Series(places["oblast"].to_numpy()[nearest], mentions.index).where(distance <= FARTHEST, "unplaced")
    return mentions["region"].str.casefold().map(names).fillna(by_place)


def count_by_oblast(events, oblasts):
    """Count events, and those on energy, on every day from the first to the last.

    Parameters
    ----------
    events : DataFrame
        Columns day, oblast (or "Ukraine", for the nation) and energy (bool).
    oblasts : iterable of str
        Those with rows in the result, beside the nation; events elsewhere are left out.

    Returns
    -------
    DataFrame
        Index day and oblast; sum (on energy), size (all); 0 where nothing happened.
    """
    days = pd.date_range(events["day"].min(), events["day"].max(), unit="us")
    index = pd.MultiIndex.from_product([days, sorted({*oblasts, NATION})], names=["day", "oblast"])
    return events.groupby(["day", "oblast"])["energy"].agg(["sum", "size"]).reindex(index, fill_value=0)
