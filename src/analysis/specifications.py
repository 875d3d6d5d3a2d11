"""Every defensible choice, and the combinations of them that make a specification."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from itertools import product
from typing import Any

from analysis.errors import DesignError

MOST_ROWS = 120
EDGES = "partly covered days"  # the one question that is about the window


@dataclass(frozen=True)
class Specification:
    """One way to estimate the ratio; the defaults are the main one for short windows."""

    before: int | None = 365  # None: from the first usable day on
    both_sides: bool = False  # as many days after the window too, at most a year
    trend: str = "linear"
    weekday: bool = True
    holidays: bool = True
    series: str = "usual"
    window: str = "half"  # strike days half covered are inside


MAIN_SHORT = Specification()
MAIN_LONG = Specification(before=700, both_sides=True, trend="spline")


@dataclass(frozen=True)
class Choice:
    """One defensible answer to one question of design.

    Attributes
    ----------
    axis, name, reason : str
        The question, this answer to it in a few words, and why somebody might choose so.
    sets : mapping
        before (days of baseline, None: all usable), both_sides, trend, weekday, holidays, series or window.
    crossed : bool
        Combined with every answer to the other crossed questions; else it departs from the main ones alone.
    outcome : str
        The only outcome it makes sense for; empty: all.
    """

    axis: str
    name: str
    reason: str
    sets: Mapping[str, Any]
    crossed: bool = True
    outcome: str = ""

    def __post_init__(self) -> None:
        known = [field.name for field in fields(Specification)]
        wrong = [name for name in self.sets if name not in known]
        if wrong or not self.sets:
            found = ", ".join(wrong) or "nothing"
            raise DesignError("no part of a specification", field=self.name, expected=", ".join(known), found=found)

    def fits(self, specification: Specification) -> bool:
        """Whether a specification answers the question so."""
        return all(getattr(specification, name) == value for name, value in self.sets.items())


def _counted(name: str, series: str, reason: str, outcome: str = "") -> Choice:
    return Choice("counting", name, reason, {"series": series}, crossed=False, outcome=outcome)


CHOICES = (
    Choice("baseline", "90 days", "closest to the pause: the trend matters least", {"before": 90}),
    Choice("baseline", "180 days", "half a year, little growth", {"before": 180}),
    Choice("baseline", "365 days", "each season once", {"before": 365}),
    Choice("baseline", "700 days", "more windows, though from a smaller war", {"before": 700}),
    Choice("baseline", "all usable days", "no cut-off to choose", {"before": None}),
    Choice("sides", "before only", "what follows may be an effect of the pause", {"both_sides": False}),
    Choice("sides", "before and after", "interpolates where the other extrapolates", {"both_sides": True}),
    Choice("trend", "line", "steady growth in per cent", {"trend": "linear"}),
    Choice("trend", "none", "a line can take a slow wave for growth", {"trend": "constant"}),
    Choice("trend", "curve", "follows slow waves; needs 150 days afterwards", {"trend": "spline"}),
    Choice("calendar", "weekday, holiday", "either may shape launches", {"weekday": True, "holidays": True}),
    Choice("calendar", "weekday", "truces fall on the few holidays", {"weekday": True, "holidays": False}),
    Choice("calendar", "neither", "no such pattern is plain", {"weekday": False, "holidays": False}),
    Choice(EDGES, "all in", "a few hours can empty a night", {"window": "any"}, crossed=False),
    Choice(EDGES, "all out", "outside its hours a pause binds nobody", {"window": "whole"}, crossed=False),
    _counted("evening rolled", "evening_rolled", "an evening raid belongs to the night that follows"),
    _counted("night reports", "night_reports", "daytime reports are separate only from 2026 on"),
    _counted("last week off", "week_dropped", "late rows change the end of each copy"),
    _counted("from 2025 on", "strict_start", "counts of late 2024 are about 5 % low", "drones_launched"),
    _counted("inferred days missing", "zeros_missing", "no report says that none flew", "drones_launched"),
    _counted("inferred days hold 20", "zeros_20", "what quiet sirens might still hide", "drones_launched"),
    _counted("7 Apr 2025: 84", "2025_04_07_is_84", "fills the published total of that month", "drones_launched"),
    _counted("regional too", "all_sources", "national reports may miss some; some count twice", "missiles_launched"),
    _counted("strategic only", "strategic", "tactical missiles are front-line weapons", "missiles_launched"),
)

REWORDED = {
    "90 days": "closest to the window: the trend matters least",
    "700 days": "more windows, though from times further off",
    "before only": "what follows may be an effect of what happened",
    "weekday, holiday": "either may shape the counts",
    "weekday": "holidays in the window would explain themselves",
}
ANY_SERIES = tuple(  # the choices that make sense for a series that is not of this project
    replace(choice, reason=REWORDED.get(choice.name, choice.reason)) for choice in CHOICES if choice.crossed
)
SOURCES = {  # columns of strike_variants.csv without the weapon, in words that fit "counted by ..."
    "evening_rolled": "evenings given to the night that follows",
    "night_reports": "night reports alone",
    "all_sources": "regional reports too",
    "strategic": "strategic missiles alone",
    "2025_04_07_is_84": "84 drones on 7 April 2025",
}


def list_specifications(choices: Sequence[Choice], main: Specification) -> list[Specification]:
    """The main specification, every combination of the crossed choices, and each other choice alone; none twice.

    >>> len(list_specifications(CHOICES[:7], MAIN_SHORT))  # 5 baselines, each with 2 answers on sides
    10
    """
    listed = isinstance(choices, list | tuple) and len(choices)
    if not listed or not all(isinstance(choice, Choice) for choice in choices):
        found = repr(choices)[:80]
        raise DesignError("not a list of choices", field="choices", expected="at least one Choice", found=found)
    crossed = [choice for choice in choices if choice.crossed]
    axes = [[choice for choice in crossed if choice.axis == axis] for axis in dict.fromkeys(c.axis for c in crossed)]
    answered = [*product(*axes), *((choice,) for choice in choices if not choice.crossed)]
    sets = [{name: value for choice in answers for name, value in choice.sets.items()} for answers in answered]
    rows = list(dict.fromkeys([main, *(replace(main, **values) for values in sets)]))
    if len(rows) > MOST_ROWS:
        remedy = "leave a choice out, or add yours with crossed=False"
        expected, found = f"at most {MOST_ROWS}", str(len(rows))
        raise DesignError("too many combinations", field="choices", expected=expected, found=found, remedy=remedy)
    return rows
