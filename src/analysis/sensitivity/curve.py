"""The specification curve: one window of one series under every combination of defensible choices.

After Simonsohn, Simmons and Nelson (2020). There is one row for the main specification, one for every combination
of the crossed choices (5 baselines, before or on both sides of the window, 3 trends, 3 sets of calendar terms: 90),
and one for each other choice alone. Only the ratio is at stake: all rows share the main specification's test. Each
is one call of `estimate_effect`, in a plain loop: a row takes 5 ms, one with a curved trend 60. The curve as a whole
is tested by moving all its windows in time together.
"""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from analysis.effects import PauseEffect, decide
from analysis.errors import DesignError
from analysis.estimation import estimate_effect
from analysis.evidence import placebo_fields
from analysis.layout import AFTER_LONG, ONE_DAY, SHORT_WINDOW, check_counts, check_window
from analysis.placebo import PlaceboTest
from analysis.sensitivity.choices import CHOICES, MAIN_LONG, MAIN_SHORT, list_specifications
from analysis.sentences import FEWER, MORE, NOT_TESTABLE, capital, days_phrase, outcome_label

STRATUM, TEST = "specification curve", "curve"
AS_USUAL = "as usual"
LEAST_SHARE = 0.4  # of the main row's placebo dates: half a year's of a full year's is enough, a quarter's is not
NUMBERS = ["ratio", "ratio_low", "ratio_high", "expected", "expected_low", "expected_high", "p_value"]


@dataclass(frozen=True)
class SpecificationCurve:
    """One claim and outcome under every specification.

    Attributes
    ----------
    specifications : tuple of Specification
        The main one first.
    effects : tuple of PauseEffect
        One each; where the combination is impossible, without a ratio and with the reason.
    joined : tuple of bool
        Which rows share enough placebo dates to be tested together.
    choices : tuple of Choice
    effect : PauseEffect
        The curve as a whole: its ratio is the median of the joined rows, its test "curve", its `placebo` the
        same median at every date that these rows share.
    """

    specifications: tuple
    effects: tuple
    joined: tuple
    choices: tuple
    effect: PauseEffect

    def to_frame(self):
        """One row per specification: its choices, its numbers, and why it is impossible if it is."""
        rows = []
        for specification, effect, joined in zip(self.specifications, self.effects, self.joined, strict=True):
            cells = dict.fromkeys((choice.axis for choice in self.choices), AS_USUAL)
            cells |= {choice.axis: choice.name for choice in self.choices if choice.fits(specification)}
            cells |= {name: getattr(effect, name) for name in (*NUMBERS, "n_placebo", "verdict")}
            cells |= {"main": not rows, "joined": joined, "impossible": "" if _possible(effect) else effect.reason}
            rows.append(cells)
        return pd.DataFrame(rows).astype(dict.fromkeys(NUMBERS, float))

    def impossible(self):
        """What cannot be estimated and why, as Markdown: how many combinations, and the choices they share."""
        frame, lines = self.to_frame(), []
        axes = list(dict.fromkeys(choice.axis for choice in self.choices))
        for reason, group in frame[frame["impossible"] != ""].groupby("impossible", sort=False):
            shared = {axis: group[axis].iloc[0] for axis in axes if group[axis].nunique() == 1}
            named = ", ".join(f"{axis} {name}" for axis, name in shared.items() if name != AS_USUAL)
            lines.append(f"* {len(group)}{f' with {named}' if named else ''}: {reason}")
        return "\n".join(lines) or "None."

    def _ratios(self, choice):
        pairs = zip(self.specifications, self.effects, strict=True)
        return [effect.ratio for specification, effect in pairs if choice.fits(specification) and _possible(effect)]

    def by_choice(self):
        """Median ratio of the combinations that share a choice, beside what speaks for it; text for readers."""
        rows = []
        for choice in self.choices:
            ratios = self._ratios(choice)
            median = f"{np.median(ratios):.2f}" if ratios else "–"
            rows.append((choice.axis, choice.name, len(ratios), median, choice.reason))
        return pd.DataFrame(rows, columns=["axis", "choice", "rows", "median ratio", "reason"]).set_index("axis")

    def spreads(self):
        """Lowest and highest median ratio by axis (columns min and max): how far each question moves the answer.

        A choice that only departs from the main specification is set against that.
        """
        medians = []
        for choice in self.choices:
            if ratios := self._ratios(choice):
                medians.append((choice.axis, np.median(ratios)))
                medians += [(choice.axis, self.effects[0].ratio)] if not choice.crossed else []
        frame = pd.DataFrame(medians, columns=["axis", "ratio"]).dropna()
        return frame.groupby("axis", sort=False)["ratio"].agg(["min", "max"])

    def summary(self):
        """How far the choices carry the ratio, what they say, and whether the curve as a whole is unusual."""
        label, found = outcome_label(self.effect.outcome), [effect for effect in self.effects if _possible(effect)]
        lead, total = f"{capital(label)} {days_phrase(self.effect)}", len(self.effects)
        possible, joined = len(found), sum(self.joined)
        why = self.effect.reason.split("; ")[0]
        if not found:
            return f"{lead}: none of {total} combinations of choices is possible; {why}."
        ratios, verdicts = [effect.ratio for effect in found], [effect.verdict for effect in found]
        counts = [f"{verdicts.count(v)} {v}" for v in dict.fromkeys([FEWER, MORE, *verdicts]) if v in verdicts]
        span = f"{min(ratios):.2f} to {max(ratios):.2f} times the expected number" if max(ratios) else "none"
        among, rest = (f"{possible} of {total}", total - possible) if possible < total else (f"all {total}", 0)
        told = f"{lead}: {span} under {among} combinations of choices ({', '.join(counts)})."
        told += f" The other {rest} cannot be computed." if rest else ""
        if self.effect.verdict == NOT_TESTABLE:
            return f"{told} As a whole they are not testable: {why}."
        these = f"{joined} of these {possible}" if joined < possible else f"All {possible}"
        return (
            f"{told} {these} share enough other dates to be tested together: their median ratio of "
            f"{self.effect.ratio:.2f} has p = {self.effect.p_value:.2g} among {self.effect.n_placebo} other dates."
        )

    def plot(self, ax=None):
        """Draw the sorted ratios, with the choices behind each below."""
        from analysis.sensitivity.figures import draw_curve

        names = [(choice.axis, choice.name) for choice in self.choices]
        return draw_curve(self.to_frame(), names, title=outcome_label(self.effect.outcome), ax=ax)

    def describe(self):
        """Alternative text for `plot`."""
        return f"Ratios under all combinations of choices, sorted, the choices marked below. {self.summary()}"


