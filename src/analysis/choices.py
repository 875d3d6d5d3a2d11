"""One pause under every defensible choice."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from itertools import product

import numpy as np
import pandas as pd

from analysis.days import strike_days
from analysis.effect import EffectsRecord, PauseEffect, decide, shown
from analysis.errors import DesignError
from analysis.estimate import estimate_effect, placebo_fields
from analysis.pauses import get_pause, load_pauses
from analysis.placebo import PlaceboTest
from analysis.setting import VOLUME, not_ordinary, salvo_days
from analysis.tables import load_strikes, load_table, outcome_series
from analysis.tables import outcomes as catalogue
from analysis.windows import AFTER_LONG, ONE_DAY, SHORT_WINDOW, check_counts, check_window
from analysis.words import FEWER, MORE, NOT_TESTABLE, capital, days_phrase, outcome_label

MOST_ROWS = 100
EDGES = "partly covered days"  # the one question that is about the window


@dataclass(frozen=True)
class Specification:
    """One way to estimate the ratio; the defaults are the main one for short windows.

    Attributes
    ----------
    before : int or None
        Days of baseline before the window; None: from the first usable day on.
    both_sides : bool
        As many days after the window too, at most a year and as far as the data reach.
    trend, weekday, holidays
        As in `estimate_effect`.
    series : str
        How strikes are counted: "usual", or another series on offer.
    window : str
        Strike days covered by "half" are inside, or another window on offer.
    """

    before: int | None = 365
    both_sides: bool = False
    trend: str = "linear"
    weekday: bool = True
    holidays: bool = True
    series: str = "usual"
    window: str = "half"


MAIN_SHORT = Specification()
MAIN_LONG = Specification(before=700, both_sides=True, trend="spline")


@dataclass(frozen=True)
class Choice:
    """One defensible answer to one question of design.

    Attributes
    ----------
    axis, name : str
        The question, and this answer to it in a few words.
    reason : str
        Why somebody might choose so.
    sets : mapping
        Fields of `Specification` and their values.
    crossed : bool
        Combined with every answer to the other crossed questions; if not, it only departs from the main
        specification, alone.
    outcome : str
        The only outcome it makes sense for; empty: all.

    Examples
    --------
    >>> Choice("baseline", "120 days", "four months", {"before": 120}).fits(Specification(before=120))
    True
    """

    axis: str
    name: str
    reason: str
    sets: Mapping
    crossed: bool = True
    outcome: str = ""

    def __post_init__(self):
        known = [field.name for field in fields(Specification)]
        wrong = [name for name in self.sets if name not in known]
        if wrong or not self.sets:
            found = ", ".join(wrong) or "nothing"
            raise DesignError("no part of a specification", field=self.name, expected=", ".join(known), found=found)

    def fits(self, specification):
        """Whether a specification answers the question so."""
        return all(getattr(specification, name) == value for name, value in self.sets.items())


def _counted(name, series, reason, outcome=""):
    return Choice("counting", name, reason, {"series": series}, crossed=False, outcome=outcome)


CHOICES = (
    Choice("baseline", "90 days", "closest to the pause: the trend matters least", {"before": 90}),
    Choice("baseline", "180 days", "half a year, little growth", {"before": 180}),
    Choice("baseline", "365 days", "each season once", {"before": 365}),
    Choice("baseline", "700 days", "more windows, though from a smaller war", {"before": 700}),
    Choice("baseline", "all usable days", "no cut-off to choose", {"before": None}),
    Choice("sides", "before only", "what follows may be an effect of the pause", {"both_sides": False}),
    Choice("sides", "before and after", "interpolates where the other extrapolates", {"both_sides": True}),
    Choice("trend", "line", "steady growth in per cent", {"trend": "linear"}),
    Choice("trend", "none", "a line can take a slow wave for growth", {"trend": "constant"}),
    Choice("trend", "curve", "follows slow waves; needs 150 days afterwards", {"trend": "spline"}),
    Choice("calendar", "weekday, holiday", "either may shape launches", {"weekday": True, "holidays": True}),
    Choice("calendar", "weekday", "truces fall on the few holidays", {"weekday": True, "holidays": False}),
    Choice("calendar", "neither", "no such pattern is plain", {"weekday": False, "holidays": False}),
    Choice(EDGES, "all in", "a few hours can empty a night", {"window": "any"}, crossed=False),
    Choice(EDGES, "all out", "outside its hours a pause binds nobody", {"window": "whole"}, crossed=False),
    _counted("evening rolled", "evening_rolled", "an evening raid belongs to the night that follows"),
    _counted("night reports", "night_reports", "daytime reports are separate only from 2026 on"),
    _counted("last week off", "week_dropped", "late rows change the end of each copy"),
    _counted("from 2025 on", "strict_start", "counts of late 2024 are about 5 % low", "drones_launched"),
    _counted("7 Apr 2025: 84", "2025_04_07_is_84", "fills the published total of that month", "drones_launched"),
    _counted("regional too", "all_sources", "national reports may miss some; some count twice", "missiles_launched"),
    _counted("strategic only", "strategic", "tactical missiles are front-line weapons", "missiles_launched"),
)


def list_specifications(choices, main):
    """The main specification, every combination of the crossed choices, and each other choice alone.

    Parameters
    ----------
    choices : sequence of Choice
    main : Specification

    Returns
    -------
    list of Specification
        The main one first; none twice.

    Raises
    ------
    DesignError
        Not a list of choices, or more than 100 rows.

    Examples
    --------
    >>> len(list_specifications(CHOICES[:7], MAIN_SHORT))  # 5 baselines, each with 2 answers on sides
    10
    """
    if not choices or not all(isinstance(choice, Choice) for choice in choices):
        raise DesignError(
            "not a list of choices", field="choices", expected="at least one Choice", found=repr(choices)[:80]
        )
    axes = {}
    for choice in choices:
        if choice.crossed:
            axes.setdefault(choice.axis, []).append(choice.sets)
    rows = [main]
    for combination in product(*axes.values()):
        rows.append(replace(main, **{name: value for sets in combination for name, value in sets.items()}))
    rows += [replace(main, **choice.sets) for choice in choices if not choice.crossed]
    rows = list(dict.fromkeys(rows))
    if len(rows) > MOST_ROWS:
        raise DesignError(
            "too many combinations to read", field="choices", expected=f"at most {MOST_ROWS}", found=str(len(rows)),
            remedy="leave a choice out, or add yours with crossed=False",
        )  # fmt: skip
    return rows


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
        from analysis.figures import draw_curve

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


LAST_WEEK = 8  # last days of the table to leave out, instead of one
LARGE = 0.1  # a tenth of the expected number: a shift of the ratio that a reader would notice


@dataclass(frozen=True)
class Sensitivity:
    """Specification curves of one pause, for every stated claim and every outcome.

    Attributes
    ----------
    claim : str
        The claim in question.
    curves : tuple of SpecificationCurve
        Those of the claim in question first; never pooled.
    largest : tuple of PauseEffect
        From `largest_p`, for the claim in question: one per outcome.
    """

    claim: str
    curves: tuple
    largest: tuple

    def curve(self, outcome, *, claim=None):
        """The curve of one outcome, for the claim in question or another."""
        key = (outcome, claim or self.claim)
        return next(curve for curve in self.curves if (curve.effect.outcome, curve.effect.claim) == key)

    def outcomes(self):
        """Names of the outcomes."""
        return list(dict.fromkeys(curve.effect.outcome for curve in self.curves))

    def to_frame(self):
        """Every specification of every curve."""
        parts = [c.to_frame().assign(claim=c.effect.claim, outcome=c.effect.outcome) for c in self.curves]
        return pd.concat(parts, ignore_index=True)

    def by_claim(self):
        """Each curve as a whole, and the largest p-values: a row per claim, outcome and test."""
        rows = [*(curve.effect for curve in self.curves), *self.largest]
        return shown(rows, "claim", "outcome", "test", "first_day", "last_day", "ratio", "p_value", "verdict")

    def summary(self):
        """What the curves of the claim in question say, and what decides: a paragraph per outcome."""
        return "\n\n".join(f"{self.curve(name).summary()} {self.matters(name)}" for name in self.outcomes())

    def matters(self, outcome):
        """What moves the answer: whose window one believes, its edges, or the other choices; in a sentence."""
        own = [curve.effect for curve in self.curves if curve.effect.outcome == outcome]
        claims, spreads = [e.ratio for e in own if e.ratio is not None], self.curve(outcome).spreads()
        if spreads.empty:
            return "What the answer depends on cannot be said."
        others = spreads.drop(index=EDGES, errors="ignore")
        moved = [_moved("which partly covered days count", *spreads.loc[EDGES])] if EDGES in spreads.index else []
        if len(others):
            widest = (others["max"] - others["min"]).idxmax()
            moved.append(_moved("the model or the counting", *others.loc[widest], note=f"most by {widest}, "))
        if len(claims) > 1:
            moved.append(_moved("whose window you believe", min(claims), max(claims)))
        answer = "answer" if any(effect.verdict != NOT_TESTABLE for effect in own) else "ratio, testable or not,"
        only = "" if len(claims) > 1 else " Only one window can be compared."
        return f"The {answer} depends {_on(moved)}; in brackets the range of the median ratio.{only}"

    def plot(self, ax=None):
        """Draw the first outcome's curve for the claim in question."""
        return self.curves[0].plot(ax)

    def record(self):
        """The curves as a notebook output that a batch can read back."""
        return EffectsRecord((*(curve.effect for curve in self.curves), *self.largest))


