"""Estimate the effect of one window on one daily series, or of several windows together."""

import numpy as np
import pandas as pd

from analysis.effects import PauseEffect, decide
from analysis.errors import DesignError
from analysis.joint import combine_effects
from analysis.layout import BASELINE_SHORT, ONE_DAY, check_counts, lay_out
from analysis.nullmodel import expected_counts
from analysis.placebo import (
    ALTERNATIVES,
    PlaceboTest,
    days_since_salvo,
    heavy_days,
    leave_out_ratios,
    placebo_starts,
    shift_ratios,
    window_sums,
)
from analysis.sentences import days_text

SALVO_LAG = 3  # a window that starts this soon after a salvo is compared with windows that do too
COMPANION_LAG = 7
FEWEST_BASELINE_DAYS = 28
FEWEST_AFTER_LONG = 150
INJECTED, TOLERANCE = 0.6, 0.07  # a true ratio of 0.6 must show within 0.07
QUIET_SHARE = 0.1
TESTS = ("auto", "shift", "after-salvo")


def estimate_effect(
    counts,
    days,
    *,
    covariates=None,
    baseline=None,
    first_day=None,
    exclude=(),
    announced=None,
    trend="auto",
    weekday=True,
    holidays=True,
    test="auto",
    salvo_days=(),
    alternative="two-sided",
    level=0.95,
):
    """Compare one window with what its own series does without a pause.

    Parameters
    ----------
    counts : Series
        One value a day, 0 or more, NaN = no report; indexed by consecutive days.
    days : DatetimeIndex
        The window: consecutive days.
    covariates, baseline, first_day, exclude, announced, trend, weekday, holidays
        As in `analysis.layout.lay_out`.
    test : {"auto", "shift", "after-salvo"}
        "auto" takes "after-salvo" when the window starts at most 3 days after a salvo, else "shift".
        "after-salvo" compares with windows equally long after theirs (plus or minus one day from 4 to 7).
    salvo_days : sequence of days
        Days of mass salvos, besides those on which `counts` itself is among its highest 15 %.
    alternative : {"two-sided", "less", "greater"}
    level : float
        Confidence level; 1 - level is the false-alarm rate in use.

    Returns
    -------
    PauseEffect
        With an empty pause and claim; `outcome` is the series' name.

    Raises
    ------
    DesignError
        Malformed series, window or options. A question the data cannot answer is an effect whose verdict
        is "not testable", with the reason.

    Examples
    --------
    >>> days = pd.date_range("2025-01-01", periods=120)
    >>> counts = pd.Series(np.random.default_rng(1).poisson(100, 120), index=days, name="drones")
    >>> counts.iloc[100:103] = 5
    >>> effect = estimate_effect(counts, days[100:103])
    >>> effect.verdict, round(effect.ratio, 2)
    ('fewer', 0.06)
    """
    check_options(test=test, alternative=alternative, level=level)
    layout = lay_out(
        counts, days, covariates=covariates, baseline=baseline, first_day=first_day, exclude=exclude,
        announced=announced, trend=trend, weekday=weekday, holidays=holidays,
    )  # fmt: skip
    name = str(counts.name or "counts")
    obstacle = _obstacle(layout, check_counts(counts))
    if obstacle:
        return _untestable(layout, name, obstacle, alternative, level)
    starts = layout.starts
    if layout.leave_out:
        ratio, placebos, expected = leave_out_ratios(
            layout.X, layout.filled, layout.baseline, layout.start, starts, layout.pattern
        )
        used, why = "shift", "long window, each window predicted from a fit without it"
    else:
        ratio, placebos, expected = shift_ratios(
            layout.X, layout.filled, layout.fitted, layout.start, starts, layout.pattern
        )
        used, why, matched = _choose_test(layout, expected, starts, salvo_days, test)
        starts, placebos = starts[matched], placebos[matched]
    outcome = PlaceboTest(ratio, placebos, alternative, 1 - level)
    return _effect(layout, name, used, outcome, starts, expected, [why, *layout.notes])


