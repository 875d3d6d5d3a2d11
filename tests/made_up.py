"""Made-up series for tests of the statistics, and small notebooks that keep the conventions for tests of the batch."""

import hashlib
import json
import shutil
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from nbformat import v4, write

from analysis.errors import DesignError
from analysis.tables import data_folder

DAYS = pd.date_range("2024-01-01", periods=1400, name="day")


def noisy(seed=1, *, mean=120.0, growth=0.5, size=6, days=DAYS):
    """Overdispersed counts with a trend and quieter Sundays."""
    generator = np.random.default_rng(seed)
    level = mean * np.exp(growth * np.linspace(-1, 1, len(days))) * np.where(days.day_of_week == 6, 0.8, 1.1)
    return pd.Series(generator.negative_binomial(size, size / (size + level)).astype(float), index=days, name="raids")


def smooth(days=DAYS):
    """A series without noise that the null model can follow exactly."""
    level = 200 * np.exp(0.4 * np.linspace(-1, 1, len(days))) * np.where(days.day_of_week == 6, 0.8, 1.1)
    return pd.Series(level, index=days, name="raids")


def cut(counts, window, share):
    """The series with a share of the window's counts gone."""
    changed = counts.copy()
    changed[window] = changed[window] * (1 - share)
    return changed


def statsmodels_mean(X, counts, rows, offset=None):
    """Poisson means of all days, fitted by statsmodels to the days in `rows`."""
    import statsmodels.api as sm

    chosen = None if offset is None else offset[rows]
    fit = sm.GLM(counts[rows], X[rows], family=sm.families.Poisson(), offset=chosen).fit(maxiter=300, tol=1e-13)
    return np.exp(X @ fit.params + (0 if offset is None else offset))


@contextmanager
def refused(*parts):
    """A refusal by a DesignError whose words hold all parts."""
    with pytest.raises(DesignError) as refusal:
        yield
    for part in parts:
        assert part in str(refusal.value)


def revised_strikes(change):
    """strikes.csv as `change` leaves its frame of text, and its sidecar."""
    table = change(pd.read_csv(data_folder() / "strikes.csv", dtype=str, keep_default_na=False))
    return signed("strikes", table.to_csv(index=False, lineterminator="\n").encode())


def signed(name, content):
    """A table and its sidecar, which vouches for it."""
    beside = json.loads((data_folder() / f"{name}.json").read_text("utf-8"))
    beside["output"]["sha256"] = hashlib.sha256(content).hexdigest()
    return {f"{name}.csv": content, f"{name}.json": json.dumps(beside).encode()}


def copied_tables(place, contents=None):
    """A copy of the tables with some files of other content."""
    folder = Path(shutil.copytree(data_folder(), place, ignore=shutil.ignore_patterns("raw", "recipes")))
    for name, content in (contents or {}).items():
        (folder / name).write_bytes(content)
    return folder


PARAMETERS = 'pause_id: str = "easter-2025"  # which pause\nlevel: float = 0.95  # level of the tests (0.5 to 0.999)'
IMPORTS = """from dataclasses import replace
from IPython.display import Markdown, display
from analysis.effect import EffectsRecord, example_effect
effect = replace(example_effect(), pause=pause_id, outcome="drones_launched")"""
RECORD = "EffectsRecord((effect,))"
FIGURE = """import matplotlib.pyplot as plt
from analysis import Picture
axes = plt.figure(figsize=(4, 2)).add_subplot()
bars = axes.bar(range(9), range(9))
Picture(axes, "Nine bars, each higher than the last")"""
FAULTS = """import os, sys, time, signal
fault = {
    "raises": "raise ValueError('no such window')", "exits": "os._exit(0)", "hangs": "time.sleep(600)",
    "killed": "os.kill(os.getpid(), signal.SIGKILL)", "memory": "raise MemoryError()",
    "warns": "print('careful', file=sys.stderr)", "spills": "os.write(2, b'past Python')",
    "another": "effect = replace(effect, pause='easter-2025')",
    "twice": "display(EffectsRecord((effect,)))", "heads": "display(Markdown('# Another title'))",
    "odd": "display(EffectsRecord((replace(effect, claim='x', verdict='proven'),)))",
}.get(pause_id, "")
exec(fault)"""


def code(source, *tags):
    """A code cell."""
    return v4.new_code_cell(source, metadata={"tags": list(tags)} if tags else {})


def text(source, *tags):
    """A text cell."""
    return v4.new_markdown_cell(source, metadata={"tags": list(tags)} if tags else {})


def save(folder, name, *cells):
    """Write a notebook and return its path."""
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    folder.mkdir(exist_ok=True)
    write(v4.new_notebook(cells=list(cells), metadata=kernel), folder / f"{name}.ipynb")
    return folder / f"{name}.ipynb"


def pause_notebook(folder, *, extra=(), name="pause"):
    """A notebook of one pause: sentence, picture, record."""
    sentence = code("Markdown('**' + effect.summary() + '**')")
    cells = [text("# Did it change?"), code(PARAMETERS, "parameters"), code(IMPORTS), *extra, sentence]
    return save(folder, name, *cells, code(FIGURE), code(RECORD + " if pause_id != 'silent' else None"))


def comparison_notebook(folder):
    """A notebook of all pauses, from the record it is given."""
    given = code('results_file: str = "../reports/results.csv"  # the record', "parameters")
    shown = code("import csv\nrows = list(csv.DictReader(open(results_file)))\nprint(len(rows), 'effects')")
    return save(folder, "comparison", text("# All of them"), given, shown)


def pauses(*names):
    """What the index lists."""
    told = {"dates": "20 April 2025", "status": "agreed", "claims": [{"who": "Russia", "when": "20 April 2025"}]}
    return [{"id": name, "name": f"Truce of {name}"} | told for name in names]


def effect_row(**changes):
    """A row of the record."""
    from analysis.effect import example_effect

    return example_effect().row() | changes


def readings(hits, *, days=None, trials=1.0):
    """A series of readings of energy from 2025 on; a missing hit is a day that could be counted either way."""
    days = pd.date_range("2025-01-01", periods=len(hits), name="day") if days is None else days
    hits = pd.Series(hits, days, dtype=float)
    known = hits.notna()
    return pd.DataFrame({"hits": hits, "trials": known.map({True: trials, False: np.nan}), "open": ~known, "basis": ""})
