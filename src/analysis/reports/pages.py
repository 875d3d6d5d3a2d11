"""What the page of a pause and the front page tell, in order; as HTML and as Markdown from the same content.

Every finding comes from the scorecard, which reads the record; figures from `analysis.storyboard`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from analysis.campaigns import find_campaigns
from analysis.effect import holm_adjusted
from analysis.energy import assess_energy
from analysis.evidence_words import describe_lull, describe_plan
from analysis.launches import Assessment, assess
from analysis.pauses import Claim, Pause, load_pauses
from analysis.plan import make_plan
from analysis.scorecard import ABOUT, BY_PEOPLE, SAME, Answered, Scorecard, promised_questions, score_all, score_pause
from analysis.setting import Registry
from analysis.sirens import inferred_zeros
from analysis.tables import load_strikes, load_table, outcome_series
from analysis.together import what_to_expect
from analysis.vocabulary import (
    MODEL,
    NO_DATA,
    NOT_YET,
    RULES,
    SILENT,
    UNANSWERED,
    doubts_of,
    in_words,
    plain_row,
    promise_of,
    question_of,
    size,
    sureness,
    word,
)
from analysis.windows import SHORT_WINDOW
from analysis.words import amount, capital, listed, span_text, spans_text

SOURCES_SHOWN = 2
ALPHA = 0.05
MEANT = (
    "Fire at the front is not counted: no line here says that a truce was kept, or why less flew.",
    "In a truce Ukraine gains by reporting more: reported falls run against its interest, zeros without a report do "
    "not.",
    '"May be chance" is not "no effect": only a very large fall could be told.',
)
SURE = {
    "high": "The dates are well documented.",
    "medium": "The parties did not name the same dates.",
    "low": "Its dates rest on few or indirect reports.",
}
BRACKETS = "In brackets: counted/expected."
IN_FORCE = ("agreed", "unilateral", "disputed")
STATUS = {
    "agreed": "both sides declared it",
    "unilateral": "declared by one side alone",
    "disputed": "its terms were disputed",
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
    results: pd.DataFrame, pause: Pause, *, draw: Callable[..., Drawing | None], folder: Path | None = None
) -> Story:
    """The page of one pause; `draw` makes a figure from its name and what it shows, or nothing."""
    card, found = score_pause(results, pause, folder=folder), assess(pause.id, folder=folder)
    about_energy = "energy" in promised_questions(pause)
    first, *rest = card.leading
    answer, bullets = card.headline(), [first.other_dates] * bool(first.other_dates)
    bullets += [_bullet(other, coded=MODEL in first.caveat) for other in _next_to_know(card, rest)]
    parts = [Part("announced", "What was announced", announced(pause))]
    if not any(a.word not in UNANSWERED for a in card.answers if a.question in ("drones", "missiles")):
        parts.append(Part("why-not", "Why it cannot be judged", _why_not(card)))
        if card.answers[0].word == NOT_YET:
            parts.append(Part("to-come", "What these nights could show", _to_come(pause, found, folder)))
        return _story(pause, card, found, answer, [], parts)
    parts += [
        Part("days", "Promised, and what came", "", drawing=draw("claims", found=found)),
        _questions(card),
        Part(
            "lull",
            "A pause, or the usual lull?",
            describe_lull(found.lull, basis=False) if found.lull else "",
            drawing=None if about_energy else draw("unusual", found=found),
        ),
        _after(card, draw("sum", found=found), results, folder),
        _where(card, draw("regions", found=found)),
        _energy(pause, draw("campaigns") if about_energy else None, folder),
        Part("other-side", "Both sides", _both_sides(card)),
        Part("meaning", "What this does not mean", "\n".join(f"* {line}" for line in MEANT)),
    ]
    kept = [part for part in parts if part.text or part.table is not None or part.drawing]
    return _story(pause, card, found, answer, bullets, kept)


def _bullet(answer: Answered, *, coded: bool) -> str:
    """An answer beside the leading one; that people have not checked the codes is said once."""
    sure = answer.sureness()
    told = [answer.sentence(), sure.replace(BY_PEOPLE, "") if coded else sure]
    told += [answer.other_dates] * (not answer.other_dates.startswith(SAME))
    return f"**{answer.asked}:** {' '.join(filter(None, told))}"


def _next_to_know(card: Scorecard, rest: Sequence[Answered]) -> list[Answered]:
    """What else the first screen says, three answers at most: what was promised, drones, a week after with a raid."""
    promised = [answer for answer in rest if answer.question in promised_questions(card.pause)]
    drones = [answer for answer in rest if answer.question == "drones"]
    raids = [answer for answer in reversed(rest) if answer.question.endswith("after") and answer.note]
    wanted = dict.fromkeys((*promised, *drones, *raids))
    return [answer for answer in wanted if answer.word != NO_DATA][:3]


def _story(
    pause: Pause, card: Scorecard, found: Assessment, answer: str, bullets: Sequence[str], parts: Sequence[Part]
) -> Story:
    return Story(
        key=pause.id,
        name=pause.name,
        dates=card.span(),
        question=question_of(pause),
        answer=answer,
        bullets=tuple(bullets),
        parts=tuple(parts),
        until=span_text(found.data_until, found.data_until),
        quote=card.quotation(),
    )


def announced(pause: Pause) -> str:
    """What was announced, by whom and when, whose window is judged, how sure that is, and where it was reported."""
    stated = {}
    for claim in (claim for claim in pause.claims if claim.basis != "overlap"):
        stated.setdefault(window_words(claim), []).append(claim.party)
    windows = "; ".join(f"{', '.join(who)}: {when}" for when, who in stated.items())
    overlap = pause.main == "accepted" and pause.claim().basis == "overlap"
    judged = f"their overlap, our reading{_why(pause)}"
    if not overlap:
        judged = f"{span_text(*pause.days()[[0, -1]])}, the announcer's dates"
    shown = pause.sources[:SOURCES_SHOWN]
    links = ", ".join(f"[{source.publisher}]({source.url})" for source in shown)
    on = f" on {span_text(pause.announced_at, pause.announced_at)}" if pause.announced_at else ""
    also = [name for name in pause.announced_by if "(" in name]
    when = f"Announced{on}{f', also by {listed(also)}' if also else ''}; "
    known = on and on in promise_of(pause)
    terms = [capital(f"{'' if known else when}{STATUS[pause.status]}.")] * (pause.status != "disputed")
    told = [
        f"Dates named{_one_year(windows)}." if windows else "",
        f"Judged here: {judged}.",
        "" if overlap else SURE[pause.confidence],
        f"Reported by {links}." if links else "",
    ]
    return f"{' '.join([*terms, capital(pause.geography)])}.\n\n{' '.join(filter(None, told))}"


def _why(pause: Pause) -> str:
    note = pause.claim().note
    return f" ({note})" if note else ""


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


def _where(card: Scorecard, drawing: Drawing | None) -> Part:
    """The map, or in its place a sentence a place."""
    return Part("where", "Where the sirens sounded", "" if drawing else _lines(card, "kyiv", "rear"), drawing=drawing)


def _energy(pause: Pause, drawing: Drawing | None, folder: Path | None) -> Part:
    """What the measures of energy say in one sentence; for a pause about energy, with the campaigns against it."""
    told = [assess_energy(pause.id, folder=folder).headline()]
    if drawing:
        *_, conclusion = find_campaigns(load_table("energy_raids", folder=folder), load_pauses()).found()
        told += [conclusion] if pause.phrase in conclusion else []
    return Part("energy", "Energy", "\n\n".join(told), drawing=drawing)


def _why_not(card: Scorecard) -> str:
    return "\n".join(
        f"* {a.asked}: {a.note if a.word == NOT_YET else f'{a.word} ({a.note})'}." for a in card.answers[:2]
    )


def _to_come(pause: Pause, found: Assessment, folder: Path | None) -> str:
    """How few would be out of the ordinary, night by night: by the plan fixed before, or by one made now."""
    planned = found.planned()
    if planned or len(pause.days()) > SHORT_WINDOW:
        return planned or "\n\n".join(what_to_expect(pause))
    made = make_plan(pause, folder=folder)
    lines = [f"* {line}" for planned in made.outcomes for line in describe_plan(planned)]
    return "\n".join(["No test was fixed before these nights; one fixed now would say:", "", *lines])


def _questions(card: Scorecard) -> Part:
    """The table of all questions that have an answer, and the others in a line."""
    mute = [answer for answer in card.answers if answer.word == NO_DATA]
    named = [answer for answer in mute if answer.question != "russian-energy"]
    notes = dict.fromkeys(answer.note for answer in named)
    about = {note: listed([ABOUT[answer.question] for answer in named if answer.note == note]) for note in notes}
    why = "; ".join(f"{what} ({note})" for note, what in about.items())
    table = card.table().drop(index=[answer.asked for answer in mute])
    return Part("scorecard", "Every question, in a word", f"No usable data on {why}." if named else "", table=table)


def _after(card: Scorecard, drawing: Drawing | None, results: pd.DataFrame, folder: Path | None) -> Part:
    """The week after as a running sum, or in its place a line a count; and what a surge is worth among all weeks."""
    text = "" if drawing else _lines(card, "drones-after", "missiles-after")
    if any(map(_is_surge, card.answers)):
        text = f"Taken alone, more; {_once_all_count(score_all(results, folder=folder))}.\n\n{text}".strip()
    return Part("after", "The week after", text, drawing=drawing)


def _both_sides(card: Scorecard) -> str:
    """What each side launched, in one sentence, where both are counted."""
    russia, ukraine = card.answer("drones"), card.answer("other-side")
    if russia is None or ukraine is None or NO_DATA in (russia.word, ukraine.word):
        return ""
    return f"Russia: {russia.size}: {russia.word}. Ukraine: {ukraine.size}: {ukraine.word}. The two are not comparable."


def _lines(card: Scorecard, *questions: str) -> str:
    """The answers to some questions, a paragraph each."""
    answers = [card.answer(question) for question in questions]
    return "\n\n".join(f"**{a.asked}:** {a.sentence()}" for a in answers if a is not None and a.word != NO_DATA)


# --- the front page ---


def tell_all(
    results: pd.DataFrame,
    registry: Registry,
    *,
    draw: Callable[..., Drawing | None],
    folder: Path | None = None,
) -> Story:
    """The front page: the answer over all pauses, the scorecard of each, what it means, and how it is known."""
    cards = score_all(results, registry=registry, folder=folder)
    until = outcome_series("drones_launched", folder=folder).index[-1]
    outside = [pause for pause in registry.values() if pause.role == "outside-data" and pause.status in IN_FORCE]
    later = [pause for pause in outside if _starts_after(pause, until)]
    lead, *others = answer_to_all(results, cards, registry, folder=folder)
    ends = span_text(until, until)
    uncovered = f" {capital(in_words(len(later)))} later pauses are not covered." if later else ""
    parts = [
        Part("strips", "Day by day", drawing=draw("strips", cards=cards)),
        Part(
            "scorecard",
            "Every pause, in a word",
            BRACKETS,
            table=front_table(cards),
        ),
        Part("unusual", "How unusual", drawing=draw("unusual-all", cards=cards)),
        Part("meaning", "What this means, and does not mean", "\n".join(f"* {line}" for line in MEANT)),
    ]
    return Story(
        key="index",
        name="",
        dates="",
        question="Did announced pauses change the strikes?",
        answer=lead,
        bullets=(*others, " ".join([*_energy_told(cards), f"Data end {ends}.{uncovered}"])),
        parts=tuple(part for part in parts if part.text or part.table is not None or part.drawing),
        until=ends,
        quote=f"{lead} Data end {ends}.",
        facts={card.pause.name: card.pause.id for card in cards},
    )


def _starts_after(pause: Pause, day: pd.Timestamp) -> bool:
    told = pause.announced_at
    return told is not None and pd.Timestamp(told).tz_localize(None) > day


def answer_to_all(
    results: pd.DataFrame, cards: Sequence[Scorecard], registry: Registry, *, folder: Path | None = None
) -> list[str]:
    """The answer over all pauses in a few sentences, the first of which can stand alone."""
    joint = results[(results["pause"] == "volume-truces") & (results["test"] == "joint")]
    rows = {row["outcome"]: plain_row(row) for row in joint.dropna(subset=["observed"]).to_dict("records")}
    if "drones_launched" not in rows:
        return ["No agreed or declared truce can be judged yet."]
    judged = [card for card in cards if card.pause.kind == "general truce" and word_known(card)]
    zeros = inferred_zeros(load_strikes(folder=folder))
    days = {day for card in judged for day in card.pause.days()}
    lead = _all_truces(rows, sum(day in zeros for day in days))
    return [lead, *_truce_by_truce(judged), *_witnesses(rows), *_surges(cards), *_narrower(cards)]


def _all_truces(rows: Mapping[str, dict], inferred: int) -> str:
    drones, sirens = rows["drones_launched"], rows.get("siren_minutes_rear")
    backed = sirens is not None and sirens["verdict"] == drones["verdict"]
    sure = sureness(word(drones), doubts_of(drones, inferred=inferred, backed=backed, curve=None, coded=False))
    seen, days = size(drones, ("long-range drone", "long-range drones")), drones["n_days"]
    lead = f"On the {days} days of truces that either side announced Russia launched, by Ukraine's count, {seen}: "
    lead += f"{word(drones)}."
    return f"{lead} {sure}".strip()


def _truce_by_truce(cards: Sequence[Scorecard]) -> list[str]:
    """Which truces had fewer drones than expected; whose they were; and a day that lies in two of them."""
    groups: dict[str, list[str]] = {}
    for card in cards:
        groups.setdefault(card.answer("drones").word, []).append(card.pause.phrase)
    order = [rule.words[0] for rule in RULES]
    found = [name for name in sorted(groups, key=order.index) if name not in SILENT and not name.endswith("chance")]
    each = [f"{name} in {listed(groups[name])}" for name in found]
    rest = in_words(len(cards) - sum(len(groups[name]) for name in found))
    told = [f"Drones, truce by truce: {'; '.join(each)}; {rest} may be chance or too short to tell."] if each else []
    days = [day for card in cards for day in card.pause.days()]
    twice = [day for day in dict.fromkeys(days) if days.count(day) > 1]
    told += [f"{spans_text(twice)}, in two truces, counts once."] * bool(twice)
    alone = [card for card in cards if not card.pause.claim().party.startswith(("Russia", "every"))]
    own, flown = sum(len(card.pause.days()) for card in alone), sum(card.answer("drones").counted for card in alone)
    last = f"{capital(in_words(own))} days with {amount(flown)} drones are Ukraine's silence, not Russia's."
    return [" ".join([*told, *[last] * bool(alone)])]


def _witnesses(rows: Mapping[str, dict]) -> list[str]:
    """What sirens and missiles say of all truces together."""
    sirens, missiles, told = rows.get("siren_minutes_rear"), rows.get("missiles_launched"), []
    if sirens is not None:
        share = f"{word(sirens)}, {sirens['ratio']:.0%} of the usual minutes"
        told.append(f"Air-raid sirens away from the front, which count no launches: {share}.")
    if missiles is not None:
        told.append(f"{capital(size(missiles, ('missile', 'missiles')))}: {word(missiles)}.")
    return [" ".join(told)] if told else []


def _surges(cards: Sequence[Scorecard]) -> list[str]:
    """The weeks after a pause that had more than after other quiet spells, and what is left of that once all count."""
    told = []
    for card in cards:
        after = [answer for answer in card.answers if _is_surge(answer)]
        if after:
            came = f"{listed([answer.size for answer in after])}: {after[0].word}"
            sure = f"{after[0].confidence}: {_once_all_count(cards)}"
            told.append(f"In the week after {card.pause.phrase} came {came} ({sure}).")
    return told


def _is_surge(answer: Answered) -> bool:
    return answer.question.endswith("after") and answer.word.endswith("more")


def _once_all_count(cards: Sequence[Scorecard]) -> str:
    """How many counts of weeks after pauses stand by Holm's correction over all of them."""
    weeks = [answer for card in cards for answer in card.answers if answer.question.endswith("after")]
    tested = [answer for answer in weeks if answer.word not in SILENT]
    ranks = [(a.as_extreme + 1) / (a.n_ordinary + 1) if a.as_extreme is not None else 1.0 for a in tested]
    held = sum(p <= ALPHA for p in holm_adjusted(ranks))
    return f"{in_words(held) if held else 'none'} of {in_words(len(ranks))} such counts stands once all count"


