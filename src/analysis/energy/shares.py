"""Shares by day: hits among trials in one window, against all windows of its length.

The denominator is each day's own: a weekend with few reports weighs little and does not look quiet. Fisher's exact
test takes every trial for an independent draw; where hits come in lasting clusters it rejects 13 to 22 % of true nulls
at 5 % (`share_size_study`), so it is never the result.
"""

from dataclasses import replace
from math import ceil

import numpy as np
import pandas as pd

from analysis.effects import decide
from analysis.errors import DesignError
from analysis.estimation import estimate_effect
from analysis.evidence import BAND, placebo_fields
from analysis.layout import check_counts
from analysis.placebo import PlaceboTest, window_sums
from analysis.sentences import NOT_TESTABLE

SAME_WEEKDAY = "same-weekday"
LENGTH, SIDE = 4, 90  # days in the window of the size study, and on either side of it
CLUSTERS = {  # standard deviation and day-to-day correlation of log-odds, typical share
    "independent": (0.0, 0.0, 0.15),
    "clustered": (1.0, 0.0, 0.12),
    "clustered, lasting": (1.0, 0.6, 0.12),
    "strongly clustered": (1.5, 0.8, 0.08),
}


def estimate_share(
    hits, trials, days, *, baseline=None, first_day=None, exclude=(), announced=None, same_weekday=False,
    alternative="two-sided", level=0.95,
):  # fmt: skip
    """Compare the share of hits among trials in one window with the share in ordinary windows.

    Parameters
    ----------
    hits, trials : Series
        Two counts a day, hits among trials, indexed by consecutive days. A day on which either is missing, or
        without a trial, is missing.
    days : DatetimeIndex
        The window: consecutive days.
    baseline, first_day, exclude, announced, alternative, level
        As in `estimate_effect`.
    same_weekday : bool
        Compare only with windows that begin on the same weekday; the test is then called "same-weekday".

    Returns
    -------
    PauseEffect
        Counts hits. Expected is the share of hits on the baseline days times the trials of the window, so the ratio
        is share inside over share outside. `daily` has the column trials too. Of two windows without a hit, the one
        with more trials is the more extreme. Not testable with fewer than 39 separate windows in the baseline (19
        where only one direction is asked): then ordinary windows would be called unusual too often.

    Raises
    ------
    DesignError
        More hits than trials; malformed series, window or options.

    Examples
    --------
    >>> days = pd.date_range("2025-01-01", periods=150)
    >>> trials = pd.Series(np.random.default_rng(1).poisson(50, 150), index=days, name="articles")
    >>> hits = (trials // 5).where(~days.isin(days[140:143]), 1)
    >>> effect = estimate_share(hits, trials, days[140:143])
    >>> effect.verdict, round(effect.ratio, 2)
    ('fewer', 0.11)
    """
    hits, trials = check_counts(hits), check_counts(trials).reindex(hits.index)
    over = hits > trials
    if over.any():
        raise DesignError(
            "more hits than trials", field=str(hits.name), rows=[int(i) + 1 for i in np.flatnonzero(over)],
            expected="hits among trials", remedy="count both in the same unit",
        )  # fmt: skip
    effect = estimate_effect(
        hits.where(trials > 0), days, baseline=baseline, first_day=first_day, exclude=exclude, announced=announced,
        trend="constant", weekday=False, holidays=False, test="shift", alternative=alternative, level=level,
    )  # fmt: skip
    daily = effect.daily.set_index("day")
    daily = daily.assign(trials=trials.reindex(daily.index).where(daily["observed"].notna()))
    effect = replace(effect, daily=daily.reset_index(), test=SAME_WEEKDAY if same_weekday else effect.test)
    if effect.p_value is None:
        return effect
    ordinary, starts = daily["role"] == "baseline", pd.DatetimeIndex(effect.placebo["start"])
    if same_weekday:
        starts = starts[starts.day_of_week == pd.Timestamp(effect.first_day).day_of_week]
    usual = daily.loc[ordinary, "observed"].sum() / daily.loc[ordinary, "trials"].sum()
    daily["expected"] = usual * daily["trials"]
    low, high = (daily["observed"] / daily["expected"])[ordinary].quantile(BAND)
    daily = daily.assign(low=low * daily["expected"], high=high * daily["expected"])
    positions = daily.index.get_indexer([*starts, pd.Timestamp(effect.first_day)])
    pattern = daily.loc[daily["role"] == "window", "observed"].notna().to_numpy()
    seen, mean = (
        window_sums(daily[column].fillna(0).to_numpy(), positions, pattern) for column in ("observed", "expected")
    )
    placebo = pd.DataFrame({"start": starts, "ratio": seen[:-1] / mean[:-1]})
    separate = len(starts) if same_weekday else int(ordinary.sum() // pattern.sum())
    return _judge(replace(effect, daily=daily.reset_index(), placebo=placebo), seen, mean, separate)


def order_windows(seen, expected):
    """Put windows in order for the lower tail: by ratio; of two without a hit, the one that expected more is lower.

    Parameters
    ----------
    seen, expected : (..., M) arrays
        Hits, and hits expected (in any unit).

    Returns
    -------
    (..., M) array
        The ratio; below 0 where there is no hit; NaN where none was expected.

    Examples
    --------
    >>> order_windows(np.array([0, 0, 2]), np.array([1.0, 3, 4])).tolist()
    [-0.125, -0.375, 0.5]
    """
    ratio = np.divide(seen, expected, out=np.full(seen.shape, np.nan), where=expected > 0)
    return np.where(ratio == 0, -0.5 * expected / expected.max(-1, keepdims=True), ratio)


def share_tails(seen, expected):
    """p-values of the last window against all others, lower and upper tail; leading axes run over series."""
    order = order_windows(seen, expected)
    ratio = np.maximum(order, 0)  # above, windows without a hit are all tied: few trials are no sign of a rise
    return PlaceboTest(order[..., -1], order[..., :-1]).p_lower, PlaceboTest(ratio[..., -1], ratio[..., :-1]).p_upper


def _judge(effect, seen, mean, separate):
    """Test the last window against the others and let the common rule decide."""
    alpha, sides = effect.alpha, 2 if effect.alternative == "two-sided" else 1
    order, (lower, upper) = order_windows(seen, mean), share_tails(seen, mean)
    test = PlaceboTest(order[-1], order[:-1], effect.alternative, alpha)
    nothing = share_tails(np.append(seen[:-1], 0), mean)[0] * sides
    floor = float(test.p_min_rise if effect.alternative == "greater" else nothing)
    tail = {"less": lower, "greater": upper}.get(effect.alternative, min(lower, upper))
    windows = f"{test.n_placebo} comparable window{'s' * int(test.n_placebo != 1)}"
    silent = int((seen[:-1] == 0).sum())
    needed = ceil(sides / alpha - 1e-9) - 1  # with fewer, not even the most extreme of separate windows is rejected
    if floor > alpha:
        reason = f"even none at all is ordinary: {silent} of {windows} have none" if silent else (
            f"only {windows}: even none at all has p = {min(1.0, floor):.2g}"
        )  # fmt: skip
    elif separate < needed:
        reason = f"only {separate} separate windows to compare with, {needed} are needed"
    else:
        reason = f"compared with {windows}, each by the denominators of its own days"
    testable = bool(floor <= alpha and separate >= needed)
    found = placebo_fields(test, float(mean[-1]))
    found |= {name: found[name] and max(found[name], 0.0) for name in ("expected_low", "ratio_low")}  # no hit: below 0
    found |= {"ratio": float(seen[-1] / mean[-1]), "p_value": min(1.0, float(tail) * sides), "p_min": min(1.0, floor)}
    cut = found["smallest_visible_cut"] if testable else None
    judged = decide(replace(effect, **found | {"testable": testable, "smallest_visible_cut": cut, "reason": reason}))
    return judged if separate >= needed else replace(judged, verdict=NOT_TESTABLE)


def share_size_study(*, replicates=2000, level=0.95, seed=0):
    """How often share tests reject although nothing changed: 4 days among 184, about 6 trials a day, 15 % of them hits.

    Parameters
    ----------
    replicates, seed : int
    level : float

    Returns
    -------
    DataFrame
        A row a way in which days cluster. window_shift and fisher: share of replicates rejected, two-sided;
        window_shift_less and fisher_less: one-sided; standard_error: Monte Carlo error of window_shift; none_by_chance:
        replicates without a hit in the window.
    """
    from scipy.stats import hypergeom

    rows, alpha = {}, 1 - level + 1e-12
    pattern, starts = np.ones(LENGTH, bool), np.arange(2 * SIDE + 1)
    starts = np.append(starts[abs(starts - SIDE) >= LENGTH], SIDE)  # the tested window last
    for name, (spread, persistence, share) in CLUSTERS.items():
        generator, shape = np.random.default_rng(seed), (replicates, 2 * SIDE + LENGTH)
        swing = generator.standard_normal(shape)
        for day in range(1, shape[1]):
            swing[:, day] = persistence * swing[:, day - 1] + np.sqrt(1 - persistence**2) * swing[:, day]
        odds = share / (1 - share) * np.exp(spread * swing)
        trials = generator.poisson(6, shape)
        hits = generator.binomial(trials, odds / (1 + odds))
        seen, total = window_sums(hits, starts, pattern), window_sums(trials, starts, pattern)
        exact = hypergeom(trials.sum(1), hits.sum(1), total[:, -1])
        tails = [*share_tails(seen, total.astype(float)), exact.cdf(seen[:, -1]), exact.sf(seen[:, -1] - 1)]
        shift, less, fisher, fisher_less = (
            float((p <= alpha).mean())
            for p in (2 * np.minimum(*tails[:2]), tails[0], 2 * np.minimum(*tails[2:]), tails[2])
        )
        error, none = np.sqrt(shift * (1 - shift) / replicates), float((seen[:, -1] == 0).mean())
        rows[name] = [shift, less, fisher, fisher_less, error, none]
    columns = ["window_shift", "window_shift_less", "fisher", "fisher_less", "standard_error", "none_by_chance"]
    return pd.DataFrame.from_dict(rows, orient="index", columns=columns).rename_axis("days")
