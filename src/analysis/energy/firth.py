"""Logistic regression with Firth's penalty: finite estimates where a term separates the outcome.

It treats days as independent, so it stands beside a placebo test and never replaces it.
"""

import numpy as np
import pandas as pd

from analysis.errors import DesignError


def fit_firth(design, outcome, *, held=()):
    """Maximise the penalised likelihood of Firth (1993), l(b) + 0.5 log |X'WX|.

    Parameters
    ----------
    design : DataFrame (n, p)
        Complete; a column of ones for the level.
    outcome : array of n zeros and ones
    held : sequence of str
        Terms held at 0; the penalty is still that of the whole design.

    Returns
    -------
    coefficients : Series
        By term, on the log-odds scale.
    log_likelihood : float
        With the penalty.

    Raises
    ------
    DesignError
        The outcome is not 0 or 1, terms repeat one another, or the fit does not converge.

    Examples
    --------
    >>> design = pd.DataFrame({"level": 1.0, "pause": [0.0, 0, 0, 1]})
    >>> fit_firth(design, [1, 1, 1, 0])[0].round(4).tolist()  # every cell of the table gets half a case
    [1.9459, -3.0445]
    """
    from scipy.optimize import minimize

    X, y, free = design.to_numpy(float), np.asarray(outcome, float), ~design.columns.isin(held)
    if not np.isin(y, [0, 1]).all() or not np.isfinite(X).all() or np.linalg.matrix_rank(X) < X.shape[1]:
        raise DesignError("not a logistic regression", expected="outcomes of 0 and 1, complete terms that differ")

    def objective(values):
        eta = X[:, free] @ values
        mean = 1 / (1 + np.exp(-eta))
        weight = mean * (1 - mean)
        information = (X * weight[:, None]).T @ X
        leverage = weight * np.einsum("ij,ji->i", X, np.linalg.solve(information, X.T))
        likelihood = (y * eta - np.logaddexp(0, eta)).sum() + 0.5 * np.linalg.slogdet(information)[1]
        return -likelihood, -X[:, free].T @ (y - mean + leverage * (0.5 - mean))

    found = minimize(objective, np.zeros(free.sum()), jac=True, options={"gtol": 1e-9})
    if np.abs(found.jac).max() > 1e-5:
        raise DesignError("the penalised regression does not converge", expected="terms of a similar scale")
    return pd.Series(found.x, design.columns[free]), -float(found.fun)


def firth_test(design, outcome, term):
    """Test one term by the penalised likelihood ratio (Heinze and Schemper 2002).

    Parameters
    ----------
    design, outcome
        As in `fit_firth`.
    term : str

    Returns
    -------
    statistic, p_value : float
        Chi-square on one degree of freedom.

    Raises
    ------
    DesignError
        As `fit_firth`.
    """
    from scipy.stats import chi2

    statistic = 2 * (fit_firth(design, outcome)[1] - fit_firth(design, outcome, held=[term])[1])
    return statistic, float(chi2.sf(statistic, 1))
