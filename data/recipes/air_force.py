"""The Air Force's reports: from one row a weapon and attack to launched and neutralised by strike day.

A day is empty, not zero, where its report is missing; so is a sum of which a row lacks its number."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from analysis.tables import dictionary, parse_table, table_faults

from .kit import Check, Imported, Log, RawFile, faults_of, read_rows, refuse

HIDDEN, STATUSES = "hidden", ("", "open", "hidden")  # of the column status_data
MOST_SET_ASIDE = 0.01  # of all rows; with more the file is refused
KEY = ["time_start", "time_end", "model", "source", "target", "launch_place"]
COUNTS = ["launched", "destroyed", "not_reach_goal"]
MOST, FIRST_DAY = 10_000, pd.Timestamp("2022-01-01")
NATIONAL = ("kpszsu", "GeneralStaff.ua", "CinCAFU")  # the last two stand in for the Air Force on five days
ISSUER = r"^(?:https?://)?(?:www\.)?(?:(?:t\.me|facebook\.com)/)?([^/?]+)"
STAMP = r"^(\d{4}-\d{2}-\d{2})(?:[ T](\d{1,2}):(\d{2})(?::\d{2})?)?$"
DRONES = "owa_drone"
MISSILES = ("cruise", "ballistic", "mixed_cruise_ballistic", "mixed_ballistic_sam", "sam_land_attack")
MISSILE_COLUMNS = ["missiles_launched", "missiles_neutralised", *(f"{name}_launched" for name in MISSILES)]
STRATEGIC = {"X-101/X-555", "Kalibr", "Iskander-K"}
MORNING, EVENING = 7 * 60, 17 * 60  # minutes after midnight

# From here on the Air Force reports drones every night: a day without a row needs a verdict of its own.
NIGHTLY_REPORTS = pd.Timestamp("2024-09-01")
# Launched and shot down as published (Voice of America, quoting the Air Force), which says nothing of missiles, and
# nothing of drones lost otherwise: "neutralised" is too low on this day.
PUBLISHED_DAY, PUBLISHED = pd.Timestamp("2024-12-30"), (43, 21)
# What the one unresolved night would need for its month to reach the published total.
SHORTFALL = pd.Series({pd.Timestamp("2025-04-07"): 84.0})


def build(files: Sequence[RawFile], folder: Path) -> Imported:
    (raw, classes), log, reads = files, Log(), dictionary()["recipes"]["air_force"]
    refuse(classes.name, table_faults("weapon_classes", {classes.name: classes.content}))  # users edit it
    text, notes = read_rows(raw, reads["columns"], optional=reads["optional"], ignored=reads["ignored"])
    text = log.step("strip_blanks", text, text.apply(lambda column: column.str.split().str.join(" ")))
    rows = _parse(text, parse_table("weapon_classes", classes.content).set_index("model"))
    typo = (rows["end_day"] == "2024-12-28") & (rows["class"] == DRONES) & rows[COUNTS].eq([16, 15, 11]).all(axis=1)
    lost = rows["not_reach_goal"].mask(typo, 1)
    rows = log.step("correct_typo_of_2024_12_28", rows, rows.assign(not_reach_goal=lost))
    impossible = rows[["destroyed", "not_reach_goal"]].sum(axis=1) > rows["launched"]
    impossible |= rows["issuer"].isna() | _ends_first(rows)  # set aside if there is a day on which they are unknown
    aside = impossible & rows["end_day"].between(FIRST_DAY, pd.Timestamp.max) & rows["class"].notna()
    aside &= aside.mean() <= MOST_SET_ASIDE
    for count in COUNTS:
        aside &= ~_no_count(text, rows, count)
    refuse(raw.name, faults_of(raw.name, text[~aside], _checks(text[~aside], rows[~aside])))
    index = pd.date_range(rows["end_day"].min(), rows["end_day"].max(), name="day", unit="us")
    if (hidden := rows["status"] == HIDDEN).any():
        rows = log.step("withhold_hidden_figures", rows, _unknown(rows, hidden))
    if aside.any():
        doubted = _unknown(rows, aside).assign(issuer=rows["issuer"].mask(aside, NATIONAL[0]))
        rows = log.step("set_aside_impossible_rows", rows, doubted)
    rows = log.step("date_by_end", rows, rows.assign(day=rows["end_day"]))
    rows = log.step("keep_long_range_weapons", rows, rows[rows["long_range"]])
    misfiled = rows["issuer"].str.lower().str.startswith("pvk") & (rows["target"] == "Ukraine")
    misfiled &= rows[["start_minute", "end_minute"]].notna().all(axis=1)
    issuer = rows["issuer"].mask(misfiled, NATIONAL[0])
    rows = log.step("restore_misfiled_reports", rows, rows.assign(issuer=issuer))
    national = log.step("keep_national_reports", rows, rows[rows["issuer"].isin(NATIONAL)])
    others = rows.drop(national.index)
    log.step("leave_incomplete_sums_empty", national, national.dropna(subset=["launched", "destroyed"]))
    days = judge_days(count_by_day(national, others, index), log)
    variants = derive_variants(national, others, days, log)
    left_out = [f"{issuer} ({number} rows)" for issuer, number in others["issuer"].value_counts().items()]
    silent = days.index[days["drones_basis"] == "missing"].strftime("%Y-%m-%d")
    open_days = silent.difference(list(dictionary()["verdicts"]["missing_report"]))
    told = {"not national, left out": left_out, "no drone report and no verdict, left empty": open_days}
    notes += [f"{what}: {', '.join(which)}" for what, which in told.items() if len(which)]
    made = {"strikes": days.drop(columns="regional_kills").reset_index(), "strike_variants": variants.reset_index()}
    return Imported(made, log, {"state": f"copy whose last report is dated {index[-1]:%Y-%m-%d}"}, notes)


def _parse(text: pd.DataFrame, classes: pd.DataFrame) -> pd.DataFrame:
    """Typed rows; what cannot be read becomes empty and is found by `_checks`."""
    rows = text[["model", "target"]].assign(status=text["status_data"].str.casefold())
    for count in COUNTS:
        rows[count] = pd.to_numeric(text[count], errors="coerce").astype(float)
    for end in ("start", "end"):  # minutes after midnight are empty for a bare date; a clock beyond 23:59 voids the day
        parts = text[f"time_{end}"].str.extract(STAMP)
        hour, minute = parts[1].astype(float), parts[2].astype(float)
        day = pd.to_datetime(parts[0], format="%Y-%m-%d", errors="coerce").astype("datetime64[us]")
        rows[f"{end}_day"], rows[f"{end}_minute"] = day.mask((hour > 23) | (minute > 59)), 60 * hour + minute
    rows["day"] = rows["start_day"]
    rows["issuer"] = text["source"].str.extract(ISSUER, expand=False)
    rows["class"] = rows["model"].map(classes["class"])
    rows["long_range"] = rows["model"].map(classes["is_long_range_strike"]) == 1
    return rows


def _unknown(rows: pd.DataFrame, chosen: pd.Series) -> pd.DataFrame:
    return rows.assign(**{count: rows[count].mask(chosen) for count in COUNTS})


def _ends_first(rows: pd.DataFrame) -> pd.Series:
    """Whether a window ends before it starts; a bare date stands for the whole day."""
    start = rows["start_day"] + pd.to_timedelta(rows["start_minute"].fillna(0), unit="min")
    return rows["end_day"] + pd.to_timedelta(rows["end_minute"].fillna(24 * 60), unit="min") < start


def _no_count(text: pd.DataFrame, rows: pd.DataFrame, count: str) -> pd.Series:
    return ~text[count].str.lower().isin(["", "nan"]) & ~((rows[count] % 1 == 0) & rows[count].between(0, MOST))


def _checks(text: pd.DataFrame, rows: pd.DataFrame) -> Iterator[Check]:
    today = pd.Timestamp.now()
    for count in COUNTS:
        yield Check(count, _no_count(text, rows, count), "not a count", f"a whole number from 0 to {MOST}, or nothing")
    for end in ("start", "end"):
        day, field = rows[f"{end}_day"], f"time_{end}"
        yield Check(field, day.isna(), "not a time", "YYYY-MM-DD or YYYY-MM-DD HH:MM")
        outside = (day < FIRST_DAY) | (day > today + pd.Timedelta(days=1))  # the clock may be west of Kyiv
        yield Check(field, outside, "impossible date", f"from {FIRST_DAY:%Y-%m-%d} to {today:%Y-%m-%d}")
    span = text["time_start"] + " to " + text["time_end"]
    yield Check("time_end", _ends_first(rows), "ends before it starts", "time_start or later", span)
    strange, known = ~rows["status"].isin(STATUSES), f"{', '.join(filter(None, STATUSES))} or nothing"
    remedy = "say in STATUSES of recipes/air_force.py what it means"
    yield Check("status_data", strange, "unknown status of figures", known, remedy=remedy)
    launched, destroyed = rows["launched"].where(rows["launched"] >= 0), rows["destroyed"].fillna(0)
    sums, most = text["destroyed"] + " + " + text["not_reach_goal"] + " of " + text["launched"], "at most launched"
    shot, lost = destroyed > launched, destroyed + rows["not_reach_goal"].fillna(0) > launched
    yield Check("destroyed", shot, "more destroyed than launched", most, sums)
    yield Check("not_reach_goal", lost & ~shot, "more destroyed or lost than launched", most, sums)
    known, remedy = "a label of weapon_classes.csv", "add it to data/weapon_classes.csv"
    yield Check("model", rows["class"].isna(), "unknown weapon label", known, remedy=remedy)
    yield Check("source", rows["issuer"].isna(), "no source", "the post that reports it")
    yield Check(", ".join(KEY), text.duplicated(KEY), "row repeated", "each row once", span, "remove the copy")
    if not rows["issuer"].isin(NATIONAL).any():
        known, found = f"posts of {', '.join(NATIONAL)}", ", ".join(rows["issuer"].dropna().unique()[:5])
        remedy = "take a copy of the data set named in data/README.md"
        yield Check("source", None, "no national report", known, found, remedy)


def count_by_day(national: pd.DataFrame, others: pd.DataFrame, days: pd.DatetimeIndex) -> pd.DataFrame:
    """Launched and neutralised on each of `days`, night and day reports together; an unknown part: unknown."""
    national = national.assign(neutralised=national["destroyed"] + national["not_reach_goal"].fillna(0))
    drones, hidden = national["class"] == DRONES, national["status"] == HIDDEN
    kinds = {"drones": drones, "missiles": ~drones}
    counted = pd.DataFrame({"reported": days.isin(national["day"])}, index=days)
    counted["drones_basis"] = np.where(days.isin(national.loc[drones, "day"]), "report", "missing")
    for name, chosen in kinds.items():
        for figure in ("launched", "neutralised"):
            counted[f"{name}_{figure}"] = _daily(national[chosen], figure, days)
    for name in MISSILES:
        counted[f"{name}_launched"] = _daily(national[national["class"] == name], "launched", days)
    counted["missiles_basis"] = np.where(counted["missiles_launched"].isna(), "incomplete", "report")
    for name, chosen in kinds.items():
        counted.loc[days.isin(national.loc[chosen & hidden, "day"]), f"{name}_basis"] = "withheld"
    return counted.assign(regional_kills=days.isin(others.loc[others["class"] == DRONES, "day"]))


def _daily(rows: pd.DataFrame, column: str, days: pd.DatetimeIndex) -> pd.Series:
    return rows.groupby("day")[column].sum(skipna=False).reindex(days, fill_value=0).astype(float)


def judge_days(days: pd.DataFrame, log: Log) -> pd.DataFrame:
    """The days, each of those without a drone row with its verdict."""
    verdicts = dictionary()["verdicts"]
    silent = (days["drones_basis"] == "missing") & (days.index < NIGHTLY_REPORTS)
    silent &= ~days.index.isin(pd.to_datetime(list(verdicts["missing_report"])))
    days = log.step("assume_zero_before_nightly_reports", days, _zero(days, silent, "assumed zero"))
    doubtful = (days["drones_basis"] == "assumed zero") & days["regional_kills"]
    days = log.step("doubt_zero_with_regional_kills", days, _zero(days, doubtful, "doubtful zero"))
    judged = (days["drones_basis"] == "missing") & days.index.isin(pd.to_datetime(list(verdicts["judged_zero"])))
    days = log.step("accept_judged_zeros", days, _zero(days, judged, "judged zero"), verdicts["judged_zero"])
    published = (days["drones_basis"] == "missing") & (days.index == PUBLISHED_DAY)
    filled = _zero(_without_missiles(days, published & ~days["reported"]), published, "published")
    filled.loc[published, ["drones_launched", "drones_neutralised"]] = PUBLISHED
    days = log.step("take_published_report", days, filled)
    emptied = _without_missiles(days, ~days["reported"])
    emptied.loc[days["drones_basis"] == "missing", ["drones_launched", "drones_neutralised"]] = np.nan
    return log.step("empty_missing_reports", days, emptied, verdicts["missing_report"])


def _zero(days: pd.DataFrame, chosen: pd.Series, basis: str) -> pd.DataFrame:
    return days.assign(reported=days["reported"] | chosen, drones_basis=days["drones_basis"].mask(chosen, basis))


def _without_missiles(days: pd.DataFrame, chosen: pd.Series) -> pd.DataFrame:
    days = days.assign(missiles_basis=days["missiles_basis"].mask(chosen, "missing"))
    days.loc[chosen, MISSILE_COLUMNS] = np.nan
    return days


def derive_variants(national: pd.DataFrame, others: pd.DataFrame, days: pd.DataFrame, log: Log) -> pd.DataFrame:
    """The same days counted otherwise; a day empty in `days` stays empty."""
    clocks = national[["start_minute", "end_minute"]]
    one_date = (national["start_day"] == national["end_day"]) & national["end_minute"].notna()
    evening, day = (clocks >= EVENING).all(axis=1) & one_date, national["day"]
    rolled = national.assign(day=day.mask(evening, day + pd.Timedelta(days=1)))
    night = national[~(national["start_minute"].between(MORNING, EVENING - 1) & one_date)]
    missiles = national[national["class"] != DRONES]
    named = missiles["model"].map(lambda label: bool(STRATEGIC & set(label.split(" and ")))).astype(bool)
    log.step("roll_evening_reports", national, rolled)
    log.step("drop_daytime_reports", national, night)
    log.step("keep_strategic_missiles", missiles, missiles[named])
    counted = {f"{weapon}_evening_rolled": rolled for weapon in ("drones", "missiles")}
    counted |= {f"{weapon}_night_reports": night for weapon in ("drones", "missiles")}
    counted |= {"missiles_all_sources": pd.concat([national, others]), "missiles_strategic": missiles[named]}
    variants = pd.DataFrame(index=days.index)
    for name, rows in counted.items():
        weapon = name.partition("_")[0]
        chosen, base = (rows["class"] == DRONES) == (weapon == "drones"), days[f"{weapon}_launched"]
        known = base.notna() & (days["drones_basis"] != "published")
        variants[name] = _daily(rows[chosen], "launched", days.index).where(known, base)
    variants["drones_2025_04_07_is_84"] = days["drones_launched"]
    filled = variants.fillna({"drones_2025_04_07_is_84": SHORTFALL})
    return log.step("fill_unresolved_night", variants, filled)
