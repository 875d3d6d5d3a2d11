"""Other methods on the same windows: how often do they cry wolf, and what do they say of the pauses?

    pip install -e ".[peers]"
    python benchmarks/peers.py [WINDOWS]       100 windows each of 1, 2, 3 days; writes benchmarks/peers.csv

Every method gets the drones launched on the 200 days or more before a window and in it, and answers with a
two-sided p-value. No window touches a pause, so a rejection is a false alarm. Where a method cannot leave days out,
those of other pauses are filled with the mean of ordinary days within two weeks. Nothing here is a dependency.
"""

import sys
import warnings
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd
import statsmodels.api as sm
from scipy.stats import norm, ttest_ind

import analysis as pa
from analysis.estimate import estimate_effect
from analysis.expected import design_matrix
from analysis.setting import not_ordinary, salvo_days, set_up
from analysis.windows import BASELINE_SHORT, ONE_DAY

LEAST_PAST, SEED = 200, 0
PAUSES = ["us-three-day-2026-05", "orthodox-easter-2026", "cold-week-pause-2026-01", "victory-day-2025"]
Answer = tuple[float, float]  # ratio of counted to expected, two-sided p-value
Method = Callable[[pd.Series, int], Answer]


def filled(counts: pd.Series, left_out: pd.DatetimeIndex) -> pd.Series:
    """The series with days left out or unreported replaced by the mean of ordinary days within 14."""
    ordinary = counts.mask(counts.index.isin(left_out))
    return ordinary.fillna(ordinary.rolling(29, center=True, min_periods=1).mean()).ffill().bfill()


def interrupted(*, negative_binomial: bool = False, scale: str | None = None, lags: int = 0) -> Method:
    """An interrupted time series: trend, weekday and a dummy for the window, Wald test."""

    def method(counts: pd.Series, n_days: int) -> Answer:
        design = design_matrix(counts.index, holidays=False).assign(window=0.0)
        design.iloc[-n_days:, -1] = 1.0
        family = sm.families.Poisson()
        if negative_binomial:
            mu = sm.GLM(counts, design, family=sm.families.Poisson()).fit().mu
            family = sm.families.NegativeBinomial(alpha=max(((counts - mu) ** 2 - mu).sum() / (mu**2).sum(), 1e-3))
        options = {"cov_type": "HAC", "cov_kwds": {"maxlags": lags}} if lags else {"scale": scale}
        fit = sm.GLM(counts, design, family=family).fit(**options)
        return float(np.exp(fit.params.iloc[-1])), float(2 * norm.sf(abs(fit.tvalues.iloc[-1])))

    return method


def components(counts: pd.Series, n_days: int, *, log: bool) -> Answer:
    """A structural series (level, weekday, autoregression) before the window, its forecast against what came."""
    values = np.log1p(counts) if log else counts
    model = sm.tsa.UnobservedComponents(values.iloc[:-n_days].to_numpy(), "llevel", seasonal=7, autoregressive=1)
    forecast = model.fit(disp=False, maxiter=60).get_forecast(n_days)
    mean, spread = forecast.predicted_mean, forecast.var_pred_mean
    z = (values.iloc[-n_days:].to_numpy() - mean).sum() / np.sqrt(spread.sum())
    expected = np.expm1(mean) if log else mean
    return float(counts.iloc[-n_days:].sum() / expected.sum()), float(2 * norm.sf(abs(z)))


def causal_impact(counts: pd.Series, n_days: int, *, log: bool) -> Answer:
    """A Bayesian structural series by bsts-causalimpact, its own tail probability doubled."""
    from causal_impact import CausalImpact

    values = np.log1p(counts) if log else counts
    frame, n = pd.DataFrame({"y": values.to_numpy()}), len(values)
    options = {"niter": 1000, "nwarmup": 300, "seed": SEED, "nseasons": 7, "season_duration": 1}
    found = CausalImpact(frame, [0, n - n_days - 1], [n - n_days, n - 1], model_args=options)
    tail = float(found.summary_stats["p_value"])
    point = found.inferences["predicted_mean"].to_numpy()[-n_days:]
    expected = np.expm1(point) if log else point
    return float(counts.iloc[-n_days:].sum() / expected.sum()), min(1.0, 2 * tail)


