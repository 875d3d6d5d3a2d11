"""All pauses together: episodes of truces alone, jointly and with one left out; proposals and holidays beside them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import pandas as pd

from analysis.choices import estimate_curve, fitting, series_on_offer, source_variants
from analysis.effect import Answer, PauseEffect, holm, shown, to_frame
from analysis.estimate import estimate_effect
from analysis.expected import holiday_dates
from analysis.joint import combine_effects
from analysis.launches import weeks_after
from analysis.pauses import Episode, load_pauses, reported_pauses, volume_episodes
from analysis.record import forest_frame
from analysis.setting import SIRENS, VOLUME, Registry, correct, not_ordinary, salvo_days, whole_until
from analysis.sirens import break_even, inferred_zeros
from analysis.specifications import CHOICES, EDGES, SOURCES, Specification
from analysis.tables import load_strikes, outcome_series
from analysis.tables import outcomes as catalogue
from analysis.windows import Day
from analysis.words import (
    FEWER,
    MORE,
    NO_CHANGE,
    NOT_TESTABLE,
    chance_text,
    days_phrase,
    describe_witness,
    listed,
    outcome_label,
    without_one,
)

ALL = "volume-truces"
GROUPS = {
    ALL: ("All truces", ("agreed", "unilateral")),
    "agreed-truces": ("Episodes with an agreed truce", ("agreed",)),
    "unilateral-truces": ("Episodes of one side alone", ("unilateral",)),
}
WITHOUT = "volume-truces-without-"  # and the episode that is left out
EPISODE = "episode:"  # and its id
EVERY = "reported-pauses"  # those whose week after can be tested


@dataclass(frozen=True, repr=False)
class Comparison(Answer):
    """Episodes of announced truces alone and together; sirens are a second witness outside every correction."""

    episodes: tuple[PauseEffect, ...]  # corrected by Holm's method
    joint: tuple[PauseEffect, ...]  # groups of them; one without any episode has no row
    without: tuple[PauseEffect, ...]  # all of them but one, exploratory
    names: Mapping[str, str]  # of episodes and groups, for readers
    weeks: tuple[PauseEffect, ...]  # after all reported pauses, one family
    after: tuple[PauseEffect, ...]  # these weeks together, by outcome
    margins: str  # how far the findings by episode carry, in words

    @property
    def effects(self) -> tuple[PauseEffect, ...]:
        return (*self.episodes, *self.joint, *self.without, *self.after)

    def summary(self) -> str:
        """Do announced truces work at all? One finding per outcome, and how much it hangs on a single episode."""
        parts = []
        for effect in (effect for effect in self.joint if effect.pause == ALL):
            p_values = [e.p_value for e in self.without if e.outcome == effect.outcome and e.p_value is not None]
            hangs = f" With one episode left out at a time: p {without_one(p_values)}." if p_values else ""
            parts.append((describe_witness(effect) if effect.outcome == SIRENS else effect.summary()) + hangs)
        known = {effect.pause for effect in self.joint}
        if empty := [title for group, (title, _) in GROUPS.items() if group not in known]:
            parts.append(f"{listed(empty)}: no such pause yet.")
        return "\n\n".join(parts)

    def held(self) -> str:
        """How many episodes hold by Holm's correction, with what margin and under how many choices."""
        by_holm = _held_by_holm(self.episodes)
        return f"By episode, with Holm's correction, {by_holm}. {self.margins}".strip() if by_holm else ""

    def surges(self) -> str:
        """What the weeks after all reported pauses say together of a surge; empty where none can be tested."""
        weeks = self.weeks
        if not weeks:
            return ""
        alone, held = (sum(getattr(week, p) <= week.alpha for week in weeks) for p in ("p_value", "p_adjusted"))
        joint = [f"{outcome_label(e.outcome, short=True)} {chance_text(e.p_value)}" for e in self.after if e.p_value]
        return (
            f"Of {len(weeks)} tests for a surge in the week after a reported pause, {alone} find one taken alone, "
            f"{held or 'none'} with Holm's correction (smallest p {min(week.p_adjusted for week in weeks):.2g}). "
            f"All weeks together, one-sided: {'; '.join(joint) or 'cannot be tested'}."
        )

    def episodes_frame(self) -> pd.DataFrame:
        """The episodes: what flew, what was to be expected, and whether it could be told."""
        numbers = ["observed", "expected", "ratio", "p_value", "p_adjusted"]
        return self._named(self.episodes, "verdict", "first_day", "last_day", *numbers)

    def table(self) -> pd.DataFrame:
        """The groups of truces tested together."""
        interval = ["observed", "expected", "ratio", "ratio_low", "ratio_high"]
        return self._named(self.joint, "verdict", "n_days", *interval, "p_value", "p_min", "smallest_visible_cut")

    def _named(self, effects: Sequence[PauseEffect], *columns: str) -> pd.DataFrame:
        named = [replace(effect, pause=self.names[effect.pause]) for effect in effects]
        return shown(named, "pause", "outcome", *columns)

    def describe(self) -> str:
        return (
            f"Ratios of launched to expected with intervals for {len(self.episodes)} episodes and outcomes, "
            f"{sum(map(_is_found, self.episodes))} of them told from chance, and for the groups together. "
            f"{self.summary()}"
        )

    def plot(self, ax: Any = None) -> Any:
        from analysis.figures import draw_forest, draw_words

        rows = to_frame([*self.episodes, *self.joint])
        if rows.empty:
            return draw_words("no such pause yet", ax=ax)
        return draw_forest(forest_frame(rows.assign(name=rows["pause"].map(self.names))), ax=ax)


