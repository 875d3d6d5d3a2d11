"""Daily counts with a known truth: an autoregression, and a salvo process that can be fitted to the war."""

from dataclasses import dataclass, fields
from numbers import Integral, Real

import numpy as np

from analysis.errors import DesignError

SALVO_MISSILES = 20  # a day with this many missiles is a salvo to whoever looks at the counts
RAID_MISSILES = 10  # but drones surge from here on, so the fitted process plants its salvos from here on
POSITIVE = ("growth", "period", "step", "weekday", "mean", "drones", "gap_shape", "surge")
SHARES = ("phi", "step_at", "silent_share", "quiet_share")
AT_LEAST_ONE = ("gap", "stray", "salvo_least", "before", "length", "lag")


class Checked:
    """Refuses parameters that no process can have, by type and by name."""

    def __post_init__(self):
        for field in fields(self):
            value, kind = getattr(self, field.name), field.type
            low, high, expected = 0.0, np.inf, "0 or more"
            if field.name in POSITIVE:
                low, expected = np.nextafter(0, 1), "above 0"
            elif field.name in SHARES:
                high, expected = 1.0, "0 to below 1"
            elif field.name in AT_LEAST_ONE:
                low, expected = 1.0, "1 or more"
            if kind in (float, int, tuple):
                numbers, number = value if kind is tuple else (value,), Integral if kind is int else Real
                sound = isinstance(numbers, tuple) and all(isinstance(x, number) and low <= x < high for x in numbers)
            else:
                sound, expected = isinstance(value, kind), kind.__name__
            if not sound:
                raise DesignError("not a possible parameter", field=field.name, expected=expected, found=repr(value))


@dataclass(frozen=True)
class LevelPath(Checked):
    """How the mean level moves, as a factor that starts at or near 1.

    Attributes
    ----------
    growth : float
        Total factor from the first day to the last, log-linear.
    wave, period : float
        Amplitude on the log scale, and days, of a slow sine.
    step, step_at : float
        Factor of a level break, and its place as a share of the series.
    weekday : tuple of 7 floats
        Factors, repeated from the first day on.

    Examples
    --------
    >>> LevelPath(growth=4, step=10).factors(3).round(3).tolist()
    [1.0, 20.0, 40.0]
    """

    growth: float = 1.0
    wave: float = 0.0
    period: float = 180.0
    step: float = 1.0
    step_at: float = 0.5
    weekday: tuple = (1.0,) * 7

    def __post_init__(self):
        super().__post_init__()
        if len(self.weekday) != 7:
            raise DesignError("not a week", field="weekday", expected="7 factors", found=str(len(self.weekday)))

    def factors(self, n_days):
        """(n_days,) array."""
        day = np.arange(n_days)
        share = day / max(n_days - 1, 1)
        smooth = share * np.log(self.growth) + self.wave * np.sin(2 * np.pi * day / self.period)
        return np.exp(smooth) * np.where(share >= self.step_at, self.step, 1.0) * np.resize(self.weekday, n_days)


@dataclass(frozen=True)
class CountAutoregression(Checked):
    """NB-INGARCH: negative binomial counts whose mean leans on yesterday (Zhu 2011).

    The conditional mean is m_t [(1 - phi) + phi y_{t-1} / m_{t-1}], with m_t the mean times the level path;
    the conditional variance is mu + dispersion mu^2. On a level path the autocorrelation at lag k is phi^k.

    Attributes
    ----------
    mean : float
        Counts a day, before the level path.
    phi : float
    dispersion : float
        0 is Poisson.
    path : LevelPath

    Examples
    --------
    >>> CountAutoregression(mean=60, phi=0.3).draw(2, 5, seed=1).shape
    (2, 5)
    """

    mean: float = 60.0
    phi: float = 0.0
    dispersion: float = 0.3
    path: LevelPath = LevelPath()

    def draw(self, n_series, n_days, *, seed):
        """(n_series, n_days) array of counts."""
        _check_size(n_series, n_days)
        generator = np.random.default_rng(seed)
        level = self.mean * self.path.factors(n_days)
        burn_in = 60 if self.phi else 0
        counts = np.empty((n_series, burn_in + n_days), dtype=np.int64)
        relative = np.ones(n_series)
        for day, mean in enumerate(np.concatenate([np.full(burn_in, level[0]), level])):
            counts[:, day] = _counts(generator, mean * (1 - self.phi + self.phi * relative), self.dispersion)
            relative = counts[:, day] / mean
        return counts[:, burn_in:]


