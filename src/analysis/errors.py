"""Errors that say where, what was expected, what was found and what to do."""


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

    def __init__(self, problem, *, file=None, field=None, rows=(), expected=None, found=None, remedy=None):
        self.problem = problem
        self.file = file
        self.field = field
        self.rows = tuple(rows)
        self.expected = expected
        self.found = found
        self.remedy = remedy
        super().__init__(self._message())

    def _render_traceback_(self) -> list[str]:  # what IPython shows in place of its traceback
        return [f"{type(self).__name__}: {self}"]

    def _message(self):
        place = [str(self.file)] if self.file else []
        if self.field:
            place.append(f"field {self.field}")
        if self.rows:
            shown = ", ".join(str(row) for row in self.rows[:8]) + (", ..." if len(self.rows) > 8 else "")
            noun = "row" if len(self.rows) == 1 else "rows"
            place.append(f"{len(self.rows)} {noun} ({shown})")
        message = f"{', '.join(place)}: {self.problem}" if place else self.problem
        if self.expected is not None:
            message += f"; expected {self.expected}"
        if self.found is not None:
            message += f"; found {self.found}"
        return message + (f". To do: {self.remedy}." if self.remedy else "")


class DataError(PausesError):
    """A table or a raw file cannot be used."""


class RegistryError(PausesError):
    """The registry of pauses is not valid, or has no such pause or claim."""


class DesignError(PausesError):
    """A question that the statistics cannot be asked: window, baseline or options do not fit the series."""


class ReportError(PausesError):
    """A report could not be made."""
