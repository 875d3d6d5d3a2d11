"""What is stored, read back: the record of findings, energy in all pauses, and what the tables cover."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from analysis.effect import COLUMNS, NATIONAL, Answer, PauseEffect
from analysis.energy import readings_table, speaks
from analysis.errors import DataError
from analysis.figures import timeline_words
from analysis.measures import load_measures
from analysis.pauses import Pause, load_pauses, reported_pauses
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

    Parameters
    ----------
    path : path, optional
        By default, or where empty, `reports/results.csv` beside the data folder.

    Raises
    ------
    DataError
        No such file, or other columns than the record's.
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
        raise DataError("no such table to read", file=path.name, remedy=f"run: {command}") from error
    if list(table.columns) != list(columns):
        expected, found = (", ".join(list(names)[:4]) for names in (columns, table.columns))
        remedy = f"move the file away and run: {command}"
        raise DataError(
            "not the columns of this table", file=path.name, expected=f"{expected}, ...", found=found, remedy=remedy
        )
    return table


def verdicts(results: pd.DataFrame, *, registry: Registry | None = None) -> pd.DataFrame:
    """One row per reported pause and outcome: main claim, national, the deciding test.

    Parameters
    ----------
    results : DataFrame
        As from `load_results`.
    registry : mapping of Pause, optional

    Returns
    -------
    DataFrame
        Columns name and those of the record.
    """
    family = [name for name, outcome in catalogue().items() if outcome.in_family]
    rows = results[(results["window"] == "pause") & (results["stratum"] == NATIONAL) & results["outcome"].isin(family)]
    rows = rows[~rows["reason"].fillna("").str.startswith("companion")]
    pauses = reported_pauses(load_pauses() if registry is None else registry)
    own = [
        rows[(rows["pause"] == pause.id) & (rows["claim"] == pause.main)].assign(name=pause.name) for pause in pauses
    ]
    return pd.concat(own or [rows.assign(name="")[:0]], ignore_index=True)


def forest_frame(rows: pd.DataFrame) -> pd.DataFrame:
    """The frame that `draw_forest` reads, from rows of the record with a column name: the pause's in words.

    Returns
    -------
    DataFrame
        Columns ratio, ratio_low, ratio_high, label, told.
    """
    labels = rows["name"] + ": " + rows["outcome"].map(lambda name: outcome_label(name, short=True))
    told = rows["verdict"].isin([FEWER, MORE])
    return rows[["ratio", "ratio_low", "ratio_high"]].astype(float).assign(label=labels, told=told)


def describe_forest(rows: pd.DataFrame) -> str:
    """Alternative text of a forest of findings: how many there are and which could be told from chance."""
    told = "; ".join(rows.loc[rows["told"], "label"]) or "none"
    return f"Ratios of seen to expected for {len(rows)} findings. Told from chance: {told}."


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
    >>> from analysis.tables import load_strikes, load_table
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
    strikes : DataFrame
        As `load_strikes` returns it.
    alerts, oblasts : DataFrame
        The tables of that name.
    rear : DataFrame, optional
        The table `sirens_rear`: a night whose sirens all fell before midnight is then told apart, since truces begin
        at midnight.

    Returns
    -------
    DataFrame
        One row a day on which no drone was reported (0, or empty where the report is missing): day,
        drones_launched, missiles_launched, alert_minutes (sum over usable oblasts away from the front, at night),
        median_minutes and percentile (share of the yardstick, the nights with drones within 60 days, with fewer
        minutes), n_nights, verdict: silent from midnight (only with `rear`), credible (below the 10th percentile),
        ambiguous (below the 25th), missiles flew,
        suspicious, or no yardstick.

    Examples
    --------
    >>> from analysis.tables import load_table
    >>> from analysis.tables import load_strikes, load_table
    >>> checked = quiet_days(load_strikes()["2025":], load_table("alerts"), load_table("oblasts")).set_index("day")
    >>> checked.loc["2026-04-12", "verdict"]
    'credible'
    """
    away = oblasts.loc[oblasts["away_from_front"], "oblast"]
    chosen = alerts[alerts["usable"] & alerts["oblast"].isin(away)]
    nightly = chosen.groupby("day")["night_minutes"].sum()
    checked = []
    for day in strikes.index[~(strikes["drones_launched"] > 0)].intersection(nightly.index):
        near = nightly.loc[day - REACH * ONE_DAY : day + REACH * ONE_DAY]
        yardstick = near[strikes["drones_launched"].reindex(near.index) > 0]
        checked.append((day, nightly[day], yardstick.median(), (yardstick < nightly[day]).mean(), len(yardstick)))
    columns = ["day", "alert_minutes", "median_minutes", "percentile", "n_nights"]
    result = pd.DataFrame(checked, columns=columns).set_index("day")
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
    weekly, (told, shaded) = counts.resample("W").mean(), timeline_words(counts, label)
    start, end = (half.mean() for half in (counts.iloc[:182], counts.iloc[-182:]))
    return (
        f"Weekly means of {told} a day from {counts.index[0]:%Y-%m-%d} to {counts.index[-1]:%Y-%m-%d}: {start:.0f} in "
        f"the first half-year, {end:.0f} in the last, at most {weekly.max():.0f}; {shaded} shaded."
    )


