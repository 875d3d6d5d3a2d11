"""Was it mutual? Ukrainian drones that Russia says it shot down, tested like launches at Ukraine."""

from dataclasses import replace

import pandas as pd

from analysis.effects import NATIONAL
from analysis.estimation import estimate_effect
from analysis.sentences import DEPENDS
from analysis.tables import outcome_series, outcomes

READINGS = {"drones_claimed_by_russia": "left out", "drones_named_by_russia": "counted as none"}


def estimate_reciprocity(days, *, exclude=(), announced=None, level=0.95, both_starts=True, folder=None):
    """Test the Ukrainian drones that Russia says it shot down in one window, under every way to read a silent night.

    Parameters
    ----------
    days, exclude, announced, level
        As in `estimate_effect`.
    both_starts : bool
        Also from the stricter start of the series.
    folder : path, optional
        Folder of tables.

    Returns
    -------
    list of PauseEffect
        The deciding one first. A night without a post is missing in `drones_claimed_by_russia` and without a drone in
        `drones_named_by_russia`. Where the rows differ, the first depends on a choice.
    """
    found = {}
    for name, reading in READINGS.items():
        series, start = outcome_series(name, drop_last=0, folder=folder), outcomes()[name].strict_first_day
        options = {"exclude": exclude, "announced": announced, "level": level}
        usual = estimate_effect(series, days, **options)
        found[f"if nights without a post are {reading}"] = usual
        first = usual.baseline_first_day
        if both_starts and usual.p_value is not None and first < pd.Timestamp(start).date() < usual.first_day:
            strict = estimate_effect(series, days, first_day=start, **options)
            found[f"if they are {reading} and the baseline begins on {start}"] = replace(
                strict, stratum=f"from {start}"
            )
    rows = list(found.values())
    chosen = next((i for i, row in enumerate(rows) if row.observed is not None and row.stratum == NATIONAL), 0)
    told = {way: row.verdict for way, row in found.items() if row.p_value is not None or row.stratum == NATIONAL}
    if len(set(told.values())) > 1:
        why = ", ".join(f"{verdict} {way}" for way, verdict in told.items())
        rows[chosen] = replace(rows[chosen], verdict=DEPENDS, reason=f"{why}; {rows[chosen].reason}")
    return [rows[chosen], *rows[:chosen], *rows[chosen + 1 :]]
