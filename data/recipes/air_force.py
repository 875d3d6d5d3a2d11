"""The Air Force's reports: from one row a weapon and attack to launched and neutralised by strike day.

Raw file: `missile_attacks_daily.csv` of "Massive Missile Attacks on Ukraine", any copy from 2023 on. Each rule is a
function from frame to frame that says in its first line what it does; the build stores the rows it touched. A day is
empty, not zero, where its report is missing; where a row of the day lacks its number, the sum that needs it is too.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from analysis.errors import DataError
from analysis.tables import parse_table, table_faults

from .kit import Imported, RawFile, Rule, Source, find_fault, follow, read_rows, record, refuse

RAW = ("missile_attacks_daily.csv",)
TABLES = ("strikes", "strike_variants")
SOURCE = Source(
    title="Massive Missile Attacks on Ukraine",
    producer="Petro Ivaniuk (piterfm), from posts of the Ukrainian Air Force Command, regional commands and the "
    "General Staff",
    citation="Ivaniuk, P. Massive Missile Attacks on Ukraine. Kaggle. Figures: Air Force Command of Ukraine.",
    address="https://www.kaggle.com/datasets/piterfm/massive-missile-attacks-on-ukraine",
    licence="not confirmed: on the data set's page; others state CC BY-NC-SA 4.0 (two) and ODC-BY 1.0 (one); the raw "
    "file is not republished here",
)
ADDRESS = (
    "https://www.kaggle.com/api/v1/datasets/download/piterfm/massive-missile-attacks-on-ukraine/"
    "missile_attacks_daily.csv"
)
PRIVATE = True
REQUIRED = ("time_start", "time_end", "model", "launch_place", "target", "launched", "destroyed", "source")
IGNORED = (
    "target_main", "still_attacking", "border_crossing", "is_shahed", "num_hit_location", "num_fall_fragment_location",
    "carrier", "turbojet", "turbojet_destroyed", "affected region", "destroyed_details", "launched_details",
    "launch_place_details", "cross_border_belarus",
)  # fmt: skip
HIDDEN, STATUSES = "hidden", ("", "open", "hidden")  # of the column status_data
MOST_SET_ASIDE = 0.01  # of all rows; with more the file is refused
KEY = ["time_start", "time_end", "model", "source", "target", "launch_place"]
COUNTS = ("launched", "destroyed", "not_reach_goal")
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


def build(path: str | Path, *, folder: str | Path, today: str | pd.Timestamp | None = None) -> Imported:
    """One row a strike day, from the first to the last day of the file; no report can be dated later than `today`."""
    raw, class_map = RawFile.read(path), RawFile.read(Path(folder) / "weapon_classes.csv")
    today = pd.Timestamp(today or pd.Timestamp.now())
    text, notes = read_rows(raw, required=REQUIRED, optional=("not_reach_goal", "status_data"), ignored=IGNORED)
    text, rules = follow(text, [strip_blanks])
    rows, correction = follow(_parse(text, _read_classes(class_map)), [correct_typo_of_2024_12_28])
    wrong = _impossible(rows)
    aside = wrong if 0 < wrong.mean() <= MOST_SET_ASIDE else wrong & False
    refuse(_faults(text[~aside], rows[~aside], raw.name, today), file=raw.name)
    rows["aside"] = aside

    doubts = [withhold_hidden_figures, set_aside_impossible_rows]
    strikes, choice = follow(rows, [*doubts, date_by_end, keep_long_range_weapons, restore_misfiled_reports])
    choice = [rule for rule in choice if rule.rows_touched or rule.name not in (f.__name__ for f in doubts)]
    national, selection = follow(strikes, [keep_national_reports])
    others = strikes.drop(national.index)
    index = pd.date_range(rows["end_day"].min(), rows["end_day"].max(), name="day", unit="us")
    numbered = national.dropna(subset=["launched", "destroyed"])
    incomplete = record("leave_incomplete_sums_empty", "A sum with an unknown part is unknown.", national, numbered)
    days, verdicts = judge_days(count_by_day(national, others, index))
    variants, variation = derive_variants(national, others, days)
    return Imported(
        tables={
            "strikes": days.drop(columns="regional_kills").reset_index(),
            "strike_variants": variants.reset_index(),
        },
        rules=(*rules, *correction, *choice, *selection, incomplete, *verdicts, *variation),
        source=replace(SOURCE, state=f"copy whose last report is dated {index[-1]:%Y-%m-%d}"),
        inputs=(raw, class_map),
        notes=(*notes, *_notes(days, others)),
    )


def _read_classes(raw: RawFile) -> pd.DataFrame:
    """The map of labels; users edit it, so it is checked like a raw file."""
    faults = table_faults("weapon_classes", {raw.name: raw.content})
    refuse(faults, file=raw.name)
    return parse_table("weapon_classes", raw.content).set_index("model")


def _parse(text: pd.DataFrame, classes: pd.DataFrame) -> pd.DataFrame:
    """Typed rows; what cannot be read becomes empty and is found by `_faults`."""
    rows = text[["model", "target"]].assign(status=text["status_data"].str.casefold())
    for count in COUNTS:
        rows[count] = pd.to_numeric(text[count], errors="coerce")
    for end in ("start", "end"):
        rows[f"{end}_day"], rows[f"{end}_minute"] = _moment(text[f"time_{end}"])
    rows["day"] = rows["start_day"]
    rows["issuer"] = text["source"].str.extract(ISSUER, expand=False)
    rows["class"] = rows["model"].map(classes["class"])
    rows["long_range"] = rows["model"].map(classes["is_long_range_strike"]) == 1
    return rows


def _moment(stamps: pd.Series) -> tuple[pd.Series, pd.Series]:
    """Day, and minute after midnight (empty for a bare date); a clock beyond 23:59 voids the day."""
    parts = stamps.str.extract(STAMP)
    hour, minute = parts[1].astype(float), parts[2].astype(float)
    day = pd.to_datetime(parts[0], format="%Y-%m-%d", errors="coerce").astype("datetime64[us]")
    return day.mask((hour > 23) | (minute > 59)), 60 * hour + minute


def _impossible(rows: pd.DataFrame) -> pd.Series:
    """Rows of the right form that cannot be right: more shot down than flew, no source, an end before the start.

    All of them need a day on which they count as unknown.
    """
    lost = rows["destroyed"].fillna(0) + rows["not_reach_goal"].fillna(0)
    known = rows["end_day"].between(FIRST_DAY, pd.Timestamp.max) & rows["class"].notna()
    return known & ((lost > rows["launched"]) | rows["issuer"].isna() | _ends_first(rows))


def _ends_first(rows: pd.DataFrame) -> pd.Series:
    """Whether a window ends before it starts; a bare date stands for the whole day."""
    start = rows["start_day"] + pd.to_timedelta(rows["start_minute"].fillna(0), unit="min")
    return rows["end_day"] + pd.to_timedelta(rows["end_minute"].fillna(24 * 60), unit="min") < start


def _faults(text: pd.DataFrame, rows: pd.DataFrame, file: str, today: pd.Timestamp) -> Iterator[DataError | None]:
    """Every kind of fault with its rows."""
    find = partial(find_fault, text, file=file)
    for count in COUNTS:
        stated = ~text[count].str.lower().isin(["", "nan"])
        whole = (rows[count] % 1 == 0) & rows[count].between(0, MOST)
        yield find(count, stated & ~whole, "not a count", f"a whole number from 0 to {MOST}, or nothing")
    for end in ("start", "end"):
        day, field = rows[f"{end}_day"], f"time_{end}"
        yield find(field, day.isna(), "not a time", "YYYY-MM-DD or YYYY-MM-DD HH:MM")
        outside = (day < FIRST_DAY) | (day > today + pd.Timedelta(days=1))  # the clock may be west of Kyiv
        yield find(field, outside, "impossible date", f"from {FIRST_DAY:%Y-%m-%d} to {today:%Y-%m-%d}")
    span = text["time_start"] + " to " + text["time_end"]
    yield find("time_end", _ends_first(rows), "ends before it starts", "time_start or later", found=span)
    strange, remedy = ~rows["status"].isin(STATUSES), "say in STATUSES of recipes/air_force.py what it means"
    named = ", ".join(filter(None, STATUSES))
    yield find("status_data", strange, "unknown status of figures", f"{named} or nothing", remedy=remedy)
    launched, destroyed = rows["launched"].where(rows["launched"] >= 0), rows["destroyed"].fillna(0)
    sums, most = text["destroyed"] + " + " + text["not_reach_goal"] + " of " + text["launched"], "at most launched"
    shot, lost = destroyed > launched, destroyed + rows["not_reach_goal"].fillna(0) > launched
    yield find("destroyed", shot, "more destroyed than launched", most, found=sums)
    yield find("not_reach_goal", lost & ~shot, "more destroyed or lost than launched", most, found=sums)
    known, remedy = "a label of weapon_classes.csv", "add it to data/weapon_classes.csv"
    yield find("model", rows["class"].isna(), "unknown weapon label", known, remedy=remedy)
    yield find("source", rows["issuer"].isna(), "no source", "the post that reports it")
    again, key = text.duplicated(KEY), ", ".join(KEY)
    yield find(key, again, "row repeated", "each row once", found=span, remedy="remove the copy")
    if not rows["issuer"].isin(NATIONAL).any():
        problem, remedy = "no national report", "take a copy of the data set named in data/README.md"
        expected, found = f"posts of {', '.join(NATIONAL)}", ", ".join(rows["issuer"].dropna().unique()[:5])
        yield DataError(problem, file=file, field="source", expected=expected, found=found, remedy=remedy)


def strip_blanks(text: pd.DataFrame) -> pd.DataFrame:
    """Blanks around and repeated inside cells are removed."""
    return text.apply(lambda column: column.str.split().str.join(" "))


def correct_typo_of_2024_12_28(rows: pd.DataFrame) -> pd.DataFrame:
    """2024-12-28: of 16 drones 15 were shot down, so 1 was lost, not 11."""
    wrong = (rows["end_day"] == "2024-12-28") & (rows["class"] == DRONES) & (rows["launched"] == 16)
    wrong &= (rows["destroyed"] == 15) & (rows["not_reach_goal"] == 11)
    return rows.assign(not_reach_goal=rows["not_reach_goal"].mask(wrong, 1))


def withhold_hidden_figures(rows: pd.DataFrame) -> pd.DataFrame:
    """Zeros of rows marked hidden hold a place: the Air Force withholds these numbers, so they are unknown."""
    return _unknown(rows, rows["status"] == HIDDEN)


def set_aside_impossible_rows(rows: pd.DataFrame) -> pd.DataFrame:
    """A row that cannot be right is set aside: its day is unknown for its class of weapon."""
    return _unknown(rows, rows["aside"]).assign(issuer=rows["issuer"].mask(rows["aside"], NATIONAL[0]))


def _unknown(rows: pd.DataFrame, chosen: pd.Series) -> pd.DataFrame:
    return rows.assign(**{count: rows[count].mask(chosen) for count in COUNTS})


def date_by_end(rows: pd.DataFrame) -> pd.DataFrame:
    """A report counts for the day on which its window ends (listed: windows that span midnight)."""
    return rows.assign(day=rows["end_day"])


def keep_long_range_weapons(rows: pd.DataFrame) -> pd.DataFrame:
    """Front-line and reconnaissance weapons are left out: they are kills, not launches."""
    return rows[rows["long_range"]]


def restore_misfiled_reports(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows of a regional command with target Ukraine and clock times are the national report (2025-10-01)."""
    regional = rows["issuer"].str.lower().str.startswith("pvk") & (rows["target"] == "Ukraine")
    clock = rows["start_minute"].notna() & rows["end_minute"].notna()
    return rows.assign(issuer=rows["issuer"].mask(regional & clock, NATIONAL[0]))