def estimate_rebound(
    counts, days, *, horizon=7, first_day=None, exclude=(), announced=None, baseline=None, level=0.95, weekday=True,
    holidays=True,
):  # fmt: skip
    """Ask whether more flew after a quiet window than usually follows a quiet window.

    The placebos are the windows of `horizon` days that follow the quietest tenth of windows as long as the
    pause, so that an ordinary return to the mean is not called a surge. The fit leaves the pause and the
    days after it out.

    Parameters
    ----------
    counts, days, first_day, exclude, announced, baseline, level, weekday, holidays
        As in `estimate_effect`; `days` is the pause.
    horizon : int
        Days after the pause.

    Returns
    -------
    PauseEffect
        One-sided ("greater"); its window is "after-<horizon>", its test "after-quiet".
    """
    check_options(test="auto", alternative="greater", level=level)
    days = pd.DatetimeIndex(days)
    after = pd.date_range(days[-1] + ONE_DAY, periods=horizon)
    reach = (days[0] - (baseline or BASELINE_SHORT) * ONE_DAY, after[-1])
    layout = lay_out(
        counts, after, baseline=reach, first_day=first_day, exclude=exclude, trend="linear",
        announced=days[0] if announced is None else announced, weekday=weekday, holidays=holidays,
    )  # fmt: skip
    name = str(counts.name or "counts")
    obstacle = _obstacle(layout, check_counts(counts), window_in_fit=False)
    if obstacle:
        return _untestable(layout, name, obstacle, "greater", level, "after-quiet", f"after-{horizon}")
    expected, _ = expected_counts(layout.X, layout.filled, weights=layout.baseline.astype(float))
    both = placebo_starts(layout.baseline, np.append(np.ones(len(days), bool), layout.pattern))
    quiet_ratio = _ratios(layout.filled, expected, both, np.ones(len(days), bool))
    quiet = both[quiet_ratio <= np.nanquantile(quiet_ratio, QUIET_SHARE)] if len(both) else both
    follow = quiet + len(days)
    placebos = _ratios(layout.filled, expected, follow, layout.pattern)
    ratio = _ratios(layout.filled, expected, np.array([layout.start]), layout.pattern)[0]
    outcome = PlaceboTest(ratio, placebos, "greater", 1 - level)
    why = f"compared with the {days_text(horizon)} after the quietest tenth of windows of {days_text(len(days))}"
    return _effect(layout, name, "after-quiet", outcome, follow, expected, [why], f"after-{horizon}")


def estimate_joint(
    windows, *, baseline=None, first_day=None, exclude=(), trend="auto", weekday=True, holidays=True, test="auto",
    salvo_days=(), alternative="two-sided", level=0.95, draws=100_000, seed=0,
):  # fmt: skip
    """Estimate several windows and test them together.

    Parameters
    ----------
    windows : sequence of (counts, days)
    baseline, first_day, exclude, trend, weekday, holidays, test, salvo_days, alternative, level
        As in `estimate_effect`; every window is excluded from the others' baselines.
    draws, seed
        As in `analysis.joint.combine_effects`.

    Returns
    -------
    PauseEffect
    """
    every = [pd.DatetimeIndex(days) for _, days in windows]
    effects = []
    for position, (counts, days) in enumerate(windows):
        others = [day for k, other in enumerate(every) if k != position for day in other]
        effects.append(estimate_effect(
            counts, days, baseline=baseline, first_day=first_day, exclude=[*exclude, *others], trend=trend,
            weekday=weekday, holidays=holidays, test=test, salvo_days=salvo_days, alternative=alternative, level=level,
        ))  # fmt: skip
    return combine_effects(effects, alternative=alternative, level=level, draws=draws, seed=seed)


def check_options(*, test, alternative, level):
    """Refuse unknown tests and alternatives and impossible levels."""
    for field, value, known in (("test", test, TESTS), ("alternative", alternative, ALTERNATIVES)):
        if value not in known:
            raise DesignError(f"unknown {field}", field=field, expected=", ".join(known), found=repr(value))
    if not isinstance(level, float) or not 0.5 <= level < 1:
        raise DesignError("not a confidence level", field="level", expected="0.5 to below 1", found=repr(level))


