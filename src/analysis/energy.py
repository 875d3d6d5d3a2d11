"""One pause and energy: was it spared, by each measure, and did the other side hold back too?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from analysis.effect import NATIONAL, Answer, PauseEffect, shown
from analysis.energy_words import (
    WITNESSES,
    agreement,
    all_readings,
    beside_the_test,
    days_with_hits,
    found,
    not_read,
    speaks,
    week_by_week,
)
from analysis.errors import DesignError
from analysis.estimate import estimate_effect
from analysis.expected import Floats
from analysis.launches import NIGHTS_AROUND
from analysis.measures import (
    MEASURES,
    SHIPPED,
    WEEKS_AROUND,
    Corners,
    bound_energy,
    coded_by,
    days_around,
    decide_by_bounds,
    energy_days,
    estimate_energy,
    measure_of,
)
from analysis.pauses import load_pauses, reported_pauses
from analysis.placebo import SAME_WEEKDAY
from analysis.setting import Findings, Registry, Setting, set_up
from analysis.tables import load_strikes, load_table, outcome_series, outcomes
from analysis.windows import ONE_DAY, Day
from analysis.words import DEPENDS, NOT_TESTABLE, amount, capital, finding

BEFORE, AFTER = "disputed-start", "disputed-end"
READINGS = {"drones_claimed_by_russia": "left out", "drones_named_by_russia": "counted as none"}


def fit_firth(design: pd.DataFrame, outcome: Sequence[float], *, held: Sequence[str] = ()) -> tuple[pd.Series, float]:
    """Coefficients (log-odds) and penalised likelihood l(b) + 0.5 log |X'WX| of Firth (1993), terms `held` at 0.

    >>> design = pd.DataFrame({"level": 1.0, "pause": [0.0, 0, 0, 1]})
    >>> fit_firth(design, [1, 1, 1, 0])[0].round(4).tolist()  # every cell of the table gets half a case
    [1.9459, -3.0445]
    """
    from scipy.optimize import minimize

    X, y, free = design.to_numpy(float), np.asarray(outcome, float), ~design.columns.isin(held)
    if not np.isin(y, [0, 1]).all() or not np.isfinite(X).all() or np.linalg.matrix_rank(X) < X.shape[1]:
        raise DesignError("not a logistic regression", expected="outcomes of 0 and 1, complete terms that differ")

    def objective(values: Floats) -> tuple[float, Floats]:
        eta = X[:, free] @ values
        mean = 1 / (1 + np.exp(-eta))
        weight = mean * (1 - mean)
        information = (X * weight[:, None]).T @ X
        leverage = weight * np.einsum("ij,ji->i", X, np.linalg.solve(information, X.T))
        likelihood = (y * eta - np.logaddexp(0, eta)).sum() + 0.5 * np.linalg.slogdet(information)[1]
        return -likelihood, -X[:, free].T @ (y - mean + leverage * (0.5 - mean))

    found = minimize(objective, np.zeros(free.sum()), jac=True, options={"gtol": 1e-9})
    if np.abs(found.jac).max() > 1e-5:
        raise DesignError("the penalised regression does not converge", expected="terms of a similar scale")
    return pd.Series(found.x, design.columns[free]), -float(found.fun)


def firth_test(design: pd.DataFrame, outcome: Sequence[float], term: str) -> tuple[float, float]:
    """Penalised likelihood ratio of one term (Heinze and Schemper 2002) and its p-value on one degree of freedom."""
    from scipy.stats import chi2

    statistic = 2 * (fit_firth(design, outcome)[1] - fit_firth(design, outcome, held=[term])[1])
    return statistic, float(chi2.sf(statistic, 1))


def regress_any_hit(effect: PauseEffect, launched: pd.Series) -> dict[str, float] | None:
    """Firth's logit of any hit on being inside, given the drones of the day; None where a side has no known day."""
    days = effect.daily[effect.daily["role"].isin(["window", "baseline"])].set_index("day")
    days = days.assign(launched=np.log1p(launched.reindex(days.index))).dropna(subset=["observed", "launched"])
    inside = (days["role"] == "window").astype(float)
    design = pd.DataFrame({"level": 1.0, "inside": inside, "launched": days["launched"] - days["launched"].mean()})
    if inside.nunique() < 2 or np.linalg.matrix_rank(design) < 3:
        return None
    statistic, p_value = firth_test(design, days["observed"], "inside")
    odds, without = np.exp(fit_firth(design, days["observed"])[0]["inside"]), (days["observed"] == 0).sum()
    numbers = {"odds_ratio": float(odds), "statistic": statistic, "p_value": p_value}
    return {"n_days": len(days), "without_hit": int(without), **numbers}


