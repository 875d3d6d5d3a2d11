"""The committed tables: load one, verify all, describe them; and the catalogue of outcomes read from them.

What a table holds is stated in `tables.toml`, what can be tested in `outcomes.toml`."""

from __future__ import annotations

import hashlib
import io
import json
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache, partial
from importlib.resources import files
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pandas as pd

from analysis.days import PROVISIONAL, as_day, read_nights, with_nights
from analysis.errors import DataError
from analysis.places import data_folder, parsed

REBUILD = "restore the file from version control, or run: pauses data build"
PACKAGE = "datapackage.json"
AS_OF = "as_of.txt"  # in a data folder cut to an earlier day: that day
Folder = str | Path | None
SIDECAR = ("title", "licence", "sources", "inputs", "output", "rules")
FORMS = {
    "date": (r"\d{4}-\d{2}-\d{2}", "a date as YYYY-MM-DD"),
    "boolean": ("True|False", "True or False"),
    "integer": (r"-?\d+", "a whole number"),
}
LARGEST = 1e300  # beyond are no finite numbers
_fault = partial(DataError, remedy=REBUILD)


@dataclass(frozen=True)
class Outcome:
    """A daily series that the tests can be asked about; the head of outcomes.toml explains its fields."""

    name: str
    label: str
    short: str
    table: str
    column: str
    first_day: str
    note: str
    strict_first_day: str | None = None
    last_day: str | None = None
    after: str = ""
    in_family: bool = False


def outcomes() -> Mapping[str, Outcome]:
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
    return MappingProxyType({name: Outcome(name, **entry) for name, entry in _toml("outcomes.toml").items()})


def outcome_series(
    name: str, *, first_day: str | pd.Timestamp | None = None, drop_last: int = 1, folder: Folder = None
) -> pd.Series:
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
    if outcome.table == "strikes":
        rows = load_strikes(folder=folder)
        drop_last -= PROVISIONAL in tuple(rows.iloc[-1]) and drop_last > 0  # a night typed in is complete
    else:
        rows = load_table(outcome.table, folder=folder).set_index("day")
    column = rows[outcome.column]
    start = as_day(outcome.first_day if first_day is None else first_day, "first_day")
    series = column.iloc[: max(0, len(column) - drop_last)].loc[start : outcome.last_day].astype(float).rename(name)
    if series.empty:
        problem, last = f"no day of {name} is left from {start:%Y-%m-%d}", f"last day {column.index[-1]:%Y-%m-%d}"
        raise DataError(problem, file=f"{outcome.table}.csv", found=last)
    return series


def load_strikes(*, folder: Folder = None) -> pd.DataFrame:
    """Return every strike day of the table of strikes, and the provisional nights it does not hold yet.

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
    nights = read_nights(data_folder() if folder is None else Path(folder))
    return with_nights(load_table("strikes", folder=folder), nights).set_index("day")


def load_table(name: str, *, folder: Folder = None) -> pd.DataFrame:
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
    folder = data_folder() if folder is None else Path(folder)
    content = read_bytes(folder / f"{name}.csv", remedy=REBUILD)
    if not definition.get("edited"):
        sidecar = read_bytes(folder / f"{name}.json", remedy=REBUILD)
        _sidecar(name, sidecar, content)
    return parse_table(name, content)


def check_tables(*, folder: Folder = None) -> pd.DataFrame:
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
    faults = find_faults(folder_contents(data_folder() if folder is None else Path(folder)))
    columns = ["file", "field", "rows", "problem", "expected", "found", "remedy"]
    listed = [vars(fault) | {"rows": _listed(fault.rows)} for fault in faults]
    return pd.DataFrame(listed, columns=columns, dtype=str).fillna("")


def folder_contents(folder: Path) -> dict[str, bytes]:
    """The files of a data folder by name."""
    return {path.name: path.read_bytes() for path in sorted(folder.glob("*.*")) if path.is_file()}


@cache
def _toml(file: str) -> dict[str, Any]:
    return tomllib.loads(files("analysis").joinpath(file).read_text("utf-8"))


def dictionary() -> dict[str, Any]:
    """All of tables.toml: tables with their keys and fields, recipes with their rules, licences."""
    return _toml("tables.toml")


def table_definition(name: str) -> dict[str, Any]:
    """The definition of one table; DataError if there is none."""
    definitions = dictionary()["tables"]
    if name not in definitions:
        raise DataError("no such table", expected=f"one of {', '.join(definitions)}", found=repr(name))
    return definitions[name]


def parse_table(name: str, content: bytes) -> pd.DataFrame:
    """The typed frame of `load_table` from the bytes of the table's CSV file; raises as that does."""
    return _parsed(name, content).copy()  # a caller may change what it gets


