"""One finding: what was tested, what was seen, what could have been seen, and the sentence that says so."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from analysis.errors import DesignError
from analysis.series import Label
from analysis.words import (
    DEPENDS,
    FEWER,
    MORE,
    NO_CHANGE,
    NOT_TESTABLE,
    amount,
    describe_placebo,
    describe_series,
    event,
    finding,
    outcome_label,
)

KEY = ("pause", "claim", "outcome", "stratum", "window", "test")
NATIONAL = "national"
MIME = "application/vnd.pauses.effects+json"


class Answer:
    """What every result can do; a subclass has `effects`, says its `summary()` and draws its `plot()`."""

    effects: tuple[PauseEffect, ...]

    def summary(self) -> str:
        """What was found, in plain sentences."""
        raise NotImplementedError

    def headline(self) -> str:
        """A sentence that can be quoted on its own; empty where there is none."""
        return ""

    def plot(self, ax: Any = None) -> Any:
        """Draw what was found; returns the matplotlib axes."""
        raise NotImplementedError

    def describe(self) -> str:
        """Alternative text for `plot`."""
        return self.headline()

    def to_frame(self) -> pd.DataFrame:
        """Every row that this result adds to the record."""
        return to_frame(self.effects)

    def record(self) -> EffectsRecord:
        """The effects as a notebook output that a batch can read back."""
        return EffectsRecord(tuple(self.effects), self.headline())

    def table(self) -> pd.DataFrame:
        """The rows that matter, as text for readers."""
        return shown(self.effects, "outcome", "window", "observed", "expected", "ratio", "p_value", "verdict")

    def _repr_markdown_(self) -> str:
        return f"{self.summary()}\n\n{as_markdown(self.table())}"

    def __repr__(self) -> str:
        told = " ".join(self.summary().split())
        return f"{type(self).__name__}: {told[:117] + '...' if len(told) > 120 else told}"


@dataclass(frozen=True, kw_only=True, repr=False)
class PauseEffect(Answer):
    """The comparison of one outcome in one window with what its placebo windows show.

    Attributes
    ----------
    pause, claim, outcome, stratum, window, test : str
        The key; values of `window` and `test` are listed below.
    first_day, last_day : date
    n_days, n_missing : int
        Strike days in the window, and how many of them have no report.
    baseline_first_day, baseline_last_day : date or None
    observed, expected : float or None
        Sums over the reported days, in the outcome's unit.
    expected_low, expected_high : float or None
        What ordinary windows would have shown: expected times the placebo quantiles.
    ratio, ratio_low, ratio_high : float or None
        Observed over expected and its interval by inversion of the test.
    p_value, p_min, p_adjusted : float or None
        `p_min` is the p-value at best: had nothing flown, or for a rise more than in any placebo window.
    n_placebo, n_as_extreme : int, and int or None
        Comparable windows with a ratio, and how many of them are tied or beyond on the side of this one: as low where
        fewer were seen than expected, as high where more were.
    alternative : str
        "two-sided", "less" or "greater".
    level : float
        Confidence level; 1 - level is the false-alarm rate in use.
    testable : bool
        Whether silence (for a rise: more than in any placebo window) would have been told from chance.
    smallest_visible_cut : float or None
        Share of launches that must be gone for a detection in 80 % of ordinary windows.
    verdict : str
        fewer, more, no visible change, depends on a choice, not testable.
    reason : str
        What was compared with what, or why nothing could be; the deciding part stands before the first "; ".
    daily, placebo : DataFrame
        Tidy frames for the pictures: day, observed, expected, low, high, role; and start, ratio.
    label : Label or None
        What is counted, where the catalogue of outcomes does not say it; no column of the record.
    rise : bool or None
        Whether a rise may be called, where the ordinary range cannot tell; no column of the record.

    Notes
    -----
    Windows:

    * "pause": the days of the claim; "window" in series that are not of this project
    * "announced-to-start": from the announcement to the first of these days
    * "disputed-start", "disputed-end": the first or last of these days, which the parties disagree about, alone
    * "after-3", "after-7", "after-14": as many days after the pause; "pause+after-7": both together
    * "step-before", "step-after": the pause against the days before it, and the days after against the pause

    Tests:

    * "shift": among all windows of the same length
    * "after-salvo": among windows equally long after a mass salvo; "after-heavy" in series not of this project
    * "same-weekday": among windows that begin on the same weekday
    * "mean-log": as "shift" or "after-salvo", but ranked by the mean log of counts over expected counts
    * "after-quiet": days after a pause, among those after windows as quiet
    * "as many days": readings that come with gaps, among windows of as many days instead of as many readings
    * "step": weeks of one side against weeks of the other, by a t-test
    * "joint": several windows by the ranks of each, or "largest p" of several ways that must all agree
    * "curve": the median over all defensible choices, among medians at other dates

    A `reason` that begins with "not yet" belongs to days still to come, one that `companion` made to a row beside the
    one that decides: both are read back from the record, which knows columns only.
    """

    pause: str = ""
    claim: str = ""
    outcome: str
    stratum: str = NATIONAL
    window: str = "pause"
    test: str
    first_day: date
    last_day: date
    n_days: int
    n_missing: int
    baseline_first_day: date | None = None
    baseline_last_day: date | None = None
    observed: float | None = None
    expected: float | None = None
    expected_low: float | None = None
    expected_high: float | None = None
    ratio: float | None = None
    ratio_low: float | None = None
    ratio_high: float | None = None
    p_value: float | None = None
    p_min: float | None = None
    p_adjusted: float | None = None
    n_placebo: int = 0
    n_as_extreme: int | None = None
    alternative: str
    level: float
    testable: bool = False
    smallest_visible_cut: float | None = None
    verdict: str = ""
    reason: str = ""
    daily: pd.DataFrame = field(default_factory=pd.DataFrame, repr=False, compare=False)
    placebo: pd.DataFrame = field(default_factory=pd.DataFrame, repr=False, compare=False)
    label: Label | None = field(default=None, repr=False, compare=False)
    rise: bool | None = field(default=None, repr=False, compare=False)

    @property
    def alpha(self) -> float:
        """The false-alarm rate in use: 1 - level without the dust of floating point, or p = 0.05 would not count."""
        return round(1 - self.level, 12)

    @property
    def effects(self) -> tuple[PauseEffect, ...]:
        """Itself: a result of one row."""
        return (self,)

    @property
    def why(self) -> str:
        """The deciding part of the reason."""
        return self.reason.split("; ")[0]

    def row(self) -> dict[str, Any]:
        """The columns of the record as plain values, dates as ISO text."""
        values = {name: getattr(self, name) for name in COLUMNS}
        return {name: v.isoformat() if isinstance(v, date) else v for name, v in values.items()}

    def summary(self) -> str:
        """One or two plain sentences; every number in them is a field."""
        return finding(self)

    def plot(self, ax: Any = None) -> Any:
        """Draw the daily series with the window shaded and the ordinary band; of several pauses, the placebos."""
        from analysis.figures import draw_series

        if self.test == "joint":
            return self.plot_placebo(ax)
        return draw_series(self.daily, label=outcome_label(self), event=event(self), ours=self.label is None, ax=ax)

    def describe_series(self) -> str:
        """Alternative text for `plot`."""
        return describe_series(self)

    def describe_placebo(self) -> str:
        """Alternative text for `plot_placebo`."""
        return describe_placebo(self)

    def plot_placebo(self, ax: Any = None) -> Any:
        """Draw where this window lies among all windows of its length."""
        from analysis.figures import draw_placebo

        joint = self.test == "joint"
        told = {"ratio": self.ratio, "n_days": self.n_days, "event": event(self)}
        return draw_placebo(self.placebo, **told, joint=joint, ax=ax)


COMPANION = "companion, not deciding"


def companion(effect: PauseEffect) -> PauseEffect:
    """The effect as a row beside the one that decides, which the record knows by its reason."""
    return replace(effect, reason=f"{COMPANION}; {effect.reason}")


def is_companion(reason: Any) -> bool:
    return str(reason).startswith(COMPANION)


COLUMNS = tuple(f.name for f in fields(PauseEffect) if f.name not in ("daily", "placebo", "label", "rise"))


def decide(effect: PauseEffect) -> PauseEffect:
    """Set the verdict from the fields, by the one rule that serves every test.

    A p-value that counts is that of a number outside the ordinary range, so the side it lies on is the direction;
    `rise` tells it where there is no such range. A fall (or a rise, where only that is asked) that even silence could
    not show is not testable. An adjusted p-value, where there is one, is the one that counts.

    Examples
    --------
    >>> decide(example_effect(p_value=0.01, observed=20, ratio=0.1)).verdict
    'fewer'
    >>> decide(example_effect(p_value=0.01, observed=20, ratio=0.1, p_adjusted=0.2)).verdict
    'no visible change'
    """
    p = effect.p_value if effect.p_adjusted is None else effect.p_adjusted
    seen = p is not None and p <= effect.alpha
    rise = effect.rise
    if seen and rise is None:
        rise = effect.expected_high is not None and effect.observed > effect.expected_high
    if seen and rise:
        verdict = MORE  # a rise can be plain where a fall could not have been seen
    elif not effect.testable:
        verdict = NOT_TESTABLE
    else:
        verdict = FEWER if seen else NO_CHANGE
    return replace(effect, verdict=verdict)


def holm(effects: Sequence[PauseEffect]) -> list[PauseEffect]:
    """Adjust the p-values of one family (Holm 1979) and decide again; the order stays.

    What cannot be tested keeps an empty `p_adjusted` and does not count, unless it shows a rise. What depends on a
    choice goes on depending on it.
    """
    family = [i for i, e in enumerate(effects) if e.testable or (e.verdict == MORE and e.p_value is not None)]
    adjusted = list(effects)
    for i, p_adjusted in zip(family, holm_adjusted([effects[i].p_value for i in family]), strict=True):
        corrected = replace(effects[i], p_adjusted=p_adjusted)
        adjusted[i] = corrected if effects[i].verdict == DEPENDS else decide(corrected)
    return adjusted


def holm_adjusted(p_values: Sequence[float]) -> list[float]:
    """The p-values of one family adjusted by Holm's method, in their order.

    >>> holm_adjusted([0.04, 0.01, 0.03])
    [0.06, 0.03, 0.06]
    """
    adjusted, running = [0.0] * len(p_values), 0.0
    for rank, i in enumerate(np.argsort(p_values, kind="stable")):
        running = max(running, min(1.0, (len(p_values) - rank) * p_values[i]))
        adjusted[i] = running
    return adjusted


def to_frame(effects: Sequence[PauseEffect]) -> pd.DataFrame:
    """Stack effects into one frame, a row each, with the record's columns."""
    if not all(isinstance(effect, PauseEffect) for effect in effects):
        raise DesignError("not effects", field="effects", expected="a list of effects", found=f"{effects!r:.60}")
    return pd.DataFrame([effect.row() for effect in effects], columns=list(COLUMNS))


