"""The choices that nobody can prove right, each with its reason: the list that a user edits."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from itertools import product

from analysis.errors import DesignError

MOST_ROWS = 100
EDGES = "partly covered days"  # the one question that is about the window


@dataclass(frozen=True)
class Specification:
    """One way to estimate the ratio; the defaults are the main one for short windows.

    Attributes
    ----------
    before : int or None
        Days of baseline before the window; None: from the first usable day on.
    both_sides : bool
        As many days after the window too, at most a year and as far as the data reach.
    trend, weekday, holidays
        As in `estimate_effect`.
    series : str
        How strikes are counted: "usual", or another series on offer.
    window : str
        Strike days covered by "half" are inside, or another window on offer.
    """

    before: int | None = 365
    both_sides: bool = False
    trend: str = "linear"
    weekday: bool = True
    holidays: bool = True
    series: str = "usual"
    window: str = "half"


MAIN_SHORT = Specification()
MAIN_LONG = Specification(before=700, both_sides=True, trend="spline")


@dataclass(frozen=True)
class Choice:
    """One defensible answer to one question of design.

    Attributes
    ----------
    axis, name : str
        The question, and this answer to it in a few words.
    reason : str
        Why somebody might choose so.
    sets : mapping
        Fields of `Specification` and their values.
    crossed : bool
        Combined with every answer to the other crossed questions; if not, it only departs from the main
        specification, alone.
    outcome : str
        The only outcome it makes sense for; empty: all.

    Examples
    --------
    >>> Choice("baseline", "120 days", "four months", {"before": 120}).fits(Specification(before=120))
    True
    """

    axis: str
    name: str
    reason: str
    sets: Mapping
    crossed: bool = True
    outcome: str = ""

    def __post_init__(self):
        known = [field.name for field in fields(Specification)]
        wrong = [name for name in self.sets if name not in known]
        if wrong or not self.sets:
            found = ", ".join(wrong) or "nothing"
            raise DesignError("no part of a specification", field=self.name, expected=", ".join(known), found=found)

    def fits(self, specification):
        """Whether a specification answers the question so."""
        return all(getattr(specification, name) == value for name, value in self.sets.items())


def _counted(name, series, reason, outcome=""):
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
    _counted("7 Apr 2025: 84", "2025_04_07_is_84", "fills the published total of that month", "drones_launched"),
    _counted("regional too", "all_sources", "national reports may miss some; some count twice", "missiles_launched"),
    _counted("strategic only", "strategic", "tactical missiles are front-line weapons", "missiles_launched"),
)


def list_specifications(choices, main):
    """The main specification, every combination of the crossed choices, and each other choice alone.

    Parameters
    ----------
    choices : sequence of Choice
    main : Specification

    Returns
    -------
    list of Specification
        The main one first; none twice.

    Raises
    ------
    DesignError
        Not a list of choices, or more than 100 rows.

    Examples
    --------
    >>> len(list_specifications(CHOICES[:7], MAIN_SHORT))  # 5 baselines, each with 2 answers on sides
    10
    """
    if not choices or not all(isinstance(choice, Choice) for choice in choices):
        raise DesignError(
            "not a list of choices", field="choices", expected="at least one Choice", found=repr(choices)[:80]
        )
    axes = {}
    for choice in choices:
        if choice.crossed:
            axes.setdefault(choice.axis, []).append(choice.sets)
    rows = [main]
    for combination in product(*axes.values()):
        rows.append(replace(main, **{name: value for sets in combination for name, value in sets.items()}))
    rows += [replace(main, **choice.sets) for choice in choices if not choice.crossed]
    rows = list(dict.fromkeys(rows))
    if len(rows) > MOST_ROWS:
        raise DesignError(
            "too many combinations to read", field="choices", expected=f"at most {MOST_ROWS}", found=str(len(rows)),
            remedy="leave a choice out, or add yours with crossed=False",
        )  # fmt: skip
    return rows
