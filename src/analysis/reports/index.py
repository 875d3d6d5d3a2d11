"""The front page: the answer over all pauses, what people ask of them, and the scorecard of each."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pandas as pd

from analysis.launches import assess
from analysis.reports.pages import AFTER, BAR, Drawing, Part, Story, is_surge, once_all_count
from analysis.scorecard import UNSURE, Answered, Scorecard, promised_questions, score_all
from analysis.setting import Registry
from analysis.sirens import inferred_zeros
from analysis.tables import load_strikes, outcome_series
from analysis.vocabulary import (
    NO_DATA,
    RULES,
    SILENT,
    UNANSWERED,
    Row,
    about,
    doubts_of,
    in_words,
    plain_row,
    size,
    sureness,
    word,
)
from analysis.words import amount, capital, listed, span_text

IN_FORCE = ("agreed", "unilateral", "disputed")
WHO_COUNTS = (
    "Ukraine's Air Force, decoys included, 15 to 27% below presidential totals of wider scope. It can be biased: in a "
    "truce Ukraine gains by reporting more, so a reported fall is believable, an inferred zero less so."
)
KEY = f"In brackets: counted/expected. Question mark: may be chance (not: no effect). {BAR}"
COLUMNS = {
    "drones": ("drones",),
    "missiles": ("missiles",),
    "week after": AFTER,
    "energy hits": ("energy",),
    "rear sirens": ("rear",),
    "other side": ("other-side",),
}


def tell_all(
    results: pd.DataFrame,
    registry: Registry,
    *,
    draw: Callable[..., Drawing | None],
    folder: Path | None = None,
) -> Story:
    """The front page; `draw` makes a figure from its name and what it shows, or nothing."""
    cards = score_all(results, registry=registry, folder=folder)
    until = outcome_series("drones_launched", folder=folder).index[-1]
    lead, bullets, asked = answer_to_all(results, cards, folder=folder)
    ends = span_text(until, until)
    later = [
        pause.phrase
        for pause in registry.values()
        if pause.role == "outside-data" and pause.status in IN_FORCE and _starts_after(pause.announced_at, until)
    ]
    uncovered = f" Not covered: {listed(later)}." if later else ""
    parts = [
        Part("strips", "Day by day", drawing=draw("strips", cards=cards)),
        Part("scorecard", "Every pause, in a word", KEY, table=front_table(cards)),
        Part("meaning", "What this means", "\n".join(f"* {line}" for line in asked)),
        Part("unusual", "How unusual", drawing=draw("unusual-all", cards=cards)),
    ]
    return Story(
        key="index",
        name="",
        dates="",
        question="Did announced pauses change the strikes?",
        answer=lead,
        bullets=(*bullets, f"Data end {ends}.{uncovered}"),
        parts=tuple(part for part in parts if part.text or part.table is not None or part.drawing),
        until=ends,
        quote="",
        facts={card.pause.name.split(", ")[0]: card.pause.id for card in cards},
    )


def _starts_after(announced: object, day: pd.Timestamp) -> bool:
    return announced is not None and pd.Timestamp(announced).tz_localize(None) > day


def answer_to_all(
    results: pd.DataFrame, cards: Sequence[Scorecard], *, folder: Path | None = None
) -> tuple[str, list[str], list[str]]:
    """The answer over all pauses in one sentence that can stand alone, what belongs beside it, and what people ask."""
    joint = results[(results["pause"] == "volume-truces") & (results["test"] == "joint")]
    rows = {row["outcome"]: plain_row(row) for row in joint.dropna(subset=["observed"]).to_dict("records")}
    if "drones_launched" not in rows:
        return "No agreed or declared truce can be judged yet.", [], []
    truces = [card for card in cards if card.pause.kind == "general truce" and _counted(card, "drones")]
    first = {
        "Which truces?": _truce_by_truce(truces),
        "A second witness?": _sirens(rows.get("siren_minutes_rear")),
        "Was Kyiv spared?": _kyiv(cards),
        "Was energy spared?": _energy(cards),
    }
    then = {
        "Without Ukraine's own truce?": _without_ukraines(rows["drones_launched"], truces),
        "Only the usual lull?": _usual_lulls(rows.get("missiles_launched"), cards, folder),
        "Saved up for a heavier week after?": _weeks_after(cards),
        "Did Ukraine hold back too?": _other_side(cards),
        "Who counts?": WHO_COUNTS,
        "My region?": "Each pause's page maps the sirens: alarms, not strikes." if cards else "",
    }
    told = [[f"**{asked}** {text}" for asked, text in part.items() if text] for part in (first, then)]
    return _all_truces(rows, truces, folder), *told


def _counted(card: Scorecard, question: str) -> Answered | None:
    """The answer to a question where something was counted."""
    answer = card.answer(question)
    return None if answer is None or answer.counted is None else answer


def _all_truces(rows: Mapping[str, Row], truces: Sequence[Scorecard], folder: Path | None) -> str:
    drones, sirens = rows["drones_launched"], rows.get("siren_minutes_rear")
    zeros = inferred_zeros(load_strikes(folder=folder))
    inferred = sum(day in zeros for day in {day for card in truces for day in card.pause.days()})
    backed = sirens is not None and sirens["verdict"] == drones["verdict"]
    sure = sureness(word(drones), doubts_of(drones, inferred=inferred, backed=backed, curve=None, coded=False))
    seen, days = size(drones, ("long-range drone", "long-range drones")), drones["n_days"]
    lead = f"On {days} days of announced truces Russia launched, by Ukraine's count, {seen}: "
    return f"{lead}{word(drones)}. {sure}".strip()


def _truce_by_truce(truces: Sequence[Scorecard]) -> str:
    """The truces by the word for their drones."""
    order, groups = [rule.words[0] for rule in RULES], {}
    for card in sorted(truces, key=lambda card: order.index(card.answer("drones").word)):
        groups.setdefault(card.answer("drones").word, []).append(card.pause.phrase)
    spoken = sorted(groups, key=lambda found: found in SILENT)
    each = [
        f"{found.replace(', may be', ' (may be')}{')' * ('may be' in found)} in {listed(groups[found])}"
        for found in spoken
    ]
    sure = "Single ones are less sure; none is proof of keeping, as the front is not counted."
    return f"{capital('; '.join(each))}. {sure}"


def _without_ukraines(drones: Row, truces: Sequence[Scorecard]) -> str:
    """All truces without those that Ukraine alone declared."""
    alone = [card for card in truces if not card.pause.claim().party.startswith(("Russia", "every"))]
    if not alone:
        return ""
    flown, expected = (sum(getattr(card.answer("drones"), name) for card in alone) for name in ("counted", "expected"))
    days = drones["n_days"] - sum(len(card.pause.days()) for card in alone)
    rest = f"{amount(drones['observed'] - flown)} drones, {about(drones['expected'] - expected)} expected"
    others = listed([card.pause.phrase for card in alone])
    return f"{capital(in_words(days))} days, {rest}; the other {amount(flown)} fell in {others}."


def _sirens(row: Row | None) -> str:
    """What the second witness says of all truces together."""
    if row is None:
        return ""
    return f"Night sirens away from the front, which count no launches: {row['ratio']:.0%} of the usual, {word(row)}."


def _usual_lulls(missiles: Row | None, cards: Sequence[Scorecard], folder: Path | None) -> str:
    """How often the quiet between mass salvos is as long as in the pauses, and in how many drones were fewer."""
    lulls = [assess(card.pause.id, folder=folder).lull for card in cards]
    often = [100 * lull.quiet_probability for lull in lulls if lull is not None and not lull.observed_salvos]
    found = sum(card.answer("drones").word.endswith("fewer") for card in cards)
    if missiles is None or not often:
        return ""
    seen = f"{size(missiles, ('missile', 'missiles'))}, in all truces: {word(missiles)}"
    many = f"{min(often):.0f} to {max(often):.0f} of 100 spells so long after a mass salvo have none"
    return f"Of missiles it may be ({seen}): {many}. Of drones no in {in_words(found)} truces; elsewhere it may be."


def _weeks_after(cards: Sequence[Scorecard]) -> str:
    """The weeks after a pause that had more than after other quiet spells, and what is left of that once all count."""
    surges = {card.pause.phrase: [a for a in card.answers if is_surge(a)] for card in cards}
    came = [f"after {name}: {listed([a.size for a in after])}" for name, after in surges.items() if after]
    told = f"Heavier only {'; '.join(came)}. {once_all_count(cards)}" if came else "None was heavier."
    return f"Launches do not show stocks. {told}"


def _kyiv(cards: Sequence[Scorecard]) -> str:
    """The sirens in Kyiv city in the pauses that promised to spare it."""
    told = []
    for card in cards:
        if answer := _counted(card, "kyiv"):
            days = f"{card.span()} {'lies' if len(card.pause.days()) == 1 else 'lie'} inside all stated dates"
            promised = f"{capital(card.pause.length)} was announced; " if card.pause.length else ""
            told.append(f"{promised}{'only ' * bool(promised)}{days}: {answer.sentence()}")
    return " ".join(told)


def _energy(cards: Sequence[Scorecard]) -> str:
    """What was hit in the pauses that promised to spare energy, and whether that is less than usual."""
    promised = {c.pause.phrase: _counted(c, "energy") for c in cards if "energy" in promised_questions(c.pause)}
    told = {name: answer for name, answer in promised.items() if answer is not None}
    seen = [f"{answer.note.split('; ')[0] or answer.size}, in {name}" for name, answer in told.items()]
    if told and all(answer.word in SILENT for answer in told.values()):
        whole = "Not wholly" if any(answer.counted or answer.note for answer in told.values()) else "No hit is known"
        return f"{whole}: {'; '.join(seen)}. Whether less than usual cannot be told: even none would prove little."
    return " ".join(f"In {name}: {answer.size}: {answer.word}." for name, answer in told.items())


def _other_side(cards: Sequence[Scorecard]) -> str:
    """Ukraine's drones, by Russia's count, and why most pauses have none."""
    counts = {card.pause.phrase: _counted(card, "other-side") for card in cards}
    known = {name: a for name, a in counts.items() if a is not None and a.word != NO_DATA}
    words = dict.fromkeys(answer.word for answer in known.values())
    told = [f"{_seen(known, found)}: {found}" for found in words]
    mute = [card.answer("other-side").note for card in cards if counts[card.pause.phrase] is None]
    end = next(
        (f" or end on {found[1]}" for note in mute if (found := re.search(r"the data end on ([^,]+),", note))), ""
    )
    return f"Its drones, by Russia's count: {'; '.join(told)}; elsewhere counts are missing{end}." if told else ""


def _seen(answers: Mapping[str, Answered], found: str) -> str:
    """What was counted and expected in the pauses of one word."""
    return "; ".join(f"{a.amounts()}, in {name}" for name, a in answers.items() if a.word == found)


def front_table(cards: Sequence[Scorecard]) -> pd.DataFrame:
    """A row a pause, a word and a number a cell."""
    rows = []
    for card in cards:
        year = f" {card.pause.days()[0].year}"
        row = {"pause": card.pause.name.split(", ")[0], "days": card.span()}
        if year in row["pause"]:
            row["days"] = card.span().removesuffix(year)
        for name, questions in COLUMNS.items():
            answers = filter(None, map(card.answer, questions))
            row[name] = "; ".join(dict.fromkeys(_cell(answer, named=len(questions) > 1) for answer in answers))
        drones = card.answer("drones")
        row["how sure"] = (drones and drones.confidence) or UNSURE
        rows.append(row)
    return pd.DataFrame(rows).set_index("pause")


def _cell(answer: Answered, *, named: bool) -> str:
    if answer.word in UNANSWERED:
        return "–" if answer.word == NO_DATA else answer.word
    return f"{answer.topic.split()[0]} {answer.brief()}" if named else answer.brief()
