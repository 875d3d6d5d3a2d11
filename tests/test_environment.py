"""One set of packages, named in pyproject.toml; the lock and environment.yml agree with it."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
ORDERED = ("jupyterlab", "pandas", "seaborn", "statsmodels", "papermill", "pytest", "nbval")


def split(requirement):
    name, bounds = re.fullmatch(r"([A-Za-z0-9_-]+)(?:\[\w+\])?(.*)", requirement).groups()
    return name.lower().replace("_", "-"), bounds


def declared():
    extras = PROJECT["optional-dependencies"]
    return dict(split(line) for line in [*PROJECT["dependencies"], *extras["lab"], *extras["test"]])


def conda():
    lines = (ROOT / "environment.yml").read_text().splitlines()
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
    lines = [line for line in (ROOT / "requirements.lock").read_text().splitlines() if not line.startswith("#")]
    assert all(re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.!+]+", line) for line in lines)
    pinned = {line.split("==")[0].lower().replace("_", "-").replace(".", "-") for line in lines}
    assert set(declared()) <= pinned
    assert "pyarrow" not in pinned  # importing pandas with it starts a thread, and a batch forks


def test_the_import_is_light():
    heavy = "('pandas', 'statsmodels', 'seaborn', 'papermill')"
    probe = f"import sys, analysis; print([m for m in {heavy} if m in sys.modules])"
    shown = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True).stdout
    assert shown.strip() == "[]"


def test_help_needs_no_heavy_import():
    probe = (
        "import sys\nfrom analysis.cli import main\n"
        "try: main(['--help'])\nexcept SystemExit: pass\n"
        "print([m for m in ('pandas', 'numpy', 'papermill', 'nbconvert') if m in sys.modules])"
    )
    shown = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True).stdout
    assert shown.splitlines()[-1] == "[]"
