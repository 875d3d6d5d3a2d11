"""Energy in one newsroom's daily list of key events, both sides, coded by two coders on their own.

The first coder knew of no pause: only those codes are for tests. The rows that come with the project were coded by
runs of a language model; files of the same form, coded by people whose names stand in a column `coder`, take their
place when the table is built from them, and one coder is enough.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pandas as pd

from .kit import Imported, Rule, Source
from .pairs import COUNT, NOT_FOUND, read_coders, who_coded

RAW = ("energy_digest/coder_1.csv",)
MORE = "energy_digest/coder_2.csv"  # other days and some of the same, by a coder who knew of the pauses
TABLES = ("energy_digest",)
SOURCE = Source(
    title="Energy in one daily list of key events, coded by strike day",
    producer="",  # who coded stands in the files themselves
    citation="Al Jazeera, list of key events, day by day, and copies of it, each row with its address",
    address="energy_digest.csv",
    licence="facts with links",
)
UKRAINE = ("yes_rear", "yes_front", "claim", "silent", NOT_FOUND)
RUSSIA = ("yes", "attempt", "mod", "silent", NOT_FOUND)
NAMES = {
    "strike_day": "day",
    "ukraine_energy": "ukraine",
    "russia_energy": "russia",
    "list_seen_whole": "whole",
    "evidence_url": "address",
}
COLUMNS = [*NAMES, "oblasts", "mod_claims", "note"]
TOLD = ["oblasts", "asset", "mod_claims", "whole", "address"]


def build(first: str | Path, second: str | Path | None = None, *, folder: str | Path) -> Imported:
    """One row a day that either coder was given: the first one's codes, and beside them the second one's.

    oblasts, asset, mod_claims, whole and address are the first coder's where that one could read the day.
    """
    raws, frames = read_coders(
        [path for path in (first, second) if path is not None],
        required=COLUMNS,
        optional=["asset", "chosen_because_known"],
        choices={
            "ukraine_energy": UKRAINE,
            "russia_energy": RUSSIA,
            "list_seen_whole": ("0", "1", ""),
            "chosen_because_known": ("0", "1", ""),
        },
        counts={"mod_claims": f"({COUNT})?"},
        main="ukraine_energy",
        address="evidence_url",
    )
    coders = [rows.rename(columns=NAMES).set_index("day") for rows in frames]
    one, two = coders[0], coders[1] if second else coders[0].iloc[:0]
    days = one.index.union(two.index)
    one, two = one.reindex(days), two.reindex(days)
    read = [own["ukraine"].notna() & (own["ukraine"] != NOT_FOUND) for own in (one, two)]
    table = one[TOLD].where(read[0], two[TOLD])
    for side in ("ukraine", "russia"):
        table[side], table[f"{side}_2"] = one[side], two[side]
    table["agreed"] = (one["ukraine"] == two["ukraine"]).astype("boolean").where(read[0] & read[1])
    table["chosen_because_known"] = (one["chosen_because_known"] == "1") | (two["chosen_because_known"] == "1")
    table["whole"] = table["whole"].map({"1": True, "0": False}).astype("boolean")
    table["mod_claims"] = pd.to_numeric(table["mod_claims"])
    table = table.set_axis(pd.DatetimeIndex(days, name="day"))
    rules = {
        "take_the_coder_who_knew_of_no_pause": (
            "Days of the second coder alone have no code for tests.",
            ~one.index.isin(coders[0].index),
        ),
        "leave_days_not_found_open": ("A list that was not found is not a quiet day.", ~(read[0] | read[1])),
        "mark_days_chosen_because_known": (
            "A day looked up because an attack was known.",
            table["chosen_because_known"],
        ),
    }
    who, twice = who_coded(pd.concat([rows["coder"] for rows in frames])), int(table["agreed"].notna().sum())
    return Imported(
        tables={"energy_digest": table.reset_index()},
        rules=[Rule.on_days(name, why, table.index[touched]) for name, (why, touched) in rules.items()],
        source=replace(SOURCE, producer=who, state=f"{len(table)} days coded, {twice} of them read twice"),
        inputs=tuple(raws),
    )
