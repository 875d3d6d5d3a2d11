"""News of strikes on energy: articles by day and oblast, coded from the words of their addresses or headlines.

VIINA lists war events with the addresses of the articles that tell of them. Some outlets put the headline into the
address; those articles are the denominator. Yearly VIINA archives, which a user may bring, hold the headlines
themselves: a year with an archive is coded from its headlines alone. The words that decide are in `lexicon_news.toml`;
how often they are right is measured by the table `news_sample`, labelled without knowing what the rule said.
"""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import numpy as np
import pandas as pd

from analysis.errors import DataError
from analysis.tables import load_table, parse_table

from .kit import NATION, Imported, RawFile, Rule, Source, count_by_oblast, oblast_names, read_lexicon, read_rows

RAW = ("viina_events_2026.json",)
MORE = "event_info_latest_*.zip"
TABLES = ("energy_reported",)
SOURCE = Source(
    title="VIINA 2.0: Violent Incident Information from News Articles",
    producer="Yuri Zhukov and Natalie Ayers; addresses as repackaged in mulgerehircum/ukraine-warmap",
    citation="Zhukov, Yuri and Natalie Ayers (2023). VIINA 2.0: Violent Incident Information from News Articles on the "
    "2022 Russian Invasion of Ukraine. Cambridge, MA: Harvard University.",
    address="https://github.com/zhukovyuri/VIINA",
    licence="Open Database License 1.0: attribution and share-alike, also for this table",
)
FEWEST_ARTICLES = 10  # a day with fewer coded articles is not complete
ARCHIVE_COLUMNS = ["date", "url", "text", "ADM1_NAME", "longitude", "latitude"]
CODED_COLUMNS = ["article", "date", "words", "longitude", "latitude", "region", "basis"]
FARTHEST = 20  # km from a known place at which an unknown place takes its oblast
LETTERS = dict(zip("абвгґдезийіїклмнопрстуфхц", "abvggdeziiiiklmnoprstufhc", strict=True)) | {
    "ё": "e", "є": "ie", "ж": "zh", "ч": "ch", "ш": "sh", "щ": "shch", "ы": "i", "э": "e", "ю": "iu", "я": "ia",
    "ь": "", "ъ": "", "'": "", "’": "", "ʼ": "",
}  # fmt: skip
SPELLINGS = (("kh", "h"), ("ts", "c"), ("shh", "shch"), ("y", "i"), ("j", "i"))


def build(*paths: str | Path, folder: str | Path) -> Imported:
    """Articles by day and oblast, from files of addresses (JSON) and yearly archives (headlines of every outlet)."""
    words, places = (RawFile.read(Path(folder) / name) for name in ("lexicon_news.toml", "places.csv"))
    lexicon, names = read_lexicon(words), oblast_names(load_table("oblasts", folder=folder))
    raws, parts, rules = [RawFile.read(path) for path in paths], [], []
    for raw in raws:
        read = read_archive if raw.name.endswith(".zip") else read_addresses
        mentions, records = read(raw, lexicon)
        parts.append(mentions)
        rules += records
    mentions = pd.concat(parts, ignore_index=True)
    if mentions.empty:
        raise DataError("no article that can be coded", file=", ".join(raw.name for raw in raws))
    headlines, year = mentions["basis"] == "headlines", mentions["date"].dt.year
    mentions = mentions[headlines | ~year.isin(year[headlines])]
    mentions["oblast"] = find_oblasts(mentions, parse_table("places", places.content), names)
    for value, reason in (("unplaced", "No known place is near."), ("outside", "The place is not in Ukraine.")):
        why, articles = f"{reason} The article counts for the nation only.", mentions["article"]
        rules.append(Rule.on_ids(f"count_{value}_in_nation_only", why, articles[mentions["oblast"] == value]))
    table, records = count_articles(mentions, lexicon, names.values())
    state = f"articles of {mentions['date'].min():%Y-%m-%d} to {mentions['date'].max():%Y-%m-%d}"
    missing = table.loc[table["oblast"] == NATION, "coded_articles"].isna()
    return Imported(
        tables={"energy_reported": table},
        rules=(*rules, *records),
        source=replace(SOURCE, state=state),
        inputs=(*raws, words, places),
        notes=(f"energy_reported: {missing.sum()} of {len(missing)} days are missing ({missing.mean():.0%})",),
    )


