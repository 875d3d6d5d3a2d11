"""What was coded under a protocol: hits on energy day by day, large raids, and one newsroom's daily list of events.

By runs of a language model, whose `coder` is a number, or by people, who have names; one coder is enough."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pandas as pd

from analysis.errors import DataError
from analysis.places import parsed
from analysis.tables import load_table, table_definition, wrong_cells

from .kit import Check, Imported, Log, RawFile, Rule, faults_of, read_rows, refuse

NOT_FOUND, NOWHERE = "not_found", "unspecified"  # a report that names no oblast is neither rear nor front
OPTIONAL = ("coder", "asset", "chosen_because_known")  # of raids and list
NAMES = {  # that the tables have for columns of the files
    "strike_day": "day", "ukraine_energy": "ukraine", "russia_energy": "russia", "list_seen_whole": "whole",
    "evidence_url": "address",
}  # fmt: skip
TIERS = (NOT_FOUND, "facility", "general", "minor", "claim", "silent")  # from the highest, what was not found aside
CONFIDENCE = ("high", "medium", "low")
EVENT_KEY = ["day", "oblast", "url", "asset", "weapon", "found_via", "coder"]
TABLES = ("energy_coded", "energy_coded_events", "energy_coded")  # of days, claims of hits, and days coded again
WINTER, PLAN = "coding/winter-2025-26", "plans/cold-week-energy-2026-01.toml"  # a longer coding, and its plan
UNUSED = ("events_coder_2.csv", "again_events_coder_2.csv")  # the check is one of days
RUNS_BEFORE = 5  # runs of the first coding: those of the winter are numbered on


def _checks(rows: pd.DataFrame, table: str) -> Iterator[Check]:
    """What every coded file is checked for: the words that the dictionary has for the table, and an address."""
    day, code, address, note, *_ = table_definition(table)["coded"]
    fields = {field["name"]: field for field in table_definition(table)["fields"]}
    for column in rows.columns.drop("rear_or_front", errors="ignore"):
        field, text = fields.get(NAMES.get(column, column), {"type": ""}), rows[column].mask(rows[column] == "")
        limits = field.get("constraints", {})
        filled = limits.get("required", "enum" in limits) and column != address
        if field["type"] == "boolean":  # True and False in the table
            field, limits = {"type": "integer"}, {"minimum": 0, "maximum": 1}
        for expected, wrong in wrong_cells(text, field | {"constraints": limits | {"required": filled}}):
            yield Check(column, wrong, "not a day" if column == day else "not in the protocol", expected)
    if table != "energy_coded_events":
        yield Check(day, rows[day].duplicated(), "day twice", "one row a day")
    bare = (rows[code] != NOT_FOUND) & ~rows[address].str.startswith("http")
    told = (rows[note] != "") & (table in ("energy_raids", "energy_digest"))
    yield Check(address, bare & ~told, "address missing", "an address for every finding, of raids and list or a note")


# Days and claims of hits


def build_days(files: Sequence[RawFile], folder: Path) -> Imported:
    """Coded days and claims of hits, from files of one row a strike day, one row a claim, and days coded again."""
    log = Log()
    forms = [table_definition(table)["coded"] for table in TABLES]
    frames = _with_second([read_rows(raw, form)[0] for raw, form in zip(files, forms, strict=False)], n=3)
    side = load_table("oblasts", folder=folder).set_index("oblast")["rear_or_front"]
    refuse(files[0].name, _coded_faults([raw.name for raw in files], frames, side))
    frames, inputs, notes = join_winter(frames, folder, log)
    refuse("energy_coded", _coded_faults(["days.csv", "events.csv", "double_coding.csv"], frames, side))
    days, events, again = frames
    nowhere, assigned = events["oblast"] == NOWHERE, events["found_via"] == "assigned"
    events = events.assign(rear_or_front=events["rear_or_front"].mask(nowhere, NOWHERE))
    second = again.set_index(pd.DatetimeIndex(again["day"]))[["coder", "code"]].add_prefix("second_")
    table = days.sort_values("day", ignore_index=True)
    for column, rows in {
        "rear_oblasts": assigned & (events["rear_or_front"] == "rear"),
        "front_oblasts": assigned & (events["rear_or_front"] == "front"),
        "kyiv_city": assigned & (events["oblast"] == "Kyiv City"),
        "rear_oblasts_any_find": events["rear_or_front"] == "rear",
    }.items():
        counts = table["day"].map(events[rows].groupby("day")["oblast"].nunique())
        table[column] = counts.mask(counts.isna() & (table["code"] != NOT_FOUND), 0)
    table = table.assign(day=pd.to_datetime(table["day"])).join(second, on="day")
    empty = table["rear_oblasts"].isna()
    _log_rows(log, "count_assigned_finds_only", events[~assigned])
    _log_rows(log, "leave_out_unspecified_places", events[nowhere])
    _log_rows(log, "leave_days_not_found_open", table[empty])
    notes = [f"energy_coded: nothing found on {empty.sum()} of {len(table)} days ({empty.mean():.0%})", *notes]
    made = {"energy_coded": table, "energy_coded_events": events.sort_values(EVENT_KEY)}
    source = {"producer": who_coded(frames), "state": f"{len(days)} days coded, {len(again)} of them twice"}
    return Imported(made, log, source, notes, inputs)


def _coded_faults(names: Sequence[str], frames: Sequence[pd.DataFrame], side: pd.Series) -> Iterator[DataError]:
    """Every fault of days, events, and days coded again; `side`: rear or front, by oblast."""
    days, events, _ = frames
    yes, assigned, oblast = days["code"] == "yes", events["found_via"] == "assigned", events["oblast"]
    other = oblast.isin(side.index) & (events["rear_or_front"] != oblast.map(side))
    stray = assigned & ~events["day"].isin(days["day"][yes])
    without = yes & ~days["day"].isin(events["day"][assigned])
    own = [
        [Check("day", without, "coded yes without an event", "an event in the other file")],
        [
            Check("url", events.duplicated(EVENT_KEY), "claim twice", "one row a claim"),
            Check("oblast", ~oblast.isin([*side.index, NOWHERE]), "not an oblast", f"one of oblasts.csv, or {NOWHERE}"),
            Check("rear_or_front", other, "not as in oblasts.csv", "rear or front, as in oblasts.csv"),
            Check("day", stray, "a hit on a day not coded yes", "a day coded yes"),
        ],
        [Check("day", ~frames[2]["day"].isin(days["day"]), "day not coded a first time", f"a day of {names[0]}")],
    ]
    for name, table, rows, checks in zip(names, TABLES, frames, own, strict=False):
        yield from faults_of(name, rows, [*_checks(rows, table), *checks])


def join_winter(frames: list[pd.DataFrame], folder: Path, log: Log) -> tuple[list[pd.DataFrame], list[RawFile], list]:
    """The coding with the winter's days, files and notes, where runs of a model made both and it lies in the folder."""
    days, events, again = frames
    paths = [path for path in sorted((folder / WINTER).glob("*.csv")) if path.name not in UNUSED]
    if not paths or not days["coder"].str.isdigit().all():
        return frames, [], []
    raws, files = [RawFile(path.name, path.read_bytes()) for path in paths], {}
    for raw in raws:
        rows = read_rows(raw, (events if "events" in raw.name else days).columns)[0].sort_values("day", kind="stable")
        if "coder_" in raw.name:
            rows["coder"] = (rows["coder"].astype(int) + RUNS_BEFORE).astype(str)
        files[raw.name.removesuffix(".csv")] = rows.replace({"found_via": {"query": "assigned"}})
    unread = days["day"][days["code"] == NOT_FOUND]
    winter, asked, recoded = files["days_coder_1"], files["again_coder_1"], files["recoded_days"]
    winter, asked = winter[~winter["day"].isin(days["day"])], asked[asked["day"].isin(unread)]
    recoded = recoded[recoded["day"].isin(days["day"])]
    counted = pd.concat([winter, asked, recoded])["day"]

    claims = pd.concat([files["events_coder_1"], files["again_events_coder_1"], files["recoded_events"]])
    claims = claims[claims["day"].isin(counted) | (claims["found_via"] == "other")]
    twice, winter_twice = (files[name][files[name]["day"].isin(counted)] for name in ("again_coder_2", "days_coder_2"))
    _log_rows(log, "add_the_longer_coding", winter)
    _log_rows(log, "ask_again_where_nothing_was_found", asked)
    _log_rows(log, "recode_by_the_protocol", recoded)
    _log_rows(log, "count_a_claim_once", claims[claims.duplicated(EVENT_KEY)])
    joined = [
        pd.concat([recoded, asked, days, winter]).drop_duplicates("day", ignore_index=True),
        pd.concat([events, claims]).drop_duplicates(EVENT_KEY, ignore_index=True),
        pd.concat([twice, again, winter_twice]).drop_duplicates("day", ignore_index=True),
    ]
    fixed = parsed(PLAN, (folder / PLAN).read_bytes())["test"].items()
    return joined, raws, [f"test fixed before these data ({PLAN}), {part}: {text}" for part, text in fixed]


