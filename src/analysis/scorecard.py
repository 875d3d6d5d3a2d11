"""Every question that people ask of one pause, answered in one place from the rows of the record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd

from analysis.days import PROVISIONAL
from analysis.effect import Answer, PauseEffect, as_markdown, to_frame
from analysis.pauses import Claim, Pause, load_pauses, reported_pauses
from analysis.questions import AFTER, BOTH, BY_KEY, LAUNCHES, QUESTIONS, Question, promised_questions
from analysis.record import read_stored, stored_path
from analysis.series import SALVO_MISSILES
from analysis.setting import Registry
from analysis.sirens import alert_minutes, inferred_zeros
from analysis.tables import load_strikes, load_table
from analysis.vocabulary import (
    CANNOT_TELL,
    NO_DATA,
    NOT_YET,
    SILENT,
    UNANSWERED,
    WEAK,
    Doubt,
    about,
    as_extreme,
    confidence,
    doubts_of,
    frequency,
    in_table,
    in_words,
    one_in,
    plain_row,
    plainly,
    promise_of,
    rounded,
    size,
    sureness,
    toned,
    word,
)
from analysis.windows import ONE_DAY
from analysis.words import FEWER, MORE, amount, capital, day_list, listed, span_text, spans_text, without_year

FILE = "scorecard.csv"
SAME = "By the dates of"
BY_PEOPLE = ", not yet checked by people"
PARTIES = ("Russia", "Ukraine")
MANY = 2.0  # times the expected of its day, from which the heaviest day of a week is named
UNSURE = "unsure"  # of words that claim nothing or may be chance
NEXT_DAYS = 3  # named after a spell of silence


@dataclass(frozen=True)
class Answered:
    """One question of one pause: how much, how often an ordinary spell looks so, a word, how sure and why."""

    pause: str
    question: str
    asked: str
    outcome: str = ""
    first_day: str = ""
    last_day: str = ""
    counted: float | None = None
    expected: float | None = None
    expected_low: float | None = None
    expected_high: float | None = None
    ratio: float | None = None
    n_ordinary: int = 0
    as_extreme: int | None = None
    p_value: float | None = None
    word: str = NO_DATA
    confidence: str = ""
    doubts: tuple[Doubt, ...] = ()
    size: str = ""
    frequency: str = ""
    note: str = ""
    other_dates: str = ""

    @property
    def topic(self) -> str:
        """What is asked about, within a sentence."""
        return self.asked if self.asked.startswith("Ukraine") else self.asked[0].lower() + self.asked[1:]

    def sentence(self, *, of: str = "") -> str:
        """The finding in a sentence: size, frequency, word, and what the word is said `of`."""
        if self.word == NOT_YET:
            return f"{self.note}."
        told = "; ".join(filter(None, [self.size, self.frequency]))
        found = " ".join(filter(None, [self.word, of]))
        seen = f"{told}: {found}" if told else f"{found} on {self.topic}"
        if self.word == NO_DATA:
            return f"{seen} ({self.note})."
        return f"{seen}. {capital(self.note)}." if self.note else f"{seen}."

    def amounts(self) -> str:
        """What was counted and expected, for a cell beside the question; empty where nothing was."""
        unit = BY_KEY[self.question].count(self.outcome).unit if self.outcome else None
        if self.counted is None or unit is None:
            return self.size
        seen = f"{amount(self.counted)}{unit}" if self.counted else "none"
        return seen if self.expected is None else f"{seen}, {about(self.expected)}{unit * (not self.counted)} expected"

    def verdict_sentence(self) -> str:
        """The finding in a sentence; where it claims nothing, also what cannot be told of the promise."""
        return self.sentence(of=BY_KEY[self.question].kept if self.word in CANNOT_TELL else "")

    def rarity(self) -> str:
        """The frequency for a cell, as "1 in 7 as quiet"; empty without one."""
        if self.as_extreme is None:
            return ""
        share = one_in(self.as_extreme, self.n_ordinary)
        often = {0: f"none of {self.n_ordinary}", 1: "most"}.get(share, f"1 in {share}")
        return f"{often} as {'heavy' if self.ratio > 1 else 'quiet'}"

    def how_sure(self) -> str:
        """Confidence with its reasons, or what stands in the way."""
        told = [doubt.text for doubt in self.doubts]
        if self.confidence:
            return f"{self.confidence}: {'; '.join(told)}" if told else self.confidence
        if not self.word.endswith("chance"):
            return self.caveat.removesuffix(BY_PEOPLE) or UNSURE
        more = [f"{in_words(len(told) - 2)} more doubt{'s' * (len(told) > 3)}"] if len(told) > 2 else []
        return "; ".join([*told[:2], *more]) or UNSURE

    @property
    def caveat(self) -> str:
        """What the count of an answer that claims nothing rests on; empty for others, whose doubts hold it."""
        return "; ".join(doubt.text for doubt in self.doubts if doubt.of_count) if self.word in CANNOT_TELL else ""

    def sureness(self) -> str:
        """How sure it is, as a sentence to follow it, or its caveat; empty where there is neither."""
        return sureness(self.word, self.doubts) or (f"{capital(self.caveat)}." if self.caveat else "")

    def row(self) -> dict[str, Any]:
        """The columns of scorecard.csv as plain values."""
        return vars(self) | {"doubts": "; ".join(doubt.text for doubt in self.doubts)}

    def brief(self) -> str:
        """The word as short as it goes, then what was counted/expected, for a cell."""
        found = in_table(self.word)
        if self.counted is None or self.expected is None or self.expected < 2 or self.word in UNANSWERED:
            return found
        sure = f"{WEAK}, " * (self.confidence == WEAK)
        return f"{found} ({sure}{amount(self.counted)}/{rounded(self.expected)})"


COLUMNS = tuple(Answered.__dataclass_fields__)
TAKEN_OVER = ("expected", "expected_low", "expected_high", "ratio", "p_value")  # from a row of the record


@dataclass(frozen=True, repr=False)
class Scorecard(Answer):
    """All questions of one pause; the first is about what it promised."""

    pause: Pause
    answers: tuple[Answered, ...]

    effects = ()  # it reads effects of others, and adds none to the record

    def answer(self, question: str) -> Answered | None:
        """The answer to one question; None where it is not asked of this pause."""
        return next((answer for answer in self.answers if answer.question == question), None)

    @property
    def leading(self) -> tuple[Answered, ...]:
        """The answers in the order of the promise: what it promised to spare, then launches, then the week after.

        While its own nights are to come, that they are leads.
        """
        rank = {question: position for position, question in enumerate(promised_questions(self.pause))}
        order = sorted(self.answers, key=lambda a: (rank.get(a.question, len(rank)), a.word in UNANSWERED))
        to_come = [answer for answer in order if answer.word == NOT_YET and answer.question in LAUNCHES]
        return tuple(dict.fromkeys((*to_come, *order)))

    def headline(self) -> str:
        """The leading answer in a sentence that can be quoted."""
        first = self.leading[0]
        return f"{capital(promise_of(self.pause))}: {first.verdict_sentence()} {first.sureness()}".strip()

    def quotation(self) -> str:
        """The leading answer with its pause and days, as short as it can be quoted."""
        first = self.leading[0]
        days, phrase = self.pause.days(), self.pause.phrase
        span = without_year(self.span(), days[-1]) if str(days[-1].year) in phrase else self.span()
        return f"{capital(phrase)}, {span}: {first.verdict_sentence()} {first.sureness()}".strip()

    def span(self) -> str:
        """The days judged, in words."""
        return day_list(self.pause.days())

    def summary(self) -> str:
        """A line a question (Markdown)."""
        lines = [f"* **{answer.asked}.** {capital(answer.sentence())}" for answer in self.leading]
        return "\n".join(lines)

    def table(self) -> pd.DataFrame:
        """For readers: question, word, what was counted and expected, how unusual, how sure."""
        rows = [
            {
                "question": answer.asked,
                "in a word": answer.word,
                "counted": answer.amounts() or "–",
                "how unusual": answer.rarity() or answer.note or "–",
                "how sure": answer.how_sure(),
            }
            for answer in self.answers
        ]
        return pd.DataFrame(rows).set_index("question")

    def to_frame(self) -> pd.DataFrame:
        """One row a question, the columns of scorecard.csv."""
        return pd.DataFrame([answer.row() for answer in self.answers], columns=COLUMNS)

    def plot(self, ax: Any = None) -> Any:
        """Draw counted over expected of every question that has both."""
        from analysis.figures import draw_forest

        rows = self.to_frame().dropna(subset=["ratio"]).rename(columns={"asked": "label"})
        told = ~rows["word"].isin(SILENT)
        return draw_forest(rows.assign(told=told, ratio_low=rows["ratio"], ratio_high=rows["ratio"]), ax=ax)

    def _repr_markdown_(self) -> str:
        return f"{self.headline()}\n\n{as_markdown(self.table())}"


def score_pause(found: pd.DataFrame | Sequence[PauseEffect], pause: Pause, *, folder: Path | None = None) -> Scorecard:
    """Answer every question of one pause from its effects.

    Parameters
    ----------
    found : DataFrame or sequence of PauseEffect
        Rows of the record, as from `load_results`, or effects, as those of `assess`, `assess_energy`,
        `assess_regions` together.
    pause : Pause
    folder : path, optional
        Folder of tables.

    Returns
    -------
    Scorecard
        Questions for which `found` has no row at all are answered "no usable data".

    Examples
    --------
    >>> from analysis.record import load_results
    >>> score_pause(load_results(), load_pauses()["us-three-day-2026-05"]).answer("drones").word
    'clearly fewer'
    """
    frame = found if isinstance(found, pd.DataFrame) else to_frame(found)
    rows = [plain_row(row) for row in frame[frame["pause"] == pause.id].to_dict("records")]
    strikes = load_strikes(folder=folder)
    asked = [question for question in QUESTIONS if question.is_asked(pause)]
    answers = [_answer(question, rows, pause, strikes) for question in asked]
    noted = {"kyiv": _next_days_in_kyiv, "energy": _hits_on_energy}
    for position, answer in enumerate(answers):
        if answer.question in noted and answer.question in promised_questions(pause) and answer.counted is not None:
            notes = filter(None, [answer.note, noted[answer.question](pause, folder)])
            answers[position] = replace(answer, note="; ".join(notes))
    return Scorecard(pause, tuple(answers))


def _next_days_in_kyiv(pause: Pause, folder: Path | None) -> str:
    """Since when it was silent, the sirens of the next days, and whether a party's dates held the last of them."""
    after = pd.date_range(pause.days()[-1], periods=NEXT_DAYS + 1)[1:]
    every = alert_minutes(folder=folder)["Kyiv City"]
    minutes = every.reindex(after)
    if minutes.isna().any() or not minutes.any():  # a day that is missing would read as a silent one
        return ""
    minutes, sounded = minutes[minutes > 0], every.index[every > 0]
    since = sounded[sounded < after[0]].max() + ONE_DAY
    silent = f"silent from {since.day} {since:%B}; then minutes" if since < pause.days()[0] else "then siren minutes"
    parties, day = [claim for claim in pause.claims if claim.party in PARTIES], minutes.index[-1]
    last_days = [pd.Timestamp(claim.end).tz_localize(None).normalize() for claim in parties if claim.end]
    seen = [
        f"{amount(round(n))} on {at.day} {at:%B}{' (date disputed)' * (at in last_days and at != day)}"
        for at, n in minutes.items()
    ]
    told = []
    for claim in parties:
        end, other = claim.span[1], "" if _meant(claim, "kyiv") else f" (for {listed(claim.targets)})"
        if end and pd.Timestamp(end).tz_localize(None) <= day:
            told.append(f"after {claim.party}'s dates{other}")
        elif day in claim.days:
            told.append(f"inside {claim.party}'s{other}")
    return ", ".join([f"{silent}: {listed(seen)}", *told])


