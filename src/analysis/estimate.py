"""Turn a window and its placebos into a finding, or say why the data cannot answer."""

from dataclasses import replace
from functools import partial
from math import ceil

import numpy as np
import pandas as pd

from analysis.effect import PauseEffect, decide
from analysis.errors import DesignError
from analysis.expected import DAYS_PER_SPLINE_TERM, expected_counts
from analysis.windows import (
    ALTERNATIVES,
    BASELINE_SHORT,
    ONE_DAY,
    POWER,
    RECOVERY_SHORT,
    TIE,
    PlaceboTest,
    check_counts,
    check_window,
    days_since_salvo,
    heavy_days,
    lay_out,
    leave_out_ratios,
    placebo_starts,
    shift_ratios,
    window_sums,
    without_pull,
)
from analysis.words import DEPENDS, FEWER, MORE, NOT_TESTABLE, days_text

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


CUTS = np.round(np.arange(0.05, 1.0, 0.05), 2)
POWER_DRAWS = 2000  # a cut is stated in steps of 5 %, which needs no more


class _Reference:
    """The placebo ratios of one window and the normal score of any ratio among them."""

    def __init__(self, ratios):
        from scipy.stats import norm

        self.ratios = np.sort(np.round(ratios[~np.isnan(ratios)], 9))
        self._normal_quantile = norm.ppf

    def score(self, ratios):
        """Normal score of the middle rank of each ratio among the placebos and itself (van der Waerden 1952)."""
        below = np.searchsorted(self.ratios, ratios - TIE, side="left")
        tied = np.searchsorted(self.ratios, ratios + TIE, side="right") - below
        return self._normal_quantile((below + tied / 2 + 0.5) / (len(self.ratios) + 1))

    def draw_ratios(self, shares):
        """Placebo ratios at random shares of their number, each from 0 to below 1."""
        return self.ratios[(shares * len(self.ratios)).astype(int)]

    def draw_scores(self, shares, own):
        """Scores of windows drawn from the placebos and the tested one: under the null it is one of them."""
        from scipy.stats import rankdata

        scores = np.sort((rankdata(np.append(self.ratios, np.round(own, 9))) - 0.5) / (len(self.ratios) + 1))
        return self._normal_quantile(scores[(shares * len(scores)).astype(int)])