def estimate_reciprocity(
    days: pd.DatetimeIndex,
    *,
    exclude: Sequence[Day] = (),
    announced: Day | None = None,
    level: float = 0.95,
    both_starts: bool = True,
    folder: Path | None = None,
) -> list[PauseEffect]:
    """Test the Ukrainian drones that Russia says it shot down, under every way to read a night without a post.

    The deciding row comes first; where the rows differ, it depends on a choice. `both_starts`: also from the stricter
    start of the series.
    """
    found, options = {}, {"exclude": exclude, "announced": announced, "level": level}
    for name, reading in READINGS.items():
        series, start = outcome_series(name, drop_last=0, folder=folder), outcomes()[name].strict_first_day
        usual = estimate_effect(series, days, **options)
        found[f"if nights without a post are {reading}"] = usual
        first = usual.baseline_first_day
        if both_starts and usual.p_value is not None and first < pd.Timestamp(start).date() < usual.first_day:
            strict = replace(estimate_effect(series, days, first_day=start, **options), stratum=f"from {start}")
            found[f"if they are {reading} and the baseline begins on {start}"] = strict
    rows = list(found.values())
    chosen = next((i for i, row in enumerate(rows) if row.observed is not None and row.stratum == NATIONAL), 0)
    told = {way: row.verdict for way, row in found.items() if row.p_value is not None or row.stratum == NATIONAL}
    if len(set(told.values())) > 1:
        why = ", ".join(f"{verdict} {way}" for way, verdict in told.items())
        rows[chosen] = replace(rows[chosen], verdict=DEPENDS, reason=f"{why}; {rows[chosen].reason}")
    return [rows[chosen], *rows[:chosen], *rows[chosen + 1 :]]


