"""One pause and its launches, by one procedure that is the same for every pause."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from html import escape
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from analysis.days import iso_span
from analysis.effect import NATIONAL, PauseEffect, companion, holm, shown
from analysis.errors import DesignError
from analysis.estimate import FEWEST_BASELINE_DAYS
from analysis.pauses import Pause, load_pauses, reported_pauses
from analysis.plan import describe_following
from analysis.quiet import Lull, estimate_rebound, look_ahead
from analysis.setting import SIRENS, VOLUME, Findings, Registry, Setting, correct, not_ordinary, set_up, whole_until
from analysis.sirens import InferredZeros, defend_zeros, inferred_zeros
from analysis.tables import load_strikes, outcome_series
from analysis.tables import outcomes as catalogue
from analysis.vocabulary import frequency, size, word
from analysis.windows import ONE_DAY, SHORT_WINDOW
from analysis.words import (
    DEPENDS,
    MORE,
    NOT_TESTABLE,
    capital,
    counted,
    days_text,
    describe_inferred,
    describe_lull,
    describe_witness,
    headline,
    not_yet,
    outcome_label,
    rebound,
    span_text,
    surge_among,
)

HORIZONS = (3, 7, 14)
PRIMARY_HORIZON = 7
WEEK_AFTER = f"after-{PRIMARY_HORIZON}"
NIGHTS_AROUND = 3


@dataclass(frozen=True, repr=False)
class Assessment(Findings):
    """What the launch counts say about one pause: under the claim in question, then under its other claims."""

    lull: Lull | None  # how ordinary a quiet of this length was; None where the data cannot say
    data_until: pd.Timestamp  # last strike day of the first outcome
    setting: Setting
    witness: PauseEffect | None  # sirens away from the front, outside the family; None where they were asked for
    weeks_after: tuple[PauseEffect, ...]  # where a surge followed, that test after every reported pause, as one family

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
        sentences = [self.primary(outcome).summary() for outcome in self.outcomes()]
        return "\n\n".join(filter(None, [*sentences, self.planned()]))

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
        nights = f"{held} of its {effect.n_days} strike days"
        if effect.n_days == 1:
            nights = "its only strike day" if held else "no usable count of its only strike day"
        so_far = " so far" if effect.last_day > self.data_until.date() else ""
        span = span_text(effect.first_day, effect.last_day)
        inferred = self.pause.days(self.claim).intersection(inferred_zeros(load_strikes(folder=self.setting.folder)))
        return (
            f"The data reach to {span_text(self.data_until, self.data_until)}. "
            f'The window of the claim "{self.claim}" is {span}; the data hold {nights}{so_far}. '
            f"{describe_inferred(inferred)}"
        ).strip()

    def quotation(self) -> str:
        """The headline with how far the data reach and how to cite it, as Markdown."""
        source = f'The strike-pauses project, "{self.pause.name}: did the strikes change?"'
        until = span_text(self.data_until, self.data_until)
        cite = f"To cite: {source}, version {version('strike-pauses')}, data to {until}."
        return f"**{self.headline()}**\n\n{self.coverage()}\n\n{cite}"

    def said_and_found(self) -> str:
        """What officials said of the pause beside what the counts show, as a Markdown table of one row."""
        shows = []
        for effect in map(self.primary, self.outcomes()):
            row, noun = effect.row(), outcome_label(effect.outcome)
            seen = "" if effect.observed is None else size(row, (counted(1, noun).removeprefix("1 "), noun))
            basis = "; ".join(filter(None, [seen, frequency(row)]))
            found = word(row).removeprefix("clearly ")  # doubts are weighed on the pause's page
            shows.append(f"{capital(noun)}: **{found}**" + (f" ({basis})" if basis else ""))
        said = escape(self.pause.violations).replace("|", "\\|")
        return f"| Officials said | The launch counts show |\n|---|---|\n| {said}. | {'. '.join(shows)}. |"

    def nights(self) -> pd.DataFrame:
        """The strike days of the window and three on either side: reported and expected per outcome."""
        days = self.pause.days(self.claim)
        every = pd.date_range(days[0] - NIGHTS_AROUND * ONE_DAY, days[-1] + NIGHTS_AROUND * ONE_DAY)
        roles = [every.isin(days), every.isin(list(self.setting.busy)), every < days[0]]
        columns = {"period": np.select(roles, ["pause", "another pause", "before"], "after")}
        inferred = every.isin(inferred_zeros(load_strikes(folder=self.setting.folder)))
        for outcome in self.outcomes():
            until = self.setting.series(outcome).index[-1]
            absent = pd.Series("no report", every).mask(every > until, "not yet")
            label = outcome_label(outcome, short=True)
            daily = self.primary(outcome).daily.set_index("day").reindex(every)
            counts, expected = (
                daily[name].map("{:.0f}".format).where(daily[name].notna(), empty)
                for name, empty in (("observed", absent), ("expected", "–"))
            )
            counts = counts.mask(inferred & (counts == "0"), "0 (inferred)")
            typed = every.isin(list(self.setting.provisional(outcome)))
            columns |= {label: counts.mask(typed, counts + " (provisional)"), f"{label} expected": expected}
        return pd.DataFrame(columns).set_index(every.strftime("%Y-%m-%d").rename("strike day"))

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
        counts = self.setting.series("missiles_launched").reindex(self.pause.days(self.claim))
        return describe_lull(self.lull, n_unknown=int(counts.isna().sum()))

    def claims(self) -> str:
        """Every party's claim, with the strike days its window comes to, as a Markdown list."""
        lines = []
        for claim in self.pause.claims:
            main = ", the main one" if claim.id == self.pause.main else ""
            comes_to = f"; {days_text(len(claim.days))}" if claim.stated else ""
            note = f" {escape(claim.note)}." if claim.note else ""
            lines.append(f"* **{claim.id}** ({escape(claim.party)}{main}): {claim.window_text}{comes_to}.{note}")
        return "\n".join(lines)

    def before_and_after(self) -> pd.DataFrame:
        """The days around the pause: a row per outcome and window."""
        around = ["announced-to-start", *(f"after-{h}" for h in HORIZONS), f"pause+{WEEK_AFTER}"]
        rows = [e for window in around for o in self.outcomes() for e in self.select(o, window=window)[:1]]
        return shown(rows, "window", "outcome", "n_days", "observed", "expected", "ratio", "p_value", "verdict")

    def rebounds(self) -> str:
        """Whether a surge followed and made up for the pause, a sentence per outcome."""
        return "\n\n".join(map(self.rebound, self.outcomes()))

    def rebound(self, outcome: str) -> str:
        """Whether a surge followed the pause, and whether it made up for it, in a sentence."""
        after, both = (self.select(outcome, window=name)[0] for name in (WEEK_AFTER, f"pause+{WEEK_AFTER}"))
        return f"{rebound(self.primary(outcome), after, both)} {surge_among(after, self.weeks_after)}".strip()

    def by_claim(self) -> pd.DataFrame:
        """The verdict under each party's window: a row per claim and outcome."""
        rows = [self.select(o, claim=claim)[0] for claim in self.setting.claims for o in self.outcomes()]
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
    registry, folder : mapping of Pause, path, optional
        By default the project's registry and tables.

    Returns
    -------
    Assessment
        Holm's correction spans the testable outcomes of the main claim; every other row is exploratory and
        has no adjusted p-value.

    Raises
    ------
    RegistryError, DataError, DesignError
        No such pause, claim or outcome, a claim without a window or too short for a strike day, a damaged table;
        a baseline or level that makes no sense.

    Examples
    --------
    >>> assess("victory-day-2025").primary("drones_launched").verdict
    'fewer'
    """
    setting = set_up(pause_id, claim=claim, level=level, baseline=baseline, registry=registry, folder=folder)
    pause, chosen, outcomes = setting.pause, setting.claim, _each_once(outcomes)
    decided, from_strict = _decide_both_starts(setting, chosen, outcomes, in_family=chosen == pause.main)
    effects = [*decided, *from_strict]
    effects += [row for effect in decided for row in _companions(setting, effect)]
    effects += [row for outcome in outcomes for row in _around(setting, outcome)]
    for other in setting.claims[1:]:
        effects += _decide_both_starts(setting, other, outcomes, in_family=False)[0]
    surged = any(row.verdict == MORE and row.window == WEEK_AFTER for row in effects)
    witness = None if SIRENS in outcomes else _decisive(setting, SIRENS)
    return Assessment(
        pause=pause,
        claim=chosen,
        effects=tuple([*effects, witness] if witness else effects),
        lull=setting.lull(),
        data_until=setting.series(outcomes[0]).index[-1],
        setting=setting,
        witness=witness,
        weeks_after=tuple(weeks_after(level=level, registry=setting.registry, folder=folder)) if surged else (),
    )


def decide_pause(
    pause_id: str,
    *,
    claim: str = "main",
    outcomes: Sequence[str] = VOLUME,
    baseline: int | None = None,
    registry: Registry | None = None,
    folder: Path | None = None,
) -> list[PauseEffect]:
    """Only the effects that decide in `assess`, one per outcome; options and errors as there."""
    setting = set_up(pause_id, claim=claim, baseline=baseline, registry=registry, folder=folder)
    in_family = setting.claim == setting.pause.main
    return _decide_both_starts(setting, setting.claim, _each_once(outcomes), in_family=in_family)[0]


def _each_once(outcomes: str | Sequence[str]) -> list[str]:
    """Each outcome named, once; a DesignError where none is."""
    named = [outcomes] if isinstance(outcomes, str) else list(dict.fromkeys(outcomes))
    if not named:
        expected, remedy = f"one or more of {', '.join(catalogue())}", "leave it out for drones and missiles"
        raise DesignError("no outcome to test", field="outcomes", expected=expected, found="none", remedy=remedy)
    return named


def _decide_both_starts(
    setting: Setting, claim: str, asked: Sequence[str], *, in_family: bool
) -> tuple[list[PauseEffect], list[PauseEffect]]:
    """The deciding effect of each outcome, and the same from the stricter start of its series.

    A member of the family is held to the whole family, whether the others were asked for or not.
    """
    family = [name for name, outcome in catalogue().items() if outcome.in_family] if in_family else []
    outcomes = dict.fromkeys([*asked, *family] if set(asked) & set(family) else asked)
    usual = [setting.estimate(outcome, claim) for outcome in outcomes]
    stricter = [_from_stricter_start(setting, effect) for effect in usual]
    usual = correct(usual, family)
    instead = correct([strict or effect for strict, effect in zip(stricter, usual, strict=True)], family)
    decided, from_strict = [], []
    for effect, strict, corrected in zip(usual, stricter, instead, strict=True):
        if effect.outcome in asked:
            decided.append(_reconciled(setting, effect, corrected if strict else None))
            from_strict += [corrected] if strict else []
    return decided, from_strict


def _from_stricter_start(setting: Setting, effect: PauseEffect) -> PauseEffect | None:
    """The effect from the stricter start of its series, where that start changes the baseline."""
    start, first = catalogue()[effect.outcome].strict_first_day, effect.baseline_first_day
    if start is None or first is None or not first < pd.Timestamp(start).date() < effect.first_day:
        return None
    return setting.estimate(effect.outcome, effect.claim, first_day=start, stratum=f"from {start}")


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
    flown = counts.index[counts > 0]
    before, after = flown[flown < pd.Timestamp(effect.first_day)], flown[flown > pd.Timestamp(effect.last_day)]
    if inside.empty or (inside != 0).any() or before.empty or after.empty:
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
    row = setting.estimate(effect.outcome, effect.claim, test=other)
    return [companion(row)] if row.n_placebo else []


def _around(setting: Setting, outcome: str) -> list[PauseEffect]:
    """Rows for the days before and after: anticipation, rebound, and the pause and what followed together."""
    days, waiting = setting.pause.days(setting.claim), setting.pause.announced_days(setting.claim)
    both = pd.date_range(days[0], days[-1] + PRIMARY_HORIZON * ONE_DAY)
    rows = [setting.estimate(outcome, setting.claim, days=waiting, window="announced-to-start")] if len(waiting) else []
    rows += [_after(setting, outcome, horizon) for horizon in HORIZONS]
    rows.append(setting.estimate(outcome, setting.claim, days=both, window=f"pause+{WEEK_AFTER}", test="shift"))
    return [_unless_open(setting, row) for row in rows]


def _after(setting: Setting, outcome: str, horizon: int) -> PauseEffect:
    """The days after a pause, as `estimate_rebound` sees them."""
    series, days = setting.series(outcome), setting.pause.days(setting.claim)
    after = estimate_rebound(series, days, horizon=horizon, **setting.options(setting.claim))
    after = replace(after, reason=setting.reason(after, outcome, series.index[-1]))
    return setting.keyed(after, window=f"after-{horizon}")


def weeks_after(*, registry: Registry, level: float = 0.95, folder: Path | None = None) -> list[PauseEffect]:
    """Launches in the week after every reported pause that the table holds and can test: one family, by Holm."""
    rows, until = [], whole_until(folder).date()
    for pause in reported_pauses(registry):
        setting = set_up(pause.id, level=level, registry=registry, folder=folder)
        weeks = [_unless_open(setting, _after(setting, outcome, PRIMARY_HORIZON)) for outcome in VOLUME]
        rows += [week for week in weeks if week.last_day <= until]
    return [row for row in holm([row for row in rows if row.p_value is not None]) if row.p_adjusted is not None]


def _decisive(setting: Setting, outcome: str) -> PauseEffect:
    """The deciding effect of one outcome outside any family, for the claim in question."""
    return _decide_both_starts(setting, setting.claim, [outcome], in_family=False)[0][0]


def _unless_open(setting: Setting, effect: PauseEffect) -> PauseEffect:
    """No test of days around a pause that are not over, of which the last are withheld, or that another pause has."""
    days, own = pd.date_range(effect.first_day, effect.last_day), setting.pause.days(effect.claim)
    until, entry = setting.series(effect.outcome).index[-1], catalogue()[effect.outcome]
    reason = ""
    if days[-1] > until:
        withheld = entry.last_day and until >= pd.Timestamp(entry.last_day)
        reason = entry.after if withheld else not_yet(effect.n_days - effect.n_missing, effect.n_days, until)
    if shared := len(setting.busy.intersection(days).difference(own)):
        reason = f"{days_text(shared)} of these {len(days)} inside another announced pause"
    if not reason or effect.p_value is None:
        return effect
    none = dict.fromkeys(("p_value", "p_min", "smallest_visible_cut"))
    return replace(effect, testable=False, verdict=NOT_TESTABLE, reason=reason, **none)


def what_to_expect(pause: Pause, *, registry: Registry | None = None, folder: Path | None = None) -> list[str]:
    """What the data hold of a pause, and what its length could reveal on the latest baseline, a sentence each."""
    known = [claim.id for claim in pause.claims if claim.covers_days]
    if not known:
        short = any(claim.stated for claim in pause.claims)
        why = "No claim covers a strike day by half" if short else "No party stated both ends of a window"
        return [f"{why}, so there is no length to ask about."]
    days = pause.days(pause.main if pause.main in known else known[0])
    series = {outcome: outcome_series(outcome, folder=folder) for outcome in VOLUME}
    usable = {
        name: counts[: days[0] - ONE_DAY]
        for name, counts in series.items()
        if counts.index[FEWEST_BASELINE_DAYS - 1] < days[0]
    }
    if not usable:
        first = min(counts.index[0] for counts in series.values())
        return [f"The counts of launches are usable only from {first:%Y-%m-%d} on, too late for this pause."]
    exclude = not_ordinary(load_pauses() if registry is None else registry)
    n_days, lines = len(days), [_coverage(series[next(iter(usable))], days)]
    told = pd.Timestamp(pause.announced_at or days[0]).tz_localize(None).normalize()
    if told > days[0] + ONE_DAY:
        lines.append(f"It was announced on {told:%Y-%m-%d}, {days_text((told - days[0]).days)} after its first day.")
    for outcome, known in usable.items():
        if n_days > SHORT_WINDOW:
            window = f"a window of {days_text(n_days)} is tested against days on both sides"
            lines.append(f"{outcome_label(outcome)}: {window}: pauses test {pause.id}.")
        else:
            lines.append(look_ahead(known[: known.last_valid_index()], n_days, exclude=exclude).summary())
    return lines


def _coverage(series: pd.Series, days: pd.DatetimeIndex) -> str:
    """How far a series reaches and which of some days it lacks."""
    last, missing = series.index[-1], days[series.reindex(days).isna().to_numpy()]
    absent = " to ".join(dict.fromkeys(f"{day:%Y-%m-%d}" for day in missing[[0, -1]])) if len(missing) else ""
    return (
        f"The data reach to {last:%Y-%m-%d} and hold {len(days) - len(missing)} of its {days_text(len(days))}"
        f"{'; missing: ' * bool(absent)}{absent}.{' Newer data: pauses data fetch.' * (days[-1] > last)}"
    )
