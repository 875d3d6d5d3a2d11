"""One pause under every defensible choice."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from analysis.days import strike_days
from analysis.effect import Answer, PauseEffect, decide, shown
from analysis.errors import DesignError
from analysis.estimate import estimate_effect, placebo_fields
from analysis.placebo import PlaceboTest
from analysis.series import Words, series_label
from analysis.setting import VOLUME, Findings, Registry, set_up
from analysis.sirens import inferred_zeros
from analysis.specifications import (
    ANY_SERIES,
    CHOICES,
    EDGES,
    MAIN_LONG,
    MAIN_SHORT,
    Choice,
    Specification,
    list_specifications,
)
from analysis.tables import load_strikes, load_table, outcome_series, outcomes
from analysis.windows import AFTER_LONG, ONE_DAY, SHORT_WINDOW, Day, Holidays, check_counts, check_window
from analysis.words import FEWER, MORE, NOT_TESTABLE, capital, days_phrase, outcome_label

LEAST_SHARE = 0.4  # of the main row's placebo dates: half a year's of a full year's is enough, a quarter's is not
LAST_WEEK = 8  # last days of the table to leave out, instead of one
OF_ZEROS = ("zeros_missing", "zeros_20")  # series that differ from the usual one inside the window alone
HIDDEN = 20.0  # drones on a day without a report of any, whose zero is inferred
LARGE = 0.1  # a tenth of the expected number: a shift of the ratio that a reader would notice
STRATUM, AS_USUAL = "specification curve", "as usual"
NUMBERS = ["ratio", "ratio_low", "ratio_high", "expected", "expected_low", "expected_high", "p_value"]


@dataclass(frozen=True, repr=False)
class SpecificationCurve(Answer):
    """One claim and outcome under every specification.

    Attributes
    ----------
    choices : tuple of Choice
    specifications : tuple of Specification
        The main one first.
    estimates : tuple of PauseEffect
        One each; where the combination is impossible, without a ratio and with the reason.
    joined : tuple of bool
        Which rows share enough placebo dates to be tested together.
    effect : PauseEffect
        The curve as a whole: its ratio is the median of the joined rows, its test "curve", its `placebo` the
        same median at every date that these rows share.
    """

    choices: tuple[Choice, ...]
    specifications: tuple[Specification, ...]
    estimates: tuple[PauseEffect, ...]
    joined: tuple[bool, ...]
    effect: PauseEffect

    @property
    def effects(self) -> tuple[PauseEffect, ...]:
        """The curve as a whole: its specifications are no rows of the record."""
        return (self.effect,)

    def to_frame(self) -> pd.DataFrame:
        """One row per specification: its choices, its numbers, and why it is impossible if it is."""
        rows: list[dict[str, Any]] = []
        for specification, effect, joined in zip(self.specifications, self.estimates, self.joined, strict=True):
            cells = {choice.axis: AS_USUAL for choice in self.choices}
            cells |= {choice.axis: choice.name for choice in self.choices if choice.fits(specification)}
            cells |= {name: getattr(effect, name) for name in (*NUMBERS, "n_placebo", "verdict")}
            cells |= {"main": not rows, "joined": joined, "impossible": "" if _possible(effect) else effect.reason}
            rows.append(cells)
        return pd.DataFrame(rows).astype(dict.fromkeys(NUMBERS, float))

    def impossible(self) -> str:
        """What cannot be estimated and why, as Markdown: how many combinations, and the choices they share."""
        frame, lines = self.to_frame(), []
        axes = list(dict.fromkeys(choice.axis for choice in self.choices))
        for reason, group in frame[frame["impossible"] != ""].groupby("impossible", sort=False):
            shared = {axis: group[axis].iloc[0] for axis in axes if group[axis].nunique() == 1}
            named = ", ".join(f"{axis} {name}" for axis, name in shared.items() if name != AS_USUAL)
            lines.append(f"* {len(group)}{f' with {named}' if named else ''}: {reason}")
        return "\n".join(lines) or "None."

    def _ratios(self) -> Iterator[tuple[Choice, list[float]]]:
        """Each choice with the ratios of the combinations that share it."""
        pairs = [(chosen, e.ratio) for chosen, e in zip(self.specifications, self.estimates, strict=True)]
        for choice in self.choices:
            yield choice, [ratio for chosen, ratio in pairs if ratio is not None and choice.fits(chosen)]

    def table(self) -> pd.DataFrame:
        """Median ratio of the combinations that share a choice, beside what speaks for it."""
        columns = ["axis", "choice", "rows", "median ratio", "reason"]
        rows = [
            (choice.axis, choice.name, len(found), f"{np.median(found):.2f}" if found else "–", choice.reason)
            for choice, found in self._ratios()
        ]
        return pd.DataFrame(rows, columns=columns).set_index("axis")

    def spreads(self) -> dict[str, tuple[float, float]]:
        """Lowest and highest median ratio by axis; a choice that departs alone is set against the main one."""
        medians: dict[str, list[float]] = {}
        for choice, found in self._ratios():
            compared = [] if choice.crossed or not _possible(self.estimates[0]) else [self.estimates[0].ratio]
            if found:
                medians.setdefault(choice.axis, []).extend([float(np.median(found)), *compared])
        return {axis: (min(found), max(found)) for axis, found in medians.items()}

    def summary(self) -> str:
        """How far the choices carry the ratio, what they say, and whether the curve as a whole is unusual."""
        whole, found = self.effect, [effect for effect in self.estimates if _possible(effect)]
        lead, why = f"{capital(outcome_label(whole))} {days_phrase(whole)}", whole.why
        total, possible, joined = len(self.estimates), len(found), sum(self.joined)
        if not found:
            return f"{lead}: none of {total} combinations of choices is possible; {why}."
        ratios, verdicts = [effect.ratio for effect in found], [effect.verdict for effect in found]
        counts = [f"{verdicts.count(v)} {v}" for v in dict.fromkeys([FEWER, MORE, *verdicts]) if v in verdicts]
        span = f"{min(ratios):.2f} to {max(ratios):.2f} times the expected number" if max(ratios) else "none"
        among, rest = (f"all {total}", "") if possible == total else (f"{possible} of {total}", total - possible)
        told = f"{lead}: {span} under {among} combinations of choices ({', '.join(counts)})."
        told += f" The other {rest} cannot be computed." if rest else ""
        if whole.verdict == NOT_TESTABLE:
            return f"{told} As a whole they are not testable: {why}."
        these = f"{joined} of these {possible}" if joined < possible else f"All {possible}"
        return (
            f"{told} {these} share enough other dates to be tested together: their median ratio of "
            f"{whole.ratio:.2f} has p = {whole.p_value:.2g} among {whole.n_placebo} other dates."
        )

    def plot(self, ax: Any = None) -> Any:
        from analysis.figures import draw_curve

        names = [(choice.axis, choice.name) for choice in self.choices]
        title, ours = outcome_label(self.effect), self.effect.label is None
        return draw_curve(self.to_frame(), names, title=title, ours=ours, ax=ax)

    def describe(self) -> str:
        return f"Ratios under all combinations of choices, sorted, the choices marked below. {self.summary()}"


def _possible(effect: PauseEffect) -> bool:
    return effect.ratio is not None


def estimate_curve(
    counts: pd.Series,
    days: pd.DatetimeIndex,
    *,
    choices: Sequence[Choice] | None = None,
    series: Mapping[str, pd.Series] | None = None,
    windows: Mapping[str, pd.DatetimeIndex] | None = None,
    exclude: Sequence[Day] = (),
    announced: Day | None = None,
    salvo_days: Sequence[Day] = (),
    level: float = 0.95,
    holidays: Holidays = None,
    label: Words = None,
) -> SpecificationCurve:
    """Estimate one window under every combination of choices, and test them together.

    The joint test ranks the median ratio among the medians at other dates: the main specification's placebo dates,
    as far as all rows share them. Rows join from the one with most dates down, as long as 40 % of the main one's
    dates remain, and enough to reject at all; ratios play no part in that. Nor can the curve tell what its main
    specification cannot: where even silence is ordinary among all of the main one's dates, it is not testable.

    Parameters
    ----------
    counts, days, exclude, announced, salvo_days, level, holidays, label
        As in `estimate_effect`.
    choices : sequence of Choice, optional
        `CHOICES` is the list to edit: leave one out, or add one. By default those whose series and window are given;
        for series that are not of the catalogue of outcomes, those of them that make sense for any.
    series, windows : mapping of str to Series, and to DatetimeIndex, optional
        The other ways to count, and the other windows, that choices name. `assess_choices` brings those of a pause.

    Raises
    ------
    DesignError
        Malformed series or window, over 120 combinations. An impossible combination is a row with its reason.

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
    named = series_label(counts.name, label)
    given = holidays is not None and holidays is not False
    if not given and (named or holidays is False):
        main = replace(main, holidays=False)
    for field, by_name in (("series", series), ("windows", windows)):
        if not isinstance(by_name, Mapping | None):
            raise DesignError(f"not {field} by name", field=field, expected="a mapping", found=f"{by_name!r:.60}")
    offered = {"usual": counts, **(series or {})}, {"half": days, **(windows or {})}
    if choices is None:
        known = [c for c in ANY_SERIES if given or not c.sets.get("holidays")] if named else CHOICES
        on_offer = {"series": offered[0], "window": offered[1]}
        choices = [c for c in known if all(c.sets[name] in on_offer[name] for name in on_offer.keys() & c.sets)]
    specifications = list_specifications(choices, main)
    options = {"exclude": exclude, "announced": announced, "salvo_days": salvo_days, "level": level}
    shared = partial(estimate_effect, **options, label=named or label)
    question = _Question(*offered, shared, holidays if given else True)
    first = question.estimate(main, "auto")  # where this one is refused, so is the question
    estimates = [first] * len(specifications)
    if days.isin(counts.index).any():  # else no choice brings the data to the window
        estimates[1:] = [question.attempt(specification, first) for specification in specifications[1:]]
    joined, effect = _test_together(question, specifications, estimates)
    return SpecificationCurve(tuple(choices), tuple(specifications), tuple(estimates), joined, effect)


