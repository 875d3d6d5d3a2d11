"""Full verification of the committed tables: every fault of every file, none hidden by another.

Apart from `tables` because it imports pandera, which loading a table does not need.
"""

import hashlib
import io
import json

import pandas as pd

from analysis.errors import DataError
from analysis.tables import REBUILD, checksum_fault, parse_table, table_definitions

PACKAGE = "datapackage.json"
SIDECAR = ("title", "licence", "sources", "inputs", "output", "rules")


def find_faults(contents):
    """Return every fault of a data folder given as bytes.

    Parameters
    ----------
    contents : mapping of str to bytes
        File name to content; files that the dictionary does not know are ignored.

    Returns
    -------
    list of DataError
        In the order of the dictionary, datapackage.json last; empty if all is well.

    Examples
    --------
    >>> print(find_faults({})[0])
    strikes.csv: file is missing. To do: restore the file from version control, or run: pauses data build.
    """
    definitions = table_definitions()
    faults = [fault for name in definitions for fault in table_faults(name, contents, definitions[name])]
    return faults + _package_faults(contents, definitions)


def table_faults(name, contents, definition):
    """Return the faults of one table and its sidecar, as a list of DataError."""
    files = [f"{name}.csv"] if definition.get("edited") else [f"{name}.csv", f"{name}.json"]
    absent = [file for file in files if file not in contents]
    if definition.get("optional") and len(absent) == len(files):
        return []
    if absent:
        return [DataError("file is missing", file=file, remedy=REBUILD) for file in absent]
    faults = [] if definition.get("edited") else _sidecar_faults(name, contents)
    cells = _cell_faults(f"{name}.csv", contents[f"{name}.csv"], definition)
    return faults + (cells or _agreement_faults(name, contents[f"{name}.csv"], definition))


def _sidecar_faults(name, contents):
    file = f"{name}.json"
    fault = checksum_fault(name, contents[f"{name}.csv"], contents[file])
    if fault:
        return [fault]
    absent = [entry for entry in SIDECAR if entry not in json.loads(contents[file])]
    return [DataError("entry is missing", file=file, field=entry, remedy=REBUILD) for entry in absent]


def _cell_faults(file, content, definition):
    """Faults of columns and cells, found by pandera on the text of the file."""
    import pandera.pandas as pa

    try:
        frame = pd.read_csv(io.BytesIO(content), dtype=str, keep_default_na=False, na_values=[""])
    except ValueError as error:
        return [DataError("not a readable table", file=file, found=str(error), remedy=REBUILD)]
    if frame.empty:
        return [DataError("table has no rows", file=file, remedy=REBUILD)]
    columns = {field["name"]: _column(field) for field in definition["fields"]}
    try:
        pa.DataFrameSchema(columns, strict=True, ordered=True).validate(frame, lazy=True)
    except pa.errors.SchemaErrors as error:
        groups = error.failure_cases.fillna({"column": "(columns)"}).groupby(["column", "check"], sort=False)
        return [_cell_fault(file, column, check, cases) for (column, check), cases in groups]
    return []


def _cell_fault(file, column, check, cases):
    """One sentence for what pandera found in a column."""
    named = {
        "not_nullable": "a value in every row",
        "column_in_dataframe": "this column",
        "column_in_schema": "no such column",
        "column_ordered": "the order of the dictionary",
    }
    rows = [int(index) + 2 for index in cases["index"] if index is not None]
    found = ", ".join(dict.fromkeys(cases["failure_case"].astype(str).head(3)))
    expected = named.get(check, check)
    problem = "not as in the dictionary"
    return DataError(problem, file=file, field=column, rows=rows, expected=expected, found=found, remedy=REBUILD)


def _column(field):
    """The pandera column of a field, over text: each check converts for itself, so all are reported."""
    import pandera.pandas as pa

    limits = field.get("constraints", {})
    kinds = {
        "date": (lambda text: text.str.fullmatch(r"\d{4}-\d{2}-\d{2}") & _days(text).notna(), "a date as YYYY-MM-DD"),
        "boolean": (lambda text: text.isin(["True", "False"]), "True or False"),
        "integer": (lambda text: text.str.fullmatch(r"-?\d+"), "a whole number"),
        "number": (lambda text: _numbers(text).abs() < float("inf"), "a finite number"),
    }
    checks = [kinds[field["type"]]] if field["type"] in kinds else []
    if "minimum" in limits:
        checks.append((lambda text: ~(_numbers(text) < limits["minimum"]), f"{limits['minimum']} or more"))
    if "maximum" in limits:
        checks.append((lambda text: ~(_numbers(text) > limits["maximum"]), f"{limits['maximum']} or less"))
    if "enum" in limits:
        allowed = [str(value) for value in limits["enum"]]
        checks.append((lambda text: text.isin(allowed), f"one of {', '.join(allowed)}"))
    checks = [pa.Check(holds, error=expected) for holds, expected in checks]
    return pa.Column(str, checks, nullable=not limits.get("required", False))


def _numbers(text):
    return pd.to_numeric(text, errors="coerce")


def _days(text):
    return pd.to_datetime(text, format="%Y-%m-%d", errors="coerce")


def _agreement_faults(name, content, definition):
    """Faults of the key, and rows in which a statement of the dictionary does not hold."""
    try:
        frame = parse_table(name, content)
    except DataError as fault:
        return [fault]
    file, faults = f"{name}.csv", []
    for statement in definition.get("must_hold", ()):
        broken, expected = frame.index[~frame.eval(statement)], " ".join(statement.split())
        if len(broken):
            problem = "figures do not agree"
            faults.append(DataError(problem, file=file, rows=broken + 2, expected=expected, remedy=REBUILD))
    return faults


def _package_faults(contents, definitions):
    """Faults of datapackage.json: it must describe each table as it is."""
    if PACKAGE not in contents:
        return [DataError("file is missing", file=PACKAGE, remedy=REBUILD)]
    try:
        described = {resource["path"]: resource for resource in json.loads(contents[PACKAGE])["resources"]}
    except (ValueError, KeyError, TypeError):
        return [DataError("not a data package with resources", file=PACKAGE, remedy=REBUILD)]
    faults = []
    for name, definition in definitions.items():
        content, resource = contents.get(f"{name}.csv"), described.get(f"{name}.csv", {})
        if content is None:
            continue
        digest, names = hashlib.sha256(content).hexdigest(), [field["name"] for field in definition["fields"]]
        stated = [field.get("name") for field in resource.get("schema", {}).get("fields", ())]
        for entry, expected, found in (
            ("bytes", len(content), resource.get("bytes")),
            ("hash", f"sha256:{digest}", resource.get("hash")),
            ("fields", names, stated),
        ):
            if found != expected:
                faults.append(
                    DataError(
                        "does not describe the table as it is",
                        file=PACKAGE,
                        field=f"{name}: {entry}",
                        expected=str(expected),
                        found=str(found),
                        remedy=REBUILD,
                    )
                )
    return faults
