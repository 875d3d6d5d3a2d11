"""Findings: the verdict rule, Holm's correction, and the record."""

import json
from dataclasses import replace

import pandas as pd
import pytest

from analysis.effect import (
    COLUMNS,
    KEY,
    MIME,
    Answer,
    EffectsRecord,
    as_markdown,
    decide,
    example_effect,
    holm,
    shown,
    to_frame,
)

UNANSWERED = {"ratio": None, "p_value": None, "expected": None, "testable": False, "n_placebo": 0}

# --- the verdict


@pytest.mark.parametrize(
    "fields, verdict",
    [
        ({"p_value": 0.05, "ratio": 0.2}, "fewer"),
        ({"p_value": 0.0501, "ratio": 0.2}, "no visible change"),
        ({"p_value": 0.05, "ratio": 2.1}, "more"),
        ({"p_value": 0.06, "ratio": 2.1}, "no visible change"),
        ({"p_value": 0.02, "ratio": 0.2, "level": 0.99}, "no visible change"),
        ({"p_value": 0.1, "ratio": 0.2, "level": 0.9}, "fewer"),  # exactly 1 - level counts
        ({"p_value": 0.2, "ratio": 0.2, "level": 0.8}, "fewer"),
        ({"p_value": 0.02, "ratio": 0.2, "p_adjusted": 0.06}, "no visible change"),
        ({"p_value": 0.02, "ratio": 0.2, "p_adjusted": 0.04}, "fewer"),
        ({"p_value": 0.5, "ratio": 0.2, "testable": False, "p_min": 0.3}, "not testable"),
        ({"p_value": None, "ratio": None, "testable": False}, "not testable"),
        ({"p_value": 0.01, "ratio": 3.0, "testable": False, "p_min": 0.3}, "more"),
        # in skewed series the direction follows the tail, not the ratio
        ({"p_value": 0.02, "ratio": 0.9, "expected_low": 20.0, "expected_high": 150.0}, "more"),
        ({"p_value": 0.02, "ratio": 1.1, "expected_low": 240.0, "expected_high": 260.0}, "fewer"),
        ({"p_value": 0.02, "ratio": 1.0, "expected_high": 200.0}, "fewer"),  # no more than the ordinary range
        ({"p_value": 0.02, "ratio": 0.2, "expected_high": None}, "fewer"),
        # where the ordinary range cannot tell, the ranks do
        ({"p_value": 0.02, "ratio": 2.0, "expected_high": None, "rise": True}, "more"),
        ({"p_value": 0.06, "ratio": 2.0, "expected_high": None, "rise": True}, "no visible change"),
        ({"p_value": 0.02, "ratio": 3.0, "testable": False, "rise": False}, "not testable"),
    ],
)
def test_verdict_by_hand(fields, verdict):
    observed = None if fields["ratio"] is None else 200 * fields["ratio"]  # of 200 expected, 100 to 400 ordinary
    effect = example_effect(**fields | {"observed": observed})
    assert effect.verdict == verdict
    assert decide(replace(effect, verdict="fewer")).verdict == verdict  # an older verdict is no input


# --- Holm's correction


def family(*p_values):
    return [example_effect(outcome=f"outcome {k}", p_value=p, ratio=0.2) for k, p in enumerate(p_values)]


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


def test_who_takes_a_place_in_the_family():
    silent = example_effect(p_value=0.3, testable=False, p_min=0.6)
    rise = example_effect(observed=600.0, ratio=3.0, p_value=0.04, testable=False, p_min=0.3)
    depends = replace(example_effect(p_value=0.01), verdict="depends on a choice")
    corrected = holm([*family(0.03), silent, rise, example_effect(**UNANSWERED), depends])
    assert [effect.p_adjusted for effect in corrected] == [pytest.approx(0.06), None, pytest.approx(0.06), None, 0.03]
    expected = ["no visible change", "not testable", "not testable", "not testable", "depends on a choice"]
    assert [effect.verdict for effect in corrected] == expected


# --- the record


def test_the_record_has_the_columns_of_the_contract():
    assert COLUMNS == (
        "pause", "claim", "outcome", "stratum", "window", "test", "first_day", "last_day", "n_days", "n_missing",
        "baseline_first_day", "baseline_last_day", "observed", "expected", "expected_low", "expected_high", "ratio",
        "ratio_low", "ratio_high", "p_value", "p_min", "p_adjusted", "n_placebo", "n_as_extreme", "alternative",
        "level", "testable", "smallest_visible_cut", "verdict", "reason",
    )  # fmt: skip
    assert COLUMNS[: len(KEY)] == KEY
    effect = example_effect()
    assert list(effect.row()) == list(COLUMNS)
    assert effect.row()["first_day"] == "2025-05-01" and effect.row()["p_adjusted"] is None
    assert effect.to_frame().shape == (1, len(COLUMNS))
    assert to_frame([effect, effect]).shape == (2, len(COLUMNS)) and list(to_frame([])) == list(COLUMNS)


def test_a_table_for_readers_by_hand():
    effects = [
        example_effect(outcome="drones_launched", observed=1234.6, p_adjusted=0.0123),
        example_effect(**UNANSWERED),
    ]
    table = shown(effects, "outcome", "observed", "ratio", "p_adjusted", "smallest_visible_cut", "verdict")
    assert as_markdown(table).splitlines() == [
        "| outcome | observed | ratio | p adjusted | smallest visible cut | verdict |",
        "| --- | --- | --- | --- | --- | --- |",
        "| drones | 1,235 | 1.25 | 0.012 | 80% | more |",
        "| drones | 250 | – | – | 80% | not testable |",
    ]
    assert as_markdown(table.rename(columns={"verdict": "a|b"})).splitlines()[0].endswith("| a\\|b |")


def test_a_result_shows_its_summary_with_its_table_and_a_short_name():
    effect = example_effect()
    assert effect._repr_markdown_() == f"{effect.summary()}\n\n{as_markdown(effect.table())}"
    assert repr(effect) == f"PauseEffect: {effect.summary()[:117]}..."
    joint = example_effect(test="joint", placebo=pd.DataFrame({"ratio": [0.5, 1.0, 2.0]})).plot()
    assert joint.get_ylabel() == "number of draws of ordinary windows"  # of several windows there is no one series
    assert effect.describe() == effect.headline() == "" and effect.record() == EffectsRecord((effect,))
    bundle = EffectsRecord((effect, example_effect(**UNANSWERED)), "said")._repr_mimebundle_()
    carried = json.loads(json.dumps(bundle[MIME], allow_nan=False))
    assert carried == {"rows": [effect.row(), example_effect(**UNANSWERED).row()], "headline": "said"}
    assert "no visible change" in bundle["text/plain"] and "not testable" in bundle["text/plain"]


@pytest.mark.parametrize("n, told", [(120, "x" * 120), (121, "x" * 117 + "...")])
def test_a_short_summary_is_shown_whole(n, told):
    class Said(Answer):
        def summary(self):
            return "x" * n

    assert repr(Said()) == f"Said: {told}"
