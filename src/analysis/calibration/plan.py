"""What the size study runs: which test, on which process, in which setting."""

from dataclasses import dataclass, replace
from functools import partial

import pandas as pd

from analysis.calibration.eras import ERAS, fit_process
from analysis.calibration.simulate import CountAutoregression, LevelPath, SalvoProcess
from analysis.calibration.study import Scenario
from analysis.calibration.trials import (
    HOLIDAY,
    after_quiet,
    after_salvo,
    automatic,
    dummy_regression,
    joint,
    long_window,
    quiet_layout,
    simulated_layout,
    stated_cut,
    window_shift,
)
from analysis.estimate import with_week_after
from analysis.pauses import load_pauses, volume_episodes
from analysis.setting import not_ordinary
from analysis.tables import outcome_series
from analysis.windows import lay_out

LENGTHS = (1, 3, 4, 7)
CUTS = (0.3, 0.5, 0.7, 0.9)
MADE_UP = {
    "autoregression 0": CountAutoregression(phi=0.0),
    "autoregression 0.3": CountAutoregression(phi=0.3),
    "autoregression 0.6": CountAutoregression(phi=0.6),
    "autoregression 0.8": CountAutoregression(phi=0.8),
    "doubling": CountAutoregression(phi=0.6, path=LevelPath(growth=2.0)),
    "wave of 150 days": CountAutoregression(phi=0.3, path=LevelPath(wave=0.3, period=150.0)),
    "wave of 300 days": CountAutoregression(phi=0.3, path=LevelPath(wave=0.3, period=300.0)),
    "level break": CountAutoregression(phi=0.3, path=LevelPath(step=2.0)),
    "weekdays": CountAutoregression(phi=0.3, path=LevelPath(weekday=(1.0, 1.1, 1.2, 1.1, 1.0, 0.7, 0.6))),
    "hostile reload": SalvoProcess(gap_shape=15.0, surge=4.0, reload=(0.3, 0.5, 0.7), hoarding=(0.5, 0.7)),
}
MORATORIUM = "energy-moratorium-2025-03"
FIVE = ((365, 1), (383, 3), (540, 3), (722, 1), (746, 6))  # first day and length of made-up episodes
LONG_BEFORE, LONG_AFTER = 700, 379  # 365 days after the 14 that are left out
LONG_PLACEBOS = 119  # of long windows, each of which costs a fit: with 119, three or fewer beyond are 2.5 %


@dataclass(frozen=True)
class Cell:
    """One row of the study.

    Attributes
    ----------
    question, test, process, setting : str
        What is asked (size, power, coverage, stated cut), of which test, on which process, in what circumstances.
    source : object with `draw`
    scenario : Scenario
    trial : function of a Batch
    planted : float
        A cut that the trial plants itself; the scenario's otherwise.
    """

    question: str
    test: str
    process: str
    setting: str
    source: object
    scenario: Scenario
    trial: object
    planted: float = 0.0

    @property
    def cut(self):
        """Share of the window's counts that do not fly."""
        return self.planted or self.scenario.cut

    @property
    def name(self):
        """Unique in the plan."""
        parts = [self.question, self.test, self.process, self.setting, f"{self.scenario.length:g}", f"{self.cut:g}"]
        return " | ".join(parts)


def known_processes():
    """Every process of the study: name to (process, outcome).

    The war's own are fitted to the days that are ordinary: pauses, announcements and the week after are left out.

    Returns
    -------
    dict
    """
    found = {name: (process, "drones") for name, process in MADE_UP.items()}
    ordinary = ordinary_counts()
    for era, (first, last) in ERAS.items():
        fitted = fit_process(*ordinary, first_day=first, last_day=last)
        found |= {f"{outcome} {era}": (fitted, outcome) for outcome in ("drones", "missiles")}
    return found


def ordinary_counts():
    """Drones and missiles launched, empty on the days that are not ordinary."""
    drones, missiles = (outcome_series(f"{name}_launched") for name in ("drones", "missiles"))
    exclude = not_ordinary(load_pauses())
    return tuple(series.mask(series.index.isin(exclude)) for series in (drones, missiles[drones.index[0] :]))


