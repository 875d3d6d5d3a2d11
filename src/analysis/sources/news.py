"""News of strikes on energy: articles by day and oblast, coded from the words of their addresses or headlines.

VIINA lists war events with the addresses of the articles that tell of them. Some outlets put the headline into the
address; those articles are the denominator. Yearly VIINA archives, which a user may bring, hold the headlines
themselves. The words that decide are in `lexicon_news.toml`; how often they are right is measured by a sample.
"""

import io
import json
import re
import zipfile
from pathlib import Path
from urllib.parse import unquote

import numpy as np
import pandas as pd

from analysis.errors import DataError
from analysis.sources.imported import Imported, Rule, Source
from analysis.sources.newswords import code_words, fold
from analysis.sources.oblasts import NATION, count_by_oblast, find_oblasts, oblast_names
from analysis.sources.rawfile import RawFile, read_lexicon, read_rows
from analysis.tables import load_table, parse_table

FEWEST_ARTICLES = 10  # a day with fewer coded articles is not complete
ARCHIVE_COLUMNS = ["date", "url", "text", "ADM1_NAME", "longitude", "latitude"]
CODED_COLUMNS = ["article", "date", "words", "longitude", "latitude", "region", "basis"]


def import_news(*paths, folder):
    """Read VIINA files and derive the table `energy_reported`.

    Parameters
    ----------
    *paths : path-like
        Files of addresses (JSON, day to events) and yearly archives `event_info_latest_YYYY.zip` (headlines, every
        outlet). A year with an archive is coded from its headlines alone.
    folder : path-like
        Folder that holds lexicon_news.toml, places.csv and oblasts.csv.

    Returns
    -------
    Imported

    Raises
    ------
    DataError
        A file cannot be read or has another form.
    """
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
        sources=(Source.of("news", state=state),),
        inputs=(*raws, words, places),
        notes=(f"energy_reported: {missing.sum()} of {len(missing)} days are missing ({missing.mean():.0%})",),
    )


def read_addresses(raw, lexicon):
    """Return one row an article and place, for the outlets whose addresses carry words.

    Parameters
    ----------
    raw : RawFile
        JSON: {"YYYYMMDD": [[longitude, latitude, place, type, reports, [address, ...]], ...]}.
    lexicon : dict

    Returns
    -------
    mentions : DataFrame
        Columns article (address without scheme, www and query), date, words (folded), longitude, latitude, region
        and basis.
    rules : list of Rule
    """
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


def read_archive(raw, lexicon):
    """Return the same as `read_addresses` from a yearly archive, whose headlines are the words."""
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


def count_articles(mentions, lexicon, oblasts, *, fewest=FEWEST_ARTICLES):
    """Count articles, and those of a new strike on energy, by day and oblast.

    Parameters
    ----------
    mentions : DataFrame
        Columns article, date, words, oblast, basis; one row an article and place.
    lexicon : dict
        With energy, attack, exclude and gaps.
    oblasts : iterable of str
        Those the table has rows for, beside the nation.
    fewest : int
        A day with fewer articles in the whole nation is missing.

    Returns
    -------
    table : DataFrame
        day, oblast, energy_articles, coded_articles, basis. An article counts on the first day that lists it, once
        in each oblast it names and once in the row "Ukraine": rows of oblasts do not add up to it.
    rules : list of Rule
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


def _article(addresses):
    """An address without scheme, www, query and closing slash: two of an article are one."""
    plain = addresses.str.replace(r"^(?:https?:)?//(?:www\.)?", "", regex=True)
    return plain.str.replace(r"/*(?:[?#].*)?$", "", regex=True)
