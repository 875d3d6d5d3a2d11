"""All pauses together: the record read back, the truces side by side, and what a coming one could show."""

import re
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from analysis.effect import COLUMNS, NATIONAL, EffectsRecord, holm, shown, to_frame
from analysis.errors import DataError, DesignError
from analysis.estimate import estimate_effect
from analysis.expected import design_matrix, expected_counts, independent_columns
from analysis.joint import combine_effects
from analysis.pauses import load_pauses, reported_pauses, volume_episodes
from analysis.placebo import PlaceboTest, window_ratios
from analysis.setting import VOLUME, not_ordinary, salvo_days
from analysis.tables import data_folder, load_strikes, outcome_series
from analysis.tables import outcomes as catalogue
from analysis.windows import BASELINE_SHORT, ONE_DAY, SHORT_WINDOW, check_counts, placebo_starts
from analysis.words import FEWER, MORE, amount, days_text, outcome_label, without_one

FILE = "results.csv"


def load_results(path=None):
    """Read the record: one row per pause, claim, outcome, stratum, window and test.

    Parameters
    ----------
    path : path, optional
        By default, or where empty, `reports/results.csv` beside the data folder.

    Returns
    -------
    DataFrame

    Raises
    ------
    DataError
        No such file, or other columns than the record's.
    """
    return read_stored(stored_path(path, FILE), COLUMNS, command="pauses report")


def stored_path(path, name):
    """The path that was given, or else that of a table in `reports/` beside the data folder."""
    return Path(path) if path else data_folder().parent / "reports" / name


def read_stored(path, columns, *, command):
    """Read a table that a command stored; a DataError names the command where it is absent or has other columns."""
    try:
        table = pd.read_csv(path, keep_default_na=False, na_values=[""])
    except (OSError, ValueError) as error:
        raise DataError("no such table to read", file=path.name, remedy=f"run: {command}") from error
    if list(table.columns) != list(columns):
        raise DataError(
            "not the columns of this table", file=path.name, expected=", ".join(columns[:4]) + ", ...",
            found=", ".join(table.columns[:4]), remedy=f"move the file away and run: {command}",
        )  # fmt: skip
    return table


def verdicts(results, *, window="pause", registry=None):
    """One row per reported pause and outcome: main claim, national, the deciding test.

    Parameters
    ----------
    results : DataFrame
        As from `load_results`.
    window : str
        "pause", or another window of the record, such as "after-7".
    registry : mapping of Pause, optional

    Returns
    -------
    DataFrame
        Columns name and those of the record.
    """
    registry = load_pauses() if registry is None else registry
    family = [name for name, outcome in catalogue().items() if outcome.in_family]
    rows = []
    for pause in reported_pauses(registry):
        own = results[(results["pause"] == pause.id) & (results["claim"] == pause.main)]
        own = own[(own["window"] == window) & (own["stratum"] == NATIONAL) & own["outcome"].isin(family)]
        deciding = own[~own["reason"].fillna("").str.startswith("companion")]
        rows.append(deciding.assign(name=pause.name))
    return pd.concat(rows, ignore_index=True)


def forest_frame(rows):
    """The frame that `draw_forest` reads, from rows of the record with a column name: the pause's in words.

    Returns
    -------
    DataFrame
        Columns ratio, ratio_low, ratio_high, label, told.
    """
    labels = rows["name"] + ": " + rows["outcome"].map(lambda name: outcome_label(name, short=True))
    told = rows["verdict"].isin([FEWER, MORE])
    return rows[["ratio", "ratio_low", "ratio_high"]].astype(float).assign(label=labels, told=told)


def describe_forest(rows):
    """Alternative text of a forest of findings: how many there are and which could be told from chance."""
    told = "; ".join(rows.loc[rows["told"], "label"]) or "none"
    return f"Ratios of launched to expected for {len(rows)} findings. Told from chance: {told}."


