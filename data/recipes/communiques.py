"""Posts of the Russian defence ministry, cut at 400 characters: what it aimed at, and the drones it says it shot down.

Lists of targets are mostly cut off: where the first-named class cannot be told the answer is "unknown", never "no".
Nothing of the text is kept. The words that decide are in `lexicon_communiques.toml`."""

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from analysis.days import strike_day
from analysis.places import parsed

from .kit import Check, Imported, Log, RawFile, Rule, faults_of, read_rows, refuse

CUT_AT = 400  # characters of a post that the raw file keeps
WEEK = r"[сc] (?P<first>\d{1,2})(?: [а-я]+)?(?: 20\d\d г\.)? по (?P<last>\d{1,2}) [а-я]+"
FIRST_CLAIMS = pd.Timestamp("2024-05-01")  # before, most nights have no post of their own
NIGHT_HOUR = pd.Timedelta(hours=1)  # Moscow; a claim is for the night if its period covers this hour
LATE = pd.Timedelta(minutes=30)  # a post may come that much before the end of the period it states
CLOCK = r"(?<![\d.])(?<!мск )([01]?\d|2[0-4])[.:]([0-5]\d)(?!\d|\.\d)"
SINCE = r"(?:[вз]а? период )?[сc] "


def build(files: Sequence[RawFile], folder: Path) -> Imported:
    (raw, words), log = files, Log()
    lexicon = parsed(words.name, words.content)
    posts, notes = read_posts(raw)
    declared, claimed = declared_targets(posts, lexicon["targets"], log), claimed_drones(posts, lexicon, log)
    unknown = declared["energy_first"].eq("unknown").groupby(declared["period"]).agg(["sum", "size", "mean"])
    for period, (number, of, share) in unknown.iterrows():
        notes.append(f"energy_declared: unknown for {number:.0f} of {of:.0f} {period}s ({share:.0%})")
    missing = claimed["drones_claimed"].isna()
    notes.append(f"russian_claims: {missing.sum()} of {len(missing)} days are missing ({missing.mean():.0%})")
    state = {"state": f"posts of {posts['date'].min():%Y-%m-%d} to {posts['date'].max():%Y-%m-%d}"}
    return Imported({"energy_declared": declared, "russian_claims": claimed}, log, state, notes)


def read_posts(raw: RawFile) -> tuple[pd.DataFrame, list[str]]:
    """The posts by time: posted (Moscow), its date, text (small letters, no links or pictograms), cut; and notes."""
    rows, notes = read_rows(raw, ["datetime", "text_snippet"])
    posted = pd.to_datetime(rows["datetime"], format="%Y-%m-%d %H:%M", errors="coerce")
    check = Check("datetime", posted.isna(), "not a time", "such as 2025-03-14 07:05")
    refuse(raw.name, faults_of(raw.name, rows, [check]))
    posted, text = posted.dt.tz_localize("UTC").dt.tz_convert("Europe/Moscow"), rows["text_snippet"].str.lower()
    for form, instead in (
        (r"\]\([^)]*\)?", "]"), (r"[^\w\s.,:;()«»\"%/–-]|_", " "), (r"\s+", " "), (r" ([.,:;])", r"\1")
    ):  # fmt: skip
        text = text.str.replace(form, instead, regex=True)
    date, cut = posted.dt.tz_localize(None).dt.normalize(), rows["text_snippet"].str.len() >= CUT_AT
    posts = pd.DataFrame({"posted": posted, "date": date, "text": text.str.strip(), "cut": cut})
    return posts.sort_values("posted", kind="stable"), notes


def declared_targets(posts: pd.DataFrame, words: Mapping[str, Any], log: Log) -> pd.DataFrame:
    """The class of targets that the ministry names first, by day in Moscow and by week (Saturday to Friday)."""
    coded, keys = _code_posts(posts, words), ["period", "last_day"]
    reports = coded[coded["strike"] & ~coded["other_span"]]
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
    touched = {
        "leave_out_other_spans": posts[coded["other_span"]],
        "unknown_where_cut": reports.drop(read.index),
        "first_readable_post_decides": read[read.groupby(keys)["code"].transform("nunique") > 1],
    }
    _log_posts(log, touched)
    return table


def _code_posts(posts: pd.DataFrame, words: Mapping[str, Any]) -> pd.DataFrame:
    """The posts with strike (a report of one), other_span (on other days), code (class named first) and period."""
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


