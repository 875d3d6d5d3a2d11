"""Sentences: every one to the letter (tests/golden), and no number in them that is not a field."""

import re
from dataclasses import replace
from datetime import date

import numpy as np
import pandas as pd
import pytest
from made_up import DAYS

from analysis.effect import example_effect
from analysis.estimate import estimate_effect
from analysis.plan import Look, Plan, Planned, Seen
from analysis.quiet import Lull, estimate_rebound
from analysis.vocabulary import frequency, size, word
from analysis.words import (
    days_phrase,
    describe_followed,
    describe_lull,
    describe_plan,
    headline,
    not_planned,
    rebound,
    say_when_fixed,
)

DRONES = {"outcome": "drones_launched", "first_day": date(2026, 5, 9), "last_day": date(2026, 5, 11), "n_days": 3}
CUT = {
    "observed": 70.0, "expected": 1412.4, "expected_low": 402.2, "expected_high": 2610.0, "ratio": 0.0496,
    "ratio_low": 0.0268, "ratio_high": 0.174, "p_value": 0.0089, "n_placebo": 224,
}  # fmt: skip
SURGE = CUT | {"observed": 2900.0, "ratio": 2.0533, "ratio_low": 1.111, "ratio_high": 7.211, "p_value": 0.0178}
SAME = SURGE | {"observed": 1500.0, "ratio": 1.062, "p_value": 0.8}
UNANSWERED = {"ratio": None, "p_value": None, "expected": None, "testable": False, "n_placebo": 0}
SILENCE = "even total silence is ordinary: 150 of 360 comparable windows are silent; more"
CASES = {
    "fewer": CUT,
    "none": CUT | {"observed": 0.0, "ratio": 0.0, "ratio_low": 0.0, "ratio_high": None, "n_missing": 1},
    "fewer after a salvo, adjusted": CUT | {"test": "after-salvo", "n_placebo": 46, "p_adjusted": 0.043},
    "fewer, of draws": CUT | {"test": "joint", "p_value": 2e-5},
    "more": SURGE,
    "more, one-sided": SURGE | {"ratio_high": None, "alternative": "greater", "expected_low": 0.0},
    "more after a quiet": SURGE | {"test": "after-quiet", "alternative": "greater", "window": "after-3"},
    "no change": SAME | {"smallest_visible_cut": 0.714},
    "no change, no power": SAME | {"smallest_visible_cut": None},
    "no change, one-sided": SAME | {"alternative": "greater"},
    "no change, open above": SAME | {"alternative": "less", "expected_high": None, "expected_low": 9.5},
    "no change once corrected": CUT | {"p_value": 0.04, "p_adjusted": 0.08, "smallest_visible_cut": 0.714},
    "not testable": {"outcome": "missiles_launched", "testable": False, "observed": 1.0, "p_min": 0.3, "n_days": 1}
    | {"reason": SILENCE, "first_day": date(2025, 5, 1), "last_day": date(2025, 5, 1)},
    "nothing known": UNANSWERED | {"observed": None, "reason": "the data end on 2026-05-01, before the window; x"},
    "not testable after": UNANSWERED | {"observed": None, "reason": "the data end before", "window": "after-7"},
    "a level of 97.5": CUT | {"level": 0.975, "p_value": 0.0001},
    "a level of 99.9": CUT | {"level": 0.999, "p_value": 0.0001},
}


def as_ranked(effect):
    """The effect with as many windows on its side as its p-value says."""
    if effect.p_value is None or effect.test == "joint":
        return replace(effect, n_as_extreme=None)
    tail = effect.p_value / 2 if effect.alternative == "two-sided" else effect.p_value
    return replace(effect, n_as_extreme=round(tail * (effect.n_placebo + 1)) - 1)


def case_effects():
    depends = "fewer with a baseline from 2024-09-01, no visible change with one from 2025-01-01; the rest"
    effects = {name: as_ranked(example_effect(**DRONES | fields)) for name, fields in CASES.items()}
    return effects | {"depends": replace(effects["fewer"], verdict="depends on a choice", reason=depends)}


