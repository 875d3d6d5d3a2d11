"""Where the tables lie; it needs nothing but Python, so that a command that has nothing to do ends at once."""

import os
from pathlib import Path

ELSEWHERE = "PAUSES_DATA"  # environment: another data folder for a whole process, such as a cut one


def data_folder() -> Path:
    """The folder of registry and tables: that of PAUSES_DATA, the repository's, or an installed package's copy."""
    if elsewhere := os.environ.get(ELSEWHERE):
        return Path(elsewhere)
    folder = Path(__file__).parents[2] / "data"
    return folder if (folder / "pauses.toml").is_file() else Path(__file__).parent / "_data"
