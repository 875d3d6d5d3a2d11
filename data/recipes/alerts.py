"""Air-raid alerts: from a raw file to intervals by oblast, and to minutes under alert by strike day.

Two forms of the same official record are read: alerts already merged to oblast (`region, started_at, finished_at`), and
the upstream file with raion and hromada rows (`oblast, raion, hromada, level, started_at, finished_at`), merged here.
Times are UTC. An oblast is under alert while any part of it is.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from analysis.days import KYIV, day_span, strike_day
from analysis.errors import DataError
from analysis.tables import parse_table

from .kit import Imported, RawFile, Rule, Source, find_fault, follow, oblast_names, read_rows, record, refuse

RAW = ("air_raid_alerts.csv.gz",)
TABLES = ("alerts", "sirens_rear")
SOURCE = Source(
    title="Ukrainian air raid sirens dataset",
    producer="Vadym Klymenko (Vadimkin), from the official alert channel",
    citation="Klymenko, V. Ukrainian air raid sirens dataset, official data. A file with a column region: as merged to "
    "oblast in goodfrog33/air-raid-forecasting-ukraine.",
    address="https://github.com/Vadimkin/ukrainian-air-raid-sirens-dataset",
    licence="MIT",
)
ADDRESS = (
    "https://raw.githubusercontent.com/Vadimkin/ukrainian-air-raid-sirens-dataset/HEAD/datasets/official_data_en.csv"
)
MERGED = ("region", "started_at", "finished_at")
UPSTREAM = ("oblast", "raion", "hromada", "level", "started_at", "finished_at")
LONGEST_GAP = pd.Timedelta(days=180)
REAR_FROM = "2024-09-01"  # from then on drones are counted too
FIRST_DAY = "2022-09-28"  # the first strike day with a report
ONE_DAY = pd.Timedelta(days=1)
SATURATED, SATURATION_DAYS = 0.5, 90
TAKEOFF_REGIONS = 16  # two thirds of the 24 regions with alerts
TAKEOFF_SPREAD, TAKEOFF_LONGEST = pd.Timedelta(minutes=5), pd.Timedelta(hours=3)


def build(path: str | Path, *, folder: str | Path) -> Imported:
    """Days and oblasts of a CSV file in either form, plain or gzipped."""
    raw, hand_kept = RawFile.read(path), RawFile.read(Path(folder) / "oblasts.csv")
    known = parse_table("oblasts", hand_kept.content)
    alerts, cleaning, notes = read_alerts(raw, known)
    table, counting = daily_alerts(alerts)
    rear, kept = rear_minutes(alerts, table, known)
    state = f"copy whose last alert began on {alerts['start'].max():%Y-%m-%d}"
    rules, inputs = (*cleaning, *counting, kept), (raw, hand_kept)
    return Imported({"alerts": table, "sirens_rear": rear}, rules, replace(SOURCE, state=state), inputs, notes)


def read_alerts(raw: RawFile, oblasts: pd.DataFrame) -> tuple[pd.DataFrame, list[Rule], list[str]]:
    """Intervals by oblast (columns oblast, start, end; UTC), sorted, by row number; the rules, and notes.

    The intervals of an oblast are disjoint; an end that nobody knows is NaT.
    """
    raw = _unpacked(raw)
    header = raw.content.partition(b"\n")[0]
    if b"naive" in header.split(b","):
        found, remedy = "the volunteers' series, with its column naive", "take official_data_en.csv or its merged form"
        raise DataError("another series of alerts", file=raw.name, expected="official", found=found, remedy=remedy)
    required = MERGED if b"region" in header else UPSTREAM
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


def take_oblast_from_raion(rows: pd.DataFrame) -> pd.DataFrame:
    """The oblast stands in the column of the raion: the two are swapped."""
    return rows.assign(oblast=rows["oblast"].fillna(rows["raion_as_oblast"]))


def leave_out_permanent_alerts(rows: pd.DataFrame) -> pd.DataFrame:
    """Luhansk oblast and Crimea are under alert without end: what the file has of them means nothing."""
    return rows[rows["used"]]


def drop_repeated(rows: pd.DataFrame) -> pd.DataFrame:
    """The same place and times again."""
    return rows.drop_duplicates(["oblast", "place", "start", "end"])


def drop_without_length(rows: pd.DataFrame) -> pd.DataFrame:
    """An alert that ends in the second in which it begins."""
    return rows[rows["start"] != rows["end"]]


def doubt_end_before_start(rows: pd.DataFrame) -> pd.DataFrame:
    """An alert that ends before it begins: its end is not known."""
    return rows.assign(end=rows["end"].mask(rows["end"] < rows["start"]))


def drop_permanent_parts(rows: pd.DataFrame) -> pd.DataFrame:
    """A raion or hromada under alert for more than 24 hours is left out: it would hide all others of its oblast."""
    return rows[~(rows["part"] & (rows["end"] - rows["start"] > ONE_DAY))]


def merge(alerts: pd.DataFrame) -> pd.DataFrame:
    """The union of the intervals of each oblast; alerts without an end stay as they are."""
    known = alerts[alerts["end"].notna()].sort_values(["oblast", "start"], kind="stable")
    reach = known.groupby("oblast")["end"].cummax().groupby(known["oblast"]).shift()
    opens = ~(known["start"] <= reach)
    united = known[opens].assign(end=known.groupby(opens.cumsum())["end"].max().to_numpy())
    return pd.concat([united, alerts[alerts["end"].isna()]]).sort_values(["oblast", "start"], kind="stable")


def _unpacked(raw: RawFile) -> RawFile:
    if not raw.content.startswith(b"\x1f\x8b"):
        return raw
    try:
        return RawFile(raw.name, gzip.decompress(raw.content))
    except (OSError, EOFError, zlib.error) as error:
        raise DataError("damaged gzip archive", file=raw.name, found=str(error), remedy="download it again") from error


def _parse(text: pd.DataFrame, oblasts: pd.DataFrame) -> pd.DataFrame:
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


def _faults(text: pd.DataFrame, rows: pd.DataFrame, oblasts: pd.DataFrame, file: str) -> Iterator[DataError | None]:
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


def _moments(text: pd.Series) -> pd.Series:
    dated = text.where(text.str.match(r"\d{4}-\d\d-\d\d"))  # pandas would read "today"
    return pd.to_datetime(dated, utc=True, format="ISO8601", errors="coerce").astype("datetime64[us, UTC]")


def number_takeoff_alarms(alerts: pd.DataFrame) -> pd.Series:
    """Find the nationwide alarms called when a MiG-31K takes off, and number them in order of time.

    No file says why an alarm was called; its form gives it away: within five minutes alerts begin in at least 16
    regions, and at least 16 of these end within five minutes of their median end, three hours later at most. An
    alarm for missiles in flight can look the same, and a region that is already under alert shows nothing. 0: none.
    """
    known = alerts[alerts["end"].notna()].sort_values("start", kind="stable")
    start, end, oblast = _seconds(known["start"]), _seconds(known["end"]), known["oblast"].to_numpy()
    spread, longest = TAKEOFF_SPREAD.total_seconds(), TAKEOFF_LONGEST.total_seconds()
    stop = np.searchsorted(start, start + spread, side="right")
    alarm, free_from = np.zeros(len(known), int), 0
    for first in np.flatnonzero(stop - np.arange(len(known)) >= TAKEOFF_REGIONS):
        together = np.arange(first, stop[first])
        all_clear = np.median(end[together])
        members = together[np.abs(end[together] - all_clear) <= spread]
        nationwide = len(set(oblast[members])) >= TAKEOFF_REGIONS
        if nationwide and first >= free_from:
            free_from = stop[first]
            if all_clear - start[first] <= longest:
                alarm[members] = alarm.max() + 1
    return pd.Series(alarm, known.index).reindex(alerts.index, fill_value=0)


def daily_alerts(alerts: pd.DataFrame, *, first_day: str | pd.Timestamp = FIRST_DAY) -> tuple[pd.DataFrame, list[Rule]]:
    """Minutes under alert by day and oblast, on strike days from `first_day` on that lie wholly inside the file.

    minutes, night_minutes (18:00 to 09:00) and started count all alerts, the same with mig31k_ in front those of
    take-off alarms alone. Earlier alerts still tell whether an oblast is saturated, which makes a day not usable.
    """
    began = strike_day(alerts["start"])
    first, last = began.min() + ONE_DAY, began.max() - ONE_DAY
    if last < max(first, pd.Timestamp(first_day)):
        raise DataError("no whole strike day from the first day on", expected=f"alerts after {first_day}")
    days = pd.date_range(first, last, name="day", unit="us")
    edges = _seconds(pd.DatetimeIndex([day_span(day)[0] for day in days] + [day_span(last)[1]]))
    mornings = _seconds((days + pd.Timedelta(hours=9)).tz_localize(KYIV))
    alarm = number_takeoff_alarms(alerts)
    long = alerts["end"] - alerts["start"] > ONE_DAY
    parts = []
    for oblast, own in alerts.groupby("oblast"):
        part = pd.DataFrame({"day": days, "oblast": oblast})
        for prefix, chosen in (("", own), ("mig31k_", own[alarm[own.index] > 0])):
            part[f"{prefix}minutes"], part[f"{prefix}night_minutes"] = _minutes(chosen, edges, mornings)
            part[f"{prefix}started"] = _begun(chosen, edges)
        recent = part["minutes"].rolling(SATURATION_DAYS, min_periods=SATURATION_DAYS // 3).mean()
        part["saturated"] = recent > SATURATED * 24 * 60
        part["long"] = _minutes(own[long[own.index]], edges, mornings)[0] > 0
        part["open"] = _begun(own[own["end"].isna()], edges) > 0
        parts.append(part)
    flagged = pd.concat(parts).sort_values(["day", "oblast"])
    flagged = flagged[flagged["day"] >= pd.Timestamp(first_day)].reset_index(drop=True)
    table = flagged.assign(usable=~flagged[["saturated", "long", "open"]].any(axis=1))
    return table.drop(columns=["saturated", "long", "open"]), _counting_rules(alerts, alarm, began, flagged)


def rear_minutes(alerts: pd.DataFrame, table: pd.DataFrame, oblasts: pd.DataFrame) -> tuple[pd.DataFrame, Rule]:
    """Minutes under alert of all oblasts away from the front together, by part of the strike day.

    Only oblasts usable on every day from `REAR_FROM` on are counted, so that the sum has the same members throughout.
    """
    table = table[table["day"] >= REAR_FROM]
    usable = table.groupby("oblast")["usable"].all()
    away = oblasts.loc[oblasts["away_from_front"] & (oblasts["alerts_status"] == "used"), "oblast"]
    members = sorted(set(away) & set(usable.index[usable]))
    days = pd.DatetimeIndex(table["day"].unique())
    edges = [day_span(day)[0] for day in days] + [day_span(days[-1])[1]]
    nights, mornings = (
        _seconds((days + pd.Timedelta(hours=hour)).tz_localize(KYIV, nonexistent="shift_forward")) for hour in (0, 9)
    )
    parts = np.zeros((3, len(days)), int)
    for _, own in alerts[alerts["oblast"].isin(members)].groupby("oblast"):
        whole, night = _minutes(own, _seconds(pd.DatetimeIndex(edges)), mornings)
        _, evening = _minutes(own, _seconds(pd.DatetimeIndex(edges)), nights)
        parts += [evening, night - evening, whole - night]
    rear = pd.DataFrame({"day": days, "siren_minutes_rear": parts[:2].sum(axis=0)})
    rear[["evening_minutes", "night_minutes", "day_minutes"]] = parts.T
    why = f"Away from the front and usable on every day from {REAR_FROM} on: {', '.join(members)}."
    return rear, Rule("keep_usable_rear", why, len(members))


def _seconds(moments: Iterable[pd.Timestamp]) -> np.ndarray:
    """Whole seconds since 1970, UTC."""
    return pd.DatetimeIndex(moments).as_unit("s").asi8


def _minutes(alerts: pd.DataFrame, edges: np.ndarray, mornings: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Whole minutes under alert on each day, and in its night: time under alert so far, at the end less the begin."""
    known = alerts[alerts["end"].notna()]
    if known.empty:
        return np.zeros(len(mornings), int), np.zeros(len(mornings), int)
    bounds = np.column_stack([_seconds(known["start"]), _seconds(known["end"])])
    reached = np.cumsum(bounds[:, 1] - bounds[:, 0])
    so_far = np.column_stack([np.concatenate([[0], reached[:-1]]), reached])
    at_edges, at_mornings = (np.interp(moments, bounds.ravel(), so_far.ravel()) for moments in (edges, mornings))
    return tuple(np.rint(part / 60).astype(int) for part in (np.diff(at_edges), at_mornings - at_edges[:-1]))


