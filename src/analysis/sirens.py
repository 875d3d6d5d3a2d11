"""One pause and the sirens: where they sounded, and where not. Whole strike days are counted, as launches are.

Alerts become shorter and more local, so their level is comparable within about a quarter only, and without trend.
"""

from __future__ import annotations

import json
from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from analysis.effect import PauseEffect, as_markdown, shown
from analysis.errors import DesignError
from analysis.estimate import estimate_effect
from analysis.figures import region_label
from analysis.pauses import load_pauses
from analysis.placebo import window_sums
from analysis.series import OURS
from analysis.setting import SIRENS, VOLUME, Findings, Registry, Setting, not_ordinary, set_up
from analysis.tables import data_folder, load_strikes, load_table
from analysis.windows import ONE_DAY, Day, check_window
from analysis.words import FEWER, MORE, NOT_TESTABLE, capital, days_text, finding

QUARTER = 90  # days before and after a window within which levels are comparable
FEWEST_WINDOWS = 30  # separate windows in the baseline; with 10 to 20 of them 7 to 12 % of true nulls are rejected
MOSTLY_USABLE = 0.9
QUIET = 0.1  # in the quietest tenth of windows, distant regions keep less of their usual share anyway
LEAST = 0.01  # minutes: a day on which all others were silent is a report, not a gap
MINUTES, TAKEOFFS = "alert_minutes", "takeoff_alarms"
WITHOUT, RELATIVE_MINUTES = f"{MINUTES}_without_takeoffs", f"relative_{MINUTES}"
DISPLACED = "These others may themselves have received displaced strikes, which makes a fall look larger."
GROUPS = {"rear": "the regions away from the front", "front": "the regions near the front", "all": "all regions"}
RULE = "accept_judged_zeros"
MOST = 200  # drones a day: beyond, nobody would call them hidden
PARTS = {"evening_minutes": "sirens 18-24", "night_minutes": "00-09", "day_minutes": "09-18"}


def alert_minutes(*, takeoffs: bool = True, folder: Path | None = None) -> pd.DataFrame:
    """Minutes under alert by strike day and region.

    Parameters
    ----------
    takeoffs : bool
        Whether the nationwide alarms that look like the take-off of a MiG-31K count.

    Returns
    -------
    DataFrame
        Indexed by day, a column a region; NaN where the alerts of the region are not usable.

    Examples
    --------
    >>> alert_minutes().loc["2025-04-20", ["Kyiv City", "Lviv"]].tolist()
    [15.0, 0.0]
    """
    alerts = load_table("alerts", folder=folder)
    minutes = alerts["minutes"] - (0 if takeoffs else alerts["mig31k_minutes"])
    return alerts.assign(minutes=minutes.where(alerts["usable"])).pivot(index="day", columns="oblast", values="minutes")


def find_region(name: str, oblasts: pd.DataFrame) -> str:
    """Return the key of a region with alerts from its key or full name; a DesignError names those most like it."""
    used = oblasts[oblasts["alerts_status"] == "used"]
    known = {word.casefold(): row.oblast for row in used.itertuples() for word in (row.name_en, row.oblast)}
    wanted = str(name).strip().casefold()
    if wanted in known:
        return known[wanted]
    close = dict.fromkeys(known[word] for word in get_close_matches(wanted, known, n=6, cutoff=0.5))
    expected = " or ".join(close) or "a region of data/oblasts.csv with alerts"
    remedy = "choose a region whose alerts_status in data/oblasts.csv is used"
    problem, found = "no alerts of such a region", repr(name)[:60]
    raise DesignError(problem, field="region", expected=expected, found=found, remedy=remedy)


def usable_regions(minutes: pd.DataFrame, days: pd.DatetimeIndex, regions: Iterable[str]) -> list[str]:
    """Those of `regions` that are usable on every day of the window and nine tenths of the quarter around it."""
    days, quarter = check_window(days), QUARTER * ONE_DAY
    near = minutes.loc[days[0] - quarter : days[-1] + quarter, list(regions)]
    inside = near.reindex(days).notna().all()
    return [region for region in near if inside[region] and near[region].notna().mean() >= MOSTLY_USABLE]


