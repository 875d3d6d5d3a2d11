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

from analysis.campaigns import BY_DAYS, STEPS, WEEK, estimate_steps, every_day, place_window
from analysis.effect import NATIONAL, Answer, PauseEffect, as_markdown
from analysis.energy_words import (
    DETAILS,
    all_readings,
    found,
    raids_by_days,
    readings_table,
    spared,
    spared_by_ukraine,
    speaks,
    step_found,
    week_by_week,
    who_coded,
)
from analysis.estimate import estimate_effect
from analysis.measures import (
    DIGEST_BESIDE,
    MEASURES,
    SHIPPED,
    WEEKS_AROUND,
    Corners,
    bound_energy,
    coded_by,
    decide_by_bounds,
    energy_days,
    estimate_energy,
    measure_of,
)
from analysis.pauses import Pause, load_pauses, reported_pauses
from analysis.setting import Findings, Registry, Setting, set_up
from analysis.tables import load_table, outcome_series, outcomes
from analysis.windows import ONE_DAY, RECOVERY_SHORT, Day
from analysis.words import DEPENDS, NOT_TESTABLE, capital, finding, listed

BEFORE, AFTER = "disputed-start", "disputed-end"
PLACED = ("digest", "raids")  # measures whose readings have gaps: their windows are placed among readings
ROWS = {"digest": {"Ukraine, rear": None, "Ukraine": NATIONAL, "Russia": "Russia"}, "raids": {"raids": None}}
READINGS = {"drones_claimed_by_russia": "left out", "drones_named_by_russia": "counted as none"}


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
    first = next((row for row in rows if row.observed is not None and row.stratum == NATIONAL), rows[0])
    others = [row for row in rows if row is not first]
    told = {way: row.verdict for way, row in found.items() if row.p_value is not None or row.stratum == NATIONAL}
    if len(set(told.values())) > 1:
        why = ", ".join(f"{verdict} {way}" for way, verdict in told.items())
        first = replace(first, verdict=DEPENDS, reason=f"{why}; {first.reason}")
    return [first, *others]


