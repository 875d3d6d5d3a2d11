"""One pause and energy: was it spared, by each measure, and did the other side hold back too?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from html import escape
from itertools import product
from math import ceil
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pandas as pd

from analysis.effect import NATIONAL, Answer, PauseEffect, as_markdown, shown
from analysis.errors import DesignError
from analysis.estimate import estimate_effect, estimate_share
from analysis.expected import Floats
from analysis.launches import NIGHTS_AROUND
from analysis.pauses import load_pauses, reported_pauses
from analysis.placebo import SAME_WEEKDAY
from analysis.setting import Findings, Registry, Setting, set_up
from analysis.tables import load_strikes, load_table, outcome_series, outcomes
from analysis.windows import ONE_DAY, Day
from analysis.words import (
    DEPENDS,
    FEWER,
    MORE,
    NO_CHANGE,
    NOT_TESTABLE,
    amount,
    capital,
    days_phrase,
    days_text,
    finding,
)

LEAST_REACH, WINDOWS_EACH_SIDE = 180, 25  # days; a long window needs a long baseline to hold enough separate ones
LONGEST_GAP = 7  # days without a reading: beyond such a gap a level is not comparable
STRATA = ["rule", "energy word", "rest"]  # of news_sample: what the rule says, articles with a word of energy, others
FEWEST_OF_A_CODE = 3  # days to check, of every code
WEEKS_AROUND = 10
BEFORE, AFTER = "disputed-start", "disputed-end"
Corners = dict[tuple[str, str], PauseEffect]
READINGS = {"drones_claimed_by_russia": "left out", "drones_named_by_russia": "counted as none"}


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


MEASURES = {
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
SHIPPED = ("coded", "reported", "declared")  # the others need files that only a user can bring


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
        asked = int((days["trials"].notna() | days["open"]).sum()) if days["open"].any() else len(days)
        span = f", between {read.min():%Y-%m-%d} and {read.max():%Y-%m-%d}" if len(read) else ""
        bias = f"{measure.bias}; {coded_by(folder=folder)}" if name == "coded" else measure.bias
        items.append(
            f"* **{capital(measure.title)}** count {measure.many}, among {measure.among}. Readable: {len(read):,} of "
            f"{asked:,} days{span}. What they get wrong: {bias}."
        )
    return "\n".join(items)


def coded_by(*, folder: Path | None = None) -> str:
    """Who coded the reports, in words: runs of a language model have numbers for names."""
    coders = load_table("energy_coded", folder=folder)["coder"]
    runs = int(coders[coders.str.isdigit()].nunique())
    model = f"coded by {runs} runs of a language model, not checked by people" if runs else ""
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


def days_around(frame: pd.DataFrame, days: pd.DatetimeIndex) -> tuple[pd.DatetimeIndex, pd.DatetimeIndex]:
    """Days near a window that a measure looked at, and those of them that it cannot read."""
    asked = _asked(frame, days)
    first, last = comparison_span(asked, days)
    asked = asked[(asked >= first) & (asked <= last)]
    return asked, asked[frame.loc[asked, "trials"].isna()]


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
    )


def bound_energy(frame: pd.DataFrame, days: pd.DatetimeIndex, name: str, **options: Any) -> Corners:
    """What would follow if every open day near the window were known; `options` are those of `estimate_energy`.

    The open days in the window, and those outside, count as "none" or as "hit": then with the median of days with a
    hit. These four corners are the extremes. Empty without an open day.
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
        corners[inside, outside] = estimate_energy(counted, days, name, **options)
    return corners