def estimate_alerts(
    counts: pd.Series,
    days: pd.DatetimeIndex,
    *,
    others: pd.Series | None = None,
    exclude: Sequence[Day] = (),
    announced: Day | None = None,
    level: float = 0.95,
) -> PauseEffect:
    """Compare one window of daily alerts, or their ratio to those of other regions, with the quarters around it.

    Beside others, what moves all regions alike cancels. Windows that overlap are not that many placebos, so some
    must lie apart: 30, or 39 beside others.
    """
    days, near = check_window(days), QUARTER * ONE_DAY
    exposure, around = None if others is None else others.clip(lower=LEAST), (days[0] - near, days[-1] + near)
    effect = estimate_effect(
        counts, days, exposure=exposure, baseline=around, exclude=exclude, announced=announced, trend="constant",
        weekday=False, holidays=False, test="shift", level=level, label=OURS,
    )  # fmt: skip
    if others is not None:
        return _unless_quiet(replace(effect, outcome=f"relative_{effect.outcome}"))
    separate = int((effect.daily["role"] == "baseline").sum()) // effect.n_days
    if effect.p_value is None or separate >= FEWEST_WINDOWS:
        return effect
    few = f"{separate} separate windows of {days_text(effect.n_days)}, at least {FEWEST_WINDOWS} are needed"
    return _untested(effect, f"the quarters before and after hold only {few}")


def _unless_quiet(effect: PauseEffect) -> PauseEffect:
    """Not tested where the others are quiet too: what then flies stays near the front, pause or not."""
    if effect.p_value is None:
        return effect
    daily, days = effect.daily.set_index("day"), pd.date_range(effect.first_day, effect.last_day)
    starts, reported = daily.index.get_indexer([*effect.placebo["start"], days[0]]), daily.loc[days, "observed"].notna()
    *ordinary, own = window_sums(daily["trials"].fillna(0).to_numpy(), starts, reported.to_numpy())
    if own > np.quantile(ordinary, QUIET):
        return effect
    if own < 1:  # minute: they were silent, and no ratio to nothing is a number
        effect = replace(effect, expected=0.0, ratio=None)
    return _untested(effect, "the others were as quiet themselves as in the quietest tenth of ordinary windows")


def _untested(effect: PauseEffect, why: str) -> PauseEffect:
    tested = ("p_value", "p_min", "ratio_low", "ratio_high", "expected_low", "expected_high", "smallest_visible_cut")
    return replace(effect, testable=False, verdict=NOT_TESTABLE, reason=why, **dict.fromkeys(tested))


