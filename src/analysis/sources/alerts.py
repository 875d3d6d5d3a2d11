"""Air-raid alerts: from a raw file to intervals by oblast, and to the table of days.

Two forms of the same official record are read: alerts already merged to oblast (`region, started_at,
finished_at`), and the upstream file with raion and hromada rows (`oblast, raion, hromada, level, started_at,
finished_at`), merged here. Times are UTC. An oblast is under alert while any part of it is.
"""

import gzip
import zlib
from functools import partial
from pathlib import Path

import pandas as pd

from analysis.errors import DataError
from analysis.sources.alertdays import ONE_DAY, daily_alerts
from analysis.sources.imported import Imported, Rule, Source, follow, record
from analysis.sources.oblasts import oblast_names
from analysis.sources.rawfile import RawFile, find_fault, read_rows, refuse
from analysis.tables import parse_table

MERGED = ("region", "started_at", "finished_at")
UPSTREAM = ("oblast", "raion", "hromada", "level", "started_at", "finished_at")
LONGEST_GAP = pd.Timedelta(days=180)


def import_alerts(path, *, folder):
    """Read a raw file of alerts and derive the table `alerts`.

    Parameters
    ----------
    path : path-like
        CSV, plain or gzipped, in either of the two forms.
    folder : path-like
        Folder that holds `oblasts.csv`.

    Returns
    -------
    Imported

    Raises
    ------
    DataError
        As `read_alerts`.
    """
    raw, hand_kept = RawFile.read(path), RawFile.read(Path(folder) / "oblasts.csv")
    alerts, cleaning, notes = read_alerts(raw, parse_table("oblasts", hand_kept.content))
    table, counting = daily_alerts(alerts)
    return Imported(
        tables={"alerts": table},
        rules=(*cleaning, *counting),
        sources=(Source.of("alerts", state=f"copy whose last alert began on {alerts['start'].max():%Y-%m-%d}"),),
        inputs=(raw, hand_kept),
        notes=tuple(notes),
    )


def read_alerts(raw, oblasts):
    """Read a raw file of alerts and merge it to intervals by oblast.

    Parameters
    ----------
    raw : RawFile
        Plain or gzipped.
    oblasts : DataFrame
        The table `oblasts`.

    Returns
    -------
    alerts : DataFrame
        Columns oblast, start, end (UTC), sorted, by row number. The intervals of an oblast are disjoint; an end
        that nobody knows is NaT.
    rules : list of Rule
    notes : list of str

    Raises
    ------
    DataError
        Not CSV, a column missing, an oblast that is unknown or has no alert at all, a time that cannot be read,
        half a year without any alert; all kinds of fault in one message.
    """
    raw = _unpacked(raw)
    required = MERGED if b"region" in raw.content.partition(b"\n")[0] else UPSTREAM
    text, notes = read_rows(raw, required=required)
    rows = _parse(text, oblasts)
    refuse(_faults(text, rows, oblasts, raw.name), file=raw.name)
    cleaning = (
        take_oblast_from_raion,
        leave_out_permanent_alerts,
        drop_repeated,
        drop_without_length,
        doubt_end_before_start,
        drop_permanent_parts,
    )
    rows, rules = follow(rows, cleaning)
    alerts = merge(rows[["oblast", "start", "end"]])
    unknown = "Nobody knows when it ended: no minutes are counted, and the day on which it began is not usable."
    joined = "Alerts of an oblast that overlap or touch are one: it is under alert while any part of it is."
    rules.append(record("leave_end_open", unknown, rows, rows.dropna(subset="end")))
    rules.append(Rule("merge", joined, len(rows) - len(alerts)))
    return alerts, rules, notes


def take_oblast_from_raion(rows):
    """The oblast stands in the column of the raion: the two are swapped."""
    return rows.assign(oblast=rows["oblast"].fillna(rows["raion_as_oblast"]))


def leave_out_permanent_alerts(rows):
    """Luhansk oblast and Crimea are under alert without end: what the file has of them means nothing."""
    return rows[rows["used"]]