def newsroom(counts: pd.Series, n_days: int) -> Answer:
    """The days of the window against the 14 days before, by a t-test for unequal variances; one day by its z."""
    inside, before = counts.iloc[-n_days:], counts.iloc[-n_days - 14 : -n_days]
    ratio = float(inside.mean() / before.mean())
    if n_days == 1:
        return ratio, float(2 * norm.sf(abs(inside.iloc[0] - before.mean()) / before.std()))
    return ratio, float(ttest_ind(inside, before, equal_var=False).pvalue)


METHODS: dict[str, Method] = {
    "bsts-causalimpact, log1p": lambda counts, n: causal_impact(counts, n, log=True),
    "bsts-causalimpact, raw counts": lambda counts, n: causal_impact(counts, n, log=False),
    "unobserved components, log1p": lambda counts, n: components(counts, n, log=True),
    "unobserved components, raw counts": lambda counts, n: components(counts, n, log=False),
    "quasi-Poisson, Wald": interrupted(scale="X2"),
    "negative binomial, Wald": interrupted(negative_binomial=True),
    "negative binomial, HAC errors": interrupted(negative_binomial=True, lags=7),
    "Poisson, Wald": interrupted(),
    "t-test against 14 days before": newsroom,
}


def ordinary_windows(counts: pd.Series, left_out: pd.DatetimeIndex, n_days: int, wanted: int) -> list[pd.DatetimeIndex]:
    """Windows of ordinary days with a long enough past, evenly spread."""
    usable = counts.notna() & ~counts.index.isin(left_out)
    past = usable.rolling(BASELINE_SHORT, min_periods=1).sum().shift()
    whole = usable[::-1].rolling(n_days).min()[::-1] == 1
    starts = counts.index[whole & (past >= LEAST_PAST)]
    chosen = np.unique(np.linspace(0, len(starts) - 1, wanted).round().astype(int))
    return [pd.date_range(starts[k], periods=n_days) for k in chosen]


def ours(counts: pd.Series, days: pd.DatetimeIndex, left_out: pd.DatetimeIndex, statistic: str) -> Answer:
    """This project's test of the same window, with the days before it alone as baseline."""
    salvos = salvo_days(pa.load_strikes()["missiles_launched"])
    effect = estimate_effect(counts[: days[-1]], days, exclude=left_out, salvo_days=salvos, statistic=statistic)
    return effect.ratio, effect.p_value


def ask(name: str, counts: pd.Series, days: pd.DatetimeIndex, left_out: pd.DatetimeIndex) -> Answer:
    """One method on one window; (nan, nan) where it gives no answer."""
    if name.startswith("this project"):
        return ours(counts, days, left_out, "mean-log" if "mean log" in name else "ratio")
    past = counts[days[0] - BASELINE_SHORT * ONE_DAY : days[-1]]
    given = filled(past, left_out.difference(days))
    given[days] = counts[days]
    try:
        return METHODS[name](given, len(days))
    except (ValueError, np.linalg.LinAlgError):
        return np.nan, np.nan


def main(wanted: int) -> None:
    """Ask every method about every window and store a table, a row a method."""
    warnings.simplefilter("ignore")
    counts, left_out = pa.outcome_series("drones_launched"), not_ordinary(pa.load_pauses())
    windows = [days for n_days in (1, 2, 3) for days in ordinary_windows(counts, left_out, n_days, wanted)]
    rows = []
    for name in ["this project", "this project, mean log", *METHODS]:
        found = np.array([ask(name, counts, days, left_out) for days in windows])
        answered = ~np.isnan(found[:, 1])
        wrong = found[answered, 1] <= 0.05
        row = {
            "method": name,
            "windows": int(answered.sum()),
            "false_alarms": wrong.mean(),
            "false_falls": (wrong & (found[answered, 0] < 1)).mean(),
        }
        for pause_id in PAUSES:
            setting = set_up(pause_id)
            row[f"{pause_id}_ratio"], row[f"{pause_id}_p"] = ask(name, counts, setting.pause.days(), setting.exclude)
        rows.append(row)
        rates = f"{row['false_alarms']:6.1%} false alarms, {row['false_falls']:6.1%} falls"
        print(f"{name:36} {row['windows']:4} windows, {rates}")
    versions = ", ".join(f"{name} {version(name)}" for name in ("bsts-causalimpact", "statsmodels", "numpy", "pandas"))
    table = pd.DataFrame(rows).assign(versions=versions)
    table.to_csv(Path(__file__).with_suffix(".csv"), index=False, float_format="%.3g")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100)
