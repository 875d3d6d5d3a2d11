"""News of strikes on energy, by the words of addresses of articles that VIINA lists, or of headlines; events of ACLED.

Outlets with the headline in the address are the denominator; a year with a VIINA archive, which a user may bring, is
coded from its headlines alone. The words are in `lexicon_news.toml`; `news_sample` measures how good they are."""

import io
import json
import re
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import numpy as np
import pandas as pd

from analysis.errors import DataError
from analysis.places import parsed
from analysis.tables import load_table, parse_table

from .kit import Check, Imported, Log, RawFile, faults_of, oblast_names, read_rows, refuse

NATION = "Ukraine"  # the row of all oblasts, and of what has no place
FEWEST_ARTICLES = 10  # a day with fewer coded articles is not complete
FARTHEST = 20  # km from a known place at which an unknown place takes its oblast
LETTERS = dict(zip("абвгґдезийіїклмнопрстуфхц", "abvggdeziiiiklmnoprstufhc", strict=True)) | {
    "ё": "e", "є": "ie", "ж": "zh", "ч": "ch", "ш": "sh", "щ": "shch", "ы": "i", "э": "e", "ю": "iu", "я": "ia",
    "ь": "", "ъ": "", "'": "", "’": "", "ʼ": "",
}  # fmt: skip
SPELLINGS = (("kh", "h"), ("ts", "c"), ("shh", "shch"), ("y", "i"), ("j", "i"))


def build(files: Sequence[RawFile], folder: Path) -> Imported:
    *raws, words, places = files
    lexicon, names, log = parsed(words.name, words.content), oblast_names(load_table("oblasts", folder=folder)), Log()
    parts = [(read_archive if raw.name.endswith(".zip") else read_addresses)(raw, lexicon, log) for raw in raws]
    mentions = pd.concat(parts, ignore_index=True)
    if mentions.empty:
        raise DataError("no article that can be coded", file=", ".join(raw.name for raw in raws))
    headlines, year = mentions["basis"] == "headlines", mentions["date"].dt.year
    mentions = mentions[headlines | ~year.isin(year[headlines])]
    mentions["oblast"] = find_oblasts(mentions, parse_table("places", places.content), names)
    for place in ("unplaced", "outside"):
        log.ids(f"count_{place}_in_nation_only", mentions["article"][mentions["oblast"] == place])
    table = count_articles(mentions, lexicon, names.values(), log)
    missing = table.loc[table["oblast"] == NATION, "coded_articles"].isna()
    note = f"energy_reported: {missing.sum()} of {len(missing)} days are missing ({missing.mean():.0%})"
    state = {"state": f"articles of {mentions['date'].min():%Y-%m-%d} to {mentions['date'].max():%Y-%m-%d}"}
    return Imported({"energy_reported": table}, log, state, [note])


def build_acled(files: Sequence[RawFile], folder: Path) -> Imported:
    """Events by calendar day and oblast, those tagged as damage to energy and all."""
    (raw,), names, log = files, oblast_names(load_table("oblasts", folder=folder)), Log()
    columns = ["event_id_cnty", "event_date", "event_type", "actor1", "country", "admin1", "tags"]
    rows, notes = read_rows(raw, columns)
    strikes = (rows["country"] == "Ukraine") & (rows["event_type"] == "Explosions/Remote violence")
    strikes &= rows["actor1"].str.startswith("Military Forces of Russia")
    events = rows[strikes].drop_duplicates("event_id_cnty")
    dates = pd.to_datetime(events["event_date"], format="mixed", dayfirst=True, errors="coerce")
    oblasts, energy = events["admin1"].str.casefold().map(names), events["tags"].str.contains("energy", case=False)
    strange = {"event_date": dates.isna(), "admin1": oblasts.isna()}
    checks = [Check(field, wrong, "not known") for field, wrong in strange.items()]
    refuse(raw.name, faults_of(raw.name, events, checks))
    coded = pd.DataFrame({"day": dates.astype("datetime64[us]"), "oblast": oblasts, "energy": energy})
    table = _count(pd.concat([coded, coded.assign(oblast=NATION)]), names.values(), ["energy_events", "coded_events"])
    log.ids("keep_russian_strikes", rows["event_id_cnty"][~strikes])
    log.ids("drop_repeated_events", rows["event_id_cnty"][strikes].drop(events.index))
    state = {"state": f"events of {dates.min():%Y-%m-%d} to {dates.max():%Y-%m-%d}"}
    return Imported({"energy_acled": table}, log, state, notes)


def _count(events: pd.DataFrame, oblasts: Iterable[str], columns: list[str]) -> pd.DataFrame:
    """How many events there are on energy, and at all, by day and oblast; 0 where nothing happened."""
    days = pd.date_range(events["day"].min(), events["day"].max(), unit="us")
    index = pd.MultiIndex.from_product([days, sorted({*oblasts, NATION})], names=["day", "oblast"])
    counts = events.groupby(["day", "oblast"])["energy"].agg(["sum", "size"]).reindex(index, fill_value=0)
    return counts.set_axis(columns, axis=1).reset_index()


