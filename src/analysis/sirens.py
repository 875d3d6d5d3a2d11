"""One pause and the sirens: where they sounded, and where not.

Alerts became shorter and more local: a launched drone brought 34 alert-minutes at night in the rear in late 2024,
5.5 in the spring of 2026. Their level is comparable within about a quarter only, so the baseline is the 90 days on
either side of the window, without trend. Whole strike days are counted, not nights: launches are counted so too,
and in 2026 almost a third of all alert-minutes fall between 09:00 and 18:00.
"""

from dataclasses import dataclass, replace
from difflib import get_close_matches

import numpy as np
import pandas as pd

from analysis.effect import EffectsRecord, decide, shown, to_frame
from analysis.errors import DesignError
from analysis.estimate import BAND, estimate_effect, placebo_fields
from analysis.figures import region_label
from analysis.pauses import Pause, get_pause, load_pauses
from analysis.placebo import PlaceboTest, window_sums
from analysis.setting import not_ordinary
from analysis.tables import load_table
from analysis.windows import ONE_DAY, check_window
from analysis.words import FEWER, MORE, NOT_TESTABLE, capital, days_text, finding

QUARTER = 90  # days before and after a window within which levels are comparable
FEWEST_WINDOWS = 30  # separate windows in the baseline; with 10 to 20 of them 7 to 12 % of true nulls are rejected
MOSTLY_USABLE = 0.9
QUIET = 0.1  # in the quietest tenth of windows, distant regions keep less of their usual share anyway
RELATIVE = "relative_"


