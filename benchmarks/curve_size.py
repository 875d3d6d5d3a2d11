"""Does the joint test of the specification curve hold its size, and how long does a curve take?

    OPENBLAS_NUM_THREADS=1 python benchmarks/curve_size.py        500 series of each process, half an hour on 2 cores
    OPENBLAS_NUM_THREADS=1 python benchmarks/curve_size.py 50     50 series of each

The declared grid: the 90 crossed choices. With 750 days before the window and 200 after it, 72 of them are possible
(60 where the window follows a salvo). Prints, in per cent, how many null series the joint test rejects at 5 %, with
its Monte Carlo standard error; how many one would reject that picks the smallest p-value on the curve; how many of a
fifth as many series with a cut of 70 % the joint test finds; and the CPU seconds of a curve.
"""

import sys
import time
from concurrent.futures import ProcessPoolExecutor

import numpy as np
import pandas as pd

from analysis.calibration.processes import CountAutoregression, LevelPath, SalvoProcess
from analysis.calibration.study import Scenario, replicate
from analysis.choices import estimate_curve
from analysis.placebo import PlaceboTest
from analysis.series import OURS
from analysis.specifications import CHOICES

GRID = [choice for choice in CHOICES if choice.crossed]
PROCESSES = {
    "drones among salvos": SalvoProcess(),
    "autocorrelated counts that double": CountAutoregression(phi=0.6, path=LevelPath(growth=2.0)),
}


def answer(batch):
    """Joint p-values of the curves of a batch of series, with what else is worth counting."""
    days = pd.date_range("2023-06-01", periods=batch.counts.shape[1])
    window = days[batch.start : batch.start + batch.length]
    rows = [_answer(pd.Series(counts, days, name="counts"), window) for counts in batch.counts]
    return {name: np.array([row[name] for row in rows]) for name in rows[0]}


def _answer(counts, window):
    started = time.process_time()
    curve = estimate_curve(counts, window, choices=GRID, label=OURS)
    seconds = time.process_time() - started
    test = PlaceboTest(curve.effect.ratio, curve.effect.placebo["ratio"].to_numpy())
    p_values = [effect.p_value for effect in curve.estimates if effect.p_value is not None]
    return {
        "p_lower": float(test.p_lower), "p_upper": float(test.p_upper), "smallest": min(p_values),
        "after_salvo": curve.estimates[0].test == "after-salvo", "testable": curve.effect.testable,
        "possible": len(p_values), "joined": sum(curve.joined), "dates": curve.effect.n_placebo, "seconds": seconds,
    }  # fmt: skip


def describe(null, cut):
    """One column of the table: rates in per cent, medians of the rest."""
    rejected, found = (2 * np.fmin(frame["p_lower"], frame["p_upper"]) <= 0.05 + 1e-9 for frame in (null, cut))
    salvo, rate = null["after_salvo"].astype(bool), rejected.mean()
    return {
        "null series": len(null), "rejected": 100 * rate,
        "standard error": 100 * np.sqrt(rate * (1 - rate) / len(null)),
        "rejected, shift": 100 * rejected[~salvo].mean(), "rejected, after salvo": 100 * rejected[salvo].mean(),
        "after a salvo": 100 * salvo.mean(), "testable": 100 * null["testable"].mean(),
        "smallest p below 5 %": 100 * (null["smallest"] <= 0.05 + 1e-9).mean(), "cut of 70 % found": 100 * found.mean(),
        **null[["possible", "joined", "dates", "seconds"]].median(),
    }  # fmt: skip


def main(replicates):
    """Run the study and print the table."""
    columns = {}
    with ProcessPoolExecutor() as pool:
        for name, process in PROCESSES.items():
            null, cut = (
                replicate(
                    answer, process, Scenario(before=750, length=3, after=200, cut=share),
                    replicates=number, seed=6, mapper=pool.map,
                )
                for share, number in ((0.0, replicates), (0.7, max(replicates // 5, 1)))
            )  # fmt: skip
            columns[name] = describe(null, cut)
    print(pd.DataFrame(columns).round(2).to_string())


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 500)
