"""Was energy hit? Partial measures, each with its own days and denominators, which are never merged into one.

A day that a measure cannot read is missing, never a day without a hit. Bounds show what would follow if such days
were all known.
"""

from dataclasses import dataclass, replace
from itertools import product
from math import ceil

import numpy as np
import pandas as pd

from analysis.effects import NATIONAL
from analysis.energy.shares import estimate_share
from analysis.errors import DesignError
from analysis.layout import ONE_DAY
from analysis.sentences import DEPENDS, NOT_TESTABLE, capital
from analysis.tables import load_table

LEAST_REACH, WINDOWS_EACH_SIDE = 180, 25  # days; a long window needs a long baseline to hold enough separate ones
LONGEST_GAP = 7  # days without a reading: beyond such a gap a level is not comparable


@dataclass(frozen=True)
class Measure:
    """One way to see strikes on energy.

    Attributes
    ----------
    outcome, place : str
        The main series, and where it looks.
    title : str
    one, many, short : str
        What is counted: singular, plural, in few words.
    among : str
        The denominator of a day.
    blind, bias : str
        Why it says nothing of a day; what it gets wrong where it speaks.
    """

    outcome: str
    place: str
    title: str
    one: str
    many: str
    short: str
    among: str
    blind: str
    bias: str


MEASURES = {
    "coded": Measure(
        "energy_coded_rear_oblasts", "rear",
        "coded reports", "rear oblast with a reported hit on energy", "rear oblasts with a reported hit on energy",
        "rear oblasts hit",
        "all rear oblasts, on days of which a dated report was found",
        "nothing was found on these days in the archive that was searched, and not found is not none",
        "depends on which days yield a report; several outlets repeat one statement of a ministry",
    ),
    "reported": Measure(
        "energy_reported_share", "rear",
        "news articles", "article on a new strike on energy in the rear",
        "articles on new strikes on energy in the rear", "energy articles (rear)",
        "articles of the day, in outlets whose addresses or headlines carry words",
        "there are no articles of these days, or too few; a yearly VIINA archive, which a user can bring, would help",
        "attention goes to Kyiv and mass raids; articles on an earlier strike raise the day after",
    ),
    "declared": Measure(
        "energy_declared_first", NATIONAL,
        "Russian declarations", "day on which Russia named energy first", "days on which Russia named energy first",
        "energy named first",
        "days whose first-named target can be read",
        "the first-named target of these days cannot be read: posts are cut off, or missing",
        "what Russia says it aimed at, with a motive to leave energy out while it claims to keep a pause",
    ),
    "acled": Measure(
        "energy_acled_share", "rear",
        "ACLED events", "strike in the rear tagged as damage to energy",
        "strikes in the rear tagged as damage to energy", "energy events (rear)",
        "Russian strikes in the rear", "the export that was brought has no events of these days",
        "tags follow what sources name; the user's own export",
    ),
}  # fmt: skip
SHIPPED = ("coded", "reported", "declared")  # the others need files that only a user can bring