def read_addresses(raw: RawFile, lexicon: Mapping[str, Any]) -> tuple[pd.DataFrame, list[Rule]]:
    """One row an article and place, for the outlets whose addresses carry words: see `CODED_COLUMNS`."""
    try:
        days = json.loads(raw.content)
        dates = dict(zip(days, pd.to_datetime(list(days.keys()), format="%Y%m%d"), strict=True))
        rows = [
            (dates[day], float(longitude), float(latitude), str(address))
            for day, events in days.items()
            for longitude, latitude, _, _, _, addresses in events
            for address in addresses
        ]
        mentions = pd.DataFrame(rows, columns=["date", "longitude", "latitude", "address"])
    except (ValueError, TypeError, AttributeError) as error:
        expected = '{"YYYYMMDD": [[longitude, latitude, place, type, reports, [addresses]]]}'
        raise DataError("not a file of addresses", file=raw.name, expected=expected, found=str(error)) from error
    article = _article(mentions["address"])
    host = article.str.split("/", n=1).str[0].str.lower()
    carries = host.str.contains(rf"(?:^|\.)(?:{'|'.join(map(re.escape, lexicon['outlets']))})$")
    tail = article.str.rsplit("/", n=1).str[-1].str.replace(r"(?:[-_]?\d{5,})?(?:\.html?)?$", "", regex=True)
    words = fold(tail.map(unquote))
    wordless = carries & (words.str.count(r"[a-z]{2,}") < 3)
    other, few = (
        "Addresses of other outlets do not carry headlines.",
        "An address of fewer than three words cannot be coded.",
    )
    rules = [
        Rule.on_ids("keep_outlets_with_words", other, article[~carries]),
        Rule.on_ids("drop_addresses_without_words", few, article[wordless]),
    ]
    mentions = mentions.assign(article=article, words=words, region="", basis="addresses")
    return mentions.loc[carries & ~wordless, CODED_COLUMNS], rules


def read_archive(raw: RawFile, lexicon: Mapping[str, Any]) -> tuple[pd.DataFrame, list[Rule]]:
    """The same from a yearly archive, whose headlines are the words."""
    try:
        with zipfile.ZipFile(io.BytesIO(raw.content)) as archive:
            inner = next(name for name in archive.namelist() if name.endswith(".csv"))
            table = RawFile(f"{raw.name}/{inner}", archive.read(inner))
    except (zipfile.BadZipFile, StopIteration) as error:
        raise DataError("not a zip archive with a CSV file", file=raw.name, found=str(error)) from error
    text, _ = read_rows(table, required=ARCHIVE_COLUMNS)
    mentions = pd.DataFrame(
        {
            "article": _article(text["url"]),
            "date": pd.to_datetime(text["date"], format="%Y%m%d", errors="coerce"),
            "words": fold(text["text"]),
            "longitude": pd.to_numeric(text["longitude"], errors="coerce"),
            "latitude": pd.to_numeric(text["latitude"], errors="coerce"),
            "region": text["ADM1_NAME"],
            "basis": "headlines",
        }
    )
    usable = mentions["date"].notna() & mentions["words"].str.contains("[a-z]") & mentions["article"].ne("")
    why = "No date, headline or address: nothing to code."
    return mentions[usable], [Rule.on_ids("drop_rows_without_headline", why, mentions["article"][~usable])]


