"""One pause and energy: was it spared, by each measure, and did the other side hold back too?"""

from dataclasses import dataclass, replace
from datetime import date
from html import escape
from itertools import product
from math import ceil
from urllib.parse import urlsplit

import numpy as np
import pandas as pd

from analysis.effect import NATIONAL, EffectsRecord, PauseEffect, shown, to_frame
from analysis.errors import DesignError
from analysis.estimate import estimate_effect, estimate_share
from analysis.launches import NIGHTS_AROUND, Assessment
from analysis.pauses import Pause, get_pause, load_pauses, reported_pauses
from analysis.placebo import SAME_WEEKDAY
from analysis.setting import not_ordinary
from analysis.tables import load_strikes, load_table, outcome_series, outcomes
from analysis.windows import ONE_DAY
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


FEWEST_OF_A_CODE = 3
STRATA = ["rule", "energy word", "rest"]  # of news_sample: what the rule says, articles with a word of energy, others


def describe_agreement(coded, *, level=0.95):
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
    >>> from analysis.tables import load_table
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
    chance = float(shares[0].mul(shares[1], fill_value=0).sum())
    kappa = ", kappa has no meaning with one code throughout"
    if chance < 1:
        kappa = "; Cohen's kappa {:.2f}, {:.2f} to {:.2f}".format(*((share - chance) / (1 - chance) for share in raw))
    told = f"Of {days_text(len(twice))} coded twice, {agreed} were given the same code "
    told += "({:.0%}, interval {:.0%} to {:.0%}".format(*raw) + f"{kappa})."
    if twice[["coder", "second_coder"]].stack().str.isdigit().all():
        told += (
            " Both codings are runs of one language model, which share their errors: two people would be worth more."
        )
    return told


def review_days(coded, events, *, days=(), n=20, seed=0):
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
    listed = chosen.assign(
        finding=chosen["code"].str.replace("_", " "), evidence=chosen["evidence_urls"].fillna("").str.split("|"),
        remark=chosen["note"].fillna(""), agree="", disagree="",
    )  # fmt: skip
    listed["said to be hit"] = chosen["day"].map(places).fillna("no oblast").mask(chosen["code"] == "not_found", "")
    columns = ["finding", "said to be hit", "evidence", "remark", "agree", "disagree"]
    return listed.set_index("day")[columns]


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


def show_review(listed):
    """The days to check as a table whose evidence can be opened (Markdown)."""
    links = [
        ", ".join(f"[{escape(urlsplit(address).netloc)}](<{address}>)" for address in addresses if address)
        for addresses in listed["evidence"]
    ]
    shown = listed.assign(evidence=links, remark=[escape(text).replace("|", "&#124;") for text in listed["remark"]])
    rows = [shown.columns, ["---"] * len(shown.columns), *shown.to_numpy()]
    first = ["day", "---", *shown.index.strftime("%Y-%m-%d")]
    return "\n".join("| " + " | ".join([start, *row]) + " |" for start, row in zip(first, rows, strict=True))


def fit_firth(design, outcome, *, held=()):
    """Maximise the penalised likelihood of Firth (1993), l(b) + 0.5 log |X'WX|.

    Parameters
    ----------
    design : DataFrame (n, p)
        Complete; a column of ones for the level.
    outcome : array of n zeros and ones
    held : sequence of str
        Terms held at 0; the penalty is still that of the whole design.

    Returns
    -------
    coefficients : Series
        By term, on the log-odds scale.
    log_likelihood : float
        With the penalty.

    Raises
    ------
    DesignError
        The outcome is not 0 or 1, terms repeat one another, or the fit does not converge.

    Examples
    --------
    >>> design = pd.DataFrame({"level": 1.0, "pause": [0.0, 0, 0, 1]})
    >>> fit_firth(design, [1, 1, 1, 0])[0].round(4).tolist()  # every cell of the table gets half a case
    [1.9459, -3.0445]
    """
    from scipy.optimize import minimize

    X, y, free = design.to_numpy(float), np.asarray(outcome, float), ~design.columns.isin(held)
    if not np.isin(y, [0, 1]).all() or not np.isfinite(X).all() or np.linalg.matrix_rank(X) < X.shape[1]:
        raise DesignError("not a logistic regression", expected="outcomes of 0 and 1, complete terms that differ")

    def objective(values):
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


