"""The sentences of the record; those of pages are put together in `scorecard` and `reports`.

The functions take effects, or rows of the record, and return text; every number in a sentence is a field.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from analysis.effect import PauseEffect
    from analysis.plan import Plan, Planned, Seen
    from analysis.quiet import Lull, Outlook
    from analysis.series import Label

FEWER, MORE = "fewer", "more"
NO_CHANGE, DEPENDS, NOT_TESTABLE = "no visible change", "depends on a choice", "not testable"
REACH = "the data end on"  # in the reason of a window that is not over
VERDICTS = (FEWER, MORE, NO_CHANGE, DEPENDS, NOT_TESTABLE)
WINDOW_PHRASES = {
    "announced-to-start": "between announcement and start",
    "after-3": "in the 3 days after",
    "after-7": "in the 7 days after",
    "after-14": "in the 14 days after",
    "pause+after-7": "in the pause and the 7 days after it together",
}


def without_year(told: str, day: date) -> str:
    """A span that ends in the year of a day, without it."""
    return told.removesuffix(f" {day.year}")


def spans_text(days: Iterable[date]) -> str:
    """Days as a list of spans.

    >>> import pandas as pd
    >>> spans_text(pd.to_datetime(["2025-04-20", "2025-05-08", "2025-05-09"]))
    '20 April 2025 and 8 to 9 May 2025'
    """
    spans = []
    for day in sorted(days):
        if spans and (day - spans[-1][1]).days == 1:
            spans[-1][1] = day
        else:
            spans.append([day, day])
    return listed([span_text(*span) for span in spans])


def listed(words: Sequence[str]) -> str:
    """Words as a list in a sentence: "a", "a and b", "a, b and c"."""
    return " and ".join(filter(None, [", ".join(words[:-1]), words[-1]])) if words else ""


def outcome_label(outcome: str | PauseEffect | Outlook, *, short: bool = False) -> str:
    """Words for an outcome, by name or of a result: its own label, the catalogue's, or the name."""
    from analysis.tables import outcomes

    if not isinstance(outcome, str):
        return str(outcome.label or outcome_label(outcome.outcome, short=short))
    known = outcomes().get(outcome)
    if known:
        return known.short if short else known.label
    return str(outcome).replace("_", " ")


def event(effect: PauseEffect) -> str:
    """What the window was."""
    return effect.label.event if effect.label else "pause"


def _seen(effect: PauseEffect) -> str:
    return counted(effect.observed, effect.label or outcome_label(effect))


def finding(effect: PauseEffect) -> str:
    """Word a finding for a reader who knows no statistics, without claiming more than the fields hold."""
    label, when = outcome_label(effect), days_phrase(effect)
    if effect.verdict == NOT_TESTABLE:
        seen = f"{label} {when}:" if effect.observed is None else f"{_seen(effect)} {when}, but"
        return f"Not testable: {seen} {effect.why}."
    if effect.verdict == DEPENDS:
        return f"It depends on a choice: {_seen(effect)} {when}; {effect.why}."
    lead = {FEWER: "Fewer than expected", MORE: "More than expected", NO_CHANGE: "No visible change"}[effect.verdict]
    seen = f"{lead}: {_seen(effect)} {when}, where {_ordinary(effect)} would have been ordinary."
    if effect.verdict == NO_CHANGE:
        return f"{seen} {_correction(effect)}{_power(effect)}"
    return f"{seen} {_strength(effect)}" + (f" {_power(effect)}" if effect.verdict == FEWER else "")


def headline(effect: PauseEffect, phrase: str, *, spared: str = "") -> str:
    """A quotable sentence without jargon on one finding.

    `phrase` names the pause, as in "the Easter truce"; `spared` says what it promised to spare, where that is not
    the number of launches.
    """
    promise = f" It had promised to spare {spared}, which counts of launches cannot show." if spared else ""
    return _headline(effect, phrase) + promise