def count_articles(
    mentions: pd.DataFrame, lexicon: Mapping[str, Any], oblasts: Iterable[str], *, fewest: int = FEWEST_ARTICLES
) -> tuple[pd.DataFrame, list[Rule]]:
    """Articles, and those of a new strike on energy, by day and oblast, from one row an article and place.

    An article counts on the first day that lists it, once in each oblast it names and once in the row of the nation:
    rows of oblasts do not add up to it. A day with less than `fewest` articles in the whole nation is missing.
    """
    articles = mentions.groupby("article").agg(day=("date", "min"), words=("words", "first"), basis=("basis", "first"))
    articles["energy"] = code_words(articles["words"], lexicon)["energy_strike"]
    again = mentions.loc[mentions["date"] > mentions["article"].map(articles["day"]), "article"]
    named = mentions[["article", "oblast"]].drop_duplicates().join(articles, on="article")
    table = count_by_oblast(pd.concat([named, articles.assign(oblast=NATION)]), oblasts).astype(float)
    table = table.set_axis(["energy_articles", "coded_articles"], axis=1).reset_index()
    nation = table[table["oblast"] == NATION].set_index("day")["coded_articles"]
    days, few = nation.index, nation.index[nation < fewest]
    rules = [
        Rule.on_ids("count_repeated_addresses_once", "An article listed again counts on its first day.", again),
        Rule.on_days("miss_days_with_few_articles", f"Fewer than {fewest} coded articles: not complete.", few),
    ]
    missing = table["day"].isin(few)
    for gap in lexicon.get("gaps", ()):
        inside = days[(days >= gap["first_day"]) & (days <= gap["last_day"])]
        missing |= table["day"].isin(inside)
        rules.append(Rule.on_days("miss_days_of_gap", gap["why"], inside))
    table.loc[missing, ["energy_articles", "coded_articles"]] = np.nan
    basis = articles.groupby("day")["basis"].first().reindex(days).ffill()
    return table.assign(basis=table["day"].map(basis)), rules


def _article(addresses: pd.Series) -> pd.Series:
    """An address without scheme, www, query and closing slash: two of an article are one."""
    plain = addresses.str.replace(r"^(?:https?:)?//(?:www\.)?", "", regex=True)
    return plain.str.replace(r"/*(?:[?#].*)?$", "", regex=True)


def find_oblasts(mentions: pd.DataFrame, places: pd.DataFrame, names: Mapping[str, str]) -> pd.Series:
    """The oblast of each mention, by the name of its region, else by the nearest known place within 20 km.

    "outside": the place is not in Ukraine; "unplaced": neither region nor place is known.
    """
    from scipy.spatial import cKDTree

    def plane(frame: pd.DataFrame) -> np.ndarray:  # km east and north, near enough at the latitude of Ukraine
        return frame[["longitude", "latitude"]].to_numpy(dtype=float) * (111.2 * np.cos(np.radians(48.5)), 111.2)

    points = np.nan_to_num(plane(mentions), nan=1e6)
    distance, nearest = cKDTree(plane(places)).query(points)
    by_place = pd.Series(places["oblast"].to_numpy()[nearest], mentions.index).where(distance <= FARTHEST, "unplaced")
    return mentions["region"].str.casefold().map(names).fillna(by_place)


def fold(texts: pd.Series) -> pd.Series:
    """Ukrainian, Russian or romanised text in one spelling: small Latin letters and digits, words apart by one space.

    >>> fold(pd.Series(["Удари по енергетиці", "udary-po-energetytsi", "Обстрел ТЭЦ"])).tolist()
    ['udari po energetici', 'udari po energetici', 'obstrel tec']
    """
    folded = texts.str.lower().str.translate(str.maketrans(LETTERS))
    for variant, letter in SPELLINGS:
        folded = folded.str.replace(variant, letter, regex=False)
    return folded.str.replace(r"[^a-z0-9]+", " ", regex=True).str.replace("i{2,}", "i", regex=True).str.strip()


def code_words(words: pd.Series, lexicon: Mapping[str, Any]) -> pd.DataFrame:
    """Which folded texts name energy (energy_word) and report a new strike on it in Ukraine (energy_strike)."""
    energy = words.str.contains(word_pattern(lexicon["energy"]))
    strike = energy & words.str.contains(word_pattern(lexicon["attack"]))
    excluded = [entry for group in lexicon["exclude"].values() for entry in group]
    return pd.DataFrame({"energy_word": energy, "energy_strike": strike & ~words.str.contains(word_pattern(excluded))})


def word_pattern(entries: Iterable[str]) -> str:
    """The regular expression for a list of the lexicon.

    >>> word_pattern(["udar", "tec_", "zaporizk aes_"])
    '(?<![a-z0-9])(?:udar|tec(?![a-z0-9])|zaporizk[a-z0-9]* aes(?![a-z0-9]))'
    """
    joined = [entry.replace(" ", "[a-z0-9]* ").replace("_[a-z0-9]* ", " ") for entry in entries]
    return rf"(?<![a-z0-9])(?:{'|'.join(joined)})".replace("_", r"(?![a-z0-9])")