@lru_cache(maxsize=32)
def _parsed(name: str, content: bytes) -> pd.DataFrame:
    definition = table_definition(name)
    frame = _typed(content, definition["fields"])
    if frame is None:
        for fault in _cell_faults(name, content):
            raise fault.with_traceback(None)  # it may have been raised before
        raise _fault("not a readable table", file=f"{name}.csv")
    key = definition["key"]
    fault = partial(_fault, file=f"{name}.csv", field=", ".join(key))
    repeated = frame.index[frame.duplicated(key)]
    if len(repeated):
        raise fault("key repeated", rows=repeated + 2)
    if not definition.get("edited") and not pd.MultiIndex.from_frame(frame[key]).is_monotonic_increasing:
        raise fault("rows not sorted")
    if definition.get("daily") and (frame[key[0]].diff().iloc[1:] != pd.Timedelta(days=1)).any():
        raise fault("a day is left out", expected="every day")
    return frame


def _typed(content: bytes, fields: Sequence[Mapping[str, Any]]) -> pd.DataFrame | None:
    """The typed frame; None where it cannot be one: then each cell is looked at, which takes ten times as long."""
    dates = [field["name"] for field in fields if field["type"] == "date"]
    dtypes = {field["name"]: _dtype(field) for field in fields if field["type"] != "date"}
    told = {"parse_dates": dates, "date_format": "%Y-%m-%d", "keep_default_na": False, "na_values": [""]}
    try:
        frame = pd.read_csv(io.BytesIO(content), dtype=dtypes, **told)
    except ValueError:
        return None
    if list(frame) != [field["name"] for field in fields] or frame.empty or not isinstance(frame.index, pd.RangeIndex):
        return None
    limits = {field["name"]: field.get("constraints", {}) for field in fields}
    whole = frame[[name for name in limits if limits[name].get("required")]].notna().all(axis=None)
    whole &= all(frame[name].dtype.kind == "M" for name in dates)
    numbers = frame[[field["name"] for field in fields if field["type"] in ("integer", "number")]]
    low = pd.Series({name: limits[name].get("minimum", -LARGEST) for name in numbers}, dtype=float)
    high = pd.Series({name: limits[name].get("maximum", LARGEST) for name in numbers}, dtype=float)
    outside = (numbers < low) | (numbers > high)
    return frame if whole and not outside.any(axis=None) else None


def _dtype(field: Mapping[str, Any]) -> type | str:
    if field["type"] == "boolean":
        return bool if field.get("constraints", {}).get("required") else "boolean"  # some are not known
    return str if field["type"] == "string" else float


def _sidecar(name: str, sidecar: bytes, content: bytes | None = None) -> dict[str, Any]:
    """What a sidecar says, if it has what is read from one and is that of the table with this content."""
    try:
        told = parsed(f"{name}.json", sidecar, remedy=REBUILD)
        expected = told["output"]["sha256"]
        if not all(one["title"] and one["address"] for one in told.get("sources", ())):
            raise LookupError
    except (LookupError, TypeError) as error:
        needed = "output.sha256, and sources with title and address"
        raise _fault("not a sidecar", file=f"{name}.json", expected=needed) from error
    if content is not None and expected != (found := hashlib.sha256(content).hexdigest()):
        problem = "not the file that its sidecar describes"
        raise _fault(problem, file=f"{name}.csv", field="sha256", expected=str(expected), found=found)
    return told


def read_bytes(path: Path, *, remedy: str | None = None) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise DataError("file cannot be read", file=path.name, found=error.strerror, remedy=remedy) from error


def _listed(rows: Sequence[int]) -> str:
    return ", ".join(map(str, rows[:8])) + (f", ... ({len(rows)} rows)" if len(rows) > 8 else "")