def shown_verdicts(results, *, registry=None):
    """The deciding rows as text for readers: what flew, what would have been ordinary, and the verdict."""
    rows = verdicts(results, registry=registry)
    ordinary = [
        f"{amount(row.expected_low)} to {amount(row.expected_high)}" if pd.notna(row.expected_high) else "–"
        for row in rows.itertuples()
    ]
    return pd.DataFrame(
        {
            "outcome": [outcome_label(name, short=True) for name in rows["outcome"]],
            "days": rows["first_day"].where(rows["n_days"] == 1, rows["first_day"] + " to " + rows["last_day"]),
            "flew": [amount(value) if pd.notna(value) else "–" for value in rows["observed"]],
            "ordinary": ordinary,
            "visible cut": [f"{cut:.0%}" if pd.notna(cut) else "–" for cut in rows["smallest_visible_cut"]],
            "verdict": rows["verdict"],
        }
    ).set_axis(rows["name"].rename("pause"))


COUNTS = {"drones": "drones_launched", "missiles": "missiles_launched"}
REACH = 60  # days: nights with drones at most so far away are the yardstick of a quiet one
NIGHT = re.compile(r"^(\d{4})-(\d{2})-(\d{2})/(?:(\d{2})-)?(\d{2})(?:,.*| \(from.*)?$")


def coverage_by_year(strikes):
    """Days, gaps, zero days and sums of each year.

    Parameters
    ----------
    strikes : DataFrame
        As from `load_strikes`.

    Returns
    -------
    DataFrame indexed by year

    Examples
    --------
    >>> from analysis.tables import load_strikes
    >>> int(coverage_by_year(load_strikes()).loc[2025, "days without report"])
    1
    """
    year, counts = strikes.index.year.rename("year"), strikes[list(COUNTS.values())]
    sums, zeros = counts.groupby(year).sum().astype(int), counts.eq(0).groupby(year).sum()
    days = strikes.groupby(year)["reported"].agg(["size", "sum"])
    return pd.DataFrame(
        {
            "days": days["size"],
            "days without report": days["size"] - days["sum"],
            "days without a drone": zeros["drones_launched"],
            "drones": sums["drones_launched"],
            "days without a missile": zeros["missiles_launched"],
            "missiles": sums["missiles_launched"],
        }
    )


def zero_days(strikes, *, first_day):
    """Every day whose drone figure is zero or missing, or that rests on something else than a report.

    Returns
    -------
    DataFrame indexed by day
        Columns drones_launched, missiles_launched, drones_basis.
    """
    recent = strikes[first_day:]
    odd = (recent["drones_launched"] == 0) | (recent["drones_basis"] != "report")
    return recent.loc[odd, ["drones_launched", "missiles_launched", "drones_basis"]]


def quiet_days(strikes, alerts, oblasts):
    """Check days without a launch against the alert-minutes of their night, far from the front.

    Parameters
    ----------
    strikes : DataFrame
        As `load_strikes` returns it.
    alerts, oblasts : DataFrame
        The tables of that name.

    Returns
    -------
    DataFrame
        One row a day on which no drone was reported (0, or empty where the report is missing): day,
        drones_launched, missiles_launched, alert_minutes (sum over usable oblasts away from the front, at night),
        median_minutes and percentile (share of the yardstick, the nights with drones within 60 days, with fewer
        minutes), n_nights, verdict: credible (below the 10th percentile), ambiguous (below the 25th), missiles flew,
        suspicious, or no yardstick.

    Examples
    --------
    >>> from analysis.tables import load_strikes, load_table
    >>> checked = quiet_days(load_strikes()["2025":], load_table("alerts"), load_table("oblasts")).set_index("day")
    >>> checked.loc["2026-04-12", "verdict"]
    'credible'
    """
    away = oblasts.loc[oblasts["away_from_front"], "oblast"]
    chosen = alerts[alerts["usable"] & alerts["oblast"].isin(away)]
    nightly = chosen.groupby("day")["night_minutes"].sum()
    checked = []
    for day in strikes.index[~(strikes["drones_launched"] > 0)].intersection(nightly.index):
        near = nightly.loc[day - REACH * ONE_DAY : day + REACH * ONE_DAY]
        yardstick = near[strikes["drones_launched"].reindex(near.index) > 0]
        checked.append((day, nightly[day], yardstick.median(), (yardstick < nightly[day]).mean(), len(yardstick)))
    columns = ["day", "alert_minutes", "median_minutes", "percentile", "n_nights"]
    result = pd.DataFrame(checked, columns=columns).set_index("day")
    result = strikes[["drones_launched", "missiles_launched"]].loc[result.index].join(result)
    flew, rank = result["missiles_launched"] > 0, result["percentile"]
    cases = [rank.isna(), rank < 0.10, rank < 0.25, flew]
    verdicts = ["no yardstick", "credible", "ambiguous", "missiles flew"]
    return result.assign(verdict=np.select(cases, verdicts, "suspicious")).reset_index()


