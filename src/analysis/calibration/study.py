"""Plant pauses in simulated series and run any test on thousands: does it cry wolf, what can it see?"""

from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd

from analysis.calibration.simulate import Checked, Strikes, days_since
from analysis.errors import DesignError

SPARE_DAYS = 150  # extra days in which to wait for a salvo
UNIT = 50  # replicates that share a random stream; fixed, so that no other choice changes a byte


@dataclass(frozen=True)
class Scenario(Checked):
    """A pause to plant, and the days around it that a test gets to see.

    Attributes
    ----------
    before, length, after : int
        Days before the window, in it and after it.
    cut : float
        Share of the window's counts that do not fly.
    how : {"thin", "scale"}
        "thin" lets each one fly with probability 1 - cut, so that counts stay whole; "scale" multiplies.
    anticipation, rebound : (days, factor)
        On the days right before and right after the window.
    timing : {"fixed", "random", "after-salvo"}
        The window starts on the first possible day; on any; or on the first day `lag` days after a salvo.
    lag : int
    outcome : {"drones", "missiles"}
        Which series of `Strikes` is tested.
    """

    before: int = 365
    length: int = 3
    after: int = 0
    cut: float = 0.0
    how: str = "thin"
    anticipation: tuple = (0, 1.0)
    rebound: tuple = (0, 1.0)
    timing: str = "fixed"
    lag: int = 1
    outcome: str = "drones"

    def __post_init__(self):
        super().__post_init__()
        rules = {
            "cut": self.cut <= 1,
            "how": self.how in ("thin", "scale"),
            "anticipation": len(self.anticipation) == 2,
            "rebound": len(self.rebound) == 2,
            "timing": self.timing in ("fixed", "random", "after-salvo"),
            "lag": self.lag <= self.before,
            "outcome": self.outcome in ("drones", "missiles"),
        }
        for field in (field for field, kept in rules.items() if not kept):
            raise DesignError("not part of a scenario", field=field, found=repr(getattr(self, field)))


def apply_effect(counts, start, scenario, *, seed=0):
    """Plant a scenario's pause in series that have none.

    Parameters
    ----------
    counts : (..., n_days) array, NaN = no report
    start : int, or array of the leading shape
        Position of the window's first day.
    scenario : Scenario
    seed : int or SeedSequence

    Returns
    -------
    array of floats, shaped as `counts`

    Examples
    --------
    >>> apply_effect([8, 8, 8, 8], 1, Scenario(length=2, cut=0.5, how="scale", rebound=(1, 3.0))).tolist()
    [8.0, 4.0, 4.0, 24.0]
    """
    changed = np.array(counts, dtype=float)
    day = np.arange(changed.shape[-1]) - np.asarray(start)[..., None]
    (early, anticipation), (late, rebound) = scenario.anticipation, scenario.rebound
    factor = np.ones(np.broadcast_shapes(day.shape, changed.shape))
    factor = np.where((day >= -early) & (day < 0), anticipation, factor)
    factor = np.where((day >= 0) & (day < scenario.length), 1 - scenario.cut, factor)
    factor = np.where((day >= scenario.length) & (day < scenario.length + late), rebound, factor)
    if scenario.how == "scale":
        return changed * factor
    touched = (factor != 1) & ~np.isnan(changed)
    before, factor = changed[touched], factor[touched]
    if (before != np.floor(before)).any() or (before < 0).any():
        raise DesignError("only whole counts can be thinned", field="counts", remedy='use how="scale"')
    certain = np.floor(factor)  # a factor of 2.3 is two of each and a third with probability 0.3
    extra = np.random.default_rng(seed).binomial(before.astype(np.int64), factor - certain)
    changed[touched] = before * certain + extra
    return changed


def window_starts(salvo, scenario, *, latest, seed=0):
    """When each series has its window: from `scenario.before` on, by its timing.

    Parameters
    ----------
    salvo : (n_series, n_days) boolean array
    scenario : Scenario
    latest : int
        Last position where a window may start.
    seed : int or SeedSequence

    Returns
    -------
    (n_series,) integer array
        -1 where no chance came.

    Examples
    --------
    >>> salvo = np.array([[False, False, True, False, False]])
    >>> window_starts(salvo, Scenario(before=2, timing="after-salvo", lag=2), latest=4).tolist()
    [4]
    """
    earliest, lag = scenario.before, scenario.lag
    if scenario.timing == "fixed":
        return np.full(len(salvo), earliest)
    if scenario.timing == "random":
        return np.random.default_rng(seed).integers(earliest, latest + 1, len(salvo))
    chance = days_since(salvo, lag)[:, earliest - 1 : latest] == lag - 1
    return np.where(chance.any(1), earliest + chance.argmax(1), -1)


@dataclass(frozen=True)
class Batch:
    """What a test sees: n series with the window in the same place.

    Attributes
    ----------
    counts : (n, n_days) array of floats
    salvo : (n, n_days) boolean array
        Days of 20 or more missiles as drawn; of a process without missiles, each series' highest 15 %.
    start, length : int
        The window.
    """

    counts: np.ndarray
    salvo: np.ndarray
    start: int
    length: int


