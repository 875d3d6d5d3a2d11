"""Before a pause: what could a window of this length show at all?"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from analysis.errors import DesignError
from analysis.estimation import window_ratios
from analysis.layout import BASELINE_SHORT, SHORT_WINDOW, check_counts
from analysis.nullmodel import design_matrix, expected_counts, independent_columns
from analysis.pauses import load_pauses
from analysis.placebo import PlaceboTest, placebo_starts
from analysis.procedure import VOLUME, not_ordinary
from analysis.sentences import days_text, outcome_label
from analysis.tables import outcome_series

WISHED_CUT = 0.5


@dataclass(frozen=True)
class Outlook:
    """What windows of one length could reveal on the latest baseline.

    Attributes
    ----------
    outcome : str
    n_days : int
        Length of the window asked about.
    baseline_first_day, baseline_last_day : Timestamp
    p_min : float
        The two-sided p-value if nothing at all flew.
    smallest_visible_cut : float or None
        Share that must be gone to be seen in 80 % of windows; None if no cut would be.
    nights_for_half : int or None
        Shortest window, up to 13 days, in which a cut by half would be seen in 80 % of cases.
    cut_in_longest : float or None
        As `smallest_visible_cut`, for a window of 13 days.
    """

    outcome: str
    n_days: int
    baseline_first_day: pd.Timestamp
    baseline_last_day: pd.Timestamp
    p_min: float
    smallest_visible_cut: float | None
    nights_for_half: int | None
    cut_in_longest: float | None

    def to_frame(self):
        """One row."""
        return pd.DataFrame([vars(self)])

    def summary(self):
        """One sentence for someone who waits for a pause to begin."""
        nights = "1 night" if self.n_days == 1 else f"{self.n_days} nights"
        span = f"{self.baseline_first_day:%Y-%m-%d} to {self.baseline_last_day:%Y-%m-%d}"
        if self.smallest_visible_cut is None:
            best = f"no cut would show reliably (total silence: p = {self.p_min:.2g})"
        else:
            best = f"only a cut of about {self.smallest_visible_cut:.0%} or more would show reliably"
        wait, longest = self.nights_for_half, self.cut_in_longest
        there = "" if longest is None else f", where it takes {longest:.0%}"
        half = f"would not show even in {SHORT_WINDOW} nights{there}" if wait is None else f"needs {wait} nights"
        return f"In {nights} of {outcome_label(self.outcome)}, {best}; a cut by half {half} (baseline {span})."


def look_ahead(counts, n_days, *, baseline=BASELINE_SHORT, exclude=(), level=0.95):
    """What a window of `n_days` after the end of a series could show, from all windows of that length before.

    Parameters
    ----------
    counts : Series of counts by day, NaN = no report
    n_days : int
        1 to 13.
    baseline : int
        Last days of the series that serve as reference.
    exclude : sequence of days
        No reference, such as earlier pauses.
    level : float
        Confidence level of the test that looks for the cut.

    Returns
    -------
    Outlook

    Raises
    ------
    DesignError
        A length outside 1 to 13 days: longer windows need a baseline on both sides.

    Examples
    --------
    >>> days = pd.date_range("2025-01-01", periods=400)
    >>> steady = pd.Series(np.random.default_rng(1).poisson(100, 400), index=days, name="drones")
    >>> look_ahead(steady, 3).nights_for_half
    1
    """
    if not 1 <= n_days <= SHORT_WINDOW:
        raise DesignError(
            "no outlook for this length", field="n_days", expected=f"1 to {SHORT_WINDOW}", found=str(n_days)
        )
    counts = check_counts(counts).iloc[-baseline:]
    reference = counts.notna().to_numpy() & ~counts.index.isin(pd.DatetimeIndex(exclude))
    X, _ = independent_columns(design_matrix(counts.index, holidays=False), reference)
    values = np.nan_to_num(counts.to_numpy())
    expected, _ = expected_counts(X, values, weights=reference.astype(float))

    def test(length):
        pattern = np.ones(length, bool)
        starts = placebo_starts(reference, pattern)
        return PlaceboTest(0.0, window_ratios(values, expected, starts, pattern), alpha=1 - level)

    tests = {length: test(length) for length in range(1, SHORT_WINDOW + 1)}
    cuts = {length: float(tried.smallest_visible_cut) for length, tried in tests.items()}
    cuts = {length: cut if np.isfinite(cut) else None for length, cut in cuts.items()}
    return Outlook(
        outcome=str(counts.name or "counts"), n_days=n_days,
        baseline_first_day=counts.index[0], baseline_last_day=counts.index[-1],
        p_min=float(tests[n_days].p_min_fall), smallest_visible_cut=cuts[n_days],
        nights_for_half=next((length for length, cut in cuts.items() if cut and cut <= WISHED_CUT), None),
        cut_in_longest=cuts[SHORT_WINDOW],
    )  # fmt: skip


def what_to_expect(pause):
    """Say what the data hold of a pause and what its length could reveal on the latest baseline.

    Parameters
    ----------
    pause : Pause

    Returns
    -------
    list of str
        One sentence on coverage, and one per outcome.
    """
    stated = [claim.id for claim in pause.claims if claim.stated]
    if not stated:
        return ["No party stated both ends of a window, so there is no length to ask about."]
    days = pause.days(pause.main if pause.main in stated else stated[0])
    exclude = not_ordinary(load_pauses())
    lines = []
    for outcome in VOLUME:
        series = outcome_series(outcome)
        if not lines:
            lines.append(_coverage(series, days))
        if len(days) > SHORT_WINDOW:
            lines.append(
                f"{outcome_label(outcome)}: a window of {days_text(len(days))} is tested against days on both sides: "
                f"pauses test {pause.id}."
            )
        else:
            lines.append(look_ahead(series, len(days), exclude=exclude).summary())
    return lines


def _coverage(series, days):
    """How far a series reaches and which of some days it lacks."""
    last, missing = series.index[-1], days[series.reindex(days).isna().to_numpy()]
    said = f"The data reach to {last:%Y-%m-%d} and hold {len(days) - len(missing)} of its {days_text(len(days))}"
    if len(missing):
        said += f"; missing: {missing[0]:%Y-%m-%d}" + (f" to {missing[-1]:%Y-%m-%d}" if len(missing) > 1 else "")
    return f"{said}." + (" Newer data: pauses data fetch." if days[-1] > last else "")