def drop_repeated(rows):
    """The same place and times again."""
    return rows.drop_duplicates(["oblast", "place", "start", "end"])


def drop_without_length(rows):
    """An alert that ends in the second in which it begins."""
    return rows[rows["start"] != rows["end"]]


def doubt_end_before_start(rows):
    """An alert that ends before it begins: its end is not known."""
    return rows.assign(end=rows["end"].mask(rows["end"] < rows["start"]))


def drop_permanent_parts(rows):
    """A raion or hromada under alert for more than 24 hours is left out: it would hide all others of its oblast."""
    return rows[~(rows["part"] & (rows["end"] - rows["start"] > ONE_DAY))]


def merge(alerts):
    """Return the union of the intervals of each oblast; alerts without an end stay as they are."""
    known = alerts[alerts["end"].notna()].sort_values(["oblast", "start"], kind="stable")
    reach = known.groupby("oblast")["end"].cummax().groupby(known["oblast"]).shift()
    opens = ~(known["start"] <= reach)
    united = known[opens].assign(end=known.groupby(opens.cumsum())["end"].max().to_numpy())
    return pd.concat([united, alerts[alerts["end"].isna()]]).sort_values(["oblast", "start"], kind="stable")


def _unpacked(raw):
    if not raw.content.startswith(b"\x1f\x8b"):
        return raw
    try:
        return RawFile(raw.name, gzip.decompress(raw.content))
    except (OSError, EOFError, zlib.error) as error:
        raise DataError("damaged gzip archive", file=raw.name, found=str(error), remedy="download it again") from error


def _parse(text, oblasts):
    """Typed rows; a name or time that cannot be read becomes empty and is found by `_faults`."""
    text = text.rename(columns={"region": "oblast"}).reindex(columns=UPSTREAM, fill_value="")
    text = text.apply(lambda column: column.str.strip())
    names, status = oblast_names(oblasts), oblasts.set_index("oblast")["alerts_status"]
    rows = pd.DataFrame({"oblast": text["oblast"].str.casefold().map(names)})
    rows["place"] = text["raion"] + "|" + text["hromada"]
    rows["start"], rows["end"] = _moments(text["started_at"]), _moments(text["finished_at"])
    rows["part"] = text["level"].isin(["raion", "hromada"])
    rows["raion_as_oblast"] = text["raion"].str.casefold().map(names)
    rows["used"] = rows["oblast"].fillna(rows["raion_as_oblast"]).map(status) == "used"
    return rows


def _faults(text, rows, oblasts, file):
    """Every kind of fault with its rows."""
    find, named = partial(find_fault, text, file=file), text.columns[0]
    unknown = rows["oblast"].isna() & rows["raion_as_oblast"].isna()
    endless = rows["end"].isna() & (text["finished_at"] != "")
    lonely = rows["start"].sort_values().diff().reindex(rows.index) > LONGEST_GAP
    time, gap = "a time such as 2025-04-20 13:56:24+00:00", f"one in the {LONGEST_GAP.days} days before it"
    remedy = "correct it, or add the spelling there"
    yield find(named, unknown, "unknown region", "a name in oblasts.csv", remedy=remedy)
    yield find("started_at", rows["start"].isna(), "not a time", time)
    yield find("finished_at", endless, "not a time", f"{time}, or nothing")
    remedy = "correct the year, or take a whole file"
    yield find("started_at", lonely, "no alert anywhere for half a year", gap, remedy=remedy)
    silent = oblasts.loc[(oblasts["alerts_status"] == "used") & ~oblasts["oblast"].isin(rows["oblast"]), "oblast"]
    if len(silent) and not unknown.any():
        found, remedy = f"none for {', '.join(silent)}", "take a whole file: absent is not quiet"
        yield DataError("an oblast has no alert", file=file, field=named, found=found, remedy=remedy)


def _moments(text):
    dated = text.where(text.str.match(r"\d{4}-\d\d-\d\d"))  # pandas would read "today"
    return pd.to_datetime(dated, utc=True, format="ISO8601", errors="coerce").astype("datetime64[us, UTC]")
