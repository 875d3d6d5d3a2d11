"""The rule by which an article counts as the report of a new strike on energy, and how often the rule is right.

The rule looks for words of `lexicon_news.toml` in headlines or addresses brought to one spelling. Its precision and
recall are measured against the table `news_sample`, labelled from the addresses without knowing what the rule said.
"""

import numpy as np
import pandas as pd

SAMPLE_SIZES = {"rule": 50, "energy word": 60, "rest": 40}
LETTERS = dict(zip("абвгґдезийіїклмнопрстуфхц", "abvggdeziiiiklmnoprstufhc", strict=True)) | {
    "ё": "e", "є": "ie", "ж": "zh", "ч": "ch", "ш": "sh", "щ": "shch", "ы": "i", "э": "e", "ю": "iu", "я": "ia",
    "ь": "", "ъ": "", "'": "", "’": "", "ʼ": "",
}  # fmt: skip
SPELLINGS = (("kh", "h"), ("ts", "c"), ("shh", "shch"), ("y", "i"), ("j", "i"))


def fold(texts):
    """Bring headlines and addresses to one spelling, so that one list of words serves all.

    Parameters
    ----------
    texts : Series of str
        Ukrainian, Russian or romanised.

    Returns
    -------
    Series of str
        Small Latin letters and digits; words apart by one space.

    Examples
    --------
    >>> fold(pd.Series(["Удари по енергетиці", "udary-po-energetytsi", "Обстрел ТЭЦ"])).tolist()
    ['udari po energetici', 'udari po energetici', 'obstrel tec']
    """
    folded = texts.str.lower().str.translate(str.maketrans(LETTERS))
    for variant, letter in SPELLINGS:
        folded = folded.str.replace(variant, letter, regex=False)
    return folded.str.replace(r"[^a-z0-9]+", " ", regex=True).str.replace("i{2,}", "i", regex=True).str.strip()


def code_words(words, lexicon):
    """Tell which articles report a new strike on an energy facility in Ukraine.

    Parameters
    ----------
    words : Series of str
        Folded texts.
    lexicon : dict
        With energy, attack and exclude.

    Returns
    -------
    DataFrame of bool
        Columns energy_word (it names energy) and energy_strike (it also names an attack, and nothing excludes it).
    """
    energy = words.str.contains(word_pattern(lexicon["energy"]))
    strike = energy & words.str.contains(word_pattern(lexicon["attack"]))
    excluded = [entry for group in lexicon["exclude"].values() for entry in group]
    return pd.DataFrame({"energy_word": energy, "energy_strike": strike & ~words.str.contains(word_pattern(excluded))})


def word_pattern(entries):
    """Return the regular expression for a list of the lexicon.

    Examples
    --------
    >>> word_pattern(["udar", "tec_", "zaporizk aes_"])
    '(?<![a-z0-9])(?:udar|tec(?![a-z0-9])|zaporizk[a-z0-9]* aes(?![a-z0-9]))'
    """
    joined = [entry.replace(" ", "[a-z0-9]* ").replace("_[a-z0-9]* ", " ") for entry in entries]
    return rf"(?<![a-z0-9])(?:{'|'.join(joined)})".replace("_", r"(?![a-z0-9])")


def draw_sample(words, lexicon, *, sizes=SAMPLE_SIZES, seed):
    """Draw articles to be labelled, so many from each stratum, in random order.

    Parameters
    ----------
    words : Series of str
        Folded texts of all coded articles, by article.
    lexicon : dict
    sizes : mapping
        Articles to draw from the strata "rule" (the rule says energy strike), "energy word" (it does not, but
        there is a word of energy) and "rest".
    seed : int

    Returns
    -------
    DataFrame
        article, stratum, stratum_size. Label it without the column stratum in sight.
    """
    coded = code_words(words, lexicon)
    stratum = np.select([coded["energy_strike"], coded["energy_word"]], ["rule", "energy word"], "rest")
    rng, parts = np.random.default_rng(seed), []
    for name, size in sizes.items():
        members = np.sort(words.index[stratum == name])
        drawn = rng.choice(members, size, replace=False)
        parts.append(pd.DataFrame({"article": drawn, "stratum": name, "stratum_size": len(members)}))
    return pd.concat(parts).sample(frac=1, random_state=rng).reset_index(drop=True)


def measure_rule(sample, *, level=0.95, draws=100_000, seed=0):
    """Measure precision and recall of the rule against a labelled stratified sample.

    Parameters
    ----------
    sample : DataFrame
        stratum, stratum_size and label ("yes", "no"), as in the table `news_sample`.
    level : float
        Of the intervals.
    draws, seed : int
        For the intervals of recall.

    Returns
    -------
    DataFrame
        One row a measure: measure, estimate, low, high, n, positives. Precision with Wilson's interval. Recall is
        weighted by the size of the strata, among articles with a word of energy and among all; its interval comes
        from the posterior of each stratum's share under Jeffreys' prior. The last one is wide because the rest is
        large: a few missed among thousands cannot be ruled out by a small sample that has none.
    """
    from scipy.stats import binomtest

    labelled = sample.assign(yes=sample["label"] == "yes").groupby("stratum")
    n, positives, members = labelled.size(), labelled["yes"].sum(), labelled["stratum_size"].first()
    rng, tails = np.random.default_rng(seed), [(1 - level) / 2, (1 + level) / 2]
    share = {name: rng.beta(positives[name] + 0.5, n[name] - positives[name] + 0.5, draws) for name in SAMPLE_SIZES}
    wilson = binomtest(int(positives["rule"]), int(n["rule"])).proportion_ci(level, method="wilson")
    rows = [("precision", positives["rule"] / n["rule"], *wilson, n["rule"], positives["rule"])]
    for measure, strata in (("recall among energy words", ["rule", "energy word"]), ("recall", list(SAMPLE_SIZES))):
        reports = (positives / n * members)[strata]
        drawn = share["rule"] * members["rule"] / sum(share[name] * members[name] for name in strata)
        low, high = np.quantile(drawn, tails)
        rows.append((measure, reports["rule"] / reports.sum(), low, high, n[strata].sum(), positives[strata].sum()))
    return pd.DataFrame(rows, columns=["measure", "estimate", "low", "high", "n", "positives"])
