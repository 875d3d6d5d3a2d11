"""Findings: the verdict rule, Holm's correction, the record, and every sentence to the letter."""

import json
import re
from dataclasses import replace
from datetime import date

import numpy as np
import pandas as pd
import pytest

from analysis.effect import COLUMNS, KEY, MIME, EffectsRecord, decide, example_effect, holm, to_frame
from analysis.estimate import estimate_effect
from analysis.rebound import estimate_rebound
from analysis.words import days_phrase, headline, rebound

DRONES = {"outcome": "drones_launched", "first_day": date(2026, 5, 9), "last_day": date(2026, 5, 11), "n_days": 3}
CUT = {
    "observed": 70.0, "expected": 1412.4, "expected_low": 402.2, "expected_high": 2610.0, "ratio": 0.0496,
    "ratio_low": 0.0268, "ratio_high": 0.174, "p_value": 0.0089, "n_placebo": 224,
}  # fmt: skip
SURGE = {
    "observed": 2900.0, "expected": 1412.4, "expected_low": 402.2, "expected_high": 2610.0, "ratio": 2.0533,
    "ratio_low": 1.111, "ratio_high": 7.211, "p_value": 0.0178, "n_placebo": 224,
}  # fmt: skip
UNANSWERED = {"ratio": None, "p_value": None, "expected": None, "testable": False, "n_placebo": 0}


# --- golden sentences


@pytest.mark.parametrize(
    "fields, sentence",
    [
        (
            DRONES | CUT,
            "Fewer than expected: 70 long-range drones launched from 9 to 11 May 2026, where 402 to 2,610 would have "
            "been ordinary. That is 0.05 times the expected 1,412 (95% interval 0.03 to 0.17; p = 0.0089 against 224 "
            "windows of the same length). A cut of about 80% would be found four times in five.",
        ),
        (
            DRONES | CUT | {"observed": 0.0, "ratio": 0.0, "ratio_low": 0.0, "ratio_high": None, "n_missing": 1},
            "Fewer than expected: 0 long-range drones launched from 9 to 11 May 2026 (1 of 3 days without a report), "
            "where 402 to 2,610 would have been ordinary. That is none of an expected 1,412 (p = 0.0089 against 224 "
            "windows of the same length). A cut of about 80% would be found four times in five.",
        ),
        (
            DRONES | CUT | {"test": "after-salvo", "n_placebo": 46, "p_adjusted": 0.043},
            "Fewer than expected: 70 long-range drones launched from 9 to 11 May 2026, where 402 to 2,610 would have "
            "been ordinary. That is 0.05 times the expected 1,412 (95% interval 0.03 to 0.17; p = 0.043 against 46 "
            "windows of the same length equally long after a salvo). A cut of about 80% would be found four times in "
            "five, taken alone.",
        ),
        (
            DRONES | SURGE,
            "More than expected: 2,900 long-range drones launched from 9 to 11 May 2026, where 402 to 2,610 would have "
            "been ordinary. That is 2.05 times the expected 1,412 (95% interval 1.11 to 7.21; p = 0.018 against 224 "
            "windows of the same length).",
        ),
        (
            DRONES | SURGE | {"ratio_high": None, "alternative": "greater", "expected_low": 0.0},
            "More than expected: 2,900 long-range drones launched from 9 to 11 May 2026, where 0 to 2,610 would have "
            "been ordinary. That is 2.05 times the expected 1,412 (95% interval 1.11 to open; p = 0.018 against 224 "
            "windows of the same length).",
        ),
        (
            DRONES | SURGE | {"observed": 1500.0, "ratio": 1.062, "p_value": 0.8, "smallest_visible_cut": 0.714},
            "No visible change: 1,500 long-range drones launched from 9 to 11 May 2026, where 402 to 2,610 would have "
            "been ordinary. Only a cut of about 71% or more would have shown reliably.",
        ),
        (
            DRONES | SURGE | {"observed": 1500.0, "ratio": 1.062, "p_value": 0.8, "smallest_visible_cut": None},
            "No visible change: 1,500 long-range drones launched from 9 to 11 May 2026, where 402 to 2,610 would have "
            "been ordinary. Even total silence would have been found in fewer than four cases in five.",
        ),
        (
            DRONES | CUT | {"p_value": 0.04, "p_adjusted": 0.08, "smallest_visible_cut": 0.714},
            "No visible change: 70 long-range drones launched from 9 to 11 May 2026, where 402 to 2,610 would have "
            "been ordinary. Taken alone p = 0.04, but 0.08 once all tested outcomes are counted. Only a cut of about "
            "71% or more would have shown reliably, taken alone.",
        ),
        (
            {"outcome": "missiles_launched", "testable": False, "observed": 1.0, "p_min": 0.3}
            | {"reason": "even total silence is ordinary: 150 of 360 comparable windows are silent; more"},
            "Not testable: 1 missile launched on 1 May 2025, but even total silence is ordinary: 150 of 360 "
            "comparable windows are silent.",
        ),
        (
            DRONES | UNANSWERED | {"observed": None, "reason": "the data end on 2026-05-01, before the window"},
            "Not testable: long-range drones launched from 9 to 11 May 2026: the data end on 2026-05-01, before the "
            "window.",
        ),
    ],
)
def test_golden_sentence(fields, sentence):
    assert example_effect(**fields).summary() == sentence


