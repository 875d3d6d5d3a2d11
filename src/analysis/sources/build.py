"""From raw files to committed tables: compute all, show what would change, and only then replace."""

import io
import os
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

import pandas as pd

from analysis.errors import DataError
from analysis.sources.descriptors import data_package, readme, sidecar
from analysis.sources.imported import Imported
from analysis.sources.rawfile import refuse
from analysis.tablechecks import find_faults
from analysis.tables import table_definition


@dataclass(frozen=True)
class Importer:
    """A reader of raw files: their names in the raw folder, and "module:function" to call with their paths.

    `more` is the pattern of further files that only a user can bring: they are read beside `files`, not instead.
    """

    files: tuple
    function: str
    more: str = ""

    def run(self, paths, folder):
        """Call the function with the raw files; `folder` is where hand-kept tables lie."""
        module, _, function = self.function.partition(":")
        return getattr(import_module(module), function)(*paths, folder=folder)


# One entry a source; the tables that its importer returns are defined in tables.toml.
IMPORTERS = {
    "air_force": Importer(("missile_attacks_daily.csv",), "analysis.sources.airforce:import_air_force"),
    "alerts": Importer(("air_raid_alerts.csv.gz",), "analysis.sources.alerts:import_alerts"),
    "communiques": Importer(("mod_communiques.csv",), "analysis.sources.communiques:import_communiques"),
    "news": Importer(("viina_events_2026.json",), "analysis.sources.news:import_news", more="event_info_latest_*.zip"),
    "coded": Importer(
        ("energy_coding/days.csv", "energy_coding/events.csv", "energy_coding/double_coding.csv"),
        "analysis.sources.coded:import_coded",
    ),
    "acled": Importer((), "analysis.sources.acled:import_acled"),  # the user's own export, only where it is named
}


@dataclass(frozen=True)
class BuildPlan:
    """Every file as it would be after the build; nothing is on disk before `write`."""

    folder: Path
    imported: Mapping[str, Imported]
    contents: Mapping[str, bytes]

    def changes(self):
        """Compare the new tables with the committed ones.

        Returns
        -------
        DataFrame
            One row a change: table, change (added, removed, changed), row (the key), column, old, new. Rows
            added or removed have no column.
        """
        names = [name for imported in self.imported.values() for name in imported.tables]
        parts = [_table_changes(name, self.folder / f"{name}.csv", self.contents[f"{name}.csv"]) for name in names]
        return pd.concat(parts, ignore_index=True)

    def summary(self):
        """Say in one sentence a table what would change."""
        changes, sentences = self.changes(), []
        for name in (name for imported in self.imported.values() for name in imported.tables):
            own = changes[changes["table"] == name]
            if own.empty:
                sentences.append(f"{name}: no change.")
                continue
            counted = []
            for change in ("added", "removed", "changed"):
                rows = own.loc[own["change"] == change, "row"].drop_duplicates()
                if len(rows):
                    span = rows.iloc[0] if len(rows) == 1 else f"{rows.iloc[0]} to {rows.iloc[-1]}"
                    counted.append(f"{len(rows)} row{'s' * (len(rows) > 1)} {change} ({span})")
            sentences.append(f"{name}: {', '.join(counted)}.")
        return " ".join(sentences)

    def rules(self):
        """List the rules followed and how many rows each touched.

        Returns
        -------
        DataFrame
            Columns source, rule, rows_touched, why, examples.
        """
        rows = [
            (source, rule.name, rule.rows_touched, rule.why, "; ".join(rule.examples))
            for source, imported in self.imported.items()
            for rule in imported.rules
        ]
        return pd.DataFrame(rows, columns=["source", "rule", "rows_touched", "why", "examples"])

    def notes(self):
        """List what else the importers have to say: columns absent or not used, days left open."""
        return [note for imported in self.imported.values() for note in imported.notes]

    def write(self):
        """Replace the files that differ, each in one step after all are safely on disk; return their names."""
        old = {name: self.folder / name for name in self.contents}
        new = {name: path for name, path in old.items() if not _holds(path, self.contents[name])}
        staged = {name: path.with_name(f".{name}.{os.getpid()}.new") for name, path in new.items()}
        try:
            for name, path in staged.items():
                with path.open("xb") as file:
                    file.write(self.contents[name])
                    file.flush()
                    os.fsync(file.fileno())
            for name, path in staged.items():
                os.replace(path, new[name])
        except OSError as error:
            raise DataError("file cannot be written", file=error.filename, found=error.strerror) from error
        finally:
            for path in staged.values():
                path.unlink(missing_ok=True)
        return tuple(staged)


