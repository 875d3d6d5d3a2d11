"""Plant pauses in simulated series and run the tests on thousands of them: do they cry wolf, what can they see?

A trial takes counts and salvo days, (n, n_days) each, and answers for each series. What depends on the calendar alone
comes as a `Layout`, so that baseline, exclusions and placebo windows are those of the real procedure.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache, partial
from typing import Annotated, Literal

import numpy as np
import pandas as pd
from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveInt
from pydantic.dataclasses import dataclass

from analysis.calibration.processes import CHECKED, Process, Seed, Strikes
from analysis.errors import DesignError
from analysis.expected import Bools, Floats, Ints
from analysis.placebo import (
    TIE,
    PlaceboTest,
    WindowTest,
    days_since_salvo,
    holes,
    long_test,
    order_windows,
    rebound_test,
    short_test,
    window_sums,
)
from analysis.windows import ONE_DAY, Day, Layout, lay_out

SPARE_DAYS = 150  # extra days in which to wait for a salvo
UNIT = 50  # series drawn and tested at once, from a random stream of their own
ORDINARY_DAY = pd.Timestamp("2026-02-03")
HAC_LAGS = 7
LONG_PLACEBOS = 119  # of long windows, each of which costs a fit: with 119, three or fewer beyond are 2.5 %
ALPHA = 0.05 + 1e-12
INTERVALS = (  # what is counted, of which truth, from, to
    ("coverage", "truth", "ratio_low", "ratio_high"),
    ("expected_coverage", "untouched", "expected_low", "expected_high"),
)
SHARE_DAYS, SHARE_SIDE = 4, 90  # days in the window of the size study of shares, and on either side of it
CLUSTERS = {  # standard deviation and day-to-day correlation of log-odds, typical share
    "independent": (0.0, 0.0, 0.15),
    "clustered": (1.0, 0.0, 0.12),
    "clustered, lasting": (1.0, 0.6, 0.12),
    "strongly clustered": (1.5, 0.8, 0.08),
}


@dataclass(frozen=True, config=CHECKED)
class Scenario:
    """A pause to plant, and the days around it that a test gets to see."""

    before: PositiveInt = 365  # days before the window,
    length: PositiveInt = 3  # in it
    after: NonNegativeInt = 0  # and after it
    cut: Annotated[float, Field(ge=0, le=1)] = 0.0  # share of the window's counts that do not fly
    how: Literal["thin", "scale"] = "thin"  # each flies with probability 1 - cut: counts stay whole
    anticipation: tuple[NonNegativeFloat, NonNegativeFloat] = (0, 1.0)  # days right before the window, their factor
    rebound: tuple[NonNegativeFloat, NonNegativeFloat] = (0, 1.0)  # days right after it, and the factor on them
    timing: Literal["fixed", "random", "after-salvo"] = "fixed"  # on the first possible day
    lag: PositiveInt = 1  # days from the salvo
    outcome: Literal["drones", "missiles"] = "drones"  # which series of `Strikes` is tested


Answer = dict[str, Floats]
Trial = Callable[[Floats, Bools], Answer]


def plant(counts: Ints, scenario: Scenario, *, seed: Seed = 0) -> Floats:
    """The counts as they would have been with a scenario's pause, whose window follows the days before it."""
    day = np.arange(counts.shape[1]) - scenario.before
    (early, anticipation), (late, rebound) = scenario.anticipation, scenario.rebound
    spans = [(-early, 0), (0, scenario.length), (scenario.length, scenario.length + late)]
    inside = [(day >= first) & (day < end) for first, end in spans]
    factor = np.select(inside, [anticipation, 1 - scenario.cut, rebound], 1.0)
    if scenario.how == "scale":
        return counts * factor
    changed, touched = counts.astype(float), factor != 1
    certain = np.floor(factor[touched])  # a factor of 2.3 is two of each and a third with probability 0.3
    extra = np.random.default_rng(seed).binomial(counts[:, touched], factor[touched] - certain)
    changed[:, touched] = counts[:, touched] * certain + extra
    return changed