def _narrower(cards: Sequence[Scorecard]) -> list[str]:
    """What came of the pauses that promised less than a truce: of what they promised to spare, and of drones."""
    briefs = []
    for card in cards:
        if card.pause.kind != "general truce":
            shown = dict.fromkeys((card.leading[0], card.answer("drones")))  # of energy one line speaks for all
            briefs.append(f"{card.pause.phrase} ({'; '.join(_briefly(a) for a in shown if a.question != 'energy')})")
    return [f"Promised less than a truce: {listed(briefs)}."] if briefs else []


def _briefly(answer: Answered) -> str:
    return f"{answer.size if answer.question == 'drones' else ABOUT[answer.question]}: {answer.word}"


def word_known(card: Scorecard) -> bool:
    """Whether a truce's drones could be counted at all."""
    answer = card.answer("drones")
    return answer is not None and answer.counted is not None


def front_table(cards: Sequence[Scorecard]) -> pd.DataFrame:
    """A row a pause, a word and a number a cell."""
    columns = {
        "drones": ("drones",),
        "missiles": ("missiles",),
        "week after": ("drones-after", "missiles-after"),
        "energy": ("energy",),
        "sirens in the rear": ("rear",),
        "other side": ("other-side",),
    }
    rows = []
    for card in cards:
        row = {"pause": card.pause.name, "days": card.span()}
        for name, questions in columns.items():
            answers = [card.answer(question) for question in questions]
            row[name] = "; ".join(dict.fromkeys(_cell(a, len(questions) > 1) for a in answers if a is not None))
        drones = card.answer("drones")
        row["how sure"] = (drones.confidence if drones else "") or "–"
        rows.append(row)
    return pd.DataFrame(rows).set_index("pause")


def _cell(answer: object, named: bool) -> str:
    if answer.word in UNANSWERED:
        return answer.word
    return f"{answer.asked.split(',')[0].lower()} {answer.brief()}" if named else answer.brief()


def _energy_told(cards: Sequence[Scorecard]) -> list[str]:
    """What can be said of energy for the pauses that promised something about it."""
    promised = [card.answer("energy") for card in cards if "energy" in promised_questions(card.pause)]
    if promised and all(answer is None or answer.word in SILENT for answer in promised):
        return ["Whether energy was spared cannot be told."]
    return [f"Energy: {a.size}: {a.word}." for a in promised if a is not None and a.size]
