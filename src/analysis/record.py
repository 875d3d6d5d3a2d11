"""What is stored, read back: the record of findings, energy in all pauses, and what the tables cover."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from analysis.effect import COLUMNS, NATIONAL, Answer, PauseEffect, is_companion
from analysis.energy import readings_table, speaks
from analysis.errors import DataError
from analysis.figures import timeline_words
from analysis.measures import load_measures
from analysis.pauses import load_pauses, reported_pauses
from analysis.series import Words
from analysis.setting import Registry
from analysis.tables import data_folder
from analysis.tables import outcomes as catalogue
from analysis.vocabulary import MODEL
from analysis.windows import ONE_DAY, Day
from analysis.words import DEPENDS, FEWER, MORE, amount, listed, outcome_label

COUNTS = {"drones": "drones_launched", "missiles": "missiles_launched"}
REACH = 60  # days: nights with drones at most so far away are the yardstick of a quiet one
NIGHT = re.compile(r"^(\d{4})-(\d{2})-(\d{2})/(?:(\d{2})-)?(\d{2})(?:,.*| \(from.*)?$")
WITNESSES = (
    "The measures are no independent witnesses: reports and articles come from the same outlets, which repeat the "
    "same statements of officials, and what Russia declares comes from a party to the pause."
)


def load_results(path: str | Path | None = None) -> pd.DataFrame:
    """Read the record: one row per pause, claim, outcome, stratum, window and test.

    By default, or where `path` is empty, that in `reports/results.csv` beside the data folder; a DataError where there
    is no such file, or it has other columns.
    """
    return read_stored(stored_path(path, "results.csv"), COLUMNS, command="pauses report")


def stored_path(path: str | Path | None, name: str) -> Path:
    """The path that was given, or else that of a table in `reports/` beside the data folder."""
    return Path(path) if path else data_folder().parent / "reports" / name


def read_stored(path: Path, columns: Sequence[str], *, command: str) -> pd.DataFrame:
    """Read a table that a command stored; a DataError names the command where it is absent or has other columns."""
    try:
        table = pd.read_csv(path, keep_default_na=False, na_values=[""])
    except (OSError, ValueError) as error:
        problem = "not a table that can be read" if path.exists() else "no such table to read"
        remedy, found = f"restore the file, or run: {command}", str(getattr(error, "strerror", error))
        raise DataError(problem, file=path.name, found=found, remedy=remedy) from error
    fault = partial(DataError, file=path.name, remedy=f"restore the file, or move it away and run: {command}")
    if list(table) != list(columns) or not isinstance(table.index, pd.RangeIndex):  # or cells beyond the last column
        expected, found = f"{', '.join(list(columns)[:4])}, ...", ", ".join(list(table)[:4])
        raise fault("not the columns of this table", expected=expected, found=found)
    if len(broken := table.index[table.iloc[:, 1:].isna().all(axis=1)]):
        raise fault("not a row of this table", rows=broken + 2, found=str(table.iloc[broken[0], 0]))
    return table


def verdicts(results: pd.DataFrame, *, registry: Registry | None = None) -> pd.DataFrame:
    """Rows of the record that decide, one per reported pause and outcome: main claim, national, the deciding test.

    Beside the columns of the record, as from `load_results`, they have a name: the pause's in words.
    """
    family = [name for name, outcome in catalogue().items() if outcome.in_family]
    rows = results[(results["window"] == "pause") & (results["stratum"] == NATIONAL) & results["outcome"].isin(family)]
    rows = rows[~rows["reason"].map(is_companion)]
    return _of_main_claims(rows, registry)


def _of_main_claims(rows: pd.DataFrame, registry: Registry | None) -> pd.DataFrame:
    """Rows of reported pauses under their main claims, in the order of the registry, with the pause's name."""
    pauses = reported_pauses(load_pauses() if registry is None else registry)
    names = pd.DataFrame([(pause.id, pause.main, pause.name) for pause in pauses], columns=["pause", "claim", "name"])
    return names.merge(rows)[[*rows, "name"]]


def forest_frame(rows: pd.DataFrame) -> pd.DataFrame:
    """What `draw_forest` reads, from rows as of `verdicts`: ratio, ratio_low, ratio_high, label, told from chance."""
    labels = rows["name"] + ": " + rows["outcome"].map(lambda name: outcome_label(name, short=True))
    ratios = rows[["ratio", "ratio_low", "ratio_high"]].astype(float)
    return ratios.assign(label=labels, told=rows["verdict"].isin([FEWER, MORE]))


def describe_forest(rows: pd.DataFrame) -> str:
    """Alternative text of a forest of findings: how many there are and which could be told from chance."""
    labels = "; ".join(rows.loc[rows["told"], "label"]) or "none"
    return f"Ratios of seen to expected for {len(rows)} findings. Told from chance: {labels}."


