"""The fixed procedure for energy in one pause. All of it is exploratory: no row counts in a family of tests."""

from dataclasses import replace

import numpy as np
import pandas as pd

from analysis.energy.assessment import PAUSE, WEEKS_AROUND, EnergyAssessment
from analysis.energy.firth import firth_test, fit_firth
from analysis.energy.measures import SHIPPED, bound_energy, coded_by, decide_by_bounds, energy_days, estimate_energy
from analysis.energy.reciprocity import estimate_reciprocity
from analysis.layout import ONE_DAY
from analysis.pauses import get_pause, load_pauses
from analysis.procedure import not_ordinary
from analysis.sentences import NOT_TESTABLE
from analysis.tables import load_strikes, load_table

BEFORE, AFTER = "disputed-start", "disputed-end"


def assess_energy(pause_id, *, claim="main", measures=SHIPPED, level=0.95, registry=None, folder=None):
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
    ('not testable', 1)
    """
    registry = load_pauses() if registry is None else registry
    pause = get_pause(registry, pause_id)
    chosen = pause.claim(claim).id
    shared = {"exclude": not_ordinary(registry, besides=pause), "level": level}
    launched = load_strikes(folder=folder)["drones_launched"]
    windows = list(_windows(pause, chosen))
    effects, series, corners, regression = [], {}, {}, None
    for measure in measures:
        frames = energy_days(measure, folder=folder)
        (_, main), series[measure] = next(iter(frames.items()))
        for (outcome, place), frame in frames.items():
            for key, days, announced in windows:
                if key["window"] != PAUSE and place != main:
                    continue
                options, key = shared | {"announced": announced}, key | {"stratum": place}
                effect = replace(estimate_energy(frame, days, outcome, **options), **key)
                asked = key["claim"] == chosen and place == main
                if asked or effect.verdict != NOT_TESTABLE:
                    ways = bound_energy(frame, days, outcome, **options)
                    effect = decide_by_bounds(effect, ways)
                if asked:
                    corners[measure] = ways
                    beside = estimate_energy(frame, days, outcome, same_weekday=True, **options)
                    effects.append(replace(beside, reason=f"companion, not deciding; {beside.reason}", **key))
                if key["claim"] == chosen and outcome == "energy_coded_any_hit":
                    regression = regress_any_hit(effect, launched)
                effects.append(effect)
    for key, days, announced in windows:
        if key["window"] == PAUSE:
            own = key["claim"] == chosen
            rows = estimate_reciprocity(days, announced=announced, both_starts=own, folder=folder, **shared)
            effects += [replace(row, **key) for row in rows]
    weeks = _weeks(load_table("energy_declared", folder=folder), [day for _, days, _ in windows for day in days])
    return EnergyAssessment(
        pause, chosen, tuple(measures), tuple(effects), series, corners, regression, weeks, launched,
        coded_by(folder=folder),
    )  # fmt: skip


def regress_any_hit(effect, launched):
    """Firth's logit of any reported hit on being inside the window, given the launches of the day.

    Parameters
    ----------
    effect : PauseEffect
        Of a series of zeros and ones.
    launched : Series
        Drones launched by day.

    Returns
    -------
    dict or None
        n_days, without_hit, odds_ratio, statistic and p_value; None where no day inside, or outside, is known.
    """
    days = effect.daily[effect.daily["role"].isin(["window", "baseline"])].set_index("day")
    days = days.assign(launched=np.log1p(launched.reindex(days.index))).dropna(subset=["observed", "launched"])
    inside = (days["role"] == "window").astype(float)
    design = pd.DataFrame({"level": 1.0, "inside": inside, "launched": days["launched"] - days["launched"].mean()})
    if inside.nunique() < 2 or np.linalg.matrix_rank(design) < 3:
        return None
    statistic, p_value = firth_test(design, days["observed"], "inside")
    odds = float(np.exp(fit_firth(design, days["observed"])[0]["inside"]))
    return {"n_days": len(days), "without_hit": int((days["observed"] == 0).sum()), "odds_ratio": odds,
            "statistic": statistic, "p_value": p_value}  # fmt: skip


def _windows(pause, chosen):
    """Key, days and announcement of every window: the chosen claim's first, then the others' and their excess."""
    own = pause.days(chosen)
    for claim in (chosen, *pause.other_claims(chosen)):
        days, key = pause.days(claim), {"pause": pause.id, "claim": claim}
        yield key | {"window": PAUSE}, days, pause.first_announced_day(claim)
        for name, excess in ((BEFORE, days[days < own[0]]), (AFTER, days[days > own[-1]])):
            if len(excess):
                yield key | {"window": name}, excess, None


def _weeks(declared, days):
    """Weekly declarations around a pause by the widest of its windows."""
    first, last, margin = min(days), max(days), 7 * WEEKS_AROUND * ONE_DAY
    weeks = declared[declared["period"] == "week"]
    weeks = weeks[(weeks["last_day"] >= first - margin) & (weeks["first_day"] <= last + margin)]
    when = pd.Series("during", weeks.index)
    when = when.mask(weeks["last_day"] < first, "before").mask(weeks["first_day"] > last, "after")
    named = weeks["target_class"].str.replace("_", " ")
    return pd.DataFrame({"pause": when, "named first": named}).set_axis(
        weeks["last_day"].dt.strftime("%Y-%m-%d").rename("week to")
    )
