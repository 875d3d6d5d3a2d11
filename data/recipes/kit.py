"""The kit of the recipes: reading raw files, rules and the rows they touch, refusing, and the plan of a build.

A recipe is a module beside this one that states `TABLES` (those it makes, as in tables.toml), `RAW` (names of its raw
files), `SOURCE` (whose figures, on what terms) and `build(*paths, folder) -> Imported`, which only reads. `MORE` is a
pattern of further raw files that need not be there: they are read beside `RAW`, not instead. `ADDRESS` is where the
first of them is published, `PRIVATE` says that a Kaggle token is needed there. Being here makes a recipe known.
"""

import csv
import io
import os
import tomllib
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from functools import partial
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any, Self

import numpy as np
import pandas as pd

from analysis import tables
from analysis.errors import DataError

NATION = "Ukraine"  # the row of all oblasts, and of what has no place
NOT_CSV = {
    b"<": "a web page",
    b"pk\x03\x04": "a spreadsheet or a zip archive",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook",
    b"\x1f\x8b": "a gzip archive",
    b"par1": "a parquet file",
}


# Reading, so that whatever is wrong with a raw file is named, with row numbers as a text editor counts them


@dataclass(frozen=True)
class RawFile:
    """The bytes of a file and its name; never its place on a machine."""

    name: str
    content: bytes = field(repr=False)

    @classmethod
    def read(cls, path: str | Path) -> Self:
        path = Path(path)
        try:
            return cls(path.name, path.read_bytes())
        except OSError as error:
            raise DataError("file cannot be read", file=path.name, found=error.strerror) from error

    def described(self) -> dict[str, Any]:
        return tables.described(self.name, self.content)


def read_rows(
    raw: RawFile, *, required: Iterable[str], optional: Iterable[str] = (), ignored: Iterable[str] | None = None
) -> tuple[pd.DataFrame, list[str]]:
    """The text cells of a CSV file by row number, without any interpretation, and what to note of its columns.

    A required column that is absent is refused, an optional one is left empty; empty cells are "". Where the columns to
    be `ignored` are told, any other is refused once its cells differ: it may change what the others mean.

    >>> text, notes = read_rows(RawFile("n.csv", b"day,n\\n2024-01-01,3\\n"), required=["n"])
    >>> text.to_dict("index"), notes
    ({2: {'n': '3'}}, ['n.csv: columns not used: day'])
    """
    fault = partial(DataError, file=raw.name, remedy="download the file again, as CSV in UTF-8")
    numbers, (header, *records) = _split(raw.content, fault)
    missing = ", ".join(name for name in required if header.count(name) != 1)
    if missing:
        expected, found = ", ".join(required), ", ".join(header)[:300]
        raise fault("column missing or twice", field=missing, expected=expected, found=found)
    if not records:
        raise fault("only a header, no rows")
    index = pd.Index(numbers[1:], name="row")
    cells = pd.Series(map(len, records), index)
    uneven = cells[cells != len(header)]
    if len(uneven):
        expected, found = f"{len(header)} cells", f"{uneven.iloc[0]} in row {uneven.index[0]}"
        raise fault("row cut short or broken", rows=uneven.index, expected=expected, found=found)
    taken = [*required, *optional]
    notes = [f"{raw.name}: column {name} is absent, taken as empty" for name in optional if name not in header]
    unused = [name for name in header if name not in taken]
    notes += [f"{raw.name}: columns not used: {', '.join(unused)}"] if unused else []
    cells = pd.DataFrame(records, index, header, dtype="str")
    for name in unused if ignored is not None else ():
        values = cells.loc[:, [name]].iloc[:, 0].unique()
        if name not in ignored and len(values) > 1:
            remedy = "give it a rule in the recipe, or name it among the columns to be ignored"
            found, expected = ", ".join(map(repr, values[:3])), "no column that is not known"
            raise DataError("new column", file=raw.name, field=name, expected=expected, found=found, remedy=remedy)
    return cells.reindex(columns=taken, fill_value=""), notes


