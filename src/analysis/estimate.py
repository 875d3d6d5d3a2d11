"""Turn a window and its placebos into a finding, or say why the data cannot answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import ceil

import numpy as np
import pandas as pd

from analysis.days import iso_span
from analysis.effect import PauseEffect, decide
from analysis.errors import DesignError
from analysis.expected import DAYS_PER_SPLINE_TERM, Floats, Ints
from analysis.placebo import (
    ALTERNATIVES,
    COMPANION_LAG,
    SALVO_LAG,
    SAME_WEEKDAY,
    STATISTICS,
    TESTS,
    PlaceboTest,
    WindowTest,
    long_test,
    shift_ratios,
    short_test,
    window_sums,
)
from analysis.series import Words, series_label
from analysis.windows import ONE_DAY, RECOVERY_SHORT, Day, Holidays, Layout, as_days, check_counts, lay_out
from analysis.words import days_text

TRENDS = ("auto", "linear", "spline", "constant")
FEWEST_BASELINE_DAYS = 28
FEWEST_AFTER_LONG = 150
LONGEST_WINDOW = DAYS_PER_SPLINE_TERM // 2
BAND = (0.025, 0.975)  # between these quantiles lie 95 of 100 ordinary days or windows
INJECTED, TOLERANCE = 0.6, 0.07  # a true ratio of 0.6 must show within 0.07
HEAVY = "heavy day of this count"
SALVO = "heavy day of this count or mass missile salvo"  # where both are known
AFTER_HEAVY = "after-heavy"  # what "after-salvo" is called where the series is not of this project


def estimate_effect(
    counts: pd.Series,
    days: pd.DatetimeIndex,
    *,
    exposure: pd.Series | None = None,
    covariates: pd.DataFrame | None = None,
    baseline: int | tuple[Day, Day] | None = None,
    first_day: Day | None = None,
    exclude: Sequence[Day] = (),
    announced: Day | None = None,
    trend: str = "auto",
    weekday: bool = True,
    holidays: Holidays = None,
    test: str = "auto",
    statistic: str = "ratio",
    salvo_days: Sequence[Day] = (),
    alternative: str = "two-sided",
    level: float = 0.95,
    label: Words = None,
) -> PauseEffect:
    """Compare one window with what its own series does without a pause.

    Parameters
    ----------
    counts : Series
        One value a day, 0 or more, NaN = no report; indexed by consecutive days without time zone.
    days : DatetimeIndex
        The window: consecutive days. Days past the end of the series count as not reported.
    exposure : Series, optional
        What the counts are a share of, day by day, such as trials: expected counts are proportional to it, and a day
        without it is missing. Of two windows without a count, the one with more exposure is then the more extreme;
        and with fewer than 39 separate windows in the baseline (19 where only one direction is asked) nothing is
        testable: ordinary windows would be called unusual too often.
    covariates : DataFrame, optional
        Further regressors, indexed by day, complete on every day used.
    baseline : int or (first, last), optional
        Days before the window (365, or 700 for windows of 14 days and more, which also use up to 365 days
        after), or explicit first and last day, which may lie past the window.
    first_day : date, optional
        First usable day of the series.
    exclude, announced : sequence of days, and date, optional
        Days that are neither baseline nor placebo, such as other pauses; those from the announcement to the window.
    trend, weekday : {"auto", "linear", "spline", "constant"}, and bool
        The null model's trend, and whether it has terms for days of the week.
    holidays : bool, dates, or mapping from dates, optional
        Days for one more term; True means those of Russia and Ukraine, and is the default for series of the catalogue
        of outcomes, for which alone it makes sense.
    test : {"auto", "shift", "after-salvo", "same-weekday"}
        "shift" compares with all windows; "after-salvo", called "after-heavy" where the series is not of the
        catalogue, with those equally long after a heavy day (plus or minus one day from 4 to 7); "same-weekday" with
        those that begin on the same weekday. "auto" takes "shift"; but for series of the catalogue, and where
        `salvo_days` are given, "after-salvo" if the window starts at most 3 days after one: quiet follows by itself.
    statistic : {"ratio", "mean-log"}
        What is ranked: observed over expected sums, or, for windows up to 13 days, the mean over the days of
        log((y + 5) / (mu + 5)), which breaks ties between silent windows and lets no single day weigh too much; the
        ratio is then described without an interval, and the effect's test is "mean-log".
    salvo_days : sequence of days
        Days of mass salvos, besides the heavy days, on which `counts` over what was expected is in its highest 15 %.
    alternative : {"two-sided", "less", "greater"}
    level : float
        Confidence level; 1 - level is the false-alarm rate in use.
    label : (str, str), (str, str, str) or Label, optional
        What is counted, singular and plural, and what the window was: ("admission", "admissions", "strike"). By
        default the catalogue's label, or the series' name.

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
    told = {"trend": trend, "statistic": statistic, "weekday": weekday}
    check_options(test=test, alternative=alternative, level=level, **told)
    counts, asked, test = check_counts(counts), test, "after-salvo" if test == AFTER_HEAVY else test
    layout = lay_out(
        counts, days, exposure=exposure, covariates=covariates, baseline=baseline, first_day=first_day, exclude=exclude,
        announced=announced, trend=trend, weekday=weekday, holidays=holidays, label=series_label(counts.name, label),
    )  # fmt: skip
    name, alpha = str(counts.name or "counts"), round(1 - level, 12)
    if hindrance := obstacle(layout, counts):
        shown = test if test == SAME_WEEKDAY else "shift"
        return untestable(layout, name, hindrance, alternative, level, shown)
    if layout.leave_out:
        _refuse_with_spline("test", asked, "auto", "shift")
        _refuse_with_spline("statistic", statistic, "ratio")
        tried = long_test(layout, layout.filled, alternative=alternative, alpha=alpha)
        used, compared = "shift", "long window, each window predicted from a fit without it"
    else:
        salvo, ours = layout.days.isin(as_days(salvo_days, "salvo_days")), layout.label is None
        used = "shift" if test == "auto" else test
        options = {"test": test if ours or len(salvo_days) else used, "statistic": statistic}
        tried = short_test(layout, layout.counts, salvo, alternative=alternative, alpha=alpha, **options)
        if tried.after_salvo:
            used = "after-salvo" if ours else AFTER_HEAVY
        compared = _compared_with(tried, layout, SALVO if ours else HEAVY)
        if test == "same-weekday":
            compared = "compared with windows that begin on the same weekday"
    why = [compared, *layout.notes]
    if statistic == "mean-log":
        return _weigh_mean_log(layout, name, tried, why)
    effect = weigh(layout, name, used, tried, layout.starts, why)
    return effect if exposure is None else _as_share(effect, layout, tried)


