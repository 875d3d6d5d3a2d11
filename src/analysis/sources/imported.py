"""What an importer hands to the build: tables, the rules it followed, where the figures come from.

The convention for `analysis.sources`: a module exposes one function
``import_x(path, ..., *, folder) -> Imported`` that only reads, and an entry in `build.IMPORTERS`.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from analysis.errors import DataError


@dataclass(frozen=True)
class Rule:
    """One rule of an importer and the rows it touched.

    `rows_touched` counts them, `examples` shows a few in words, `rows` lists them where that is of use: row
    numbers of the raw file (the header is 1) or days. `tables`: those it shaped (empty: all of the importer).
    """

    name: str
    why: str
    rows_touched: int
    examples: tuple = ()
    rows: tuple = ()
    tables: tuple = ()


@dataclass(frozen=True)
class Source:
    """Who made the raw figures, how to cite them, where they are, on what terms; `state`: which copy this is."""

    title: str
    producer: str
    citation: str
    address: str
    licence: str
    state: str


@dataclass(frozen=True)
class Input:
    """A raw file by name, size and checksum; never by its place on a machine."""

    file: str
    bytes: int
    sha256: str

    @classmethod
    def of(cls, file, content):
        """Describe `content`, the bytes of `file`."""
        return cls(file, len(content), hashlib.sha256(content).hexdigest())


@dataclass(frozen=True)
class Imported:
    """Tables by name (columns as in tables.toml), with the provenance that their sidecars state."""

    tables: Mapping[str, pd.DataFrame]
    rules: tuple
    sources: tuple
    inputs: tuple
    notes: tuple = ()


def follow(frame, rules, *, tables=()):
    """Apply rules (functions frame -> frame) in order and record the rows each one dropped or changed.

    Returns
    -------
    frame : DataFrame
        What the last rule returned.
    records : list of Rule
        One a rule; its `why` is the first line of the rule's docstring.

    Examples
    --------
    >>> def keep_positive(frame):
    ...     '''Counts of nothing are dropped.'''
    ...     return frame[frame["count"] > 0]
    >>> frame, records = follow(pd.DataFrame({"count": [3, 0]}, index=[2, 3]), [keep_positive])
    >>> records[0].rows, records[0].why
    ((3,), 'Counts of nothing are dropped.')
    """
    records = []
    for rule in rules:
        result = rule(frame)
        labels = touched(frame, result)
        why = rule.__doc__.splitlines()[0]
        records.append(record(rule.__name__, why, frame.loc[labels], after=result, tables=tables))
        frame = result
    return frame, records


def record(name, why, before, *, after=None, tables=()):
    """Describe a rule by the rows it touched; `before` is indexed by row number or day."""
    labels = [f"{label:%Y-%m-%d}" if isinstance(label, pd.Timestamp) else int(label) for label in before.index]
    examples = []
    for label, row in before.head(3).iterrows():
        if after is None or label not in after.index:
            cells = [_words(value) for value in row.iloc[:5]]
        else:
            new = after.loc[label, before.columns]
            changed = new.index[differs(row, new)][:4]
            cells = [f"{column} {_words(row[column])} -> {_words(new[column])}" for column in changed]
        examples.append(f"{labels[len(examples)]}: {', '.join(cells)}")
    return Rule(name, why, len(labels), tuple(examples), tuple(labels), tuple(tables))


def _words(value):
    if pd.isna(value):
        return "empty"
    form = "%Y-%m-%d" if isinstance(value, pd.Timestamp) else "g" if isinstance(value, float) else ""
    return format(value, form)


def differs(old, new):
    """Where two frames or series of the same shape hold different values; empty equals empty."""
    return ~((old == new) | (old.isna() & new.isna())).astype(bool)


def touched(before, after):
    """Index labels of `before` whose row is gone or different in `after`."""
    kept = before.index.isin(after.index)
    old = before[kept]
    new = after.loc[old.index, before.columns]
    changed = np.ones(len(before), dtype=bool)
    changed[kept] = differs(old, new).to_numpy().any(axis=1)
    return before.index[changed]


def refuse(faults, *, file):
    """Raise one DataError for all faults of a raw file; do nothing if there are none."""
    if len(faults) == 1:
        raise faults[0]
    if faults:
        lines = "\n".join(f"- {fault}" for fault in faults)
        raise DataError(f"{len(faults)} kinds of fault, nothing was changed\n{lines}", file=file)