def _split(content: bytes, fault: Callable[..., DataError]) -> tuple[list[int], list[list[str]]]:
    """The line that each row begins on, and rows as lists of cells, the names of columns without blanks around."""
    for magic, kind in NOT_CSV.items():
        if content.lstrip()[:8].lower().startswith(magic):
            raise fault(f"not a CSV file but {kind}")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        row, found = content[: error.start].count(b"\n") + 1, f"byte 0x{content[error.start]:02x}"
        raise fault("wrong encoding", rows=[row], expected="UTF-8", found=found) from error
    if not text.strip():
        raise fault("file is empty")
    reader, numbers, rows, begins = csv.reader(io.StringIO(text, newline=""), strict=True), [], [], 1
    try:
        for cells in reader:
            if cells:
                numbers.append(begins)
                rows.append(cells)
            begins = reader.line_num + 1
    except csv.Error as error:
        raise fault("not readable as CSV", rows=[begins], found=str(error)) from error
    return numbers, [[name.strip() for name in rows[0]], *rows[1:]]


def read_lexicon(raw: RawFile) -> dict[str, Any]:
    """The words of a lexicon in TOML."""
    try:
        return tomllib.loads(raw.content.decode())
    except ValueError as error:
        raise DataError("not a readable lexicon", file=raw.name, found=str(error)) from error


def find_fault(
    text: pd.DataFrame,
    field: str,
    wrong: pd.Series,
    problem: str,
    expected: str | None = None,
    *,
    file: str,
    found: pd.Series | None = None,
    remedy: str = "correct the row",
) -> DataError | None:
    """The fault of the rows in which a field is wrong, if any are; of `found`, else of the field, three are shown."""
    rows = wrong.index[wrong]
    if rows.empty:
        return None
    values = (text[field] if found is None else found)[rows].drop_duplicates()
    shown = ", ".join(map(repr, values.head(3)))
    return DataError(problem, file=file, field=field, rows=rows, expected=expected, found=shown, remedy=remedy)


def refuse(faults: Iterable[DataError | None], *, file: str) -> None:
    """Raise one DataError for all faults of a file (None is no fault), if there are any."""
    faults = [fault for fault in faults if fault]
    if len(faults) == 1:
        raise faults[0]
    if faults:
        lines = "\n".join(f"- {fault}" for fault in faults)
        raise DataError(f"{len(faults)} kinds of fault, nothing was changed\n{lines}", file=file)


def oblast_names(oblasts: pd.DataFrame) -> dict[str, str]:
    """Every spelling in the table of oblasts, in small letters, with the oblast that it means.

    >>> row = {"oblast": "Lviv", "name_en": "Lviv oblast", "name_uk": "Львівська область", "spellings": "Lvivska|L'viv"}
    >>> oblast_names(pd.DataFrame([row]))["l'viv"]
    'Lviv'
    """
    names = {}
    for row in oblasts.itertuples():
        for name in (row.oblast, row.name_en, row.name_uk, *row.spellings.split("|")):
            if names.setdefault(name.casefold(), row.oblast) != row.oblast:
                raise DataError(f"{name} names two oblasts", file="oblasts.csv", field="spellings")
    return names


def count_by_oblast(events: pd.DataFrame, oblasts: Iterable[str]) -> pd.DataFrame:
    """How many events there are on energy (sum) and at all (size), by day and oblast; 0 where nothing happened."""
    days = pd.date_range(events["day"].min(), events["day"].max(), unit="us")
    index = pd.MultiIndex.from_product([days, sorted({*oblasts, NATION})], names=["day", "oblast"])
    return events.groupby(["day", "oblast"])["energy"].agg(["sum", "size"]).reindex(index, fill_value=0)


# Rules, and what a recipe hands to the build