def _meant(claim: Claim, question: str) -> bool:
    """Whether a party meant what a question is about."""
    return not claim.targets or BY_KEY[question].target in ("", *claim.targets)


def _hits_on_energy(pause: Pause, folder: Path | None) -> str:
    """On which days of the pause a hit was coded near the front, and inside a party's dates in the rear."""
    coded = load_table("energy_coded", folder=folder).set_index("day").query("code == 'yes'")
    in_rear, own = coded.index[coded["rear_oblasts"] > 0], pause.days()
    near = [day for day in own if day in coded.index and day not in in_rear]
    told = [f"hit near the front on {without_year(spans_text(near), near[-1])}"] if near else []
    for claim in pause.claims:
        later = [day for day in claim.days if day in in_rear and day not in own]
        if claim.party in PARTIES and later:
            told.append(f"in the rear, inside {claim.party}'s dates, from {later[0].day} {later[0]:%B}")
    return "; ".join(told)


def first_answer(rows: Sequence[Mapping[str, Any]], pause: Pause) -> dict | None:
    """Of the rows of one report the one that answers its first question, what the pause promised first."""
    own = [plain_row(row) for row in rows if (row["pause"], row["claim"]) == (pause.id, pause.main)]
    promised = promised_questions(pause)
    asked = [question for question in QUESTIONS if question.is_asked(pause)]
    ranked = sorted(asked, key=lambda question: question.key not in promised)
    return next(filter(None, (question.pick(own) for question in ranked)), None)


