"""Energy in large raids and in a daily list: campaigns, windows among readings that come with gaps, and steps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product
from math import ceil
from textwrap import fill
from typing import Any

import numpy as np
import pandas as pd

from analysis.effect import Answer, PauseEffect, decide
from analysis.estimate import FEWEST_BASELINE_DAYS, placebo_fields
from analysis.expected import Floats
from analysis.figures import EXPECTED, PAUSE, SEEN, finish, new_axes
from analysis.pauses import Pause, reported_pauses
from analysis.placebo import PlaceboTest, order_windows, window_sums
from analysis.setting import Registry
from analysis.vocabulary import MODEL
from analysis.windows import ONE_DAY, Day, placebo_starts
from analysis.words import FEWER, MORE, NO_CHANGE, NOT_TESTABLE, amount, capital

ROW_LETTERS = 13  # of a row's name that fit into a line
BY_DAYS = "as many days"  # the test that places windows of as many days, beside that of as many readings
STEPS = ("step-before", "step-after")
WEEK, LEAST_SPAN = 7, 28  # days of a block, and at least on the other side of a step
TIERS = {  # of energy_raids, in words for the picture
    "facility": "a named facility",
    "general": "energy in general terms",
    "minor": "lines or local damage",
    "claim": "Russia's claim alone",
    "silent": "no energy named",
    "not_found": "no report found",
}


def place_window(
    frame: pd.DataFrame,
    days: pd.DatetimeIndex,
    name: str,
    *,
    exclude: Sequence[Day] = (),
    by_days: bool = False,
    level: float = 0.95,
) -> PauseEffect:
    """Compare the share of hits in a window with that of every window of as many readings, wherever they lie.

    `frame` is a series of `energy_days`: a day without a trial is no reading. Windows of readings run across days that
    cannot be read, and across days that have nothing to read, never across days that were not looked at. `by_days`:
    windows of as many days instead, each with its own number of readings.
    """
    asked, inside = frame["trials"].notna() | frame["open"], frame.index.isin(days)
    readable = frame["trials"].fillna(0) > 0
    free = asked & ~inside & ~frame.index.isin(pd.DatetimeIndex(exclude))
    table = frame[["hits", "trials"]].fillna(0).assign(free=free, inside=inside & readable)
    table = table if by_days else table[readable | ~asked]
    own, base = table[table["inside"]], table[table["free"] & (table["trials"] > 0)]
    described = _described(frame, days, base.index, name, BY_DAYS if by_days else "shift", level)
    observed = None if own.empty else float(own["hits"].sum())
    blank = PauseEffect(**described, observed=observed, placebo=pd.DataFrame({"start": [], "ratio": []}))
    if own.empty:
        return decide(replace(blank, reason="nothing could be read in this window"))
    pattern = np.ones(len(days) if by_days else len(own), bool)
    starts = placebo_starts(table["free"].to_numpy(), pattern)
    starts = starts[window_sums(table["trials"].to_numpy(), starts, pattern) > 0]
    share = base["hits"].sum() / max(1.0, base["trials"].sum())
    if len(base) < FEWEST_BASELINE_DAYS or share == 0 or not len(starts):
        few = f"only {len(base)} readings outside to compare with"
        return decide(replace(blank, reason="nothing was seen outside the pauses" if share == 0 and len(base) else few))
    sums = {name: window_sums(table[name].to_numpy(), starts, pattern) for name in ("hits", "trials")}
    hits, trials = (np.append(sums[name], own[name].sum()) for name in ("hits", "trials"))
    order, silent = order_windows(hits, share * trials), order_windows(0 * hits, share * trials)
    tried = PlaceboTest(order[-1], order[:-1], alpha=blank.alpha, silence=silent[-1], floor=0.0)
    placebo = pd.DataFrame({"start": table.index[starts], "ratio": np.maximum(tried.placebos, 0)})
    effect = decide(replace(blank, **placebo_fields(tried, share * trials[-1]), placebo=placebo))
    return _rule(effect, tried, int(table["free"].sum()) // len(pattern))


def _rule(effect: PauseEffect, tried: PlaceboTest, separate: int) -> PauseEffect:
    """As for other shares: windows that overlap are not that many, and without enough separate ones nothing is told."""
    needed, n = ceil(2 / effect.alpha - 1e-9) - 1, effect.n_placebo
    if separate < needed:
        reason = f"only {separate} separate windows to compare with, {needed} are needed"
        return replace(effect, testable=False, smallest_visible_cut=None, verdict=NOT_TESTABLE, reason=reason)
    if effect.p_min > effect.alpha:
        silent = int((tried.placebos <= 0).sum())
        return replace(effect, reason=f"even none at all is ordinary: {silent} of {n} comparable windows have none")
    return replace(effect, reason=f"compared with {n} windows")


def _described(
    frame: pd.DataFrame, days: pd.DatetimeIndex, base: pd.DatetimeIndex, name: str, test: str, level: float
) -> dict[str, Any]:
    """The fields that say what is compared with the days of `base`, before any number."""
    span, columns = days if len(days) else base[-1:], {"hits": "observed", "trials": "trials"}
    daily = frame[list(columns)].reindex(frame.index.union(days)).rename(columns=columns)
    read = daily["trials"] > 0
    role = np.select([daily.index.isin(days), read & daily.index.isin(base)], ["window", "baseline"], "left out")
    daily = daily.assign(observed=daily["observed"].where(read), role=role, expected=np.nan, low=np.nan, high=np.nan)
    return {
        "outcome": name,
        "test": test,
        "first_day": span[0].date(),
        "last_day": span[-1].date(),
        "n_days": len(days),
        "n_missing": int(frame["trials"].reindex(days).isna().sum()),
        "baseline_first_day": base[0].date() if len(base) else None,
        "baseline_last_day": base[-1].date() if len(base) else None,
        "alternative": "two-sided",
        "level": round(level, 12),
        "daily": daily.rename_axis("day").reset_index(),
    }


def estimate_steps(
    frame: pd.DataFrame,
    days: pd.DatetimeIndex,
    name: str,
    *,
    exclude: Sequence[Day] = (),
    announced: Day | None = None,
    level: float = 0.95,
) -> tuple[PauseEffect, PauseEffect]:
    """Inside against before, and after against inside: what a pause took away must come back when it ends.

    The readings of each side are cut into weeks, whose shares are compared by a t-test: it takes weeks, not days, for
    independent. The days before and after are as many as the pause has, 28 at least; `exclude` are in neither.
    """
    start = days[0] if announced is None else min(days[0], pd.Timestamp(announced))
    near = frame.index[~frame.index.isin(pd.DatetimeIndex(exclude)) & ~frame.index.isin(days)]
    span = max(len(days), LEAST_SPAN)
    before, after = near[near < start][-span:], near[near > days[-1]][:span]
    sides = (before, days), (days, after)
    return tuple(_step(frame, *both, name, step, level) for both, step in zip(sides, STEPS, strict=True))


def _step(
    frame: pd.DataFrame, earlier: pd.DatetimeIndex, later: pd.DatetimeIndex, name: str, window: str, level: float
) -> PauseEffect:
    read = [frame.reindex(side).query("trials > 0") for side in (earlier, later)]
    sides = [_weeks(own, len(side)) for own, side in zip(read, (earlier, later), strict=True)]
    observed = float(read[1]["hits"].sum()) if len(read[1]) else None
    effect = PauseEffect(
        **_described(frame, later, earlier, name, "step", level), window=window, observed=observed, verdict=NOT_TESTABLE
    )
    if min(map(len, sides)) < 2:
        return replace(effect, reason="less than two weeks could be read on one side of the step")
    shares, counts = [side.mean() for side in sides], [own["trials"].sum() for own in read]
    change, p_value, half = compare_weeks(*sides, counts=counts, level=level)
    _, p_alone, _ = compare_weeks(sides[0], 0 * sides[1], counts=counts, level=level)
    testable = bool(p_alone <= effect.alpha and shares[0] > 0)
    seen = p_value <= effect.alpha
    low, expected, high = (float((shares[0] + way * half) * counts[1]) for way in (-1, 0, 1))
    why = "" if testable else "; even none at all would not have been told from chance"
    return replace(
        effect,
        expected=expected,
        expected_low=max(0.0, low),
        expected_high=high,
        ratio=float(shares[1] / shares[0]) if shares[0] else None,
        p_value=p_value,
        p_min=p_alone if shares[0] else 1.0,
        testable=testable,
        verdict=MORE if seen and change > 0 else NOT_TESTABLE if not testable else FEWER if seen else NO_CHANGE,
        reason=f"the shares of {len(sides[0])} weeks and of {len(sides[1])} weeks are compared{why}",
    )


def _weeks(read: pd.DataFrame, n_days: int) -> Floats:
    """Share of hits in each week of one side; its readings are divided evenly, so that no week is a single reading."""
    blocks = min(n_days // WEEK, len(read))
    parts = np.array_split(np.arange(len(read)), blocks) if blocks else []
    return np.array([read["hits"].iloc[part].sum() / read["trials"].iloc[part].sum() for part in parts])


def compare_weeks(
    earlier: Floats, later: Floats, *, counts: Sequence[float], level: float = 0.95
) -> tuple[float, float, float]:
    """Difference of mean shares, two-sided p-value, and half the interval's width, by a t-test between weeks.

    The standard error is that of the weeks, but no smaller than that of `counts` independent readings: a few weeks that
    happen to be alike would else prove anything. How often it errs is in `benchmarks/energy_size.csv`.

    >>> change, p_value, half = compare_weeks(np.array([0.2, 0.4, 0.3]), np.zeros(3), counts=[20, 20])
    >>> round(change, 2), round(p_value, 4), round(half, 2)
    (-0.3, 0.0566, 0.31)
    """
    from scipy.stats import t

    change, df = later.mean() - earlier.mean(), len(earlier) + len(later) - 2
    weekly = earlier.var(ddof=1) / len(earlier) + later.var(ddof=1) / len(later)
    pooled = np.average([earlier.mean(), later.mean()], weights=counts)
    error = float(np.sqrt(max(weekly, pooled * (1 - pooled) * (1 / counts[0] + 1 / counts[1]))))
    if error == 0:
        return float(change), 1.0, 0.0
    return float(change), float(2 * t.sf(abs(change) / error, df)), float(t.ppf((1 + level) / 2, df) * error)


def hits_among(effect: PauseEffect, role: str = "window") -> str:
    """Hits and readings of one side: "3 of 19"; of an effect of the record, which has no days, the hits alone."""
    if effect.daily.empty:
        return amount(effect.observed)
    days = effect.daily[effect.daily["role"] == role].dropna(subset=["observed"])
    return f"{amount(days['observed'].sum())} of {amount(days['trials'].sum())}"


def step_found(steps: Sequence[PauseEffect]) -> str:
    """What was there before and after, and whether a fall came back when the pause ended: else it is no pause."""
    if not steps:
        return ""
    before, after = steps
    if before.p_value is None:
        return f"Before and after cannot be compared: {before.reason}."
    told = f"Step test: {hits_among(before)} inside; before it {hits_among(before, 'baseline')}{_change(before)}"
    return f"{told}; after it {hits_among(after)}{_change(after)}: {_shape(before, after)}."


def _change(effect: PauseEffect) -> str:
    """By how many percentage points the later side of a step differs, with its interval, and the p-value."""
    if effect.p_value is None:
        return ""
    days = effect.daily.loc[(effect.daily["role"] == "window") & effect.daily["observed"].notna(), "trials"]
    change, half = effect.observed - effect.expected, effect.expected_high - effect.expected
    most, low, high = (f"{100 * value / days.sum():+.0f}" for value in (change, change - half, change + half))
    return f" ({most} points, {effect.level:.0%} interval {low} to {high}; p = {effect.p_value:.2g})"


def _shape(before: PauseEffect, after: PauseEffect) -> str:
    if before.verdict == FEWER and after.verdict == MORE:
        return "a fall that came back at the end, as that of a pause must"
    if before.verdict == FEWER:
        return "a fall that is not seen to come back at the end: a step, not a pause"
    if before.verdict == MORE:
        return "a rise at the start"
    ratios = before.ratio, after.ratio
    down = None not in ratios and before.ratio < 1 and after.ratio <= 1
    told = "no step that could be told from chance"
    return f"down, and not up again at the end; {told}" if down else told


@dataclass(frozen=True, repr=False)
class Campaigns(Answer):
    """When large raids had energy as a target: every raid, by half-years, and the runs of raids that left it alone.

    `runs` are consecutive raids of which neither coder named an energy facility, the longest first; `promised` has the
    days of the pauses that promised to spare energy, `spans` all reported pauses (first_day, last_day).
    """

    raids: pd.DataFrame
    halves: pd.DataFrame
    runs: pd.DataFrame
    promised: dict[str, pd.DatetimeIndex]
    spans: pd.DataFrame
    effects: tuple[PauseEffect, ...] = ()

    def headline(self) -> str:
        """That campaigns come and go, and that no pause can be credited with one."""
        title, numbers, conclusion = self.found()
        return " ".join(filter(None, [f"{title}: {numbers}.", conclusion, f"({capital(MODEL)}.)"]))

    summary = headline

    def found(self) -> tuple[str, str, str]:
        """The headline in its parts: the title, the numbers, and why no pause is credited with an end, or denied it."""
        halves, share, told = self.halves, self.halves["share"], []
        most, least = halves.loc[share.idxmax()], halves.loc[share.idxmin()]
        named = "an energy facility was named in {facility:.0f} of the {raids:.0f} large raids (20 or more missiles)"
        fewest = f"{least['facility']:.0f} of {least['raids']:.0f} of {least.name}"
        runs, every = list(self.runs.itertuples()), [day for days in self.promised.values() for day in days]
        apart = [run for run in runs if not any(_within(day, run) for day in every)]
        for (phrase, days), run in product(self.promised.items(), runs):
            if not _within(days[0], run) or run.n_days <= len(days):
                continue
            general = f" ({run.general} said so in general terms)" if run.general else ""
            told.append(
                f"No energy facility was named in any of the {run.raids} large raids {_months(run)}{general}: "
                f"{run.n_days} days, of which {phrase} was at most {len(days)}."
            )
            other = next((other for other in apart if other.n_days > len(days)), None)
            if other:
                told.append(
                    f"Nor in any of {other.raids} {_months(other)}, {other.n_days} days without such a pause. "
                    "So the pause can be neither credited with the quiet nor denied a part in it."
                )
        numbers = f"{named.format(**most)} of {most.name}, in {fewest}"
        return "Campaigns against energy come and go in half-years", numbers, " ".join(told)

    def table(self) -> pd.DataFrame:
        """By half-year: large raids, how many had a named energy facility, and what share."""
        return self.halves.assign(share=self.halves["share"].map("{:.0%}".format))

    def plot(self, ax: Any = None) -> Any:
        marks = self.raids.assign(row=self.raids["code"].map(TIERS), hit=self.raids["code"] == "facility")
        look = {"title": "What large raids hit of energy", "filled": "a facility"}
        return draw_rows(marks, self.spans, rows=list(TIERS.values()), **look, ax=ax)

    def describe(self) -> str:
        shares = "; ".join(f"{row.facility} of {row.raids} in {row.Index}" for row in self.halves.itertuples())
        counts = self.raids["code"].map(TIERS).value_counts(sort=False)
        counts = "; ".join(f"{words}: {n}" for words, n in counts.items())
        dots = f"One dot for each of {len(self.raids)} large raids, by what was said of energy: {counts}."
        return f"{dots} A facility named: {shares}."


def _within(day: pd.Timestamp, run: Any) -> bool:
    return run.first_day <= day <= run.last_day


def _months(run: Any) -> str:
    first, last = run.first_day, run.last_day
    return f"from {first:%B}{f' {first:%Y}' if first.year != last.year else ''} to {last:%B %Y}"


def every_day(pause: Pause) -> pd.DatetimeIndex:
    """The days that any party counts into a pause."""
    days = {day for claim in pause.claims if claim.stated for day in pause.days(claim.id)}
    return pd.DatetimeIndex(sorted(days), name="day")


def find_campaigns(raids: pd.DataFrame, registry: Registry) -> Campaigns:
    """Ask when large raids had energy as a target.

    Parameters
    ----------
    raids : DataFrame
        The table `energy_raids`: day, code, code_1, code_2.
    registry : mapping of Pause

    Examples
    --------
    >>> from analysis.pauses import load_pauses
    >>> from analysis.tables import load_table
    >>> find_campaigns(load_table("energy_raids"), load_pauses()).table()["share"].tolist()
    ['81%', '0%', '50%', '62%', '67%', '11%', '80%']
    """
    known = raids[raids["code"] != "not_found"]
    pauses = reported_pauses(registry)
    promised = {pause.phrase: every_day(pause) for pause in pauses if "energy" in pause.targets}
    spans = [pause.days()[[0, -1]] for pause in pauses if pause.days()[0] <= raids["day"].max()]
    spans = pd.DataFrame(spans, columns=["first_day", "last_day"])
    return Campaigns(raids, _by_half_year(known), _runs(known), promised, spans)


def _by_half_year(raids: pd.DataFrame) -> pd.DataFrame:
    """Raids, those with a named facility and their share, by the halves that begin in April and October."""
    first = (raids["day"].dt.to_period("M") + 3).dt.to_timestamp()  # from January and July on
    year = first.dt.year - (first.dt.month <= 6)
    winter = "October " + year.astype(str) + " to March " + (year + 1).astype(str)
    half = winter.where(first.dt.month <= 6, "April to September " + first.dt.year.astype(str))
    facility = (raids["code"] == "facility").groupby(half.rename("half-year"), sort=False)
    return pd.DataFrame({"raids": facility.size(), "facility": facility.sum(), "share": facility.mean()})


def _runs(raids: pd.DataFrame) -> pd.DataFrame:
    """Runs of raids of which no coder named an energy facility: first_day, last_day, raids, general, longest first."""
    named = raids[["code_1", "code_2"]].eq("facility").any(axis=1)
    left = raids[~named].groupby(named.cumsum()[~named])
    general = left["code"].agg(lambda codes: int((codes == "general").sum()))
    runs = pd.DataFrame({"first_day": left["day"].min(), "last_day": left["day"].max(), "raids": left.size()})
    runs = runs.assign(general=general, n_days=(runs["last_day"] - runs["first_day"]) // ONE_DAY + 1)
    return runs.sort_values("n_days", ascending=False, kind="stable", ignore_index=True)


def draw_rows(
    marks: pd.DataFrame, spans: pd.DataFrame, *, rows: Sequence[str], title: str, filled: str = "a hit", ax: Any = None
) -> Any:
    """A dot an event (marks: day, row, hit), filled where it was a hit; spans (first_day, last_day) are shaded."""
    ax, half = new_axes(ax, height=0.9 + 0.36 * len(rows)), ONE_DAY / 2
    for span in spans.itertuples():
        ax.axvspan(span.first_day - half, span.last_day + half, color=PAUSE, alpha=0.5, lw=0.8)
    place = marks["row"].map({row: position for position, row in enumerate(rows)})
    for hit, colour in ((False, "none"), (True, SEEN)):
        shown = marks["hit"] == hit
        ax.scatter(marks["day"][shown], place[shown], s=26, color=colour, edgecolor=SEEN, linewidth=0.8, zorder=3)
    first, last = marks["day"].min(), marks["day"].max()
    ticks = pd.date_range(first, last, freq="MS")
    if last - first > 365 * ONE_DAY:
        ticks = ticks[ticks.month.isin([4, 10])]
    for tick in ticks:
        ax.axvline(tick, color=EXPECTED, lw=0.6, ls=":", zorder=0)
    ax.set_xticks(ticks, [f"{tick:%b}\n{tick:%Y}" for tick in ticks])
    ax.set_yticks(range(len(rows)), [fill(row, ROW_LETTERS) for row in rows])
    ax.set(ylim=(len(rows) - 0.5, -0.5), xlabel="", ylabel="")
    ax.tick_params(axis="y", length=0)
    return finish(ax, title=title, caption=f"Filled: {filled} named. Shaded: pauses. {capital(MODEL)}.")