@dataclass(frozen=True)
class _Question:
    """What all specifications of one curve share: what is on offer, and how an effect is estimated."""

    series: Mapping[str, pd.Series]
    windows: Mapping[str, pd.DatetimeIndex]
    shared: Callable[..., PauseEffect]
    holidays: Holidays

    def estimate(self, chosen: Specification, test: str) -> PauseEffect:
        """The effect under one specification; DesignError where that makes no sense."""
        for field, offered in (("series", self.series), ("window", self.windows)):
            if (name := getattr(chosen, field)) not in offered:
                raise DesignError(f"there is no {field} {name!r}, only {', '.join(offered)}")
        counts, days = check_counts(self.series[chosen.series]), check_window(self.windows[chosen.window])
        before = chosen.before
        available = (days[0] - counts.index[0]).days if len(counts) else -1
        if before is not None and 0 <= available < before:
            raise DesignError(f"a baseline longer than the data: {before} days, of which there are {available}")
        first = days[0] - (max(available, 1) if before is None else before) * ONE_DAY
        last = days[-1] + (min(before or AFTER_LONG, AFTER_LONG) if chosen.both_sides else 0) * ONE_DAY
        model = {"trend": chosen.trend, "weekday": chosen.weekday, "holidays": chosen.holidays and self.holidays}
        effect = self.shared(counts, days, baseline=(first, last), test=test, **model)
        if chosen.both_sides and _possible(effect) and effect.baseline_last_day < effect.first_day:
            raise DesignError("the data hold no baseline day after the window")
        return effect

    def attempt(self, chosen: Specification, main: PauseEffect) -> PauseEffect:
        """The effect under one specification with the main one's test, or why there is none."""
        try:
            return self.estimate(chosen, main.test)
        except DesignError as error:
            blank = dict.fromkeys([*NUMBERS, "observed", "p_min", "smallest_visible_cut"])
            none = {"n_placebo": 0, "testable": False, "placebo": main.placebo.iloc[:0], "reason": error.problem}
            return decide(replace(main, **blank, **none))


