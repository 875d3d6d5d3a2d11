"""What a notebook may be told: its declared parameters, and values checked against them before any kernel starts.

Papermill pastes parameter names into code unquoted and only warns about names it does not know. Here a name must
be declared in the notebook's cell tagged ``parameters``, once, with a plain type and a plain default:

    baseline_days: int = 365  # days before the pause (30 to 1500)

The text after ``#`` is the help that ``papermill --help-notebook`` shows; a range in brackets is enforced.
"""

import ast
import keyword
import math
import re
from dataclasses import dataclass

from analysis.batch.execution import plain_path
from analysis.errors import ReportError

TYPES = {"str": str, "int": int, "float": float, "bool": bool}  # what `papermill -p` can carry
FIRST_CELLS = 5
LONGEST_TEXT = 500
_RANGE = re.compile(r"\((-?\d+(?:\.\d+)?) to (-?\d+(?:\.\d+)?)\)")


@dataclass(frozen=True)
class Parameter:
    """One declared parameter.

    Attributes
    ----------
    name : str
    type : type
        str, int, float or bool.
    default : str, int, float or bool
    help : str
    low, high : float or None
        Range named in the help, ends included.
    """

    name: str
    type: type
    default: str | int | float | bool
    help: str
    low: float | None = None
    high: float | None = None

    def check(self, value, *, file=None):
        """Return the value in the declared type, or refuse it.

        Examples
        --------
        >>> Parameter("level", float, 0.95, "level (0.5 to 0.999)", 0.5, 0.999).check(0.9)
        0.9
        """
        kind = type(value)
        fits = kind is self.type or (self.type is float and kind is int)
        expected = self.type.__name__
        if fits and self.type is str:
            fits = len(value) <= LONGEST_TEXT and value.isprintable()
            expected = f"printable text of at most {LONGEST_TEXT} characters"
        elif fits and self.type in (int, float):
            fits = math.isfinite(value) and (self.low is None or self.low <= value <= self.high)
            expected += "" if self.low is None else f" from {self.low:g} to {self.high:g}"
        if not fits:
            raise ReportError(
                "parameter value refused", file=file, field=self.name, expected=expected,
                found=f"{kind.__name__} {value!r:.80}",
            )  # fmt: skip
        return self.type(value)


def declared_parameters(notebook):
    """Read the parameters a notebook declares.

    Parameters
    ----------
    notebook : path

    Returns
    -------
    dict of str to Parameter
        In the order of the cell.

    Raises
    ------
    ReportError
        There is no such notebook, not exactly one ``parameters`` cell among the first five, or the cell holds
        anything but annotated names with literal defaults.
    """
    import nbformat
    from papermill import inspect_notebook

    name = notebook.name
    try:
        cells = nbformat.read(notebook, as_version=4).cells
    except (OSError, ValueError, nbformat.ValidationError) as error:
        raise ReportError("not a notebook that can be read", file=name, found=str(error).splitlines()[0]) from error
    tagged = [i for i, cell in enumerate(cells) if "parameters" in cell.metadata.get("tags", ())]
    if len(tagged) != 1 or tagged[0] >= FIRST_CELLS or cells[tagged[0]].cell_type != "code":
        raise ReportError(
            "the parameters are not where they are looked for", file=name,
            expected=f"one code cell tagged 'parameters' among the first {FIRST_CELLS}",
            found=f"{len(tagged)} tagged" + (f", cell {tagged[0] + 1}" if tagged else ""),
        )  # fmt: skip
    shown = inspect_notebook(plain_path(notebook))
    declared = {}
    for statement in ast.parse(cells[tagged[0]].source).body:
        parameter = _parameter(statement, shown, name)
        if parameter.name in declared:
            raise ReportError("parameter declared twice", file=name, field=parameter.name)
        declared[parameter.name] = parameter
    for parameter in declared.values():
        parameter.check(parameter.default, file=name)
    return declared


def check_parameters(declared, values, *, file=None):
    """Check values against the declared parameters.

    Parameters
    ----------
    declared : mapping of str to Parameter
        From `declared_parameters`.
    values : mapping of str to value
    file : str, optional
        Name of the notebook, for the message.

    Returns
    -------
    dict
        The same values in the declared types and order; parameters not given keep the notebook's default.

    Raises
    ------
    ReportError
        A name is not declared, or a value has the wrong type or lies outside its range.

    Examples
    --------
    >>> days = Parameter("baseline_days", int, 365, "days (30 to 1500)", 30, 1500)
    >>> check_parameters({"baseline_days": days}, {"baseline_days": 200})
    {'baseline_days': 200}
    >>> check_parameters({"baseline_days": days}, {"baseline": 200})
    Traceback (most recent call last):
        ...
    analysis.errors.ReportError: field 'baseline': the notebook declares no such parameter; expected baseline_days
    """
    for name in values:
        if name not in declared:
            raise ReportError(
                "the notebook declares no such parameter", file=file, field=f"{name!r:.80}",
                expected=", ".join(declared) or "no parameter at all",
            )  # fmt: skip
    return {name: declared[name].check(values[name], file=file) for name in declared if name in values}


def _parameter(statement, shown, file):
    """One line of the cell, read by Python's own parser and found again in papermill's inspection."""
    declaration = ast.unparse(statement)
    try:
        name, kind = statement.target.id, TYPES[statement.annotation.id]
        default = ast.literal_eval(statement.value)
    except (AttributeError, KeyError, ValueError, TypeError):
        name = None
    if name is None or name not in shown or name.startswith("_") or keyword.issoftkeyword(name):
        raise ReportError(
            "not a declaration of a parameter", file=file, field="parameters", found=f"{declaration:.80}",
            expected=f"name: type = value  # help, one a line, with type {', '.join(TYPES)}",
        )  # fmt: skip
    text = shown[name]["help"]
    span = _RANGE.search(text)
    low, high = (float(end) for end in span.groups()) if span else (None, None)
    return Parameter(name, kind, default, text, low, high)
