"""The record of all effects, `results.csv`: a batch replaces the rows that its notebooks gave, and no others.

Which report gave which rows is kept beside it, in `results_origin.csv`: a line a report, with a digest of the key of
each row, and one with the digest of the record it belongs to. So a row disappears only when the report that gave it was
made again without it, and any sequence of partial batches ends with the record of one whole batch.
"""

import csv
import io
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from analysis.effect import COLUMNS, KEY
from analysis.errors import ReportError
from analysis.reports.store import digest, write_file

RESULTS, ORIGIN = "results.csv", "results_origin.csv"
Key = tuple[str, ...]


@dataclass(frozen=True)
class Record:
    """The rows by their keys, digests of keys by the report that gave them, and the pause of each report there can be.

    `heard` are the reports whose rows are known, in this batch or from an earlier one.
    """

    rows: dict[Key, dict[str, str]]
    origin: dict[str, set[str]]
    every: Mapping[str, str]
    heard: frozenset[str]

    @classmethod
    def read(cls, folder: Path, every: Mapping[str, str]) -> "Record":
        """The record of a folder; of none, or of one with other columns, no row is taken."""
        rows = [row for row in _read(folder / RESULTS) if tuple(row) == COLUMNS and None not in row.values()]
        origin = {row["report"]: set(row["rows"].split()) for row in _read(folder / ORIGIN)}
        in_step = origin.pop(RESULTS, None) == {digest(to_csv(rows))}  # or the rows were changed by other hands
        origin = {name: origin[name] for name in origin if name in every}
        known = {_key(row): row for row in rows}
        return cls(known, origin, every, frozenset(origin if in_step else ()))

    def merged(self, spoken: Mapping[str, Sequence[dict]]) -> "Record":
        """The record with the rows of the reports that have spoken now in place of those they gave before.

        A row of unknown origin goes once all reports of its pause are heard; one that names no listed pause belongs to
        the report of all. ReportError if two reports disagree about one effect.
        """
        origin, fresh, heard = dict(self.origin), {}, self.heard | set(spoken)
        for name, effects in spoken.items():
            texts = [{field: as_text(row[field]) for field in COLUMNS} for row in effects]
            origin[name] = {self.short(_key(row)) for row in texts}
            for row in texts:
                if fresh.setdefault(_key(row), row) != row:
                    raise ReportError("two notebooks disagree about one effect", field=" / ".join(_key(row)))
        owned, owned_before = (set().union(*found.values()) for found in (origin, self.origin))
        silent = {pause for name, pause in self.every.items() if name not in heard}
        for key, row in self.rows.items():
            pause = key[0] if key[0] in self.every.values() else ""
            if self.short(key) in owned or (self.short(key) not in owned_before and pause in silent):
                fresh.setdefault(key, row)
        return replace(self, rows={key: fresh[key] for key in sorted(fresh)}, origin=origin, heard=heard)

    @staticmethod
    def short(key: Key) -> str:
        """The digest of a key."""
        return digest(key)[:10]

    def write(self, folder: Path) -> None:
        """Write both files, the record first: see `read`."""
        text = to_csv(self.rows.values())
        write_file(folder / RESULTS, text)
        origin = {RESULTS: {digest(text)}} | self.origin
        lines = [{"report": name, "rows": " ".join(sorted(origin[name]))} for name in sorted(origin)]
        write_file(folder / ORIGIN, to_csv(lines, ["report", "rows"]))


def to_csv(rows: Iterable[Mapping[str, str]], columns: Sequence[str] = COLUMNS) -> str:
    """Write rows of text as CSV."""
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return buffer.getvalue()


def as_text(value: object) -> str:
    """A value as the record holds it: whole, or below 1000 to six significant digits; no value empty.

    >>> [as_text(value) for value in (True, 12345.0, 1234.56, 0.07123456, float("nan"), None, "shift")]
    ['True', '12345', '1235', '0.0712346', '', '', 'shift']
    """
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return ""
    if isinstance(value, float):
        return str(round(value)) if value == round(value) or abs(value) >= 1000 else f"{value:.6g}"
    return str(value)


def _key(row: Mapping[str, str]) -> Key:
    return tuple(row[name] for name in KEY)


def _read(path: Path) -> list[dict[str, str]]:
    if not path.is_file():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))
