"""One pause and energy: was it spared, by each measure, and did the other side hold back too?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from analysis.campaigns import (
    BY_DAYS,
    STEPS,
    WEEK,
    draw_rows,
    estimate_steps,
    every_day,
    hits_among,
    place_window,
    step_found,
)
from analysis.effect import NATIONAL, PauseEffect, as_markdown, companion
from analysis.estimate import estimate_effect, with_week_after
from analysis.measures import (
    MODEL,
    PLACED,
    SHIPPED,
    Corners,
    bound_energy,
    coded_by,
    decide_by_bounds,
    energy_days,
    estimate_energy,
    load_measures,
    measure_of,
)
from analysis.setting import Findings, Registry, Setting, set_up
from analysis.tables import load_table, outcome_series, outcomes
from analysis.vocabulary import as_extreme
from analysis.windows import ONE_DAY, Day
from analysis.words import (
    DEPENDS,
    FEWER,
    MORE,
    NO_CHANGE,
    NOT_TESTABLE,
    amount,
    capital,
    days_phrase,
    days_text,
    finding,
    listed,
)

ROWS = {"digest": {"Ukraine, rear": None, "Ukraine": NATIONAL, "Russia": "Russia"}, "raids": {"raids": None}}
READINGS = {"drones_claimed_by_russia": "left out", "drones_named_by_russia": "counted as none"}
WEEKS_AROUND = 10  # on either side of a pause
NEAR = 7 * WEEKS_AROUND * ONE_DAY
DETAILS = {  # of an energy page, sections that stand only where they have something to say
    "by_claim": "## Whose window?\n\nThe same under each party's window, and on days in dispute: those that another "
    "party counts in before the start (`disputed-start`) or after the end (`disputed-end`).",
    "bounds": "## If the days that cannot be read were known\n\nInvented days, no findings: days not found, silent or "
    "unknown count as `none` or as `hit`. A verdict that this overturns depends on a choice.",
    "said": "## What officials said\n\nClaims of the parties, with their sources: aggregates, made with a motive.",
}
CEILING = "consistent with sparing, not established: a truce itself makes officials say that nothing was hit"


@dataclass(frozen=True, repr=False)
class EnergyAssessment(Findings):
    """What the measures say about energy in one pause, and whether the other side held back.

    `effects` are energy by measure, place and claim, then the Ukrainian drones that Russia says it shot down; `corners`
    has the bounds of each measure's main series; `weeks` are the declarations week by week; `claimed` has the attacks
    on Russian energy that only the Russian ministry names, by day.
    """

    measures: tuple[str, ...]
    corners: dict[str, Corners]
    weeks: pd.DataFrame
    claimed: pd.Series
    coders: dict[str, str]

    def rows(
        self, measure: str, stratum: str | None = None, *, claim: str | None = None, window: str, test: str
    ) -> list[PauseEffect]:
        """The effects of one measure, in its main place unless another is named."""
        known = load_measures()[measure]
        rows = self.pick(stratum=stratum or known.place, claim=claim, window=window, test=test)
        return [effect for effect in rows if measure_of(effect) == known]

    def select(self, measure: str, stratum: str | None = None, *, test: str = "shift") -> PauseEffect:
        """The effect of one measure on the whole pause, of the claim in question."""
        return self.rows(measure, stratum, window="pause", test=test)[0]

    def speaking(self) -> list[str]:
        """The measures that can read this pause, the most important one first."""
        return [measure for measure in self.measures if speaks(self.select(measure))]

    def steps(self, measure: str, stratum: str | None = None) -> list[PauseEffect]:
        """Inside against before, and after against inside; none for a pause shorter than two weeks."""
        return [effect for window in STEPS for effect in self.rows(measure, stratum, window=window, test="step")]

    def headline(self) -> str:
        """Whether energy was spared, in one sentence."""
        phrase, led = self.pause.phrase, next(iter(self.speaking()), None)
        if led is None:
            return f"No measure can tell whether {phrase} spared energy."
        effect, steps = self.select(led), self.steps(led)
        lead = {
            FEWER: f"Energy was reported hit less than usual during {phrase}, which is {CEILING}",
            MORE: f"Energy was reported hit more than usual during {phrase}",
            NO_CHANGE: f"No change in reported hits on energy can be seen during {phrase}",
        }.get(effect.verdict, f"Whether {phrase} spared energy cannot be told")
        seen = _seen(effect)
        if led == "digest":
            seen = f"a daily list of key events names a hit on energy in the rear on {_days_read(effect)}"
        sides = (
            f", after {hits_among(steps[0], 'baseline')} before and {hits_among(steps[1])} after it" if steps else ""
        )
        alike, side = as_extreme(effect.row()), "high" if effect.observed > effect.expected else "low"
        sure = f"{alike} of {effect.n_placebo} other spells are as {side}"
        if alike is None:
            sure = f"p = {effect.p_value:.2g}"
        sure = "; ".join(filter(None, [sure, self.coders[led]]))
        return f"{lead}: {seen}, where {effect.expected:.1f} would be usual{sides} ({sure})."

    def summary(self) -> str:
        """Whether energy was spared, on both sides, then each measure that can speak, and the rest (Markdown)."""
        parts = [f"**{self.headline()}**", self.mutual(), *(self.say(measure) for measure in self.speaking())]
        mute = [load_measures()[measure].title for measure in self.measures if measure not in self.speaking()]
        weeks = week_by_week(self.weeks) if "declared" in self.measures else ""
        cannot = f"Cannot read the days of this pause: {listed(mute)}." if mute else ""
        return "\n\n".join(filter(None, [*parts, weeks, cannot]))

    def say(self, measure: str) -> str:
        """What one measure found, how sure it is, and what it misses (Markdown)."""
        effect = self.select(measure)
        told = [f"**{capital(load_measures()[measure].title)}.** {found(effect)}", step_found(self.steps(measure))]
        if measure == "raids" and (days := self.select(measure, test=BY_DAYS)).p_value is not None:
            among = f"Among windows of {days_text(days.n_days)} with a raid in them"
            told.append(f"{among} p = {days.p_value:.2g}: {days.reason}.")
        if self.coders[measure]:
            told.append(f"({capital(self.coders[measure])}.)")
        return " ".join(filter(None, told))

    def table(self) -> pd.DataFrame:
        """Each measure that can read the pause: what was seen, what is usual, what it could have shown, how sure."""
        heard = [load_measures()[measure] for measure in self.speaking()]
        read = [e for e in self._main() if e.claim == self.claim and e.p_value is not None and measure_of(e) in heard]
        asked = [("pause", "shift"), *((window, "step") for window in STEPS)]
        return readings_table([effect for key in asked for effect in read if (effect.window, effect.test) == key])

    def by_claim(self) -> pd.DataFrame:
        """The main series under each party's window, and on the days in dispute; what cannot be read is left out."""
        rows = [effect for effect in self._main() if effect.test == "shift" and effect.observed is not None]
        keys = {
            "claim": [effect.claim for effect in rows],
            "window": [effect.window for effect in rows],
            "days": ["–".join(dict.fromkeys(f"{d.day}\u00a0{d:%b}" for d in (e.first_day, e.last_day))) for e in rows],
            "read": [f"{effect.n_days - effect.n_missing} of {effect.n_days}" for effect in rows],
        }
        return readings_table(rows, keys).drop(columns="could have shown")

    def _main(self) -> list[PauseEffect]:
        known = [(effect, measure_of(effect)) for effect in self.effects]
        return [e for e, measure in known if measure and e.stratum in (measure.place, *measure.beside)]

    def bounds(self) -> pd.DataFrame:
        """The main series if the open days, inside and outside, were all without a hit or all with one: no findings."""
        corners = [corner for own in self.corners.values() for corner in own.items()]
        corners = [(ways, effect) for ways, effect in corners if effect.p_value is not None]
        keys = {
            "open days inside": [inside for (inside, _), _ in corners],
            "open days outside": [outside for (_, outside), _ in corners],
        }
        return readings_table([effect for _, effect in corners], keys).drop(columns=["could have shown", "how sure"])

    def details(self) -> str:
        """Whose window, what if the open days were known, and what officials said, where there is any (Markdown)."""
        tables = {"by_claim": self.by_claim(), "bounds": self.bounds()}
        shown = {name: as_markdown(table) for name, table in tables.items() if len(table)}
        return "\n\n".join(f"{DETAILS[name]}\n\n{text}" for name, text in (shown | {"said": self.said()}).items())

    def mutual(self) -> str:
        """Whether the other side held back: by the daily list where it reads the pause, else by Russia's count."""
        if "digest" not in self.speaking():
            effect = next(effect for effect in self.pick() if effect.outcome in READINGS)
            quiet = "A night without a post may be one without drones, or a gap." if effect.verdict == DEPENDS else ""
            source = "The count is Russia's own and says nothing about targets."
            return " ".join(filter(None, [finding(effect), quiet, source]))
        effect = self.select("digest", "Russia")
        lead = {
            FEWER: "Less was hit than usual",
            MORE: "More was hit than usual",
            NO_CHANGE: "No change can be seen",
        }.get(effect.verdict, "That cannot be told")
        told = [
            f"**Did Ukraine spare Russian energy?** {lead}: a daily list of key events names a Ukrainian hit, "
            f"other than by Moscow's word, on {_days_read(effect)}, "
            f"where {effect.expected:.1f} would be usual ({chance(effect)}; {effect.reason}).",
            step_found(self.steps("digest", "Russia")),
        ]
        if len(self.claimed):
            told.append(
                f"Moscow named {amount(self.claimed.sum())} such attacks on {len(self.claimed)} of these days; Kyiv "
                "has its own count: claims of parties, each counted its own way, of which no ratio means anything."
            )
        return " ".join(filter(None, [*told, f"({capital(MODEL)}.)"]))

    def plot(self, ax: Any = None) -> Any:
        """Draw the days of the first measure that can speak; of the daily list, both sides."""
        from analysis.figures import draw_series, draw_words

        led = next(iter(self.speaking()), None)
        if led is None:
            return draw_words("no measure can read this pause", ax=ax)
        measure = load_measures()[led]
        if led not in PLACED:
            ax = draw_series(self.select(led).daily, label=measure.short, title=capital(measure.title), ax=ax)
            ax.set_xlabel("strike day" if led == "coded" else "day of the report")
            return ax
        days, marks = self.pause.days(self.claim), []
        for words, place in ROWS[led].items():
            read = self.select(led, place).daily.dropna(subset=["observed"])
            read = read[read["day"].between(days[0] - NEAR, days[-1] + NEAR)]
            marks.append(read.assign(row=words, hit=read["observed"] > 0))
        span = pd.DataFrame({"first_day": days[:1], "last_day": days[-1:]})
        return draw_rows(pd.concat(marks), span, rows=list(ROWS[led]), title=capital(measure.title), ax=ax)