def alert_minutes(*, takeoffs=True, folder=None):
    """Minutes under alert by strike day and region.

    Parameters
    ----------
    takeoffs : bool
        Whether the nationwide alarms that look like the take-off of a MiG-31K count.
    folder : path, optional
        Folder of tables.

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


def find_region(name, oblasts):
    """Return the key of a region with alerts from its key or full name; a DesignError names those most like it.

    Examples
    --------
    >>> find_region("Kyiv oblast", load_table("oblasts"))
    'Kyiv'
    """
    used = oblasts[oblasts["alerts_status"] == "used"]
    known = {word.casefold(): row.oblast for row in used.itertuples() for word in (row.name_en, row.oblast)}
    wanted = str(name).strip().casefold()
    if wanted in known:
        return known[wanted]
    close = dict.fromkeys(known[word] for word in get_close_matches(wanted, known, n=6, cutoff=0.5))
    raise DesignError(
        "no alerts of such a region", field="region", found=repr(name)[:60],
        expected=" or ".join(close) or "a region of data/oblasts.csv with alerts",
        remedy="choose a region whose alerts_status in data/oblasts.csv is used",
    )  # fmt: skip


def usable_regions(minutes, days, regions):
    """Those of `regions` that are usable on every day of the window and nine tenths of the quarter around it."""
    days = check_window(days)
    near = minutes.loc[days[0] - QUARTER * ONE_DAY : days[-1] + QUARTER * ONE_DAY, list(regions)]
    inside = near.reindex(days).notna().all()
    return [region for region in near if inside[region] and near[region].notna().mean() >= MOSTLY_USABLE]


def estimate_alerts(counts, days, *, exclude=(), announced=None, level=0.95):
    """Compare one window of a daily series of alerts with the quarter before and the quarter after it.

    Parameters
    ----------
    counts : Series
        Minutes under alert by day; NaN = not usable.
    days, exclude, announced, level
        As in `estimate_effect`.

    Returns
    -------
    PauseEffect
        Expected is the mean of the ordinary days. A window of which fewer than 30 separate ones fit into the
        baseline is not tested: windows that overlap are not that many placebos.

    Examples
    --------
    >>> days = pd.date_range("2025-01-01", periods=150)
    >>> minutes = pd.Series(np.random.default_rng(1).gamma(2, 100, 150), index=days, name="alert_minutes")
    >>> estimate_alerts(minutes, days[80:88]).reason
    'the quarters before and after hold only 16 separate windows of 8 days, at least 30 are needed'
    """
    return _if_separate(_against_quarters(counts, check_window(days), exclude, announced, level))


def estimate_relative(counts, others, days, *, exclude=(), announced=None, level=0.95):
    """Compare a region's alerts, relative to other regions', in one window and in ordinary windows.

    The ratio of sums, region over others, in the window against the baseline. The placebos shift the window of the
    whole panel in time: what moves all regions alike cancels, and the dependence between regions is kept.

    Parameters
    ----------
    counts, others : Series
        Minutes of the region, and of the other regions together. The rest is as in `estimate_alerts`.

    Returns
    -------
    PauseEffect
        Its outcome has "relative_" in front; expected is what the others' minutes in the window imply. Not tested
        where the others were as quiet as in the quietest tenth of ordinary windows: what still flies then stays near
        the front, so distant regions lose more than their share, pause or not.

    Examples
    --------
    >>> days = pd.date_range("2025-01-01", periods=180)
    >>> others = pd.Series(np.random.default_rng(1).gamma(2, 500, 180), index=days)
    >>> minutes = (0.1 * others).rename("alert_minutes")
    >>> minutes.iloc[90:93] *= 0.4
    >>> round(estimate_relative(minutes, others, days[90:93]).ratio, 6)
    0.4
    """
    days, others = check_window(days), others.reindex(counts.index)
    own = _against_quarters(counts.where(others.notna()), days, exclude, announced, level)
    own = replace(own, outcome=f"{RELATIVE}{own.outcome}")
    if own.p_value is None:
        return own
    daily = own.daily.set_index("day")
    ordinary, observed = daily["role"] == "baseline", daily["observed"]
    implied = others.reindex(daily.index) * observed[ordinary].sum() / (others[daily.index[ordinary]].sum() or np.nan)
    starts, pattern = daily.index.get_indexer([*own.placebo["start"], days[0]]), observed[days].notna().to_numpy()
    seen, mean = (window_sums(column.fillna(0).to_numpy(), starts, pattern) for column in (observed, implied))
    ratios = np.divide(seen, mean, out=np.full(len(seen), np.nan), where=mean > 0)
    low, high = (observed / implied)[ordinary & (implied > 0)].quantile(BAND)
    effect = replace(
        own, expected=float(mean[-1]), ratio=float(ratios[-1]) if mean[-1] > 0 else None,
        daily=daily.assign(expected=implied, low=low * implied, high=high * implied).reset_index(),
        placebo=own.placebo.assign(ratio=ratios[:-1]),
    )  # fmt: skip
    effect = _if_separate(effect)
    if effect.p_value is None:
        return effect
    if mean[-1] <= np.quantile(mean[:-1], QUIET):
        return _untested(effect, "the others were as quiet themselves as in the quietest tenth of ordinary windows")
    return _tested(effect)


def estimate_shares(minutes, days, whole):
    """Each region's share of all alert-minutes in the window, beside its usual share and ordinary windows.

    Parameters
    ----------
    minutes : DataFrame
        By day, a column a region.
    days : DatetimeIndex
    whole : PauseEffect
        The sum of these regions in the window `days`: it says which days are the baseline.

    Returns
    -------
    shares : DataFrame
        A row a region: minutes, share, usual, low, high, ratio, outside ("more", "less" or ""). The band from low
        to high holds 95 of 100 ordinary windows; empty where such windows are not tested, or none was as quiet.
    windows : DataFrame
        Shares by first day of a window, a column a region: the ordinary windows and the one asked about.
    """
    if not whole.n_placebo:
        empty = pd.DataFrame(np.nan, minutes.columns, ["minutes", "share", "usual", "low", "high", "ratio"])
        return empty.assign(outside=""), minutes.iloc[:0]
    starts = pd.DatetimeIndex([days[0], *whole.placebo["start"]])
    sums = window_sums(minutes.fillna(0).to_numpy().T, minutes.index.get_indexer(starts), np.ones(len(days), bool)).T
    windows = pd.DataFrame(sums, starts, minutes.columns)
    shares = windows.div(windows.sum(axis=1).replace(0, np.nan), axis=0)
    ordinary = minutes.loc[whole.daily.loc[whole.daily["role"] == "baseline", "day"]].sum()
    told = whole.p_value is not None and whole.ratio >= whole.placebo["ratio"].min()
    band = shares.iloc[1:].quantile(BAND) if told else shares.iloc[:0].reindex(BAND)
    table = pd.DataFrame({"minutes": windows.iloc[0], "share": shares.iloc[0], "usual": ordinary / ordinary.sum()})
    table = table.assign(low=band.loc[BAND[0]], high=band.loc[BAND[1]], ratio=table["share"] / table["usual"])
    beyond = [table["share"] > table["high"], table["share"] < table["low"]]
    return table.assign(outside=np.select(beyond, ["more", "less"], "")), shares.sort_index()


def _against_quarters(counts, days, exclude, announced, level):
    """Window shift against the level of 90 days before and 90 days after."""
    quarters = (days[0] - QUARTER * ONE_DAY, days[-1] + QUARTER * ONE_DAY)
    return estimate_effect(
        counts, days, baseline=quarters, exclude=exclude, announced=announced, trend="constant", weekday=False,
        holidays=False, test="shift", level=level,
    )  # fmt: skip


def _if_separate(effect):
    """Not tested where the baseline holds too few windows that do not overlap."""
    separate = int((effect.daily["role"] == "baseline").sum()) // effect.n_days
    if effect.p_value is None or separate >= FEWEST_WINDOWS:
        return effect
    windows = f"{separate} separate windows of {days_text(effect.n_days)}, at least {FEWEST_WINDOWS} are needed"
    return _untested(effect, f"the quarters before and after hold only {windows}")


def _tested(effect):
    """Judge the ratio against the placebos; expected, daily and placebo are already in place."""
    test = PlaceboTest(effect.ratio, effect.placebo["ratio"].to_numpy(), effect.alternative, effect.alpha)
    found = placebo_fields(test, effect.expected)
    silence = f"even total silence would have p = {found['p_min']:.2g} against {test.n_placebo} comparable windows"
    reason = "the window of the whole panel shifted in time" if found["testable"] else silence
    return decide(replace(effect, **found, reason=reason))


def _untested(effect, why):
    """The same description, with the reason why there is no test."""
    return replace(
        effect, p_value=None, p_min=None, ratio_low=None, ratio_high=None, expected_low=None, expected_high=None,
        smallest_visible_cut=None, testable=False, verdict=NOT_TESTABLE, reason=why,
    )  # fmt: skip


MINUTES, TAKEOFFS = "alert_minutes", "takeoff_alarms"
WITHOUT, RELATIVE_MINUTES = f"{MINUTES}_without_takeoffs", f"{RELATIVE}{MINUTES}"
GROUPS = {"rear": "the regions away from the front", "front": "the regions near the front", "all": "all regions"}
DISPLACED = "These others may themselves have received displaced strikes, which makes a fall look larger."


@dataclass(frozen=True)
class RegionalAssessment:
    """What air-raid alerts say about one pause.

    Attributes
    ----------
    pause : Pause
    claim : str
        The claim in question.
    regions : dict of str to str
        The named regions, the first one in the pictures: key in oblasts.csv and name in a sentence.
    members : dict of str to list
        The usable regions of the groups "rear", "front" and "all".
    effects : tuple of PauseEffect
        Stratum is a region or a group. None of them counts in a family of tests.
    shares, windows : DataFrame
        As from `estimate_shares`; `shares` has all regions, with name, tile_row and tile_column.
    data_until : Timestamp
        Last strike day of the alerts.
    """

    pause: Pause
    claim: str
    regions: dict
    members: dict
    effects: tuple
    shares: pd.DataFrame
    windows: pd.DataFrame
    data_until: pd.Timestamp

    def select(self, outcome, stratum, *, claim=None):
        """The effect of one outcome in one region or group."""
        key = (outcome, stratum, claim or self.claim)
        return next(e for e in self.effects if (e.outcome, e.stratum, e.claim) == key)

    def to_frame(self):
        """Every row that this pause adds to the record."""
        return to_frame(self.effects)

    def record(self):
        """The effects as a notebook output that a batch can read back."""
        return EffectsRecord(self.effects)

    def summary(self):
        """A finding for each named region, on its own and relative to the others, and for the whole rear (Markdown)."""
        told = [self.say(outcome, key) for key in self.regions for outcome in (MINUTES, RELATIVE_MINUTES)]
        return "\n\n".join([*told, self.say(MINUTES, "rear")])

    def everywhere(self):
        """A finding for the regions away from the front, those near it, and all together (Markdown)."""
        return "\n\n".join(self.say(MINUTES, group) for group in GROUPS)

    def say(self, outcome, stratum):
        """One finding in words, with the place it speaks of."""
        effect = self.select(outcome, stratum)
        if stratum in GROUPS:
            return f"**{capital(GROUPS[stratum])}, {len(self.members[stratum])} usable.** {finding(effect)}"
        if outcome != RELATIVE_MINUTES:
            return f"**{self.regions[stratum]}.** {finding(effect)}"
        words, caution = finding(replace(effect, outcome=MINUTES)), "" if effect.p_value is None else f" {DISPLACED}"
        return f"**{self.regions[stratum]} relative to the other regions away from the front.** {words}{caution}"

    def coverage(self):
        """How far the alerts reach and which regions they cover, in a sentence."""
        broken = self.shares.loc[self.shares["usual"].isna(), "name"]
        return (
            f"The alerts reach to {self.data_until:%Y-%m-%d}. Of {len(self.shares)} regions with alerts "
            f"{len(self.shares) - len(broken)} are usable in this window and the quarters around it; "
            f"not usable: {', '.join(broken) or 'none'}."
        )

    def by_claim(self):
        """The verdict under each party's window, side by side."""
        asked = [(outcome, key) for key in self.regions for outcome in (MINUTES, RELATIVE_MINUTES)]
        claims = dict.fromkeys(effect.claim for effect in self.effects)
        rows = [self.select(*one, claim=claim) for claim in claims for one in [*asked, (MINUTES, "rear")]]
        numbers = ["n_days", "observed", "expected", "ratio", "p_value"]
        table = shown(rows, "claim", "stratum", "outcome", "first_day", *numbers, "verdict")
        return table.assign(stratum=table["stratum"].map(region_label))

    def under_each_claim(self):
        """What each party said, and what the sirens show in its window (Markdown, an item a claim)."""
        return "\n".join(f"* {self._under(claim)}" for claim in self.pause.claims)

    def takeoffs(self):
        """Whether the alarms for take-offs of a MiG-31K matter, in words."""
        told = [f"{name} {_brief(self.select(WITHOUT, key))}" for key, name in self.regions.items()]
        alarms = finding(self.select(TAKEOFFS, "all"))
        return f"{alarms} Without the minutes of such alarms: {'; '.join(told)}."

    def elsewhere(self):
        """Which regions had a larger or smaller share of all alerts than in ordinary windows, in words."""
        known, whole = self.shares[self.shares["low"].notna()], self.select(MINUTES, "all")
        if known.empty:
            quiet = "no ordinary window was as quiet as this"
            return f"Shares of regions: no comparison; {quiet if whole.p_value else whole.reason.split('; ')[0]}."
        moved = {side: known[known["outside"] == side].itertuples() for side in ("more", "less")}
        told = {side: [f"{r.name} ({r.share:.0%}, usually {r.usual:.0%})" for r in moved[side]] for side in moved}
        found = "; ".join(f"{side} than usual in {' and '.join(names)}" for side, names in told.items() if names)
        return (
            f"Share of all alert-minutes in {len(known)} usable regions: {found or 'none outside its ordinary range'}. "
            "By chance alone about one in twenty would be outside, and more in a very quiet window. Shares add up to "
            "one: where one region falls silent, those of others grow without any strike displaced."
        )

    def ranks(self):
        """Where the named regions rank among all by share over usual share, in words."""
        ratio = self.shares["ratio"].dropna()
        if ratio.empty:
            return "No region has a share to rank."
        told = [
            f"{(ratio <= ratio[key]).sum() - 1} of the other {len(ratio) - 1} regions lie as low as {name} or lower"
            for key, name in self.regions.items()
            if key in ratio
        ]
        few = f"among {len(ratio)} regions no rank is rare enough for a test"
        return f"By share over usual share {' and '.join([*told, few])}."

    def shares_frame(self):
        """The shares as a table, regions outside their ordinary range first."""
        order = self.shares.assign(inside=self.shares["outside"] == "").sort_values(["inside", "name"])
        return order.set_index("name")[["minutes", "share", "usual", "low", "high", "outside"]].round(3)

    def plot(self, ax=None):
        """Draw the first named region's daily minutes under alert."""
        from analysis.figures import finish

        key, name = next(iter(self.regions.items()))
        return finish(self.select(MINUTES, key).plot(ax), title=name)

    def describe(self):
        """Alternative text for `plot`."""
        key, name = next(iter(self.regions.items()))
        return f"{name}. {self.select(MINUTES, key).describe_series()}"

    def _under(self, claim):
        tested = claim.id if claim.id in {effect.claim for effect in self.effects} else self.claim
        window = claim.window_text if tested == claim.id else f'{claim.window_text}, so that of "{tested}" is taken'
        scope = claim.note.split("; ")[0] or "no words recorded"
        key, name = next(iter(self.regions.items()))
        asked = ((MINUTES, key), (MINUTES, "rear"), (RELATIVE_MINUTES, key))
        own, rear, relative = (self.select(*one, claim=tested) for one in asked)
        told = (
            f"{name} {_brief(own)}; {GROUPS['rear']} {_brief(rear)}; {name} relative to the others {_brief(relative)}"
        )
        return f"**By the word of {claim.party}** ({scope}; {window}): {told}. {_reading(name, relative, rear)}"


