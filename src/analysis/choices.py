"""The choices that nobody can prove right, each with its reason: the list that a user edits."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from itertools import product

from analysis.errors import DesignError

MOST_ROWS = 100


@dataclass(frozen=True)
class Specification:
    """One way to estimate the ratio; the defaults are the main one for short windows.

    Attributes
    ----------
    before : int or None
        Days of baseline before the window; None: from the first usable day on.
    both_sides : bool
        As many days after the window too, at most a year and as far as the data reach.
    trend : {"linear", "constant", "spline"}
    weekday, holidays : bool
    series : str
        How strikes are counted: "usual", or another series on offer.
    window : str
        Which strike days are inside: those covered by "half", by "any" part, or "whole".
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
    sets : mapping
        Fields of `Specification` and their values.
    reason : str
        Why somebody might choose so.
    crossed : bool
        Combined with every answer to the other crossed questions; if not, it departs alone from the main
        specification.
    outcome : str
        The only outcome it makes sense for; empty: all.

    Examples
    --------
    >>> Choice("baseline", "120 days", {"before": 120}, "four months").fits(Specification(before=120))
    True
    """

    axis: str
    name: str
    sets: Mapping
    reason: str
    crossed: bool = True
    outcome: str = ""

    def __post_init__(self):
        known = [field.name for field in fields(Specification)]
        for name in set(self.sets) - set(known) or ([] if self.sets else ["nothing"]):
            raise DesignError(
                f"the choice {self.name!r} sets no part of a specification", field="sets",
                expected=", ".join(known), found=name,
            )  # fmt: skip

    def fits(self, specification):
        """Whether a specification answers the question so."""
        return all(getattr(specification, name) == value for name, value in self.sets.items())


def _alone(axis, name, value, reason, outcome=""):
    return Choice(axis, name, {"window" if axis == "edges" else "series": value}, reason, False, outcome)


CHOICES = (
    Choice("baseline", "90 days", {"before": 90}, "closest to the pause, so the trend matters least; few windows"),
    Choice("baseline", "180 days", {"before": 180}, "half a year: one season"),
    Choice("baseline", "365 days", {"before": 365}, "a full year: every season once"),
    Choice("baseline", "700 days", {"before": 700}, "more windows, but from a smaller war"),
    Choice("baseline", "all days", {"before": None}, "from the first usable day on: no cut-off to choose"),
    Choice("sides", "before only", {"both_sides": False}, "what follows may be an effect of the pause"),
    Choice("sides", "before and after", {"both_sides": True}, "interpolates where the other extrapolates"),
    Choice("trend", "straight line", {"trend": "linear"}, "steady growth or decline in per cent"),
    Choice("trend", "no trend", {"trend": "constant"}, "a line can take a slow wave for growth"),
    Choice("trend", "curve", {"trend": "spline"}, "follows slow waves; needs 150 days after the window"),
    Choice("calendar", "weekdays, holidays", {"weekday": True, "holidays": True}, "both could shape the launches"),
    Choice("calendar", "weekdays", {"weekday": True, "holidays": False}, "truces fall on holidays, which are few"),
    Choice("calendar", "neither", {"weekday": False, "holidays": False}, "no such pattern is plain in the data"),
    _alone("edges", "partly covered: in", "any", "a pause of a few hours can still empty a night"),
    _alone("edges", "partly covered: out", "whole", "strikes outside the hours break no word"),
    _alone("counting", "evening: next day", "evening_rolled", "a raid that ends before midnight is of that night"),
    _alone("counting", "night reports only", "night_reports", "daytime reports became regular only with time"),
    _alone("counting", "last week dropped", "week_dropped", "late rows change the end of each copy of the data"),
    _alone("counting", "from 2025 on", "strict_start", "counts of 2024 are a little too low", "drones_launched"),
    _alone("counting", "7 Apr 2025: 84", "2025_04_07_is_84", "fills that month's published sum", "drones_launched"),
    _alone("counting", "regional rows too", "all_sources", "national reports can miss some", "missiles_launched"),
    _alone("counting", "strategic only", "strategic", "the missiles that energy truces meant", "missiles_launched"),
)


def list_specifications(choices, main):
    """The main specification, every combination of the crossed choices, and each departure alone.

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
        More than 100 rows, or something else than choices.

    Examples
    --------
    >>> len(list_specifications(CHOICES[:7], MAIN_SHORT))  # 5 baselines, each with 2 answers on sides
    10
    """
    wrong = [choice for choice in choices if not isinstance(choice, Choice)]
    if wrong or not choices:
        raise DesignError("not a list of choices", field="choices", expected="Choice(...), ...", found=repr(wrong)[:80])
    axes = {}
    for choice in choices:
        if choice.crossed:
            axes.setdefault(choice.axis, []).append(dict(choice.sets))
    rows = [replace(main, **{k: v for part in parts for k, v in part.items()}) for parts in product(*axes.values())]
    rows += [replace(main, **choice.sets) for choice in choices if not choice.crossed]
    rows = list(dict.fromkeys([main, *rows]))
    if len(rows) > MOST_ROWS:
        raise DesignError(
            "too many combinations to read", field="choices", expected=f"at most {MOST_ROWS}", found=str(len(rows)),
            remedy="drop a choice, or give the new one crossed=False",
        )  # fmt: skip
    return rows
