"""The committed tables: load one, verify all, and the catalogue of outcomes read from them."""

import hashlib
import io
import json
import tomllib
from dataclasses import dataclass
from functools import cache, partial
from importlib.resources import files
from pathlib import Path
from types import MappingProxyType

import pandas as pd

from analysis.errors import DataError
from analysis.pauses import data_folder

REBUILD = "restore the file from version control, or run: pauses data build"


@dataclass(frozen=True)
class Outcome:
    """A daily series that the tests can be asked about.

    Attributes
    ----------
    name, label, short : str
        Identifier, name in a sentence, name in a narrow column.
    table, column : str
        Where the numbers are; the table has one row a day.
    first_day : str
        First usable strike day (ISO date): `outcome_series` starts here.
    strict_first_day : str or None
        A later start that is credible for exact work; verdicts are computed from both.
    in_family : bool
        Counts in the family that is corrected for multiple testing.
    note : str
        What limits the series.
    """

    name: str
    label: str
    short: str
    table: str
    column: str
    first_day: str
    strict_first_day: str | None
    in_family: bool
    note: str


OUTCOMES = (
    Outcome(
        name="drones_launched", label="long-range drones launched", short="drones", table="strikes",
        column="drones_launched", first_day="2024-09-01", strict_first_day="2025-01-01", in_family=True,
        note="about 5 % too low in October and November 2024; includes decoys",
    ),
    Outcome(
        name="missiles_launched", label="missiles launched", short="missiles", table="strikes",
        column="missiles_launched", first_day="2024-01-01", strict_first_day=None, in_family=True,
        note="all classes in one series: reports join them in changing ways",
    ),
    Outcome(
        name="drones_claimed_by_russia", label="Ukrainian drones that Russia says it shot down",
        short="Ukrainian drones", table="russian_claims", column="drones_claimed", first_day="2024-05-01",
        strict_first_day="2025-01-01", in_family=False, note="a night without drones has no post and is missing",
    ),
    Outcome(
        name="drones_named_by_russia", label="Ukrainian drones that Russia says it shot down",
        short="Ukrainian drones, at least", table="russian_claims", column="drones_named", first_day="2024-05-01",
        strict_first_day="2025-01-01", in_family=False, note="a night without a post counts as none: at least so many",
    ),
)  # fmt: skip


def outcomes():
    """Return the catalogue of outcomes.

    Returns
    -------
    Mapping of str to Outcome
        Read-only, in the order of reports.

    Examples
    --------
    >>> outcomes()["drones_launched"].strict_first_day
    '2025-01-01'
    """
    return MappingProxyType({outcome.name: outcome for outcome in OUTCOMES})


def outcome_series(name, *, first_day=None, drop_last=1, folder=None):
    """Return the daily series of an outcome from its first usable day.

    Parameters
    ----------
    name : str
        Name in `outcomes()`.
    first_day : str or Timestamp, optional
        Another first day. Earlier than the first usable day is allowed and the caller's risk.
    drop_last : int, default 1
        How many of the last days of the table to leave out. The last day of a snapshot is not complete: its
        evening is still to come and rows for it arrive with the next copy of the raw file.
    folder : path, optional
        Folder of tables; the project's own by default.

    Returns
    -------
    Series of float
        Named after the outcome; daily index named "day"; NaN where the figure is missing.

    Raises
    ------
    DataError
        If there is no such outcome, the table is damaged, or no day is left.

    Examples
    --------
    >>> outcome_series("drones_launched").loc["2025-05-08":"2025-05-11"].tolist()
    [0.0, 0.0, 0.0, 108.0]
    """
    catalogue = outcomes()
    if name not in catalogue:
        raise DataError("no such outcome", expected=f"one of {', '.join(catalogue)}", found=repr(name))
    outcome = catalogue[name]
    column = load_table(outcome.table, folder=folder).set_index("day")[outcome.column]
    start = pd.Timestamp(first_day or outcome.first_day)
    series = column.iloc[: len(column) - drop_last].loc[start:].astype(float).rename(name)
    if series.empty:
        problem, last = f"no day of {name} is left from {start:%Y-%m-%d}", f"last day {column.index[-1]:%Y-%m-%d}"
        raise DataError(problem, file=f"{outcome.table}.csv", found=last)
    return series


def load_strikes(*, folder=None):
    """Return every strike day of the table of strikes.

    Returns
    -------
    DataFrame
        Index "day" (datetime64[us], daily, no gaps); columns as in data/README.md; counts are float, NaN where
        not known. Levels before 2024-09 (drones) and 2024-01 (missiles) are not comparable with later ones.

    Raises
    ------
    DataError
        If the table is missing or damaged.

    Examples
    --------
    >>> bool(load_strikes().loc["2025-04-07", "reported"])
    False
    """
    return load_table("strikes", folder=folder).set_index("day")