def assess_energy(
    pause_id: str,
    *,
    claim: str = "main",
    measures: Sequence[str] = SHIPPED,
    level: float = 0.95,
    registry: Registry | None = None,
    folder: Path | None = None,
) -> EnergyAssessment:
    """Ask whether energy was spared during one announced pause, and whether the other side held back.

    Parameters
    ----------
    pause_id, claim, level, registry, folder
        As in `assess`.
    measures : sequence of str
        Names of measures, the most important one first.

    Returns
    -------
    EnergyAssessment
        Rows for every claim that states a window (window "pause"), and for the days that another party counts in
        before the claim's start or after its end ("disputed-start", "disputed-end"; main place only).

    Raises
    ------
    RegistryError, DataError
        As `assess`.
    DesignError
        Unknown measure.

    Examples
    --------
    >>> found = assess_energy("cold-week-pause-2026-01", measures=["coded"])
    >>> found.select("coded").verdict, found.select("coded").n_missing
    ('not testable', 0)
    """
    setting = set_up(pause_id, claim=claim, level=level, registry=registry, folder=folder)
    windows = list(_windows(setting))
    effects, corners = [], {}
    for measure in measures:
        frames = energy_days(measure, folder=folder)
        main = load_measures()[measure].place
        for (outcome, place), frame in frames.items():
            for window in windows if place == main else [window for window in windows if window.name == "pause"]:
                asked = window.claim == setting.claim and place == main
                if measure in PLACED:
                    rows = _placed(setting, frame, outcome, window, by_days=measure == "raids")
                else:
                    rows, ways = _compared(setting, frame, outcome, window, asked=asked)
                    if asked:
                        corners[measure] = ways
                key = {"claim": window.claim, "stratum": place}
                effects += [setting.keyed(row, window=window.name, **key) for row in rows]
                if place == main or measure in PLACED:
                    effects += [setting.keyed(step, **key) for step in _steps(setting, frame, outcome, window)]
    for window in windows:
        if window.name == "pause":
            effects += [setting.keyed(row, claim=window.claim) for row in _reciprocity(setting, window)]
    claimed = load_table("energy_digest", folder=folder).set_index("day")["mod_claims"].dropna()
    return EnergyAssessment(
        setting.pause,
        setting.claim,
        tuple(effects),
        measures=tuple(measures),
        corners=corners,
        weeks=_weeks(load_table("energy_declared", folder=folder), windows),
        claimed=claimed[claimed.index.isin(setting.pause.days(setting.claim))],
        coders={measure: coded_by(measure, folder=folder) for measure in measures},
    )


