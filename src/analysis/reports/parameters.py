"""What a notebook may be told: its declared parameters, and values checked against them before any notebook runs.

Papermill pastes parameter names into code unquoted and only warns about names it does not know. Here a name must be
declared in the notebook's cell tagged `parameters`, once, on a line of its own, with a plain type and a plain default:

    baseline_days: int = 365  # days before the pause (30 to 1500)

The text after `#` is the help that `papermill --help-notebook` shows; a range in brackets is enforced.
"""

import ast
import json
import keyword
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from analysis.errors import ReportError

TYPES = {"str": str, "int": int, "float": float, "bool": bool}  # what `papermill -p` can carry
FIRST_CELLS = 5
LONGEST_TEXT = 500
RANGE = re.compile(r"\((-?\d+(?:\.\d+)?) to (-?\d+(?:\.\d+)?)\)")


@dataclass(frozen=True)
class Parameter:
    """One declared parameter; `low` and `high` are the range named in its help, ends included."""

    name: str
    type: type
    default: str | int | float | bool
    help: str
    low: float | None = None
    high: float | None = None

    def check(self, value: Any, *, file: str | None = None) -> Any:
        """Return the value in the declared type, or refuse it by a ReportError.

        >>> Parameter("level", float, 0.95, "level (0.5 to 0.999)", 0.5, 0.999).check(0.9)
        0.9
        """
        kind = type(value)
        fits = kind is self.type or (self.type is float and kind is int)
        expected = self.type.__name__
        if fits and self.type is str:
            fits = len(value) <= LONGEST_TEXT and value.isprintable()
            expected = f"printable text of at most {LONGEST_TEXT} characters"
        elif fits and self.type is not bool:
            fits = math.isfinite(value) and (self.low is None or self.low <= value <= self.high)
            expected += "" if self.low is None else f" from {self.low:g} to {self.high:g}"
        if not fits:
            found = f"{kind.__name__} {value!r:.80}"
            raise ReportError("parameter value refused", file=file, field=self.name, expected=expected, found=found)
        return self.type(value)


def declared_parameters(notebook: Path) -> dict[str, Parameter]:
    """The parameters that a notebook declares, in the order of its cell.

    ReportError if there is not exactly one `parameters` cell among the first five, or it holds anything but annotated
    names with literal defaults.
    """
    file = notebook.name
    try:
        cells = json.loads(notebook.read_bytes())["cells"]
        tagged = [i for i, cell in enumerate(cells) if "parameters" in cell["metadata"].get("tags", ())]
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise ReportError("not a notebook that can be read", file=file, found=f"{error!s:.100}") from error
    if len(tagged) != 1 or tagged[0] >= FIRST_CELLS or cells[tagged[0]]["cell_type"] != "code":
        raise ReportError(
            "the parameters are not where they are looked for", file=file,
            expected=f"one code cell tagged 'parameters' among the first {FIRST_CELLS}",
            found=f"{len(tagged)} tagged" + (f", cell {tagged[0] + 1}" if tagged else ""),
        )  # fmt: skip
    declared = {}
    for line in filter(str.strip, "".join(cells[tagged[0]]["source"]).splitlines()):
        parameter = _parameter(line, file)
        if parameter.name in declared:
            raise ReportError("parameter declared twice", file=file, field=parameter.name)
        declared[parameter.name] = parameter
        parameter.check(parameter.default, file=file)
    return declared


def check_parameters(declared: Mapping[str, Parameter], values: Mapping[str, Any], *, file: str | None = None) -> dict:
    """The values in the declared types and order, or a ReportError; parameters not given keep the notebook's default.

    >>> days = Parameter("baseline_days", int, 365, "days (30 to 1500)", 30, 1500)
    >>> check_parameters({"baseline_days": days}, {"baseline_days": 200})
    {'baseline_days': 200}
    >>> check_parameters({"baseline_days": days}, {"baseline": 200})
    Traceback (most recent call last):
        ...
    analysis.errors.ReportError: field 'baseline': the notebook declares no such parameter; expected baseline_days
    """
    _refuse_undeclared(values, declared, file=file)
    return {name: declared[name].check(values[name], file=file) for name in declared if name in values}


def refuse_unknown(notebook: Mapping[str, Any]) -> None:
    """Refuse what papermill pasted into a notebook under a name that the notebook does not declare.

    Parameters
    ----------
    notebook : mapping
        What `globals()` gives in a cell after the parameters.

    Raises
    ------
    ReportError
        A mistyped name, about which papermill itself only warns.
    """
    for source in notebook.get("In", ()):
        if source.startswith("# Parameters\n"):
            nodes = (node for line in ast.parse(source).body for node in ast.walk(line))
            pasted = [node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)]
            _refuse_undeclared(pasted, notebook.get("__annotations__", {}))


def names(given: str | Sequence[str]) -> list[str]:
    """Return the names in a parameter that holds several.

    Parameters
    ----------
    given : str or sequence of str
        Names separated by commas, or a list, as YAML has it.

    Raises
    ------
    ReportError
        Something else, or no name.

    Examples
    --------
    >>> names("drones_launched, missiles_launched")
    ['drones_launched', 'missiles_launched']
    """
    listed = given.split(",") if isinstance(given, str) else given
    several = isinstance(listed, list | tuple) and len(listed) > 0
    if not several or not all(isinstance(name, str) and name.strip() for name in listed):
        raise ReportError("not names", expected="names separated by commas", found=f"{given!r:.80}")
    return [name.strip() for name in listed]


def _refuse_undeclared(given: Iterable[str], declared: Mapping[str, Any], *, file: str | None = None) -> None:
    for name in given:
        if name not in declared:
            expected = ", ".join(declared) or "no parameter at all"
            problem = "the notebook declares no such parameter"
            raise ReportError(problem, file=file, field=f"{name!r:.80}", expected=expected)


def _parameter(line: str, file: str) -> Parameter:
    try:
        (statement,) = ast.parse(line).body
        name, kind = statement.target.id, TYPES[statement.annotation.id]
        default = ast.literal_eval(statement.value)
    except (SyntaxError, AttributeError, KeyError, ValueError, TypeError):
        name = "_"
    if name.startswith("_") or keyword.issoftkeyword(name):
        raise ReportError(
            "not a declaration of a parameter", file=file, field="parameters", found=f"{line:.80}",
            expected=f"name: type = value  # help, one a line, with type {', '.join(TYPES)}",
        )  # fmt: skip
    told = line.encode()[statement.end_col_offset :].decode().partition("#")[2].strip()
    span = RANGE.search(told)
    low, high = (float(end) for end in span.groups()) if span else (None, None)
    return Parameter(name, kind, default, told, low, high)