def build(raw, *, folder, files=None):
    """Compute the tables of every source whose raw files are there, without touching the disk.

    Parameters
    ----------
    raw : path-like or None
        Folder of raw files.
    folder : path-like
        Folder of committed tables.
    files : mapping of str to path-like, optional
        Source name to the raw file (or sequence of files) to read instead of the one in `raw`.

    Returns
    -------
    BuildPlan
        All new files in memory; `changes()` and `rules()` show them, `write()` replaces the old ones.

    Raises
    ------
    DataError
        If there is nothing to read, a raw file cannot be understood, or a table breaks its own dictionary.
    """
    folder, given = Path(folder), files or {}
    unknown = set(given) - set(IMPORTERS)
    if unknown:
        raise DataError("no such source", expected=f"one of {', '.join(IMPORTERS)}", found=", ".join(unknown))
    imported = {}
    for source, importer in IMPORTERS.items():
        paths = _paths(given.get(source), raw, importer)
        if paths:
            imported[source] = importer.run(paths, folder)
    if not imported:
        expected = ", ".join(file for importer in IMPORTERS.values() for file in importer.files)
        remedy = "put raw files there, or name their folder: pauses data build --raw DIR"
        raise DataError("no raw file to build from", file=raw and Path(raw).name, expected=expected, remedy=remedy)

    new = {}
    for source in imported.values():
        for name, table in source.tables.items():
            definition = table_definition(name)
            content = to_csv(table, definition)
            new[f"{name}.csv"] = content
            new[f"{name}.json"] = sidecar(name, definition, content, len(table), source)
    standing = {path.name: path.read_bytes() for path in sorted(folder.glob("*.*")) if path.is_file()}
    after = {**standing, **new}
    refuse([fault for fault in find_faults(after) if fault.file in new], file="the new tables")
    new["README.md"], new["datapackage.json"] = readme(after), data_package(after)
    return BuildPlan(folder=folder, imported=imported, contents=new)


def to_csv(table, definition):
    """Return the bytes of a table: columns of the dictionary, LF, ISO days, whole numbers without a point."""
    counts = {field["name"]: "Int64" for field in definition["fields"] if field["type"] == "integer"}
    ordered = table[[field["name"] for field in definition["fields"]]].astype(counts)
    return ordered.to_csv(index=False, lineterminator="\n", date_format="%Y-%m-%d").encode()


def _paths(given, raw, importer):
    """The raw files of an importer: those given, else those in the raw folder if all are there; and further ones."""
    given = [] if given is None else [given] if isinstance(given, str | os.PathLike) else given
    own, raw = [Path(path) for path in given], None if raw is None else Path(raw)
    usual = [] if raw is None else [raw / file for file in importer.files]
    further = [path for path in own if importer.more and path.match(importer.more)]
    if not further and importer.more and raw is not None:
        further = sorted(raw.glob(importer.more))
    instead = [path for path in own if path not in further]
    return (instead or (usual if all(path.exists() for path in usual) else [])) + further


def _table_changes(name, path, content):
    key = table_definition(name)["key"]
    new, old = _cells(content, key), _cells(path.read_bytes() if path.exists() else b"", key)
    columns = ["table", "change", "row", "column", "old", "new"]
    added, removed = new.index.difference(old.index), old.index.difference(new.index)
    rows = [(name, "added", row, "", "", "") for row in added] + [(name, "removed", row, "", "", "") for row in removed]
    shared = new.index.intersection(old.index)
    for column in new:
        before = old.loc[shared, column] if column in old else pd.Series("", shared)
        differing = shared[(before != new.loc[shared, column]).to_numpy()]
        rows += [(name, "changed", row, column, before[row], new.loc[row, column]) for row in differing]
    return pd.DataFrame(rows, columns=columns).sort_values(["row", "change"], kind="stable", ignore_index=True)


def _cells(content, key):
    """The text cells of a table by the text of its key; no rows if it cannot be read."""
    try:
        cells = pd.read_csv(io.BytesIO(content), dtype=str, keep_default_na=False)
        return cells.set_index(cells[key].agg(" ".join, axis=1)).loc[lambda frame: ~frame.index.duplicated()]
    except (ValueError, KeyError):
        return pd.DataFrame(index=pd.Index([], dtype=str))


def _holds(path, content):
    return path.exists() and path.read_bytes() == content
