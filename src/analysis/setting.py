"""What all questions about one pause share: whose window, which days are no baseline, which were salvos."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from html import escape
from pathlib import Path

import pandas as pd

from analysis.days import COUNTS, PROVISIONAL, read_nights
from analysis.effect import NATIONAL, Answer, PauseEffect
from analysis.errors import DesignError
from analysis.estimate import estimate_effect, with_week_after
from analysis.pauses import Pause, get_pause, load_pauses, reported_pauses
from analysis.series import SALVO_MISSILES
from analysis.tables import Outcome, data_folder, load_strikes, load_table, outcome_series
from analysis.tables import outcomes as catalogue
from analysis.windows import Day, check_counts
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

    def series(self, outcome: str) -> pd.Series:
        """The daily series of an outcome of the catalogue."""
        return outcome_series(outcome, folder=self.folder)

    def estimate(
        self,
        outcome: str,
        days: pd.DatetimeIndex,
        *,
        counts: pd.Series | None = None,
        claim: str | None = None,
        window: str = "pause",
        stratum: str = NATIONAL,
        announced: Day | None = None,
        first_day: Day | None = None,
        test: str = "auto",
    ) -> PauseEffect:
        """One effect of an outcome of the catalogue, or of other `counts` of it, with its key filled in."""
        counts = self.series(outcome) if counts is None else counts
        effect = estimate_effect(
            counts,
            days,
            baseline=self.baseline,
            first_day=first_day,
            exclude=self.exclude,
            announced=announced,
            salvo_days=self.salvos,
            test=test,
            level=self.level,
        )
        reason = said_of_end(effect, catalogue()[outcome], counts.index[-1])
        effect = replace(effect, reason="; ".join(filter(None, [reason, self.said_of_nights(effect, outcome)])))
        return self.keyed(effect, claim=claim, window=window, stratum=stratum)

    def provisional(self, outcome: str) -> dict[pd.Timestamp, str]:
        """Nights typed in that the figures of an outcome rest on, and who published each."""
        noun = catalogue()[outcome].short
        if catalogue()[outcome].table != "strikes" or noun not in COUNTS:
            return {}
        nights = read_nights(data_folder() if self.folder is None else Path(self.folder))
        if not nights:
            return {}
        held = load_strikes(folder=self.folder)[f"{noun}_basis"] == PROVISIONAL
        return {night.day: night.publisher for night in nights if held.get(night.day, False)}

    def said_of_nights(self, effect: PauseEffect, outcome: str) -> str:
        """Which of an effect's nights are provisional; empty where none is."""
        days = pd.date_range(effect.first_day, effect.last_day)
        publishers = [publisher for day, publisher in self.provisional(outcome).items() if day in days]
        return typed_in(publishers) if publishers and effect.observed is not None else ""

    def keyed(
        self, effect: PauseEffect, *, claim: str | None = None, window: str | None = None, stratum: str | None = None
    ) -> PauseEffect:
        """The effect as one of this pause."""
        key = {"claim": claim or self.claim, "window": window, "stratum": stratum}
        return replace(effect, pause=self.pause.id, **{name: value for name, value in key.items() if value})


def said_of_end(effect: PauseEffect, outcome: Outcome, until: pd.Timestamp) -> str:
    """The reason of an effect, which says where figures are withheld, or nights are still to come."""
    if effect.last_day <= until.date():
        return effect.reason
    if outcome.last_day and until >= pd.Timestamp(outcome.last_day):
        return outcome.after if effect.observed is None else f"{effect.reason}; {outcome.after}"
    held = effect.n_days - effect.n_missing
    if effect.observed is not None:
        return f"{effect.reason}; {held_so_far(held, effect.n_days, until)}"
    return not_yet(held, effect.n_days, until) if outcome.table == "strikes" else effect.reason


def compare_nights(*, folder: Path | None = None) -> list[str]:
    """For each count typed in that the table holds by now, a line that says whether they agree."""
    held = load_table("strikes", folder=folder).iloc[:-1].set_index("day")
    told = []
    for night in read_nights(data_folder() if folder is None else Path(folder)):
        for name in COUNTS:
            typed = getattr(night, name)
            if typed is not None and night.day in held.index:
                table = held.at[night.day, f"{name}_launched"]
                told.append(night_compared(night.day, name, typed, night.publisher, table))
    return told


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


def salvo_days(missiles: pd.Series, *, threshold: float = SALVO_MISSILES) -> pd.DatetimeIndex:
    """Days with at least `threshold` missiles.

    Parameters
    ----------
    missiles : Series of counts by day
    threshold : float
        Missiles a day.

    Returns
    -------
    DatetimeIndex

    Examples
    --------
    >>> days = pd.date_range("2025-01-01", periods=3)
    >>> salvo_days(pd.Series([0, 34, 5], index=days)).strftime("%d").tolist()
    ['02']
    """
    if not isinstance(threshold, int | float) or not threshold > 0:
        raise DesignError("not a threshold", field="threshold", expected="a number above 0", found=f"{threshold!r:.60}")
    missiles = check_counts(missiles)
    return missiles.index[missiles >= threshold]


def days_of_others(registry: Registry, pause: Pause) -> frozenset[pd.Timestamp]:
    """Days that belong to reported pauses other than this one."""
    return frozenset(day for other in reported_pauses(registry) if other.id != pause.id for day in other.days())


def not_ordinary(registry: Registry, *, besides: Pause | None = None) -> pd.DatetimeIndex:
    """Days that are no baseline: reported pauses, announcement to start, and a week after each.

    Parameters
    ----------
    registry : mapping of Pause
    besides : Pause, optional
        The pause being tested: only its parties' other windows are left out.

    Returns
    -------
    DatetimeIndex
    """
    days: set[pd.Timestamp] = set()
    for pause in reported_pauses(registry):
        if besides is not None and pause.id == besides.id:
            days.update(day for claim in pause.claims if claim.stated for day in pause.days(claim.id))
            continue
        days.update([*with_week_after(pause.days()), *pause.announced_days()])
    return pd.DatetimeIndex(sorted(days), name="day")


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
        wanted = {name: value for name, value in asked.items() if value is not None}
        return [e for e in self.effects if all(getattr(e, name) == value for name, value in wanted.items())]

    def said(self) -> str:
        """What the registry holds of the parties' claims about violations, with its sources, as Markdown."""
        sources = "\n".join(f"* {escape(s.publisher)}, {s.date or 'undated'}: <{s.url}>" for s in self.pause.sources)
        return f"{escape(self.pause.violations)}.\n\nSources:\n\n{sources}"