def claimed_drones(posts: pd.DataFrame, lexicon: Mapping[str, Any], log: Log) -> pd.DataFrame:
    """Ukrainian drones that the ministry says were shot down, by strike day; the last one, incomplete, is left out."""
    text = posts["text"]
    claims = posts[text.str.match(any_of(lexicon["openings"])) & text.str.contains(any_of(lexicon["claims"]))]
    summary = claims["text"].str.contains(any_of(lexicon["summaries"]))
    drones, early = claims["text"].str.contains(lexicon["drone"]), claims["date"] < FIRST_CLAIMS
    read = _date_claims(_read_claims(claims[~summary & drones & ~early], lexicon), lexicon["night"])
    once = read[~read["within_another"]]
    once = once.assign(unread=once["drones"].isna(), daytime=~once["night"])
    sums = once.groupby("day")[["drones", "night", "daytime", "unread"]].sum()
    days = pd.date_range(FIRST_CLAIMS, sums.index.max() - pd.Timedelta(days=1), unit="us", name="day")
    sums = sums.reindex(days, fill_value=0).astype(int)
    sums.columns = ["drones_named", "posts_night", "posts_daytime", "posts_unread"]
    gap = sums["posts_night"] == 0
    touched = {
        "leave_out_summaries": claims[summary],
        "leave_out_other_weapons": claims[~summary & ~drones],
        "begin_with_nightly_posts": claims[early],
        "read_singular_as_one": read[read["singular"]],
        "add_up_lists_without_total": read[read["no_total"]],
        "leave_day_open_without_number": read[read["drones"].isna()],
        "drop_periods_within_another": read[read["within_another"]],
    }
    _log_posts(log, touched)
    log.days("miss_days_without_night_post", days[gap])
    return sums.assign(drones_claimed=sums["drones_named"].where(~gap & (sums["posts_unread"] == 0))).reset_index()


def _read_claims(claims: pd.DataFrame, lexicon: Mapping[str, Any]) -> pd.DataFrame:
    """The claims with drones (empty: cannot be read), singular, no_total, and head (the text before the number)."""
    text, word = claims["text"], "|".join(lexicon["numbers"])
    number = rf"(?<![\w.,:])(\d+|(?:(?:{word}) )*(?:{word})) {lexicon['drone']}"
    found = text.str.extract(rf"^(?P<head>.*?){number}")
    singular = found[1].isna() & text.str.contains(any_of(lexicon["one_drone"]))
    no_total = found["head"].str.endswith(": ", na=False)  # "shot down: three drones over A, one drone over B"
    numbers = text.str.findall(number).where(no_total, found[1].map(lambda words: [words], na_action="ignore"))
    totals = numbers.map(lambda each: sum(read_number(one, lexicon["numbers"]) for one in each), na_action="ignore")
    head = found["head"].fillna(text).str[:160]
    drones = totals.astype(float).mask(singular, 1)
    return claims.assign(drones=drones, singular=singular, no_total=no_total, head=head)


def _date_claims(claims: pd.DataFrame, night: list[str]) -> pd.DataFrame:
    """The claims with day (of the middle of the period they state), night (it covers 01:00) and within_another."""
    clocks = claims["head"].str.extract(rf"{CLOCK}(?:.*?{CLOCK})?").astype(float)
    first, last = clocks[0] * 60 + clocks[1], clocks[2] * 60 + clocks[3]
    stated, posted = first.notna(), claims["posted"].dt.tz_localize(None)
    open_end = stated & last.isna() & claims["head"].str.match(SINCE)
    end = posted.mask(stated & ~open_end, _latest(posted + LATE, last.fillna(first)))
    start = end.mask(stated, _latest(end, first))
    says_night = claims["head"].str.contains(any_of(night))
    middle = (start + (end - start) / 2).dt.tz_localize("Europe/Moscow")
    day = strike_day(middle).mask(says_night & ~stated, claims["date"])
    covers = (end.dt.normalize() + NIGHT_HOUR).between(start, end)
    ordered = pd.DataFrame({"start": start, "end": end}).sort_values(["start", "end"], ascending=[True, False])
    within = (ordered["end"] <= ordered["end"].cummax().shift()) & (ordered["end"] > ordered["start"])
    return claims.assign(night=covers | says_night, day=day, within_another=within)


def _latest(limit: pd.Series, minutes: pd.Series) -> pd.Series:
    """The latest moment, not after `limit`, at which clocks show so many minutes past midnight."""
    moment = limit.dt.normalize() + pd.to_timedelta(minutes, unit="min")
    return moment.mask(moment > limit, moment - pd.Timedelta(days=1))


def read_number(words: str, numbers: Mapping[str, int]) -> int:
    """The value of digits or of Russian number words, whose forms `numbers` maps to values."""
    if words.isdigit():
        return int(words)
    return sum(next(value for form, value in numbers.items() if re.fullmatch(form, word)) for word in words.split())


def any_of(alternatives: Iterable[str]) -> str:
    return f"(?:{'|'.join(alternatives)})"


def _log_posts(log: Log, rules: Mapping[str, pd.DataFrame]) -> None:
    """Record the posts that each rule touched, by their time and row: never by their text."""
    for name, posts in rules.items():
        examples = [f"post of {posted:%Y-%m-%d %H:%M} Moscow" for posted in posts["posted"].head(3)]
        log.append(Rule(name, len(posts), examples, list(map(int, posts.index))))
