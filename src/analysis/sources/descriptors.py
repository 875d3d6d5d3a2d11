"""What stands beside the tables: a sidecar each, datapackage.json and the README of the data folder.

Pure functions from descriptions to bytes. Nothing depends on when or where the build runs.
"""

import json
from dataclasses import asdict

import numpy as np

from analysis.errors import DataError
from analysis.sources.rawfile import RawFile
from analysis.tables import REBUILD, table_definition, table_definitions

LICENCES = {
    "CC-BY-4.0": {
        "name": "CC-BY-4.0",
        "path": "https://creativecommons.org/licenses/by/4.0/",
        "title": "Creative Commons Attribution 4.0",
    },
    "ODbL-1.0": {
        "name": "ODbL-1.0",
        "path": "https://opendatacommons.org/licenses/odbl/1-0/",
        "title": "Open Data Commons Open Database License 1.0",
    },
    "ACLED": {"name": "other-closed", "path": "https://acleddata.com", "title": "ACLED terms: not to be passed on"},
}
README = """\
# Data

Written by `pauses data build`. Only tables without a sidecar and the `.toml` files are kept by hand. Raw
files go to `raw/`, which git ignores. `pauses data check` verifies everything here.

CSV in UTF-8, days as YYYY-MM-DD. **An empty cell means not known, never 0.** Beside each table lies a
sidecar (`.json`) with its sources, the checksums of the raw files, every rule that was followed and the
rows it touched. `datapackage.json` describes all tables for programs (Frictionless Data)."""


def sidecar(name, content, imported):
    """Return the sidecar of a table: where it comes from, what was done, and checksums of input and output.

    Parameters
    ----------
    name : str
        Table name.
    content : bytes
        The table's CSV file.
    imported : Imported
        What its importer returned.

    Returns
    -------
    bytes
        JSON.
    """
    definition = table_definition(name)
    columns = [field["name"] for field in definition["fields"]]
    output = RawFile(f"{name}.csv", content).described() | {"rows": len(imported.tables[name]), "columns": columns}
    rules = [
        {
            "rule": rule.name,
            "why": rule.why,
            "rows_touched": rule.rows_touched,
            "examples": rule.examples,
            "rows": _ranges(rule.rows),
        }
        for rule in imported.rules
        if not rule.tables or name in rule.tables
    ]
    return _json(
        {
            "table": name,
            "title": definition["title"],
            "licence": definition["licence"],
            "sources": [asdict(source) for source in imported.sources],
            "inputs": [raw.described() for raw in imported.inputs],
            "output": output,
            "notes": imported.notes,
            "rules": rules,
        }
    )


def data_package(contents):
    """Return datapackage.json (Frictionless Data) for a folder given as mapping of file name to bytes."""
    resources, sources = [], {}
    for name, definition, described in _tables(contents):
        own = [{"title": source["title"], "path": source["address"]} for source in described["sources"]]
        sources |= {source["path"]: source for source in own}
        resources.append(
            {
                "name": name.replace("_", "-"),
                "path": f"{name}.csv",
                "profile": "tabular-data-resource",
                "title": definition["title"],
                "description": definition["description"].strip(),
                "format": "csv",
                "mediatype": "text/csv",
                "encoding": "utf-8",
                "bytes": described["output"]["bytes"],
                "hash": f"sha256:{described['output']['sha256']}",
                "licenses": [LICENCES[definition["licence"]]],
                **({"sources": own} if own else {}),
                "schema": {"fields": definition["fields"], "primaryKey": definition["key"], "missingValues": [""]},
            }
        )
    used = {licence["name"]: licence for resource in resources for licence in resource["licenses"]}
    return _json(
        {
            "profile": "tabular-data-package",
            "name": "strike-pauses",
            "title": "Announced pauses in strikes on Ukraine: daily series",
            "description": "Tables from which the project tests whether announced pauses changed the strikes.",
            "licenses": list(used.values()),
            "sources": list(sources.values()),
            "resources": resources,
        }
    )


def readme(contents):
    """Return README.md of the data folder: how to rebuild, and each table's origin and columns."""
    lines = [README]
    for name, definition, described in _tables(contents):
        licence = LICENCES[definition["licence"]]
        lines += ["", f"## {name}.csv", "", definition["description"].strip(), ""]
        for source in described["sources"]:
            made_by = f"{source['producer']}; {source['state']}"
            lines.append(f"- Source: [{source['title']}]({source['address']}), {made_by}.")
            lines.append(f"  Its terms: {source['licence']}.")
        lines += [f"- This table: [{licence['title']}]({licence['path']}).", ""]
        lines += ["| column | type | unit | meaning |", "|---|---|---|---|"]
        for field in definition["fields"]:
            cells = (f"`{field['name']}`", field["type"], field.get("unit", ""), field["description"])
            lines.append(f"| {' | '.join(cells)} |")
    return ("\n".join(lines) + "\n").encode()


def _tables(contents):
    """Name, definition and sidecar of each table that is there; kept by hand: as much of one as its bytes give."""
    for name, definition in table_definitions().items():
        if f"{name}.csv" not in contents:
            continue
        described = {"sources": [], "output": RawFile(f"{name}.csv", contents[f"{name}.csv"]).described()}
        if f"{name}.json" in contents:
            try:
                described = json.loads(contents[f"{name}.json"])
            except ValueError as error:
                raise DataError("not a sidecar", file=f"{name}.json", remedy=REBUILD) from error
        yield name, definition, described


def _ranges(labels):
    """Row numbers and days as short text.

    Examples
    --------
    >>> _ranges((2, 3, 4, 9)), _ranges(("2025-04-07",))
    ('2-4, 9', '2025-04-07')
    """
    if any(isinstance(label, str) for label in labels):
        return ", ".join(labels)
    numbers = np.sort(labels)
    runs = np.split(numbers, np.flatnonzero(np.diff(numbers) > 1) + 1)
    return ", ".join(f"{run[0]}-{run[-1]}" if len(run) > 1 else f"{run[0]}" for run in runs if len(run))


def _json(value):
    return (json.dumps(value, indent=1, ensure_ascii=False) + "\n").encode()
