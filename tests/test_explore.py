"""Looking around: a choice says what the report of that choice says, and a refusal is words, never a traceback."""

import base64
import html
import io
import os
import re
import shlex
import subprocess
import sys
from datetime import date
from itertools import pairwise
from pathlib import Path
from urllib.parse import unquote

import nbformat
import pandas as pd
import pytest
from made_up import code
from nbformat import v4

import analysis as pa
from analysis.effect import KEY
from analysis.errors import DesignError, RegistryError
from analysis.reports.make import effect_rows, normalise
from analysis.reports.parameters import check_parameters, declared_parameters
from analysis.tables import data_folder

NOTEBOOKS = Path(__file__).parents[1] / "notebooks"
PAUSE = "us-three-day-2026-05"


@pytest.mark.parametrize(
    ("pause", "claim", "outcome", "baseline_days"),
    [
        (PAUSE, "main", "missiles_launched", 0),
        ("easter-2025", "russia", "drones_launched", 0),
        ("energy-moratorium-2025-03", "main", "drones_launched", 0),  # its verdict depends on the start
        ("cold-week-pause-2026-01", "ukraine", "drones_launched", 180),
        ("orthodox-christmas-2023", "main", "drones_claimed_by_russia", 0),  # before the data
    ],
)
def test_a_choice_says_what_its_report_says(pause, claim, outcome, baseline_days):
    found = pa.explore_pause(pause, claim=claim, outcome=outcome, baseline_days=baseline_days)
    report = pa.assess(pause, claim=claim, outcomes=[outcome], baseline=baseline_days or None)
    assert found.effect == report.primary(outcome)
    assert found.n_shared == 0 or pause == PAUSE


def test_a_moved_window_says_what_its_exported_claim_would_say(tmp_path):
    found = pa.explore_pause(PAUSE, shift_start=-2, shift_end=3)
    entry = found.export().split("# This choice")[0].split("\n", 1)[1]
    registry, last = (data_folder() / "pauses.toml").read_text(encoding="utf-8"), f'id = "{PAUSE}"'
    before, after = registry.split(last)
    own, *others = after.split("\n[[pause]]")
    (tmp_path / "pauses.toml").write_text("\n[[pause]]".join([f"{before}{last}{own}\n{entry}", *others]), "utf-8")
    report = pa.assess(
        PAUSE, claim=found.claim, outcomes=["drones_launched"], registry=pa.load_pauses(tmp_path / "pauses.toml")
    )
    assert found.effect == report.primary("drones_launched")
    assert found.effect != pa.explore_pause(PAUSE).effect
    assert (found.effect.first_day.day, found.effect.last_day.day, found.n_shared) == (7, 14, 3)


def test_the_exported_parameters_are_those_of_the_notebook():
    given = pa.explore_pause(PAUSE, claim="russia", baseline_days=180).parameters()
    assert check_parameters(declared_parameters(NOTEBOOKS / "pause.ipynb"), given) == given


def test_the_exported_command_makes_a_notebook_of_the_choice(tmp_path):
    found = pa.explore_pause("orthodox-easter-2026", claim="russia", baseline_days=270)
    (tmp_path / "notebooks").symlink_to(NOTEBOOKS)
    command = [sys.executable, "-m", *shlex.split(found.command()), "--no-progress-bar"]
    subprocess.run(command, cwd=tmp_path, env=os.environ | {"PYTHONWARNINGS": ""}, check=True, capture_output=True)
    rows = effect_rows(nbformat.read(tmp_path / "explored.ipynb", as_version=4))
    own = found.effect.row() | {"claim": "russia"}
    (row,) = [row for row in rows if all(row[name] == own[name] for name in KEY)]
    assert (row["verdict"], row["ratio_high"]) == (own["verdict"], own["ratio_high"])
    assert row["expected"] == pytest.approx(own["expected"])