def shown_verdicts(results: pd.DataFrame) -> pd.DataFrame:
    """The deciding rows as text for readers: what flew, what would have been ordinary, and the verdict."""
    rows = verdicts(results)
    low, high = (rows[name].map(amount, na_action="ignore") for name in ("expected_low", "expected_high"))
    columns = {
        "outcome": [outcome_label(name, short=True) for name in rows["outcome"]],
        "days": rows["first_day"].where(rows["n_days"] == 1, rows["first_day"] + " to " + rows["last_day"]),
        "flew": rows["observed"].map(amount, na_action="ignore"),
        "ordinary": (low + " to " + high).where(high.notna()),
        "visible cut": rows["smallest_visible_cut"].map("{:.0%}".format, na_action="ignore"),
        "verdict": rows["verdict"],
    }
    return pd.DataFrame(columns).astype(object).fillna("–").set_axis(rows["name"].rename("pause"))


def coverage_by_year(strikes: pd.DataFrame) -> pd.DataFrame:
    """Days, gaps, zero days and sums of each year, from a table as `load_strikes` returns it.

    Examples
    --------
    >>> from analysis.tables import load_strikes
    >>> int(coverage_by_year(load_strikes()).loc[2025, "days without report"])
    1
    """
    by_year = strikes.groupby(strikes.index.year.rename("year"))
    columns = {"days": by_year.size(), "days without report": by_year.size() - by_year["reported"].sum()}
    for name, column in COUNTS.items():
        columns[f"days without a {name[:-1]}"] = by_year[column].agg(lambda counts: int((counts == 0).sum()))
        columns[name] = by_year[column].sum().astype(int)
    return pd.DataFrame(columns)


def zero_days(strikes: pd.DataFrame, *, first_day: Day) -> pd.DataFrame:
    """Every day from `first_day` on whose drone figure is zero or missing, or that rests on something else."""
    recent = strikes[first_day:]
    odd = (recent["drones_launched"] == 0) | (recent["drones_basis"] != "report")
    return recent.loc[odd, ["drones_launched", "missiles_launched", "drones_basis"]]


def quiet_days(
    strikes: pd.DataFrame, alerts: pd.DataFrame, oblasts: pd.DataFrame, *, rear: pd.DataFrame | None = None
) -> pd.DataFrame:
    """Check days without a launch against the alert-minutes of their night, far from the front.

    Parameters
    ----------
    strikes, alerts, oblasts : DataFrame
        As from `load_strikes`, and the tables of that name.
    rear : DataFrame, optional
        The table `sirens_rear`: a night whose sirens all fell before midnight is then told apart, since truces begin
        at midnight.

    Returns
    -------
    DataFrame
        One row a day on which no drone was reported (0, or empty where the report is missing): day,
        drones_launched, missiles_launched, alert_minutes (sum over usable oblasts away from the front, at night),
        median_minutes and percentile (share of the yardstick, the nights with drones within 60 days, with fewer
        minutes), n_nights, verdict: credible (below the 10th percentile), silent from midnight (only with `rear`),
        ambiguous (below the 25th), missiles flew, suspicious, or no yardstick.

    Examples
    --------
    >>> from analysis.tables import load_strikes, load_table
    >>> checked = quiet_days(load_strikes()["2025":], load_table("alerts"), load_table("oblasts")).set_index("day")
    >>> checked.loc["2026-04-12", "verdict"]
    'credible'
    """
    away = oblasts.loc[oblasts["away_from_front"], "oblast"]
    nightly = alerts[alerts["usable"] & alerts["oblast"].isin(away)].groupby("day")["night_minutes"].sum()
    flown, rows = strikes["drones_launched"] > 0, []
    for day in strikes.index[~flown].intersection(nightly.index):
        near = nightly.loc[day - REACH * ONE_DAY : day + REACH * ONE_DAY]
        yardstick = near[flown.reindex(near.index, fill_value=False)]
        rows.append((day, nightly[day], yardstick.median(), (yardstick < nightly[day]).mean(), len(yardstick)))
    columns = ["day", "alert_minutes", "median_minutes", "percentile", "n_nights"]
    result = pd.DataFrame(rows, columns=columns).set_index("day")
    result = strikes[["drones_launched", "missiles_launched"]].loc[result.index].join(result)
    flew, rank = result["missiles_launched"] > 0, result["percentile"]
    calm = pd.Series(False, result.index)
    if rear is not None:
        sirens = rear.set_index("day").reindex(result.index)
        calm = (sirens["night_minutes"] == 0) & (sirens["evening_minutes"] > 0)
    cases = [rank.isna(), rank < 0.10, calm, rank < 0.25, flew]
    words = ["no yardstick", "credible", "silent from midnight", "ambiguous", "missiles flew"]
    return result.assign(verdict=np.select(cases, words, "suspicious")).reset_index()


def pause_spans(registry: Registry) -> pd.DataFrame:
    """First and last strike day of every reported pause, for pictures: columns label, first_day, last_day."""
    spans = [(pause.name, *pause.days()[[0, -1]]) for pause in reported_pauses(registry)]
    return pd.DataFrame(spans, columns=["label", "first_day", "last_day"])


