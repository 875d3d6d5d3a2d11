"""Salvo processes fitted to the eras of the war, and how well simulated series match the real ones."""

import numpy as np
import pandas as pd

from analysis.calibration.simulate import RAID_MISSILES, SALVO_MISSILES, LevelPath, SalvoProcess, days_since, days_until
from analysis.errors import DesignError

NEAR_SALVO = 3  # days before and after a salvo that have factors of their own
LOCAL_DAYS = 14  # a local mean reaches this far to both sides
ERAS = {
    "2024-25": ("2024-09-01", "2025-05-31"),
    "2025-26": ("2025-06-01", "2026-02-28"),
    "2026": ("2026-01-01", "2026-06-07"),
}


def fit_process(drones, missiles, *, first_day, last_day):
    """Fit a salvo process to real days, mostly by moments; the same input gives the same process.

    Days of 10 missiles or more are salvos. A Poisson regression of the drones on trend, salvo days and the
    three days on either side of one matches their totals. Its residuals on other days give the latent level
    (least squares of phi and variance on their autocovariances to lag 14) and, by the variance that is left,
    the dispersion. Sizes and stray missiles take sample mean and variance, gaps the gamma likelihood,
    surges a regression of log residual on log size. No weekday pattern: the real one is weak.

    Parameters
    ----------
    drones, missiles : Series of counts by day
        NaN = no report. Make known pauses NaN first: the process is what happens without one.
    first_day, last_day : day

    Returns
    -------
    SalvoProcess

    Raises
    ------
    DesignError
        Fewer than 60 reported days or 8 salvos.

    Examples
    --------
    >>> days = pd.date_range("2025-01-01", periods=300)
    >>> strikes = SalvoProcess(gap=5).draw(1, 300, seed=1)
    >>> process = fit_process(pd.Series(strikes.drones[0], days), pd.Series(strikes.missiles[0], days),
    ...                       first_day=days[0], last_day=days[-1])
    >>> bool(4 < process.gap < 6)
    True
    """
    import statsmodels.api as sm
    from scipy.stats import gamma

    drone, missile = (series[first_day:last_day].to_numpy(float) for series in (drones, missiles))
    salvo = missile >= RAID_MISSILES
    known = ~np.isnan(drone) & ~np.isnan(missile)
    if known.sum() < 60 or salvo.sum() < 8:
        found = f"{known.sum()} days and {salvo.sum()} salvos"
        raise DesignError("too little to fit a process to", expected="60 reported days, 8 salvos", found=found)
    sides = (days_since(salvo[None], NEAR_SALVO)[0], days_until(salvo[None], NEAR_SALVO)[0])
    near = [side == days for side in sides for days in range(1, NEAR_SALVO + 1)]
    X = np.column_stack([np.ones(len(drone)), np.linspace(0, 1, len(drone)), salvo, *near]).astype(float)
    terms = sm.GLM(drone[known], X[known], family=sm.families.Poisson()).fit().params
    expected, factors = np.exp(X @ terms), np.exp(terms)
    residual = drone / expected

    other, raid = known & ~salvo, known & salvo
    level_sd, phi = _latent_level(np.where(other, residual - 1, np.nan))
    silent = float((drone[other] == 0).mean())
    spread = np.mean(residual[other] ** 2 - 1 / expected[other]) * (1 - silent) / np.exp(level_sd**2)
    size, surge = missile[raid], np.log(residual[raid].clip(0.05))
    slope, _ = np.polyfit(np.log(size), surge, 1)
    surge_variance = np.var(surge - slope * np.log(size), ddof=2) - level_sd**2
    gaps = _gaps(np.where(known, missile, np.nan), RAID_MISSILES)[1]
    stray = missile[other & (missile > 0)]
    return SalvoProcess(
        drones=float(factors[0]),
        dispersion=float(max(spread - 1, 0)),
        silent_share=silent,
        phi=phi,
        level_sd=level_sd,
        path=LevelPath(growth=float(factors[1])),
        gap=float(gaps.mean()),
        gap_shape=float(gamma.fit(gaps, floc=0)[0]),
        surge=float(factors[2]),
        surge_sd=float(np.sqrt(max(surge_variance, 0))),
        surge_slope=float(max(slope, 0)),
        reload=tuple(factors[3 : 3 + NEAR_SALVO].tolist()),
        hoarding=tuple(factors[3 + NEAR_SALVO :].tolist()),
        salvo_excess=float(size.mean() - RAID_MISSILES),
        salvo_dispersion=_dispersion(size - RAID_MISSILES),
        quiet_share=float((missile[other] == 0).mean()),
        stray=float(stray.mean()),
        stray_dispersion=_dispersion(stray - 1),
    )


def _latent_level(deviation):
    """Standard deviation and phi of the AR(1) log level; a phi below 0.3 is day-to-day noise, not a level."""
    lags = np.arange(1, 15)
    covariance = np.array([np.nanmean(deviation[:-lag] * deviation[lag:]) for lag in lags])
    best = (np.inf, 0.0, 0.0)
    for phi in np.arange(30, 96, 5) / 100:
        decay = phi**lags
        variance = max(float(covariance @ decay / (decay @ decay)), 0.0)
        best = min(best, (float(((covariance - variance * decay) ** 2).sum()), variance, float(phi)))
    return float(np.sqrt(np.log1p(best[1]))), best[2]


