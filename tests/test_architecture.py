"""A room imports only from rooms before it; no module outgrows one sitting."""

import ast
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src" / "analysis"
ROOMS = [
    "errors", "strikedays", "registry", "pauses", "tables", "tablechecks", "nullmodel", "placebo", "layout",
    "sentences", "phrases", "figures", "salvos", "effects", "evidence", "joint", "estimation", "assessment",
    "procedure", "results", "coverage", "comparison", "outlook",
    "regions.figures", "regions.estimates", "regions.assessment",
    "energy.shares", "energy.firth", "energy.coding", "energy.measures", "energy.wording", "energy.reciprocity",
    "energy.assessment", "energy.procedure", "energy.overview",
    "sensitivity.choices", "sensitivity.figures", "sensitivity.curve", "sensitivity.assessment",
    "calibration.simulate", "calibration.eras", "calibration.study", "calibration.trials", "calibration.plan",
    "calibration.realseries", "calibration.table", "calibration.promises", "calibration.figures",
]  # fmt: skip
FILES = sorted(path for path in SOURCE.rglob("*.py") if path.name != "__init__.py")
STATISTICS = [SOURCE / f"{room.replace('.', '/')}.py" for room in ROOMS]
DOORS, APART = ["explore", "cli"], ["sources", "reports"]


def imported(path):
    """Rooms a module imports, wherever in it the import stands."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "analysis":
            yield node.module.removeprefix("analysis.")


@pytest.mark.parametrize("room", ROOMS)
def test_imports_go_one_way(room):
    later = set(ROOMS[ROOMS.index(room) :])
    lazy = {("sentences", "tables"), ("tables", "tablechecks")}
    for other in imported(SOURCE / f"{room.replace('.', '/')}.py"):
        assert other not in later or (room, other) in lazy, f"{room} imports {other}, which comes after it"


@pytest.mark.parametrize("path", STATISTICS, ids=str)
def test_core_knows_nothing_of_papermill_jupyter_or_the_batch(path):
    text = path.read_text(encoding="utf-8")
    for foreign in ("papermill", "nbconvert", "nbformat", "jupyter", "analysis.reports", "analysis.sources", "IPython"):
        assert f"import {foreign}" not in text, foreign
        assert f"from {foreign}" not in text, foreign


def test_every_module_of_the_statistics_has_its_place():
    others = {SOURCE / f"{door}.py" for door in DOORS} | {path for path in FILES if path.parent.name in APART}
    assert sorted(STATISTICS) == [path for path in FILES if path not in others]


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_no_module_outgrows_300_lines(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 300