def _refuse_with_spline(field: str, value: str, *usual: str) -> None:
    if value not in usual:
        problem, remedy = f"a spline has no {value} {field}", "take trend='linear', or leave it out"
        raise DesignError(problem, field=field, expected=" or ".join(usual), found=repr(value), remedy=remedy)


def estimate_share(
    hits: pd.Series,
    trials: pd.Series,
    days: pd.DatetimeIndex,
    *,
    baseline: int | tuple[Day, Day] | None = None,
    first_day: Day | None = None,
    exclude: Sequence[Day] = (),
    announced: Day | None = None,
    same_weekday: bool = False,
    alternative: str = "two-sided",
    level: float = 0.95,
    label: Words = None,
) -> PauseEffect:
    """Compare the share of hits among trials in one window with the share in ordinary windows.

    Parameters
    ----------
    hits, trials : Series
        Two counts a day, hits among trials, indexed by consecutive days. A day on which either is missing, or
        without a trial, is missing.
    days : DatetimeIndex
        The window: consecutive days.
    baseline, first_day, exclude, announced, alternative, level, label
        As in `estimate_effect`, whose `exposure` the trials are, with a level and no other term.
    same_weekday : bool
        Compare only with windows that begin on the same weekday; the test is then called "same-weekday".

    Returns
    -------
    PauseEffect
        Counts hits. Expected is the share of hits on the baseline days times the trials of the window, so the ratio
        is share inside over share outside. `daily` has the column trials too.

    Raises
    ------
    DesignError
        More hits than trials; malformed series, window or options.

    Examples
    --------
    >>> days = pd.date_range("2025-01-01", periods=150)
    >>> trials = pd.Series(np.random.default_rng(1).poisson(50, 150), index=days, name="articles")
    >>> hits = (trials // 5).where(~days.isin(days[140:143]), 1)
    >>> effect = estimate_share(hits, trials, days[140:143])
    >>> effect.verdict, round(effect.ratio, 2)
    ('fewer', 0.11)
    """
    hits, trials = check_counts(hits), check_counts(trials).reindex(hits.index)
    over = hits > trials
    if over.any():
        rows, remedy = [int(i) + 1 for i in np.flatnonzero(over)], "count both in the same unit"
        problem, expected = "more hits than trials", "hits among trials"
        raise DesignError(problem, field=str(hits.name), rows=rows, expected=expected, remedy=remedy)
    return estimate_effect(
        hits, days, exposure=trials, baseline=baseline, first_day=first_day, exclude=exclude, announced=announced,
        trend="constant", weekday=False, holidays=False, test=SAME_WEEKDAY if same_weekday else "shift",
        alternative=alternative, level=level, label=label,
    )  # fmt: skip