def estimate_curve(
    counts, days, *, choices=CHOICES, series=None, windows=None, exclude=(), announced=None, salvo_days=(), level=0.95
):  # fmt: skip
    """Estimate one window under every combination of choices, and test them together.

    The joint test ranks the median ratio among the medians at other dates: the main specification's placebo dates,
    as far as all rows share them. Rows join from the one with most dates down, as long as 40 % of the main one's
    dates remain, and enough to reject at all; ratios play no part in that. Nor can the curve tell what its main
    specification cannot: where even silence is ordinary among all of the main one's dates, it is not testable.

    Parameters
    ----------
    counts, days, exclude, announced, salvo_days, level
        As in `estimate_effect`.
    choices : sequence of Choice
        The list to edit: leave one out, or add one.
    series : mapping of str to Series, optional
    windows : mapping of str to DatetimeIndex, optional
        The other ways to count, and the other windows, that choices name.

    Returns
    -------
    SpecificationCurve

    Raises
    ------
    DesignError
        Malformed series or window, too many combinations. An impossible combination is a row with its reason.

    Examples
    --------
    >>> days = pd.date_range("2024-01-01", periods=500)
    >>> counts = pd.Series(np.random.default_rng(1).poisson(100, 500), index=days, name="drones")
    >>> counts.iloc[-3:] = 5
    >>> curve = estimate_curve(counts, days[-3:], choices=CHOICES[:5])
    >>> print(curve.effect.verdict, curve.impossible(), sep="\\n")
    fewer
    * 1 with baseline 700 days: a baseline longer than the data: 700 days, of which there are 497
    """
    counts, days = check_counts(counts), check_window(days)
    main = MAIN_LONG if len(days) > SHORT_WINDOW else MAIN_SHORT
    if len(counts) and (days[0] - counts.index[0]).days < main.before:
        main = replace(main, before=None)  # the rule of the main one: so many days, or as many as there are
    specifications = list_specifications(choices, main)
    series, windows = {"usual": counts} | dict(series or {}), {"half": days} | dict(windows or {})
    question = _Question(series, windows, exclude, announced, salvo_days, level)
    first = question.estimate(main, "auto")  # where this one is refused, so is the question
    effects = [first] * len(specifications)
    if days.isin(counts.index).any():  # else no choice brings the data to the window
        effects[1:] = [question.attempt(specification, first) for specification in specifications[1:]]
    joined, effect = _test_together(question, specifications, effects)
    return SpecificationCurve(tuple(specifications), tuple(effects), joined, tuple(choices), effect)