def _headline(effect: PauseEffect, phrase: str) -> str:
    label, start = outcome_label(effect), capital(phrase)
    kind = label if effect.label else "launches"
    if effect.observed is None:
        return f"{start} cannot be judged by {label}: {effect.why}."
    seen = _seen(effect)
    if effect.verdict in (NOT_TESTABLE, DEPENDS):
        return f"{start}: {seen}, which proves nothing by itself: {effect.why}."
    instead = f"where {_ordinary(effect)} would have been ordinary"
    if effect.verdict == NO_CHANGE:
        seen = f"During {phrase} no change in the number of {kind} could be told from chance: {seen}, {instead}."
        return f"{seen} {_correction(effect)}{_power(effect)}"
    word = "fewer" if effect.verdict == FEWER else "more"
    rank = f" {placebo_rank(effect.placebo['ratio'], effect.ratio, effect.n_days)}." if len(effect.placebo) else ""
    return f"{start} saw {word} {kind} than is ordinary: {seen}, {instead}.{rank}"


def days_phrase(effect: PauseEffect) -> str:
    """The window in words: which days, and how many of them have no report."""
    first, last = effect.first_day, effect.last_day
    span = f"on {span_text(first, last)}" if first == last else f"from {span_text(first, last)}"
    if effect.test == "joint":
        span = f"on {effect.n_days} {event(effect)} days between {span_text(first, last, joined='and')}"
    some = effect.n_missing and effect.observed is not None
    lacking = "not in the data" if REACH in effect.reason else "without a report"  # of a night to come nobody reports
    missing = f" ({effect.n_missing} of {effect.n_days} days {lacking})" if some else ""
    place = WINDOW_PHRASES.get(effect.window)
    return f"{place} ({span}){missing}" if place else span + missing


def span_text(first: date, last: date, *, joined: str = "to") -> str:
    """Two days as a span, saying month and year once where they are the same.

    >>> from datetime import date
    >>> span_text(date(2026, 1, 30), date(2026, 2, 1)), span_text(date(2025, 4, 20), date(2025, 4, 20))
    ('30 January to 1 February 2026', '20 April 2025')
    """
    end = f"{last.day} {last:%B %Y}"
    if first == last:
        return end
    parts = [str(first.day)]
    if (first.year, first.month) != (last.year, last.month):
        parts.append(f"{first:%B}" if first.year == last.year else f"{first:%B %Y}")
    return f"{' '.join(parts)} {joined} {end}"


def day_list(days: Sequence[date]) -> str:
    """Days in a row as a reader says them: two by "and", more by "to"."""
    return span_text(days[0], days[-1], joined="and" if len(days) == 2 else "to")


def not_yet(held: int, n_days: int, until: date) -> str:
    """Why a window cannot be judged whose nights are to come, or are not in the data."""
    return f"not yet: {held_so_far(held, n_days, until)}"


def held_so_far(held: int, n_days: int, until: date) -> str:
    """How many nights of a window the data hold."""
    return f"{REACH} {span_text(until, until)}, {held} of {n_days} nights held"


def typed_in(publishers: Sequence[str]) -> str:
    """How many nights of a window are provisional, and by whose account."""
    nights = "1 night" if len(publishers) == 1 else f"{len(publishers)} nights"
    return f"provisional: {nights} typed in from {listed(list(dict.fromkeys(publishers)))}"


def night_compared(day: date, what: str, typed: int, publisher: str, table: float, *, whole: bool = True) -> str:
    """What the table holds of a night that was typed in before; of its last day, not whole, at least so many."""
    if not whole:
        seen = f"the table has {amount(table)} {what} already, though the day is not over in it"
        return f"{span_text(day, day)}: {seen}; only {typed} typed in from {publisher}. Check the night."
    shown = "no figure" if table != table else amount(table)
    agrees = "as typed in" if table == typed else f"but {typed} typed in"
    return f"{span_text(day, day)}: the table has {shown} {what}, {agrees} from {publisher}. Remove the night."


def as_known_on(day: date) -> str:
    """The head of what is said from tables and registry cut to an earlier day."""
    return f"As known on {span_text(day, day)}. "