def test_golden_sentence_of_a_verdict_that_depends_on_a_choice():
    effect = replace(
        example_effect(**DRONES, **CUT),
        verdict="depends on a choice",
        reason="fewer with a baseline from 2024-09-01, no visible change with one from 2025-01-01; the rest",
    )
    assert effect.summary() == (
        "It depends on a choice: 70 long-range drones launched from 9 to 11 May 2026; fewer with a baseline from "
        "2024-09-01, no visible change with one from 2025-01-01."
    )


def test_golden_headlines():
    truce = "the truce of May 2026"
    fewer = example_effect(**DRONES, **CUT, placebo=pd.DataFrame({"ratio": [0.04, 0.3, 0.9, 1.2]}))
    assert headline(fewer, truce) == (
        "The truce of May 2026 saw fewer launches than is ordinary: 70 long-range drones launched, where 402 to 2,610 "
        "would have been ordinary. 1 of 4 ordinary windows of 3 days was as low or lower."
    )
    same = example_effect(**DRONES | SURGE | {"observed": 1500.0, "ratio": 1.062, "p_value": 0.8})
    assert headline(same, truce) == (
        "During the truce of May 2026 no change in the number of launches could be seen: 1,500 long-range drones "
        "launched, where 402 to 2,610 would have been ordinary. Only a cut of about 80% or more would have shown "
        "reliably."
    )
    promise = "It had promised to spare energy, which counts of launches cannot show."
    assert headline(same, truce, spared="energy") == f"{headline(same, truce)} {promise}"
    unknown = example_effect(**DRONES | UNANSWERED | {"observed": 70.0, "reason": "only 3 usable baseline days; x"})
    assert headline(unknown, truce) == (
        "The truce of May 2026: 70 long-range drones launched, which proves nothing by itself: only 3 usable baseline "
        "days."
    )


@pytest.mark.parametrize(
    "first, last, phrase",
    [
        ("2025-05-08", "2025-05-08", "on 8 May 2025"),
        ("2025-05-08", "2025-05-10", "from 8 to 10 May 2025"),
        ("2026-01-30", "2026-02-01", "from 30 January to 1 February 2026"),
        ("2025-12-31", "2026-01-01", "from 31 December 2025 to 1 January 2026"),
        ("2024-05-08", "2025-05-08", "from 8 May 2024 to 8 May 2025"),
    ],
)
def test_days_in_words(first, last, phrase):
    effect = example_effect(first_day=date.fromisoformat(first), last_day=date.fromisoformat(last))
    assert days_phrase(effect) == phrase


WEEK = "times the expected number in the 7 days after"
AFTER_QUIET = "compared with the 7 days after the quietest tenth of windows of 3 days"


def rebound_case(*, pause=0.05, after, both, after_p=0.4, both_p=0.4, pause_p=0.01, testable=True, reason=""):
    """The three effects behind a rebound sentence; ratios are (ratio, low, high)."""

    def expecting(expected, ratios, high):
        counts = {"expected": expected, "expected_low": 0.0, "expected_high": high * expected}
        observed = {"observed": expected * ratios[0] if ratios[0] else None}
        return counts | observed | dict(zip(("ratio", "ratio_low", "ratio_high"), ratios, strict=True))

    first = example_effect(**DRONES | CUT | {"ratio": pause, "observed": 1412.4 * pause, "p_value": pause_p})
    later = {"window": "after-7", "test": "after-quiet", "n_days": 7, "alternative": "greater", "n_placebo": 36}
    later |= {"p_value": after_p, "testable": testable, "reason": reason or f"{AFTER_QUIET}; and more"}
    together = {"window": "pause+after-7", "n_days": 10, "p_value": both_p}
    return (
        first,
        example_effect(**DRONES | later | expecting(3300.0, after, 1.5)),
        example_effect(**DRONES | together | expecting(4712.4, both, 1.3)),
    )


