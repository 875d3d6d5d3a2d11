"""News of strikes on energy: articles by day and oblast, coded from the words of their addresses or headlines.

VIINA lists war events with the addresses of the articles that tell of them. Some outlets put the headline into the
address; those articles are the denominator. Yearly VIINA archives, which a user may bring, hold the headlines
themselves. The words that decide are in `lexicon_news.toml`; how often they are right is measured by a sample.
"""

import io
import json
import re
import tomllib
import zipfile
from pathlib import Path
from urllib.parse import unquote

import numpy as np
import pandas as pd

from analysis.errors import DataError
from analysis.sources.alerts import oblast_names
from analysis.sources.imported import Imported, Input, Rule, Source
from analysis.sources.newswords import code_words, fold
from analysis.sources.rawfile import read_bytes, read_rows
from analysis.tables import load_table

FEWEST_ARTICLES = 10  # a day with fewer coded articles is not complete
FARTHEST = 20  # km from a place of places.csv at which an unknown place takes its oblast
NATION = "Ukraine"
ARCHIVE_COLUMNS = ["date", "url", "text", "ADM1_NAME", "longitude", "latitude"]
SOURCE = {
    "title": "VIINA 2.0: Violent Incident Information from News Articles",
    "producer": "Yuri Zhukov and Natalie Ayers; addresses as repackaged in mulgerehircum/ukraine-warmap",
    "citation": "Zhukov, Yuri and Natalie Ayers (2023). VIINA 2.0: Violent Incident Information from News Articles on "
    "the 2022 Russian Invasion of Ukraine. Cambridge, MA: Harvard University.",
    "address": "https://github.com/zhukovyuri/VIINA",
    "licence": "Open Database License 1.0: attribution and share-alike, also for this table",
}


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
    folder, inputs, parts, rules = Path(folder), [], [], []
    lexicon_content, places_content = read_bytes(folder / "lexicon_news.toml"), read_bytes(folder / "places.csv")
    lexicon = tomllib.loads(lexicon_content.decode())
    places = pd.read_csv(io.BytesIO(places_content), keep_default_na=False)
    names = oblast_names(load_table("oblasts", folder=folder))
    for path in map(Path, paths):
        content = read_bytes(path)
        inputs.append(Input.of(path.name, content))
        read = read_archive if path.suffix == ".zip" else read_addresses
        mentions, records = read(content, path.name, lexicon)
        parts.append(mentions.assign(basis="headlines" if path.suffix == ".zip" else "addresses"))
        rules += records
    mentions = pd.concat(parts, ignore_index=True)
    if mentions.empty:
        raise DataError("no article that can be coded", file=", ".join(raw.file for raw in inputs))
    archived = mentions.loc[mentions["basis"] == "headlines", "date"].dt.year.unique()
    mentions = mentions[(mentions["basis"] == "headlines") | ~mentions["date"].dt.year.isin(archived)]
    mentions["oblast"] = find_oblasts(mentions, places, names)
    for value, why in (("unplaced", "No known place is near."), ("outside", "The place is not in Ukraine.")):
        rows = mentions[mentions["oblast"] == value]
        rules.append(
            _rule(f"count_{value}_in_nation_only", f"{why} The article counts for the nation only.", rows["article"])
        )
    table, records = count_articles(mentions, lexicon, sorted(set(names.values())))
    inputs += [Input.of("lexicon_news.toml", lexicon_content), Input.of("places.csv", places_content)]
    state = f"articles of {mentions['date'].min():%Y-%m-%d} to {mentions['date'].max():%Y-%m-%d}"
    missing = table.loc[table["oblast"] == NATION, "coded_articles"].isna()
    notes = (f"energy_reported: {missing.sum()} of {len(missing)} days are missing ({missing.mean():.0%})",)
    source = Source(**SOURCE, state=state)
    return Imported({"energy_reported": table}, (*rules, *records), (source,), tuple(inputs), notes)


def read_addresses(content, file, lexicon):
    """Return one row an article and place, for the outlets whose addresses carry words.

    Parameters
    ----------
    content : bytes
        JSON: {"YYYYMMDD": [[longitude, latitude, place, type, reports, [address, ...]], ...]}.
    file : str
        Its name, for messages.
    lexicon : dict

    Returns
    -------
    mentions : DataFrame
        Columns article (address without scheme, www and query), date, words (folded), longitude, latitude, region.
    rules : list of Rule
    """
    try:
        days = json.loads(content)
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
        raise DataError("not a file of addresses", file=file, expected=expected, found=str(error)) from error
    mentions["article"] = _article(mentions["address"])
    host = mentions["article"].str.split("/", n=1).str[0].str.lower()
    carries = host.str.contains(rf"(?:^|\.)(?:{'|'.join(map(re.escape, lexicon['outlets']))})$")
    tail = (
        mentions["article"].str.rsplit("/", n=1).str[-1].str.replace(r"(?:[-_]?\d{5,})?(?:\.html?)?$", "", regex=True)
    )
    mentions["words"] = fold(tail.map(unquote))
    wordless = carries & (mentions["words"].str.count(r"[a-z]{2,}") < 3)
    rules = [
        _rule(
            "keep_outlets_with_words",
            "Addresses of other outlets do not carry headlines.",
            mentions["article"][~carries],
        ),
        _rule(
            "drop_addresses_without_words",
            "An address of fewer than three words cannot be coded.",
            mentions["article"][wordless],
        ),
    ]
    columns = ["article", "date", "words", "longitude", "latitude"]
    return mentions.loc[carries & ~wordless, columns].assign(region=""), rules