def said_on(rows: Sequence[Mapping[str, Any]]) -> str:
    """How an answer formed: a line for each day on which it was asked."""
    lines = []
    for row in rows:
        counted = f"{amount(row['counted'])} counted, about {amount(row['expected'])} expected; " if row["held"] else ""
        told = (
            f"{row['word']} ({counted}{row['held']} of {row['nights']} nights held)" if row["word"] else "not announced"
        )
        lines.append(f"* {as_known_on(row['date'])[:-2]}: {told}.")
    return "\n".join(lines)


def capital(text: str) -> str:
    """The text with a capital letter in front."""
    return text[0].upper() + text[1:]


def amount(value: float) -> str:
    """A count as a reader wants it: whole, with thousands apart; from six digits, as the record has it."""
    value = float(f"{value:.6g}") if abs(value) < 1000 else value
    return f"{value:,.0f}" if value >= 10 or value == round(value) else f"{value:.1f}"


def counted(value: float, label: str | Label) -> str:
    """A count with its label, singular for one: "1 missile launched", "70 long-range drones launched"."""
    if not isinstance(label, str):
        return f"{amount(value)} {label.one if value == 1 else label.many}"
    noun = (
        label.replace("drones", "drone").replace("missiles", "missile").replace("minutes", "minute")
        if value == 1
        else label
    )
    return f"{amount(value)} {noun}"


def one_unit(effect: PauseEffect) -> str:
    """One of an outcome's units: "a single missile launched"."""
    return f"a single {counted(1, effect.label or outcome_label(effect)).removeprefix('1 ')}"


def days_text(n_days: int) -> str:
    """A number of days in words.

    >>> days_text(1), days_text(3)
    ('1 day', '3 days')
    """
    return "1 day" if n_days == 1 else f"{n_days} days"


def describe_series(effect: PauseEffect) -> str:
    """Alternative text of the series picture; several pauses together have none, but one of placebos."""
    if effect.test == "joint":
        return describe_placebo(effect)
    return f"Daily {outcome_label(effect)} before, during and after the {event(effect)}. {finding(effect)}"


def describe_placebo(effect: PauseEffect) -> str:
    """Alternative text of the placebo picture."""
    if effect.ratio is None or not effect.n_placebo:
        return f"No comparable window of {days_text(effect.n_days)}; nothing to draw."
    joint = effect.test == "joint"
    rank = placebo_rank(effect.placebo["ratio"], effect.ratio, effect.n_days, joint=joint)
    these = f"these {event(effect)}s lie"
    kind, own = ("draws of ordinary windows", these) if joint else ("ordinary windows", "this window lies")
    return f"Histogram of {kind} by seen over expected; {own} at {effect.ratio:.2f}. {rank}."


def placebo_rank(ratios: np.ndarray, ratio: float, n_days: int, *, joint: bool = False) -> str:
    """Where a window lies among ordinary windows of its length, or several among draws of such, in words.

    >>> import numpy as np
    >>> placebo_rank(np.array([0.4, 0.9, 1.3]), 0.4, 2)
    '1 of 3 ordinary windows of 2 days was as low or lower'
    >>> placebo_rank(np.linspace(0.4, 1.3, 5000), 0.4, 9, joint=True)
    '1 of 5,000 draws of ordinary windows, 9 days together, was as low or lower'
    """
    low, high = int((ratios <= ratio).sum()), int((ratios >= ratio).sum())
    count, word = (low, "as low or lower") if low <= high else (high, "as high or higher")
    kind = f"{len(ratios)} ordinary windows of {days_text(n_days)}"
    if joint:
        kind = f"{len(ratios):,} draws of ordinary windows, {days_text(n_days)} together,"
    return f"{f'{count:,}' if count else 'None'} of {kind} {'was' if count == 1 else 'were'} {word}"


def _ordinary(effect: PauseEffect) -> str:
    if effect.expected_low is None:
        return f"about {amount(effect.expected)}"
    if effect.expected_high is None:
        return f"{amount(effect.expected_low)} or more"
    if effect.alternative == "greater":
        return f"up to {amount(effect.expected_high)}"
    return f"{amount(effect.expected_low)} to {amount(effect.expected_high)}"


