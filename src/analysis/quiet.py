"""A quiet: how ordinary it is between mass salvos, and whether more followed it than usually does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from analysis.days import as_days
from analysis.effect import PauseEffect
from analysis.estimate import check_options, obstacle, untestable, weigh
from analysis.evidence_words import describe_lull
from analysis.expected import Floats
from analysis.placebo import days_since_salvo, rebound_test
from analysis.series import SALVO_MISSILES, Label, Words, series_label
from analysis.windows import BASELINE_SHORT, ONE_DAY, Day, Holidays, check_counts, check_length, check_window, lay_out
from analysis.words import days_text

FEWEST_SALVOS = 10


@dataclass(frozen=True)
class Lull:
    """How ordinary a quiet spell is, given the days since the last salvo. A description, never a test.

    `expected_salvos` is their mean number in the window, each one setting the days since the last one back;
    `n_salvos` in `n_days` are the history behind the estimate.
    """

    first_day: pd.Timestamp
    last_day: pd.Timestamp
    days_since_salvo: int
    observed_salvos: int
    expected_salvos: float
    quiet_probability: float
    n_salvos: int
    n_days: int
    hazard: pd.DataFrame  # columns days_since_salvo, probability: the fitted daily probability of a salvo
    threshold: float = SALVO_MISSILES
    label: Label | None = None  # what is counted in a series that is not of this project

    def to_frame(self) -> pd.DataFrame:
        """One row, without the hazard curve."""
        apart = ("hazard", "threshold", "label")
        return pd.DataFrame([{name: value for name, value in vars(self).items() if name not in apart}])

    def summary(self) -> str:
        """Plain words for how ordinary the quiet is."""
        return describe_lull(self)

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
    (Prentice and Gloeckler 1978), fitted by statsmodels to the 365 days before the window.

    Parameters
    ----------
    missiles, days, exclude, label
        As in `estimate_effect`; other counts that come in heavy days will do.
    threshold : float
        Missiles that make a salvo.

    Returns
    -------
    Lull or None
        None when the history holds fewer than 10 salvos or 10 days without, when salvos keep a strict rhythm, or
        the window is outside the data.

    Raises
    ------
    DesignError
        A threshold that is not positive.
    """
    from statsmodels.genmod.families import Binomial
    from statsmodels.genmod.families.links import CLogLog
    from statsmodels.genmod.generalized_linear_model import GLM  # statsmodels.api would import all of it

    from analysis.setting import salvo_days  # with the registry, which a test of a window does without

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
        quiet_probability=float(np.prod(1 - ahead[start - 1 :])),
        n_salvos=len(gaps),
        n_days=int(usable.sum()),
        hazard=pd.DataFrame({"days_since_salvo": curve, "probability": fit.predict(_terms(curve))}),
        threshold=threshold,
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
        Days after the pause.

    Returns
    -------
    PauseEffect
        One-sided ("greater"); its window is "after-<horizon>", its test "after-quiet".

    Raises
    ------
    DesignError
        Malformed series or window; a horizon or a baseline that is no number of days.
    """
    check_options(test="auto", alternative="greater", level=level)
    counts, days = check_counts(counts), check_window(days)
    before = BASELINE_SHORT if baseline is None else check_length(baseline, "baseline")
    after = pd.date_range(days[-1] + ONE_DAY, periods=check_length(horizon, "horizon", "days, 1 or more"))
    layout = lay_out(
        counts,
        after,
        baseline=(days[0] - before * ONE_DAY, after[-1]),
        first_day=first_day,
        exclude=[*exclude, *days],
        announced=announced,
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
        why = f"compared with all windows of {days_text(horizon)}, no less strict here than those after a quiet"
        return weigh(layout, name, "after-quiet", every, layout.starts, [why], window)
    kind = "most alike" if len(follow) == 0 else "quietest" if quietest else "most similar"
    why = f"compared with the {days_text(horizon)} after the {kind} tenth of windows of {days_text(len(days))}"
    return weigh(layout, name, "after-quiet", alike, follow, [why], window)