def _test_together(
    question: _Question, specifications: Sequence[Specification], estimates: Sequence[PauseEffect]
) -> tuple[tuple[bool, ...], PauseEffect]:
    """Which rows share enough placebo dates, and the curve of these as one effect."""
    main, placebos = estimates[0], {}
    for position, effect in enumerate(estimates):
        if _possible(effect) and specifications[position].series not in OF_ZEROS:  # they have no like at other dates
            if main.test != "shift":  # lags differ between rows: all take the main one's dates
                effect = question.estimate(specifications[position], "shift")
            ratios = effect.placebo.set_index("start")["ratio"].astype(float).dropna()
            placebos[position] = ratios.set_axis(ratios.index - pd.Timestamp(effect.first_day))
    if not placebos:
        return (False,) * len(estimates), replace(main, stratum=STRATUM, test="curve")
    dates = pd.DatetimeIndex(main.placebo["start"]) - pd.Timestamp(main.first_day)
    if not _possible(main):
        dates = max(placebos.values(), key=len).index
    needed = max(round(2 / main.alpha) - 1, LEAST_SHARE * len(dates))
    used = []
    for position in sorted(placebos, key=lambda position: -placebos[position].index.isin(dates).sum()):
        shared = dates[dates.isin(placebos[position].index)]
        if len(shared) >= needed:
            dates, used = shared, [*used, position]
    medians = pd.concat([placebos[position][dates] for position in used], axis=1).median(axis=1) if used else ()
    whole = _whole(main, [estimates[position] for position in used or placebos], pd.Series(medians, dtype=float))
    return tuple(position in used for position in range(len(estimates))), whole


