"""How daily counts come about: processes of known truth, and salvo processes fitted to the eras of the war."""

from __future__ import annotations

import dataclasses
from typing import Annotated

import numpy as np
import pandas as pd
from pydantic import ConfigDict, Field, NonNegativeFloat, PositiveFloat, PositiveInt
from pydantic.dataclasses import dataclass

from analysis.errors import DesignError
from analysis.expected import Bools, Floats, Ints
from analysis.pauses import load_pauses
from analysis.placebo import days_since_salvo
from analysis.series import SALVO_MISSILES
from analysis.setting import not_ordinary
from analysis.tables import outcome_series

RAID_MISSILES = 10  # drones surge from here on, so the fitted process plants its salvos from here on, not from 20
NEAR_SALVO = 3  # days before and after a salvo that have factors of their own
LOCAL_DAYS = 14  # a local mean reaches this far to both sides
ERAS = {
    "2024-25": ("2024-09-01", "2025-05-31"),
    "2025-26": ("2025-06-01", "2026-02-28"),
    "2026": ("2026-01-01", "2026-06-07"),
}
CHECKED = ConfigDict(strict=True, allow_inf_nan=False)
Share = Annotated[float, Field(ge=0, lt=1)]
AtLeastOne = Annotated[float, Field(ge=1)]
Seed = int | np.random.SeedSequence


@dataclass(frozen=True, config=CHECKED)
class LevelPath:
    """How the mean level moves, as a factor that starts at or near 1."""

    growth: PositiveFloat = 1.0  # total factor from the first day to the last, log-linear
    wave: NonNegativeFloat = 0.0  # amplitude of a slow sine, on the log scale
    period: PositiveFloat = 180.0  # of the sine, in days
    step: PositiveFloat = 1.0  # factor of a level break
    step_at: Share = 0.5  # its place, as a share of the series
    weekday: tuple[(PositiveFloat,) * 7] = (1.0,) * 7  # factors, repeated from the first day on

    def factors(self, n_days: int) -> Floats:
        day = np.arange(n_days)
        share = day / max(n_days - 1, 1)
        smooth = share * np.log(self.growth) + self.wave * np.sin(2 * np.pi * day / self.period)
        return np.exp(smooth) * np.where(share >= self.step_at, self.step, 1.0) * np.resize(self.weekday, n_days)


@dataclass(frozen=True, config=CHECKED)
class CountAutoregression:
    """NB-INGARCH (Zhu 2011): the mean is m_t [(1 - phi) + phi y_{t-1} / m_{t-1}], m_t being mean times level path."""

    mean: PositiveFloat = 60.0  # counts a day, before the level path
    phi: Share = 0.0
    dispersion: NonNegativeFloat = 0.3  # alpha in the variance mu + alpha mu^2: 0 is Poisson
    path: LevelPath = LevelPath()

    def draw(self, n_series: int, n_days: int, *, seed: Seed) -> Ints:
        generator = np.random.default_rng(seed)
        level = self.mean * self.path.factors(n_days)
        burn_in = 60 if self.phi else 0
        counts = np.empty((n_series, burn_in + n_days), dtype=np.int64)
        relative = np.ones(n_series)
        for day, mean in enumerate(np.concatenate([np.full(burn_in, level[0]), level])):
            counts[:, day] = _counts(generator, mean * (1 - self.phi + self.phi * relative), self.dispersion)
            relative = counts[:, day] / mean
        return counts[:, burn_in:]


@dataclasses.dataclass(frozen=True)
class Strikes:
    """Simulated drones and missiles: (n_series, n_days) counts each."""

    drones: Ints
    missiles: Ints

    @property
    def salvo(self) -> Bools:
        return self.missiles >= SALVO_MISSILES


