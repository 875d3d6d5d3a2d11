"""Estimate the effect of one window on one daily series, or of several windows together."""

from functools import partial

import numpy as np
import pandas as pd

from analysis.errors import DesignError
from analysis.evidence import obstacle, untestable, weigh
from analysis.joint import combine_effects
from analysis.layout import BASELINE_SHORT, ONE_DAY, RECOVERY_SHORT, check_counts, check_window, lay_out
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
    without_pull,
)
from analysis.sentences import days_text

SALVO_LAG = 3  # a window that starts this soon after a salvo is compared with windows that do too
COMPANION_LAG = 7
QUIET_SHARE = 0.1
SWAMPING = 20  # times what the baseline alone leads one to expect
HEAVY = "heavy day of this count or mass missile salvo"
TESTS = ("auto", "shift", "after-salvo")


def estimate_effect(
    counts, days, *, covariates=None, baseline=None, first_day=None, exclude=(), announced=None, trend="auto",
    weekday=True, holidays=True, test="auto", salvo_days=(), alternative="two-sided", level=0.95,
):  # fmt: skip
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
    ('fewer', 0.05)
    """
    check_options(test=test, alternative=alternative, level=level)
    layout = lay_out(
        counts, days, covariates=covariates, baseline=baseline, first_day=first_day, exclude=exclude,
        announced=announced, trend=trend, weekday=weekday, holidays=holidays,
    )  # fmt: skip
    name = str(counts.name or "counts")
    hindrance = obstacle(layout, check_counts(counts))
    if hindrance:
        return untestable(layout, name, hindrance, alternative, level)
    starts = layout.starts
    if layout.leave_out:
        if test == "after-salvo":
            raise DesignError(
                "a spline has no after-salvo test", field="test", expected="auto or shift", found=repr(test),
                remedy="take trend='linear', or compare by shift",
            )  # fmt: skip
        ratio, placebos, expected = leave_out_ratios(
            layout.X, layout.filled, layout.baseline, layout.start, starts, layout.pattern
        )
        used, why, matched = "shift", "long window, each window predicted from a fit without it", ~np.isnan(placebos)
    else:
        ratio, placebos, expected, alone = _short_ratios(layout, starts)
        used, why, matched = _choose_test(layout, alone, starts, salvo_days, test)
    tried = PlaceboTest(ratio, placebos[matched], alternative, round(1 - level, 12))
    return weigh(layout, name, used, tried, starts[matched], expected, [why, *layout.notes])


def estimate_rebound(
    counts, days, *, horizon=7, first_day=None, exclude=(), announced=None, baseline=None, level=0.95, weekday=True,
    holidays=True,
):  # fmt: skip
    """Ask whether more flew after a window than usually follows a window as quiet.

    The placebos are the windows of `horizon` days that follow the tenth of windows whose ratio ranks closest to
    the pause's own: for a quiet pause, the quietest tenth. An ordinary return to the mean is then not called a
    surge, nor is an ordinary week after an ordinary window. Where the level wanders, an ordinary quiet is followed
    by more quiet, which an ordered one need not be: so the days after must exceed all windows of their length as
    well, and the larger p-value counts. The fit leaves the pause and the days after it out.

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

    Raises
    ------
    DesignError
        Malformed series or window; a horizon or a baseline that is no number of days.
    """
    check_options(test="auto", alternative="greater", level=level)
    days = check_window(days)
    if not isinstance(horizon, int) or isinstance(horizon, bool) or horizon < 1:
        raise DesignError("not a horizon", field="horizon", expected="days, 1 or more", found=repr(horizon))
    if baseline is not None and not isinstance(baseline, int):
        raise DesignError("not a baseline", field="baseline", expected="a number of days", found=repr(baseline))
    after = pd.date_range(days[-1] + ONE_DAY, periods=horizon)
    layout = lay_out(
        counts, after, baseline=(days[0] - (baseline or BASELINE_SHORT) * ONE_DAY, after[-1]), first_day=first_day,
        exclude=[*exclude, *days], trend="linear", announced=announced, weekday=weekday, holidays=holidays,
    )  # fmt: skip
    name = str(counts.name or "counts")
    hindrance = obstacle(layout, check_counts(counts), window_in_fit=False)
    if hindrance:
        return untestable(layout, name, hindrance, "greater", level, "after-quiet", f"after-{horizon}")
    expected, _ = expected_counts(layout.X, layout.filled, weights=layout.baseline.astype(float))
    ratios_at = partial(window_ratios, layout.filled, expected, pattern=layout.pattern)
    seen = ~np.isnan(layout.counts[layout.days.isin(days)])
    before = placebo_starts(layout.baseline, np.append(seen, layout.pattern))
    ratios = ratios_at(np.append(before, layout.start - len(days)), pattern=seen)
    alike, kind = _most_alike(ratios[:-1], ratios[-1])
    follow = before[alike] + len(days)
    ratio, alpha = ratios_at(np.array([layout.start]))[0], round(1 - level, 12)
    after_alike = PlaceboTest(ratio, ratios_at(follow), "greater", alpha)
    after_any = PlaceboTest(ratio, ratios_at(layout.starts), "greater", alpha)
    if after_alike.n_placebo and after_any.p_value > after_alike.p_value:
        why = f"compared with all windows of {days_text(horizon)}, no less strict here than those after a quiet"
        return weigh(layout, name, "after-quiet", after_any, layout.starts, expected, [why], f"after-{horizon}")
    why = f"compared with the {days_text(horizon)} after the {kind} tenth of windows of {days_text(len(days))}"
    return weigh(layout, name, "after-quiet", after_alike, follow, expected, [why], f"after-{horizon}")


def estimate_joint(
    windows, *, baseline=None, first_day=None, exclude=(), trend="auto", weekday=True, holidays=True, test="auto",
    salvo_days=(), alternative="two-sided", level=0.95, draws=100_000, seed=0,
):  # fmt: skip
    """Estimate several windows and test them together.

    Parameters
    ----------
    windows : sequence of (counts, days)
    baseline, first_day, exclude, trend, weekday, holidays, test, salvo_days, alternative, level
        As in `estimate_effect`; every window, and the week after it, is left out of the others' baselines.
    draws, seed
        As in `analysis.joint.combine_effects`.

    Returns
    -------
    PauseEffect
        As from `combine_effects`.

    Raises
    ------
    DesignError
        As `estimate_effect`; windows of different outcomes.
    """
    spans, effects = [with_week_after(pd.DatetimeIndex(days)) for _, days in windows], []
    for position, (counts, days) in enumerate(windows):
        others = [day for k, span in enumerate(spans) if k != position for day in span]
        effects.append(estimate_effect(
            counts, days, baseline=baseline, first_day=first_day, exclude=[*exclude, *others], trend=trend,
            weekday=weekday, holidays=holidays, test=test, salvo_days=salvo_days, alternative=alternative, level=level,
        ))  # fmt: skip
    return combine_effects(effects, alternative=alternative, level=level, draws=draws, seed=seed)


def with_week_after(days):
    """A window and the 7 days after it, in which a surge may follow; no days for none."""
    return pd.date_range(days[0], days[-1] + RECOVERY_SHORT * ONE_DAY) if len(days) else days


def check_options(*, test, alternative, level):
    """Refuse unknown tests and alternatives and impossible levels by a DesignError."""
    for field, value, known in (("test", test, TESTS), ("alternative", alternative, ALTERNATIVES)):
        if value not in known:
            raise DesignError(f"unknown {field}", field=field, expected=", ".join(known), found=repr(value))
    if not isinstance(level, float) or not 0.5 <= level < 1:
        raise DesignError("not a confidence level", field="level", expected="0.5 to below 1", found=repr(level))


def _short_ratios(layout, starts):
    """Ratios from one fit with the window in it, stated as without; a window that would swamp the fit stays out.

    Last, what the baseline alone leads to expect: which days were salvos must not depend on the window's own counts.
    """
    here = np.array([layout.start])
    alone, _ = expected_counts(layout.X, layout.filled, weights=layout.baseline.astype(float))
    seen, mean = (window_sums(values, here, layout.pattern)[0] for values in (layout.filled, alone))
    swamps = seen > SWAMPING * mean
    fitted = layout.baseline if swamps else layout.fitted
    found = shift_ratios(layout.X, layout.filled, fitted, layout.start, starts, layout.pattern)
    if swamps:
        return seen / mean if mean > 0 else np.nan, *found[1:], alone
    return *without_pull(layout.X, *found, layout.baseline, layout.start, layout.pattern), alone


def _most_alike(ratios, own):
    """The tenth of windows ranked around one's own ratio, ties included, and what to call it."""
    if len(ratios) == 0:
        return np.zeros(0, bool), "most alike"
    wanted = max(1, round(QUIET_SHARE * len(ratios)))
    first = int(np.clip((ratios < own).sum() - wanted // 2, 0, len(ratios) - wanted)) if not np.isnan(own) else 0
    low, high = np.sort(ratios)[[first, first + wanted - 1]]
    return (ratios >= low) & (ratios <= high), "quietest" if first == 0 else "most similar"


def window_ratios(counts, expected, starts, pattern):
    """Observed over expected of each window, as `window_sums` takes them; NaN where nothing is expected."""
    means = window_sums(expected, starts, pattern)
    return np.divide(window_sums(counts, starts, pattern), means, out=np.full(means.shape, np.nan), where=means > 0)


def _choose_test(layout, expected, starts, salvo_days, test):
    """Which test answers, why in words, and which of the placebo windows at `starts` it compares with."""
    salvo = heavy_days(layout.counts, expected, layout.baseline) | layout.days.isin(pd.DatetimeIndex(salvo_days))
    since = days_since_salvo(salvo)
    lag = since[layout.start]  # NaN before the first salvo, which is no lag of at most anything
    if test == "shift" or (test == "auto" and not lag <= SALVO_LAG):
        after = f"with no {HEAVY} before it" if np.isnan(lag) else f"{days_text(round(lag))} after the last {HEAVY}"
        return "shift", f"the window starts {after}: compared with all windows", np.ones(len(starts), bool)
    slack = 0 if lag <= SALVO_LAG else 1
    if not lag <= COMPANION_LAG:
        return "after-salvo", f"no {HEAVY} in the week before the window", np.zeros(len(starts), bool)
    why = f"the window starts {days_text(round(lag))} after a {HEAVY}: compared with windows that do too"
    return "after-salvo", why + ", give or take a day" * slack, np.abs(since[starts] - lag) <= slack