def test_a_window_without_days_and_a_claim_without_window_are_refused():
    with pytest.raises(DesignError, match="ends before it starts; expected an end on 13 May 2026 or later"):
        pa.explore_pause(PAUSE, shift_start=4)
    with pytest.raises(RegistryError, match="choose a claim with a window: accepted, russia"):
        pa.explore_pause("easter-2025", claim="ukraine", shift_end=1)
    assert "the data end on" in pa.explore_pause("capitals-pause-2026-09").summary()


def test_looking_around_needs_no_widgets_until_the_panel_is_made():
    probe = "import sys, analysis; analysis.explore_pause('easter-2025'); print('ipywidgets' in sys.modules)"
    shown = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True).stdout
    assert shown.strip() == "False"


@pytest.fixture
def panel():
    return pa.ExplorationPanel(PAUSE)


@pytest.mark.parametrize(
    ("control", "value", "exported"),
    [
        ("pause_id", "orthodox-easter-2026", "-p pause_id orthodox-easter-2026 "),
        ("outcome", "missiles_launched", "-p outcomes missiles_launched "),
        ("baseline_days", 90, "-p baseline_days 90"),
        ("window", (date(2026, 5, 9), date(2026, 5, 15)), "end = 2026-05-15"),
    ],
)
def test_sentence_pictures_and_export_follow_every_control(panel, control, value, exported):
    shown = ("verdict", "series", "placebo", "export")
    before = {name: getattr(panel, name).value for name in shown}
    panel.controls[control].value = value
    assert all(getattr(panel, name).value != before[name] for name in shown)
    assert '<img alt="Daily ' in panel.series.value and exported in panel.export.value


def test_another_pause_offers_its_own_claims_with_unmoved_edges(panel):
    panel.controls["window"].value = (date(2026, 5, 6), date(2026, 5, 11))
    panel.controls["pause_id"].value = "victory-day-2025"
    assert panel.controls["claim"].options == (("russia (main)", "russia"), ("ukraine: no window stated", "ukraine"))
    assert panel.controls["window"].value == (date(2025, 5, 8), date(2025, 5, 10))
    panel.controls["pause_id"].value = "orthodox-christmas-2023"
    offered = {name: label for label, name in panel.controls["outcome"].options}
    assert "usable only from" in offered["drones_claimed_by_russia"]


@pytest.mark.parametrize(
    ("choice", "words"),
    [
        ({"pause_id": "easter-2025", "claim": "ukraine"}, "Window not stated (from 2025-04-19 18:00+03:00)"),
        ({"pause_id": "body-recovery-pauses-2025"}, "no party named one"),
    ],
)
def test_what_cannot_be_asked_shows_the_refusal_and_nothing_else(panel, choice, words):
    for control, value in choice.items():
        panel.controls[control].value = value
    assert words in panel.verdict.value
    assert not panel.series.value + panel.placebo.value + panel.export.value


@pytest.mark.parametrize("leave", ["pause", "button"])
def test_another_pause_and_the_button_take_the_rule_again(panel, leave):
    panel.controls["claim"].value = "russia"
    assert "-p claim russia " in panel.export.value
    panel.controls["outcome"].value = "missiles_launched"
    panel.controls["window"].value = (date(2026, 5, 5), date(2026, 5, 5))
    assert "Not by the rule of the reports: " in panel.verdict.value
    if leave == "pause":
        panel.controls["pause_id"].value = "energy-moratorium-2025-03"
    else:
        panel.reset.click()
    report = pa.explore_pause(panel.controls["pause_id"].value).summary()
    assert report in plain(panel.verdict.value) and "This is the choice of the report" in panel.verdict.value
    chosen = [panel.controls[name].value for name in ("claim", "outcome", "baseline_days")]
    assert chosen == ["accepted", "drones_launched", 0]


def plain(shown):
    """The words of some HTML."""
    return " ".join(html.unescape(re.sub("<[^>]*>", "", shown)).split())