def assess_regions(pause_id, *, claim="main", regions=("Kyiv City", "Kyiv"), level=0.95, registry=None, folder=None):
    """Ask where the sirens sounded during one announced pause.

    Parameters
    ----------
    pause_id, claim, level, registry, folder
        As in `assess`; the other claims that state a window are estimated too.
    regions : sequence of str
        Keys or full names in oblasts.csv, the most important one first.

    Returns
    -------
    RegionalAssessment

    Raises
    ------
    RegistryError, DataError
        As `assess`.
    DesignError
        Unknown region.

    Examples
    --------
    >>> assess_regions("cold-week-pause-2026-01").select("alert_minutes", "Kyiv City").verdict
    'not testable'
    """
    registry = load_pauses() if registry is None else registry
    pause = get_pause(registry, pause_id)
    chosen = pause.claim(claim).id
    days = pause.days_to_test(chosen)
    oblasts = load_table("oblasts", folder=folder).set_index("oblast", drop=False)
    names = {key: oblasts.loc[key, "name_en"] for key in (find_region(name, oblasts) for name in regions)}
    panels = {MINUTES: alert_minutes(folder=folder), WITHOUT: alert_minutes(takeoffs=False, folder=folder)}
    alarms = load_table("alerts", folder=folder).groupby("day")["mig31k_started"].max()
    panels[TAKEOFFS] = alarms.rename(TAKEOFFS)
    away = oblasts.loc[list(panels[MINUTES]), "away_from_front"]
    groups = {"rear": away.index[away], "front": away.index[~away], "all": away.index}
    exclude, effects = not_ordinary(registry, besides=pause), []
    for claim_id in (chosen, *pause.other_claims(chosen)):
        options = {"exclude": exclude, "announced": pause.first_announced_day(claim_id), "level": level}
        rows = _estimates(panels, pause.days(claim_id), names, groups, options)
        effects += [replace(row, pause=pause.id, claim=claim_id) for row in rows]
    minutes = panels[MINUTES]
    whole = next(effect for effect in effects if effect.stratum == "all")
    members = {group: usable_regions(minutes, days, keys) for group, keys in groups.items()}
    shares, windows = estimate_shares(minutes[members["all"]], days, whole)
    tiles = oblasts.loc[list(minutes), ["name_en", "tile_row", "tile_column"]].rename(columns={"name_en": "name"})
    shares = tiles.join(shares).fillna({"outside": ""})
    return RegionalAssessment(pause, chosen, names, members, tuple(effects), shares, windows, minutes.index[-1])


