"""One pause and energy: was it spared, by each measure, and did the other side hold back too?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from analysis.campaigns import BY_DAYS, STEPS, WEEK, draw_rows, estimate_steps, every_day, place_window
from analysis.effect import NATIONAL, PauseEffect, as_markdown
from analysis.estimate import estimate_effect
from analysis.measures import (
    DIGEST_ANY,
    DIGEST_BESIDE,
    DIGEST_RUSSIA,
    MEASURES,
    MODEL,
    SHIPPED,
    WEEKS_AROUND,
    Corners,
    bound_energy,
    coded_by,
    decide_by_bounds,
    energy_days,
    estimate_energy,
    measure_of,
)
from analysis.setting import Findings, Registry, Setting, set_up
from analysis.tables import load_table, outcome_series, outcomes
from analysis.vocabulary import as_extreme
from analysis.windows import ONE_DAY, RECOVERY_SHORT, Day
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

PLACED = ("digest", "raids")  # measures whose readings have gaps: their windows are placed among readings
ROWS = {"digest": {"Ukraine, rear": None, "Ukraine": NATIONAL, "Russia": "Russia"}, "raids": {"raids": None}}
READINGS = {"drones_claimed_by_russia": "left out", "drones_named_by_russia": "counted as none"}
DETAILS = {  # of an energy page, sections that stand only where they have something to say
    "by_claim": "## Whose window?\n\nThe same under each party's window, and on days in dispute: those that another "
    "party counts in before the start (`disputed-start`) or after the end (`disputed-end`).",
    "bounds": "## If the days that cannot be read were known\n\nInvented days, no findings: days not found, silent or "
    "unknown count as `none` or as `hit`. A verdict that this overturns depends on a choice.",
    "said": "## What officials said\n\nClaims of the parties, with their sources: aggregates, made with a motive.",
}
CEILING = "consistent with sparing, not established: a truce itself makes officials say that nothing was hit"


def estimate_reciprocity(
    days: pd.DatetimeIndex,
    *,
    exclude: Sequence[Day] = (),
    announced: Day | None = None,
    level: float = 0.95,
    both_starts: bool = True,
    folder: Path | None = None,
) -> list[PauseEffect]:
    """Test the Ukrainian drones that Russia says it shot down, under every way to read a night without a post.

    The deciding row comes first; where the rows differ, it depends on a choice. `both_starts`: also from the stricter
    start of the series.
    """
    found, options = {}, {"exclude": exclude, "announced": announced, "level": level}
    for name, reading in READINGS.items():
        series, start = outcome_series(name, drop_last=0, folder=folder), outcomes()[name].strict_first_day
        usual = estimate_effect(series, days, **options)
        found[f"if nights without a post are {reading}"] = usual
        first = usual.baseline_first_day
        if both_starts and usual.p_value is not None and first < pd.Timestamp(start).date() < usual.first_day:
            strict = replace(estimate_effect(series, days, first_day=start, **options), stratum=f"from {start}")
            found[f"if they are {reading} and the baseline begins on {start}"] = strict
    rows = list(found.values())
    first = next((row for row in rows if row.observed is not None and row.stratum == NATIONAL), rows[0])
    others = [row for row in rows if row is not first]
    told = {way: row.verdict for way, row in found.items() if row.p_value is not None or row.stratum == NATIONAL}
    if len(set(told.values())) > 1:
        why = ", ".join(f"{verdict} {way}" for way, verdict in told.items())
        first = replace(first, verdict=DEPENDS, reason=f"{why}; {first.reason}")
    return [first, *others]


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
    coders: str

    def select(
        self,
        measure: str,
        stratum: str | None = None,
        *,
        claim: str | None = None,
        window: str = "pause",
        test: str = "shift",
    ) -> PauseEffect:
        """The effect of one measure, in its main place unless another is named."""
        named = MEASURES[measure]
        rows = self.pick(stratum=stratum or named.place, claim=claim, window=window, test=test)
        return next(effect for effect in rows if measure_of(effect) == named)

    def speaking(self) -> list[str]:
        """The measures that can read this pause, the most important one first."""
        return [measure for measure in self.measures if speaks(self.select(measure))]

    def steps(self, measure: str, stratum: str | None = None) -> list[PauseEffect]:
        """Inside against before, and after against inside; none for a pause shorter than two weeks."""
        named = MEASURES[measure]
        rows = [effect for window in STEPS for effect in self.pick(stratum=stratum or named.place, window=window)]
        return [effect for effect in rows if measure_of(effect) == named]

    def headline(self) -> str:
        """Whether energy was spared, in one sentence."""
        phrase, led = self.pause.phrase, next(iter(self.speaking()), None)
        if led is None:
            return f"No measure can tell whether {phrase} spared energy."
        effect, steps, lead = self.select(led), self.steps(led), f"Whether {phrase} spared energy cannot be told"
        if effect.verdict in (FEWER, MORE):
            word, kind = ("less", f", which is {CEILING}") if effect.verdict == FEWER else ("more", "")
            lead = f"Energy was reported hit {word} than usual during {phrase}{kind}"
        elif effect.verdict == NO_CHANGE:
            lead = f"No change in reported hits on energy can be seen during {phrase}"
        seen = _seen(effect)
        if led == "digest":
            seen = f"a daily list of key events names a hit on energy in the rear on {_days_read(effect)}"
        sides = f", after {_count(steps[0], 'baseline')} before and {_count(steps[1])} after it" if steps else ""
        alike, side = as_extreme(effect.row()), "high" if effect.observed > effect.expected else "low"
        rare = f"{alike} of {effect.n_placebo} other spells are as {side}"
        sure = [f"p = {effect.p_value:.2g}" if alike is None else rare, self._coders(led)]
        usual = f"where {effect.expected:.1f} would be usual{sides}"
        return f"{lead}: {seen}, {usual} ({'; '.join(filter(None, sure))})."

    def summary(self) -> str:
        """Whether energy was spared, on both sides, then each measure that can speak, and the rest (Markdown)."""
        parts = [f"**{self.headline()}**", self.mutual(), *(self.say(measure) for measure in self.speaking())]
        mute = [MEASURES[measure].title for measure in self.measures if measure not in self.speaking()]
        weeks = week_by_week(self.weeks) if "declared" in self.measures else ""
        cannot = f"Cannot read the days of this pause: {listed(mute)}." if mute else ""
        return "\n\n".join(filter(None, [*parts, weeks, cannot]))

    def say(self, measure: str) -> str:
        """What one measure found, how sure it is, and what it misses (Markdown)."""
        effect = self.select(measure)
        told = [f"**{capital(MEASURES[measure].title)}.** {found(effect)}", step_found(self.steps(measure))]
        if measure == "raids" and (days := self.select(measure, test=BY_DAYS)).p_value is not None:
            among = f"Among windows of {days_text(days.n_days)} with a raid in them"
            told.append(f"{among} p = {days.p_value:.2g}: {days.reason}.")
        told.append(f"({capital(coded)}.)" if (coded := self._coders(measure)) else "")
        return " ".join(filter(None, told))

    def _coders(self, measure: str) -> str:
        """Who coded what a measure rests on; nothing where nobody did."""
        return self.coders if measure == "coded" else MODEL if measure in PLACED else ""

    def table(self) -> pd.DataFrame:
        """Each measure that can read the pause: what was seen, what is usual, what it could have shown, how sure."""
        heard = [MEASURES[measure] for measure in self.speaking()]
        own = [effect for effect in self._main() if effect.p_value is not None and measure_of(effect) in heard]
        asked = [("pause", "shift"), *((window, "step") for window in STEPS)]
        return readings_table([e for key in asked for e in own if (e.claim, e.window, e.test) == (self.claim, *key)])

    def by_claim(self) -> pd.DataFrame:
        """The main series under each party's window, and on the days in dispute; what cannot be read is left out."""
        rows = [effect for effect in self._main() if effect.test == "shift" and effect.observed is not None]
        keys = {name: [getattr(effect, name) for effect in rows] for name in ("claim", "window")}
        keys |= {"days": [_span(e) for e in rows], "read": [f"{e.n_days - e.n_missing} of {e.n_days}" for e in rows]}
        return readings_table(rows, keys).drop(columns="could have shown")

    def _main(self) -> list[PauseEffect]:
        main = {(measure.outcome, measure.place) for measure in MEASURES.values()} | DIGEST_BESIDE
        return [effect for effect in self.effects if (effect.outcome, effect.stratum) in main]

    def bounds(self) -> pd.DataFrame:
        """The main series if the open days, inside and outside, were all without a hit or all with one: no findings."""
        corners = [(*ways, e) for own in self.corners.values() for ways, e in own.items() if e.p_value is not None]
        inside, outside, rows = zip(*corners, strict=True) if corners else ((), (), ())
        ways = {"open days inside": inside, "open days outside": outside}
        return readings_table(rows, ways).drop(columns=["could have shown", "how sure"])

    def details(self) -> str:
        """Whose window, what if the open days were known, and what officials said, where there is any (Markdown)."""
        tables = {"by_claim": self.by_claim(), "bounds": self.bounds()}
        shown = {name: as_markdown(table) for name, table in tables.items() if len(table)}
        return "\n\n".join(f"{DETAILS[name]}\n\n{text}" for name, text in (shown | {"said": self.said()}).items())

    def reciprocity(self) -> PauseEffect:
        """The deciding effect on Ukrainian drones that Russia says it shot down."""
        return next(effect for effect in self.pick() if effect.outcome in READINGS)

    def mutual(self) -> str:
        """Whether the other side held back: by the daily list where it reads the pause, else by Russia's count."""
        if "digest" in self.speaking():
            effect, claimed = self.select("digest", "Russia"), self.claimed
            less, more, same = "Less was hit than usual", "More was hit than usual", "No change can be seen"
            lead = {FEWER: less, MORE: more, NO_CHANGE: same}.get(effect.verdict, "That cannot be told")
            told = (
                f"**Did Ukraine spare Russian energy?** {lead}: a daily list of key events names a Ukrainian hit, "
                f"other than by Moscow's word, on {_days_read(effect)}, "
                f"where {effect.expected:.1f} would be usual ({chance(effect)}; {effect.reason})."
            )
            claims = (
                f"Moscow named {amount(claimed.sum())} such attacks on {len(claimed)} of these days; Kyiv has its own "
                "count: claims of parties, each counted its own way, of which no ratio means anything."
            )
            steps = step_found(self.steps("digest", "Russia"))
            return " ".join(filter(None, [told, steps, claims if len(claimed) else "", f"({capital(MODEL)}.)"]))
        quiet = " A night without a post may be one without drones, or a gap." * (self.reciprocity().verdict == DEPENDS)
        return f"{finding(self.reciprocity())}{quiet} The count is Russia's own and says nothing about targets."

    def plot(self, ax: Any = None) -> Any:
        """Draw the days of the first measure that can speak; of the daily list, both sides."""
        from analysis.figures import draw_series, draw_words

        led = next(iter(self.speaking()), None)
        if led is None:
            return draw_words("no measure can read this pause", ax=ax)
        if led in PLACED:
            days, margin, marks = self.pause.days(self.claim), 7 * WEEKS_AROUND * ONE_DAY, []
            for words, place in ROWS[led].items():
                read = self.select(led, place).daily.dropna(subset=["observed"])
                near = read[read["day"].between(days[0] - margin, days[-1] + margin)]
                marks.append(near.assign(row=words, hit=near["observed"] > 0))
            span = pd.DataFrame({"first_day": days[:1], "last_day": days[-1:]})
            return draw_rows(pd.concat(marks), span, rows=list(ROWS[led]), title=capital(MEASURES[led].title), ax=ax)
        ax = draw_series(self.select(led).daily, label=MEASURES[led].short, title=capital(MEASURES[led].title), ax=ax)
        ax.set_xlabel("strike day" if led == "coded" else "day of the report")
        return ax


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
        Keys of `MEASURES`, the most important one first.

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
    windows, shared = list(_windows(setting)), {"exclude": setting.exclude, "level": level}
    paused = sorted(setting.busy | set(every_day(setting.pause)))
    effects, corners = [], {}
    for measure in measures:
        frames = energy_days(measure, folder=folder)
        main = MEASURES[measure].place
        for ((outcome, place), frame), (party, window, days, announced) in product(frames.items(), windows):
            if window != "pause" and place != main:
                continue
            options, key = shared | {"announced": announced}, {"claim": party, "window": window, "stratum": place}
            asked = party == setting.claim and place == main
            if measure in PLACED:
                near = pd.date_range(announced or days[0], days[-1] + RECOVERY_SHORT * ONE_DAY)
                shut = shared | {"exclude": setting.exclude.union(near)}
                effect = place_window(frame, days, outcome, **shut)
                if measure == "raids" and window == "pause":
                    effects.append(setting.keyed(place_window(frame, days, outcome, by_days=True, **shut), **key))
            else:
                effect = estimate_energy(frame, days, outcome, **options)
                if asked or effect.verdict != NOT_TESTABLE:
                    ways = bound_energy(frame, days, outcome, **options)
                    effect = decide_by_bounds(effect, ways)
            if asked and measure not in PLACED:
                corners[measure] = ways
                beside = estimate_energy(frame, days, outcome, same_weekday=True, **options)
                companion = replace(beside, reason=f"companion, not deciding; {beside.reason}")
                effects.append(setting.keyed(companion, **key))
            effects.append(setting.keyed(effect, **key))
            if window == "pause" and len(days) >= 2 * WEEK and (place == main or measure in PLACED):
                steps = estimate_steps(frame, days, outcome, exclude=paused, announced=announced, level=level)
                effects += [setting.keyed(step, claim=party, stratum=place) for step in steps]
    for party, window, days, announced in windows:
        if window == "pause":
            own = party == setting.claim
            rows = estimate_reciprocity(days, announced=announced, both_starts=own, folder=folder, **shared)
            effects += [setting.keyed(row, claim=party) for row in rows]
    claimed = load_table("energy_digest", folder=folder).set_index("day")["mod_claims"].dropna()
    return EnergyAssessment(
        setting.pause,
        setting.claim,
        tuple(effects),
        measures=tuple(measures),
        corners=corners,
        weeks=_weeks(load_table("energy_declared", folder=folder), [day for _, _, days, _ in windows for day in days]),
        claimed=claimed[claimed.index.isin(setting.pause.days(setting.claim))],
        coders=coded_by(folder=folder),
    )


