"""From national reports to counts by strike day: verdicts on silent days, and the same days counted otherwise.

Each rule is a function from frame to frame that says in its first line what it does.
"""

from dataclasses import replace

import numpy as np
import pandas as pd

from analysis.sources.imported import follow

DRONES = "owa_drone"
MISSILES = ("cruise", "ballistic", "mixed_cruise_ballistic", "mixed_ballistic_sam", "sam_land_attack")
MISSILE_COLUMNS = ["missiles_launched", "missiles_neutralised", *(f"{name}_launched" for name in MISSILES)]
STRATEGIC = {"X-101/X-555", "Kalibr", "Iskander-K"}
MORNING, EVENING = 7 * 60, 17 * 60  # minutes after midnight

# From here on the Air Force reports drones every night: a day without a row needs a verdict of its own.
NIGHTLY_REPORTS = pd.Timestamp("2024-09-01")
# No row in the raw file, and other evidence that no drone flew.
JUDGED_ZERO = {
    "2024-10-14": "Air Force spokesman: no strike drone, the first such night of 48",
    "2024-11-21": "the Air Force's post lists missiles only",
    "2024-11-23": "53 alert-minutes in the rear; the median night has 2,170",
    "2024-12-10": "press: last night without drones; 40 alert-minutes in the rear",
    "2024-12-11": "no alert in the rear",
    "2024-12-12": "no alert in the rear",
    "2025-04-01": "the Air Force's morning report: two Kh-59/69 and no drones",
    "2025-04-20": "Easter truce; one alert in the whole country",
    "2025-05-08": "press: no drones on the first night of the truce",
    "2025-05-09": "68 alert-minutes in the rear",
    "2025-05-10": "no alert in the rear",
    "2026-04-12": "Orthodox Easter truce; no alert in the rear",
    "2026-05-11": "truce; no alert in the rear; with zero drones the month matches the published total",
}
# No row in the raw file, and drones flew or may have flown.
MISSING_REPORTS = {
    "2024-03-11": "regional commands shot down 15 drones; the half-year falls short of the published total",
    "2024-03-12": "regional commands shot down 8 drones",
    "2024-03-14": "regional commands shot down 16 drones",
    "2025-04-07": "no report found; the month is 84 drones below the published total",
}
# Launched and shot down by https://rnbo.org/2024/12/30/89235.html (Voice of America, quoting the Air Force), which
# says nothing of missiles, and nothing of drones lost otherwise: "neutralised" is too low on this day.
PUBLISHED = {"2024-12-30": (43, 21)}
# What the one unresolved night would need for its month to reach the published total.
SHORTFALL = {"2025-04-07": 84}


def count_by_day(national, others, days):
    """Launched and neutralised on each of `days`, night and day reports together; an unknown part: unknown."""
    drones = national["class"] == DRONES
    neutralised = national.assign(neutralised=national["destroyed"] + national["not_reach_goal"].fillna(0))
    basis = np.where(days.isin(national.loc[drones, "day"]), "report", "missing")
    counted = pd.DataFrame({"reported": days.isin(national["day"]), "drones_basis": basis}, index=days)
    for name, chosen in (("drones", drones), ("missiles", ~drones)):
        counted[f"{name}_launched"] = _daily(neutralised[chosen], "launched", days)
        counted[f"{name}_neutralised"] = _daily(neutralised[chosen], "neutralised", days)
    for name in MISSILES:
        counted[f"{name}_launched"] = _daily(national[national["class"] == name], "launched", days)
    return counted.assign(regional_kills=days.isin(others.loc[others["class"] == DRONES, "day"]))


def _daily(rows, column, days):
    return rows.groupby("day")[column].sum(skipna=False).reindex(days, fill_value=0).astype(float)


def judge_days(days):
    """Give every day without a drone row its verdict; return the days and the rules followed, with reasons."""
    rules = (
        assume_zero_before_nightly_reports,
        doubt_zero_with_regional_kills,
        accept_judged_zeros,
        take_published_report,
        empty_missing_reports,
    )
    days, records = follow(days, rules)
    reasons = {"accept_judged_zeros": JUDGED_ZERO, "empty_missing_reports": MISSING_REPORTS}
    for at, rule in enumerate(records):
        why = reasons.get(rule.name, {})
        stated = tuple(f"{day}: {why[day]}" for day in rule.rows if day in why)
        records[at] = replace(rule, examples=stated or rule.examples)
    return days, records