def score_all(
    results: pd.DataFrame, *, registry: Registry | None = None, folder: Path | None = None
) -> tuple[Scorecard, ...]:
    """The scorecards of all reported pauses that the record speaks of, in the order of the registry."""
    pauses = reported_pauses(load_pauses() if registry is None else registry)
    held = set(results["pause"])
    return tuple(score_pause(results, pause, folder=folder) for pause in pauses if pause.id in held)


def load_scorecard(path: str | Path | None = None) -> pd.DataFrame:
    """Read `reports/scorecard.csv`: one row per pause and question; DataError where there is none."""
    return read_stored(stored_path(path, FILE), COLUMNS, command="pauses report")


def _answer(question: Question, every: Sequence[dict], pause: Pause, strikes: pd.DataFrame) -> Answered:
    rows = [row for row in every if row["claim"] == pause.main]
    row = question.pick(rows)
    if row is None:
        return _nothing(question, pause)
    found, count = word(row), question.count(row["outcome"])
    days = pd.date_range(row["first_day"], row["last_day"])
    drones = row["outcome"] == "drones_launched"
    inferred = int(days.isin(inferred_zeros(strikes)).sum()) if drones else 0
    basis = strikes.get(f"{row['outcome'].removesuffix('_launched')}_basis", pd.Series(dtype=str))
    curves = [r for r in rows if (r["outcome"], r["test"]) == (row["outcome"], "curve")]
    doubts = doubts_of(
        row,
        inferred=inferred,
        provisional=int((basis.reindex(days) == PROVISIONAL).sum()),
        backed=_backed(question, row, rows),
        curve=curves[0] if curves and question.window == "pause" else None,
        coded=count.coded,
        listed=bool(count.listed),
    )
    counted = row["observed"]
    return Answered(
        pause=pause.id,
        question=question.key,
        asked=question.asked,
        outcome=row["outcome"],
        first_day=str(row["first_day"]),
        last_day=str(row["last_day"]),
        counted=counted,
        n_ordinary=int(row["n_placebo"]),
        as_extreme=as_extreme(row),
        **{name: row[name] for name in TAKEN_OVER},
        word=toned(found, doubts),
        confidence=confidence(found, doubts),
        doubts=doubts,
        size=_size(question, row) if counted is not None else "",
        frequency=frequency(row),
        note=_note(question, row, rows, strikes),
        other_dates=_other_dates(question, row, every, pause),
    )