@dataclass(frozen=True)
class _Window:
    """Days that a party counts in: all of them ("pause"), or those in dispute, which nobody announced."""

    claim: str
    name: str
    days: pd.DatetimeIndex
    announced: Day | None = None


def _windows(setting: Setting) -> Iterator[_Window]:
    """Of every claim, the chosen one first; after each the days that only it counts in."""
    pause, own = setting.pause, setting.pause.days(setting.claim)
    for claim in setting.claims:
        days = pause.days(claim)
        yield _Window(claim, "pause", days, pause.first_announced_day(claim))
        disputed = {"disputed-start": days[days < own[0]], "disputed-end": days[days > own[-1]]}
        yield from (_Window(claim, name, excess) for name, excess in disputed.items() if len(excess))


def _placed(
    setting: Setting, frame: pd.DataFrame, outcome: str, window: _Window, *, by_days: bool
) -> list[PauseEffect]:
    """The window among others of as many readings; `by_days`: of the whole pause also among those of as many days."""
    near = with_week_after(window.days).union(pd.date_range(window.announced or window.days[0], window.days[0]))
    ways = [True, False] if by_days and window.name == "pause" else [False]
    options = {"exclude": setting.exclude.union(near), "level": setting.level}
    return [place_window(frame, window.days, outcome, by_days=way, **options) for way in ways]


