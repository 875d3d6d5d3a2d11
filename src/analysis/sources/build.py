"""From raw files to committed tables: compute all, show what would change, and only then replace."""

import io
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from analysis.errors import DataError
from analysis.sources.acled import import_acled
from analysis.sources.airforce import import_air_force
from analysis.sources.alerts import import_alerts
from analysis.sources.coded import import_coded
from analysis.sources.communiques import import_communiques
from analysis.sources.descriptors import data_package, readme, sidecar
from analysis.sources.imported import Imported
from analysis.sources.news import import_news
from analysis.sources.rawfile import refuse
from analysis.tablechecks import find_faults
from analysis.tables import table_definition


@dataclass(frozen=True)
class Importer:
    """A reader of raw files: their names in the raw folder, and the function to call with their paths.

    `more` is the pattern of further files that need not be there: they are read beside `files`, not instead.
    """

    files: tuple
    function: Callable
    more: str = ""


# One entry a source; the tables that its importer returns are defined in tables.toml.
IMPORTERS = {
    "air_force": Importer(("missile_attacks_daily.csv",), import_air_force),
    "alerts": Importer(("air_raid_alerts.csv.gz",), import_alerts),
    "communiques": Importer(("mod_communiques.csv",), import_communiques),
    "news": Importer(("viina_events_2026.json",), import_news, more="event_info_latest_*.zip"),
    "coded": Importer(
        ("energy_coding/days.csv", "energy_coding/events.csv"), import_coded, more="energy_coding/double_coding.csv"
    ),
    "acled": Importer((), import_acled),  # the user's own export, only where it is named
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
        files = {name: f"{name}.csv" for name in self.tables}
        parts = [_table_changes(name, self._standing(file), self.contents[file]) for name, file in files.items()]
        return pd.concat(parts, ignore_index=True)

    @property
    def tables(self):
        """Names of the new tables."""
        return [name for imported in self.imported.values() for name in imported.tables]

    def summary(self):
        """Say in one sentence a table what would change."""
        said = {name: [] for name in self.tables}
        rows = self.changes().drop_duplicates(["table", "change", "row"])
        for (name, change), touched in rows.groupby(["table", "change"])["row"]:
            first, last, several = touched.iloc[0], touched.iloc[-1], len(touched) > 1
            span = f"{first} to {last}" if several else first
            said[name].append(f"{len(touched)} row{'s' * several} {change} ({span})")
        return " ".join(f"{name}: {', '.join(changes) or 'no change'}." for name, changes in said.items())

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

    def _standing(self, name):
        path = self.folder / name
        return path.read_bytes() if path.exists() else b""


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
            imported[source] = importer.function(*paths, folder=folder)
    if not imported:
        expected = ", ".join(file for importer in IMPORTERS.values() for file in importer.files)
        remedy = "put raw files there, or name their folder: pauses data build --raw DIR"
        raise DataError("no raw file to build from", file=raw and Path(raw).name, expected=expected, remedy=remedy)

    new = {}
    for source in imported.values():
        for name, table in source.tables.items():
            new[f"{name}.csv"] = to_csv(table, table_definition(name))
            new[f"{name}.json"] = sidecar(name, new[f"{name}.csv"], source)
    after = {path.name: path.read_bytes() for path in sorted(folder.glob("*.*")) if path.is_file()} | new
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
    usual, further = [Path(path) for path in given], []
    if importer.more:
        further = [path for path in usual if path.match(importer.more)]
        usual = [path for path in usual if path not in further]
    if raw is not None:
        kept = [Path(raw) / file for file in importer.files]
        usual = usual or (kept if all(path.exists() for path in kept) else [])
        further = further or (sorted(Path(raw).glob(importer.more)) if importer.more else [])
    return usual + further


def _table_changes(name, before, after):
    key = table_definition(name)["key"]
    old, new = _cells(before, key), _cells(after, key)
    cells = pd.DataFrame({"old": old, "new": new}).fillna("").rename_axis(["row", "column"])
    cells = cells[cells["old"] != cells["new"]].reset_index()
    added, removed = (~cells["row"].isin(side.index.get_level_values(0)) for side in (old, new))
    cells["change"] = np.select([added, removed], ["added", "removed"], "changed")
    cells.loc[added | removed, ["column", "old", "new"]] = ""
    ordered = cells.assign(table=name)[["table", "change", "row", "column", "old", "new"]]
    return ordered.drop_duplicates().sort_values(["row", "change"], kind="stable", ignore_index=True)


def _cells(content, key):
    """The text cells of a table by the text of its key and column; none if it cannot be read."""
    try:
        cells = pd.read_csv(io.BytesIO(content), dtype=str, keep_default_na=False)
        cells = cells.set_index(cells[key].agg(" ".join, axis=1))
    except (ValueError, KeyError):
        cells = pd.DataFrame(columns=key, dtype=str)
    return cells[~cells.index.duplicated()].stack()
