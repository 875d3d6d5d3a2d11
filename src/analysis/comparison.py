"""All pauses side by side: episodes, joint tests, and proposals that never became pauses."""

from dataclasses import dataclass, replace

import pandas as pd

from analysis.effects import NATIONAL, EffectsRecord, holm, shown, to_frame
from analysis.errors import DesignError
from analysis.estimation import estimate_effect
from analysis.joint import combine_effects
from analysis.pauses import load_pauses, volume_episodes
from analysis.procedure import VOLUME, not_ordinary
from analysis.results import forest_frame
from analysis.salvos import salvo_days
from analysis.sentences import FEWER, MORE, without_one
from analysis.tables import load_strikes, outcome_series
from analysis.tables import outcomes as catalogue

GROUPS = {
    "volume-truces": ("agreed", "unilateral"),
    "agreed-truces": ("agreed",),
    "unilateral-truces": ("unilateral",),
}
TITLES = {
    "volume-truces": "All truces", "agreed-truces": "Episodes with an agreed truce",
    "unilateral-truces": "Episodes of one side alone",
}  # fmt: skip
WITHOUT = "volume-truces-without-"  # and the episode that is left out
EPISODE = "episode:"  # and its id


@dataclass(frozen=True)
class Comparison:
    """Episodes of announced truces, each on its own and together.

    Attributes
    ----------
    episodes : tuple of PauseEffect
        One per episode and outcome, corrected over episodes by Holm's method.
    joint : tuple of PauseEffect
        One per group of truces and outcome.
    without : tuple of PauseEffect
        All truces together but one, for each that can be compared, and each outcome; exploratory.
    """

    episodes: tuple
    joint: tuple
    without: tuple

    def to_frame(self):
        """All rows, episodes first."""
        return to_frame([*self.episodes, *self.joint, *self.without])

    def record(self):
        """The effects as a notebook output that a batch can read back."""
        return EffectsRecord((*self.episodes, *self.joint, *self.without))

    def together(self, outcome, *, group="volume-truces"):
        """The joint finding for one outcome."""
        return next(e for e in self.joint if e.outcome == outcome and e.pause == group)

    def summary(self):
        """Do announced truces work at all? One finding per outcome, and how much it hangs on a single episode."""
        outcomes, told = dict.fromkeys(effect.outcome for effect in self.joint), []
        for outcome in outcomes:
            p_values = [e.p_value for e in self.without if e.outcome == outcome and e.p_value is not None]
            hangs = f" With one episode left out at a time: p {without_one(p_values)}." if p_values else ""
            told.append(self.together(outcome).summary() + hangs)
        return "\n\n".join(told)

    def episodes_frame(self):
        """The episodes: what flew, what was to be expected, and whether it could be told."""
        numbers = ["observed", "expected", "ratio", "p_value", "p_adjusted"]
        return _named(self.episodes, "verdict", "first_day", "last_day", *numbers)

    def groups_frame(self):
        """The groups of truces tested together."""
        interval = ["observed", "expected", "ratio", "ratio_low", "ratio_high"]
        return _named(self.joint, "verdict", "n_days", *interval, "p_value", "p_min", "smallest_visible_cut")

    def describe(self):
        """Alternative text of the forest."""
        told = sum(effect.verdict in (FEWER, MORE) for effect in self.episodes)
        return f"Ratios of launched to expected with intervals for {len(self.episodes)} episodes and outcomes, " + (
            f"{told} of them told from chance, and for the groups together. {self.summary()}"
        )

    def plot(self, ax=None):
        """Draw all episodes and groups as a forest."""
        from analysis.figures import draw_forest

        return draw_forest(forest_rows([*self.episodes, *self.joint]), ax=ax)


