import pytest
from made_up import code, save, text
from papermill.exceptions import PapermillExecutionError

from analysis.errors import ReportError
from analysis.reports.engine import run_notebook
from analysis.reports.parameters import check_parameters, declared_parameters, names

DECLARED = """pause_id: str = "easter-2025"  # which pause
baseline_days: int = 365  # days before the pause (30 to 1500)
level: float = 0.95  # level of the tests (0.5 to 0.999)
strict: bool = False  # later start of the series"""


@pytest.fixture
def declared(tmp_path):
    return declared_parameters(save(tmp_path, "pause", text("# Title"), code(DECLARED, "parameters")))


def test_declarations_give_types_defaults_ranges_and_the_order_of_values(declared):
    assert list(declared) == ["pause_id", "baseline_days", "level", "strict"]
    days = declared["baseline_days"]
    assert (days.type, days.default, days.low, days.high) == (int, 365, 30, 1500)
    assert days.help == "days before the pause (30 to 1500)"
    given = check_parameters(declared, {"level": 0.9, "pause_id": "x", "strict": True})
    assert given == {"pause_id": "x", "level": 0.9, "strict": True}
    assert list(given) == ["pause_id", "level", "strict"]


@pytest.mark.parametrize(
    "name",
    ["pause", "PAUSE_ID", "n=1; import os; y", "__builtins__", "get_ipython", "", "pause_id ", "lambda", "é"],
)
def test_names_that_are_not_declared_are_refused(declared, name):
    with pytest.raises(ReportError, match="declares no such parameter"):
        check_parameters(declared, {name: 1})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("baseline_days", "365"), ("baseline_days", 365.0), ("baseline_days", True), ("baseline_days", 29),
        ("baseline_days", 10**9), ("baseline_days", None), ("baseline_days", (365,)), ("level", float("nan")),
        ("level", float("inf")), ("level", 1), ("level", True), ("strict", 1), ("strict", "False"), ("pause_id", 5),
        ("pause_id", "a\nb"), ("pause_id", "a\0b"), ("pause_id", "x" * 501), ("pause_id", b"x"), ("pause_id", {1}),
    ],
)  # fmt: skip
def test_values_of_wrong_type_or_out_of_range_are_refused(declared, name, value):
    with pytest.raises(ReportError, match=f"^pause.ipynb, field {name}: parameter value refused"):
        check_parameters(declared, {name: value}, file="pause.ipynb")


@pytest.mark.parametrize(
    "source",
    [
        "pause_id = 'x'", "pause_id: str", "pause_id: list = []", "pause_id: str = str(1)", "import os",
        "pause_id: str = 'x'; import os", "pause_id: str = 'x'\npause_id: str = 'y'", "_hidden: int = 1",
        "__name__: str = 'x'", "match: str = 'x'", "days: int = 5  # days (10 to 20)", "level: float = 'x'",
        "a.b: int = 1",
    ],
)  # fmt: skip
def test_cells_that_hold_anything_but_plain_declarations_are_refused(tmp_path, source):
    with pytest.raises(ReportError):
        declared_parameters(save(tmp_path, "pause", text("# Title"), code(source, "parameters")))


def test_a_notebook_has_one_parameters_cell_among_its_first_five(tmp_path):
    cell, other = code(DECLARED, "parameters"), code("days: int = 1", "parameters")
    for cells in ([cell, other], [text("# Title")], [*map(text, "abcde"), cell], [text(DECLARED, "parameters")]):
        with pytest.raises(ReportError, match="not where they are looked for"):
            declared_parameters(save(tmp_path, "pause", *cells))
    (tmp_path / "pause.ipynb").write_text("<html>")
    for name in ("pause", "missing"):
        with pytest.raises(ReportError, match=f"{name}.ipynb: not a notebook that can be read"):
            declared_parameters(tmp_path / f"{name}.ipynb")


@pytest.mark.parametrize("given", [{"pause_idd": "x"}, {"pause_id": "easter-2025", "levels": [0.9]}])
def test_a_mistyped_parameter_ends_a_plain_papermill_run_with_one_line(given, tmp_path):
    start = code("import analysis as pa\npa.refuse_unknown(globals())")
    source = save(tmp_path, "pause", text("# Title"), code(DECLARED, "parameters"), start).read_bytes()
    with pytest.raises(PapermillExecutionError, match="declares no such parameter; expected pause_id, base") as failed:
        run_notebook(source, given, folder=str(tmp_path), timeout=60, cold=True)
    assert failed.value.ename == "ReportError" and len(failed.value.traceback) == 1
    run_notebook(source, {"pause_id": "x"}, folder=str(tmp_path), timeout=60, cold=True)


def test_names_come_as_text_or_as_a_list_and_nothing_else_is_taken():
    assert all(names(given) == ["a", "b"] for given in ("a,b", " a , b ", ["a", "b"], ("a ", "b")))
    for given in ("", "a,,b", 5, None, ["a", 5], [], {"a": 1}):
        with pytest.raises(ReportError, match="names separated by commas"):
            names(given)