def _log_rows(log: Log, name: str, rows: pd.DataFrame) -> None:
    days = rows["day"].astype(str).str[:10].drop_duplicates()
    log.append(Rule(name, len(rows), list(days.head(3)), list(days)))


def _with_second(frames: list[pd.DataFrame], n: int = 2) -> list[pd.DataFrame]:
    """The frames, and an empty one where nobody coded a second time."""
    return [*frames, frames[0].iloc[:0]][:n]


def who_coded(frames: Sequence[pd.DataFrame]) -> str:
    """Who coded: runs of a model have numbers, people have names."""
    names = pd.concat([rows["coder"] for rows in frames]).unique()
    runs, people = sum(map(str.isdigit, names)), sorted(name for name in names if not name.isdigit())
    model = f"{runs} independent runs of a language model under a fixed protocol, not yet checked by people"
    return "; ".join(filter(None, [model if runs else "", f"coded by people: {', '.join(people)}" if people else ""]))


# Raids, and the daily list: one file a coder


def build_raids(files: Sequence[RawFile], folder: Path) -> Imported:
    """One row a raid: where two coders differ the lower tier counts, and what one of them found counts as found."""
    frames, log = _read_coders(files, "energy_raids"), Log()
    one = frames[0].sort_index()
    two = _with_second(frames)[1].reindex(one.index)
    if len(files) > 1:
        size, again = ["drones", "missiles"], frames[1].reset_index().set_index("row")
        wrong = (one[size].reindex(again["day"]).to_numpy() != again[size]).any(axis=1)
        expected = f"a raid of {files[0].name}, with its drones and missiles"
        check = Check("day", wrong, "not a raid of the first coder", expected, again["day"].astype(str))
        refuse(files[1].name, faults_of(files[1].name, again, [check]))
    lower = two["code"].map(TIERS.index, na_action="ignore") > one["code"].map(TIERS.index)
    unsure = two["confidence"].map(CONFIDENCE.index, na_action="ignore") > one["confidence"].map(CONFIDENCE.index)
    addresses = (one["evidence_urls"] + "|" + two["evidence_urls"].fillna("")).str.strip("|").str.split("|")
    table = one[["drones", "missiles"]].apply(pd.to_numeric)
    table = table.assign(
        code=one["code"].mask(lower, two["code"]),
        agreed=(one["code"] == two["code"]).astype("boolean").mask(two["code"].isna()),
        code_1=one["code"],
        code_2=two["code"],
        targets=one["targets"].mask(lower, two["targets"]),
        addresses=addresses.map(lambda each: "|".join(dict.fromkeys(each))),
        confidence=one["confidence"].mask(unsure, two["confidence"]),
    )
    log.days("take_the_lower_tier", table.index[~table["agreed"].fillna(True).astype(bool)])
    log.days("leave_raids_not_found_open", table.index[table["code"] == NOT_FOUND])
    return _coded_twice("energy_raids", table, log, frames)