def _strength(effect: PauseEffect) -> str:
    p = effect.p_value if effect.p_adjusted is None else effect.p_adjusted
    others = "draws of ordinary windows" if effect.test == "joint" else f"{effect.n_placebo} {_comparable(effect)}"
    chance = f"{chance_text(p)} against {others}"
    if effect.ratio == 0:
        return f"That is none of an expected {amount(effect.expected)} ({chance})."
    if effect.ratio_low is None and effect.ratio_high is None:
        return f"That is {effect.ratio:.2f} times the expected {amount(effect.expected)} ({chance})."
    lower = "open" if effect.ratio_low is None else f"{effect.ratio_low:.2f}"
    upper = "open" if effect.ratio_high is None else f"{effect.ratio_high:.2f}"
    interval = f"{100 * effect.level:.6g}% interval {lower} to {upper}"
    return f"That is {effect.ratio:.2f} times the expected {amount(effect.expected)} ({interval}; {chance})."


def chance_text(p: float) -> str:
    """A p-value in words; how often so small a one comes by chance was measured down to one in a thousand only.

    >>> chance_text(0.0421), chance_text(2e-5)
    ('p = 0.042', 'p below 0.001')
    """
    return "p below 0.001" if p < 1e-3 else f"p = {p:.2g}"


def without_one(p_values: Sequence[float]) -> str:
    """The p-values of a joint test with each episode left out in turn, as one or as a range.

    >>> without_one([0.05, 0.131, 0.08]), without_one([2e-5, 2e-5])
    ('0.05 to 0.13', 'below 0.001')
    """
    ends = [f"{p:.2g}" if p >= 1e-3 else "below 0.001" for p in (min(p_values), max(p_values))]
    return " to ".join(dict.fromkeys(ends))


def _comparable(effect: PauseEffect) -> str:
    kinds = {"after-salvo": "equally long after a salvo", "after-heavy": "equally long after a heavy day"}
    like, gaps = (kinds | {"after-quiet": "that follow a window like it"}).get(effect.test), effect.n_missing > 0
    return " ".join(filter(None, ["windows of the same length", "and gaps" * gaps, like]))


def _correction(effect: PauseEffect) -> str:
    """Why a number outside the ordinary range is still no finding: it is one of several that were looked at."""
    if effect.p_adjusted is None or effect.p_value > effect.alpha:
        return ""
    return f"Taken alone p = {effect.p_value:.2g}, but {effect.p_adjusted:.2g} once all tested outcomes are counted. "


def _power(effect: PauseEffect) -> str:
    if effect.alternative == "greater":
        return "Only a rise beyond that range could have been told from chance."
    if effect.smallest_visible_cut is None:
        return "Even total silence would have been found in fewer than four cases in five."
    others_count = effect.p_adjusted is not None and effect.p_adjusted > effect.p_value  # those of the family
    alone = ", taken alone" if others_count else ""
    if effect.verdict == FEWER:
        return f"A cut of about {effect.smallest_visible_cut:.0%} would be found four times in five{alone}."
    return f"Only a cut of about {effect.smallest_visible_cut:.0%} or more would have shown reliably{alone}."


