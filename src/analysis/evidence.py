"""Turn a layout and its placebo windows into a finding, or say why the data cannot answer."""

from functools import partial

import numpy as np
import pandas as pd

from analysis.effects import PauseEffect, decide
from analysis.nullmodel import DAYS_PER_SPLINE_TERM, expected_counts
from analysis.placebo import shift_ratios, window_sums
from analysis.sentences import days_text

FEWEST_BASELINE_DAYS = 28
FEWEST_AFTER_LONG = 150
LONGEST_WINDOW = DAYS_PER_SPLINE_TERM // 2
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


def weigh(layout, name, used, outcome, starts, expected, why, window="pause"):
    """Put numbers and reason into a PauseEffect and let the common rule decide."""
    if np.isnan(outcome.ratio):
        nothing = "next to nothing is to be expected in this window, pause or not"
        return untestable(layout, name, nothing, outcome.alternative, 1 - outcome.alpha, used, window)
    observed = float(window_sums(layout.filled, np.array([layout.start]), layout.pattern)[0])
    mean = observed / float(outcome.ratio) if outcome.ratio > 0 else _window_mean(layout, expected)
    low, high = (float(bound) for bound in outcome.accepted)
    ratio_low, ratio_high = (float(bound) for bound in outcome.ratio_interval)
    p_min = float(outcome.p_min_rise if outcome.alternative == "greater" else outcome.p_min_fall)
    testable = p_min <= outcome.alpha
    cut = float(outcome.smallest_visible_cut)
    reason = "; ".join(why)
    if outcome.n_placebo == 0:
        reason = f"{why[0]}, and there is none"
    elif not testable:
        reason = f"{_ordinary_silence(outcome, p_min)}; {reason}"
    elif outcome.ratio == 0:
        reason = f"nothing was seen, so the ratio has no upper limit to compute; {reason}"
    effect = _blank(layout, name, used, outcome.alternative, 1 - outcome.alpha, window)
    return decide(
        effect(
            observed=observed,
            expected=mean,
            expected_low=mean * low,
            expected_high=mean * high if np.isfinite(high) else None,
            ratio=float(outcome.ratio),
            ratio_low=ratio_low if np.isfinite(ratio_low) else None,
            ratio_high=ratio_high if np.isfinite(ratio_high) and outcome.ratio > 0 else None,
            p_value=float(outcome.p_value),
            p_min=p_min,
            n_placebo=int(outcome.n_placebo),
            testable=bool(testable),
            smallest_visible_cut=cut if testable and np.isfinite(cut) and outcome.alternative != "greater" else None,
            reason=reason,
            daily=_daily(layout, expected),
            placebo=pd.DataFrame({"start": layout.days[starts], "ratio": outcome.placebos}),
        )
    )


def _window_mean(layout, expected):
    return float(window_sums(expected, np.array([layout.start]), layout.pattern)[0])


def _ordinary_silence(outcome, p_min):
    if outcome.alternative == "greater":
        return f"with {outcome.n_placebo} comparable windows even the largest rise has p = {p_min:.2g}"
    silent = int((outcome.placebos == 0).sum())
    if silent:
        return f"even total silence is ordinary: {silent} of {outcome.n_placebo} comparable windows are silent"
    return f"only {outcome.n_placebo} comparable windows: even total silence has p = {p_min:.2g}"


def untestable(layout, name, reason, alternative, level, used="shift", window="pause"):
    """An effect that says why the data cannot answer; what was reported in the window is still shown."""
    seen = layout.counts[layout.window]
    observed = float(np.nansum(seen)) if layout.pattern.any() else None
    return decide(
        _blank(layout, name, used, alternative, level, window)(
            observed=observed,
            expected=None,
            expected_low=None,
            expected_high=None,
            ratio=None,
            ratio_low=None,
            ratio_high=None,
            p_value=None,
            p_min=None,
            n_placebo=0,
            testable=False,
            smallest_visible_cut=None,
            reason=reason,
            daily=_daily(layout, None),
            placebo=pd.DataFrame({"start": [], "ratio": []}),
        )
    )


def _blank(layout, name, used, alternative, level, window):
    inside = layout.days[layout.window]
    reference = layout.days[layout.baseline]
    return partial(
        PauseEffect,
        pause="",
        claim="",
        outcome=name,
        stratum="national",
        window=window,
        test=used,
        first_day=inside[0].date(),
        last_day=inside[-1].date(),
        n_days=len(inside),
        n_missing=int((~layout.pattern).sum()),
        baseline_first_day=reference[0].date() if len(reference) else None,
        baseline_last_day=reference[-1].date() if len(reference) else None,
        p_adjusted=None,
        alternative=alternative,
        level=round(level, 12),
        verdict="",
    )


def _daily(layout, expected):
    """The tidy frame of the series picture: what was reported, what was expected, and the ordinary band."""
    role = np.where(layout.window, "window", np.where(layout.baseline, "baseline", "left out"))
    frame = pd.DataFrame({"day": layout.days, "observed": layout.counts, "role": role})
    if expected is None:
        return frame.assign(expected=np.nan, low=np.nan, high=np.nan)
    spread = (layout.counts / np.where(expected > 0, expected, np.nan))[layout.baseline]
    low, high = np.nanquantile(spread, [0.025, 0.975])
    return frame.assign(expected=expected, low=low * expected, high=high * expected)