def _whole(main: PauseEffect, effects: Sequence[PauseEffect], medians: pd.Series) -> PauseEffect:
    """The curve as one effect: the median ratio of `effects` among `medians` at other dates."""
    ratio, n_dates = float(np.median([effect.ratio for effect in effects])), len(medians)
    observed = next(effect.observed for effect in (main, *effects) if effect.observed is not None)
    expected = observed / ratio if ratio else float(np.median([effect.expected for effect in effects]))
    found = placebo_fields(PlaceboTest(ratio, medians.to_numpy(), alpha=main.alpha), expected)
    reason = f"median of {len(effects)} combinations of choices"
    if not n_dates:
        reason = f"they have too few placebo dates in common; {reason}"
    elif not found["testable"]:
        silent = int((medians == 0).sum())
        reason = f"even total silence is ordinary: on {silent} of {n_dates} other dates the median is 0; {reason}"
    elif _possible(main) and not main.testable:
        reason = f"{main.why}; {reason}"
        found |= {"testable": False, "smallest_visible_cut": None}
    starts = pd.Timestamp(main.first_day) + pd.to_timedelta(medians.index)
    found |= {"placebo": pd.DataFrame({"start": starts, "ratio": medians.to_numpy()}), "reason": reason}
    about = {"stratum": STRATUM, "test": "curve", "baseline_first_day": None, "baseline_last_day": None}
    return decide(replace(main, **about, **found, observed=observed))