def read_archive(content, file, lexicon):
    """Return the same as `read_addresses` from a yearly archive, whose headlines are the words."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            inner = next(name for name in archive.namelist() if name.endswith(".csv"))
            table = archive.read(inner)
    except (zipfile.BadZipFile, StopIteration) as error:
        raise DataError("not a zip archive with a CSV file", file=file, found=str(error)) from error
    text, _ = read_rows(table, f"{file}/{inner}", required=ARCHIVE_COLUMNS)
    mentions = text.rename(columns={"ADM1_NAME": "region"})
    mentions["date"] = pd.to_datetime(text["date"], format="%Y%m%d", errors="coerce")
    mentions["article"] = _article(text["url"])
    mentions["words"] = fold(text["text"])
    for axis in ("longitude", "latitude"):
        mentions[axis] = pd.to_numeric(text[axis], errors="coerce")
    usable = mentions["date"].notna() & mentions["words"].str.contains("[a-z]") & mentions["article"].ne("")
    rules = [
        _rule(
            "drop_rows_without_headline", "No date, headline or address: nothing to code.", mentions["article"][~usable]
        )
    ]
    return mentions.loc[usable, ["article", "date", "words", "longitude", "latitude", "region"]], rules


def find_oblasts(mentions, places, names):
    """Return the oblast of each mention, by the name of its region, else by its coordinates.

    Parameters
    ----------
    mentions : DataFrame
        With region (may be empty), longitude and latitude.
    places : DataFrame
        Known places: longitude, latitude, oblast.
    names : mapping of str to str
        Spellings in lower case to oblasts.

    Returns
    -------
    Series of str
        An oblast; "outside" (of Ukraine); "unplaced" (no region and no known place within 20 km).
    """
    from scipy.spatial import cKDTree

    def plane(frame):  # km east and north, near enough at the latitude of Ukraine
        return frame[["longitude", "latitude"]].to_numpy(dtype=float) * (111.2 * np.cos(np.radians(48.5)), 111.2)

    points = np.nan_to_num(plane(mentions), nan=1e6)
    distance, nearest = cKDTree(plane(places)).query(points)
    by_place = pd.Series(places["oblast"].to_numpy()[nearest], mentions.index).where(distance <= FARTHEST, "unplaced")
    return mentions["region"].str.casefold().map(names).fillna(by_place)


def count_articles(mentions, lexicon, oblasts, *, fewest=FEWEST_ARTICLES):
    """Count articles, and those of a new strike on energy, by day and oblast.

    Parameters
    ----------
    mentions : DataFrame
        Columns article, date, words, oblast, basis; one row an article and place.
    lexicon : dict
        With energy, attack, exclude and gaps.
    oblasts : list of str
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
    again = mentions.loc[mentions["date"] > mentions["article"].map(articles["day"]), "article"].drop_duplicates()
    where = pd.concat(
        [mentions[["article", "oblast"]].drop_duplicates(), articles.assign(oblast=NATION)["oblast"].reset_index()]
    )
    counts = where.join(articles, on="article").groupby(["day", "oblast"])["energy"].agg(["sum", "size"])
    days = pd.date_range(articles["day"].min(), articles["day"].max(), unit="us")
    index = pd.MultiIndex.from_product([days, sorted([*oblasts, NATION])], names=["day", "oblast"])
    table = counts.reindex(index, fill_value=0).astype(float).set_axis(["energy_articles", "coded_articles"], axis=1)
    nation = table["coded_articles"].xs(NATION, level="oblast")
    missing, rules = nation < fewest, []
    rules.append(_rule("count_repeated_addresses_once", "An article listed again counts on its first day.", again))
    few = tuple(days[missing].strftime("%Y-%m-%d"))
    rules.append(
        Rule("miss_days_with_few_articles", f"Fewer than {fewest} coded articles: not complete.", len(few), (), few)
    )
    for gap in lexicon.get("gaps", ()):
        inside = days[(days >= gap["first_day"]) & (days <= gap["last_day"])]
        missing[inside] = True
        rules.append(Rule("miss_days_of_gap", gap["why"], len(inside), (), tuple(inside.strftime("%Y-%m-%d"))))
    table[table.index.get_level_values("day").isin(days[missing])] = np.nan
    table = table.reset_index()
    first = articles.groupby("day")["basis"].first().reindex(days).ffill()
    return table.assign(basis=table["day"].map(first)), rules


def _article(addresses):
    """An address without scheme, www, query and closing slash: two of an article are one."""
    return addresses.str.replace(r"^(?:https?:)?//(?:www\.)?", "", regex=True).str.replace(
        r"/*(?:[?#].*)?$", "", regex=True
    )


def _rule(name, why, articles):
    distinct = articles.drop_duplicates()
    return Rule(name, why, len(distinct), tuple(distinct.sort_values().head(3)))
