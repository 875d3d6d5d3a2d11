"""All pauses together: the record read back, what the data hold, the truces side by side, and a coming pause."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from analysis.choices import estimate_curve, fitting, series_on_offer, source_variants
from analysis.days import as_days
from analysis.effect import NATIONAL, Answer, PauseEffect, holm, shown, to_frame
from analysis.errors import DesignError
from analysis.estimate import FEWEST_BASELINE_DAYS, check_options, estimate_effect
from analysis.evidence_words import describe_witness
from analysis.expected import design_matrix, expected_counts, holiday_dates, independent_columns
from analysis.joint import combine_effects
from analysis.launches import weeks_after
from analysis.pauses import Episode, Pause, load_pauses, reported_pauses, volume_episodes
from analysis.placebo import PlaceboTest, window_ratios
from analysis.record import forest_frame
from analysis.series import Label, Words, series_label
from analysis.setting import SIRENS, VOLUME, Registry, not_ordinary, salvo_days
from analysis.sirens import break_even, inferred_zeros
from analysis.specifications import CHOICES, EDGES, SOURCES, Specification
from analysis.tables import load_strikes, outcome_series
from analysis.tables import outcomes as catalogue
from analysis.windows import BASELINE_SHORT, SHORT_WINDOW, Day, check_counts, check_length, placebo_starts
from analysis.words import (
    FEWER,
    MORE,
    NO_CHANGE,
    NOT_TESTABLE,
    chance_text,
    days_text,
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
WISHED_CUT = 0.5


@dataclass(frozen=True)
class Margins:
    """How much room the findings by episode have, drones alone and corrected by Holm's method.

    Of `n_choices` specifications that can be computed for every episode, all findings hold in `n_held`, and in `n_lost`
    those that can still be tested; with `break_even` drones on each day whose zero is inferred they no longer all do
    (None: with 200 they still do).
    """

    n_held: int
    n_lost: int
    n_choices: int
    break_even: int | None


@dataclass(frozen=True, repr=False)
class Comparison(Answer):
    """Episodes of announced truces, corrected by Holm's method; groups of them; and all of them but one, exploratory.

    A group without any episode has no row: there is no such pause yet. Sirens are a second witness outside every
    correction. `weeks` are the weeks after all reported pauses, one family; `after` joins them by outcome.
    """

    episodes: tuple[PauseEffect, ...]
    joint: tuple[PauseEffect, ...]
    without: tuple[PauseEffect, ...]
    names: Mapping[str, str]  # of episodes and groups, for readers
    members: Mapping[str, str]  # from a pause to its episode
    weeks: tuple[PauseEffect, ...]
    after: tuple[PauseEffect, ...]
    margins: Margins | None

    @property
    def effects(self) -> tuple[PauseEffect, ...]:
        return (*self.episodes, *self.joint, *self.without, *self.after)

    def summary(self) -> str:
        """Do announced truces work at all? One finding per outcome, and how much it hangs on a single episode."""
        told = []
        for effect in (effect for effect in self.joint if effect.pause == ALL):
            p_values = [e.p_value for e in self.without if e.outcome == effect.outcome and e.p_value is not None]
            hangs = f" With one episode left out at a time: p {without_one(p_values)}." if p_values else ""
            said = describe_witness(effect) if effect.outcome == SIRENS else effect.summary()
            told.append(said + hangs)
        known = {effect.pause for effect in self.joint}
        empty = [title for group, (title, _) in GROUPS.items() if group not in known]
        told += [f"{listed(empty)}: no such pause yet."] if empty else []
        return "\n\n".join(told)

    def held(self) -> str:
        """How many episodes hold by Holm's correction, with what margin and under how many choices."""
        if not (holm_held := self._holm_held()):
            return ""
        told = f"By episode, with Holm's correction, {holm_held}."
        if self.margins is None:
            return told
        n, held, lost = self.margins.n_choices, self.margins.n_held, self.margins.n_lost
        return (
            f"{told} Of {n} combinations of choices that can be computed for all that hold, all hold in {held}; in "
            f"{lost} more, all that can still be tested; in {n - held - lost} one or more do not. It would take "
            f"{self.margins.break_even or 'more than 200'} hidden drones on each day with an inferred zero to lose one."
        )

    def margin(self, pause_id: str) -> str:
        """The same for the reader of one pause."""
        episode = self.members.get(pause_id)
        own = [e.p_adjusted for e in self.episodes if e.pause == episode and e.outcome != SIRENS]
        if not own:
            return "This pause is not among the general truces that are corrected together."
        here = "cannot be tested alone" if own[0] is None else f"has p = {own[0]:.2g}"
        return f"Among all truces, with Holm's correction, {self._holm_held()}; this one {here}."

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

    def _holm_held(self) -> str:
        """How many episodes hold by Holm's correction, and with what margin; empty where none can be tested."""
        rows = [effect for effect in self.episodes if effect.p_adjusted is not None]
        if not rows:
            return ""
        p_values, alpha = [effect.p_adjusted for effect in rows], rows[0].alpha
        ends = " to ".join(dict.fromkeys(f"{p:.2g}" for p in (min(p_values), max(p_values))))
        held = sum(p <= alpha for p in p_values)
        return f"{held} of {len(p_values)} testable results hold (adjusted p {ends}, where {alpha:g} is the limit)"

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
        told = sum(effect.verdict in (FEWER, MORE) for effect in self.episodes)
        return (
            f"Ratios of launched to expected with intervals for {len(self.episodes)} episodes and outcomes, "
            f"{told} of them told from chance, and for the groups together. {self.summary()}"
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
    """Test every episode of announced general truces, and groups of them together.

    Overlapping or adjacent truces are one episode; energy moratoria and pauses for single cities promised
    something else and are left to their own pages. Air-raid sirens away from the front are tested too, as a witness
    outside the corrected families.

    Parameters
    ----------
    outcomes : sequence of str
        Names in the catalogue of outcomes.
    variants : bool
        A joint verdict that another way to count (`strike_variants.csv`) overturns depends on a choice.
    margins : bool
        Also under how many choices the findings by episode hold, and with how many hidden drones; takes seconds.
    seed : int
        For the draws behind the joint p-values.
    level, registry, folder
        As in `assess`.
    """
    registry = load_pauses() if registry is None else registry
    episodes = volume_episodes(registry)
    names = {group: title for group, (title, _) in GROUPS.items()} | {EVERY: "All reported pauses"}
    names |= {EPISODE + episode.id: _episode_name(episode, registry) for episode in episodes}
    shared = {
        "exclude": not_ordinary(registry),
        "salvo_days": salvo_days(load_strikes(folder=folder)["missiles_launched"]),
        "level": level,
    }
    alone, joint, without = [], {group: [] for group in GROUPS}, []

    def tested(series: pd.Series, episode: Episode) -> PauseEffect:
        found = estimate_effect(series, episode.days, announced=_announced(episode, registry), **shared)
        return replace(found, pause=EPISODE + episode.id, claim="main", stratum=NATIONAL)

    def combined(effects: Sequence[PauseEffect], name: str, **options: Any) -> list[PauseEffect]:
        return [replace(combine_effects(effects, level=level, seed=seed, **options), pause=name)] if effects else []

    for outcome in dict.fromkeys((*outcomes, SIRENS)):
        effects = [tested(outcome_series(outcome, folder=folder), episode) for episode in episodes]
        others = source_variants(outcome, folder=folder) if variants else {}
        counted = {SOURCES[name]: [tested(other, e) for e in episodes] for name, other in others.items()}
        alone += effects if outcome == SIRENS else holm(effects)
        for group, (_, statuses) in GROUPS.items():
            members = [k for k, episode in enumerate(episodes) if episode.status in statuses]
            ways = {name: [found[k] for k in members] for name, found in counted.items()}
            joint[group] += combined([effects[k] for k in members], group, variants=ways)
        for one in (effect for effect in effects if effect.n_placebo):
            rest = [effect for effect in effects if effect is not one]
            without += combined(rest, WITHOUT + one.pause.removeprefix(EPISODE))
    together = []
    for members in joint.values():
        family = iter(holm([effect for effect in members if effect.outcome != SIRENS]))
        together += [effect if effect.outcome == SIRENS else next(family) for effect in members]
    weeks = weeks_after(registry=registry, level=level, folder=folder)
    own = [[week for week in weeks if week.outcome == outcome] for outcome in outcomes]
    after = [joined for each in own for joined in combined(each, EVERY, alternative="greater")]
    members = {name: EPISODE + episode.id for episode in episodes for name in episode.pauses}
    found = Comparison(tuple(alone), tuple(together), tuple(without), names, members, tuple(weeks), tuple(after), None)
    if not margins:
        return found
    told = {effect.pause for effect in alone if effect.outcome == VOLUME[0] and effect.verdict in (FEWER, MORE)}
    fell = [episode for episode in episodes if EPISODE + episode.id in told]
    return replace(found, margins=_margins(fell, tested, registry, shared, folder) if fell else None)


def _margins(
    episodes: Sequence[Episode],
    tested: Callable[[pd.Series, Episode], PauseEffect],
    registry: Registry,
    shared: Mapping[str, Any],
    folder: Path | None,
) -> Margins:
    """How far the findings of drones by episode, corrected together, carry."""
    usual, found = outcome_series(VOLUME[0], folder=folder), []
    for episode in episodes:
        series = series_on_offer(VOLUME[0], episode.days, folder)
        choices = [choice for choice in fitting(CHOICES, VOLUME[0], series) if choice.axis != EDGES]
        announced = _announced(episode, registry)
        curve = estimate_curve(usual, episode.days, choices=choices, series=series, announced=announced, **shared)
        found.append({s: e for s, e in zip(curve.specifications, curve.estimates, strict=True) if e.n_placebo})
    ways = {tuple(_nearest(chosen, other) for other in found) for chosen in set().union(*found)}
    tested_ways = [holm([other[way] for other, way in zip(found, each, strict=True)]) for each in ways if all(each)]
    told = [{effect.verdict for effect in effects} for effects in tested_ways]
    held, lost = (sum(NO_CHANGE not in verdicts and (NOT_TESTABLE in verdicts) == lost for verdicts in told)
                  for lost in (False, True))  # fmt: skip
    days = pd.DatetimeIndex([day for episode in episodes for day in episode.days])
    zeros = days[days.isin(inferred_zeros(load_strikes(folder=folder)))]

    def hold(counts: pd.Series) -> bool:
        return all(effect.verdict in (FEWER, MORE) for effect in holm([tested(counts, one) for one in episodes]))

    return Margins(held, lost, len(told), break_even(usual, zeros, hold))


def _nearest(chosen: Specification, known: Mapping[Specification, PauseEffect]) -> Specification | None:
    """The same specification for another episode: where its data are shorter, all that there are."""
    return next((one for one in (chosen, replace(chosen, before=None)) if one in known), None)


def _announced(episode: Episode, registry: Registry) -> Day | None:
    told = [day for name in episode.pauses if (day := registry[name].first_announced_day()) is not None]
    return min(told, default=None)


def _episode_name(episode: Episode, registry: Registry) -> str:
    if len(episode.pauses) == 1:
        return registry[episode.pauses[0]].name
    return f"Truces of {episode.days[0]:%B %Y}"


def proposed_only(
    *,
    outcomes: Sequence[str] = VOLUME,
    level: float = 0.95,
    registry: Registry | None = None,
    folder: Path | None = None,
) -> pd.DataFrame:
    """Proposals with both dates stated that nobody agreed to, tested like pauses.

    They are points of reference, few and clustered in time: no uniformity of their p-values is claimed. Parameters
    are those of `compare_truces`.

    Returns
    -------
    DataFrame
        Columns pause, outcome, first_day, last_day, ratio, p_value, p_min, verdict.
    """
    registry = load_pauses() if registry is None else registry
    exclude, salvos = not_ordinary(registry), salvo_days(load_strikes(folder=folder)["missiles_launched"])
    proposals = [pause for pause in registry.values() if pause.status == "proposed-only"]
    stated = [pause for pause in proposals if pause.claims and pause.claim().covers_days]
    rows = []
    for pause, outcome in product(stated, outcomes):
        if not pause.days().isin(exclude).any():
            series = outcome_series(outcome, folder=folder)
            if pause.days()[0] >= pd.Timestamp(catalogue()[outcome].first_day):
                found = estimate_effect(series, pause.days(), exclude=exclude, salvo_days=salvos, level=level)
                rows.append(replace(found, pause=pause.name))
    return shown(rows, "pause", "outcome", "first_day", "last_day", "ratio", "p_value", "p_min", "verdict")


def holidays_without_truce() -> list[PauseEffect]:
    """Test every holiday outside all windows claimed for reported pauses: were holidays quiet without a truce?

    The null model has no term for holidays here.

    Returns
    -------
    list of PauseEffect
        One for each holiday since the series became usable, in order of time.
    """
    registry, series = load_pauses(), outcome_series(VOLUME[0])
    exclude = not_ordinary(registry)
    truces = {day for pause in reported_pauses(registry) for claim in pause.claims for day in claim.days}
    holidays = (day for year in series.index.year.unique() for day in holiday_dates(year))
    free = sorted(day for day in holidays if pd.notna(series.get(day)) and day not in truces)
    return [estimate_effect(series, pd.DatetimeIndex([day]), exclude=exclude, holidays=False) for day in free]


@dataclass(frozen=True)
class Outlook:
    """What windows of one length could reveal on the latest baseline; None where no cut, or no length, would do.

    `p_min` is the two-sided p-value if nothing at all flew, a visible cut one that is seen in 80 % of windows.
    """

    outcome: str
    n_days: int
    baseline_first_day: pd.Timestamp
    baseline_last_day: pd.Timestamp
    p_min: float
    smallest_visible_cut: float | None
    nights_for_half: int | None  # shortest window, up to 13 days, in which a cut by half would be visible
    cut_in_longest: float | None  # the smallest visible cut of a window of 13 days
    label: Label | None = None  # what is counted, where the catalogue of outcomes does not say it

    def summary(self) -> str:
        """One sentence for someone who waits for a pause to begin."""
        unit = "day" if self.label else "night"
        nights, longest = (f"{n} {unit}{'s' * (n > 1)}" for n in (self.n_days, SHORT_WINDOW))
        span = f"{self.baseline_first_day:%Y-%m-%d} to {self.baseline_last_day:%Y-%m-%d}"
        best = f"no cut would show reliably (total silence: p = {self.p_min:.2g})"
        if self.smallest_visible_cut is not None:
            best = f"only a cut of about {self.smallest_visible_cut:.0%} or more would show reliably"
        half = f"needs {self.nights_for_half} {unit}{'s' * (self.nights_for_half != 1)}"
        if self.nights_for_half is None:
            there = "" if self.cut_in_longest is None else f", where it takes {self.cut_in_longest:.0%}"
            half = f"would not show even in {longest}{there}"
        return f"In {nights} of {outcome_label(self)}, {best}; a cut by half {half} (baseline {span})."


def look_ahead(
    counts: pd.Series,
    n_days: int,
    *,
    baseline: int = BASELINE_SHORT,
    exclude: Sequence[Day] = (),
    level: float = 0.95,
    label: Words = None,
) -> Outlook:
    """What a window of `n_days` after the end of a series could show, from all windows of that length before.

    Parameters
    ----------
    n_days : int
        1 to 13.
    baseline : int
        Last days of the series that serve as reference.
    counts, exclude, level, label
        As in `estimate_effect`.

    Raises
    ------
    DesignError
        A length outside 1 to 13 days: longer windows need a baseline on both sides. Fewer than 28 days to look back on.

    Examples
    --------
    >>> days = pd.date_range("2025-01-01", periods=400)
    >>> steady = pd.Series(np.random.default_rng(1).poisson(100, 400), index=days, name="drones")
    >>> look_ahead(steady, 3).nights_for_half
    1
    """
    check_options(test="auto", alternative="less", level=level)
    if not 1 <= check_length(n_days, "n_days") <= SHORT_WINDOW:
        expected = f"1 to {SHORT_WINDOW}"
        raise DesignError("no outlook for this length", field="n_days", expected=expected, found=str(n_days))
    counts = check_counts(counts).iloc[-check_length(baseline, "baseline") :]
    reference = counts.notna().to_numpy() & ~counts.index.isin(as_days(exclude, "exclude"))
    if reference.sum() < FEWEST_BASELINE_DAYS:
        expected, found = f"at least {FEWEST_BASELINE_DAYS} days with a count", f"{reference.sum()}"
        remedy = "take a longer series or baseline"
        raise DesignError("too few days to look back on", field="counts", expected=expected, found=found, remedy=remedy)
    X, _ = independent_columns(design_matrix(counts.index, holidays=False), reference)
    values = np.nan_to_num(counts.to_numpy())
    expected = expected_counts(X, values, weights=reference.astype(float))
    tests, cuts = {}, {}
    for length in range(1, SHORT_WINDOW + 1):
        pattern = np.ones(length, bool)
        placebos = window_ratios(values, expected, placebo_starts(reference, pattern), pattern)
        tests[length] = PlaceboTest(0.0, placebos, alpha=1 - level)
        cut = float(tests[length].smallest_visible_cut)
        cuts[length] = cut if np.isfinite(cut) else None
    return Outlook(
        outcome=str(counts.name or "counts"),
        n_days=n_days,
        baseline_first_day=counts.index[0],
        baseline_last_day=counts.index[-1],
        p_min=float(tests[n_days].p_min_fall),
        smallest_visible_cut=cuts[n_days],
        nights_for_half=next((length for length, cut in cuts.items() if cut and cut <= WISHED_CUT), None),
        cut_in_longest=cuts[SHORT_WINDOW],
        label=series_label(counts.name, label),
    )


def what_to_expect(pause: Pause) -> list[str]:
    """What the data hold of a pause, and what its length could reveal on the latest baseline, a sentence each."""
    known = [claim.id for claim in pause.claims if claim.covers_days]
    if not known:
        short = any(claim.stated for claim in pause.claims)
        why = "No claim covers a strike day by half" if short else "No party stated both ends of a window"
        return [f"{why}, so there is no length to ask about."]
    days, exclude = pause.days(pause.main if pause.main in known else known[0]), not_ordinary(load_pauses())
    lines = [_coverage(outcome_series(VOLUME[0]), days)]
    for outcome in VOLUME:
        said = f"{outcome_label(outcome)}: a window of {days_text(len(days))} is tested against days on both sides"
        if len(days) > SHORT_WINDOW:
            lines.append(f"{said}: pauses test {pause.id}.")
        else:
            lines.append(look_ahead(outcome_series(outcome), len(days), exclude=exclude).summary())
    return lines


def _coverage(series: pd.Series, days: pd.DatetimeIndex) -> str:
    """How far a series reaches and which of some days it lacks."""
    last, missing = series.index[-1], days[series.reindex(days).isna().to_numpy()]
    said = f"The data reach to {last:%Y-%m-%d} and hold {len(days) - len(missing)} of its {days_text(len(days))}"
    if len(missing):
        said += f"; missing: {missing[0]:%Y-%m-%d}" + (f" to {missing[-1]:%Y-%m-%d}" if len(missing) > 1 else "")
    return f"{said}." + (" Newer data: pauses data fetch." if days[-1] > last else "")