def keep_national_reports(rows: pd.DataFrame) -> pd.DataFrame:
    """Regional commands and third parties are left out: they count the same raid again, or kills only."""
    return rows[rows["issuer"].isin(NATIONAL)]


def count_by_day(national: pd.DataFrame, others: pd.DataFrame, days: pd.DatetimeIndex) -> pd.DataFrame:
    """Launched and neutralised on each of `days`, night and day reports together; an unknown part: unknown."""
    drones = national["class"] == DRONES
    neutralised = national.assign(neutralised=national["destroyed"] + national["not_reach_goal"].fillna(0))
    hidden, reported = national["status"] == HIDDEN, days.isin(national["day"])
    withheld = {name: days.isin(national.loc[chosen & hidden, "day"]) for name, chosen in _kinds(drones)}
    basis = np.where(days.isin(national.loc[drones, "day"]), "report", "missing")
    basis = np.where(withheld["drones"], "withheld", basis)
    counted = pd.DataFrame({"reported": reported, "drones_basis": basis}, index=days)
    for name, chosen in _kinds(drones):
        counted[f"{name}_launched"] = _daily(neutralised[chosen], "launched", days)
        counted[f"{name}_neutralised"] = _daily(neutralised[chosen], "neutralised", days)
    for name in MISSILES:
        counted[f"{name}_launched"] = _daily(national[national["class"] == name], "launched", days)
    known = np.where(counted["missiles_launched"].isna(), "incomplete", "report")
    counted["missiles_basis"] = np.where(withheld["missiles"], "withheld", known)
    return counted.assign(regional_kills=days.isin(others.loc[others["class"] == DRONES, "day"]))


