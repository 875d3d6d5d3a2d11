"""What all questions about one pause share: whose window, which days are no baseline, which were salvos."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from html import escape
from itertools import product
from pathlib import Path
from typing import Any

import pandas as pd

from analysis.days import COUNTS, PROVISIONAL, read_nights
from analysis.effect import NATIONAL, Answer, PauseEffect, holm
from analysis.estimate import estimate_effect, with_week_after
from analysis.pauses import Pause, get_pause, load_pauses, reported_pauses
from analysis.quiet import Lull, estimate_lull, salvo_days
from analysis.tables import data_folder, load_strikes, load_table, outcome_series
from analysis.tables import outcomes as catalogue
from analysis.windows import Day
from analysis.words import held_so_far, night_compared, not_yet, typed_in

VOLUME = ("drones_launched", "missiles_launched")
SIRENS = "siren_minutes_rear"  # the second witness, outside the family of launches
Registry = Mapping[str, Pause]


@dataclass(frozen=True)
class Setting:
    """One pause, one claim in question, and what all estimates about it share."""

    pause: Pause
    claim: str
    exclude: pd.DatetimeIndex
    busy: frozenset[pd.Timestamp]
    salvos: pd.DatetimeIndex
    level: float
    baseline: int | None
    folder: Path | None
    registry: Registry

    @property
    def claims(self) -> list[str]:
        """The claim in question, then the others that state a window."""
        return [self.claim, *self.pause.other_claims(self.claim)]

    def options(self, claim: str) -> dict[str, Any]:
        """What every test of a claim is told: days that are no baseline, when the window was announced, the level."""
        announced = self.pause.first_announced_day(claim)
        return {"exclude": self.exclude, "announced": announced, "level": self.level}

    @property
    def read_from(self) -> dict[str, Any]:
        """Registry and folder, which whatever else is asked of this pause must read too."""
        return {"registry": self.registry, "folder": self.folder}

    def series(self, outcome: str) -> pd.Series:
        return outcome_series(outcome, folder=self.folder)

    def lull(self) -> Lull | None:
        """How ordinary a quiet of missiles in the window of the claim is."""
        return estimate_lull(self.series(VOLUME[1]), self.pause.days(self.claim), exclude=self.exclude)

    def estimate(
        self,
        outcome: str,
        claim: str,
        *,
        days: pd.DatetimeIndex | None = None,
        counts: pd.Series | None = None,
        window: str = "pause",
        stratum: str = NATIONAL,
        first_day: Day | None = None,
        test: str = "auto",
    ) -> PauseEffect:
        """One effect of an outcome in the window of a claim, or on other `days`; in other `counts`, if there are."""
        counts = self.series(outcome) if counts is None else counts
        effect = estimate_effect(
            counts,
            self.pause.days(claim) if days is None else days,
            baseline=self.baseline,
            first_day=first_day,
            salvo_days=self.salvos,
            test=test,
            **self.options(claim),
        )
        effect = replace(effect, reason=self.reason(effect, outcome, counts.index[-1]))
        return self.keyed(effect, claim=claim, window=window, stratum=stratum)

    def reason(self, effect: PauseEffect, outcome: str, until: pd.Timestamp) -> str:
        """Why an effect is what it is: also which of its nights are withheld, still to come, or provisional."""
        reason, entry, held = effect.reason, catalogue()[outcome], effect.n_days - effect.n_missing
        if effect.last_day > until.date():
            if entry.last_day and until >= pd.Timestamp(entry.last_day):
                reason = entry.after if effect.observed is None else f"{reason}; {entry.after}"
            elif effect.observed is not None:
                reason = f"{reason}; {held_so_far(held, effect.n_days, until)}"
            elif entry.table == "strikes":
                reason = not_yet(held, effect.n_days, until)
        days = pd.date_range(effect.first_day, effect.last_day)
        publishers = [publisher for day, publisher in self.provisional(outcome).items() if day in days]
        return f"{reason}; {typed_in(publishers)}" if publishers and effect.observed is not None else reason

    def provisional(self, outcome: str) -> dict[pd.Timestamp, str]:
        """Nights typed in that the figures of an outcome rest on, and who published each."""
        noun = catalogue()[outcome].short
        nights = read_nights(data_folder() if self.folder is None else Path(self.folder))
        if not nights or noun not in COUNTS or catalogue()[outcome].table != "strikes":
            return {}
        held = load_strikes(folder=self.folder)[f"{noun}_basis"] == PROVISIONAL
        return {night.day: night.publisher for night in nights if held.get(night.day, False)}

    def keyed(
        self, effect: PauseEffect, *, claim: str | None = None, window: str | None = None, stratum: str | None = None
    ) -> PauseEffect:
        """The effect as one of this pause; what is not named stays."""
        key = {"claim": claim or self.claim, "window": window or effect.window, "stratum": stratum or effect.stratum}
        return replace(effect, pause=self.pause.id, **key)


def compare_nights(*, folder: Path | None = None) -> list[str]:
    """For each count typed in that the table holds by now, or overtakes in its last day, a line that says so."""
    held, lines = load_table("strikes", folder=folder).set_index("day"), []
    for night, name in product(read_nights(data_folder() if folder is None else Path(folder)), COUNTS):
        typed = getattr(night, name)
        if typed is not None and night.day in held.index:
            table, whole = held.at[night.day, f"{name}_launched"], night.day < held.index[-1]
            if whole or typed < table:
                lines.append(night_compared(night.day, name, typed, night.publisher, table, whole=whole))
    return lines


def whole_until(folder: Path | None) -> pd.Timestamp:
    """The last whole day of the table of strikes; nights typed in come after it, and what is judged jointly before."""
    return load_table("strikes", folder=folder)["day"].iloc[-2]


def set_up(
    pause_id: str,
    *,
    claim: str = "main",
    level: float = 0.95,
    baseline: int | None = None,
    registry: Registry | None = None,
    folder: Path | None = None,
) -> Setting:
    """The setting of one pause; a RegistryError where there is no such pause, claim or window."""
    registry = load_pauses() if registry is None else registry
    pause = get_pause(registry, pause_id)
    pause.days_to_test(claim)  # refuses a claim without a strike day
    return Setting(
        pause=pause,
        claim=pause.claim(claim).id,
        exclude=not_ordinary(registry, besides=pause),
        busy=days_of_others(registry, pause),
        salvos=salvo_days(load_strikes(folder=folder)["missiles_launched"]),
        level=level,
        baseline=baseline,
        folder=folder,
        registry=registry,
    )


def days_of_others(registry: Registry, pause: Pause) -> frozenset[pd.Timestamp]:
    """Days that belong to reported pauses other than this one."""
    return frozenset(day for other in reported_pauses(registry) if other.id != pause.id for day in other.days())


def not_ordinary(registry: Registry, *, besides: Pause | None = None) -> pd.DatetimeIndex:
    """Days that are no baseline: reported pauses, announcement to start, and a week after each.

    Parameters
    ----------
    besides : Pause, optional
        The pause being tested: of its own, only the windows that its parties claim are no baseline.
    """
    days: set[pd.Timestamp] = set()
    for pause in reported_pauses(registry):
        if besides is not None and pause.id == besides.id:
            days.update(day for claim in pause.claims for day in claim.days)
        else:
            days.update([*with_week_after(pause.days()), *pause.announced_days()])
    return pd.DatetimeIndex(sorted(days), name="day")


def correct(effects: Sequence[PauseEffect], family: Collection[str]) -> list[PauseEffect]:
    """Holm's correction of the effects on outcomes of one family; the others as they are, in the order given."""
    corrected = iter(holm([effect for effect in effects if effect.outcome in family]))
    return [next(corrected) if effect.outcome in family else effect for effect in effects]


@dataclass(frozen=True, repr=False)
class Findings(Answer):
    """The effects of one pause: the claim in question, and rows of their own for the other claims."""

    pause: Pause
    claim: str
    effects: tuple[PauseEffect, ...]

    def pick(
        self,
        *,
        outcome: str | None = None,
        stratum: str | None = None,
        claim: str | None = None,
        window: str = "pause",
        test: str | None = None,
    ) -> list[PauseEffect]:
        """The rows that fit, of the claim in question unless another is named."""
        asked = {"outcome": outcome, "stratum": stratum, "claim": claim or self.claim, "window": window, "test": test}
        return [e for e in self.effects if all(value in (None, getattr(e, name)) for name, value in asked.items())]

    def said(self) -> str:
        """What the registry holds of the parties' claims about violations, with its sources, as Markdown."""
        sources = "\n".join(f"* {escape(s.publisher)}, {s.date or 'undated'}: <{s.url}>" for s in self.pause.sources)
        return f"{escape(self.pause.violations)}.\n\nSources:\n\n{sources}"