def planned_cells():
    """All cells in the order of the table.

    Returns
    -------
    list of Cell
    """
    known = known_processes()
    war = [name for name in known if name not in MADE_UP]
    drones = [name for name in war if name.startswith("drones")]
    cells = [*_short(known, drones), *_after_salvos(known, drones), *_rebounds(known, drones)]
    cells += [*_together(known), *_long(known)]
    for process in ("autoregression 0", "autoregression 0.6", "drones 2026"):
        for family in ("Poisson", "NB-HAC"):
            trial = partial(dummy_regression, layout=simulated_layout(365, 4), family=family)
            cells.append(_cell(known, "size", family, process, "any day", trial, Scenario(length=4, timing="random")))
    return cells


def _short(known, drones):
    def ask(question, process, setting, length, *, trial=window_shift, before=365, cut=0.0, how="thin", **calendar):
        layout = simulated_layout(before, length, **calendar)
        ahead = (3, 1.3) if calendar.get("announced") else (0, 1.0)
        scenario = Scenario(before=before, length=length, cut=cut, how=how, timing="random", anticipation=ahead)
        return _cell(known, question, "window shift", process, setting, partial(trial, layout=layout), scenario)

    seen = ["autoregression 0.6", "drones 2025-26", "drones 2026", "missiles 2026"]
    return [
        *(ask("size", process, "any day", length) for process in known for length in LENGTHS),
        *(
            ask("size", process, "180 days of baseline", length, before=180)
            for process in ("autoregression 0.6", "doubling", "hostile reload", "drones 2026") for length in (1, 4, 7)
        ),
        *(
            ask("size", process, "on a holiday", length, first_day=HOLIDAY)
            for process in ("autoregression 0.6", *drones) for length in (1, 3)
        ),
        *(
            ask("size", process, "30 % more in the 3 announced days", length, announced=3)
            for process in ("autoregression 0", "autoregression 0.6", "drones 2026") for length in (1, 4, 7)
        ),
        *(ask("power", process, "any day", length, cut=cut) for process in seen for length in LENGTHS for cut in CUTS),
        *(
            ask("stated cut", process, "any day", length, trial=stated_cut)
            for process in ("autoregression 0.6", *drones) for length in LENGTHS
        ),
        *(ask("stated cut", f"missiles {era}", "any day", 7, trial=stated_cut) for era in ERAS),
        *(
            ask("coverage", process, "any day", length, cut=cut, how="scale")
            for process in known for length in (1, 3, 7) for cut in (0.5, 0.9, 1.0)
        ),
        *(
            ask("coverage", "drones 2026", "on a holiday", length, cut=cut, how="scale", first_day=HOLIDAY)
            for length in (1, 3) for cut in (0.5, 0.9, 1.0)
        ),
    ]  # fmt: skip


def _after_salvos(known, drones):
    tests = {"after salvo": after_salvo, "window shift": window_shift, "automatic": automatic}

    def ask(question, test, process, length, lag, *, cut=0.0):
        timing, setting = ("after-salvo", f"{lag} days after a salvo") if lag else ("random", "any day")
        scenario = Scenario(length=length, timing=timing, lag=lag or 1, cut=cut)
        trial = partial(tests[test], layout=simulated_layout(365, length))
        if question == "stated cut":
            trial = partial(stated_cut, layout=simulated_layout(365, length), trial=tests[test])
        return _cell(known, question, test, process, setting, trial, scenario)

    salvos = ("hostile reload", *drones)
    return [
        *(ask("size", "after salvo", p, length, lag) for p in salvos for lag in (1, 2, 3) for length in (1, 4, 7)),
        *(ask("size", "window shift", p, length, lag) for p in salvos for lag in (1, 5) for length in (1, 4, 7)),
        *(ask("size", "automatic", p, length, lag) for p in salvos for lag in (0, 1, 5) for length in LENGTHS),
        *(
            ask("power", "after salvo", process, length, 1, cut=cut)
            for process in ("hostile reload", "drones 2026") for length in (1, 4) for cut in CUTS
        ),
        *(
            ask("power", "automatic", process, length, 0, cut=cut)
            for process in (*drones, "missiles 2025-26", "missiles 2026") for length in LENGTHS for cut in CUTS
        ),
        *(ask("stated cut", "after salvo", process, length, 1) for process in drones for length in LENGTHS),
    ]  # fmt: skip