@dataclass(frozen=True)
class _Question:
    """What all specifications of one curve share."""

    series: dict
    windows: dict
    exclude: object
    announced: object
    salvo_days: object
    level: float

    def estimate(self, specification, test):
        """The effect under one specification; DesignError where that makes no sense."""
        for field, offered in (("series", self.series), ("window", self.windows)):
            if (name := getattr(specification, field)) not in offered:
                raise DesignError(f"there is no {field} {name!r}, only {', '.join(offered)}")
        counts, days = self.series[specification.series], check_window(self.windows[specification.window])
        before = specification.before
        available = (days[0] - counts.index[0]).days if len(counts) else -1
        if before is not None and 0 <= available < before:
            raise DesignError(f"a baseline longer than the data: {before} days, of which there are {available}")
        first = days[0] - (max(available, 1) if before is None else before) * ONE_DAY
        after = min(before or AFTER_LONG, AFTER_LONG) if specification.both_sides else 0
        return estimate_effect(
            counts, days, baseline=(first, days[-1] + after * ONE_DAY), trend=specification.trend,
            weekday=specification.weekday, holidays=specification.holidays, test=test, exclude=self.exclude,
            announced=self.announced, salvo_days=self.salvo_days, level=self.level,
        )  # fmt: skip

    def attempt(self, specification, main):
        """The effect under one specification with the main one's test, or why there is none."""
        try:
            effect = self.estimate(specification, main.test)
        except DesignError as error:
            return _impossible(main, error.problem)
        if _possible(effect) and specification.both_sides and effect.baseline_last_day < effect.first_day:
            return _impossible(main, "the data hold no baseline day after the window")
        return effect


def _possible(effect):
    return effect.ratio is not None


def _impossible(main, reason):
    blank = dict.fromkeys([*NUMBERS, "observed", "p_min", "smallest_visible_cut"])
    return decide(
        replace(main, **blank, n_placebo=0, testable=False, placebo=main.placebo.iloc[:0], reason=reason)
    )  # fmt: skip


def _test_together(question, specifications, effects):
    """Which rows share enough placebo dates, and the curve of these as one effect."""
    main, windows = effects[0], []
    for specification, effect in zip(specifications, effects, strict=True):
        if main.test != "shift" and _possible(effect):  # lags differ between rows: all take the main one's dates
            effect = question.estimate(specification, "shift")
        ratios = pd.Series(effect.placebo["ratio"].to_numpy(float), pd.DatetimeIndex(effect.placebo["start"]))
        ratios.index -= pd.Timestamp(effect.first_day)
        windows.append(ratios.dropna())
    possible = [position for position, effect in enumerate(effects) if _possible(effect)]
    if not possible:
        return (False,) * len(effects), replace(main, stratum=STRATUM, test=TEST)
    dates = pd.DatetimeIndex(main.placebo["start"]) - pd.Timestamp(main.first_day)
    if not _possible(main):
        dates = max(windows, key=len).index
    needed = max(round(2 / (1 - question.level)) - 1, LEAST_SHARE * len(dates))
    used = []
    for position in sorted(possible, key=lambda position: -windows[position].index.isin(dates).sum()):
        shared = dates[dates.isin(windows[position].index)]
        if len(shared) >= needed:
            dates, used = shared, [*used, position]
    medians = pd.DataFrame(
        {position: windows[position][dates] for position in used}, index=dates if used else dates[:0]
    )
    joined = tuple(position in used for position in range(len(effects)))
    whole = _whole(main, [effects[position] for position in used or possible], medians.median(axis=1), question.level)
    return joined, whole


def _whole(main, effects, medians, level):
    """The curve as one effect: the median ratio of `effects` among `medians` at other dates."""
    median = np.median([effect.ratio for effect in effects])
    test = PlaceboTest(median, medians.to_numpy(float), alpha=round(1 - level, 12))
    ratio, n_dates = float(median), len(medians)
    observed = next(effect.observed for effect in (main, *effects) if effect.observed is not None)
    expected = observed / ratio if ratio else float(np.median([effect.expected for effect in effects]))
    found = placebo_fields(test, expected)
    reason = f"median of {len(effects)} combinations of choices"
    if not n_dates:
        reason = f"they have too few placebo dates in common; {reason}"
    elif not found["testable"]:
        silent = int((medians == 0).sum())
        reason = f"even total silence is ordinary: on {silent} of {n_dates} other dates the median is 0; {reason}"
    elif _possible(main) and not main.testable:
        reason = f"{main.reason.split('; ')[0]}; {reason}"
        found |= {"testable": False, "smallest_visible_cut": None}
    placebo = pd.DataFrame({"start": pd.Timestamp(main.first_day) + medians.index, "ratio": medians.to_numpy()})
    about = {"stratum": STRATUM, "test": TEST, "baseline_first_day": None, "baseline_last_day": None}
    return decide(replace(main, **about, **found, observed=observed, reason=reason, placebo=placebo))