def with_week_after(days: pd.DatetimeIndex) -> pd.DatetimeIndex:
    """A window and the 7 days after it, in which a surge may follow; no days for none."""
    return pd.date_range(days[0], days[-1] + RECOVERY_SHORT * ONE_DAY) if len(days) else days


def check_options(
    *, test: str, alternative: str, level: float, trend: str = "auto", statistic: str = "ratio", weekday: bool = True
) -> None:
    """Refuse, by a DesignError, unknown options and impossible levels."""
    for field, value, known in (
        ("test", test, (*TESTS, AFTER_HEAVY)),
        ("alternative", alternative, ALTERNATIVES),
        ("trend", trend, TRENDS),
        ("statistic", statistic, STATISTICS),
        ("weekday", weekday, (True, False)),
    ):
        if not isinstance(value, str | bool | np.bool_) or value not in known:
            expected = ", ".join(map(str, known))
            raise DesignError(f"unknown {field}", field=field, expected=expected, found=f"{value!r:.60}")
    if not isinstance(level, float) or not 0.5 <= level < 1:
        raise DesignError("not a confidence level", field="level", expected="0.5 to below 1", found=repr(level))


def obstacle(layout: Layout, counts: pd.Series, *, window_in_fit: bool = True) -> str | None:
    """Why the data cannot answer at all, in words; None when they can."""
    n_days, reference, advice = len(layout.pattern), layout.baseline, layout.advice
    flatter = ' (trend="linear" or "constant" may do)' if advice else ""
    first, last = layout.days[layout.start], layout.days[layout.start + n_days - 1]
    if len(counts) == 0 or first > counts.index[-1]:
        return f"the data end on {counts.index[-1]:%Y-%m-%d}, before the window" if len(counts) else "there are no data"
    if last < counts.index[0]:
        return f"the counts are usable only from {counts.index[0]:%Y-%m-%d} on"
    if not layout.pattern.any():
        return f"there is no usable report {'for any day ' * (n_days > 1)}{iso_span(first, last)}"
    if reference.sum() < FEWEST_BASELINE_DAYS:
        return f"only {reference.sum()} usable baseline days, at least {FEWEST_BASELINE_DAYS} are needed{advice}"
    eventful = int((layout.filled[reference] > 0).sum())
    if eventful == 0:
        return f"nothing was seen on any of the {reference.sum()} baseline days, {layout.event} or not"
    if eventful <= layout.X.shape[1]:
        some = f"something was seen on only {eventful} of {reference.sum()} baseline days"
        return f"{some}, too few to expect anything{advice}"
    if len(layout.starts) == 0:
        return f"no other window of {days_text(n_days)} fits into the baseline{advice}"
    if layout.leave_out and n_days > LONGEST_WINDOW:
        guess = f"a trend across more than {LONGEST_WINDOW} days is a guess"
        return f"{days_text(n_days)} are too long a window: {guess}{flatter}"
    n_after = int(reference[layout.start + n_days :].sum())
    if layout.leave_out and n_after < FEWEST_AFTER_LONG:
        some = f"provisional: only {n_after} baseline days after the {layout.event}, {FEWEST_AFTER_LONG}"
        return f"{some} are needed to tell a long {layout.event} from a slow wave{flatter}"
    if layout.leave_out or not window_in_fit:
        return None
    shown = recovered_ratio(layout)
    if abs(shown - INJECTED) > TOLERANCE:
        few = f"the {reference.sum()} baseline days are too few or too far from the window"
        cut = f"a true cut of {100 - 100 * INJECTED:.0f} % would rank like one of {100 - 100 * shown:.0f} %"
        return f"{few}: {cut}{advice}"
    return None


def recovered_ratio(layout: Layout) -> float:
    """Ratio at which a true one of 0.6 would be ranked in this layout, without noise.

    The window takes part in the fit: a short or distant baseline lets it bend the trend towards itself, and makes the
    ranks blinder than the smallest visible cut would say.
    """
    expected = layout.expect(layout.filled, layout.baseline)
    injected = np.where(layout.window, INJECTED * expected, layout.filled)
    return float(shift_ratios(layout, injected, layout.fitted)[0])