def compare_truces(
    *,
    outcomes: Sequence[str] = VOLUME,
    variants: bool = True,
    margins: bool = False,
    level: float = 0.95,
    seed: int = 0,
    registry: Registry | None = None,
    folder: Path | None = None,
) -> Comparison:
    """Test every episode of announced general truces, and groups of them together; other options as in `assess`.

    Overlapping or adjacent truces are one episode; energy moratoria and pauses for single cities promised
    something else and are left to their own pages. Air-raid sirens away from the front are tested too, as a witness
    outside the corrected families. A truce that is not over in the table of strikes is left to its own page too.

    Parameters
    ----------
    variants : bool
        A joint verdict that another way to count (`strike_variants.csv`) overturns depends on a choice.
    margins : bool
        Also under how many choices the findings by episode hold, and with how many hidden drones; takes seconds.
    seed : int
        For the draws behind the joint p-values.
    """
    registry = load_pauses() if registry is None else registry
    episodes, options = _over(registry, folder), _options(registry, level, folder)
    names = {group: title for group, (title, _) in GROUPS.items()} | {EVERY: "All reported pauses"}
    for one in episodes:
        several = f"Truces of {one.days[0]:%B %Y}"
        names[EPISODE + one.id] = several if len(one.pauses) > 1 else registry[one.pauses[0]].name
    alone, without, groups = [], [], {group: [] for group in GROUPS}

    test = partial(_test_episode, registry=registry, options=options)

    def combine(effects: Sequence[PauseEffect], name: str, **asked: Any) -> list[PauseEffect]:
        return [replace(combine_effects(effects, level=level, seed=seed, **asked), pause=name)] if effects else []

    for outcome in dict.fromkeys((*outcomes, SIRENS)):
        effects = [test(outcome_series(outcome, folder=folder), episode) for episode in episodes]
        counts = source_variants(outcome, folder=folder) if variants else {}
        counted = {SOURCES[name]: [test(series, episode) for episode in episodes] for name, series in counts.items()}
        alone += effects if outcome == SIRENS else holm(effects)
        for group, (_, statuses) in GROUPS.items():
            members = [k for k, episode in enumerate(episodes) if episode.status in statuses]
            ways = {name: [others[k] for k in members] for name, others in counted.items()}
            groups[group] += combine([effects[k] for k in members], group, variants=ways)
        for one in (effect for effect in effects if effect.n_placebo):
            rest = [effect for effect in effects if effect is not one]
            without += combine(rest, WITHOUT + one.pause.removeprefix(EPISODE))
    family = {*outcomes} - {SIRENS}
    weeks = weeks_after(registry=registry, level=level, folder=folder)
    by_outcome = [[week for week in weeks if week.outcome == outcome] for outcome in outcomes]
    found = {effect.pause for effect in alone if effect.outcome == VOLUME[0] and _is_found(effect)}
    fell = [episode for episode in episodes if EPISODE + episode.id in found]
    return Comparison(
        episodes=tuple(alone),
        joint=tuple(effect for members in groups.values() for effect in correct(members, family)),
        without=tuple(without),
        names=names,
        weeks=tuple(weeks),
        after=tuple(row for own in by_outcome for row in combine(own, EVERY, alternative="greater")),
        margins=_margins(fell, registry, options, folder) if margins and fell else "",
    )


