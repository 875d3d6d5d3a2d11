"""The kit of the recipes, functions from raw files and the folder of tables to `Imported`; tables.toml names them.

Here: reading and refusing raw files, rules and the rows they touch, and the plan of a build."""

import csv
import io
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from analysis import tables
from analysis.errors import DataError

NOT_CSV = {
    b"<": "a web page",
    b"pk\x03\x04": "a spreadsheet or a zip archive",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook",
    b"\x1f\x8b": "a gzip archive",
    b"par1": "a parquet file",
}


@dataclass(frozen=True)
class RawFile:
    """The bytes of a file and its name; never its place on a machine."""

    name: str
    content: bytes = field(repr=False)


@dataclass(frozen=True)
class Rule:
    """A rule as it was followed: how many rows it touched, a few in words, all by number or day."""

    name: str
    rows_touched: int
    examples: Sequence[str] = ()
    rows: Sequence[int | str] = ()
    told: Mapping[str, Any] = field(default_factory=dict)  # to fill in its sentence


@dataclass(frozen=True)
class Imported:
    """Tables by name (columns as in tables.toml) and their provenance; `source`: what to add to that of tables.toml."""

    tables: Mapping[str, pd.DataFrame]
    rules: Sequence[Rule]
    source: Mapping[str, str]
    notes: Sequence[str] = ()
    inputs: Sequence[RawFile] = ()


# Reading, so that whatever is wrong with a raw file is named, with row numbers as a text editor counts them


def read_rows(
    raw: RawFile, required: Iterable[str], *, optional: Iterable[str] = (), ignored: Iterable[str] | None = None
) -> tuple[pd.DataFrame, list[str]]:
    """The text cells of a CSV file by row number, empty ones as "", and what to note of its columns."""
    fault = partial(DataError, file=raw.name, remedy="download the file again, as CSV in UTF-8")
    cells = _split(raw.content, fault)
    header = [name.strip() for name in cells.pop(min(cells))]
    if missing := ", ".join(name for name in required if header.count(name) != 1):
        expected, found = ", ".join(required), ", ".join(header)[:300]
        raise fault("column missing or twice", field=missing, expected=expected, found=found)
    if not cells:
        raise fault("only a header, no rows")
    if uneven := {row: len(own) for row, own in cells.items() if len(own) != len(header)}:
        expected, found = f"{len(header)} cells", f"{uneven[min(uneven)]} in row {min(uneven)}"
        raise fault("row cut short or broken", rows=uneven, expected=expected, found=found)
    text = pd.DataFrame(list(cells.values()), pd.Index(cells, name="row"), header, dtype="str")
    unused = [name for name in header if name not in (*required, *optional)]
    for name in unused if ignored is not None else ():
        values = text.loc[:, [name]].iloc[:, 0].unique()
        if name not in ignored and len(values) > 1:
            remedy = "give it a rule in the recipe, or name it among the columns to be ignored"
            told = {"expected": "no column that is not known", "found": ", ".join(map(repr, values[:3]))}
            raise DataError("new column", file=raw.name, field=name, remedy=remedy, **told)
    notes = [f"{raw.name}: column {name} is absent, taken as empty" for name in optional if name not in header]
    notes += [f"{raw.name}: columns not used: {', '.join(unused)}"] if unused else []
    return text.reindex(columns=[*required, *optional], fill_value=""), notes


def _split(content: bytes, fault: Callable[..., DataError]) -> dict[int, list[str]]:
    """Rows as lists of cells, by the line that each begins on."""
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
    reader, rows, begins = csv.reader(io.StringIO(text, newline=""), strict=True), {}, 1
    try:
        for cells in reader:
            rows[begins] = cells
            begins = reader.line_num + 1
    except csv.Error as error:
        raise fault("not readable as CSV", rows=[begins], found=str(error)) from error
    return {row: cells for row, cells in rows.items() if cells}


