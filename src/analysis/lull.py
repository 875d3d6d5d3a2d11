"""Mass salvos, or heavy days of another series: how long a quiet between them is ordinary."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from analysis.days import as_days
from analysis.evidence_words import describe_lull
from analysis.expected import Floats
from analysis.placebo import days_since_salvo
from analysis.series import Label, Words, series_label
from analysis.setting import SALVO_MISSILES, salvo_days
from analysis.windows import BASELINE_SHORT, ONE_DAY, Day, check_counts, check_window

FEWEST_SALVOS = 10


@dataclass(frozen=True)
class Lull:
    """How ordinary a quiet spell is, given the days since the last salvo. A description, never a test.

    Attributes
    ----------
    first_day, last_day : Timestamp
    days_since_salvo : int
        From the last salvo to the window's first day.
    observed_salvos : int
    expected_salvos : float
        Mean number of salvos in the window: each one sets the days since the last one back.
    quiet_probability : float
        Probability that no salvo comes in the window.
    n_salvos, n_days : int
        History behind the estimate.
    hazard : DataFrame
        Columns days_since_salvo, probability: the fitted daily probability of a salvo.
    threshold : float
        What makes a salvo.
    label : Label or None
        What is counted in a series that is not of this project.
    """

    first_day: pd.Timestamp
    last_day: pd.Timestamp
    days_since_salvo: int
    observed_salvos: int
    expected_salvos: float
    quiet_probability: float
    n_salvos: int
    n_days: int
    hazard: pd.DataFrame
    threshold: float = SALVO_MISSILES
    label: Label | None = None

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
    missiles : Series of counts by day, NaN = no report
        Or any other counts that come in heavy days.
    days : DatetimeIndex
        The window.
    threshold : float
        Missiles that make a salvo.
    exclude : sequence of days
        Left out of the fit, such as other pauses.
    label
        As in `estimate_effect`.

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

    salvos, days = salvo_days(missiles, threshold=threshold), check_window(days)
    missiles = check_counts(missiles)
    history = missiles[days[0] - BASELINE_SHORT * ONE_DAY : days[-1]]
    if len(history) == 0 or history.reindex(days).isna().any():
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
    ahead = fit.predict(_terms(np.arange(1, start + len(days))))
    curve = np.arange(1, 22)
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