@dataclass(frozen=True)
class Strikes:
    """Simulated drones and missiles: (n_series, n_days) counts each."""

    drones: np.ndarray
    missiles: np.ndarray

    @property
    def salvo(self):
        """(n_series, n_days) boolean array: days of 20 or more missiles."""
        return self.missiles >= SALVO_MISSILES


@dataclass(frozen=True)
class SalvoProcess(Checked):
    """Drones every day and, in a renewal process, salvos: many missiles with a surge of drones.

    Attributes
    ----------
    drones, dispersion : float
        Mean (before the level path) and negative binomial dispersion on a day that is not near a salvo.
    silent_share : float
        Share of such days without a single drone.
    phi, level_sd : float
        Autocorrelation and standard deviation of the latent AR(1) log level.
    path : LevelPath
        Of the drones.
    gap, gap_shape : float
        Mean days between salvos and shape of their gamma distribution: 1 is memoryless, 6 regular.
    surge, surge_sd, surge_slope : float
        Mean and log standard deviation of the lognormal factor on the drones of a salvo day (in place of
        `dispersion`), and the power with which the salvo's size enters it.
    reload, hoarding : tuple of floats
        Factors on the drones 1, 2, ... days after a salvo, and before one.
    salvo_least : int
    salvo_excess, salvo_dispersion : float
        Missiles in a salvo: the fewest, plus a negative binomial count of this mean and dispersion.
    quiet_share, stray, stray_dispersion : float
        Share of other days without a missile; mean and dispersion on the rest, which stay below `salvo_least`.

    Examples
    --------
    >>> strikes = SalvoProcess().draw(2, 90, seed=1)
    >>> strikes.drones.shape, bool(strikes.drones[strikes.salvo].mean() > 2 * strikes.drones.mean())
    ((2, 90), True)
    """

    drones: float = 110.0
    dispersion: float = 0.25
    silent_share: float = 0.0
    phi: float = 0.6
    level_sd: float = 0.2
    path: LevelPath = LevelPath()
    gap: float = 6.0
    gap_shape: float = 3.0
    surge: float = 3.5
    surge_sd: float = 0.3
    surge_slope: float = 0.0
    reload: tuple = (0.8, 0.8)
    hoarding: tuple = (0.9,)
    salvo_least: int = RAID_MISSILES
    salvo_excess: float = 25.0
    salvo_dispersion: float = 0.4
    quiet_share: float = 0.65
    stray: float = 3.0
    stray_dispersion: float = 1.0

    def draw(self, n_series, n_days, *, seed):
        """`Strikes` of n_series times n_days."""
        from scipy.signal import lfilter

        _check_size(n_series, n_days)
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

    def _salvo_distances(self, generator, n_series, n_days):
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
        return days_since(salvo, reach)[:, inside], days_until(salvo, len(self.hoarding))[:, inside]


def _counts(generator, mean, dispersion):
    """Negative binomial counts with variance mean + dispersion mean^2."""
    if dispersion == 0:
        return generator.poisson(mean)
    return generator.poisson(mean * generator.gamma(1 / dispersion, dispersion, mean.shape))


def days_since(salvo, limit):
    """Days since the last salvo, 0 on one, limit + 1 where it is longer ago."""
    since = np.full(salvo.shape, limit + 1)
    for days in range(limit, -1, -1):
        since[:, days:][salvo[:, : salvo.shape[1] - days]] = days
    return since


def days_until(salvo, limit):
    """Days until the next salvo, 0 on one, limit + 1 where it is farther off."""
    return days_since(salvo[:, ::-1], limit)[:, ::-1]


def _check_size(n_series, n_days):
    if n_series < 1 or n_days < 1:
        found = f"{n_series} and {n_days}"
        raise DesignError("nothing to draw", field="n_series, n_days", expected="at least 1", found=found)