def assume_zero_before_nightly_reports(days):
    """Before September 2024 no drone row usually means no drone: zero, unless the report is known to be missing."""
    silent = (days["drones_basis"] == "missing") & (days.index < NIGHTLY_REPORTS)
    silent &= ~days.index.isin(pd.to_datetime(list(MISSING_REPORTS)))
    return _zero(days, silent, "assumed zero")


def doubt_zero_with_regional_kills(days):
    """An assumed zero is marked as doubtful where a regional command shot drones down."""
    return _zero(days, (days["drones_basis"] == "assumed zero") & days["regional_kills"], "doubtful zero")


def accept_judged_zeros(days):
    """No drone row, but other evidence that nothing flew: zero (examples give the reasons)."""
    judged = days.index.isin(pd.to_datetime(list(JUDGED_ZERO)))
    return _zero(days, (days["drones_basis"] == "missing") & judged, "judged zero")


def _zero(days, chosen, basis):
    return days.assign(reported=days["reported"] | chosen, drones_basis=days["drones_basis"].mask(chosen, basis))


def take_published_report(days):
    """2024-12-30: 43 drones launched, 21 shot down, as published (https://rnbo.org/2024/12/30/89235.html)."""
    days = days.copy()
    for day, figures in ((pd.Timestamp(day), figures) for day, figures in PUBLISHED.items()):
        if day in days.index and days.loc[day, "drones_basis"] == "missing":
            if not days.loc[day, "reported"]:
                days.loc[day, MISSILE_COLUMNS] = np.nan
            days.loc[day, ["drones_launched", "drones_neutralised"]] = figures
            days.loc[day, ["reported", "drones_basis"]] = [True, "published"]
    return days


def empty_missing_reports(days):
    """No drone row and no evidence of silence: drones unknown; without any row missiles too."""
    days = days.copy()
    days.loc[days["drones_basis"] == "missing", ["drones_launched", "drones_neutralised"]] = np.nan
    days.loc[~days["reported"], MISSILE_COLUMNS] = np.nan
    return days


def derive_variants(national, others, days):
    """The same days counted otherwise, and the rules followed; a day empty in `days` stays empty."""
    tables = ("strike_variants",)
    rolled, rolling = follow(national, [roll_evening_reports], tables=tables)
    night, dropping = follow(national, [drop_daytime_reports], tables=tables)
    strategic, keeping = follow(national[national["class"] != DRONES], [keep_strategic_missiles], tables=tables)
    everyone = pd.concat([national, others])
    variants = pd.DataFrame(
        {
            "drones_evening_rolled": _variant(rolled, "drones", days),
            "missiles_evening_rolled": _variant(rolled, "missiles", days),
            "drones_night_reports": _variant(night, "drones", days),
            "missiles_night_reports": _variant(night, "missiles", days),
            "missiles_all_sources": _variant(everyone, "missiles", days),
            "missiles_strategic": _variant(strategic, "missiles", days),
            "drones_2025_04_07_is_84": days["drones_launched"],
        }
    )
    filled, filling = follow(variants, [fill_unresolved_night], tables=tables)
    return filled, [*rolling, *dropping, *keeping, *filling]


def _variant(rows, weapon, days):
    chosen = (rows["class"] == DRONES) == (weapon == "drones")
    counted, base = _daily(rows[chosen], "launched", days.index), days[f"{weapon}_launched"]
    return counted.where(base.notna() & (days["drones_basis"] != "published"), base)


def roll_evening_reports(rows):
    """A report that begins and ends after 17:00 of one date belongs to the night that follows."""
    evening = (rows["start_minute"] >= EVENING) & (rows["end_minute"] >= EVENING) & _one_date(rows)
    return rows.assign(day=rows["day"].mask(evening, rows["day"] + pd.Timedelta(days=1)))


def drop_daytime_reports(rows):
    """Daytime reports are left out: windows of one date that begin from 07:00 to 16:59."""
    return rows[~(rows["start_minute"].between(MORNING, EVENING - 1) & _one_date(rows))]


def _one_date(rows):
    return (rows["start_day"] == rows["end_day"]) & rows["end_minute"].notna()


def keep_strategic_missiles(rows):
    """Only missiles of rows that name X-101/X-555, Kalibr or Iskander-K, alone or with others."""
    named = rows["model"].map(lambda label: bool(STRATEGIC & set(label.split(" and "))))
    return rows[named.astype(bool)]


def fill_unresolved_night(variants):
    """2025-04-07 is set to 84 drones, what that month lacks against its published total."""
    column = variants["drones_2025_04_07_is_84"]
    shortfall = pd.Series({pd.Timestamp(day): float(drones) for day, drones in SHORTFALL.items()})
    return variants.assign(drones_2025_04_07_is_84=column.fillna(shortfall))
