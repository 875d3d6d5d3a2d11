"""What was coded in one file a coder: reading the files, their faults, and who coded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import pandas as pd

from .kit import Imported, RawFile, Rule, Source, find_fault, read_rows, refuse

NOT_FOUND = "not_found"
COUNT = r"\d{1,4}"


def read_coders(
    paths: Sequence[str | Path | None], forms: Mapping[str, str], *, others: Sequence[str], optional: Sequence[str] = ()
) -> tuple[list[RawFile], list[pd.DataFrame]]:
    """The files and their rows by day, one coder each; a coder without a name has the number of the file.

    `forms`: what the cells of the day, of the main code and of further columns may be; `others`: the address, a note
    that may stand for it, and columns of free text.
    """
    raws, frames, (day, code, *_) = [RawFile.read(path) for path in paths if path is not None], [], forms
    required = [name for name in (*forms, *others) if name not in optional]
    for number, raw in enumerate(raws, 1):
        rows = read_rows(raw, required=required, optional=[*optional, "coder"])[0]
        find = partial(find_fault, rows, file=raw.name)
        no_day = pd.to_datetime(rows[day], format="%Y-%m-%d", errors="coerce").isna()
        faults = [find(day, no_day, "not a day", "YYYY-MM-DD"), find(day, rows[day].duplicated(), "day twice")]
        for field, form in list(forms.items())[1:]:
            faults.append(find(field, ~rows[field].str.fullmatch(form), "not in the protocol", form))
        address, note = others[:2]
        bare = (rows[code] != NOT_FOUND) & ~rows[address].str.startswith("http") & (rows[note] == "")
        faults.append(find(address, bare, "address missing", "an address for every finding, or a note that says where"))
        refuse(faults, file=raw.name)
        rows = rows.assign(coder=rows["coder"].replace("", str(number)), row=rows.index)
        frames.append(rows.set_index(day).rename_axis("day"))
    return raws, frames


def imported(
    table: pd.DataFrame,
    source: Source,
    rules: Mapping[str, tuple[str, pd.Series]],
    raws: Sequence[RawFile],
    frames: Sequence[pd.DataFrame],
) -> Imported:
    """The table by day, with its rules (why, and where they touched it) and who coded."""
    table = table.set_axis(pd.DatetimeIndex(table.index, name="day"))
    state = f"{len(table)} days coded, {table['agreed'].notna().sum()} of them by two"
    return Imported(
        tables={source.address.removesuffix(".csv"): table.reset_index()},
        rules=[Rule.on_days(name, why, table.index[touched]) for name, (why, touched) in rules.items()],
        source=replace(source, producer=who_coded(pd.concat([rows["coder"] for rows in frames])), state=state),
        inputs=raws,
    )


def who_coded(coders: pd.Series) -> str:
    """Who coded: runs of a model have numbers, people have names."""
    names = coders.unique()
    runs, people, who = sum(map(str.isdigit, names)), sorted(name for name in names if not name.isdigit()), []
    if runs:
        who.append(f"{runs} independent runs of a language model under a fixed protocol, not yet checked by people")
    if people:
        who.append(f"coded by people: {', '.join(people)}")
    return "; ".join(who)