@dataclass(frozen=True, repr=False)
class EnergyAssessment(Findings):
    """What the measures say about energy in one pause, and whether the other side held back.

    `effects` are energy by measure, place and claim, then the Ukrainian drones that Russia says it shot down; `series`
    has the main daily series of each measure, `corners` its bounds; `weeks` are the declarations week by week.
    """

    measures: tuple[str, ...]
    series: dict[str, pd.DataFrame]
    corners: dict[str, Corners]
    regression: dict[str, float] | None
    weeks: pd.DataFrame
    launched: pd.Series
    coders: str

    def select(
        self,
        measure: str,
        stratum: str | None = None,
        *,
        claim: str | None = None,
        window: str = "pause",
        test: str = "shift",
    ) -> PauseEffect:
        """The effect of one measure, in its main place unless another is named."""
        named = MEASURES[measure]
        rows = self.pick(stratum=stratum or named.place, claim=claim, window=window, test=test)
        return next(effect for effect in rows if measure_of(effect) == named)

    def summary(self) -> str:
        """Whether the measures agree, then each of them in its own paragraph (Markdown)."""
        return "\n\n".join([self.agreement(), *(self.say(measure) for measure in self.measures)])

    def agreement(self) -> str:
        """Whether the measures agree, and why their agreement would prove little (Markdown)."""
        return f"**In short.** {agreement([self.select(measure) for measure in self.measures])} {WITNESSES}"

    def say(self, measure: str) -> str:
        """What one measure found, how sure it is, and what it misses (Markdown)."""
        effect = self.select(measure)
        told = [f"**{capital(MEASURES[measure].title)}.** {found(effect)}"]
        if measure == "declared":
            told.append(self.declared())
        if measure == "coded" and effect.observed is not None:
            told.append(days_with_hits(self.select(measure, NATIONAL), self.coders))
        told.append(not_read(*days_around(self.series[measure], self.pause.days(self.claim))))
        return " ".join(filter(None, told))

    def declared(self) -> str:
        """What Russia named first week by week, in words: description, not a test."""
        return week_by_week(self.weeks)

    def table(self) -> pd.DataFrame:
        """Each measure and place: what was seen, what is usual, and what the test could have shown at best."""
        rows = [e for e in self._readable() if (e.claim, e.window) == (self.claim, "pause")]
        roles = {"share inside": "window", "share outside": "baseline"}
        shares = {name: [_share(effect, role) for effect in rows] for name, role in roles.items()}
        return table_of(rows, {"place": [effect.stratum for effect in rows], **shares})

    inside_and_outside = table

    def by_claim(self) -> pd.DataFrame:
        """The main series under each party's window, and on the days in dispute."""
        rows = [e for e in self._readable() if (e.outcome, e.stratum) == (measure_of(e).outcome, measure_of(e).place)]
        keys = {name: [getattr(effect, name) for effect in rows] for name in ("claim", "window")}
        return table_of(rows, {**keys, "days": [_span(e) for e in rows], "read": [_days_read(e) for e in rows]})

    def bounds(self) -> pd.DataFrame:
        """The main series if the open days, inside and outside, were all without a hit or all with one."""
        corners = [(*ways, e) for own in self.corners.values() for ways, e in own.items() if e.p_value is not None]
        inside, outside, rows = zip(*corners, strict=True) if corners else ((), (), ())
        return table_of(rows, {"open days inside": inside, "open days outside": outside})

    def _readable(self) -> list[PauseEffect]:
        """The energy effects of measures that can read at least one day of some window, companions left out."""
        energy = [effect for effect in self.effects if measure_of(effect) and effect.test == "shift"]
        read = {measure_of(effect) for effect in energy if effect.observed is not None}
        return [effect for effect in energy if measure_of(effect) in read]

    def companions(self) -> str:
        """The same weekdays of other weeks, and the penalised regression: beside the test, never instead of it."""
        return beside_the_test(self.select(self.measures[0], test=SAME_WEEKDAY), self.regression)

    def reciprocity(self) -> PauseEffect:
        """The deciding effect on Ukrainian drones that Russia says it shot down."""
        return next(effect for effect in self.pick() if effect.outcome in READINGS)

    def mutual(self) -> str:
        """Whether the other side held back, by Russia's count, in words."""
        quiet = " A night without a post may be one without drones, or a gap." * (self.reciprocity().verdict == DEPENDS)
        return f"{finding(self.reciprocity())}{quiet} The count is Russia's own and says nothing about targets."

    def nights(self) -> pd.DataFrame:
        """Night by night around the pause: drones at Ukraine, and Ukrainian drones that Russia says it shot down."""
        days, margin = self.pause.days(self.claim), NIGHTS_AROUND * ONE_DAY
        around = pd.date_range(days[0] - margin, days[-1] + margin)
        claimed = next(e for e in self.effects if e.outcome == next(iter(READINGS))).daily.set_index("day")["observed"]
        table = pd.DataFrame({"launched at Ukraine": self.launched, "Ukrainian, shot down": claimed}).reindex(around)
        table = table.map(lambda count: amount(count) if pd.notna(count) else "–")
        table.insert(0, "in pause", ["yes" if inside else "" for inside in around.isin(days)])
        return table.set_axis(around.strftime("%Y-%m-%d").rename("day"))

    def plot(self, measure: str | None = None, ax: Any = None) -> Any:
        """Draw the main daily series of one measure, the first by default."""
        from analysis.figures import draw_series, draw_words

        measure = measure or self.measures[0]
        daily, named = self.select(measure).daily, MEASURES[measure]
        if daily["observed"].isna().all():
            return draw_words(f"{capital(named.title)}: no day around this pause can be read", ax=ax)
        ax = draw_series(daily, label=named.short, title=capital(named.title), ax=ax)
        ax.set_xlabel("strike day" if measure == "coded" else "day of the report")
        return ax

    def plot_placebo(self, measure: str, ax: Any = None) -> Any:
        """Draw where the pause lies among all windows of its length."""
        ax = self.select(measure).plot_placebo(ax)
        ax.set_xlabel(f"{MEASURES[measure].short}: seen / usual (1 = as usual)")
        return ax

    def plot_mutual(self, ax: Any = None) -> Any:
        """Draw the Ukrainian drones that Russia says it shot down."""
        from analysis.figures import draw_series

        return draw_series(self.reciprocity().daily, label="Ukrainian drones shot down", title="Russia's count", ax=ax)

    def describe(self, measure: str) -> str:
        """Alternative text for `plot` and `plot_placebo`."""
        effect = self.select(measure)
        return f"{capital(MEASURES[measure].many)}, {effect.n_placebo} comparable windows. {found(effect)}"