def _dispersion(counts):
    return float(max((counts.var(ddof=1) - counts.mean()) / max(counts.mean(), 0.1) ** 2, 0))


def _gaps(missiles, threshold):
    """Rows and days of the gaps between salvos that hold no day without a report."""
    missiles = np.atleast_2d(missiles)
    row, day = np.nonzero(missiles >= threshold)
    unknown = np.isnan(missiles).cumsum(1)[row, day]
    whole = (np.diff(row) == 0) & (np.diff(unknown) == 0)
    return row[1:][whole], np.diff(day)[whole].astype(float)


def describe(drones, missiles):
    """Summary features that simulated series should share with the real ones.

    Parameters
    ----------
    drones, missiles : (n_days,) or (n_series, n_days) counts, NaN = no report

    Returns
    -------
    DataFrame, one row per series
        Of each outcome: mean; variance about the local (29-day) mean over the mean; coefficient of variation
        relative to the local mean; autocorrelations of log(1 + count); share of zero days. Then salvos of 20
        or more missiles, their gaps, and drones over their local mean 2 days before to 3 days after.

    Examples
    --------
    >>> describe([3, 0, 3, 0, 3, 0], [0, 25, 0, 0, 0, 25])[["drones_zero_share", "gap_mean"]].values.tolist()
    [[0.5, 4.0]]
    """
    drones, missiles = (np.atleast_2d(np.asarray(counts, float)) for counts in (drones, missiles))
    columns = _features("drones", drones) | _features("missiles", missiles)
    columns["salvos"] = (missiles >= SALVO_MISSILES).sum(1)
    row, gaps = _gaps(missiles, SALVO_MISSILES)
    by_series = pd.Series(gaps).groupby(row).agg(["median", "mean", "std"]).reindex(range(len(drones)))
    columns |= {"gap_median": by_series["median"], "gap_mean": by_series["mean"]}
    columns["gap_cv"] = by_series["std"] / by_series["mean"]
    relative = _ratio(drones, _local_mean(drones))
    row, day = np.nonzero(missiles >= SALVO_MISSILES)
    for lag in range(-2, 4):
        inside = (day + lag >= 0) & (day + lag < drones.shape[1])
        values = pd.Series(relative[row[inside], day[inside] + lag]).groupby(row[inside]).mean()
        columns[f"drones_at_salvo_{lag:+d}"] = values.reindex(range(len(drones)))
    return pd.DataFrame(columns)


def _features(name, counts):
    mean, local = _mean(counts), _local_mean(counts)
    relative = _ratio(counts, local)
    logs = np.log1p(counts) - _mean(np.log1p(counts))[:, None]
    features = {
        "mean": mean,
        "variance_to_mean": _ratio(_mean((counts - local) ** 2), mean),
        "cv": np.sqrt(_mean((relative - _mean(relative)[:, None]) ** 2)),
        "acf_1": _ratio(_mean(logs[:, 1:] * logs[:, :-1]), _mean(logs**2)),
        "acf_2": _ratio(_mean(logs[:, 2:] * logs[:, :-2]), _mean(logs**2)),
        "acf_7": _ratio(_mean(logs[:, 7:] * logs[:, :-7]), _mean(logs**2)),
        "zero_share": _mean(np.where(np.isnan(counts), np.nan, counts == 0)),
    }
    return {f"{name}_{feature}": values for feature, values in features.items()}


def _ratio(numerator, denominator):
    """NaN where the denominator is not above 0."""
    return np.divide(numerator, denominator, out=np.full(np.shape(numerator), np.nan), where=denominator > 0)


def _mean(values):
    """Mean of each row over its reported days."""
    return _ratio(np.nansum(values, 1), (~np.isnan(values)).sum(1))


def _local_mean(counts):
    window = pd.DataFrame(counts.T).rolling(2 * LOCAL_DAYS + 1, center=True, min_periods=1)
    return window.mean().to_numpy().T


def compare_features(drones, missiles, process, *, n_series=500, seed=0):
    """Set real features beside those of simulated series with the same missing days.

    Parameters
    ----------
    drones, missiles : Series of counts by day, NaN = no report
    process : SalvoProcess
    n_series, seed : int

    Returns
    -------
    DataFrame indexed by feature
        Columns real, simulated (median), low and high (5 and 95 %), within.
    """
    drones, missiles = (np.asarray(counts, float) for counts in (drones, missiles))
    strikes = process.draw(n_series, len(drones), seed=seed)
    features = describe(strikes.drones + 0 * drones, strikes.missiles + 0 * missiles)  # NaN stays NaN
    low, middle, high = (features.quantile(share) for share in (0.05, 0.5, 0.95))
    frame = pd.DataFrame({"real": describe(drones, missiles).iloc[0], "simulated": middle, "low": low, "high": high})
    return frame.assign(within=frame["real"].between(low, high)).rename_axis("feature")
