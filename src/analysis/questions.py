"""What people ask of a pause, and which rows of the record answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from analysis.effect import NATIONAL
from analysis.pauses import Pause

AFTER, BOTH = "after-7", "pause+after-7"
BESIDE = ("curve", "largest p", "same-weekday", "as many days")  # tests that never decide


@dataclass(frozen=True)
class Question:
    """What is asked, and which rows of the record answer it: of `sought` the first that can be tested, else counted."""

    key: str
    asked: str
    sought: tuple[tuple[str, str], ...]  # outcome and stratum
    noun: tuple[str, str]
    window: str = "pause"


DRONES, MISSILES = ("drone", "drones"), ("missile", "missiles")
DRONES_FLOWN, MISSILES_FLOWN = (("drones_launched", NATIONAL),), (("missiles_launched", NATIONAL),)
ENERGY_HIT = (
    ("energy_coded_rear_oblasts", "rear"),
    ("energy_digest_rear", "rear"),
    ("energy_raids_facility", NATIONAL),
    ("energy_reported_share", "rear"),
)
KYIV_MINUTES = ("minute of sirens in Kyiv city", "minutes of sirens in Kyiv city")
NIGHT_MINUTES = ("minute of night sirens away from the front", "minutes of night sirens away from the front")
CLAIMED = ("drone that Russia says it shot down", "drones that Russia says it shot down")
QUESTIONS = (
    Question("drones", "Drones", DRONES_FLOWN, DRONES),
    Question("missiles", "Missiles", MISSILES_FLOWN, MISSILES),
    Question("drones-after", "Drones in the week after", DRONES_FLOWN, DRONES, AFTER),
    Question("missiles-after", "Missiles in the week after", MISSILES_FLOWN, MISSILES, AFTER),
    Question("energy", "Energy in Ukraine", ENERGY_HIT, ("reported hit", "reported hits")),
    Question("russian-energy", "Energy in Russia", (("energy_digest_russia", "Russia"),), ("", "")),
    Question("kyiv", "Sirens in Kyiv city", (("alert_minutes", "Kyiv City"),), KYIV_MINUTES),
    Question("rear", "Sirens away from the front", (("siren_minutes_rear", NATIONAL),), NIGHT_MINUTES),
    Question("other-side", "Ukraine's strikes on Russia", (("drones_claimed_by_russia", NATIONAL),), CLAIMED),
)
NOUNS = {  # of what is counted, where a question has several measures
    "energy_coded_rear_oblasts": ("region in the rear with a reported hit", "regions in the rear with a reported hit"),
    "energy_raids_facility": ("large raid on an energy facility", "large raids on energy facilities"),
    "energy_reported_share": ("article on a new strike", "articles on new strikes"),
}
LISTED = {  # the places of the daily list
    "energy_digest_rear": "in the rear",
    "energy_digest_russia": "in Russia, other than by Moscow's word,",
}
TARGETS = {"kyiv": "cities", "energy": "energy", "russian-energy": "energy"}  # what a question is about
KEPT = {"kyiv": "whether Kyiv was spared", "energy": "whether hit less than usual"}  # what a pause promised


def promised_questions(pause: Pause) -> tuple[str, ...]:
    """The questions about what a pause promised to spare; fewer launches, unless it named less."""
    targets = set(pause.targets)
    if {"all-hostilities", "long-range"} & targets:
        return ("drones", "missiles", "drones-after", "missiles-after")
    return tuple(key for key, target in TARGETS.items() if target in targets)


def is_asked(question: Question, pause: Pause) -> bool:
    """Whether a question is asked of a pause; that on energy in Ukraine is asked of all."""
    return question.key == "energy" or TARGETS.get(question.key) in (None, *pause.targets)


def pick(rows: Sequence[dict], question: Question, *, window: str | None = None) -> dict | None:
    """The row that answers: of the outcomes sought the first that can be tested, else the first counted."""
    window = question.window if window is None else window
    found = [
        row
        for outcome, stratum in question.sought
        for row in rows
        if (row["outcome"], row["stratum"], row["window"]) == (outcome, stratum, window) and _decides(row)
    ]
    ranked = sorted(found, key=lambda row: (not row["testable"], row["observed"] is None))  # stable: order of `sought`
    return ranked[0] if ranked else None


def _decides(row: Mapping[str, Any]) -> bool:
    beside = str(row["reason"]).startswith("companion") or row["test"] in BESIDE
    return not beside
