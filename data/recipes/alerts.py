"""Air-raid alerts: from a raw file to intervals by oblast (UTC), and to minutes under alert by strike day.

Two forms of the official record are read: MERGED to oblasts, and UPSTREAM with raion and hromada rows, merged here."""

import gzip
import zlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from analysis.days import KYIV, strike_day
from analysis.errors import DataError
from analysis.tables import parse_table

from .kit import Check, Imported, Log, RawFile, Rule, faults_of, oblast_names, read_rows, refuse

MERGED = ("region", "started_at", "finished_at")
UPSTREAM = ("oblast", "raion", "hromada", "level", "started_at", "finished_at")
LONGEST_GAP = pd.Timedelta(days=180)
REAR_FROM = "2024-09-01"  # from then on drones are counted too
FIRST_DAY = pd.Timestamp("2022-09-28")  # the first strike day with a report
ONE_DAY = pd.Timedelta(days=1)
SATURATED, SATURATION_DAYS = 0.5, 90
# Take-off alarms begin and end in so many regions, two thirds of the 24, within so many seconds, and last so long at
# most. No file says why an alarm was called; one for missiles in flight can look the same.
TAKEOFF_REGIONS, TAKEOFF_SPREAD, TAKEOFF_LONGEST = 16, 5 * 60, 3 * 3600


def build(files: Sequence[RawFile], folder: Path) -> Imported:
    (raw, kept), log = files, Log()
    oblasts = parse_table("oblasts", kept.content)
    alerts, notes = read_alerts(raw, oblasts, log)
    table = daily_alerts(alerts, log)
    rear = rear_minutes(alerts, table, oblasts, log)
    state = {"state": f"copy whose last alert began on {alerts['start'].max():%Y-%m-%d}"}
    return Imported({"alerts": table, "sirens_rear": rear}, log, state, notes)


def read_alerts(raw: RawFile, oblasts: pd.DataFrame, log: Log) -> tuple[pd.DataFrame, list[str]]:
    """Disjoint intervals by oblast (columns oblast, start, end; UTC), sorted, by row number; and notes."""
    if raw.content.startswith(b"\x1f\x8b"):
        try:
            raw = RawFile(raw.name, gzip.decompress(raw.content))
        except (OSError, EOFError, zlib.error) as error:
            remedy = "download it again"
            raise DataError("damaged gzip archive", file=raw.name, found=str(error), remedy=remedy) from error
    header = raw.content.partition(b"\n")[0]
    if b"naive" in header.split(b","):
        found, remedy = "the volunteers' series, with its column naive", "take official_data_en.csv or its merged form"
        raise DataError("another series of alerts", file=raw.name, expected="official", found=found, remedy=remedy)
    text, notes = read_rows(raw, MERGED if b"region" in header else UPSTREAM)
    rows = _parse(text, oblasts)
    refuse(raw.name, faults_of(raw.name, text, _checks(text, rows, oblasts)))
    oblast = rows["oblast"].fillna(rows["raion_as_oblast"])
    used = oblasts.set_index("oblast")["alerts_status"] == "used"
    rows = log.step("take_oblast_from_raion", rows, rows.assign(oblast=oblast))
    rows = log.step("leave_out_permanent_alerts", rows, rows[oblast.map(used)])
    rows = log.step("drop_repeated", rows, rows.drop_duplicates(["oblast", "place", "start", "end"]))
    rows = log.step("drop_without_length", rows, rows[rows["start"] != rows["end"]])
    end = rows["end"].mask(rows["end"] < rows["start"])
    rows = log.step("doubt_end_before_start", rows, rows.assign(end=end))
    rows = log.step("drop_permanent_parts", rows, rows[~(rows["part"] & (rows["end"] - rows["start"] > ONE_DAY))])
    known = log.step("leave_end_open", rows, rows.dropna(subset="end")).sort_values(["oblast", "start"], kind="stable")
    reach = known.groupby("oblast")["end"].cummax().groupby(known["oblast"]).shift()
    opens = ~(known["start"] <= reach)
    united = known[opens].assign(end=known.groupby(opens.cumsum())["end"].max().to_numpy())
    alerts = pd.concat([united, rows[rows["end"].isna()]])[["oblast", "start", "end"]]
    alerts = alerts.sort_values(["oblast", "start"], kind="stable")
    log.append(Rule("merge", len(rows) - len(alerts)))
    return alerts, notes


