"""One pause and its launches, by one procedure that is the same for every pause."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from html import escape
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pandas as pd

from analysis.days import iso_span
from analysis.effect import NATIONAL, PauseEffect, holm, shown
from analysis.errors import DesignError
from analysis.evidence_words import describe_inferred, describe_lull, describe_witness, surge_among
from analysis.pauses import reported_pauses
from analysis.plan import describe_following
from analysis.quiet import Lull, estimate_lull, estimate_rebound
from analysis.setting import SIRENS, VOLUME, Findings, Registry, Setting, said_of_end, set_up
from analysis.sirens import InferredZeros, defend_zeros, inferred_zeros
from analysis.tables import load_strikes, outcome_series
from analysis.tables import outcomes as catalogue
from analysis.vocabulary import frequency, size, word
from analysis.windows import ONE_DAY, SHORT_WINDOW, Day
from analysis.words import (
    DEPENDS,
    MORE,
    NOT_TESTABLE,
    capital,
    days_text,
    headline,
    outcome_label,
    rebound,
    span_text,
)

HORIZONS = (3, 7, 14)
PRIMARY_HORIZON = 7
NIGHTS_AROUND = 3


@dataclass(frozen=True, repr=False)
class Assessment(Findings):
    """What the launch counts say about one pause.

    Attributes
    ----------
    pause : Pause
    claim : str
        The claim in question; the pause's other claims have rows of their own.
    effects : tuple of PauseEffect
    lull : Lull or None
        How ordinary a quiet of this length was; None where the data cannot say.
    data_until : Timestamp
        Last strike day of the data.
    inferred : frozenset of Timestamp
        Days whose zero stands in no report, as from `inferred_zeros`.
    setting : Setting
        What all estimates about the pause share.
    witness : PauseEffect or None
        The finding of air-raid sirens away from the front, outside the family; None where they were asked for.
    weeks_after : tuple of PauseEffect
        Where a surge followed, that test after every reported pause, corrected by Holm's method.
    """

    lull: Lull | None
    data_until: pd.Timestamp
    inferred: frozenset[pd.Timestamp]
    setting: Setting
    witness: PauseEffect | None = None
    weeks_after: tuple[PauseEffect, ...] = ()

    def select(self, outcome: str, *, window: str = "pause", claim: str | None = None) -> list[PauseEffect]:
        """The national rows that fit, the one that decides first."""
        return self.pick(outcome=outcome, window=window, claim=claim, stratum=NATIONAL)

    def primary(self, outcome: str) -> PauseEffect:
        """The finding that answers the main question for one outcome."""
        return self.select(outcome)[0]

    def outcomes(self) -> list[str]:
        """Names of the outcomes assessed."""
        return list(dict.fromkeys(effect.outcome for effect in self.effects if effect is not self.witness))

    def summary(self) -> str:
        """One or two sentences per outcome, and what a plan fixed before the data says."""
        told = [*(self.primary(outcome).summary() for outcome in self.outcomes()), self.planned()]
        return "\n\n".join(filter(None, told))

    def headline(self) -> str:
        """The first outcome's finding for someone who reads nothing else."""
        return headline(self.primary(self.outcomes()[0]), self.pause.phrase, spared=self.pause.spared)

    def plot(self, ax: Any = None) -> Any:
        """Draw the first outcome's daily series."""
        return self.primary(self.outcomes()[0]).plot(ax)

    def coverage(self) -> str:
        """How far the data reach, how much of the window they hold, and which zeros stand in no report."""
        effect = self.primary(self.outcomes()[0])
        held = effect.n_days - effect.n_missing
        so_far = " so far" if effect.last_day > self.data_until.date() else ""
        nights = f"{held} of its {effect.n_days} strike days"
        if effect.n_days == 1:
            nights = "its only strike day" if held else "no usable count of its only strike day"
        span = span_text(effect.first_day, effect.last_day)
        held_so_far = f'The window of the claim "{self.claim}" is {span}; the data hold {nights}{so_far}.'
        zeros = describe_inferred(day for day in self.pause.days(self.claim) if day in self.inferred)
        return " ".join(filter(None, [f"The data reach to {self._until()}.", held_so_far, zeros]))

    def quotation(self) -> str:
        """The headline with how far the data reach and how to cite it, as Markdown."""
        return f"**{self.headline()}**\n\n{self.coverage()}\n\nTo cite: {self.citation()}"

    def citation(self) -> str:
        """How to cite this finding: project, report, version, and the date the data reach to."""
        return (
            f'The strike-pauses project, "{self.pause.name}: did the strikes change?", version '
            f"{version('strike-pauses')}, data to {self._until()}."
        )

    def said_and_found(self) -> str:
        """What officials said of the pause beside what the counts show, as a Markdown table of one row."""
        found = []
        for outcome in self.outcomes():
            effect = self.primary(outcome)
            row, noun = effect.row(), outcome_label(outcome)
            seen = "" if effect.observed is None else size(row, (noun, noun))
            told = "; ".join(filter(None, [seen, frequency(row)]))
            found.append(f"{capital(noun)}: **{word(row)}**" + (f" ({told})" if told else ""))
        said = escape(self.pause.violations).replace("|", "\\|")
        return f"| Officials said | The launch counts show |\n|---|---|\n| {said}. | {'. '.join(found)}. |"

    def nights(self) -> pd.DataFrame:
        """The strike days of the window and three on either side: reported and expected per outcome."""
        days = self.pause.days(self.claim)
        margin = pd.Timedelta(days=NIGHTS_AROUND)
        every = pd.date_range(days[0] - margin, days[-1] + margin)
        columns = {"period": [self._period(day, days) for day in every]}
        for outcome in self.outcomes():
            label = outcome_label(outcome, short=True)
            daily = self.primary(outcome).daily.set_index("day").reindex(every)
            absent = pd.Series("no report", every).mask(every > self.data_until, "not yet")
            seen = daily["observed"].map("{:.0f}".format).where(daily["observed"].notna(), absent)
            seen = seen.mask(every.isin(list(self.inferred)) & (seen == "0"), "0 (inferred)")
            typed = every.isin(list(self.setting.provisional(outcome))) & daily["observed"].notna()
            columns[label] = seen.mask(typed, seen + " (provisional)")
            columns[f"{label} expected"] = daily["expected"].map("{:.0f}".format).where(daily["expected"].notna(), "–")
        return pd.DataFrame(columns, index=every.strftime("%Y-%m-%d").rename("strike day"))

    def _period(self, day: pd.Timestamp, days: pd.DatetimeIndex) -> str:
        if days[0] <= day <= days[-1]:
            return "pause"
        if day in self.setting.busy:
            return "another pause"
        return "before" if day < days[0] else "after"

    def _until(self) -> str:
        return span_text(self.data_until, self.data_until)

    def zeros(self) -> InferredZeros:
        """The days of the pause whose zero stands in no report, and what speaks for each."""
        drones = self.select(VOLUME[0]) or [_decisive(self.setting, VOLUME[0])]
        return defend_zeros(self.setting, drones[0])

    def sirens(self) -> str:
        """What the second witness says, in a sentence or two."""
        return describe_witness(self.witness or self.primary(SIRENS))

    def planned(self) -> str:
        """What a plan fixed before the data says of this pause; empty where there is no plan."""
        return describe_following(self.setting)

    def describe_lull(self) -> str:
        """How ordinary the quiet was, in words."""
        return describe_lull(self.lull)

    def claims(self) -> str:
        """Every party's claim, with the strike days its window comes to, as a Markdown list."""
        lines = []
        for claim in self.pause.claims:
            days = self.pause.days(claim.id) if claim.stated else []
            comes_to = f"; {days_text(len(days))}" if claim.stated else ""
            main = ", the main one" if claim.id == self.pause.main else ""
            lines.append(f"* **{claim.id}** ({escape(claim.party)}{main}): {claim.window_text}{comes_to}."
                         + (f" {escape(claim.note)}." if claim.note else ""))  # fmt: skip
        return "\n".join(lines)

    def before_and_after(self) -> pd.DataFrame:
        """The days around the pause: a row per outcome and window."""
        around = ["announced-to-start", *(f"after-{h}" for h in HORIZONS), f"pause+after-{PRIMARY_HORIZON}"]
        rows = [e for window in around for o in self.outcomes() for e in self.select(o, window=window)[:1]]
        return shown(rows, "window", "outcome", "n_days", "observed", "expected", "ratio", "p_value", "verdict")

    def rebounds(self) -> str:
        """Whether a surge followed and made up for the pause, a sentence per outcome."""
        return "\n\n".join(self.rebound(outcome) for outcome in self.outcomes())

    def rebound(self, outcome: str) -> str:
        """Whether a surge followed the pause, and whether it made up for it, in a sentence."""
        after = self.select(outcome, window=f"after-{PRIMARY_HORIZON}")
        both = self.select(outcome, window=f"pause+after-{PRIMARY_HORIZON}")
        said = rebound(self.primary(outcome), after[0], both[0])
        return f"{said} {surge_among(after[0], self.weeks_after)}".strip()

    def by_claim(self) -> pd.DataFrame:
        """The verdict under each party's window: a row per claim and outcome."""
        claims = dict.fromkeys(effect.claim for effect in self.effects)
        rows = [self.select(outcome, claim=claim)[0] for claim in claims for outcome in self.outcomes()]
        numbers = ["observed", "expected", "ratio", "p_value"]
        return shown(rows, "claim", "outcome", "first_day", "last_day", "n_days", *numbers, "verdict")