@dataclass(frozen=True, repr=False)
class EnergyAssessment(Findings):
    """What the measures say about energy in one pause, and whether the other side held back.

    `effects` are energy by measure, place and claim, then the Ukrainian drones that Russia says it shot down; `corners`
    has the bounds of each measure's main series; `weeks` are the declarations week by week; `claimed` has the attacks
    on Russian energy that only the Russian ministry names, by day.
    """

    measures: tuple[str, ...]
    corners: dict[str, Corners]
    weeks: pd.DataFrame
    claimed: pd.Series
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

    def speaking(self) -> list[str]:
        """The measures that can read this pause, the most important one first."""
        return [measure for measure in self.measures if speaks(self.select(measure))]

    def steps(self, measure: str, stratum: str | None = None) -> list[PauseEffect]:
        """Inside against before, and after against inside; none for a pause shorter than two weeks."""
        named = MEASURES[measure]
        rows = [effect for window in STEPS for effect in self.pick(stratum=stratum or named.place, window=window)]
        return [effect for effect in rows if measure_of(effect) == named]

    def headline(self) -> str:
        """Whether energy was spared, in one sentence."""
        led = next(iter(self.speaking()), None)
        effect = None if led is None else self.select(led)
        return spared(self.pause.phrase, effect, self.steps(led) if led else [], self.coders)

    def summary(self) -> str:
        """Whether energy was spared, on both sides, then each measure that can speak, and the rest (Markdown)."""
        parts = [f"**{self.headline()}**", self.mutual(), *(self.say(measure) for measure in self.speaking())]
        mute = [MEASURES[measure].title for measure in self.measures if measure not in self.speaking()]
        weeks = week_by_week(self.weeks) if "declared" in self.measures else ""
        cannot = f"Cannot read the days of this pause: {listed(mute)}." if mute else ""
        return "\n\n".join(filter(None, [*parts, weeks, cannot]))

    def say(self, measure: str) -> str:
        """What one measure found, how sure it is, and what it misses (Markdown)."""
        effect = self.select(measure)
        told = [f"**{capital(MEASURES[measure].title)}.** {found(effect)}", step_found(self.steps(measure))]
        if measure == "raids":
            told.append(raids_by_days(self.select(measure, test=BY_DAYS)))
        told.append(f"({capital(coded)}.)" if (coded := who_coded(effect, self.coders)) else "")
        return " ".join(filter(None, told))

    def table(self) -> pd.DataFrame:
        """Each measure that can read the pause: what was seen, what is usual, what it could have shown, how sure."""
        heard = [MEASURES[measure] for measure in self.speaking()]
        own = [effect for effect in self._main() if effect.p_value is not None and measure_of(effect) in heard]
        asked = [("pause", "shift"), *((window, "step") for window in STEPS)]
        return readings_table([e for key in asked for e in own if (e.claim, e.window, e.test) == (self.claim, *key)])

    def by_claim(self) -> pd.DataFrame:
        """The main series under each party's window, and on the days in dispute; what cannot be read is left out."""
        rows = [effect for effect in self._main() if effect.test == "shift" and effect.observed is not None]
        keys = {name: [getattr(effect, name) for effect in rows] for name in ("claim", "window")}
        keys |= {"days": [_span(e) for e in rows], "read": [f"{e.n_days - e.n_missing} of {e.n_days}" for e in rows]}
        return readings_table(rows, keys).drop(columns="could have shown")

    def _main(self) -> list[PauseEffect]:
        main = {(measure.outcome, measure.place) for measure in MEASURES.values()} | DIGEST_BESIDE
        return [effect for effect in self.effects if (effect.outcome, effect.stratum) in main]

    def bounds(self) -> pd.DataFrame:
        """The main series if the open days, inside and outside, were all without a hit or all with one: no findings."""
        corners = [(*ways, e) for own in self.corners.values() for ways, e in own.items() if e.p_value is not None]
        inside, outside, rows = zip(*corners, strict=True) if corners else ((), (), ())
        ways = {"open days inside": inside, "open days outside": outside}
        return readings_table(rows, ways).drop(columns=["could have shown", "how sure"])

    def details(self) -> str:
        """Whose window, what if the open days were known, and what officials said, where there is any (Markdown)."""
        tables = {"by_claim": self.by_claim(), "bounds": self.bounds()}
        shown = {name: as_markdown(table) for name, table in tables.items() if len(table)}
        return "\n\n".join(f"{DETAILS[name]}\n\n{text}" for name, text in (shown | {"said": self.said()}).items())

    def reciprocity(self) -> PauseEffect:
        """The deciding effect on Ukrainian drones that Russia says it shot down."""
        return next(effect for effect in self.pick() if effect.outcome in READINGS)

    def mutual(self) -> str:
        """Whether the other side held back: by the daily list where it reads the pause, else by Russia's count."""
        if "digest" in self.speaking():
            russian = self.select("digest", "Russia")
            return spared_by_ukraine(russian, self.steps("digest", "Russia"), self.claimed)
        quiet = " A night without a post may be one without drones, or a gap." * (self.reciprocity().verdict == DEPENDS)
        return f"{finding(self.reciprocity())}{quiet} The count is Russia's own and says nothing about targets."

    def plot(self, ax: Any = None) -> Any:
        """Draw the days of the first measure that can speak; of the daily list, both sides."""
        from analysis.figures import draw_series, draw_words
        from analysis.strips import draw_rows

        led = next(iter(self.speaking()), None)
        if led is None:
            return draw_words("no measure can read this pause", ax=ax)
        if led in PLACED:
            days, margin, marks = self.pause.days(self.claim), 7 * WEEKS_AROUND * ONE_DAY, []
            for words, place in ROWS[led].items():
                read = self.select(led, place).daily.dropna(subset=["observed"])
                near = read[read["day"].between(days[0] - margin, days[-1] + margin)]
                marks.append(near.assign(row=words, hit=near["observed"] > 0))
            span = pd.DataFrame({"first_day": days[:1], "last_day": days[-1:]})
            return draw_rows(pd.concat(marks), span, rows=list(ROWS[led]), title=capital(MEASURES[led].title), ax=ax)
        ax = draw_series(self.select(led).daily, label=MEASURES[led].short, title=capital(MEASURES[led].title), ax=ax)
        ax.set_xlabel("strike day" if led == "coded" else "day of the report")
        return ax


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
    paused = sorted(setting.busy | set(every_day(setting.pause)))
    effects, corners = [], {}
    for measure in measures:
        frames = energy_days(measure, folder=folder)
        main = MEASURES[measure].place
        for ((outcome, place), frame), (party, window, days, announced) in product(frames.items(), windows):
            if window != "pause" and place != main:
                continue
            options, key = shared | {"announced": announced}, {"claim": party, "window": window, "stratum": place}
            asked = party == setting.claim and place == main
            if measure in PLACED:
                near = pd.date_range(announced or days[0], days[-1] + RECOVERY_SHORT * ONE_DAY)
                shut = shared | {"exclude": setting.exclude.union(near)}
                effect = place_window(frame, days, outcome, **shut)
                if measure == "raids" and window == "pause":
                    effects.append(setting.keyed(place_window(frame, days, outcome, by_days=True, **shut), **key))
            else:
                effect = estimate_energy(frame, days, outcome, **options)
                if asked or effect.verdict != NOT_TESTABLE:
                    ways = bound_energy(frame, days, outcome, **options)
                    effect = decide_by_bounds(effect, ways)
            if asked and measure not in PLACED:
                corners[measure] = ways
                beside = estimate_energy(frame, days, outcome, same_weekday=True, **options)
                companion = replace(beside, reason=f"companion, not deciding; {beside.reason}")
                effects.append(setting.keyed(companion, **key))
            effects.append(setting.keyed(effect, **key))
            if window == "pause" and len(days) >= 2 * WEEK and (place == main or measure in PLACED):
                steps = estimate_steps(frame, days, outcome, exclude=paused, announced=announced, level=level)
                effects += [setting.keyed(step, claim=party, stratum=place) for step in steps]
    for party, window, days, announced in windows:
        if window == "pause":
            own = party == setting.claim
            rows = estimate_reciprocity(days, announced=announced, both_starts=own, folder=folder, **shared)
            effects += [setting.keyed(row, claim=party) for row in rows]
    claimed = load_table("energy_digest", folder=folder).set_index("day")["mod_claims"].dropna()
    return EnergyAssessment(
        setting.pause,
        setting.claim,
        tuple(effects),
        measures=tuple(measures),
        corners=corners,
        weeks=_weeks(load_table("energy_declared", folder=folder), [day for _, _, days, _ in windows for day in days]),
        claimed=claimed[claimed.index.isin(setting.pause.days(setting.claim))],
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

    `names` has the id and name of each pause, `promised` what those that promised something about energy had in mind.
    """

    names: dict[str, str]
    promised: dict[str, str]
    effects: tuple[PauseEffect, ...]

    def summary(self) -> str:
        """What the readings could show and did (Markdown)."""
        return all_readings(self.effects)

    def table(self) -> pd.DataFrame:
        """A row for each pause that promised something about energy: how many measures speak, and the first of them."""
        rows = {}
        for pause, what in self.promised.items():
            own = [effect for effect in self.effects if effect.pause == pause]
            able = [effect for effect in own if speaks(effect)]
            first = readings_table(able[:1]).reset_index().astype(object)
            shown = first.iloc[0] if len(first) else pd.Series("–", first.columns)
            heard = {"promised to spare": what, "measures that can speak": f"{len(able)} of {len(own)}"}
            rows[self.names[pause]] = heard | shown.drop("could have shown").to_dict()
        return pd.DataFrame.from_dict(rows, orient="index").rename_axis("pause")

    side_by_side = table


def compare_energy(results: pd.DataFrame, *, registry: Registry | None = None) -> EnergyOverview:
    """Set the energy rows of the record side by side.

    Parameters
    ----------
    results : DataFrame
        As from `load_results`.
    registry : mapping of Pause, optional

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
    recorded = recorded[recorded["claim"] == recorded["pause"].map({name: p.main for name, p in pauses.items()})]
    effects = []
    for measure in MEASURES.values():
        rows = recorded[(recorded["outcome"] == measure.outcome) & (recorded["stratum"] == measure.place)]
        effects += sorted(map(_effect, rows.to_dict("records")), key=lambda effect: effect.first_day)
    held = {effect.pause for effect in effects}
    names = {name: pause.name for name, pause in pauses.items() if name in held}
    promised = {name: what for name in names if (what := _promise(pauses[name]))}
    return EnergyOverview(names, promised, tuple(effects))


def _promise(pause: Pause) -> str:
    """What a pause promised about energy, in words; nothing where it did not."""
    return "energy" if "energy" in pause.targets else "everything" if "all-hostilities" in pause.targets else ""


def _effect(row: Mapping[str, Any]) -> PauseEffect:
    values = {name: None if pd.isna(value) else value for name, value in row.items()}
    days = {name: date.fromisoformat(value) for name, value in values.items() if name.endswith("_day") and value}
    return PauseEffect(**values | days)


def _span(effect: PauseEffect) -> str:
    return "–".join(dict.fromkeys(f"{day.day}\u00a0{day:%b}" for day in (effect.first_day, effect.last_day)))