@dataclass(frozen=True, repr=False)
class RegionalAssessment(Findings):
    """What air-raid alerts say about one pause: `stratum` is a region or a group; no effect is in a family of tests."""

    regions: dict[str, str]  # those named, the first one in the pictures: key in oblasts.csv and name in a sentence
    members: dict[str, list[str]]  # usable regions of the groups "rear", "front" and "all"
    names: dict[str, str]  # every region with alerts, by its key
    data_until: pd.Timestamp  # last strike day of the alerts
    nights: PauseEffect  # of the regions away from the front, which is no effect of this result but of `assess`

    def select(self, outcome: str, stratum: str, *, claim: str | None = None) -> PauseEffect:
        return self.pick(outcome=outcome, stratum=stratum, claim=claim)[0]

    @property
    def _asked(self) -> list[tuple[str, str]]:
        """What the main answers are about: each named region, on its own and relative to others, and the whole rear."""
        return [*product(self.regions, (MINUTES, RELATIVE_MINUTES)), ("rear", MINUTES)]

    def summary(self) -> str:
        """A finding for each named region, on its own and relative to the others, and for the whole rear (Markdown)."""
        return "\n\n".join(self.say(outcome, stratum) for stratum, outcome in self._asked)

    def everywhere(self) -> str:
        """A finding for the regions away from the front, those near it, all together, and by night (Markdown)."""
        nights = f"**By night alone, against a year, which decides on the page of this pause.** {finding(self.nights)}"
        return "\n\n".join([*(self.say(MINUTES, group) for group in GROUPS), nights])

    def say(self, outcome: str, stratum: str) -> str:
        """One finding in words, with the place it speaks of (Markdown)."""
        effect = self.select(outcome, stratum)
        place = self.regions.get(stratum) or f"{capital(GROUPS[stratum])}, {len(self.members[stratum])} usable"
        if outcome != RELATIVE_MINUTES:
            return f"**{place}.** {finding(effect)}"
        caution = "" if effect.verdict == NOT_TESTABLE else f" {DISPLACED}"
        of_minutes = finding(replace(effect, outcome=MINUTES))
        return f"**{place} relative to the other regions away from the front.** {of_minutes}{caution}"

    def coverage(self) -> str:
        """How far the alerts reach and which regions they cover, in a sentence."""
        usable = self.members["all"]
        broken = ", ".join(name for region, name in self.names.items() if region not in usable)
        return (
            f"The alerts reach to {self.data_until:%Y-%m-%d}. Of {len(self.names)} regions with alerts {len(usable)} "
            f"are usable in this window and the quarters around it; not usable: {broken or 'none'}."
        )

    def table(self) -> pd.DataFrame:
        """The verdict under each party's window, side by side."""
        claims = dict.fromkeys(effect.claim for effect in self.effects)
        rows = [self.select(outcome, place, claim=claim) for claim in claims for place, outcome in self._asked]
        numbers = ["n_days", "observed", "expected", "ratio", "p_value"]
        table = shown(rows, "claim", "stratum", "outcome", "first_day", *numbers, "verdict")
        return table.assign(stratum=table["stratum"].map(region_label))

    by_claim = table

    def under_each_claim(self) -> str:
        """What each party said, and what the sirens show in its window (Markdown, an item a claim)."""
        key, name = next(iter(self.regions.items()))
        lines = []
        for claim in self.pause.claims:
            window, taken = claim.id, claim.window_text
            if not claim.covers_days:
                window, taken = self.claim, f'{taken}, so that of "{self.claim}" is taken'
            asked = ((MINUTES, key), (MINUTES, "rear"), (RELATIVE_MINUTES, key))
            own, rear, relative = (self.select(*one, claim=window) for one in asked)
            scope = claim.note.split("; ")[0] or "no words recorded"
            lines.append(
                f"* **By the word of {claim.party}** ({scope}; {taken}): {name} {in_half_a_sentence(own)}; "
                f"{GROUPS['rear']} {in_half_a_sentence(rear)}; {name} relative to the others "
                f"{in_half_a_sentence(relative)}. {kind_of_quiet(name, relative, rear)}"
            )
        return "\n".join(lines)

    def takeoffs(self) -> str:
        """Whether the alarms for take-offs of a MiG-31K matter, in words."""
        without = [f"{name} {in_half_a_sentence(self.select(WITHOUT, key))}" for key, name in self.regions.items()]
        return f"{finding(self.select(TAKEOFFS, 'all'))} Without the minutes of such alarms: {'; '.join(without)}."

    def plot(self, ax: Any = None) -> Any:
        """Draw the first named region's daily minutes under alert."""
        from analysis.figures import finish

        key, name = next(iter(self.regions.items()))
        return finish(self.select(MINUTES, key).plot(ax), title=name)

    def describe(self) -> str:
        key, name = next(iter(self.regions.items()))
        return f"{name}. {self.select(MINUTES, key).describe_series()}"


