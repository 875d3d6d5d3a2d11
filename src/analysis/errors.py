"""Errors that say where, what was expected, what was found and what to do."""

from collections.abc import Iterable


class PausesError(Exception):
    """Base of every error this package raises on purpose.

    Parameters
    ----------
    problem : str
        One sentence: what is wrong.
    file, field : str, optional
        Where it is wrong: a file name, and a column, parameter or registry field.
    rows : sequence of int, optional
        Row numbers in `file`, counted as a text editor counts lines (the header is 1).
    expected, found : str, optional
        What would have been right, and what was there.
    remedy : str, optional
        What to do about it.

    Examples
    --------
    >>> print(DataError("negative count", file="strikes.csv", field="drones_launched", rows=[3, 9],
    ...                 expected="0 or more", found="-4", remedy="correct the row"))
    strikes.csv, field drones_launched, 2 rows (3, 9): negative count; expected 0 or more; found -4. \
To do: correct the row.
    """

    def __init__(
        self, problem: str, *, file: str | None = None, field: str | None = None, rows: Iterable[int] = (),
        expected: str | None = None, found: str | None = None, remedy: str | None = None,
    ) -> None:  # fmt: skip
        self.problem, self.file, self.field, self.rows = problem, file, field, tuple(rows)
        self.expected, self.found, self.remedy = expected, found, remedy
        shown = ", ".join(map(str, self.rows[:8])) + (", ..." if len(self.rows) > 8 else "")
        counted = f"{len(self.rows)} row{'s' * (len(self.rows) > 1)} ({shown})" if self.rows else None
        place = ", ".join(filter(None, [file, field and f"field {field}", counted]))
        message = f"{place}: {problem}" if place else problem
        message += f"; expected {expected}" if expected is not None else ""
        message += f"; found {found}" if found is not None else ""
        super().__init__(message + (f". To do: {remedy}." if remedy else ""))

    def _render_traceback_(self) -> list[str]:  # what IPython shows in place of its traceback
        return [f"{type(self).__name__}: {self}"]


class DataError(PausesError):
    """A table or a raw file cannot be used."""


class RegistryError(PausesError):
    """The registry of pauses is not valid, or has no such pause or claim."""


class DesignError(PausesError):
    """A question that the statistics cannot be asked: window, baseline or options do not fit the series."""


class ReportError(PausesError):
    """A report could not be made."""