def pause_spans(registry):
    """First and last strike day of every reported pause, for pictures: columns label, first_day, last_day."""
    spans = [(pause.name, *pause.days()[[0, -1]]) for pause in reported_pauses(registry)]
    return pd.DataFrame(spans, columns=["label", "first_day", "last_day"])


def describe_timeline(counts, *, label):
    """Alternative text of a timeline: its span, first and last half-year means, and largest weekly mean."""
    weekly = counts.resample("W").mean()
    start, end = (half.mean() for half in (counts.iloc[:182], counts.iloc[-182:]))
    return (
        f"Weekly means of {label} a day from {counts.index[0]:%Y-%m-%d} to {counts.index[-1]:%Y-%m-%d}: {start:.0f} in "
        f"the first half-year, {end:.0f} in the last, at most {weekly.max():.0f}; announced pauses shaded."
    )


def published_nights(registry, strikes):
    """Counts published for single nights beside the table's, where a night is stated as "2026-01-30/31".

    Parameters
    ----------
    registry : mapping of Pause
    strikes : DataFrame

    Returns
    -------
    DataFrame indexed by day
        Columns pause, drones published, drones in table, missiles published, missiles in table. The night
        from the 30th to the 31st is strike day 31.
    """
    rows = []
    for pause in registry.values():
        for count in pause.published_counts:
            night = NIGHT.match(count.when)
            if not night or (count.drones is None and count.missiles is None):
                continue
            year, month, _, new_month, last = night.groups()
            day = pd.Timestamp(f"{year}-{new_month or month}-{last}")
            if day not in strikes.index:
                continue
            row = {"pause": pause.id, "day": day}
            for name, column in COUNTS.items():
                row |= {f"{name} published": getattr(count, name), f"{name} in table": strikes.at[day, column]}
            rows.append(row)
    return pd.DataFrame(rows).set_index("day")


GROUPS = {
    "volume-truces": ("agreed", "unilateral"),
    "agreed-truces": ("agreed",),
    "unilateral-truces": ("unilateral",),
}
TITLES = {
    "volume-truces": "All truces", "agreed-truces": "Episodes with an agreed truce",
    "unilateral-truces": "Episodes of one side alone",
}  # fmt: skip
WITHOUT = "volume-truces-without-"  # and the episode that is left out
EPISODE = "episode:"  # and its id