def _windows(setting: Setting) -> Iterator[tuple[str, str, pd.DatetimeIndex, Day | None]]:
    """Claim, name, days and announcement of every window, the chosen claim's first; then what others count in."""
    pause, own = setting.pause, setting.pause.days(setting.claim)
    for claim in setting.claims:
        days = pause.days(claim)
        yield claim, "pause", days, pause.first_announced_day(claim)
        for name, excess in (("disputed-start", days[days < own[0]]), ("disputed-end", days[days > own[-1]])):
            if len(excess):
                yield claim, name, excess, None


def _weeks(declared: pd.DataFrame, days: Sequence[pd.Timestamp]) -> pd.DataFrame:
    """Weekly declarations around a pause by the widest of its windows."""
    first, last, margin = min(days), max(days), 7 * WEEKS_AROUND * ONE_DAY
    weeks = declared[declared["period"] == "week"]
    weeks = weeks[(weeks["last_day"] >= first - margin) & (weeks["first_day"] <= last + margin)]
    when = np.select([weeks["last_day"] < first, weeks["first_day"] > last], ["before", "after"], "during")
    named, ends = weeks["target_class"].str.replace("_", " "), weeks["last_day"].dt.strftime("%Y-%m-%d")
    return pd.DataFrame({"pause": when, "named first": named}).set_axis(ends.rename("week to"))


