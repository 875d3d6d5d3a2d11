"""A daily series of one's own: what it counts, in words, and how it is read from a file."""

from __future__ import annotations

import csv
import re
from dataclasses import astuple, dataclass
from io import StringIO
from pathlib import Path

import pandas as pd

from analysis.errors import DataError, DesignError
from analysis.tables import data_folder, outcomes

LONGEST_WORD = 60
DATE = "[0-9]{4}-[0-9]{2}-[0-9]{2}"
SEPARATORS = ",;\t"
NUMBER, PLAIN = r"([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?", "a number of 0 or more without signs between thousands"
THOUSANDS = r"[0-9]{1,3}(\.[0-9]{3})+"  # what a point is there, nobody can say where commas separate no fields
MISSING = ("", "na", "n/a", "nan", "null", "none")
SIMULATED = " These are simulated: a strike from 8 to 10 October 2024 kept 40 % of admissions away."
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
            plain = isinstance(word, str) and word.strip() and word.isprintable() and not set("<>") & set(word)
            if not plain or len(word) > LONGEST_WORD:  # a page would take < for markup
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
        known = " ".join(re.sub("[_<>]", " ", str(name or "counts")).split()) or "counts"
        return Label(known[:LONGEST_WORD], known[:LONGEST_WORD])
    if isinstance(given, Label):
        return given
    if not isinstance(given, tuple | list) or len(given) not in (2, 3):
        raise _no_label(given)
    return Label(*given)


def _no_label(found: object) -> DesignError:
    expected = (
        "singular and plural, such as ('admission', 'admissions'), and perhaps what the window was: 'strike'; no < or >"
    )
    return DesignError("not a label", field="label", expected=expected, found=f"{found!r:.80}")


def read_counts(file: str | Path, *, day: str = "day", count: str = "count") -> pd.Series:
    """Return a daily series from a CSV file with a row a day.

    Parameters
    ----------
    file : path
        A file in UTF-8 whose fields are separated by commas, semicolons or tabs; or the name of one of the samples in
        `data/examples`.
    day, count : str
        Names of the column of dates, written as YYYY-MM-DD, and of the column of counts, which have no sign between
        thousands and, where they are no whole numbers, a decimal point.

    Returns
    -------
    Series of float
        Named after `count`; indexed by every day from the first to the last. Days without a row or without a count
        are NaN, not reported: a count of nothing must stand in the file as 0.

    Raises
    ------
    DataError
        There is no such file, it lacks a column, or has rows with other fields than the header, or that are no date,
        no number of 0 or more, or repeated. Nothing is guessed.
    """
    name, separator, rows = read_rows(file)
    header = rows.pop(next(iter(rows)))
    for column in (day, count):
        known = isinstance(column, str) and column in header
        if not known or header.count(column) > 1 or str(day) == str(count):
            problem = "no such column" if not known else "not one column of this name for each of the two"
            expected = f"one of {', '.join(map(repr, dict.fromkeys(header)))}"[:200]
            raise DataError(problem, file=name, field=f"{column!s:.60}", expected=expected)
    if ragged := [line for line, row in rows.items() if len(row) != len(header)]:
        expected, found = f"{len(header)} fields, as in the header", separator.join(rows[ragged[0]])
        remedy = f"correct them; pd.read_csv(file, sep={separator!r}, index_col=False) leaves spare last fields out"
        told = {"expected": expected, "found": f"{found!r:.80}", "remedy": remedy}
        raise DataError("rows have more or fewer fields than the header", file=name, rows=ragged, **told)
    table = pd.DataFrame([*rows.values()], [*rows], header, dtype=str)[[day, count]]
    table = table[(table != "").any(axis=1)]
    if table.empty:
        raise DataError("no rows", file=name, expected="a row a day")
    days = pd.to_datetime(table[day].where(table[day].str.fullmatch(DATE)), format="%Y-%m-%d", errors="coerce")
    given = table[count].mask(table[count].str.lower().isin(MISSING))
    unclear = given.str.fullmatch(THOUSANDS) & (separator != ",")
    counts = pd.to_numeric(given.where(given.str.fullmatch(NUMBER) & ~unclear), errors="coerce")
    form = f'pd.to_datetime(frame[{day!r}], format="%d/%m/%Y"), or "%m/%d/%Y" where the month is first'
    reader = f'pd.read_csv(file, sep={separator!r}, decimal=",", thousands=".", dtype={{{day!r}: str}})'
    for column, wrong, expected, remedy in (
        (day, days.isna(), "a date as YYYY-MM-DD", f"write it so, or tell pandas the form: {form}"),
        (day, days.duplicated(keep=False), "each day once", "keep one, or add them up"),
        (count, ~(counts.between(0, 1e15) | given.isna()), PLAIN, f"correct it, or say what its signs mean: {reader}"),
    ):
        if wrong.any():
            found = ", ".join(table.loc[wrong, column].replace("", "nothing").head(3))[:100]
            told = {"expected": expected, "found": found, "remedy": remedy}
            raise DataError("cannot be read", file=name, field=column, rows=table.index[wrong].tolist(), **told)
    return pd.Series(counts.to_numpy(float), pd.DatetimeIndex(days, name="day"), name=count).sort_index().asfreq("D")


def find_file(file: str | Path) -> Path:
    """The file, or where there is none the sample of this name."""
    folder = data_folder() / "examples"
    try:
        path = Path(file)
        tried = [path, *([folder / path] if path.name == str(file) else [])]
        return next(place for place in tried if place.is_file())
    except (TypeError, OSError, StopIteration):
        samples = ", ".join(sorted(sample.name for sample in folder.glob("*.csv")))
        expected, remedy = f"a CSV file, or a sample: {samples}", f"give its path, from {Path.cwd()} on or in full"
        raise DataError("no such file", file=f"{file!s:.200}", expected=expected, remedy=remedy) from None


def read_rows(file: str | Path) -> tuple[str, str, dict[int, list[str]]]:
    """The name of a CSV file, the sign that makes most columns of its header, and its rows by the lines they begin."""
    path, rows, line = find_file(file), {}, 1
    try:
        text = path.read_text("utf-8-sig")
        first = text.strip("\n ").partition("\n")[0]
        separator = max(SEPARATORS, key=lambda sign: len(next(csv.reader([first], delimiter=sign), [])))
        reader = csv.reader(StringIO(text), delimiter=separator, skipinitialspace=True, strict=True)
        for row in reader:
            if any(cells := [cell.strip() for cell in row]):
                rows[line] = cells
            line = reader.line_num + 1
    except (OSError, ValueError, csv.Error) as error:
        found, remedy = " ".join(str(error).split())[:100], "save it as CSV in UTF-8"
        raise DataError("not a CSV file that can be read", file=path.name, found=found, remedy=remedy) from error
    if not rows:
        raise DataError("an empty file", file=path.name, expected="a header, then a row a day")
    return path.name, separator, rows