def assess_energy(
    pause_id: str,
    *,
    claim: str = "main",
    measures: Sequence[str] = SHIPPED,
    level: float = 0.95,
    registry: Registry | None = None,
    folder: Path | None = None,
) -> EnergyAssessment:
    """Ask whether energy was spared during one announced pause, and whether the other side held back.

    Parameters
    ----------
    pause_id, claim, level, registry, folder
        As in `assess`.
    measures : sequence of str
        Keys of `MEASURES`, the most important one first.

    Returns
    -------
    EnergyAssessment
        Rows for every claim that states a window (window "pause"), and for the days that another party counts in
        before the claim's start or after its end ("disputed-start", "disputed-end"; main place only).

    Raises
    ------
    RegistryError, DataError
        As `assess`.
    DesignError
        Unknown measure.

    Examples
    --------
    >>> found = assess_energy("cold-week-pause-2026-01", measures=["coded"])
    >>> found.select("coded").verdict, found.select("coded").n_missing
    ('not testable', 0)
    """
    setting = set_up(pause_id, claim=claim, level=level, registry=registry, folder=folder)
    windows, shared = list(_windows(setting)), {"exclude": setting.exclude, "level": level}
    launched, weekly = load_strikes(folder=folder)["drones_launched"], load_table("energy_declared", folder=folder)
    effects, series, corners, regression = [], {}, {}, None
    for measure in measures:
        frames = energy_days(measure, folder=folder)
        (_, main), series[measure] = next(iter(frames.items()))
        for ((outcome, place), frame), (party, window, days, announced) in product(frames.items(), windows):
            if window != "pause" and place != main:
                continue
            options, key = shared | {"announced": announced}, {"claim": party, "window": window, "stratum": place}
            effect = estimate_energy(frame, days, outcome, **options)
            asked = party == setting.claim and place == main
            if asked or effect.verdict != NOT_TESTABLE:
                ways = bound_energy(frame, days, outcome, **options)
                effect = decide_by_bounds(effect, ways)
            if asked:
                corners[measure] = ways
                beside = estimate_energy(frame, days, outcome, same_weekday=True, **options)
                companion = replace(beside, reason=f"companion, not deciding; {beside.reason}")
                effects.append(setting.keyed(companion, **key))
            if party == setting.claim and outcome == "energy_coded_any_hit":
                regression = regress_any_hit(effect, launched)
            effects.append(setting.keyed(effect, **key))
    for party, window, days, announced in windows:
        if window == "pause":
            own = party == setting.claim
            rows = estimate_reciprocity(days, announced=announced, both_starts=own, folder=folder, **shared)
            effects += [setting.keyed(row, claim=party) for row in rows]
    return EnergyAssessment(
        setting.pause,
        setting.claim,
        tuple(effects),
        measures=tuple(measures),
        series=series,
        corners=corners,
        regression=regression,
        weeks=_weeks(weekly, [day for _, _, days, _ in windows for day in days]),
        launched=launched,
        coders=coded_by(folder=folder),
    )


def _windows(setting: Setting) -> Iterator[tuple[str, str, pd.DatetimeIndex, Day | None]]:
    """Claim, name, days and announcement of every window, the chosen claim's first; then what others count in."""
    pause, own = setting.pause, setting.pause.days(setting.claim)
    for claim in setting.claims:
        days = pause.days(claim)
        yield claim, "pause", days, pause.first_announced_day(claim)
        for name, excess in ((BEFORE, days[days < own[0]]), (AFTER, days[days > own[-1]])):
            if len(excess):
                yield claim, name, excess, None


def _weeks(declared: pd.DataFrame, days: Sequence[pd.Timestamp]) -> pd.DataFrame:
    """Weekly declarations around a pause by the widest of its windows."""
    first, last, margin = min(days), max(days), 7 * WEEKS_AROUND * ONE_DAY
    weeks = declared[declared["period"] == "week"]
    weeks = weeks[(weeks["last_day"] >= first - margin) & (weeks["first_day"] <= last + margin)]
    when = np.select([weeks["last_day"] < first, weeks["first_day"] > last], ["before", "after"], "during")
    named, ends = weeks["target_class"].str.replace("_", " "), weeks["last_day"].dt.strftime("%Y-%m-%d")
    return pd.DataFrame({"pause": when, "named first": named}).set_axis(ends.rename("week to"))


