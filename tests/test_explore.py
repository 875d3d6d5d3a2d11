"""Looking around: a choice says what the report of that choice says, and a refusal is words, never a traceback."""

import os
import shlex
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from made_up import code
from nbformat import v4

import analysis as pa
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
    (row,) = [
        row
        for row in effect_rows(nbformat.read(tmp_path / "explored.ipynb", as_version=4))
        if (row["claim"], row["window"], row["stratum"]) == ("russia", "pause", "national")
        and (row["test"], row["outcome"]) == (found.effect.test, found.effect.outcome)
    ]
    assert row["verdict"] == found.effect.verdict
    assert row["ratio_high"] == found.effect.ratio_high and row["expected"] == pytest.approx(found.effect.expected)


def test_a_window_without_days_and_a_claim_without_window_are_refused():
    with pytest.raises(DesignError, match="ends before it starts; expected an end on 2026-05-13 or later"):
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
    ("control", "value"),
    [("pause_id", "orthodox-easter-2026"), ("outcome", "missiles_launched"), ("baseline_days", 90), ("shift_end", 4)],
)
def test_sentence_pictures_and_export_follow_every_control(panel, control, value):
    shown = ("verdict", "series", "placebo", "export")
    before = {name: getattr(panel, name).value for name in shown}
    panel.controls[control].value = value
    assert all(getattr(panel, name).value != before[name] for name in shown)
    assert '<img alt="Daily ' in panel.series.value and "\n# The same parameters" in panel.export.value


def test_another_claim_is_exported_by_its_id(panel):
    panel.controls["claim"].value = "russia"
    assert "-p claim russia " in panel.export.value


def test_another_pause_offers_its_own_claims_with_unmoved_edges(panel):
    panel.controls["shift_start"].value = -3
    panel.controls["pause_id"].value = "victory-day-2025"
    assert panel.controls["claim"].options == (("russia (main)", "russia"), ("ukraine: no window stated", "ukraine"))
    assert panel.controls["shift_start"].value == 0
    assert "from 8 to 10 May 2025" in panel.verdict.value


@pytest.mark.parametrize(
    ("choice", "words"),
    [
        ({"pause_id": "easter-2025", "claim": "ukraine"}, "window not stated (from 2025-04-19 18:00+03:00)"),
        ({"pause_id": "body-recovery-pauses-2025"}, "no party named one"),
        ({"shift_start": 9}, "the moved window ends before it starts"),
    ],
)
def test_what_cannot_be_asked_shows_the_refusal_and_nothing_else(panel, choice, words):
    for control, value in choice.items():
        panel.controls[control].value = value
    assert words in panel.verdict.value
    assert not panel.series.value + panel.placebo.value + panel.export.value


def test_stored_notebooks_keep_no_widget_of_a_dead_kernel(panel):
    shown = panel._repr_mimebundle_()
    cell = code("panel")
    cell.outputs = [v4.new_output("execute_result", shown, execution_count=1)]
    normalise(v4.new_notebook(cells=[cell]))
    assert len(shown) == 2 and set(cell.outputs[0].data) == {"text/plain"}
