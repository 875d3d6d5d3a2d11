"""Pages of the notebooks that belong to no pause: what the data can say, how the tests do, which codes to check.

They are shown as they are stored in the repository, where nbval compares them with what the package gives.
"""

import hashlib
import json
from pathlib import Path

from analysis.batch.folder import CACHE, write_file
from analysis.batch.sections import render_section

BACKGROUND = {
    "data": "What the data can and cannot say",
    "calibration": "How often the tests cry wolf, and what they can see",
    "review": "Coded days, to be checked by hand",
}


def background_parts(folder, notebooks, *, surroundings):
    """Render the background notebooks that are there, each again only when it or the package changed.

    Parameters
    ----------
    folder : Path
        The folder of reports, which keeps the parts.
    notebooks : Path
    surroundings : dict
        As from `fingerprint`.

    Returns
    -------
    list of dict
        id, name, and html that is clean: see `render_section`.
    """
    from markupsafe import Markup

    parts, package = [], json.dumps(surroundings["package"]).encode()
    for name, title in BACKGROUND.items():
        path = Path(notebooks) / f"{name}.ipynb"
        if not path.is_file():
            continue
        content = path.read_bytes()
        key = f"<!-- {hashlib.sha256(content + package).hexdigest()} -->\n"
        kept = folder / CACHE / f"{name}.html"
        if not kept.is_file() or not kept.read_text("utf-8").startswith(key):
            import nbformat  # only here: a batch without news need not wait for it

            notebook = nbformat.reads(content.decode("utf-8"), as_version=4)
            write_file(kept, key + render_section(notebook, name=name, level=1))
        parts.append({"id": name, "name": title, "html": Markup(kept.read_text("utf-8").removeprefix(key))})
    return parts