def assess(
    pause_id: str,
    *,
    claim: str = "main",
    outcomes: Sequence[str] = VOLUME,
    baseline: int | None = None,
    level: float = 0.95,
    registry: Registry | None = None,
    folder: Path | None = None,
) -> Assessment:
    """Test one announced pause.

    Parameters
    ----------
    pause_id : str
        Id in the registry.
    claim : str
        "main", or the id of one party's claim.
    outcomes : sequence of str
        Names in the catalogue of outcomes.
    baseline : int, optional
        Days of baseline before the window; by default 365, or 700 for long windows. The rebound tests keep 365.
    level : float
        Confidence level of the intervals; 1 - level is the false-alarm rate in use.
    registry : mapping of Pause, optional
        By default the project's registry.
    folder : path, optional
        Folder of tables.

    Returns
    -------
    Assessment
        Holm's correction spans the testable outcomes of the main claim; every other row is exploratory and
        has no adjusted p-value.

    Raises
    ------
    RegistryError
        Unknown pause or claim, or a claim without a window or too short for a strike day.
    DataError
        Unknown outcome or damaged table.
    DesignError
        A baseline or level that makes no sense.

    Examples
    --------
    >>> assess("victory-day-2025").primary("drones_launched").verdict
    'fewer'
    """
    setting = set_up(pause_id, claim=claim, level=level, baseline=baseline, registry=registry, folder=folder)
    pause, chosen, outcomes = setting.pause, setting.claim, check_outcomes(outcomes)
    decided, from_strict = _decide_both_starts(setting, chosen, outcomes, in_family=chosen == pause.main)
    effects = [*decided, *from_strict]
    effects += [row for effect in decided for row in _companions(setting, effect)]
    effects += [row for outcome in outcomes for row in _around(setting, outcome, chosen)]
    for other in setting.claims[1:]:
        effects += _decide_both_starts(setting, other, outcomes, in_family=False)[0]
    surged = any(row.verdict == MORE and row.window == f"after-{PRIMARY_HORIZON}" for row in effects)
    weeks = weeks_after(level=level, registry=setting.registry, folder=folder) if surged else ()
    witness = None if SIRENS in outcomes else _decisive(setting, SIRENS)
    effects += [witness] if witness else []
    lull = estimate_lull(setting.series("missiles_launched"), pause.days(chosen), exclude=setting.exclude)
    until = setting.series(outcomes[0]).index[-1]
    inferred = inferred_zeros(load_strikes(folder=folder))
    return Assessment(pause, chosen, tuple(effects), lull, until, frozenset(inferred), setting, witness, tuple(weeks))