@pytest.mark.parametrize(
    "case, sentence",
    [
        (
            {"after": (1.9, 1.2, None), "both": (1.35, 1.1, 1.9), "after_p": 0.03, "both_p": 0.02},
            f"a surge beyond what the pause had spared: 1.90 {WEEK} (p = 0.03, {AFTER_QUIET}); pause and the 7 days "
            "after together 1.35 times the expected (1.10 to 1.90).",
        ),
        (
            {"after": (1.4, 0.9, None), "both": (1.0, 0.85, 1.3), "after_p": 0.08},
            f"at least 47% of what was missing came back, perhaps all or more: 1.40 {WEEK} (p = 0.08, {AFTER_QUIET}); "
            "pause and the 7 days after together 1.00 times the expected (0.85 to 1.30).",
        ),
        (
            {"after": (1.6, 1.1, None), "both": (1.13, 0.6, 1.6), "after_p": 0.03},
            f"a surge followed, more than usually follows a quiet: 1.60 {WEEK} (p = 0.03, {AFTER_QUIET}); whether it "
            "made up cannot be told.",
        ),
        (
            {"after": (1.0, 0.6, None), "both": (0.72, 0.5, 1.1), "after_p": 0.4},
            f"none visible: 1.00 {WEEK} (p = 0.4, {AFTER_QUIET}); only more than 4,950 there would have shown.",
        ),
        (
            {"after": (1.0, 0.6, None), "both": (0.72, 0.5, 1.1), "after_p": 0.4, "testable": False},
            f"cannot tell: 1.00 {WEEK} (p = 0.4, {AFTER_QUIET}).",
        ),
        (
            {"after": (None, None, None), "both": (None, None, None), "after_p": None, "both_p": None}
            | {"testable": False, "reason": "the data end on 2026-05-11, before the window"},
            "cannot tell; the data end on 2026-05-11, before the window.",
        ),
        (
            {"after": (1.2, 0.6, None), "both": (None, None, None), "both_p": None, "after_p": 0.3},
            f"no more than usually follows a quiet, 1.20 {WEEK} (p = 0.3, {AFTER_QUIET}); whether it made up cannot be "
            "told.",
        ),
        (
            {"after": (1.9, 1.2, None), "both": (None, None, None), "both_p": None, "after_p": 0.02},
            f"more than usually follows a quiet, 1.90 {WEEK} (p = 0.02, {AFTER_QUIET}); whether it made up cannot be "
            "told.",
        ),
    ],
)
def test_golden_rebound_sentence(case, sentence):
    assert rebound(*rebound_case(**case)) == f"Rebound of long-range drones launched: {sentence}"


@pytest.mark.parametrize("both", [(0.9, 0.75, 0.99), (1.1, 1.05, 1.4), (1.0, 0.6, 1.4), (1.0, 0.02, 1.4)])
def test_repayment_needs_an_interval_that_holds_one_but_neither_the_pause_nor_an_ordinary_week(both):
    """An ordinary week after this pause would put the two together at (70 + 3300) / (1412 + 3300) = 0.715."""
    assert "was made up" not in rebound(*rebound_case(after=(1.4, 0.9, None), both=both, after_p=0.3))


def test_a_week_of_ordinary_raids_after_one_silent_night_is_no_repayment():
    pause, after, both = rebound_case(pause=0.05, after=(1.0, 0.6, None), both=(0.95, 0.9, 1.2), after_p=0.5)
    pause = replace(pause, expected=200.0, observed=10.0)
    assert (pause.observed + after.expected) / (pause.expected + after.expected) == pytest.approx(0.946, abs=1e-3)
    assert "none visible" in rebound(pause, after, both)


# --- every number in a sentence is a field


def renderings(effect):
    """All ways in which a field may appear in print."""
    values = [v for v in effect.row().values() if isinstance(v, int | float) and not isinstance(v, bool)]
    values += [float(f"{v:.4g}") for v in values]  # as the record has them
    days = [effect.first_day, effect.last_day]
    shown = {f"{v:{form}}" for v in values for form in (",.0f", ".1f", ".2f", ".2g", ".0%")}
    return shown | {str(part) for day in days for part in (day.day, day.year)}


def numbers(sentence):
    return re.findall(r"\d+(?:,\d{3})*(?:\.\d+)?(?:e-?\d+)?%?", sentence)


