"""Sentences about what stands behind a finding: zeros, sirens, lulls, margins, weeks after, holidays, plans."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from typing import TYPE_CHECKING

import numpy as np

from analysis.words import (
    FEWER,
    MORE,
    amount,
    capital,
    chance_text,
    counted,
    days_text,
    finding,
    outcome_label,
    span_text,
    spans_text,
)

if TYPE_CHECKING:
    from analysis.effect import PauseEffect
    from analysis.plan import Plan, Planned, Seen
    from analysis.quiet import Lull
    from analysis.sirens import InferredZeros
    from analysis.together import Margins


def describe_lull(lull: Lull | None, *, basis: bool = True) -> str:
    """How ordinary a quiet of missiles was, in words; with the `basis`, also what that rests on."""
    if lull is None:
        return "The record of mass salvos before this pause is too thin to say."
    n, n_days = lull.observed_salvos, (lull.last_day - lull.first_day).days + 1
    came = {0: "No mass salvo", 1: "One mass salvo"}.get(n, f"{n} mass salvos")
    when = "on this one day" if n_days == 1 else f"in these {n_days} days"
    since = f"{days_text(lull.days_since_salvo)} after the last one"
    told = f"{came} of missiles came {when}, {since}; {lull.expected_salvos:.1f} were to be expected."
    if n == 0:
        usual = "so the usual lull explains it" if lull.quiet_probability >= 0.5 else "so it is longer than most lulls"
        told += f" In {100 * lull.quiet_probability:.0f} of 100 such cases the quiet lasts at least as long: {usual}."
    return f"{told} This rests on {lull.n_salvos} salvos in {lull.n_days} days." if basis else told


def describe_inferred(days: Iterable[date]) -> str:
    """Say on which of a window's days zero stands in no report; empty where there are none."""
    spans = spans_text(days)
    return f"On {spans} no report lists drones: zero is inferred from quiet sirens and the press." if spans else ""


def describe_zeros(zeros: InferredZeros) -> str:
    """On how many of a pause's days zero is inferred, and how quiet the sirens were on them."""
    n = len(zeros.days)
    if not n:
        return "Every day of this window has a report of drones, or is known to lack one."
    part = "the only day" if zeros.n_days == 1 else f"{'all ' * (n == zeros.n_days)}{n} of the {zeros.n_days} days"
    quiet = int((zeros.days["night_minutes"] == 0).sum())
    on = "it" if n == 1 else f"{'all' if quiet == n else quiet} of them"
    share = f"{zeros.as_silent} of {zeros.n_nights} ordinary nights with drones are as silent"
    sirens = f"Sirens did sound away from the front between midnight and 09:00; only {share}."
    if quiet:
        sirens = f"On {on} no siren sounded away from the front from midnight to 09:00; {share}."
    return f"On {part} no report lists drones: zero is inferred. {sirens}"


def describe_break_even(zeros: InferredZeros) -> str:
    """How many drones would have to be hidden for another verdict; empty where there is none to change."""
    if not len(zeros.days) or zeros.verdict not in (FEWER, MORE):
        return ""
    each = "on that day" if len(zeros.days) == 1 else "on each of these days"
    least = zeros.break_even
    lead = f"Even 200 drones {each} would not" if least is None else f"It would take {least} hidden drones {each} to"
    return f"{lead} change the verdict by this single test, without correction for other pauses."


def describe_witness(effect: PauseEffect) -> str:
    """What the second witness says of a pause, or of several together."""
    return f"Air-raid sirens away from the front are a witness into which no Air Force count enters. {finding(effect)}"


def holm_text(p_values: Sequence[float], alpha: float) -> str:
    """How many of some results hold by Holm's correction, and with what margin."""
    ends = " to ".join(dict.fromkeys(f"{p:.2g}" for p in (min(p_values), max(p_values))))
    held = sum(p <= alpha for p in p_values)
    return f"{held} of {len(p_values)} testable results hold (adjusted p {ends}, where {alpha:g} is the limit)"


