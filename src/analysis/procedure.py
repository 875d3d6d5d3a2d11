"""The fixed procedure by which one pause is tested: decided before any result, the same for every pause."""

from dataclasses import dataclass, replace

import pandas as pd

from analysis.assessment import HORIZONS, PRIMARY_HORIZON, Assessment, inferred_zeros
from analysis.effects import NATIONAL, holm
from analysis.estimation import estimate_effect, estimate_rebound, with_week_after
from analysis.layout import ONE_DAY, SHORT_WINDOW
from analysis.pauses import Pause, get_pause, load_pauses, reported_pauses
from analysis.salvos import estimate_lull, salvo_days
from analysis.sentences import DEPENDS, NOT_TESTABLE, days_text
from analysis.tables import load_strikes, outcome_series
from analysis.tables import outcomes as catalogue

VOLUME = ("drones_launched", "missiles_launched")


@dataclass(frozen=True)
class _Setting:
    """What all estimates of one pause share."""

    pause: Pause
    exclude: tuple
    busy: set
    salvos: pd.DatetimeIndex
    baseline: int | None
    level: float
    folder: object

    def series(self, outcome):
        return outcome_series(outcome, folder=self.folder)

    def estimate(self, outcome, days, claim, *, window="pause", stratum=NATIONAL, **options):
        """One effect with its key filled in."""
        effect = estimate_effect(
            self.series(outcome), days, exclude=self.exclude, salvo_days=self.salvos, baseline=self.baseline,
            level=self.level, **options,
        )  # fmt: skip
        return self.keyed(effect, claim, window, stratum)

    def keyed(self, effect, claim, window, stratum=NATIONAL):
        return replace(effect, pause=self.pause.id, claim=claim, window=window, stratum=stratum)


def assess(pause_id, *, claim="main", outcomes=VOLUME, baseline=None, level=0.95, registry=None, folder=None):
    """Test one announced pause.

    Parameters
    ----------
    pause_id : str
        Id in the registry.
    claim : str
        "main", or the id of one party's claim.
    outcomes : sequence of str
        Names in the catalogue of outcomes.
    baseline : int, optional
        Days of baseline before the window; by default 365, or 700 for long windows. The rebound tests keep 365.
    level : float
        Confidence level of the intervals; 1 - level is the false-alarm rate in use.
    registry : mapping of Pause, optional
        By default the project's registry.
    folder : path, optional
        Folder of tables.

    Returns
    -------
    Assessment
        Holm's correction spans the testable outcomes of the main claim; every other row is exploratory and
        has no adjusted p-value.

    Raises
    ------
    RegistryError
        Unknown pause or claim, or a claim without a window.
    DataError
        Unknown outcome or damaged table.
    DesignError
        A baseline or level that makes no sense.

    Examples
    --------
    >>> assess("victory-day-2025").primary("drones_launched").verdict
    'fewer'
    """
    setting = _set_up(pause_id, baseline=baseline, level=level, registry=registry, folder=folder)
    pause, chosen = setting.pause, setting.pause.claim(claim).id
    decided, from_strict = _decide_both_starts(setting, chosen, outcomes, in_family=chosen == pause.main)
    effects = [*decided, *from_strict]
    effects += [row for effect in decided for row in _companions(setting, effect)]
    effects += [row for outcome in outcomes for row in _around(setting, outcome, chosen)]
    for other in pause.other_claims(chosen):
        effects += _decide_both_starts(setting, other, outcomes, in_family=False)[0]
    lull = estimate_lull(setting.series("missiles_launched"), pause.days(chosen), exclude=setting.exclude)
    until = setting.series(outcomes[0]).index[-1]
    inferred = inferred_zeros(load_strikes(folder=folder))
    return Assessment(pause, chosen, tuple(effects), lull, until, frozenset(setting.busy), frozenset(inferred))


def decide_pause(pause_id, *, claim="main", outcomes=VOLUME, baseline=None, level=0.95, registry=None, folder=None):
    """Only the effects that decide in `assess`, one per outcome, without those around them.

    Parameters and errors are those of `assess`.

    Returns
    -------
    list of PauseEffect

    Examples
    --------
    >>> [effect.verdict for effect in decide_pause("victory-day-2025")]
    ['fewer', 'not testable']
    """
    setting = _set_up(pause_id, baseline=baseline, level=level, registry=registry, folder=folder)
    chosen = setting.pause.claim(claim).id
    return _decide_both_starts(setting, chosen, outcomes, in_family=chosen == setting.pause.main)[0]


def _set_up(pause_id, *, baseline, level, registry, folder):
    registry = load_pauses() if registry is None else registry
    pause = get_pause(registry, pause_id)
    return _Setting(
        pause=pause,
        exclude=tuple(not_ordinary(registry, besides=pause)),
        busy=days_of_others(registry, pause),
        salvos=salvo_days(load_strikes(folder=folder)["missiles_launched"]),
        baseline=baseline,
        level=level,
        folder=folder,
    )


def days_of_others(registry, pause):
    """The set of days that belong to reported pauses other than this one."""
    return {day for other in reported_pauses(registry) if other.id != pause.id for day in other.days()}


def not_ordinary(registry, *, besides=None):
    """Days that are no baseline: reported pauses, announcement to start, and a week after each.

    Parameters
    ----------
    registry : mapping of Pause
    besides : Pause, optional
        The pause being tested: only its parties' other windows are left out.

    Returns
    -------
    DatetimeIndex
    """
    days = set()
    for pause in reported_pauses(registry):
        if besides is not None and pause.id == besides.id:
            days.update(day for claim in pause.claims if claim.stated for day in pause.days(claim.id))
            continue
        days.update([*with_week_after(pause.days()), *pause.announced_days()])
    return pd.DatetimeIndex(sorted(days), name="day")