def window_starts(salvo: Bools, scenario: Scenario, *, latest: int, seed: Seed = 0) -> Ints:
    """Where each series has its window, by the scenario's timing, `latest` at most; -1 if no chance came."""
    if scenario.timing != "after-salvo":
        return np.random.default_rng(seed).integers(scenario.before, latest + 1, len(salvo))
    chance = days_since_salvo(salvo)[:, scenario.before : latest + 1] == scenario.lag
    return np.where(chance.any(1), scenario.before + chance.argmax(1), -1)


def replicate(
    trial: Trial, process: Process, scenario: Scenario, *, replicates: int = 2000, seed: int = 0
) -> pd.DataFrame:
    """Answers of a trial on many simulated series, with `truth` (1 - cut) and `untouched` (what would have flown).

    An answer holds p_lower and p_upper, NaN where the test cannot tell; intervals, if any, as ratio_low, ratio_high,
    expected_low and expected_high, infinite where open; and what else is to be kept. A replicate without a chance for
    a window is absent.
    """
    if replicates < 1:
        raise DesignError("nothing to run", field="replicates", expected="at least 1")
    around, answers = scenario.before + scenario.length + scenario.after, []
    spare = 0 if scenario.timing == "fixed" else SPARE_DAYS
    for number, unit in enumerate(np.random.SeedSequence(seed).spawn(-(-replicates // UNIT))):
        drawing, choosing, thinning = unit.spawn(3)
        drawn = process.draw(UNIT, around + spare, seed=drawing)
        if isinstance(drawn, Strikes):
            counts, salvo = getattr(drawn, scenario.outcome), drawn.salvo
        else:
            counts, salvo = drawn, drawn >= np.quantile(drawn, 0.85, axis=1, keepdims=True)
        starts = window_starts(salvo, scenario, latest=scenario.before + spare, seed=choosing)
        kept = np.flatnonzero(starts >= 0)
        days = starts[kept, None] - scenario.before + np.arange(around)
        counts, salvo = (np.take_along_axis(values[kept], days, 1) for values in (counts, salvo))
        untouched = counts[:, scenario.before : scenario.before + scenario.length].sum(1)
        answer = pd.DataFrame(trial(plant(counts, scenario, seed=thinning), salvo), index=number * UNIT + kept)
        answers.append(answer.assign(truth=1 - scenario.cut, untouched=untouched))
    frame = pd.concat(answers)
    return frame[frame.index < replicates]


def study(
    trial: Trial, process: Process, scenario: Scenario, *, replicates: int = 2000, seed: int = 0
) -> dict[str, object]:
    """Size at 5 % (without a cut), power (with one) and coverage of a trial: one row, beside the scenario.

    answered: share with p-values; rejected (two-sided), with its tails rejected_lower and rejected_upper (2.5 %
    each); rejected_less and rejected_greater (one-sided); coverage (of 1 - cut, by the ratio's interval) and
    expected_coverage (of what would have flown, by that of the expected) among replicates with an interval;
    median_ratio. Each rate has its Monte Carlo standard error in a column ending in _se.
    """
    frame = replicate(trial, process, scenario, replicates=replicates, seed=seed)
    lower, upper = frame["p_lower"], frame["p_upper"]
    hits = {
        "answered": lower.notna() & upper.notna(),
        "rejected": np.fmin(lower, upper) <= ALPHA / 2,
        "rejected_lower": lower <= ALPHA / 2,
        "rejected_upper": upper <= ALPHA / 2,
        "rejected_less": lower <= ALPHA,
        "rejected_greater": upper <= ALPHA,
    }
    for name, truth, low, high in INTERVALS:
        if low in frame:
            known = frame.dropna(subset=[low, high])
            hits[name] = known[truth].between(known[low], known[high])
    row = {**vars(scenario), "replicates": len(frame)}
    for name, hit in hits.items():
        rate = hit.mean() if len(hit) else np.nan
        row |= {name: rate, f"{name}_se": np.sqrt(rate * (1 - rate) / max(len(hit), 1))}
    return row | ({"median_ratio": frame["ratio"].median()} if "ratio" in frame else {})


@lru_cache(maxsize=128)
def simulated_layout(
    before: int, length: int, *, after: int = 0, announced: int = 0, first_day: Day = ORDINARY_DAY
) -> Layout:
    """A calendar for simulated series; its last `announced` days before the window are neither baseline nor placebo."""
    start = pd.Timestamp(first_day)
    days = pd.date_range(start - before * ONE_DAY, periods=before + length + after)
    waiting = start - announced * ONE_DAY
    return lay_out(pd.Series(1.0, days), days[before : before + length], baseline=before, announced=waiting)


def short(counts: Floats, salvo: Bools, layout: Layout, test: str) -> Answer:
    """Compare a short window with its placebos: "shift", "after-salvo", or "auto", as the product does."""
    return _answer(short_test(layout, counts, salvo, test=test), layout)


def by_mean_log(counts: Floats, salvo: Bools, layout: Layout) -> Answer:
    """Compare a short window with its placebos by the mean log, by the rule in use; its cut would take hours."""
    found = short_test(layout, counts, salvo, statistic="mean-log")
    return {"p_lower": found.p_lower, "p_upper": found.p_upper}


def long(counts: Floats, salvo: Bools, layout: Layout) -> Answer:
    """Predict every window from a fit without it; of the placebo windows a number evenly spread, to save time."""
    starts = layout.starts[holes(layout.baseline, layout.start, len(layout.pattern), layout.starts)[2]]
    starts = starts[np.linspace(0, len(starts) - 1, LONG_PLACEBOS).round().astype(int)]
    tests = [long_test(layout, series, starts=starts) for series in counts]
    found = {name: np.array([getattr(test, name) for test in tests]) for name in ("ratio", "placebos", "expected")}
    return _answer(WindowTest(**found), layout)


def after_quiet(counts: Floats, salvo: Bools, layout: Layout, length: int) -> Answer:
    """Compare the days after a pause with the days after windows as quiet, and with all windows of their length."""
    alike, every, *_ = rebound_test(layout, counts, np.ones(length, bool))
    answer = _answer(alike, layout)
    both = np.maximum(answer["p_upper"], every.p_upper)
    return {"p_lower": answer["p_lower"], "p_upper": both, "ratio": answer["ratio"]}


def stated_cut(counts: Floats, salvo: Bools, trial: partial[Answer]) -> Answer:
    """Plant in each series the cut that its own test calls just visible, and test again."""
    cut = trial(counts, salvo)["smallest_visible_cut"]
    kept = np.where(trial.keywords["layout"].window, 1 - np.nan_to_num(cut)[:, None], 1)
    tails = trial(counts * kept, salvo) | {"ratio": 1 - cut}
    return {name: np.where(np.isnan(cut), np.nan, tails[name]) for name in ("p_lower", "p_upper", "ratio")}


def joint(
    counts: Floats,
    salvo: Bools,
    episodes: Sequence[tuple[int, Layout]],
    test: str,
    cut: float = 0.0,
    draws: int = 20_000,
) -> Answer:
    """Test windows of each series (first position, layout) as `combine_effects` does, a share cut out of each."""
    from scipy.stats import norm, rankdata

    generator = np.random.default_rng(0)
    null = score = 0.0
    for first, layout in episodes:
        here = slice(first, first + len(layout.days))
        found = short_test(layout, counts[:, here] * np.where(layout.window, 1 - cut, 1), salvo[:, here], test=test)
        members = np.round(np.column_stack([found.placebos, found.ratio]), 9)
        n = (~np.isnan(members)).sum(1, keepdims=True)
        scores = norm.ppf((rankdata(members, axis=1, nan_policy="omit") - 0.5) / n)
        score = score + scores[:, -1:]
        null = null + np.take_along_axis(np.sort(scores), (generator.random(draws) * n).astype(int), axis=1)
    slack = TIE * len(episodes)
    return {
        "p_lower": (1 + (null <= score + slack).sum(1)) / (draws + 1),
        "p_upper": (1 + (null >= score - slack).sum(1)) / (draws + 1),
    }


def dummy_regression(counts: Floats, salvo: Bools, layout: Layout, family: str) -> Answer:
    """The customary test, as a warning: Wald z of a dummy, "Poisson" or "NB-HAC" (7 lags, Newey and West 1987)."""
    import statsmodels.api as sm
    from scipy.stats import norm

    X = np.column_stack([layout.X, layout.window])
    z = []
    for series in counts:
        fit = sm.GLM(series, X, family=sm.families.Poisson()).fit()
        if family == "NB-HAC":
            excess = ((series - fit.mu) ** 2 - fit.mu).sum() / (fit.mu**2).sum()
            model = sm.GLM(series, X, family=sm.families.NegativeBinomial(alpha=max(excess, 1e-3)))
            fit = model.fit(start_params=fit.params, cov_type="HAC", cov_kwds={"maxlags": HAC_LAGS})
        z.append(fit.tvalues[-1])
    return {"p_lower": norm.cdf(z), "p_upper": norm.sf(z)}


def _answer(test: WindowTest, layout: Layout) -> Answer:
    mean = window_sums(test.expected, np.array([layout.start]), layout.pattern)[:, 0]
    (low, high), (ordinary_low, ordinary_high) = test.ratio_interval, test.accepted
    some = test.n_placebo > 0
    return {
        "p_lower": np.where(some, test.p_lower, np.nan),
        "p_upper": np.where(some, test.p_upper, np.nan),
        "ratio": test.ratio,
        "ratio_low": np.where(some, low, np.nan),
        "ratio_high": np.where(test.ratio > 0, high, np.inf),
        "expected_low": np.where(some, mean * ordinary_low, np.nan),
        "expected_high": mean * ordinary_high,
        "smallest_visible_cut": test.smallest_visible_cut,
    }


def share_size_study(*, replicates: int = 2000, seed: int = 0) -> pd.DataFrame:
    """How often share tests, two-sided or `_less`, reject where nothing changed: 4 days among 184, 6 trials a day."""
    from scipy.stats import hypergeom

    rows, shape = {}, (replicates, 2 * SHARE_SIDE + SHARE_DAYS)
    pattern, starts = np.ones(SHARE_DAYS, bool), np.arange(2 * SHARE_SIDE + 1)
    starts = np.append(starts[abs(starts - SHARE_SIDE) >= SHARE_DAYS], SHARE_SIDE)  # the tested window last
    for name, (spread, persistence, share) in CLUSTERS.items():
        generator = np.random.default_rng(seed)
        swing = generator.standard_normal(shape)
        for day in range(1, shape[1]):
            swing[:, day] = persistence * swing[:, day - 1] + np.sqrt(1 - persistence**2) * swing[:, day]
        odds = share / (1 - share) * np.exp(spread * swing)
        trials = generator.poisson(6, shape)
        hits = generator.binomial(trials, odds / (1 + odds))
        seen, total = window_sums(hits, starts, pattern), window_sums(trials, starts, pattern)
        order = order_windows(seen, total.astype(float))
        test, inside = PlaceboTest(order[:, -1], order[:, :-1]), seen[:, -1]
        exact = hypergeom(trials.sum(1), hits.sum(1), total[:, -1])
        less, shift = exact.cdf(inside), (test.p_value <= ALPHA).mean()
        rows[name] = {
            "window_shift": shift,
            "window_shift_less": (test.p_lower <= ALPHA).mean(),
            "fisher": (2 * np.minimum(less, exact.sf(inside - 1)) <= ALPHA).mean(),
            "fisher_less": (less <= ALPHA).mean(),
            "standard_error": np.sqrt(shift * (1 - shift) / replicates),
            "none_by_chance": (inside == 0).mean(),
        }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("days")
