"""The manifest beside the reports: from what, with what and when each was made.

``manifest.json`` lists what every report depends on (see `analysis.batch.inputs`), the git revision, and for each
report its parameters, seeds among them, and its digests. Only what stands under ``times`` can differ between two
batches that started from the same.
"""

import ast
import hashlib
import json
import subprocess

from analysis.batch.folder import failed_path, read_executed, write_file

MANIFEST = "manifest.json"
INPUTS = (":/src", ":/data", ":/notebooks")


def write_manifest(folder, tasks, outcomes, surroundings, *, revision):
    """Write the manifest of a folder of reports, unless it is so already.

    Parameters
    ----------
    folder : Path
        The folder of reports.
    tasks : sequence of Task
        Every report the folder can hold, with the digest of what it depends on now.
    outcomes : sequence of ReportOutcome
        What this batch did; for other reports the times of an earlier manifest stay.
    surroundings : dict
        From `fingerprint`.
    revision : dict
        From `git_revision`.
    """
    times, reports = _earlier_times(folder / MANIFEST), {}
    for outcome in outcomes:
        if outcome.status != "kept":
            name = ".".join(filter(None, (outcome.pause, outcome.notebook)))
            times[name] = {"ended": outcome.ended, "seconds": outcome.seconds}
    for task in tasks:
        executed, failed = read_executed(task.path), failed_path(task.path).exists()
        reports[task.name] = {"status": "failed" if failed else "absent"}
        if executed is not None:
            same = executed["metadata"]["pauses"]["inputs"] == task.inputs
            reports[task.name] = {
                "status": "failed" if failed else "up to date" if same else "out of date",
                "parameters": _parameters(executed), "inputs": executed["metadata"]["pauses"]["inputs"],
                "sha256": hashlib.sha256(task.path.read_bytes()).hexdigest(),
            }  # fmt: skip
    listed = {name: times[name] for name in reports if name in times}
    manifest = {"revision": revision, **surroundings, "reports": reports, "times": listed}
    write_file(folder / MANIFEST, json.dumps(manifest, indent=1, ensure_ascii=False) + "\n")


def git_revision(folder):
    """The commit of the clone around a folder, and which of the inputs differ from it; empty where there is none."""
    command = ["git", "--no-optional-locks", "-C", str(folder)]
    try:
        commit, status = (
            subprocess.run([*command, *words], capture_output=True, text=True, check=True, timeout=60).stdout
            for words in (("rev-parse", "HEAD"), ("status", "--porcelain", "--", *INPUTS))
        )
    except (OSError, subprocess.SubprocessError):
        return {}
    return {"commit": commit.strip(), "changed": [line[3:] for line in status.splitlines()]}


def _parameters(notebook):
    """What an executed notebook was told: its own defaults, and over them what papermill put in."""
    values = {}
    for cell in notebook["cells"]:
        if {"parameters", "injected-parameters"} & set(cell["metadata"].get("tags", ())):
            for statement in ast.parse("".join(cell["source"])).body:
                target = statement.target if isinstance(statement, ast.AnnAssign) else statement.targets[0]
                values[target.id] = ast.literal_eval(statement.value)
    return values


def _earlier_times(path):
    try:
        return dict(json.loads(path.read_text("utf-8"))["times"])
    except (OSError, ValueError, LookupError, TypeError):
        return {}
