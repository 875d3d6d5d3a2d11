"""Do the tests of large raids and of the daily list hold their size, where the truth is known?

    python benchmarks/energy_size.py [SERIES]        writes benchmarks/energy_size.csv; 2,000 series, five minutes

Made-up hits on the very days that the tables could read, nothing changed by a pause: days that are independent or
cluster, and raids whose aim changes by campaigns of about half a year. Columns: what is tested and its geometry; the
process; rejected: per cent of series with p at most 0.05; its Monte Carlo error; told: per cent with a verdict of fewer
or more, which needs enough separate windows besides. fisher: the same two sides by Fisher's test, which takes readings
for independent and is never a result.

At a nominal 5 % the step test rejects 0.5 to 3 %, Fisher's up to 11 %; a month of raids rejects at most 2 %. Half a
year of raids, as long as the campaigns themselves, would reject up to 21 % if overlapping windows were taken for
separate: the rule of 39 separate windows leaves nothing of it told, and nothing of 30 days of the list either.
"""

import sys
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.stats import fisher_exact

from analysis.calibration.study import CLUSTERS
from analysis.campaigns import estimate_steps, place_window
from analysis.measures import energy_days

PAUSE = pd.date_range("2025-03-18", "2025-04-16")
CAMPAIGNS = {"campaigns of half a year": (180, 0.8, 0.05), "campaigns of three months": (90, 0.8, 0.2)}
TOLD = ("fewer", "more")


def clustered(generator, n, spread, persistence, share):
    """Hits on n days whose odds wander."""
    swing = generator.standard_normal(n)
    for day in range(1, n):
        swing[day] = persistence * swing[day - 1] + np.sqrt(1 - persistence**2) * swing[day]
    odds = share / (1 - share) * np.exp(spread * swing)
    return (generator.random(n) < odds / (1 + odds)).astype(float)


def campaigning(generator, n, length, on, off):
    """Hits of raids on n days, in campaigns that begin and end by chance."""
    state = (generator.integers(2) + np.cumsum(generator.random(n) < 1 / length)) % 2
    return (generator.random(n) < np.where(state, on, off)).astype(float)


def fisher(frame, earlier, later):
    """Fisher's p for two spans of days."""
    sides = [frame.reindex(days).query("trials > 0")["hits"] for days in (earlier, later)]
    return fisher_exact([[side.sum(), (1 - side).sum()] for side in sides])[1]


def rates(frame, draw, tests, *, n_series, seed=0):
    """Share of series that each test rejects, and that it tells."""
    generator, found = np.random.default_rng(seed), {name: [] for name in tests}
    for _ in range(n_series):
        made = frame.assign(hits=pd.Series(draw(generator, len(frame)), frame.index).where(frame["trials"] > 0))
        for name, test in tests.items():
            found[name].append(test(made, generator))
    for name, rows in found.items():
        p, told = (np.array(column, float) for column in zip(*rows, strict=True))
        rejected = np.nan_to_num(p, nan=1.0) <= 0.05 + 1e-9
        error = np.sqrt(rejected.mean() * (1 - rejected.mean()) / n_series)
        yield {"test": name, "rejected": 100 * rejected.mean(), "error": 100 * error, "told": 100 * told.mean()}


def answer(effect):
    """p and whether anything is told."""
    return np.nan if effect.p_value is None else effect.p_value, effect.verdict in TOLD


def random_raids(frame, generator, n_days):
    """A window of days somewhere in the series, with a raid in it."""
    while True:
        first = frame.index[generator.integers(len(frame) - n_days)]
        days = pd.date_range(first, periods=n_days)
        if frame.loc[days, "trials"].sum():
            return days


def main(n_series):
    """Write the table."""
    digest = energy_days("digest")["energy_digest_rear", "rear"]
    raids = energy_days("raids")["energy_raids_facility", "national"]
    before, after = pd.date_range(end="2025-03-17", periods=30), pd.date_range("2025-04-17", periods=29)
    sides = {
        "list: inside against before": lambda f, g: answer(estimate_steps(f, PAUSE, "x")[0]),
        "list: after against inside": lambda f, g: answer(estimate_steps(f, PAUSE, "x")[1]),
        "list: fisher, inside against before": lambda f, g: (fisher(f, before, PAUSE), False),
        "list: fisher, after against inside": lambda f, g: (fisher(f, PAUSE, after), False),
        "list: 30 days among windows of as many readings": lambda f, g: answer(place_window(f, PAUSE, "x")),
        "list: 2 days among windows of as many readings": lambda f, g: answer(place_window(f, PAUSE[8:10], "x")),
    }
    large = {
        f"raids: {n} days among windows of as many {unit}": lambda f, g, n=n, by=by: answer(
            place_window(f, random_raids(f, g, n), "x", by_days=by)
        )
        for n in (30, 180)
        for unit, by in (("raids", False), ("days", True))
    }
    plans = [(digest, clustered, name, values, sides) for name, values in CLUSTERS.items()]
    plans += [(raids, campaigning, name, values, large) for name, values in CAMPAIGNS.items()]
    rows = []
    for frame, process, name, values, tests in plans:
        for row in rates(frame, lambda g, n, p=process, v=values: p(g, n, *v), tests, n_series=n_series):
            rows.append({"test": row.pop("test"), "process": name} | row)
    table = pd.DataFrame(rows).round(1)
    table.to_csv(Path(__file__).with_name("energy_size.csv"), index=False, lineterminator="\n")
    sys.stdout.write(f"{table.to_string(index=False)}\n")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 2000)