def test_golden_sentences(golden):
    effects = case_effects()
    effects["fewer"] = replace(effects["fewer"], placebo=pd.DataFrame({"ratio": [0.04, 0.3, 0.9, 1.2]}))
    effects["more"] = replace(effects["more"], placebo=pd.DataFrame({"ratio": [0.04, 2.1, 0.9, 2.0533]}))
    golden("findings", {name: effect.summary() for name, effect in effects.items()})
    truce = "the truce of May 2026"
    golden("headlines", {name: headline(effect, truce, spared="energy") for name, effect in effects.items()})
    assert headline(effects["fewer"], truce, spared="energy").startswith(headline(effects["fewer"], truce) + " It had")
    counted = {name: effect.row() for name, effect in effects.items() if effect.observed is not None}
    briefs = {name: f"{size(row, ('unit', 'units'))}; {frequency(row)}: {word(row)}" for name, row in counted.items()}
    golden("briefs", briefs)
    for sentence in (effect.summary() for effect in effects.values()):
        assert not re.search(r",[,:]", sentence), sentence


def test_golden_sentences_about_a_lull(golden):
    fields = {
        "first_day": DAYS[0], "last_day": DAYS[2], "days_since_salvo": 6, "observed_salvos": 0, "expected_salvos": 0.61,
        "quiet_probability": 0.537, "n_salvos": 51, "n_days": 357, "hazard": pd.DataFrame(),
    }  # fmt: skip
    cases = [{}, {"observed_salvos": 1, "days_since_salvo": 1}, {"observed_salvos": 2, "last_day": DAYS[0]}]
    lulls = {f"{k} salvos": Lull(**fields | changes).summary() for k, changes in enumerate(cases)}
    golden("lulls", lulls | {"unknown": describe_lull(None), "a night unknown": describe_lull(None, n_unknown=1)})


def test_golden_sentences_about_a_plan(golden):
    planned = Planned("drones_launched", 0.02, (Look(1, 738.0, 233), Look(2, 1206.0)))
    days = (date(2026, 11, 28), date(2026, 11, 29))
    plan = Plan("p", "main", *days, date(2026, 11, 27), "0", 0.95, (planned,), {})
    one, two = Seen(1, 190.0, 659.0, 0.0377, False), Seen(2, 450.0, 1206.0, 0.02, True)
    refused = "the 155 baseline days are too few"
    told = {f"the data end {ahead} days before": "\n".join(describe_plan(planned, ahead)) for ahead in (175, 1, 0)}
    told |= {"not found": describe_followed(plan, planned, [one], None)}
    told |= {"found": describe_followed(plan, planned, [one, two], None)}
    told |= {"refused": describe_followed(plan, planned, [one, replace(two, found=False)], refused)}
    told |= {f"fixed {day}": say_when_fixed(replace(plan, fixed=date(2026, 11, day)), []) for day in (27, 30)}
    golden("plans", told | {"not planned": not_planned("siren_minutes_rear")})


@pytest.mark.parametrize(
    ("reason", "told"),
    [("compared; the data end on 8 May 2025, 1 of 2 nights held", "not in the data"), ("other", "without a report")],
)
def test_a_night_to_come_has_no_report_that_is_missing(reason, told):
    effect = example_effect(n_days=2, n_missing=1, reason=reason)
    assert days_phrase(effect).endswith(f"(1 of 2 days {told})")


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


# --- what followed


def rebound_case(*, after, both=(None, None, None), after_p=0.4, both_p=0.4, testable=True, reason="", **pause):
    """The three effects behind a rebound sentence; ratios are (ratio, low, high)."""

    def expecting(expected, ratios, high):
        counts = {"expected": expected, "expected_low": 0.0, "expected_high": high * expected}
        observed = {"observed": expected * ratios[0] if ratios[0] else None}
        return counts | observed | dict(zip(("ratio", "ratio_low", "ratio_high"), ratios, strict=True))

    first = example_effect(**DRONES | CUT | {"ratio": 0.05, "observed": 1412.4 * 0.05, "p_value": 0.01} | pause)
    quiet = "compared with the 7 days after the quietest tenth of windows of 3 days; and more"
    later = {"window": "after-7", "test": "after-quiet", "n_days": 7, "alternative": "greater", "n_placebo": 36}
    later |= {"p_value": after_p, "testable": testable, "reason": reason or quiet}
    together = {"window": "pause+after-7", "n_days": 10, "p_value": both_p}
    return (
        first,
        example_effect(**DRONES | later | expecting(3300.0, after, 1.5)),
        example_effect(**DRONES | together | expecting(4712.4, both, 1.3)),
    )