def _decide_both_starts(setting, claim, outcomes, *, in_family):
    """The deciding effect of each outcome, and the same from the stricter start of its series.

    A member of the family is held to the whole family, whether the others were asked for or not.
    """
    asked, members = outcomes, [name for name, outcome in catalogue().items() if outcome.in_family]
    if in_family and set(asked) & set(members):
        outcomes = list(dict.fromkeys([*asked, *members]))
    days, announced = setting.pause.days(claim), setting.pause.first_announced_day(claim)
    usual = [setting.estimate(outcome, days, claim, announced=announced) for outcome in outcomes]
    strict = [_strict(setting, effect, days, announced) for effect in usual]
    if in_family:
        family = [i for i, outcome in enumerate(outcomes) if outcome in members]
        usual = _adjusted(family, usual)
        instead = _adjusted(family, [stricter or effect for stricter, effect in zip(strict, usual, strict=True)])
        strict = [stricter and effect for stricter, effect in zip(strict, instead, strict=True)]
    decided = [_reconciled(setting, effect, stricter) for effect, stricter in zip(usual, strict, strict=True)]
    return [effect for effect in decided if effect.outcome in asked], [
        effect for effect in strict if effect is not None and effect.outcome in asked
    ]


def _adjusted(family, effects):
    """Holm's correction for the members of the family; the others as they are."""
    corrected = dict(zip(family, holm([effects[i] for i in family]), strict=True))
    return [corrected.get(i, effect) for i, effect in enumerate(effects)]


def _strict(setting, effect, days, announced):
    """The effect from the stricter start, where that start changes the baseline."""
    start = catalogue()[effect.outcome].strict_first_day
    first = effect.baseline_first_day
    if start is None or first is None or not first < pd.Timestamp(start).date() < effect.first_day:
        return None
    return setting.estimate(
        effect.outcome, days, effect.claim, announced=announced, first_day=start, stratum=f"from {start}"
    )


def _reconciled(setting, usual, strict):
    """One verdict from both starts: where they differ, it depends on a choice."""
    if usual.observed is None or usual.p_value is None:
        return replace(usual, reason=usual.reason + _quiet_around(setting, usual))
    if strict is None:
        return usual
    start = strict.stratum.removeprefix("from ")
    if strict.p_value is None:
        return replace(usual, reason=f"{usual.reason}; from {start} alone: {strict.reason}")
    if strict.verdict == usual.verdict:
        return replace(usual, reason=f"{usual.reason}; the same with a baseline from {start}")
    why = f"{usual.verdict} with a baseline from {usual.baseline_first_day}, {strict.verdict} with one from {start}"
    return replace(usual, verdict=DEPENDS, reason=f"{why}; {usual.reason}")


def _quiet_around(setting, effect):
    """For a window outside the usable days: whether it differs at all from the days around it, in words."""
    counts = outcome_series(effect.outcome, first_day="2022-01-01", drop_last=0, folder=setting.folder)
    inside = counts[str(effect.first_day) : str(effect.last_day)]
    if not len(inside) or not (inside == 0).all():
        return ""
    flown = counts.index[counts > 0]
    before, after = flown[flown < inside.index[0]], flown[flown > inside.index[-1]]
    if not len(before) or not len(after):
        return ""
    first, last = before[-1] + ONE_DAY, after[0] - ONE_DAY
    length = (last - first).days + 1
    return (
        f", and the file lists none on any of the {length} days from {first:%Y-%m-%d} to {last:%Y-%m-%d}, truce or not"
    )


def _companions(setting, effect):
    """The other placebo test beside the deciding one, where there is one to make."""
    if effect.p_value is None or effect.n_days > SHORT_WINDOW:
        return []
    other = "shift" if effect.test == "after-salvo" else "after-salvo"
    days = pd.date_range(effect.first_day, effect.last_day)
    announced = setting.pause.first_announced_day(effect.claim)
    row = setting.estimate(effect.outcome, days, effect.claim, announced=announced, test=other)
    return [replace(row, reason=f"companion, not deciding; {row.reason}")] if row.n_placebo else []


def _around(setting, outcome, claim):
    """Rows for the days before and after: anticipation, rebound, and the pause and what followed together."""
    pause, series = setting.pause, setting.series(outcome)
    days, announced = pause.days(claim), pause.first_announced_day(claim)
    rows = []
    if len(waiting := pause.announced_days(claim)):
        rows.append(setting.estimate(outcome, waiting, claim, window="announced-to-start"))
    for horizon in HORIZONS:
        after = estimate_rebound(
            series, days, horizon=horizon, exclude=setting.exclude, announced=announced, level=setting.level
        )
        rows.append(setting.keyed(after, claim, f"after-{horizon}"))
    both = pd.date_range(days[0], days[-1] + PRIMARY_HORIZON * ONE_DAY)
    together = f"pause+after-{PRIMARY_HORIZON}"
    rows.append(setting.estimate(outcome, both, claim, window=together, announced=announced, test="shift"))
    return [_unless_busy(setting, row) for row in rows]


def _unless_busy(setting, effect):
    """No test where the days belong to another pause."""
    days = pd.date_range(effect.first_day, effect.last_day)
    own = set(setting.pause.days(effect.claim))
    shared = sum(day in setting.busy and day not in own for day in days)
    if not shared or effect.p_value is None:
        return effect
    return replace(
        effect, testable=False, verdict=NOT_TESTABLE, p_value=None, p_min=None, smallest_visible_cut=None,
        reason=f"{days_text(shared)} of these {len(days)} inside another announced pause",
    )  # fmt: skip
