"""A test fixed before the data: thresholds night by night for a pause whose nights the tables do not hold yet.

A plan is a file in `data/plans/`, written once; when the tables hold the nights, the same rule decides.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import numpy as np
import pandas as pd
from pydantic import Field, TypeAdapter

from analysis.days import today
from analysis.errors import DesignError, RegistryError
from analysis.estimate import obstacle
from analysis.expected import Floats
from analysis.pauses import FILE, Pause, get_pause, load_pauses
from analysis.placebo import ADDED, TIE, mean_log
from analysis.places import parsed
from analysis.setting import SIRENS, VOLUME, Registry, Setting, not_ordinary
from analysis.tables import data_folder, outcome_series, outcomes
from analysis.windows import BASELINE_SHORT, ONE_DAY, SHORT_WINDOW, Layout, lay_out
from analysis.words import describe_followed, describe_plan, not_planned, say_when_fixed

FOLDER = "plans"
Number = Annotated[float, Field(ge=0, allow_inf_nan=False)]
PLANNED = (VOLUME[0], SIRENS)
LEVEL = 0.95
FORTNIGHT = 14
LONGEST_GAP = 100  # days from data to first night: 3 to 6 % alarms up to there, 30 % at 175 (benchmarks/gaps.csv)
RULES = {
    "statistic": "mean-log: mean over the nights of log((counted + 5) / (expected + 5))",
    "side": "less: only fewer than expected is asked",
    "test": "shift: all other windows of the same length in the baseline; those soon after a mass salvo count like any",
    "baseline": f"{BASELINE_SHORT} days before the announcement; trend, weekday, holidays; other pauses left out",
    "looks": "after every night; each look is held to `p_at_most`, so that the whole is wrong as often as `level` says",
}


@dataclass(frozen=True)
class Look:
    """After so many nights, how many are expected, and the largest total that would be found; None: not even none."""

    nights: int
    expected: Number
    at_most: int | None = None


@dataclass(frozen=True)
class Planned:
    """The looks at one outcome, and the p-value each of them is held to."""

    outcome: str
    p_at_most: Number
    looks: tuple[Look, ...]


@dataclass(frozen=True)
class Plan:
    """A plan as its file holds it; `tables` gives the sha256 of what it was computed from."""

    pause: str
    claim: str
    first_day: date
    last_day: date
    fixed: date
    version: str
    level: Number
    outcomes: tuple[Planned, ...]
    tables: dict[str, str]
    why_window: str = ""
    rules: Mapping[str, str] = field(default_factory=RULES.copy)

    @property
    def days(self) -> pd.DatetimeIndex:
        """The planned nights."""
        return pd.date_range(self.first_day, self.last_day, name="day")


@dataclass(frozen=True)
class Seen:
    """One look taken: counted and expected so far, the p-value, and whether it is at most what the plan asks."""

    nights: int
    observed: float
    expected: float
    p_value: float
    found: bool


def look_p_values(layout: Layout, n_looks: int) -> tuple[Floats, Floats]:
    """p-values of the looks at the window (K,) and at every placebo window (M, K), one-sided for fewer.

    Windows are looked at after their first night, their first two, and so on; each is ranked among all others at the
    same look. The window takes no part in the fit: at a look its later nights are not there yet.
    """
    scores = _look_scores(layout, n_looks)
    n_placebo = len(scores) - 1
    at_or_below = (scores[:-1, None] <= scores + TIE).sum(0)  # how many placebos are, for each of them and the window
    return (1 + at_or_below[-1]) / (1 + n_placebo), at_or_below[:-1] / n_placebo


def _look_scores(layout: Layout, n_looks: int) -> Floats:
    """The statistic at each look of every placebo window and, last, of the window (M + 1, K)."""
    places = np.append(layout.starts, layout.start)[:, None] + np.arange(n_looks)
    seen, means = layout.filled[places], layout.expect(layout.filled, layout.baseline)[places]
    return np.column_stack([mean_log(seen[:, :nights], means[:, :nights]) for nights in range(1, n_looks + 1)])


def allowed_p(placebos: Floats, alpha: float) -> float:
    """The p-value to hold every look to, so that at most `alpha` of the windows (M, K) ever fall below it.

    The smallest p over the looks, window by window, is ranked like any other statistic (Westfall and Young 1993).

    >>> allowed_p(np.arange(1, 101)[:, None] / 100, 0.05)
    0.05
    """
    smallest = np.sort(placebos.min(axis=1))
    limit = smallest[int(np.floor(alpha * len(smallest) + 1e-9))]
    return float(smallest[smallest < limit].max(initial=0.0))


def plan_outcome(
    counts: pd.Series,
    days: pd.DatetimeIndex,
    *,
    exclude: pd.DatetimeIndex,
    level: float,
    announced: pd.Timestamp | None = None,
) -> Planned:
    """The looks at one series that ends before the window, though not long before."""
    last, ahead = counts.last_valid_index(), days_ahead(counts, days[0])
    if ahead > LONGEST_GAP:
        told = {"expected": f"at most {LONGEST_GAP} days from there to the first night", "found": f"{ahead} days"}
        remedy = "bring newer data: pauses data fetch"
        raise DesignError("the data end too early", field=str(counts.name), remedy=remedy, **told)
    if last >= days[0]:
        told = {"expected": f"a first night after {last:%Y-%m-%d}", "found": f"{days[0]:%Y-%m-%d}"}
        remedy = "test the pause: its nights are in the tables"
        raise DesignError("a plan comes before the data", field="days", remedy=remedy, **told)
    layout = _layout(counts[:last], days, days[0] if announced is None else announced, exclude)
    expected = layout.expect(layout.filled, layout.baseline)[layout.start :]
    p_at_most = allowed_p(look_p_values(layout, len(days))[1], round(1 - level, 12))
    ordered = np.sort(_look_scores(layout, len(days))[:-1], axis=0)
    allowed = int(np.floor(p_at_most * (len(ordered) + 1) + TIE)) - 1  # windows that may be as low or lower
    looks = []
    for nights, placebos in enumerate(ordered.T, 1):
        here = expected[:nights]
        most = ((here + ADDED) * np.exp(placebos[allowed]) - ADDED).sum() if allowed >= 0 else 0.0
        looks.append(Look(nights, round(float(here.sum()), 1), int(np.ceil(most)) - 1 if most > 0 else None))
    return Planned(str(counts.name), p_at_most, tuple(looks))


def days_ahead(counts: pd.Series, first: pd.Timestamp) -> int:
    """How many days before a first night a series ends; a few nights typed in long after the table are no end."""
    last = counts[counts.rolling(FORTNIGHT, min_periods=1).count() >= FORTNIGHT / 2].last_valid_index()
    if last is None:
        raise DesignError("no count to plan from", field=str(counts.name), expected="a series with reports")
    return (first - last).days


def _announced(pause: Pause, claim: str, first: pd.Timestamp) -> pd.Timestamp:
    """The day from which a plan takes no baseline: that of the announcement, at the latest the first night."""
    told = pause.first_announced_day(claim) if pause.claim(claim).start else None
    return first if told is None else min(told, first)


def _layout(counts: pd.Series, days: pd.DatetimeIndex, announced: pd.Timestamp, exclude: pd.DatetimeIndex) -> Layout:
    """The baseline of a plan: the days before the announcement, as far as the counts reach."""
    span = (announced - BASELINE_SHORT * ONE_DAY, days[-1])
    layout = lay_out(counts, days, baseline=span, announced=announced, exclude=exclude, trend="linear")
    return replace(layout, pattern=np.ones(len(days), bool))  # nights to come are compared with whole windows


def make_plan(
    pause: Pause,
    *,
    claim: str = "main",
    days: pd.DatetimeIndex | None = None,
    why_window: str = "",
    registry: Registry | None = None,
    folder: Path | None = None,
) -> Plan:
    """The plan of a pause whose nights the tables do not hold; `days` names a window where no claim states one."""
    chosen = pause.claim(claim)
    window = pause.days_to_test(chosen.id) if days is None else days
    if len(window) > SHORT_WINDOW:
        expected, remedy = f"at most {SHORT_WINDOW} nights", "name a shorter window with --first and --last"
        problem = "too long for looks every night"
        raise DesignError(problem, field="days", expected=expected, found=f"{len(window)}", remedy=remedy)
    exclude = not_ordinary(load_pauses() if registry is None else registry, besides=pause)
    series = [outcome_series(name, folder=folder) for name in PLANNED]
    series = [counts for counts in series if not counts[window[0] :].notna().any()] or series  # or refused
    told = {"exclude": exclude, "level": LEVEL, "announced": _announced(pause, chosen.id, window[0])}
    place = data_folder() if folder is None else folder
    files = dict.fromkeys([f"{outcomes()[str(counts.name)].table}.csv" for counts in series] + [FILE])
    return Plan(
        pause=pause.id, claim=chosen.id, first_day=window[0].date(), last_day=window[-1].date(), fixed=date.today(),
        version=version("strike-pauses"), level=LEVEL, why_window=why_window,
        outcomes=tuple(plan_outcome(counts, window, **told) for counts in series),
        tables={name: hashlib.sha256((place / name).read_bytes()).hexdigest() for name in files},
    )  # fmt: skip


def describe_looks(plan: Plan, *, folder: Path | None = None) -> list[str]:
    """What a plan calls out of the ordinary, how far before its nights the data end, and which outcome it leaves."""
    told = [line for planned in plan.outcomes for line in _waiting(plan, planned, folder)]
    return told + [not_planned(name) for name in PLANNED if name not in {planned.outcome for planned in plan.outcomes}]


def _waiting(plan: Plan, planned: Planned, folder: Path | None) -> list[str]:
    return describe_plan(planned, days_ahead(outcome_series(planned.outcome, folder=folder), plan.days[0]))


def follow_plan(
    plan: Plan, planned: Planned, *, registry: Registry, folder: Path | None = None
) -> tuple[tuple[Seen, ...], str | None]:
    """The looks that the tables allow so far, on the baseline of the plan, and why they decide nothing, if so."""
    pause, counts = get_pause(registry, plan.pause), outcome_series(planned.outcome, folder=folder)
    held = int(counts.reindex(plan.days).notna().cumprod().sum())
    if not held:
        return (), None
    announced, exclude = _announced(pause, plan.claim, plan.days[0]), not_ordinary(registry, besides=pause)
    refused = obstacle(lay_out(counts, plan.days, announced=announced, exclude=exclude), counts)
    layout = _layout(counts, plan.days[:held], announced, exclude)
    nights = slice(layout.start, layout.start + held)
    seen = layout.filled[nights].cumsum()
    expected = layout.expect(layout.filled, layout.baseline)[nights].cumsum()
    p_values, _ = look_p_values(layout, held)
    found = (p_values <= planned.p_at_most) & (seen < expected) & (refused is None)  # only fewer is asked
    looks = (Seen(k + 1, float(seen[k]), float(expected[k]), float(p_values[k]), bool(found[k])) for k in range(held))
    return tuple(looks), refused


def describe_following(setting: Setting) -> str:
    """What the plan of a pause finds, when it was fixed, and any departure from it; empty where there is no plan."""
    plan = load_plan(setting.pause.id, folder=setting.folder)
    if plan is None:
        return ""
    told = []
    for planned in plan.outcomes:
        looks, refused = follow_plan(plan, planned, **setting.read_from)
        waiting = [] if looks else _waiting(plan, planned, setting.folder)
        told += waiting or [describe_followed(plan, planned, looks, refused)]
    return " ".join([say_when_fixed(plan, departures(plan, setting)), *told])


def departures(plan: Plan, setting: Setting) -> list[str]:
    """Where what would be tested now is not what the plan fixed, in words; newer tables are none."""
    now = setting.pause.days(plan.claim) if plan.claim in setting.claims else plan.days
    left = []
    if not plan.why_window and not now.equals(plan.days):
        left.append(f"the registry now has the window {now[0]:%Y-%m-%d} to {now[-1]:%Y-%m-%d}")
    if plan.rules != RULES:
        changed = [name for name, rule in RULES.items() if plan.rules.get(name) != rule]
        left.append(f"the rules were worded otherwise on {', '.join(changed) or 'what is no longer asked'}")
    if plan.level != setting.level:
        left.append(f"it holds to a level of {plan.level:g}, not {setting.level:g}")
    return left


def _place(pause_id: str, folder: Path | None) -> Path:
    return (data_folder() if folder is None else Path(folder)) / FOLDER / f"{pause_id}.toml"


def load_plan(pause_id: str, *, folder: Path | None = None) -> Plan | None:
    """The plan of a pause; None where there is none, RegistryError where what it states cannot be followed."""
    path = _place(pause_id, folder)
    if not path.is_file():
        return None
    place, remedy = f"{FOLDER}/{path.name}", "restore the file from version control"
    try:
        plan = TypeAdapter(Plan).validate_python(parsed(place, path.read_bytes(), error=RegistryError))
    except ValueError as error:
        found = " ".join(str(error).split())[:200]
        raise RegistryError("not a plan", file=place, found=found, remedy=remedy) from error
    n_nights, known = (plan.last_day - plan.first_day).days + 1, outcomes()
    alpha, looked = round(1 - plan.level, 12), [look.nights for one in plan.outcomes for look in one.looks]
    held = {
        "pause": (plan.pause == pause_id, f"{pause_id}, as the file is named"),
        "fixed": (plan.fixed <= today(), "no day to come"),
        "last_day": (1 <= n_nights <= SHORT_WINDOW, f"1 to {SHORT_WINDOW} nights from {plan.first_day}"),
        "outcomes": ({one.outcome for one in plan.outcomes} <= {*known}, f"known ones: {', '.join(known)}"),
        "level": (0.5 <= plan.level < 1, "0.5 to below 1"),
        "p_at_most": (all(one.p_at_most <= alpha for one in plan.outcomes), f"0 to {alpha:g}"),
        "looks": ([*range(1, n_nights + 1)] * len(plan.outcomes) == looked, f"{n_nights} nights, in order"),
    }
    for name, expected in ((name, expected) for name, (right, expected) in held.items() if not right):
        found = " ".join(str(getattr(plan, name, "others")).split())[:80]
        raise RegistryError("not a plan", file=place, field=name, expected=expected, found=found, remedy=remedy)
    return plan


def write_plan(plan: Plan, *, folder: Path | None = None) -> Path:
    """Write a plan to its file, whole or not at all; RegistryError where there is one: it is never overwritten."""
    path, content = _place(plan.pause, folder), as_toml(plan).encode("utf-8", "replace")
    place = f"{FOLDER}/{path.name}"
    try:
        path.parent.mkdir(exist_ok=True)
        with path.open("xb") as file:
            file.write(content)
    except FileExistsError:
        remedy = "follow it; a plan is never overwritten"
        raise RegistryError("there is a plan already", file=place, remedy=remedy) from None
    except OSError as error:
        path.unlink(missing_ok=True)
        problem, remedy = "cannot be written; no plan is fixed", "make room or give leave to write, then plan again"
        raise RegistryError(problem, file=place, found=error.strerror, remedy=remedy) from error
    return path


def as_toml(plan: Plan) -> str:
    """The text of a plan's file."""
    plain = ("pause", "claim", "first_day", "last_day", "why_window", "fixed", "version", "level")
    values = {name: getattr(plan, name) for name in plain}
    lines = ["# A test fixed before its data. Never overwritten; once the tables hold the nights it decides."]
    lines += [f"{name} = {_quoted(v) if isinstance(v, str) else v}" for name, v in values.items()]
    for title, table in (("rules", plan.rules), ("tables", plan.tables)):
        lines += ["", f"[{title}]", *(f"{_quoted(name)} = {_quoted(text)}" for name, text in table.items())]
    for planned in plan.outcomes:
        lines += ["", "[[outcomes]]", f"outcome = {_quoted(planned.outcome)}", f"p_at_most = {planned.p_at_most!r}"]
        lines.append("looks = [")
        for look in planned.looks:
            most = "" if look.at_most is None else f", at_most = {look.at_most}"
            lines.append(f"    {{ nights = {look.nights}, expected = {look.expected}{most} }},")
        lines.append("]")
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    """A text as TOML has it: the escapes of JSON, and one more."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
