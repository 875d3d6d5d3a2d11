"""Reading a raw CSV file so that whatever is wrong with it is named, with row numbers."""

import csv
import io

import pandas as pd

from analysis.errors import DataError

NOT_CSV = {
    b"<": "a web page",
    b"pk\x03\x04": "a spreadsheet or a zip archive",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook",
    b"\x1f\x8b": "a gzip archive",
}


def read_bytes(path):
    """Return the bytes of a file, or raise DataError."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise DataError("file cannot be read", file=path.name, found=error.strerror) from error


def read_rows(content, file, *, required, optional=()):
    """Return the text cells of a CSV file, without any interpretation.

    Parameters
    ----------
    content : bytes
        The file; `file` is its name for messages.
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
    >>> text, notes = read_rows(b"day,n\\n2024-01-01,3\\n", "n.csv", required=["n"])
    >>> text.to_dict("index"), notes
    ({2: {'n': '3'}}, ['n.csv: columns not used: day'])
    """
    again = "download the file again, as CSV in UTF-8"
    for magic, kind in NOT_CSV.items():
        if content.lstrip()[:8].lower().startswith(magic):
            raise DataError(f"not a CSV file but {kind}", file=file, remedy=again)
    if not content.strip():
        raise DataError("file is empty", file=file, remedy=again)
    try:
        lines = io.StringIO(content.decode("utf-8-sig"), newline="")
    except UnicodeDecodeError as error:
        row, byte = content[: error.start].count(b"\n") + 1, content[error.start]
        raise DataError(
            "wrong encoding", file=file, rows=[row], expected="UTF-8", found=f"byte 0x{byte:02x}", remedy=again
        ) from error
    reader = csv.reader(lines, strict=True)
    numbers, records, number = [], [], 0
    try:
        for cells in reader:
            number, begun = reader.line_num, number + 1
            if cells:
                numbers.append(begun)
                records.append(cells)
    except csv.Error as error:
        problem = "not readable as CSV"
        raise DataError(problem, file=file, rows=[number + 1], found=str(error), remedy=again) from error
    header, records, numbers = [name.strip() for name in records[0]], records[1:], numbers[1:]
    missing = [name for name in required if header.count(name) != 1]
    if missing:
        raise DataError(
            "column missing or twice",
            file=file,
            field=", ".join(missing),
            expected=", ".join(required),
            found=", ".join(header)[:300],
            remedy=again,
        )
    if not records:
        raise DataError("only a header, no rows", file=file, remedy=again)
    uneven = [number for number, cells in zip(numbers, records, strict=True) if len(cells) != len(header)]
    if uneven:
        found = f"{len(records[numbers.index(uneven[0])])} in row {uneven[0]}"
        raise DataError(
            "row cut short or broken",
            file=file,
            rows=uneven,
            expected=f"{len(header)} cells",
            found=found,
            remedy=again,
        )
    text = pd.DataFrame(records, columns=header, index=pd.Index(numbers, name="row"), dtype="str")
    absent = [name for name in optional if name not in header]
    unused = [name for name in header if name not in (*required, *optional)]
    notes = [f"{file}: column {name} is absent, taken as empty" for name in absent]
    notes += [f"{file}: columns not used: {', '.join(unused)}"] if unused else []
    return text.reindex(columns=[*required, *optional], fill_value=""), notes
