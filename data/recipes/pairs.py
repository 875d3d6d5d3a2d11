"""What was coded in one file a coder: reading the files, their faults, and who coded."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

import pandas as pd

from analysis.errors import DataError

from .kit import RawFile, find_fault, read_rows, refuse

NOT_FOUND = "not_found"
COUNT = r"\d{1,4}"


def read_coders(
    paths: Sequence[str | Path],
    *,
    required: Sequence[str],
    optional: Sequence[str] = (),
    choices: Mapping[str, Sequence[str]],
    counts: Mapping[str, str],
    main: str,
    address: str,
) -> tuple[list[RawFile], list[pd.DataFrame]]:
    """The files and their rows, one coder each; a coder without a name has the number of the file.

    The first required column is the day; `choices` are the codes allowed in a column and `counts` the form of its
    numbers, `main` the code that needs an address unless nothing was found.
    """
    raws = [RawFile.read(path) for path in paths]
    frames = [read_rows(raw, required=required, optional=[*optional, "coder"])[0] for raw in raws]
    for number, (raw, rows) in enumerate(zip(raws, frames, strict=True), 1):
        refuse(_faults(rows, raw.name, required[0], choices, counts, main, address), file=raw.name)
        rows["coder"] = rows["coder"].replace("", str(number))
    return raws, frames


def who_coded(coders: pd.Series) -> str:
    """Who coded: runs of a model have numbers, people have names."""
    names = coders.unique()
    runs, people, who = sum(map(str.isdigit, names)), sorted(name for name in names if not name.isdigit()), []
    if runs:
        who.append(f"{runs} independent runs of a language model under a fixed protocol, not yet checked by people")
    if people:
        who.append(f"coded by people: {', '.join(people)}")
    return "; ".join(who)


def _faults(
    rows: pd.DataFrame,
    name: str,
    day: str,
    choices: Mapping[str, Sequence[str]],
    counts: Mapping[str, str],
    main: str,
    address: str,
) -> Iterator[DataError | None]:
    find = partial(find_fault, rows, file=name)
    no_day = pd.to_datetime(rows[day], format="%Y-%m-%d", errors="coerce").isna()
    yield find(day, no_day, "not a day", "YYYY-MM-DD")
    yield find(day, rows[day].duplicated(), "day twice", "one row a day")
    for field, allowed in choices.items():
        yield find(field, ~rows[field].isin(allowed), "not in the protocol", ", ".join(allowed))
    for field, form in counts.items():
        yield find(field, ~rows[field].str.fullmatch(form), "not a count", "a whole number")
    bare = (rows[main] != NOT_FOUND) & ~rows[address].str.startswith("http") & (rows["note"] == "")
    yield find(address, bare, "address missing", "an address, or a note that says where, for every day with a finding")