def _size(question: Question, row: Mapping[str, Any]) -> str:
    """How much was counted and expected; of a daily list also on how many days it was read, and what it names."""
    count = question.count(row["outcome"])
    if not count.listed:
        one, many = count.noun
        return size(row, (one, f"{many} reported" if question.about_launches and not row["observed"] else many))
    read = row["n_days"] - row["n_missing"]
    covered = f"of the {read} days it covers" if read > 1 else "of the one day it covers"
    return f"a daily news list names hits {count.listed} on {size(row, (covered, covered))}"


def _nothing(question: Question, pause: Pause) -> Answered:
    first, last = (f"{day:%Y-%m-%d}" for day in pause.days()[[0, -1]])
    note = "not asked of this pause yet"
    return Answered(pause.id, question.key, question.asked, first_day=first, last_day=last, note=note)


def _other_dates(question: Question, row: Mapping[str, Any], every: Sequence[dict], pause: Pause) -> str:
    """What the same count says by the dates that one of the two parties named, where they are other days."""
    if question.window == AFTER:
        return ""
    sought = replace(question, counts=(question.count(row["outcome"]),))
    told, same = [], []
    for claim in pause.claims:
        seen = sought.pick([other for other in every if other["claim"] == claim.id])
        if claim.party not in PARTIES or seen is None or seen["observed"] is None or not _meant(claim, question.key):
            continue
        days = [seen["first_day"], seen["last_day"]]
        if days == [row["first_day"], row["last_day"]]:
            continue
        if (found := word(seen)) == word(row):
            same.append(claim.party)
            continue
        told.append(
            f"By {claim.party}'s dates, {span_text(*pd.to_datetime(days))}: {_size(question, seen)}"
            + ("; too few such spells to compare." if found == NO_DATA else f": {found}.")
        )
    return " ".join([*told, *([f"{SAME} {listed(same)} too: {word(row)}."] if same else [])])