def combine_effects(effects, *, alternative="two-sided", level=0.95, draws=100_000, seed=0):
    """Test several windows together: the mean normal score of their ranks, each among its own placebos.

    The null distribution takes one window per episode, independently, from its placebos and itself. Ranks, not
    ratios, are averaged, so an episode in a noisy year weighs no more than one in a quiet year.

    Parameters
    ----------
    effects : sequence of PauseEffect
        One per episode, of one outcome; those without a single placebo window are left out and named.
    alternative : {"two-sided", "less", "greater"}
    level : float
        Confidence level.
    draws, seed : int
        How many times the windows are drawn for the null distribution, and how they are drawn.

    Returns
    -------
    PauseEffect
        Test "joint"; observed and expected are sums, the ratio is pooled, p comes from the scores;
        `p_min` is what silence in all windows would have given.

    Raises
    ------
    DesignError
        Effects of different outcomes, or none; an unknown alternative; no draws.

    Examples
    --------
    >>> from analysis.effect import example_effect
    >>> ordinary = pd.DataFrame({"ratio": np.linspace(0.2, 2, 99)})
    >>> quiet = [example_effect(observed=20, ratio=0.1, placebo=ordinary)] * 3
    >>> combine_effects(quiet, draws=5000).verdict
    'fewer'
    """
    if alternative not in ALTERNATIVES or draws < 1:
        found = f"{alternative!r} with {draws} draws"
        raise DesignError("cannot test like that", field="alternative", expected=", ".join(ALTERNATIVES), found=found)
    outcomes = {effect.outcome for effect in effects}
    if len(outcomes) != 1:
        raise DesignError("effects cannot be combined", field="outcome", expected="one", found=str(sorted(outcomes)))
    used = [effect for effect in effects if effect.ratio is not None and effect.n_placebo and len(effect.placebo)]
    left_out = [effect.pause or "a window" for effect in effects if effect not in used]
    note = f"; left out, having no comparable windows: {', '.join(left_out)}" if left_out else ""
    blank = _blank(used or effects, alternative, level)
    if len(used) < 2:
        return decide(replace(blank, reason=f"fewer than two windows can be compared with others{note}"))

    generator = np.random.default_rng(seed)
    references = [_Reference(effect.placebo["ratio"].to_numpy(float)) for effect in used]
    shares = [generator.random(draws) for _ in used]
    picks = np.array([r.draw_ratios(share) for r, share in zip(references, shares, strict=True)])
    ratios = np.array([effect.ratio for effect in used])[:, None]
    expected = np.array([effect.expected for effect in used])

    def mean_score(values):
        return np.mean([r.score(v) for r, v in zip(references, values, strict=True)], axis=0)

    def null_of(values):
        drawn = [r.draw_scores(share, v) for r, share, v in zip(references, shares, values, strict=True)]
        return np.sort(np.mean(drawn, axis=0))

    def p_value(score, null):
        lower = (1 + np.searchsorted(null, score + TIE, side="right")) / (draws + 1)
        upper = (1 + draws - np.searchsorted(null, score - TIE, side="left")) / (draws + 1)
        two_sided = np.minimum(1, 2 * np.minimum(lower, upper))
        return {"less": lower, "greater": upper, "two-sided": two_sided}[alternative]

    score, null = mean_score(ratios), null_of(ratios)
    extreme = np.full_like(ratios, np.inf if alternative == "greater" else 0.0)
    p_best = float(p_value(mean_score(extreme), null_of(extreme))[0])
    observed, total = float(sum(effect.observed for effect in used)), float(expected.sum())
    pooled, pooled_ratios = observed / total, (expected @ picks) / total
    low, high = (float(end) for end in np.quantile(pooled_ratios, [blank.alpha / 2, 1 - blank.alpha / 2]))
    some = picks[:, :POWER_DRAWS]
    power = [float((p_value(mean_score(some * (1 - cut)), null) <= blank.alpha).mean()) for cut in CUTS]
    visible = CUTS[np.array(power) >= POWER]
    testable = p_best <= blank.alpha
    best = f"; silence in all of them would have had p = {p_best:.2g}" if alternative != "greater" else ""
    together = decide(replace(
        blank, observed=observed, expected=total, expected_low=total * low, expected_high=total * high,
        ratio=pooled, ratio_low=pooled / high if high > 0 else None,
        ratio_high=pooled / low if pooled > 0 and low > 0 else None,
        p_value=float(p_value(score, null)[0]), p_min=p_best, n_placebo=min(effect.n_placebo for effect in used),
        testable=testable,
        smallest_visible_cut=float(visible[0]) if testable and len(visible) and alternative != "greater" else None,
        reason=f"{len(used)} windows together{'' if testable else ': even silence in all is ordinary'}{best}{note}",
        placebo=pd.DataFrame({"start": range(draws), "ratio": pooled_ratios}),
    ))  # fmt: skip

    inside = together.expected_low <= together.observed <= together.expected_high
    if together.verdict in (FEWER, MORE) and (inside or (score[0] > 0) != (together.verdict == MORE)):
        why = "the ranks of the windows and their pooled sum do not say the same"
        return replace(together, verdict=DEPENDS, reason=f"{why}; {together.reason}")
    return together


def _blank(effects, alternative, level):
    """The joint effect of several windows before any number: which days it speaks of."""
    first = min(effects, key=lambda effect: effect.first_day)
    return PauseEffect(
        pause="+".join(effect.pause for effect in effects if effect.pause) or "several", claim="main",
        outcome=first.outcome, stratum=first.stratum, window=first.window, test="joint",
        first_day=first.first_day, last_day=max(effect.last_day for effect in effects),
        n_days=sum(effect.n_days for effect in effects), n_missing=sum(effect.n_missing for effect in effects),
        alternative=alternative, level=level,
    )  # fmt: skip


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
        As in `analysis.windows.lay_out`.
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
        As in `analysis.estimate.combine_effects`.

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


SAME_WEEKDAY = "same-weekday"
LENGTH, SIDE = 4, 90  # days in the window of the size study, and on either side of it
CLUSTERS = {  # standard deviation and day-to-day correlation of log-odds, typical share
    "independent": (0.0, 0.0, 0.15),
    "clustered": (1.0, 0.0, 0.12),
    "clustered, lasting": (1.0, 0.6, 0.12),
    "strongly clustered": (1.5, 0.8, 0.08),
}