def load_table(name, *, folder=None):
    """Return a committed table after a quick check: checksum, columns, sorted unique key.

    Parameters
    ----------
    name : str
        A table of data/README.md, such as "strikes".
    folder : path, optional
        Folder of tables; the project's own by default.

    Returns
    -------
    DataFrame
        Dates as datetime64[us], numbers as float (NaN where empty), truth values as bool, the rest as text.

    Raises
    ------
    DataError
        If the table is unknown, missing, or not the one its sidecar describes.

    Examples
    --------
    >>> list(load_table("weapon_classes"))
    ['model', 'class', 'is_long_range_strike']
    """
    definition = table_definition(name)
    folder = Path(folder) if folder is not None else data_folder()
    content = _read(folder / f"{name}.csv")
    if not definition.get("edited"):
        fault = checksum_fault(name, content, _read(folder / f"{name}.json"))
        if fault:
            raise fault
    return parse_table(name, content)


def parse_table(name, content):
    """Return the bytes of a table's CSV file as the typed frame of `load_table`; raises as that does."""
    definition = table_definition(name)
    types = {field["name"]: field["type"] for field in definition["fields"]}
    dtypes = {"boolean": bool, "string": str, "integer": float, "number": float}
    try:
        frame = pd.read_csv(
            io.BytesIO(content),
            dtype={column: dtypes[kind] for column, kind in types.items() if kind != "date"},
            parse_dates=[column for column, kind in types.items() if kind == "date"],
            date_format="%Y-%m-%d",
            keep_default_na=False,
            na_values=[""],
        )
    except ValueError as error:
        raise DataError("not a readable table", file=f"{name}.csv", found=str(error), remedy=REBUILD) from error
    if list(frame) != list(types):
        problem, place = "not the columns of the dictionary", {"file": f"{name}.csv", "remedy": REBUILD}
        raise DataError(problem, **place, expected=", ".join(types), found=", ".join(frame))
    _check_key(name, frame, definition)
    return frame


def checksum_fault(name, content, sidecar):
    """Return a DataError if `content` is not what the sidecar's bytes describe, else None."""
    try:
        expected = json.loads(sidecar)["output"]["sha256"]
    except (ValueError, KeyError, TypeError):
        return DataError("not a sidecar with output.sha256", file=f"{name}.json", remedy=REBUILD)
    found = hashlib.sha256(content).hexdigest()
    if found == expected:
        return None
    problem, file = "not the file that its sidecar describes", f"{name}.csv"
    return DataError(problem, file=file, field="sha256", expected=expected, found=found, remedy=REBUILD)


@cache
def table_definitions():
    """Return the dictionary: for each table its title, key, fields with types, units and constraints."""
    return tomllib.loads(files("analysis").joinpath("tables.toml").read_text("utf-8"))


def table_definition(name):
    """Return the definition of one table, or raise DataError."""
    definitions = table_definitions()
    if name not in definitions:
        raise DataError("no such table", expected=f"one of {', '.join(definitions)}", found=repr(name))
    return definitions[name]


def check_tables(*, folder=None):
    """Verify every committed table and list all faults at once.

    Checked: presence, checksum, columns, types, ranges, sorted unique key, gaps between days, the agreements
    named in the dictionary, sidecars, and datapackage.json.

    Parameters
    ----------
    folder : path, optional
        Folder of tables; the project's own by default.

    Returns
    -------
    DataFrame
        One row a fault, all text: file, field, rows, problem, expected, found, remedy. Empty: all is well.

    Examples
    --------
    >>> check_tables().empty
    True
    """
    from analysis.tablechecks import find_faults

    folder = Path(folder) if folder is not None else data_folder()
    contents = {path.name: path.read_bytes() for path in sorted(folder.glob("*.*")) if path.is_file()}
    columns = ["file", "field", "rows", "problem", "expected", "found", "remedy"]
    faults = [vars(fault) | {"rows": _listed(fault.rows)} for fault in find_faults(contents)]
    return pd.DataFrame(faults, columns=columns, dtype=str).fillna("")


def _listed(rows):
    return ", ".join(map(str, rows[:8])) + (f", ... ({len(rows)} rows)" if len(rows) > 8 else "")


def _check_key(name, frame, definition):
    key = definition["key"]
    fault = partial(DataError, file=f"{name}.csv", field=", ".join(key), remedy=REBUILD)
    repeated = frame.index[frame.duplicated(key)]
    if len(repeated):
        raise fault("key repeated", rows=repeated + 2)
    if not definition.get("edited") and not pd.MultiIndex.from_frame(frame[key]).is_monotonic_increasing:
        raise fault("rows not sorted")
    if definition.get("daily") and (frame[key[0]].diff().iloc[1:] != pd.Timedelta(days=1)).any():
        raise fault("a day is left out", expected="every day")


def _read(path):
    try:
        return path.read_bytes()
    except OSError as error:
        raise DataError("file cannot be read", file=path.name, found=error.strerror, remedy=REBUILD) from error