def _span(effect: PauseEffect) -> str:
    return "–".join(dict.fromkeys(f"{day.day}\u00a0{day:%b}" for day in (effect.first_day, effect.last_day)))


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
    why = f": {effect.reason.split('; ')[0]}" if effect.verdict in (NOT_TESTABLE, DEPENDS) else ""
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
    before = read["pause"] == "before"
    last = pd.Timestamp(read.index[energy & before][-1])
    until = f"{told} The last such week before it ended on {last.day} {last:%B %Y}"
    if read.index[energy & before][-1] != read.index[before][-1]:
        return f"{until}, so that energy had left first place before."
    gone = f"; energy did not return within {WEEKS_AROUND} weeks after the end: a step, not a pause"
    return f"{until}{gone * (not counted.loc[['during', 'after'], 'sum'].any())}."


def _seen(effect: PauseEffect) -> str:
    measure = measure_of(effect)
    return f"{amount(effect.observed)} {measure.one if effect.observed == 1 else measure.many}"


def _count(effect: PauseEffect, role: str = "window") -> str:
    """Hits and readings of one side: "3 of 19"; of an effect of the record, which has no days, the hits alone."""
    if effect.daily.empty:
        return amount(effect.observed)
    days = effect.daily[effect.daily["role"] == role].dropna(subset=["observed"])
    return f"{amount(days['observed'].sum())} of {amount(days['trials'].sum())}"