@dataclass(frozen=True, config=CHECKED)
class SalvoProcess:
    """Drones every day and, in a renewal process, salvos: many missiles with a surge of drones."""

    drones: PositiveFloat = 110.0  # mean of a day not near a salvo, before the level path
    dispersion: NonNegativeFloat = 0.25  # negative binomial, on such a day
    silent_share: Share = 0.0  # of such days without a single drone
    phi: Share = 0.6  # autocorrelation and
    level_sd: NonNegativeFloat = 0.2  # standard deviation of the latent AR(1) log level
    path: LevelPath = LevelPath()  # of the drones
    gap: AtLeastOne = 6.0  # mean days between salvos
    gap_shape: PositiveFloat = 3.0  # of their gamma distribution: 1 is memoryless, 6 regular
    surge: PositiveFloat = 3.5  # mean of the lognormal factor on the drones of a salvo day, in place of the dispersion
    surge_sd: NonNegativeFloat = 0.3  # of its log
    surge_slope: NonNegativeFloat = 0.0  # power with which the salvo's size enters it
    reload: tuple[NonNegativeFloat, ...] = (0.8, 0.8)  # factors on the drones 1, 2, ... days after a salvo
    hoarding: tuple[NonNegativeFloat, ...] = (0.9,)  # and before one
    salvo_least: PositiveInt = RAID_MISSILES  # missiles in a salvo: these,
    salvo_excess: NonNegativeFloat = 25.0  # plus a negative binomial count of this mean
    salvo_dispersion: NonNegativeFloat = 0.4  # and dispersion
    quiet_share: Share = 0.65  # of other days, without a missile
    stray: AtLeastOne = 3.0  # mean missiles on the rest, which stay below `salvo_least`,
    stray_dispersion: NonNegativeFloat = 1.0  # and their dispersion

    def draw(self, n_series: int, n_days: int, *, seed: Seed) -> Strikes:
        from scipy.signal import lfilter

        generator = np.random.default_rng(seed)
        since, until = self._salvo_distances(generator, n_series, n_days)
        salvo, shape = since == 0, since.shape

        stray = 1 + _counts(generator, np.full(shape, self.stray - 1), self.stray_dispersion)
        stray = np.where(generator.random(shape) < self.quiet_share, 0, np.minimum(stray, self.salvo_least - 1))
        size = self.salvo_least + _counts(generator, np.full(shape, self.salvo_excess), self.salvo_dispersion)

        shocks = generator.standard_normal(shape) * self.level_sd
        shocks[:, 1:] *= np.sqrt(1 - self.phi**2)
        latent = lfilter([1.0], [1.0, -self.phi], shocks, axis=1) - self.level_sd**2 / 2
        level = self.drones * self.path.factors(n_days) * np.exp(latent)
        surge = self.surge * np.exp(self.surge_sd * generator.standard_normal(shape) - self.surge_sd**2 / 2)
        surge *= (size / (self.salvo_least + self.salvo_excess)) ** self.surge_slope
        factor = np.array([1, *self.reload, 1])[since] * np.array([1, *self.hoarding, 1])[until]
        ordinary = _counts(generator, level * factor / (1 - self.silent_share), self.dispersion)
        ordinary[generator.random(shape) < self.silent_share] = 0
        drones = np.where(salvo, generator.poisson(level * surge), ordinary)
        return Strikes(drones, np.where(salvo, size, stray))

    def _salvo_distances(self, generator: np.random.Generator, n_series: int, n_days: int) -> tuple[Ints, Ints]:
        """Days since the last and until the next salvo, from renewals in equilibrium."""
        reach, scale = len(self.reload), self.gap / self.gap_shape
        width = reach + n_days + len(self.hoarding)
        # the gap that covers the first day is drawn in proportion to its length
        times = generator.gamma(self.gap_shape + 1, scale, (n_series, 1)) * generator.random((n_series, 1))
        while times[:, -1].min() < width:
            gaps = generator.gamma(self.gap_shape, scale, (n_series, int(n_days / self.gap) + 10))
            times = np.hstack([times, times[:, -1:] + gaps.cumsum(1)])
        row, column = np.nonzero(times < width)
        salvo = np.zeros((n_series, width), dtype=bool)
        salvo[row, times[row, column].astype(int)] = True
        inside = slice(reach, reach + n_days)
        return days_since(salvo, reach)[:, inside], days_since(salvo[:, ::-1], len(self.hoarding))[:, ::-1][:, inside]


Process = CountAutoregression | SalvoProcess
MADE_UP: dict[str, Process] = {
    "autoregression 0": CountAutoregression(phi=0.0),
    "autoregression 0.3": CountAutoregression(phi=0.3),
    "autoregression 0.6": CountAutoregression(phi=0.6),
    "autoregression 0.8": CountAutoregression(phi=0.8),
    "doubling": CountAutoregression(phi=0.6, path=LevelPath(growth=2.0)),
    "wave of 150 days": CountAutoregression(phi=0.3, path=LevelPath(wave=0.3, period=150.0)),
    "wave of 300 days": CountAutoregression(phi=0.3, path=LevelPath(wave=0.3, period=300.0)),
    "level break": CountAutoregression(phi=0.3, path=LevelPath(step=2.0)),
    "weekdays": CountAutoregression(phi=0.3, path=LevelPath(weekday=(1.0, 1.1, 1.2, 1.1, 1.0, 0.7, 0.6))),
    "hostile reload": SalvoProcess(gap_shape=15.0, surge=4.0, reload=(0.3, 0.5, 0.7), hoarding=(0.5, 0.7)),
}


