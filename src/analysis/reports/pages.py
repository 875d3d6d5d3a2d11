"""What the page of a pause tells, in order; as HTML and as Markdown from the same content.

Every finding comes from the scorecard, which reads the record; figures from `analysis.storyboard`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from analysis.campaigns import find_campaigns
from analysis.effect import holm_adjusted
from analysis.energy import assess_energy
from analysis.errors import DesignError
from analysis.launches import Assessment, assess, what_to_expect
from analysis.pauses import Claim, Pause
from analysis.plan import describe_looks, make_plan
from analysis.questions import LAUNCHES, WEEK_AFTER, promised_questions
from analysis.scorecard import BY_PEOPLE, PARTIES, SAME, Answered, Scorecard, score_all, score_pause
from analysis.setting import Registry, Setting
from analysis.tables import load_table
from analysis.vocabulary import MODEL, NO_DATA, NOT_YET, UNANSWERED, in_words, promise_of, question_of
from analysis.windows import SHORT_WINDOW
from analysis.words import FEWER, capital, listed, lull_in_brief, span_text, without_year

SOURCES_SHOWN = 2
ALPHA = 0.05
MEANT = (  # the first is about truces
    "In a truce Ukraine gains by reporting more: reported falls run against its interest, inferred zeros do not.",
    "Fire at the front is not counted: no line here says that a truce was kept, or why less flew.",
    '"May be chance" is not "no effect": only a very large fall would show.',
)
SURE = {
    "high": "The dates are well documented.",
    "medium": "The parties did not name the same dates.",
    "low": "Its dates rest on few or indirect reports.",
}
BAR = (
    f"“Fewer”: at most 1 spell in {2 / ALPHA:.0f}; “more” in a week after: 1 in {1 / ALPHA:.0f}. "
    "“Too short”: even none is not rare."
)
STATUS = {
    "agreed": "both sides declared it",
    "unilateral": "declared by one side alone",
    "disputed": "",  # the answer says so
    "proposed-only": "proposed, never in force",
    "reported-only": "reported, never announced",
}


@dataclass(frozen=True)
class Drawing:
    """A figure for readers: its finding as a title, how to read it, source and limits, and its files."""

    name: str
    title: str
    how: str
    caption: str
    alt: str
    svg: str
    png: bytes
    csv: str
    narrow: str = ""  # an SVG for phones
    told: str = ""  # what is said of it in the text


@dataclass(frozen=True)
class Part:
    """A section of a page: Markdown, and a table or a figure where it has one."""

    key: str
    title: str
    text: str = ""
    table: pd.DataFrame | None = None
    drawing: Drawing | None = None


@dataclass(frozen=True)
class Story:
    """A page: what is asked, the answer in a sentence, what else to know in a few lines, and the sections."""

    key: str
    name: str
    dates: str
    question: str
    answer: str
    bullets: tuple[str, ...]
    parts: tuple[Part, ...]
    until: str
    quote: str
    facts: Mapping[str, str] = field(default_factory=dict)

    @property
    def drawings(self) -> list[Drawing]:
        """The figures of the page."""
        return [part.drawing for part in self.parts if part.drawing]


def tell_pause(
    results: pd.DataFrame,
    pause: Pause,
    *,
    draw: Callable[..., Drawing | None],
    registry: Registry | None = None,
    folder: Path | None = None,
) -> Story:
    """The page of one pause; `draw` makes a figure from its name and what it shows, or nothing."""
    card, found = score_pause(results, pause, folder=folder), assess(pause.id, registry=registry, folder=folder)
    about_energy = "energy" in promised_questions(pause)
    parts = [Part("announced", "What was announced", announced(pause))]
    if not any(a.word not in UNANSWERED for a in card.answers if a.question in LAUNCHES):
        parts.append(Part("why-not", "Why it cannot be judged", _why_not(card)))
        if card.answers[0].word == NOT_YET:
            parts.append(Part("to-come", "What these nights could show", _to_come(found)))
        return _story(pause, card, found, [], parts)
    bullets = [
        *_next_to_know(card),
        _usual_lull(card, found),
        _heavier_after(card, results, found.setting),
        _other_side(card),
    ]
    after, regions = draw("sum", found=found), draw("regions", found=found)
    parts += [
        Part("days", "Promised, and what came", _zeros(found), drawing=draw("claims", found=found)),
        _questions(card),
        Part("unusual", "How unusual", drawing=None if about_energy else draw("unusual", found=found)),
        Part("after", "The week after", "" if after else _lines(card, *WEEK_AFTER), drawing=after),
        Part(
            "where",
            "Where the sirens sounded",
            regions.told if regions else _lines(card, "kyiv", "rear"),
            drawing=regions,
        ),
        _energy(found, draw("campaigns", found=found) if about_energy else None),
        Part("meaning", "What this does not mean", "\n".join(f"* {line}" for line in MEANT[bool(pause.spared) :])),
    ]
    kept = [part for part in parts if part.text or part.table is not None or part.drawing]
    return _story(pause, card, found, list(filter(None, bullets)), kept)


def _next_to_know(card: Scorecard) -> list[str]:
    """What else the first screen says of the pause itself: other dates, what else was promised, drones."""
    first, *rest = card.leading
    wanted = [
        a for a in rest if a.question in (*promised_questions(card.pause), "drones") and a.question not in WEEK_AFTER
    ]
    shown = [answer for answer in wanted if answer.word != NO_DATA]
    other = f"**{first.asked}:** {first.other_dates[0].lower()}{first.other_dates[1:]}" if first.other_dates else ""
    return [other] * bool(other) + [_bullet(answer, coded=MODEL in first.caveat) for answer in shown]


def _bullet(answer: Answered, *, coded: bool) -> str:
    """An answer beside the leading one; that people have not checked the codes is said once."""
    sure = answer.sureness()
    told = [answer.verdict_sentence(), sure.replace(BY_PEOPLE, "") if coded else sure]
    told += [answer.other_dates] * (not answer.other_dates.startswith(SAME))
    return f"**{answer.asked}:** {' '.join(filter(None, told))}"


def _zeros(found: Assessment) -> str:
    """What speaks for the zeros of a truce that stand in no report."""
    zeros = None if found.pause.spared else found.zeros()
    return zeros.summary() if zeros is not None and len(zeros.days) else ""


def _usual_lull(card: Scorecard, found: Assessment) -> str:
    rare = card.answer("drones").word.endswith(FEWER)
    drones = "Of drones: such quiet is rare among all spells, lulls included." if rare else "Of drones: unclear."
    return f"**Only the usual lull?** {drones} {lull_in_brief(found.lull)}" if found.lull else ""


def _heavier_after(card: Scorecard, results: pd.DataFrame, setting: Setting) -> str:
    """What came in the week after, and what a surge is worth among all weeks; empty where nothing can be told."""
    after = [answer for answer in map(card.answer, WEEK_AFTER) if answer is not None and answer.word not in UNANSWERED]
    if not after:
        return ""
    noted = {a.question: f" ({a.note})" for a in after if a.note and (is_surge(a) or a.question == "missiles-after")}
    told = "; ".join(f"{a.size}: {a.word}{noted.get(a.question, '')}" for a in after)
    surge = ""
    if any(map(is_surge, after)):
        surge = f" {once_all_count(score_all(results, **setting.read_from))}"
    days = pd.date_range(after[0].first_day, after[0].last_day)
    inside = [
        claim.party for claim in card.pause.claims if claim.party in PARTIES and len(days.intersection(claim.days))
    ]
    span = without_year(span_text(*days[[0, -1]]), days[-1])
    dates = f"{span}, by {listed(inside)}'s dates partly inside the pause: " if inside else ""
    return f"**A heavier week after it?** {dates}{told}.{surge} Stocks cannot be seen."


def is_surge(answer: Answered) -> bool:
    """Whether a week after had more than others after such a quiet."""
    return answer.question in WEEK_AFTER and answer.word.endswith("more")


def once_all_count(cards: Sequence[Scorecard]) -> str:
    """What is left of a surge once all weeks after pauses count, by Holm's correction."""
    weeks = [answer for card in cards for answer in card.answers if answer.question in WEEK_AFTER]
    tested = [answer for answer in weeks if answer.p_value is not None]
    alone = [answer for answer in tested if is_surge(answer)]
    held = sum(p <= ALPHA for p in holm_adjusted([answer.p_value for answer in tested]))
    sure = f"Confidence {alone[0].confidence}: " if alone else ""
    told = f"{in_words(len(alone))} of {in_words(len(tested))} such tests stood out"
    return f"{sure}{told}, {in_words(held) if held else 'none'} once all are weighed."


