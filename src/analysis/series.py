"""A daily series of one's own: what it counts, in words, and how it is read from a file."""

from __future__ import annotations

from dataclasses import astuple, dataclass
from pathlib import Path

import pandas as pd

from analysis.errors import DataError, DesignError
from analysis.tables import data_folder, outcomes

LONGEST_WORD = 60
SALVO_MISSILES = 20  # missiles a day that make a mass salvo


@dataclass(frozen=True)
class Label:
    """What a series counts, for every sentence, axis and caption.

    Attributes
    ----------
    one, many : str
        What is counted, in the singular and the plural, such as "admission" and "admissions".
    event : str
        What the window was, in the singular, such as "strike".
    """

    one: str
    many: str
    event: str = "window"

    def __post_init__(self) -> None:
        for word in astuple(self):
            if not isinstance(word, str) or not word.strip() or not word.isprintable() or len(word) > LONGEST_WORD:
                raise _no_label(word)

    def __str__(self) -> str:
        return self.many


OURS = Label("of this project", "of this project")  # no outcome of the catalogue, but about this war too
Words = Label | tuple[str, ...] | None


def series_label(name: object, given: Words) -> Label | None:
    """The label given, or else the series' own name; None for the series of this project, which have their own words.

    >>> series_label("drones_launched", None), str(series_label("road_deaths", None))
    (None, 'road deaths')
    >>> series_label("x", ("admission", "admissions")).event
    'window'
    """
    if given is OURS or (given is None and name in outcomes()):
        return None
    if given is None:
        known = " ".join(str(name or "counts").replace("_", " ").split()) or "counts"
        return Label(known[:LONGEST_WORD], known[:LONGEST_WORD])
    if isinstance(given, Label):
        return given
    if not isinstance(given, tuple | list) or len(given) not in (2, 3):
        raise _no_label(given)
    return Label(*given)


def _no_label(found: object) -> DesignError:
    expected = "singular and plural, such as ('admission', 'admissions'), and perhaps what the window was: 'strike'"
    return DesignError("not a label", field="label", expected=expected, found=f"{found!r:.80}")


def read_counts(file: str | Path, *, day: str = "day", count: str = "count") -> pd.Series:
    """Return a daily series from a CSV file with a row a day.

    Parameters
    ----------
    file : path
        A file, or the name of one of the samples in `data/examples`.
    day, count : str
        Names of the column of dates, written as YYYY-MM-DD, and of the column of counts.

    Returns
    -------
    Series of float
        Named after `count`; indexed by every day from the first to the last. Days without a row or without a count
        are NaN, not reported: a count of nothing must stand in the file as 0.

    Raises
    ------
    DataError
        The file cannot be read, lacks a column, or has rows that are no date, no number of 0 or more, or repeated.
    """
    path = Path(file)
    name = path.name
    if str(file) == name and not path.exists() and (sample := data_folder() / "examples" / name).is_file():
        path = sample
    try:
        table = pd.read_csv(path, dtype=str, skipinitialspace=True, skip_blank_lines=False, encoding="utf-8-sig")
    except (OSError, ValueError) as error:
        problem = "not a CSV file that can be read"
        raise DataError(problem, file=name, found=" ".join(str(error).split())[:100]) from error
    for column in (day, count):
        if column not in table or day == count:
            found = ", ".join(map(str, table.columns))[:200]
            raise DataError("no such column", file=name, field=f"{column:.60}", expected=f"one of {found}")
    table = table[[day, count]].dropna(how="all")
    days = pd.to_datetime(table[day], format="%Y-%m-%d", errors="coerce")
    counts = pd.to_numeric(table[count].str.strip(), errors="coerce")
    for column, wrong, expected in (
        (day, days.isna(), "a date as YYYY-MM-DD"),
        (day, days.duplicated(keep=False), "each day once"),
        (count, (counts.isna() & table[count].notna()) | ~counts.fillna(0).between(0, 1e15), "a number of 0 or more"),
    ):
        if wrong.any():
            rows = [int(row) + 2 for row in table.index[wrong]]
            found = ", ".join(table.loc[wrong, column].fillna("nothing").head(3))
            raise DataError("cannot be read", file=name, field=column, rows=rows, expected=expected, found=found)
    if table.empty:
        raise DataError("no rows", file=name, expected="a row a day")
    return pd.Series(counts.to_numpy(float), pd.DatetimeIndex(days, name="day"), name=count).sort_index().asfreq("D")
