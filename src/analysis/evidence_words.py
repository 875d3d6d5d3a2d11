"""Sentences about what stands behind a finding: zeros, sirens, lulls, weeks after, holidays, plans."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from typing import TYPE_CHECKING

import numpy as np

from analysis.words import (
    MORE,
    amount,
    capital,
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


def describe_lull(lull: Lull | None) -> str:
    """How ordinary a quiet of missiles was, and what that rests on."""
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
    return f"Air-raid sirens away from the front are a witness into which no Air Force count enters. {finding(effect)}"


def surge_among(after: PauseEffect, weeks: Sequence[PauseEffect]) -> str:
    """What a surge after one pause is worth once the weeks after all pauses are counted; empty where there is none."""
    for week in weeks:
        if (week.pause, week.outcome, after.verdict) == (after.pause, after.outcome, MORE):
            return f"With all {len(weeks)} such tests after reported pauses counted (Holm), p is {week.p_adjusted:.2g}."
    return ""


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


def say_when_fixed(plan: Plan, departures: Sequence[str]) -> str:
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