def decide_pause(
    pause_id: str,
    *,
    claim: str = "main",
    outcomes: Sequence[str] = VOLUME,
    baseline: int | None = None,
    level: float = 0.95,
    registry: Registry | None = None,
    folder: Path | None = None,
) -> list[PauseEffect]:
    """Only the effects that decide in `assess`, one per outcome, without those around them.

    Parameters and errors are those of `assess`.

    Returns
    -------
    list of PauseEffect

    Examples
    --------
    >>> [effect.verdict for effect in decide_pause("victory-day-2025")]
    ['fewer', 'not testable']
    """
    setting = set_up(pause_id, claim=claim, level=level, baseline=baseline, registry=registry, folder=folder)
    chosen, outcomes = setting.claim, check_outcomes(outcomes)
    return _decide_both_starts(setting, chosen, outcomes, in_family=chosen == setting.pause.main)[0]


def check_outcomes(outcomes: str | Sequence[str]) -> list[str]:
    """Each outcome named, once; a DesignError where none is."""
    named = [outcomes] if isinstance(outcomes, str) else list(dict.fromkeys(outcomes))
    if not named:
        expected, remedy = f"one or more of {', '.join(catalogue())}", "leave it out for drones and missiles"
        raise DesignError("no outcome to test", field="outcomes", expected=expected, found="none", remedy=remedy)
    return named