def energy_days(measure, *, folder=None):
    """Daily series of one measure, the main one first.

    Parameters
    ----------
    measure : str
        Key of `MEASURES`. "acled" needs the table that a user's own export gives.
    folder : path, optional
        Folder of tables.

    Returns
    -------
    dict of (outcome, stratum) to DataFrame
        Indexed by consecutive days: hits and trials (NaN where the measure cannot read the day); open: True where
        the day was looked at but could be counted either way (coded: not found or silent); basis: what was read, for
        days with another basis are not comparable.

    Raises
    ------
    DesignError
        Unknown measure.

    Examples
    --------
    >>> list(energy_days("coded"))[0]
    ('energy_coded_rear_oblasts', 'rear')
    """
    if measure not in MEASURES:
        raise DesignError("no such measure", field="measure", expected=", ".join(MEASURES), found=repr(measure))
    if measure == "declared":
        table = load_table("energy_declared", folder=folder).query("period == 'day'").set_index("last_day")
        first = table["energy_first"].map({"yes": 1.0, "no": 0.0})
        return {("energy_declared_first", NATIONAL): _frame(first, 1, first.isna())}
    side = load_table("oblasts", folder=folder).set_index("oblast")["rear_or_front"]
    if measure == "coded":
        table = load_table("energy_coded", folder=folder).set_index("day")
        any_hit = (table["code"] == "yes").astype(float).where(table["code"] != "not_found")
        series = {
            ("rear_oblasts", "rear"): (table["rear_oblasts"], (side == "rear").sum()),
            ("rear_oblasts_any_find", "rear, and by chance"): (table["rear_oblasts_any_find"], (side == "rear").sum()),
            ("front_oblasts", "front"): (table["front_oblasts"], (side == "front").sum()),
            ("kyiv_city", "Kyiv City"): (table["kyiv_city"], 1),
            ("any_hit", NATIONAL): (any_hit, 1),
        }
        either = table["code"].isin(["not_found", "silent"])
        return {(f"energy_coded_{name}", place): _frame(*pair, either) for (name, place), pair in series.items()}
    table, unit = load_table(f"energy_{measure}", folder=folder), "articles" if measure == "reported" else "events"
    where = table["oblast"].map(side)
    places = {"rear": where == "rear", "front": where == "front", "Kyiv City": table["oblast"] == "Kyiv City"}
    places[NATIONAL] = table["oblast"] == "Ukraine"
    basis = table.groupby("day")["basis"].first() if "basis" in table else ""
    sums = {
        place: table[rows].groupby("day")[[f"energy_{unit}", f"coded_{unit}"]].sum(min_count=1)
        for place, rows in places.items()
    }
    return {
        (f"energy_{measure}_share", place): _frame(days.iloc[:, 0], days.iloc[:, 1], False, basis)
        for place, days in sums.items()
    }


def _frame(hits, trials, either, basis=""):
    days = pd.DataFrame({"hits": hits.astype(float), "trials": trials, "open": either, "basis": basis})
    days["trials"] = days["trials"].where(days["hits"].notna()).astype(float)
    return days.asfreq("D").assign(open=lambda frame: frame["open"].eq(True)).rename_axis("day")


def measure_of(effect):
    """The measure that an effect belongs to; None for one that is not about energy."""
    return next((measure for name, measure in MEASURES.items() if effect.outcome.startswith(f"energy_{name}")), None)


def describe_measures(measures=SHIPPED, *, folder=None):
    """What each measure counts, which days it can read, and what it gets wrong (Markdown, an item a measure)."""
    items = []
    for name in measures:
        measure, days = MEASURES[name], next(iter(energy_days(name, folder=folder).values()))
        read = days.index[days["trials"] > 0]
        asked = int((days["trials"].notna() | days["open"]).sum()) if days["open"].any() else len(days)
        span = f", between {read.min():%Y-%m-%d} and {read.max():%Y-%m-%d}" if len(read) else ""
        bias = f"{measure.bias}; {coded_by(folder=folder)}" if name == "coded" else measure.bias
        items.append(
            f"* **{capital(measure.title)}** count {measure.many}, among {measure.among}. Readable: {len(read):,} of "
            f"{asked:,} days{span}. What they get wrong: {bias}."
        )
    return "\n".join(items)


def coded_by(*, folder=None):
    """Who coded the reports, in words: runs of a language model have numbers for names."""
    coders = load_table("energy_coded", folder=folder)["coder"]
    runs = int(coders[coders.str.isdigit()].nunique())
    model = f"coded by {runs} runs of a language model, not checked by people" if runs else ""
    people = "coded by people" if not coders.str.isdigit().all() else ""
    return ", the rest ".join(filter(None, [model, people]))


