"""The front page: the answer over all pauses, what people ask of them, and the scorecard of each."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pandas as pd

from analysis.figures import region_label
from analysis.questions import WEEK_AFTER, promised_questions
from analysis.reports.pages import Drawing, Part, Story, is_surge, once_all_count
from analysis.scorecard import UNSURE, Answered, Scorecard, score_all
from analysis.setting import Registry, set_up
from analysis.sirens import inferred_zeros
from analysis.storyboard import ASKED, region_ratio_frame
from analysis.tables import load_strikes, outcome_series
from analysis.together import EPISODE
from analysis.vocabulary import (
    CANNOT_TELL,
    MODEL,
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
    toned,
    word,
)
from analysis.words import FEWER, amount, capital, listed, span_text, spans_text, without_year

IN_FORCE = ("agreed", "unilateral", "disputed")
WHO_COUNTS = (
    "Ukraine's Air Force, decoys included, 15 to 27% below the president's totals, which count more types. It can be "
    "biased: in a truce Ukraine gains by reporting more, so a reported fall is believable, an inferred zero less so."
)
LEGEND = "Brackets: counted/expected. “?”: may be chance."
COLUMNS = {
    "drones": ("drones",),
    "missiles": ("missiles",),
    "week after": WEEK_AFTER,
    "rear energy hits": ("energy",),
    "rear sirens, minutes": ("rear",),
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
    lead, bullets, meaning = answer_to_all(results, cards, registry, folder=folder)
    asked = {"registry": registry, "folder": folder}
    ends = span_text(until, until)
    later = [
        pause.phrase
        for pause in registry.values()
        if pause.role == "outside-data"
        and pause.status in IN_FORCE
        and pause.announced_at
        and pd.Timestamp(pause.announced_at).tz_localize(None) > until
    ]
    uncovered = f" Not covered: {listed(later)}." if later else ""
    parts = [
        Part("strips", "Day by day", drawing=draw("strips", cards=cards, **asked)),
        Part("scorecard", "Every pause, in a word", " ".join([LEGEND, *_twice(cards)]), table=front_table(cards)),
        Part("meaning", "What this means", "\n".join(f"* {line}" for line in meaning)),
        Part("unusual", "How unusual", drawing=draw("unusual-all", cards=cards, **asked)),
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


def answer_to_all(
    results: pd.DataFrame, cards: Sequence[Scorecard], registry: Registry, *, folder: Path | None = None
) -> tuple[str, list[str], list[str]]:
    """The answer over all pauses in one sentence that can stand alone, what belongs beside it, and what people ask."""
    joint = results[(results["pause"] == "volume-truces") & (results["test"] == "joint")]
    rows = {row["outcome"]: plain_row(row) for row in joint.dropna(subset=["observed"]).to_dict("records")}
    if "drones_launched" not in rows:
        return "No agreed or declared truce can be judged yet.", [], []
    truces = [card for card in cards if card.pause.kind == "general truce" and _counted(card, "drones")]
    inferred = _inferred_days(truces, folder)
    first = {
        "Which truces?": _truce_by_truce(truces, results),
        "Do sirens agree?": _sirens(rows.get("siren_minutes_rear"), inferred),
        "Was Kyiv spared?": _kyiv(cards),
        "Was energy spared?": _energy(cards),
    }
    then = {
        "Only the usual lull?": _usual_lulls(rows.get("missiles_launched"), cards, registry, folder),
        "Saved up for after?": _weeks_after(cards),
        "Did Ukraine hold back too?": _other_side(cards),
        "Who counts?": WHO_COUNTS,
        "My region?": _regions(cards, registry, folder),
    }
    told = [[f"**{asked}** {text}" for asked, text in part.items() if text] for part in (first, then)]
    return _all_truces(rows, inferred), *told


def _counted(card: Scorecard, question: str) -> Answered | None:
    """The answer to a question where something was counted."""
    answer = card.answer(question)
    return None if answer is None or answer.counted is None else answer


def _inferred_days(truces: Sequence[Scorecard], folder: Path | None) -> int:
    """On how many days of truces zero is inferred."""
    zeros = inferred_zeros(load_strikes(folder=folder))
    return sum(day in zeros for day in {day for card in truces for day in card.pause.days()})


def _all_truces(rows: Mapping[str, Row], inferred: int) -> str:
    drones, sirens = rows["drones_launched"], rows.get("siren_minutes_rear")
    backed = sirens is not None and sirens["verdict"] == drones["verdict"]
    doubts = doubts_of(drones, inferred=inferred, backed=backed)
    found = toned(word(drones), doubts)
    seen, tail = size(drones, ("long-range drone", "long-range drones")), drones["p_value"] / 2
    often = "fewer than 1 in 1,000" if tail < 0.001 else f"1 in {1 / tail:.0f}"
    days = f"on the {drones['n_days']} days of truces that either side announced"
    lead = f"By Ukraine's count Russia launched {seen}, {days}"
    rare = f"{often} ordinary sets of days is as {'quiet' if drones['ratio'] < 1 else 'heavy'}"
    return f"{lead}; {rare}: {found}. {sureness(found, doubts)}".strip()


def _twice(cards: Sequence[Scorecard]) -> list[str]:
    """Which days stand in two rows of the table."""
    days = [day for card in cards if not card.pause.spared for day in card.pause.days()]
    twice = [day for day in dict.fromkeys(days) if days.count(day) > 1]
    return [f"{spans_text(twice)} stands in two rows."] if twice else []


def _truce_by_truce(truces: Sequence[Scorecard], results: pd.DataFrame) -> str:
    """The truces by the word for their drones, and what is left of these once all are weighed."""
    order, groups = [rule.words[0] for rule in RULES], {}
    for card in sorted(truces, key=lambda card: order.index(card.answer("drones").word)):
        groups.setdefault(card.answer("drones").word, []).append(card.pause.phrase)
    spoken = sorted(groups, key=lambda found: found in SILENT)
    said = [found.replace(", may be chance", " (may be chance)") for found in spoken]
    said[0] += " drones"
    each = [f"{told} in {listed(groups[found])}" for told, found in zip(said, spoken, strict=True)]
    spells = results[results["pause"].str.startswith(EPISODE) & (results["outcome"] == "drones_launched")]
    tested = spells.dropna(subset=["p_adjusted"])
    held = tested["verdict"] == FEWER
    kept = "none shows that it was kept: the front is not counted."
    if tested.empty:
        return f"{capital('; '.join(each))}; {kept}"
    some = "all" if held.all() else f"{in_words(held.sum())} of"
    hold = f"{some} {in_words(len(tested))} testable hold, not by every method"
    weighed = f"Weighed together, those that touch as one, {hold}"
    return f"{capital('; '.join(each))}. {weighed}; {kept}"


def _sirens(row: Row | None, inferred: int) -> str:
    """What night sirens say of all truces together."""
    if row is None:
        return ""
    share = f"Night sirens away from the front: {row['ratio']:.0%} of usual"
    return f"{share}; not independent: they helped set the {in_words(inferred)} zeros." if inferred else f"{share}."


def _usual_lulls(missiles: Row | None, cards: Sequence[Scorecard], registry: Registry, folder: Path | None) -> str:
    """How often the quiet between mass salvos is as long as in the pauses, and in how many drones were fewer."""
    lulls = [set_up(card.pause.id, registry=registry, folder=folder).lull() for card in cards]
    often = [100 * lull.quiet_probability for lull in lulls if lull is not None and not lull.observed_salvos]
    found = sum(card.answer("drones").word.endswith("fewer") for card in cards)
    if missiles is None or not often:
        return ""
    seen = f"{amount(missiles['observed'])}, {about(missiles['expected'])} expected"
    common = f"{min(often):.0f} to {max(often):.0f} of 100 such lulls last as long"
    rare = "such quiet is rare among all spells, lulls included; elsewhere unclear"
    drones = f"For drones, in the {in_words(found)} truces with fewer, {rare}"
    return f"{drones}. For missiles ({seen}) it may be: {common}."


def _weeks_after(cards: Sequence[Scorecard]) -> str:
    """The weeks after a pause that had more than after other quiet spells, and what is left of that once all count."""
    surges = {card.pause.phrase: [a for a in card.answers if is_surge(a)] for card in cards}
    came = [f"After {name} came {listed([a.size for a in after])}." for name, after in surges.items() if after]
    told = [*came, once_all_count(cards)] if came else ["No week stands out."]
    return " ".join(["Not shown; stocks cannot be seen.", *told])


def _kyiv(cards: Sequence[Scorecard]) -> str:
    """The sirens in Kyiv city in the pauses that promised to spare it."""
    told = []
    for card in cards:
        if answer := _counted(card, "kyiv"):
            week = card.pause.length.removeprefix("a ")
            which = f"which {week} is disputed" if week and card.pause.status == "disputed" else ""
            lead = "; ".join(filter(None, ["cannot be told" if answer.word in CANNOT_TELL else answer.word, which]))
            inside = ", inside all stated dates" if card.pause.main == "accepted" else ""
            counted = "; ".join(filter(None, [answer.size.split(", ")[0], answer.frequency]))
            seen = f"On {card.span()}{inside}: {counted}"
            told += [f"{capital(text)}." for text in (lead, seen, answer.note) if text]
    return " ".join(told)


def _energy(cards: Sequence[Scorecard]) -> str:
    """What was hit in the pauses that promised to spare energy, and whether that is less than usual."""
    promised = {c.pause.phrase: _counted(c, "energy") for c in cards if "energy" in promised_questions(c.pause)}
    told = {name: answer for name, answer in promised.items() if answer is not None}
    if told and all(answer.word in SILENT for answer in told.values()):
        apart = {card.pause.phrase: _named_less(card) for card in cards}
        seen = [f"In {name}{apart[name]}: {answer.note or answer.size}." for name, answer in told.items()]
        coded = ["Machine-coded."] * any(doubt.text == MODEL for answer in told.values() for doubt in answer.doubts)
        lead = "Not wholly; whether" if any(answer.counted or answer.note for answer in told.values()) else "Whether"
        return f"{lead} less than usual cannot be told: hits are too few. {' '.join([*seen, *coded])}"
    return " ".join(f"In {name}: {answer.size}: {answer.word}." for name, answer in told.items())


def _named_less(card: Scorecard) -> str:
    """That Russia named less than energy, where it did."""
    named = [claim.targets for claim in card.pause.claims if claim.party == "Russia" and claim.targets]
    less = named and "energy" not in named[0]
    return f" (Russia named only {card.pause.in_words(named[0])})" if less else ""


def _other_side(cards: Sequence[Scorecard]) -> str:
    """Ukraine's drones, by Russia's count, and why most pauses have none."""
    counts = {card.pause.phrase: _counted(card, "other-side") for card in cards}
    known = {name: a for name, a in counts.items() if a is not None and a.word != NO_DATA}
    words = dict.fromkeys(answer.word for answer in known.values())
    told = [f"{_seen(known, found)}: {found}" for found in words]
    truces = [card.pause.phrase in known for card in cards if not card.pause.spared]
    lead = "" if any(truces) else "In truces this cannot be told: no usable count. "
    return f"{lead}Drones that Russia says it shot down: {'; '.join(told)}." if told else lead.strip()


def _seen(answers: Mapping[str, Answered], found: str) -> str:
    """What was counted and expected in the pauses of one word."""
    return "; ".join(f"{a.amounts()}, in {name}" for name, a in answers.items() if a.word == found)


def _regions(cards: Sequence[Scorecard], registry: Registry, folder: Path | None) -> str:
    """In how many of the maps the regions most asked about had fewer sirens, and for which it can never be told."""
    mapped = [card.pause.id for card in cards if _counted(card, "drones")]
    if not mapped:
        return ""
    frame = pd.concat([region_ratio_frame(pause, regions=ASKED, registry=registry, folder=folder) for pause in mapped])
    words = frame["word"].fillna(NO_DATA)
    frame = frame.assign(fewer=words.str.endswith("fewer"), tested=~words.isin(SILENT), usable=frame["ratio"].notna())
    told, left = [], frame.groupby("oblast", sort=False)[["fewer", "tested", "usable"]].sum().rename(index=region_label)
    for name, row in left[left["fewer"] > 0].iterrows():
        told.append(f"{name} fewer in {in_words(row['fewer'])} of {in_words(row['tested'])} testable pauses")
    left = left[left["fewer"] == 0]
    unlike = {
        "never clear of chance": left["tested"] > 0,
        "always too short or untested": (left["tested"] == 0) & (left["usable"] > 0),
        "not usable, alarms too long": left["usable"] == 0,
    }
    told += [f"{listed(list(left.index[mask]))} {why}" for why, mask in unlike.items() if mask.any()]
    maps = f"[Maps]({mapped[-1]}.html#where) of sirens, not strikes, on each page"
    return f"{maps}: {'; '.join(told)}."


def front_table(cards: Sequence[Scorecard]) -> pd.DataFrame:
    """A row a pause, a word and a number a cell."""
    rows = []
    for card in cards:
        name, last = card.pause.name.split(", ")[0], card.pause.days()[-1]
        row = {"pause": name, "days": without_year(card.span(), last) if str(last.year) in name else card.span()}
        for name, questions in COLUMNS.items():
            answers = filter(None, map(card.answer, questions))
            row[name] = "; ".join(dict.fromkeys(_cell(answer, named=len(questions) > 1) for answer in answers))
        drones = _counted(card, "drones")
        row["how sure (drones)"] = "–" if drones is None else drones.confidence or UNSURE
        if drones is None:
            row["drones"] = card.answer("drones").word
        rows.append(row)
    return pd.DataFrame(rows).set_index("pause")


def _cell(answer: Answered, *, named: bool) -> str:
    if answer.word in UNANSWERED:
        return "–" if answer.word == NO_DATA else answer.word
    return f"{answer.topic.split()[0]} {answer.brief()}" if named else answer.brief()
