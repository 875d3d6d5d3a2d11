"""One pause under every defensible choice and every party's window: what does the answer hang on?"""

from dataclasses import dataclass, replace
from itertools import product

import pandas as pd

from analysis.effects import EffectsRecord, decide, shown
from analysis.estimation import estimate_effect
from analysis.layout import ONE_DAY
from analysis.pauses import get_pause, load_pauses
from analysis.procedure import VOLUME, not_ordinary
from analysis.registry import window_span
from analysis.salvos import salvo_days
from analysis.sensitivity.choices import CHOICES, EDGES
from analysis.sensitivity.curve import STRATUM, estimate_curve
from analysis.sentences import NOT_TESTABLE, days_phrase
from analysis.strikedays import strike_days
from analysis.tables import load_strikes, load_table, outcome_series
from analysis.tables import outcomes as catalogue

LAST_WEEK = 8  # last days of the table to leave out, instead of one
LARGE = 0.1  # a tenth of the expected number: a shift of the ratio that a reader would notice


@dataclass(frozen=True)
class Sensitivity:
    """Specification curves of one pause, for every stated claim and every outcome.

    Attributes
    ----------
    claim : str
        The claim in question.
    curves : tuple of SpecificationCurve
        Those of the claim in question first; never pooled.
    largest : tuple of PauseEffect
        From `largest_p`, for the claim in question: one per outcome.
    """

    claim: str
    curves: tuple
    largest: tuple

    def curve(self, outcome, *, claim=None):
        """The curve of one outcome, for the claim in question or another."""
        key = (outcome, claim or self.claim)
        return next(curve for curve in self.curves if (curve.effect.outcome, curve.effect.claim) == key)

    def outcomes(self):
        """Names of the outcomes."""
        return list(dict.fromkeys(curve.effect.outcome for curve in self.curves))

    def to_frame(self):
        """Every specification of every curve."""
        parts = [c.to_frame().assign(claim=c.effect.claim, outcome=c.effect.outcome) for c in self.curves]
        return pd.concat(parts, ignore_index=True)

    def by_claim(self):
        """Each curve as a whole, and the largest p-values: a row per claim, outcome and test."""
        rows = [*(curve.effect for curve in self.curves), *self.largest]
        return shown(rows, "claim", "outcome", "test", "first_day", "last_day", "ratio", "p_value", "verdict")

    def summary(self):
        """What the curves of the claim in question say, and what decides: a paragraph per outcome."""
        return "\n\n".join(f"{self.curve(name).summary()} {self.matters(name)}" for name in self.outcomes())

    def matters(self, outcome):
        """What moves the answer: whose window one believes, its edges, or the other choices; in a sentence."""
        own = [curve.effect for curve in self.curves if curve.effect.outcome == outcome]
        claims, spreads = [e.ratio for e in own if e.ratio is not None], self.curve(outcome).spreads()
        if spreads.empty:
            return "What the answer depends on cannot be said."
        others = spreads.drop(index=EDGES, errors="ignore")
        moved = [_moved("which partly covered days count", *spreads.loc[EDGES])] if EDGES in spreads.index else []
        if len(others):
            widest = (others["max"] - others["min"]).idxmax()
            moved.append(_moved("the model or the counting", *others.loc[widest], note=f"most by {widest}, "))
        if len(claims) > 1:
            moved.append(_moved("whose window you believe", min(claims), max(claims)))
        answer = "answer" if any(effect.verdict != NOT_TESTABLE for effect in own) else "ratio, testable or not,"
        only = "" if len(claims) > 1 else " Only one window can be compared."
        return f"The {answer} depends {_on(moved)}; in brackets the range of the median ratio.{only}"

    def plot(self, ax=None):
        """Draw the first outcome's curve for the claim in question."""
        return self.curves[0].plot(ax)

    def record(self):
        """The curves as a notebook output that a batch can read back."""
        return EffectsRecord((*(curve.effect for curve in self.curves), *self.largest))


def _moved(what, low, high, note=""):
    return high - low, f"{what} ({note}{low:.2f} to {high:.2f})"


def _on(moved):
    """Join what moves the ratio by much, widest first, and what does not."""
    moved = sorted(moved, reverse=True)
    much = [text for width, text in moved if width >= LARGE]
    little = [text for width, text in moved if width < LARGE]
    if much:
        return f"on {' and on '.join(much)}" + (f", not on {' or on '.join(little)}" if little else "")
    return f"neither on {' nor on '.join(little)}" if len(little) > 1 else f"not on {little[0]}"