def shown(effects: Sequence[PauseEffect], *columns: str) -> pd.DataFrame:
    """Chosen columns of several effects as text for readers; the first becomes the index.

    Counts are whole, ratios and p-values have two digits, what is empty shows as a dash.
    """
    table = to_frame(effects).assign(outcome=[outcome_label(effect, short=True) for effect in effects])[list(columns)]
    for name in WORDING.keys() & set(columns):
        table[name] = [WORDING[name](value) if pd.notna(value) else "–" for value in table[name]]
    return table.rename(columns=lambda name: name.replace("_", " ")).set_index(columns[0].replace("_", " "))


WORDING: dict[str, Callable[[Any], str]] = {
    **dict.fromkeys(["observed", "expected", "expected_low", "expected_high"], amount),
    **dict.fromkeys(["ratio", "ratio_low", "ratio_high"], "{:.2f}".format),
    **dict.fromkeys(["p_value", "p_adjusted", "p_min"], "{:.2g}".format),
    "smallest_visible_cut": "{:.0%}".format,
}


def as_markdown(table: pd.DataFrame) -> str:
    """A table of text as Markdown, its index first."""
    rows = [[table.index.name or "", *table.columns], ["---"] * (1 + table.shape[1])]
    rows += [[index, *cells] for index, cells in zip(table.index, table.to_numpy().tolist(), strict=True)]
    return "\n".join("| " + " | ".join(str(cell).replace("|", "\\|") for cell in row) + " |" for row in rows)


