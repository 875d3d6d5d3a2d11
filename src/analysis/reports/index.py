"""The front page: the answer over all pauses, what people ask of them, and the scorecard of each."""

from __future__ import annotations

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
    "Ukraine's Air Force (compiled by Petro Ivaniuk), decoys included, 15 to 27% below presidential totals of wider "
    "scope. In a truce it gains by reporting more: a reported fall runs against its interest, a zero without a report "
    "does not."
)
KEY = f"In brackets: counted/expected. Question mark: may be chance, which is not the same as no effect. {BAR}"
COLUMNS = {
    "drones": ("drones",),
    "missiles": ("missiles",),
    "week after": AFTER,
    "energy": ("energy",),
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
    later = sum(
        pause.role == "outside-data" and pause.status in IN_FORCE and _starts_after(pause.announced_at, until)
        for pause in registry.values()
    )
    uncovered = f" {capital(in_words(later))} later pauses are not covered." if later else ""
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
        quote=f"{lead} Data end {ends}.",
        facts={card.pause.name: card.pause.id for card in cards},
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
        "By Russia's dates alone?": _declared_by_russia(rows["drones_launched"], truces),
        "Was Kyiv spared?": _kyiv(cards),
        "Was energy spared?": _energy(cards),
    }
    then = {
        "Only the usual lull?": _usual_lulls(cards, folder),
        "Saved up for a heavier week after?": _weeks_after(cards),
        "And missiles?": _missiles(rows.get("missiles_launched")),
        "Does anything else show it?": _sirens(rows.get("siren_minutes_rear")),
        "Did Ukraine hold back too?": _other_side(cards),
        "Who counts?": WHO_COUNTS,
        "My region?": "Each pause's page maps the sirens." if cards else "",
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
    return f"{capital('; '.join(each))}. No proof that one was kept: fire at the front is not counted."


def _declared_by_russia(drones: Row, truces: Sequence[Scorecard]) -> str:
    """All truces without those that Ukraine alone declared."""
    alone = [card for card in truces if not card.pause.claim().party.startswith(("Russia", "every"))]
    if not alone:
        return ""
    flown, expected = (sum(getattr(card.answer("drones"), name) for card in alone) for name in ("counted", "expected"))
    days = drones["n_days"] - sum(len(card.pause.days()) for card in alone)
    rest = f"{amount(drones['observed'] - flown)} drones, {about(drones['expected'] - expected)} expected"
    others = listed([card.pause.phrase for card in alone])
    return f"{capital(in_words(days))} days, {rest}; the other {amount(flown)} fell in {others}."


def _missiles(row: Row | None) -> str:
    if row is None:
        return ""
    return f"{size(row, ('missile', 'missiles'))}, in all truces: {word(row)}; they often stay away for days."


def _sirens(row: Row | None) -> str:
    """What the second witness says of all truces together."""
    if row is None:
        return ""
    return f"Night sirens away from the front, which count no launches: {row['ratio']:.0%} of the usual, {word(row)}."


def _usual_lulls(cards: Sequence[Scorecard], folder: Path | None) -> str:
    """How often the quiet between mass salvos is as long as in the pauses."""
    lulls = [assess(card.pause.id, folder=folder).lull for card in cards]
    often = [100 * lull.quiet_probability for lull in lulls if lull is not None and not lull.observed_salvos]
    if not often:
        return ""
    cases = f"{min(often):.0f} to {max(often):.0f} of 100 such cases"
    return (
        f"Of missiles it may be: after the last mass salvo, quiet lasts as long in {cases}. "
        "Drones are compared with ordinary nights."
    )


def _weeks_after(cards: Sequence[Scorecard]) -> str:
    """The weeks after a pause that had more than after other quiet spells, and what is left of that once all count."""
    surges = {card.pause.phrase: [a for a in card.answers if is_surge(a)] for card in cards}
    came = [
        f"{listed([a.size for a in after])}: {after[0].word} after {name}" for name, after in surges.items() if after
    ]
    if not came:
        return "None had more than after other quiet spells."
    return f"{capital('; '.join(came))}. {once_all_count(cards)} Launches do not show stocks."


def _kyiv(cards: Sequence[Scorecard]) -> str:
    """The sirens in Kyiv city in the pauses that promised to spare it."""
    asked = {card.pause.phrase: _counted(card, "kyiv") for card in cards}
    told = [f"In {name}: {answer.sentence()}" for name, answer in asked.items() if answer is not None]
    return " ".join(told)


def _energy(cards: Sequence[Scorecard]) -> str:
    """What can be said of energy for the pauses that promised something about it."""
    promised = {c.pause.phrase: _counted(c, "energy") for c in cards if "energy" in promised_questions(c.pause)}
    told = {name: answer for name, answer in promised.items() if answer is not None}
    if told and all(answer.word in SILENT for answer in told.values()):
        return f"Cannot be told of {listed(list(told))}: hits in the rear are rare enough to stay away by chance."
    return " ".join(f"In {name}: {answer.size}: {answer.word}." for name, answer in told.items())


def _other_side(cards: Sequence[Scorecard]) -> str:
    """Ukraine's drones, by Russia's count, by the word for them."""
    groups: dict[str, list[str]] = {}
    for card in cards:
        answer = _counted(card, "other-side")
        if answer is not None and answer.word != NO_DATA:
            groups.setdefault(answer.word, []).append(card.pause.phrase)
    told = "; ".join(f"{found}, in {listed(names)}" for found, names in groups.items())
    return f"Its drones, by Russia's count: {told}; no usable count elsewhere." if told else ""


def front_table(cards: Sequence[Scorecard]) -> pd.DataFrame:
    """A row a pause, a word and a number a cell."""
    rows = []
    for card in cards:
        year = f" {card.pause.days()[0].year}"
        row = {"pause": card.pause.name, "days": card.span().removesuffix(year if year in card.pause.name else "")}
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