def _ratios(counts, expected, starts, pattern):
    means = window_sums(expected, starts, pattern)
    return np.divide(window_sums(counts, starts, pattern), means, out=np.full(means.shape, np.nan), where=means > 0)


def _obstacle(layout, counts, *, window_in_fit=True):
    """Why the data cannot answer at all, in words; None when they can."""
    n_days, reference = len(layout.pattern), layout.baseline
    first, last = layout.days[layout.start], layout.days[layout.start + n_days - 1]
    if len(counts) == 0 or first > counts.index[-1]:
        end = f"the data end on {counts.index[-1]:%Y-%m-%d}" if len(counts) else "there are no data"
        return f"{end}, before the window"
    if last < counts.index[0]:
        return f"the counts are usable only from {counts.index[0]:%Y-%m-%d} on"
    if not layout.pattern.any():
        return f"there is no usable report for any day from {first:%Y-%m-%d} to {last:%Y-%m-%d}"
    if reference.sum() < FEWEST_BASELINE_DAYS:
        return f"only {reference.sum()} usable baseline days, at least {FEWEST_BASELINE_DAYS} are needed"
    if layout.filled[reference].sum() == 0:
        return f"nothing was launched on any of the {reference.sum()} baseline days, pause or not"
    if len(layout.starts) == 0:
        return f"no other window of {days_text(n_days)} fits into the baseline"
    if layout.leave_out and layout.n_after < FEWEST_AFTER_LONG:
        return (
            f"provisional: only {layout.n_after} baseline days after the pause, {FEWEST_AFTER_LONG} are needed to "
            "tell a long pause from a slow wave"
        )
    shown = recovered_ratio(layout) if window_in_fit and not layout.leave_out else None
    if shown is not None and abs(shown - INJECTED) > TOLERANCE:
        return (
            f"the {reference.sum()} baseline days are too few or too far from the window: a true cut of "
            f"{100 - 100 * INJECTED:.0f} % would show as {100 - 100 * shown:.0f} %"
        )
    return None


def recovered_ratio(layout):
    """Ratio at which a true one of 0.6 would show in this layout, without noise.

    The window takes part in the fit, so a short or distant baseline lets it bend the trend towards itself.
    """
    expected, _ = expected_counts(layout.X, layout.filled, weights=layout.baseline.astype(float))
    injected = np.where(layout.window, INJECTED * expected, layout.filled)
    return float(shift_ratios(layout.X, injected, layout.fitted, layout.start, layout.starts[:1], layout.pattern)[0])


def _choose_test(layout, expected, starts, salvo_days, test):
    salvo = heavy_days(layout.counts, expected, layout.baseline) | layout.days.isin(pd.DatetimeIndex(salvo_days))
    since = days_since_salvo(salvo)
    lag = since[layout.start]
    if test == "shift" or (test == "auto" and not lag <= SALVO_LAG):
        after = f"{days_text(round(lag))} after the last salvo" if lag == lag else "with no salvo before it"
        return "shift", f"the window starts {after}: compared with all windows", np.ones(len(starts), bool)
    slack = 0 if lag <= SALVO_LAG else 1
    if not lag <= COMPANION_LAG:
        return "after-salvo", "no salvo in the week before the window", np.zeros(len(starts), bool)
    why = f"the window starts {days_text(round(lag))} after a salvo: compared with windows that do too"
    return (
        "after-salvo",
        why + (", give or take a day" if slack else ""),
        np.abs(since[starts] - lag) <= slack,
    )


def _effect(layout, name, used, outcome, starts, expected, why, window="pause"):
    """Put numbers and reason into a PauseEffect and let the common rule decide."""
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
        reason = f"nothing flew, so the ratio has no upper limit to compute; {reason}"
    effect = _blank(layout, name, used, outcome.alternative, 1 - outcome.alpha, window)
    return decide(
        effect(
            observed=observed,
            expected=mean,
            expected_low=mean * low,
            expected_high=mean * high if np.isfinite(high) else None,
            ratio=float(outcome.ratio),
            ratio_low=ratio_low,
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


def _untestable(layout, name, reason, alternative, level, used="shift", window="pause"):
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
    from functools import partial

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
