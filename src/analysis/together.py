"""All pauses together: the record read back, what the data hold, the truces side by side, and a coming pause."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from analysis.effect import NATIONAL, Answer, PauseEffect, holm, shown, to_frame
from analysis.errors import DesignError
from analysis.estimate import FEWEST_BASELINE_DAYS, estimate_effect
from analysis.expected import design_matrix, expected_counts, holiday_dates, independent_columns
from analysis.joint import combine_effects
from analysis.pauses import Episode, Pause, load_pauses, reported_pauses, volume_episodes
from analysis.placebo import PlaceboTest, window_ratios
from analysis.record import forest_frame
from analysis.series import Label, Words, series_label
from analysis.setting import VOLUME, Registry, not_ordinary, salvo_days
from analysis.tables import load_strikes, outcome_series
from analysis.tables import outcomes as catalogue
from analysis.windows import BASELINE_SHORT, SHORT_WINDOW, Day, as_day, check_counts, check_length, placebo_starts
from analysis.words import FEWER, MORE, days_text, listed, outcome_label, without_one

ALL = "volume-truces"
GROUPS = {
    ALL: ("All truces", ("agreed", "unilateral")),
    "agreed-truces": ("Episodes with an agreed truce", ("agreed",)),
    "unilateral-truces": ("Episodes of one side alone", ("unilateral",)),
}
WITHOUT = "volume-truces-without-"  # and the episode that is left out
EPISODE = "episode:"  # and its id
WISHED_CUT = 0.5


@dataclass(frozen=True, repr=False)
class Comparison(Answer):
    """Episodes of announced truces, corrected by Holm's method; groups of them; and all of them but one, exploratory.

    A group without any episode has no row: there is no such pause yet.
    """

    episodes: tuple[PauseEffect, ...]
    joint: tuple[PauseEffect, ...]
    without: tuple[PauseEffect, ...]
    names: Mapping[str, str]  # of episodes and groups, for readers

    @property
    def effects(self) -> tuple[PauseEffect, ...]:
        """All rows, episodes first."""
        return (*self.episodes, *self.joint, *self.without)

    def together(self, outcome: str, *, group: str = ALL) -> PauseEffect | None:
        """The joint finding for one outcome; None where there is no such pause yet."""
        return next((e for e in self.joint if e.outcome == outcome and e.pause == group), None)

    def summary(self) -> str:
        """Do announced truces work at all? One finding per outcome, and how much it hangs on a single episode."""
        told = []
        for effect in (effect for effect in self.joint if effect.pause == ALL):
            p_values = [e.p_value for e in self.without if e.outcome == effect.outcome and e.p_value is not None]
            hangs = f" With one episode left out at a time: p {without_one(p_values)}." if p_values else ""
            told.append(effect.summary() + hangs)
        known = {effect.pause for effect in self.joint}
        empty = [title for group, (title, _) in GROUPS.items() if group not in known]
        told += [f"{listed(empty)}: no such pause yet."] if empty else []
        return "\n\n".join(told)

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
        """Alternative text of the forest."""
        told = sum(effect.verdict in (FEWER, MORE) for effect in self.episodes)
        return (
            f"Ratios of launched to expected with intervals for {len(self.episodes)} episodes and outcomes, "
            f"{told} of them told from chance, and for the groups together. {self.summary()}"
        )

    def plot(self, ax: Any = None) -> Any:
        """Draw all episodes and groups as a forest."""
        from analysis.figures import draw_forest, draw_words

        rows = to_frame([*self.episodes, *self.joint])
        if rows.empty:
            return draw_words("no such pause yet", ax=ax)
        return draw_forest(forest_frame(rows.assign(name=rows["pause"].map(self.names))), ax=ax)


def compare_truces(
    *,
    outcomes: Sequence[str] = VOLUME,
    level: float = 0.95,
    seed: int = 0,
    registry: Registry | None = None,
    folder: Path | None = None,
) -> Comparison:
    """Test every episode of announced general truces, and groups of them together.

    Overlapping or adjacent truces are one episode; energy moratoria and pauses for single cities promised
    something else and are left to their own pages.

    Parameters
    ----------
    outcomes : sequence of str
        Names in the catalogue of outcomes.
    level : float
        Confidence level.
    seed : int
        For the draws behind the joint p-values.
    registry : mapping of Pause, optional
    folder : path, optional
        Folder of tables.

    Returns
    -------
    Comparison
    """
    registry = load_pauses() if registry is None else registry
    salvos = salvo_days(load_strikes(folder=folder)["missiles_launched"])
    episodes, exclude = volume_episodes(registry), not_ordinary(registry)
    names = {group: title for group, (title, _) in GROUPS.items()}
    names |= {EPISODE + episode.id: _episode_name(episode, registry) for episode in episodes}
    alone, joint, without = [], {group: [] for group in GROUPS}, []

    def combined(effects: Sequence[PauseEffect], name: str) -> list[PauseEffect]:
        return [replace(combine_effects(effects, level=level, seed=seed), pause=name)] if effects else []

    for outcome in outcomes:
        series, effects = outcome_series(outcome, folder=folder), []
        for episode in episodes:
            told = [day for name in episode.pauses if (day := registry[name].first_announced_day()) is not None]
            announced = min(told, default=None)
            found = estimate_effect(
                series, episode.days, exclude=exclude, announced=announced, salvo_days=salvos, level=level
            )
            effects.append(replace(found, pause=EPISODE + episode.id, claim="main", stratum=NATIONAL))
        alone += holm(effects)
        for group, (_, statuses) in GROUPS.items():
            members = [e for e, episode in zip(effects, episodes, strict=True) if episode.status in statuses]
            joint[group] += combined(members, group)
        for one in (effect for effect in effects if effect.n_placebo):
            rest = [effect for effect in effects if effect is not one]
            without += combined(rest, WITHOUT + one.pause.removeprefix(EPISODE))
    together = [effect for members in joint.values() for effect in holm(members)]
    return Comparison(tuple(alone), tuple(together), tuple(without), names)


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
    for pause in (pause for pause in stated if not pause.days().isin(exclude).any()):
        for outcome in outcomes:
            series = outcome_series(outcome, folder=folder)
            if pause.days()[0] >= pd.Timestamp(catalogue()[outcome].first_day):
                found = estimate_effect(series, pause.days(), exclude=exclude, salvo_days=salvos, level=level)
                rows.append(replace(found, pause=pause.name))
    return shown(rows, "pause", "outcome", "first_day", "last_day", "ratio", "p_value", "p_min", "verdict")


def holidays_without_truce(
    *, outcome: str = VOLUME[0], registry: Registry | None = None, folder: Path | None = None
) -> list[PauseEffect]:
    """Test every holiday outside all windows claimed for reported pauses: were holidays quiet without a truce?

    The null model has no term for holidays here.

    Parameters
    ----------
    outcome : str
        Name in the catalogue of outcomes.
    registry : mapping of Pause, optional
    folder : path, optional
        Folder of tables.

    Returns
    -------
    list of PauseEffect
        One for each holiday since the series became usable, in order of time.
    """
    registry = load_pauses() if registry is None else registry
    series, exclude = outcome_series(outcome, folder=folder), not_ordinary(registry)
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

    def to_frame(self) -> pd.DataFrame:
        """One row."""
        return pd.DataFrame([vars(self)]).drop(columns="label")

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
    counts : Series of counts by day, NaN = no report
    n_days : int
        1 to 13.
    baseline : int
        Last days of the series that serve as reference.
    exclude : sequence of days
        No reference, such as earlier pauses.
    level : float
        Confidence level of the test that looks for the cut.
    label
        As in `estimate_effect`.

    Returns
    -------
    Outlook

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
    if not 1 <= check_length(n_days, "n_days") <= SHORT_WINDOW:
        expected = f"1 to {SHORT_WINDOW}"
        raise DesignError("no outlook for this length", field="n_days", expected=expected, found=str(n_days))
    counts = check_counts(counts).iloc[-check_length(baseline, "baseline") :]
    reference = counts.notna().to_numpy() & ~counts.index.isin([as_day(day, "exclude") for day in exclude])
    if reference.sum() < FEWEST_BASELINE_DAYS:
        expected, found = f"at least {FEWEST_BASELINE_DAYS} days with a count", f"{reference.sum()}"
        remedy = "take a longer series or baseline"
        raise DesignError("too few days to look back on", field="counts", expected=expected, found=found, remedy=remedy)
    X, _ = independent_columns(design_matrix(counts.index, holidays=False), reference)
    values = np.nan_to_num(counts.to_numpy())
    expected, _ = expected_counts(X, values, weights=reference.astype(float))
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