def describe_timeline(counts: pd.Series, *, label: str | Words = None) -> str:
    """Alternative text of a timeline: its span, first and last half-year means, and largest weekly mean."""
    (unit, shaded), weekly = timeline_words(counts, label), counts.resample("W").mean()
    start, end = (half.mean() for half in (counts.iloc[:182], counts.iloc[-182:]))
    return (
        f"Weekly means of {unit} a day from {counts.index[0]:%Y-%m-%d} to {counts.index[-1]:%Y-%m-%d}: {start:.0f} in "
        f"the first half-year, {end:.0f} in the last, at most {weekly.max():.0f}; {shaded} shaded."
    )


def published_nights(registry: Registry, strikes: pd.DataFrame) -> pd.DataFrame:
    """Counts published for single nights beside the table's, by strike day.

    Only of nights stated as "2026-01-30/31": the night from the 30th to the 31st is strike day 31.
    """
    rows = []
    for pause in registry.values():
        for count in pause.published_counts:
            if (night := NIGHT.match(count.when)) and {count.drones, count.missiles} != {None}:
                year, month, _, new_month, last = night.groups()
                day = pd.Timestamp(f"{year}-{new_month or month}-{last}")
                rows.append((day, pause.id, count.drones, count.missiles))
    nights = pd.DataFrame(rows, columns=["day", "pause", *(f"{name} published" for name in COUNTS)])
    held = strikes[list(COUNTS.values())].set_axis([f"{name} in table" for name in COUNTS], axis=1)
    columns = ["pause", *(f"{name} {where}" for name in COUNTS for where in ("published", "in table"))]
    return nights.set_index("day").join(held, how="inner")[columns]


@dataclass(frozen=True, repr=False)
class EnergyOverview(Answer):
    """The main series of each measure in each reported pause, as recorded: main claim, deciding test."""

    names: dict[str, str]  # id and name of each pause
    promised: dict[str, str]  # what was to be spared, of those that promised something about energy
    effects: tuple[PauseEffect, ...]

    def summary(self) -> str:
        """How many readings cover their pause, how many of these could have shown anything, and what they did show."""
        speaking = [effect for effect in self.effects if speaks(effect)]
        able, verdicts = sum(effect.testable for effect in speaking), [effect.verdict for effect in speaking]
        found = [f"{verdicts.count(verdict)} {verdict}" for verdict in (FEWER, MORE, DEPENDS) if verdict in verdicts]
        return (
            f"**Of {len(self.effects)} readings (a pause by a measure), {len(speaking)} could read their pause, "
            f"and {able} of these would have shown it had nothing been hit. "
            f"Told from chance: {listed(found) or 'none'}.** "
            f"{WITNESSES} Coded reports, daily list and large raids are {MODEL}."
        )

    def table(self) -> pd.DataFrame:
        """A row for each pause that promised something about energy: how many measures speak, and the first of them."""
        rows = {}
        for pause, what in self.promised.items():
            own = [effect for effect in self.effects if effect.pause == pause]
            speaking = [effect for effect in own if speaks(effect)]
            readings = readings_table(speaking[:1]).drop(columns="could have shown").reset_index().astype(object)
            first = readings.iloc[0] if len(readings) else pd.Series("–", readings.columns)
            counted = {"promised to spare": what, "measures that can speak": f"{len(speaking)} of {len(own)}"}
            rows[self.names[pause]] = counted | first.to_dict()
        return pd.DataFrame.from_dict(rows, orient="index").rename_axis("pause")

    side_by_side = table


def compare_energy(results: pd.DataFrame, *, registry: Registry | None = None) -> EnergyOverview:
    """Set the energy rows of the record side by side: reported pauses that it holds, in the order of the registry.

    Examples
    --------
    >>> len(compare_energy(load_results()).names)
    9
    """
    recorded = results[(results["window"] == "pause") & (results["test"] == "shift")]
    main = pd.DataFrame([(m.outcome, m.place) for m in load_measures().values()], columns=["outcome", "stratum"])
    rows = main.merge(_of_main_claims(recorded, registry).sort_values("first_day", kind="stable"))
    registry, names, promised = load_pauses() if registry is None else registry, {}, {}
    for pause in (pause for pause in registry.values() if pause.id in set(rows["pause"])):
        names[pause.id] = pause.name
        if {"energy", "all-hostilities"} & set(pause.targets):
            promised[pause.id] = "energy" if "energy" in pause.targets else "everything"
    return EnergyOverview(names, promised, tuple(map(_effect, rows.drop(columns="name").to_dict("records"))))


def _effect(row: Mapping[str, Any]) -> PauseEffect:
    """An effect as a row of the record states it."""
    values = {name: None if pd.isna(value) else value for name, value in row.items()}
    days = {name: date.fromisoformat(value) for name, value in values.items() if name.endswith("_day") and value}
    return PauseEffect(**values | days)