DEPARTURES = [
    ({"claim": "russia"}, 'claim "russia" instead of "accepted"', PAUSE),
    ({"baseline_days": 60}, "a baseline of 60 days instead of 700", "energy-moratorium-2025-03"),
    ({"outcome": "cruise_launched"}, "instead of drones or missiles", PAUSE),
    ({"shift_start": -1, "shift_end": 2}, "8 to 13 May 2026 instead of 9 to 11 May 2026", PAUSE),
]


@pytest.mark.parametrize(("choice", "words", "pause"), DEPARTURES)
def test_what_departs_from_the_rule_says_so_everywhere_and_the_report_stands_beside(choice, words, pause):
    found = pa.explore_pause(pause, **choice)
    report = pa.assess(pause).primary("drones_launched")
    assert words in found.summary() and words in found.export() and words in found.citation()
    assert f'by the rule (claim "accepted"): {report.summary()}' in found.report_says()
    for ax in (found.plot(), found.plot_placebo()):
        assert words in " ".join(ax.figure.get_suptitle().split())
    assert eval(found.call, {"pa": pa}) == found


@pytest.mark.parametrize("choice", [{}, {"outcome": "missiles_launched"}, {"baseline_days": 365}])
def test_the_choice_of_the_report_departs_from_nothing(choice):
    found = pa.explore_pause(PAUSE, **choice)
    assert not found.departure() and not found.plot().figure.get_suptitle()
    assert found.summary() == found.effect.summary()
    assert "It has no report." in pa.explore_pause("capitals-pause-2026-09").report_says()


def test_a_window_longer_than_a_year_can_be_moved_too_and_the_pictures_keep_their_room(panel, recwarn):
    panel.controls["pause_id"].value = "black-sea-grain-initiative"
    panel.controls["claim"].value = "all"
    assert panel.controls["window"].value == (date(2022, 7, 22), date(2023, 7, 17))
    panel.controls["window"].value = (date(2022, 7, 23), date(2023, 7, 17))
    assert "from 23 July 2022 to 17 July 2023" in plain(panel.verdict.value)
    panel.controls["baseline_days"].value = 60
    panel.controls["outcome"].value = "drones_claimed_by_russia"
    assert not [str(w.message) for w in recwarn if "axes" in str(w.message)]
    ax = pa.explore_pause("black-sea-grain-initiative", claim="all").plot()
    ax.figure.canvas.draw()
    words = [label.get_window_extent() for label in ax.get_xticklabels()]
    assert all(left.x1 < right.x0 for left, right in pairwise(words))


def test_it_says_while_it_computes_and_offers_the_pictures_and_days_as_files(panel):
    seen = []
    panel.busy.observe(lambda change: seen.append(change["new"]), names="value")
    panel.controls["baseline_days"].value = 60
    assert "computing" in seen[0] and seen[-1] == "" == panel.busy.value
    files = dict(re.findall(r'download="([^"]*)" href="([^"]*)"', panel.series.value + panel.export.value))
    png, vector, table = (files[f"{PAUSE}-drones_launched-days.{kind}"] for kind in ("png", "svg", "csv"))
    assert base64.b64decode(png.split(",")[1]).startswith(b"\x89PNG")
    assert "Not by the rule" in unquote(vector) and unquote(vector.split(",", 1)[1]).startswith("<svg ")
    days = pd.read_csv(io.StringIO(unquote(table.split(",", 1)[1])))
    assert days["day"].is_monotonic_increasing and days["departure"].str.startswith("Not by the rule").all()


def test_stored_notebooks_keep_no_widget_of_a_dead_kernel(panel):
    shown = panel._repr_mimebundle_()
    cell = code("panel")
    cell.outputs = [v4.new_output("execute_result", shown, execution_count=1)]
    normalise(v4.new_notebook(cells=[cell]))
    assert len(shown) == 2 and set(cell.outputs[0].data) == {"text/plain"}
