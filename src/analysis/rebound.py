"""What followed a window: more than usually follows a quiet, or no more?"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from analysis.effect import PauseEffect
from analysis.estimate import check_options, obstacle, untestable, weigh
from analysis.placebo import rebound_test
from analysis.series import Words, series_label
from analysis.windows import BASELINE_SHORT, ONE_DAY, Day, Holidays, check_counts, check_length, check_window, lay_out
from analysis.words import days_text


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