def _story(pause: Pause, card: Scorecard, found: Assessment, bullets: Sequence[str], parts: Sequence[Part]) -> Story:
    return Story(
        key=pause.id,
        name=pause.name,
        dates=card.span(),
        question=question_of(pause),
        answer=card.headline(),
        bullets=tuple(bullets),
        parts=tuple(parts),
        until=span_text(found.data_until, found.data_until),
        quote=card.quotation(),
    )


def announced(pause: Pause) -> str:
    """What was announced, by whom and when, whose window is judged, how sure that is, and where it was reported."""
    stated = {}
    for claim in (claim for claim in pause.claims if claim.basis != "overlap" and claim.id != "rumour"):
        stated.setdefault(window_words(claim), []).append(claim.party)
    windows = "; ".join(f"{', '.join(who)}: {when}" for when, who in stated.items())
    overlap = pause.main == "accepted" and pause.claim().basis == "overlap"
    note = pause.claim().note if overlap else ""
    judged = f"their overlap, our reading ({note})" if note else "their overlap, our reading"
    if not overlap:
        judged = f"{span_text(*pause.days()[[0, -1]])}, the announcer's dates"
    shown = pause.sources[:SOURCES_SHOWN]
    links = ", ".join(f"[{source.publisher}]({source.url})" for source in shown)
    on = f" on {span_text(pause.announced_at, pause.announced_at)}" if pause.announced_at else ""
    also = [name for name in pause.announced_by if "(" in name and name not in promise_of(pause)]
    others = f"also by {listed(also)}" if also else ""
    known = on and on.strip() in promise_of(pause)
    when = others if known else ", ".join(filter(None, [f"announced{on}", others]))
    answered = [claim.party for claim in pause.claims if claim.party in PARTIES and claim.id != pause.announcer]
    status = STATUS[pause.status]
    if pause.status == "unilateral" and pause.main == "accepted" and answered:
        status = f"declared by {pause.claim(pause.announcer).party}; {listed(answered)} answered"
    terms = [f"{capital('; '.join(told))}." for told in [list(filter(None, [when, status]))] if told]
    told = [
        f"Dates named{_one_year(windows)}." if windows else "",
        f"Judged here: {judged}.",
        "" if overlap else SURE[pause.confidence],
        f"Reported by {links}." if links else "",
    ]
    return f"{' '.join([*terms, capital(pause.geography)])}.\n\n{' '.join(filter(None, told))}"


