"""Air-raid alerts by strike day: minutes under alert, take-off alarms, and what is usable."""

import numpy as np
import pandas as pd

from analysis.days import KYIV, day_span, strike_day
from analysis.errors import DataError
from analysis.sources.imported import Rule

FIRST_DAY = "2022-09-28"  # the first strike day with a report
ONE_DAY = pd.Timedelta(days=1)
SATURATED, SATURATION_DAYS = 0.5, 90
TAKEOFF_REGIONS = 16  # two thirds of the 24 regions with alerts
TAKEOFF_SPREAD, TAKEOFF_LONGEST = pd.Timedelta(minutes=5), pd.Timedelta(hours=3)


def number_takeoff_alarms(alerts):
    """Find the nationwide alarms called when a MiG-31K takes off, and number them in order of time.

    No file says why an alarm was called; its form gives it away: within five minutes alerts begin in at least 16
    regions, and at least 16 of these end within five minutes of their median end, three hours later at most. An
    alarm for missiles in flight can look the same, and a region that is already under alert shows nothing.

    Parameters
    ----------
    alerts : DataFrame
        As `read_alerts` returns it.

    Returns
    -------
    Series of int
        The alarm that an alert belongs to, 0 for none; index of `alerts`.
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


def daily_alerts(alerts, *, first_day=FIRST_DAY):
    """Count minutes under alert by strike day and oblast.

    Parameters
    ----------
    alerts : DataFrame
        As `read_alerts` returns it.
    first_day : str or Timestamp
        First day of the table; earlier alerts still tell whether an oblast is saturated.

    Returns
    -------
    table : DataFrame
        day, oblast; minutes, night_minutes (18:00 to 09:00) and started count all alerts, the same with mig31k_ in
        front those of take-off alarms alone; usable. Only strike days that lie wholly inside the file.
    rules : list of Rule
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


def _seconds(moments):
    """Whole seconds since 1970, UTC."""
    return pd.DatetimeIndex(moments).as_unit("s").asi8


def _minutes(alerts, edges, mornings):
    """Whole minutes under alert on each day, and in its night: time under alert so far, at the end less the begin."""
    known = alerts[alerts["end"].notna()]
    if known.empty:
        return np.zeros(len(mornings), int), np.zeros(len(mornings), int)
    bounds = np.column_stack([_seconds(known["start"]), _seconds(known["end"])])
    reached = np.cumsum(bounds[:, 1] - bounds[:, 0])
    so_far = np.column_stack([np.concatenate([[0], reached[:-1]]), reached])
    at_edges, at_mornings = (np.interp(moments, bounds.ravel(), so_far.ravel()) for moments in (edges, mornings))
    return tuple(np.rint(part / 60).astype(int) for part in (np.diff(at_edges), at_mornings - at_edges[:-1]))


def _begun(alerts, edges):
    """How many alerts began on each day."""
    return np.diff(np.searchsorted(_seconds(alerts["start"]), edges))


def _counting_rules(alerts, alarm, began, flagged):
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


def _dates(moments):
    return tuple(f"{moment:%Y-%m-%d}" for moment in moments)


def _runs(flagged):
    """The dozen longest runs of flagged days, in words."""
    flagged = flagged.sort_values(["oblast", "day"])
    breaks = (flagged["oblast"] != flagged["oblast"].shift()) | (flagged["day"].diff() != ONE_DAY)
    runs = flagged.groupby(breaks.cumsum()).agg(oblast=("oblast", "first"), first=("day", "min"), last=("day", "max"))
    longest = (runs["last"] - runs["first"]).sort_values(ascending=False, kind="stable").index[:12]
    return tuple(f"{run.oblast} {run.first:%Y-%m-%d} to {run.last:%Y-%m-%d}" for run in runs.loc[longest].itertuples())
