"""Posts of the Russian defence ministry: what it says it aimed at, and the drones it says it shot down.

Raw file: the first 400 characters of the posts that mention drones. Lists of targets are mostly cut off there: only
the first-named class can be told, and where it cannot, the answer is "unknown", never "no". Nothing of the text is
kept. The words that decide are in `lexicon_communiques.toml`.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from analysis.sources.claims import any_of, claimed_drones, posts_rule
from analysis.sources.imported import Imported, Source
from analysis.sources.rawfile import RawFile, find_fault, read_lexicon, read_rows, refuse

CUT_AT = 400  # characters of a post that the raw file keeps
WEEK = r"[сc] (?P<first>\d{1,2})(?: [а-я]+)?(?: 20\d\d г\.)? по (?P<last>\d{1,2}) [а-я]+"


def import_communiques(path, *, folder):
    """Read the ministry's posts and derive the tables `energy_declared` and `russian_claims`.

    Parameters
    ----------
    path : path-like
        CSV with the columns datetime (UTC) and text_snippet.
    folder : path-like
        Folder that holds `lexicon_communiques.toml`.

    Returns
    -------
    Imported

    Raises
    ------
    DataError
        No such file, no CSV, a column missing, a time that cannot be read, a lexicon that is not TOML.
    """
    raw, words = RawFile.read(path), RawFile.read(Path(folder) / "lexicon_communiques.toml")
    lexicon = read_lexicon(words)
    posts, notes = read_posts(raw)
    declared, target_rules = declared_targets(posts, lexicon["targets"])
    claimed, claim_rules = claimed_drones(posts, lexicon)
    state = f"posts of {posts['date'].min():%Y-%m-%d} to {posts['date'].max():%Y-%m-%d}"
    return Imported(
        tables={"energy_declared": declared, "russian_claims": claimed},
        rules=(*target_rules, *claim_rules),
        sources=(Source.of("communiques", state=state),),
        inputs=(raw, words),
        notes=(*notes, *_silences(declared, claimed)),
    )


def read_posts(raw):
    """Return the posts of a raw file by time, and notes.

    The frame has the index "row" and the columns posted (Moscow), date (of `posted`), text (small letters, without
    links and pictograms) and cut (the post went on).
    """
    rows, notes = read_rows(raw, required=["datetime", "text_snippet"])
    posted = pd.to_datetime(rows["datetime"], format="%Y-%m-%d %H:%M", errors="coerce")
    form = "such as 2025-03-14 07:05"
    refuse([find_fault(rows, "datetime", posted.isna(), "not a time", form, file=raw.name)], file=raw.name)
    posted = posted.dt.tz_localize("UTC").dt.tz_convert("Europe/Moscow")
    text = rows["text_snippet"].str.lower().str.replace(r"\]\([^)]*\)?", "]", regex=True)
    text = text.str.replace(r"[^\w\s.,:;()«»\"%/–-]|_", " ", regex=True).str.replace(r"\s+", " ", regex=True)
    text = text.str.replace(r" ([.,:;])", r"\1", regex=True).str.strip()
    date, cut = posted.dt.tz_localize(None).dt.normalize(), rows["text_snippet"].str.len() >= CUT_AT
    posts = pd.DataFrame({"posted": posted, "date": date, "text": text, "cut": cut})
    return posts.sort_values("posted", kind="stable"), notes


def declared_targets(posts, words):
    """Code the class of targets that the ministry names first, by day and by week.

    Parameters
    ----------
    posts : DataFrame
        As `read_posts` returns it.
    words : dict
        The part "targets" of the lexicon.

    Returns
    -------
    table : DataFrame
        One row a day and one a week (Saturday to Friday, as the ministry counts): period, first_day, last_day,
        target_class, energy_first (yes, no, unknown), reading (read; cut: the list is cut off too early; none: no
        post reports long-range strikes), posts (that report them).
    rules : list of Rule

    Notes
    -----
    A report belongs to its date in Moscow, with the strikes of the night before: to that strike day. Of several
    posts for a day or week the first that can be read decides.
    """
    coded = _code_posts(posts, words)
    reports, keys = coded[coded["strike"] & ~coded["other_span"]], ["period", "last_day"]
    days = pd.date_range(posts["date"].min(), posts["date"].max(), unit="us")
    fridays = days[days.day_of_week == 4]
    daily = pd.DataFrame({"period": "day", "first_day": days, "last_day": days})
    weekly = pd.DataFrame({"period": "week", "first_day": fridays - pd.Timedelta(days=6), "last_day": fridays})
    found = reports.groupby(keys)["code"].agg(target_class="first", posts="size")
    table = pd.concat([daily, weekly], ignore_index=True).join(found, on=keys)
    known = table["target_class"].notna()
    table = table.fillna({"target_class": "unknown", "posts": 0})
    table["energy_first"] = np.select([~known, table["target_class"] == "energy"], ["unknown", "yes"], "no")
    table["reading"] = np.select([known, table["posts"] > 0], ["read", "cut"], "none")
    read = reports[reports["code"].notna()]
    several, cut = read[read.groupby(keys)["code"].transform("nunique") > 1], reports.drop(read.index)
    rules = [
        ("leave_out_other_spans", "Reports on other days than one or a week are left out.", posts[coded["other_span"]]),
        ("unknown_where_cut", "A list cut off before its first class is unknown, never no.", cut),
        ("first_readable_post_decides", "Where posts of one day or week differ, the first decides.", several),
    ]
    return table, [posts_rule(*rule, "energy_declared") for rule in rules]


def _code_posts(posts, words):
    """The posts with strike (they report one), code (class named first, empty: cannot be read), period, last_day.

    And other_span: a report on a strike, but on other days than one, or than the week that ends with its date.
    """
    parts = posts["text"].str.extract(rf"^(.*?{any_of(words['lead_in'])}) (.*)$")
    before, target = parts[0].fillna(posts["text"]), parts[1].fillna("")
    sentence = before.str.split(". ", regex=False).str[-1]
    strike = sentence.str.contains(any_of(words["strike"])) & ~sentence.str.contains(any_of(words["not_a_strike"]))
    filler = rf"^(?:{any_of(words['filler'])} )*"
    rest = target.str.replace(filler, "", regex=True)
    told = rest.ne("") & (~posts["cut"] | rest.str.contains(r"\w[ ,.]"))  # its first telling word is whole
    code = pd.Series(np.nan, posts.index, dtype="str").mask(told, "other")
    for name, beginnings in reversed(words["classes"].items()):
        code = code.mask(target.str.contains(filler + any_of(beginnings)), name)
    span, week_ago = before.str.extract(WEEK).astype(float), posts["date"] - pd.Timedelta(days=6)
    week = span["first"].eq(week_ago.dt.day) & span["last"].eq(posts["date"].dt.day)
    week &= ~sentence.str.contains("сегодня")
    other_span, period = strike & span["first"].notna() & ~week, np.where(week, "week", "day")
    return posts.assign(strike=strike, code=code, other_span=other_span, period=period, last_day=posts["date"])


def _silences(declared, claimed):
    """How many days and weeks the tables cannot speak about."""
    unknown = declared["energy_first"].eq("unknown").groupby(declared["period"]).agg(["sum", "size", "mean"])
    for period, (number, of, share) in unknown.iterrows():
        yield f"energy_declared: unknown for {number:.0f} of {of:.0f} {period}s ({share:.0%})"
    missing = claimed["drones_claimed"].isna()
    yield f"russian_claims: {missing.sum()} of {len(missing)} days are missing ({missing.mean():.0%})"