def comparison_span(asked, days):
    """First and last day to compare with: the run of days around the window without a gap of more than a week.

    Parameters
    ----------
    asked : DatetimeIndex
        Days that were looked at, whether or not they can be read.
    days : DatetimeIndex
        The window.

    Returns
    -------
    first, last : Timestamp
        At most half a year on either side, or 25 lengths of the window if that is more.

    Examples
    --------
    >>> asked = pd.date_range("2026-01-01", "2026-02-26").union(pd.date_range("2026-03-26", "2026-06-30"))
    >>> [str(day.date()) for day in comparison_span(asked, pd.date_range("2026-01-30", "2026-01-31"))]
    ['2026-01-01', '2026-02-26']
    """
    reach = max(LEAST_REACH, WINDOWS_EACH_SIDE * len(days)) * ONE_DAY
    near = asked[(asked >= days[0] - reach) & (asked <= days[-1] + reach)].union(days)
    run = (np.diff(near, prepend=near[:1]) > (LONGEST_GAP + 1) * ONE_DAY).cumsum()
    own = near[run == run[near.get_loc(days[0])]]
    return own[0], own[-1]


def days_around(frame, days):
    """Days near a window that a measure looked at, and those of them that it cannot read."""
    asked = _asked(frame, days)
    first, last = comparison_span(asked, days)
    asked = asked[(asked >= first) & (asked <= last)]
    return asked, asked[frame.loc[asked, "trials"].isna()]


def _asked(frame, days):
    looked, basis = frame["trials"].notna() | frame["open"], frame["basis"].reindex(days).dropna()
    return frame.index[looked & (frame["basis"] == basis.iloc[0])] if len(basis) else frame.index[looked]


def estimate_energy(frame, days, name, *, exclude=(), announced=None, same_weekday=False, level=0.95):
    """Compare the share of hits in a window with that of ordinary windows around it.

    Parameters
    ----------
    frame : DataFrame
        As from `energy_days`.
    days, name
        The window, and what the outcome is called.
    exclude, announced, same_weekday, level
        As in `estimate_share`.

    Returns
    -------
    PauseEffect
    """
    return estimate_share(
        frame["hits"].rename(name), frame["trials"], days, exclude=exclude, announced=announced, level=level,
        baseline=comparison_span(_asked(frame, days), days), same_weekday=same_weekday,
    )  # fmt: skip


def bound_energy(frame, days, name, *, exclude=(), announced=None, level=0.95):
    """What would follow if every open day near the window were known: four corners, the extremes among them.

    Parameters
    ----------
    frame, days, name, exclude, announced, level
        As in `estimate_energy`.

    Returns
    -------
    dict of (inside, outside) to PauseEffect
        The open days in the window, and those outside, counted as "none" or as "hit": then with the median of days
        with a hit. Empty without an open day.
    """
    asked, _ = days_around(frame, days)
    either = frame["open"] & frame.index.isin(asked)
    hit = frame.loc[frame["hits"] > 0, "hits"]
    filled = {"none": 0.0, "hit": float(ceil(hit.median())) if len(hit) else 1.0}
    trials = frame["trials"].mask(either, np.fmax(frame["trials"].max(), filled["hit"]))
    corners = {}
    for inside, outside in product(filled, filled) if either.any() else ():
        value = np.where(frame.index.isin(days), filled[inside], filled[outside])
        counted = frame.assign(hits=frame["hits"].where(~either, value), trials=trials)
        corners[inside, outside] = estimate_energy(
            counted, days, name, exclude=exclude, announced=announced, level=level
        )
    return corners


def decide_by_bounds(effect, corners):
    """Let a verdict stand only if no way to count the open days gives another; "not testable" stands."""
    other = {
        f"{corner.verdict} if they were {inside} inside and {outside} outside"
        for (inside, outside), corner in corners.items()
        if corner.verdict not in (effect.verdict, NOT_TESTABLE)
    }
    if effect.verdict == NOT_TESTABLE or not other:
        return effect
    why = f"{effect.verdict} without the days that cannot be read, {', '.join(sorted(other))}"
    return replace(effect, verdict=DEPENDS, reason=f"{why}; {effect.reason}")