def oblast_names(oblasts: pd.DataFrame) -> dict[str, str]:
    """Every spelling in the table of oblasts, in small letters, with the oblast that it means."""
    names = {}
    for row in oblasts.itertuples():
        for name in (row.oblast, row.name_en, row.name_uk, *row.spellings.split("|")):
            if names.setdefault(name.casefold(), row.oblast) != row.oblast:
                raise DataError(f"{name} names two oblasts", file="oblasts.csv", field="spellings")
    return names


class Check(NamedTuple):
    """The rows in which a field is wrong (None: the whole file); of `found`, else of the field, three are shown."""

    field: str
    wrong: pd.Series | None
    problem: str
    expected: str | None = None
    found: pd.Series | str | None = None
    remedy: str = "correct the row"


def faults_of(file: str, text: pd.DataFrame, checks: Iterable[Check]) -> Iterator[DataError]:
    """The faults that checks find in the cells of a file."""
    for name, wrong, problem, expected, found, remedy in checks:
        fault = partial(DataError, problem, file=file, field=name, expected=expected, remedy=remedy)
        if wrong is None:
            yield fault(found=found)
        elif wrong.any():
            cells = (text[name] if found is None else found)[wrong].unique()
            yield fault(rows=wrong.index[wrong], found=", ".join(map(repr, cells[:3])))


def refuse(file: str, faults: Iterable[DataError]) -> None:
    """Raise one DataError for all faults of a file, if there are any."""
    faults = list(faults)
    if len(faults) == 1:
        raise faults[0]
    if faults:
        lines = "\n".join(f"- {fault}" for fault in faults)
        raise DataError(f"{len(faults)} kinds of fault, nothing was changed\n{lines}", file=file)


class Log(list[Rule]):
    """The rules that a recipe followed, in order."""

    def ids(self, name: str, ids: pd.Series) -> None:
        ids = ids.drop_duplicates()
        self.append(Rule(name, len(ids), list(ids.sort_values().head(3))))

    def days(self, name: str, days: pd.DatetimeIndex, told: Mapping[str, Any] | None = None) -> None:
        self.append(Rule(name, len(days), (), list(days.strftime("%Y-%m-%d")), told or {}))

    def step(
        self, name: str, before: pd.DataFrame, after: pd.DataFrame, reasons: Mapping[str, str] | None = None
    ) -> pd.DataFrame:
        """A rule by the rows of `before` gone or different in `after`, which is returned; `reasons`: by day."""
        old = before[before.index.isin(after.index)]
        new = after.loc[old.index, before.columns]
        same = ((old == new) | (old.isna() & new.isna())).astype(bool)
        touched = before.drop(index=same.index[same.all(axis=1)])
        labels = [_words(label) if isinstance(label, pd.Timestamp) else int(label) for label in touched.index]
        examples = [f"{label}: {reasons[label]}" for label in labels if label in (reasons or ())]
        for label, row in zip(labels, touched.index[: 0 if examples else 3], strict=False):
            cells = map(_words, touched.loc[row].iloc[:5])
            if row in same.index:
                changed = same.columns[~same.loc[row]][:4]
                cells = (f"{cell} {_words(old.at[row, cell])} -> {_words(new.at[row, cell])}" for cell in changed)
            examples.append(f"{label}: {', '.join(cells)}")
        self.append(Rule(name, len(labels), examples, labels))
        return after


def _words(value: Any) -> str:
    if pd.isna(value):
        return "empty"
    form = "%Y-%m-%d" if isinstance(value, pd.Timestamp) else "g" if isinstance(value, float) else ""
    return format(value, form)


