"""The Air Force's reports: from one row a weapon and attack to launched and neutralised by strike day.

Raw file: `missile_attacks_daily.csv` of "Massive Missile Attacks on Ukraine", any copy from 2023 on. Each rule is
a function from frame to frame that says in its first line what it does; the build stores the rows it touched.
"""

from pathlib import Path

import pandas as pd

from analysis.errors import DataError
from analysis.sources.daycounts import DRONES, MISSING_REPORTS, count_by_day, derive_variants, judge_days
from analysis.sources.imported import Imported, Input, Source, follow, record, refuse
from analysis.sources.rawfile import read_bytes, read_rows
from analysis.tablechecks import table_faults
from analysis.tables import parse_table, table_definition

REQUIRED = ("time_start", "time_end", "model", "launch_place", "target", "launched", "destroyed", "source")
KEY = ["time_start", "time_end", "model", "source", "target", "launch_place"]
COUNTS = ("launched", "destroyed", "not_reach_goal")
MOST, FIRST_DAY = 10_000, pd.Timestamp("2022-01-01")
NATIONAL = ("kpszsu", "GeneralStaff.ua", "CinCAFU")  # the last two stand in for the Air Force on five days
ISSUER = r"^(?:https?://)?(?:www\.)?(?:(?:t\.me|facebook\.com)/)?([^/?]+)"
STAMP = r"^(\d{4}-\d{2}-\d{2})(?:[ T](\d{1,2}):(\d{2})(?::\d{2})?)?$"

SOURCE = {
    "title": "Massive Missile Attacks on Ukraine",
    "producer": "Petro Ivaniuk (piterfm), from posts of the Ukrainian Air Force Command, regional commands and the "
    "General Staff",
    "citation": "Ivaniuk, P. Massive Missile Attacks on Ukraine. Kaggle. Figures: Air Force Command of Ukraine.",
    "address": "https://www.kaggle.com/datasets/piterfm/massive-missile-attacks-on-ukraine",
    "licence": "see the data set's page; the raw file is not republished here",
}


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
    path, today = Path(path), pd.Timestamp(today or pd.Timestamp.now())
    classes, class_map = _read_classes(Path(folder))
    content = read_bytes(path)
    text, notes = read_rows(content, path.name, required=REQUIRED, optional=("not_reach_goal",))
    text, rules = follow(text, [strip_blanks])
    rows, correction = follow(_parse(text, classes), [correct_typo_of_2024_12_28])
    refuse(_faults(text, rows, path.name, today), file=path.name)

    strikes, choice = follow(rows, [date_by_end, keep_long_range_weapons, restore_misfiled_reports])
    national, selection = follow(strikes, [keep_national_reports])
    others = strikes.drop(national.index)
    index = pd.date_range(rows["end_day"].min(), rows["end_day"].max(), name="day", unit="us")
    unnumbered = national[national["launched"].isna() | national["destroyed"].isna()]
    incomplete = record("leave_incomplete_sums_empty", "A sum with an unknown part is unknown.", unnumbered)
    days, verdicts = judge_days(count_by_day(national, others, index))
    variants, variation = derive_variants(national, others, days)
    return Imported(
        tables={"strikes": _as_table(days, "strikes"), "strike_variants": _as_table(variants, "strike_variants")},
        rules=(*rules, *correction, *choice, *selection, incomplete, *verdicts, *variation),
        sources=(Source(**SOURCE, state=f"copy whose last report is dated {index[-1]:%Y-%m-%d}"),),
        inputs=(Input.of(path.name, content), Input.of("weapon_classes.csv", class_map)),
        notes=(*notes, *_notes(days, others)),
    )


def _read_classes(folder):
    content = read_bytes(folder / "weapon_classes.csv")
    definition = table_definition("weapon_classes")
    refuse(table_faults("weapon_classes", {"weapon_classes.csv": content}, definition), file="weapon_classes.csv")
    return parse_table("weapon_classes", content).set_index("model"), content


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
    faults, fix = [], "correct the row"

    def find(field, wrong, problem, expected, found, remedy=fix):
        if wrong.any():
            at, shown = rows.index[wrong], ", ".join(map(repr, found[wrong].drop_duplicates().head(3)))
            fault = DataError(problem, file=file, field=field, rows=at, expected=expected, found=shown, remedy=remedy)
            faults.append(fault)

    for count in COUNTS:
        stated = ~text[count].str.lower().isin(["", "nan"])
        whole = (rows[count] % 1 == 0) & rows[count].between(0, MOST)
        find(count, stated & ~whole, "not a count", f"a whole number from 0 to {MOST}, or nothing", text[count])
    for end in ("start", "end"):
        day, stamp = rows[f"{end}_day"], text[f"time_{end}"]
        find(f"time_{end}", day.isna(), "not a time", "YYYY-MM-DD or YYYY-MM-DD HH:MM", stamp)
        outside = (day < FIRST_DAY) | (day > today + pd.Timedelta(days=1))  # the clock may be west of Kyiv
        find(f"time_{end}", outside, "impossible date", f"from {FIRST_DAY:%Y-%m-%d} to {today:%Y-%m-%d}", stamp)
    # A bare date stands for the whole day.
    start = rows["start_day"] + pd.to_timedelta(rows["start_minute"].fillna(0), unit="min")
    end = rows["end_day"] + pd.to_timedelta(rows["end_minute"].fillna(24 * 60), unit="min")
    span = text["time_start"] + " to " + text["time_end"]
    find("time_end", end < start, "ends before it starts", "time_start or later", span)
    launched, destroyed = rows["launched"].where(rows["launched"] >= 0), rows["destroyed"].fillna(0)
    sums = text["destroyed"] + " + " + text["not_reach_goal"] + " of " + text["launched"]
    find("destroyed", destroyed > launched, "more destroyed than launched", "at most launched", sums)
    over = (destroyed + rows["not_reach_goal"].fillna(0) > launched) & ~(destroyed > launched)
    find("not_reach_goal", over, "more destroyed or lost than launched", "at most launched", sums)
    model, remedy = text["model"], "add it to data/weapon_classes.csv"
    find("model", rows["class"].isna(), "unknown weapon label", "a label of weapon_classes.csv", model, remedy)
    find("source", rows["issuer"].isna(), "no source", "the post that reports it", text["source"])
    find(", ".join(KEY), text.duplicated(KEY), "row repeated", "each row once", span, "remove the copy")
    if not rows["issuer"].isin(NATIONAL).any():
        expected, found = f"posts of {', '.join(NATIONAL)}", ", ".join(rows["issuer"].dropna().unique()[:5])
        problem, remedy = "no national report", "take a copy of the data set named in data/README.md"
        fault = DataError(problem, file=file, field="source", expected=expected, found=found, remedy=remedy)
        faults.append(fault)
    return faults


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


def _as_table(days, name):
    fields = table_definition(name)["fields"]
    counts = [field["name"] for field in fields if field["type"] == "integer"]
    return days.astype(dict.fromkeys(counts, "Int64")).reset_index()[[field["name"] for field in fields]]


def _notes(days, others):
    """What a reader of the build should know beside the rules."""
    rows = others["issuer"].value_counts()
    if len(rows):
        yield "not national, left out: " + ", ".join(f"{issuer} ({rows[issuer]} rows)" for issuer in rows.index)
    silent = days.index[days["drones_basis"] == "missing"].strftime("%Y-%m-%d")
    open_days = [day for day in silent if day not in MISSING_REPORTS]
    if open_days:
        yield f"no drone report and no verdict, left empty: {', '.join(open_days)}"
