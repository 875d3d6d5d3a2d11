"""Reading raw files so that whatever is wrong with them is named, with row numbers."""

import csv
import hashlib
import io
import tomllib
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import pandas as pd

from analysis.errors import DataError

NOT_CSV = {
    b"<": "a web page",
    b"pk\x03\x04": "a spreadsheet or a zip archive",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook",
    b"\x1f\x8b": "a gzip archive",
}
REMEDY = "download the file again, as CSV in UTF-8"


@dataclass(frozen=True)
class RawFile:
    """The bytes of a file and its name; never its place on a machine."""

    name: str
    content: bytes = field(repr=False)

    @classmethod
    def read(cls, path):
        """Read a file, or raise DataError."""
        path = Path(path)
        try:
            return cls(path.name, path.read_bytes())
        except OSError as error:
            raise DataError("file cannot be read", file=path.name, found=error.strerror) from error

    def described(self):
        """Name, size and checksum, as sidecars state them."""
        return {"file": self.name, "bytes": len(self.content), "sha256": hashlib.sha256(self.content).hexdigest()}


def read_rows(raw, *, required, optional=()):
    """Return the text cells of a CSV file, without any interpretation.

    Parameters
    ----------
    raw : RawFile
    required, optional : sequence of str
        Columns to take. A required one that is absent is refused, an optional one is left empty.

    Returns
    -------
    text : DataFrame of str
        Index "row": row number, counted as a text editor counts lines (the header is 1). Empty cells are "".
    notes : list of str
        Columns that are absent or not used.

    Raises
    ------
    DataError
        Empty, not CSV, not UTF-8, a column missing, no rows, or a row with too few or too many cells.

    Examples
    --------
    >>> text, notes = read_rows(RawFile("n.csv", b"day,n\\n2024-01-01,3\\n"), required=["n"])
    >>> text.to_dict("index"), notes
    ({2: {'n': '3'}}, ['n.csv: columns not used: day'])
    """
    fault = partial(DataError, file=raw.name, remedy=REMEDY)
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
    unused = ", ".join(name for name in header if name not in taken)
    notes += [f"{raw.name}: columns not used: {unused}"] if unused else []
    return pd.DataFrame(records, index, header, dtype="str").reindex(columns=taken, fill_value=""), notes


def _split(content, fault):
    """Rows as lists of cells, blanks around the names of columns removed, and the line that each row begins on."""
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


def read_lexicon(raw):
    """Return the words of a lexicon in TOML, or raise DataError."""
    try:
        return tomllib.loads(raw.content.decode())
    except ValueError as error:
        raise DataError("not a readable lexicon", file=raw.name, found=str(error)) from error


def find_fault(text, field, wrong, problem, expected=None, *, file, found=None, remedy="correct the row"):
    """Name the rows of a file in which a field is wrong.

    Parameters
    ----------
    text : DataFrame of str
        As `read_rows` returns it.
    field, problem, expected, file, remedy : str
        As in DataError.
    wrong : Series of bool
        Indexed by row number.
    found : Series of str, optional
        What stands in the rows; the column `field` by default. At most three different values are shown.

    Returns
    -------
    DataError or None
        None if no row is wrong.
    """
    rows = wrong.index[wrong]
    if rows.empty:
        return None
    values = (text[field] if found is None else found)[rows].drop_duplicates()
    shown = ", ".join(map(repr, values.head(3)))
    return DataError(problem, file=file, field=field, rows=rows, expected=expected, found=shown, remedy=remedy)


def refuse(faults, *, file):
    """Raise one DataError for all faults of a file (None is no fault); do nothing if there are none."""
    faults = [fault for fault in faults if fault]
    if len(faults) == 1:
        raise faults[0]
    if faults:
        lines = "\n".join(f"- {fault}" for fault in faults)
        raise DataError(f"{len(faults)} kinds of fault, nothing was changed\n{lines}", file=file)
