"""Around a window: how ordinary a quiet is, whether more followed than usually does, what one to come could show."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from analysis.days import as_days
from analysis.effect import PauseEffect
from analysis.errors import DesignError
from analysis.estimate import FEWEST_BASELINE_DAYS, check_options, obstacle, untestable, weigh
from analysis.expected import Floats, design_matrix, expected_counts, independent_columns
from analysis.placebo import PlaceboTest, days_since_salvo, rebound_test, window_ratios
from analysis.series import SALVO_MISSILES, Label, Words, series_label
from analysis.vocabulary import AMONG_ALL
from analysis.windows import (
    BASELINE_SHORT,
    ONE_DAY,
    RECOVERY_LONG,
    SHORT_WINDOW,
    Day,
    Holidays,
    check_counts,
    check_length,
    check_window,
    lay_out,
    placebo_starts,
)
from analysis.words import days_text, describe_lull, outcome_label

FEWEST_SALVOS = 10
WISHED_CUT = 0.5


def salvo_days(missiles: pd.Series, *, threshold: float = SALVO_MISSILES) -> pd.DatetimeIndex:
    """Days with at least `threshold` missiles.

    Parameters
    ----------
    missiles : Series of counts by day
    threshold : float
        Missiles a day, above 0.

    Examples
    --------
    >>> days = pd.date_range("2025-01-01", periods=3)
    >>> salvo_days(pd.Series([0, 34, 5], index=days)).strftime("%d").tolist()
    ['02']
    """
    if not isinstance(threshold, int | float) or not threshold > 0:
        raise DesignError("not a threshold", field="threshold", expected="a number above 0", found=f"{threshold!r:.60}")
    missiles = check_counts(missiles)
    return missiles.index[missiles >= threshold]


@dataclass(frozen=True)
class Lull:
    """How ordinary a quiet spell is, given the days since the last salvo. A description, never a test."""

    first_day: pd.Timestamp
    last_day: pd.Timestamp
    days_since_salvo: int  # on the first day
    observed_salvos: int
    expected_salvos: float  # their mean number in the window, each one setting the days since the last one back
    quiet_probability: float
    n_salvos: int  # in the history behind the estimate
    n_days: int  # of that history
    hazard: pd.DataFrame  # columns days_since_salvo, probability: the fitted daily probability of a salvo
    threshold: float = SALVO_MISSILES
    label: Label | None = None  # what is counted in a series that is not of this project

    def summary(self) -> str:
        """How ordinary the quiet was, in one or two sentences."""
        return describe_lull(self)

    __repr__ = _repr_markdown_ = summary

    def plot(self, ax: Any = None) -> Any:
        """Draw the daily probability of a salvo by days since the last one."""
        from analysis.figures import draw_hazard

        words = {} if self.label is None else {"salvo": "heavy day", "event": self.label.event}
        return draw_hazard(self.hazard, at=self.days_since_salvo, **words, ax=ax)


def estimate_lull(
    missiles: pd.Series,
    days: pd.DatetimeIndex,
    *,
    threshold: float = SALVO_MISSILES,
    exclude: Sequence[Day] = (),
    label: Words = None,
) -> Lull | None:
    """Probability of a salvo-free window from a discrete-time hazard of days since the last salvo.

    Complementary log-log regression of "salvo today" on the log of days since the last one
    (Prentice and Gloeckler 1978), fitted by statsmodels to the 365 days before the window. None when the history holds
    fewer than 10 salvos or 10 days without, when salvos keep a strict rhythm, or the window is outside the data.

    Parameters
    ----------
    missiles, days, exclude, label
        As in `estimate_effect`; other counts that come in heavy days will do.
    threshold : float
        Missiles that make a salvo, above 0.
    """
    from statsmodels.genmod.families import Binomial
    from statsmodels.genmod.families.links import CLogLog
    from statsmodels.genmod.generalized_linear_model import GLM  # statsmodels.api would import all of it

    salvos, days = salvo_days(missiles, threshold=threshold), check_window(days)
    missiles = check_counts(missiles)
    history = missiles[days[0] - BASELINE_SHORT * ONE_DAY : days[-1]]
    if history.reindex(days).isna().any():
        return None
    salvo = history.index.isin(salvos)
    since = days_since_salvo(salvo)
    before = history.index < days[0]
    usable = before & ~np.isnan(since) & history.notna().to_numpy() & ~history.index.isin(as_days(exclude, "exclude"))
    gaps, quiets = since[usable & salvo], since[usable & ~salvo]
    if min(len(gaps), len(quiets)) < FEWEST_SALVOS or np.isnan(since[~before][0]):
        return None
    if gaps.max() <= quiets.min() or quiets.max() <= gaps.min():
        return None  # a hazard of 0 and 1, which no regression finds
    fit = GLM(salvo[usable].astype(float), _terms(since[usable]), family=Binomial(link=CLogLog())).fit()
    start = int(since[~before][0])
    ahead, curve = fit.predict(_terms(np.arange(1, start + len(days)))), np.arange(1, 22)
    return Lull(
        first_day=days[0],
        last_day=days[-1],
        days_since_salvo=start,
        observed_salvos=int(salvo[~before].sum()),
        expected_salvos=_expected_salvos(ahead, start, len(days)),
        threshold=threshold,
        quiet_probability=float(np.prod(1 - ahead[start - 1 :])),
        n_salvos=len(gaps),
        n_days=int(usable.sum()),
        hazard=pd.DataFrame({"days_since_salvo": curve, "probability": fit.predict(_terms(curve))}),
        label=series_label(missiles.name, label),
    )


def _expected_salvos(hazard: Floats, start: int, n_days: int) -> float:
    """Mean number of salvos in `n_days` from `start` days after the last one; hazard[k] is that k + 1 days after."""
    share, expected = np.zeros(len(hazard) + 1), 0.0
    share[start - 1] = 1.0  # how likely it is that the last salvo was so long ago
    for _ in range(n_days):
        salvo = float(share[:-1] @ hazard)
        expected += salvo
        share[1:] = share[:-1] * (1 - hazard)
        share[0] = salvo
    return expected


def _terms(days_since: Floats) -> Floats:
    return np.column_stack([np.ones(len(days_since)), np.log(np.asarray(days_since, float))])


def estimate_rebound(
    counts: pd.Series,
    days: pd.DatetimeIndex,
    *,
    horizon: int = 7,
    first_day: Day | None = None,
    exclude: Sequence[Day] = (),
    announced: Day | None = None,
    baseline: int | None = None,
    level: float = 0.95,
    weekday: bool = True,
    holidays: Holidays = None,
    label: Words = None,
) -> PauseEffect:
    """Ask whether more flew after a window than usually follows a window as quiet.

    The placebos are the windows of `horizon` days that follow the tenth of windows whose ratio ranks closest to
    the pause's own: for a quiet pause, the quietest tenth. An ordinary return to the mean is then not called a
    surge, nor is an ordinary week after an ordinary window. Where the level wanders, an ordinary quiet is followed
    by more quiet, which an ordered one need not be: so the days after must exceed all windows of their length as
    well, and the larger p-value counts. The fit leaves the pause and the days after it out.

    Parameters
    ----------
    counts, days, first_day, exclude, announced, baseline, level, weekday, holidays, label
        As in `estimate_effect`; `days` is the pause.
    horizon : int
        Days after the pause, at most 14: further on, noise would be called a surge too often.

    Returns
    -------
    PauseEffect
        One-sided ("greater"); its window is "after-<horizon>", its test "after-quiet".
    """
    check_options(test="auto", alternative="greater", level=level, weekday=weekday)
    counts, days = check_counts(counts), check_window(days)
    before = BASELINE_SHORT if baseline is None else check_length(baseline, "baseline")
    if check_length(horizon, "horizon", "days, 1 or more") > RECOVERY_LONG:  # its size was measured up to there
        expected = f"at most {RECOVERY_LONG} days"
        raise DesignError("too far after the window", field="horizon", expected=expected, found=str(horizon))
    after = pd.date_range(days[-1] + ONE_DAY, periods=horizon)
    layout = lay_out(
        counts,
        after,
        baseline=(days[0] - before * ONE_DAY, after[-1]),
        first_day=first_day,
        announced=announced,
        exclude=[*as_days(exclude, "exclude"), *days],
        trend="linear",
        weekday=weekday,
        holidays=holidays,
        label=series_label(counts.name, label),
    )
    name, window, alpha = str(counts.name or "counts"), f"after-{horizon}", round(1 - level, 12)
    hindrance = obstacle(layout, counts, window_in_fit=False)
    if hindrance:
        return untestable(layout, name, hindrance, "greater", level, "after-quiet", window)
    seen = ~np.isnan(layout.counts[layout.days.isin(days)])
    alike, every, follow, quietest = rebound_test(layout, layout.counts, seen, alpha=alpha)
    if alike.n_placebo and every.p_value > alike.p_value:
        why = f"{AMONG_ALL} of {days_text(horizon)}, no less strict here than those after a quiet"
        return weigh(layout, name, "after-quiet", every, layout.starts, [why], window)
    kind = "most alike" if len(follow) == 0 else "quietest" if quietest else "most similar"
    why = f"compared with the {days_text(horizon)} after the {kind} tenth of windows of {days_text(len(days))}"
    return weigh(layout, name, "after-quiet", alike, follow, [why], window)


@dataclass(frozen=True)
class Outlook:
    """What windows of one length could reveal on the latest baseline; None where no cut, or no length, would do."""

    outcome: str
    n_days: int
    baseline_first_day: pd.Timestamp
    baseline_last_day: pd.Timestamp
    p_min: float  # two-sided, if nothing at all flew
    smallest_visible_cut: float | None  # one that is seen in 80 % of windows
    nights_for_half: int | None  # shortest window, up to 13 days, in which a cut by half would be visible
    cut_in_longest: float | None  # the smallest visible cut of a window of 13 days
    label: Label | None = None  # what is counted, where the catalogue of outcomes does not say it

    def summary(self) -> str:
        """One sentence for someone who waits for a pause to begin."""
        unit = "day" if self.label else "night"
        best = f"no cut would show reliably (total silence: p = {self.p_min:.2g})"
        if self.smallest_visible_cut is not None:
            best = f"only a cut of about {self.smallest_visible_cut:.0%} or more would show reliably"
        half = f"needs {self.nights_for_half} {unit}{'s' * (self.nights_for_half != 1)}"
        if self.nights_for_half is None:
            there = "" if self.cut_in_longest is None else f", where it takes {self.cut_in_longest:.0%}"
            half = f"would not show even in {SHORT_WINDOW} {unit}s{there}"
        return (
            f"In {self.n_days} {unit}{'s' * (self.n_days > 1)} of {outcome_label(self)}, {best}; a cut by half {half} "
            f"(baseline {self.baseline_first_day:%Y-%m-%d} to {self.baseline_last_day:%Y-%m-%d})."
        )

    __repr__ = _repr_markdown_ = summary


def look_ahead(
    counts: pd.Series,
    n_days: int,
    *,
    baseline: int = BASELINE_SHORT,
    exclude: Sequence[Day] = (),
    level: float = 0.95,
    label: Words = None,
) -> Outlook:
    """What a window of `n_days` after the end of a series could show, from all windows of that length before.

    Parameters
    ----------
    n_days : int
        1 to 13: longer windows need a baseline on both sides.
    baseline : int
        Last days of the series that serve as reference, at least 28.
    counts, exclude, level, label
        As in `estimate_effect`.

    Examples
    --------
    >>> days = pd.date_range("2025-01-01", periods=400)
    >>> steady = pd.Series(np.random.default_rng(1).poisson(100, 400), index=days, name="drones")
    >>> look_ahead(steady, 3).nights_for_half
    1
    """
    check_options(test="auto", alternative="less", level=level)
    if not 1 <= check_length(n_days, "n_days") <= SHORT_WINDOW:
        expected = f"1 to {SHORT_WINDOW}"
        raise DesignError("no outlook for this length", field="n_days", expected=expected, found=str(n_days))
    counts = check_counts(counts).iloc[-check_length(baseline, "baseline") :]
    reference = counts.notna().to_numpy() & ~counts.index.isin(as_days(exclude, "exclude"))
    if reference.sum() < FEWEST_BASELINE_DAYS:
        expected, found = f"at least {FEWEST_BASELINE_DAYS} days with a count", f"{reference.sum()}"
        remedy = "take a longer series or baseline"
        raise DesignError("too few days to look back on", field="counts", expected=expected, found=found, remedy=remedy)
    X, _ = independent_columns(design_matrix(counts.index, holidays=False), reference)
    values = np.nan_to_num(counts.to_numpy())
    expected = expected_counts(X, values, weights=reference.astype(float))
    p_min, cuts = {}, {}
    for length in range(1, SHORT_WINDOW + 1):
        pattern = np.ones(length, bool)
        placebos = window_ratios(values, expected, placebo_starts(reference, pattern), pattern)
        test = PlaceboTest(0.0, placebos, alpha=1 - level)
        cut = float(test.smallest_visible_cut)
        p_min[length], cuts[length] = float(test.p_min_fall), cut if np.isfinite(cut) else None
    return Outlook(
        outcome=str(counts.name or "counts"),
        n_days=n_days,
        baseline_first_day=counts.index[0],
        baseline_last_day=counts.index[-1],
        p_min=p_min[n_days],
        smallest_visible_cut=cuts[n_days],
        nights_for_half=next((length for length, cut in cuts.items() if cut and cut <= WISHED_CUT), None),
        cut_in_longest=cuts[SHORT_WINDOW],
        label=series_label(counts.name, label),
    )