def find_faults(contents: Mapping[str, bytes]) -> list[DataError]:
    """Every fault of a data folder given as bytes by file name, in the order of the dictionary; none hides another.

    >>> print(find_faults({})[0])
    strikes.csv: file is missing. To do: restore the file from version control, or run: pauses data build.
    """
    faults = [fault for name in dictionary()["tables"] for fault in table_faults(name, contents)]
    return [*faults, *_package_faults(contents)]


def table_faults(name: str, contents: Mapping[str, bytes]) -> list[DataError]:
    """The faults of one table and its sidecar."""
    definition, table, beside = table_definition(name), f"{name}.csv", f"{name}.json"
    expected = [table] if definition.get("edited") else [table, beside]
    absent = [file for file in expected if file not in contents]
    if absent:
        allowed = definition.get("optional") and absent == expected
        return [] if allowed else [_fault("file is missing", file=file) for file in absent]
    faults = []
    if not definition.get("edited"):
        try:
            told = _sidecar(name, contents[beside], contents[table])
            faults = [_fault("entry is missing", file=beside, field=entry) for entry in SIDECAR if entry not in told]
        except DataError as wrong:
            faults = [wrong]
    cells = _cell_faults(name, contents[table])
    return [*faults, *(cells or _row_faults(name, contents[table], definition))]


@lru_cache(maxsize=32)
def _cell_faults(name: str, content: bytes) -> tuple[DataError, ...]:
    return tuple(_faults_of_cells(f"{name}.csv", content, table_definition(name)["fields"]))


def _faults_of_cells(file: str, content: bytes, fields: Sequence[Mapping[str, Any]]) -> Iterator[DataError]:
    """Faults of columns and cells in the text of a table: each check reads for itself, so all are reported."""
    try:
        frame = pd.read_csv(io.BytesIO(content), dtype=str, keep_default_na=False, na_values=[""])
    except ValueError as error:
        yield _fault("not a readable table", file=file, found=str(error))
        return
    if frame.empty or not isinstance(frame.index, pd.RangeIndex):
        yield _fault("table has no rows" if frame.empty else "rows have more cells than there are columns", file=file)
        return
    fault, names = partial(_fault, "not as in the dictionary", file=file), [field["name"] for field in fields]
    strange, absent = frame.columns.difference(names, sort=False), pd.Index(names).difference(frame.columns, sort=False)
    moved = [] if len(strange) or len(absent) else [due for name, due in zip(frame, names, strict=True) if name != due]
    columns = {"no such column": strange, "this column": absent, "the order of the dictionary": moved}
    for expected, found in columns.items():
        if len(found):
            yield fault(field="(columns)", expected=expected, found=", ".join(found[:3]))
    for field in fields:
        text = frame.get(field["name"], pd.Series(dtype=str))
        for expected, wrong in wrong_cells(text, field):
            if wrong.any():
                found = ", ".join(text[wrong].fillna("nothing").unique()[:3])
                yield fault(field=field["name"], rows=text.index[wrong] + 2, expected=expected, found=found)


def wrong_cells(text: pd.Series, field: Mapping[str, Any]) -> Iterator[tuple[str, pd.Series]]:
    """What a column of text is checked for, and the cells that fail; an empty one fails where a value is required."""
    limits, number = field.get("constraints", {}), pd.to_numeric(text, errors="coerce")
    if limits.get("required"):
        yield "a value in every row", text.isna()
    if field["type"] in FORMS:
        form, expected = FORMS[field["type"]]
        wrong = ~text.str.fullmatch(form, na=True)
        if field["type"] == "date":
            wrong |= text.notna() & pd.to_datetime(text, format="%Y-%m-%d", errors="coerce").isna()
        yield expected, wrong
    if field["type"] == "number":
        yield "a finite number", text.notna() & ~(number.abs() < float("inf"))
    if "minimum" in limits:
        yield f"{limits['minimum']} or more", number < limits["minimum"]
    if "maximum" in limits:
        yield f"{limits['maximum']} or less", number > limits["maximum"]
    if "enum" in limits:
        allowed = [str(value) for value in limits["enum"]]
        yield f"one of {', '.join(allowed)}", text.notna() & ~text.isin(allowed)


