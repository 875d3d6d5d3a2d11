"""The house rules of notebooks, and that their checked outputs are really checked."""

import ast
import json
import os
import re
import statistics
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from made_up import FIGURE, IMPORTS, PARAMETERS, RECORD, code, save, text

from analysis.errors import ReportError
from analysis.reports.make import main, normalise, outputs, records, store_results, to_text
from analysis.reports.parameters import declared_parameters
from analysis.reports.run import COMPARISON, SECTIONS

NOTEBOOKS = Path(__file__).parents[1] / "notebooks"
PARAMETERISED = (*SECTIONS, COMPARISON)
FORBIDDEN = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.For, ast.AsyncFor, ast.While, ast.Lambda)
UNWANTED = {
    "a path of one machine": r"(?<![\w.])/(?:home|root|Users|tmp|work|usr|var|opt)/|[A-Z]:\\",
    "an installation": r"pip install|conda install",
    "the network": r"https?://|urllib|requests\.|urlopen",
    "randomness without a seed": r"np\.random\.(?!default_rng|Generator)|default_rng\(\)",
    "silenced warnings": r"filterwarnings|simplefilter",
}
CHECKED = "nbval-check-output"
LONGEST_CELL, MEDIAN_LINES, MOST_CELLS, FEWEST_CHECKS = 12, 4, 20, 3


def faults(path):
    """Everything in a stored notebook that breaks a rule, in words."""
    notebook = nbformat.read(path, as_version=4)
    cells = notebook.cells
    programs = [cell for cell in cells if cell.cell_type == "code"]
    found = [*structure(path, cells, programs), *stored(programs)]
    for number, cell in enumerate(cells, 1):
        if cell.cell_type == "code":
            found += [f"cell {number}: {fault}" for fault in program(cell)]
            if number == 1 or cells[number - 2].cell_type != "markdown":
                found.append(f"cell {number}: no text before it")
    if path.read_bytes() != to_text(normalise(nbformat.read(path, as_version=4))).encode():
        found.append("not as `make notebooks` writes it")
    return found


def structure(path, cells, programs):
    titles = [
        line for cell in cells if cell.cell_type == "markdown" for line in headings(cell.source) if line[1] != "#"
    ]
    if len(titles) != 1 or titles[0] not in cells[0].source:
        yield f"{len(titles)} titles, where the first cell should have the only one"
    elif not titles[0].endswith("?"):
        yield "the title is no question"
    tagged = [cell for cell in cells if "parameters" in cell.metadata.get("tags", ())]
    if path.stem in PARAMETERISED or tagged:
        try:
            declared = declared_parameters(path)
        except ReportError as error:
            yield str(error)
        else:
            if path.stem in SECTIONS and "pause_id" not in declared:
                yield "no parameter pause_id"
            yield from (f"parameter {p.name} has no help" for p in declared.values() if not p.help)
    if path.stem in SECTIONS and not any(records({"cells": [cell]}) for cell in cells[-1:]):
        yield "does not end with its record of effects"
    lengths = [len(cell.source.splitlines()) for cell in programs]
    if len(programs) > MOST_CELLS:
        yield f"{len(programs)} code cells, more than {MOST_CELLS}"
    if lengths and statistics.median(lengths) > MEDIAN_LINES:
        yield f"median of {statistics.median(lengths)} lines a cell, more than {MEDIAN_LINES}"


def program(cell):
    if "NBVAL" in cell.source:
        yield "marked for nbval in a comment, where a tag does (both together are an error)"
    if len(cell.source.splitlines()) > LONGEST_CELL:
        yield f"more than {LONGEST_CELL} lines"
    try:
        nodes = list(ast.walk(ast.parse(cell.source.replace("%xmode Minimal", ""))))  # a refusal in one line
    except SyntaxError as error:
        yield f"not plain Python: {error.msg}"
        return
    yield from (
        f"{type(node).__name__}, which belongs into the package" for node in nodes if isinstance(node, FORBIDDEN)
    )
    yield from (f"holds {what}" for what, pattern in UNWANTED.items() if re.search(pattern, cell.source))


def stored(programs):
    if [cell.execution_count for cell in programs] != list(range(1, len(programs) + 1)):
        yield "not executed from top to bottom"
    checked = [cell for cell in programs if CHECKED in cell.metadata.get("tags", ())]
    if len(checked) < FEWEST_CHECKS or not all(cell.outputs for cell in checked):
        yield f"fewer than {FEWEST_CHECKS} checked cells with a stored output"
    for output in outputs({"cells": programs}):
        data, shown = output.get("data", {}), json.dumps(output)
        if output.get("name") == "stderr":
            yield "a stored output on stderr"
        if "image/png" in data and not output.metadata.get("image/png", {}).get("alt"):
            yield "a picture without alternative text"
        if output["output_type"] == "error":
            yield f"a stored error: {output.ename}"
        if re.search(r"at 0x[0-9a-f]+|<(?:Axes|Figure)|matplotlib\.", "".join(data.get("text/plain", ""))):
            yield "shows an object where it should show a result; bind the result of a plot"
        if re.search(UNWANTED["a path of one machine"], re.sub(r'"image/png": "[^"]*"', "", shown)):
            yield "a stored output holds a path of one machine"