def rebound(pause: PauseEffect, after: PauseEffect, both: PauseEffect) -> str:
    """Word what followed a pause.

    "Made up" is said, and how much of it at least, only when the interval of pause plus after covers 1 and excludes
    both the pause's own ratio and what the two would show together had the days after been ordinary: after a single
    silent night, seven ordinary days would otherwise always look like repayment.
    """
    label, event_of = outcome_label(pause), event(pause)
    span = f"the {after.n_days} days after"
    if after.p_value is None:
        return f"Rebound of {label}: cannot tell; {after.why}."
    surge = after.verdict == MORE
    chance = chance_text(after.p_value) + ", the least this test can give" * bool(after.p_value <= after.p_min)
    chance = f"{chance}, {after.why}"
    times = f"{after.ratio:.2f} times the expected number in {span} ({chance})"
    if both.p_value is None or pause.ratio is None:
        kind = "more than usually follows a quiet" if surge else "no more than usually follows a quiet"
        return f"Rebound of {label}: {kind}, {times}; whether it made up cannot be told."
    upper = float("inf") if both.ratio_high is None else both.ratio_high
    high = "open" if both.ratio_high is None else f"{both.ratio_high:.2f}"
    together = f"{event_of} and {span} together {both.ratio:.2f} times the expected ({both.ratio_low:.2f} to {high})"
    without = (pause.observed + after.expected) / (pause.expected + after.expected)
    covers = [both.ratio_low <= ratio <= upper for ratio in (1, pause.ratio, without)]
    repays = covers == [True, False, False]
    if both.verdict == MORE:
        found = f"a surge beyond what the {event_of} had spared: {times}; {together}"
    elif pause.verdict == FEWER and repays:
        share = (both.ratio_low - without) / (1 - without)
        found = f"taken alone, at least {share:.0%} of what was missing came back, perhaps all: {times}; {together}"
    elif surge:
        found = f"taken alone, a surge, more than usually follows a quiet: {times}; whether it made up cannot be told"
    elif after.testable and after.expected_high is not None:
        found = f"none told from chance: {times}; only more than {amount(after.expected_high)} there would have shown"
    else:
        found = f"cannot tell: {times}"
    return f"Rebound of {label}: {found}."


# --- what stands behind a finding: lulls, zeros, sirens, weeks after, plans, holidays ---


def describe_lull(lull: Lull | None, *, n_unknown: int = 0) -> str:
    """How ordinary a quiet of missiles was, and what that rests on; without one, why, where nights are unknown."""
    if lull is None and n_unknown:
        return f"How ordinary the quiet was cannot be said: no count of missiles for {days_text(n_unknown)} of it."
    if lull is None:
        return "The record of mass salvos before this pause is too thin to say."
    n, n_days = lull.observed_salvos, (lull.last_day - lull.first_day).days + 1
    salvo, of, short = "mass salvo", "missiles", "salvos"
    if lull.label:
        salvo, of, short = "heavy day", f"{lull.threshold:g} or more {lull.label.many}", "heavy days"
    came = {0: f"No {salvo}", 1: f"One {salvo}"}.get(n, f"{n} {salvo}s")
    when = "on this one day" if n_days == 1 else f"in these {n_days} days"
    since = f"{days_text(lull.days_since_salvo)} after the last one"
    told = f"{came} of {of} came {when}, {since}; {lull.expected_salvos:.1f} were to be expected."
    if n == 0:
        usual = "alone, it shows nothing"
        if lull.quiet_probability < 0.05:
            usual = "longer than nearly all lulls"
        told += f" In {100 * lull.quiet_probability:.0f} of 100 such cases the quiet lasts at least as long: {usual}."
    return f"{told} This rests on {lull.n_salvos} {short} in {lull.n_days} days."


def lull_in_brief(lull: Lull) -> str:
    """Whether a quiet of missiles may be no more than the usual one, in a sentence."""
    if lull.observed_salvos:
        return f"Of missiles there was none: {counted(lull.observed_salvos, 'mass salvos')} came."
    since = f"{days_text(lull.days_since_salvo)} after the last mass salvo"
    return f"Of missiles it may be: {since}, {100 * lull.quiet_probability:.0f} of 100 lulls last as long."


def describe_inferred(days: Iterable[date]) -> str:
    """Say on which of a window's days zero stands in no report; empty where there are none."""
    spans = spans_text(days)
    return f"On {spans} no report lists drones: zero is inferred from quiet sirens and the press." if spans else ""


def describe_witness(effect: PauseEffect) -> str:
    """What the second witness says of a pause, or of several together."""
    lead = "Air-raid sirens away from the front are a witness into which no Air Force count enters"
    return f"{lead}, though they helped to infer zeros. {finding(effect)}"


