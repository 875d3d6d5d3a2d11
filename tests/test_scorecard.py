"""The words for findings at the edges of their rules, and the questions of one pause answered from its rows."""

from dataclasses import replace

import pandas as pd
import pytest

import analysis as pa
from analysis import scorecard
from analysis.effect import example_effect
from analysis.questions import QUESTIONS
from analysis.record import load_results
from analysis.scorecard import score_all, score_pause
from analysis.vocabulary import RULES, about, as_extreme, confidence, doubts_of, frequency, size, word

RESULTS, PAUSES = load_results(), pa.load_pauses()


def row(**changes):
    plain = {"verdict": "no visible change", "p_value": 0.4, "p_adjusted": None, "ratio": 0.9, "ratio_low": 0.6}
    plain |= {"reason": "", "n_days": 3, "n_missing": 0, "n_placebo": 300, "alternative": "two-sided", "test": "shift"}
    plain |= {"n_as_extreme": 42}
    return plain | {"observed": 90.0, "expected": 100.0} | changes


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"verdict": "fewer", "p_value": 0.01, "ratio": 0.1}, "clearly fewer"),
        ({"verdict": "fewer", "p_value": 0.0101, "ratio": 0.1}, "fewer"),
        ({"verdict": "fewer", "p_value": 0.004, "p_adjusted": 0.02, "ratio": 0.1}, "fewer"),
        ({"verdict": "more", "p_value": 0.01, "ratio": 2.0}, "clearly more"),
        ({"verdict": "more", "p_value": 0.05, "ratio": 2.0}, "more"),
        ({"p_value": 0.35}, "lower, may be chance"),
        ({"p_value": 0.3501}, "about as usual"),
        ({"p_value": 0.3501, "ratio": 1.1}, "about as usual"),
        ({"p_value": 0.9, "ratio": 0.69}, "lower, may be chance"),
        ({"p_value": 0.9, "ratio": 0.7, "ratio_low": 0.5}, "about as usual"),
        ({"p_value": 0.9, "ratio": 1.4}, "about as usual"),
        ({"p_value": 0.9, "ratio": 1.41}, "higher, may be chance"),
        ({"p_value": 0.9, "ratio_low": 0.49}, "too short to tell"),
        ({"p_value": 0.9, "ratio_low": None}, "too short to tell"),
        ({"verdict": "depends on a choice", "p_value": 0.03, "ratio": 0.6}, "lower, may be chance"),
        ({"verdict": "not testable", "p_value": 0.07, "ratio": 0.0}, "too short to tell"),
        ({"verdict": "not testable", "p_value": None, "ratio": 0.5}, "no usable data"),
        ({"verdict": "not testable", "p_value": None, "ratio": None}, "no usable data"),
        ({"verdict": "not testable", "p_value": None, "ratio": None, "reason": "not yet: x"}, "not yet"),
    ],
)
def test_a_word_fits_up_to_the_edge_of_its_rule(changes, expected):
    assert word(row(**changes)) == expected


def test_every_verdict_of_the_record_has_a_word():
    words = {name for rule in RULES for name in rule.words}
    found = {answer.word for card in score_all(RESULTS) for answer in card.answers}
    assert found <= words and {"clearly fewer", "fewer", "more", "too short to tell", "no usable data"} <= found


@pytest.mark.parametrize(
    ("changes", "alike", "words"),
    [
        ({"n_as_extreme": 0, "ratio": 0.1}, 0, "none of 300 ordinary three-day spells was as quiet"),
        ({"ratio": 0.5}, 42, "one ordinary three-day spell in seven is as quiet"),
        ({"ratio": 0.5, "n_missing": 1}, 42, "one ordinary two-day spell in seven is as quiet"),
        ({"n_as_extreme": 250, "p_value": 0.35, "ratio": 0.9}, 250, "most ordinary three-day spells are as quiet"),
        ({"ratio": 1.5, "n_days": 1}, 42, "one ordinary day in seven is as heavy"),
        ({"n_as_extreme": 9, "n_placebo": 99, "alternative": "greater", "ratio": 2, "n_days": 7, "test": "after-quiet"},
         9, "one week in eleven after such a quiet is as heavy"),
        ({"p_value": 1.0, "alternative": "greater", "ratio": 0.5}, None, ""),
        ({"p_value": None}, None, ""),
        ({"n_as_extreme": None, "test": "joint"}, None, ""),
    ],
)  # fmt: skip
def test_how_often_an_ordinary_spell_looks_so_comes_from_the_windows_on_its_own_side(changes, alike, words):
    assert as_extreme(row(**changes)) == alike
    assert frequency(row(**changes)) == words


def test_the_frequency_is_that_of_the_placebo_windows_themselves():
    """Two routes to one number: the field of the record, and by counting the windows."""
    effect = pa.assess("cold-week-pause-2026-01").primary("drones_launched")
    counted = int((effect.placebo["ratio"] <= effect.ratio).sum())
    assert as_extreme(effect.row()) == counted > 0