def _compared(
    setting: Setting, frame: pd.DataFrame, outcome: str, window: _Window, *, asked: bool
) -> tuple[list[PauseEffect], Corners]:
    """The window among others around it, and what open days could change; where `asked`, also by the same weekday."""
    options = {"exclude": setting.exclude, "announced": window.announced, "level": setting.level}
    effect, corners = estimate_energy(frame, window.days, outcome, **options), {}
    if asked or effect.verdict != NOT_TESTABLE:
        corners = bound_energy(frame, window.days, outcome, **options)
        effect = decide_by_bounds(effect, corners)
    if not asked:
        return [effect], corners
    beside = estimate_energy(frame, window.days, outcome, same_weekday=True, **options)
    return [companion(beside), effect], corners


def _steps(setting: Setting, frame: pd.DataFrame, outcome: str, window: _Window) -> Sequence[PauseEffect]:
    """None for days in dispute and for less than two weeks."""
    if window.name != "pause" or len(window.days) < 2 * WEEK:
        return ()
    paused = sorted(setting.busy | set(every_day(setting.pause)))
    options = {"exclude": paused, "announced": window.announced, "level": setting.level}
    return estimate_steps(frame, window.days, outcome, **options)


def _reciprocity(setting: Setting, window: _Window) -> list[PauseEffect]:
    """The Ukrainian drones that Russia says it shot down, under every way to read a night without a post.

    The claim in question also from the stricter start of the series. The deciding row comes first; where the rows
    differ, it depends on a choice.
    """
    options = {"exclude": setting.exclude, "announced": window.announced, "level": setting.level}
    found = {}
    for name, reading in READINGS.items():
        series = outcome_series(name, drop_last=0, folder=setting.folder)
        start = outcomes()[name].strict_first_day
        usual = estimate_effect(series, window.days, **options)
        found[f"if nights without a post are {reading}"] = usual
        if window.claim != setting.claim or usual.p_value is None:
            continue
        if usual.baseline_first_day < pd.Timestamp(start).date() < usual.first_day:
            strict = estimate_effect(series, window.days, first_day=start, **options)
            way = f"if they are {reading} and the baseline begins on {start}"
            found[way] = replace(strict, stratum=f"from {start}")
    rows = list(found.values())
    first = next((row for row in rows if row.observed is not None and row.stratum == NATIONAL), rows[0])
    told = {way: row.verdict for way, row in found.items() if row.p_value is not None or row.stratum == NATIONAL}
    deciding = first
    if len(set(told.values())) > 1:
        why = ", ".join(f"{verdict} {way}" for way, verdict in told.items())
        deciding = replace(first, verdict=DEPENDS, reason=f"{why}; {first.reason}")
    return [deciding, *(row for row in rows if row is not first)]


def _weeks(declared: pd.DataFrame, windows: Sequence[_Window]) -> pd.DataFrame:
    """Weekly declarations around a pause by the widest of its windows."""
    first, last = min(window.days[0] for window in windows), max(window.days[-1] for window in windows)
    weeks = declared[declared["period"] == "week"]
    weeks = weeks[(weeks["last_day"] >= first - NEAR) & (weeks["first_day"] <= last + NEAR)]
    when = np.select([weeks["last_day"] < first, weeks["first_day"] > last], ["before", "after"], "during")
    named, ends = weeks["target_class"].str.replace("_", " "), weeks["last_day"].dt.strftime("%Y-%m-%d")
    return pd.DataFrame({"pause": when, "named first": named}).set_axis(ends.rename("week to"))


