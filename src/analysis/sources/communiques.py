"""Posts of the Russian defence ministry: what it says it aimed at, and the drones it says it shot down.

Raw file: the first 400 characters of the posts that mention drones. Lists of targets are mostly cut off there: only
the first-named class can be told, and where it cannot, the answer is "unknown", never "no". Nothing of the text is
kept. The words that decide are in `lexicon_communiques.toml`.
"""

import re
import tomllib
from pathlib import Path

import numpy as np
import pandas as pd

from analysis.errors import DataError
from analysis.sources.imported import Imported, Input, Rule, Source
from analysis.sources.rawfile import read_bytes, read_rows
from analysis.strikedays import strike_day

CUT_AT = 400  # characters of a post that the raw file keeps
FIRST_CLAIMS = pd.Timestamp("2024-05-01")  # before, most nights have no post of their own
NIGHT_HOUR = pd.Timedelta(hours=1)  # Moscow; a claim is for the night if its period covers this hour
LATE = pd.Timedelta(minutes=30)  # a post may come that much before the end of the period it states
CLOCK = r"(?<![\d.])(?<!мск )([01]?\d|2[0-4])[.:]([0-5]\d)(?!\d|\.\d)"
SINCE = r"(?:[вз]а? период )?[сc] "
WEEK = r"[сc] (?P<first>\d{1,2})(?: [а-я]+)?(?: 20\d\d г\.)? по (?P<last>\d{1,2}) [а-я]+"
SOURCE = {
    "title": "Posts of the Ministry of Defence of the Russian Federation",
    "producer": "Ministry of Defence of the Russian Federation; collected by Androm2018",
    "citation": "Ministry of Defence of the Russian Federation: posts on Telegram, first 400 characters, as collected "
    "in Androm2018/ukraine-drone-weather-analysis",
    "address": "https://github.com/Androm2018/ukraine-drone-weather-analysis",
    "licence": "none stated: flags and sums are derived, no text is republished",
}


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
    path, words = Path(path), Path(folder) / "lexicon_communiques.toml"
    content, lexicon_content = read_bytes(path), read_bytes(words)
    try:
        lexicon = tomllib.loads(lexicon_content.decode())
    except ValueError as error:
        raise DataError("not a readable lexicon", file=words.name, found=str(error)) from error
    posts, notes = read_posts(content, path.name)
    declared, target_rules = declared_targets(posts, lexicon["targets"])
    claimed, claim_rules = claimed_drones(posts, lexicon)
    state = f"posts of {posts['date'].min():%Y-%m-%d} to {posts['date'].max():%Y-%m-%d}"
    return Imported(
        tables={"energy_declared": declared, "russian_claims": claimed},
        rules=(*target_rules, *claim_rules),
        sources=(Source(**SOURCE, state=state),),
        inputs=(Input.of(path.name, content), Input.of(words.name, lexicon_content)),
        notes=tuple(notes),
    )


