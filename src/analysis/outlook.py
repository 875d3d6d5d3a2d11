"""What a pause to come could show: what windows of its length reveal on the latest days."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from analysis.days import as_days
from analysis.errors import DesignError
from analysis.estimate import FEWEST_BASELINE_DAYS, check_options
from analysis.expected import design_matrix, expected_counts, independent_columns
from analysis.pauses import Pause, load_pauses
from analysis.placebo import PlaceboTest, window_ratios
from analysis.series import Label, Words, series_label
from analysis.setting import VOLUME, not_ordinary
from analysis.tables import outcome_series
from analysis.windows import BASELINE_SHORT, SHORT_WINDOW, Day, check_counts, check_length, placebo_starts
from analysis.words import days_text, outcome_label

WISHED_CUT = 0.5


@dataclass(frozen=True)
class Outlook:
    """What windows of one length could reveal on the latest baseline; None where no cut, or no length, would do.

    `p_min` is the two-sided p-value if nothing at all flew, a visible cut one that is seen in 80 % of windows.
    """

    outcome: str
    n_days: int
    baseline_first_day: pd.Timestamp
    baseline_last_day: pd.Timestamp
    p_min: float
    smallest_visible_cut: float | None
    nights_for_half: int | None  # shortest window, up to 13 days, in which a cut by half would be visible
    cut_in_longest: float | None  # the smallest visible cut of a window of 13 days
    label: Label | None = None  # what is counted, where the catalogue of outcomes does not say it

    def summary(self) -> str:
        """One sentence for someone who waits for a pause to begin."""
        unit = "day" if self.label else "night"
        nights, longest = (f"{n} {unit}{'s' * (n > 1)}" for n in (self.n_days, SHORT_WINDOW))
        span = f"{self.baseline_first_day:%Y-%m-%d} to {self.baseline_last_day:%Y-%m-%d}"
        best = f"no cut would show reliably (total silence: p = {self.p_min:.2g})"
        if self.smallest_visible_cut is not None:
            best = f"only a cut of about {self.smallest_visible_cut:.0%} or more would show reliably"
        half = f"needs {self.nights_for_half} {unit}{'s' * (self.nights_for_half != 1)}"
        if self.nights_for_half is None:
            there = "" if self.cut_in_longest is None else f", where it takes {self.cut_in_longest:.0%}"
            half = f"would not show even in {longest}{there}"
        return f"In {nights} of {outcome_label(self)}, {best}; a cut by half {half} (baseline {span})."


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
        1 to 13.
    baseline : int
        Last days of the series that serve as reference.
    counts, exclude, level, label
        As in `estimate_effect`.

    Raises
    ------
    DesignError
        A length outside 1 to 13 days: longer windows need a baseline on both sides. Fewer than 28 days to look back on.

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
    expected, _ = expected_counts(X, values, weights=reference.astype(float))
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


def what_to_expect(pause: Pause) -> list[str]:
    """What the data hold of a pause, and what its length could reveal on the latest baseline, a sentence each."""
    known = [claim.id for claim in pause.claims if claim.covers_days]
    if not known:
        short = any(claim.stated for claim in pause.claims)
        why = "No claim covers a strike day by half" if short else "No party stated both ends of a window"
        return [f"{why}, so there is no length to ask about."]
    days, exclude = pause.days(pause.main if pause.main in known else known[0]), not_ordinary(load_pauses())
    n_days, lines = len(days), [_coverage(outcome_series(VOLUME[0]), days)]
    for outcome in VOLUME:
        if n_days > SHORT_WINDOW:
            window = f"a window of {days_text(n_days)} is tested against days on both sides"
            lines.append(f"{outcome_label(outcome)}: {window}: pauses test {pause.id}.")
        else:
            lines.append(look_ahead(outcome_series(outcome), n_days, exclude=exclude).summary())
    return lines


def _coverage(series: pd.Series, days: pd.DatetimeIndex) -> str:
    """How far a series reaches and which of some days it lacks."""
    last, missing = series.index[-1], days[series.reindex(days).isna().to_numpy()]
    absent = " to ".join(dict.fromkeys(f"{day:%Y-%m-%d}" for day in missing[[0, -1]])) if len(missing) else ""
    return (
        f"The data reach to {last:%Y-%m-%d} and hold {len(days) - len(missing)} of its {days_text(len(days))}"
        f"{'; missing: ' * bool(absent)}{absent}.{' Newer data: pauses data fetch.' * (days[-1] > last)}"
    )
