"""How do tests that no cell of the calibration holds keep their size, where nothing changed?

    python benchmarks/sizes.py looks [SERIES]    a look every night: writes looks.csv; 1,000 series, some minutes
    python benchmarks/sizes.py tail [SERIES]     the joint test far out: writes tail.csv; 10,000 series, some minutes
    python benchmarks/sizes.py curve [SERIES]    the curve of choices: prints; 500 series, half an hour on 2 cores
    python benchmarks/sizes.py planned [SERIES]  truces announced for quiet days: writes planned.csv; 2,000 series
    python benchmarks/sizes.py gaps              plans made long before their nights: writes gaps.csv; under a minute

Looks: a plan is followed on the last nights of each series. `any look`: per cent of series in which some look found
fewer; `last look`: in which a single look after the last night, held to 5 %, did; `uncorrected`: in which some look did
when every one was held to 5 %. Looking every night costs nothing: any look finds 2 to 7 % on steady and wandering
levels, as the last look alone does, where uncorrected looks find up to 18 %. What exceeds 7 % is the baseline's doing:
7.6 to 9.0 % for drones as in 2024-25 at 3 and 7 nights, 9 to 11 % where the level broke within the year.

Tail: the real layout of the truces, two-sided; `se` is the Monte Carlo error in per cent. One in a thousand comes about
twice as often as it should, 0.2 to 0.3 % for drones as in 2025-26 and 2026, 0.6 % where days lean on each other with
0.8: so no p-value below 0.001 is printed as such.

Curve: the 90 crossed choices. With 750 days before the window and 200 after it, 72 of them are possible (60 where the
window follows a salvo). In per cent, how many null series the joint test rejects at 5 %; how many one would reject that
picks the smallest p-value on the curve; how many of a fifth as many series with a cut of 70 % the joint test finds.

Planned: who announces a truce without any effect knows the plan of strikes, and picks the quietest window of the next
two weeks. `fewer`: per cent of series in which the rule in use calls it so, where 2.5 % are asked for.

Gaps: plans for three ordinary nights of the real drones since October 2025, held to 5 %, where the data end so many
days before. `found`: per cent of windows in which some look found fewer; `ratio`: median of counted over expected.
Windows overlap in what they are planned from, so the errors of neighbouring rows are alike, about 3 points.
"""

import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd

from analysis.calibration.cells import planned_cells
from analysis.calibration.processes import CountAutoregression, LevelPath, SalvoProcess, Strikes, known_processes
from analysis.calibration.study import Scenario, replicate, simulated_layout
from analysis.choices import estimate_curve
from analysis.pauses import load_pauses
from analysis.placebo import PlaceboTest, short_test
from analysis.plan import _layout, allowed_p, look_p_values
from analysis.series import OURS
from analysis.setting import not_ordinary
from analysis.specifications import CHOICES
from analysis.tables import outcome_series
from analysis.windows import BASELINE_SHORT, ONE_DAY

HERE = Path(__file__).parent
ALPHA = 0.05 + 1e-12
LOOKED_AT = ("drones 2024-25", "drones 2025-26", "drones 2026", "autoregression 0.6", "wave of 150 days", "level break")
BEFORE, LENGTH, AFTER = 750, 3, 200  # days of a curve
PLANNED, FORTNIGHT = (1, 2, 3), 14  # days
GAPS = (1, 7, 28, 56, 91, 100, 120, 175)  # days
CURVES = {
    "drones among salvos": SalvoProcess(),
    "autocorrelated counts that double": CountAutoregression(phi=0.6, path=LevelPath(growth=2.0)),
}


def looks(n_series: int = 1000) -> None:
    """A plan with a look every night, on made-up series in which no pause changed anything."""
    known, rows = known_processes(), []
    for name in LOOKED_AT:
        process, outcome = known[name]
        drawn = process.draw(n_series, 372, seed=1)
        counts = getattr(drawn, outcome) if isinstance(drawn, Strikes) else drawn
        days = pd.date_range("2024-01-01", periods=counts.shape[1], name="day")
        for nights in (2, 3, 7):
            found = []
            for row in counts.astype(float):
                layout = _layout(pd.Series(row, days), days[-nights:], days[-nights], pd.DatetimeIndex([]))
                own, placebos = look_p_values(layout, nights)
                found.append(((own <= allowed_p(placebos, 0.05)).any(), own[-1] <= 0.05, (own <= 0.05).any()))
            shares = dict(zip(("any look", "last look", "uncorrected"), 100 * np.mean(found, axis=0), strict=True))
            rows.append({"process": name, "nights": nights} | shares)
    pd.DataFrame(rows).round(1).to_csv(HERE / "looks.csv", index=False)


def tail(n_series: int = 10_000) -> None:
    """The joint test of the truces at one in twenty, in a hundred and in a thousand."""
    rows = []
    for cell in planned_cells():
        if cell.test != "joint, as in the war" or cell.cut or "missiles" in cell.process:
            continue
        frame = replicate(cell.trial, cell.source, cell.scenario, replicates=n_series, seed=2)
        p = 2 * np.fmin(frame["p_lower"], frame["p_upper"])
        for level in (0.05, 0.01, 0.001):
            row = {"process": cell.process, "nominal": 100 * level, "rejected": 100 * (p <= level + 1e-12).mean()}
            rows.append(row | {"se": 100 * np.sqrt(level * (1 - level) / len(p)), "series": len(p)})
    pd.DataFrame(rows).round(3).to_csv(HERE / "tail.csv", index=False)