def speaks(effect: PauseEffect) -> bool:
    """Whether a measure says anything of a pause: it reads at least half of the days, and has others to compare."""
    return effect.ratio is not None and 2 * effect.n_missing <= effect.n_days


def found(effect: PauseEffect) -> str:
    """One finding in words: what was seen, what is usual, the verdict and how sure it is."""
    measure, when = measure_of(effect), days_phrase(replace(effect, n_missing=0))
    if effect.observed is None:
        return f"Cannot speak about the time {when}: {measure.blind}."
    gaps = f" ({effect.n_missing} of these {effect.n_days} days cannot be read)" if effect.n_missing else ""
    seen = f"{_seen(effect)} {when}{gaps}"
    if effect.p_value is None:
        return f"{seen}. Not testable: {effect.reason}."
    ending = {FEWER: f"; {CEILING}", NO_CHANGE: f"; {_power_in_brief(effect)} would have shown"}.get(effect.verdict, "")
    why = f": {effect.why}" if effect.verdict in (NOT_TESTABLE, DEPENDS) else ""
    told = f"{capital(effect.verdict)}{why} ({chance(effect)}){ending}"
    return f"{seen}, where {effect.expected:.1f} would be usual. {told}."


def chance(effect: PauseEffect) -> str:
    """The p-value, and what it would be had nothing been hit."""
    return f"p = {effect.p_value:.2g}, at best {effect.p_min:.2g}"


def week_by_week(weeks: pd.DataFrame) -> str:
    """What Russia named first before, during and after a pause; nothing where energy was not named before it."""
    read = weeks[weeks["named first"] != "unknown"]
    energy = read["named first"] == "energy"
    counted = energy.groupby(read["pause"]).agg(["sum", "size"]).reindex(["before", "during", "after"], fill_value=0)
    if not counted.loc["before", "sum"]:
        return ""
    counts = "{} of {} readable weeks before the pause, {} of {} during it, {} of {} after it"
    told = f"**Russian declarations.** By week, energy was named first in {counts.format(*counted.to_numpy().ravel())}."
    before = energy[read["pause"] == "before"]
    last = before.index[before][-1]
    day = pd.Timestamp(last)
    until = f"{told} The last such week before it ended on {day.day} {day:%B %Y}"
    if last != before.index[-1]:
        return f"{until}, so that energy had left first place before."
    if counted.loc[["during", "after"], "sum"].any():
        return f"{until}."
    return f"{until}; energy did not return within {WEEKS_AROUND} weeks after the end: a step, not a pause."


def _seen(effect: PauseEffect) -> str:
    measure = measure_of(effect)
    return f"{amount(effect.observed)} {measure.one if effect.observed == 1 else measure.many}"


def _days_read(effect: PauseEffect) -> str:
    """Hits and readings where these are days: "0 of 1 day read"."""
    count = hits_among(effect)
    return f"{count} {'day' if count.endswith(' 1') else 'days'} read"


def readings_table(effects: Sequence[PauseEffect], first: Mapping[str, Sequence[str]] | None = None) -> pd.DataFrame:
    """A row a reading, after the columns given: what was seen, is usual, could have been shown, and how sure it is."""
    sides = {"step-before": ": against before", "step-after": ": after against inside"}
    rows = {
        "seen": [hits_among(effect) for effect in effects],
        "usual": ["–" if effect.expected is None else f"{effect.expected:.1f}" for effect in effects],
        "could have shown": [_power_in_brief(effect) for effect in effects],
        "how sure": [e.verdict if e.p_value is None else f"{e.verdict} (p = {e.p_value:.2g})" for e in effects],
    }
    names = []
    for effect in effects:
        measure = measure_of(effect)
        names.append(measure.title + measure.beside.get(effect.stratum, "") + sides.get(effect.window, ""))
    return pd.DataFrame(dict(first or {}) | rows, index=pd.Index(names, name="measure"))


def _power_in_brief(effect: PauseEffect) -> str:
    if not effect.testable:
        return "nothing: " + (effect.reason.split("; ")[-1] if effect.test == "step" else effect.why)
    return "none at all" if effect.smallest_visible_cut is None else f"a cut of {effect.smallest_visible_cut:.0%}"