def read_posts(content, file):
    """Return the posts of a raw file (its bytes, and its name for messages) by time, and notes.

    The frame has the index "row" and the columns posted (Moscow), date (of `posted`), text (small letters, without
    links and pictograms) and cut (the post went on).
    """
    raw, notes = read_rows(content, file, required=["datetime", "text_snippet"])
    posted = pd.to_datetime(raw["datetime"], format="%Y-%m-%d %H:%M", errors="coerce")
    if posted.isna().any():
        raise DataError(
            "a time that cannot be read",
            file=file,
            field="datetime",
            rows=raw.index[posted.isna()],
            expected="such as 2025-03-14 07:05",
            found=repr(raw.loc[posted.isna(), "datetime"].iloc[0]),
        )
    posted = posted.dt.tz_localize("UTC").dt.tz_convert("Europe/Moscow")
    text = raw["text_snippet"].str.lower().str.replace(r"\]\([^)]*\)?", "]", regex=True)
    text = text.str.replace(r"[^\w\s.,:;()«»\"%/–-]|_", " ", regex=True).str.replace(r"\s+", " ", regex=True)
    text = text.str.replace(r" ([.,:;])", r"\1", regex=True).str.strip()
    date, cut = posted.dt.tz_localize(None).dt.normalize(), raw["text_snippet"].str.len() >= CUT_AT
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
    parts = posts["text"].str.extract(rf"^(.*?{_any(words['lead_in'])}) (.*)$")
    before, target = parts[0].fillna(posts["text"]), parts[1].fillna("")
    sentence = before.str.split(". ", regex=False).str[-1]
    strike = sentence.str.contains(_any(words["strike"])) & ~sentence.str.contains(_any(words["not_a_strike"]))
    filler = rf"^(?:{_any(words['filler'])} )*"
    rest = target.str.replace(filler, "", regex=True)
    told = rest.ne("") & (~posts["cut"] | rest.str.contains(r"\w[ ,.]"))  # its first telling word is whole
    code = pd.Series("unknown", posts.index).mask(told, "other")
    for name, beginnings in reversed(words["classes"].items()):
        code = code.mask(target.str.contains(filler + _any(beginnings)), name)
    span, week_ago = before.str.extract(WEEK).astype(float), posts["date"] - pd.Timedelta(days=6)
    weekly = (
        span["first"].eq(week_ago.dt.day) & span["last"].eq(posts["date"].dt.day) & ~sentence.str.contains("сегодня")
    )
    other_span = strike & span["first"].notna() & ~weekly
    reports = posts.assign(code=code, period=np.where(weekly, "week", "day"))[strike & ~other_span]
    read, keys = reports[reports["code"] != "unknown"], ["period", "date"]

    days = pd.DataFrame({"last_day": pd.date_range(posts["date"].min(), posts["date"].max(), unit="us")})
    weeks = days[days["last_day"].dt.day_of_week == 4]
    table = pd.concat(
        [
            days.assign(period="day", first_day=days["last_day"]),
            weeks.assign(period="week", first_day=weeks["last_day"] - pd.Timedelta(days=6)),
        ],
        ignore_index=True,
    )
    index = pd.MultiIndex.from_frame(table[["period", "last_day"]], names=keys)
    table["target_class"] = read.groupby(keys)["code"].first().reindex(index).fillna("unknown").to_numpy()
    table["posts"] = reports.groupby(keys).size().reindex(index, fill_value=0).to_numpy()
    known = table["target_class"] != "unknown"
    table["energy_first"] = np.select([~known, table["target_class"] == "energy"], ["unknown", "yes"], "no")
    table["reading"] = np.select([known, table["posts"] > 0], ["read", "cut"], "none")
    several = read[read.groupby(keys)["code"].transform("nunique") > 1]
    rules = [
        _rule("leave_out_other_spans", "Reports on other days than one or a week are left out.", posts[other_span]),
        _rule(
            "unknown_where_cut", "A list cut off before its first class is unknown, never no.", reports.drop(read.index)
        ),
        _rule("first_readable_post_decides", "Where posts of one day or week differ, the first decides.", several),
    ]
    columns = ["period", "first_day", "last_day", "target_class", "energy_first", "reading", "posts"]
    return table[columns], rules


def claimed_drones(posts, lexicon):
    """Add up, by strike day, the Ukrainian drones that the ministry says were shot down.

    Parameters
    ----------
    posts : DataFrame
        As `read_posts` returns it.
    lexicon : dict
        With summaries, openings, claims, night, drone, one_drone and numbers.

    Returns
    -------
    table : DataFrame
        One row a strike day, the last one (incomplete) left out: day, drones_claimed (empty without a post for the
        night or with a number that cannot be read), drones_named (the sum of what posts name: at least so many),
        posts_night, posts_daytime, posts_unread.
    rules : list of Rule

    Notes
    -----
    A night without drones has no post, and on some days the raw file lacks posts; the two look alike. A truce that
    was kept is missing in `drones_claimed` and 0 in `drones_named`: a verdict needs both.
    """
    text = posts["text"]
    claims = posts[text.str.match(_any(lexicon["openings"])) & text.str.contains(_any(lexicon["claims"]))]
    summary = claims["text"].str.contains(_any(lexicon["summaries"]))
    drones, early = claims["text"].str.contains(lexicon["drone"]), claims["date"] < FIRST_CLAIMS
    rules = [
        _rule("leave_out_summaries", "Posts that sum up other posts would count drones twice.", claims[summary]),
        _rule("leave_out_other_weapons", "Claims that name no drone are left out.", claims[~summary & ~drones]),
        _rule("begin_with_nightly_posts", "Before May 2024 most nights have no post of their own.", claims[early]),
    ]
    claims = claims[~summary & drones & ~early].copy()
    word = "|".join(lexicon["numbers"])
    number = rf"(?<![\w.,:])(\d+|(?:(?:{word}) )*(?:{word})) {lexicon['drone']}"
    found = claims["text"].str.extract(rf"^(?P<head>.*?){number}")
    alone = found[1].isna() & claims["text"].str.contains(_any(lexicon["one_drone"]))
    no_total = found["head"].str.endswith(": ", na=False)  # "shot down: three drones over A, one drone over B"
    numbers = (
        claims["text"].str.findall(number).where(no_total, found[1].map(lambda words: [words], na_action="ignore"))
    )
    value = numbers.map(
        lambda parts: sum(read_number(words, lexicon["numbers"]) for words in parts), na_action="ignore"
    )
    claims["drones"] = value.astype(float).mask(alone, 1)
    claims["head"] = found["head"].fillna(claims["text"]).str[:160]
    claims = date_claims(claims, lexicon["night"])
    unread, twice = claims["drones"].isna(), claims["within_another"]
    rules += [
        _rule("read_singular_as_one", "No number and the singular: one drone.", claims[alone]),
        _rule("add_up_lists_without_total", "A list of drones by place without a total is added up.", claims[no_total]),
        _rule("leave_day_open_without_number", "A number that cannot be read leaves its day open.", claims[unread]),
        _rule("drop_periods_within_another", "A post for a longer period holds those within it.", claims[twice]),
    ]
    claims = claims[~twice].assign(daytime=~claims["night"], unread=unread)
    sums = claims.groupby("day")[["drones", "night", "daytime", "unread"]].sum()
    days = pd.date_range(FIRST_CLAIMS, sums.index.max() - pd.Timedelta(days=1), unit="us", name="day")
    sums = sums.reindex(days, fill_value=0).astype(int)
    sums.columns = ["drones_named", "posts_night", "posts_daytime", "posts_unread"]
    claimed = sums["drones_named"].where((sums["posts_night"] > 0) & (sums["posts_unread"] == 0))
    gaps = tuple(days[sums["posts_night"] == 0].strftime("%Y-%m-%d"))
    why = "A day without a post for the night is missing, not zero."
    rules.append(Rule("miss_days_without_night_post", why, len(gaps), (), gaps, ("russian_claims",)))
    return sums.assign(drones_claimed=claimed).reset_index(), rules


