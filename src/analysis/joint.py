"""Several windows tested together: ranks, each among its own placebos."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from analysis.effect import PauseEffect, decide
from analysis.errors import DesignError
from analysis.estimate import estimate_effect, with_week_after
from analysis.expected import Floats
from analysis.placebo import ALTERNATIVES, POWER, TIE
from analysis.windows import Day
from analysis.words import DEPENDS, FEWER, MORE

CUTS = np.round(np.arange(0.05, 1.0, 0.05), 2)
POWER_DRAWS = 2000  # a cut is stated in steps of 5 %, which needs no more


def estimate_joint(
    windows: Sequence[tuple[pd.Series, pd.DatetimeIndex]],
    *,
    covariates: pd.DataFrame | None = None,
    baseline: int | tuple[Day, Day] | None = None,
    first_day: Day | None = None,
    exclude: Sequence[Day] = (),
    trend: str = "auto",
    weekday: bool = True,
    holidays: bool = True,
    test: str = "auto",
    salvo_days: Sequence[Day] = (),
    alternative: str = "two-sided",
    level: float = 0.95,
    draws: int = 100_000,
    seed: int = 0,
) -> PauseEffect:
    """Estimate several windows and test them together.

    Parameters
    ----------
    windows : sequence of (counts, days)
    covariates, baseline, first_day, exclude, trend, weekday, holidays, test, salvo_days, alternative, level
        As in `estimate_effect`; every window, and the week after it, is left out of the others' baselines.
    draws, seed
        As in `analysis.combine_effects`.

    Returns
    -------
    PauseEffect
        As from `combine_effects`.

    Raises
    ------
    DesignError
        As `estimate_effect`; windows of different outcomes.
    """
    spans, effects = [with_week_after(pd.DatetimeIndex(days)) for _, days in windows], []
    for position, (counts, days) in enumerate(windows):
        others = [day for k, span in enumerate(spans) if k != position for day in span]
        effects.append(
            estimate_effect(
                counts,
                days,
                covariates=covariates,
                baseline=baseline,
                first_day=first_day,
                exclude=[*exclude, *others],
                trend=trend,
                weekday=weekday,
                holidays=holidays,
                test=test,
                salvo_days=salvo_days,
                alternative=alternative,
                level=level,
            )
        )
    return combine_effects(effects, alternative=alternative, level=level, draws=draws, seed=seed)


def combine_effects(
    effects: Sequence[PauseEffect],
    *,
    alternative: str = "two-sided",
    level: float = 0.95,
    draws: int = 100_000,
    seed: int = 0,
) -> PauseEffect:
    """Test several windows together: the mean normal score of their ranks, each among its own placebos.

    The null distribution takes one window per episode, independently, from its placebos and itself. Ranks, not
    ratios, are averaged, so an episode in a noisy year weighs no more than one in a quiet year.

    Parameters
    ----------
    effects : sequence of PauseEffect
        One per episode, of one outcome; those without a single placebo window are left out and named.
    alternative : {"two-sided", "less", "greater"}
    level : float
        Confidence level.
    draws, seed : int
        How many times the windows are drawn for the null distribution, and how they are drawn.

    Returns
    -------
    PauseEffect
        Test "joint"; observed and expected are sums, the ratio is pooled, p comes from the scores;
        `p_min` is what silence in all windows would have given.

    Raises
    ------
    DesignError
        Effects of different outcomes, or none; an unknown alternative; no draws.

    Examples
    --------
    >>> from analysis.effect import example_effect
    >>> ordinary = pd.DataFrame({"ratio": np.linspace(0.2, 2, 99)})
    >>> quiet = [example_effect(observed=20, ratio=0.1, placebo=ordinary)] * 3
    >>> combine_effects(quiet, draws=5000).verdict
    'fewer'
    """
    if alternative not in ALTERNATIVES or draws < 1:
        found = f"{alternative!r} with {draws} draws"
        raise DesignError("cannot test like that", field="alternative", expected=", ".join(ALTERNATIVES), found=found)
    outcomes = {effect.outcome for effect in effects}
    if len(outcomes) != 1:
        raise DesignError("effects cannot be combined", field="outcome", expected="one", found=str(sorted(outcomes)))
    used = [effect for effect in effects if effect.ratio is not None and effect.n_placebo and len(effect.placebo)]
    left_out = [effect.pause or "a window" for effect in effects if effect not in used]
    note = f"; left out, having no comparable windows: {', '.join(left_out)}" if left_out else ""
    blank = _blank(used or effects, alternative, level)
    if len(used) < 2:
        return decide(replace(blank, reason=f"fewer than two windows can be compared with others{note}"))

    generator = np.random.default_rng(seed)
    references = [_Reference(effect.placebo["ratio"].to_numpy(float)) for effect in used]
    shares = [generator.random(draws) for _ in used]
    picks = np.array([r.draw_ratios(share) for r, share in zip(references, shares, strict=True)])
    ratios = np.array([effect.ratio for effect in used])[:, None]
    expected = np.array([effect.expected for effect in used])

    def mean_score(values: Floats) -> Floats:
        return np.mean([r.score(v) for r, v in zip(references, values, strict=True)], axis=0)

    def null_of(values: Floats) -> Floats:
        drawn = [r.draw_scores(share, v) for r, share, v in zip(references, shares, values, strict=True)]
        return np.sort(np.mean(drawn, axis=0))

    def p_value(score: Floats, null: Floats) -> Floats:
        lower = (1 + np.searchsorted(null, score + TIE, side="right")) / (draws + 1)
        upper = (1 + draws - np.searchsorted(null, score - TIE, side="left")) / (draws + 1)
        two_sided = np.minimum(1, 2 * np.minimum(lower, upper))
        return {"less": lower, "greater": upper, "two-sided": two_sided}[alternative]

    score, null = mean_score(ratios), null_of(ratios)
    extreme = np.full_like(ratios, np.inf if alternative == "greater" else 0.0)
    p_best = float(p_value(mean_score(extreme), null_of(extreme))[0])
    observed, total = float(sum(effect.observed for effect in used)), float(expected.sum())
    pooled, pooled_ratios = observed / total, (expected @ picks) / total
    low, high = (float(end) for end in np.quantile(pooled_ratios, [blank.alpha / 2, 1 - blank.alpha / 2]))
    some = picks[:, :POWER_DRAWS]
    power = [float((p_value(mean_score(some * (1 - cut)), null) <= blank.alpha).mean()) for cut in CUTS]
    visible = CUTS[np.array(power) >= POWER]
    testable = p_best <= blank.alpha
    best = f"; silence in all of them would have had p = {p_best:.2g}" if alternative != "greater" else ""
    together = decide(replace(
        blank, observed=observed, expected=total, expected_low=total * low, expected_high=total * high,
        ratio=pooled, ratio_low=pooled / high if high > 0 else None,
        ratio_high=pooled / low if pooled > 0 and low > 0 else None,
        p_value=float(p_value(score, null)[0]), p_min=p_best, n_placebo=min(effect.n_placebo for effect in used),
        testable=testable,
        smallest_visible_cut=float(visible[0]) if testable and len(visible) and alternative != "greater" else None,
        reason=f"{len(used)} windows together{'' if testable else ': even silence in all is ordinary'}{best}{note}",
        placebo=pd.DataFrame({"start": range(draws), "ratio": pooled_ratios}),
    ))  # fmt: skip

    inside = together.expected_low <= together.observed <= together.expected_high
    if together.verdict in (FEWER, MORE) and (inside or (score[0] > 0) != (together.verdict == MORE)):
        why = "the ranks of the windows and their pooled sum do not say the same"
        return replace(together, verdict=DEPENDS, reason=f"{why}; {together.reason}")
    return together


def _blank(effects: Sequence[PauseEffect], alternative: str, level: float) -> PauseEffect:
    """The joint effect of several windows before any number: which days it speaks of."""
    first = min(effects, key=lambda effect: effect.first_day)
    return PauseEffect(
        pause="+".join(effect.pause for effect in effects if effect.pause) or "several", claim="main",
        outcome=first.outcome, stratum=first.stratum, window=first.window, test="joint",
        first_day=first.first_day, last_day=max(effect.last_day for effect in effects),
        n_days=sum(effect.n_days for effect in effects), n_missing=sum(effect.n_missing for effect in effects),
        alternative=alternative, level=level,
    )  # fmt: skip


class _Reference:
    """The placebo ratios of one window and the normal score of any ratio among them."""

    def __init__(self, ratios: Floats) -> None:
        from scipy.stats import norm

        self.ratios = np.sort(np.round(ratios[~np.isnan(ratios)], 9))
        self._normal_quantile = norm.ppf

    def score(self, ratios: Floats) -> Floats:
        """Normal score of the middle rank of each ratio among the placebos and itself (van der Waerden 1952)."""
        below = np.searchsorted(self.ratios, ratios - TIE, side="left")
        tied = np.searchsorted(self.ratios, ratios + TIE, side="right") - below
        return self._normal_quantile((below + tied / 2 + 0.5) / (len(self.ratios) + 1))

    def draw_ratios(self, shares: Floats) -> Floats:
        """Placebo ratios at random shares of their number, each from 0 to below 1."""
        return self.ratios[(shares * len(self.ratios)).astype(int)]

    def draw_scores(self, shares: Floats, own: float) -> Floats:
        """Scores of windows drawn from the placebos and the tested one: under the null it is one of them."""
        from scipy.stats import rankdata

        scores = np.sort((rankdata(np.append(self.ratios, np.round(own, 9))) - 0.5) / (len(self.ratios) + 1))
        return self._normal_quantile(scores[(shares * len(scores)).astype(int)])
