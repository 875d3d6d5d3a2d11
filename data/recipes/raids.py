"""Was energy the target of the large raids? Coded by two coders on their own under a fixed protocol.

The rows that come with the project were coded by runs of a language model. Files of the same form, coded by people
whose names stand in a column `coder`, take their place when the table is built from them; one coder is enough.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from .kit import Imported, Rule, Source, find_fault, refuse
from .pairs import COUNT, NOT_FOUND, read_coders, who_coded

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
TIERS = ("facility", "general", "minor", "claim", "silent")  # from the highest
CONFIDENCE = ("high", "medium", "low")
COLUMNS = ["day", "drones", "missiles", "code", "targets", "evidence_urls", "confidence", "note"]
CHOICES = {"code": (*TIERS, NOT_FOUND), "confidence": CONFIDENCE}


def build(first: str | Path, second: str | Path | None = None, *, folder: str | Path) -> Imported:
    """One row a raid: where two coders differ the lower tier counts, and what one of them found counts as found."""
    given = [path for path in (first, second) if path is not None]
    raws, frames = read_coders(
        given,
        required=COLUMNS,
        choices=CHOICES,
        counts={"drones": f"({COUNT})?", "missiles": COUNT},
        main="code",
        address="evidence_urls",
    )
    raids = ["day", "drones", "missiles"]
    for raw, rows in zip(raws[1:], frames[1:], strict=True):
        other = ~rows[raids].apply(tuple, axis=1).isin(frames[0][raids].apply(tuple, axis=1))
        expected = f"a raid of {raws[0].name}, with its drones and missiles"
        refuse(
            [find_fault(rows, "day", other, "not a raid of the first coder", expected, file=raw.name)], file=raw.name
        )

    one = frames[0].set_index("day").sort_index()
    two = frames[-1].set_index("day").reindex(one.index) if second else one.assign(code=np.nan, coder=np.nan)
    rank = {code: place for place, code in enumerate((NOT_FOUND, *TIERS))}
    lower = two["code"].map(rank) > one["code"].map(rank)
    least = pd.concat([one["confidence"], two["confidence"]], axis=1).apply(
        lambda pair: max(pair.dropna(), key=CONFIDENCE.index), axis=1
    )
    table = pd.DataFrame(
        {
            "drones": pd.to_numeric(one["drones"]),
            "missiles": pd.to_numeric(one["missiles"]),
            "code": one["code"].mask(lower, two["code"]),
            "agreed": (one["code"] == two["code"]).astype("boolean").mask(two["code"].isna()),
            "code_1": one["code"],
            "code_2": two["code"],
            "targets": one["targets"].mask(lower, two["targets"]),
            "addresses": (one["evidence_urls"] + "|" + two["evidence_urls"].fillna("")).map(_each_once),
            "confidence": least,
        }
    ).reset_index()
    table["day"] = pd.to_datetime(table["day"])
    differ = pd.DatetimeIndex(table["day"][table["agreed"].eq(False).fillna(False)])
    unread = pd.DatetimeIndex(table["day"][table["code"] == NOT_FOUND])
    who, twice = who_coded(pd.concat([rows["coder"] for rows in frames])), int(table["agreed"].notna().sum())
    return Imported(
        tables={"energy_raids": table},
        rules=(
            Rule.on_days("take_the_lower_tier", "Where the coders differ, the lower tier counts.", differ),
            Rule.on_days("leave_raids_not_found_open", "Nothing found on a raid is not nothing hit.", unread),
        ),
        source=replace(SOURCE, producer=who, state=f"{len(table)} raids coded, {twice} of them twice"),
        inputs=tuple(raws),
    )


def _each_once(addresses: str) -> str:
    return "|".join(dict.fromkeys(filter(None, addresses.split("|"))))
