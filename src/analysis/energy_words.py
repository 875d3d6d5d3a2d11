"""Sentences on energy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pandas as pd

from analysis.effect import PauseEffect
from analysis.measures import MODEL, WEEKS_AROUND, measure_of
from analysis.words import DEPENDS, FEWER, MORE, NO_CHANGE, NOT_TESTABLE, amount, capital, days_phrase

WITNESSES = (
    "The measures are no independent witnesses: reports and articles come from the same outlets, which repeat the "
    "same statements of officials, and what Russia declares comes from a party to the pause."
)
CEILING = "consistent with sparing, not established: a truce itself makes officials say that nothing was hit"


def speaks(effect: PauseEffect) -> bool:
    """Whether a measure says anything of a pause: it reads at least half of the days, and has others to compare."""
    return effect.ratio is not None and 2 * effect.n_missing <= effect.n_days


def agreement(effects: Sequence[PauseEffect]) -> str:
    """Whether the main effects of several measures in one pause agree, in one sentence."""
    speaking = [effect for effect in effects if speaks(effect)]
    titles = [measure_of(effect).title for effect in speaking]
    silent = [measure_of(effect).title for effect in effects if effect not in speaking]
    if not speaking:
        return f"None of the {len(effects)} measures ({', '.join(silent)}) can speak about this pause."
    below = [measure_of(effect).title for effect in speaking if effect.ratio < 1]
    point = "less than usual" if below == titles else "different things" if below else "no less than usual"
    told = [measure_of(effect).title for effect in speaking if effect.verdict in (FEWER, MORE)]
    deaf = [measure_of(e).title for e in speaking if not e.testable and measure_of(e).title not in told]
    maybe = ", which may be chance" if set(below) - set(deaf) else ""
    sure = f", told from chance by {' and '.join(told)}" if told else maybe
    if deaf:  # what could not have shown anything must not read like a finding
        where = "" if deaf == titles else f"in {' and '.join(deaf)} "
        sure += f", but {where}even none at all would not have been told from chance"
    rest = f"; {' and '.join(silent)} cannot speak about this pause" if silent else ""
    return f"{capital(' and '.join(titles))} show {point}{sure}{rest}."


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
    usual = f"{seen}, where {effect.expected:.1f} would be usual"
    if effect.verdict == NOT_TESTABLE:
        return f"{usual}. Not testable: {effect.reason} ({chance(effect)})."
    top = "or more" if effect.expected_high is None else f"to {effect.expected_high:.1f}"
    cut = effect.smallest_visible_cut
    power = "no cut, however large, would" if cut is None else f"only a cut of about {cut:.0%} or more would"
    verdict = {
        FEWER: f"Fewer ({chance(effect)}): {CEILING}",
        MORE: f"More ({chance(effect)}): no sign of sparing",
        NO_CHANGE: f"No visible change ({chance(effect)}); {power} have shown in most windows",
        DEPENDS: f"It depends on a choice: {effect.reason.split('; ')[0]} ({chance(effect)})",
    }[effect.verdict]
    return f"{usual} and {effect.expected_low:.1f} {top} ordinary. {verdict}."


def chance(effect: PauseEffect) -> str:
    """The p-value, and what it would be had nothing been hit."""
    return f"p = {effect.p_value:.2g}, at best {effect.p_min:.2g}"


def days_with_hits(anywhere: PauseEffect, coders: str) -> str:
    """On how many days around the pause a hit was reported somewhere in the country, and on which not."""
    known = anywhere.daily.dropna(subset=["observed"])
    without = [f"{day.day} {day:%B}" for day in known.loc[known["observed"] == 0, "day"]]
    return (
        f"Somewhere in the country a hit was reported on {len(known) - len(without)} of the {len(known)} days "
        f"that could be read; days without: {', '.join(without) or 'none'}. Outside a truce a day without hits "
        f"may go unreported ({coders})."
    )


def not_read(asked: pd.DatetimeIndex, unread: pd.DatetimeIndex) -> str:
    """How many of the days around the pause cannot be read; nothing where all can."""
    weekend = ", all at weekends" if (unread.day_of_week >= 5).all() else ""
    return f"Not read: {len(unread)} of the {len(asked)} days around the pause{weekend}." if len(unread) else ""


def week_by_week(weeks: pd.DataFrame) -> str:
    """What Russia named first before, during and after a pause."""
    read = weeks[weeks["named first"] != "unknown"]
    if read.empty:
        return "By week, no declaration around this pause can be read."
    energy = read["named first"] == "energy"
    counted = energy.groupby(read["pause"]).agg(["sum", "size"]).reindex(["before", "during", "after"], fill_value=0)
    counts = "{} of {} readable weeks before the pause, {} of {} during it, {} of {} after it"
    told = f"By week, energy was named first in {counts.format(*counted.to_numpy().ravel())}."
    before = read[read["pause"] == "before"].index
    named = before[energy[before]]
    if not len(named):
        return f"{told} It was not named first before either, so nothing can be read from it."
    if counted.loc[["during", "after"], "sum"].any():
        return told
    last = pd.Timestamp(named[-1])
    until = f"The last such week ended on {last.day} {last:%B %Y}"
    if named[-1] != before[-1]:
        return f"{told} {until}, so that energy had left first place before."
    return f"{told} {until}; energy did not return within {WEEKS_AROUND} weeks after the end: a step, not a pause."


def beside_the_test(effect: PauseEffect, regression: Mapping[str, float] | None) -> str:
    """The same weekdays of other weeks, and the penalised regression (Markdown)."""
    if effect.p_value is None:
        return "There is no test for a companion to stand beside."
    daily = effect.daily.set_index("day")["observed"]
    read = daily[str(effect.first_day) : str(effect.last_day)].notna().to_numpy()
    sums = [daily[start:][: effect.n_days][read].sum() for start in effect.placebo["start"]]
    told = (
        f"**Same weekdays.** Other windows that begin on a {effect.first_day:%A}: {', '.join(map(amount, sums))} "
        f"{measure_of(effect).many}; the pause: {amount(effect.observed)} ({chance(effect)})."
    )
    if regression is None:
        return told
    return (
        f"{told}\n\n**Penalised regression** of any reported hit on being inside, given the drones of the day: "
        "odds times {odds_ratio:.2g} inside (likelihood ratio {statistic:.1f}, p = {p_value:.2g}; {n_days} days, "
        "{without_hit} without a hit). It takes days for independent and stands on those few: never the result."
    ).format(**regression)


def all_readings(effects: Sequence[PauseEffect], names: Mapping[str, str]) -> str:
    """What the readings of all pauses could show and did, whether those of one pause agree, why others are mute."""
    speaking = [effect for effect in effects if speaks(effect)]
    led = f"Of {len(effects)} readings (a pause by a measure), {_power(speaking)}{_tally(speaking)}."
    lines = [f"**{led}** {WITNESSES}\n"]
    for pause, name in names.items():
        if sum(effect.pause == pause for effect in speaking) > 1:
            lines.append(f"* **{name}.** {agreement([e for e in effects if e.pause == pause])}")
    for measure in dict.fromkeys(map(measure_of, effects)):
        mute = [names[e.pause] for e in effects if measure_of(e) is measure and e not in speaking]
        if mute:
            told = f"cannot speak about: {'; '.join(mute)}. {capital(measure.blind)}."
            lines.append(f"* **{capital(measure.title)}** {told}")
    return "\n".join(lines)


def _power(speaking: Sequence[PauseEffect]) -> str:
    """How many readings cover their pause, and how many of them could have shown anything at all."""
    if not speaking:
        return "none covers enough of its pause's days"
    several, able = len(speaking) > 1, sum(effect.testable for effect in speaking)
    enough = "cover enough of their pause's days" if several else "covers enough of its pause's days"
    if not able:
        none = "none" if several else "not even that one"
        return f"{len(speaking)} {enough}, but {none} could have shown that less was hit, even had nothing been hit"
    some = f"{able} of these" if several else "it"
    return f"{len(speaking)} {enough}, and {some} would have shown that less was hit, had nothing been hit"


def _tally(speaking: Sequence[PauseEffect]) -> str:
    """What the readings that speak found, by verdict; nothing where none could have found anything."""
    verdicts = [effect.verdict for effect in speaking]
    told = [f"{verdicts.count(verdict)} {verdict}" for verdict in (FEWER, MORE) if verdict in verdicts]
    parts = [f"; told from chance: {', '.join(told)}"] if told else []
    parts += ["; none can be told from chance"] if not told and any(effect.testable for effect in speaking) else []
    return "".join(parts + ([f"; {verdicts.count(DEPENDS)} {DEPENDS}"] if DEPENDS in verdicts else []))


def campaigns_found(halves: pd.DataFrame, runs: pd.DataFrame, promised: Mapping[str, pd.DatetimeIndex]) -> str:
    """That campaigns against energy come and go, and why no pause can be credited with one that ended, or denied it."""
    most, least = halves.loc[halves["share"].idxmax()], halves.loc[halves["share"].idxmin()]
    told = [
        f"Campaigns against energy come and go in half-years: an energy facility was named in "
        f"{most['facility']:.0f} of the {most['raids']:.0f} large raids (20 or more missiles) of {most.name}, in {least['facility']:.0f} of "
        f"{least['raids']:.0f} of {least.name}."
    ]
    apart = [
        run for run in runs.itertuples() if not any(_within(day, run) for days in promised.values() for day in days)
    ]
    for phrase, days in promised.items():
        run = next((run for run in runs.itertuples() if _within(days[0], run) and run.n_days > len(days)), None)
        if run is None:
            continue
        general = f" ({run.general} of them were only in general said to have hit energy)" if run.general else ""
        told.append(
            f"None was named in any of the {run.raids} raids {_months(run)}{general}: {run.n_days} days, where "
            f"{phrase} had {len(days)} by any party's count."
        )
        before = next((other for other in apart if other.n_days > len(days)), None)
        if before is not None:
            told.append(
                f"Nor in any of the {before.raids} {_months(before)}, {before.n_days} days without any pause that "
                f"promised to spare energy. So {phrase} can be neither credited with the quiet nor denied a part in it."
            )
    return f"{' '.join(told)} ({capital(MODEL)}.)"


def _within(day: pd.Timestamp, run: Any) -> bool:
    return run.first_day <= day <= run.last_day


def _months(run: Any) -> str:
    first, last = run.first_day, run.last_day
    return f"from {first:%B}{f' {first:%Y}' if first.year != last.year else ''} to {last:%B %Y}"


def describe_campaigns(raids: pd.DataFrame, halves: pd.DataFrame) -> str:
    """Alternative text of the picture of large raids."""
    shares = "; ".join(f"{row.facility} of {row.raids} in {row.Index}" for row in halves.itertuples())
    return f"One dot for each of {len(raids)} large raids, by what was said of energy. A facility named: {shares}."
