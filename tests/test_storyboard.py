"""The figures for readers: their frames hold the numbers of record and tables, their words say them, and they fit."""

import io
import re

import numpy as np
import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.image import imread
from matplotlib.text import Text

import analysis as pa
from analysis import panels
from analysis import storyboard as story
from analysis.campaigns import find_campaigns
from analysis.figures import to_png
from analysis.launches import decide_pause
from analysis.series import SALVO_MISSILES
from analysis.sirens import inferred_zeros

COLD, US, CHRISTMAS = "cold-week-pause-2026-01", "us-three-day-2026-05", "orthodox-christmas-2023"
PAUSES = [COLD, "energy-moratorium-2025-03", CHRISTMAS]


@pytest.fixture(scope="module")
def nine():
    return story.nine_pauses_frame(words={US: "clearly fewer, then a surge"})


def frames_of(pause):
    """Frame and drawing of every figure that a page of one pause has."""
    assessment = pa.assess(pause)
    yield story.claims_frame(assessment.pause), panels.draw_claims, story.claims_words
    yield story.unusual_frame(decide_pause(pause)), panels.draw_unusual, story.unusual_words
    yield story.running_sum_frame(assessment), panels.draw_running_sum, story.running_sum_words
    yield story.region_ratio_frame(pause), panels.draw_region_ratios, story.region_ratio_words


def recorded(pause, outcome="drones_launched", window="pause"):
    rows = pa.load_results()
    at = {"pause": pause.id, "claim": pause.main, "outcome": outcome, "window": window, "stratum": "national"}
    return rows[np.logical_and.reduce([rows[name] == value for name, value in at.items()])].iloc[0]


# --- frames: the numbers are those of the record and of the tables ---


def test_the_days_of_each_pause_sum_up_to_the_record(nine):
    assert nine["pause"].nunique() == 9
    for pause in pa.reported_pauses(pa.load_pauses()):
        part = nine[(nine["pause"] == pause.id) & (nine["role"] == "pause")].dropna(subset=["drones", "expected"])
        row = recorded(pause)
        assert len(part) == (0 if pd.isna(row["ratio"]) else row["n_days"] - row["n_missing"])
        if len(part):
            assert part["drones"].sum() == row["observed"]
            assert part["expected"].sum() == pytest.approx(row["expected"], rel=1e-3)
            assert part["multiple"].tolist() == (part["drones"] / part["expected"]).tolist()


def test_marks_of_days_come_from_the_strikes(nine):
    strikes = pa.load_strikes()
    usable = nine[nine["basis"] != "not usable"]
    assert set(usable.loc[usable["basis"] == "inferred zero", "day"]) <= set(inferred_zeros(strikes))
    assert usable.loc[usable["basis"] == "no report", "drones"].isna().all()
    raids = nine[nine["missiles"] >= SALVO_MISSILES]
    assert (strikes.loc[raids["day"], "missiles_launched"].to_numpy() == raids["missiles"].to_numpy()).all()
    assert set(nine.loc[nine["pause"] == CHRISTMAS, "basis"]) == {"not usable"}


def test_a_hundred_dots_stand_for_the_ordinary_spells():
    effect = decide_pause(COLD)[0]
    frame = story.unusual_frame([effect])
    dots = frame.loc[frame["kind"] == "ordinary", "ratio"]
    assert len(dots) == 100 and dots.median() == pytest.approx(effect.placebo["ratio"].median(), abs=0.01)
    own = frame[frame["kind"] == "pause"].iloc[0]
    assert own["ratio"] == effect.ratio and own["as_far"] == (effect.placebo["ratio"] <= effect.ratio).sum() == 43


def test_the_cold_week_as_promised_and_as_it_went():
    frame = story.claims_frame(pa.load_pauses()[COLD]).set_index("start")
    days = pd.date_range("2026-01-29", "2026-02-03")
    by = {part: frame[frame["part"] == part] for part in frame["part"].unique()}
    assert by[story.SIRENS].loc[days, "value"].tolist() == [0, 0, 0, 54, 0, 504]
    assert by[story.MISSILES].loc[days, "value"].tolist() == [0, 1, 0, 0, 1, 71]
    assert by[story.ENERGY].loc[days[1:4], "state"].tolist() == [
        "near the front only", "none named", "none named",
    ]  # fmt: skip
    assert days[by[story.DRONES].loc[days, "inside"]].strftime("%d").tolist() == ["30", "31"]
    claims = by[story.CLAIM].reset_index().set_index("label")
    assert claims.loc["all stated dates overlap", "start"] == pd.Timestamp(
        "2026-01-30 06:00"
    )  # midnight, 6 h after 18:00
    assert claims.loc["US (Trump, 29 Jan)", ["start", "end"]].isna().all()
    assert pd.isna(claims.loc["Russia", "start"]) and claims.loc["Russia", "end"] == pd.Timestamp("2026-02-02")


def test_rows_without_data_are_left_out():
    parts = set(story.claims_frame(pa.load_pauses()[CHRISTMAS])["part"])
    assert parts == {story.CLAIM, story.SIRENS}
    assert story.running_sum_frame(pa.assess(CHRISTMAS)).empty