def _begun(alerts: pd.DataFrame, edges: np.ndarray) -> np.ndarray:
    """How many alerts began on each day."""
    return np.diff(np.searchsorted(_seconds(alerts["start"]), edges))


def _counting_rules(alerts: pd.DataFrame, alarm: pd.Series, began: pd.Series, flagged: pd.DataFrame) -> list[Rule]:
    """What was counted how, with the number of alerts, or of rows (a day and oblast) of the table, concerned."""
    hours = pd.Series({day: (day_span(day)[1] - day_span(day)[0]) for day in flagged["day"].unique()})
    odd = hours[hours != ONE_DAY]
    ended = alerts["end"].dropna()
    spanning = int((strike_day(ended) > began[ended.index]).sum())
    alarms = alerts["start"].groupby(alarm).min().drop(0, errors="ignore")
    form = f"Begun and ended together in {TAKEOFF_REGIONS} oblasts or more, {len(alarms)} alarms: taken for take-offs."
    rules = [
        ("keep_whole_days", "First and last day of the file are not whole.", 2, _dates([began.min(), began.max()])),
        ("clip_to_days", "An alert past 18:00 has minutes on each of its days, and began on one.", spanning),
        ("keep_clock_changes", "A day on which the clocks change has 23 or 25 hours.", len(odd), _dates(odd.index)),
        ("number_takeoff_alarms", form, int((alarm > 0).sum()), _dates(alarms.tail(5))),
    ]
    for flag, why in (
        ("long", "an alert of more than 24 hours has lost its all-clear or hides a chain of local alerts"),
        ("saturated", f"under alert for more than half of {SATURATION_DAYS} days, an alert is the normal state"),
        ("open", "an alert began of which nobody knows the end"),
    ):
        rules.append((f"flag_{flag}", f"Not usable: {why}.", int(flagged[flag].sum()), _runs(flagged[flagged[flag]])))
    return [Rule(*rule) for rule in rules]


def _dates(moments: Iterable[pd.Timestamp]) -> tuple[str, ...]:
    return tuple(f"{moment:%Y-%m-%d}" for moment in moments)


def _runs(flagged: pd.DataFrame) -> tuple[str, ...]:
    """The dozen longest runs of flagged days, in words."""
    flagged = flagged.sort_values(["oblast", "day"])
    breaks = (flagged["oblast"] != flagged["oblast"].shift()) | (flagged["day"].diff() != ONE_DAY)
    runs = flagged.groupby(breaks.cumsum()).agg(oblast=("oblast", "first"), first=("day", "min"), last=("day", "max"))
    longest = (runs["last"] - runs["first"]).sort_values(ascending=False, kind="stable").index[:12]
    return tuple(f"{run.oblast} {run.first:%Y-%m-%d} to {run.last:%Y-%m-%d}" for run in runs.loc[longest].itertuples())