@dataclass(frozen=True)
class Rule:
    """One rule of a recipe: how many rows it touched, a few in words, all by number or day where that is of use.

    `tables`: those it shaped (empty: all of the recipe).
    """

    name: str
    why: str
    rows_touched: int
    examples: tuple[str, ...] = ()
    rows: tuple[int | str, ...] = ()
    tables: tuple[str, ...] = ()

    @classmethod
    def on_ids(cls, name: str, why: str, ids: pd.Series) -> Self:
        """A rule by the different ids (articles, events) that it touched."""
        ids = ids.drop_duplicates()
        return cls(name, why, len(ids), tuple(ids.sort_values().head(3)))

    @classmethod
    def on_days(cls, name: str, why: str, days: pd.DatetimeIndex, *, tables: tuple[str, ...] = ()) -> Self:
        """A rule by the days that it touched."""
        return cls(name, why, len(days), (), tuple(days.strftime("%Y-%m-%d")), tables)

    def described(self) -> dict[str, Any]:
        told = {"rule": self.name, "why": self.why, "rows_touched": self.rows_touched}
        return told | {"examples": self.examples, "rows": _ranges(self.rows)}


@dataclass(frozen=True)
class Source:
    """Who made the raw figures, how to cite them, where they are, on what terms; `state`: which copy this is."""

    title: str
    producer: str
    citation: str
    address: str
    licence: str
    state: str = ""


@dataclass(frozen=True)
class Imported:
    """Tables by name (columns as in tables.toml), with the provenance that their sidecars state."""

    tables: Mapping[str, pd.DataFrame]
    rules: Sequence[Rule]
    source: Source
    inputs: Sequence[RawFile]
    notes: Sequence[str] = ()


def follow(
    frame: pd.DataFrame, rules: Iterable[Callable[[pd.DataFrame], pd.DataFrame]], *, tables: tuple[str, ...] = ()
) -> tuple[pd.DataFrame, list[Rule]]:
    """Apply rules in order and record the rows each one dropped or changed; why is the first line of its docstring.

    >>> def keep_positive(frame):
    ...     '''Counts of nothing are dropped.'''
    ...     return frame[frame["count"] > 0]
    >>> frame, records = follow(pd.DataFrame({"count": [3, 0]}, index=[2, 3]), [keep_positive])
    >>> records[0].rows, records[0].why
    ((3,), 'Counts of nothing are dropped.')
    """
    records = []
    for rule in rules:
        after = rule(frame)
        records.append(record(rule.__name__, rule.__doc__.splitlines()[0], frame, after, tables=tables))
        frame = after
    return frame, records


def record(name: str, why: str, before: pd.DataFrame, after: pd.DataFrame, *, tables: tuple[str, ...] = ()) -> Rule:
    """A rule by the rows of `before` (by row number or day) that are gone or different in `after`."""
    old = before[before.index.isin(after.index)]
    new = after.loc[old.index, before.columns]
    same = ((old == new) | (old.isna() & new.isna())).astype(bool)
    touched = before.drop(index=same.index[same.all(axis=1)])
    labels = [f"{label:%Y-%m-%d}" if isinstance(label, pd.Timestamp) else int(label) for label in touched.index]
    examples = []
    for row in touched.index[:3]:
        if row in same.index:
            changed = same.columns[~same.loc[row]][:4]
            cells = [f"{column} {_words(old.at[row, column])} -> {_words(new.at[row, column])}" for column in changed]
        else:
            cells = [_words(value) for value in touched.loc[row].iloc[:5]]
        examples.append(f"{labels[len(examples)]}: {', '.join(cells)}")
    return Rule(name, why, len(labels), tuple(examples), tuple(labels), tables)


def _words(value: Any) -> str:
    if pd.isna(value):
        return "empty"
    form = "%Y-%m-%d" if isinstance(value, pd.Timestamp) else "g" if isinstance(value, float) else ""
    return format(value, form)


def _ranges(labels: Sequence[int | str]) -> str:
    """Row numbers and days as short text.

    >>> _ranges((2, 3, 4, 9)), _ranges(("2025-04-07",))
    ('2-4, 9', '2025-04-07')
    """
    if any(isinstance(label, str) for label in labels):
        return ", ".join(labels)
    numbers = np.sort(labels)
    runs = np.split(numbers, np.flatnonzero(np.diff(numbers) > 1) + 1)
    return ", ".join(f"{run[0]}-{run[-1]}" if len(run) > 1 else f"{run[0]}" for run in runs if len(run))


