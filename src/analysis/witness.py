"""Zeros that stand in no report: what speaks for each of them, and how many drones would have to be hidden."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from analysis.effect import PauseEffect, as_markdown
from analysis.evidence_words import describe_break_even, describe_zeros
from analysis.pauses import load_pauses
from analysis.setting import Setting, not_ordinary
from analysis.tables import data_folder, load_strikes, load_table

RULE = "accept_judged_zeros"
MOST = 200  # drones a day: beyond, nobody would call them hidden
PARTS = {"evening_minutes": "sirens 18-24", "night_minutes": "00-09", "day_minutes": "09-18"}


@dataclass(frozen=True, repr=False)
class InferredZeros:
    """The days of one pause whose zero stands in no report.

    Attributes
    ----------
    days : DataFrame
        A row a day: minutes under alert away from the front from 18:00 on the eve, from midnight and from 09:00, and
        the written reason for the zero.
    n_days : int
        Days of the pause.
    as_silent, n_nights : int
        Of ordinary nights with drones, how many have no alert away from the front from midnight to 09:00.
    break_even : int or None
        Drones on each of these days from which on the verdict would be another; None: 200 and more, or no verdict.
    verdict : str
        That of the pause as published.
    """

    days: pd.DataFrame
    n_days: int
    as_silent: int
    n_nights: int
    break_even: int | None
    verdict: str

    def to_frame(self) -> pd.DataFrame:
        """The days as text for readers."""
        return self.days.set_axis(self.days.index.strftime("%Y-%m-%d").rename("strike day")).rename(columns=PARTS)

    def summary(self) -> str:
        """How many zeros are inferred, what sirens say of them, and what it would take to change the verdict."""
        return f"{describe_zeros(self)} {describe_break_even(self)}".strip()

    def _repr_markdown_(self) -> str:
        return f"{self.summary()}\n\n{as_markdown(self.to_frame())}" if len(self.days) else self.summary()

    def __repr__(self) -> str:
        return f"InferredZeros: {self.summary()[:110]}"


def inferred_zeros(strikes: pd.DataFrame) -> pd.DatetimeIndex:
    """Days of the table of strikes on which no report lists drones and other evidence says that none flew."""
    return strikes.index[strikes["drones_basis"] == "judged zero"]


def zeros_of(days: pd.DatetimeIndex, *, folder: Path | None = None) -> pd.DataFrame:
    """Of a window's days those whose zero is inferred: siren minutes by part of the day, and the written reason."""
    zeros = days[days.isin(inferred_zeros(load_strikes(folder=folder)))]
    place = data_folder() if folder is None else Path(folder)
    rules = json.loads((place / "strikes.json").read_text(encoding="utf-8"))["rules"]
    told = next((rule["examples"] for rule in rules if rule["rule"] == RULE), [])
    reasons = dict(line.split(": ", 1) for line in told)
    sirens = load_table("sirens_rear", folder=folder).set_index("day").reindex(zeros)[list(PARTS)]
    return sirens.astype("Int64").assign(reason=[reasons.get(f"{day:%Y-%m-%d}", "") for day in zeros])


def silent_nights(*, folder: Path | None = None) -> tuple[int, int]:
    """Of ordinary nights with drones, how many had no alert away from the front after midnight; and of how many."""
    sirens = load_table("sirens_rear", folder=folder).set_index("day")["night_minutes"]
    flown = load_strikes(folder=folder)["drones_launched"].reindex(sirens.index) > 0
    ordinary = sirens[flown & ~sirens.index.isin(not_ordinary(load_pauses()))]
    return int((ordinary == 0).sum()), len(ordinary)


def break_even(counts: pd.Series, zeros: pd.DatetimeIndex, judge: Callable[[pd.Series], bool]) -> int | None:
    """The smallest number on each of these days with which `judge` no longer holds, by bisection; None up to 200."""
    if not len(zeros) or not judge(counts):
        return None
    holds, fails = 0, MOST
    if judge(counts.mask(counts.index.isin(zeros), float(fails))):
        return None
    while fails - holds > 1:
        middle = (holds + fails) // 2
        if judge(counts.mask(counts.index.isin(zeros), float(middle))):
            holds = middle
        else:
            fails = middle
    return fails


def defend_zeros(setting: Setting, effect: PauseEffect) -> InferredZeros:
    """What speaks for the inferred zeros of a pause, given its deciding effect on drones."""
    days = pd.date_range(effect.first_day, effect.last_day)
    zeros, counts = zeros_of(days, folder=setting.folder), setting.series(effect.outcome)
    announced = setting.pause.first_announced_day(effect.claim)

    def judge(changed: pd.Series) -> bool:
        again = setting.estimate(effect.outcome, days, counts=changed, announced=announced)
        return again.verdict == effect.verdict

    told = effect.verdict in ("fewer", "more")
    least = break_even(counts, zeros.index, judge) if told else None
    return InferredZeros(zeros, len(days), *silent_nights(folder=setting.folder), least, effect.verdict)