def _parse(text: pd.DataFrame, oblasts: pd.DataFrame) -> pd.DataFrame:
    """Typed rows; a name or time that cannot be read becomes empty and is found by `_checks`."""
    text = text.rename(columns={"region": "oblast"}).reindex(columns=UPSTREAM, fill_value="")
    text, names = text.apply(lambda column: column.str.strip()), oblast_names(oblasts)
    rows = pd.DataFrame({"oblast": text["oblast"].str.casefold().map(names)})
    rows["place"] = text["raion"] + "|" + text["hromada"]
    for moment, column in (("start", "started_at"), ("end", "finished_at")):
        dated = text[column].where(text[column].str.match(r"\d{4}-\d\d-\d\d"))  # pandas would read "today"
        rows[moment] = pd.to_datetime(dated, utc=True, format="ISO8601", errors="coerce").dt.as_unit("us")
    rows["part"] = text["level"].isin(["raion", "hromada"])
    return rows.assign(raion_as_oblast=text["raion"].str.casefold().map(names))


def _checks(text: pd.DataFrame, rows: pd.DataFrame, oblasts: pd.DataFrame) -> Iterator[Check]:
    unknown, field = rows["oblast"].isna() & rows["raion_as_oblast"].isna(), text.columns[0]
    endless = rows["end"].isna() & (text["finished_at"] != "")
    lonely = rows["start"].sort_values().diff().reindex(rows.index) > LONGEST_GAP
    time, gap = "a time such as 2025-04-20 13:56:24+00:00", f"one in the {LONGEST_GAP.days} days before it"
    remedy = "correct it, or add the spelling there"
    yield Check(field, unknown, "unknown region", "a name in oblasts.csv", remedy=remedy)
    yield Check("started_at", rows["start"].isna(), "not a time", time)
    yield Check("finished_at", endless, "not a time", f"{time}, or nothing")
    remedy = "correct the year, or take a whole file"
    yield Check("started_at", lonely, "no alert anywhere for half a year", gap, remedy=remedy)
    silent = oblasts.loc[(oblasts["alerts_status"] == "used") & ~oblasts["oblast"].isin(rows["oblast"]), "oblast"]
    if len(silent) and not unknown.any():
        found, remedy = f"none for {', '.join(silent)}", "take a whole file: absent is not quiet"
        yield Check(field, None, "an oblast has no alert", found=found, remedy=remedy)


def number_takeoff_alarms(alerts: pd.DataFrame) -> pd.Series:
    """Number the nationwide alarms called when a MiG-31K takes off, known by their form; 0: none."""
    known = alerts[alerts["end"].notna()].sort_values("start", kind="stable")
    start, end, oblast = _seconds(known["start"]), _seconds(known["end"]), known["oblast"].to_numpy()
    stop = np.searchsorted(start, start + TAKEOFF_SPREAD, side="right")
    alarm, free_from = np.zeros(len(known), int), 0
    for first in np.flatnonzero(stop - np.arange(len(known)) >= TAKEOFF_REGIONS):
        together = np.arange(first, stop[first])
        all_clear = np.median(end[together])
        members = together[np.abs(end[together] - all_clear) <= TAKEOFF_SPREAD]
        if first >= free_from and len(set(oblast[members])) >= TAKEOFF_REGIONS:
            free_from = stop[first]
            if all_clear - start[first] <= TAKEOFF_LONGEST:
                alarm[members] = alarm.max() + 1
    return pd.Series(alarm, known.index).reindex(alerts.index, fill_value=0)