# The build: compute all, show what would change, and only then replace


@dataclass(frozen=True)
class BuildPlan:
    """Every file as it would be after the build; nothing is on disk before `write`."""

    folder: Path
    imported: Mapping[str, Imported]
    contents: Mapping[str, bytes]

    def changes(self) -> pd.DataFrame:
        """One row a change: table, change (added, removed, changed: then column, old and new), row (its key)."""
        files = {name: f"{name}.csv" for imported in self.imported.values() for name in imported.tables}
        parts = [_changes(name, self._standing(file), self.contents[file]) for name, file in files.items()]
        return pd.concat(parts, ignore_index=True)

    def summary(self) -> str:
        """One sentence a table: what would change."""
        said = {name: [] for imported in self.imported.values() for name in imported.tables}
        rows = self.changes().drop_duplicates(["table", "change", "row"])
        for (name, change), touched in rows.groupby(["table", "change"])["row"]:
            first, last, several = touched.iloc[0], touched.iloc[-1], len(touched) > 1
            span = f"{first} to {last}" if several else first
            said[name].append(f"{len(touched)} row{'s' * several} {change} ({span})")
        return " ".join(f"{name}: {', '.join(changes) or 'no change'}." for name, changes in said.items())

    def write(self) -> tuple[str, ...]:
        """Replace the files that differ, each in one step after all are safely on disk; return their names."""
        differing = [name for name, content in self.contents.items() if self._standing(name) != content]
        staged = {name: self.folder / f".{name}.{os.getpid()}.new" for name in differing}
        try:
            for name, path in staged.items():
                with path.open("xb") as file:
                    file.write(self.contents[name])
                    file.flush()
                    os.fsync(file.fileno())
            for name, path in staged.items():
                os.replace(path, self.folder / name)
        except OSError as error:
            raise DataError("file cannot be written", file=error.filename, found=error.strerror) from error
        finally:
            for path in staged.values():
                path.unlink(missing_ok=True)
        return tuple(staged)

    def _standing(self, name: str) -> bytes:
        path = self.folder / name
        return path.read_bytes() if path.exists() else b""


def recipes() -> dict[str, ModuleType]:
    """The recipes of this folder by name, in the order in which the dictionary has their tables."""
    names, order = [path.stem for path in Path(__file__).parent.glob("[!_]*.py")], list(tables.dictionary()["tables"])
    modules = {name: import_module(f"{__package__}.{name}") for name in names}
    found = [(name, module) for name, module in modules.items() if hasattr(module, "TABLES")]
    return dict(sorted(found, key=lambda item: order.index(item[1].TABLES[0])))


def plan_build(
    raw: str | Path | None,
    *,
    folder: str | Path,
    files: Mapping[str, Sequence[str | Path]] | None = None,
    older: bool = False,
) -> BuildPlan:
    """Compute the tables of every recipe whose raw files are in `raw` or, by its name, in `files`; `folder`: of tables.

    DataError: there is nothing to read, a raw file cannot be understood or, unless `older`, ends before
    the table that stands, or a table breaks its own dictionary.
    """
    folder, given, known = Path(folder), files or {}, recipes()
    unknown = set(given) - set(known)
    if unknown:
        raise DataError("no such source", expected=f"one of {', '.join(known)}", found=", ".join(unknown))
    found = {name: _paths(list(map(Path, given.get(name, ()))), raw, recipe) for name, recipe in known.items()}
    imported = {name: known[name].build(*paths, folder=folder) for name, paths in found.items() if paths}
    if not imported:
        expected = ", ".join(file for recipe in known.values() for file in recipe.RAW)
        remedy = "put raw files there, or name their folder: pauses data build --raw DIR"
        raise DataError("no raw file to build from", file=raw and Path(raw).name, expected=expected, remedy=remedy)
    new = {}
    for made in imported.values():
        told = {"sources": [asdict(made.source)], "notes": made.notes}
        told["inputs"] = [raw.described() for raw in made.inputs]
        for name, table in made.tables.items():
            rules = [rule.described() for rule in made.rules if not rule.tables or name in rule.tables]
            content = new[f"{name}.csv"] = to_csv(name, table)
            if not older:
                _refuse_older(name, table, folder, made.inputs[0].name)
            new[f"{name}.json"] = tables.sidecar(name, content, len(table), rules=rules, **told)
    after = tables.folder_contents(folder) | new
    refuse([fault for fault in tables.find_faults(after) if fault.file in new], file="the new tables")
    new |= {"README.md": tables.readme(after), "datapackage.json": tables.data_package(after)}
    return BuildPlan(folder, imported, new)