def build_digest(files: Sequence[RawFile], folder: Path) -> Imported:
    """One row a day: the codes of the first coder, who knew of no pause, and beside them the second's."""
    frames, log = _read_coders(files, "energy_digest"), Log()
    days = frames[0].index.union(frames[-1].index)
    one, two = (rows.reindex(days) for rows in _with_second(frames))
    read = [own["ukraine"].notna() & (own["ukraine"] != NOT_FOUND) for own in (one, two)]
    told = one.where(read[0], two)
    table = told[["oblasts", "asset", "address"]].assign(
        ukraine=one["ukraine"],
        russia=one["russia"],
        mod_claims=pd.to_numeric(told["mod_claims"]),
        whole=told["whole"].map({"1": True, "0": False}).astype("boolean"),
        ukraine_2=two["ukraine"],
        russia_2=two["russia"],
        agreed=(one["ukraine"] == two["ukraine"]).astype("boolean").where(read[0] & read[1]),
        chosen_because_known=(one["chosen_because_known"] == "1") | (two["chosen_because_known"] == "1"),
    )
    log.days("take_the_coder_who_knew_of_no_pause", table.index[table["ukraine"].isna()])
    log.days("leave_days_not_found_open", table.index[~(read[0] | read[1])])
    log.days("mark_days_chosen_because_known", table.index[table["chosen_because_known"]])
    return _coded_twice("energy_digest", table, log, frames)


def _read_coders(files: Sequence[RawFile], table: str) -> list[pd.DataFrame]:
    """The rows of each coder by day; a coder without a name has the number of the file."""
    frames = []
    for number, raw in enumerate(files, 1):
        rows = read_rows(raw, table_definition(table)["coded"], optional=OPTIONAL)[0]
        rows = rows.replace({"coder": {"": str(number)}, "chosen_because_known": {"": "0"}})
        refuse(raw.name, faults_of(raw.name, rows, _checks(rows, table)))
        rows = rows.rename(columns=NAMES).assign(row=rows.index)
        frames.append(rows.set_index(pd.DatetimeIndex(rows.pop("day"))))
    return frames


def _coded_twice(name: str, table: pd.DataFrame, log: Log, frames: Sequence[pd.DataFrame]) -> Imported:
    state = f"{len(table)} days coded, {table['agreed'].notna().sum()} of them by two"
    return Imported({name: table.reset_index()}, log, {"producer": who_coded(frames), "state": state})