# An ordinary week after this pause would put the two together at (70 + 3300) / (1412 + 3300) = 0.715.
ONE, SMALL = (1.0, 0.6, None), {"expected": 200.0, "observed": 10.0}
REBOUNDS = {
    "beyond": {"after": (1.9, 1.2, None), "both": (1.35, 1.1, 1.9), "after_p": 0.03, "both_p": 0.02},
    "came back": {"after": (1.4, 0.9, None), "both": (1.0, 0.85, 1.3), "after_p": 0.08},
    "came back, open": {"after": (1.4, 0.9, None), "both": (1.0, 0.85, None), "after_p": 0.08},
    "surge": {"after": (1.6, 1.1, None), "both": (1.13, 0.6, 1.6), "after_p": 0.03},
    "none": {"after": ONE, "both": (0.72, 0.5, 1.1)},
    "cannot tell": {"after": ONE, "both": (0.72, 0.5, 1.1), "testable": False},
    "no data": {"after": (None,) * 3, "after_p": None, "both_p": None, "testable": False, "reason": "no data; x"},
    "ordinary alone": {"after": (1.2, 0.6, None), "both_p": None, "after_p": 0.3},
    "surge alone": {"after": (1.9, 1.2, None), "both_p": None, "after_p": 0.02},
    "no repayment below one": {"after": (1.4, 0.9, None), "both": (0.9, 0.75, 0.99), "after_p": 0.3},
    "no repayment above one": {"after": (1.4, 0.9, None), "both": (1.1, 1.05, 1.4), "after_p": 0.3},
    "no repayment with an ordinary week": {"after": (1.4, 0.9, None), "both": (1.0, 0.6, 1.4), "after_p": 0.3},
    "no repayment with the pause": {"after": (1.4, 0.9, None), "both": (1.0, 0.02, 1.4), "after_p": 0.3},
    "ordinary raids after one silent night": {"after": ONE, "both": (0.95, 0.9, 1.2), "after_p": 0.5} | SMALL,
}


def test_golden_sentences_about_what_followed(golden):
    effects = {name: rebound_case(**case) for name, case in REBOUNDS.items()}
    told = {name: rebound(*three) for name, three in effects.items()}
    golden("rebounds", told)
    assert [name for name, text in told.items() if "came back" in text] == ["came back", "came back, open"]
    assert "silent night" in list(told)[-1] and "none told from chance" in list(told.values())[-1]


# --- every number in a sentence is a field


def renderings(effect):
    """All ways in which a field may appear in print."""
    values = [v for v in effect.row().values() if isinstance(v, int | float) and not isinstance(v, bool)]
    values += [float(f"{v:.4g}") for v in values]  # as the record has them
    days = [effect.first_day, effect.last_day]
    shown = {f"{v:{form}}" for v in values for form in (",.0f", ".1f", ".2f", ".2g", ".0%")}
    return shown | {str(part) for day in days for part in (day.day, day.year)}


def numbers(sentence):
    return set(re.findall(r"\d+(?:,\d{3})*(?:\.\d+)?(?:e-?\d+)?%?", sentence))


def test_every_number_of_a_sentence_is_a_field_of_the_effect():
    verdicts, generator = set(), np.random.default_rng(1)
    days = pd.date_range("2025-01-01", periods=420)
    for trial in range(40):
        size, factor = generator.choice([1.5, 80.0, 4000.0]), generator.choice([0.0, 0.1, 1.0, 4.0])
        counts = pd.Series(generator.negative_binomial(4, 4 / (4 + size), 420).astype(float), index=days)
        window = days[400 : 400 + int(generator.integers(1, 6))]
        counts[window] = np.round(factor * counts[window])
        counts.iloc[402] = np.nan if trial % 3 == 0 else counts.iloc[402]
        for effect in (estimate_effect(counts, window), estimate_rebound(counts, window)):
            verdicts.add(effect.verdict)
            sentence = effect.summary()
            if effect.verdict == "not testable":
                sentence = sentence.replace(effect.reason.split("; ")[0], "")
            assert numbers(sentence) <= renderings(effect), (sentence, effect.row())
            assert not re.search("nan|inf|None", sentence)
    assert verdicts == {"fewer", "more", "no visible change", "not testable"}
    invented = "Fewer than expected: 71 drones, 95% interval 0.03 to 0.18"
    assert not numbers(invented) <= renderings(example_effect(**DRONES, **CUT))  # the check sees what is no field


def test_the_placebo_picture_is_described_by_its_own_counts():
    ratios = pd.DataFrame({"ratio": [0.1, 0.2, 0.2, 0.9, 1.5]})
    effect = example_effect(ratio=0.2, n_placebo=5, placebo=ratios, p_value=0.5)
    assert effect.describe_placebo() == (
        "Histogram of ordinary windows by seen over expected; this window lies at 0.20. 3 of 5 ordinary windows of 1 "
        "day were as low or lower."
    )
    assert example_effect(**UNANSWERED).describe_placebo() == "No comparable window of 1 day; nothing to draw."
    assert effect.describe_series().endswith(effect.summary())