def read_addresses(raw: RawFile, lexicon: Mapping[str, Any], log: Log) -> pd.DataFrame:
    """One row an article and place, for the outlets whose addresses carry words: article, date, words and place."""
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
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        expected = '{"YYYYMMDD": [[longitude, latitude, place, type, reports, [addresses]]]}'
        raise DataError("not a file of addresses", file=raw.name, expected=expected, found=str(error)) from error
    article = _article(mentions.pop("address"))
    host = article.str.split("/", n=1).str[0].str.lower()
    carries = host.str.contains(rf"(?:^|\.)(?:{'|'.join(map(re.escape, lexicon['outlets']))})$")
    tail = article.str.rsplit("/", n=1).str[-1].str.replace(r"(?:[-_]?\d{5,})?(?:\.html?)?$", "", regex=True)
    words = fold(tail.map(unquote))
    wordless = carries & (words.str.count(r"[a-z]{2,}") < 3)
    log.ids("keep_outlets_with_words", article[~carries])
    log.ids("drop_addresses_without_words", article[wordless])
    return mentions.assign(article=article, words=words, region="", basis="addresses")[carries & ~wordless]


def read_archive(raw: RawFile, lexicon: Mapping[str, Any], log: Log) -> pd.DataFrame:
    """The same from a yearly archive, whose headlines are the words."""
    try:
        with zipfile.ZipFile(io.BytesIO(raw.content)) as archive:
            inner = next(name for name in archive.namelist() if name.endswith(".csv"))
            table = RawFile(f"{raw.name}/{inner}", archive.read(inner))
    except (zipfile.BadZipFile, StopIteration) as error:
        raise DataError("not a zip archive with a CSV file", file=raw.name, found=str(error)) from error
    text, _ = read_rows(table, ["date", "url", "text", "ADM1_NAME", "longitude", "latitude"])
    mentions = text[["longitude", "latitude"]].apply(pd.to_numeric, errors="coerce")
    mentions["date"] = pd.to_datetime(text["date"], format="%Y%m%d", errors="coerce")
    mentions["article"], mentions["words"] = _article(text["url"]), fold(text["text"])
    usable = mentions["date"].notna() & mentions["words"].str.contains("[a-z]") & mentions["article"].ne("")
    log.ids("drop_rows_without_headline", mentions["article"][~usable])
    return mentions.assign(region=text["ADM1_NAME"], basis="headlines")[usable]


def count_articles(
    mentions: pd.DataFrame, lexicon: Mapping[str, Any], oblasts: Iterable[str], log: Log
) -> pd.DataFrame:
    """Articles, and those of a new strike on energy, by the day that first lists them and by oblast."""
    articles = mentions.groupby("article").agg(day=("date", "min"), words=("words", "first"), basis=("basis", "first"))
    articles["energy"] = code_words(articles["words"], lexicon)["energy_strike"]
    again = mentions.loc[mentions["date"] > mentions["article"].map(articles["day"]), "article"]
    log.ids("count_repeated_addresses_once", again)
    named = mentions[["article", "oblast"]].drop_duplicates().join(articles, on="article")
    columns = ["energy_articles", "coded_articles"]
    table = _count(pd.concat([named, articles.assign(oblast=NATION)]), oblasts, columns)
    nation = table[table["oblast"] == NATION].set_index("day")["coded_articles"]
    days, few = nation.index, nation.index[nation < FEWEST_ARTICLES]
    log.days("miss_days_with_few_articles", few)
    missing = table["day"].isin(few)
    for gap in lexicon.get("gaps", ()):
        inside = days[(days >= gap["first_day"]) & (days <= gap["last_day"])]
        missing |= table["day"].isin(inside)
        log.days("miss_days_of_gap", inside, {"why": gap["why"]})
    basis = articles.groupby("day")["basis"].first().reindex(days).ffill()
    return table.assign(**table[columns].mask(missing), basis=table["day"].map(basis))


def _article(addresses: pd.Series) -> pd.Series:
    """An address without scheme, www, query and closing slash: two of an article are one."""
    plain = addresses.str.replace(r"^(?:https?:)?//(?:www\.)?", "", regex=True)
    return plain.str.replace(r"/*(?:[?#].*)?$", "", regex=True)


def find_oblasts(mentions: pd.DataFrame, places: pd.DataFrame, names: Mapping[str, str]) -> pd.Series:
    """The oblast of each mention, by the name of its region, else by the nearest known place within 20 km."""
    from scipy.spatial import cKDTree

    def plane(frame: pd.DataFrame) -> np.ndarray:  # km east and north, near enough at the latitude of Ukraine
        return frame[["longitude", "latitude"]].to_numpy(dtype=float) * (111.2 * np.cos(np.radians(48.5)), 111.2)

    points = np.nan_to_num(plane(mentions), nan=1e6)
    distance, nearest = cKDTree(plane(places)).query(points)
    by_place = pd.Series(places["oblast"].to_numpy()[nearest], mentions.index).where(distance <= FARTHEST, "unplaced")
    return mentions["region"].str.casefold().map(names).fillna(by_place)


def fold(texts: pd.Series) -> pd.Series:
    """Ukrainian, Russian or romanised text in one spelling: small Latin letters and digits, one space between words."""
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
    """The regular expression for a list of the lexicon, in which _ ends a word."""
    joined = [entry.replace(" ", "[a-z0-9]* ").replace("_[a-z0-9]* ", " ") for entry in entries]
    return rf"(?<![a-z0-9])(?:{'|'.join(joined)})".replace("_", r"(?![a-z0-9])")