def assess_regions(
    pause_id: str,
    *,
    claim: str = "main",
    regions: Sequence[str] = ("Kyiv City", "Kyiv"),
    level: float = 0.95,
    registry: Registry | None = None,
    folder: Path | None = None,
) -> RegionalAssessment:
    """Ask where the sirens sounded during one announced pause; what is not explained here is as in `assess`.

    Parameters
    ----------
    regions : sequence of str
        Keys or full names in oblasts.csv, the most important one first; a DesignError for one without alerts.

    Examples
    --------
    >>> assess_regions("cold-week-pause-2026-01").select("alert_minutes", "Kyiv City").verdict
    'not testable'
    """
    setting = set_up(pause_id, claim=claim, level=level, registry=registry, folder=folder)
    oblasts = load_table("oblasts", folder=folder).set_index("oblast", drop=False)
    named = [find_region(name, oblasts) for name in regions]
    minutes, calm = alert_minutes(folder=folder), alert_minutes(takeoffs=False, folder=folder)
    alarms = load_table("alerts", folder=folder).groupby("day")["mig31k_started"].max().rename(TAKEOFFS)
    away = oblasts.loc[list(minutes), "away_from_front"]
    groups = {"rear": away.index[away], "front": away.index[~away], "all": away.index}
    effects, members = [], {}
    for asked in setting.claims:
        days, options = setting.pause.days(asked), setting.options(asked)
        members[asked] = {group: usable_regions(minutes, days, keys) for group, keys in groups.items()}
        rows = [(group, _total(minutes, keys), None) for group, keys in members[asked].items()]
        rows.append(("all", alarms, None))
        for key in named:
            rows += [(key, minutes[key].rename(MINUTES), None), (key, calm[key].rename(WITHOUT), None)]
        for key in named:
            rest = _total(minutes, [region for region in members[asked]["rear"] if region != key])
            rows.append((key, minutes[key].rename(MINUTES), rest))
        for stratum, counts, others in rows:
            effect = estimate_alerts(counts, days, others=others, **options)
            effects.append(setting.keyed(effect, claim=asked, stratum=stratum))
    names = oblasts["name_en"]
    return RegionalAssessment(
        pause=setting.pause,
        claim=setting.claim,
        effects=tuple(effects),
        regions={key: names[key] for key in named},
        members=members[setting.claim],
        names=names[list(minutes)].to_dict(),
        data_until=minutes.index[-1],
        nights=setting.estimate(SIRENS, setting.claim),
    )


def _total(minutes: pd.DataFrame, regions: Sequence[str]) -> pd.Series:
    """Minutes of several regions together; empty on days on which one of them is not usable."""
    return minutes[regions].sum(axis=1, skipna=False, min_count=1).rename(MINUTES)


def in_half_a_sentence(effect: PauseEffect) -> str:
    words = {FEWER: "quieter than expected", MORE: "louder than expected"}.get(effect.verdict, effect.verdict)
    return words if effect.ratio is None else f"{words} ({effect.ratio:.2f} times the expected minutes)"


def kind_of_quiet(name: str, relative: PauseEffect, rear: PauseEffect) -> str:
    """Which kind of pause two verdicts would fit; never whether one was kept."""
    if relative.verdict == FEWER:
        return f"{name} was spared more than the rest, as a pause for it alone would look."
    more = "whether it was spared more cannot be told" if relative.verdict == NOT_TESTABLE else "it was not spared more"
    if rear.verdict == FEWER:
        return f"It was quiet in the whole rear, as a general pause would look; of {name}, {more}."
    if rear.p_value is None:
        return f"Not tested: {rear.reason}."
    if NOT_TESTABLE in (relative.verdict, rear.verdict):
        return "Too little to tell a pause for one place, for all, and none apart."
    return f"Neither a general quiet nor one of {name} alone shows."