def _refuse_older(name: str, table: pd.DataFrame, folder: Path, file: str) -> None:
    """A daily table must reach at least as far as the one that stands."""
    path = folder / f"{name}.csv"
    if not tables.table_definition(name).get("daily") or not path.exists():
        return
    with suppress(ValueError, KeyError):
        standing = pd.to_datetime(pd.read_csv(path, usecols=["day"])["day"]).max()
        if table["day"].max() < standing:
            found, expected = f"{table['day'].max():%Y-%m-%d}", f"{standing:%Y-%m-%d} or later"
            remedy = "take a newer copy, or add --older if the tables are to go back"
            raise DataError(
                f"this copy ends before {name} does", file=file, expected=expected, found=found, remedy=remedy
            )


def to_csv(name: str, table: pd.DataFrame) -> bytes:
    """The bytes of a table: columns of the dictionary, LF, ISO days, whole numbers without a point."""
    fields = tables.table_definition(name)["fields"]
    counts = {field["name"]: "Int64" for field in fields if field["type"] == "integer"}
    ordered = table[[field["name"] for field in fields]].astype(counts)
    return ordered.to_csv(index=False, lineterminator="\n", date_format="%Y-%m-%d").encode()


def _paths(given: list[Path], raw: str | Path | None, recipe: ModuleType) -> list[Path]:
    """The raw files of a recipe: those given, else those in the raw folder if all are there; and further ones."""
    more = getattr(recipe, "MORE", "")
    further = [path for path in given if more and path.match(more)]
    usual = [path for path in given if path not in further]
    if raw is not None:
        kept = [Path(raw) / file for file in recipe.RAW]
        usual = usual or (kept if all(path.exists() for path in kept) else [])
        further = further or (sorted(Path(raw).glob(more)) if more else [])
    return usual + further


def _changes(name: str, before: bytes, after: bytes) -> pd.DataFrame:
    key = tables.table_definition(name)["key"]
    old, new = _cells(before, key), _cells(after, key)
    cells = pd.DataFrame({"old": old, "new": new}).fillna("").rename_axis(["row", "column"])
    cells = cells[cells["old"] != cells["new"]].reset_index()
    added, removed = (~cells["row"].isin(side.index.get_level_values(0)) for side in (old, new))
    cells["change"] = np.select([added, removed], ["added", "removed"], "changed")
    cells.loc[added | removed, ["column", "old", "new"]] = ""
    ordered = cells.assign(table=name)[["table", "change", "row", "column", "old", "new"]]
    return ordered.drop_duplicates().sort_values(["row", "change"], kind="stable", ignore_index=True)


def _cells(content: bytes, key: list[str]) -> pd.Series:
    """The text cells of a table by the text of its key and column; none if it cannot be read."""
    try:
        cells = pd.read_csv(io.BytesIO(content), dtype=str, keep_default_na=False)
        cells = cells.set_index(cells[key].agg(" ".join, axis=1))
    except (ValueError, KeyError):
        cells = pd.DataFrame(columns=key, dtype=str)
    return cells[~cells.index.duplicated()].stack()