def known_processes() -> dict[str, tuple[Process, str]]:
    """Every process of the study with the outcome that is tested; the war's own are fitted to its ordinary days."""
    found: dict[str, tuple[Process, str]] = {name: (process, "drones") for name, process in MADE_UP.items()}
    ordinary = ordinary_counts()
    for era, (first, last) in ERAS.items():
        fitted = fit_process(*(series[first:last] for series in ordinary))
        found |= {f"{outcome} {era}": (fitted, outcome) for outcome in ("drones", "missiles")}
    return found


def ordinary_counts() -> tuple[pd.Series, pd.Series]:
    """Drones and missiles launched, empty in pauses, on announced days and in the week after."""
    drones, exclude = outcome_series("drones_launched"), not_ordinary(load_pauses())
    missiles = outcome_series("missiles_launched")[drones.index[0] :]
    return drones.mask(drones.index.isin(exclude)), missiles.mask(missiles.index.isin(exclude))


def fit_process(drones: pd.Series, missiles: pd.Series) -> SalvoProcess:
    """Fit a salvo process to real days (NaN = no report), mostly by moments; known pauses should be NaN.

    A Poisson regression of the drones on trend, days of 10 missiles or more, and three days on either side matches
    their totals; its residuals on other days give the latent level and, by the variance that is left, the dispersion;
    gaps take the gamma likelihood, surges a regression of log residual on log size. No weekdays: the pattern is weak.
    """
    import statsmodels.api as sm
    from scipy.stats import gamma

    drone, missile = drones.to_numpy(float), missiles.to_numpy(float)
    salvo = missile >= RAID_MISSILES
    known = ~np.isnan(drone) & ~np.isnan(missile)
    if known.sum() < 60 or salvo.sum() < 8:
        found = f"{known.sum()} days and {salvo.sum()} salvos"
        raise DesignError("too little to fit a process to", expected="60 reported days, 8 salvos", found=found)
    sides = days_since(salvo, NEAR_SALVO), days_since(salvo[::-1], NEAR_SALVO)[::-1]
    near = [side == days for side in sides for days in range(1, NEAR_SALVO + 1)]
    X = np.column_stack([np.ones(len(drone)), np.linspace(0, 1, len(drone)), salvo, *near]).astype(float)
    terms = sm.GLM(drone[known], X[known], family=sm.families.Poisson()).fit().params
    expected, factors = np.exp(X @ terms), np.exp(terms)
    residual = drone / expected

    other, raid = known & ~salvo, known & salvo
    level_sd, phi = _latent_level(np.where(other, residual - 1, np.nan))
    silent = (drone[other] == 0).mean()
    spread = np.mean(residual[other] ** 2 - 1 / expected[other]) * (1 - silent) / np.exp(level_sd**2)
    size, surge = missile[raid], np.log(residual[raid].clip(0.05))
    slope, _ = np.polyfit(np.log(size), surge, 1)
    surge_variance = np.var(surge - slope * np.log(size), ddof=2) - level_sd**2
    gaps = _gaps(np.where(known, missile, np.nan), RAID_MISSILES)[1]
    stray = missile[other & (missile > 0)]
    return SalvoProcess(
        drones=factors[0],
        dispersion=max(spread - 1, 0.0),
        silent_share=silent,
        phi=phi,
        level_sd=level_sd,
        path=LevelPath(growth=factors[1]),
        gap=gaps.mean(),
        gap_shape=gamma.fit(gaps, floc=0)[0],
        surge=factors[2],
        surge_sd=np.sqrt(max(surge_variance, 0.0)),
        surge_slope=max(slope, 0.0),
        reload=tuple(factors[3 : 3 + NEAR_SALVO]),
        hoarding=tuple(factors[3 + NEAR_SALVO :]),
        salvo_excess=size.mean() - RAID_MISSILES,
        salvo_dispersion=_dispersion(size - RAID_MISSILES),
        quiet_share=(missile[other] == 0).mean(),
        stray=stray.mean(),
        stray_dispersion=_dispersion(stray - 1),
    )


