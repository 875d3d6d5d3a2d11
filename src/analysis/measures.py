"""Ways to see strikes on energy: what each counts among what, and how far it can be trusted."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from html import escape
from importlib.resources import files
from itertools import product
from math import ceil
from pathlib import Path
from types import MappingProxyType
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pandas as pd

from analysis.days import Day, as_days
from analysis.effect import NATIONAL, PauseEffect, as_markdown
from analysis.errors import DesignError
from analysis.estimate import estimate_share
from analysis.series import OURS
from analysis.tables import load_table
from analysis.vocabulary import MODEL
from analysis.windows import ONE_DAY
from analysis.words import DEPENDS, FEWER, MORE, NO_CHANGE, NOT_TESTABLE, capital, days_text

LEAST_REACH, WINDOWS_EACH_SIDE = 180, 25  # days; a long window needs a long baseline to hold enough separate ones
LONGEST_GAP = 7  # days without a reading: beyond such a gap a level is not comparable
STRATA = ["rule", "energy word", "rest"]  # of news_sample: what the rule says, articles with a word of energy, others
FEWEST_OF_A_CODE = 3  # days to check, of every code
Corners = dict[tuple[str, str], PauseEffect]


SHIPPED = ("coded", "digest", "raids", "reported", "declared")  # the others need files that only a user can bring
PLACED = ("digest", "raids")  # measures whose readings have gaps: their windows are placed among readings


@dataclass(frozen=True)
class Measure:
    """One way to see strikes on energy, as measures.toml states it."""

    outcome: str
    place: str
    title: str
    one: str
    many: str
    short: str
    among: str
    blind: str
    bias: str
    beside: Mapping[str, str] = field(default_factory=dict)


@cache
def load_measures() -> Mapping[str, Measure]:
    """All measures of measures.toml by name."""
    stated = tomllib.loads(files("analysis").joinpath("measures.toml").read_text("utf-8"))
    return MappingProxyType({name: Measure(**words) for name, words in stated.items()})


def energy_days(measure: str, *, folder: Path | None = None) -> dict[tuple[str, str], pd.DataFrame]:
    """Daily series of one measure, the main one first.

    Parameters
    ----------
    measure : str
        Name of a measure. "acled" needs the table that a user's own export gives.
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
    if measure not in load_measures():
        raise DesignError("no such measure", field="measure", expected=", ".join(load_measures()), found=repr(measure))
    table = load_table(f"energy_{measure}", folder=folder)
    if measure == "declared":
        days = table[table["period"] == "day"].set_index("last_day")
        first = days["energy_first"].map({"yes": 1.0, "no": 0.0})
        return {("energy_declared_first", NATIONAL): _frame(first, 1, either=first.isna())}
    if measure == "raids":
        return {("energy_raids_facility", NATIONAL): _raid_days(table)}
    if measure == "digest":
        return _list_days(table)
    side = load_table("oblasts", folder=folder).set_index("oblast")["rear_or_front"]
    return _coded_days(table, side) if measure == "coded" else _shares(table, side, measure)


def _raid_days(raids: pd.DataFrame) -> pd.DataFrame:
    """Every day of the census: a raid is a trial, a day without one has none, one that nothing is known of is open."""
    code = raids.set_index("day")["code"]
    unknown = code == "not_found"
    frame = _frame((code == "facility").where(~unknown), 1, either=unknown)
    frame[["hits", "trials"]] = frame[["hits", "trials"]].fillna(0.0).mask(frame["open"])
    return frame


def _list_days(digest: pd.DataFrame) -> dict[tuple[str, str], pd.DataFrame]:
    """Both sides, by the coder who knew of no pause; days chosen because an attack was known stay out."""
    blind = digest[digest["ukraine"].notna() & ~digest["chosen_because_known"]].set_index("day")
    frames = {}
    for outcome, place, side, codes in (
        ("energy_digest_rear", "rear", "ukraine", ["yes_rear"]),
        ("energy_digest_any", NATIONAL, "ukraine", ["yes_rear", "yes_front"]),
        ("energy_digest_russia", "Russia", "russia", ["yes"]),
    ):
        unread = blind[side] == "not_found"
        frames[outcome, place] = _frame(blind[side].isin(codes).where(~unread), 1, either=unread)
    return frames


def _coded_days(coded: pd.DataFrame, side: pd.Series) -> dict[tuple[str, str], pd.DataFrame]:
    table = coded.set_index("day")
    table["any_hit"] = (table["code"] == "yes").astype(float).where(table["code"] != "not_found")
    either = table["code"].isin(["not_found", "silent"])
    frames = {}
    for column, place, among in (
        ("rear_oblasts", "rear", (side == "rear").sum()),
        ("rear_oblasts_any_find", "rear, and by chance", (side == "rear").sum()),
        ("front_oblasts", "front", (side == "front").sum()),
        ("kyiv_city", "Kyiv City", 1),
        ("any_hit", NATIONAL, 1),
    ):
        frames[f"energy_coded_{column}", place] = _frame(table[column], among, either=either)
    return frames