def _estimates(panels, days, names, groups, options):
    """The rows of one window: groups, take-off alarms, and each named region on its own and relative to the rear."""
    minutes = panels[MINUTES]
    groups = {group: usable_regions(minutes, days, regions) for group, regions in groups.items()}
    asked = [(group, _total(minutes, members)) for group, members in groups.items()] + [("all", panels[TAKEOFFS])]
    asked += [(key, panels[outcome][key].rename(outcome)) for key in names for outcome in (MINUTES, WITHOUT)]
    rows = [replace(estimate_alerts(series, days, **options), stratum=stratum) for stratum, series in asked]
    for key in names:
        others = _total(minutes, [region for region in groups["rear"] if region != key])
        relative = estimate_relative(minutes[key].rename(MINUTES), others, days, **options)
        rows.append(replace(relative, stratum=key))
    return rows


def _total(minutes, regions):
    """Minutes of several regions together; empty on days on which one of them is not usable."""
    return minutes[regions].sum(axis=1, skipna=False, min_count=1).rename(MINUTES)


def _brief(effect):
    """A verdict with its ratio, in half a sentence."""
    words = {FEWER: "quieter than expected", MORE: "louder than expected"}.get(effect.verdict, effect.verdict)
    return words if effect.ratio is None else f"{words} ({effect.ratio:.2f} times the expected minutes)"


def _reading(name, relative, rear):
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