def planned(n_series: int = 2000) -> None:
    """Truces without effect, laid on the quietest window of the two weeks after their announcement."""
    known, rows = known_processes(), []
    for name in LOOKED_AT:
        process, outcome = known[name]
        drawn = process.draw(n_series, BASELINE_SHORT + FORTNIGHT + max(PLANNED) - 1, seed=3)
        salvos = isinstance(drawn, Strikes)
        counts = (getattr(drawn, outcome) if salvos else drawn).astype(float)
        salvo = drawn.salvo if salvos else np.zeros(counts.shape, bool)
        for length in PLANNED:
            ahead = np.lib.stride_tricks.sliding_window_view(counts[:, BASELINE_SHORT:], length, axis=1).sum(2)
            chosen, found = ahead[:, :FORTNIGHT].argmin(1), np.zeros(n_series, bool)
            for wait in np.unique(chosen):
                own, until = chosen == wait, BASELINE_SHORT + wait + length
                layout = simulated_layout(BASELINE_SHORT + int(wait), length, announced=int(wait))
                test = short_test(layout, counts[own, :until], salvo[own, :until])
                found[own] = test.p_lower <= ALPHA / 2
            rows.append({"process": name, "days": length, "fewer": 100 * found.mean(), "series": n_series})
    pd.DataFrame(rows).round(1).to_csv(HERE / "planned.csv", index=False)


def gaps() -> None:
    """Plans whose data end long before the first night."""
    counts, exclude, rows = outcome_series("drones_launched"), not_ordinary(load_pauses()), []
    for gap in GAPS:
        found, ratios = [], []
        for first in pd.date_range("2025-10-01", counts.index[-3], freq="2D"):
            days = pd.date_range(first, periods=3)
            if days.isin(exclude).any() or counts[days].isna().any():
                continue
            between = (counts.index > first - gap * ONE_DAY) & (counts.index < first)
            layout = _layout(counts[: days[-1]].mask(between[: len(counts[: days[-1]])]), days, first, exclude)
            own, placebos = look_p_values(layout, len(days))
            nights = slice(layout.start, layout.start + len(days))
            seen, expected = layout.filled[nights], layout.expect(layout.filled, layout.baseline)[nights]
            fewer = (own <= allowed_p(placebos, 0.05)) & (seen.cumsum() < expected.cumsum())
            found.append(fewer.any())
            ratios.append(seen.sum() / expected.sum())
        row = {"gap": gap, "found": 100 * np.mean(found), "ratio": np.median(ratios), "windows": len(found)}
        rows.append(row)
    pd.DataFrame(rows).round(2).to_csv(HERE / "gaps.csv", index=False)


def on_a_curve(counts: np.ndarray, salvo: np.ndarray) -> dict[str, np.ndarray]:
    """Joint p-values of the curves of series, with the smallest of each curve."""
    days = pd.date_range("2023-06-01", periods=counts.shape[1])
    rows = []
    for series in counts:
        grid = [choice for choice in CHOICES if choice.crossed]
        named = pd.Series(series, days, name="counts")
        curve = estimate_curve(named, days[BEFORE : BEFORE + LENGTH], choices=grid, label=OURS)
        test = PlaceboTest(curve.effect.ratio, curve.effect.placebo["ratio"].to_numpy())
        p_values = [effect.p_value for effect in curve.estimates if effect.p_value is not None]
        rows.append((float(test.p_lower), float(test.p_upper), min(p_values), len(p_values)))
    return dict(zip(("p_lower", "p_upper", "smallest", "possible"), np.transpose(rows), strict=True))


def curve(n_series: int = 500) -> None:
    """The joint test of the specification curve, on null series and on a fifth as many with a cut."""
    planned = [(name, cut, n) for name in CURVES for cut, n in ((0.0, n_series), (0.7, max(n_series // 5, 1)))]
    with ProcessPoolExecutor() as pool:
        running = [
            pool.submit(replicate, on_a_curve, CURVES[name], scenario(cut), replicates=n, seed=6)
            for name, cut, n in planned
        ]
    for (name, cut, n), done in zip(planned, running, strict=True):
        frame = done.result()
        found = 100 * (2 * np.fmin(frame["p_lower"], frame["p_upper"]) <= ALPHA).mean()
        picked, possible = 100 * (frame["smallest"] <= ALPHA).mean(), frame["possible"].median()
        error = np.sqrt(found * (100 - found) / n)
        print(
            f"{name}, cut {cut:.0%}: {found:.1f} ± {error:.1f} % found, smallest p {picked:.1f} %, {possible:g} choices"
        )


def scenario(cut: float) -> Scenario:
    """The window of a curve."""
    return Scenario(before=BEFORE, length=LENGTH, after=AFTER, cut=cut)


STUDIES: dict[str, Callable[..., None]] = {
    "looks": looks,
    "tail": tail,
    "curve": curve,
    "planned": planned,
    "gaps": gaps,
}

if __name__ == "__main__":
    STUDIES[sys.argv[1]](*map(int, sys.argv[2:3]))