@dataclass(frozen=True, repr=False)
class Sensitivity(Findings):
    """One pause under every choice: a curve per stated claim and outcome, those of the claim in question first.

    `effects` are the curves as a whole, never pooled, and the largest p-values of the claim in question.
    """

    curves: tuple[SpecificationCurve, ...]

    def curve(self, outcome: str) -> SpecificationCurve:
        """The curve of one outcome for the claim in question."""
        key = (outcome, self.claim)
        return next(curve for curve in self.curves if (curve.effect.outcome, curve.effect.claim) == key)

    def outcomes(self) -> list[str]:
        return list(dict.fromkeys(curve.effect.outcome for curve in self.curves))

    def table(self) -> pd.DataFrame:
        """Each curve as a whole, and the largest p-values: a row per claim, outcome and test."""
        return shown(self.effects, "claim", "outcome", "test", "first_day", "last_day", "ratio", "p_value", "verdict")

    def summary(self) -> str:
        """What the curves of the claim in question say, and what decides: a paragraph per outcome."""
        return "\n\n".join(f"{self.curve(name).summary()} {self.matters(name)}" for name in self.outcomes())

    def matters(self, outcome: str) -> str:
        """What moves the answer: whose window one believes, its edges, or the other choices; in a sentence."""
        own = [curve.effect for curve in self.curves if curve.effect.outcome == outcome]
        claims, spreads = [effect.ratio for effect in own if _possible(effect)], self.curve(outcome).spreads()
        if not spreads:
            return "What the answer depends on cannot be said."
        ranges = {}
        if EDGES in spreads:
            ranges["which partly covered days count ("] = spreads.pop(EDGES)
        if spreads:
            widest = max(spreads, key=lambda axis: spreads[axis][1] - spreads[axis][0])
            ranges[f"the model or the counting (most by {widest}, "] = spreads[widest]
        if len(claims) > 1:
            ranges["whose window you believe ("] = min(claims), max(claims)
        moved = sorted(((high - low, f"{what}{low:.2f} to {high:.2f})") for what, (low, high) in ranges.items()))[::-1]
        much = " and on ".join(text for width, text in moved if width >= LARGE)
        little = [text for width, text in moved if width < LARGE]
        on = f"neither on {' nor on '.join(little)}" if len(little) > 1 else f"not on {''.join(little)}"
        if much:
            on = f"on {much}" + (f", not on {' or on '.join(little)}" if little else "")
        answer = "answer" if any(effect.verdict != NOT_TESTABLE for effect in own) else "ratio, testable or not,"
        only = "" if len(claims) > 1 else " Only one window can be compared."
        return f"The {answer} depends {on}; in brackets the range of the median ratio.{only}"

    def plot(self, ax: Any = None) -> Any:
        return self.curves[0].plot(ax)


def assess_choices(
    pause_id: str,
    *,
    claim: str = "main",
    outcomes: Sequence[str] = VOLUME,
    choices: Sequence[Choice] | None = None,
    level: float = 0.95,
    registry: Registry | None = None,
    folder: Path | None = None,
) -> Sensitivity:
    """Estimate one announced pause under every combination of choices.

    Parameters
    ----------
    pause_id, claim, outcomes, level, registry, folder
        As in `assess`.
    choices : sequence of Choice, optional
        As in `estimate_curve`; by default all of `CHOICES` that make sense for the outcome.

    Returns
    -------
    Sensitivity
        `curve(outcome)` is one curve, `summary()` a paragraph an outcome. Its `headline()` is empty: how far an answer
        hangs on choices is no finding to quote; that is the `headline()` of `assess`.

    Raises
    ------
    RegistryError, DataError, DesignError
        As `assess` and `estimate_curve`.
    """
    setting = set_up(pause_id, claim=claim, level=level, registry=registry, folder=folder)
    pause, curves, largest, known = setting.pause, [], [], {}
    asked = CHOICES if choices is None else choices
    for name, outcome in product(setting.claims, outcomes):
        days, announced = pause.days(name), pause.first_announced_day(name)
        windows = {rule: strike_days(*pause.claim(name).span, rule=rule) for rule in ("any", "whole")}
        series = series_on_offer(outcome, days, folder)
        shared = {"exclude": setting.exclude, "announced": announced, "salvo_days": setting.salvos, "level": level}
        # a curve takes seconds, and claims often differ by hours that make no other strike day
        same = (outcome, announced, *(tuple(part) for part in (days, *windows.values())))
        if same not in known:
            offered = {"choices": fitting(asked, outcome, series), "series": series, "windows": windows}
            known[same] = estimate_curve(series["usual"], days, **offered, **shared)
        curves.append(replace(known[same], effect=setting.keyed(known[same].effect, claim=name)))
        if name == setting.claim:
            largest.append(setting.keyed(largest_p(partial(estimate_effect, series["usual"], **shared), days)))
    return Sensitivity(pause, setting.claim, (*(curve.effect for curve in curves), *largest), tuple(curves))