def published_nights(registry: Registry, strikes: pd.DataFrame) -> pd.DataFrame:
    """Counts published for single nights beside the table's, where a night is stated as "2026-01-30/31".

    Returns
    -------
    DataFrame indexed by day
        Columns pause, drones published, drones in table, missiles published, missiles in table. The night
        from the 30th to the 31st is strike day 31.
    """
    rows = []
    for pause, count in ((owner, count) for owner in registry.values() for count in owner.published_counts):
        night = NIGHT.match(count.when)
        if night and (count.drones is not None or count.missiles is not None):
            year, month, _, new_month, last = night.groups()
            row = {"pause": pause.id, "day": pd.Timestamp(f"{year}-{new_month or month}-{last}")}
            for name, column in COUNTS.items():
                row |= {f"{name} published": getattr(count, name), f"{name} in table": strikes[column].get(row["day"])}
            rows += [row] if row["day"] in strikes.index else []
    columns = ["pause", "day", *(f"{name} {where}" for name in COUNTS for where in ("published", "in table"))]
    return pd.DataFrame(rows, columns=columns).set_index("day")


@dataclass(frozen=True, repr=False)
class EnergyOverview(Answer):
    """The main series of each measure in each reported pause, as recorded: main claim, deciding test, no daily frames.

    `names` has the id and name of each pause, `promised` what those that promised something about energy had in mind.
    """

    names: dict[str, str]
    promised: dict[str, str]
    effects: tuple[PauseEffect, ...]

    def summary(self) -> str:
        """How many readings cover their pause, how many of these could have shown anything, and what they did show."""
        speaking = [effect for effect in self.effects if speaks(effect)]
        able, verdicts = sum(effect.testable for effect in speaking), [effect.verdict for effect in speaking]
        told = [f"{verdicts.count(verdict)} {verdict}" for verdict in (FEWER, MORE, DEPENDS) if verdict in verdicts]
        heard = f"{len(speaking)} could read their pause, and {able} of these would have shown it had nothing been hit"
        led = f"Of {len(self.effects)} readings (a pause by a measure), {heard}."
        known = f"Told from chance: {listed(told) or 'none'}."
        return f"**{led} {known}** {WITNESSES} Coded reports, daily list and large raids are {MODEL}."

    def table(self) -> pd.DataFrame:
        """A row for each pause that promised something about energy: how many measures speak, and the first of them."""
        rows = {}
        for pause, what in self.promised.items():
            own = [effect for effect in self.effects if effect.pause == pause]
            able = [effect for effect in own if speaks(effect)]
            first = readings_table(able[:1]).reset_index().astype(object)
            shown = first.iloc[0] if len(first) else pd.Series("–", first.columns)
            heard = {"promised to spare": what, "measures that can speak": f"{len(able)} of {len(own)}"}
            rows[self.names[pause]] = heard | shown.drop("could have shown").to_dict()
        return pd.DataFrame.from_dict(rows, orient="index").rename_axis("pause")

    side_by_side = table


def compare_energy(results: pd.DataFrame, *, registry: Registry | None = None) -> EnergyOverview:
    """Set the energy rows of the record side by side.

    Parameters
    ----------
    results : DataFrame
        As from `load_results`.
    registry : mapping of Pause, optional

    Returns
    -------
    EnergyOverview
        Of the reported pauses that the record holds, in the order of the registry.

    Examples
    --------
    >>> len(compare_energy(load_results()).names)
    9
    """
    pauses = {pause.id: pause for pause in reported_pauses(load_pauses() if registry is None else registry)}
    recorded = results[(results["window"] == "pause") & (results["test"] == "shift")]
    recorded = recorded[recorded["claim"] == recorded["pause"].map({name: p.main for name, p in pauses.items()})]
    effects = []
    for measure in load_measures().values():
        rows = recorded[(recorded["outcome"] == measure.outcome) & (recorded["stratum"] == measure.place)]
        effects += sorted(map(_effect, rows.to_dict("records")), key=lambda effect: effect.first_day)
    held = {effect.pause for effect in effects}
    names = {name: pause.name for name, pause in pauses.items() if name in held}
    promised = {name: what for name in names if (what := _promise(pauses[name]))}
    return EnergyOverview(names, promised, tuple(effects))


def _promise(pause: Pause) -> str:
    """What a pause promised about energy, in words; nothing where it did not."""
    return "energy" if "energy" in pause.targets else "everything" if "all-hostilities" in pause.targets else ""


def _effect(row: Mapping[str, Any]) -> PauseEffect:
    values = {name: None if pd.isna(value) else value for name, value in row.items()}
    days = {name: date.fromisoformat(value) for name, value in values.items() if name.endswith("_day") and value}
    return PauseEffect(**values | days)
