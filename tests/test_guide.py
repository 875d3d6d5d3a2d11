"""The guide to a new pause, followed literally in a copy of the project."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
GUIDE = (ROOT / "docs" / "new-pause.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```sh\n(.*?)^```$", GUIDE, re.DOTALL | re.MULTILINE)


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    """The parts of the project that the commands use, with the interpreter of this run as .venv."""
    copy = tmp_path_factory.mktemp("clone")
    for part in ("src", "data", "notebooks", "reports"):
        shutil.copytree(ROOT / part, copy / part, ignore=shutil.ignore_patterns("raw", "*.html", "executed", ".cache"))
    shutil.copy(ROOT / "README.md", copy)
    (copy / ".venv").mkdir()
    (copy / ".venv" / "bin").symlink_to(Path(sys.executable).parent)
    return copy


def follow(copy, *words):
    """Run the one block that holds all of these words and return what it printed."""
    (block,) = (block for block in BLOCKS if all(word in block for word in words))
    block = block.replace("pauses report made-up", "pauses report --only pause made-up")  # one notebook is enough here
    environ = os.environ | {"PYTHONPATH": str(copy / "src")}
    run = subprocess.run(["bash", "-euc", block], cwd=copy, env=environ, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr
    return " ".join(run.stdout.split())


def test_a_pause_after_the_data_says_what_is_missing_and_what_it_could_reveal(copy):
    shown = follow(copy, "show capitals")
    assert "hold 0 of its 3 days; missing: 2026-09-05 to 2026-09-07" in shown
    assert "In 3 nights of long-range drones launched" in shown and "a cut by half" in shown


def test_a_made_up_pause_inside_the_data_reaches_the_index(copy):
    follow(copy, "cat >>")
    shown = follow(copy, "show made-up", "test made-up")
    assert "hold 3 of its 3 days." in shown
    assert re.search(r"\b(FEWER|MORE|NO VISIBLE CHANGE|NOT TESTABLE)\b", shown)
    follow(copy, "report made-up")
    index = (copy / "reports" / "index.html").read_text(encoding="utf-8")
    assert "Made-up truce, March 2026" in index and 'href="made-up-2026-03.html"' in index
    assert "made-up-2026-03,russia,drones_launched" in (copy / "reports" / "results.csv").read_text(encoding="utf-8")
    made = {path.name for path in (copy / "reports").glob("made-up*.html")}
    assert made == {"made-up-2026-03.html", "made-up-2026-03-evidence.html"}
    assert "rm reports/made-up-2026-03*.html reports/executed/" in BLOCKS[-1]