def test_every_number_of_a_sentence_is_a_field_of_the_effect():
    verdicts, generator = set(), np.random.default_rng(1)
    days = pd.date_range("2025-01-01", periods=420)
    for trial in range(40):
        size, factor = generator.choice([1.5, 80.0, 4000.0]), generator.choice([0.0, 0.1, 1.0, 4.0])
        counts = pd.Series(generator.negative_binomial(4, 4 / (4 + size), 420).astype(float), index=days)
        n_days = int(generator.integers(1, 6))
        window = days[400 : 400 + n_days]
        counts[window] = np.round(factor * counts[window])
        counts.iloc[402] = np.nan if trial % 3 == 0 else counts.iloc[402]
        for effect in (estimate_effect(counts, window), estimate_rebound(counts, window)):
            verdicts.add(effect.verdict)
            sentence = effect.summary()
            if effect.verdict == "not testable":
                sentence = sentence.replace(effect.reason.split("; ")[0], "")
            assert set(numbers(sentence)) <= renderings(effect), (sentence, effect.row())
            assert "nan" not in sentence and "inf" not in sentence and "None" not in sentence
    assert verdicts == {"fewer", "more", "no visible change", "not testable"}


def test_the_check_above_sees_a_number_that_is_no_field():
    effect = example_effect(**DRONES, **CUT)
    assert set(numbers(effect.summary())) <= renderings(effect)
    assert not set(numbers("Fewer than expected: 71 drones, 95% interval 0.03 to 0.18")) <= renderings(effect)


def test_the_placebo_picture_is_described_by_its_own_counts():
    ratios = pd.DataFrame({"ratio": [0.1, 0.2, 0.2, 0.9, 1.5]})
    effect = example_effect(ratio=0.2, n_placebo=5, placebo=ratios, p_value=0.5)
    assert effect.describe_placebo() == (
        "Histogram of ordinary windows by seen over expected; this window lies at 0.20. 3 of 5 ordinary windows of 1 "
        "day were as low or lower."
    )
    assert example_effect(**UNANSWERED).describe_placebo() == "No comparable window of 1 day; nothing to draw."
    assert effect.describe_series().endswith(effect.summary())


# --- the verdict


@pytest.mark.parametrize(
    "fields, verdict",
    [
        ({"p_value": 0.05, "ratio": 0.2}, "fewer"),
        ({"p_value": 0.0501, "ratio": 0.2}, "no visible change"),
        ({"p_value": 0.05, "ratio": 2.1}, "more"),
        ({"p_value": 0.06, "ratio": 2.1}, "no visible change"),
        ({"p_value": 0.02, "ratio": 0.2, "level": 0.99}, "no visible change"),
        ({"p_value": 0.02, "ratio": 0.2, "p_adjusted": 0.06}, "no visible change"),
        ({"p_value": 0.02, "ratio": 0.2, "p_adjusted": 0.04}, "fewer"),
        ({"p_value": 0.5, "ratio": 0.2, "testable": False, "p_min": 0.3}, "not testable"),
        ({"p_value": None, "ratio": None, "testable": False}, "not testable"),
        ({"p_value": 0.01, "ratio": 3.0, "testable": False, "p_min": 0.3}, "more"),
    ],
)
def test_verdict_by_hand(fields, verdict):
    observed = None if fields["ratio"] is None else 200 * fields["ratio"]  # of 200 expected, 100 to 400 ordinary
    fields = fields | {"observed": observed}
    assert example_effect(**fields).verdict == verdict
    assert decide(replace(example_effect(**fields), verdict="fewer")).verdict == verdict  # an older verdict is no input


@pytest.mark.parametrize("ratio, observed, verdict", [(0.9, 180.0, "more"), (1.1, 220.0, "fewer")])
def test_the_direction_follows_the_tail_in_skewed_series(ratio, observed, verdict):
    ordinary = {"more": (20.0, 150.0), "fewer": (240.0, 260.0)}[verdict]
    effect = example_effect(
        ratio=ratio, observed=observed, p_value=0.02, expected_low=ordinary[0], expected_high=ordinary[1]
    )
    assert effect.verdict == verdict


def test_a_p_value_of_exactly_one_minus_level_counts():
    for level, p_value in ((0.95, 0.05), (0.9, 0.1), (0.8, 0.2)):
        assert example_effect(level=level, p_value=p_value, ratio=0.2).verdict == "fewer"


# --- Holm's correction


def family(*p_values, testable=None):
    testable = [True] * len(p_values) if testable is None else testable
    return [
        example_effect(outcome=f"outcome {k}", p_value=p, ratio=0.2, testable=can, p_min=0.01 if can else 0.6)
        for k, (p, can) in enumerate(zip(p_values, testable, strict=True))
    ]


