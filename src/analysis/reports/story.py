"""What the page of a pause and the front page tell, in order; as HTML and as Markdown from the same content.

Every finding comes from the scorecard, which reads the record; figures from `analysis.storyboard`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from analysis.campaigns import find_campaigns
from analysis.energy import assess_energy
from analysis.evidence_words import describe_lull
from analysis.launches import Assessment, assess
from analysis.pauses import Claim, Pause, load_pauses
from analysis.scorecard import ABOUT, Answered, Scorecard, promised_questions, score_all, score_pause
from analysis.setting import Registry
from analysis.sirens import inferred_zeros
from analysis.tables import load_strikes, load_table, outcome_series
from analysis.vocabulary import NO_DATA, SILENT, UNANSWERED, in_words, plain_row, question_of, size, word
from analysis.words import capital, listed, span_text

SOURCES_SHOWN = 2
MEANT = (
    "Counts are one side's: what the Ukrainian Air Force reports, as compiled by Petro Ivaniuk. Fire at the front is "
    "not in them: no line here says that a truce was kept.",
    '"May be chance" is not "no effect": in so few nights only a very large fall could be told.',
    "Expected: by weekday, season and trend.",
)
SURE = {
    "high": "The dates are well documented.",
    "medium": "The parties named different dates.",
    "low": "Its dates rest on few or indirect reports.",
}
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
    answer = f"{capital(pause.phrase)}: {first.sentence()}{first.sureness()}"
    bullets = tuple(
        f"**{o.asked}:** {o.sentence()}{'' if o.confidence else o.sureness()}" for o in _next_to_know(card, rest)
    )
    parts = [Part("announced", "What was announced", announced(pause))]
    if not any(a.word not in UNANSWERED for a in card.answers if a.question in ("drones", "missiles")):
        parts.append(Part("why-not", "Why it cannot be judged", _why_not(card)))
        return _story(pause, card, found, answer, (), parts)
    parts += [
        Part("days", "Promised, and what came", "", drawing=draw("claims", found=found)),
        _questions(card),
        Part(
            "lull",
            "A pause, or the usual lull?",
            describe_lull(found.lull, basis=False) if found.lull else "",
            drawing=None if about_energy else draw("unusual", found=found),
        ),
        Part("after", "The week after", _after(card), drawing=draw("sum", found=found)),
        _where(card, draw("regions", found=found)),
        _energy(pause, draw("campaigns") if about_energy else None, folder),
        Part("other-side", "The other side", "" if about_energy else _known_lines(card, "other-side")),
        Part("meaning", "What this does not mean", "\n".join(f"* {line}" for line in MEANT)),
    ]
    kept = [part for part in parts if part.text or part.table is not None or part.drawing]
    return _story(pause, card, found, answer, bullets, kept)


def _next_to_know(card: Scorecard, rest: Sequence[Answered]) -> list[Answered]:
    """What else the first screen says, three answers at most: what was promised, drones, a week after with a raid."""
    promised = [answer for answer in rest if answer.question in promised_questions(card.pause)]
    drones = [answer for answer in rest if answer.question == "drones"]
    raids = [answer for answer in reversed(rest) if answer.question.endswith("after") and answer.note]
    wanted = dict.fromkeys((*promised, *drones, *raids))
    return [answer for answer in wanted if answer.word != NO_DATA][:3]


def _story(
    pause: Pause, card: Scorecard, found: Assessment, answer: str, bullets: tuple[str, ...], parts: Sequence[Part]
) -> Story:
    return Story(
        key=pause.id,
        name=pause.name,
        dates=card.span(),
        question=question_of(pause),
        answer=answer,
        bullets=bullets,
        parts=tuple(parts),
        until=span_text(found.data_until, found.data_until),
        quote=answer,
    )


def announced(pause: Pause) -> str:
    """What was announced, by whom and when, whose window is judged, how sure that is, and where it was reported."""
    stated = {}
    for claim in (claim for claim in pause.claims if claim.basis != "overlap"):
        stated.setdefault(window_words(claim), []).append(claim.party)
    windows = "; ".join(f"{', '.join(who)}: {when}" for when, who in stated.items())
    overlap = pause.main == "accepted" and pause.claim().basis == "overlap"
    judged = "the days inside all stated dates, our reading" if overlap else "the announcer's dates"
    days = pause.days()
    shown = pause.sources[:SOURCES_SHOWN]
    links = ", ".join(f"[{source.publisher}]({source.url})" for source in shown)
    by = f"Announced by {listed(pause.announced_by)}" if pause.announced_by else "Announced"
    on = f" on {span_text(pause.announced_at, pause.announced_at)}" if pause.announced_at else ""
    lines = [
        f"{by}{on}; {STATUS[pause.status]}. {capital(pause.geography)}.",
        f"Dates named: {windows}." if windows else "",
        f"Judged here: {span_text(days[0], days[-1])}, {judged}. {'' if overlap else SURE[pause.confidence]}",
        f"Reported by {links}." if links else "",
    ]
    return "\n\n".join(filter(None, [" ".join(filter(None, lines[:1])), " ".join(filter(None, lines[1:]))]))


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
    return "\n".join(f"* {answer.asked}: {answer.word} ({answer.note})." for answer in card.answers[:2])


def _questions(card: Scorecard) -> Part:
    """The table of all questions that have an answer, and the others in a line."""
    mute = [answer for answer in card.answers if answer.word == NO_DATA]
    named = [answer for answer in mute if answer.question != "russian-energy"]
    why = "; ".join(f"{ABOUT[answer.question]} ({answer.note})" for answer in named)
    table = card.table().drop(index=[answer.asked for answer in mute])
    return Part("scorecard", "Every question, in a word", f"No usable data on {why}." if named else "", table=table)


def _after(card: Scorecard) -> str:
    """What the week after was like, in a line a count; numbers stand in the table."""
    answers = filter(None, [card.answer(question) for question in ("drones-after", "missiles-after")])
    known = [answer for answer in answers if answer.word != NO_DATA]
    return "\n".join(f"* {a.asked}: {a.word}{f' ({a.note})' if a.note else ''}." for a in known)


def _known_lines(card: Scorecard, question: str) -> str:
    """The answer to a question, if there is one."""
    answer = card.answer(question)
    return "" if answer is None or answer.word == NO_DATA else _lines(card, question)


def _lines(card: Scorecard, *questions: str) -> str:
    """The answers to some questions, a paragraph each."""
    answers = [card.answer(question) for question in questions]
    return "\n\n".join(f"**{a.asked}:** {a.sentence()}" for a in answers if a is not None)


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
    later = [pause for pause in registry.values() if _starts_after(pause, until) and pause.role == "outside-data"]
    lead, *others = answer_to_all(results, cards, registry, folder=folder)
    ends = span_text(until, until)
    uncovered = f" {capital(in_words(len(later)))} later pauses are not covered." if later else ""
    parts = [
        Part("strips", "Day by day", drawing=draw("strips", cards=cards)),
        Part("scorecard", "Every pause, in a word", "In brackets: counted/expected.", table=front_table(cards)),
        Part("unusual", "How unusual", drawing=draw("unusual-all", cards=cards)),
        Part("energy", "Energy", _energy_everywhere(cards)),
        Part("meaning", "What this means, and does not mean", "\n".join(f"* {line}" for line in MEANT[:2])),
    ]
    return Story(
        key="index",
        name="",
        dates="",
        question="Did announced pauses change the strikes?",
        answer=lead,
        bullets=(*others, f"Data end {ends}.{uncovered}"),
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
    joint = {
        row["outcome"]: plain_row(row)
        for row in results[(results["pause"] == "volume-truces") & (results["test"] == "joint")].to_dict("records")
    }
    drones, told = joint.get("drones_launched"), []
    if drones is None or drones["observed"] is None:
        return ["No agreed or declared truce can be judged yet."]
    truces = [card for card in cards if card.pause.kind == "general truce"]
    seen = size(drones, ("long-range drone", "long-range drones"))
    told.append(f"On the {drones['n_days']} days of announced truces Russia launched {seen}: {word(drones)}.")
    zeros = inferred_zeros(load_strikes(folder=folder))
    days = sorted({day for card in truces for day in card.pause.days() if word_known(card)})
    guessed = sum(day in zeros for day in days)
    if guessed:
        alone = [c for c in truces if word_known(c) and not c.pause.claim().party.startswith(("Russia", "every"))]
        own = sum(len(card.pause.days()) for card in alone)
        told.append(
            f"{capital(in_words(guessed))} of these days have no drone report and count as none"
            + (f"; {in_words(own)} are {listed([card.pause.phrase for card in alone])}, not Russia's." if own else ".")
        )
    sirens = joint.get("siren_minutes_rear")
    if sirens is not None and sirens["observed"] is not None:
        told.append(
            f"Air-raid sirens away from the front, which count no launches, agree: {word(sirens)}, "
            f"{sirens['ratio']:.0%} of the usual minutes."
        )
    missiles = joint.get("missiles_launched")
    if missiles is not None and missiles["observed"] is not None:
        told.append(f"Missiles: {size(missiles, ('missile', 'missiles'))}: {word(missiles)}.")
    surge = [a for card in cards for a in card.answers if a.question.endswith("after") and a.word.endswith("more")]
    for card in cards:
        after = [answer for answer in surge if answer.pause == card.pause.id]
        if after:
            weeks = sum(a.word not in SILENT for c in cards for a in c.answers if a.question.endswith("after"))
            came = listed([answer.size for answer in after])
            sure = f"confidence {after[0].confidence}; {weeks} such counts were looked at"
            told.append(f"In the week after {card.pause.phrase} came {came}: {after[0].word} ({sure}).")
    apart = [card for card in cards if card.pause.kind != "general truce"]
    if apart:
        drones = [card.answer("drones") for card in apart]
        briefs = [f"{card.pause.phrase} ({a.size}: {a.word})" for card, a in zip(apart, drones, strict=True)]
        told.append(f"Promised less than a truce: {listed(briefs)}.")
    return told


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


def _energy_everywhere(cards: Sequence[Scorecard]) -> str:
    """What can be said of energy for the pauses that promised something about it."""
    promised = [card for card in cards if "energy" in promised_questions(card.pause)]
    answers = [(card.pause.name, card.answer("energy")) for card in promised]
    lines = [f"* {name}: {a.size or 'nothing counted'}: {a.word}." for name, a in answers if a is not None]
    return "\n".join(lines)