def _ranges(labels: Sequence[int | str]) -> str:
    """Row numbers and days as short text, such as 2-4, 9."""
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

    def tables(self) -> list[str]:
        return [name for made in self.imported.values() for name in made.tables]

    def changes(self) -> pd.DataFrame:
        """One row a change: table, change, row (its key); of a changed cell column, old and new, else the whole row."""
        parts = []
        for name in self.tables():
            old, new = _cells(name, self._standing(f"{name}.csv")), _cells(name, self.contents[f"{name}.csv"])
            cells = pd.DataFrame({"old": old, "new": new}).fillna("").rename_axis(["row", "column"])
            cells = cells[cells["old"] != cells["new"]].reset_index()
            added, removed = (~cells["row"].isin(side.index.get_level_values(0)) for side in (old, new))
            cells["change"] = np.select([added, removed], ["added", "removed"], "changed")
            said = cells["column"] + " " + (cells["old"] + cells["new"]).str[:30]  # one of both is empty in such a row
            said = (
                said[~cells["column"].isin(tables.table_definition(name)["key"])].groupby(cells["row"]).agg(", ".join)
            )
            for side, whole in (("new", added), ("old", removed)):
                cells.loc[whole, side] = cells["row"].map(said).fillna("")
            cells.loc[added | removed, "column"] = ""
            parts.append(cells.assign(table=name).drop_duplicates().sort_values(["row", "change"], kind="stable"))
        return pd.concat(parts, ignore_index=True)[["table", "change", "row", "column", "old", "new"]]

    def summary(self) -> str:
        """One sentence a table: what would change."""
        said = {name: [] for name in self.tables()}
        rows = self.changes().drop_duplicates(["table", "change", "row"])
        for (name, change), touched in rows.groupby(["table", "change"])["row"]:
            span = " to ".join(dict.fromkeys([touched.iloc[0], touched.iloc[-1]]))
            said[name].append(f"{len(touched)} row{'s' * (len(touched) > 1)} {change} ({span})")
        return " ".join(f"{name}: {', '.join(changes) or 'no change'}." for name, changes in said.items())

    def write(self) -> tuple[str, ...]:
        """Replace the files that differ, each in one step after all are written; return their names."""
        differing = [name for name, content in self.contents.items() if self._standing(name) != content]
        try:
            with TemporaryDirectory(prefix=".new-", dir=self.folder) as place:
                for name in differing:
                    Path(place, name).write_bytes(self.contents[name])
                for name in differing:
                    os.replace(Path(place, name), self.folder / name)
        except OSError as error:
            raise DataError("file cannot be written", file=error.filename, found=error.strerror) from error
        return tuple(differing)

    def _standing(self, name: str) -> bytes:
        path = self.folder / name
        return path.read_bytes() if path.exists() else b""


def _cells(name: str, content: bytes) -> pd.Series:
    """The text cells of a table by the text of its key and column; none if it cannot be read."""
    key = tables.table_definition(name)["key"]
    try:
        cells = pd.read_csv(io.BytesIO(content), dtype=str, keep_default_na=False)
        cells = cells.set_index(cells[key].agg(" ".join, axis=1))
    except (ValueError, KeyError):
        cells = pd.DataFrame(columns=key, dtype=str)
    return cells[~cells.index.duplicated()].stack()


def make(name: str, paths: Iterable[str | Path], *, folder: Path) -> Imported:
    """What a recipe makes of raw files; `folder`: of tables."""
    reads = tables.dictionary()["recipes"][name]
    kept = [folder / file for file in reads.get("kept", ())]
    files = [RawFile(path.name, tables.read_bytes(path)) for path in (*map(Path, paths), *kept)]
    module, function = reads["build"].split(".")
    made = getattr(import_module(f"{__package__}.{module}"), function)(files, folder)
    return replace(made, source=tables.dictionary()["sources"][name] | made.source, inputs=(*files, *made.inputs))