@pytest.mark.parametrize(
    "p_values, adjusted",
    [
        # as p.adjust(p, "holm") of R gives them
        ((0.01, 0.02, 0.03, 0.04, 0.05), (0.05, 0.08, 0.09, 0.09, 0.09)),
        ((0.005, 0.011, 0.02, 0.04, 0.13), (0.025, 0.044, 0.06, 0.08, 0.13)),
        ((0.04, 0.01), (0.04, 0.02)),
        ((0.03, 0.03), (0.06, 0.06)),
        ((0.9, 0.8, 0.7), (1.0, 1.0, 1.0)),
        ((0.012,), (0.012,)),
        ((), ()),
    ],
)
def test_holm_by_hand(p_values, adjusted):
    corrected = holm(family(*p_values))
    assert [effect.p_adjusted for effect in corrected] == pytest.approx(list(adjusted))
    assert [effect.verdict for effect in corrected] == ["fewer" if p <= 0.05 else "no visible change" for p in adjusted]
    assert [effect.p_value for effect in corrected] == list(p_values)
    assert [effect.outcome for effect in corrected] == [f"outcome {k}" for k in range(len(p_values))]


def test_holm_agrees_with_statsmodels():
    from statsmodels.stats.multitest import multipletests

    for seed in range(5):
        p_values = np.random.default_rng(seed).beta(0.5, 3, 7)
        found = [effect.p_adjusted for effect in holm(family(*p_values))]
        np.testing.assert_allclose(found, multipletests(p_values, method="holm")[1])


def test_members_that_cannot_be_tested_take_no_place_in_the_family():
    corrected = holm(family(0.04, 0.3, testable=[True, False]))
    assert [effect.p_adjusted for effect in corrected] == [0.04, None]
    assert [effect.verdict for effect in corrected] == ["fewer", "not testable"]
    unanswered = example_effect(**UNANSWERED)
    assert holm([unanswered])[0].p_adjusted is None


def test_a_rise_is_corrected_too_where_a_fall_could_not_have_been_seen():
    rise = example_effect(outcome="missiles", observed=600.0, ratio=3.0, p_value=0.04, testable=False, p_min=0.3)
    corrected = holm([*family(0.03), rise])
    assert corrected[1].p_adjusted == pytest.approx(0.06) and corrected[1].verdict != "more"


# --- the record


def test_the_record_has_the_columns_of_the_contract():
    assert COLUMNS == (
        "pause", "claim", "outcome", "stratum", "window", "test", "first_day", "last_day", "n_days", "n_missing",
        "baseline_first_day", "baseline_last_day", "observed", "expected", "expected_low", "expected_high", "ratio",
        "ratio_low", "ratio_high", "p_value", "p_min", "p_adjusted", "n_placebo", "alternative", "level", "testable",
        "smallest_visible_cut", "verdict", "reason",
    )  # fmt: skip
    assert COLUMNS[: len(KEY)] == KEY
    effect = example_effect()
    assert list(effect.row()) == list(COLUMNS)
    assert effect.row()["first_day"] == "2025-05-01" and effect.row()["p_adjusted"] is None
    assert effect.to_frame().shape == (1, len(COLUMNS))
    assert to_frame([effect, effect]).shape == (2, len(COLUMNS)) and list(to_frame([])) == list(COLUMNS)


def test_the_notebook_output_carries_every_field_through_json():
    effects = (example_effect(**DRONES, **CUT), example_effect(**UNANSWERED))
    bundle = EffectsRecord(effects)._repr_mimebundle_()
    rows = json.loads(json.dumps(bundle[MIME], allow_nan=False))["rows"]
    assert rows == [effect.row() for effect in effects]
    assert "fewer" in bundle["text/plain"] and "not testable" in bundle["text/plain"]


# --- details of wording


@pytest.mark.parametrize("fields", [{}, UNANSWERED | {"observed": None, "reason": "the data end before"}])
def test_a_window_phrase_leaves_no_double_punctuation(fields):
    sentence = example_effect(**DRONES | {"window": "after-7"} | fields).summary()
    assert not re.search(r",[,:]", sentence), sentence


@pytest.mark.parametrize("level, words", [(0.975, "97.5% interval"), (0.995, "99.5% interval"), (0.999, "99.9%")])
def test_the_level_is_printed_as_it_is(level, words):
    assert words in example_effect(**CUT | {"level": level, "p_value": 0.0001}).summary()


def test_a_finding_that_depends_on_a_choice_goes_on_depending_after_holm():
    depends = replace(example_effect(p_value=0.01), verdict="depends on a choice")
    (corrected,) = holm([depends])
    assert corrected.p_adjusted == 0.01 and corrected.verdict == "depends on a choice"