def _compared_with(tried: WindowTest, layout: Layout, heavy: str) -> str:
    """Which test answers, in words."""
    lag = float(tried.lag)
    between = slice(layout.start - min(layout.start, SALVO_LAG if np.isnan(lag) else round(lag)), layout.start)
    missing = int(np.isnan(layout.counts[between]).sum())  # any of them may have been one
    unknown = f", though {days_text(missing)} between had no report" if missing else ""
    since = "" if np.isnan(lag) else days_text(round(lag))
    if not tried.after_salvo:
        when = f"{since} after the last {heavy}" if since else f"with no {heavy} before it"
        told = f"the window starts {when}{unknown}: compared with all windows"
        soon = layout.label and lag <= SALVO_LAG
        return told + f', though test="{AFTER_HEAVY}" is for counts that such a day by itself leaves low' * bool(soon)
    if not lag <= COMPANION_LAG:
        return f"no {heavy} in the week before the window"
    why = f"the window starts {since} after a {heavy}: compared with windows that do too"
    if lag > SALVO_LAG:
        why += ", give or take a day"
    if 0 < tried.n_placebo < _fewest_placebos(tried.alternative, tried.alpha):
        onset = "such a day, which may be the onset of what is asked about, leaves"
        why += f'; {onset} {tried.n_placebo} placebos: test="shift" compares with all windows'
    return why


def _fewest_placebos(alternative: str, alpha: float) -> int:
    """With fewer, not even the most extreme window is rejected."""
    return ceil((2 if alternative == "two-sided" else 1) / alpha - 1e-9) - 1


def weigh(
    layout: Layout, name: str, test_name: str, test: WindowTest, starts: Ints, why: Sequence[str], window: str = "pause"
) -> PauseEffect:
    """A PauseEffect of a test among windows that begin at `starts`; `why` says what was compared, and left out."""
    level = 1 - test.alpha
    if np.isnan(test.ratio):
        nothing = f"next to nothing is to be expected in this window, {layout.event} or not"
        return untestable(layout, name, nothing, test.alternative, level, test_name, window)
    observed, ratio = _in_window(layout, layout.filled), max(0.0, float(test.ratio))
    found = placebo_fields(test, observed / ratio if ratio > 0 else _in_window(layout, test.expected))
    if test.n_placebo == 0:
        why = [f"{why[0]}, and there is none"]
    elif not found["testable"]:
        why = [_ordinary_silence(test, layout.advice), *why]
    elif ratio == 0:
        why = ["nothing was seen, so the ratio has no upper limit to compute", *why]
    described = _described(layout, name, test.alternative, level, test_name, window, test.expected)
    placebo = pd.DataFrame({"start": layout.days[starts], "ratio": np.maximum(test.placebos, 0)})
    placebo = placebo[~np.isnan(test.placebos)].reset_index(drop=True)
    return decide(PauseEffect(**described, **found, observed=observed, reason="; ".join(why), placebo=placebo))


def _in_window(layout: Layout, values: Floats) -> float:
    """The sum of values over the reported days of the window."""
    return float(window_sums(values, np.array([layout.start]), layout.pattern)[0])


def _windows(n: int) -> str:
    return f"{n} comparable window{'' if n == 1 else 's'}"


def _as_share(effect: PauseEffect, layout: Layout, tried: WindowTest) -> PauseEffect:
    """The same for a share, which needs separate windows: those that overlap are not that many placebos."""
    if effect.p_value is None:
        return effect
    n, windows = effect.n_placebo, _windows(effect.n_placebo)
    separate = n if effect.test == SAME_WEEKDAY else layout.baseline.sum() // layout.pattern.sum()
    needed = _fewest_placebos(effect.alternative, effect.alpha)
    if effect.p_min > effect.alpha:
        silent = int((tried.placebos <= 0).sum())
        reason = f"only {windows}: even none at all has p = {effect.p_min:.2g}"
        if silent:
            reason = f"even none at all is ordinary: {silent} of {windows} have none"
        return replace(effect, reason=reason)
    if separate < needed:
        reason = f"only {separate} separate windows to compare with, {needed} are needed{layout.advice}"
        return decide(replace(effect, testable=False, rise=False, smallest_visible_cut=None, reason=reason))
    return replace(effect, reason=f"compared with {windows}, each by the denominators of its own days")


