"""One set of versions, named in pyproject.toml; every other place that names one agrees with it."""

import json
import re
import shlex
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import analysis
import strike_pauses

ROOT = Path(__file__).parents[1]
PROJECT, TOOLS = (tomllib.loads((ROOT / "pyproject.toml").read_text())[name] for name in ("project", "tool"))
EXTRAS = PROJECT["optional-dependencies"]


def read(file):
    return (ROOT / file).read_text(encoding="utf-8")


def bounds(lines):
    return {canonicalize_name(need.name): need.specifier for need in map(Requirement, lines)}


DECLARED = bounds([*PROJECT["dependencies"], *EXTRAS["lab"], *EXTRAS["test"]])


def test_conda_names_the_same_packages_and_bounds_and_installs_the_project():
    *lines, last = yaml.safe_load(read("environment.yml"))["dependencies"]
    named = bounds(lines)
    assert str(named.pop("python")) == PROJECT["requires-python"] and last == {"pip": ["-e ."]}
    named.pop("pip")
    assert named == DECLARED


def test_the_lock_pins_every_package_within_the_declared_bounds_and_holds_nothing_but_versions():
    lines = [line for line in read("requirements.lock").splitlines() if not line.startswith("#")]
    pinned = {canonicalize_name(name): version for name, version in (line.split("==") for line in lines)}
    assert all(re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.!+]+", line) for line in lines)
    needed = DECLARED | bounds([*EXTRAS["browser"], *EXTRAS["distributed"], *EXTRAS["docs"]])
    assert [name for name, bound in needed.items() if pinned.get(name) not in bound] == []
    assert "pyarrow" not in pinned  # importing pandas with it starts a thread, and a batch forks


def test_every_place_names_the_same_python():
    floor = PROJECT["requires-python"].removeprefix(">=")
    assert TOOLS["ruff"]["target-version"] == f"py{floor.replace('.', '')}"
    assert f"sys.version_info < ({floor.replace('.', ', ')})" in read("Makefile")
    assert json.loads(read(".devcontainer/devcontainer.json"))["image"] == f"python:{floor}"
    for page in ("README.md", "Makefile", "docs/index.md", "docs/new-pause.md", "docs/places.md"):
        assert set(re.findall(r"Python (\d\.\d+)", read(page))) == {floor}, page


def test_every_place_names_the_same_version_of_the_project():
    version, day = re.search(r"^## \[(\d.*?)\] - (.*)$", read("CHANGELOG.md"), re.MULTILINE).groups()
    cited = yaml.safe_load(read("CITATION.cff"))
    assert (version, version, day) == (PROJECT["version"], cited["version"], str(cited["date-released"]))
    assert analysis.__version__ == strike_pauses.__version__ == metadata.version("strike-pauses")


def test_places_that_run_make_name_commands_that_exist_and_so_does_the_list_of_commands():
    targets = set(re.findall(r"^(\S+):.*$", read("Makefile"), re.MULTILINE))
    workflow = yaml.safe_load(read(".github/workflows/pages.yml"))
    assert workflow[True] == {"push": {"tags": ["v*"]}}  # YAML reads the word on as a truth value
    runs = [step["run"] for step in workflow["jobs"]["publish"]["steps"] if "run" in step]
    assert "reports/*.html" in runs[1] and "docs/_build/html site/docs" in runs[1]
    made = json.loads(read(".devcontainer/devcontainer.json"))["postCreateCommand"]
    listed = re.findall(r"^make (\w+)  ", read("CONTRIBUTING.md"), re.MULTILINE)
    assert {*made.split()[1:], *runs[0].split()[1:], *listed} <= targets
    assert {"check", "test", "lock"} <= set(listed)


def test_before_a_commit_a_large_file_is_refused_and_a_small_one_is_not(tmp_path):
    (hooks,) = (repo["hooks"] for repo in yaml.safe_load(read(".pre-commit-config.yaml"))["repos"])
    (entry,) = (hook["entry"] for hook in hooks if hook["id"] == "file-size")
    small, large = tmp_path / "small file.csv", tmp_path / "large file.csv"
    small.write_bytes(bytes(1000))
    large.write_bytes(bytes(2**21 + 1))
    refused = subprocess.run([*shlex.split(entry), small, large], capture_output=True, text=True)
    assert refused.returncode == 1 and refused.stdout == f"{large}\n"
    assert subprocess.run([*shlex.split(entry), small]).returncode == 0


def run(program):
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)


@pytest.mark.parametrize(
    "doing", ["import analysis", "from analysis.cli import main; main(['--help'], standalone_mode=False)"]
)
def test_the_import_and_the_help_need_no_heavy_library(doing):
    heavy = ("pandas", "numpy", "scipy", "statsmodels", "seaborn", "papermill", "nbconvert")
    shown = run(f"{doing}\nimport sys\nprint([name for name in {heavy} if name in sys.modules])")
    assert shown.stdout.splitlines()[-1] == "[]", shown.stderr


HIDDEN = """
import importlib.abc, sys
class Hide(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {hidden}:
            raise ImportError("hidden: " + name)
sys.meta_path.insert(0, Hide())
import numpy as np, pandas as pd
import analysis as pa
days = pd.date_range("2023-01-01", periods=500)
calls = pd.Series(np.random.default_rng(1).poisson(90.0, 500).astype(float), days, name="calls")
one, two = days[450:453], days[400:402]
found = [pa.estimate_effect(calls, one), pa.estimate_joint([(calls, one), (calls, two)], draws=99)]
found += [pa.estimate_share(calls, calls + 50, one), pa.estimate_rebound(calls, one)]
print(*(effect.verdict for effect in found), sep=";")
"""
NEEDED = {"numpy", "pandas", "scipy", "lazy-loader"}  # by the tests of windows; dateutil comes with pandas


def test_the_tests_of_windows_need_nothing_of_jupyter_reports_or_pictures():
    hidden = {name.replace("-", "_") for name in set(DECLARED) - NEEDED} | {"IPython", "jupyter_client", "nbclient"}
    shown = run(HIDDEN.replace("{hidden}", str(hidden | {"dask", "distributed", "yaml", "traitlets"})))
    assert (shown.returncode, shown.stdout.strip()) == (0, ";".join(["no visible change"] * 4)), shown.stderr