def _shares(table: pd.DataFrame, side: pd.Series, measure: str) -> dict[tuple[str, str], pd.DataFrame]:
    """Hits among the articles or events of each place and day."""
    unit = "articles" if measure == "reported" else "events"
    basis = table.groupby("day")["basis"].first() if "basis" in table else ""
    oblast, frames = table["oblast"], {}
    places = {place: oblast.map(side) == place for place in ("rear", "front")}
    places |= {"Kyiv City": oblast == "Kyiv City", NATIONAL: oblast == "Ukraine"}
    for place, own in places.items():
        days = table[own].groupby("day")[[f"energy_{unit}", f"coded_{unit}"]].sum(min_count=1)
        frames[f"energy_{measure}_share", place] = _frame(days.iloc[:, 0], days.iloc[:, 1], basis=basis)
    return frames


def _frame(hits: pd.Series, trials: int | pd.Series, *, either: Any = False, basis: Any = "") -> pd.DataFrame:
    days = pd.DataFrame({"hits": hits.astype(float), "trials": trials, "open": either, "basis": basis})
    days["trials"] = days["trials"].where(days["hits"].notna()).astype(float)
    return days.asfreq("D").assign(open=lambda frame: frame["open"].eq(True)).rename_axis("day")


def measure_of(effect: PauseEffect) -> Measure | None:
    """The measure that an effect belongs to; None for one that is not about energy."""
    named = (measure for name, measure in load_measures().items() if effect.outcome.startswith(f"energy_{name}"))
    return next(named, None)


def describe_measures(measures: Sequence[str] = SHIPPED, *, folder: Path | None = None) -> str:
    """What each measure counts, which days it can read, and what it gets wrong (Markdown, an item a measure)."""
    items = []
    for name in measures:
        measure, days = load_measures()[name], next(iter(energy_days(name, folder=folder).values()))
        read = days.index[days["trials"] > 0]
        asked = int(((days["trials"] > 0) | days["open"]).sum()) if days["open"].any() else len(days)
        span = f", between {read.min():%Y-%m-%d} and {read.max():%Y-%m-%d}" if len(read) else ""
        bias = "; ".join(filter(None, [measure.bias, coded_by(name, folder=folder)]))
        items.append(
            f"* **{capital(measure.title)}** count {measure.many}, among {measure.among}. Readable: {len(read):,} of "
            f"{asked:,} days{span}. What they get wrong: {bias}. Where they are mute: {measure.blind}."
        )
    return "\n".join(items)


def coded_by(measure: str, *, folder: Path | None = None) -> str:
    """Who coded what a measure rests on, in words, nothing where nobody did; runs of a language model are numbered."""
    if measure in PLACED:
        return MODEL
    if measure != "coded":
        return ""
    coders = load_table("energy_coded", folder=folder)["coder"]
    runs = int(coders[coders.str.isdigit()].nunique())
    model = f"coded by {runs} runs of a language model, not yet checked by people" if runs else ""
    people = "" if coders.str.isdigit().all() else "coded by people"
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
        frame["hits"].rename(name), frame["trials"], days, baseline=comparison_span(_asked(frame, days), days),
        exclude=exclude, announced=announced, same_weekday=same_weekday, level=level, label=OURS,
    )  # fmt: skip


def bound_energy(
    frame: pd.DataFrame,
    days: pd.DatetimeIndex,
    name: str,
    *,
    exclude: Sequence[Day] = (),
    announced: Day | None = None,
    level: float = 0.95,
) -> Corners:
    """What would follow if every open day near the window were known.

    The open days in the window, and those outside, count as "none" or as "hit": then with the median of days with a
    hit. These four corners are the extremes. Empty without an open day.
    """
    either = frame["open"] & frame.index.isin(days_around(frame, days))
    if not either.any():
        return {}
    hit = frame.loc[frame["hits"] > 0, "hits"]
    filled = {"none": 0.0, "hit": float(ceil(hit.median())) if len(hit) else 1.0}
    trials = frame["trials"].mask(either, np.fmax(frame["trials"].max(), filled["hit"]))
    corners = {}
    for inside, outside in product(filled, repeat=2):
        value = np.where(frame.index.isin(days), filled[inside], filled[outside])
        counted = frame.assign(hits=frame["hits"].where(~either, value), trials=trials)
        effect = estimate_energy(counted, days, name, exclude=exclude, announced=announced, level=level)
        corners[inside, outside] = effect
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
    shared = "Both codings are runs of one language model, which share their errors: two people would be worth more."
    return f"{told} {shared}"


def describe_agreements() -> str:
    """How far two codings agree in each table of energy that was coded twice, a line a table (Markdown)."""
    names = ["code", "second_code"]
    raids = load_table("energy_raids")[["code_1", "code_2"]].set_axis(names, axis=1)
    read = load_table("energy_digest").dropna(subset=["agreed"])[["ukraine", "ukraine_2"]]
    hits = read.apply(lambda codes: codes.str[:3]).set_axis(names, axis=1)  # the rear or the front alike
    told = {"Coded days": load_table("energy_coded"), "Large raids, by tier": raids}
    told |= {"Daily list, any hit in Ukraine": hits}
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
    rank = np.select([drawn["day"].isin(as_days(days, "days")), first, drawn["code"] != "not_found"], [0, 1, 2], 3)
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
