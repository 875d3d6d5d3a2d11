"""The longer coding of one winter, which lies beside the tables with its protocol and the plan that came before it."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from .kit import RawFile, read_rows

FOLDER = "coding/winter-2025-26"
PLAN = "plans/cold-week-energy-2026-01.toml"
UNUSED = ("events_coder_2", "again_events_coder_2")  # the check is one of days
RUNS_BEFORE = 5  # runs of the first coding: those of the winter are numbered on


@dataclass(frozen=True)
class Coding:
    """Days, claims of hits and days coded again, the files that joined, the days of each rule, what else to note."""

    days: pd.DataFrame
    events: pd.DataFrame
    again: pd.DataFrame
    inputs: tuple[RawFile, ...] = ()
    rules: tuple[tuple[str, str, pd.DataFrame], ...] = ()
    notes: tuple[str, ...] = ()


def join_winter(coding: Coding, folder: str | Path, *, event_key: list[str]) -> Coding:
    """The coding with the winter's days, where runs of a model made both and the winter lies in the folder.

    The first run counts, the second is the check. A day that has a code keeps it, but for days not found, which were
    asked for again, and one that the plan recodes.
    """
    paths, days = [path for path in sorted(Path(folder, FOLDER).glob("*.csv")) if path.stem not in UNUSED], coding.days
    if not paths or not days["coder"].str.isdigit().all():
        return coding
    raws, files = tuple(map(RawFile.read, paths)), {}
    for path, raw in zip(paths, raws, strict=True):
        rows = read_rows(raw, required=coding.events.columns if "events" in path.stem else days.columns)[0]
        if "coder_" in path.stem:
            rows["coder"] = (rows["coder"].astype(int) + RUNS_BEFORE).astype(str)
        rows = rows.sort_values("day", kind="stable")
        files[path.stem] = rows.replace({"found_via": {"query": "assigned"}}) if "found_via" in rows else rows
    unread = days["day"][days["code"] == "not_found"]
    winter, asked, recoded = files["days_coder_1"], files["again_coder_1"], files["recoded_days"]
    winter, asked = winter[~winter["day"].isin(days["day"])], asked[asked["day"].isin(unread)]
    recoded = recoded[recoded["day"].isin(days["day"])]
    counted = pd.concat([winter, asked, recoded])["day"]

    claims = pd.concat([files["events_coder_1"], files["again_events_coder_1"], files["recoded_events"]])
    claims = claims[claims["day"].isin(counted) | (claims["found_via"] == "other")]
    checks = [files["again_coder_2"], coding.again, files["days_coder_2"]]
    checks[0], checks[2] = (rows[rows["day"].isin(counted)] for rows in (checks[0], checks[2]))
    test = tomllib.loads(Path(folder, PLAN).read_text("utf-8"))["test"]
    return Coding(
        days=pd.concat([recoded, asked, days, winter]).drop_duplicates("day", ignore_index=True),
        events=pd.concat([coding.events, claims]).drop_duplicates(event_key, ignore_index=True),
        again=pd.concat(checks).drop_duplicates("day", ignore_index=True),
        inputs=raws,
        rules=(
            ("add_the_longer_coding", "One winter, coded twice later on by the same two queries.", winter),
            ("ask_again_where_nothing_was_found", "One more query, which names no energy, fixed beforehand.", asked),
            ("recode_by_the_protocol", "The president's account has a hit at the front on that day.", recoded),
            ("count_a_claim_once", "A claim that one run filed twice is one.", claims[claims.duplicated(event_key)]),
        ),
        notes=tuple(f"test fixed before these data ({PLAN}), {part}: {text}" for part, text in test.items()),
    )