def _moved(what, low, high, note=""):
    return high - low, f"{what} ({note}{low:.2f} to {high:.2f})"


def _on(moved):
    """Join what moves the ratio by much, widest first, and what does not."""
    moved = sorted(moved, reverse=True)
    much = [text for width, text in moved if width >= LARGE]
    little = [text for width, text in moved if width < LARGE]
    if much:
        return f"on {' and on '.join(much)}" + (f", not on {' or on '.join(little)}" if little else "")
    return f"neither on {' nor on '.join(little)}" if len(little) > 1 else f"not on {little[0]}"


def assess_choices(pause_id, *, claim="main", outcomes=VOLUME, choices=CHOICES, level=0.95, registry=None, folder=None):
    """Estimate one announced pause under every combination of choices.

    Parameters
    ----------
    pause_id, claim, outcomes, level, registry, folder
        As in `assess`.
    choices : sequence of Choice
        As in `estimate_curve`.

    Returns
    -------
    Sensitivity

    Raises
    ------
    RegistryError, DataError
        As `assess`.
    DesignError
        More than 100 combinations.

    Examples
    --------
    >>> few = [choice for choice in CHOICES if choice.axis == "counting"]
    >>> found = assess_choices("easter-2025", outcomes=["drones_launched"], choices=few)
    >>> [effect.test for effect in found.record().effects]
    ['curve', 'curve', 'largest p']
    """
    registry = load_pauses() if registry is None else registry
    pause = get_pause(registry, pause_id)
    chosen = pause.claim(claim).id
    shared = {
        "exclude": not_ordinary(registry, besides=pause), "level": level,
        "salvo_days": salvo_days(load_strikes(folder=folder)["missiles_launched"]),
    }  # fmt: skip
    curves, largest, known = [], [], {}
    for name, outcome in product([chosen, *pause.other_claims(chosen)], outcomes):
        days, waiting = pause.days_to_test(name), pause.announced_days(name)
        windows = {rule: strike_days(*pause.claim(name).span, rule=rule) for rule in ("any", "whole")}
        series = _series_on_offer(outcome, folder)
        shared["announced"] = pause.first_announced_day(name)
        # a curve takes seconds, and claims often differ by hours that make no other strike day
        same = (outcome, *(tuple(part) for part in (days, waiting, *windows.values())))
        if same not in known:
            fitting = [choice for choice in choices if getattr(choice, "outcome", "") in ("", outcome)]
            found = estimate_curve(series["usual"], days, choices=fitting, series=series, windows=windows, **shared)
            known[same] = found
        keyed = replace(known[same].effect, pause=pause.id, claim=name)
        curves.append(replace(known[same], effect=keyed))
        if name == chosen:
            largest.append(replace(largest_p(series["usual"], days, **shared), pause=pause.id, claim=name))
    return Sensitivity(chosen, tuple(curves), tuple(largest))


