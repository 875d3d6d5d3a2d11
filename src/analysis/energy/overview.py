"""Was energy spared in any of the reported pauses? Every measure of every pause side by side, from the record."""

from dataclasses import dataclass
from datetime import date

import pandas as pd

from analysis.effects import PauseEffect, to_frame
from analysis.energy.measures import MEASURES, energy_days, measure_of
from analysis.energy.wording import WITNESSES, agreement, speaks, table_of
from analysis.pauses import load_pauses, reported_pauses
from analysis.sentences import DEPENDS, FEWER, MORE, capital


@dataclass(frozen=True)
class EnergyOverview:
    """The main series of each measure in each reported pause.

    Attributes
    ----------
    names : dict of str to str
        Id and name of each pause.
    effects : tuple of PauseEffect
        As recorded: main claim, main series, deciding test, without their daily frames.
    trials : tuple of float
        For each effect, what the hits of its days are counted among.
    """

    names: dict
    effects: tuple
    trials: tuple

    def to_frame(self):
        """The recorded rows."""
        return to_frame(self.effects)

    def summary(self):
        """What the readings could show and did, whether those of one pause agree, why others are mute (Markdown)."""
        speaking = [effect for effect in self.effects if speaks(effect)]
        lines = [
            f"**Of {len(self.effects)} readings (a pause by a measure), {_power(speaking)}{_tally(speaking)}.** "
            f"{WITNESSES}\n"
        ]
        for pause, name in self.names.items():
            if sum(effect.pause == pause for effect in speaking) > 1:
                lines.append(f"* **{name}.** {agreement([e for e in self.effects if e.pause == pause])}")
        for measure in dict.fromkeys(map(measure_of, self.effects)):
            mute = [self.names[e.pause] for e in self.effects if measure_of(e) is measure and e not in speaking]
            if mute:
                lines.append(
                    f"* **{capital(measure.title)}** cannot speak about: {'; '.join(mute)}. {capital(measure.blind)}."
                )
        return "\n".join(lines)

    def side_by_side(self):
        """The readings that speak: share inside and outside, verdict, and what could have been seen."""
        rows = [(e, n) for e, n in zip(self.effects, self.trials, strict=True) if speaks(e)]
        first = {
            "pause": [self.names[effect.pause] for effect, _ in rows],
            "days read": [f"{effect.n_days - effect.n_missing}\u00a0of\u00a0{effect.n_days}" for effect, _ in rows],
            "share inside": [f"{effect.observed / n:.0%}" for effect, n in rows],
            "share outside": [f"{effect.expected / n:.0%}" for effect, n in rows],
        }
        return table_of([effect for effect, _ in rows], first, last=("smallest_visible_cut", "verdict"))


def compare_energy(results, *, registry=None, folder=None):
    """Set the energy rows of the record side by side.

    Parameters
    ----------
    results : DataFrame
        As from `load_results`.
    registry : mapping of Pause, optional
    folder : path, optional
        Folder of tables: the record has no denominators.

    Returns
    -------
    EnergyOverview
        Of the reported pauses that the record holds, in the order of the registry.

    Examples
    --------
    >>> from analysis.results import load_results
    >>> len(compare_energy(load_results()).names)
    9
    """
    pauses = {pause.id: pause for pause in reported_pauses(load_pauses() if registry is None else registry)}
    recorded = results[(results["window"] == "pause") & (results["test"] == "shift")]
    recorded = recorded[recorded["claim"] == recorded["pause"].map({name: own.main for name, own in pauses.items()})]
    effects, trials = [], []
    for name, measure in MEASURES.items():
        rows = recorded[(recorded["outcome"] == measure.outcome) & (recorded["stratum"] == measure.place)]
        days = energy_days(name, folder=folder)[measure.outcome, measure.place]["trials"] if len(rows) else None
        found = sorted(map(_effect, rows.to_dict("records")), key=lambda effect: effect.first_day)
        effects += found
        trials += [days[str(effect.first_day) : str(effect.last_day)].sum() for effect in found]
    held = {effect.pause for effect in effects}
    names = {name: pause.name for name, pause in pauses.items() if name in held}
    return EnergyOverview(names, tuple(effects), tuple(trials))


def _power(speaking):
    """How many readings cover their pause, and how many of them could have shown anything at all."""
    if not speaking:
        return "none covers enough of its pause's days"
    several, able = len(speaking) > 1, sum(effect.testable for effect in speaking)
    enough = "cover enough of their pause's days" if several else "covers enough of its pause's days"
    if not able:
        none = "none" if several else "not even that one"
        return f"{len(speaking)} {enough}, but {none} could have shown that less was hit, even had nothing been hit"
    some = f"{able} of these" if several else "it"
    return f"{len(speaking)} {enough}, and {some} would have shown that less was hit, had nothing been hit"


def _tally(speaking):
    """What the readings that speak found, by verdict; nothing where none could have found anything."""
    verdicts = [effect.verdict for effect in speaking]
    told = [f"{verdicts.count(verdict)} {verdict}" for verdict in (FEWER, MORE) if verdict in verdicts]
    parts = [f"; told from chance: {', '.join(told)}"] if told else []
    parts += ["; none can be told from chance"] if not told and any(effect.testable for effect in speaking) else []
    return "".join(parts + ([f"; {verdicts.count(DEPENDS)} {DEPENDS}"] if DEPENDS in verdicts else []))


def _effect(row):
    """A finding from its row in the record."""
    values = {name: None if pd.isna(value) else value for name, value in row.items()}
    days = {name: date.fromisoformat(value) for name, value in values.items() if name.endswith("_day") and value}
    return PauseEffect(**values | days)
