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
from packaging.specifiers import SpecifierSet

import analysis
import strike_pauses

ROOT = Path(__file__).parents[1]
PROJECT, TOOLS = (tomllib.loads((ROOT / "pyproject.toml").read_text())[name] for name in ("project", "tool"))
ORDERED = ("jupyterlab", "pandas", "seaborn", "statsmodels", "papermill", "pytest", "nbval")


def split(requirement):
    name, bounds = re.fullmatch(r"([A-Za-z0-9_-]+)(?:\[\w+\])?(.*)", requirement).groups()
    return name.lower().replace("_", "-"), bounds


def read(file):
    return (ROOT / file).read_text(encoding="utf-8")


def declared():
    extras = PROJECT["optional-dependencies"]
    return dict(split(line) for line in [*PROJECT["dependencies"], *extras["lab"], *extras["test"]])


def conda():
    lines = read("environment.yml").splitlines()
    named = [line.strip()[2:] for line in lines if re.match(r"  - [a-z]", line) and not line.strip().endswith(":")]
    return {name.removesuffix("-pandas"): bounds for name, bounds in map(split, named[1:])}


def test_conda_names_the_same_packages_and_bounds():
    ours = conda()
    assert ours.pop("python") == PROJECT["requires-python"]
    ours.pop("pip")
    assert ours == declared()


@pytest.mark.parametrize("name", ORDERED)
def test_every_ordered_package_is_there(name):
    assert name in conda()
    assert name in declared()


def test_the_lock_pins_every_package_and_nothing_but_versions():
    lines = [line for line in read("requirements.lock").splitlines() if not line.startswith("#")]
    assert all(re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.!+]+", line) for line in lines)
    pinned = {line.split("==")[0].lower().replace("_", "-").replace(".", "-") for line in lines}
    extras = [
        split(line)[0] for name in ("browser", "distributed", "docs") for line in PROJECT["optional-dependencies"][name]
    ]
    assert set(declared()) | set(extras) <= pinned
    assert "pyarrow" not in pinned  # importing pandas with it starts a thread, and a batch forks


def test_the_lock_keeps_the_declared_bounds():
    pins = re.findall(r"^([\w.-]+)==(.+)$", read("requirements.lock"), re.MULTILINE)
    pinned = {name.lower().replace("_", "-"): version for name, version in pins}
    outside = {name: pinned[name] for name, bounds in declared().items() if pinned[name] not in SpecifierSet(bounds)}
    assert outside == {}


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


def test_the_container_makes_environments_that_the_makefile_knows():
    make, *targets = json.loads(read(".devcontainer/devcontainer.json"))["postCreateCommand"].split()
    assert make == "make"
    assert [target for target in targets if f"\n{target}:" not in read("Makefile")] == []


def test_binder_installs_the_project_itself():
    assert yaml.safe_load(read("environment.yml"))["dependencies"][-1] == {"pip": ["-e ."]}


def test_before_a_commit_a_large_file_is_refused_and_a_small_one_is_not(tmp_path):
    (hooks,) = (repo["hooks"] for repo in yaml.safe_load(read(".pre-commit-config.yaml"))["repos"])
    (entry,) = (hook["entry"] for hook in hooks if hook["id"] == "file-size")
    small, large = tmp_path / "small file.csv", tmp_path / "large file.csv"
    small.write_bytes(bytes(1000))
    large.write_bytes(bytes(2**21 + 1))
    refused = subprocess.run([*shlex.split(entry), small, large], capture_output=True, text=True)
    assert refused.returncode == 1 and refused.stdout == f"{large}\n"
    assert subprocess.run([*shlex.split(entry), small]).returncode == 0


def test_the_import_is_light():
    heavy = "('pandas', 'statsmodels', 'seaborn', 'papermill')"
    probe = f"import sys, analysis; print([m for m in {heavy} if m in sys.modules])"
    shown = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True).stdout
    assert shown.strip() == "[]"


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
    hidden = {name.replace("-", "_") for name in set(declared()) - NEEDED} | {"IPython", "jupyter_client", "nbclient"}
    probe = HIDDEN.replace("{hidden}", str(hidden | {"dask", "distributed", "yaml", "traitlets"}))
    shown = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True)
    assert (shown.returncode, shown.stdout.strip()) == (0, ";".join(["no visible change"] * 4)), shown.stderr


def test_help_needs_no_heavy_import():
    probe = (
        "import sys\nfrom analysis.cli import main\n"
        "try: main(['--help'])\nexcept SystemExit: pass\n"
        "print([m for m in ('pandas', 'numpy', 'papermill', 'nbconvert') if m in sys.modules])"
    )
    shown = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True).stdout
    assert shown.splitlines()[-1] == "[]"


def test_the_pages_are_published_by_commands_that_exist():
    workflow = yaml.safe_load(read(".github/workflows/pages.yml"))
    assert workflow[True] == {"push": {"tags": ["v*"]}}  # YAML reads the word on as a truth value
    runs = [step["run"] for step in workflow["jobs"]["publish"]["steps"] if "run" in step]
    targets = set(re.findall(r"^([a-z]+):", read("Makefile"), re.MULTILINE))
    assert set(runs[0].removeprefix("make ").split()) <= targets and "reports/*.html" in runs[1]
    assert "docs/_build/html site/docs" in runs[1] and "html docs docs/_build" in read("Makefile")