def date_claims(claims, night):
    """Date claims by the middle of the period that they state.

    Parameters
    ----------
    claims : DataFrame
        With posted, date and head (the text before the number of drones).
    night : list of str
        Words for "night".

    Returns
    -------
    DataFrame
        The claims with night (the period covers 01:00 in Moscow, or the post says so), day (strike day) and
        within_another (the period lies inside that of another claim). Without hours a claim for the night has
        the date of its post, any other claim the strike day of its post.
    """
    clocks = claims["head"].str.extract(rf"{CLOCK}(?:.*?{CLOCK})?").astype(float)
    first, last = clocks[0] * 60 + clocks[1], clocks[2] * 60 + clocks[3]
    stated, posted = first.notna(), claims["posted"].dt.tz_localize(None)
    open_end = stated & last.isna() & claims["head"].str.match(SINCE)
    end = posted.mask(stated & ~open_end, _latest(posted + LATE, last.fillna(first)))
    start = end.mask(stated, _latest(end, first))
    says_night = claims["head"].str.contains(_any(night))
    middle = (start + (end - start) / 2).dt.tz_localize("Europe/Moscow")
    day = strike_day(middle).mask(says_night & ~stated, claims["date"])
    covers = (end.dt.normalize() + NIGHT_HOUR).between(start, end)
    ordered = pd.DataFrame({"start": start, "end": end}).sort_values(["start", "end"], ascending=[True, False])
    within = (ordered["end"] <= ordered["end"].cummax().shift()) & (ordered["end"] > ordered["start"])
    return claims.assign(night=covers | says_night, day=day, within_another=within)


def read_number(words, numbers):
    """Return the value of digits or of Russian number words, whose forms `numbers` maps to values.

    Examples
    --------
    >>> read_number("сто двадцать один", {"сто": 100, "двадцать": 20, "од(?:ин|на)": 1}), read_number("17", {})
    (121, 17)
    """
    if words.isdigit():
        return int(words)
    return sum(next(value for form, value in numbers.items() if re.fullmatch(form, word)) for word in words.split())


def _latest(limit, minutes):
    """The latest moment, not after `limit`, at which clocks show so many minutes past midnight."""
    moment = limit.dt.normalize() + pd.to_timedelta(minutes, unit="min")
    return moment.mask(moment > limit, moment - pd.Timedelta(days=1))


def _any(alternatives):
    return f"(?:{'|'.join(alternatives)})"


def _rule(name, why, posts):
    """A record of the posts that a rule touched, by their time and row: never by their text."""
    examples = tuple(f"post of {posted:%Y-%m-%d %H:%M} Moscow" for posted in posts["posted"].head(3))
    table = "energy_declared" if "code" in posts or "spans" in name else "russian_claims"
    return Rule(name, why, len(posts), examples, tuple(int(row) for row in posts.index), (table,))