def _kinds(drones: pd.Series) -> tuple[tuple[str, pd.Series], ...]:
    return ("drones", drones), ("missiles", ~drones)


def _daily(rows: pd.DataFrame, column: str, days: pd.DatetimeIndex) -> pd.Series:
    return rows.groupby("day")[column].sum(skipna=False).reindex(days, fill_value=0).astype(float)


def judge_days(days: pd.DataFrame) -> tuple[pd.DataFrame, list[Rule]]:
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


def assume_zero_before_nightly_reports(days: pd.DataFrame) -> pd.DataFrame:
    """Before September 2024 no drone row usually means no drone: zero, unless the report is known to be missing."""
    silent = (days["drones_basis"] == "missing") & (days.index < NIGHTLY_REPORTS)
    silent &= ~days.index.isin(pd.to_datetime(list(MISSING_REPORTS)))
    return _zero(days, silent, "assumed zero")


def doubt_zero_with_regional_kills(days: pd.DataFrame) -> pd.DataFrame:
    """An assumed zero is marked as doubtful where a regional command shot drones down."""
    return _zero(days, (days["drones_basis"] == "assumed zero") & days["regional_kills"], "doubtful zero")


def accept_judged_zeros(days: pd.DataFrame) -> pd.DataFrame:
    """No drone row, but other evidence that nothing flew: zero (examples give the reasons)."""
    judged = days.index.isin(pd.to_datetime(list(JUDGED_ZERO)))
    return _zero(days, (days["drones_basis"] == "missing") & judged, "judged zero")


