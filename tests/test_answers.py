"""Every result can be shown, drawn, stored and read back, whatever it found."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

import analysis as pa
from analysis.effect import COLUMNS, MIME, Answer
from analysis.launches import decide_pause
from analysis.specifications import CHOICES

PAUSES, DRONES = pa.load_pauses(), ["drones_launched"]
FEW = [choice for choice in CHOICES if choice.axis == "calendar"]
DAYS = pd.date_range("2024-01-01", periods=500)
STEADY = pd.Series(np.random.default_rng(1).poisson(100, 500), index=DAYS, name="drones")


def joint(*names):
    return pa.estimate_joint([(pa.outcome_series("drones_launched"), PAUSES[name].days()) for name in names])


RESULTS = {
    "effect": lambda: decide_pause("easter-2025")[0],
    "effect before the data": lambda: decide_pause("orthodox-christmas-2023")[0],
    "rebound": lambda: pa.estimate_rebound(STEADY, DAYS[-20:-17]),
    "joint": lambda: joint("easter-2025", "victory-day-2025", "orthodox-easter-2026"),
    "joint, nothing to compare": lambda: joint("orthodox-christmas-2023"),
    "assessment": lambda: pa.assess("easter-2025"),
    "assessment before the data": lambda: pa.assess("orthodox-christmas-2023"),
    "curve": lambda: pa.estimate_curve(STEADY, DAYS[-3:], choices=FEW),
    "curve past the data": lambda: pa.estimate_curve(STEADY[:-3], DAYS[-3:], choices=FEW),
    "sensitivity": lambda: pa.assess_choices("us-three-day-2026-05", outcomes=DRONES, choices=FEW),
    "sensitivity before the data": lambda: pa.assess_choices("orthodox-christmas-2023", choices=FEW),
    "comparison": pa.compare_truces,
    "comparison of one": lambda: pa.compare_truces(registry={"easter-2025": PAUSES["easter-2025"]}),
    "comparison of none": lambda: pa.compare_truces(registry={}),
    "exploration": lambda: pa.explore_pause("us-three-day-2026-05", shift_end=2),
}


@pytest.mark.parametrize("name", RESULTS)
def test_every_result_has_words_a_table_a_picture_and_rows_for_the_record(name):
    found = RESULTS[name]()
    assert isinstance(found, Answer)
    summary, frame, rows = found.summary(), found.to_frame(), found.record()._repr_mimebundle_()[MIME]["rows"]
    assert summary.strip() and "None" not in summary.replace("None of", "") and "nan" not in summary
    assert [list(row) for row in rows] == [list(COLUMNS)] * len(found.effects)
    if not name.startswith("curve"):  # its frame has the specifications, its record the curve as a whole
        assert list(frame.columns) == list(COLUMNS) and len(frame) == len(rows)
    shown = found._repr_markdown_()
    assert shown.startswith(summary) and shown.count("\n| ") >= len(found.table())
    assert repr(found).startswith(type(found).__name__ + ": ") and len(repr(found)) < 150
    axes = plt.figure().add_subplot()
    assert found.plot(axes).figure is axes.figure and found.plot() is not None
    plt.close("all")


def test_several_pauses_are_drawn_among_their_draws_and_the_words_say_so():
    effect = joint("easter-2025", "victory-day-2025", "orthodox-easter-2026")
    ax = effect.plot()
    assert ax.get_ylabel() == "number of draws of ordinary windows"
    assert "these pauses: 0.00" in [text.get_text() for text in ax.texts]
    title = ax.get_title(loc="left").replace("\n", " ")
    assert title == "None of 100,000 draws of ordinary windows, 5 days together, were as low or lower"
    assert title in effect.describe_series() == effect.describe_placebo()
    assert sum(bar.get_height() for bar in ax.patches) == 100_000
    plt.close("all")
