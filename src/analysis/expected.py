"""What would have flown anyway: a log-linear count model, fitted to one series or to thousands at once.

The mean is that of a quasi-Poisson regression. Its standard errors are never used to test a short window
(see ``calibration.ipynb``); the placebo tests only need the expected counts.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt
import pandas as pd

from analysis.errors import DesignError

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

DAYS_PER_SPLINE_TERM = 80
ITERATIONS = 80
LARGEST_STEP = 3.0  # on the log scale; keeps Newton's method from overshooting
NOTHING = -23.0  # log of an expected share of 1e-10: days without a single event sink on and on, and need not settle
FIXED_HOLIDAYS = ["01-01", "01-07", "02-23", "03-08", "05-01", "05-09", "06-12", "08-24", "11-04", "12-25", "12-31"]


@cache
def holiday_dates(year: int) -> frozenset[pd.Timestamp]:
    """Dates either state keeps, with Orthodox Easter.

    One list for both sides and one coefficient for all: a single truce day cannot carry a term of its own.

    >>> pd.Timestamp("2025-04-20") in holiday_dates(2025)
    True
    """
    from dateutil.easter import EASTER_ORTHODOX, easter

    fixed = [pd.Timestamp(f"{year}-{month_day}") for month_day in FIXED_HOLIDAYS]
    return frozenset([*fixed, pd.Timestamp(easter(year, EASTER_ORTHODOX))])


def design_matrix(
    days: pd.DatetimeIndex,
    *,
    trend: str = "linear",
    weekday: bool = True,
    holidays: bool | pd.DatetimeIndex = True,
    covariates: pd.DataFrame | None = None,
    fitted: Bools | None = None,
) -> pd.DataFrame:
    """Build the regressors of the null model.

    Parameters
    ----------
    days : DatetimeIndex of n consecutive days
    trend : {"linear", "spline", "constant"}
        A straight line on the log scale; a cubic B-spline with about one term per 80 fitted days; or a level.
    weekday : bool
        Six dummies, Monday as reference.
    holidays : bool or DatetimeIndex
        One dummy for all holidays: those of Russia and Ukraine, or the dates given.
    covariates : DataFrame, optional
        Further columns, indexed by day, complete on `days`.
    fitted : (n,) boolean array, optional
        Days the model will be fitted to, all by default. A spline bends where they lie: knots in a long gap
        would leave the trend free to go anywhere there.

    Returns
    -------
    DataFrame of n rows
        Columns that do not vary, or repeat others, are left to `independent_columns`.

    Raises
    ------
    DesignError
        An unknown trend; a covariate that is missing on some day or not numeric.

    Examples
    --------
    >>> list(design_matrix(pd.date_range("2025-01-01", periods=9), weekday=False))
    ['level', 'trend', 'holiday']
    """
    n_days = len(days)
    if n_days == 0:
        raise DesignError("no days to make regressors for", field="days", expected="at least one day")
    position = np.arange(n_days) / max(n_days - 1, 1)
    columns = {"level": np.ones(n_days)}
    if trend == "spline":
        columns = _spline(position, position if fitted is None or not fitted.any() else position[fitted])
    elif trend == "linear":
        columns["trend"] = position - position.mean()
    elif trend != "constant":
        raise DesignError("unknown trend", field="trend", expected="linear, spline or constant", found=repr(trend))
    if weekday:
        columns |= {f"weekday_{d}": (days.day_of_week == d).astype(float) for d in range(1, 7)}
    if holidays is True:
        columns["holiday"] = np.array([day in holiday_dates(day.year) for day in days], float)
    elif holidays is not False:
        columns["holiday"] = np.array([day in holidays for day in days], float)
    design = pd.DataFrame(columns, index=days)
    return design if covariates is None else design.join(_checked_covariates(covariates, days, set(columns)))


def _spline(position: Floats, fitted: Floats) -> dict[str, Floats]:
    from scipy.interpolate import BSpline

    n_terms = max(4, round(len(fitted) / DAYS_PER_SPLINE_TERM) + 1)
    inner = np.quantile(fitted, np.linspace(0, 1, n_terms - 2))[1:-1]
    knots = np.concatenate([np.zeros(4), inner, np.ones(4)])
    basis = BSpline.design_matrix(position, knots, 3).toarray()
    return {f"spline_{k}": basis[:, k] for k in range(basis.shape[1])}


def _checked_covariates(covariates: pd.DataFrame, days: pd.DatetimeIndex, taken: set[str]) -> pd.DataFrame:
    if not isinstance(covariates, pd.DataFrame) or not covariates.index.is_unique or taken & set(covariates.columns):
        expected = f"a DataFrame with each day once and no column named {', '.join(sorted(taken))}"
        found = type(covariates).__name__
        raise DesignError("covariates cannot be used", field="covariates", expected=expected, found=found)
    aligned = covariates.reindex(days).apply(pd.to_numeric, errors="coerce").astype(float)
    lacking = ~np.isfinite(aligned)
    if lacking.to_numpy().any():
        name, remedy = lacking.any().idxmax(), "complete the covariate or leave it out"
        expected, found = f"a number on each of {len(days)} days", f"{int(lacking[name].sum())} days without"
        problem = "covariate is missing or not a finite number on some days"
        raise DesignError(problem, field=str(name), expected=expected, found=found, remedy=remedy)
    return (aligned - aligned.mean()) / aligned.std().replace(0, 1)


def independent_columns(design: pd.DataFrame, rows: Bools) -> tuple[Floats, list[str]]:
    """Columns that are no linear combinations of earlier ones on the fitted rows, and the names of the others."""
    X = design.to_numpy(float)
    _, triangle = np.linalg.qr(X[rows])
    scale = np.linalg.norm(X[rows], axis=0)
    keep = np.zeros(X.shape[1], bool)  # with fewer rows than columns, the last columns cannot be told apart
    diagonal = np.abs(np.diag(triangle))
    keep[: len(diagonal)] = diagonal > 1e-9 * np.maximum(scale[: len(diagonal)], 1e-300)
    return X[:, keep], list(design.columns[~keep])


def expected_counts(
    X: Floats, counts: Floats, *, weights: Floats | None = None, offset: Floats | None = None
) -> Floats:
    """Fit Poisson means to many series (m, n), or to many subsets of one (n,), all at once.

    Newton's method on the score equations of McCullagh and Nelder (1989, section 2.5) for all rows together:
    with shared regressors `X` (n, p), the information matrices of all fits are one matrix product. Days of weight 0
    are predicted but not fitted; `offset` (n,) is the log exposure. A series without a single event on its fitted days
    expects none. Raises DesignError where a fit does not converge.

    >>> expected_counts(np.ones((4, 1)), np.array([1.0, 2, 3, 6])).round(6).tolist()
    [3.0, 3.0, 3.0, 3.0]
    """
    counts = np.asarray(counts, float)
    weights = np.ones(X.shape[0]) if weights is None else np.asarray(weights, float)
    offset = np.zeros(X.shape[0]) if offset is None else np.asarray(offset, float)
    single = counts.ndim == 1 and weights.ndim == 1
    counts, weights = np.atleast_2d(counts), np.atleast_2d(weights)
    counts = np.where(weights > 0, counts, 0.0)
    weights = np.broadcast_to(weights, counts.shape)

    level = counts.sum(1) / np.maximum((weights * np.exp(offset)).sum(1), 1e-300)
    live = level > 0
    expected = np.zeros(counts.shape)
    if live.any():
        basis, _ = np.linalg.qr(X)  # an orthonormal basis keeps every solve well conditioned
        expected[live] = _newton(basis, counts[live], weights[live], offset, np.log(level[live])[:, None])
    return expected[0] if single else expected


def _newton(basis: Floats, counts: Floats, weights: Floats, offset: Floats, log_level: Floats) -> Floats:
    """Expected counts by steps from a constant `log_level` (m, 1)."""
    p = basis.shape[1]
    row, column = np.triu_indices(p)
    products = basis[:, row] * basis[:, column]
    information = np.empty((len(counts), p, p))
    ridge = (
        1e-11 * np.eye(p) * np.exp(log_level)[:, :, None]
    )  # or a term without events would run off to minus infinity
    eta = (log_level * basis.sum(0)) @ basis.T + offset
    for _ in range(ITERATIONS):
        mean = weights * np.exp(eta)
        packed = mean @ products
        information[:, row, column] = packed
        information[:, column, row] = packed
        step = np.linalg.solve(information + ridge, ((counts - mean) @ basis)[:, :, None])[:, :, 0]
        change = step @ basis.T
        largest = np.where(eta > log_level + NOTHING, np.abs(change), 0).max(1)
        damping = np.minimum(1, LARGEST_STEP / np.maximum(largest, LARGEST_STEP))[:, None]
        eta = eta + damping * change
        if largest.max() < 1e-6:  # convergence is quadratic: the step after this one is below 1e-11
            return np.exp(eta)
    raise DesignError("the null model does not converge", expected="a series with a stable level")