def _backed(question: Question, row: Mapping[str, Any], rows: Sequence[dict]) -> bool | None:
    """Whether sirens away from the front, which no Air Force counts, point the same way; None for other questions."""
    if question.key == "other-side":
        return False
    if not question.about_launches:
        return None
    rear = BY_KEY["rear"].pick(rows, window=question.window)
    if rear is None or rear["ratio"] is None or rear["p_value"] is None:
        return False
    same = (rear["ratio"] > 1) == (row["ratio"] is not None and row["ratio"] > 1)
    return same and (rear["verdict"] in (FEWER, MORE) or rear["p_value"] <= 0.1)


def _note(question: Question, row: Mapping[str, Any], rows: Sequence[dict], strikes: pd.DataFrame) -> str:
    """What a reader must know beside the number: why there is none, the raid of the week, a quiet that outlasted."""
    why = plainly(str(row["reason"] or "").split("; ")[0])
    if question.key == "other-side":
        why = why.replace("the data end", "Russia's figures end")
    if row["observed"] is None or row["p_value"] is None:
        return why
    if question.window != AFTER:
        return ""
    notes = []
    both = question.pick(rows, window=BOTH)
    if row["ratio"] < 1 and both and both["verdict"] == FEWER:
        total = size(both, question.count(both["outcome"]).noun)
        notes.append(f"the quiet outlasted the pause: {total} in pause and week together")
    counts = strikes[row["outcome"]].reindex(pd.date_range(row["first_day"], row["last_day"])).dropna()
    heavy = SALVO_MISSILES if row["outcome"] == "missiles_launched" else MANY * row["expected"] / row["n_days"]
    if len(counts) and counts.max() >= heavy:
        day = counts.idxmax()
        notes.append(f"{amount(counts.max())} of them on {day.day} {day:%B}")
    return "; ".join(notes)
