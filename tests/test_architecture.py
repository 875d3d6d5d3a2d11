"""A room imports only from rooms before it; no module outgrows one sitting."""

import ast
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src" / "analysis"
CORE = [
    "errors", "strikedays", "registry", "pauses", "tables", "tablechecks", "nullmodel", "placebo", "layout",
    "sentences", "salvos", "figures", "regionfigures", "effects", "evidence", "joint", "estimation", "regions",
    "assessment", "procedure", "sirens", "shares", "firth", "energy", "reciprocity", "sparing", "energyprocedure",

    "results", "coverage", "comparison", "outlook",
]  # fmt: skip
FILES = sorted(path for path in SOURCE.rglob("*.py") if path.name != "__init__.py")


def imported(path):
    """Rooms a module imports, wherever in it the import stands."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "analysis":
            yield node.module.removeprefix("analysis.")


@pytest.mark.parametrize("room", CORE)
def test_imports_go_one_way(room):
    later = set(CORE[CORE.index(room) :])
    lazy = {("sentences", "tables"), ("tables", "tablechecks"), ("effects", "figures"), ("salvos", "figures")}
    for other in imported(SOURCE / f"{room}.py"):
        assert other not in later or (room, other) in lazy, f"{room} imports {other}, which comes after it"


@pytest.mark.parametrize("path", [p for p in FILES if p.parent == SOURCE and p.stem not in ("cli", "explore")], ids=str)
def test_core_knows_nothing_of_papermill_jupyter_or_the_batch(path):
    text = path.read_text(encoding="utf-8")
    for foreign in ("papermill", "nbconvert", "nbformat", "jupyter", "analysis.batch", "analysis.sources", "IPython"):
        assert f"import {foreign}" not in text, foreign
        assert f"from {foreign}" not in text, foreign


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_no_module_outgrows_300_lines(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 300