@dataclass(frozen=True)
class EffectsRecord:
    """Effects as a notebook output that another program can read back, with a sentence that can be quoted.

    Shown as a table; carried as JSON of type ``application/vnd.pauses.effects+json``.
    """

    effects: tuple[PauseEffect, ...]
    headline: str = ""

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        rows = [effect.row() for effect in self.effects]
        short = shown(self.effects, "claim", "outcome", "window", "test", "observed", "expected", "ratio", "verdict")
        return {MIME: {"rows": rows, "headline": self.headline}, "text/plain": short.to_string()}


def example_effect(**changes: Any) -> PauseEffect:
    """A made-up effect for documentation and tests.

    Examples
    --------
    >>> example_effect().summary()
    'No visible change: 250 drones on 1 May 2025, where 100 to 400 would have been ordinary. Only a cut of \
about 80% or more would have shown reliably.'
    """
    day = date(2025, 5, 1)
    plain = PauseEffect(
        pause="example", claim="main", outcome="drones", test="shift",
        first_day=day, last_day=day, n_days=1, n_missing=0, baseline_first_day=date(2024, 5, 1),
        baseline_last_day=date(2025, 4, 30), observed=250.0, expected=200.0, expected_low=100.0, expected_high=400.0,
        ratio=1.25, ratio_low=0.6, ratio_high=2.5, p_value=0.4, p_min=0.01, n_placebo=300, n_as_extreme=59,
        alternative="two-sided", level=0.95, testable=True, smallest_visible_cut=0.8,
    )  # fmt: skip
    return decide(replace(plain, **changes))