def _days_read(effect: PauseEffect) -> str:
    """Hits and readings where these are days: "0 of 1 day read"."""
    count = _count(effect)
    return f"{count} day{'s' * (not count.endswith(' 1'))} read"


def step_found(steps: Sequence[PauseEffect]) -> str:
    """What was there before and after, and whether a fall came back when the pause ended: else it is no pause."""
    if not steps:
        return ""
    before, after = steps
    if before.p_value is None:
        return f"Before and after cannot be compared: {before.reason}."
    told = f"Step test: {_count(before)} inside; before it {_count(before, 'baseline')}{_change(before)}"
    return f"{told}; after it {_count(after)}{_change(after)}: {_shape(before, after)}."


def _change(effect: PauseEffect) -> str:
    """By how many percentage points the later side of a step differs, with its interval, and the p-value."""
    if effect.p_value is None:
        return ""
    days = effect.daily.loc[(effect.daily["role"] == "window") & effect.daily["observed"].notna(), "trials"]
    change, half = effect.observed - effect.expected, effect.expected_high - effect.expected
    points = [f"{100 * value / days.sum():+.0f}" for value in (change, change - half, change + half)]
    most, low, high = points
    return f" ({most} points, {effect.level:.0%} interval {low} to {high}; p = {effect.p_value:.2g})"