@dataclass(frozen=True)
class Comparison:
    """Episodes of announced truces, each on its own and together.

    Attributes
    ----------
    episodes : tuple of PauseEffect
        One per episode and outcome, corrected over episodes by Holm's method.
    joint : tuple of PauseEffect
        One per group of truces and outcome.
    without : tuple of PauseEffect
        All truces together but one, for each that can be compared, and each outcome; exploratory.
    """

    episodes: tuple
    joint: tuple
    without: tuple

    def to_frame(self):
        """All rows, episodes first."""
        return to_frame([*self.episodes, *self.joint, *self.without])

    def record(self):
        """The effects as a notebook output that a batch can read back."""
        return EffectsRecord((*self.episodes, *self.joint, *self.without))

    def together(self, outcome, *, group="volume-truces"):
        """The joint finding for one outcome."""
        return next(e for e in self.joint if e.outcome == outcome and e.pause == group)

    def summary(self):
        """Do announced truces work at all? One finding per outcome, and how much it hangs on a single episode."""
        outcomes, told = dict.fromkeys(effect.outcome for effect in self.joint), []
        for outcome in outcomes:
            p_values = [e.p_value for e in self.without if e.outcome == outcome and e.p_value is not None]
            hangs = f" With one episode left out at a time: p {without_one(p_values)}." if p_values else ""
            told.append(self.together(outcome).summary() + hangs)
        return "\n\n".join(told)

    def episodes_frame(self):
        """The episodes: what flew, what was to be expected, and whether it could be told."""
        numbers = ["observed", "expected", "ratio", "p_value", "p_adjusted"]
        return _named(self.episodes, "verdict", "first_day", "last_day", *numbers)

    def groups_frame(self):
        """The groups of truces tested together."""
        interval = ["observed", "expected", "ratio", "ratio_low", "ratio_high"]
        return _named(self.joint, "verdict", "n_days", *interval, "p_value", "p_min", "smallest_visible_cut")

    def describe(self):
        """Alternative text of the forest."""
        told = sum(effect.verdict in (FEWER, MORE) for effect in self.episodes)
        return f"Ratios of launched to expected with intervals for {len(self.episodes)} episodes and outcomes, " + (
            f"{told} of them told from chance, and for the groups together. {self.summary()}"
        )

    def plot(self, ax=None):
        """Draw all episodes and groups as a forest."""
        from analysis.figures import draw_forest

        return draw_forest(forest_rows([*self.episodes, *self.joint]), ax=ax)


def compare_truces(*, outcomes=VOLUME, level=0.95, seed=0, registry=None, folder=None):
    """Test every episode of announced general truces, and groups of them together.

    Overlapping or adjacent truces are one episode; energy moratoria and pauses for single cities promised
    something else and are left to their own pages.

    Parameters
    ----------
    outcomes : sequence of str
        Names in the catalogue of outcomes.
    level : float
        Confidence level.
    seed : int
        For the draws behind the joint p-values.
    registry : mapping of Pause, optional
    folder : path, optional
        Folder of tables.

    Returns
    -------
    Comparison
    """
    registry = load_pauses() if registry is None else registry
    salvos = salvo_days(load_strikes(folder=folder)["missiles_launched"])
    episodes, exclude = volume_episodes(registry), not_ordinary(registry)
    alone, joint, without = [], {group: [] for group in GROUPS}, []
    for outcome in outcomes:
        series = outcome_series(outcome, folder=folder)
        effects = []
        for episode in episodes:
            announced = filter(None, (registry[name].first_announced_day() for name in episode.pauses))
            found = estimate_effect(
                series, episode.days, exclude=exclude, announced=min(announced, default=None), salvo_days=salvos,
                level=level,
            )  # fmt: skip
            effects.append(replace(found, pause=EPISODE + episode.id, claim="main", stratum=NATIONAL))
        alone += holm(effects)
        for group, statuses in GROUPS.items():
            members = [e for e, episode in zip(effects, episodes, strict=True) if episode.status in statuses]
            joint[group].append(replace(combine_effects(members, level=level, seed=seed), pause=group))
        for one in (effect for effect in effects if effect.n_placebo):
            rest = combine_effects([effect for effect in effects if effect is not one], level=level, seed=seed)
            without.append(replace(rest, pause=WITHOUT + one.pause.removeprefix(EPISODE)))
    together = [effect for members in joint.values() for effect in holm(members)]
    return Comparison(tuple(alone), tuple(together), tuple(without))