@dataclass(frozen=True, repr=False)
class InferredZeros:
    """The days of one pause whose zero stands in no report."""

    days: pd.DataFrame  # a row a day: siren minutes by part of the day, and the written reason for the zero
    n_days: int
    as_silent: int  # ordinary nights with drones that have no alert away from the front after midnight
    n_nights: int  # ordinary nights with drones
    break_even: int | None  # drones on each day with which the verdict would be another; None: not even with 200
    verdict: str

    def to_frame(self) -> pd.DataFrame:
        return self.days.set_axis(self.days.index.strftime("%Y-%m-%d").rename("strike day")).rename(columns=PARTS)

    def summary(self) -> str:
        """How many zeros are inferred, what sirens say of them, and what it would take to change the verdict."""
        n = len(self.days)
        if not n:
            return "No zero of this window is inferred."
        part = f"all {n} days" if n == self.n_days else f"{n} of the {self.n_days} days"
        part = "the only day" if self.n_days == 1 else part
        quiet = int((self.days["night_minutes"] == 0).sum())
        on = "it" if n == 1 else f"{'all' if quiet == n else quiet} of them"
        share = f"{self.as_silent} of {self.n_nights} ordinary nights with drones are as silent"
        sirens = f"Sirens did sound away from the front between midnight and 09:00; only {share}."
        if quiet:
            evening = self.days["evening_minutes"].sum()
            before = f", after {evening} minutes before midnight" if evening else ""
            sirens = f"On {on} no siren sounded away from the front from midnight to 09:00{before}; {share}."
        basis = f"On {part} no report lists drones: zero is inferred. {sirens}"
        if self.verdict not in (FEWER, MORE):
            return basis
        each, least = "on that day" if n == 1 else "on each of these days", self.break_even
        lead = f"It would take {least} hidden drones {each} to" if least else f"Even {MOST} drones {each} would not"
        return f"{basis} {lead} change the verdict by this single test, without correction for other pauses."

    def _repr_markdown_(self) -> str:
        return f"{self.summary()}\n\n{as_markdown(self.to_frame())}" if len(self.days) else self.summary()

    def __repr__(self) -> str:
        return f"InferredZeros: {self.summary()[:110]}"


def inferred_zeros(strikes: pd.DataFrame) -> pd.DatetimeIndex:
    """Days of the table of strikes on which no report lists drones and other evidence says that none flew."""
    return strikes.index[strikes["drones_basis"] == "judged zero"]


def break_even(counts: pd.Series, zeros: pd.DatetimeIndex, holds: Callable[[pd.Series], bool]) -> int | None:
    """The smallest number on each of these days with which a finding no longer holds; None: 200 or none will do."""
    if not len(zeros) or not holds(counts):
        return None

    def fails(hidden: int) -> bool:
        return not holds(counts.mask(counts.index.isin(zeros), float(hidden)))

    return 1 + bisect_left(range(1, MOST), True, key=fails) if fails(MOST) else None


def defend_zeros(setting: Setting, effect: PauseEffect) -> InferredZeros:
    """What speaks for the inferred zeros of a pause, given its deciding effect on drones."""
    folder, days = setting.folder, pd.date_range(effect.first_day, effect.last_day)
    strikes, sirens = load_strikes(folder=folder), load_table("sirens_rear", folder=folder).set_index("day")
    zeros = days[days.isin(inferred_zeros(strikes))]
    sidecar = (data_folder() if folder is None else Path(folder)) / "strikes.json"
    rules = json.loads(sidecar.read_text(encoding="utf-8"))["rules"]
    examples = next((rule["examples"] for rule in rules if rule["rule"] == RULE), [])
    reasons = dict(line.split(": ", 1) for line in examples)
    frame = sirens.reindex(zeros)[list(PARTS)].astype("Int64")
    flown = setting.series(VOLUME[0]).reindex(sirens.index) > 0
    ordinary = sirens.loc[flown & ~sirens.index.isin(not_ordinary(load_pauses())), "night_minutes"]

    def holds(counts: pd.Series) -> bool:
        return setting.estimate(effect.outcome, effect.claim, counts=counts).verdict == effect.verdict

    found = effect.verdict in (FEWER, MORE)
    return InferredZeros(
        days=frame.assign(reason=[reasons.get(f"{day:%Y-%m-%d}", "") for day in zeros]),
        n_days=len(days),
        as_silent=int((ordinary == 0).sum()),
        n_nights=len(ordinary),
        verdict=effect.verdict,
        break_even=break_even(setting.series(effect.outcome), zeros, holds) if found else None,
    )