def truce_margin(
    pause_id: str, *, level: float = 0.95, registry: Registry | None = None, folder: Path | None = None
) -> str:
    """Say how many findings on drones by episode of a truce hold with Holm's correction, and where one pause stands.

    Options are as in `compare_truces`.

    Examples
    --------
    >>> truce_margin("cold-week-pause-2026-01")
    'This pause is not among the general truces that are corrected together.'
    """
    registry = load_pauses() if registry is None else registry
    episodes, options = _over(registry, folder), _options(registry, level, folder)
    if not any(pause_id in episode.pauses for episode in episodes):
        return "This pause is not among the general truces that are corrected together."
    series = outcome_series(VOLUME[0], folder=folder)
    effects = holm([_test_episode(series, episode, registry, options) for episode in episodes])
    own, episode = next(pair for pair in zip(effects, episodes, strict=True) if pause_id in pair[1].pauses)
    which, has = "this one", "has"
    if len(episode.pauses) > 1:
        which, has = f"the {len(episode.pauses)} that touch, {days_phrase(own)}, together", "have"
    here = "cannot be tested alone" if own.p_adjusted is None else f"{has} p = {own.p_adjusted:.2g}"
    return f"Among all truces, with Holm's correction, {_held_by_holm(effects)}; {which} {here}."


def _over(registry: Registry, folder: Path | None) -> tuple[Episode, ...]:
    """The episodes of truces all of whose days the table of strikes holds; a provisional night stays on its page."""
    until = whole_until(folder)
    return volume_episodes({pause.id: pause for pause in reported_pauses(registry) if pause.days()[-1] <= until})


def _test_episode(series: pd.Series, episode: Episode, registry: Registry, options: Mapping[str, Any]) -> PauseEffect:
    effect = estimate_effect(series, episode.days, announced=_announced(episode, registry), **options)
    return replace(effect, pause=EPISODE + episode.id, claim="main")


def _held_by_holm(episodes: Sequence[PauseEffect]) -> str:
    """How many episodes hold by Holm's correction, and with what margin; empty where none can be tested."""
    p_values = [effect.p_adjusted for effect in episodes if effect.p_adjusted is not None]
    if not p_values:
        return ""
    alpha = episodes[0].alpha
    ends = " to ".join(dict.fromkeys(f"{p:.2g}" for p in (min(p_values), max(p_values))))
    held = sum(p <= alpha for p in p_values)
    return f"{held} of {len(p_values)} testable results hold (adjusted p {ends}, where {alpha:g} is the limit)"


def _options(registry: Registry, level: float, folder: Path | None) -> dict[str, Any]:
    """What every test of several pauses shares."""
    salvos = salvo_days(load_strikes(folder=folder)["missiles_launched"])
    return {"exclude": not_ordinary(registry), "salvo_days": salvos, "level": level}


def _is_found(effect: PauseEffect) -> bool:
    return effect.verdict in (FEWER, MORE)