def proposed_only(*, outcomes=VOLUME, level=0.95, registry=None, folder=None):
    """Proposals with both dates stated that nobody agreed to, tested like pauses.

    They are points of reference, few and clustered in time: no uniformity of their p-values is claimed. Parameters
    are those of `compare_truces`.

    Returns
    -------
    DataFrame
        Columns pause, outcome, first_day, last_day, ratio, p_value, p_min, verdict.
    """
    registry = load_pauses() if registry is None else registry
    exclude = not_ordinary(registry)
    salvos = salvo_days(load_strikes(folder=folder)["missiles_launched"])
    rows = []
    for pause in registry.values():
        if pause.status != "proposed-only" or not pause.claims or not pause.claim().covers_days:
            continue
        days = pause.days()
        for outcome in outcomes:
            if days.isin(exclude).any() or days[0] < pd.Timestamp(catalogue()[outcome].first_day):
                continue
            found = estimate_effect(
                outcome_series(outcome, folder=folder), days, exclude=exclude, salvo_days=salvos, level=level
            )
            rows.append(replace(found, pause=pause.name, claim=pause.main))
    return shown(rows, "pause", "outcome", "first_day", "last_day", "ratio", "p_value", "p_min", "verdict")


def forest_rows(effects, *, registry=None):
    """The frame that `draw_forest` reads: label, ratio, interval, and whether it could be told from chance.

    Raises DesignError where there is no effect to draw.
    """
    if not effects:
        raise DesignError("no effects to draw", field="effects", expected="at least one")
    registry = load_pauses() if registry is None else registry
    rows = to_frame(effects)
    return forest_frame(rows.assign(name=[_title(name, registry) for name in rows["pause"]]))


def _named(effects, *columns):
    """Chosen columns for readers, pauses and groups by their names."""
    registry = load_pauses()
    named = [replace(effect, pause=_title(effect.pause, registry)) for effect in effects]
    return shown(named, "pause", "outcome", *columns)


def _title(name, registry):
    name = name.removeprefix(EPISODE)
    if name in registry:
        return registry[name].name
    if name in TITLES:
        return TITLES[name]
    kind, _, day = name.partition("-")  # such as truces-2026-05-06
    return f"{kind.capitalize()} of {pd.Timestamp(day):%B %Y}"


WISHED_CUT = 0.5


@dataclass(frozen=True)
class Outlook:
    """What windows of one length could reveal on the latest baseline.

    Attributes
    ----------
    outcome : str
    n_days : int
        Length of the window asked about.
    baseline_first_day, baseline_last_day : Timestamp
    p_min : float
        The two-sided p-value if nothing at all flew.
    smallest_visible_cut : float or None
        Share that must be gone to be seen in 80 % of windows; None if no cut would be.
    nights_for_half : int or None
        Shortest window, up to 13 days, in which a cut by half would be seen in 80 % of cases.
    cut_in_longest : float or None
        As `smallest_visible_cut`, for a window of 13 days.
    """

    outcome: str
    n_days: int
    baseline_first_day: pd.Timestamp
    baseline_last_day: pd.Timestamp
    p_min: float
    smallest_visible_cut: float | None
    nights_for_half: int | None
    cut_in_longest: float | None

    def to_frame(self):
        """One row."""
        return pd.DataFrame([vars(self)])

    def summary(self):
        """One sentence for someone who waits for a pause to begin."""
        nights = "1 night" if self.n_days == 1 else f"{self.n_days} nights"
        span = f"{self.baseline_first_day:%Y-%m-%d} to {self.baseline_last_day:%Y-%m-%d}"
        if self.smallest_visible_cut is None:
            best = f"no cut would show reliably (total silence: p = {self.p_min:.2g})"
        else:
            best = f"only a cut of about {self.smallest_visible_cut:.0%} or more would show reliably"
        wait, longest = self.nights_for_half, self.cut_in_longest
        there = "" if longest is None else f", where it takes {longest:.0%}"
        half = f"would not show even in {SHORT_WINDOW} nights{there}" if wait is None else f"needs {wait} nights"
        return f"In {nights} of {outcome_label(self.outcome)}, {best}; a cut by half {half} (baseline {span})."