def plan_build(
    raw: str | Path | None, *, folder: str | Path, files: Mapping[str, Sequence] | None = None, older: bool = False
) -> BuildPlan:
    """Compute the tables of every recipe whose raw files are in `raw` or, by its name, in `files`."""
    folder, given, known = Path(folder), files or {}, tables.dictionary()["recipes"]
    if unknown := set(given) - set(known):
        raise DataError("no such source", expected=f"one of {', '.join(known)}", found=", ".join(unknown))
    found = {name: _paths(list(map(Path, given.get(name, ()))), raw, reads) for name, reads in known.items()}
    imported = {name: make(name, paths, folder=folder) for name, paths in found.items() if paths}
    if not imported:
        expected = ", ".join(file for recipe in known.values() for file in recipe["raw"])
        remedy = "put raw files there, or name their folder: pauses data build --raw DIR"
        raise DataError("no raw file to build from", file=raw and Path(raw).name, expected=expected, remedy=remedy)
    new = {}
    for recipe, made in imported.items():
        for name, table in made.tables.items():
            if not older:
                _refuse_older(name, table, folder, made.inputs[0].name)
            new[f"{name}.csv"] = to_csv(name, table)
            new[f"{name}.json"] = _sidecar(recipe, name, made, new[f"{name}.csv"])
    after = tables.folder_contents(folder) | new
    refuse("the new tables", [fault for fault in tables.find_faults(after) if fault.file in new])
    new |= {"README.md": tables.readme(after), "datapackage.json": tables.data_package(after)}
    return BuildPlan(folder, imported, new)


def _paths(given: list[Path], raw: str | Path | None, reads: Mapping[str, Any]) -> list[Path]:
    """The raw files of a recipe: those given, else those in the raw folder if all are there; and further ones."""
    more = reads.get("more", "")
    further = [path for path in given if more and path.match(more)]
    usual = [path for path in given if path not in further]
    if raw is not None:
        kept = [Path(raw) / file for file in reads["raw"]]
        usual = usual or (kept if all(path.exists() for path in kept) else [])
        further = further or (sorted(Path(raw).glob(more)) if more else [])
    return usual + further


def _sidecar(recipe: str, name: str, made: Imported, content: bytes) -> bytes:
    """Where a table comes from, what was done, checksums of input and output."""
    definition, words = tables.table_definition(name), tables.dictionary()["rules"]
    sentences = words.get(recipe, {}) | words.get(name, {})
    rules = [
        {"rule": rule.name, "why": sentences[rule.name].format(**rule.told), "rows_touched": rule.rows_touched}
        | {"examples": rule.examples, "rows": _ranges(rule.rows)}
        for rule in made.rules
        if rule.name in sentences
    ]
    told = {"table": name, "title": definition["title"], "licence": definition["licence"], "sources": [made.source]}
    columns = [field["name"] for field in definition["fields"]]
    output = tables.described(f"{name}.csv", content) | {"rows": len(made.tables[name]), "columns": columns}
    inputs = [tables.described(raw.name, raw.content) for raw in made.inputs]
    return tables.as_json(told | {"inputs": inputs, "output": output, "notes": made.notes, "rules": rules})


def _refuse_older(name: str, table: pd.DataFrame, folder: Path, file: str) -> None:
    """A daily table must reach at least as far as the one that stands, to both sides."""
    if not tables.table_definition(name).get("daily"):
        return
    with suppress(OSError, ValueError, KeyError):  # none stands, or one that cannot be read
        standing = pd.to_datetime(pd.read_csv(folder / f"{name}.csv")["day"])
        (begins, ends), (began, ended) = ((days.min(), days.max()) for days in (table["day"], standing))
        sides = [("ends before", ends < ended, ended, "later", ends)]
        sides += [("begins after", begins > began, began, "earlier", begins)]
        for how, short, due, beyond, found in sides:
            if short:
                told = {"expected": f"{due:%Y-%m-%d} or {beyond}", "found": f"{found:%Y-%m-%d}"}
                remedy = "take a newer, whole copy, or add --older if the tables are to lose days"
                raise DataError(f"this copy {how} {name} does", file=file, remedy=remedy, **told)


def to_csv(name: str, table: pd.DataFrame) -> bytes:
    """The bytes of a table: columns of the dictionary, LF, ISO days, whole numbers without a point."""
    fields = tables.table_definition(name)["fields"]
    counts = {field["name"]: "Int64" for field in fields if field["type"] == "integer"}
    ordered = table[[field["name"] for field in fields]].astype(counts)
    return ordered.to_csv(index=False, lineterminator="\n", date_format="%Y-%m-%d").encode()
