"""What stands beside the tables: a sidecar each, datapackage.json and the README of the data folder.

Pure functions from descriptions to bytes. Nothing depends on when or where the build runs.
"""

import hashlib
import json
from dataclasses import asdict

from analysis.errors import DataError
from analysis.tables import REBUILD, table_definitions

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


def sidecar(name, definition, content, rows, imported):
    """Return the sidecar of a table: where it comes from, what was done, and checksums of input and output.

    Parameters
    ----------
    name : str
        Table name.
    definition : dict
        Its entry in the dictionary.
    content : bytes
        The table's CSV file, of `rows` rows.
    imported : Imported
        What its importer returned.

    Returns
    -------
    bytes
        JSON.
    """
    rules = [rule for rule in imported.rules if not rule.tables or name in rule.tables]
    return _json(
        {
            "table": name,
            "title": definition["title"],
            "licence": definition["licence"],
            "sources": [asdict(source) for source in imported.sources],
            "inputs": [{"file": raw.name, "bytes": len(raw.content), "sha256": raw.sha256} for raw in imported.inputs],
            "output": {
                "file": f"{name}.csv",
                "bytes": len(content),
                "sha256": hashlib.sha256(content).hexdigest(),
                "rows": rows,
                "columns": [field["name"] for field in definition["fields"]],
            },
            "notes": list(imported.notes),
            "rules": [
                {
                    "rule": rule.name,
                    "why": rule.why,
                    "rows_touched": rule.rows_touched,
                    "examples": list(rule.examples),
                    "rows": _ranges(rule.rows),
                }
                for rule in rules
            ],
        }
    )


def data_package(contents):
    """Return datapackage.json (Frictionless Data) for a folder given as mapping of file name to bytes."""
    resources, sources = [], {}
    for name, definition in table_definitions().items():
        if f"{name}.csv" not in contents:
            continue
        described = _described(name, contents)
        own = [{"title": source["title"], "path": source["address"]} for source in described["sources"]]
        sources.update({source["path"]: source for source in own})
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
                "schema": {
                    "fields": definition["fields"],
                    "primaryKey": definition["key"],
                    "missingValues": [""],
                },
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
    lines = [
        "# Data",
        "",
        "Written by `pauses data build`. Only tables without a sidecar and the `.toml` files are kept by hand. Raw",
        "files go to `raw/`, which git ignores. `pauses data check` verifies everything here.",
        "",
        "CSV in UTF-8, days as YYYY-MM-DD. **An empty cell means not known, never 0.** Beside each table lies a",
        "sidecar (`.json`) with its sources, the checksums of the raw files, every rule that was followed and the",
        "rows it touched. `datapackage.json` describes all tables for programs (Frictionless Data).",
    ]
    for name, definition in table_definitions().items():
        if f"{name}.csv" not in contents:
            continue
        described = _described(name, contents)
        licence = LICENCES[definition["licence"]]
        lines += ["", f"## {name}.csv", "", definition["description"].strip(), ""]
        for source in described["sources"]:
            lines.append(
                f"- Source: [{source['title']}]({source['address']}), {source['producer']}; {source['state']}."
            )
            lines.append(f"  Its terms: {source['licence']}.")
        lines += [f"- This table: [{licence['title']}]({licence['path']}).", ""]
        lines += ["| column | type | unit | meaning |", "|---|---|---|---|"]
        for field in definition["fields"]:
            cells = (f"`{field['name']}`", field["type"], field.get("unit", ""), field["description"])
            lines.append(f"| {' | '.join(cells)} |")
    return ("\n".join(lines) + "\n").encode()


def _described(name, contents):
    """The sidecar; for a table kept by hand, as much of one as its bytes give."""
    if f"{name}.json" in contents:
        try:
            return json.loads(contents[f"{name}.json"])
        except ValueError as error:
            raise DataError("not a sidecar", file=f"{name}.json", remedy=REBUILD) from error
    content = contents[f"{name}.csv"]
    return {"sources": [], "output": {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}}


def _ranges(labels):
    """Row numbers and days as short text.

    Examples
    --------
    >>> _ranges((2, 3, 4, 9)), _ranges(("2025-04-07",))
    ('2-4, 9', '2025-04-07')
    """
    if any(isinstance(label, str) for label in labels):
        return ", ".join(labels)
    spans = []
    for label in sorted(labels):
        if spans and label == spans[-1][1] + 1:
            spans[-1][1] = label
        else:
            spans.append([label, label])
    return ", ".join(str(first) if first == last else f"{first}-{last}" for first, last in spans)


def _json(value):
    return (json.dumps(value, indent=1, ensure_ascii=False) + "\n").encode()
