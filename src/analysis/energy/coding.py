"""How far codings can be trusted: days coded twice, days to check by hand, and the rule for news against a sample."""

from html import escape
from urllib.parse import urlsplit

import numpy as np
import pandas as pd

from analysis.sentences import days_text

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