def _series_on_offer(outcome, folder):
    """The ways to count an outcome that choices can name."""
    usual, entry = outcome_series(outcome, folder=folder), catalogue()[outcome]
    offered = {"usual": usual, "week_dropped": outcome_series(outcome, drop_last=LAST_WEEK, folder=folder)}
    if entry.strict_first_day:
        offered["strict_start"] = usual[entry.strict_first_day :]
    if entry.table == "strikes":
        weapon = entry.column.split("_")[0] + "_"
        variants = load_table("strike_variants", folder=folder).set_index("day").filter(regex=f"^{weapon}")
        for column, counts in variants.items():
            offered[column.removeprefix(weapon)] = counts.reindex(usual.index).rename(outcome)
    return offered


def largest_p(counts, days, *, exclude=(), announced=None, salvo_days=(), level=0.95):
    """Test a window with its start and end moved by up to a day, and keep the least favourable result.

    The largest p-value is valid however the window was picked among these, and conservative; the smallest would be
    below 5 % more often than in 5 % of true nulls.

    Parameters
    ----------
    counts, days, exclude, announced, salvo_days, level
        As in `estimate_effect`.

    Returns
    -------
    PauseEffect
        That of the window with the largest p-value; its test is "largest p", its `p_min` the largest too.
    """
    moved = [pd.date_range(days[0] + s * ONE_DAY, days[-1] + e * ONE_DAY) for s, e in product((-1, 0, 1), repeat=2)]
    effects = [
        estimate_effect(counts, window, exclude=exclude, announced=announced, salvo_days=salvo_days, level=level)
        for window in moved if len(window)
    ]  # fmt: skip
    worst = max(effects, key=lambda effect: (effect.p_value is None, effect.p_value))
    reason = f"largest p of {len(effects)} windows with start and end moved by up to a day: {days_phrase(worst)}"
    if worst.p_value is None:
        return replace(worst, stratum=STRATUM, test="largest p", reason=f"{worst.reason}; {reason}")
    p_min = max(effect.p_min for effect in effects)
    testable = p_min <= worst.alpha
    if not testable:
        silent = sum(not effect.testable for effect in effects)
        reason = f"in {silent} of {len(effects)} windows moved by up to a day even total silence is ordinary; {reason}"
    cut = worst.smallest_visible_cut if testable else None
    found = {"p_min": p_min, "testable": testable, "smallest_visible_cut": cut, "reason": f"{reason}; {worst.reason}"}
    return decide(replace(worst, stratum=STRATUM, test="largest p", **found))
