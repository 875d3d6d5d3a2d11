"""Energy in one newsroom's daily list of key events, both sides, coded by two coders on their own.

The first coder knew of no pause: only those codes are for tests. The rows that come with the project were coded by
runs of a language model; files of the same form, coded by people whose names stand in a column `coder`, take their
place when the table is built from them, and one coder is enough.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from .kit import Imported, Source
from .pairs import COUNT, NOT_FOUND, imported, read_coders

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
FORMS = {
    "strike_day": "",
    "ukraine_energy": f"yes_rear|yes_front|claim|silent|{NOT_FOUND}",
    "russia_energy": f"yes|attempt|mod|silent|{NOT_FOUND}",
    "mod_claims": f"({COUNT})?",
    "list_seen_whole": "[01]?",
    "chosen_because_known": "[01]?",
}
OTHERS, OPTIONAL = ["evidence_url", "note", "oblasts", "asset"], ["asset", "chosen_because_known"]
NAMES = {
    "ukraine_energy": "ukraine", "russia_energy": "russia", "list_seen_whole": "whole", "evidence_url": "address",
}  # fmt: skip


def build(first: str | Path, second: str | Path | None = None, *, folder: str | Path) -> Imported:
    """One row a day that either coder was given: the first one's codes, and beside them the second one's.

    oblasts, asset, mod_claims, whole and address are the first coder's where that one could read the day.
    """
    raws, frames = read_coders([first, second], FORMS, others=OTHERS, optional=OPTIONAL)
    days = frames[0].index.union(frames[-1].index)
    one = frames[0].rename(columns=NAMES).reindex(days)
    two = frames[1].rename(columns=NAMES).reindex(days) if second else one.iloc[:0].reindex(days)
    read = [own["ukraine"].notna() & (own["ukraine"] != NOT_FOUND) for own in (one, two)]
    told = one.where(read[0], two)
    table = told[["oblasts", "asset", "address"]].assign(
        ukraine=one["ukraine"],
        russia=one["russia"],
        mod_claims=pd.to_numeric(told["mod_claims"]),
        whole=told["whole"].map({"1": True, "0": False}).astype("boolean"),
        ukraine_2=two["ukraine"],
        russia_2=two["russia"],
        agreed=(one["ukraine"] == two["ukraine"]).astype("boolean").where(read[0] & read[1]),
        chosen_because_known=(one["chosen_because_known"] == "1") | (two["chosen_because_known"] == "1"),
    )
    rules = {
        "take_the_coder_who_knew_of_no_pause": (
            "Days of the second coder alone have no code for tests.", one["ukraine"].isna(),
        ),
        "leave_days_not_found_open": ("A list that was not found is not a quiet day.", ~(read[0] | read[1])),
        "mark_days_chosen_because_known": (
            "A day looked up because an attack was known.", table["chosen_because_known"],
        ),
    }  # fmt: skip
    return imported(table, SOURCE, rules, raws, frames)