def decide_by_bounds(effect: PauseEffect, corners: Corners) -> PauseEffect:
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
    'Of 24 days coded twice, 24 were given the same code (100%,'
    """
    from scipy.stats import binomtest

    twice = coded.dropna(subset=["second_code"])
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
    if not twice[["coder", "second_coder"]].stack().str.isdigit().all():
        return told
    return (
        f"{told} Both codings are runs of one language model, which share their errors: two people would be worth more."
    )


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
    ('not testable', 1)
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
    >>> from analysis.together import load_results
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

WITNESSES = (
    "The measures are no independent witnesses: reports and articles come from the same outlets, which repeat the "
    "same statements of officials, and what Russia declares comes from a party to the pause."
)
CEILING = "consistent with sparing, not established: a truce itself makes officials say that nothing was hit"


def speaks(effect: PauseEffect) -> bool:
    """Whether a measure says anything of a pause: it reads at least half of the days, and has others to compare."""
    return effect.ratio is not None and 2 * effect.n_missing <= effect.n_days


def agreement(effects: Sequence[PauseEffect]) -> str:
    """Whether the main effects of several measures in one pause agree, in one sentence."""
    speaking = [effect for effect in effects if speaks(effect)]
    titles = [measure_of(effect).title for effect in speaking]
    silent = [measure_of(effect).title for effect in effects if effect not in speaking]
    if not speaking:
        return f"None of the {len(effects)} measures ({', '.join(silent)}) can speak about this pause."
    below = [measure_of(effect).title for effect in speaking if effect.ratio < 1]
    point = "less than usual" if below == titles else "different things" if below else "no less than usual"
    told = [measure_of(effect).title for effect in speaking if effect.verdict in (FEWER, MORE)]
    deaf = [measure_of(e).title for e in speaking if not e.testable and measure_of(e).title not in told]
    maybe = ", which may be chance" if set(below) - set(deaf) else ""
    sure = f", told from chance by {' and '.join(told)}" if told else maybe
    if deaf:  # what could not have shown anything must not read like a finding
        where = "" if deaf == titles else f"in {' and '.join(deaf)} "
        sure += f", but {where}even none at all would not have been told from chance"
    rest = f"; {' and '.join(silent)} cannot speak about this pause" if silent else ""
    return f"{capital(' and '.join(titles))} show {point}{sure}{rest}."


def found(effect: PauseEffect) -> str:
    """One finding in words: what was seen, what is usual, the verdict and how sure it is."""
    measure, when = measure_of(effect), days_phrase(replace(effect, n_missing=0))
    if effect.observed is None:
        return f"Cannot speak about the time {when}: {measure.blind}."
    noun = measure.one if effect.observed == 1 else measure.many
    gaps = f" ({effect.n_missing} of these {effect.n_days} days cannot be read)" if effect.n_missing else ""
    seen = f"{amount(effect.observed)} {noun} {when}{gaps}"
    if effect.p_value is None:
        return f"{seen}. Not testable: {effect.reason}."
    usual = f"{seen}, where {effect.expected:.1f} would be usual"
    if effect.verdict == NOT_TESTABLE:
        return f"{usual}. Not testable: {effect.reason} ({chance(effect)})."
    top = "or more" if effect.expected_high is None else f"to {effect.expected_high:.1f}"
    cut = effect.smallest_visible_cut
    power = "no cut, however large, would" if cut is None else f"only a cut of about {cut:.0%} or more would"
    verdict = {
        FEWER: f"Fewer ({chance(effect)}): {CEILING}",
        MORE: f"More ({chance(effect)}): no sign of sparing",
        NO_CHANGE: f"No visible change ({chance(effect)}); {power} have shown in most windows",
        DEPENDS: f"It depends on a choice: {effect.reason.split('; ')[0]} ({chance(effect)})",
    }[effect.verdict]
    return f"{usual} and {effect.expected_low:.1f} {top} ordinary. {verdict}."


def chance(effect: PauseEffect) -> str:
    """The p-value, and what it would be had nothing been hit."""
    return f"p = {effect.p_value:.2g}, at best {effect.p_min:.2g}"


def days_with_hits(anywhere: PauseEffect, coders: str) -> str:
    """On how many days around the pause a hit was reported somewhere in the country, and on which not."""
    known = anywhere.daily.dropna(subset=["observed"])
    without = [f"{day.day} {day:%B}" for day in known.loc[known["observed"] == 0, "day"]]
    return (
        f"Somewhere in the country a hit was reported on {len(known) - len(without)} of the {len(known)} days "
        f"that could be read; days without: {', '.join(without) or 'none'}. Outside a truce a day without hits "
        f"may go unreported ({coders})."
    )


def not_read(asked: pd.DatetimeIndex, unread: pd.DatetimeIndex) -> str:
    """How many of the days around the pause cannot be read; nothing where all can."""
    weekend = ", all at weekends" if (unread.day_of_week >= 5).all() else ""
    return f"Not read: {len(unread)} of the {len(asked)} days around the pause{weekend}." if len(unread) else ""


def week_by_week(weeks: pd.DataFrame) -> str:
    """What Russia named first before, during and after a pause."""
    read = weeks[weeks["named first"] != "unknown"]
    if read.empty:
        return "By week, no declaration around this pause can be read."
    energy = read["named first"] == "energy"
    counted = energy.groupby(read["pause"]).agg(["sum", "size"]).reindex(["before", "during", "after"], fill_value=0)
    counts = "{} of {} readable weeks before the pause, {} of {} during it, {} of {} after it"
    told = f"By week, energy was named first in {counts.format(*counted.to_numpy().ravel())}."
    before = read[read["pause"] == "before"].index
    named = before[energy[before]]
    if not len(named):
        return f"{told} It was not named first before either, so nothing can be read from it."
    if counted.loc[["during", "after"], "sum"].any():
        return told
    last = pd.Timestamp(named[-1])
    until = f"The last such week ended on {last.day} {last:%B %Y}"
    if named[-1] != before[-1]:
        return f"{told} {until}, so that energy had left first place before."
    return f"{told} {until}; energy did not return within {WEEKS_AROUND} weeks after the end: a step, not a pause."


def beside_the_test(effect: PauseEffect, regression: Mapping[str, float] | None) -> str:
    """The same weekdays of other weeks, and the penalised regression (Markdown)."""
    if effect.p_value is None:
        return "There is no test for a companion to stand beside."
    daily = effect.daily.set_index("day")["observed"]
    read = daily[str(effect.first_day) : str(effect.last_day)].notna().to_numpy()
    sums = [daily[start:][: effect.n_days][read].sum() for start in effect.placebo["start"]]
    told = (
        f"**Same weekdays.** Other windows that begin on a {effect.first_day:%A}: {', '.join(map(amount, sums))} "
        f"{measure_of(effect).many}; the pause: {amount(effect.observed)} ({chance(effect)})."
    )
    if regression is None:
        return told
    return (
        f"{told}\n\n**Penalised regression** of any reported hit on being inside, given the drones of the day: "
        "odds times {odds_ratio:.2g} inside (likelihood ratio {statistic:.1f}, p = {p_value:.2g}; {n_days} days, "
        "{without_hit} without a hit). It takes days for independent and stands on one denial: never the result."
    ).format(**regression)


def all_readings(effects: Sequence[PauseEffect], names: Mapping[str, str]) -> str:
    """What the readings of all pauses could show and did, whether those of one pause agree, why others are mute."""
    speaking = [effect for effect in effects if speaks(effect)]
    led = f"Of {len(effects)} readings (a pause by a measure), {_power(speaking)}{_tally(speaking)}."
    lines = [f"**{led}** {WITNESSES}\n"]
    for pause, name in names.items():
        if sum(effect.pause == pause for effect in speaking) > 1:
            lines.append(f"* **{name}.** {agreement([e for e in effects if e.pause == pause])}")
    for measure in dict.fromkeys(map(measure_of, effects)):
        mute = [names[e.pause] for e in effects if measure_of(e) is measure and e not in speaking]
        if mute:
            told = f"cannot speak about: {'; '.join(mute)}. {capital(measure.blind)}."
            lines.append(f"* **{capital(measure.title)}** {told}")
    return "\n".join(lines)


def _power(speaking: Sequence[PauseEffect]) -> str:
    """How many readings cover their pause, and how many of them could have shown anything at all."""
    if not speaking:
        return "none covers enough of its pause's days"
    several, able = len(speaking) > 1, sum(effect.testable for effect in speaking)
    enough = "cover enough of their pause's days" if several else "covers enough of its pause's days"
    if not able:
        none = "none" if several else "not even that one"
        return f"{len(speaking)} {enough}, but {none} could have shown that less was hit, even had nothing been hit"
    some = f"{able} of these" if several else "it"
    return f"{len(speaking)} {enough}, and {some} would have shown that less was hit, had nothing been hit"


def _tally(speaking: Sequence[PauseEffect]) -> str:
    """What the readings that speak found, by verdict; nothing where none could have found anything."""
    verdicts = [effect.verdict for effect in speaking]
    told = [f"{verdicts.count(verdict)} {verdict}" for verdict in (FEWER, MORE) if verdict in verdicts]
    parts = [f"; told from chance: {', '.join(told)}"] if told else []
    parts += ["; none can be told from chance"] if not told and any(effect.testable for effect in speaking) else []
    return "".join(parts + ([f"; {verdicts.count(DEPENDS)} {DEPENDS}"] if DEPENDS in verdicts else []))
