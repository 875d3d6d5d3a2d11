"""Pages of the notebooks that belong to no pause: what the data can say, how the tests do, which codes to check.

They are shown as they are stored in the repository, where nbval compares them with what the package gives.
"""

import hashlib
import json
from pathlib import Path

from analysis.batch.folder import mark_part, part_path, read_part, write_file
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
        digest = hashlib.sha256(content + package).hexdigest()
        html = read_part(folder, name, digest)
        if html is None:
            import nbformat  # only here: a batch without news need not wait for it

            notebook = nbformat.reads(content.decode("utf-8"), as_version=4)
            html = render_section(notebook, name=name, level=1)
            write_file(part_path(folder, name), mark_part(html, digest))
        parts.append({"id": name, "name": title, "html": Markup(html)})
    return parts
