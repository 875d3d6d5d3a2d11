"""Several windows tested together: ranks, each among its own placebos."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pandas as pd

from analysis.days import as_days
from analysis.effect import PauseEffect, decide
from analysis.errors import DesignError
from analysis.estimate import check_options, estimate_effect, with_week_after
from analysis.expected import Floats, Ints
from analysis.placebo import POWER, TIE
from analysis.series import Words
from analysis.windows import Day, Holidays, check_window
from analysis.words import DEPENDS, FEWER, MORE, listed, one_unit

CUTS = np.round(np.arange(0.05, 1.0, 0.05), 2)
MOST_DRAWS = 1_000_000
POWER_DRAWS = 2000  # a cut is stated in steps of 5 %, which needs no more
SCORE_STEPS = 1000  # scores are rounded to thousandths: whole numbers, whose sum has an exact distribution


def estimate_joint(
    windows: Sequence[tuple[pd.Series, pd.DatetimeIndex]],
    *,
    covariates: pd.DataFrame | None = None,
    baseline: int | tuple[Day, Day] | None = None,
    first_day: Day | None = None,
    exclude: Sequence[Day] = (),
    trend: str = "auto",
    weekday: bool = True,
    holidays: Holidays = None,
    test: str = "auto",
    salvo_days: Sequence[Day] = (),
    alternative: str = "two-sided",
    level: float = 0.95,
    draws: int = 100_000,
    seed: int = 0,
    label: Words = None,
) -> PauseEffect:
    """Estimate several windows and test them together.

    Parameters
    ----------
    windows : sequence of (counts, days)
    covariates, baseline, first_day, exclude, trend, weekday, holidays, test, salvo_days, alternative, level, label
        As in `estimate_effect`; every window, and the week after it, is left out of the others' baselines.
    draws, seed
        As in `combine_effects`.

    Returns
    -------
    PauseEffect
        As from `combine_effects`.

    Raises
    ------
    DesignError
        As `estimate_effect`; windows of different outcomes.
    """
    listed = isinstance(windows, list | tuple) and len(windows)
    if not listed or not all(isinstance(w, tuple | list) and len(w) == 2 for w in windows):
        expected, found = "a list of pairs: [(counts, days), (counts, days)]", type(windows).__name__
        raise DesignError("not several windows", field="windows", expected=expected, found=found)
    apart = as_days(exclude, "exclude")
    spans, effects = [with_week_after(check_window(days)) for _, days in windows], []
    for position, (counts, days) in enumerate(windows):
        others = [day for k, span in enumerate(spans) if k != position for day in span]
        effect = estimate_effect(
            counts, days, covariates=covariates, baseline=baseline, first_day=first_day, exclude=[*apart, *others],
            trend=trend, weekday=weekday, holidays=holidays, test=test, salvo_days=salvo_days, alternative=alternative,
            level=level, label=label,
        )  # fmt: skip
        effects.append(effect)
    return combine_effects(effects, alternative=alternative, level=level, draws=draws, seed=seed)


def combine_effects(
    effects: Sequence[PauseEffect],
    *,
    variants: Mapping[str, Sequence[PauseEffect]] | None = None,
    alternative: str = "two-sided",
    level: float = 0.95,
    draws: int = 100_000,
    seed: int = 0,
) -> PauseEffect:
    """Test several windows together: the mean normal score of their ranks, each among its own placebos.

    Under the null each window is one of its own placebos or itself, independently of the others; the distribution
    of the sum of their scores (van der Waerden 1952) is then exact, by convolution. A verdict of fewer or more that
    one unit on one day, one window left out, or one of the `variants` overturns, "depends on a choice".

    Parameters
    ----------
    effects : sequence of PauseEffect
        One per episode, of one outcome; those without a single placebo window are left out and named.
    variants : mapping of str to sequence of PauseEffect, optional
        The same windows by other ways to count, by a name that fits "counted by ...".
    alternative, level
        As in `estimate_effect`.
    draws, seed : int
        How many times the windows are drawn for the ordinary range of the pooled ratio, and how.

    Returns
    -------
    PauseEffect
        Test "joint"; observed and expected are sums, the ratio is pooled, p comes from the scores;
        `p_min` is what silence in all windows would have given.

    Raises
    ------
    DesignError
        Effects of different outcomes, or none; options that make no sense.

    Examples
    --------
    >>> days = pd.date_range("2025-01-01", periods=300)
    >>> counts = pd.Series(np.random.default_rng(1).poisson(100, 300), index=days, name="drones")
    >>> quiet = [days[200:202], days[240:242]]
    >>> counts[[*quiet[0], *quiet[1]]] = 5
    >>> combine_effects([estimate_effect(counts, window) for window in quiet], draws=5000).verdict
    'fewer'
    """
    check_options(test="auto", alternative=alternative, level=level)
    for field, value, low, high in (("draws", draws, 1, MOST_DRAWS), ("seed", seed, 0, np.inf)):
        if not isinstance(value, int | np.integer) or not low <= value <= high:
            expected = f"a whole number from {low}" + f" to {high}" * (field == "draws")
            raise DesignError("cannot draw like that", field=field, expected=expected, found=f"{value!r:.60}")
    if not all(isinstance(effect, PauseEffect) for effect in effects):
        expected, remedy = "a list of effects", "take those of estimate_effect, or estimate_joint for series"
        raise DesignError("not effects", field="effects", expected=expected, found=f"{effects!r:.60}", remedy=remedy)
    outcomes = {effect.outcome for effect in effects}
    if len(outcomes) != 1:
        found = ", ".join(sorted(outcomes)) or "no window at all"
        raise DesignError("windows cannot be combined", field="outcome", expected="one, for all windows", found=found)
    for one, other in pairwise(sorted(effects, key=lambda effect: effect.first_day)):
        if other.first_day <= one.last_day:
            expected, found = "windows that share no day", f"{other.first_day} in two of them"
            remedy = "join those that overlap into one window"
            raise DesignError("windows overlap", field="effects", expected=expected, found=found, remedy=remedy)
    used = _usable(effects)
    left_out = [effect.pause or "a window" for effect in effects if effect not in used]
    note = f"; left out, having no comparable windows: {', '.join(left_out)}" if left_out else ""
    blank = _blank(used or effects, alternative, level)
    if len(used) < 2:
        return decide(replace(blank, reason=f"fewer than two windows can be compared with others{note}"))
    together = _pooled(used, blank, np.random.default_rng(seed), draws, note)
    if together.verdict not in (FEWER, MORE):
        return together
    doubts = list(_doubts(together, used, variants or {}))
    reason = f"{listed(doubts)}; {together.reason}"
    return replace(together, verdict=DEPENDS, reason=reason) if doubts else together


def _pooled(
    used: Sequence[PauseEffect], blank: PauseEffect, generator: np.random.Generator, draws: int, note: str
) -> PauseEffect:
    test = _JointTest(used, blank.alternative)
    ratios, expected = np.array([effect.ratio for effect in used]), np.array([effect.expected for effect in used])
    picks = np.array([generator.choice(reference, draws) for reference in test.references])
    falls = blank.alternative != "greater"
    p_best = test.p_value(np.full(len(used), 0.0 if falls else np.inf))
    observed, total = float(sum(effect.observed for effect in used)), float(expected.sum())
    pooled, pooled_ratios = observed / total, (expected @ picks) / total
    low, high = (float(end) for end in np.quantile(pooled_ratios, [blank.alpha / 2, 1 - blank.alpha / 2]))
    testable = p_best <= blank.alpha
    visible = test.visible_cut(picks[:, :POWER_DRAWS], ratios, blank.alpha) if testable and falls else None
    best = f"; silence in all of them would have had p = {p_best:.2g}" if falls else ""
    return decide(
        replace(
            blank,
            observed=observed,
            expected=total,
            expected_low=total * low,
            expected_high=total * high,
            ratio=pooled,
            ratio_low=pooled / high if high > 0 else None,
            ratio_high=pooled / low if pooled > 0 and low > 0 else None,
            p_value=test.p_value(ratios),
            p_min=p_best,
            n_placebo=min(effect.n_placebo for effect in used),
            testable=testable,
            smallest_visible_cut=visible,
            reason=f"{len(used)} windows together{'' if testable else ': even silence in all is ordinary'}{best}{note}",
            placebo=pd.DataFrame({"start": range(draws), "ratio": pooled_ratios}),
        )
    )


def _doubts(
    together: PauseEffect, used: Sequence[PauseEffect], variants: Mapping[str, Sequence[PauseEffect]]
) -> Iterator[str]:
    """What would overturn a joint verdict, in words."""
    fewer = together.verdict == FEWER
    test, alpha = _JointTest(used, together.alternative), together.alpha
    ratios = np.array([effect.ratio for effect in used])
    inside = together.expected_low <= together.observed <= together.expected_high
    if inside or (test.score(ratios) > 0) == fewer:
        yield "the ranks of the windows and their pooled sum do not say the same"
    moved = []
    for place, effect in enumerate(used):
        other = ratios.copy()
        other[place] = max(0.0, effect.observed + (1 if fewer else -1)) / effect.expected
        moved.append(test.p_value(other))
    if max(moved) > alpha:
        moved_by = f"{one_unit(together)} {'more' if fewer else 'less'}"
        yield f"with {moved_by} on one day p would be up to {max(moved):.2g}"
    if len(used) > 2:
        rest = [_p_value([*used[:k], *used[k + 1 :]], together.alternative) for k in range(len(used))]
        if max(rest) > alpha:
            yield f"with one episode left out p would be up to {max(rest):.2g}"
    for name, effects in variants.items():
        p = _p_value(_usable(effects), together.alternative)
        if p > alpha:
            yield f"counted by {name} p would be {p:.2g}"


def _usable(effects: Sequence[PauseEffect]) -> list[PauseEffect]:
    """Those that have a placebo window to be ranked among."""
    return [effect for effect in effects if effect.ratio is not None and effect.n_placebo and len(effect.placebo)]


def _p_value(effects: Sequence[PauseEffect], alternative: str) -> float:
    """The joint p-value of these effects; 1 where fewer than two are left."""
    if len(effects) < 2:
        return 1.0
    return _JointTest(effects, alternative).p_value(np.array([effect.ratio for effect in effects]))


class _JointTest:
    """The placebo ratios of several windows, and the exact p-value of any ratios among them."""

    def __init__(self, effects: Sequence[PauseEffect], alternative: str) -> None:
        ratios = (effect.placebo["ratio"].dropna().to_numpy(float) for effect in effects)
        self.references = [np.sort(np.round(values, 9)) for values in ratios]
        self.alternative = alternative

    def score(self, ratios: Floats) -> int:
        """Sum of the scores of one ratio a window, in thousandths."""
        return sum(int(scores[-1]) for scores in self._scores(ratios))

    def _scores(self, ratios: Floats) -> Iterator[Ints]:
        """For each window the scores of its placebos and, last, of its own ratio: middle ranks where they tie."""
        from scipy.stats import rankdata

        for reference, ratio in zip(self.references, ratios, strict=True):
            members = np.append(reference, np.round(ratio, 9))
            yield _normal_scores(rankdata(members) - 0.5, len(members))

    def _null(self, ratios: Floats) -> tuple[int, Floats]:
        """The smallest sum of scores, and the probability of each sum from there on."""
        low, null = 0, np.ones(1)
        for scores in self._scores(ratios):
            values, times = np.unique(scores, return_counts=True)
            wider = np.zeros(len(null) + values[-1] - values[0])
            for value, share in zip(values - values[0], times / len(scores), strict=True):
                wider[value : value + len(null)] += share * null
            low, null = low + int(values[0]), wider
        return low, null

    def p_value(self, ratios: Floats) -> float:
        """Probability of a sum of scores as extreme or more."""
        low, null = self._null(ratios)
        place = self.score(ratios) - low
        return float(self._sided(null[: place + 1].sum(), null[place:].sum()))

    def _sided(self, lower: Floats, upper: Floats) -> Floats:
        two_sided = np.minimum(1, 2 * np.minimum(lower, upper))
        return {"less": lower, "greater": upper, "two-sided": two_sided}[self.alternative]

    def visible_cut(self, picks: Floats, ratios: Floats, alpha: float) -> float | None:
        """Smallest cut, in steps of 5 %, that is found in 80 % of placebo windows drawn together."""
        low, null = self._null(ratios)
        p_values = self._sided(null.cumsum(), null[::-1].cumsum()[::-1])
        for cut in CUTS:
            drawn = zip(self.references, picks, strict=True)
            total = sum(_scores_among(reference, row * (1 - cut)) for reference, row in drawn)
            found = p_values[np.clip(total - low, 0, len(null) - 1)] <= alpha
            if found.mean() >= POWER:
                return float(cut)
        return None


def _scores_among(reference: Floats, ratios: Floats) -> Ints:
    """Scores of many ratios, each among the placebos and itself."""
    below = np.searchsorted(reference, ratios - TIE, side="left")
    tied = np.searchsorted(reference, ratios + TIE, side="right") - below
    return _normal_scores(below + tied / 2 + 0.5, len(reference) + 1)


def _normal_scores(ranks: Floats, n: int) -> Ints:
    """The normal quantiles of middle ranks among n, in thousandths."""
    from scipy.stats import norm

    return np.round(SCORE_STEPS * norm.ppf(ranks / n)).astype(int)


def _blank(effects: Sequence[PauseEffect], alternative: str, level: float) -> PauseEffect:
    """The joint effect of several windows before any number: which days it speaks of."""
    first = min(effects, key=lambda effect: effect.first_day)
    return PauseEffect(
        pause="+".join(effect.pause for effect in effects if effect.pause) or "several", claim="main",
        outcome=first.outcome, stratum=first.stratum, window=first.window, test="joint",
        first_day=first.first_day, last_day=max(effect.last_day for effect in effects),
        n_days=sum(effect.n_days for effect in effects), n_missing=sum(effect.n_missing for effect in effects),
        alternative=alternative, level=level, label=first.label,
    )  # fmt: skip