def firth_test(design, outcome, term):
    """Test one term by the penalised likelihood ratio (Heinze and Schemper 2002).

    Parameters
    ----------
    design, outcome
        As in `fit_firth`.
    term : str

    Returns
    -------
    statistic, p_value : float
        Chi-square on one degree of freedom.

    Raises
    ------
    DesignError
        As `fit_firth`.
    """
    from scipy.stats import chi2

    statistic = 2 * (fit_firth(design, outcome)[1] - fit_firth(design, outcome, held=[term])[1])
    return statistic, float(chi2.sf(statistic, 1))


READINGS = {"drones_claimed_by_russia": "left out", "drones_named_by_russia": "counted as none"}


def estimate_reciprocity(days, *, exclude=(), announced=None, level=0.95, both_starts=True, folder=None):
    """Test the Ukrainian drones that Russia says it shot down in one window, under every way to read a silent night.

    Parameters
    ----------
    days, exclude, announced, level
        As in `estimate_effect`.
    both_starts : bool
        Also from the stricter start of the series.
    folder : path, optional
        Folder of tables.

    Returns
    -------
    list of PauseEffect
        The deciding one first. A night without a post is missing in `drones_claimed_by_russia` and without a drone in
        `drones_named_by_russia`. Where the rows differ, the first depends on a choice.
    """
    found = {}
    for name, reading in READINGS.items():
        series, start = outcome_series(name, drop_last=0, folder=folder), outcomes()[name].strict_first_day
        options = {"exclude": exclude, "announced": announced, "level": level}
        usual = estimate_effect(series, days, **options)
        found[f"if nights without a post are {reading}"] = usual
        first = usual.baseline_first_day
        if both_starts and usual.p_value is not None and first < pd.Timestamp(start).date() < usual.first_day:
            strict = estimate_effect(series, days, first_day=start, **options)
            found[f"if they are {reading} and the baseline begins on {start}"] = replace(
                strict, stratum=f"from {start}"
            )
    rows = list(found.values())
    chosen = next((i for i, row in enumerate(rows) if row.observed is not None and row.stratum == NATIONAL), 0)
    told = {way: row.verdict for way, row in found.items() if row.p_value is not None or row.stratum == NATIONAL}
    if len(set(told.values())) > 1:
        why = ", ".join(f"{verdict} {way}" for way, verdict in told.items())
        rows[chosen] = replace(rows[chosen], verdict=DEPENDS, reason=f"{why}; {rows[chosen].reason}")
    return [rows[chosen], *rows[:chosen], *rows[chosen + 1 :]]


WITNESSES = (
    "The measures are no independent witnesses: reports and articles come from the same outlets, which repeat the "
    "same statements of officials, and what Russia declares comes from a party to the pause."
)
CEILING = "consistent with sparing, not established: a truce itself makes officials say that nothing was hit"
NUMBERS = {"observed": "seen", "expected": "usual", "p_value": "p", "p_min": "p at best"}


def speaks(effect):
    """Whether a measure says anything of a pause: it reads at least half of the days, and has others to compare."""
    return effect.ratio is not None and 2 * effect.n_missing <= effect.n_days


def agreement(effects):
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


def found(effect):
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


def chance(effect):
    """The p-value, and what it would be had nothing been hit."""
    return f"p = {effect.p_value:.2g}, at best {effect.p_min:.2g}"


def table_of(effects, first, *, last=("verdict",)):
    """Effects for readers, a row an effect, by measure: the columns given first, the numbers, the last fields."""
    names = {field.replace("_", " "): name for field, name in NUMBERS.items()}
    numbers = shown(effects, "outcome", *NUMBERS, *last).rename(columns=names)
    titles = pd.Index([measure_of(effect).title for effect in effects], name="measure")
    return pd.concat([pd.DataFrame(first, index=titles), numbers.set_axis(titles)], axis=1)


PAUSE = "pause"
WEEKS_AROUND = 10


