"""How often do tests of a share cry wolf when the days cluster?"""

from __future__ import annotations

import numpy as np
import pandas as pd

from analysis.placebo import PlaceboTest, order_windows, window_sums

LENGTH, SIDE = 4, 90  # days in the window of the size study, and on either side of it
CLUSTERS = {  # standard deviation and day-to-day correlation of log-odds, typical share
    "independent": (0.0, 0.0, 0.15),
    "clustered": (1.0, 0.0, 0.12),
    "clustered, lasting": (1.0, 0.6, 0.12),
    "strongly clustered": (1.5, 0.8, 0.08),
}


def share_size_study(*, replicates: int = 2000, level: float = 0.95, seed: int = 0) -> pd.DataFrame:
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
        order = order_windows(seen, total.astype(float))
        test = PlaceboTest(order[:, -1], order[:, :-1])
        tails = [test.p_lower, test.p_upper, exact.cdf(seen[:, -1]), exact.sf(seen[:, -1] - 1)]
        shift, less, fisher, fisher_less = (
            float((p <= alpha).mean())
            for p in (2 * np.minimum(*tails[:2]), tails[0], 2 * np.minimum(*tails[2:]), tails[2])
        )
        error, none = np.sqrt(shift * (1 - shift) / replicates), float((seen[:, -1] == 0).mean())
        rows[name] = [shift, less, fisher, fisher_less, error, none]
    columns = ["window_shift", "window_shift_less", "fisher", "fisher_less", "standard_error", "none_by_chance"]
    return pd.DataFrame.from_dict(rows, orient="index", columns=columns).rename_axis("days")
