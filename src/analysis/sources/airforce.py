"""The Air Force's reports: from one row a weapon and attack to launched and neutralised by strike day.

Raw file: `missile_attacks_daily.csv` of "Massive Missile Attacks on Ukraine", any copy from 2023 on. Each rule is
a function from frame to frame that says in its first line what it does; the build stores the rows it touched.
"""

from functools import partial
from pathlib import Path

import pandas as pd

from analysis.errors import DataError
from analysis.sources.daycounts import DRONES, MISSING_REPORTS, count_by_day, derive_variants, judge_days
from analysis.sources.imported import Imported, Source, follow, record
from analysis.sources.rawfile import RawFile, find_fault, read_rows, refuse
from analysis.tablechecks import table_faults
from analysis.tables import parse_table, table_definition

REQUIRED = ("time_start", "time_end", "model", "launch_place", "target", "launched", "destroyed", "source")
KEY = ["time_start", "time_end", "model", "source", "target", "launch_place"]
COUNTS = ("launched", "destroyed", "not_reach_goal")
MOST, FIRST_DAY = 10_000, pd.Timestamp("2022-01-01")
NATIONAL = ("kpszsu", "GeneralStaff.ua", "CinCAFU")  # the last two stand in for the Air Force on five days
ISSUER = r"^(?:https?://)?(?:www\.)?(?:(?:t\.me|facebook\.com)/)?([^/?]+)"
STAMP = r"^(\d{4}-\d{2}-\d{2})(?:[ T](\d{1,2}):(\d{2})(?::\d{2})?)?$"


def import_air_force(path, *, folder, today=None):
    """Read a copy of the raw strike file and derive the tables `strikes` and `strike_variants`.

    Parameters
    ----------
    path : path-like
        The raw CSV file, of any age.
    folder : path-like
        Folder that holds `weapon_classes.csv`.
    today : str or Timestamp, optional
        No report can be dated later; the clock's by default.

    Returns
    -------
    Imported
        Tables with one row a strike day, from the first to the last day of the file; rules with the rows touched.

    Raises
    ------
    DataError
        If the file is not such a copy or holds a row that cannot be understood; all kinds of fault in one message.

    Notes
    -----
    A day is empty, not zero, where its report is missing; where a row of the day lacks its number, the sum that
    needs it is empty too.
    """
    raw, class_map = RawFile.read(path), RawFile.read(Path(folder) / "weapon_classes.csv")
    today = pd.Timestamp(today or pd.Timestamp.now())
    text, notes = read_rows(raw, required=REQUIRED, optional=("not_reach_goal",))
    text, rules = follow(text, [strip_blanks])
    rows, correction = follow(_parse(text, _read_classes(class_map)), [correct_typo_of_2024_12_28])
    refuse(_faults(text, rows, raw.name, today), file=raw.name)

    strikes, choice = follow(rows, [date_by_end, keep_long_range_weapons, restore_misfiled_reports])
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
        sources=(Source.of("air_force", state=f"copy whose last report is dated {index[-1]:%Y-%m-%d}"),),
        inputs=(raw, class_map),
        notes=(*notes, *_notes(days, others)),
    )


def _read_classes(raw):
    """The map of labels; users edit it, so it is checked like a raw file."""
    faults = table_faults("weapon_classes", {raw.name: raw.content}, table_definition("weapon_classes"))
    refuse(faults, file=raw.name)
    return parse_table("weapon_classes", raw.content).set_index("model")


def _parse(text, classes):
    """Typed rows; what cannot be read becomes empty and is found by `_faults`."""
    rows = text[["model", "target"]].copy()
    for count in COUNTS:
        rows[count] = pd.to_numeric(text[count], errors="coerce")
    for end in ("start", "end"):
        rows[f"{end}_day"], rows[f"{end}_minute"] = _moment(text[f"time_{end}"])
    rows["day"] = rows["start_day"]
    rows["issuer"] = text["source"].str.extract(ISSUER, expand=False)
    rows["class"] = rows["model"].map(classes["class"])
    rows["long_range"] = rows["model"].map(classes["is_long_range_strike"]) == 1
    return rows


def _moment(stamps):
    """Day, and minute after midnight (empty for a bare date); a clock beyond 23:59 voids the day."""
    parts = stamps.str.extract(STAMP)
    hour, minute = parts[1].astype(float), parts[2].astype(float)
    day = pd.to_datetime(parts[0], format="%Y-%m-%d", errors="coerce").astype("datetime64[us]")
    return day.mask((hour > 23) | (minute > 59)), 60 * hour + minute


def _faults(text, rows, file, today):
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
    # A bare date stands for the whole day.
    start = rows["start_day"] + pd.to_timedelta(rows["start_minute"].fillna(0), unit="min")
    end = rows["end_day"] + pd.to_timedelta(rows["end_minute"].fillna(24 * 60), unit="min")
    span = text["time_start"] + " to " + text["time_end"]
    yield find("time_end", end < start, "ends before it starts", "time_start or later", found=span)
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


def strip_blanks(text):
    """Blanks around and repeated inside cells are removed."""
    return text.apply(lambda column: column.str.split().str.join(" "))


def correct_typo_of_2024_12_28(rows):
    """2024-12-28: of 16 drones 15 were shot down, so 1 was lost, not 11."""
    wrong = (rows["end_day"] == "2024-12-28") & (rows["class"] == DRONES) & (rows["launched"] == 16)
    wrong &= (rows["destroyed"] == 15) & (rows["not_reach_goal"] == 11)
    return rows.assign(not_reach_goal=rows["not_reach_goal"].mask(wrong, 1))


def date_by_end(rows):
    """A report counts for the day on which its window ends (listed: windows that span midnight)."""
    return rows.assign(day=rows["end_day"])


def keep_long_range_weapons(rows):
    """Front-line and reconnaissance weapons are left out: they are kills, not launches."""
    return rows[rows["long_range"]]


def restore_misfiled_reports(rows):
    """Rows of a regional command with target Ukraine and clock times are the national report (2025-10-01)."""
    regional = rows["issuer"].str.lower().str.startswith("pvk") & (rows["target"] == "Ukraine")
    clock = rows["start_minute"].notna() & rows["end_minute"].notna()
    return rows.assign(issuer=rows["issuer"].mask(regional & clock, NATIONAL[0]))


def keep_national_reports(rows):
    """Regional commands and third parties are left out: they count the same raid again, or kills only."""
    return rows[rows["issuer"].isin(NATIONAL)]


def _notes(days, others):
    """What a reader of the build should know beside the rules."""
    rows = others["issuer"].value_counts()
    if len(rows):
        yield "not national, left out: " + ", ".join(f"{issuer} ({rows[issuer]} rows)" for issuer in rows.index)
    silent = days.index[days["drones_basis"] == "missing"].strftime("%Y-%m-%d")
    open_days = [day for day in silent if day not in MISSING_REPORTS]
    if open_days:
        yield f"no drone report and no verdict, left empty: {', '.join(open_days)}"