def _decide_both_starts(
    setting: Setting, claim: str, outcomes: Sequence[str], *, in_family: bool
) -> tuple[list[PauseEffect], list[PauseEffect]]:
    """The deciding effect of each outcome, and the same from the stricter start of its series.

    A member of the family is held to the whole family, whether the others were asked for or not.
    """
    asked, members = outcomes, [name for name, outcome in catalogue().items() if outcome.in_family]
    if in_family and set(asked) & set(members):
        outcomes = list(dict.fromkeys([*asked, *members]))
    days, announced = setting.pause.days(claim), setting.pause.first_announced_day(claim)
    usual = [setting.estimate(outcome, days, claim=claim, announced=announced) for outcome in outcomes]
    strict = [_strict(setting, effect, days, announced) for effect in usual]
    if in_family:
        family = [i for i, outcome in enumerate(outcomes) if outcome in members]
        usual = _adjusted(family, usual)
        instead = _adjusted(family, [stricter or effect for stricter, effect in zip(strict, usual, strict=True)])
        strict = [stricter and effect for stricter, effect in zip(strict, instead, strict=True)]
    decided = [_reconciled(setting, effect, stricter) for effect, stricter in zip(usual, strict, strict=True)]
    return [effect for effect in decided if effect.outcome in asked], [
        effect for effect in strict if effect is not None and effect.outcome in asked
    ]


def _adjusted(family: Sequence[int], effects: Sequence[PauseEffect]) -> list[PauseEffect]:
    """Holm's correction for the members of the family; the others as they are."""
    corrected = dict(zip(family, holm([effects[i] for i in family]), strict=True))
    return [corrected.get(i, effect) for i, effect in enumerate(effects)]


def _strict(setting: Setting, effect: PauseEffect, days: pd.DatetimeIndex, announced: Day | None) -> PauseEffect | None:
    """The effect from the stricter start, where that start changes the baseline."""
    start = catalogue()[effect.outcome].strict_first_day
    first = effect.baseline_first_day
    if start is None or first is None or not first < pd.Timestamp(start).date() < effect.first_day:
        return None
    return setting.estimate(
        effect.outcome, days, claim=effect.claim, announced=announced, first_day=start, stratum=f"from {start}"
    )


def _reconciled(setting: Setting, usual: PauseEffect, strict: PauseEffect | None) -> PauseEffect:
    """One verdict from both starts: where they differ, it depends on a choice."""
    if usual.observed is None or usual.p_value is None:
        return replace(usual, reason=usual.reason + _quiet_around(setting, usual))
    if strict is None:
        return usual
    start = strict.stratum.removeprefix("from ")
    if strict.p_value is None:
        return replace(usual, reason=f"{usual.reason}; from {start} alone: {strict.reason}")
    if strict.verdict == usual.verdict:
        return replace(usual, reason=f"{usual.reason}; the same with a baseline from {start}")
    why = f"{usual.verdict} with a baseline from {usual.baseline_first_day}, {strict.verdict} with one from {start}"
    return replace(usual, verdict=DEPENDS, reason=f"{why}; {usual.reason}")


