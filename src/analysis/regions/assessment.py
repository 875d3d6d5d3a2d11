"""What the sirens say about one pause: here, everywhere, or elsewhere instead? Everything here is exploratory."""

from dataclasses import dataclass, replace

import pandas as pd

from analysis.effects import EffectsRecord, shown, to_frame
from analysis.pauses import Pause, get_pause, load_pauses
from analysis.procedure import not_ordinary
from analysis.regions.estimates import (
    RELATIVE,
    alert_minutes,
    estimate_alerts,
    estimate_relative,
    estimate_shares,
    find_region,
    usable_regions,
)
from analysis.regions.figures import region_label
from analysis.sentences import FEWER, MORE, NOT_TESTABLE, capital, finding
from analysis.tables import load_table

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
    days = pause.days(chosen)
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