def _rebounds(known, drones):
    """After a pause of no effect, and after one that kept nine tenths down; then true surges."""

    def ask(question, process, length, cut, surge):
        trial = partial(after_quiet, layout=quiet_layout(365, length, 7), length=length)
        setting = f"7 days after, {surge:g} times" if surge > 1 else "7 days after"
        scenario = Scenario(length=length, after=7, cut=cut, timing="random", rebound=(7, surge))
        return _cell(known, question, "after quiet", process, setting, trial, scenario)

    missiles = [name.replace("drones", "missiles") for name in drones]
    processes = ("autoregression 0.6", "autoregression 0.8", "hostile reload", *drones, *missiles)
    return [
        *(ask("size", process, length, cut, 1.0) for process in processes for length in (1, 3) for cut in (0.0, 0.9)),
        *(ask("power", "drones 2026", 3, 0.9, surge) for surge in (1.3, 1.5, 2.0)),
    ]


def _together(known):
    """Five made-up episodes, and the truces of the war in their real places."""
    days = pd.date_range("2024-03-01", periods=FIVE[-1][0] + 20)
    windows = [days[first : first + length] for first, length in FIVE]
    five = []
    for own in windows:
        busy = [day for other in windows if other is not own for day in with_week_after(other)]
        layout = lay_out(pd.Series(1.0, days), own, exclude=busy)
        five.append((days.get_loc(layout.days[0]), layout))
    series = outcome_series("drones_launched")
    registry = load_pauses()
    real = []
    for episode in volume_episodes(registry):
        if episode.days[0] > series.index[0]:
            layout = lay_out(series, episode.days, exclude=not_ordinary(registry))
            real.append((series.index.get_loc(layout.days[0]), layout))

    cells = []
    for test, episodes, n_days in (
        ("joint, five made up", five, len(days)),
        ("joint, as in the war", real, len(series)),
    ):
        for process in ("autoregression 0", "autoregression 0.6", "autoregression 0.8", "drones 2025-26",
                        "drones 2026", "missiles 2025-26", "missiles 2026"):  # fmt: skip
            for cut in (0.0, 0.5, 0.7, 0.9) if process.endswith("2026") else (0.0,):
                trial = partial(joint, episodes=tuple(episodes), rule=episodes is real, cut=cut)
                scenario = Scenario(before=365, length=1, after=n_days - 366)
                question = "power" if cut else "size"
                cells.append(_cell(known, question, test, process, f"{len(episodes)} episodes", trial, scenario, cut))
    return cells


def _long(known):
    """Long windows: the moratorium where it was, and 14 and 30 days with ample baseline."""
    registry = load_pauses()
    pause = registry[MORATORIUM]
    real = lay_out(
        outcome_series("drones_launched"), pause.days(), announced=pause.announced_days()[0],
        exclude=not_ordinary(registry, besides=pause),
    )  # fmt: skip
    processes = ("autoregression 0", "autoregression 0.6", "autoregression 0.8", "doubling", "wave of 150 days",
                 "wave of 300 days", "level break", "drones 2025-26", "missiles 2025-26")  # fmt: skip
    some, missiles = ("autoregression 0.6", "wave of 300 days", "drones 2025-26"), "missiles 2025-26"
    elsewhere = "700 days before, 365 after"
    cells = []

    def ask(process, setting, layout, cut, question=None):
        length = len(layout.pattern)
        scenario = Scenario(
            before=layout.start, length=length, after=len(layout.days) - layout.start - length, cut=cut, timing="random"
        )
        test = partial(long_window, n_placebos=LONG_PLACEBOS)
        trial = partial(stated_cut, trial=test) if question else test
        question = question or ("power" if cut else "size")
        cells.append(_cell(known, question, "long window", process, setting, partial(trial, layout=layout), scenario))

    for process in processes:
        for cut in (0.0, 0.4, 0.7) if process in some else (0.0, 0.7, 0.9) if process == missiles else (0.0,):
            ask(process, "moratorium of 2025", real, cut)
    for process in ("drones 2025-26", missiles):
        ask(process, "moratorium of 2025", real, 0.0, "stated cut")
    for length in (14, 30):
        layout = simulated_layout(LONG_BEFORE, length, after=LONG_AFTER)
        for process in (*some, missiles):
            for cut in {"drones 2025-26": (0.0, 0.4, 0.5, 0.7), missiles: (0.0, 0.7, 0.9)}.get(process, (0.0,)):
                ask(process, elsewhere, layout, cut)
    return cells


def _cell(known, question, test, process, setting, trial, scenario, planted=0.0):
    source, outcome = known[process]
    return Cell(question, test, process, setting, source, replace(scenario, outcome=outcome), trial, planted)
