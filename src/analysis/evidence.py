"""Turn a layout and its placebo windows into a finding, or say why the data cannot answer."""

import numpy as np
import pandas as pd

from analysis.effects import PauseEffect, decide
from analysis.nullmodel import DAYS_PER_SPLINE_TERM, expected_counts
from analysis.placebo import shift_ratios, window_sums
from analysis.sentences import days_text

FEWEST_BASELINE_DAYS = 28
FEWEST_AFTER_LONG = 150
LONGEST_WINDOW = DAYS_PER_SPLINE_TERM // 2
BAND = (0.025, 0.975)  # between these quantiles lie 95 of 100 ordinary days or windows
INJECTED, TOLERANCE = 0.6, 0.07  # a true ratio of 0.6 must show within 0.07


def obstacle(layout, counts, *, window_in_fit=True):
    """Why the data cannot answer at all, in words; None when they can."""
    n_days, reference = len(layout.pattern), layout.baseline
    first, last = layout.days[layout.start], layout.days[layout.start + n_days - 1]
    if len(counts) == 0 or first > counts.index[-1]:
        return f"the data end on {counts.index[-1]:%Y-%m-%d}, before the window" if len(counts) else "there are no data"
    if last < counts.index[0]:
        return f"the counts are usable only from {counts.index[0]:%Y-%m-%d} on"
    if not layout.pattern.any():
        return f"there is no usable report for any day from {first:%Y-%m-%d} to {last:%Y-%m-%d}"
    if reference.sum() < FEWEST_BASELINE_DAYS:
        return f"only {reference.sum()} usable baseline days, at least {FEWEST_BASELINE_DAYS} are needed"
    eventful = int((layout.filled[reference] > 0).sum())
    if eventful == 0:
        return f"nothing was seen on any of the {reference.sum()} baseline days, pause or not"
    if eventful <= layout.X.shape[1]:
        return f"something was seen on only {eventful} of {reference.sum()} baseline days, too few to expect anything"
    if len(layout.starts) == 0:
        return f"no other window of {days_text(n_days)} fits into the baseline"
    if layout.leave_out and n_days > LONGEST_WINDOW:
        return f"{days_text(n_days)} are too long a window: a trend across more than {LONGEST_WINDOW} days is a guess"
    if layout.leave_out and layout.n_after < FEWEST_AFTER_LONG:
        return (
            f"provisional: only {layout.n_after} baseline days after the pause, {FEWEST_AFTER_LONG} are needed to "
            "tell a long pause from a slow wave"
        )
    shown = recovered_ratio(layout) if window_in_fit and not layout.leave_out else None
    if shown is not None and abs(shown - INJECTED) > TOLERANCE:
        return (
            f"the {reference.sum()} baseline days are too few or too far from the window: a true cut of "
            f"{100 - 100 * INJECTED:.0f} % would rank like one of {100 - 100 * shown:.0f} %"
        )
    return None


def recovered_ratio(layout):
    """Ratio at which a true one of 0.6 would be ranked in this layout, without noise.

    The window takes part in the fit, so a short or distant baseline lets it bend the trend towards itself. Its pull
    is taken out of the ratio that is stated, but not out of the ranks: where it is strong, the test is blinder than
    its smallest visible cut would say.
    """
    expected, _ = expected_counts(layout.X, layout.filled, weights=layout.baseline.astype(float))
    injected = np.where(layout.window, INJECTED * expected, layout.filled)
    return float(shift_ratios(layout.X, injected, layout.fitted, layout.start, layout.starts[:1], layout.pattern)[0])


