"""Full verification of the committed tables: every fault of every file, none hidden by another.

Apart from `tables` because it imports pandera, which loading a table does not need.
"""

import hashlib
import io
import json
from functools import partial

import pandas as pd

from analysis.errors import DataError
from analysis.tables import REBUILD, checksum_fault, parse_table, table_definitions

PACKAGE = "datapackage.json"
SIDECAR = ("title", "licence", "sources", "inputs", "output", "rules")
PANDERA = {  # what its names of checks mean
    "not_nullable": "a value in every row",
    "column_in_dataframe": "this column",
    "column_in_schema": "no such column",
    "column_ordered": "the order of the dictionary",
}
_fault = partial(DataError, remedy=REBUILD)


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
    edited, table, beside = definition.get("edited"), f"{name}.csv", f"{name}.json"
    files = [table] if edited else [table, beside]
    absent = [file for file in files if file not in contents]
    if absent:
        allowed = definition.get("optional") and absent == files
        return [] if allowed else [_fault("file is missing", file=file) for file in absent]
    faults = [] if edited else _sidecar_faults(name, contents[table], contents[beside])
    return faults + (_cell_faults(table, contents[table], definition) or _row_faults(name, contents[table], definition))


def _sidecar_faults(name, content, sidecar):
    fault = checksum_fault(name, content, sidecar)
    if fault:
        return [fault]
    absent = [entry for entry in SIDECAR if entry not in json.loads(sidecar)]
    return [_fault("entry is missing", file=f"{name}.json", field=entry) for entry in absent]


def _cell_faults(file, content, definition):
    """Faults of columns and cells, found by pandera on the text of the file."""
    import pandera.pandas as pa

    try:
        frame = pd.read_csv(io.BytesIO(content), dtype=str, keep_default_na=False, na_values=[""])
    except ValueError as error:
        return [_fault("not a readable table", file=file, found=str(error))]
    if frame.empty:
        return [_fault("table has no rows", file=file)]
    columns = {field["name"]: _column(field) for field in definition["fields"]}
    try:
        pa.DataFrameSchema(columns, strict=True, ordered=True).validate(frame, lazy=True)
    except pa.errors.SchemaErrors as error:
        cases = error.failure_cases.fillna({"column": "(columns)"}).astype({"failure_case": str})
        return [
            _fault(
                "not as in the dictionary",
                file=file,
                field=column,
                rows=[int(index) + 2 for index in group["index"].dropna()],
                expected=PANDERA.get(check, check),
                found=", ".join(dict.fromkeys(group["failure_case"].head(3))),
            )
            for (column, check), group in cases.groupby(["column", "check"], sort=False)
        ]
    return []


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


def _row_faults(name, content, definition):
    """Faults of the key, and rows in which a statement of the dictionary does not hold."""
    try:
        frame = parse_table(name, content)
    except DataError as fault:
        return [fault]
    broken = {" ".join(holds.split()): frame.index[~frame.eval(holds)] for holds in definition.get("must_hold", ())}
    return [
        _fault("figures do not agree", file=f"{name}.csv", rows=rows + 2, expected=statement)
        for statement, rows in broken.items()
        if len(rows)
    ]


def _package_faults(contents, definitions):
    """Faults of datapackage.json: it must describe each table as it is."""
    if PACKAGE not in contents:
        return [_fault("file is missing", file=PACKAGE)]
    try:
        described = {resource["path"]: resource for resource in json.loads(contents[PACKAGE])["resources"]}
    except (ValueError, KeyError, TypeError):
        return [_fault("not a data package with resources", file=PACKAGE)]
    faults, problem = [], "does not describe the table as it is"
    for name in [name for name in definitions if f"{name}.csv" in contents]:
        content, resource = contents[f"{name}.csv"], described.get(f"{name}.csv", {})
        names = [field["name"] for field in definitions[name]["fields"]]
        true = {"bytes": len(content), "hash": f"sha256:{hashlib.sha256(content).hexdigest()}", "fields": names}
        stated = resource | {"fields": [field.get("name") for field in resource.get("schema", {}).get("fields", ())]}
        for entry, value in true.items():
            found = stated.get(entry)
            if found != value:
                place = {"file": PACKAGE, "field": f"{name}: {entry}"}
                faults.append(_fault(problem, **place, expected=str(value), found=str(found)))
    return faults
