"""Where the tables lie and how their texts are read; it needs nothing but Python, so that a command that has nothing to
do ends at once."""

import json
import os
import tomllib
from pathlib import Path
from typing import Any

from analysis.errors import DataError, PausesError

ELSEWHERE = "PAUSES_DATA"  # environment: another data folder for a whole process, such as a cut one
DEEPEST = 50  # tables and lists within one another


def data_folder() -> Path:
    """The folder of registry and tables: that of PAUSES_DATA, the repository's, or an installed package's copy."""
    if elsewhere := os.environ.get(ELSEWHERE):
        return Path(elsewhere)
    folder = Path(__file__).parents[2] / "data"
    return folder if (folder / "pauses.toml").is_file() else Path(__file__).parent / "_data"


def parsed(
    file: str, content: bytes, *, remedy: str = "mend that place", error: type[PausesError] = DataError
) -> dict[str, Any]:
    """What a file says, .json or else TOML; refused where it is malformed, no table, or nested too deep to be used."""
    form = "JSON" if file.endswith(".json") else "TOML"
    try:
        text = content.decode("utf-8-sig")
        level = [told := json.loads(text) if form == "JSON" else tomllib.loads(text)]
        for _ in range(DEEPEST):
            wholes = [whole for whole in level if isinstance(whole, dict | list)]
            level = [part for one in wholes for part in (one.values() if isinstance(one, dict) else one)]
    except (ValueError, RecursionError) as fault:
        raise error(f"not valid {form}", file=file, found=f"{fault!s:.200}", remedy=remedy) from fault
    if level or not isinstance(told, dict):
        wanted, found = f"a table of at most {DEEPEST} levels", "more" if level else f"{told!r:.60}"
        raise error(f"not usable {form}", file=file, expected=wanted, found=found, remedy=remedy)
    return told