def daily_alerts(alerts: pd.DataFrame, log: Log) -> pd.DataFrame:
    """Minutes under alert by day and oblast, on strike days from FIRST_DAY on that lie wholly inside the file."""
    began = strike_day(alerts["start"])
    first, last = began.min() + ONE_DAY, began.max() - ONE_DAY
    if last < max(first, FIRST_DAY):
        raise DataError("no whole strike day from the first day on", expected=f"alerts after {FIRST_DAY:%Y-%m-%d}")
    days = pd.date_range(first, last, name="day", unit="us")
    edges, mornings = _clock(days, 18), _clock(days, 9)
    alarm, long = number_takeoff_alarms(alerts), alerts["end"] - alerts["start"] > ONE_DAY
    parts = []
    for oblast, own in alerts.groupby("oblast"):
        part = pd.DataFrame({"day": days, "oblast": oblast})
        for prefix, chosen in (("", own), ("mig31k_", own[alarm[own.index] > 0])):
            part[f"{prefix}minutes"] = _minutes(chosen, edges[:-1], edges[1:])
            part[f"{prefix}night_minutes"] = _minutes(chosen, edges[:-1], mornings)
            part[f"{prefix}started"] = _begun(chosen, edges)
        recent = part["minutes"].rolling(SATURATION_DAYS, min_periods=SATURATION_DAYS // 3).mean()
        part["long"] = _minutes(own[long[own.index]], edges[:-1], edges[1:]) > 0
        part["saturated"] = recent > SATURATED * 24 * 60
        part["open"] = _begun(own[own["end"].isna()], edges) > 0
        parts.append(part)
    flagged = pd.concat(parts).sort_values(["day", "oblast"])
    flagged = flagged[flagged["day"] >= FIRST_DAY].reset_index(drop=True)
    flags = flagged[["long", "saturated", "open"]]

    hours = pd.Series(np.diff(edges), days)[lambda spans: spans.index >= FIRST_DAY]
    ended = strike_day(alerts["end"].dropna())
    alarms = alerts["start"].groupby(alarm).min().drop(0, errors="ignore")
    odd, told = hours.index[hours != 24 * 3600], {"regions": TAKEOFF_REGIONS, "alarms": len(alarms)}
    log += [
        Rule("keep_whole_days", 2, [f"{day:%Y-%m-%d}" for day in (began.min(), began.max())]),
        Rule("clip_to_days", int((ended > began[ended.index]).sum())),
        Rule("keep_clock_changes", len(odd), list(odd.strftime("%Y-%m-%d"))),
        Rule("number_takeoff_alarms", int((alarm > 0).sum()), list(alarms.tail(5).dt.strftime("%Y-%m-%d")), told=told),
        *(Rule(f"flag_{flag}", int(rows.sum()), _runs(flagged[rows])) for flag, rows in flags.items()),
    ]
    return flagged.drop(columns=list(flags)).assign(usable=~flags.any(axis=1))


def rear_minutes(alerts: pd.DataFrame, table: pd.DataFrame, oblasts: pd.DataFrame, log: Log) -> pd.DataFrame:
    """Minutes under alert of the oblasts away from the front that are usable on every day, by part of the day."""
    table = table[table["day"] >= REAR_FROM]
    usable = table.groupby("oblast")["usable"].all()
    away = oblasts.loc[oblasts["away_from_front"] & (oblasts["alerts_status"] == "used"), "oblast"]
    members = sorted(set(away) & set(usable.index[usable]))
    log.append(Rule("keep_usable_rear", len(members), told={"first": REAR_FROM, "members": ", ".join(members)}))
    rear = table[table["oblast"].isin(members)].groupby("day")[["minutes", "night_minutes"]].sum()
    edges, midnights, dark = _clock(rear.index, 18), _clock(rear.index, 0), rear["night_minutes"]
    own = alerts[alerts["oblast"].isin(members)].groupby("oblast")
    evening = sum(_minutes(rows, edges[:-1], midnights) for _, rows in own)
    parts = {"evening_minutes": evening, "night_minutes": dark - evening, "day_minutes": rear["minutes"] - dark}
    return pd.DataFrame({"siren_minutes_rear": dark} | parts).reset_index()


def _clock(days: pd.DatetimeIndex, hour: int) -> np.ndarray:
    """When the clocks of Kyiv show an hour on each day; of 18:00, which ends a day, also on the one before."""
    days = days.union(days[:1] - ONE_DAY) if hour == 18 else days
    return _seconds((days + pd.Timedelta(hours=hour)).tz_localize(KYIV))


def _seconds(moments: Iterable[pd.Timestamp]) -> np.ndarray:
    return pd.DatetimeIndex(moments).as_unit("s").asi8


def _minutes(alerts: pd.DataFrame, begin: np.ndarray, end: np.ndarray) -> np.ndarray:
    """Whole minutes under alert in each span: time under alert so far, at its end less at its beginning."""
    known = alerts[alerts["end"].notna()]
    bounds = np.column_stack([_seconds(known["start"]), _seconds(known["end"])])
    if known.empty:
        return np.zeros(len(begin), int)
    reached = np.cumsum(bounds[:, 1] - bounds[:, 0])
    so_far = np.column_stack([np.concatenate([[0], reached[:-1]]), reached]).ravel()
    spent = np.interp(end, bounds.ravel(), so_far) - np.interp(begin, bounds.ravel(), so_far)
    return np.rint(spent / 60).astype(int)


def _begun(alerts: pd.DataFrame, edges: np.ndarray) -> np.ndarray:
    return np.diff(np.searchsorted(_seconds(alerts["start"]), edges))


def _runs(flagged: pd.DataFrame) -> tuple[str, ...]:
    """The dozen longest runs of flagged days, in words."""
    flagged = flagged.sort_values(["oblast", "day"])
    breaks = (flagged["oblast"] != flagged["oblast"].shift()) | (flagged["day"].diff() != ONE_DAY)
    runs = [
        (own["day"].iloc[0], own["day"].iloc[-1], own["oblast"].iloc[0]) for _, own in flagged.groupby(breaks.cumsum())
    ]
    runs.sort(key=lambda run: run[0] - run[1])
    return tuple(f"{oblast} {first:%Y-%m-%d} to {last:%Y-%m-%d}" for first, last, oblast in runs[:12])