def _shape(before: PauseEffect, after: PauseEffect) -> str:
    if before.verdict == FEWER and after.verdict == MORE:
        return "a fall that came back at the end, as that of a pause must"
    if before.verdict == FEWER:
        return "a fall that is not seen to come back at the end: a step, not a pause"
    if before.verdict == MORE:
        return "a rise at the start"
    down = before.ratio is not None and before.ratio < 1 and after.ratio is not None and after.ratio <= 1
    return f"{'down, and not up again at the end; ' * down}no step that could be told from chance"


def readings_table(effects: Sequence[PauseEffect], first: Mapping[str, Sequence[str]] | None = None) -> pd.DataFrame:
    """A row a reading, after the columns given: what was seen, is usual, could have been shown, and how sure it is."""
    places = {DIGEST_ANY: ", anywhere", DIGEST_RUSSIA: ", Russian energy"}
    sides = {"step-before": ": against before", "step-after": ": after against inside"}
    rows = {
        "seen": [_count(effect) for effect in effects],
        "usual": ["–" if effect.expected is None else f"{effect.expected:.1f}" for effect in effects],
        "could have shown": [_power_in_brief(effect) for effect in effects],
        "how sure": [e.verdict if e.p_value is None else f"{e.verdict} (p = {e.p_value:.2g})" for e in effects],
    }
    names = [measure_of(e).title + places.get(e.outcome, "") + sides.get(e.window, "") for e in effects]
    return pd.DataFrame(dict(first or {}) | rows, index=pd.Index(names, name="measure"))


def _power_in_brief(effect: PauseEffect) -> str:
    if not effect.testable:
        return "nothing: " + effect.reason.split("; ")[-1 if effect.test == "step" else 0]
    return "none at all" if effect.smallest_visible_cut is None else f"a cut of {effect.smallest_visible_cut:.0%}"