@dataclass(frozen=True)
class EnergyAssessment:
    """What the measures say about energy in one pause, and whether the other side held back.

    Attributes
    ----------
    pause : Pause
    claim : str
        The claim in question; the pause's other claims have rows of their own.
    measures : tuple of str
        Keys of `MEASURES`.
    effects : tuple of PauseEffect
        Energy by measure, place and claim; then the Ukrainian drones that Russia says it shot down.
    series : dict of str to DataFrame
        The main daily series of each measure, as from `energy_days`.
    corners : dict of str to dict
        The effects of counting open days either way, as from `bound_energy`.
    regression : dict or None
        As from `regress_any_hit`.
    weeks : DataFrame
        Weekly declarations around the pause: week to, pause (before, during, after), named first.
    launched : Series
        Drones launched at Ukraine by day.
    coders : str
        Who coded the reports.
    """

    pause: Pause
    claim: str
    measures: tuple
    effects: tuple
    series: dict
    corners: dict
    regression: dict | None
    weeks: pd.DataFrame
    launched: pd.Series
    coders: str

    said = Assessment.said

    def select(self, measure, stratum=None, *, claim=None, window=PAUSE, test="shift"):
        """The effect of one measure, in its main place unless another is named."""
        named = MEASURES[measure]
        key = (named, stratum or named.place, claim or self.claim, window, test)
        return next(e for e in self.effects if (measure_of(e), e.stratum, e.claim, e.window, e.test) == key)

    def to_frame(self):
        """Every row that this pause adds to the record."""
        return to_frame(self.effects)

    def record(self):
        """The effects as a notebook output that a batch can read back."""
        return EffectsRecord(self.effects)

    def summary(self):
        """Whether the measures agree, then each of them in its own paragraph (Markdown)."""
        return "\n\n".join([self.agreement(), *(self.say(measure) for measure in self.measures)])

    def agreement(self):
        """Whether the measures agree, and why their agreement would prove little (Markdown)."""
        return f"**In short.** {agreement([self.select(measure) for measure in self.measures])} {WITNESSES}"

    def say(self, measure):
        """What one measure found, how sure it is, and what it misses (Markdown)."""
        effect, named = self.select(measure), MEASURES[measure]
        told = [f"**{capital(named.title)}.** {found(effect)}"]
        if measure == "declared":
            told.append(self.declared())
        if measure == "coded" and effect.observed is not None:
            known = self.select(measure, NATIONAL).daily.dropna(subset=["observed"])
            without = [f"{day.day} {day:%B}" for day in known.loc[known["observed"] == 0, "day"]]
            told.append(
                f"Somewhere in the country a hit was reported on {len(known) - len(without)} of the {len(known)} days "
                f"that could be read; days without: {', '.join(without) or 'none'}. Outside a truce a day without hits "
                f"may go unreported ({self.coders})."
            )
        asked, unread = days_around(self.series[measure], self.pause.days(self.claim))
        if len(unread):
            weekend = ", all at weekends" if (unread.day_of_week >= 5).all() else ""
            told.append(f"Not read: {len(unread)} of the {len(asked)} days around the pause{weekend}.")
        return " ".join(told)

    def declared(self):
        """What Russia named first week by week, in words: description, not a test."""
        read = self.weeks[self.weeks["named first"] != "unknown"]
        if read.empty:
            return "By week, no declaration around this pause can be read."
        energy = read["named first"] == "energy"
        weeks = energy.groupby(read["pause"]).agg(["sum", "size"]).reindex(["before", "during", "after"], fill_value=0)
        counts = "{} of {} readable weeks before the pause, {} of {} during it, {} of {} after it"
        told = f"By week, energy was named first in {counts.format(*weeks.to_numpy().ravel())}."
        before = read[read["pause"] == "before"].index
        named = before[energy[before]]
        if not len(named):
            return f"{told} It was not named first before either, so nothing can be read from it."
        if weeks.loc[["during", "after"], "sum"].any():
            return told
        last = pd.Timestamp(named[-1])
        until = f"The last such week ended on {last.day} {last:%B %Y}"
        if named[-1] != before[-1]:
            return f"{told} {until}, so that energy had left first place before."
        return f"{told} {until}; energy did not return within {WEEKS_AROUND} weeks after the end: a step, not a pause."

    def inside_and_outside(self):
        """Each measure and place: what was seen, what is usual, and what the test could have shown at best."""
        rows = [e for e in self._readable() if (e.claim, e.window) == (self.claim, PAUSE)]
        roles = {"share inside": "window", "share outside": "baseline"}
        shares = {name: [_share(effect, role) for effect in rows] for name, role in roles.items()}
        return table_of(rows, {"place": [effect.stratum for effect in rows], **shares})

    def by_claim(self):
        """The main series under each party's window, and on the days in dispute."""
        rows = [e for e in self._readable() if (e.outcome, e.stratum) == (measure_of(e).outcome, measure_of(e).place)]
        keys = {name: [getattr(effect, name) for effect in rows] for name in ("claim", "window")}
        read = [f"{e.n_days - e.n_missing}\u00a0of\u00a0{e.n_days}" for e in rows]
        return table_of(rows, {**keys, "days": [_span(effect) for effect in rows], "read": read})

    def bounds(self):
        """The main series if the open days, inside and outside, were all without a hit or all with one."""
        corners = [(*ways, e) for own in self.corners.values() for ways, e in own.items() if e.p_value is not None]
        inside, outside, rows = zip(*corners, strict=True) if corners else ((), (), ())
        return table_of(rows, {"open days inside": inside, "open days outside": outside})

    def _readable(self):
        """The energy effects of measures that can read at least one day of some window, companions left out."""
        energy = [effect for effect in self.effects if measure_of(effect) and effect.test == "shift"]
        read = {measure_of(effect) for effect in energy if effect.observed is not None}
        return [effect for effect in energy if measure_of(effect) in read]

    def companions(self):
        """The same weekdays of other weeks, and the penalised regression: beside the test, never instead of it."""
        effect, named = self.select(self.measures[0], test=SAME_WEEKDAY), MEASURES[self.measures[0]]
        if effect.p_value is None:
            return "There is no test for a companion to stand beside."
        daily = effect.daily.set_index("day")["observed"]
        read = daily[str(effect.first_day) : str(effect.last_day)].notna().to_numpy()
        sums = [daily[start:][: effect.n_days][read].sum() for start in effect.placebo["start"]]
        told = (
            f"**Same weekdays.** Other windows that begin on a {effect.first_day:%A}: {', '.join(map(amount, sums))} "
            f"{named.many}; the pause: {amount(effect.observed)} ({chance(effect)})."
        )
        if self.regression is None:
            return told
        return (
            f"{told}\n\n**Penalised regression** of any reported hit on being inside, given the drones of the day: "
            "odds times {odds_ratio:.2g} inside (likelihood ratio {statistic:.1f}, p = {p_value:.2g}; {n_days} days, "
            "{without_hit} without a hit). It takes days for independent and stands on one denial: never the result."
        ).format(**self.regression)

    def reciprocity(self):
        """The deciding effect on Ukrainian drones that Russia says it shot down."""
        return next(e for e in self.effects if e.outcome in READINGS and e.claim == self.claim)

    def mutual(self):
        """Whether the other side held back, by Russia's count, in words."""
        quiet = " A night without a post may be one without drones, or a gap." * (self.reciprocity().verdict == DEPENDS)
        return f"{finding(self.reciprocity())}{quiet} The count is Russia's own and says nothing about targets."

    def nights(self):
        """Night by night around the pause: drones at Ukraine, and Ukrainian drones that Russia says it shot down."""
        days, margin = self.pause.days(self.claim), NIGHTS_AROUND * ONE_DAY
        around = pd.date_range(days[0] - margin, days[-1] + margin)
        claimed = next(e for e in self.effects if e.outcome == next(iter(READINGS))).daily.set_index("day")["observed"]
        table = pd.DataFrame({"launched at Ukraine": self.launched, "Ukrainian, shot down": claimed}).reindex(around)
        table = table.map(lambda count: amount(count) if pd.notna(count) else "–")
        table.insert(0, "in pause", ["yes" if inside else "" for inside in around.isin(days)])
        return table.set_axis(around.strftime("%Y-%m-%d").rename("day"))

    def plot(self, measure, ax=None):
        """Draw the main daily series of one measure."""
        from analysis.figures import draw_series, draw_words

        daily, named = self.select(measure).daily, MEASURES[measure]
        if daily["observed"].isna().all():
            return draw_words(f"{capital(named.title)}: no day around this pause can be read", ax=ax)
        ax = draw_series(daily, label=named.short, title=capital(named.title), ax=ax)
        ax.set_xlabel("strike day" if measure == "coded" else "day of the report")
        return ax

    def plot_placebo(self, measure, ax=None):
        """Draw where the pause lies among all windows of its length."""
        from analysis.figures import draw_placebo

        effect = self.select(measure)
        ax = draw_placebo(effect.placebo, ratio=effect.ratio, n_days=effect.n_days, ax=ax)
        ax.set_xlabel(f"{MEASURES[measure].short}: seen / usual (1 = as usual)")
        return ax

    def plot_mutual(self, ax=None):
        """Draw the Ukrainian drones that Russia says it shot down."""
        from analysis.figures import draw_series

        return draw_series(self.reciprocity().daily, label="Ukrainian drones shot down", title="Russia's count", ax=ax)

    def describe(self, measure):
        """Alternative text for `plot` and `plot_placebo`."""
        effect = self.select(measure)
        return f"{capital(MEASURES[measure].many)}, {effect.n_placebo} comparable windows. {found(effect)}"