def _weigh_mean_log(layout: Layout, name: str, tried: WindowTest, why: Sequence[str]) -> PauseEffect:
    """The same by mean log: p from its ranks; the ratio is described, without an interval on its own scale."""
    observed, mean = _in_window(layout, layout.filled), _in_window(layout, tried.expected)
    described = replace(tried, ratio=np.float64(observed / mean if mean > 0 else np.nan))
    effect = weigh(layout, name, "mean-log", described, layout.starts, why)
    if effect.p_value is None:
        return effect
    found = placebo_fields(tried, mean)
    ranked = {field: found[field] for field in ("p_value", "p_min", "testable", "smallest_visible_cut", "n_as_extreme")}
    blind = [] if found["testable"] else [_ordinary_silence(tried, layout.advice)]
    ranked |= dict.fromkeys(["expected_low", "expected_high", "ratio_low", "ratio_high"])
    placebo = pd.DataFrame({"start": layout.days[layout.starts], "ratio": np.exp(tried.placebos)}).dropna()
    reason = "; ".join([*blind, "ranked by the mean log of counts over expected counts", *why])
    ranked |= {"expected": mean, "ratio": observed / mean, "rise": bool(tried.p_lower > tried.p_upper)}
    return decide(replace(effect, **ranked, reason=reason, placebo=placebo))


def placebo_fields(test: PlaceboTest, expected: float) -> dict[str, float | int | bool | None]:
    """What a placebo test of one window says, as fields of a PauseEffect; an open end is None."""
    bounds = (*(expected * bound for bound in test.accepted), *test.ratio_interval, test.smallest_visible_cut)
    low, high, ratio_low, ratio_high, cut = (max(0.0, float(b)) if np.isfinite(b) else None for b in bounds)
    p_min = float(test.p_min_rise if test.alternative == "greater" else test.p_min_fall)
    testable = p_min <= test.alpha
    return {
        "expected": expected,
        "expected_low": low,
        "expected_high": high,
        "ratio": max(0.0, float(test.ratio)),
        "ratio_low": ratio_low,
        "ratio_high": ratio_high if test.ratio > 0 else None,
        "p_value": float(test.p_value),
        "p_min": p_min,
        "n_placebo": int(test.n_placebo),
        "n_as_extreme": int(test.n_as_extreme),
        "testable": testable,
        "smallest_visible_cut": cut if testable else None,
    }


def _ordinary_silence(test: PlaceboTest, advice: str) -> str:
    """Why a test could have shown nothing, in counts."""
    windows = _windows(int(test.n_placebo))
    if test.alternative == "greater":
        return f"with only {windows} even the largest rise is no sign{advice}"
    if silent := int((test.placebos <= test.silence).sum()):
        verb = "is" if silent == 1 else "are"
        return f"even total silence is ordinary: {silent} of {windows} {verb} wholly silent"
    return f"with only {windows} even total silence is no sign{advice}"


def untestable(
    layout: Layout, name: str, reason: str, alternative: str, level: float, test: str = "shift", window: str = "pause"
) -> PauseEffect:
    """An effect that says why the data cannot answer; what was reported in the window is still shown."""
    observed = float(np.nansum(layout.counts[layout.window])) if layout.pattern.any() else None
    none = pd.DataFrame({"start": [], "ratio": []})
    described = _described(layout, name, alternative, level, test, window)
    return decide(PauseEffect(**described, observed=observed, reason=reason, placebo=none))


def _described(
    layout: Layout, name: str, alternative: str, level: float, test: str, window: str, expected: Floats | None = None
) -> dict[str, object]:
    """The fields of a PauseEffect that say what was tested and on which days, before any verdict."""
    inside, reference = layout.days[layout.window], layout.days[layout.baseline]
    return {
        "outcome": name,
        "label": layout.label,
        "test": test,
        "alternative": alternative,
        "level": round(level, 12),
        "window": "window" if layout.label and window == "pause" else window,
        "first_day": inside[0].date(),
        "last_day": inside[-1].date(),
        "n_days": len(inside),
        "n_missing": int((~layout.pattern).sum()),
        "daily": _daily(layout, expected),
        "baseline_first_day": reference[0].date() if len(reference) else None,
        "baseline_last_day": reference[-1].date() if len(reference) else None,
    }


def _daily(layout: Layout, expected: Floats | None) -> pd.DataFrame:
    """The tidy frame of the series picture: what was reported, what was expected, and the ordinary band."""
    role = np.where(layout.window, "window", np.where(layout.baseline, "baseline", "left out"))
    frame = pd.DataFrame({"day": layout.days, "observed": layout.counts, "role": role})
    if layout.exposure is not None:
        frame["trials"] = np.where(np.isnan(layout.counts), np.nan, layout.exposure)
    if expected is None:
        return frame.assign(expected=np.nan, low=np.nan, high=np.nan)
    if layout.exposure is not None:
        expected = np.where(np.isnan(layout.exposure), np.nan, expected)
    spread = (layout.counts / np.where(expected > 0, expected, np.nan))[layout.baseline]
    low, high = np.nanquantile(spread, BAND)
    return frame.assign(expected=expected, low=low * expected, high=high * expected)