def _zero(days: pd.DataFrame, chosen: pd.Series, basis: str) -> pd.DataFrame:
    return days.assign(reported=days["reported"] | chosen, drones_basis=days["drones_basis"].mask(chosen, basis))


def take_published_report(days: pd.DataFrame) -> pd.DataFrame:
    """2024-12-30: 43 drones launched, 21 shot down, as published (https://rnbo.org/2024/12/30/89235.html)."""
    days = days.copy()
    for day, figures in ((pd.Timestamp(day), figures) for day, figures in PUBLISHED.items()):
        if day in days.index and days.loc[day, "drones_basis"] == "missing":
            if not days.loc[day, "reported"]:
                days.loc[day, MISSILE_COLUMNS] = np.nan
                days.loc[day, "missiles_basis"] = "missing"
            days.loc[day, ["drones_launched", "drones_neutralised"]] = figures
            days.loc[day, ["reported", "drones_basis"]] = [True, "published"]
    return days


def empty_missing_reports(days: pd.DataFrame) -> pd.DataFrame:
    """No drone row and no evidence of silence: drones unknown; without any row missiles too."""
    days = days.copy()
    days.loc[days["drones_basis"] == "missing", ["drones_launched", "drones_neutralised"]] = np.nan
    days.loc[~days["reported"], MISSILE_COLUMNS] = np.nan
    days.loc[~days["reported"], "missiles_basis"] = "missing"
    return days