@pytest.mark.parametrize("pause", [COLD, US])
@pytest.mark.parametrize("outcome", ["drones_launched", "missiles_launched"])
def test_running_sums_stand_where_the_record_does(pause, outcome):
    assessment = pa.assess(pause)
    part = story.running_sum_frame(assessment).query("outcome == @outcome")
    last, after = part[part["role"] == "pause"].iloc[-1], recorded(assessment.pause, outcome, "after-7")
    own = assessment.primary(outcome)
    assert last["running"] == pytest.approx(own.observed - own.expected, abs=0.5)
    week = last["running"] + after["observed"] - after["expected"]
    assert story.week_later(part)["running"] == pytest.approx(week, abs=1)
    assert (part["low"] <= part["high"]).sum() == own.n_days + 15 == len(part) and part["n_quiets"].iloc[0] > 10
    opening = part.iloc[0]
    assert opening["day"] < part.loc[part["role"] == "pause", "day"].min()
    assert opening[["running", "low", "high"]].tolist() == [0, 0, 0]


def test_minutes_of_regions_are_those_of_the_alerts():
    frame = story.region_ratio_frame(US).set_index("oblast")
    minutes = pa.alert_minutes().loc["2026-05-09":"2026-05-11", ["Odesa", "Kyiv City"]].sum()
    assert frame.loc[["Odesa", "Kyiv City"], "minutes"].tolist() == minutes.tolist()
    known = frame.dropna(subset=["ratio"])
    assert known["ratio"].to_numpy() == pytest.approx((known["minutes"] / known["usual"]).to_numpy())
    assert frame.loc["Odesa", "outside"] == "fewer" and frame.loc["Lviv", "outside"] == ""
    assert frame.loc["Kharkiv", ["minutes", "ratio"]].isna().all()


# --- words, on made-up frames ---


@pytest.mark.parametrize(
    ("n", "far", "side", "testable", "words"),
    [(324, 0, "quiet", True, "none of 324 as quiet"), (327, 2, "quiet", True, "2 of 327 as quiet"),
     (297, 43, "quiet", True, "43 of 297 as quiet"), (90, 0, "heavy", True, "none of 90 as heavy"),
     (38, 31, "quiet", True, "31 of 38 as quiet"),
     (49, 24, "quiet", False, "too short to tell"), (0, 0, "quiet", False, "no usable counts")],
)  # fmt: skip
def test_how_often_an_ordinary_spell_is_as_quiet(n, far, side, testable, words):
    assert story.how_often({"n_placebo": n, "as_far": far, "side": side, "testable": testable}) == words


def test_the_title_of_all_pauses_counts_no_day_twice():
    day = pd.Timestamp("2026-05-09")
    row = {
        "name": "x",
        "role": "pause",
        "day": day,
        "drones": 43.0,
        "expected": 250.0,
        "promise": "",
        "basis": "report",
        "word": "fewer",
    }
    frame = pd.DataFrame([row | {"pause": "a"}, row | {"pause": "b"}, row | {"pause": "c", "role": "outside"}])
    assert story.nine_pauses_words(frame).title == "Truces, each fewer: 43 drones, about 250 expected."


@pytest.mark.parametrize(
    ("running", "high", "day", "words"),
    [([-578.0, 1058.0], 400.0, "8 May", "1,058 more drones"),
     ([-578.0, 258.0], 400.0, "8 May", "258 more drones"),
     ([-578.0, np.nan], 400.0, "1 May", "578 fewer drones")],
)  # fmt: skip
def test_the_title_of_running_sums_says_where_the_account_stands(running, high, day, words):
    days = pd.to_datetime(["2026-05-01", "2026-05-08"])
    frame = pd.DataFrame({"outcome": "drones_launched", "day": days, "offset": [0, 7], "role": ["pause", "outside"]})
    assert (
        story.running_sum_words(frame.assign(running=running, low=-500.0, high=high)).title
        == f"Running sum, not tested: by {day}, since the start, {words} than expected"
    )


@pytest.mark.parametrize(
    ("ratios", "words"),
    [([0.1, 1.0], "Sirens above the usual in none of 2 comparable regions, below it in 1"),
     ([0.1, 1.2, np.nan], "Sirens above the usual in 1 of 2 comparable regions, below it in 1")],
)  # fmt: skip
def test_the_title_of_the_map_counts_regions(ratios, words):
    frame = pd.DataFrame({"oblast": "Lviv", "ratio": ratios, "usual": 100.0, "minutes": 100 * np.array(ratios)})
    frame["word"] = "fewer"
    said = story.region_ratio_words(frame)
    assert said.title == words and "Lviv: 10 minutes, about 100 usual: fewer" in said.told
    assert ("Lviv: not usable" in said.told) == any(np.isnan(ratios))


# --- drawings ---


def luminance(colour):
    linear = [c / 12.92 if c <= 0.04 else ((c + 0.055) / 1.055) ** 2.4 for c in colour]
    return np.dot(linear, [0.2126, 0.7152, 0.0722])


