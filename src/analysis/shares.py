"""Shares by day: hits among trials in one window, against all windows of its length; and two companions.

The denominator is each day's own, so that a weekend with few reports weighs little and does not look quiet. Fisher's
exact test takes every trial for an independent draw: where hits come in clusters it rejects 14 to 21 % of true nulls
at 5 % (`share_size_study`), so it is never the result. Firth's regression treats days as independent: a companion.
"""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from analysis.effects import decide
from analysis.errors import DesignError
from analysis.estimation import estimate_effect
from analysis.layout import check_counts
from analysis.placebo import PlaceboTest, window_sums

BAND = (0.025, 0.975)
SAME_WEEKDAY = "same-weekday"
LENGTH, SIDE = 4, 90  # days in the window of the size study, and on either side of it
CLUSTERS = {  # standard deviation and day-to-day correlation of log-odds, typical share
    "independent": (0.0, 0.0, 0.15),
    "clustered": (1.0, 0.0, 0.11),
    "clustered, lasting": (1.0, 0.6, 0.11),
    "strongly clustered": (1.5, 0.8, 0.075),
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
        is share inside over share outside. `daily` has the column trials too.

    Raises
    ------
    DesignError
        More hits than trials; malformed series, window or options.

    Examples
    --------
    >>> days = pd.date_range("2025-01-01", periods=120)
    >>> trials = pd.Series(np.random.default_rng(1).poisson(50, 120), index=days, name="articles")
    >>> hits = (trials // 5).where(~days.isin(days[100:103]), 1)
    >>> effect = estimate_share(hits, trials, days[100:103])
    >>> effect.verdict, round(effect.ratio, 2)
    ('fewer', 0.12)
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
    known = effect.daily["observed"].notna()
    effect = replace(
        effect, daily=effect.daily.assign(trials=trials.reindex(effect.daily["day"]).where(known.to_numpy()).to_numpy())
    )
    return relative_to(effect, trials, same_weekday=same_weekday)


def relative_to(effect, trials, *, same_weekday=False):
    """Judge an effect again: expected is proportional to another series instead of one level for all days.

    Parameters
    ----------
    effect : PauseEffect
        Of a window shift without trend. One without a p-value stays as it is.
    trials : Series
        By day; NaN counts as 0.
    same_weekday : bool
        Compare only with windows that begin on the same weekday.

    Returns
    -------
    PauseEffect
    """
    used = SAME_WEEKDAY if same_weekday else effect.test
    if effect.p_value is None:
        return replace(effect, test=used)
    daily = effect.daily.set_index("day")
    observed, ordinary = daily["observed"], daily["role"] == "baseline"
    trials = trials.reindex(daily.index).where(observed.notna()).fillna(0.0)
    expected = trials * (observed[ordinary].sum() / trials[ordinary].sum())
    starts = pd.DatetimeIndex(effect.placebo["start"])
    first = pd.Timestamp(effect.first_day)
    if same_weekday:
        starts = starts[starts.day_of_week == first.day_of_week]
    positions = daily.index.get_indexer(starts.append(pd.DatetimeIndex([first])))
    pattern = observed[first : pd.Timestamp(effect.last_day)].notna().to_numpy()
    seen, mean = (window_sums(column.fillna(0).to_numpy(), positions, pattern) for column in (observed, expected))
    low, high = (observed / expected)[ordinary & (expected > 0)].quantile(BAND)
    judged = replace(
        effect, test=used, placebo=pd.DataFrame({"start": starts, "ratio": seen[:-1] / mean[:-1]}),
        daily=daily.assign(expected=expected, low=low * expected, high=high * expected).reset_index(),
    )  # fmt: skip
    return _judged(judged, seen, mean)


def order_windows(seen, expected):
    """Put windows in order for a placebo test: by ratio; of two without a hit, the one that expected more is lower.

    Parameters
    ----------
    seen, expected : (..., M) arrays
        Hits, and hits expected (in any unit).

    Returns
    -------
    (..., M) array
        The ratio; between -1 and 0 where there is no hit.

    Examples
    --------
    >>> order_windows(np.array([0, 0, 2]), np.array([1.0, 3, 4])).round(2).tolist()
    [-0.25, -0.75, 0.5]
    """
    most = expected.max(-1, keepdims=True)
    ratio = np.divide(seen, expected, out=np.full(seen.shape, np.nan), where=expected > 0)
    return np.where(seen > 0, ratio, np.where(expected > 0, -expected / most, np.nan))


def _judged(effect, seen, mean):
    """Test the last window against the others and let the common rule decide."""
    order, alpha, expected = order_windows(seen, mean), 1 - effect.level, float(mean[-1])
    test = PlaceboTest(order[-1], order[:-1], effect.alternative, alpha)
    nothing = order_windows(np.append(seen[:-1], 0), mean)[-1]
    floor = test.p_min_rise if effect.alternative == "greater" else replace(test, ratio=nothing).p_value
    (low, high), testable, silent = test.accepted, bool(floor <= test.alpha), int((seen[:-1] == 0).sum())
    ratio, (ratio_low, ratio_high) = float(seen[-1] / mean[-1]), test.ratio_interval
    cut, windows = float(test.smallest_visible_cut), f"{test.n_placebo} comparable windows"
    limit = f"even none at all is ordinary: {silent} of {windows} have none" if silent else (
        f"only {windows}: even none at all has p = {floor:.2g}"
    )  # fmt: skip
    return decide(replace(
        effect, expected=expected, expected_low=expected * max(float(low), 0.0),
        expected_high=expected * float(high) if np.isfinite(high) else None, ratio=ratio,
        ratio_low=max(float(ratio_low), 0.0), ratio_high=float(ratio_high) if ratio and np.isfinite(ratio_high) else None,
        p_value=float(test.p_value), p_min=float(floor), n_placebo=int(test.n_placebo), testable=testable,
        smallest_visible_cut=cut if testable and np.isfinite(cut) else None,
        reason=f"compared with {windows}, each by the denominators of its own days" if testable else limit,
    ))  # fmt: skip


@dataclass(frozen=True)
class FirthFit:
    """A logistic regression with Firth's penalty.

    Attributes
    ----------
    coefficients, standard_errors : Series
        By term, on the log-odds scale.
    log_likelihood : float
        With the penalty, 0.5 log |X'WX|.
    """

    coefficients: pd.Series
    standard_errors: pd.Series
    log_likelihood: float


def fit_firth(design, outcome, *, held=()):
    """Fit a logistic regression whose estimates stay finite when a term separates the outcome (Firth 1993).

    Parameters
    ----------
    design : DataFrame (n, p)
        Complete; a column of ones for the level.
    outcome : array of n zeros and ones
    held : sequence of str
        Terms held at 0; the penalty is still that of the whole design.

    Returns
    -------
    FirthFit

    Raises
    ------
    DesignError
        The outcome is not 0 or 1, terms repeat one another, or the fit does not converge.

    Examples
    --------
    >>> fit = fit_firth(pd.DataFrame({"level": 1.0, "pause": [0.0, 0, 0, 1]}), [1, 1, 1, 0])
    >>> fit.coefficients.round(4).tolist()  # the empty cells of the table get half a case
    [1.9459, -3.0445]
    """
    from scipy.optimize import minimize

    X, y, free = design.to_numpy(float), np.asarray(outcome, float), ~design.columns.isin(held)
    if not np.isin(y, [0, 1]).all() or np.linalg.matrix_rank(X) < X.shape[1]:
        raise DesignError("not a logistic regression", expected="outcomes of 0 and 1, terms that differ")

    def objective(values):
        beta = np.zeros(X.shape[1])
        beta[free] = values
        eta = X @ beta
        mean = 1 / (1 + np.exp(-eta))
        weight = mean * (1 - mean)
        information = (X * weight[:, None]).T @ X
        leverage = weight * np.einsum("ij,ji->i", X, np.linalg.solve(information, X.T))
        likelihood = (y * eta - np.logaddexp(0, eta)).sum() + 0.5 * np.linalg.slogdet(information)[1]
        return -likelihood, -(X.T @ (y - mean + leverage * (0.5 - mean)))[free], information

    found = minimize(lambda values: objective(values)[:2], np.zeros(free.sum()), jac=True, options={"gtol": 1e-9})
    likelihood, slope, information = objective(found.x)
    if np.abs(slope).max() > 1e-5:
        raise DesignError("the penalised regression does not converge", expected="terms of a similar scale")
    errors = np.sqrt(np.diag(np.linalg.inv(information)))[free]
    terms = design.columns[free]
    return FirthFit(pd.Series(found.x, terms), pd.Series(errors, terms), -float(likelihood))


def firth_test(design, outcome, term):
    """Test one term by the penalised likelihood ratio (Heinze and Schemper 2002): its chi-square and p-value."""
    from scipy.stats import chi2

    ratio = 2 * (fit_firth(design, outcome).log_likelihood - fit_firth(design, outcome, held=[term]).log_likelihood)
    return float(ratio), float(chi2.sf(ratio, 1))


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
        order = order_windows(seen, total / trials.sum(1, keepdims=True))
        shift, exact = PlaceboTest(order[:, -1], order[:, :-1]), hypergeom(trials.sum(1), hits.sum(1), total[:, -1])
        fisher = exact.cdf(seen[:, -1]), exact.sf(seen[:, -1] - 1)
        rates = [shift.p_value, shift.p_lower, 2 * np.minimum(*fisher), fisher[0]]
        rates = [float((p <= alpha).mean()) for p in rates]
        rows[name] = [*rates, np.sqrt(rates[0] * (1 - rates[0]) / replicates), float((seen[:, -1] == 0).mean())]
    columns = ["window_shift", "window_shift_less", "fisher", "fisher_less", "standard_error", "none_by_chance"]
    return pd.DataFrame.from_dict(rows, orient="index", columns=columns).rename_axis("days")
