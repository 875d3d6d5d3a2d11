"""Every defensible choice: does the answer hang on decisions that nobody can prove right?

The specification curve (Simonsohn, Simmons and Nelson 2020) of one pause, claim and outcome has one row for the
main specification, one for every combination of the crossed choices (5 baselines, before or on both sides of the
pause, 3 trends, 3 sets of calendar terms: 90), and one for each other choice alone. Only the ratio is at stake: all
rows share the main specification's test. Claims and outcomes are different questions and have curves of their own.

Each row is one call of `estimate_effect`. The curve as a whole is tested by moving all its windows together.
"""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from analysis.choices import CHOICES, MAIN_LONG, MAIN_SHORT, Specification, list_specifications
from analysis.effects import PauseEffect, decide
from analysis.errors import DesignError
from analysis.estimation import estimate_effect
from analysis.layout import AFTER_LONG, ONE_DAY, SHORT_WINDOW, check_counts, check_window
from analysis.placebo import PlaceboTest
from analysis.sentences import FEWER, MORE, NOT_TESTABLE, days_phrase, outcome_label

STRATUM = "specification curve"
LEAST_SHARE = 1 / 3  # a row with fewer of the main one's placebo windows would take them from all the others


@dataclass(frozen=True)
class Row:
    """One specification with its effect, or with the reason why there is none.

    Attributes
    ----------
    specification : Specification
    effect : PauseEffect or None
    reason : str
        Why the combination is impossible; empty where it is not.
    windows : Series
        Ratio of every placebo window by days from the tested one; empty where impossible.
    joined : bool
        Has enough placebo windows in common with the main specification to be tested with it.
    """

    specification: Specification
    effect: PauseEffect | None
    reason: str
    windows: pd.Series
    joined: bool = False


@dataclass(frozen=True)
class SpecificationCurve:
    """One claim and outcome under every specification.

    Attributes
    ----------
    rows : tuple of Row
        The main specification first.
    choices : tuple of Choice
    effect : PauseEffect
        The curve as a whole: its ratio is the median of the joined rows, its test "curve", its `placebo` the
        same median at every other date that these rows share.
    """

    rows: tuple
    choices: tuple
    effect: PauseEffect

    @property
    def possible(self):
        """The rows that have a ratio."""
        return [row for row in self.rows if not row.reason]

    def axes(self):
        """The questions of design, in order."""
        return list(dict.fromkeys(choice.axis for choice in self.choices))

    def to_frame(self):
        """One row per specification: its choices, its numbers, and why it is impossible if it is."""
        numbers = ("ratio", "ratio_low", "ratio_high", "expected_low", "expected_high", "expected", "p_value")
        rows = []
        for row in self.rows:
            cells = dict.fromkeys(self.axes(), "")
            cells |= {choice.axis: choice.name for choice in self.choices if choice.fits(row.specification)}
            effect = None if row.reason else row.effect
            cells |= {name: getattr(effect, name, None) for name in (*numbers, "n_placebo", "verdict")}
            rows.append(cells | {"main": row is self.rows[0], "joined": row.joined, "reason": row.reason})
        frame = pd.DataFrame(rows)
        return frame.astype(dict.fromkeys(numbers, float))

    def impossible(self):
        """The combinations that cannot be estimated, with the reason."""
        frame = self.to_frame()
        return frame.loc[frame["reason"] != "", [*self.axes(), "reason"]].reset_index(drop=True)

    def by_choice(self):
        """Median ratio of the specifications that share a choice, beside what speaks for it."""
        rows = []
        for choice in self.choices:
            ratios = [row.effect.ratio for row in self.possible if choice.fits(row.specification)]
            median = np.median(ratios) if ratios else np.nan
            rows.append((choice.axis, choice.name, len(ratios), median, choice.reason))
        return pd.DataFrame(rows, columns=["axis", "choice", "rows", "median_ratio", "reason"])

    def spread(self):
        """Lowest and highest median of the choices that move the ratio most, and their axis.

        A choice that only departs from the main specification is set against that.
        """
        medians = self.by_choice().dropna(subset="median_ratio")
        alone = {choice.axis for choice in self.choices if not choice.crossed and not self.rows[0].reason}
        medians = [*zip(medians["axis"], medians["median_ratio"], strict=True)]
        medians += [(axis, self.rows[0].effect.ratio) for axis in alone]
        grouped = pd.DataFrame(medians, columns=["axis", "ratio"]).groupby("axis")["ratio"].agg(["min", "max"])
        widest = (grouped["max"] - grouped["min"]).idxmax()
        return float(grouped.loc[widest, "min"]), float(grouped.loc[widest, "max"]), widest

    def summary(self):
        """How far the choices carry the ratio, what they say, and whether the curve as a whole is unusual."""
        label = outcome_label(self.effect.outcome)
        lead, n_rows, found = f"{label[0].upper()}{label[1:]} {days_phrase(self.effect)}", len(self.rows), self.possible
        if not found:
            return f"{lead}: none of the {n_rows} combinations of choices can be estimated; {self.rows[0].reason}."
        ratios, verdicts = [row.effect.ratio for row in found], [row.effect.verdict for row in found]
        counts = ", ".join(f"{verdicts.count(v)} {v}" for v in dict.fromkeys([FEWER, MORE, *verdicts]) if v in verdicts)
        span = f"{min(ratios):.2f} to {max(ratios):.2f} times the expected number" if max(ratios) else "none"
        told = f"{lead}: {span} under {len(found)} combinations of choices ({counts})."
        out = f" {n_rows - len(found)} more are impossible." if len(found) < n_rows else ""
        if self.effect.verdict == NOT_TESTABLE:
            return f"{told}{out} Together they are not testable: {self.effect.reason.split('; ')[0]}."
        return (
            f"{told}{out} Moved in time together, {sum(row.joined for row in found)} of them (median "
            f"{self.effect.ratio:.2f}) have p = {self.effect.p_value:.2g} among {self.effect.n_placebo} other dates."
        )

    def plot(self, ax=None):
        """Draw the sorted ratios, with the choices behind each below."""
        from analysis.curvefigure import draw_curve

        return draw_curve(self.to_frame(), [(choice.axis, choice.name) for choice in self.choices], ax=ax)

    def describe(self):
        """Alternative text for `plot`."""
        return f"Ratios under all combinations of choices, sorted, with the choices marked below. {self.summary()}"