def fitting(choices: Sequence[Choice], outcome: str, series: Mapping[str, pd.Series]) -> list[Choice]:
    """The choices that make sense for an outcome, whose window may have no zero that is inferred."""
    absent = set(OF_ZEROS) - set(series)
    return [c for c in choices if c.outcome in ("", outcome) and c.sets.get("series") not in absent]


def series_on_offer(outcome: str, days: pd.DatetimeIndex, folder: Path | None) -> dict[str, pd.Series]:
    """The ways to count an outcome that choices can name; those of inferred zeros where the window has one."""
    usual, entry = outcome_series(outcome, folder=folder), outcomes()[outcome]
    offered = {"usual": usual, "week_dropped": outcome_series(outcome, drop_last=LAST_WEEK, folder=folder)}
    if entry.strict_first_day:
        offered["strict_start"] = usual[entry.strict_first_day :]
    zeros = usual.index.isin(days[days.isin(inferred_zeros(load_strikes(folder=folder)))])
    if outcome == VOLUME[0] and zeros.any():
        offered |= dict(zip(OF_ZEROS, (usual.mask(zeros), usual.mask(zeros, HIDDEN)), strict=True))
    return offered | source_variants(outcome, folder=folder)


def source_variants(outcome: str, *, folder: Path | None = None) -> dict[str, pd.Series]:
    """The other ways to count an outcome from the same sources, by the column of `strike_variants.csv`."""
    usual, entry = outcome_series(outcome, folder=folder), outcomes()[outcome]
    if entry.table != "strikes":
        return {}
    weapon = entry.column.split("_")[0] + "_"
    variants = load_table("strike_variants", folder=folder).set_index("day").filter(regex=f"^{weapon}")
    return {
        column.removeprefix(weapon): counts.reindex(usual.index).rename(outcome) for column, counts in variants.items()
    }


def largest_p(estimate: Callable[[pd.DatetimeIndex], PauseEffect], days: pd.DatetimeIndex) -> PauseEffect:
    """Test a window with its start and end moved by up to a day, and keep the least favourable result.

    The largest p-value is valid however the window was picked among these, and conservative; the smallest would be
    below 5 % more often than in 5 % of true nulls. Its `p_min` is the largest too.
    """
    moved = [pd.date_range(days[0] + s * ONE_DAY, days[-1] + e * ONE_DAY) for s, e in product((-1, 0, 1), repeat=2)]
    effects = [estimate(window) for window in moved if len(window)]
    worst = max(effects, key=lambda effect: (effect.p_value is None, effect.p_value))
    worst = replace(worst, stratum=STRATUM, test="largest p")
    reason = f"largest p of {len(effects)} windows with start and end moved by up to a day: {days_phrase(worst)}"
    if worst.p_value is None:
        return replace(worst, reason=f"{worst.reason}; {reason}")
    p_min, silent = max(effect.p_min for effect in effects), sum(not effect.testable for effect in effects)
    if p_min <= worst.alpha:
        return decide(replace(worst, p_min=p_min, testable=True, reason=f"{reason}; {worst.reason}"))
    reason = f"in {silent} of {len(effects)} windows moved by up to a day even total silence is ordinary; {reason}"
    blind = {"p_min": p_min, "testable": False, "smallest_visible_cut": None}
    return decide(replace(worst, **blind, reason=f"{reason}; {worst.reason}"))