def derive_variants(
    national: pd.DataFrame, others: pd.DataFrame, days: pd.DataFrame
) -> tuple[pd.DataFrame, list[Rule]]:
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


def _variant(rows: pd.DataFrame, weapon: str, days: pd.DataFrame) -> pd.Series:
    chosen = (rows["class"] == DRONES) == (weapon == "drones")
    counted, base = _daily(rows[chosen], "launched", days.index), days[f"{weapon}_launched"]
    return counted.where(base.notna() & (days["drones_basis"] != "published"), base)


def roll_evening_reports(rows: pd.DataFrame) -> pd.DataFrame:
    """A report that begins and ends after 17:00 of one date belongs to the night that follows."""
    evening = (rows["start_minute"] >= EVENING) & (rows["end_minute"] >= EVENING) & _one_date(rows)
    return rows.assign(day=rows["day"].mask(evening, rows["day"] + pd.Timedelta(days=1)))


def drop_daytime_reports(rows: pd.DataFrame) -> pd.DataFrame:
    """Daytime reports are left out: windows of one date that begin from 07:00 to 16:59."""
    return rows[~(rows["start_minute"].between(MORNING, EVENING - 1) & _one_date(rows))]


def _one_date(rows: pd.DataFrame) -> pd.Series:
    return (rows["start_day"] == rows["end_day"]) & rows["end_minute"].notna()


def keep_strategic_missiles(rows: pd.DataFrame) -> pd.DataFrame:
    """Only missiles of rows that name X-101/X-555, Kalibr or Iskander-K, alone or with others."""
    named = rows["model"].map(lambda label: bool(STRATEGIC & set(label.split(" and "))))
    return rows[named.astype(bool)]


def fill_unresolved_night(variants: pd.DataFrame) -> pd.DataFrame:
    """2025-04-07 is set to 84 drones, what that month lacks against its published total."""
    column = variants["drones_2025_04_07_is_84"]
    shortfall = pd.Series({pd.Timestamp(day): float(drones) for day, drones in SHORTFALL.items()})
    return variants.assign(drones_2025_04_07_is_84=column.fillna(shortfall))


def _notes(days: pd.DataFrame, others: pd.DataFrame) -> Iterator[str]:
    """What a reader of the build should know beside the rules."""
    rows = others["issuer"].value_counts()
    if len(rows):
        yield "not national, left out: " + ", ".join(f"{issuer} ({rows[issuer]} rows)" for issuer in rows.index)
    silent = days.index[days["drones_basis"] == "missing"].strftime("%Y-%m-%d")
    open_days = [day for day in silent if day not in MISSING_REPORTS]
    if open_days:
        yield f"no drone report and no verdict, left empty: {', '.join(open_days)}"
