"""What a report depends on: its notebook and parameters, the package, the tables, the libraries, Python.

Two machines, or two days, that agree in all of it give the same bytes; a report whose digest is unchanged is up to
date. Only contents count, never times or folders.
"""

import hashlib
import json
import platform
import sys
from pathlib import Path

import analysis
from analysis.errors import ReportError
from analysis.tables import data_folder


def fingerprint():
    """What every report depends on: digests of the package's files and of the tables, the libraries, Python."""
    package, data = Path(analysis.__file__).parent, data_folder()
    installed = {path.stem for entry in sys.path for path in Path(entry or ".").glob("*.dist-info")}
    return {
        "package": _files(package, "**/*", (".py", ".toml", ".j2", ".json", ".css", ".txt")),
        "data": _files(data, "*", (".csv", ".toml", ".json")),
        "libraries": sorted(installed),
        "python": platform.python_version(),
    }


def inputs_digest(task, surroundings):
    """Digest of everything the result of a task depends on; of the notebook, its sources but not its outputs.

    Raises ReportError for a notebook that cannot be read.
    """
    try:
        cells = json.loads(Path(task.notebook).read_bytes())["cells"]
        sources = [[cell["cell_type"], "".join(cell["source"]), cell["metadata"].get("tags")] for cell in cells]
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        name = Path(task.notebook).name
        raise ReportError("not a notebook that can be read", file=name, found=f"{error!s:.100}") from error
    depends = json.dumps([sources, task.parameters, task.level, surroundings], sort_keys=True, default=repr)
    return hashlib.sha256(depends.encode()).hexdigest()


def _files(folder, pattern, kinds):
    files = sorted(path for path in folder.glob(pattern) if path.suffix in kinds)
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
