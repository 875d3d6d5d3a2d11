"""How often does a plan with a look every night call ordinary nights out of the ordinary?

    python benchmarks/looks.py [SERIES]        writes benchmarks/looks.csv; 1,000 series, some minutes

Made-up series in which no pause changed anything; a plan is followed on the last nights of each. `any look`: per cent
of series in which some look found fewer; `last look`: in which a single look after the last night, held to 5 %, did;
`uncorrected`: in which some look did when every one was held to 5 %. The first is meant to be at most 5 %.

Looking every night costs nothing: any look finds 2 to 7 % on steady and wandering levels, as the last look alone does,
where uncorrected looks find up to 18 %. What exceeds 7 % is the baseline's doing: 7.6 to 9.0 % for drones as in 2024-25
at 3 and 7 nights, 9 to 11 % where the level broke within the year.
"""

import sys
from pathlib import Path

import numpy as np
import pandas as pd

from analysis.calibration.processes import Strikes, known_processes
from analysis.plan import _layout, allowed_p, look_p_values

NIGHTS = (2, 3, 7)
PROCESSES = ("drones 2024-25", "drones 2025-26", "drones 2026", "autoregression 0.6", "wave of 150 days", "level break")
ALPHA = 0.05


def rates(counts: np.ndarray, nights: int) -> dict[str, float]:
    """Shares of series (rows) in which a plan finds fewer in the last nights."""
    days = pd.date_range("2024-01-01", periods=counts.shape[1], name="day")
    found = []
    for row in counts:
        layout = _layout(pd.Series(row.astype(float), days), days[-nights:], days[-nights], pd.DatetimeIndex([]))
        own, placebos = look_p_values(layout, nights)
        found.append(((own <= allowed_p(placebos, ALPHA)).any(), own[-1] <= ALPHA, (own <= ALPHA).any()))
    return dict(zip(("any look", "last look", "uncorrected"), 100 * np.mean(found, axis=0), strict=True))


def main() -> None:
    """Measure every process and length, and store the table."""
    n_series = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    known, rows = known_processes(), []
    for name in PROCESSES:
        process, outcome = known[name]
        drawn = process.draw(n_series, 372, seed=1)
        counts = getattr(drawn, outcome) if isinstance(drawn, Strikes) else drawn
        for nights in NIGHTS:
            shares = {what: round(float(share), 1) for what, share in rates(counts, nights).items()}
            rows.append({"process": name, "nights": nights} | shares)
            print(rows[-1], flush=True)
    pd.DataFrame(rows).to_csv(Path(__file__).with_suffix(".csv"), index=False)


if __name__ == "__main__":
    main()
