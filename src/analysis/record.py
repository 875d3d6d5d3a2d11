"""The record of findings, `reports/results.csv`, read back."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from analysis.effect import COLUMNS, NATIONAL
from analysis.errors import DataError
from analysis.pauses import load_pauses, reported_pauses
from analysis.setting import Registry
from analysis.tables import data_folder
from analysis.tables import outcomes as catalogue
from analysis.words import FEWER, MORE, amount, outcome_label


def load_results(path: str | Path | None = None) -> pd.DataFrame:
    """Read the record: one row per pause, claim, outcome, stratum, window and test.

    Parameters
    ----------
    path : path, optional
        By default, or where empty, `reports/results.csv` beside the data folder.

    Returns
    -------
    DataFrame

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


def verdicts(results: pd.DataFrame, *, window: str = "pause", registry: Registry | None = None) -> pd.DataFrame:
    """One row per reported pause and outcome: main claim, national, the deciding test.

    Parameters
    ----------
    results : DataFrame
        As from `load_results`.
    window : str
        "pause", or another window of the record, such as "after-7".
    registry : mapping of Pause, optional

    Returns
    -------
    DataFrame
        Columns name and those of the record.
    """
    family = [name for name, outcome in catalogue().items() if outcome.in_family]
    rows = results[(results["window"] == window) & (results["stratum"] == NATIONAL) & results["outcome"].isin(family)]
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


def shown_verdicts(results: pd.DataFrame, *, registry: Registry | None = None) -> pd.DataFrame:
    """The deciding rows as text for readers: what flew, what would have been ordinary, and the verdict."""
    rows = verdicts(results, registry=registry)
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