def estimate_share(
    hits, trials, days, *, baseline=None, first_day=None, exclude=(), announced=None, same_weekday=False,
    alternative="two-sided", level=0.95,
):  # fmt: skip
    """Compare the share of hits among trials in one window with the share in ordinary windows.

    Parameters
    ----------
    hits, trials : Series
        Two counts a day, hits among trials, indexed by consecutive days. A day on which either is missing, or
        without a trial, is missing.
    days : DatetimeIndex
        The window: consecutive days.
    baseline, first_day, exclude, announced, alternative, level
        As in `estimate_effect`.
    same_weekday : bool
        Compare only with windows that begin on the same weekday; the test is then called "same-weekday".

    Returns
    -------
    PauseEffect
        Counts hits. Expected is the share of hits on the baseline days times the trials of the window, so the ratio
        is share inside over share outside. `daily` has the column trials too. Of two windows without a hit, the one
        with more trials is the more extreme. Not testable with fewer than 39 separate windows in the baseline (19
        where only one direction is asked): then ordinary windows would be called unusual too often.

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
        raise DesignError(
            "more hits than trials", field=str(hits.name), rows=[int(i) + 1 for i in np.flatnonzero(over)],
            expected="hits among trials", remedy="count both in the same unit",
        )  # fmt: skip
    effect = estimate_effect(
        hits.where(trials > 0), days, baseline=baseline, first_day=first_day, exclude=exclude, announced=announced,
        trend="constant", weekday=False, holidays=False, test="shift", alternative=alternative, level=level,
    )  # fmt: skip
    daily = effect.daily.set_index("day")
    daily = daily.assign(trials=trials.reindex(daily.index).where(daily["observed"].notna()))
    effect = replace(effect, daily=daily.reset_index(), test=SAME_WEEKDAY if same_weekday else effect.test)
    if effect.p_value is None:
        return effect
    ordinary, starts = daily["role"] == "baseline", pd.DatetimeIndex(effect.placebo["start"])
    if same_weekday:
        starts = starts[starts.day_of_week == pd.Timestamp(effect.first_day).day_of_week]
    usual = daily.loc[ordinary, "observed"].sum() / daily.loc[ordinary, "trials"].sum()
    daily["expected"] = usual * daily["trials"]
    low, high = (daily["observed"] / daily["expected"])[ordinary].quantile(BAND)
    daily = daily.assign(low=low * daily["expected"], high=high * daily["expected"])
    positions = daily.index.get_indexer([*starts, pd.Timestamp(effect.first_day)])
    pattern = daily.loc[daily["role"] == "window", "observed"].notna().to_numpy()
    seen, mean = (
        window_sums(daily[column].fillna(0).to_numpy(), positions, pattern) for column in ("observed", "expected")
    )
    placebo = pd.DataFrame({"start": starts, "ratio": seen[:-1] / mean[:-1]})
    separate = len(starts) if same_weekday else int(ordinary.sum() // pattern.sum())
    return _judge(replace(effect, daily=daily.reset_index(), placebo=placebo), seen, mean, separate)


def order_windows(seen, expected):
    """Put windows in order for the lower tail: by ratio; of two without a hit, the one that expected more is lower.

    Parameters
    ----------
    seen, expected : (..., M) arrays
        Hits, and hits expected (in any unit).

    Returns
    -------
    (..., M) array
        The ratio; below 0 where there is no hit; NaN where none was expected.

    Examples
    --------
    >>> order_windows(np.array([0, 0, 2]), np.array([1.0, 3, 4])).tolist()
    [-0.125, -0.375, 0.5]
    """
    ratio = np.divide(seen, expected, out=np.full(seen.shape, np.nan), where=expected > 0)
    return np.where(ratio == 0, -0.5 * expected / expected.max(-1, keepdims=True), ratio)


def share_tails(seen, expected):
    """p-values of the last window against all others, lower and upper tail; leading axes run over series."""
    order = order_windows(seen, expected)
    ratio = np.maximum(order, 0)  # above, windows without a hit are all tied: few trials are no sign of a rise
    return PlaceboTest(order[..., -1], order[..., :-1]).p_lower, PlaceboTest(ratio[..., -1], ratio[..., :-1]).p_upper


def _judge(effect, seen, mean, separate):
    """Test the last window against the others and let the common rule decide."""
    alpha, sides = effect.alpha, 2 if effect.alternative == "two-sided" else 1
    order, (lower, upper) = order_windows(seen, mean), share_tails(seen, mean)
    test = PlaceboTest(order[-1], order[:-1], effect.alternative, alpha)
    nothing = share_tails(np.append(seen[:-1], 0), mean)[0] * sides
    floor = float(test.p_min_rise if effect.alternative == "greater" else nothing)
    tail = {"less": lower, "greater": upper}.get(effect.alternative, min(lower, upper))
    windows = f"{test.n_placebo} comparable window{'s' * int(test.n_placebo != 1)}"
    silent = int((seen[:-1] == 0).sum())
    needed = ceil(sides / alpha - 1e-9) - 1  # with fewer, not even the most extreme of separate windows is rejected
    if floor > alpha:
        reason = f"even none at all is ordinary: {silent} of {windows} have none" if silent else (
            f"only {windows}: even none at all has p = {min(1.0, floor):.2g}"
        )  # fmt: skip
    elif separate < needed:
        reason = f"only {separate} separate windows to compare with, {needed} are needed"
    else:
        reason = f"compared with {windows}, each by the denominators of its own days"
    testable = bool(floor <= alpha and separate >= needed)
    found = placebo_fields(test, float(mean[-1]))
    found |= {name: found[name] and max(found[name], 0.0) for name in ("expected_low", "ratio_low")}  # no hit: below 0
    found |= {"ratio": float(seen[-1] / mean[-1]), "p_value": min(1.0, float(tail) * sides), "p_min": min(1.0, floor)}
    cut = found["smallest_visible_cut"] if testable else None
    judged = decide(replace(effect, **found | {"testable": testable, "smallest_visible_cut": cut, "reason": reason}))
    return judged if separate >= needed else replace(judged, verdict=NOT_TESTABLE)


def share_size_study(*, replicates=2000, level=0.95, seed=0):
    """How often share tests reject although nothing changed: 4 days among 184, about 6 trials a day, 15 % of them hits.

    Parameters
    ----------
    replicates, seed : int
    level : float

    Returns
    -------
    DataFrame
        A row a way in which days cluster. window_shift and fisher: share of replicates rejected, two-sided;
        window_shift_less and fisher_less: one-sided; standard_error: Monte Carlo error of window_shift; none_by_chance:
        replicates without a hit in the window.
    """
    from scipy.stats import hypergeom

    rows, alpha = {}, 1 - level + 1e-12
    pattern, starts = np.ones(LENGTH, bool), np.arange(2 * SIDE + 1)
    starts = np.append(starts[abs(starts - SIDE) >= LENGTH], SIDE)  # the tested window last
    for name, (spread, persistence, share) in CLUSTERS.items():
        generator, shape = np.random.default_rng(seed), (replicates, 2 * SIDE + LENGTH)
        swing = generator.standard_normal(shape)
        for day in range(1, shape[1]):
            swing[:, day] = persistence * swing[:, day - 1] + np.sqrt(1 - persistence**2) * swing[:, day]
        odds = share / (1 - share) * np.exp(spread * swing)
        trials = generator.poisson(6, shape)
        hits = generator.binomial(trials, odds / (1 + odds))
        seen, total = window_sums(hits, starts, pattern), window_sums(trials, starts, pattern)
        exact = hypergeom(trials.sum(1), hits.sum(1), total[:, -1])
        tails = [*share_tails(seen, total.astype(float)), exact.cdf(seen[:, -1]), exact.sf(seen[:, -1] - 1)]
        shift, less, fisher, fisher_less = (
            float((p <= alpha).mean())
            for p in (2 * np.minimum(*tails[:2]), tails[0], 2 * np.minimum(*tails[2:]), tails[2])
        )
        error, none = np.sqrt(shift * (1 - shift) / replicates), float((seen[:, -1] == 0).mean())
        rows[name] = [shift, less, fisher, fisher_less, error, none]
    columns = ["window_shift", "window_shift_less", "fisher", "fisher_less", "standard_error", "none_by_chance"]
    return pd.DataFrame.from_dict(rows, orient="index", columns=columns).rename_axis("days")