def _latent_level(deviation: Floats) -> tuple[float, float]:
    """Standard deviation and phi of the AR(1) log level; a phi below 0.3 is day-to-day noise, not a level."""
    lags, phi = np.arange(1, 15), np.arange(30, 96, 5) / 100
    covariance = np.array([np.nanmean(deviation[:-lag] * deviation[lag:]) for lag in lags])
    decay = phi[:, None] ** lags
    variance = np.maximum(decay @ covariance / (decay**2).sum(1), 0)
    best = ((covariance - variance[:, None] * decay) ** 2).sum(1).argmin()
    return np.sqrt(np.log1p(variance[best])), phi[best]


def _dispersion(counts: Floats) -> float:
    return max((counts.var(ddof=1) - counts.mean()) / max(counts.mean(), 0.1) ** 2, 0.0)


def _gaps(missiles: Floats, threshold: int) -> tuple[Ints, Floats]:
    """Rows and days of the gaps between salvos that hold no day without a report."""
    missiles = np.atleast_2d(missiles)
    row, day = np.nonzero(missiles >= threshold)
    unknown = np.isnan(missiles).cumsum(1)[row, day]
    whole = (np.diff(row) == 0) & (np.diff(unknown) == 0)
    return row[1:][whole], np.diff(day)[whole].astype(float)


def describe(drones: Floats, missiles: Floats) -> pd.DataFrame:
    """Features that simulated series should share with the real ones, one row per series; NaN = no report.

    Local means are over 29 days, autocorrelations of log(1 + count), salvos of 20 or more missiles.
    """
    found, relative = pd.DataFrame(), {}
    drones, missiles = (pd.DataFrame(np.atleast_2d(np.asarray(counts, float)).T) for counts in (drones, missiles))
    for name, counts in (("drones", drones), ("missiles", missiles)):
        local = counts.rolling(2 * LOCAL_DAYS + 1, center=True, min_periods=1).mean()
        relative[name], logs = counts / local, np.log1p(counts) - np.log1p(counts).mean()
        found[f"{name}_mean"] = counts.mean()
        found[f"{name}_variance_to_mean"] = ((counts - local) ** 2).mean() / counts.mean()
        found[f"{name}_cv"] = relative[name].std(ddof=0)
        for lag in (1, 2, 7):
            found[f"{name}_acf_{lag}"] = (logs * logs.shift(lag)).mean() / (logs**2).mean()
        found[f"{name}_zero_share"] = (counts == 0).sum() / counts.count()
    salvo = missiles >= SALVO_MISSILES
    row, gaps = _gaps(missiles.to_numpy().T, SALVO_MISSILES)
    by_series = pd.Series(gaps).groupby(row)
    found["salvos"] = salvo.sum()
    found["gap_median"], found["gap_mean"] = by_series.median(), by_series.mean()
    found["gap_cv"] = by_series.std() / by_series.mean()
    for lag in range(-2, 4):
        found[f"drones_at_salvo_{lag:+d}"] = relative["drones"].shift(-lag).where(salvo).mean()
    return found


def compare_features(drones: pd.Series, missiles: pd.Series, process: SalvoProcess, *, n_series: int) -> pd.DataFrame:
    """Real features beside the median and 5 to 95 % range of simulated series with the same missing days."""
    drones, missiles = (np.asarray(counts, float) for counts in (drones, missiles))
    strikes = process.draw(n_series, len(drones), seed=0)
    features = describe(strikes.drones + 0 * drones, strikes.missiles + 0 * missiles)  # NaN stays NaN
    low, middle, high = (features.quantile(share) for share in (0.05, 0.5, 0.95))
    frame = pd.DataFrame({"real": describe(drones, missiles).iloc[0], "simulated": middle, "low": low, "high": high})
    return frame.assign(within=frame["real"].between(low, high)).rename_axis("feature")


def _counts(generator: np.random.Generator, mean: Floats, dispersion: float) -> Ints:
    """Negative binomial counts with variance mean + dispersion mean^2."""
    if dispersion == 0:
        return generator.poisson(mean)
    return generator.poisson(mean * generator.gamma(1 / dispersion, dispersion, mean.shape))


def days_since(salvo: Bools, limit: int) -> Ints:
    """Days since the last salvo, 0 on one, limit + 1 where it is longer ago."""
    ago = np.where(salvo, 0, days_since_salvo(salvo))
    return np.where(ago <= limit, ago, limit + 1).astype(int)