def describe_margins(p_values: Sequence[float], alpha: float, margins: Margins | None) -> str:
    """How much room the findings by episode have; empty where none can be tested."""
    if not p_values:
        return ""
    told = f"By episode, with Holm's correction, {holm_text(p_values, alpha)}."
    if margins is None:
        return told
    failed = margins.n_choices - margins.n_held - margins.n_lost
    hidden = margins.break_even or "more than 200"
    return (
        f"{told} Of {margins.n_choices} combinations of choices that can be computed for all that hold, all hold in "
        f"{margins.n_held}; in {margins.n_lost} more, all that can still be tested; in {failed} one or more do not. "
        f"It would take {hidden} hidden drones on each day with an inferred zero to lose one."
    )


def describe_margin(own: Sequence[float | None], p_values: Sequence[float], alpha: float) -> str:
    """The same for the reader of one pause; `own` holds its episode's adjusted p, and is empty for no truce."""
    if not own:
        return "This pause is not among the general truces that are corrected together."
    here = "cannot be tested alone" if own[0] is None else f"has p = {own[0]:.2g}"
    return f"Among all truces, with Holm's correction, {holm_text(p_values, alpha)}; this one {here}."


def surge_among(after: PauseEffect, weeks: Sequence[PauseEffect]) -> str:
    """What a surge after one pause is worth once the weeks after all pauses are counted; empty where there is none."""
    for week in weeks:
        if (week.pause, week.outcome, after.verdict) == (after.pause, after.outcome, MORE):
            return f"With all {len(weeks)} such tests after reported pauses counted (Holm), p is {week.p_adjusted:.2g}."
    return ""


def describe_surges(weeks: Sequence[PauseEffect], together: Sequence[PauseEffect]) -> str:
    """What the weeks after all pauses say together; empty where none can be tested."""
    if not weeks:
        return ""
    alone = sum(week.p_value <= week.alpha for week in weeks)
    held, least = sum(week.p_adjusted <= week.alpha for week in weeks), min(week.p_adjusted for week in weeks)
    joint = "; ".join(f"{outcome_label(e.outcome, short=True)} {chance_text(e.p_value)}" for e in together if e.p_value)
    return (
        f"Of {len(weeks)} tests for a surge in the week after a reported pause, {alone} find one taken alone, "
        f"{held or 'none'} with Holm's correction (smallest p {least:.2g}). All weeks together, one-sided: "
        f"{joint or 'cannot be tested'}."
    )


def describe_followed(plan: Plan, planned: Planned, looks: Sequence[Seen]) -> str:
    """What a plan finds in one outcome once its nights are there."""
    label, missing = outcome_label(planned.outcome), len(plan.days) - len(looks)
    if not looks:
        return " ".join([f"{capital(label)}: the tables do not hold the planned nights yet.", *describe_plan(planned)])
    look = next((look for look in looks if look.found), looks[-1])
    said = "out of the ordinary, as the plan asks" if look.found else "not out of the ordinary"
    lacking = f"; {missing} of its {len(plan.days)} nights are not in the tables" if missing else ""
    return (
        f"{capital(counted(look.observed, label))} in {_nights(look.nights)}, {amount(look.expected)} expected: {said} "
        f"(p = {look.p_value:.2g}, held to {planned.p_at_most:.2g}){lacking}."
    )


def plan_frame(plan: Plan, departures: Sequence[str]) -> str:
    """When a plan was fixed and where the data or the project have left it."""
    away = f"Departures from it: {'; '.join(departures)}." if departures else "Nothing departs from it."
    span, fixed = span_text(plan.first_day, plan.last_day), span_text(plan.fixed, plan.fixed)
    return f"A test of {span} was fixed on {fixed}, before its data. {away}"


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


def describe_plan(planned: Planned) -> list[str]:
    """What a plan calls out of the ordinary, a sentence a look."""
    label, lines = outcome_label(planned.outcome), []
    for look in planned.looks:
        lead = f"Fewer than {amount((look.at_most or 0) + 1)} {label} in {_nights(look.nights)} would be"
        if look.at_most is None:
            lead = f"After {_nights(look.nights)} even none would not be"
        lines.append(f"{lead} out of the ordinary ({amount(look.expected)} expected).")
    return lines