def headings(source):
    """Headings of a text cell, without those in blocks of code."""
    return re.findall(r"^#+ .*$", re.sub(r"```.*?```", "", source, flags=re.DOTALL), re.MULTILINE)


@pytest.mark.parametrize("path", sorted(NOTEBOOKS.glob("*.ipynb")), ids=lambda path: path.stem)
def test_notebooks_keep_the_house_rules(path):
    assert faults(path) == []


CHECKS = [text("Checked."), code("6 * 7", CHECKED), text("Again."), code("level", CHECKED), text("And.")]
GOOD = [
    text("# Did it change?"), code(PARAMETERS, "parameters"), text("What is needed."), code(IMPORTS), *CHECKS,
    code("print(effect.summary())", CHECKED), text("A picture."), code(FIGURE), text("The record."), code(RECORD),
]  # fmt: skip


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    path = save(tmp_path_factory.mktemp("notebooks"), "pause", *GOOD)
    assert store_results(path)
    return path


@pytest.fixture
def copy(good, tmp_path):
    (tmp_path / "pause.ipynb").write_bytes(good.read_bytes())
    return tmp_path / "pause.ipynb"


def test_a_good_notebook_has_no_faults_and_stays_as_it_is(good):
    before = good.read_bytes()
    assert faults(good) == []
    assert not store_results(good)
    assert good.read_bytes() == before
    assert b"\r" not in before and str(good.parent).encode() not in before


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("# Did it change?", "# It did change.", "the title is no question"),
        ("A picture.", "# A picture?", "2 titles"),
        ('"parameters"', '"parametres"', "not where they are looked for"),
        ("pause_id: str", "name: str", "no parameter pause_id"),
        ("  # which pause", "", "parameter pause_id has no help"),
        ("6 * 7", "for i in []: pass", "For, which belongs into the package"),
        ("6 * 7", "double = lambda x: x", "Lambda, which belongs"),
        ("6 * 7", "# NBVAL_SKIP", "marked for nbval in a comment"),
        ("6 * 7", "%time 1", "not plain Python"),
        ("6 * 7", "open('/home/me/x')", "holds a path of one machine"),
        ("6 * 7", "np.random.normal()", "holds randomness without a seed"),
        ("6 * 7", "1\\n" * 13, "more than 12 lines"),
        ('"cell_type": "markdown"', '"cell_type": "raw"', "no text before it"),
        ("Nine bars, each higher than the last", "", "a picture without alternative text"),
        ('"execution_count": 3', '"execution_count": 8', "not executed from top to bottom"),
        ("nbval-check-output", "checked", "fewer than 3 checked cells"),
        ("vnd.pauses.effects", "vnd.other", "does not end with its record"),
        ('"name": "stdout"', '"name": "stderr"', "a stored output on stderr"),
        ('"id": "', '"id": "0', "not as `make notebooks` writes it"),
    ],
)
def test_every_rule_is_enforced(copy, old, new, fault):
    broken = copy.read_text().replace(old, new)
    assert broken != copy.read_text()
    copy.write_text(broken)
    assert any(fault in found for found in faults(copy)), faults(copy)


def nbval(path):
    """The exit code and report of nbval as `make test` calls it: every cell, but for pictures."""
    sanitizer = Path(__file__).with_name("nbval_sanitize.cfg")
    options = ["-p", "tests.nbval_record", "--nbval", "--nbval-current-env", "--nbval-sanitize-with", str(sanitizer)]
    command = [sys.executable, "-m", "pytest", "-o", "addopts=", "-q", *options, "-p", "no:cacheprovider", path.name]
    known = os.pathsep.join(filter(None, [os.environ.get("PYTHONPATH"), str(NOTEBOOKS.parent)]))
    env = os.environ | {"PYTHONPATH": known}
    done = subprocess.run(command, cwd=path.parent, env=env, capture_output=True, text=True, timeout=120)
    return done.returncode, done.stdout


def test_nbval_finds_a_stored_notebook_as_it_is(copy):
    exit_code, report = nbval(copy)
    assert exit_code == 0, report


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('"42"', '"43"', "43"),
        ('"Nine bars, each higher than the last"', '"Nine bars"', "Nine bars"),  # the words of a picture
        ('"observed": 250.0', '"observed": 251.0', "'rows 1 observed: 251' != 'rows 1 observed: 250'"),
        ('"p_value": 0.4,', '"p_value": 0.40001,', "'rows 1 p_value: 0.40001' != 'rows 1 p_value: 0.4'"),
    ],
)
def test_nbval_sees_a_changed_result_and_names_its_field(copy, old, new, told):
    assert old in copy.read_text()
    copy.write_text(copy.read_text().replace(old, new))
    exit_code, report = nbval(copy)
    assert exit_code == 1 and told in report, report


def test_nbval_forgives_what_two_machines_may_do(copy):
    copy.write_text(copy.read_text().replace('"p_value": 0.4,', '"p_value": 0.4000000000000001,'))
    assert nbval(copy)[0] == 0


def test_a_notebook_that_fails_stays_as_it_was(copy, capsys):
    copy.write_text(copy.read_text().replace("6 * 7", "6 / 0"))
    before = copy.read_bytes()
    assert main([str(copy.with_suffix(""))]) == 1
    assert copy.read_bytes() == before
    assert "ZeroDivisionError: division by zero" in capsys.readouterr().err
