"""Pictures say in words what they show, and print numbers as a reader wants them."""

import matplotlib.pyplot as plt
import pandas as pd
import pytest
from matplotlib.colors import to_rgba

import analysis as pa
from analysis.figures import PAUSE, draw_forest, draw_placebo, draw_series, draw_timeline


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def texts(ax):
    return [text.get_text() for text in ax.texts]


def title(ax):
    return ax.get_title(loc="left").replace("\n", " ")


@pytest.mark.parametrize(
    ("ratio", "words"),
    [
        (0.1, "None of 4 ordinary windows of 3 days were as low or lower"),
        (0.5, "1 of 4 ordinary windows of 3 days was as low or lower"),
        (5.0, "1 of 4 ordinary windows of 3 days was as high or higher"),
    ],
)
def test_the_placebo_picture_says_where_the_pause_lies(ratio, words):
    ax = draw_placebo(pd.DataFrame({"ratio": [0.5, 0.9, 1.2, 5.0]}), ratio=ratio, n_days=3)
    assert title(ax) == words
    assert f"this pause: {ratio:.2f}" in texts(ax)
    (line,) = [line for line in ax.lines if line.get_color() == PAUSE]
    assert line.get_xdata()[0] == min(ratio, 3)
    assert ax.get_xticklabels()[-1].get_text() == "3+"


def test_without_comparable_windows_the_placebo_picture_says_so():
    assert texts(draw_placebo(pd.DataFrame({"ratio": []}), ratio=None, n_days=1)) == ["no comparable window"]


def test_marks_in_a_forest_are_hollow_where_nothing_could_be_told():
    rows = pd.DataFrame(
        {"label": ["a", "b", "c"], "ratio": [0.1, 0.6, None], "ratio_low": [0.04, 0.2, None],
         "ratio_high": [0.3, None, None], "told": [True, False, False]}
    )  # fmt: skip
    ax = draw_forest(rows)
    marks = {tuple(points.get_offsets()[0]): points.get_facecolor()[0] for points in ax.collections[-2:]}
    assert tuple(marks[(0.6, 1)]) == to_rgba("white") != tuple(marks[(0.1, 0)])
    assert texts(ax) == ["a", "0.10 (0.04 to 0.30)", "b", "0.60", "c", "no comparable window"]


def test_a_series_has_thousands_apart_dates_in_words_and_its_unit_above():
    days = pd.date_range("2025-12-20", "2026-01-20")
    daily = pd.DataFrame({"day": days, "observed": 1500.0, "expected": 1200.0, "low": 900.0, "high": 1600.0})
    daily["role"] = ["window" if day == pd.Timestamp("2026-01-07") else "baseline" for day in days]
    daily.loc[3, "observed"] = None
    ax = draw_series(daily, label="drones launched")
    ax.figure.canvas.draw()
    assert [label.get_text() for label in ax.get_xticklabels()] == ["1 Jan\n2026", "15 Jan"]
    assert "1,000" in [label.get_text() for label in ax.get_yticklabels()]
    assert ax.get_ylabel() == "drones launched a day" and ax.yaxis.label.get_rotation() == 0
    assert {"pause", "expected"} <= set(texts(ax))
    assert "no report" in ax.figure.texts[0].get_text()


def test_a_timeline_shades_every_pause_and_marks_the_years():
    counts = pd.Series(1.0, index=pd.date_range("2022-10-01", "2024-03-01"))
    spans = pd.DataFrame({"label": ["x"], "first_day": counts.index[[99]], "last_day": counts.index[[100]]})
    ax = draw_timeline(counts, spans, label="drones")
    assert [label.get_text() for label in ax.get_xticklabels()] == ["2023", "2024"]
    assert len(ax.patches) == 1


def test_years_that_no_test_uses_are_told_apart():
    counts = pa.load_strikes()["drones_launched"]
    ax = draw_timeline(counts, pd.DataFrame({"first_day": [], "last_day": []}), label="drones")
    assert len(ax.patches) == 1 and "Grey, to August 2024: used by no test" in ax.figure.texts[0].get_text()


def test_no_print_of_a_forest_lies_over_other_print_or_under_a_line():
    label = "Episodes with an agreed truce: sirens in the rear"
    row = {"label": label, "ratio": 0.25, "ratio_low": 0.13, "ratio_high": 0.72, "told": True}
    ax = draw_forest(pd.DataFrame([row, row]))
    ax.figure.canvas.draw()
    boxes = [text.get_window_extent() for text in ax.texts]
    assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])
    assert all(text.get_bbox_patch().get_facecolor() == to_rgba("white") for text in ax.texts)
