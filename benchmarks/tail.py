"""Does the joint test of the truces hold its size far out, at one in a hundred and one in a thousand?

    python benchmarks/tail.py [SERIES]        writes benchmarks/tail.csv; 10,000 series a process, some minutes

Made-up drones in which no pause changed anything, on the real layout of the truces; two-sided, so that at a nominal
0.1 % one series in a thousand is called fewer or more. `se` is the Monte Carlo error in per cent.

One in a thousand comes about twice as often as it should, 0.2 to 0.3 % for drones as in 2025-26 and 2026, 0.6 % where
days lean on each other with 0.8: so no p-value below 0.001 is printed as such.
"""

import sys
from pathlib import Path

import numpy as np
import pandas as pd

from analysis.calibration.cells import planned_cells
from analysis.calibration.study import replicate

TEST = "joint, as in the war"
LEVELS = (0.05, 0.01, 0.001)


def main() -> None:
    """Measure every process of the plan's joint cells without a cut, and store the table."""
    n_series = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    cells = [cell for cell in planned_cells() if cell.test == TEST and not cell.cut and "missiles" not in cell.process]
    rows = []
    for cell in cells:
        frame = replicate(cell.trial, cell.source, cell.scenario, replicates=n_series, seed=2)
        p = 2 * np.fmin(frame["p_lower"], frame["p_upper"])
        for level in LEVELS:
            share = float((p <= level + 1e-12).mean())
            error = float(np.sqrt(level * (1 - level) / len(p)))
            row = {"process": cell.process, "nominal": 100 * level, "rejected": round(100 * share, 3)}
            rows.append(row | {"se": round(100 * error, 3), "series": len(p)})
            print(rows[-1], flush=True)
    pd.DataFrame(rows).to_csv(Path(__file__).with_suffix(".csv"), index=False)


if __name__ == "__main__":
    main()