@dataclass(frozen=True, repr=False)
class EnergyOverview(Answer):
    """The main series of each measure in each reported pause, as recorded: main claim, deciding test, no daily frames.

    `names` has the id and name of each pause, `trials` for each effect what the hits of its days are counted among.
    """

    names: dict[str, str]
    effects: tuple[PauseEffect, ...]
    trials: tuple[float, ...]

    def summary(self) -> str:
        """What the readings could show and did, whether those of one pause agree, why others are mute (Markdown)."""
        return all_readings(self.effects, self.names)

    def table(self) -> pd.DataFrame:
        """The readings that speak: share inside and outside, verdict, and what could have been seen."""
        rows = [(e, n) for e, n in zip(self.effects, self.trials, strict=True) if speaks(e)]
        first = {
            "pause": [self.names[effect.pause] for effect, _ in rows],
            "days read": [_days_read(effect) for effect, _ in rows],
            "share inside": [f"{effect.observed / n:.0%}" for effect, n in rows],
            "share outside": [f"{effect.expected / n:.0%}" for effect, n in rows],
        }
        return table_of([effect for effect, _ in rows], first, last=("smallest_visible_cut", "verdict"))

    side_by_side = table


def compare_energy(
    results: pd.DataFrame, *, registry: Registry | None = None, folder: Path | None = None
) -> EnergyOverview:
    """Set the energy rows of the record side by side.

    Parameters
    ----------
    results : DataFrame
        As from `load_results`.
    registry : mapping of Pause, optional
    folder : path, optional
        Folder of tables: the record has no denominators.

    Returns
    -------
    EnergyOverview
        Of the reported pauses that the record holds, in the order of the registry.

    Examples
    --------
    >>> from analysis.record import load_results
    >>> len(compare_energy(load_results()).names)
    9
    """
    pauses = {pause.id: pause for pause in reported_pauses(load_pauses() if registry is None else registry)}
    recorded = results[(results["window"] == "pause") & (results["test"] == "shift")]
    recorded = recorded[recorded["claim"] == recorded["pause"].map({name: own.main for name, own in pauses.items()})]
    effects, trials = [], []
    for name, measure in MEASURES.items():
        rows = recorded[(recorded["outcome"] == measure.outcome) & (recorded["stratum"] == measure.place)]
        days = energy_days(name, folder=folder)[measure.outcome, measure.place]["trials"] if len(rows) else None
        found = sorted(map(_effect, rows.to_dict("records")), key=lambda effect: effect.first_day)
        effects += found
        trials += [days[str(effect.first_day) : str(effect.last_day)].sum() for effect in found]
    held = {effect.pause for effect in effects}
    names = {name: pause.name for name, pause in pauses.items() if name in held}
    return EnergyOverview(names, tuple(effects), tuple(trials))


def _effect(row: Mapping[str, Any]) -> PauseEffect:
    """A finding from its row in the record."""
    values = {name: None if pd.isna(value) else value for name, value in row.items()}
    days = {name: date.fromisoformat(value) for name, value in values.items() if name.endswith("_day") and value}
    return PauseEffect(**values | days)


def table_of(
    effects: Sequence[PauseEffect], first: Mapping[str, Sequence[Any]], *, last: Sequence[str] = ("verdict",)
) -> pd.DataFrame:
    """Effects for readers, a row an effect, by measure: the columns given first, the numbers, the last fields."""
    names = {"observed": "seen", "expected": "usual", "p value": "p", "p min": "p at best"}
    numbers = shown(effects, "outcome", "observed", "expected", "p_value", "p_min", *last).rename(columns=names)
    titles = pd.Index([measure_of(effect).title for effect in effects], name="measure")
    return pd.concat([pd.DataFrame(first, index=titles), numbers.set_axis(titles)], axis=1)


def _share(effect: PauseEffect, role: str) -> str:
    """Share of hits on the days of one role, in per cent."""
    days = effect.daily[effect.daily["role"] == role].dropna(subset=["observed"])
    tested = len(days) and effect.p_value is not None
    return f"{days['observed'].sum() / days['trials'].sum():.1%}" if tested else "–"


def _span(effect: PauseEffect) -> str:
    """First and last day in few characters."""
    return "–".join(dict.fromkeys(f"{day.day}\u00a0{day:%b}" for day in (effect.first_day, effect.last_day)))


def _days_read(effect: PauseEffect) -> str:
    return f"{effect.n_days - effect.n_missing}\u00a0of\u00a0{effect.n_days}"


# --- words: effects in, text out ---
