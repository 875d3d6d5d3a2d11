"""Ways to see strikes on energy: what each counts among what, and how far it can be trusted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from html import escape
from itertools import product
from math import ceil
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pandas as pd

from analysis.effect import NATIONAL, PauseEffect, as_markdown
from analysis.errors import DesignError
from analysis.estimate import estimate_share
from analysis.series import OURS
from analysis.tables import load_table
from analysis.vocabulary import MODEL
from analysis.windows import ONE_DAY, Day
from analysis.words import DEPENDS, FEWER, MORE, NO_CHANGE, NOT_TESTABLE, capital, days_text

WEEKS_AROUND = 10  # on either side of a pause
LEAST_REACH, WINDOWS_EACH_SIDE = 180, 25  # days; a long window needs a long baseline to hold enough separate ones
LONGEST_GAP = 7  # days without a reading: beyond such a gap a level is not comparable
STRATA = ["rule", "energy word", "rest"]  # of news_sample: what the rule says, articles with a word of energy, others
FEWEST_OF_A_CODE = 3  # days to check, of every code
Corners = dict[tuple[str, str], PauseEffect]


@dataclass(frozen=True)
class Measure:
    """One way to see strikes on energy: what it counts among what, why it is mute on a day, what it gets wrong."""

    outcome: str
    place: str
    title: str
    one: str
    many: str
    short: str
    among: str
    blind: str
    bias: str


DIGEST_ANY, DIGEST_RUSSIA = "energy_digest_any", "energy_digest_russia"
DIGEST_BESIDE = {(DIGEST_ANY, NATIONAL), (DIGEST_RUSSIA, "Russia")}
MEASURES = {
    "digest": Measure(
        outcome="energy_digest_rear",
        place="rear",
        title="daily list of key events",
        one="day on which a daily list names a hit on energy in the rear",
        many="days on which a daily list names a hit on energy in the rear",
        short="days with a hit (rear)",
        among="days whose list was found by the coder who knew of no pause",
        blind="no list of these days was found, or nobody who knew of no pause was asked to find it",
        bias=f"names large attacks and those in the rear well, small ones near the front badly; {MODEL}",
    ),
    "raids": Measure(
        outcome="energy_raids_facility",
        place=NATIONAL,
        title="large raids",
        one="raid of 20 or more missiles with a named energy facility",
        many="raids of 20 or more missiles with a named energy facility",
        short="raids on energy",
        among="all raids of 20 or more missiles from September 2022 to February 2026",
        blind="no such raid is on record for these days, or no page shows what it hit",
        bias=f"raids come in campaigns, so one says little beside its neighbours; {MODEL}",
    ),
    "coded": Measure(
        outcome="energy_coded_rear_oblasts",
        place="rear",
        title="coded reports",
        one="rear oblast with a reported hit on energy",
        many="rear oblasts with a reported hit on energy",
        short="rear oblasts hit",
        among="all rear oblasts, on days of which a dated report was found",
        blind="nothing was found on these days in the archive that was searched, and not found is not none",
        bias="depends on which days yield a report; several outlets repeat one statement of a ministry",
    ),
    "reported": Measure(
        outcome="energy_reported_share",
        place="rear",
        title="news articles",
        one="article on a new strike on energy in the rear",
        many="articles on new strikes on energy in the rear",
        short="energy articles (rear)",
        among="articles of the day, in outlets whose addresses or headlines carry words",
        blind="there are no articles of these days, or too few; "
        "a yearly VIINA archive, which a user can bring, would help",
        bias="attention goes to Kyiv and mass raids; articles on an earlier strike raise the day after",
    ),
    "declared": Measure(
        outcome="energy_declared_first",
        place=NATIONAL,
        title="Russian declarations",
        one="day on which Russia named energy first",
        many="days on which Russia named energy first",
        short="energy named first",
        among="days whose first-named target can be read",
        blind="the first-named target of these days cannot be read: posts are cut off, or missing",
        bias="what Russia says it aimed at, with a motive to leave energy out while it claims to keep a pause",
    ),
    "acled": Measure(
        outcome="energy_acled_share",
        place="rear",
        title="ACLED events",
        one="strike in the rear tagged as damage to energy",
        many="strikes in the rear tagged as damage to energy",
        short="energy events (rear)",
        among="Russian strikes in the rear",
        blind="the export that was brought has no events of these days",
        bias="tags follow what sources name; the user's own export",
    ),
}
SHIPPED = ("coded", "digest", "raids", "reported", "declared")  # the others need files that only a user can bring


def energy_days(measure: str, *, folder: Path | None = None) -> dict[tuple[str, str], pd.DataFrame]:
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
        Indexed by consecutive days: hits and trials (NaN where the measure cannot read the day, 0 where there was
        nothing to read, as on a day without a raid); open: True where
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
    if measure == "raids":
        return {("energy_raids_facility", NATIONAL): _raid_days(load_table("energy_raids", folder=folder))}
    if measure == "digest":
        return _list_days(load_table("energy_digest", folder=folder))
    side = load_table("oblasts", folder=folder).set_index("oblast")["rear_or_front"]
    if measure == "coded":
        table = load_table("energy_coded", folder=folder).set_index("day")
        rear, front = (side == "rear").sum(), (side == "front").sum()
        table["any_hit"] = (table["code"] == "yes").astype(float).where(table["code"] != "not_found")
        places = {
            "rear_oblasts": ("rear", rear),
            "rear_oblasts_any_find": ("rear, and by chance", rear),
            "front_oblasts": ("front", front),
            "kyiv_city": ("Kyiv City", 1),
            "any_hit": (NATIONAL, 1),
        }
        either = table["code"].isin(["not_found", "silent"])
        return {(f"energy_coded_{n}", place): _frame(table[n], among, either) for n, (place, among) in places.items()}
    table, unit = load_table(f"energy_{measure}", folder=folder), "articles" if measure == "reported" else "events"
    basis = table.groupby("day")["basis"].first() if "basis" in table else ""
    where, frames = table["oblast"].map(side), {}
    own = {"Kyiv City": table["oblast"] == "Kyiv City", NATIONAL: table["oblast"] == "Ukraine"}
    for place, rows in {"rear": where == "rear", "front": where == "front", **own}.items():
        days = table[rows].groupby("day")[[f"energy_{unit}", f"coded_{unit}"]].sum(min_count=1)
        frames[f"energy_{measure}_share", place] = _frame(days.iloc[:, 0], days.iloc[:, 1], False, basis)
    return frames


def _raid_days(raids: pd.DataFrame) -> pd.DataFrame:
    """Every day of the census: a raid is a trial, a day without one has none, one that nothing is known of is open."""
    code, unknown = raids.set_index("day")["code"], raids.set_index("day")["code"] == "not_found"
    frame = _frame((code == "facility").where(~unknown), 1, unknown)
    known = ~frame["open"]
    return frame.assign(**{name: frame[name].fillna(0.0).where(known) for name in ("hits", "trials")})


def _list_days(digest: pd.DataFrame) -> dict[tuple[str, str], pd.DataFrame]:
    """Both sides, by the coder who knew of no pause; days chosen because an attack was known stay out."""
    blind, frames = digest[digest["ukraine"].notna() & ~digest["chosen_because_known"]].set_index("day"), {}
    for (outcome, place), side, codes in (
        (("energy_digest_rear", "rear"), "ukraine", ["yes_rear"]),
        ((DIGEST_ANY, NATIONAL), "ukraine", ["yes_rear", "yes_front"]),
        ((DIGEST_RUSSIA, "Russia"), "russia", ["yes"]),
    ):
        unread = blind[side] == "not_found"
        frames[outcome, place] = _frame(blind[side].isin(codes).where(~unread), 1, unread)
    return frames


def _frame(hits: pd.Series, trials: Any, either: Any, basis: Any = "") -> pd.DataFrame:
    days = pd.DataFrame({"hits": hits.astype(float), "trials": trials, "open": either, "basis": basis})
    days["trials"] = days["trials"].where(days["hits"].notna()).astype(float)
    return days.asfreq("D").assign(open=lambda frame: frame["open"].eq(True)).rename_axis("day")


def measure_of(effect: PauseEffect) -> Measure | None:
    """The measure that an effect belongs to; None for one that is not about energy."""
    return next((measure for name, measure in MEASURES.items() if effect.outcome.startswith(f"energy_{name}")), None)


def describe_measures(measures: Sequence[str] = SHIPPED, *, folder: Path | None = None) -> str:
    """What each measure counts, which days it can read, and what it gets wrong (Markdown, an item a measure)."""
    items = []
    for name in measures:
        measure, days = MEASURES[name], next(iter(energy_days(name, folder=folder).values()))
        read = days.index[days["trials"] > 0]
        asked = int(((days["trials"] > 0) | days["open"]).sum()) if days["open"].any() else len(days)
        span = f", between {read.min():%Y-%m-%d} and {read.max():%Y-%m-%d}" if len(read) else ""
        bias = f"{measure.bias}; {coded_by(folder=folder)}" if name == "coded" else measure.bias
        items.append(
            f"* **{capital(measure.title)}** count {measure.many}, among {measure.among}. Readable: {len(read):,} of "
            f"{asked:,} days{span}. What they get wrong: {bias}. Where they are mute: {measure.blind}."
        )
    return "\n".join(items)


def coded_by(*, folder: Path | None = None) -> str:
    """Who coded the reports, in words: runs of a language model have numbers for names."""
    coders = load_table("energy_coded", folder=folder)["coder"]
    runs = int(coders[coders.str.isdigit()].nunique())
    model = f"coded by {runs} runs of a language model, not yet checked by people" if runs else ""
    people = "coded by people" if not coders.str.isdigit().all() else ""
    return ", the rest ".join(filter(None, [model, people]))


def comparison_span(asked: pd.DatetimeIndex, days: pd.DatetimeIndex) -> tuple[pd.Timestamp, pd.Timestamp]:
    """The run of days around a window that were looked at without a gap of more than a week, half a year at most.

    >>> asked = pd.date_range("2026-01-01", "2026-02-26").union(pd.date_range("2026-03-26", "2026-06-30"))
    >>> [str(day.date()) for day in comparison_span(asked, pd.date_range("2026-01-30", "2026-01-31"))]
    ['2026-01-01', '2026-02-26']
    """
    reach = max(LEAST_REACH, WINDOWS_EACH_SIDE * len(days)) * ONE_DAY
    near = asked[(asked >= days[0] - reach) & (asked <= days[-1] + reach)].union(days)
    run = (np.diff(near, prepend=near[:1]) > (LONGEST_GAP + 1) * ONE_DAY).cumsum()
    own = near[run == run[near.get_loc(days[0])]]
    return own[0], own[-1]


def days_around(frame: pd.DataFrame, days: pd.DatetimeIndex) -> pd.DatetimeIndex:
    """Days near a window that a measure looked at."""
    asked = _asked(frame, days)
    first, last = comparison_span(asked, days)
    return asked[(asked >= first) & (asked <= last)]


def _asked(frame: pd.DataFrame, days: pd.DatetimeIndex) -> pd.DatetimeIndex:
    looked, basis = frame["trials"].notna() | frame["open"], frame["basis"].reindex(days).dropna()
    return frame.index[looked & (frame["basis"] == basis.iloc[0])] if len(basis) else frame.index[looked]


def estimate_energy(
    frame: pd.DataFrame,
    days: pd.DatetimeIndex,
    name: str,
    *,
    exclude: Sequence[Day] = (),
    announced: Day | None = None,
    same_weekday: bool = False,
    level: float = 0.95,
) -> PauseEffect:
    """Compare the share of hits in a window with that of ordinary windows around it."""
    return estimate_share(
        frame["hits"].rename(name),
        frame["trials"],
        days,
        baseline=comparison_span(_asked(frame, days), days),
        exclude=exclude,
        announced=announced,
        same_weekday=same_weekday,
        level=level,
        label=OURS,
    )


def bound_energy(frame: pd.DataFrame, days: pd.DatetimeIndex, name: str, **options: Any) -> Corners:
    """What would follow if every open day near the window were known; `options` are those of `estimate_energy`.

    The open days in the window, and those outside, count as "none" or as "hit": then with the median of days with a
    hit. These four corners are the extremes. Empty without an open day.
    """
    either = frame["open"] & frame.index.isin(days_around(frame, days))
    hit = frame.loc[frame["hits"] > 0, "hits"]
    filled = {"none": 0.0, "hit": float(ceil(hit.median())) if len(hit) else 1.0}
    trials = frame["trials"].mask(either, np.fmax(frame["trials"].max(), filled["hit"]))
    corners = {}
    for inside, outside in product(filled, filled) if either.any() else ():
        value = np.where(frame.index.isin(days), filled[inside], filled[outside])
        counted = frame.assign(hits=frame["hits"].where(~either, value), trials=trials)
        corners[inside, outside] = estimate_energy(counted, days, name, **options)
    return corners


def decide_by_bounds(effect: PauseEffect, corners: Corners) -> PauseEffect:
    """Let a verdict stand only if no way to count the open days gives another; "not testable" stands."""
    words = {FEWER: "a fall", MORE: "a rise", NO_CHANGE: "no change"}
    other = {
        f"{words[corner.verdict]} if they were {inside} inside and {outside} outside"
        for (inside, outside), corner in corners.items()
        if corner.verdict not in (effect.verdict, NOT_TESTABLE)
    }
    if effect.verdict == NOT_TESTABLE or not other:
        return effect
    why = f"{words[effect.verdict]} without the days that cannot be read, {', '.join(sorted(other))}"
    return replace(effect, verdict=DEPENDS, reason=f"{why}; {effect.reason}")


def describe_agreement(coded: pd.DataFrame, *, level: float = 0.95) -> str:
    """How far two codings of the same days agree, in words.

    Parameters
    ----------
    coded : DataFrame
        The table `energy_coded`.
    level : float
        Of the intervals.

    Returns
    -------
    str
        The raw share with its exact (Clopper-Pearson) interval; Cohen's (1960) kappa with that interval carried
        through its formula at the observed chance agreement.

    Examples
    --------
    >>> describe_agreement(load_table("energy_coded"))[:58]
    'Of 114 days coded twice, 112 were given the same code (98%'
    """
    from scipy.stats import binomtest

    twice = coded.dropna(subset=["code", "second_code"])
    if twice.empty:
        return "No day was coded twice, so nothing shows how far two coders would agree."
    agreed = int((twice["code"] == twice["second_code"]).sum())
    exact = binomtest(agreed, len(twice)).proportion_ci(level)
    raw = [agreed / len(twice), exact.low, exact.high]
    shares = [twice[column].value_counts(normalize=True) for column in ("code", "second_code")]
    by_chance = float(shares[0].mul(shares[1], fill_value=0).sum())
    kappa = ", kappa has no meaning with one code throughout"
    if by_chance < 1:
        corrected = [(share - by_chance) / (1 - by_chance) for share in raw]
        kappa = "; Cohen's kappa {:.2f}, {:.2f} to {:.2f}".format(*corrected)
    told = f"Of {days_text(len(twice))} coded twice, {agreed} were given the same code "
    told += "({:.0%}, interval {:.0%} to {:.0%}".format(*raw) + f"{kappa})."
    coders = twice.filter(["coder", "second_coder"])
    if coders.empty or not coders.stack().str.isdigit().all():
        return told
    return (
        f"{told} Both codings are runs of one language model, which share their errors: two people would be worth more."
    )


def describe_agreements() -> str:
    """How far two codings agree in each table of energy that was coded twice, a line a table (Markdown)."""
    names = ["code", "second_code"]
    raids = load_table("energy_raids")[["code_1", "code_2"]].set_axis(names, axis=1)
    read = load_table("energy_digest").dropna(subset=["agreed"])[["ukraine", "ukraine_2"]]
    hits = read.apply(lambda codes: codes.str[:3]).set_axis(names, axis=1)  # the rear or the front alike
    told = {
        "Coded days": load_table("energy_coded"),
        "Large raids, by tier": raids,
        "Daily list, any hit in Ukraine": hits,
    }
    return "\n".join(f"* {name}. {describe_agreement(codes)}" for name, codes in told.items())


def review_days(
    coded: pd.DataFrame, events: pd.DataFrame, *, days: Sequence[Day] = (), n: int = 20, seed: int = 0
) -> pd.DataFrame:
    """Draw coded days for a check by hand.

    Parameters
    ----------
    coded, events : DataFrame
        The tables `energy_coded` and `energy_coded_events`.
    days : sequence of dates
        Days to list in any case.
    n, seed : int
        How many days; how the others are drawn. Of every code at least three are listed, where there are as many;
        further days on which nothing was found, and so nothing can be opened, are not.

    Returns
    -------
    DataFrame
        By day: finding (the code), said to be hit, evidence (list of addresses), remark; agree and disagree, empty.
    """
    drawn = coded.sample(frac=1, random_state=seed)
    first = drawn.groupby("code").cumcount() < FEWEST_OF_A_CODE
    rank = np.select([drawn["day"].isin(days), first, drawn["code"] != "not_found"], [0, 1, 2], 3)
    chosen = drawn[rank < 3].assign(rank=rank[rank < 3]).sort_values("rank", kind="stable").head(n).sort_values("day")
    hits = events[events["found_via"] == "assigned"].drop_duplicates(["day", "oblast"])
    named = hits["oblast"].where(hits["rear_or_front"] != "front", hits["oblast"] + " (front)")
    places = named.replace("unspecified", "place not named").groupby(hits["day"]).agg(", ".join)
    listed = {
        "finding": chosen["code"].str.replace("_", " "),
        "said to be hit": chosen["day"].map(places).fillna("no oblast").mask(chosen["code"] == "not_found", ""),
        "evidence": chosen["evidence_urls"].fillna("").str.split("|"),
        "remark": chosen["note"].fillna(""),
    }
    return pd.DataFrame({**listed, "agree": "", "disagree": ""}).set_index(pd.DatetimeIndex(chosen["day"]))


def measure_rule(sample: pd.DataFrame, *, level: float = 0.95, draws: int = 100_000, seed: int = 0) -> pd.DataFrame:
    """Precision and recall of the rule for news, against a labelled stratified sample such as `news_sample`.

    One row a measure: measure, estimate, low, high, n, positives. Precision has Wilson's interval. Recall is weighted
    by the size of the strata, among articles with a word of energy and among all; its interval comes from the posterior
    of each stratum's share under Jeffreys' prior. The last one is wide because the rest is large: a few missed among
    thousands cannot be ruled out by a small sample that has none.
    """
    from scipy.stats import binomtest

    labelled = sample.assign(yes=sample["label"] == "yes").groupby("stratum")
    n, positives, members = labelled.size(), labelled["yes"].sum(), labelled["stratum_size"].first()
    rng, tails = np.random.default_rng(seed), [(1 - level) / 2, (1 + level) / 2]
    share = {name: rng.beta(positives[name] + 0.5, n[name] - positives[name] + 0.5, draws) for name in STRATA}
    wilson = binomtest(int(positives["rule"]), int(n["rule"])).proportion_ci(level, method="wilson")
    rows = [("precision", positives["rule"] / n["rule"], *wilson, n["rule"], positives["rule"])]
    for measure, strata in (("recall among energy words", ["rule", "energy word"]), ("recall", STRATA)):
        reports = (positives / n * members)[strata]
        drawn = share["rule"] * members["rule"] / sum(share[name] * members[name] for name in strata)
        low, high = np.quantile(drawn, tails)
        rows.append((measure, reports["rule"] / reports.sum(), low, high, n[strata].sum(), positives[strata].sum()))
    return pd.DataFrame(rows, columns=["measure", "estimate", "low", "high", "n", "positives"])


def show_review(listed: pd.DataFrame) -> str:
    """The days to check as a table whose evidence can be opened (Markdown)."""
    links = [
        ", ".join(f"[{escape(urlsplit(address).netloc)}](<{address}>)" for address in addresses if address)
        for addresses in listed["evidence"]
    ]
    remarks = [escape(text).replace("|", "&#124;") for text in listed["remark"]]
    shown = listed.assign(evidence=links, remark=remarks)
    return as_markdown(shown.set_axis(shown.index.strftime("%Y-%m-%d").rename("day")))
