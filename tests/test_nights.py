"""Nights typed in before the table holds them: used, named, compared, and refused where they are malformed."""

import shutil
from pathlib import Path

import pandas as pd
import pytest

import analysis as pa
from analysis.errors import DataError
from analysis.panels import draw_claims
from analysis.pauses import FILE
from analysis.setting import compare_nights
from analysis.storyboard import claims_frame, claims_words
from analysis.tables import data_folder, outcome_series

COLD = "cold-week-pause-2026-01"
TYPED = """[[night]]
day = {day}
drones = {drones}
source = {{ publisher = "A newspaper", url = "https://example.org/night" }}
seen_at = 2026-01-31
"""


@pytest.fixture
def typed(tmp_path):
    """A data folder as of 30 January 2026, its last whole day the 29th, with what is typed in."""

    def folder(text, as_of="2026-01-30"):
        cut = pa.cut_data(as_of, into=tmp_path)
        (cut / "nights.toml").write_text(text, "utf-8")
        return cut

    return folder


def test_a_night_typed_in_is_counted_and_named(typed):
    cut = typed(TYPED.format(day="2026-01-30", drones=111))
    assert outcome_series("drones_launched", folder=cut).loc["2026-01-29":].iloc[1:].tolist() == [111]
    found = pa.assess(COLD, folder=cut, registry=pa.load_pauses(cut / FILE))
    effect = found.primary("drones_launched")
    assert effect.observed == 111 and effect.n_missing == 1
    assert effect.reason.endswith("provisional: 1 night typed in from A newspaper")
    assert found.nights().loc["2026-01-30", "drones"] == "111 (provisional)"
    assert "provisional" not in found.primary("missiles_launched").reason
    frame = claims_frame(found.pause, registry=found.setting.registry, folder=cut)
    drawn = frame[(frame["part"] == "drones_launched") & (frame["state"] == "provisional")]
    assert drawn["start"].tolist() == [pd.Timestamp("2026-01-30")] and drawn["value"].tolist() == [111]
    assert "Diamond: 1 day typed in from a newsroom, provisional." in claims_words(frame).caption
    marks = [line for ax in draw_claims(frame).axes for line in ax.lines if line.get_marker() == "D"]
    assert len(marks) == 1


def test_a_night_after_a_gap_leaves_the_gap_unknown(typed):
    series = outcome_series("drones_launched", folder=typed(TYPED.format(day="2026-01-31", drones=85)))
    assert series.index[-1] == pd.Timestamp("2026-01-31") and pd.isna(series["2026-01-30"]) and series.iloc[-1] == 85


@pytest.mark.parametrize(("drones", "said"), [(111, "as typed in from A"), (999, "but 999 typed in from A")])
def test_once_the_table_holds_the_night_what_was_typed_in_is_only_compared(typed, drones, said):
    cut = typed(TYPED.format(day="2026-01-30", drones=drones), as_of="2026-02-01")
    assert outcome_series("drones_launched", folder=cut)["2026-01-30"] == 111
    (line,) = compare_nights(folder=cut)
    assert line.startswith("30 January 2026: the table has 111 drones") and said in line


@pytest.mark.parametrize(
    ("old", "new", "field"),
    [
        ("drones = 111", "dronez = 111", "dronez"),
        ("drones = 111", "drones = -1", "drones"),
        ("drones = 111", "drones = true", "drones"),
        ("drones = 111", "", "drones"),
        ("seen_at = 2026-01-31", "seen_at = 2026-01-29", "day"),
        ("day = 2026-01-30", 'day = "30 January"', "day"),
        ("https://example.org/night", "example.org", "source"),
        ("[[night]]", TYPED.format(day="2026-01-30", drones=1) + "[[night]]", "day"),
    ],
)
def test_a_malformed_night_is_named(typed, old, new, field):
    cut = typed(TYPED.format(day="2026-01-30", drones=111).replace(old, new))
    with pytest.raises(DataError, match=rf"nights.toml, field night .*{field}"):
        pa.load_strikes(folder=cut)


def test_the_file_that_is_shipped_holds_no_night_and_is_cut_by_when_a_night_was_seen(tmp_path):
    assert compare_nights() == [] and "[[night]]" in (data_folder() / "nights.toml").read_text("utf-8")
    source = Path(shutil.copytree(data_folder(), tmp_path / "s", ignore=shutil.ignore_patterns("raw", "recipes")))
    (source / "nights.toml").write_text(TYPED.format(day="2026-01-30", drones=1), "utf-8")
    kept = [
        pa.cut_data(day, into=tmp_path / day, folder=source) / "nights.toml" for day in ("2026-01-30", "2026-01-31")
    ]
    assert [path.read_text("utf-8").count("[[night]]") for path in kept] == [0, 1]