def test_confidence_falls_with_every_doubt():
    assert [confidence("fewer", ["a"] * n) for n in range(4)] == ["solid", "fair", "weak", "weak"]
    assert confidence("too short to tell", []) == ""
    told = doubts_of(row(n_missing=1, n_placebo=60), inferred=3, backed=False, curve=None, coded=True)
    assert [doubt.text for doubt in told] == [
        "three of three days are zeros we inferred from sirens and press", "1 of 3 days missing", "one side's count",
        "few comparable spells", "coded by a language model, not yet checked by people",
    ]  # fmt: skip
    assert doubts_of(row(n_placebo=90), inferred=0, backed=True, curve=None, coded=False) == ()
    found = row(verdict="fewer")
    assert doubts_of(found, inferred=0, backed=None, curve=row(verdict="fewer"), coded=False) == ()
    assert len(doubts_of(found, inferred=0, backed=None, curve=row(), coded=False)) == 1


def test_size_says_singular_none_and_little():
    assert size(row(observed=1.0, expected=0.3), ("missile", "missiles")) == "1 missile, less than one expected"
    assert size(row(observed=0.0, expected=647.6), ("drone", "drones")) == "no drones, about 650 expected"
    assert about(96.4) == "about 96"


def test_a_scorecard_answers_the_promise_first():
    cold = score_pause(RESULTS, PAUSES["cold-week-pause-2026-01"])
    assert [answer.question for answer in cold.leading[:2]] == ["kyiv", "energy"]
    assert cold.answer("drones").sentence() == (
        "196 Russian drones, about 400 expected; one ordinary two-day spell in seven is as quiet: lower, may be chance."
    )
    truce = score_pause(RESULTS, PAUSES["us-three-day-2026-05"])
    assert truce.leading[0].question == "drones" and truce.answer("kyiv") is None
    assert "892 of them on 13 May" in truce.answer("drones-after").note
    assert "71 of them on 3 February" in cold.answer("missiles-after").note
    assert "the quiet outlasted the pause: 1 missile" in card_of("victory-day-2025").answer("missiles-after").note


def test_a_week_to_come_does_not_lead_and_nights_to_come_do():
    pause = PAUSES["cold-week-pause-2026-01"]
    for windows, leader in ((["after-7"], "kyiv"), (["after-7", "pause"], "drones")):
        waits = RESULTS["window"].isin(windows) & RESULTS["outcome"].isin(["drones_launched", "missiles_launched"])
        reason = RESULTS["reason"].mask(waits, "not yet: the data end before, 0 of 2 nights held")
        assert score_pause(RESULTS.assign(reason=reason), pause).leading[0].question == leader


def test_other_dates_are_told_where_the_answer_differs_and_only_said_to_agree_elsewhere():
    cold, moratorium = card_of("cold-week-pause-2026-01"), card_of("energy-moratorium-2025-03")
    told = cold.answer("drones").other_dates
    assert told.startswith("By Ukraine's dates, 30 January to 5 February 2026: 1,195 Russian drones, about 1,300")
    assert told.endswith("expected: about as usual.")
    assert moratorium.answer("drones").other_dates == "By the dates of Russia and Ukraine too: lower, may be chance."
    assert card_of("us-three-day-2026-05").answer("drones").other_dates == ""


def card_of(name):
    return score_pause(RESULTS, PAUSES[name])


def test_effects_and_rows_of_the_record_give_the_same_scorecard():
    found = pa.assess("easter-2025").effects
    live = score_pause(found, PAUSES["easter-2025"]).answer("drones")
    kept = card_of("easter-2025").answer("drones")
    assert (live.word, live.frequency, live.size, live.confidence) == (
        kept.word,
        kept.frequency,
        kept.size,
        kept.confidence,
    )


def test_a_pause_without_rows_has_no_usable_data():
    card = score_pause([replace(example_effect(), pause="x")], PAUSES["easter-2025"])
    assert {answer.word for answer in card.answers} == {"no usable data"}
    assert len(card.to_frame()) == len(QUESTIONS) - 2 and card.table().shape[1] == 4


@pytest.mark.parametrize(
    ("minutes", "note"),
    [
        ([54.0, 0.0, 504.0], "then siren minutes: 54 on 1 February (date disputed) and 504 on 3 February"),
        ([54.0, None, 504.0], ""),  # a missing day is not a silent one
        ([0.0, 0.0, 0.0], ""),
    ],
)
def test_the_days_that_follow_in_kyiv_are_named_only_where_all_are_known(minutes, note, monkeypatch):
    days = pd.date_range("2026-02-01", periods=3)
    frame = pd.DataFrame({"Kyiv City": pd.Series(minutes, days, dtype=float)})
    monkeypatch.setattr(scorecard, "alert_minutes", lambda folder=None: frame)
    said = scorecard._next_days_in_kyiv(PAUSES["cold-week-pause-2026-01"], None)
    assert said.startswith(note) and bool(said) == bool(note)