def _margins(episodes: Sequence[Episode], registry: Registry, options: Mapping[str, Any], folder: Path | None) -> str:
    """How far the findings of drones by episode, corrected together, carry: under which choices, with which zeros."""
    usual, by_choice = outcome_series(VOLUME[0], folder=folder), []
    for episode in episodes:
        series = series_on_offer(VOLUME[0], episode.days, folder)
        choices = [choice for choice in fitting(CHOICES, VOLUME[0], series) if choice.axis != EDGES]
        announced = _announced(episode, registry)
        curve = estimate_curve(usual, episode.days, choices=choices, series=series, announced=announced, **options)
        by_choice.append({s: e for s, e in zip(curve.specifications, curve.estimates, strict=True) if e.n_placebo})
    ways = {tuple(_nearest(chosen, other) for other in by_choice) for chosen in set().union(*by_choice)}
    families = [holm([own[one] for own, one in zip(by_choice, way, strict=True)]) for way in ways if all(way)]
    verdicts = [{effect.verdict for effect in family} for family in families]
    unbroken = [NOT_TESTABLE in family for family in verdicts if NO_CHANGE not in family]
    days = pd.DatetimeIndex([day for episode in episodes for day in episode.days])
    zeros = days[days.isin(inferred_zeros(load_strikes(folder=folder)))]

    def hold(counts: pd.Series) -> bool:
        return all(map(_is_found, holm([_test_episode(counts, episode, registry, options) for episode in episodes])))

    n, n_lost, least = len(verdicts), sum(unbroken), break_even(usual, zeros, hold)
    return (
        f"Of {n} combinations of choices that can be computed for all that hold, all hold in {len(unbroken) - n_lost}; "
        f"in {n_lost} more, all that can still be tested; in {n - len(unbroken)} one or more do not. It would take "
        f"{least or 'more than 200'} hidden drones on each day with an inferred zero to lose one."
    )


def _nearest(chosen: Specification, known: Mapping[Specification, PauseEffect]) -> Specification | None:
    """The same specification for another episode: where its data are shorter, all that there are."""
    return next((one for one in (chosen, replace(chosen, before=None)) if one in known), None)


def _announced(episode: Episode, registry: Registry) -> Day | None:
    return min(filter(None, (registry[name].first_announced_day() for name in episode.pauses)), default=None)


def proposed_only(
    *,
    outcomes: Sequence[str] = VOLUME,
    level: float = 0.95,
    registry: Registry | None = None,
    folder: Path | None = None,
) -> pd.DataFrame:
    """Proposals with both dates stated that nobody agreed to, tested like pauses, as a table of text.

    They are points of reference, few and clustered in time: no uniformity of their p-values is claimed. Options are
    those of `compare_truces`.
    """
    registry = load_pauses() if registry is None else registry
    options, rows = _options(registry, level, folder), []
    proposals = [pause for pause in registry.values() if pause.status == "proposed-only"]
    stated = [pause for pause in proposals if pause.claims and pause.claim().covers_days]
    for pause, outcome in product(stated, outcomes):
        days, usable = pause.days(), pd.Timestamp(catalogue()[outcome].first_day)
        if days[0] >= usable and not days.isin(options["exclude"]).any():
            effect = estimate_effect(outcome_series(outcome, folder=folder), days, **options)
            rows.append(replace(effect, pause=pause.name))
    return shown(rows, "pause", "outcome", "first_day", "last_day", "ratio", "p_value", "p_min", "verdict")


def holidays_without_truce() -> list[PauseEffect]:
    """Test every holiday outside all windows claimed for reported pauses: were holidays quiet without a truce?

    An effect for each holiday since the series became usable, in order of time, from a model without holidays.
    """
    registry, series = load_pauses(), outcome_series(VOLUME[0])
    exclude = not_ordinary(registry)
    truces = {day for pause in reported_pauses(registry) for claim in pause.claims for day in claim.days}
    holidays = (day for year in series.index.year.unique() for day in holiday_dates(year))
    free = sorted(day for day in holidays if pd.notna(series.get(day)) and day not in truces)
    return [estimate_effect(series, pd.DatetimeIndex([day]), exclude=exclude, holidays=False) for day in free]