def look_ahead(counts, n_days, *, baseline=BASELINE_SHORT, exclude=(), level=0.95):
    """What a window of `n_days` after the end of a series could show, from all windows of that length before.

    Parameters
    ----------
    counts : Series of counts by day, NaN = no report
    n_days : int
        1 to 13.
    baseline : int
        Last days of the series that serve as reference.
    exclude : sequence of days
        No reference, such as earlier pauses.
    level : float
        Confidence level of the test that looks for the cut.

    Returns
    -------
    Outlook

    Raises
    ------
    DesignError
        A length outside 1 to 13 days: longer windows need a baseline on both sides.

    Examples
    --------
    >>> days = pd.date_range("2025-01-01", periods=400)
    >>> steady = pd.Series(np.random.default_rng(1).poisson(100, 400), index=days, name="drones")
    >>> look_ahead(steady, 3).nights_for_half
    1
    """
    if not 1 <= n_days <= SHORT_WINDOW:
        raise DesignError(
            "no outlook for this length", field="n_days", expected=f"1 to {SHORT_WINDOW}", found=str(n_days)
        )
    counts = check_counts(counts).iloc[-baseline:]
    reference = counts.notna().to_numpy() & ~counts.index.isin(pd.DatetimeIndex(exclude))
    X, _ = independent_columns(design_matrix(counts.index, holidays=False), reference)
    values = np.nan_to_num(counts.to_numpy())
    expected, _ = expected_counts(X, values, weights=reference.astype(float))

    def test(length):
        pattern = np.ones(length, bool)
        starts = placebo_starts(reference, pattern)
        return PlaceboTest(0.0, window_ratios(values, expected, starts, pattern), alpha=1 - level)

    tests = {length: test(length) for length in range(1, SHORT_WINDOW + 1)}
    cuts = {length: float(tried.smallest_visible_cut) for length, tried in tests.items()}
    cuts = {length: cut if np.isfinite(cut) else None for length, cut in cuts.items()}
    return Outlook(
        outcome=str(counts.name or "counts"), n_days=n_days,
        baseline_first_day=counts.index[0], baseline_last_day=counts.index[-1],
        p_min=float(tests[n_days].p_min_fall), smallest_visible_cut=cuts[n_days],
        nights_for_half=next((length for length, cut in cuts.items() if cut and cut <= WISHED_CUT), None),
        cut_in_longest=cuts[SHORT_WINDOW],
    )  # fmt: skip


def what_to_expect(pause):
    """Say what the data hold of a pause and what its length could reveal on the latest baseline.

    Parameters
    ----------
    pause : Pause

    Returns
    -------
    list of str
        One sentence on coverage, and one per outcome.
    """
    known = [claim.id for claim in pause.claims if claim.covers_days]
    if not known:
        short = any(claim.stated for claim in pause.claims)
        why = "No claim covers a strike day by half" if short else "No party stated both ends of a window"
        return [f"{why}, so there is no length to ask about."]
    days = pause.days(pause.main if pause.main in known else known[0])
    exclude = not_ordinary(load_pauses())
    lines = []
    for outcome in VOLUME:
        series = outcome_series(outcome)
        if not lines:
            lines.append(_coverage(series, days))
        if len(days) > SHORT_WINDOW:
            lines.append(
                f"{outcome_label(outcome)}: a window of {days_text(len(days))} is tested against days on both sides: "
                f"pauses test {pause.id}."
            )
        else:
            lines.append(look_ahead(series, len(days), exclude=exclude).summary())
    return lines


def _coverage(series, days):
    """How far a series reaches and which of some days it lacks."""
    last, missing = series.index[-1], days[series.reindex(days).isna().to_numpy()]
    said = f"The data reach to {last:%Y-%m-%d} and hold {len(days) - len(missing)} of its {days_text(len(days))}"
    if len(missing):
        said += f"; missing: {missing[0]:%Y-%m-%d}" + (f" to {missing[-1]:%Y-%m-%d}" if len(missing) > 1 else "")
    return f"{said}." + (" Newer data: pauses data fetch." if days[-1] > last else "")
