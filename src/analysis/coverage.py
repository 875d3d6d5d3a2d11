"""What the strike data cover: years, zero days, and published counts of single nights."""

import re

import pandas as pd

from analysis.pauses import reported_pauses

COUNTS = {"drones": "drones_launched", "missiles": "missiles_launched"}
NIGHT = re.compile(r"^(\d{4})-(\d{2})-(\d{2})/(?:(\d{2})-)?(\d{2})(?:,.*| \(from.*)?$")


def coverage_by_year(strikes):
    """Days, gaps, zero days and sums of each year.

    Parameters
    ----------
    strikes : DataFrame
        As from `load_strikes`.

    Returns
    -------
    DataFrame indexed by year

    Examples
    --------
    >>> from analysis.tables import load_strikes
    >>> int(coverage_by_year(load_strikes()).loc[2025, "days without report"])
    1
    """
    by_year = strikes.groupby(strikes.index.year.rename("year"))
    return pd.DataFrame(
        {
            "days": by_year.size(),
            "days without report": by_year["reported"].agg(lambda reported: int((~reported).sum())),
            "days without a drone": by_year["drones_launched"].agg(lambda counts: int((counts == 0).sum())),
            "drones": by_year["drones_launched"].sum().astype(int),
            "days without a missile": by_year["missiles_launched"].agg(lambda counts: int((counts == 0).sum())),
            "missiles": by_year["missiles_launched"].sum().astype(int),
        }
    )


def zero_days(strikes, *, first_day):
    """Every day whose drone figure is zero or missing, or that rests on something else than a report.

    Returns
    -------
    DataFrame indexed by day
        Columns drones_launched, missiles_launched, drones_basis.
    """
    recent = strikes[first_day:]
    odd = (recent["drones_launched"] == 0) | (recent["drones_basis"] != "report")
    return recent.loc[odd, ["drones_launched", "missiles_launched", "drones_basis"]]


def pause_spans(registry):
    """First and last strike day of every reported pause, for pictures: columns label, first_day, last_day."""
    windows = [(pause.name, pause.days()) for pause in reported_pauses(registry)]
    return pd.DataFrame(
        [(name, days[0], days[-1]) for name, days in windows], columns=["label", "first_day", "last_day"]
    )


def published_nights(registry, strikes):
    """Counts published for single nights beside the table's, where a night is stated as "2026-01-30/31".

    Parameters
    ----------
    registry : mapping of Pause
    strikes : DataFrame

    Returns
    -------
    DataFrame
        Columns pause, day, drones published, drones in table, missiles published, missiles in table. The night
        from the 30th to the 31st is strike day 31.
    """
    rows = []
    for pause in registry.values():
        for count in pause.published_counts:
            night = NIGHT.match(count.when)
            if not night or (count.drones is None and count.missiles is None):
                continue
            year, month, _, new_month, last = night.groups()
            day = pd.Timestamp(f"{year}-{new_month or month}-{last}")
            if day not in strikes.index:
                continue
            row = {"pause": pause.id, "day": day}
            for name, column in COUNTS.items():
                row |= {f"{name} published": getattr(count, name), f"{name} in table": strikes.at[day, column]}
            rows.append(row)
    return pd.DataFrame(rows).set_index("day")