def _quiet_around(setting: Setting, effect: PauseEffect) -> str:
    """For a window outside the usable days: whether it differs at all from the days around it, in words."""
    counts = outcome_series(effect.outcome, first_day="2022-01-01", drop_last=0, folder=setting.folder)
    inside = counts[str(effect.first_day) : str(effect.last_day)]
    if not len(inside) or not (inside == 0).all():
        return ""
    flown = counts.index[counts > 0]
    before, after = flown[flown < inside.index[0]], flown[flown > inside.index[-1]]
    if not len(before) or not len(after):
        return ""
    first, last = before[-1] + ONE_DAY, after[0] - ONE_DAY
    length = (last - first).days + 1
    every = f"on any of the {length} days " * (length > 1)
    return f", and the file lists none {every}{iso_span(first, last)}, truce or not"


def _companions(setting: Setting, effect: PauseEffect) -> list[PauseEffect]:
    """The other placebo test beside the deciding one, where there is one to make."""
    if effect.p_value is None or effect.n_days > SHORT_WINDOW:
        return []
    other = "shift" if effect.test == "after-salvo" else "after-salvo"
    days = pd.date_range(effect.first_day, effect.last_day)
    announced = setting.pause.first_announced_day(effect.claim)
    row = setting.estimate(effect.outcome, days, claim=effect.claim, announced=announced, test=other)
    return [replace(row, reason=f"companion, not deciding; {row.reason}")] if row.n_placebo else []


def _around(setting: Setting, outcome: str, claim: str) -> list[PauseEffect]:
    """Rows for the days before and after: anticipation, rebound, and the pause and what followed together."""
    pause = setting.pause
    days, announced = pause.days(claim), pause.first_announced_day(claim)
    rows = []
    if len(waiting := pause.announced_days(claim)):
        rows.append(setting.estimate(outcome, waiting, claim=claim, window="announced-to-start"))
    rows += [_after(setting, outcome, claim, horizon) for horizon in HORIZONS]
    both = pd.date_range(days[0], days[-1] + PRIMARY_HORIZON * ONE_DAY)
    together = f"pause+after-{PRIMARY_HORIZON}"
    rows.append(setting.estimate(outcome, both, claim=claim, window=together, announced=announced, test="shift"))
    return [_unless_busy(setting, row) for row in rows]


def _after(setting: Setting, outcome: str, claim: str, horizon: int = PRIMARY_HORIZON) -> PauseEffect:
    """The days after a pause, as `estimate_rebound` sees them."""
    days, announced = setting.pause.days(claim), setting.pause.first_announced_day(claim)
    options = {"exclude": setting.exclude, "announced": announced, "level": setting.level}
    series = setting.series(outcome)
    after = estimate_rebound(series, days, horizon=horizon, **options)
    after = replace(after, reason=said_of_end(after, catalogue()[outcome], series.index[-1]))
    return _unless_busy(setting, setting.keyed(after, claim=claim, window=f"after-{horizon}"))


def weeks_after(*, registry: Registry, level: float = 0.95, folder: Path | None = None) -> list[PauseEffect]:
    """Launches in the week after every reported pause that can be tested: one family, by Holm's method."""
    rows = []
    for pause in reported_pauses(registry):
        setting = set_up(pause.id, level=level, registry=registry, folder=folder)
        rows += [_after(setting, outcome, setting.claim) for outcome in VOLUME]
    return [row for row in holm([row for row in rows if row.p_value is not None]) if row.p_adjusted is not None]


def _decisive(setting: Setting, outcome: str) -> PauseEffect:
    """The deciding effect of one outcome outside any family, for the claim in question."""
    return _decide_both_starts(setting, setting.claim, [outcome], in_family=False)[0][0]


def _unless_busy(setting: Setting, effect: PauseEffect) -> PauseEffect:
    """No test where the days belong to another pause."""
    days = pd.date_range(effect.first_day, effect.last_day)
    own = set(setting.pause.days(effect.claim))
    shared = sum(day in setting.busy and day not in own for day in days)
    if not shared or effect.p_value is None:
        return effect
    return replace(
        effect, testable=False, verdict=NOT_TESTABLE, p_value=None, p_min=None, smallest_visible_cut=None,
        reason=f"{days_text(shared)} of these {len(days)} inside another announced pause",
    )  # fmt: skip