def compare_truces(*, outcomes=VOLUME, level=0.95, seed=0, registry=None, folder=None):
    """Test every episode of announced general truces, and groups of them together.

    Overlapping or adjacent truces are one episode; energy moratoria and pauses for single cities promised
    something else and are left to their own pages.

    Parameters
    ----------
    outcomes : sequence of str
        Names in the catalogue of outcomes.
    level : float
        Confidence level.
    seed : int
        For the draws behind the joint p-values.
    registry : mapping of Pause, optional
    folder : path, optional
        Folder of tables.

    Returns
    -------
    Comparison
    """
    registry = load_pauses() if registry is None else registry
    salvos = salvo_days(load_strikes(folder=folder)["missiles_launched"])
    episodes, exclude = volume_episodes(registry), not_ordinary(registry)
    alone, joint, without = [], {group: [] for group in GROUPS}, []
    for outcome in outcomes:
        series = outcome_series(outcome, folder=folder)
        effects = []
        for episode in episodes:
            announced = filter(None, (registry[name].first_announced_day() for name in episode.pauses))
            found = estimate_effect(
                series, episode.days, exclude=exclude, announced=min(announced, default=None), salvo_days=salvos,
                level=level,
            )  # fmt: skip
            effects.append(replace(found, pause=EPISODE + episode.id, claim="main", stratum=NATIONAL))
        alone += holm(effects)
        for group, statuses in GROUPS.items():
            members = [e for e, episode in zip(effects, episodes, strict=True) if episode.status in statuses]
            joint[group].append(replace(combine_effects(members, level=level, seed=seed), pause=group))
        for one in (effect for effect in effects if effect.n_placebo):
            rest = combine_effects([effect for effect in effects if effect is not one], level=level, seed=seed)
            without.append(replace(rest, pause=WITHOUT + one.pause.removeprefix(EPISODE)))
    together = [effect for members in joint.values() for effect in holm(members)]
    return Comparison(tuple(alone), tuple(together), tuple(without))


def proposed_only(*, outcomes=VOLUME, level=0.95, registry=None, folder=None):
    """Proposals with both dates stated that nobody agreed to, tested like pauses.

    They are points of reference, few and clustered in time: no uniformity of their p-values is claimed. Parameters
    are those of `compare_truces`.

    Returns
    -------
    DataFrame
        Columns pause, outcome, first_day, last_day, ratio, p_value, p_min, verdict.
    """
    registry = load_pauses() if registry is None else registry
    exclude = not_ordinary(registry)
    salvos = salvo_days(load_strikes(folder=folder)["missiles_launched"])
    rows = []
    for pause in registry.values():
        if pause.status != "proposed-only" or not any(claim.stated for claim in pause.claims):
            continue
        days = pause.days()
        for outcome in outcomes:
            if days.isin(exclude).any() or days[0] < pd.Timestamp(catalogue()[outcome].first_day):
                continue
            found = estimate_effect(
                outcome_series(outcome, folder=folder), days, exclude=exclude, salvo_days=salvos, level=level
            )
            rows.append(replace(found, pause=pause.name, claim=pause.main))
    return shown(rows, "pause", "outcome", "first_day", "last_day", "ratio", "p_value", "p_min", "verdict")


def forest_rows(effects, *, registry=None):
    """The frame that `draw_forest` reads: label, ratio, interval, and whether it could be told from chance.

    Raises DesignError where there is no effect to draw.
    """
    if not effects:
        raise DesignError("no effects to draw", field="effects", expected="at least one")
    registry = load_pauses() if registry is None else registry
    rows = to_frame(effects)
    return forest_frame(rows.assign(name=[_title(name, registry) for name in rows["pause"]]))


def _named(effects, *columns):
    """Chosen columns for readers, pauses and groups by their names."""
    registry = load_pauses()
    named = [replace(effect, pause=_title(effect.pause, registry)) for effect in effects]
    return shown(named, "pause", "outcome", *columns)


def _title(name, registry):
    name = name.removeprefix(EPISODE)
    if name in registry:
        return registry[name].name
    if name in TITLES:
        return TITLES[name]
    kind, _, day = name.partition("-")  # such as truces-2026-05-06
    return f"{kind.capitalize()} of {pd.Timestamp(day):%B %Y}"
