"""How fast is a size study against a loop of statsmodels fits, and how fast is one estimate?

    OPENBLAS_NUM_THREADS=1 python benchmarks/bench_inference.py        2,000 series of 184 days
    OPENBLAS_NUM_THREADS=1 python benchmarks/bench_inference.py 200    200 series

Both routes run in this process, on the same series, in CPU seconds (hence one thread). They must agree: the largest
relative difference of their ratios is printed beside the times.
"""

import sys
import time

import numpy as np
import pandas as pd
import statsmodels.api as sm

from analysis.calibration.processes import CountAutoregression
from analysis.calibration.study import simulated_layout
from analysis.estimate import estimate_effect
from analysis.placebo import PlaceboTest, shift_ratios, window_sums

BEFORE, LENGTH, BLOCK = 180, 4, 250


def batched(counts, layout):
    """Ratios of window and placebos, and two-sided p-values, block by block."""
    blocks = []
    for first in range(0, len(counts), BLOCK):
        part = counts[first : first + BLOCK]
        found = shift_ratios(layout, part, layout.fitted)
        blocks.append((np.column_stack(found[:2]), PlaceboTest(*found[:2]).p_value))
    return tuple(np.concatenate(parts) for parts in zip(*blocks, strict=True))


def looped(counts, layout):
    """The same, one statsmodels fit and one test per series."""
    positions, pattern = np.append(layout.start, layout.starts), layout.pattern
    found = []
    for series in counts:
        expected = sm.GLM(series, layout.X, family=sm.families.Poisson()).fit(tol=1e-12).mu
        ratios = window_sums(series, positions, pattern) / window_sums(expected, positions, pattern)
        found.append((ratios, float(PlaceboTest(ratios[0], ratios[1:]).p_value)))
    return tuple(np.array(parts) for parts in zip(*found, strict=True))


def timed(function, *arguments):
    """Result and CPU seconds."""
    started = time.process_time()
    result = function(*arguments)
    return result, time.process_time() - started


def one_estimate(repeats=40):
    """Median CPU seconds of an estimate with 365 days of baseline, interval and smallest visible cut."""
    days = pd.date_range("2025-01-01", periods=400)
    counts = pd.Series(CountAutoregression(phi=0.6).draw(1, 400, seed=1)[0].astype(float), days, name="drones")
    seconds = [timed(estimate_effect, counts, days[365:368])[1] for _ in range(repeats + 1)]
    return float(np.median(seconds[1:]))


def main(replicates):
    """Measure and print a small table."""
    layout = simulated_layout(BEFORE, LENGTH)
    counts = CountAutoregression(phi=0.6).draw(replicates, BEFORE + LENGTH, seed=1).astype(float)
    batched(counts[:BLOCK], layout)
    looped(counts[:5], layout)
    (ratios, p_values), fast = timed(batched, counts, layout)
    (same, same_p), slow = timed(looped, counts, layout)
    apart = np.abs(ratios / same - 1).max()
    print(f"{replicates} series of {BEFORE + LENGTH} days, window shift over {LENGTH} days, CPU seconds")
    print(f"  batched                     {fast:10.3f}")
    print(f"  loop of statsmodels fits    {slow:10.3f}   {slow / fast:.0f} times as long")
    print(
        f"  largest relative difference {apart:10.1e}   p-values {'equal' if (p_values == same_p).all() else 'differ'}"
    )
    print(f"one estimate_effect, 365 days of baseline, after a first call: {1000 * one_estimate():.1f} ms")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 2000)