def replicate(test, process, scenario, *, replicates=2000, seed=0, block=250, mapper=map):
    """Run a test on many simulated series.

    Parameters
    ----------
    test : function of a `Batch`
        Returns a mapping of (n,) arrays: p_lower and p_upper, NaN where it cannot answer; if it has intervals
        ratio_low and ratio_high, expected_low and expected_high, infinite where open; and anything else to
        keep, such as ratio. Each row must depend on its own series alone.
    process : object with ``draw(n_series, n_days, *, seed)``
        That gives `Strikes` or an array.
    scenario : Scenario
    replicates, seed : int
    block : int
        Series per call of `test`, rounded up to a multiple of 50.
    mapper : function like `map`
        Such as that of a pool of processes, if `test` can be pickled.

    Returns
    -------
    DataFrame indexed by replicate
        What the test returned, with `truth` (1 - cut) and `untouched` (what would have flown in the window).
        The same bytes for any block and mapper. A replicate in which no chance for a window came is absent.

    Raises
    ------
    DesignError
        Nothing to run; a test that does not return one p-value per series and tail.
    """
    if replicates < 1 or block < 1:
        raise DesignError("nothing to run", field="replicates, block", expected="at least 1")
    seeds = np.random.SeedSequence(seed).spawn(-(-replicates // UNIT))
    size = -(-block // UNIT)
    groups = [(first * UNIT, seeds[first : first + size]) for first in range(0, len(seeds), size)]
    frame = pd.concat(mapper(partial(_run_block, test, process, scenario), groups))
    return frame[frame.index < replicates]


def _run_block(test, process, scenario, group):
    first, seeds = group
    parts = [_plant(process, scenario, seed) for seed in seeds]
    kept, untouched, counts, salvo = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    index = pd.Index(first + np.flatnonzero(kept), name="replicate")
    answer = dict(test(Batch(counts, salvo, scenario.before, scenario.length)))
    for tail in ("p_lower", "p_upper"):
        if np.shape(answer.get(tail)) != (len(index),):
            found = str(np.shape(answer[tail])) if tail in answer else "none"
            raise DesignError("not one p-value per series", field=tail, expected=f"({len(index)},)", found=found)
    return pd.DataFrame(answer, index=index).assign(truth=1 - scenario.cut, untouched=untouched)


def _plant(process, scenario, seed):
    """Draw one unit of replicates, choose the windows, cut the series around them, apply the effect."""
    drawing, choosing, thinning = seed.spawn(3)
    around = scenario.before + scenario.length + scenario.after
    spare = 0 if scenario.timing == "fixed" else SPARE_DAYS
    drawn = process.draw(UNIT, around + spare, seed=drawing)
    joint = isinstance(drawn, Strikes)
    counts = getattr(drawn, scenario.outcome) if joint else drawn
    salvo = drawn.salvo if joint else counts >= np.quantile(counts, 0.85, axis=1, keepdims=True)
    starts = window_starts(salvo, scenario, latest=scenario.before + spare, seed=choosing)
    kept = starts >= 0
    days = starts[kept, None] - scenario.before + np.arange(around)
    counts, salvo = (np.take_along_axis(values[kept], days, 1) for values in (counts, salvo))
    untouched = counts[:, scenario.before :][:, : scenario.length].sum(1)
    return kept, untouched, apply_effect(counts, scenario.before, scenario, seed=thinning), salvo


def study(test, process, scenario, *, replicates=2000, seed=0, alpha=0.05, block=250, mapper=map):
    """Size (without a cut), power (with one) and coverage of a test.

    Parameters
    ----------
    test, process, scenario, replicates, seed, block, mapper
        As in `replicate`.
    alpha : float

    Returns
    -------
    DataFrame, one row
        The scenario; replicates; answered (share with p-values); rejected (two-sided), with its tails
        rejected_lower and rejected_upper (alpha / 2 each); rejected_less and rejected_greater (one-sided);
        coverage (1 - cut in ratio_low to ratio_high) and expected_coverage (what would have flown in
        expected_low to expected_high) among replicates with an interval; median_ratio. Each rate has its
        Monte Carlo standard error in a column ending in _se.
    """
    frame = replicate(test, process, scenario, replicates=replicates, seed=seed, block=block, mapper=mapper)
    return pd.DataFrame([{**vars(scenario), "replicates": len(frame), **_rates(frame, alpha + 1e-12)}])


def _rates(frame, alpha):
    lower, upper = frame["p_lower"], frame["p_upper"]
    hits = {
        "answered": lower.notna() & upper.notna(),
        "rejected": np.fmin(lower, upper) <= alpha / 2,
        "rejected_lower": lower <= alpha / 2,
        "rejected_upper": upper <= alpha / 2,
        "rejected_less": lower <= alpha,
        "rejected_greater": upper <= alpha,
    }
    for name, interval, truth in (("coverage", "ratio", "truth"), ("expected_coverage", "expected", "untouched")):
        if f"{interval}_low" in frame and f"{interval}_high" in frame:
            known = frame.dropna(subset=[f"{interval}_low", f"{interval}_high"])
            hits[name] = known[truth].between(known[f"{interval}_low"], known[f"{interval}_high"])
    rates = {}
    for name, hit in hits.items():
        rate = hit.mean() if len(hit) else np.nan
        rates |= {name: rate, f"{name}_se": np.sqrt(rate * (1 - rate) / max(len(hit), 1))}
    return rates | ({"median_ratio": frame["ratio"].median()} if "ratio" in frame else {})