def _span(effect):
    """First and last day in few characters."""
    ends = dict.fromkeys(f"{day.day}\u00a0{day:%b}" for day in (effect.first_day, effect.last_day))
    return "–".join(ends)


def _share(effect, role):
    """Share of hits on the days of one role, in per cent."""
    days = effect.daily[effect.daily["role"] == role].dropna(subset=["observed"])
    tested = len(days) and effect.p_value is not None
    return f"{days['observed'].sum() / days['trials'].sum():.1%}" if tested else "–"


BEFORE, AFTER = "disputed-start", "disputed-end"


def assess_energy(pause_id, *, claim="main", measures=SHIPPED, level=0.95, registry=None, folder=None):
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
    registry = load_pauses() if registry is None else registry
    pause = get_pause(registry, pause_id)
    chosen = pause.claim(claim).id
    shared = {"exclude": not_ordinary(registry, besides=pause), "level": level}
    launched = load_strikes(folder=folder)["drones_launched"]
    windows = list(_windows(pause, chosen))
    effects, series, corners, regression = [], {}, {}, None
    for measure in measures:
        frames = energy_days(measure, folder=folder)
        (_, main), series[measure] = next(iter(frames.items()))
        for (outcome, place), frame in frames.items():
            for key, days, announced in windows:
                if key["window"] != PAUSE and place != main:
                    continue
                options, key = shared | {"announced": announced}, key | {"stratum": place}
                effect = replace(estimate_energy(frame, days, outcome, **options), **key)
                asked = key["claim"] == chosen and place == main
                if asked or effect.verdict != NOT_TESTABLE:
                    ways = bound_energy(frame, days, outcome, **options)
                    effect = decide_by_bounds(effect, ways)
                if asked:
                    corners[measure] = ways
                    beside = estimate_energy(frame, days, outcome, same_weekday=True, **options)
                    effects.append(replace(beside, reason=f"companion, not deciding; {beside.reason}", **key))
                if key["claim"] == chosen and outcome == "energy_coded_any_hit":
                    regression = regress_any_hit(effect, launched)
                effects.append(effect)
    for key, days, announced in windows:
        if key["window"] == PAUSE:
            own = key["claim"] == chosen
            rows = estimate_reciprocity(days, announced=announced, both_starts=own, folder=folder, **shared)
            effects += [replace(row, **key) for row in rows]
    weeks = _weeks(load_table("energy_declared", folder=folder), [day for _, days, _ in windows for day in days])
    return EnergyAssessment(
        pause, chosen, tuple(measures), tuple(effects), series, corners, regression, weeks, launched,
        coded_by(folder=folder),
    )  # fmt: skip