def _row_faults(name: str, content: bytes, definition: Mapping[str, Any]) -> Iterator[DataError]:
    """Faults of the key, and rows in which a statement of the dictionary does not hold."""
    try:
        frame = parse_table(name, content)
    except DataError as fault:
        yield fault
        return
    for holds in definition.get("must_hold", ()):
        if len(rows := frame.index[~frame.eval(holds)] + 2):
            yield _fault("figures do not agree", file=f"{name}.csv", rows=rows, expected=" ".join(holds.split()))


def _package_faults(contents: Mapping[str, bytes]) -> Iterator[DataError]:
    """Faults of datapackage.json: it must describe each table as it is."""
    if PACKAGE not in contents:
        yield _fault("file is missing", file=PACKAGE)
        return
    try:
        listed = parsed(PACKAGE, contents[PACKAGE], remedy=REBUILD)["resources"]
        names = {one["path"]: [field["name"] for field in one["schema"]["fields"]] for one in listed}
        resources = {one["path"]: one | {"fields": names[one["path"]]} for one in listed}
    except (DataError, LookupError, TypeError):
        yield _fault("not a data package with resources", file=PACKAGE)
        return
    fault = partial(_fault, "does not describe the table as it is", file=PACKAGE)
    for name, definition in _present(contents):
        stated = resources.get(f"{name}.csv", {})
        due = _size_and_hash(contents[f"{name}.csv"]) | {"fields": [field["name"] for field in definition["fields"]]}
        for entry, expected in due.items():
            if stated.get(entry) != expected:
                yield fault(field=f"{name}: {entry}", expected=str(expected), found=str(stated.get(entry)))


def _present(contents: Mapping[str, bytes]) -> list[tuple[str, dict]]:
    """Name and definition of each table that is there."""
    return [(name, table) for name, table in dictionary()["tables"].items() if f"{name}.csv" in contents]


def _size_and_hash(content: bytes) -> dict[str, Any]:
    return {"bytes": len(content), "hash": f"sha256:{hashlib.sha256(content).hexdigest()}"}


def described(file: str, content: bytes) -> dict[str, Any]:
    """Name, size and checksum of a file, as sidecars state them."""
    return {"file": file, "bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}


def data_package(contents: Mapping[str, bytes]) -> bytes:
    """datapackage.json (Frictionless Data) of a folder given as bytes by file name."""
    resources, sources, licences = [], {}, dictionary()["licences"]
    for name, definition, told in _tables(contents):
        resource = {"name": name.replace("_", "-"), "path": f"{name}.csv", "profile": "tabular-data-resource"}
        resource |= {"title": definition["title"], "description": definition["description"].strip()}
        resource |= {"format": "csv", "mediatype": "text/csv", "encoding": "utf-8"}
        resource |= _size_and_hash(contents[f"{name}.csv"]) | {"licenses": [licences[definition["licence"]]]}
        if own := [{"title": source["title"], "path": source["address"]} for source in told]:
            resource["sources"] = own
            sources |= {source["path"]: source for source in own}
        fields, key = definition["fields"], definition["key"]
        resources.append(resource | {"schema": {"fields": fields, "primaryKey": key, "missingValues": [""]}})
    used = {licence["name"]: licence for resource in resources for licence in resource["licenses"]}
    listed = {"licenses": list(used.values()), "sources": list(sources.values()), "resources": resources}
    return as_json(dictionary()["package"] | listed)


def readme(contents: Mapping[str, bytes]) -> bytes:
    """README.md of the data folder: how to rebuild, and each table's origin and columns."""
    from jinja2 import Template

    template = Template(dictionary()["readme"], trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True)
    return template.render(tables=_tables(contents), licences=dictionary()["licences"]).encode()


def _tables(contents: Mapping[str, bytes]) -> Iterator[tuple[str, dict, list]]:
    """Name, definition and sources of each table that is there; one kept by hand has none."""
    for name, definition in _present(contents):
        beside = contents.get(f"{name}.json")
        sources = _sidecar(name, beside).get("sources") if beside else []
        if sources is None:
            raise _fault("entry is missing", file=f"{name}.json", field="sources")
        yield name, definition, sources


def as_json(value: Any) -> bytes:
    return (json.dumps(value, indent=1, ensure_ascii=False) + "\n").encode()
