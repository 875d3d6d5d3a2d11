"""What people ask of a pause, which rows of the record answer, and what these count."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from analysis.effect import NATIONAL, is_companion
from analysis.pauses import Pause

AFTER, BOTH = "after-7", "pause+after-7"
BESIDE = ("curve", "largest p", "same-weekday", "as many days")  # tests that never decide


@dataclass(frozen=True)
class Count:
    """Rows of the record that can answer a question, and what they count, in the singular and the plural."""

    outcome: str
    noun: tuple[str, str] = ("", "")
    stratum: str = NATIONAL
    unit: str | None = ""  # beside a bare number; None: it takes the noun to understand one
    listed: str = ""  # where a daily list names hits: what is counted are its days
    coded: bool = False  # by a language model


@dataclass(frozen=True)
class Question:
    """What is asked, and what answers: of `counts` the first that can be tested, else the first with a number."""

    key: str
    asked: str
    counts: tuple[Count, ...]
    window: str = "pause"
    target: str = ""  # of a pause, without which it is not asked, or not about what was promised
    kept: str = ""  # what was promised, where it cannot be told

    @property
    def about_launches(self) -> bool:
        return self.counts[0] in (DRONES, MISSILES)

    def count(self, outcome: str) -> Count:
        """The count of an outcome."""
        return next(count for count in self.counts if count.outcome == outcome)

    def is_asked(self, pause: Pause) -> bool:
        """Whether it is asked of a pause; that on energy in Ukraine is asked of all."""
        return self.key == "energy" or self.target in ("", *pause.targets)

    def pick(self, rows: Sequence[dict], *, window: str | None = None) -> dict | None:
        """The row that answers."""
        window = self.window if window is None else window
        found = [
            row
            for count in self.counts
            for row in rows
            if (row["outcome"], row["stratum"], row["window"]) == (count.outcome, count.stratum, window)
            and not (row["test"] in BESIDE or is_companion(row["reason"]))
        ]
        return min(found, key=lambda row: (not row["testable"], row["observed"] is None), default=None)


DRONES = Count("drones_launched", ("Russian drone", "Russian drones"))
MISSILES = Count("missiles_launched", ("missile", "missiles"))
ENERGY = (
    Count(
        "energy_coded_rear_oblasts",
        ("region in the rear with a reported hit", "regions in the rear with a reported hit"),
        "rear",
        unit=None,
        coded=True,
    ),
    Count("energy_digest_rear", stratum="rear", unit=None, listed="in the rear", coded=True),
    Count(
        "energy_raids_facility",
        ("large raid on an energy facility", "large raids on energy facilities"),
        unit=None,
        coded=True,
    ),
    Count("energy_reported_share", ("article on a new strike", "articles on new strikes"), "rear", unit=None),
)
OF_RUSSIA = "in Russia, other than by Moscow's word,"
RUSSIAN_ENERGY = Count("energy_digest_russia", stratum="Russia", unit=None, listed=OF_RUSSIA, coded=True)
KYIV = Count(
    "alert_minutes", ("minute of sirens in Kyiv city", "minutes of sirens in Kyiv city"), "Kyiv City", " minutes"
)
REAR = Count(
    "siren_minutes_rear",
    ("minute of night sirens away from the front", "minutes of night sirens away from the front"),
    unit=" minutes at night",
)
CLAIMED = Count(
    "drones_claimed_by_russia", ("drone that Russia says it shot down", "drones that Russia says it shot down")
)
LESS = "whether hit less than usual"
QUESTIONS = (
    Question("drones", "Drones", (DRONES,)),
    Question("missiles", "Missiles", (MISSILES,)),
    Question("drones-after", "Drones in the week after", (DRONES,), AFTER),
    Question("missiles-after", "Missiles in the week after", (MISSILES,), AFTER),
    Question("energy", "Energy in Ukraine", ENERGY, target="energy", kept=LESS),
    Question("russian-energy", "Energy in Russia", (RUSSIAN_ENERGY,), target="energy"),
    Question("kyiv", "Sirens in Kyiv city", (KYIV,), target="cities", kept="whether Kyiv was spared"),
    Question("rear", "Sirens away from the front", (REAR,)),
    Question("other-side", "Ukraine's strikes on Russia", (CLAIMED,)),
)
BY_KEY = {question.key: question for question in QUESTIONS}
LAUNCHES = tuple(question.key for question in QUESTIONS if question.about_launches and question.window != AFTER)
WEEK_AFTER = tuple(question.key for question in QUESTIONS if question.window == AFTER)


def promised_questions(pause: Pause) -> tuple[str, ...]:
    """The questions about what a pause promised to spare; fewer launches, unless it named less."""
    if {"all-hostilities", "long-range"} & set(pause.targets):
        return LAUNCHES + WEEK_AFTER
    return tuple(key for key in ("kyiv", "energy", "russian-energy") if BY_KEY[key].target in pause.targets)