def estimate_curve(
    counts, days, *, choices=CHOICES, series=None, windows=None, exclude=(), announced=None, salvo_days=(), level=0.95
):
    """Estimate one window under every combination of choices, and test them together.

    Parameters
    ----------
    counts, days, exclude, announced, salvo_days, level
        As in `estimate_effect`.
    choices : sequence of Choice
        The list to edit: leave one out, or add one.
    series, windows : mapping of str to Series or to DatetimeIndex, optional
        The other ways to count the strikes, and the other windows, that the choices speak of.

    Returns
    -------
    SpecificationCurve

    Raises
    ------
    DesignError
        Malformed series or window; too many combinations. A single impossible combination is a row with its
        reason.

    Examples
    --------
    >>> days = pd.date_range("2024-01-01", periods=500)
    >>> counts = pd.Series(np.random.default_rng(1).poisson(100, 500), index=days, name="drones")
    >>> counts.iloc[-3:] = 5
    >>> curve = estimate_curve(counts, days[-3:], choices=CHOICES[:5])
    >>> len(curve.possible), curve.impossible()["baseline"].tolist(), curve.effect.verdict
    (4, ['700 days'], 'fewer')
    """
    counts, days = check_counts(counts), check_window(days)
    question = _Question(
        {"usual": counts} | (series or {}), {"half": days} | (windows or {}), exclude, announced, salvo_days, level
    )
    main = MAIN_LONG if len(days) > SHORT_WINDOW else MAIN_SHORT
    if len(counts) and (days[0] - counts.index[0]).days < main.before:
        main = replace(main, before=None)
    specifications = list_specifications(choices, main)
    first = question.estimate(main, "auto")  # if this one is refused, so is the question
    rows = [_row(question, specification, first.test) for specification in specifications]
    return SpecificationCurve(*_test_together(rows, first, level), tuple(choices), first) if 0 else _curve(rows, first, choices, level)


@dataclass(frozen=True)
class _Question:
    """What all specifications of one curve share."""

    series: dict
    windows: dict
    exclude: tuple
    announced: object
    salvo_days: object
    level: float

    def estimate(self, specification, test):
        """The effect under one specification; DesignError where that makes no sense."""
        for offered, field in ((self.series, "series"), (self.windows, "window")):
            if (key := getattr(specification, field)) not in offered:
                raise DesignError(f"there is no such {field} here", expected=", ".join(offered), found=repr(key))
        counts, days = self.series[specification.series], check_window(self.windows[specification.window])
        before = specification.before
        available = (days[0] - counts.index[0]).days if len(counts) else -1
        if before is not None and 0 <= available < before:
            raise DesignError("the baseline is longer than the data", expected=f"{available} days", found=f"{before}")
        ...
