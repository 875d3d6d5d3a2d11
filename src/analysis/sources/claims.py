"""Ukrainian drones that the Russian defence ministry says were shot down, by strike day.

Every raid has a post of its own, for the night or for some hours of the day, with the number in digits or in words.
"""

import re

import pandas as pd

from analysis.days import strike_day
from analysis.sources.imported import Rule

FIRST_CLAIMS = pd.Timestamp("2024-05-01")  # before, most nights have no post of their own
NIGHT_HOUR = pd.Timedelta(hours=1)  # Moscow; a claim is for the night if its period covers this hour
LATE = pd.Timedelta(minutes=30)  # a post may come that much before the end of the period it states
CLOCK = r"(?<![\d.])(?<!мск )([01]?\d|2[0-4])[.:]([0-5]\d)(?!\d|\.\d)"
SINCE = r"(?:[вз]а? период )?[сc] "


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
    table = sums.assign(drones_claimed=sums["drones_named"].where(~gap & (sums["posts_unread"] == 0)))
    listed, unread, within = read[read["no_total"]], read[read["drones"].isna()], read[read["within_another"]]
    touched = [
        ("leave_out_summaries", "Posts that sum up other posts would count drones twice.", claims[summary]),
        ("leave_out_other_weapons", "Claims that name no drone are left out.", claims[~summary & ~drones]),
        ("begin_with_nightly_posts", "Before May 2024 most nights have no post of their own.", claims[early]),
        ("read_singular_as_one", "No number and the singular: one drone.", read[read["singular"]]),
        ("add_up_lists_without_total", "A list of drones by place without a total is added up.", listed),
        ("leave_day_open_without_number", "A number that cannot be read leaves its day open.", unread),
        ("drop_periods_within_another", "A post for a longer period holds those within it.", within),
    ]
    rules = [posts_rule(*rule) for rule in touched]
    why = "A day without a post for the night is missing, not zero."
    rules.append(Rule.on_days("miss_days_without_night_post", why, days[gap], tables=("russian_claims",)))
    return table.reset_index(), rules


def _read_claims(claims, lexicon):
    """The claims with drones (empty: cannot be read), singular, no_total, and head (the text before the number)."""
    text, word = claims["text"], "|".join(lexicon["numbers"])
    number = rf"(?<![\w.,:])(\d+|(?:(?:{word}) )*(?:{word})) {lexicon['drone']}"
    found = text.str.extract(rf"^(?P<head>.*?){number}")
    singular = found[1].isna() & text.str.contains(any_of(lexicon["one_drone"]))
    no_total = found["head"].str.endswith(": ", na=False)  # "shot down: three drones over A, one drone over B"
    numbers = text.str.findall(number).where(no_total, found[1].map(lambda words: [words], na_action="ignore"))

    def total(numbers):
        return sum(read_number(words, lexicon["numbers"]) for words in numbers)

    drones = numbers.map(total, na_action="ignore").astype(float).mask(singular, 1)
    head = found["head"].fillna(text).str[:160]
    return claims.assign(drones=drones, singular=singular, no_total=no_total, head=head)


def _date_claims(claims, night):
    """Date claims by the middle of the period that they state; `night`: words for it.

    Adds night (the period covers 01:00 in Moscow, or the post says so), day (strike day) and within_another (the
    period lies inside that of another claim). Without hours a claim for the night has the date of its post, any
    other claim the strike day of its post.
    """
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


def any_of(alternatives):
    """Return the regular expression for any of a list of them."""
    return f"(?:{'|'.join(alternatives)})"


def posts_rule(name, why, posts, table="russian_claims"):
    """Record the posts that a rule touched, by their time and row: never by their text."""
    examples = tuple(f"post of {posted:%Y-%m-%d %H:%M} Moscow" for posted in posts["posted"].head(3))
    return Rule(name, why, len(posts), examples, tuple(int(row) for row in posts.index), (table,))


def _latest(limit, minutes):
    """The latest moment, not after `limit`, at which clocks show so many minutes past midnight."""
    moment = limit.dt.normalize() + pd.to_timedelta(minutes, unit="min")
    return moment.mask(moment > limit, moment - pd.Timedelta(days=1))
