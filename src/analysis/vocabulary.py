"""One vocabulary for readers: how much, how often an ordinary spell looks so, one of a few words, and how sure.

Every function reads a row of the record; the rules that lead to a word stand in one table, which the page on method
prints.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import reduce
from typing import TYPE_CHECKING, Any, NamedTuple

from analysis.windows import SHORT_WINDOW
from analysis.words import DEPENDS, FEWER, MORE, NOT_TESTABLE, amount, day_list, listed, span_text, without_year

if TYPE_CHECKING:
    from analysis.pauses import Pause

Row = Mapping[str, Any]  # a row of the record; None where empty

NOT_YET = "not yet"
NO_DATA, TOO_SHORT, TOO_RARE, AS_USUAL = "no usable data", "too short to tell", "too rare to tell", "about as usual"
UNANSWERED = (NOT_YET, NO_DATA)
CANNOT_TELL = (TOO_SHORT, TOO_RARE)
SILENT = (*UNANSWERED, *CANNOT_TELL)  # words that claim nothing, and so need no confidence
UNREPORTED = "we inferred from sirens and press"
MODEL = "coded by a language model, not yet checked by people"
SOLID, FAIR, WEAK = "solid", "fair", "weak"
CLEAR = 0.01  # one in a hundred
PERHAPS = 0.35
ORDINARY = (0.7, 1.4)
HALF = 0.5
AMONG_ALL = "compared with all windows"  # of a week after a quiet, where those after other quiets are less strict
LEAST = 0.95  # below, an expected number is not rounded to one
MINUTES_OF = "minutes of "
FEWEST_SPELLS = 30  # separate spells of the same length; with fewer, false alarms exceed what is meant
PLAINER = (
    (r"\bthe window\b", "these days"),
    (r"\bwindows\b", "spells"),
    (r"\bwindow\b", "spell"),
    (r"\bstrike days?\b", "days"),
    (r"\bany day from (\d+ \w+ \d{4}) to \1", r"\1"),
)
NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")


class Doubt(NamedTuple):
    """What speaks against trusting a finding, in a few words; `of_count`: against its number, whatever is found."""

    text: str
    of_count: bool = False


@dataclass(frozen=True)
class Rule:
    """A word with what makes it fit; of the two in `words` the first is for less than expected."""

    words: tuple[str, str]
    when: str
    holds: Callable[[Row], bool]


def _told(row: Row) -> bool:
    return row["verdict"] in (FEWER, MORE)


def _perhaps(row: Row) -> bool:
    apart = not ORDINARY[0] <= row["ratio"] <= ORDINARY[1]
    return row["verdict"] == DEPENDS or _p(row) <= PERHAPS or apart


def _p(row: Row) -> float:
    return row["p_value"] if row["p_adjusted"] is None else row["p_adjusted"]


RULES = (  # the first that holds
    Rule(
        (NOT_YET, NOT_YET),
        "its nights have not come, or are not in the data yet",
        lambda row: row["reason"].startswith(NOT_YET),
    ),
    Rule(
        (NO_DATA, NO_DATA),
        "nothing was counted, or there is nothing to compare the count with",
        lambda row: row["ratio"] is None or row["p_value"] is None,
    ),
    Rule(
        (TOO_RARE, TOO_RARE),
        f"as the next, in a pause of {SHORT_WINDOW + 1} days and more: not its length, what is counted is at fault",
        lambda row: row["verdict"] == NOT_TESTABLE and row["n_days"] > SHORT_WINDOW,
    ),
    Rule(
        (TOO_SHORT, TOO_SHORT),
        "even silence comes by chance in more than one spell in forty, since fewer and more both count (where only a "
        "rise is asked for: even the most that any ordinary spell had, in more than one in twenty)",
        lambda row: row["verdict"] == NOT_TESTABLE,
    ),
    Rule(
        ("clearly fewer", "clearly more"),
        f"told from chance, p at most {CLEAR} (each pause by itself), and at most one doubt",
        lambda row: _told(row) and _p(row) <= CLEAR,
    ),
    Rule((FEWER, MORE), "told from chance, p at most 1 less the level asked for, 0.05 in the reports", _told),
    Rule(
        ("lower, may be chance", "higher, may be chance"),
        f"not told from chance, but p at most {PERHAPS}, or outside {ORDINARY[0]} to {ORDINARY[1]} times the expected, "
        "or told under one choice and not under another",
        _perhaps,
    ),
    Rule(
        (AS_USUAL, AS_USUAL),
        f"the interval of the ratio begins at {HALF} or above: a fall by half is excluded",
        lambda row: row["ratio_low"] is not None and row["ratio_low"] >= HALF,
    ),
    Rule((TOO_SHORT, TOO_SHORT), "all else: a fall by half may have passed unseen", lambda row: True),
)


def plain_row(row: Row) -> dict[str, Any]:
    """A row of the record with None where it is empty."""
    return {name: None if value is None or value != value else value for name, value in row.items()}


def word(row: Row) -> str:
    """The word for one finding."""
    rule = next(rule for rule in RULES if rule.holds(row))
    return rule.words[int((row["ratio"] or 0) > 1)]


def toned(found: str, doubts: Sequence[Doubt]) -> str:
    """The word once its doubts are known: with more than one nothing is clear.

    >>> toned("clearly fewer", [Doubt("one side's count")]), toned("clearly fewer", [Doubt("a"), Doubt("b")])
    ('clearly fewer', 'fewer')
    """
    return found.removeprefix("clearly ") if len(doubts) > 1 else found


def in_table(found: str) -> str:
    """A word as short as a table of many needs it; the others as they are.

    >>> in_table("lower, may be chance"), in_table("too short to tell"), in_table("fewer")
    ('lower?', 'too short', 'fewer')
    """
    return found.replace(", may be chance", "?").removesuffix(" to tell")


def about(value: float) -> str:
    """An expected number for readers: two digits, whole.

    >>> about(647.6), about(3176), about(16.2), about(0.4)
    ('about 650', 'about 3,200', 'about 16', 'less than one')
    """
    return "less than one" if value < LEAST else f"about {rounded(value)}"


def rounded(value: float) -> str:
    """A number with two digits, whole."""
    return "under 1" if value < LEAST else f"{float(f'{value:.2g}'):,.0f}"


def size(row: Row, noun: tuple[str, str]) -> str:
    """How much was counted and how much expected; the noun in singular and plural.

    >>> size({"observed": 196.0, "expected": 403.5}, ("drone", "drones"))
    '196 drones, about 400 expected'
    >>> size({"observed": 0.0, "expected": 164.0}, ("minute of sirens", "minutes of sirens"))
    'no sirens, about 160 minutes expected'
    """
    seen = amount(row["observed"]) if row["observed"] else "none" if noun[1].startswith("of ") else "no"
    counted, unit = f"{seen} {noun[0] if row['observed'] == 1 else noun[1]}", ""
    if not row["observed"] and noun[1].startswith(MINUTES_OF):
        counted, unit = f"no {noun[1].removeprefix(MINUTES_OF)}", " minutes"
    return counted if row["expected"] is None else f"{counted}, {about(row['expected'])}{unit} expected"


def as_extreme(row: Row) -> int | None:
    """How many of the compared spells were as low (or as high) as this one; None where it has no rank among them."""
    if row["p_value"] is None or row["n_as_extreme"] is None or (row["alternative"] == "greater" and row["ratio"] < 1):
        return None
    return int(row["n_as_extreme"])


def frequency(row: Row) -> str:
    """How often an ordinary spell looks so, as a natural frequency; empty without a rank.

    >>> row = {"p_value": 0.3, "n_placebo": 297, "alternative": "two-sided", "ratio": 0.49, "n_days": 2, "n_missing": 0}
    >>> frequency(row | {"test": "shift", "n_as_extreme": 43})
    'one ordinary two-day spell in seven is as quiet'
    >>> frequency(row | {"test": "shift", "n_as_extreme": 0})
    'none of 297 ordinary two-day spells was as quiet'
    """
    alike, n = as_extreme(row), row["n_placebo"]
    if alike is None:
        return ""
    look = "as heavy" if row["ratio"] > 1 else "as quiet"
    n_days = row["n_days"] - row["n_missing"]  # a day missing here is left out of the others too
    length = {1: "day", 7: "week"}.get(n_days, f"{in_words(n_days)}-day spell")
    apart = {"after-quiet": ("", " after such a quiet"), "after-salvo": ("", " after a heavy day")}
    among = "" if row["test"] == "after-quiet" and row["reason"].startswith(AMONG_ALL) else row["test"]
    before, after = apart.get(among, ("ordinary ", ""))
    if not (share := one_in(alike, n)):
        return f"none of {n} {before}{length}s{after} was {look}"
    if share == 1:
        return f"most {before}{length}s{after} are {look}"
    return f"one {before}{length} in {in_words(share)}{after} is {look}"


def one_in(alike: int, n: int) -> int:
    """One spell in how many is so; 1 for most, 0 for none.

    >>> one_in(43, 297), one_in(200, 297), one_in(0, 324)
    (7, 1, 0)
    """
    return 0 if alike <= 0 else 1 if 2 * alike > n else round(n / alike)


def plainly(reason: str) -> str:
    """A reason of the record in a reader's words: days as people write them, none of the terms of the trade.

    >>> plainly("the data end on 2026-04-12, before the window")
    'the data end on 12 April 2026, before these days'
    """
    dated = re.sub(r"\d{4}-\d\d-\d\d", lambda found: span_text(*[date.fromisoformat(found[0])] * 2), reason)
    return reduce(lambda text, pair: re.sub(*pair, text), PLAINER, dated)


def in_words(number: int) -> str:
    """A small number in words."""
    return NUMBERS[number] if number < len(NUMBERS) else f"{number:,}"


def confidence(found: str, doubts: Sequence[Doubt]) -> str:
    """Solid without a doubt, fair with one, weak with more; empty for a word that claims nothing or may be chance."""
    return "" if found in SILENT or found.endswith("chance") else (SOLID, FAIR, WEAK)[min(2, len(doubts))]


def sureness(found: str, doubts: Sequence[Doubt]) -> str:
    """The confidence with its reasons as a sentence; empty for a word without.

    >>> sureness("fewer", [Doubt("one side's count")])
    "Confidence: fair, one doubt (one side's count)."
    """
    level = confidence(found, doubts)
    if not level or not doubts:
        return f"Confidence: {level}." if level else ""
    told = "; ".join(doubt.text for doubt in doubts)
    return f"Confidence: {level}, {in_words(len(doubts))} doubt{'s' * (len(doubts) > 1)} ({told})."


def doubts_of(
    row: Row,
    *,
    inferred: int = 0,
    provisional: int = 0,
    backed: bool | None = None,
    curve: Row | None = None,
    coded: bool = False,
    listed: bool = False,
) -> tuple[Doubt, ...]:
    """What speaks against trusting a finding.

    `inferred`: days whose zero stands in no report; `provisional`: nights typed in; `backed`: whether sirens show the
    same, None where one party's counts are not what it rests on; `curve`: the row of the median over all declared
    choices; `listed`: its size says already on how many days a list was read.
    """
    n, doubts = row["n_days"], []
    if provisional:
        part = "its only night" if n == 1 else f"{in_words(provisional)} of {in_words(n)} nights"
        doubts.append(Doubt(f"{part} typed in from a newsroom, provisional", of_count=True))
    if inferred:
        part = "its only day" if n == 1 else f"{in_words(inferred)} of {in_words(n)} days"
        doubts.append(Doubt(f"{part} {'is a zero' if inferred == 1 else 'are zeros'} {UNREPORTED}", of_count=True))
    if row["n_missing"]:
        doubts.append(Doubt(f"{row['n_missing']} of {n} days missing", of_count=not listed))
    if backed is False or (backed and 2 * inferred > n):  # sirens cannot back the days that they helped to set
        doubts.append(Doubt("one side's count"))
    if row["verdict"] == DEPENDS:
        doubts.append(Doubt("depends on a choice"))
    if _told(row) and curve and curve["verdict"] != row["verdict"]:
        doubts.append(Doubt("not told from chance in the median of all ways to count"))
    if row["test"] != "joint" and row["n_placebo"] and row["n_placebo"] / n < FEWEST_SPELLS:
        doubts.append(Doubt("few comparable spells"))
    if coded:
        doubts.append(Doubt(MODEL, of_count=True))
    return tuple(doubts)


def question_of(pause: Pause) -> str:
    """The question that a pause raises, from what it promised.

    >>> from analysis.pauses import load_pauses
    >>> question_of(load_pauses()["cold-week-pause-2026-01"])
    'Did Russia spare Kyiv and energy in the cold-week pause of 2026?'
    """
    asked = f"Did Russia spare {pause.spared}" if pause.spared else "Did Russia's strikes stop"
    return f"{asked} in {pause.phrase}?"


def promise_of(pause: Pause) -> str:
    """Who announced what, and for which days.

    >>> from analysis.pauses import load_pauses
    >>> promise_of(load_pauses()["victory-day-2025"])
    'Putin announced a truce for 8 to 10 May 2025'
    """
    days, spared = pause.days(), pause.spared
    named = [name for name in pause.announced_by if "(" not in name or re.search(r"\d", name)]  # not who only agreed
    who = listed(named) or "It is not known who"
    lasting = f" for {pause.length}" if pause.length else ""
    what = f"a halt{lasting} to strikes on {spared}" if spared else f"a truce{lasting}"
    apart = [f"on {pause.in_words(claim.targets)}, says {claim.party}" for claim in pause.claims if claim.targets]
    if apart:
        what = f"a halt{lasting} to strikes ({'; '.join(apart)})"
    span = day_list(days)
    others = [claim.days for claim in pause.claims if claim.stated and claim.covers_days]
    if all(list(named) == list(days) for named in others):
        return f"{who} announced {what} for {span}{', which both sides declared' * (pause.status == 'agreed')}"
    on = f"on {span_text(pause.announced_at, pause.announced_at)} " if pause.announced_at else ""
    terms = ", in differing terms" if pause.status == "disputed" and not apart else ""
    if pause.announced_at and pause.announced_at.year == days[-1].year:
        span = without_year(span, days[-1])
    inside = f"on the {in_words(len(days))} days inside all stated dates, {span}"
    return f"{on}{who} announced {what}{terms}; {inside}"