def test_no_tile_is_darker_than_usual_unless_it_had_more():
    usual = panels.tile_colour(1.0)
    for ratio in [0, 0.01, 0.2, 0.5, 0.9, 0.999]:
        red, _, blue = panels.tile_colour(ratio)
        assert blue > red and luminance(panels.tile_colour(ratio)) >= luminance(usual) - 1e-9
    shades = [luminance(panels.tile_colour(ratio)) for ratio in (1.01, 1.5, 2, 3)]
    assert luminance(usual) > shades[0] and shades == sorted(shades, reverse=True)


def check(draw, words, frame, **size):
    """Twice the same; title and alternative text; no print below 9 points, outside the sheet or over other print."""
    told, figure = words(frame), draw(frame, **size)
    assert all(len(part) > 10 for part in (told.title, told.reading, told.caption, told.alt))
    text = panels.svg(figure, alt=told.alt)
    assert text == panels.svg(draw(frame, **size), alt=told.alt)
    assert "currentColor" in text and not re.search(f"<g id=|<dc:date|{panels.INK}", text)
    renderer, width = FigureCanvasAgg(figure).get_renderer(), figure.bbox.width
    printed = [part for part in figure.findobj(Text) if part.get_visible() and part.get_text().strip()]
    boxes = [part.get_window_extent(renderer) for part in printed]
    assert min(part.get_fontsize() for part in printed) >= 9
    assert min(box.x0 for box in boxes) >= -3 and max(box.x1 for box in boxes) <= width + 3
    for i, box in enumerate(boxes):
        over = [j for j in range(i) if min(box.x1, boxes[j].x1) - max(box.x0, boxes[j].x0) > 2
                and min(box.y1, boxes[j].y1) - max(box.y0, boxes[j].y0) > 4]  # fmt: skip
        assert not over, [printed[j].get_text() for j in (i, *over)]
    assert '"#fff' not in text and ": #fff" not in text  # white would fill open marks on a dark page
    pixels = imread(io.BytesIO(to_png(figure)))
    assert pixels[0, 0].tolist() == [1, 1, 1, 1] and pixels[..., 3].min() == 1
    assert all(part.get_color() != panels.INK for part in printed)
    return text


@pytest.mark.parametrize("width", [panels.WIDE, panels.PHONE])
def test_all_pauses_day_by_day_fit_the_screen(nine, width):
    check(panels.draw_nine_pauses, story.nine_pauses_words, nine, width=width)


def test_every_day_of_a_long_pause_is_drawn(nine):
    part = nine[nine["pause"] == "energy-moratorium-2025-03"]
    (ax,) = panels.draw_nine_pauses(part).axes
    assert len(ax.containers[0]) == len(part) and part["offset"].max() > story.FORTNIGHT
    assert ax.get_xlim()[1] > part["offset"].max() and [text.get_text() for text in ax.get_xticklabels()][-1] == "+21"


def test_what_is_saved_of_claims_has_the_clock_of_kyiv():
    saved = story.in_kyiv_time(story.claims_frame(pa.load_pauses()[COLD]))
    claims = saved[saved["part"] == story.CLAIM].set_index("label")
    assert claims.loc["all stated dates overlap", "start"] == "2026-01-30 00:00+02:00"
    assert pd.isna(claims.loc["Russia", "start"])
    assert saved.loc[saved["part"] == story.SIRENS, "start"].str.endswith("18:00+02:00").all()


def test_the_figure_of_claims_is_told_whole():
    alt = story.claims_words(story.claims_frame(pa.load_pauses()[COLD])).alt
    assert "Minutes of sirens in Kyiv on these days: 0 and 0." in alt
    assert "Energy on these days: near the front only; none named." in alt


HOSTILE = r"A pause for $\frac{$ dollars"


def test_a_name_is_never_read_as_mathematics(nine):
    frame = story.unusual_frame([decide_pause(COLD)[0]]).assign(name=HOSTILE)
    rows = {"label": HOSTILE, "ratio": 0.5, "ratio_low": 0.4, "ratio_high": 0.6, "told": True}
    for figure in (
        panels.draw_unusual(frame),
        panels.draw_nine_pauses(nine[nine["pause"] == COLD].assign(name=HOSTILE)),
        pa.draw_forest(pd.DataFrame([rows]), title=HOSTILE).figure,
    ):
        assert "dollars" in panels.svg(figure) and to_png(figure)


@pytest.mark.parametrize("width", [panels.WIDE, panels.PHONE])
def test_the_raids_are_told_in_words(width):
    found = find_campaigns(pa.load_table("energy_raids"), pa.load_pauses())
    words = story.Words("Campaigns come and go", "A dot a raid.", "By a language model.", found.describe())
    drawn = check(
        lambda found, **size: panels.draw_campaigns(found, words, **size), lambda _: words, found, width=width
    )
    assert all(told in drawn for told in ("general terms", "language model", "strike-pauses", "CC BY"))


@pytest.mark.parametrize("width", [panels.WIDE, panels.PHONE])
@pytest.mark.parametrize("pause", PAUSES)
def test_the_figures_of_a_pause_fit_the_screen(pause, width):
    for frame, draw, words in frames_of(pause):
        check(draw, words, frame, width=width)