def _one_year(windows: str) -> str:
    """The dates with their year said once, where they have one."""
    years = set(re.findall(r"\b20\d\d\b", windows))
    return f" ({min(years)}): {re.sub(r' 20[0-9][0-9]', '', windows)}" if len(years) == 1 else f": {windows}"


def window_words(claim: Claim) -> str:
    """A claim's window in words."""
    if claim.stated and claim.precision == "clock":
        edges = (f"{edge.day} {edge:%B %Y} {edge:%H:%M}" for edge in (claim.start, claim.end))
        return " to ".join(edges)
    if claim.covers_days:
        return span_text(*claim.days[[0, -1]])
    if claim.stated:
        return "hours that cover no whole night"
    if claim.start:
        return f"from {span_text(claim.start, claim.start)}, no end stated"
    return f"until {span_text(claim.end, claim.end)}, no start stated" if claim.end else "no dates"


def _energy(found: Assessment, drawing: Drawing | None) -> Part:
    """What the measures of energy say in one sentence; for a pause about energy, the campaigns against it."""
    pause, read_from = found.pause, found.setting.read_from
    if drawing is None:
        return Part("energy", "Energy", assess_energy(pause.id, **read_from).headline())
    raids = load_table("energy_raids", folder=read_from["folder"])
    *_, conclusion = find_campaigns(raids, read_from["registry"]).found()
    return Part("energy", "Energy", conclusion if pause.phrase in conclusion else "", drawing=drawing)


def _why_not(card: Scorecard) -> str:
    return "\n".join(
        f"* {a.asked}: {a.note if a.word == NOT_YET else f'{a.word} ({a.note})'}." for a in card.answers[:2]
    )


def _to_come(found: Assessment) -> str:
    """How few would be out of the ordinary, night by night: by the plan fixed before, or by one made now."""
    pause, read_from = found.pause, found.setting.read_from
    planned = found.planned()
    if not planned and len(pause.days()) <= SHORT_WINDOW:
        with suppress(DesignError):  # from data that end too early nothing can be planned
            lines = [f"* {line}" for line in describe_looks(make_plan(pause, **read_from), folder=read_from["folder"])]
            return "\n".join(["No test was fixed before these nights; one fixed now would say:", "", *lines])
    return planned or "\n\n".join(what_to_expect(pause, **read_from))


def _questions(card: Scorecard) -> Part:
    """The table of all questions that have an answer, and the others in a line."""
    mute = [answer for answer in card.answers if answer.word == NO_DATA]
    notes = dict.fromkeys(answer.note for answer in mute)
    about = {note: listed([answer.topic for answer in mute if answer.note == note]) for note in notes}
    why = [f"No usable data on {'; '.join(f'{what} ({note})' for note, what in about.items())}."] * bool(mute)
    table = card.table().drop(index=[answer.asked for answer in mute])
    return Part("scorecard", "Every question, in a word", " ".join([BAR, *why]), table=table)


def _other_side(card: Scorecard) -> str:
    """What Ukraine launched, by Russia's count, or why that is not known."""
    answer = card.answer("other-side")
    if answer is None:
        return ""
    told = (
        f"No usable count: {answer.note.split(',')[0]}" if answer.word == NO_DATA else f"{answer.size}: {answer.word}"
    )
    return f"**Did Ukraine hold back too?** {told}."


def _lines(card: Scorecard, *questions: str) -> str:
    """The answers to some questions, a paragraph each."""
    answers = [card.answer(question) for question in questions]
    return "\n\n".join(f"**{a.asked}:** {a.sentence()}" for a in answers if a is not None and a.word != NO_DATA)