def weigh(layout, name, test_name, test, starts, expected, why, window="pause"):
    """Put numbers and reason into a PauseEffect and let the common rule decide.

    Parameters
    ----------
    layout : Layout
    name, test_name, window : str
        What the effect's outcome, test and window are called.
    test : PlaceboTest
        Of the window against those that begin at `starts`.
    starts : (M,) integer array
    expected : (n,) array
        Expected counts of every day.
    why : sequence of str
        What was compared with what, then what had to be left out.
    """
    level = 1 - test.alpha
    if np.isnan(test.ratio):
        nothing = "next to nothing is to be expected in this window, pause or not"
        return untestable(layout, name, nothing, test.alternative, level, test_name, window)
    here = np.array([layout.start])
    observed, mean = (float(window_sums(values, here, layout.pattern)[0]) for values in (layout.filled, expected))
    found = placebo_fields(test, observed / float(test.ratio) if test.ratio > 0 else mean)
    reason = "; ".join(why)
    if test.n_placebo == 0:
        reason = f"{why[0]}, and there is none"
    elif not found["testable"]:
        reason = f"{_ordinary_silence(test, found['p_min'])}; {reason}"
    elif test.ratio == 0:
        reason = f"nothing was seen, so the ratio has no upper limit to compute; {reason}"
    described = _described(layout, name, test.alternative, level, test_name, window, expected)
    placebo = pd.DataFrame({"start": layout.days[starts], "ratio": test.placebos})
    return decide(PauseEffect(**described, **found, observed=observed, reason=reason, placebo=placebo))


def placebo_fields(test, expected):
    """What a placebo test of one window says, as fields of a PauseEffect; an open end is None.

    Parameters
    ----------
    test : PlaceboTest
    expected : float
        Of the window, in the outcome's unit.
    """
    bounds = (*(expected * bound for bound in test.accepted), *test.ratio_interval, test.smallest_visible_cut)
    low, high, ratio_low, ratio_high, cut = (float(bound) if np.isfinite(bound) else None for bound in bounds)
    p_min = float(test.p_min_rise if test.alternative == "greater" else test.p_min_fall)
    testable = p_min <= test.alpha
    return {
        "expected": expected, "expected_low": low, "expected_high": high,
        "ratio": float(test.ratio), "ratio_low": ratio_low, "ratio_high": ratio_high if test.ratio > 0 else None,
        "p_value": float(test.p_value), "p_min": p_min, "n_placebo": int(test.n_placebo), "testable": testable,
        "smallest_visible_cut": cut if testable else None,
    }  # fmt: skip


def _ordinary_silence(test, p_min):
    if test.alternative == "greater":
        return f"with {test.n_placebo} comparable windows even the largest rise has p = {p_min:.2g}"
    silent = int((test.placebos == 0).sum())
    if silent:
        comparable = f"{silent} of {test.n_placebo} comparable windows are silent"
        sides = "two-sided " if test.alternative == "two-sided" else ""  # so p is twice the share just named
        return f"even total silence is ordinary: {comparable} ({sides}p = {p_min:.2g})"
    return f"only {test.n_placebo} comparable windows: even total silence has p = {p_min:.2g}"


def untestable(layout, name, reason, alternative, level, test_name="shift", window="pause"):
    """An effect that says why the data cannot answer; what was reported in the window is still shown."""
    observed = float(np.nansum(layout.counts[layout.window])) if layout.pattern.any() else None
    described, none = _described(layout, name, alternative, level, test_name, window), {"start": [], "ratio": []}
    return decide(PauseEffect(**described, observed=observed, reason=reason, placebo=pd.DataFrame(none)))


def _described(layout, name, alternative, level, test_name, window, expected=None):
    """The fields of a PauseEffect that say what was tested and on which days, before any verdict."""
    inside, reference = layout.days[layout.window], layout.days[layout.baseline]
    first, last = (reference[0].date(), reference[-1].date()) if len(reference) else (None, None)
    return {
        "outcome": name, "window": window, "test": test_name, "alternative": alternative, "level": round(level, 12),
        "first_day": inside[0].date(), "last_day": inside[-1].date(), "n_days": len(inside),
        "n_missing": int((~layout.pattern).sum()), "baseline_first_day": first, "baseline_last_day": last,
        "daily": _daily(layout, expected),
    }  # fmt: skip


def _daily(layout, expected):
    """The tidy frame of the series picture: what was reported, what was expected, and the ordinary band."""
    role = np.where(layout.window, "window", np.where(layout.baseline, "baseline", "left out"))
    frame = pd.DataFrame({"day": layout.days, "observed": layout.counts, "role": role})
    if expected is None:
        return frame.assign(expected=np.nan, low=np.nan, high=np.nan)
    spread = (layout.counts / np.where(expected > 0, expected, np.nan))[layout.baseline]
    low, high = np.nanquantile(spread, BAND)
    return frame.assign(expected=expected, low=low * expected, high=high * expected)
