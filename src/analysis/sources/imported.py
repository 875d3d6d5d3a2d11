"""What an importer hands to the build: tables, the rules it followed, where the figures come from.

The convention for `analysis.sources`: a module exposes one function
``import_x(path, ..., *, folder) -> Imported`` that only reads, an entry in `build.IMPORTERS` and one in sources.toml.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files

import pandas as pd


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

    @classmethod
    def on_ids(cls, name, why, ids):
        """A rule by the different ids (articles, events) that it touched, a Series of str."""
        ids = ids.drop_duplicates()
        return cls(name, why, len(ids), tuple(ids.sort_values().head(3)))

    @classmethod
    def on_days(cls, name, why, days, *, tables=()):
        """A rule by the days that it touched, a DatetimeIndex."""
        return cls(name, why, len(days), (), tuple(days.strftime("%Y-%m-%d")), tables)


@dataclass(frozen=True)
class Source:
    """Who made the raw figures, how to cite them, where they are, on what terms; `state`: which copy this is."""

    title: str
    producer: str
    citation: str
    address: str
    licence: str
    state: str

    @classmethod
    def of(cls, name, *, state, producer=None):
        """The entry `name` of sources.toml; `producer` where it depends on the raw file."""
        entry = tomllib.loads(files("analysis.sources").joinpath("sources.toml").read_text("utf-8"))[name]
        return cls(**{"producer": producer, **entry}, state=state)


@dataclass(frozen=True)
class Imported:
    """Tables by name (columns as in tables.toml), with the provenance that their sidecars state; inputs: RawFile."""

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
        after = rule(frame)
        records.append(record(rule.__name__, rule.__doc__.splitlines()[0], frame, after, tables=tables))
        frame = after
    return frame, records


def record(name, why, before, after, *, tables=()):
    """Describe a rule by the rows of `before` (by row number or day) that are gone or different in `after`."""
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
    return Rule(name, why, len(labels), tuple(examples), tuple(labels), tuple(tables))


def _words(value):
    if pd.isna(value):
        return "empty"
    form = "%Y-%m-%d" if isinstance(value, pd.Timestamp) else "g" if isinstance(value, float) else ""
    return format(value, form)