def regress_any_hit(effect, launched):
    """Firth's logit of any reported hit on being inside the window, given the launches of the day.

    Parameters
    ----------
    effect : PauseEffect
        Of a series of zeros and ones.
    launched : Series
        Drones launched by day.

    Returns
    -------
    dict or None
        n_days, without_hit, odds_ratio, statistic and p_value; None where no day inside, or outside, is known.
    """
    days = effect.daily[effect.daily["role"].isin(["window", "baseline"])].set_index("day")
    days = days.assign(launched=np.log1p(launched.reindex(days.index))).dropna(subset=["observed", "launched"])
    inside = (days["role"] == "window").astype(float)
    design = pd.DataFrame({"level": 1.0, "inside": inside, "launched": days["launched"] - days["launched"].mean()})
    if inside.nunique() < 2 or np.linalg.matrix_rank(design) < 3:
        return None
    statistic, p_value = firth_test(design, days["observed"], "inside")
    odds = float(np.exp(fit_firth(design, days["observed"])[0]["inside"]))
    return {"n_days": len(days), "without_hit": int((days["observed"] == 0).sum()), "odds_ratio": odds,
            "statistic": statistic, "p_value": p_value}  # fmt: skip


def _windows(pause, chosen):
    """Key, days and announcement of every window: the chosen claim's first, then the others' and their excess."""
    own = pause.days_to_test(chosen)
    for claim in (chosen, *pause.other_claims(chosen)):
        days, key = pause.days(claim), {"pause": pause.id, "claim": claim}
        yield key | {"window": PAUSE}, days, pause.first_announced_day(claim)
        for name, excess in ((BEFORE, days[days < own[0]]), (AFTER, days[days > own[-1]])):
            if len(excess):
                yield key | {"window": name}, excess, None


