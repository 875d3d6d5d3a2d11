"""Sentences on energy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pandas as pd

from analysis.effect import PauseEffect
from analysis.measures import DIGEST_ANY, DIGEST_RUSSIA, MEASURES, MODEL, WEEKS_AROUND, measure_of
from analysis.vocabulary import as_extreme
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
    listed,
)

WITNESSES = (
    "The measures are no independent witnesses: reports and articles come from the same outlets, which repeat the "
    "same statements of officials, and what Russia declares comes from a party to the pause."
)
DETAILS = {  # of an energy page, sections that stand only where they have something to say
    "by_claim": "## Whose window?\n\nThe same under each party's window, and on days in dispute: those that another "
    "party counts in before the start (`disputed-start`) or after the end (`disputed-end`).",
    "bounds": "## If the days that cannot be read were known\n\nInvented days, no findings: days not found, silent or "
    "unknown count as `none` or as `hit`. A verdict that this overturns depends on a choice.",
    "said": "## What officials said\n\nClaims of the parties, with their sources: aggregates, made with a motive.",
}
CEILING = "consistent with sparing, not established: a truce itself makes officials say that nothing was hit"


def speaks(effect: PauseEffect) -> bool:
    """Whether a measure says anything of a pause: it reads at least half of the days, and has others to compare."""
    return effect.ratio is not None and 2 * effect.n_missing <= effect.n_days


def found(effect: PauseEffect) -> str:
    """One finding in words: what was seen, what is usual, the verdict and how sure it is."""
    measure, when = measure_of(effect), days_phrase(replace(effect, n_missing=0))
    if effect.observed is None:
        return f"Cannot speak about the time {when}: {measure.blind}."
    noun = measure.one if effect.observed == 1 else measure.many
    gaps = f" ({effect.n_missing} of these {effect.n_days} days cannot be read)" if effect.n_missing else ""
    seen = f"{amount(effect.observed)} {noun} {when}{gaps}"
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


def all_readings(effects: Sequence[PauseEffect]) -> str:
    """How many readings cover their pause, how many of these could have shown anything, and what they did show."""
    speaking = [effect for effect in effects if speaks(effect)]
    able, verdicts = sum(effect.testable for effect in speaking), [effect.verdict for effect in speaking]
    told = [f"{verdicts.count(verdict)} {verdict}" for verdict in (FEWER, MORE, DEPENDS) if verdict in verdicts]
    heard = f"{len(speaking)} could read their pause, and {able} of these would have shown it had nothing been hit"
    led = f"Of {len(effects)} readings (a pause by a measure), {heard}. Told from chance: {listed(told) or 'none'}."
    return f"**{led}** {WITNESSES} Coded reports, daily list and large raids are {MODEL}."


def spared(phrase: str, effect: PauseEffect | None, steps: Sequence[PauseEffect], coders: str) -> str:
    """Whether a pause spared energy, in one sentence that can be quoted, by the measure that reads it best."""
    if effect is None:
        return f"No measure can tell whether {phrase} spared energy."
    measure, lead = measure_of(effect), f"Whether {phrase} spared energy cannot be told"
    if effect.verdict in (FEWER, MORE):
        word, kind = ("less", f", which is {CEILING}") if effect.verdict == FEWER else ("more", "")
        lead = f"Energy was reported hit {word} than usual during {phrase}{kind}"
    elif effect.verdict == NO_CHANGE:
        lead = f"No change in reported hits on energy can be seen during {phrase}"
    noun = measure.one if effect.observed == 1 else measure.many
    seen = f"{amount(effect.observed)} {noun}"
    if measure is MEASURES["digest"]:
        seen = f"a daily list of key events names a hit on energy in the rear on {_days_read(effect)}"
    sides = f", after {_count(steps[0], 'baseline')} before and {_count(steps[1])} after it" if steps else ""
    alike, side = as_extreme(effect.row()), "high" if effect.observed > effect.expected else "low"
    chance = (
        f"p = {effect.p_value:.2g}" if alike is None else f"{alike} of {effect.n_placebo} other spells are as {side}"
    )
    sure = "; ".join(filter(None, [chance, who_coded(effect, coders)]))
    return f"{lead}: {seen}, where {effect.expected:.1f} would be usual{sides} ({sure})."


def who_coded(effect: PauseEffect, coders: str) -> str:
    """Who coded what a measure rests on; nothing where nobody did."""
    measure = measure_of(effect)
    return (
        coders if measure is MEASURES["coded"] else MODEL if measure in (MEASURES["digest"], MEASURES["raids"]) else ""
    )


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
    return " ({} points, {:.0%} interval {} to {}; p = {:.2g})".format(
        points[0], effect.level, *points[1:], effect.p_value
    )


def _shape(before: PauseEffect, after: PauseEffect) -> str:
    if before.verdict == FEWER and after.verdict == MORE:
        return "a fall that came back at the end, as that of a pause must"
    if before.verdict == FEWER:
        return "a fall that is not seen to come back at the end: a step, not a pause"
    if before.verdict == MORE:
        return "a rise at the start"
    down = before.ratio is not None and before.ratio < 1 and after.ratio is not None and after.ratio <= 1
    return f"{'down, and not up again at the end; ' * down}no step that could be told from chance"


def spared_by_ukraine(effect: PauseEffect, steps: Sequence[PauseEffect], claimed: pd.Series) -> str:
    """Whether Ukraine spared Russian energy, by the daily list; the parties' claims stand beside."""
    claims = (
        f"Moscow named {amount(claimed.sum())} such attacks on {len(claimed)} of these days; Kyiv has its own "
        "count: claims of parties, each counted its own way, of which no ratio means anything."
    ) * bool(len(claimed))
    lead = {FEWER: "Less was hit than usual", MORE: "More was hit than usual", NO_CHANGE: "No change can be seen"}
    told = (
        f"**Did Ukraine spare Russian energy?** {lead.get(effect.verdict, 'That cannot be told')}: a daily list of key "
        f"events names a Ukrainian hit, other than by Moscow's word, on {_days_read(effect)}, where "
        f"{effect.expected:.1f} would be usual ({chance(effect)}; {effect.reason})."
    )
    return " ".join(filter(None, [told, step_found(steps), claims, f"({capital(MODEL)}.)"]))


def raids_by_days(effect: PauseEffect) -> str:
    """The companion of the test of raids: windows of as many days, however many raids they hold."""
    if effect.p_value is None:
        return ""
    return f"Among windows of {days_text(effect.n_days)} with a raid in them p = {effect.p_value:.2g}: {effect.reason}."


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
