"""The wheel holds code, data and notebooks: all commands work from it in an empty folder."""

import importlib.util
import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from made_up_raw import GOOD, put

ROOT = Path(__file__).parents[1]
REQUIRES = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["build-system"]["requires"]
PRIVATE = ("raw/missile_attacks_daily.csv", "energy_acled.csv")


def pip(*words, path=""):
    command = [sys.executable, "-m", "pip", *words, "--quiet", "--disable-pip-version-check"]
    return subprocess.run(command, env=os.environ | {"PYTHONPATH": str(path)}, capture_output=True, text=True)


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """The wheel, built beside raw files, in a folder of its own; other libraries are those of this environment."""
    tools, wheels, place, top = (tmp_path_factory.mktemp(name) for name in ("tools", "wheels", "place", "source"))
    for part in ("src", "data", "notebooks"):
        shutil.copytree(ROOT / part, top / part)
    for file in ("pyproject.toml", "README.md", "LICENSE", ".gitignore"):
        shutil.copy(ROOT / file, top)
    (top / "data" / "raw").mkdir(exist_ok=True)
    for file in PRIVATE:
        (top / "data" / file).write_text("not to be passed on", encoding="utf-8")
    if importlib.util.find_spec("hatchling") is None:
        got = pip("install", "--retries", "0", "--target", tools, *REQUIRES)
        if got.returncode:
            pytest.skip(f"no wheel can be built here: {REQUIRES[0]} is not installed and cannot be had")
    built = pip("wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", wheels, top, path=tools)
    assert built.returncode == 0, built.stderr
    placed = pip("install", "--no-deps", "--no-index", "--target", place, *wheels.glob("*.whl"))
    assert placed.returncode == 0, placed.stderr
    return place


@pytest.fixture
def run(installed, tmp_path):
    """Run a program of the wheel in an empty folder, which it leaves empty."""

    def run(*words, answer=""):
        program = [sys.executable, *words] if words[0] == "-c" else [installed / "bin" / "pauses", *words]
        environ = os.environ | {"PYTHONPATH": str(installed)}
        return subprocess.run(program, cwd=tmp_path, env=environ, capture_output=True, text=True, input=answer)

    yield run
    assert list(tmp_path.iterdir()) == []


def test_code_and_data_come_from_the_wheel(installed, run):
    shown = run("-c", "import analysis.pauses as p; print(p.__file__, p.data_folder(), sep='\\n')").stdout.splitlines()
    assert shown == [str(installed / "analysis" / "pauses.py"), str(installed / "analysis" / "_data")]


def test_tables_are_built_by_the_recipes_of_the_wheel(run, installed, tmp_path_factory):
    raw = put(tmp_path_factory.mktemp("raw"), GOOD["air_force"])[0].parent
    before = (installed / "analysis" / "_data" / "strikes.csv").read_bytes()
    shown = run("data", "build", "--older", "--raw", str(raw), answer="n\n")
    assert shown.returncode == 0, shown.stderr
    assert "air_force: date by end: 2 rows" in shown.stdout and "Nothing was changed." in shown.stdout
    assert (installed / "analysis" / "_data" / "strikes.csv").read_bytes() == before


def test_raw_files_and_private_tables_stay_out(installed):
    data = installed / "analysis" / "_data"
    assert [file for file in PRIVATE if (data / file).exists()] == []
    assert (installed / "analysis" / "py.typed").is_file()
    ours = subprocess.run(["git", "ls-files", "data"], cwd=ROOT, capture_output=True, text=True).stdout.split()
    assert [file for file in ours if not (data.parent / file.replace("data/", "_data/", 1)).is_file()] == []


@pytest.mark.parametrize(
    ("command", "told"),
    [
        ("list", "victory-day-2025"),
        ("show capitals-pause-2026-09", "hold 0 of its 3 days"),
        ("test victory-day-2025", "FEWER"),
        ("data check", "All tables are as"),
        ("--version", "0."),
    ],
)
def test_commands_that_need_no_notebooks_work(run, command, told):
    shown = run(*command.split())
    assert shown.returncode == 0 and told in shown.stdout, shown.stderr


def test_reports_are_made_outside_a_clone_where_they_are_told_to_go(run, tmp_path_factory):
    shown = run("report")
    assert shown.returncode == 2 and "Traceback" not in shown.stderr
    assert "outside a clone reports need a place. To do: add --out FOLDER" in shown.stderr
    place = tmp_path_factory.mktemp("reports")
    shown = run("report", "easter-2025", "--only", "pause", "--out", str(place), "--quiet")
    assert shown.returncode == 0, shown.stderr
    assert {"easter-2025.html", "index.html", "results.csv", "scorecard.csv"} <= {path.name for path in place.iterdir()}
