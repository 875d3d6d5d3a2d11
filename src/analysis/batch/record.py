"""The record of all effects, ``results.csv``: what the executed notebooks say, merged with what else it holds."""

import csv
import io
import math

from analysis.batch.execution import effect_rows
from analysis.batch.folder import EXECUTED, read_executed
from analysis.effect import COLUMNS, KEY
from analysis.errors import ReportError

RESULTS = "results.csv"


def merge_record(folder, ids, sections, comparison):
    """The rows of ``results.csv``, as text: what the executed notebooks say, and what else was there.

    The rows of a pause are replaced as a set once all its notebooks have been executed here, so that none outlives
    the claim or outcome it speaks of; before that, those of the outcomes the executed ones speak of. Rows that
    name no listed pause belong to the comparison.

    Parameters
    ----------
    folder : path
    ids : sequence of str
        Ids of all listed pauses.
    sections : sequence of str
        Notebooks of a pause.
    comparison : str
        The notebook of all pauses.

    Returns
    -------
    list of dict of str
        Sorted by the key of an effect.

    Raises
    ------
    ReportError
        Two notebooks disagree about one effect.
    """
    new, replaced = {}, set()
    for pause in (*ids, None):
        names = [comparison] if pause is None else [f"{pause}.{name}" for name in sections]
        notebooks = [read_executed(folder / EXECUTED / f"{name}.ipynb") for name in names]
        rows = [row for notebook in notebooks if notebook for row in effect_rows(notebook)]
        for row in rows:
            text = {name: _text(row[name]) for name in COLUMNS}
            key = tuple(text[name] for name in KEY)
            if new.setdefault(key, text) != text:
                raise ReportError("two notebooks disagree about one effect", field=" / ".join(key))
        if None not in notebooks and (rows or pause):
            replaced.add(pause)
        replaced |= {(row["pause"], row["outcome"]) for row in rows}
    for row in _read_record(folder / RESULTS):
        owner = row["pause"] if row["pause"] in ids else None
        if owner not in replaced and (row["pause"], row["outcome"]) not in replaced:
            new.setdefault(tuple(row[name] for name in KEY), row)
    return [new[key] for key in sorted(new)]


def to_csv(rows):
    """Write rows of text as CSV with the record's columns."""
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return buffer.getvalue()


def _read_record(path):
    """The rows of an earlier record; none where there is none or it has other columns."""
    if not path.is_file():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return [row for row in rows if tuple(row) == COLUMNS and None not in row.values()]


def _text(value):
    """A value as the record holds it: whole, or below 1000 to six significant digits; no value empty.

    >>> [_text(value) for value in (True, 12345.0, 1234.56, 0.07123456, float("nan"), None, "shift")]
    ['True', '12345', '1235', '0.0712346', '', '', 'shift']
    """
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return ""
    if isinstance(value, float):
        return str(round(value)) if value == round(value) or abs(value) >= 1000 else f"{value:.6g}"
    return str(value)