def _weeks(declared, days):
    """Weekly declarations around a pause by the widest of its windows."""
    first, last, margin = min(days), max(days), 7 * WEEKS_AROUND * ONE_DAY
    weeks = declared[declared["period"] == "week"]
    weeks = weeks[(weeks["last_day"] >= first - margin) & (weeks["first_day"] <= last + margin)]
    when = pd.Series("during", weeks.index)
    when = when.mask(weeks["last_day"] < first, "before").mask(weeks["first_day"] > last, "after")
    named = weeks["target_class"].str.replace("_", " ")
    return pd.DataFrame({"pause": when, "named first": named}).set_axis(
        weeks["last_day"].dt.strftime("%Y-%m-%d").rename("week to")
    )


@dataclass(frozen=True)
class EnergyOverview:
    """The main series of each measure in each reported pause.

    Attributes
    ----------
    names : dict of str to str
        Id and name of each pause.
    effects : tuple of PauseEffect
        As recorded: main claim, main series, deciding test, without their daily frames.
    trials : tuple of float
        For each effect, what the hits of its days are counted among.
    """

    names: dict
    effects: tuple
    trials: tuple

    def to_frame(self):
        """The recorded rows."""
        return to_frame(self.effects)

    def summary(self):
        """What the readings could show and did, whether those of one pause agree, why others are mute (Markdown)."""
        speaking = [effect for effect in self.effects if speaks(effect)]
        lines = [
            f"**Of {len(self.effects)} readings (a pause by a measure), {_power(speaking)}{_tally(speaking)}.** "
            f"{WITNESSES}\n"
        ]
        for pause, name in self.names.items():
            if sum(effect.pause == pause for effect in speaking) > 1:
                lines.append(f"* **{name}.** {agreement([e for e in self.effects if e.pause == pause])}")
        for measure in dict.fromkeys(map(measure_of, self.effects)):
            mute = [self.names[e.pause] for e in self.effects if measure_of(e) is measure and e not in speaking]
            if mute:
                lines.append(
                    f"* **{capital(measure.title)}** cannot speak about: {'; '.join(mute)}. {capital(measure.blind)}."
                )
        return "\n".join(lines)

    def side_by_side(self):
        """The readings that speak: share inside and outside, verdict, and what could have been seen."""
        rows = [(e, n) for e, n in zip(self.effects, self.trials, strict=True) if speaks(e)]
        first = {
            "pause": [self.names[effect.pause] for effect, _ in rows],
            "days read": [f"{effect.n_days - effect.n_missing}\u00a0of\u00a0{effect.n_days}" for effect, _ in rows],
            "share inside": [f"{effect.observed / n:.0%}" for effect, n in rows],
            "share outside": [f"{effect.expected / n:.0%}" for effect, n in rows],
        }
        return table_of([effect for effect, _ in rows], first, last=("smallest_visible_cut", "verdict"))


def compare_energy(results, *, registry=None, folder=None):
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


def _power(speaking):
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


def _tally(speaking):
    """What the readings that speak found, by verdict; nothing where none could have found anything."""
    verdicts = [effect.verdict for effect in speaking]
    told = [f"{verdicts.count(verdict)} {verdict}" for verdict in (FEWER, MORE) if verdict in verdicts]
    parts = [f"; told from chance: {', '.join(told)}"] if told else []
    parts += ["; none can be told from chance"] if not told and any(effect.testable for effect in speaking) else []
    return "".join(parts + ([f"; {verdicts.count(DEPENDS)} {DEPENDS}"] if DEPENDS in verdicts else []))


def _effect(row):
    """A finding from its row in the record."""
    values = {name: None if pd.isna(value) else value for name, value in row.items()}
    days = {name: date.fromisoformat(value) for name, value in values.items() if name.endswith("_day") and value}
    return PauseEffect(**values | days)