def surge_among(after: PauseEffect, weeks: Sequence[PauseEffect]) -> str:
    """What a surge after one pause is worth once the weeks after all pauses are counted; empty where there is none."""
    for week in weeks:
        if (week.pause, week.outcome, after.verdict) == (after.pause, after.outcome, MORE):
            told = f"{'not' if week.p_adjusted > week.alpha else 'still'} told from chance"
            return f"With all {len(weeks)} weeks after pauses counted (Holm), p is {week.p_adjusted:.2g}: {told}."
    return ""


def describe_followed(plan: Plan, planned: Planned, looks: Sequence[Seen], refused: str | None) -> str:
    """What a plan finds in one outcome once its nights are there, or why it decides nothing."""
    label, missing = outcome_label(planned.outcome), len(plan.days) - len(looks)
    look = next((look for look in looks if look.found), looks[-1])
    said = "out of the ordinary, as the plan asks" if look.found else "not out of the ordinary"
    said = f"{said} (p = {look.p_value:.2g}, held to {planned.p_at_most:.2g})"
    if refused:
        said = f"no decision, as these nights cannot be tested: {refused}"
    lacking = f"; {missing} of its {len(plan.days)} nights not in the tables yet" if missing else ""
    fixed, now = amount(planned.looks[look.nights - 1].expected), amount(look.expected)
    expected = f"{now} expected"
    if fixed != now:
        expected = f"{fixed} expected when it was fixed, {now} by the days known now"
    return f"{capital(counted(look.observed, label))} in {_nights(look.nights)}, {expected}: {said}{lacking}."


def say_when_fixed(plan: Plan, departures: Sequence[str]) -> str:
    """When a plan was fixed and where the data or the project have left it."""
    away = f"Departures from it: {'; '.join(departures)}." if departures else "Nothing departs from it."
    span, fixed = span_text(plan.first_day, plan.last_day), span_text(plan.fixed, plan.fixed)
    late = f"after its {'last' if plan.fixed > plan.last_day else 'first'} night, before the tables held it"
    before = late if plan.fixed > plan.first_day else "before its data"
    return f"A test of {span} was fixed on {fixed}, {before}. {away}"


def _nights(n_nights: int) -> str:
    return "the first night" if n_nights == 1 else f"{n_nights} nights"


def describe_holidays(holidays: Sequence[PauseEffect]) -> str:
    """Say what flew on holidays without a truce: the control for truces that fall on holidays.

    Parameters
    ----------
    holidays : sequence of PauseEffect
        From `analysis.holidays_without_truce`.
    """
    ratios = [effect.ratio for effect in holidays if effect.ratio is not None and np.isfinite(effect.ratio)]
    if not ratios:
        return "The data hold no holiday without a truce."
    span = span_text(holidays[0].first_day, holidays[-1].last_day)
    return (
        f"{len(ratios)} holidays without a truce ({span}): {outcome_label(holidays[0].outcome)} came to "
        f"{np.mean(ratios):.2f} times the expected on average, from {min(ratios):.2f} to {max(ratios):.2f}. "
        f"{'None was silent' if min(ratios) > 0 else 'Some were silent'}."
    )


def describe_plan(planned: Planned, ahead: int) -> list[str]:
    """What a plan calls out of the ordinary, a sentence a look, `ahead` days after the data end."""
    label = outcome_label(planned.outcome)
    reach = "the data reach into the planned nights"
    if ahead > 0:
        reach = f"the data end {days_text(ahead)} before the first planned night, and their trend is run on to it"
    lines = [
        f"{capital(label)}: {reach}. The numbers hold for the days known when they were fixed, and if the nights share "
        "them out as expected; nights that come are ranked anew, by the plan's rule."
    ]
    for look in planned.looks:
        lead = f"Fewer than {amount((look.at_most or 0) + 1)} {label} in {_nights(look.nights)} would be"
        if look.at_most is None:
            lead = f"After {_nights(look.nights)} even none would not be"
        lines.append(f"{lead} out of the ordinary ({amount(look.expected)} expected).")
    return lines


def not_planned(outcome: str) -> str:
    """Why a plan leaves an outcome alone."""
    return f"{capital(outcome_label(outcome))}: not planned, as the tables held planned nights when it was fixed."
