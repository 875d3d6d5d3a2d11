"""Was energy the target of the large raids? Coded by two coders on their own under a fixed protocol.

The rows that come with the project were coded by runs of a language model. Files of the same form, coded by people
whose names stand in a column `coder`, take their place when the table is built from them; one coder is enough.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from .kit import Imported, Source, find_fault, refuse
from .pairs import COUNT, NOT_FOUND, imported, read_coders

RAW = ("energy_raids/coder_1.csv",)
MORE = "energy_raids/coder_2.csv"  # the same raids coded again by another coder
TABLES = ("energy_raids",)
SOURCE = Source(
    title="Large raids, coded by whether energy was the target",
    producer="",  # who coded stands in the files themselves
    citation="Dated public reports, each row with its addresses",
    address="energy_raids.csv",
    licence="facts with links",
)
TIERS = (NOT_FOUND, "facility", "general", "minor", "claim", "silent")  # from the highest, what was not found aside
CONFIDENCE = ("high", "medium", "low")
FORMS = {
    "day": "",
    "code": "|".join(TIERS),
    "confidence": "|".join(CONFIDENCE),
    "drones": f"({COUNT})?",
    "missiles": COUNT,
}
OTHERS = ["evidence_urls", "note", "targets"]


def build(first: str | Path, second: str | Path | None = None, *, folder: str | Path) -> Imported:
    """One row a raid: where two coders differ the lower tier counts, and what one of them found counts as found."""
    raws, frames = read_coders([first, second], FORMS, others=OTHERS)
    one = frames[0].sort_index()
    if second:
        size, again = ["drones", "missiles"], frames[1].reset_index().set_index("row")
        wrong = (one[size].reindex(again["day"]).to_numpy() != again[size]).any(axis=1)
        expected = f"a raid of {raws[0].name}, with its drones and missiles"
        fault = find_fault(again, "day", wrong, "not a raid of the first coder", expected, file=raws[1].name)
        refuse([fault], file=raws[1].name)
    two = frames[1].reindex(one.index) if second else one.assign(code=np.nan, evidence_urls="")
    lower = two["code"].map(TIERS.index, na_action="ignore") > one["code"].map(TIERS.index)
    unsure = two["confidence"].map(CONFIDENCE.index, na_action="ignore") > one["confidence"].map(CONFIDENCE.index)
    code = one["code"].mask(lower, two["code"])
    agreed = (one["code"] == two["code"]).astype("boolean").mask(two["code"].isna())
    addresses = (one["evidence_urls"] + "|" + two["evidence_urls"].fillna("")).str.strip("|").str.split("|")
    table = (
        one[["drones", "missiles"]]
        .apply(pd.to_numeric)
        .assign(
            code=code,
            agreed=agreed,
            code_1=one["code"],
            code_2=two["code"],
            targets=one["targets"].mask(lower, two["targets"]),
            addresses=addresses.map(lambda each: "|".join(dict.fromkeys(each))),
            confidence=one["confidence"].mask(unsure, two["confidence"]),
        )
    )
    rules = {
        "take_the_lower_tier": ("Where the coders differ, the lower tier counts.", ~agreed.fillna(True).astype(bool)),
        "leave_raids_not_found_open": ("Nothing found on a raid is not nothing hit.", code == NOT_FOUND),
    }
    return imported(table, SOURCE, rules, raws, frames)