def assess_choices(pause_id, *, claim="main", outcomes=VOLUME, choices=CHOICES, level=0.95, registry=None, folder=None):
    """Estimate one announced pause under every combination of choices.

    Parameters
    ----------
    pause_id, claim, outcomes, level, registry, folder
        As in `assess`.
    choices : sequence of Choice
        As in `estimate_curve`.

    Returns
    -------
    Sensitivity

    Raises
    ------
    RegistryError, DataError
        As `assess`.
    DesignError
        More than 100 combinations.

    Examples
    --------
    >>> few = [choice for choice in CHOICES if choice.axis == "counting"]
    >>> found = assess_choices("easter-2025", outcomes=["drones_launched"], choices=few)
    >>> [effect.test for effect in found.record().effects]
    ['curve', 'curve', 'largest p']
    """
    registry = load_pauses() if registry is None else registry
    pause = get_pause(registry, pause_id)
    chosen = pause.claim(claim).id
    shared = {
        "exclude": not_ordinary(registry, besides=pause), "level": level,
        "salvo_days": salvo_days(load_strikes(folder=folder)["missiles_launched"]),
    }  # fmt: skip
    curves, largest, known = [], [], {}
    for name, outcome in product([chosen, *pause.other_claims(chosen)], outcomes):
        days, waiting = pause.days(name), pause.announced_days(name)
        span = window_span(pause.claim(name).start, pause.claim(name).end)
        windows = {rule: strike_days(*span, rule=rule) for rule in ("any", "whole")}
        series = _series_on_offer(outcome, folder)
        shared["announced"] = pause.first_announced_day(name)
        # a curve takes seconds, and claims often differ by hours that make no other strike day
        same = (outcome, *(tuple(part) for part in (days, waiting, *windows.values())))
        if same not in known:
            fitting = [choice for choice in choices if getattr(choice, "outcome", "") in ("", outcome)]
            found = estimate_curve(series["usual"], days, choices=fitting, series=series, windows=windows, **shared)
            known[same] = found
        keyed = replace(known[same].effect, pause=pause.id, claim=name)
        curves.append(replace(known[same], effect=keyed))
        if name == chosen:
            largest.append(replace(largest_p(series["usual"], days, **shared), pause=pause.id, claim=name))
    return Sensitivity(chosen, tuple(curves), tuple(largest))


def _series_on_offer(outcome, folder):
    """The ways to count an outcome that choices can name."""
    usual, entry = outcome_series(outcome, folder=folder), catalogue()[outcome]
    offered = {"usual": usual, "week_dropped": outcome_series(outcome, drop_last=LAST_WEEK, folder=folder)}
    if entry.strict_first_day:
        offered["strict_start"] = usual[entry.strict_first_day :]
    if entry.table == "strikes":
        weapon = entry.column.split("_")[0] + "_"
        variants = load_table("strike_variants", folder=folder).set_index("day").filter(regex=f"^{weapon}")
        for column, counts in variants.items():
            offered[column.removeprefix(weapon)] = counts.reindex(usual.index).rename(outcome)
    return offered


def largest_p(counts, days, *, exclude=(), announced=None, salvo_days=(), level=0.95):
    """Test a window with its start and end moved by up to a day, and keep the least favourable result.

    The largest p-value is valid however the window was picked among these, and conservative; the smallest would be
    below 5 % more often than in 5 % of true nulls.

    Parameters
    ----------
    counts, days, exclude, announced, salvo_days, level
        As in `estimate_effect`.

    Returns
    -------
    PauseEffect
        That of the window with the largest p-value; its test is "largest p", its `p_min` the largest too.
    """
    moved = [pd.date_range(days[0] + s * ONE_DAY, days[-1] + e * ONE_DAY) for s, e in product((-1, 0, 1), repeat=2)]
    effects = [
        estimate_effect(counts, window, exclude=exclude, announced=announced, salvo_days=salvo_days, level=level)
        for window in moved if len(window)
    ]  # fmt: skip
    worst = max(effects, key=lambda effect: (effect.p_value is None, effect.p_value))
    reason = f"largest p of {len(effects)} windows with start and end moved by up to a day: {days_phrase(worst)}"
    if worst.p_value is None:
        return replace(worst, stratum=STRATUM, test="largest p", reason=f"{worst.reason}; {reason}")
    p_min = max(effect.p_min for effect in effects)
    testable = p_min <= worst.alpha
    if not testable:
        silent = sum(not effect.testable for effect in effects)
        reason = f"in {silent} of {len(effects)} windows moved by up to a day even total silence is ordinary; {reason}"
    cut = worst.smallest_visible_cut if testable else None
    found = {"p_min": p_min, "testable": testable, "smallest_visible_cut": cut, "reason": f"{reason}; {worst.reason}"}
    return decide(replace(worst, stratum=STRATUM, test="largest p", **found))
