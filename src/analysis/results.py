"""The record of findings, `reports/results.csv`, read back."""

from pathlib import Path

import pandas as pd

from analysis.effects import COLUMNS, NATIONAL
from analysis.errors import DataError
from analysis.pauses import data_folder, load_pauses, reported_pauses
from analysis.sentences import FEWER, MORE, amount, outcome_label
from analysis.tables import outcomes as catalogue

FILE = "results.csv"


def load_results(path=None):
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
    return read_stored(stored_path(path, FILE), COLUMNS, command="pauses report")


def stored_path(path, name):
    """The path that was given, or else that of a table in `reports/` beside the data folder."""
    return Path(path) if path else data_folder().parent / "reports" / name


def read_stored(path, columns, *, command):
    """Read a table that a command stored; a DataError names the command where it is absent or has other columns."""
    try:
        table = pd.read_csv(path, keep_default_na=False, na_values=[""])
    except (OSError, ValueError) as error:
        raise DataError("no such table to read", file=path.name, remedy=f"run: {command}") from error
    if list(table.columns) != list(columns):
        raise DataError(
            "not the columns of this table", file=path.name, expected=", ".join(columns[:4]) + ", ...",
            found=", ".join(table.columns[:4]), remedy=f"move the file away and run: {command}",
        )  # fmt: skip
    return table


def verdicts(results, *, window="pause", registry=None):
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
    registry = load_pauses() if registry is None else registry
    family = [name for name, outcome in catalogue().items() if outcome.in_family]
    rows = []
    for pause in reported_pauses(registry):
        own = results[(results["pause"] == pause.id) & (results["claim"] == pause.main)]
        own = own[(own["window"] == window) & (own["stratum"] == NATIONAL) & own["outcome"].isin(family)]
        deciding = own[~own["reason"].fillna("").str.startswith("companion")]
        rows.append(deciding.assign(name=pause.name))
    return pd.concat(rows, ignore_index=True)


def forest_frame(rows):
    """The frame that `draw_forest` reads, from rows of the record with a column name: the pause's in words.

    Returns
    -------
    DataFrame
        Columns ratio, ratio_low, ratio_high, label, told.
    """
    labels = rows["name"] + ": " + rows["outcome"].map(lambda name: outcome_label(name, short=True))
    told = rows["verdict"].isin([FEWER, MORE])
    return rows[["ratio", "ratio_low", "ratio_high"]].astype(float).assign(label=labels, told=told)


def describe_forest(rows):
    """Alternative text of a forest of findings: how many there are and which could be told from chance."""
    told = "; ".join(rows.loc[rows["told"], "label"]) or "none"
    return f"Ratios of launched to expected for {len(rows)} findings. Told from chance: {told}."


def shown_verdicts(results, *, registry=None):
    """The deciding rows as text for readers: what flew, what would have been ordinary, and the verdict."""
    rows = verdicts(results, registry=registry)
    ordinary = [
        f"{amount(row.expected_low)} to {amount(row.expected_high)}" if pd.notna(row.expected_high) else "–"
        for row in rows.itertuples()
    ]
    return pd.DataFrame(
        {
            "outcome": [outcome_label(name, short=True) for name in rows["outcome"]],
            "days": rows["first_day"].where(rows["n_days"] == 1, rows["first_day"] + " to " + rows["last_day"]),
            "flew": [amount(value) if pd.notna(value) else "–" for value in rows["observed"]],
            "ordinary": ordinary,
            "visible cut": [f"{cut:.0%}" if pd.notna(cut) else "–" for cut in rows["smallest_visible_cut"]],
            "verdict": rows["verdict"],
        }
    ).set_axis(rows["name"].rename("pause"))
